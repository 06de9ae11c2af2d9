"""Forgets runs, settled alerts and journal lines that are too old: at the start and once a day, a little each second.

Age is counted back from when the newest run began, not from now: a clock that is wrong by years makes nothing old.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from robot_fleet.control.ports import Record, RunStore
from robot_fleet.control.state import FleetState
from robot_fleet.fleet.entities import CleaningRun

DAY_S = 86400.0
BATCH = 500
"""So many rows or journal lines are looked at in one go, which takes some milliseconds."""
_PAUSE_S = 1.0


class Retention:
    """What ended more than `keep_days` before goes; None keeps all. The newest run always stays, and so do alerts that hold."""

    def __init__(self, state: FleetState, run_store: RunStore, keep_days: float | None) -> None:
        self._state = state
        self._run_store = run_store
        self._keep_days = keep_days
        self._sweep: Iterator[None] = iter(())
        self._sweep_s = self._next_s = state.now_s

    def tick(self) -> None:
        """Goes on for one batch, if it is time; CannotStore as for any change."""
        now_s = self._state.now_s
        if self._keep_days is None or now_s < self._next_s:
            return
        self._next_s = now_s + _PAUSE_S
        if now_s >= self._sweep_s:
            self._sweep_s, self._sweep = now_s + DAY_S, self._batches()
        next(self._sweep, None)

    def _batches(self) -> Iterator[None]:
        """One batch at each step. Runs come first: their rows need their journal lines."""
        before_s = self._oldest_s()
        for run in [run for run in self._state.runs.values() if _ended_s(run) < before_s]:
            # The run itself goes last: whatever ends the process before, the next sweep finds what is left of it.
            while self._run_store.forget("track", f"{run.run_id}/", BATCH):
                yield
            self._forget(run)
            yield
        alerts = self._state.alerts.items()
        over = [key for key, alert in alerts if not alert.active and alert.at_s < before_s]
        for first in range(0, len(over), BATCH):
            self._forget_alerts(over[first : first + BATCH])
            yield
        last = 0
        while last := self._run_store.trim_journal(before_s, last, BATCH):
            yield

    def _oldest_s(self) -> float:
        """The wall clock's time from which on everything stays."""
        began_s = [run.created_at_s for run in self._state.runs.values()]
        newest_s = min(self._state.clock.wall_s(), max(began_s, default=0.0))
        return newest_s - (self._keep_days or 0.0) * DAY_S

    def _forget(self, run: CleaningRun) -> None:
        line = {"event": "run forgotten", "run": run.run_id, "ended_at_s": run.ended_at_s}
        records = [Record(kind, run.run_id, None) for kind in ("coverage", "unplanned", "run")]
        self._run_store.commit(json.dumps([line]), records)
        del self._state.runs[run.run_id]

    def _forget_alerts(self, keys: list[str]) -> None:
        # One may have been raised again since, or be over only by the present event, which is not written yet.
        changed = self._state.effects.rows
        gone = [key for key in keys if not self._state.alerts[key].active and ("alert", key) not in changed]
        records = [Record("alert", key, None) for key in gone]
        self._run_store.commit(json.dumps([{"event": "alerts forgotten", "alerts": gone}]), records)
        for key in gone:
            del self._state.alerts[key]


def _ended_s(run: CleaningRun) -> float:
    """The wall clock's time of its end; never, for one that has not ended."""
    if not run.state.is_terminal:
        return float("inf")
    return run.created_at_s if run.ended_at_s is None else run.ended_at_s
