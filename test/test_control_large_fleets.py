"""Many robots ask for floor at once: no tick takes long for it, and none is forgotten."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from control_site import run_of, site, until_ended

from robot_fleet.control import dispatch, state
from robot_fleet.control.state import FleetState
from robot_fleet.fleet.entities import Robot
from robot_fleet.fleet.states import RunState
from robot_fleet.sim.site import VirtualSite
from robot_fleet.storage.store_folder import load_store

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Counter[tuple[float, str]]:
    """How often each robot asked for floor at each time, where one robot may ask at a tick."""
    found: Counter[tuple[float, str]] = Counter()
    granted = dispatch._release

    def release(fleet: state.FleetState, run: object, robot: Robot, itinerary: object) -> None:
        found[fleet.now_s, robot.name] += 1
        granted(fleet, run, robot, itinerary)  # type: ignore[arg-type]

    monkeypatch.setattr(dispatch, "_release", release)
    monkeypatch.setattr(state, "MOST_ASKING", 1)
    return found


def test_robots_ask_in_turn_and_all_of_them_clean(asked: Counter[tuple[float, str]]) -> None:
    made: VirtualSite = site()
    made.controller.start_run((), "")
    made.advance(30.0)
    at_a_time = Counter(at_s for at_s, _ in asked.elements())
    assert max(at_a_time.values()) == 1
    assert {name for _, name in asked} == {"r1", "r2"}
    assert until_ended(made).state is RunState.COMPLETED
    assert run_of(made).progress > 0.8  # as much as the plan by hand cleans


def test_where_all_ask_at_every_tick_each_is_heard_as_often_as_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "MOST_ASKING", 3)
    fleet = FleetState(load_store(ROOT / "maps" / "supermarket", robots=8), site().clock)
    heard: Counter[str] = Counter()
    for tick in range(80):
        fleet.now_s = 0.2 * tick
        heard.update(robot.name for robot in fleet.in_turn(list(fleet.robots.values())) if fleet.may_ask(robot.name))
    assert set(heard.values()) == {30}
