"""The robot-fleet command line. Importing this is quick: what a command needs is imported when it runs."""

from __future__ import annotations

import sys


def main() -> None:
    """The `robot-fleet` command."""
    from robot_fleet.cli.app import run

    sys.exit(run(sys.argv[1:]))


def fleet_controller() -> None:
    """`ros2 run robot_fleet fleet_controller`: the same as `robot-fleet serve`."""
    from robot_fleet.cli.app import run

    sys.exit(run(["serve", *without_ros_arguments(sys.argv[1:])]))


def fleet_sim() -> None:
    """`ros2 run robot_fleet fleet_sim`: the same as `robot-fleet sim`."""
    from robot_fleet.cli.app import run

    sys.exit(run(["sim", *without_ros_arguments(sys.argv[1:])]))


def coverage_planner() -> None:
    """`ros2 run robot_fleet coverage_planner`: a node that plans whatever map it hears."""
    from robot_fleet.main.coverage_planner import run

    sys.exit(run(sys.argv))


def without_ros_arguments(arguments: list[str]) -> list[str]:
    """The arguments without those between --ros-args and its end, which launch files add."""
    kept, ours = [], True
    for argument in arguments:
        if argument in ("--ros-args", "--"):
            ours = argument == "--"
        elif ours:
            kept.append(argument)
    return kept
