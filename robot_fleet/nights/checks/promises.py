"""What was answered stays visible in every later snapshot, and nothing ends that nobody asked to end."""

from __future__ import annotations

from collections.abc import Iterable

from robot_fleet.control.snapshot import RunView, Snapshot
from robot_fleet.nights.checks.violation import Findings

LATE_S = 4.0
"""So long after a hold is over the robot's word of it may still arrive."""

_ACTIVE = ("PLANNING", "RUNNING", "PAUSING", "PAUSED")


class PromiseCheck:
    """Takes in what people ask and what is answered, and what is shown.

    What is about to be asked counts from then on: the answer may be lost, though it was done.
    """

    def __init__(self) -> None:
        self.findings = Findings("promises")
        self._runs: dict[str, str] = {}
        self._stop_asked: set[str] = set()
        self._stopped: set[str] = set()
        self._paused: set[str] = set()
        self._freed_s: dict[str, float] = {}
        self._truly_s: dict[str, float] = {}

    def started(self, now_s: float, run: RunView, request_id: str) -> None:
        """A start was acknowledged; the same request_id must have given the same run."""
        known = self._runs.setdefault(request_id, run.run_id)
        if known != run.run_id or run.request_id != request_id:
            self.findings.add(request_id, now_s, f"request {request_id} gave a second run")

    def stopping(self, run_id: str) -> None:
        """A stop is about to be asked for."""
        self._stop_asked.add(run_id)

    def stopped(self, run: RunView) -> None:
        """A stop was acknowledged."""
        self._stopped.add(run.run_id)

    def paused(self, run: RunView) -> None:
        """A pause was acknowledged."""
        self._paused.add(run.run_id)

    def resuming(self, run_id: str) -> None:
        """It is about to be asked that a run goes on."""
        self._paused.discard(run_id)

    def freed(self, now_s: float, robot: str) -> None:
        """A person's acknowledgement of a HELD robot was answered."""
        self._freed_s[robot] = now_s

    def held(self, now_s: float, truly: Iterable[str]) -> None:
        """A moment, also without a controller, and who is held by something."""
        self._truly_s |= dict.fromkeys(truly, now_s)

    def look(self, now_s: float, snapshot: Snapshot) -> None:
        """A moment, when the controller is there."""
        states = {run.run_id: run.state.value for run in snapshot.runs}
        self._look_at_runs(now_s, states)
        self._look_at_robots(now_s, (view.name for view in snapshot.robots if view.state.value == "HELD"))

    def _look_at_runs(self, now_s: float, states: dict[str, str]) -> None:
        for request_id, run_id in self._runs.items():
            if run_id not in states:
                self.findings.add((request_id, "gone"), now_s, f"the run of request {request_id} is gone")
        for run_id, state in states.items():
            if run_id in self._stopped and state in _ACTIVE:
                self.findings.add((run_id, "undone"), now_s, f"a run whose stop was acknowledged is {state}")
            if run_id in self._paused and state in ("PLANNING", "RUNNING", "COMPLETED", "FAILED"):
                self.findings.add((run_id, "goes on"), now_s, f"a run whose pause was acknowledged is {state}")
            if state == "CANCELLED" and run_id not in self._stop_asked:
                self.findings.add((run_id, "cancelled"), now_s, "a run is CANCELLED that nobody asked to stop")

    def _look_at_robots(self, now_s: float, held: Iterable[str]) -> None:
        for name in held:
            if (freed_s := self._freed_s.pop(name, None)) is None:
                continue
            truly_s = self._truly_s.get(name, 0.0)
            if truly_s < freed_s and now_s - truly_s > LATE_S:
                text = f"{name} is HELD again, though nothing held it since that was acknowledged"
                self.findings.add((name, "held"), now_s, text, name)
