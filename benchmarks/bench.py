"""Benchmarks plans: ours and those of public planners, on stores, with fleets of several sizes, all judged by one judge.

    robot-fleet bench --quick                       small stores, small fleets: about a minute
    robot-fleet bench                               the stores of maps/ with 1, 2, 4, 8 and 20 robots R: an hour or more
    robot-fleet bench --stores my_store --robots 3  your own
    make bench                                      all of it, and the table of docs/benchmarks.md anew

See docs/benchmarks.md for what the figures mean.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from peers.fleet_paths import fleet_plan, floor_for_peers
from peers.running import PEERS, Answer, Peer, PeerFailed, answers
from table import as_text, written

from robot_fleet.fleet.errors import InvalidInput
from robot_fleet.floor.store import Store
from robot_fleet.planning.judge import Verdict, ViolationKind, judge
from robot_fleet.planning.plan import CannotPlan, Plan, PlanRequest, Starter
from robot_fleet.planning.plan_file import PlanDocument, document_from_dict
from robot_fleet.planning.planner import plan
from robot_fleet.planning.rehearsal import rehearse
from robot_fleet.planning.routing import Router
from robot_fleet.storage.store_folder import load_store

MAPS = Path(__file__).resolve().parent.parent / "maps"
FLEETS = (1, 2, 4, 8, 20)
QUICK_STORES, QUICK_FLEETS = ("corner_shop", "corner_shop_scan"), (1, 2)
PROFILE = "R"
OURS = "robot_fleet"
# Of a peer's settings two are shown: the quickest that is worth the name of coverage, and the most thorough.
WORTH, NEARLY = 0.97, 0.001


@dataclass(frozen=True)
class Row:
    """One plan and what the judge says about it."""

    store: str
    robots: int
    planner: str
    settings: str = ""
    coverage: float = 0.0
    unsafe_m: float = 0.0
    tight_m: float = 0.0
    meets: int = 0
    other: int = 0
    makespan_s: float = 0.0
    bound_s: float = 0.0
    ratio: float = 0.0
    balance: float = 0.0
    plan_s: float = 0.0
    refused: str = ""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the benchmark; the exit status is 1 when a plan of ours is refused, unsafe or cannot be driven."""
    options = _options(arguments)
    rows: list[Row] = []
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), _ready) as pool:
        for row in _rows(options, pool):
            rows.append(row)
            if not options.json:
                print(as_text(row), flush=True)
    if options.json:
        print(json.dumps([asdict(row) for row in rows], indent=1))
    if options.write:
        options.write.write_text(written(options.write.read_text(encoding="utf-8"), rows), encoding="utf-8")
    return int(any(row.refused or row.unsafe_m or row.other for row in rows if row.planner == OURS))


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="robot-fleet bench", description="Benchmark plans, ours and others'.")
    parser.add_argument("--quick", action="store_true", help="small stores and fleets: about a minute")
    parser.add_argument("--stores", nargs="+", type=Path, help="store folders (default: all in maps/)")
    parser.add_argument("--robots", nargs="+", type=int, help="sizes of the fleet (default: 1 2 4 8 20)")
    parser.add_argument("--no-peers", action="store_true", help="our plans alone")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--write", type=Path, metavar="FILE", help="put the table into a Markdown file, at its mark")
    found = parser.parse_args(arguments)
    every = sorted(path.parent for path in MAPS.glob("*/map.yaml"))
    found.stores = found.stores or [MAPS / name for name in QUICK_STORES] if found.quick else found.stores or every
    found.robots = found.robots or (QUICK_FLEETS if found.quick else FLEETS)
    return found


def _rows(options: argparse.Namespace, pool: ProcessPoolExecutor) -> Iterator[Row]:
    for folder in options.stores:
        known = {} if options.no_peers else {peer: _answers(peer, folder) for peer in PEERS}
        for robots in options.robots:
            blank = Row(folder.resolve().name, robots, OURS)
            try:
                store = load_store(folder, robots, PROFILE)
            except InvalidInput as refusal:
                yield replace(blank, refused=str(refusal))
                continue
            yield _ours(blank, store, pool)
            for peer, found in known.items():
                best = list(_of_peer(replace(blank, planner=peer.name), store, found))
                yield from (row for row, _ in best)
                # What is best for one fleet is taken for the others: judging every setting each time would take hours.
                known[peer] = [answer for _, answer in best if answer is not None] or found


def _ready() -> None:
    """In the planning process: loops are compiled before anything is measured, as in every planning process."""
    rehearse()


def _ours(blank: Row, store: Store, pool: ProcessPoolExecutor) -> Row:
    docks = {robot.name: store.floor.dock(robot.dock) for robot in store.robots}
    starters = tuple(Starter(r.name, r.profile, docks[r.name].pose, True, docks[r.name]) for r in store.robots)
    zones = tuple(zone.name for zone in store.floor.zones)
    try:
        made, seconds = pool.submit(_planned, PlanRequest(store.floor, starters, zones)).result()
    except CannotPlan as refusal:
        return replace(blank, refused=str(refusal))
    profiles = {robot.name: robot.profile for robot in store.robots}
    starts = {name: dock.pose for name, dock in docks.items()}
    verdict = judge(store.floor, made, profiles, starts)
    return _row(replace(blank, plan_s=seconds), verdict)


def _planned(request: PlanRequest) -> tuple[Plan, float]:
    began = time.perf_counter()
    made = plan(request)
    return made, time.perf_counter() - began


def _answers(peer: Peer, folder: Path) -> list[Answer] | PeerFailed:
    try:
        return answers(peer, floor_for_peers(load_store(folder, 1, PROFILE)))
    except (PeerFailed, InvalidInput) as failure:
        return failure if isinstance(failure, PeerFailed) else PeerFailed(str(failure))


def _of_peer(blank: Row, store: Store, found: list[Answer] | PeerFailed) -> Iterator[tuple[Row, Answer | None]]:
    """The peer's quickest plan with a coverage worth the name, and its most thorough one; often they are the same."""
    if isinstance(found, PeerFailed):
        yield replace(blank, refused=str(found)), None
        return
    router = Router(store.floor, store.robots[0].profile)
    judged = [(_judged(blank, store, answer, router), answer) for answer in found]
    chosen = _chosen([row for row, _ in judged])
    yield from ((row, answer) for row, answer in judged if row in chosen)


def _chosen(rows: list[Row]) -> tuple[Row, Row]:
    safe = [row for row in rows if not row.unsafe_m] or rows
    most = max(row.coverage for row in safe)
    thorough = min((row for row in safe if row.coverage >= most - NEARLY), key=lambda row: row.ratio)
    worth = [row for row in safe if row.coverage >= WORTH]
    return min(worth or [thorough], key=lambda row: row.ratio), thorough


def _judged(blank: Row, store: Store, answer: Answer, router: Router) -> Row:
    read: PlanDocument = document_from_dict(fleet_plan(store, answer.pieces, router))
    verdict = judge(store.floor, read.plan, read.profiles, read.starts)
    return _row(replace(blank, settings=answer.settings, plan_s=answer.seconds), verdict)


def _row(blank: Row, verdict: Verdict) -> Row:
    own_columns = (ViolationKind.UNSAFE, ViolationKind.TIGHT, ViolationKind.CONFLICT)
    return replace(
        blank,
        coverage=verdict.coverage,
        unsafe_m=verdict.unsafe_m,
        tight_m=verdict.tight_m,
        meets=verdict.conflicts,
        other=sum(violation.kind not in own_columns for violation in verdict.violations),
        makespan_s=verdict.makespan_s,
        bound_s=verdict.bound_s,
        ratio=verdict.ratio,
        balance=verdict.imbalance,
    )


if __name__ == "__main__":
    sys.exit(main())
