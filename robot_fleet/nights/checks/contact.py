"""Footprints never overlap each other, an obstacle, a keepout, or a thing on the floor; swept between what is looked at."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import Polygon, STRtree, affinity
from shapely.geometry.base import BaseGeometry

from robot_fleet.floor.footprint import Footprint
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.store import FloorMap, Store
from robot_fleet.nights.checks.violation import Findings

OVERLAP_M = 0.01
"""Overlaps of less are numerical."""

# So much a polygon turns between two poses whose hull is taken for what it passes over.
_TURN_RAD = 0.01
_CHUNK = 200
Floats = NDArray[np.float64]


class ContactCheck:
    """Takes in true poses one moment after the other; between two of them each robot moves on a line."""

    def __init__(self, store: Store) -> None:
        self.findings = Findings("contact")
        self._shapes = {spec.name: _outline(spec.profile.footprint) for spec in store.robots}
        self._obstacles = STRtree(obstacle_shapes(store.floor))
        self._times: list[float] = []
        self._poses: dict[str, list[tuple[float, float, float]]] = {name: [] for name in self._shapes}
        self._excused: dict[str, list[bool]] = {name: [] for name in self._shapes}
        self._things: list[BaseGeometry] = []

    def look(
        self, now_s: float, poses: Mapping[str, Pose], things: Sequence[BaseGeometry] = (), excused: Sequence[str] = ()
    ) -> None:
        """Takes in a moment; robots that are `excused` do not know where they are, and nobody can know it for them."""
        if list(things) != self._things:
            self.flush()
            self._things = list(things)
        self._times.append(now_s)
        for name, pose in poses.items():
            self._poses[name].append((pose.x_m, pose.y_m, pose.yaw_rad))
            self._excused[name].append(name in excused)
        if len(self._times) >= _CHUNK:
            self.flush()

    def flush(self) -> None:
        """Judges what was taken in since the last time."""
        if len(self._times) < 2:
            return
        times = np.array(self._times)
        ways = {name: _unwound(np.array(way)) for name, way in self._poses.items()}
        excused = {name: np.array(flags) for name, flags in self._excused.items()}
        for name, way in ways.items():
            self._with_floor(name, times, way, excused[name])
        for one, other in itertools.combinations(ways, 2):
            self._with_each_other(one, other, times, ways, excused[one] | excused[other])
        del self._times[:-1]
        for name in self._poses:
            del self._poses[name][:-1], self._excused[name][:-1]

    def _with_floor(self, name: str, times: Floats, way: Floats, excused: NDArray[np.bool_]) -> None:
        moved = np.flatnonzero(np.any(np.diff(way, axis=0) != 0.0, axis=1) & ~excused[1:])
        if not len(moved):
            return
        lines = shapely.linestrings(np.stack((way[moved, :2], way[moved + 1, :2] + 1e-9), axis=1))
        radius, outline = self._shapes[name]
        nearest = self._obstacles.geometries.take(self._obstacles.nearest(lines))
        for index in np.flatnonzero(shapely.distance(lines, nearest) < radius - OVERLAP_M):
            step = moved[index]
            if outline is None or self._hits(outline, way[step], way[step + 1]):
                x, y, _ = way[step + 1]
                self.findings.add(
                    (name, "floor"), times[step + 1], f"{name} overlaps an obstacle at ({x:.2f}, {y:.2f})", name
                )
        for thing in self._things:
            for index in np.flatnonzero(shapely.distance(lines, thing) < radius - OVERLAP_M):
                step = moved[index]
                if outline is None or touches(outline, way[step], way[step + 1], thing):
                    x, y, _ = way[step + 1]
                    self.findings.add(
                        (name, "thing"), times[step + 1], f"{name} drives into a thing at ({x:.2f}, {y:.2f})", name
                    )

    def _hits(self, outline: Polygon, before: Floats, after: Floats) -> bool:
        near = self._obstacles.query(swept(outline, before, after), predicate="intersects")
        return bool(len(near)) and touches(
            outline, before, after, shapely.union_all(self._obstacles.geometries.take(near))
        )

    def _with_each_other(
        self, one: str, other: str, times: Floats, ways: dict[str, Floats], excused: NDArray[np.bool_]
    ) -> None:
        apart = ways[other][:, :2] - ways[one][:, :2]
        (r_one, shape_one), (r_other, shape_other) = self._shapes[one], self._shapes[other]
        near = nearest_to_origin(apart) < r_one + r_other - OVERLAP_M
        for step in np.flatnonzero(near & ~excused[1:]):
            if (shape_one or shape_other) and not self._outlines_touch(one, other, ways, int(step)):
                continue
            self.findings.add((one, other), times[step + 1], f"{one} and {other} overlap", one)

    def _outlines_touch(self, one: str, other: str, ways: dict[str, Floats], step: int) -> bool:
        for share in np.linspace(0.0, 1.0, 5):
            first, second = (
                _placed(self._shapes[name], ways[name][step] + share * (ways[name][step + 1] - ways[name][step]))
                for name in (one, other)
            )
            if first.buffer(-OVERLAP_M / 2).intersects(second.buffer(-OVERLAP_M / 2)):
                return True
        return False


def _unwound(way: Floats) -> Floats:
    """Poses (n, 3) whose headings go on over half a turn, so that what lies between two is a small turn."""
    return np.column_stack((way[:, :2], np.unwrap(way[:, 2])))


def nearest_to_origin(points: Floats) -> Floats:
    """How near each segment between two successive points (n, 2) comes to the origin, (n - 1,)."""
    begin, way = points[:-1], np.diff(points, axis=0)
    length2 = np.maximum((way**2).sum(axis=1), 1e-18)
    share = np.clip(-(begin * way).sum(axis=1) / length2, 0.0, 1.0)
    return np.asarray(np.hypot(*(begin + share[:, None] * way).T))


def obstacle_shapes(floor: FloorMap) -> list[BaseGeometry]:
    """The cells that are not free and have a neighbour that is, the rim of the grid, and the keepouts; map frame."""
    blocked = np.pad(floor.grid.cells != 0, 1, constant_values=True)
    padded = np.pad(blocked, 1, constant_values=True)
    inner = np.ones_like(blocked)
    for down in range(3):
        for right in range(3):
            inner &= padded[down : down + blocked.shape[0], right : right + blocked.shape[1]]
    rows, cols = np.nonzero(blocked & ~inner)
    side, origin = floor.grid.resolution_m, floor.grid.origin
    corners = np.array([(0, 0), (1, 0), (1, 1), (0, 1), (0, 0)])
    rings = (np.column_stack((cols, rows))[:, None, :] - 1 + corners[None]) * side
    turn = np.array(
        [[math.cos(origin.yaw_rad), math.sin(origin.yaw_rad)], [-math.sin(origin.yaw_rad), math.cos(origin.yaw_rad)]]
    )
    cells = list(shapely.polygons(rings @ turn + np.array([origin.x_m, origin.y_m])))
    return [*cells, *(keepout.polygon for keepout in floor.keepouts)]


def touches(outline: Polygon, before: Floats, after: Floats, other: BaseGeometry) -> bool:
    """Whether an outline that moves from one pose (x, y, yaw) to another comes onto something else.

    The hull of two poses holds more than what is passed over between them, the more the outline turns.
    """
    parts = max(1, math.ceil(abs(after[2] - before[2]) / _TURN_RAD))
    poses = [before + share * (after - before) for share in np.linspace(0.0, 1.0, parts + 1)]
    return any(
        swept(outline, one, next_one).buffer(-OVERLAP_M).intersects(other)
        for one, next_one in itertools.pairwise(poses)
    )


def swept(outline: Polygon, before: Floats, after: Floats) -> BaseGeometry:
    """The hull of an outline at two poses (x, y, yaw) close to each other."""
    return shapely.union_all([_placed((0.0, outline), before), _placed((0.0, outline), after)]).convex_hull


def _outline(footprint: Footprint) -> tuple[float, Polygon | None]:
    radius, corners = footprint.radius_m, footprint.corners_m
    if radius is not None:
        return float(radius), None
    return max(math.hypot(x, y) for x, y in corners), Polygon(corners)


def _placed(shape: tuple[float, Polygon | None], pose: Floats) -> BaseGeometry:
    radius, outline = shape
    x, y, yaw = pose
    if outline is None:
        return shapely.Point(x, y).buffer(radius, quad_segs=16)
    return affinity.translate(affinity.rotate(outline, yaw, origin=(0, 0), use_radians=True), x, y)
