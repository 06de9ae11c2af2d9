"""Whole runs of the controller on virtual time: requests, orders, mishaps, restarts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from control_site import by_hand, hall, robot_of, run_of, site, until_ended
from shapely import Point

from robot_fleet.control.controller import Controller
from robot_fleet.control.ports import CannotStore, Record
from robot_fleet.control.snapshot import RunView
from robot_fleet.fleet.commands import CancelAll, Command, DockAt, Follow, Undock
from robot_fleet.fleet.errors import AlreadyExists, InvalidInput, NotFound, Unavailable, WrongState
from robot_fleet.fleet.events import AllCancelled, HoldReported, LegEnded, Outcome, PoseReported, Tick
from robot_fleet.fleet.states import RobotState, RunState
from robot_fleet.floor.pose import Pose
from robot_fleet.planning.plan import CannotPlan, LegKind, MissedReason, Plan, PlanRequest
from robot_fleet.sim.site import VirtualSite
from robot_fleet.sim.virtual import MemoryRunStore


def everything_is_accounted_for(run: RunView) -> None:
    missed_m2 = sum(area.area_m2 for area in run.missed)
    assert run.cleaned_m2 + missed_m2 == pytest.approx(run.requested_m2, abs=1e-6)


def test_a_run_cleans_the_hall_and_everybody_is_back_on_the_dock() -> None:
    made = site()
    made.controller.start_run((), "night")
    run = until_ended(made)
    assert run.state is RunState.COMPLETED
    assert run.cleaned_m2 > 70
    assert {view.state for view in made.controller.snapshot.robots} == {RobotState.CHARGING}
    assert not made.world.collisions
    everything_is_accounted_for(run)
    assert [share.robot for share in run.shares] == ["r1", "r2"]


def test_only_the_requested_zone_is_credited() -> None:
    made = site()
    run = made.controller.start_run(("east",), "")
    assert run.requested_m2 == pytest.approx(6 * 8, rel=0.03)
    ended = until_ended(made)
    assert [row.zone for row in ended.zone_progress] == ["east"]
    record = made.controller.record(run.run_id)
    assert not record.cleaned[:, :119].any()
    everything_is_accounted_for(ended)


def test_every_unknown_name_of_a_request_is_told_at_once_and_nothing_starts() -> None:
    made = site()
    with pytest.raises(InvalidInput) as refused:
        made.controller.start_run(("west", "nowhere", "west"), "", ("r9",))
    assert len(refused.value.faults) == 3
    assert "nowhere" in str(refused.value) and "r9" in str(refused.value) and "twice" in str(refused.value)
    assert made.controller.snapshot.runs == ()


def test_the_same_request_id_gives_the_same_run_and_another_body_is_refused() -> None:
    made = site()
    first = made.controller.start_run(("west",), "tonight")
    made.advance(5.0)
    assert made.controller.start_run(("west",), "tonight").run_id == first.run_id
    with pytest.raises(AlreadyExists):
        made.controller.start_run(("east",), "tonight")
    until_ended(made)
    assert made.controller.start_run(("west",), "tonight").run_id == first.run_id


def test_a_second_run_waits_until_the_first_has_ended() -> None:
    made = site()
    made.controller.start_run((), "one")
    with pytest.raises(WrongState, match="stop it first"):
        made.controller.start_run((), "two")


def test_a_run_needs_a_robot_that_takes_orders() -> None:
    made = VirtualSite(hall(), by_hand)
    with pytest.raises(Unavailable, match="r1 is not heard yet"):
        made.controller.start_run((), "")


def test_an_unknown_run_or_robot_is_not_found() -> None:
    made = site()
    with pytest.raises(NotFound):
        made.controller.stop_run("x")
    with pytest.raises(NotFound):
        made.controller.acknowledge("r9", "Ann")
    with pytest.raises(WrongState, match="only a HELD robot"):
        made.controller.acknowledge("r1", "Ann")


def test_after_a_stop_nothing_moves_and_what_was_cleaned_is_kept() -> None:
    made = site()
    run_id = made.controller.start_run((), "").run_id
    made.advance(60.0)
    cleaned_m2 = run_of(made).cleaned_m2
    assert made.controller.stop_run(run_id).state is RunState.STOPPING
    made.advance(0.5 / 0.5 + 0.3)
    resting = {name: robot.pose for name, robot in made.world.robots.items()}
    ended = until_ended(made, 80.0)
    assert ended.state is RunState.CANCELLED and ended.unconfirmed == ()
    made.advance(30.0)
    assert resting == {name: robot.pose for name, robot in made.world.robots.items()}
    assert not any(robot.head_on for robot in made.world.robots.values())
    assert ended.cleaned_m2 >= cleaned_m2 > 5
    assert {area.reason for area in ended.missed} == {MissedReason.STOPPED}
    everything_is_accounted_for(ended)
    assert made.controller.stop_run(run_id).state is RunState.CANCELLED


def test_a_stop_during_planning_ends_the_run_and_the_late_plan_is_dropped() -> None:
    made = site(planning_s=20.0)
    run_id = made.controller.start_run((), "").run_id
    made.advance(2.0)
    made.controller.stop_run(run_id)
    made.advance(40.0)
    assert run_of(made).state is RunState.CANCELLED
    assert all(robot.docked_at for robot in made.world.robots.values())


def test_a_robot_that_does_not_confirm_a_stop_is_named() -> None:
    made = site()
    run_id = made.controller.start_run((), "").run_id
    made.advance(60.0)
    made.world.kill("r2")
    made.controller.stop_run(run_id)
    made.advance(5.0)
    assert run_of(made).state is RunState.STOPPING
    assert run_of(made).unconfirmed == ("r2",)
    assert "r2" in until_ended(made, 120.0).reason


def test_a_plan_that_fails_ends_the_run_with_its_reason() -> None:
    def none(request: PlanRequest) -> Plan:
        raise CannotPlan(())

    made = VirtualSite(hall(), none)
    made.advance(3.0)
    made.controller.start_run((), "")
    made.advance(5.0)
    assert run_of(made).state is RunState.FAILED


def test_a_paused_run_rests_and_goes_on_where_it_was() -> None:
    made = site()
    run_id = made.controller.start_run((), "").run_id
    made.advance(60.0)
    assert made.controller.pause_run(run_id).state is RunState.PAUSING
    made.advance(5.0)
    assert run_of(made).state is RunState.PAUSED
    driven = dict(made.world.distance_m)
    made.advance(60.0)
    assert dict(made.world.distance_m) == driven
    assert made.controller.resume_run(run_id).state is RunState.RUNNING
    assert until_ended(made).state is RunState.COMPLETED


def test_coverage_is_written_when_it_has_grown_and_by_a_new_process_but_not_while_robots_rest() -> None:
    made = site()
    written: list[str] = []
    keep = made.run_store.commit

    def commit(event: str, records: Sequence[Record]) -> None:
        written.extend(record.kind for record in records)
        keep(event, records)

    made.run_store.commit = commit  # type: ignore[method-assign]
    run_id = made.controller.start_run((), "").run_id
    made.advance(60.0)
    made.controller.pause_run(run_id)
    made.advance(10.0)
    written.clear()
    made.advance(10.0)
    assert "run" in written and "coverage" not in written
    made.restart_controller()
    made.advance(3.0)
    assert written.count("coverage") == 1
    made.controller.resume_run(run_id)
    made.advance(10.0)
    assert written.count("coverage") > 5


def test_only_what_runs_is_paused_and_only_what_is_paused_is_resumed() -> None:
    made = site(planning_s=20.0)
    run_id = made.controller.start_run((), "").run_id
    with pytest.raises(WrongState):
        made.controller.pause_run(run_id)
    with pytest.raises(WrongState):
        made.controller.resume_run(run_id)


def test_an_e_stop_holds_the_robot_over_a_restart_until_a_person_acknowledges() -> None:
    made = site()
    made.controller.start_run((), "")
    made.advance(60.0)
    made.world.press_e_stop("r1")
    made.advance(2.0)
    assert robot_of(made, "r1").state is RobotState.HELD
    with pytest.raises(WrongState, match="still reports"):
        made.controller.acknowledge("r1", "Ann")
    made.restart_controller()
    made.advance(5.0)
    assert robot_of(made, "r1").state is RobotState.HELD
    made.world.release("r1")
    made.advance(5.0)
    stood = made.world.robots["r1"].pose
    made.advance(10.0)
    assert robot_of(made, "r1").state is RobotState.HELD
    assert made.world.robots["r1"].pose == stood
    assert made.controller.acknowledge("r1", "Ann").state is RobotState.IDLE
    assert '"person": "Ann"' in "".join(made.run_store.journal)
    assert until_ended(made).state is RunState.COMPLETED


def test_a_held_robot_stays_held_through_a_restart_though_its_cause_is_gone() -> None:
    made = site()
    made.controller.start_run((), "")
    made.advance(60.0)
    made.world.press_e_stop("r1")
    made.advance(2.0)
    made.world.release("r1")
    made.advance(2.0)
    stood = made.world.robots["r1"].pose
    made.restart_controller()
    made.advance(60.0)
    assert robot_of(made, "r1").state is RobotState.HELD
    assert made.world.robots["r1"].pose == stood
    assert robot_of(made, "r2").state not in (RobotState.HELD, RobotState.OFFLINE)


def test_a_robot_that_says_it_must_not_move_is_told_to_drop_its_goal() -> None:
    made = site()
    ear = overheard(made)
    made.controller.start_run((), "")
    made.advance(60.0)
    ear.order.clear()
    made.controller.handle(HoldReported("r1", made.world.now_s, "manual mode"))
    assert ear.order == ["commit", "CancelAll", "SwitchHead"]


def test_a_hold_whose_words_change_is_no_new_hold_until_a_person_has_acknowledged_it() -> None:
    made = site()
    ear = overheard(made)

    def done_when_told(reason: str) -> list[str]:
        ear.order.clear()
        made.controller.handle(HoldReported("r1", made.world.now_s, reason))
        return list(ear.order)

    assert done_when_told("23.9 V") == ["commit", "CancelAll", "SwitchHead"]
    assert done_when_told("23.8 V") == done_when_told("23.7 V") == []
    made.controller.handle(Tick(made.world.now_s + 1.0))
    assert robot_of(made, "r1").hold == "23.7 V"
    assert [alert.text for alert in made.controller.snapshot.alerts if alert.active] == ["r1 is held: 23.7 V"]
    assert done_when_told("") == ["commit"]
    assert done_when_told("23.6 V") == ["commit", "CancelAll", "SwitchHead"]
    done_when_told("")
    made.controller.acknowledge("r1", "somebody")
    assert done_when_told("23.5 V") == ["commit", "CancelAll", "SwitchHead"]
    assert robot_of(made, "r1").state is RobotState.HELD


def test_the_work_of_a_dead_robot_goes_to_the_other_and_its_place_stays_closed() -> None:
    made = site()
    made.controller.start_run((), "")
    made.advance(90.0)
    made.world.kill("r1")
    made.advance(30.0)
    assert robot_of(made, "r1").state is RobotState.OFFLINE
    handed_on = [line for line in made.run_store.journal if "work handed on" in line]
    assert len(handed_on) == 1
    until_ended(made)
    assert run_of(made).state is RunState.COMPLETED
    assert run_of(made).cleaned_m2 > 55
    assert not made.world.collisions
    everything_is_accounted_for(run_of(made))


def test_a_restart_goes_on_in_the_middle_of_a_lane() -> None:
    calm = site()
    calm.controller.start_run((), "")
    until_ended(calm)
    made = site()
    made.controller.start_run((), "")
    made.advance(100.0)
    before_m2 = run_of(made).cleaned_m2
    made.restart_controller()
    assert run_of(made).cleaned_m2 > before_m2 - 5.0
    ended = until_ended(made)
    assert ended.state is RunState.COMPLETED
    assert not made.world.collisions
    assert sum(made.world.distance_m.values()) < 1.15 * sum(calm.world.distance_m.values())
    everything_is_accounted_for(ended)


class Overheard:
    """Stands between the controller and its site, and notes in which order rows were written and commands sent."""

    def __init__(self, made: VirtualSite) -> None:
        self.order: list[str] = []
        self._made = made
        self._store = made.run_store

    def send(self, command: Command) -> None:
        self.order.append(type(command).__name__)
        self._made.driver.send(command)

    def commit(self, event: str, records: Sequence[Record]) -> None:
        self.order.append("commit")
        self._store.commit(event, records)

    def load(self, kind: str, prefix: str = "") -> dict[str, bytes]:
        return self._store.load(kind, prefix)

    def close(self) -> None:
        self._store.close()


def overheard(made: VirtualSite) -> Overheard:
    ear = Overheard(made)
    made.controller = Controller(made.store, ear, made.planner, ear, made.clock)
    made.advance(3.0)
    return ear


def test_an_order_goes_out_only_after_it_is_written_and_a_stop_goes_out_before() -> None:
    made = site()
    ear = overheard(made)
    run_id = made.controller.start_run((), "").run_id
    made.advance(30.0)
    assert "Follow" in ear.order
    for place, what in enumerate(ear.order):
        if what in ("Follow", "Undock", "DockAt"):
            before = [word for word in ear.order[:place] if word in ("commit", "Follow", "Undock", "DockAt")]
            assert before and "commit" in ear.order[max(0, place - 3) : place]
    ear.order.clear()
    made.controller.stop_run(run_id)
    assert ear.order[:2] == ["CancelAll", "SwitchHead"]
    assert ear.order[-1] == "commit"


def test_a_start_that_cannot_be_stored_is_refused_and_leaves_nothing_behind() -> None:
    class Full(MemoryRunStore):
        def commit(self, event: str, records: Sequence[Record]) -> None:
            if any(record.kind == "run" for record in records):
                raise CannotStore("the disk is full")
            super().commit(event, records)

    made = site()
    made.controller = Controller(made.store, made.driver, made.planner, Full(), made.clock)
    made.advance(3.0)
    with pytest.raises(Unavailable, match="the disk is full"):
        made.controller.start_run((), "")
    made.advance(10.0)
    assert made.controller.snapshot.runs == ()
    assert all(robot.docked_at for robot in made.world.robots.values())


def test_a_stop_that_cannot_be_stored_holds_says_so_and_is_stored_as_soon_as_it_can_be() -> None:
    class Filling(MemoryRunStore):
        full = False

        def commit(self, event: str, records: Sequence[Record]) -> None:
            if self.full:
                raise CannotStore("the disk is full")
            super().commit(event, records)

    made = site()
    made.run_store = kept = Filling()
    made.restart_controller()
    made.advance(3.0)
    run_id = made.controller.start_run((), "").run_id
    made.advance(60.0)
    kept.full = True
    with pytest.raises(Unavailable, match="told to stop, but that could not be stored: the disk is full"):
        made.controller.stop_run(run_id)
    made.advance(10.0)
    assert all(robot.motion.at_rest and not robot.head_on for robot in made.world.robots.values())
    assert run_of(made).state is RunState.CANCELLED
    assert [alert.alert_id for alert in made.controller.snapshot.alerts if alert.active] == ["storage"]
    for ask in (lambda: made.controller.stop_run(run_id), lambda: made.controller.start_run((), "another")):
        with pytest.raises(Unavailable, match="is tried again"):
            ask()
    kept.full = False
    made.advance(3.0)
    assert not any(alert.active for alert in made.controller.snapshot.alerts)
    assert made.controller.stop_run(run_id).state is RunState.CANCELLED
    made.restart_controller()
    made.advance(60.0)
    assert run_of(made).state is RunState.CANCELLED
    assert all(robot.motion.at_rest for robot in made.world.robots.values())


def test_late_doubled_and_foreign_results_change_nothing() -> None:
    made = site()
    made.controller.start_run((), "")
    made.advance(60.0)
    orders = {view.name: view.leg_id for view in made.controller.snapshot.robots}
    assert all(orders.values())
    for leg_id in ("", "of another night", orders["r2"]):
        made.controller.handle(LegEnded("r1", made.world.now_s, leg_id, Outcome.SUCCEEDED))
    made.controller.handle(LegEnded("nobody", made.world.now_s, "x", Outcome.ABORTED))
    assert {view.name: view.leg_id for view in made.controller.snapshot.robots} == orders


def test_a_confirmed_cancel_that_is_told_twice_does_not_end_the_order_that_came_after_it() -> None:
    made = site()
    made.controller.start_run((), "")
    made.advance(60.0)
    leg_id = robot_of(made, "r1").leg_id
    held = made.controller.traffic.held("r1")
    made.controller.handle(AllCancelled("r1", made.world.now_s))
    assert robot_of(made, "r1").leg_id == leg_id != ""
    assert made.controller.traffic.held("r1") is held


def test_a_pose_that_comes_late_does_not_put_the_robot_back_to_where_it_was() -> None:
    made = site()
    made.controller.start_run((), "")
    made.advance(60.0)
    pose = made.controller._state.robots["r1"].pose
    made.controller.handle(PoseReported("r1", made.world.now_s - 2.0, Pose(10.0, 4.0)))
    assert made.controller._state.robots["r1"].pose == pose


def test_an_order_that_was_never_answered_is_cancelled_before_anything_else_is_sent() -> None:
    made = site()
    ear = overheard(made)
    made.controller.start_run((), "")
    made.advance(60.0)
    leg_id = robot_of(made, "r1").leg_id
    ear.order.clear()
    made.controller.handle(LegEnded("r1", made.world.now_s, leg_id, Outcome.UNANSWERED))
    assert ear.order == ["CancelAll"]
    assert until_ended(made).state is RunState.COMPLETED
    assert not made.world.collisions


def test_an_early_success_is_not_believed() -> None:
    sent: list[Command] = []
    made = site()
    made.controller.start_run((), "")
    made.advance(30.0)
    send = made.driver.send

    def overheard(command: Command) -> None:
        sent.append(command)
        send(command)

    made.driver.send = overheard  # type: ignore[method-assign]
    leg_id = robot_of(made, "r1").leg_id
    made.world.robots["r1"].cancel(made.world.now_s)
    place = made.world.robots["r1"].pose
    made.controller.handle(LegEnded("r1", made.world.now_s, leg_id, Outcome.SUCCEEDED))
    made.advance(10.0)
    again = next(command for command in sent if isinstance(command, Follow) and command.robot == "r1")
    assert np.hypot(again.points[0][0] - place.x_m, again.points[0][1] - place.y_m) < 1.5


def test_a_lane_is_gone_on_with_where_the_robot_stands_that_says_too_early_that_it_is_done() -> None:
    made = site()
    made.controller.start_run((), "")
    while robot_of(made, "r1").state is not RobotState.CLEANING:
        made.advance(0.2)
    made.advance(4.0)
    robot = made.controller._state.robots["r1"]
    order = robot.order
    assert order is not None and order.piece.line.length - order.progress_m > 3.0
    made.world.robots["r1"].cancel(made.world.now_s)
    place = made.world.robots["r1"].pose
    made.controller.handle(LegEnded("r1", made.world.now_s, order.leg_id, Outcome.SUCCEEDED))
    again = robot.next_piece()
    assert again.kind is LegKind.CLEAN and again.line.distance(Point(place.x_m, place.y_m)) < 0.5


def test_a_robot_that_has_not_confirmed_a_cancel_is_asked_again_and_gets_no_order() -> None:
    made = site()
    made.controller.start_run((), "")
    made.advance(60.0)
    sent: list[Command] = []
    deliver, is_heard = made.driver.send, False

    def lossy(command: Command) -> None:
        if command.robot == "r1":
            sent.append(command)
        if is_heard or command != CancelAll("r1"):
            deliver(command)

    made.driver.send = lossy  # type: ignore[method-assign]
    made.restart_controller()
    made.advance(20.0)
    assert sent.count(CancelAll("r1")) >= 5
    assert not any(isinstance(command, Undock | Follow | DockAt) for command in sent)
    is_heard = True
    made.advance(15.0)
    assert any(isinstance(command, Follow) for command in sent)


def test_after_a_restart_the_floor_ahead_of_a_robot_is_held_until_it_has_confirmed_that_it_rests() -> None:
    made = site()
    made.controller.start_run((), "")
    while robot_of(made, "r1").state is not RobotState.CLEANING:
        made.advance(0.2)
    made.advance(4.0)
    order = made.controller._state.robots["r1"].order
    assert order is not None and order.piece.line.length - order.progress_m > 4.0
    end, deliver = Point(order.piece.points[-1]), made.driver.send
    made.driver.send = lambda command: None if command == CancelAll("r1") else deliver(command)  # type: ignore
    made.restart_controller()
    made.advance(3.0)
    assert made.controller.traffic.held("r1").covers(end)
    made.driver.send = deliver  # type: ignore[method-assign]
    made.advance(4.0)
    assert not made.controller.traffic.held("r1").covers(end)


def test_after_a_restart_every_robot_must_confirm_that_it_has_no_goal() -> None:
    made = site()
    made.controller.start_run((), "")
    made.advance(60.0)
    ear = Overheard(made)
    made.controller = Controller(made.store, ear, made.planner, ear, made.clock)
    made.controller.resume_from_storage()
    assert ear.order.count(CancelAll.__name__) == 2
    assert "Follow" not in ear.order
    made.advance(10.0)
    assert "Follow" in ear.order


def test_a_stop_goes_on_after_a_restart() -> None:
    made = site()
    run_id = made.controller.start_run((), "").run_id
    made.advance(60.0)
    made.world.kill("r2")
    made.controller.stop_run(run_id)
    made.restart_controller()
    made.advance(5.0)
    assert run_of(made).state is RunState.STOPPING
    ended = until_ended(made, 150.0)
    assert ended.state is RunState.CANCELLED
    assert "r2" in ended.reason
    everything_is_accounted_for(ended)


def test_a_restart_holds_the_floor_on_which_each_robot_truly_is() -> None:
    made = site()
    made.controller.start_run((), "")
    made.advance(60.0)
    made.restart_controller()
    for name, robot in made.world.robots.items():
        assert made.controller._state.traffic.held(name).covers(Point(robot.pose.x_m, robot.pose.y_m))
