"""Whole runs by the real controller in Gazebo's physics, in virtual time: no machine is too slow for them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from dart_world import DartWorld
from gazebo_worlds import store_of

from robot_fleet.fleet.states import RunState
from robot_fleet.floor.store import Store
from robot_fleet.main.gazebo_world import WorldSettings, write_world_of
from robot_fleet.planning.judging.ground import coverable
from robot_fleet.planning.plan import Plan, PlanRequest
from robot_fleet.planning.planner import plan
from robot_fleet.sim.realism import EXECUTED
from robot_fleet.sim.site import VirtualSite
from robot_fleet.sim.tracked import TrackedMotion
from robot_fleet.sim.world import STEP_S

SOON_S, SETTLE_S, LIMIT_S = 4.0, 3.0, 3600.0


def soon(request: PlanRequest) -> Plan:
    return plan(replace(request, deadline_s=min(request.deadline_s or SOON_S, SOON_S)))


@pytest.mark.proof
@pytest.mark.parametrize("name", ["corner_shop_scan", "bookstore"])
def test_a_store_is_cleaned_by_two_robots_on_wheels_without_a_touch(name: str, tmp_path: Path) -> None:
    store = store_of(name, 2)
    physics = DartWorld(write_world_of(store, WorldSettings(Path(), tmp_path)).file)
    site = VirtualSite(
        store, soon, EXECUTED, motions=lambda spec: TrackedMotion(spec.profile, physics.body(spec)), seed=1
    )

    def advance(seconds: float) -> None:
        for _ in range(round(seconds / STEP_S)):
            site.advance(STEP_S)
            physics.advance(STEP_S)

    advance(SETTLE_S)
    site.controller.start_run((), "")
    while not site.controller.snapshot.runs[0].state.is_terminal:
        advance(1.0)
        assert site.world.now_s < LIMIT_S
    site.world.settle()
    assert site.controller.snapshot.runs[0].state is RunState.COMPLETED
    assert site.world.collisions == []
    assert true_share(store, site) >= 0.97


def true_share(store: Store, site: VirtualSite) -> float:
    """Of the floor that heads can reach, how much they have truly passed over."""
    starts = [(robot.profile, store.floor.dock(robot.dock).staging) for robot in store.robots]
    zones = tuple(zone.name for zone in store.floor.zones)
    within = store.floor.requested(zones) & coverable(store.floor, starts)
    return np.count_nonzero(site.world.truth.cleaned & within) / np.count_nonzero(within)
