"""The folder in which one controller keeps its runs; a lock keeps every other controller off it, and off the robots."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from robot_fleet.control.ports import CannotStore
from robot_fleet.fleet.errors import InvalidInput
from robot_fleet.floor.faults import Fault
from robot_fleet.storage.database import SqlRunStore


def default_data_folder(store: str) -> Path:
    """Where runs are kept unless said otherwise: ${XDG_STATE_HOME:-~/.local/state}/robot_fleet/<store>."""
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "robot_fleet" / store


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keeps a second controller off the folder, and with it off the same robots. InvalidInput when it cannot be used."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "lock").open("a+")
    except OSError as fault:
        raise _unusable(folder, f"it cannot be written: {fault.strerror}") from fault
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.seek(0)
            who = lock.read().strip() or "unknown"
            raise _unusable(folder, f"another controller uses it (process {who})") from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield


def opened(folder: Path) -> SqlRunStore:
    """The database in the folder; InvalidInput when it cannot be used."""
    path = folder / "robot_fleet.db"
    try:
        return SqlRunStore(f"sqlite:///{path}")
    except CannotStore as fault:
        raise _unusable(path, f"the database cannot be used: {fault}") from fault


def _unusable(path: Path, what: str) -> InvalidInput:
    remedy = "End the other one, make the folder writable, or give another one with --data."
    return InvalidInput("DATA_FOLDER", (Fault("--data", str(path), what, remedy),))
