"""Lanes cut back where other lanes clean the same floor, and where there is nothing to clean."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from robot_fleet.floor.profile import Head
from robot_fleet.planning.compiled import compiled
from robot_fleet.planning.polyline import TURNS_M, Lines, part
from robot_fleet.planning.sweeping import most_sweeps, sweeps_along
from robot_fleet.planning.terrain import Bools, Floats, Ints

Counts = NDArray[np.int32]

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
    swaths, lengths = _swaths(lanes, wanted, head, side_m)
    count = np.zeros(wanted.size, dtype=np.int32)
    alone = swept_alone(swaths, count)
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
    if not lanes:
        return found
    swaths, _ = _swaths(lanes, wanted, head, side_m)
    for lane, first, last, slices in zip(lanes, swaths.first, swaths.last, swaths.slices.tolist(), strict=True):
        useful = np.unique(swaths.slice_of[first:last])
        ends = np.split(useful, np.flatnonzero(np.diff(useful) > _FALLOW_M / _SLICE_M) + 1) if len(useful) else []
        found.extend(part(lane, own[0] / slices, (own[-1] + 1) / slices) for own in ends)
    return found


class _Swaths(NamedTuple):
    """Lanes of so many `slices` each, and the wanted cells (flat) that they sweep, with the first slice that sweeps each.

    Those of lane k are cells[first[k] : last[k]]; what lies between two lanes means nothing.
    """

    first: Ints
    last: Ints
    cells: Counts
    slice_of: Counts
    slices: Ints


def _swaths(lanes: list[Floats], wanted: Bools, head: Head, side_m: float) -> tuple[_Swaths, Floats]:
    """The swaths of lanes, and how long lanes are."""
    lines = Lines.of(lanes)
    lengths = lines.lengths_m()
    slices = np.maximum(np.ceil(lengths / _SLICE_M).astype(np.int64), 1)
    half_m = head.width_m / 2
    most = [most_sweeps(lines.points[a:b], half_m, side_m) for a, b in pairwise(lines.first.tolist())]
    ends = np.cumsum([0, *most])
    cells, slice_of = np.empty(ends[-1], dtype=np.int32), np.empty(ends[-1], dtype=np.int32)
    swaths = _Swaths(ends[:-1], ends[:-1].copy(), cells, slice_of, slices)
    fill_swaths(swaths, lines, lengths, wanted, half_m, head.offset_m, side_m)
    return swaths, lengths


@compiled
def fill_swaths(
    swaths: _Swaths, lines: Lines, lengths_m: Floats, wanted: Bools, half_m: float, offset_m: float, side_m: float
) -> None:
    """Writes the cells, their slices and where each lane's end."""
    rows, cols = wanted.shape
    # The lane that swept a cell last; along a lane the head comes to a cell first where it is found first.
    swept_by = np.full(wanted.shape, -1, dtype=np.int32)
    for k in range(len(lengths_m)):
        points = lines.points[lines.first[k] : lines.first[k + 1]]
        cells, along_m = sweeps_along(points, half_m, offset_m, side_m, rows, cols)
        last = swaths.first[k]
        for place in range(len(cells)):
            row, col = cells[place] // cols, cells[place] % cols
            if wanted[row, col] and swept_by[row, col] != k:
                swept_by[row, col] = k
                number = int(along_m[place] / lengths_m[k] * swaths.slices[k])
                swaths.cells[last], swaths.slice_of[last] = cells[place], min(number, swaths.slices[k] - 1)
                last += 1
        swaths.last[k] = last


@compiled
def swept_alone(swaths: _Swaths, count: Counts) -> Ints:
    """Counts all lanes, and says how many cells each of them sweeps that no other lane does."""
    found = np.zeros(len(swaths.slices), dtype=np.int64)
    for k in range(len(found)):
        for place in range(swaths.first[k], swaths.last[k]):
            count[swaths.cells[place]] += 1
    for k in range(len(found)):
        for place in range(swaths.first[k], swaths.last[k]):
            found[k] += count[swaths.cells[place]] == 1
    return found


@compiled
def useful_ends(swaths: _Swaths, count: Counts, order: Ints, least: Floats) -> Ints:
    """(n, 2) for each lane its first useful slice and one behind the last; the same for a lane that is to go.

    Lanes are looked at in this order; what one gives up is taken from `count`. A slice must sweep more than least[0]
    cells alone; what is left of a lane at least least[1] for each of its slices and least[2] besides.
    """
    ends = np.zeros((len(order), 2), dtype=np.int64)
    for k in order:
        own = np.zeros(swaths.slices[k], dtype=np.int64)
        begin, end = swaths.first[k], swaths.last[k]
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
