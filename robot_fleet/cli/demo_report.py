"""What came of the demo's run: figures, tables and pictures."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from robot_fleet.cli.figures import area, duration, percent, share
from robot_fleet.cli.screen import plain, print_json, stdout
from robot_fleet.cli.tables import word

if TYPE_CHECKING:
    from robot_fleet.control.snapshot import RobotView, RunRecord, RunView
    from robot_fleet.floor.store import Store
    from robot_fleet.main.truth import TrueResult

GOOD_SHARE = 0.97


@dataclass(frozen=True, eq=False)
class DemoReport:
    """The run as the controller tells it, and as the simulator saw it; `seconds` are real ones."""

    run: RunView
    robots: tuple[RobotView, ...]
    truth: TrueResult
    seconds: float
    pictures: tuple[Path, ...]

    @property
    def good(self) -> bool:
        """Whether the run completed, nearly all floor is truly clean, and nothing was hit."""
        clean = self.truth.true_share >= GOOD_SHARE and not self.truth.collisions
        return clean and self.run.state.value == "COMPLETED"

    def as_dict(self) -> dict[str, Any]:
        """For programs: plain values."""
        run, truth = self.run, self.truth
        document: dict[str, Any] = {
            "good": self.good,
            "store": run.store,
            "state": run.state.value,
            "reason": run.reason,
            "elapsed_s": round(run.elapsed_s, 1),
            "real_s": round(self.seconds, 1),
            "requested_m2": round(run.requested_m2, 2),
            "coverable_m2": round(truth.coverable_m2, 2),
            "cleaned_m2": round(run.cleaned_m2, 2),
            "true_share": round(truth.true_share, 5),
            "false_credit": round(truth.false_credit, 5),
            "missed_credit": round(truth.missed_credit, 5),
            "collisions": plain(truth.collisions),
            "zones": plain(run.zone_progress),
            "robots": [_robot_dict(self, robot) for robot in self.robots],
            "missed_m2": {zone: dict(reasons) for zone, reasons in _missed(run).items()},
            "pictures": [str(path) for path in self.pictures],
        }
        rounded: dict[str, Any] = plain(document)
        return rounded

    def show(self, as_json: bool) -> None:
        """Prints it, for people or for programs."""
        if as_json:
            print_json(self.as_dict())
            return
        for part in (_heading(self), Text(), _zones(self.run), Text(), robots_part(self), Text(), *_verdict(self)):
            stdout().print(part)


def gathered(
    store: Store,
    run: RunView,
    robots: list[RobotView],
    record: RunRecord,
    truth_file: Path,
    out: Path,
    seconds: float,
) -> DemoReport:
    """The report, with its pictures drawn into `out` and its figures beside them as report.json."""
    from robot_fleet.main.truth import true_result

    truth = true_result(store, run.zones, record, truth_file)
    report = DemoReport(run, tuple(robots), truth, seconds, _draw(store, run, record, truth, out))
    (out / "report.json").write_text(json.dumps(report.as_dict(), indent=2) + "\n")
    return report


def _draw(store: Store, run: RunView, record: RunRecord, truth: TrueResult, out: Path) -> tuple[Path, ...]:
    from robot_fleet.pictures import draw_coverage, draw_missed

    name = store.floor.name
    figures = (
        ("state", run.state.value),
        ("time", duration(run.elapsed_s)),
        ("cleaned, as credited", share(run.cleaned_m2, run.coverable_m2)),
        ("truly clean", share(truth.true_share, 1.0)),
        ("collisions", str(len(truth.collisions))),
    )
    coverage = out / f"{name}-coverage.png"
    draw_coverage(store.floor, record.cleaned, record.tracks, coverage, run.missed, truth.cleaned, figures)
    return coverage, draw_missed(store.floor, run.missed, out / f"{name}-missed.png")


def _heading(report: DemoReport) -> Text:
    run = report.run
    text = Text.assemble(("Report ", "bold"), (run.store, "bold"), "  ", word(run.state.value))
    text.append(f"  {duration(run.elapsed_s)} of the store's time, {duration(report.seconds)} of yours")
    return text.append(f"\n{run.reason}" if run.reason else "")


def _zones(run: RunView) -> Table:
    missed = _missed(run)
    table = _table("ZONE", "CLEANED", "OF THE REACHABLE FLOOR", "NOT CLEANED, AND WHY")
    for zone in run.zone_progress:
        parts = sorted(missed.get(zone.zone, {}).items(), key=lambda item: -item[1])
        why = ", ".join(f"{area(square_metres)} {reason}" for reason, square_metres in parts) or "–"
        of_all = f"{area(zone.cleaned_m2)} of {area(zone.coverable_m2)}"
        table.add_row(escape(zone.zone), share(zone.cleaned_m2, zone.coverable_m2), of_all, why)
    return table


def robots_part(report: DemoReport) -> Table:
    """One line for each robot: what it cleaned, how far it truly drove, for how long it did what, and how it stands."""
    shares = {part.robot: part for part in report.run.shares}
    table = _table("ROBOT", "CLEANED", "DROVE", "CLEANING", "DRIVING", "WAITING", "AT LAST")
    for robot in report.robots:
        part = shares.get(robot.name)
        drove = f"{report.truth.distance_m.get(robot.name, 0.0):,.0f} m"
        times = (part.cleaning_s, part.driving_s, part.waiting_s) if part else (0.0, 0.0, 0.0)
        cleaned = area(part.cleaned_m2) if part else "–"
        last = word(robot.state.value).append(f", {percent(robot.battery)}", style="default")
        table.add_row(robot.name, cleaned, drove, *map(duration, times), last)
    return table


def _verdict(report: DemoReport) -> list[RenderableType]:
    truth = report.truth
    lines = [
        f"In truth {share(truth.true_share, 1.0)} of the {area(truth.coverable_m2)} that robots can reach is clean.",
        f"Credited but not clean: {truth.false_credit:.2%}. Clean but not credited: {truth.missed_credit:.2%}.",
        *(f"Collision: {hit.robot} with {hit.other} at {hit.x_m:.2f}, {hit.y_m:.2f}" for hit in truth.collisions),
        "" if truth.collisions else "No robot touched anything.",
        *(f"Picture: {path}" for path in report.pictures),
    ]
    verdict = Text("Good.", style="bold green") if report.good else Text(_why_not_good(report), style="bold red")
    return [Text(line) for line in lines if line] + [verdict]


def _why_not_good(report: DemoReport) -> str:
    why = []
    if report.run.state.value != "COMPLETED":
        why.append(f"the run is {report.run.state.value}")
    if report.truth.true_share < GOOD_SHARE:
        why.append(f"less than {GOOD_SHARE:.0%} is truly clean")
    if report.truth.collisions:
        why.append("robots hit something")
    return f"Not good: {', '.join(why)}."


def _missed(run: RunView) -> dict[str, dict[str, float]]:
    """Square metres by zone and reason."""
    sums: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for part in run.missed:
        sums[part.zone][part.reason.value] += part.area_m2
    return sums


def _robot_dict(report: DemoReport, robot: RobotView) -> dict[str, Any]:
    part = next((part for part in report.run.shares if part.robot == robot.name), None)
    figures: dict[str, Any] = plain(part) if part else {"robot": robot.name}
    true_m = report.truth.distance_m.get(robot.name, 0.0)
    return figures | {"true_distance_m": true_m, "state": robot.state.value, "battery": robot.battery}


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column, no_wrap=column != columns[-1], overflow="fold")
    return table
