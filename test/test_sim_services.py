"""Runs with services in virtual time: robots dock in the middle of their tours, stay as long as planned, and go on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from robot_fleet.fleet.states import RobotState, RunState
from robot_fleet.floor.profile import WORKING_W, Battery, RobotProfile, Tank
from robot_fleet.floor.store import Store
from robot_fleet.planning.plan import LegKind, Plan, PlanRequest
from robot_fleet.planning.planner import plan
from robot_fleet.sim.executed import execute
from robot_fleet.sim.realism import EXECUTED
from robot_fleet.sim.site import VirtualSite
from robot_fleet.storage.store_folder import load_store

ROOT = Path(__file__).resolve().parents[1]
LIMIT_S = 2 * 3600.0
SOON_S = 4.0
THIRSTY = replace(WORKING_W, name="thirsty", tank=Tank(30.0, 90.0))
WEAK = replace(WORKING_W, name="weak", battery=Battery(0.05, 0.1, 9.0, 0.05, 0.2, planned=True))


def shop(profile: RobotProfile, robots: int = 2, offers: Callable[[int], tuple[str, ...]] | None = None) -> Store:
    store = load_store(ROOT / "maps" / "corner_shop", robots=robots, profile=profile)
    if offers is None:
        return store
    docks = tuple(replace(dock, offers=offers(k)) for k, dock in enumerate(store.floor.docks))
    return replace(store, floor=replace(store.floor, docks=docks))


class Planner:
    """Plans of which no more is expected than that they can be driven; keeps the first one, and the requests."""

    def __init__(self) -> None:
        self.first: Plan | None = None
        self.requests: list[PlanRequest] = []

    def __call__(self, request: PlanRequest) -> Plan:
        self.requests.append(request)
        made = plan(replace(request, deadline_s=min(request.deadline_s or SOON_S, SOON_S)))
        self.first = self.first or made
        return made

    def stays_s(self, robot: str) -> list[float]:
        assert self.first is not None
        legs = self.first.path(robot).legs
        return [float(leg.times_s[-1] - leg.times_s[0]) for leg in legs if leg.kind is LegKind.SERVICE]


def docked_s(store: Store, track: np.ndarray, dock: str) -> list[float]:
    """How long the robot stood in the dock, each time between coming and going."""
    pose = store.floor.dock(dock).pose
    seconds, inside = track[:, 0], np.hypot(track[:, 1] - pose.x_m, track[:, 2] - pose.y_m) < 0.1
    # Where a robot rests its track has no points: a stay is a gap, or a run of points.
    begins = np.flatnonzero(inside & ~np.concatenate(([False], inside[:-1])))
    found = []
    for begin in begins.tolist():
        out = np.flatnonzero(~inside[begin:])
        if begin > 0 and len(out):
            found.append(float(seconds[begin + out[0]] - seconds[begin]))
    # It wavers when it sets off.
    return [stay_s for stay_s in found if stay_s > 5.0]


@pytest.mark.parametrize("profile", [THIRSTY, WEAK])
def test_robots_stay_in_their_docks_as_long_as_planned_and_clean_on(profile: RobotProfile) -> None:
    store, planner = shop(profile), Planner()
    run = execute(store, seed=3, limit_s=LIMIT_S, plan=planner)
    assert run.state is RunState.COMPLETED, run.run.reason
    assert run.collisions == ()
    assert run.true_share >= 0.97
    assert any(planner.stays_s(robot.name) for robot in store.robots)
    for robot in store.robots:
        found = docked_s(store, run.tracks[robot.name], robot.dock)
        # Of the rest that is made up for at the end a robot may come from its dock once more.
        for stay_s, planned_s in zip(found, planner.stays_s(robot.name), strict=False):
            assert planned_s <= stay_s < planned_s + 60.0
        assert len(found) >= len(planner.stays_s(robot.name))


def test_no_battery_comes_to_its_reserve_before_its_robot_is_docked() -> None:
    """A robot on its own: what giving way to others takes is in no plan."""
    battery = replace(WEAK.battery, cleaning_h=0.09, driving_h=0.18)
    store, planner = shop(replace(WEAK, battery=battery), 1), Planner()
    site = VirtualSite(store, planner, EXECUTED, seed=3)
    site.advance(5.0)
    site.controller.start_run((), "")
    least = 1.0
    while site.world.now_s < LIMIT_S and not site.controller.snapshot.runs[0].state.is_terminal:
        site.advance(1.0)
        least = min([least] + [robot.battery for robot in site.world.robots.values() if robot.docked_at is None])
    assert site.controller.snapshot.runs[0].state is RunState.COMPLETED
    assert planner.stays_s(store.robots[0].name)
    # What the robot itself takes longer than planned: seconds, which are a few hundredths of so small a battery.
    assert (battery.reserve - least) * battery.cleaning_h * 3600.0 < 30.0


def test_the_planner_is_told_the_batteries_that_robots_report() -> None:
    store, planner = shop(WEAK), Planner()
    site = VirtualSite(store, planner, EXECUTED, seed=3)
    for robot, level in zip(site.world.robots.values(), (0.5, 0.9), strict=True):
        robot.battery = level
    site.advance(1.5)
    site.controller.start_run((), "")
    site.advance(1.0)
    told = [robot.battery for robot in planner.requests[0].robots]
    assert told == pytest.approx([0.5, 0.9], abs=0.02)


def serving(site: VirtualSite, name: str) -> bool:
    robot = site.controller._state.robots[name]
    return robot.has_work and robot.itinerary is not None and robot.itinerary.stretches[robot.place.stretch].is_stay


def until_serving(site: VirtualSite, name: str) -> None:
    while not serving(site, name):
        site.advance(1.0)
        assert site.world.now_s < LIMIT_S


def test_a_service_goes_on_where_it_was_when_the_controller_comes_back() -> None:
    store = shop(THIRSTY)
    site = VirtualSite(store, Planner(), EXECUTED, seed=3)
    site.advance(5.0)
    site.controller.start_run((), "")
    name = store.robots[0].name
    until_serving(site, name)
    begun_s = site.world.now_s
    site.advance(60.0)
    assert site.controller._state.robots[name].state is RobotState.CHARGING
    site.restart_controller()
    while serving(site, name) or not site.controller._state.robots[name].is_here:
        site.advance(1.0)
    assert 88.0 < site.world.now_s - begun_s < 110.0


def test_a_robot_whose_dock_has_no_water_goes_to_one_that_has_and_comes_home_to_its_own() -> None:
    offers = (("charge",), ("charge",), ("water",))
    store = shop(THIRSTY, 3, lambda k: offers[k])
    # The third dock is nobody's.
    store = replace(store, robots=store.robots[:2])
    run = execute(store, seed=3, limit_s=LIMIT_S, plan=Planner())
    assert run.state is RunState.COMPLETED, run.run.reason
    assert run.collisions == () and run.true_share >= 0.97
    dock = store.floor.docks[2].name
    visits = {robot.name: docked_s(store, run.tracks[robot.name], dock) for robot in store.robots}
    assert any(visits.values())
    assert all(stay_s >= 90.0 for stays_s in visits.values() for stay_s in stays_s)
    for robot in store.robots:
        home = store.floor.dock(robot.dock).pose
        assert np.hypot(*(run.tracks[robot.name][-1, 1:] - (home.x_m, home.y_m))) < 0.15


def test_a_new_plan_leads_a_robot_out_of_a_dock_that_is_not_its_own() -> None:
    store = shop(THIRSTY, 3, lambda k: (("charge",), ("charge",), ("water",))[k])
    store = replace(store, robots=store.robots[:2])
    site = VirtualSite(store, Planner(), EXECUTED, seed=3)
    site.advance(5.0)
    site.controller.start_run((), "")
    name = next(robot.name for robot in store.robots)
    until_serving(site, name)
    site.controller._state.active.rest_wanted = True  # type: ignore[union-attr]
    site.advance(10.0)
    assert not serving(site, name)
    while site.world.now_s < LIMIT_S and not site.controller.snapshot.runs[0].state.is_terminal:
        site.advance(5.0)
    assert site.controller.snapshot.runs[0].state is RunState.COMPLETED
    assert site.world.collisions == []
    assert site.world.robots[name].docked_at == store.floor.dock(store.robot(name).dock)


def test_a_robot_is_not_charged_in_a_dock_that_only_has_water() -> None:
    site = VirtualSite(shop(WORKING_W, 1, lambda _: ("water",)), Planner(), EXECUTED)
    robot = next(iter(site.world.robots.values()))
    robot.battery = 0.5
    site.advance(60.0)
    assert robot.battery < 0.5
    assert not site.controller.snapshot.robots[0].charging
