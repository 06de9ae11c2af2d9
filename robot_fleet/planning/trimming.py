"""Lanes cut back where other lanes clean the same floor."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from robot_fleet.floor.profile import Head
from robot_fleet.planning.polyline import TURNS_M, length_m
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
        if not left.slices or left.alone(count, 0) * side_m**2 < worth * head.width_m * (
            (last - first) * _SLICE_M + TURNS_M
        ):
            continue
        count[left.cells] += 1
        kept[k] = _joined(left.slices)
    return [kept[k] for k in sorted(kept)]


@dataclass(frozen=True, eq=False)
class _Swath:
    """A lane in slices, with the wanted cells (flat) that it sweeps, each with the first slice that sweeps it."""

    slices: list[Floats]
    cells: Ints
    slice_of: Ints

    @classmethod
    def of(cls, lane: Floats, wanted: Bools, head: Head, side_m: float) -> _Swath:
        slices, swept = _sliced(lane), swept_cells((wanted.shape[0], wanted.shape[1]), lane, head, side_m)
        ours = wanted.ravel()[swept.cells]
        number = np.minimum((swept.along_m[ours] / length_m(lane) * len(slices)).astype(np.int64), len(slices) - 1)
        return cls(slices, swept.cells[ours], np.maximum(number, 0))

    def alone(self, count: Ints, own: int) -> int:
        """How many of the cells are swept by no other lane, `own` being what this lane counts."""
        return int((count[self.cells] == own).sum())

    def useful(self, count: Ints, least: float) -> tuple[int, int]:
        """The first slice and one behind the last that sweep more than `least` cells that nobody else does."""
        own = np.bincount(self.slice_of[count[self.cells] == 0], minlength=len(self.slices))
        good = np.flatnonzero(own > least)
        return (int(good[0]), int(good[-1]) + 1) if len(good) else (0, 0)

    def between(self, first: int, last: int) -> _Swath:
        """The slices first .. last - 1."""
        inside = (self.slice_of >= first) & (self.slice_of < last)
        return _Swath(self.slices[first:last], self.cells[inside], self.slice_of[inside] - first)


def _sliced(lane: Floats) -> list[Floats]:
    """The lane in slices of about 15 cm, each a polyline (n, 2)."""
    step = np.hypot(*np.diff(lane, axis=0).T)
    way = np.concatenate(([0.0], np.cumsum(step)))
    cuts = np.linspace(0.0, way[-1], max(1, math.ceil(way[-1] / _SLICE_M)) + 1)
    ends = np.column_stack([np.interp(cuts, way, lane[:, k]) for k in (0, 1)])
    found = []
    for k in range(len(cuts) - 1):
        inner = lane[(way > cuts[k] + 1e-9) & (way < cuts[k + 1] - 1e-9)]
        found.append(np.concatenate((ends[k : k + 1], inner, ends[k + 1 : k + 2])))
    return found


def _joined(pieces: list[Floats]) -> Floats:
    points = np.concatenate([pieces[0], *(piece[1:] for piece in pieces[1:])])
    kept = [points[0]]
    for k in range(1, len(points) - 1):
        before, after = points[k] - kept[-1], points[k + 1] - points[k]
        if abs(before[0] * after[1] - before[1] * after[0]) > 1e-9 * float(np.hypot(*before) * np.hypot(*after)):
            kept.append(points[k])
    kept.append(points[-1])
    return np.array(kept)
