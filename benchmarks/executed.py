"""Executed runs: `python benchmarks/executed.py [FOLDER ...] [--robots N] [--profile W] [--seed S]`.

Each store folder (default: the stores of maps/ and, where it is there, the bookstore beside the repository) is cleaned
once in virtual time by the real controller, with working robots W unless another profile is named, and judged by what truly
happened.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable
from pathlib import Path

from robot_fleet.floor.profile import BUILT_IN
from robot_fleet.sim.executed import ExecutedRun, execute
from robot_fleet.storage.store_folder import load_store

ROOT = Path(__file__).resolve().parents[1]
DEFAULT = (("corner_shop", 1), ("supermarket", 3), ("supermarket_scan", 3))
BOOKSTORE = ROOT.parent / "shared" / "maps" / "bookstore"
COLUMNS = (
    "store               robots  true %  false %  missed %  hits  makespan s  ratio  of plan  distance m  virtual/real"
)


def stores(folders: Iterable[Path], robots: int | None) -> list[tuple[Path, int]]:
    """Which folders are run, each with its number of robots."""
    named = [(folder, robots or 2) for folder in folders]
    if named:
        return named
    found = [(ROOT / "maps" / name, robots or count) for name, count in DEFAULT]
    return [*found, *([(BOOKSTORE, robots or 2)] if BOOKSTORE.is_dir() else [])]


def line(name: str, robots: int, run: ExecutedRun, real_s: float) -> str:
    """One run as a row of the table."""
    makespan, ratio, over_plan = (
        f"{value:.{digits}f}" if value else "-"
        for value, digits in ((run.makespan_s, 0), (run.ratio, 3), (run.over_plan, 3))
    )
    shares = f"{100 * run.true_share:6.2f}  {100 * run.false_credit:7.3f}  {100 * run.missed_credit:8.3f}"
    return (
        f"{name:18}  {robots:6}  {shares}  {len(run.collisions):4}  {makespan:>10}  {ratio:>5}  {over_plan:>7}"
        f"  {sum(run.distance_m.values()):10.0f}  {run.seconds * robots / real_s:12.0f}   {run.state.value}"
    )


def main() -> None:
    """Runs and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--robots", type=int)
    parser.add_argument("--profile", choices=sorted(BUILT_IN), default="W")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--zone", action="append", default=[])
    asked = parser.parse_args()
    print(COLUMNS, flush=True)
    for folder, robots in stores(asked.folders, asked.robots):
        store = load_store(folder, robots=robots, profile=asked.profile)
        began = time.process_time()
        run = execute(store, tuple(asked.zone), seed=asked.seed)
        print(line(folder.name, robots, run, time.process_time() - began), flush=True)
        for area in run.run.missed:
            if area.area_m2 > 0.5:
                print(f"    missed {area.area_m2:6.2f} m² in {area.zone}: {area.reason.value}")
        for hit in run.collisions:
            print(f"    {hit.robot} touched {hit.other} at {hit.at_s:.1f} s, ({hit.pose.x_m:.2f}, {hit.pose.y_m:.2f})")


if __name__ == "__main__":
    main()
