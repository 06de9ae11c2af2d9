"""The floor as one kind of robot sees it, in the grid frame: where its centre may be, and which straight ways are open.

All points here are (n, 2) arrays of metres in the grid frame; the planner converts to the map frame at its border.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from numpy.typing import NDArray
from shapely import Polygon

from robot_fleet.floor.clearance import ClearanceField
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.profile import RobotProfile
from robot_fleet.floor.store import FloorMap
from robot_fleet.planning.compiled import PARTS, compiled, side_by_side, together
from robot_fleet.planning.directions import ANY_WAY, Directions, directions_of, strays

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
Nodes = NDArray[np.float32]

# Distances between the nodes are interpolated: beside a convex corner that is up to side^2 / (8 keep) too much,
# 0.2 mm for half cells of 2.5 cm and a robot that keeps 0.4 m. Comparisons forgive as much as the reach does.
FORGIVEN_M = 2e-4
_STEP_M = 0.01


def has_room(profile: RobotProfile, pose: Pose, clearance: ClearanceField) -> bool:
    """Whether a robot keeps its clearance at a place (map frame) whichever way it turns there."""
    away_m = float(clearance.at([pose.x_m, pose.y_m])[0])
    return away_m >= profile.footprint.circumscribed_m + profile.clearance_m - FORGIVEN_M


@dataclass(frozen=True, eq=False)
class Terrain:
    """Distances to the nearest obstacle, the distance that the robot's centre keeps, and the directions of one-ways.

    `distance_m` (rows, cols) holds them at the cell centres, `fine_m` (2 rows + 1, 2 cols + 1) at the corners, the
    edges' middles and the centres of the cells: node (i, j) lies at (j, i) half cells.
    """

    distance_m: Nodes
    fine_m: Nodes
    side_m: float
    keep_m: float
    directions: Directions = ANY_WAY
    # What was reached last, and the nodes joined to it.
    _reached: list[Bools] = field(default_factory=list, repr=False)

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
        side_m = floor.grid.resolution_m
        return cls(clearance.at_cell_centres, clearance.at_half_cells, side_m, keep_m, directions_of(floor))

    def without(self, cells: Bools) -> Terrain:
        """The terrain of a robot whose centre may not come into some cells (rows, cols) either."""
        if not cells.any():
            return self
        away_m = _signed(~_touched(~cells)) * np.float32(self.side_m / 2)
        fine_m = np.minimum(self.fine_m, np.float32(self.keep_m) + away_m)
        distance_m = np.minimum(self.distance_m, np.float32(self.keep_m) + away_m[1::2, 1::2])
        return replace(self, distance_m=distance_m, fine_m=fine_m, _reached=[])

    @property
    def measures(self) -> tuple[Nodes, float, float]:
        """What compiled functions ask for: `fine_m`, `side_m` and `keep_m`."""
        return self.fine_m, self.side_m, self.keep_m

    def room(self, points: Floats) -> Floats:
        """(n,) metres by which the robot could be larger at each point; negative where it may not be."""
        points = np.ascontiguousarray(points, dtype=np.float64)
        return np.asarray(rooms(self.fine_m, self.side_m, self.keep_m, points), dtype=np.float64)

    def fine_reach(self, reach: Bools) -> Bools:
        """(2 rows + 1, 2 cols + 1) the nodes of the fine lattice that are joined to the cells of `reach` (rows, cols)."""
        if not self._reached or self._reached[0] is not reach:
            self._reached[:] = [reach, self._joined_to(reach)]
        return self._reached[1]

    def _joined_to(self, reach: Bools) -> Bools:
        least = np.float32(self.keep_m - FORGIVEN_M)
        found = np.zeros(self.fine_m.shape, dtype=bool)
        found[1::2, 1::2] = reach & (self.distance_m >= least)
        grow_apart(self.fine_m, least, found)
        for part in range(1, PARTS):
            border = len(found) * part // PARTS
            grow(self.fine_m, least, border - 1, border + 1, 0, len(found), found)
        found.setflags(write=False)
        return found

    def safe(self, points: Floats) -> Bools:
        """(n,) whether the robot keeps its clearance at each point."""
        return np.asarray(self.room(points) >= -FORGIVEN_M)

    def open_lines(self, a: Floats, b: Floats) -> Bools:
        """(n,) whether the robot can drive straight from a[k] to b[k].

        Sphere tracing: the room at a point is free on all sides, so the next look is that far ahead, but at least 1 cm.
        """
        a, b = np.ascontiguousarray(a, dtype=np.float64), np.ascontiguousarray(b, dtype=np.float64)
        return np.asarray(lines_open(self.fine_m, self.side_m, self.keep_m, a, b), dtype=bool)

    def open_line(self, a: Floats, b: Floats) -> bool:
        """Whether the robot can drive straight from a to b."""
        return bool(self.open_lines(a[None], b[None])[0])

    def open_path(self, points: Floats) -> bool:
        """Whether the robot can drive along all of a polyline."""
        return bool(self.open_lines(points[:-1], points[1:]).all())


def _touched(cells: Bools) -> Bools:
    """(2 rows + 1, 2 cols + 1) the nodes of the fine lattice in cells and on their borders."""
    rows, cols = cells.shape
    fine = np.zeros((2 * rows + 1, 2 * cols + 1), dtype=bool)
    for down, right in itertools.product(range(3), repeat=2):
        fine[down : down + 2 * rows : 2, right : right + 2 * cols : 2] |= cells
    return fine


def _signed(mask: Bools) -> Nodes:
    """Distance to the nearest marked place; inside the mask the negative one to the nearest other place."""
    outside, inside = (cv2.distanceTransform(one.astype(np.uint8), cv2.DIST_L2, 5) for one in (~mask, mask))
    return np.asarray(np.where(mask, -inside, outside), dtype=np.float32)


@compiled
def room_at(fine_m: Nodes, side_m: float, keep_m: float, x: float, y: float) -> float:
    """Metres by which the robot could be larger at (x, y): the distance interpolated between nodes, less what it keeps."""
    rows, cols = fine_m.shape
    nodes_per_m = 2.0 / side_m
    x = min(max(x * nodes_per_m, 0.0), cols - 1.000001)
    y = min(max(y * nodes_per_m, 0.0), rows - 1.000001)
    col, row = int(x), int(y)
    right, up = x - col, y - row
    low = fine_m[row, col] * (1.0 - right) + fine_m[row, col + 1] * right
    high = fine_m[row + 1, col] * (1.0 - right) + fine_m[row + 1, col + 1] * right
    return float(low * (1.0 - up) + high * up - keep_m)


@compiled
def rooms(fine_m: Nodes, side_m: float, keep_m: float, points: Floats) -> Floats:
    """(n,) the room at each point (n, 2)."""
    found = np.empty(len(points))
    for k in range(len(points)):
        found[k] = room_at(fine_m, side_m, keep_m, points[k, 0], points[k, 1])
    return found


@compiled
def line_open(fine_m: Nodes, side_m: float, keep_m: float, ax: float, ay: float, bx: float, by: float) -> bool:
    """Whether the straight way from (ax, ay) to (bx, by) keeps its room."""
    if room_at(fine_m, side_m, keep_m, bx, by) < -FORGIVEN_M:
        return False
    length = math.hypot(bx - ax, by - ay)
    per_m = 1.0 / length if length > 0.0 else 0.0
    at = 0.0
    while at <= length:
        share = at * per_m
        room = room_at(fine_m, side_m, keep_m, ax + share * (bx - ax), ay + share * (by - ay))
        if room < -FORGIVEN_M:
            return False
        at += max(room, _STEP_M)
    return True


@compiled
def way_open(
    fine_m: Nodes, side_m: float, keep_m: float, directions: Directions, most_sin: float,
    ax: float, ay: float, bx: float, by: float,
) -> bool:  # fmt: skip
    """Whether the straight way from (ax, ay) to (bx, by) keeps its room and leads against no one-way."""
    return line_open(fine_m, side_m, keep_m, ax, ay, bx, by) and not strays(directions, ax, ay, bx, by, most_sin)


@compiled
def lines_open(fine_m: Nodes, side_m: float, keep_m: float, a: Floats, b: Floats) -> Bools:
    """(n,) whether each of the straight ways from a[k] to b[k] keeps its room."""
    found = np.empty(len(a), dtype=np.bool_)
    for k in range(len(a)):
        found[k] = line_open(fine_m, side_m, keep_m, a[k, 0], a[k, 1], b[k, 0], b[k, 1])
    return found


@side_by_side
def grow_apart(fine_m: Nodes, least: np.float32, found: Bools) -> None:
    """Grows `found` over the nodes with at least so much distance, in each part of the rows by itself."""
    for part in together(PARTS):
        begin, end = len(found) * part // PARTS, len(found) * (part + 1) // PARTS
        spread(fine_m, least, begin, end, found)
        grow(fine_m, least, begin, end, begin, end, found)


@compiled
def spread(fine_m: Nodes, least: np.float32, begin: int, end: int, found: Bools) -> None:
    """Grows `found` from the cell centres, which lie in odd rows and columns, to the nodes about them.

    It stays in the rows begin .. end - 1. Nearly all that there is to find is found so, and fast.
    """
    wide = found.shape[1]
    for row in range(begin + begin % 2, end, 2):
        below, above = max(row - 1, begin), min(row + 1, end - 1)
        for col in range(wide):
            found[row, col] = (fine_m[row, col] >= least) & (found[below, col] | found[above, col])
    for row in range(begin, end):
        for col in range(0, wide, 2):
            beside = found[row, max(col - 1, 0)] | found[row, min(col + 1, wide - 1)]
            found[row, col] |= (fine_m[row, col] >= least) & beside


@compiled
def touches(found: Bools, row: int, col: int, low: int, high: int) -> bool:
    """Whether a neighbour in the rows low .. high - 1 is found."""
    return bool(
        (row > low and found[row - 1, col])
        or (col > 0 and found[row, col - 1])
        or (row + 1 < high and found[row + 1, col])
        or (col + 1 < found.shape[1] and found[row, col + 1])
    )


@compiled
def grow(fine_m: Nodes, least: np.float32, begin: int, end: int, low: int, high: int, found: Bools) -> None:
    """Grows `found` as far as it goes, beginning in the rows begin .. end - 1, in the rows low .. high - 1."""
    stack: Ints = np.empty((1024, 2), dtype=np.int64)
    for first in range(begin, end):
        for beside in range(found.shape[1]):
            if found[first, beside] or fine_m[first, beside] < least or not touches(found, first, beside, low, high):
                continue
            found[first, beside] = True
            stack[0], count = (first, beside), 1
            while count:
                count -= 1
                at_row, at_col = stack[count]
                if count + 4 > len(stack):
                    stack = np.concatenate((stack, stack))
                for up, right in ((-1, 0), (1, 0), (0, -1), (0, 1)):
                    row, col = at_row + up, at_col + right
                    if low <= row < high and 0 <= col < found.shape[1] and not found[row, col]:
                        found[row, col] = fine_m[row, col] >= least
                        stack[count] = row, col
                        count += found[row, col]


@side_by_side
def near_any(fine: Bools, most: float, found: Bools) -> None:
    """Marks the cells (rows, cols) with a centre at most so many half cells from any node of `fine`.

    `fine` (2 rows + 1, 2 cols + 1) lies on the lattice of half cells.
    """
    for part in together(PARTS):
        begin, end = len(found) * part // PARTS, len(found) * (part + 1) // PARTS
        mark_near(fine, most, begin, end, found)


@compiled
def mark_near(fine: Bools, most: float, begin: int, end: int, found: Bools) -> None:
    """Marks the cells of rows begin .. end - 1 with a centre at most so many half cells from any node of `fine`."""
    high, wide = fine.shape
    reach = math.floor(most)
    # For each column how far the nearest node in it is, below and above; more than `reach` is as good as none.
    below = np.full((end - begin, wide), reach + 1, dtype=np.int16)
    away = np.full(wide, reach + 1, dtype=np.int16)
    for row in range(max(0, 2 * begin + 1 - reach), 2 * end):
        for col in range(wide):
            away[col] = 0 if fine[row, col] else min(away[col] + 1, reach + 1)
        if row % 2 == 1 and row > 2 * begin:
            below[row // 2 - begin] = away
    away[:] = reach + 1
    for row in range(min(high - 1, 2 * end - 1 + reach), 2 * begin, -1):
        for col in range(wide):
            away[col] = 0 if fine[row, col] else min(away[col] + 1, reach + 1)
        if row % 2 == 1 and row < 2 * end:
            for col in range(wide):
                below[row // 2 - begin, col] = min(below[row // 2 - begin, col], away[col])
    for row in range(begin, end):
        for cell in range(found.shape[1]):
            col = 2 * cell + 1
            for step in range(reach + 1):
                limit = most * most - step * step
                one = below[row - begin, col - step] if col >= step else reach + 1
                other = below[row - begin, col + step] if col + step < wide else reach + 1
                nearest = min(one, other)
                if nearest * nearest <= limit:
                    found[row, cell] = True
                    break
