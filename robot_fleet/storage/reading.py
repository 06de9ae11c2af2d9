"""Looks into a database of runs without changing it, beside a controller that uses it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sql

from robot_fleet.storage.postgres_place import PREFIXES, PostgresPlace

Database = str | Path
"""The path of an SQLite file, or postgresql://HOST/NAME as text."""


def is_served(database: Database) -> bool:
    """Whether a server has it, and no file."""
    return str(database).startswith(PREFIXES)


def name_of(database: Database) -> str:
    """The database for people, without a password; InvalidInput for what is no URL."""
    return PostgresPlace(database).name if is_served(database) else str(database)


def opened_to_read(path: Path) -> sqlite3.Connection:
    """A connection that cannot write. Beside a running controller it sees the last commit, and holds nothing up."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None, timeout=5.0)


@contextmanager
def reading(database: Database) -> Iterator[sql.Connection]:
    """A connection in one transaction that cannot write: a controller changes nothing between two questions.

    SQLAlchemyError when it cannot be read, InvalidInput for what is no URL.
    """
    if is_served(database):
        with PostgresPlace(database).reading() as connection:
            yield connection
        return
    engine = sql.create_engine("sqlite://", creator=lambda: opened_to_read(Path(database)), poolclass=sql.NullPool)

    @sql.event.listens_for(engine, "begin")
    def _begin(connection: sql.Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    with engine.connect() as connection, connection.begin():
        yield connection
