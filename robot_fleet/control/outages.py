"""A controller that lasts through outages of its storage: a full or read-only disk, a locked database, a server that is away.

While storage refuses, robots finish the short piece that they were given and rest with the head off; requests are refused with the
reason, but for a stop, which goes out at once; and it is tried again and again. As soon as changes can be stored, a new controller
takes up from what is stored, as after a crash: what the old one had in memory alone would be a promise that nobody kept.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TypeVar

from robot_fleet.control.controller import Controller
from robot_fleet.control.ports import CannotStore, Clock, InDoubt, Record, RobotDriver, RunStore
from robot_fleet.control.scene import Scene
from robot_fleet.control.snapshot import AlertView, RunView, Snapshot
from robot_fleet.fleet.commands import CancelAll, all_off
from robot_fleet.fleet.errors import FleetError, NotFound, Unavailable
from robot_fleet.fleet.events import (
    AllCancelled,
    BatteryReported,
    Event,
    HeadReported,
    HoldReported,
    LegEnded,
    PoseRefused,
    PoseReported,
    Tick,
)
from robot_fleet.floor.pose import Pose

AGAIN_S = 2.0
"""How often it is tried whether storage takes changes again."""
LOOK_S = 10.0
"""How often it is looked whether storage is still there, also when nothing is to be stored."""
_REMEDY = (
    "Free some space on the disk of the data folder, make it writable, close the program that holds the database, "
    "or start the database's server"
)

# Poses nearer to each other are not kept for the floor between them; and no more events than this.
_STEP_M, _MOST_EVENTS = 0.05, 100_000
# More than a change takes, with the coverage of a large floor.
_PROBE_BYTES = 300_000
_ON_CHANGE = (BatteryReported, HeadReported, HoldReported)

_log = logging.getLogger(__name__)
Result = TypeVar("Result")


class LastingController:
    """Passes events and requests on to a controller, and stands in for it while storage refuses. Used on one thread.

    `make` makes a controller that has taken up nothing yet; `on_change` takes the snapshots that are made in between.
    """

    def __init__(
        self,
        make: Callable[[], Controller],
        robots: Sequence[str],
        driver: RobotDriver,
        run_store: RunStore,
        clock: Clock,
        on_change: Callable[[Snapshot], None] = lambda snapshot: None,
    ) -> None:
        self._make = make
        self._robots = tuple(robots)
        self._driver = driver
        self._run_store = run_store
        self._clock = clock
        self._on_change = on_change
        self._controller: Controller | None = None
        self._snapshot = Snapshot(version=0, clock_s=clock.now_s())
        self._refusal, self._again_s, self._to_stop = "", 0.0, ""
        self._winds_up, self._has_looked = False, False
        self._closed_until: dict[tuple[str, float], float] = {}
        self._look_s = clock.now_s() + LOOK_S
        # What a new controller must hear: of what robots say only when it changes the newest, then all that they said since.
        self._said: dict[tuple[type[Event], str], Event] = {}
        self._since: deque[Event] = deque(maxlen=_MOST_EVENTS)
        self._kept: dict[str, Pose] = {}
        self._take_up()

    @property
    def snapshot(self) -> Snapshot:
        """The newest view of everything; while storage refuses the last one before, with an alert."""
        return self._controller.snapshot if self._controller else self._snapshot

    def wind_up(self) -> None:
        """As the controller's, and of one that begins when storage takes changes again."""
        self._winds_up = True
        if self._controller:
            self._controller.wind_up()

    def scene(self) -> Scene | None:
        """What a picture of the fleet shows now; None while storage refuses."""
        return self._controller.scene() if self._controller else None

    def handle(self, event: Event) -> None:
        """Takes in one event; what it raises is a bug, or Displaced."""
        if isinstance(event, Tick) and event.at_s >= self._look_s:
            self._look(event.at_s)
        if self._controller is None:
            self._meanwhile(event)
            return
        try:
            self._controller.handle(event)
        except (CannotStore, InDoubt) as refusal:
            self._break_off(refusal)
            self._meanwhile(event)
            return
        if isinstance(event, _ON_CHANGE):
            self._said[type(event), event.robot] = event

    def ask(self, request: Callable[[Controller], Result]) -> Result:
        """What the controller answers; Unavailable, with the reason, when it cannot be stored. The rest but Displaced is a bug."""
        if self._controller is None:
            raise Unavailable("STORAGE", self._text("Nothing can be changed now, since it could not be stored"))
        try:
            return request(self._controller)
        except CannotStore as refusal:
            self._break_off(refusal)
            raise Unavailable("STORAGE", self._text("It could not be stored, and was not done")) from refusal
        except InDoubt as refusal:
            self._break_off(refusal)
            text = "Whether it was stored shows when storage answers again; look then, or ask again"
            raise Unavailable("STORAGE", self._text(text)) from refusal

    def stop_run(self, run_id: str) -> RunView:
        """As the controller's; while storage refuses all robots are told to stop, and the stop is stored when that can be done."""
        if self._controller is not None:
            try:
                return self.ask(lambda controller: controller.stop_run(run_id))
            except Unavailable:
                self._to_stop = run_id
                raise
        run = next((run for run in self._snapshot.runs if run.run_id == run_id), None)
        if run is None:
            raise NotFound("RUN_NOT_FOUND", f"There is no run '{run_id}'; see ListCleaningRuns")
        if run.state.is_terminal:
            return run
        self._to_stop = run_id
        for robot in self._robots:
            self._driver.send(CancelAll(robot))
            self._turn_off(robot)
        text = self._text(f"The robots of run {run_id} were told to stop, but that could not be stored")
        raise Unavailable("STORAGE", f"{text}; a controller that is started anew before would go on with the run")

    def _look(self, now_s: float) -> None:
        """Finds an outage, or another writer, before a night begins that would have to be refused."""
        self._look_s = now_s + LOOK_S
        try:
            if self._controller is not None:
                self._run_store.load("probe")
        except FleetError as refusal:
            self._break_off(refusal)

    def _meanwhile(self, event: Event) -> None:
        """Robots that have ended their piece turn everything off; what robots say is kept, for floor that they clean until then."""
        if isinstance(event, LegEnded | AllCancelled):
            self._turn_off(event.robot)
            self._show_at_rest(event.robot)
        elif isinstance(event, PoseRefused):
            # It is lost: nobody else would tell it before its piece ends.
            self._driver.send(CancelAll(event.robot))
            self._turn_off(event.robot)
        elif isinstance(event, _ON_CHANGE) or (isinstance(event, PoseReported) and self._has_moved(event)):
            self._since.append(event)
        elif isinstance(event, Tick) and event.at_s >= self._again_s:
            self._take_up()

    def _has_moved(self, event: PoseReported) -> bool:
        """Whether the robot is not where the last pose that is kept says: one at rest overnight must not fill the memory."""
        before = self._kept.get(event.robot)
        if before is not None and before.distance_m(event.pose) < _STEP_M:
            return False
        self._kept[event.robot] = event.pose
        return True

    def _break_off(self, refusal: Exception) -> None:
        """From now on only what is stored counts."""
        _log.error(
            "storage refuses: robots finish their piece and rest; tried again every %.0f s: %s", AGAIN_S, refusal
        )
        assert self._controller is not None
        self._snapshot, self._closed_until = self._controller.snapshot, self._controller.closed_until()
        self._controller, self._has_looked = None, True
        for robot in self._snapshot.robots:
            if not robot.leg_id:
                # Its vacuum may yet run, and nothing will end that would tell.
                self._turn_off(robot.name)
        self._refused(refusal)

    def _show_at_rest(self, robot: str) -> None:
        """That it has no order any more is known, though it cannot be stored."""
        robots = (replace(view, leg_id="") if view.name == robot else view for view in self._snapshot.robots)
        self._snapshot = replace(self._snapshot, robots=tuple(robots))
        self._on_change(self._snapshot)

    def _turn_off(self, robot: str) -> None:
        for command in all_off(robot):
            self._driver.send(command)

    def _refused(self, refusal: Exception) -> None:
        self._refusal, self._again_s = str(refusal), self._clock.now_s() + AGAIN_S
        others = tuple(alert for alert in self._snapshot.alerts if alert.alert_id != "storage")
        text = self._text("Robots rest and requests are refused, since nothing can be stored")
        alert = AlertView("storage", self._clock.wall_s(), "ERROR", "", "", text, _REMEDY, active=True)
        self._snapshot = replace(self._snapshot, alerts=(*others, alert))
        self._on_change(self._snapshot)

    def _text(self, what: str) -> str:
        return f"{what}: {self._refusal.rstrip('.')}. It is tried again every {AGAIN_S:.0f} s. {_REMEDY}"

    def _probe(self, size: int) -> None:
        """CannotStore unless there is room for the next changes: robots must not start only to stop again."""
        self._run_store.commit('[{"event": "storage tried"}]', [Record("probe", "probe", bytes(size))])
        self._run_store.commit('[{"event": "storage takes changes"}]', [Record("probe", "probe", None)])

    def _take_up(self) -> None:
        """Begins with a new controller, if storage takes changes."""
        try:
            self._probe(_PROBE_BYTES if self._refusal else 0)
            self._controller = self._begun()
        except (CannotStore, InDoubt, Unavailable) as refusal:
            if not self._refusal:
                _log.error("storage refuses; tried again every %.0f s: %s", AGAIN_S, refusal)
            self._look_at_storage()
            self._refused(refusal)
            return
        if self._winds_up:
            self._controller.wind_up()
        # Somebody may have set the clock meanwhile, by which alone the new controller could tell how long that was.
        self._controller.count_on(self._closed_until)
        if self._refusal:
            _log.info("storage takes changes again: going on with what is stored")
        self._refusal = ""
        # What cannot be stored even now notes the run again.
        to_stop, self._to_stop = self._to_stop, ""
        if to_stop:
            with suppress(Unavailable, NotFound):
                self.stop_run(to_stop)
        if self._controller is None:
            return
        missed = [*self._said.values(), *self._since]
        self._since.clear()
        self._kept.clear()
        for event in missed:
            self.handle(event)

    def _begun(self) -> Controller:
        controller = self._make()
        controller.resume_from_storage()
        return controller

    def _look_at_storage(self) -> None:
        """Shows what an earlier process stored, if that can be read: who comes to stop its run, or to resume it, must find it."""
        if self._has_looked:
            return
        with suppress(CannotStore, InDoubt, Unavailable):
            self._run_store.load("probe")
            controller = self._make()
            controller.look_at_storage()
            self._snapshot, self._closed_until = controller.snapshot, controller.closed_until()
            self._has_looked = True
