"""Which cells the cleaning head passes over, by the cells' centres."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from robot_fleet.floor.profile import Head
from robot_fleet.planning.terrain import Bools, Floats, Ints

_PIECE_M = 0.6
_CORNER_RAD = 1e-3
_CELLS_AT_ONCE = 400_000
_TOLERANCE_M = 5e-4


@dataclass(frozen=True, eq=False)
class Sweep:
    """Cells (flat indices) that the head passes over, each once, and how far along the polyline it first does (metres)."""

    cells: Ints
    along_m: Floats


def mark_swept(mask: Bools, points: Floats, head: Head, side_m: float) -> None:
    """Marks in `mask` (rows, cols) what the head sweeps along a polyline (grid frame), pivots at its corners included."""
    for cells, _ in _pieces(mask.shape, points, head, side_m):
        np.put(mask, cells, True)


def swept_cells(shape: tuple[int, ...], points: Floats, head: Head, side_m: float) -> Sweep:
    """What the head sweeps along a polyline (grid frame), pivots at its corners included."""
    pieces = _pieces(shape, points, head, side_m)
    if not pieces:
        return Sweep(np.zeros(0, dtype=np.int64), np.zeros(0))
    cells, along = np.concatenate([one for one, _ in pieces]), np.concatenate([one for _, one in pieces])
    order = np.lexsort((along, cells))
    first = order[np.concatenate(([True], np.diff(cells[order]) != 0))]
    return Sweep(cells[first], along[first])


def sweeps_of(shape: tuple[int, ...], points: Floats, head: Head, side_m: float) -> Ints:
    """The flat indices of the swept cells, each as often as a move or a pivot sweeps it."""
    pieces = _pieces(shape, points, head, side_m)
    return np.concatenate([cells for cells, _ in pieces]) if pieces else np.zeros(0, dtype=np.int64)


def _pieces(shape: tuple[int, ...], points: Floats, head: Head, side_m: float) -> list[tuple[Ints, Floats]]:
    """Flat cells and metres along the polyline of what is swept, in batches, not each cell once."""
    step = np.diff(points, axis=0)
    length = np.hypot(step[:, 0], step[:, 1])
    moves = np.flatnonzero(length > 1e-9)
    if not len(moves):
        return []
    begins, length = points[moves], length[moves]
    ahead = step[moves] / length[:, None]
    way = np.concatenate(([0.0], np.cumsum(length)))
    found = list(_boxes(shape, begins, ahead, length, way, head, side_m))
    if head.offset_m == 0.0 and len(moves) > 1:
        found.extend(_fans(shape, begins[1:], ahead, way[1:-1], head, side_m))
    return found


def _boxes(
    shape: tuple[int, ...], begins: Floats, ahead: Floats, length: Floats, way: Floats, head: Head, side_m: float
) -> Iterator[tuple[Ints, Floats]]:
    """What is swept along straight moves, each in pieces so short that small windows of cells hold them."""
    counts = np.ceil(length / _PIECE_M).astype(np.int64)
    move = np.repeat(np.arange(len(length)), counts)
    part = np.arange(len(move)) - np.repeat(np.cumsum(counts) - counts, counts)
    each = length[move] / counts[move]
    passed, unit = part * each, ahead[move]
    first = begins[move] + unit * (passed + head.offset_m)[:, None]
    half = head.width_m / 2
    size = math.ceil((2 * math.hypot(half, _PIECE_M / 2)) / side_m) + 2
    for batch in _batches(len(move), size):
        centre = first[batch] + unit[batch] * each[batch, None] / 2
        rows, cols, x, y = _windows(centre, size, side_m)
        u, v = unit[batch, 0, None, None], unit[batch, 1, None, None]
        along, across = x * u + y * v, y * u - x * v
        inside = (np.abs(across) <= half + _TOLERANCE_M) & (np.abs(along) <= each[batch, None, None] / 2 + _TOLERANCE_M)
        start = (way[move[batch]] + passed[batch] + each[batch] / 2)[:, None, None]
        yield _inside(shape, rows, cols, inside, along + start)


def _fans(
    shape: tuple[int, ...], centres: Floats, ahead: Floats, way: Floats, head: Head, side_m: float
) -> Iterator[tuple[Ints, Floats]]:
    """What both halves of a head under the turning centre sweep at the corners of a polyline."""
    before, after = ahead[:-1], ahead[1:]
    turn = np.arctan2(before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0], (before * after).sum(axis=1))
    corners = np.flatnonzero(np.abs(turn) > _CORNER_RAD)
    reach = head.width_m / 2
    size = math.ceil(head.width_m / side_m) + 2
    for batch in _batches(len(corners), size):
        k = corners[batch]
        rows, cols, x, y = _windows(centres[k], size, side_m)
        # Angles against the left half of the head before the turn; the right half is the same, turned by half a circle.
        left = np.arctan2(before[k, 1], before[k, 0]) + math.pi / 2
        angle = (np.arctan2(y, x) - left[:, None, None]) * np.sign(turn[k])[:, None, None]
        passed = np.mod(angle, math.pi) <= np.abs(turn[k])[:, None, None]
        inside = (np.hypot(x, y) <= reach + _TOLERANCE_M) & passed
        yield _inside(shape, rows, cols, inside, np.broadcast_to(way[k, None, None], inside.shape))


def _batches(count: int, size: int) -> Iterator[slice]:
    each = max(1, _CELLS_AT_ONCE // size**2)
    return (slice(first, min(first + each, count)) for first in range(0, count, each))


def _windows(centres: Floats, size: int, side_m: float) -> tuple[Ints, Ints, Floats, Floats]:
    """Rows (k, size, 1) and columns (k, 1, size) about centres, and how far their cells' centres lie from them."""
    low = np.floor(centres / side_m).astype(np.int64) - size // 2
    steps = np.arange(size)
    cols, rows = low[:, 0, None, None] + steps[None, None, :], low[:, 1, None, None] + steps[None, :, None]
    x = (cols + 0.5) * side_m - centres[:, 0, None, None]
    y = (rows + 0.5) * side_m - centres[:, 1, None, None]
    return rows, cols, x, y


def _inside(shape: tuple[int, ...], rows: Ints, cols: Ints, inside: Bools, along: Floats) -> tuple[Ints, Floats]:
    inside = inside & (rows >= 0) & (rows < shape[0]) & (cols >= 0) & (cols < shape[1])
    flat = np.broadcast_to(rows * shape[1] + cols, inside.shape)
    return flat[inside], along[inside]
