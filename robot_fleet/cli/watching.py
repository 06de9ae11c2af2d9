"""Following a run: a live page for people at a terminal, plain lines in a log, JSON lines for programs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from rich.live import Live

from robot_fleet.cli.figures import area, duration, percent, share
from robot_fleet.cli.screen import is_terminal, plain, print_json_line, stdout
from robot_fleet.cli.tables import first_planning, run_page
from robot_fleet.client import Unreachable

if TYPE_CHECKING:
    from robot_fleet.client import FleetClient
    from robot_fleet.control.snapshot import RobotView, RunView

_PAGE_S, _LINE_S = 0.25, 5.0


def follow(fleet: FleetClient, run_id: str, as_json: bool) -> RunView:
    """Shows the run until it ends, and returns it as it was then."""
    if as_json:
        return _follow_as_json(fleet, run_id)
    return _follow_live(fleet, run_id) if is_terminal() else _follow_in_lines(fleet, run_id)


def run_json(run: RunView, polygons: bool = False) -> dict[str, Any]:
    """A run for programs; missed areas with their outlines only where they are asked for."""
    document: dict[str, Any] = plain(run)
    document["progress"] = run.progress
    if not polygons:
        for missed in document["missed"]:
            del missed["polygon"]
    return document


def _follow_as_json(fleet: FleetClient, run_id: str) -> RunView:
    for run in fleet.watch(run_id):
        print_json_line(run_json(run))
    return run


def _follow_live(fleet: FleetClient, run_id: str) -> RunView:
    robots: list[RobotView] = []
    with Live(console=stdout(), auto_refresh=False) as live:
        try:
            for run in fleet.watch(run_id, interval_s=_PAGE_S):
                robots = _robots(fleet, robots)
                live.update(run_page(run, robots), refresh=True)
        except KeyboardInterrupt:
            live.stop()
            print("The run goes on. `robot-fleet watch` follows it again, `robot-fleet stop` ends it.")
            raise
    return run


def _follow_in_lines(fleet: FleetClient, run_id: str) -> RunView:
    robots: list[RobotView] = []
    told_at, told_state = 0.0, None
    for run in fleet.watch(run_id, interval_s=_PAGE_S):
        if run.state is not told_state or time.monotonic() - told_at >= _LINE_S:
            robots = _robots(fleet, robots)
            told_at, told_state = time.monotonic(), run.state
            print(progress_line(run, robots), flush=True)
    return run


def _robots(fleet: FleetClient, known: list[RobotView]) -> list[RobotView]:
    """The robots, or what was known of them when the controller is just away: the watch says so if it stays away."""
    try:
        return fleet.robots()
    except Unreachable:
        return known


def progress_line(run: RunView, robots: list[RobotView]) -> str:
    """The run and its robots in one line of a log."""
    cleaned = f"{share(run.cleaned_m2, run.coverable_m2)} of {area(run.coverable_m2)} cleaned"
    if not run.coverable_m2:
        cleaned = "nothing is known of the floor yet" if not run.state.is_terminal else "nothing cleaned"
    to_go = "" if run.state.is_terminal or run.time_to_go_s is None else f", {duration(run.time_to_go_s)} to go"
    fleet = ", ".join(f"{robot.name} {robot.state.value.lower()} {percent(robot.battery)}" for robot in robots)
    note = f" ({run.reason})" if run.reason else ""
    planning = first_planning(run)
    if planning:
        return f"PLANNING: {percent(planning.share)}, {planning.step}; {fleet}{note}"
    return f"{run.state.value}: {cleaned}, {duration(run.elapsed_s)} elapsed{to_go}; {fleet}{note}"
