"""Real drivers on virtual time: robots, planner, clock and storage behind the controller's ports, without a wait."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from robot_fleet.control.ports import Record
from robot_fleet.fleet.commands import Command
from robot_fleet.fleet.events import Event, PlanFailed, Planned
from robot_fleet.planning.plan import CannotPlan, Plan, PlanRequest
from robot_fleet.sim.world import World

MIDNIGHT_S = 1_800_000_000.0
"""What the wall shows (seconds since 1970) when the virtual clock shows 0."""


class VirtualClock:
    """The world's time as the store's clock."""

    def __init__(self, world: World) -> None:
        self._world = world

    def now_s(self) -> float:
        """Seconds of the world."""
        return self._world.now_s

    def wall_s(self) -> float:
        """The same as a time of day."""
        return MIDNIGHT_S + self._world.now_s

    def steady_s(self) -> float:
        """Seconds of the world."""
        return self._world.now_s


class VirtualDriver:
    """Passes commands on to the robots of a world, `delay_s` later."""

    def __init__(self, world: World, delay_s: float = 0.0) -> None:
        self._world = world
        self._delay_s = delay_s
        self._under_way: deque[tuple[float, Command]] = deque()

    def send(self, command: Command) -> None:
        """Puts the command on its way."""
        self._under_way.append((self._world.now_s + self._delay_s, command))

    def deliver(self) -> None:
        """Hands over the commands that have arrived by now."""
        while self._under_way and self._under_way[0][0] <= self._world.now_s + 1e-9:
            self._world.command(self._under_way.popleft()[1])

    def forget(self) -> None:
        """Drops what has not arrived: the process that sent it is gone."""
        self._under_way.clear()


class VirtualPlanner:
    """Plans at once and answers `delay_s` of virtual time later."""

    def __init__(self, world: World, plan: Callable[[PlanRequest], Plan], delay_s: float = 1.0) -> None:
        self._world = world
        self._plan = plan
        self._delay_s = delay_s
        self._ready: deque[tuple[float, Planned | PlanFailed]] = deque()

    def plan(self, run_id: str, epoch: int, request: PlanRequest) -> None:
        """Works the plan out and keeps it until it is due."""
        self._ready.append((self._world.now_s + self._delay_s, self._answer(run_id, epoch, request)))

    def answers(self) -> list[Event]:
        """The answers that are due by now."""
        due: list[Event] = []
        while self._ready and self._ready[0][0] <= self._world.now_s + 1e-9:
            due.append(self._ready.popleft()[1])
        return due

    def forget(self) -> None:
        """Drops what has not been answered: the process that asked is gone."""
        self._ready.clear()

    def _answer(self, run_id: str, epoch: int, request: PlanRequest) -> Planned | PlanFailed:
        try:
            return Planned(run_id, epoch, self._plan(request))
        except CannotPlan as reason:
            return PlanFailed(run_id, epoch, str(reason))


class MemoryRunStore:
    """A RunStore that outlives its controllers, but not the process."""

    def __init__(self) -> None:
        self.journal: list[str] = []
        self._rows: dict[str, dict[str, bytes]] = {}

    def commit(self, event: str, records: Sequence[Record]) -> None:
        """Writes the journal line and the rows."""
        self.journal.append(event)
        for record in records:
            rows = self._rows.setdefault(record.kind, {})
            if record.body is None:
                rows.pop(record.key, None)
            else:
                rows[record.key] = record.body

    def load(self, kind: str, prefix: str = "") -> dict[str, bytes]:
        """The rows of a kind by key, those whose key begins with `prefix`."""
        return {key: body for key, body in self._rows.get(kind, {}).items() if key.startswith(prefix)}

    def forget(self, kind: str, prefix: str, most: int) -> int:
        """Deletes some rows."""
        gone = list(self.load(kind, prefix))[:most]
        for key in gone:
            del self._rows[kind][key]
        return len(gone)

    def trim_journal(self, before_s: float, after: int, most: int) -> int:
        """Keeps all lines."""
        return 0

    def close(self) -> None:
        """Does nothing."""
