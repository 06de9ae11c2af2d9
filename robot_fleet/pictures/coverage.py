"""What a run cleaned, as a picture: coverage and each robot's track."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from robot_fleet.floor.grid import OccupancyGrid
from robot_fleet.floor.store import FloorMap
from robot_fleet.pictures import colours
from robot_fleet.pictures.canvas import Canvas, view_of
from robot_fleet.pictures.floor_layers import paint_docks, paint_floor, paint_obstacles, zone_names
from robot_fleet.pictures.lettering import write_labels
from robot_fleet.pictures.missed import missed_rows, paint_missed
from robot_fleet.pictures.panel import Row, Section, area, floor_rows, minutes, save_picture
from robot_fleet.planning.plan import MissedArea

Cells = NDArray[np.bool_]
Tracks = Mapping[str, NDArray[np.float64]]

_TRACK_M = 0.07
_STEP_M = 0.15


def draw_coverage(
    floor: FloorMap,
    cleaned: Cells,
    tracks: Tracks,
    path: Path,
    missed: Sequence[MissedArea] = (),
    truth: Cells | None = None,
    figures: Sequence[tuple[str, str]] = (),
) -> Path:
    """Writes a PNG of a run to `path` and returns it; `figures` are further lines of its legend, name and value.

    `cleaned` marks the credited cells (rows, cols); `tracks` are each robot's way as (n, 3) t_s, x_m, y_m, map frame.
    With `truth`, the cells that a simulator saw cleaned, floor with false credit and floor without its credit stand out.
    """
    canvas = Canvas(view_of(floor))
    hues = colours.robot_colours(tracks)
    free = floor.grid.free
    paint_floor(canvas, floor, tint=False)
    canvas.paint(canvas.cells_mask(cleaned & free), colours.CREDITED)
    paint_missed(canvas, missed)
    for mask, colour in _disagreement(cleaned, truth, free):
        canvas.paint(canvas.cells_mask(mask), colour)
    for robot, track in tracks.items():
        canvas.paint(canvas.lines_mask([track[:, 1:3]], _track_px(canvas)), hues[robot], 0.9)
    paint_obstacles(canvas, floor)
    write_labels(canvas, zone_names(canvas, floor))
    paint_docks(canvas, floor)
    run = Section("run", tuple(Row(name, value) for name, value in figures))
    sections = (run, *_sections(floor, cleaned, tracks, missed, truth, hues))
    return save_picture(canvas, f"{floor.name}: coverage", sections, path)


def _track_px(canvas: Canvas) -> float:
    return max(1.5, min(4.0, _TRACK_M * canvas.view.px_per_m))


def _disagreement(cleaned: Cells, truth: Cells | None, free: Cells) -> list[tuple[Cells, colours.Colour]]:
    if truth is None:
        return []
    return [
        (free & cleaned & ~truth, colours.FALSE_CREDIT),
        (free & truth & ~cleaned, colours.MISSED_CREDIT),
    ]


def _sections(
    floor: FloorMap,
    cleaned: Cells,
    tracks: Tracks,
    missed: Sequence[MissedArea],
    truth: Cells | None,
    hues: dict[str, colours.Colour],
) -> tuple[Section, ...]:
    grid = floor.grid
    credited = Row("credited as clean", area(float((cleaned & grid.free).sum()) * grid.cell_area_m2), colours.CREDITED)
    return (
        Section("coverage", (credited, *_truth_rows(grid, cleaned, truth))),
        Section("robots: way, time", tuple(_robot_row(name, track, hues[name]) for name, track in tracks.items())),
        Section("missed floor", missed_rows(missed)),
        Section("floor", floor_rows(floor)),
    )


def _truth_rows(grid: OccupancyGrid, cleaned: Cells, truth: Cells | None) -> tuple[Row, ...]:
    names = ("credited, not cleaned", "cleaned, not credited")
    parts = _disagreement(cleaned, truth, grid.free)
    return tuple(
        Row(name, area(float(mask.sum()) * grid.cell_area_m2), colour)
        for name, (mask, colour) in zip(names, parts, strict=False)
    )


def _robot_row(name: str, track: NDArray[np.float64], colour: colours.Colour) -> Row:
    if len(track) < 2:
        return Row(name, "did not move", colour, "line")
    return Row(name, f"{_way_m(track):.0f} m, {minutes(float(track[-1, 0] - track[0, 0]))}", colour, "line")


def _way_m(track: NDArray[np.float64]) -> float:
    """Metres along the track, without the noise of the poses of a robot that rests."""
    kept = [track[0, 1:3]]
    for place in track[1:, 1:3]:
        if np.hypot(*(place - kept[-1])) >= _STEP_M:
            kept.append(place)
    return float(np.hypot(*np.diff(np.array(kept), axis=0).T).sum()) if len(kept) > 1 else 0.0
