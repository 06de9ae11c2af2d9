"""The demo's Gazebo: one that runs already with the store's world, or one of its own."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from robot_fleet.cli.exits import CommandFailed, Exit

if TYPE_CHECKING:
    from robot_fleet.cli.demo_children import Children
    from robot_fleet.floor.store import Store

_LOOK_S, _LOADING_S = 3.0, 120.0
_MOST_COMPLAINTS = 10
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_REMEDY = "Install Gazebo Harmonic, or start its world: see docs/gazebo.md."


def join_gazebo(store: Store, speed: float, place: Path, children: Children, check: Callable[[], None]) -> None:
    """Returns when a world with the store's robots runs; CommandFailed where there is none and none can be started."""
    from robot_fleet.main.gazebo_finding import half_heard, installed_gazebo, not_running, own_network, write_demo_world

    missing = not_running(store, _LOOK_S, check)
    if not missing:
        _say(f"Joining the Gazebo that runs with the robots of {store.floor.name}")
        return
    heard, gazebo = half_heard(missing), installed_gazebo()
    if gazebo is None:
        what = heard or f"no Gazebo with the {len(store.robots)} robots of {store.floor.name} is heard"
        raise CommandFailed(Exit.FAILED, f"{what}; and none is installed", _REMEDY)
    if heard:
        _say(f"Not joining: {heard}")
    network = own_network(place)
    children.share(network)
    log = children.run("Gazebo", gazebo.run(write_demo_world(store, gazebo, place, speed)))
    _say(f"Starting {' '.join(gazebo.command)}")
    missing = not_running(store, _LOADING_S, check, network)
    for line in complaints(log):
        _say(f"Gazebo says: {line}")
    if missing:
        remedy = "Try its world by hand, with a window: see docs/gazebo.md."
        what = f"Gazebo did not run the world within {_LOADING_S:g} s: not heard are {', '.join(missing)}"
        raise CommandFailed(Exit.FAILED, what, remedy)


def complaints(log: Path) -> list[str]:
    """The errors that Gazebo has written there: a world of which a part failed to load runs all the same."""
    lines = _COLOURS.sub("", log.read_text(errors="replace")).splitlines()
    return [line.strip() for line in lines if line.startswith(("[Err]", "Error"))][:_MOST_COMPLAINTS]


def _say(text: str) -> None:
    print(text, file=sys.stderr)
