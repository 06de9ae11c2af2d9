"""A bad store gets every fault in one answer, each with its file, its place and its remedy."""

from __future__ import annotations

import dataclasses
import math
import re

import numpy as np
import pytest
from shapely import Polygon, box

from robot_fleet.floor.check import check_store
from robot_fleet.floor.footprint import Footprint
from robot_fleet.floor.grid import OccupancyGrid
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.profile import SCRUBBER_S, WORKING_W, Head, Interface, Squeegee
from robot_fleet.floor.store import Dock, FloorMap, Keepout, RobotSpec, Store, Zone

ZONE = Zone("shop", box(0, 0, 10, 8))
DOCKS = (Dock("west", Pose(0.6, 2.0, math.pi)), Dock("north", Pose(5.0, 7.4, math.pi / 2)))
BOW_TIE = Polygon([(1, 1), (3, 3), (3, 1), (1, 3)])


def store(
    zones: tuple[Zone, ...] = (ZONE,),
    keepouts: tuple[Keepout, ...] = (),
    docks: tuple[Dock, ...] = DOCKS,
    robots: tuple[RobotSpec, ...] | None = None,
    walls: tuple[Polygon, ...] = (),
) -> Store:
    """A room of 10 x 8 m with a wall around it and two robots in their docks."""
    cells = np.full((160, 200), 100, dtype=np.int8)
    cells[1:-1, 1:-1] = 0
    grid = OccupancyGrid(cells.copy(), 0.05, Pose(0, 0))
    for wall in walls:
        cells[grid.centres_inside(wall)] = 100
    floor = FloorMap("room", OccupancyGrid(cells, 0.05, Pose(0, 0)), zones, keepouts, docks)
    return Store(floor, robots if robots is not None else (robot("one", "west"), robot("two", "north")))


def robot(name: str, dock: str) -> RobotSpec:
    return RobotSpec(name, WORKING_W, dock, f"/{name}")


def places(checked: Store) -> list[str]:
    faults = check_store(checked)
    assert all(fault.file and fault.what and fault.remedy for fault in faults)
    return [fault.place for fault in faults]


def what(checked: Store) -> str:
    faults = check_store(checked)
    assert len(faults) == 1, list(map(str, faults))
    return str(faults[0])


def test_a_sound_store_has_no_faults() -> None:
    assert check_store(store()) == ()


@pytest.mark.parametrize(
    ("polygon", "expected"),
    [
        (box(20, 20, 30, 30), "outside the floor"),
        (box(5, 5, 15, 7), "outside the floor"),
        (BOW_TIE, "crosses or touches itself"),
        (Polygon(), "is empty"),
        (Polygon([(1, 1), (2, 2), (3, 3)]), "itself|no area"),
        (box(10.1, 1, 10.5, 2), "no free floor"),
    ],
)
def test_a_bad_zone_is_named(polygon: Polygon, expected: str) -> None:
    assert re.search(expected, what(store(zones=(ZONE, Zone("bad", polygon)))))


def test_a_zone_drawn_a_little_beyond_the_wall_is_no_fault() -> None:
    assert not places(store(zones=(Zone("shop", box(-0.5, -0.5, 10.5, 8.5)),)))


def test_names_must_be_unique() -> None:
    twice = (ZONE, dataclasses.replace(ZONE, priority=3))
    assert places(store(zones=twice)) == ['zone "shop"']
    assert places(store(docks=(*DOCKS, DOCKS[0]))) == ['dock "west"']
    assert places(store(keepouts=(Keepout("k", box(4, 4, 5, 5)),) * 2)) == ['keepout "k"']
    assert places(store(robots=(robot("one", "west"), robot("one", "north")))) == ['robot "one"']


def test_a_keepout_over_a_dock_or_its_staging_is_a_fault() -> None:
    assert "keepout" in what(store(keepouts=(Keepout("wet", box(0, 1.5, 1, 2.5)),)))
    assert "staging" in what(store(keepouts=(Keepout("wet", box(1.4, 1.5, 1.6, 2.5)),)))


def test_a_dock_in_a_wall_or_off_the_map_is_a_fault() -> None:
    assert "obstacle" in what(store(docks=(Dock("west", Pose(0.2, 2.0, math.pi)), DOCKS[1])))
    assert "outside" in what(store(docks=(Dock("west", Pose(-9, 2.0, math.pi)), DOCKS[1])))
    assert "number" in what(store(docks=(Dock("west", Pose(math.nan, 2.0)), DOCKS[1])))
    spare = Dock("spare", Pose(0.01, 0.01))
    assert "obstacle" in what(store(docks=(*DOCKS, spare)))


def test_a_dock_that_backs_into_a_wall_is_a_fault() -> None:
    backwards = what(store(docks=(Dock("west", Pose(0.6, 2.0, 0.0)), DOCKS[1])))
    assert "is in the way from its staging pose" in backwards
    assert "turn it" in backwards


@pytest.mark.parametrize(("x_m", "y_m"), [(1.05, 2.0), (1.6, 2.0), (1.3, 1.68)])
def test_a_speck_between_a_dock_and_its_staging_pose_is_a_fault(x_m: float, y_m: float) -> None:
    speck = box(x_m - 0.026, y_m - 0.026, x_m + 0.026, y_m + 0.026)
    assert "is in the way from its staging pose" in what(store(walls=(speck,)))


def test_what_stands_beside_the_way_into_a_dock_is_no_fault() -> None:
    assert places(store(walls=(box(0.7, 2.4, 0.9, 2.5), box(0.7, 1.5, 0.9, 1.6)))) == []


def test_a_dock_that_its_robot_touches_by_the_rim_of_a_cell_is_no_fault() -> None:
    assert places(store(walls=(box(0.255, 2.155, 0.295, 2.195),))) == []


def test_a_walled_in_dock_is_unreachable() -> None:
    closet = (box(0, 3.5, 2.5, 3.6), box(2.4, 0, 2.5, 3.6))
    far = (Zone("far", box(4, 1, 9, 7)),)
    assert "unreachable" in what(store(zones=far, walls=closet))


def test_a_robot_wider_than_every_aisle_is_a_fault_of_its_own() -> None:
    wide = dataclasses.replace(WORKING_W, name="wide", footprint=Footprint(4.5))
    robots = (RobotSpec("one", wide, "west", "/one"), robot("two", "north"))
    found = check_store(store(robots=robots))
    assert any("wider than every aisle" in fault.what and fault.place == 'robot "one"' for fault in found)
    assert not any("two" in fault.place for fault in found)


def test_two_robots_do_not_share_a_dock_nor_have_none() -> None:
    assert places(store(robots=(robot("one", "west"), robot("two", "west")))) == ['robot "one"', 'robot "two"']
    assert "does not exist" in what(store(robots=(robot("one", "east"),)))
    assert "has no dock" in what(store(robots=(robot("one", ""),)))


def test_docks_in_which_robots_would_touch_are_too_near() -> None:
    near = Dock("near", Pose(0.6, 2.6, math.pi))
    assert "would touch" in what(store(docks=(DOCKS[0], near), robots=(robot("one", "west"), robot("two", "near"))))


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"speed_mps": 0.0}, "speed_mps"),
        ({"speed_mps": math.nan}, "speed_mps"),
        ({"yaw_rate_rps": -1.0}, "yaw_rate_rps"),
        ({"acceleration_mps2": 0.0}, "acceleration_mps2"),
        ({"clearance_m": -0.1}, "clearance_m"),
        ({"goal_tolerance_m": math.inf}, "goal_tolerance_m"),
        ({"head": Head(0.0)}, "head.width_m"),
        ({"head": Head(0.7, math.nan)}, "head.offset_m"),
        ({"overlap_m": 0.7}, "overlap_m"),
    ],
)
def test_numbers_that_no_robot_can_have_are_named(change: dict[str, object], place: str) -> None:
    odd = dataclasses.replace(WORKING_W, name="odd", **change)  # type: ignore[arg-type]
    checked = store(robots=(RobotSpec("one", odd, "west", "/one"),))
    assert places(checked) == [f"profile odd.{place}"]


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"head": Head(3.0, 0.45)}, "head"),
        ({"head": Head(0.66, 3.0)}, "head"),
        ({"squeegee": Squeegee(1.6, -0.45)}, "squeegee"),
        ({"squeegee": Squeegee(0.8, -0.8)}, "squeegee"),
        ({"squeegee": Squeegee(0.8, 0.6)}, "squeegee.offset_m"),
    ],
)
def test_heads_and_squeegees_beside_the_body_or_in_the_wrong_order_are_named(
    change: dict[str, object], place: str
) -> None:
    odd = dataclasses.replace(SCRUBBER_S, name="odd", **change)  # type: ignore[arg-type]
    assert places(store(robots=(RobotSpec("one", odd, "west", "/one"),))) == [f"profile odd.{place}"]


def test_a_squeegee_may_stand_out_of_the_body_by_a_lip_or_by_the_clearance() -> None:
    for squeegee_m, clearance_m in ((0.85, 0.05), (1.0, 0.15)):
        lip = dataclasses.replace(SCRUBBER_S, squeegee=Squeegee(squeegee_m, -0.45), clearance_m=clearance_m)
        assert not [one for one in places(store(robots=(RobotSpec("one", lip, "west", "/one"),))) if "squeegee" in one]


def test_a_map_without_free_floor_is_a_fault_of_the_map() -> None:
    sound = store()
    grid = OccupancyGrid(np.full((9, 9), -1, dtype=np.int8), 0.05, Pose(0, 0))
    assert "no free floor" in what(Store(dataclasses.replace(sound.floor, grid=grid), ()))


def test_many_faults_come_together() -> None:
    zones = (ZONE, Zone("bad", BOW_TIE), Zone("away", box(50, 50, 60, 60)), ZONE)
    robots = (robot("one", "nowhere"), robot("two", "west"), robot("two", "west"))
    found = places(store(zones=zones, robots=robots))
    assert set(found) == {'zone "shop"', 'zone "bad"', 'zone "away"', 'robot "one"', 'robot "two"'}


def test_faults_of_docks_come_together() -> None:
    docks = (Dock("west", Pose(0.1, 2.0, math.pi)), Dock("north", Pose(5.0, 7.4, -math.pi / 2)))
    assert set(places(store(docks=docks))) == {'dock "west"', 'dock "north"'}


def test_robots_that_would_get_each_others_orders_are_a_fault() -> None:
    one, two = robot("one", "west"), robot("two", "north")
    assert 'robot "one"' in places(store(robots=(one, dataclasses.replace(two, namespace=one.namespace))))
    absolute = dataclasses.replace(WORKING_W, interface=Interface(follow_path="/follow_path"))
    shared = tuple(dataclasses.replace(spec, profile=absolute) for spec in (one, two))
    assert "has the same ROS actions as two" in what(store(robots=shared))
    named = dataclasses.replace(WORKING_W, interface=Interface(follow_path="/{name}/follow_path"))
    assert places(store(robots=tuple(dataclasses.replace(spec, profile=named) for spec in (one, two)))) == []
