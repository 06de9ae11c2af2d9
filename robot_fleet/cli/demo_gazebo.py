"""The demo's Gazebo: one that runs already with the store's world, or one of its own."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from robot_fleet.cli.exits import CommandFailed, Exit

if TYPE_CHECKING:
    from robot_fleet.cli.demo_children import Children
    from robot_fleet.floor.store import Store

_LOOK_S, _LOADING_S = 3.0, 120.0


def join_gazebo(store: Store, speed: float, place: Path, children: Children, check: Callable[[], None]) -> None:
    """Returns when a world with the store's robots runs; CommandFailed where there is none and none can be started."""
    from robot_fleet.main.gazebo_finding import installed_gazebo, is_running, own_network, write_demo_world

    if is_running(store, _LOOK_S, check):
        _say(f"Joining the Gazebo that runs with the robots of {store.floor.name}")
        return
    gazebo = installed_gazebo()
    if gazebo is None:
        what = f"no Gazebo with the {len(store.robots)} robots of {store.floor.name} is heard, and none is installed"
        raise CommandFailed(Exit.FAILED, what, "Install Gazebo Harmonic, or start its world: see docs/gazebo.md.")
    network = own_network(place)
    children.share(network)
    children.run("Gazebo", gazebo.run(write_demo_world(store, gazebo, place, speed)))
    _say(f"Starting {' '.join(gazebo.command)}")
    if not is_running(store, _LOADING_S, check, network):
        remedy = "Try its world by hand, with a window: see docs/gazebo.md."
        raise CommandFailed(Exit.FAILED, f"Gazebo did not run the world within {_LOADING_S:g} s", remedy)


def _say(text: str) -> None:
    print(text, file=sys.stderr)
