"""`robot-fleet db`: backups of a database in use, the way back, and what is wrong with a spoilt one."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from test_cli_commands import Tell, document, tell

from robot_fleet.cli.exits import Exit
from robot_fleet.control.ports import Record
from robot_fleet.main.data_folder import DATABASE
from robot_fleet.storage.database import SqlRunStore
from robot_fleet.storage.database_check import check_database

__all__ = ["tell"]


def run_body(run_id: str, state: str = "COMPLETED") -> bytes:
    return json.dumps({"run_id": run_id, "state": state, "version": 1}).encode()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with two runs, one of them under way."""
    folder = tmp_path / "data"
    folder.mkdir()
    store = SqlRunStore(folder / DATABASE)
    store.commit('{"event": "one"}', [Record("run", "a", run_body("a")), Record("coverage", "a", b"x")])
    store.commit('{"event": "two"}', [Record("run", "b", run_body("b", "RUNNING"))])
    store.close()
    return folder


def spoil(database: Path, *statements: str) -> None:
    other = sqlite3.connect(database)
    other.execute("PRAGMA foreign_keys=OFF")
    for statement in statements:
        other.execute(statement)
    other.commit()
    other.close()


def refused(tell: Tell, *arguments: str) -> str:
    code, out, err = tell(*arguments)
    assert (code, out) == (Exit.USAGE, "")
    assert "Traceback" not in err
    return " ".join(err.split())


def test_a_sound_database_is_told_so(data: Path, tell: Tell) -> None:
    code, out, _ = tell("db", "check", "--data", str(data))
    assert code == Exit.OK
    assert "sound: 2 runs, 2 journal lines" in out
    found = document(tell("db", "check", "--data", str(data), "--json"))
    assert found["sound"] and found["rows"] == {"coverage": 1, "run": 2}


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("DELETE FROM journal WHERE version = 1", "journal line 1, which made it so, is not there"),
        ("UPDATE journal SET event = 'oops' WHERE version = 2", "journal line 2: is no JSON"),
        ("UPDATE rows SET body = x'00ff' WHERE kind = 'run' AND key = 'a'", "run a: cannot be read"),
        ("DELETE FROM rows WHERE kind = 'run' AND key = 'a'", "coverage a: run a, to which it belongs"),
        ("UPDATE rows SET key = 'c' WHERE key = 'b'", "run c: its state or its id"),
        (
            """INSERT INTO rows SELECT kind, 'c', '{"run_id": "c", "state": "RUNNING"}', version FROM rows WHERE key = 'b'""",
            "2 are under way at once: b, c",
        ),
        (
            "INSERT INTO rows SELECT 'closure', 'spill', x'00', version FROM rows WHERE key = 'b'",
            "closure spill: cannot be read: it is no JSON",
        ),
        ("UPDATE alembic_version SET version_num = '99'", "layout 99"),
    ],
)
def test_what_is_wrong_is_named_with_its_remedy(data: Path, tell: Tell, statement: str, told: str) -> None:
    spoil(data / DATABASE, statement)
    code, out, err = tell("db", "check", "--data", str(data))
    assert (code, err) == (Exit.FAILED, "")
    assert told in out
    code, out, _ = tell("db", "check", "--data", str(data), "--json")
    found = json.loads(out)
    assert code == Exit.FAILED and not found["sound"]
    assert all(fault["remedy"] for fault in found["faults"])


@pytest.mark.parametrize("content", [b"a letter to my aunt" * 100, b""])
def test_what_is_no_database_of_ours_is_told_so(data: Path, tell: Tell, content: bytes) -> None:
    (data / DATABASE).write_bytes(content)
    code, out, _ = tell("db", "check", "--data", str(data))
    assert code == Exit.FAILED
    assert "is no SQLite database" in out or "is no database of runs" in out
    assert (data / DATABASE).read_bytes() == content


def test_damaged_pages_are_found_and_not_backed_up(data: Path, tmp_path: Path, tell: Tell) -> None:
    store = SqlRunStore(data / DATABASE)
    for number in range(50):
        store.commit("{}", [Record("alert", f"{number:03}", b"{}" + b" " * 3000)])
    store.close()
    content = bytearray((data / DATABASE).read_bytes())
    content[4096 * 6 : 4096 * 12] = bytes(range(256)) * 96
    (data / DATABASE).write_bytes(content)
    code, out, _ = tell("db", "check", "--data", str(data))
    assert code == Exit.FAILED
    assert "is damaged" in out and "db restore" in out
    refused(tell, "db", "backup", str(tmp_path / "copy.db"), "--data", str(data))
    assert not [path for path in tmp_path.iterdir() if "copy.db" in path.name]


def test_a_backup_beside_a_running_controller_has_its_last_commit(data: Path, tmp_path: Path, tell: Tell) -> None:
    store = SqlRunStore(data / DATABASE)
    store.commit("{}", [Record("run", "c", run_body("c"))])
    copy = tmp_path / "copy.db"
    code, out, _ = tell("db", "backup", str(copy), "--data", str(data))
    assert code == Exit.OK and "3 runs, 3 journal lines" in out
    store.commit("{}", [Record("run", "d", run_body("d"))])
    store.close()
    # It needs no file beside it, even where nothing may be written.
    alone = tmp_path / "alone"
    alone.mkdir()
    copy.rename(alone / "copy.db")
    assert check_database(alone / "copy.db").rows["run"] == 3
    assert os.listdir(alone) == ["copy.db"]


WRITER = """
import sys
from robot_fleet.control.ports import Record
from robot_fleet.storage.database import SqlRunStore
store = SqlRunStore(sys.argv[1])
while True:
    store.commit("{}", [Record("alert", f"{i}", b'["' + b"x" * 2000 + b'"]') for i in range(20)])
    print(flush=True)
"""


def test_backups_and_checks_while_another_process_writes_are_whole(tmp_path: Path, tell: Tell) -> None:
    data = tmp_path / "busy"
    data.mkdir()
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(data / DATABASE)], stdout=subprocess.PIPE)
    try:
        assert writer.stdout is not None
        writer.stdout.readline()
        lines = [
            document(tell("db", "backup", str(tmp_path / "copy.db"), "--data", str(data), "--force", "--json"))
            for _ in range(5)
        ]
    finally:
        writer.kill()
        writer.wait()
    counts = [line["journal_lines"] for line in lines]
    assert counts == sorted(counts) and counts[0] >= 1
    # What the killed writer left in its log is read, and goes with the old database.
    before = check_database(data / DATABASE).journal_lines
    assert before >= counts[-1]
    kept = Path(document(tell("db", "restore", str(tmp_path / "copy.db"), "--data", str(data), "--json"))["kept"])
    assert check_database(data / DATABASE).journal_lines == counts[-1]
    assert check_database(kept).journal_lines == before


def test_a_backup_replaces_nothing_unless_told_and_never_the_database(data: Path, tmp_path: Path, tell: Tell) -> None:
    copy = tmp_path / "copy.db"
    copy.write_text("precious")
    assert "--force" in refused(tell, "db", "backup", str(copy), "--data", str(data))
    assert copy.read_text() == "precious"
    assert tell("db", "backup", str(copy), "--data", str(data), "--force")[0] == Exit.OK
    for name in (DATABASE, DATABASE + "-wal", DATABASE + ".lock"):
        err = refused(tell, "db", "backup", str(data / name), "--data", str(data), "--force")
        assert "the database itself" in err
    assert "cannot be written" in refused(tell, "db", "backup", str(tmp_path / "no" / "x.db"), "--data", str(data))
    assert "folder" in refused(tell, "db", "backup", str(tmp_path), "--data", str(data), "--force")


def test_restore_brings_the_backup_back_and_keeps_the_old_one(data: Path, tmp_path: Path, tell: Tell) -> None:
    copy = tmp_path / "copy.db"
    tell("db", "backup", str(copy), "--data", str(data))
    store = SqlRunStore(data / DATABASE)
    store.commit("{}", [Record("run", "late", run_body("late"))])
    store.close()
    told = document(tell("db", "restore", str(copy), "--data", str(data), "--json"))
    store = SqlRunStore(data / DATABASE)
    assert set(store.load("run")) == {"a", "b"}
    store.close()
    assert check_database(Path(told["kept"])).rows["run"] == 3
    # Twice in a second, and into a folder that has nothing.
    again = document(tell("db", "restore", str(copy), "--data", str(data), "--json"))
    assert again["kept"] != told["kept"]
    new = document(tell("db", "restore", str(copy), "--data", str(tmp_path / "new"), "--json"))
    assert new["kept"] is None and check_database(tmp_path / "new" / DATABASE).faults == ()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can restore what belongs to another user")
@pytest.mark.parametrize("there", ["database", "folder", "nothing"])
def test_what_root_restores_belongs_to_the_controllers_user(data: Path, tmp_path: Path, tell: Tell, there: str) -> None:
    owner, group, copy = 4711, 4712, tmp_path / "copy.db"
    tell("db", "backup", str(copy), "--data", str(data))
    home = tmp_path / "home"
    place = home / "data" if there == "nothing" else home
    home.mkdir()
    os.chown(home, owner, group)
    if there == "database":
        (place / DATABASE).write_bytes(copy.read_bytes())
        os.chown(place / DATABASE, owner, group)
        (place / DATABASE).chmod(0o640)
    document(tell("db", "restore", str(copy), "--data", str(place), "--json"))
    made = [place, *place.iterdir()]
    assert {(path.stat().st_uid, path.stat().st_gid) for path in made} == {(owner, group)}
    assert {DATABASE, f"{DATABASE}.lock"} <= {path.name for path in made}
    assert (place / DATABASE).stat().st_mode & 0o777 == (0o640 if there == "database" else 0o600)


def test_a_restore_empties_no_file_that_a_link_in_the_data_folder_leads_to(
    data: Path, tmp_path: Path, tell: Tell
) -> None:
    """Root restores in a folder of the controller's user, who could put any link there."""
    tell("db", "backup", str(tmp_path / "copy.db"), "--data", str(data))
    precious = tmp_path / "precious"
    precious.write_text("of root's")
    lock = data / f"{DATABASE}.lock"
    lock.unlink(missing_ok=True)
    lock.symlink_to(precious)
    assert "symbolic links" in refused(tell, "db", "restore", str(tmp_path / "copy.db"), "--data", str(data))
    assert precious.read_text() == "of root's"


def test_a_damaged_database_can_be_replaced_and_is_kept(data: Path, tmp_path: Path, tell: Tell) -> None:
    tell("db", "backup", str(tmp_path / "copy.db"), "--data", str(data))
    (data / DATABASE).write_bytes(b"rubbish" * 1000)
    told = document(tell("db", "restore", str(tmp_path / "copy.db"), "--data", str(data), "--json"))
    assert Path(told["kept"]).read_bytes() == b"rubbish" * 1000
    assert check_database(data / DATABASE).faults == ()


def test_restore_is_refused_while_the_database_is_used(data: Path, tmp_path: Path, tell: Tell) -> None:
    copy = tmp_path / "copy.db"
    tell("db", "backup", str(copy), "--data", str(data))
    store = SqlRunStore(data / DATABASE)
    err = refused(tell, "db", "restore", str(copy), "--data", str(data))
    assert f"in use by process {os.getpid()}" in err
    store.close()
    reader = sqlite3.connect(data / DATABASE, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM rows").fetchone()
    assert "Another program holds it" in refused(tell, "db", "restore", str(copy), "--data", str(data))
    reader.close()
    assert check_database(data / DATABASE).rows["run"] == 2


def test_restore_refuses_what_is_no_backup_and_leaves_the_database(data: Path, tmp_path: Path, tell: Tell) -> None:
    before = (data / DATABASE).read_bytes()
    newer, letter, songs = tmp_path / "newer.db", tmp_path / "letter", tmp_path / "songs.db"
    tell("db", "backup", str(newer), "--data", str(data))
    spoil(newer, "UPDATE alembic_version SET version_num = '99'")
    letter.write_text("dear aunt, " * 200)
    spoil(songs, "CREATE TABLE songs (name TEXT)")
    assert "newer robot_fleet: layout 99" in refused(tell, "db", "restore", str(newer), "--data", str(data))
    assert "no SQLite database" in refused(tell, "db", "restore", str(letter), "--data", str(data))
    assert "no database of runs" in refused(tell, "db", "restore", str(songs), "--data", str(data))
    assert "there is no file" in refused(tell, "db", "restore", str(tmp_path / "none"), "--data", str(data))
    assert "database itself" in refused(tell, "db", "restore", str(data / DATABASE), "--data", str(data))
    assert (data / DATABASE).read_bytes() == before


def test_whose_database_is_asked_must_be_told(tmp_path: Path, tell: Tell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert "--store DIR or --data DIR" in refused(tell, "db", "check")
    err = refused(tell, "db", "check", "--store", "maps/corner_shop")
    assert str(tmp_path / "robot_fleet" / "corner_shop" / DATABASE) in err
