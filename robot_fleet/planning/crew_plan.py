"""The paths of one crew: lanes, gaps, roadmap, tours, legs, times."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial

import numpy as np
from shapely import Point

from robot_fleet.planning.assembly import LegList, chained
from robot_fleet.planning.assignment import evened_out, shared_out, trials_of
from robot_fleet.planning.at_once import Heard, at_once
from robot_fleet.planning.crew import Crew
from robot_fleet.planning.facing import faced
from robot_fleet.planning.joining import joined, parted
from robot_fleet.planning.laying import Laying
from robot_fleet.planning.network import Network
from robot_fleet.planning.plan import CoveragePath, Leg, PlanRequest, Progress, Starter
from robot_fleet.planning.polyline import length_m, spaced
from robot_fleet.planning.services import Services
from robot_fleet.planning.smoothing import asked_of, polish_s, smoothed
from robot_fleet.planning.terrain import Bools, Floats, Ints
from robot_fleet.planning.timing import timed
from robot_fleet.planning.trimming import without_fallow

# Lanes are parted into so many in all, and for each robot, but not more finely (metres).
_PARTS, _PARTS_EACH, _PART_M = 150, 20, 1.5
# Tours are tried from so many seeds, the more of them the less floor there is, and polished with this share of the usual
# trials; so many, the best ones, are evened out and polished to the end.
_FEWEST_STARTS, _MOST_STARTS, _STARTS_M2, _TRIED, _FINALISTS = 2, 4, 9000.0, 0.1, 2
# So often tours are evened out, each time with this share of the usual trials, by so high a norm of the robots' times.
_EVENINGS, _EVENING, _EVEN = 3, 0.3, 40
# Ways that are much longer are guessed when there is no time, and when tours hardly change any more.
_NEAR_M = 25.0
# How often the costs of the ways in the tours are corrected, and the tours with them.
_CORRECTIONS = 2
# What a core does: floor laid out, cells looked at, and trials of tours; a search has at least this share of its trials.
_LAID_M2_PER_S, _CELLS_PER_S, _TRIALS_PER_S, _LEAST = 1000.0, 4e6, 2e6, 0.02


@dataclass(frozen=True)
class Stage:
    """A plan as one of several that follow each other, with a share of the usual search as its `effort`.

    Robots by the names in `busy_s` come to it so many seconds after the start.
    """

    effort: float = 1.0
    busy_s: Mapping[str, float] = field(default_factory=dict)


_ALL = Stage()


@dataclass(frozen=True, eq=False)
class _Tours:
    """The order of the ends through which each robot enters its lanes, the legs along it, and when each robot is done."""

    network: Network
    orders: list[Ints]
    legs: dict[str, list[Leg]]
    lasting_s: Floats


class CrewPlan:
    """Plans for one crew; everything inside is in the grid frame until the legs are made."""

    def __init__(
        self, request: PlanRequest, crew: Crew, tell: Progress, services: Services, stage: Stage = _ALL
    ) -> None:
        self.request, self.crew, self.tell, self.services, self.stage = request, crew, tell, services, stage
        self.grid = request.floor.grid
        self.profile = crew.narrowest

    def paths(self) -> dict[str, CoveragePath]:
        """The path of each robot of the crew by its name; robots without work have none."""
        self.tell(0.0, "laying lanes")
        lanes = self._lanes()
        self.tell(0.3, "measuring the ways between lanes")
        limit_m = _NEAR_M / 2 if self._in_haste else math.inf
        working = self.services.working([self.grid.to_map(lane) for lane in lanes], self.crew.robots)
        network = Network.of(self.crew, self.grid, lanes, self.stage.busy_s, limit_m, self._in_haste, working)
        if network.groups != [self.crew.robots]:
            return self._apart(network.groups)
        effort = self._effort(len(network.lanes))
        starts = self._starts(effort)
        searches = [partial(self._start, network, effort / starts**0.5, starts, k) for k in range(starts)]
        made = at_once(searches, self._heard(0.4, 0.3, "ordering lanes and sharing them out"))
        if self._in_haste:
            return self._timed(made[0].legs)
        best = sorted(made, key=lambda one: float(one.lasting_s.mean()))[:_FINALISTS]
        if starts > 1 and len(self.crew.robots) > 1:
            heard, size = self._heard(0.7, 0.05, "evening out the shares"), 1.0 / len(best)
            best = [self._evened(one, _within(heard, k * size, size)) for k, one in enumerate(best)]
        polishes = [partial(self._polished, one, effort) for one in best]
        found = at_once(polishes, self._heard(0.75, 0.25, "polishing the paths"))
        return self._timed(min(found, key=lambda legs: float(self._lasting_s(legs).max())))

    def _polished(self, tours: _Tours, effort: float, heard: Heard) -> dict[str, list[Leg]]:
        return self._smooth(tours.legs, heard, effort)

    def _heard(self, begin: float, size: float, step: str) -> Heard:
        self.tell(begin, step)
        return lambda share: self.tell(begin + size * share, step)

    def _start(self, network: Network, effort: float, starts: int, k: int, heard: Heard) -> _Tours:
        """Tours from a seed of the start's own; polished a little where there are others to compare them with."""
        seed = self.request.seed * starts + k
        orders = shared_out(network.work, _within(heard, 0.0, 0.2), seed, effort)
        for turn in range(1 if self._in_haste else _CORRECTIONS):
            # Each start corrects the costs of its own ways.
            network = network.corrected(orders)
            orders = evened_out(network.work, orders, _within(heard, 0.2 + 0.1 * turn, 0.1), seed, effort)
        legs = self._made(network, orders)
        if starts > 1:
            legs = self._smooth(legs, _within(heard, 0.5, 0.5), _TRIED)
        return _Tours(network, orders, legs, self._lasting_s(legs))

    def _starts(self, effort: float) -> int:
        """How many tours are tried: several on small floors, where little time shows which becomes the best."""
        return int(min(_MOST_STARTS, max(_FEWEST_STARTS, _STARTS_M2 / self._wanted_m2))) if effort == 1.0 else 1

    def _evened(self, tours: _Tours, heard: Heard) -> _Tours:
        """The tours over shorter pieces of lanes, shared out anew so that the robots are done together.

        What each robot takes by the costs and what it takes once polished differ by some percent, by where it drives: robots
        are taken for so much faster or slower.
        """
        finer = tours.network.refined(tours.orders, _NEAR_M)
        if finer is None:
            return tours
        before, orders = finer
        expected_s = np.array([before.work.time_s(k, order) for k, order in enumerate(orders)])
        pace = before.work.pace * np.where(tours.lasting_s > 0.0, expected_s / np.maximum(tours.lasting_s, 1e-9), 1.0)
        network = replace(before, work=replace(before.work, pace=pace))
        for k in range(_EVENINGS):
            network = network.corrected(orders)
            seed = self.request.seed * _EVENINGS + k
            part = _within(heard, k / _EVENINGS, 1.0 / _EVENINGS)
            orders = evened_out(network.work, orders, part, seed, _EVENING, _EVEN)
        legs = self._made(network, orders)
        return _Tours(network, orders, legs, self._lasting_s(legs))

    def _lasting_s(self, legs: dict[str, list[Leg]]) -> Floats:
        """(robots,) when each robot is done, its visits to docks included; 0 for one without work."""
        paths = self._timed(legs)
        nothing = CoveragePath("", ())
        return np.array([self.services.lasting_s(paths.get(robot.name, nothing)) for robot in self.crew.robots])

    def _effort(self, lanes: int) -> float:
        """The share of the usual search that fits into the request's deadline."""
        if self.request.deadline_s is None:
            return self.stage.effort
        usual_s = (1 + _CORRECTIONS / 2) * trials_of(lanes) / _TRIALS_PER_S + polish_s(self._wanted_m2)
        return min(self.stage.effort, max(_LEAST, (self.request.deadline_s - self._laying_s) / usual_s))

    @cached_property
    def _wanted_m2(self) -> float:
        return float(self.crew.wanted.sum()) * self.grid.cell_area_m2

    @cached_property
    def _laying_s(self) -> float:
        """About how long it takes to lay lanes, and to look at the floor before and after."""
        return self._wanted_m2 / _LAID_M2_PER_S + self.crew.wanted.size / _CELLS_PER_S

    @property
    def _in_haste(self) -> bool:
        """Whether there is no time but for lanes and tours of the simplest kind."""
        return self.request.deadline_s is not None and self.request.deadline_s < self._laying_s

    def _made(self, network: Network, orders: list[Ints]) -> dict[str, list[Leg]]:
        """The legs of each robot that has work, by name; one for which a way between its lanes is not found has none."""
        made = (
            (robot.name, self._legs(robot, network, order, int(network.work.starts[k])))
            for k, (robot, order) in enumerate(zip(self.crew.robots, orders, strict=True))
            if len(order)
        )
        return {name: legs for name, legs in made if legs}

    def _smooth(self, legs: dict[str, list[Leg]], heard: Heard, effort: float) -> dict[str, list[Leg]]:
        """The legs of all robots polished: quicker, as safe, and with no more floor left than may be."""
        return smoothed(self.request, [self.crew], legs, heard, effort)

    def _timed(self, legs: dict[str, list[Leg]]) -> dict[str, CoveragePath]:
        robots = {robot.name: robot for robot in self.crew.robots}
        return {
            name: CoveragePath(
                name, tuple(timed(own, robots[name].profile, robots[name].pose, self.stage.busy_s.get(name, 0.0)))
            )
            for name, own in legs.items()
        }

    def _apart(self, groups: list[tuple[Starter, ...]]) -> dict[str, CoveragePath]:
        """The paths of the robots in groups that do not reach each other: each has the lanes to which it comes."""
        paths: dict[str, CoveragePath] = {}
        for k, group in enumerate(filter(None, groups)):
            heard = partial(self._told_of_part, k / len(groups), 1.0 / len(groups))
            paths |= CrewPlan(self.request, replace(self.crew, robots=group), heard, self.services, self.stage).paths()
        return paths

    def _told_of_part(self, begin: float, size: float, share: float, step: str) -> None:
        self.tell(begin + size * share, step)

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

    def _legs(self, robot: Starter, network: Network, order: Ints, start: int) -> list[Leg]:
        """The legs along lanes entered by these ends, from the dock and back; none where a way between them is not found."""
        ends, stops = order.tolist(), network.stops
        enters = ends if robot.dock is None else [*ends, start + 1]
        found = [network.roadmap.way(*pair) for pair in zip([start, *(end ^ 1 for end in ends)], enters, strict=False)]
        ways = [self.grid.to_map(way) for way in found if way is not None]
        if len(ways) < len(found):
            return []
        lanes = [stops[end // 2] if end % 2 == 0 else stops[end // 2][::-1] for end in ends]
        legs = LegList(robot, self.request.leg_prefix)
        legs.leave_dock()
        chained(legs, [self.grid.to_map(lane) for lane in lanes], ways.__getitem__, self._inside, self._zone)
        if robot.dock is not None:
            legs.drive(np.concatenate((ways[-1], [self._staging(robot)])))
            legs.dock()
        return legs.legs

    def _staging(self, robot: Starter) -> Floats:
        assert robot.dock is not None
        return np.array([robot.dock.staging.x_m, robot.dock.staging.y_m])

    def _inside(self, way: Floats) -> bool:
        """Whether a way lies on floor where the head is of use."""
        cells = self.grid.cells_at(spaced(way, self.grid.resolution_m))
        return bool(self._asked[cells[:, 0], cells[:, 1]].all())

    @cached_property
    def _asked(self) -> Bools:
        return asked_of(self.request, self.crew.wanted, self.profile.head)

    def _zone(self, lane: Floats) -> str:
        middle = Point(lane[len(lane) // 2] / 2 + lane[(len(lane) - 1) // 2] / 2)
        named = [self.request.floor.zone(name) for name in self.request.zones]
        here = (zone for zone in named if zone.polygon.intersects(middle))
        nearest = next(here, None) or min(named, key=lambda zone: float(zone.polygon.distance(middle)))
        return nearest.name


def _within(heard: Heard, begin: float, size: float) -> Heard:
    """Hears the share of a part of what is done."""
    return lambda share: heard(begin + size * share)
