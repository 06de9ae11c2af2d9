"""Lanes cut back where other lanes clean the same floor, and where there is nothing to clean."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from robot_fleet.floor.profile import Head
from robot_fleet.planning.compiled import compiled
from robot_fleet.planning.polyline import TURNS_M, length_m, part
from robot_fleet.planning.sweeping import swept_cells
from robot_fleet.planning.terrain import Bools, Floats, Ints

_SLICE_M = 0.15
# A lane is cut where it cleans nothing for so long: there the head can be off.
_FALLOW_M = 1.0


def trimmed(lanes: list[Floats], wanted: Bools, head: Head, side_m: float, worth: float = 0.04) -> list[Floats]:
    """The lanes without ends that add nothing, and without lanes that add too little for their length and turns.

    The least useful lanes are looked at first. A lane or an end goes when what it alone cleans is less than the share
    `worth` of what so many metres of head can clean.
    """
    if not lanes:
        return []
    swaths = _Swaths.of(lanes, wanted, head, side_m)
    count = np.zeros(wanted.size, dtype=np.int32)
    alone = swept_alone(swaths, count)
    lengths = np.array([length_m(lane) for lane in lanes])
    order = np.argsort(alone / (lengths + TURNS_M), kind="stable")
    # Cells that a slice must sweep alone, and a lane for each of its slices and for its turns.
    least = worth * head.width_m / side_m**2 * np.array([_SLICE_M, _SLICE_M, TURNS_M])
    ends = useful_ends(swaths, count, order, least)
    return [
        part(lane, first / slices, last / slices)
        for lane, slices, (first, last) in zip(lanes, swaths.slices.tolist(), ends.tolist(), strict=True)
        if first < last
    ]


def without_fallow(lanes: list[Floats], wanted: Bools, head: Head, side_m: float) -> list[Floats]:
    """The parts of the lanes that clean wanted floor: of little use when all of it is dirty, of much when little is."""
    found: list[Floats] = []
    for lane in lanes:
        _, slice_of, slices = _swath(lane, wanted, head, side_m)
        useful = np.unique(slice_of)
        ends = np.split(useful, np.flatnonzero(np.diff(useful) > _FALLOW_M / _SLICE_M) + 1) if len(useful) else []
        found.extend(part(lane, own[0] / slices, (own[-1] + 1) / slices) for own in ends)
    return found


class _Swaths(NamedTuple):
    """Lanes of so many `slices` each, and the wanted cells (flat) that they sweep, with the first slice that sweeps each.

    Those of lane k are cells[first[k] : first[k + 1]].
    """

    first: Ints
    cells: Ints
    slice_of: Ints
    slices: Ints

    @classmethod
    def of(cls, lanes: list[Floats], wanted: Bools, head: Head, side_m: float) -> _Swaths:
        """The swaths of lanes."""
        swaths = [_swath(lane, wanted, head, side_m) for lane in lanes]
        first = np.cumsum([0] + [len(cells) for cells, _, _ in swaths])
        return cls(
            first,
            np.concatenate([cells for cells, _, _ in swaths]),
            np.concatenate([slice_of for _, slice_of, _ in swaths]),
            np.array([slices for _, _, slices in swaths]),
        )


def _swath(lane: Floats, wanted: Bools, head: Head, side_m: float) -> tuple[Ints, Ints, int]:
    """The wanted cells, the first slice that sweeps each, and how many slices there are."""
    length = length_m(lane)
    slices, swept = max(1, math.ceil(length / _SLICE_M)), swept_cells(wanted.shape, lane, head, side_m)
    ours = wanted.ravel()[swept.cells]
    number = np.minimum((swept.along_m[ours] / length * slices).astype(np.int64), slices - 1)
    return swept.cells[ours], np.maximum(number, 0), slices


@compiled
def swept_alone(swaths: _Swaths, count: NDArray[np.int32]) -> Ints:
    """Counts all lanes, and says how many cells each of them sweeps that no other lane does."""
    for cell in swaths.cells:
        count[cell] += 1
    found = np.zeros(len(swaths.slices), dtype=np.int64)
    for k in range(len(found)):
        for place in range(swaths.first[k], swaths.first[k + 1]):
            found[k] += count[swaths.cells[place]] == 1
    return found


@compiled
def useful_ends(swaths: _Swaths, count: NDArray[np.int32], order: Ints, least: Floats) -> Ints:
    """(n, 2) for each lane its first useful slice and one behind the last; the same for a lane that is to go.

    Lanes are looked at in this order; what one gives up is taken from `count`. A slice must sweep more than least[0]
    cells alone; what is left of a lane at least least[1] for each of its slices and least[2] besides.
    """
    ends = np.zeros((len(order), 2), dtype=np.int64)
    for k in order:
        own = np.zeros(swaths.slices[k], dtype=np.int64)
        begin, end = swaths.first[k], swaths.first[k + 1]
        for place in range(begin, end):
            cell = swaths.cells[place]
            count[cell] -= 1
            own[swaths.slice_of[place]] += count[cell] == 0
        good = np.flatnonzero(own > least[0])
        if not len(good):
            continue
        first, last = good[0], good[-1] + 1
        if own[first:last].sum() < (last - first) * least[1] + least[2]:
            continue
        ends[k, 0], ends[k, 1] = first, last
        for place in range(begin, end):
            if first <= swaths.slice_of[place] < last:
                count[swaths.cells[place]] += 1
    return ends
