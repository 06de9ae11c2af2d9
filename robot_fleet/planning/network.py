"""The lanes of a crew and the ways between them: what tours are made of. Everything is in the grid frame."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import shapely

from robot_fleet.floor.clearance import ClearanceField
from robot_fleet.floor.grid import OccupancyGrid
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.reach import first_free_cell
from robot_fleet.planning.assignment import Work
from robot_fleet.planning.costs import Ends, travel_s, way_s
from robot_fleet.planning.crew import Crew
from robot_fleet.planning.directions import are_any
from robot_fleet.planning.facing import fixed
from robot_fleet.planning.joining import pieces_of
from robot_fleet.planning.plan import Starter
from robot_fleet.planning.roadmap import Roadmap
from robot_fleet.planning.terrain import Bools, Floats, Ints
from robot_fleet.planning.timing import path_s

# Lanes are cut into so many pieces at most, and into so many in all, when tours are evened out.
_PIECES, _MOST_PIECES, _PIECE_M = 3, 1500, 1.5
# A lane so near to another robot in its dock costs so much more as the first or last one of a tour: two robots that have to
# pass each other's docks then cannot both leave, or come home.
_APART_M, SHY_S = 0.1, 20.0


@dataclass(frozen=True, eq=False)
class Network:
    """Lanes, and behind them in `stops` one short lane for each robot: it is left to set off and entered to come home.

    `ends` are those of the stops, `work` says how long lanes and the ways between them take, `busy_s` when robots set off
    that do so later than the others, `first_s` and `last_s` (robots, ends) what is added to each robot's way to its first
    lane and from its last one. `working` (robots,) is the part of its time that each robot works, beside the others.
    """

    crew: Crew
    grid: OccupancyGrid
    stops: list[Floats]
    ends: Ends
    roadmap: Roadmap
    work: Work
    busy_s: Mapping[str, float]
    first_s: Floats
    last_s: Floats
    working: Floats | None = None

    @classmethod
    def of(
        cls, crew: Crew, grid: OccupancyGrid, lanes: list[Floats], busy_s: Mapping[str, float],
        limit_m: float = math.inf, haste: bool = False, working: Floats | None = None,
    ) -> Network:  # fmt: skip
        """The lanes to which a way leads, and from which one leads home; ways much longer than the limit are guessed.

        Robots by the names in `busy_s` set off so many seconds after the start. In `haste` ways are found on fewer places.
        """
        robots = crew.robots
        stops, ends, roadmap = _led_to(crew, lanes, [_home(crew, grid, robot) for robot in robots], haste)
        count = len(stops) - len(robots)
        cost = travel_s(
            crew.terrain, roadmap, ends, crew.narrowest, _never_entered(crew, stops[:count], roadmap), limit_m
        )
        speeds = np.array([robot.profile.speed_mps for robot in robots])
        pace: Floats = np.asarray(speeds / speeds.max() * (1.0 if working is None else working))
        late_s = pace * np.array([busy_s.get(robot.name, 0.0) for robot in robots])
        beside = beside_docks([*robots, *crew.others], robots, grid, stops)
        last_s = np.repeat(beside.any(axis=0) * SHY_S, 2, axis=1)
        first_s = last_s + late_s[:, None]
        starts = np.array([2 * (count + k) for k in range(len(robots))])
        homes = np.array([2 * (count + k) + 1 if robot.dock is not None else -1 for k, robot in enumerate(robots)])
        cost[starts] += first_s
        cost[:, homes[homes >= 0]] += last_s[homes >= 0].T
        work = Work(
            cost=cost,
            drive_s=np.array([path_s(lane, crew.narrowest) for lane in stops[:count]]),
            starts=starts,
            homes=homes,
            pace=pace,
            astride=np.array([robot.docked for robot in robots]) & beside[: len(robots), :, :count].any(axis=(1, 2)),
            one_ways=are_any(crew.terrain.directions),
        )
        return cls(crew, grid, stops, ends, roadmap, work, busy_s, first_s, last_s, working)

    @property
    def lanes(self) -> list[Floats]:
        """The lanes (n, 2)."""
        return self.stops[: len(self.work.drive_s)]

    @property
    def groups(self) -> list[tuple[Starter, ...]]:
        """The robots that can reach each other; gaps no wider than a robot, or one-ways, may keep others from them.

        A robot that stands where no way leads home is in the group of those about it, without its dock; one that gets nowhere
        is in none. Where one-ways hold, there is one group: of those that come home.
        """
        roadmap, first = self.roadmap, len(self.lanes)
        parts = roadmap.component[2 * first : 2 * len(self.stops)].reshape(-1, 2).tolist()
        robots = self.crew.robots
        if roadmap.is_directed:
            home = parts[0][1]
            return [
                tuple(
                    robot
                    for k, robot in enumerate(robots)
                    if parts[k][1] == home and roadmap.way(2 * (first + k), 2 * (first + k) + 1) is not None
                )
            ]
        groups: dict[int, list[Starter]] = {}
        for robot, (begin, end) in zip(robots, parts, strict=True):
            if begin == end or robot.dock is not None:
                groups.setdefault(begin, []).append(robot if begin == end else replace(robot, dock=None))
        return [tuple(group) for group in groups.values()]

    def corrected(self, orders: list[Ints]) -> Network:
        """The same with exact costs for the ways that the tours take: the rest are guessed where something is in the way."""
        work = replace(self.work, cost=self.work.cost.copy())
        for k, order in enumerate(orders):
            leaves = np.concatenate((work.starts[k : k + 1], order ^ 1))
            enters = np.concatenate((order, work.homes[k : k + 1]))
            for leave, enter in zip(leaves.tolist(), enters.tolist(), strict=True):
                way = self.roadmap.way(leave, enter) if enter >= 0 and len(order) else None
                if way is not None:
                    seconds = way_s(way, self.ends, leave, enter, self.crew.narrowest)
                    seconds += self.first_s[k, enter] if leave == work.starts[k] else 0.0
                    seconds += self.last_s[k, leave] if enter == work.homes[k] else 0.0
                    work.cost[leave, enter] = seconds
                    if not work.one_ways:
                        work.cost[enter, leave] = seconds
        return replace(self, work=work)

    def refined(self, orders: list[Ints], limit_m: float) -> tuple[Network, list[Ints]] | None:
        """The same tours over the lanes cut into pieces, so that they can be evened out; None where those are too many.

        Where there are so many lanes they are as fine as they need be.
        """
        count = min(_PIECES, _MOST_PIECES // max(1, len(self.lanes)))
        if count < 2 or self.work.one_ways:
            return None
        cut, tours = pieces_of(self.lanes, orders, count, _PIECE_M)
        fine = Network.of(self.crew, self.grid, cut, self.busy_s, limit_m, working=self.working)
        return (fine, tours) if len(fine.lanes) == len(cut) else None


def beside_docks(
    docked: Sequence[Starter], robots: Sequence[Starter], grid: OccupancyGrid, stops: list[Floats]
) -> Bools:
    """(docked, robots, stops) whether a robot that drives a lane comes too near to another one that stands in its dock."""
    lines = shapely.linestrings(
        np.concatenate(stops), indices=np.repeat(np.arange(len(stops)), [len(s) for s in stops])
    )
    radii = np.array([robot.profile.footprint.circumscribed_m for robot in robots])
    beside = np.zeros((len(docked), len(robots), len(stops)), dtype=bool)
    for k, owner in enumerate(docked):
        if owner.dock is not None:
            place = shapely.points(grid.from_map([[owner.dock.pose.x_m, owner.dock.pose.y_m]]))
            near_m = owner.profile.footprint.circumscribed_m + radii + _APART_M
            beside[k] = np.asarray(shapely.distance(lines, place)) < near_m[:, None]
            beside[k, [robot is owner for robot in robots]] = False
    return beside


def _led_to(
    crew: Crew, lanes: list[Floats], homes: list[Floats], haste: bool = False
) -> tuple[list[Floats], Ends, Roadmap]:
    """The stops without the lanes that no way leads to, or from which none leads home."""
    stops = lanes + homes
    ends = Ends.of(stops)
    roadmap = Roadmap.of(crew.terrain, crew.reach, ends.places, haste)
    if roadmap.is_directed:
        shut = np.bincount(_never_entered(crew, lanes, roadmap) // 2, minlength=len(lanes)) == 2
        kept = [lane for lane, never in zip(lanes, shut, strict=True) if not never]
        # Another roadmap may join other lanes.
        return (stops, ends, roadmap) if len(kept) == len(lanes) else _led_to(crew, kept, homes, haste)
    parts = roadmap.component[: 2 * len(stops)].reshape(-1, 2)
    most = _part_of_most(parts[len(lanes) :])
    kept = [lane for lane, part in zip(lanes, parts, strict=False) if (part == most).all()]
    if len(kept) < len(lanes):
        stops = kept + homes
        ends = Ends.of(stops)
        roadmap = Roadmap.of(crew.terrain, crew.reach, ends.places, haste)
    return stops, ends, roadmap


def _part_of_most(parts: Ints) -> int:
    """The part of the roadmap in which most robots (n, 2: begin, home) are."""
    return int(np.argmax(np.bincount(parts.ravel())))


def _never_entered(crew: Crew, lanes: list[Floats], roadmap: Roadmap) -> Ints:
    """The ends of lanes by which one-ways let no robot enter, or leave the lane at its other end and come home."""
    if not roadmap.is_directed:
        return np.zeros(0, dtype=np.int64)
    led, leads = roadmap.around(2 * len(lanes) + 1)
    ends = np.arange(2 * len(lanes))
    shut = ~(led[ends] & leads[ends ^ 1])
    shut[2 * fixed(crew.terrain.directions, lanes) + 1] = True
    return np.flatnonzero(shut)


def _home(crew: Crew, grid: OccupancyGrid, robot: Starter) -> Floats:
    """(2, 2): end 0 is left with the robot's heading at its start, end 1 is entered with its heading at its dock."""
    begin = robot.dock.staging if robot.docked and robot.dock is not None else robot.pose
    finish = robot.dock.staging if robot.dock is not None else begin
    return np.array([_beside(crew, grid, begin), _beside(crew, grid, finish)])


def _beside(crew: Crew, grid: OccupancyGrid, pose: Pose) -> Floats:
    """The pose's place, or the nearest place from which the robot may drive on."""
    local = grid.from_map([[pose.x_m, pose.y_m]])
    if crew.terrain.safe(local)[0]:
        return np.asarray(local[0])
    cell = first_free_cell(ClearanceField(grid, crew.terrain.distance_m, ()), crew.reach, pose)
    return grid.from_map(grid.centres([cell]))[0] if cell is not None else np.asarray(local[0])
