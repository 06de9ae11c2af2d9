"""The robots that can clean one connected piece of floor together, and the floor that they are to clean."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from robot_fleet.floor.clearance import ClearanceField
from robot_fleet.floor.profile import Head, RobotProfile
from robot_fleet.floor.reach import reachable
from robot_fleet.planning.plan import PlanRequest, Starter
from robot_fleet.planning.terrain import Bools, Terrain


@dataclass(frozen=True, eq=False)
class Crew:
    """Robots with a common reach (rows, cols). `wanted` marks the cells that are theirs to clean.

    Lanes are laid for the crew's widest robot with the narrowest head, so that every robot can drive every lane.
    """

    robots: tuple[Starter, ...]
    terrain: Terrain
    reach: Bools
    wanted: Bools

    @property
    def narrowest(self) -> RobotProfile:
        """The profile with the narrowest head."""
        return min((robot.profile for robot in self.robots), key=lambda profile: profile.head.width_m)

    @property
    def spacing_m(self) -> float:
        """Metres between neighbouring lanes."""
        return min(robot.profile.head.width_m - robot.profile.overlap_m for robot in self.robots)


def crews(request: PlanRequest, requested: Bools, clearance: ClearanceField) -> tuple[list[Crew], Bools]:
    """The crews of a request, and the mask (rows, cols) of requested cells that some robot can clean."""
    floor = request.floor
    coverable = np.zeros(floor.grid.shape, dtype=bool)
    found: list[Crew] = []
    for robots in _grouped(request, clearance):
        widest = max(robots, key=_keep_m)
        reach = reachable(floor, widest.profile, widest.pose, clearance)
        head = min((robot.profile.head for robot in robots), key=lambda head: head.width_m)
        terrain = Terrain.of(floor, widest.profile, clearance=clearance)
        within = _coverable(terrain, reach, head) & requested
        wanted = _worth_a_visit(within & ~coverable, request)
        coverable |= within
        if wanted.any():
            found.append(Crew(tuple(robots), terrain, reach, wanted))
    return found, coverable


def _coverable(terrain: Terrain, reach: Bools, head: Head) -> Bools:
    """The cells (rows, cols) that a head can pass over, with poses looked at on a lattice of half cells."""
    if not reach.any():
        return np.zeros(reach.shape, dtype=bool)
    away = cv2.distanceTransform((~terrain.fine_reach(reach)).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    radius = math.hypot(head.offset_m, head.width_m / 2)
    return np.asarray(away[1::2, 1::2] * (terrain.side_m / 2) <= radius + 1e-4)


def _grouped(request: PlanRequest, clearance: ClearanceField) -> list[list[Starter]]:
    """Robots in groups with one reach: those that the widest robot of the group could visit; widest robots first."""
    left = sorted(request.robots, key=lambda robot: (-_keep_m(robot), request.robots.index(robot)))
    groups: list[list[Starter]] = []
    while left:
        first = left[0]
        reach = reachable(request.floor, first.profile, first.pose, clearance)
        group = [first]
        for robot in left[1:]:
            other = reachable(request.floor, first.profile, robot.pose, clearance)
            if bool((other & reach).any()):
                group.append(robot)
        left = [robot for robot in left if robot not in group]
        if reach.any():
            groups.append(sorted(group, key=request.robots.index))
    return groups


def _keep_m(robot: Starter) -> float:
    return robot.profile.footprint.circumscribed_m + robot.profile.clearance_m


def _worth_a_visit(wanted: Bools, request: PlanRequest) -> Bools:
    """The wanted cells that are not clean yet, without patches smaller than is asked for."""
    if request.cleaned is None:
        return wanted
    rest = wanted & ~request.cleaned
    least = request.least_patch_m2 / request.floor.grid.cell_area_m2
    if least <= 1.0:
        return rest
    _, labels, stats, _ = cv2.connectedComponentsWithStats(rest.astype(np.uint8), connectivity=8)
    large = stats[:, cv2.CC_STAT_AREA] >= least
    large[0] = False
    return np.asarray(large[labels])
