"""Corners driven as arcs where that is faster, safe, and leaves no floor behind that matters.

A robot that turns while it drives loses no time as long as the arc is wide enough for its yaw rate; a pivot is a stop
with a turn. What an arc no longer cleans is counted cell by cell against what the rest of the plan cleans.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from robot_fleet.floor.profile import RobotProfile
from robot_fleet.planning.plan import Leg, LegKind
from robot_fleet.planning.sweeping import sweeps_of
from robot_fleet.planning.terrain import Bools, Floats, Ints, Terrain
from robot_fleet.planning.timing import CORNER_RAD, path_s

_VERTEX_RAD = math.radians(7.0)
_SHARPEST_RAD = math.radians(165.0)
_SHARES = (1.0, 0.6, 0.3)
_WIDEST_M = 1.2
_LEAST_M = 0.05
_LEAST_S = 0.05
# Cells of floor that a second is worth, and how far about a corner the times are compared.
_CELLS_PER_S = 8.0
_ABOUT_M = 0.5
_ROUNDED = (LegKind.CLEAN, LegKind.TRANSIT)


@dataclass(eq=False)
class Ledger:
    """How often each cell (flat) is swept; cells that are not wanted count as swept. `spare` cells may be lost yet."""

    count: Ints
    spare: int

    @classmethod
    def of(cls, wanted: Bools, sweeps: Iterable[Ints], may_miss: int) -> Ledger:
        """The ledger of sweeps (flat cells, repeated) when so many wanted cells may stay uncleaned in all."""
        count = np.where(wanted.ravel(), 0, 1_000_000)
        for cells in sweeps:
            count += np.bincount(cells, minlength=count.size)
        return cls(count, max(0, may_miss - int((count == 0).sum())))

    def exchange(self, old: Ints, new: Ints, most: float) -> bool:
        """Takes new sweeps for old ones unless more cells than `most`, or than may be, are lost."""
        before = int((self.count[np.unique(old)] == 0).sum())
        np.subtract.at(self.count, old, 1)
        np.add.at(self.count, new, 1)
        lost = int((self.count[np.unique(old)] == 0).sum()) - before
        if lost <= min(most, self.spare):
            self.spare -= lost
            return True
        np.add.at(self.count, old, 1)
        np.subtract.at(self.count, new, 1)
        return False


def sweeps(legs: list[Leg], shape: tuple[int, ...], profile: RobotProfile, side_m: float) -> Ints:
    """The cells (flat, repeated) that one robot's legs, in the grid frame, sweep."""
    path = _Path.of(legs)
    runs = [sweeps_of(shape, run, profile.head, side_m) for run in path.swept_runs()]
    return np.concatenate(runs) if runs else np.zeros(0, dtype=np.int64)


def rounded(
    legs: list[Leg], terrain: Terrain, profile: RobotProfile, ledger: Ledger, shape: tuple[int, ...]
) -> list[Leg]:
    """The legs, in the grid frame, with arcs for corners; a corner between two legs becomes an arc in two halves."""
    path = _Path.of(legs)
    for k in path.corners():
        for share in _SHARES:
            arc = _arc(path.points[k - 1 : k + 2], share * path.room_m(k))
            if arc is None:
                break
            saved = _saved_s(arc, path.points[k], profile)
            if saved < _LEAST_S or not terrain.open_path(arc):
                continue
            old, new = path.exchanged(k, arc)
            taken = [np.concatenate([np.zeros(0, dtype=np.int64), *(
                sweeps_of(shape, run, profile.head, terrain.side_m) for run in runs
            )]) for runs in (old, new)]  # fmt: skip
            if ledger.exchange(taken[0], taken[1], saved * _CELLS_PER_S):
                path.arcs[k] = arc
                break
    return path.legs(legs)


def _saved_s(arc: Floats, corner: Floats, profile: RobotProfile) -> float:
    """Seconds by which the arc is faster than the corner."""
    first = arc[0] - _unit(corner - arc[0]) * _ABOUT_M
    last = arc[-1] + _unit(arc[-1] - corner) * _ABOUT_M
    around = path_s(np.array([first, corner, last]), profile)
    return around - path_s(np.concatenate(([first], arc, [last])), profile)


def _arc(around: Floats, room_m: float) -> Floats | None:
    """An arc that leaves the way to the corner around[1] at most `room_m` before it; None when there is too little room."""
    back, on = _unit(around[0] - around[1]), _unit(around[2] - around[1])
    turn = math.pi - math.acos(max(-1.0, min(1.0, float(back @ on))))
    if turn > _SHARPEST_RAD:
        return None
    tangent = min(room_m, _WIDEST_M * math.tan(turn / 2))
    if tangent < _LEAST_M:
        return None
    radius = tangent / math.tan(turn / 2)
    middle = _unit(back + on)
    centre = around[1] + middle * math.hypot(radius, tangent)
    first, last = around[1] + back * tangent, around[1] + on * tangent
    begin = math.atan2(*(first - centre)[::-1])
    sign = 1.0 if back[0] * on[1] - back[1] * on[0] < 0 else -1.0
    count = 2 * math.ceil(turn / _VERTEX_RAD / 2)
    angles = begin + sign * np.linspace(0.0, turn, count + 1)
    arc: Floats = centre + radius * np.column_stack((np.cos(angles), np.sin(angles)))
    arc[0], arc[-1] = first, last
    return arc


def _unit(vector: Floats) -> Floats:
    return np.asarray(vector / max(float(np.hypot(vector[0], vector[1])), 1e-12))


@dataclass(eq=False)
class _Path:
    """The vertices of all legs in a row, for each move its kind, and the arcs that replace vertices."""

    points: Floats
    kinds: list[LegKind]
    arcs: dict[int, Floats]

    @classmethod
    def of(cls, legs: list[Leg]) -> _Path:
        points = np.concatenate([legs[0].points[:1], *(leg.points[1:] for leg in legs)])
        return cls(points, [leg.kind for leg in legs for _ in range(len(leg.points) - 1)], {})

    def corners(self) -> list[int]:
        """Vertices at which the robot pivots, on legs that may be rounded."""
        return [k for k in range(1, len(self.points) - 1) if self._is_corner(k)]

    def room_m(self, k: int) -> float:
        """How far before and behind a corner an arc may begin and end: half a move that has a corner at both ends."""
        before = self._length(k - 1) * (0.5 if self._is_corner(k - 1) else 0.95)
        after = self._length(k) * (0.5 if self._is_corner(k + 1) else 0.95)
        return min(before, after)

    def _length(self, move: int) -> float:
        return float(np.hypot(*(self.points[move + 1] - self.points[move])))

    def _is_corner(self, k: int) -> bool:
        if not 0 < k < len(self.points) - 1 or not {self.kinds[k - 1], self.kinds[k]} <= set(_ROUNDED):
            return False
        before, after = self.points[k] - self.points[k - 1], self.points[k + 1] - self.points[k]
        turn = math.atan2(before[0] * after[1] - before[1] * after[0], float(before @ after))
        return abs(turn) > CORNER_RAD and min(np.hypot(*before), np.hypot(*after)) > _LEAST_M

    def exchanged(self, k: int, arc: Floats) -> tuple[list[Floats], list[Floats]]:
        """The swept polylines about a corner without and with the arc."""
        on = [self.kinds[k - 1] is LegKind.CLEAN, self.kinds[k] is LegKind.CLEAN]
        corner, middle = self.points[k], len(arc) // 2
        if all(on):
            return [np.array([arc[0], corner, arc[-1]])], [arc]
        if on[0]:
            return [np.array([arc[0], corner])], [arc[: middle + 1]]
        if on[1]:
            return [np.array([corner, arc[-1]])], [arc[middle:]]
        return [], []

    def swept_runs(self) -> list[Floats]:
        """The polylines along which the head is on without a pause."""
        on = np.array([kind is LegKind.CLEAN for kind in self.kinds])
        edges = np.flatnonzero(np.diff(np.concatenate(([0], on.astype(np.int8), [0])))).tolist()
        return [self.points[a : b + 1] for a, b in zip(edges[::2], edges[1::2], strict=True)]

    def legs(self, legs: list[Leg]) -> list[Leg]:
        """The legs with the arcs for their corners."""
        found, first = [], 0
        for leg in legs:
            last = first + len(leg.points) - 1
            parts = [self._part(k, first, last) for k in range(first, last + 1)]
            points = np.concatenate(parts)
            found.append(replace(leg, points=points, times_s=np.zeros(len(points))))
            first = last
        return found

    def _part(self, k: int, first: int, last: int) -> Floats:
        """What stands for vertex k in a leg from vertex first to last: of an arc between two legs, one half."""
        arc = self.arcs.get(k)
        if arc is None:
            return self.points[k : k + 1]
        middle = len(arc) // 2
        if k == first:
            return arc[middle:]
        return arc[: middle + 1] if k == last else arc
