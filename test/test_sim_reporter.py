"""The report of what truly happens is written while robots drive, and holds nobody up."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from gazebo_worlds import store_of

from robot_fleet.sim.report import Report, read_truth
from robot_fleet.sim.ros_face.reporter import Reporter
from robot_fleet.sim.world import World


def test_a_slow_disk_holds_nobody_up_and_the_last_report_is_of_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, file = World(store_of("corner_shop", 1)), tmp_path / "truth.json"
    disk, begun, write = threading.Event(), threading.Semaphore(0), Report.write

    def slowly(report: Report, path: Path) -> None:
        begun.release()
        disk.wait(60.0)
        write(report, path)

    monkeypatch.setattr(Report, "write", slowly)
    monkeypatch.setattr("robot_fleet.sim.ros_face.reporter._REPORT_S", 0.0)
    reporter = Reporter(file, world, seed=4)
    for _ in range(3):
        reporter.look()
        world.step()
    assert begun.acquire(timeout=60.0)
    assert not begun.acquire(blocking=False)
    assert not file.exists()
    disk.set()
    reporter.write()
    document, _, tracks = read_truth(file)
    assert (document["clock_s"], document["seed"]) == (pytest.approx(0.15), 4)
    assert set(tracks) == {"robot_1"}
