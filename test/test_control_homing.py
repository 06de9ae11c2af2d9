"""The way home: nobody stands beside a dock when a run has ended, whoever gave it no way."""

from __future__ import annotations

from dataclasses import replace

import pytest
from control_site import all_docked, by_hand, hall, robot_of, run_of, site, until_ended

from robot_fleet.control.homing import on_dock
from robot_fleet.fleet.events import AllCancelled, LegEnded, Outcome
from robot_fleet.fleet.states import RobotState, RunState
from robot_fleet.floor.pose import Pose
from robot_fleet.planning.plan import CoveragePath, Plan, PlanRequest
from robot_fleet.sim.site import VirtualSite


@pytest.mark.parametrize(("beside_m", "charging", "is_there"), [
    (0.05, False, True), (0.05, True, True), (0.25, False, False), (0.25, True, True), (0.5, True, False)
])  # fmt: skip
def test_a_robot_beside_its_dock_is_on_it_only_while_it_is_charged_there(
    beside_m: float, charging: bool, is_there: bool
) -> None:
    state = site().controller._state
    robot = state.robots["r1"]
    dock = state.store.floor.dock(robot.spec.dock).pose
    robot.pose, robot.charging = Pose(dock.x_m + beside_m, dock.y_m, dock.yaw_rad), charging
    assert on_dock(state, robot) is is_there


def idle_second(request: PlanRequest) -> Plan:
    """Once replanned, only the first robot has anything to do, and nobody is told a way home."""
    plan = by_hand(request)
    if request.cleaned is None:
        return plan
    return replace(plan, paths=(CoveragePath(request.robots[0].name, ()),))


def test_a_robot_that_a_new_plan_leaves_out_drives_home_before_the_run_ends() -> None:
    made = VirtualSite(hall(), idle_second)
    made.advance(3.0)
    made.controller.start_run((), "")
    made.advance(60.0)
    made.world.press_e_stop("r2")
    made.advance(2.0)
    made.world.release("r2")
    made.advance(2.0)
    made.controller._state.active.rest_wanted = True  # type: ignore[union-attr]
    made.controller.acknowledge("r2", "Ann")
    assert until_ended(made).state is RunState.COMPLETED
    assert all_docked(made)
    assert not made.world.collisions


def test_a_restart_on_the_way_home_does_not_end_the_run_before_everybody_is_home() -> None:
    made = site()
    made.controller.start_run((), "")
    made.advance(10.0)
    run, robots = made.controller._state.active, made.controller._state.robots
    assert run is not None
    while run.makeup_passes < 2 or run.planning or any(robot.cleans or not robot.is_here for robot in robots.values()):
        made.advance(0.2)
    made.advance(2.0)
    assert not all_docked(made)
    made.restart_controller()
    for robot in made.world.robots.values():
        robot._late.clear()
    made.advance(0.25)
    assert run_of(made).state is RunState.RUNNING
    assert until_ended(made).state is RunState.COMPLETED
    assert all_docked(made)


def docks_last(made: VirtualSite) -> str:
    """Lets time pass until the last robot of a run is about to be on its dock; its name."""
    made.controller.start_run((), "")
    robots = made.controller._state.robots
    while True:
        made.advance(0.2)
        out = [name for name, robot in robots.items() if robot.state is not RobotState.CHARGING]
        if len(out) == 1 and made.world.now_s > 60.0 and robots[out[0]].state is RobotState.DOCKING:
            break
    while not on_dock(made.controller._state, robots[out[0]]):
        made.advance(0.05)
    assert run_of(made).state is RunState.RUNNING and made.world.robots[out[0]].leg_id
    return out[0]


def unanswered(made: VirtualSite, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The link loses what the robot says to its order, and from now on that it has dropped it."""
    order, handle = made.controller._state.robots[name].order, made.controller.handle
    assert order is not None
    made.controller.handle(LegEnded(name, made.world.now_s, order.leg_id, Outcome.UNANSWERED, "no answer"))
    monkeypatch.setattr(
        made.controller, "handle", lambda event: None if isinstance(event, AllCancelled) else handle(event)
    )


def test_a_robot_that_was_told_to_stop_where_its_dock_is_docks_before_the_run_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = site()
    name = docks_last(made)
    unanswered(made, name, monkeypatch)
    made.advance(3.0)
    assert not all_docked(made)
    assert run_of(made).state is RunState.RUNNING
    monkeypatch.undo()
    assert until_ended(made).state is RunState.COMPLETED
    assert all_docked(made)
    assert robot_of(made, name).state is RobotState.CHARGING


def test_a_run_does_not_wait_for_ever_for_a_robot_where_its_dock_is_and_lets_it_go_once_it_is_known_to_rest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = site()
    name = docks_last(made)
    unanswered(made, name, monkeypatch)
    began_s = made.world.now_s
    assert until_ended(made).state is RunState.COMPLETED
    assert made.world.now_s < began_s + 40.0
    monkeypatch.undo()
    made.advance(5.0)
    assert robot_of(made, name).state is RobotState.IDLE


def test_a_robot_that_a_run_left_off_its_dock_is_told_of_until_it_is_there() -> None:
    made = site()
    made.controller.start_run((), "")
    while robot_of(made, "r1").state is not RobotState.CLEANING:
        made.advance(1.0)
    made.world.press_e_stop("r1")
    until_ended(made)
    assert not told(made, "stray-r1")
    made.world.release("r1")
    made.advance(1.0)
    made.controller.acknowledge("r1", "somebody")
    made.advance(2.0)
    assert told(made, "stray-r1")
    made.world.robots["r1"].motion.pose = made.store.floor.dock("d1").pose
    made.advance(2.0)
    assert not told(made, "stray-r1")


@pytest.mark.parametrize(
    ("alert", "is_told"), [("blocked-r1", True), ("battery-r1", True), ("dock-r1", False), ("place-r1", False)]
)
def test_a_stray_is_told_of_unless_another_alert_sends_somebody_to_it(alert: str, is_told: bool) -> None:
    made = site()
    made.controller.start_run((), "")
    while robot_of(made, "r1").state is not RobotState.CLEANING:
        made.advance(1.0)
    made.world.press_e_stop("r1")
    until_ended(made)
    made.world.release("r1")
    made.advance(1.0)
    made.controller._state.alert(alert, "WARNING", "It happened", "Look at it", "r1")
    made.controller.acknowledge("r1", "somebody")
    made.advance(2.0)
    assert told(made, "stray-r1") is is_told


def told(made: VirtualSite, key: str) -> bool:
    """Whether an alert of that name is active."""
    return any(alert.alert_id == key and alert.active for alert in made.controller.snapshot.alerts)
