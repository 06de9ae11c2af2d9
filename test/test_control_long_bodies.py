"""Long bodies beside discs in one store: others keep off the body, not off the disc that holds it."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from control_site import by_hand, hall, until, until_ended
from shapely import Point, box
from shapely.geometry.base import BaseGeometry

from robot_fleet.control import dispatch, escaping, homing, yielding
from robot_fleet.control.state import FleetState
from robot_fleet.control.ways_home import shortest
from robot_fleet.fleet.entities import Robot
from robot_fleet.fleet.itinerary import Itinerary, Place, Stretch
from robot_fleet.fleet.states import RobotState, RunState
from robot_fleet.fleet.track import floor_along, headings_along
from robot_fleet.fleet.traffic import MARGIN_M
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.profile import SCRUBBER_S
from robot_fleet.floor.store import Dock, Zone
from robot_fleet.nights.planning import HastyPlans
from robot_fleet.planning.plan import LegKind
from robot_fleet.planning.planner import plan
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


def test_a_long_one_that_turns_is_on_its_way_only_where_it_faces_along_it() -> None:
    made = site()
    state = made.controller._state
    robot = state.robots["r2"]
    points = np.array([(4.0, 4.0), (6.0, 4.0)])
    robot.itinerary, robot.place = Itinerary((Stretch(LegKind.TRANSIT, points, np.zeros(2)),)), Place()
    for yaw, further_m in ((0.1, 1.0), (0.6, 0.0)):
        robot.pose = Pose(5.0, 4.1, yaw)
        assert dispatch._further_on(robot, robot.itinerary).offset_m == pytest.approx(further_m)


def test_a_long_one_that_has_to_turn_first_is_led_to_where_it_can_when_it_stands_beside_there() -> None:
    made = site()
    state = made.controller._state
    robot = state.robots["r2"]
    points = np.array([(4.0, 4.0), (8.0, 4.0)])
    for yaw, stays in ((0.0, True), (1.0, False)):
        robot.itinerary, robot.place = Itinerary((Stretch(LegKind.TRANSIT, points, np.zeros(2)),)), Place()
        robot.pose = Pose(4.0, 4.2, yaw)
        led = robot.itinerary
        dispatch._in_position(state, robot, robot.itinerary)
        assert (robot.itinerary is led) == stays


def test_a_long_one_that_crosses_its_dock_is_not_in_it() -> None:
    made = site()
    state = made.controller._state
    robot = state.robots["r2"]
    for yaw, is_in in ((BESIDE_A_LANE.yaw_rad + 0.1, True), (BESIDE_A_LANE.yaw_rad + 1.5, False)):
        robot.pose, robot.charging = replace(BESIDE_A_LANE, yaw_rad=yaw), False
        assert homing.on_dock(state, robot) == is_in
        assert (homing.way_home(state, robot).stretches == ()) == is_in
    # A disc is in its dock however it faces.
    state.robots["r1"].pose = replace(state.store.floor.dock("d1").pose, yaw_rad=0.0)
    assert homing.on_dock(state, state.robots["r1"])


def side_by_side(apart_m: float) -> VirtualSite:
    """The hall with two long scrubbers whose docks stand so far apart, and real plans."""
    store = hall()
    docks = tuple(Dock(f"d{k + 1}", Pose(1.2, 3.0 + k * apart_m, math.pi)) for k in range(2))
    robots = tuple(replace(spec, profile=SCRUBBER_S) for spec in store.robots)
    floor = replace(store.floor, docks=docks, zones=(Zone("before", box(1.5, 1.5, 5.0, 6.0)),))
    made = VirtualSite(replace(store, floor=floor, robots=robots), HastyPlans(plan), EXECUTED)
    made.advance(3.0)
    return made


@pytest.mark.parametrize("robots", [("r2",), ("r1", "r2")], ids=" and ".join)
def test_scrubbers_whose_docks_stand_side_by_side_clean_and_get_home(robots: tuple[str, ...]) -> None:
    made = side_by_side(1.3)
    made.controller.start_run((), "", robots)
    view = until_ended(made, 700.0)
    assert view.state is RunState.COMPLETED and not made.world.collisions
    assert all(robot.docked_at for robot in made.world.robots.values())
    assert not made.controller.snapshot.alerts


def test_a_long_one_turns_before_its_dock_where_it_is_clear_of_its_neighbours_and_drives_in_straight() -> None:
    for apart_m, before_m in ((1.3, 0.75), (3.0, 0.0)):
        state = side_by_side(apart_m).controller._state
        staging = state.store.floor.dock("d1").staging
        escape = shortest(state, state.robots["r1"], Pose(8.0, 5.0, 0.0))
        assert escape.way is not None
        turns = escape.way[-1 - escape.last_straight]
        assert math.dist(turns, (staging.x_m, staging.y_m)) >= before_m - 1e-9
        assert not escape.is_on(state.under(state.robots["r2"]))
        assert escape.last_straight == (1 if before_m == 0.0 else 2)


def test_a_long_one_before_its_dock_that_faces_it_just_drives_in() -> None:
    state = side_by_side(1.3).controller._state
    robot, dock = state.robots["r1"], state.store.floor.dock("d1")
    straight = shortest(state, robot, dock.staging)
    assert straight.way is not None and straight.last_straight == len(straight.way) == 2
    assert not straight.is_on(state.under(state.robots["r2"]))
    for askew in (replace(dock.staging, yaw_rad=dock.staging.yaw_rad + 0.5), replace(dock.staging, y_m=2.7)):
        assert shortest(state, robot, askew).is_on(state.under(state.robots["r2"]))


BESIDE = Pose(1.6, 2.0, math.pi / 2)
"""Beside the first robot in its dock; the body of the second has room there, the disc that holds it has none."""


def beside(profile_reverses: bool = True) -> tuple[FleetState, Robot, np.ndarray, BaseGeometry]:
    """The second robot, which backs from free floor to BESIDE, with the points and the floor of that."""
    made = site()
    state = made.controller._state
    robot = state.robots["r2"]
    robot.spec = replace(robot.spec, profile=replace(robot.spec.profile, reverses=profile_reverses))
    robot.pose = Pose(1.6, 5.0, math.pi / 2)
    points = np.array([(1.6, 5.0), (BESIDE.x_m, BESIDE.y_m)])
    floor = floor_along(robot.spec.profile.footprint, points, headings_along(points, reverse=True), MARGIN_M)
    assert not floor.intersects(state.under(state.robots["r1"]))
    return state, robot, points, floor


def test_a_long_one_may_rest_where_it_has_no_room_to_turn_if_it_can_back_out_as_it_came() -> None:
    state, robot, points, floor = beside()
    assert escaping.cut_off_by(state, robot, BESIDE)[1] == {"r1"}
    escape, others = escaping.cut_off_by(state, robot, BESIDE, (points, floor))
    assert not others and escape.first_backs >= 2 and not escape.is_on(state.under(state.robots["r1"]))
    # As it asks again, for its head say, it is the same; for another floor it is another.
    assert escaping.cut_off_by(state, robot, BESIDE, (points, floor))[0] is escape
    assert escaping.cut_off_by(state, robot, BESIDE, (points, floor.buffer(0.1)))[0] is not escape


def test_a_long_one_that_never_reverses_is_not_let_to_where_it_has_no_room_to_turn() -> None:
    state, robot, points, floor = beside(profile_reverses=False)
    assert escaping.cut_off_by(state, robot, BESIDE, (points, floor))[1] == {"r1"}


def test_a_robot_that_stands_in_the_way_of_one_that_backs_out_depends_on_nobody_less() -> None:
    state, robot, points, floor = beside()
    state.traffic.close("spill", Point(1.6, 4.0).buffer(0.2))
    state.escapes.fix("spill", Point(1.6, 4.0).buffer(0.2))
    assert escaping.cut_off_by(state, robot, BESIDE, (points, floor))[1]


@pytest.mark.parametrize("stopped", [BESIDE, Pose(1.6, 3.0, math.pi / 2), Pose(1.75, 2.1, math.pi / 2 + 0.1)], ids=str)
def test_a_long_one_backs_out_also_once_it_stands_there_or_stopped_on_its_way(stopped: Pose) -> None:
    state, robot, points, floor = beside()
    escape, _ = escaping.cut_off_by(state, robot, BESIDE, (points, floor))
    state.escapes.put("r2", escape)
    robot.pose = stopped
    escaping.follow(state)
    assert "r2" not in state.escapes.cut_off()
    # From there it is let go on, back out of there or further in.
    onwards = np.array([(stopped.x_m, stopped.y_m), (stopped.x_m, stopped.y_m + 0.2)])
    on = floor_along(robot.spec.profile.footprint, onwards, headings_along(onwards), MARGIN_M)
    end = replace(stopped, y_m=stopped.y_m + 0.2)
    assert not escaping.cut_off_by(state, robot, end, (onwards, on.union(robot.floor_at(stopped))))[1]


def test_a_long_one_that_was_put_elsewhere_does_not_back_out_of_where_it_was() -> None:
    state, robot, points, floor = beside()
    state.escapes.put("r2", escaping.cut_off_by(state, robot, BESIDE, (points, floor))[0])
    robot.pose = replace(BESIDE, yaw_rad=-math.pi / 2, y_m=2.6)
    escaping.follow(state)
    known = state.escapes.of("r2")
    assert known is not None and known.first_backs == 0


def test_a_long_one_of_a_ring_drives_home_only_if_nobody_wants_the_floor_before_its_dock() -> None:
    state = side_by_side(1.3).controller._state
    one, other = state.robots["r1"], state.robots["r2"]
    one.pose, other.pose = Pose(1.0, 6.5, -math.pi / 2), Pose(6.0, 5.0, 0.0)
    free = yielding._free(state, other)
    staging = state.store.floor.dock("d2").staging
    for x, wanted in ((staging.x_m, True), (4.0, False)):
        lane = Stretch(LegKind.CLEAN, np.array([(x, 6.0), (x, 2.0)]), np.zeros(2))
        one.itinerary, one.place = Itinerary((lane,)), Place()
        assert (yielding._steered_home(state, other, free) is None) == wanted


def test_a_long_one_goes_round_only_to_where_it_may_rest() -> None:
    state, robot, points, _ = beside()
    way = (Stretch(LegKind.TRANSIT, points, np.zeros(2), reverse=True),)
    assert yielding._may_rest(state, robot, way, BESIDE)
    robot.spec = replace(robot.spec, profile=replace(robot.spec.profile, reverses=False))
    robot.came = ()
    assert not yielding._may_rest(state, robot, way, BESIDE)
    # A disc is let go round as ever: it is asked again when it wants its next piece.
    assert yielding._may_rest(state, state.robots["r1"], way, BESIDE)
