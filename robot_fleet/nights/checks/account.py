"""Requested floor ends cleaned or listed, what is credited is clean, and what is missed has a cause."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from robot_fleet.floor.store import FloorMap
from robot_fleet.nights.checks.violation import Findings

FALSE_CREDIT = 0.005
"""The share of the coverable floor that may be credited without being clean."""

EXPLAINED_M = 1.0
"""So near to what went wrong missed floor is explained by it."""

BEHIND_M = 3.0
"""Floor that is listed as blocked lies within so far of what truly stood there: the fleet does not know how large it is."""

WORTH_M2, THIN_M = 0.5, 0.3
"""Patches of missed floor that are smaller, or thinner, need no explanation: they are listed."""

UNEXPLAINED = 0.025
"""The share of the coverable floor that all missed floor without a cause may come to, in patches and strips of whatever size.

Nights without faults leave 0.1 to 0.6 %; where many reports get lost, 2 % were left in crumbs. A run comes back for more than
1.5 % in patches of some size.
"""

_UNLISTED, _LISTED_TWICE = 0.0005, 0.002
Cells = NDArray[np.bool_]


class AccountCheck:
    """Judges a run that has ended by its masks (rows, cols) and the polygons that it lists as missed (map frame)."""

    def __init__(self, floor: FloorMap) -> None:
        self.findings = Findings("account")
        self._grid = floor.grid
        rows, cols = np.indices(floor.grid.shape)
        origin, side = floor.grid.origin, floor.grid.resolution_m
        x, y = (cols + 0.5) * side, (rows + 0.5) * side
        cos, sin = np.cos(origin.yaw_rad), np.sin(origin.yaw_rad)
        self._x, self._y = origin.x_m + cos * x - sin * y, origin.y_m + sin * x + cos * y

    def credit(self, run: str, at_s: float, coverable: Cells, credited: Cells, truth: Cells) -> float:
        """The share of false credit, which must be small."""
        # Where gaps are as wide as robots, they clean more than what they surely can.
        share = int((credited & ~truth).sum()) / max(1, int((coverable | credited).sum()))
        if share >= FALSE_CREDIT:
            self.findings.add((run, "credit"), at_s, f"false credit is {share:.2%}")
        return share

    def complete(
        self, run: str, at_s: float, requested: Cells, credited: Cells, missed: Sequence[BaseGeometry]
    ) -> None:
        """Cleaned and listed floor together are what was requested, each part once."""
        listed = self._within(missed)
        size = max(1, int(requested.sum()))
        if (lost := int((requested & ~credited & ~listed).sum())) > _UNLISTED * size:
            self.findings.add(
                (run, "lost"), at_s, f"{lost * self._grid.cell_area_m2:.2f} m2 are neither clean nor listed"
            )
        if (twice := int((credited & listed).sum())) > _LISTED_TWICE * size:
            self.findings.add(
                (run, "twice"), at_s, f"{twice * self._grid.cell_area_m2:.2f} m2 are clean and listed as missed"
            )

    def explained(
        self, run: str, at_s: float, coverable: Cells, credited: Cells, causes: Sequence[BaseGeometry],
        blocked: Sequence[BaseGeometry] = (), things: Sequence[BaseGeometry] = (),
    ) -> float:  # fmt: skip
        """Square metres of missed floor in patches of some size for which nothing near accounts; there must be none.

        What is listed as `blocked` (map frame) may lie farther from the `things` that stood there.
        """
        left = coverable & ~credited & ~self._within([cause.buffer(EXPLAINED_M) for cause in causes])
        left &= ~(self._within(blocked) & self._within([thing.buffer(BEHIND_M) for thing in things]))
        if (share := int(left.sum()) / max(1, int(coverable.sum()))) > UNEXPLAINED:
            self.findings.add(
                (run, "crumbs"), at_s, f"{share:.2%} of the floor are missed without a cause, in small parts too"
            )
        cells = max(1, round(THIN_M / self._grid.resolution_m))
        square, back = np.ones((cells, cells), np.uint8), (cells - 1, cells - 1)
        # An even square has no middle: what is shrunk towards one corner is grown back from the other.
        broad = cv2.dilate(cv2.erode(left.astype(np.uint8), square, anchor=(0, 0)), square, anchor=back)
        count, _, stats, centres = cv2.connectedComponentsWithStats(broad, connectivity=8)
        areas = stats[:, cv2.CC_STAT_AREA] * self._grid.cell_area_m2
        found = [index for index in range(1, count) if areas[index] >= WORTH_M2]
        for index in found:
            col, row = (int(value) for value in centres[index])
            where = f"({self._x[row, col]:.1f}, {self._y[row, col]:.1f})"
            self.findings.add(
                (run, "unexplained"), at_s, f"{areas[index]:.2f} m2 near {where} are missed without a cause"
            )
        return float(sum(areas[index] for index in found))

    def _within(self, shapes: Sequence[BaseGeometry]) -> Cells:
        inside: Cells = np.zeros(self._grid.shape, dtype=bool)
        for shape in shapes:
            x0, y0, x1, y1 = shape.bounds
            near = (self._x >= x0) & (self._x <= x1) & (self._y >= y0) & (self._y <= y1) & ~inside
            inside[near] = shapely.contains_xy(shape, self._x[near], self._y[near])
        return inside
