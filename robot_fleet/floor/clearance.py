"""How far every place of a floor is from the nearest obstacle.

An obstacle is a cell that is not free, everything outside the grid, a keepout or a closed polygon. Obstacle cells are
closed squares. On a lattice of half cells the point of a square that is nearest to a lattice node is itself a lattice
node, so the exact Euclidean distance transform (Felzenszwalb and Huttenlocher, "Distance Transforms of Sampled
Functions", 2012, as in cv2.DIST_MASK_PRECISE) of the lattice is the exact distance to the squares at every node; every
cell centre is a node.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray
from shapely import Polygon, STRtree
from shapely.geometry.base import BaseGeometry

from robot_fleet.floor.grid import FREE, OccupancyGrid
from robot_fleet.floor.store import FloorMap

# Distances come out of float32 arithmetic: two that differ by less than this are the same.
DISTANCE_TOLERANCE_M = 1e-4
# Lattices beyond this (five bytes a node) are worked on in bands; FAR_STEPS is even and 10 m on a grid of 5 cm.
MOST_NODES, FAR_STEPS = 1 << 27, 400

Transform = Callable[[NDArray[np.uint8], float], NDArray[np.float32]]


def transformed(nodes: NDArray[np.uint8], step_m: float = 1.0) -> NDArray[np.float32]:
    """(rows, cols) metres from each node of a lattice, `step_m` apart, to the nearest closed one, which is 0."""
    steps = np.asarray(cv2.distanceTransform(nodes, cv2.DIST_L2, cv2.DIST_MASK_PRECISE), dtype=np.float32)
    return steps * np.float32(step_m)


@dataclass(frozen=True, eq=False)
class ClearanceField:
    """Distance in metres from places of the floor to the nearest obstacle; 0 in an obstacle.

    `at_cell_centres` (rows, cols) is float32. It is exact for obstacle cells and takes a polygon for the half cells
    that it overlaps, so it is never too large and at most 3.6 cm too small on a grid of 5 cm.
    """

    grid: OccupancyGrid
    at_cell_centres: NDArray[np.float32]
    polygons: tuple[BaseGeometry, ...]
    transform: Transform = transformed

    @classmethod
    def of(cls, floor: FloorMap, closed: Sequence[Polygon] = (), fine: Transform | None = None) -> ClearanceField:
        """The field of a floor with its keepouts and further `closed` polygons (map frame).

        With `fine`, a transform such as `transformed`, the distances at half cells are worked out at once: both
        together take as long as either.
        """
        shapes = [keepout.polygon for keepout in floor.keepouts] + list(closed)
        local = tuple(floor.grid.shape_from_map(shape) for shape in shapes)
        if fine is not None and floor.grid.cells.size * 4 <= MOST_NODES:
            field = cls(floor.grid, np.zeros(floor.grid.shape, dtype=np.float32), local, fine)
            field.at_cell_centres[:] = field.at_half_cells[1::2, 1::2]
        else:
            field = cls(floor.grid, _centre_distances(floor.grid, local), local)
        field.at_cell_centres.setflags(write=False)
        return field

    def at(self, points: ArrayLike) -> NDArray[np.float64]:
        """Exact distance (n,) of (n, 2) map-frame points from obstacle cells and polygons; 0 outside the grid."""
        local = self.grid.from_map(points)
        found = np.zeros(len(local))
        rows, cols = self.grid.cells_under(local).T
        inside = (rows >= 0) & (cols >= 0) & (rows < self.grid.shape[0]) & (cols < self.grid.shape[1])
        inside[inside] = self.grid.cells[rows[inside], cols[inside]] == FREE
        if not inside.any():
            return found
        spots = shapely.points(local[inside])
        nearest = self._obstacles.nearest(spots)
        found[inside] = shapely.distance(spots, self._obstacles.geometries.take(nearest))
        return found

    def at_least(self, x_m: float, y_m: float) -> float:
        """A distance that a map-frame point has from obstacles at least, by the centre of its cell: quicker than `at`."""
        (row, col), (x, y) = self.grid.cell_at(x_m, y_m)
        rows, cols = self.grid.shape
        if not (0 <= row < rows and 0 <= col < cols):
            return 0.0
        beside_m = math.hypot(x - col - 0.5, y - row - 0.5) * self.grid.resolution_m
        return max(0.0, float(self.at_cell_centres[row, col]) - DISTANCE_TOLERANCE_M - beside_m)

    def fits(self, radius_m: float) -> NDArray[np.bool_]:
        """Mask (rows, cols) of the cell centres about which a disc of that radius is clear of obstacles."""
        return np.asarray(self.at_cell_centres >= np.float32(radius_m - DISTANCE_TOLERANCE_M))

    @cached_property
    def at_half_cells(self) -> NDArray[np.float32]:
        """(2 rows + 1, 2 cols + 1) distances at the corners, the edges' middles and the centres of the cells.

        Node (i, j) lies at (j, i) half cells in the grid frame; its distance is exact as a cell centre's is.
        """
        shape = 2 * self.grid.shape[0] + 1, 2 * self.grid.shape[1] + 1
        free = self.grid.free
        if free.any():
            rows, cols = _extent(free, axis=1), _extent(free, axis=0)
            nodes = _open_nodes(free[rows, cols])
            for polygon in self.polygons:
                _close_under(nodes, polygon, self.grid.resolution_m / 2, 2 * cols.start, 2 * rows.start)
            fine = self.transform(nodes, self.grid.resolution_m / 2)
            if fine.shape != shape:
                window, fine = fine, np.zeros(shape, dtype=np.float32)
                fine[2 * rows.start : 2 * rows.stop + 1, 2 * cols.start : 2 * cols.stop + 1] = window
        else:
            fine = np.zeros(shape, dtype=np.float32)
        fine.setflags(write=False)
        return fine

    @cached_property
    def _obstacles(self) -> STRtree:
        rims = _rim_boxes(self.grid.free, self.grid.resolution_m)
        return STRtree([*rims, *self.polygons])


def _centre_distances(grid: OccupancyGrid, polygons: Sequence[BaseGeometry]) -> NDArray[np.float32]:
    """Distances (rows, cols) at the cell centres, worked out on the window that holds every free cell."""
    distances = np.zeros(grid.shape, dtype=np.float32)
    free = grid.free
    if not free.any():
        return distances
    rows, cols = _extent(free, axis=1), _extent(free, axis=0)
    nodes = _open_nodes(free[rows, cols])
    for polygon in polygons:
        _close_under(nodes, polygon, grid.resolution_m / 2, 2 * cols.start, 2 * rows.start)
    distances[rows, cols] = _steps_at_centres(nodes) * np.float32(grid.resolution_m / 2)
    return distances


def _steps_at_centres(nodes: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Distances (rows, cols), in lattice steps, of the cell centres from the nearest closed node.

    A lattice too large for memory is done in bands that overlap by FAR_STEPS; there no distance is larger than that.
    """
    height, width = nodes.shape
    if nodes.size <= MOST_NODES:
        return np.asarray(transformed(nodes)[1::2, 1::2])
    steps = np.empty((height // 2, width // 2), dtype=np.float32)
    band = max(FAR_STEPS, (MOST_NODES // width - 2 * FAR_STEPS) // 2 * 2)
    for low in range(0, height - 1, band):
        first = max(0, low - FAR_STEPS)
        part = transformed(nodes[first : low + band + FAR_STEPS + 1])[low - first + 1 : low - first + band : 2, 1::2]
        steps[low // 2 : (low + band) // 2] = np.minimum(part, FAR_STEPS)
    return steps


def _extent(free: NDArray[np.bool_], axis: int) -> slice:
    places = np.flatnonzero(free.any(axis=axis))
    return slice(int(places[0]), int(places[-1]) + 1)


def _open_nodes(free: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Lattice (2 rows + 1, 2 cols + 1), uint8: 0 at the nodes of a closed obstacle square or of the border, else 1."""
    rows, cols = free.shape
    nodes = np.zeros((2 * rows + 1, 2 * cols + 1), dtype=np.uint8)
    nodes[1::2, 1::2] = free
    nodes[1::2, 2:-1:2] = free[:, :-1] & free[:, 1:]
    nodes[2:-1:2, 1::2] = free[:-1] & free[1:]
    nodes[2:-1:2, 2:-1:2] = free[:-1, :-1] & free[:-1, 1:] & free[1:, :-1] & free[1:, 1:]
    return nodes


def _close_under(nodes: NDArray[np.uint8], polygon: BaseGeometry, step_m: float, left: int, low: int) -> None:
    """Zeroes the nodes of every lattice square that the polygon (grid frame) overlaps."""
    high_row, high_col = nodes.shape[0] - 1, nodes.shape[1] - 1
    bounds = np.asarray(polygon.bounds) / step_m - (left, low, left, low)
    if not np.all(np.isfinite(bounds)):
        return
    col0, row0 = (max(0, math.floor(value)) for value in bounds[:2])
    col1, row1 = min(high_col, math.ceil(bounds[2])), min(high_row, math.ceil(bounds[3]))
    if col0 >= col1 or row0 >= row1:
        return
    x, y = np.meshgrid(np.arange(col0, col1) + left, np.arange(row0, row1) + low)
    squares = _overlapped(polygon, x * step_m, y * step_m, step_m)
    window = nodes[row0 : row1 + 1, col0 : col1 + 1]
    for drow in (0, 1):
        for dcol in (0, 1):
            window[drow : drow + row1 - row0, dcol : dcol + col1 - col0][squares] = 0


def _overlapped(
    polygon: BaseGeometry, x: NDArray[np.float64], y: NDArray[np.float64], step_m: float
) -> NDArray[np.bool_]:
    """Which squares with lower left corners (x, y) share more than their rim with the polygon."""
    half_diagonal = step_m * math.sqrt(0.5)
    centre_x, centre_y = x + step_m / 2, y + step_m / 2
    near = shapely.contains_xy(polygon.buffer(half_diagonal * 1.01), centre_x, centre_y)
    deep = shapely.contains_xy(polygon.buffer(-half_diagonal * 1.01), centre_x, centre_y)
    rim = near & ~deep
    boxes = shapely.box(x[rim], y[rim], x[rim] + step_m, y[rim] + step_m)
    deep[rim] = shapely.area(shapely.intersection(boxes, polygon)) > 1e-6 * step_m**2
    return np.asarray(deep, dtype=bool)


def _rim_boxes(free: NDArray[np.bool_], resolution_m: float) -> list[BaseGeometry]:
    """Boxes (grid frame) over the runs, row by row, of obstacle cells with a free cell among their eight neighbours."""
    outside = np.pad(free, 1)
    near_free = cv2.dilate(np.pad(outside, 1).astype(np.uint8), np.ones((3, 3), np.uint8))[1:-1, 1:-1] > 0
    rim = np.pad(near_free & ~outside, ((0, 0), (1, 1))).astype(np.int8)
    change = np.diff(rim, axis=1)
    rows, starts = np.nonzero(change == 1)
    ends = np.nonzero(change == -1)[1]
    # The padding shifts every cell by one: padded column c lies at (c - 1) cells.
    low, left, right = (rows - 1) * resolution_m, (starts - 1) * resolution_m, (ends - 1) * resolution_m
    return list(shapely.box(left, low, right, low + resolution_m))
