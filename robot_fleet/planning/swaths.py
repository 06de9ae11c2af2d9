"""How often the cleaning head sweeps each cell, counted up and down move by move in compiled loops.

The same geometry as in `sweeping`: a cell is swept when its centre comes under the head, along a straight move or in
the turn at a vertex. A move always sweeps the same cells, so that what was added can be taken away again exactly.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from robot_fleet.planning.compiled import compiled
from robot_fleet.planning.terrain import Bools, Floats, Ints

Counts = NDArray[np.int32]

# No more than rounding: what a head just misses is not clean.
_TOLERANCE_M = 2e-6
_LEAST_RAD = 1e-3


@compiled
def swept(
    count: Counts, points: Floats, tags: Ints, on: Bools, first: int, last: int, head: Floats, side_m: float, by: int
) -> int:
    """Adds `by` (1 or -1) to `count` (rows, cols) for the moves first .. last - 1 and the turns at first .. last.

    Move k leads from points[k] to points[k + 1] and sweeps if on[tags[k]]; a turn sweeps between two moves that do.
    `head` is its width and how far it lies ahead. Returns how many cells more than before are swept by nothing.
    """
    bare = 0
    for k in range(first, last):
        if on[tags[k]]:
            bare += _boxed(count, points[k], points[k + 1], head, side_m, by)
    if head[1] != 0.0:
        return bare
    for k in range(max(first, 1), min(last, len(points) - 2) + 1):
        if on[tags[k - 1]] and on[tags[k]]:
            bare += _fanned(count, points[k - 1], points[k], points[k + 1], head[0] / 2, side_m, by)
    return bare


@compiled
def _boxed(count: Counts, a: Floats, b: Floats, head: Floats, side_m: float, by: int) -> int:
    """The cells under a head that moves straight from a to b."""
    length = math.hypot(b[0] - a[0], b[1] - a[1])
    if length < 1e-9:
        return 0
    ux, uy = (b[0] - a[0]) / length, (b[1] - a[1]) / length
    x, y = (a[0] + b[0]) / 2 + ux * head[1], (a[1] + b[1]) / 2 + uy * head[1]
    ahead, aside = length / 2 + _TOLERANCE_M, head[0] / 2 + _TOLERANCE_M
    high = abs(uy) * ahead + abs(ux) * aside
    # Where a row enters and leaves the strip between the ends of the move, and the one between the ends of the head.
    steep, flat = uy / ux if abs(ux) > 1e-9 else 0.0, ux / uy if abs(uy) > 1e-9 else 0.0
    along_m, across_m = ahead / max(abs(ux), 1e-9), aside / max(abs(uy), 1e-9)
    bare = 0
    low_row = max(0, math.ceil((y - high) / side_m - 0.5))
    for row in range(low_row, min(count.shape[0] - 1, math.floor((y + high) / side_m - 0.5)) + 1):
        dy = (row + 0.5) * side_m - y
        left, right = max(-dy * steep - along_m, dy * flat - across_m), min(-dy * steep + along_m, dy * flat + across_m)
        low_col = max(0, math.ceil((x + left) / side_m - 0.5))
        for col in range(low_col, min(count.shape[1] - 1, math.floor((x + right) / side_m - 0.5)) + 1):
            bare += _stepped(count, row, col, by)
    return bare


@compiled
def _fanned(count: Counts, a: Floats, b: Floats, c: Floats, half_m: float, side_m: float, by: int) -> int:
    """The cells under both halves of a head that turns at b, on the way from a to c."""
    px, py, qx, qy = b[0] - a[0], b[1] - a[1], c[0] - b[0], c[1] - b[1]
    if abs(px * qy - py * qx) <= _LEAST_RAD * (px * qx + py * qy):
        return 0
    if px * qx > 0.0 and 2.0 * abs(px) > abs(py) and 2.0 * abs(qx) > abs(qy):
        return _slit(count, b[0], b[1], py / px, qy / qx, half_m, side_m, by)
    if py * qy > 0.0 and 2.0 * abs(py) > abs(px) and 2.0 * abs(qy) > abs(qx):
        return _slit(count.T, b[1], b[0], px / py, qx / qy, half_m, side_m, by)
    radius = half_m + _TOLERANCE_M
    bare = 0
    low_row = max(0, math.ceil((b[1] - radius) / side_m - 0.5))
    for row in range(low_row, min(count.shape[0] - 1, math.floor((b[1] + radius) / side_m - 0.5)) + 1):
        dy = (row + 0.5) * side_m - b[1]
        wide = math.sqrt(max(0.0, radius * radius - dy * dy))
        # What was ahead of the head's line and is behind it now, or the reverse, has been passed over.
        for sign in (1.0, -1.0):
            left, right = _half_plane(-wide, wide, sign * px, sign * py * dy)
            left, right = _half_plane(left, right, -sign * qx, -sign * qy * dy)
            low_col = max(0, math.ceil((b[0] + left) / side_m - 0.5))
            for col in range(low_col, min(count.shape[1] - 1, math.floor((b[0] + right) / side_m - 0.5)) + 1):
                bare += _stepped(count, row, col, by)
    return bare


@compiled
def _slit(count: Counts, x: float, y: float, one: float, other: float, half_m: float, side_m: float, by: int) -> int:
    """The cells between two lines of a head that both lead across the rows, by `one` and `other` metres a metre.

    Where both moves lead along the rows rather than across them, those are the cells that are swept in the turn.
    """
    radius = half_m + _TOLERANCE_M
    bare = 0
    low_row = max(0, math.ceil((y - radius) / side_m - 0.5))
    for row in range(low_row, min(count.shape[0] - 1, math.floor((y + radius) / side_m - 0.5)) + 1):
        dy = (row + 0.5) * side_m - y
        left, right = min(-dy * one, -dy * other), max(-dy * one, -dy * other)
        low_col, high_col = math.ceil((x + left) / side_m - 0.5), math.floor((x + right) / side_m - 0.5)
        for col in range(max(0, low_col), min(count.shape[1] - 1, high_col) + 1):
            dx = (col + 0.5) * side_m - x
            if dx * dx + dy * dy <= radius * radius:
                bare += _stepped(count, row, col, by)
    return bare


@compiled
def _half_plane(left: float, right: float, slope: float, offset: float) -> tuple[float, float]:
    """The part of left .. right in which slope * x + offset is positive; none is an interval turned round."""
    if slope > 1e-12:
        return max(left, -offset / slope), right
    if slope < -1e-12:
        return left, min(right, -offset / slope)
    return (left, right) if offset >= 0.0 else (1.0, -1.0)


@compiled
def _stepped(count: Counts, row: int, col: int, by: int) -> int:
    """Counts one cell; 1 when it became bare, -1 when it was."""
    was = count[row, col]
    count[row, col] = was + by
    if by > 0:
        return -1 if was == 0 else 0
    return 1 if was == 1 else 0
