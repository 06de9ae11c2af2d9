"""Looks at a database of runs without changing it: is the file whole, and do journal and rows agree?"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import sqlalchemy as sql
from sqlalchemy import exc

from robot_fleet.fleet.states import RunState
from robot_fleet.floor.faults import Fault
from robot_fleet.storage.migrating import is_known
from robot_fleet.storage.place import cause_of
from robot_fleet.storage.postgres_place import AWAY
from robot_fleet.storage.reading import Database, is_served, name_of, reading
from robot_fleet.storage.tables import ABOUT, JOURNAL, JOURNAL_FROM, LAYOUT, REVISION, ROWS

MOST_NAMED = 20
_BATCH = 1000
_OF_A_RUN = ("unplanned", "coverage", "track")
_AS_JSON = ("run", "robot", "alert", "unplanned", "closure")
_MEND = "Stop the controller, and `robot-fleet db restore` a backup from before; what is there now is kept."
_NOT_OURS = "Name what `robot-fleet db backup` or `robot-fleet serve` wrote."
_NEWER = "Use the version of robot_fleet that wrote it, or a newer one."


@dataclass(frozen=True)
class DatabaseReport:
    """What a check found. `ours` tells whether it is a database of runs at all; it is sound when nothing is at fault."""

    file: str
    ours: bool
    layout: str = ""
    journal_lines: int = 0
    rows: dict[str, int] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()


def check_database(database: Database) -> DatabaseReport:
    """Every fault of it with its remedy; one that cannot be read is a fault too, and no exception. InvalidInput for no URL."""
    name = name_of(database)
    try:
        with reading(database) as connection:
            return _report(name, connection)
    except exc.SQLAlchemyError as error:
        what, remedy = _unreadable(cause_of(error), is_served(database))
        return DatabaseReport(name, False, faults=(Fault("database", name, what, remedy),))


def _unreadable(cause: str, served: bool) -> tuple[str, str]:
    if served:
        return f"cannot be read: {cause}", AWAY
    # Python 3.10 knows no error codes of SQLite.
    if "not a database" in cause:
        return "is no SQLite database", _NOT_OURS
    if "unable to open" in cause or "readonly" in cause:
        return f"cannot be opened ({cause})", "Give this user the right to read the file and its folder."
    if "locked" in cause or "busy" in cause:
        return f"is held by another program ({cause})", "Close that program and try again."
    return f"is damaged: {cause}", _MEND


def _report(name: str, connection: sql.Connection) -> DatabaseReport:
    tables = set(sql.inspect(connection).get_table_names())
    missing = [table.name for table in (ABOUT, JOURNAL, ROWS) if table.name not in tables]
    if missing:
        what = f"is no database of runs: table {missing[0]} is not there"
        return DatabaseReport(name, False, faults=(Fault("database", name, what, _NOT_OURS),))
    layout = _layout(connection, tables)
    faults = list(_damage(connection))
    if not is_known(layout):
        what = f"layout {layout or '?'}, and this version of robot_fleet reads layout {LAYOUT}"
        faults.append(Fault("database", "about", what, _NEWER))
    elif not faults:
        # What a damaged file or another layout would say about its rows is no help to anybody.
        faults += _disagreements(connection)
    lines = 0 if faults and not layout else _number(connection, "SELECT count(*) FROM journal")
    rows = dict(_asked(connection, "SELECT kind, count(*) FROM rows GROUP BY kind ORDER BY kind"))
    return DatabaseReport(name, True, layout, lines, rows, tuple(faults))


def _asked(connection: sql.Connection, question: str, **values: object) -> Iterator[tuple[Any, ...]]:
    """The answer, a part at a time: a year of nights need not be in memory."""
    found = connection.execute(sql.text(question).execution_options(yield_per=_BATCH), values)
    return (tuple(row) for row in found)


def _number(connection: sql.Connection, question: str, **values: object) -> int:
    return int(connection.execute(sql.text(question), values).scalar_one())


def _layout(connection: sql.Connection, tables: set[str]) -> str:
    told = sql.select(REVISION.c.version_num)
    if REVISION.name not in tables:
        told = sql.select(ABOUT.c.value).where(ABOUT.c.name == "layout")
    return str(connection.execute(told).scalar() or "")


def _damage(connection: sql.Connection) -> Iterator[Fault]:
    """What SQLite says of its file; a server looks after its own."""
    if connection.dialect.name == "sqlite":
        for (line,) in connection.exec_driver_sql(f"PRAGMA integrity_check({MOST_NAMED})"):
            if line != "ok":
                yield Fault("database", "the file", f"is damaged: {line}", _MEND)


def _disagreements(connection: sql.Connection) -> Iterator[Fault]:
    yield from _of_the_journal(connection)
    bodies = dict(_asked(connection, "SELECT key, body FROM rows WHERE kind = 'run'"))
    yield from _of_rows(connection, set(bodies))
    yield from _of_runs(bodies)


def _of_the_journal(connection: sql.Connection) -> Iterator[Fault]:
    told = connection.execute(sql.select(ABOUT.c.value).where(ABOUT.c.name == JOURNAL_FROM)).scalar()
    oldest = int(told) if told else _number(connection, "SELECT coalesce(min(version), 1) FROM journal")
    newest = _number(connection, "SELECT coalesce(max(version), 0) FROM journal")
    count = _number(connection, "SELECT count(*) FROM journal WHERE version >= :oldest", oldest=oldest)
    if newest >= oldest and count != newest - oldest + 1:
        yield Fault("database", "journal", f"{newest - oldest + 1 - count} lines of it are not there", _MEND)
    lines = _asked(connection, "SELECT version, event FROM journal ORDER BY version")
    for version in islice((version for version, event in lines if not _is_json(event)), MOST_NAMED):
        yield Fault("database", f"journal line {version}", "is no JSON", _MEND)
    strays = (
        "SELECT kind, key, rows.version FROM rows LEFT JOIN journal ON journal.version = rows.version"
        f" WHERE journal.version IS NULL LIMIT {MOST_NAMED}"
    )
    for kind, key, version in _asked(connection, strays):
        yield Fault("database", f"{kind} {key}", f"journal line {version}, which made it so, is not there", _MEND)


def _of_rows(connection: sql.Connection, runs: set[str]) -> Iterator[Fault]:
    """Rows that cannot be read, or that belong to a run that is not there. Of each table only so many are named."""
    found: Counter[str] = Counter()
    for kind, key, body in _asked(connection, "SELECT kind, key, body FROM rows ORDER BY kind, key"):
        what = ""
        if kind in _AS_JSON and not _is_object_or_list(body):
            what = "cannot be read: it is no JSON"
        elif kind in _OF_A_RUN and key.split("/")[0] not in runs:
            what = f"run {key.split('/')[0]}, to which it belongs, is not there"
        if what and found[kind] < MOST_NAMED:
            found[kind] += 1
            yield Fault("database", f"{kind} {key}", what, _MEND)


def _is_json(text: bytes | str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _is_object_or_list(body: bytes | str) -> bool:
    try:
        return isinstance(json.loads(body), dict | list)
    except ValueError:
        return False


def _of_runs(bodies: dict[str, bytes]) -> Iterator[Fault]:
    states = {state.value: state for state in RunState}
    active = []
    for key, body in bodies.items():
        stored = json.loads(body) if _is_object_or_list(body) else {}
        if not isinstance(stored, dict) or not stored:
            continue
        if stored.get("state") not in states or stored.get("run_id") != key:
            yield Fault("database", f"run {key}", "its state or its id is none that a run can have", _MEND)
        elif not states[stored["state"]].is_terminal:
            active.append(key)
    if len(active) > 1:
        yield Fault("database", "run", f"{len(active)} are under way at once: {', '.join(sorted(active))}", _MEND)
