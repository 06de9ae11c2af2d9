"""Floor in which lanes run along the rows, taken apart into aisles: regions with one lower and one upper side.

A cellular decomposition as in Choset, "Coverage of known spaces: the boustrophedon cellular decomposition", 2000: a
sweep over the columns, with a new region wherever the free run of a column splits, joins, or jumps.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from robot_fleet.planning.compiled import compiled
from robot_fleet.planning.terrain import Bools, Floats, Ints, Nodes


@dataclass(frozen=True, eq=False)
class Aisle:
    """Columns first .. first + n - 1 with the lowest and the highest row (n,) of the region in each."""

    first: int
    low: Ints
    high: Ints

    @property
    def cols(self) -> Ints:
        """The columns (n,)."""
        return np.arange(self.first, self.first + len(self.low))


@dataclass(frozen=True, eq=False)
class _Runs:
    col: Ints
    low: Ints
    high: Ints


def aisles(mask: Bools, jump: int) -> list[Aisle]:
    """The aisles of a mask (rows, cols); a side that jumps by more than `jump` cells from column to column ends one."""
    runs = _runs(mask)
    follows = followers(runs.col, runs.low, runs.high, jump)
    begins = np.ones(len(runs.col), dtype=bool)
    begins[follows[follows >= 0]] = False
    found, follower = [], follows.tolist()
    for begin in np.flatnonzero(begins).tolist():
        chain = [begin]
        while follower[chain[-1]] >= 0:
            chain.append(follower[chain[-1]])
        found.append(Aisle(int(runs.col[begin]), runs.low[chain], runs.high[chain]))
    return found


def _runs(mask: Bools) -> _Runs:
    """The runs of a mask, in the order of their columns and rows."""
    row, col = np.nonzero(np.diff(mask, axis=0, prepend=False, append=False))
    order = np.lexsort((row, col))
    # In each column a run begins at every second change, and ends before the one that follows.
    begins, ends = order[::2], order[1::2]
    return _Runs(col[begins], row[begins], row[ends] - 1)


@compiled
def followers(cols: Ints, lows: Ints, highs: Ints, jump: int) -> Ints:
    """For each run the run of the next column that carries its region on; -1 where the region ends.

    Runs lie in the order of their columns and rows. A run goes on where it touches one run that touches no other.
    """
    follower, touching = np.full(len(cols), -1), np.zeros(len(cols), dtype=np.int64)
    begin = 0
    for one in range(len(cols)):
        while begin < len(cols) and (
            cols[begin] <= cols[one] or (cols[begin] == cols[one] + 1 and highs[begin] < lows[one])
        ):
            begin += 1
        other = begin
        while other < len(cols) and cols[other] == cols[one] + 1 and lows[other] <= highs[one]:
            touching[other] += 1
            follower[one] = other if other == begin else -2
            other += 1
    for one in range(len(cols)):
        other = follower[one]
        if (
            other < 0
            or touching[other] != 1
            or max(abs(lows[one] - lows[other]), abs(highs[one] - highs[other])) > jump
        ):
            follower[one] = -1
    return follower


def sides(room: Nodes, aisle: Aisle) -> tuple[Floats, Floats, Bools, Bools]:
    """The aisle's lower and upper side (n,) in rows, exact where they are walls, and whether they are walls.

    A side is a wall where the robot cannot go on beyond it: there the side lies where the room becomes 0.
    """
    low, low_wall = _side(room, aisle.cols, aisle.low, -1)
    high, high_wall = _side(room, aisle.cols, aisle.high, 1)
    middle = (low + high) / 2
    crossed = low > high
    return np.where(crossed, middle, low), np.where(crossed, middle, high), low_wall, high_wall


def _side(room: Nodes, cols: Ints, rows: Ints, step: int) -> tuple[Floats, Bools]:
    beyond = rows + step
    inside = (beyond >= 0) & (beyond < room.shape[0])
    here = np.maximum(room[rows, cols].astype(np.float64), 0.0)
    there = np.where(inside, room[np.clip(beyond, 0, room.shape[0] - 1), cols].astype(np.float64), -1.0)
    wall = there < 0
    share = np.where(wall, here / np.maximum(here - there, 1e-9), 0.5)
    return rows + step * np.minimum(share, 1.0), wall
