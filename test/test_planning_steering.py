"""Long robots: where they fit, how they turn, what they can reach, and plans that a judge finds sound."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import LineString, Polygon, STRtree, box

from robot_fleet.floor.clearance import ClearanceField
from robot_fleet.floor.footprint import Footprint
from robot_fleet.floor.grid import OCCUPIED, OccupancyGrid
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.profile import REFERENCE_R, SCRUBBER_S, Head, RobotProfile, Tank
from robot_fleet.floor.store import Dock, FloorMap, Zone
from robot_fleet.planning.judge import Verdict, judge
from robot_fleet.planning.judging import ground
from robot_fleet.planning.plan import Leg, LegKind, Plan, PlanRequest, Starter
from robot_fleet.planning.planner import plan
from robot_fleet.planning.steering.body import Body, body_of, fitting, turns_free
from robot_fleet.planning.steering.closing import past
from robot_fleet.planning.steering.detours import SteeredDetours
from robot_fleet.planning.steering.dubins import TURNS, WORDS, traced, word
from robot_fleet.planning.steering.laying import Laying
from robot_fleet.planning.steering.network import Links, ends_of
from robot_fleet.planning.steering.parts import is_safe, merged
from robot_fleet.planning.steering.passes import Pass, cells_of
from robot_fleet.planning.steering.poses import PoseReach
from robot_fleet.planning.steering.searches import Searches
from robot_fleet.planning.steering.turns import drive_of, turned, written
from robot_fleet.planning.steering.wayfinding import metres_to, parts_of, searched
from robot_fleet.planning.supplies import Levels, Supplies, worst_levels
from robot_fleet.planning.terrain import Terrain

SIDE_M = 0.05


def shop(width_m: float = 24.0, height_m: float = 14.0, shelves: int = 3, seed: int | None = None) -> FloorMap:
    """A walled room with shelves across its middle, and specks where there is a seed; docks along its left wall."""
    rows, cols = round(height_m / SIDE_M), round(width_m / SIDE_M)
    cells = np.zeros((rows, cols), dtype=np.int8)
    cells[[0, -1], :] = cells[:, [0, -1]] = OCCUPIED
    for k in range(shelves):
        left = round((7.0 + 4.0 * k) / SIDE_M)
        cells[round(4.5 / SIDE_M) : round(9.5 / SIDE_M), left : left + round(1.0 / SIDE_M)] = OCCUPIED
    if seed is not None:
        rng = np.random.default_rng(seed)
        for row, col in zip(rng.integers(60, rows - 60, 4), rng.integers(120, cols - 60, 4), strict=True):
            cells[row : row + 2, col : col + 2] = OCCUPIED
    grid = OccupancyGrid(cells, SIDE_M, Pose(0.0, 0.0, 0.0))
    docks = tuple(Dock(f"dock_{k}", Pose(1.2, 2.0 + 2.6 * k, math.pi), 1.2) for k in range(3))
    return FloorMap("shop", grid, (Zone("all", box(0, 0, width_m, height_m)),), (), docks)


def body_on(floor: FloorMap, profile: RobotProfile = SCRUBBER_S) -> Body:
    return body_of(profile, Terrain.of(floor, profile))


def planned(floor: FloorMap, *profiles: RobotProfile) -> tuple[Plan, PlanRequest]:
    starters = tuple(
        Starter(dock.name, kind, dock.pose, True, dock) for dock, kind in zip(floor.docks, profiles, strict=False)
    )
    request = PlanRequest(floor, starters, ("all",))
    return plan(request), request


def judged(found: Plan, request: PlanRequest) -> Verdict:
    profiles = {robot.name: robot.profile for robot in request.robots}
    return judge(request.floor, found, profiles, {robot.name: robot.pose for robot in request.robots})


@settings(max_examples=20, deadline=None, derandomize=True)
@given(st.integers(0, 10_000))
def test_a_body_fits_just_where_its_outline_keeps_its_clearance(seed: int) -> None:
    floor, rng = shop(seed=seed), np.random.default_rng(seed)
    places = np.column_stack((rng.uniform(0.3, 23.7, 60), rng.uniform(0.3, 13.7, 60)))
    yaws = rng.uniform(0.0, math.tau, 60)
    solid = [box(c * SIDE_M, r * SIDE_M, (c + 1) * SIDE_M, (r + 1) * SIDE_M) for r, c in np.argwhere(~floor.grid.free)]
    tree = STRtree(solid)
    found = fitting(body_on(floor), places, yaws)
    for (x, y), yaw, fits in zip(places.tolist(), yaws.tolist(), found.tolist(), strict=True):
        outline = SCRUBBER_S.footprint.at(Pose(x, y, yaw))
        away_m = outline.distance(solid[int(tree.nearest(outline))])
        if abs(away_m - SCRUBBER_S.clearance_m) > 2e-3:
            assert fits == (away_m > SCRUBBER_S.clearance_m)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.tuples(*[st.floats(-3, 3)] * 6), st.floats(0.2, 2.0))
def test_every_word_of_arcs_ends_at_its_goal(ends: tuple[float, ...], radius: float) -> None:
    ways = 0
    for kind in range(WORDS):
        parts, way = np.zeros(3), np.zeros((500, 2))
        if not word(kind, *ends, radius, parts):
            continue
        count = traced(kind, parts, *ends[:3], radius, way)
        assert count >= 0
        assert math.dist(way[count - 1] if count else ends[:2], ends[3:5]) < 1e-4
        heading = ends[2] + float(TURNS[kind] @ parts)
        assert abs(math.remainder(heading - ends[5], math.tau)) < 1e-4
        ways += 1
    assert ways >= 2


def test_the_reach_of_a_polygon_is_that_of_the_judge() -> None:
    floor = shop(seed=3)
    dock = floor.docks[0]
    poses = PoseReach.of(floor.grid, SCRUBBER_S, ClearanceField.of(floor), [dock.staging])
    mine = poses.under(SCRUBBER_S.head) & floor.grid.free
    theirs = ground.coverable(floor, [(SCRUBBER_S, dock.pose)])
    assert (mine ^ theirs).sum() <= 0.001 * theirs.sum()


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.integers(0, 10_000))
def test_a_turn_is_safe_all_along_and_ends_at_its_goal(seed: int) -> None:
    body, rng = body_on(shop()), np.random.default_rng(seed)
    poses = np.column_stack((rng.uniform(1.0, 23.0, 40), rng.uniform(1.0, 13.0, 40), rng.uniform(0, math.tau, 40)))
    poses = poses[fitting(body, poses[:, :2], poses[:, 2])]
    drive, found = drive_of(SCRUBBER_S), np.zeros(5)
    for a, b in zip(poses[:-1:2], poses[1::2], strict=False):
        if math.isfinite(turned(body, drive, a, b, 60.0, found)):
            parts = written(a, b, found)
            assert is_safe(body, a, parts, b)
            assert np.allclose([*parts[0][0][0], *parts[-1][0][-1]], [*a[:2], *b[:2]], atol=1e-6)


@pytest.mark.parametrize("apart_m", [1.9, 2.3, 2.6])
def test_a_pass_that_leads_back_beside_is_reached_by_half_a_circle(apart_m: float) -> None:
    body, drive, found = body_on(shop(shelves=0)), drive_of(SCRUBBER_S), np.zeros(5)
    a, b = np.array([12.0, 5.0, 0.0]), np.array([12.0, 5.0 + apart_m, math.pi])
    seconds = turned(body, drive, a, b, 60.0, found)
    ((points, backwards),) = written(a, b, found)
    assert not backwards and np.hypot(*np.diff(points, axis=0).T).sum() == pytest.approx(
        math.pi * apart_m / 2, rel=0.01
    )
    assert math.pi / SCRUBBER_S.yaw_rate_rps <= seconds < math.pi / SCRUBBER_S.yaw_rate_rps + 0.6


def laid(floor: FloorMap) -> list[Pass]:
    terrain = Terrain.of(floor, SCRUBBER_S)
    poses = PoseReach.of(floor.grid, SCRUBBER_S, ClearanceField.of(floor), [floor.docks[0].staging])
    wanted = poses.under(SCRUBBER_S.head) & floor.grid.free
    return Laying(terrain, body_of(SCRUBBER_S, terrain), wanted, SCRUBBER_S).passes()


def test_a_pass_along_the_ends_of_shelves_is_one() -> None:
    past_all = [
        one for one in laid(shop()) if min(one.begin[0], one.end[0]) < 7.0 and max(one.begin[0], one.end[0]) > 16.0
    ]
    beside = [one for one in past_all if 3.8 < one.begin[1] < 4.5 or 9.5 < one.begin[1] < 10.2]
    assert len(beside) == 2


def test_passes_end_where_others_sweep_the_floor_but_for_the_overlap() -> None:
    floor = shop()
    passes, side = laid(floor), floor.grid.resolution_m
    cells = cells_of(passes, SCRUBBER_S.head, floor.grid.shape, side)
    times = np.bincount(np.concatenate(cells), minlength=floor.grid.cells.size)
    for one, own in zip(passes, cells, strict=True):
        length = math.hypot(*(one.end - one.begin))
        at = (np.column_stack((own % floor.grid.shape[1], own // floor.grid.shape[1])) + 0.5) * side - one.begin
        alone = (at @ (one.end - one.begin) / length)[times[own] == 1]
        spare_m = SCRUBBER_S.overlap_m + 2 * side
        assert length <= 0.61 or (alone.min() <= spare_m and alone.max() >= length - spare_m)


def test_a_tank_lasts_for_the_floor_on_which_the_solution_is_on() -> None:
    profile = replace(SCRUBBER_S, tank=Tank(area_m2=100.0))
    supplies, width_m = Supplies.of(profile), profile.head.width_m
    lane = Leg("r-0", LegKind.CLEAN, np.array([(0.0, 0.0), (10.0, 0.0)]), np.array([0.0, 12.0]), "all")
    on = replace(lane, points=lane.points + np.array([10.0, 0.0]), times_s=lane.times_s + 12.0)
    found = worst_levels([lane, on], supplies, width_m, Levels(1.0, 0.0))
    assert found.scrubbed_m2 == pytest.approx((20.0 - profile.channels.solution_off_m) * width_m)


def test_a_search_leads_out_of_a_dead_end() -> None:
    floor = shop(shelves=0)
    cells = floor.grid.cells.copy()
    cells[100:104, :160] = cells[130:134, :160] = OCCUPIED
    floor = replace(floor, grid=replace(floor.grid, cells=cells))
    body, drive = body_on(floor), drive_of(SCRUBBER_S)
    a, b = np.array([2.0, 5.85, math.pi]), np.array([2.5, 10.0, 0.0])
    assert math.isinf(turned(body, drive, a, b, 200.0, np.zeros(5)))
    poses, last = np.empty((4000, 4)), np.zeros(5)
    count, seconds = searched(body, drive, a, b, metres_to(body, b[0], b[1]), poses, last)
    assert count and seconds < 90.0
    assert is_safe(body, a, merged(parts_of(poses[:count]) + written(poses[count - 1, :3], b, last)), b)


def test_a_way_that_does_not_lead_from_pose_to_pose_is_none() -> None:
    body, a, b = body_on(shop(shelves=0)), np.array([6.0, 5.0, 0.0]), np.array([14.0, 5.0, 0.0])
    # Three arcs of half a metre do not span eight.
    assert written(a, b, np.array([0.0, 0.0, 0.5, 5.0, 9.0])) == []
    ahead = [(np.array([a[:2], b[:2]]), False)]
    assert is_safe(body, a, ahead, b)
    assert not is_safe(body, a, ahead, b + np.array([0.5, 0.0, 0.0])) and not is_safe(body, a, [], b)


def linked(floor: FloorMap, remembered: Searches) -> tuple[Links, int]:
    body, passes = body_on(floor), laid(floor)
    ends = np.zeros(0, dtype=np.int64)
    return Links.of(body, drive_of(SCRUBBER_S), *ends_of(passes), len(passes), ends, remembered), len(passes)


def test_a_pass_from_which_only_a_search_finds_a_way_is_not_made_shorter(monkeypatch: pytest.MonkeyPatch) -> None:
    floor, lengths = shop(12.0, 8.0, shelves=2, seed=2), []
    for _ in range(2):
        links, passes = linked(floor, Searches())
        lengths.append(sum(links.length_m(number) for number in range(passes)))
        for leave, enter in list(links.searches):
            if not links.settle(leave, enter) and links.has_way(leave, enter):
                a = np.array([*links.stops(leave), links.leaves[leave, 2]])
                b = np.array([*links.begins(enter), links.enters[enter, 2]])
                assert is_safe(links.body, a, links.way(leave, enter), b)
        monkeypatch.setattr(Links, "_seek_rest", lambda self, pairs, passes: None)
    assert lengths[0] > lengths[1] + 0.5


def test_ways_that_were_searched_for_lead_to_their_ends_once_these_have_moved_or_are_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    links, _ = linked(shop(12.0, 8.0, shelves=2, seed=2), Searches())
    # As many as may be are searched for already.
    monkeypatch.setattr(Links, "_most_searches", 0)
    links.whole.clear()
    searched = [pair for pair, found in links.searches.items() if found is not None]
    assert searched
    for leave, enter in searched:
        yaw = links.enters[enter, 2]
        links.enters[enter, :2] -= 0.05 * np.array([math.cos(yaw), math.sin(yaw)])
        links.settle(leave, enter)
        if links.has_way(leave, enter):
            a = np.array([*links.stops(leave), links.leaves[leave, 2]])
            b = np.array([*links.begins(enter), links.enters[enter, 2]])
            assert is_safe(links.body, a, links.way(leave, enter), b)


def test_what_is_settled_for_one_plan_is_not_settled_for_the_next_though_ways_are_remembered() -> None:
    floor, remembered = shop(9.5, 6.5, shelves=1, seed=1), Searches()
    first, _ = linked(floor, remembered)
    before = first.cost.copy()
    for leave, enter in list(first.known)[:50]:
        first.settle(leave, enter)
    first.cost[:] = 0.0
    again, _ = linked(floor, remembered)
    assert (again.cost == before).all() and not again.settled and len(remembered.links) == 1


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_ways_that_are_settled_are_safe_though_their_ends_were_moved(seed: int) -> None:
    floor, kind = shop(12.0, 8.0, shelves=0, seed=seed), replace(SCRUBBER_S, reverses=False, lifted_radius_m=0.6)
    body, passes = body_on(floor, kind), laid(floor)
    links = Links.of(body, drive_of(kind), *ends_of(passes), len(passes), np.zeros(0, dtype=np.int64), Searches())
    pairs = list(links.known)
    for leave, enter in pairs[:: 1 + len(pairs) // 200]:
        links.settle(leave, enter)
        if links.known[leave, enter] is not None:
            a = np.array([*links.stops(leave), links.leaves[leave, 2]])
            b = np.array([*links.begins(enter), links.enters[enter, 2]])
            assert is_safe(body, a, links.way(leave, enter), b)


@settings(max_examples=15, deadline=None, derandomize=True)
@given(st.integers(0, 10_000))
def test_where_floor_is_closed_for_now_a_body_fits_only_beside_it(seed: int) -> None:
    floor, rng = shop(), np.random.default_rng(seed)
    x, y = rng.uniform(2.0, 22.0), rng.uniform(2.0, 12.0)
    closed = Polygon([(x + dx, y + dy) for dx, dy in rng.uniform(-0.8, 0.8, (5, 2))]).convex_hull
    assert isinstance(closed, Polygon)
    body = body_on(floor)
    shut = past(body, [np.asarray(closed.exterior.coords)])
    places = np.column_stack((rng.uniform(0.3, 23.7, 200), rng.uniform(0.3, 13.7, 200)))
    places[:150] = np.array([x, y]) + rng.uniform(-2.5, 2.5, (150, 2))
    yaws = rng.uniform(0.0, math.tau, 200)
    before, after = fitting(body, places, yaws), fitting(shut, places, yaws)
    for (px, py), yaw, free, still in zip(places.tolist(), yaws.tolist(), before.tolist(), after.tolist(), strict=True):
        away_m = SCRUBBER_S.footprint.at(Pose(px, py, yaw)).distance(closed)
        assert not (still and away_m < SCRUBBER_S.clearance_m), "nobody is sent onto closed floor"
        # Rings are taken for a cell larger than they are.
        assert still == free or away_m < SCRUBBER_S.clearance_m + 3 * SIDE_M


def test_ways_lead_past_floor_that_is_closed_for_now() -> None:
    floor = shop()
    ways = SteeredDetours(floor.grid, SCRUBBER_S, Terrain.of(floor, SCRUBBER_S))
    start, goal = Pose(3.0, 12.0, 0.0), Pose(20.0, 12.0, 0.0)
    straight = ways.way(start, goal)
    assert straight is not None and len(straight) == 1 and straight[0].length_m == pytest.approx(17.0, abs=0.1)
    thing = box(10.0, 11.5, 10.6, 12.3)
    past_it = ways.past([thing]).way(start, goal)
    assert past_it is not None
    assert all(LineString(leg.points).distance(thing) > SCRUBBER_S.half_width_m for leg in past_it)
    assert ways.way(start, goal) is not None and len(ways.way(start, goal) or []) == 1


def test_where_closed_floor_shuts_an_aisle_there_is_no_way() -> None:
    floor = shop()
    ways = SteeredDetours(floor.grid, SCRUBBER_S, Terrain.of(floor, SCRUBBER_S))
    assert ways.past([box(12.0, 0.0, 12.3, 14.0)]).way(Pose(3.0, 12.0, 0.0), Pose(20.0, 12.0, 0.0)) is None


def test_a_body_turns_on_the_spot_only_where_its_corners_have_room() -> None:
    body = body_on(shop(shelves=0))
    away = SCRUBBER_S.footprint.circumscribed_m + SCRUBBER_S.clearance_m + 0.05
    assert turns_free(body, 12.0, away + 0.01, 0.0, math.tau)
    assert not turns_free(body, 12.0, away - 0.1, 0.0, math.tau)


@pytest.mark.parametrize("seed", [None, 5])
def test_a_scrubber_s_plan_is_sound_dry_and_nearly_complete(seed: int | None) -> None:
    found, request = planned(shop(seed=seed), SCRUBBER_S)
    verdict = judged(found, request)
    assert verdict.ok, verdict.text()
    assert verdict.covered_coverable_m2 >= 0.9 * verdict.coverable_m2
    assert verdict.water_left_m2 <= 0.005 * verdict.scrubbed_m2
    legs = found.path("dock_0").legs
    assert [legs[0].kind, legs[-1].kind] == [LegKind.UNDOCK, LegKind.DOCK]


def test_a_scrubber_goes_home_for_water_and_goes_on() -> None:
    thirsty = replace(SCRUBBER_S, tank=Tank(area_m2=150.0, service_s=60.0))
    found, request = planned(shop(), thirsty)
    verdict = judged(found, request)
    assert verdict.ok, verdict.text()
    kinds = [leg.kind for leg in found.path("dock_0").legs]
    assert kinds.count(LegKind.SERVICE) >= 1
    assert verdict.covered_coverable_m2 >= 0.9 * verdict.coverable_m2


@pytest.mark.proof
def test_a_small_robot_cleans_what_a_scrubber_leaves() -> None:
    found, request = planned(shop(), SCRUBBER_S, REFERENCE_R)
    verdict = judged(found, request)
    assert verdict.ok, verdict.text()
    assert verdict.covered_coverable_m2 >= 0.993 * verdict.coverable_m2
    assert all(found.path(name).legs for name in ("dock_0", "dock_1"))


SQUARE = replace(
    REFERENCE_R,
    name="square",
    footprint=Footprint(corners_m=((-0.3, -0.3), (0.3, -0.3), (0.3, 0.3), (-0.3, 0.3))),
    head=replace(REFERENCE_R.head, width_m=0.5),
)


def test_a_square_robot_in_a_small_room_turns_into_no_wall_and_cleans_what_a_disc_could() -> None:
    floor = replace(shop(4.0, 3.0, shelves=0), docks=(Dock("dock_0", Pose(0.5, 0.8, math.pi), 0.7),))
    found, request = planned(floor, SQUARE)
    verdict = judged(found, request)
    assert verdict.ok, verdict.text()
    assert verdict.coverage > 0.75


@pytest.mark.parametrize(
    ("x_m", "y_m", "yaw_rad"), [(2, 0.43, 0), (2, 0.47, 0), (3, 0.45, 0), (2, 0.47, 1.57), (2, 0.47, 0.3)]
)
def test_a_square_robot_is_led_to_where_it_can_turn_from_where_it_cannot_and_cleans_what_a_disc_could(
    x_m: float, y_m: float, yaw_rad: float
) -> None:
    floor = replace(shop(4.0, 3.0, shelves=0), docks=(Dock("dock_0", Pose(0.5, 0.8, math.pi), 0.7),))
    robot = Starter("dock_0", SQUARE, Pose(x_m, y_m, yaw_rad), False, floor.docks[0])
    request = PlanRequest(floor, (robot,), ("all",), deadline_s=1.0)
    found = plan(request)
    verdict = judged(found, request)
    assert verdict.ok, verdict.text()
    assert verdict.coverage > 0.75
    assert len({leg.leg_id for leg in found.paths[0].legs}) == len(found.paths[0].legs)


def test_square_robots_that_are_led_are_kept_apart_from_each_other() -> None:
    floor = shop(8.0, 6.0, shelves=0)
    places = ((2.0, 0.43, math.pi), (3.2, 0.43, 0.0))
    robots = tuple(
        Starter(dock.name, SQUARE, Pose(*place), False, dock) for dock, place in zip(floor.docks, places, strict=False)
    )
    request = PlanRequest(floor, robots, ("all",), deadline_s=4.0)
    found = plan(request)
    verdict = judged(found, request)
    assert verdict.ok, verdict.text()
    assert all(found.path(robot.name).legs for robot in robots)


def test_a_square_robot_whose_dock_leaves_it_no_room_to_turn_before_it_is_steered_home() -> None:
    floor = replace(shop(4.0, 3.0, shelves=0), docks=(Dock("dock_0", Pose(0.5, 0.43, math.pi), 0.7),))
    robot = Starter("dock_0", SQUARE, Pose(2.0, 1.5, 0.0), False, floor.docks[0])
    request = PlanRequest(floor, (robot,), ("all",), deadline_s=1.0)
    found = plan(request)
    verdict = judged(found, request)
    assert verdict.ok, verdict.text()
    assert found.paths


@pytest.mark.parametrize("reverses", [True, False])
def test_a_square_robot_with_its_face_to_a_wall_backs_out_of_there_only_if_it_can(reverses: bool) -> None:
    floor = replace(shop(4.0, 3.0, shelves=0), docks=(Dock("dock_0", Pose(0.5, 0.8, math.pi), 0.7),))
    machine = replace(SQUARE, reverses=reverses)
    robot = Starter("dock_0", machine, Pose(2.0, 0.41, -math.pi / 2), False, floor.docks[0])
    request = PlanRequest(floor, (robot,), ("all",), deadline_s=1.0)
    found = plan(request)
    verdict = judged(found, request)
    assert verdict.ok, verdict.text()
    assert [leg.reverse for path in found.paths for leg in path.legs][:1] == ([True] if reverses else [])


LIFT = replace(
    REFERENCE_R,
    name="lift",
    footprint=Footprint(corners_m=((-0.4, -0.3), (0.5, -0.3), (0.5, 0.3), (-0.4, 0.3))),
    head=Head(0.6, 0.2),
    overlap_m=0.05,
    least_radius_m=0.8,
    lifted_radius_m=0.6,
    reverses=True,
)


def test_a_strip_along_a_wall_of_which_a_part_is_hardly_wider_than_the_robot_is_cleaned() -> None:
    floor = replace(shop(11.2, 6.1, shelves=0), docks=(Dock("dock_0", Pose(0.75, 2.86, math.pi), 0.7),))
    cells = floor.grid.cells.copy()
    cells[round(0.8 / SIDE_M) : round(2.0 / SIDE_M), round(6.1 / SIDE_M) : round(9.5 / SIDE_M)] = OCCUPIED
    strip = Zone("all", box(0.0, 0.0, 11.2, 0.6))
    floor = replace(floor, grid=OccupancyGrid(cells, SIDE_M, Pose(0.0, 0.0, 0.0)), zones=(strip,))
    robot = Starter("dock_0", LIFT, floor.docks[0].pose, True, floor.docks[0])
    request = PlanRequest(floor, (robot,), ("all",), deadline_s=2.0)
    verdict = judged(plan(request), request)
    assert verdict.ok, verdict.text()
    assert verdict.coverage > 0.5


def test_a_square_robot_cleans_aisles_that_no_disc_about_it_fits_into() -> None:
    cells = np.zeros((80, 240), dtype=np.int8)
    cells[[0, -1], :] = cells[:, [0, -1]] = OCCUPIED
    cells[40:60, 60:220] = OCCUPIED
    floor = replace(shop(), grid=OccupancyGrid(cells, SIDE_M, Pose(0.0, 0.0, 0.0)))
    floor = replace(
        floor, docks=(Dock("dock_0", Pose(0.5, 0.8, math.pi), 0.7),), zones=(Zone("all", box(0, 0, 12, 4)),)
    )
    aisle = box(4.0, 3.2, 10.0, 3.8)
    found, request = planned(floor, SQUARE)
    verdict = judged(found, request)
    assert verdict.ok, verdict.text()
    lanes = [LineString(leg.points) for leg in found.paths[0].legs if leg.head_on]
    assert sum(lane.intersection(aisle).length for lane in lanes) > 5.0


def test_as_a_disc_a_long_robot_is_held_and_turns_on_the_spot() -> None:
    disc = SCRUBBER_S.as_disc
    assert not disc.is_steered and disc.head == SCRUBBER_S.head
    assert disc.footprint.circumscribed_m == SCRUBBER_S.footprint.circumscribed_m
    assert REFERENCE_R.as_disc is REFERENCE_R


def test_the_slim_disc_of_a_long_robot_fits_wherever_it_does() -> None:
    assert SCRUBBER_S.slim.footprint.circumscribed_m == pytest.approx(SCRUBBER_S.half_width_m)
    assert REFERENCE_R.slim is REFERENCE_R
