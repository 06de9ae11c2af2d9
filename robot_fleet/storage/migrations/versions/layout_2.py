"""Rows are found by their journal line, so that old lines can be trimmed; versions that know layout 1 alone are kept out."""

from alembic import op

revision = "2"
down_revision = "1"


def upgrade() -> None:
    """Adds the index, and takes away the number by which versions before would have taken the database for theirs."""
    op.create_index("rows_by_version", "rows", ["version"])
    op.execute("DELETE FROM about WHERE name = 'layout'")
