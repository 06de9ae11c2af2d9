"""Random halls with shelves, for nights that are not about one store."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from shapely import box

from robot_fleet.floor.grid import OCCUPIED, OccupancyGrid
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.profile import WORKING_W
from robot_fleet.floor.store import Dock, FloorMap, RobotSpec, Store, Zone

SIDE_M = 0.05
_DOCK_X_M, _DOCKS_APART_M, _DOCKS_FREE_M = 0.6, 1.5, 2.6
_LENGTH_M, _WIDTH_M = (7.0, 12.0), (5.0, 9.0)
_SHELVES, _SHELF_M = 6, ((0.4, 1.2), (0.5, 4.0))


def random_store(seed: int, robots: int = 2) -> Store:
    """A hall with its docks along the west wall, and shelves of any size wherever they fall; two zones."""
    rng = np.random.default_rng([seed, 3])
    length = round(float(rng.uniform(*_LENGTH_M)), 1)
    width = max(round(float(rng.uniform(*_WIDTH_M)), 1), robots * _DOCKS_APART_M + 1.0)
    cells = np.zeros((round(width / SIDE_M), round(length / SIDE_M)), dtype=np.int8)
    cells[[0, -1], :] = OCCUPIED
    cells[:, [0, -1]] = OCCUPIED
    for _ in range(int(rng.integers(_SHELVES + 1))):
        stand_shelf(rng, cells, length, width, _DOCKS_FREE_M)
    docks = tuple(Dock(f"dock_{k + 1}", Pose(_DOCK_X_M, 1.0 + k * _DOCKS_APART_M, math.pi)) for k in range(robots))
    zones = (
        Zone("west", box(0.0, 0.0, length / 2, width)),
        Zone("east", box(length / 2, 0.0, length, width)),
    )
    floor = FloorMap(f"hall-{seed}", OccupancyGrid(cells, SIDE_M, Pose(0.0, 0.0, 0.0)), zones, (), docks)
    specs = tuple(RobotSpec(f"robot_{k + 1}", WORKING_W, f"dock_{k + 1}", f"robot_{k + 1}") for k in range(robots))
    return Store(floor, specs)


def stand_shelf(
    rng: np.random.Generator, cells: NDArray[np.int8], length_m: float, width_m: float, free_m: float
) -> None:
    """Stands a shelf onto the cells (rows, cols) of a hall so long and wide, but not within `free_m` of the west wall."""
    across, along = (float(rng.uniform(*limits)) for limits in _SHELF_M)
    dx, dy = (across, along) if rng.random() < 0.5 else (along, across)
    x = float(rng.uniform(free_m, max(free_m + 0.1, length_m - dx)))
    y = float(rng.uniform(0.0, max(0.1, width_m - dy)))
    rows, cols = (slice(round(a / SIDE_M), round((a + d) / SIDE_M)) for a, d in ((y, dy), (x, dx)))
    cells[rows, cols] = OCCUPIED
