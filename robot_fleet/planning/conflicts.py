"""Robots that would meet by their planned times, kept apart by short waits on their ways.

A robot gets its times along its path while the others keep theirs; where it would come too near to one of them, it waits at
the place before, or in its dock. For a fixed path the earliest such times are found over the safe intervals of each place
(Phillips, Likhachev, "SIPP: Safe interval path planning for dynamic environments", 2011). Where there are none, it passes
through others, that they may give way to it in turn.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from robot_fleet.floor.footprint import Footprint
from robot_fleet.planning.plan import CoveragePath, LegKind, Starter
from robot_fleet.planning.terrain import Floats, Ints
from robot_fleet.planning.timing import CORNER_RAD, pivot_s, timed
from robot_fleet.planning.waiting import (
    Bodies,
    Passes,
    Raster,
    Taken,
    hinders,
    least_waits,
    meet,
    passes,
    passing,
    raster,
    together,
    touching,
    write_spans,
)

_STEP_S = 0.25
# Robots keep so far from each other.
_MARGIN_M = 0.1
# A robot may wait at places so far apart in time, and nowhere longer than this.
_APART_S = 2.0
_LONGEST_S = 900.0
_STILL_M = 1e-4
# Times that are nearer to each other are the same.
_ROUNDING_S = 1e-6
# A halt takes a little more than the figures of a robot say.
_SLOWER = 1.01
# A wait shorter than this is none.
_NONE_S = 1e-9
# What a search for waits costs for itself, for another robot and for a span of time, what it costs to look at a place of a way
# where others come near to it, and a run of these: in units of a place that is passed.
_PLAN, _OTHER, _SPAN, _LOOK, _RUN = 4000, 300, 2, 4, 10
# Where a robot finds no times, so many others at most are left out of account one by one before all of them are.
_IGNORED = 5

# Leg, vertex, seconds.
Wait = tuple[int, int, float]


def delayed(path: CoveragePath, robot: Starter, waits: Sequence[Wait]) -> CoveragePath:
    """The path with waits at vertices; what a robot with inertia loses by stopping there is part of them.

    A robot that waits at a corner pivots when it comes there, and then waits.
    """
    if not waits:
        return path
    legs, halts = list(path.legs), []
    lasting = []
    for number, vertex, seconds in sorted(waits):
        before = legs[-1].times_s[-1]
        if robot.profile.acceleration_mps2 is not None:
            halts.append((number, vertex))
            legs = timed(legs, robot.profile, robot.pose, 0.0, halts)
        lasting.append((number, vertex, max(0.0, seconds - float(legs[-1].times_s[-1] - before))))
    first = np.cumsum([0, *(len(leg.points) for leg in legs)])
    pivots = dict(zip(*(each.tolist() for each in _pivots(path, robot)), strict=True))
    for number, vertex, seconds in reversed(lasting):
        leg = legs[number]
        points = np.insert(leg.points, vertex, leg.points[vertex], axis=0)
        times = np.concatenate((leg.times_s[: vertex + 1], leg.times_s[vertex:] + seconds))
        pivoting_s = pivots.get(int(first[number]) + vertex, 0.0)
        if pivoting_s:
            times[vertex + 1] = min(times[vertex + 1] + pivoting_s, times[vertex + 2])
        legs[number] = replace(leg, points=points, times_s=times)
        legs[number + 1 :] = [replace(later, times_s=later.times_s + seconds) for later in legs[number + 1 :]]
    return CoveragePath(path.robot, tuple(legs))


@dataclass(frozen=True, eq=False)
class Way:
    """Where a robot is (n, 2), and how it is turned (n,), at times `when` (n,) if it never waits, and at which samples (m,) it
    may wait.

    `vertices` (m, 2) holds their legs and vertices. A robot without work is a way of one sample. While it stays in a dock for
    a service there is one sample, after which it `stays` (n,) so many seconds; else it is on its way.
    """

    path: CoveragePath

    at: Floats
    yaw: Floats
    when: Floats
    stays: Floats
    rests: Ints
    vertices: Ints
    robot: Starter

    @property
    def radius_m(self) -> float:
        """Within this distance of its centre is all of the robot."""
        return self.robot.profile.footprint.circumscribed_m

    @property
    def bodies(self) -> Bodies:
        """The robot at its samples as some discs, which matters where it is long."""
        return Bodies(self.at, self.yaw, discs_of(self.robot.profile.footprint))

    @property
    def halt_s(self) -> float:
        """What a robot with inertia loses at most when it stops on its way: it waits no shorter than that."""
        profile = self.robot.profile
        return 0.0 if profile.acceleration_mps2 is None else _SLOWER * profile.speed_mps / profile.acceleration_mps2

    @property
    def spare_s(self) -> float:
        """By how much the robot may be at a place sooner or later than its samples say."""
        return (_STEP_S + self.halt_s) / 2.0

    @classmethod
    def of(cls, path: CoveragePath, robot: Starter) -> Way:
        """The way along a path."""
        if not path.legs:
            at, yaw = np.array([[robot.pose.x_m, robot.pose.y_m]]), np.array([robot.pose.yaw_rad])
            nothing = np.zeros(1, dtype=np.int64)
            return cls(path, at, yaw, np.zeros(1), np.zeros(1), nothing, np.zeros((1, 2), dtype=np.int64), robot)
        times = np.concatenate([leg.times_s for leg in path.legs])
        rests = _rests(times)
        when = np.unique(np.concatenate((np.arange(0.0, times[-1], _STEP_S), times[rests], times[-1:])))
        when, stays = _without_stays(path, when)
        at, yaw = _places(path, robot, when)
        number = np.concatenate([np.full(len(leg.points), k) for k, leg in enumerate(path.legs)])
        vertex = np.concatenate([np.arange(len(leg.points)) for leg in path.legs])
        vertices = np.column_stack((number, vertex))[rests]
        return cls(path, at, yaw, when, stays, np.searchsorted(when, times[rests]), vertices, robot)


def _without_stays(path: CoveragePath, when: Floats) -> tuple[Floats, Floats]:
    """The times without those inside services, and how long (n,) the robot stays on after each of them."""
    services = [leg.times_s[[0, -1]].tolist() for leg in path.legs if leg.kind is LegKind.SERVICE]
    for begin, end in services:
        when = np.unique(np.concatenate((when[(when <= begin) | (when >= end)], [begin, end])))
    stays = np.zeros(len(when))
    for begin, end in services:
        stays[np.searchsorted(when, begin)] = end - begin
    return when, stays


def _places(path: CoveragePath, robot: Starter, when: Floats) -> tuple[Floats, Floats]:
    """Where a robot is (n, 2) at times (n,) of its path, and how it is turned (n,): it pivots at a corner before it drives on."""
    points = np.concatenate([leg.points for leg in path.legs])
    times = np.concatenate([leg.times_s for leg in path.legs])
    begin, lasting = _pivots(path, robot)
    turned = np.minimum(times[begin] + lasting, times[begin + 1])
    moves, yaw = _moves(path)
    starts = times[moves]
    starts[np.searchsorted(moves, begin)] = turned
    knots = np.column_stack((starts, times[moves + 1])).ravel()
    headings = np.unwrap(np.concatenate(([robot.pose.yaw_rad], np.repeat(yaw, 2))))
    facing = np.interp(when, np.concatenate(([0.0], knots)), headings)
    times = np.insert(times, begin + 1, turned)
    points = np.insert(points, begin + 1, points[begin], axis=0)
    return np.column_stack([np.interp(when, times, points[:, k]) for k in (0, 1)]), facing


def _pivots(path: CoveragePath, robot: Starter) -> tuple[Ints, Floats]:
    """The vertices (k,) of a path, counted over all its legs, at which the robot pivots, and for how many seconds."""
    moves, yaw = _moves(path)
    turn = np.abs(np.remainder(np.diff(yaw, prepend=robot.pose.yaw_rad) + np.pi, 2 * np.pi) - np.pi)
    corners = np.flatnonzero(turn > CORNER_RAD)
    return moves[corners], np.array([pivot_s(angle, robot.profile) for angle in turn[corners].tolist()])


def _moves(path: CoveragePath) -> tuple[Ints, Floats]:
    """The vertices (k,) of a path, counted over all its legs, from which the robot moves, and its headings (k,) then."""
    points = np.concatenate([leg.points for leg in path.legs])
    backwards = np.concatenate([np.full(len(leg.points), leg.reverse) for leg in path.legs])
    step = np.diff(points, axis=0)
    ends = np.cumsum([len(leg.points) for leg in path.legs])[:-1] - 1
    step[ends] = 0.0
    moves = np.flatnonzero(np.hypot(step[:, 0], step[:, 1]) > _STILL_M)
    return moves, np.arctan2(step[moves, 1], step[moves, 0]) + np.pi * backwards[moves]


def discs_of(footprint: Footprint) -> Floats:
    """(n, 2) how far ahead discs lie, and their radii, that together hold the footprint."""
    if footprint.is_disc:
        return np.array([[0.0, footprint.circumscribed_m]])
    corners = footprint.corners()
    low, high, half = corners[:, 0].min(), corners[:, 0].max(), np.abs(corners[:, 1]).max()
    count = max(1, math.ceil((high - low) / half))
    piece = (high - low) / count
    return np.column_stack((low + piece * (np.arange(count) + 0.5), np.full(count, math.hypot(piece / 2, half))))


def _rests(times: Floats) -> Ints:
    """The vertices (m,) at which a robot may wait: the first one, and others some time apart.

    Where a leg ends and the next one begins, it is the next one's.
    """
    chosen = [0]
    for k in range(1, len(times) - 1):
        if times[chosen[-1]] + _APART_S <= times[k] < times[k + 1]:
            chosen.append(k)
    return np.array(chosen, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class Timed:
    """A robot on its way with `waits` (m,) at its rests: it `comes` (n,) to the places of its way and `leaves` (n,) them.

    At its end it stands for ever.
    """

    way: Way
    waits: Floats
    comes: Floats
    leaves: Floats

    @classmethod
    def of(cls, way: Way, waits: Floats | None = None) -> Timed:
        """The robot of a way with waits, or without any."""
        waits = np.zeros(len(way.rests)) if waits is None else waits
        return cls(way, waits, *passing(way.when, way.stays, way.rests, waits))

    @property
    def done_s(self) -> float:
        """When the robot is at its end."""
        return float(self.comes[-1]) if self.way.path.legs else 0.0

    @property
    def path(self) -> CoveragePath:
        """The path of the robot with its waits."""
        where = np.flatnonzero(self.waits > _NONE_S).tolist()
        waits = [(*self.way.vertices[k].tolist(), float(self.waits[k])) for k in where]
        return delayed(self.way.path, self.way.robot, waits)


class Meetings:
    """Which robots meet, and the waits with which they do not; where ways come near to each other is remembered.

    `spent` counts what was looked at, in samples of ways.
    """

    def __init__(self) -> None:
        self.spent = 0
        self._passes: dict[tuple[Way, Way], Passes] = {}
        self._rasters: dict[tuple[Way, float], Raster] = {}

    def passes(self, way: Way, other: Way) -> Passes:
        """Where another's way comes near to a way."""
        if (way, other) not in self._passes:
            touch_m = way.radius_m + other.radius_m + _MARGIN_M
            if (other, touch_m) not in self._rasters:
                self._rasters[other, touch_m] = raster(other.at, touch_m)
            found = passes(way.at, self._rasters[other, touch_m], touch_m)
            if not (way.robot.profile.footprint.is_disc and other.robot.profile.footprint.is_disc):
                found = touching(found, way.bodies, other.bodies, _MARGIN_M)
            self._passes[way, other] = found
            self.spent += _LOOK * len(way.at) + _RUN * len(found.place)
        return self._passes[way, other]

    def settled(self, way: Way, others: Iterable[Timed], dice: np.random.Generator) -> tuple[Timed, bool]:
        """The robot of a way with the least waits so that it meets none of the others; and whether there are such waits.

        Else it does not mind those that are done, then some that are in its way where it comes no further, and at last all.
        """
        others, parked = [other for other in others if len(self.passes(way, other.way).place)], True
        for _ in range(_IGNORED + 2):
            waits, rest = least_waits(
                way.when, way.stays, way.rests, self._taken(way, others, parked), way.halt_s, _LONGEST_S
            )
            if len(waits):
                return Timed.of(way, waits), parked
            if parked:
                parked = False
                continue
            first, last = self._stretch(way, rest)
            ahead = [k for k, other in enumerate(others) if self._comes_to(way, other, first, last)]
            if ahead:
                del others[ahead[int(dice.integers(len(ahead)))]]
        return Timed.of(way), False

    def meet(self, one: Timed, other: Timed) -> bool:
        """Whether two robots come near to each other."""
        near, spare_s = self.passes(one.way, other.way), one.way.spare_s + other.way.spare_s - _ROUNDING_S
        return bool(len(near.place)) and bool(meet(near, one.comes, one.leaves, other.comes, other.leaves, spare_s))

    def makes_wait(self, robot: Timed, other: Timed, rest: int) -> bool:
        """Whether another is the reason, or one of them, that a robot waits at one of its rests."""
        way, near = robot.way, self.passes(robot.way, other.way)
        if not len(near.place):
            return False
        first, last = self._stretch(way, rest)
        begin_s, end_s = robot.comes[first], robot.leaves[first] - _ROUNDING_S
        spare_s = way.spare_s + other.way.spare_s
        return bool(hinders(near, way.when, way.stays, first, last, begin_s, end_s, other.comes, other.leaves, spare_s))

    def _taken(self, way: Way, others: Sequence[Timed], parked: bool) -> Taken:
        """When the places of a way are taken by others. Unless `parked`, those that are done are not in the way."""
        near = [self.passes(way, other.way) for other in others]
        ends = np.cumsum([0, *(len(one.place) for one in near)]).tolist()
        place, low, high = np.empty(ends[-1], dtype=np.int64), np.empty(ends[-1]), np.empty(ends[-1])
        for k, other in enumerate(others):
            spare_s, part = way.spare_s + other.way.spare_s, slice(ends[k], ends[k + 1])
            write_spans(near[k], other.comes, other.leaves, spare_s, parked, place[part], low[part], high[part])
        self.spent += _PLAN + _OTHER * len(others) + len(way.at) + _SPAN * ends[-1]
        return together(place, low, high, len(way.at))

    def _comes_to(self, way: Way, other: Timed, first: int, last: int) -> bool:
        """Whether another comes near to one of the places first .. last of a way."""
        place = self.passes(way, other.way).place
        return bool(np.searchsorted(place, first) < np.searchsorted(place, last, side="right"))

    @staticmethod
    def _stretch(way: Way, rest: int) -> tuple[int, int]:
        """The places from a rest to the next one, or to the end."""
        return int(way.rests[rest]), int(way.rests[rest + 1]) if rest + 1 < len(way.rests) else len(way.when) - 1
