"""Lanes on one-way floor, cut where it begins and ends, each turned the way in which it is to be driven."""

from __future__ import annotations

from itertools import groupby, pairwise

import numpy as np

from robot_fleet.planning.directions import LANE_SIN, Directions, are_any, lines_stray, path_strays
from robot_fleet.planning.polyline import length_m
from robot_fleet.planning.terrain import Bools, Floats, Ints

# Bits of a lane before and behind one-way floor that are no longer than this are driven with it; shorter lanes than the
# second are none.
_WITH_M, _LEAST_M = 1.5, 0.1
_NEITHER, _AHEAD, _BACK, _BOTH = range(4)


def faced(directions: Directions, lanes: list[Floats]) -> list[Floats]:
    """The lanes (n, 2), those on one-way floor cut and turned; a bit that may be driven in neither direction is left out."""
    if not are_any(directions):
        return lanes
    return [piece for lane in lanes for piece in _faced(directions, lane)]


def fixed(directions: Directions, lanes: list[Floats]) -> Ints:
    """The numbers of the lanes that may only be driven from their beginning to their end."""
    if not are_any(directions):
        return np.zeros(0, dtype=np.int64)
    back = [path_strays(directions, np.ascontiguousarray(lane), len(lane) - 1, 0, LANE_SIN) for lane in lanes]
    return np.flatnonzero(back)


def _faced(directions: Directions, lane: Floats) -> list[Floats]:
    points, is_vertex = _finely(lane, directions.side_m / 2)
    ahead = ~lines_stray(directions, points[:-1], points[1:], LANE_SIN)
    back = ~lines_stray(directions, points[1:], points[:-1], LANE_SIN)
    found = []
    for may, first, last in _runs(ahead * _AHEAD + back * _BACK, points):
        kept = is_vertex[first : last + 1].copy()
        kept[[0, -1]] = True
        piece = points[first : last + 1][kept]
        if may != _NEITHER and length_m(piece) >= _LEAST_M:
            found.append(np.ascontiguousarray(piece[::-1] if may == _BACK else piece))
    return found


def _finely(lane: Floats, step_m: float) -> tuple[Floats, Bools]:
    """The polyline with moves of at most so many metres, and which of its vertices are the lane's own."""
    points, own = [lane[:1]], [True]
    for a, b in pairwise(lane):
        count = int(np.hypot(*(b - a)) / step_m) + 1
        points.append(a + (b - a) * (np.arange(1, count + 1) / count)[:, None])
        own += [False] * (count - 1) + [True]
    return np.concatenate(points), np.array(own)


def _runs(may: Ints, points: Floats) -> list[tuple[int, int, int]]:
    """Runs (directions, first vertex, last vertex) of a path's moves; short ones of both go with the one beside them."""
    found: list[tuple[int, int, int]] = []
    first = 0
    for kind, run in groupby(may.tolist()):
        last = first + len(list(run))
        found.append((kind, first, last))
        first = last
    for k, (kind, first, last) in enumerate(found):
        if kind == _BOTH and length_m(points[first : last + 1]) <= _WITH_M:
            beside = [found[j][0] for j in (k - 1, k + 1) if 0 <= j < len(found)]
            found[k] = (next((one for one in beside if one in (_AHEAD, _BACK)), kind), first, last)
    joined: list[tuple[int, int, int]] = []
    for kind, first, last in found:
        if joined and joined[-1][0] == kind:
            joined[-1] = (kind, joined[-1][1], last)
        else:
            joined.append((kind, first, last))
    return joined
