"""Eight tiny plans with known verdicts: the judge finds exactly what is wrong with each, in kind and in amount.

All are in one hall of 50 x 10 m with a shelf of 3 x 0.6 m whose lower left corner is at (5, 4); its folder and the plans are
in test/verdicts, and `robot-fleet judge` reads them as well. The amounts are worked out by hand beside them.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from robot_fleet.floor.store import FloorMap
from robot_fleet.planning.judge import Verdict, ViolationKind, judge
from robot_fleet.planning.plan_file import document_from_dict
from robot_fleet.storage.store_folder import load_store

FOLDER = Path(__file__).parent / "verdicts"

# Shelf: a disc of 0.35 m passes 0.31 m from the face. It touches (by more than 1 cm) nearer than 0.34, is tight nearer than 0.39.
TOUCHING_M = 3.0 + 2.0 * math.sqrt(0.34**2 - 0.31**2)
TIGHT_M = 3.0 + 2.0 * math.sqrt(0.39**2 - 0.31**2) - TOUCHING_M
# Corner: the rear left corner of the scrubber (less 1 cm: 0.49 behind, 0.365 to the left) sweeps past a wall 0.56 m away.
CLIPPED_RAD = 2.0 * math.acos(0.56 / math.hypot(0.49, 0.365))
# One path: two discs meet at 1 m/s, overlapping by more than 1 cm while less than 0.69 m apart.
MET_S = 2.0 * 0.69
# Waiting: two discs cross at a right angle, both 0.5 m/s.
CROSSED_S = 2.0 * 0.69 / (0.5 * math.sqrt(2.0))

EXPECTED: dict[str, dict[ViolationKind, float]] = {
    "shelf": {ViolationKind.UNSAFE: TOUCHING_M, ViolationKind.TIGHT: TIGHT_M},
    "one_path": {ViolationKind.CONFLICT: MET_S},
    "waiting": {ViolationKind.CONFLICT: CROSSED_S},
    "jump": {ViolationKind.JUMP: 40.0},
    "corner": {ViolationKind.UNSAFE_TURN: CLIPPED_RAD},
    "radius": {ViolationKind.RADIUS: 0.6},
    "fast": {ViolationKind.SPEED: 10.0 / 15.0},
    "perfect": {},
}
TOLERANCE = {ViolationKind.UNSAFE_TURN: 0.02, ViolationKind.RADIUS: 0.01}


@pytest.fixture(scope="module")
def hall() -> FloorMap:
    return load_store(FOLDER / "hall").floor


def document(name: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return read


def verdict_on(hall: FloorMap, plan: dict[str, Any]) -> Verdict:
    read = document_from_dict(plan)
    return judge(hall, read.plan, read.profiles, read.starts)


@pytest.mark.parametrize("name", EXPECTED)
def test_exactly_what_is_wrong_is_found(hall: FloorMap, name: str) -> None:
    verdict = verdict_on(hall, document(name))
    found = {violation.kind: violation.amount for violation in verdict.violations}
    assert len(found) == len(verdict.violations), verdict.text()
    assert set(found) == set(EXPECTED[name]), verdict.text()
    for kind, amount in EXPECTED[name].items():
        assert found[kind] == pytest.approx(amount, abs=TOLERANCE.get(kind, 0.002))
    assert verdict.ok is (name == "perfect")


def test_there_are_eight(hall: FloorMap) -> None:
    assert {path.stem for path in FOLDER.glob("*.json")} == set(EXPECTED)
    assert len(EXPECTED) == 8


def shifted(plan: dict[str, Any], by_m: tuple[float, float], leg: int = 0) -> dict[str, Any]:
    points = plan["robots"][0]["legs"][leg]["poses"]
    points[:] = [[x + by_m[0], y + by_m[1]] for x, y in points]
    return plan


def test_a_lane_that_keeps_its_clearance_from_the_shelf_is_good(hall: FloorMap) -> None:
    assert verdict_on(hall, shifted(document("shelf"), (0.0, -0.09))).ok


def test_a_lane_beside_the_other_robot_is_good(hall: FloorMap) -> None:
    verdict = verdict_on(hall, shifted(document("one_path"), (0.0, 0.7)))
    assert verdict.ok
    assert verdict.min_separation_m == pytest.approx(0.0, abs=1e-6)


def test_without_its_wait_the_robot_crosses_before_the_other(hall: FloorMap) -> None:
    plan = document("waiting")
    for robot in plan["robots"]:
        for leg in robot["legs"]:
            del leg["times_s"]
    verdict = verdict_on(hall, plan)
    assert verdict.ok, verdict.text()
    # It is done at (15, 1) when the other passes it at (15, 2).
    assert verdict.min_separation_m == pytest.approx(1.0 - 0.7)


def test_the_jump_is_named_and_cleans_nothing(hall: FloorMap) -> None:
    verdict = verdict_on(hall, document("jump"))
    assert "head on" in verdict.violations[0].what
    assert verdict.jump_m == pytest.approx(40.0)
    assert verdict.covered_m2 == pytest.approx((3.0 + 2.0) * 0.7)


def test_a_jump_with_the_head_off_is_a_jump_all_the_same(hall: FloorMap) -> None:
    plan = document("jump")
    plan["robots"][0]["legs"][1]["kind"] = "transit"
    (violation,) = verdict_on(hall, plan).violations
    assert violation.kind is ViolationKind.JUMP
    assert "head on" not in violation.what


def test_the_scrubber_turns_freely_farther_from_the_shelf(hall: FloorMap) -> None:
    plan = document("corner")
    assert verdict_on(hall, shifted(shifted(plan, (0.06, 0.0)), (0.06, 0.0), leg=1)).ok


def test_the_same_arc_with_the_head_up_is_good(hall: FloorMap) -> None:
    plan = document("radius")
    plan["robots"][0]["legs"][0]["kind"] = "transit"
    assert verdict_on(hall, plan).ok


def test_the_speed_limit_itself_is_good(hall: FloorMap) -> None:
    plan = document("fast")
    plan["robots"][0]["legs"][0]["times_s"] = [0, 20]
    verdict = verdict_on(hall, plan)
    assert verdict.ok
    assert verdict.times_believed


def test_times_that_cannot_be_believed_do_not_shorten_the_makespan(hall: FloorMap) -> None:
    verdict = verdict_on(hall, document("fast"))
    assert not verdict.times_believed
    assert verdict.makespan_s == pytest.approx(20.0)


def test_the_perfect_plan_is_worked_out_by_hand(hall: FloorMap) -> None:
    verdict = verdict_on(hall, document("perfect"))
    assert verdict.coverage == 1.0
    assert verdict.missed == ()
    assert verdict.requested_m2 == verdict.coverable_m2 == pytest.approx(10.0 * 1.4)
    # Two lanes of 10 m, 0.7 m between them, two right angles on the spot.
    assert verdict.makespan_s == pytest.approx(20.7 / 0.5 + math.pi / 0.6)
    assert verdict.robots[0].nominal_s == pytest.approx(20.7 / 0.5 + math.pi / 0.6)
    assert verdict.bound_s == pytest.approx(14.0 / (0.7 * 0.5))
    assert verdict.ratio == pytest.approx((20.7 / 0.5 + math.pi / 0.6) / 40.0)


@pytest.mark.parametrize(
    ("claim", "value"),
    [("requested_m2", 15), ("coverable_m2", 13), ("planned_m2", 13.5), ("bound_s", 30)],
)
def test_a_false_claim_of_the_perfect_plan_is_found(hall: FloorMap, claim: str, value: float) -> None:
    plan = document("perfect")
    plan[claim] = value
    assert {violation.kind for violation in verdict_on(hall, plan).violations} == {ViolationKind.ACCOUNT}
