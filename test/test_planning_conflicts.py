"""Planned times keep robots apart, by short waits; what cannot be kept apart keeps its times."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import combinations, pairwise

import numpy as np
import pytest

from robot_fleet.floor.pose import Pose
from robot_fleet.floor.profile import REFERENCE_R, WORKING_W, RobotProfile
from robot_fleet.floor.store import Dock
from robot_fleet.planning.apart import PATIENCE_S, Tours, _Search, kept_apart, makespan_s
from robot_fleet.planning.conflicts import delayed
from robot_fleet.planning.judging.timing import departures_s, timing_violations
from robot_fleet.planning.judging.track import track_of
from robot_fleet.planning.plan import CoveragePath, Leg, LegKind, Starter
from robot_fleet.planning.plan_poses import poses_of
from robot_fleet.planning.timing import pivot_s, timed


def _path(name: str, points: list[tuple[float, float]], profile: RobotProfile) -> tuple[CoveragePath, Starter]:
    """A cleaning path along points, 0.5 m apart, begun at once."""
    fine = _fine(points)
    yaw = math.atan2(*(fine[1] - fine[0])[::-1])
    start = Pose(float(fine[0, 0]), float(fine[0, 1]), yaw)
    leg = Leg(f"{name}-0", LegKind.CLEAN, fine, np.zeros(len(fine)))
    return CoveragePath(name, tuple(timed([leg], profile, start))), Starter(name, profile, start, False, None)


def _fine(points: list[tuple[float, float]]) -> np.ndarray:
    """Places along a polyline, 0.5 m apart, and its corners."""
    corners = np.array(points, dtype=np.float64)
    way = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(corners, axis=0).T))])
    along = np.unique(np.concatenate((np.arange(0.0, way[-1], 0.5), way)))
    return np.column_stack([np.interp(along, way, corners[:, k]) for k in (0, 1)])


def _nearest_m(one: CoveragePath, other: CoveragePath) -> float:
    """The least distance of two robots' centres at one time, looked at every 50 ms."""
    when = np.arange(0.0, max(one.finish_s, other.finish_s) + 1.0, 0.05)
    at = [_at(path, when) for path in (one, other)]
    return float(np.hypot(*(at[0] - at[1]).T).min())


def _at(path: CoveragePath, when: np.ndarray) -> np.ndarray:
    times = np.concatenate([leg.times_s for leg in path.legs])
    points = np.concatenate([leg.points for leg in path.legs])
    return np.column_stack([np.interp(when, times, points[:, k]) for k in (0, 1)])


@pytest.mark.parametrize("profile", [REFERENCE_R, WORKING_W], ids=["R", "W"])
def test_one_of_two_robots_waits_where_their_ways_cross(profile: RobotProfile) -> None:
    (one, first), (other, second) = (
        _path("a", [(0.0, 5.0), (12.0, 5.0)], profile),
        _path("b", [(5.0, 0.0), (5.0, 10.0)], profile),
    )
    assert _nearest_m(one, other) < 0.7
    apart = kept_apart([one, other], [first, second], PATIENCE_S).paths
    assert _nearest_m(*apart) >= 0.7
    assert apart[0].finish_s == pytest.approx(one.finish_s), "the longer path goes first"
    assert apart[1].finish_s < other.finish_s + 8.0, "a wait at a crossing is short"


def test_a_robot_lets_another_out_of_the_aisle_before_it_goes_in() -> None:
    (one, first), (other, second) = (
        _path("a", [(0.0, 1.0), (10.0, 1.0), (10.0, 9.0), (0.0, 9.0)], REFERENCE_R),
        _path("b", [(6.0, 1.0), (3.0, 1.0), (3.0, -6.0)], REFERENCE_R),
    )
    apart = kept_apart([one, other], [first, second], PATIENCE_S).paths
    assert _nearest_m(*apart) >= 0.7


def test_waits_leave_the_ways_as_they_are() -> None:
    (one, first), (other, second) = (
        _path("a", [(0.0, 5.0), (12.0, 5.0)], WORKING_W),
        _path("b", [(5.0, 0.0), (5.0, 10.0)], WORKING_W),
    )
    for before, after in zip((one, other), kept_apart([one, other], [first, second], PATIENCE_S).paths, strict=True):
        was, now = before.legs[0], after.legs[0]
        moves = np.concatenate(([True], np.hypot(*np.diff(now.points, axis=0).T) > 0.0))
        assert np.array_equal(was.points, now.points[moves])
        assert (np.diff(now.times_s) >= 0.0).all()


@pytest.mark.parametrize("halt", [(0, 3), (1, 0), (1, 2)])
def test_a_robot_with_inertia_stops_where_it_waits_at_the_end_of_a_leg_too(halt: tuple[int, int]) -> None:
    start = Pose(0.0, 0.0, 0.0)
    robot = Starter("a", WORKING_W, start, False, None)
    places = np.column_stack((np.arange(7.0), np.zeros(7)))
    legs = [Leg(f"a-{k}", LegKind.CLEAN, places[3 * k : 3 * k + 4], np.zeros(4)) for k in (0, 1)]
    path = CoveragePath("a", tuple(timed(legs, WORKING_W, start)))
    waiting = delayed(path, robot, [(*halt, 4.0)])
    assert waiting.finish_s == pytest.approx(path.finish_s + 4.0, abs=0.01)
    assert not list(timing_violations(track_of(waiting, WORKING_W, start)))


def test_robots_far_apart_do_not_wait() -> None:
    (one, first), (other, second) = (
        _path("a", [(0.0, 0.0), (12.0, 0.0)], REFERENCE_R),
        _path("b", [(0.0, 5.0), (12.0, 5.0)], REFERENCE_R),
    )
    assert [path.finish_s for path in kept_apart([one, other], [first, second], PATIENCE_S).paths] == [
        one.finish_s,
        other.finish_s,
    ]


def test_a_robot_that_can_never_pass_keeps_its_times() -> None:
    (one, first), (other, second) = (
        _path("a", [(0.0, 0.0), (12.0, 0.0)], REFERENCE_R),
        _path("b", [(12.0, 0.0), (6.0, 0.0)], REFERENCE_R),
    )
    apart = kept_apart([one, other], [first, second], PATIENCE_S).paths
    assert [path.robot for path in apart] == ["a", "b"]
    assert [path.finish_s for path in apart] == pytest.approx([one.finish_s, other.finish_s], abs=40.0)


def test_a_robot_is_at_its_corner_while_it_pivots() -> None:
    start = Pose(0.0, 0.0, 0.0)
    there_and_back = Leg("a-0", LegKind.CLEAN, np.array([[0.0, 0.0], [4.0, 0.0], [0.0, 0.0]]), np.zeros(3))
    first = Starter("a", REFERENCE_R, start, False, None)
    one = CoveragePath("a", tuple(timed([there_and_back], REFERENCE_R, start)))
    other, second = _path("b", [(4.2, -6.0), (4.2, 1.0)], REFERENCE_R)
    pivots = np.arange(8.1, 8.0 + math.pi / REFERENCE_R.yaw_rate_rps, 0.05)
    assert np.hypot(*(_at(other, pivots) - (4.0, 0.0)).T).min() < 0.7
    apart = kept_apart([one, other], [first, second], PATIENCE_S).paths
    assert np.hypot(*(_at(apart[1], pivots) - (4.0, 0.0)).T).min() >= 0.7
    assert apart[0].finish_s == pytest.approx(one.finish_s)


def test_who_would_be_shut_out_by_one_that_is_done_goes_first() -> None:
    """Robot b ends where c passes: c goes first, and nobody is home later than the longest way takes."""
    (one, first), (other, second), (last, third) = (
        _path("a", [(0.0, 0.0), (0.0, 30.0), (1.0, 30.0), (1.0, 0.0)], REFERENCE_R),
        _path("b", [(20.0, 0.0), (10.0, 0.0)], REFERENCE_R),
        _path("c", [(10.0, 20.0), (10.0, -20.0)], REFERENCE_R),
    )
    apart = kept_apart([one, other, last], [first, second, third], PATIENCE_S).paths
    assert min(_nearest_m(apart[i], apart[j]) for i, j in ((0, 1), (0, 2), (1, 2))) >= 0.7
    assert max(path.finish_s for path in apart) == pytest.approx(one.finish_s)


def _tour(name: str, ring: list[tuple[float, float]]) -> tuple[CoveragePath, Starter]:
    """Out of a dock below the first place, once round, and back."""
    x, y = ring[0]
    dock = Dock(name, Pose(x, y - 1.5, -math.pi / 2), 0.7)
    stages = [
        (LegKind.UNDOCK, [(x, y - 1.5), (x, y - 0.8)]),
        (LegKind.TRANSIT, [(x, y - 0.8), (x, y)]),
        (LegKind.CLEAN, ring),
        (LegKind.TRANSIT, [(x, y), (x, y - 0.8)]),
        (LegKind.DOCK, [(x, y - 0.8), (x, y - 1.5)]),
    ]
    legs = [
        Leg(f"{name}-{k}", kind, np.array(points, dtype=np.float64), np.zeros(len(points)), reverse=k == 0)
        for k, (kind, points) in enumerate(stages)
    ]
    robot = Starter(name, REFERENCE_R, dock.pose, True, dock)
    return CoveragePath(name, tuple(timed(legs, REFERENCE_R, dock.pose))), robot


def test_a_robot_drives_its_tour_the_other_way_round_rather_than_wait_for_one_that_comes_towards_it() -> None:
    one, first = _tour("a", [(0, 0), (10, 0), (10, 6), (0, 6), (0, 0)])
    other, second = _tour("b", [(2, 0), (0, 0), (0, 6), (10, 6), (10, 0), (2, 0)])
    apart = kept_apart([one, other], [first, second], PATIENCE_S).paths
    assert _nearest_m(*apart) >= 0.7
    assert max(path.finish_s for path in apart) < 1.25 * max(one.finish_s, other.finish_s)
    for path, was in zip(apart, (one, other), strict=True):
        assert [leg.leg_id for leg in path.legs] == [leg.leg_id for leg in was.legs]
        assert all((a.points[-1] == b.points[0]).all() for a, b in pairwise(path.legs))
        assert sum(leg.length_m for leg in path.legs) == pytest.approx(sum(leg.length_m for leg in was.legs))


def test_what_a_robot_cleans_around_anothers_dock_it_cleans_long_before_that_one_is_back() -> None:
    """By the plan a passes b's dock a few seconds before b is home: it must not be late by more."""
    ring = [(0, 0), (-5, 0), (-5, 20), (-1, 20), (-1, 2), (2, 2), (2, -3.5), (6, -3), (6, -2.2), (2, -2.2), (0, 0)]
    one, first = _tour("a", ring)
    other, second = _tour("b", [(6, 0), (6, 30), (9, 30), (9, 0), (6, 0)])
    assert second.dock is not None
    home_s, soon_s = other.finish_s, _last_near_s(one, second.dock)
    assert 0.9 * home_s < soon_s < home_s
    apart = kept_apart([one, other], [first, second], PATIENCE_S).paths
    assert _nearest_m(*apart) >= 0.7
    assert _last_near_s(apart[0], second.dock) < 0.5 * apart[1].finish_s
    assert max(path.finish_s for path in apart) < 1.01 * max(one.finish_s, other.finish_s)


def _last_near_s(path: CoveragePath, dock: Dock) -> float:
    """When the robot's centre is within 0.8 m of that dock for the last time."""
    when = np.arange(0.0, path.finish_s, 0.05)
    return float(when[np.hypot(*(_at(path, when) - [dock.pose.x_m, dock.pose.y_m]).T) < 0.8][-1])


def test_a_robot_comes_home_when_another_has_passed_its_dock_for_the_last_time() -> None:
    """Robot b must set off first, and a passes b's dock when b could be home already: b gives way to it."""
    (one, first), (other, second) = (
        _path("a", [(2.5, 0.0), (0.7, 0.0), (0.7, -15.0), (0.7, 0.0), (2.5, 0.0)], REFERENCE_R),
        _path("b", [(0.0, 0.0), (1.2, 0.0), (1.2, 6.0), (1.2, 0.0), (0.0, 0.0)], REFERENCE_R),
    )
    apart = kept_apart([one, other], [first, second], PATIENCE_S).paths
    assert _nearest_m(*apart) >= 0.7
    assert apart[0].finish_s < one.finish_s + 10.0
    assert apart[0].finish_s - 10.0 < apart[1].finish_s < apart[0].finish_s + 20.0


def _rows(count: int, profile: RobotProfile) -> tuple[list[CoveragePath], list[Starter]]:
    """Tours of robots whose docks stand in a row: each drives out and home along the row, close by the docks after its own.

    The last ones, whose docks all others pass, have least to do.
    """
    paths, robots = [], []
    for k in range(count):
        x, far, high = 1.1 * k, 1.1 * count + 2.0 * k, 30.0 - 2.0 * k
        dock = Dock(f"r{k}", Pose(x, 0.0, -math.pi / 2), 0.7)
        out, along = (x, 0.7), [(far, 0.7), (far, 2.0)]
        ring = [(far, 2.0), (far, high), (far + 0.5, high), (far + 0.5, 2.0), (far, 2.0)]
        stages = [
            (LegKind.UNDOCK, [(x, 0.0), out]),
            (LegKind.TRANSIT, [out, *along]),
            (LegKind.CLEAN, ring),
            (LegKind.TRANSIT, [*along[::-1], out]),
            (LegKind.DOCK, [out, (x, 0.0)]),
        ]
        legs = [
            Leg(f"r{k}-{j}", kind, _fine(points), np.zeros(len(_fine(points))), reverse=j == 0)
            for j, (kind, points) in enumerate(stages)
        ]
        paths.append(CoveragePath(f"r{k}", tuple(timed(legs, profile, dock.pose))))
        robots.append(Starter(f"r{k}", profile, dock.pose, True, dock))
    return paths, robots


@pytest.mark.parametrize("patience_s", [0.1, PATIENCE_S])
@pytest.mark.parametrize(("count", "profile"), [(8, REFERENCE_R), (3, WORKING_W)], ids=["R", "W"])
def test_robots_with_docks_in_a_row_come_home_without_meeting(
    count: int, profile: RobotProfile, patience_s: float
) -> None:
    paths, robots = _rows(count, profile)
    assert any(_nearest_m(one, other) < 0.7 for one, other in combinations(paths, 2))
    apart = kept_apart(paths, robots, patience_s * len(paths))
    assert apart.meeting == 0
    assert all(_nearest_m(one, other) >= 0.7 for one, other in combinations(apart.paths, 2))
    assert [path.robot for path in apart.paths] == [robot.name for robot in robots]


def test_tours_are_turned_for_the_sake_of_docks_only_as_long_as_that_may_take() -> None:
    """One robot's turning takes a few hundredths of a second here, that of all many times as long as is allowed."""
    paths, robots = _rows(24, REFERENCE_R)
    spent_s = []
    for patience_s in (0.05, math.inf):
        search = _Search(Tours(paths, robots, either_way=True), np.random.default_rng(0))
        scheme = search.best(makespan_s(paths), 0.0)
        begun_s = search.spent_s
        search.early_at_docks(scheme, patience_s)
        spent_s.append(search.spent_s - begun_s)
    assert spent_s[0] < 0.1 < 0.25 < spent_s[1]


def test_the_same_seed_gives_the_same_times() -> None:
    paths, robots = _rows(5, REFERENCE_R)
    one, other = (kept_apart(paths, robots, 1.0, seed=3).paths for _ in range(2))
    for path, again in zip(one, other, strict=True):
        assert all((a.times_s == b.times_s).all() for a, b in zip(path.legs, again.legs, strict=True))


def test_robots_that_nothing_keeps_from_meeting_are_counted() -> None:
    (one, first), (other, second) = (
        _path("a", [(0.0, 0.0), (12.0, 0.0)], REFERENCE_R),
        _path("b", [(12.0, 0.0), (0.0, 0.0)], REFERENCE_R),
    )
    assert kept_apart([one, other], [first, second], PATIENCE_S).meeting == 1


@pytest.mark.parametrize("profile", [REFERENCE_R, WORKING_W])
def test_a_robot_that_waits_at_a_corner_pivots_first_and_then_drives_at_its_speed(profile: RobotProfile) -> None:
    start = Pose(0.0, 0.0, 0.0)
    places = np.array([[0.0, 0.0], [4.0, 0.0], [4.0, 3.0]])
    legs = [Leg(f"a-{k}", LegKind.CLEAN, places[k : k + 2], np.zeros(2)) for k in (0, 1)]
    path = CoveragePath("a", tuple(timed(legs, profile, start)))
    waiting = delayed(path, Starter("a", profile, start, False, None), [(1, 0, 7.0)])
    before, after = (track_of(each, profile, start) for each in (path, waiting))
    assert waiting.finish_s == pytest.approx(path.finish_s + 7.0)
    assert departures_s(after)[1] == pytest.approx(departures_s(before)[1] + 7.0, abs=0.01)
    poses, at_s = poses_of(waiting.legs[1], 0.0, profile)
    turned = next(k for k, pose in enumerate(poses) if pose[2] > 1.5)
    assert at_s[turned] == pytest.approx(path.legs[1].times_s[0] + pivot_s(math.pi / 2, profile), abs=0.01)


def _serviced(stay_s: float, profile: RobotProfile, first_m: float = 4.0) -> tuple[CoveragePath, Starter]:
    """A tour that is broken off for a stay in the dock at (0, 0); the robot begins on the floor, so far from it."""
    dock = Dock("a", Pose(0.0, 0.0, math.pi), 0.7)
    inside, staging = [(0.0, 0.0), (0.7, 0.0)]
    stages = [
        (LegKind.TRANSIT, [(first_m, 0.0), staging]),
        (LegKind.DOCK, [staging, inside]),
        (LegKind.SERVICE, [inside, inside]),
        (LegKind.UNDOCK, [inside, staging]),
        (LegKind.TRANSIT, [staging, (9.0, 0.0)]),
    ]
    legs = [
        Leg(f"a-{k}", kind, np.array(points), np.array([0.0, stay_s]), reverse=kind is LegKind.UNDOCK)
        for k, (kind, points) in enumerate(stages)
    ]
    start = Pose(first_m, 0.0, math.pi)
    return CoveragePath("a", tuple(timed(legs, profile, start))), Starter("a", profile, start, False, dock)


@pytest.mark.parametrize("profile", [REFERENCE_R, WORKING_W], ids=["R", "W"])
@pytest.mark.parametrize("late_s", [20.0, 60.0, 100.0, 119.0])
def test_a_robot_that_stands_in_its_dock_for_a_service_is_avoided_from_its_begin_to_its_end(
    profile: RobotProfile, late_s: float
) -> None:
    """The other comes by the dock in the midst of a stay of two minutes, where no vertex of the path is."""
    one, first = _serviced(120.0, profile)
    way_m = late_s * profile.speed_mps
    other, second = _path("b", [(0.5, -way_m), (0.5, 0.0), (0.5, 40.0)], profile)
    assert _nearest_m(one, other) < 0.7
    apart = kept_apart([one, other], [first, second], PATIENCE_S)
    assert apart.meeting == 0
    assert _nearest_m(*apart.paths) >= 0.7


def test_waits_leave_services_as_long_as_they_are() -> None:
    one, first = _serviced(60.0, WORKING_W)
    late = delayed(one, first, [(0, 0, 7.0), (3, 0, 5.0)])
    for before, after in zip(one.legs, late.legs, strict=True):
        if before.kind is LegKind.SERVICE:
            assert after.times_s[-1] - after.times_s[0] == pytest.approx(60.0)
    assert late.finish_s == pytest.approx(one.finish_s + 12.0, abs=1.5)


def test_another_may_be_in_the_dock_before_and_after_a_service_but_not_in_between() -> None:
    one, first = _serviced(60.0, REFERENCE_R, 10.0)
    other, second = _serviced(60.0, REFERENCE_R, 11.0)
    other = CoveragePath("b", tuple(replace(leg, leg_id=f"b-{k}") for k, leg in enumerate(other.legs)))
    # They come on one line and leave it apart.
    legs = [*other.legs[:4], replace(other.legs[4], points=np.array([(0.7, 0.0), (0.7, 9.0)]))]
    start = Pose(0.7, 12.0, -math.pi / 2)
    legs[0] = replace(legs[0], points=np.array([(0.7, 12.0), (0.7, 0.0)]))
    second = replace(second, name="b", pose=start)
    other = CoveragePath("b", tuple(timed(legs, REFERENCE_R, start)))
    apart = kept_apart([one, other], [first, second], PATIENCE_S)
    assert apart.meeting == 0
    assert _nearest_m(*apart.paths) >= 0.7
    stays = sorted((float(p.legs[2].times_s[0]), float(p.legs[2].times_s[-1])) for p in apart.paths)
    assert stays[0][1] <= stays[1][0]


@pytest.mark.parametrize(("battery", "water", "may"), [(1.0, 1.0, True), (0.9, 1.0, False), (1.0, 0.9, False)])
def test_tours_with_services_are_turned_round_where_robots_start_full(battery: float, water: float, may: bool) -> None:
    one, first = _tour("a", [(0, 0), (10, 0), (10, 6), (0, 6), (0, 0)])
    inside, staging = one.legs[0].points
    out, back = np.array([one.legs[2].points[-1], staging]), np.array([staging, (20.0, 3.0)])
    stages = [
        (LegKind.TRANSIT, out),
        (LegKind.DOCK, np.array([staging, inside])),
        (LegKind.SERVICE, np.array([inside, inside])),
        (LegKind.UNDOCK, np.array([inside, staging])),
        (LegKind.TRANSIT, back),
        (LegKind.CLEAN, np.array([(20.0, 3.0), (25.0, 3.0)])),
        (LegKind.TRANSIT, np.array([(25.0, 3.0), staging])),
    ]
    visit = [
        Leg(f"a-{k + 3}", kind, points, np.array([0.0, 50.0]), reverse=kind is LegKind.UNDOCK)
        for k, (kind, points) in enumerate(stages)
    ]
    legs = [*one.legs[:3], *visit, replace(one.legs[-1], leg_id="a-10")]
    path = CoveragePath("a", tuple(timed(legs, REFERENCE_R, first.pose)))
    robot = replace(first, battery=battery, water=water)
    tours = Tours([path], [robot], True)
    assert tours.may_turn(0) is may
    turned = tours.way(0, turned=True).path
    kinds = [leg.kind for leg in turned.legs]
    assert kinds[kinds.index(LegKind.SERVICE) - 1 :][:3] == [LegKind.DOCK, LegKind.SERVICE, LegKind.UNDOCK]
    for before, after in pairwise(turned.legs):
        assert np.allclose(before.points[-1], after.points[0])
    for leg in turned.legs:
        assert leg.reverse is (leg.kind is LegKind.UNDOCK)
        if leg.kind is LegKind.SERVICE:
            assert leg.times_s[-1] - leg.times_s[0] == pytest.approx(50.0)
