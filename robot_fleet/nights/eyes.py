"""All checks of a night, looking at its site."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import Point
from shapely.geometry.base import BaseGeometry

from robot_fleet.control.snapshot import RunView
from robot_fleet.fleet.commands import Command, DockAt, Follow, Undock
from robot_fleet.fleet.events import LOST
from robot_fleet.fleet.states import RobotState, RunState
from robot_fleet.floor.grid import OCCUPIED
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.profile import RobotProfile
from robot_fleet.floor.store import Keepout, Store
from robot_fleet.nights.checks.account import AccountCheck
from robot_fleet.nights.checks.closures import ClosurePromiseCheck
from robot_fleet.nights.checks.contact import ContactCheck
from robot_fleet.nights.checks.floors import ClosedFloorCheck, OwnFloorCheck, ReservationCheck, RingCheck
from robot_fleet.nights.checks.obedience import HeldCheck, PromiseCheck, StopCheck
from robot_fleet.nights.checks.violation import Findings, Violation
from robot_fleet.nights.site import NightSite
from robot_fleet.planning.judging.ground import coverable
from robot_fleet.planning.plan import MissedReason
from robot_fleet.sim.robot import SimulatedRobot
from robot_fleet.sim.virtual import MIDNIGHT_S

_OWN_FLOOR_S = 0.5
# Beyond their clearance robots keep so far from each other and from what they see.
_KEPT_OFF_M = 0.1
# Of a thing that nobody announced the fleet knows no more than where robots did not get on: a narrow gap beside it is no way.
_BERTH_M = 0.4
_TIGHT_M = 0.03


class Eyes:
    """Looks after each step; `lost` are the robots that do not know where they are, by whom nobody else can know it.

    `clean_when_lost` has for each of them that nobody knows to be lost what was credited when it lost its way.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.lost: set[str] = set()
        self.clean_when_lost: dict[str, NDArray[np.bool_]] = {}
        self._were_lost: set[str] = set()
        self.promises, self.closures = PromiseCheck(), ClosurePromiseCheck()
        self._contact, self._held, self._stop = ContactCheck(store), HeldCheck(), StopCheck()
        self._reservations, self._rings = ReservationCheck(), RingCheck()
        radii = {spec.name: spec.profile.footprint.circumscribed_m for spec in store.robots}
        self._own_floor, self._closed_floor = OwnFloorCheck(radii), ClosedFloorCheck(radii)
        self._clock_off_s, self._restarts = 0.0, 0
        self._account, self._ends = AccountCheck(store.floor), Findings("end")
        self._own_floor_s = 0.0
        self._last_end: RunState | None = None
        self.false_credit = 0.0
        self._starts = {
            robot.name: (_wider(robot.profile), store.floor.dock(robot.dock).staging) for robot in store.robots
        }
        self.coverable = coverable(store.floor, self._starts.values())

    def commanded(self, site: NightSite, command: Command) -> None:
        """A command leaves the controller."""
        controller = site.controller
        if controller is None or not isinstance(command, Undock | Follow | DockAt):
            return
        view = next(robot for robot in controller.snapshot.robots if robot.name == command.robot)
        self._held.ordered(site.now_s, command.robot, view.state is RobotState.HELD)

    def lose(self, site: NightSite, name: str) -> None:
        """A robot loses its way, and nobody notices yet."""
        self.lost.add(name)
        clean = np.zeros(self.store.floor.grid.shape, dtype=bool)
        if controller := site.controller:
            for run in controller.snapshot.runs:
                if not run.state.is_terminal:
                    clean |= controller.record(run.run_id).cleaned
        self.clean_when_lost.setdefault(name, clean)

    def known_credit(self, credited: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """What must truly be clean: what a lost robot claims cannot be withdrawn before anybody knows that it is lost."""
        known = credited.copy()
        for clean in self.clean_when_lost.values():
            known &= clean
        return known

    def look(self, site: NightSite) -> None:
        """A step has passed."""
        now_s = site.now_s
        poses = {name: robot.pose for name, robot in site.world.robots.items()}
        self._contact.look(now_s, poses, site.world.things, tuple(self.lost))
        controller = site.controller
        if controller is None:
            self._held.look(now_s, None, poses)
            return
        snapshot = controller.snapshot
        for view in snapshot.robots:
            if LOST in view.hold and LOST in site.world.robots[view.name].hold:
                self.clean_when_lost.pop(view.name, None)
        self._held.look(now_s, [view.name for view in snapshot.robots if view.state is RobotState.HELD], poses)
        self._stop.look(now_s, snapshot.runs, poses)
        self.promises.look(now_s, snapshot.runs)
        held = {name: controller.traffic.held(name) for name in poses}
        self._look_at_the_clock(site)
        self.closures.look(now_s, snapshot.closures)
        legs = {view.name: view.leg_id for view in snapshot.robots}
        self._closed_floor.look(now_s, self.closures.promised(now_s), poses, legs, self.lost)
        self._were_lost |= self.lost
        self._reservations.look(now_s, {name: floor for name, floor in held.items() if name not in self._were_lost})
        self._rings.look(now_s, controller.traffic.waiting)
        self._look_at_own_floor(now_s, poses, held)

    def ended(self, site: NightSite, run: RunView, truth: NDArray[np.bool_]) -> None:
        """A run has ended."""
        self._last_end = run.state
        controller = site.controller
        assert controller is not None
        requested = self.store.floor.requested(run.zones)
        credited = controller.record(run.run_id).cleaned & requested
        within, at_s = requested & self.coverable, site.now_s
        missed = [area.polygon for area in run.missed]
        known = self.known_credit(credited)
        self.false_credit = max(
            self.false_credit, self._account.credit(run.run_id, at_s, within, known, truth & requested)
        )
        self._account.complete(run.run_id, at_s, requested, credited, missed)
        if run.state is RunState.COMPLETED:
            things, others = [thing for _, thing in site.world.stood], self._others(site)
            left = self._left_coverable(site, things, others)
            blocked = [area.polygon for area in run.missed if area.reason is MissedReason.BLOCKED]
            self._account.explained(run.run_id, at_s, within & left, credited, [*things, *others], blocked, things)

    def over(self, site: NightSite, in_time: bool) -> None:
        """The night is over, `in_time` or by its limit."""
        self._contact.flush()
        for bug in site.bugs:
            self._ends.add(bug.text, bug.at_s, f"a bug: {bug.text}")
        runs = site.controller.snapshot.runs if site.controller else ()
        for run in runs:
            if not run.state.is_terminal:
                self._ends.add(run.run_id, site.now_s, f"a run is still {run.state.value}")
        if self._last_end is RunState.COMPLETED:
            self._look_for_strays(site)
        if not in_time and all(run.state.is_terminal for run in runs):
            self._ends.add("late", site.now_s, "the night did not come to rest")

    @property
    def violations(self) -> list[Violation]:
        """All that was found, in the order of time."""
        checks = (
            self._contact, self._held, self._stop, self.promises, self._reservations, self._rings, self._own_floor,
            self.closures, self._closed_floor, self._account,
        )  # fmt: skip
        found = [violation for check in checks for violation in check.findings.found]
        return sorted([*found, *self._ends.found], key=lambda violation: violation.at_s)

    def _look_at_the_clock(self, site: NightSite) -> None:
        """Across a restart closed floor lasts by the time of day: a process that has not noted that it was set cannot tell."""
        off_s = site.clock.wall_s() - MIDNIGHT_S - site.now_s
        if site.restarts != self._restarts:
            self.closures.clock_set(off_s - self._clock_off_s)
        elif site.goes_on("asleep") or site.goes_on("disk full"):
            return
        self._clock_off_s, self._restarts = off_s, site.restarts

    def _look_at_own_floor(self, now_s: float, poses: Mapping[str, Pose], held: Mapping[str, BaseGeometry]) -> None:
        if now_s >= self._own_floor_s:
            self._own_floor_s = now_s + _OWN_FLOOR_S
            self._own_floor.look(now_s, poses, held, tuple(self._were_lost))

    def _look_for_strays(self, site: NightSite) -> None:
        """After a completed run each robot that lives and is not held stands on a dock, or an alert says why not."""
        assert site.controller is not None
        told = {alert.robot for alert in site.controller.snapshot.alerts if alert.active}
        for name, robot in site.world.robots.items():
            if robot.alive and not robot.hold and robot.docked_at is None and name not in told:
                x, y = robot.pose.x_m, robot.pose.y_m
                self._ends.add(
                    ("stray", name), site.now_s, f"{name} was left at ({x:.1f}, {y:.1f}) without a word", name
                )

    def _left_coverable(
        self, site: NightSite, things: list[BaseGeometry], others: list[BaseGeometry]
    ) -> NDArray[np.bool_]:
        """What robots that may work can get to from where they are, past all that stands or stood in their way."""
        if not (things or others):
            return self.coverable
        grown = [*(thing.buffer(_BERTH_M) for thing in things), *(other.buffer(_KEPT_OFF_M) for other in others)]
        shapes = shapely.get_parts(grown)
        closed = tuple(Keepout(f"closed-{index}", shape) for index, shape in enumerate(shapes))
        # What robots hold for good is like walls: a robot within a ring of it does not begin beyond.
        grid, walls = self.store.floor.grid, np.zeros(self.store.floor.grid.shape, dtype=bool)
        for held in self._kept_for_good(site):
            grid.mark(walls, held)
        grid = replace(grid, cells=np.where(walls, OCCUPIED, grid.cells).astype(grid.cells.dtype))
        floor = replace(self.store.floor, grid=grid, keepouts=(*self.store.floor.keepouts, *closed))
        robots = site.world.robots
        starts = [
            (profile, staging if robots[name].docked_at else robots[name].pose)
            for name, (profile, staging) in self._starts.items()
            if _may_work(robots[name])
        ]
        return coverable(floor, starts)

    def _others(self, site: NightSite) -> list[BaseGeometry]:
        """Where missed floor has a cause beside the things that stood there: robots, what some hold for good, closed floor."""
        stood = [
            Point(robot.pose.x_m, robot.pose.y_m).buffer(robot.spec.profile.footprint.circumscribed_m)
            for robot in site.world.robots.values()
        ]
        return [*stood, *self._kept_for_good(site), *self.closures.ever_asked]

    def _kept_for_good(self, site: NightSite) -> list[BaseGeometry]:
        """The floor of robots that are dead, or held until the morning."""
        assert site.controller is not None
        traffic = site.controller.traffic
        return [traffic.held(name) for name, robot in site.world.robots.items() if not _may_work(robot)]


def _may_work(robot: SimulatedRobot) -> bool:
    return robot.alive and not robot.hold


def _wider(profile: RobotProfile) -> RobotProfile:
    """Gaps that are wide enough to the centimetre are no way that a robot must find."""
    return replace(profile, clearance_m=profile.clearance_m + _TIGHT_M)
