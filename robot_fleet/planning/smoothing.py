"""The legs of crews polished by one account of their floor: what one shape of robot leaves, another may clean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import cv2
import numpy as np

from robot_fleet.floor.profile import Head
from robot_fleet.planning.at_once import Heard
from robot_fleet.planning.crew import Crew
from robot_fleet.planning.plan import CoveragePath, Leg, PlanRequest
from robot_fleet.planning.polishing import Cover, Mover, polished
from robot_fleet.planning.terrain import Bools
from robot_fleet.planning.timing import timed

# With what polished paths leave, this share of the floor may be missed in all: between plain walls, and where walls are
# so ragged that the last crumbs would cost a turn each.
_LOST, _LOST_RAGGED = 0.004, 0.008
# How long a core polishes when there is no hurry: on so large a floor and larger ones, and less on smaller ones.
_POLISH_S, _LARGE_M2 = 20.0, 2000.0
# So far beside the floor that its head can reach a robot may stray with the head on.
_SPARE_M = 0.25


def polish_s(floor_m2: float) -> float:
    """About how long a core polishes the paths over so much floor when there is no hurry."""
    return float(_POLISH_S * min(1.0, floor_m2 / _LARGE_M2) ** 0.5)


def smoothed(
    request: PlanRequest, crews: Sequence[Crew], legs: Mapping[str, list[Leg]], heard: Heard, effort: float,
    waits_s: Mapping[str, float] | None = None,
) -> dict[str, list[Leg]]:  # fmt: skip
    """The legs (map frame) of robots of some crews: quicker, as safe, and with no more of all their floor left than may be.

    Robots that will wait for others, for `waits_s` by name, are to be done with the others all the same.
    """
    grid = request.floor.grid
    wanted = np.logical_or.reduce([crew.wanted for crew in crews])
    movers: dict[str, Mover] = {}
    for crew in crews:
        known: dict[Head, Bools] = {}
        for robot in crew.robots:
            head = robot.profile.head
            if head not in known:
                known[head] = asked_of(request, wanted, head)
            movers[robot.name] = Mover(robot.profile, crew.terrain, known[head], (waits_s or {}).get(robot.name, 0.0))
    cover = Cover(wanted, *(int(wanted.sum() * share) for share in (_LOST, _LOST_RAGGED)))
    local = {name: [replace(leg, points=grid.from_map(leg.points)) for leg in own] for name, own in legs.items()}
    found = polished(local, movers, cover, request.seed, heard, effort)
    return {name: [replace(leg, points=grid.to_map(leg.points)) for leg in own] for name, own in found.items()}


def with_common_floor(crews: Sequence[Crew]) -> list[Crew]:
    """The crews whose robots can get to floor of others, without those that must be steered."""
    crews = [crew for crew in crews if crew.poses is None]
    return [crew for crew in crews if any((crew.reach & one.reach).any() for one in crews if one is not crew)]


def smoothed_together(
    request: PlanRequest, crews: Sequence[Crew], paths: Mapping[str, CoveragePath], heard: Heard, effort: float,
    waits_s: Mapping[str, float] | None = None,
) -> dict[str, CoveragePath]:  # fmt: skip
    """The paths of the robots of some crews by their names, smoothed by one account; robots without work have none."""
    robots = {robot.name: robot for crew in crews for robot in crew.robots if robot.name in paths}
    legs = smoothed(request, crews, {name: list(paths[name].legs) for name in robots}, heard, effort, waits_s)
    return {
        name: CoveragePath(name, tuple(timed(legs[name], robot.profile, robot.pose))) for name, robot in robots.items()
    }


def asked_of(request: PlanRequest, wanted: Bools, head: Head) -> Bools:
    """Floor (rows, cols) that is asked for and from which a head reaches wanted floor, with a little to spare."""
    requested = request.floor.requested(request.zones)
    if request.cleaned is None:
        return requested
    side_m = request.floor.grid.resolution_m
    near = cv2.distanceTransform((~wanted).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE) * side_m
    return np.asarray(requested & (near <= head.width_m / 2 + abs(head.offset_m) + _SPARE_M))
