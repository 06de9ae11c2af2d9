"""A part that is missing is a skip with its reason on a user's machine, and a failure in CI."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def outcome_without_ros(folder: Path, ci: str) -> subprocess.CompletedProcess[str]:
    """Runs a file of tests in a Python that has no rclpy."""
    (folder / "without_ros.py").write_text("import sys\n\nsys.modules['rclpy'] = None\n")
    environment = {**os.environ, "CI": ci, "PYTHONPATH": str(folder), "COLCON": "0"}
    command = [sys.executable, "-m", "pytest", "-p", "without_ros", "-p", "no:cacheprovider", "-q"]
    files = [str(HERE / "test_ros_tf.py"), str(HERE / "test_fleet_states.py")]
    return subprocess.run([*command, *files], env=environment, capture_output=True, text=True, timeout=120, check=False)


def test_in_ci_missing_ros_is_a_failure(tmp_path: Path) -> None:
    ended = outcome_without_ros(tmp_path, "true")
    assert ended.returncode == 1
    assert "missing in CI: rclpy" in ended.stdout + ended.stderr


def test_on_a_users_machine_missing_ros_is_a_skip_with_its_reason(tmp_path: Path) -> None:
    ended = outcome_without_ros(tmp_path, "")
    assert ended.returncode == 0, ended.stdout
    assert "ROS 2 is not installed" in ended.stdout and " passed" in ended.stdout
