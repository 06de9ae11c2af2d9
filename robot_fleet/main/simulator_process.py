"""The process of `robot-fleet sim`: robots of a store that do not exist, behind the ROS interface of real ones."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from robot_fleet.fleet.errors import InvalidInput
from robot_fleet.floor.faults import Fault
from robot_fleet.floor.store import Store
from robot_fleet.main.stores import load
from robot_fleet.sim.gazebo.network import Network
from robot_fleet.sim.realism import EXECUTED, PERFECT
from robot_fleet.sim.ros_face.simulator import run_simulator

_log = logging.getLogger("robot_fleet")


@dataclass(frozen=True)
class SimSettings:
    """What `robot-fleet sim` was asked for; see its help."""

    store: Path
    speed: float
    robots: int | None
    robot: str
    clock_only: bool
    perfect: bool
    seed: int
    report: Path | None
    gazebo: bool = False
    real_time: bool = False


def simulate(settings: SimSettings) -> None:
    """Simulates until SIGINT or SIGTERM. InvalidInput with every fault of the store, or for a robot that it has not."""
    store = load(settings.store, settings.robots)
    _check_robot(store, settings.robot)
    run_simulator(
        store,
        speed=settings.speed,
        robot=settings.robot or None,
        realism=PERFECT if settings.perfect else EXECUTED,
        seed=settings.seed,
        report=settings.report,
        clock_only=settings.clock_only,
        gazebo=Network.of() if settings.gazebo else None,
        real_time=settings.real_time,
        on_ready=lambda: _greet(store, settings),
    )
    _log.info("stopped")


def _check_robot(store: Store, robot: str) -> None:
    known = [spec.name for spec in store.robots]
    if robot and robot not in known:
        remedy = f"The robots of {store.floor.name} are {', '.join(known)}."
        raise InvalidInput("UNKNOWN_ROBOT", (Fault("--robot", robot, "there is no such robot", remedy),))


def _greet(store: Store, settings: SimSettings) -> None:
    if settings.clock_only:
        what = "the clock alone"
    else:
        what = settings.robot or ", ".join(spec.name for spec in store.robots)
    if settings.gazebo:
        _log.info("driving %s in Gazebo's world of %s", what, store.floor.name)
        return
    pace = f"{settings.speed:g} times as fast as real time"
    if settings.real_time:
        pace = "by this machine's clock"
    elif settings.robot:
        pace = "by /clock"
    _log.info("simulating %s in %s, %s", what, store.floor.name, pace)
