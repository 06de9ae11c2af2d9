"""Brings a database of runs to the newest layout, in the transaction of whoever opens it: wholly or not at all."""

from __future__ import annotations

import logging
from pathlib import Path

import sqlalchemy as sql

from robot_fleet.storage.place import bad_database
from robot_fleet.storage.tables import ABOUT, FIRST_LAYOUT, LAYOUT, REVISION

_SCRIPTS = Path(__file__).with_name("migrations")
_log = logging.getLogger(__name__)


def layout_of(connection: sql.Connection, place: str) -> str:
    """The layout that the database has, "" for one without tables; InvalidInput if it is not ours, or newer than known."""
    tables = sql.inspect(connection).get_table_names()
    if not tables:
        return ""
    if REVISION.name in tables:
        found = connection.execute(sql.select(REVISION.c.version_num)).scalar()
    elif ABOUT.name in tables:
        found = connection.execute(sql.select(ABOUT.c.value).where(ABOUT.c.name == "layout")).scalar()
    else:
        raise bad_database(place, "holds something else than runs", "Give another path, or another database.")
    if not is_known(str(found)):
        what = f"has layout {found}; this version of robot_fleet reads layout {LAYOUT}"
        raise bad_database(
            place, what, "Use the version of robot_fleet that wrote it, or a newer one, or give another path."
        )
    return str(found)


def is_known(layout: str) -> bool:
    """Whether this version reads the layout, or can bring it to the one that it reads."""
    return layout.isdecimal() and int(FIRST_LAYOUT) <= int(layout) <= int(LAYOUT)


def migrate(connection: sql.Connection, place: str, found: str) -> None:
    """Brings the layout `found` to the newest one. Whatever it raises, the transaction around it must then be undone."""
    if found == LAYOUT:
        return
    # It tells of every plugin, from its import on.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    # Slow to import, and seldom needed.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    if found and REVISION.name not in sql.inspect(connection).get_table_names():
        command.stamp(config, found)
    command.upgrade(config, LAYOUT)
    if found:
        _log.info("database %s: brought from layout %s to %s", place, found, LAYOUT)
