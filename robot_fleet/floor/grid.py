"""The occupancy grid. Cell <-> metre happens here and nowhere else.

Three frames: *cells* (row, col), row 0 at the bottom; the *grid frame*, metres from the lower left corner of the lower
left cell, x along the columns, y along the rows; the *map frame*, in which the grid frame lies at `origin`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray
from shapely import LinearRing, Polygon, affinity
from shapely.geometry.base import BaseGeometry

from robot_fleet.floor.outlines import outlines
from robot_fleet.floor.pose import Pose

FREE, OCCUPIED, UNKNOWN = 0, 100, -1


@dataclass(frozen=True, eq=False)
class OccupancyGrid:
    """Cells as map_server publishes them: `cells` is int8 (rows, cols), 0 free, 1..100 occupied, -1 unknown.

    Only 0 is free; everything else, and everything outside the grid, is an obstacle. Cells are squares.
    """

    cells: NDArray[np.int8]
    resolution_m: float
    origin: Pose

    def __post_init__(self) -> None:
        if self.cells.ndim != 2 or not self.cells.size:
            raise ValueError("a grid needs at least one cell")
        if not (math.isfinite(self.resolution_m) and self.resolution_m > 0):
            raise ValueError(f"the resolution must be a positive number of metres, not {self.resolution_m}")
        self.cells.setflags(write=False)

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, cols)."""
        rows, cols = self.cells.shape
        return rows, cols

    @property
    def free(self) -> NDArray[np.bool_]:
        """Which cells are free, (rows, cols)."""
        free: NDArray[np.bool_] = self.cells == FREE
        return free

    @property
    def cell_area_m2(self) -> float:
        """Square metres of one cell."""
        return self.resolution_m**2

    def to_map(self, points: ArrayLike) -> NDArray[np.float64]:
        """(n, 2) grid-frame metres as (n, 2) map-frame metres."""
        return _moved(points, self._to_map)

    def from_map(self, points: ArrayLike) -> NDArray[np.float64]:
        """(n, 2) map-frame metres as (n, 2) grid-frame metres."""
        return _moved(points, self._from_map)

    def shape_to_map(self, shape: BaseGeometry) -> BaseGeometry:
        """A shapely geometry of the grid frame in the map frame."""
        return affinity.affine_transform(shape, self._to_map)

    def shape_from_map(self, shape: BaseGeometry) -> BaseGeometry:
        """A shapely geometry of the map frame in the grid frame."""
        return affinity.affine_transform(shape, self._from_map)

    @cached_property
    def _to_map(self) -> list[float]:
        return _matrix(self.origin)

    @cached_property
    def _from_map(self) -> list[float]:
        return _matrix(self.origin.inverse())

    def cells_at(self, points: ArrayLike) -> NDArray[np.int64]:
        """(n, 2) rows and columns of the cells under (n, 2) map-frame points; may lie outside the grid."""
        return self.cells_under(self.from_map(points))

    def cells_under(self, local: NDArray[np.float64]) -> NDArray[np.int64]:
        """(n, 2) rows and columns of the cells under (n, 2) grid-frame points; may lie outside the grid."""
        return np.floor(local / self.resolution_m + 1e-9)[:, ::-1].astype(np.int64)

    def centres(self, cells: ArrayLike) -> NDArray[np.float64]:
        """(n, 2) map-frame centres of (n, 2) cells given as rows and columns."""
        rows_cols = np.atleast_2d(np.asarray(cells, dtype=np.float64))
        return self.to_map((rows_cols[:, ::-1] + 0.5) * self.resolution_m)

    def contains(self, points: ArrayLike) -> NDArray[np.bool_]:
        """Which of (n, 2) map-frame points lie on the grid."""
        rows_cols = self.cells_at(points)
        inside: NDArray[np.bool_] = np.all((rows_cols >= 0) & (rows_cols < self.shape), axis=1)
        return inside

    def is_free(self, points: ArrayLike) -> NDArray[np.bool_]:
        """Which of (n, 2) map-frame points lie on free cells of the grid."""
        rows_cols = self.cells_at(points)
        free: NDArray[np.bool_] = np.all((rows_cols >= 0) & (rows_cols < self.shape), axis=1)
        free[free] = self.cells[tuple(rows_cols[free].T)] == FREE
        return free

    def is_free_at(self, x_m: float, y_m: float) -> bool:
        """Whether one map-frame point lies on a free cell of the grid: many times quicker than an array of one."""
        (row, col), _ = self.cell_at(x_m, y_m)
        rows, cols = self.shape
        return 0 <= row < rows and 0 <= col < cols and bool(self.cells[row, col] == FREE)

    def cell_at(self, x_m: float, y_m: float) -> tuple[tuple[int, int], tuple[float, float]]:
        """The cell (row, col) of one map-frame point, and where it lies (across, up) in cells; it may lie outside the grid."""
        a, b, c, d, dx, dy = self._from_map
        across, up = (a * x_m + b * y_m + dx) / self.resolution_m, (c * x_m + d * y_m + dy) / self.resolution_m
        return (math.floor(up), math.floor(across)), (across, up)

    def centres_inside(self, shape: BaseGeometry) -> NDArray[np.bool_]:
        """Mask (rows, cols) of the cells whose centre lies inside a map-frame polygon."""
        mask = np.zeros(self.shape, dtype=bool)
        self.mark(mask, shape)
        return mask

    def mark(self, mask: NDArray[np.bool_], shape: BaseGeometry) -> None:
        """Sets the cells of `mask` (rows, cols) whose centre lies inside a map-frame polygon; touches no others."""
        for polygon in _parts(shape):
            rows, cols, inside = self.inside_ring(_corners(polygon.exterior))
            for hole in polygon.interiors:
                hole_rows, hole_cols, within = self.inside_ring(_corners(hole))
                inside[_shifted(hole_rows, rows.start), _shifted(hole_cols, cols.start)] ^= within
            mask[rows, cols] |= inside

    def inside_ring(self, corners: Sequence[tuple[float, float]]) -> tuple[slice, slice, NDArray[np.bool_]]:
        """Rows, columns and mask of the cells with their centre inside a map-frame ring, by the even-odd rule.

        A centre on the edge that two neighbouring rings share belongs to exactly one. The ring may cross itself.
        """
        a, b, c, d, dx, dy = self._from_map
        ring = [
            ((a * x + b * y + dx) / self.resolution_m - 0.5, (c * x + d * y + dy) / self.resolution_m - 0.5)
            for x, y in corners
        ]
        low, high = _within(min(y for _, y in ring), max(y for _, y in ring), self.shape[0])
        first, last = _within(min(ring)[0], max(ring)[0], self.shape[1])
        inside = _even_odd(ring, range(low, high), range(first, last))
        return slice(low, high), slice(first, last), inside

    def polygons(self, mask: NDArray[np.bool_]) -> list[Polygon]:
        """The marked cells (rows, cols) as map-frame polygons with holes, one for each 4-connected region."""
        shapes = np.array(outlines(mask), dtype=object)
        found = shapely.transform(shapes, lambda corners: self.to_map(corners * self.resolution_m))
        return [polygon for polygon in found if isinstance(polygon, Polygon)]


def _corners(ring: LinearRing) -> list[tuple[float, float]]:
    return [(x, y) for x, y, *_ in ring.coords[:-1]]


def _shifted(span: slice, by: int) -> slice:
    return slice(span.start - by, span.stop - by)


def _within(least: float, most: float, cells: int) -> tuple[int, int]:
    """First and one past the last of the cells 0..cells - 1 that lie between two positions in cells."""
    first = max(0, math.ceil(least))
    return first, max(first, min(cells, math.floor(most) + 1))


def _even_odd(ring: list[tuple[float, float]], rows: range, cols: range) -> NDArray[np.bool_]:
    # Each edge toggles its rows from where it crosses them; a running exclusive or makes spans of the toggles.
    width = len(cols) + 1
    if not rows or not cols:
        return np.zeros((len(rows), len(cols)), dtype=bool)
    toggles = bytearray(len(rows) * width)
    ceil, first = math.ceil, cols.start
    for one, other in zip(ring, ring[1:] + ring[:1], strict=True):
        # Upwards always, so that the ring on the other side of a shared edge comes to the same crossings.
        (x0, y0), (x1, y1) = (one, other) if one[1] <= other[1] else (other, one)
        low, high = max(rows.start, ceil(y0)), min(rows.stop, ceil(y1))
        slope = (x1 - x0) / (y1 - y0) if low < high else 0.0
        for row in range(low, high):
            col = ceil(x0 + (row - y0) * slope) - first
            if col < width:
                toggles[(row - rows.start) * width + (col if col > 0 else 0)] ^= 1
    table = np.frombuffer(toggles, dtype=bool).reshape(len(rows), width)
    return np.asarray(np.logical_xor.accumulate(table, axis=1)[:, :-1])


def _matrix(pose: Pose) -> list[float]:
    cos, sin = math.cos(pose.yaw_rad), math.sin(pose.yaw_rad)
    return [cos, -sin, sin, cos, pose.x_m, pose.y_m]


def _moved(points: ArrayLike, matrix: list[float]) -> NDArray[np.float64]:
    a, b, c, d, x, y = matrix
    along, across = np.atleast_2d(np.asarray(points, dtype=np.float64)).T
    # No product of matrices: it is rounded in another way on each kind of processor, and plans would differ.
    moved: NDArray[np.float64] = np.column_stack((a * along + b * across + x, c * along + d * across + y))
    return moved


def _parts(shape: BaseGeometry) -> list[Polygon]:
    return [part for part in getattr(shape, "geoms", [shape]) if isinstance(part, Polygon) and part.area > 0]
