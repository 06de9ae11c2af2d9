"""Long bodies beside discs in one store: others keep off the body, not off the disc that holds it."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from control_site import by_hand, hall, until, until_ended
from shapely import Point

from robot_fleet.control import dispatch, escaping
from robot_fleet.fleet.itinerary import Itinerary, Place, Stretch
from robot_fleet.fleet.states import RobotState, RunState
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.profile import SCRUBBER_S
from robot_fleet.floor.store import Dock
from robot_fleet.planning.plan import LegKind
from robot_fleet.sim.realism import EXECUTED
from robot_fleet.sim.site import VirtualSite

BESIDE_A_LANE = Pose(0.5, 4.5, math.pi / 2)


def site(first: Dock | None = None) -> VirtualSite:
    """The hall, in which r2 is a long scrubber whose dock lies along the first lane; the other dock is where it is, or `first`."""
    store = hall()
    docks = (first or store.floor.docks[0], Dock("d2", BESIDE_A_LANE))
    robots = (store.robots[0], replace(store.robots[1], profile=SCRUBBER_S))
    made = VirtualSite(replace(store, floor=replace(store.floor, docks=docks), robots=robots), by_hand, EXECUTED)
    made.advance(3.0)
    return made


def cancelled(made: VirtualSite) -> int:
    """How many pieces robots were told to break off."""
    return sum('"outcome": "cancelled"' in line for line in made.run_store.journal)


def test_a_robot_cleans_close_beside_a_long_one_that_rests() -> None:
    made = site()
    made.controller.start_run((), "", ("r1",))
    assert until_ended(made).state is RunState.COMPLETED
    assert cancelled(made) == 0 and not made.world.collisions


def test_a_robot_leaves_its_dock_and_gets_home_beside_a_long_one_in_its_own() -> None:
    made = site(Dock("d1", Pose(0.6, 3.0, math.pi)))
    made.controller.start_run((), "", ("r1",))
    assert until_ended(made).state is RunState.COMPLETED
    assert made.world.robots["r1"].docked_at is not None


def test_a_long_one_that_charges_is_not_told_of_as_trapped_since_its_neighbour_is_held() -> None:
    made = site(Dock("d1", Pose(0.6, 3.0, math.pi)))
    made.controller.start_run((), "", ("r1",))
    until(made, "r1", RobotState.UNDOCKING)
    made.world.press_e_stop("r1")
    made.advance(30.0)
    assert made.controller.snapshot.runs[-1].state is RunState.RUNNING
    assert not any("trapped" in alert.text for alert in made.controller.snapshot.alerts)


def test_nobody_is_told_that_a_robot_on_its_dock_is_trapped(monkeypatch: pytest.MonkeyPatch) -> None:
    made = site()
    made.controller.start_run((), "", ("r1",))
    until(made, "r1", RobotState.CLEANING)
    made.controller.close_floor("spill", Point(9.0, 6.0).buffer(0.5))
    escapes = made.controller._state.escapes
    monkeypatch.setattr(escapes, "cut_off", lambda: frozenset({"r2"}))
    monkeypatch.setattr(escaping, "round_floors", lambda *_: None)
    made.advance(10.0)
    assert not any("trapped" in alert.text for alert in made.controller.snapshot.alerts)


def test_a_robot_brakes_before_a_long_one_that_is_pushed_into_its_way() -> None:
    made = site()
    made.controller.start_run((), "", ("r1",))
    until(made, "r1", RobotState.CLEANING)
    made.advance(3.0)
    x, y = made.world.robots["r1"].pose.x_m, made.world.robots["r1"].pose.y_m
    made.world.robots["r2"].motion.pose = Pose(x, y + 3.0, 0.0)
    made.advance(2.0)
    assert cancelled(made) == 1 and not made.world.collisions


def test_a_long_one_that_still_rolls_is_given_no_place_on_its_new_way_before_it_stands() -> None:
    made = site()
    made.controller.start_run((), "", ("r2",))
    until(made, "r2", RobotState.MOVING)
    state = made.controller._state
    robot, now_s = state.robots["r2"], state.now_s
    assert robot.pose is not None
    ahead = np.array([math.cos(robot.pose.yaw_rad), math.sin(robot.pose.yaw_rad)])
    points = np.array([robot.pose.x_m, robot.pose.y_m]) + np.outer([-1.0, 1.0], ahead)
    robot.itinerary = Itinerary((Stretch(LegKind.TRANSIT, points, np.zeros(2)),))
    robot.place, robot.rest_after_s = Place(), now_s + 2.0
    assert not dispatch._in_position(state, robot, robot.itinerary)
    assert robot.place == Place()
    robot.rest_after_s = now_s
    assert dispatch._in_position(state, robot, robot.itinerary)
    assert robot.place.offset_m == pytest.approx(1.0, abs=0.01)
