"""The paths of one crew of long robots: straight passes with the head down, turns between them with the head up."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from shapely import Point

from robot_fleet.floor.pose import Pose
from robot_fleet.floor.profile import RobotProfile
from robot_fleet.planning.assignment import Stays, Work
from robot_fleet.planning.crew import Crew
from robot_fleet.planning.network import SHY_S, beside_docks
from robot_fleet.planning.plan import CoveragePath, Leg, LegKind, PlanRequest, Progress, Starter
from robot_fleet.planning.services import Services
from robot_fleet.planning.steering.body import Body, body_of
from robot_fleet.planning.steering.laying import Laying
from robot_fleet.planning.steering.network import Links, Tours, ends_of, toured
from robot_fleet.planning.steering.parts import Part
from robot_fleet.planning.steering.passes import Pass, wrong_ends
from robot_fleet.planning.steering.turns import drive_of
from robot_fleet.planning.supplies import Supplies
from robot_fleet.planning.terrain import Floats
from robot_fleet.planning.timing import timed
from robot_fleet.planning.water import with_places

_STILL_M = 1e-6
# So often tours are evened out by what they really take.
_EVENINGS = 2


@dataclass(frozen=True, eq=False)
class SteeredPlan:
    """Plans for one crew whose robots are of one kind; everything inside is in the grid frame until the legs are made."""

    request: PlanRequest
    crew: Crew
    tell: Progress
    services: Services
    effort: float = 1.0
    busy_s: Mapping[str, float] | None = None

    def paths(self) -> dict[str, CoveragePath]:
        """The path of each robot of the crew by its name; robots without work have none."""
        self.tell(0.0, "laying lanes")
        shared = any(not robot.profile.is_steered for robot in self.crew.others)
        passes = Laying(self.crew.terrain, self._body, self.crew.wanted, self.profile, shared).passes()
        if not passes:
            return {}
        self.tell(0.2, "finding turns between lanes")
        links = self._links(passes)
        self.tell(0.5, "ordering lanes and sharing them out")
        work = self._work(passes, links)
        tours = toured(
            links, work, self.request.seed, self.effort, lambda share: self.tell(0.5 + 0.35 * share, "turning")
        )
        best = driven = self._driven(passes, tours)
        for k in range(_EVENINGS if len(self.crew.robots) > 1 else 0):
            self.tell(0.85 + 0.15 * k / _EVENINGS, "evening out the shares")
            tours = self._evened(tours, driven, k)
            driven = self._driven(passes, tours)
            best = min(best, driven, key=lambda paths: float(self._lasting_s(paths).max()))
        return best

    def _evened(self, tours: Tours, driven: Mapping[str, CoveragePath], k: int) -> Tours:
        """The tours evened out by what the robots really take, their visits to docks with it."""
        work, robots = tours.work, len(self.crew.robots)
        free = Stays(
            np.ones(len(work.drive_s)), np.full(robots, math.inf), *np.ones((1, robots)), *np.zeros((2, robots))
        )
        stays = work.stays or free
        expected_s = np.array([work.time_s(robot, order) for robot, order in enumerate(tours.orders)])
        lasting_s = self._lasting_s(driven)
        more_s = stays.more_s + np.where(lasting_s > 0.0, lasting_s - expected_s, 0.0)
        again = replace(work, stays=replace(stays, more_s=more_s))
        return toured(tours.links, again, self.request.seed + 1 + k, self.effort, begun=tours.orders)

    def _lasting_s(self, paths: Mapping[str, CoveragePath]) -> Floats:
        """(robots,) when each robot is done, its visits to docks included; 0 for one without work."""
        nothing = CoveragePath("", ())
        return np.array([self.services.lasting_s(paths.get(robot.name, nothing)) for robot in self.crew.robots])

    def _driven(self, passes: list[Pass], tours: Tours) -> dict[str, CoveragePath]:
        """The path of each robot that has work, by name."""
        found = {}
        for k, robot in enumerate(self.crew.robots):
            if len(tours.orders[k]):
                legs = self._legs(robot, passes, tours, k)
                begin_s = (self.busy_s or {}).get(robot.name, 0.0)
                found[robot.name] = CoveragePath(
                    robot.name, tuple(timed(with_places(legs, robot.profile), robot.profile, robot.pose, begin_s))
                )
        return found

    @property
    def profile(self) -> RobotProfile:
        """What all robots of the crew are."""
        return self.crew.narrowest

    @cached_property
    def _body(self) -> Body:
        return body_of(self.profile, self.crew.terrain)

    def _links(self, passes: list[Pass]) -> Links:
        leaves, enters = ends_of(passes)
        begins = np.array(
            [
                self._pose(robot.dock.staging if robot.docked and robot.dock else robot.pose)
                for robot in self.crew.robots
            ]
        )
        homes = np.array([self._pose(robot.dock.staging if robot.dock else robot.pose) for robot in self.crew.robots])
        # One short stop for each robot: left at its first end, entered at its second.
        stops = np.repeat(begins, 2, axis=0)
        stops[1::2] = homes
        return Links.of(
            self._body,
            drive_of(self.profile),
            np.concatenate((leaves, stops)),
            np.concatenate((enters, stops)),
            len(passes),
            wrong_ends(passes, self.crew.terrain.directions),
            self.crew.searches,
        )

    def _pose(self, pose: Pose) -> Floats:
        """(3,) a pose of the map frame in the grid frame."""
        x, y = self.request.floor.grid.from_map([[pose.x_m, pose.y_m]])[0]
        return np.array([x, y, pose.yaw_rad - self.request.floor.grid.origin.yaw_rad])

    def _work(self, passes: list[Pass], links: Links) -> Work:
        robots, first = self.crew.robots, 2 * len(passes)
        beside = beside_docks(
            [*robots, *self.crew.others], robots, self.request.floor.grid, [one.swept for one in passes]
        )
        shy_s = np.repeat(beside.any(axis=0) * SHY_S, 2, axis=1)
        starts = first + 2 * np.arange(len(robots))
        homes = np.array(
            [start + 1 if robot.dock is not None else -1 for start, robot in zip(starts.tolist(), robots, strict=True)]
        )
        links.cost[starts, :first] += shy_s
        links.cost[:first, homes[homes >= 0]] += shy_s[homes >= 0].T
        length_m = np.array([links.length_m(k) for k in range(len(passes))])
        supplies, width_m = Supplies.of(self.profile), self.profile.head.width_m
        load_m2 = np.array([supplies.scrubbed_m2(metres, width_m) for metres in length_m.tolist()])
        places = self.request.floor.grid.to_map([(one.begin + one.end) / 2 for one in passes])
        return Work(
            cost=links.cost,
            drive_s=length_m / self.profile.speed_mps,
            starts=starts,
            homes=homes,
            pace=np.ones(len(robots)),
            astride=np.array([robot.docked for robot in robots]) & beside[: len(robots)].any(axis=(1, 2)),
            one_ways=True,
            stays=self.services.stays(load_m2, places, robots),
        )

    def _legs(self, robot: Starter, passes: list[Pass], tours: Tours, k: int) -> list[Leg]:
        legs = _Legs(robot, self.request)
        legs.leave_dock()
        for leave, enter in tours.steps(k):
            for part in tours.links.way(leave, enter):
                legs.drive(part)
            if enter < 2 * len(passes):
                one = passes[enter // 2]
                legs.clean(np.array([tours.links.begins(enter), tours.links.stops(enter ^ 1)]), self._zone(one))
        if robot.dock is not None:
            legs.dock()
        return legs.legs

    def _zone(self, one: Pass) -> str:
        middle = Point(self.request.floor.grid.to_map([(one.begin + one.end) / 2])[0])
        zones = [self.request.floor.zone(name) for name in self.request.zones]
        return min(zones, key=lambda zone: float(zone.polygon.distance(middle))).name


class _Legs:
    """Grows the legs of one robot (map frame), each from where the one before ended."""

    def __init__(self, robot: Starter, request: PlanRequest) -> None:
        self.robot, self.grid, self.prefix = robot, request.floor.grid, request.leg_prefix
        self.legs: list[Leg] = []

    def leave_dock(self) -> None:
        """Backs out of the dock when the robot stands in it."""
        dock = self.robot.dock
        if self.robot.docked and dock is not None:
            here, there = self.robot.pose, dock.staging
            self._add(LegKind.UNDOCK, np.array([[here.x_m, here.y_m], [there.x_m, there.y_m]]), backwards=True)

    def drive(self, part: Part) -> None:
        """A transit, ahead or backwards (grid frame)."""
        points, backwards = part
        if np.hypot(*np.diff(points, axis=0).T).sum() > _STILL_M:
            self._add(LegKind.TRANSIT, self.grid.to_map(points), backwards=backwards)

    def clean(self, points: Floats, zone: str) -> None:
        """A straight pass (grid frame)."""
        self._add(LegKind.CLEAN, self.grid.to_map(points), zone)

    def dock(self) -> None:
        """Drives into the dock from its staging place."""
        assert self.robot.dock is not None
        pose, staging = self.robot.dock.pose, self.robot.dock.staging
        self._add(LegKind.DOCK, np.array([[staging.x_m, staging.y_m], [pose.x_m, pose.y_m]]))

    def _add(self, kind: LegKind, points: Floats, zone: str = "", backwards: bool = False) -> None:
        moves = np.concatenate(([True], np.hypot(*np.diff(points, axis=0).T) > _STILL_M))
        points = points[moves]
        if self.legs:
            points[0] = self.legs[-1].points[-1]
        leg_id = f"{self.prefix}{self.robot.name}-{len(self.legs)}"
        self.legs.append(Leg(leg_id, kind, points, np.zeros(len(points)), zone, backwards))
