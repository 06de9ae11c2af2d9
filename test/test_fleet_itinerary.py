"""Pieces of an itinerary: how a robot's way is cut into drive orders."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely import LineString, Point

from robot_fleet.fleet.itinerary import OVERRUN_M, PIECE_S, Itinerary, Piece, Place
from robot_fleet.planning.plan import CoveragePath, Leg, LegKind

SPEED, TOLERANCE = 0.5, 0.25


def leg(kind: LegKind, *points: tuple[float, float]) -> Leg:
    array = np.array(points, dtype=float)
    times = np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(array, axis=0).T) / SPEED)))
    return Leg(f"leg-{points[0]}", kind, array, times)


def itinerary(*legs: Leg) -> Itinerary:
    return Itinerary.of(CoveragePath("r1", legs))


def drive(way: Itinerary) -> list[tuple[LegKind, np.ndarray]]:
    """All pieces in order, each driven to within the goal tolerance of its end."""
    place, pieces = way.settled(Place()), []
    while not way.ended(place):
        piece = way.next_piece(place, SPEED, TOLERANCE)
        pieces.append((piece.kind, piece.points))
        driven = max(LineString(piece.points).length - TOLERANCE, piece.end_m - place.offset_m)
        place = way.advanced(piece, driven)
        assert len(pieces) < 500
    return pieces


def test_lanes_in_a_row_are_one_stretch_and_a_dock_is_its_own() -> None:
    way = itinerary(
        leg(LegKind.UNDOCK, (0, 0), (1, 0)),
        leg(LegKind.CLEAN, (1, 0), (5, 0)),
        leg(LegKind.CLEAN, (5, 0), (5, 1)),
        leg(LegKind.TRANSIT, (5, 1), (1, 1)),
        leg(LegKind.DOCK, (1, 1), (0, 0)),
    )
    assert [stretch.kind.value for stretch in way.stretches] == ["undock", "clean", "transit", "dock"]
    assert way.stretches[1].length_m == pytest.approx(5.0)


def test_what_is_driven_backwards_is_a_stretch_of_its_own_and_no_piece_runs_into_it() -> None:
    backing = replace(leg(LegKind.TRANSIT, (8, 0), (5, 0)), reverse=True)
    way = itinerary(leg(LegKind.TRANSIT, (0, 0), (8, 0)), backing, leg(LegKind.TRANSIT, (5, 0), (5, 9)))
    assert [stretch.reverse for stretch in way.stretches] == [False, True, False]
    pieces = [way.next_piece(Place(k), SPEED, TOLERANCE) for k in range(3)]
    assert [piece.reverse for piece in pieces] == [False, True, False]
    assert [piece.line.length for piece in pieces] == pytest.approx([8.0, 3.0, 9.0])


def test_waits_are_left_to_the_live_traffic() -> None:
    points = np.array([(0, 0), (1, 0), (1, 0), (2, 0)], dtype=float)
    waiting = Leg("w", LegKind.TRANSIT, points, np.array([0.0, 2.0, 30.0, 32.0]))
    assert len(itinerary(waiting).stretches[0].points) == 3


def test_a_piece_is_no_longer_than_half_a_minute_of_driving() -> None:
    way = itinerary(leg(LegKind.CLEAN, (0, 0), (100, 0)))
    assert way.next_piece(Place(), SPEED, TOLERANCE).end_m == pytest.approx(PIECE_S * SPEED)


def test_a_piece_ends_at_a_corner_where_it_can() -> None:
    way = itinerary(leg(LegKind.CLEAN, (0, 0), (12, 0), (12, 30)))
    assert way.next_piece(Place(), SPEED, TOLERANCE).end_m == pytest.approx(12.0)


def test_a_lane_is_driven_a_little_into_what_follows_so_that_its_end_is_passed() -> None:
    way = itinerary(leg(LegKind.CLEAN, (0, 0), (5, 0)), leg(LegKind.TRANSIT, (5, 0), (5, 9)))
    piece = way.next_piece(Place(), SPEED, TOLERANCE)
    assert piece.end_m == pytest.approx(5.0)
    assert piece.points[-1] == pytest.approx((5.0, TOLERANCE + OVERRUN_M))


def test_a_way_to_a_lane_ends_where_the_lane_begins_lest_its_first_floor_is_passed_with_the_head_off() -> None:
    way = itinerary(leg(LegKind.TRANSIT, (0, 9), (0, 0)), leg(LegKind.CLEAN, (0, 0), (5, 0)))
    piece = way.next_piece(Place(), SPEED, TOLERANCE)
    assert piece.points[-1] == pytest.approx((0.0, 0.0))
    assert way.next_piece(way.advanced(piece, piece.end_m), SPEED, TOLERANCE).points[0] == pytest.approx((0.0, 0.0))


def test_a_closed_lap_is_cut_so_that_it_cannot_succeed_at_its_start() -> None:
    lap = itinerary(leg(LegKind.CLEAN, (0, 0), (3, 0), (3, 3), (0, 3), (0, 0)))
    piece = lap.next_piece(Place(), SPEED, TOLERANCE)
    assert Point(piece.points[-1]).distance(Point(0, 0)) > TOLERANCE


@given(
    st.lists(
        st.tuples(st.floats(-20, 20), st.floats(-20, 20), st.booleans()),
        min_size=2,
        max_size=12,
        unique_by=lambda corner: (round(corner[0]), round(corner[1])),
    )
)
def test_the_pieces_of_any_way_cover_all_of_it_in_order(corners: list[tuple[float, float, bool]]) -> None:
    legs = [
        leg(LegKind.CLEAN if clean else LegKind.TRANSIT, (x0, y0), (x1, y1))
        for (x0, y0, _), (x1, y1, clean) in itertools.pairwise(corners)
    ]
    way = itinerary(*legs)
    pieces = drive(way)
    for kind in (LegKind.CLEAN, LegKind.TRANSIT):
        wanted = [LineString(stretch.points) for stretch in way.stretches if stretch.kind is kind]
        driven = [LineString(points) for _, points in pieces]
        for line in wanted:
            for offset in np.linspace(0, line.length, 20):
                assert min(path.distance(line.interpolate(offset)) for path in driven) < 1e-6
    longest = PIECE_S * SPEED + TOLERANCE + OVERRUN_M
    assert all(LineString(points).length <= longest + 1e-6 for _, points in pieces)


def straight() -> Piece:
    return Piece(LegKind.CLEAN, Place(), 10.0, np.array([(0.0, 0.0), (10.0, 0.0)]))


@given(st.floats(0, 9), st.floats(-0.1, 0.1), st.floats(-0.1, 0.1))
def test_progress_follows_the_robot_and_never_goes_back(along: float, dx: float, dy: float) -> None:
    piece = straight()
    start = max(0.0, along - 0.5)
    found = piece.progress_m((along + dx, dy), start, 1.5)
    assert found >= start
    assert math.isclose(found, max(start, along + dx), abs_tol=0.06)


def test_a_position_off_the_path_is_no_progress() -> None:
    assert straight().progress_m((3.0, 4.0), 2.0, 5.0) == 2.0


def test_a_detour_goes_before_what_is_left() -> None:
    way = itinerary(leg(LegKind.CLEAN, (0, 0), (10, 0)))
    spliced = way.spliced(np.array([(3.0, 3.0), (4.0, 0.0)]), Place(0, 4.0))
    assert [stretch.kind for stretch in spliced.stretches] == [LegKind.TRANSIT, LegKind.CLEAN]
    assert spliced.stretches[1].points[0] == pytest.approx((4.0, 0.0))
    assert spliced.remaining_s(Place(1)) == pytest.approx(6.0 / SPEED)


def visit(stay_s: float) -> list[Leg]:
    """A way to the dock at (0, 0), a stay there, and out of it again."""
    stay = Leg("stay", LegKind.SERVICE, np.zeros((2, 2)), np.array([5.0, 5.0 + stay_s]))
    return [
        leg(LegKind.TRANSIT, (3, 0), (1, 0)),
        leg(LegKind.DOCK, (1, 0), (0, 0)),
        stay,
        leg(LegKind.UNDOCK, (0, 0), (1, 0)),
    ]


def test_a_stay_in_a_dock_is_a_stretch_that_is_not_passed_by_driving() -> None:
    way = itinerary(*visit(60.0), leg(LegKind.CLEAN, (1, 0), (9, 0)))
    kinds = [stretch.kind for stretch in way.stretches]
    assert kinds == [LegKind.TRANSIT, LegKind.DOCK, LegKind.SERVICE, LegKind.UNDOCK, LegKind.CLEAN]
    assert way.stretches[2].lasts_s == 60.0
    assert way.settled(Place(1, 1.0)) == Place(2) == way.settled(Place(2))
    assert way.rest(Place(2)).stretches[0].is_stay
    assert way.spliced(np.array([(3.0, 3.0), (0.0, 0.0)]), Place(2)).stretches[1].is_stay


def test_a_wait_on_the_way_is_no_stay() -> None:
    wait = Leg("wait", LegKind.TRANSIT, np.array([(0.0, 0.0), (0.0, 0.0), (4.0, 0.0)]), np.array([0.0, 60.0, 68.0]))
    assert not any(stretch.is_stay for stretch in itinerary(wait).stretches)


@pytest.mark.parametrize(
    ("place", "docks"), [(0, False), (1, True), (2, True), (3, True), (4, False), (5, False), (9, False)]
)
def test_it_is_told_whether_a_robot_docks_before_it_cleans_again(place: int, docks: bool) -> None:
    way = itinerary(leg(LegKind.CLEAN, (9, 0), (3, 0)), *visit(60.0), leg(LegKind.CLEAN, (1, 0), (9, 0)))
    assert way.docks_before_cleaning(Place(place)) is docks


def test_a_way_onto_a_dock_is_driven_from_its_begin_however_far_a_skipped_lane_runs_on() -> None:
    way = itinerary(
        leg(LegKind.CLEAN, (5, 0), (2, 0)), leg(LegKind.DOCK, (2, 0), (1, 0)), leg(LegKind.UNDOCK, (1, 0), (2, 0)),
        leg(LegKind.TRANSIT, (2, 0), (2, 3)),
    )  # fmt: skip
    assert way.settled(Place(0, 3.6)) == Place(1)
    assert way.settled(Place(1, 1.2)) == Place(2)
    assert way.settled(Place(2, 1.2)) == Place(3, pytest.approx(0.2))


def test_a_robot_that_is_not_yet_at_the_begin_of_a_loop_has_not_driven_it() -> None:
    turn = [(0.25 * math.sin(angle), 0.25 - 0.25 * math.cos(angle)) for angle in np.linspace(0.0, math.pi, 20)]
    loop = Piece(LegKind.CLEAN, Place(), 2.7, np.array([*turn, (-2.0, 0.5)]))
    assert loop.progress_m((-0.42, 0.15), 0.0, 2.5) == 0.0
    assert loop.progress_m((-0.2, 0.0), 0.0, 2.5) < 0.1
    assert loop.progress_m((0.25, 0.25), 0.0, 2.5) == pytest.approx(math.pi / 8, abs=0.1)
    assert loop.progress_m((0.0, 0.5), 0.0, 2.5) == pytest.approx(math.pi / 4, abs=0.1)
    assert loop.progress_m((-0.35, 0.45), math.pi / 8, 2.5) == pytest.approx(math.pi / 4 + 0.35, abs=0.1)
    assert loop.progress_m((-1.5, 0.5), 0.0, 2.5) == pytest.approx(math.pi / 4 + 1.5, abs=0.1)


def test_a_piece_that_is_cut_before_taken_floor_does_not_pass_its_own_end_either() -> None:
    down_and_up = np.array([(0.0, 0.0), (0.0, -3.0), (0.2, -3.0), (0.2, 2.0)])
    piece = Piece(LegKind.CLEAN, Place(), 8.2, down_and_up)
    cut = piece.before(Point(0.2, 1.0).buffer(0.5), 0.47, TOLERANCE)
    assert cut is not None
    line = LineString(cut.points)
    early = [line.interpolate(at).distance(Point(cut.points[-1])) for at in np.arange(0.0, line.length - 1.0, 0.05)]
    assert min(early, default=1.0) > TOLERANCE
