"""Which cells the cleaning head passes over, by the cells' centres."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from robot_fleet.floor.profile import Head
from robot_fleet.planning.compiled import compiled
from robot_fleet.planning.polyline import Lines
from robot_fleet.planning.terrain import Bools, Floats, Ints

_CORNER_RAD = 1e-3
_STILL_M = 1e-9
# No more than rounding: what a head just misses is not clean.
_TOLERANCE_M = 2e-6


@dataclass(frozen=True, eq=False)
class Sweep:
    """Cells (flat indices) that the head passes over, each once, and how far along the polyline it first does (metres)."""

    cells: Ints
    along_m: Floats


def mark_swept(mask: Bools, points: Floats, head: Head, side_m: float) -> None:
    """Marks in `mask` (rows, cols) what the head sweeps along a polyline (grid frame), pivots at its corners included."""
    mask.ravel()[sweeps_of(mask.shape, points, head, side_m)] = True


def swept_cells(shape: tuple[int, ...], points: Floats, head: Head, side_m: float) -> Sweep:
    """What the head sweeps along a polyline (grid frame), pivots at its corners included."""
    return Sweep(*first_sweeps(*_swept(shape, points, head, side_m), shape[1]))


def mark_all_swept(mask: Bools, lines: list[Floats], head: Head, side_m: float) -> None:
    """Marks in `mask` (rows, cols) what the head sweeps along each of the polylines, as `mark_swept` does along one."""
    if lines:
        marked(Lines.of(lines), head.width_m / 2, head.offset_m, side_m, mask)


def sweeps_of(shape: tuple[int, ...], points: Floats, head: Head, side_m: float) -> Ints:
    """The flat indices of the swept cells, each as often as a move or a pivot sweeps it."""
    return _swept(shape, points, head, side_m)[0]


def _swept(shape: tuple[int, ...], points: Floats, head: Head, side_m: float) -> tuple[Ints, Floats]:
    """Flat cells and metres along the polyline of what each move and each pivot sweeps."""
    points = np.ascontiguousarray(points, dtype=np.float64)
    return sweeps_along(points, head.width_m / 2, head.offset_m, side_m, shape[0], shape[1])


@compiled
def marked(lines: Lines, half_m: float, offset_m: float, side_m: float, mask: Bools) -> None:
    """Marks the cells that a head sweeps along the polylines."""
    rows, cols = mask.shape
    for k in range(len(lines.first) - 1):
        points = lines.points[lines.first[k] : lines.first[k + 1]]
        for cell in sweeps_along(points, half_m, offset_m, side_m, rows, cols)[0]:
            mask[cell // cols, cell % cols] = True


@compiled
def most_sweeps(points: Floats, half_m: float, side_m: float) -> int:
    """No fewer than the cells that the moves and pivots along a polyline (n, 2) sweep."""
    across = 2 * half_m / side_m + 3
    most = len(points) * across**2 * 2
    for k in range(len(points) - 1):
        length = math.hypot(points[k + 1, 0] - points[k, 0], points[k + 1, 1] - points[k, 1])
        most += (length / side_m + 3) * across
    return int(most)


@compiled
def sweeps_along(
    points: Floats, half_m: float, offset_m: float, side_m: float, rows: int, cols: int
) -> tuple[Ints, Floats]:
    """Flat cells and metres along a polyline (n, 2) of what each move and each pivot sweeps."""
    most = most_sweeps(points, half_m, side_m)
    cells, along = np.empty(most, dtype=np.int64), np.empty(most)
    count = sweep_path(points, half_m, offset_m, side_m, rows, cols, cells, along)
    return cells[:count], along[:count]


@compiled
def first_sweeps(cells: Ints, along_m: Floats, cols: int) -> tuple[Ints, Floats]:
    """Each of the flat cells once, in order, with the least of its metres along."""
    if not len(cells):
        return cells, along_m
    low_row, high_row, low_col, high_col = cells[0] // cols, cells[0] // cols, cells[0] % cols, cells[0] % cols
    for cell in cells:
        row, col = cell // cols, cell % cols
        low_row, high_row = min(low_row, row), max(high_row, row)
        low_col, high_col = min(low_col, col), max(high_col, col)
    least = np.full((high_row - low_row + 1, high_col - low_col + 1), math.inf)
    count = 0
    for k in range(len(cells)):
        row, col = cells[k] // cols - low_row, cells[k] % cols - low_col
        count += least[row, col] == math.inf
        least[row, col] = min(least[row, col], along_m[k])
    found, along, count = np.empty(count, dtype=np.int64), np.empty(count), 0
    for row in range(least.shape[0]):
        for col in range(least.shape[1]):
            if least[row, col] < math.inf:
                found[count], along[count] = (row + low_row) * cols + col + low_col, least[row, col]
                count += 1
    return found, along


@compiled
def sweep_path(
    points: Floats, half_m: float, offset_m: float, side_m: float, rows: int, cols: int, out: Ints, along: Floats
) -> int:
    """Writes to `out` the flat cells that a head sweeps along a polyline (n, 2), to `along` the metres; their number."""
    count, way = 0, 0.0
    before_x, before_y = 0.0, 0.0
    for k in range(len(points) - 1):
        x, y = points[k, 0], points[k, 1]
        dx, dy = points[k + 1, 0] - x, points[k + 1, 1] - y
        length = math.hypot(dx, dy)
        if length <= _STILL_M:
            continue
        dx, dy = dx / length, dy / length
        if way > 0.0 and offset_m == 0.0:
            turn = math.atan2(before_x * dy - before_y * dx, before_x * dx + before_y * dy)
            if abs(turn) > _CORNER_RAD:
                begin = math.atan2(before_y, before_x) + math.pi / 2
                count = sweep_fan(x, y, begin, turn, half_m, side_m, rows, cols, way, out, along, count)
        x, y = x + dx * offset_m, y + dy * offset_m
        count = sweep_box(x, y, dx, dy, length, half_m, side_m, rows, cols, way, out, along, count)
        before_x, before_y = dx, dy
        way += length
    return count


@compiled
def sweep_box(
    x: float, y: float, dx: float, dy: float, length: float, half_m: float, side_m: float, rows: int, cols: int,
    way: float, out: Ints, along: Floats, count: int,
) -> int:  # fmt: skip
    """Appends the cells of a straight move of a head from (x, y) towards the unit vector (dx, dy), row by row."""
    wide, longer = half_m + _TOLERANCE_M, length + _TOLERANCE_M
    middle, reach = y + dy * length / 2, abs(dy) * (length / 2 + _TOLERANCE_M) + abs(dx) * wide
    for row in range(
        max(0, math.ceil((middle - reach) / side_m - 0.5)), min(rows, math.floor((middle + reach) / side_m + 0.5))
    ):
        up = (row + 0.5) * side_m - y
        low, high = -1e9, 1e9
        if abs(dx) > 1e-9:
            one, other = (-_TOLERANCE_M - up * dy) / dx, (longer - up * dy) / dx
            low, high = max(low, min(one, other)), min(high, max(one, other))
        elif not -_TOLERANCE_M <= up * dy <= longer:
            continue
        if abs(dy) > 1e-9:
            one, other = (up * dx - wide) / dy, (up * dx + wide) / dy
            low, high = max(low, min(one, other)), min(high, max(one, other))
        elif abs(up * dx) > wide:
            continue
        first = max(0, math.ceil((x + low) / side_m - 0.5))
        for col in range(first, min(cols - 1, math.floor((x + high) / side_m - 0.5)) + 1):
            out[count] = row * cols + col
            along[count] = way + min(max(((col + 0.5) * side_m - x) * dx + up * dy, 0.0), length)
            count += 1
    return count


@compiled
def sweep_fan(
    x: float, y: float, begin: float, turn: float, half_m: float, side_m: float, rows: int, cols: int,
    way: float, out: Ints, along: Floats, count: int,
) -> int:  # fmt: skip
    """Appends the cells that both halves of a head under the turning centre sweep when it turns by `turn` on the spot.

    `begin` is the angle of the head's left half before the turn; its right half is the same, turned by half a circle.
    """
    wide = half_m + _TOLERANCE_M
    sign = 1.0 if turn > 0 else -1.0
    for row in range(max(0, math.floor((y - wide) / side_m)), min(rows, math.ceil((y + wide) / side_m))):
        up = (row + 0.5) * side_m - y
        for col in range(max(0, math.floor((x - wide) / side_m)), min(cols, math.ceil((x + wide) / side_m))):
            right = (col + 0.5) * side_m - x
            if right * right + up * up > wide * wide:
                continue
            angle = (math.atan2(up, right) - begin) * sign
            if angle - math.floor(angle / math.pi) * math.pi <= abs(turn):
                out[count] = row * cols + col
                along[count] = way
                count += 1
    return count
