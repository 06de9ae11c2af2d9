"""What the commands about Gazebo answer to what cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest
from gazebo_worlds import MAPS

from robot_fleet.cli.app import run
from robot_fleet.cli.exits import Exit

SHOP = str(MAPS / "corner_shop")


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        (["gazebo-world", "nowhere"], "nowhere: there is no such folder"),
        (["gazebo-world", SHOP, "--robots", "500"], "Ask for 1 to 100 robots"),
        (["gazebo-world", SHOP, "--profile", "Q"], "'Q' is not known"),
        (["gazebo-world", SHOP, "--pallets", "150"], "pallets and pillars, not for 150"),
        (["gazebo-world", SHOP, "--out", __file__], "cannot be written"),
        (["gazebo-bridge", "--store", "nowhere"], "nowhere: there is no such folder"),
        (["gazebo-bridge", "--store", SHOP, "--heads", "--report", "no/folder/truth.json"], "cannot be written"),
        # Nobody would write it.
        (["gazebo-bridge", "--store", SHOP, "--report", "truth.json"], "--report needs --heads"),
        # Nobody would heed it.
        (["sim", "--store", SHOP, "--gazebo", "--speed", "2"], "the clock is Gazebo's"),
        (["sim", "--store", SHOP, "--gazebo", "--robot", "robot_1"], "for all robots"),
    ],
)
def test_what_cannot_be_is_refused_with_its_reason(
    asked: list[str], answer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(asked) == Exit.USAGE
    assert answer in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
