"""What robots report, late, overtaken, wrong or unbelievable: what is believed of it, and what is withdrawn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from control_site import by_hand, hall, robot_of, run_of, site, until, until_ended

from robot_fleet.fleet.commands import DockAt
from robot_fleet.fleet.errors import Unavailable
from robot_fleet.fleet.events import (
    BatteryReported,
    EquipmentReported,
    Event,
    HeadReported,
    HoldReported,
    LegEnded,
    Outcome,
    PoseRefused,
    PoseReported,
    Tick,
)
from robot_fleet.fleet.states import RobotState, RunState
from robot_fleet.floor.pose import Pose
from robot_fleet.planning.plan import Plan, PlanRequest
from robot_fleet.sim.realism import EXECUTED, PERFECT
from robot_fleet.sim.site import VirtualSite

Handle = Callable[[Event], None]


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


def test_a_held_robot_that_finds_out_that_it_was_lost_loses_what_it_claimed_once() -> None:
    made = site()
    made.controller.start_run((), "")
    until(made, "r1", RobotState.CLEANING)
    made.advance(20.0)
    state = made.controller._state
    assert state.coverage is not None
    made.controller.handle(HoldReported("r1", made.world.now_s, "23.9 V"))
    before_m2 = state.coverage.cleaned_m2
    for reason in ("23.8 V", "23.8 V; localisation lost", "23.7 V; localisation lost"):
        made.controller.handle(HoldReported("r1", made.world.now_s, reason))
    assert state.coverage.cleaned_m2 < before_m2 - 3.0
    assert sum('"withdrawn"' in line for line in made.run_store.journal) == 1


def test_that_a_held_robot_is_lost_as_well_is_said_in_its_alert() -> None:
    made = site()
    for reason in ("e-stop", "e-stop; localisation lost"):
        made.controller.handle(HoldReported("r1", made.world.now_s, reason))
        made.controller.handle(Tick(made.world.now_s))
        assert [alert.text for alert in made.controller.snapshot.alerts if alert.active] == [f"r1 is held: {reason}"]


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


def cleaned_in_two_minutes(hand_on: Callable[[Handle, PoseReported], None]) -> float:
    """Square metres that count as clean when robots' poses come to the controller in that way."""
    made = site(PERFECT)
    handle = made.controller.handle
    made.controller.handle = lambda event: hand_on(handle, event) if isinstance(event, PoseReported) else handle(event)  # type: ignore
    made.controller.start_run((), "")
    made.advance(120.0)
    return run_of(made).cleaned_m2


def test_floor_counts_as_clean_also_where_poses_were_overtaken_on_the_link() -> None:
    waiting: list[PoseReported] = []

    def in_order(handle: Handle, pose: PoseReported) -> None:
        handle(pose)

    def backwards(handle: Handle, pose: PoseReported) -> None:
        waiting.append(pose)
        if len(waiting) == 14:
            for late in reversed(waiting):
                handle(late)
            waiting.clear()

    assert cleaned_in_two_minutes(backwards) > 0.95 * cleaned_in_two_minutes(in_order) > 10.0


def test_what_robots_claimed_in_one_run_is_not_withdrawn_from_the_next() -> None:
    made = site()
    first = made.controller.start_run((), "")
    until(made, "r1", RobotState.CLEANING)
    made.advance(10.0)
    made.controller.stop_run(first.run_id)
    until_ended(made)
    assert made.controller._reports._trails["r1"]._claims
    made.controller.start_run((), "")
    assert not made.controller._reports._trails["r1"]._claims


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


def test_a_robot_that_lacks_its_equipment_gets_no_work_until_it_has_it_again() -> None:
    made = site()
    lack = "there is no service /r1/cleaning_head/set"
    made.controller.handle(EquipmentReported("r1", made.world.now_s, lack, "Start it"))
    assert robot_of(made, "r1").detail == lack
    alert = next(alert for alert in made.controller.snapshot.alerts if alert.alert_id == "equipment-r1")
    assert alert.active and lack in alert.text and alert.remedy == "Start it"
    with pytest.raises(Unavailable, match=f"not equipped \\({lack}\\)"):
        made.controller.start_run((), "", ("r1",))
    made.controller.start_run((), "")
    until(made, "r2", RobotState.CLEANING)
    made.advance(5.0)
    robots = made.controller._state.robots
    assert not robots["r1"].has_work and not robots["r1"].order
    made.controller.handle(EquipmentReported("r1", made.world.now_s, ""))
    until(made, "r1", RobotState.CLEANING)
    assert not any(alert.alert_id == "equipment-r1" and alert.active for alert in made.controller.snapshot.alerts)
    assert not robot_of(made, "r1").detail
    until_ended(made)
    assert run_of(made).state is RunState.COMPLETED
    # One that is not heard at all is told of once, as silent.
    made.world.kill("r1")
    until(made, "r1", RobotState.OFFLINE)
    made.controller.handle(EquipmentReported("r1", made.world.now_s, lack, "Start it"))
    assert not any(alert.alert_id == "equipment-r1" and alert.active for alert in made.controller.snapshot.alerts)


def test_an_alert_says_how_to_mend_what_is_wrong_now_not_what_was_before() -> None:
    made = site()
    made.controller.handle(EquipmentReported("r1", made.world.now_s, "there is no action server", "Start it"))
    made.controller.handle(EquipmentReported("r1", made.world.now_s, "its map is another", "Give both the same"))
    alert = next(alert for alert in made.controller.snapshot.alerts if alert.alert_id == "equipment-r1")
    assert (alert.text, alert.remedy) == ("r1 gets no work: its map is another", "Give both the same")


def test_a_run_does_not_fail_while_a_robot_that_gets_no_more_work_does_what_it_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("robot_fleet.control.ending.NOBODY_S", 30.0)
    made = site()
    made.controller.start_run((), "", ("r1",))
    until(made, "r1", RobotState.CLEANING)
    made.controller.handle(EquipmentReported("r1", made.world.now_s, "its map is another", "Give both the same"))
    until(made, "r1", RobotState.CHARGING)
    assert run_of(made).state is RunState.RUNNING and run_of(made).progress > 0.7
    # Then it waits for somebody to mend it, but not for ever.
    assert until_ended(made).state is RunState.FAILED


def test_a_robot_whose_equipment_is_away_for_a_moment_goes_on_and_no_plan_is_made_for_that() -> None:
    """Else, when it has done its part before the other one, the other's work would be planned anew."""
    planned_at_s: list[float] = []

    def little_for_one(request: PlanRequest) -> Plan:
        planned_at_s.append(made.world.now_s)
        cleaned = np.zeros(request.floor.grid.shape, dtype=bool)
        cleaned[:, : request.floor.grid.cells_at([(4.5, 1.0)])[0][1]] = True
        return by_hand(replace(request, cleaned=cleaned))

    made = VirtualSite(hall(), little_for_one, EXECUTED)
    made.advance(3.0)
    made.controller.start_run((), "")
    until(made, "r1", RobotState.CLEANING)
    made.controller.handle(EquipmentReported("r1", made.world.now_s, "there is no action server", "Start it"))
    made.advance(5.0)
    made.controller.handle(EquipmentReported("r1", made.world.now_s, ""))
    assert robot_of(made, "r1").state is RobotState.CLEANING
    until(made, "r1", RobotState.CHARGING)
    made.advance(20.0)
    assert made.controller._state.robots["r2"].cleans
    assert len(planned_at_s) == 1
