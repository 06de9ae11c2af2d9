"""Brings what a server keeps into a file, and what a file keeps to a server: a transaction on each side."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sql
from sqlalchemy import exc

from robot_fleet.storage.migrating import layout_of, migrate
from robot_fleet.storage.place import bad_database
from robot_fleet.storage.postgres_place import PostgresPlace
from robot_fleet.storage.reading import name_of, reading
from robot_fleet.storage.tables import ABOUT, JOURNAL, ROWS

_BATCH = 500


def export(url: str, file: Path) -> None:
    """Writes all of a server's database into an empty file, as an SQLite database; SQLAlchemyError, InvalidInput."""
    engine = sql.create_engine(sql.URL.create("sqlite", database=str(file)), poolclass=sql.NullPool)
    with reading(url) as source, engine.begin() as target:
        if not layout_of(source, name_of(url)):
            raise bad_database(name_of(url), "is empty", "Give the URL of `robot-fleet serve`, which writes it.")
        migrate(target, str(file), "")
        _copy(source, target)


def bring_in(file: Path, url: str) -> None:
    """Writes all of a sound SQLite database into an empty database of a server, all or nothing.

    Unavailable while a controller uses that or when it is away, InvalidInput when it holds runs already.
    """
    place = PostgresPlace(url)
    try:
        with place.connect(migrate=True) as target, place.patient(target):
            if target.execute(sql.select(JOURNAL.c.version).limit(1)).first():
                remedy = "Name an empty database or schema, and give it to `robot-fleet serve` then."
                raise bad_database(place.name, "holds runs already", remedy)
            with reading(file) as source:
                _copy(source, target)
    except exc.SQLAlchemyError as error:
        raise place.refusal(error) from error
    finally:
        place.release()


def _copy(source: sql.Connection, target: sql.Connection) -> None:
    for table in (ABOUT, JOURNAL, ROWS):
        found = source.execute(sql.select(table).execution_options(yield_per=_BATCH))
        for rows in found.mappings().partitions():
            # Of layouts as old as that, the number stands in this table; the target has its own.
            kept = [dict(row) for row in rows if table is not ABOUT or row["name"] != "layout"]
            if kept:
                target.execute(sql.insert(table), kept)
