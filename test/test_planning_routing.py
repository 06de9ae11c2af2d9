"""Ways between two places: safe, from where the robot stands, and quickly none where there is none."""

from __future__ import annotations

import numpy as np
import pytest
from shapely import LineString, box

from robot_fleet.floor.clearance import ClearanceField
from robot_fleet.floor.grid import OccupancyGrid
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.profile import WORKING_W
from robot_fleet.floor.store import FloorMap
from robot_fleet.planning import routing
from robot_fleet.planning.routing import Router

KEEPS_M = WORKING_W.footprint.circumscribed_m + WORKING_W.clearance_m
FURTHER_M = 0.005


def room() -> FloorMap:
    """10 x 6 m with a wall in the middle that leaves a door of 1.5 m at its upper end."""
    cells = np.zeros((120, 200), dtype=np.int8)
    cells[[0, -1], :] = cells[:, [0, -1]] = 100
    cells[:90, 100:104] = 100
    return FloorMap("room", OccupancyGrid(cells, 0.05, Pose(0, 0, 0)))


def nearest_m(floor: FloorMap, way: np.ndarray) -> float:
    line = LineString(way)
    points = [line.interpolate(along).coords[0] for along in np.arange(0.0, line.length, 0.02)]
    return float(ClearanceField.of(floor).at(points).min())


def test_a_way_round_a_wall_keeps_its_clearance_and_joins_both_ends() -> None:
    way = Router(room(), WORKING_W).route(Pose(2.0, 1.0), Pose(8.0, 1.0))
    assert way is not None
    assert way[0].tolist() == [2.0, 1.0] and way[-1].tolist() == [8.0, 1.0]
    assert nearest_m(room(), way) > KEEPS_M - FURTHER_M


@pytest.mark.parametrize("goal", [Pose(2.0, 3.0), Pose(8.0, 1.0)])
def test_a_start_inside_the_clearance_is_replaced_by_a_safe_place_beside_it(goal: Pose) -> None:
    start = Pose(0.33, 1.0)
    assert ClearanceField.of(room()).at([(start.x_m, start.y_m)])[0] < KEEPS_M - 0.05
    way = Router(room(), WORKING_W).route(start, goal)
    assert way is not None
    assert np.hypot(*(way[0] - (start.x_m, start.y_m))) < 0.3
    assert nearest_m(room(), way) > KEEPS_M - FURTHER_M


def test_floor_that_is_closed_for_now_is_gone_round_or_makes_a_way_impossible() -> None:
    router = Router(room(), WORKING_W)
    aside = router.without([box(1.9, 0.0, 2.1, 2.0)]).route(Pose(1.0, 1.0), Pose(3.5, 1.0))
    assert aside is not None and LineString(aside).distance(box(1.9, 0.0, 2.1, 2.0)) > KEEPS_M - FURTHER_M
    assert router.without([box(4.9, 4.4, 5.3, 6.0)]).route(Pose(2.0, 1.0), Pose(8.0, 1.0)) is None
    assert router.route(Pose(2.0, 1.0), Pose(8.0, 1.0)) is not None


def test_where_there_is_no_way_the_floor_is_not_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    def searched(*_: object, **__: object) -> None:
        raise AssertionError("a stop would have to wait for this search")

    shut = Router(room(), WORKING_W).without([box(4.9, 4.4, 5.3, 6.0)])
    monkeypatch.setattr(routing, "dijkstra", searched)
    assert shut.route(Pose(2.0, 1.0), Pose(8.0, 1.0)) is None
