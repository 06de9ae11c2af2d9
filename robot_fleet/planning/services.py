"""The visits of all robots of a plan to docks: which docks serve whom, and tours with their visits.

A robot is serviced at its own dock. Where that does not offer what it needs, it goes to docks that do: to those that are no
other robot's, and to other robots' docks only where those offer too little as well.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from shapely import Point

from robot_fleet.floor.faults import Fault
from robot_fleet.floor.store import CHARGE, WATER, Dock
from robot_fleet.planning.apart import Apart, among_others, makespan_s
from robot_fleet.planning.assignment import Stays
from robot_fleet.planning.breaks import Breaks, with_visits
from robot_fleet.planning.crew import Clearances
from robot_fleet.planning.detours import Detours, RoutedDetours
from robot_fleet.planning.manning import Keep
from robot_fleet.planning.plan import CannotServe, CoveragePath, Leg, LegKind, PlanRequest, Starter
from robot_fleet.planning.polyline import length_m
from robot_fleet.planning.routing import Router
from robot_fleet.planning.steering.detours import SteeredDetours
from robot_fleet.planning.supplies import Levels, Supplies, last_levels, worst_levels
from robot_fleet.planning.terrain import Floats, Terrain, has_room
from robot_fleet.planning.timing import timed
from robot_fleet.planning.visits import Schedule, Station, best_visits

# The battery is planned to last so much longer than a robot needs that meets nobody: waits for others use it too.
_SPARE = 0.02
# Where it does not last all the same, as much more is spared as was lacking, and a little, so many times at most.
_MORE, _LITTLE, _TRIES = 0.01, 0.002, 4
# A plan that is so many times as long for it is made anew.
_DEAR = 1.01
# Plans that are due sooner are looked at roughly, and seldom made anew.
_ROOMY_S = 10.0
# Into about so many parts lanes are broken where visits are chosen, and where only their time is of interest.
_CLOSELY, _ROUGHLY = 1000, 100
# So many places from which no way leads to a dock, or back, are left out before a tour is given up.
_PLACES = 30
# A visit for water is made from about so near a place as this share of all are.
_NEAR = 0.05
# Rounding is no lack.
_ROUNDING = 1e-6


@dataclass(frozen=True, eq=False)
class Machine:
    """A robot with what it uses up, its levels at the start, the docks that serve it, and its ways to them."""

    robot: Starter
    supplies: Supplies
    start: Levels
    docks: tuple[Dock, ...]
    detours: Detours

    def stations(self, breaks: Breaks) -> list[Station]:
        """The docks as the places of a tour see them."""
        offers = [tuple(word for word in dock.offers if word in self.supplies.needs) for dock in self.docks]
        return [
            Station(
                CHARGE in offered, WATER in offered,
                self.detours.home_s(breaks.leave, dock), self.detours.back_s(breaks.enter, dock),
                self.robot.docked and dock == self.robot.dock,
            )
            for dock, offered in zip(self.docks, offers, strict=True)
        ]  # fmt: skip

    def offers_at(self, place: Floats) -> Sequence[str]:
        """What the dock at a place offers."""
        return min(self.docks, key=lambda dock: math.dist(place, (dock.pose.x_m, dock.pose.y_m))).offers

    def charged_more(self, path: CoveragePath, share: float) -> CoveragePath | None:
        """The path with its last stay that does not fill the battery longer by a charge of such a share; None: there is none."""
        width_m, legs, more_s = self.robot.profile.head.width_m, path.legs, share * self.supplies.charging_s
        for k in range(len(legs) - 1, -1, -1):
            if legs[k].kind is not LegKind.SERVICE or CHARGE not in self.offers_at(legs[k].points[0]):
                continue
            level = last_levels(legs[: k + 1], self.supplies, width_m, self.start, self.offers_at).battery
            if level + share <= 1.0:
                stay = replace(legs[k], times_s=np.array([0.0, legs[k].times_s[-1] - legs[k].times_s[0] + more_s]))
                begin_s = float(legs[0].times_s[0])
                made = timed([*legs[:k], stay, *legs[k + 1 :]], self.robot.profile, self.robot.pose, begin_s)
                return replace(path, legs=tuple(made))
        return None

    def lack(self, legs: Sequence[Leg]) -> float:
        """By how much tank or battery do not last along timed legs, as a share of a full one; 0 or less: they do."""
        found = worst_levels(legs, self.supplies, self.robot.profile.head.width_m, self.start, self.offers_at)
        dry = found.scrubbed_m2 / self.supplies.tank_m2 - 1.0 if self.supplies.has_tank else -1.0
        flat = self.supplies.reserve - found.battery if self.supplies.has_battery else -1.0
        return max(dry, flat)


class Services:
    """Puts visits to docks into the tours of a request's robots; robots that need none keep their tours as they are."""

    def __init__(
        self, request: PlanRequest, clearances: Clearances,
        detours: Callable[[Starter], Detours] | None = None,
    ) -> None:  # fmt: skip
        self._request, self._clearances = request, clearances
        self._detours = detours or self._routed
        self._routers: dict[tuple[object, ...], Detours] = {}
        limited = [robot for robot in request.robots if Supplies.of(robot.profile).needs]
        self._machines = {robot.name: self._machine(robot) for robot in limited}
        in_haste = request.deadline_s is not None and request.deadline_s < _ROOMY_S
        self._most, self._tries = (_ROUGHLY, 2) if in_haste else (_CLOSELY, _TRIES)

    def kept(self, paths: list[CoveragePath], keep: Keep) -> tuple[list[CoveragePath], Apart]:
        """The paths with their visits, and the same with the waits that `keep` finds; waits leave no battery empty."""
        spare, taken = dict.fromkeys(self._machines, _SPARE), self._taken(paths)
        best: tuple[tuple[object, ...], list[CoveragePath], Apart] | None = None
        for _ in range(self._tries):
            served = self._all_served(paths, spare, taken)
            apart = keep(served)
            # Where this one does not last, or mending it costs much, more is spared from the start.
            spare |= {path.robot: self._more(path, spare) for path in self._short(apart)}
            soon_s = _DEAR * makespan_s(apart.paths)
            for k in range(len(paths) if apart.meeting == 0 else 0):
                apart = self._mended(served[k], apart, k)
            short = len(self._short(apart))
            if best is None or (apart.meeting, short, apart.cost) < best[0]:
                best = (apart.meeting, short, apart.cost), served, apart
            if not short and makespan_s(apart.paths) <= soon_s:
                break
        assert best is not None
        return best[1], best[2]

    def _all_served(
        self, paths: Sequence[CoveragePath], spare: Mapping[str, float], taken: frozenset[str]
    ) -> list[CoveragePath]:
        """Every path with its visits. Raises CannotServe with all robots for which that cannot be."""
        served, lacking = list[CoveragePath](), dict[str, Fault]()
        for path in paths:
            try:
                served.append(self.served(path, spare.get(path.robot, 0.0), taken))
            except CannotServe as one:
                lacking |= one.lacking
        if lacking:
            raise CannotServe(lacking)
        return served

    def served_at(self, robot: Starter) -> list[str]:
        """The names of the docks where a robot may be serviced on its tour."""
        machine = self._machines.get(robot.name)
        return [] if machine is None else [dock.name for dock in machine.docks]

    def _taken(self, paths: Sequence[CoveragePath]) -> frozenset[str]:
        """The docks of robots without work, which stand there for ever."""
        owners = zip(self._request.robots, paths, strict=True)
        return frozenset(robot.dock.name for robot, path in owners if robot.dock and not path.legs)

    def _short(self, apart: Apart) -> list[CoveragePath]:
        """The paths for which tank or battery do not last."""
        return [path for path in apart.paths if self._lack(path) > _ROUNDING]

    def _mended(self, served: CoveragePath, apart: Apart, k: int) -> Apart:
        """The paths when a robot whose battery its waits would empty charges for longer, and waits less; others wait as before."""
        found, machine = apart.paths[k], self._machines.get(served.robot)
        robots = {robot.name: robot for robot in self._request.robots}
        others = [(path, robots[path.robot]) for path in apart.paths if path is not found]
        for _ in range(_TRIES if machine is not None and self._lack(found) > _ROUNDING else 0):
            assert machine is not None
            longer = machine.charged_more(served, self._lack(found) + _LITTLE)
            alone = None if longer is None else among_others(longer, machine.robot, others)
            if longer is None or alone is None:
                break
            served, found = longer, alone
            if self._lack(found) <= _ROUNDING:
                return replace(apart, paths=[*apart.paths[:k], found, *apart.paths[k + 1 :]])
        return apart

    def _more(self, path: CoveragePath, spare: dict[str, float]) -> float:
        """The share of the battery to be spared when so much of it is lacking."""
        return spare[path.robot] + self._lack(path) + _MORE

    def lasting_s(self, path: CoveragePath) -> float:
        """About when a robot is done with its visits; when it would be done without them, where they do not help."""
        machine = self._machines.get(path.robot)
        if machine is None or not path.legs:
            return path.finish_s
        begin_s = float(path.legs[0].times_s[0])
        found = self._planned(machine, list(path.legs), _SPARE, _ROUGHLY)
        return path.finish_s if found is None else begin_s + found[1].lasts_s

    def served(self, path: CoveragePath, spare: float = _SPARE, taken: frozenset[str] = frozenset()) -> CoveragePath:
        """A robot's path with its visits, none to docks that are `taken`. Raises CannotServe where tank or battery cannot last.

        Ways to docks are guessed when visits are chosen; where that was too bold for the battery, more of it is spared.
        """
        machine, made = self._machines.get(path.robot), list(path.legs)
        if machine is None or not made or self._lasts(machine, made, spare):
            return path
        machine = replace(machine, docks=tuple(dock for dock in machine.docks if dock.name not in taken))
        for _ in range(_TRIES):
            made = self._visiting(machine, list(path.legs), spare)
            lack = machine.lack(made)
            if lack <= _ROUNDING:
                break
            spare += lack + _MORE
        return replace(path, legs=tuple(made))

    def _visiting(self, machine: Machine, legs: list[Leg], spare: float) -> list[Leg]:
        """The timed legs with visits; as they are for a robot without a dock, which ends where it is done or has nothing left."""
        shut: set[int] = set()
        for _ in range(_PLACES):
            found = self._planned(machine, legs, spare, self._most, shut)
            if (found is None and machine.robot.dock is None) or (found is not None and not found[1].visits):
                return legs
            if found is None:
                break
            made = with_visits(legs, *found, machine.docks, machine.detours.way)
            if not isinstance(made, int):
                return timed(made, machine.robot.profile, machine.robot.pose, float(legs[0].times_s[0]))
            shut.add(made)
        raise CannotServe({machine.robot.name: self._fault(machine, legs)})

    def stays(self, load_m2: Floats, places: Floats, robots: Sequence[Starter]) -> Stays | None:
        """What the tanks of robots mean for sharing lanes out that take so much water (lanes,), among places (n, 2) of the map
        frame; None where no tank runs out. How long a visit takes is known only when its place is.
        """
        machines = [self._machines.get(robot.name) for robot in robots]
        if not len(places) or not all(one is not None and one.supplies.has_tank and one.docks for one in machines):
            return None
        known = [one for one in machines if one is not None]
        full, used, fill = (
            np.array(column)
            for column in zip(
                *((one.supplies.tank_m2, one.start.scrubbed_m2, self._fill_s(one, places)) for one in known),
                strict=True,
            )
        )
        return Stays(load_m2, full - used, full, fill, np.zeros(len(known)))

    def _fill_s(self, machine: Machine, places: Floats) -> float:
        """About how long a visit for water takes, from where the dock is near."""
        dock = next((dock for dock in machine.docks if WATER in dock.offers), machine.docks[0])
        ways_s = machine.detours.home_s(places, dock) + machine.detours.back_s(places, dock)
        led = ways_s[np.isfinite(ways_s)]
        return machine.supplies.service_s + (float(np.quantile(led, _NEAR)) if len(led) else 0.0)

    def working(self, lanes: Sequence[Floats], robots: Sequence[Starter]) -> Floats:
        """(robots,) which part of its time each robot works when they share lanes (map frame) out, 1 for the greatest one."""
        if not any(robot.name in self._machines for robot in robots) or not lanes:
            return np.ones(len(robots))
        share = np.array([robot.profile.speed_mps for robot in robots])
        on_m, begins = sum(map(length_m, lanes)), np.array([lane[0] for lane in lanes])
        part = np.ones(len(robots))
        for _ in range(_TRIES):
            each_m = on_m * share * part / (share * part).sum()
            busy_s = [
                self._busy_s(robot, metres, begins) for robot, metres in zip(robots, each_m.tolist(), strict=True)
            ]
            part = each_m / share / np.array(busy_s)
        return np.asarray(part / part.max())

    def _busy_s(self, robot: Starter, metres: float, places: Floats) -> float:
        """About how long a robot takes for so many metres of lanes among places (n, 2), visits and all."""
        seconds, machine = metres / robot.profile.speed_mps, self._machines.get(robot.name)
        if machine is None or not machine.docks:
            return seconds
        supplies, dock = machine.supplies, machine.docks[0]
        ways_s = machine.detours.home_s(places, dock) + machine.detours.back_s(places, dock)
        detour_s = float(ways_s[np.isfinite(ways_s)].mean()) if np.isfinite(ways_s).any() else 0.0
        fills = metres * robot.profile.head.width_m / supplies.tank_m2
        charge = supplies.use(seconds, True)
        charges = charge / (1.0 - supplies.reserve)
        visits = max(max(0.0, fills - 0.5) if fills > 1.0 else 0.0, max(0.0, charges - 0.5) if charges > 1.0 else 0.0)
        water_s = visits * supplies.service_s
        return (
            seconds + visits * detour_s + max(water_s, max(0.0, charge - 1.0 + supplies.reserve) * supplies.charging_s)
        )

    def _planned(
        self, machine: Machine, legs: list[Leg], spare: float, most: int, shut: Collection[int] = ()
    ) -> tuple[Breaks, Schedule] | None:
        """The visits of a tour, none at places that are `shut`; where they must, they spare nothing."""
        breaks = Breaks.of(legs, most)
        stations = machine.stations(breaks)
        for station in stations:
            station.home_s[list(shut)] = math.inf
        for step in (spare, 0.0):
            tour = breaks.tour(legs, machine.supplies, machine.robot.profile.head.width_m, step)
            found = best_visits(tour, stations, machine.supplies, machine.start)
            if found is not None:
                return breaks, found
        return None

    def _lasts(self, machine: Machine, legs: list[Leg], spare: float) -> bool:
        """Whether a tour needs no visit, the spare share of the battery included."""
        width_m, start = machine.robot.profile.head.width_m, machine.start
        found = worst_levels(legs, machine.supplies, width_m, start)
        least = start.battery - (start.battery - found.battery) * (1.0 + spare)
        return found.scrubbed_m2 <= machine.supplies.tank_m2 and least >= machine.supplies.reserve

    def _lack(self, path: CoveragePath) -> float:
        machine = self._machines.get(path.robot)
        return 0.0 if machine is None or not path.legs else machine.lack(path.legs)

    def _machine(self, robot: Starter) -> Machine:
        supplies = Supplies.of(robot.profile)
        docks, detours = self._docks_for(robot, supplies.needs), self._detours(robot)
        scrubbed = (1.0 - robot.water) * supplies.tank_m2 if supplies.has_tank else 0.0
        level = robot.battery if robot.docked else max(robot.battery, _least_level(robot, supplies, docks, detours))
        return Machine(robot, supplies, Levels(level, scrubbed), docks, detours)

    def _docks_for(self, robot: Starter, needs: tuple[str, ...]) -> tuple[Dock, ...]:
        """The docks where a robot finds what it needs, its own one first."""
        own = robot.dock
        found = [own] if own is not None and any(word in own.offers for word in needs) else []
        others = {one.dock.name for one in self._request.robots if one.dock is not None and one is not robot}
        docks = [dock for dock in self._request.floor.docks if dock != own and self._stands(robot, dock)]
        for more in ([d for d in docks if d.name not in others], [d for d in docks if d.name in others]):
            missing = [word for word in needs if not any(word in dock.offers for dock in found)]
            found += [dock for dock in more if any(word in dock.offers for word in missing)]
        return tuple(found)

    def _stands(self, robot: Starter, dock: Dock) -> bool:
        """Whether a dock that is not its own has room for a robot, and before it for one that turns anywhere, and is not closed."""
        if not robot.profile.is_steered and not has_room(robot.profile, dock.staging, self._clearances.of(robot)):
            return False
        grid, place = self._request.floor.grid, Point(dock.pose.x_m, dock.pose.y_m)
        if any(polygon.intersects(place) for polygon in self._request.closed):
            return False
        body = robot.profile.footprint.at(dock.pose)
        return bool(grid.contains((dock.pose.x_m, dock.pose.y_m))[0]) and not bool(
            (grid.centres_inside(body) & ~grid.free).any()
        )

    def _routed(self, robot: Starter) -> Detours:
        """Ways over the floor, common to robots of one kind with the same rights."""
        key = robot.profile, self._request.floor.barred_to(robot.name, robot.profile)
        if key not in self._routers and robot.profile.is_steered:
            clearance = self._clearances.of(robot)
            terrain = Terrain.of(self._request.floor, robot.profile, clearance=clearance)
            self._routers[key] = SteeredDetours(self._request.floor.grid, robot.profile, terrain)
        elif key not in self._routers:
            router = Router(self._request.floor, robot.profile, clearance=self._clearances.of(robot))
            homes = [(r.dock, r.profile.footprint.circumscribed_m) for r in self._request.robots if r.dock is not None]
            self._routers[key] = RoutedDetours(router, homes)
        return self._routers[key]

    def _fault(self, machine: Machine, legs: list[Leg]) -> Fault:
        place, supplies = f"robot {machine.robot.name}", machine.supplies
        tour = Breaks.of(legs, self._most).tour(legs, supplies, machine.robot.profile.head.width_m, 0.0)
        scrubbed = np.concatenate(([0.0], tour.leave.scrubbed_m2, tour.whole.scrubbed_m2))
        between_m2 = float(np.diff(scrubbed).max())
        if supplies.tank_m2 < between_m2:
            what = f"its tank lasts for {supplies.tank_m2:.1f} m², but its tour can be broken off only each {between_m2:.1f} m²"
            return Fault("request", place, what, "Give its profile a larger tank.area_m2, or a narrower head.")
        needs = " and ".join({CHARGE: "charge", WATER: "water"}[word] for word in supplies.needs)
        what = f"its tank or its battery does not last for its way to its lanes and to a dock that offers {needs}"
        remedy = "Give its profile a larger tank or battery, or let a dock nearer to its floor offer what it needs."
        return Fault("request", place, what, remedy)


def _least_level(robot: Starter, supplies: Supplies, docks: Sequence[Dock], detours: Detours) -> float:
    """What a battery is taken to hold at least: as much as leads the robot to a dock. With less it should have gone before."""
    charging = [dock for dock in docks if CHARGE in dock.offers] if supplies.has_battery else []
    here = np.array([[robot.pose.x_m, robot.pose.y_m]])
    nearest_s = min((float(detours.home_s(here, dock)[0]) for dock in charging), default=math.inf)
    return min(1.0, supplies.reserve + supplies.use(nearest_s, False) + _MORE) if math.isfinite(nearest_s) else 0.0
