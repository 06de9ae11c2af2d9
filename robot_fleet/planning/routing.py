"""Shortest safe ways over a floor for one kind of robot.

A lattice of cell centres on which the robot keeps its clearance is searched by Dijkstra's algorithm, first coarsely, then (when
a narrow gap is lost between the coarse nodes) cell by cell; the way is then pulled straight wherever the straight line is safe.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import dijkstra
from shapely import LineString, Polygon, union_all
from shapely.geometry.base import BaseGeometry

from robot_fleet.floor.clearance import DISTANCE_TOLERANCE_M, ClearanceField
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.profile import RobotProfile
from robot_fleet.floor.reach import first_free_cell, standable
from robot_fleet.floor.store import FloorMap

_COARSE_M = 0.2
_STEPS = ((0, 1), (1, 0), (1, 1), (1, -1))


@dataclass(frozen=True, eq=False)
class _Lattice:
    """Every `stride`-th cell on which the robot can stand, joined to its eight neighbours; `node` is -1 elsewhere."""

    stride: int
    node: NDArray[np.int64]
    cells: NDArray[np.int64]
    graph: sparse.csr_matrix

    @classmethod
    def of(cls, standing: NDArray[np.bool_], stride: int) -> _Lattice:
        """The lattice over a mask (rows, cols) of cells."""
        coarse = standing[::stride, ::stride]
        node = np.full(coarse.shape, -1, dtype=np.int64)
        node[coarse] = np.arange(np.count_nonzero(coarse))
        ends = [_edges(standing, node, stride, step) for step in _STEPS]
        rows = np.concatenate([one for one, _, _ in ends])
        cols = np.concatenate([other for _, other, _ in ends])
        costs = np.concatenate([cost for _, _, cost in ends])
        count = int(coarse.sum())
        return cls(stride, node, np.argwhere(coarse) * stride, sparse.csr_matrix((costs, (rows, cols)), (count, count)))

    def near(self, cell: tuple[int, int]) -> int:
        """The node nearest to a cell within a few strides; -1 when there is none."""
        row, col = cell[0] // self.stride, cell[1] // self.stride
        low_row, low_col = max(0, row - 2), max(0, col - 2)
        found = np.argwhere(self.node[low_row : row + 4, low_col : col + 4] >= 0) + np.array([low_row, low_col])
        if not len(found):
            return -1
        best = found[np.argmin(np.hypot(*(found * self.stride - cell).T))]
        return int(self.node[tuple(best)])


class Router:
    """Finds ways for robots of one profile; `closed` polygons (map frame) are obstacles too."""

    def __init__(self, floor: FloorMap, profile: RobotProfile, closed: Sequence[Polygon] = ()) -> None:
        self.floor = floor
        self.profile = profile
        self._keeps_m = profile.footprint.circumscribed_m + profile.clearance_m
        self._field = ClearanceField.of(floor, closed)
        self._standing = standable(profile, self._field)
        self._closed: BaseGeometry = Polygon()

    def without(self, closed: Sequence[Polygon]) -> Router:
        """The same router with further polygons (map frame) closed for now; cheap."""
        other = object.__new__(Router)
        made_of_standing = ("_lattice_coarse", "_lattice_fine", "_parts")
        other.__dict__.update({key: value for key, value in self.__dict__.items() if key not in made_of_standing})
        other._closed = union_all(list(closed))
        other._standing = self._standing.copy()
        for polygon in closed:
            shut = np.zeros_like(other._standing)
            self.floor.grid.mark(shut, polygon.buffer(self._keeps_m))
            other._standing &= ~shut
        return other

    def route(self, start: Pose, goal: Pose) -> NDArray[np.float64] | None:
        """A short safe way (n, 2) in the map frame from start to goal; None when there is none.

        A start that lies a little inside the clearance is replaced by the nearest safe place, which the robot joins.
        """
        ends = [first_free_cell(self._field, self._standing, pose) for pose in (start, goal)]
        # Most ways that do not exist are known at once: a search would look at the whole floor, twice.
        if ends[0] is None or ends[1] is None or self._parts[ends[0]] != self._parts[ends[1]]:
            return None
        direct = np.array([[start.x_m, start.y_m], [goal.x_m, goal.y_m]])
        if self._field.at(direct[:1])[0] < self._keeps_m - DISTANCE_TOLERANCE_M:
            direct[0] = self.floor.grid.centres(ends[0])[0]
        if self._is_safe(direct[0], direct[1]):
            return direct
        cells = self._searched(self._lattice_coarse, ends[0], ends[1])
        cells = cells if cells is not None else self._searched(self._lattice_fine, ends[0], ends[1])
        if cells is None:
            return None
        centres = self.floor.grid.centres(np.vstack((ends[0], cells, ends[1])))
        return self._pulled(np.vstack((direct[:1], centres, direct[1:])))

    @cached_property
    def _parts(self) -> NDArray[np.int32]:
        """For each cell (rows, cols) the number of the connected part of the floor that it belongs to; 0: none."""
        _, labels = cv2.connectedComponents(self._standing.astype(np.uint8), connectivity=8, ltype=cv2.CV_32S)
        return np.asarray(labels, dtype=np.int32)

    @cached_property
    def _lattice_coarse(self) -> _Lattice:
        return _Lattice.of(self._standing, max(1, round(_COARSE_M / self.floor.grid.resolution_m)))

    @cached_property
    def _lattice_fine(self) -> _Lattice:
        return _Lattice.of(self._standing, 1)

    def _searched(self, lattice: _Lattice, start: tuple[int, int], goal: tuple[int, int]) -> NDArray[np.int64] | None:
        source, target = lattice.near(start), lattice.near(goal)
        if source < 0 or target < 0:
            return None
        cost, before = dijkstra(lattice.graph, directed=False, indices=source, return_predecessors=True)
        if not np.isfinite(cost[target]):
            return None
        nodes = [target]
        while nodes[-1] != source:
            nodes.append(int(before[nodes[-1]]))
        return lattice.cells[nodes[::-1]]

    def _pulled(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """The way with every corner left out that a safe straight line can do without."""
        kept, here = [points[0]], 0
        while here < len(points) - 1:
            step, reach = 1, here + 1
            while here + step < len(points) and self._is_safe(points[here], points[here + step]):
                reach, step = here + step, step * 2
            last = min(len(points) - 1, here + step)
            for further in range(last, reach, -1):
                if self._is_safe(points[here], points[further]):
                    reach = further
                    break
            kept.append(points[reach])
            here = reach
        moves = np.concatenate(([True], np.hypot(*np.diff(kept, axis=0).T) > 1e-6))
        pulled: NDArray[np.float64] = np.array(kept)[moves]
        return pulled

    def _is_safe(self, one: NDArray[np.float64], other: NDArray[np.float64]) -> bool:
        line = LineString([one, other])
        least_m = self._keeps_m - DISTANCE_TOLERANCE_M
        if not self._closed.is_empty and line.distance(self._closed) < least_m:
            return False
        points = one + np.linspace(0.0, 1.0, math.ceil(line.length / 0.025) + 1)[:, None] * (other - one)
        if not self.floor.grid.contains(points).all():
            return False
        # The distance at a cell's centre is at most half a diagonal off anywhere in the cell: only what is near needs more.
        rows, cols = self.floor.grid.cells_at(points).T
        at_centres, slack_m = self._field.at_cell_centres[rows, cols], 0.75 * self.floor.grid.resolution_m
        if at_centres.min() < least_m - slack_m:
            return False
        near = at_centres < least_m + slack_m
        return not near.any() or bool(self._field.at(points[near]).min() >= least_m)


def _edges(
    standing: NDArray[np.bool_], node: NDArray[np.int64], stride: int, step: tuple[int, int]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Pairs of nodes one stride apart in direction `step`, joined when every cell between them can be stood on."""
    down, right = step
    height, width = node.shape
    one = (slice(0, height - down), slice(max(0, -right), width - max(0, right)))
    other = (slice(down, height), slice(max(0, right), width + min(0, right)))
    open_way = (node[one] >= 0) & (node[other] >= 0)
    for between in range(1, stride):
        row0, col0 = between * down, max(0, -right) * stride + between * right
        cells = standing[row0::stride, col0::stride][: open_way.shape[0], : open_way.shape[1]]
        open_way[: cells.shape[0], : cells.shape[1]] &= cells
    ones, others = node[one][open_way], node[other][open_way]
    return ones, others, np.full(len(ones), float(np.hypot(down, right) * stride))
