"""Refusals: what is wrong, where, and what to do.

FleetError
├── InvalidInput        the request or the store folder has faults; each is listed
├── NotFound            no such run, robot, zone or store
├── AlreadyExists       the request_id was used for another request
├── WrongState          not possible in the present state
└── Unavailable         not possible for now; try again
"""

from __future__ import annotations

from robot_fleet.floor.faults import Fault


class FleetError(Exception):
    """A refusal. `reason` is a stable UPPER_SNAKE word for programs, the text is for people."""

    def __init__(self, reason: str, text: str, faults: tuple[Fault, ...] = ()) -> None:
        self.reason = reason
        self.faults = faults
        super().__init__(text)


class InvalidInput(FleetError):
    """The input has faults; all of them are listed in `faults`."""

    def __init__(self, reason: str, faults: tuple[Fault, ...]) -> None:
        super().__init__(reason, "\n".join(map(str, faults)), faults)


class NotFound(FleetError):
    """No such thing."""


class AlreadyExists(FleetError):
    """The name is taken by something else."""


class WrongState(FleetError):
    """Not possible in the present state."""


class Unavailable(FleetError):
    """Not possible for now."""
