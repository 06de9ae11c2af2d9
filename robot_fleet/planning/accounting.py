"""The account of a plan: what it cleans, and every missed part with its reason."""

from __future__ import annotations

import shapely

from robot_fleet.floor.reach import KnownReach, why_missed
from robot_fleet.planning.plan import MissedArea, MissedReason, PlanRequest
from robot_fleet.planning.terrain import Bools


def missed_areas(request: PlanRequest, covered: Bools, known: KnownReach | None = None) -> tuple[MissedArea, ...]:
    """Every requested cell that `covered` (rows, cols) lacks, as polygons, each with its zone and reason.

    With the clearance and the coverable cells `known` from planning it takes a fifth of the time.
    """
    robots = [(robot.profile, robot.pose) for robot in request.robots]
    found: list[MissedArea] = []
    for part in why_missed(request.floor, request.zones, robots, covered, request.closed, known):
        reason = MissedReason(part.reason.value)
        polygons = request.floor.grid.polygons(part.mask)
        areas = shapely.area(polygons).tolist()
        found += [MissedArea(part.zone, reason, shape, size) for shape, size in zip(polygons, areas, strict=True)]
    return tuple(found)
