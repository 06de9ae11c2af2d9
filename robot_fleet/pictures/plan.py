"""A plan as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from robot_fleet.floor.store import FloorMap, RobotSpec
from robot_fleet.pictures import colours
from robot_fleet.pictures.canvas import Canvas, dashes, view_of
from robot_fleet.pictures.floor_layers import paint_docks, paint_floor, paint_obstacles, zone_names
from robot_fleet.pictures.lettering import write_labels
from robot_fleet.pictures.missed import missed_rows, paint_missed
from robot_fleet.pictures.panel import Row, Section, area, floor_rows, minutes, save_picture
from robot_fleet.planning.plan import CoveragePath, Plan

_LANE_M, _TRANSIT_M = 0.10, 0.05
_SWATH_STRENGTH = 0.30


def draw_plan(floor: FloorMap, plan: Plan, path: Path, robots: Sequence[RobotSpec] = ()) -> Path:
    """Writes a PNG of the plan to `path` and returns it: lanes solid, transits dashed, each robot in its colour.

    The floor under a robot's head is tinted when `robots` tells how wide it is; missed floor is coloured by reason.
    """
    canvas = Canvas(view_of(floor))
    hues = colours.robot_colours(path.robot for path in plan.paths)
    widths = {robot.name: robot.profile.head.width_m for robot in robots}
    paint_floor(canvas, floor)
    for way in plan.paths:
        _paint_swath(canvas, way, hues[way.robot], widths.get(way.robot, 0.0))
    paint_missed(canvas, plan.missed)
    for way in plan.paths:
        _paint_way(canvas, way, hues[way.robot])
    paint_obstacles(canvas, floor)
    write_labels(canvas, zone_names(canvas, floor))
    paint_docks(canvas, floor)
    return save_picture(canvas, f"{floor.name}: plan", _sections(floor, plan, hues), path)


def _paint_swath(canvas: Canvas, way: CoveragePath, colour: colours.Colour, width_m: float) -> None:
    if width_m > 0.0:
        lanes = [leg.points for leg in way.legs if leg.head_on]
        canvas.paint(canvas.lines_mask(lanes, width_m * canvas.view.px_per_m), colour, _SWATH_STRENGTH)


def _paint_way(canvas: Canvas, way: CoveragePath, colour: colours.Colour) -> None:
    scale = canvas.view.px_per_m
    lanes = [leg.points for leg in way.legs if leg.head_on]
    others = [dash for leg in way.legs if not leg.head_on for dash in _dashed(leg.points, scale)]
    canvas.paint(canvas.lines_mask(others, max(1.0, min(3.0, _TRANSIT_M * scale))), colours.darker(colour))
    canvas.paint(canvas.lines_mask(lanes, max(1.0, min(6.0, _LANE_M * scale))), colour)


def _dashed(points: NDArray[np.float64], px_per_m: float) -> list[NDArray[np.float64]]:
    dash_m = max(0.25, 9.0 / px_per_m)
    return dashes(points, dash_m, dash_m * 0.8)


def _sections(floor: FloorMap, plan: Plan, hues: dict[str, colours.Colour]) -> tuple[Section, ...]:
    robots = tuple(_robot_row(way, hues[way.robot]) for way in plan.paths)
    ways = (
        Row("lane, head on", swatch=colours.FAINT_INK, mark="line"),
        Row("transit, head off", swatch=colours.FAINT_INK, mark="dashed"),
    )
    return (
        Section("figures", _figures(plan)),
        Section("robots: lanes, back on the dock after", robots),
        Section("missed floor", missed_rows(plan.missed)),
        Section("floor", ways + floor_rows(floor)),
    )


def _figures(plan: Plan) -> tuple[Row, ...]:
    share = plan.planned_m2 / plan.coverable_m2 if plan.coverable_m2 else 1.0
    ratio = f"{plan.makespan_s / plan.bound_s:.2f}" if plan.bound_s else "-"
    return (
        Row("makespan", minutes(plan.makespan_s)),
        Row("bound", minutes(plan.bound_s)),
        Row("ratio", ratio),
        Row("requested floor", area(plan.requested_m2)),
        Row("coverable", area(plan.coverable_m2)),
        Row("planned", f"{area(plan.planned_m2)}, {share:.1%}"),
    )


def _robot_row(way: CoveragePath, colour: colours.Colour) -> Row:
    lanes_m = sum(leg.length_m for leg in way.legs if leg.head_on)
    return Row(way.robot, f"{lanes_m:.0f} m, {minutes(way.finish_s)}", colour)
