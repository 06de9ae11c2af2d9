"""Batteries that fall and heads that fail: robots leave in time, and others take over what they cannot do."""

from __future__ import annotations

from dataclasses import replace

import pytest
from control_site import all_docked, by_hand, deaf_to_batteries, hall, robot_of, run_of, site, until, until_ended

from robot_fleet.fleet.commands import Command, SwitchHead
from robot_fleet.fleet.states import RobotState, RunState
from robot_fleet.planning.plan import Plan, PlanRequest
from robot_fleet.sim.realism import EXECUTED
from robot_fleet.sim.site import VirtualSite


def test_a_low_battery_sends_a_robot_home_after_its_piece_and_the_other_takes_its_lanes() -> None:
    made = site()
    made.controller.start_run((), "")
    until(made, "r2", RobotState.CLEANING)
    made.world.robots["r2"].battery = 0.15
    made.advance(60.0)
    assert made.controller._state.robots["r2"].needs_charge
    assert any("goes home to charge" in alert.text for alert in made.controller.snapshot.alerts)
    assert until_ended(made).state is RunState.COMPLETED
    assert all_docked(made)
    assert run_of(made).cleaned_m2 > 70


def test_a_robot_whose_battery_falls_fast_leaves_in_time_to_get_home() -> None:
    made = site()
    made.controller.start_run((), "")
    until(made, "r2", RobotState.CLEANING)
    robot = made.world.robots["r2"]
    robot.battery = 0.5
    while not made.controller._state.robots["r2"].needs_charge:
        robot.battery -= 0.0025 * 0.2
        made.advance(0.2)
    assert robot.battery > 0.2
    while robot.docked_at is None:
        robot.battery -= 0.0025 * 0.2
        made.advance(0.2)
    assert robot.battery > 0.02


def told_of_silent_batteries(made: VirtualSite) -> list[str]:
    return [alert.robot for alert in made.controller.snapshot.alerts if alert.active and "of its battery" in alert.text]


def test_a_battery_that_is_not_heard_of_any_more_counts_as_falling_as_it_did() -> None:
    made = site()
    made.controller.start_run((), "")
    until(made, "r2", RobotState.CLEANING)
    robot = made.world.robots["r2"]
    robot.battery = 0.8
    for step in range(300):
        robot.battery -= 0.0025 * 0.2
        if step == 200:
            deaf_to_batteries(made, "r2")
        made.advance(0.2)
    while not made.controller._state.robots["r2"].needs_charge:
        robot.battery -= 0.0025 * 0.2
        made.advance(0.2)
        assert robot.battery > 0.1


def test_a_robot_that_never_says_how_full_its_battery_is_is_told_of_until_it_does() -> None:
    made = VirtualSite(hall(), by_hand, EXECUTED)
    hear = made.controller.handle
    deaf_to_batteries(made, "r1")
    made.advance(70.0)
    assert told_of_silent_batteries(made) == ["r1"]
    made.controller.handle = hear  # type: ignore[method-assign]
    made.advance(2.0)
    assert told_of_silent_batteries(made) == []


def test_robots_whose_controller_is_gone_finish_their_piece_and_stand_with_their_heads_off() -> None:
    made = site()
    made.controller.start_run((), "")
    for name in ("r1", "r2"):
        until(made, name, RobotState.CLEANING)
    made.advance(3.0)
    for _ in range(300):
        made.world.step(0.2)
    assert all(robot.motion.at_rest and not robot.head_on for robot in made.world.robots.values())


def test_a_robot_that_comes_back_from_silence_is_told_to_turn_its_head_off() -> None:
    made = site()
    made.controller.start_run((), "")
    until(made, "r1", RobotState.CLEANING)
    made.world.robots["r1"]._report = lambda now_s: None  # type: ignore[method-assign]
    until(made, "r1", RobotState.OFFLINE)
    sent: list[Command] = []
    send = made.driver.send
    made.driver.send = lambda command: (sent.append(command), send(command))[1]  # type: ignore
    del made.world.robots["r1"]._report
    while not sent:
        made.advance(0.2)
    assert SwitchHead("r1", False) in sent


def test_a_robot_that_charges_works_again_only_when_it_is_charged() -> None:
    made = site()
    made.controller.start_run((), "")
    until(made, "r2", RobotState.CLEANING)
    made.world.robots["r2"].battery = 0.15
    until(made, "r2", RobotState.CHARGING)
    made.advance(20.0)
    assert robot_of(made, "r2").charging and robot_of(made, "r2").state is RobotState.CHARGING
    assert made.controller._state.robots["r2"].needs_charge
    made.world.robots["r2"].battery = 0.85
    until(made, "r2", RobotState.CLEANING, 120.0)


@pytest.mark.parametrize(("level", "reserve", "joins"), [(0.3, 0.15, False), (0.6, 0.15, True), (0.6, 0.55, False)])
def test_a_robot_that_charges_joins_a_makeup_pass_when_it_has_enough_for_that(
    level: float, reserve: float, joins: bool
) -> None:
    asked: list[tuple[int, list[str]]] = []

    def planned(request: PlanRequest) -> Plan:
        run = made.controller._state.active
        asked.append((run.makeup_passes if run else 0, [robot.name for robot in request.robots]))
        return by_hand(request)

    made = VirtualSite(hall(), planned, EXECUTED)
    made.advance(3.0)
    made.controller.start_run((), "")
    until(made, "r2", RobotState.CLEANING)
    made.world.robots["r2"].battery = 0.15
    until(made, "r2", RobotState.CHARGING)
    made.world.robots["r2"].battery = level
    robot = made.controller._state.robots["r2"]
    profile = robot.spec.profile
    robot.spec = replace(robot.spec, profile=replace(profile, battery=replace(profile.battery, reserve=reserve)))
    until_ended(made)
    before, passes = ([names for count, names in asked if (count > 0) is late] for late in (False, True))
    assert before[-1] == ["r1"]
    assert passes and all(("r2" in names) is joins for names in passes)


def test_lanes_that_others_get_while_a_robot_is_away_are_not_its_own_any_more() -> None:
    made = site()
    made.controller.start_run((), "")
    until(made, "r1", RobotState.CLEANING)
    made.world.robots["r1"]._report = lambda now_s: None  # type: ignore[method-assign]
    until(made, "r1", RobotState.OFFLINE)
    state = made.controller._state
    assert state.robots["r1"].cleans and state.active is not None
    epoch, state.active.rest_wanted = state.active.epoch, True
    while state.active.epoch == epoch or state.active.planning:
        made.advance(0.2)
    assert state.robots["r2"].cleans and not state.robots["r1"].cleans
    del made.world.robots["r1"]._report
    assert until_ended(made).state is RunState.COMPLETED
    assert run_of(made).cleaned_m2 > 70 and all_docked(made)


def test_a_head_that_never_turns_on_takes_its_robot_out_of_the_run_and_the_other_cleans() -> None:
    made = site()
    broken = made.world.robots["r1"]
    obey = broken.command
    broken.command = lambda command, now_s: None if isinstance(command, SwitchHead) else obey(command, now_s)  # type: ignore
    made.controller.start_run((), "")
    assert until_ended(made).state is RunState.COMPLETED
    assert all_docked(made)
    assert run_of(made).cleaned_m2 > 70
    assert any("head" in alert.text for alert in made.controller.snapshot.alerts)
    assert not any('"robot": "r1"' in line and '"kind": "clean"' in line for line in made.run_store.journal)


def test_a_robot_whose_head_did_not_turn_on_is_told_of_until_it_does_and_tried_again_for_missed_floor() -> None:
    asked: list[tuple[int, list[str]]] = []

    def planned(request: PlanRequest) -> Plan:
        run = made.controller._state.active
        asked.append((run.makeup_passes if run else 0, [robot.name for robot in request.robots]))
        return by_hand(request)

    made = VirtualSite(hall(), planned, EXECUTED)
    made.advance(3.0)
    broken = made.world.robots["r1"]
    obey = broken.command
    broken.command = lambda command, now_s: None if isinstance(command, SwitchHead) else obey(command, now_s)  # type: ignore
    made.controller.start_run((), "")
    while not is_told_of_head(made):
        made.advance(1.0)
    assert until_ended(made).state is RunState.COMPLETED and all_docked(made)
    assert any(count > 0 and "r1" in names for count, names in asked)
    assert is_told_of_head(made)
    made.restart_controller()
    made.advance(5.0)
    run_id = made.controller.start_run((), "").run_id
    until(made, "r1", RobotState.UNDOCKING)
    made.advance(5.0)
    assert is_told_of_head(made)
    made.controller.stop_run(run_id)
    until_ended(made)
    broken.command = obey  # type: ignore[method-assign]
    made.controller.start_run((), "")
    assert until_ended(made).state is RunState.COMPLETED
    assert not is_told_of_head(made)


def is_told_of_head(made: VirtualSite) -> bool:
    """Whether an alert about the head of r1 is active."""
    return any(alert.alert_id == "head-r1" and alert.active for alert in made.controller.snapshot.alerts)


def test_a_lone_robot_with_a_dead_head_ends_the_run_as_failed() -> None:
    made = site()
    made.world.kill("r2")
    broken = made.world.robots["r1"]
    obey = broken.command
    broken.command = lambda command, now_s: None if isinstance(command, SwitchHead) else obey(command, now_s)  # type: ignore
    made.controller.start_run((), "")
    assert until_ended(made).state is RunState.FAILED


def test_a_head_is_off_while_its_robot_waits_long() -> None:
    made = site()
    made.controller.start_run((), "")
    until(made, "r1", RobotState.CLEANING)
    made.advance(5.0)
    made.controller._state.traffic.ask = lambda robot, wanted, left: False  # type: ignore[method-assign]
    until(made, "r1", RobotState.WAITING)
    made.advance(20.0)
    assert robot_of(made, "r1").state is RobotState.WAITING
    assert not made.world.robots["r1"].head_on


def test_a_head_that_misses_its_switch_at_a_stop_is_asked_again() -> None:
    made = site()
    run_id = made.controller.start_run((), "").run_id
    until(made, "r1", RobotState.CLEANING)
    robot = made.world.robots["r1"]
    obey, missed = robot.command, []

    def miss_once(command: Command, now_s: float) -> None:
        if isinstance(command, SwitchHead) and not missed:
            missed.append(command)
        else:
            obey(command, now_s)

    robot.command = miss_once  # type: ignore[method-assign]
    made.controller.pause_run(run_id)
    made.advance(10.0)
    assert missed and not robot.head_on
