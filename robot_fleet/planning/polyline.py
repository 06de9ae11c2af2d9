"""Polylines (n, 2) in metres: thinned, cut and measured, and kept safe."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from robot_fleet.planning.compiled import compiled
from robot_fleet.planning.terrain import Bools, Floats, Ints, Terrain, line_open

# What a lane costs besides its length, in metres: the turns into it and out of it and the way between.
TURNS_M = 2.0
_TOLERANCE_M = 0.015
# In place of a terrain, where lines need not be safe.
_NOWHERE = (np.zeros((1, 1), dtype=np.float32), 1.0, 0.0)
# As a terrain's: one kind of array for compiled functions.
_NOWHERE[0].setflags(write=False)


class Lines(NamedTuple):
    """Polylines one behind the other: line k has the points (n, 2) from first[k] to first[k + 1]."""

    points: Floats
    first: Ints

    @classmethod
    def of(cls, lines: list[Floats]) -> Lines:
        """At least one polyline."""
        return cls(np.concatenate(lines, dtype=np.float64), np.cumsum([0, *map(len, lines)]))

    def lengths_m(self) -> Floats:
        """(lines,) metres along each of them."""
        steps = np.hypot(*np.diff(self.points, axis=0, append=self.points[-1:]).T)
        steps[self.first[1:] - 1] = 0.0
        return np.asarray(np.add.reduceat(steps, self.first[:-1]))


def length_m(points: Floats) -> float:
    """Metres along a polyline."""
    return float(np.hypot(*np.diff(points, axis=0).T).sum())


def part(points: Floats, first: float, last: float) -> Floats:
    """The polyline between two shares of its length."""
    if first <= 0.0 and last >= 1.0:
        return points
    way = np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))))
    ends = np.clip([first, last], 0.0, 1.0) * way[-1]
    inner = points[(way > ends[0] + 1e-9) & (way < ends[1] - 1e-9)]
    begin, end = (np.array([[np.interp(at, way, points[:, k]) for k in (0, 1)]]) for at in ends)
    return np.concatenate((begin, inner, end))


def spaced(points: Floats, step_m: float) -> Floats:
    """Places along the polyline, at most `step_m` apart."""
    way = np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))))
    at = np.linspace(0.0, way[-1], int(way[-1] / step_m) + 2)
    return np.column_stack([np.interp(at, way, points[:, k]) for k in (0, 1)])


def thinned(terrain: Terrain, points: Floats, tolerance_m: float = _TOLERANCE_M) -> list[Floats]:
    """The polyline with as few vertices as safety allows; in pieces where it cannot be driven at all."""
    pieces = _drivable(terrain, points)
    return [piece[kept(piece, tolerance_m, True, *terrain.measures)] for piece in pieces]


def simplified(points: Floats, tolerance_m: float) -> Floats:
    """The polyline without vertices that a line within the tolerance can do without."""
    return points[kept(points, tolerance_m, False, *_NOWHERE)]


@compiled
def kept(
    points: Floats, tolerance_m: float, safely: bool, fine_m: NDArray[np.float32], side_m: float, keep_m: float
) -> Bools:
    """(n,) the vertices that no line within the tolerance, `safely` one that keeps its room, can do without.

    As in Douglas, Peucker, "Algorithms for the reduction of the number of points required to represent a digitized
    line or its caricature", 1973.
    """
    keep = np.zeros(len(points), dtype=np.bool_)
    keep[0], keep[-1] = True, True
    spans, count = np.empty((len(points), 2), dtype=np.int64), 1
    spans[0] = 0, len(points) - 1
    while count:
        count -= 1
        first, last = spans[count]
        if last - first < 2:
            continue
        off = off_line(points[first : last + 1])
        worst = np.argmax(off)
        if off[worst] <= tolerance_m:
            (ax, ay), (bx, by) = points[first], points[last]
            if not safely or line_open(fine_m, side_m, keep_m, ax, ay, bx, by):
                continue
        middle = first + worst if off[worst] > 1e-9 else (first + last) // 2
        keep[middle] = True
        spans[count], spans[count + 1] = (first, middle), (middle, last)
        count += 2
    return keep


@compiled
def off_line(points: Floats) -> Floats:
    """Distances of the inner vertices, and 0 for the ends, from the straight line between the ends."""
    along = points[-1] - points[0]
    size = math.hypot(along[0], along[1])
    away = points - points[0]
    if size < 1e-12:
        return np.asarray(np.hypot(away[:, 0], away[:, 1]))
    return np.asarray(np.abs(away[:, 0] * along[1] - away[:, 1] * along[0]) / size)


def _drivable(terrain: Terrain, points: Floats) -> list[Floats]:
    is_open = terrain.open_lines(points[:-1], points[1:])
    if is_open.all():
        return [points] if len(points) > 1 else []
    edges = np.flatnonzero(np.diff(np.concatenate(([0], is_open.astype(np.int8), [0])))).tolist()
    return [points[a : b + 1] for a, b in zip(edges[::2], edges[1::2], strict=True)]
