"""Missed floor by its reason: as a layer of any picture, and as a picture of its own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from shapely import union_all

from robot_fleet.floor.store import FloorMap
from robot_fleet.pictures import colours
from robot_fleet.pictures.canvas import Canvas, view_of
from robot_fleet.pictures.floor_layers import paint_docks, paint_floor, paint_obstacles, zone_names
from robot_fleet.pictures.lettering import TEXT_PX, Label, write_labels
from robot_fleet.pictures.panel import Row, Section, area, floor_rows, save_picture
from robot_fleet.planning.plan import MissedArea, MissedReason

_MOST_LABELS = 12
_LEAST_LABELLED_M2 = 0.2


def draw_missed(floor: FloorMap, missed: Sequence[MissedArea], path: Path) -> Path:
    """Writes a PNG of the missed floor to `path` and returns it; the largest areas carry their size."""
    canvas = Canvas(view_of(floor))
    paint_floor(canvas, floor)
    paint_missed(canvas, missed, solid=True)
    paint_obstacles(canvas, floor)
    write_labels(canvas, [*zone_names(canvas, floor), *_sizes(canvas, missed)])
    paint_docks(canvas, floor)
    sections = (
        Section("missed floor by reason", missed_rows(missed, solid=True) or (Row("none: all is cleaned"),)),
        Section("missed floor by zone", _zone_rows(floor, missed)),
        Section("floor", floor_rows(floor)),
    )
    return save_picture(canvas, f"{floor.name}: missed floor", sections, path)


def paint_missed(canvas: Canvas, missed: Iterable[MissedArea], solid: bool = False, edge_px: float = 2.0) -> None:
    """Colours the missed areas by their reason, striped or `solid`; an edge keeps the thinnest sliver visible."""
    by_reason = defaultdict(list)
    for part in missed:
        by_reason[part.reason].append(part.polygon)
    for reason, polygons in by_reason.items():
        shape = union_all(polygons)
        inside = canvas.shape_mask(shape)
        canvas.paint(inside if solid else canvas.hatch(inside, 9, 4), colours.MISSED[reason], 0.8)
        canvas.paint(canvas.outline_mask(shape, edge_px), colours.MISSED[reason])


def missed_rows(missed: Iterable[MissedArea], solid: bool = False) -> tuple[Row, ...]:
    """A legend row for each reason that occurs, with its area, the largest first."""
    sums: dict[MissedReason, float] = defaultdict(float)
    for part in missed:
        sums[part.reason] += part.area_m2
    largest_first = sorted(sums.items(), key=lambda item: -item[1])
    mark = "filled" if solid else "hatched"
    return tuple(Row(reason.value, area(size), colours.MISSED[reason], mark) for reason, size in largest_first)


def _zone_rows(floor: FloorMap, missed: Iterable[MissedArea]) -> tuple[Row, ...]:
    sums: dict[str, float] = defaultdict(float)
    for part in missed:
        sums[part.zone] += part.area_m2
    return tuple(Row(zone.name, area(sums[zone.name])) for zone in floor.zones if sums[zone.name] > 0.0)


def _sizes(canvas: Canvas, missed: Iterable[MissedArea]) -> list[Label]:
    large = sorted((part for part in missed if part.area_m2 >= _LEAST_LABELLED_M2), key=lambda part: -part.area_m2)
    labels = []
    for part in large[:_MOST_LABELS]:
        place = part.polygon.representative_point()
        x, y = canvas.view.to_pixels([(place.x, place.y)])[0]
        labels.append(Label(area(part.area_m2), (x, y), TEXT_PX - 4, colours.darker(colours.MISSED[part.reason], 0.3)))
    return labels
