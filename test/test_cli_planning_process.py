"""The process that plans for the command line: Ctrl-C is for its parent alone, and never lost."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from multiprocessing.context import SpawnProcess
from pathlib import Path

import pytest

from robot_fleet.cli.planning_process import _start_deaf, _work
from robot_fleet.planning.plan import PlanRequest

STORE = Path(__file__).parents[1] / "maps" / "corner_shop"


class _Interrupted(SpawnProcess):
    """A process in whose start somebody presses Ctrl-C."""

    def start(self) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        super().start()


def test_ctrl_c_in_the_start_counts_when_the_process_has_started() -> None:
    worker = _Interrupted(target=time.sleep, args=(60,), daemon=True)
    try:
        with pytest.raises(KeyboardInterrupt):
            _start_deaf(worker)
        assert worker.is_alive()
    finally:
        worker.kill()
        worker.join()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_the_process_does_not_hear_ctrl_c() -> None:
    worker = multiprocessing.get_context("spawn").Process(target=time.sleep, args=(1.0,), daemon=True)
    _start_deaf(worker)
    assert worker.pid is not None
    os.kill(worker.pid, signal.SIGINT)
    worker.join(20)
    assert worker.exitcode == 0


def test_the_process_ends_quietly_when_nobody_waits_for_its_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("robot_fleet.planning.planner.plan", lambda _request, tell: tell(0.0, "looking"))
    here, there = multiprocessing.Pipe(duplex=False)
    here.close()
    _work(there, PlanRequest.__new__(PlanRequest))


def test_ctrl_c_while_a_plan_is_made_ends_it_at_once() -> None:
    command = [sys.executable, "-m", "robot_fleet.cli", "plan", str(STORE), "--robots", "2"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True) as running:
        time.sleep(2.0)
        os.killpg(running.pid, signal.SIGINT)
        out, err = running.communicate(timeout=5)
    assert (running.returncode, out.strip()) == (130, b"")
    assert b"Traceback" not in err
