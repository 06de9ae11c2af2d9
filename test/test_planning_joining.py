"""Lanes that go on into one another become one; long ones are parted into equal parts."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from shapely import box

from robot_fleet.floor.grid import OccupancyGrid
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.profile import REFERENCE_R
from robot_fleet.floor.store import FloorMap, Zone
from robot_fleet.planning.joining import joined, parted, pieces_of
from robot_fleet.planning.polyline import length_m
from robot_fleet.planning.terrain import Terrain


@pytest.fixture(scope="module")
def hall() -> Terrain:
    cells = np.full((200, 400), 100, dtype=np.int8)
    cells[1:-1, 1:-1] = 0
    grid = OccupancyGrid(cells, 0.05, Pose(0.0, 0.0, 0.0))
    return Terrain.of(FloorMap("hall", grid, (Zone("hall", box(0, 0, 20, 10)),)), REFERENCE_R)


def _lane(*points: tuple[float, float]) -> np.ndarray:
    return np.array(points, dtype=np.float64)


def test_lanes_end_to_end_become_one_whatever_their_directions(hall: Terrain) -> None:
    pieces = [_lane((1, 5), (4, 5)), _lane((8, 5), (4.05, 5)), _lane((8.05, 5.02), (12, 5.02))]
    (lane,) = joined(hall, pieces)
    assert length_m(lane) == pytest.approx(11.0, abs=0.01)
    assert {tuple(lane[0]), tuple(lane[-1])} == {(1.0, 5.0), (12.0, 5.02)}


def test_lanes_side_by_side_and_at_right_angles_stay_apart(hall: Terrain) -> None:
    lanes = [_lane((1, 5), (4, 5)), _lane((1, 5.5), (4, 5.5)), _lane((4.1, 5), (4.1, 8))]
    assert len(joined(hall, lanes)) == 3


def test_a_circle_of_lanes_is_opened_somewhere(hall: Terrain) -> None:
    angles = np.linspace(0.0, 2 * np.pi, 41)
    ring = np.column_stack((10 + 3 * np.cos(angles), 5 + 3 * np.sin(angles)))
    (lane,) = joined(hall, [ring[:15], ring[14:30], ring[29:]])
    assert length_m(lane) == pytest.approx(length_m(ring), abs=0.01)


def test_parts_are_equal_no_longer_than_allowed_and_together_the_lane() -> None:
    lane = _lane((0, 0), (7, 0), (7, 3.5))
    parts = parted([lane], 4.0)
    assert [length_m(part) for part in parts] == pytest.approx([3.5] * 3)
    assert all(np.allclose(one[-1], other[0]) for one, other in pairwise(parts))
    assert np.array_equal(parts[0][0], lane[0]) and np.array_equal(parts[-1][-1], lane[-1])


def test_pieces_keep_the_order_and_the_direction_of_a_tour() -> None:
    lanes = [_lane((0, 0), (6, 0)), _lane((0, 1), (1, 1)), _lane((0, 2), (4, 2))]
    pieces, (tour,) = pieces_of(lanes, [np.array([5, 0, 2])], 3, 1.5)
    # The short lane stays whole, the middling one is cut once.
    assert [length_m(piece) for piece in pieces] == pytest.approx([2.0, 2.0, 2.0, 1.0, 2.0, 2.0])
    assert tour.tolist() == [11, 9, 0, 2, 4, 6]


def test_a_robot_without_lanes_has_no_pieces() -> None:
    _, tours = pieces_of([_lane((0, 0), (6, 0))], [np.zeros(0, dtype=np.int64), np.array([1])], 3, 1.5)
    assert [tour.tolist() for tour in tours] == [[], [5, 3, 1]]
