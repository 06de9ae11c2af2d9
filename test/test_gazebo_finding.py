"""Which Gazebo is found, and what the demo says where there is none."""

from __future__ import annotations

from pathlib import Path

import pytest
from gazebo_worlds import MAPS
from ign_transport import ENVIRONMENT

from robot_fleet.cli.app import run
from robot_fleet.cli.exits import Exit
from robot_fleet.main.gazebo_finding import installed_gazebo


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
