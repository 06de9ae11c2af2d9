"""A store as a Gazebo world: few shapes, all of them where the map has obstacles, and a document that Gazebo reads."""

from __future__ import annotations

import shlex
import subprocess
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import shapely
from gazebo_worlds import MAPS, NAMES, ign, store_of

from robot_fleet.fleet.errors import InvalidInput
from robot_fleet.floor.footprint import Footprint
from robot_fleet.floor.profile import SCRUBBER_S, WORKING_W
from robot_fleet.floor.store import Store
from robot_fleet.main.gazebo_world import WorldSettings, write_world_of
from robot_fleet.sim.gazebo.blocks import INTO_FREE_M, MOST_BLOCKS, blocks_of
from robot_fleet.sim.gazebo.dialect import FORTRESS, HARMONIC
from robot_fleet.sim.gazebo.machine import LINKS, Wheels, _body_shapes
from robot_fleet.sim.gazebo.world_file import Clutter, shapes_of, world_sdf

ALL = [*NAMES, "bookstore"]


@pytest.mark.parametrize("name", ALL)
def test_obstacles_are_few_boxes_that_leave_the_free_floor_free(name: str) -> None:
    floor = store_of(name, 2).floor
    blocks = blocks_of(floor)
    assert 0 < len(blocks) < MOST_BLOCKS
    outlines = shapely.buffer(np.array([block.outline for block in blocks]), -1.5 * INTO_FREE_M, join_style="mitre")
    for room in floor.grid.polygons(floor.grid.free):
        if room.area >= 1.0:
            shapely.prepare(room)
            assert not shapely.intersects(room, outlines).any()


@pytest.mark.parametrize("name", ["corner_shop_scan", "supermarket_scan", "bookstore"])
def test_no_border_of_the_floor_is_left_out(name: str) -> None:
    floor = store_of(name, 2).floor
    built = shapely.union_all([block.outline for block in blocks_of(floor)])
    for part in floor.grid.polygons(floor.grid.free):
        if part.area >= 1.0:
            border = shapely.points(np.vstack([ring.segmentize(0.2).coords for ring in shapely.get_rings(part)]))
            assert shapely.distance(border, built).max() < 0.3


def test_a_straight_shelf_is_one_box_exactly() -> None:
    blocks = blocks_of(store_of("supermarket").floor)
    shelves = [block for block in blocks if block.width_m > 0.5]
    assert len(shelves) == 12
    assert {(round(shelf.length_m, 6), round(shelf.width_m, 6)) for shelf in shelves} == {(14.0, 1.2)}


@pytest.mark.parametrize("fortress", [False, True], ids=["harmonic", "fortress"])
@pytest.mark.parametrize("name", ALL)
def test_the_world_is_valid_to_gazebos_own_checker(name: str, fortress: bool, tmp_path: Path) -> None:
    store = store_of(name, 10 if "super" in name else 2)
    written = write_world_of(store, WorldSettings(MAPS, tmp_path, fortress=fortress))
    assert written.shapes < MOST_BLOCKS
    check(written.file)


@pytest.mark.parametrize("profile", ["W", "S"])
def test_fortress_worlds_with_pallets_and_pillars_are_valid(profile: str, tmp_path: Path) -> None:
    from robot_fleet.main.stores import load

    store = load(MAPS / "supermarket", 3, profile)
    written = write_world_of(store, WorldSettings(MAPS, tmp_path, fortress=True, pallets=3, pillars=2))
    assert written.command.startswith("ign gazebo")
    check(written.file)


@pytest.mark.parametrize("name", ["world", "__x__", 'Büro <2> & "co"', "日本", "my store"])
def test_worlds_are_valid_whatever_things_are_called(name: str, tmp_path: Path) -> None:
    """Robots as the things of a world, docks that differ in signs alone, and names that SDF keeps for itself."""
    store = store_of("corner_shop", 2)
    docks = tuple(replace(dock, name=f"dock{'+' * n}") for n, dock in enumerate(store.floor.docks))
    numbers = {dock.name: n for n, dock in enumerate(store.floor.docks)}
    robots = tuple(
        replace(spec, name=called, dock=docks[numbers[spec.dock]].name)
        for spec, called in zip(store.robots, ("floor", "world"), strict=True)
    )
    unusual = Store(replace(store.floor, name=name, docks=docks), robots)
    written = write_world_of(unusual, WorldSettings(MAPS, tmp_path / "a folder", pallets=1, pillars=1))
    check(written.file)
    assert shlex.split(written.command) == ["gz", "sim", "-r", str(written.file)]


def check(world: Path) -> None:
    """Unknown elements are no errors to the checker, but it warns of them."""
    done = subprocess.run([ign(), "sdf", "-k", str(world)], capture_output=True, text=True, timeout=100, check=False)
    said = [line for line in done.stderr.splitlines() if line and "libignition-tools-backward" not in line]
    said += [line for line in done.stdout.splitlines() if line and "libignition-tools-backward" not in line]
    assert (said, done.returncode) == (["Valid."], 0)


@pytest.mark.parametrize("dialect", [HARMONIC, FORTRESS], ids=lambda dialect: dialect.name)
def test_robots_stand_in_their_docks_with_their_systems(dialect) -> None:
    store = store_of("corner_shop")
    world = ElementTree.fromstring(world_sdf(store, dialect)).find("world")
    for spec in store.robots:
        model = world.find(f"model[@name='{spec.name}']")
        x, y, z, _, _, yaw = map(float, model.findtext("pose").split())
        dock = store.floor.dock(spec.dock).pose
        assert (x, y, z, yaw) == pytest.approx((dock.x_m, dock.y_m, 0.0, dock.yaw_rad))
        assert {link.get("name") for link in model.findall("link")} == set(LINKS)
        systems = {plugin.get("filename"): plugin for plugin in model.iter("plugin")}
        assert set(systems) == {
            f"{dialect.library}-diff-drive-system",
            f"{dialect.library}-odometry-publisher-system",
        }
        assert systems[f"{dialect.library}-diff-drive-system"].findtext("topic") == f"/model/{spec.name}/cmd_vel"
    names = {plugin.get("name") for plugin in world.findall("plugin")}
    assert f"{dialect.namespace}::Physics" in names


def test_the_wheels_of_the_working_robot_roll_as_far_apart_as_odometry_believes() -> None:
    wheels = Wheels.of(WORKING_W.footprint)
    assert (wheels.half_track_m, wheels.width_m, wheels.radius_m) == pytest.approx((0.2, 0.05, 0.1))
    assert wheels.separation_m == pytest.approx(0.4)


@pytest.mark.parametrize(
    "footprint",
    [SCRUBBER_S.footprint, Footprint(corners_m=((-0.3, -0.2), (0.3, -0.3), (0.6, 0.0), (0.3, 0.3), (-0.3, 0.2)))],
)
def test_the_body_fills_its_footprint_and_nowhere_exceeds_it(footprint: Footprint) -> None:
    parts = [shapely.box(-size[0] / 2, -size[1] / 2, size[0] / 2, size[1] / 2) for _, size in _body_shapes(footprint)]
    placed = [
        shapely.affinity.translate(part, pose.x_m, pose.y_m)
        for part, (pose, _) in zip(parts, _body_shapes(footprint), strict=True)
    ]
    body, outline = shapely.union_all(placed), shapely.Polygon(footprint.corners_m)
    assert outline.buffer(1e-3).covers(body)
    assert body.area > 0.8 * outline.area


def test_pallets_stand_on_free_floor_away_from_the_docks_and_where_the_seed_says() -> None:
    store = store_of("supermarket")
    one, same, other = (world_sdf(store, clutter=Clutter(4, 3, seed)) for seed in (1, 1, 2))
    assert one == same
    assert one != other
    assert shapes_of(one) == shapes_of(world_sdf(store)) + 7
    models = ElementTree.fromstring(one).findall("world/model")
    places = [tuple(map(float, m.findtext("pose").split()))[:2] for m in models if m.get("name").startswith("P")]
    assert len(places) == 7
    assert store.floor.grid.free[tuple(store.floor.grid.cells_at(places).T)].all()
    docks = [store.floor.dock(spec.dock).staging for spec in store.robots]
    assert min(np.hypot(x - dock.x_m, y - dock.y_m) for x, y in places for dock in docks) > 1.5


def test_more_pallets_than_fit_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="room for"):
        write_world_of(store_of("corner_shop"), WorldSettings(MAPS, tmp_path, pallets=150))
