"""The floor as one kind of robot sees it, in the grid frame: where its centre may be, and which straight ways are open.

All points here are (n, 2) arrays of metres in the grid frame; the planner converts to the map frame at its border.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from shapely import Polygon

from robot_fleet.floor.clearance import ClearanceField
from robot_fleet.floor.profile import RobotProfile
from robot_fleet.floor.store import FloorMap

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

# Distances between the nodes are interpolated: beside a convex corner that is up to side^2 / (8 keep) too much,
# 0.2 mm for half cells of 2.5 cm and a robot that keeps 0.4 m. Comparisons forgive as much as the reach does.
FORGIVEN_M = 2e-4
_STEP_M = 0.01
_BATCH = 4096
# A line along a wall has no room to leap: after so many leaps it is looked at step by step.
_LEAPS = 24


@dataclass(frozen=True, eq=False)
class Terrain:
    """Distances to the nearest obstacle, and the distance that the robot's centre keeps.

    `distance_m` (rows, cols) holds them at the cell centres, `fine_m` (2 rows + 1, 2 cols + 1) at the corners, the
    edges' middles and the centres of the cells: node (i, j) lies at (j, i) half cells.
    """

    distance_m: NDArray[np.float32]
    fine_m: NDArray[np.float32]
    side_m: float
    keep_m: float

    @classmethod
    def of(
        cls,
        floor: FloorMap,
        profile: RobotProfile,
        closed: Sequence[Polygon] = (),
        clearance: ClearanceField | None = None,
    ) -> Terrain:
        """The terrain of a profile; a polygon footprint counts as the disc about its turning centre that holds it."""
        clearance = clearance or ClearanceField.of(floor, closed)
        keep_m = profile.footprint.circumscribed_m + profile.clearance_m
        return cls(clearance.at_cell_centres, clearance.at_half_cells, floor.grid.resolution_m, keep_m)

    def room(self, points: Floats) -> Floats:
        """(n,) metres by which the robot could be larger at each point; negative where it may not be."""
        rows, cols = self.fine_m.shape
        scaled = points * (2.0 / self.side_m)
        x = np.clip(scaled[:, 0], 0.0, cols - 1.000001)
        y = np.clip(scaled[:, 1], 0.0, rows - 1.000001)
        col, row = x.astype(np.int64), y.astype(np.int64)
        right, up = x - col, y - row
        flat, corner = self.fine_m.ravel(), row * cols + col
        low = flat[corner] * (1.0 - right) + flat[corner + 1] * right
        high = flat[corner + cols] * (1.0 - right) + flat[corner + cols + 1] * right
        found: Floats = low * (1.0 - up) + high * up - self.keep_m
        return found

    def fine_reach(self, reach: Bools) -> Bools:
        """(2 rows + 1, 2 cols + 1) the nodes of the fine lattice that are joined to the cells of `reach` (rows, cols)."""
        standing = (self.fine_m >= self.keep_m - FORGIVEN_M).astype(np.uint8)
        _, labels = cv2.connectedComponents(standing, connectivity=4, ltype=cv2.CV_32S)
        joined = np.zeros(int(labels.max()) + 1, dtype=bool)
        joined[labels[1::2, 1::2][reach]] = True
        joined[0] = False
        return np.asarray(joined[labels])

    def safe(self, points: Floats) -> Bools:
        """(n,) whether the robot keeps its clearance at each point."""
        return np.asarray(self.room(points) >= -FORGIVEN_M)

    def open_lines(self, a: Floats, b: Floats) -> Bools:
        """(n,) whether the robot can drive straight from a[k] to b[k].

        Sphere tracing: the room at a point is free on all sides, so the next look is that far ahead, but at least 1 cm.
        """
        found = np.ones(len(a), dtype=bool)
        for first in range(0, len(a), _BATCH):
            part = slice(first, first + _BATCH)
            found[part] = self._traced(a[part], b[part])
        return found

    def open_line(self, a: Floats, b: Floats) -> bool:
        """Whether the robot can drive straight from a to b."""
        return bool(self.open_lines(a[None], b[None])[0])

    def open_path(self, points: Floats) -> bool:
        """Whether the robot can drive along all of a polyline."""
        return bool(self.open_lines(points[:-1], points[1:]).all())

    def _traced(self, a: Floats, b: Floats) -> Bools:
        length = np.hypot(*(b - a).T)
        ahead = (b - a) / np.maximum(length, 1e-12)[:, None]
        is_open = self.safe(a) & self.safe(b)
        todo = np.flatnonzero(is_open)
        at = np.zeros(len(a))
        for _ in range(_LEAPS):
            room = self.room(a[todo] + at[todo, None] * ahead[todo])
            is_open[todo[room < -FORGIVEN_M]] = False
            at[todo] += np.maximum(room, _STEP_M)
            todo = todo[(room >= -FORGIVEN_M) & (at[todo] < length[todo])]
            if not len(todo):
                return is_open
        for k in todo:
            steps = np.arange(at[k], length[k], _STEP_M)
            is_open[k] = bool(self.safe(a[k] + steps[:, None] * ahead[k]).all())
        return is_open
