"""Lanes picked one by one for the most new floor per metre: for floor too cluttered for aisles.

A greedy weighted set cover (Chvatal, "A greedy heuristic for the set-covering problem", 1979) whose sets are all
straight stretches along the rows and columns of the frame. The best stretch at a given price of a metre is a maximum
subarray (Kadane) of the new floor per step minus the price; the price falls step by step.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from robot_fleet.planning.compiled import compiled
from robot_fleet.planning.frame import Frame
from robot_fleet.planning.polyline import TURNS_M
from robot_fleet.planning.terrain import FORGIVEN_M, Bools, Floats, Ints, Terrain

# Prices as shares of the head's width: floor worth less than the last is left.
_PRICES = (0.9, 0.75, 0.6, 0.5, 0.4, 0.32, 0.25, 0.19, 0.14, 0.1, 0.07)
# Stretches worth nearly as much as the best one are taken in the same pass.
_NEAR_BEST = 0.75
# A patch smaller than this is worth no lane of its own at any price.
_CRUMB_M2 = 0.05
_FAR = -1e6


@dataclass(frozen=True)
class _Stretch:
    """The nodes first .. last of a row, and what they are worth above their price, in nodes."""

    worth: float
    row: int
    first: int
    last: int


@dataclass(eq=False)
class _Field:
    """One window of the frame: where the head's centre can be, and which nodes still want cleaning. Rows are lanes."""

    safe: Bools
    rest: Bools
    half: int

    def best(self, price: float, turns: float) -> list[_Stretch]:
        """Row stretches worth most at a price per node, the best first, far enough apart not to share floor."""
        if not self.rest.any():
            return []
        firsts, lasts, values = best_runs(self.safe, self._new(), float(np.float32(price)))
        worth = values - price * turns
        found: list[_Stretch] = []
        for row in np.argsort(-worth, kind="stable"):
            if worth[row] <= 0.0 or worth[row] < _NEAR_BEST * worth.max():
                break
            if all(abs(row - other.row) > 2 * self.half for other in found):
                found.append(_Stretch(float(worth[row]), int(row), int(firsts[row]), int(lasts[row])))
        return found

    def _new(self) -> Ints:
        """Wanted nodes under the head at each node."""
        return under_head(self.rest, self.half)

    def sweep(self, one: _Stretch) -> None:
        """Nothing more is wanted under the head along a stretch."""
        self.rest[max(0, one.row - self.half) : one.row + self.half + 1, one.first : one.last + 1] = False


@compiled
def under_head(rest: Bools, half: int) -> Ints:
    """(rows, cols) how many nodes of a column are wanted up to `half` rows away."""
    rows, cols = rest.shape
    found = np.zeros((rows, cols), dtype=np.int64)
    for row in range(min(half + 1, rows)):
        for col in range(cols):
            found[0, col] += rest[row, col]
    for row in range(1, rows):
        for col in range(cols):
            found[row, col] = found[row - 1, col]
            if row + half < rows:
                found[row, col] += rest[row + half, col]
            if row - half > 0:
                found[row, col] -= rest[row - half - 1, col]
    return found


@compiled
def best_runs(safe: Bools, new: Ints, price: float) -> tuple[Ints, Ints, Floats]:
    """For each row the first and the last node of the stretch of safe nodes worth most at a price per node, and its worth.

    Of equals it is the shortest one that ends first.
    """
    rows, cols = new.shape
    firsts, lasts, worth = np.zeros(rows, dtype=np.int64), np.zeros(rows, dtype=np.int64), np.full(rows, _FAR)
    for row in range(rows):
        total, low, first, best = 0.0, 0.0, 0, -np.inf
        for col in range(cols):
            if total <= low:
                low, first = total, col
            total += new[row, col] - price if safe[row, col] else _FAR
            if total - low > best:
                best, firsts[row], lasts[row] = total - low, first, col
        worth[row] = best
    return firsts, lasts, worth


def picked_lanes(terrain: Terrain, frame: Frame, reach: Bools, rest: Bools, width_m: float) -> list[Floats]:
    """Lanes (n, 2) in the grid frame over what is wanted in `rest` (rows, cols); crumbs are left."""
    near = cv2.dilate(reach.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    safe = frame.seen(near) & (frame.room >= -FORGIVEN_M)
    wanted = frame.seen(_without_crumbs(rest, round(_CRUMB_M2 / frame.side_m**2)))
    half = int(width_m / 2 / frame.side_m)
    lanes = []
    for rows, cols in _windows(wanted, half + round(0.5 / frame.side_m)):
        for nodes in _picked(safe[rows, cols].copy(), wanted[rows, cols].copy(), half, frame.side_m):
            lane = frame.to_grid(nodes + np.array([cols.start, rows.start]))
            if terrain.open_path(lane):
                lanes.append(lane)
    return lanes


def _without_crumbs(rest: Bools, least: int) -> Bools:
    _, labels, stats, _ = cv2.connectedComponentsWithStats(rest.astype(np.uint8), connectivity=8)
    large = stats[:, cv2.CC_STAT_AREA] >= least
    large[0] = False
    return np.asarray(large[labels])


def _picked(safe: Bools, rest: Bools, half: int, side_m: float) -> Iterator[Floats]:
    """Stretches as nodes (col, row), dearest price first, along rows or columns, whichever is worth more."""
    along, across = _Field(safe, rest, half), _Field(safe.T, rest.T, half)
    turns = TURNS_M / side_m
    for share in _PRICES:
        price = share * (2 * half + 1)
        while True:
            rows, cols = along.best(price, turns), across.best(price, turns)
            turned = not rows or (bool(cols) and cols[0].worth > rows[0].worth)
            chosen = cols if turned else rows
            for one in chosen:
                (across if turned else along).sweep(one)
                yield _nodes(one, turned)
            if not chosen:
                break


def _nodes(one: _Stretch, turned: bool) -> Floats:
    """The two ends (col, row); a stretch of one node gets a little length."""
    longer = 0.01 if one.first == one.last else 0.0
    nodes = np.array([[one.first - longer, one.row], [one.last + longer, one.row]], dtype=np.float64)
    return nodes[:, ::-1] if turned else nodes


def _windows(wanted: Bools, margin: int) -> list[tuple[slice, slice]]:
    """Windows about the wanted nodes that one head can hardly sweep together."""
    size = 2 * margin + 1
    joined = cv2.dilate(wanted.astype(np.uint8), np.ones((size, size), np.uint8))
    count, _, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    found = []
    for left, low, width, height in stats[1:count, :4].tolist():
        found.append((slice(low, low + height), slice(left, left + width)))
    return found
