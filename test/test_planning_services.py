"""Tours with visits to docks: tanks and batteries last, nothing is left out, and nobody shares a dock.

What is looked at here is worked out from the legs alone, without any code of the planner.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from shapely import LineString, Polygon, box, union_all

from robot_fleet.floor.grid import OccupancyGrid
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.profile import REFERENCE_R, WORKING_W, Battery, RobotProfile, Tank
from robot_fleet.floor.store import Dock, FloorMap, OneWay, Zone
from robot_fleet.planning import manning, planner
from robot_fleet.planning.apart import Apart, Tours, kept_apart
from robot_fleet.planning.crew import Clearances
from robot_fleet.planning.plan import CannotPlan, CoveragePath, Leg, LegKind, MissedReason, PlanRequest, Starter
from robot_fleet.planning.planner import plan
from robot_fleet.planning.services import Services
from robot_fleet.planning.timing import timed

MANY = settings(max_examples=120, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
FEW = settings(max_examples=6, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
WIDE_M, DEEP_M, SIDE_M = 14.0, 9.0, 0.1
HALF_TURN = math.pi
SOON_S = 2.0


def hall(offers: Sequence[tuple[str, ...]] = (("charge", "water"),) * 3, pillar: bool = True) -> FloorMap:
    """A hall with a shelf in its middle, and docks along its left wall."""
    cells = np.full((round(DEEP_M / SIDE_M), round(WIDE_M / SIDE_M)), 100, dtype=np.int8)
    cells[1:-1, 1:-1] = 0
    if pillar:
        cells[42:50, 50:90] = 100
    docks = tuple(Dock(f"dock_{k}", Pose(0.6, 1.2 + 2.2 * k, HALF_TURN), 0.7, each) for k, each in enumerate(offers))
    return FloorMap(
        "hall", OccupancyGrid(cells, SIDE_M, Pose(0, 0)), (Zone("hall", box(0, 0, WIDE_M, DEEP_M)),), (), docks
    )


def starter(floor: FloorMap, profile: RobotProfile, k: int = 0, **levels: float) -> Starter:
    dock = floor.docks[k]
    return Starter(f"r{k}", profile, dock.pose, True, dock, **levels)


def tour(robot: Starter, rows: Sequence[float]) -> CoveragePath:
    """Lanes to and fro at these heights, above or below the shelf, from the robot's dock and back to it."""
    assert robot.dock is not None
    home, out = ((pose.x_m, pose.y_m) for pose in (robot.dock.pose, robot.dock.staging))
    legs, here = [Leg("p-r-0", LegKind.UNDOCK, np.array([home, out]), np.zeros(2), reverse=True)], out
    for k, y in enumerate(rows):
        begin, end = (2.0, 12.0)[:: -1 if k % 2 else 1]
        legs.append(Leg(f"p-r-{len(legs)}", LegKind.TRANSIT, np.array([here, (begin, y)]), np.zeros(2)))
        lane = np.array([(begin, y), (7.0, y), (end, y)] if k % 3 else [(begin, y), (end, y)])
        legs.append(Leg(f"p-r-{len(legs)}", LegKind.CLEAN, lane, np.zeros(len(lane)), "hall"))
        here = (end, y)
    back = np.array([here, (1.6, here[1]), out])
    legs.append(Leg(f"p-r-{len(legs)}", LegKind.TRANSIT, back, np.zeros(3)))
    legs.append(Leg(f"p-r-{len(legs)}", LegKind.DOCK, np.array([out, home]), np.zeros(2)))
    return CoveragePath(robot.name, tuple(timed(legs, robot.profile, robot.pose)))


def machine(
    tank_m2: float | None, minutes: float | None, reserve: float = 0.15, base: RobotProfile = WORKING_W
) -> RobotProfile:
    """A machine whose battery lasts for so many minutes of cleaning, and for twice as many of driving."""
    hours = None if minutes is None else minutes / 60.0
    battery = Battery() if hours is None else Battery(hours, 2 * hours, 9.0, 0.6 * hours, reserve, planned=True)
    return replace(base, tank=Tank(tank_m2, 45.0), battery=battery)


def docked(leg: Leg, floor: FloorMap) -> Dock:
    """The dock in which a leg stays."""
    return next(d for d in floor.docks if math.dist(leg.points[0], (d.pose.x_m, d.pose.y_m)) < 1e-6)


def is_supplied(path: CoveragePath, robot: Starter, floor: FloorMap) -> None:
    """Tank and battery last; docks offer what is taken there."""
    profile, tank, battery = robot.profile, robot.profile.tank, robot.profile.battery
    level, scrubbed = robot.battery, (1.0 - robot.water) * (tank.area_m2 or 0.0)
    for leg in path.legs:
        seconds = leg.times_s[-1] - leg.times_s[0]
        if leg.kind is LegKind.SERVICE:
            assert (np.abs(np.diff(leg.points, axis=0)) < 1e-9).all()
            offers = docked(leg, floor).offers
            assert offers
            filled = tank.area_m2 is not None and "water" in offers and seconds >= tank.service_s - 1e-6
            charged = battery.planned and "charge" in offers
            assert (filled or charged) and seconds > 0.0
            scrubbed = 0.0 if filled else scrubbed
            level = min(1.0, level + seconds / 3600.0 / battery.charging_h) if charged else level
            continue
        on = leg.kind is LegKind.CLEAN
        scrubbed += profile.head.width_m * float(np.hypot(*np.diff(leg.points, axis=0).T).sum()) if on else 0.0
        level -= seconds / 3600.0 / (battery.cleaning_h if on else battery.driving_h) if battery.planned else 0.0
        assert tank.area_m2 is None or scrubbed <= tank.area_m2 + 1e-6
        assert not battery.planned or level >= battery.reserve - 1e-6


def is_joined(path: CoveragePath, floor: FloorMap) -> None:
    """Each leg begins where and when the one before ended; services are between docking and undocking there."""
    assert len({leg.leg_id for leg in path.legs}) == len(path.legs)
    for before, after in itertools.pairwise(path.legs):
        assert np.allclose(before.points[-1], after.points[0], atol=1e-9)
        assert before.times_s[-1] == pytest.approx(after.times_s[0])
    for k, leg in enumerate(path.legs):
        assert len(leg.points) >= 2 and (np.diff(leg.times_s) >= -1e-9).all()
        if leg.kind is LegKind.SERVICE:
            kinds = [other.kind for other in path.legs[max(0, k - 1) : k + 2]]
            assert kinds[-2:] == [LegKind.SERVICE, LegKind.UNDOCK]
            assert k == 0 or kinds[0] is LegKind.DOCK
            assert path.legs[k + 1].reverse
        if leg.kind in (LegKind.DOCK, LegKind.UNDOCK):
            inside = leg.points[-1 if leg.kind is LegKind.DOCK else 0]
            assert any(math.dist(inside, (d.pose.x_m, d.pose.y_m)) < 1e-6 for d in floor.docks)


def cleaned(paths: Sequence[CoveragePath], width_m: float) -> Polygon:
    """The floor under heads along straight moves."""
    moves = [
        LineString(move).buffer(width_m / 2, cap_style="flat")
        for path in paths
        for leg in path.legs
        if leg.head_on
        for move in itertools.pairwise(leg.points)
        if math.dist(*move) > 1e-9
    ]
    return union_all(moves)


def stands(path: CoveragePath, robot: Starter, floor: FloorMap) -> list[tuple[str, float, float]]:
    """Which docks a robot is in, from when until when: before it leaves, for services, and at the end."""
    found, since = [], {robot.dock.name: -math.inf} if robot.docked and robot.dock else {}
    for leg in path.legs:
        if leg.kind is LegKind.UNDOCK:
            dock = docked(leg, floor).name
            found.append((dock, since.pop(dock), float(leg.times_s[-1])))
        elif leg.kind is LegKind.DOCK:
            since[docked(replace(leg, points=leg.points[::-1]), floor).name] = float(leg.times_s[0])
    return found + [(dock, begin, math.inf) for dock, begin in since.items()]


def nobody_shares(paths: Sequence[CoveragePath], robots: Sequence[Starter], floor: FloorMap) -> None:
    stays = [stands(next(p for p in paths if p.robot == r.name), r, floor) for r in robots]
    for one, other in itertools.combinations(stays, 2):
        for dock, begin, end in one:
            assert not any(dock == d and begin < e and b < end for d, b, e in other)


def served(robot: Starter, floor: FloorMap, path: CoveragePath, others: Sequence[Starter] = ()) -> CoveragePath:
    request = PlanRequest(floor, (robot, *others), ("hall",))
    return Services(request, Clearances(request)).served(path)


def services(path: CoveragePath) -> list[Leg]:
    return [leg for leg in path.legs if leg.kind is LegKind.SERVICE]


@MANY
@given(
    tank=st.none() | st.floats(5.0, 60.0), minutes=st.none() | st.floats(3.0, 20.0), reserve=st.floats(0.0, 0.3),
    base=st.sampled_from([REFERENCE_R, WORKING_W]), water=st.just(1.0) | st.floats(0.0, 1.0),
    battery=st.just(1.0) | st.floats(0.4, 1.0),
    rows=st.lists(st.sampled_from([0.6, 1.3, 2.0, 2.7, 3.4, 5.9, 6.6, 7.3, 8.0]), min_size=1, max_size=9),
    offers=st.sampled_from([
        (("charge", "water"),), (("charge", "water"), ()), (("charge",), ("water",)), (("water",), ("charge",)),
        ((), ("charge", "water")),
    ]),
)  # fmt: skip
def test_no_tank_and_no_battery_runs_out_and_nothing_is_left_out(
    tank: float | None, minutes: float | None, reserve: float, base: RobotProfile, water: float, battery: float,
    rows: list[float], offers: tuple[tuple[str, ...], ...],
) -> None:  # fmt: skip
    floor = hall(offers)
    robot = starter(floor, machine(tank, minutes, reserve, base), water=water, battery=battery)
    path = tour(robot, rows)
    try:
        found = served(robot, floor, path)
    except CannotPlan:
        # Half of what is left must get a robot across the hall and back: 60 m at most, at twice the cleaning time.
        assert minutes is not None and 60.0 / base.speed_mps / 120.0 / minutes > min(battery, 1.0) - reserve - 0.3
        return
    is_supplied(found, robot, floor)
    is_joined(found, floor)
    assert cleaned([path], 0.7).difference(cleaned([found], 0.7)).area < 1e-6
    tours = Tours([found], [robot], True)
    if tours.may_turn(0) and base is REFERENCE_R:
        # Without inertia a tour takes as long the other way round, but for a turn or two.
        turned = tours.way(0, turned=True).path
        is_supplied(turned, replace(robot, battery=1.01), floor)
        is_joined(turned, floor)
    assert found.finish_s >= path.finish_s - 1.0


def test_a_tour_for_which_tank_and_battery_last_stays_as_it_is() -> None:
    floor = hall()
    robot = starter(floor, machine(1000.0, 600.0))
    path = tour(robot, [1.3, 2.0, 7.3])
    assert served(robot, floor, path) is path


def test_a_battery_that_no_profile_states_is_taken_for_endless() -> None:
    floor = hall()
    robot = starter(floor, replace(WORKING_W, battery=Battery(cleaning_h=0.01)))
    path = tour(robot, [1.3, 2.0, 7.3])
    assert served(robot, floor, path) is path


def test_a_lane_is_broken_off_where_that_costs_least() -> None:
    """The tank lasts for two lanes of three and a little more: between the second and the third it is not far to the dock."""
    floor = hall(pillar=False)
    robot = starter(floor, machine(0.7 * 21.0, None))
    found = served(robot, floor, tour(robot, [1.3, 2.0, 2.7]))
    (service,) = services(found)
    k = found.legs.index(service)
    left = found.legs[k - 2].points[0]
    assert left[0] < 3.0 and service.times_s[-1] - service.times_s[0] == pytest.approx(45.0)


def test_no_more_is_charged_than_the_rest_needs() -> None:
    floor = hall()
    robot = starter(floor, machine(None, 6.0))
    found = served(robot, floor, tour(robot, [1.3, 2.0, 2.7, 3.4, 5.9, 6.6, 7.3, 8.0, 1.3, 2.0, 2.7]))
    battery = robot.profile.battery
    level = 1.0
    for leg in found.legs:
        hours = float(leg.times_s[-1] - leg.times_s[0]) / 3600.0
        on = battery.cleaning_h if leg.head_on else battery.driving_h
        level += hours / battery.charging_h if leg.kind is LegKind.SERVICE else -hours / on
    assert services(found)
    assert battery.reserve <= level < battery.reserve + 0.1


def test_a_robot_that_is_out_of_water_at_the_start_is_serviced_before_it_leaves_its_dock() -> None:
    floor = hall()
    robot = starter(floor, machine(60.0, None), water=0.0)
    found = served(robot, floor, tour(robot, [1.3, 2.0]))
    assert [leg.kind for leg in found.legs[:2]] == [LegKind.SERVICE, LegKind.UNDOCK]
    assert len(services(found)) == 1


def test_a_robot_that_starts_on_the_floor_with_an_empty_battery_goes_to_its_dock_at_once() -> None:
    floor = hall()
    robot = starter(floor, machine(None, 20.0), battery=0.16)
    path = tour(robot, [1.3, 2.0, 7.3])
    out = replace(robot, docked=False, pose=Pose(12.0, 2.0, 0.0))
    legs = [replace(path.legs[1], points=np.array([(12.0, 2.0), (2.0, 1.3)])), *path.legs[2:]]
    found = served(out, floor, CoveragePath("r0", tuple(timed(legs, out.profile, out.pose))))
    kinds = [leg.kind for leg in found.legs]
    assert kinds[:4] == [LegKind.TRANSIT, LegKind.DOCK, LegKind.SERVICE, LegKind.UNDOCK]


@pytest.mark.parametrize(("offers", "at"), [
    ((("charge", "water"),) * 3, "dock_0"), (((), ("charge", "water"), ("water",)), "dock_2"),
    (((), ("charge", "water"), ()), "dock_1"),
])  # fmt: skip
def test_other_docks_serve_where_the_own_one_does_not_those_without_an_owner_first(
    offers: tuple[tuple[str, ...], ...], at: str
) -> None:
    floor = hall(offers)
    robot, other = starter(floor, machine(15.0, None)), starter(floor, WORKING_W, 1)
    found = served(robot, floor, tour(robot, [1.3, 2.0, 2.7]), [other])
    assert {docked(leg, floor).name for leg in services(found)} == {at}


def test_a_dock_of_others_before_which_a_robot_has_no_room_to_turn_does_not_serve_it() -> None:
    floor = hall((("charge",), ("charge", "water")))
    robot = starter(floor, machine(20.0, None))
    places = {"free": floor.docks[1].pose, "beside a wall": Pose(0.6, 0.47, HALF_TURN)}
    served = {
        name: Services(request, Clearances(request)).served_at(robot)
        for name, pose in places.items()
        for request in [
            PlanRequest(replace(floor, docks=(floor.docks[0], replace(floor.docks[1], pose=pose))), (robot,), ("hall",))
        ]
    }
    assert served == {"free": ["dock_1"], "beside a wall": []}


def test_a_robot_without_work_stays_on_its_dock_where_nobody_is_serviced_then() -> None:
    floor = hall([("charge",), ("charge", "water"), ("charge", "water")])
    robot, idle = starter(floor, machine(15.0, None)), starter(floor, WORKING_W, 1)
    request = PlanRequest(floor, (robot, idle), ("hall",))
    paths = [tour(robot, [1.3, 2.0, 2.7]), CoveragePath("r1", ())]
    found, apart = Services(request, Clearances(request)).kept(
        paths, lambda each: kept_apart(each, request.robots, 1.0)
    )
    assert apart.meeting == 0
    assert {docked(leg, floor).name for leg in services(found[0])} == {"dock_2"}
    nobody_shares(apart.paths, request.robots, floor)


def test_where_no_dock_offers_water_a_tank_that_runs_dry_is_told() -> None:
    floor = hall([("charge",)])
    robot = starter(floor, machine(15.0, None))
    with pytest.raises(CannotPlan, match=r"r0.*water"):
        served(robot, floor, tour(robot, [1.3, 2.0, 2.7]))


def test_a_robot_that_no_dock_serves_is_named_and_the_others_clean_its_part() -> None:
    floor = hall([("charge",), ("charge",)])
    thirsty, other = starter(floor, machine(15.0, None)), starter(floor, WORKING_W, 1)
    found = plan(PlanRequest(floor, (thirsty, other), ("hall",), deadline_s=1.0))
    assert [(name, "water" in fault.what) for name, fault in found.unserved] == [("r0", True)]
    assert [path.robot for path in found.paths] == ["r1"]
    assert found.planned_m2 > 0.9 * found.coverable_m2
    body = thirsty.profile.footprint.at(thirsty.pose)
    assert not any(LineString(leg.points).distance(body) < 0.35 for path in found.paths for leg in path.legs)
    with pytest.raises(CannotPlan, match=r"r0.*water"):
        plan(PlanRequest(floor, (thirsty,), ("hall",), deadline_s=1.0))


def test_robots_that_no_dock_serves_are_all_left_out_and_what_only_they_may_clean_is_listed_as_not_cleaned() -> None:
    floor = hall([("charge",)] * 3)
    kitchen = Zone("kitchen", box(10.0, 0, WIDE_M, DEEP_M), robots=("r0", "r1"))
    floor = replace(floor, zones=(Zone("hall", box(0, 0, 10.0, DEEP_M)), kitchen))
    thirsty = tuple(starter(floor, machine(15.0, None), k) for k in range(2))
    found = plan(PlanRequest(floor, (*thirsty, starter(floor, WORKING_W, 2)), ("hall", "kitchen"), deadline_s=1.0))
    assert {name for name, _ in found.unserved} == {"r0", "r1"}
    assert [path.robot for path in found.paths] == ["r2"]
    reasons = {area.reason for area in found.missed if area.zone == "kitchen" and area.area_m2 > 5.0}
    assert reasons == {MissedReason.NOT_CLEANED}
    assert found.coverable_m2 > 80.0


def test_where_nobody_else_may_clean_what_is_asked_for_it_is_told_that_the_tank_does_not_last() -> None:
    floor = hall([("charge",)] * 2)
    kitchen = Zone("kitchen", box(8.0, 0, WIDE_M, DEEP_M), robots=("r0",))
    floor = replace(floor, zones=(Zone("hall", box(0, 0, 8.0, DEEP_M)), kitchen))
    thirsty, other = starter(floor, machine(15.0, None)), starter(floor, WORKING_W, 1)
    with pytest.raises(CannotPlan, match=r"r0.*water"):
        plan(PlanRequest(floor, (thirsty, other), ("kitchen",), deadline_s=1.0))


def winding(robot: Starter) -> CoveragePath:
    """A lane that is one long curve of short moves."""
    begin, *between, end = tour(robot, [1.3]).legs
    x = np.linspace(2.0, 12.0, 150)
    points = np.column_stack((x, 1.9 - 0.6 * np.cos(2 * x - 4.0)))
    lane = replace(between[1], points=points, times_s=np.zeros(len(points)))
    back = replace(between[2], points=np.vstack((points[-1:], between[2].points[1:])))
    return CoveragePath(robot.name, tuple(timed([begin, between[0], lane, back, end], robot.profile, robot.pose)))


def test_a_tour_is_broken_off_in_curves_too() -> None:
    floor = hall(pillar=False)
    robot = starter(floor, machine(2.0, None))
    path = winding(robot)
    found = served(robot, floor, path)
    is_supplied(found, robot, floor)
    is_joined(found, floor)
    assert cleaned([path], 0.7).difference(cleaned([found], 0.7)).area < 1e-6


def test_a_tank_too_small_between_two_places_to_break_off_at_is_told() -> None:
    floor = hall(pillar=False)
    robot = starter(floor, machine(0.2, None))
    with pytest.raises(CannotPlan, match=r"r0: its tank lasts for 0\.2 m², but its tour can be broken off only each"):
        served(robot, floor, winding(robot))


def test_ways_to_the_dock_and_back_obey_one_ways() -> None:
    north = OneWay("left", box(0.1, 4.3, 5.0, 4.9), math.pi / 2)
    south = OneWay("right", box(9.0, 4.3, 13.9, 4.9), -math.pi / 2)
    floor = replace(hall([("charge",), ("water",)]), one_ways=(north, south))
    robot = starter(floor, machine(20.0, None))
    found = served(robot, floor, tour(robot, [5.9, 6.6, 7.3]))
    assert services(found)
    moves = [m for leg in found.legs[1:] if leg.kind is LegKind.TRANSIT for m in itertools.pairwise(leg.points)][1:-3]
    for a, b in moves:
        crossed = LineString([a, b])
        if crossed.length > 1e-6 and crossed.intersection(north.polygon).length > 0.2:
            assert b[1] > a[1] - 1e-6
        if crossed.length > 1e-6 and crossed.intersection(south.polygon).length > 0.2:
            assert b[1] < a[1] + 1e-6


@pytest.mark.proof
@FEW
@given(
    tank=st.none() | st.floats(12.0, 50.0), minutes=st.none() | st.floats(4.0, 15.0), robots=st.integers(1, 3),
    offers=st.sampled_from([(("charge", "water"),) * 3, (("charge",), ("charge",), ("charge", "water"))]),
    profile=st.sampled_from([REFERENCE_R, WORKING_W]),
)  # fmt: skip
def test_plans_of_fleets_are_supplied_as_well_and_nobody_shares_a_dock(
    tank: float | None, minutes: float | None, robots: int, offers: tuple[tuple[str, ...], ...], profile: RobotProfile
) -> None:
    assume(tank is not None or minutes is not None)
    floor = hall(offers)
    starters = tuple(starter(floor, machine(tank, minutes, base=profile), k) for k in range(robots))
    found = plan(PlanRequest(floor, starters, ("hall",), deadline_s=SOON_S))
    endless = plan(
        PlanRequest(floor, tuple(starter(floor, profile, k) for k in range(robots)), ("hall",), deadline_s=SOON_S)
    )
    assert found.meetings == 0
    paths = [found.path(robot.name) for robot in starters]
    for path, robot in zip(paths, starters, strict=True):
        is_supplied(path, robot, floor)
        is_joined(path, floor)
    nobody_shares(paths, starters, floor)
    assert found.planned_m2 > 0.99 * endless.planned_m2


def no_waits(paths: list[CoveragePath], *_: object) -> Apart:
    return Apart(paths, 0)


def test_where_no_waits_keep_two_robots_from_one_dock_fewer_drive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manning, "kept_apart", no_waits)
    floor = hall((("charge", "water"), ("charge",), ("charge",)))
    starters = tuple(starter(floor, machine(12.0, None), k) for k in range(3))
    found = plan(PlanRequest(floor, starters, ("hall",), deadline_s=SOON_S))
    paths = [found.path(robot.name) for robot in starters]
    nobody_shares(paths, starters, floor)
    assert len(found.paths) < 3 and services(found.path("r0"))


def test_a_fleet_that_cannot_share_its_dock_is_refused_with_the_dock(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_fewer(*_: object) -> None:
        raise CannotPlan(())

    monkeypatch.setattr(manning, "kept_apart", no_waits)
    monkeypatch.setattr(planner, "_round", no_fewer)
    floor = hall((("charge", "water"), ("charge",), ("charge",)))
    starters = tuple(starter(floor, machine(12.0, None), k) for k in range(2))
    with pytest.raises(CannotPlan, match="dock dock_0: robots r0 and r1 both need it"):
        plan(PlanRequest(floor, starters, ("hall",), deadline_s=SOON_S))


def test_robots_at_work_that_share_a_dock_are_planned_for_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manning, "kept_apart", no_waits)
    floor = hall((("charge", "water"), ("charge",), ("charge",)))
    away = replace(starter(floor, machine(12.0, None), 1), docked=False, pose=floor.docks[1].staging)
    found = plan(PlanRequest(floor, (starter(floor, machine(12.0, None)), away), ("hall",), deadline_s=SOON_S))
    assert all(services(found.path(name)) for name in ("r0", "r1"))


def test_the_plan_of_machines_that_last_is_the_plan_of_endless_ones() -> None:
    floor = hall()
    endless, lasting = (
        plan(PlanRequest(floor, tuple(starter(floor, kind, k) for k in range(2)), ("hall",), deadline_s=SOON_S))
        for kind in (WORKING_W, machine(1e4, 600.0))
    )
    for one, other in zip(endless.paths, lasting.paths, strict=True):
        assert [leg.leg_id for leg in one.legs] == [leg.leg_id for leg in other.legs]
        for a, b in zip(one.legs, other.legs, strict=True):
            assert np.array_equal(a.points, b.points) and np.array_equal(a.times_s, b.times_s)


def test_robots_with_small_tanks_do_less_so_that_all_are_done_together() -> None:
    floor = hall()
    kinds = [machine(12.0, None), WORKING_W]
    robots = tuple(starter(floor, kind, k) for k, kind in enumerate(kinds))
    found = plan(PlanRequest(floor, robots, ("hall",), deadline_s=20.0))
    on_m = [sum(leg.length_m for leg in found.path(robot.name).legs if leg.head_on) for robot in robots]
    finish = [found.path(robot.name).finish_s for robot in robots]
    assert on_m[0] < 0.8 * on_m[1]
    assert max(finish) < 1.25 * np.mean(finish)
