"""The process of `robot-fleet gazebo-bridge`."""

from __future__ import annotations

import logging
from pathlib import Path

from robot_fleet.main.stores import load
from robot_fleet.sim.gazebo.network import Network
from robot_fleet.sim.ros_face.gazebo_bridge import run_bridge

_log = logging.getLogger("robot_fleet")


def bridge(folder: Path, robots: int | None, heads: bool, report: Path | None) -> None:
    """Carries topics until SIGINT or SIGTERM. InvalidInput with every fault of the store."""
    store, network = load(folder, robots), Network.of()
    names = ", ".join(robot.name for robot in store.robots)

    def greet() -> None:
        _log.info("carrying /clock and the topics of %s", names)
        _log.info("partition %s on %s", network.partition, ", ".join(network.hosts))

    run_bridge(store, network, heads, report, greet)
    _log.info("stopped")
