"""A simulated body keeps to its limits and close to its path, whatever the step."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from shapely import LineString, Point

from robot_fleet.floor.pose import Pose, wrap_angle
from robot_fleet.floor.profile import REFERENCE_R, WORKING_W, RobotProfile
from robot_fleet.sim.motion import Motion
from robot_fleet.sim.rail import Wander

STRAIGHT = np.array([[0.0, 0.0], [4.0, 0.0]])
CORNER = np.array([[0.0, 0.0], [2.0, 0.0], [2.0, 2.0]])
STRAYING = Wander(0.03, 5.0, 0.05)


def motion(profile: RobotProfile, wander: Wander | None = None, pose: Pose | None = None, seed: int = 0) -> Motion:
    return Motion(profile, pose or Pose(0.0, 0.0), wander or Wander(), np.random.default_rng(seed))


def seconds_to_rest(body: Motion, dt_s: float = 0.01, limit_s: float = 600.0) -> float:
    passed = 0.0
    while not body.at_rest and passed < limit_s:
        body.step(dt_s)
        passed += dt_s
    return passed


def test_without_acceleration_limits_a_path_takes_length_over_speed_plus_pivots() -> None:
    body = motion(REFERENCE_R)
    body.follow(CORNER)
    assert seconds_to_rest(body) == pytest.approx(4.0 / 0.5 + math.pi / 2 / 0.6, abs=0.02)
    assert body.pose.distance_m(Pose(2.0, 2.0)) < 1e-6
    assert body.driven_m == pytest.approx(4.0)


def test_with_acceleration_limits_speeds_are_trapezoids_that_stop_at_corners() -> None:
    body = motion(WORKING_W)
    body.follow(CORNER)
    leg, pivot = 2.0 / 0.5 + 0.5 / 0.5, math.pi / 2 / 0.6 + 0.6 / 1.0
    assert seconds_to_rest(body) == pytest.approx(2 * leg + pivot, abs=0.02)


def test_a_curve_is_driven_without_stops_as_fast_as_the_robot_can_turn() -> None:
    angles = np.linspace(0.0, math.pi, 60)
    arc = 0.5 * np.column_stack((np.sin(angles), 1 - np.cos(angles)))
    body = motion(REFERENCE_R)
    body.follow(arc)
    assert seconds_to_rest(body) == pytest.approx(math.pi / 0.6, rel=0.1)


def test_the_result_does_not_depend_on_the_step() -> None:
    coarse, fine = motion(WORKING_W, STRAYING), motion(WORKING_W, STRAYING)
    for body, steps in ((coarse, 10), (fine, 1000)):
        body.follow(CORNER)
        for _ in range(steps):
            body.step(7.0 / steps)
    assert coarse.pose.distance_m(fine.pose) < 1e-9
    assert coarse.pose.yaw_rad == pytest.approx(fine.pose.yaw_rad)


def test_a_robot_backs_out_facing_forwards() -> None:
    body = motion(WORKING_W, pose=Pose(1.0, 1.0, math.pi / 2))
    body.follow(np.array([[1.0, 1.0], [1.0, 0.3]]), reverse=True, exact=True)
    seconds_to_rest(body)
    assert body.pose.distance_m(Pose(1.0, 0.3)) < 1e-6
    assert body.pose.yaw_rad == pytest.approx(math.pi / 2)


def test_braking_comes_to_rest_within_speed_over_acceleration() -> None:
    body = motion(WORKING_W, STRAYING)
    body.follow(STRAIGHT)
    body.step(3.0)
    assert body.speed_mps == pytest.approx(0.5)
    before = body.pose
    body.brake()
    assert seconds_to_rest(body) <= 0.5 / 0.5 + 0.02
    assert body.pose.distance_m(before) == pytest.approx(0.25, abs=0.01)


def test_a_robot_that_brakes_just_before_it_turns_on_the_spot_has_not_turned_yet() -> None:
    for k in range(200):
        before_m = 1.0 + 0.0137 * k
        body = motion(WORKING_W)
        body.follow(np.array([[0.0, 0.0], [before_m, 0.0], [before_m, 2.0]]))
        body.step(before_m / 0.5 + 0.5 / 0.5 - 0.3 - 0.001 * k)
        body.brake()
        seconds_to_rest(body)
        assert body.pose.yaw_rad == 0.0, k
        assert body.pose.x_m == pytest.approx(before_m, abs=1e-6)


def test_braking_in_a_pivot_stops_the_turn() -> None:
    body = motion(WORKING_W)
    body.follow(np.array([[0.0, 0.0], [0.0, 3.0]]))
    body.step(1.0)
    rate = body.yaw_rate_rps
    assert rate == pytest.approx(0.6)
    body.brake()
    assert seconds_to_rest(body) <= rate / 1.0 + 0.02
    assert body.pose.distance_m(Pose(0.0, 0.0)) == 0.0


def test_a_robot_without_acceleration_limits_stops_at_once() -> None:
    body = motion(REFERENCE_R)
    body.follow(STRAIGHT)
    body.step(1.0)
    body.brake()
    assert body.at_rest and body.speed_mps == 0.0


def test_a_longer_path_ahead_is_taken_up_without_a_stop() -> None:
    body = motion(WORKING_W)
    body.follow(STRAIGHT)
    body.step(4.0)
    body.follow(np.array([[1.6, 0.0], [8.0, 0.0]]))
    body.step(0.2)
    assert body.speed_mps == pytest.approx(0.5)
    seconds_to_rest(body)
    assert body.pose.distance_m(Pose(8.0, 0.0)) < 1e-6


def test_a_path_in_another_direction_is_taken_up_after_braking() -> None:
    body = motion(WORKING_W)
    body.follow(STRAIGHT)
    body.step(3.0)
    here = body.pose
    body.follow(np.array([[here.x_m, here.y_m], [here.x_m, 2.0]]))
    body.step(0.5)
    assert 0.0 < body.speed_mps < 0.5 and body.pose.y_m == pytest.approx(0.0)
    seconds_to_rest(body)
    assert body.pose.distance_m(Pose(here.x_m, 2.0)) < 1e-6


def test_a_path_that_starts_a_little_off_is_joined() -> None:
    body = motion(WORKING_W, pose=Pose(-0.2, 0.0))
    body.follow(np.array([[0.0, 0.0], [0.0, 2.0]]))
    places = []
    while not body.at_rest:
        body.step(0.05)
        places.append((body.pose.x_m, body.pose.y_m))
    assert LineString(places).distance(Point(0.0, 0.0)) < 0.01
    assert body.pose.distance_m(Pose(0.0, 2.0)) < 1e-6


def test_a_path_is_joined_at_its_nearest_point() -> None:
    body = motion(WORKING_W, pose=Pose(0.4, 0.0))
    body.follow(STRAIGHT)
    body.step(1.0)
    assert body.pose.x_m > 0.4


def test_a_path_that_ends_where_the_robot_stands_moves_nothing() -> None:
    body = motion(WORKING_W)
    body.follow(np.zeros((2, 2)))
    assert body.at_rest


@given(
    robot=st.sampled_from((REFERENCE_R, WORKING_W)),
    orders=st.lists(
        st.tuples(st.integers(0, 60), st.floats(-3.0, 3.0), st.floats(-3.0, 3.0), st.booleans()),
        min_size=1,
        max_size=6,
    ),
)
def test_the_last_of_many_orders_is_carried_out_whenever_they_come(
    robot: RobotProfile, orders: list[tuple[int, float, float, bool]]
) -> None:
    """The orders: the steps of 0.05 s that pass before the next comes, its goal, and whether it is driven backwards."""
    body = motion(robot)
    for steps, x, y, reverse in orders:
        body.follow(np.array([[body.pose.x_m, body.pose.y_m], [x, y]]), reverse=reverse)
        for _ in range(steps):
            body.step(0.05)
    assert seconds_to_rest(body, 0.05, limit_s=120.0) < 120.0
    assert body.pose.distance_m(Pose(orders[-1][1], orders[-1][2])) < STRAYING.limit_m + 0.01


@st.composite
def paths(draw: st.DrawFn) -> NDArray[np.float64]:
    turns = draw(st.lists(st.floats(-math.pi, math.pi), min_size=1, max_size=8))
    lengths = draw(st.lists(st.floats(0.02, 3.0), min_size=len(turns), max_size=len(turns)))
    headings = np.cumsum(turns)
    steps = np.array(lengths)[:, None] * np.column_stack((np.cos(headings), np.sin(headings)))
    return np.vstack(([0.0, 0.0], np.cumsum(steps, axis=0)))


@settings(max_examples=60, deadline=None)
@given(paths(), st.integers(0, 2**32 - 1))
def test_a_straying_robot_stays_within_its_limits_and_five_centimetres(path: NDArray[np.float64], seed: int) -> None:
    body = motion(WORKING_W, STRAYING, seed=seed)
    body.follow(path)
    line, before, speed, dt = LineString(path), body.pose, 0.0, 0.05
    for _ in range(20_000):
        if body.at_rest:
            break
        body.step(dt)
        assert line.distance(Point(body.pose.x_m, body.pose.y_m)) <= 0.05 + 1e-6
        assert body.pose.distance_m(before) <= 0.5 * dt + 1e-6
        assert abs(wrap_angle(body.pose.yaw_rad - before.yaw_rad)) <= 0.6 * dt + 1e-6
        assert abs(body.speed_mps - speed) <= 0.5 * dt + 1e-6
        before, speed = body.pose, body.speed_mps
    assert body.at_rest
    assert body.pose.distance_m(Pose(*path[-1])) <= 0.05 + 1e-6


def test_the_lateral_error_has_the_deviation_that_was_asked_for() -> None:
    body = motion(REFERENCE_R, STRAYING, seed=3)
    body.follow(np.array([[0.0, 0.0], [4000.0, 0.0]]))
    errors = []
    while not body.at_rest:
        body.step(1.0)
        errors.append(body.pose.y_m)
    assert np.std(errors) == pytest.approx(0.03, abs=0.006)
    assert max(map(abs, errors)) <= 0.05 + 1e-9
    near = np.corrcoef(errors[:-10], errors[10:])[0, 1]
    assert 0.15 < near < 0.6
