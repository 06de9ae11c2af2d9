"""`robot-fleet gazebo-world`: a store's world as a file."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from pathlib import Path

from robot_fleet.fleet.errors import InvalidInput
from robot_fleet.floor.faults import Fault
from robot_fleet.floor.store import Store
from robot_fleet.main.stores import load
from robot_fleet.sim.gazebo.dialect import FORTRESS, HARMONIC, world_name
from robot_fleet.sim.gazebo.world_file import Clutter, shapes_of, world_sdf


@dataclass(frozen=True)
class WorldSettings:
    """What `robot-fleet gazebo-world` was asked for; see its help."""

    store: Path
    out: Path
    robots: int | None = None
    profile: str = ""
    fortress: bool = False
    pallets: int = 0
    pillars: int = 0
    seed: int = 0
    speed: float = 1.0


@dataclass(frozen=True)
class WrittenWorld:
    """A world file: how many collision shapes and robots it has, and the command that runs it."""

    file: Path
    shapes: int
    robots: int
    command: str


def write_world(settings: WorldSettings) -> WrittenWorld:
    """Writes the world into the folder, which is made where there is none.

    InvalidInput with every fault of the store, or where there is no room for so many pallets; OSError.
    """
    return write_world_of(load(settings.store, settings.robots, settings.profile), settings)


def write_world_of(store: Store, settings: WorldSettings) -> WrittenWorld:
    """The same for a store that has been read."""
    clutter = Clutter(settings.pallets, settings.pillars, settings.seed)
    try:
        document = world_sdf(store, FORTRESS if settings.fortress else HARMONIC, clutter, settings.speed)
    except ValueError as fault:
        raise InvalidInput("NO_ROOM", (Fault("--pallets", "", str(fault), "Ask for fewer."),)) from None
    settings.out.mkdir(parents=True, exist_ok=True)
    file = settings.out / f"{world_name(store)}.sdf"
    unfinished = file.with_suffix(".sdf.new")
    unfinished.write_text(document, encoding="utf-8")
    os.replace(unfinished, file)
    runner = ["ign", "gazebo"] if settings.fortress else ["gz", "sim"]
    return WrittenWorld(file, shapes_of(document), len(store.robots), shlex.join([*runner, "-r", str(file)]))
