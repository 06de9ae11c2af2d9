"""Which Gazebo there is on this machine, and how its worlds are run."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from robot_fleet.floor.store import Store
from robot_fleet.main.gazebo_world import WorldSettings, write_world_of
from robot_fleet.sim.gazebo.link import CLOCK, unheard
from robot_fleet.sim.gazebo.network import LOOPBACK, Network

_ASK_S = 20.0


@dataclass(frozen=True)
class Gazebo:
    """An installed Gazebo: the command that runs worlds, and whether it is Fortress rather than a later one."""

    command: tuple[str, ...]
    fortress: bool

    def run(self, world: Path) -> list[str]:
        """The command that runs a world at once, without a window."""
        return [*self.command, "-s", "-r", str(world)]


def installed_gazebo() -> Gazebo | None:
    """The newest one on the PATH; None where there is none."""
    for program, subcommand in (("gz", "sim"), ("ign", "gazebo")):
        found = shutil.which(program)
        if found and _answers([found, subcommand, "--versions"]):
            return Gazebo((found, subcommand), fortress=program == "ign")
    return None


def own_network(place: Path) -> dict[str, str]:
    """Variables that keep a Gazebo of our own, and all who talk to it, on the loopback interface and to themselves."""
    partition = f"robot_fleet_{place.name}"
    return {
        f"{kind}_{key}": value for kind in ("GZ", "IGN") for key, value in (("IP", LOOPBACK), ("PARTITION", partition))
    }


def write_demo_world(store: Store, gazebo: Gazebo, place: Path, speed: float) -> Path:
    """The store's world for that Gazebo, in a folder."""
    return write_world_of(store, WorldSettings(place, place, fortress=gazebo.fortress, speed=speed)).file


def not_running(
    store: Store, within_s: float, heed: Callable[[], None], environment: dict[str, str] | None = None
) -> list[str]:
    """What is not heard within so many seconds of a Gazebo with this store's robots; empty: it runs."""
    return unheard(store, Network.of({**os.environ, **(environment or {})}), within_s, heed)


def half_heard(missing: list[str]) -> str:
    """What to say of a Gazebo of which only a part is heard; empty where there is none at all."""
    if CLOCK in missing or not missing:
        return ""
    return f"a Gazebo is heard, but not {', '.join(missing)}: it is paused, or its world is another"


def _answers(command: list[str]) -> bool:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_ASK_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0 and any(line.strip()[:1].isdigit() for line in done.stdout.splitlines())
