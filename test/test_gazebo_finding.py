"""Which Gazebo is found, and what the demo says where there is none."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from gazebo_worlds import MAPS
from ign_transport import ENVIRONMENT

from robot_fleet.cli.app import run
from robot_fleet.cli.demo_gazebo import complaints
from robot_fleet.cli.exits import Exit
from robot_fleet.main.gazebo_finding import installed_gazebo
from robot_fleet.sim.gazebo.network import Network
from robot_fleet.sim.gazebo.node import GazeboNode
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


def test_the_demo_says_what_to_do_where_there_is_no_gazebo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    asked = ["demo", "--gazebo", "--store", str(MAPS / "corner_shop"), "--out", str(tmp_path)]
    assert run(asked) == Exit.FAILED
    assert "docs/gazebo.md" in capsys.readouterr().err


def test_the_demo_says_that_a_world_is_paused_or_anothers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Gazebo says the time of a paused world, and no robot's pose."""
    monkeypatch.setenv("PATH", str(tmp_path))
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    paused = GazeboNode(Network.of(ENVIRONMENT), "gz.msgs")
    paused.advertise("/world/corner_shop/clock", "Clock")
    paused.start()
    ended = threading.Event()

    def say_the_time() -> None:
        while not ended.wait(0.05):
            paused.publish("/world/corner_shop/clock", gz.Clock())

    speaker = threading.Thread(target=say_the_time)
    speaker.start()
    try:
        asked = ["demo", "--gazebo", "--store", str(MAPS / "corner_shop"), "--robots", "2", "--out", str(tmp_path)]
        assert run(asked) == Exit.FAILED
    finally:
        ended.set()
        speaker.join()
        paused.close()
    said = capsys.readouterr().err
    assert "not robot_1, robot_2: it is paused" in said
    assert "none is installed" in said


def test_what_gazebo_complains_of_is_found_in_its_log(tmp_path: Path) -> None:
    log = tmp_path / "Gazebo.log"
    wrong = "[SystemLoader.cc:92] Failed to load system plugin [gz-sim-physics-system]"
    log.write_text(f"\x1b[1;32m[Msg] all is well\x1b[0m\n\x1b[1;31m[Err] {wrong}\x1b[0m\nError Code 2: Msg: a name\n")
    assert complaints(log) == [f"[Err] {wrong}", "Error Code 2: Msg: a name"]
