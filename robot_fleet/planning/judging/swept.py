"""Which floor the heads and squeegees of a plan pass over, and when; counted in cells by their centres."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from robot_fleet.floor.grid import OccupancyGrid
from robot_fleet.floor.profile import Head, Squeegee
from robot_fleet.planning.judging.strokes import Strokes
from robot_fleet.planning.judging.track import Bools, Floats

SWEEP_TOLERANCE_M = 1e-3
CHUNK_M = 4.0
NEVER_S = -math.inf


def covered(grid: OccupancyGrid, robots: Iterable[Strokes]) -> Bools:
    """Mask (rows, cols) of the cells whose centre a head passes over with its deck on, jumps left out."""
    mask: Bools = np.zeros(grid.shape, dtype=bool)
    for strokes in robots:
        for patch in _patches(grid, strokes, strokes.deck, strokes.track.profile.head, _as_one(strokes)):
            rows, cols, inside = patch.cells(grid)
            mask[rows, cols] |= inside
    return mask


def passed_s(grid: OccupancyGrid, last: Floats, strokes: Strokes, on: Bools, line: Head | Squeegee) -> None:
    """Raises the times in `last` (rows, cols) to when the line passes over each cell, in the strokes that are marked."""
    nothing = np.zeros(len(on), dtype=bool)
    for patch in _patches(grid, strokes, on, line, nothing):
        rows, cols, inside = patch.cells(grid)
        if inside.any():
            when = patch.when_s(*_middles(rows, cols, grid.resolution_m))
            window = last[rows, cols]
            np.maximum(window, np.where(inside, when, NEVER_S), out=window)


@dataclass(frozen=True, eq=False)
class _Lane:
    """A ring (4, 2) in the grid frame that a line sweeps, straight on from its first side to its last."""

    ring: Floats
    begin_s: float
    end_s: float

    def cells(self, grid: OccupancyGrid) -> tuple[slice, slice, Bools]:
        """The cells that the line passes over: rows, columns and a mask."""
        return _inside(grid.shape, self.ring / grid.resolution_m, grid.resolution_m)

    def when_s(self, y: Floats, x: Floats) -> Floats:
        """(rows, cols) when the line passes over the places."""
        ahead = self.ring[3] - self.ring[0]
        squared = float(ahead @ ahead)
        if squared == 0.0:
            return np.full((len(y), x.size), (self.begin_s + self.end_s) / 2.0)
        share = ((x - self.ring[0, 0]) * ahead[0] + (y - self.ring[0, 1]) * ahead[1]) / squared
        when: Floats = self.begin_s + np.clip(share, 0.0, 1.0) * (self.end_s - self.begin_s)
        return when


@dataclass(frozen=True, eq=False)
class _Turn:
    """What a line sweeps that turns about a centre (2,) in the grid frame.

    A place passes under the line where it is as far from the centre as one of the line's points: at most two of them.
    """

    centre: Floats
    yaw: float
    turn: float
    line: Head | Squeegee
    begin_s: float
    end_s: float

    def cells(self, grid: OccupancyGrid) -> tuple[slice, slice, Bools]:
        """The cells that the line passes over: rows, columns and a mask."""
        reach = math.hypot(self.line.offset_m, self.line.width_m / 2.0) + SWEEP_TOLERANCE_M
        cols, rows = (
            _span((at - reach) / grid.resolution_m, (at + reach) / grid.resolution_m, count)
            for at, count in zip(self.centre.tolist(), grid.shape[::-1], strict=True)
        )
        return rows, cols, self._shares(*_middles(rows, cols, grid.resolution_m)) >= 0.0

    def when_s(self, y: Floats, x: Floats) -> Floats:
        """(rows, cols) when the line passes over the places last; what it does not pass over has no such time."""
        when: Floats = self.begin_s + self._shares(y, x) * (self.end_s - self.begin_s)
        return when

    def _shares(self, y: Floats, x: Floats) -> Floats:
        """(rows, cols) which share of the turn is done when the line passes over the places last; -1: it never does."""
        x, y, ahead = x - self.centre[0], y - self.centre[1], self.line.offset_m
        away = np.hypot(x, y)
        aside = np.sqrt(np.maximum(away**2 - ahead**2, 0.0))
        slack = SWEEP_TOLERANCE_M / np.maximum(away, SWEEP_TOLERANCE_M / math.pi)
        found = np.full(away.shape, -1.0)
        for point in (aside, -aside):
            turned = math.copysign(1.0, self.turn) * (np.arctan2(y, x) - np.arctan2(point, ahead) - self.yaw)
            turned = np.mod(turned + slack, math.tau) - slack
            share = np.clip(turned / abs(self.turn), 0.0, 1.0)
            np.maximum(found, np.where(turned <= abs(self.turn) + slack, share, -1.0), out=found)
        under = (away >= abs(ahead) - SWEEP_TOLERANCE_M) & (aside <= self.line.width_m / 2.0 + SWEEP_TOLERANCE_M)
        return np.where(under, found, -1.0)


def _as_one(strokes: Strokes) -> Bools:
    """(n,) which drives go straight on from the one before, with the deck on in both, and can be swept with it."""
    goes_on = strokes.deck & strokes.drives & strokes.joined
    goes_on[1:] &= strokes.deck[:-1] & strokes.drives[:-1] & (strokes.reverse[1:] == strokes.reverse[:-1])
    goes_on[:1] = False
    return goes_on


def _patches(
    grid: OccupancyGrid, strokes: Strokes, on: Bools, line: Head | Squeegee, as_one: Bools
) -> Iterator[_Lane | _Turn]:
    """What the line sweeps in the strokes that are marked, one after the other."""
    a, b = grid.from_map(strokes.a), grid.from_map(strokes.b)
    yaw = strokes.yaw - grid.origin.yaw_rad
    drives = strokes.drives
    for k in np.flatnonzero(on & ~as_one).tolist():
        begin_s, end_s = float(strokes.begin_s[k]), float(strokes.end_s[k])
        if not drives[k]:
            yield _Turn(a[k], float(yaw[k]), float(strokes.turn[k]), line, begin_s, end_s)
            continue
        last = k + 1
        while last < len(yaw) and as_one[last]:
            last += 1
        yield from _lane(a[k], b[last - 1], float(yaw[k]), line, begin_s, float(strokes.end_s[last - 1]))


def _lane(a: Floats, b: Floats, yaw: float, line: Head | Squeegee, begin_s: float, end_s: float) -> Iterator[_Lane]:
    pieces = max(1, math.ceil(math.hypot(b[0] - a[0], b[1] - a[1]) / CHUNK_M))
    left, right = _ends(line, yaw)
    step, step_s = (b - a) / pieces, (end_s - begin_s) / pieces
    for i in range(pieces):
        first, last, since_s = a + i * step, a + (i + 1) * step, begin_s + i * step_s
        yield _Lane(np.array((first + left, first + right, last + right, last + left)), since_s, since_s + step_s)


def _ends(line: Head | Squeegee, yaw: float) -> Floats:
    """The left and the right end of a head or squeegee, (2, 2), about the turning centre."""
    cos, sin = math.cos(yaw), math.sin(yaw)
    ahead, half = line.offset_m, line.width_m / 2.0
    return np.array([(ahead * cos - side * sin, ahead * sin + side * cos) for side in (half, -half)])


def _middles(rows: slice, cols: slice, side_m: float) -> tuple[Floats, Floats]:
    """The middles of cells in the grid frame: y (rows, 1) and x (1, cols)."""
    y, x = ((np.arange(cells.start, cells.stop) + 0.5) * side_m for cells in (rows, cols))
    return y[:, None], x[None, :]


def _inside(shape: tuple[int, ...], ring: Floats, side_m: float) -> tuple[slice, slice, Bools]:
    """The cells with their centre in a convex ring (n, 2), given in cells, x before y: rows, columns and a mask."""
    tolerance = SWEEP_TOLERANCE_M / side_m
    corners: list[list[float]] = ring.tolist()
    (low_x, low_y), (high_x, high_y) = map(min, zip(*corners, strict=True)), map(max, zip(*corners, strict=True))
    cols, rows = (
        _span(low_x - tolerance, high_x + tolerance, shape[1]),
        _span(low_y - tolerance, high_y + tolerance, shape[0]),
    )
    x = np.arange(cols.start, cols.stop) + 0.5
    y = (np.arange(rows.start, rows.stop) + 0.5)[:, None]
    left: Bools = np.ones((len(y), len(x)), dtype=bool)
    right: Bools = np.ones((len(y), len(x)), dtype=bool)
    for (x0, y0), (x1, y1) in zip(corners, [*corners[1:], corners[0]], strict=True):
        length = math.hypot(x1 - x0, y1 - y0)
        if length > 1e-9:
            across = (x1 - x0) / length * (y - y0) - (y1 - y0) / length * (x - x0)
            left &= across >= -tolerance
            right &= across <= tolerance
    return rows, cols, left | right


def _span(low: float, high: float, count: int) -> slice:
    """The cells of a row of so many whose middles lie between two positions."""
    first = min(max(0, math.ceil(low - 0.5)), count)
    return slice(first, max(first, min(count, math.floor(high - 0.5) + 1)))
