"""Which cells the cleaning head passes over, by the cells' centres."""

from __future__ import annotations

import math

import numpy as np

from robot_fleet.floor.profile import Head
from robot_fleet.planning.terrain import Bools, Floats, Ints

_PIECE_M = 3.0
_CORNER_RAD = 1e-3
_TOLERANCE_M = 1e-6


def mark_swept(mask: Bools, points: Floats, head: Head, side_m: float) -> None:
    """Marks in `mask` (rows, cols) what the head sweeps along a polyline (grid frame), pivots at its corners included."""
    for rows, cols in _pieces(mask.shape, points, head, side_m):
        mask[rows, cols] = True


def swept_cells(shape: tuple[int, int], points: Floats, head: Head, side_m: float) -> Ints:
    """The flat indices of the cells that the head sweeps along a polyline, each once."""
    found = [np.ravel_multi_index((rows, cols), shape) for rows, cols in _pieces(shape, points, head, side_m)]
    return np.unique(np.concatenate(found)) if found else np.zeros(0, dtype=np.int64)


def _pieces(shape: tuple[int, ...], points: Floats, head: Head, side_m: float) -> list[tuple[Ints, Ints]]:
    found = []
    half = head.width_m / 2
    step = np.diff(points, axis=0)
    length = np.hypot(step[:, 0], step[:, 1])
    ahead = step[length > 1e-9] / length[length > 1e-9, None]
    begins = points[:-1][length > 1e-9]
    length = length[length > 1e-9]
    for begin, unit, whole in zip(begins, ahead, length, strict=True):
        count = max(1, math.ceil(whole / _PIECE_M))
        for k in range(count):
            first = begin + unit * (head.offset_m + whole * k / count)
            found.append(_box(shape, first, unit, whole / count, half, side_m))
    for k in range(1, len(begins)):
        turn = math.atan2(_cross(ahead[k - 1], ahead[k]), float(ahead[k - 1] @ ahead[k]))
        if abs(turn) > _CORNER_RAD:
            found.append(_fan(shape, begins[k], ahead[k - 1], turn, head, side_m))
    return found


def _box(
    shape: tuple[int, ...], begin: Floats, unit: Floats, length: float, half: float, side_m: float
) -> tuple[Ints, Ints]:
    corners = np.array([begin, begin + unit * length])
    rows, cols, x, y = _window(shape, corners.min(axis=0) - half, corners.max(axis=0) + half, side_m)
    x, y = x - begin[0], y - begin[1]
    along, across = x * unit[0] + y * unit[1], y * unit[0] - x * unit[1]
    inside = (np.abs(across) <= half + _TOLERANCE_M) & (along >= -_TOLERANCE_M) & (along <= length + _TOLERANCE_M)
    found = np.nonzero(inside)
    return found[0] + rows, found[1] + cols


def _fan(
    shape: tuple[int, ...], centre: Floats, unit: Floats, turn: float, head: Head, side_m: float
) -> tuple[Ints, Ints]:
    """What both halves of the head sweep while the robot pivots."""
    reach = math.hypot(head.offset_m, head.width_m / 2)
    rows, cols, x, y = _window(shape, centre - reach, centre + reach, side_m)
    x, y = x - centre[0], y - centre[1]
    near = np.hypot(x, y) <= head.width_m / 2
    # Angles against the left half of the head before the turn; the right half is the same, turned by half a circle.
    angle = np.arctan2(y, x) - math.atan2(unit[1], unit[0]) - math.pi / 2
    if turn < 0:
        angle = -angle
    passed = np.mod(angle, math.pi) <= abs(turn)
    found = np.nonzero(near & passed & (head.offset_m == 0.0))
    return found[0] + rows, found[1] + cols


def _window(shape: tuple[int, ...], low: Floats, high: Floats, side_m: float) -> tuple[int, int, Floats, Floats]:
    col0, row0 = (max(0, math.floor(value / side_m)) for value in low)
    col1, row1 = min(shape[1], math.ceil(high[0] / side_m)), min(shape[0], math.ceil(high[1] / side_m))
    x = (np.arange(col0, max(col0, col1)) + 0.5) * side_m
    y = ((np.arange(row0, max(row0, row1)) + 0.5) * side_m)[:, None]
    return row0, col0, x, y


def _cross(a: Floats, b: Floats) -> float:
    return float(a[0] * b[1] - a[1] * b[0])
