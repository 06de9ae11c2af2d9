"""Polylines (n, 2) in metres: thinned, cut and measured, and kept safe."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from robot_fleet.planning.terrain import Floats, Ints, Terrain

# What a lane costs besides its length, in metres: the turns into it and out of it and the way between.
TURNS_M = 2.0
_TOLERANCE_M = 0.015


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
    found: list[Floats] = []
    for piece in _drivable(terrain, points):
        found.append(_sparse(terrain, piece, tolerance_m))
    return found


def simplified(points: Floats, tolerance_m: float) -> Floats:
    """The polyline without vertices that a line within the tolerance can do without (Douglas, Peucker, 1973)."""
    keep = np.zeros(len(points), dtype=bool)
    keep[[0, -1]] = True
    todo = [(0, len(points) - 1)]
    while todo:
        first, last = todo.pop()
        if last - first < 2:
            continue
        off = _off(points[first : last + 1])
        worst = int(np.argmax(off))
        if off[worst] > tolerance_m:
            keep[first + worst] = True
            todo += [(first, first + worst), (first + worst, last)]
    return np.asarray(points[keep])


def _sparse(terrain: Terrain, points: Floats, tolerance_m: float) -> Floats:
    """Vertices that a line within the tolerance can do without are left out (Douglas, Peucker, 1973), if that is safe."""
    keep = np.zeros(len(points), dtype=bool)
    keep[[0, -1]] = True
    todo = [(0, len(points) - 1)]
    while todo:
        first, last = todo.pop()
        if last - first < 2:
            continue
        off = _off(points[first : last + 1])
        worst = int(np.argmax(off))
        if off[worst] <= tolerance_m and terrain.open_line(points[first], points[last]):
            continue
        middle = first + worst if off[worst] > 1e-9 else (first + last) // 2
        keep[middle] = True
        todo += [(first, middle), (middle, last)]
    return np.asarray(points[keep])


def _off(points: Floats) -> Floats:
    """Distances of the inner vertices, and 0 for the ends, from the straight line between the ends."""
    along = points[-1] - points[0]
    size = float(np.hypot(*along))
    if size < 1e-12:
        return np.asarray(np.hypot(*(points - points[0]).T))
    away = points - points[0]
    return np.asarray(np.abs(away[:, 0] * along[1] - away[:, 1] * along[0]) / size)


def _drivable(terrain: Terrain, points: Floats) -> list[Floats]:
    is_open = terrain.open_lines(points[:-1], points[1:])
    edges = np.flatnonzero(np.diff(np.concatenate(([0], is_open.astype(np.int8), [0])))).tolist()
    return [points[a : b + 1] for a, b in zip(edges[::2], edges[1::2], strict=True)]
