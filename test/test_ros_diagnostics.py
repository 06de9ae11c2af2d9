"""What `/diagnostics` says of a fleet, as it arrives over real DDS."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace

import pytest

pytest.importorskip("rclpy", reason="ROS 2 is not installed")

from control_site import site
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from ros_eye import Eye

from robot_fleet.control.snapshot import AlertView, Snapshot
from robot_fleet.fleet.states import RobotState
from robot_fleet.ros.bridge import RosBridge
from robot_fleet.ros.diagnostics import PERIOD_S, Diagnostics

pytestmark = pytest.mark.ros


@pytest.fixture(scope="module")
def running() -> Snapshot:
    """Two robots in the middle of a run."""
    made = site()
    made.controller.start_run((), "")
    made.advance(60.0)
    return made.controller.snapshot


@pytest.fixture
def shown() -> Iterator[Diagnostics]:
    bridge = RosBridge("test_diagnostics")
    diagnostics = Diagnostics(bridge, "hall")
    loop = asyncio.new_event_loop()
    bugs: list[BaseException] = []
    bridge.start(loop, lambda event: None, bugs.append)
    yield diagnostics
    assert bridge.stop(limit_s=30.0)
    loop.close()
    assert not bugs


@pytest.fixture
def eye() -> Iterator[Eye]:
    eye = Eye()
    eye.look_at("/diagnostics", DiagnosticArray, 10)
    yield eye
    eye.close()


def heard(eye: Eye, diagnostics: Diagnostics, snapshot: Snapshot) -> dict[str, DiagnosticStatus]:
    """The statuses by name, said again until somebody has heard them."""
    arrived = eye.seen["/diagnostics"]
    at_s = [0.0]

    def said() -> bool:
        at_s[0] += PERIOD_S
        diagnostics.show(snapshot, at_s[0])
        return bool(arrived)

    eye.until(said)
    return {status.name.removeprefix("robot_fleet: "): status for status in arrived[-1].status}


def values(status: DiagnosticStatus) -> dict[str, str]:
    return {pair.key: pair.value for pair in status.values}


def test_a_fleet_at_work_is_ok_and_names_run_robot_and_leg(eye: Eye, shown: Diagnostics, running: Snapshot) -> None:
    statuses = heard(eye, shown, running)
    assert set(statuses) == {"controller", *(robot.name for robot in running.robots)}
    assert {status.level for status in statuses.values()} == {DiagnosticStatus.OK}
    (run,) = running.runs
    assert values(statuses["controller"])["run"] == run.run_id
    for robot in running.robots:
        said = values(statuses[robot.name])
        assert (said["state"], said["run"], said["leg"]) == (robot.state.value, run.run_id, robot.leg_id)


def test_a_held_robot_is_an_error_and_a_silent_one_is_stale(eye: Eye, shown: Diagnostics, running: Snapshot) -> None:
    one, two = running.robots
    alert = AlertView("held-x", 0.0, "ERROR", one.name, "", f"{one.name} is held: e-stop", "Go there", True)
    robots = (replace(one, state=RobotState.HELD, hold="e-stop"), replace(two, state=RobotState.OFFLINE))
    statuses = heard(eye, shown, replace(running, robots=robots, alerts=(alert,)))
    assert statuses[one.name].level == DiagnosticStatus.ERROR
    assert "e-stop" in statuses[one.name].message
    assert statuses[two.name].level == DiagnosticStatus.STALE
    assert statuses["controller"].level == DiagnosticStatus.OK


def test_what_concerns_no_robot_is_the_controllers_own(eye: Eye, shown: Diagnostics, running: Snapshot) -> None:
    alert = AlertView("storage", 0.0, "ERROR", "", "", "nothing can be stored", "Free some space", True)
    settled = replace(alert, alert_id="old", text="long ago", active=False)
    statuses = heard(eye, shown, replace(running, alerts=(alert, settled)))
    assert statuses["controller"].level == DiagnosticStatus.ERROR
    assert statuses["controller"].message == "nothing can be stored"


def test_it_is_said_once_a_second_and_no_more_often(running: Snapshot) -> None:
    class Counting:
        def __init__(self) -> None:
            self.calls = 0

        def to_ros(self, call: object) -> None:
            self.calls += 1

    bridge = RosBridge("test_diagnostics_rate")
    try:
        diagnostics = Diagnostics(bridge, "hall")
        diagnostics._bridge = counting = Counting()  # type: ignore[assignment]
        for step in range(100):
            diagnostics.show(running, step * 0.05)
        assert counting.calls == 5
    finally:
        bridge.stop()
