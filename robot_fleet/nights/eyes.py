"""All checks of a night, looking at its site."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import Point, Polygon
from shapely.geometry.base import BaseGeometry

from robot_fleet.control.snapshot import RunView, Snapshot
from robot_fleet.fleet.commands import Command, DockAt, Follow, Undock
from robot_fleet.fleet.entities import NOT_HERE
from robot_fleet.fleet.events import LOST
from robot_fleet.fleet.states import RobotState, RunState
from robot_fleet.floor.grid import OCCUPIED
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.profile import RobotProfile
from robot_fleet.floor.store import FloorMap, Keepout, Store
from robot_fleet.nights.ailing import able_robots
from robot_fleet.nights.causes import Causes
from robot_fleet.nights.checks.account import AccountCheck
from robot_fleet.nights.checks.closures import ClosurePromiseCheck
from robot_fleet.nights.checks.contact import ContactCheck
from robot_fleet.nights.checks.ends import EndCheck
from robot_fleet.nights.checks.floors import ClosedFloorCheck, OwnFloorCheck, ReservationCheck, RingCheck
from robot_fleet.nights.checks.obedience import HeldCheck, PauseCheck, StopCheck
from robot_fleet.nights.checks.promises import PromiseCheck
from robot_fleet.nights.checks.sweeping import SweepCheck
from robot_fleet.nights.checks.violation import Findings, Violation
from robot_fleet.nights.claims import Claims
from robot_fleet.nights.site import NightSite
from robot_fleet.planning.judging.ground import coverable
from robot_fleet.planning.plan import MissedReason
from robot_fleet.sim.virtual import MIDNIGHT_S

# Beyond their clearance robots keep so far from each other and from what they see.
_KEPT_OFF_M = 0.1
# Of a thing that nobody announced the fleet knows no more than where robots did not get on: a narrow gap beside it is no way.
_BERTH_M = 0.4
_TIGHT_M = 0.03
# These tell of a robot, but neither where it stands nor that somebody is to go there.
_TELL_OF_FLOOR = ("blocked-", "battery-", "head-", "late-", "plan-", "unserved-")
_BY_PLAN = (
    MissedReason.TOO_NARROW,
    MissedReason.UNREACHABLE,
    MissedReason.CANNOT_TURN,
    MissedReason.NO_ROBOT_MAY_ENTER,
)
_NO_ORDERS = (RobotState.OFFLINE, RobotState.HELD)


class Eyes:
    """Looks after each step; `lost` are the robots that do not know where they are, by whom nobody else can know it."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.lost: set[str] = set()
        self.claims, self.causes = Claims(store), Causes()
        self._were_lost: set[str] = set()
        self.promises, self.closures, self.held = PromiseCheck(), ClosurePromiseCheck(), HeldCheck()
        self._contact, self._stop, self._pause = ContactCheck(store), StopCheck(), PauseCheck()
        self._reservations, self._rings = ReservationCheck(), RingCheck()
        footprints = {spec.name: spec.profile.footprint for spec in store.robots}
        self._own_floor, self._closed_floor = OwnFloorCheck(footprints), ClosedFloorCheck(footprints)
        self._sweep = SweepCheck(store.floor, {spec.name: spec.profile.head for spec in store.robots})
        self._account, self._ends, self._failures = AccountCheck(store.floor), Findings("end"), EndCheck()
        self._clock_off_s, self._restarts = 0.0, 0
        self._last_end: RunState | None = None
        kinds = {spec.profile for spec in store.robots}
        self._is_mixed = len(kinds) > 1 or any(kind.is_steered for kind in kinds)
        self.false_credit = 0.0
        self._starts = {
            robot.name: (_wider(robot.profile), store.floor.dock(robot.dock).staging) for robot in store.robots
        }
        self.coverable = self._reached(store.floor, self._starts)

    def commanded(self, site: NightSite, command: Command) -> None:
        """A command leaves the controller."""
        controller = site.controller
        if controller is None or not isinstance(command, Undock | Follow | DockAt):
            return
        view = next(robot for robot in controller.snapshot.robots if robot.name == command.robot)
        self.held.ordered(site.now_s, command.robot, view.state is RobotState.HELD)

    def lose(self, site: NightSite, name: str) -> None:
        """A robot loses its way, and nobody notices yet; one that is dead neither drives nor claims anything."""
        robot = site.world.troubled[name]
        if robot.alive:
            self.lost.add(name)
            self.claims.begin(robot)

    def known_credit(self, credited: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """What must truly be clean: what a lost robot claims cannot be withdrawn before anybody knows that it is lost."""
        return credited & ~self.claims.cells

    def look(self, site: NightSite) -> None:
        """A step has passed."""
        now_s = site.now_s
        poses = {name: robot.pose for name, robot in site.world.robots.items()}
        self._contact.look(now_s, poses, site.world.things, tuple(self.lost))
        self._sweep.look((name, robot.pose, robot.head_on) for name, robot in site.world.robots.items())
        self.claims.look(site.world.troubled)
        controller = site.controller
        truly = {name for name, robot in site.world.robots.items() if robot.hold}
        self._failures.look(now_s, able_robots(site))
        self.promises.held(now_s, truly)
        closed = {view.name: view.polygon for view in controller.snapshot.closures} if controller else {}
        self.causes.look(now_s, site.world.things, closed, site.world.robots)
        if controller is None:
            self.held.look(now_s, None, truly, poses)
            return
        snapshot = controller.snapshot
        for view in snapshot.robots:
            if LOST in view.hold and LOST in site.world.robots[view.name].hold:
                self.claims.end(view.name)
        shown = [view.name for view in snapshot.robots if view.state is RobotState.HELD]
        self.held.look(now_s, shown, truly, poses, _is_stored(snapshot))
        self._stop.look(now_s, snapshot.runs, poses)
        self._pause.look(now_s, snapshot.runs, poses, [view.name for view in snapshot.robots if view.state in NOT_HERE])
        self.promises.look(now_s, snapshot)
        held = {name: controller.traffic.held(name) for name in poses}
        self.causes.look_at_runs(snapshot.runs)
        # A controller that was started anew knows of no leg that a robot behind a cut link still drives.
        legs = {view.name: site.world.robots[view.name].leg_id or view.leg_id for view in snapshot.robots}
        driving = [view.name for view in snapshot.robots if view.leg_id and view.state not in _NO_ORDERS]
        self._look_at_the_clock(site)
        self.closures.look(now_s, snapshot.closures)
        self._closed_floor.look(now_s, self.closures.promised(now_s), poses, legs, self.lost)
        self._were_lost |= self.lost
        self._were_lost -= {name for name in self._were_lost - self.lost if _is_alone(name, held)}
        known = {name: floor for name, floor in held.items() if name not in self._were_lost}
        self._reservations.look(now_s, known, driving)
        self._rings.look(now_s, controller.traffic.waiting)
        self._own_floor.look(now_s, poses, held, tuple(self._were_lost))

    def ended(self, site: NightSite, run: RunView, truth: NDArray[np.bool_]) -> None:
        """A run has ended."""
        self._last_end = run.state
        controller = site.controller
        assert controller is not None
        requested = self.store.floor.requested(run.zones)
        credited = controller.record(run.run_id).cleaned & requested
        within, at_s = requested & self.coverable, site.now_s
        self._sweep.compare(run.run_id, at_s, truth)
        missed = [area.polygon for area in run.missed]
        known = self.known_credit(credited)
        self.false_credit = max(
            self.false_credit, self._account.credit(run.run_id, at_s, within, known, truth & requested)
        )
        self._account.complete(run.run_id, at_s, requested, credited, missed)
        self._failures.ended(at_s, run, run.run_id in site.unplanned)
        if run.state is RunState.COMPLETED:
            things, others = self.causes.things, self._others(site)
            left = self._left_coverable(site, things, others)
            blocked = [area.polygon for area in run.missed if area.reason is MissedReason.BLOCKED]
            within &= left & ~self._left_out(run)
            self._account.explained(run.run_id, at_s, within, credited, [*things, *others], blocked, things)

    def _left_out(self, run: RunView) -> NDArray[np.bool_]:
        """Mask (rows, cols) of what machines that are steered do not clean, as plans say, whom the tests of planning judge."""
        left: NDArray[np.bool_] = np.zeros(self.store.floor.grid.shape, dtype=bool)
        if self._is_mixed:
            for area in run.missed:
                if area.reason in _BY_PLAN:
                    self.store.floor.grid.mark(left, area.polygon)
        return left

    def over(self, site: NightSite, in_time: bool) -> None:
        """The night is over, `in_time` or by its limit."""
        self._contact.flush()
        for bug in site.bugs:
            self._ends.add(bug.text, bug.at_s, f"a bug: {bug.text}")
        runs = site.controller.snapshot.runs if site.controller else ()
        for run in runs:
            if not run.state.is_terminal:
                self._ends.add(run.run_id, site.now_s, f"a run is still {run.state.value}")
        for name in self.strays(site):
            pose = site.world.robots[name].pose
            text = f"{name} was left at ({pose.x_m:.1f}, {pose.y_m:.1f}) without a word"
            self._ends.add(("stray", name), site.now_s, text, name)
        if not in_time and all(run.state.is_terminal for run in runs):
            self._ends.add("late", site.now_s, "the night did not come to rest")

    def strays(self, site: NightSite) -> list[str]:
        """Who lives, is not held, and stands off its dock after a completed run without an alert that says so."""
        if self._last_end is not RunState.COMPLETED or site.controller is None:
            return []
        alerts = [alert for alert in site.controller.snapshot.alerts if alert.active]
        told = {alert.robot for alert in alerts if not alert.alert_id.startswith(_TELL_OF_FLOOR)}
        return [
            name
            for name, robot in site.world.robots.items()
            if robot.alive and not robot.hold and robot.docked_at is None and name not in told
        ]

    @property
    def violations(self) -> list[Violation]:
        """All that was found, in the order of time."""
        checks = (
            self._contact, self.held, self._stop, self.promises, self._reservations, self._rings, self._own_floor,
            self.closures, self._closed_floor, self._account, self._sweep, self._pause, self._failures,
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

    def _left_coverable(
        self, site: NightSite, things: list[BaseGeometry], others: list[BaseGeometry]
    ) -> NDArray[np.bool_]:
        """What robots that may work can get to from where they are, past all that stands or stood in their way."""
        if not (things or others):
            return self.coverable
        robots = site.world.robots
        starts = {
            name: (profile, staging if robots[name].docked_at else robots[name].pose)
            for name, (profile, staging) in self._starts.items()
            if not self.causes.is_out(name)
        }
        grown = [*(thing.buffer(_BERTH_M) for thing in things), *(other.buffer(_KEPT_OFF_M) for other in others)]
        shapes = shapely.get_parts(grown)
        closed = tuple(Keepout(f"closed-{index}", shape) for index, shape in enumerate(shapes))
        # What robots hold for good, and what stands there, is like walls: a robot within a ring of it, or in a narrow gap
        # beside it, does not begin beyond.
        grid, walls = self.store.floor.grid, np.zeros(self.store.floor.grid.shape, dtype=bool)
        places = [Point(pose.x_m, pose.y_m) for _, pose in starts.values()]
        for wall in (*self._kept_for_good(site), *(_clear_of(thing, places, grid.resolution_m) for thing in things)):
            grid.mark(walls, wall)
        grid = replace(grid, cells=np.where(walls, OCCUPIED, grid.cells).astype(grid.cells.dtype))
        floor = replace(self.store.floor, grid=grid, keepouts=(*self.store.floor.keepouts, *closed))
        return self._reached(floor, starts)

    def _reached(self, floor: FloorMap, starts: Mapping[str, tuple[RobotProfile, Pose]]) -> NDArray[np.bool_]:
        """Mask (rows, cols) of what robots clean that start somewhere: each where it may be."""
        found: NDArray[np.bool_] = np.zeros(floor.grid.shape, dtype=bool)
        alike: dict[tuple[Polygon, ...], list[tuple[RobotProfile, Pose]]] = {}
        for name, (profile, pose) in starts.items():
            alike.setdefault(floor.barred_to(name, profile), []).append((profile, pose))
        for barred, group in alike.items():
            others = tuple(Keepout(f"barred-{index}", polygon) for index, polygon in enumerate(barred))
            found |= coverable(replace(floor, keepouts=(*floor.keepouts, *others)), group)
        return found

    def _others(self, site: NightSite) -> list[BaseGeometry]:
        """Where missed floor has a cause beside the things that stood there: robots, what some hold for good, closed floor."""
        return [
            # Where machines of other kinds clean beside it, one of them may be given all that is left.
            *self.causes.bodies(site.world.robots, () if self._is_mixed else able_robots(site)),
            *self._kept_for_good(site),
            *self.causes.closed,
        ]

    def _kept_for_good(self, site: NightSite) -> list[BaseGeometry]:
        """The floor of robots that are dead, or held until the morning."""
        assert site.controller is not None
        traffic = site.controller.traffic
        return [traffic.held(name) for name in site.world.robots if self.causes.is_out(name)]


def _clear_of(thing: BaseGeometry, places: Sequence[Point], off_m: float) -> BaseGeometry:
    """The thing and the berth around it, as far as nobody's middle is within."""
    return thing.buffer(max(0.0, min([_BERTH_M, *(thing.distance(place) - off_m for place in places)])))


def _is_alone(name: str, held: Mapping[str, BaseGeometry]) -> bool:
    """Whether the robot's floor is its own: one that was found may stand in the midst of what another had been granted."""
    return not any(floor.intersects(held[name]) for other, floor in held.items() if other != name)


def _is_stored(snapshot: Snapshot) -> bool:
    """Whether what is seen outlasts a crash; if not, an alert says so."""
    return not any(alert.alert_id == "storage" and alert.active for alert in snapshot.alerts)


def _wider(profile: RobotProfile) -> RobotProfile:
    """Gaps that are wide enough to the centimetre are no way that a robot must find."""
    return replace(profile, clearance_m=profile.clearance_m + _TIGHT_M)
