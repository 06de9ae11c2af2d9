"""A store in a night: the real controller on real storage, over a bad link, in a world in which things go wrong.

The controller's process may die between any two calls of its ports, and is started again on what storage has. Through outages of
storage it lasts as `serve` does.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from robot_fleet.control.controller import Controller
from robot_fleet.control.outages import LastingController
from robot_fleet.fleet.commands import CancelAll, Command
from robot_fleet.fleet.errors import FleetError, Unavailable
from robot_fleet.fleet.events import Event, PlanFailed, Tick
from robot_fleet.floor.store import Store
from robot_fleet.nights.faults import KINDS, LINK, ROBOT, Fault
from robot_fleet.nights.link import Link
from robot_fleet.nights.ports import Crash, FailingStore, Fuse, FusedDriver, FusedPlanner, Gathering, JumpingClock
from robot_fleet.nights.world import TroubledWorld
from robot_fleet.planning.plan import Plan, PlanRequest
from robot_fleet.sim.realism import Realism
from robot_fleet.sim.virtual import VirtualPlanner
from robot_fleet.storage.database import SqlRunStore

# What it says of outages is for people who run one fleet.
logging.getLogger(LastingController.__module__).addHandler(logging.NullHandler())

TICK_S = 0.2
# Once nobody has moved for a while, time passes in longer steps.
_RESTED_S, _REST_STEP_S = 3.0, 0.6

RESTART_S = 3.0
"""How long it takes until a process that has ended of itself is there again."""


@dataclass(frozen=True)
class Bug:
    """What the controller should not have raised."""

    at_s: float
    text: str


@dataclass(frozen=True)
class Circumstances:
    """What a site is made of. `plan` answers the planner's requests `planning_s` later; `folder` holds the database."""

    store: Store
    faults: tuple[Fault, ...]
    seed: int
    plan: Callable[[PlanRequest], Plan]
    folder: Path
    realism: Realism
    step_s: float = TICK_S
    planning_s: float = 3.0


@dataclass
class Process:
    """The controller's process: it is there, or it is started at `starts_s`."""

    controller: LastingController | None = None
    storage: Gathering | None = None
    starts_s: float = 0.0
    down_s: float = RESTART_S
    backlog: list[Event] = field(default_factory=list)


class NightSite:
    """Lets time pass by `step`; requests go through `ask`. `commanded` is told of every command that leaves.

    `unplanned` are the runs for which the planner has answered that it has no plan; `ailing` is what ails each robot or
    its link at some time.
    """

    def __init__(self, about: Circumstances, commanded: Callable[[Command], None]) -> None:
        self.about = about
        self.world = TroubledWorld(about.store, about.realism, about.seed, about.faults)
        self.clock = JumpingClock(self.world, about.faults)
        self.link = Link(self.world, about.faults, about.seed, about.realism.command_delay_s)
        self.fuse = Fuse()
        self.bugs: list[Bug] = []
        self.restarts = 0
        self.unplanned: set[str] = set()
        self._driver = FusedDriver(self.link, self.fuse, commanded)
        self._virtual = VirtualPlanner(self.world, about.plan, about.planning_s)
        self._planner = FusedPlanner(self._virtual, self.fuse, lambda: self.goes_on("plan fails"))
        self._process = Process()
        self._store: FailingStore | None = None
        self._next_tick_s = 0.0
        self._moved_s = 0.0
        self._faults: dict[str, list[Fault]] = {}
        for fault in about.faults:
            self._faults.setdefault(fault.kind, []).append(fault)
        of_robots = [fault for fault in about.faults if KINDS[fault.kind].group in (ROBOT, LINK)]
        self.ailing = {
            spec.name: [fault for fault in of_robots if fault.robot in ("", spec.name)] for spec in about.store.robots
        }

    @property
    def controller(self) -> Controller | None:
        """The controller, when its process is there and storage does not refuse."""
        if self._process.controller is None:
            return None
        try:
            return self._process.controller.ask(lambda controller: controller)
        except Unavailable:
            return None

    @property
    def now_s(self) -> float:
        """Seconds of the night."""
        return self.world.now_s

    def goes_on(self, kind: str) -> bool:
        """Whether a fault of that kind goes on now."""
        return any(fault.lasts(self.now_s) for fault in self._faults.get(kind, ()))

    def step(self) -> None:
        """Lets a step of time pass."""
        if self._process.controller is None and self.now_s >= self._process.starts_s:
            self._guarded(self._begin)
        self.link.deliver()
        self.link.take(self.world.step(self._step_s()))
        for event in (*self.link.arrived(), *self._planner_says()):
            self._hand_over(event)
        if self.now_s >= self._next_tick_s - 1e-9:
            self._next_tick_s = self.now_s + TICK_S
            self._tick()

    def _step_s(self) -> float:
        """While everybody charges or waits for long, nothing needs to be looked at so often."""
        if not all(robot.motion.at_rest for robot in self.world.robots.values()):
            self._moved_s = self.now_s
        return self.about.step_s if self.now_s - self._moved_s < _RESTED_S else _REST_STEP_S

    def ask(self, request: Callable[[LastingController], None]) -> bool:
        """Whether the request was answered. FleetError is an answer too, and is passed on."""
        controller = self._process.controller
        if controller is None or self.goes_on("asleep"):
            return False
        return self._guarded(lambda: request(controller))

    def crash_in(self, steps: int, down_s: float) -> None:
        """The process dies so many steps from now, and is started again `down_s` later."""
        self._process.down_s = max(RESTART_S, down_s)
        self.fuse.light(steps)

    def refuse_commit_in(self, steps: int) -> None:
        """One commit fails, so many commits from now."""
        if self._store:
            self._store.refuses_next.light(steps)

    def close(self) -> None:
        """Ends the process."""
        if self._process.storage:
            self._process.storage.close()

    def _planner_says(self) -> list[Event]:
        failed, self._planner.failed = self._planner.failed, []
        answers = [*failed, *self._virtual.answers()]
        self.unplanned |= {answer.run_id for answer in answers if isinstance(answer, PlanFailed)}
        return answers

    def _hand_over(self, event: Event) -> None:
        process = self._process
        if process.controller is None:
            return
        if self.goes_on("asleep"):
            process.backlog.append(event)
            return
        controller = process.controller
        self._guarded(lambda: controller.handle(event))

    def _tick(self) -> None:
        """The tick comes first after a sleep: it finds everybody silent whose words wait behind it."""
        if self.goes_on("asleep"):
            return
        self._hand_over(Tick(self.now_s))
        backlog, self._process.backlog = self._process.backlog, []
        for event in backlog:
            self._hand_over(event)

    def _begin(self) -> None:
        about = self.about
        storage = self._process.storage = Gathering(SqlRunStore(about.folder / "night.db", self.clock.wall_s))
        self._store = FailingStore(storage, self.fuse, lambda: self.goes_on("disk full"))
        names = [spec.name for spec in about.store.robots]
        controller = LastingController(self._made, names, self._driver, self._store, self.clock)
        self._process.controller = controller

    def _made(self) -> Controller:
        assert self._store is not None
        return Controller(self.about.store, self._driver, self._planner, self._store, self.clock)

    def _guarded(self, act: Callable[[], None]) -> bool:
        """Does it; a bug or a crash ends the process."""
        try:
            act()
            return True
        except Crash:
            self._die(self._process.down_s)
        except FleetError:
            raise
        except Exception as bug:
            self.bugs.append(Bug(self.now_s, f"{type(bug).__name__}: {bug}"))
            self._give_up()
        return False

    def _give_up(self) -> None:
        """As the real process ends by a bug: everybody is told to stop."""
        self.fuse.put_out()
        for spec in self.about.store.robots:
            self.link.send(CancelAll(spec.name))
        self._die(RESTART_S)

    def _die(self, down_s: float) -> None:
        if self._process.storage:
            self._process.storage.close()
        self.restarts += 1
        self._virtual.forget()
        self._planner.failed.clear()
        self.link.forget()
        self._process = Process(starts_s=self.now_s + down_s)
