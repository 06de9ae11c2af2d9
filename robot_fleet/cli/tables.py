"""Runs, robots and alerts as tables."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from robot_fleet.cli.figures import area, duration, percent, share, time_of_day

if TYPE_CHECKING:
    from robot_fleet.control.snapshot import AlertView, ClosureView, PlanningProgress, RobotView, RunView
    from robot_fleet.planning.plan import MissedArea, Plan, PlanRequest, Starter

_DROPS_M2 = 0.05
_MOST_NAMED = 3
_STYLES = {
    "PLANNING": "cyan",
    "RUNNING": "bold green",
    "PAUSING": "yellow",
    "PAUSED": "yellow",
    "STOPPING": "yellow",
    "COMPLETED": "green",
    "CANCELLED": "magenta",
    "FAILED": "bold red",
    "CLEANING": "green",
    "WAITING": "yellow",
    "HELD": "bold red",
    "OFFLINE": "red",
    "ERROR": "bold red",
    "WARNING": "yellow",
    "INFO": "cyan",
}


def word(state: str) -> Text:
    """A state in its colour."""
    return Text(state, style=_STYLES.get(state, ""))


def runs_table(runs: Iterable[RunView]) -> Table:
    """One line for each run, with what there is to say of it below its zones."""
    table = _table("RUN", "STATE", "ASKED FOR", "TOOK", "CLEANED", "ZONES")
    for run in runs:
        cleaned = share(run.cleaned_m2, run.coverable_m2)
        zones = Text(", ".join(run.zones))
        note = run.reason or _unconfirmed(run)
        zones.append(f"\n{note}" if note else "", style="dim")
        when = time_of_day(run.created_at_s)
        table.add_row(run.run_id, word(run.state.value), when, duration(run.elapsed_s), cleaned, zones)
    return table


def robots_table(robots: Iterable[RobotView], run: RunView | None = None) -> Table:
    """One line for each robot; with a run, also what the robot did in it."""
    shares = {part.robot: part for part in run.shares} if run else {}
    columns = ("CLEANED", "DRIVEN") if run else ("POSITION",)
    table = _table("ROBOT", "STATE", "BATTERY", "HEAD", *columns, "NOTE")
    for robot in robots:
        part = shares.get(robot.name)
        if run:
            figures = [area(part.cleaned_m2), f"{part.distance_m:,.0f} m"] if part else ["–", "–"]
        else:
            figures = [_position(robot)]
        head = "on" if robot.head_on else "off"
        note = f"held: {robot.hold}" if robot.hold else robot.detail
        table.add_row(robot.name, word(robot.state.value), _battery(robot), head, *figures, escape(note))
    return table


def alerts_table(alerts: Iterable[AlertView]) -> Table:
    """One line for each alert, with what to do below it."""
    table = _table("SINCE", "SEVERITY", "ACTIVE", "WHAT")
    for alert in alerts:
        what = Text(alert.text)
        what.append(f"\n{alert.remedy}" if alert.remedy else "", style="dim")
        table.add_row(time_of_day(alert.at_s), word(alert.severity), "yes" if alert.active else "no", what)
    return table


def closures_table(closures: Iterable[ClosureView]) -> Table:
    """One line for each piece of closed floor; the robots that stand in it last."""
    table = _table("NAME", "AREA", "SINCE", "UNTIL", "ROBOTS IN IT")
    for closure in closures:
        until = "it is opened" if closure.ends_at_s is None else time_of_day(closure.ends_at_s)
        inside = ", ".join(closure.inside) or "none"
        since = time_of_day(closure.closed_at_s)
        table.add_row(escape(closure.name), area(closure.polygon.area), since, until, escape(inside))
    return table


def zones_table(run: RunView) -> Table:
    """One line for each zone of the run."""
    table = _table("ZONE", "CLEANED", "OF THE REACHABLE FLOOR", "UNREACHABLE")
    for zone in run.zone_progress:
        lost = max(0.0, zone.requested_m2 - zone.coverable_m2)
        of_all = f"{area(zone.cleaned_m2)} of {area(zone.coverable_m2)}"
        table.add_row(escape(zone.zone), share(zone.cleaned_m2, zone.coverable_m2), of_all, area(lost))
    return table


def run_page(run: RunView, robots: Iterable[RobotView], width: int = 60) -> RenderableType:
    """All that is worth knowing of a run at this moment."""
    head = Text.assemble(("Run ", "bold"), (run.run_id, "bold"), "  ", word(run.state.value))
    head.append(f"  {run.store}: {', '.join(run.zones)}")
    parts: list[RenderableType] = [head, _bar(run, width), Text(_progress_line(run))]
    notes = [note for note in (run.reason, _unconfirmed(run)) if note]
    parts += [Text(note, style="yellow") for note in notes]
    parts += [Text(), robots_table(robots, run)]
    if len(run.zone_progress) > 1:
        parts += [Text(), zones_table(run)]
    if run.missed:
        parts += [Text(), Text(_not_cleaned(run.missed), style="dim")]
    return Group(*parts)


def first_planning(run: RunView) -> PlanningProgress | None:
    """How far the plan is while nothing moves yet; later plans are made while robots are at work."""
    return run.planning if run.state.value == "PLANNING" else None


def _bar(run: RunView, width: int) -> Table:
    grid = Table.grid(padding=(0, 2))
    planning = first_planning(run)
    done, style = (planning.share, "cyan") if planning else (run.progress, "green")
    bar = ProgressBar(total=100.0, completed=100.0 * done, width=width, complete_style=style)
    grid.add_row(bar, Text(percent(done) if planning else share(run.cleaned_m2, run.coverable_m2), style="bold"))
    return grid


def _progress_line(run: RunView) -> str:
    cleaned = f"{area(run.cleaned_m2)} of {area(run.coverable_m2)} cleaned"
    planning = first_planning(run)
    if planning:
        return f"planning: {planning.step}"
    parts = [cleaned if run.coverable_m2 else "nothing is known of the floor yet", f"{duration(run.elapsed_s)} elapsed"]
    if not run.state.is_terminal and run.time_to_go_s is not None:
        parts.append(f"{duration(run.time_to_go_s)} to go")
    return "  ·  ".join(parts)


def _not_cleaned(missed: Iterable[MissedArea]) -> str:
    sums: dict[str, float] = {}
    for part in missed:
        sums[part.reason.value] = sums.get(part.reason.value, 0.0) + part.area_m2
    ordered = sorted(sums.items(), key=lambda item: -item[1])
    return "Not cleaned: " + ", ".join(f"{area(square_metres)} {reason}" for reason, square_metres in ordered)


def _unconfirmed(run: RunView) -> str:
    return f"not known to be at rest: {', '.join(run.unconfirmed)}" if run.unconfirmed else ""


def _battery(robot: RobotView) -> str:
    return f"{percent(robot.battery)}{' ⚡' if robot.charging else ''}"


def _position(robot: RobotView) -> str:
    return f"{robot.pose.x_m:.2f}, {robot.pose.y_m:.2f} m" if robot.pose else "–"


def _table(*columns: str) -> Table:
    """A plain table. On a narrow screen the last column gives way, line by line: no other is cut before it."""
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for column in columns[:-1]:
        table.add_column(column, no_wrap=True, min_width=len(column))
    table.add_column(columns[-1], overflow="fold", ratio=1)
    return table


def _meetings(pairs: int) -> str:
    who = "Two robots meet" if pairs == 1 else f"{pairs} pairs of robots meet"
    return f"{who} by this plan's times, and one will have to wait: fewer robots, or docks with room, may be as quick"


def _services(plan: Plan) -> list[Text]:
    """How often robots go to a dock on their tours, and for how long; nothing where none does."""
    stays_s = [
        leg.times_s[-1] - leg.times_s[0] for path in plan.paths for leg in path.legs if leg.kind.value == "service"
    ]
    times = "1 service" if len(stays_s) == 1 else f"{len(stays_s)} services"
    return [Text(f"{times} at docks, {duration(float(sum(stays_s)))} in all")] if stays_s else []


def _water(left_m2: float, robots: Iterable[Starter]) -> list[Text]:
    """That floor stays wet, and why; nothing of drops."""
    narrow = [
        f"{robot.name}'s is {robot.profile.head.width_m - robot.profile.squeegee.width_m:.2f} m narrower than its head"
        for robot in robots
        if robot.profile.squeegee is not None and robot.profile.squeegee.width_m < robot.profile.head.width_m
    ]
    why = "".join(f", {one}" for one in narrow[:_MOST_NAMED]) or ", in turns and at ends"
    what = f"{area(left_m2)} of scrubbed floor will stay wet, where no squeegee passes later: {why[2:]}"
    return [Text(what, style="yellow")] if left_m2 >= _DROPS_M2 else []


def plan_page(plan: Plan, request: PlanRequest) -> RenderableType:
    """What a plan promises: each robot's part, the time, what stays dirty, and what is late."""
    late = [zone.told(request.floor, request.begins) for zone in plan.late if request.begins]
    table = _table("ROBOT", "LANES", "CLEANS FOR", "WAY WITHOUT CLEANING", "BACK AFTER")
    for path in plan.paths:
        lanes = [leg for leg in path.legs if leg.head_on]
        other_m = sum(leg.length_m for leg in path.legs if not leg.head_on)
        metres = f"{sum(leg.length_m for leg in lanes):,.0f} m"
        table.add_row(path.robot, str(len(lanes)), metres, f"{other_m:,.0f} m", duration(path.finish_s))
    of_all = f"{area(plan.planned_m2)} of {area(plan.coverable_m2)} that can be reached"
    ratio = f", {plan.makespan_s / plan.bound_s:.2f} times the bound" if plan.bound_s else ""
    return Group(
        Text.assemble(("Plan ", "bold"), (plan.floor, "bold"), f": {', '.join(plan.zones)}"),
        Text(f"{share(plan.planned_m2, plan.coverable_m2)} cleaned, {of_all}"),
        Text(f"done after {duration(plan.makespan_s)}{ratio}"),
        *_services(plan),
        *([Text(_not_cleaned(plan.missed), style="dim")] if plan.missed else []),
        *_water(plan.water_left_m2, request.robots),
        *(Text(f"{told}: start earlier, or with more robots", style="yellow") for told in late),
        *([Text(_meetings(plan.meetings), style="yellow")] if plan.meetings else []),
        *(
            Text(f"{name} cleans nothing: {fault.what}. {fault.remedy}", style="yellow")
            for name, fault in plan.unserved
        ),
        Text(),
        table,
    )
