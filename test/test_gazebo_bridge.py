"""The bridge between Gazebo's transport, as Debian ships it, and real ROS nodes."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="real nodes need ROS 2: make setup brings it")

import rclpy
from gazebo_worlds import MAPS, store_of
from geometry_msgs.msg import Twist
from ign_transport import ENVIRONMENT, Echo, say, until
from nav_msgs.msg import Odometry
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import BatteryState
from std_msgs.msg import Bool
from std_srvs.srv import SetBool
from tf2_msgs.msg import TFMessage

from robot_fleet.floor.pose import Pose
from robot_fleet.sim.gazebo.machine import LINKS
from robot_fleet.sim.gazebo.network import Network
from robot_fleet.sim.gazebo.node import GazeboNode
from robot_fleet.sim.gazebo.readings import message_of, time_of
from robot_fleet.sim.gazebo.v1 import messages_pb2 as gz
from robot_fleet.sim.report import read_truth

pytestmark = pytest.mark.ros
ROBOTS = 30


class Listener:
    """A ROS node that keeps what it hears."""

    def __init__(self, node: Node, executor: SingleThreadedExecutor) -> None:
        self.node, self._executor, self.heard = node, executor, []

    def listen(self, kind: type, topic: str) -> list:
        heard: list = []
        self.node.create_subscription(kind, topic, heard.append, 100)
        return heard

    def spin(self) -> None:
        for _ in range(50):
            self._executor.spin_once(timeout_sec=0.002)


@pytest.fixture
def ros() -> Iterator[Listener]:
    context = Context()
    rclpy.init(args=[], context=context)
    executor = SingleThreadedExecutor(context=context)
    node = Node("listener", context=context)
    executor.add_node(node)
    yield Listener(node, executor)
    executor.shutdown()
    node.destroy_node()
    rclpy.shutdown(context=context)


@pytest.fixture(scope="module")
def bridge() -> Iterator[subprocess.Popen]:
    with bridged("supermarket", "--robots", str(ROBOTS)) as process:
        yield process


@contextmanager
def bridged(store: str, *options: str, log: Path | None = None, **variables: str) -> Iterator[subprocess.Popen]:
    command = [sys.executable, "-m", "robot_fleet.cli", "gazebo-bridge", "--store", str(MAPS / store)]
    with ExitStack() as opened:
        said = opened.enter_context(log.open("wb")) if log else None
        process = subprocess.Popen([*command, *options], env=os.environ | ENVIRONMENT | variables, stderr=said)
    try:
        yield process
    finally:
        process.terminate()
        assert process.wait(30) == 0


def test_ros_hears_gazebo_and_gazebo_hears_ros(bridge: subprocess.Popen, ros: Listener, tmp_path: Path) -> None:
    clock, odometry = ros.listen(Clock, "/clock"), ros.listen(Odometry, "/robot_1/odom")
    truth, tf = ros.listen(Odometry, "/robot_1/ground_truth"), ros.listen(TFMessage, "/tf")
    seconds = itertools.count(5)
    until(lambda: clock, lambda: (say("/clock", "Clock", f"sim: {{sec: {next(seconds)}}}"), ros.spin()))
    assert clock[0].clock.sec >= 5
    text = "header: {stamp: {sec: 5}}, pose: {position: {x: 2}, orientation: {w: 1}}, twist: {linear: {x: 0.5}}"
    wheels = ("robot_1/odom", "robot_1/base_link")
    until(
        lambda: odometry and wheels in chain(tf),
        lambda: (say("/model/robot_1/odometry", "Odometry", text), ros.spin()),
    )
    assert (odometry[0].pose.pose.position.x, odometry[0].twist.twist.linear.x) == (2.0, 0.5)
    assert chain(tf)[wheels] == (2.0, 0.0)
    true, drift = text.replace("x: 2", "x: 7, y: 1"), ("map", "robot_1/odom")
    until(
        lambda: truth and drift in chain(tf),
        lambda: (say("/model/robot_1/ground_truth", "Odometry", true), ros.spin()),
    )
    assert truth[0].header.frame_id == "map"
    assert chain(tf)[drift] == (5.0, 1.0)

    velocities = ros.node.create_publisher(Twist, "/robot_1/cmd_vel", 10)
    wanted = Twist()
    wanted.linear.x, wanted.angular.z = 0.25, -0.125
    echo = Echo("/model/robot_1/cmd_vel", tmp_path / "echo")
    until(lambda: "z: -0.125" in echo.text(), lambda: (velocities.publish(wanted), ros.spin()))
    echo.kill()


def test_ros_hears_where_all_that_moves_is_and_not_where_its_parts_are_in_it(
    bridge: subprocess.Popen, ros: Listener
) -> None:
    heard = ros.listen(TFMessage, "/gazebo/poses")
    links = " ".join(f'pose: {{name: "{name}", orientation: {{w: 1}}}}' for name in LINKS)
    text = f'pose: {{name: "robot_1", position: {{x: 3}}, orientation: {{w: 1}}}} {links} pose: {{name: "box"}}'
    seconds = itertools.count(10)

    def say_poses() -> None:
        say("/world/supermarket/dynamic_pose/info", "Pose_V", f"header: {{stamp: {{sec: {next(seconds)}}}}} {text}")
        ros.spin()

    until(lambda: heard, say_poses)
    assert chain(heard) == {("map", "robot_1"): (3.0, 0.0), ("map", "box"): (0.0, 0.0)}


def chain(heard: list[TFMessage]) -> dict[tuple[str, str], tuple[float, float]]:
    """Where each frame is in the one above it."""
    moved = [transform for message in heard for transform in message.transforms]
    return {
        (t.header.frame_id, t.child_frame_id): (t.transform.translation.x, t.transform.translation.y) for t in moved
    }


def test_the_odometry_of_thirty_robots_comes_through(bridge: subprocess.Popen, ros: Listener) -> None:
    """20 Hz each, for two seconds, of a stand-in that sends as Gazebo does."""
    heard = [ros.listen(Odometry, f"/robot_{n + 1}/ground_truth") for n in range(ROBOTS)]
    topics = [f"/model/robot_{n + 1}/ground_truth" for n in range(ROBOTS)]
    gazebo = GazeboNode(Network.of(ENVIRONMENT), "ignition.msgs")
    for topic in topics:
        gazebo.advertise(topic, "Odometry")
    gazebo.start()

    def send(at_s: float) -> None:
        for topic in topics:
            stamp = gz.Header(stamp=time_of(at_s))
            gazebo.publish(topic, gz.Odometry(header=stamp, pose=message_of(Pose(at_s, 0.0))))

    until(lambda: all(heard), lambda: (send(0.0), ros.spin()))
    rounds = 40

    def send_all() -> None:
        for n in range(rounds):
            send(1.0 + n)
            time.sleep(0.05)

    sender = threading.Thread(target=send_all)
    sender.start()
    try:
        until(lambda: all(messages[-1].header.stamp.sec == rounds for messages in heard), ros.spin, 0.0)
    finally:
        sender.join()
        gazebo.close()
    kept = sum(message.header.stamp.sec >= 1 for messages in heard for message in messages)
    assert kept > 0.9 * rounds * ROBOTS


def test_robots_that_drive_are_stopped_when_the_bridge_ends(ros: Listener) -> None:
    """Gazebo's wheels keep to the last velocity that they were given."""
    driven: list[float] = []
    velocities = ros.node.create_publisher(Twist, "/robot_1/cmd_vel", 10)
    wanted = Twist()
    wanted.linear.x = 0.25
    apart = {"IGN_PARTITION": f"{ENVIRONMENT['IGN_PARTITION']}_apart"}
    wheels = GazeboNode(Network.of(ENVIRONMENT | apart), "ignition.msgs")
    # By what others publish the bridge learns how messages are called here.
    wheels.advertise("/model/robot_1/odometry", "Odometry")
    wheels.subscribe(
        "/model/robot_1/cmd_vel", "Twist", lambda message: driven.append(gz.Twist.FromString(message).linear.x)
    )
    wheels.start()
    try:
        with bridged("corner_shop", "--robots", "1", **apart):
            until(lambda: driven, lambda: (velocities.publish(wanted), ros.spin()))
            assert driven[-1] == 0.25
        until(lambda: driven[-1] == 0.0)
    finally:
        wheels.close()


def test_a_bridge_says_for_whom_it_waits_and_finds_a_gazebo_that_was_started_anew(
    ros: Listener, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    truth = ros.listen(Odometry, "/robot_2/ground_truth")
    apart = {"IGN_PARTITION": f"{ENVIRONMENT['IGN_PARTITION']}_anew"}
    waits = "waiting for Gazebo: not heard are robot_1, robot_2"
    with bridged("corner_shop", "--robots", "2", log=log, **apart):
        for life in (1, 2):
            until(lambda n=life: log.read_text().count(waits) >= n)
            with world_of_two(Network.of(ENVIRONMENT | apart)) as gazebo:
                here = gz.Odometry(header=gz.Header(stamp=time_of(life)), pose=message_of(Pose(life, 0.0)))
                say_it = partial(gazebo.publish, "/model/robot_2/ground_truth", here)
                until(
                    lambda n=life: truth and truth[-1].pose.pose.position.x == n,
                    lambda say_it=say_it: (say_it(), ros.spin()),
                )


@contextmanager
def world_of_two(network: Network) -> Iterator[GazeboNode]:
    """A stand-in of a Gazebo that offers two robots' poses."""
    gazebo = GazeboNode(network, "gz.msgs")
    for n in (1, 2):
        gazebo.advertise(f"/model/robot_{n}/ground_truth", "Odometry")
    gazebo.start()
    try:
        yield gazebo
    finally:
        gazebo.close()


def test_robots_with_their_own_nav2_get_heads_batteries_and_a_record_of_what_is_clean(
    ros: Listener, tmp_path: Path
) -> None:
    report = tmp_path / "truth.json"
    dock = store_of("corner_shop", 1).floor.dock("dock_1").pose
    heads, batteries = (
        ros.listen(Bool, "/robot_1/cleaning_head/state"),
        ros.listen(BatteryState, "/robot_1/battery_state"),
    )
    switch = ros.node.create_client(SetBool, "/robot_1/cleaning_head/set")
    gazebo = GazeboNode(Network.of(ENVIRONMENT), "ignition.msgs")
    gazebo.advertise("/clock", "Clock")
    gazebo.advertise("/model/robot_1/ground_truth", "Odometry")
    gazebo.start()
    steps = itertools.count()

    def move_back() -> None:
        at_s = 0.1 * next(steps)
        pose = dock @ Pose(-0.02 * at_s, 0.0)
        stamp = gz.Header(stamp=time_of(at_s))
        gazebo.publish("/model/robot_1/ground_truth", gz.Odometry(header=stamp, pose=message_of(pose)))
        gazebo.publish("/clock", gz.Clock(sim=time_of(at_s)))
        ros.spin()

    try:
        with bridged("corner_shop", "--robots", "1", "--heads", "--report", str(report)):
            until(lambda: batteries and heads and switch.service_is_ready(), move_back, 0.0)
            assert not heads[-1].data
            switch.call_async(SetBool.Request(data=True))
            until(lambda: heads[-1].data, move_back, 0.0)
            begun = next(steps)
            until(lambda: next(steps) > begun + 100, move_back, 0.0)
    finally:
        gazebo.close()
    _, truth, tracks = read_truth(report)
    assert truth.any()
    assert len(tracks["robot_1"]) > 3
