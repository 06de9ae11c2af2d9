"""What crashes of the controller cost: floor that is cleaned twice, and time, in virtual time.

    .venv/bin/python benchmarks/restarts.py                 30 crashes in the supermarket, with outages of 0, 4 and 10 s each

Robots drive the pieces that they have to the end while nobody listens, and what nobody saw is cleaned again. "Twice" is what heads
passed over beyond what got clean, by the simulated truth, less the same of the run without a crash. See docs/reliability.md.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from robot_fleet.floor.store import Store
from robot_fleet.planning.plan import Plan, PlanRequest
from robot_fleet.planning.planner import plan
from robot_fleet.sim.executed import ControllerRestarts, ExecutedRun, execute
from robot_fleet.storage.store_folder import load_store

MARKET = Path(__file__).resolve().parent.parent / "maps" / "supermarket"


class FirstPlanKept:
    """The planner, whose first plan is made once for all runs."""

    def __init__(self) -> None:
        self._first: Plan | None = None

    def begin(self) -> None:
        """Another run begins."""
        self._is_first = True

    def __call__(self, request: PlanRequest) -> Plan:
        """The plan."""
        if not self._is_first:
            return plan(request)
        self._is_first = False
        self._first = self._first or plan(request)
        return self._first


def twice_m2(store: Store, run: ExecutedRun) -> float:
    """How much floor heads passed over again."""
    clean_m2 = float(np.count_nonzero(run.truth)) * store.floor.grid.cell_area_m2
    return sum(run.scrubbed_m2.values()) - clean_m2


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", type=Path, default=MARKET)
    parser.add_argument("--crashes", type=int, default=30, metavar="N")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    store, planner = load_store(args.store), FirstPlanKept()
    dice = np.random.default_rng(args.seed)
    floor_m2 = (
        float(store.floor.requested(tuple(zone.name for zone in store.floor.zones)).sum())
        * store.floor.grid.cell_area_m2
    )
    planner.begin()
    calm = execute(store, seed=args.seed, plan=planner)
    assert calm.makespan_s is not None
    at_s = np.sort(dice.uniform(60.0, 0.9 * calm.makespan_s, args.crashes))
    print(f"{floor_m2:,.0f} m2, {len(store.robots)} robots, {args.crashes} crashes, seed {args.seed}")
    print("down s  ended      time  twice, m2  % of the floor  touched")
    for down_s in (0.0, 4.0, 10.0):
        planner.begin()
        run = execute(
            store, seed=args.seed, plan=planner, faults=[ControllerRestarts(at, down_s) for at in at_s.tolist()]
        )
        more_m2 = twice_m2(store, run) - twice_m2(store, calm)
        ratio = run.makespan_s / calm.makespan_s if run.makespan_s else float("nan")
        figures = f"{ratio:5.2f}  {more_m2:9.1f}  {100.0 * more_m2 / floor_m2:14.1f}  {len(run.collisions):7}"
        print(f"{down_s:6.0f}  {run.state.value:9} {figures}", flush=True)


if __name__ == "__main__":
    main()
