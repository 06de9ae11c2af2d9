"""Plans stores, judges the plans and prints one line for each.

    .venv/bin/python benchmarks/plan.py                              every store in maps/ with 1, 2, 4 and 8 robots R
    .venv/bin/python benchmarks/plan.py maps/supermarket --robots 4 8 --profile W
    .venv/bin/python benchmarks/plan.py maps/supercenter --robots 6 --profile W --tank 3000 --battery 2.5
    .venv/bin/python benchmarks/plan.py --json > figures.json

Coverage is the covered share of the coverable floor, ratio is makespan / bound, balance is the latest finish over the
mean one. See docs/benchmarks.md for what the figures mean.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from robot_fleet.fleet.errors import InvalidInput
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.profile import BUILT_IN, Battery, RobotProfile, Tank
from robot_fleet.floor.store import RobotSpec, Store
from robot_fleet.planning.judge import Verdict, ViolationKind, judge
from robot_fleet.planning.plan import CannotPlan, LegKind, Plan, PlanRequest, Starter
from robot_fleet.planning.plan_file import plan_to_dict
from robot_fleet.planning.planner import plan
from robot_fleet.storage.store_folder import load_store

MAPS = Path(__file__).resolve().parent.parent / "maps"
FLEETS = (1, 2, 4, 8)
HEADINGS = (
    f"{'store':<18} {'robots':>6} {'coverage':>9} {'unsafe m':>8} {'tight m':>8} {'meets':>5} {'other':>5} "
    f"{'makespan s':>10} {'bound s':>8} {'ratio':>6} {'balance':>7} {'services':>8} {'plan s':>7} {'judge s':>7}"
)


@dataclass(frozen=True)
class Row:
    """One plan and what the judge says about it."""

    store: str
    robots: int
    profile: str
    coverage: float = 0.0
    requested_share: float = 0.0
    unsafe_m: float = 0.0
    tight_m: float = 0.0
    conflicts: int = 0
    other_violations: int = 0
    makespan_s: float = 0.0
    bound_s: float = 0.0
    ratio: float = 0.0
    balance: float = 0.0
    services: int = 0
    service_s: float = 0.0
    plan_s: float = 0.0
    judge_s: float = 0.0
    refused: str = ""

    def line(self) -> str:
        """The row as it stands in the table."""
        if self.refused:
            return f"{self.store:<18} {self.robots:>6} refused: {self.refused}"
        return (
            f"{self.store:<18} {self.robots:>6} {self.coverage:>9.2%} {self.unsafe_m:>8.2f} {self.tight_m:>8.2f} "
            f"{self.conflicts:>5} {self.other_violations:>5} {self.makespan_s:>10.1f} {self.bound_s:>8.1f} "
            f"{self.ratio:>6.3f} {self.balance:>7.3f} {self.services:>8} {self.plan_s:>7.1f} {self.judge_s:>7.1f}"
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the benchmark; the exit status is 1 when a plan is refused or has violations."""
    options = _options(arguments)
    rows: list[Row] = []
    if not options.json:
        print(f"profile {options.profile}\n{HEADINGS}", flush=True)
    for folder in options.stores or sorted(path.parent for path in MAPS.glob("*/map.yaml")):
        for robots in options.robots:
            row = measure(Path(folder), robots, options)
            rows.append(row)
            if not options.json:
                print(row.line(), flush=True)
    if options.json:
        print(json.dumps([asdict(row) for row in rows], indent=1))
    return int(any(row.refused or row.unsafe_m or row.conflicts or row.other_violations for row in rows))


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Plan stores, judge the plans, print the figures.")
    parser.add_argument("stores", nargs="*", type=Path, help="store folders (default: all in maps/)")
    parser.add_argument("--robots", nargs="+", type=int, default=FLEETS, help="sizes of the fleet (default: 1 2 4 8)")
    parser.add_argument("--profile", choices=sorted(BUILT_IN), default="R", help="kind of robot (default: R)")
    parser.add_argument("--tank", type=float, metavar="M2", help="give robots a tank that lasts for so much floor")
    parser.add_argument(
        "--service", type=float, default=Tank.service_s, metavar="S", help="seconds to empty and fill it"
    )
    parser.add_argument(
        "--battery", type=float, metavar="H", help="give them a battery that lasts for so many hours of cleaning"
    )
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--verbose", action="store_true", help="print each verdict as well (to stderr)")
    parser.add_argument("--keep", type=Path, help="folder to write each plan and verdict into")
    return parser.parse_args(arguments)


def measure(folder: Path, robots: int, options: argparse.Namespace) -> Row:
    """Plans one store for so many robots and judges the plan."""
    blank = Row(folder.resolve().name, robots, options.profile)
    try:
        store = load_store(folder, robots, _profile(options))
        began = time.process_time()
        made = plan(PlanRequest(store.floor, tuple(_starter(store, robot) for robot in store.robots), _zones(store)))
        plan_s = time.process_time() - began
    except (InvalidInput, CannotPlan) as refusal:
        return replace(blank, refused=str(refusal))
    began = time.process_time()
    starts = {robot.name: store.floor.dock(robot.dock).pose for robot in store.robots}
    verdict = judge(store.floor, made, {robot.name: robot.profile for robot in store.robots}, starts)
    judge_s = time.process_time() - began
    _keep(store, made, starts, verdict, options)
    stays_s = [
        leg.times_s[-1] - leg.times_s[0] for path in made.paths for leg in path.legs if leg.kind is LegKind.SERVICE
    ]
    return replace(_row(blank, verdict, plan_s, judge_s), services=len(stays_s), service_s=float(sum(stays_s)))


def _profile(options: argparse.Namespace) -> RobotProfile:
    """The profile, with the tank and the battery that were asked for."""
    profile = replace(BUILT_IN[options.profile], tank=Tank(options.tank, options.service))
    if options.battery is None:
        return profile
    return replace(profile, battery=Battery(options.battery, 2.0 * options.battery, planned=True))


def _zones(store: Store) -> tuple[str, ...]:
    return tuple(zone.name for zone in store.floor.zones)


def _starter(store: Store, robot: RobotSpec) -> Starter:
    """The robot as the planner sees it: docked, and to end on its dock."""
    dock = store.floor.dock(robot.dock)
    return Starter(robot.name, robot.profile, dock.pose, True, dock)


def _row(blank: Row, verdict: Verdict, plan_s: float, judge_s: float) -> Row:
    own_columns = (ViolationKind.UNSAFE, ViolationKind.TIGHT, ViolationKind.CONFLICT)
    others = sum(violation.kind not in own_columns for violation in verdict.violations)
    return replace(
        blank,
        coverage=verdict.coverage,
        requested_share=verdict.requested_share,
        unsafe_m=verdict.unsafe_m,
        tight_m=verdict.tight_m,
        conflicts=verdict.conflicts,
        other_violations=others,
        makespan_s=verdict.makespan_s,
        bound_s=verdict.bound_s,
        ratio=verdict.ratio,
        balance=verdict.imbalance,
        plan_s=plan_s,
        judge_s=judge_s,
    )


def _keep(store: Store, made: Plan, starts: dict[str, Pose], verdict: Verdict, options: argparse.Namespace) -> None:
    if options.verbose:
        print(verdict.text(), file=sys.stderr, flush=True)
    if options.keep:
        options.keep.mkdir(parents=True, exist_ok=True)
        stem = options.keep / f"{store.floor.name}-{len(store.robots)}{options.profile}"
        document = plan_to_dict(made, {robot.name: robot.profile for robot in store.robots}, starts)
        stem.with_suffix(".plan.json").write_text(json.dumps(document), encoding="utf-8")
        stem.with_suffix(".verdict.json").write_text(json.dumps(verdict.as_dict(), indent=1), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
