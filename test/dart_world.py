"""A generated world in DART, which is Gazebo's own physics engine; its robots are driven as Gazebo's DiffDrive drives them."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from robot_fleet.floor.pose import Pose
from robot_fleet.floor.store import RobotSpec
from robot_fleet.sim.gazebo.dialect import plain
from robot_fleet.sim.gazebo.machine import Wheels

dart = pytest.importorskip("dartpy", reason="no physics here: apt install libgl1, and make setup", exc_type=ImportError)


class DartWorld:
    """Steps as Gazebo would, with the collision detector that Gazebo uses."""

    def __init__(self, file: Path) -> None:
        self.world = dart.utils.SdfParser.readWorld(str(file))
        self.world.getConstraintSolver().setCollisionDetector(dart.collision.OdeCollisionDetector())
        self.step_s = self.world.getTimeStep()
        self.bodies: list[DartBody] = []

    def body(self, spec: RobotSpec, late_s: float = 0.05) -> DartBody:
        """The robot's wheels and its odometry, `late_s` old."""
        body = DartBody(self.world.getSkeleton(plain(spec.name)), spec, round(late_s / self.step_s))
        self.bodies.append(body)
        return body

    def advance(self, seconds: float) -> None:
        """Lets so much time pass."""
        for _ in range(round(seconds / self.step_s)):
            for body in self.bodies:
                body.turn_wheels()
            self.world.step()
            for body in self.bodies:
                body.look()


class DartBody:
    """A `Body` of the tracker's."""

    def __init__(self, skeleton, spec: RobotSpec, late_steps: int) -> None:
        self._wheels = Wheels.of(spec.profile.footprint)
        self._joints = [skeleton.getJoint(f"{side}_wheel_joint") for side in ("left", "right")]
        for joint in self._joints:
            joint.setActuatorType(dart.dynamics.ActuatorType.VELOCITY)
        self._link = skeleton.getBodyNode("base_link")
        # DART's parser leaves the friction out that Gazebo takes from the file: casters glide.
        for caster in ("front_caster", "back_caster"):
            for shape in skeleton.getBodyNode(caster).getShapeNodes():
                if shape.hasDynamicsAspect():
                    shape.getDynamicsAspect().setFrictionCoeff(0.0)
        self._late_steps = late_steps
        self._given = (0.0, 0.0)
        self._seen = [self.truth]
        self.turned_rad = 0.0

    @property
    def truth(self) -> Pose:
        matrix = np.asarray(self._link.getWorldTransform().matrix())
        return Pose(float(matrix[0, 3]), float(matrix[1, 3]), math.atan2(matrix[1, 0], matrix[0, 0]))

    @property
    def height_m(self) -> float:
        return float(np.asarray(self._link.getWorldTransform().matrix())[2, 3])

    @property
    def pose(self) -> Pose:
        return self._seen[0]

    def drive(self, speed_mps: float, yaw_rate_rps: float) -> None:
        self._given = (speed_mps, yaw_rate_rps)

    def turn_wheels(self) -> None:
        speed, turning = self._given[0], self._given[1] * self._wheels.separation_m / 2
        for joint, rim in zip(self._joints, (speed - turning, speed + turning), strict=True):
            joint.setCommand(0, rim / self._wheels.radius_m)

    def look(self) -> None:
        now = self.truth
        self.turned_rad += math.remainder(now.yaw_rad - self._seen[-1].yaw_rad, math.tau)
        self._seen = [*self._seen[-self._late_steps :], now] if self._late_steps else [now]
