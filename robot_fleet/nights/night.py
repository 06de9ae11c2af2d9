"""One night: from a store, a seed and faults to what came of it. The same input gives the same night, event for event."""

from __future__ import annotations

import dataclasses
import hashlib
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robot_fleet.control.snapshot import RunView
from robot_fleet.fleet.commands import Command
from robot_fleet.floor.store import Store
from robot_fleet.nights.checks.violation import Violation
from robot_fleet.nights.eyes import Eyes
from robot_fleet.nights.faults import FLOOR_CLOSED, KINDS, REQUEST, Fault
from robot_fleet.nights.people import People
from robot_fleet.nights.reached import listening
from robot_fleet.nights.site import TICK_S, Circumstances, NightSite
from robot_fleet.nights.world import HOLDS
from robot_fleet.planning.plan import Plan, PlanRequest
from robot_fleet.sim.realism import EXECUTED, Realism

LIMIT_S = 10_800.0
"""Charging a battery alone takes 5,000 s."""
_REST_S = 3.0
# Within this time a robot that rests off its dock is sent on, or told of: messages get lost, and are sent again every few seconds.
_STRAY_S = 60.0
_FOUND_AGAIN_S = 60.0
# Within this time after the controller has heard where a robot that was found again truly is, others have braked.
_LEARNT_S = 3.0
# A pose that is heard is a moment old, and wavers.
_HEARD_M = 0.15
_RAM = Path("/dev/shm")


@dataclass(frozen=True)
class Night:
    """What a night is made of: its seed draws noise and losses, its faults say what goes wrong."""

    seed: int
    faults: tuple[Fault, ...] = ()
    limit_s: float = LIMIT_S


@dataclass(frozen=True)
class RunEnd:
    """How a run ended, or where it stood."""

    state: str
    reason: str
    seconds: float
    cleaned_m2: float
    requested_m2: float


@dataclass(frozen=True, eq=False)
class Outcome:
    """What came of a night. `digest` is the same for two nights in which the same happened."""

    seed: int
    seconds: float
    runs: tuple[RunEnd, ...]
    faults: tuple[Fault, ...]
    violations: tuple[Violation, ...]
    reached: tuple[str, ...]
    restarts: int
    false_credit: float
    makespan_s: float | None
    planned_s: float | None
    digest: str
    tracks: dict[str, NDArray[np.float64]] = field(repr=False)
    truth: NDArray[np.bool_] = field(repr=False)
    credited: NDArray[np.bool_] = field(repr=False)

    def as_dict(self) -> dict[str, Any]:
        """As plain values, without the arrays."""
        plain = {name: getattr(self, name) for name in _PLAIN}
        listed = {name: [dataclasses.asdict(entry) for entry in getattr(self, name)] for name in _LISTED}
        return {**plain, **listed, "reached": list(self.reached)}


_PLAIN = ("seed", "seconds", "restarts", "false_credit", "makespan_s", "planned_s", "digest")
_LISTED = ("runs", "faults", "violations")


def simulate(
    store: Store, night: Night, plan: Callable[[PlanRequest], Plan], realism: Realism = EXECUTED, step_s: float = TICK_S
) -> Outcome:
    """Lets the night pass and says what came of it."""
    with tempfile.TemporaryDirectory(dir=_RAM if _RAM.is_dir() else None) as folder, listening() as reached:
        about = Circumstances(store, night.faults, night.seed, plan, Path(folder), realism, step_s)
        course = _Course(about)
        try:
            return course.run(night, reached)
        finally:
            course.site.close()


class _Course:
    """The course of one night."""

    def __init__(self, about: Circumstances) -> None:
        self.eyes = Eyes(about.store)
        self.plans: list[Plan] = []
        noted = dataclasses.replace(about, plan=partial(self._noted, about.plan))
        self.site = NightSite(noted, self._commanded)
        self._people = People(self.site, self.eyes.promises, self.eyes.held, self.eyes.closures)
        self._due = sorted(self._schedule(about.faults), key=lambda entry: entry[0])
        self._judged: set[str] = set()
        self._found: dict[str, float | None] = {}
        self._rest_since_s: float | None = None
        self._left_s: float | None = None
        self._home_s: float | None = None

    def run(self, night: Night, reached: set[str]) -> Outcome:
        """Until all has come to rest, or time is up."""
        site = self.site
        while site.now_s < night.limit_s and not self._is_over():
            while self._due and self._due[0][0] <= site.now_s:
                self._due.pop(0)[1]()
            site.step()
            self._people.look()
            self.eyes.look(site)
            self._look()
        self.eyes.over(site, site.now_s < night.limit_s)
        return self._outcome(night, reached)

    def _commanded(self, command: Command) -> None:
        self.eyes.commanded(self.site, command)

    def _noted(self, plan: Callable[[PlanRequest], Plan], request: PlanRequest) -> Plan:
        made = plan(request)
        self.plans.append(made)
        return made

    def _schedule(self, faults: tuple[Fault, ...]) -> Iterator[tuple[float, Callable[[], None]]]:
        """What is to be done at which time; faults that go on for a while are looked at by those whom they befall."""
        world, site = self.site.world, self.site
        for fault in faults:
            at_s, end_s, name = fault.at_s, fault.at_s + fault.seconds, fault.robot
            if fault.kind == "dead":
                yield at_s, partial(world.kill, name)
            elif fault.kind in HOLDS:
                yield at_s, partial(world.latch, name, HOLDS[fault.kind])
                yield end_s, partial(world.release, name)
            elif fault.kind == "delocalised":
                yield at_s, partial(self._lose, fault)
                yield end_s, partial(world.notices, name)
                yield end_s + _FOUND_AGAIN_S, partial(self._find, name)
            elif fault.kind == "crash":
                yield at_s, partial(site.crash_in, int(fault.value), fault.seconds)
            elif fault.kind == "commit fails":
                yield at_s, partial(site.refuse_commit_in, int(fault.value))
            elif KINDS[fault.kind].group == REQUEST or fault.kind == FLOOR_CLOSED:
                yield at_s, partial(self._people.meet, fault)

    def _lose(self, fault: Fault) -> None:
        with self.site.fuse.spared():
            self.eyes.lose(self.site, fault.robot)
        self._found.pop(fault.robot, None)
        self.site.world.lose_way(fault.robot, fault.x_m, fault.y_m)

    def _find(self, name: str) -> None:
        """A person shows the robot where it is; one that hangs on a shelf or another robot stays there."""
        world = self.site.world
        world.found(name)
        if not self._hangs(name):
            world.release(name)
            self._found[name] = None

    def _look_for_found(self) -> None:
        """Who was found again counts as lost until the controller has heard it and others had time to brake, or have backed off."""
        if not self._found:
            return
        controller, now_s = self.site.controller, self.site.now_s
        views = {view.name: view for view in controller.snapshot.robots} if controller else {}
        for name, heard_s in list(self._found.items()):
            pose = views[name].pose if name in views else None
            truly = self.site.world.robots[name].pose
            if heard_s is None and pose is not None and pose.distance_m(truly) <= _HEARD_M:
                self._found[name] = now_s
            elif heard_s is not None and now_s >= heard_s + _LEARNT_S and not self.site.world.touches_robot(name):
                del self._found[name]
                self.eyes.lost.discard(name)

    def _hangs(self, name: str) -> bool:
        return any(name in (hit.robot, hit.other) for hit in self.site.world.collisions)

    def _look(self) -> None:
        site = self.site
        out = any(robot.alive and robot.docked_at is None for robot in site.world.robots.values())
        if out:
            self._left_s = self._left_s if self._left_s is not None else site.now_s
            self._home_s = None
        elif self._left_s is not None and self._home_s is None:
            self._home_s = site.now_s
        self._look_for_found()
        for run in self._runs():
            if run.state.is_terminal and run.run_id not in self._judged:
                self._judge(run)

    def _judge(self, run: RunView) -> None:
        self._judged.add(run.run_id)
        self.site.world.settle()
        with self.site.fuse.spared():
            self.eyes.ended(self.site, run, self.site.world.truth.cleaned)

    def _runs(self) -> tuple[RunView, ...]:
        controller = self.site.controller
        return controller.snapshot.runs if controller else ()

    def _is_over(self) -> bool:
        """Whether all runs have ended, nothing is to be asked, and robots rest, on their docks if they can get there."""
        runs, site = self._runs(), self.site
        settled = bool(runs) and all(run.state.is_terminal for run in runs) and self._people.is_content
        at_rest = all(robot.motion.at_rest for robot in site.world.robots.values())
        if not (settled and at_rest):
            self._rest_since_s = None
            return False
        self._rest_since_s = site.now_s if self._rest_since_s is None else self._rest_since_s
        return site.now_s - self._rest_since_s > (_STRAY_S if self.eyes.strays(site) else _REST_S)

    def _outcome(self, night: Night, reached: set[str]) -> Outcome:
        site, eyes = self.site, self.eyes
        runs = self._runs()
        newest = max(runs, key=lambda run: run.created_at_s, default=None)
        credited: NDArray[np.bool_] = np.zeros(site.about.store.floor.grid.shape, dtype=bool)
        if site.controller and newest:
            with site.fuse.spared():
                credited = site.controller.record(newest.run_id).cleaned
        return Outcome(
            seed=night.seed,
            seconds=round(site.now_s, 2),
            runs=tuple(_end_of(run) for run in runs),
            faults=night.faults,
            violations=tuple(eyes.violations),
            reached=tuple(sorted(reached)),
            restarts=site.restarts,
            false_credit=round(eyes.false_credit, 5),
            makespan_s=None if self._left_s is None or self._home_s is None else round(self._home_s - self._left_s, 1),
            planned_s=round(self.plans[0].makespan_s, 1) if self.plans else None,
            digest=self._digest(),
            tracks=site.world.tracks,
            truth=site.world.truth.cleaned,
            credited=credited,
        )

    def _digest(self) -> str:
        digest = hashlib.sha256()
        for name, track in sorted(self.site.world.tracks.items()):
            digest.update(name.encode() + np.ascontiguousarray(track).tobytes())
        digest.update(self.site.world.truth.cleaned.tobytes())
        return digest.hexdigest()[:16]


def _end_of(run: RunView) -> RunEnd:
    return RunEnd(
        run.state.value, run.reason, round(run.elapsed_s, 1), round(run.cleaned_m2, 2), round(run.requested_m2, 2)
    )
