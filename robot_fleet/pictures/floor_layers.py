"""What every picture begins and ends with: the floor under the paint; obstacles, docks and names above it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from shapely import union_all

from robot_fleet.floor.grid import FREE, UNKNOWN
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.store import Dock, FloorMap
from robot_fleet.pictures import colours
from robot_fleet.pictures.canvas import Canvas
from robot_fleet.pictures.lettering import Label

_LEAST_DOCK_PX = 13.0
_DOCK_M = 0.2
_DOCK_OUTLINE = ((1.0, 0.0), (-0.8, 0.8), (-0.4, 0.0), (-0.8, -0.8), (1.0, 0.0))


def paint_floor(canvas: Canvas, floor: FloorMap, tint: bool = True) -> None:
    """Free floor white, zones tinted (with `tint`) and outlined, unknown floor grey and hatched."""
    for index, zone in enumerate(floor.zones if tint else ()):
        canvas.paint(canvas.shape_mask(zone.polygon), colours.zone_colour(index))
    for index, zone in enumerate(floor.zones):
        edge = colours.darker(colours.zone_colour(index), 0.3)
        canvas.paint(canvas.outline_mask(zone.polygon, 2.0), edge)
    unknown = canvas.cells_mask(floor.grid.cells == UNKNOWN)
    canvas.paint(unknown, colours.UNKNOWN)
    canvas.paint(canvas.hatch(unknown), colours.UNKNOWN_HATCH)


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
    """The zones' names, each in the middle of its zone."""
    places = [zone.polygon.representative_point() for zone in floor.zones]
    pixels = canvas.view.to_pixels([(place.x, place.y) for place in places]) if places else np.empty((0, 2))
    return [Label(zone.name, (x, y)) for zone, (x, y) in zip(floor.zones, pixels, strict=True)]


def _arrowhead(canvas: Canvas, dock: Dock) -> NDArray[np.float64]:
    size_m = max(_DOCK_M, _LEAST_DOCK_PX / canvas.view.px_per_m)
    corners = (dock.pose @ Pose(x * size_m, y * size_m) for x, y in _DOCK_OUTLINE)
    return np.array([(corner.x_m, corner.y_m) for corner in corners])
