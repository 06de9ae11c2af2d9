"""What makes a request impossible, each fault with its remedy."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from robot_fleet.floor.clearance import ClearanceField
from robot_fleet.floor.faults import Fault
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.reach import first_free_cell, standable
from robot_fleet.planning.plan import PlanRequest, Starter
from robot_fleet.planning.steering.poses import stands
from robot_fleet.planning.terrain import Bools

_AT_M = 0.5
# Two poses may be wrong by so much together.
_WRONG_M = 0.2


def faults_of(
    request: PlanRequest,
    clearance: Callable[[Starter], ClearanceField] | None = None,
    coverable: Bools | None = None,
) -> tuple[Fault, ...]:
    """Every fault of the request itself; with each robot's clearance and the coverable cells, those that the floor shows."""
    if clearance is None or coverable is None:
        return (*_robots(request), *_zones(request), *_cleaned(request))
    found = [fault for robot in request.robots for fault in _standing(request, robot, clearance(robot))]
    if not coverable.any() and not found:
        found.append(
            Fault("request", "zones", f"no robot can clean any of {', '.join(request.zones)}",
                  "Ask for a zone that a robot can reach and fits into.")
        )  # fmt: skip
    return tuple(found)


def _robots(request: PlanRequest) -> list[Fault]:
    if not request.robots:
        return [Fault("request", "robots", "there is no robot", "Name at least one robot that is not held.")]
    names = Counter(robot.name for robot in request.robots)
    return _touching(request.robots) + [
        Fault("request", f"robot {name}", "two robots have this name", "Give each robot a name of its own.")
        for name, count in names.items()
        if count > 1
    ]


def overlapping(robots: Sequence[Starter]) -> list[tuple[Starter, Starter]]:
    """Pairs of robots that cannot both be where they are said to be: what poses are wrong by hides no such overlap."""
    found = []
    for one, other in itertools.combinations(robots, 2):
        if not (one.pose.is_finite() and other.pose.is_finite()):
            continue
        reach_m = one.profile.footprint.circumscribed_m + other.profile.footprint.circumscribed_m
        if one.pose.distance_m(other.pose) >= reach_m - _WRONG_M:
            continue
        bodies = [robot.profile.footprint.at(robot.pose, -_WRONG_M / 2) for robot in (one, other)]
        if bodies[0].intersects(bodies[1]):
            found.append((one, other))
    return found


def _touching(robots: tuple[Starter, ...]) -> list[Fault]:
    return [
        Fault("request", f"robot {other.name}", f"it stands where {one.name} stands",
              "Check where both robots are, and localise them again.")
        for one, other in overlapping(robots)
    ]  # fmt: skip


def _zones(request: PlanRequest) -> list[Fault]:
    if not request.zones:
        return [Fault("request", "zones", "no zone is asked for", "Name at least one zone.")]
    known = {zone.name for zone in request.floor.zones}
    remedy = f"The floor has: {', '.join(sorted(known)) or 'no zones'}."
    return [
        Fault("request", f"zone {name}", "there is no such zone", remedy) for name in request.zones if name not in known
    ]


def _cleaned(request: PlanRequest) -> list[Fault]:
    shape = request.floor.grid.shape
    if request.cleaned is None or request.cleaned.shape == shape:
        return []
    what = f"has the shape {request.cleaned.shape}, the floor {shape}"
    return [Fault("request", "cleaned", what, "Give a mask with one cell for each cell of the floor.")]


def _standing(request: PlanRequest, robot: Starter, clearance: ClearanceField) -> list[Fault]:
    """Faults of where a robot stands and of where it is to end."""
    found = []
    if not robot.pose.is_finite():
        found.append(
            Fault("request", f"robot {robot.name}", "its pose is no number", "Localise the robot on this map.")
        )
    elif not request.floor.grid.contains(np.array([[robot.pose.x_m, robot.pose.y_m]]))[0]:
        found.append(
            Fault("request", f"robot {robot.name}", "it stands outside the map", "Localise the robot on this map.")
        )
    elif not can_leave(robot, robot.pose, clearance):
        found.append(
            Fault("request", f"robot {robot.name}", f"it stands within {_AT_M} m of no place that it fits into",
                  "Move the robot to free floor, or check its pose.")
        )  # fmt: skip
    if robot.dock is not None and not can_leave(robot, robot.dock.staging, clearance):
        found.append(
            Fault("request", f"dock {robot.dock.name}", f"{robot.name} does not fit in front of it",
                  "Move the dock, or its staging place, to floor with room for the robot.")
        )  # fmt: skip
    return found


def can_leave(robot: Starter, pose: Pose, clearance: ClearanceField) -> bool:
    """Whether a plan of the robot may begin or end at a pose: there is a place near it where it fits."""
    if robot.profile.is_steered:
        return stands(clearance, robot.profile, pose)
    return first_free_cell(clearance, standable(robot.profile, clearance), pose) is not None
