"""The tables of a database of runs, as the newest layout has them. How a database comes to it: `migrations/`."""

from __future__ import annotations

import sqlalchemy as sql

LAYOUT = "2"
"""The newest revision in migrations/versions."""
FIRST_LAYOUT = "1"
"""The layout of databases from before there were migrations; they say so in `about`."""
JOURNAL_FROM = "journal from"
"""In `about`: from this line on the journal is whole. Older lines were trimmed, but for those that made rows so."""

# SQLite's key of a table must be INTEGER, which has 64 bits there. Keys are compared by their bytes, as SQLite does.
_VERSION = sql.BigInteger().with_variant(sql.Integer(), "sqlite")
_KEY = sql.Text().with_variant(sql.Text(collation="C"), "postgresql")

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
    sql.Column("version", _VERSION, primary_key=True, autoincrement=False),
    sql.Column("at", sql.Float, nullable=False),
    sql.Column("event", sql.Text, nullable=False),
)
ROWS = sql.Table(
    "rows",
    TABLES,
    sql.Column("kind", _KEY, primary_key=True),
    sql.Column("key", _KEY, primary_key=True),
    sql.Column("body", sql.LargeBinary, nullable=False),
    sql.Column("version", _VERSION, sql.ForeignKey(JOURNAL.c.version), nullable=False),
    sql.Index("rows_by_version", "version"),
)
REVISION = sql.Table(
    "alembic_version",
    sql.MetaData(),
    sql.Column("version_num", sql.String(32), primary_key=True),
)
LAST_CHARACTER = "\U0010ffff"


def rows_among(kind: str, prefix: str) -> sql.ColumnElement[bool]:
    """Rows of a kind whose keys begin with `prefix`.

    As bounds, so that the primary key finds them: a year of nights must not be read for one of them.
    """
    return (ROWS.c.kind == kind) & (ROWS.c.key >= prefix) & (ROWS.c.key < prefix + LAST_CHARACTER)
