"""Which floor the heads can cover; found on the corners and centres of the cells.

For round robots the map is looked at on a lattice of half cells, on which the corners of the obstacle squares lie: the
distance from a lattice point to the nearest marked lattice point is then the exact distance to the nearest square.

The reach of a polygon consists of poses: the corners of the cells times 32 headings (16 on large maps). A pose counts
when no corner of an obstacle cell lies in the polygon grown by the clearance, and two poses are joined when they are
neighbours in place and heading. A robot that drives backwards gets from each to the other whatever its least radius:
what is joined by any motion in open space is joined by short moves to and fro along its curves (Laumond, Jacobs, Taïx,
Murray, "A motion planner for nonholonomic mobile robots", 1994). For one that does not, the reach is at most too large:
it may contain places into which it gets only sideways, and from which it does not come back.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import cv2
import numpy as np
import shapely
from numpy.typing import NDArray
from scipy import ndimage, signal
from shapely import Polygon

from robot_fleet.floor.footprint import Footprint
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.profile import Head, RobotProfile
from robot_fleet.floor.store import FloorMap
from robot_fleet.planning.judging.one_way import there_and_back
from robot_fleet.planning.judging.track import Bools, Floats, Ints

ROUNDING_M = 1e-4
START_SLACK_M = 1.0
MANY_CELLS = 3_000_000


def coverable(floor: FloorMap, robots: Iterable[tuple[RobotProfile, Pose]], anywhere: bool = False) -> Bools:
    """Mask (rows, cols) of the free cells whose centre the head of at least one robot passes over within its reach.

    Where one-ways hold, the reach is what a robot can get to from the given pose, and come back from. With `anywhere`
    robots are where they fit, whether or not a way leads there.
    """
    found: Bools = np.zeros(floor.grid.shape, dtype=bool)
    starts: dict[RobotProfile, list[Pose]] = {}
    for profile, pose in robots:
        starts.setdefault(profile, []).append(pose)
    for profile, poses in starts.items():
        reach = _round_reach if profile.footprint.is_disc else _polygon_reach
        found |= reach(floor, profile, poses, anywhere)
    return found & floor.grid.free


def _round_reach(floor: FloorMap, profile: RobotProfile, starts: list[Pose], anywhere: bool) -> Bools:
    """What the head covers from all lattice points that a round robot reaches, turning on the spot at each."""
    side = floor.grid.resolution_m / 2.0
    blocked = _lattice(~floor.grid.free)
    away = _distance(blocked) * side
    keep = profile.footprint.circumscribed_m + profile.clearance_m
    clear = away >= keep - ROUNDING_M
    for keepout in floor.keepouts:
        _mark(clear, floor.grid.shape_from_map(keepout.polygon).buffer(keep - ROUNDING_M, quad_segs=32), side)
    _, labels = cv2.connectedComponents(clear.astype(np.uint8), connectivity=8, ltype=cv2.CV_32S)
    places = [seed for start in starts for seed in _seeds(floor, clear, blocked, start)]
    if not places and not anywhere:
        return np.zeros(floor.grid.shape, dtype=bool)
    reached = clear if anywhere else np.isin(labels, [labels[place] for place in places])
    if floor.one_ways and not anywhere:
        reached = there_and_back(floor, reached, places, side)
    outer = math.hypot(profile.head.offset_m, profile.head.width_m / 2.0)
    # From a single place a head with an offset leaves out the disc inside its ring; from its neighbours it does not.
    return np.asarray((_distance(reached) * side <= outer + ROUNDING_M)[1::2, 1::2])


def _lattice(solid: Bools) -> Bools:
    """(2 rows + 1, 2 cols + 1): which points of the half-cell lattice lie on a solid cell or on the border of the map."""
    rows, cols = solid.shape
    marked = np.zeros((2 * rows + 1, 2 * cols + 1), dtype=bool)
    for down in range(3):
        for right in range(3):
            marked[down : down + 2 * rows : 2, right : right + 2 * cols : 2] |= solid
    marked[[0, -1], :] = True
    marked[:, [0, -1]] = True
    return marked


def _distance(marked: Bools) -> NDArray[np.float32]:
    """Distance of each lattice point to the nearest marked one, in steps of the lattice."""
    if not marked.any():
        return np.full(marked.shape, np.inf, dtype=np.float32)
    return np.asarray(cv2.distanceTransform((~marked).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE))


def _mark(clear: Bools, shape: shapely.geometry.base.BaseGeometry, side: float) -> None:
    """Clears the lattice points inside a shape of the grid frame."""
    low_x, low_y, high_x, high_y = (value / side for value in shape.bounds)
    rows = slice(max(0, math.floor(low_y)), max(0, math.ceil(high_y) + 1))
    cols = slice(max(0, math.floor(low_x)), max(0, math.ceil(high_x) + 1))
    window = clear[rows, cols]
    y, x = np.mgrid[rows.start : rows.start + window.shape[0], cols.start : cols.start + window.shape[1]]
    window &= ~shapely.contains_xy(shape, x * side, y * side)


def _seeds(floor: FloorMap, clear: Bools, blocked: Bools, start: Pose) -> Iterator[tuple[int, int]]:
    """The lattice point from which a robot sets out: the nearest clear one with an open straight way to it."""
    side = floor.grid.resolution_m / 2.0
    here = floor.grid.from_map([[start.x_m, start.y_m]])[0] / side
    size = math.ceil((START_SLACK_M + max((dock.staging_m for dock in floor.docks), default=0.0)) / side)
    col, row = (round(float(value)) for value in here)
    low_row, low_col = max(0, row - size), max(0, col - size)
    near = np.argwhere(clear[low_row : max(0, row + size + 1), low_col : max(0, col + size + 1)]) + np.array(
        (low_row, low_col)
    )
    away = np.hypot(near[:, 1] - here[0], near[:, 0] - here[1])
    for k in np.argsort(away, kind="stable"):
        if _open_way(blocked, here, near[k][::-1]):
            yield int(near[k][0]), int(near[k][1])
            return


def _open_way(blocked: Bools, here: Floats, there: Ints) -> bool:
    """Whether no blocked lattice point lies on the straight way between two places (x, y), in steps of the lattice."""
    steps = np.linspace(0.0, 1.0, 2 * math.ceil(math.dist(here, there)) + 2)[:, None]
    way = np.rint(here + steps * (there - here)).astype(np.int64)
    return not blocked[way[:, 1].clip(0, blocked.shape[0] - 1), way[:, 0].clip(0, blocked.shape[1] - 1)].any()


def _polygon_reach(floor: FloorMap, profile: RobotProfile, starts: list[Pose], anywhere: bool) -> Bools:
    """What the head covers from all poses (lattice of whole cells, headings) that a polygon reaches."""
    side, shape = floor.grid.resolution_m, floor.grid.shape
    headings = 32 if floor.grid.cells.size <= MANY_CELLS else 16
    yaws = np.arange(headings) * math.tau / headings
    blocked = _lattice(~floor.grid.free)[::2, ::2]
    for keepout in floor.keepouts:
        free = ~blocked
        _mark(free, floor.grid.shape_from_map(keepout.polygon), side)
        blocked = ~free
    clear = np.stack([_clear_at(blocked, profile.footprint, profile.clearance_m, yaw, side) for yaw in yaws])
    labels = _labels_around(clear)
    seeds: set[int] = set()
    found: list[tuple[int, int]] = []
    for start in starts:
        layer = round((start.yaw_rad - floor.grid.origin.yaw_rad) / math.tau * headings) % headings
        places = _cell_seeds(floor, clear[layer], blocked, start)
        found += places
        seeds |= {int(labels[layer][place]) for place in places} - {0}
    covered: Bools = np.zeros(shape, dtype=bool)
    reached = clear if anywhere else np.isin(labels, list(seeds))
    if floor.one_ways and not anywhere:
        reached = reached & there_and_back(floor, np.asarray(reached.any(axis=0)), found, side)
    for layer, yaw in enumerate(yaws):
        covered |= _under_head(reached[layer], profile.head, yaw, side)
    return covered


def _clear_at(blocked: Bools, footprint: Footprint, grown_m: float, yaw: float, side: float) -> Bools:
    """The lattice points at which the grown polygon, so turned, holds no blocked lattice point."""
    cos, sin = math.cos(yaw), math.sin(yaw)
    corners = footprint.corners() @ np.array([[cos, sin], [-sin, cos]])
    body = Polygon(corners).buffer(grown_m - ROUNDING_M, quad_segs=8)
    size = math.ceil((footprint.circumscribed_m + grown_m) / side)
    y, x = np.mgrid[-size : size + 1, -size : size + 1] * side
    kernel = shapely.contains_xy(body, x, y).astype(np.float32)
    touched = signal.fftconvolve(blocked.astype(np.float32), kernel[::-1, ::-1], mode="same")
    # Beyond the border nothing is marked; the border itself is, and no convex footprint steps over it.
    clear: Bools = touched < 0.5
    return clear


def _labels_around(clear: Bools) -> NDArray[np.int32]:
    """Connected components over place and heading, the last heading joined to the first."""
    labels, _ = ndimage.label(clear, structure=np.ones((3, 3, 3)))
    pairs = np.unique(np.stack((labels[0], labels[-1]), axis=-1).reshape(-1, 2), axis=0)
    for one, two in pairs[(pairs > 0).all(axis=1)]:
        if one != two:
            low, high = min(one, two), max(one, two)
            labels[labels == high] = low
            pairs[pairs == high] = low
    return np.asarray(labels, dtype=np.int32)


def _cell_seeds(floor: FloorMap, clear: Bools, blocked: Bools, start: Pose) -> list[tuple[int, int]]:
    """The place from which a polygon sets out: the nearest where it fits as it faces, with an open straight way to it."""
    side = floor.grid.resolution_m
    here = floor.grid.from_map([[start.x_m, start.y_m]])[0] / side
    near = np.argwhere(clear)
    away = np.hypot(near[:, 1] - here[0], near[:, 0] - here[1]) * side
    inside = away <= START_SLACK_M + max((dock.staging_m for dock in floor.docks), default=0.0)
    near = near[inside]
    for k in np.argsort(away[inside], kind="stable"):
        if _open_way(blocked, here, near[k][::-1]):
            return [(int(near[k][0]), int(near[k][1]))]
    return []


def _under_head(reached: Bools, head: Head, yaw: float, side: float) -> Bools:
    """The cells under the head at any of the reached lattice points, facing `yaw`."""
    size = math.ceil(math.hypot(head.offset_m, head.width_m / 2.0) / side) + 1
    y, x = np.mgrid[-size:size, -size:size] * side + side / 2.0
    ahead = x * math.cos(yaw) + y * math.sin(yaw) - head.offset_m
    across = y * math.cos(yaw) - x * math.sin(yaw)
    line = (np.abs(ahead) <= side * 0.71) & (np.abs(across) <= head.width_m / 2.0 + ROUNDING_M)
    spread = signal.fftconvolve(reached.astype(np.float32), line.astype(np.float32), mode="full")
    inner = spread[size : size + reached.shape[0] - 1, size : size + reached.shape[1] - 1]
    return np.asarray(inner > 0.5)
