"""The account of a plan: what it cleans, and every missed part with its reason."""

from __future__ import annotations

from robot_fleet.floor.reach import why_missed
from robot_fleet.planning.plan import MissedArea, MissedReason, PlanRequest
from robot_fleet.planning.terrain import Bools


def missed_areas(request: PlanRequest, covered: Bools) -> tuple[MissedArea, ...]:
    """Every requested cell that `covered` (rows, cols) lacks, as polygons, each with its zone and reason."""
    robots = [(robot.profile, robot.pose) for robot in request.robots]
    found = []
    for part in why_missed(request.floor, request.zones, robots, covered, request.closed):
        for polygon in request.floor.grid.polygons(part.mask):
            found.append(MissedArea(part.zone, MissedReason(part.reason.value), polygon, float(polygon.area)))
    return tuple(found)
