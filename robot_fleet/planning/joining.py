"""Lanes that go on into one another made one, so that little is to be ordered; long ones parted, to be shared out evenly."""

from __future__ import annotations

import math

import numpy as np
from scipy.spatial import cKDTree

from robot_fleet.planning.costs import Ends
from robot_fleet.planning.polyline import length_m, part
from robot_fleet.planning.terrain import Floats, Ints, Terrain

_APART_M = 0.6
_TURN_RAD = math.radians(40.0)
# An end lies so little behind the other, and so little beside its line, and more beside the farther it is.
_BACK_M, _ASIDE_M, _SLOPE = 0.1, 0.12, 0.5


def joined(terrain: Terrain, lanes: list[Floats]) -> list[Floats]:
    """The lanes (n, 2), those joined that lie end to end: nearest and straightest first, each end at most once."""
    if len(lanes) < 2:
        return lanes
    partner = _partners(terrain, lanes)
    found, done = [], np.zeros(len(lanes), dtype=bool)
    begins = [end for end in range(2 * len(lanes)) if partner[end] < 0]
    # Lanes that are joined to a circle have no free end: they are opened anywhere.
    for begin in begins + list(range(0, 2 * len(lanes), 2)):
        if done[begin // 2]:
            continue
        parts, end = [], begin
        while end >= 0 and not done[end // 2]:
            done[end // 2] = True
            lane = lanes[end // 2]
            parts.append(lane if end % 2 == 0 else lane[::-1])
            end = int(partner[end ^ 1])
        found.append(_chain(parts))
    return found


def parted(lanes: list[Floats], most_m: float) -> list[Floats]:
    """The lanes, those longer than `most_m` cut into equal parts: what is cut finely is shared out evenly."""
    found: list[Floats] = []
    for lane in lanes:
        count = max(1, math.ceil(length_m(lane) / most_m))
        found.extend(part(lane, k / count, (k + 1) / count) for k in range(count))
    return found


def pieces_of(lanes: list[Floats], orders: list[Ints], count: int, least_m: float) -> tuple[list[Floats], list[Ints]]:
    """The lanes cut into `count` equal pieces, none shorter than `least_m`, and the same tours over the pieces.

    An order has the ends through which lanes are entered: 2k the beginning of lane k, 2k + 1 its end.
    """
    counts = [max(1, min(count, int(length_m(lane) / least_m))) for lane in lanes]
    firsts = np.cumsum([0, *counts])
    found = [part(lane, k / n, (k + 1) / n) for lane, n in zip(lanes, counts, strict=True) for k in range(n)]

    def over_pieces(end: int) -> Ints:
        ends = 2 * np.arange(firsts[end // 2], firsts[end // 2 + 1])
        return ends if end % 2 == 0 else ends[::-1] + 1

    empty = np.zeros(0, dtype=np.int64)
    return found, [np.concatenate((empty, *map(over_pieces, order.tolist()))) for order in orders]


def _partners(terrain: Terrain, lanes: list[Floats]) -> list[int]:
    """For each end (2k, 2k + 1 of lane k) the end of another lane that it is joined to; -1 for none."""
    ends = Ends.of(lanes)
    pairs = cKDTree(ends.places).query_pairs(_APART_M, output_type="ndarray")
    pairs = pairs[pairs[:, 0] // 2 != pairs[:, 1] // 2]
    ways = ends.places[pairs[:, 1]] - ends.places[pairs[:, 0]]
    outward = ends.outward[pairs[:, 0]]
    along = (ways * outward).sum(axis=1)
    aside = np.abs(outward[:, 0] * ways[:, 1] - outward[:, 1] * ways[:, 0])
    turn = _angle(outward, -ends.outward[pairs[:, 1]])
    good = (turn < _TURN_RAD) & (along > -_BACK_M) & (aside < _ASIDE_M + _SLOPE * along)
    good &= terrain.open_lines(ends.places[pairs[:, 0]], ends.places[pairs[:, 1]])
    partner = [-1] * (2 * len(lanes))
    for k in np.argsort(np.abs(along) + aside + turn, kind="stable"):
        one, other = pairs[k].tolist()
        if good[k] and partner[one] < 0 and partner[other] < 0:
            partner[one], partner[other] = other, one
    return partner


def _angle(a: Floats, b: Floats) -> Floats:
    return np.asarray(np.abs(np.arctan2(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0], (a * b).sum(axis=1))))


def _chain(parts: list[Floats]) -> Floats:
    points = np.concatenate(parts)
    moves = np.concatenate(([True], np.hypot(*np.diff(points, axis=0).T) > 1e-6))
    return np.asarray(points[moves])
