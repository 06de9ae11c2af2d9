"""The two automata of the fleet, as literal tables.

Rules: a pair of state and event that is not in a table is an IllegalEvent, a bug of the caller and loud. Terminal run states
have no way out. A robot in HELD leaves it by a person's word alone, ACKNOWLEDGED, and by nothing else; while it is silent it
stays HELD. A robot is OFFLINE until it is first heard.
"""

from __future__ import annotations

import enum


class RunState(str, enum.Enum):
    """Where a cleaning run stands."""

    PLANNING = "PLANNING"
    RUNNING = "RUNNING"
    PAUSING = "PAUSING"
    PAUSED = "PAUSED"
    STOPPING = "STOPPING"
    CANCELLED = "CANCELLED"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"

    @property
    def is_terminal(self) -> bool:
        """Whether nothing can happen to the run any more."""
        return self in (RunState.CANCELLED, RunState.COMPLETED, RunState.FAILED)


class RunEvent(str, enum.Enum):
    """What can happen to a run."""

    PLANNED = "planned"
    PLAN_FAILED = "plan failed"
    PAUSE_ASKED = "pause asked"
    RESUME_ASKED = "resume asked"
    STOP_ASKED = "stop asked"
    ALL_AT_REST = "all at rest"
    WORK_ENDED = "work ended"
    NO_ROBOT_LEFT = "no robot left"


RUN_TABLE: dict[tuple[RunState, RunEvent], RunState] = {
    (RunState.PLANNING, RunEvent.PLANNED): RunState.RUNNING,
    (RunState.PLANNING, RunEvent.PLAN_FAILED): RunState.FAILED,
    (RunState.PLANNING, RunEvent.STOP_ASKED): RunState.STOPPING,
    (RunState.PLANNING, RunEvent.NO_ROBOT_LEFT): RunState.FAILED,
    (RunState.RUNNING, RunEvent.PLANNED): RunState.RUNNING,
    (RunState.RUNNING, RunEvent.PLAN_FAILED): RunState.RUNNING,
    (RunState.RUNNING, RunEvent.PAUSE_ASKED): RunState.PAUSING,
    (RunState.RUNNING, RunEvent.STOP_ASKED): RunState.STOPPING,
    (RunState.RUNNING, RunEvent.WORK_ENDED): RunState.COMPLETED,
    (RunState.RUNNING, RunEvent.NO_ROBOT_LEFT): RunState.FAILED,
    (RunState.PAUSING, RunEvent.PLANNED): RunState.PAUSING,
    (RunState.PAUSING, RunEvent.PLAN_FAILED): RunState.PAUSING,
    (RunState.PAUSING, RunEvent.RESUME_ASKED): RunState.RUNNING,
    (RunState.PAUSING, RunEvent.STOP_ASKED): RunState.STOPPING,
    (RunState.PAUSING, RunEvent.ALL_AT_REST): RunState.PAUSED,
    (RunState.PAUSED, RunEvent.PLANNED): RunState.PAUSED,
    (RunState.PAUSED, RunEvent.PLAN_FAILED): RunState.PAUSED,
    (RunState.PAUSED, RunEvent.RESUME_ASKED): RunState.RUNNING,
    (RunState.PAUSED, RunEvent.STOP_ASKED): RunState.STOPPING,
    (RunState.STOPPING, RunEvent.ALL_AT_REST): RunState.CANCELLED,
}


class RobotState(str, enum.Enum):
    """What a robot is doing, as far as the controller knows."""

    OFFLINE = "OFFLINE"
    IDLE = "IDLE"
    UNDOCKING = "UNDOCKING"
    MOVING = "MOVING"
    CLEANING = "CLEANING"
    WAITING = "WAITING"
    DOCKING = "DOCKING"
    CHARGING = "CHARGING"
    HELD = "HELD"


class RobotEvent(str, enum.Enum):
    """What can happen to a robot."""

    HEARD = "heard"
    HEARD_ON_DOCK = "heard on dock"
    WENT_SILENT = "went silent"
    UNDOCK_SENT = "undock sent"
    TRANSIT_SENT = "transit sent"
    CLEAN_SENT = "clean sent"
    DOCK_SENT = "dock sent"
    MUST_WAIT = "must wait"
    RELEASED = "released"
    DOCKED = "docked"
    HOLD_REPORTED = "hold reported"
    ACKNOWLEDGED = "acknowledged"


_S, _E = RobotState, RobotEvent
_AT_WORK = (_S.IDLE, _S.UNDOCKING, _S.MOVING, _S.CLEANING, _S.WAITING, _S.DOCKING, _S.CHARGING)
_ORDERS = {
    _E.UNDOCK_SENT: _S.UNDOCKING,
    _E.TRANSIT_SENT: _S.MOVING,
    _E.CLEAN_SENT: _S.CLEANING,
    _E.DOCK_SENT: _S.DOCKING,
    _E.MUST_WAIT: _S.WAITING,
}

ROBOT_TABLE: dict[tuple[RobotState, RobotEvent], RobotState] = {
    (_S.OFFLINE, _E.HEARD): _S.IDLE,
    (_S.OFFLINE, _E.HEARD_ON_DOCK): _S.CHARGING,
    (_S.OFFLINE, _E.WENT_SILENT): _S.OFFLINE,
    (_S.OFFLINE, _E.HOLD_REPORTED): _S.HELD,
    (_S.HELD, _E.HOLD_REPORTED): _S.HELD,
    (_S.HELD, _E.WENT_SILENT): _S.HELD,
    (_S.HELD, _E.HEARD): _S.HELD,
    (_S.HELD, _E.HEARD_ON_DOCK): _S.HELD,
    (_S.HELD, _E.RELEASED): _S.HELD,
    (_S.HELD, _E.ACKNOWLEDGED): _S.IDLE,
    (_S.OFFLINE, _E.RELEASED): _S.OFFLINE,
    # A result may overtake what else the robot says, or come after it.
    (_S.OFFLINE, _E.DOCKED): _S.OFFLINE,
    (_S.HELD, _E.DOCKED): _S.HELD,
    **{(state, _E.HEARD): state for state in _AT_WORK if state is not _S.CHARGING},
    (_S.CHARGING, _E.HEARD): _S.CHARGING,
    **{(state, _E.HEARD_ON_DOCK): state for state in _AT_WORK},
    **{(state, _E.WENT_SILENT): _S.OFFLINE for state in _AT_WORK},
    **{(state, _E.HOLD_REPORTED): _S.HELD for state in _AT_WORK},
    **{(state, _E.RELEASED): _S.IDLE for state in _AT_WORK if state is not _S.CHARGING},
    (_S.CHARGING, _E.RELEASED): _S.CHARGING,
    **{(state, _E.DOCKED): _S.CHARGING for state in _AT_WORK},
    **{(state, order): after for state in _AT_WORK for order, after in _ORDERS.items()},
}


class IllegalEvent(Exception):
    """An event that the table has no answer for in this state: a bug, never a mishap of the world."""


def next_run_state(state: RunState, event: RunEvent) -> RunState:
    """The run's state after the event; IllegalEvent when the table has no such pair."""
    try:
        return RUN_TABLE[state, event]
    except KeyError:
        raise IllegalEvent(f"a run in {state.value} cannot take '{event.value}'") from None


def next_robot_state(state: RobotState, event: RobotEvent) -> RobotState:
    """The robot's state after the event; IllegalEvent when the table has no such pair."""
    try:
        return ROBOT_TABLE[state, event]
    except KeyError:
        raise IllegalEvent(f"a robot in {state.value} cannot take '{event.value}'") from None
