"""Zones with a smaller priority come first; times change the order where they must; what is late is told."""

from __future__ import annotations

import datetime
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from shapely import box
from test_planning_planner import room, same

from robot_fleet.floor.pose import Pose
from robot_fleet.floor.profile import REFERENCE_R, WORKING_W, RobotProfile
from robot_fleet.floor.store import Zone
from robot_fleet.planning.judge import judge
from robot_fleet.planning.plan import LegKind, Plan, PlanRequest, Starter
from robot_fleet.planning.plan_file import plan_from_dict, plan_to_dict
from robot_fleet.planning.planner import plan
from robot_fleet.planning.sweeping import swept_cells
from robot_fleet.planning.urgency import cell_ranks, due_s, late_zones, zone_ranks

SIX, SEVEN = datetime.time(6), datetime.time(7, 30)
FEW = settings(
    max_examples=2, deadline=None, derandomize=True, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
)


def asked(zones: tuple[Zone, ...], robots: int = 1, profile: RobotProfile = REFERENCE_R, **more: Any) -> PlanRequest:
    """A request for a room with these zones, with a plan that is due soon."""
    floor = replace(room(width_m=10.0, things=3), zones=zones)
    starters = tuple(Starter(dock.name, profile, dock.pose, True, dock) for dock in floor.docks[:robots])
    names = tuple(zone.name for zone in zones)
    return replace(PlanRequest(floor, starters, names, deadline_s=3.0), **more)


def halves(
    *priorities: int, before: tuple[datetime.time | None, ...] = (None, None), overlap_m: float = 0.0
) -> tuple[Zone, ...]:
    """The left and the right half of the room, without the strip of the docks; the right one reaches so far into the left one."""
    low, side, middle = 6.4, 15.0, 8.0
    shapes = (box(0, low, middle, side), box(middle - overlap_m, low, side, side))
    return tuple(
        Zone(name, shape, priority, clean_before=at)
        for name, shape, priority, at in zip(("left", "right"), shapes, priorities, before, strict=True)
    )


def sound(request: PlanRequest, found: Plan) -> bool:
    """Whether nothing is wrong with a plan and all is accounted for."""
    profiles = {robot.name: robot.profile for robot in request.robots}
    verdict = judge(request.floor, found, profiles, {robot.name: robot.pose for robot in request.robots})
    missed_m2 = sum(area.area_m2 for area in found.missed)
    assert found.planned_m2 + missed_m2 == pytest.approx(found.requested_m2, abs=0.01)
    assert request.cleaned is not None or verdict.covered_coverable_m2 >= 0.97 * verdict.coverable_m2
    bad = [one for one in verdict.violations if request.cleaned is None or one.kind.value != "account"]
    assert not bad, verdict.text()
    return True


def order_of(found: Plan, robot: str) -> list[str]:
    """The zones that a robot cleans, one after the other."""
    zones = [leg.zone for leg in found.path(robot).legs if leg.head_on]
    return [zone for k, zone in enumerate(zones) if k == 0 or zone != zones[k - 1]]


def swept_before_m2(request: PlanRequest, found: Plan, robot: str, zone: str) -> float:
    """How much of a zone, apart from the floor of more urgent ones, a robot sweeps before it has come to its lanes."""
    grid, ranks = request.floor.grid, zone_ranks(request.floor, request.zones)
    own = cell_ranks(request.floor, ranks).ravel() == ranks[zone]
    head = next(one.profile.head for one in request.robots if one.name == robot)
    cells = [np.zeros(0, dtype=np.int64)]
    for leg in found.path(robot).legs:
        if leg.head_on and leg.zone == zone:
            break
        if leg.head_on:
            cells.append(swept_cells(grid.shape, grid.from_map(leg.points), head, grid.resolution_m).cells)
    return float(own[np.unique(np.concatenate(cells))].sum()) * grid.cell_area_m2


def clean_s(request: PlanRequest, found: Plan) -> dict[str, float]:
    """When each zone is clean."""
    hurried = tuple(replace(zone, clean_before=datetime.time(0)) for zone in request.floor.zones)
    floor = replace(request.floor, zones=hurried)
    late = late_zones(replace(request, floor=floor, begins=datetime.time(0)), found.paths)
    return {zone.zone: zone.clean_s for zone in late}


def after(seconds: float) -> datetime.time:
    """The time of day so many seconds after six."""
    return (datetime.datetime.combine(datetime.date.min, SIX) + datetime.timedelta(seconds=seconds)).time()


def test_zones_are_ranked_by_priority_then_by_time() -> None:
    shapes = [box(k, 0, k + 2, 9) for k in range(5)]
    zones = (
        Zone("any", shapes[0]),
        Zone("late", shapes[1]),
        Zone("early", shapes[2]),
        Zone("first", shapes[3], priority=-1),
        Zone("other", shapes[4]),
    )
    floor = replace(room(), zones=zones)
    names = tuple(zone.name for zone in zones)
    due = {"late": 5400.0, "early": -60.0}
    assert zone_ranks(floor, names) == {"first": 0, "early": 1, "late": 1, "any": 1, "other": 1}
    assert zone_ranks(floor, names, due) == {"first": 0, "early": 1, "late": 2, "any": 3, "other": 3}
    assert zone_ranks(floor, ("late", "any"), due) == {"late": 0, "any": 1}
    ranks = cell_ranks(floor, zone_ranks(floor, names, due))
    at = floor.grid.cells_at([(0.5, 4), (1.5, 4), (2.5, 4), (3.5, 4), (4.5, 4), (5.5, 4), (7, 4)])
    assert ranks[at[:, 0], at[:, 1]].tolist() == [3, 2, 1, 0, 0, 3, -1]
    assert np.array_equal(cell_ranks(floor, {}), np.full(floor.grid.shape, -1))


def test_a_zone_is_due_before_its_next_time_of_day_after_the_run_has_begun() -> None:
    zone = Zone("early", box(0, 0, 1, 1), clean_before=SIX)
    assert due_s(zone, datetime.time(5, 30)) == 1800.0
    assert due_s(zone, datetime.time(22)) == 8 * 3600.0
    assert due_s(Zone("any", zone.polygon), SIX) is None
    assert due_s(zone, datetime.time(6, 10)) == 86_400.0 - 600.0
    assert due_s(zone, datetime.time(6, 10), underway_s=8 * 3600.0) == -600.0


@FEW
@given(
    first=st.sampled_from([0, 1]), robots=st.integers(1, 2), profile=st.sampled_from([REFERENCE_R, WORKING_W]),
    overlap_m=st.sampled_from([0.0, 1.5]),
)  # fmt: skip
def test_a_more_urgent_zone_is_finished_before_another_is_begun(
    first: int, robots: int, profile: RobotProfile, overlap_m: float
) -> None:
    request = asked(halves(first, 1 - first, overlap_m=overlap_m), robots, profile)
    found = plan(request)
    assert sound(request, found)
    urgent, other = ("left", "right")[first], ("right", "left")[first]
    for path in found.paths:
        assert order_of(found, path.robot) in ([urgent, other], [urgent], [other])
        # No more than what the head overlaps at the border.
        assert swept_before_m2(request, found, path.robot, other) <= profile.head.width_m * 6.0
    times = clean_s(request, found)
    assert times[urgent] < 0.75 * times[other]


def test_every_robot_goes_on_from_where_it_is_and_is_back_on_its_dock_at_the_end() -> None:
    corner = Zone("corner", box(10.5, 8.5, 12.0, 10.2), 2)
    request = asked((*halves(1, 0), replace(corner, priority=2)), robots=2)
    request = replace(request, floor=replace(request.floor, zones=tuple(reversed(request.floor.zones))))
    found = plan(request)
    assert sound(request, found)
    assert len(found.paths) == 2
    for path in found.paths:
        kinds = [leg.kind for leg in path.legs]
        assert (kinds[0], kinds[-1]) == (LegKind.UNDOCK, LegKind.DOCK)
        assert kinds.count(LegKind.UNDOCK) == kinds.count(LegKind.DOCK) == 1
        assert len({leg.leg_id for leg in path.legs}) == len(path.legs)


def test_robots_without_work_in_a_small_urgent_zone_begin_elsewhere_meanwhile() -> None:
    corner = Zone("corner", box(10.5, 8.5, 12.0, 10.2), -1)
    request = asked((corner, *halves(0, 0)), robots=2)
    found = plan(request)
    assert sound(request, found)
    begun = {path.robot: order_of(found, path.robot)[0] for path in found.paths}
    assert sorted(begun.values()).count("corner") == 1
    assert max(path.finish_s for path in found.paths) < 1.4 * min(path.finish_s for path in found.paths)


@pytest.mark.proof
def test_zones_of_one_priority_are_planned_as_if_there_were_none() -> None:
    request = asked(halves(0, 0), robots=2)
    usual = plan(request)
    assert same(usual, plan(asked(halves(7, 7), robots=2)))
    at_leisure = asked(halves(0, 0, before=(SEVEN, datetime.time(5))), robots=2, begins=SIX)
    assert same(usual, plan(at_leisure)) and not plan(at_leisure).late
    assert same(usual, plan(replace(at_leisure, begins=None)))


def test_a_time_changes_the_order_where_it_must() -> None:
    usual = clean_s(asked(halves(0, 0)), plan(asked(halves(0, 0))))
    for k, name in enumerate(("left", "right")):
        first = asked(halves(*(0 if k == other else 1 for other in (0, 1))))
        due = (usual[name] + clean_s(first, plan(first))[name]) / 2.0
        before = tuple(after(due) if k == other else None for other in (0, 1))
        request = asked(halves(0, 0, before=before), begins=SIX)
        found = plan(request)
        assert sound(request, found)
        assert not found.late
        assert clean_s(request, found)[name] <= due


def test_a_zone_that_cannot_be_clean_in_time_is_told_and_comes_first() -> None:
    request = asked(halves(0, 0, before=(None, after(60.0))), begins=SIX)
    found = plan(request)
    assert sound(request, found)
    (late,) = found.late
    assert (late.zone, late.due_s) == ("right", 60.0)
    assert late.clean_s == pytest.approx(clean_s(request, found)["right"])
    assert order_of(found, "dock_0") == ["right", "left"]
    assert late.told(request.floor, SIX).startswith("Zone right will be clean at 06:0")
    assert late.told(request.floor, SIX).endswith(", not before 06:01")


def test_a_priority_counts_more_than_a_time() -> None:
    request = asked(halves(0, 1, before=(None, after(60.0))), begins=SIX)
    found = plan(request)
    assert order_of(found, "dock_0") == ["left", "right"]
    assert [late.zone for late in found.late] == ["right"]


def test_what_is_late_is_part_of_a_plan_file_and_nothing_else_is_new_in_it() -> None:
    request = asked(halves(0, 0, before=(None, after(60.0))), begins=SIX, deadline_s=0.1)
    found = plan(request)
    profiles = {robot.name: robot.profile for robot in request.robots}
    (read,), (late,) = plan_from_dict(plan_to_dict(found, profiles)).late, found.late
    assert (read.zone, read.due_s, read.clean_s) == pytest.approx((late.zone, late.due_s, late.clean_s))
    assert "late" not in plan_to_dict(replace(found, late=()), profiles)


def test_the_rest_of_a_run_is_cleaned_in_order_too() -> None:
    request = asked(halves(1, 0), robots=2)
    grid = request.floor.grid
    cleaned = np.zeros(grid.shape, dtype=bool)
    cleaned[: grid.shape[0] // 2] = True
    out = Starter("dock_0", REFERENCE_R, Pose(7.5, 9.5, 1.0), False, request.robots[0].dock)
    rest = replace(request, robots=(out, request.robots[1]), cleaned=cleaned, leg_prefix="run-2-", least_patch_m2=0.2)
    found = plan(rest)
    assert sound(rest, found)
    for path in found.paths:
        assert order_of(found, path.robot) in (["right", "left"], ["right"], ["left"])
        assert path.legs[-1].kind is LegKind.DOCK
        assert all(leg.leg_id.startswith("run-2-") for leg in path.legs)
    assert found.planned_m2 >= 0.95 * found.coverable_m2
