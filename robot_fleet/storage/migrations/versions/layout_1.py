"""Journal and rows, as they were made before there were migrations."""

import sqlalchemy as sql
from alembic import op

revision = "1"
down_revision = None

_VERSION = sql.BigInteger().with_variant(sql.Integer(), "sqlite")
_KEY = sql.Text().with_variant(sql.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Makes the three tables."""
    op.create_table(
        "about",
        sql.Column("name", sql.Text, primary_key=True),
        sql.Column("value", sql.Text, nullable=False),
    )
    op.create_table(
        "journal",
        sql.Column("version", _VERSION, primary_key=True, autoincrement=False),
        sql.Column("at", sql.Float, nullable=False),
        sql.Column("event", sql.Text, nullable=False),
    )
    op.create_table(
        "rows",
        sql.Column("kind", _KEY, primary_key=True),
        sql.Column("key", _KEY, primary_key=True),
        sql.Column("body", sql.LargeBinary, nullable=False),
        sql.Column("version", _VERSION, sql.ForeignKey("journal.version"), nullable=False),
    )
