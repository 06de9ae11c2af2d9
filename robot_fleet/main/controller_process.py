"""The process of `robot-fleet serve`: the controller with its edges, joined, started, stopped."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from shapely import Polygon

from robot_fleet import __version__
from robot_fleet.api.metrics import Metrics
from robot_fleet.api.server import ApiServer, check_free
from robot_fleet.api.services import FleetService
from robot_fleet.control.activity import Activity
from robot_fleet.control.controller import Controller
from robot_fleet.control.hub import SnapshotHub
from robot_fleet.control.outages import LastingController
from robot_fleet.control.planning_pool import PlanningPool
from robot_fleet.control.ports import Displaced
from robot_fleet.control.snapshot import ClosureView, RobotView, RunRecord, RunView
from robot_fleet.fleet.commands import CancelAll, all_off
from robot_fleet.fleet.errors import FleetError, InvalidInput, Unavailable
from robot_fleet.fleet.events import Event, Tick
from robot_fleet.fleet.states import RunState
from robot_fleet.floor.faults import Fault
from robot_fleet.floor.store import Store
from robot_fleet.main.data_folder import check_data_folder, default_data_folder, open_run_store
from robot_fleet.main.journal_log import ToldRunStore
from robot_fleet.main.last_pieces import LastPieces
from robot_fleet.main.sole_driver import SoleDriver
from robot_fleet.ros.bridge import RosBridge
from robot_fleet.ros.clock import RosClock
from robot_fleet.ros.diagnostics import Diagnostics
from robot_fleet.ros.driver import NavDriver
from robot_fleet.ros.lifecycle import ManagedNode
from robot_fleet.ros.visuals import Visuals
from robot_fleet.storage.database import SqlRunStore
from robot_fleet.storage.store_folder import load_store

_log = logging.getLogger("robot_fleet")
BUG_EXIT = 70
DISPLACED_EXIT = 1
_TICK_S = 0.2
_CLOCK_NOTE_S = 5.0
_TRANSITION_S = 30.0
# The ROS thread keeps the interpreter for so long from who answers a call, who lets it go at each call of gRPC's.
_SWITCH_S = 0.0005

Result = TypeVar("Result")


@dataclass(frozen=True)
class Settings:
    """What `robot-fleet serve` was asked for. `robots` limits or extends the store's fleet (see load_store).

    Runs are kept in the `database` (see SqlRunStore) if one is named, else in the data folder, for `keep_days`.
    A run's first plan is to be there within `plan_within_s` seconds, if that can be; None: it takes its time. `metrics` is where
    Prometheus reads, if anywhere. One that is `managed` waits for a lifecycle manager before robots may work.
    """

    store: Path
    address: str
    data: Path | None = None
    sim_time: bool = False
    robots: int | None = None
    plan_within_s: float | None = None
    metrics: str | None = None
    managed: bool = False
    database: str = ""
    keep_days: float | None = None


def serve(settings: Settings) -> int:
    """Runs the controller until it is told to stop, and returns the exit code.

    Raises a FleetError with every fault of the store folder, or when the address or the data folder cannot be used.
    """
    folder = settings.data or default_data_folder(settings.store.resolve().name)
    store = _checked(settings, folder)
    run_store = SqlRunStore(settings.database) if settings.database else open_run_store(folder)
    sys.setswitchinterval(_SWITCH_S)
    try:
        return asyncio.run(_Fleet(settings, store, run_store).run())
    finally:
        run_store.close()


def _checked(settings: Settings, folder: Path) -> Store:
    """The store. Raises a FleetError with the faults of store, address and data folder together, before any is used."""
    stores: list[Store] = []
    refusals: list[FleetError] = []
    for check in (
        lambda: stores.append(load_store(settings.store, settings.robots)),
        lambda: check_free(settings.address),
        lambda: check_free(settings.metrics, "--metrics") if settings.metrics else None,
        lambda: _check_database(settings.database) if settings.database else check_data_folder(folder),
    ):
        try:
            check()
        except FleetError as refusal:
            refusals.append(refusal)
    if len(refusals) == 1:
        raise refusals[0]
    if refusals:
        raise InvalidInput("BAD_SETTINGS", tuple(fault for refusal in refusals for fault in _faults(refusal)))
    return stores[0]


def _check_database(database: str) -> None:
    SqlRunStore(database, migrate=False).close()


def _faults(refusal: FleetError) -> tuple[Fault, ...]:
    text, _, remedy = str(refusal).partition(". ")
    return refusal.faults or (Fault("--data", "", text, remedy),)


class _Fleet:
    """One controller process, put together. A bug anywhere ends it: goals are cancelled, and a restart resumes."""

    def __init__(self, settings: Settings, store: Store, run_store: SqlRunStore) -> None:
        self._settings = settings
        self._store = store
        self._run_store = ToldRunStore(run_store)
        self._database, self._confirm_ours = run_store.name, run_store.confirm_ours
        self._hub = SnapshotHub()
        self._early: deque[Event] = deque(maxlen=10_000)
        self._controller: LastingController | None = None
        self._exit_code = 0
        self._was_told = False
        self._planning_since_s = 0.0
        self._activity = Activity(is_active=not settings.managed)
        self._metrics = Metrics(lambda: self._hub.latest, store.floor.name, __version__)

    async def run(self) -> int:
        """Starts everything, serves until a signal or a bug, and stops everything."""
        self._ended = asyncio.Event()
        self._activated = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._on_signal, number)
        service = FleetService(self._store, self, self._hub)
        server = ApiServer(service, self._hub, self._on_api_bug, self._metrics.rpc_took)
        port = server.bind(self._settings.address)
        managed = self._settings.managed
        bridge = RosBridge(make_node=lambda name, context: ManagedNode(name, context, self._on_transition, managed))
        self._bridge = bridge
        self._clock = RosClock(bridge, self._settings.sim_time)
        self._driver = NavDriver(bridge, self._store.robots, self._clock, self._store.floor)
        self._sole_driver = SoleDriver(self._driver, self._confirm_ours)
        names = [robot.name for robot in self._store.robots]
        self._last_pieces = LastPieces(self._sole_driver, names, lambda: self._hub.latest, time.monotonic)
        self._visuals = Visuals(bridge, self._store.floor)
        self._diagnostics = Diagnostics(bridge, self._store.floor.name)
        self._planner = PlanningPool(self._take)
        pages = self._metrics.serve(self._settings.metrics) if self._settings.metrics else None
        try:
            bridge.start(loop, self._take, self._on_bug)
            if not managed:
                bridge.to_ros(bridge.node.begin_active)
            self._greet(port)
            if await self._clock_is_ready():
                await self._activation()
                self._begin()
                await server.start()
                await self._tick_until_ended()
        except Displaced as taken:  # while it waited for the clock
            self._on_displaced(taken)
        finally:
            await server.close()
            self._planner.close()
            if pages:
                pages.close()
            await loop.run_in_executor(None, bridge.stop)
        _log.info("stopped%s", "" if not self._exit_code else "; start again to resume")
        return self._exit_code

    def start_run(self, zones: tuple[str, ...], request_id: str, robots: tuple[str, ...] = ()) -> RunView:
        """See Controller; so are the others. What is no refusal is a bug."""
        self._check_begins()
        return self._asked(lambda controller: controller.start_run(zones, request_id, robots))

    def stop_run(self, run_id: str) -> RunView:
        return self._guarded(lambda lasting: lasting.stop_run(run_id))

    def pause_run(self, run_id: str) -> RunView:
        self._activity.person_paused(run_id)
        return self._asked(lambda controller: controller.pause_run(run_id))

    def resume_run(self, run_id: str) -> RunView:
        self._check_begins()
        return self._asked(lambda controller: controller.resume_run(run_id))

    def acknowledge(self, robot: str, who: str) -> RobotView:
        return self._asked(lambda controller: controller.acknowledge(robot, who))

    def close_floor(self, name: str, polygon: Polygon, lasts_s: float | None = None) -> ClosureView:
        return self._asked(lambda controller: controller.close_floor(name, polygon, lasts_s))

    def open_floor(self, name: str) -> None:
        self._asked(lambda controller: controller.open_floor(name))

    def record(self, run_id: str) -> RunRecord:
        return self._asked(lambda controller: controller.record(run_id))

    def _check_begins(self) -> None:
        """Unavailable while nothing is begun: it would be the next process that drives, whenever that is started."""
        self._activity.check()
        if self._last_pieces.has_begun:
            raise Unavailable("SHUTTING_DOWN", "the server is going down; try again shortly")

    def _asked(self, ask: Callable[[Controller], Result]) -> Result:
        return self._guarded(lambda lasting: lasting.ask(ask))

    def _guarded(self, ask: Callable[[LastingController], Result]) -> Result:
        assert self._controller is not None, "the API is served only while there is a controller"
        if self._exit_code:
            raise Unavailable("SHUTTING_DOWN", "the server is going down; try again shortly")
        try:
            return ask(self._controller)
        except FleetError:
            raise
        except Displaced as taken:
            self._on_displaced(taken)
            raise Unavailable("SHUTTING_DOWN", f"{taken}. Ask that one") from taken
        except Exception as bug:
            self._on_bug(bug)
            raise

    def _begin(self) -> None:
        names = [robot.name for robot in self._store.robots]
        publish = self._hub.publish
        self._controller = LastingController(
            self._made, names, self._sole_driver, self._run_store, self._clock, publish
        )
        publish(self._controller.snapshot)
        while self._early:
            self._take(self._early.popleft())

    def _made(self) -> Controller:
        return Controller(
            self._store, self._sole_driver, self._planner, self._run_store, self._clock, self._hub.publish,
            self._settings.plan_within_s, self._settings.keep_days,
        )  # fmt: skip

    def _take(self, event: Event) -> None:
        # Robots finish what they were given: nothing that follows from what they say now is for this process to order.
        if self._exit_code or self._ended.is_set():
            return
        if self._controller is None:
            self._early.append(event)
            return
        began_s = time.perf_counter()
        try:
            self._controller.handle(event)
            self._activity.look_after(self._controller)
            if self._last_pieces.are_over(event):
                self._ended.set()
        except Displaced as taken:
            self._on_displaced(taken)
        except Exception as bug:
            self._on_bug(bug)
        self._metrics.event_took(type(event).__name__, time.perf_counter() - began_s)
        if isinstance(event, Tick):
            self._show()
            self._confirm(event.at_s)

    def _show(self) -> None:
        """Lets RViz and the like see the fleet, if somebody looks; by our own clock, as people do."""
        now_s = time.monotonic()
        self._diagnostics.show(self._hub.latest, now_s)
        if self._controller is not None and self._visuals.wants(now_s) and (scene := self._controller.scene()):
            self._visuals.show(scene, now_s)

    def _confirm(self, at_s: float) -> None:
        """Tells a simulator that it may go on; while a run's first plan is made, nothing moves and its clock stands."""
        if any(run.state is RunState.PLANNING for run in self._hub.latest.runs):
            at_s = self._planning_since_s = self._planning_since_s or at_s
        else:
            self._planning_since_s = 0.0
        self._clock.confirm(at_s)

    async def _activation(self) -> None:
        """Lets a node that nobody manages become active first: to begin can keep this thread for a minute, while loops are
        compiled, and the transition would not wait for so long.
        """
        if not self._settings.managed:
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._activated.wait(), _TRANSITION_S)

    async def _clock_is_ready(self) -> bool:
        """True when the time is known; False when the process was told to end before."""
        ready = asyncio.ensure_future(self._clock.ready())
        ended = asyncio.ensure_future(self._ended.wait())
        while not (ready.done() or ended.done()):
            await asyncio.wait((ready, ended), timeout=_CLOCK_NOTE_S, return_when=asyncio.FIRST_COMPLETED)
            if not (ready.done() or ended.done()):
                _log.info("waiting for /clock: is `robot-fleet sim` running, with the same ROS_DOMAIN_ID?")
        ready.cancel()
        ended.cancel()
        return not self._ended.is_set()

    async def _tick_until_ended(self) -> None:
        _log.info("ready")
        self._clock.start_ticking()
        due_s = time.monotonic()
        while not self._ended.is_set():
            self._metrics.tick_was_late(time.monotonic() - due_s)
            self._take(Tick(self._clock.now_s()))
            due_s = time.monotonic() + _TICK_S
            try:
                await asyncio.wait_for(self._ended.wait(), _TICK_S)
            except asyncio.TimeoutError:
                continue

    def _on_signal(self, number: int) -> None:
        name = signal.Signals(number).name
        is_first, self._was_told = not self._was_told, True
        if number == signal.SIGTERM and is_first:
            _log.info("%s: stopping; robots finish the short piece that they were given", name)
            self._wind_up()
        else:
            _log.info("%s: stopping at once; robots finish the short piece that they were given", name)
            self._ended.set()

    def _wind_up(self) -> None:
        """Ends as soon as robots have finished their pieces; at once where none are to be waited for."""
        if self._controller is None:
            self._ended.set()
            return
        self._last_pieces.begin()
        self._controller.wind_up()

    def _on_transition(self, transition: str) -> None:
        """A lifecycle manager wants something; on the ROS thread."""
        self._bridge.ask_loop(lambda: self._carry_out(transition), _TRANSITION_S)

    def _carry_out(self, transition: str) -> None:
        _log.info("lifecycle: %s", transition)
        if transition == "shutdown":
            self._wind_up()
            return
        self._activity.change(transition == "activate")
        self._activated.set()
        if self._controller is not None:
            try:
                self._activity.look_after(self._controller)
            except Displaced as taken:
                self._on_displaced(taken)

    def _on_api_bug(self, method: str, error: Exception) -> None:
        # A fault in reading or converting leaves the controller sound; one inside it came through _guarded.
        _log.error("%s failed: %r", method, error)

    def _on_bug(self, bug: BaseException) -> None:
        """Stops everything. What the controller now holds in memory may differ from storage: it is not asked again."""
        if self._exit_code:
            return
        self._exit_code = BUG_EXIT
        _log.critical("a bug: every robot is told to stop, and this process ends", exc_info=bug)
        for robot in self._store.robots:
            self._driver.send(CancelAll(robot.name))
        for robot in self._store.robots:
            for command in all_off(robot.name):
                self._driver.send(command)
        self._ended.set()

    def _on_displaced(self, taken: Displaced) -> None:
        """Ends without a word to the robots, also of what still waits to be sent: they are the other controller's now."""
        if not self._exit_code:
            self._bridge.fall_silent()
            self._exit_code = DISPLACED_EXIT
            _log.critical("%s: this controller ends, and orders nothing any more", taken)
            self._ended.set()

    def _greet(self, port: int) -> None:
        rows, cols = self._store.floor.grid.shape
        side_m = self._store.floor.grid.resolution_m
        host = self._settings.address.rpartition(":")[0]
        robots = ", ".join(robot.name for robot in self._store.robots)
        zones = ", ".join(zone.name for zone in self._store.floor.zones)
        _log.info("robot_fleet %s", __version__)
        _log.info("store    %s: %.1f x %.1f m, zones %s", self._store.floor.name, cols * side_m, rows * side_m, zones)
        _log.info("robots   %s", robots)
        _log.info("database %s", self._database)
        _log.info("address  %s:%d", host, port)
        if self._settings.metrics:
            _log.info("metrics  http://%s/metrics", self._settings.metrics)
