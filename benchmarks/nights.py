"""The proof by nights: thousands of them, all kinds of faults, in the corner shop and in random halls.

    .venv/bin/python benchmarks/nights.py                     3,000 nights; goes on where it was broken off, on unchanged code
    .venv/bin/python benchmarks/nights.py --count 400 --seed 100000

A quarter each: the corner shop with 2, 3 and 4 robots, and halls of chance with 2 to 6. Results are kept in build/nights, in a
folder that is named after the code. Ends with 1 when anything was violated.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from robot_fleet.main.nights import ALL_PAIRS, KINDS, RANDOM, Nights, NightsSettings, pass_nights

ROOT = Path(__file__).resolve().parent.parent
SHOP = str(ROOT / "maps" / "corner_shop")
SETTINGS = {
    "corner_shop_2": NightsSettings(SHOP, 2, tuple(KINDS)),
    "corner_shop_3": NightsSettings(SHOP, 3, tuple(KINDS)),
    "corner_shop_4": NightsSettings(SHOP, 4, tuple(KINDS)),
    "halls": NightsSettings(RANDOM, None, tuple(KINDS)),
}


def code() -> str:
    """What the nights are a proof of: a hash of all modules that a night loads, and of the shop; pictures are none of it."""
    Nights(SETTINGS["corner_shop_2"])  # with the planner, which is loaded late
    names = sorted(name for name in sys.modules if name.split(".")[0] == "robot_fleet" and ".pictures" not in name)
    files = [Path(str(sys.modules[name].__file__)) for name in names]
    digest = hashlib.sha256()
    for path in (*files, *sorted(Path(SHOP).iterdir())):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def passed(count: int, seed: int, jobs: int, folder: Path) -> tuple[dict[str, list[dict[str, Any]]], float]:
    """What came of the nights of each setting, and how many new ones passed in a minute."""
    folder.mkdir(parents=True, exist_ok=True)
    columns = (
        TextColumn("{task.description:<34}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    found: dict[str, list[dict[str, Any]]] = {}
    bad, new, begun_s = 0, 0, time.monotonic()
    with Progress(*columns) as bar:
        shown = bar.add_task("nights", total=count)

        def tell(entry: dict[str, Any], is_new: bool) -> None:
            nonlocal bad, new
            bad, new = bad + bool(entry["violations"]), new + is_new
            bar.update(shown, advance=1, description=f"nights, {bad} with violations")

        for place, (name, settings) in enumerate(SETTINGS.items()):
            share = count // len(SETTINGS) + (place < count % len(SETTINGS))
            seeds = list(range(seed, seed + share))
            found[name] = pass_nights(settings, seeds, jobs, folder / f"{name}.jsonl", tell)
    return found, 60.0 * new / (time.monotonic() - begun_s)


def main() -> int:
    """Passes the nights and prints what came of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=3000, metavar="N", help="nights in all")
    parser.add_argument("--seed", type=int, default=1_000_000, metavar="S", help="the first seed of each setting")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="processes")
    args = parser.parse_args()
    version = code()
    found, pace = passed(args.count, args.seed, args.jobs, ROOT / "build" / "nights" / version)
    entries = [entry for those in found.values() for entry in those]
    faults = Counter(fault["kind"] for entry in entries for fault in entry["faults"])
    reached = {pair for entry in entries for pair in entry["reached"]}
    bad = [(name, entry) for name, those in found.items() for entry in those if entry["violations"]]
    hours, restarts = sum(entry["seconds"] for entry in entries) / 3600.0, sum(entry["restarts"] for entry in entries)
    print(f"{len(entries)} nights of code {version}, {pace:.0f} a minute, {hours:.0f} hours of the store's time")
    print(f"{sum(faults.values())} faults of {len(faults)} kinds, {restarts} restarts")
    print(f"{len(reached)} of {ALL_PAIRS} pairs of state and event")
    for name, entry in bad:
        texts = "; ".join(f"{violation['check']}: {violation['text']}" for violation in entry["violations"])
        print(f"{name}, seed {entry['seed']}: {texts}")
    print(f"{len(bad)} nights with violations")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
