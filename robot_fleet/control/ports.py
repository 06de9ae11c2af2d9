"""What the controller asks of the world. The virtual-time drivers and the real ones stand behind the same four ports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from robot_fleet.fleet.commands import Command
from robot_fleet.planning.plan import PlanRequest


class RobotDriver(Protocol):
    """Carries commands to robots. What robots answer and report comes back as events through `Controller.handle`."""

    def send(self, command: Command) -> None:
        """Passes the command on and returns at once; never raises for a robot that cannot be reached."""


class Planner(Protocol):
    """Plans somewhere else. The answer is a Planned or PlanFailed event with the same run_id and epoch."""

    def plan(self, run_id: str, epoch: int, request: PlanRequest) -> None:
        """Starts planning and returns at once."""


class Clock(Protocol):
    """The store's clock."""

    def now_s(self) -> float:
        """Seconds; never goes back. In simulation this is the simulator's time."""

    def wall_s(self) -> float:
        """Seconds since 1970 in UTC, for people."""

    def steady_s(self) -> float:
        """Seconds by a clock that nobody sets, from a moment of this process's own: for what is to last so long."""


@dataclass(frozen=True)
class Record:
    """One row to be written: `kind` (run, unplanned, robot, itinerary, coverage, track, closure, alert, probe), `key`,
    and the new `body`.

    None deletes it.
    """

    kind: str
    key: str
    body: bytes | None


class CannotStore(Exception):
    """The storage refused a change; nothing of it was written."""


class InDoubt(Exception):
    """The connection to the storage went in the middle of a change: only the storage knows whether it was written."""


class Displaced(Exception):
    """Another process writes to the storage now: whoever gets this must end, and order nothing any more."""


class RunStore(Protocol):
    """Keeps what must outlive the process. Everything may raise Displaced."""

    def commit(self, event: str, records: Sequence[Record]) -> None:
        """Writes the journal line `event` (JSON) and the rows in one transaction; CannotStore when it did not, or InDoubt."""

    def load(self, kind: str, prefix: str = "") -> dict[str, bytes]:
        """The rows of a kind by key: all, or those whose key begins with `prefix`."""

    def forget(self, kind: str, prefix: str, most: int) -> int:
        """Deletes at most so many rows of a kind whose keys begin with `prefix`; how many it were. CannotStore."""

    def trim_journal(self, before_s: float, after: int, most: int) -> int:
        """Deletes journal lines older than the wall clock's time `before_s`, among the next `most` after a version.

        The version to go on after, or 0 at the end. Lines that made a row so stay. CannotStore.
        """

    def close(self) -> None:
        """Releases the storage; nothing is lost without it."""
