"""The people of a night: they start, stop and pause, at bad moments too, and set right what robots are held for.

Who gets no answer asks again, as a client does; a start with the same request_id.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from shapely import Point

from robot_fleet.control.outages import LastingController
from robot_fleet.control.snapshot import RunView
from robot_fleet.fleet.errors import FleetError, Unavailable
from robot_fleet.fleet.states import RobotState, RunState
from robot_fleet.nights.checks.closures import ClosurePromiseCheck
from robot_fleet.nights.checks.obedience import HeldCheck
from robot_fleet.nights.checks.promises import PromiseCheck
from robot_fleet.nights.faults import FLOOR_CLOSED, Fault
from robot_fleet.nights.site import NightSite

FIRST_START_S = 5.0
STARTS = 3
"""How many runs a night has at most: a stopped one is started again."""

_SPOT = "spot"
_DOCKS_OPEN_M = 0.9
_AGAIN_S, _ROUND_S, _PATIENCE_S, _SHORT_S = 10.0, 5.0, 120.0, 4.0


@dataclass
class _Wish:
    """Something that is asked until it is answered, from `at_s` on, or until nobody cares any more."""

    at_s: float
    until_s: float
    ask: Callable[[LastingController], None]
    insists: bool = False


class People:
    """Looks at the site after each step and does what is due."""

    def __init__(self, site: NightSite, promises: PromiseCheck, held: HeldCheck, closures: ClosurePromiseCheck) -> None:
        self._site = site
        self._promises, self._held, self._closures = promises, held, closures
        self._starts = 0
        self._wishes: list[_Wish] = []
        self._round_s = 0.0
        self.wish_start(FIRST_START_S)

    @property
    def is_content(self) -> bool:
        """Whether nothing is still to be asked."""
        return not self._wishes

    def look(self) -> None:
        """Asks what is due."""
        now_s = self._site.now_s
        for wish in [wish for wish in self._wishes if wish.at_s <= now_s]:
            if now_s > wish.until_s or self._answered(wish):
                self._wishes.remove(wish)
            else:
                wish.at_s = now_s + 1.0
        if now_s >= self._round_s:
            self._round_s = now_s + _ROUND_S
            self._go_round()

    def wish_start(self, at_s: float, again: bool = False) -> None:
        """A run over all zones is wanted; `again` asks for the newest one once more."""
        if not again:
            self._starts += 1
        request_id = f"night-{self._starts}"

        def start(lasting: LastingController) -> None:
            run = lasting.ask(lambda controller: controller.start_run((), request_id))
            self._promises.started(self._site.now_s, run, request_id)

        self._wishes.append(_Wish(at_s, at_s + _SHORT_S if again else float("inf"), start, insists=not again))

    def meet(self, fault: Fault) -> None:
        """A request at a bad moment."""
        at_s = self._site.now_s
        if fault.kind in ("stop", "stop in planning"):
            self._wishes.append(_Wish(at_s, at_s + _PATIENCE_S, self._stop))
        elif fault.kind == "pause":
            self._wishes.append(_Wish(at_s, at_s + _SHORT_S, self._pause))
            self._wishes.append(_Wish(at_s + fault.seconds, float("inf"), self._resume))
        elif fault.kind == "start twice":
            self.wish_start(at_s, again=True)
        elif fault.kind == "spot clean":
            self._wishes.append(_Wish(at_s, at_s + _SHORT_S, self._spot))
        elif fault.kind == FLOOR_CLOSED:
            self._close(fault)

    def _close(self, fault: Fault) -> None:
        """Closes floor, where a robot works if it does, and opens it later: by hand, or by the time that was given."""
        at_s, name = self._site.now_s, f"spill at {fault.at_s:.0f} s"
        robot, lasts_s = self._site.world.robots[fault.robot], fault.seconds if int(fault.at_s) % 2 else None
        place = (robot.pose.x_m, robot.pose.y_m) if robot.head_on else (fault.x_m, fault.y_m)
        docks = [
            (pose.x_m, pose.y_m) for dock in self._site.about.store.floor.docks for pose in (dock.pose, dock.staging)
        ]
        if min(math.dist(place, dock) for dock in docks) < fault.value + _DOCKS_OPEN_M:
            place = (fault.x_m, fault.y_m)
        spill = Point(place).buffer(fault.value, quad_segs=3)

        def close(lasting: LastingController) -> None:
            self._closures.asked(name, spill)
            lasting.ask(lambda controller: controller.close_floor(name, spill, lasts_s))
            self._closures.closed(name, spill, None if lasts_s is None else self._site.now_s + lasts_s)
            if lasts_s is None:
                self._wishes.append(_Wish(at_s + fault.seconds, float("inf"), reopen))

        def reopen(lasting: LastingController) -> None:
            self._closures.opening(name)
            lasting.ask(lambda controller: controller.open_floor(name))
            self._closures.opened(name)

        self._wishes.append(_Wish(at_s, at_s + _PATIENCE_S, close))

    def _answered(self, wish: _Wish) -> bool:
        try:
            return self._site.ask(wish.ask)
        except FleetError as refusal:
            # Refused is an answer as well; who wants a run waits until the one before has come to rest, if anybody can clean.
            if wish.insists:
                return not self._can_clean()
            return not isinstance(refusal, Unavailable)

    def _can_clean(self) -> bool:
        """Whether there is a robot that neither is dead nor hangs on something, where it stays."""
        world = self._site.world
        hang = {name for hit in world.collisions for name in (hit.robot, hit.other)}
        return any(robot.alive and name not in hang for name, robot in world.robots.items())

    def _stop(self, lasting: LastingController) -> None:
        run = _active(lasting)
        if run is None:
            return
        self._promises.stopping(run.run_id)
        stopped = lasting.stop_run(run.run_id)
        self._promises.stopped(stopped)
        if self._starts < STARTS:
            self.wish_start(self._site.now_s + _AGAIN_S)

    def _pause(self, lasting: LastingController) -> None:
        run = _active(lasting)
        if run is not None:
            run_id = run.run_id
            self._promises.paused(lasting.ask(lambda controller: controller.pause_run(run_id)))

    def _resume(self, lasting: LastingController) -> None:
        run = _active(lasting)
        if run is not None and run.state in (RunState.PAUSED, RunState.PAUSING):
            run_id = run.run_id
            self._promises.resuming(run_id)
            lasting.ask(lambda controller: controller.resume_run(run_id))

    def _spot(self, lasting: LastingController) -> None:
        zone = self._site.about.store.floor.zones[0].name
        run = lasting.ask(lambda controller: controller.start_run((zone,), _SPOT))
        self._promises.started(self._site.now_s, run, _SPOT)

    def _go_round(self) -> None:
        """Acknowledges held robots whose cause is gone."""
        controller, now_s = self._site.controller, self._site.now_s
        if controller is None:
            return
        for view in controller.snapshot.robots:
            if view.state is RobotState.HELD and not self._site.world.robots[view.name].hold:
                self._wishes.append(_Wish(now_s, now_s + _SHORT_S, partial(self._acknowledge, view.name)))

    def _acknowledge(self, name: str, lasting: LastingController) -> None:
        self._held.acknowledging(name)
        lasting.ask(lambda controller: controller.acknowledge(name, "somebody"))
        self._promises.freed(self._site.now_s, name)


def _active(lasting: LastingController) -> RunView | None:
    return next((run for run in lasting.snapshot.runs if not run.state.is_terminal), None)
