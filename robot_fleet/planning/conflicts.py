"""Robots that would meet by their planned times, kept apart by short waits on their ways.

One robot after the other gets its times along its path (Erdmann, Lozano-Perez, "On multiple moving objects", 1987);
where a robot would come too near to one that has its times already, it waits at the
place before, or in its dock. For a fixed path the earliest such times are found over the safe intervals of each place
(Phillips, Likhachev, "SIPP: Safe interval path planning for dynamic environments", 2011).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from robot_fleet.planning.plan import CoveragePath, Starter
from robot_fleet.planning.terrain import Floats, Ints
from robot_fleet.planning.timing import CORNER_RAD, pivot_s, timed
from robot_fleet.planning.waiting import Others, Spans, Taken, least_waits, others, spans_of, taken, together

_STEP_S = 0.25
# Robots keep so far from each other, and less only where one that has its times can give way to another in no other manner:
# what was just enough is not quite so by the other's samples.
_MARGIN_M, _LEAST_MARGIN_M = 0.1, 0.025
# A robot may wait at places so far apart in time, and nowhere longer than this.
_APART_S = 2.0
_LONGEST_S = 900.0
_STILL_M = 1e-4

# Leg, vertex, seconds.
Wait = tuple[int, int, float]


def delayed(path: CoveragePath, robot: Starter, waits: Sequence[Wait]) -> CoveragePath:
    """The path with waits at vertices; what a robot with inertia loses by stopping there is part of them."""
    legs, halts = list(path.legs), []
    lasting = []
    for number, vertex, seconds in sorted(waits):
        before = legs[-1].times_s[-1]
        if robot.profile.acceleration_mps2 is not None:
            halts.append((number, vertex))
            legs = timed(legs, robot.profile, robot.pose, 0.0, halts)
        lasting.append((number, vertex, max(0.0, seconds - float(legs[-1].times_s[-1] - before))))
    for number, vertex, seconds in reversed(lasting):
        leg = legs[number]
        points = np.insert(leg.points, vertex, leg.points[vertex], axis=0)
        times = np.concatenate((leg.times_s[: vertex + 1], leg.times_s[vertex:] + seconds))
        legs[number] = replace(leg, points=points, times_s=times)
        legs[number + 1 :] = [replace(later, times_s=later.times_s + seconds) for later in legs[number + 1 :]]
    return CoveragePath(path.robot, tuple(legs))


def settled(
    paths: Sequence[CoveragePath], ways: list[Way], order: Sequence[int], meetings: Meetings
) -> tuple[list[Timed], list[int]]:
    """All robots with waits, so that they do not meet, settled in this order; and the robots for which no waits help.

    Those keep apart from the ones that drive, at least.
    """
    found: dict[int, Timed] = {}
    stuck = []
    for k in order:
        waits = _least_waits(ways[k], meetings.blocked(ways[k], [*found.values()]))
        if waits is None:
            # Somebody's dock lies on its way.
            stuck.append(k)
            waits = _least_waits(ways[k], meetings.blocked(ways[k], [*found.values()], parked=False))
        found[k] = meetings.timed(paths[k], ways[k], waits or [])
    return [found[k] for k in range(len(paths))], stuck


def given_way(
    paths: Sequence[CoveragePath], ways: list[Way], found: Sequence[Timed], last: int, meetings: Meetings
) -> list[Timed] | None:
    """The settled paths when all others give way to the robot `last`, which found no times; None where one cannot.

    So a robot comes home, to a dock on that one's way, when that one has passed.
    """
    found = list(found)
    for k in range(len(found)):
        if k == last:
            continue
        others = [other for other in found if other is not found[k]]
        waits = _least_waits(ways[k], meetings.blocked(ways[k], others))
        if waits is None:
            waits = _least_waits(ways[k], meetings.blocked(ways[k], others, margin_m=_LEAST_MARGIN_M))
        if waits is None:
            return None
        found[k] = meetings.timed(paths[k], ways[k], waits)
    return found


@dataclass(frozen=True, eq=False)
class Way:
    """Where a robot is (n, 2) at times `when` (n,) if it never waits, and at which samples (m,) it may wait.

    `vertices` (m, 2) holds their legs and vertices. A robot without work is a way of one sample.
    """

    at: Floats
    when: Floats
    rests: Ints
    vertices: Ints
    robot: Starter

    @property
    def radius_m(self) -> float:
        """Within this distance of its centre is all of the robot."""
        return self.robot.profile.footprint.circumscribed_m

    @classmethod
    def of(cls, path: CoveragePath, robot: Starter) -> Way:
        """The way along a path."""
        if not path.legs:
            at = np.array([[robot.pose.x_m, robot.pose.y_m]])
            return cls(at, np.zeros(1), np.zeros(1, dtype=np.int64), np.zeros((1, 2), dtype=np.int64), robot)
        times = np.concatenate([leg.times_s for leg in path.legs])
        rests = _rests(times)
        when = np.unique(np.concatenate((np.arange(0.0, times[-1], _STEP_S), times[rests], times[-1:])))
        at = _places(path, robot, when)
        number = np.concatenate([np.full(len(leg.points), k) for k, leg in enumerate(path.legs)])
        vertex = np.concatenate([np.arange(len(leg.points)) for leg in path.legs])
        vertices = np.column_stack((number, vertex))[rests]
        return cls(at, when, np.searchsorted(when, times[rests]), vertices, robot)


def _places(path: CoveragePath, robot: Starter, when: Floats) -> Floats:
    """Where a robot is (n, 2) at times (n,) of its path: it pivots at a corner before it drives on."""
    points = np.concatenate([leg.points for leg in path.legs])
    times = np.concatenate([leg.times_s for leg in path.legs])
    backwards = np.concatenate([np.full(len(leg.points), leg.reverse) for leg in path.legs])
    step = np.diff(points, axis=0)
    moves = np.flatnonzero(np.hypot(step[:, 0], step[:, 1]) > _STILL_M)
    yaw = np.arctan2(step[moves, 1], step[moves, 0]) + np.pi * backwards[moves]
    turn = np.abs(np.remainder(np.diff(yaw, prepend=robot.pose.yaw_rad) + np.pi, 2 * np.pi) - np.pi)
    corners = np.flatnonzero(turn > CORNER_RAD)
    begin = moves[corners]
    turned = times[begin] + np.array([pivot_s(angle, robot.profile) for angle in turn[corners].tolist()])
    times = np.insert(times, begin + 1, np.minimum(turned, times[begin + 1]))
    points = np.insert(points, begin + 1, points[begin], axis=0)
    return np.column_stack([np.interp(when, times, points[:, k]) for k in (0, 1)])


def _rests(times: Floats) -> Ints:
    """The vertices (m,) at which a robot may wait: the first one, and others some time apart."""
    chosen = [0]
    for k in range(1, len(times) - 1):
        if times[chosen[-1]] + _APART_S <= times[k] < times[-1]:
            chosen.append(k)
    return np.array(chosen, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class Timed:
    """A robot with the times of its path: where it is (n, 2), sampled, and from when to when it takes each place.

    It stands at its end for ever; at `done_s` it is surely there.
    """

    path: CoveragePath
    at: Floats
    begin: Floats
    end: Floats
    radius_m: float
    done_s: float
    _sorted: dict[float, Others] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, path: CoveragePath, way: Way) -> Timed:
        """The robot of a way on its path."""
        when: Floats = np.arange(0.0, path.finish_s + _STEP_S, _STEP_S, dtype=np.float64)
        at = _places(path, way.robot, when) if path.legs else np.repeat(way.at, len(when), axis=0)
        end = when + _STEP_S
        end[-1] = math.inf
        # While it waits it takes one place for long.
        comes = np.concatenate(([True], (at[1:] != at[:-1]).any(axis=1)))
        leaves = np.append(comes[1:], True)
        return cls(path, at[comes], (when - _STEP_S)[comes], end[leaves], way.radius_m, float(when[-1]) + _STEP_S)

    def near(self, way: Way, margin_m: float) -> Spans:
        """When it is so near to the places of another robot's way."""
        touch = way.radius_m + self.radius_m + margin_m
        if touch not in self._sorted:
            self._sorted[touch] = others(self.at, self.begin, self.end, touch)
        return spans_of(taken(way.at, self._sorted[touch], touch))


class Meetings:
    """When robots come near to each other's ways, remembered: from one order to the next most of it stays as it was."""

    def __init__(self) -> None:
        self._timed: dict[tuple[Way, tuple[Wait, ...]], Timed] = {}
        self._spans: dict[tuple[Way, Timed, float], Spans] = {}

    def timed(self, path: CoveragePath, way: Way, waits: Sequence[Wait]) -> Timed:
        """The robot of a way along its path with waits."""
        key = way, tuple(waits)
        if key not in self._timed:
            self._timed[key] = Timed.of(delayed(path, way.robot, waits), way)
        return self._timed[key]

    def blocked(self, way: Way, robots: Sequence[Timed], parked: bool = True, margin_m: float = _MARGIN_M) -> Taken:
        """When the places of a way are taken, since others come near to them.

        Without `parked` those that are done are not in the way.
        """
        parts = []
        for robot in robots:
            key = way, robot, margin_m
            if key not in self._spans:
                self._spans[key] = robot.near(way, margin_m)
            spans = self._spans[key]
            parts.append(spans if parked else spans._replace(high=np.minimum(spans.high, robot.done_s)))
        return together(parts, len(way.at))


def _least_waits(way: Way, busy: Taken) -> list[Wait] | None:
    """The waits (leg, vertex, seconds) with which a robot is done earliest; None when it always meets somebody."""
    waits = least_waits(way.when, way.rests, busy, _LONGEST_S)
    if not len(waits):
        return None
    return [(*way.vertices[k].tolist(), float(waits[k])) for k in np.flatnonzero(waits > 1e-9).tolist()]
