"""A store folder that was changed between two starts of the controller."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from control_site import hall, site, until_ended

from robot_fleet.control.controller import Controller
from robot_fleet.fleet.errors import InvalidInput, WrongState
from robot_fleet.floor.grid import OccupancyGrid
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.store import Store
from robot_fleet.sim.site import VirtualSite


def without_the_east() -> Store:
    store = hall()
    return replace(store, floor=replace(store.floor, zones=store.floor.zones[:1]))


def on_a_narrower_map() -> Store:
    store = hall()
    grid = store.floor.grid
    narrower = OccupancyGrid(grid.cells[:, :200].copy(), grid.resolution_m, grid.origin)
    return replace(store, floor=replace(store.floor, grid=narrower))


def on_a_moved_map() -> Store:
    store = hall()
    moved = replace(store.floor.grid, origin=Pose(0.5, 0.0, 0.0))
    return replace(store, floor=replace(store.floor, grid=moved))


def started_anew(made: VirtualSite, store: Store) -> Controller:
    """A controller of the changed store on the storage of the other one; nothing has been taken up yet."""
    return Controller(store, made.driver, made.planner, made.run_store, made.clock)


def test_a_run_under_way_whose_robot_or_zone_is_no_longer_in_the_store_is_refused_with_every_fault() -> None:
    made = site()
    made.controller.start_run((), "")
    made.advance(10.0)
    store = without_the_east()
    changed = replace(store, robots=store.robots[:1])
    with pytest.raises(InvalidInput) as refused:
        started_anew(made, changed).resume_from_storage()
    assert len(refused.value.faults) == 2


@pytest.mark.parametrize("changed", [on_a_narrower_map, on_a_moved_map])
def test_a_run_under_way_on_another_map_is_refused_and_says_so(changed: Callable[[], Store]) -> None:
    made = site()
    run_id = made.controller.start_run((), "").run_id
    made.advance(10.0)
    with pytest.raises(WrongState, match=f"{run_id} was made on another floor"):
        started_anew(made, changed()).resume_from_storage()


@pytest.mark.parametrize("changed", [without_the_east, on_a_narrower_map, on_a_moved_map])
def test_the_record_of_an_old_run_on_another_floor_is_a_refusal_and_no_bug(changed: Callable[[], Store]) -> None:
    made = site()
    run_id = made.controller.start_run((), "").run_id
    made.advance(60.0)
    made.controller.stop_run(run_id)
    cleaned_m2 = until_ended(made).cleaned_m2
    controller = started_anew(made, changed())
    controller.resume_from_storage()
    with pytest.raises(WrongState) as refused:
        controller.record(run_id)
    assert refused.value.reason == "STORE_CHANGED"
    assert [run.cleaned_m2 for run in controller.snapshot.runs] == [cleaned_m2]
