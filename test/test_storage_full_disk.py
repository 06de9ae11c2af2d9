"""Disks that are really full, limits that really bite, locks that are really held: refused whole, and taken up again."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from robot_fleet.control.ports import CannotStore, Record
from robot_fleet.fleet.errors import FleetError, Unavailable
from robot_fleet.storage.database import SqlRunStore
from robot_fleet.storage.database_check import check_database


def fill(store: SqlRunStore, commits: int = 500) -> tuple[int, str]:
    """Commits until one is refused: how many were acknowledged, and the refusal."""
    for done in range(commits):
        try:
            store.commit("{}", [Record("alert", f"{done}", b"{}" + b" " * 20_000)])
        except CannotStore as error:
            return done, str(error)
    return commits, ""


def mounted(path: Path, *options: str) -> bool:
    command = ["mount", *options, str(path)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one megabyte, half of it taken by a file `ballast`."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if not mounted(disk, "-t", "tmpfs", "-o", "size=1m", "small"):
        pytest.skip("disks cannot be mounted here")
    try:
        (disk / "ballast").write_bytes(bytes(500_000))
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


def test_a_full_disk_refuses_whole_commits_and_is_written_again_once_there_is_space(small_disk: Path) -> None:
    path = small_disk / "fleet.db"
    store = SqlRunStore(path)
    acknowledged, refusal = fill(store)
    assert acknowledged > 0 and "full" in refusal
    assert fill(store, 1)[0] == 0
    # What was acknowledged is there, also for somebody beside; nothing else is.
    assert len(store.journal()) == len(store.load("alert")) == acknowledged
    report = check_database(path)
    assert (report.faults, report.journal_lines) == ((), acknowledged)
    (small_disk / "ballast").unlink()
    assert fill(store, 1) == (1, "")
    store.close()
    assert check_database(path).faults == ()


def test_a_read_only_disk_is_told_and_written_again_once_it_is_writable(small_disk: Path) -> None:
    path = small_disk / "fleet.db"
    store = SqlRunStore(path)
    assert fill(store, 2) == (2, "")
    store.close()
    assert mounted(small_disk, "-o", "remount,ro")
    with pytest.raises(FleetError) as refusal:
        SqlRunStore(path)
    assert "written" in str(refusal.value)
    assert mounted(small_disk, "-o", "remount,rw")
    store = SqlRunStore(path)
    assert fill(store, 1) == (1, "")
    store.close()
    assert check_database(path).faults == ()


LIMITED = """
import resource, sys
from test_storage_full_disk import fill
from robot_fleet.fleet.errors import Unavailable
from robot_fleet.storage.database import SqlRunStore
from robot_fleet.storage.database_check import check_database
store = SqlRunStore(sys.argv[1])
limit = lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
limit(500_000)
acknowledged, refusal = fill(store)
assert 0 < acknowledged < 500 and "disk I/O error" in refusal, (acknowledged, refusal)
assert len(store.journal()) == acknowledged
limit(resource.RLIM_INFINITY)
assert fill(store, 1) == (1, "")
store.close()
limit(1000)
try:
    SqlRunStore(sys.argv[1])
except Unavailable as refusal:
    assert refusal.reason == "DISK_FAILS" and "quota" in str(refusal), refusal
else:
    raise AssertionError("it was opened")
limit(resource.RLIM_INFINITY)
assert check_database(__import__("pathlib").Path(sys.argv[1])).faults == ()
"""


def test_a_limit_of_the_size_of_files_is_refused_like_a_full_disk(tmp_path: Path) -> None:
    command = [sys.executable, "-c", LIMITED, str(tmp_path / "fleet.db")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parent, check=False)
    assert done.returncode == 0, done.stderr


HOLDER = """
import sqlite3, sys
held = sqlite3.connect(sys.argv[1], isolation_level=None)
held.execute("BEGIN EXCLUSIVE")
print(flush=True)
sys.stdin.read()
"""


def test_an_exclusive_lock_of_another_process_refuses_until_it_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("robot_fleet.storage.sqlite_place.BUSY_TIMEOUT_MS", 50)
    path = tmp_path / "fleet.db"
    store = SqlRunStore(path)
    assert fill(store, 1) == (1, "")
    command = [sys.executable, "-c", HOLDER, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        assert "locked" in fill(store, 1)[1]
        store.close()
        with pytest.raises(Unavailable, match="Another program holds it") as refusal:
            SqlRunStore(path)
        assert refusal.value.reason == "DATABASE_BUSY"
        holder.kill()
    store = SqlRunStore(path)
    assert fill(store, 1) == (1, "")
    store.close()
    assert check_database(path).faults == ()
