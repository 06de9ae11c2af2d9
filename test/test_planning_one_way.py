"""One-way floor: plans obey it, cover it as well as any other floor, and say what it cuts off; the judge sees who does not."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from shapely import Point, box
from test_planning_planner import SIDE_M, room, same

from robot_fleet.floor.grid import OCCUPIED, OccupancyGrid
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.profile import REFERENCE_R
from robot_fleet.floor.store import Dock, FloorMap, OneWay, Zone
from robot_fleet.planning import manning
from robot_fleet.planning.apart import Apart, Tours
from robot_fleet.planning.assignment import Work, evened_out, shared_out
from robot_fleet.planning.circuits import Circuits
from robot_fleet.planning.directions import ANY_WAY, LANE_SIN, directions_of, path_strays
from robot_fleet.planning.facing import faced, fixed
from robot_fleet.planning.judge import Verdict, ViolationKind, judge
from robot_fleet.planning.plan import CoveragePath, Leg, LegKind, MissedReason, Plan, PlanRequest, Starter
from robot_fleet.planning.planner import plan

FEW = settings(
    max_examples=3, deadline=None, derandomize=True, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
)
UP, DOWN, LEFT, RIGHT = math.pi / 2, -math.pi / 2, math.pi, 0.0
SOON_S = 4.0
WIDE_M, HIGH_M = 12.1, 9.0
# Gondola k stands between aisles k and k + 1.
AISLES = tuple(box(0.1 + 3.2 * k, 2.4, 2.4 + 3.2 * k, 6.8) for k in range(4))


def shop(one_ways: tuple[OneWay, ...] = (), closed_at_the_top: bool = False) -> FloorMap:
    """A shop of four aisles between three gondolas, with three docks along its lower wall; the last aisle may be a dead end."""
    cells = np.zeros((round(HIGH_M / SIDE_M), round(WIDE_M / SIDE_M)), dtype=np.int8)

    def fill(x: float, y: float, right: float, top: float) -> None:
        cells[round(y / SIDE_M) : round(top / SIDE_M), round(x / SIDE_M) : round(right / SIDE_M)] = OCCUPIED

    for wall in (
        (0, 0, WIDE_M, 0.1),
        (0, HIGH_M - 0.1, WIDE_M, HIGH_M),
        (0, 0, 0.1, HIGH_M),
        (12.0, 0, WIDE_M, HIGH_M),
    ):
        fill(*wall)
    for k in range(3):
        fill(2.4 + 3.2 * k, 2.4, 3.3 + 3.2 * k, 6.8)
    if closed_at_the_top:
        fill(8.8, 6.8, WIDE_M, 7.0)
    docks = tuple(Dock(f"dock_{k}", Pose(0.8 + 0.95 * k, 0.55, DOWN), 0.7) for k in range(3))
    zone = Zone("shop", box(0, 0, WIDE_M, HIGH_M))
    return FloorMap("shop", OccupancyGrid(cells, SIDE_M, Pose(0, 0)), (zone,), (), docks, one_ways)


ALTERNATING = tuple(
    OneWay(f"aisle_{k}", shape, (UP, DOWN)[k % 2]) for k, shape in enumerate(AISLES)
)  # fmt: skip


def asked(floor: FloorMap, robots: int = 1, **more: Any) -> PlanRequest:
    starters = tuple(Starter(dock.name, REFERENCE_R, dock.pose, True, dock) for dock in floor.docks[:robots])
    names = tuple(zone.name for zone in floor.zones)
    return replace(PlanRequest(floor, starters, names, deadline_s=SOON_S), **more)


def judged(request: PlanRequest, floor: FloorMap | None = None) -> tuple[Plan, Verdict]:
    found = plan(request)
    profiles = {robot.name: robot.profile for robot in request.robots}
    starts = {robot.name: robot.pose for robot in request.robots}
    return found, judge(floor or request.floor, found, profiles, starts)


@pytest.mark.parametrize("robots", [1, 2, 3])
def test_one_way_aisles_are_obeyed_and_as_clean_as_others(robots: int) -> None:
    _, free = judged(asked(shop(), robots), shop(ALTERNATING))
    _, verdict = judged(asked(shop(ALTERNATING), robots))
    assert free.wrong_way_m > 5.0
    assert verdict.wrong_way_m == 0 and verdict.unsafe_m == 0 and verdict.tight_m == 0 and verdict.jump_m == 0
    assert not verdict.of_kind(ViolationKind.ACCOUNT) and verdict.times_believed, verdict.text()
    assert verdict.coverage >= free.coverage - 0.005


def test_tours_are_turned_round_only_where_no_one_way_is(monkeypatch: pytest.MonkeyPatch) -> None:
    # Robots that wait for each other may turn their tours: here every one that may does so.
    monkeypatch.setattr(manning, "kept_apart", all_turned)
    _, free = judged(asked(shop(), 2))
    assert free.jump_m == 0 and free.unsafe_m == 0
    _, verdict = judged(asked(shop(ALTERNATING), 2))
    assert verdict.wrong_way_m == 0 and verdict.jump_m == 0


def all_turned(
    paths: list[CoveragePath], robots: list[Starter], patience_s: float, seed: int, either_way: bool
) -> Apart:
    tours = Tours(paths, robots, either_way)
    every = frozenset(k for k in range(len(paths)) if tours.may_turn(k))
    assert bool(every) == either_way
    return Apart([tours.way(k, k in every).path for k in range(len(paths))], 0)


rectangles = st.builds(
    lambda x, y, wide, high, yaw: OneWay(f"at {x} {y}", box(x, y, x + wide, y + high), yaw),
    st.floats(1, 9), st.floats(1, 7), st.floats(1, 6), st.floats(1, 5), st.one_of(st.floats(-4, 4), st.sampled_from([UP, LEFT])),
)  # fmt: skip


@FEW
@given(
    st.lists(rectangles, min_size=1, max_size=3), st.integers(0, 10_000), st.integers(0, 4), st.floats(0, 1.5),
    st.integers(1, 2),
)  # fmt: skip
def test_no_plan_leads_against_any_one_ways_and_its_account_is_complete(
    one_ways: list[OneWay], seed: int, things: int, turned: float, robots: int
) -> None:
    floor = replace(room(turned_rad=turned, seed=seed, things=things), one_ways=tuple(one_ways))
    found, verdict = judged(asked(floor, robots, deadline_s=1.5))
    assert verdict.wrong_way_m == 0 and verdict.unsafe_m == 0 and verdict.jump_m == 0, verdict.text()
    missed_m2 = sum(area.area_m2 for area in found.missed)
    assert found.planned_m2 + missed_m2 == pytest.approx(found.requested_m2, abs=0.01)
    pairs = itertools.combinations([one.polygon for one in one_ways], 2)
    # Whether robots get through between one-ways that all but touch is a matter of centimetres.
    if all(one.distance(other) > 0.3 for one, other in pairs):
        assert not verdict.of_kind(ViolationKind.ACCOUNT), verdict.text()


def test_a_dead_end_that_leads_only_in_is_listed_as_unreachable() -> None:
    floor = shop((OneWay("in", AISLES[3].intersection(box(0, 3.5, 20, 20)), UP),), closed_at_the_top=True)
    found, verdict = judged(asked(floor))
    severed_m2 = sum(area.area_m2 for area in found.missed if area.reason is MissedReason.UNREACHABLE)
    assert 4.0 < severed_m2 < AISLES[3].area and verdict.wrong_way_m == 0
    assert not verdict.of_kind(ViolationKind.ACCOUNT), verdict.text()
    assert verdict.coverage > 0.98


def test_a_robot_that_stands_in_a_one_way_aisle_leaves_it_ahead() -> None:
    floor = shop(ALTERNATING)
    request = asked(floor)
    inside = replace(request.robots[0], pose=Pose(1.2, 4.0, DOWN), docked=False)
    _, verdict = judged(replace(request, robots=(inside,)))
    assert verdict.wrong_way_m == 0 and verdict.jump_m == 0 and verdict.coverage > 0.98


def test_a_robot_that_one_ways_shut_in_is_left_out() -> None:
    floor = shop((OneWay("in", AISLES[3], UP),), closed_at_the_top=True)
    request = asked(floor, 2)
    inside = replace(request.robots[1], pose=Pose(11.0, 5.0, UP), docked=False)
    found = plan(replace(request, robots=(request.robots[0], inside)))
    assert [path.robot for path in found.paths] == [request.robots[0].name]


def test_robots_undock_and_dock_in_one_ways_as_they_must() -> None:
    floor = shop((OneWay("front", box(0.1, 0.1, 12.0, 2.0), RIGHT), OneWay("back", box(0.1, 7.0, 12.0, 8.9), LEFT)))
    floor = replace(floor, one_ways=(*floor.one_ways, OneWay("docks", box(0.1, 0.1, 3.4, 2.0), UP)))
    found, verdict = judged(asked(floor, 2))
    assert verdict.wrong_way_m == 0
    assert found.planned_m2 + sum(area.area_m2 for area in found.missed) == pytest.approx(found.requested_m2, abs=0.01)


def test_the_same_request_gives_the_same_plan_with_one_ways() -> None:
    request = asked(shop(ALTERNATING), 2)
    assert same(plan(request), plan(request))


def driven(*points: tuple[float, float], kind: LegKind = LegKind.TRANSIT, reverse: bool = False) -> Plan:
    """A plan of one leg at walking pace."""
    way = np.array(points, dtype=float)
    times = np.concatenate(([0.0], np.cumsum(20.0 * np.hypot(*np.diff(way, axis=0).T))))
    path = CoveragePath("r", (Leg("r-0", kind, way, times, reverse=reverse),))
    return Plan("shop", (), (path,), (), math.nan, math.nan, math.nan, math.nan)


@pytest.mark.parametrize(
    ("made", "metres"),
    [
        (driven((1.2, 7.5), (1.2, 1.5)), 4.38),
        (driven((1.2, 1.5), (1.2, 7.5)), 0.0),
        (driven((1.2, 1.5), (1.2, 7.5), reverse=True), 0.0),
        (driven((1.2, 5.0), (1.2, 4.0), (1.2, 5.0), (1.2, 3.0)), 3.0),
        (driven((0.7, 4.0), (1.7, 4.0), (0.7, 4.0)), 0.0),
        (driven((0.7, 4.0), (1.7, 3.85)), 0.0),
        (driven((0.7, 4.0), (1.7, 3.75)), 1.03),
        (driven((1.2, 5.0), (1.2, 4.0), kind=LegKind.UNDOCK), 0.0),
        (driven((1.2, 5.0), (1.2, 4.0), kind=LegKind.DOCK), 0.0),
    ],
)
def test_the_judge_measures_what_is_driven_against_a_one_way(made: Plan, metres: float) -> None:
    verdict = judge(shop(ALTERNATING), made, {"r": REFERENCE_R})
    assert verdict.wrong_way_m == pytest.approx(metres, abs=0.02)
    assert verdict.as_dict()["wrong_way_m"] == verdict.wrong_way_m
    assert f"wrong way {verdict.wrong_way_m:.2f} m" in verdict.text()
    wrong = verdict.of_kind(ViolationKind.WRONG_WAY)
    assert bool(wrong) == (metres > 0) and (not wrong or (not verdict.ok and "'aisle_0'" in str(wrong[0])))


def test_lanes_are_cut_at_one_ways_and_turned() -> None:
    directions = directions_of(shop(ALTERNATING))
    lap = np.array([[1.2, 1.0], [1.2, 8.0], [4.4, 8.0], [4.4, 1.0], [1.2, 1.0]])
    for way_round in (lap, lap[::-1].copy()):
        found = faced(directions, [way_round])
        held = fixed(directions, found).tolist()
        assert not any(path_strays(directions, lane, 0, len(lane) - 1, LANE_SIN) for lane in found)
        rises = sorted(float(found[k][-1, 1] - found[k][0, 1]) for k in held)
        assert len(rises) == 2 and rises[0] < -4.0 and rises[1] > 4.0
        assert sum(np.hypot(*np.diff(lane, axis=0).T).sum() for lane in found) == pytest.approx(20.4)
    assert faced(ANY_WAY, [lap])[0] is lap and not len(fixed(ANY_WAY, [lap]))


def test_each_of_the_one_ways_that_overlap_holds() -> None:
    floor = replace(shop(), one_ways=(OneWay("up", box(5, 1, 7, 8), UP), OneWay("right", box(6, 1, 8, 8), RIGHT)))
    directions = directions_of(floor)

    def may(x: float, yaw: float) -> bool:
        way = np.array([[x, 4.0], [x + 0.1 * math.cos(yaw), 4.0 + 0.1 * math.sin(yaw)]])
        return not path_strays(directions, way, 0, 1, LANE_SIN)

    assert [may(5.5, yaw) for yaw in (UP, DOWN, LEFT, RIGHT)] == [True, False, True, True]
    assert [may(6.5, yaw) for yaw in (UP, DOWN, LEFT, RIGHT)] == [True, False, False, True]
    assert [may(7.5, yaw) for yaw in (UP, DOWN, LEFT, RIGHT)] == [True, True, False, True]
    assert [may(8.5, yaw) for yaw in (UP, DOWN, LEFT, RIGHT)] == [True] * 4


def test_circuits_leave_out_what_one_ways_lead_only_into_or_only_out_of() -> None:
    standing = np.ones((20, 30), dtype=bool)
    standing[:, 10] = standing[:, 20] = False
    standing[9:12, 10] = standing[9:12, 20] = True
    grid = OccupancyGrid(np.zeros((20, 30), dtype=np.int8), SIDE_M, Pose(0, 0))
    door = OneWay("door", box(10 * SIDE_M, 0, 11 * SIDE_M, 1), RIGHT)
    circuits = Circuits.of(standing, directions_of(FloorMap("rooms", grid, one_ways=(door,))))
    west, east = circuits.through((5, 5)), circuits.through((5, 15))
    assert west[5, 5] and not west[5, 15] and east[5, 15] and east[5, 25] and not east[5, 5]
    assert circuits.leading_to((5, 25))[5, 5] and not circuits.leading_to((5, 5))[5, 25]


@FEW
@given(st.integers(0, 1000), st.integers(2, 14), st.integers(1, 3))
def test_tours_never_enter_a_lane_by_the_wrong_end(seed: int, lanes: int, robots: int) -> None:
    rng = np.random.default_rng(seed)
    ends = 2 * (lanes + robots)
    cost = rng.uniform(1.0, 30.0, (ends, ends)).astype(np.float32)
    held = np.flatnonzero(rng.random(lanes) < 0.7)
    cost[2 * held] = cost[:, 2 * held + 1] = 1e6
    homes = 2 * lanes + 2 * np.arange(robots)
    work = Work(
        cost, rng.uniform(5, 20, lanes), homes, homes + 1, np.ones(robots), np.zeros(robots, dtype=bool), one_ways=True
    )
    orders = evened_out(work, shared_out(work, lambda _: None, seed, 0.02), lambda _: None, seed, 0.02)
    entered = np.concatenate(orders)
    assert sorted(entered // 2) == list(range(lanes))
    assert not set(entered[np.isin(entered // 2, held)] % 2) - {0}
    assert max(work.time_s(robot, order) for robot, order in enumerate(orders)) < 1e5


def test_one_ways_are_told_from_a_point_beside_them() -> None:
    directions = directions_of(shop(ALTERNATING))
    for x, y in np.random.default_rng(0).uniform((0.2, 0.2), (11.9, 8.8), (300, 2)):
        near = [k for k, shape in enumerate(AISLES) if shape.distance(Point(x, y)) < 0.02]
        rule = int(directions.rule[int(y / SIDE_M), int(x / SIDE_M)])
        assert all(rule == k + 1 for k in near)
