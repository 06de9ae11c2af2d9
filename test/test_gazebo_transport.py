"""Our node in Gazebo's transport against the real one, in both directions, with processes that come and go."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from ign_transport import ENVIRONMENT, Echo, ask, say, until

from robot_fleet.floor.pose import Pose
from robot_fleet.sim.gazebo.network import Network, decoded
from robot_fleet.sim.gazebo.node import GazeboNode
from robot_fleet.sim.gazebo.readings import message_of, pose_of, seconds_of, time_of, twist_of
from robot_fleet.sim.gazebo.v1 import messages_pb2 as gz

ODOMETRY = "header: {stamp: {sec: 7, nsec: 500000000}}, pose: {position: {x: 1.5, y: -2}, orientation: {z: 1}}"


@pytest.fixture
def node() -> Iterator[GazeboNode]:
    made = GazeboNode(Network.of(ENVIRONMENT), "ignition.msgs")
    yield made
    made.close()


def test_real_subscribers_hear_us_also_when_they_were_killed_and_come_again(node: GazeboNode, tmp_path: Path) -> None:
    node.advertise("/model/r1/cmd_vel", "Twist")
    node.start()
    for life in ("first", "second"):
        echo = Echo("/model/r1/cmd_vel", tmp_path / life)
        until(
            lambda echo=echo: "x: 0.25" in echo.text(), lambda: node.publish("/model/r1/cmd_vel", twist_of(0.25, -0.5))
        )
        assert "z: -0.5" in echo.text()
        echo.kill()


def test_we_hear_a_real_publisher_that_ends_and_the_one_that_comes_after_it(node: GazeboNode) -> None:
    heard: list[gz.Odometry] = []
    node.subscribe("/model/r1/ground_truth", lambda message: heard.append(gz.Odometry.FromString(message)))
    node.start()
    for life in (1, 2):
        until(lambda n=life: len(heard) >= n, lambda: say("/model/r1/ground_truth", "Odometry", ODOMETRY))
        until(lambda: not node.hears("/model/r1/ground_truth"))
    assert seconds_of(heard[-1].header.stamp) == 7.5
    assert pose_of(heard[-1].pose) == Pose(1.5, -2.0, pytest.approx(3.141592653589793))


def test_the_real_tools_list_our_topics_with_their_types_and_no_services(node: GazeboNode) -> None:
    node.advertise("/model/r1/cmd_vel", "Twist")
    node.start()
    assert "/model/r1/cmd_vel" in ask("ign-transport-topic", "-l").splitlines()
    about = ask("ign-transport-topic", "-i", "-t", "/model/r1/cmd_vel")
    assert "ignition.msgs.Twist" in about
    assert "tcp://127.0.0.1:" in about
    assert "/model/r1/cmd_vel" not in ask("ign-transport-service", "-l")


def test_nothing_is_offered_until_it_is_known_how_the_others_call_their_messages(tmp_path: Path) -> None:
    node = GazeboNode(Network.of(ENVIRONMENT))
    try:
        times: list[bytes] = []
        node.subscribe("/clock", times.append)
        node.advertise("/model/r2/cmd_vel", "Twist")
        node.start()
        assert "/model/r2/cmd_vel" not in ask("ign-transport-topic", "-l")
        until(lambda: times, lambda: say("/clock", "Clock", "sim: {sec: 3}"))
        assert seconds_of(gz.Clock.FromString(times[0]).sim) == 3.0
        assert "ignition.msgs.Twist" in ask("ign-transport-topic", "-i", "-t", "/model/r2/cmd_vel")
    finally:
        node.close()


def test_another_partition_is_another_world(node: GazeboNode) -> None:
    other = GazeboNode(Network.of({**ENVIRONMENT, "IGN_PARTITION": "elsewhere"}), "ignition.msgs")
    try:
        heard: list[bytes] = []
        other.subscribe("/clock", heard.append)
        other.start()
        node.advertise("/clock", "Clock")
        node.start()
        same: list[bytes] = []
        mine = GazeboNode(Network.of(ENVIRONMENT), "ignition.msgs")
        mine.subscribe("/clock", same.append)
        mine.start()
        until(lambda: same, lambda: node.publish("/clock", gz.Clock()))
        mine.close()
        assert not heard
    finally:
        other.close()


def test_what_cannot_be_read_is_passed_over() -> None:
    hello = gz.Discovery(version=10, process_uuid="p").SerializeToString()
    assert decoded(len(hello).to_bytes(2, "little") + hello).process_uuid == "p"
    other = gz.Discovery(version=9, process_uuid="p").SerializeToString()
    for packet in (b"", b"\x01", b"\xff\xff" + hello, b"\x03\x00abc", len(other).to_bytes(2, "little") + other):
        assert decoded(packet) is None


@pytest.mark.parametrize(
    ("environment", "partition", "host"),
    [
        ({"GZ_PARTITION": "a", "GZ_IP": "10.0.0.1"}, "a", "10.0.0.1"),
        ({"IGN_PARTITION": "/b/", "IGN_IP": "10.0.0.2"}, "b", "10.0.0.2"),
        ({"GZ_PARTITION": "a", "IGN_PARTITION": "b", "GZ_IP": "127.0.0.1"}, "a", "127.0.0.1"),
    ],
)
def test_the_environment_says_where_to_meet(environment: dict[str, str], partition: str, host: str) -> None:
    network = Network.of(environment)
    assert (network.partition, network.hosts) == (partition, (host,))
    assert network.full_name("/clock") == f"@/{partition}@/clock"


def test_times_and_poses_come_back_as_they_went() -> None:
    assert seconds_of(time_of(12.345678901)) == pytest.approx(12.345678901, abs=1e-9)
    assert time_of(1.9999999999) == gz.Time(sec=2)
    pose = Pose(3.0, -4.0, 2.5)
    there = pose_of(message_of(pose))
    assert (there.x_m, there.y_m, there.yaw_rad) == pytest.approx((3.0, -4.0, 2.5))
