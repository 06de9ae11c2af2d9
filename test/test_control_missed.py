"""Which missed floor robots are sent for once more."""

from __future__ import annotations

import numpy as np
import pytest
from control_site import run_of, site, until_ended
from shapely import box

from robot_fleet.control import missed as missed_room
from robot_fleet.control.missed import planned_floor, worth_a_pass
from robot_fleet.control.state import FleetState
from robot_fleet.fleet.entities import CleaningRun
from robot_fleet.fleet.states import RunState
from robot_fleet.planning.plan import MissedArea, MissedReason
from robot_fleet.sim.site import VirtualSite


def cleaned_but_for(
    made: VirtualSite, zones: tuple[str, ...], patches: int, side_m: float
) -> tuple[FleetState, CleaningRun]:
    """A run in which all is clean but some squares apart."""
    made.controller.start_run(zones, "")
    made.advance(3.0)
    state, run = made.controller._state, made.controller._state.active
    assert run is not None and state.coverage is not None
    assert run_of(made).run_id == run.run_id
    grid = state.store.floor.grid
    state.coverage.cleaned = planned_floor(state, run).copy()
    side = round(side_m / grid.resolution_m)
    for k in range(patches):
        row, col = grid.cells_at([(1.0 + k % 4, 1.0 + k // 4)])[0]
        state.coverage.cleaned[row : row + side, col : col + side] = False
    return state, run


def test_a_strip_along_a_wall_as_thin_as_robots_stray_is_not_worth_a_pass() -> None:
    state, run = cleaned_but_for(site(), (), 0, 0.0)
    assert state.coverage is not None
    row, col = state.store.floor.grid.cells_at([(2.0, 0.1)])[0]
    state.coverage.cleaned[row, col : col + 160] = False
    assert not worth_a_pass(state, run).any()
    state.coverage.cleaned[row + 1, col : col + 160] = False
    assert worth_a_pass(state, run).any()


@pytest.mark.parametrize(
    ("zones", "patches", "side_m", "worth"),
    [
        ((), 1, 1.05, True),  # one large patch
        ((), 1, 0.45, False),  # one of 0.2 m2 in 90 m2
        ((), 2, 0.45, True),
        ((), 12, 0.4, False),  # each too small for a way through a whole hall
        (("west",), 3, 0.4, False),
        (("west",), 12, 0.4, True),  # not through half of it, where they are 4 % together
        (("west",), 16, 0.1, False),  # crumbs
    ],
)
def test_a_pass_for_missed_floor_is_worth_its_way(
    zones: tuple[str, ...], patches: int, side_m: float, worth: bool
) -> None:
    state, run = cleaned_but_for(site(), zones, patches, side_m)
    assert worth_a_pass(state, run).any() == worth
    assert np.count_nonzero(planned_floor(state, run)) > 0


def test_for_the_sake_of_a_large_patch_robots_are_not_led_along_many_thin_ones_unless_these_come_to_much() -> None:
    state, run = cleaned_but_for(site(), (), 0, 0.0)
    assert state.coverage is not None
    cleaned, grid = state.coverage.cleaned, state.store.floor.grid
    row, col = grid.cells_at([(8.0, 5.0)])[0]
    patch = np.s_[row : row + 20, col : col + 20]
    strips = [np.s_[k, 40:125] for k in range(20, 41, 4)]
    cleaned[patch] = False
    for strip in strips[:1]:
        cleaned[strip] = False
    again = worth_a_pass(state, run)
    assert again[patch].all() and not again[strips[0]].any()
    for strip in strips:
        cleaned[strip] = False
    again = worth_a_pass(state, run)
    assert again[patch].all() and all(again[strip].all() for strip in strips)


@pytest.mark.parametrize(("reason", "worth"), [(None, True), (MissedReason.NOT_CLEANED, False)])
def test_in_a_large_store_a_large_patch_is_worth_a_pass_unless_the_plan_left_it_out(
    monkeypatch: pytest.MonkeyPatch, reason: MissedReason | None, worth: bool
) -> None:
    monkeypatch.setattr(missed_room, "_SHARE", 0.1)
    monkeypatch.setattr(missed_room, "_SHARE_OF_ALL", 0.1)
    state, run = cleaned_but_for(site(), (), 0, 0.0)
    assert state.coverage is not None
    patch = box(2.0, 2.0, 3.2, 3.2)
    state.store.floor.grid.mark(off := np.zeros_like(state.coverage.cleaned), patch)
    state.coverage.cleaned &= ~off
    run.unplanned = (MissedArea("west", reason, patch, patch.area),) if reason else ()
    assert worth_a_pass(state, run).any() == worth


def test_floor_that_is_missed_when_all_lanes_are_driven_is_driven_to_once_more_before_the_run_ends() -> None:
    made = site()
    made.controller.start_run((), "")
    state = made.controller._state
    while not made.controller._state.robots["r1"].cleans:
        made.advance(0.5)
    while any(robot.cleans or robot.order is None for robot in state.robots.values()):
        made.advance(0.5)
    assert state.coverage is not None and not run_of(made).state.is_terminal
    missed = np.zeros_like(state.coverage.cleaned)
    state.store.floor.grid.mark(missed, box(3.0, 2.0, 5.0, 6.0))
    state.coverage.cleaned &= ~missed
    run = until_ended(made)
    assert run.state is RunState.COMPLETED
    cleaned = made.controller.record(run.run_id).cleaned
    assert cleaned[missed].mean() > 0.9


def test_floor_that_a_plan_left_out_in_haste_is_for_the_make_up_pass() -> None:
    left_out = box(2.0, 2.0, 4.0, 4.0)
    for reason, worth in ((MissedReason.NOT_CLEANED, True), (MissedReason.TOO_NARROW, False)):
        state, run = cleaned_but_for(site(), (), 0, 0.0)
        assert state.coverage is not None
        state.store.floor.grid.mark(off := np.zeros_like(state.coverage.cleaned), left_out)
        state.coverage.cleaned &= ~off
        run.unplanned = (MissedArea("west", reason, left_out, 4.0),)
        assert worth_a_pass(state, run).any() == worth


@pytest.mark.parametrize(
    ("reason", "may_be_cleaned"),
    [(MissedReason.BLOCKED, True), (MissedReason.NOT_CLEANED, True), (MissedReason.TOO_NARROW, False)],
)
def test_floor_that_the_first_plan_left_out_for_what_may_pass_is_tried_again(
    reason: MissedReason, may_be_cleaned: bool
) -> None:
    state, run = cleaned_but_for(site(), (), 0, 0.0)
    run.unplanned = (MissedArea("west", reason, box(3.0, 3.0, 4.0, 4.0), 1.0),)
    row, col = state.store.floor.grid.cells_at([(3.5, 3.5)])[0]
    assert planned_floor(state, run)[row, col] == may_be_cleaned
