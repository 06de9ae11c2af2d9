"""Runs, robots and the journal in an SQLite database: the RunStore port.

    journal(version, at, event)        one line for each change, in order; `at` is the wall clock's seconds in UTC
    rows(kind, key, body, version)     what is true now, and the journal line that made it so
    about(name, value)                 the version of this layout

A commit writes its journal line and its rows in one transaction, and returns when they are on the disk (WAL with
synchronous=FULL). One process at a time may open the database: it holds a lock on the file `<database>.lock`, which
goes with the process however that ends. Others may still read the database with SQLite's own tools.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sql
from sqlalchemy import exc

from robot_fleet.control.ports import CannotStore, Record
from robot_fleet.fleet.errors import FleetError, InvalidInput, Unavailable
from robot_fleet.floor.faults import Fault
from robot_fleet.storage.lock import FileLock, Locked

LAYOUT_VERSION = "1"
BUSY_TIMEOUT_MS = 500
SQLITE_PREFIX = "sqlite:///"
LAST_CHARACTER = "\U0010ffff"

TABLES = sql.MetaData()
ABOUT = sql.Table(
    "about",
    TABLES,
    sql.Column("name", sql.Text, primary_key=True),
    sql.Column("value", sql.Text, nullable=False),
)
JOURNAL = sql.Table(
    "journal",
    TABLES,
    sql.Column("version", sql.Integer, primary_key=True),
    sql.Column("at", sql.Float, nullable=False),
    sql.Column("event", sql.Text, nullable=False),
)
ROWS = sql.Table(
    "rows",
    TABLES,
    sql.Column("kind", sql.Text, primary_key=True),
    sql.Column("key", sql.Text, primary_key=True),
    sql.Column("body", sql.LargeBinary, nullable=False),
    sql.Column("version", sql.Integer, sql.ForeignKey(JOURNAL.c.version), nullable=False),
)


class SqlRunStore:
    """The RunStore port on SQLite. All calls come from the thread that opened it."""

    def __init__(self, database: str | Path, wall_s: Callable[[], float] = time.time) -> None:
        """Opens the database file (a path or sqlite:///PATH), making it if there is none.

        Raises InvalidInput for a path that cannot hold a database, Unavailable (reasons DATABASE_IN_USE, DATABASE_BUSY,
        DISK_FULL, DISK_FAILS) for one that cannot now; both say what to do.
        """
        self._path = _path(database)
        self._wall_s = wall_s
        self._lock = _locked(self._path)
        self._engine = _engine(self._path)
        try:
            self._connection = self._engine.connect()
            _prepare(self._connection)
        except exc.SQLAlchemyError as error:
            self._release()
            raise _refusal(self._path, error) from error
        except FleetError:
            self._release()
            raise

    def commit(self, event: str, records: Sequence[Record]) -> None:
        """Writes the journal line and the rows in one transaction; CannotStore when nothing was written."""
        # Of two records with one key the later counts.
        newest = {(record.kind, record.key): record.body for record in records}
        try:
            with self._connection.begin():
                line = {"at": self._wall_s(), "event": event}
                added = self._connection.execute(sql.insert(JOURNAL).returning(JOURNAL.c.version), line)
                self._write(newest, added.scalar_one())
        except exc.SQLAlchemyError as error:
            raise CannotStore(f"{self._path}: {_cause(error)}") from error

    def _write(self, newest: dict[tuple[str, str], bytes | None], version: int) -> None:
        if not newest:
            return
        old = [{"old_kind": kind, "old_key": key} for kind, key in newest]
        matches = (ROWS.c.kind == sql.bindparam("old_kind")) & (ROWS.c.key == sql.bindparam("old_key"))
        self._connection.execute(sql.delete(ROWS).where(matches), old)
        new: list[dict[str, Any]] = [
            {"kind": kind, "key": key, "body": body, "version": version}
            for (kind, key), body in newest.items()
            if body is not None
        ]
        if new:
            self._connection.execute(sql.insert(ROWS), new)

    def load(self, kind: str, prefix: str = "") -> dict[str, bytes]:
        """The rows of a kind by key, those whose key begins with `prefix`, in the order of the keys."""
        # As bounds, so that the primary key finds them: a year of nights must not be read for one of them.
        among = (ROWS.c.kind == kind) & (ROWS.c.key >= prefix) & (ROWS.c.key < prefix + LAST_CHARACTER)
        wanted = sql.select(ROWS.c.key, ROWS.c.body).where(among).order_by(ROWS.c.key)
        with self._reading() as connection:
            return {key: bytes(body) for key, body in connection.execute(wanted)}

    def journal(self, after: int = 0) -> list[tuple[int, float, str]]:
        """The journal's lines after a version, oldest first: version, wall clock in seconds, event."""
        wanted = sql.select(JOURNAL).where(JOURNAL.c.version > after).order_by(JOURNAL.c.version)
        with self._reading() as connection:
            return [(row.version, row.at, row.event) for row in connection.execute(wanted)]

    def close(self) -> None:
        """Lets go of the database; a second call does nothing."""
        self._connection.close()
        self._release()

    @contextmanager
    def _reading(self) -> Iterator[sql.Connection]:
        try:
            with self._connection.begin():
                yield self._connection
        except exc.SQLAlchemyError as error:
            raise _refusal(self._path, error) from error

    def _release(self) -> None:
        self._engine.dispose()
        self._lock.release()


def _path(database: str | Path) -> Path:
    """The database's file; InvalidInput for a place that cannot hold one."""
    text = str(database)
    if "://" in text and not text.startswith(SQLITE_PREFIX):
        scheme = text.split("://", 1)[0]
        raise _bad(f"{scheme}://", "is no database that can be used", "Give the path of an SQLite file.")
    path = Path(text.removeprefix(SQLITE_PREFIX)).expanduser().absolute()
    if path.is_dir():
        raise _bad(str(path), "is a folder", "Give the path of a file in it.")
    if not path.parent.is_dir():
        raise _bad(str(path), "its folder does not exist", f"Create {path.parent}, or give another path.")
    writable = os.access(path.parent, os.W_OK | os.X_OK) and (not path.exists() or os.access(path, os.R_OK | os.W_OK))
    if not writable:
        raise _bad(str(path), "may not be written", "Give this user the right to write the file and its folder.")
    return path


def _locked(path: Path) -> FileLock:
    try:
        return FileLock(path.with_name(path.name + ".lock"))
    except Locked as error:
        text = f"database {path}: is in use by {error.holder}. Stop it, or give another path."
        raise Unavailable("DATABASE_IN_USE", text) from error
    except OSError as error:
        raise _bad(str(path), f"may not be written: {error.strerror}", "Check the folder's permissions.") from error


def _engine(path: Path) -> sql.Engine:
    engine = sql.create_engine(sql.URL.create("sqlite", database=str(path)), poolclass=sql.NullPool)

    @sql.event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: object) -> None:
        # Python's sqlite3 would begin transactions late and by itself; we do it.
        connection.isolation_level = None
        for setting in ("synchronous=FULL", "foreign_keys=ON", f"busy_timeout={BUSY_TIMEOUT_MS}"):
            connection.execute(f"PRAGMA {setting}").close()

    @sql.event.listens_for(engine, "begin")
    def _begin(connection: sql.Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _prepare(connection: sql.Connection) -> None:
    """Makes the tables of a new database, checks the layout of an old one, and proves that it can be written.

    A database that is not ours is left as it is: the lasting change to write-ahead logging comes after the checks.
    """
    with connection.begin():
        tables = sql.inspect(connection).get_table_names()
        if not tables:
            TABLES.create_all(connection)
            connection.execute(sql.insert(ABOUT), {"name": "layout", "value": LAYOUT_VERSION})
        elif ABOUT.name not in tables:
            raise _bad("", "holds something else than runs", "Give another path.")
        _check_layout(connection)
        connection.execute(sql.update(ABOUT).where(ABOUT.c.name == "layout").values(value=LAYOUT_VERSION))
    # Not through SQLAlchemy: it would begin a transaction, and in one the mode cannot change.
    connection.connection.cursor().execute("PRAGMA journal_mode=WAL")


def _check_layout(connection: sql.Connection) -> None:
    found = connection.execute(sql.select(ABOUT.c.value).where(ABOUT.c.name == "layout")).scalar()
    if found != LAYOUT_VERSION:
        what = f"has layout {found}; this version of robot_fleet reads layout {LAYOUT_VERSION}"
        raise _bad("", what, "Use the version of robot_fleet that wrote it, or give another path.")


def _refusal(path: Path, error: exc.SQLAlchemyError) -> FleetError:
    """What a failed opening or reading means for a person."""
    cause = _cause(error)
    if "full" in cause:
        return Unavailable("DISK_FULL", f"database {path}: {cause}. Free some space on its disk.")
    if "disk I/O" in cause:
        # A quota or a limit of the size of files, or a disk that fails: another path on it would be no better.
        remedy = "Look at its disk (space, quota, health) and at the limits of this user, then try again."
        return Unavailable("DISK_FAILS", f"database {path}: {cause}. {remedy}")
    if "locked" in cause or "busy" in cause:
        text = f"database {path}: {cause}. Another program holds it; close that program and try again."
        return Unavailable("DATABASE_BUSY", text)
    if "readonly" in cause or "unable to open" in cause:
        return _bad(
            str(path), f"cannot be written ({cause})", "Give this user the right to write the file and its folder."
        )
    return _bad(str(path), f"cannot be used ({cause})", "Give the path of another file; this one is left as it is.")


def _cause(error: exc.SQLAlchemyError) -> str:
    return str(getattr(error, "orig", None) or error)


def _bad(place: str, what: str, remedy: str) -> InvalidInput:
    return InvalidInput("BAD_DATABASE", (Fault("database", place, what, remedy),))
