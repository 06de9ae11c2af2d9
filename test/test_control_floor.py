"""Which floor a robot holds on its way: all that it may still be on, whatever it was last seen or heard to do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from control_site import hall
from shapely import LineString, Point

from robot_fleet.control.dispatch import advance
from robot_fleet.control.orders import watch
from robot_fleet.control.rest import ask_for_plan
from robot_fleet.control.robots import RobotReports
from robot_fleet.control.state import FleetState
from robot_fleet.fleet.entities import CleaningRun, Order, Robot
from robot_fleet.fleet.itinerary import Itinerary, Piece, Place, Stretch
from robot_fleet.fleet.states import RobotState
from robot_fleet.floor.grid import FREE, OCCUPIED
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.store import Store
from robot_fleet.planning.plan import LegKind


class _Clock:
    def now_s(self) -> float:
        return 0.0

    def wall_s(self) -> float:
        return 0.0

    def steady_s(self) -> float:
        return 0.0


def _robot(pose: Pose, at_s: float, store: Store | None = None) -> tuple[FleetState, Robot]:
    state = FleetState(store or hall(), _Clock())
    robot = state.robots["r1"]
    robot.state, robot.cancel_due, robot.pose, robot.pose_at_s = RobotState.CLEANING, False, pose, at_s
    return state, robot


def _run() -> CleaningRun:
    return CleaningRun("run", "", ("west",), ("r1", "r2"), (), (), 0.0)


def test_a_robot_that_came_to_rest_unseen_keeps_the_floor_ahead_while_it_waits_for_its_head() -> None:
    state, robot = _robot(Pose(3.0, 3.0), at_s=10.0)
    state.now_s, robot.rest_after_s, robot.head_on = 20.0, 11.6, True
    state.traffic.hold("r1", LineString([(3.0, 3.0), (6.0, 3.0)]).buffer(0.47))
    robot.itinerary = Itinerary((Stretch(LegKind.TRANSIT, np.array([(3.0, 3.0), (3.0, 6.0)]), np.zeros(2)),))
    advance(state, _run(), robot)
    assert robot.order is None and robot.head_asked_s == 20.0
    assert state.traffic.held("r1").covers(Point(3.5, 3.0).buffer(0.3))
    assert not state.traffic.held("r1").covers(Point(5.5, 3.0).buffer(0.3))


def test_a_robot_that_is_placed_anew_before_it_confirms_a_cancel_holds_where_it_stands_and_where_it_may_drive() -> None:
    state, robot = _robot(Pose(3.0, 6.0), at_s=10.0)
    state.traffic.hold("r1", LineString([(3.0, 3.0), (6.0, 3.0)]).buffer(0.47))
    robot.cancel_due = True
    RobotReports(state).tick(robot)
    assert state.traffic.held("r1").covers(Point(3.0, 6.0).buffer(robot.radius_m))
    assert state.traffic.held("r1").covers(Point(6.0, 3.0).buffer(robot.radius_m))
    robot.cancel_due = False
    RobotReports(state).tick(robot)
    assert not state.traffic.held("r1").intersects(Point(3.0, 3.0))


def _progress_m(way: list[tuple[float, float]], pose: Pose) -> float:
    """How far a robot is taken to be along a way that it has just been told to drive."""
    state, robot = _robot(pose, at_s=0.0)
    robot.order = Order("leg", Piece(LegKind.CLEAN, Place(), 4.0, np.array(way)), 1000.0)
    watch(state, robot)
    return robot.order.progress_m


def test_a_loop_that_comes_back_to_its_beginning_is_not_taken_to_be_driven() -> None:
    loop = [
        (3.0, 3.0),
        (2.95, 3.14),
        (2.99, 3.32),
        (3.13, 3.45),
        (3.35, 3.48),
        (3.45, 3.23),
        (3.35, 2.82),
        (3.1, 2.5),
        (2.0, 1.0),
    ]
    assert _progress_m(loop, Pose(3.16, 2.81, 2.2)) < 0.3


def test_a_lane_that_comes_back_beside_itself_is_not_taken_to_be_driven_by_one_that_turns_at_its_beginning() -> None:
    hairpin = [(3.0, 3.0), (3.0, 2.35), (2.97, 2.37), (2.85, 2.6), (2.78, 2.8), (2.76, 3.0), (2.8, 3.2), (3.0, 3.4)]
    assert _progress_m(hairpin, Pose(3.0, 2.97, 1.6)) < 0.2
    assert _progress_m(hairpin, Pose(2.98, 2.7, -1.6)) < 0.5


def test_the_way_that_a_hemmed_in_robot_tries_is_planned_for_the_others() -> None:
    state, robot = _robot(Pose(11.0, 7.0), at_s=0.0)
    other = state.robots["r2"]
    other.state, other.cancel_due, other.pose = RobotState.CHARGING, False, state.store.floor.dock("d2").pose
    way = np.array([(11.0, 7.0), (1.5, 7.0)])
    state.traffic.hold("r1", LineString(way).buffer(0.47))
    robot.give_ups, robot.order = 3, Order("leg", Piece(LegKind.TRANSIT, Place(), 9.5, way), 1000.0)
    ask_for_plan(state, _run())
    request = state.effects.plans[-1][2]
    assert [starter.name for starter in request.robots] == ["r2"]
    assert [polygon.distance(Point(11.0, 7.0)) for polygon in request.closed] == [0.0]
    assert request.closed[0].distance(Point(9.0, 7.0)) > 1.0


def test_the_rest_is_planned_without_a_robot_that_stands_where_no_plan_can_begin_and_with_it_once_it_does_not() -> None:
    store = hall()
    cells = store.floor.grid.cells.copy()
    cells[110:134, 150:174] = OCCUPIED
    cells[114:130, 154:170] = FREE  # 0.8 m wide: the robot fits, though not with its clearance, and comes no farther
    floor = replace(store.floor, grid=replace(store.floor.grid, cells=cells))
    state, robot = _robot(Pose(8.1, 6.1), at_s=0.0, store=replace(store, floor=floor))
    other = state.robots["r2"]
    other.state, other.cancel_due, other.pose = RobotState.CHARGING, False, state.store.floor.dock("d2").pose
    asked = []
    for pose in (Pose(8.1, 6.1), Pose(4.0, 4.0)):
        robot.pose = pose
        ask_for_plan(state, _run())
        asked.append([starter.name for starter in state.effects.plans[-1][2].robots])
    assert asked == [["r2"], ["r1", "r2"]]
    # Alone it is planned for all the same, and does not ask for that again by itself.
    other.state, robot.pose = RobotState.HELD, Pose(8.1, 6.1)
    ask_for_plan(state, _run())
    assert [starter.name for starter in state.effects.plans[-1][2].robots] == ["r1"] and not robot.came_back
