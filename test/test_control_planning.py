"""How a run is planned: how far that is can be seen, and no longer is searched than the owner wants to wait."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from control_site import by_hand, hall, run_of, site, until_ended
from shapely import box

from robot_fleet.control.controller import Controller
from robot_fleet.control.rest import ask_for_plan
from robot_fleet.control.snapshot import PlanningProgress
from robot_fleet.fleet.events import Planned, PlanProgressed, PoseReported, Tick
from robot_fleet.fleet.states import RunState
from robot_fleet.floor.faults import Fault
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.profile import WORKING_W
from robot_fleet.floor.store import Dock, RobotSpec
from robot_fleet.planning.checking import faults_of
from robot_fleet.planning.plan import MissedArea, MissedReason, Plan, PlanRequest
from robot_fleet.sim.realism import EXECUTED
from robot_fleet.sim.site import VirtualSite


def test_how_far_the_plan_is_can_be_seen_until_it_is_there() -> None:
    made = site(planning_s=20.0)
    run_id = made.controller.start_run((), "").run_id
    assert run_of(made).planning == PlanningProgress(0.0, "the planner is told")
    made.controller.handle(PlanProgressed(run_id, 1, 0.25, "laying lanes"))
    assert run_of(made).planning == PlanningProgress(0.25, "laying lanes")
    made.advance(30.0)
    assert run_of(made).state is RunState.RUNNING
    assert run_of(made).planning is None


@pytest.mark.parametrize(("run_id", "epoch"), [("another", 1), ("", 0), ("", 2)])
def test_what_is_told_of_another_plan_is_dropped(run_id: str, epoch: int) -> None:
    made = site(planning_s=20.0)
    started = made.controller.start_run((), "").run_id
    made.controller.handle(PlanProgressed(run_id or started, epoch, 0.25, "laying lanes"))
    assert run_of(made).planning == PlanningProgress(0.0, "the planner is told")


def test_a_plan_that_was_asked_for_before_the_newest_one_changes_nobodys_way() -> None:
    made = site()
    run_id = made.controller.start_run((), "").run_id
    made.advance(60.0)
    state = made.controller._state
    assert state.active is not None
    ways = [robot.itinerary for robot in state.robots.values()]
    old = Plan("hall", ("west",), (), (), 1.0, 1.0, 1.0, 0.0)
    for run, epoch in ((run_id, state.active.epoch - 1), ("of another night", state.active.epoch)):
        made.controller.handle(Planned(run, epoch, old))
    assert all(robot.itinerary is way for robot, way in zip(state.robots.values(), ways, strict=True))


def test_a_plan_that_comes_late_tells_nothing_more_of_an_ended_run() -> None:
    made = site(planning_s=20.0)
    run_id = made.controller.start_run((), "").run_id
    made.controller.stop_run(run_id)
    made.advance(5.0)
    made.controller.handle(PlanProgressed(run_id, 1, 0.5, "laying lanes"))
    assert run_of(made).state is RunState.CANCELLED
    assert run_of(made).planning is None


@pytest.mark.parametrize("within_s", [None, 7.0])
def test_a_first_plan_takes_as_long_as_the_owner_waits_and_the_rest_is_planned_soon(within_s: float | None) -> None:
    asked: list[PlanRequest] = []

    def plan(request: PlanRequest) -> Plan:
        asked.append(request)
        return by_hand(request)

    made = VirtualSite(hall(), plan, EXECUTED)
    made.controller = Controller(
        made.store, made.driver, made.planner, made.run_store, made.clock, plan_within_s=within_s
    )
    made.controller.handle(Tick(0.0))
    made.advance(3.0)
    made.controller.start_run((), "")
    made.advance(60.0)
    made.world.kill("r2")
    made.advance(60.0)
    assert [request.deadline_s for request in asked] == [within_s, 2.0]


def test_why_floor_was_left_out_of_the_plan_is_known_after_a_restart_and_at_the_end() -> None:
    niche = MissedArea("east", MissedReason.TOO_NARROW, box(11.4, 7.0, 11.9, 7.9), 0.45)

    def plan(request: PlanRequest) -> Plan:
        return replace(by_hand(request), missed=(niche,))

    made = VirtualSite(hall(), plan, EXECUTED)
    made.advance(3.0)
    made.controller.start_run((), "")
    made.advance(20.0)
    made.restart_controller()
    (known,) = run_of(made).missed
    assert (known.zone, known.reason, known.area_m2) == ("east", MissedReason.TOO_NARROW, 0.45)
    assert known.polygon.symmetric_difference(niche.polygon).area < 1e-3
    narrow = [area for area in until_ended(made).missed if area.reason is MissedReason.TOO_NARROW]
    # What a head has passed over all the same is clean.
    assert 0.2 < sum(area.area_m2 for area in narrow) < 0.46


def test_robots_that_say_they_stand_at_one_place_are_left_out_until_they_do_not_and_the_others_begin() -> None:
    asked: list[PlanRequest] = []

    def planned(request: PlanRequest) -> Plan:
        asked.append(request)
        assert not faults_of(request)
        return by_hand(request)

    two = hall()
    floor = replace(two.floor, docks=(*two.floor.docks, Dock("d3", Pose(0.6, 3.8, math.pi))))
    made = VirtualSite(replace(two, floor=floor, robots=(*two.robots, RobotSpec("r3", WORKING_W, "d3", "r3"))), planned)
    made.advance(3.0)
    made.controller.handle(PoseReported("r3", made.world.now_s, Pose(0.6, 2.7, math.pi)))
    made.controller.start_run((), "")
    told = {alert.alert_id for alert in made.controller.snapshot.alerts if alert.active}
    assert [robot.name for robot in asked[0].robots] == ["r1"] and told == {"place-r2", "place-r3"}
    assert until_ended(made).state is RunState.COMPLETED
    assert [robot.name for robot in asked[1].robots] == ["r1", "r2", "r3"]
    assert not any(alert.active for alert in made.controller.snapshot.alerts)


@pytest.mark.parametrize("reported", [(0.37, 6.0), (3.0, 7.64), (0.36, 7.63)])
def test_a_plan_of_the_rest_begins_where_the_robot_fits_though_its_pose_wavers_into_a_wall(
    reported: tuple[float, float],
) -> None:
    made = site()
    made.controller.start_run((), "")
    made.advance(60.0)
    state = made.controller._state
    assert state.active is not None
    robot = state.robots["r1"]
    robot.order, robot.pose = None, Pose(*reported, 0.0)
    ask_for_plan(state, state.active)
    begins = state.effects.plans[-1][2].robots[0].pose
    profile = robot.spec.profile
    needs_m = profile.footprint.circumscribed_m + profile.clearance_m
    assert state.clearance.at([robot.pose.x_m, robot.pose.y_m])[0] < needs_m - 0.01
    assert state.clearance.at([begins.x_m, begins.y_m])[0] >= needs_m - 1e-3
    assert begins.distance_m(robot.pose) < 0.2


def test_a_robot_that_no_dock_serves_is_told_of_until_a_plan_has_work_for_it() -> None:
    dry = {"r2": Fault("request", "robot r2", "its tank does not last", "Open the dock with the water")}

    def without(request: PlanRequest) -> Plan:
        others = replace(request, robots=tuple(robot for robot in request.robots if robot.name not in dry))
        return replace(by_hand(others), unserved=tuple(dry.items()))

    made = VirtualSite(hall(), without)
    made.advance(3.0)
    made.controller.start_run((), "")
    assert until_ended(made).state is RunState.COMPLETED
    told = [alert for alert in made.controller.snapshot.alerts if alert.active]
    assert [(alert.robot, alert.remedy) for alert in told] == [("r2", "Open the dock with the water")]
    assert "r2 cleans nothing for now" in told[0].text and "its tank does not last" in told[0].text
    dry.clear()
    made.controller.start_run((), "")
    made.advance(10.0)
    assert not [alert for alert in made.controller.snapshot.alerts if alert.active]


@pytest.mark.parametrize(("level", "charges"), [(0.6, True), (0.9, False)])
def test_a_robot_that_no_dock_serves_as_its_battery_is_low_is_planned_for_again_once_it_is_charged(
    level: float, charges: bool
) -> None:
    asked = []

    def without(request: PlanRequest) -> Plan:
        asked.append([robot.name for robot in request.robots])
        fault = Fault("request", "robot r2", "its battery does not last", "Charge it")
        others = replace(request, robots=tuple(robot for robot in request.robots if robot.name != "r2"))
        return replace(by_hand(others), unserved=(("r2", fault),)) if len(asked) == 1 else by_hand(request)

    made = VirtualSite(hall(), without)
    made.advance(3.0)
    made.world.robots["r2"].battery = level
    made.advance(3.0)
    made.controller.start_run((), "")
    made.advance(10.0)
    assert made.controller._state.robots["r2"].needs_charge is charges
    made.world.robots["r2"].battery = 0.95
    made.advance(20.0)
    assert asked[1:] == ([["r1", "r2"]] if charges else [])
    assert made.controller._state.robots["r2"].has_work is charges
    assert bool([alert for alert in made.controller.snapshot.alerts if alert.active]) is not charges
