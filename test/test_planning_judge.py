"""What else the judge says: docks, keepouts, times of every kind, robots in the way, and accounts that do not add up."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import box

from robot_fleet.floor.grid import OccupancyGrid
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.profile import REFERENCE_R, SCRUBBER_S, WORKING_W, Head, RobotProfile
from robot_fleet.floor.store import Dock, FloorMap, Keepout, Zone
from robot_fleet.planning.judge import Verdict, ViolationKind, judge
from robot_fleet.planning.judging.nominal import with_nominal_times
from robot_fleet.planning.judging.strokes import strokes_of
from robot_fleet.planning.judging.swept import covered
from robot_fleet.planning.judging.track import track_of
from robot_fleet.planning.plan import CoveragePath, Leg, LegKind, MissedArea, MissedReason, Plan

Points = Sequence[tuple[float, float]]
NAN = math.nan


def floor(
    width_m: float = 20.0, height_m: float = 8.0, keepouts: tuple[Keepout, ...] = (), docks: tuple[Dock, ...] = ()
) -> FloorMap:
    cells = np.zeros((round(height_m / 0.05), round(width_m / 0.05)), dtype=np.int8)
    zones = (Zone("all", box(0, 0, width_m, height_m)), Zone("strip", box(2, 2, 12, 2.7)))
    return FloorMap("room", OccupancyGrid(cells, 0.05, Pose(0, 0)), zones, keepouts, docks)


def leg(
    points: Points, times_s: Sequence[float] = (), kind: LegKind = LegKind.CLEAN, name: str = "1", reverse: bool = False
) -> Leg:
    times = np.array(times_s if times_s else np.zeros(len(points)), dtype=np.float64)
    return Leg(name, kind, np.array(points, dtype=np.float64), times, reverse=reverse)


def timed(
    legs: Sequence[Leg], profile: RobotProfile = REFERENCE_R, robot: str = "r", start: Pose | None = None
) -> CoveragePath:
    return CoveragePath(robot, with_nominal_times(robot, legs, profile, start))


def plan(*paths: CoveragePath, zones: tuple[str, ...] = ("all",)) -> Plan:
    return Plan("room", zones, paths, (), NAN, NAN, NAN, NAN)


def found(verdict: Verdict) -> dict[ViolationKind, float]:
    return {violation.kind: violation.amount for violation in verdict.violations}


def judged(path: CoveragePath, profile: RobotProfile = REFERENCE_R, room: FloorMap | None = None) -> Verdict:
    return judge(room or floor(), plan(path), {path.robot: profile})


def test_beyond_the_map_is_an_obstacle() -> None:
    verdict = judged(timed([leg([(2, 0.3), (8, 0.3)])]))
    assert verdict.unsafe_m == pytest.approx(6.0)


def test_a_keepout_is_told_apart_from_an_obstacle() -> None:
    room = floor(keepouts=(Keepout("wet", box(5, 3, 7, 4)),))
    verdict = judged(timed([leg([(2, 2.8), (10, 2.8)])]), room=room)
    assert verdict.unsafe_m == 0.0
    assert verdict.keepout_m == pytest.approx(2.0 + 2.0 * math.sqrt(0.34**2 - 0.2**2), abs=1e-3)


DOCK = Dock("d", Pose(0.37, 4.0, math.pi), 0.7)
FORTH = [
    leg([(0.37, 4.0), (1.07, 4.0)], kind=LegKind.UNDOCK, name="1", reverse=True),
    leg([(1.07, 4.0), (5.0, 4.0)], name="2"),
]
BACK = [
    leg([(5.0, 4.0), (1.07, 4.0)], kind=LegKind.TRANSIT, name="3"),
    leg([(1.07, 4.0), (0.37, 4.0)], kind=LegKind.DOCK, name="4"),
]


def test_a_robot_may_be_tight_at_its_dock() -> None:
    path = timed([*FORTH, *BACK], start=DOCK.pose)
    verdict = judge(floor(docks=(DOCK,)), plan(path), {"r": REFERENCE_R}, {"r": DOCK.pose})
    assert verdict.ok, verdict.text()
    assert verdict.robots[0].length_m == pytest.approx(2 * 4.63)


def test_the_same_way_without_a_dock_is_tight() -> None:
    path = timed([*FORTH, *BACK], start=DOCK.pose)
    verdict = judge(floor(), plan(path), {"r": REFERENCE_R}, {"r": DOCK.pose})
    assert set(found(verdict)) == {ViolationKind.TIGHT}


def test_a_robot_that_came_from_a_dock_must_end_on_one() -> None:
    path = timed(FORTH, start=DOCK.pose)
    verdict = judge(floor(docks=(DOCK,)), plan(path), {"r": REFERENCE_R}, {"r": DOCK.pose})
    assert found(verdict) == {ViolationKind.NOT_HOME: pytest.approx(4.63)}


def test_a_path_that_begins_away_from_where_the_robot_stands_jumps() -> None:
    path = timed([leg([(5, 4), (9, 4)])])
    verdict = judge(floor(), plan(path), {"r": REFERENCE_R}, {"r": Pose(2, 4)})
    assert found(verdict) == {ViolationKind.JUMP: pytest.approx(3.0)}


def test_a_path_that_creeps_in_steps_too_short_to_see_jumps() -> None:
    creeping = [(5 + 5e-5 * k, 4.0) for k in range(2000)]
    assert found(judged(timed([leg(creeping)]))) == {ViolationKind.JUMP: pytest.approx(0.1, abs=1e-3)}
    assert found(judged(timed([leg([(4, 4), *creeping, (9, 4)])]))) == {
        ViolationKind.JUMP: pytest.approx(0.1, abs=1e-3)
    }


def test_a_robot_that_only_stands_is_met_all_the_same() -> None:
    path = timed([leg([(2, 4), (10, 4)])])
    profiles = {"r": REFERENCE_R, "idle": WORKING_W}
    verdict = judge(floor(), plan(path), profiles, {"idle": Pose(6, 4)})
    assert found(verdict) == {ViolationKind.CONFLICT: pytest.approx(2 * 0.69 / 0.5)}
    assert judge(floor(), plan(path), profiles, {"idle": Pose(6, 4.71)}).ok


def test_a_robot_that_is_done_stands_where_it_ended() -> None:
    first = timed([leg([(8, 4), (6, 4)])], robot="first")
    second = CoveragePath("second", (leg([(2, 4), (2, 4), (10, 4)], (0, 100, 116), name="2"),))
    profiles = {"first": REFERENCE_R, "second": REFERENCE_R}
    (violation,) = judge(floor(), plan(first, second), profiles).violations
    assert violation.kind is ViolationKind.CONFLICT
    assert violation.amount == pytest.approx(2 * 0.69 / 0.5)


def test_polygons_meet_by_their_outlines() -> None:
    # Two scrubbers side by side: 0.75 m wide each, so that 0.76 m between their middles is free and 0.70 m is not.
    profile = replace(SCRUBBER_S, least_radius_m=0.0, squeegee=None)
    paths = [timed([leg([(2, y), (8, y)], name=str(y))], profile, robot=str(y)) for y in (3.0, 3.76, 4.46)]
    profiles = {path.robot: profile for path in paths}
    verdict = judge(floor(), plan(*paths), profiles)
    assert [(violation.robot, violation.other) for violation in verdict.violations] == [("3.76", "4.46")]
    assert verdict.min_separation_m == 0.0
    assert judge(floor(), plan(*paths[:2]), profiles).min_separation_m == pytest.approx(0.01, abs=1e-6)


class TestTimes:
    def test_a_corner_needs_its_pivot(self) -> None:
        points = [(2, 2), (7, 2), (7, 6)]
        (violation,) = judged(CoveragePath("r", (leg(points, (0, 10, 18)),))).violations
        assert violation.kind is ViolationKind.PIVOT
        assert violation.amount == pytest.approx(math.pi / 2 / 0.6, abs=0.01)
        assert judged(CoveragePath("r", (leg(points, (0, 10, 18 + math.pi / 2 / 0.6)),))).ok

    def test_a_wait_at_the_corner_may_be_the_pivot(self) -> None:
        points = [(2, 2), (7, 2), (7, 2), (7, 6)]
        assert judged(CoveragePath("r", (leg(points, (0, 10, 13, 21)),))).ok

    def test_a_robot_with_inertia_needs_longer(self) -> None:
        assert judged(CoveragePath("r", (leg([(2, 2), (7, 2)], (0, 11)),)), WORKING_W).ok
        (violation,) = judged(CoveragePath("r", (leg([(2, 2), (7, 2)], (0, 10.3)),)), WORKING_W).violations
        assert violation.kind is ViolationKind.ACCELERATION
        assert violation.amount > WORKING_W.acceleration_mps2 * 1.5  # type: ignore[operator]

    def test_it_cannot_be_slow_and_then_fast_at_once(self) -> None:
        # 4 m at a crawl, then 1 m in 2.1 s to rest: the average of the second is within the limit, its start is not.
        times = (0, 400, 402.1)
        assert judged(CoveragePath("r", (leg([(2, 2), (6, 2), (7, 2)], times),)), REFERENCE_R).ok
        (violation,) = judged(CoveragePath("r", (leg([(2, 2), (6, 2), (7, 2)], times),)), WORKING_W).violations
        assert violation.kind is ViolationKind.ACCELERATION

    def test_points_that_a_quick_robot_passes_within_milliseconds_are_no_fault(self) -> None:
        quick = replace(WORKING_W, speed_mps=5.0, acceleration_mps2=10.0)
        points = [(2.0, 2.0), (4.0, 2.0), (4.02, 2.0), (4.04, 2.0), (6.04, 2.0)]
        path = CoveragePath("r", with_nominal_times("r", (leg(points),), quick, None))
        assert judged(path, quick).ok
        hurried = path.legs[0].times_s - (0.0, 0.0, 0.0, 0.0, 0.2)
        (violation,) = judged(CoveragePath("r", (leg(points, hurried.tolist()),)), quick).violations
        assert violation.kind is ViolationKind.ACCELERATION

    def test_a_bend_cannot_be_taken_faster_than_the_robot_yaws(self) -> None:
        arc = [(5 + 0.3 * math.sin(a), 4 - 0.3 * math.cos(a)) for a in np.radians(np.arange(0, 181, 9))]
        way = float(np.hypot(*np.diff(arc, axis=0).T).sum())
        times = np.linspace(0, way / 0.5 + 0.01, len(arc))
        violations = judged(CoveragePath("r", (leg(arc, times.tolist()),))).violations
        assert {violation.kind for violation in violations} == {ViolationKind.YAW_RATE}
        assert judged(timed([leg(arc)])).ok

    def test_times_that_go_back_are_named(self) -> None:
        first, second = leg([(2, 2), (6, 2)], (0, 20)), leg([(6, 2), (9, 2)], (10, 30), name="2")
        verdict = judged(CoveragePath("r", (first, second)))
        assert ViolationKind.TIME_ORDER in found(verdict)
        assert not verdict.times_believed

    def test_the_makespan_counts_from_the_first_departure(self) -> None:
        path = CoveragePath("r", (leg([(2, 2), (2, 2), (6, 2)], (0, 30, 38)),))
        assert judged(path).makespan_s == pytest.approx(8.0)


class TestTurning:
    @settings(max_examples=40, deadline=None)
    @given(st.floats(0.5, 3.0), st.floats(1.0, 9.5), st.floats(60, 300), st.floats(0.3, 1.0))
    def test_arcs_are_measured_whatever_their_vertices(
        self, ratio: float, step: float, degrees: float, least: float
    ) -> None:
        profile = replace(REFERENCE_R, least_radius_m=least)
        angles = np.radians(np.append(np.arange(0, degrees, step), degrees))
        radius = ratio * least
        arc = [(10 + radius * math.sin(a), 12 - radius * math.cos(a)) for a in angles]
        last = angles[-1]
        away = (arc[-1][0] + 2 * math.cos(last), arc[-1][1] + 2 * math.sin(last))
        path = timed([leg([(arc[0][0] - 2, arc[0][1]), *arc, away])], profile)
        radii = [v.amount for v in judged(path, profile, floor(24, 24)).of_kind(ViolationKind.RADIUS)]
        if ratio < 0.9:
            assert min(radii) == pytest.approx(radius, rel=0.1)
        if ratio > 1.02:
            assert not radii

    def test_one_small_bend_between_long_straights_is_none(self) -> None:
        profile = replace(REFERENCE_R, least_radius_m=2.0)
        assert judged(timed([leg([(2, 4), (8, 4), (14, 5)])], profile), profile).ok

    def test_a_pivot_with_the_head_on_has_no_radius(self) -> None:
        profile = replace(REFERENCE_R, least_radius_m=0.5)
        verdict = judged(timed([leg([(2, 2), (8, 2)]), leg([(8, 2), (8, 6)], name="2")], profile), profile)
        assert found(verdict) == {ViolationKind.RADIUS: 0.0}

    def test_a_pivot_with_the_head_up_is_good(self) -> None:
        profile = replace(REFERENCE_R, least_radius_m=0.5)
        legs = [leg([(2, 2), (8, 2)]), leg([(8, 2), (8, 6)], kind=LegKind.TRANSIT, name="2")]
        assert judged(timed(legs, profile), profile).ok

    def test_driving_backwards_with_the_head_on_is_named(self) -> None:
        profile = replace(REFERENCE_R, least_radius_m=0.5)
        path = timed([leg([(8, 2), (2, 2)], reverse=True)], profile)
        assert found(judged(path, profile)) == {ViolationKind.REVERSING: pytest.approx(6.0)}


class TestRights:
    zones = (Zone("open", box(0, 0, 10, 8)), Zone("staff", box(10, 0, 20, 8), robots=("s",)))

    def verdict(self, robot: str) -> Verdict:
        path = timed([leg([(2, 2), (18, 2)])], robot=robot)
        room = replace(floor(), zones=self.zones)
        return judge(room, plan(path, zones=("open", "staff")), {robot: REFERENCE_R})

    def test_a_robot_keeps_out_of_a_zone_that_is_closed_to_it(self) -> None:
        assert found(self.verdict("r"))[ViolationKind.KEEPOUT] == pytest.approx(8.34, abs=0.02)
        assert ViolationKind.KEEPOUT not in found(self.verdict("s"))

    def test_what_robots_may_not_enter_they_cannot_cover(self) -> None:
        assert self.verdict("s").coverable_m2 > 1.9 * self.verdict("r").coverable_m2


class TestAccount:
    strip = timed([leg([(2, 2.35), (9, 2.35)])])
    rest = MissedArea("strip", MissedReason.NOT_CLEANED, box(9, 2, 12, 2.7), 2.1)

    def verdict(self, *missed: MissedArea, planned_m2: float = 4.9) -> Verdict:
        claims = Plan("room", ("strip",), (self.strip,), missed, 7.0, 7.0, planned_m2, 20.0)
        return judge(floor(), claims, {"r": REFERENCE_R})

    def test_an_honest_account_is_good(self) -> None:
        verdict = self.verdict(self.rest)
        assert verdict.ok, verdict.text()
        assert verdict.coverage == pytest.approx(0.7)
        assert sum(area.area_m2 for area in verdict.missed) == pytest.approx(2.1)
        assert {area.reason for area in verdict.missed} == {MissedReason.NOT_CLEANED}

    def test_missed_floor_must_be_listed(self) -> None:
        assert set(found(self.verdict())) == {ViolationKind.ACCOUNT}

    def test_it_must_be_listed_once(self) -> None:
        half = replace(self.rest, area_m2=1.05)
        assert set(found(self.verdict(half, half))) == {ViolationKind.ACCOUNT}

    def test_it_must_be_listed_where_it_is(self) -> None:
        elsewhere = replace(self.rest, polygon=box(2, 2, 5, 2.7))
        whats = {violation.what for violation in self.verdict(elsewhere).violations}
        assert whats == {
            "floor is listed as missed but cleaned or never asked for",
            "floor is missed but not listed",
        }

    def test_cleaned_floor_cannot_be_claimed_without_cleaning(self) -> None:
        assert set(found(self.verdict(planned_m2=7.0))) == {ViolationKind.ACCOUNT}

    @pytest.mark.parametrize(
        "reason",
        [MissedReason.UNREACHABLE, MissedReason.TOO_NARROW, MissedReason.KEEPOUT, MissedReason.NO_ROBOT_MAY_ENTER],
    )
    def test_floor_listed_for_a_reason_that_does_not_hold_is_named(self, reason: MissedReason) -> None:
        rest = replace(self.rest, reason=reason)
        (violation,) = self.verdict(rest).violations
        assert f"{reason.value!r}, which is not why" in violation.what

    def test_a_zone_that_is_not_there_is_named(self) -> None:
        (violation,) = judge(floor(), plan(self.strip, zones=("cellar",)), {"r": REFERENCE_R}).violations
        assert "cellar" in violation.what

    def test_what_is_too_narrow_or_kept_out_is_told(self) -> None:
        room = floor(keepouts=(Keepout("wet", box(15, 0, 20, 8)),))
        verdict = judged(self.strip, room=room)
        area = missed_for(verdict)
        # Along three walls 5 cm are out of reach, and in two corners what a disc leaves of its square; so much is the keepout's
        # doing along its own border.
        corners = 2 * (1 - math.pi / 4) * 0.35**2
        assert area[MissedReason.KEEPOUT] == pytest.approx(40.0 + 7.9 * 0.05 + corners, abs=0.05)
        assert area[MissedReason.TOO_NARROW] == pytest.approx(2 * 15 * 0.05 + 7.9 * 0.05 + corners, abs=0.05)
        total = verdict.covered_m2 + sum(a.area_m2 for a in verdict.missed)
        assert total == pytest.approx(verdict.requested_m2)


def missed_for(verdict: Verdict) -> dict[MissedReason, float]:
    return {reason: sum(a.area_m2 for a in verdict.missed if a.reason is reason) for reason in MissedReason}


def walled(*bounds: tuple[float, float, float, float]) -> FloorMap:
    """The room with obstacles."""
    room = floor()
    cells = room.grid.cells.copy()
    for wall in bounds:
        cells[room.grid.centres_inside(box(*wall))] = 100
    return replace(room, grid=replace(room.grid, cells=cells))


@pytest.mark.parametrize("behind_m", [5.0, 0.5])
def test_floor_to_which_no_way_leads_is_unreachable(behind_m: float) -> None:
    """Whether a robot would fit there or not: behind a wall from side to side."""
    room = walled((20 - behind_m - 0.1, 0, 20 - behind_m, 8))
    area = missed_for(judged(timed([leg([(2, 4), (9, 4)])]), room=room))
    assert area[MissedReason.UNREACHABLE] == pytest.approx(8 * behind_m, rel=0.05)


def test_floor_behind_a_gap_that_is_too_narrow_is_unreachable_where_a_robot_would_fit() -> None:
    room = walled((12, 0, 12.1, 3.7), (12, 4.3, 12.1, 8))
    area = missed_for(judged(timed([leg([(2, 4), (9, 4)])]), room=room))
    assert area[MissedReason.UNREACHABLE] == pytest.approx(7.9 * 8, rel=0.05)
    assert area[MissedReason.TOO_NARROW] < 4.0


def test_floor_of_a_zone_that_admits_others_alone_is_told_apart() -> None:
    room = floor()
    room = replace(room, zones=(*room.zones, Zone("staff", box(15, 0, 20, 8), robots=("somebody",))))
    area = missed_for(judge(room, plan(timed([leg([(2, 4), (9, 4)])])), {"r": REFERENCE_R}))
    assert area[MissedReason.NO_ROBOT_MAY_ENTER] == pytest.approx(5 * 8, rel=0.05)


def test_floor_of_a_surface_that_is_not_the_robots_is_closed_to_it() -> None:
    room = floor()
    room = replace(room, zones=(*room.zones, Zone("rug", box(8, 0, 12, 8), surface="carpet")))
    found = judge(room, plan(timed([leg([(2, 4), (15, 4)])])), {"r": REFERENCE_R})
    assert found.keepout_m == pytest.approx(4.0 + 2 * 0.35, abs=0.1)
    knows_rugs = replace(REFERENCE_R, surfaces=("hard", "carpet"))
    found = judge(room, plan(timed([leg([(2, 4), (15, 4)])], knows_rugs)), {"r": knows_rugs})
    assert found.keepout_m == 0.0


def test_a_scrubber_covers_an_open_room_but_its_edges() -> None:
    verdict = judged(timed([leg([(2, 4.02), (15, 4.02)])], SCRUBBER_S), SCRUBBER_S)
    assert 0.95 * 160 < verdict.coverable_m2 < 160
    # Thirteen rows of cells have their centres under a head of 0.66 m there.
    assert verdict.covered_m2 == pytest.approx(13 * 13 * 0.05)


@pytest.mark.parametrize("bad", [NAN, math.inf])
def test_numbers_that_are_none_are_refused(bad: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        judged(CoveragePath("r", (leg([(2, bad), (3, 3)]),)))
    with pytest.raises(ValueError, match="finite"):
        judged(CoveragePath("r", (leg([(2, 2), (3, 3)], (0, bad)),)))


def test_a_robot_without_a_profile_is_refused() -> None:
    with pytest.raises(KeyError):
        judge(floor(), plan(timed([leg([(2, 2), (3, 2)])])), {})


def test_an_empty_plan_covers_nothing_and_breaks_nothing() -> None:
    verdict = judge(floor(), plan(CoveragePath("r", ())), {"r": REFERENCE_R}, {"r": Pose(5, 5)})
    assert verdict.ok
    assert (verdict.coverage, verdict.makespan_s) == (0.0, 0.0)
    assert verdict.coverable_m2 > 0


def test_a_verdict_is_fit_for_json_and_for_reading() -> None:
    verdict = judge(floor(), plan(timed([leg([(2, 0.3), (8, 0.3)])])), {"r": REFERENCE_R})
    document = json.loads(json.dumps(verdict.as_dict(), allow_nan=False))
    assert document["ok"] is False
    assert document["violations"][0]["kind"] == "unsafe"
    assert document["violations"][0]["unit"] == "m"
    assert document["min_separation_m"] is None
    assert "unsafe" in verdict.text()
    assert f"one violation; it cleans {verdict.coverage:.1%} of what robots can reach" in verdict.text()
    assert "r leg 1[0] at (2.00, 0.30)" in verdict.text()


def test_a_head_ahead_of_the_turning_centre_cleans_what_passes_under_it_in_a_turn_and_no_more() -> None:
    grid, head = floor().grid, Head(0.5, 0.4)
    ahead = replace(REFERENCE_R, head=head)
    for turn_deg in (40, -170):
        turn = math.radians(turn_deg)
        path = timed([leg([(4, 4), (5, 4), (5 + math.cos(turn), 4 + math.sin(turn))])], ahead)
        strokes = strokes_of(track_of(path, ahead))
        turned = covered(grid, [replace(strokes, deck=~strokes.drives)])
        yaw = np.linspace(0.0, turn, 4000)
        x, y = (grid.centres(np.argwhere(grid.free)) - (5.0, 4.0)).T[:, :, None]
        near = np.hypot(x, y)[:, 0] < 0.6
        along, aside = x[near] * np.cos(yaw) + y[near] * np.sin(yaw), y[near] * np.cos(yaw) - x[near] * np.sin(yaw)
        off_m = np.hypot(along - head.offset_m, np.maximum(np.abs(aside) - head.width_m / 2, 0.0)).min(axis=1)
        assert turned.sum() == turned.ravel()[near].sum()
        assert turned.ravel()[near][off_m < 5e-4].all()
        assert not turned.ravel()[near][off_m > 2e-3].any()


def test_thousands_of_sharp_turns_are_judged_in_seconds() -> None:
    points = [(5.0 + 0.5 * (k % 2), 4.0 + 0.01 * (k % 3)) for k in range(5001)]
    path = timed([leg(points)])
    since_s = time.process_time()
    assert judged(path).robots[0].turning_rad > 15_000
    assert time.process_time() - since_s < 5.0


def test_without_robots_no_floor_is_called_clean() -> None:
    verdict = judge(floor(), plan(), {})
    assert "robots reach no floor" in verdict.text() and "nan" not in verdict.text()
    assert verdict.as_dict()["coverage"] is None
