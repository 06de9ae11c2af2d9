"""What happened last, read from a database of runs that may be in use."""

from __future__ import annotations

import datetime
from contextlib import closing
from pathlib import Path

from robot_fleet.storage.database_check import opened_to_read


def recent_journal(path: Path, lines: int) -> list[tuple[int, str, str]]:
    """The last lines of the journal, oldest first: number, time in UTC, event. sqlite3.Error when it cannot be read."""
    with closing(opened_to_read(path)) as connection:
        found = connection.execute("SELECT version, at, event FROM journal ORDER BY version DESC LIMIT ?", (lines,))
        return [(version, _utc(at), event) for version, at, event in reversed(found.fetchall())]


def kept_alerts(path: Path) -> list[str]:
    """Every alert as its JSON. sqlite3.Error when the database cannot be read."""
    with closing(opened_to_read(path)) as connection:
        found = connection.execute("SELECT body FROM rows WHERE kind = 'alert' ORDER BY version").fetchall()
        return [body.decode("utf-8", "replace") for (body,) in found]


def _utc(at_s: float) -> str:
    return datetime.datetime.fromtimestamp(at_s, datetime.timezone.utc).isoformat(timespec="milliseconds")
