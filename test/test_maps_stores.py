"""The stores in maps/: as the definitions say, as the generator makes them, and fit to be cleaned."""

from __future__ import annotations

import importlib.util
import itertools
import sys
from functools import cache
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from robot_fleet.floor.clearance import ClearanceField
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.profile import REFERENCE_R, WORKING_W
from robot_fleet.floor.reach import reachable
from robot_fleet.floor.store import Store
from robot_fleet.storage.maps import load_map
from robot_fleet.storage.store_folder import load_store

MAPS = Path(__file__).parents[1] / "maps"
SIZES_M = {"corner_shop": (12, 8), "supermarket": (60, 40), "supercenter": (180, 120)}
CLEAN = list(SIZES_M)
ALL = [*CLEAN, *(f"{name}_scan" for name in CLEAN)]


@cache
def loaded(name: str) -> Store:
    return load_store(MAPS / name)


def load_generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", MAPS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Its dataclasses look their module up by name.
    sys.modules["generate"] = module
    spec.loader.exec_module(module)
    return module


def test_the_committed_stores_are_what_the_generator_makes(tmp_path: Path) -> None:
    load_generator().generate(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(ALL)
    for name in ALL:
        for file in ("map.yaml", "floor.geojson", "store.yaml"):
            assert (tmp_path / name / file).read_text() == (MAPS / name / file).read_text(), f"{name}/{file} is stale"
        # Cells, not bytes: compression differs between versions of the image library.
        fresh, committed = (load_map(folder / name / "map.yaml") for folder in (tmp_path, MAPS))
        assert np.array_equal(fresh.cells, committed.cells), f"{name}/map.png is stale: run python maps/generate.py"


@pytest.mark.parametrize("name", CLEAN)
def test_a_clean_store_has_its_size_and_its_zones_cover_it_once(name: str) -> None:
    store = loaded(name)
    width, height = SIZES_M[name]
    assert store.floor.grid.shape == (height * 20, width * 20)
    border = store.floor.grid.cells.copy()
    border[1:-1, 1:-1] = 100
    assert (border == 100).all()
    covered = sum(store.floor.requested((zone.name,)).astype(int) for zone in store.floor.zones)
    assert np.array_equal(covered, store.floor.grid.free.astype(int))


@pytest.mark.parametrize(
    ("name", "shelves_m2"),
    [("corner_shop", 4 * 1.8), ("supermarket", 12 * 16.8), ("supercenter", 120 * 24.0 + 18 * 7.2 + 24 * 12.0)],
)
def test_a_clean_store_has_its_shelves(name: str, shelves_m2: float) -> None:
    grid = loaded(name).floor.grid
    width, height = SIZES_M[name]
    inside_m2 = (width - 0.1) * (height - 0.1)
    assert grid.free.sum() * grid.cell_area_m2 == pytest.approx(inside_m2 - shelves_m2, abs=1e-6)


def test_the_supermarkets_first_and_last_gondolas_stand_where_they_should() -> None:
    grid = load_map(MAPS / "supermarket" / "map.yaml")
    for left in (9.05, 9.05 + 3.7 * 11):
        corners = [(left + dx, y) for dx in (0.025, 1.175) for y in (13.025, 26.975)]
        around = [(left + dx, 20.0) for dx in (-0.025, 1.225)]
        assert (grid.cells[tuple(grid.cells_at(corners).T)] == 100).all()
        assert grid.free[tuple(grid.cells_at(around).T)].all()


@pytest.mark.parametrize("name", ALL)
def test_every_dock_is_free_apart_and_reaches_the_whole_floor(name: str) -> None:
    store = loaded(name)
    assert all(robot.profile == WORKING_W for robot in store.robots)
    everyone = tuple(WORKING_W.footprint.at(dock.pose) for dock in store.floor.docks)
    clearance = ClearanceField.of(store.floor, everyone)
    # The cells' centres are up to half a diagonal away from the poses; a robot's own place is closed here.
    cells = store.floor.grid.cells_at([((d.staging @ Pose(-0.15, 0)).x_m, d.staging.y_m) for d in store.floor.docks])
    kept = WORKING_W.footprint.circumscribed_m + WORKING_W.clearance_m
    assert clearance.at_cell_centres[tuple(cells.T)].min() >= kept - 0.036
    for one, other in itertools.combinations(store.floor.docks, 2):
        assert one.pose.distance_m(other.pose) >= 1.0
        assert one.staging.distance_m(other.staging) >= 1.0
    reach = reachable(store.floor, REFERENCE_R, store.floor.docks[0].staging, clearance)
    assert reach.sum() > 0.6 * store.floor.grid.free.sum()
    assert reach[tuple(cells.T)].all()


def test_there_are_docks_for_the_fleets_that_are_asked_for() -> None:
    docks = {name: len(loaded(name).floor.docks) for name in CLEAN}
    robots = {name: len(loaded(name).robots) for name in CLEAN}
    assert docks == {"corner_shop": 2, "supermarket": 6, "supercenter": 12}
    assert robots == {"corner_shop": 2, "supermarket": 3, "supercenter": 8}
    assert len(load_store(MAPS / "supercenter", robots=12).robots) == 12


@pytest.mark.parametrize("name", CLEAN)
def test_a_scan_is_the_same_floor_turned_with_specks_and_pockets(name: str) -> None:
    clean, scan = loaded(name), loaded(f"{name}_scan")
    zones = tuple(zone.name for zone in clean.floor.zones)
    assert [zone.name for zone in scan.floor.zones] == list(zones)
    free, scanned = (store.floor.requested(zones).sum() for store in (clean, scan))
    assert scanned == pytest.approx(free, rel=0.03)
    assert {-1, 0, 100} == set(np.unique(scan.floor.grid.cells))
    assert scan.floor.docks[0].pose.yaw_rad == pytest.approx(
        clean.floor.docks[0].pose.yaw_rad - 2 * np.pi + 0.02618, abs=1e-4
    )
