"""Makes the three stores of this folder, each clean and as a robot's scan: `python maps/generate.py [folder]`.

The clean stores are exact rectangles. A scan is the same floor turned in its image, with walls that are off by up to a
cell, specks, and pockets that the scanner did not see; its seed is fixed, so that the files are always the same.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from shapely import Polygon, affinity, box

from robot_fleet.floor.grid import FREE, OCCUPIED, UNKNOWN, OccupancyGrid
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.store import Dock, Zone
from robot_fleet.storage.floor_file import FloorFile, write_floor_file
from robot_fleet.storage.maps import write_map

CELL_M = 0.05
WALL_M = 0.05
TURN_RAD = math.radians(1.5)
MARGIN_M = 1.0
DOCK_ROW_X_M, FIRST_DOCK_Y_M, DOCK_STEP_M = 0.6, 1.0, 1.2
SPECKS_PER_M2, POCKETS_PER_M2 = 1 / 100, 1 / 300
DOCK_CORNER_M = 4.0

Rectangle = tuple[float, float, float, float]


@dataclass(frozen=True)
class Layout:
    """A store in its own frame, metres from its lower left corner: shelves and zones as (x, y, width, height)."""

    name: str
    width_m: float
    height_m: float
    shelves: list[Rectangle]
    zones: dict[str, Rectangle]
    docks: int
    robots: int
    seed: int = field(default=0)


def corner_shop() -> Layout:
    """12 x 8 m with four shelves."""
    shelves = [(2.8 + 2.1 * i, 2.5, 0.6, 3.0) for i in range(4)]
    zones = {"front": (0.0, 0.0, 12.0, 2.0), "shelves": (0.0, 2.0, 12.0, 6.0)}
    return Layout("corner_shop", 12.0, 8.0, shelves, zones, docks=2, robots=2, seed=1)


def supermarket() -> Layout:
    """60 x 40 m with twelve gondolas; the border between west and east runs through the seventh."""
    shelves = [(9.05 + 3.7 * i, 13.0, 1.2, 14.0) for i in range(12)]
    zones = {
        "front": (0.0, 0.0, 60.0, 12.0),
        "aisles_west": (0.0, 12.0, 31.85, 16.0),
        "aisles_east": (31.85, 12.0, 28.15, 16.0),
        "back": (0.0, 28.0, 60.0, 12.0),
    }
    return Layout("supermarket", 60.0, 40.0, shelves, zones, docks=6, robots=3, seed=2)


def supercenter() -> Layout:
    """180 x 120 m with 120 gondolas, 18 checkouts and 24 produce islands."""
    gondolas = [(60 + 3.7 * c, 16.0 + 25 * r, 1.2, 20.0) for r in range(4) for c in range(30)]
    checkouts = [(62.0 + 6 * i, 4.0, 1.2, 6.0) for i in range(18)]
    islands = [(8.0 + 11 * c, 16.0 + 16 * r, 4.0, 3.0) for r in range(6) for c in range(4)]
    zones = {
        "front": (0.0, 0.0, 180.0, 13.0),
        "produce": (0.0, 13.0, 56.0, 107.0),
        "aisles_1": (56.0, 13.0, 124.0, 25.5),
        "aisles_2": (56.0, 38.5, 124.0, 25.0),
        "aisles_3": (56.0, 63.5, 124.0, 25.0),
        "aisles_4": (56.0, 88.5, 124.0, 24.5),
        "back": (56.0, 113.0, 124.0, 7.0),
    }
    return Layout("supercenter", 180.0, 120.0, gondolas + checkouts + islands, zones, docks=12, robots=8, seed=3)


def generate(folder: Path) -> None:
    """Writes all store folders below `folder`."""
    for layout in (corner_shop(), supermarket(), supercenter()):
        _write(folder / layout.name, layout, clean_grid(layout), Pose(0.0, 0.0))
        _write(folder / f"{layout.name}_scan", layout, scanned_grid(layout), Pose(0.0, 0.0, TURN_RAD))


def clean_grid(layout: Layout) -> OccupancyGrid:
    """The store as it is: wall along the border of the image, solid shelves."""
    cells = np.full((_cell(layout.height_m), _cell(layout.width_m)), OCCUPIED, dtype=np.int8)
    wall = _cell(WALL_M)
    cells[wall:-wall, wall:-wall] = FREE
    for x, y, width, height in layout.shelves:
        cells[_cell(y) : _cell(y + height), _cell(x) : _cell(x + width)] = OCCUPIED
    return OccupancyGrid(cells, CELL_M, Pose(0.0, 0.0))


def scanned_grid(layout: Layout) -> OccupancyGrid:
    """The store as a robot's scan would show it, turned by TURN_RAD about its lower left corner."""
    outline = affinity.rotate(box(0, 0, layout.width_m, layout.height_m), TURN_RAD, origin=(0, 0), use_radians=True)
    low_x, low_y, high_x, high_y = outline.buffer(MARGIN_M).bounds
    origin = Pose(_cell(low_x) * CELL_M, _cell(low_y) * CELL_M)
    shape = (_cell(high_y - low_y), _cell(high_x - low_x))
    # RandomState's stream is frozen for good; that of a Generator may change with numpy.
    random = np.random.RandomState(layout.seed)
    cells = _seen(layout, *_store_places(shape, origin, random))
    _spoil(cells, layout, origin, random)
    return OccupancyGrid(cells, CELL_M, origin)


def _store_places(
    shape: tuple[int, int], origin: Pose, random: np.random.RandomState
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Places x, y (rows, cols) in the store's frame that the pixels show: their centres, off by up to a cell."""
    col, row = np.meshgrid(np.arange(shape[1]) + 0.5, np.arange(shape[0]) + 0.5)
    x, y = origin.x_m + col * CELL_M, origin.y_m + row * CELL_M
    cos, sin = math.cos(TURN_RAD), math.sin(TURN_RAD)
    return cos * x + sin * y + _wobble(shape, random), cos * y - sin * x + _wobble(shape, random)


def _wobble(shape: tuple[int, int], random: np.random.RandomState) -> NDArray[np.float64]:
    """Errors between minus and plus one cell, constant over patches of 8 x 8 cells."""
    coarse = random.uniform(-CELL_M, CELL_M, (shape[0] // 8 + 1, shape[1] // 8 + 1))
    return np.repeat(np.repeat(coarse, 8, axis=0), 8, axis=1)[: shape[0], : shape[1]]


def _seen(layout: Layout, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.int8]:
    """Cells of the places (x, y): unknown beyond the walls and deep inside shelves, whose faces alone are seen."""
    inside = np.minimum(np.minimum(x, layout.width_m - x), np.minimum(y, layout.height_m - y))
    cells = np.where(inside > WALL_M, FREE, np.where(inside > -CELL_M, OCCUPIED, UNKNOWN)).astype(np.int8)
    for left, low, width, height in layout.shelves:
        rows, cols = _window(x, y, left, low, width, height)
        across, along = x[rows, cols] - left, y[rows, cols] - low
        depth = np.minimum(np.minimum(across, width - across), np.minimum(along, height - along))
        part = cells[rows, cols]
        part[depth >= 0] = OCCUPIED
        part[depth >= 3 * CELL_M] = UNKNOWN
    return cells


def _window(
    x: NDArray[np.float64], y: NDArray[np.float64], left: float, low: float, width: float, height: float
) -> tuple[slice, slice]:
    """Rows and columns around a shelf, wide enough for the turn and the wobble."""
    middle_row = int(np.argmin(np.abs(y[:, 0] - low - height / 2 + math.sin(TURN_RAD) * (left + width / 2))))
    middle_col = int(np.argmin(np.abs(x[middle_row] - left - width / 2)))
    rows, cols = _cell(height) // 2 + _cell(width) + 40, _cell(width) // 2 + _cell(height) + 40
    return (
        slice(max(0, middle_row - rows), middle_row + rows),
        slice(max(0, middle_col - cols), middle_col + cols),
    )


def _spoil(cells: NDArray[np.int8], layout: Layout, origin: Pose, random: np.random.RandomState) -> None:
    """Adds specks (single occupied cells) and pockets (unknown discs), none of them near the docks."""
    area = layout.width_m * layout.height_m
    for _ in range(round(area * SPECKS_PER_M2)):
        _blot(cells, layout, origin, random, radius_m=0.0, value=OCCUPIED)
    for _ in range(max(1, round(area * POCKETS_PER_M2))):
        _blot(cells, layout, origin, random, radius_m=random.uniform(0.1, 0.4), value=UNKNOWN)


def _blot(
    cells: NDArray[np.int8], layout: Layout, origin: Pose, random: np.random.RandomState, radius_m: float, value: int
) -> None:
    place = Pose(random.uniform(0, layout.width_m), random.uniform(0, layout.height_m))
    if place.x_m < DOCK_CORNER_M and place.y_m < FIRST_DOCK_Y_M + DOCK_STEP_M * layout.docks + 1.0:
        return
    at = Pose(0.0, 0.0, TURN_RAD) @ place
    col, row = _cell(at.x_m - origin.x_m), _cell(at.y_m - origin.y_m)
    reach = _cell(radius_m)
    rows, cols = np.ogrid[-reach : reach + 1, -reach : reach + 1]
    part = cells[row - reach : row + reach + 1, col - reach : col + reach + 1]
    part[(rows**2 + cols**2 <= reach**2) & (part == FREE)] = value


def _cell(metres: float) -> int:
    return round(metres / CELL_M)


def _write(folder: Path, layout: Layout, grid: OccupancyGrid, frame: Pose) -> None:
    """Writes one store folder; `frame` is where the store's frame lies in the map frame."""
    write_map(folder, grid)
    write_floor_file(folder / "floor.geojson", _floor(layout, frame))
    (folder / "store.yaml").write_text(_robots(layout), encoding="utf-8")


def _floor(layout: Layout, frame: Pose) -> FloorFile:
    content = FloorFile()
    for name, (x, y, width, height) in layout.zones.items():
        corners = [(x, y), (x + width, y), (x + width, y + height), (x, y + height)]
        turned = [_rounded(frame @ Pose(*corner)) for corner in corners]
        content.zones.append(Zone(name, Polygon([(corner.x_m, corner.y_m) for corner in turned])))
    for number in range(layout.docks):
        place = Pose(DOCK_ROW_X_M, round(FIRST_DOCK_Y_M + DOCK_STEP_M * number, 3), math.pi)
        content.docks.append(Dock(f"dock_{number + 1}", _rounded(frame @ place)))
    return content


def _rounded(pose: Pose) -> Pose:
    return Pose(*(round(value, 6) for value in (pose.x_m, pose.y_m, pose.yaw_rad)))


def _robots(layout: Layout) -> str:
    lines = ["time_zone: UTC", "robots:"]
    lines += [f"  - {{name: robot_{n}, profile: W, dock: dock_{n}}}" for n in range(1, layout.robots + 1)]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    generate(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
