"""A run does not fail while a robot could work."""

from __future__ import annotations

from collections.abc import Collection

from robot_fleet.control.snapshot import RunView
from robot_fleet.nights.checks.violation import Findings

ABLE_S = 60.0
"""A robot that nothing ailed for so long before could have worked."""


class EndCheck:
    """Takes in, moment by moment, which robots nothing keeps from work that a controller could know."""

    def __init__(self) -> None:
        self.findings = Findings("failure")
        self._able_since_s: dict[str, float] = {}

    def look(self, now_s: float, able: Collection[str]) -> None:
        """A moment."""
        self._able_since_s = {name: self._able_since_s.get(name, now_s) for name in sorted(able)}

    def ended(self, now_s: float, run: RunView, has_no_plan: bool) -> None:
        """A run has ended; `has_no_plan`: the planner had answered that it can make none, which ends one that has none yet."""
        if run.state.value != "FAILED" or (has_no_plan and run.started_at_s is None):
            return
        able = [name for name, since_s in self._able_since_s.items() if now_s - since_s >= ABLE_S]
        if able:
            text = f"a run has FAILED ({run.reason}), though {' and '.join(able)} could have worked"
            self.findings.add(run.run_id, now_s, text)
