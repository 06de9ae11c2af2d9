"""Lanes cut back where other lanes clean the same floor."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from robot_fleet.floor.profile import Head
from robot_fleet.planning.polyline import TURNS_M, length_m, part
from robot_fleet.planning.sweeping import swept_cells
from robot_fleet.planning.terrain import Bools, Floats, Ints

_SLICE_M = 0.15


def trimmed(lanes: list[Floats], wanted: Bools, head: Head, side_m: float, worth: float = 0.04) -> list[Floats]:
    """The lanes without ends that add nothing, and without lanes that add too little for their length and turns.

    The least useful lanes are looked at first. A lane or an end goes when what it alone cleans is less than the share
    `worth` of what so many metres of head can clean.
    """
    swaths = [_Swath.of(lane, wanted, head, side_m) for lane in lanes]
    count = np.zeros(wanted.size, dtype=np.int64)
    for swath in swaths:
        count[swath.cells] += 1
    order = sorted(range(len(lanes)), key=lambda k: swaths[k].alone(count, 1) / (length_m(lanes[k]) + TURNS_M))
    kept: dict[int, Floats] = {}
    for k in order:
        count[swaths[k].cells] -= 1
        first, last = swaths[k].useful(count, head.width_m * worth * _SLICE_M / side_m**2)
        left = swaths[k].between(first, last)
        if last <= first or left.alone(count, 0) * side_m**2 < worth * head.width_m * (
            (last - first) * _SLICE_M + TURNS_M
        ):
            continue
        count[left.cells] += 1
        kept[k] = part(lanes[k], first / swaths[k].slices, last / swaths[k].slices)
    return [kept[k] for k in sorted(kept)]


@dataclass(frozen=True, eq=False)
class _Swath:
    """A lane of so many slices, with the wanted cells (flat) that it sweeps, each with the first slice that sweeps it."""

    slices: int
    cells: Ints
    slice_of: Ints

    @classmethod
    def of(cls, lane: Floats, wanted: Bools, head: Head, side_m: float) -> _Swath:
        length = length_m(lane)
        slices, swept = max(1, math.ceil(length / _SLICE_M)), swept_cells(wanted.shape, lane, head, side_m)
        ours = wanted.ravel()[swept.cells]
        number = np.minimum((swept.along_m[ours] / length * slices).astype(np.int64), slices - 1)
        return cls(slices, swept.cells[ours], np.maximum(number, 0))

    def alone(self, count: Ints, own: int) -> int:
        """How many of the cells are swept by no other lane, `own` being what this lane counts."""
        return int((count[self.cells] == own).sum())

    def useful(self, count: Ints, least: float) -> tuple[int, int]:
        """The first slice and one behind the last that sweep more than `least` cells that nobody else does."""
        own = np.bincount(self.slice_of[count[self.cells] == 0], minlength=self.slices)
        good = np.flatnonzero(own > least)
        return (int(good[0]), int(good[-1]) + 1) if len(good) else (0, 0)

    def between(self, first: int, last: int) -> _Swath:
        """The slices first .. last - 1."""
        inside = (self.slice_of >= first) & (self.slice_of < last)
        return _Swath(last - first, self.cells[inside], self.slice_of[inside] - first)
