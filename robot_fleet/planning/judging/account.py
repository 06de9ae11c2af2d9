"""Whether a plan's own figures are true, and what the judge says is missed and why."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from shapely import union_all

from robot_fleet.floor.store import FloorMap
from robot_fleet.planning.judging.track import Bools
from robot_fleet.planning.judging.verdict import Violation, ViolationKind
from robot_fleet.planning.plan import MissedArea, MissedReason, Plan

# Shares of the requested floor by which a plan's figures may differ from the judge's: each counts on a grid of its own.
SHARE = 0.01
EXACT_SHARE = 0.001
# With one-ways what is joined by a circuit may hang on a cell: what can be covered may differ by so much more.
ONE_WAY_FACTOR = 3.0
LEAST_CELLS = 4


Because = tuple[tuple[MissedReason, Bools], ...]
"""Reasons in the order in which they apply, each with the cells (rows, cols) that it explains."""


def missed_areas(floor: FloorMap, zones: tuple[str, ...], missed: Bools, because: Because) -> tuple[MissedArea, ...]:
    """The missed cells as polygons, each region under the first zone that holds it, with the first reason that applies."""
    found: list[MissedArea] = []
    rest = missed.copy()
    for zone in zones or ("",):
        inside = rest & floor.requested((zone,)) if zone else rest.copy()
        rest &= ~inside
        for reason, cells in because:
            polygons = floor.grid.polygons(inside & cells)
            found.extend(MissedArea(zone, reason, polygon, polygon.area) for polygon in polygons)
            inside &= ~cells
    return tuple(found)


def account_violations(
    floor: FloorMap,
    plan: Plan,
    requested: Bools,
    coverable: Bools,
    covered: Bools,
    bound_s: float,
    because: Because,
    water_left_m2: float,
) -> Iterator[Violation]:
    """Each claim of the plan that is wrong; what a plan does not claim (nan, for water 0) is not checked."""
    cell = floor.grid.cell_area_m2
    asked = float(requested.sum() * cell)
    loose, exact = max(SHARE * asked, LEAST_CELLS * cell), max(EXACT_SHARE * asked, LEAST_CELLS * cell)
    missed_m2 = sum(area.area_m2 for area in plan.missed)
    for zone in set(plan.zones) - {zone.name for zone in floor.zones}:
        yield Violation(ViolationKind.ACCOUNT, 0.0, f"the floor has no zone {zone!r}")
    yield from _claim("requested floor", plan.requested_m2, asked, exact)
    more = ONE_WAY_FACTOR if floor.one_ways else 1.0
    yield from _claim("coverable floor", plan.coverable_m2, float(coverable.sum() * cell), more * loose)
    yield from _claim("planned floor", plan.planned_m2, float((covered & requested).sum() * cell), loose)
    yield from _claim("planned + missed floor", plan.planned_m2 + missed_m2, plan.requested_m2, exact)
    if plan.water_left_m2 > 0.0:
        yield from _claim("water left", plan.water_left_m2, water_left_m2, loose)
    yield from _claim("bound", plan.bound_s, bound_s, more * SHARE * bound_s, "s")
    if not math.isnan(plan.planned_m2):
        yield from _missed(floor, plan, requested & ~covered, loose, exact)
        yield from _misnamed(floor, plan, requested & ~covered, because, more * loose)


def _claim(name: str, claimed: float, true: float, tolerance: float, unit: str = "m²") -> Iterator[Violation]:
    if abs(claimed - true) > tolerance:
        what = f"the plan says {name} {claimed:.2f} {unit}, it is {true:.2f} {unit}"
        yield Violation(ViolationKind.ACCOUNT, abs(claimed - true), what, unit=unit)


def _missed(floor: FloorMap, plan: Plan, missed: Bools, loose: float, exact: float) -> Iterator[Violation]:
    """Whether the list of missed floor is what is missed: each area its polygon's, no floor twice, none forgotten."""
    for area in plan.missed:
        if abs(area.area_m2 - area.polygon.area) > max(exact, 0.02 * area.polygon.area):
            what = f"a missed area is said to have {area.area_m2:.2f} m², its polygon has {area.polygon.area:.2f} m²"
            yield Violation(ViolationKind.ACCOUNT, abs(area.area_m2 - area.polygon.area), what)
    listed = np.zeros(floor.grid.shape, dtype=bool)
    for area in plan.missed:
        listed |= floor.grid.centres_inside(area.polygon)
    cell = floor.grid.cell_area_m2
    wrong = float((listed & ~missed & floor.grid.free).sum() * cell)
    forgotten = float((missed & ~listed).sum() * cell)
    if wrong > loose:
        yield Violation(ViolationKind.ACCOUNT, wrong, "floor is listed as missed but cleaned or never asked for")
    if forgotten > loose:
        yield Violation(ViolationKind.ACCOUNT, forgotten, "floor is missed but not listed")
    double = sum(area.polygon.area for area in plan.missed) - union_all([area.polygon for area in plan.missed]).area
    if double > exact:
        yield Violation(ViolationKind.ACCOUNT, double, "missed floor is listed twice")


def _misnamed(floor: FloorMap, plan: Plan, missed: Bools, because: Because, loose: float) -> Iterator[Violation]:
    """Floor that is listed as missed for a reason that does not hold there; reasons that no map shows are believed."""
    own: dict[MissedReason, Bools] = {}
    rest = missed.copy()
    for reason, cells in because:
        own[reason] = own.get(reason, np.zeros_like(missed)) | (rest & cells)
        rest &= ~cells
    for reason, cells in own.items():
        listed = np.zeros_like(missed)
        for area in plan.missed:
            if area.reason is reason:
                listed |= floor.grid.centres_inside(area.polygon)
        wrong_m2 = float((listed & missed & ~cells).sum() * floor.grid.cell_area_m2)
        if wrong_m2 > loose:
            what = f"floor is listed as missed for the reason {reason.value!r}, which is not why"
            yield Violation(ViolationKind.ACCOUNT, wrong_m2, what)
