"""What happened last, read from a database of runs that may be in use."""

from __future__ import annotations

import datetime

import sqlalchemy as sql

from robot_fleet.storage.reading import Database, reading
from robot_fleet.storage.tables import JOURNAL, ROWS


def recent_journal(database: Database, lines: int) -> list[tuple[int, str, str]]:
    """The last lines of the journal, oldest first: number, time in UTC, event. SQLAlchemyError when it cannot be read."""
    wanted = sql.select(JOURNAL).order_by(JOURNAL.c.version.desc()).limit(lines)
    with reading(database) as connection:
        found = connection.execute(wanted).all()
        return [(row.version, _utc(row.at), row.event) for row in reversed(found)]


def kept_alerts(database: Database) -> list[str]:
    """Every alert as its JSON. SQLAlchemyError when the database cannot be read."""
    wanted = sql.select(ROWS.c.body).where(ROWS.c.kind == "alert").order_by(ROWS.c.version)
    with reading(database) as connection:
        return [bytes(body).decode("utf-8", "replace") for (body,) in connection.execute(wanted)]


def _utc(at_s: float) -> str:
    return datetime.datetime.fromtimestamp(at_s, datetime.timezone.utc).isoformat(timespec="milliseconds")
