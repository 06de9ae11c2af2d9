"""The ends of passes moved: on over floor that no other pass sweeps, and back from floor that others sweep as well."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from robot_fleet.floor.profile import Head
from robot_fleet.planning.steering.body import Body, turns_free
from robot_fleet.planning.steering.passes import Pass, cells_of, on_line
from robot_fleet.planning.sweeping import mark_all_swept
from robot_fleet.planning.terrain import Bools, Floats, Ints

# An end is moved on by no more than so many metres, where so much of what it sweeps then is new.
_FURTHER_M, _NEW = 0.9, 0.4
# What is left of a pass is at least so long.
_SHORTEST_M = 0.6


@dataclass(frozen=True, eq=False)
class Fitting:
    """Moves the ends of passes over the cells (rows, cols) that are `wanted`."""

    body: Body
    wanted: Bools
    head: Head
    side_m: float

    def extended(self, passes: Sequence[Pass], swept: Bools) -> list[Pass]:
        """The passes, each as far on as is worth it and no harder to turn at; marks what they sweep more."""
        found = []
        for one in passes:
            along = (one.end - one.begin) / math.hypot(*(one.end - one.begin))
            begin = one.begin - self._further_m(one.begin, -along, swept) * along
            end = one.end + self._further_m(one.end, along, swept) * along
            longer = self._refitted(one, begin, end)
            if longer is not one:
                mark_all_swept(swept, [longer.swept], Head(self.head.width_m), self.side_m)
            found.append(longer)
        return found

    def cut(self, passes: Sequence[Pass], spare_m: float) -> list[Pass]:
        """The passes without the parts at their ends that others sweep as well, but for so many metres."""
        cells = cells_of(passes, self.head, self.wanted.shape, self.side_m)
        times = np.zeros(self.wanted.size, dtype=np.int32)
        for own in cells:
            times[own] += 1
        found = []
        for one, own in zip(passes, cells, strict=True):
            along = (one.end - one.begin) / math.hypot(*(one.end - one.begin))
            at = self._along(own, one.begin, along)
            alone = at[(times[own] == 1) & self.wanted.ravel()[own]]
            shorter = one
            if len(alone):
                low, high = float(alone.min()) - spare_m, float(alone.max()) + spare_m
                length = math.hypot(*(one.end - one.begin))
                low, high = max(0.0, low), min(length, high)
                if high - low >= _SHORTEST_M:
                    shorter = self._refitted(one, one.begin + low * along, one.begin + high * along)
            if shorter is not one:
                low, high = (float((end - one.begin) @ along) for end in (shorter.begin, shorter.end))
                times[own[(at < low - self.side_m) | (at > high + self.side_m)]] -= 1
            found.append(shorter)
        return found

    def _along(self, cells: Ints, begin: Floats, along: Floats) -> Floats:
        """(n,) how far along a line the centres of flat cells lie."""
        rows, cols = np.divmod(cells, self.wanted.shape[1])
        return np.asarray((np.column_stack((cols + 0.5, rows + 0.5)) * self.side_m - begin) @ along)

    def _further_m(self, end: Floats, along: Floats, swept: Bools) -> float:
        """How far beyond an end a pass had better go on."""
        steps = np.arange(0.5, math.ceil(_FURTHER_M / self.side_m)) * self.side_m
        aside = np.arange(0.5, math.ceil(self.head.width_m / self.side_m)) * self.side_m - self.head.width_m / 2
        across = np.array([-along[1], along[0]])
        at = end + steps[:, None, None] * along + aside[None, :, None] * across
        cols, rows = ((at[..., k] / self.side_m).astype(np.int64) for k in (0, 1))
        inside = (rows >= 0) & (cols >= 0) & (rows < self.wanted.shape[0]) & (cols < self.wanted.shape[1])
        rows, cols = np.where(inside, rows, 0), np.where(inside, cols, 0)
        new = (inside & self.wanted[rows, cols] & ~swept[rows, cols]).mean(axis=1)
        gain = np.cumsum(new - _NEW)
        best = int(np.argmax(gain))
        return float(best + 1) * self.side_m if gain[best] > 0.0 else 0.0

    def _refitted(self, one: Pass, begin: Floats, end: Floats) -> Pass:
        """The pass between other ends, as far as the robot fits and turns there as it did; the same if that is no other."""
        if math.hypot(*(begin - one.begin)) + math.hypot(*(end - one.end)) < self.side_m / 2:
            return one
        middle, along = (one.begin + one.end) / 2, (end - begin) / math.hypot(*(end - begin))
        for other in on_line(self.body, self.head, begin, end):
            if (middle - other.begin) @ along > 0.0 > (middle - other.end) @ along:
                fits = all(self._turns(other, k) or not self._turns(one, k) for k in (0, 1))
                return other if fits else one
        return one

    def _turns(self, one: Pass, end: int) -> bool:
        """Whether the robot can turn on the spot where it leaves a pass at an end."""
        x, y, yaw = one.left(end)
        return bool(turns_free(self.body, x, y, yaw, 2.0 * math.pi))
