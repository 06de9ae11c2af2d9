"""What accounts for floor that a run missed: what stood there or was closed in the end, and robots that do not work any more."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping

from shapely import Point
from shapely.geometry.base import BaseGeometry

from robot_fleet.control.snapshot import RunView
from robot_fleet.fleet.states import RunState
from robot_fleet.sim.robot import SimulatedRobot

LATELY_S = 120.0
"""What went longer before a run's end than this, and before its rest was planned for the last time, accounts for nothing."""

OUT_S = 30.0
"""So long a run waits for a robot that takes no orders: one that was held for less when the run ended had not been given up."""


# With less charge than this a robot stays on its dock for long.
_WORN_OUT = 0.5


class Causes:
    """Looks after each step at what stands on the floor, what is closed, and which robots cannot work."""

    def __init__(self) -> None:
        self._things: dict[int, tuple[float, BaseGeometry]] = {}
        self._closed: dict[str, tuple[float, BaseGeometry]] = {}
        self._out_since: dict[str, float] = {}
        self._now_s, self._planned_s = 0.0, math.inf
        self._is_planned = False

    def look(
        self,
        now_s: float,
        things: Iterable[BaseGeometry],
        closed: Mapping[str, BaseGeometry],
        robots: Mapping[str, SimulatedRobot],
    ) -> None:
        """A step has passed."""
        self._now_s = now_s
        for thing in things:
            self._things[id(thing)] = now_s, thing
        for name, floor in closed.items():
            self._closed[name] = now_s, floor
        for name, robot in robots.items():
            if robot.alive and not robot.hold:
                self._out_since.pop(name, None)
            else:
                self._out_since.setdefault(name, now_s)

    def look_at_runs(self, runs: Iterable[RunView]) -> None:
        """Takes in whether the rest of a run is being planned: the first plan is not what comes back to missed floor."""
        run = next((run for run in runs if not run.state.is_terminal), None)
        if run is None:
            return
        if run.state is RunState.PLANNING:
            self._planned_s, self._is_planned = math.inf, True
        elif run.planning is None:
            self._is_planned = False
        elif not self._is_planned:
            self._planned_s, self._is_planned = self._now_s, True

    @property
    def things(self) -> list[BaseGeometry]:
        """What stands on the floor, or stood there lately."""
        return [thing for last_s, thing in self._things.values() if self._is_late(last_s)]

    @property
    def closed(self) -> list[BaseGeometry]:
        """What is closed, or was lately."""
        return [floor for last_s, floor in self._closed.values() if self._is_late(last_s)]

    def is_out(self, name: str) -> bool:
        """Whether the robot is dead, or has been held for so long that others had to do without it."""
        return name in self._out_since and self._now_s >= self._out_since[name] + OUT_S

    @staticmethod
    def bodies(robots: Mapping[str, SimulatedRobot], able: Collection[str]) -> list[BaseGeometry]:
        """The floor under robots, but for docked ones that are `able` to work: these can clean it themselves."""
        return [
            Point(robot.pose.x_m, robot.pose.y_m).buffer(robot.spec.profile.footprint.circumscribed_m)
            for name, robot in robots.items()
            if robot.docked_at is None or name not in able or robot.battery < _WORN_OUT
        ]

    def _is_late(self, last_s: float) -> bool:
        return last_s >= min(self._now_s - LATELY_S, self._planned_s)
