"""Which floor a robot holds when things go wrong: none is believed free too early."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import pytest
import shapely
from control_site import all_docked, by_hand, hall, robot_of, run_of, site, until, until_ended
from shapely import Point

from robot_fleet.control.berths import LOST_BERTH_M
from robot_fleet.control.dispatch import _granted
from robot_fleet.control.ports import Record
from robot_fleet.fleet.commands import Command, Follow
from robot_fleet.fleet.events import (
    LOST,
    BatteryReported,
    Event,
    LegEnded,
    PoseRefused,
    PoseReported,
    Tick,
)
from robot_fleet.fleet.itinerary import Piece, Place
from robot_fleet.fleet.states import RobotState, RunState
from robot_fleet.fleet.traffic import MARGIN_M
from robot_fleet.floor.pose import Pose
from robot_fleet.planning.plan import LegKind, Plan, PlanRequest
from robot_fleet.sim.site import VirtualSite
from robot_fleet.sim.virtual import MemoryRunStore


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


@pytest.mark.parametrize(("late_s", "ahead_m"), [(0.1, 0.2), (1.5, 1.2)])
def test_a_robot_that_still_rolls_keeps_the_floor_ahead_when_it_is_granted_a_way_that_begins_elsewhere(
    late_s: float, ahead_m: float
) -> None:
    made = site()
    made.controller.start_run((), "")
    until(made, "r1", RobotState.CLEANING)
    made.advance(5.0)
    state, robot = made.controller._state, made.controller._state.robots["r1"]
    assert robot.pose is not None and robot.order is not None
    ahead = robot.order.piece.line.interpolate(robot.order.progress_m + ahead_m)
    robot.order, robot.rest_after_s = None, state.now_s + 1.3
    robot.pose_at_s = state.now_s - late_s
    x, y = robot.pose.x_m, robot.pose.y_m
    aside = Piece(LegKind.TRANSIT, Place(), 0.3, np.array([(x, y), (x + 0.3, y)]))
    still_to_be_left = state.under(robot, Pose(ahead.x, ahead.y))
    assert _granted(state, robot, aside)
    assert state.traffic.held("r1").buffer(0.01).covers(still_to_be_left)
    robot.pose_at_s = robot.rest_after_s = state.now_s
    assert _granted(state, robot, aside)
    assert not state.traffic.held("r1").buffer(0.01).covers(still_to_be_left)


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


def lost(made: VirtualSite, name: str, reason: str = f"{LOST}: no match") -> None:
    """The robot says that it must not move, and why."""
    made.world.robots[name].motion.brake()
    made.world.robots[name]._hold(reason, made.world.now_s)
    made.advance(3.0)


def beyond_m(made: VirtualSite, name: str) -> float:
    """How far beyond what it needs to stand there the floor reaches that a robot holds."""
    robot = made.controller._state.robots[name]
    assert robot.pose is not None
    rim = shapely.get_coordinates(made.controller.traffic.held(name)) - [robot.pose.x_m, robot.pose.y_m]
    return float(np.hypot(*rim.T).max()) - robot.radius_m - MARGIN_M


@pytest.mark.parametrize(("reason", "berth_m"), [(f"{LOST}: no match", LOST_BERTH_M), ("e-stop", 0.0)])
def test_others_give_a_robot_a_wide_berth_that_does_not_know_where_it_is_until_it_does(
    reason: str, berth_m: float
) -> None:
    made = site()
    made.controller.start_run((), "")
    until(made, "r1", RobotState.CLEANING)
    made.advance(14.0)
    lost(made, "r1", reason)
    assert beyond_m(made, "r1") == pytest.approx(berth_m, abs=0.15)
    made.restart_controller()
    made.advance(3.0)
    assert beyond_m(made, "r1") == pytest.approx(berth_m, abs=0.15)
    made.world.release("r1")
    made.advance(2.0)
    assert beyond_m(made, "r1") < 0.08
    made.controller.acknowledge("r1", "Ann")
    assert until_ended(made).state is RunState.COMPLETED
    assert all_docked(made)


def test_a_robot_whose_place_is_not_believed_is_given_the_same_berth() -> None:
    made = site()
    made.controller.start_run((), "")
    until(made, "r1", RobotState.CLEANING)
    made.advance(14.0)
    truly = made.world.robots["r1"]
    truly._seen_pose = lambda now_s: PoseRefused("r1", now_s, "it is in another frame", "Look at it")  # type: ignore
    made.advance(5.0)
    assert beyond_m(made, "r1") > LOST_BERTH_M - 0.15


@pytest.mark.parametrize("apart_m", [0.3, 0.7])
def test_a_robot_that_stands_near_one_that_is_lost_can_get_away_and_leaves_a_berth_behind(apart_m: float) -> None:
    made = site()
    made.controller.start_run((), "")
    until(made, "r1", RobotState.CLEANING)
    made.advance(20.0)
    here, other = made.world.robots["r2"].pose, made.world.robots["r1"]
    made.controller.pause_run(run_of(made).run_id)
    made.advance(5.0)
    here = made.world.robots["r2"].pose
    side_m = 2 * (other.spec.profile.footprint.circumscribed_m + MARGIN_M) + apart_m
    other.motion.pose = Pose(here.x_m - side_m, here.y_m, 0.0)
    made.advance(1.0)
    lost(made, "r1")
    assert 0.0 <= beyond_m(made, "r1") < apart_m
    made.controller.resume_run(run_of(made).run_id)
    while beyond_m(made, "r1") < LOST_BERTH_M - 0.15:
        made.advance(1.0)
        assert made.world.now_s < 400.0
    assert not made.world.collisions


@pytest.mark.parametrize("charging", [True, False])
def test_a_robot_that_is_lost_at_its_dock_leaves_the_others_theirs(charging: bool) -> None:
    made = site()
    made.controller.start_run((), "")
    until(made, "r1", RobotState.CLEANING)
    until(made, "r2", RobotState.CLEANING)
    state, here = made.controller._state, made.store.floor.dock("d1").pose
    lost(made, "r1")
    made.world.robots["r1"].motion.pose = Pose(here.x_m + 0.05, here.y_m, here.yaw_rad)
    made.world.robots["r1"].docked_at = made.store.floor.dock("d1") if charging else None
    made.advance(5.0)
    assert state.robots["r1"].charging is charging
    assert beyond_m(made, "r1") == pytest.approx(0.0 if charging else 0.5, abs=0.2)
    assert until_ended(made).state is RunState.COMPLETED
    assert made.world.robots["r2"].docked_at is not None
    assert not made.world.collisions


def test_the_berth_of_a_robot_that_is_lost_does_not_waver_with_its_pose() -> None:
    made = site()
    made.controller.start_run((), "")
    until(made, "r1", RobotState.CLEANING)
    made.advance(14.0)
    lost(made, "r1")
    floors = []
    for _ in range(50):
        made.advance(0.2)
        floors.append(made.controller.traffic.held("r1"))
    assert all(floor is floors[0] for floor in floors)
    made.world.robots["r1"].motion.pose = Pose(5.0, 4.0, 0.0)
    made.advance(1.0)
    assert made.controller.traffic.held("r1").covers(Point(5.0, 4.0).buffer(1.0))
