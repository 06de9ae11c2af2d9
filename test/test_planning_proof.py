"""Long proofs of plans that are made without hurry: how near to the bound they are, and how evenly work is shared out."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from test_planning_fleets import ROBOTS, asked, halls, judged, kinds

from robot_fleet.floor.profile import RobotProfile
from robot_fleet.floor.store import FloorMap
from robot_fleet.planning.judge import Verdict
from robot_fleet.planning.plan import PlanRequest, Starter
from robot_fleet.storage.store_folder import load_store

pytestmark = pytest.mark.proof

MAPS = Path(__file__).parents[1] / "maps"
BOOKSTORE = MAPS.parents[1] / "shared" / "maps" / "bookstore"
SOME = settings(max_examples=10, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


def whole(store: Path, robots: int) -> PlanRequest:
    """All of a store's floor, with so many robots R."""
    loaded = load_store(store, robots=robots, profile="R")
    docked = [(robot, loaded.floor.dock(robot.dock)) for robot in loaded.robots]
    starters = tuple(Starter(robot.name, robot.profile, dock.pose, True, dock) for robot, dock in docked)
    return PlanRequest(loaded.floor, starters, tuple(zone.name for zone in loaded.floor.zones))


def balance(verdict: Verdict) -> float:
    done = [robot.finish_s for robot in verdict.robots]
    return max(done) / (sum(done) / len(done))


@pytest.mark.parametrize(
    ("store", "robots", "at_most"),
    [
        ("supermarket", 1, 1.16),
        ("supermarket", 2, 1.20),
        ("supermarket", 4, 1.22),
        ("supermarket", 8, 1.30),
        ("supermarket", 20, 1.50),
        ("supercenter", 8, 1.22),
        ("supermarket_scan", 4, 1.45),
    ],
)
def test_plans_are_sound_near_the_bound_and_even(store: str, robots: int, at_most: float) -> None:
    _, verdict = judged(whole(MAPS / store, robots))
    assert not verdict.violations, verdict.text()
    assert verdict.covered_coverable_m2 >= 0.995 * verdict.coverable_m2
    assert verdict.makespan_s <= at_most * verdict.bound_s
    assert balance(verdict) <= 1.05


@pytest.mark.skipif(not BOOKSTORE.is_dir(), reason="the bookstore's map is not on this machine")
@pytest.mark.parametrize(("robots", "at_most"), [(1, 2.2), (2, 2.4)])
def test_the_ragged_floor_of_a_scanned_shop_is_cleaned_as_near_to_the_bound_as_it_lets(
    robots: int, at_most: float
) -> None:
    _, verdict = judged(whole(BOOKSTORE, robots))
    assert not verdict.violations, verdict.text()
    assert verdict.covered_coverable_m2 >= 0.99 * verdict.coverable_m2
    assert verdict.makespan_s <= at_most * verdict.bound_s


def test_no_compiled_loop_reads_or_writes_beside_its_arrays(tmp_path: Path) -> None:
    """Compiled with a check of every index, plans come out as ever; unchecked, a wrong one may end the process."""
    pytest.importorskip("numba")
    checked = {**os.environ, "NUMBA_BOUNDSCHECK": "1", "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    for profile, robots in (("R", "4"), ("S", "1")):
        command = [sys.executable, "-c", "from robot_fleet.cli import main; main()", "plan"]
        asked = [
            str(MAPS / "supermarket"),
            "--profile",
            profile,
            "--robots",
            robots,
            "--out",
            str(tmp_path / "plan.json"),
        ]
        done = subprocess.run([*command, *asked], env=checked, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


@SOME
@given(halls, kinds)
def test_a_further_robot_makes_no_plan_slower_and_meets_nobody(floor: FloorMap, kind: RobotProfile) -> None:
    before_s = float("inf")
    for robots in range(1, ROBOTS + 1):
        found, verdict = judged(replace(asked(floor, [kind] * robots, ("west", "east")), deadline_s=None))
        assert not verdict.conflicts and not verdict.unsafe_m and verdict.times_believed, verdict.text()
        assert verdict.covered_coverable_m2 >= 0.995 * verdict.coverable_m2
        assert found.makespan_s <= 1.02 * before_s
        before_s = found.makespan_s
