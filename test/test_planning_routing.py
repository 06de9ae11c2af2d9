"""Ways between two places: safe, from where the robot stands, and quickly none where there is none."""

from __future__ import annotations

import itertools
import math
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import LineString, box, union_all

from robot_fleet.floor.clearance import ClearanceField
from robot_fleet.floor.grid import OccupancyGrid
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.profile import WORKING_W
from robot_fleet.floor.store import FloorMap, OneWay
from robot_fleet.planning import routing
from robot_fleet.planning.compiled import COMPILES
from robot_fleet.planning.directions import ANY_WAY, Directions
from robot_fleet.planning.lattice import cheapest_way
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


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(*[st.floats(-1.0, 11.0)] * 2, *[st.floats(0.01, 2.0)] * 2), max_size=6), st.integers(0, 6))
def test_where_a_robot_can_stand_is_the_same_however_the_closed_floor_is_told(
    corners: list[tuple[float, float, float, float]], at_once: int
) -> None:
    closed = [box(x, y, x + width, y + height).buffer(height / 3) for x, y, width, height in corners]
    used, places = Router(room(), WORKING_W), room().grid.centres(np.argwhere(room().grid.cells == 0))
    found = used.without(closed[:at_once]).without(closed[at_once:])
    by_shapely = shapely.contains_xy(union_all([shape.buffer(KEEPS_M) for shape in closed]), places)
    expected = Router(room(), WORKING_W).can_stand(places) & ~by_shapely
    assert (found.can_stand(places) == expected).all()
    assert (used.can_stand(places) == Router(room(), WORKING_W).can_stand(places)).all()


IN_MID_RUN = """
from shapely import box
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.profile import WORKING_W
from robot_fleet.planning.lattice import cheapest_way, costs_of_ways
from robot_fleet.planning.routing import Router
from test_planning_routing import room

router = Router(room(), WORKING_W)
router.prepare()
assert router.route(Pose(2.0, 1.0), Pose(8.0, 1.0)) is not None
for shut in (router, router.without([box(1.0, 2.0, 1.5, 2.5)])):
    for goal in (Pose(8.0, 1.0), Pose(8.0, 5.2), Pose(2.0, 4.0)):
        assert shut.route(Pose(2.0, 1.0), goal) is not None
        assert shut.reaching(goal) is not None
print(len(cheapest_way.signatures), len(costs_of_ways.signatures))
"""


@pytest.mark.skipif(not COMPILES, reason="numba is not installed: nothing is compiled")
def test_the_loops_of_searches_are_made_machine_code_once_and_not_again_in_mid_run() -> None:
    command = [sys.executable, "-c", IN_MID_RUN]
    told = subprocess.run(command, check=False, cwd=Path(__file__).parent, capture_output=True, text=True, timeout=300)
    assert told.stdout == "1 1\n", told.stderr


def test_where_there_is_no_way_the_floor_is_not_searched_cell_by_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    strides: list[int] = []

    def searched(
        standing: np.ndarray, stride: int, start: np.ndarray, goal: np.ndarray, directions: Directions
    ) -> np.ndarray:
        strides.append(stride)
        return cheapest_way(standing, stride, start, goal, directions)

    shut = Router(room(), WORKING_W).without([box(4.9, 4.4, 5.3, 6.0)])
    monkeypatch.setattr(routing, "cheapest_way", searched)
    assert shut.route(Pose(2.0, 1.0), Pose(8.0, 1.0)) is None
    assert shut.route(Pose(8.0, 1.0), Pose(2.0, 1.0)) is None
    assert strides == [4], "what the first search found out is known from then on"


def test_a_door_that_the_coarse_lattice_misses_is_found() -> None:
    cells = np.zeros((120, 200), dtype=np.int8)
    cells[[0, -1], :] = cells[:, [0, -1]] = 100
    cells[:, 100:104] = 100
    # The robot needs 16 cells: the 17 of the door leave two rows of centres, neither of which is a multiple of 4.
    cells[41:58, 100:104] = 0
    floor = FloorMap("room", OccupancyGrid(cells, 0.05, Pose(0, 0, 0)))
    way = Router(floor, WORKING_W).route(Pose(2.0, 1.0), Pose(8.0, 1.0))
    assert way is not None and nearest_m(floor, way) > KEEPS_M - FURTHER_M


@given(st.integers(0, 2**32 - 1), st.integers(1, 3))
@settings(max_examples=40, deadline=None)
def test_a_way_over_the_lattice_is_as_short_as_dijkstras(seed: int, stride: int) -> None:
    dice = np.random.default_rng(seed)
    standing = dice.random((3 * stride * 5, 4 * stride * 5)) < 0.9
    nodes = np.argwhere(standing[::stride, ::stride]) * stride
    start, goal = nodes[dice.integers(len(nodes), size=2)]
    way = cheapest_way(standing, stride, start, goal, ANY_WAY)
    steps = nx.Graph()
    steps.add_node(tuple(start))
    steps.add_weighted_edges_from(_open_steps(standing, stride, nodes))
    if tuple(goal) not in steps or not nx.has_path(steps, tuple(start), tuple(goal)):
        assert len(way) == 0
        return
    assert way[0].tolist() == start.tolist() and way[-1].tolist() == goal.tolist()
    driven = sum(steps.edges[tuple(a), tuple(b)]["weight"] for a, b in itertools.pairwise(way))
    assert driven == nx.dijkstra_path_length(steps, tuple(start), tuple(goal))


def _open_steps(standing: np.ndarray, stride: int, nodes: np.ndarray) -> Iterator[tuple[object, object, int]]:
    for node in nodes:
        for down, right in itertools.product((-1, 0, 1), repeat=2):
            cells = node + np.outer(np.arange(1, stride + 1), (down, right))
            inside = (cells >= 0).all() and (cells < standing.shape).all()
            if (down or right) and inside and standing[tuple(cells.T)].all():
                yield tuple(node), tuple(cells[-1]), 7 if down and right else 5


def test_ways_along_one_ways_lead_round_and_any_way_is_taken_where_none_does() -> None:
    # The upper half of the door leads to the right, the lower one to the left.
    doors = (OneWay("right", box(4.0, 2.5, 6.2, 6.0), 0.0), OneWay("left", box(4.0, 0.0, 6.2, 2.5), math.pi))
    open_room = FloorMap(
        "hall", OccupancyGrid(np.zeros((120, 200), dtype=np.int8), 0.05, Pose(0, 0, 0)), one_ways=doors
    )
    router = Router(open_room, WORKING_W)
    there = router.along_one_ways(Pose(2.0, 1.0), Pose(8.0, 1.0))
    back = router.along_one_ways(Pose(8.0, 1.0), Pose(2.0, 1.0))
    assert there is not None and back is not None and len(back) == 2
    middle = there[(there[:, 0] > 4.0) & (there[:, 0] < 6.2)]
    assert (middle[:, 1] > 2.5).all() and LineString(there).intersection(box(4.1, 0, 6.1, 2.4)).is_empty
    shut = Router(replace(open_room, one_ways=(replace(doors[1], polygon=box(4.0, 0.0, 6.2, 6.0)),)), WORKING_W)
    way = shut.along_one_ways(Pose(2.0, 1.0), Pose(8.0, 1.0))
    assert way is not None and len(way) == 2


@pytest.mark.parametrize("towards", [False, True])
@pytest.mark.parametrize("fine", [False, True])
def test_how_far_all_places_are_is_a_little_more_than_the_ways_there_are_long(towards: bool, fine: bool) -> None:
    router, dock = Router(room(), WORKING_W), Pose(2.0, 1.0)
    places = np.array([(2.0, 2.0), (4.0, 5.2), (5.1, 5.2), (8.0, 1.0), (9.3, 5.3)])
    reaching = router.reaching(dock, towards, fine)
    assert reaching is not None
    for place, metres in zip(places.tolist(), reaching.metres(places).tolist(), strict=True):
        way = router.route(dock, Pose(*place))
        assert way is not None
        assert LineString(way).length - 0.05 <= metres <= 1.12 * LineString(way).length + 0.4


def test_no_place_behind_a_closed_door_is_reached() -> None:
    reaching = Router(room(), WORKING_W).without([box(4.9, 4.4, 5.3, 6.0)]).reaching(Pose(2.0, 1.0))
    assert reaching is not None
    assert np.isfinite(reaching.metres(np.array([(2.0, 2.0), (8.0, 1.0)]))).tolist() == [True, False]


def test_one_ways_make_it_farther_in_one_direction() -> None:
    """Up on the left, down on the right: a place just behind the one-way is near one way and far the other."""
    cells = np.zeros((120, 200), dtype=np.int8)
    cells[[0, -1], :] = cells[:, [0, -1]] = 100
    cells[50:70, 60:140] = 100
    ways = (OneWay("up", box(0.1, 2.6, 2.9, 3.4), math.pi / 2), OneWay("down", box(7.1, 2.6, 9.9, 3.4), -math.pi / 2))
    floor = FloorMap("room", OccupancyGrid(cells, 0.05, Pose(0, 0, 0)), one_ways=ways)
    router = Router(floor, WORKING_W).obeying
    there, back = (router.reaching(Pose(1.5, 1.5), towards) for towards in (False, True))
    assert there is not None and back is not None
    place = np.array([(1.5, 4.5)])
    assert there.metres(place)[0] < 3.6
    assert back.metres(place)[0] > 12.0
