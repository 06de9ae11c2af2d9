"""A raster turned so that its rows run along the walls, laid over the grid frame."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from robot_fleet.planning.compiled import side_by_side, together
from robot_fleet.planning.terrain import Bools, Floats, Nodes, Terrain, room_at


@dataclass(frozen=True, eq=False)
class Frame:
    """`room` (rows, cols): the terrain's room at each node; the node (row, col) lies at origin + turned (col, row) x side.

    A node outside the grid has no room. With an angle of 0 the nodes are the cell centres.
    """

    angle_rad: float
    origin: Floats
    side_m: float
    room: Nodes

    @classmethod
    def of(cls, terrain: Terrain, angle_rad: float) -> Frame:
        """The frame at an angle to the grid's x axis that holds the whole grid."""
        side = terrain.side_m
        rows, cols = terrain.distance_m.shape
        centre = np.array([side / 2, side / 2])
        if angle_rad == 0.0:
            return cls(0.0, centre, side, terrain.distance_m - np.float32(terrain.keep_m))
        corners = np.array([[0, 0], [cols - 1, 0], [0, rows - 1], [cols - 1, rows - 1]]) * side
        turned = corners @ _matrix(angle_rad)
        low, high = turned.min(axis=0), turned.max(axis=0)
        width, height = (math.ceil(size / side) + 1 for size in high - low)
        origin = low @ _matrix(angle_rad).T + centre
        room = np.empty((height, width), dtype=np.float32)
        turned_rooms(*terrain.measures, origin, _matrix(angle_rad) * side, room)
        return cls(angle_rad, origin, side, room)

    def to_grid(self, nodes: Floats) -> Floats:
        """(n, 2) positions as (col, row), not necessarily whole, in metres of the grid frame."""
        # No product of matrices: it is rounded in another way on each kind of processor, and plans would differ.
        turn, (cols, rows) = _matrix(self.angle_rad) * self.side_m, nodes.T
        points: Floats = self.origin + np.column_stack([cols * cos + rows * sin for cos, sin in turn])
        return points

    def seen(self, mask: Bools) -> Bools:
        """A mask (rows, cols) of grid cells as nodes of this raster."""
        if self.angle_rad == 0.0:
            return mask
        rows, cols = self.room.shape
        turn = self.side_m * _matrix(self.angle_rad)
        shift = self.origin - self.side_m / 2
        matrix = np.column_stack((turn, shift)) / self.side_m
        warped = cv2.warpAffine(
            mask.astype(np.uint8), matrix, (cols, rows), flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
        )
        return np.asarray(warped > 0)


def _matrix(angle_rad: float) -> Floats:
    cos, sin = math.cos(angle_rad), math.sin(angle_rad)
    return np.array([[cos, -sin], [sin, cos]])


@side_by_side
def turned_rooms(fine_m: Nodes, side_m: float, keep_m: float, origin: Floats, steps: Floats, room: Nodes) -> None:
    """Writes the room (rows, cols) at origin + steps @ (col, row), and none outside the grid."""
    high, wide = (fine_m.shape[0] - 1) * side_m / 2, (fine_m.shape[1] - 1) * side_m / 2
    for row in together(len(room)):
        for col in range(room.shape[1]):
            x = origin[0] + steps[0, 0] * col + steps[0, 1] * row
            y = origin[1] + steps[1, 0] * col + steps[1, 1] * row
            inside = 0.0 <= x <= wide and 0.0 <= y <= high
            room[row, col] = room_at(fine_m, side_m, keep_m, x, y) if inside else -keep_m
