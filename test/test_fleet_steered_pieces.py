"""Pieces of robots that must be steered: turns in one order, none that is done before it begins."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import LineString, Point, box

from robot_fleet.fleet.itinerary import OVERRUN_M, PIECE_S, Itinerary, Piece, Place
from robot_fleet.fleet.steered_pieces import next_steered_piece, part_before
from robot_fleet.floor.profile import SCRUBBER_S
from robot_fleet.planning.plan import CoveragePath, Leg, LegKind

TOLERANCE = SCRUBBER_S.goal_tolerance_m
BEYOND = TOLERANCE + OVERRUN_M


def leg(kind: LegKind, *points: tuple[float, float], reverse: bool = False) -> Leg:
    array = np.array(points, dtype=float)
    times = np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(array, axis=0).T))))
    return Leg(f"leg-{points[0]}", kind, array, times, reverse=reverse)


def bend(radius: float, angle: float, ahead_m: float = 0.0) -> list[tuple[float, float]]:
    """From (0, 0) straight east, then to the left on an arc."""
    yaws = np.linspace(0.0, angle, math.ceil(angle / math.radians(5.0)) + 1)
    arc = np.column_stack((ahead_m + radius * np.sin(yaws), radius * (1.0 - np.cos(yaws))))
    return [*([(0.0, 0.0)] if ahead_m else []), *map(tuple, arc.tolist())]


def itinerary(*legs: Leg) -> Itinerary:
    return Itinerary.of(CoveragePath("s", legs))


def first(way: Itinerary, place: Place | None = None) -> Piece:
    return next_steered_piece(way, place or Place(), SCRUBBER_S)


def driven(way: Itinerary) -> list[Piece]:
    """All pieces in order, each driven to within the goal tolerance of its end."""
    place, pieces = way.settled(Place()), list[Piece]()
    while not way.ended(place):
        piece = next_steered_piece(way, place, SCRUBBER_S)
        pieces.append(piece)
        place = way.advanced(piece, max(piece.line.length - TOLERANCE, piece.end_m - place.offset_m))
        assert len(pieces) < 500
    return pieces


BACKING = (
    leg(LegKind.TRANSIT, (0, 0), (0.6, 0)),
    leg(LegKind.TRANSIT, (0.6, 0), (0.4, 0), reverse=True),
    leg(LegKind.TRANSIT, (0.4, 0), (0.4, 3.0)),
    leg(LegKind.CLEAN, (0.4, 3.0), (0.4, 20.0)),
)


def test_a_turn_is_one_piece_with_all_its_cusps() -> None:
    piece = first(itinerary(*BACKING))
    assert (piece.kind, piece.reverse, piece.cusps) == (LegKind.TRANSIT, False, (1, 2))
    assert piece.points[-1] == pytest.approx((0.4, 3.0))
    assert piece.end_m == pytest.approx(3.8)
    assert piece.facing_rad == pytest.approx(math.pi / 2)


def test_a_robot_does_not_turn_for_a_lane_that_begins_elsewhere() -> None:
    way = itinerary(leg(LegKind.TRANSIT, (0, 0), (3, 0)), leg(LegKind.CLEAN, (9.0, 5.0), (9.0, 20.0)))
    assert first(way).facing_rad == pytest.approx(0.0)


def test_what_follows_a_turn_begins_where_the_turn_ends() -> None:
    way = itinerary(*BACKING)
    pieces = driven(way)
    assert [piece.kind for piece in pieces] == [LegKind.TRANSIT, LegKind.CLEAN]
    assert pieces[1].points[0] == pytest.approx((0.4, 3.0))
    assert pieces[1].start == Place(3)


def test_a_turn_that_comes_by_its_end_before_is_cut_where_it_cannot_be_mistaken() -> None:
    past = leg(LegKind.TRANSIT, (0, 0), (6, 0))
    back = leg(LegKind.TRANSIT, (6, 0), (3, 0), reverse=True)
    pieces = driven(itinerary(past, back, leg(LegKind.CLEAN, (3, 0), (9, 0))))
    assert [(piece.reverse, piece.line.length) for piece in pieces[:2]] == [(False, 6.0), (True, 3.0)]
    assert pieces[0].end_pose.x_m == pytest.approx(6.0)


@pytest.mark.parametrize(("radius", "beyond"), [(1.0, BEYOND), (0.5, 0.0)])
def test_a_lane_runs_into_a_turn_only_if_that_may_be_driven_with_the_head_down(radius: float, beyond: float) -> None:
    lane, turn = leg(LegKind.CLEAN, (-6, 0), (0, 0)), leg(LegKind.TRANSIT, *bend(radius, math.pi))
    piece = first(itinerary(lane, turn))
    assert piece.end_m == pytest.approx(6.0)
    assert piece.line.length == pytest.approx(6.0 + beyond, abs=0.01)
    assert piece.stops == (beyond == 0.0)


def test_a_lane_that_is_left_backwards_is_driven_to_its_end() -> None:
    way = itinerary(leg(LegKind.CLEAN, (0, 0), (6, 0)), leg(LegKind.TRANSIT, (6, 0), (3, 0), reverse=True))
    piece = first(way)
    assert piece.stops and piece.points[-1] == pytest.approx((6.0, 0.0))


def test_a_robot_turns_on_the_spot_before_its_head_is_lowered() -> None:
    way = itinerary(leg(LegKind.TRANSIT, (0, 0), (5, 0)), leg(LegKind.CLEAN, (5, 0), (5, 9)))
    piece = first(way)
    assert piece.facing_rad == pytest.approx(math.pi / 2) and piece.stops


def test_lanes_that_meet_at_a_corner_are_pieces_of_their_own() -> None:
    pieces = driven(itinerary(leg(LegKind.CLEAN, (0, 0), (5, 0)), leg(LegKind.CLEAN, (5, 0), (5, 9))))
    assert [piece.points[-1].tolist() for piece in pieces] == [[5.0, 0.0], [5.0, 9.0]]


def test_a_robot_backs_out_of_its_dock() -> None:
    piece = first(itinerary(leg(LegKind.UNDOCK, (0, 0), (1, 0))))
    assert abs(piece.headings[0]) == pytest.approx(math.pi)


def test_a_long_lane_is_cut_into_pieces_that_are_alike() -> None:
    length_m = PIECE_S * SCRUBBER_S.speed_mps + 1.0
    pieces = driven(itinerary(leg(LegKind.CLEAN, (0, 0), (length_m, 0))))
    assert len(pieces) == 2 and pieces[0].end_m == pytest.approx(length_m / 2)


@st.composite
def ways(draw: st.DrawFn) -> Itinerary:
    """Straight parts ahead and back, along and across, none of them as short as nothing."""
    x, y, yaw, legs = 0.0, 0.0, 0.0, []
    for _ in range(draw(st.integers(1, 9))):
        kind = draw(st.sampled_from([LegKind.CLEAN, LegKind.TRANSIT]))
        backs = kind is LegKind.TRANSIT and draw(st.booleans())
        yaw += draw(st.sampled_from([0.0, 0.0, math.pi / 2, -math.pi / 2, 2.5]))
        length = draw(st.floats(0.2, 40.0)) * (-1.0 if backs else 1.0)
        there = (x + length * math.cos(yaw), y + length * math.sin(yaw))
        legs.append(leg(kind, (x, y), there, reverse=backs))
        x, y = there
    return itinerary(*legs)


@settings(deadline=None)
@given(ways())
def test_the_pieces_of_any_way_cover_it_and_its_lanes_with_the_head_down(way: Itinerary) -> None:
    pieces = driven(way)
    for stretch in way.stretches:
        line = LineString(stretch.points)
        own = [piece for piece in pieces if stretch.kind is LegKind.TRANSIT or piece.kind is LegKind.CLEAN]
        for offset in np.linspace(0.0, line.length, 15):
            assert min(piece.line.distance(line.interpolate(offset)) for piece in own) < 1e-6
    longest_m = PIECE_S * SCRUBBER_S.speed_mps + BEYOND
    assert all(piece.line.length <= longest_m + 1e-6 for piece in pieces)
    assert all(np.all(np.diff((0, *piece.cusps, len(piece.points) - 1)) > 0) for piece in pieces)


def test_a_lane_is_driven_up_to_floor_that_is_taken() -> None:
    piece = first(itinerary(leg(LegKind.CLEAN, (0, 0), (20, 0))))
    taken = box(9.0, 0.2, 10.0, 5.0)
    part = part_before(piece, lambda one: not one.floor(SCRUBBER_S.footprint, 0.1).intersects(taken))
    assert part is not None and part.end_m == pytest.approx(7.5, abs=0.5)
    assert not part.floor(SCRUBBER_S.footprint, 0.1).intersects(taken)
    nothing = part_before(piece, lambda one: not one.floor(SCRUBBER_S.footprint, 0.1).intersects(Point(0.5, 0.0)))
    assert nothing is None


def test_a_machine_that_turns_on_the_spot_with_its_head_down_drives_lanes_with_corners() -> None:
    scrubber = replace(SCRUBBER_S, least_radius_m=0.0, squeegee=None)
    way = itinerary(leg(LegKind.CLEAN, (0, 0), (5, 0)), leg(LegKind.CLEAN, (5, 0), (5, 9)))
    assert next_steered_piece(way, Place(), scrubber).points[-1] == pytest.approx((5.0, 9.0))
