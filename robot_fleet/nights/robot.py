"""A simulated robot to which things happen: it answers wrongly, loses its way, drains, and stops before what stands there."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import LineString, Point
from shapely.geometry.base import BaseGeometry

from robot_fleet.fleet.commands import Command, DockAt, Follow, SwitchHead, Undock
from robot_fleet.fleet.events import Event, LegEnded, Outcome, PoseReported
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.store import Dock, RobotSpec
from robot_fleet.nights.faults import Fault
from robot_fleet.sim.motion import Motion
from robot_fleet.sim.realism import Realism
from robot_fleet.sim.robot import SimulatedRobot, _Order, strays

NO_PROGRESS_S = 10.0
"""How long a robot stands before an obstacle until it gives its order up, as Nav2's progress checker does."""

NO_SUCCESS = "no progress"
_KEEPS_OFF_M, _STOPS_AT_M = 0.10, 0.05
_ABORTS_AFTER_S = 3.0
_AT_ONCE = "succeeded at once"


class _PacedMotion(Motion):
    """A body whose time passes at another pace: a robot that is slow, but for its brakes."""

    pace = 1.0
    _brakes = False

    def step(self, dt_s: float) -> None:
        super().step(dt_s if self._brakes else dt_s * self.pace)

    def brake(self) -> None:
        super().brake()
        self._brakes = True

    def _start(self, points: NDArray[np.float64], reverse: bool, exact: bool, speed_mps: float = 0.0) -> bool:
        self._brakes = False
        return super()._start(points, reverse, exact, speed_mps)


class TroubledRobot(SimulatedRobot):
    """A robot with its share of a night's faults. `things` is what stands on the floor; the robot's own sensors see it."""

    def __init__(
        self, spec: RobotSpec, dock: Dock, rng: np.random.Generator, realism: Realism, faults: Sequence[Fault]
    ) -> None:
        super().__init__(spec, dock, rng, realism)
        self.motion: _PacedMotion = _PacedMotion(spec.profile, dock.pose, strays(spec.profile, realism), rng)
        self.things: list[BaseGeometry] = []
        self.off_m = (0.0, 0.0)
        self._faults: dict[str, list[Fault]] = {}
        for fault in faults:
            if fault.robot == spec.name:
                self._faults.setdefault(fault.kind, []).append(fault)
        self._taken_up_s = 0.0
        self._points: NDArray[np.float64] | None = None
        self._stuck_since_s: float | None = None
        self._kept: list[tuple[float, Event]] = []
        self._seen_legs: set[str] = set()
        self._now_s = 0.0

    def suffers(self, kind: str, now_s: float) -> Fault | None:
        """The fault of that kind that goes on now."""
        if kind not in self._faults:
            return None
        return next((fault for fault in self._faults[kind] if fault.lasts(now_s)), None)

    def command(self, command: Command, now_s: float) -> None:
        """Takes a command, or not; an order that is known already changes nothing, as in a real action server."""
        if isinstance(command, Undock | Follow | DockAt):
            if command.leg_id in self._seen_legs or not self.alive:
                return
            self._seen_legs.add(command.leg_id)
            self._taken_up_s, self._points, self._stuck_since_s = now_s, None, None
            if self._answers_itself(command, now_s):
                return
        if isinstance(command, SwitchHead) and command.on and self.suffers("tank full", now_s):
            command = replace(command, on=False)
        if isinstance(command, Follow):
            command = replace(command, points=command.points - np.array(self.off_m))
        super().command(command, now_s)

    def lose_way(self, x_m: float, y_m: float, now_s: float) -> None:
        """From now on it takes itself to be (x, y) further on than it is, and corrects its way by it."""
        moved = np.array([x_m - self.off_m[0], y_m - self.off_m[1]])
        self.off_m = (x_m, y_m)
        if self._order is not None and self._points is not None and not self.motion.at_rest:
            self._points = self._points - moved
            self._parts = deque((points - moved, backs) for points, backs in self._parts)
            goal = self._order.goal
            self._order = replace(self._order, goal=Pose(goal.x_m - moved[0], goal.y_m - moved[1], goal.yaw_rad))
            self._drive_on()

    def latch(self, reason: str, now_s: float) -> None:
        """Brakes and is held for that reason until released."""
        self.motion.brake()
        self._hold(reason, now_s)

    def step(self, dt_s: float, now_s: float) -> list[Event]:
        """Lets so many seconds pass; what it reported meanwhile, or what its faults make of it."""
        self._now_s = now_s
        slow, drain = self.suffers("slow", now_s), self.suffers("battery falls", now_s)
        self.motion.pace = slow.value if slow else 1.0
        if drain and self.docked_at is None:
            self._use_battery(dt_s * drain.value, not self.motion.at_rest)
        if self.things:
            self._look_ahead(now_s)
        if self._order and self.suffers("goals aborted", now_s) and now_s > self._taken_up_s + _ABORTS_AFTER_S:
            self._end(Outcome.ABORTED, now_s, "the controller server failed")
            self.motion.brake()
        if self.head_on and self.suffers("tank full", now_s):
            self._switch_head(False, now_s)
        before = self.pose
        reported = super().step(dt_s, now_s)
        if self.things and self._came_too_near(before):
            # Its safety scanner: with every new order it would else creep a little further.
            self.motion.halt()
            self.motion.pose = before
            if self._parts and self._stuck_since_s is None:
                # The part that it was on is not driven.
                self._stuck_since_s = now_s
        return self._told(reported, now_s) if self.alive else []

    def _answers_itself(self, command: Undock | Follow | DockAt, now_s: float) -> bool:
        """Whether a fault answers the order in the robot's place."""
        answer: tuple[Outcome, str] | None = None
        if self.suffers("goals rejected", now_s):
            answer = Outcome.REJECTED, "the server is not active"
        elif self.suffers(_AT_ONCE, now_s):
            answer = Outcome.SUCCEEDED, _AT_ONCE
        elif isinstance(command, DockAt) and self.suffers("docking fails", now_s):
            answer = Outcome.ABORTED, "the dock was not found"
        if answer:
            self._end(Outcome.ABORTED, now_s, "another order came")
            self.motion.brake()
            self._outbox.append(LegEnded(self.name, now_s, command.leg_id, *answer))
        return answer is not None

    def _told(self, reported: list[Event], now_s: float) -> list[Event]:
        """What leaves the robot: results that are late or come twice, and never those that nobody is told."""
        told: list[Event] = [event for at_s, event in self._kept if at_s <= now_s]
        self._kept = [(at_s, event) for at_s, event in self._kept if at_s > now_s]
        late, twice = self.suffers("answered late", now_s), self.suffers("answered twice", now_s)
        for event in reported:
            if not isinstance(event, LegEnded):
                told.append(event)
                continue
            if self.suffers("never answered", now_s):
                continue
            if late:
                self._kept.append((now_s + late.value, event))
            else:
                told.append(event)
            if twice:
                self._kept.append((now_s + twice.value, event))
        return told

    def _seen_pose(self, now_s: float) -> PoseReported:
        seen = super()._seen_pose(now_s)
        pose, (dx, dy) = seen.pose, self.off_m
        return PoseReported(self.name, now_s, Pose(pose.x_m + dx, pose.y_m + dy, pose.yaw_rad)) if dx or dy else seen

    def _look_ahead(self, now_s: float) -> None:
        """Stops before what stands in the way."""
        speed = self.motion.speed_mps
        if self._stuck_since_s is not None or self._order is None or speed <= 0.0:
            return
        if self._is_barred(speed):
            self._stuck_since_s = now_s
            self.motion.brake()

    def _came_too_near(self, before: Pose) -> bool:
        if self.pose is before:
            return False
        body, near_m = self._body()
        near_m += _STOPS_AT_M
        away_m = shapely.distance(self.things, body)
        if not (away_m < near_m).any():
            return False
        before_m = shapely.distance(self.things, self._body(before)[0])
        return bool((away_m < np.minimum(near_m, before_m - 1e-9)).any())

    def _body(self, pose: Pose | None = None) -> tuple[BaseGeometry, float]:
        """What it is at a pose, or where it is, and by how much that is to be grown."""
        pose, footprint = pose or self.pose, self.spec.profile.footprint
        return (Point(pose.x_m, pose.y_m), footprint.radius_m) if footprint.radius_m else (footprint.at(pose), 0.0)

    def _is_barred(self, speed_mps: float) -> bool:
        turn = math.pi if self.motion._reverse else 0.0
        yaw, acceleration = self.pose.yaw_rad + turn, self.spec.profile.acceleration_mps2
        stop_m = speed_mps * 0.2 + (speed_mps**2 / (2.0 * acceleration) if acceleration else 0.0)
        x, y = stop_m * math.cos(yaw), stop_m * math.sin(yaw)
        (here, near_m), (ahead, _) = (
            self._body(place) for place in (self.pose, Pose(self.pose.x_m + x, self.pose.y_m + y, self.pose.yaw_rad))
        )
        near_m += _KEEPS_OFF_M
        way_m = shapely.distance(self.things, here.union(ahead).convex_hull)
        if not (way_m < near_m).any():
            return False
        before, after = (shapely.distance(self.things, place) for place in (here, ahead))
        return bool(((way_m < near_m) & (after < before - 1e-6)).any())

    def _look_at_goal(self, order: _Order, now_s: float) -> None:
        if self._stuck_since_s is None or not self.motion.at_rest:
            super()._look_at_goal(order, now_s)
            return
        if now_s - self._stuck_since_s > NO_PROGRESS_S:
            self._stuck_since_s = None
            self._end(Outcome.ABORTED, now_s, NO_SUCCESS)
        elif self._points is not None and not self._is_barred(self.spec.profile.speed_mps):
            self._stuck_since_s = None
            self._drive_on()

    def _set_out(self, points: NDArray[np.float64], backs: bool, exact: bool = False) -> None:
        # Ways into docks and out of them are not taken up again.
        self._points = None if exact else points
        super()._set_out(points, backs, exact)

    @property
    def _is_through(self) -> bool:
        return super()._is_through and self._stuck_since_s is None

    def _drive_on(self) -> None:
        """Takes its path up again from where it is."""
        if self._points is None:
            return
        line = LineString(self._points)
        along_m = line.project(Point(self.pose.x_m, self.pose.y_m))
        rest = [line.interpolate(along_m).coords[0]]
        rest += [xy for xy in line.coords if line.project(Point(xy)) > along_m + 1e-3]
        if len(rest) > 1:
            self.motion.follow(np.array(rest), reverse=self.motion._reverse)
