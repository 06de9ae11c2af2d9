"""kill -9 of the live controller, again and again: nothing that it had answered is lost, and the store gets clean."""

from __future__ import annotations

import random
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from live_fleet import LiveFleet, live_fleet
from test_live_fleet import press_e_stop

from robot_fleet.control.snapshot import RunView
from robot_fleet.fleet.states import RobotState, RunState
from robot_fleet.sim.executed import execute
from robot_fleet.storage.store_folder import load_store

pytestmark = [pytest.mark.ros, pytest.mark.proof]

KILLS = 30
MARKET = Path(__file__).resolve().parent.parent / "maps" / "supermarket"


class Watcher(threading.Thread):
    """Follows a run to its end, whatever happens to the controller; keeps what it was told."""

    def __init__(self, fleet: LiveFleet, run_id: str) -> None:
        super().__init__(daemon=True)
        self._fleet, self._run_id = fleet, run_id
        self.seen: list[tuple[int, RunState]] = []

    def run(self) -> None:
        for view in self._fleet.client.watch(self._run_id, patience_s=180.0):
            self.seen.append((view.version, view.state))


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[LiveFleet]:
    with live_fleet(tmp_path) as opened:
        opened.store = MARKET
        opened.start_sim()
        opened.start_controller()
        opened.until_ready()
        yield opened


def asked(fleet: LiveFleet, run: RunView, dice: random.Random) -> tuple[RunState, ...]:
    """Something is asked of the controller, or nothing; the states in which the run may be afterwards, as it was answered."""
    state = fleet.client.get(run.run_id).state
    if state is RunState.RUNNING and dice.random() < 0.3:
        fleet.client.pause(run.run_id)
        return RunState.PAUSING, RunState.PAUSED
    if state in (RunState.PAUSING, RunState.PAUSED):
        fleet.client.resume(run.run_id)
        return RunState.RUNNING, RunState.COMPLETED
    return (RunState.RUNNING, RunState.PLANNING, RunState.COMPLETED)


def test_thirty_kills_lose_nothing_that_was_answered(fleet: LiveFleet) -> None:
    dice = random.Random(4)
    run = fleet.client.start(request_id="tonight")
    watcher = Watcher(fleet, run.run_id)
    watcher.start()
    fleet.until_run(run.run_id, lambda seen: seen.progress > 0.01)
    press_e_stop("/robot_3", True)
    fleet.until_robots(lambda robots: robots["robot_3"].state is RobotState.HELD)
    press_e_stop("/robot_3", False)
    lost_m2, kills = 0.0, 0
    for _ in range(KILLS):
        time.sleep(dice.uniform(0.0, 4.0))
        states = asked(fleet, run, dice)
        before = fleet.client.get(run.run_id)
        if before.state.is_terminal:
            break
        fleet.end("serve", signal.SIGKILL)
        kills += 1
        fleet.start_controller()
        after = fleet.client.get(run.run_id)
        assert after.state in states, (states, before, after)
        assert (after.request_id, after.zones, after.created_at_s) == (run.request_id, run.zones, run.created_at_s)
        assert after.version >= before.version
        assert fleet.client.start(request_id="tonight").run_id == run.run_id
        assert {robot.name: robot.state for robot in fleet.client.robots()}["robot_3"] is RobotState.HELD
        lost_m2 += max(0.0, before.cleaned_m2 - after.cleaned_m2)
    assert kills >= KILLS - 5, "the run was over too soon"
    if fleet.client.get(run.run_id).state in (RunState.PAUSING, RunState.PAUSED):
        fleet.client.resume(run.run_id)
    fleet.client.acknowledge("robot_3", "Ada Lovelace")
    *_, last = fleet.client.watch(run.run_id)
    assert last.state is RunState.COMPLETED, last.reason
    assert last.progress > 0.95
    # Credit that is lost is cleaned again.
    assert lost_m2 < 0.02 * last.coverable_m2
    watcher.join(60.0)
    versions = [version for version, _ in watcher.seen]
    assert versions == sorted(versions)
    assert watcher.seen[-1][1] is RunState.COMPLETED
    assert fleet.end("serve") == 0
    assert fleet.end("sim") == 0
    assert fleet.truth()[0]["collisions"] == []
    # Robots drive their pieces to the end while nobody listens, and what is not seen to be cleaned is cleaned again.
    assert twice_m2(fleet.truth()[0]) - twice_without_kills_m2() < 0.07 * last.coverable_m2


def twice_m2(report: dict[str, Any]) -> float:
    """How much floor was cleaned again, by the simulator's report: lanes overlap, and what nobody saw is repeated."""
    return float(sum(robot["scrubbed_m2"] for robot in report["robots"].values()) - report["truly_cleaned_m2"])


def twice_without_kills_m2() -> float:
    """The same of a run in virtual time of which nothing happens to the controller."""
    run = execute(load_store(MARKET))
    area_m2 = load_store(MARKET).floor.grid.cell_area_m2
    return sum(run.scrubbed_m2.values()) - float(np.count_nonzero(run.truth)) * area_m2
