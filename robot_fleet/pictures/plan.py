"""A plan as a picture."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from robot_fleet.floor.profile import REFERENCE_R, RobotProfile
from robot_fleet.floor.store import FloorMap, RobotSpec
from robot_fleet.pictures import colours
from robot_fleet.pictures.canvas import Canvas, dashes, view_of
from robot_fleet.pictures.floor_layers import paint_docks, paint_floor, paint_obstacles, zone_names
from robot_fleet.pictures.lettering import write_labels
from robot_fleet.pictures.missed import missed_rows, paint_missed
from robot_fleet.pictures.panel import Row, Section, area, floor_rows, minutes, save_picture
from robot_fleet.pictures.stretches import Line, Work, length_m, stretches_of
from robot_fleet.planning.judging.strokes import strokes_of
from robot_fleet.planning.judging.swept import covered
from robot_fleet.planning.judging.track import track_of
from robot_fleet.planning.judging.water import Water, water_of
from robot_fleet.planning.plan import CoveragePath, Leg, LegKind, Plan

_LANE_M, _TRANSIT_M = 0.10, 0.05
_SWATH_STRENGTH = 0.30
# An arrowhead's length with the least and most that it takes on paper, and how far apart they are at least.
_ARROW_M, _ARROW_PX, _ARROW_STEP_M, _ARROW_STEP_PX = 0.30, (11.0, 20.0), 3.0, 150.0
# An arrowhead stands where the straight line past it is at least so much of the way.
_STRAIGHT = 0.98
_ARROW = np.array([(0.6, 0.0), (-0.4, 0.42), (-0.18, 0.0), (-0.4, -0.42), (0.6, 0.0)])
_MISSED_EDGE_PX = 1.0
# How long ticks across a way that is driven backwards are, and how far apart; and how large a cusp is.
_TICK_PX, _TICK_STEP_PX, _TICK_WIDTH_PX, _CUSP_PX = 13.0, 18.0, 2.0, 11.0
_MARKS = {Work.SCRUB: "line", Work.BRUSH: "hollow", Work.PICK_UP: "dotted", Work.DRIVE: "dashed"}


def draw_plan(
    floor: FloorMap, plan: Plan, path: Path, robots: Sequence[RobotSpec] = (), part: BaseGeometry | None = None
) -> Path:
    """Writes a PNG of the plan to `path` and returns it: lanes solid, transits dashed, each robot in its colour, with
    arrowheads in the direction of driving. Lanes without solution are hollow, drives with the vacuum on dotted; ticks across
    say that a robot drives backwards, and dots where it changes to that or back, docks left out.

    The floor under a robot's head is tinted and water that is left standing shown when `robots` tells of its head; missed
    floor is coloured by reason. With a `part` (map frame) the picture shows that alone, and larger; its figures are the whole
    plan's.
    """
    canvas = Canvas(view_of(floor, part=part))
    hues = colours.robot_colours(path.robot for path in plan.paths)
    profiles = {robot.name: robot.profile for robot in robots}
    done = {way.robot: stretches_of(way, profiles.get(way.robot, REFERENCE_R)) for way in plan.paths}
    water = _water(floor, plan, profiles)
    paint_floor(canvas, floor)
    for way in plan.paths:
        _paint_swath(canvas, floor, way, hues[way.robot], profiles.get(way.robot))
    paint_missed(canvas, plan.missed, edge_px=_MISSED_EDGE_PX)
    canvas.paint(canvas.cells_mask(water.left), colours.WATER)
    for robot, stretches in done.items():
        _paint_way(canvas, stretches, hues[robot])
    paint_obstacles(canvas, floor)
    for way in plan.paths:
        _paint_backwards(canvas, way, hues[way.robot])
    for way in plan.paths:
        _paint_arrows(canvas, way, hues[way.robot])
    write_labels(canvas, zone_names(canvas, floor))
    paint_docks(canvas, floor)
    whose = "" if part is None else ", whole store"
    return save_picture(canvas, f"{floor.name}: plan", _sections(floor, plan, hues, done, water, whose), path)


def _water(floor: FloorMap, plan: Plan, profiles: Mapping[str, RobotProfile]) -> Water:
    known = [way for way in plan.paths if way.robot in profiles and profiles[way.robot].squeegee is not None]
    return water_of(floor.grid, [strokes_of(track_of(way, profiles[way.robot])) for way in known if way.legs])


def _paint_swath(
    canvas: Canvas, floor: FloorMap, way: CoveragePath, colour: colours.Colour, profile: RobotProfile | None
) -> None:
    if profile is None or not way.legs:
        return
    if profile.head.offset_m == 0.0:
        lanes = [line for work, line in stretches_of(way, profile) if work in (Work.SCRUB, Work.BRUSH)]
        mask = canvas.lines_mask(lanes, profile.head.width_m * canvas.view.px_per_m)
    else:
        mask = canvas.cells_mask(covered(floor.grid, [strokes_of(track_of(way, profile))]))
    canvas.paint(mask, colour, _SWATH_STRENGTH)


def _paint_way(canvas: Canvas, stretches: Sequence[tuple[Work, Line]], colour: colours.Colour) -> None:
    scale = canvas.view.px_per_m
    lines = {work: [line for one, line in stretches if one is work] for work in Work}
    lane_px, transit_px = max(1.0, min(6.0, _LANE_M * scale)), max(1.0, min(3.0, _TRANSIT_M * scale))
    transits = [dash for line in lines[Work.DRIVE] for dash in _dashed(line, scale)]
    dots = [dash for line in lines[Work.PICK_UP] for dash in dashes(line, 0.5 / scale, 2.2 * lane_px / scale)]
    canvas.paint(canvas.lines_mask(transits, transit_px), colours.darker(colour))
    canvas.paint(canvas.lines_mask(dots, lane_px), colours.darker(colour))
    canvas.paint(canvas.lines_mask(lines[Work.SCRUB] + lines[Work.BRUSH], lane_px), colour)
    canvas.paint(canvas.lines_mask(lines[Work.BRUSH], lane_px / 2.0), colours.PAPER)


def _paint_arrows(canvas: Canvas, way: CoveragePath, colour: colours.Colour) -> None:
    """Arrowheads along the way, in the middle of its straight stretches where it has some."""
    scale = canvas.view.px_per_m
    size_m = min(max(_ARROW_M * scale, _ARROW_PX[0]), _ARROW_PX[1]) / scale
    heads = arrowheads(way, size_m, max(_ARROW_STEP_M, _ARROW_STEP_PX / scale))
    canvas.paint(canvas.lines_mask(heads, 3.0), colours.PAPER, 0.85)
    for head in heads:
        canvas.paint_ring(head, colours.darker(colour))


def _paint_backwards(canvas: Canvas, way: CoveragePath, colour: colours.Colour) -> None:
    """Ticks across what the robot drives backwards, and a dot at each cusp."""
    scale = canvas.view.px_per_m
    lines = [leg.points for leg in _under_way(way) if leg.reverse]
    marks = [tick for line in lines for tick in ticks(line, _TICK_STEP_PX / scale, _TICK_PX / scale)]
    canvas.paint(canvas.lines_mask(marks, _TICK_WIDTH_PX), colours.darker(colour))
    dots = [np.stack((place, place)) for place in cusps(way)]
    canvas.paint(canvas.lines_mask(dots, _CUSP_PX + 4.0), colours.PAPER)
    canvas.paint(canvas.lines_mask(dots, _CUSP_PX), colours.darker(colour))


def _under_way(way: CoveragePath) -> list[Leg]:
    """The legs between docks."""
    return [leg for leg in way.legs if leg.kind not in (LegKind.UNDOCK, LegKind.DOCK)]


def ticks(line: NDArray[np.float64], step_m: float, length_m: float) -> list[NDArray[np.float64]]:
    """Short lines (2, 2) across a line (n, 2), so far apart along it and so long, in metres."""
    step = np.diff(line, axis=0)
    along = np.concatenate(([0.0], np.cumsum(np.hypot(*step.T))))
    found = []
    for at_m in np.arange(step_m / 2, along[-1], step_m).tolist():
        k = int(np.searchsorted(along, at_m)) - 1
        ahead = step[k] / (along[k + 1] - along[k])
        middle = line[k] + (at_m - along[k]) * ahead
        aside = length_m / 2 * np.array([-ahead[1], ahead[0]])
        found.append(np.stack((middle - aside, middle + aside)))
    return found


def cusps(way: CoveragePath) -> list[NDArray[np.float64]]:
    """The places (2,) between docks where a robot changes from driving ahead to backwards, or back."""
    moving = [leg for leg in _under_way(way) if leg.length_m > 0.0]
    return [leg.points[-1] for leg, after in itertools.pairwise(moving) if leg.reverse != after.reverse]


def arrowheads(way: CoveragePath, size_m: float, step_m: float) -> list[NDArray[np.float64]]:
    """Rings (n, 2), map frame, of arrowheads so far apart along a robot's way, each turned as the robot drives there."""
    legs = [leg.points for leg in _under_way(way)]
    if not legs:
        return []
    points = np.concatenate(legs)
    along = np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))))
    slots = np.arange(step_m / 2, along[-1], step_m)
    # In each slot the straightest of some places: on a bend an arrowhead would lie beside its line.
    offsets = step_m * np.array([0.0, 0.1, -0.1, 0.2, -0.2, 0.3, -0.3])
    at_m = np.clip(slots[:, None] + offsets, size_m, max(size_m, along[-1] - size_m))

    def place(where: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.stack([np.interp(where, along, points[:, axis]) for axis in (0, 1)], axis=-1)

    chord = place(at_m + size_m) - place(at_m - size_m)
    length = np.hypot(chord[..., 0], chord[..., 1])
    straight = length / (2 * size_m)
    best = np.where(straight.max(axis=1, initial=0.0) > _STRAIGHT, np.argmax(straight > _STRAIGHT, axis=1), -1)
    rows = np.flatnonzero(best >= 0)
    found = []
    for middle, (x, y) in zip(place(at_m[rows, best[rows]]), chord[rows, best[rows]], strict=True):
        ahead = np.array([x, y]) / np.hypot(x, y)
        turn = np.array([[ahead[0], ahead[1]], [-ahead[1], ahead[0]]])
        found.append(middle + size_m * _ARROW @ turn)
    return found


def _dashed(points: NDArray[np.float64], px_per_m: float) -> list[NDArray[np.float64]]:
    dash_m = max(0.25, 9.0 / px_per_m)
    return dashes(points, dash_m, dash_m * 0.8)


def _sections(
    floor: FloorMap,
    plan: Plan,
    hues: dict[str, colours.Colour],
    done: Mapping[str, Sequence[tuple[Work, Line]]],
    water: Water,
    whose: str,
) -> tuple[Section, ...]:
    robots = tuple(_robot_row(way, hues[way.robot], done[way.robot]) for way in plan.paths)
    seen = {work for stretches in done.values() for work, _ in stretches} | {Work.SCRUB, Work.DRIVE}
    ways = tuple(Row(work.value, swatch=colours.FAINT_INK, mark=_MARKS[work]) for work in Work if work in seen)
    direction = [Row("direction of driving", swatch=colours.FAINT_INK, mark="dock")]
    if any(leg.reverse for way in plan.paths for leg in _under_way(way)):
        direction.append(Row("backwards", swatch=colours.FAINT_INK, mark="ticked"))
    if any(cusps(way) for way in plan.paths):
        direction.append(Row("ahead / backwards", swatch=colours.FAINT_INK, mark="dot"))
    wet = (Row("water left standing", area(water.left_m2), colours.WATER),) if water.left.any() else ()
    dry = (Row("water left standing", "none"),) if water.scrubbed_m2 and not wet else ()
    return (
        Section(f"figures{whose}", (*_figures(plan), *dry)),
        Section(f"robots{whose}: lanes, back {'on the dock ' * (not whose)}after", robots),
        Section(f"missed floor{whose}", missed_rows(plan.missed)),
        Section("floor", (*ways, *direction, *wet, *floor_rows(floor))),
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


def _robot_row(way: CoveragePath, colour: colours.Colour, stretches: Sequence[tuple[Work, Line]]) -> Row:
    lanes_m = sum(length_m(line) for work, line in stretches if work in (Work.SCRUB, Work.BRUSH))
    return Row(way.robot, f"{lanes_m:.0f} m, {minutes(way.finish_s)}", colour)
