"""Which robots are at which docks when, and fleets that share a dock for services: no two of them may be at it at one time.

Where waits do not see to that, or robots queue for longer than they work, those that are guests at the dock stay on their own
ones, the last one first, and the rest of the fleet does their work.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from robot_fleet.floor.faults import Fault
from robot_fleet.planning.apart import Apart, makespan_s
from robot_fleet.planning.plan import CannotPlan, CoveragePath, LateZone, LegKind, PlanRequest, Starter

Made = tuple[Apart, tuple[LateZone, ...]]

# Docks that are nearer to each other are one (metres).
_SAME_M = 0.3
# Robots that are done so many times as late as the busiest one would be without its waits queue.
_QUEUE = 1.3
# Of plans that clean at least so large a share of what the best of them does, the one that is done first is taken.
_AS_CLEAN = 0.98
_STILL_M = 1e-6


class Stay(NamedTuple):
    """A robot at a dock (x, y), from when it drives in until it is out again (seconds), and whether it is serviced there."""

    place: tuple[float, float]
    begin_s: float
    end_s: float
    serviced: bool


def stays_of(path: CoveragePath, robot: Starter) -> list[Stay]:
    """A robot's stays at docks: before it leaves, for services, and at the end."""
    found, serviced = list[Stay](), False
    place, begin_s = ((robot.pose.x_m, robot.pose.y_m), -math.inf) if robot.docked else (None, 0.0)
    for leg in path.legs:
        serviced |= leg.kind is LegKind.SERVICE
        if leg.kind is LegKind.UNDOCK and place is not None:
            found.append(Stay(place, begin_s, float(leg.times_s[-1]), serviced))
            place, serviced = None, False
        elif leg.kind is LegKind.DOCK:
            place, begin_s = (float(leg.points[-1, 0]), float(leg.points[-1, 1])), float(leg.times_s[0])
    return [*found, Stay(place, begin_s, math.inf, serviced)] if place is not None else found


def crowded(paths: Sequence[CoveragePath], robots: Sequence[Starter]) -> list[tuple[Starter, Starter, Stay]]:
    """The pairs of robots that are at one dock at one time, where one of them is serviced, with that stay."""
    stays = {path.robot: stays_of(path, robot) for path, robot in _of(paths, robots)}
    return [
        (one, other, a if a.serviced else b)
        for one, other in itertools.combinations(robots, 2)
        for a, b in itertools.product(stays[one.name], stays[other.name])
        if math.dist(a.place, b.place) < _SAME_M and a.begin_s < b.end_s and b.begin_s < a.end_s
        if a.serviced or b.serviced
    ]


def may_share(request: PlanRequest, served_at: Callable[[Starter], Sequence[str]]) -> bool:
    """Whether some robot may be serviced at a dock at which another is at home, or is serviced."""
    at = [{*served_at(robot)} for robot in request.robots]
    homes = [{robot.dock.name} if robot.dock is not None else set[str]() for robot in request.robots]
    pairs = itertools.permutations(range(len(at)), 2)
    return any(at[one] & (at[other] | homes[other]) for one, other in pairs)


def shared_in_turn(
    request: PlanRequest, made: Made, without: Callable[[Sequence[Starter]], Made], cleans: Callable[[Made], float]
) -> Made:
    """What was made, or what is better: `without` some robots, where two would be at one dock or robots queue at one.

    `cleans` says how much floor that is. Raises CannotPlan where robots begin on their docks, and two would be at one dock whoever
    stays at home.
    """
    found, last = [made], made
    idle = [robot for path, robot in _of(made[0].paths, request.robots) if not path.legs]
    while _queue(last[0], request.robots) and (guest := _last_guest(last[0], request.robots)) is not None:
        idle = [robot for robot in request.robots if robot in idle or robot is guest]
        try:
            last = without(idle)
        except CannotPlan:
            break
        found.append(last)
    sound = [one for one in found if not crowded(one[0].paths, request.robots)]
    if not sound and not all(robot.docked for robot in request.robots):
        # Robots that are at work already must get home somehow: live traffic lets one wait for the other.
        return min(found, key=lambda one: one[0].cost)
    if not sound:
        raise CannotPlan((_fault(request, *crowded(made[0].paths, request.robots)[0]),))
    most = max(map(cleans, sound))
    return min((one for one in sound if cleans(one) >= _AS_CLEAN * most), key=lambda one: one[0].cost)


def _queue(apart: Apart, robots: Sequence[Starter]) -> bool:
    """Whether robots meet at docks, or wait for each other much."""
    busy_s = max((path.finish_s - _waits_s(path) for path in apart.paths), default=0.0)
    return makespan_s(apart.paths) > _QUEUE * busy_s or bool(crowded(apart.paths, robots))


def _waits_s(path: CoveragePath) -> float:
    """For how many seconds a robot stands still on its way, services left out."""
    legs = [leg for leg in path.legs if leg.kind is not LegKind.SERVICE]
    still = [np.hypot(*np.diff(leg.points, axis=0).T) < _STILL_M for leg in legs]
    return float(sum(np.diff(leg.times_s)[here].sum() for leg, here in zip(legs, still, strict=True)))


def _last_guest(apart: Apart, robots: Sequence[Starter]) -> Starter | None:
    """The last of the robots that stand in their docks at first and are serviced at one where another stays as well."""
    stays = {path.robot: stays_of(path, robot) for path, robot in _of(apart.paths, robots)}
    found = None
    for robot in robots if sum(bool(path.legs) for path in apart.paths) > 1 else ():
        others = [stay.place for name, each in stays.items() if name != robot.name for stay in each]
        away = [stay.place for stay in stays[robot.name] if stay.serviced and not _is_home(stay, robot)]
        if robot.docked and any(math.dist(place, other) < _SAME_M for place in away for other in others):
            found = robot
    return found


def _is_home(stay: Stay, robot: Starter) -> bool:
    return robot.dock is not None and math.dist(stay.place, (robot.dock.pose.x_m, robot.dock.pose.y_m)) < _SAME_M


def _of(paths: Sequence[CoveragePath], robots: Sequence[Starter]) -> Iterator[tuple[CoveragePath, Starter]]:
    return zip(paths, robots, strict=True)


def _fault(request: PlanRequest, one: Starter, other: Starter, stay: Stay) -> Fault:
    docks = request.floor.docks
    dock = min(docks, key=lambda dock: math.dist(stay.place, (dock.pose.x_m, dock.pose.y_m)))
    what = f"robots {one.name} and {other.name} both need it, and no waits were found with which they are not there at one time"
    return Fault("request", f"dock {dock.name}", what, "Let another dock offer what they need, or send fewer robots.")
