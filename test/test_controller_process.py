"""The controller's process when another one has taken its database: it ends, and orders nothing. By a bug it ends with a stop."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from control_site import hall

from robot_fleet.control.ports import Displaced
from robot_fleet.control.snapshot import RobotView
from robot_fleet.fleet.commands import CancelAll, all_off
from robot_fleet.fleet.errors import Unavailable
from robot_fleet.fleet.events import HoldReported
from robot_fleet.fleet.states import RobotState
from robot_fleet.main.last_pieces import AFTER_S, LastPieces


class Recorder:
    """A driver, a run store, or a controller that was displaced."""

    name = "postgresql://h/shop"

    def __init__(self) -> None:
        self.sent: list[object] = []

    def send(self, command: object) -> None:
        self.sent.append(command)

    def handle(self, event: object) -> None:
        raise Displaced("database postgresql://h/shop: another process has taken it over")

    def confirm_ours(self) -> None:
        """A database that was taken over, as its last answer told."""

    def fall_silent(self) -> None:
        self.sent.append("nothing more")

    def stop_run(self, run_id: str) -> None:
        self.handle(run_id)

    def wind_up(self) -> None:
        self.sent.append("wind up")


@pytest.fixture
def fleet(require: Callable[[str, str], None]) -> Any:
    require("rclpy", "the controller's process speaks ROS 2: make setup brings it")
    from robot_fleet.main.controller_process import Settings, _Fleet

    made = _Fleet(Settings(store=None, address="", data=None), hall(), Recorder())  # type: ignore[arg-type]
    made._controller = made._driver = made._bridge = Recorder()  # type: ignore[assignment]
    made._ended, made.clock_s = asyncio.Event(), 0.0
    made._last_pieces = LastPieces(made._driver, ["r1", "r2"], lambda: made._hub.latest, lambda: made.clock_s)
    return made


def test_an_event_that_finds_another_writer_ends_the_process_without_a_word_to_robots(fleet: Any) -> None:
    fleet._take(HoldReported("r1", 0.0, ""))
    assert (fleet._exit_code, fleet._ended.is_set(), fleet._driver.sent) == (1, True, ["nothing more"])


def test_a_request_that_finds_another_writer_is_refused_and_ends_the_process(fleet: Any) -> None:
    with pytest.raises(Unavailable, match="has taken it over"):
        fleet.stop_run("a")
    assert (fleet._exit_code, fleet._ended.is_set(), fleet._driver.sent) == (1, True, ["nothing more"])
    with pytest.raises(Unavailable, match="going down"):
        fleet.pause_run("a")


def test_a_process_that_ends_orders_nothing_for_what_robots_say_meanwhile(
    fleet: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[object] = []
    monkeypatch.setattr(fleet._controller, "handle", heard.append)
    fleet._on_signal(signal.SIGINT)
    fleet._take(HoldReported("r1", 0.0, ""))
    assert heard == []


def test_at_sigterm_what_robots_say_still_counts_until_they_have_finished_and_a_second_one_ends_it_at_once(
    fleet: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[object] = []
    monkeypatch.setattr(fleet._controller, "handle", heard.append)
    view = RobotView("r1", RobotState.CLEANING, 1, None, None, False, True, "run", "leg", "", 0.0)
    fleet._hub.publish(replace(fleet._hub.latest, robots=(view,)))
    fleet._on_signal(signal.SIGTERM)
    fleet._take(HoldReported("r1", 0.0, ""))
    assert fleet._driver.sent == ["wind up"] and len(heard) == 1 and not fleet._ended.is_set()
    fleet._hub.publish(replace(fleet._hub.latest, robots=(replace(view, leg_id=""),)))
    fleet._take(HoldReported("r1", 0.0, ""))
    assert not fleet._ended.is_set() and set(all_off("r1")) < set(fleet._driver.sent)
    with pytest.raises(Unavailable, match="going down"):
        fleet.start_run((), "late")
    fleet.clock_s += AFTER_S
    fleet._take(HoldReported("r1", 0.0, ""))
    assert fleet._ended.is_set()
    fleet._ended.clear()
    fleet._on_signal(signal.SIGTERM)
    assert fleet._ended.is_set()


def test_a_bug_ends_the_process_and_tells_every_robot_to_stop(fleet: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(event: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(fleet._controller, "handle", fails)
    fleet._take(HoldReported("r1", 0.0, ""))
    assert fleet._exit_code and fleet._ended.is_set()
    stops = [CancelAll("r1"), CancelAll("r2")]
    assert fleet._driver.sent == [*stops, *all_off("r1"), *all_off("r2")]
