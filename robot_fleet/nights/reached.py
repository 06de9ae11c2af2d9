"""Which pairs of state and event a night reaches, by listening at the two automata."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from robot_fleet.fleet import entities
from robot_fleet.fleet.states import ROBOT_TABLE, RUN_TABLE, RobotEvent, RobotState, RunEvent, RunState

ALL_PAIRS = len(ROBOT_TABLE) + len(RUN_TABLE)


@contextmanager
def listening() -> Iterator[set[str]]:
    """The pairs that are reached while this lasts, as `robot: STATE x event` and `run: STATE x event`."""
    reached: set[str] = set()
    listened: Any = entities
    robot_before, run_before = listened.next_robot_state, listened.next_run_state

    def next_robot_state(state: RobotState, event: RobotEvent) -> RobotState:
        reached.add(f"robot: {state.value} x {event.value}")
        after: RobotState = robot_before(state, event)
        return after

    def next_run_state(state: RunState, event: RunEvent) -> RunState:
        reached.add(f"run: {state.value} x {event.value}")
        after: RunState = run_before(state, event)
        return after

    listened.next_robot_state, listened.next_run_state = next_robot_state, next_run_state
    try:
        yield reached
    finally:
        listened.next_robot_state, listened.next_run_state = robot_before, run_before
