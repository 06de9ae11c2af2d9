"""Ways of robots with a body: how they face along them, and the floor that they need."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import Point

from robot_fleet.fleet.itinerary import Piece, Place
from robot_fleet.fleet.track import floor_along, floor_at, headings_along, parts_between
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.profile import SCRUBBER_S, WORKING_W
from robot_fleet.planning.plan import LegKind

THERE_AND_BACK = np.array([(0.0, 0.0), (2.0, 0.0), (1.0, 0.0), (1.0, 3.0)])


def test_a_way_is_cut_at_its_cusps_and_the_gear_changes_at_each() -> None:
    parts = parts_between(THERE_AND_BACK, False, (1, 2))
    assert [backs for _, backs in parts] == [False, True, False]
    assert np.vstack([part[0] for part, _ in parts]).tolist() == THERE_AND_BACK[:3].tolist()


def test_a_robot_that_backs_faces_as_it_did_before() -> None:
    assert np.degrees(headings_along(THERE_AND_BACK, False, (1, 2))) == pytest.approx([0.0, 0.0, 90.0])
    assert abs(headings_along(THERE_AND_BACK[:2], True)[0]) == pytest.approx(math.pi)


def test_along_a_move_that_is_none_it_faces_as_before() -> None:
    points = np.array([(0.0, 0.0), (0.0, 1.0), (0.0, 1.0), (0.0, 2.0)])
    assert np.degrees(headings_along(points)) == pytest.approx([90.0] * 3)


@settings(deadline=None)
@given(st.floats(0.3, 3.0), st.floats(-3.0, 3.0), st.booleans(), st.floats(-3.0, 3.0), st.floats(-3.0, 3.0))
def test_the_floor_of_a_turn_holds_the_body_wherever_it_is(
    radius: float, angle: float, reverse: bool, before: float, after: float
) -> None:
    """A bend in moves of 5 degrees, entered from another heading and left in a third, all turned the shorter way round."""
    steps = max(1, math.ceil(abs(angle) / math.radians(5.0)))
    yaws = np.linspace(0.0, angle, steps + 1)
    points = radius * np.column_stack((np.sin(yaws), 1.0 - np.cos(yaws))) * (1.0, math.copysign(1.0, angle))
    points = points if abs(angle) > 1e-3 else np.array([(0.0, 0.0), (1.0, 0.0)])
    headings = headings_along(points, reverse)
    floor = floor_along(SCRUBBER_S.footprint, points, headings, 0.05, before, after)
    poses = [Pose(x, y, yaw) for (x, y), yaw in zip(points[1:].tolist(), headings.tolist(), strict=True)]
    ends = ((points[0], before, headings[0]), (points[-1], headings[-1], after))
    for (x, y), begin, end in ends:
        turn = math.remainder(end - begin, math.tau)
        poses += [Pose(float(x), float(y), begin + share * turn) for share in np.linspace(0.0, 1.0, 7)]
    assert all(floor.contains(SCRUBBER_S.footprint.at(pose)) for pose in poses)


def test_a_long_body_needs_less_floor_along_a_lane_than_the_disc_about_it() -> None:
    lane = np.array([(0.0, 0.0), (10.0, 0.0)])
    floor = floor_along(SCRUBBER_S.footprint, lane, headings_along(lane), 0.1)
    assert floor.area < (10.0 + 1.5 + 0.2) * (0.75 + 0.2) + 1e-6
    assert not floor.intersects(Point(5.0, 0.6))


def test_a_disc_needs_the_same_floor_however_it_faces() -> None:
    lane = np.array([(0.0, 0.0), (2.0, 0.0)])
    floor = floor_along(WORKING_W.footprint, lane, headings_along(lane), 0.1, before_rad=1.0, after_rad=2.0)
    assert floor.contains(floor_at(WORKING_W.footprint, Pose(2.0, 0.0, 1.0), 0.09))
    assert floor.bounds == pytest.approx((-0.45, -0.45, 2.45, 0.45))


def out_and_back() -> Piece:
    return Piece(LegKind.TRANSIT, Place(), 6.0, THERE_AND_BACK, False, (1, 2))


def test_on_a_way_to_a_cusp_a_robot_is_not_taken_to_be_on_its_way_back() -> None:
    piece, came_m = out_and_back(), 0.0
    for x in np.arange(0.0, 1.7, 0.1):
        came_m = piece.progress_m((float(x), 0.01), came_m, 2.5, 0.0)
        assert came_m == pytest.approx(x, abs=0.1)


def test_from_a_cusp_it_is_followed_back() -> None:
    piece, came_m = out_and_back(), 0.0
    for x in [*np.arange(0.0, 2.0, 0.1), *np.arange(2.0, 1.25, -0.1)]:
        came_m = piece.progress_m((float(x), 0.0), came_m, 2.5, 0.0)
    assert came_m == pytest.approx(2.7, abs=0.12)


def test_where_a_way_crosses_itself_its_heading_tells() -> None:
    loop = np.array([(0.0, 0.0), (2.0, 0.0), (2.0, 1.0), (1.0, 1.0), (1.0, -1.0)])
    piece = Piece(LegKind.TRANSIT, Place(), 7.0, loop)
    assert piece.progress_m((1.0, 0.0), 0.9, 6.0, 0.0) == pytest.approx(1.0, abs=0.2)
    assert piece.progress_m((1.0, 0.0), 0.9, 6.0, -math.pi / 2) == pytest.approx(5.0, abs=0.2)


def test_the_floor_ahead_is_what_is_left_of_the_way() -> None:
    piece = out_and_back()
    ahead = piece.floor(SCRUBBER_S.footprint, 0.1, from_m=3.5)
    assert not ahead.intersects(Point(2.5, 0.0))
    assert ahead.contains(floor_at(SCRUBBER_S.footprint, Pose(1.0, 3.0, math.pi / 2), 0.09))
