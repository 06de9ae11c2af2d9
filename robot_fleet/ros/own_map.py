"""A robot's own map against the store's: whether the walls in it are walls in ours."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from nav_msgs.msg import OccupancyGrid as MapMessage
from numpy.typing import NDArray

from robot_fleet.floor.grid import OccupancyGrid
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.store import RobotSpec
from robot_fleet.ros.conversion import BadReading, pose_from_ros

SAME_MAP = "Give both the same map, or the right map_to_robot in store.yaml"
SOUND_MAP = "Look at the node that publishes it: nothing on the robot can use such a map"

_OCCUPIED = 65
FEW_CELLS = 400
"""A map with fewer occupied cells tells nothing."""
DIFFER = 0.1
"""Share of its walls that may be none in ours: shelves are moved, pallets come and go."""
MOST_CELLS = 100_000_000
"""A map with more cells (250 x 250 m at 2.5 cm) cannot be read: it would take gigabytes."""

_SAMPLE = 20_000
_NEAR_M, _NEAR_CELLS = 0.1, 2
# So much of what is occupied in its map must lie on ours: of another hall only what happens to does.
_ON_OURS = 0.5
# Beyond this is no store, and cells can no longer be counted.
_FAR_M = 1e6


@dataclass(frozen=True, eq=False)
class OwnMap:
    """The robot's own map: what is occupied (rows, cols), metres a cell, and the pose of its corner in the robot's map frame."""

    occupied: NDArray[np.bool_]
    resolution_m: float
    origin: Pose

    @property
    def tells(self) -> bool:
        """Whether there is enough in it to be compared."""
        return int(self.occupied.sum()) >= FEW_CELLS


def map_from_ros(message: MapMessage) -> OwnMap:
    """BadReading for what is no map: a robot's mistake must not end the looking at all others."""
    rows, cols, resolution_m = message.info.height, message.info.width, message.info.resolution
    if rows * cols > MOST_CELLS:
        raise BadReading(f"it has {cols} x {rows} cells, more than {MOST_CELLS // 1_000_000} million")
    cells = np.asarray(message.data, dtype=np.int8)
    if cells.size != rows * cols:
        raise BadReading(f"it says that it has {cols} x {rows} cells, and has {cells.size}")
    if not (math.isfinite(resolution_m) and resolution_m > 0.0):
        raise BadReading(f"a cell of it is {resolution_m} m wide")
    return OwnMap(cells.reshape(rows, cols) >= _OCCUPIED, resolution_m, pose_from_ros(message.info.origin))


def share_apart(spec: RobotSpec, grid: OccupancyGrid, own: OwnMap) -> float:
    """The share (0..1) of what is occupied in the robot's map, of much of a sample, that has nothing occupied near it in ours.

    What lies beyond our map does not count, unless that is more than half.
    """
    occupied = np.flatnonzero(own.occupied)
    rows, cols = np.divmod(occupied[:: -(-len(occupied) // _SAMPLE)], own.occupied.shape[1])
    places = (np.column_stack((cols, rows)) + 0.5) * own.resolution_m
    ours = np.clip(_moved(_moved(places, own.origin), spec.map_to_robot), -_FAR_M, _FAR_M)
    ours = ours[grid.contains(ours)]
    if len(ours) < _ON_OURS * len(places):
        return 1.0
    near_cells = max(_NEAR_CELLS, math.ceil(max(_NEAR_M, own.resolution_m) / grid.resolution_m - 1e-6))
    cells = grid.cells_at(ours)
    return 1.0 - float(_near_walls(grid, near_cells)[cells[:, 0], cells[:, 1]].mean())


def walls_apart(share: float) -> str:
    """That share in words."""
    return f"{100 * share:.0f} % of the walls in its map are none in ours"


def unreadable(why: str) -> str:
    """That its map cannot be used, and why."""
    return f"its map cannot be read: {why}"


def _moved(points: NDArray[np.float64], pose: Pose) -> NDArray[np.float64]:
    cos, sin = math.cos(pose.yaw_rad), math.sin(pose.yaw_rad)
    return np.asarray(points @ np.array([[cos, sin], [-sin, cos]]) + [pose.x_m, pose.y_m])


@lru_cache(maxsize=2)
def _near_walls(grid: OccupancyGrid, cells: int) -> NDArray[np.bool_]:
    """The cells (rows, cols) within so many cells, at most 20, of something that is not free."""
    near = ~grid.free
    for _ in range(min(cells, 20)):
        grown = near.copy()
        grown[1:] |= near[:-1]
        grown[:-1] |= near[1:]
        grown[:, 1:] |= near[:, :-1]
        grown[:, :-1] |= near[:, 1:]
        near = grown
    return near
