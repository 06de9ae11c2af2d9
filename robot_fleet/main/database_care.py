"""The database of a store's controller, found by its data folder or its store, for those who look after it."""

from __future__ import annotations

from pathlib import Path

from robot_fleet.fleet.errors import InvalidInput
from robot_fleet.floor.faults import Fault
from robot_fleet.main.data_folder import DATABASE, default_data_folder
from robot_fleet.storage.database_check import DatabaseReport, check_database
from robot_fleet.storage.database_copy import back_up, restore
from robot_fleet.storage.reading import name_of

__all__ = ["DatabaseReport", "back_up", "check_database", "database_of", "name_of", "restore"]


def database_of(data: Path | None, store: Path | None, database: str = "", must_be: bool = True) -> str | Path:
    """The database's URL or path, as `robot-fleet serve` finds it.

    InvalidInput when none is told, or two are, or when there is no file though there must be.
    """
    if data and database:
        what = "with --database (or ROBOT_FLEET_DATABASE) it names two databases"
        raise _no_database("--data", what, "Leave one of them out.")
    if database:
        return database
    if data is None and store is None:
        remedy = "Give --store DIR or --data DIR, or --database URL, as for `robot-fleet serve`."
        raise _no_database("--data", "it is not told whose database", remedy)
    path = (data or default_data_folder(store.resolve().name if store else "")) / DATABASE
    if must_be and not path.is_file():
        remedy = "Give the --data or --store of `robot-fleet serve`, which writes it."
        raise _no_database("database", "there is no file", remedy, str(path))
    return path


def _no_database(option: str, what: str, remedy: str, place: str = "") -> InvalidInput:
    return InvalidInput("NO_DATABASE", (Fault(option, place, what, remedy),))
