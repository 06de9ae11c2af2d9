"""The two state tables, gone through exhaustively."""

from __future__ import annotations

import itertools

import networkx as nx
import pytest

from robot_fleet.fleet.states import (
    ROBOT_TABLE,
    RUN_TABLE,
    IllegalEvent,
    RobotEvent,
    RobotState,
    RunEvent,
    RunState,
    next_robot_state,
    next_run_state,
)


@pytest.mark.parametrize(("state", "event"), list(itertools.product(RunState, RunEvent)))
def test_a_run_takes_exactly_the_events_of_its_table(state: RunState, event: RunEvent) -> None:
    if (state, event) in RUN_TABLE:
        assert next_run_state(state, event) is RUN_TABLE[state, event]
    else:
        with pytest.raises(IllegalEvent, match=f"{state.value}.*{event.value}"):
            next_run_state(state, event)


@pytest.mark.parametrize(("state", "event"), list(itertools.product(RobotState, RobotEvent)))
def test_a_robot_takes_exactly_the_events_of_its_table(state: RobotState, event: RobotEvent) -> None:
    if (state, event) in ROBOT_TABLE:
        assert next_robot_state(state, event) is ROBOT_TABLE[state, event]
    else:
        with pytest.raises(IllegalEvent, match=f"{state.value}.*{event.value}"):
            next_robot_state(state, event)


def test_an_ended_run_never_changes() -> None:
    assert not [pair for pair in RUN_TABLE if pair[0].is_terminal]


def test_a_stop_is_taken_in_every_state_that_has_not_ended_and_leads_only_to_cancelled() -> None:
    for state in RunState:
        if not state.is_terminal and state is not RunState.STOPPING:
            assert RUN_TABLE[state, RunEvent.STOP_ASKED] is RunState.STOPPING
    assert {after for (state, _), after in RUN_TABLE.items() if state is RunState.STOPPING} == {RunState.CANCELLED}


def test_every_run_state_is_reached_and_every_run_can_end() -> None:
    graph = nx.DiGraph((state, after) for (state, _), after in RUN_TABLE.items())
    assert set(nx.descendants(graph, RunState.PLANNING)) | {RunState.PLANNING} == set(RunState)
    for state in RunState:
        assert state.is_terminal or any(after.is_terminal for after in nx.descendants(graph, state))


def test_a_held_robot_is_released_by_a_persons_word_alone() -> None:
    ways_out = [
        event
        for (state, event), after in ROBOT_TABLE.items()
        if state is RobotState.HELD and after is not RobotState.HELD
    ]
    assert ways_out == [RobotEvent.ACKNOWLEDGED]


def test_a_hold_is_taken_in_every_state() -> None:
    assert all(ROBOT_TABLE[state, RobotEvent.HOLD_REPORTED] is RobotState.HELD for state in RobotState)


def test_neither_an_offline_nor_a_held_robot_is_sent_anywhere() -> None:
    orders = {RobotEvent.UNDOCK_SENT, RobotEvent.TRANSIT_SENT, RobotEvent.CLEAN_SENT, RobotEvent.DOCK_SENT}
    for state in (RobotState.OFFLINE, RobotState.HELD):
        assert not [event for event in orders if (state, event) in ROBOT_TABLE]


def test_every_robot_can_be_heard_fall_silent_and_be_held_in_every_state() -> None:
    always = (RobotEvent.HEARD, RobotEvent.WENT_SILENT, RobotEvent.HOLD_REPORTED, RobotEvent.RELEASED)
    missing = [(state, event) for state in RobotState for event in always if (state, event) not in ROBOT_TABLE]
    assert not missing
