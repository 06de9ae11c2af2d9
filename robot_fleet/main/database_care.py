"""The database of a store's controller, found by its data folder or its store, for those who look after it."""

from __future__ import annotations

from pathlib import Path

from robot_fleet.fleet.errors import InvalidInput
from robot_fleet.floor.faults import Fault
from robot_fleet.main.data_folder import DATABASE, default_data_folder
from robot_fleet.storage.database_check import DatabaseReport, check_database
from robot_fleet.storage.database_copy import back_up, restore

__all__ = ["DatabaseReport", "back_up", "check_database", "database_of", "restore"]


def database_of(data: Path | None, store: Path | None, must_be: bool = True) -> Path:
    """The database's path; InvalidInput when neither folder is told, or when there is none though there must be."""
    if data is None and store is None:
        what, remedy = "it is not told whose database", "Give --store DIR or --data DIR as for `robot-fleet serve`."
        raise InvalidInput("NO_DATABASE", (Fault("--data", "", what, remedy),))
    folder = data or default_data_folder(store.resolve().name if store else "")
    if must_be and not (folder / DATABASE).is_file():
        remedy = "Give the --data or --store of `robot-fleet serve`, which writes it."
        raise InvalidInput("NO_DATABASE", (Fault("database", str(folder / DATABASE), "there is no file", remedy),))
    return folder / DATABASE
