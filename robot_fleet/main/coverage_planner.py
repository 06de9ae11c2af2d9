"""The process of the node `coverage_planner`."""

from __future__ import annotations

from collections.abc import Sequence

from robot_fleet.main.parent import end_with
from robot_fleet.main.stores import profile_named
from robot_fleet.ros.coverage_planner import run_coverage_planner


def run(arguments: Sequence[str]) -> int:
    """Runs the node with ROS's own arguments until it is told to end; the exit code."""
    return run_coverage_planner(arguments, profile_named, end_with)
