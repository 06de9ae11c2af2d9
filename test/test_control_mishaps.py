"""Mishaps at awkward moments: nothing is lost, nothing hangs, and no floor is believed free too early."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Sequence

import numpy as np
import pytest
import shapely
from control_site import all_docked, by_hand, hall, robot_of, run_of, site, until_ended
from shapely import Point

from robot_fleet.control import orders, yielding
from robot_fleet.control.dispatch import _granted
from robot_fleet.control.ports import Record
from robot_fleet.fleet.commands import Command, DockAt, Follow, SwitchHead
from robot_fleet.fleet.entities import MOST_GIVE_UPS
from robot_fleet.fleet.events import (
    BatteryReported,
    Event,
    HeadReported,
    HoldReported,
    LegEnded,
    Outcome,
    PoseRefused,
    PoseReported,
    Tick,
)
from robot_fleet.fleet.itinerary import Itinerary, Piece, Place
from robot_fleet.fleet.states import RobotState, RunState
from robot_fleet.floor.pose import Pose
from robot_fleet.planning.plan import CannotPlan, LegKind, Plan, PlanRequest
from robot_fleet.planning.routing import Router
from robot_fleet.sim.realism import PERFECT
from robot_fleet.sim.site import VirtualSite
from robot_fleet.sim.virtual import MemoryRunStore


def until(made: VirtualSite, name: str, state: RobotState, limit_s: float = 1000.0) -> None:
    end_s = made.world.now_s + limit_s
    while robot_of(made, name).state is not state:
        assert made.world.now_s < end_s, f"{name} was never {state.value}"
        made.advance(0.2)


def test_a_docking_that_succeeds_on_a_robot_that_has_just_fallen_silent_or_been_held_is_taken_calmly() -> None:
    for mishap in ("silence", "hold"):
        made = site()
        made.controller.start_run((), "")
        until(made, "r1", RobotState.DOCKING)
        leg_id = robot_of(made, "r1").leg_id
        if mishap == "hold":
            made.controller.handle(HoldReported("r1", made.world.now_s, "contact"))
        else:
            made.world.kill("r1")
            until(made, "r1", RobotState.OFFLINE)
        before = robot_of(made, "r1").state
        made.controller.handle(LegEnded("r1", made.world.now_s, leg_id, Outcome.SUCCEEDED))
        assert robot_of(made, "r1").state is before


def test_a_controller_that_was_asleep_takes_nobody_for_silent_but_still_finds_who_is() -> None:
    made = site()
    made.controller.handle(Tick(made.world.now_s + 60.0))
    assert {robot.state for robot in made.controller.snapshot.robots} == {RobotState.CHARGING}
    for seconds in range(1, 20):
        made.controller.handle(Tick(made.world.now_s + 60.0 + seconds))
    assert {robot.state for robot in made.controller.snapshot.robots} == {RobotState.OFFLINE}
    assert {alert.robot for alert in made.controller.snapshot.alerts} == {"r1", "r2"}


def test_poses_that_overtake_the_clocks_they_belong_to_count_as_heard_at_their_stamps() -> None:
    made = site()
    begun_s = made.world.now_s
    for name, robot in made.world.robots.items():
        made.controller.handle(PoseReported(name, begun_s + 12.0, robot.pose))
    for ticks in range(1, 60):
        made.controller.handle(Tick(begun_s + 0.2 * ticks))
    assert {robot.state for robot in made.controller.snapshot.robots} == {RobotState.CHARGING}
    for ticks in range(60, 130):
        made.controller.handle(Tick(begun_s + 0.2 * ticks))
    assert {robot.state for robot in made.controller.snapshot.robots} == {RobotState.OFFLINE}


def test_two_robots_that_need_a_way_do_not_look_for_it_within_one_tick(monkeypatch: pytest.MonkeyPatch) -> None:
    made, searched_s = site(), list[float]()
    route = Router.route

    def counted(router: Router, start: Pose, goal: Pose) -> object:
        searched_s.append(made.controller._state.now_s)
        return route(router, start, goal)

    made.controller.start_run((), "")
    for name in ("r1", "r2"):
        until(made, name, RobotState.CLEANING)
    made.advance(15.0)
    monkeypatch.setattr(Router, "route", counted)
    for robot in made.controller._state.robots.values():
        robot.itinerary, robot.place = None, Place()
    made.advance(60.0)
    assert len(searched_s) == len(set(searched_s)) >= 2


def test_a_restart_during_the_first_planning_plans_again() -> None:
    made = site(planning_s=20.0)
    made.controller.start_run((), "")
    made.advance(5.0)
    made.restart_controller()
    assert run_of(made).state is RunState.PLANNING
    assert until_ended(made).state is RunState.COMPLETED
    assert run_of(made).cleaned_m2 > 70


def test_a_first_plan_for_which_no_robot_comes_back_fails_in_the_end() -> None:
    made = site(planning_s=20.0)
    made.controller.start_run((), "")
    made.restart_controller()
    for name in made.world.robots:
        made.world.kill(name)
    made.advance(300.0)
    assert run_of(made).state is RunState.PLANNING
    assert until_ended(made).state is RunState.FAILED


class Together(MemoryRunStore):
    """A store that looks whether a way and the place on it are always written in one transaction."""

    def commit(self, event: str, records: Sequence[Record]) -> None:
        keys = {(record.kind, record.key) for record in records}
        assert all(("robot", key) in keys for kind, key in keys if kind == "itinerary")
        super().commit(event, records)


def test_a_new_way_and_the_place_on_it_are_written_together() -> None:
    made = site()
    made.run_store = Together()
    made.restart_controller()
    made.advance(3.0)
    made.controller.start_run((), "")
    made.advance(60.0)
    made.world.kill("r1")
    assert until_ended(made).state is RunState.COMPLETED


def test_after_a_cancel_nothing_is_sent_before_the_robot_can_be_at_rest() -> None:
    sent: list[tuple[float, Command]] = []
    made = site()
    made.controller.start_run((), "")
    made.advance(60.0)
    deliver = made.driver.send
    made.driver.send = lambda command: (sent.append((made.world.now_s, command)), deliver(command))[1]  # type: ignore
    run_id = run_of(made).run_id
    cancelled_s = made.world.now_s
    made.controller.pause_run(run_id)
    made.controller.resume_run(run_id)
    made.advance(10.0)
    follows = [at_s for at_s, command in sent if isinstance(command, Follow)]
    assert follows and min(follows) > cancelled_s + 1.3 - 1e-6


def test_the_floor_of_a_robot_that_no_longer_knows_where_it_is_stays_held() -> None:
    made = site()
    made.controller.start_run((), "")
    until(made, "r1", RobotState.CLEANING)
    made.advance(3.0)
    truly = made.world.robots["r1"]
    truly._report = lambda now_s: truly._outbox.append(  # type: ignore[method-assign]
        BatteryReported("r1", now_s, 0.9, False)
    )
    made.advance(12.0)
    run_id = run_of(made).run_id
    made.controller.pause_run(run_id)
    made.advance(5.0)
    held = made.controller._state.traffic.held("r1")
    assert held.covers(Point(truly.pose.x_m, truly.pose.y_m).buffer(0.35))


def test_a_robot_seen_off_its_way_holds_the_floor_under_it() -> None:
    made = site()
    made.controller.start_run((), "")
    until(made, "r1", RobotState.CLEANING)
    made.advance(3.0)
    pose = made.world.robots["r1"].pose
    aside = Pose(pose.x_m - 0.45, pose.y_m, pose.yaw_rad)
    made.controller.handle(PoseReported("r1", made.world.now_s + 0.01, aside))
    made.controller.handle(Tick(made.world.now_s))
    assert made.controller._state.traffic.held("r1").covers(Point(aside.x_m, aside.y_m).buffer(0.35))


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


def test_a_clock_that_goes_back_for_a_moment_adds_no_hour_to_the_run() -> None:
    made = site()
    made.controller.start_run((), "")
    made.advance(60.0)
    before_s = run_of(made).elapsed_s
    made.controller.handle(Tick(made.world.now_s - 3600.0))
    made.advance(2.0)
    assert before_s < run_of(made).elapsed_s < before_s + 3.0


def test_a_robot_that_died_on_its_way_to_charge_closes_the_floor_where_it_stands() -> None:
    asked: list[PlanRequest] = []

    def overheard(request: PlanRequest) -> Plan:
        asked.append(request)
        return by_hand(request)

    made = VirtualSite(hall(), overheard)
    made.advance(3.0)
    made.controller.start_run((), "")
    made.advance(40.0)
    made.world.robots["r2"].battery = 0.1
    while not made.controller._state.robots["r2"].needs_charge:
        made.advance(1.0)
    made.advance(3.0)
    place = made.world.robots["r2"].pose
    assert not made.world.robots["r2"].docked_at
    made.world.kill("r2")
    plans = len(asked)
    until_ended(made)
    assert len(asked) > plans
    assert any(polygon.covers(Point(place.x_m, place.y_m)) for polygon in asked[-1].closed)


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


def test_a_goal_that_somebody_else_cancels_is_not_sent_again_and_again_at_once() -> None:
    made = site()
    made.controller.start_run((), "")
    until(made, "r1", RobotState.CLEANING)
    touchy = made.world.robots["r1"]
    obey, got = touchy.command, []

    def refuse(command: Command, now_s: float) -> None:
        obey(command, now_s)
        if isinstance(command, Follow):
            got.append(command)
            touchy.cancel(now_s)

    touchy.command = refuse  # type: ignore[method-assign]
    touchy.cancel(made.world.now_s)
    made.advance(20.0)
    assert 1 <= len(got) <= 12


def test_a_held_robot_that_never_confirms_its_cancel_does_not_keep_the_run_from_ending() -> None:
    made = site()
    made.controller.start_run((), "")
    until(made, "r1", RobotState.CLEANING)
    deaf = made.world.robots["r1"]
    deaf.command = lambda command, now_s: None  # type: ignore[method-assign]
    deaf._end = lambda outcome, now_s, detail: None  # type: ignore[method-assign]
    made.world.press_e_stop("r1")
    assert until_ended(made).state is RunState.COMPLETED


def test_a_pause_does_not_wait_for_a_held_robot_that_has_died() -> None:
    made = site()
    run_id = made.controller.start_run((), "").run_id
    made.advance(60.0)
    deaf = made.world.robots["r1"]
    deaf.command = lambda command, now_s: None  # type: ignore[method-assign]
    made.world.press_e_stop("r1")
    made.advance(2.0)
    made.world.kill("r1")
    made.advance(20.0)
    made.controller.pause_run(run_id)
    made.advance(5.0)
    assert run_of(made).state is RunState.PAUSED


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


def test_after_a_restart_in_mid_planning_every_robot_gets_its_share() -> None:
    made = site(planning_s=20.0)
    made.controller.start_run((), "")
    made.advance(40.0)
    made.controller._state.active.rest_wanted = True  # type: ignore[union-attr]
    made.advance(2.0)
    made.restart_controller()
    made.world.robots["r2"]._late.clear()
    made.advance(40.0)
    assert all(robot.cleans for robot in made.controller._state.robots.values())


def test_a_plan_of_the_rest_that_fails_once_is_made_again_soon() -> None:
    answers = itertools.chain([True, False], itertools.repeat(True))

    def moody(request: PlanRequest) -> Plan:
        if not next(answers):
            raise CannotPlan(())
        return by_hand(request)

    made = VirtualSite(hall(), moody)
    made.advance(3.0)
    made.controller.start_run((), "")
    made.advance(30.0)
    made.controller._state.active.rest_wanted = True  # type: ignore[union-attr]
    made.advance(20.0)
    assert made.controller._state.active.epoch == 3  # type: ignore[union-attr]
    assert until_ended(made).state is RunState.COMPLETED


def test_a_rest_that_cannot_be_planned_ends_the_run_with_an_alert_and_everybody_at_home() -> None:
    def once(request: PlanRequest) -> Plan:
        if request.cleaned is not None:
            raise CannotPlan(())
        return by_hand(request)

    made = VirtualSite(hall(), once)
    made.advance(3.0)
    made.controller.start_run((), "")
    made.advance(60.0)
    made.controller._state.active.rest_wanted = True  # type: ignore[union-attr]
    assert until_ended(made).state is RunState.COMPLETED
    assert all_docked(made)
    assert any("could not be planned" in alert.text for alert in made.controller.snapshot.alerts)


def test_what_the_run_before_met_is_over_with_the_next_one_and_is_told_again_when_it_is_met_again() -> None:
    made = site()

    def told() -> dict[str, str]:
        return {alert.alert_id: alert.run_id for alert in made.controller.snapshot.alerts if alert.active}

    def evening() -> str:
        run_id = made.controller.start_run((), "", ("r1",)).run_id
        made.advance(30.0)
        return run_id

    first = evening()
    for key in ("blocked-r1", "waits-r1", f"plan-{first}", "held-r2"):
        made.controller._state.alert(key, "WARNING", "It happened", "Look at it")
    made.advance(1.0)
    assert set(told()) == {"blocked-r1", "waits-r1", f"plan-{first}", "held-r2"}
    made.controller.stop_run(first)
    until_ended(made)
    second = evening()
    assert set(told()) == {"held-r2"}
    made.controller._state.alert("blocked-r1", "WARNING", "It happened again", "Look at it")
    made.advance(1.0)
    assert told()["blocked-r1"] == second


def test_tracks_of_ended_runs_are_kept_in_storage_not_in_memory() -> None:
    made = site()
    first = made.controller.start_run((), "").run_id
    made.advance(60.0)
    made.controller.stop_run(first)
    until_ended(made)
    made.controller.start_run((), "")
    assert not made.controller._state.runs[first].tracks
    assert len(made.controller.record(first).tracks["r1"]) > 30


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


def test_what_a_robot_claimed_before_it_found_out_that_it_was_lost_is_withdrawn_and_cleaned_again() -> None:
    made = site()
    made.controller.start_run((), "")
    until(made, "r1", RobotState.CLEANING)
    made.advance(20.0)
    state = made.controller._state
    assert state.coverage is not None
    before_m2, of_other_m2 = state.coverage.cleaned_m2, state.coverage.by_robot_m2.get("r2", 0.0)
    made.controller.handle(HoldReported("r1", made.world.now_s, "localisation lost"))
    assert state.coverage.cleaned_m2 < before_m2 - 3.0
    assert state.coverage.cleaned_m2 == pytest.approx(state.coverage.cleaned.sum() * 0.0025)
    assert state.coverage.by_robot_m2.get("r2", 0.0) == of_other_m2
    made.restart_controller()
    assert run_of(made).cleaned_m2 < before_m2 - 3.0
    made.advance(5.0)
    made.controller.handle(HoldReported("r1", made.world.now_s, ""))
    made.controller.acknowledge("r1", "somebody")
    assert until_ended(made).state is RunState.COMPLETED
    assert run_of(made).cleaned_m2 > 70


def test_what_was_claimed_before_a_restart_is_withdrawn_as_well() -> None:
    made = site()
    made.controller.start_run((), "")
    until(made, "r1", RobotState.CLEANING)
    made.advance(20.0)
    made.restart_controller()
    before_m2 = run_of(made).cleaned_m2
    made.controller.handle(HoldReported("r1", made.world.now_s, "localisation lost"))
    state = made.controller._state
    assert state.coverage is not None
    assert state.coverage.cleaned_m2 < before_m2 - 3.0


@pytest.mark.parametrize(("jump_m", "is_withdrawn"), [(0.1, False), (0.6, True)])
def test_a_robot_that_is_suddenly_elsewhere_did_not_know_where_it_was(jump_m: float, is_withdrawn: bool) -> None:
    made = site(PERFECT)
    made.controller.start_run((), "")
    until(made, "r1", RobotState.CLEANING)
    made.advance(20.0)
    state = made.controller._state
    assert state.coverage is not None
    before_m2, pose = state.coverage.cleaned_m2, made.world.robots["r1"].pose
    elsewhere = Pose(pose.x_m, pose.y_m + jump_m, pose.yaw_rad)
    made.controller.handle(PoseReported("r1", made.world.now_s + 0.1, elsewhere))
    assert (state.coverage.cleaned_m2 < before_m2 - 3.0) is is_withdrawn


def test_reports_that_were_overtaken_are_not_believed_but_for_holds() -> None:
    made = site()
    now_s, state = made.world.now_s, made.controller._state
    robot = state.robots["r1"]
    for event in (
        BatteryReported("r1", now_s, 0.1, False),
        BatteryReported("r1", now_s - 2.0, 0.95, True),
        HeadReported("r1", now_s, False),
        HeadReported("r1", now_s - 2.0, True),
        HoldReported("r1", now_s, "e-stop"),
        HoldReported("r1", now_s - 2.0, ""),
    ):
        made.controller.handle(event)
    assert (robot.battery, robot.charging, robot.head_on, robot.hold_active) == (0.1, False, False, True)
    made.controller.handle(HoldReported("r1", now_s + 1.0, ""))
    made.controller.handle(HoldReported("r1", now_s + 0.5, "manual mode"))
    assert robot.hold_active and robot.hold == "manual mode"


def test_a_robot_whose_clock_was_set_back_is_believed() -> None:
    made = site()
    made.controller.handle(BatteryReported("r1", made.world.now_s, 0.9, False))
    made.controller.handle(BatteryReported("r1", made.world.now_s - 3600.0, 0.5, False))
    assert made.controller._state.robots["r1"].battery == 0.5


def test_how_fast_a_battery_falls_is_known_after_a_restart() -> None:
    made = site()
    made.controller.start_run((), "")
    until(made, "r1", RobotState.CLEANING)
    for second in range(0, 40, 5):
        made.controller.handle(BatteryReported("r1", made.world.now_s + second, 0.9 - 0.001 * second, False))
    made.controller.handle(HoldReported("r1", made.world.now_s, "manual mode"))
    learnt = made.controller._state.robots["r1"].drain.per_s
    made.restart_controller()
    assert made.controller._state.robots["r1"].drain.per_s == learnt > 0.0009


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


class Floors(MemoryRunStore):
    """Storage that knows what it was last told of the floor that each robot holds."""

    def __init__(self) -> None:
        super().__init__()
        self.floors: dict[str, str] = {}
        self.written = False

    def commit(self, event: str, records: Sequence[Record]) -> None:
        super().commit(event, records)
        found = {
            record.key: json.loads(record.body)["floor"] for record in records if record.kind == "robot" and record.body
        }
        self.floors |= found
        self.written = bool(found)


def test_what_is_stored_of_the_floor_that_robots_hold_is_of_one_moment() -> None:
    made = site()
    made.run_store = stored = Floors()
    made.restart_controller()
    made.advance(3.0)
    made.controller.start_run((), "")
    controller, commit, compared = made.controller, made.controller._rows.commit, []

    def commit_and_compare(what: str) -> bool:
        stored.written = False
        made_it = commit(what)
        if stored.written:
            traffic = controller.traffic
            compared.append(
                {name: shapely.from_wkb(floor).equals(traffic.held(name)) for name, floor in stored.floors.items()}
            )
        return made_it

    controller._rows.commit = commit_and_compare  # type: ignore[method-assign]
    made.advance(60.0)
    assert len(compared) > 60 and all(all(same.values()) and len(same) == 2 for same in compared)


def test_a_robot_that_still_rolls_keeps_the_floor_ahead_when_it_is_granted_a_way_that_begins_elsewhere() -> None:
    made = site()
    made.controller.start_run((), "")
    until(made, "r1", RobotState.CLEANING)
    made.advance(5.0)
    state, robot = made.controller._state, made.controller._state.robots["r1"]
    assert robot.pose is not None and robot.order is not None
    ahead = robot.order.piece.points[-1]
    robot.order, robot.rest_after_s = None, state.now_s + 1.3
    x, y = robot.pose.x_m, robot.pose.y_m
    toward = np.array((x, y)) + 0.2 * (ahead - (x, y)) / math.dist(ahead, (x, y))
    aside = Piece(LegKind.TRANSIT, Place(), 0.3, np.array([(x, y), (x + 0.3, y)]))
    still_to_be_left = state.under(robot, Pose(*toward))
    assert _granted(state, robot, aside)
    assert state.traffic.held("r1").buffer(0.01).covers(still_to_be_left)
    robot.rest_after_s = state.now_s
    assert _granted(state, robot, aside)
    assert not state.traffic.held("r1").buffer(0.01).covers(still_to_be_left)


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


def test_floor_that_a_robot_was_granted_and_not_sent_over_is_free_again_when_it_falls_silent() -> None:
    made = site()
    state = made.controller._state
    robot = state.robots["r1"]
    made.world.robots["r1"]._switch_head = lambda *_: None  # type: ignore[method-assign]
    made.controller.start_run((), "")
    # It holds its first lane and waits for its head when its power fails.
    while robot.order is not None or state.traffic.held("r1").area < 2.0 * state.under(robot).area:
        assert made.world.now_s < 100.0
        made.advance(0.2)
    made.advance(2.0)
    made.world.kill("r1")
    until(made, "r1", RobotState.OFFLINE)
    made.advance(1.0)
    assert state.traffic.held("r1").equals(state.under(robot))


def test_a_robot_brakes_before_another_one_that_somebody_pushed_onto_its_floor() -> None:
    made = site()
    made.controller.start_run((), "")
    until(made, "r1", RobotState.CLEANING)
    made.world.press_e_stop("r2")
    made.advance(4.0)
    order = made.controller._state.robots["r1"].order
    assert order is not None and order.piece.line.length - order.progress_m > 3.0
    ahead = order.piece.line.interpolate(order.progress_m + 2.0)
    made.world.robots["r2"].motion.pose = Pose(ahead.x, ahead.y)
    made.advance(20.0)
    assert not made.world.collisions
    assert robot_of(made, "r1").state is not RobotState.HELD


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


def test_a_robot_that_says_that_it_has_docked_and_stands_elsewhere_is_told_of() -> None:
    made = site()
    robot = made.world.robots["r1"]

    def arrive(order: DockAt) -> str:
        robot._outbox.append(LegEnded("r1", made.world.now_s, order.leg_id, Outcome.SUCCEEDED))
        return ""

    robot._dock = arrive  # type: ignore[method-assign]
    made.controller.start_run(("west",), "", ("r1",))
    until_ended(made)
    assert (
        "r1 says that it has docked, yet it stands 0."
        in {a.alert_id: a for a in made.controller.snapshot.alerts}["dock-r1"].text
    )


@pytest.mark.parametrize("reason", ["off the map", "refused"])
def test_a_robot_whose_place_is_not_believed_loses_its_work_to_the_other_and_comes_back_when_it_is(reason: str) -> None:
    made = site()
    robot = made.world.robots["r1"]
    run = made.controller.start_run((), "")
    until(made, "r1", RobotState.CLEANING)
    made.advance(10.0)
    # Poses that the driver refuses do not reach the controller.
    robot._seen_pose = lambda now_s: PoseReported("r1", now_s, Pose(900.0, 2.0))  # type: ignore[method-assign]
    made.advance(2.0)
    assert robot_of(made, "r1").state is RobotState.CLEANING
    if reason == "refused":
        made.controller.handle(PoseRefused("r1", made.world.now_s, "its clock is wrong", "Set it"))
    until(made, "r1", RobotState.OFFLINE, 3.0)
    made.advance(20.0)
    assert robot.motion.at_rest and not robot.head_on
    alerts = {alert.alert_id: alert for alert in made.controller.snapshot.alerts if alert.active}
    assert alerts["pose-r1"].remedy and "silent-r1" not in alerts
    assert robot_of(made, "r1").detail in alerts["pose-r1"].text
    made.advance(60.0)
    assert any('"work handed on"' in line and '"r1"' in line for line in made.run_store.journal)
    del robot._seen_pose
    made.advance(1.0)
    assert robot_of(made, "r1").state is not RobotState.OFFLINE and not robot_of(made, "r1").detail.startswith("(900")
    assert not any(alert.alert_id == "pose-r1" and alert.active for alert in made.controller.snapshot.alerts)
    assert until_ended(made).run_id == run.run_id and run_of(made).state is RunState.COMPLETED
    assert not made.world.collisions


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


def test_after_a_sleep_a_robot_is_followed_through_all_that_it_said_and_keeps_the_floor_that_it_rolls_on() -> None:
    made = site()
    made.controller.start_run((), "")
    until(made, "r1", RobotState.CLEANING)
    made.advance(4.0)
    state, robot, truly = made.controller._state, made.controller._state.robots["r1"], made.world.robots["r1"]
    first = robot.order
    assert first is not None and first.piece.line.length - first.progress_m > 4.0
    kept: list[Event] = []
    hand_over, made._hand_over = made._hand_over, kept.append  # type: ignore[method-assign,assignment]
    while not any(isinstance(event, LegEnded) and event.robot == "r1" for event in kept):
        made.advance(0.05)
    made._hand_over = hand_over  # type: ignore[method-assign]
    for event in kept:
        if not isinstance(event, Tick):
            made.controller.handle(event)
    assert first.progress_m > first.piece.line.length - 1.0 and not robot.detail
    while truly.motion.speed_mps > 0.0:
        made.advance(0.05)
        assert state.traffic.held("r1").covers(Point(truly.pose.x_m, truly.pose.y_m).buffer(0.34))
