"""When solution and vacuum work along the legs of a scrubber."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from robot_fleet.floor.grid import OccupancyGrid
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.profile import REFERENCE_R, SCRUBBER_S, Channels, Head, RobotProfile, Squeegee
from robot_fleet.planning.judging.strokes import strokes_of
from robot_fleet.planning.judging.track import track_of
from robot_fleet.planning.judging.water import water_of
from robot_fleet.planning.plan import CoveragePath, Leg, LegKind
from robot_fleet.planning.puddles import left_wet_m2
from robot_fleet.planning.timing import pivot_s, timed
from robot_fleet.planning.water import watered, with_places


def leg(kind: LegKind, *points: tuple[float, float], reverse: bool = False) -> Leg:
    array = np.array(points, dtype=float)
    return Leg("r-0", kind, array, np.zeros(len(array)), reverse=reverse)


def driven(*legs: Leg) -> list[Leg]:
    return list(watered(timed(with_places(list(legs), SCRUBBER_S), SCRUBBER_S, Pose(0.0, 0.0, 0.0)), SCRUBBER_S))


def place_at(leg: Leg, at_s: float) -> float:
    """Metres along a leg that has a vertex at that time."""
    return float(np.hypot(*(leg.points[np.argmin(np.abs(leg.times_s - at_s))] - leg.points[0])))


def test_the_solution_stops_before_the_deck_is_lifted_and_the_vacuum_goes_on_behind_it() -> None:
    clean, away = driven(leg(LegKind.CLEAN, (0, 0), (10, 0)), leg(LegKind.TRANSIT, (10, 0), (15, 0)))
    first, last = clean.switches
    assert (first.solution, last.deck, last.solution, last.vacuum) == (True, True, False, True)
    assert place_at(clean, last.at_s) == pytest.approx(10.0 - SCRUBBER_S.channels.solution_off_m)
    on, off = away.switches
    assert (on.deck, on.vacuum, off.vacuum) == (False, True, False)
    assert place_at(away, off.at_s) == pytest.approx(SCRUBBER_S.channels.vacuum_on_m)


def test_the_squeegee_is_up_where_the_robot_backs_or_turns_on_the_spot() -> None:
    _, backs = driven(leg(LegKind.CLEAN, (0, 0), (10, 0)), leg(LegKind.TRANSIT, (10, 0), (7, 0), reverse=True))
    _, turns = driven(leg(LegKind.CLEAN, (0, 0), (10, 0)), leg(LegKind.TRANSIT, (10, 0), (10, 4)))
    assert not backs.switches and not turns.switches


def test_the_head_is_lowered_when_the_robot_has_turned() -> None:
    _, clean = driven(leg(LegKind.TRANSIT, (0, 0), (5, 0)), leg(LegKind.CLEAN, (5, 0), (5, 8)))
    up, down = clean.switches[:2]
    assert (up.deck, up.vacuum, down.deck, down.solution) == (False, False, True, True)
    assert down.at_s - up.at_s == pytest.approx(pivot_s(math.pi / 2, SCRUBBER_S), rel=0.01)


def test_a_lane_that_goes_on_into_a_short_one_is_dry_in_time_too() -> None:
    off_m = SCRUBBER_S.channels.solution_off_m
    first, last, _ = driven(
        leg(LegKind.CLEAN, (0, 0), (10, 0)),
        leg(LegKind.CLEAN, (10, 0), (10.4, 0)),
        leg(LegKind.TRANSIT, (10.4, 0), (15, 0)),
    )
    assert place_at(first, first.switches[-1].at_s) == pytest.approx(10.4 - off_m)
    assert [switch.solution for switch in (first.switches[-1], *last.switches)] == [False, False]
    long, _, _ = driven(
        leg(LegKind.CLEAN, (0, 0), (10, 0)),
        leg(LegKind.CLEAN, (10, 0), (14, 0)),
        leg(LegKind.TRANSIT, (14, 0), (15, 0)),
    )
    assert not long.switches


def test_a_wait_is_no_turn_and_the_solution_does_not_run_while_it_lasts() -> None:
    clean, away = driven(leg(LegKind.CLEAN, (0, 0), (10, 0)), leg(LegKind.TRANSIT, (10, 0), (15, 0)))
    vertex, (x, y) = int(np.argmin(np.abs(clean.points[:, 0] - 9.1))), (10.0, 0.0)
    arrival_s = float(clean.times_s[vertex])
    waits = replace(
        clean, switches=(), points=np.insert(clean.points, vertex, clean.points[vertex], axis=0),
        times_s=np.concatenate((clean.times_s[: vertex + 1], clean.times_s[vertex:] + 60.0)),
    )  # fmt: skip
    late = replace(
        away, switches=(), points=np.concatenate(([(x, y)], away.points)),
        times_s=np.concatenate(([away.times_s[0]], away.times_s + 60.0)) + 60.0,
    )  # fmt: skip
    clean, away = watered([waits, late], SCRUBBER_S)
    assert clean.switches[-1].at_s == pytest.approx(arrival_s)
    assert [switch.vacuum for switch in away.switches] == [True, False]
    assert place_at(away, away.switches[-1].at_s) == pytest.approx(SCRUBBER_S.channels.vacuum_on_m)


def left_m2(*legs: Leg, profile: RobotProfile) -> tuple[float, float]:
    """What the plan says is left of these legs, and what the judge finds."""
    grid = OccupancyGrid(np.zeros((160, 240), dtype=np.int8), 0.05, Pose(-3, -4))
    start = Pose(*legs[0].points[0].tolist(), 0.0)
    made = watered(timed(with_places(list(legs), profile), profile, start), profile)
    strokes = strokes_of(track_of(CoveragePath("r", tuple(made)), profile, start))
    return left_wet_m2(grid, [(made, profile)]), water_of(grid, [strokes]).left_m2


def test_water_that_is_left_in_turns_and_at_ends_is_told_as_the_judge_finds_it() -> None:
    trailing = replace(REFERENCE_R, head=Head(0.6, 0.1), squeegee=Squeegee(0.7, -0.3))
    arc = [(3 + 0.3 * math.sin(a), 0.3 - 0.3 * math.cos(a)) for a in np.linspace(0, math.pi, 24)]
    for points in (((0, 0), (4, 0)), ((0, 0), (4, 0), (4, 2)), ((0, 0), *arc, (0, 0.6)), ((0, 0), (4, 0), (0, 0))):
        for profile in (trailing, replace(SCRUBBER_S, least_radius_m=0.0)):
            told, found = left_m2(leg(LegKind.CLEAN, *points), profile=profile)
            assert told == pytest.approx(found, abs=0.02)
            assert told > 0.03 or profile.channels.solution_off_m
    assert left_m2(leg(LegKind.CLEAN, (0, 0), (4, 0)), profile=REFERENCE_R) == (0.0, 0.0)


def test_a_squeegee_that_passes_later_leaves_no_water() -> None:
    trailing = replace(REFERENCE_R, head=Head(0.6, 0.1), squeegee=Squeegee(0.7, -0.3))
    once = leg(LegKind.CLEAN, (0, 0), (4, 0))
    on = replace(trailing, channels=Channels(vacuum_on_m=0.5))
    assert left_m2(once, leg(LegKind.TRANSIT, (4, 0), (6, 0)), profile=on) == (0.0, 0.0)


def test_a_robot_without_a_squeegee_switches_nothing() -> None:
    legs = timed([leg(LegKind.CLEAN, (0, 0), (10, 0))], REFERENCE_R, Pose(0.0, 0.0, 0.0))
    assert list(watered(legs, REFERENCE_R)) == legs


def test_where_nothing_is_asked_for_the_solution_stays_on() -> None:
    profile = replace(SCRUBBER_S, channels=replace(SCRUBBER_S.channels, solution_off_m=0.0, vacuum_on_m=0.0))
    legs = timed([leg(LegKind.CLEAN, (0, 0), (10, 0))], profile, Pose(0.0, 0.0, 0.0))
    assert not watered(legs, profile)[0].switches


def test_nothing_is_lifted_where_a_way_of_no_length_parts_a_lane() -> None:
    parts = (
        leg(LegKind.CLEAN, (0, 0), (10, 0)),
        leg(LegKind.TRANSIT, (10, 0), (10, 0)),
        leg(LegKind.CLEAN, (10, 0), (20, 0)),
    )
    first, last = driven(*parts)
    assert not first.switches
    assert place_at(last, last.switches[-1].at_s) == pytest.approx(10.0 - SCRUBBER_S.channels.solution_off_m)


def test_a_way_of_no_length_on_which_the_robot_turns_is_kept() -> None:
    parts = (
        leg(LegKind.CLEAN, (0, 0), (10, 0)),
        leg(LegKind.TRANSIT, (10, 0), (10, 0)),
        leg(LegKind.CLEAN, (10, 0), (10, 9)),
    )
    assert [one.kind for one in driven(*parts)] == [LegKind.CLEAN, LegKind.TRANSIT, LegKind.CLEAN]
