"""Simulated robots whose bodies are in Gazebo's physics: Nav2's actions in, wheels out."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="real nodes need ROS 2: make setup brings it")
pytest.importorskip("dartpy", reason="no physics here: apt install libgl1, and make setup", exc_type=ImportError)

import rclpy
from gazebo_worlds import MAPS, store_of
from ign_transport import ENVIRONMENT, until
from nav2_msgs.action import FollowPath, UndockRobot
from rclpy.action import ActionClient
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from sensor_msgs.msg import BatteryState

from robot_fleet.floor.pose import Pose
from robot_fleet.ros.conversion import path_to_ros
from robot_fleet.sim.report import read_truth

pytestmark = pytest.mark.ros
PATIENCE_S = 90.0


@contextmanager
def started(*command: str) -> Iterator[subprocess.Popen]:
    process = subprocess.Popen([sys.executable, *command], env=os.environ | ENVIRONMENT, stdout=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture
def client() -> Iterator[tuple[Node, SingleThreadedExecutor]]:
    context = Context()
    rclpy.init(args=[], context=context)
    executor = SingleThreadedExecutor(context=context)
    node = Node("client", context=context)
    executor.add_node(node)
    yield node, executor
    executor.shutdown()
    node.destroy_node()
    rclpy.shutdown(context=context)


def sent(client: tuple[Node, SingleThreadedExecutor], action: type, name: str, goal: object) -> object:
    """The result of a goal."""
    node, executor = client
    asked = ActionClient(node, action, name)

    def done(future) -> object:
        deadline = time.monotonic() + PATIENCE_S
        while not future.done():
            assert time.monotonic() < deadline
            executor.spin_once(timeout_sec=0.05)
        return future.result()

    deadline = time.monotonic() + PATIENCE_S
    while not asked.server_is_ready():
        assert time.monotonic() < deadline
        executor.spin_once(timeout_sec=0.05)
    handle = done(asked.send_goal_async(goal))
    assert handle.accepted
    result = done(handle.get_result_async())
    asked.destroy()
    return result.result


def wait_for(client: tuple[Node, SingleThreadedExecutor], kind: type, topic: str) -> None:
    """Returns when the topic is heard: a robot whose world is not there yet says nothing."""
    node, executor = client
    heard: list = []
    node.create_subscription(kind, topic, heard.append, 10)
    deadline = time.monotonic() + PATIENCE_S
    while not heard:
        assert time.monotonic() < deadline
        executor.spin_once(timeout_sec=0.05)


def test_a_robot_backs_out_of_its_dock_and_follows_a_path_on_its_wheels(client, tmp_path: Path) -> None:
    report = tmp_path / "truth.json"
    store = ["--store", str(MAPS / "corner_shop"), "--robots", "1"]
    dock = store_of("corner_shop", 1).floor.dock("dock_1")
    start, goal = dock.staging, dock.staging @ Pose(-1.5, 0.0)
    gazebo = started(str(Path(__file__).parent / "dart_gazebo.py"), str(MAPS / "corner_shop"), "1", "4")
    with gazebo, started("-m", "robot_fleet.cli", "sim", *store, "--gazebo", "--report", str(report)):
        wait_for(client, BatteryState, "/robot_1/battery_state")
        assert sent(client, UndockRobot, "/robot_1/undock_robot", UndockRobot.Goal()).success
        points = [(start.x_m, start.y_m), (goal.x_m, goal.y_m)]
        path = FollowPath.Goal(path=path_to_ros(points, "map"))
        assert sent(client, FollowPath, "/robot_1/follow_path", path).error_code == 0
        time.sleep(1.0)
    document, _, tracks = read_truth(report)
    x, y, _ = document["robots"]["robot_1"]["pose"]
    assert goal.distance_m(Pose(x, y)) < 0.3
    assert document["collisions"] == []
    assert len(tracks["robot_1"]) > 5


def test_who_waits_for_a_world_is_told_for_what(tmp_path: Path) -> None:
    log = tmp_path / "log"
    command = [sys.executable, "-m", "robot_fleet.cli", "sim", "--store", str(MAPS / "corner_shop"), "--gazebo"]
    with log.open("wb") as said:
        process = subprocess.Popen(command, env=os.environ | ENVIRONMENT, stderr=said)
    try:
        until(lambda: "not heard are the clock, robot_1, robot_2" in log.read_text())
    finally:
        process.terminate()
        process.wait(30)
