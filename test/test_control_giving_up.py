"""Robots that get nowhere: they give up within a budget, come out of where they stand, and the run ends."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from control_site import site, until, until_ended

from robot_fleet.control import orders, yielding
from robot_fleet.control.ways import length_m, straight
from robot_fleet.fleet.commands import Follow
from robot_fleet.fleet.entities import MOST_GIVE_UPS
from robot_fleet.fleet.events import (
    LegEnded,
    Outcome,
)
from robot_fleet.fleet.itinerary import Itinerary, Place
from robot_fleet.fleet.states import RobotState, RunState
from robot_fleet.floor.footprint import Footprint
from robot_fleet.floor.profile import WORKING_W
from robot_fleet.planning.plan import LegKind

SQUARE = replace(WORKING_W, footprint=Footprint(corners_m=((-0.35, -0.3), (0.35, -0.3), (0.35, 0.3), (-0.35, 0.3))))


def test_a_robot_in_the_way_looks_for_a_refuge_now_and_then_not_at_every_tick(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = site()
    made.controller.start_run((), "")
    made.advance(60.0)
    state = made.controller._state
    robot = state.robots["r1"]
    robot.order, robot.itinerary = None, None
    state.traffic._waits["r2"] = frozenset({"r1"})
    calls: list[str] = []
    monkeypatch.setattr(yielding, "make_room", lambda state, robot, free: calls.append(robot.name))
    for _ in range(10):
        state.now_s += 0.2
        yielding.ask_to_move(state, robot)
    assert 1 <= len(calls) <= 2


def test_no_plans_are_made_over_and_over_for_a_robot_that_no_plan_can_use() -> None:
    made = site()
    made.controller.start_run((), "")
    until(made, "r1", RobotState.CLEANING)
    robot = made.controller._state.robots["r2"]
    robot.give_ups, robot.itinerary, robot.came_back = MOST_GIVE_UPS, None, True
    before = sum("plan asked" in line for line in made.run_store.journal)
    made.advance(60.0)
    assert sum("plan asked" in line for line in made.run_store.journal) <= before + 1


def test_a_robot_that_gives_up_again_first_goes_back_the_way_that_it_came() -> None:
    made = site()
    made.controller.start_run((), "")
    until(made, "r1", RobotState.CLEANING)
    made.advance(20.0)
    state = made.controller._state
    robot = state.robots["r1"]
    assert robot.pose is not None and state.active is not None
    orders.give_up_here(state, robot, "no progress")
    assert not any(entry["event"] == "backs off" for entry in state.effects.journal)
    orders.give_up_here(state, robot, "no progress")
    assert robot.itinerary is not None and robot.place == Place()
    points = robot.itinerary.stretches[0].points
    assert np.hypot(*(points[0] - (robot.pose.x_m, robot.pose.y_m))) < 0.05
    assert 1.5 <= float(np.hypot(*np.diff(points, axis=0).T).sum()) < 3.0
    track = state.active.track("r1")[:, 1:]
    assert np.hypot(*(track - points[-1]).T).min() < 0.05
    assert robot.cleans


def test_a_long_robot_backs_off_only_by_ways_that_it_can_be_steered_along() -> None:
    made = site()
    made.controller.start_run((), "")
    until(made, "r1", RobotState.CLEANING)
    made.advance(20.0)
    state = made.controller._state
    robot = state.robots["r1"]
    robot.spec = replace(robot.spec, profile=SQUARE)
    assert robot.pose is not None and state.active is not None
    passed = orders._passed_lately(robot, state.active.tracks["r1"])
    # Up and down the hall, as lanes run.
    assert {round(abs(math.sin(pose.yaw_rad)), 1) for pose in passed} == {1.0}
    assert orders._back_along(state, robot, passed) is None


def test_a_retreat_that_was_not_driven_is_not_driven_beside_the_next_one() -> None:
    made = site()
    made.controller.start_run((), "")
    until(made, "r1", RobotState.CLEANING)
    state = made.controller._state
    robot = state.robots["r1"]
    assert robot.pose is not None and robot.itinerary is not None
    state.robots["r2"].waiting_since_s = state.now_s
    work_m, x, y = length_m(robot.itinerary.rest(robot.place).stretches), robot.pose.x_m, robot.pose.y_m
    for aside_m in (1.0, 2.0, 3.0):
        yielding._retreat(state, robot, straight(np.array([(x, y), (x + aside_m, y)])))
        assert length_m(robot.itinerary.stretches) == pytest.approx(work_m + aside_m, abs=0.05)


def test_a_robot_that_gets_nowhere_gives_up_within_a_budget_and_the_run_ends() -> None:
    made = site()
    made.controller.start_run((), "", ("r1",))
    until(made, "r1", RobotState.CLEANING)
    made.advance(5.0)
    made.world.robots["r1"]._follow = lambda order: "something stands there"  # type: ignore[method-assign]
    ended = until_ended(made, 1800.0)
    assert ended.state is RunState.COMPLETED
    assert "r1" in {alert.robot for alert in made.controller.snapshot.alerts if alert.active}


def test_a_robot_that_finds_ways_that_are_never_granted_gives_up_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yielding, "TRAPPED_S", 60.0)
    made = site()
    made.controller.start_run((), "")
    until(made, "r1", RobotState.CLEANING)
    made.advance(5.0)
    made.world.kill("r1")
    state = made.controller._state
    # As if they stood so near to each other that the floor of the dead one lies under the other.
    state.traffic.ask = lambda robot, wanted, left: bool(state.traffic._waits.update({robot: frozenset({"r1"})}))  # type: ignore
    ended = until_ended(made, 1800.0)
    assert ended.state.is_terminal
    assert sum('"event": "trapped"' in line for line in made.run_store.journal) <= 3


@pytest.mark.parametrize("finds_room", [False, True])
def test_two_robots_that_wait_for_each_other_and_find_no_way_out_give_up_in_the_end(
    monkeypatch: pytest.MonkeyPatch, finds_room: bool
) -> None:
    made = site()
    made.controller.start_run((), "")
    until(made, "r1", RobotState.CLEANING)
    until(made, "r2", RobotState.CLEANING)
    state = made.controller._state
    monkeypatch.setattr(yielding, "TRAPPED_S", 60.0)
    for way_out in ("_go_round", "_retreat_home"):
        monkeypatch.setattr(yielding, way_out, lambda *_: False)
    # Room that is found and never granted is no way out either.
    monkeypatch.setattr(yielding, "make_room", lambda *_: finds_room)
    other = {"r1": frozenset({"r2"}), "r2": frozenset({"r1"})}
    state.traffic.ask = lambda robot, wanted, left: bool(state.traffic._waits.update({robot: other[robot]}))  # type: ignore
    ended = until_ended(made, 1500.0)
    assert ended.state.is_terminal


def test_a_robot_that_always_says_at_once_that_it_has_arrived_gives_up_within_a_budget() -> None:
    made = site()
    robot = made.world.robots["r1"]

    def arrive(order: Follow, now_s: float) -> None:
        robot._outbox.append(LegEnded("r1", now_s, order.leg_id, Outcome.SUCCEEDED))

    robot._take_up = arrive  # type: ignore[method-assign, assignment]
    made.controller.start_run((), "", ("r1",))
    ended = until_ended(made, 1800.0)
    assert ended.state.is_terminal and ended.cleaned_m2 == 0.0
    assert sum('"event": "leg sent"' in line for line in made.run_store.journal) < 150
    assert any("it says that it has arrived, " in alert.text for alert in made.controller.snapshot.alerts)


def test_a_robot_that_gives_up_with_nothing_left_to_clean_does_not_back_off_for_ever() -> None:
    made = site()
    made.controller.start_run((), "")
    until(made, "r1", RobotState.CLEANING)
    made.advance(10.0)
    state, robot = made.controller._state, made.controller._state.robots["r1"]
    assert robot.itinerary is not None
    bare = [stretch for stretch in robot.itinerary.stretches if stretch.kind is LegKind.TRANSIT]
    robot.order, robot.itinerary, robot.place, robot.give_ups = None, Itinerary((bare[-1],)), Place(), MOST_GIVE_UPS
    orders.give_up_here(state, robot, "no progress")
    assert not robot.has_work and not any(entry["event"] == "backs off" for entry in state.effects.journal)


def test_a_robot_that_drove_on_along_a_bare_way_while_the_controller_was_away_is_not_led_back() -> None:
    made = site()
    made.controller.start_run((), "")
    robot = made.world.robots["r2"]

    def is_on_its_way() -> bool:
        order = made.controller._state.robots["r2"].order
        return order is not None and order.piece.kind is LegKind.TRANSIT and order.piece.line.length > 4.0

    while not is_on_its_way():
        made.advance(0.2)
    begin = robot.pose
    while robot.pose.distance_m(begin) < 2.0:
        made.world.step(0.05)
    goal = made.controller._state.robots["r2"].order.piece.end_pose  # type: ignore[union-attr]
    made.restart_controller()
    made.advance(0.5)
    left_m = robot.pose.distance_m(goal)
    while robot.pose.distance_m(goal) > 1.0:
        made.advance(0.2)
        assert robot.pose.distance_m(goal) < left_m + 0.2
        left_m = min(left_m, robot.pose.distance_m(goal))
    assert made.world.now_s < 60.0
