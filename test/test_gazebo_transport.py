"""Our node in Gazebo's transport against the real one, in both directions, with processes that come and go."""

from __future__ import annotations

import math
import os
import pwd
import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import zmq
from ign_transport import ENVIRONMENT, Echo, ask, say, until

from robot_fleet.floor.pose import Pose
from robot_fleet.sim.gazebo.network import Multicast, Network, decoded
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
    node.subscribe("/model/r1/ground_truth", "Odometry", lambda message: heard.append(gz.Odometry.FromString(message)))
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
        node.subscribe("/clock", "Clock", times.append)
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
        other.subscribe("/clock", "Clock", heard.append)
        other.start()
        node.advertise("/clock", "Clock")
        node.start()
        same: list[bytes] = []
        mine = GazeboNode(Network.of(ENVIRONMENT), "ignition.msgs")
        mine.subscribe("/clock", "Clock", same.append)
        mine.start()
        until(lambda: same, lambda: node.publish("/clock", gz.Clock()))
        mine.close()
        assert not heard
    finally:
        other.close()


def advertised(topic: str, address: str, kind: str = "ignition.msgs.Clock", process: str = "stranger") -> gz.Discovery:
    """What a process tells that claims to publish a topic."""
    publisher = gz.Discovery.Publisher(
        topic=topic,
        address=address,
        process_uuid=process,
        scope=gz.Discovery.Publisher.SCOPE_ALL,
        msg_pub=gz.Discovery.Publisher.MessagePublisher(msg_type=kind),
    )
    return gz.Discovery(version=10, process_uuid=process, type=gz.Discovery.TYPE_ADVERTISE, pub=publisher)


def test_addresses_that_lead_nowhere_do_not_deafen_us(node: GazeboNode) -> None:
    times: list[bytes] = []
    node.subscribe("/clock", "Clock", times.append)
    node.start()
    network = Network.of(ENVIRONMENT)
    stranger = Multicast(network)
    for n, address in enumerate(
        ["", "nonsense", "tcp://", "tcp://127.0.0.1:no", "inproc://a", "ipc:///tmp/a", "x" * 9000]
    ):
        stranger.tell(advertised(network.full_name("/clock"), address, process=f"stranger {n}"))
    stranger.close()
    until(lambda: times, lambda: say("/clock", "Clock", "sim: {sec: 3}"))


def told_within(listener: Multicast, seconds: float) -> list[gz.Discovery]:
    """What is heard for so long."""
    found: list[gz.Discovery] = []
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        while (message := listener.heard()) is not None:
            found.append(message)
        time.sleep(0.01)
    return found


def test_what_is_asked_over_several_interfaces_is_answered_once_and_asked_again_is_answered_again(
    node: GazeboNode,
) -> None:
    """A process that shares two networks with us is heard on both: here the loopback carries all of it twice."""
    node.advertise("/model/r1/cmd_vel", "Twist")
    node.subscribe("/clock", "Clock", lambda message: None)
    node.start()
    network = Network.of(ENVIRONMENT)
    asker = Multicast(replace(network, hosts=("127.0.0.1", "127.0.0.2")))
    topic = network.full_name("/model/r1/cmd_vel")
    question = gz.Discovery(
        version=10, process_uuid="asker", type=gz.Discovery.TYPE_SUBSCRIBE, sub=gz.Discovery.Subscriber(topic=topic)
    )
    offer = advertised(network.full_name("/clock"), "tcp://127.0.0.1:9", process="asker")
    try:
        for _ in range(2):
            told_within(asker, 0.5)
            asker.tell(question)
            asker.tell(offer)
            told = told_within(asker, 0.5)
            assert (told.count(question), told.count(offer)) == (2, 2)
            (process,) = {message.process_uuid for message in told if message.pub.topic == topic}
            kinds = [message.type for message in told if message.process_uuid == process]
            # Offers that come with a heartbeat are made to everybody, whether asked or not.
            beats = kinds.count(gz.Discovery.TYPE_HEARTBEAT)
            assert kinds.count(gz.Discovery.TYPE_ADVERTISE) - beats == 1
            assert kinds.count(gz.Discovery.TYPE_NEW_CONNECTION) == 1
    finally:
        asker.close()


def test_a_flood_of_addresses_is_not_followed(node: GazeboNode) -> None:
    node.subscribe("/clock", "Clock", lambda message: None)
    network = Network.of(ENVIRONMENT)
    for n in range(2000):
        node._take_in(advertised(network.full_name("/clock"), f"tcp://127.0.0.1:{20_000 + n}", process=f"stranger {n}"))
    assert sum(map(len, node._addresses.values())) <= 200


def test_messages_of_another_type_than_the_topics_are_passed_over(node: GazeboNode) -> None:
    heard: list[bytes] = []
    node.subscribe("/clock", "Clock", heard.append)
    node.start()
    wrong = GazeboNode(Network.of(ENVIRONMENT), "ignition.msgs")
    wrong.advertise("/clock", "Pose")
    wrong.start()
    try:
        for _ in range(20):
            wrong.publish("/clock", message_of(Pose(1.0, 2.0)))
            time.sleep(0.1)
    finally:
        wrong.close()
    assert not heard
    until(lambda: heard, lambda: say("/clock", "Clock", "sim: {sec: 4}"))
    assert gz.Clock.FromString(heard[0]).sim.sec == 4


def test_frames_that_are_no_message_are_passed_over(node: GazeboNode) -> None:
    """Too few, too many, no protobuf in them, and more bytes than anybody has to say."""
    times: list[float] = []
    node.subscribe("/clock", "Clock", lambda message: times.append(gz.Clock.FromString(message).sim.sec))
    node.start()
    network = Network.of(ENVIRONMENT)
    name, kind = network.full_name("/clock").encode(), b"ignition.msgs.Clock"
    stranger = Multicast(network)
    with zmq.Context() as context, context.socket(zmq.PUB) as publisher:
        port = publisher.bind_to_random_port("tcp://127.0.0.1")

        def say_eight() -> None:
            stranger.tell(advertised(name.decode(), f"tcp://127.0.0.1:{port}"))
            publisher.send_multipart([name, b"", gz.Clock(sim=gz.Time(sec=8)).SerializeToString(), kind])

        until(lambda: times, say_eight)
        for frames in ([name], [name] * 5, [name, b"", b"\xff" * 40, kind], [name, b"", bytes(20 * 2**20), kind]):
            publisher.send_multipart(frames)
        # Who hears what is too long breaks the connection off; soon it hears again.
        time.sleep(0.5)
        times.clear()
        until(lambda: times, say_eight)
    stranger.close()
    assert set(times) == {8}


def test_what_cannot_be_read_is_passed_over() -> None:
    hello = gz.Discovery(version=10, process_uuid="p").SerializeToString()
    assert decoded(len(hello).to_bytes(2, "little") + hello).process_uuid == "p"
    other = gz.Discovery(version=9, process_uuid="p").SerializeToString()
    for packet in (b"", b"\x01", b"\xff\xff" + hello, b"\x03\x00abc", len(other).to_bytes(2, "little") + other):
        assert decoded(packet) is None


def test_who_is_flooded_with_what_cannot_be_read_still_listens_to_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    multicast = Multicast(Network.of(ENVIRONMENT))
    flooded = SimpleNamespace(recv=lambda most: b"noise")
    try:
        with monkeypatch.context() as patch:
            patch.setattr(multicast, "socket", flooded)
            assert multicast.heard() is None
    finally:
        multicast.close()


@pytest.mark.parametrize(
    ("environment", "partition", "host"),
    [
        ({"GZ_PARTITION": "a", "GZ_IP": "127.0.0.2"}, "a", "127.0.0.2"),
        ({"IGN_PARTITION": "/b/", "IGN_IP": "127.0.0.3"}, "b", "127.0.0.3"),
        ({"GZ_PARTITION": "a", "IGN_PARTITION": "b", "GZ_IP": "127.0.0.1"}, "a", "127.0.0.1"),
        # Gazebo takes the loopback instead of what is no address of its machine.
        ({"GZ_PARTITION": "a", "GZ_IP": "192.0.2.7"}, "a", "127.0.0.1"),
        ({"GZ_PARTITION": "a", "GZ_IP": "localhost"}, "a", "127.0.0.1"),
    ],
)
def test_the_environment_says_where_to_meet(environment: dict[str, str], partition: str, host: str) -> None:
    network = Network.of(environment)
    assert (network.partition, network.hosts) == (partition, (host,))
    assert network.full_name("/clock") == f"@/{partition}@/clock"


def test_without_a_partition_it_is_the_hosts_and_the_users_by_the_systems_books(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Gazebo asks by number: after `sudo` or in a container the environment names another user."""
    monkeypatch.setenv("LOGNAME", "somebody_else")
    monkeypatch.setenv("USER", "somebody_else")
    user = pwd.getpwuid(os.getuid()).pw_name
    assert Network.of({}).partition == f"{socket.gethostname()}:{user}"


def test_without_an_address_all_interfaces_are_spoken_to_and_the_loopback_too() -> None:
    hosts = Network.of({}).hosts
    assert hosts[-1] == "127.0.0.1"
    assert len(hosts) == len(set(hosts))


def test_meeting_places_of_an_administrators_choice_are_used(tmp_path: Path) -> None:
    elsewhere = {"IGN_DISCOVERY_MULTICAST_IP": "239.255.0.99", "IGN_DISCOVERY_MSG_PORT": "11999"}
    network = Network.of({**ENVIRONMENT, **elsewhere})
    assert (network.group, network.port) == ("239.255.0.99", 11999)
    assert Network.of({"GZ_DISCOVERY_MSG_PORT": "no number"}).port == 10317
    node = GazeboNode(network, "ignition.msgs")
    try:
        node.advertise("/model/r1/cmd_vel", "Twist")
        node.start()
        assert "/model/r1/cmd_vel" in ask("ign-transport-topic", "-l", **elsewhere).splitlines()
        assert "/model/r1/cmd_vel" not in ask("ign-transport-topic", "-l")
    finally:
        node.close()


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_what_is_not_made_of_numbers_is_neither_taken_nor_sent(bad: float) -> None:
    with pytest.raises(ValueError, match="numbers"):
        pose_of(gz.Pose(position=gz.Vector3d(x=bad), orientation=gz.Quaternion(w=1.0)))
    with pytest.raises(ValueError, match="numbers"):
        pose_of(gz.Pose(orientation=gz.Quaternion(z=bad)))
    assert twist_of(bad, 0.1) == twist_of(0.1, bad) == twist_of(0.0, 0.0)


def test_times_and_poses_come_back_as_they_went() -> None:
    assert seconds_of(time_of(12.345678901)) == pytest.approx(12.345678901, abs=1e-9)
    assert time_of(1.9999999999) == gz.Time(sec=2)
    pose = Pose(3.0, -4.0, 2.5)
    there = pose_of(message_of(pose))
    assert (there.x_m, there.y_m, there.yaw_rad) == pytest.approx((3.0, -4.0, 2.5))
