"""The log says what was stored, with the ids of run, robot and leg, and nothing that was not stored."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator, Sequence

import pytest
from control_site import run_of, site, until_ended

from robot_fleet.cli.log import log_formatter
from robot_fleet.control.ports import CannotStore, Record
from robot_fleet.main.journal_log import ToldRunStore
from robot_fleet.sim.site import VirtualSite

LOGGER = logging.getLogger("robot_fleet.journal")


class Said:
    """Everything that the journal's log says, each line as an object."""

    def __init__(self) -> None:
        self._out = io.StringIO()
        self.handler = logging.StreamHandler(self._out)
        self.handler.setFormatter(log_formatter(as_json=True))

    def lines(self) -> list[dict[str, str]]:
        return [json.loads(line) for line in self._out.getvalue().splitlines()]


@pytest.fixture
def said() -> Iterator[Said]:
    made = Said()
    LOGGER.addHandler(made.handler)
    LOGGER.setLevel(logging.DEBUG)
    yield made
    LOGGER.removeHandler(made.handler)
    LOGGER.setLevel(logging.NOTSET)


class FullDisk:
    """A RunStore that takes nothing."""

    def commit(self, event: str, records: Sequence[Record]) -> None:
        raise CannotStore("the disk is full")


def told() -> VirtualSite:
    """The hall with two robots, whose journal is said."""
    made = site()
    made.run_store = ToldRunStore(made.run_store)  # type: ignore[assignment]
    made.restart_controller()
    made.advance(3.0)
    return made


def test_every_leg_is_said_with_run_robot_and_leg(said: Said) -> None:
    made = told()
    run = made.controller.start_run((), "")
    made.advance(60.0)
    sent = [line for line in said.lines() if line["message"].startswith("leg sent")]
    assert {line["robot"] for line in sent} == {"r1", "r2"}
    assert {line["run"] for line in sent} == {run.run_id}
    assert all(line["leg"].startswith(run.run_id) and line["leg"].endswith(line["robot"]) for line in sent)
    assert {line["level"] for line in sent} == {"DEBUG"}


def test_a_run_is_followed_from_its_start_to_its_end_without_asking_for_everything(said: Said) -> None:
    made = told()
    run = made.controller.start_run((), "")
    until_ended(made)
    usual = [line for line in said.lines() if line["level"] != "DEBUG" and line.get("run") == run.run_id]
    messages = [line["message"] for line in usual]
    assert messages[0].startswith(("run started", "plan asked"))
    assert messages[-1].startswith("run ended")
    assert run_of(made).state.value in messages[-1]
    # A few lines for a run of ten minutes, not one for each leg and second.
    assert len(usual) < 20


def test_an_alert_is_a_warning_that_names_its_robot(said: Said) -> None:
    made = told()
    made.controller.start_run((), "")
    made.advance(30.0)
    made.world.robots["r2"].press_e_stop(made.world.now_s)
    made.advance(30.0)
    (alert,) = [line for line in said.lines() if line["message"].startswith("alert: r2 is held")]
    assert (alert["level"], alert["robot"]) == ("WARNING", "r2")


def test_what_could_not_be_stored_is_not_said(said: Said) -> None:
    with pytest.raises(CannotStore):
        ToldRunStore(FullDisk()).commit('[{"event": "run started", "at_s": 1.0}]', [])  # type: ignore[arg-type]
    assert said.lines() == []


def test_a_line_of_text_ends_with_its_ids() -> None:
    record = logging.LogRecord("robot_fleet.journal", logging.INFO, "", 0, "leg sent (kind clean)", (), None)
    record.ids = {"run": "3f2a", "robot": "robot_1"}
    assert log_formatter(as_json=False).format(record).endswith("INFO     leg sent (kind clean) run=3f2a robot=robot_1")
