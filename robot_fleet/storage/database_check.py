"""Looks at a database of runs without changing it: is the file whole, and do journal and rows agree?"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from robot_fleet.fleet.states import RunState
from robot_fleet.floor.faults import Fault
from robot_fleet.storage.migrating import is_known
from robot_fleet.storage.tables import ABOUT, JOURNAL, JOURNAL_FROM, LAYOUT, REVISION, ROWS

MOST_NAMED = 20
_OF_A_RUN = ("unplanned", "coverage", "track")
_AS_JSON = ("run", "robot", "alert", "unplanned")
_MEND = "Stop the controller, and `robot-fleet db restore` a backup from before; the present file is kept beside it."
_NOT_OURS = "Name a file that `robot-fleet db backup` or `robot-fleet serve` wrote."
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


def opened_to_read(path: Path) -> sqlite3.Connection:
    """A connection that cannot write. Beside a running controller it sees the last commit, and holds nothing up."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None, timeout=5.0)


def check_database(path: Path) -> DatabaseReport:
    """Every fault of the file with its remedy; a file that SQLite cannot read is a fault too, and no exception."""
    try:
        with closing(opened_to_read(path)) as connection:
            # One transaction: a controller that runs must not change anything between two of the questions.
            connection.execute("BEGIN")
            return _report(path, connection)
    except sqlite3.Error as error:
        return _unreadable(path, error)


def _unreadable(path: Path, error: sqlite3.Error) -> DatabaseReport:
    cause = str(error)  # Python 3.10 knows no error codes of SQLite
    if "not a database" in cause:
        what, remedy = "is no SQLite database", _NOT_OURS
    elif "unable to open" in cause or "readonly" in cause:
        what, remedy = f"cannot be opened ({error})", "Give this user the right to read the file and its folder."
    elif "locked" in cause or "busy" in cause:
        what, remedy = f"is held by another program ({error})", "Close that program and try again."
    else:
        what, remedy = f"is damaged: {error}", _MEND
    return DatabaseReport(str(path), False, faults=(Fault("database", str(path), what, remedy),))


def _report(path: Path, connection: sqlite3.Connection) -> DatabaseReport:
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    missing = [table.name for table in (ABOUT, JOURNAL, ROWS) if table.name not in tables]
    if missing:
        what = f"is no database of runs: table {missing[0]} is not there"
        return DatabaseReport(str(path), False, faults=(Fault("database", str(path), what, _NOT_OURS),))
    layout = _layout(connection, tables)
    faults = list(_damage(connection))
    if not is_known(layout):
        what = f"layout {layout or '?'}, and this version of robot_fleet reads layout {LAYOUT}"
        faults.append(Fault("database", "about", what, _NEWER))
    elif not faults:
        # What a damaged file or another layout would say about its rows is no help to anybody.
        faults += _disagreements(connection)
    lines = 0 if faults and not layout else _count(connection, "SELECT count(*) FROM journal")
    rows = dict(connection.execute("SELECT kind, count(*) FROM rows GROUP BY kind ORDER BY kind"))
    return DatabaseReport(str(path), True, layout, lines, rows, tuple(faults))


def _layout(connection: sqlite3.Connection, tables: set[str]) -> str:
    told = f"SELECT version_num FROM {REVISION.name}"
    found = connection.execute(
        told if REVISION.name in tables else "SELECT value FROM about WHERE name = 'layout'"
    ).fetchone()
    return str(found[0]) if found else ""


def _count(connection: sqlite3.Connection, question: str) -> int:
    return int(connection.execute(question).fetchone()[0])


def _damage(connection: sqlite3.Connection) -> Iterator[Fault]:
    for (line,) in connection.execute(f"PRAGMA integrity_check({MOST_NAMED})"):
        if line != "ok":
            yield Fault("database", "the file", f"is damaged: {line}", _MEND)


def _disagreements(connection: sqlite3.Connection) -> Iterator[Fault]:
    yield from _of_the_journal(connection)
    bodies = dict(connection.execute("SELECT key, body FROM rows WHERE kind = 'run'").fetchall())
    yield from _of_rows(connection, set(bodies))
    yield from _of_runs(bodies)


def _of_the_journal(connection: sqlite3.Connection) -> Iterator[Fault]:
    trimmed = connection.execute("SELECT value FROM about WHERE name = ?", (JOURNAL_FROM,)).fetchone()
    oldest = int(trimmed[0]) if trimmed else _count(connection, "SELECT coalesce(min(version), 1) FROM journal")
    whole = "SELECT count(*), coalesce(max(version), ? - 1) FROM journal WHERE version >= ?"
    count, newest = connection.execute(whole, (oldest, oldest)).fetchone()
    if count != newest - oldest + 1:
        yield Fault("database", "journal", f"{newest - oldest + 1 - count} lines of it are not there", _MEND)
    bad = "SELECT version FROM journal WHERE NOT json_valid(event) ORDER BY version LIMIT ?"
    for (version,) in connection.execute(bad, (MOST_NAMED,)):
        yield Fault("database", f"journal line {version}", "is no JSON", _MEND)
    strays = "SELECT kind, key, rows.version FROM rows LEFT JOIN journal USING (version) WHERE journal.version IS NULL LIMIT ?"
    for kind, key, version in connection.execute(strays, (MOST_NAMED,)):
        yield Fault("database", f"{kind} {key}", f"journal line {version}, which made it so, is not there", _MEND)


def _of_rows(connection: sqlite3.Connection, runs: set[str]) -> Iterator[Fault]:
    """Rows that cannot be read, or that belong to a run that is not there. Of each table only so many are named."""
    found: Counter[str] = Counter()
    for kind, key, body in connection.execute("SELECT kind, key, body FROM rows ORDER BY kind, key"):
        what = ""
        if kind in _AS_JSON and not _is_object_or_list(body):
            what = "cannot be read: it is no JSON"
        elif kind in _OF_A_RUN and key.split("/")[0] not in runs:
            what = f"run {key.split('/')[0]}, to which it belongs, is not there"
        if what and found[kind] < MOST_NAMED:
            found[kind] += 1
            yield Fault("database", f"{kind} {key}", what, _MEND)


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
