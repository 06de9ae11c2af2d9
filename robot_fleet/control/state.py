"""Everything the controller knows, and what one event is about to change. Mutable; the controller is its only writer."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from shapely import Point, Polygon
from shapely.geometry.base import BaseGeometry

from robot_fleet.control.ports import Clock
from robot_fleet.control.snapshot import AlertView, ClosureView, RunView
from robot_fleet.fleet.commands import Command
from robot_fleet.fleet.coverage import CoverageRecord
from robot_fleet.fleet.entities import CleaningRun, Robot
from robot_fleet.fleet.escapes import Escape, Escapes
from robot_fleet.fleet.traffic import Traffic
from robot_fleet.floor.clearance import ClearanceField
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.store import Store
from robot_fleet.planning.plan import PlanRequest
from robot_fleet.planning.routing import Reaching, Router
from robot_fleet.planning.steering.detours import SteeredDetours
from robot_fleet.planning.terrain import Terrain

MOST_ASKING = 12
"""So many robots may ask for floor at a tick: an answer takes up to 10 ms where there are many robots."""


@dataclass
class Effects:
    """What leaves when the present event has been handled: rows to write first, then commands and plans to ask for."""

    rows: dict[tuple[str, str], None] = field(default_factory=dict)
    journal: list[dict[str, object]] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)
    plans: list[tuple[str, int, PlanRequest]] = field(default_factory=list)

    def journal_line(self) -> str:
        """The journal entry of the present event."""
        return json.dumps(self.journal)


class FleetState:
    """The robots, the runs, who holds which floor, and the coverage of the active run.

    A run's first plan is to be there `plan_within_s`; None: when no better one is in sight.
    """

    def __init__(self, store: Store, clock: Clock, plan_within_s: float | None = None) -> None:
        self.store = store
        self.clock = clock
        self.plan_within_s = plan_within_s
        self.robots = {spec.name: Robot(spec) for spec in store.robots}
        self.runs: dict[str, CleaningRun] = {}
        self.active: CleaningRun | None = None
        self.coverage: CoverageRecord | None = None
        self.traffic = Traffic()
        self.escapes = Escapes()
        self.ways_home: dict[str, dict[Pose, Escape]] = {}
        self.before_docks: dict[tuple[str, str], Pose] = {}
        self.homeward: dict[tuple[str, frozenset[str]], Reaching | None] = {}
        self.docked: dict[str, BaseGeometry] = {}
        self.berths: dict[str, tuple[Pose, int, BaseGeometry]] = {}
        self.alerts: dict[str, AlertView] = {}
        self.closures: dict[str, ClosureView] = {}
        # When they open by themselves, by the clock that nobody sets, and when that was written down last.
        self.opens_s: dict[str, float] = {}
        self.opens_kept_s = clock.steady_s()
        self.in_closed: set[str] = set()
        self.effects = Effects()
        self._zone_masks: dict[str, NDArray[np.bool_]] = {}
        self._zone_windows: dict[str, tuple[slice, slice, NDArray[np.bool_]]] = {}
        self._zone_areas_m2: dict[str, float] = {}
        self.ended_views: dict[str, RunView] = {}
        self.now_s = 0.0
        # Nothing more is ordered: the process is about to end.
        self.winds_up = False
        self.version = 0
        self.clearance = ClearanceField.of(store.floor)
        self._under: dict[str, tuple[Pose, BaseGeometry]] = {}
        self._routers: dict[tuple[str, tuple[Polygon, ...]], Router] = {}
        self._steered: dict[tuple[str, tuple[Polygon, ...]], SteeredDetours] = {}
        self._searched_at_s = self._asked_at_s = float("-inf")
        self._asked, self.first_to_ask = 0, ""
        for robot in self.robots.values():
            # Now, while nothing moves: on a large floor it takes a second, within which a stop would have to wait.
            self.router(robot).prepare()
            if robot.spec.profile.is_steered:
                self.steered_ways(robot).prepare(self.store.floor.dock(robot.spec.dock).staging)
            self.traffic.hold(robot.name, self.under(robot, self.store.floor.dock(robot.spec.dock).pose))

    def put_closure(self, view: ClosureView, lasts_s: float | None) -> None:
        """Closes floor for all robots, and for their ways home; None: until somebody opens it."""
        self.closures[view.name] = view
        if lasts_s is not None:
            self.opens_s[view.name] = self.clock.steady_s() + lasts_s
        self.traffic.close(view.key, view.polygon)
        self.escapes.fix(view.key, view.polygon)

    def drop_closure(self, name: str) -> None:
        """Opens it again."""
        key = self.closures.pop(name).key
        self.opens_s.pop(name, None)
        self.traffic.reopen(key)
        self.escapes.forget(key)

    def zone_mask(self, name: str) -> NDArray[np.bool_]:
        """Mask (rows, cols) of the free floor of a zone, made once."""
        if name not in self._zone_masks:
            self._zone_masks[name] = self.store.floor.requested((name,))
        return self._zone_masks[name]

    def zone_window(self, name: str) -> tuple[slice, slice, NDArray[np.bool_]]:
        """Rows and columns of the box around a zone, and its mask in there, made once: for what is counted each second."""
        if name not in self._zone_windows:
            mask = self.zone_mask(name)
            rows, cols = (_extent(np.asarray(mask.any(axis=axis))) for axis in (1, 0))
            self._zone_windows[name] = rows, cols, mask[rows, cols].copy()
        return self._zone_windows[name]

    def zone_m2(self, name: str) -> float:
        """Square metres of free floor in a zone, counted once."""
        if name not in self._zone_areas_m2:
            cells = int(np.count_nonzero(self.zone_mask(name)))
            self._zone_areas_m2[name] = cells * self.store.floor.grid.cell_area_m2
        return self._zone_areas_m2[name]

    def requested(self, zones: tuple[str, ...]) -> NDArray[np.bool_]:
        """Mask (rows, cols) of the free floor of several zones."""
        mask: NDArray[np.bool_] = np.any([self.zone_mask(name) for name in zones], axis=0)
        return mask

    def send(self, command: Command) -> None:
        """Lets the command go out once the present event's rows are written."""
        self.effects.commands.append(command)

    def touch(self, kind: str, key: str) -> None:
        """Marks a row as changed by the present event. A way and the robot's place on it are one change."""
        self.effects.rows[kind, key] = None
        if kind == "itinerary":
            self.effects.rows["robot", key] = None

    def note(self, what: str, **details: object) -> None:
        """Adds to the journal entry of the present event; the active run is always named."""
        run = {"run": self.active.run_id} if self.active else {}
        self.effects.journal.append({"event": what, "at_s": round(self.now_s, 3), **run, **details})

    def members(self, run: CleaningRun) -> list[Robot]:
        """The robots that take part in the run."""
        return [self.robots[name] for name in run.robots]

    def under(self, robot: Robot, pose: Pose | None = None) -> BaseGeometry:
        """The floor that the robot occupies at rest, at `pose` or where it was last seen; empty when it was never seen."""
        if pose is not None:
            return robot.floor_at(pose)
        if robot.pose is None:
            return Point()
        known = self._under.get(robot.name)
        if known is None or known[0] is not robot.pose:
            known = self._under[robot.name] = robot.pose, robot.floor_at(robot.pose)
        return known[1]

    def router(self, robot: Robot) -> Router:
        """The router of the robot's kind of machine and of its rights to enter zones, made once."""
        profile = robot.spec.profile
        barred = self.store.floor.barred_to(robot.name, profile)
        if (profile.name, barred) not in self._routers:
            # A long body fits along the middle of narrow aisles, where the disc about it does not.
            clearance = self._clearance_within(barred)
            self._routers[profile.name, barred] = Router(self.store.floor, profile.slim, clearance=clearance)
        return self._routers[profile.name, barred]

    def steered_ways(self, robot: Robot) -> SteeredDetours:
        """What finds ways for robots of its kind that must be steered, made once."""
        profile = robot.spec.profile
        barred = self.store.floor.barred_to(robot.name, profile)
        if (profile.name, barred) not in self._steered:
            terrain = Terrain.of(self.store.floor, profile, clearance=self._clearance_within(barred))
            self._steered[profile.name, barred] = SteeredDetours(self.store.floor.grid, profile, terrain)
        return self._steered[profile.name, barred]

    def _clearance_within(self, barred: tuple[Polygon, ...]) -> ClearanceField:
        return ClearanceField.of(self.store.floor, barred) if barred else self.clearance

    def may_ask(self, robot: str) -> bool:
        """Whether the robot may ask for floor now: so many do from tick to tick, lest a stop waits for them, each in its turn."""
        if self._asked_at_s != self.now_s:
            self._asked_at_s, self._asked = self.now_s, 0
        if self._asked >= MOST_ASKING:
            self.first_to_ask = self.first_to_ask or robot
            return False
        self._asked += 1
        return True

    def in_turn(self, robots: list[Robot]) -> list[Robot]:
        """The robots, beginning with the one that had to wait for its turn to ask for floor."""
        first = next((k for k, robot in enumerate(robots) if robot.name == self.first_to_ask), 0)
        self.first_to_ask = ""
        return [*robots[first:], *robots[:first]]

    def takes_turn(self) -> bool:
        """Whether one robot may look for a way now; False for all others until the next tick, lest a stop waits for them."""
        if self._searched_at_s == self.now_s:
            return False
        self._searched_at_s = self.now_s
        return True

    def alert(self, key: str, severity: str, text: str, remedy: str, robot: str = "") -> None:
        """Raises an alert once; it stays active until `settle`."""
        if key in self.alerts and self.alerts[key].active:
            return
        run_id = self.active.run_id if self.active else ""
        self.alerts[key] = AlertView(key, self.clock.wall_s(), severity, robot, run_id, text, remedy, True)
        self.touch("alert", key)
        self.note("alert", **({"robot": robot} if robot else {}), text=text)

    def reword(self, key: str, text: str, remedy: str = "") -> None:
        """Lets an active alert say something else. It is shown at once, and stored only with what changes it next."""
        alert = self.alerts.get(key)
        if alert and alert.active:
            self.alerts[key] = replace(alert, text=text, remedy=remedy or alert.remedy)

    def settle(self, key: str) -> None:
        """Ends an alert, if it is active."""
        alert = self.alerts.get(key)
        if alert and alert.active:
            self.alerts[key] = AlertView(**{**alert.__dict__, "active": False})
            self.touch("alert", key)


def _extent(has_any: NDArray[np.bool_]) -> slice:
    """From the first to the last that is set."""
    found = np.flatnonzero(has_any)
    return slice(int(found[0]), int(found[-1]) + 1) if len(found) else slice(0, 0)
