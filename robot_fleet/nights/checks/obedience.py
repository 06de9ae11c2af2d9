"""A HELD robot does not move and is not told to; after a confirmed stop nothing moves; what was acknowledged stays visible."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from robot_fleet.control.snapshot import RunView
from robot_fleet.floor.pose import Pose
from robot_fleet.nights.checks.violation import Findings

STILL_M = 0.02
"""Less is no motion."""

BRAKES_WITHIN_S = 10.0
"""How long after it was held a robot may still brake: its cancel may come late."""


class HeldCheck:
    """Takes in which robots are HELD by the controller's account, where they are, and which drive orders leave."""

    def __init__(self) -> None:
        self.findings = Findings("held")
        self._since: dict[str, tuple[float, Pose]] = {}
        self._held: frozenset[str] = frozenset()

    def look(self, now_s: float, held: Iterable[str] | None, poses: Mapping[str, Pose]) -> None:
        """A moment; `held` None while there is no controller, which changes nothing for those that it held."""
        self._held = self._held if held is None else frozenset(held)
        for name in set(self._since) - self._held:
            del self._since[name]
        for name in self._held:
            begun_s, pose = self._since.setdefault(name, (now_s, poses[name]))
            if now_s - begun_s < BRAKES_WITHIN_S:
                self._since[name] = begun_s, poses[name]
            elif pose.distance_m(poses[name]) > STILL_M:
                self.findings.add(name, now_s, f"{name} is HELD and moves", name)

    def ordered(self, now_s: float, robot: str, is_held: bool) -> None:
        """A drive order leaves."""
        if is_held:
            self.findings.add((robot, "order"), now_s, f"{robot} is HELD and is told to drive", robot)


class StopCheck:
    """Takes in runs and poses; a stop is confirmed by CANCELLED for every robot that is not named as unconfirmed."""

    def __init__(self) -> None:
        self.findings = Findings("stop")
        self._rests: dict[str, Pose] = {}
        self._known: set[str] = set()

    def look(self, now_s: float, runs: Sequence[RunView], poses: Mapping[str, Pose]) -> None:
        """A moment. While another run is active robots may move again."""
        stopped = {run.run_id: run for run in runs if run.state.value == "CANCELLED"}
        if any(not run.state.is_terminal for run in runs):
            self._rests = {}
        for run_id in stopped.keys() - self._known:
            self._known.add(run_id)
            self._rests = {name: pose for name, pose in poses.items() if name not in stopped[run_id].unconfirmed}
        for name, pose in self._rests.items():
            if pose.distance_m(poses[name]) > STILL_M:
                self.findings.add(name, now_s, f"{name} moves after a confirmed stop", name)


class PromiseCheck:
    """Takes in what was acknowledged; it must be seen in every later snapshot, and a stop holds for ever."""

    def __init__(self) -> None:
        self.findings = Findings("promises")
        self._runs: dict[str, str] = {}
        self._stopped: set[str] = set()

    def started(self, now_s: float, run: RunView, request_id: str) -> None:
        """A start was acknowledged; the same request_id must have given the same run."""
        known = self._runs.setdefault(request_id, run.run_id)
        if known != run.run_id or run.request_id != request_id:
            self.findings.add(request_id, now_s, f"request {request_id} gave a second run")

    def stopped(self, run: RunView) -> None:
        """A stop was acknowledged."""
        self._stopped.add(run.run_id)

    def look(self, now_s: float, runs: Iterable[RunView]) -> None:
        """A moment, when the controller is there."""
        if not self._runs:
            return
        states = {run.run_id: run.state.value for run in runs}
        for request_id, run_id in self._runs.items():
            if run_id not in states:
                self.findings.add((request_id, "gone"), now_s, f"the run of request {request_id} is gone")
        for run_id in self._stopped:
            if states.get(run_id, "CANCELLED") in ("PLANNING", "RUNNING", "PAUSING", "PAUSED"):
                self.findings.add((run_id, "undone"), now_s, f"a run whose stop was acknowledged is {states[run_id]}")
