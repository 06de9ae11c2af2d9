"""The poses that a long robot can get to, and the floor that its head passes over there.

Poses lie on a lattice: the corners of the cells, and headings all around. A pose is open if the outline, grown by the
clearance, holds no corner of an obstacle's cell (the configuration space of Lozano-Perez, "Spatial planning: a
configuration space approach", 1983); neighbouring open poses are joined.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import shapely
from shapely import Polygon

from robot_fleet.floor.clearance import ClearanceField
from robot_fleet.floor.footprint import Footprint
from robot_fleet.floor.grid import OccupancyGrid
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.profile import Head, RobotProfile
from robot_fleet.planning.compiled import compiled
from robot_fleet.planning.terrain import Bools, Ints, Nodes, Terrain

# Headings all around: on large maps fewer, so that they can be held in memory.
_HEADINGS, _FEW_HEADINGS, _MANY_CELLS = 32, 16, 3_000_000
# What touches by no more than this does not touch.
_ROUNDING_M = 1e-4
# A robot that is said to stand where it does not fit is taken to stand at most so far away.
NEAR_M = 0.6


@dataclass(frozen=True, eq=False)
class PoseReach:
    """`reached` (headings, rows + 1, cols + 1): the lattice poses that a robot can drive to; (0, 0) is the grid's corner.

    `beyond` (rows, cols) are the cells that its head would pass over where it fits but no way leads; None: no such place.
    """

    reached: Bools
    side_m: float
    beyond: Bools | None = None

    @classmethod
    def of(
        cls, grid: OccupancyGrid, profile: RobotProfile, clearance: ClearanceField, starts: Sequence[Pose]
    ) -> PoseReach:
        """The poses joined to the open ones nearest to the starts (map frame)."""
        headings = _HEADINGS if grid.cells.size <= _MANY_CELLS else _FEW_HEADINGS
        solid = clearance.at_half_cells[::2, ::2] <= 0.0
        open_ = np.stack([_open(solid, profile, grid.resolution_m, layer / headings) for layer in range(headings)])
        reached = np.zeros_like(open_)
        for start in starts:
            seed = nearest(grid, open_, start)
            if seed is not None and not reached[seed]:
                grown(open_, reached, *seed)
        shut = open_ & ~reached
        beyond = cls(shut, grid.resolution_m).under(profile.head) if shut.any() else None
        return cls(reached, grid.resolution_m, beyond)

    def holds(self, grid: OccupancyGrid, pose: Pose) -> bool:
        """Whether a pose (map frame), or one right beside it, is reached."""
        return nearest(grid, self.reached, pose) is not None

    def within(self, cells: Bools) -> PoseReach:
        """The poses at the lower left corners of cells (rows, cols) alone."""
        places = np.zeros(self.reached.shape[1:], dtype=bool)
        places[:-1, :-1] = cells
        return PoseReach(self.reached & places, self.side_m, self.beyond)

    def under(self, head: Head) -> Bools:
        """(rows, cols) the cells whose centres a head passes over at the reached poses."""
        headings = len(self.reached)
        found = np.zeros((self.reached.shape[1] - 1, self.reached.shape[2] - 1), dtype=bool)
        for layer, reached in enumerate(self.reached):
            if reached.any():
                found |= _under(reached, head, layer / headings * math.tau, self.side_m)
        return found

    @property
    def anywhere(self) -> Bools:
        """(rows, cols) the cells at whose lower left corner the turning centre can be, however turned."""
        places: Bools = np.asarray(self.reached).max(axis=0)
        return places[:-1, :-1]


def stands(clearance: ClearanceField, profile: RobotProfile, pose: Pose) -> bool:
    """Whether the robot can stand at a pose (map frame), or so nearly as a robot knows where it is."""
    turn = (pose.yaw_rad - clearance.grid.origin.yaw_rad) / math.tau
    solid = clearance.at_half_cells[::2, ::2] <= 0.0
    x, y = clearance.grid.from_map([[pose.x_m, pose.y_m]])[0] / clearance.grid.resolution_m
    size = (
        math.ceil((NEAR_M + profile.footprint.circumscribed_m + profile.clearance_m) / clearance.grid.resolution_m) + 1
    )
    row, col = max(0, round(y) - size), max(0, round(x) - size)
    window = solid[row : max(0, round(y) + size + 1), col : max(0, round(x) + size + 1)]
    if not window.size:
        return False
    places = np.argwhere(_open(window, profile, clearance.grid.resolution_m, turn)) + np.array((row, col))
    return bool(len(places)) and bool(
        np.hypot(places[:, 0] - y, places[:, 1] - x).min() * clearance.grid.resolution_m <= NEAR_M
    )


def _open(solid: Bools, profile: RobotProfile, side_m: float, turn: float) -> Bools:
    """(rows + 1, cols + 1) where the outline, at a share of a whole turn, holds no solid corner."""
    kernel = _kernel(profile.footprint, profile.clearance_m, side_m, turn * math.tau)
    pad = len(kernel) // 2
    # Beyond the map nothing is free.
    wide = cv2.copyMakeBorder(solid.astype(np.float32), pad, pad, pad, pad, cv2.BORDER_CONSTANT, value=1.0)
    touched = cv2.filter2D(wide, cv2.CV_32F, kernel, borderType=cv2.BORDER_CONSTANT)
    return np.asarray(touched[pad:-pad, pad:-pad] < 0.5)


def _kernel(footprint: Footprint, clearance_m: float, side_m: float, yaw: float) -> Nodes:
    """(n, n) the lattice places, about the turning centre, inside the grown and turned outline."""
    cos, sin = math.cos(yaw), math.sin(yaw)
    corners = footprint.corners() @ np.array([[cos, sin], [-sin, cos]])
    body = Polygon(corners).buffer(clearance_m - _ROUNDING_M, quad_segs=8)
    size = math.ceil((footprint.circumscribed_m + clearance_m) / side_m)
    y, x = np.mgrid[-size : size + 1, -size : size + 1] * side_m
    return np.asarray(shapely.contains_xy(body, x, y), dtype=np.float32)


def nearest(grid: OccupancyGrid, open_: Bools, start: Pose) -> tuple[int, int, int] | None:
    """The open lattice pose (heading, row, col) nearest to a pose, turned no further than to the next headings."""
    headings = len(open_)
    layer = round((start.yaw_rad - grid.origin.yaw_rad) / math.tau * headings) % headings
    x, y = grid.from_map([[start.x_m, start.y_m]])[0] / grid.resolution_m
    size = math.ceil(NEAR_M / grid.resolution_m)
    low_row, low_col = max(0, round(y) - size), max(0, round(x) - size)
    for turned in (layer, (layer + 1) % headings, (layer - 1) % headings):
        near = np.argwhere(open_[turned, low_row : max(0, round(y) + size + 1), low_col : max(0, round(x) + size + 1)])
        if len(near):
            places = near + np.array((low_row, low_col))
            row, col = places[np.argmin(np.hypot(places[:, 0] - y, places[:, 1] - x))].tolist()
            return turned, row, col
    return None


@compiled
def grown(open_: Bools, reached: Bools, layer: int, row: int, col: int) -> None:
    """Marks what is joined to a pose over neighbouring places and headings, askew too; the last heading lies beside the first."""
    headings, rows, cols = open_.shape
    stack: Ints = np.empty((4096, 3), dtype=np.int64)
    reached[layer, row, col] = True
    stack[0], count = (layer, row, col), 1
    while count:
        count -= 1
        at, y, x = stack[count]
        if count + 27 > len(stack):
            stack = np.concatenate((stack, stack))
        for step in range(27):
            to, v, u = (at + step // 9 - 1) % headings, y + step // 3 % 3 - 1, x + step % 3 - 1
            if 0 <= v < rows and 0 <= u < cols and open_[to, v, u] and not reached[to, v, u]:
                reached[to, v, u] = True
                stack[count] = to, v, u
                count += 1


def _under(reached: Bools, head: Head, yaw: float, side_m: float) -> Bools:
    """(rows, cols) the cells whose centres lie under a head of some length at any of the places (rows + 1, cols + 1)."""
    size = math.ceil((math.hypot(head.offset_m, head.width_m / 2)) / side_m) + 1
    # Cell (i, j) lies half a cell beyond the corner (i, j).
    y, x = (np.mgrid[-size:size, -size:size] + 0.5) * side_m
    ahead = x * math.cos(yaw) + y * math.sin(yaw) - head.offset_m
    across = y * math.cos(yaw) - x * math.sin(yaw)
    line = (np.abs(ahead) <= side_m * 0.71) & (np.abs(across) <= head.width_m / 2 + _ROUNDING_M)
    kernel = np.zeros((2 * size + 1, 2 * size + 1), dtype=np.float32)
    # filter2D correlates: the value at a cell is the sum over the places about it.
    kernel[:-1, :-1] = line[::-1, ::-1]
    spread = cv2.filter2D(
        reached.astype(np.float32), cv2.CV_32F, kernel, anchor=(size - 1, size - 1), borderType=cv2.BORDER_CONSTANT
    )
    return np.asarray(spread[:-1, :-1] > 0.5)


def along_passes(terrain: Terrain, profile: RobotProfile, wanted: Bools) -> Bools:
    """The wanted cells (rows, cols) that straight passes can sweep."""
    half_m = profile.half_width_m
    standing = terrain.distance_m >= np.float32(half_m + profile.clearance_m)
    away = cv2.distanceTransform((~standing).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE) * terrain.side_m
    return np.asarray(wanted & (away <= profile.head.width_m / 2))
