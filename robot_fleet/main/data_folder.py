"""Where a controller keeps its runs: in a folder, or in a database that is named."""

from __future__ import annotations

import os
from pathlib import Path

from robot_fleet.fleet.errors import InvalidInput
from robot_fleet.floor.faults import Fault
from robot_fleet.storage.database import SqlRunStore
from robot_fleet.storage.postgres_place import holds_password
from robot_fleet.storage.reading import is_served

__all__ = [
    "DATABASE",
    "check_data_folder",
    "data_folders",
    "default_data_folder",
    "holds_password",
    "is_served",
    "open_run_store",
]

DATABASE = "robot_fleet.db"
_REMEDY = "Make its parent folder writable, or give another one with --data."


def default_data_folder(store: str) -> Path:
    """Where runs are kept unless said otherwise: ${XDG_STATE_HOME:-~/.local/state}/robot_fleet/<store>."""
    return _root() / store


def data_folders() -> list[Path]:
    """The folders with a database where they are by default, by name."""
    return sorted(database.parent for database in _root().glob(f"*/{DATABASE}"))


def _root() -> Path:
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "robot_fleet"


def check_data_folder(folder: Path) -> None:
    """As open_run_store, but makes nothing: a FleetError for what it would find wrong, as far as that shows before."""
    if os.path.lexists(folder / DATABASE):
        SqlRunStore(folder / DATABASE, migrate=False).close()
        return
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if os.path.lexists(path))
    if not os.path.isdir(there) or not os.access(there, os.W_OK | os.X_OK):
        what = f"the folder cannot be made: {there} is no folder that may be written to"
        raise InvalidInput("DATA_FOLDER", (Fault("--data", str(folder), what, _REMEDY),))


def open_run_store(folder: Path) -> SqlRunStore:
    """The database in the folder, which is made if need be; a FleetError when it cannot be used, or is used already."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        what = f"the folder cannot be made: {fault.strerror}"
        raise InvalidInput("DATA_FOLDER", (Fault("--data", str(folder), what, _REMEDY),)) from fault
    return SqlRunStore(folder / DATABASE)
