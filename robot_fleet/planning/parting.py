"""Floor that several crews can clean, parted among them.

Crews differ in what they reach or may enter, so no one assignment of lanes can balance them. Every crew keeps the floor
that is its alone, a whole head's width of it where that is a strip along a wall: whoever has to drive there anyway is to
clean all that it can. Then each gets of the common floor what brings its time up to that of the others: first what lies
between strips of its own, the rest by straight cuts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from robot_fleet.planning.terrain import Bools, Floats, Nodes

# Floor narrower than so many heads beside strips of a crew's own is better cleaned by that crew.
_NARROW = 2.0


@dataclass(frozen=True, eq=False)
class Party:
    """Who wants floor: the cells (rows, cols) that it could take, those of them along straight lanes, what it cleans a
    second, the cells across its head, and the middle (row, col) of where it can be.
    """

    able: Bools
    along_lanes: Bools
    rate: float
    across: float
    middle: tuple[float, float]


def parted_floor(parties: Sequence[Party]) -> list[Bools]:
    """A mask (rows, cols) for each party; together they are all that some party is able to take, each cell once."""
    if not parties:
        return []
    left = np.logical_or.reduce([party.able for party in parties])
    strips = _strips(parties)
    shares: list[Bools] = [np.zeros_like(left)] * len(parties)
    # Those whose own floor keeps them longest come first: what they have too much of, the others have less to do for.
    order = sorted(range(len(parties)), key=lambda k: -float(strips[k].sum()) / parties[k].rate)
    for place, k in enumerate(order):
        party, others = parties[k], [parties[other] for other in order[place + 1 :]]
        mine = party.able & left
        nobody = np.zeros_like(left)
        theirs = np.logical_or.reduce([nobody, *(strips[other] for other in order[place + 1 :])])
        own = strips[k] | (mine & ~np.logical_or.reduce([nobody, *(other.able for other in others)]))
        common = mine & ~own & ~theirs
        fair = left.sum() * party.rate / (party.rate + sum(other.rate for other in others))
        share = own | _between(common, strips[k], round(fair - own.sum()), party)
        share |= _cut(common & ~share, round(fair - share.sum()), _towards(own, party, others))
        shares[k] = share
        left &= ~share
    return shares


def _strips(parties: Sequence[Party]) -> list[Bools]:
    """Of each party the cells that it alone cleans along straight lanes, with the cells a head's width beside them."""
    times = np.sum([party.along_lanes for party in parties], axis=0, dtype=np.int16)
    away = [_away(party.along_lanes & (times == 1)) for party in parties]
    nearest = np.minimum.reduce(away)
    return [
        party.able & (own <= party.across) & (own <= nearest) & _unclaimed(own, away[:k])
        for k, (party, own) in enumerate(zip(parties, away, strict=True))
    ]


def _unclaimed(own: Nodes, before: Sequence[Nodes]) -> Bools:
    """(rows, cols) where no party before is as near."""
    return np.asarray(np.logical_and.reduce([np.ones(own.shape, dtype=bool), *(own < other for other in before)]))


def _away(mask: Bools) -> Nodes:
    """(rows, cols) cells to the nearest marked one; without any all are far."""
    if not mask.any():
        return np.full(mask.shape, np.inf, dtype=np.float32)
    return np.asarray(cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE))


def _between(common: Bools, strips: Bools, count: int, party: Party) -> Bools:
    """So many of the common cells at most as lie in narrow places beside a party's strips, the nearest ones first."""
    if count <= 0 or not strips.any():
        return np.zeros_like(common)
    reach = _NARROW * party.across / 2
    wide = _away(_away(~common) > reach) <= reach
    away = np.where(common & ~wide, _away(strips), np.inf)
    away[away > 2 * reach] = np.inf
    cells = np.flatnonzero(np.isfinite(away))
    found = np.zeros_like(common)
    found.ravel()[cells[np.argsort(away.ravel()[cells], kind="stable")[:count]]] = True
    return found


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
