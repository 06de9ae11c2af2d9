"""The worlds that tests write, and what they need of the system."""

from __future__ import annotations

import shutil
from functools import cache
from pathlib import Path

import pytest
from conftest import lacking

from robot_fleet.floor.store import Store
from robot_fleet.main.stores import load

MAPS = Path(__file__).parents[1] / "maps"
NAMES = sorted(folder.name for folder in MAPS.iterdir() if (folder / "map.yaml").is_file())
BOOKSTORE = MAPS.parents[1] / "shared" / "maps" / "bookstore"


@cache
def store_of(name: str, robots: int | None = None) -> Store:
    """A store of maps/, or the bookstore, which not every machine has."""
    folder = BOOKSTORE if name == "bookstore" else MAPS / name
    if not folder.is_dir():
        pytest.skip(f"{folder} is not on this machine")
    return load(folder, robots)


def ign() -> str:
    """The `ign` program with `ign sdf`; a skip where it is not installed."""
    program = shutil.which("ign")
    if program is None or not list(Path("/usr/share/ignition").glob("sdformat*.yaml")):
        lacking("no `ign sdf` here: apt install libsdformat-dev ignition-tools")
    return str(program)
