"""Executed runs: a whole cleaning run in virtual time by the real controller, judged by what truly happened."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import NDArray

from robot_fleet.control.snapshot import RobotView, RunView
from robot_fleet.fleet.states import RunState
from robot_fleet.floor.store import Store
from robot_fleet.planning.judging.ground import coverable
from robot_fleet.planning.plan import Plan, PlanRequest
from robot_fleet.sim.contact import Collision
from robot_fleet.sim.realism import EXECUTED, Realism
from robot_fleet.sim.site import VirtualSite

_LOOK_S = 1.0
_SETTLE_S = 5.0


@dataclass(frozen=True)
class RobotDies:
    """The robot's power fails `at_s` seconds after the start."""

    robot: str
    at_s: float


@dataclass(frozen=True)
class EStopPressed:
    """Somebody presses the robot's e-stop; with `seconds`, it is released after so long and acknowledged by a person."""

    robot: str
    at_s: float
    seconds: float | None = None


@dataclass(frozen=True)
class ControllerRestarts:
    """The controller's process dies and comes back on the same storage, `down_s` later."""

    at_s: float
    down_s: float = 0.0


Mishap = RobotDies | EStopPressed | ControllerRestarts


@dataclass(frozen=True, eq=False)
class ExecutedRun:
    """What came of a run. Shares are of the coverable floor (definitions): truly clean, falsely credited, not credited.

    `makespan_s` runs from the first departure until the last robot that can is back on its dock (None: it never was),
    `planned_s` is that of the first plan;
    masks are (rows, cols); tracks are true ways, (n, 3): seconds, x, y in the map frame.
    """

    run: RunView
    robots: tuple[RobotView, ...]
    seconds: float
    makespan_s: float | None
    planned_s: float | None
    bound_s: float
    true_share: float
    false_credit: float
    missed_credit: float
    collisions: tuple[Collision, ...]
    distance_m: dict[str, float]
    scrubbed_m2: dict[str, float]
    tracks: dict[str, NDArray[np.float64]] = field(repr=False)
    coverable: NDArray[np.bool_] = field(repr=False)
    truth: NDArray[np.bool_] = field(repr=False)
    credited: NDArray[np.bool_] = field(repr=False)

    @property
    def state(self) -> RunState:
        """How the run ended, or where it stood at the time limit."""
        return self.run.state

    @property
    def ratio(self) -> float | None:
        """Makespan over its bound."""
        return self.makespan_s / self.bound_s if self.makespan_s is not None else None

    @property
    def over_plan(self) -> float | None:
        """Makespan over that of the first plan: what traffic, stops and make-up passes cost."""
        return self.makespan_s / self.planned_s if self.makespan_s is not None and self.planned_s else None


def execute(
    store: Store,
    zones: tuple[str, ...] = (),
    realism: Realism = EXECUTED,
    seed: int = 0,
    limit_s: float = 6 * 3600.0,
    faults: Sequence[Mishap] = (),
    plan: Callable[[PlanRequest], Plan] | None = None,
    step_s: float = 0.05,
) -> ExecutedRun:
    """Starts a run over the zones (none: all) and lets virtual time pass until it has ended and the robots rest."""
    planner, planned_s = plan or _planner(), list[float]()

    def noted(request: PlanRequest) -> Plan:
        made = planner(request)
        planned_s.append(made.makespan_s)
        return made

    site = VirtualSite(store, noted, realism, seed, step_s)
    site.advance(_SETTLE_S)
    run_id = site.controller.start_run(zones, f"executed-{seed}").run_id
    times = _Departures()
    due = _schedule(site, faults)
    while site.world.now_s < limit_s and not _is_over(site, run_id):
        while due and due[0][0] <= site.world.now_s:
            due.pop(0)[1]()
        site.advance(min(_LOOK_S, max(site.step_s, due[0][0] - site.world.now_s)) if due else _LOOK_S)
        times.look(site)
    return _judged(site, run_id, times, planned_s[0] if planned_s else None)


class _Departures:
    """When the first robot left its dock and when the last one came back."""

    def __init__(self) -> None:
        self.first_s: float | None = None
        self.last_s: float | None = None

    def look(self, site: VirtualSite) -> None:
        out = [robot for robot in site.world.robots.values() if robot.alive and robot.docked_at is None]
        if out:
            self.first_s = self.first_s if self.first_s is not None else site.world.now_s
            self.last_s = None
        elif self.first_s is not None and self.last_s is None:
            self.last_s = site.world.now_s

    @property
    def makespan_s(self) -> float | None:
        return None if self.first_s is None or self.last_s is None else self.last_s - self.first_s


def _planner() -> Callable[[PlanRequest], Plan]:
    from robot_fleet.planning.planner import plan

    return plan


def _schedule(site: VirtualSite, faults: Sequence[Mishap]) -> list[tuple[float, Callable[[], None]]]:
    found: list[tuple[float, Callable[[], None]]] = []
    for fault in faults:
        if isinstance(fault, ControllerRestarts):
            found.append((fault.at_s, site.kill_controller))
            up_s = fault.at_s + fault.down_s
            others = (other for other in faults if isinstance(other, ControllerRestarts) and other is not fault)
            if not any(other.at_s <= up_s < other.at_s + other.down_s for other in others):
                found.append((up_s, site.restart_controller))
            continue
        name = fault.robot
        if isinstance(fault, RobotDies):
            found.append((fault.at_s, partial(site.world.kill, name)))
            continue
        found.append((fault.at_s, partial(site.world.press_e_stop, name)))
        if fault.seconds is not None:
            released_s = fault.at_s + fault.seconds
            found.append((released_s, partial(site.world.release, name)))
            found.append((released_s + 2.0, partial(_acknowledge, site, name)))
    return sorted(found, key=lambda entry: entry[0])


def _acknowledge(site: VirtualSite, name: str) -> None:
    # Asks the site for its controller when the time has come: it may be another one by then.
    site.controller.acknowledge(name, "somebody")


def _is_over(site: VirtualSite, run_id: str) -> bool:
    run = next(view for view in site.controller.snapshot.runs if view.run_id == run_id)
    at_rest = all(robot.motion.at_rest for robot in site.world.robots.values())
    return run.state.is_terminal and at_rest


def _judged(site: VirtualSite, run_id: str, times: _Departures, planned_s: float | None) -> ExecutedRun:
    store, world = site.store, site.world
    world.settle()
    run = next(view for view in site.controller.snapshot.runs if view.run_id == run_id)
    starts = [(robot.profile, store.floor.dock(robot.dock).staging) for robot in store.robots]
    requested = store.floor.requested(run.zones)
    within = requested & coverable(store.floor, starts)
    cells = max(1, int(np.count_nonzero(within)))
    truth, credited = world.truth.cleaned & requested, site.controller.record(run_id).cleaned & requested
    width_rate = sum(robot.profile.head.width_m * robot.profile.speed_mps for robot in store.robots)
    return ExecutedRun(
        run=run,
        robots=site.controller.snapshot.robots,
        seconds=world.now_s,
        makespan_s=times.makespan_s,
        planned_s=planned_s,
        bound_s=cells * store.floor.grid.cell_area_m2 / width_rate,
        true_share=int(np.count_nonzero(truth & within)) / cells,
        false_credit=int(np.count_nonzero(credited & ~truth)) / cells,
        missed_credit=int(np.count_nonzero(truth & ~credited)) / cells,
        collisions=tuple(world.collisions),
        distance_m=world.distance_m,
        scrubbed_m2=world.scrubbed_m2,
        tracks=world.tracks,
        coverable=within,
        truth=truth,
        credited=credited,
    )
