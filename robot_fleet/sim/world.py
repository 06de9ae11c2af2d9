"""A store floor with simulated robots on it: what truly happens, and what truly gets clean."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from robot_fleet.fleet.commands import Command
from robot_fleet.fleet.coverage import CoverageRecord
from robot_fleet.fleet.events import Event
from robot_fleet.floor.pose import Pose, wrap_angle
from robot_fleet.floor.store import RobotSpec, Store
from robot_fleet.sim.contact import OBSTACLE, Collision, ObstacleTouch, robots_touch
from robot_fleet.sim.realism import PERFECT, Realism
from robot_fleet.sim.robot import SimulatedRobot
from robot_fleet.sim.tracked import DrivenElsewhere

STEP_S = 0.05
_TRACK_S = 0.25
_SWEEP_M = 0.04
_SWEEP_RAD = 0.05


class World:
    """All robots of a store, or those named, in their docks at time 0. It moves on by `step` alone.

    With `motions` the robots' bodies are somewhere else, and this is the record of what happens there.
    `truth` holds the free floor that running heads have passed over, `collisions` every touch when it began, `scrubbed_m2` what
    each robot's head has passed over, floor that it passed twice counted twice.
    """

    def __init__(
        self,
        store: Store,
        realism: Realism = PERFECT,
        seed: int = 0,
        names: Iterable[str] | None = None,
        start_s: float = 0.0,
        motions: Callable[[RobotSpec], DrivenElsewhere] | None = None,
    ) -> None:
        self.store = store
        self.now_s = start_s
        chosen = {robot.name for robot in store.robots} if names is None else set(names)
        seeds = np.random.SeedSequence(seed).spawn(len(store.robots))
        self.robots = {
            spec.name: SimulatedRobot(
                spec,
                store.floor.dock(spec.dock),
                np.random.default_rng(own),
                realism,
                motion=motions(spec) if motions else None,
            )
            for spec, own in zip(store.robots, seeds, strict=True)
            if spec.name in chosen
        }
        self.truth = CoverageRecord(store.floor.grid, store.floor.grid.free)
        self.scrubbed_m2 = dict.fromkeys(self.robots, 0.0)
        self.collisions: list[Collision] = []
        self._obstacles = ObstacleTouch(store.floor)
        self._room_m = dict.fromkeys(self.robots, 0.0)
        self._touching: set[tuple[str, str]] = set()
        self._swept_from = {name: robot.pose for name, robot in self.robots.items()}
        self._tracks = {name: [(start_s, robot.pose.x_m, robot.pose.y_m)] for name, robot in self.robots.items()}

    @property
    def tracks(self) -> dict[str, NDArray[np.float64]]:
        """Each robot's true way so far, (n, 3): seconds, x, y."""
        return {name: np.array(track) for name, track in self._tracks.items()}

    def copied_tracks(self) -> dict[str, list[tuple[float, float, float]]]:
        """The same as lists, which is quicker: for who may not wait."""
        return {name: list(track) for name, track in self._tracks.items()}

    def touches_robot(self, name: str) -> bool:
        """Whether the robot and another touch now, whichever of them drove into the other."""
        return any(name in pair and OBSTACLE not in pair for pair in self._touching)

    @property
    def distance_m(self) -> dict[str, float]:
        """How far each robot has driven."""
        return {name: robot.motion.driven_m for name, robot in self.robots.items()}

    def step(self, dt_s: float = STEP_S) -> list[Event]:
        """Lets so many seconds pass; what the robots reported meanwhile, in the order in which it arrives."""
        self.now_s += dt_s
        reported: list[Event] = []
        moved: set[str] = set()
        for name, robot in self.robots.items():
            before, cleaned = robot.pose, robot.head_on
            reported += robot.step(dt_s, self.now_s)
            if robot.pose is not before:
                moved.add(name)
                self._after_move(robot, before, cleaned)
        if moved:
            self._look_for_touching_robots(moved)
        return reported

    def set_clock(self, now_s: float) -> None:
        """Goes on from another time: the clock that this world follows was first heard, or was set back."""
        self.now_s = now_s

    def look_around(self) -> None:
        """Has every robot find out where it is: the world in which their bodies are has come, or come anew."""
        for name, robot in self.robots.items():
            robot.look_around(self.store.floor.dock(robot.spec.dock))
            self._swept_from[name] = robot.pose
            self._room_m[name] = 0.0

    def settle(self) -> None:
        """Counts the last centimetres under every running head into `truth`; call it before reading."""
        for robot in self.robots.values():
            self._sweep(robot)

    def command(self, command: Command) -> None:
        """Hands a command to its robot; nothing happens when there is no such robot."""
        robot = self.robots.get(command.robot)
        if robot is not None:
            self._sweep(robot)
            robot.command(command, self.now_s)

    def press_e_stop(self, name: str) -> None:
        """Somebody presses the robot's e-stop button."""
        self._sweep(self.robots[name])
        self.robots[name].press_e_stop(self.now_s)

    def release(self, name: str) -> None:
        """Somebody pulls the button out again, or frees a robot that touched something."""
        self.robots[name].release(self.now_s)

    def kill(self, name: str) -> None:
        """The robot's power fails."""
        self._sweep(self.robots[name])
        self.robots[name].kill()

    def _after_move(self, robot: SimulatedRobot, before: Pose, cleaned: bool) -> None:
        if cleaned:
            start = self._swept_from[robot.name]
            turned = abs(wrap_angle(robot.pose.yaw_rad - start.yaw_rad))
            if turned > _SWEEP_RAD or robot.pose.distance_m(start) > _SWEEP_M or not robot.head_on:
                self._sweep(robot, cleaned)
        else:
            self._swept_from[robot.name] = robot.pose
        track = self._tracks[robot.name]
        if self.now_s - track[-1][0] >= _TRACK_S:
            track.append((self.now_s, robot.pose.x_m, robot.pose.y_m))
        self._look_for_obstacles(robot, before)

    def _sweep(self, robot: SimulatedRobot, cleaned: bool | None = None) -> None:
        start, self._swept_from[robot.name] = self._swept_from[robot.name], robot.pose
        if start is not robot.pose and (robot.head_on if cleaned is None else cleaned):
            head = robot.spec.profile.head
            self.truth.credit(robot.name, head, start, robot.pose)
            self.scrubbed_m2[robot.name] += head.width_m * robot.pose.distance_m(start)

    def _look_for_obstacles(self, robot: SimulatedRobot, before: Pose) -> None:
        footprint, pose = robot.spec.profile.footprint, robot.pose
        turned_m = 0.0
        if not footprint.is_disc:
            turned_m = abs(wrap_angle(pose.yaw_rad - before.yaw_rad)) * footprint.circumscribed_m
        self._room_m[robot.name] -= pose.distance_m(before) + turned_m
        if self._room_m[robot.name] < 0.0:
            self._room_m[robot.name] = self._obstacles.room_m(footprint, pose)
            self._note_touch(robot, OBSTACLE, self._room_m[robot.name] < 0.0)

    def _look_for_touching_robots(self, moved: set[str]) -> None:
        for one, other in combinations(self.robots.values(), 2):
            if one.name in moved or other.name in moved:
                touch = robots_touch(one.spec.profile.footprint, one.pose, other.spec.profile.footprint, other.pose)
                for robot, met in ((one, other), (other, one)):
                    if robot.name in moved or (robot.name, met.name) in self._touching:
                        self._note_touch(robot, met.name, touch)

    def _note_touch(self, robot: SimulatedRobot, other: str, touches: bool) -> None:
        pair = (robot.name, other)
        if not touches:
            self._touching.discard(pair)
        elif pair not in self._touching:
            self._touching.add(pair)
            self.collisions.append(Collision(self.now_s, robot.name, other, robot.pose))
            robot.touch(self.now_s)
