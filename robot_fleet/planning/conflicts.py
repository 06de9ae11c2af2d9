"""Robots that would meet by their planned times, kept apart by short waits on their ways.

One robot after the other gets its times along its path (Erdmann, Lozano-Perez, "On multiple moving objects", 1987), the
one with the longest path first; where a robot would come too near to one that has its times already, it waits at the
place before, or in its dock. For a fixed path the earliest such times are found over the safe intervals of each place
(Phillips, Likhachev, "SIPP: Safe interval path planning for dynamic environments", 2011).
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial import cKDTree

from robot_fleet.planning.plan import CoveragePath, Starter
from robot_fleet.planning.terrain import Floats, Ints
from robot_fleet.planning.timing import timed

_STEP_S = 0.25
_MARGIN_M = 0.1
# A robot may wait at places so far apart in time, and nowhere longer than this.
_APART_S = 2.0
_LONGEST_S = 900.0
# A robot that finds no times goes first in the next of so many rounds.
_ROUNDS = 4

Spans = list[tuple[float, float]]
# Leg, vertex, seconds.
Wait = tuple[int, int, float]


def kept_apart(paths: Sequence[CoveragePath], robots: Sequence[Starter]) -> list[CoveragePath]:
    """The paths with waits, so that robots do not meet; a robot for which no waits help keeps its times."""
    ways = [_Way.of(path, robot) for path, robot in zip(paths, robots, strict=True)]
    order = sorted(range(len(ways)), key=lambda k: (-paths[k].finish_s, k))
    best, fewest = list(paths), len(paths) + 1
    for _ in range(_ROUNDS):
        found, stuck = _settled(paths, robots, ways, order)
        if len(stuck) < fewest:
            best, fewest = found, len(stuck)
        if not stuck:
            break
        order = stuck + [k for k in order if k not in stuck]
    return best


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


def _settled(
    paths: Sequence[CoveragePath], robots: Sequence[Starter], ways: list[_Way], order: list[int]
) -> tuple[list[CoveragePath], list[int]]:
    """All paths with their waits, settled in this order, and the robots for which no waits help."""
    found, stuck = list(paths), []
    traffic = _Traffic()
    for k in order:
        waits = _least_waits(ways[k], traffic.blocked(ways[k]))
        if waits is None:
            # Somebody's dock lies on its way: it keeps apart from those that drive, at least.
            stuck.append(k)
            waits = _least_waits(ways[k], traffic.blocked(ways[k], parked=False))
        found[k] = delayed(paths[k], robots[k], waits or [])
        traffic.add(ways[k], found[k])
    return found, stuck


@dataclass(frozen=True, eq=False)
class _Way:
    """Where a robot is (n, 2) at times `when` (n,) if it never waits, and at which samples (m,) it may wait.

    `vertices` (m, 2) holds their legs and vertices. A robot without work is a way of one sample.
    """

    at: Floats
    when: Floats
    rests: Ints
    vertices: Ints
    radius_m: float

    @classmethod
    def of(cls, path: CoveragePath, robot: Starter) -> _Way:
        """The way along a path."""
        radius = robot.profile.footprint.circumscribed_m
        if not path.legs:
            at = np.array([[robot.pose.x_m, robot.pose.y_m]])
            return cls(at, np.zeros(1), np.zeros(1, dtype=np.int64), np.zeros((1, 2), dtype=np.int64), radius)
        times = np.concatenate([leg.times_s for leg in path.legs])
        points = np.concatenate([leg.points for leg in path.legs])
        rests = _rests(times)
        when = np.unique(np.concatenate((np.arange(0.0, times[-1], _STEP_S), times[rests], times[-1:])))
        at = np.column_stack([np.interp(when, times, points[:, k]) for k in (0, 1)])
        number = np.concatenate([np.full(len(leg.points), k) for k, leg in enumerate(path.legs)])
        vertex = np.concatenate([np.arange(len(leg.points)) for leg in path.legs])
        vertices = np.column_stack((number, vertex))[rests]
        return cls(at, when, np.searchsorted(when, times[rests]), vertices, radius)


def _rests(times: Floats) -> Ints:
    """The vertices (m,) at which a robot may wait: the first one, and others some time apart."""
    chosen = [0]
    for k in range(1, len(times) - 1):
        if times[chosen[-1]] + _APART_S <= times[k] < times[-1]:
            chosen.append(k)
    return np.array(chosen, dtype=np.int64)


class _Traffic:
    """Where the robots that have their times are, sampled; each stands at its start before and at its end for ever."""

    def __init__(self) -> None:
        self.at: Floats = np.zeros((0, 2))
        self.begin: Floats = np.zeros(0)
        self.end: Floats = np.zeros(0)
        self.radius_m = 0.0

    def add(self, way: _Way, path: CoveragePath) -> None:
        """Takes in a robot with the times of its path."""
        times = np.concatenate([leg.times_s for leg in path.legs]) if path.legs else np.zeros(1)
        points = np.concatenate([leg.points for leg in path.legs]) if path.legs else way.at
        when = np.arange(0.0, times[-1] + _STEP_S, _STEP_S)
        at = np.column_stack([np.interp(when, times, points[:, k]) for k in (0, 1)])
        end = when + _STEP_S
        end[-1] = math.inf
        self.at = np.concatenate((self.at, at))
        self.begin, self.end = np.concatenate((self.begin, when - _STEP_S)), np.concatenate((self.end, end))
        self.radius_m = max(self.radius_m, way.radius_m)

    def blocked(self, way: _Way, parked: bool = True) -> dict[int, Spans]:
        """For the samples of a way at which it comes near to others: when it may not be there, in order, apart.

        Without `parked` those that are done are not in the way.
        """
        if not len(self.at):
            return {}
        touch = way.radius_m + self.radius_m + _MARGIN_M
        tree = cKDTree(self.at)
        near = np.flatnonzero(np.isfinite(tree.query(way.at, distance_upper_bound=touch)[0]))
        lists = tree.query_ball_point(way.at[near], touch)
        end = self.end if parked else np.where(np.isinf(self.end), self.begin + 2 * _STEP_S, self.end)
        return {int(k): _merged(self.begin[found], end[found]) for k, found in zip(near, lists, strict=True)}


def _merged(begin: Floats, end: Floats) -> Spans:
    order = np.argsort(begin, kind="stable")
    found: Spans = []
    for low, high in zip(begin[order].tolist(), end[order].tolist(), strict=True):
        if found and low <= found[-1][1] + 1e-9:
            found[-1] = (found[-1][0], max(found[-1][1], high))
        else:
            found.append((low, high))
    return found


@dataclass(frozen=True)
class _State:
    """A robot that came to a place at `arrived` and went on from the one before at `left`; `safe_until` it may stay."""

    arrived: float
    safe_until: float
    left: float
    before: _State | None


def _least_waits(way: _Way, blocked: dict[int, Spans]) -> list[Wait] | None:
    """The waits (leg, vertex, seconds) with which a robot is done earliest; None when it always meets somebody."""
    busy = np.array(sorted(blocked), dtype=np.int64)
    ends = np.append(way.rests[1:], len(way.when) - 1)
    states = _arrivals([(0.0, 0.0, None)], blocked.get(0, []))
    for first, last in zip(way.rests.tolist(), ends.tolist(), strict=True):
        lasts = float(way.when[last] - way.when[first])
        shut = _shut_starts(way, blocked, busy, first, last)
        moves: list[tuple[float, float, _State | None]] = []
        for state in states:
            moves.extend((start + lasts, start, state) for start in _starts(state, shut))
        states = _arrivals(moves, blocked.get(last, []))
        if not states:
            return None
    final = [state for state in states if math.isinf(state.safe_until)]
    return _waits(way, min(final, key=lambda state: state.arrived)) if final else None


def _shut_starts(way: _Way, blocked: dict[int, Spans], busy: Ints, first: int, last: int) -> Spans:
    """When a robot may not set off along the samples first .. last, since it would meet somebody on them."""
    low, high = np.searchsorted(busy, [first, last], side="left").tolist()
    inside = busy[low : high + 1]
    inside = inside[inside <= last]
    if not len(inside):
        return []
    spans = [
        (begin - float(way.when[k] - way.when[first]), end - float(way.when[k] - way.when[first]))
        for k in inside.tolist()
        for begin, end in blocked[k]
    ]
    return _merged(*(np.array(part) for part in zip(*spans, strict=True)))


def _starts(state: _State, shut: Spans) -> list[float]:
    """The earliest time to set off in each span that is not shut, while the robot may stay where it is."""
    latest = min(state.safe_until, state.arrived + _LONGEST_S)
    found, at = [], state.arrived
    for begin, end in shut[bisect.bisect_left(shut, state.arrived, key=lambda span: span[1]) :]:
        if begin > latest:
            break
        if at < begin:
            found.append(at)
        at = max(at, end)
    if at <= latest and math.isfinite(at):
        found.append(at)
    return found


def _arrivals(moves: list[tuple[float, float, _State | None]], blocked: Spans) -> list[_State]:
    """The earliest arrival in each safe span of a place."""
    best: dict[int, _State] = {}
    for arrived, left, before in sorted(moves, key=lambda move: move[0]):
        k = bisect.bisect_right(blocked, arrived, key=lambda span: span[0])
        if k and arrived < blocked[k - 1][1] - 1e-9:
            continue
        until = blocked[k][0] if k < len(blocked) else math.inf
        best.setdefault(k, _State(arrived, until, left, before))
    return list(best.values())


def _waits(way: _Way, state: _State) -> list[Wait]:
    found = []
    k = len(way.rests) - 1
    while state.before is not None:
        seconds = state.left - state.before.arrived
        if seconds > 1e-9:
            found.append((int(way.vertices[k, 0]), int(way.vertices[k, 1]), seconds))
        state, k = state.before, k - 1
    return found
