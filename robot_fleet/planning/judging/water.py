"""Water that a plan leaves standing: wet by a head, and passed by no squeegee afterwards."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from robot_fleet.floor.grid import OccupancyGrid
from robot_fleet.planning.judging.strokes import Strokes
from robot_fleet.planning.judging.swept import NEVER_S, passed_s
from robot_fleet.planning.judging.track import Bools
from robot_fleet.planning.judging.verdict import Violation, ViolationKind

MOST_LEFT = 0.005
"""The share of the scrubbed floor that may be left wet: what curves and lane ends cost."""

# What passes at the same time has passed after the head.
SAME_S = 1e-6


@dataclass(frozen=True, eq=False)
class Water:
    """Masks (rows, cols) of the floor that heads wetted for a squeegee to dry, and of what is wet in the end."""

    grid: OccupancyGrid
    scrubbed: Bools
    left: Bools

    @property
    def scrubbed_m2(self) -> float:
        """Square metres of floor that was wetted."""
        return float(self.scrubbed.sum() * self.grid.cell_area_m2)

    @property
    def left_m2(self) -> float:
        """Square metres of floor that is wet in the end."""
        return float(self.left.sum() * self.grid.cell_area_m2)

    def violations(self) -> Iterator[Violation]:
        """That too much is left, at the largest puddle."""
        if self.left_m2 > MOST_LEFT * self.scrubbed_m2:
            labels, count = ndimage.label(self.left)
            largest = 1 + int(np.argmax(np.bincount(labels[self.left], minlength=count + 1)[1:]))
            cells = np.argwhere(labels == largest)
            ((x, y),) = self.grid.centres([cells[len(cells) // 2]])
            what = (
                f"{self.left_m2 / self.scrubbed_m2:.1%} of the scrubbed floor is left wet; the largest puddle is there"
            )
            yield Violation(ViolationKind.WATER, self.left_m2, what, at=(float(x), float(y)))


def water_of(grid: OccupancyGrid, robots: Sequence[Strokes], believed: bool = True) -> Water:
    """What robots with squeegees wet, and what no squeegee passes over later; others leave nothing and dry nothing.

    Where times cannot be believed each robot does its own way in order, without waiting.
    """
    wet, dry = np.full(grid.shape, NEVER_S), np.full(grid.shape, NEVER_S)
    for strokes in robots:
        profile = strokes.track.profile
        if profile.squeegee is not None:
            timed = strokes if believed else strokes.in_order()
            passed_s(grid, wet, timed, timed.deck & timed.solution, profile.head)
            passed_s(grid, dry, timed, timed.picks_up, profile.squeegee)
    return Water(grid, (wet > NEVER_S) & grid.free, (wet > dry + SAME_S) & grid.free)
