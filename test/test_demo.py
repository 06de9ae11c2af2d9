"""The demo: real processes that clean a shop, and nothing left behind however it ends."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from robot_fleet.cli.demo import interrupts
from robot_fleet.cli.demo_children import Children, free_domain, free_port
from robot_fleet.cli.demo_report import DemoReport, robots_part
from robot_fleet.cli.exits import CommandFailed
from robot_fleet.control.snapshot import RobotShare, RobotView, RunView
from robot_fleet.fleet.states import RobotState, RunState
from robot_fleet.main.bundled import bundled_store
from robot_fleet.main.truth import TrueResult

SHOP = Path(__file__).resolve().parent.parent / "maps" / "corner_shop"


def demo(out: Path, *options: str) -> subprocess.Popen[str]:
    """A demo in a process group of its own, with its files under `out`."""
    command = [sys.executable, "-m", "robot_fleet.cli", "demo", "--out", str(out / "report"), *options]
    environment = {**os.environ, "TMPDIR": str(out)}
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=environment, start_new_session=True)


def leftovers(out: Path) -> list[str]:
    """The command lines of processes that still work on files under `out`."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().decode(errors="replace").replace("\0", " ")
        except OSError:
            continue
        if str(out) in command and str(process.name) != str(os.getpid()):
            found.append(command)
    return found


def wait_for(hold: Callable[[], object], limit_s: float = 180.0) -> None:
    deadline = time.monotonic() + limit_s
    while not hold():
        assert time.monotonic() < deadline, "it never came to hold"
        time.sleep(0.1)


@pytest.mark.ros
def test_the_demo_cleans_a_shop_and_reports_it(tmp_path: Path) -> None:
    running = demo(tmp_path, "--store", str(SHOP), "--json", "--limit", "400", "--plan-within", "2")
    said, progress = running.communicate(timeout=500)
    assert running.returncode == 0, progress
    report = json.loads(said)
    assert report["good"] and report["state"] == "COMPLETED"
    assert report["true_share"] >= 0.97 and report["collisions"] == []
    assert report["false_credit"] < 0.02 and report["missed_credit"] < 0.02
    assert {zone["zone"] for zone in report["zones"]} == {"front", "shelves"}
    assert all(robot["distance_m"] > 0.0 for robot in report["robots"])
    assert "COMPLETED" in progress and "Logs and database" not in progress
    assert "has not been heard" not in progress
    for picture in report["pictures"]:
        with Image.open(picture) as image:
            assert min(image.size) > 500
    assert json.loads((tmp_path / "report" / "report.json").read_text()) == report
    assert leftovers(tmp_path) == []
    assert list(tmp_path.glob("robot-fleet-demo-*")) == []


def test_the_report_fits_a_narrow_screen() -> None:
    names = ("robot_1", "robot_2", "robot_3")
    robots = [
        RobotView(name, RobotState.CHARGING, 1, None, 1.0, True, False, "", "", "", None, detail="") for name in names
    ]
    shares = tuple(RobotShare(name, 1234.0, 3599.0, 3599.0, 3599.0, 1234.0) for name in names)
    done = RunView("r", "q", "hall", ("all",), RunState.COMPLETED, "", 1, 0, 0, 0, 3600, None, 1, 1, 1, shares=shares)
    truth = TrueResult(1.0, 0.0, 0.0, 1.0, 1.0, (), dict.fromkeys(names, 1234.0), np.zeros((1, 1), dtype=bool))
    screen = Console(width=80, file=io.StringIO())
    screen.print(robots_part(DemoReport(done, tuple(robots), truth, 1.0, ())))
    assert isinstance(screen.file, io.StringIO)
    told = screen.file.getvalue()
    assert "…" not in told and told.count("CHARGING, 100 %") == 3 and "59:59 min" in told


@pytest.mark.ros
def test_ctrl_c_ends_the_demo_and_all_its_processes(tmp_path: Path) -> None:
    running = demo(tmp_path, "--store", str(SHOP))
    wait_for(lambda: len(leftovers(tmp_path)) >= 3)
    assert running.stdout is not None
    assert "PLANNING" in running.stdout.readline()
    running.send_signal(signal.SIGINT)
    _, error = running.communicate(timeout=180)
    assert running.returncode == 130, error
    assert "Traceback" not in error
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_that_a_library_swallows_is_heeded_all_the_same(number: int) -> None:
    before = signal.getsignal(number)
    with interrupts() as heed:
        heed()
        with suppress(KeyboardInterrupt):
            os.kill(os.getpid(), number)
        with pytest.raises(KeyboardInterrupt):
            heed()
    assert signal.getsignal(number) is before


@pytest.mark.ros
def test_a_dead_simulator_ends_the_demo_with_its_log(tmp_path: Path) -> None:
    running = demo(tmp_path, "--store", str(SHOP))
    wait_for(lambda: any(" sim " in command for command in leftovers(tmp_path)))
    numbers = [
        int(process.parent.name) for process in Path("/proc").glob("[0-9]*/cmdline") if _is_sim(process, tmp_path)
    ]
    os.kill(numbers[0], signal.SIGKILL)
    _, error = running.communicate(timeout=180)
    assert running.returncode == 1
    assert "the simulator ended with -9" in error and "Logs and database" in error
    assert leftovers(tmp_path) == []


@pytest.mark.ros
def test_a_killed_demo_takes_its_processes_along(tmp_path: Path) -> None:
    running = demo(tmp_path, "--store", str(SHOP))
    wait_for(lambda: len(leftovers(tmp_path)) >= 3)
    running.kill()
    running.communicate(timeout=180)
    wait_for(lambda: leftovers(tmp_path) == [])


def test_a_bad_store_is_refused_before_anything_starts(tmp_path: Path) -> None:
    running = demo(tmp_path, "--store", str(tmp_path / "nowhere"))
    _, error = running.communicate(timeout=180)
    assert running.returncode == 2
    assert "there is no such folder" in error


def test_a_process_that_ends_early_is_told_with_the_end_of_its_log(tmp_path: Path) -> None:
    children = Children(tmp_path)
    children.start("judge", ["judge", str(tmp_path), "nothing.json"])
    try:
        with pytest.raises(CommandFailed, match=r"(?s)the judge ended with 2.*nothing.json cannot be read"):
            wait_for(children.check)
    finally:
        children.stop()


def test_ports_and_domains_are_free_ones() -> None:
    assert 1024 <= free_port() <= 65535
    assert 1 <= free_domain() <= 100


def test_the_packages_own_stores_are_found() -> None:
    found = bundled_store("supermarket")
    assert found is not None and (found / "map.yaml").is_file()
    assert bundled_store("no_such_store") is None


def _is_sim(process: Path, out: Path) -> bool:
    try:
        command = process.read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return False
    return "sim" in command and any(str(out) in word for word in command)
