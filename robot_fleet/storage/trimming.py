"""Takes old rows and journal lines out of a database, a batch at a time. Nothing that another row needs goes."""

from __future__ import annotations

import sqlalchemy as sql

from robot_fleet.storage.tables import ABOUT, JOURNAL, JOURNAL_FROM, ROWS, rows_among


def forget(connection: sql.Connection, kind: str, prefix: str, most: int) -> int:
    """Deletes at most so many rows of a kind whose keys begin with `prefix`; how many it were."""
    keys = sql.select(ROWS.c.key).where(rows_among(kind, prefix)).order_by(ROWS.c.key).limit(most)
    gone = connection.execute(sql.delete(ROWS).where(ROWS.c.kind == kind, ROWS.c.key.in_(keys.scalar_subquery())))
    return gone.rowcount


def trim_journal(connection: sql.Connection, before_s: float, after: int, most: int) -> int:
    """Deletes lines of before that time among the next `most` after a version; the last version looked at, 0 at the end.

    A line that made a row so stays, and so does the last one: it tells the number of the next. Young lines do not tell that
    younger ones follow: they may have been written while the clock was ahead.
    """
    newest = connection.execute(sql.select(sql.func.max(JOURNAL.c.version))).scalar() or 0
    next_ones = sql.select(JOURNAL.c.version, JOURNAL.c.at).where(JOURNAL.c.version > after, JOURNAL.c.version < newest)
    found = connection.execute(next_ones.order_by(JOURNAL.c.version).limit(most)).all()
    old = [version for version, at in found if at < before_s]
    if old:
        needed = sql.exists().where(ROWS.c.version == JOURNAL.c.version)
        among = JOURNAL.c.version.between(old[0], old[-1])
        connection.execute(sql.delete(JOURNAL).where(among, JOURNAL.c.at < before_s, ~needed))
        _note_beginning(connection, old[-1] + 1)
    return found[-1].version if len(found) == most else 0


def _note_beginning(connection: sql.Connection, version: int) -> None:
    """Writes down from which line on the journal is whole."""
    told = connection.execute(sql.select(ABOUT.c.value).where(ABOUT.c.name == JOURNAL_FROM)).scalar()
    if told is None:
        connection.execute(sql.insert(ABOUT), {"name": JOURNAL_FROM, "value": str(version)})
    elif int(told) < version:
        connection.execute(sql.update(ABOUT).where(ABOUT.c.name == JOURNAL_FROM).values(value=str(version)))
