"""A whole store on virtual time: a real controller, its drivers, and the world that they act upon."""

from __future__ import annotations

from collections.abc import Callable

from robot_fleet.control.controller import Controller
from robot_fleet.fleet.events import Event, Tick
from robot_fleet.floor.store import RobotSpec, Store
from robot_fleet.planning.plan import Plan, PlanRequest
from robot_fleet.sim.realism import PERFECT, Realism
from robot_fleet.sim.tracked import DrivenElsewhere
from robot_fleet.sim.virtual import MemoryRunStore, VirtualClock, VirtualDriver, VirtualPlanner
from robot_fleet.sim.world import STEP_S, World

TICK_S = 0.2


class VirtualSite:
    """The store with its controller; `advance` lets time pass. `watch` sees each event before the controller does.

    With `motions` the robots' bodies are somewhere else, and whoever has them moves them on between two steps.
    """

    def __init__(
        self,
        store: Store,
        plan: Callable[[PlanRequest], Plan],
        realism: Realism = PERFECT,
        seed: int = 0,
        step_s: float = STEP_S,
        planning_s: float = 1.0,
        watch: Callable[[Event], None] = lambda event: None,
        motions: Callable[[RobotSpec], DrivenElsewhere] | None = None,
    ) -> None:
        self.store = store
        self.world = World(store, realism, seed, motions=motions)
        self.clock = VirtualClock(self.world)
        self.driver = VirtualDriver(self.world, realism.command_delay_s)
        self.planner = VirtualPlanner(self.world, plan, planning_s)
        self.run_store = MemoryRunStore()
        self.step_s = step_s
        self._watch = watch
        self._next_tick_s = 0.0
        self._is_down = False
        self.controller = self._new_controller()

    def advance(self, seconds: float) -> None:
        """Lets so many seconds of virtual time pass."""
        end_s = self.world.now_s + seconds - 1e-9
        while self.world.now_s < end_s:
            self._step()

    def kill_controller(self) -> None:
        """The controller's process dies: what robots say is lost until it is started again."""
        self.planner.forget()
        self.driver.forget()
        self._is_down = True

    def restart_controller(self) -> None:
        """The controller's process dies, if it has not, and is started again on what storage has."""
        self.kill_controller()
        self._is_down = False
        self.controller = self._new_controller()
        self.controller.resume_from_storage()

    def _new_controller(self) -> Controller:
        return Controller(self.store, self.driver, self.planner, self.run_store, self.clock)

    def _step(self) -> None:
        self.driver.deliver()
        for event in self.world.step(self.step_s):
            self._hand_over(event)
        for event in self.planner.answers():
            self._hand_over(event)
        if self.world.now_s >= self._next_tick_s - 1e-9:
            self._next_tick_s = self.world.now_s + TICK_S
            self._hand_over(Tick(self.world.now_s))

    def _hand_over(self, event: Event) -> None:
        self._watch(event)
        if not self._is_down:
            self.controller.handle(event)
