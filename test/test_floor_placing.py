"""Docks and a zone for floors that have none."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from shapely import LineString, Polygon, box

from robot_fleet.floor.check import check_store
from robot_fleet.floor.clearance import ClearanceField
from robot_fleet.floor.footprint import Footprint
from robot_fleet.floor.grid import OccupancyGrid
from robot_fleet.floor.placing import CannotPlace, place_docks, whole_floor
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.profile import SCRUBBER_S, WORKING_W
from robot_fleet.floor.reach import reachable
from robot_fleet.floor.store import Dock, FloorMap, Keepout, RobotSpec, Store

KEPT_M = WORKING_W.footprint.circumscribed_m + WORKING_W.clearance_m


def room(*shelves: Polygon, width_m: float = 10.0, height_m: float = 8.0, yaw_rad: float = 0.0) -> FloorMap:
    """A walled room in a grid with 1 m of unknown around it."""
    shape = (round((height_m + 2) / 0.05), round((width_m + 2) / 0.05))
    plain = OccupancyGrid(np.zeros(shape, dtype=np.int8), 0.05, Pose(-1, -1))
    cells = np.full(shape, -1, dtype=np.int8)
    cells[plain.centres_inside(box(-0.1, -0.1, width_m + 0.1, height_m + 0.1))] = 100
    cells[plain.centres_inside(box(0, 0, width_m, height_m))] = 0
    for shelf in shelves:
        cells[plain.centres_inside(shelf)] = 100
    return FloorMap("room", OccupancyGrid(cells, 0.05, Pose(0, 0, yaw_rad) @ Pose(-1, -1)))


def way(dock: Dock) -> LineString:
    return LineString([(pose.x_m, pose.y_m) for pose in (dock.pose, dock.staging)])


def check_docks(floor: FloorMap, docks: tuple[Dock, ...]) -> None:
    """Docks with their clearance kept, faces to a wall, ways apart, and nobody shut in by docked robots."""
    clearance = ClearanceField.of(floor)
    poses = [(dock.pose.x_m, dock.pose.y_m) for dock in docks]
    assert np.all(clearance.at(poses) >= KEPT_M - 1e-3)
    ahead = [dock.pose @ Pose(0.6, 0.0) for dock in docks]
    assert np.all(clearance.at([(pose.x_m, pose.y_m) for pose in ahead]) == 0)
    for one, other in itertools.combinations(docks, 2):
        assert way(one).distance(way(other)) >= 1.0 - 1e-9
    reaches = []
    for dock in docks:
        others = tuple(WORKING_W.footprint.at(other.pose) for other in docks if other is not dock)
        reaches.append(reachable(floor, WORKING_W, dock.staging, closed=others))
    middle = reaches[0]
    for reach in reaches:
        assert (reach & middle).sum() > 0.9 * middle.sum()


@pytest.mark.parametrize("yaw_rad", [0.0, 0.5, -2.0])
@pytest.mark.parametrize("count", [1, 2, 6])
def test_docks_stand_along_the_walls_out_of_each_others_way(count: int, yaw_rad: float) -> None:
    floor = room(box(3, 3, 4, 6), box(6, 3, 7, 6), yaw_rad=yaw_rad)
    docks = place_docks(floor, WORKING_W, count)
    assert len({dock.name for dock in docks}) == count
    check_docks(floor, docks)


def test_docks_stand_near_a_corner_and_together() -> None:
    floor = room()
    docks = place_docks(floor, WORKING_W, 3)
    corners = [Pose(x, y) for x in (0, 10) for y in (0, 8)]
    assert min(docks[0].pose.distance_m(corner) for corner in corners) < 2.0
    assert max(docks[0].pose.distance_m(dock.pose) for dock in docks) < 3.0


def test_further_docks_keep_away_from_those_that_are_there() -> None:
    floor = room()
    first = place_docks(floor, WORKING_W, 2)
    more = place_docks(dataclasses.replace(floor, docks=first), WORKING_W, 2)
    assert len({dock.name for dock in first + more}) == 4
    check_docks(floor, first + more)


def test_no_docks_are_no_trouble() -> None:
    assert place_docks(room(), WORKING_W, 0) == ()


def test_a_floor_too_small_for_so_many_says_so() -> None:
    with pytest.raises(CannotPlace, match="no place for 30"):
        place_docks(room(width_m=3, height_m=3), WORKING_W, 30)


def test_more_docks_are_placed_where_docks_are_on_several_floors() -> None:
    floor = room(box(4.9, 0, 5.1, 8))
    floor = dataclasses.replace(floor, docks=(Dock("a", Pose(0.6, 1, np.pi)), Dock("b", Pose(9.4, 1, 0))))
    docks = place_docks(floor, WORKING_W, 2)
    assert len(docks) == 2
    assert len({dock.pose.x_m < 5.0 for dock in docks}) == 1


def test_a_floor_too_narrow_for_the_robot_says_so() -> None:
    with pytest.raises(CannotPlace, match="no aisle is wide enough"):
        place_docks(room(), dataclasses.replace(WORKING_W, footprint=Footprint(5.0)), 1)


def test_a_robot_wider_than_every_aisle_is_the_reason_also_where_docks_are() -> None:
    floor = dataclasses.replace(room(), docks=(Dock("d", Pose(0.6, 1.0, np.pi)),))
    giant = dataclasses.replace(WORKING_W, footprint=Footprint(4.5))
    with pytest.raises(CannotPlace, match="no aisle is wide enough"):
        place_docks(floor, giant, 1)


def test_a_robot_that_docks_let_nowhere_finds_no_place_quietly() -> None:
    floor = dataclasses.replace(room(), docks=(Dock("d", Pose(0.6, 1.0, np.pi)),))
    wide = dataclasses.replace(WORKING_W, footprint=Footprint(2.5))
    with pytest.raises(CannotPlace, match="no place for one more dock"):
        place_docks(floor, wide, 1)


def test_a_polygon_robot_gets_docks_too() -> None:
    floor = room(width_m=14, height_m=12)
    docks = place_docks(floor, SCRUBBER_S, 2)
    spec = [RobotSpec(f"r{n}", SCRUBBER_S, dock.name, f"/r{n}") for n, dock in enumerate(docks)]
    complete = dataclasses.replace(floor, docks=docks, zones=whole_floor(floor, SCRUBBER_S))
    assert check_store(Store(complete, tuple(spec))) == ()


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0.5, 8), st.floats(0.5, 6), st.floats(0.2, 2.5), st.floats(0.2, 2.5)), max_size=8),
    st.integers(1, 4),
    st.floats(-3, 3),
)
def test_on_random_floors_docks_are_sound_or_refused(
    shelves: list[tuple[float, float, float, float]], count: int, yaw_rad: float
) -> None:
    floor = room(*(box(x, y, x + w, y + h) for x, y, w, h in shelves), yaw_rad=yaw_rad)
    try:
        docks = place_docks(floor, WORKING_W, count)
    except CannotPlace:
        assume(False)
    robots = tuple(RobotSpec(f"r{n}", WORKING_W, dock.name, f"/r{n}") for n, dock in enumerate(docks))
    complete = dataclasses.replace(floor, docks=docks, zones=whole_floor(floor, WORKING_W))
    assert [str(fault) for fault in check_store(Store(complete, robots))] == []


def test_the_zone_holds_the_floor_in_the_room_and_nothing_that_leaks_through_a_window() -> None:
    floor = room(box(4, 3, 5, 5))
    cells = floor.grid.cells.copy()
    grid = floor.grid
    window = grid.centres_inside(box(9.9, 4.0, 10.3, 4.4)) | grid.centres_inside(box(10.3, 3.5, 10.9, 5.0))
    cells[window] = 0
    leaky = FloorMap("room", OccupancyGrid(cells, 0.05, grid.origin))
    (zone,) = whole_floor(leaky, WORKING_W)
    requested = dataclasses.replace(leaky, zones=(zone,)).requested(("floor",))
    inside = grid.free
    assert (requested & inside).sum() >= 0.995 * inside.sum()
    assert (requested & window).sum() * grid.cell_area_m2 < 0.3
    assert zone.polygon.is_valid


def test_free_pockets_in_shelves_belong_to_the_zone() -> None:
    floor = room(box(4, 3, 6, 5))
    cells = floor.grid.cells.copy()
    pocket = floor.grid.centres_inside(box(4.5, 3.5, 5.5, 4.5))
    cells[pocket] = 0
    hollow = FloorMap("room", OccupancyGrid(cells, 0.05, floor.grid.origin))
    complete = dataclasses.replace(hollow, zones=whole_floor(hollow, WORKING_W))
    assert (complete.requested(("floor",)) & pocket).sum() == pocket.sum()


def test_docks_on_two_floors_get_a_zone_for_each() -> None:
    floor = room(box(5, 0, 5.2, 8))
    docks = tuple(Dock(f"dock_{x}", Pose(x, 0.6, -np.pi / 2), 0.7) for x in (1.0, 8.0))
    zones = whole_floor(dataclasses.replace(floor, docks=docks), WORKING_W)
    assert [zone.name for zone in zones] == ["floor", "floor_2"]
    requested = dataclasses.replace(floor, zones=zones).requested(("floor", "floor_2"))
    assert requested.sum() >= 0.99 * floor.grid.free.sum()


def test_a_dock_that_leads_nowhere_is_named() -> None:
    floor = room()
    dock = Dock("dock", Pose(1.0, 0.6, -np.pi / 2), 0.7)
    keepout = Keepout("ramp", box(0, 0, 10, 8))
    with pytest.raises(CannotPlace, match="from its dock"):
        whole_floor(dataclasses.replace(floor, docks=(dock,), keepouts=(keepout,)), WORKING_W)
