"""The obstacles of a floor as few upright boxes, for physics and for the eye.

Only what borders the free floor is built: islands that are nearly rectangles become one box, all other borders a row of
boxes along their simplified line. A box never lies in free floor by more than a centimetre, so that a robot that is safe by
the map touches nothing; where the map is ragged, boxes stand back by as much as the line was simplified.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import LinearRing, Point, Polygon
from shapely.geometry.polygon import orient

from robot_fleet.floor.grid import OccupancyGrid
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.store import FloorMap

MOST_BLOCKS = 2000
INTO_FREE_M = 0.01
# The line of a border may be simplified by so much, in this order until there are few enough boxes.
_SIMPLIFIED_M = (0.06, 0.1, 0.15, 0.25)
_THICK_M = (0.10, 0.05, 0.03)
_TRIMMED_M = (0.0, 0.03, 0.06, 0.1, 0.15, 0.25)
_SPECK_M2 = 0.03
_LEAST_ROOM_M2 = 1.0
_SHORT_M = 0.02


@dataclass(frozen=True)
class Block:
    """An upright box on the floor: its centre and direction (map frame), its length along that and its width."""

    centre: Pose
    length_m: float
    width_m: float

    @property
    def outline(self) -> Polygon:
        """Its base, map frame."""
        x, y = self.length_m / 2, self.width_m / 2
        corners = [self.centre @ Pose(u, v) for u, v in ((-x, -y), (x, -y), (x, y), (-x, y))]
        return Polygon([(corner.x_m, corner.y_m) for corner in corners])


def blocks_of(floor: FloorMap) -> list[Block]:
    """The boxes that stand for everything that is not free beside the floor's rooms; at most MOST_BLOCKS."""
    rooms = _rooms(floor)
    for simplified_m in _SIMPLIFIED_M:
        found = [block for room in rooms for block in _blocks_around(room, floor.grid, simplified_m)]
        if len(found) <= MOST_BLOCKS:
            return found
    return sorted(found, key=lambda block: -max(block.length_m, block.width_m))[:MOST_BLOCKS]


def _rooms(floor: FloorMap) -> list[Polygon]:
    """The connected parts of the free floor that are large or have a dock; the rest is cells that a scan saw by chance."""
    docks = [Point(dock.pose.x_m, dock.pose.y_m) for dock in floor.docks]
    parts = floor.grid.polygons(floor.grid.free)
    return [part for part in parts if part.area >= _LEAST_ROOM_M2 or any(map(part.contains, docks))]


def _blocks_around(room: Polygon, grid: OccupancyGrid, simplified_m: float) -> Iterator[Block]:
    free = room.buffer(-INTO_FREE_M, join_style="mitre")
    shapely.prepare(free)
    for ring in room.interiors:
        island = orient(Polygon(ring))
        whole = _as_one(island, free, 2 * simplified_m)
        if whole is not None:
            yield whole
        elif island.area < _SPECK_M2:
            yield _cell_of(island, grid)
        else:
            yield from _along(island.exterior, free, simplified_m)
    # Seen from its outer border the room lies on the right of a clockwise ring, the obstacle on the left.
    yield from _along(orient(Polygon(room.exterior), -1.0).exterior, free, simplified_m)


def _as_one(island: Polygon, free: Polygon, back_m: float) -> Block | None:
    """The island as one box that stands back from its outline by at most so much; None when that is not its shape."""
    around = island.minimum_rotated_rectangle
    for inset in np.arange(0.0, back_m, 0.01).tolist():
        inner = around.buffer(-inset, join_style="mitre") if inset else around
        if inner.is_empty:
            break
        if isinstance(inner, Polygon) and not free.intersects(inner):
            return _block(inner)
    return None


def _cell_of(speck: Polygon, grid: OccupancyGrid) -> Block:
    """One of the cells of a few that are no rectangle."""
    inside = speck.representative_point()
    (x, y), *_ = grid.centres(grid.cells_at([(inside.x, inside.y)])).tolist()
    return Block(Pose(x, y, grid.origin.yaw_rad), grid.resolution_m, grid.resolution_m)


def _block(rectangle: Polygon) -> Block:
    corners = np.asarray(rectangle.exterior.coords)[:4]
    along, across = corners[1] - corners[0], corners[2] - corners[1]
    if math.hypot(*along) < math.hypot(*across):
        along, across = across, -along
    x, y = corners.mean(axis=0).tolist()
    return Block(Pose(x, y, math.atan2(along[1], along[0])), math.hypot(*along), math.hypot(*across))


def _along(ring: LinearRing, free: Polygon, simplified_m: float) -> Iterator[Block]:
    """A row of boxes on the left of a ring."""
    points = np.asarray(ring.coords)
    for first, last in _straightened(points, simplified_m):
        yield from _beside(points[first : last + 1], free)


def _straightened(points: NDArray[np.float64], simplified_m: float) -> list[tuple[int, int]]:
    """First and last index of the stretches of a closed line that are straight but for so much."""
    kept = np.asarray(shapely.LineString(points).simplify(simplified_m).coords)
    places = {point: index for index, point in reversed(list(enumerate(map(tuple, points.tolist()))))}
    indices = [places[point] for point in map(tuple, kept.tolist())]
    indices[-1] = len(points) - 1
    return list(pairwise(indices))


def _beside(stretch: NDArray[np.float64], free: Polygon) -> Iterator[Block]:
    """A box on the left of a stretch of border; several where one would stand in free floor on the other side."""
    start, end = stretch[0], stretch[-1]
    length = math.hypot(*(end - start))
    if length < _SHORT_M:
        return
    yaw = math.atan2(end[1] - start[1], end[0] - start[0])
    aside = (stretch - start) @ np.array([-math.sin(yaw), math.cos(yaw)])
    frame = Pose(float(start[0]), float(start[1]), yaw) @ Pose(0.0, max(0.0, float(aside.max())))
    block = _fitting(frame, length, free)
    if block is not None:
        yield block
    elif len(stretch) > 2:
        middle = 1 + int(np.argmax(np.abs(aside[1:-1])))
        yield from _beside(stretch[: middle + 1], free)
        yield from _beside(stretch[middle:], free)


def _fitting(frame: Pose, length: float, free: Polygon) -> Block | None:
    """The thickest and longest box on the left of `frame` that is clear of the free floor, if there is one."""
    for thick_m in _THICK_M:
        for trim_m in _TRIMMED_M:
            if length - 2 * trim_m < _SHORT_M:
                break
            block = Block(frame @ Pose(length / 2, thick_m / 2), length - 2 * trim_m, thick_m)
            if not free.intersects(block.outline):
                return block
    return None
