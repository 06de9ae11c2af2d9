"""Which Gazebo is found, and what the demo says where there is none."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from gazebo_worlds import MAPS
from google.protobuf.message import Message
from ign_transport import ENVIRONMENT

from robot_fleet.cli.app import run
from robot_fleet.cli.demo_gazebo import complaints
from robot_fleet.cli.exits import Exit
from robot_fleet.floor.pose import Pose
from robot_fleet.main.gazebo_finding import installed_gazebo
from robot_fleet.sim.gazebo.network import Network
from robot_fleet.sim.gazebo.node import GazeboNode
from robot_fleet.sim.gazebo.readings import message_of, time_of
from robot_fleet.sim.gazebo.v1 import messages_pb2 as gz


def put(folder: Path, name: str, script: str) -> None:
    program = folder / name
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


@pytest.mark.parametrize(
    ("scripts", "found"),
    [
        ({}, None),
        ({"gz": "echo 8.6.0", "ign": "echo 6.16.0"}, (("gz", "sim"), False)),
        ({"ign": "echo 6.16.0"}, (("ign", "gazebo"), True)),
        # The gz of Gazebo Classic, and an ign without its gazebo.
        ({"gz": "echo 'Invalid command: sim'; exit 255", "ign": "echo 'not available'"}, None),
    ],
)
def test_the_newest_installed_gazebo_is_taken(
    scripts: dict[str, str], found: tuple | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, script in scripts.items():
        put(tmp_path, name, script)
    monkeypatch.setenv("PATH", str(tmp_path))
    gazebo = installed_gazebo()
    if found is None:
        assert gazebo is None
    else:
        (program, subcommand), fortress = found
        assert (gazebo.command, gazebo.fortress) == ((str(tmp_path / program), subcommand), fortress)
        assert gazebo.run(Path("w.sdf")) == [str(tmp_path / program), subcommand, "-s", "-r", "w.sdf"]


@pytest.fixture
def refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[[], str]:
    """What the demo of two robots in a corner shop complains of, on a machine with no Gazebo installed."""
    monkeypatch.setenv("PATH", str(tmp_path))
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)

    def asked() -> str:
        store = ["--store", str(MAPS / "corner_shop"), "--robots", "2"]
        assert run(["demo", "--gazebo", *store, "--out", str(tmp_path)]) == Exit.FAILED
        return capsys.readouterr().err

    return asked


def test_the_demo_says_what_to_do_where_there_is_no_gazebo(refused: Callable[[], str]) -> None:
    assert "docs/gazebo.md" in refused()


def test_the_demo_says_that_a_world_is_paused(refused: Callable[[], str]) -> None:
    """Gazebo says the time of a paused world, and no robot's pose."""
    with saying({"/world/corner_shop/clock": ("Clock", gz.Clock())}):
        said = refused()
    assert "not robot_1, robot_2: it is paused" in said
    assert "none is installed" in said


def test_the_demo_does_not_take_another_stores_world_for_its_own(refused: Callable[[], str]) -> None:
    """Robots have the same names in most stores, and would be driven into shelves by another's map."""
    robots = {f"/model/robot_{n}/ground_truth": ("Odometry", gz.Odometry(pose=message_of(Pose(n, 0)))) for n in (1, 2)}
    clocks = {topic: ("Clock", gz.Clock(sim=time_of(7.0))) for topic in ("/clock", "/world/supermarket/clock")}
    with saying(clocks | robots):
        said = refused()
    assert "not the world corner_shop: it is paused, or its world is another" in said


@contextmanager
def saying(messages: dict[str, tuple[str, Message]]) -> Iterator[None]:
    """A stand-in of a Gazebo says these over and over: of each topic the kind and the message."""
    node = GazeboNode(Network.of(ENVIRONMENT), "gz.msgs")
    for topic, (kind, _) in messages.items():
        node.advertise(topic, kind)
    node.start()
    ended = threading.Event()

    def say() -> None:
        while not ended.wait(0.05):
            for topic, (_, message) in messages.items():
                node.publish(topic, message)

    speaker = threading.Thread(target=say)
    speaker.start()
    try:
        yield
    finally:
        ended.set()
        speaker.join()
        node.close()


def test_what_gazebo_complains_of_is_found_in_its_log(tmp_path: Path) -> None:
    log = tmp_path / "Gazebo.log"
    wrong = "[SystemLoader.cc:92] Failed to load system plugin [gz-sim-physics-system]"
    log.write_text(f"\x1b[1;32m[Msg] all is well\x1b[0m\n\x1b[1;31m[Err] {wrong}\x1b[0m\nError Code 2: Msg: a name\n")
    assert complaints(log) == [f"[Err] {wrong}", "Error Code 2: Msg: a name"]
