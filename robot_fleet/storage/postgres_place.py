"""PostgreSQL: a database in which one session at a time may write. It holds an advisory lock, which goes with the connection.

Whoever loses its connection loses the right to write, until it has a connection and the lock again.
"""

from __future__ import annotations

import os
import socket
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sql
from sqlalchemy import exc

from robot_fleet.fleet.errors import FleetError, Unavailable
from robot_fleet.storage.migrating import layout_of, migrate
from robot_fleet.storage.place import bad_database, cause_of

PREFIXES = ("postgresql://", "postgres://")
LONG_S = 600.0
"""How long, in seconds, a statement of a migration or a backup may take."""
_LOCK = zlib.crc32(b"robot_fleet") & 0x7FFFFFFF
# For that many times as long as a connection was waited for in vain, none is tried: the controller has more to do.
_PAUSE = 4.0
# A session takes a moment to end after its process has, or after it was told to.
_LOCK_S = 0.5
AWAY = "Start the server, or look at its log, the network and the password file."
_HOLDER = sql.text(
    "SELECT pid, backend_start, application_name, client_addr::text FROM pg_locks JOIN pg_stat_activity USING (pid)"
    " WHERE locktype = 'advisory' AND granted AND classid::bigint = :lock AND objid::bigint = :schema"
    " AND pg_locks.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


class PostgresPlace:
    """A database on a PostgreSQL server, in the schema that is first on the search path."""

    def __init__(self, url: str | Path) -> None:
        """Takes postgresql://HOST/NAME and whatever else libpq knows; InvalidInput for what is no such URL."""
        whole = _url(str(url))  # with a password, perhaps: it is not kept where it could be shown
        self.name = shown(whole)
        self._engine = _engine(whole, self.name)
        self._session: tuple[int, Any] | None = None
        self._not_before_s = 0.0

    def connect(self, migrate: bool) -> sql.Connection:
        """See Place; Unavailable with the reason DATABASE_AWAY also for a while after a long wait in vain."""
        with self._in_moderation():
            connection = self._engine.connect()
            try:
                with connection.begin():
                    _configure(connection)
                    self._take_lock(connection)
                self._prepare(connection, migrate)
            except BaseException:
                connection.close()
                raise
        return connection

    def is_lost(self, connection: sql.Connection) -> bool:
        """See Place."""
        if connection.closed or connection.invalidated:
            return True
        mine: Any = connection.connection.dbapi_connection
        # Idle, or in a transaction; else it waits for an answer that nobody takes any more.
        return mine.closed or mine.info.transaction_status.name not in ("IDLE", "INTRANS", "INERROR")

    def has_hung_up(self, connection: sql.Connection) -> bool:
        """See Place."""
        mine: Any = connection.connection.dbapi_connection
        return bool(mine.has_hung_up)

    def refusal(self, error: exc.SQLAlchemyError) -> FleetError:
        """See Place."""
        cause, state = cause_of(error), getattr(getattr(error, "orig", None), "sqlstate", None) or ""
        if state == "53100":
            return Unavailable("DISK_FULL", f"database {self.name}: {cause}. Free some space on the server's disk.")
        if state == "55P03":
            text = f"database {self.name}: {cause}. Another program holds it; close that program and try again."
            return Unavailable("DATABASE_BUSY", text)
        if state in ("25006", "42501"):
            remedy = "Give this user the right to create and write tables, on a server that takes changes."
            return bad_database(self.name, f"cannot be written ({cause})", remedy)
        if isinstance(error, exc.OperationalError | exc.InterfaceError | exc.ResourceClosedError):
            return Unavailable("DATABASE_AWAY", f"database {self.name}: {cause}. {AWAY}")
        return bad_database(self.name, f"cannot be used ({cause})", "Give another database; this one is left as it is.")

    def release(self) -> None:
        """See Place: the lock goes with the connection."""
        self._engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[sql.Connection]:
        """A connection in a transaction that cannot write, without the lock; SQLAlchemyError when there is none."""
        fresh = self._engine.connect()
        with fresh.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True) as connection:
            with self.patient(connection):
                yield connection

    @contextmanager
    def patient(self, connection: sql.Connection) -> Iterator[None]:
        """A transaction for what takes longer than anything else, and for which nobody waits but who asked for it."""
        mine: Any = connection.connection.dbapi_connection
        mine.answer_s, usual_s = LONG_S, mine.answer_s
        try:
            with connection.begin():
                connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
                yield
        finally:
            mine.answer_s = usual_s

    @contextmanager
    def _in_moderation(self) -> Iterator[None]:
        began_s = time.monotonic()
        if began_s < self._not_before_s:
            raise self._away("the server did not answer, and is asked again in some seconds")
        try:
            yield
        except exc.SQLAlchemyError:
            now_s = time.monotonic()
            self._not_before_s = now_s + _PAUSE * (now_s - began_s)
            raise

    def _take_lock(self, connection: sql.Connection) -> None:
        schema = connection.execute(sql.text("SELECT current_schema()")).scalar()
        if schema is None:
            raise bad_database(self.name, "has no schema that could be used", "Create one, or mend the search_path.")
        place = {"lock": _LOCK, "schema": zlib.crc32(str(schema).encode()) & 0x7FFFFFFF}
        until_s = time.monotonic() + _LOCK_S
        while not connection.execute(sql.text("SELECT pg_try_advisory_lock(:lock, :schema)"), place).scalar():
            in_use = self._in_use(connection, connection.execute(_HOLDER, place).first())
            if time.monotonic() > until_s:
                raise in_use
            time.sleep(0.05)
        mine = "SELECT pid, backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()"
        pid, start = connection.execute(sql.text(mine)).one()
        self._session = (pid, start)

    def _in_use(self, connection: sql.Connection, holder: Any) -> Unavailable:
        """Why the lock is not to be had. A session of our own that the server has not found dead yet is ended."""
        if holder is None:
            return self._away("it was in use just now")
        if (holder.pid, holder.backend_start) == self._session:
            connection.execute(sql.text("SELECT pg_terminate_backend(:pid)"), {"pid": holder.pid})
            return self._away("the server still holds the connection that was lost, and was told to end it")
        whose = holder.application_name or f"session {holder.pid}"
        text = f"database {self.name}: is in use by {whose}. Stop it, or give another database."
        return Unavailable("DATABASE_IN_USE", text)

    def _prepare(self, connection: sql.Connection, to_newest: bool) -> None:
        # Nobody waits for a migration but who starts; a controller that is connected anew has robots to look after.
        with self.patient(connection) if to_newest else connection.begin():
            encoding = connection.execute(sql.text("SHOW server_encoding")).scalar()
            if encoding != "UTF8":
                what, remedy = f"has the encoding {encoding}", "Create one with the encoding UTF8."
                raise bad_database(self.name, what, remedy)
            found = layout_of(connection, self.name)
            if to_newest:
                migrate(connection, self.name, found)

    def _away(self, what: str) -> Unavailable:
        return Unavailable("DATABASE_AWAY", f"database {self.name}: {what}. {AWAY}")


def shown(url: sql.URL) -> str:
    """The URL for people: host and database, and nothing that could be a secret."""
    host = url.host or _text(url.query.get("host", ""))
    return f"postgresql://{host}{f':{url.port}' if url.port else ''}/{url.database}"


def holds_password(url: str) -> bool:
    """Whether there is a password in the URL; one that cannot be read may hold one."""
    try:
        read = sql.make_url(url)
    except (exc.ArgumentError, ValueError):
        return "@" in url
    return bool(read.password) or any("password" in name for name in read.query)


def _url(text: str) -> sql.URL:
    remedy = "Give postgresql://USER@HOST/NAME, and the password in ~/.pgpass or the file of PGPASSFILE."
    try:
        url = sql.make_url(text)
    except (exc.ArgumentError, ValueError):
        # Not with its text, nor as a cause: there may be a password in it.
        raise bad_database("postgresql://", "is no URL that can be read", remedy) from None
    if not url.database:
        raise bad_database("postgresql://", "names no database", remedy)
    return url.set(drivername="postgresql+psycopg")


def _engine(url: sql.URL, name: str) -> sql.Engine:
    try:
        from robot_fleet.storage.postgres_connection import connected
    except ImportError as error:
        what = f"the library for PostgreSQL is not there ({error})"
        raise bad_database(name, what, "Install psycopg and psycopg-binary, see requirements/run.txt.") from error
    us = f"robot_fleet, process {os.getpid()} on {socket.gethostname()}"
    options: dict[str, Any] = {"application_name": us}

    def connect() -> Any:
        return connected(options)

    engine = sql.create_engine("postgresql+psycopg://", creator=connect, poolclass=sql.NullPool, hide_parameters=True)
    options |= engine.dialect.create_connect_args(url)[1]
    return engine


def _configure(connection: sql.Connection) -> None:
    from robot_fleet.storage.postgres_connection import SERVER_KEEPALIVES, SERVER_TIMEOUTS

    settings = {**SERVER_TIMEOUTS, **SERVER_KEEPALIVES, "client_encoding": "UTF8"}
    if connection.execute(sql.text("SHOW synchronous_commit")).scalar() == "off":
        settings["synchronous_commit"] = "on"
    for name, value in settings.items():
        change = sql.text("SELECT set_config(:name, :value, false)")
        connection.execute(change, {"name": name, "value": value})


def _text(value: str | tuple[str, ...]) -> str:
    return value if isinstance(value, str) else ",".join(value)
