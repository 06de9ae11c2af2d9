"""Plans a cleaning run: lanes over the requested floor, shared out among the robots, with times.

Robots of different shapes share lanes that the widest robot can drive and the narrowest head can clean, unless floor is
lost by it; robots that must be steered have passes of their own (`steering`). Zones that a robot may not enter are closed
for it: robots with other rights are crews of their own. Zones of different priority are cleaned one after the other.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from types import MappingProxyType

import numpy as np

from robot_fleet.floor.faults import Fault
from robot_fleet.floor.reach import KnownReach, first_free_cell, reachable
from robot_fleet.planning.accounting import missed_areas
from robot_fleet.planning.apart import PATIENCE_S, Apart
from robot_fleet.planning.checking import can_leave, faults_of
from robot_fleet.planning.crew import Clearances, Crew, crews, taking_over, under_steered
from robot_fleet.planning.docking import may_share, shared_in_turn
from robot_fleet.planning.evening import evened
from robot_fleet.planning.manning import Keep, Kept, manned
from robot_fleet.planning.pivots import mark_pivots
from robot_fleet.planning.plan import (
    CannotPlan,
    CannotServe,
    CoveragePath,
    LateZone,
    Leg,
    Plan,
    PlanRequest,
    Progress,
    Starter,
)
from robot_fleet.planning.puddles import left_wet_m2
from robot_fleet.planning.services import Services
from robot_fleet.planning.smoothing import polish_s, smoothed_together, with_common_floor
from robot_fleet.planning.stages import Ranks, in_time, staged
from robot_fleet.planning.steering.leading import Led, as_discs, led
from robot_fleet.planning.sweeping import mark_swept
from robot_fleet.planning.terrain import Bools
from robot_fleet.planning.timing import timed
from robot_fleet.planning.water import watered, with_places

# The share of the time until a plan is due that may be spent on keeping robots apart.
_APART = 0.15
# The share of the usual effort with which it is looked at whether fewer robots would be better.
_LOOK = 0.1
# The share of the time in which crews with common floor are polished together.
_TOGETHER = 0.3
# The share of the usual polish with which robots that wait are evened out.
_EVENED = 0.5
# So much floor others leave to a robot that only stands there, beside what they keep from everything.
_BESIDE_M = 0.1
# Plans that are due sooner are made once.
_ROOMY_S = 10.0
# Where robots meet all the same other plans are tried for so long at most, or for such a share of the time until the plan is
# due, each of which takes a second for so much floor; so many at most.
_TRIED_S, _TRIED, _TRIED_M2_PER_S, _MOST_TRIES = 16.0, 0.5, 200.0, 16


def plan(request: PlanRequest, progress: Progress | None = None) -> Plan:
    """The plan for a request; the same request gives the same plan. Raises CannotPlan with every fault.

    `progress` hears the share done and the present step. A robot whose tank or battery no docks serve on its tour stays where
    it is, and the others have its lanes, unless it is the last one.
    """
    tell, unserved, served = progress or _silent, dict[str, Fault](), request
    while True:
        try:
            return replace(_plan(served, tell, request), unserved=tuple(unserved.items()))
        except CannotServe as lacking:
            unserved |= lacking.lacking
            if len(unserved) == len(request.robots):
                raise CannotPlan(tuple(unserved.values())) from lacking
            served = _without(replace(request, deadline_s=served.deadline_s), unserved)
        except CannotPlan as more:
            raise CannotPlan((*unserved.values(), *more.faults)) from more


def _without(request: PlanRequest, names: Collection[str]) -> PlanRequest:
    """The request without robots that only stand there or go home; what time has been spent is not there any more."""
    idle = [robot for robot in request.robots if robot.name in names]
    others = tuple(robot for robot in request.robots if robot not in idle)
    places = [(robot, robot.pose if robot.dock is None else robot.dock.pose) for robot in idle]
    bodies = tuple(robot.profile.footprint.at(place).buffer(_BESIDE_M) for robot, place in places)
    half_s = None if request.deadline_s is None else request.deadline_s / 2.0
    return replace(request, robots=others, closed=(*request.closed, *bodies), deadline_s=half_s)


def _plan(request: PlanRequest, tell: Progress, whole: PlanRequest) -> Plan:
    """The plan for the robots of a request, accounted for as that for the whole one, which may have more robots.

    Raises CannotServe for those that cannot be served.
    """
    tell(0.0, "looking at the floor")
    faults = faults_of(request)
    if faults:
        raise CannotPlan(faults)
    clearances = Clearances(request)
    past = _past_closed(request, clearances)
    requested = request.floor.requested(request.zones)
    teams, coverable = crews(past, requested, clearances)
    faults = faults_of(past, clearances.of, coverable)
    if faults:
        raise CannotPlan(faults)
    apart, late = _shared(past, teams, clearances, tell)
    tell(0.95, "adding up the account")
    paths = _watered(past, apart.paths)
    if request is not whole:
        clearances = Clearances(whole)
        past = _past_closed(whole, clearances)
        _, coverable = crews(past, requested, clearances)
    account = _accounted(past, paths, requested, coverable, clearances)
    found = replace(account, late=late, meetings=apart.meeting, water_left_m2=_left_wet_m2(past, paths))
    tell(1.0, "planned")
    return found


def _shared(
    request: PlanRequest, teams: Sequence[Crew], clearances: Clearances, tell: Progress
) -> tuple[Apart, tuple[LateZone, ...]]:
    """The paths of all robots, kept apart, and the zones that are late; robots that share docks are there in turn."""
    if not may_share(request, Services(request, clearances).served_at):
        return _tried_round(request, teams, clearances, tell)
    # The other half is for plans with fewer robots.
    half = request if request.deadline_s is None else replace(request, deadline_s=request.deadline_s / 2.0)
    made = _tried_round(half, teams, clearances, tell)
    requested = request.floor.requested(request.zones)
    return shared_in_turn(
        request, made, lambda idle: _round(half, idle, tell),
        lambda one: float((_swept(request, one[0].paths) & requested).sum()),
    )  # fmt: skip


def _tried_round(
    request: PlanRequest, teams: Sequence[Crew], clearances: Clearances, tell: Progress
) -> tuple[Apart, tuple[LateZone, ...]]:
    """The same without a look at docks: where robots without work are in the way, the others go round them."""
    apart, late = _tried(request, teams, clearances, tell)
    at_work = {path.robot for path in apart.paths if path.legs}
    idle = [robot for robot in request.robots if robot.name not in at_work]
    if apart.meeting and 0 < len(idle) < len(request.robots) and any(robot.profile.is_steered for robot in idle):
        # Tanks may not last for the ways round them.
        with suppress(CannotServe):
            apart, late = _round(request, idle, tell)
    return apart, late


def _tried(
    request: PlanRequest, teams: Sequence[Crew], clearances: Clearances, tell: Progress
) -> tuple[Apart, tuple[LateZone, ...]]:
    """The paths of all robots, kept apart, and the zones that are late.

    Polygons that turn on the spot are steered, which takes them along narrow aisles, and tried as discs, which turn with the
    head down and lose no floor to lanes that are too short: what cleans more is taken.
    """
    known, half_s = as_discs(request, clearances), None if request.deadline_s is None else request.deadline_s / 2.0
    discs = {name: one.robot for name, one in known.items()}
    begun = replace(request, robots=tuple(discs.get(robot.name, robot) for robot in request.robots), deadline_s=half_s)
    requested = request.floor.requested(request.zones)
    disc_teams, coverable = crews(begun, requested, clearances) if known else ([], None)
    if coverable is None or faults_of(begun) or faults_of(begun, clearances.of, coverable):
        return _searched(request, teams, clearances, tell)
    # What is planned from where robots are led to is kept apart from where they are.
    poses = {robot.name: robot.pose for robot in request.robots}
    round_robots = tuple(replace(robot, pose=poses[robot.name]) for robot in begun.robots)
    found, lacking = list[tuple[Apart, tuple[LateZone, ...]]](), list[CannotServe]()
    for kind, of_kind, begin, leads in (
        (replace(request, deadline_s=half_s), teams, 0.0, {}),
        (replace(begun, robots=round_robots), disc_teams, 0.5, known),
    ):
        try:
            found.append(_searched(kind, of_kind, clearances, _part(tell, begin, 0.5), leads))
        except CannotServe as one:
            lacking.append(one)
    if not found:
        raise lacking[0]
    return max(reversed(found), key=lambda one: int((_swept(request, one[0].paths) & requested).sum()))


def _searched(
    request: PlanRequest, teams: Sequence[Crew], clearances: Clearances, tell: Progress,
    leads: Mapping[str, Led] = MappingProxyType({}),
) -> tuple[Apart, tuple[LateZone, ...]]:  # fmt: skip
    """The paths of all robots, kept apart, and the zones that are late; crews have those that are led where that is to."""
    services = Services(request, clearances)
    patience_s, tries = PATIENCE_S * len(request.robots), _tries(request, teams)
    if request.deadline_s is not None:
        patience_s = min(patience_s, request.deadline_s * _APART)

    def driven(ranks: Ranks) -> Apart:
        crews_driven = partial(_driven, request, ranks, tell, services, leads)
        # What is cleaned in an order, or leads through one-way floor, is not turned round.
        either_way = len({*ranks.values()}) == 1 and not request.floor.one_ways
        if request.deadline_s is not None and request.deadline_s < _ROOMY_S:
            return manned(
                teams, request.robots, crews_driven, patience_s, request.seed, either_way, look=1.0, looks=0,
                kept=partial(_placed, request, services.kept), tries=tries,
            )  # fmt: skip
        # With a deadline no plan takes long.
        look = 1.0
        kept: Kept = partial(_placed, request, services.kept)
        if request.deadline_s is None:
            look = _LOOK
            begun = any(one.legs for one in leads.values())
            if len({*ranks.values()}) == 1 and not begun and all(crew.poses is None for crew in teams):
                kept = evened(kept, partial(_polished_again, request, teams, tell))
        return manned(
            teams, request.robots, crews_driven, patience_s, request.seed, either_way, look, kept=kept, tries=tries
        )

    return in_time(request, driven)


def _tries(request: PlanRequest, teams: Sequence[Crew]) -> int:
    """How many other plans there is time for, each made with little effort."""
    time_s = _TRIED_S if request.deadline_s is None else min(_TRIED_S, _TRIED * request.deadline_s)
    floor_m2 = sum(float(crew.wanted.sum()) for crew in teams) * request.floor.grid.cell_area_m2
    return min(_MOST_TRIES, int(time_s * _TRIED_M2_PER_S / max(1.0, floor_m2)))


def _polished_again(
    request: PlanRequest, teams: Sequence[Crew], tell: Progress, paths: list[CoveragePath], later_s: Mapping[str, float],
    turn: int,
) -> list[CoveragePath]:  # fmt: skip
    """The paths polished when robots are `later_s` than they say."""

    def heard(share: float) -> None:
        tell(0.9 + 0.05 * share, "evening out what robots wait")

    known = {path.robot: path for path in paths if path.legs}
    seeded = replace(request, seed=request.seed + 1 + turn)
    known |= smoothed_together(seeded, teams, known, heard, _EVENED, later_s)
    return [known.get(path.robot, path) for path in paths]


def _round(request: PlanRequest, idle: Sequence[Starter], tell: Progress) -> tuple[Apart, tuple[LateZone, ...]]:
    """The same where some robots have no work, for which the others go round them."""
    bodies = tuple(robot.profile.footprint.at(robot.pose) for robot in idle)
    others = tuple(robot for robot in request.robots if robot not in idle)
    rest = replace(request, robots=others, closed=request.closed + bodies)
    clearances = Clearances(rest)
    teams, _ = crews(rest, rest.floor.requested(rest.zones), clearances)
    apart, late = _tried(rest, teams, clearances, tell)
    known = {path.robot: path for path in apart.paths}
    paths = [known.get(robot.name, CoveragePath(robot.name, ())) for robot in request.robots]
    return replace(apart, paths=paths), late


def _past_closed(request: PlanRequest, clearances: Clearances) -> PlanRequest:
    """The request without docks that closed floor shuts off, and without the robots that it shuts in, if others are left.

    A robot whose dock is shut off cleans what it can and ends where it is done.
    """
    if not request.closed:
        return request
    robots = []
    for robot in request.robots:
        if _is_shut_in(request, robot, clearances):
            continue
        shut = robot.dock is not None and not _gets_home(request, robot, clearances)
        if not shut:
            robots.append(robot)
        elif not robot.docked:
            robots.append(replace(robot, dock=None))
    return replace(request, robots=tuple(robots)) if robots else request


def _is_shut_in(request: PlanRequest, robot: Starter, clearances: Clearances) -> bool:
    """Whether closed floor leaves the robot no place near it at which a plan could begin."""
    if robot.docked or not robot.pose.is_finite() or can_leave(robot, robot.pose, clearances.of(robot)):
        return False
    return can_leave(robot, robot.pose, Clearances(replace(request, closed=())).of(robot))


def _gets_home(request: PlanRequest, robot: Starter, clearances: Clearances) -> bool:
    """Whether a way leads the robot from where it is to the place before its dock."""
    assert robot.dock is not None
    clearance = clearances.of(robot)
    begin = robot.dock.staging if robot.docked else robot.pose
    reach = reachable(request.floor, robot.profile, begin, clearance)
    return bool(reach.any()) and first_free_cell(clearance, reach, robot.dock.staging) is not None


def _driven(
    request: PlanRequest,
    ranks: Ranks,
    tell: Progress,
    services: Services,
    leads: Mapping[str, Led],
    teams: Sequence[Crew],
    effort: float,
    seed: int,
) -> list[CoveragePath]:
    """The path of each robot of the request, empty for those without work.

    Crews plan without each other, those that must be steered first; then those with common floor are polished together,
    but where zones have an order.
    """
    paths: dict[str, CoveragePath] = {}
    request = replace(request, seed=seed)
    common = with_common_floor(teams) if len({*ranks.values()}) == 1 else []
    last = _TOGETHER if common else 0.0
    # Where nothing is worth a visit there are no crews.
    share = 0.85 * (1.0 - last) / max(1, len(teams))
    alone = request
    if request.deadline_s is not None:
        alone = replace(request, deadline_s=request.deadline_s * (1.0 - last) / max(1, len(teams)))
    teams = sorted(teams, key=lambda crew: crew.poses is None)
    steered = sum(crew.poses is not None for crew in teams)
    for k, crew in enumerate(teams[:steered]):
        paths.update(staged(alone, crew, ranks, _part(tell, 0.05 + k * share, share), services, effort))
    rest = teams[steered:]
    if steered and rest:
        # Robots that turn anywhere clean what is left between the lanes of those that do not.
        rest = taking_over(rest, _swept(request, list(paths.values())))
        common = [crew for crew in rest if crew.robots in [one.robots for one in common]]
    for k, crew in enumerate(rest, start=steered):
        paths.update(staged(alone, crew, ranks, _part(tell, 0.05 + k * share, share), services, effort))
    if common:
        if request.deadline_s is not None:
            floor_m2 = sum(float(crew.wanted.sum()) for crew in common) * request.floor.grid.cell_area_m2
            effort = min(effort, last * request.deadline_s / polish_s(floor_m2))
        heard = _part(tell, 0.9 - 0.85 * last, 0.85 * last)
        paths.update(smoothed_together(request, common, paths, partial(_heard, heard), effort))
    tell(0.9, "keeping robots apart")
    return led(request, leads, [paths.get(robot.name, CoveragePath(robot.name, ())) for robot in request.robots])


def _placed(
    request: PlanRequest, kept: Kept, paths: list[CoveragePath], keep: Keep
) -> tuple[list[CoveragePath], Apart]:
    """The paths as they are kept otherwise, with vertices where solution and vacuum stop on the lanes that visits cut."""
    robots = {robot.name: robot for robot in request.robots}

    def place(path: CoveragePath) -> CoveragePath:
        robot = robots[path.robot]
        if robot.profile.squeegee is None or not path.legs:
            return path
        legs, begin_s = with_places(path.legs, robot.profile), float(path.legs[0].times_s[0])
        return replace(path, legs=tuple(timed(legs, robot.profile, robot.pose, begin_s)))

    return kept(paths, lambda served: keep([*map(place, served)]))


def _accounted(
    request: PlanRequest, paths: list[CoveragePath], requested: Bools, coverable: Bools, clearances: Clearances
) -> Plan:
    """The plan with its figures; floor that was clean already is neither requested nor missed."""
    clean = request.cleaned if request.cleaned is not None else np.zeros_like(requested)
    cell = request.floor.grid.cell_area_m2
    swept = _swept(request, paths)
    rate = sum(robot.profile.head.width_m * robot.profile.speed_mps for robot in request.robots)
    known = KnownReach(
        clearances.unbarred, coverable, clearances.barred, clearances.severed, clearances.beyond,
        partial(under_steered, request), clearances.stuck(request.floor.grid),
    )  # fmt: skip
    coverable_m2 = float((coverable & ~clean).sum() * cell)
    return Plan(
        floor=request.floor.name,
        zones=request.zones,
        paths=tuple(path for path in paths if path.legs),
        missed=missed_areas(request, swept | clean, known),
        requested_m2=float((requested & ~clean).sum() * cell),
        coverable_m2=coverable_m2,
        planned_m2=float((swept & requested & ~clean).sum() * cell),
        bound_s=coverable_m2 / rate,
    )


def _watered(request: PlanRequest, paths: list[CoveragePath]) -> list[CoveragePath]:
    """The paths with what of the heads works when."""
    profiles = {robot.name: robot.profile for robot in request.robots}
    return [replace(path, legs=tuple(watered(path.legs, profiles[path.robot]))) for path in paths]


def _left_wet_m2(request: PlanRequest, paths: list[CoveragePath]) -> float:
    profiles = {robot.name: robot.profile for robot in request.robots}
    return left_wet_m2(request.floor.grid, [(path.legs, profiles[path.robot]) for path in paths])


def _swept(request: PlanRequest, paths: list[CoveragePath]) -> Bools:
    """Mask (rows, cols) of the cells under the heads along all cleaning legs."""
    mask = np.zeros(request.floor.grid.shape, dtype=bool)
    grid = request.floor.grid
    heads = {robot.name: robot.profile.head for robot in request.robots}
    for path in paths:
        before: Leg | None = None
        for leg in path.legs:
            if leg.head_on:
                points = grid.from_map(leg.points)
                mark_swept(mask, points, heads[path.robot], grid.resolution_m)
                if before is not None:
                    # With its last move the leg before tells how the robot comes to this one.
                    points = np.concatenate((grid.from_map(before.points[-2:-1]), points))
                mark_pivots(mask, points, heads[path.robot], grid.resolution_m)
            before = leg if leg.head_on else None
    return mask


def _heard(tell: Progress, share: float) -> None:
    tell(share, "polishing the paths of all crews")


def _silent(_share: float, _step: str) -> None:
    """Hears no progress."""


def _part(tell: Progress, begin: float, share: float) -> Progress:
    return lambda done, step: tell(begin + share * done, step)
