"""What every picture begins and ends with: the floor under the paint; obstacles, docks and names above it."""

from __future__ import annotations

import itertools
import math

import numpy as np
from numpy.typing import NDArray
from shapely import Point, union_all

from robot_fleet.floor.grid import FREE, UNKNOWN
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.store import Dock, FloorMap, OneWay
from robot_fleet.pictures import colours
from robot_fleet.pictures.canvas import Canvas
from robot_fleet.pictures.lettering import Label

_LEAST_DOCK_PX = 13.0
_DOCK_M = 0.2
_CHEVRON, _CHEVRON_M, _LEAST_CHEVRON_PX, _CHEVRON_LINE_M = ((-0.3, 0.5), (0.3, 0.0), (-0.3, -0.5)), 0.6, 12.0, 0.08
_DOCK_OUTLINE = ((1.0, 0.0), (-0.8, 0.8), (-0.4, 0.0), (-0.8, -0.8), (1.0, 0.0))


def paint_floor(canvas: Canvas, floor: FloorMap, tint: bool = True) -> None:
    """Free floor white, zones tinted (with `tint`) and outlined, unknown floor grey and hatched."""
    for index, zone in enumerate(floor.zones if tint else ()):
        canvas.paint(canvas.shape_mask(zone.polygon), colours.zone_colour(index))
    for index, zone in enumerate(floor.zones):
        edge = colours.darker(colours.zone_colour(index), 0.3)
        canvas.paint(canvas.outline_mask(zone.polygon, 2.0), edge)
    paint_one_ways(canvas, floor)
    unknown = canvas.cells_mask(floor.grid.cells == UNKNOWN)
    canvas.paint(unknown, colours.UNKNOWN)
    canvas.paint(canvas.hatch(unknown), colours.UNKNOWN_HATCH)


def paint_one_ways(canvas: Canvas, floor: FloorMap) -> None:
    """Pale chevrons that point the way all over one-way floor, and its outline."""
    for one in floor.one_ways:
        canvas.paint(canvas.outline_mask(one.polygon, 1.5), colours.ONE_WAY)
        chevrons = _chevrons(one, max(_CHEVRON_M, _LEAST_CHEVRON_PX / canvas.view.px_per_m))
        canvas.paint(canvas.lines_mask(chevrons, max(2.0, _CHEVRON_LINE_M * canvas.view.px_per_m)), colours.ONE_WAY)


def _chevrons(one: OneWay, size_m: float) -> list[NDArray[np.float64]]:
    """Polylines (3, 2), map frame, in rows across a one-way's direction; as many as lie inside it, one at least."""
    middle = one.polygon.representative_point()
    low_x, low_y, high_x, high_y = one.polygon.bounds
    reach = math.ceil(math.hypot(high_x - low_x, high_y - low_y) / (2.0 * size_m))
    found = []
    for along, across in itertools.product(range(-reach, reach + 1), repeat=2):
        base = Pose(middle.x, middle.y, one.yaw_rad) @ Pose(2.0 * size_m * along, 2.0 * size_m * across)
        if one.polygon.contains(Point(base.x_m, base.y_m)):
            corners = (base @ Pose(x * size_m, y * size_m) for x, y in _CHEVRON)
            found.append(np.array([(corner.x_m, corner.y_m) for corner in corners]))
    return found


def paint_obstacles(canvas: Canvas, floor: FloorMap) -> None:
    """Keepouts hatched, walls and shelves dark, over whatever was painted before."""
    if floor.keepouts:
        kept_out = union_all([keepout.polygon for keepout in floor.keepouts])
        canvas.paint(canvas.hatch(canvas.shape_mask(kept_out), 12, 3), colours.KEEPOUT, 0.8)
        canvas.paint(canvas.outline_mask(kept_out, 2.0), colours.KEEPOUT)
    cells = floor.grid.cells
    canvas.paint(canvas.cells_mask((cells != FREE) & (cells != UNKNOWN), least_px=2), colours.WALL)


def paint_docks(canvas: Canvas, floor: FloorMap) -> None:
    """Each dock as an arrowhead that points where a docked robot faces."""
    for dock in floor.docks:
        arrow = _arrowhead(canvas, dock)
        canvas.paint(canvas.filled_mask(arrow), colours.INK)
        canvas.paint(canvas.lines_mask([arrow], 2.0), colours.PAPER)


def zone_names(canvas: Canvas, floor: FloorMap) -> list[Label]:
    """The zones' names, each in the middle of its zone; none where the picture does not show that."""
    places = [zone.polygon.representative_point() for zone in floor.zones]
    pixels = canvas.view.to_pixels([(place.x, place.y) for place in places]) if places else np.empty((0, 2))
    width, height = canvas.view.size_px
    return [
        Label(zone.name, (x, y))
        for zone, (x, y) in zip(floor.zones, pixels, strict=True)
        if 0.0 <= x <= width and 0.0 <= y <= height
    ]


def _arrowhead(canvas: Canvas, dock: Dock) -> NDArray[np.float64]:
    size_m = max(_DOCK_M, _LEAST_DOCK_PX / canvas.view.px_per_m)
    corners = (dock.pose @ Pose(x * size_m, y * size_m) for x, y in _DOCK_OUTLINE)
    return np.array([(corner.x_m, corner.y_m) for corner in corners])
