"""Shortest safe ways over a floor for one kind of robot, quick enough to be looked for between two events.

A lattice of cell centres on which the robot keeps its clearance is searched, first coarsely, then (when a narrow gap is
lost between the coarse nodes) cell by cell; the way is then pulled straight wherever the straight line is safe.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray
from shapely import GeometryCollection, LineString, Polygon

from robot_fleet.floor.clearance import ClearanceField
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.profile import RobotProfile
from robot_fleet.floor.reach import first_free_cell, standable
from robot_fleet.floor.store import FloorMap
from robot_fleet.planning.directions import ANY_WAY, WAY_SIN, are_any, directions_of, strays
from robot_fleet.planning.lattice import cheapest_way, costs_of_ways
from robot_fleet.planning.terrain import FORGIVEN_M, line_open

_COARSE_M = 0.2


@dataclass(frozen=True, eq=False)
class Reaching:
    """The `costs` (rows, cols) of ways to every so many cells, 5 for a step along an axis; below 0 where there is no way."""

    floor: FloorMap
    stride: int
    costs: NDArray[np.int32]

    def metres(self, places: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n,) about so far it is to each of the places (n, 2), map frame: a little more than the way is long; inf: no way."""
        step_m = self.stride * self.floor.grid.resolution_m
        # Node k lies at the centre of cell k * stride.
        at = (self.floor.grid.from_map(places)[:, ::-1] - self.floor.grid.resolution_m / 2) / step_m
        nearest = np.round(at).astype(np.int64)
        found: NDArray[np.float64] = np.full(len(places), np.inf)
        for shift in itertools.product((-1, 0, 1), (-1, 0, 1)):
            node = nearest + shift
            inside = ((node >= 0) & (node < self.costs.shape)).all(axis=1)
            cost = np.where(inside, self.costs[tuple(np.clip(node, 0, np.array(self.costs.shape) - 1).T)], -1)
            beside_m = np.hypot(*(at - node).T) * step_m
            found[:] = np.where(cost >= 0, np.minimum(found, cost * step_m / 5.0 + beside_m), found)
        return found

    def all_places(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The places (n, 2), map frame, to which there is a way, and about how many metres (n,) that is long."""
        nodes = np.argwhere(self.costs >= 0)
        costs = self.costs[tuple(nodes.T)]
        step_m = self.stride * self.floor.grid.resolution_m
        return self.floor.grid.centres(nodes * self.stride), costs * step_m / 5.0

    def way(self, place: NDArray[np.float64]) -> NDArray[np.float64] | None:
        """A way (n, 2), map frame, between a place (2,) and where the costs are 0, by falling costs; None: there is none."""
        step_m = self.stride * self.floor.grid.resolution_m
        at = (self.floor.grid.from_map(place[None])[0, ::-1] - self.floor.grid.resolution_m / 2) / step_m
        node = self._node(at)
        if node is None:
            return None
        nodes = [node]
        while self.costs[nodes[-1]] > 0:
            further = self._downhill(nodes[-1])
            if further is None:
                return None
            nodes.append(further)
        corners = _corners(np.array(nodes))
        cells = corners * self.stride
        return np.vstack((place, self.floor.grid.centres(cells)))

    def _node(self, at: NDArray[np.float64]) -> tuple[int, int] | None:
        """The nearest node (row, col) with a way, of those about a place in nodes."""
        nearest = np.round(at).astype(np.int64)
        about = [(int(nearest[0]) + i, int(nearest[1]) + j) for i, j in itertools.product((-1, 0, 1), (-1, 0, 1))]
        known = [node for node in about if self._cost(node) >= 0]
        return min(known, key=lambda node: np.hypot(*(at - node)), default=None)

    def _cost(self, node: tuple[int, int]) -> int:
        rows, cols = self.costs.shape
        return int(self.costs[node]) if 0 <= node[0] < rows and 0 <= node[1] < cols else -1

    def _downhill(self, node: tuple[int, int]) -> tuple[int, int] | None:
        """The next node of a shortest way."""
        here = self._cost(node)
        for i, j in _STEPS:
            beside = (node[0] + i, node[1] + j)
            if self._cost(beside) == here - (7 if i and j else 5):
                return beside
        return None


_STEPS = ((-1, 0), (0, -1), (0, 1), (1, 0), (-1, -1), (-1, 1), (1, -1), (1, 1))


def _corners(nodes: NDArray[np.int64]) -> NDArray[np.int64]:
    """The nodes (n, 2) at which a way begins, turns and ends."""
    moves = np.diff(nodes, axis=0)
    turns = (moves[1:] != moves[:-1]).any(axis=1)
    kept: NDArray[np.int64] = nodes[np.concatenate(([True], turns, [True]))[: len(nodes)]]
    return kept


class Router:
    """Finds ways for robots of one profile; `closed` polygons (map frame) are obstacles too."""

    def __init__(
        self,
        floor: FloorMap,
        profile: RobotProfile,
        closed: Sequence[Polygon] = (),
        clearance: ClearanceField | None = None,
    ) -> None:
        """`clearance` is the field of the floor with `closed`, where it is known already."""
        self.floor = floor
        self.profile = profile
        self._keeps_m = profile.footprint.circumscribed_m + profile.clearance_m
        self._field = clearance or ClearanceField.of(floor, closed)
        self._stride = max(1, round(_COARSE_M / floor.grid.resolution_m))
        self._standing = standable(profile, self._field)
        self._closed = GeometryCollection()
        self._one_ways = directions_of(floor)
        self._directions = ANY_WAY

    def without(self, closed: Sequence[Polygon]) -> Router:
        """The same router with further polygons (map frame) closed for now; cheap."""
        other = object.__new__(Router)
        other.__dict__.update({key: value for key, value in self.__dict__.items() if key not in ("_parts", "obeying")})
        other._closed = GeometryCollection([*self._closed.geoms, *closed])
        shut = np.zeros_like(self._standing)
        for polygon in closed:
            self.floor.grid.mark(shut, polygon.buffer(self._keeps_m))
        other._standing = self._standing & ~shut
        return other

    def prepare(self) -> None:
        """Does now what the first search would else do: the parts of the floor, and machine code for the loops."""
        cell = np.zeros(2, dtype=np.int64)
        cheapest_way(np.ones((1, 1), dtype=bool), 1, cell, cell, ANY_WAY)
        self._is_safe(np.zeros(2), np.zeros(2))
        assert self._parts is not None

    def can_stand(self, points: ArrayLike) -> NDArray[np.bool_]:
        """(n,) whether the robot could stand in the cells of (n, 2) map-frame points."""
        inside = self.floor.grid.contains(points)
        rows, cols = self.floor.grid.cells_at(points)[inside].T
        inside[inside] = self._standing[rows, cols]
        return inside

    def place_near(self, pose: Pose) -> Pose:
        """Where the robot stands that says that it stands at a pose: there, or at the nearest place with its clearance.

        Without such a place near it, the pose itself. Poses are wrong by some centimetres, and a way that begins at a wrong
        one may lead a robot that stands beside a shelf into it.
        """
        here = np.array([pose.x_m, pose.y_m])
        if self._is_safe(here, here):
            return pose
        cell = first_free_cell(self._field, self._standing, pose)
        if cell is None:
            return pose
        x, y = self.floor.grid.centres(cell)[0].tolist()
        return replace(pose, x_m=x, y_m=y)

    def has_place_near(self, pose: Pose) -> bool:
        """Whether the robot fits at a pose, or so near to it as a plan may begin."""
        return first_free_cell(self._field, self._standing, pose) is not None

    def is_open(self, points: NDArray[np.float64]) -> bool:
        """Whether a way along points (n, 2), map frame, is safe as it is."""
        return all(self._is_safe(one, other) for one, other in itertools.pairwise(points))

    def joins(self, one: Pose, other: Pose) -> bool:
        """Whether both places lie on the same part of the floor: what looks for a way to some of many asks this first."""
        cells = [first_free_cell(self._field, self._standing, pose) for pose in (one, other)]
        return cells[0] is not None and cells[1] is not None and bool(self._parts[cells[0]] == self._parts[cells[1]])

    def along_one_ways(self, start: Pose, goal: Pose) -> NDArray[np.float64] | None:
        """As `route`, and along one-ways, never against one; where there is no such way, any that is safe."""
        way = self.obeying.route(start, goal)
        return way if way is not None or self.obeying is self else self.route(start, goal)

    @cached_property
    def obeying(self) -> Router:
        """The same router, whose ways never lead against one-ways."""
        if not are_any(self._one_ways):
            return self
        obeying = copy.copy(self)
        obeying._directions = self._one_ways
        return obeying

    def reaching(self, place: Pose, towards: bool = False, fine: bool = False) -> Reaching | None:
        """About how far all places are from a place, or from them `towards` it; None where a robot cannot drive there.

        Only `fine` steps, which take time, lead through the narrowest gaps.
        """
        cell = first_free_cell(self._field, self._standing, place)
        if cell is None:
            return None
        node = np.array(cell) if fine else self._node_near(cell, leaving=not towards)
        if node is None:
            return None
        stride = 1 if fine else self._stride
        return Reaching(self.floor, stride, costs_of_ways(self._standing, stride, node, self._directions, towards))

    def route(self, start: Pose, goal: Pose) -> NDArray[np.float64] | None:
        """A short safe way (n, 2) in the map frame from start to goal; None when there is none.

        A start that lies a little inside the clearance is replaced by the nearest safe place, which the robot joins.
        """
        ends = [first_free_cell(self._field, self._standing, pose) for pose in (start, goal)]
        if ends[0] is None or ends[1] is None:
            return None
        direct = np.array([[start.x_m, start.y_m], [goal.x_m, goal.y_m]])
        if not self._is_safe(direct[0], direct[0]):
            direct[0] = self.floor.grid.centres(ends[0])[0]
        if self._is_safe(direct[0], direct[1]):
            return direct
        cells = self._searched(ends[0], ends[1])
        if cells is None:
            return None
        centres = self.floor.grid.centres(np.vstack((ends[0], cells, ends[1])))
        return self._pulled(np.vstack((direct[:1], centres, direct[1:])))

    @cached_property
    def _parts(self) -> NDArray[np.int32]:
        """For each cell (rows, cols) the number of the connected part of the floor that it belongs to; 0: none."""
        _, labels = cv2.connectedComponents(self._standing.astype(np.uint8), connectivity=8, ltype=cv2.CV_32S)
        return np.asarray(labels, dtype=np.int32)

    def _searched(self, start: tuple[int, int], goal: tuple[int, int]) -> NDArray[np.int64] | None:
        """The cells of a way. Where the parts of the floor are known, ways that do not exist are known without a search."""
        if "_parts" in self.__dict__ and self._parts[start] != self._parts[goal]:
            return None
        source, target = self._node_near(start), self._node_near(goal, leaving=False)
        if source is not None and target is not None:
            cells = cheapest_way(self._standing, self._stride, source, target, self._directions)
            if len(cells):
                return cells
        # Cell by cell the whole floor may be looked at: only for a way that there is.
        if self._parts[start] != self._parts[goal]:
            return None
        cells = cheapest_way(self._standing, 1, np.array(start), np.array(goal), self._directions)
        return cells if len(cells) else None

    def _node_near(self, cell: tuple[int, int], leaving: bool = True) -> NDArray[np.int64] | None:
        """The node of the coarse lattice nearest to a cell, within a few strides, to (or from) which a straight way is open."""
        low = [max(0, at // self._stride - 2) * self._stride for at in cell]
        window = self._standing[low[0] : cell[0] + 3 * self._stride, low[1] : cell[1] + 3 * self._stride]
        nodes = np.argwhere(window[:: self._stride, :: self._stride]) * self._stride + low
        here, places = self.floor.grid.centres(cell)[0], self.floor.grid.centres(nodes)
        for choice in np.argsort(np.hypot(*(nodes - cell).T), kind="stable"):
            if self._is_safe(*((here, places[choice]) if leaving else (places[choice], here))):
                # Copied: a row of these nodes lies scattered in memory, and the search's loop would be compiled anew for it.
                return np.array(nodes[choice])
        return None

    def _pulled(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """The way with every corner left out that a safe straight line can do without."""
        kept, here = [points[0]], 0
        while here < len(points) - 1:
            step, reach = 1, here + 1
            while here + step < len(points) and self._is_safe(points[here], points[here + step]):
                reach, step = here + step, step * 2
            beyond = min(len(points), here + step)
            while beyond - reach > 1:
                between = (reach + beyond) // 2
                if self._is_safe(points[here], points[between]):
                    reach = between
                else:
                    beyond = between
            kept.append(points[reach])
            here = reach
        moves = np.concatenate(([True], np.hypot(*np.diff(kept, axis=0).T) > 1e-6))
        pulled: NDArray[np.float64] = np.array(kept)[moves]
        return pulled

    def _is_safe(self, one: NDArray[np.float64], other: NDArray[np.float64]) -> bool:
        """Whether the straight way is open in this direction. Distances between cell centres are interpolated, as in `terrain`."""
        if not self._closed.is_empty and LineString([one, other]).distance(self._closed) < self._keeps_m - FORGIVEN_M:
            return False
        side_m = self.floor.grid.resolution_m
        # `terrain` has nodes each half side, the first at 0; here they are the centres of the cells.
        (ax, ay), (bx, by) = self.floor.grid.from_map(np.array([one, other])) - side_m / 2
        if not line_open(self._field.at_cell_centres, 2.0 * side_m, self._keeps_m, ax, ay, bx, by):
            return False
        half = side_m / 2
        return not strays(self._directions, ax + half, ay + half, bx + half, by + half, WAY_SIN)
