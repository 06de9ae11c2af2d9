"""What a request to start must satisfy. Every fault of a request is found in one go; nothing is changed here."""

from __future__ import annotations

from robot_fleet.control.state import FleetState
from robot_fleet.fleet.entities import CleaningRun
from robot_fleet.fleet.errors import AlreadyExists, InvalidInput, Unavailable, WrongState
from robot_fleet.floor.faults import Fault


def check_request(
    state: FleetState, zones: tuple[str, ...], request_id: str, robots: tuple[str, ...]
) -> CleaningRun | None:
    """The run that this request_id has started already, or None for a new and acceptable request."""
    known = next((run for run in state.runs.values() if request_id and run.request_id == request_id), None)
    if known:
        if (known.asked_zones, known.asked_robots) != (zones, robots):
            raise AlreadyExists("REQUEST_ID_REUSED", f"request_id '{request_id}' has started another run, {known.run_id}; "
                                "use a new one for another request")  # fmt: skip
        return known
    faults = _unknown(state, zones, robots)
    if faults:
        raise InvalidInput("INVALID_REQUEST", faults)
    if state.active:
        raise WrongState("RUN_ACTIVE", f"Run {state.active.run_id} is {state.active.state.value}; stop it first")
    if not any(state.robots[name].is_equipped for name in robots or state.robots):
        states = ", ".join(f"{name} is {_why_not(state, name)}" for name in robots or state.robots)
        raise Unavailable(
            "NO_ROBOT", f"No robot takes orders now: {states}. See ListRobots; try again in a few seconds"
        )
    return None


def _unknown(state: FleetState, zones: tuple[str, ...], robots: tuple[str, ...]) -> tuple[Fault, ...]:
    known_zones = [zone.name for zone in state.store.floor.zones]
    return (
        *_wrong_names("zones", zones, known_zones, "zone"),
        *_wrong_names("robots", robots, list(state.robots), "robot"),
    )


def _wrong_names(field: str, names: tuple[str, ...], known: list[str], noun: str) -> list[Fault]:
    faults = [
        Fault(field, f"[{index}]", f"there is no {noun} named '{name[:80]}'", f"Use one of: {', '.join(known)}")
        for index, name in enumerate(names)
        if name not in known
    ]
    twice = sorted({name for name in names if names.count(name) > 1})
    return faults + [Fault(field, "", f"'{name[:80]}' is named twice", "Name it once") for name in twice]


def _why_not(state: FleetState, name: str) -> str:
    robot = state.robots[name]
    if robot.hold:
        return f"held ({robot.hold})"
    if robot.pose_refused:
        return f"not believed ({robot.pose_refused})"
    if robot.pose is None:
        return "not heard yet"
    if robot.missing:
        return f"not equipped ({robot.missing})"
    return "not yet rid of earlier orders" if robot.cancel_due else robot.state.value.lower()
