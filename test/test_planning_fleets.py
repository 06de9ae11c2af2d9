"""Random floors, zones and fleets: every plan is safe and adds up, and another robot does not make it slower."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapely import box
from test_planning_planner import SIDE_M, room

from robot_fleet.floor.footprint import Footprint
from robot_fleet.floor.grid import OCCUPIED, OccupancyGrid
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.profile import REFERENCE_R, WORKING_W, RobotProfile
from robot_fleet.floor.store import Dock, FloorMap, Keepout, Zone
from robot_fleet.planning.judge import Verdict, judge
from robot_fleet.planning.plan import Plan, PlanRequest, Starter
from robot_fleet.planning.planner import plan

FEW = settings(max_examples=3, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
ROBOTS, SOON_S = 4, 4.0
# A robot with a narrower head than its body, and quicker.
NARROW = replace(REFERENCE_R, name="narrow", head=replace(REFERENCE_R.head, width_m=0.5), speed_mps=0.7)


def hall(seed: int, things: int, cut: float, keepout: bool) -> FloorMap:
    """A walled room with shelves and specks, four docks along its lower wall, and two zones that overlap a little."""
    floor = room(width_m=8.0, height_m=5.0, seed=seed, things=things)
    rows, cols = floor.grid.shape
    wide, high = cols * SIDE_M, rows * SIDE_M
    left, low = (wide - 8.0) / 2, (high - 5.0) / 2
    docks = tuple(Dock(f"dock_{k}", Pose(left + 0.7 + 0.95 * k, low + 0.6, -math.pi / 2), 0.7) for k in range(ROBOTS))
    middle = left + 8.0 * cut
    zones = (Zone("west", box(0, 0, middle + 0.3, high)), Zone("east", box(middle - 0.3, 0, wide, high)))
    ramp = Keepout("ramp", box(left + 5.5, low + 3.0, left + 6.5, low + 4.0))
    return replace(floor, docks=docks, zones=zones, keepouts=(ramp,) if keepout else ())


def asked(floor: FloorMap, profiles: list[RobotProfile], zones: tuple[str, ...]) -> PlanRequest:
    starters = tuple(
        Starter(dock.name, kind, dock.pose, True, dock) for dock, kind in zip(floor.docks, profiles, strict=False)
    )
    return PlanRequest(floor, starters, zones, deadline_s=SOON_S)


SMALL = replace(
    REFERENCE_R, name="small", footprint=Footprint(radius_m=0.2), head=replace(REFERENCE_R.head, width_m=0.4)
)


COMPACT = replace(
    REFERENCE_R,
    name="compact",
    footprint=Footprint(radius_m=0.25),
    head=replace(REFERENCE_R.head, width_m=0.45),
    speed_mps=0.6,
)


def with_gap(floor: FloorMap, gap_m: float) -> FloorMap:
    """The floor with a wall two metres before its right end, and a gap in it."""
    cells = floor.grid.cells.copy()
    rows = len(cells)
    col = int(np.flatnonzero(floor.grid.free.any(axis=0))[-1]) - round(2.0 / SIDE_M)
    cells[:, col : col + 2] = OCCUPIED
    cells[rows // 2 : rows // 2 + round(gap_m / SIDE_M), col : col + 2] = 0
    return replace(floor, grid=replace(floor.grid, cells=cells))


def judged(request: PlanRequest) -> tuple[Plan, Verdict]:
    found = plan(request)
    profiles = {robot.name: robot.profile for robot in request.robots}
    starts = {robot.name: robot.pose for robot in request.robots}
    return found, judge(request.floor, found, profiles, starts)


halls = st.builds(hall, st.integers(0, 10_000), st.integers(0, 5), st.floats(0.3, 0.7), st.booleans())
kinds = st.sampled_from([REFERENCE_R, WORKING_W, NARROW])


@FEW
@given(halls, st.lists(kinds, min_size=1, max_size=ROBOTS), st.sampled_from([("west",), ("east", "west")]))
def test_any_fleet_on_any_zones_is_safe_and_its_account_is_complete(
    floor: FloorMap, profiles: list[RobotProfile], zones: tuple[str, ...]
) -> None:
    found, verdict = judged(asked(floor, profiles, zones))
    assert verdict.unsafe_m == 0 and verdict.unsafe_turn_rad == 0 and verdict.keepout_m == 0, verdict.text()
    assert verdict.jump_m == 0 and verdict.times_believed, verdict.text()
    missed_m2 = sum(area.area_m2 for area in found.missed)
    assert found.planned_m2 + missed_m2 == pytest.approx(found.requested_m2, abs=0.01)
    assert verdict.covered_m2 + sum(area.area_m2 for area in verdict.missed) == pytest.approx(verdict.requested_m2)
    assert {area.zone for area in found.missed} <= set(zones)


@settings(FEW, max_examples=2)
@given(halls, kinds, st.integers(1, ROBOTS - 1))
def test_one_more_robot_makes_no_plan_slower(floor: FloorMap, kind: RobotProfile, robots: int) -> None:
    few, more = (plan(asked(floor, [kind] * count, ("west", "east"))) for count in (robots, robots + 1))
    assert more.makespan_s <= 1.02 * few.makespan_s


def test_floor_that_only_one_shape_of_robot_can_clean_is_cleaned_by_it() -> None:
    floor = with_gap(hall(0, 0, 0.5, False), 0.6)
    found, verdict = judged(asked(floor, [REFERENCE_R, SMALL], ("east", "west")))
    assert verdict.ok, verdict.text()
    beyond = found.path("dock_1").legs, found.path("dock_0").legs
    farthest = [max(float(leg.points[:, 0].max()) for leg in legs) for legs in beyond]
    assert farthest[0] > farthest[1] + 1.0
    assert verdict.covered_coverable_m2 >= 0.995 * verdict.coverable_m2


@pytest.mark.parametrize(
    "fleet",
    [
        (REFERENCE_R, COMPACT, SMALL),
        (NARROW, SMALL),
        pytest.param((COMPACT, REFERENCE_R, NARROW, SMALL), marks=pytest.mark.proof),
    ],
)
def test_robots_of_several_shapes_clean_together_what_any_of_them_can(fleet: tuple[RobotProfile, ...]) -> None:
    """Strips along walls that only one shape reaches are cleaned wherever they are."""
    request = replace(asked(hall(3, 3, 0.5, False), list(fleet), ("east", "west")), deadline_s=None)
    _, verdict = judged(request)
    assert verdict.ok, verdict.text()
    assert verdict.covered_coverable_m2 >= 0.995 * verdict.coverable_m2


def test_in_a_corridor_robots_that_would_meet_get_other_tours_even_in_haste() -> None:
    cells = np.full((44, 2000), OCCUPIED, dtype=np.int8)
    cells[1:-1, 1:-1] = 0
    docks = tuple(Dock(f"dock_{k}", Pose(1.0 + 1.1 * k, 0.53, -math.pi / 2), 0.7) for k in range(ROBOTS))
    zone = Zone("corridor", box(0, 0, 100, 2.2))
    floor = FloorMap("corridor", OccupancyGrid(cells, SIDE_M, Pose(0, 0)), (zone,), docks=docks)
    request = replace(asked(floor, [REFERENCE_R] * ROBOTS, ("corridor",)), deadline_s=3.0)
    found, verdict = judged(request)
    assert found.meetings == verdict.conflicts == 0
    assert len(found.paths) == ROBOTS
    assert found.makespan_s < 440.0
