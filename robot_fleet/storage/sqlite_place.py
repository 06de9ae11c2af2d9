"""SQLite: a file that one process at a time may open; it holds a lock on `<database>.lock`, which goes with the process.

Commits return when they are on the disk (WAL with synchronous=FULL). Others may still read with SQLite's own tools.
"""

from __future__ import annotations

import datetime
import os
from pathlib import Path
from typing import Any

import sqlalchemy as sql
from sqlalchemy import exc

from robot_fleet.fleet.errors import FleetError, Unavailable
from robot_fleet.storage.database_copy import copy_beside
from robot_fleet.storage.lock import FileLock, Locked
from robot_fleet.storage.migrating import layout_of, migrate
from robot_fleet.storage.place import bad_database, cause_of
from robot_fleet.storage.tables import LAYOUT, REVISION

BUSY_TIMEOUT_MS = 500
SQLITE_PREFIX = "sqlite:///"


class SqlitePlace:
    """A database file, made if there is none."""

    def __init__(self, database: str | Path) -> None:
        """Takes the lock of the file (a path or sqlite:///PATH); see Place.connect for what it raises."""
        self._path = _path(database)
        self.name = str(self._path)
        self._lock = _locked(self._path)
        self._engine = _engine(self._path)

    def connect(self, migrate: bool) -> sql.Connection:
        """See Place. A copy of a database that is brought to a newer layout is kept beside it."""
        connection = self._engine.connect()
        try:
            self._prepare(connection, migrate)
        except BaseException:
            connection.close()
            raise
        return connection

    def is_lost(self, connection: sql.Connection) -> bool:
        """Never: a file does not go away."""
        return False

    def has_hung_up(self, connection: sql.Connection) -> bool:
        """Never: there is no other end."""
        return False

    def refusal(self, error: exc.SQLAlchemyError) -> FleetError:
        """See Place."""
        cause = cause_of(error)
        if "full" in cause:
            return Unavailable("DISK_FULL", f"database {self.name}: {cause}. Free some space on its disk.")
        if "disk I/O" in cause:
            # A quota or a limit of the size of files, or a disk that fails: another path on it would be no better.
            remedy = "Look at its disk (space, quota, health) and at the limits of this user, then try again."
            return Unavailable("DISK_FAILS", f"database {self.name}: {cause}. {remedy}")
        if "locked" in cause or "busy" in cause:
            text = f"database {self.name}: {cause}. Another program holds it; close that program and try again."
            return Unavailable("DATABASE_BUSY", text)
        if "readonly" in cause or "unable to open" in cause:
            remedy = "Give this user the right to write the file and its folder."
            return bad_database(self.name, f"cannot be written ({cause})", remedy)
        remedy = "Give the path of another file; this one is left as it is."
        return bad_database(self.name, f"cannot be used ({cause})", remedy)

    def release(self) -> None:
        """See Place."""
        self._engine.dispose()
        self._lock.release()

    def _prepare(self, connection: sql.Connection, to_newest: bool) -> None:
        """Makes the tables of a new database, brings an old one to the newest layout, and proves that it can be written.

        A database that is not ours is left as it is: the lasting change to write-ahead logging comes after the checks.
        """
        kept: Path | None = None
        try:
            with connection.begin():
                found = layout_of(connection, self.name)
                if to_newest:
                    if found not in ("", LAYOUT):
                        kept = copy_beside(self._path, f"layout-{found}", datetime.datetime.now())
                    migrate(connection, self.name, found)
                    connection.execute(sql.update(REVISION).values(version_num=REVISION.c.version_num))
        except BaseException:
            if kept:  # nothing was changed, and with a supervisor each try would leave another copy
                kept.unlink(missing_ok=True)
            raise
        # Not through SQLAlchemy: it would begin a transaction, and in one the mode cannot change.
        connection.connection.cursor().execute("PRAGMA journal_mode=WAL")


def _path(database: str | Path) -> Path:
    """The database's file; InvalidInput for a place that cannot hold one."""
    text = str(database)
    if "://" in text and not text.startswith(SQLITE_PREFIX):
        scheme = text.split("://", 1)[0]
        remedy = "Give postgresql://HOST/NAME, or the path of an SQLite file."
        raise bad_database(f"{scheme}://", "is no database that can be used", remedy)
    path = Path(text.removeprefix(SQLITE_PREFIX)).expanduser().absolute()
    if path.is_dir():
        raise bad_database(str(path), "is a folder", "Give the path of a file in it.")
    if not path.parent.is_dir():
        remedy = f"Create {path.parent}, or give another path."
        raise bad_database(str(path), "its folder does not exist", remedy)
    writable = os.access(path.parent, os.W_OK | os.X_OK) and (not path.exists() or os.access(path, os.R_OK | os.W_OK))
    if not writable:
        remedy = "Give this user the right to write the file and its folder."
        raise bad_database(str(path), "may not be written", remedy)
    return path


def _locked(path: Path) -> FileLock:
    try:
        return FileLock(path.with_name(path.name + ".lock"))
    except Locked as error:
        text = f"database {path}: is in use by {error.holder}. Stop it, or give another path."
        raise Unavailable("DATABASE_IN_USE", text) from error
    except OSError as error:
        what, remedy = f"may not be written: {error.strerror}", "Check the folder's permissions."
        raise bad_database(str(path), what, remedy) from error


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
