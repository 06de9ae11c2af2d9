"""Random floors: plan, then judge with the judge that shares no code with the planner."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapely import Point, box, distance, points

from robot_fleet.floor.grid import OCCUPIED, OccupancyGrid
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.profile import REFERENCE_R, WORKING_W, RobotProfile
from robot_fleet.floor.store import Dock, FloorMap, Zone
from robot_fleet.planning import manning, planner
from robot_fleet.planning.apart import Apart
from robot_fleet.planning.checking import faults_of
from robot_fleet.planning.judge import judge
from robot_fleet.planning.plan import CannotPlan, CoveragePath, LegKind, MissedReason, Plan, PlanRequest, Starter
from robot_fleet.planning.planner import plan

SIDE_M = 0.05
QUICK = settings(max_examples=3, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


def room(
    width_m: float = 8.0, height_m: float = 6.0, turned_rad: float = 0.0, seed: int = 0, things: int = 0
) -> FloorMap:
    """A walled room with shelves and specks, turned on its map, with two docks in its lower left corner."""
    rng = np.random.default_rng(seed)
    rows, cols = (round(1.5 * max(width_m, height_m) / SIDE_M),) * 2
    turn = np.array([[math.cos(turned_rad), -math.sin(turned_rad)], [math.sin(turned_rad), math.cos(turned_rad)]])
    centre = np.array([cols, rows]) * SIDE_M / 2

    def placed(x: float, y: float, w: float, h: float) -> np.ndarray:
        corners = np.array([[x, y], [x + w, y], [x + w, y + h], [x, y + h]]) - (width_m / 2, height_m / 2)
        return np.round((corners @ turn.T + centre) / SIDE_M).astype(np.int32)

    cells = np.full((rows, cols), OCCUPIED, dtype=np.int16)
    cv2.fillPoly(cells, [placed(0, 0, width_m, height_m)], 0)
    for k in range(things):
        w, h = rng.uniform(0.5, 2.0, 2) if k % 2 else rng.uniform(0.03, 0.12, 2)
        x, y = rng.uniform((2.6, 1.8), (width_m - 1.0, height_m - 1.0))
        cv2.fillPoly(cells, [placed(x, y, w, h)], OCCUPIED)
    docks = []
    for k in range(2):
        x, y = turn @ (np.array([0.7 + 0.95 * k, 0.6]) - (width_m / 2, height_m / 2)) + centre
        docks.append(Dock(f"dock_{k}", Pose(float(x), float(y), turned_rad - math.pi / 2), 0.7))
    zone = Zone("room", box(0, 0, cols * SIDE_M, rows * SIDE_M))
    return FloorMap("room", OccupancyGrid(cells.astype(np.int8), SIDE_M, Pose(0, 0)), (zone,), (), tuple(docks))


SOON_S = 6.0


def asked(floor: FloorMap, profile: RobotProfile = REFERENCE_R, robots: int = 1, **more: Any) -> PlanRequest:
    """A request whose plan is due soon, so that the search for the best one takes no longer than is of use here."""
    starters = tuple(Starter(d.name, profile, d.pose, True, d) for d in floor.docks[:robots])
    return replace(PlanRequest(floor, starters, ("room",), deadline_s=SOON_S), **more)


def same(one: Plan, two: Plan) -> bool:
    legs = [[leg for path in p.paths for leg in path.legs] for p in (one, two)]
    return len(legs[0]) == len(legs[1]) and all(
        a.leg_id == b.leg_id and np.array_equal(a.points, b.points) and np.array_equal(a.times_s, b.times_s)
        for a, b in zip(*legs, strict=True)
    )


@QUICK
@given(
    seed=st.integers(0, 10_000), turned=st.floats(0, 1.5), things=st.integers(0, 7),
    profile=st.sampled_from([REFERENCE_R, WORKING_W]), robots=st.integers(1, 2),
)  # fmt: skip
def test_a_plan_is_safe_complete_and_honest(
    seed: int, turned: float, things: int, profile: RobotProfile, robots: int
) -> None:
    floor = room(turned_rad=turned, seed=seed, things=things)
    request = asked(floor, profile, robots)
    found = plan(request)
    verdict = judge(floor, found, {r.name: r.profile for r in request.robots}, {r.name: r.pose for r in request.robots})
    assert verdict.unsafe_m == 0 and verdict.tight_m == 0 and verdict.jump_m == 0
    assert verdict.times_believed
    assert verdict.covered_coverable_m2 >= 0.97 * verdict.coverable_m2
    assert found.planned_m2 + sum(area.area_m2 for area in found.missed) == pytest.approx(found.requested_m2, rel=1e-3)


def test_the_same_request_gives_the_same_plan() -> None:
    request = asked(room(5.0, 4.0, seed=3, things=2), robots=2, deadline_s=None)
    assert same(plan(request), plan(request))


def test_a_robot_leaves_its_dock_comes_home_and_never_jumps() -> None:
    path = plan(asked(room())).paths[0]
    assert path.legs[0].kind is LegKind.UNDOCK and path.legs[0].reverse
    assert path.legs[-1].kind is LegKind.DOCK
    for before, after in zip(path.legs, path.legs[1:], strict=False):
        assert np.allclose(before.points[-1], after.points[0], atol=1e-9)
        assert before.times_s[-1] == pytest.approx(after.times_s[0])
    assert len({leg.leg_id for leg in path.legs}) == len(path.legs)


def test_only_the_rest_is_planned() -> None:
    floor = room()
    cleaned = np.zeros(floor.grid.shape, dtype=bool)
    cleaned[:, : floor.grid.shape[1] // 2] = True
    whole, rest = plan(asked(floor)), plan(asked(floor, cleaned=cleaned))
    on = [sum(leg.length_m for leg in p.paths[0].legs if leg.head_on) for p in (whole, rest)]
    assert on[1] < 0.7 * on[0]


def test_little_is_cleaned_twice_when_only_patches_are_left() -> None:
    floor = room()
    requested, patches = floor.requested(("room",)), np.zeros(floor.grid.shape, dtype=bool)
    rows, cols = floor.grid.shape
    for col in range(cols // 2 - 65, cols // 2 + 65, 40):
        patches[rows // 2 - 7 : rows // 2 + 7, col : col + 10] = True
    rest = plan(asked(floor, cleaned=requested & ~patches))
    on_m2 = REFERENCE_R.head.width_m * sum(leg.length_m for leg in rest.paths[0].legs if leg.head_on)
    assert rest.planned_m2 > 0.9 * rest.requested_m2 == pytest.approx(0.9 * 4 * 140 * SIDE_M**2)
    assert on_m2 < 2.5 * rest.requested_m2


def test_what_cannot_be_planned_is_said() -> None:
    floor = room()
    with pytest.raises(CannotPlan, match="there is no robot"):
        plan(PlanRequest(floor, (), ("room",)))
    with pytest.raises(CannotPlan, match="no such zone"):
        plan(PlanRequest(floor, asked(floor).robots, ("attic",)))
    inside = Starter("lost", REFERENCE_R, Pose(0.1, 0.1), False, None)
    with pytest.raises(CannotPlan, match="no place that it fits into"):
        plan(PlanRequest(floor, (inside,), ("room",)))
    with pytest.raises(CannotPlan, match="its pose is no number"):
        plan(PlanRequest(floor, (replace(inside, pose=Pose(math.nan, 1.0)),), ("room",)))
    with pytest.raises(CannotPlan, match="has the shape"):
        plan(asked(floor, cleaned=np.zeros((3, 3), dtype=bool)))


@pytest.mark.parametrize(("apart_m", "said"), [(0.0, True), (0.4, True), (0.6, False), (0.8, False)])
def test_two_robots_cannot_be_in_one_place(apart_m: float, said: bool) -> None:
    """Poses are wrong by some centimetres; where robots overlap by more, one of them is somewhere else."""
    robots = tuple(Starter(f"r{k}", REFERENCE_R, Pose(2.0 + k * apart_m, 2.0), False, None) for k in range(2))
    faults = faults_of(PlanRequest(room(), robots, ("room",)))
    assert [fault.place for fault in faults] == (["robot r1"] if said else [])
    assert not said or "where r0 stands" in faults[0].what


def halved(*rights: tuple[str, ...]) -> FloorMap:
    """The room in a left and a right half; each of `rights` are the robots that may enter it, none: all."""
    floor = room(width_m=10.0)
    side = floor.grid.shape[1] * SIDE_M
    middle = side / 2 + 1.0
    shapes = (box(0, 0, middle, side), box(middle, 0, side, side))
    zones = tuple(
        Zone(f"half_{k}", shape, robots=who) for k, (shape, who) in enumerate(zip(shapes, rights, strict=True))
    )
    return replace(floor, zones=zones)


def asked_in_halves(floor: FloorMap, robots: int) -> PlanRequest:
    return replace(asked(floor, robots=robots), zones=("half_0", "half_1"))


def test_a_zone_is_left_to_the_robots_that_may_enter_it() -> None:
    floor = halved((), ("dock_1",))
    found = plan(asked_in_halves(floor, 2))
    barred = floor.zones[1].polygon
    ways = {path.robot: np.concatenate([leg.points for leg in path.legs]) for path in found.paths}
    assert set(ways) == {"dock_0", "dock_1"}
    assert distance(points(ways["dock_0"]), barred).min() >= 0.39
    assert distance(points(ways["dock_1"]), barred).min() == 0.0
    assert found.planned_m2 >= 0.97 * found.coverable_m2
    times = [path.finish_s for path in found.paths]
    assert max(times) < 1.5 * min(times)


def test_a_carpet_is_left_to_the_robots_that_work_on_carpets() -> None:
    floor = halved((), ())
    floor = replace(floor, zones=(floor.zones[0], replace(floor.zones[1], surface="carpet")))
    request = asked_in_halves(floor, 2)
    sweeper = replace(REFERENCE_R, name="sweeper", surfaces=("hard", "carpet"))
    dock_0, dock_1 = request.robots
    found = plan(replace(request, robots=(dock_0, replace(dock_1, profile=sweeper))))
    ways = {path.robot: np.concatenate([leg.points for leg in path.legs]) for path in found.paths}
    assert distance(points(ways["dock_0"]), floor.zones[1].polygon).min() >= 0.39
    assert found.planned_m2 >= 0.97 * found.coverable_m2
    nobody = plan(request)
    assert {area.reason for area in nobody.missed if area.zone == "half_1"} >= {MissedReason.NO_ROBOT_MAY_ENTER}


def test_floor_that_no_robot_may_enter_is_missed_for_that_reason() -> None:
    floor = halved((), ("somebody",))
    found = plan(asked_in_halves(floor, 2))
    barred = [area for area in found.missed if area.zone == "half_1"]
    reasons = {area.reason: sum(a.area_m2 for a in barred if a.reason is area.reason) for area in barred}
    assert max(reasons, key=lambda reason: reasons[reason]) is MissedReason.NO_ROBOT_MAY_ENTER
    assert MissedReason.NOT_CLEANED not in reasons
    assert found.planned_m2 + sum(area.area_m2 for area in found.missed) == pytest.approx(found.requested_m2)
    assert found.planned_m2 >= 0.97 * found.coverable_m2


def test_a_robot_whose_dock_is_shut_off_cleans_what_it_can_and_ends_there() -> None:
    floor = room()
    grid, requested = floor.grid, floor.requested(("room",))
    out, shut = (Starter(d.name, REFERENCE_R, d.pose, True, d) for d in floor.docks)
    x, y = grid.to_map(grid.centres(np.argwhere(requested))).mean(axis=0)
    out = replace(out, pose=Pose(float(x), float(y)), docked=False)
    assert out.dock is not None
    # A dead robot stands before the dock.
    closed = tuple(box(p.x_m - 0.5, p.y_m - 0.5, p.x_m + 0.5, p.y_m + 0.5) for p in (out.dock.pose, out.dock.staging))
    found = plan(PlanRequest(floor, (out, shut), ("room",), closed=closed, deadline_s=SOON_S))
    path = found.path(out.name)
    assert path.legs and path.legs[-1].kind is not LegKind.DOCK
    assert distance(points(np.concatenate([leg.points for leg in path.legs])), closed[1]).min() >= 0.35
    assert found.planned_m2 >= 0.95 * found.coverable_m2
    assert found.coverable_m2 > 0.7 * float(requested.sum()) * grid.cell_area_m2


def test_a_robot_to_which_closed_floor_leaves_no_place_is_left_out_and_the_others_clean() -> None:
    floor = room()
    here, other = (Starter(d.name, REFERENCE_R, d.pose, True, d) for d in floor.docks)
    x, y = floor.grid.to_map(floor.grid.centres(np.argwhere(floor.requested(("room",))))).mean(axis=0)
    out = replace(here, pose=Pose(float(x), float(y)), docked=False)
    ring = Point(x, y).buffer(1.5).difference(Point(x, y).buffer(0.36))
    halves = tuple(ring.intersection(box(x - 2.0, low, x + 2.0, low + 2.0)) for low in (y - 2.0, y))
    found = plan(PlanRequest(floor, (out, other), ("room",), closed=halves, deadline_s=SOON_S))
    assert [path.robot for path in found.paths if path.legs] == [other.name]
    assert found.planned_m2 >= 0.95 * found.coverable_m2
    with pytest.raises(CannotPlan, match="no place that it fits into"):
        plan(PlanRequest(floor, (out,), ("room",), closed=halves, deadline_s=SOON_S))


@pytest.mark.parametrize(("deadline_s", "once"), [(5.0, True), (20.0, False), (None, False)])
def test_only_a_plan_that_is_due_soon_is_made_once(
    monkeypatch: pytest.MonkeyPatch, deadline_s: float | None, once: bool
) -> None:
    told: list[dict[str, Any]] = []

    def manned(*_: Any, **more: Any) -> Apart:
        told.append(more)
        return Apart([], 0)

    monkeypatch.setattr(planner, "manned", manned)
    planner.plan(asked(room(), deadline_s=deadline_s))
    assert [more.get("looks") == 0 for more in told] == [once]


@pytest.mark.parametrize(("deadline_s", "polished"), [(20.0, False), (None, True)])
def test_what_robots_wait_is_evened_out_when_there_is_no_hurry(
    monkeypatch: pytest.MonkeyPatch, deadline_s: float | None, polished: bool
) -> None:
    asked_later: list[dict[str, float]] = []

    def polish(*given: Any) -> list[CoveragePath]:
        _, _, _, paths, later_s, _ = given
        asked_later.append(dict(later_s))
        return list(paths)

    def keep_waiting(paths: list[CoveragePath], *_: Any, **__: Any) -> Apart:
        last = paths[-1]
        legs = tuple(replace(leg, times_s=leg.times_s + 60.0) for leg in last.legs)
        return Apart([*paths[:-1], replace(last, legs=legs)], 0)

    monkeypatch.setattr(manning, "kept_apart", keep_waiting)
    monkeypatch.setattr(planner, "_polished_again", polish)
    planner.plan(asked(room(), robots=2, deadline_s=deadline_s))
    assert bool(asked_later) is polished
    assert all(sorted(later_s.values()) == pytest.approx([0.0, 60.0]) for later_s in asked_later)
