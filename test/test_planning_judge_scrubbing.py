"""Scrubbers before the judge: what of the head works where, the water that is left, tanks, batteries and docks.

The machine is as long and as wide as S, without accelerations, so that places follow from times by hand: its head lies
0.45 m ahead of the turning centre, its squeegee as far behind. At y = 4.02 m thirteen rows of cells have their centres
under the head.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from test_planning_judge import DOCK, Points, floor, found, judged, leg, plan, timed, walled

from robot_fleet.floor.pose import Pose
from robot_fleet.floor.profile import REFERENCE_R, SCRUBBER_S, Battery, Head, RobotProfile, Squeegee, Tank
from robot_fleet.floor.store import Dock, FloorMap
from robot_fleet.planning.judge import Verdict, ViolationKind, judge
from robot_fleet.planning.judging.ground import coverable
from robot_fleet.planning.judging.strokes import strokes_of
from robot_fleet.planning.judging.swept import covered
from robot_fleet.planning.judging.track import track_of
from robot_fleet.planning.plan import CoveragePath, Leg, LegKind, Switch

M = replace(SCRUBBER_S, name="M", speed_mps=0.5, acceleration_mps2=None, yaw_acceleration_rps2=None)
PIVOT_S = math.pi / 2 / 0.6
HEAD_M = 13 * 0.05
LANE = ((2.0, 4.02), (10.0, 4.02))
ON = (0.0, 16.0)


def switched(one: Leg, *switches: tuple[float, str]) -> Leg:
    """The leg with switches: at what time which of deck, solution and vacuum ("dsv") are on."""
    made = tuple(Switch(at_s, *(letter in on for letter in "dsv")) for at_s, on in switches)
    return replace(one, switches=made)


def transit(points: Points, times_s: Sequence[float] = (), name: str = "2", reverse: bool = False) -> Leg:
    return leg(points, times_s, LegKind.TRANSIT, name, reverse)


def path(*legs: Leg, robot: str = "r") -> CoveragePath:
    return CoveragePath(robot, legs)


def scrubbed(*legs: Leg, profile: RobotProfile = M) -> Verdict:
    return judged(path(*legs), profile)


def after_the_lane(metres: float, on: str) -> Leg:
    """A transit that goes straight on from the lane, with that on."""
    end_s = 16.0 + metres / 0.5
    return switched(transit(((10.0, 4.02), (10.0 + metres, 4.02)), (16.0, end_s)), (16.0, on))


class TestCoverage:
    def test_floor_counts_while_the_deck_is_on(self) -> None:
        # The deck goes up at (8, 4.02), with the head at x = 8.45, and down at (9, 4.02).
        verdict = scrubbed(switched(leg(LANE, ON), (12.0, "v"), (14.0, "dsv")))
        assert verdict.covered_m2 == pytest.approx((6.0 + 1.0) * HEAD_M)
        assert verdict.robots[0].head_on_m == pytest.approx(7.0)

    def test_a_transit_counts_from_where_its_deck_is_on(self) -> None:
        verdict = scrubbed(switched(transit(LANE, ON), (12.0, "dsv")))
        assert verdict.covered_m2 == pytest.approx(2.0 * HEAD_M)

    def test_before_its_first_switch_a_leg_is_as_its_kind(self) -> None:
        assert scrubbed(switched(leg(LANE, ON), (12.0, ""))).covered_m2 == pytest.approx(6.0 * HEAD_M)
        assert scrubbed(switched(leg(LANE, ON), (0.0, ""))).covered_m2 == 0.0

    def test_without_solution_the_floor_counts_all_the_same(self) -> None:
        verdict = scrubbed(switched(leg(LANE, ON), (0.0, "d")))
        assert verdict.covered_m2 == pytest.approx(8.0 * HEAD_M)
        assert verdict.scrubbed_m2 == 0.0

    def test_a_robot_with_inertia_is_still_near_its_end_a_second_before_it(self) -> None:
        # It brakes with 0.5 m/s²: one second before it stands it has 0.25 m to go.
        one = timed([leg(LANE)], SCRUBBER_S).legs[0]
        verdict = scrubbed(switched(one, (float(one.times_s[-1]) - 1.0, "v")), profile=SCRUBBER_S)
        assert verdict.covered_m2 == pytest.approx(7.75 * HEAD_M)

    def test_a_pivot_sweeps_floor_as_long_as_the_deck_is_on(self) -> None:
        # A ring of radii hypot(0.45, +-0.33), a sixth of which is swept: 0.1 rad at each end are cut off by switches.
        profile = replace(M, least_radius_m=0.0)
        corner = [(5.0, 4.0), (6.0, 4.0), (6.0, 4.0), (6.0, 5.0)]
        begin_s = 2.0 + 0.2 / 0.6
        times = (0.0, 2.0, 2.0 + PIVOT_S, 4.0 + PIVOT_S)
        whole = switched(leg(corner, times), (0.0, ""), (2.0, "d"), (2.0 + PIVOT_S, ""))
        part = switched(leg(corner, times), (0.0, ""), (begin_s, "d"), (2.0 + PIVOT_S - 0.2 / 0.6, ""))
        turned = []
        for one in (whole, part):
            strokes = strokes_of(track_of(path(one), profile))
            turned.append(float(np.abs(strokes.turn[strokes.deck]).sum()))
        assert turned == [pytest.approx(math.pi / 2), pytest.approx(math.pi / 2 - 0.4)]
        assert 0.0 < scrubbed(part, profile=profile).covered_m2 < scrubbed(whole, profile=profile).covered_m2

    def test_a_pivot_sweeps_both_halves_of_a_head_ahead_of_the_turning_centre(self) -> None:
        # Halfway through a quarter turn about (6, 4) the head lies across the diagonal, 0.45 m out, 0.33 m to each side.
        room = floor()
        profile = replace(M, least_radius_m=0.0)
        strokes = strokes_of(track_of(timed([leg([(5.0, 4.0), (6.0, 4.0), (6.0, 5.0)])], profile), profile))
        mask = covered(room.grid, [strokes])
        half = math.sqrt(0.5)
        for across_m in (-0.3, -0.15, 0.15, 0.3):
            x, y = 6.0 + (0.47 + across_m) * half, 4.0 + (0.47 - across_m) * half
            ((row, col),) = room.grid.cells_at([(x, y)])
            assert mask[row, col], across_m


class TestTurning:
    corner: Points = ((2, 2), (8, 2), (8, 2), (8, 6))
    times = (0.0, 12.0, 12.0 + PIVOT_S, 20.0 + PIVOT_S)

    def violations(self, *switches: tuple[float, str], profile: RobotProfile = M) -> dict[ViolationKind, float]:
        verdict = scrubbed(switched(leg(self.corner, self.times), *switches), profile=replace(profile, squeegee=None))
        return found(verdict)

    def test_a_pivot_needs_the_deck_up_from_its_begin_to_its_end(self) -> None:
        assert self.violations() == {ViolationKind.RADIUS: 0.0}
        assert self.violations((12.0, ""), (12.0 + PIVOT_S, "dsv")) == {}
        assert self.violations((12.5, ""), (12.0 + PIVOT_S, "dsv")) == {ViolationKind.RADIUS: 0.0}
        assert self.violations((12.0, ""), (11.5 + PIVOT_S, "dsv")) == {ViolationKind.RADIUS: 0.0}

    def test_a_pivot_at_the_begin_of_a_lane_is_made_before_the_deck_goes_down(self) -> None:
        legs = [transit([(2, 2), (8, 2)]), leg([(8, 2), (8, 6)])]
        assert not judged(timed(legs, M), M).of_kind(ViolationKind.RADIUS)

    def test_unless_the_lane_says_that_the_deck_goes_down_first(self) -> None:
        first, second = timed([transit([(2, 2), (8, 2)]), leg([(8, 2), (8, 6)], name="3")], M).legs
        verdict = scrubbed(first, switched(second, (12.0, "dsv")))
        assert [v.amount for v in verdict.of_kind(ViolationKind.RADIUS)] == [0.0]

    @staticmethod
    def arc(radius_m: float, degrees: float = 90.0) -> list[tuple[float, float]]:
        turns = np.radians(np.arange(0, degrees + 1, 5))
        bend = [(8 + radius_m * math.sin(a), 2 + radius_m * (1 - math.cos(a))) for a in turns]
        last = math.radians(degrees)
        return [(5, 2), *bend, (bend[-1][0] + math.cos(last), bend[-1][1] + math.sin(last))]

    def test_with_the_head_up_it_may_turn_as_tightly_as_it_can_then(self) -> None:
        profile = replace(M, lifted_radius_m=0.5)
        assert judged(timed([transit(self.arc(0.6))], profile), profile).ok
        (violation,) = judged(timed([transit(self.arc(0.3))], profile), profile).violations
        assert violation.kind is ViolationKind.RADIUS
        assert violation.amount == pytest.approx(0.3, abs=0.02)
        assert "head up" in violation.what
        assert judged(timed([transit(self.arc(0.3))], M), M).ok

    def test_who_cannot_turn_on_the_spot_must_not_pivot_with_the_head_up_either(self) -> None:
        profile = replace(M, lifted_radius_m=0.5)
        legs = [transit([(2, 2), (8, 2)]), transit([(8, 2), (8, 6)], name="3")]
        assert found(judged(timed(legs, profile), profile)) == {ViolationKind.RADIUS: 0.0}
        assert judged(timed(legs, M), M).ok

    def test_a_cusp_is_no_turn(self) -> None:
        profile = replace(M, lifted_radius_m=0.5)
        legs = [transit([(2, 2), (8, 2)]), transit([(8, 2), (4, 2)], name="3", reverse=True)]
        assert judged(timed(legs, profile), profile).ok

    def test_lifting_and_lowering_at_every_vertex_hides_no_turn(self) -> None:
        profile = replace(M, lifted_radius_m=0.5, squeegee=None)
        one = timed([transit(self.arc(0.3))], profile).legs[0]
        flips = [(float(at_s), "d" if k % 2 else "") for k, at_s in enumerate(one.times_s)]
        (violation,) = scrubbed(switched(one, *flips), profile=profile).violations
        assert violation.kind is ViolationKind.RADIUS
        assert violation.amount == pytest.approx(0.3, abs=0.02)


class TestDrivingBackwards:
    way = ((8.0, 2.0), (2.0, 2.0))

    def test_with_everything_up_it_is_for_those_who_can(self) -> None:
        legs = timed([transit(self.way, reverse=True)], M)
        assert judged(legs, M).ok
        never = replace(M, reverses=False)
        assert found(judged(legs, never)) == {ViolationKind.REVERSING: pytest.approx(6.0)}

    @pytest.mark.parametrize("kind", [LegKind.UNDOCK, LegKind.DOCK])
    def test_into_and_out_of_docks_every_robot_may(self, kind: LegKind) -> None:
        assert judged(timed([leg(self.way, kind=kind, reverse=True)]), REFERENCE_R).ok

    @pytest.mark.parametrize("kind", [LegKind.UNDOCK, LegKind.TRANSIT])
    def test_nobody_may_with_the_squeegee_down(self, kind: LegKind) -> None:
        one = switched(leg(self.way, (0.0, 12.0), kind, reverse=True), (4.0, "v"), (8.0, ""))
        verdict = scrubbed(one)
        assert found(verdict) == {ViolationKind.REVERSING: pytest.approx(2.0)}
        assert "squeegee down" in verdict.violations[0].what

    def test_nor_with_the_head_down(self) -> None:
        one = switched(transit(self.way, (0.0, 12.0), reverse=True), (4.0, "d"), (8.0, ""))
        assert found(scrubbed(one, profile=replace(M, least_radius_m=0.0, squeegee=None))) == {
            ViolationKind.REVERSING: pytest.approx(2.0)
        }


class TestChannels:
    """Of the lane of 8 m in 16 s the last 0.9 m are driven from 14.2 s on, and 0.9 m behind it end at 17.8 s."""

    @staticmethod
    def channels(*legs: Leg, profile: RobotProfile = M) -> list[float]:
        """The metres of each violation about solution or vacuum."""
        return [one.amount for one in scrubbed(*legs, profile=profile).of_kind(ViolationKind.CHANNELS)]

    lane = switched(leg(LANE, ON), (0.0, "dsv"), (14.2, "dv"))
    away = switched(transit(((10.0, 4.02), (13.0, 4.02)), (16.0, 22.0)), (16.0, "v"), (17.8, ""))

    def test_solution_and_vacuum_as_the_profile_says_are_sound(self) -> None:
        assert scrubbed(self.lane, self.away).ok

    def test_the_vacuum_must_go_on_after_the_lift(self) -> None:
        silent = replace(self.away, switches=())
        short = switched(self.away, (16.0, "v"), (17.0, ""))
        assert self.channels(self.lane, silent) == [pytest.approx(0.9)]
        assert self.channels(self.lane, short) == [pytest.approx(0.4)]
        assert self.channels(self.lane, switched(self.away, (16.0, "v"), (17.72, ""))) == []

    def test_but_not_where_the_robot_turns_backs_or_docks(self) -> None:
        turns = transit(((10.0, 4.02), (10.0, 7.0)), (16.0 + PIVOT_S, 22.0 + PIVOT_S))
        backs = transit(((10.0, 4.02), (7.0, 4.02)), (16.0, 22.0), reverse=True)
        docks = leg(((10.0, 4.02), (10.5, 4.02)), (16.0, 17.0), LegKind.DOCK, "2")
        for after in (turns, backs, docks):
            assert self.channels(self.lane, after) == []
        bends = switched(
            transit(((10.0, 4.02), (10.4, 4.02), (10.4, 7.0)), (16.0, 16.8, 26.0)), (16.0, "v"), (16.8, "")
        )
        assert self.channels(self.lane, bends) == []

    def test_a_lane_is_not_swept_dry(self) -> None:
        dry = switched(leg(LANE, ON), (0.0, "dv"))
        assert self.channels(dry, self.away) == [pytest.approx(8.0 - 0.9)]
        paused = switched(leg(LANE, ON), (0.0, "dsv"), (4.0, "dv"), (4.4, "dsv"), (14.2, "dv"))
        assert self.channels(paused, self.away) == [pytest.approx(0.2)]

    def test_the_solution_stops_before_the_deck_is_lifted_and_no_sooner(self) -> None:
        late, early = (switched(leg(LANE, ON), (0.0, "dsv"), (at_s, "dv")) for at_s in (15.0, 13.0))
        never = switched(leg(LANE, ON), (0.0, "dsv"))
        assert self.channels(never, self.away) == [pytest.approx(0.9)]
        assert self.channels(late, self.away) == [pytest.approx(0.4)]
        assert self.channels(early, self.away) == [pytest.approx(0.6)]

    def test_a_pass_shorter_than_that_is_driven_without_solution(self) -> None:
        short = leg(((9.5, 4.02), (10.0, 4.02)), (15.0, 16.0))
        assert self.channels(switched(short, (15.0, "dv")), self.away) == []
        assert self.channels(short, self.away) == [pytest.approx(0.5)]

    def test_where_the_next_lane_goes_straight_on_nothing_is_lifted(self) -> None:
        first, second = (
            leg(((2.0, 4.02), (6.0, 4.02)), (0.0, 8.0)),
            leg(((6.0, 4.02), (10.0, 4.02)), (8.0, 16.0), name="3"),
        )
        assert self.channels(first, switched(second, (14.2, "dv")), self.away) == []

    def test_robots_without_squeegee_and_paths_that_do_not_tell_have_none(self) -> None:
        assert self.channels(leg(LANE, ON), transit(((10.0, 4.02), (13.0, 4.02)), (16.0, 22.0))) != []
        assert self.channels(leg(LANE, ON)) == []
        dry = switched(leg(LANE, ON), (0.0, "d"))
        assert self.channels(dry, profile=replace(M, squeegee=None)) == []


class TestWater:
    def test_what_lies_between_head_and_squeegee_at_the_end_of_a_lane_is_left(self) -> None:
        verdict = scrubbed(leg(LANE, ON))
        assert verdict.scrubbed_m2 == pytest.approx(8.0 * HEAD_M)
        assert verdict.water_left_m2 == pytest.approx(0.9 * HEAD_M)
        assert verdict.water_share == pytest.approx(0.9 / 8.0)
        (violation,) = verdict.violations
        assert (violation.kind, violation.amount) == (ViolationKind.WATER, pytest.approx(0.9 * HEAD_M))
        assert violation.at is not None
        assert 9.55 < violation.at[0] < 10.45

    def test_the_squeegee_picks_it_up_where_it_goes_on(self) -> None:
        verdict = scrubbed(leg(LANE, ON), after_the_lane(0.9, "v"))
        assert not verdict.of_kind(ViolationKind.WATER)
        assert verdict.water_left_m2 == 0.0

    def test_with_the_vacuum_off_it_does_not(self) -> None:
        verdict = scrubbed(leg(LANE, ON), after_the_lane(0.9, ""))
        assert verdict.water_left_m2 == pytest.approx(0.9 * HEAD_M)

    def test_solution_that_stops_in_time_leaves_nothing(self) -> None:
        # 0.9 m before the end of the lane, at 0.5 m/s.
        verdict = scrubbed(switched(leg(LANE, ON), (16.0 - 1.8, "dv")))
        assert verdict.ok, verdict.text()
        assert verdict.covered_m2 == pytest.approx(8.0 * HEAD_M)
        assert verdict.scrubbed_m2 == pytest.approx(7.1 * HEAD_M)

    @pytest.mark.parametrize(("vacuum_m", "ok"), [(0.86, True), (0.81, False)])
    def test_half_a_percent_may_be_left(self, vacuum_m: float, ok: bool) -> None:
        # Of 8 m of lane one column of cells is 0.6 %, of 16 m 0.3 % and two columns 0.6 %.
        lane = leg(((2.0, 4.02), (18.0, 4.02)), (0.0, 32.0))
        on = switched(transit(((18.0, 4.02), (18.9, 4.02)), (32.0, 33.8)), (32.0, "v"), (32.0 + vacuum_m / 0.5, ""))
        verdict = scrubbed(lane, on)
        assert (not verdict.of_kind(ViolationKind.WATER)) is ok
        assert verdict.water_left_m2 == pytest.approx((0.05 if ok else 0.10) * HEAD_M)

    def test_a_squeegee_narrower_than_the_head_leaves_both_edges_wet(self) -> None:
        profile = replace(M, squeegee=Squeegee(0.36, -0.45))
        verdict = scrubbed(leg(LANE, ON), after_the_lane(0.9, "v"), profile=profile)
        # Of thirteen rows of cells it passes over seven.
        assert verdict.water_left_m2 == pytest.approx(8.0 * 6 * 0.05)

    def test_a_robot_without_a_squeegee_picks_up_under_its_head(self) -> None:
        verdict = scrubbed(leg(LANE, ON), profile=replace(M, squeegee=None))
        assert verdict.ok
        assert (verdict.scrubbed_m2, verdict.water_left_m2) == (0.0, 0.0)

    @pytest.mark.parametrize(("later_s", "left_m"), [(60.0, 0.0), (0.0, 8.0)])
    def test_another_robot_may_pick_it_up_later_but_not_before(self, later_s: float, left_m: float) -> None:
        wets = path(switched(leg(LANE, (20.0, 36.0)), (20.0, "ds")), robot="wets")
        way = ((1.5, 4.02), (11.5, 4.02))
        dries = path(switched(transit(way, (later_s, later_s + 20.0)), (later_s, "v")), robot="dries")
        verdict = judge(floor(), plan(wets, dries), {"wets": M, "dries": M})
        assert verdict.water_left_m2 == pytest.approx(left_m * HEAD_M)

    def test_it_counts_when_each_passes_a_cell_and_not_when_its_lane_ends(self) -> None:
        # The one wets x = 2.6 to 3.4 until 1.9 s, and goes on until 8 s; the other's squeegee crosses there from 2.3 s to 3.6 s.
        wets = path(switched(leg(((2.0, 4.02), (6.0, 4.02)), (0.0, 8.0)), (0.0, "ds")), robot="wets")
        dries = path(switched(transit(((3.0, 3.0), (3.0, 5.0)), (0.0, 4.0)), (0.0, "v")), robot="dries")
        verdict = judge(floor(), plan(wets, dries), {"wets": M, "dries": M})
        assert verdict.water_left_m2 == pytest.approx((4.0 - 0.8) * HEAD_M)

    def test_a_robot_that_dries_first_and_wets_then_leaves_it_wet_whatever_its_times(self) -> None:
        there = switched(transit(((9.95, 4.02), (2.0, 4.02)), (0.0, 0.0), name="1", reverse=True), (0.0, "v"))
        back = switched(leg(((2.0, 4.02), (9.0, 4.02)), (0.0, 0.0), name="2"), (0.0, "ds"))
        verdict = scrubbed(there, back)
        assert not verdict.times_believed
        assert verdict.water_left_m2 == pytest.approx(7.0 * HEAD_M)

    def test_it_is_told_in_words_and_numbers(self) -> None:
        verdict = scrubbed(leg(LANE, ON))
        document = json.loads(json.dumps(verdict.as_dict(), allow_nan=False))
        assert document["water_left_m2"] == pytest.approx(0.585)
        assert document["water_share"] == pytest.approx(0.1125)
        assert "m², 11.25% of 5.2 m² scrubbed" in verdict.text()
        dry = scrubbed(leg(LANE, ON), profile=replace(M, squeegee=None))
        assert dry.as_dict()["water_share"] is None
        assert "water" not in dry.text()


def serviced(seconds: float, dock: Dock = DOCK, kind: LegKind = LegKind.SERVICE) -> list[Leg]:
    """A lane of 3.93 m out of the dock and back, the service, and the same once more; R, in its own time."""
    stand, staging = (dock.pose.x_m, dock.pose.y_m), (dock.staging.x_m, dock.staging.y_m)
    trip = [
        leg([stand, staging], kind=LegKind.UNDOCK, reverse=True),
        leg([staging, (5.0, 4.0)]),
        transit([(5.0, 4.0), staging]),
        leg([staging, stand], kind=LegKind.DOCK),
    ]
    first = timed([replace(one, leg_id=f"a{k}") for k, one in enumerate(trip)], start=dock.pose).legs
    end_s = float(first[-1].times_s[-1])
    stay = leg([stand, stand], (end_s, end_s + seconds), kind, name="stay")
    again = [replace(one, leg_id=f"b{k}", times_s=one.times_s + end_s + seconds) for k, one in enumerate(first)]
    return [*first, stay, *again]


def on_dock(legs: Sequence[Leg], profile: RobotProfile, charge: float | None = None) -> Verdict:
    charges = {} if charge is None else {"r": charge}
    return judge(floor(docks=(DOCK,)), plan(path(*legs)), {"r": profile}, {"r": DOCK.pose}, charges)


class TestTanks:
    profile = replace(REFERENCE_R, tank=Tank(3.0, 100.0))
    swept_m2 = 0.7 * 3.93

    def test_a_service_fills_the_tank(self) -> None:
        verdict = on_dock(serviced(100.0), self.profile)
        assert verdict.ok, verdict.text()

    @pytest.mark.parametrize(("seconds", "kind"), [(99.0, LegKind.SERVICE), (100.0, LegKind.TRANSIT)])
    def test_a_shorter_one_and_a_mere_wait_do_not(self, seconds: float, kind: LegKind) -> None:
        verdict = on_dock(serviced(seconds, kind=kind), self.profile)
        assert found(verdict) == {ViolationKind.TANK: pytest.approx(2 * self.swept_m2 - 3.0)}
        assert verdict.violations[0].leg == "b1"

    def test_without_a_tank_it_lasts_for_ever(self) -> None:
        assert on_dock(serviced(0.0), REFERENCE_R).ok

    def test_without_solution_the_tank_is_not_used(self) -> None:
        legs = serviced(0.0)
        legs[1] = switched(legs[1], (float(legs[1].times_s[0]), "dv"))
        assert on_dock(legs, self.profile).ok

    def test_a_service_away_from_docks_is_named_and_fills_nothing(self) -> None:
        legs = serviced(100.0)
        here = (legs[1].points[-1, 0], legs[1].points[-1, 1])
        at_s = float(legs[1].times_s[-1])
        stay = leg([here, here], (at_s, at_s + 100.0), LegKind.SERVICE, name="away")
        later = [replace(one, times_s=one.times_s + 100.0) for one in (*legs[2:4], *legs[5:])]
        verdict = on_dock([*legs[:2], stay, *later], self.profile)
        assert found(verdict) == {
            ViolationKind.SERVICE: pytest.approx(5.0 - 0.37),
            ViolationKind.TANK: pytest.approx(2 * self.swept_m2 - 3.0),
        }

    def test_nobody_is_serviced_on_a_dock_without_going_there(self) -> None:
        first, second = leg([(5, 4), (9, 4)], (0, 8)), leg([(9, 4), (5, 4)], (200, 220), name="3")
        stay = leg([(0.37, 4), (0.37, 4)], (8, 200), LegKind.SERVICE, name="2")
        verdict = judge(floor(docks=(DOCK,)), plan(path(first, stay, second)), {"r": REFERENCE_R})
        assert found(verdict) == {ViolationKind.JUMP: pytest.approx(9.0 - 0.37)}


class TestBatteries:
    # Ten minutes of cleaning or twenty of driving empty it, an hour of standing, and it charges in ten.
    battery = Battery(cleaning_h=1 / 6, driving_h=1 / 3, idle_h=1.0, charging_h=1 / 6, reserve=0.15)
    profile = replace(REFERENCE_R, battery=battery)
    # 1.4 s out of the dock; half a turn and 7.86 s of lane; as much driving back; 1.4 s into the dock.
    half_turn_s = math.pi / 0.6
    used = 7.86 / 600 + (1.4 + half_turn_s + half_turn_s + 7.86 + 1.4) / 1200

    def test_it_drains_by_what_the_robot_does(self) -> None:
        legs = serviced(0.0)[:4]
        assert on_dock(legs, self.profile, 0.15 + self.used + 1e-4).ok
        (violation,) = on_dock(legs, self.profile, 0.15 + self.used - 0.001).violations
        assert (violation.kind, violation.amount) == (ViolationKind.BATTERY, pytest.approx(0.1, abs=1e-3))

    def test_it_is_judged_only_where_the_plan_accounts_for_it(self) -> None:
        assert on_dock(serviced(0.0), replace(self.profile, battery=Battery(cleaning_h=0.001))).ok

    def test_a_service_charges_it(self) -> None:
        charge = 0.15 + self.used + 1e-4
        assert on_dock(serviced(600.0 * (self.used + 0.001)), self.profile, charge).ok
        short = on_dock(serviced(600.0 * (self.used - 0.001)), self.profile, charge)
        assert found(short) == {ViolationKind.BATTERY: pytest.approx(0.1 - 0.01, abs=1e-3)}

    def test_a_full_battery_takes_no_more(self) -> None:
        legs = serviced(3000.0)
        away_s = float(legs[5].times_s[0])
        assert on_dock(legs, replace(self.profile, battery=replace(self.battery, reserve=1 - self.used - 1e-4)), 1.0).ok
        verdict = on_dock(legs, replace(self.profile, battery=replace(self.battery, reserve=1 - self.used + 1e-4)), 1.0)
        assert len(verdict.of_kind(ViolationKind.BATTERY)) == 2
        assert verdict.violations[-1].leg.startswith("b")
        assert away_s > 3000.0

    def test_standing_away_from_docks_drains_it_and_standing_on_one_does_not(self) -> None:
        waits = leg([(2, 2), (2, 2), (6, 2)], (0, 1800, 1808), LegKind.TRANSIT)
        room = floor(docks=(DOCK,))
        least = 1 - 0.5 - 8 / 1200
        for reserve, ok in ((least - 1e-4, True), (least + 1e-4, False)):
            profile = replace(self.profile, battery=replace(self.battery, reserve=reserve))
            assert judge(room, plan(path(waits)), {"r": profile}, {}, {"r": 1.0}).ok is ok
        legs = [replace(one, times_s=one.times_s + 3000.0) for one in serviced(0.0)[:4]]
        assert on_dock(legs, self.profile, 0.15 + self.used + 1e-4).ok

    def test_standing_with_the_head_on_drains_it_as_cleaning_does(self) -> None:
        waits = leg([(2, 2), (2, 2), (6, 2)], (0, 300, 308))
        least = 1 - 308 / 600
        for reserve, ok in ((least - 1e-4, True), (least + 1e-4, False)):
            profile = replace(self.profile, battery=replace(self.battery, reserve=reserve))
            assert judge(floor(), plan(path(waits)), {"r": profile}, {}, {"r": 1.0}).ok is ok


class TestDocks:
    """Two robots on one dock overlap, so that meeting there is a conflict like any other."""

    def test_a_robot_in_service_meets_another_that_comes_to_its_dock(self) -> None:
        first = serviced(100.0)[:5]
        arrives_s = float(first[-1].times_s[0])
        second = [replace(one, leg_id=f"s{k}", times_s=one.times_s + arrives_s + 20.0) for k, one in enumerate(BACK)]
        room = floor(docks=(DOCK,))
        verdict = judge(
            room, plan(path(*first), path(*second, robot="s")), {"r": REFERENCE_R, "s": REFERENCE_R}, {"r": DOCK.pose}
        )
        (violation,) = verdict.of_kind(ViolationKind.CONFLICT)
        assert {violation.robot, violation.other} == {"r", "s"}

    def test_a_robot_that_has_not_left_meets_another_that_comes_to_its_dock(self) -> None:
        waits = [replace(one, times_s=one.times_s + 500.0) for one in serviced(0.0)[:4]]
        room = floor(docks=(DOCK,))
        verdict = judge(
            room, plan(path(*waits), path(*BACK, robot="s")), {"r": REFERENCE_R, "s": REFERENCE_R}, {"r": DOCK.pose}
        )
        assert verdict.of_kind(ViolationKind.CONFLICT)


BACK = timed(
    [transit([(9.0, 4.0), (1.07, 4.0)], name="x"), leg([(1.07, 4.0), (0.37, 4.0)], kind=LegKind.DOCK, name="y")]
).legs


class TestOutlines:
    """A rectangle from 0.5 m behind to 1.0 m ahead of the turning centre, 0.75 m wide; 1 cm may touch."""

    def test_it_backs_out_of_an_aisle_with_its_nose_towards_the_aisle(self) -> None:
        # Its left side is 25 mm from a shelf from x = 5 to x = 8, and it faces +x: near from 0.5 m behind to 1 m ahead.
        room = walled((5, 4.5, 8, 5.0))
        verdict = judged(timed([transit([(10, 4.1), (4.4, 4.1)], reverse=True)], M), M, room)
        beyond_m = math.sqrt(0.04**2 - 0.025**2)
        assert found(verdict) == {ViolationKind.TIGHT: pytest.approx(8.5 + beyond_m - 4.4, abs=0.002)}

    def test_it_backs_into_a_wall_with_its_rear(self) -> None:
        verdict = judged(timed([transit([(6, 4), (1.4, 4)], reverse=True)], M), M, walled((0, 0, 1, 8)))
        assert found(verdict) == {
            ViolationKind.UNSAFE: pytest.approx(0.09, abs=1e-3),
            ViolationKind.TIGHT: pytest.approx(0.05, abs=1e-3),
        }

    def test_beside_a_wall_its_nose_swings_into_it(self) -> None:
        # It comes along a wall 0.9 m beside its turning centre, turns its nose towards it, and backs away.
        legs = [transit([(4, 1.9), (8, 1.9)]), transit([(8, 1.9), (8, 5)], name="3", reverse=True)]
        verdict = judged(timed(legs, M), M, walled((0, 0, 20, 1)))
        touches = math.asin(0.9 / math.hypot(0.99, 0.365)) - math.atan2(0.365, 0.99)
        is_near = math.asin((0.9 - 0.04) / math.hypot(1.0, 0.375)) - math.atan2(0.375, 1.0)
        assert found(verdict) == {
            ViolationKind.UNSAFE_TURN: pytest.approx(math.pi / 2 - touches, abs=0.02),
            ViolationKind.TIGHT_TURN: pytest.approx(touches - is_near, abs=0.02),
            ViolationKind.UNSAFE: pytest.approx(0.09, abs=1e-3),
            ViolationKind.TIGHT: pytest.approx(0.05, abs=1e-3),
        }


class TestReach:
    """A rectangle reaches poses, not places: it passes where it is wide enough for one heading alone."""

    @staticmethod
    def behind(room: FloorMap, start: Pose, x_m: float) -> float:
        """Square metres that the head can cover to the right of a place."""
        mask = coverable(room, [(M, start)])
        return float(mask[:, round(x_m / 0.05) :].sum() * 0.0025)

    @pytest.mark.parametrize(("gap_m", "passes"), [(0.9, True), (0.8, False)])
    def test_it_passes_a_gap_head_on_that_it_could_not_turn_in(self, gap_m: float, passes: bool) -> None:
        # 0.75 m wide and 5 cm of clearance on each side; to turn in it, it would need 2.1 m.
        room = walled((10, 0, 12, 4), (10, 4 + gap_m, 12, 8))
        assert (self.behind(room, Pose(4, 4), 12.5) > 50.0) is passes

    def test_it_cleans_an_aisle_too_narrow_to_turn_in(self) -> None:
        # 3 m deep and 0.9 m wide: as far as its nose keeps its clearance from the end, the head 0.55 m behind that.
        room = walled((10, 0, 20, 4), (10, 4.9, 20, 8), (13, 0, 20, 8))
        assert self.behind(room, Pose(4, 4), 10.0) == pytest.approx((3.0 - 0.05 - 0.55) * 0.66, abs=0.15)

    def test_no_wall_lies_between_it_and_where_it_sets_out(self) -> None:
        # It stands in a corridor in which it keeps no clearance; on the other side of a thin wall it would.
        room = walled((0, 0, 9.2, 8), (10, 0, 10.1, 8))
        assert self.behind(room, Pose(9.6, 4, math.pi / 2), 10.1) == 0.0


@pytest.mark.parametrize("times_s", [(math.nan,), (3.0, 2.0)])
def test_switches_that_are_out_of_order_or_at_no_time_are_refused(times_s: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="switches"):
        scrubbed(switched(leg(LANE, ON), *((at_s, "d") for at_s in times_s)))


def test_a_head_without_offset_covers_as_before() -> None:
    profile = replace(M, head=Head(0.66))
    assert scrubbed(leg(LANE, ON), profile=profile).covered_m2 == pytest.approx(8.0 * HEAD_M)


def test_a_robot_that_only_stands_in_service_is_judged() -> None:
    stay = leg([(0.37, 4.0), (0.37, 4.0)], (0, 300), LegKind.SERVICE)
    verdict = judge(floor(docks=(DOCK,)), plan(path(stay)), {"r": M}, {"r": Pose(0.37, 4.0)}, {"r": 0.2})
    assert verdict.ok, verdict.text()
