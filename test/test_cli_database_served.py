"""`robot-fleet db` and the support bundle with a database on a real PostgreSQL server, and the way from a file to one."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest
from postgres_server import PostgresServer
from test_cli_commands import Tell, document, tell
from test_cli_database import refused, run_body

from robot_fleet.cli.exits import Exit
from robot_fleet.control.ports import Record
from robot_fleet.main.data_folder import DATABASE
from robot_fleet.storage.database import SqlRunStore

__all__ = ["tell"]

ROWS = [Record("run", "a", run_body("a")), Record("coverage", "a", b"\x00\xff"), Record("track", "a/r/\U0010fffe", b"")]


@pytest.fixture
def url(postgres: PostgresServer) -> str:
    """A database with a run, whose first journal line was trimmed."""
    url = postgres.new_schema()
    store = SqlRunStore(url, wall_s=iter((1.0, 1e9 + 0.123456789, 2e9)).__next__)
    store.commit("[]", [])
    store.commit('[{"event": "two", "who": "Ån"}]', ROWS)
    store.trim_journal(10.0, 0, 10)
    store.close()
    return url


def content(store: SqlRunStore) -> tuple[object, ...]:
    found = store.journal(), *(store.load(kind) for kind in ("run", "coverage", "track", "alert"))
    store.close()
    return found


def test_a_served_database_is_checked_beside_its_controller(
    url: str, postgres: PostgresServer, tell: Tell, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = SqlRunStore(url)
    found = document(tell("db", "check", "--database", url, "--json"))
    assert found["sound"] and found["rows"] == {"coverage": 1, "run": 1, "track": 1}
    assert url.partition("?")[0].replace("fleet@", "") not in found["file"]
    monkeypatch.setenv("ROBOT_FLEET_DATABASE", url)
    assert "is sound: 1 run, 1 journal line" in tell("db", "check")[1]
    store.close()
    postgres.execute("INSERT INTO rows VALUES ('track', 'b/r/0', '', 2); UPDATE journal SET event = 'oops'", url)
    code, out, _ = tell("db", "check")
    assert code == Exit.FAILED
    assert "run b, to which it belongs" in out and "journal line 2: is no JSON" in out


def test_a_backup_is_a_file_and_goes_back_to_an_empty_server_or_into_a_folder(
    url: str, postgres: PostgresServer, tmp_path: Path, tell: Tell
) -> None:
    copy, empty = tmp_path / "copy.db", postgres.new_schema()
    store = SqlRunStore(url)
    assert "1 run, 1 journal line" in tell("db", "backup", str(copy), "--database", url)[1]
    before = content(store)
    assert "holds runs already" in refused(tell, "db", "restore", str(copy), "--database", url)
    assert "Restored: postgresql://" in tell("db", "restore", str(copy), "--database", empty)[1]
    assert document(tell("db", "restore", str(copy), "--data", str(tmp_path), "--json"))["kept"] is None
    for place in (empty, tmp_path / DATABASE):
        assert document(tell("db", "check", *(("--database", place) if place is empty else ("--data", str(tmp_path))),
                             "--json"))["sound"]  # fmt: skip
        assert content(SqlRunStore(place)) == before
    again = SqlRunStore(empty, wall_s=lambda: 3.0)
    again.commit("[]", [Record("run", "a", None)])
    assert again.journal()[-1] == (3, 3.0, "[]")
    again.close()


def test_a_server_in_use_or_away_is_refused(url: str, postgres: PostgresServer, tmp_path: Path, tell: Tell) -> None:
    copy, used = tmp_path / "copy.db", postgres.new_schema()
    tell("db", "backup", str(copy), "--database", url)
    store = SqlRunStore(used)
    assert "is in use by robot_fleet, process" in refused(tell, "db", "restore", str(copy), "--database", used)
    store.close()
    postgres.stop()
    assert "Start the server" in refused(tell, "db", "restore", str(copy), "--database", used)
    assert "Start the server" in refused(tell, "db", "backup", str(tmp_path / "two.db"), "--database", url)
    code, out, _ = tell("db", "check", "--database", url)
    assert code == Exit.FAILED and "cannot be read" in out
    assert [path.name for path in tmp_path.iterdir()] == ["copy.db"]


def test_an_empty_schema_is_no_database_of_runs(postgres: PostgresServer, tmp_path: Path, tell: Tell) -> None:
    url = postgres.new_schema()
    assert "no database of runs" in tell("db", "check", "--database", url)[1]
    assert "is empty" in refused(tell, "db", "backup", str(tmp_path / "copy.db"), "--database", url)
    assert postgres.execute("SELECT count(*) FROM pg_tables WHERE schemaname = current_schema()", url) == [(0,)]


def test_two_databases_are_one_too_many(url: str, tmp_path: Path, tell: Tell) -> None:
    assert "two databases" in refused(tell, "db", "check", "--database", url, "--data", str(tmp_path))


def test_the_support_bundle_has_what_the_server_keeps(url: str, tmp_path: Path, tell: Tell) -> None:
    file = tmp_path / "bundle.tar.gz"
    assert tell("support-bundle", "--database", url, "--out", str(file))[0] == Exit.OK
    with tarfile.open(file) as archive:
        names = {Path(name).name for name in archive.getnames()}
        assert {"check.json", "journal.txt"} <= names
