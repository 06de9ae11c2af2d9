"""The controller's other ports as they fare in a night: storage that refuses, a planner in haste, a clock that jumps.

Each call of a port is a step before and after which the process may die.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from robot_fleet.control.ports import CannotStore, Record, RobotDriver, RunStore
from robot_fleet.fleet.commands import Command
from robot_fleet.fleet.events import PlanFailed
from robot_fleet.nights.faults import Fault
from robot_fleet.planning.plan import PlanRequest
from robot_fleet.sim.virtual import MIDNIGHT_S, VirtualPlanner
from robot_fleet.sim.world import World

_GATHERED = 50


class Crash(BaseException):
    """The controller's process dies here and now; no exception that it could catch."""


class Fuse:
    """Counts steps down; once lit, the process dies `steps` steps later."""

    def __init__(self) -> None:
        self._left: int | None = None

    def light(self, steps: int) -> None:
        """So many steps are left."""
        self._left = steps

    def put_out(self) -> None:
        """It is over."""
        self._left = None

    @contextmanager
    def spared(self) -> Iterator[None]:
        """What is done meanwhile is done by somebody else, who only looks."""
        left, self._left = self._left, None
        try:
            yield
        finally:
            self._left = left

    def burn(self) -> None:
        """A step; Crash when it was the last one."""
        if self._left is not None:
            self._left -= 1
            if self._left < 0:
                self._left = None
                raise Crash


class FusedDriver:
    """The driver, in a process that may die between any two commands; `seen` is told of each command that left."""

    def __init__(self, driver: RobotDriver, fuse: Fuse, seen: Callable[[Command], None]) -> None:
        self._driver, self._fuse, self._seen = driver, fuse, seen

    def send(self, command: Command) -> None:
        """Passes the command on."""
        self._fuse.burn()
        self._seen(command)
        self._driver.send(command)


class FusedPlanner:
    """The planner, which fails while it is told to."""

    def __init__(self, planner: VirtualPlanner, fuse: Fuse, fails: Callable[[], bool]) -> None:
        self._planner, self._fuse, self._fails = planner, fuse, fails
        self.failed: list[PlanFailed] = []

    def plan(self, run_id: str, epoch: int, request: PlanRequest) -> None:
        """Has it planned, or not."""
        self._fuse.burn()
        if self._fails():
            self.failed.append(PlanFailed(run_id, epoch, "the planning process died"))
        else:
            self._planner.plan(run_id, epoch, request)


class FailingStore:
    """A RunStore whose disk is full at times; `commit_fails` refuses one commit."""

    def __init__(self, store: RunStore, fuse: Fuse, is_full: Callable[[], bool]) -> None:
        self._store, self._fuse, self._is_full = store, fuse, is_full
        self.refuses_next = Fuse()

    def commit(self, event: str, records: Sequence[Record]) -> None:
        """Writes, unless it cannot."""
        self._fuse.burn()
        try:
            self.refuses_next.burn()
        except Crash:
            raise CannotStore("the disk did not answer") from None
        if self._is_full():
            raise CannotStore("database or disk is full")
        self._store.commit(event, records)
        self._fuse.burn()

    def load(self, kind: str, prefix: str = "") -> dict[str, bytes]:
        """Reads; the process may die of it."""
        self._fuse.burn()
        return self._store.load(kind, prefix)

    def forget(self, kind: str, prefix: str, most: int) -> int:
        """Deletes some rows."""
        return self._store.forget(kind, prefix, most)

    def trim_journal(self, before_s: float, after: int, most: int) -> int:
        """Deletes some lines."""
        return self._store.trim_journal(before_s, after, most)

    def close(self) -> None:
        """Lets go of the storage."""
        self._store.close()


class Gathering:
    """A RunStore that hands changes on to storage many at a time, as a disk does that has a memory of its own.

    A process that dies loses none of them: they are handed on when it lets go, and before rows of their kind are read.
    """

    def __init__(self, store: RunStore) -> None:
        self._store = store
        self._events: list[str] = []
        self._records: dict[tuple[str, str], Record] = {}

    def commit(self, event: str, records: Sequence[Record]) -> None:
        """Takes the change in."""
        self._events.append(event)
        self._records |= {(record.kind, record.key): record for record in records}
        if len(self._events) >= _GATHERED:
            self._hand_on()

    def load(self, kind: str, prefix: str = "") -> dict[str, bytes]:
        """Reads."""
        if any(kind == waiting for waiting, _ in self._records):
            self._hand_on()
        return self._store.load(kind, prefix)

    def close(self) -> None:
        """Hands all on, and lets go of the storage."""
        self._hand_on()
        self._store.close()

    def _hand_on(self) -> None:
        if self._events:
            self._store.commit("\n".join(self._events), list(self._records.values()))
            self._events, self._records = [], {}


class JumpingClock:
    """The world's time, on a wall clock that is set now and then."""

    def __init__(self, world: World, jumps: Sequence[Fault]) -> None:
        self._world = world
        self._jumps = [fault for fault in jumps if fault.kind == "clock jumps"]

    def now_s(self) -> float:
        """Seconds of the world."""
        return self._world.now_s

    def wall_s(self) -> float:
        """What the wall shows, off by all jumps until now."""
        now_s = self._world.now_s
        return MIDNIGHT_S + now_s + sum(fault.value for fault in self._jumps if fault.at_s <= now_s)

    def steady_s(self) -> float:
        """Seconds of the world."""
        return self._world.now_s
