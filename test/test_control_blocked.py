"""Places where robots do not get on: ways and plans lead round them, missed floor there is listed as blocked."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from control_site import by_hand, robot_of, site
from shapely import LineString, Point

from robot_fleet.control import rest, views
from robot_fleet.control.blocked import clear, places, remember, tell
from robot_fleet.control.missed import (
    MAKEUP_PASSES,
    MOST_EMPTY,
    MOST_PASSES,
    WORTH_AGAIN_M2,
    begin_pass,
    may_pass_again,
)
from robot_fleet.control.orders import give_up_here
from robot_fleet.control.state import FleetState
from robot_fleet.control.ways import way_to
from robot_fleet.fleet.entities import MOST_GIVE_UPS, CleaningRun, Order, Robot
from robot_fleet.fleet.states import RobotState
from robot_fleet.floor.pose import Pose
from robot_fleet.planning.plan import MissedReason
from robot_fleet.sim.site import VirtualSite


def cleaning() -> tuple[VirtualSite, FleetState, CleaningRun, Robot, Order]:
    made = site()
    made.controller.start_run((), "", ("r1",))
    while robot_of(made, "r1").state is not RobotState.CLEANING:
        made.advance(0.2)
    made.advance(8.0)
    state = made.controller._state
    robot = state.robots["r1"]
    assert state.active is not None and robot.order is not None
    return made, state, state.active, robot, robot.order


def test_what_stands_in_a_robots_way_is_taken_to_stand_right_ahead_of_it_and_the_same_place_is_kept_once() -> None:
    _, state, run, robot, order = cleaning()
    assert robot.pose is not None
    remember(run, robot, order)
    remember(run, robot, order)
    ((x, y, count),) = run.blocked
    assert count == 2
    assert robot.radius_m < math.dist((x, y), (robot.pose.x_m, robot.pose.y_m)) < robot.radius_m + 1.0
    assert order.piece.line.distance(Point(x, y)) < 0.01
    clear(state, run, order)
    assert not run.blocked


def test_a_way_leads_round_a_blocked_place_but_never_round_where_the_robot_stands() -> None:
    _, state, run, robot, _ = cleaning()
    run.blocked, robot.order, robot.pose = [[6.0, 4.0, 1.0]], None, Pose(4.5, 4.0)
    way = way_to(state, robot, robot.pose, Pose(7.5, 4.0))
    assert way and all(LineString(one.points).distance(Point(6.0, 4.0)) > robot.radius_m for one in way)
    straight = way_to(state, robot, robot.pose, Pose(7.5, 4.0), round_barred=False)
    assert straight and LineString(straight[0].points).length < 3.1
    robot.pose = Pose(5.8, 4.0)
    assert not places(state, run, [robot])


@pytest.mark.parametrize(("passes", "times", "closed"), [(1, 1, False), (1, 2, True), (4, 1, False), (4, 2, True)])
def test_a_plan_comes_back_to_a_blocked_place_once_and_then_leaves_it_out(
    passes: int, times: int, closed: bool
) -> None:
    _, state, run, robot, order = cleaning()
    for _ in range(times):
        remember(run, robot, order)
    place = Point(run.blocked[0][:2])
    assert robot.pose is not None
    robot.order, run.makeup_passes, robot.pose = None, passes, Pose(place.x + 2.0, place.y)
    rest.ask_for_plan(state, run)
    assert any(shape.contains(place) for shape in state.effects.plans[-1][2].closed) is closed
    # A plan that cannot be made with the place closed is made without.
    run.plan_failures = 1
    rest.ask_for_plan(state, run)
    assert not any(shape.contains(place) for shape in state.effects.plans[-1][2].closed)


@pytest.mark.parametrize(("passes", "closed"), [(1, True), (3, True), (4, False)])
def test_the_last_pass_goes_where_just_one_robot_was_barred_though_others_were_beside_it(
    passes: int, closed: bool
) -> None:
    _, state, run, robot, _ = cleaning()
    run.blocked, run.makeup_passes = [[8.0, 4.0, 1.0], [8.0, 4.7, 2.0]], passes
    robot.order, robot.pose = None, Pose(5.0, 4.0)
    rest.ask_for_plan(state, run)
    shapes = state.effects.plans[-1][2].closed
    assert any(shape.contains(Point(8.0, 4.0)) for shape in shapes) is closed
    assert any(shape.contains(Point(8.0, 4.7)) for shape in shapes)


def test_missed_floor_near_a_blocked_place_is_listed_as_blocked_also_after_a_restart() -> None:
    made, _, run, robot, order = cleaning()
    remember(run, robot, order)
    place = Point(run.blocked[0][:2])
    made.advance(2.0)
    made.restart_controller()
    state = made.controller._state
    assert state.active is not None and state.active.blocked == run.blocked
    blocked = [area for area in views.missed_areas(state, state.active) if area.reason is MissedReason.BLOCKED]
    assert any(area.polygon.distance(place) < 0.3 for area in blocked)
    assert all(area.polygon.distance(place) < 1.0 for area in blocked)


def test_a_robot_that_is_hemmed_in_is_not_planned_for_unless_there_is_no_other() -> None:
    made = site()
    made.controller.start_run((), "")
    while {robot_of(made, name).state for name in ("r1", "r2")} != {RobotState.CLEANING}:
        made.advance(0.2)
    state = made.controller._state
    run, (hemmed_in, free) = state.active, state.robots.values()
    assert run is not None and hemmed_in.pose is not None
    hemmed_in.give_ups = MOST_GIVE_UPS
    rest.ask_for_plan(state, run)
    request = state.effects.plans[-1][2]
    assert [robot.name for robot in request.robots] == [free.name]
    assert any(shape.contains(Point(hemmed_in.pose.x_m, hemmed_in.pose.y_m)) for shape in request.closed)
    free.give_ups = MOST_GIVE_UPS
    rest.ask_for_plan(state, run)
    assert len(state.effects.plans[-1][2].robots) == 2


def test_passes_go_on_while_they_clean_some_or_tell_of_more_places_and_end_all_the_same() -> None:
    _, state, run, robot, order = cleaning()
    assert state.coverage is not None
    run.makeup_passes, run.pass_from = MAKEUP_PASSES - 1, (state.coverage.cleaned_m2, 0)
    assert may_pass_again(state, run)
    run.makeup_passes = MAKEUP_PASSES
    assert not may_pass_again(state, run)
    run.pass_from = state.coverage.cleaned_m2 - WORTH_AGAIN_M2, 0
    assert may_pass_again(state, run)
    run.pass_from = state.coverage.cleaned_m2, 0
    remember(run, robot, order)
    assert may_pass_again(state, run)
    run.makeup_passes = MOST_PASSES
    assert not may_pass_again(state, run)
    # Passes by which nobody could be sent anywhere are not counted, up to a point.
    run.empty_passes = 1
    assert may_pass_again(state, run)
    run.makeup_passes, run.empty_passes = MOST_PASSES + MOST_EMPTY, 100
    assert not may_pass_again(state, run)


def test_a_plan_of_missed_floor_that_sends_nobody_is_an_empty_pass() -> None:
    _, state, run, _, _ = cleaning()
    run.makeup_passes = 2
    rest.ask_for_plan(state, run)
    request = state.effects.plans[-1][2]
    rest.install(state, run, by_hand(replace(request, cleaned=np.ones(request.floor.grid.shape, dtype=bool))))
    assert (run.empty_passes, run.makeup_passes) == (1, MAKEUP_PASSES - 1)
    rest.install(state, run, by_hand(request))
    assert run.empty_passes == 1


def test_how_many_passes_were_made_in_vain_outlives_a_restart() -> None:
    made, state, run, _, _ = cleaning()
    run.makeup_passes, run.empty_passes = 3, 2
    state.touch("run", run.run_id)
    made.advance(2.0)
    made.restart_controller()
    again = made.controller._state.active
    assert again is not None and (again.makeup_passes, again.empty_passes) == (3, 2)


def test_another_pass_is_made_when_a_robot_got_away_from_where_it_gave_up_all_its_lanes() -> None:
    _, state, run, robot, _ = cleaning()
    assert state.coverage is not None and robot.pose is not None and robot.itinerary is not None
    run.makeup_passes, run.pass_from = MAKEUP_PASSES, (state.coverage.cleaned_m2, 0)
    robot.give_ups = MOST_GIVE_UPS - 1
    give_up_here(state, robot, "no progress")
    run.pass_from = state.coverage.cleaned_m2, round(sum(count for _, _, count in run.blocked))
    assert robot.is_hemmed_in and not may_pass_again(state, run)
    robot.pose = Pose(robot.pose.x_m + 3.0, robot.pose.y_m)
    assert may_pass_again(state, run)
    begin_pass(state, run)
    assert not may_pass_again(state, run)


@pytest.mark.parametrize(("passes", "takes_part"), [(1, False), (4, True), (5, False), (6, True)])
def test_a_robot_that_is_hemmed_in_takes_part_in_every_other_of_the_last_passes(passes: int, takes_part: bool) -> None:
    _, state, run, robot, _ = cleaning()
    run.robots, run.makeup_passes, robot.give_ups = ("r1", "r2"), passes, MOST_GIVE_UPS
    rest.ask_for_plan(state, run)
    names = [starter.name for starter in state.effects.plans[-1][2].robots]
    assert (robot.name in names) is takes_part and len(names) == 1 + takes_part


def active(made: VirtualSite) -> dict[str, str]:
    """The alerts about places where robots did not get on, by their names."""
    made.controller._publish()
    alerts = made.controller.snapshot.alerts
    return {alert.alert_id: alert.text for alert in alerts if alert.active and alert.alert_id.startswith("blocked-")}


def test_one_place_is_one_alert_whoever_meets_it_from_whatever_side_and_another_place_is_another() -> None:
    made, state, run, robot, _ = cleaning()
    other = state.robots["r2"]
    # A pallet of 0.8 m, met from both sides, and something else farther on.
    run.blocked = [[6.0, 4.0, 1.0], [6.6, 4.0, 1.0], [9.0, 4.0, 1.0]]
    robot.pose, other.pose = Pose(5.2, 4.0), Pose(7.4, 4.0)
    tell(state, robot, "no progress")
    tell(state, robot, "no progress")
    tell(state, other, "no progress")
    assert len(active(made)) == 1
    robot.pose = Pose(8.3, 4.0)
    tell(state, robot, "no progress")
    assert sorted(active(made).values()) == [
        "r1 did not get on at (5.2, 4.0): no progress",
        "r1 did not get on at (8.3, 4.0): no progress",
    ]


def test_what_was_told_of_a_place_is_over_when_a_robot_has_driven_over_it() -> None:
    made, state, run, robot, order = cleaning()
    remember(run, robot, order)
    tell(state, robot, "no progress")
    assert len(active(made)) == 1
    clear(state, run, order)
    assert not active(made)


def test_a_robot_that_alone_does_not_get_on_is_told_of_by_its_name() -> None:
    made, state, run, robot, _ = cleaning()
    run.blocked = []
    tell(state, robot, "the server is not active")
    assert set(active(made)) == {"blocked-r1"}
