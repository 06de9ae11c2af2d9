"""The controller: the one owner of what is known of robots and runs.

Requests and events come in one at a time, on one thread, and nothing here waits. Each is decided first, then written to
storage in one transaction, and only then do its commands go out and its snapshot become visible. Only a stop goes out at once.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping

from shapely import Polygon

from robot_fleet.control import closures, orders, rest, views
from robot_fleet.control.channels import look_after_channels
from robot_fleet.control.charging import look_after_battery, look_after_charge
from robot_fleet.control.dispatch import advance, keep_head_off
from robot_fleet.control.ending import Endings
from robot_fleet.control.escaping import look_for_trapped
from robot_fleet.control.homing import look_for_strays, see_home
from robot_fleet.control.intruders import brake_before_intruders
from robot_fleet.control.ports import CannotStore, Clock, Planner, RobotDriver, RunStore
from robot_fleet.control.records import Rows
from robot_fleet.control.requests import check_request
from robot_fleet.control.retention import Retention
from robot_fleet.control.robots import RobotReports
from robot_fleet.control.scene import Scene, scene_of
from robot_fleet.control.snapshot import ClosureView, RobotView, RunRecord, RunView, Snapshot
from robot_fleet.control.state import Effects, FleetState
from robot_fleet.control.ways_home import prepare_ways_home
from robot_fleet.control.yielding import ask_to_move
from robot_fleet.fleet.commands import SwitchHead
from robot_fleet.fleet.coverage import CoverageRecord
from robot_fleet.fleet.entities import CleaningRun, Robot
from robot_fleet.fleet.errors import NotFound, Unavailable, WrongState
from robot_fleet.fleet.events import (
    AllCancelled,
    BatteryReported,
    EquipmentReported,
    Event,
    HeadReported,
    HoldReported,
    LegEnded,
    PlanFailed,
    Planned,
    PlanProgressed,
    PoseRefused,
    PoseReported,
    Tick,
)
from robot_fleet.fleet.itinerary import Place
from robot_fleet.fleet.states import RobotEvent, RobotState, RunEvent, RunState
from robot_fleet.fleet.traffic import Traffic
from robot_fleet.floor.store import Store

CHECKPOINT_S = 1.0
"""How often progress and clean floor are written: what is lost by a kill -9 is cleaned twice."""
TRAPPED_LOOK_S = 5.0
"""How often it is looked whether a robot that does not move keeps others from their docks."""
_PUBLISH_S = 0.2


class Controller:
    """Starts, follows and ends cleaning runs. All methods must be called on one thread; they raise FleetError to refuse."""

    def __init__(
        self,
        store: Store,
        driver: RobotDriver,
        planner: Planner,
        run_store: RunStore,
        clock: Clock,
        on_change: Callable[[Snapshot], None] = lambda snapshot: None,
        plan_within_s: float | None = None,
        keep_days: float | None = None,
    ) -> None:
        self._driver = driver
        self._planner = planner
        self._on_change = on_change
        self._state = FleetState(store, clock, plan_within_s)
        self._state.now_s = clock.now_s()
        prepare_ways_home(self._state)
        self._rows = Rows(self._state, run_store)
        self._retention = Retention(self._state, run_store, keep_days)
        self._endings = Endings(self._state, self._rows)
        self._reports = RobotReports(self._state)
        self._checkpoint_s = self._trapped_s = self._state.now_s
        self._snapshot = views.snapshot_of(self._state)

    @property
    def snapshot(self) -> Snapshot:
        """The newest frozen view of everything."""
        return self._snapshot

    @property
    def traffic(self) -> Traffic:
        """Who holds which floor and who waits for whom, to look at."""
        return self._state.traffic

    def resume_from_storage(self) -> None:
        """Takes up where an earlier process ended; every robot must confirm that it has no goal before it gets one."""
        self._rows.load()
        run = self._state.active
        if run and run.state is RunState.STOPPING:
            run.stop_asked_s = self._state.now_s
        if run:
            self._reports.recall(run)
        if run and run.planning:
            run.planning, run.rest_wanted = False, True
        for robot in self._state.robots.values():
            orders.cancel(self._state, robot)
        self._finish("resumed")
        self._publish()

    def look_at_storage(self) -> None:
        """Shows what an earlier process stored, and takes nothing of it up."""
        self._rows.load()
        self._snapshot = views.snapshot_of(self._state)

    def start_run(self, zones: tuple[str, ...], request_id: str, robots: tuple[str, ...] = ()) -> RunView:
        """A new run over the zones (none: all of them) by the robots (none: all that are here), or the run of that request_id."""
        state = self._state
        known = check_request(state, zones, request_id, robots)
        if known:
            return self._view(known)
        self._refuse_while_owing()
        run = CleaningRun(
            run_id=uuid.uuid4().hex[:12],
            request_id=request_id,
            zones=zones or tuple(zone.name for zone in state.store.floor.zones),
            robots=robots or tuple(robot.name for robot in state.robots.values()),
            asked_zones=zones,
            asked_robots=robots,
            created_at_s=state.clock.wall_s(),
            closed=[view.polygon for view in state.closures.values()],
        )
        for ended in state.runs.values():
            # Storage has them; in memory they would grow night by night.
            ended.tracks.clear()
        state.runs[run.run_id] = state.active = run
        self._reports.begin_run()
        state.coverage = CoverageRecord(state.store.floor.grid, state.requested(run.zones))
        run.requested_m2 = float(state.coverage.requested.sum()) * state.store.floor.grid.cell_area_m2
        for robot in state.members(run):
            robot.itinerary, robot.place, robot.drops, robot.home_tries, robot.hemmed_at = None, Place(), 0, 0, None
            state.touch("itinerary", robot.name)
        state.note("run started", zones=list(run.zones), request_id=request_id)
        rest.ask_for_plan(state, run)
        try:
            self._finish("run started")
        except CannotStore as error:
            del state.runs[run.run_id]
            state.active, state.coverage, state.effects = None, None, Effects()
            raise Unavailable("STORAGE", f"The run was not started, since it could not be stored: {error}") from error
        return self._view(run)

    def stop_run(self, run_id: str) -> RunView:
        """Stops the run; cancels go to its robots at once. A run that has ended stays as it is.

        Raises Unavailable when the stop holds for this process alone, as it could not be stored; that is tried again.
        """
        run = self._run(run_id)
        self._refuse_while_owing()
        if run.state.is_terminal or run.state is RunState.STOPPING:
            return self._view(run)
        for robot in self._state.members(run):
            self._halt(robot)
        run.happen(RunEvent.STOP_ASKED)
        run.stop_asked_s = self._state.now_s
        run.planning = run.rest_wanted = False
        try:
            return self._changed(run, "stop asked")
        except CannotStore as error:
            raise self._stop_not_stored(run, error) from error

    def pause_run(self, run_id: str) -> RunView:
        """Brings the run's robots to rest where they are; `resume_run` goes on from there."""
        run = self._run(run_id)
        if run.state in (RunState.PAUSING, RunState.PAUSED):
            return self._view(run)
        if run.state is not RunState.RUNNING:
            raise WrongState("NOT_RUNNING", f"Run {run_id} is {run.state.value}; only a RUNNING run can be paused")
        for robot in self._state.members(run):
            self._halt(robot)
        run.happen(RunEvent.PAUSE_ASKED)
        return self._changed(run, "pause asked")

    def resume_run(self, run_id: str) -> RunView:
        """Goes on with a paused run."""
        run = self._run(run_id)
        if run.state is RunState.RUNNING:
            return self._view(run)
        if run.state not in (RunState.PAUSING, RunState.PAUSED):
            raise WrongState("NOT_PAUSED", f"Run {run_id} is {run.state.value}; only a paused run can be resumed")
        run.happen(RunEvent.RESUME_ASKED)
        return self._changed(run, "resume asked")

    def acknowledge(self, robot: str, who: str) -> RobotView:
        """Lets a HELD robot take orders again, on the word of a person, whose name is kept."""
        if robot not in self._state.robots:
            raise NotFound("ROBOT_NOT_FOUND", f"There is no robot named '{robot}'; see ListRobots")
        found = self._state.robots[robot]
        if found.state is not RobotState.HELD:
            raise WrongState("NOT_HELD", f"{robot} is {found.state.value}; only a HELD robot is acknowledged")
        if found.hold_active:
            raise WrongState("STILL_HELD", f"{robot} still reports '{found.hold}'; clear it at the robot first")
        self._refuse_while_owing()
        found.happen(RobotEvent.ACKNOWLEDGED)
        found.acknowledged_by, found.hold, found.came_back = who, "", True
        found.drops = found.home_tries = found.give_ups = 0
        self._state.settle(f"held-{robot}")
        self._state.touch("robot", robot)
        self._state.note("acknowledged", robot=robot, person=who)
        orders.cancel(self._state, found)
        self._finish("acknowledged")
        return next(view for view in self._snapshot.robots if view.name == robot)

    def close_floor(self, name: str, polygon: Polygon, lasts_s: float | None = None) -> ClosureView:
        """Closes floor (map frame) for all robots, in mid-run too, until it is opened or for so long; drawn anew by its name."""
        closures.check_closure(self._state, name, polygon, lasts_s)
        self._refuse_while_owing()
        now_s = self._state.clock.wall_s()
        view = ClosureView(name, polygon, now_s, None if lasts_s is None else now_s + lasts_s)
        closures.close(self._state, view, lasts_s)
        self._finish("floor closed")
        return closures.with_inside(self._state, view)

    def closed_until(self) -> dict[tuple[str, float], float]:
        """When closed floor opens by itself, by name and time of closing, on the clock that nobody sets."""
        state = self._state
        return {(name, state.closures[name].closed_at_s): opens_s for name, opens_s in state.opens_s.items()}

    def count_on(self, until_s: Mapping[tuple[str, float], float]) -> None:
        """Lets closed floor open when a controller before, in this process, was to open it."""
        for name in self._state.opens_s:
            known = name, self._state.closures[name].closed_at_s
            self._state.opens_s[name] = until_s.get(known, self._state.opens_s[name])

    def open_floor(self, name: str) -> None:
        """Opens closed floor again; what of it is wanted is planned anew. NotFound when there is none of that name."""
        self._refuse_while_owing()
        closures.open_floor(self._state, name)
        self._finish("floor opened")

    def handle(self, event: Event) -> None:
        """Takes in one event. CannotStore: nothing of it took effect outside; see `control/outages.py` for what then."""
        match event:
            case PoseReported():
                self._reports.pose(event)
            case PoseRefused():
                self._reports.pose_refused(event)
            case EquipmentReported():
                self._reports.equipment(event)
            case BatteryReported():
                self._reports.battery(event)
            case HeadReported():
                if self._reports.head(event):
                    self._advance(event.robot)
            case HoldReported():
                self._reports.hold(event)
            case LegEnded():
                self._leg_ended(event)
            case AllCancelled():
                self._reports.all_cancelled(event)
                self._advance(event.robot)
            case Planned() | PlanFailed():
                self._plan_answered(event)
            case PlanProgressed():
                self._plan_progressed(event)
            case Tick():
                self._tick(event)
        self._finish(type(event).__name__)

    def wind_up(self) -> None:
        """From now on robots finish what they were given and get nothing more: for the end of this process, not of the run."""
        self._state.winds_up = True

    def scene(self) -> Scene:
        """What a picture of the fleet shows now."""
        return scene_of(self._state)

    def record(self, run_id: str) -> RunRecord:
        """What the run cleaned and where its robots drove."""
        run = self._run(run_id)
        return self._rows.record(run)

    def _tick(self, event: Tick) -> None:
        state = self._state
        elapsed_s = max(0.0, event.at_s - state.now_s)
        state.now_s = max(state.now_s, event.at_s)
        closures.look_after_closures(state)
        for robot in state.robots.values():
            self._reports.tick(robot, elapsed_s)
            look_after_charge(state, robot)
            orders.watch(state, robot)
            brake_before_intruders(state, robot)
        if state.active:
            self._run_tick(state.active, elapsed_s)
        look_for_strays(state)
        for robot in state.robots.values():
            look_after_channels(state, robot)
        if state.now_s - self._checkpoint_s >= CHECKPOINT_S:
            self._checkpoint_s = state.now_s
            self._endings.checkpoint()
        if not self._rows.owed:
            self._retention.tick()

    def _run_tick(self, run: CleaningRun, elapsed_s: float) -> None:
        state = self._state
        if run.started_at_s is not None:
            run.elapsed_s += elapsed_s
            for robot in state.members(run):
                run.share(robot.name).spend(elapsed_s, robot.state)
        if run.state is RunState.RUNNING:
            rest.look_after_rest(state, run)
            if state.now_s - self._trapped_s >= TRAPPED_LOOK_S:
                self._trapped_s = state.now_s
                look_for_trapped(state)
            for robot in state.in_turn(state.members(run)):
                look_after_battery(state, run, robot)
                see_home(state, run, robot)
                advance(state, run, robot)
                ask_to_move(state, robot)
            self._endings.end_if_done(run)
        elif run.state is RunState.PLANNING:
            rest.look_after_first_plan(state, run)
            self._endings.fail_if_nobody(run)
        else:
            for robot in state.members(run):
                keep_head_off(state, robot)
            self._endings.rest_if_at_rest(run)

    def _leg_ended(self, event: LegEnded) -> None:
        robot = self._state.robots.get(event.robot)
        if robot is not None:
            orders.ended(self._state, robot, event)
            self._advance(event.robot)

    def _advance(self, name: str) -> None:
        """Lets a robot go on at once that waited for nothing but this answer."""
        run = self._state.active
        if run and run.state is RunState.RUNNING and name in run.robots:
            robot = self._state.robots[name]
            look_after_battery(self._state, run, robot)
            advance(self._state, run, robot)

    def _plan_answered(self, event: Planned | PlanFailed) -> None:
        run = self._state.active
        if run is None or run.run_id != event.run_id or run.epoch != event.epoch or run.state is RunState.STOPPING:
            return
        if isinstance(event, Planned):
            rest.install(self._state, run, event.plan)
            return
        if self._state.winds_up:
            # Its process may have been told to end as well: the next controller asks anew.
            return
        first = run.state is RunState.PLANNING
        run.planning = False
        run.happen(RunEvent.PLAN_FAILED)
        self._state.note("plan failed", run=run.run_id, reason=event.reason)
        self._state.touch("run", run.run_id)
        if first:
            self._endings.end(run, event.reason)
        else:
            rest.plan_failed(self._state, run, event.reason)

    def _plan_progressed(self, event: PlanProgressed) -> None:
        run = self._state.active
        if run and run.planning and (run.run_id, run.epoch) == (event.run_id, event.epoch):
            run.planned = (event.share, event.step)
            self._publish()

    def _halt(self, robot: Robot) -> None:
        """Cancels at once, ahead of storage: a stop must not wait for a disk."""
        before = len(self._state.effects.commands)
        robot.rest_after_s = self._state.now_s + orders.braking_s(robot)
        orders.cancel(self._state, robot)
        self._state.send(SwitchHead(robot.name, False))
        robot.head_wanted, robot.head_asked_s, robot.head_failures = False, self._state.now_s, 0
        self._state.traffic.stop_waiting(robot.name)
        for command in self._state.effects.commands[before:]:
            self._driver.send(command)
        del self._state.effects.commands[before:]

    def _run(self, run_id: str) -> CleaningRun:
        run = self._state.runs.get(run_id)
        if run is None:
            raise NotFound("RUN_NOT_FOUND", f"There is no run '{run_id}'; see ListCleaningRuns")
        return run

    def _changed(self, run: CleaningRun, what: str) -> RunView:
        self._state.touch("run", run.run_id)
        self._state.note(what, run=run.run_id)
        self._finish(what)
        return self._view(run)

    def _view(self, run: CleaningRun) -> RunView:
        return next(view for view in self._snapshot.runs if view.run_id == run.run_id)

    def _refuse_while_owing(self) -> None:
        """What is answered while a stop is still to be stored would be gone after a crash."""
        if self._rows.owed:
            raise Unavailable("STORAGE", self._rows.owed)

    def _stop_not_stored(self, run: CleaningRun, error: CannotStore) -> Unavailable:
        """Lets a stop hold that could not be stored: going down now, the process would come back and clean on."""
        self._rows.owe(
            f"The robots of run {run.run_id} were told to stop, but that could not be stored: {error}. It is tried again "
            "every second; a controller that is started anew before would go on with the run"
        )
        remedy = "Free some space on the disk of the data folder, or make it writable; do not restart the controller"
        self._state.alert("storage", "ERROR", f"The stop of run {run.run_id} is not stored: {error}", remedy)
        self._finish("stop not stored")
        return Unavailable("STORAGE", self._rows.owed)

    def _finish(self, what: str) -> None:
        """Writes what the event changed, lets its effects out, and replaces the snapshot."""
        state, effects = self._state, self._state.effects
        changed = bool(effects.rows)
        owed = self._rows.owed
        stored = not changed or self._rows.commit(what)
        # What could not be stored yet stays in the effects; after a stop only commands to rest can be among them.
        state.effects = Effects() if stored else Effects(effects.rows, effects.journal)
        for command in effects.commands:
            self._driver.send(command)
        for run_id, epoch, request in effects.plans:
            self._planner.plan(run_id, epoch, request)
        if owed and not self._rows.owed:
            state.settle("storage")
        if changed or state.now_s - self._snapshot.clock_s >= _PUBLISH_S:
            self._publish()

    def _publish(self) -> None:
        self._snapshot = views.snapshot_of(self._state)
        self._on_change(self._snapshot)
