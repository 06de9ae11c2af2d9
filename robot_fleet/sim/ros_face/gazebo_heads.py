"""Cleaning heads, batteries and safety status of Gazebo's robots that run their own Nav2, and the record of what gets clean."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node

from robot_fleet.floor.store import RobotSpec, Store
from robot_fleet.sim.realism import PERFECT
from robot_fleet.sim.robot import SimulatedRobot
from robot_fleet.sim.ros_face.face import RobotFace
from robot_fleet.sim.ros_face.reporter import Reporter
from robot_fleet.sim.tracked import Body, ObservedMotion
from robot_fleet.sim.world import STEP_S, World

_DOCKED_M = 0.15
"""A docking server's tolerance, and what charging contacts forgive."""


class GazeboHeads:
    """One node for each robot with its head, battery and status; poses, goals and wheels are its own Nav2's."""

    def __init__(
        self,
        store: Store,
        bodies: Mapping[str, Body],
        executor: SingleThreadedExecutor,
        context: Context,
        report: Path | None,
    ) -> None:
        def motion(spec: RobotSpec) -> ObservedMotion:
            return ObservedMotion(bodies[spec.name])

        self.world = World(store, PERFECT, motions=motion)
        self._reporter = Reporter(report, self.world)
        self._heard = False
        self._faces = {}
        for name, robot in self.world.robots.items():
            node = Node("cleaning_machine", namespace=robot.spec.namespace, context=context, enable_rosout=False)
            executor.add_node(node)
            self._faces[name] = RobotFace(self.world, robot, node, drives=False)

    def look(self, now_s: float) -> None:
        """Takes in what happened until `now_s` of Gazebo's clock."""
        if not self._heard or now_s < self.world.now_s - STEP_S:
            self._heard = True
            self.world.set_clock(now_s)
            self.world.look_around()
        late_s = now_s - self.world.now_s
        if late_s < STEP_S - 1e-6:
            return
        for event in self.world.step(late_s):
            self._faces[event.robot].say(event)  # type: ignore[union-attr]
        for robot in self.world.robots.values():
            self._look_at_dock(robot)
        self._reporter.look()

    def close(self) -> None:
        """Writes the report and ends the nodes."""
        self._reporter.write()
        for face in self._faces.values():
            face.node.destroy_node()

    def _look_at_dock(self, robot: SimulatedRobot) -> None:
        dock = self.world.store.floor.dock(robot.spec.dock)
        robot.docked_at = dock if robot.pose.distance_m(dock.pose) < _DOCKED_M else None
