"""How far the demo is: a live page at a terminal, a line every few seconds in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from rich.console import Group
from rich.live import Live
from rich.text import Text

from robot_fleet.cli.exits import CommandFailed, Exit
from robot_fleet.cli.screen import is_terminal, stdout
from robot_fleet.cli.tables import alerts_table, run_page
from robot_fleet.cli.watching import progress_line

if TYPE_CHECKING:
    from robot_fleet.client import FleetClient
    from robot_fleet.control.snapshot import AlertView, RobotView, RunView

_LOOK_S, _LINE_S = 0.4, 5.0

Show = Callable[["RunView", "list[RobotView]", "list[AlertView]"], None]


def follow(fleet: FleetClient, run_id: str, check: Callable[[], None], limit_s: float, quiet: bool) -> RunView:
    """Shows the run until it has ended and returns it; CommandFailed when `check` raises it or `limit_s` are over.

    `quiet` keeps standard output free: the lines go to standard error.
    """
    if is_terminal() and not quiet:
        with Live(console=stdout(), auto_refresh=False, transient=True) as live:
            return _look_until_ended(
                fleet, run_id, check, limit_s, lambda *seen: live.update(_page(*seen), refresh=True)
            )
    return _look_until_ended(fleet, run_id, check, limit_s, _Lines(quiet).say)


def _look_until_ended(
    fleet: FleetClient, run_id: str, check: Callable[[], None], limit_s: float, show: Show
) -> RunView:
    deadline = time.monotonic() + limit_s
    while True:
        check()
        run = fleet.get(run_id)
        show(run, fleet.robots(), list(fleet.alerts(active_only=True)))
        if run.state.is_terminal:
            return run
        if time.monotonic() > deadline:
            remedy = "Give it more with --limit S, or a faster clock with --speed X if the machine can carry it."
            raise CommandFailed(Exit.FAILED, f"the run was not done after {limit_s:g} s and was stopped", remedy)
        time.sleep(_LOOK_S)


def _page(run: RunView, robots: list[RobotView], alerts: list[AlertView]) -> Group:
    return Group(run_page(run, robots), *([Text(), alerts_table(alerts)] if alerts else []), Text())


class _Lines:
    """One line when the state changes, a new alert comes, or a few seconds have passed."""

    def __init__(self, quiet: bool) -> None:
        self._file = sys.stderr if quiet else sys.stdout
        self._told_at, self._told_state = 0.0, ""
        self._alerts: set[str] = set()

    def say(self, run: RunView, robots: list[RobotView], alerts: list[AlertView]) -> None:
        for alert in alerts:
            if alert.alert_id not in self._alerts:
                self._alerts.add(alert.alert_id)
                print(f"{alert.severity}: {alert.text}. {alert.remedy}", file=self._file, flush=True)
        if run.state.value != self._told_state or time.monotonic() - self._told_at >= _LINE_S:
            self._told_at, self._told_state = time.monotonic(), run.state.value
            print(progress_line(run, robots), file=self._file, flush=True)
