"""ROS's log files: where no home can take them, processes start all the same and say where they are."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

SHOP = Path(__file__).resolve().parent.parent / "maps" / "corner_shop"
PATIENCE_S = 120.0

pytestmark = pytest.mark.ros

START_ROS = "from robot_fleet.ros.bridge import RosBridge; RosBridge().stop()"


def environment(tmp_path: Path, **given: str) -> dict[str, str]:
    """Of a process that knows no home but what is given, and puts temporary files where the test can see them."""
    ours = {name: value for name, value in os.environ.items() if name not in ("HOME", "ROS_HOME", "ROS_LOG_DIR")}
    return ours | {"TMPDIR": str(tmp_path)} | given


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({}, "HOME is not set"),
        ({"HOME": "/dev/null"}, "/dev/null/.ros/log cannot be written"),
        ({"HOME": "/root", "ROS_HOME": "/dev/null/ros"}, "/dev/null/ros/log cannot be written"),
        ({"HOME": "/root", "ROS_LOG_DIR": "/dev/null/logs"}, "/dev/null/logs cannot be written"),
    ],
)
def test_ros_starts_without_a_folder_for_its_logs_and_it_is_said_where_they_go(
    tmp_path: Path, given: dict[str, str], reason: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", START_ROS],
        env=environment(tmp_path, **given), capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    (folder,) = tmp_path.glob("robot_fleet-ros-log-*")
    assert done.returncode == 0, done.stderr
    assert reason in done.stderr
    assert str(folder) in done.stderr


def test_a_home_that_takes_them_has_them_and_nothing_is_said(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", START_ROS],
        env=environment(tmp_path, HOME=str(tmp_path)), capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert [path.name for path in tmp_path.iterdir()] == [".ros"]


def test_simulated_robots_run_without_a_home(tmp_path: Path) -> None:
    said = tmp_path / "said"
    with said.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "robot_fleet.cli", "sim", "--store", str(SHOP)],
            env=environment(tmp_path), stdout=out, stderr=out,
        )  # fmt: skip
    try:
        deadline = time.monotonic() + PATIENCE_S
        while "simulating" not in said.read_text():
            assert process.poll() is None and time.monotonic() < deadline, said.read_text()
            time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 0, said.read_text()
    finally:
        process.kill()
        process.wait()
