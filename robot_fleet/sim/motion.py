"""How a robot moves: what its wheels do with a path, without a clock. Time passes only by `step`."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from robot_fleet.floor.pose import Pose
from robot_fleet.floor.profile import RobotProfile
from robot_fleet.sim.rail import Wander, build_rail
from robot_fleet.sim.trajectory import Limits, Trajectory, timed

_STEADY = Wander(0.0, 1.0, limit_m=0.0)


class Motion:
    """One robot's body: its true pose (map frame), its speed, and the path that it is on.

    A new path is driven into without a stop when speed and heading allow it; otherwise the robot first brakes.
    """

    def __init__(self, profile: RobotProfile, pose: Pose, wander: Wander, rng: np.random.Generator) -> None:
        self.pose = pose
        self.speed_mps = 0.0
        self.yaw_rate_rps = 0.0
        self.driven_m = 0.0
        self._limits = Limits.of(profile)
        self._wander = wander
        self._rng = rng
        self._trajectory: Trajectory | None = None
        self._passed_s = 0.0
        self._reverse = False
        self._pending: tuple[NDArray[np.float64], bool, bool] | None = None

    @property
    def at_rest(self) -> bool:
        """Whether the robot stands still and will do so until it gets a path."""
        return self._trajectory is None and self._pending is None

    @property
    def left_m(self) -> float:
        """Metres of the present path that are still to be driven."""
        return self._trajectory.left_m(self._passed_s) if self._trajectory else 0.0

    def follow(self, points: NDArray[np.float64], reverse: bool = False, exact: bool = False) -> None:
        """Takes up a path (n, 2), map frame, metres; `reverse` backwards, `exact` without straying from it."""
        if self._drive_on(points, reverse, exact):
            self._pending = None
            return
        self.brake()
        if self._trajectory is None:
            self._start(points, reverse, exact)
        else:
            self._pending = (points, reverse, exact)

    def brake(self) -> None:
        """Stops as quickly as the robot's acceleration limits allow, along the line that it is on."""
        self._pending = None
        if self._trajectory is not None:
            self._run(self._trajectory.braked(self._passed_s, self._limits))

    def halt(self) -> None:
        """Stops on the spot, whatever the limits: it ran into something, or its drive is dead."""
        self._pending = None
        self._run(None)

    def step(self, dt_s: float) -> None:
        """Lets so many seconds pass."""
        while dt_s > 0.0 and self._trajectory is not None:
            used = min(dt_s, self._trajectory.duration_s - self._passed_s)
            self._passed_s += used
            self._move_to(self._trajectory)
            if self._passed_s < self._trajectory.duration_s - 1e-9:
                return
            dt_s -= used
            self._run(None)
            if self._pending is not None:
                (points, reverse, exact), self._pending = self._pending, None
                self._start(points, reverse, exact)

    def _move_to(self, trajectory: Trajectory) -> None:
        moment = trajectory.at(self._passed_s)
        self.driven_m += math.hypot(moment.pose.x_m - self.pose.x_m, moment.pose.y_m - self.pose.y_m)
        self.pose, self.speed_mps, self.yaw_rate_rps = moment

    def _run(self, trajectory: Trajectory | None) -> None:
        self._trajectory, self._passed_s = trajectory, 0.0
        if trajectory is None:
            self.speed_mps = self.yaw_rate_rps = 0.0

    def _start(self, points: NDArray[np.float64], reverse: bool, exact: bool, speed_mps: float = 0.0) -> bool:
        rail = build_rail(self.pose, points, _STEADY if exact else self._wander, self._rng, reverse)
        trajectory = timed(rail, self._limits, speed_mps) if rail else None
        if speed_mps and trajectory is None:
            return False
        self._reverse = reverse
        self._run(trajectory)
        return True

    def _drive_on(self, points: NDArray[np.float64], reverse: bool, exact: bool) -> bool:
        if self._trajectory is None or reverse != self._reverse or self.speed_mps <= 0.0:
            return False
        return self._start(points, reverse, exact, self.speed_mps)
