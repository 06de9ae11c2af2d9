"""Exact contact of robots with obstacles and keepouts, along straight moves and through turns.

A round robot is too near where the line of its centre runs through the obstacle grown by the radius. A polygon driving
straight touches an obstacle where its centre lies in the Minkowski sum of the obstacle and the mirrored polygon
(Lozano-Perez, "Spatial planning: a configuration space approach", 1983), so the metres are lengths of a line inside
polygons, without sampling. A turning polygon is looked at so often that none of its points moves more than 1 cm in
between.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import LineString, Polygon, STRtree
from shapely.geometry.base import BaseGeometry

from robot_fleet.floor.footprint import Footprint
from robot_fleet.floor.grid import OccupancyGrid
from robot_fleet.floor.store import FloorMap
from robot_fleet.planning.judging.track import JUMP_M, Bools, Floats, Ints, Track
from robot_fleet.planning.judging.verdict import Violation, ViolationKind

TOLERANCE_M = 0.01
STEP_M = 0.01
OUTSIDE_M = 4e6
LEAST_M = 1e-3
LEAST_RAD = 1e-3


@dataclass(frozen=True, eq=False)
class Obstacles:
    """Obstacle cells, what lies outside the map, and keepouts, as convex pieces in the grid frame."""

    pieces: NDArray[np.object_]
    is_keepout: Bools
    tree: STRtree

    @staticmethod
    def of(floor: FloorMap) -> Obstacles:
        """Everything on the floor that a robot must not touch."""
        solid = [shapely.box(*bounds) for bounds in (*_rectangles(floor.grid), *_surroundings(floor.grid))]
        kept: list[BaseGeometry] = []
        for keepout in floor.keepouts:
            kept.extend(convex_pieces(floor.grid.shape_from_map(keepout.polygon)))
        pieces = np.array([*solid, *kept], dtype=object)
        return Obstacles(pieces, np.arange(len(pieces)) >= len(solid), STRtree(pieces))


def convex_pieces(polygon: BaseGeometry) -> list[BaseGeometry]:
    """The polygon itself when it is convex, else its triangles."""
    if polygon.convex_hull.area - polygon.area <= 1e-9:
        return [polygon.convex_hull]
    return list(shapely.constrained_delaunay_triangles(polygon).geoms)


def _rectangles(grid: OccupancyGrid) -> Iterator[tuple[float, float, float, float]]:
    """Disjoint rectangles (low x, low y, high x, high y) that hold exactly the obstacle cells: equal runs of rows merged."""
    side = grid.resolution_m
    open_runs: dict[tuple[int, int], int] = {}
    for row, line in enumerate([*~grid.free, np.zeros(grid.shape[1], dtype=bool)]):
        edges = np.flatnonzero(np.diff(np.concatenate(([0], line.view(np.int8), [0])))).tolist()
        runs = set(zip(edges[::2], edges[1::2], strict=True))
        for run in [run for run in open_runs if run not in runs]:
            yield run[0] * side, open_runs.pop(run) * side, run[1] * side, row * side
        for run in runs:
            open_runs.setdefault(run, row)


def _surroundings(grid: OccupancyGrid) -> list[tuple[float, float, float, float]]:
    high_y, high_x = grid.shape[0] * grid.resolution_m, grid.shape[1] * grid.resolution_m
    far = OUTSIDE_M
    return [
        (-far, -far, high_x + far, 0.0),
        (-far, high_y, high_x + far, high_y + far),
        (-far, 0.0, 0.0, high_y),
        (high_x, 0.0, high_x + far, high_y),
    ]


def contact_violations(floor: FloorMap, obstacles: Obstacles, track: Track) -> Iterator[Violation]:
    """Where one robot comes too near to something, move by move and turn by turn."""
    return _Sweep(floor, obstacles, track).violations()


class _Sweep:
    """One track against the obstacles, all in the grid frame."""

    def __init__(self, floor: FloorMap, obstacles: Obstacles, track: Track) -> None:
        self.obstacles, self.track = obstacles, track
        self.a, self.b = floor.grid.from_map(track.a), floor.grid.from_map(track.b)
        self.yaw = track.yaw - floor.grid.origin.yaw_rad
        self.turn_from = self.yaw - track.turn
        shape = track.profile.footprint
        grown = track.profile.clearance_m - TOLERANCE_M
        self.body, self.wide = _Outline(shape, -TOLERANCE_M), _Outline(shape, grown)
        self.far_m = shape.circumscribed_m + max(track.profile.clearance_m, 0.0)
        self.at_docks = _near_docks(floor)

    def violations(self) -> Iterator[Violation]:
        yield from self._moves()
        if not self.track.profile.footprint.is_disc:
            yield from self._turns()

    def _moves(self) -> Iterator[Violation]:
        lines = np.asarray(shapely.linestrings(np.stack((self.a, self.b), axis=1)), dtype=object)
        for k, near in self._near(lines):
            yield from self._move(k, lines[k], near)

    def _near(self, shapes: NDArray[np.object_]) -> Iterator[tuple[int, Ints]]:
        """Each shape that has pieces within the robot's reach, with them."""
        which, pieces = self.obstacles.tree.query(shapes, predicate="dwithin", distance=self.far_m)
        order = np.argsort(which, kind="stable")
        which, pieces = which[order], pieces[order]
        firsts = np.flatnonzero(np.diff(which, prepend=-1))
        for group in np.split(np.arange(len(which)), firsts[1:]):
            if len(group):
                yield int(which[group[0]]), pieces[group]

    def _move(self, k: int, line: LineString, near: Ints) -> Iterator[Violation]:
        kept = self.obstacles.is_keepout[near]
        pieces = self.obstacles.pieces[near]
        solid = self.body.forbidden(pieces[~kept], self.yaw[k])
        keepout = self.body.forbidden(pieces[kept], self.yaw[k])
        yield from self._metres(k, line.intersection(solid), ViolationKind.UNSAFE, "the robot touches an obstacle")
        yield from self._metres(
            k,
            line.intersection(keepout).difference(solid),
            ViolationKind.KEEPOUT,
            "the robot touches a keepout or a zone closed to it",
        )
        tight = line.intersection(self.wide.forbidden(pieces, self.yaw[k]))
        rest = tight.difference(shapely.union_all([solid, keepout, self.at_docks]))
        clearance = self.track.profile.clearance_m
        yield from self._metres(k, rest, ViolationKind.TIGHT, f"nearer than {clearance:.2f} m to something")

    def _metres(self, k: int, where: BaseGeometry, kind: ViolationKind, what: str) -> Iterator[Violation]:
        if where.length > LEAST_M:
            yield self._violation(k, kind, float(where.length), what)

    def _turns(self) -> Iterator[Violation]:
        turning = np.flatnonzero((np.abs(self.track.turn) > LEAST_RAD) & (self.track.jump_m <= JUMP_M))
        for i, near in self._near(np.asarray(shapely.points(self.a[turning]), dtype=object)):
            yield from self._turn(int(turning[i]), near)

    def _turn(self, k: int, near: Ints) -> Iterator[Violation]:
        angle = abs(float(self.track.turn[k]))
        steps = max(2, math.ceil(angle * self.track.profile.footprint.circumscribed_m / STEP_M))
        yaws = self.turn_from[k] + np.linspace(0.0, self.track.turn[k], steps + 1)
        kept = self.obstacles.is_keepout[near]
        pieces = self.obstacles.pieces[near]
        body, wide = self.body.placed(self.a[k], yaws), self.wide.placed(self.a[k], yaws)
        solid = _any_touch(body, pieces[~kept])
        keepout = _any_touch(body, pieces[kept]) & ~solid
        tight = _any_touch(wide, pieces) & ~solid & ~keepout
        if self.at_docks.contains(shapely.points(self.a[k])):
            tight[:] = False
        for kind, hits, what in (
            (ViolationKind.UNSAFE_TURN, solid, "turning, the robot touches an obstacle"),
            (
                ViolationKind.KEEPOUT,
                keepout,
                "turning, the robot touches a keepout or a zone closed to it (radians)",
            ),
            (ViolationKind.TIGHT_TURN, tight, "turning, the robot is nearer to something than its clearance"),
        ):
            if hits.any():
                yield self._violation(k, kind, angle * float(hits.mean()), what)

    def _violation(self, k: int, kind: ViolationKind, amount: float, what: str) -> Violation:
        track = self.track
        at = (float(track.a[k, 0]), float(track.a[k, 1]))
        return Violation(kind, amount, what, track.robot, track.leg_id(k), int(track.index[k]), at)


def _near_docks(floor: FloorMap) -> BaseGeometry:
    """Where a robot may be nearer to things than its clearance: no farther from a dock than its staging pose."""
    discs = []
    for dock in floor.docks:
        (x, y), *_ = floor.grid.from_map([[dock.pose.x_m, dock.pose.y_m]])
        discs.append(shapely.Point(x, y).buffer(dock.staging_m + TOLERANCE_M, quad_segs=32))
    return shapely.union_all(discs) if discs else Polygon()


class _Outline:
    """A footprint grown by so many metres (or shrunk, when negative), as convex pieces."""

    def __init__(self, shape: Footprint, grown_m: float) -> None:
        self.radius_m = max(0.0, shape.radius_m + grown_m) if shape.radius_m is not None else None
        self.pieces: list[Floats] = []
        self.whole = Polygon()
        if shape.radius_m is None:
            outline = Polygon(shape.corners_m)
            self.whole = outline.buffer(grown_m, join_style="round" if grown_m > 0 else "mitre", quad_segs=8)
            parts = [self.whole] if isinstance(self.whole, Polygon) else list(self.whole.geoms)
            self.pieces = [_corners(piece) for part in parts for piece in convex_pieces(part)]

    def forbidden(self, obstacles: NDArray[np.object_], yaw_rad: float) -> BaseGeometry:
        """Where the turning centre must not be, when the robot faces `yaw_rad`."""
        if not len(obstacles):
            return Polygon()
        if self.radius_m is not None:
            return shapely.union_all(obstacles).buffer(self.radius_m, quad_segs=32)
        sums = [_sum(_corners(obstacle), -_turned(piece, yaw_rad)) for obstacle in obstacles for piece in self.pieces]
        return shapely.union_all(sums)

    def placed(self, centre: Floats, yaws: Floats) -> NDArray[np.object_]:
        """The outline at one place and many headings, one geometry each."""
        if self.whole.is_empty:
            return np.full(len(yaws), Polygon(), dtype=object)
        copies, each = np.full(len(yaws), self.whole, dtype=object), int(shapely.get_num_coordinates(self.whole))
        placed = shapely.transform(copies, lambda points: _turned(points, np.repeat(yaws, each)) + centre)
        return np.asarray(placed, dtype=object)


def _any_touch(shapes: NDArray[np.object_], obstacles: NDArray[np.object_]) -> Bools:
    hits: Bools = np.zeros(len(shapes), dtype=bool)
    for obstacle in obstacles:
        hits |= shapely.intersects(shapes, obstacle)
    return hits


def _corners(polygon: BaseGeometry) -> Floats:
    return np.asarray(shapely.get_coordinates(shapely.get_exterior_ring(polygon))[:-1], dtype=np.float64)


def _turned(points: Floats, yaw_rad: float | Floats) -> Floats:
    """Points (n, 2) turned about the origin, all by one angle or each by its own (n,)."""
    cos, sin = np.cos(yaw_rad), np.sin(yaw_rad)
    x, y = points.T
    return np.column_stack((cos * x - sin * y, sin * x + cos * y))


def _sum(a: Floats, b: Floats) -> BaseGeometry:
    """The Minkowski sum of two convex polygons."""
    return shapely.MultiPoint((a[:, None, :] + b[None, :, :]).reshape(-1, 2)).convex_hull
