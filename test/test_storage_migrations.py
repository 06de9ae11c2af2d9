"""Databases of older versions become what this one reads, whole or not at all; those of newer ones are left alone."""

from __future__ import annotations

import datetime
import sqlite3
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sql
from postgres_server import PostgresServer

from robot_fleet.control.ports import Record
from robot_fleet.fleet.errors import InvalidInput
from robot_fleet.storage import sqlite_place, tables
from robot_fleet.storage.database import SqlRunStore
from robot_fleet.storage.database_check import check_database
from robot_fleet.storage.database_copy import restore
from robot_fleet.storage.migrating import migrate

# As the version before there were migrations made it.
LAYOUT_1 = (
    "CREATE TABLE about (name TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (name))",
    "CREATE TABLE journal (version INTEGER NOT NULL, at FLOAT NOT NULL, event TEXT NOT NULL, PRIMARY KEY (version))",
    "CREATE TABLE rows (kind TEXT NOT NULL, key TEXT NOT NULL, body BLOB NOT NULL, version INTEGER NOT NULL,"
    " PRIMARY KEY (kind, key), FOREIGN KEY(version) REFERENCES journal (version))",
    "INSERT INTO about VALUES ('layout', '1')",
    """INSERT INTO journal VALUES (1, 10.25, '{"event": "one"}'), (2, 20.5, '{"event": "two"}')""",
    "INSERT INTO rows VALUES ('coverage', 'a', x'00ff', 1), ('run', 'a',"
    """ CAST('{"run_id": "a", "state": "COMPLETED", "version": 1}' AS BLOB), 2)""",
    "PRAGMA journal_mode=WAL",
)


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A database of layout 1."""
    path = tmp_path / "fleet.db"
    with sqlite3.connect(path, isolation_level=None) as connection:
        for statement in LAYOUT_1:
            connection.execute(statement)
    connection.close()
    return path


@pytest.fixture
def fails(monkeypatch: pytest.MonkeyPatch) -> Callable[[Exception], None]:
    """Lets migrations do their work and then fail."""

    def fail(error: Exception) -> None:
        def failing(connection: sql.Connection, place: str, found: str) -> None:
            migrate(connection, place, found)
            raise error

        monkeypatch.setattr(sqlite_place, "migrate", failing)

    return fail


def content(path: Path) -> tuple[list[tuple[object, ...]], ...]:
    with sqlite3.connect(path) as connection:
        found = tuple(
            sorted(connection.execute(f"SELECT * FROM {table}").fetchall()) for table in ("journal", "rows", "about")
        )
    connection.close()
    return found


def copies(path: Path) -> list[Path]:
    return sorted(path.parent.glob(f"{path.name}.layout-1-*"))


def schema(engine: sql.Engine) -> dict[str, object]:
    """What SQLAlchemy finds of the tables: columns with types, keys, indices."""
    with engine.connect() as connection:
        found = sql.inspect(connection)
        described = {
            table: (
                [(c["name"], str(c["type"]), c["nullable"]) for c in found.get_columns(table)],
                found.get_pk_constraint(table)["constrained_columns"],
                [(key["constrained_columns"], key["referred_table"]) for key in found.get_foreign_keys(table)],
                [(index["name"], index["column_names"]) for index in found.get_indexes(table)],
            )
            for table in ("about", "journal", "rows")
        }
    engine.dispose()
    return described


def test_a_database_from_before_there_were_migrations_is_taken_over_without_loss(old: Path) -> None:
    before = content(old)
    store = SqlRunStore(old)
    assert [(version, at) for version, at, _ in store.journal()] == [(1, 10.25), (2, 20.5)]
    assert store.load("coverage") == {"a": b"\x00\xff"}
    store.commit('{"event": "three"}', [Record("coverage", "a", b"x")])
    assert store.journal(after=2)[0][0] == 3
    store.close()
    report = check_database(old)
    assert (report.layout, report.faults, report.journal_lines) == (tables.LAYOUT, (), 3)
    (copy,) = copies(old)
    assert content(copy) == before
    assert check_database(copy).layout == "1" and check_database(copy).faults == ()
    SqlRunStore(old).close()
    assert copies(old) == [copy]


def test_the_version_before_there_were_migrations_does_not_take_it_for_its_own(old: Path) -> None:
    SqlRunStore(old).close()
    with sqlite3.connect(old) as connection:
        assert connection.execute("SELECT value FROM about WHERE name = 'layout'").fetchall() == []
    connection.close()


def test_looking_whether_it_could_be_opened_changes_nothing(old: Path) -> None:
    before = content(old)
    SqlRunStore(old, migrate=False).close()
    assert content(old) == before and copies(old) == []


@pytest.mark.parametrize("error", [RuntimeError("a bug"), sql.exc.OperationalError("", {}, Exception("disk is full"))])
def test_a_migration_that_fails_leaves_the_old_database_whole(
    old: Path, fails: Callable[[Exception], None], error: Exception
) -> None:
    before = content(old)
    fails(error)
    for _ in range(2):
        with pytest.raises(Exception, match=r"a bug|full"):
            SqlRunStore(old)
    assert content(old) == before
    assert check_database(old).layout == "1" and check_database(old).faults == ()
    # Nothing is left of the tries, and nobody holds it.
    assert copies(old) == [] and not list(old.parent.glob(".*.part"))


def test_a_copy_that_cannot_be_made_keeps_the_old_database_as_it_is(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = content(old)
    monkeypatch.setattr("robot_fleet.storage.database_copy._sync", lambda _: (_ for _ in ()).throw(OSError(28, "full")))
    with pytest.raises(InvalidInput, match="cannot be written: full"):
        SqlRunStore(old)
    monkeypatch.undo()
    assert content(old) == before
    SqlRunStore(old).close()


def test_a_backup_of_an_older_layout_is_restored_and_taken_over_at_the_next_start(old: Path, tmp_path: Path) -> None:
    database = tmp_path / "other" / "fleet.db"
    report, _ = restore(old, database, datetime.datetime(2026, 1, 1))
    assert report.layout == "1"
    store = SqlRunStore(database)
    assert store.load("coverage") == {"a": b"\x00\xff"}
    store.close()


@pytest.mark.parametrize("layout", ["3", "0", "ae10", ""])
def test_a_layout_that_is_not_known_is_refused(old: Path, layout: str) -> None:
    SqlRunStore(old).close()
    with sqlite3.connect(old) as connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (layout,))
    connection.close()
    with pytest.raises(InvalidInput, match=f"has layout {layout}; .* reads layout {tables.LAYOUT}"):
        SqlRunStore(old)
    assert [fault.place for fault in check_database(old).faults] == ["about"]


def test_a_new_database_an_old_one_and_the_tables_in_code_are_alike(old: Path, tmp_path: Path) -> None:
    new, plain = tmp_path / "new.db", tmp_path / "plain.db"
    for path in (old, new):
        SqlRunStore(path).close()
    engine = sql.create_engine(f"sqlite:///{plain}")
    tables.TABLES.create_all(engine)
    found = [schema(sql.create_engine(f"sqlite:///{path}")) for path in (old, new, plain)]
    assert found[0] == found[1] == found[2]


def test_in_postgresql_too_the_migrations_make_what_the_code_says(postgres: PostgresServer) -> None:
    made, plain = postgres.new_schema(), postgres.new_schema()
    SqlRunStore(made).close()
    engines = [
        sql.create_engine("postgresql+psycopg://", creator=lambda url=url: psycopg.connect(url))
        for url in (made, plain)
    ]
    tables.TABLES.create_all(engines[1])
    assert schema(engines[0]) == schema(engines[1])


def test_a_migration_that_fails_in_postgresql_leaves_nothing(
    postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = postgres.new_schema()

    def failing(connection: sql.Connection, place: str, found: str) -> None:
        migrate(connection, place, found)
        raise RuntimeError("a bug")

    with monkeypatch.context() as patch:
        patch.setattr("robot_fleet.storage.postgres_place.migrate", failing)
        with pytest.raises(RuntimeError):
            SqlRunStore(url)
    assert postgres.execute("SELECT count(*) FROM pg_tables WHERE schemaname = current_schema()", url) == [(0,)]
    SqlRunStore(url).close()


def test_the_newest_migration_is_the_layout_of_the_code() -> None:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(Path(tables.__file__).with_name("migrations")))
    assert ScriptDirectory.from_config(config).get_heads() == [tables.LAYOUT]
