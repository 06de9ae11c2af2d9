"""Runs kept in a real PostgreSQL: one writer, servers that die, commits in doubt, and passwords that stay where they are."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from postgres_server import PostgresServer

from robot_fleet.control.ports import CannotStore, Displaced, InDoubt, Record
from robot_fleet.fleet.errors import InvalidInput, Unavailable
from robot_fleet.storage import postgres_place
from robot_fleet.storage.database import SqlRunStore
from robot_fleet.storage.postgres_connection import PatientConnection


@pytest.fixture
def url(postgres: PostgresServer) -> str:
    return postgres.new_schema()


@pytest.fixture
def store(url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[SqlRunStore]:
    """A store with one commit, a controller's that looks for its server as often as it is asked."""
    monkeypatch.setattr(postgres_place, "_PAUSE", 0.0)
    opened = SqlRunStore(url)
    opened.commit("one", [Record("run", "a", b"1")])
    yield opened
    opened.close()


def database_of(url: str) -> str:
    return url.partition("@/")[2].partition("?")[0]


def events(store: SqlRunStore) -> list[tuple[int, str]]:
    return [(version, event) for version, _, event in store.journal()]


def until_stored(store: SqlRunStore, event: str) -> None:
    """Commits as soon as that can be done."""
    until_s = time.monotonic() + 10.0
    while True:
        try:
            store.commit(event, [Record("run", "a", event.encode())])
            return
        except CannotStore:
            assert time.monotonic() < until_s
            time.sleep(0.02)


def mishap(
    monkeypatch: pytest.MonkeyPatch, before: Callable[[], None] | None, after: Callable[[], None] | None
) -> None:
    """The next commit loses its connection before or after the server has carried it out."""
    commit = PatientConnection.commit

    def lost(self: PatientConnection) -> None:
        monkeypatch.setattr(PatientConnection, "commit", commit)
        if before is None:
            commit(self)
        self.pgconn.finish()
        (before or after or (lambda: None))()
        raise psycopg.OperationalError("the connection is lost")

    monkeypatch.setattr(PatientConnection, "commit", lost)


@pytest.mark.parametrize("how", ["kill -9", "immediate", "fast"])
def test_a_server_that_ends_and_comes_back_is_written_to_again(
    store: SqlRunStore, postgres: PostgresServer, how: str
) -> None:
    postgres.kill() if how == "kill -9" else postgres.stop(how)
    for _ in range(2):
        with pytest.raises(CannotStore):
            store.commit("lost", [Record("run", "a", b"lost")])
        with pytest.raises(Unavailable, match="Start the server") as refusal:
            store.load("run")
        assert refusal.value.reason == "DATABASE_AWAY"
    postgres.start()
    assert store.load("run") == {"a": b"1"}
    store.commit("two", [Record("run", "a", b"2")])
    assert events(store) == [(1, "one"), (2, "two")]


def test_sessions_that_an_administrator_ends_are_begun_anew(store: SqlRunStore, postgres: PostgresServer) -> None:
    postgres.execute(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name LIKE 'robot_fleet%'"
    )
    with pytest.raises(CannotStore):
        store.commit("lost", [])
    until_stored(store, "two")
    assert events(store) == [(1, "one"), (2, "two")]


def test_a_commit_that_got_through_is_found_and_not_written_twice(
    store: SqlRunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    mishap(monkeypatch, None, lambda: None)
    until_stored(store, "two")
    store.commit("three", [])
    assert events(store) == [(1, "one"), (2, "two"), (3, "three")]


def test_a_commit_that_did_not_get_through_is_told_so(store: SqlRunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    mishap(monkeypatch, lambda: None, None)
    with pytest.raises(CannotStore, match="before a change was written"):
        store.commit("two", [])
    store.commit("three", [])
    assert events(store) == [(1, "one"), (2, "three")]


@pytest.mark.parametrize("is_written", [True, False])
def test_a_commit_is_in_doubt_until_the_server_is_back(
    store: SqlRunStore, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch, is_written: bool
) -> None:
    mishap(monkeypatch, *((None, postgres.kill) if is_written else (postgres.kill, None)))
    with pytest.raises(InDoubt):
        store.commit("two", [Record("run", "a", b"2")])
    with pytest.raises(CannotStore):
        store.commit("not now", [])
    postgres.start()
    store.commit("three", [])
    assert [event for _, event in events(store)] == ["one", *["two"] * is_written, "three"]
    assert store.load("run") == {"a": b"2" if is_written else b"1"}


def test_who_finds_another_writer_after_an_outage_writes_nothing_any_more(
    store: SqlRunStore, postgres: PostgresServer, url: str
) -> None:
    postgres.stop()
    postgres.start()
    other = SqlRunStore(url)
    with pytest.raises(CannotStore):
        store.commit("first finds that the connection is lost", [])
    with pytest.raises(Displaced, match="another process has taken it over"):
        store.commit("mine", [])
    other.commit("theirs", [])
    with pytest.raises(Displaced):
        store.load("run")
    assert [event for _, event in events(other)] == ["one", "theirs"]
    other.close()
    # Gone by now, it has written all the same: what this one has in memory is old.
    with pytest.raises(Displaced):
        store.commit("mine", [])


def end_sessions(postgres: PostgresServer, url: str) -> None:
    """An administrator ends the sessions of one database; this returns when they have ended."""
    mine = f"datname = '{database_of(url)}' AND application_name LIKE 'robot_fleet%'"
    postgres.execute(f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE {mine}")


def test_who_was_displaced_finds_it_out_before_anything_is_written(
    store: SqlRunStore, postgres: PostgresServer, url: str
) -> None:
    store.confirm_ours()
    end_sessions(postgres, url)
    with closing(SqlRunStore(url)) as other:
        for _ in range(2):
            with pytest.raises(Displaced):
                store.confirm_ours()
        other.commit("theirs", [])
    # Once displaced it stays so, also when the other one has gone.
    with pytest.raises(Displaced):
        store.confirm_ours()


def test_a_connection_that_has_ended_is_made_anew_where_nobody_else_came(
    store: SqlRunStore, postgres: PostgresServer, url: str
) -> None:
    end_sessions(postgres, url)
    store.confirm_ours()
    with pytest.raises(Unavailable, match="in use"):
        SqlRunStore(url)
    store.commit("two", [])
    assert events(store) == [(1, "one"), (2, "two")]


def test_while_the_server_is_away_nobody_knows_who_has_the_database_and_nobody_waits_for_it(
    store: SqlRunStore, postgres: PostgresServer
) -> None:
    postgres.kill()
    began_s = time.monotonic()
    for _ in range(20):
        store.confirm_ours()
    assert time.monotonic() - began_s < 1.0
    with pytest.raises(CannotStore):
        store.commit("lost", [])
    postgres.start()
    until_stored(store, "two")
    store.confirm_ours()


def test_a_second_writer_without_the_lock_is_noticed(store: SqlRunStore, postgres: PostgresServer, url: str) -> None:
    postgres.execute("INSERT INTO journal VALUES (2, 0.0, 'theirs')", url)
    with pytest.raises(Displaced):
        store.commit("mine", [])


def test_a_connection_that_only_the_server_believes_in_is_ended(store: SqlRunStore) -> None:
    number = store._connection.connection.dbapi_connection.fileno()  # type: ignore[union-attr]
    kept_open, nothing = os.dup(number), os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, number)
    with pytest.raises(CannotStore):
        store.commit("lost", [])
    until_stored(store, "two")
    assert events(store) == [(1, "one"), (2, "two")]
    os.close(kept_open)
    os.close(nothing)


def test_a_server_that_hangs_is_not_waited_for(
    store: SqlRunStore, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    store._connection.connection.dbapi_connection.answer_s = 0.3  # type: ignore[union-attr]
    monkeypatch.setattr(postgres_place, "_PAUSE", 4.0)
    postgres.pause()
    try:
        began_s = time.monotonic()
        with pytest.raises(CannotStore, match=r"did not answer within 0.3 s"):
            store.commit("lost", [])
        with pytest.raises(CannotStore, match="timeout"):
            store.commit("lost", [])
        waited_s = time.monotonic() - began_s
        with pytest.raises(CannotStore, match="is asked again in some seconds"):
            store.commit("lost", [])
        assert waited_s < 5.0 and time.monotonic() - began_s - waited_s < 1.0
    finally:
        postgres.go_on()
    monkeypatch.setattr(store._place, "_not_before_s", 0.0)
    until_stored(store, "two")
    assert events(store) == [(1, "one"), (2, "two")]


def test_a_table_that_is_locked_is_waited_for_half_a_second(
    store: SqlRunStore, postgres: PostgresServer, url: str
) -> None:
    with psycopg.connect(url) as other:
        other.execute("LOCK TABLE journal")
        began_s = time.monotonic()
        with pytest.raises(CannotStore, match="lock timeout"):
            store.commit("lost", [])
        assert time.monotonic() - began_s < 3.0
    store.commit("two", [])
    assert events(store) == [(1, "one"), (2, "two")]


def test_a_database_that_turns_read_only_is_told_and_written_again(
    postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_place, "_PAUSE", 0.0)
    url = postgres.new_database()
    name = database_of(url)
    store = SqlRunStore(url)
    store.commit("one", [Record("run", "a", b"1")])
    postgres.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    postgres.stop()
    postgres.start()
    for expected in ("connection", "read-only transaction", "read-only transaction"):
        with pytest.raises(CannotStore, match=expected):
            store.commit("lost", [])
    assert store.load("run") == {"a": b"1"}
    postgres.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
    postgres.stop()
    postgres.start()
    until_stored(store, "two")
    assert events(store) == [(1, "one"), (2, "two")]
    store.close()


def test_a_full_disk_of_the_server_refuses_whole_commits_until_there_is_space(postgres: PostgresServer) -> None:
    disk = Path(tempfile.mkdtemp(prefix="fleet-pg-disk-"))
    mount = ["mount", "-t", "tmpfs", "-o", "size=24m,mode=777", "small", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        disk.rmdir()
        pytest.skip("disks cannot be mounted here")
    try:
        (disk / "ballast").write_bytes(bytes(8_000_000))
        (disk / "space").mkdir(mode=0o777)
        postgres.own(disk / "space")
        postgres.execute(f"CREATE TABLESPACE small LOCATION '{disk}/space'")
        postgres.execute("CREATE DATABASE cramped TABLESPACE small")
        postgres.execute("CHECKPOINT")
        store = SqlRunStore(postgres.url("cramped"))
        done = 0
        with pytest.raises(CannotStore, match=r"[Nn]o space left|free disk space"):
            for done in range(500):
                store.commit(f"{done}", [Record("track", f"{done}", os.urandom(100_000))])
        assert 0 < done == len(store.journal()) == len(store.load("track"))
        (disk / "ballast").unlink()
        store.commit("again", [Record("track", "again", os.urandom(100_000))])
        store.close()
        postgres.execute("DROP DATABASE cramped")
        postgres.execute("DROP TABLESPACE small")
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)
        disk.rmdir()


def test_commits_are_on_the_disk_whatever_the_database_would_have_by_itself(postgres: PostgresServer, url: str) -> None:
    postgres.execute(f"ALTER DATABASE {database_of(url)} SET synchronous_commit = off")
    store = SqlRunStore(url)
    assert store._connection.exec_driver_sql("SHOW synchronous_commit").scalar() == "on"
    store._connection.rollback()
    store.close()


def test_two_stores_share_a_database_in_schemas_of_their_own(postgres: PostgresServer) -> None:
    stores = []
    for schema in ("north", "south"):
        store = SqlRunStore(postgres.new_schema())
        store.commit(schema, [Record("run", schema, b"1")])
        stores.append(store)
    assert [list(store.load("run")) for store in stores] == [["north"], ["south"]]
    for store in stores:
        store.close()


def test_a_database_of_somebody_else_is_refused_and_left_alone(postgres: PostgresServer, url: str) -> None:
    postgres.execute("CREATE TABLE songs (name TEXT)", url)
    with pytest.raises(InvalidInput, match="something else"):
        SqlRunStore(url)
    tables = postgres.execute("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()", url)
    assert tables == [("songs",)]


def test_a_database_that_cannot_hold_every_text_is_refused(postgres: PostgresServer) -> None:
    postgres.execute("CREATE DATABASE narrow TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
    with pytest.raises(InvalidInput, match="encoding LATIN1"):
        SqlRunStore(postgres.url("narrow"))


def test_the_password_file_is_read_and_no_password_is_ever_told(
    postgres: PostgresServer, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    postgres.execute("CREATE ROLE guest LOGIN PASSWORD 'open-sesame'")
    postgres.execute(f"GRANT ALL ON SCHEMA {url.rpartition('%3D')[2]} TO guest")
    passwords = tmp_path / "passwords"
    passwords.write_text("*:*:*:guest:open-sesame\n")
    passwords.chmod(0o600)
    guest = url.replace("fleet@", "guest@")
    with pytest.raises(Unavailable, match="password"):
        SqlRunStore(guest)
    monkeypatch.setenv("PGPASSFILE", str(passwords))
    SqlRunStore(guest).close()
    monkeypatch.delenv("PGPASSFILE")
    for wrong in (guest.replace("guest@", "guest:wrong-word@"), f"{guest}&password=wrong-word"):
        with pytest.raises(Unavailable) as refusal:
            SqlRunStore(wrong)
        cause: BaseException | None = refusal.value
        while cause:
            assert "wrong-word" not in f"{cause!s} {cause!r}"
            cause = cause.__cause__
        assert "wrong-word" not in repr(vars(postgres_place.PostgresPlace(wrong)))


def test_an_unknown_option_and_a_missing_library_are_refused_with_a_remedy(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InvalidInput, match="colour"):
        SqlRunStore(f"{url}&colour=red")
    monkeypatch.setitem(__import__("sys").modules, "robot_fleet.storage.postgres_connection", None)
    with pytest.raises(InvalidInput, match="Install psycopg"):
        SqlRunStore(url)
