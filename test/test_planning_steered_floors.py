"""Random floors for machines that must be steered, whatever their shapes: every plan is sound and its account complete."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from shapely import box
from test_planning_steering import SIDE_M, body_on, judged, shop

from robot_fleet.floor.clearance import ClearanceField
from robot_fleet.floor.footprint import Footprint
from robot_fleet.floor.grid import OCCUPIED
from robot_fleet.floor.profile import SCRUBBER_S, Channels, Head, RobotProfile, Squeegee, Tank
from robot_fleet.floor.store import FloorMap, Keepout, OneWay, Zone
from robot_fleet.planning.judge import Verdict, ViolationKind
from robot_fleet.planning.plan import MissedReason, Plan, PlanRequest, Starter
from robot_fleet.planning.planner import plan
from robot_fleet.planning.steering import network
from robot_fleet.planning.steering.body import goes_free
from robot_fleet.planning.steering.leads import curves
from robot_fleet.planning.steering.passes import passes_of, wrong_ends
from robot_fleet.planning.steering.poses import PoseReach
from robot_fleet.planning.steering.returning import returning
from robot_fleet.planning.steering.turns import drive_of

FEW = settings(
    max_examples=3, deadline=None, derandomize=True, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
)
UP, DOWN, LEFT, RIGHT = math.pi / 2, -math.pi / 2, math.pi, 0.0
WIDE_M, HIGH_M = 10.0, 7.0


@pytest.fixture(autouse=True)
def little_search(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is tried for good tours is cut short: plans are to be sound however good they are."""
    for name, value in (
        ("_NEAR", 8),
        ("_STARTS", 1),
        ("_THOROUGH", 0.2),
        ("_SEARCHES", 6),
        ("_ENDS", 1000),
        ("_ENDS_ONE_WAY", 12),
    ):
        monkeypatch.setattr(network, name, value)


def hall(seed: int, things: int) -> FloorMap:
    """A walled room with boxes and posts anywhere but before its docks, which are along its left wall."""
    floor, rng = shop(WIDE_M, HIGH_M, shelves=0), np.random.default_rng(seed)
    cells = floor.grid.cells.copy()
    for k in range(things):
        wide, high = rng.uniform(0.4, 3.0, 2) if k % 2 == 0 else (SIDE_M, SIDE_M)
        x, y = rng.uniform((3.6, 0.5), (WIDE_M - 1.0, HIGH_M - 1.0))
        low, left = round(y / SIDE_M), round(x / SIDE_M)
        cells[low : low + max(1, round(high / SIDE_M)), left : left + max(1, round(wide / SIDE_M))] = OCCUPIED
    return replace(floor, grid=replace(floor.grid, cells=cells))


def planned(floor: FloorMap, kind: RobotProfile) -> tuple[Plan, PlanRequest]:
    """A plan in haste, and its request."""
    dock = floor.docks[0]
    request = PlanRequest(floor, (Starter("robot", kind, dock.pose, True, dock),), ("all",), deadline_s=2.0)
    return plan(request), request


def machine(
    ahead_m: float, behind_m: float, half_m: float, head: tuple[float, float], squeegee: float | None,
    radii_m: tuple[float, float], reverses: bool, tank_m2: float | None, inertia: bool,
) -> RobotProfile:  # fmt: skip
    """A rectangle with its turning centre anywhere along its middle; the head's width and place, and the squeegee's width, are
    shares: of the body's width, of the way from its tail to its nose, and of the head's width.
    """
    width_m, offset_m = 2.0 * half_m * head[0], head[1] * (ahead_m + behind_m) - behind_m
    behind_head_m = 0.8 * (offset_m + behind_m)
    return RobotProfile(
        "machine",
        Footprint(
            corners_m=((-behind_m, -half_m), (ahead_m, -half_m), (ahead_m, half_m), (-behind_m, half_m))
        ),
        Head(width_m, offset_m),
        speed_mps=0.8,
        yaw_rate_rps=0.6,
        acceleration_mps2=0.5 if inertia else None,
        yaw_acceleration_rps2=1.0 if inertia else None,
        least_radius_m=radii_m[0],
        lifted_radius_m=radii_m[1],
        reverses=reverses,
        squeegee=None if squeegee is None else Squeegee(squeegee * width_m, offset_m - behind_head_m),
        tank=Tank(tank_m2, 60.0),
        channels=Channels(behind_head_m, behind_head_m),
    )  # fmt: skip


machines = st.builds(
    machine,
    ahead_m=st.floats(0.25, 1.0),
    behind_m=st.floats(0.25, 0.8),
    half_m=st.floats(0.25, 0.42),
    head=st.tuples(st.floats(0.8, 1.05), st.floats(0.3, 0.9)),
    squeegee=st.sampled_from([None, 0.9, 1.0, 1.2]),
    radii_m=st.sampled_from([(0.0, 0.0), (0.9, 0.0), (0.9, 0.9), (1.2, 0.6)]),
    reverses=st.booleans(),
    tank_m2=st.sampled_from([None, 45.0]),
    inertia=st.booleans(),
)


def is_sound(found: Plan, verdict: Verdict, kind: RobotProfile = SCRUBBER_S) -> None:
    """No violation; where the squeegee is narrower than the head, but water in strips, which the plan tells as it is."""
    narrow = kind.squeegee is not None and kind.squeegee.width_m < kind.head.width_m
    amiss = [one for one in verdict.violations if not (narrow and one.kind is ViolationKind.WATER)]
    assert not amiss and verdict.unsafe_m == 0, verdict.text()
    missed_m2 = sum(area.area_m2 for area in found.missed)
    assert found.planned_m2 + missed_m2 == pytest.approx(found.requested_m2, abs=0.01)


@FEW
@given(st.integers(0, 10_000), st.integers(0, 4), machines)
def test_the_plan_of_any_steered_machine_is_sound(seed: int, things: int, kind: RobotProfile) -> None:
    found, request = planned(hall(seed, things), kind)
    verdict = judged(found, request)
    is_sound(found, verdict, kind)
    # Not by staying on the dock, unless it cannot turn to come home.
    if kind.reverses or kind.lifted_radius_m == 0.0:
        assert verdict.coverage > 0.3, verdict.text()


@pytest.mark.parametrize("reason", [MissedReason.NO_ROBOT_MAY_ENTER, MissedReason.KEEPOUT, MissedReason.BLOCKED])
def test_what_keeps_a_scrubber_out_of_an_aisle_too_narrow_to_turn_in_is_the_reason(reason: MissedReason) -> None:
    floor = shop(WIDE_M, HIGH_M, shelves=0)
    cells = floor.grid.cells.copy()
    cells[round(5.4 / SIDE_M) : round(5.6 / SIDE_M), round(4.0 / SIDE_M) :] = OCCUPIED
    floor, aisle = replace(floor, grid=replace(floor.grid, cells=cells)), box(4.5, 5.6, WIDE_M, HIGH_M)
    if reason is MissedReason.NO_ROBOT_MAY_ENTER:
        floor = replace(floor, zones=(*floor.zones, Zone("soft", aisle, surface="carpet")))
    elif reason is MissedReason.KEEPOUT:
        # Behind it lies what only it keeps the robot from.
        floor = replace(floor, keepouts=(Keepout("pallet", box(4.5, 5.6, 5.0, HIGH_M)),))
    dock = floor.docks[0]
    request = PlanRequest(
        floor, (Starter("robot", SCRUBBER_S, dock.pose, True, dock),), tuple(zone.name for zone in floor.zones),
        closed=(aisle,) if reason is MissedReason.BLOCKED else (), deadline_s=2.0,
    )  # fmt: skip
    missed = plan(request).missed
    inside = {
        one: sum(area.polygon.intersection(aisle).area for area in missed if area.reason is one) for one in MissedReason
    }
    assert inside[reason] > 0.6 * aisle.area
    assert inside[MissedReason.UNREACHABLE] == 0.0
    assert inside[MissedReason.TOO_NARROW] < 0.3 * aisle.area


rectangles = st.builds(
    lambda x, y, wide, high, yaw: OneWay(f"at {x} {y}", box(x, y, x + wide, y + high), yaw),
    st.floats(3.5, 7), st.floats(0.5, 4), st.floats(1, 5), st.floats(1, 5), st.sampled_from([UP, DOWN, LEFT, RIGHT, 0.4]),
)  # fmt: skip


@pytest.mark.proof
@FEW
@given(st.lists(rectangles, min_size=1, max_size=3), st.integers(0, 10_000), st.integers(0, 3))
def test_no_plan_of_a_scrubber_leads_against_any_one_ways(one_ways: list[OneWay], seed: int, things: int) -> None:
    found, request = planned(replace(hall(seed, things), one_ways=tuple(one_ways)), SCRUBBER_S)
    verdict = judged(found, request)
    assert verdict.wrong_way_m == 0, verdict.text()
    pairs = itertools.combinations([one.polygon for one in one_ways], 2)
    # Whether a robot gets through between one-ways that all but touch is a matter of centimetres.
    if all(one.distance(other) > 0.3 for one, other in pairs):
        is_sound(found, verdict)


def aisles(*one_ways: OneWay) -> FloorMap:
    """A room with two gondolas and so three aisles of 3 m."""
    floor = shop(16.0, 11.0, shelves=0)
    cells = floor.grid.cells.copy()
    for x in (6.0, 10.0):
        cells[round(3.5 / SIDE_M) : round(7.5 / SIDE_M), round(x / SIDE_M) : round((x + 1.0) / SIDE_M)] = OCCUPIED
    return replace(floor, grid=replace(floor.grid, cells=cells), one_ways=one_ways)


IN_AISLES = (OneWay("up", box(7.0, 3.5, 10.0, 7.5), UP), OneWay("down", box(11.0, 3.5, 15.95, 7.5), DOWN))


@pytest.mark.proof
def test_a_scrubber_obeys_one_way_aisles_and_cleans_them_nearly_as_well() -> None:
    free, request = planned(aisles(), SCRUBBER_S)
    against = judged(free, replace(request, floor=aisles(*IN_AISLES)))
    found, request = planned(aisles(*IN_AISLES), SCRUBBER_S)
    verdict = judged(found, request)
    is_sound(found, verdict)
    assert against.wrong_way_m > 5.0
    assert verdict.coverage >= against.coverage - 0.06


@pytest.mark.proof
def test_what_one_ways_lead_a_scrubber_only_into_is_unreachable() -> None:
    floor = aisles(OneWay("in", box(11.0, 4.5, 15.95, 7.5), UP))
    cells = floor.grid.cells.copy()
    cells[round(7.5 / SIDE_M), round(11.0 / SIDE_M) :] = OCCUPIED
    found, request = planned(replace(floor, grid=replace(floor.grid, cells=cells)), SCRUBBER_S)
    verdict = judged(found, request)
    is_sound(found, verdict)
    severed_m2 = sum(area.area_m2 for area in found.missed if area.reason is MissedReason.UNREACHABLE)
    assert 8.0 < severed_m2 < 15.0


def test_floor_behind_a_gap_is_unreachable_where_the_body_would_fit_though_it_could_not_turn() -> None:
    floor = hall(0, 0)
    cells = floor.grid.cells.copy()
    # A corridor of 1.2 m along the right wall, with a gap of half a metre into it.
    cells[:, -26:-24] = OCCUPIED
    cells[60:70, -26:-24] = 0
    found, request = planned(replace(floor, grid=replace(floor.grid, cells=cells)), SCRUBBER_S)
    is_sound(found, judged(found, request))
    beyond_m2 = sum(area.area_m2 for area in found.missed if area.reason is MissedReason.UNREACHABLE)
    assert beyond_m2 > 0.5 * 1.2 * HIGH_M


def dead_end() -> FloorMap:
    """A hall with an aisle 1.8 m wide, in which no scrubber can turn, between walls of 6 m, shut at its end."""
    floor = shop(WIDE_M, HIGH_M, shelves=0)
    cells = floor.grid.cells.copy()
    for y in (2.4, 4.4):
        cells[round(y / SIDE_M) : round((y + 0.2) / SIDE_M), round(4.0 / SIDE_M) :] = OCCUPIED
    return replace(floor, grid=replace(floor.grid, cells=cells))


def test_a_dead_end_in_which_a_scrubber_cannot_turn_is_cleaned_to_its_end_backing_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Out of such an end only a search leads, and of many hurried ones which are made at all is a matter of rounding.
    monkeypatch.undo()
    floor, inner = dead_end(), box(6.0, 2.75, WIDE_M - 0.75, 4.25)
    found, request = planned(floor, SCRUBBER_S)
    is_sound(found, judged(found, request))
    assert sum(area.polygon.intersection(inner).area for area in found.missed) < 0.1 * inner.area


AHEAD_ONLY = replace(SCRUBBER_S, reverses=False)


def test_floor_that_a_machine_which_never_reverses_could_not_leave_is_said_to_be_no_place_to_turn() -> None:
    floor, inner = dead_end(), box(6.0, 2.75, WIDE_M - 0.75, 4.25)
    found, request = planned(floor, AHEAD_ONLY)
    is_sound(found, judged(found, request))
    for reason, least, most in ((MissedReason.CANNOT_TURN, 0.9, 1.0), (MissedReason.NOT_CLEANED, 0.0, 0.1)):
        there_m2 = sum(area.polygon.intersection(inner).area for area in found.missed if area.reason is reason)
        assert least * inner.area <= there_m2 <= most * inner.area
    open_floor = box(1.5, 0.6, 3.0, HIGH_M - 0.6)
    stuck_m2 = sum(area.polygon.area for area in found.missed if area.reason is MissedReason.CANNOT_TURN)
    left_m2 = sum(area.polygon.intersection(open_floor).area for area in found.missed)
    assert left_m2 < 0.6 * open_floor.area and stuck_m2 > inner.area


@pytest.mark.parametrize("reverses", [False, True])
def test_a_judge_believes_that_a_machine_cannot_turn_only_where_it_never_reverses(reverses: bool) -> None:
    found, request = planned(dead_end(), AHEAD_ONLY)
    robots = tuple(replace(robot, profile=replace(AHEAD_ONLY, reverses=reverses)) for robot in request.robots)
    told = " ".join(str(one) for one in judged(found, replace(request, robots=robots)).violations)
    assert ("cannot turn there" in told) is reverses


def test_poses_to_come_home_from_are_those_with_room_to_turn() -> None:
    floor = dead_end()
    dock = floor.docks[0]
    poses = PoseReach.of(floor.grid, AHEAD_ONLY, ClearanceField.of(floor), [dock.staging])
    back = returning(poses, floor.grid, AHEAD_ONLY, [dock.staging], [dock.staging]).anywhere
    row, entered = round(3.5 / SIDE_M), round(7.0 / SIDE_M)
    assert poses.anywhere[row, entered] and not back[row, entered]
    assert back[row, round(2.5 / SIDE_M)]


def test_curves_into_a_pose_beside_a_wall_are_driven_along_a_one_way() -> None:
    pose = np.array([6.0, 0.62, 0.0])
    for yaw, backwards in ((RIGHT, False), (LEFT, True)):
        floor = replace(hall(0, 0), one_ways=(OneWay("along", box(0.0, 0.0, WIDE_M, 4.0), yaw),))
        found = list(curves(body_on(floor), drive_of(SCRUBBER_S), pose, into=True))
        assert [backs for _, _, backs in found] == [backwards]
        ((_, points, _),) = found
        moves = np.diff(points, axis=0)
        assert (moves @ [math.cos(yaw), math.sin(yaw)] > 0.0).all()
        assert np.allclose(points[-1], pose[:2])


def test_a_pass_is_entered_at_one_end_alone_where_a_one_way_leads_along_it() -> None:
    floor = aisles(*IN_AISLES)
    body = body_on(floor)
    lanes = [
        np.array([[8.0, 3.0], [8.0, 8.0]]),
        np.array([[13.0, 3.0], [13.0, 8.0]]),
        np.array([[3.0, 3.0], [3.0, 8.0]]),
    ]
    passes = passes_of(body, SCRUBBER_S, lanes)
    assert wrong_ends(passes, body.directions).tolist() == [1, 2]
    up, down = ((passes[0].poses[k, 0], passes[0].poses[k, 1]) for k in (0, 1))
    assert goes_free(body, *up[0][:2], *up[1][:2], UP) and not goes_free(body, *down[0][:2], *down[1][:2], DOWN)
