"""The paths of one crew: lanes, gaps, roadmap, tours, legs, times."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import cv2
import numpy as np
from shapely import Point

from robot_fleet.floor.clearance import ClearanceField
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.reach import first_free_cell
from robot_fleet.planning.assembly import LegList, chained
from robot_fleet.planning.assignment import Work, evened_out, shared_out, trials_of
from robot_fleet.planning.costs import Ends, travel_s, way_s
from robot_fleet.planning.crew import Crew
from robot_fleet.planning.directions import are_any
from robot_fleet.planning.facing import faced, fixed
from robot_fleet.planning.joining import joined, parted
from robot_fleet.planning.laying import Laying
from robot_fleet.planning.plan import CoveragePath, Leg, PlanRequest, Progress, Starter
from robot_fleet.planning.polishing import Cover, polished
from robot_fleet.planning.polyline import length_m, spaced
from robot_fleet.planning.roadmap import Roadmap
from robot_fleet.planning.terrain import Bools, Floats, Ints
from robot_fleet.planning.timing import path_s, timed
from robot_fleet.planning.trimming import without_fallow

# With what polished paths leave, this share of the floor may be missed in all: between plain walls, and where walls are
# so ragged that the last crumbs would cost a turn each.
_LOST, _LOST_RAGGED = 0.004, 0.008
# Lanes are parted into so many in all, and for each robot, but not more finely (metres).
_PARTS, _PARTS_EACH, _PART_M = 150, 20, 1.5
# Tours are tried from so many seeds on floors of less than `_STARTS_M2` over that number, polished with this share of
# the usual trials; the best one is polished to the end.
_MOST_STARTS, _STARTS_M2, _TRIED = 4, 9000.0, 0.1
# So far beside the floor that its head can reach a robot may stray with the head on.
_SPARE_M = 0.25
# How often the costs of the ways in the tours are corrected, and the tours with them.
_CORRECTIONS = 2
# What a core does: floor laid out, trials of tours, and a usual polish; a search has at least this share of its trials.
_LAID_M2_PER_S, _TRIALS_PER_S, _POLISH_S, _LEAST = 1000.0, 2e6, 20.0, 0.02


@dataclass(frozen=True)
class Stage:
    """A plan as one of several that follow each other, with a share of the usual search as its `effort`.

    Robots by the names in `busy_s` come to it so many seconds after the start.
    """

    effort: float = 1.0
    busy_s: Mapping[str, float] = field(default_factory=dict)


_ALL = Stage()


class CrewPlan:
    """Plans for one crew; everything inside is in the grid frame until the legs are made."""

    def __init__(self, request: PlanRequest, crew: Crew, tell: Progress, stage: Stage = _ALL) -> None:
        self.request, self.crew, self.tell, self.stage = request, crew, tell, stage
        self.grid = request.floor.grid
        self.profile = crew.narrowest

    def paths(self) -> dict[str, CoveragePath]:
        """The path of each robot of the crew by its name; robots without work have none."""
        self.tell(0.0, "laying lanes")
        lanes = self._lanes()
        self.tell(0.3, "measuring the ways between lanes")
        stops = self._with_homes(lanes)
        ends = Ends.of(stops)
        roadmap = Roadmap.of(self.crew.terrain, self.crew.reach, ends.places)
        lanes, stops, ends, roadmap = self._joined(lanes, stops, ends, roadmap)
        stranded = self._stranded(len(lanes), roadmap)
        if stranded:
            return self._without(stranded)
        cost = travel_s(self.crew.terrain, roadmap, ends, self.profile, self._never_entered(lanes, roadmap))
        work, effort = self._work(lanes, cost), self._effort(len(lanes))
        starts = self._starts(effort)
        made = [
            self._made(stops, self._tours(work, ends, roadmap, effort / starts**0.5, k, starts), roadmap)
            for k in range(starts)
        ]
        return self._timed(made[0] if self._in_haste else self._best(made, effort))

    def _tours(self, work: Work, ends: Ends, roadmap: Roadmap, effort: float, start: int, starts: int) -> list[Ints]:
        """The order of the ends through which each robot enters its lanes, found from a seed of the start's own."""
        seed = self.request.seed * starts + start

        def tell(begin: float, size: float, step: str) -> Callable[[float], None]:
            return lambda share: self.tell(0.4 + 0.3 * (start + begin + size * share) / starts, step)

        orders = shared_out(work, tell(0.0, 0.6, "ordering lanes and sharing them out"), seed, effort)
        for _ in range(_CORRECTIONS):
            self._correct(work, orders, ends, roadmap)
            orders = evened_out(work, orders, tell(0.6, 0.4, "evening out the shares"), seed, effort)
        return orders

    def _starts(self, effort: float) -> int:
        """How many tours are tried: several on small floors, where little time shows which becomes the best."""
        area_m2 = float(self.crew.wanted.sum()) * self.grid.cell_area_m2
        return int(min(_MOST_STARTS, max(1.0, _STARTS_M2 / area_m2))) if effort == 1.0 else 1

    def _best(self, made: list[dict[str, list[Leg]]], effort: float) -> dict[str, list[Leg]]:
        """The legs of the crew that are best once they are polished a little, polished well."""
        if len(made) > 1:
            made = [
                self._smooth(legs, 0.7 + 0.1 * k / len(made), 0.1 / len(made), _TRIED) for k, legs in enumerate(made)
            ]
        return self._smooth(min(made, key=self._longest_s), 0.8, 0.2, effort)

    def _longest_s(self, legs: dict[str, list[Leg]]) -> float:
        """Seconds of the robot that is longest on its way."""
        return max((path.finish_s for path in self._timed(legs).values()), default=0.0)

    def _effort(self, lanes: int) -> float:
        """The share of the usual search that fits into the request's deadline."""
        if self.request.deadline_s is None:
            return self.stage.effort
        usual_s = (1 + _CORRECTIONS / 2) * trials_of(lanes) / _TRIALS_PER_S + _POLISH_S
        return min(self.stage.effort, max(_LEAST, (self.request.deadline_s - self._laying_s) / usual_s))

    @cached_property
    def _laying_s(self) -> float:
        """About how long lanes take to lay."""
        return float(self.crew.wanted.sum()) * self.grid.cell_area_m2 / _LAID_M2_PER_S

    @property
    def _in_haste(self) -> bool:
        """Whether there is no time but for lanes and tours of the simplest kind."""
        return self.request.deadline_s is not None and self.request.deadline_s < self._laying_s

    def _made(self, stops: list[Floats], orders: list[Ints], roadmap: Roadmap) -> dict[str, list[Leg]]:
        """The legs of each robot that has work, by name."""
        lanes = len(stops) - len(self.crew.robots)
        return {
            robot.name: self._legs(robot, stops, order, roadmap, 2 * (lanes + k))
            for k, (robot, order) in enumerate(zip(self.crew.robots, orders, strict=True))
            if len(order)
        }

    def _correct(self, work: Work, orders: list[Ints], ends: Ends, roadmap: Roadmap) -> None:
        """Exact costs for the ways that the tours take: the rest are guessed where something is in the way."""
        for k, order in enumerate(orders):
            leaves = np.concatenate((work.starts[k : k + 1], order ^ 1))
            enters = np.concatenate((order, work.homes[k : k + 1]))
            for leave, enter in zip(leaves.tolist(), enters.tolist(), strict=True):
                way = roadmap.way(leave, enter) if enter >= 0 and len(order) else None
                if way is not None:
                    seconds = way_s(way, ends, leave, enter, self.profile)
                    seconds += self._late_s[k] if leave == work.starts[k] else 0.0
                    work.cost[leave, enter] = seconds
                    if not work.one_ways:
                        work.cost[enter, leave] = seconds

    def _smooth(self, legs: dict[str, list[Leg]], begin: float, share: float, effort: float) -> dict[str, list[Leg]]:
        """The legs of all robots polished: quicker, as safe, and with no more floor left than may be."""
        profiles = {robot.name: robot.profile for robot in self.crew.robots}
        local = {name: [replace(leg, points=self.grid.from_map(leg.points)) for leg in legs[name]] for name in legs}
        wanted = self.crew.wanted
        cover = Cover(wanted, self._asked, *(int(wanted.sum() * share) for share in (_LOST, _LOST_RAGGED)))

        def tell(done: float) -> None:
            self.tell(begin + share * done, "polishing the paths")

        found = polished(local, profiles, self.crew.terrain, cover, self.request.seed, tell, effort)
        return {name: [replace(leg, points=self.grid.to_map(leg.points)) for leg in own] for name, own in found.items()}

    def _timed(self, legs: dict[str, list[Leg]]) -> dict[str, CoveragePath]:
        robots = {robot.name: robot for robot in self.crew.robots}
        return {
            name: CoveragePath(
                name, tuple(timed(own, robots[name].profile, robots[name].pose, self.stage.busy_s.get(name, 0.0)))
            )
            for name, own in legs.items()
        }

    def _joined(
        self, lanes: list[Floats], stops: list[Floats], ends: Ends, roadmap: Roadmap
    ) -> tuple[list[Floats], list[Floats], Ends, Roadmap]:
        """Everything without the lanes that no way leads to, or from which none leads home."""
        if roadmap.is_directed:
            shut = np.bincount(self._never_entered(lanes, roadmap) // 2, minlength=len(lanes)) == 2
            kept = [lane for lane, never in zip(lanes, shut, strict=True) if not never]
        else:
            parts = roadmap.component[: 2 * len(stops)].reshape(-1, 2)
            kept = [lane for lane, part in zip(lanes, parts, strict=False) if (part == parts[len(lanes), 0]).all()]
        if len(kept) == len(lanes):
            return lanes, stops, ends, roadmap
        stops = self._with_homes(kept)
        ends = Ends.of(stops)
        again = Roadmap.of(self.crew.terrain, self.crew.reach, ends.places)
        # With one-ways another roadmap may join other lanes.
        return self._joined(kept, stops, ends, again) if roadmap.is_directed else (kept, stops, ends, again)

    def _never_entered(self, lanes: list[Floats], roadmap: Roadmap) -> Ints:
        """The ends of lanes by which one-ways let no robot enter, or leave the lane at its other end and come home."""
        if not roadmap.is_directed:
            return np.zeros(0, dtype=np.int64)
        led, leads = roadmap.around(2 * len(lanes) + 1)
        ends = np.arange(2 * len(lanes))
        shut = ~(led[ends] & leads[ends ^ 1])
        shut[2 * fixed(self.crew.terrain.directions, lanes) + 1] = True
        return np.flatnonzero(shut)

    def _stranded(self, lanes: int, roadmap: Roadmap) -> list[Starter]:
        """The robots that one-ways keep from coming home, or from the others' floor."""
        if not roadmap.is_directed:
            return []
        home = roadmap.component[2 * lanes + 1]
        return [
            robot
            for k, robot in enumerate(self.crew.robots, start=lanes)
            if roadmap.component[2 * k + 1] != home or roadmap.way(2 * k, 2 * k + 1) is None
        ]

    def _without(self, stranded: list[Starter]) -> dict[str, CoveragePath]:
        """The paths of the other robots of the crew."""
        rest = tuple(robot for robot in self.crew.robots if robot not in stranded)
        return CrewPlan(self.request, replace(self.crew, robots=rest), self.tell).paths() if rest else {}

    def _lanes(self) -> list[Floats]:
        crew = self.crew
        laid = Laying(crew.terrain, crew.reach, crew.wanted, self.profile, crew.spacing_m, self._in_haste).lanes()
        lanes, robots = joined(crew.terrain, laid), len(crew.robots)
        if self.request.cleaned is not None:
            lanes = without_fallow(lanes, crew.wanted, self.profile.head, crew.terrain.side_m)
        lanes = faced(crew.terrain.directions, lanes)
        lanes = parted(lanes, max(_PART_M, sum(map(length_m, lanes)) / max(_PARTS, _PARTS_EACH * robots)))
        return [lane for lane in lanes if self._comes_home(lane)]

    def _comes_home(self, lane: Floats) -> bool:
        """Whether robots can get to a lane and come home from it."""
        back = self.crew.round_trips
        if back is None:
            return True
        # Lanes may lie up to a cell beside those whose centres can be reached.
        cells = (lane[[0, -1], ::-1] / self.crew.terrain.side_m).astype(np.int64)
        return all(
            bool(back[max(0, row - 1) : row + 2, max(0, col - 1) : col + 2].any()) for row, col in cells.tolist()
        )

    def _with_homes(self, lanes: list[Floats]) -> list[Floats]:
        """The lanes, and behind them one short lane for each robot: it is left to set off and entered to come home."""
        return lanes + [self._home(robot) for robot in self.crew.robots]

    def _home(self, robot: Starter) -> Floats:
        """(2, 2): end 0 is left with the robot's heading at its start, end 1 is entered with its heading at its dock."""
        begin = robot.dock.staging if robot.docked and robot.dock is not None else robot.pose
        finish = robot.dock.staging if robot.dock is not None else begin
        return np.array([self._beside(begin), self._beside(finish)])

    def _beside(self, pose: Pose) -> Floats:
        """The pose's place, or the nearest place from which the robot may drive on."""
        local = self.grid.from_map([[pose.x_m, pose.y_m]])
        if self.crew.terrain.safe(local)[0]:
            return np.asarray(local[0])
        cell = first_free_cell(self._clearance, self.crew.reach, pose)
        return self.grid.from_map(self.grid.centres([cell]))[0] if cell is not None else np.asarray(local[0])

    @cached_property
    def _clearance(self) -> ClearanceField:
        return ClearanceField(self.grid, self.crew.terrain.distance_m, ())

    def _work(self, lanes: list[Floats], cost: Floats) -> Work:
        count, robots = len(lanes), self.crew.robots
        starts = np.array([2 * (count + k) for k in range(len(robots))])
        cost[starts] += self._late_s[:, None]
        return Work(
            cost=cost,
            drive_s=np.array([path_s(lane, self.profile) for lane in lanes]),
            starts=starts,
            homes=np.array([2 * (count + k) + 1 if robot.dock is not None else -1 for k, robot in enumerate(robots)]),
            pace=self._pace,
            one_ways=are_any(self.crew.terrain.directions),
        )

    @cached_property
    def _pace(self) -> Floats:
        """(robots,) the speed of each robot, that of the fastest being 1."""
        speeds = np.array([robot.profile.speed_mps for robot in self.crew.robots])
        return np.asarray(speeds / speeds.max())

    @cached_property
    def _late_s(self) -> Floats:
        """(robots,) what setting off later adds to a robot's way to its first lane, at the pace of the fastest robot."""
        busy_s = [self.stage.busy_s.get(robot.name, 0.0) for robot in self.crew.robots]
        return np.asarray(self._pace * np.array(busy_s))

    def _legs(self, robot: Starter, stops: list[Floats], order: Ints, roadmap: Roadmap, start: int) -> list[Leg]:
        legs = LegList(robot, self.request.leg_prefix)
        legs.leave_dock()
        ends = [start, *order.tolist()]
        lanes = [stops[end // 2] if end % 2 == 0 else stops[end // 2][::-1] for end in order.tolist()]

        def way(k: int) -> Floats:
            leave = start if k == 0 else ends[k] ^ 1
            return self._map_way(roadmap, leave, ends[k + 1])

        chained(legs, [self.grid.to_map(lane) for lane in lanes], way, self._inside, self._zone)
        if robot.dock is not None:
            legs.drive(np.concatenate((self._map_way(roadmap, ends[-1] ^ 1, start + 1), [self._staging(robot)])))
            legs.dock()
        return legs.legs

    def _map_way(self, roadmap: Roadmap, leave: int, enter: int) -> Floats:
        way = roadmap.way(leave, enter)
        return self.grid.to_map(way if way is not None else roadmap.places[[leave, enter]])

    def _staging(self, robot: Starter) -> Floats:
        assert robot.dock is not None
        return np.array([robot.dock.staging.x_m, robot.dock.staging.y_m])

    def _inside(self, way: Floats) -> bool:
        """Whether a way lies on floor where the head is of use."""
        cells = self.grid.cells_at(spaced(way, self.grid.resolution_m))
        return bool(self._asked[cells[:, 0], cells[:, 1]].all())

    @cached_property
    def _asked(self) -> Bools:
        """Floor that is asked for and from which a head reaches floor that is not clean yet, with a little to spare."""
        requested = self.request.floor.requested(self.request.zones)
        if self.request.cleaned is None:
            return requested
        head, clean = self.profile.head, (~self.crew.wanted).astype(np.uint8)
        near = cv2.distanceTransform(clean, cv2.DIST_L2, cv2.DIST_MASK_PRECISE) * self.crew.terrain.side_m
        return requested & (near <= head.width_m / 2 + abs(head.offset_m) + _SPARE_M)

    def _zone(self, lane: Floats) -> str:
        middle = Point(lane[len(lane) // 2] / 2 + lane[(len(lane) - 1) // 2] / 2)
        named = [self.request.floor.zone(name) for name in self.request.zones]
        nearest = min(named, key=lambda zone: float(zone.polygon.distance(middle)))
        return nearest.name
