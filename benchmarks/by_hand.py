"""How near our plans come to one laid by hand: a block of aisles, cleaned by one scrubber S.

    .venv/bin/python benchmarks/by_hand.py                  both plans, judged by one judge, side by side
    .venv/bin/python benchmarks/by_hand.py --keep DIR       the plans and their pictures as well

The block has gondolas and aisles as the supermarket has them, and a cross aisle at each end. By hand are laid: the lanes,
where each begins and ends, their order and directions. Between them stands the quickest simple way that is safe (arcs, half
circles, backing in along walls); when solution and vacuum work goes by the same rules as in every plan.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
from shapely import box

from robot_fleet.floor.grid import OCCUPIED, OccupancyGrid
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.profile import SCRUBBER_S
from robot_fleet.floor.store import Dock, FloorMap, RobotSpec, Zone
from robot_fleet.pictures import draw_plan
from robot_fleet.planning.judge import Verdict, judge
from robot_fleet.planning.plan import CoveragePath, Leg, LegKind, Plan, PlanRequest, Starter
from robot_fleet.planning.plan_file import plan_to_dict
from robot_fleet.planning.planner import plan
from robot_fleet.planning.steering.detours import SteeredDetours
from robot_fleet.planning.terrain import Terrain
from robot_fleet.planning.timing import timed
from robot_fleet.planning.water import watered, with_places

ROBOT = "s"
CELL_M = 0.05
GONDOLAS, GONDOLA_M, AISLE_M, LONG_M, CROSS_M = 5, 1.2, 2.5, 14.0, 4.0
PITCH_M = GONDOLA_M + AISLE_M
WIDE_M, HIGH_M = GONDOLAS * PITCH_M + AISLE_M, LONG_M + 2 * CROSS_M
DOCK = Dock("dock", Pose(1.15, 2.0, math.pi), 1.2)
ROWS = 7
UP, DOWN, LEFT, RIGHT = math.pi / 2, -math.pi / 2, math.pi, 0.0
# Beside gondolas S drives just where it keeps its clearance, along walls so much further away that it can turn off them.
GONDOLA_SIDE_M, WALL_SIDE_M = 0.432, 0.475
# From a wall ahead so far that half a circle fits beside it: for lanes in the hall, and for the three along each side wall.
TURN_M, SIDE_TURN_M = 1.81, 1.30
# Along walls S backs in until its tail is at the wall, and drives on until it has to back out.
TAIL_M, NOSE_M = 0.60, 1.30
# Into an aisle it comes straight from so far before it; more where its nose swings out towards a gondola.
BEFORE_M, BEFORE_SWUNG_M = 0.6, 1.0

Lane = tuple[Pose, Pose]
"""The poses of the turning centre where the head goes down and up."""


def block() -> FloorMap:
    """The block with walls around it; (0, 0) is its lower left inner corner."""
    rows, cols = (round(size / CELL_M) + 2 for size in (HIGH_M, WIDE_M))
    cells = np.zeros((rows, cols), dtype=np.int8)
    cells[[0, -1], :] = cells[:, [0, -1]] = OCCUPIED
    low, high = (round(y / CELL_M) + 1 for y in (CROSS_M, CROSS_M + LONG_M))
    for k in range(GONDOLAS):
        left, right = (round(x / CELL_M) + 1 for x in (AISLE_M + PITCH_M * k, PITCH_M * (k + 1)))
        cells[low:high, left:right] = OCCUPIED
    grid = OccupancyGrid(cells, CELL_M, Pose(-CELL_M, -CELL_M, 0.0))
    return FloorMap("block", grid, (Zone("all", box(0, 0, WIDE_M, HIGH_M)),), (), (DOCK,))


def lanes() -> list[Lane]:
    """All lanes in the order in which they are driven.

    Along the left wall to the top, the upper cross aisle, along the right wall to the bottom, once through all aisles, twice
    around each pair of gondolas' neighbours, and home through the lower cross aisle.
    """
    right = [
        _down(WIDE_M - _side_x(0), HIGH_M - TAIL_M, NOSE_M),
        _up(WIDE_M - _side_x(2), SIDE_TURN_M, HIGH_M - SIDE_TURN_M),
        _down(WIDE_M - _side_x(1), HIGH_M - SIDE_TURN_M, SIDE_TURN_M),
    ]
    left = [
        _up(_side_x(0), TAIL_M, HIGH_M - NOSE_M),
        _down(_side_x(2), HIGH_M - SIDE_TURN_M, SIDE_TURN_M),
        _up(_side_x(1), SIDE_TURN_M, HIGH_M - SIDE_TURN_M),
    ]
    # Every turn leads to the fourth row from the last, or nearly: half a circle of about the least radius.
    return [*left, *_rows((6, 2, 5, 1, 4, 0, 3), True), *right, *_aisles(), *_rows((0, 4, 1, 5, 2, 6, 3), False)]


def _rows(order: Sequence[int], top: bool) -> Iterator[Lane]:
    """The lanes of a cross aisle, numbered from below; the upper one is begun at its left end, the lower one at its right."""
    low = CROSS_M + LONG_M + GONDOLA_SIDE_M if top else WALL_SIDE_M
    high = HIGH_M - WALL_SIDE_M if top else CROSS_M - GONDOLA_SIDE_M
    for k, row in enumerate(order):
        y = low + (high - low) * row / (ROWS - 1)
        beside_wall = row == (ROWS - 1 if top else 0)
        begin, end = (TAIL_M, NOSE_M) if beside_wall else (TURN_M, TURN_M)
        if (k % 2 == 0) is top:
            yield Pose(begin, y, RIGHT), Pose(WIDE_M - end, y, RIGHT)
        else:
            yield Pose(WIDE_M - begin, y, LEFT), Pose(end, y, LEFT)


def _aisles() -> Iterator[Lane]:
    """The lanes of the aisles (aisle, lane from its left), up and down by turns, each turn around one gondola."""
    across = [(5, 0), (4, 1), (3, 1), (2, 2), (1, 2), (0, 3)]
    round_first = [(1, 0), (2, 0), (1, 1), (2, 1), (1, 3), (2, 3)]
    round_second = [(3, 0), (4, 0), (3, 2), (4, 2), (3, 3), (4, 3)]
    order = [*across, *round_first, *round_second]
    low, high = CROSS_M, CROSS_M + LONG_M
    for k, ((before, _), (aisle, lane)) in enumerate(pairwise([(GONDOLAS, 3), *order])):
        # The nose swings out to the side away from where the robot comes from.
        swings = lane == (3 if aisle > before else 0)
        room_m = BEFORE_SWUNG_M if swings else BEFORE_M
        x = _aisle_x(aisle, lane)
        yield _up(x, low - room_m, high) if k % 2 == 0 else _down(x, high + room_m, low)


def _side_x(lane: int) -> float:
    """How far the lanes along a side wall are from it."""
    return WALL_SIDE_M + (AISLE_M - GONDOLA_SIDE_M - WALL_SIDE_M) * lane / 3


def _aisle_x(aisle: int, lane: int) -> float:
    if aisle in (0, GONDOLAS):
        return _side_x(lane) if aisle == 0 else WIDE_M - _side_x(3 - lane)
    return PITCH_M * aisle + GONDOLA_SIDE_M + (AISLE_M - 2 * GONDOLA_SIDE_M) * lane / 3


def _up(x: float, begin: float, end: float) -> Lane:
    return Pose(x, begin, UP), Pose(x, end, UP)


def _down(x: float, begin: float, end: float) -> Lane:
    return Pose(x, begin, DOWN), Pose(x, end, DOWN)


def laid_by_hand(floor: FloorMap) -> Plan:
    """The plan by hand, with the judge's figures as its own."""
    detours = SteeredDetours(floor.grid, SCRUBBER_S, Terrain.of(floor, SCRUBBER_S))
    staging = DOCK.staging
    legs = [_straight(LegKind.UNDOCK, DOCK.pose, staging, backwards=True)]
    at = staging
    for begin, end in lanes():
        legs += [*_way(detours, at, begin), _straight(LegKind.CLEAN, begin, end)]
        at = end
    legs += [*_way(detours, at, staging), _straight(LegKind.DOCK, staging, DOCK.pose)]
    named = [replace(leg, leg_id=f"{ROBOT}-{k}") for k, leg in enumerate(legs)]
    done = watered(timed(with_places(named, SCRUBBER_S), SCRUBBER_S, DOCK.pose), SCRUBBER_S)
    unsaid = Plan(floor.name, ("all",), (CoveragePath(ROBOT, tuple(done)),), (), *[math.nan] * 4)
    found = judged(floor, unsaid)
    return replace(
        unsaid,
        missed=found.missed,
        requested_m2=found.requested_m2,
        coverable_m2=found.coverable_m2,
        planned_m2=found.covered_m2,
        bound_s=found.bound_s,
        water_left_m2=found.water_left_m2,
    )


def _straight(kind: LegKind, begin: Pose, end: Pose, backwards: bool = False) -> Leg:
    points = np.array([[begin.x_m, begin.y_m], [end.x_m, end.y_m]])
    return Leg("", kind, points, np.zeros(2), "all" if kind is LegKind.CLEAN else "", backwards)


def _way(detours: SteeredDetours, begin: Pose, end: Pose) -> Sequence[Leg]:
    found = detours.way(begin, end)
    if found is None:
        raise SystemExit(f"no way leads from {begin} to {end}")
    return found


def planned(floor: FloorMap) -> Plan:
    """Our plan for the block."""
    return plan(PlanRequest(floor, (Starter(ROBOT, SCRUBBER_S, DOCK.pose, True, DOCK),), ("all",)))


def judged(floor: FloorMap, made: Plan) -> Verdict:
    """What the judge says of a plan."""
    return judge(floor, made, {ROBOT: SCRUBBER_S}, {ROBOT: DOCK.pose})


def line(name: str, made: Plan, verdict: Verdict) -> str:
    """A row of the table."""
    kinds = [leg.kind for leg in made.paths[0].legs]
    return (
        f"{name:<12} {verdict.coverage:>8.2%} {verdict.unsafe_m:>8.2f} {len(verdict.violations):>10} "
        f"{verdict.makespan_s:>10.1f} {verdict.bound_s:>7.1f} {verdict.ratio:>6.3f} {verdict.water_share:>10.2%} "
        f"{kinds.count(LegKind.CLEAN):>5} {verdict.robots[0].head_on_m:>12.1f} {verdict.robots[0].length_m:>8.1f}"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Judges both plans; the exit status is 1 when one of them is not sound."""
    parser = argparse.ArgumentParser(description="A plan laid by hand beside ours.")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="folder for both plans (JSON) and their pictures")
    keep = parser.parse_args(arguments).keep
    floor = block()
    print(
        f"{'plan':<12} {'coverage':>8} {'unsafe m':>8} {'violations':>10} {'makespan s':>10} {'bound s':>7} {'ratio':>6} "
        f"{'water left':>10} {'lanes':>5} {'m, head down':>12} {'m in all':>8}"
    )
    sound = True
    for name, made in (("by hand", laid_by_hand(floor)), ("robot_fleet", planned(floor))):
        verdict = judged(floor, made)
        sound &= verdict.ok
        print(line(name, made, verdict), flush=True)
        for violation in verdict.violations:
            print(f"  - {violation}")
        if keep:
            keep.mkdir(parents=True, exist_ok=True)
            stem = keep / name.replace(" ", "_")
            document = plan_to_dict(made, {ROBOT: SCRUBBER_S}, {ROBOT: DOCK.pose})
            stem.with_suffix(".plan.json").write_text(json.dumps(document), encoding="utf-8")
            draw_plan(floor, made, stem.with_suffix(".png"), (RobotSpec(ROBOT, SCRUBBER_S, DOCK.name, ""),))
    return int(not sound)


if __name__ == "__main__":
    sys.exit(main())
