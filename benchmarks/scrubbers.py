"""Benchmarks plans for long scrubbers S, alone, beside round robots R, and with tanks and batteries; all judged by one judge.

    .venv/bin/python benchmarks/scrubbers.py                              all cases: ten minutes or more
    .venv/bin/python benchmarks/scrubbers.py --cases supermarket          those whose store is called so
    .venv/bin/python benchmarks/scrubbers.py --write docs/benchmarks.md   puts the table into a file, at its mark

The bookstore is a public map that is no part of this repository: it is looked for beside it, or where --bookstore says.
See docs/benchmarks.md for what the figures mean. `make bench` does this behind the other benchmark.
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).resolve().parent))

from table import between_marks

from robot_fleet.fleet.errors import InvalidInput
from robot_fleet.floor.profile import BUILT_IN, Battery, RobotProfile, Tank
from robot_fleet.floor.store import Store
from robot_fleet.planning.judge import Verdict, judge
from robot_fleet.planning.plan import CannotPlan, LegKind, Plan, PlanRequest, Starter
from robot_fleet.planning.planner import plan
from robot_fleet.storage.store_folder import load_store

ROOT = Path(__file__).resolve().parent.parent
MARKS = "<!-- scrubbers begin -->", "<!-- scrubbers end -->"
HEADINGS = (
    "store", "robots", "coverage", "unsafe m", "other", "makespan s", "ratio", "water left", "services", "missed", "account",
    "plan s",
)  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A store and its robots by their profiles; scrubbers get a tank for so much floor, a battery for so many hours."""

    store: str
    robots: str
    tank_m2: float | None = None
    battery_h: float | None = None

    @property
    def name(self) -> str:
        """The robots as the table names them."""
        kinds = " + ".join(f"{self.robots.count(kind)} {kind}" for kind in dict.fromkeys(self.robots))
        tank = f", a tank for {self.tank_m2:,.0f} m²" if self.tank_m2 else ""
        return kinds + tank + (f", a battery for {self.battery_h:g} h" if self.battery_h else "")

    def profile(self, kind: str) -> RobotProfile:
        """The profile of a robot."""
        found = BUILT_IN[kind]
        if self.tank_m2 is not None:
            found = replace(found, tank=Tank(self.tank_m2, Tank.service_s))
        if self.battery_h is not None:
            found = replace(found, battery=Battery(self.battery_h, 2.0 * self.battery_h, planned=True))
        return found


CASES = (
    Case("supermarket", "S"),
    Case("supermarket", "SS"),
    Case("supermarket", "SSRR"),
    Case("supercenter", "S" * 6),
    Case("supercenter", "S" * 6, 3000.0, 2.5),
    Case("bookstore", "SR"),
)


def row_of(case: Case, folder: Path) -> list[str]:
    """The cells of a case's row; a refusal stands in the last one."""
    try:
        store = _loaded(case, folder)
        began = time.perf_counter()
        made = plan(PlanRequest(store.floor, _starters(store), tuple(zone.name for zone in store.floor.zones)))
        seconds = time.perf_counter() - began
    except (InvalidInput, CannotPlan) as refusal:
        return [case.store, case.name, *["–"] * (len(HEADINGS) - 3), str(refusal)]
    profiles = {robot.name: robot.profile for robot in store.robots}
    verdict = judge(store.floor, made, profiles, {one.name: one.pose for one in _starters(store)})
    return [case.store, case.name, *_figures(made, verdict), f"{seconds:.0f}"]


def _loaded(case: Case, folder: Path) -> Store:
    """The store with the case's robots: in its own docks, if it has any that hold them, else in such as are placed for each."""
    if (folder / "floor.geojson").is_file():
        # What holds a long robot holds the others.
        found = load_store(folder, len(case.robots), "S")
    else:
        with TemporaryDirectory() as name:
            for file in folder.glob("map.*"):
                shutil.copy(file, name)
            robots = [{"name": f"robot_{k + 1}", "profile": kind} for k, kind in enumerate(case.robots)]
            (Path(name) / "store.yaml").write_text(json.dumps({"robots": robots}), encoding="utf-8")
            found = load_store(Path(name))
    kinds = zip(found.robots, case.robots, strict=True)
    return replace(found, robots=tuple(replace(robot, profile=case.profile(kind)) for robot, kind in kinds))


def _starters(store: Store) -> tuple[Starter, ...]:
    docks = [store.floor.dock(robot.dock) for robot in store.robots]
    return tuple(
        Starter(robot.name, robot.profile, dock.pose, True, dock)
        for robot, dock in zip(store.robots, docks, strict=True)
    )


def _figures(made: Plan, verdict: Verdict) -> list[str]:
    services = sum(leg.kind is LegKind.SERVICE for path in made.paths for leg in path.legs)
    missed_m2: dict[str, float] = {}
    for area in made.missed:
        missed_m2[area.reason.value] = missed_m2.get(area.reason.value, 0.0) + area.area_m2
    accounted = (made.planned_m2 + sum(missed_m2.values())) / made.requested_m2
    return [
        _percent(verdict.coverage, 2),
        f"{verdict.unsafe_m:.2f}".removesuffix(".00"),
        str(len(verdict.violations)),
        f"{verdict.makespan_s:.0f}",
        f"{verdict.ratio:.3f}",
        _percent(verdict.water_share, 2),
        str(services),
        "; ".join(f"{area:.1f} m² {reason}" for reason, area in missed_m2.items()),
        _percent(accounted, 1),
    ]


def _percent(share: float, digits: int) -> str:
    """As a percentage; a dash where there is nothing of which it would be a share."""
    return "–" if math.isnan(share) else f"{100 * share:.{digits}f} %"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the cases; the exit status is 1 when a plan is refused or has violations."""
    parser = argparse.ArgumentParser(description="Benchmark plans for long scrubbers.")
    parser.add_argument("--cases", nargs="+", metavar="STORE", help="stores whose cases are run (default: all)")
    parser.add_argument("--bookstore", type=Path, default=ROOT.parent / "shared" / "maps" / "bookstore", metavar="DIR")
    parser.add_argument("--write", type=Path, metavar="FILE", help="put the table into a Markdown file, at its mark")
    options = parser.parse_args(arguments)
    rows: list[list[str]] = []
    for case in CASES:
        folder = options.bookstore if case.store == "bookstore" else ROOT / "maps" / case.store
        if options.cases and case.store not in options.cases:
            continue
        if not folder.is_dir():
            print(f"{case.store}: there is no {folder}", file=sys.stderr)
            continue
        rows.append(row_of(case, folder))
        print(" | ".join(rows[-1]), flush=True)
    if options.write:
        text = options.write.read_text(encoding="utf-8")
        options.write.write_text(between_marks(text, MARKS, HEADINGS, rows), encoding="utf-8")
    return int(any(row[2] == "–" or row[4] != "0" for row in rows))


if __name__ == "__main__":
    sys.exit(main())
