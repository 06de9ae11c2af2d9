"""A way as a robot drives it: ahead or backwards, how it faces along it, and the floor that its body needs there.

A way is `points` (n, 2), map frame, metres; it begins backwards if `reverse`, and at each of its `cusps` (numbers of points, in
order) the robot goes on the other way round. Headings (n - 1,) are the robot's own along the moves, radians.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import LineString, Polygon
from shapely.geometry.base import BaseGeometry

from robot_fleet.floor.footprint import Footprint
from robot_fleet.floor.pose import Pose

Floats = NDArray[np.float64]

PIVOT_RAD = math.radians(10.0)
"""A turn at one point by more than this is made on the spot."""

_STEP_RAD = math.radians(10.0)
_LEAST_M = 1e-6
# Scaled and moved it gives bit for bit what a buffer about a point gives, in a third of the time.
_UNIT_CIRCLE = shapely.get_coordinates(shapely.buffer(shapely.points((0.0, 0.0)), 1.0, quad_segs=16))


def parts_between(points: Floats, reverse: bool, cusps: Sequence[int]) -> list[tuple[Floats, bool]]:
    """The parts (m, 2) of a way from cusp to cusp, and whether each is driven backwards."""
    ends = [0, *cusps, len(points) - 1]
    return [(points[a : b + 1], bool(reverse) ^ bool(k % 2)) for k, (a, b) in enumerate(pairwise(ends))]


def headings_along(points: Floats, reverse: bool = False, cusps: Sequence[int] = ()) -> Floats:
    """(n - 1,) how the robot faces along each move; along a move that is none as along the one before."""
    step = np.diff(points, axis=0)
    back = (np.searchsorted(np.asarray(cusps, dtype=np.int64), np.arange(len(step)), side="right") % 2) == 1
    yaw = np.arctan2(step[:, 1], step[:, 0]) + np.pi * (back ^ reverse)
    moves = np.flatnonzero(np.hypot(step[:, 0], step[:, 1]) > _LEAST_M)
    if not len(moves):
        return np.asarray(yaw)
    last = moves[np.maximum(0, np.searchsorted(moves, np.arange(len(step)), side="right") - 1)]
    return np.asarray(np.remainder(yaw[last] + np.pi, math.tau) - np.pi)


def metres_along(points: Floats) -> Floats:
    """(n,) metres from the first point to each."""
    return np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))))


def turn_rad(from_rad: float, to_rad: float) -> float:
    """The shorter turn from a heading to another, positive to the left."""
    return math.remainder(to_rad - from_rad, math.tau)


def floor_at(footprint: Footprint, pose: Pose, grown_m: float) -> BaseGeometry:
    """The floor within `grown_m` of a robot that stands at a pose."""
    if footprint.radius_m is not None:
        return Polygon(_UNIT_CIRCLE * (footprint.radius_m + grown_m) + (pose.x_m, pose.y_m))
    return footprint.at(pose, grown_m)


def floor_along(
    footprint: Footprint, points: Floats, headings: Floats, grown_m: float,
    before_rad: float | None = None, after_rad: float | None = None,
) -> BaseGeometry:  # fmt: skip
    """The floor within `grown_m` of a robot that drives a way, turning from the heading before it, and to the one after it."""
    if footprint.radius_m is not None:
        return LineString(points).buffer(footprint.radius_m + grown_m, quad_segs=4)
    turns = [turn_rad(*pair) for pair in pairwise(headings.tolist())]
    smooth = np.array([turn if abs(turn) <= PIVOT_RAD else 0.0 for turn in turns])
    # In a bend the heading changes along the move: at a vertex it is half way between those of its moves.
    enters = headings - np.concatenate(([0.0], smooth)) / 2
    leaves = headings + np.concatenate((smooth, [0.0])) / 2
    corners = [
        _outlines(footprint, points[k : k + len(headings)], yaw)
        for k, yaw in ((0, enters), (0, headings), (1, headings), (1, leaves))
    ]
    hulls = _hulls(np.concatenate(corners, axis=1))
    spots = [(points[k + 1], headings[k], turn) for k, turn in enumerate(turns) if abs(turn) > PIVOT_RAD]
    if before_rad is not None:
        spots.append((points[0], before_rad, turn_rad(before_rad, float(headings[0]))))
    if after_rad is not None:
        spots.append((points[-1], headings[-1], turn_rad(float(headings[-1]), after_rad)))
    for place, yaw, turn in spots:
        hulls += _turned(footprint, place, float(yaw), turn)
    return shapely.union_all(hulls).buffer(grown_m, quad_segs=4)


def _turned(footprint: Footprint, place: Floats, yaw_rad: float, turn: float) -> list[BaseGeometry]:
    """The floor under a robot that turns on the spot, in slices."""
    yaws = np.asarray(yaw_rad + np.linspace(0.0, turn, math.ceil(abs(turn) / _STEP_RAD) + 1), dtype=np.float64)
    outlines = _outlines(footprint, np.repeat(place[None], len(yaws), axis=0), yaws)
    if len(outlines) < 2:
        return []
    return _hulls(np.concatenate((outlines[:-1], outlines[1:]), axis=1))


def _hulls(groups: Floats) -> list[BaseGeometry]:
    """The convex hull of each group of points (n, m, 2)."""
    return list(np.atleast_1d(np.asarray(shapely.convex_hull(shapely.multipoints(groups)))))


def _outlines(footprint: Footprint, places: Floats, yaws: Floats) -> Floats:
    """(n, corners, 2) a polygon's corners at places (n, 2) with headings (n,)."""
    x, y = footprint.corners().T
    cos, sin = np.cos(yaws)[:, None], np.sin(yaws)[:, None]
    return np.stack((places[:, :1] + x * cos - y * sin, places[:, 1:] + x * sin + y * cos), axis=2)
