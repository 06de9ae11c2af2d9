"""Zones in the order in which they are wanted: the floor of one rank after the other, each a plan of its own.

The robots of a crew set off for the floor of the next rank from where they cleaned last; a robot that is not needed on the
floor of a rank is with the next one meanwhile. Whole paths are kept apart in time afterwards, as any others.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

import cv2
import numpy as np

from robot_fleet.floor.pose import Pose
from robot_fleet.planning.apart import Apart
from robot_fleet.planning.crew import Crew
from robot_fleet.planning.crew_plan import CrewPlan, Stage
from robot_fleet.planning.plan import CoveragePath, LateZone, Leg, PlanRequest, Progress, Starter
from robot_fleet.planning.services import Services
from robot_fleet.planning.steering.steered_plan import SteeredPlan
from robot_fleet.planning.sweeping import mark_swept
from robot_fleet.planning.terrain import Bools
from robot_fleet.planning.timing import timed
from robot_fleet.planning.urgency import cell_ranks, due_times_s, late_zones, zone_ranks

Ranks = Mapping[str, int]
RanksDriven = Callable[[Ranks], Apart]


def in_time(request: PlanRequest, driven: RanksDriven) -> tuple[Apart, tuple[LateZone, ...]]:
    """The paths of all robots, kept apart, and the zones that are late; `driven` plans the zones in the order of their ranks.

    Times change the order of zones of equal priority only where some zone would not be clean in time, and then the earliest
    time comes first (Jackson, "Scheduling a production line to minimize maximum tardiness", 1955).
    """
    by_priority = zone_ranks(request.floor, request.zones)
    by_time = zone_ranks(request.floor, request.zones, due_times_s(request))
    apart = driven(by_priority)
    late = late_zones(request, apart.paths)
    if not late or by_time == by_priority:
        return apart, late
    hurried = driven(by_time)
    return min(((apart, late), (hurried, late_zones(request, hurried.paths))), key=lambda made: _most_late_s(made[1]))


def _most_late_s(late: tuple[LateZone, ...]) -> float:
    return max((zone.clean_s - zone.due_s for zone in late), default=0.0)


def staged(
    request: PlanRequest, crew: Crew, ranks: Ranks, tell: Progress, services: Services, effort: float = 1.0
) -> dict[str, CoveragePath]:
    """The path of each robot of the crew by its name, over the zones of one rank after the other.

    `effort` is the share of the usual search.
    """
    cells = cell_ranks(request.floor, ranks)
    present = [rank for rank in sorted({*ranks.values()}) if (crew.wanted & (cells == rank)).any()]
    if len(present) < 2:
        if crew.poses is not None:
            return SteeredPlan(request, crew, tell, services, effort).paths()
        return CrewPlan(request, crew, tell, services, Stage(effort)).paths()
    work = _Stages(request, crew, services, effort)
    for rank in present:
        zones = tuple(name for name in request.zones if ranks[name] == rank)
        work.add(zones, crew.wanted & (cells == rank), tell, rank == present[-1])
    return work.paths()


class _Stages:
    """The work of one crew as it grows stage by stage; `legs` are what each robot has done so far, by its name."""

    def __init__(self, request: PlanRequest, crew: Crew, services: Services, effort: float) -> None:
        self.request, self.crew, self.services, self.effort = request, crew, services, effort
        self.legs: dict[str, list[Leg]] = {robot.name: [] for robot in crew.robots}
        self.swept = np.zeros_like(crew.wanted)
        self.done = 0.0

    def add(self, zones: tuple[str, ...], floor: Bools, tell: Progress, last: bool) -> None:
        """Plans the floor (rows, cols) of zones of one rank behind what is planned already."""
        begin, share = self.done, float(floor.sum() / self.crew.wanted.sum())
        self.done += share
        wanted = floor & ~self.swept
        if not wanted.any():
            return
        before = {name: _without_way_home(legs) for name, legs in self.legs.items()}
        robots = tuple(_after(robot, before[robot.name]) for robot in self.crew.robots)
        busy_s = {name: float(legs[-1].times_s[-1]) for name, legs in before.items() if legs}
        if not last:
            robots = self._called(robots, busy_s, wanted)
        # Small floors need less of a search, and in all it is not to take many times as long.
        stage = Stage(self.effort * share**0.5, busy_s)
        seconds = self.request.deadline_s
        request = replace(self.request, zones=zones, deadline_s=None if seconds is None else seconds * share)
        crew = replace(self.crew, robots=robots, wanted=wanted)
        part_of = partial(_told, tell, begin, share)
        if crew.poses is not None:
            paths = SteeredPlan(request, crew, part_of, self.services, stage.effort, stage.busy_s).paths()
        else:
            paths = CrewPlan(request, crew, part_of, self.services, stage).paths()
        for name, path in paths.items():
            self.legs[name] = [*before[name], *path.legs]
            self._sweep(name, path)

    def _called(self, robots: tuple[Starter, ...], busy_s: Mapping[str, float], wanted: Bools) -> tuple[Starter, ...]:
        """The robots that are there first, and only so many that nobody drives there for longer than it cleans."""
        grid = self.request.floor.grid
        away_m = (
            cv2.distanceTransform((~wanted).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE) * grid.resolution_m
        )
        at = grid.cells_at([(robot.pose.x_m, robot.pose.y_m) for robot in robots])
        ways_s = away_m[at[:, 0], at[:, 1]] / [robot.profile.speed_mps for robot in robots]
        rate = np.mean([robot.profile.head.width_m * robot.profile.speed_mps for robot in robots])
        work_s = float(wanted.sum()) * grid.cell_area_m2 / rate
        there_s = ways_s + [busy_s.get(robot.name, 0.0) for robot in robots]
        first = np.argsort(there_s, kind="stable")
        worth = np.logical_and.accumulate(ways_s[first] * np.arange(1, len(robots) + 1) <= work_s)
        called = set(first[: max(1, int(worth.sum()))].tolist())
        return tuple(robot for k, robot in enumerate(robots) if k in called)

    def paths(self) -> dict[str, CoveragePath]:
        """The path of each robot with work by its name, its legs numbered and timed from the first to the last."""
        found = {}
        for robot in self.crew.robots:
            stem = f"{self.request.leg_prefix}{robot.name}"
            legs = [replace(leg, leg_id=f"{stem}-{k}") for k, leg in enumerate(self.legs[robot.name])]
            if legs:
                found[robot.name] = CoveragePath(robot.name, tuple(timed(legs, robot.profile, robot.pose)))
        return found

    def _sweep(self, name: str, path: CoveragePath) -> None:
        """Marks what a robot surely cleans along a path; where lanes are to overlap, floor at their edges is not sure."""
        profile = next(robot.profile for robot in self.crew.robots if robot.name == name)
        head = replace(profile.head, width_m=profile.head.width_m - profile.overlap_m)
        grid = self.request.floor.grid
        for leg in path.legs:
            if leg.head_on:
                mark_swept(self.swept, grid.from_map(leg.points), head, grid.resolution_m)


def _told(tell: Progress, begin: float, share: float, part: float, step: str) -> None:
    tell(begin + share * part, step)


def _without_way_home(legs: list[Leg]) -> list[Leg]:
    """The legs up to the last one that cleans."""
    last = max((k for k, leg in enumerate(legs) if leg.head_on), default=-1)
    return legs[: last + 1]


def _after(robot: Starter, legs: list[Leg]) -> Starter:
    """The robot where its legs leave it."""
    if not legs:
        return robot
    (x0, y0), (x1, y1) = legs[-1].points[-2:]
    return replace(robot, pose=Pose(float(x1), float(y1), math.atan2(y1 - y0, x1 - x0)), docked=False)
