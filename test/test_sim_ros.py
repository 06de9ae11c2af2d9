"""Simulated robots over real DDS, from a second process: they offer what a robot that runs Nav2 offers."""

from __future__ import annotations

import json
import math
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="ROS 2 is not installed")

from action_msgs.msg import GoalStatus
from action_msgs.srv import CancelGoal
from diagnostic_msgs.msg import DiagnosticArray
from nav2_msgs.action import DockRobot, FollowPath, UndockRobot
from rclpy.action import ActionClient
from rclpy.action.client import ClientGoalHandle
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import BatteryState
from std_msgs.msg import Bool
from std_srvs.srv import SetBool
from tf2_msgs.msg import TFMessage

from robot_fleet.floor.pose import Pose
from robot_fleet.ros.clock import CLOCK_SEEN
from robot_fleet.ros.conversion import (
    holds_from_ros,
    path_to_ros,
    seconds_from_ros,
    seconds_to_ros,
    stamped_pose_to_ros,
    transform_from_ros,
)
from robot_fleet.ros.listening import LATCHED
from robot_fleet.sim.report import read_truth

pytestmark = pytest.mark.ros

SPEED = 10.0
SEEN_S = 0.3
LIMIT_S = 90.0
MAP_OF_R2 = Pose(1.0, 2.0, math.pi / 2)


@contextmanager
def simulator(*arguments: object) -> Iterator[subprocess.Popen[str]]:
    """A simulator process; ended at the end."""
    program = [sys.executable, str(Path(__file__).with_name("sim_process.py")), *map(str, arguments)]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None and process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


class Client:
    """Who talks to the robots: the fleet's side, with nothing of ours in between."""

    def __init__(self) -> None:
        self._context = Context()
        self._context.init(args=[])
        self.node = Node("test_client", context=self._context)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self.node)
        self.heard: dict[str, list[Any]] = {}
        self.feedback: list[Any] = []

    def close(self) -> None:
        self._executor.shutdown(timeout_sec=0.0)
        self.node.destroy_node()
        self._context.try_shutdown()

    def listen(self, of: type, topic: str, qos: Any = 50) -> list[Any]:
        heard = self.heard.setdefault(topic, [])
        self.node.create_subscription(of, topic, heard.append, qos)
        return heard

    def until(self, holds: Callable[[], Any]) -> Any:
        deadline = time.monotonic() + LIMIT_S
        while not (found := holds()):
            assert time.monotonic() < deadline, f"not within {LIMIT_S} s"
            self._executor.spin_once(timeout_sec=0.05)
        return found

    def answer(self, future: Any) -> Any:
        self.until(future.done)
        return future.result()

    def seen_both_ways(self, is_ready: Callable[[], bool]) -> None:
        """Waits for a server, and a moment more: until it sees its client too, its answers go nowhere."""
        self.until(is_ready)
        ready_s = time.monotonic()
        self.until(lambda: time.monotonic() > ready_s + SEEN_S)

    def call(self, name: str, on: bool) -> SetBool.Response:
        client = self.node.create_client(SetBool, name)
        self.seen_both_ways(client.service_is_ready)
        return self.answer(client.call_async(SetBool.Request(data=on)))

    def send(self, action: type, name: str, goal: Any) -> ClientGoalHandle:
        client = ActionClient(self.node, action, name)
        self.seen_both_ways(client.server_is_ready)
        return self.answer(
            client.send_goal_async(goal, feedback_callback=lambda said: self.feedback.append(said.feedback))
        )

    def result(self, handle: ClientGoalHandle) -> tuple[int, int]:
        response = self.answer(handle.get_result_async())
        return response.status, response.result.error_code

    def drive(self, action: type, name: str, goal: Any) -> tuple[int, int]:
        return self.result(self.send(action, name, goal))


@pytest.fixture
def client() -> Iterator[Client]:
    one = Client()
    yield one
    one.close()


def follow(*points: tuple[float, float], frame: str = "map") -> FollowPath.Goal:
    return FollowPath.Goal(path=path_to_ros(np.array(points), frame))


def place_of(client: Client, robot: str) -> Pose:
    """Where the robot says that it is, in its own map, once it has said it anew."""
    if "/tf" not in client.heard:
        client.listen(TFMessage, "/tf")
    client.heard["/tf"].clear()
    return client.until(lambda: trail(client, robot))[-1][1]


def trail(client: Client, robot: str) -> list[tuple[float, Pose]]:
    """Stamps and places of the robot that were heard since."""
    frames = (f"{robot}/odom", f"{robot}/base_link")
    said = [transform_from_ros(moved) for message in client.heard["/tf"] for moved in message.transforms]
    return [(at_s, pose) for parent, child, at_s, pose in said if (parent, child) == frames]


SUCCEEDED, ABORTED, CANCELED = (GoalStatus.STATUS_SUCCEEDED, GoalStatus.STATUS_ABORTED, GoalStatus.STATUS_CANCELED)


def test_a_robot_undocks_follows_paths_and_docks_again(client: Client) -> None:
    with simulator(SPEED):
        batteries = client.listen(BatteryState, "/r1/battery_state")
        charging = BatteryState.POWER_SUPPLY_STATUS_CHARGING
        assert client.until(lambda: batteries)[-1].power_supply_status == charging
        assert client.drive(UndockRobot, "/r1/undock_robot", UndockRobot.Goal()) == (SUCCEEDED, 0)
        assert client.drive(FollowPath, "/r1/follow_path", follow((1.2, 1.0), (4.0, 1.0), (4.0, 2.0))) == (SUCCEEDED, 0)
        client.until(lambda: place_of(client, "r1").distance_m(Pose(4.0, 2.0)) < 0.1)
        feedback = [said for said in client.feedback if isinstance(said, FollowPath.Feedback)]
        assert feedback[0].distance_to_goal > feedback[-1].distance_to_goal
        assert max(said.speed for said in feedback) == pytest.approx(0.5)
        assert client.drive(FollowPath, "/r1/follow_path", follow((4.0, 2.0), (4.0, 1.0), (1.2, 1.0))) == (SUCCEEDED, 0)
        by_name = DockRobot.Goal(use_dock_id=True, dock_id="d1")
        assert client.drive(DockRobot, "/r1/dock_robot", by_name) == (SUCCEEDED, 0)
        batteries.clear()
        assert client.until(lambda: batteries)[-1].power_supply_status == charging
        assert 0.9 < batteries[-1].percentage <= 1.0


def test_a_robot_whose_map_is_not_ours_drives_and_docks_in_its_own(client: Client) -> None:
    with simulator(SPEED):
        into = MAP_OF_R2.inverse()
        way = [into @ Pose(x, y) for x, y in ((8.8, 1.0), (7.0, 1.0), (7.0, 3.0), (8.0, 1.0), (8.8, 1.0))]
        points = [(pose.x_m, pose.y_m) for pose in way]
        assert client.drive(UndockRobot, "/fleet/r2/undock_robot", UndockRobot.Goal()) == (SUCCEEDED, 0)
        assert client.drive(FollowPath, "/fleet/r2/follow_path", follow(*points[:3])) == (SUCCEEDED, 0)
        client.until(lambda: place_of(client, "r2").distance_m(way[2]) < 0.1)
        assert client.drive(FollowPath, "/fleet/r2/follow_path", follow(*points[2:])) == (SUCCEEDED, 0)
        at = stamped_pose_to_ros("map", 0.0, into @ Pose(9.5, 1.0, 0.0))
        by_pose = DockRobot.Goal(use_dock_id=False, dock_pose=at, navigate_to_staging_pose=False)
        assert client.drive(DockRobot, "/fleet/r2/dock_robot", by_pose) == (SUCCEEDED, 0)


def test_a_cancel_is_answered_and_the_robot_stops(client: Client) -> None:
    with simulator(SPEED):
        client.drive(UndockRobot, "/r1/undock_robot", UndockRobot.Goal())
        handle = client.send(FollowPath, "/r1/follow_path", follow((1.2, 1.0), (9.0, 1.0)))
        client.until(lambda: place_of(client, "r1").x_m > 2.0)
        assert client.answer(handle.cancel_goal_async()).goals_canceling
        assert client.result(handle) == (CANCELED, 0)
        cancelled_s = max(stamp for stamp, _ in trail(client, "r1"))
        client.until(lambda: max(stamp for stamp, _ in trail(client, "r1")) > cancelled_s + 4.0)
        late = [pose for stamp, pose in trail(client, "r1") if stamp > cancelled_s + 0.5 / 0.5 + 0.5]
        assert all(pose.distance_m(late[0]) < 0.01 for pose in late)
        assert late[0].x_m < 8.0


def test_a_cancel_that_comes_together_with_its_goal_is_not_lost(client: Client) -> None:
    with simulator(SPEED) as process:
        client.drive(UndockRobot, "/r1/undock_robot", UndockRobot.Goal())
        action = ActionClient(client.node, FollowPath, "/r1/follow_path")
        cancel = client.node.create_client(CancelGoal, "/r1/follow_path/_action/cancel_goal")
        client.seen_both_ways(lambda: action.server_is_ready() and cancel.service_is_ready())
        for _ in range(30):
            place = place_of(client, "r1")
            process.send_signal(signal.SIGSTOP)
            sent = action.send_goal_async(follow((place.x_m, place.y_m), (9.0, 1.0)))
            asked = cancel.call_async(CancelGoal.Request())
            time.sleep(0.3)
            process.send_signal(signal.SIGCONT)
            handle = client.answer(sent)
            if client.answer(asked).goals_canceling:
                break
            # The cancel was looked at before the goal.
            client.answer(handle.cancel_goal_async())
            client.result(handle)
        else:
            pytest.fail("the two never came in that order")
        assert client.result(handle)[0] == CANCELED
        assert place_of(client, "r1").distance_m(place) < 2.0


def test_a_second_goal_aborts_the_first_also_on_another_action(client: Client) -> None:
    with simulator(SPEED):
        client.drive(UndockRobot, "/r1/undock_robot", UndockRobot.Goal())
        first = client.send(FollowPath, "/r1/follow_path", follow((1.2, 1.0), (9.0, 1.0)))
        second = client.send(FollowPath, "/r1/follow_path", follow((1.3, 1.0), (8.0, 1.0)))
        assert client.result(first) == (ABORTED, 0)
        docking = client.send(DockRobot, "/r1/dock_robot", DockRobot.Goal(dock_id="d1"))
        assert client.result(second) == (ABORTED, 0)
        assert client.result(docking)[0] in (SUCCEEDED, ABORTED)


def test_what_goes_wrong_has_nav2s_error_codes(client: Client) -> None:
    with simulator(SPEED):
        assert client.drive(FollowPath, "/r1/follow_path", follow((5.0, 5.0), (6.0, 5.0))) == (ABORTED, 103)
        assert client.drive(FollowPath, "/r1/follow_path", follow((0.5, 1.0), (2.0, 1.0), frame="moon")) == (
            ABORTED,
            102,
        )
        unknown = DockRobot.Goal(use_dock_id=True, dock_id="nowhere")
        assert client.drive(DockRobot, "/r1/dock_robot", unknown) == (ABORTED, 901)
        far = DockRobot.Goal(use_dock_id=True, dock_id="d2")
        assert client.drive(DockRobot, "/r1/dock_robot", far) == (ABORTED, 903)


def test_the_head_is_switched_by_a_service_and_tells_its_state(client: Client) -> None:
    with simulator(SPEED):
        assert client.call("/r1/cleaning_head/set", True).success
        states = client.listen(Bool, "/r1/cleaning_head/state", LATCHED)
        assert client.until(lambda: states)[-1].data
        assert client.call("/r1/cleaning_head/set", False).success
        client.until(lambda: not states[-1].data)


def test_an_e_stop_ends_the_goal_is_told_and_refuses_goals_until_it_is_released(client: Client) -> None:
    with simulator(SPEED):
        said = client.listen(DiagnosticArray, "/r1/diagnostics")
        client.drive(UndockRobot, "/r1/undock_robot", UndockRobot.Goal())
        handle = client.send(FollowPath, "/r1/follow_path", follow((1.2, 1.0), (9.0, 1.0)))
        assert client.call("/r1/simulation/e_stop", True).success
        assert client.result(handle)[0] == ABORTED
        client.until(lambda: said and holds_from_ros(said[-1]) == {"r1: safety": "e-stop"})
        assert not client.send(FollowPath, "/r1/follow_path", follow((1.2, 1.0), (9.0, 1.0))).accepted
        assert not client.call("/r1/cleaning_head/set", True).success
        client.call("/r1/simulation/e_stop", False)
        client.until(lambda: holds_from_ros(said[-1]) == {"r1: safety": ""})
        here = place_of(client, "r1")
        path = follow((here.x_m, 1.0), (here.x_m + 1.0, 1.0))
        assert client.drive(FollowPath, "/r1/follow_path", path) == (SUCCEEDED, 0)


def test_time_runs_at_the_speed_that_was_asked_for_and_not_faster(client: Client) -> None:
    began = time.monotonic()
    with simulator(SPEED):
        clock = client.listen(Clock, "/clock", 1000)
        # A machine that cannot keep up may run it slower.
        client.until(lambda: clock and seconds_from_ros(clock[-1].clock) > 60.0)
        assert seconds_from_ros(clock[-1].clock) / (time.monotonic() - began) < SPEED


def test_stamps_are_in_the_simulated_time_and_poses_late_in_it(client: Client) -> None:
    with simulator(SPEED):
        clock, tf = client.listen(Clock, "/clock", 1000), client.listen(TFMessage, "/tf", 1000)
        client.until(lambda: clock and tf)
        stands_s = stand(client, clock, seconds_from_ros(clock[-1].clock) + 5.0)
        newest = client.until(lambda: [stamp for stamp in stamps(tf, "r1") if stamp > stands_s - 0.3 - 0.1 - 1e-6])
        client.until(partial(_says_again, clock, len(clock)))
        assert max(newest + stamps(tf, "r1")) <= stands_s - 0.3 + 1e-6
        assert np.median(np.diff(sorted(set(np.round(stamps(tf, "r1"), 6))))) == pytest.approx(0.1)


def stand(client: Client, clock: list[Any], at_s: float) -> float:
    """Holds the simulated clock up, as a controller does that has seen all up to `at_s`; the time at which it stands."""
    seen = client.node.create_publisher(Clock, CLOCK_SEEN, 10)

    def stands() -> bool:
        seen.publish(Clock(clock=seconds_to_ros(at_s)))
        return len(clock) > 3 and clock[-1] == clock[-3] and seconds_from_ros(clock[-1].clock) >= at_s

    client.until(stands)
    return seconds_from_ros(clock[-1].clock)


def stamps(tf: list[Any], robot: str) -> list[float]:
    """The stamps of all transforms of the robot."""
    moved = [transform for message in tf for transform in message.transforms]
    return [seconds_from_ros(one.header.stamp) for one in moved if robot in one.child_frame_id]


def _says_again(clock: list[Any], heard: int) -> bool:
    return len(clock) > heard + 2


def test_one_process_a_robot_and_one_for_the_clock_work_together(client: Client) -> None:
    with ExitStack() as processes:
        for which in ("r1", "r2", "clock"):
            processes.enter_context(simulator(SPEED, which))
        for place, into in (("/r1", Pose(0, 0)), ("/fleet/r2", MAP_OF_R2.inverse())):
            assert client.drive(UndockRobot, f"{place}/undock_robot", UndockRobot.Goal()) == (SUCCEEDED, 0)
            start = place_of(client, place[-2:])
            ahead = into @ Pose(5.0, 1.0)
            path = follow((start.x_m, start.y_m), (ahead.x_m, ahead.y_m))
            handle = client.send(FollowPath, f"{place}/follow_path", path)
            client.until(partial(_left, client, place[-2:], start))
            client.answer(handle.cancel_goal_async())
            assert client.result(handle) == (CANCELED, 0)


def _left(client: Client, robot: str, start: Pose) -> bool:
    return place_of(client, robot).distance_m(start) > 0.5


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_cleanly_with_a_full_report(client: Client, tmp_path: Path, number: signal.Signals) -> None:
    report = tmp_path / "truth.json"
    with simulator(SPEED, "all", report) as process:
        client.drive(UndockRobot, "/r1/undock_robot", UndockRobot.Goal())
        client.call("/r1/cleaning_head/set", True)
        client.drive(FollowPath, "/r1/follow_path", follow((1.2, 1.0), (4.0, 1.0)))
        process.send_signal(number)
        assert process.wait(LIMIT_S) == 0
    document, truth, tracks = read_truth(report)
    assert document == json.loads(report.read_text())
    assert document["truly_cleaned_m2"] == pytest.approx(0.7 * 2.75, abs=0.3)
    assert truth.sum() * 0.05**2 == pytest.approx(document["truly_cleaned_m2"], abs=0.01)
    assert document["collisions"] == []
    assert tracks["r1"][-1][1] == pytest.approx(3.9, abs=0.3)
    assert document["robots"]["r1"]["distance_m"] == pytest.approx(3.5, abs=0.3)
