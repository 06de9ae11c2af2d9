"""Which cells the cleaning head passes over, by the cells' centres."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from robot_fleet.floor.profile import Head
from robot_fleet.planning.terrain import Bools, Floats, Ints

_PIECE_M = 3.0
_CORNER_RAD = 1e-3
_TOLERANCE_M = 5e-4


@dataclass(frozen=True, eq=False)
class Sweep:
    """Cells (flat indices) that the head passes over, each once, and how far along the polyline it first does (metres)."""

    cells: Ints
    along_m: Floats


def mark_swept(mask: Bools, points: Floats, head: Head, side_m: float) -> None:
    """Marks in `mask` (rows, cols) what the head sweeps along a polyline (grid frame), pivots at its corners included."""
    for rows, cols, _ in _pieces(mask.shape, points, head, side_m):
        mask[rows, cols] = True


def swept_cells(shape: tuple[int, int], points: Floats, head: Head, side_m: float) -> Sweep:
    """What the head sweeps along a polyline (grid frame), pivots at its corners included."""
    pieces = _pieces(shape, points, head, side_m)
    if not pieces:
        return Sweep(np.zeros(0, dtype=np.int64), np.zeros(0))
    cells = np.concatenate([rows * shape[1] + cols for rows, cols, _ in pieces])
    along = np.concatenate([along for _, _, along in pieces])
    order = np.lexsort((along, cells))
    first = order[np.concatenate(([True], np.diff(cells[order]) != 0))]
    return Sweep(cells[first], along[first])


def _pieces(shape: tuple[int, ...], points: Floats, head: Head, side_m: float) -> list[tuple[Ints, Ints, Floats]]:
    """Rows, columns and metres along the polyline of the swept cells, box by box and fan by fan."""
    found = []
    step = np.diff(points, axis=0)
    length = np.hypot(step[:, 0], step[:, 1])
    moves = np.flatnonzero(length > 1e-9)
    length, begins = length[moves], points[moves]
    ahead = step[moves] / length[:, None]
    way = np.concatenate(([0.0], np.cumsum(length)))
    for k in range(len(moves)):
        count = max(1, math.ceil(length[k] / _PIECE_M))
        for part in range(count):
            passed = length[k] * part / count
            rows, cols, along = _box(shape, begins[k] + ahead[k] * passed, ahead[k], length[k] / count, head, side_m)
            found.append((rows, cols, along + (way[k] + passed)))
    if head.offset_m == 0.0:
        for k in range(1, len(moves)):
            turn = math.atan2(_cross(ahead[k - 1], ahead[k]), float(ahead[k - 1] @ ahead[k]))
            if abs(turn) > _CORNER_RAD:
                rows, cols = _fan(shape, begins[k], ahead[k - 1], turn, head, side_m)
                found.append((rows, cols, np.full(len(rows), way[k])))
    return found


def _box(
    shape: tuple[int, ...], begin: Floats, unit: Floats, length: float, head: Head, side_m: float
) -> tuple[Ints, Ints, Floats]:
    half = head.width_m / 2
    begin = begin + unit * head.offset_m
    end = begin + unit * length
    row0, col0, x, y = _window(shape, np.minimum(begin, end) - half, np.maximum(begin, end) + half, side_m)
    x, y = x - begin[0], y - begin[1]
    along, across = x * unit[0] + y * unit[1], y * unit[0] - x * unit[1]
    inside = (np.abs(across) <= half + _TOLERANCE_M) & (along >= -_TOLERANCE_M) & (along <= length + _TOLERANCE_M)
    rows, cols = np.nonzero(inside)
    return rows + row0, cols + col0, along[rows, cols]


def _fan(
    shape: tuple[int, ...], centre: Floats, unit: Floats, turn: float, head: Head, side_m: float
) -> tuple[Ints, Ints]:
    """What both halves of a head under the turning centre sweep while the robot pivots."""
    reach = head.width_m / 2
    row0, col0, x, y = _window(shape, centre - reach, centre + reach, side_m)
    x, y = x - centre[0], y - centre[1]
    # Angles against the left half of the head before the turn; the right half is the same, turned by half a circle.
    angle = np.arctan2(y, x) - math.atan2(unit[1], unit[0]) - math.pi / 2
    passed = np.mod(angle if turn > 0 else -angle, math.pi) <= abs(turn)
    rows, cols = np.nonzero((np.hypot(x, y) <= reach) & passed)
    return rows + row0, cols + col0


def _window(shape: tuple[int, ...], low: Floats, high: Floats, side_m: float) -> tuple[int, int, Floats, Floats]:
    col0, row0 = (max(0, math.floor(value / side_m)) for value in low)
    col1, row1 = min(shape[1], math.ceil(high[0] / side_m)), min(shape[0], math.ceil(high[1] / side_m))
    x = (np.arange(col0, max(col0, col1)) + 0.5) * side_m
    y = ((np.arange(row0, max(row0, row1)) + 0.5) * side_m)[:, None]
    return row0, col0, x, y


def _cross(a: Floats, b: Floats) -> float:
    return float(a[0] * b[1] - a[1] * b[0])
