"""Runs, robots and the journal in a database, SQLite or PostgreSQL: the RunStore port.

    journal(version, at, event)        one line for each change, in order; `at` is the wall clock's seconds in UTC
    rows(kind, key, body, version)     what is true now, and the journal line that made it so
    about(name, value)                 from which line on the journal is whole

A commit writes its journal line and its rows in one transaction, and returns when they are on the disk. One process at a
time may write. It numbers the journal's lines itself, so that a second writer could not go unnoticed, and so that after a
lost connection the last line tells whether a change was written.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import sqlalchemy as sql
from sqlalchemy import exc

from robot_fleet.control.ports import CannotStore, Displaced, InDoubt, Record
from robot_fleet.fleet.errors import FleetError, Unavailable
from robot_fleet.storage import trimming
from robot_fleet.storage.place import Place, cause_of
from robot_fleet.storage.postgres_place import PREFIXES, PostgresPlace
from robot_fleet.storage.sqlite_place import SqlitePlace
from robot_fleet.storage.tables import JOURNAL, ROWS, rows_among

# A server is given up that does not answer for long. A night's tracks over a slow network are many answers, not one.
_PART = 1000
_Line = tuple[int, float, str]


class SqlRunStore:
    """The RunStore port on a database. All calls come from the thread that opened it."""

    def __init__(self, database: str | Path, wall_s: Callable[[], float] = time.time, migrate: bool = True) -> None:
        """Opens a database file (a path or sqlite:///PATH), making it if there is none, or postgresql://HOST/NAME.

        Without `migrate` an older layout is left as it is, to look whether it could be opened. Raises InvalidInput for
        what can be no database of runs, Unavailable (reasons DATABASE_IN_USE, DATABASE_BUSY, DATABASE_AWAY, DISK_FULL,
        DISK_FAILS) for one that cannot be used now; both say what to do.
        """
        self._place: Place = (PostgresPlace if str(database).startswith(PREFIXES) else SqlitePlace)(database)
        self._wall_s = wall_s
        self._newest = 0
        self._doubted: _Line | None = None
        self._is_checked, self._is_closed, self._is_displaced = True, False, False
        try:
            self._connection = self._place.connect(migrate)
            if migrate:
                with self._connection.begin():
                    self._newest = _last_line(self._connection)[0]
        except exc.SQLAlchemyError as error:
            self._place.release()
            raise self._place.refusal(error) from error
        except BaseException:
            self._place.release()
            raise

    @property
    def name(self) -> str:
        """The database for people, without a password."""
        return self._place.name

    def commit(self, event: str, records: Sequence[Record]) -> None:
        """Writes the journal line and the rows in one transaction.

        CannotStore when nothing was written, InDoubt when that cannot be known yet: the next call that gets through to
        the database finds it out. Displaced when another process has written.
        """
        # Of two records with one key the later counts.
        newest = {(record.kind, record.key): record.body for record in records}
        connection, is_ending = self._to_write(), False
        line = (self._newest + 1, self._wall_s(), event)
        try:
            with connection.begin():
                connection.execute(sql.insert(JOURNAL).values(line))
                _write(connection, newest, line[0])
                is_ending = True
        except exc.IntegrityError as error:
            raise self._displaced() from error
        except exc.SQLAlchemyError as error:
            if not (is_ending and self._place.is_lost(connection)):
                raise CannotStore(f"{self._place.name}: {cause_of(error)}") from error
            self._find_out(line, error)
        self._newest = line[0]

    def confirm_ours(self) -> None:
        """Displaced when another process has taken the database over, though nothing is to be written.

        As long as the connection stands nobody has, and the server is not asked. One that has ended is made anew; while that
        cannot be done (an outage) nothing is known, and nothing is said.
        """
        if self._is_displaced:
            raise self._displaced()
        if self._is_closed or self._place.is_lost(self._connection) or not self._place.has_hung_up(self._connection):
            return
        self._connection.invalidate()
        with suppress(exc.SQLAlchemyError, FleetError):
            self._connected()

    def load(self, kind: str, prefix: str = "") -> dict[str, bytes]:
        """The rows of a kind by key, those whose key begins with `prefix`, in the order of the keys."""
        wanted = sql.select(ROWS.c.key, ROWS.c.body).where(rows_among(kind, prefix)).order_by(ROWS.c.key)
        with self._reading() as connection:
            found = connection.execute(wanted.execution_options(yield_per=_PART))
            return {key: bytes(body) for key, body in found}

    def journal(self, after: int = 0) -> list[_Line]:
        """The journal's lines after a version, oldest first: version, wall clock in seconds, event."""
        wanted = sql.select(JOURNAL).where(JOURNAL.c.version > after).order_by(JOURNAL.c.version)
        with self._reading() as connection:
            return [(row.version, row.at, row.event) for row in connection.execute(wanted)]

    def forget(self, kind: str, prefix: str, most: int) -> int:
        """See storage/trimming.py; CannotStore when it did not, or perhaps did not: it may be repeated."""
        with self._trimming() as connection:
            return trimming.forget(connection, kind, prefix, most)

    def trim_journal(self, before_s: float, after: int, most: int) -> int:
        """See storage/trimming.py; CannotStore as for `forget`."""
        with self._trimming() as connection:
            return trimming.trim_journal(connection, before_s, after, most)

    def close(self) -> None:
        """Lets go of the database; a second call does nothing."""
        self._is_closed = True
        self._connection.close()
        self._place.release()

    def _to_write(self) -> sql.Connection:
        try:
            return self._connected()
        except exc.SQLAlchemyError as error:
            raise CannotStore(f"{self._place.name}: {cause_of(error)}") from error
        except FleetError as refusal:
            raise CannotStore(str(refusal)) from refusal

    @contextmanager
    def _reading(self) -> Iterator[sql.Connection]:
        try:
            connection = self._connected()
            with connection.begin():
                yield connection
        except exc.SQLAlchemyError as error:
            raise self._place.refusal(error) from error

    @contextmanager
    def _trimming(self) -> Iterator[sql.Connection]:
        connection = self._to_write()
        try:
            with connection.begin():
                yield connection
        except exc.SQLAlchemyError as error:
            raise CannotStore(f"{self._place.name}: {cause_of(error)}") from error

    def _connected(self) -> sql.Connection:
        """The connection. One that was lost is made anew; Displaced if another process has, or had, the database since."""
        if not self._is_closed and self._place.is_lost(self._connection):
            self._connection.invalidate()
            self._is_checked = False
            try:
                self._connection = self._place.connect(migrate=False)
            except Unavailable as refusal:
                if refusal.reason == "DATABASE_IN_USE":
                    raise self._displaced() from refusal
                raise
        if not self._is_checked:
            self._check_last_line()
        return self._connection

    def _check_last_line(self) -> None:
        with self._connection.begin():
            last = _last_line(self._connection)
        if last == self._doubted:
            self._newest = last[0]
        if last[0] != self._newest:
            raise self._displaced()
        self._doubted, self._is_checked = None, True

    def _find_out(self, line: _Line, error: Exception) -> None:
        """Returns if the line, in whose commit the connection went, was written; CannotStore if not, InDoubt if it is not told."""
        self._doubted = line
        try:
            self._connected()
        except (exc.SQLAlchemyError, FleetError):
            raise InDoubt(f"{self._place.name}: the connection went while a change was written") from error
        if self._newest != line[0]:
            text = f"{self._place.name}: the connection went before a change was written"
            raise CannotStore(text) from error

    def _displaced(self) -> Displaced:
        self._is_displaced = True
        return Displaced(f"database {self._place.name}: another process has taken it over, and writes to it")


def _last_line(connection: sql.Connection) -> _Line:
    found = connection.execute(sql.select(JOURNAL).order_by(JOURNAL.c.version.desc()).limit(1)).first()
    return (found.version, found.at, found.event) if found else (0, 0.0, "")


def _write(connection: sql.Connection, newest: dict[tuple[str, str], bytes | None], version: int) -> None:
    if not newest:
        return
    old = [{"old_kind": kind, "old_key": key} for kind, key in newest]
    matches = (ROWS.c.kind == sql.bindparam("old_kind")) & (ROWS.c.key == sql.bindparam("old_key"))
    connection.execute(sql.delete(ROWS).where(matches), old)
    new: list[dict[str, Any]] = [
        {"kind": kind, "key": key, "body": body, "version": version}
        for (kind, key), body in newest.items()
        if body is not None
    ]
    if new:
        connection.execute(sql.insert(ROWS), new)
