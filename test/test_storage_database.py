"""The run store: what it acknowledged is there, whatever ends the process; what it refuses, it says why."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from robot_fleet.control.ports import CannotStore, Record
from robot_fleet.fleet.errors import InvalidInput, Unavailable
from robot_fleet.storage.database import SqlRunStore
from robot_fleet.storage.database_check import check_database


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "fleet.db"


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, path: Path) -> str:
    """Where a database can be made, of either kind."""
    return str(path) if request.param == "sqlite" else request.getfixturevalue("postgres").new_schema()


def test_rows_come_back_after_the_store_was_closed(place: str) -> None:
    store = SqlRunStore(place)
    store.commit('{"event": "one"}', [Record("run", "a", b"1"), Record("robot", "a", b"\x00\xff")])
    store.close()
    again = SqlRunStore(place)
    assert again.load("run") == {"a": b"1"}
    assert again.load("robot") == {"a": b"\x00\xff"}
    assert again.load("plan") == {}
    again.close()


def test_a_later_record_replaces_an_earlier_one_and_none_deletes(place: str) -> None:
    store = SqlRunStore(place)
    store.commit("{}", [Record("run", "a", b"1"), Record("run", "b", b"1"), Record("run", "a", b"2")])
    assert store.load("run") == {"a": b"2", "b": b"1"}
    store.commit("{}", [Record("run", "b", None), Record("run", "never", None), Record("run", "a", b"")])
    assert store.load("run") == {"a": b""}
    store.close()


def test_rows_are_found_by_the_beginning_of_their_keys(place: str) -> None:
    store = SqlRunStore(place)
    keys = ("a", "a/r/0", "a/r/1", "a/\U0010fffe", "ab/r/0", "b/r/0", "A/r/0", "a%", "a_")
    store.commit("{}", [Record("track", key, b"1") for key in keys])
    assert list(store.load("track", "a/")) == ["a/r/0", "a/r/1", "a/\U0010fffe"]
    assert set(store.load("track")) == set(keys)
    assert store.load("run", "a/") == {}
    store.close()


def test_many_rows_come_whole_and_in_order_and_writing_goes_on_afterwards(place: str) -> None:
    store = SqlRunStore(place)
    rows = {f"a/{number:05}": b"%d" % number for number in range(2500)}
    store.commit("{}", [Record("track", key, body) for key, body in rows.items()])
    assert list(store.load("track", "a/").items()) == list(rows.items())
    store.commit("{}", [Record("track", "a/00000", None)])
    assert len(store.load("track")) == 2499
    store.close()


def test_the_journal_numbers_its_lines_and_keeps_their_time(place: str) -> None:
    times = iter((10.0, 20.5, 30.0))
    store = SqlRunStore(place, wall_s=lambda: next(times))
    for event in ("first", "second", "third"):
        store.commit(event, [])
    assert store.journal(after=1) == [(2, 20.5, "second"), (3, 30.0, "third")]
    store.close()


def test_it_writes_ahead_and_waits_for_the_disk(path: Path) -> None:
    store = SqlRunStore(path)
    settings = [
        store._connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")
    ]
    assert settings == ["wal", 2]
    store.close()


def test_a_full_disk_stores_nothing_and_says_so(path: Path) -> None:
    store = SqlRunStore(path)
    store.commit("small", [Record("run", "a", b"1")])
    pages = store._connection.exec_driver_sql("PRAGMA page_count").scalar()
    store._connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")
    store._connection.rollback()
    with pytest.raises(CannotStore, match="full"):
        store.commit("large", [Record("run", "a", b"2"), Record("run", "b", bytes(1_000_000))])
    assert store.load("run") == {"a": b"1"}
    assert [event for _, _, event in store.journal()] == ["small"]
    store._connection.exec_driver_sql("PRAGMA max_page_count=1000000")
    store._connection.rollback()
    store.commit("again", [Record("run", "a", b"3")])
    assert store.load("run") == {"a": b"3"}
    store.close()


def test_a_closed_store_stores_nothing(place: str) -> None:
    store = SqlRunStore(place)
    store.close()
    store.close()
    with pytest.raises(CannotStore):
        store.commit("late", [])


def test_a_second_opening_is_refused_while_the_first_is_there(place: str) -> None:
    store = SqlRunStore(place)
    with pytest.raises(Unavailable, match=r"in use by .*process \d+") as refusal:
        SqlRunStore(place)
    assert refusal.value.reason == "DATABASE_IN_USE"
    store.close()
    SqlRunStore(place).close()


def test_another_process_is_refused_and_may_open_it_afterwards(place: str) -> None:
    store = SqlRunStore(place)
    code = f"from robot_fleet.storage.database import SqlRunStore; SqlRunStore({place!r})"
    second = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert second.returncode != 0
    assert "DATABASE_IN_USE" in second.stderr or "is in use by" in second.stderr
    store.close()
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_writer_that_ignores_the_lock_makes_commits_fail_whole(path: Path) -> None:
    store = SqlRunStore(path)
    store._connection.exec_driver_sql("PRAGMA busy_timeout=10")
    store._connection.rollback()
    intruder = sqlite3.connect(path, isolation_level=None)
    intruder.execute("BEGIN IMMEDIATE")
    with pytest.raises(CannotStore, match="locked"):
        store.commit("blocked", [Record("run", "a", b"1")])
    intruder.execute("ROLLBACK")
    intruder.close()
    store.commit("free", [Record("run", "a", b"2")])
    assert [event for _, _, event in store.journal()] == ["free"]
    store.close()


@pytest.mark.parametrize("content", [b"no database at all" * 100, b"\x00" * 5000])
def test_a_file_that_is_no_database_is_refused_and_left_alone(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(InvalidInput) as refusal:
        SqlRunStore(path)
    assert refusal.value.faults[0].place == str(path)
    assert refusal.value.faults[0].remedy
    assert path.read_bytes() == content


def test_a_database_of_somebody_else_is_refused_and_left_alone(path: Path) -> None:
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE songs (name TEXT)")
    other.commit()
    other.close()
    before = path.read_bytes()
    with pytest.raises(InvalidInput, match="something else"):
        SqlRunStore(path)
    assert path.read_bytes() == before


def test_a_layout_of_another_version_is_refused(path: Path) -> None:
    SqlRunStore(path).close()
    other = sqlite3.connect(path)
    other.execute("UPDATE alembic_version SET version_num = '99'")
    other.commit()
    other.close()
    with pytest.raises(InvalidInput, match="layout 99"):
        SqlRunStore(path)
    with pytest.raises(InvalidInput, match="layout 99"):
        SqlRunStore(path)  # the first refusal let go of the lock


@pytest.mark.parametrize(
    "place", ["", "missing/fleet.db", "mysql://host/db", "postgresql://", "postgresql://u:secret@host:secret/db"]
)
def test_a_place_that_cannot_hold_a_database_is_refused_with_a_remedy(tmp_path: Path, place: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        SqlRunStore(place if "://" in place else tmp_path / place)
    assert refusal.value.reason == "BAD_DATABASE"
    assert refusal.value.faults[0].remedy and "secret" not in str(refusal.value)


def test_a_database_that_may_not_be_written_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Tests may run as root, who may write anything, so the answer to the question is given here.
    SqlRunStore(path).close()
    monkeypatch.setattr("robot_fleet.storage.sqlite_place.os.access", lambda *_: False)
    with pytest.raises(InvalidInput, match="may not be written"):
        SqlRunStore(path)


WRITER = """
import sys
from robot_fleet.control.ports import Record
from robot_fleet.storage.database import SqlRunStore
from robot_fleet.storage.database_check import check_database
store = SqlRunStore(sys.argv[1])
number = len(store.journal())
while True:
    number += 1
    body = str(number).encode() * 200
    store.commit(str(number), [Record("run", f"{i}", body) for i in range(20)])
    print(number, flush=True)
"""


def test_kill_9_loses_no_acknowledged_commit_and_leaves_none_half(place: str) -> None:
    for round_number in range(2 if "://" in place else 4):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, place], stdout=subprocess.PIPE, text=True)
        assert writer.stdout is not None
        acknowledged = int(writer.stdout.readline())
        # The kill comes at another moment of a commit in each round.
        threading.Timer(0.05 + 0.017 * round_number, writer.send_signal, (signal.SIGKILL,)).start()
        for line in writer.stdout:
            acknowledged = int(line) if line.endswith("\n") else acknowledged
        writer.wait()
        store = SqlRunStore(place)
        events = [int(event) for _, _, event in store.journal()]
        assert events == list(range(1, len(events) + 1))
        assert len(events) in (acknowledged, acknowledged + 1)
        assert set(store.load("run").values()) == {str(len(events)).encode() * 200}
        store.close()


def test_old_journal_lines_go_but_for_those_that_made_a_row_so(place: str) -> None:
    times = iter([1.0, 2.0, 50.0, 3.0, 4.0, 60.0, 5.0])
    store = SqlRunStore(place, wall_s=lambda: next(times))
    for number in range(1, 8):
        store.commit("{}", [Record("alert", "kept", b"{}")] if number == 2 else [])
    last, asked = 0, []
    while last := store.trim_journal(10.0, last, 2):
        asked.append(last)
    # Of before 10 s are all but lines 3 and 6; line 2 made the alert so, and 7 is the last.
    assert [version for version, _, _ in store.journal()] == [2, 3, 6, 7]
    assert asked == [2, 4, 6]
    assert store.trim_journal(10.0, 0, 100) == 0
    store.close()
    store = SqlRunStore(place)
    store.commit("{}", [])
    assert [version for version, _, _ in store.journal()] == [2, 3, 6, 7, 8]
    store.close()
    if "://" not in place:
        assert check_database(Path(place)).faults == ()


def test_lines_that_were_written_while_the_clock_was_ahead_do_not_keep_the_old_ones_behind_them(place: str) -> None:
    times = iter([90.0, 91.0, 92.0, 93.0, 1.0, 2.0, 20.0])
    store = SqlRunStore(place, wall_s=lambda: next(times))
    for _ in range(7):
        store.commit("{}", [])
    last = store.trim_journal(10.0, 0, 2)
    while last:
        last = store.trim_journal(10.0, last, 2)
    assert [at for _, at, _ in store.journal()] == [90.0, 91.0, 92.0, 93.0, 20.0]
    store.close()


def test_some_rows_of_a_kind_are_forgotten_at_a_time(place: str) -> None:
    store = SqlRunStore(place)
    keys = [f"a/r/{number}" for number in range(5)]
    store.commit("{}", [Record(kind, key, b"1") for kind in ("track", "run") for key in (*keys, "ab/r/0")])
    assert [store.forget("track", "a/", 3) for _ in range(3)] == [3, 2, 0]
    assert list(store.load("track")) == ["ab/r/0"]
    assert len(store.load("run")) == 6
    store.close()
    with pytest.raises(CannotStore):
        store.forget("track", "", 1)
