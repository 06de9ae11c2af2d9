"""Floor that several crews can clean, parted among them by straight cuts.

Crews differ in what they reach or may enter, so no one assignment of lanes can balance them. Instead every crew first
keeps the floor that is its alone, then gets of the common floor what brings its time up to that of the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from robot_fleet.planning.terrain import Bools, Floats


@dataclass(frozen=True, eq=False)
class Party:
    """Who wants floor: the cells (rows, cols) that it could take, what it cleans a second, and the middle (row, col) of
    where it can be.
    """

    able: Bools
    rate: float
    middle: tuple[float, float]


def parted_floor(parties: Sequence[Party]) -> list[Bools]:
    """A mask (rows, cols) for each party; together they are all that some party is able to take, each cell once."""
    if not parties:
        return []
    left = np.logical_or.reduce([party.able for party in parties])
    shares = []
    for k, party in enumerate(parties):
        others = parties[k + 1 :]
        mine = party.able & left
        common = mine & np.logical_or.reduce([np.zeros_like(left), *(other.able for other in others)])
        own = mine & ~common
        fair = left.sum() * party.rate / (party.rate + sum(other.rate for other in others))
        share = own | _cut(common, round(fair - own.sum()), _towards(own, party, others))
        shares.append(share)
        left &= ~share
    return shares


def _towards(own: Bools, party: Party, others: Sequence[Party]) -> Floats:
    """The direction (rows, cols) in which a party's own floor lies, seen from the others."""
    here = np.argwhere(own).mean(axis=0) if own.any() else np.array(party.middle)
    there = np.mean([other.middle for other in others], axis=0) if others else here
    ahead = here - there
    if not ahead.any():
        return np.array([0.0, 1.0])
    # Along the nearer axis of the grid: slanted cuts would cut many lanes.
    return np.asarray(np.sign(ahead) * (np.abs(ahead) == np.abs(ahead).max()))


def _cut(common: Bools, count: int, towards: Floats) -> Bools:
    """So many of the common cells as lie farthest in a direction (rows, cols); whole lines of cells."""
    if count <= 0 or not common.any():
        return np.zeros_like(common)
    cells = np.argwhere(common)
    if count >= len(cells):
        return common
    ahead = cells @ towards
    line = np.partition(ahead, len(cells) - count)[len(cells) - count]
    share = np.zeros_like(common)
    share[tuple(cells[ahead >= line].T)] = True
    return share
