"""Two robots whose docks lie at the ends of one narrow aisle: nobody is let in who could not get home again."""

from __future__ import annotations

import math
from dataclasses import replace

import networkx as nx
import numpy as np
import pytest
from control_site import by_hand, hall
from control_site import site as hall_site
from shapely import LineString, box

from robot_fleet.control.dispatch import _granted
from robot_fleet.control.escaping import cut_off_by
from robot_fleet.fleet.entities import Order
from robot_fleet.fleet.itinerary import Piece, Place
from robot_fleet.fleet.states import RobotState, RunState
from robot_fleet.floor.grid import OccupancyGrid
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.profile import REFERENCE_R
from robot_fleet.floor.store import Dock, FloorMap, RobotSpec, Store, Zone
from robot_fleet.planning.plan import CoveragePath, Leg, LegKind, Plan, PlanRequest
from robot_fleet.sim.realism import EXECUTED
from robot_fleet.sim.site import VirtualSite

WEST, EAST, AISLE_Y = 4.0, 24.0, 2.0


def aisle() -> Store:
    """An aisle of 20 m in which no two robots pass each other, between two bays of 4 x 4 m with a dock each."""
    cells = np.full((80, 560), 100, dtype=np.int8)
    cells[2:78, 2:80] = cells[2:78, 480:558] = 0
    cells[25:55, 80:480] = 0
    docks = (Dock("west", Pose(0.7, 3.0, math.pi)), Dock("east", Pose(27.3, 1.0, 0.0)))
    floor = FloorMap("aisle", OccupancyGrid(cells, 0.05, Pose(0, 0, 0)), (Zone("all", box(0, 0, 28, 4)),), (), docks)
    return Store(floor, (RobotSpec("r1", REFERENCE_R, "west", "r1"), RobotSpec("r2", REFERENCE_R, "east", "r2")))


def through_and_back(request: PlanRequest) -> Plan:
    """Each robot cleans the whole aisle from its side and comes back by it."""
    paths = []
    for robot in request.robots:
        assert robot.dock is not None
        home, staging = ((pose.x_m, pose.y_m) for pose in (robot.dock.pose, robot.dock.staging))
        near, far = (WEST, EAST) if home[0] < 14.0 else (EAST, WEST)
        beyond = far + math.copysign(1.5, far - near)
        ways = [
            (LegKind.UNDOCK, (home, staging)), (LegKind.TRANSIT, (staging, (near, AISLE_Y))),
            (LegKind.CLEAN, ((near, AISLE_Y), (beyond, AISLE_Y))),
            (LegKind.TRANSIT, ((beyond, AISLE_Y), (near, AISLE_Y), staging)),
            (LegKind.DOCK, (staging, home)),
        ]  # fmt: skip
        begun = bool(request.cleaned is not None and request.cleaned[40, 100:460].mean() > 0.9)
        legs = (
            []
            if begun
            else [(kind, np.array(points)) for kind, points in ways if kind is not LegKind.UNDOCK or robot.docked]
        )
        times = np.cumsum([0.0, *(60.0 for _ in legs)])
        paths.append(CoveragePath(robot.name, tuple(
            Leg(f"{request.leg_prefix}{robot.name}-{k}", kind, points, np.linspace(times[k], times[k + 1], len(points)))
            for k, (kind, points) in enumerate(legs)
        )))  # fmt: skip
    asked_m2 = float(request.floor.requested(request.zones).sum()) * request.floor.grid.cell_area_m2
    return Plan("aisle", request.zones, tuple(paths), (), asked_m2, asked_m2, asked_m2, 100.0)


def site() -> VirtualSite:
    made = VirtualSite(aisle(), through_and_back, EXECUTED)
    made.advance(3.0)
    return made


def test_in_an_aisle_too_narrow_to_pass_one_robot_backs_out_and_nobody_is_ever_locked_in() -> None:
    made = site()
    made.controller.start_run((), "night")
    state, met = made.controller._state, False
    while not made.controller.snapshot.runs[-1].state.is_terminal and made.world.now_s < 1500.0:
        made.advance(0.5)
        graph = nx.DiGraph([(one, other) for one, others in state.traffic.waiting.items() for other in others])
        assert nx.is_directed_acyclic_graph(graph)
        assert not state.escapes.cut_off()
        met |= all(WEST < robot.motion.pose.x_m < EAST for robot in made.world.robots.values())
    assert met
    assert made.controller.snapshot.runs[-1].state is RunState.COMPLETED
    assert not made.world.collisions
    assert all(robot.docked_at for robot in made.world.robots.values())
    # Both have driven through, one after the other.
    tracks = made.controller.record(made.controller.snapshot.runs[-1].run_id).tracks
    assert tracks["r1"][:, 1].max() > EAST
    assert tracks["r2"][:, 1].min() < WEST + 1.0


def test_nobody_is_let_into_the_aisle_while_another_is_in_it_and_both_would_shut_each_other_in() -> None:
    made = site()
    state = made.controller._state
    west, east = state.robots["r1"], state.robots["r2"]
    # Each has come to the other's side: the way home leads through the aisle for both.
    west.pose, east.pose = Pose(26.0, 3.0), Pose(2.0, 1.0)
    for robot in (west, east):
        state.traffic.settle(robot.name, state.under(robot))
    home = into_aisle((26.0, 3.0), 20.0)
    assert _granted(state, west, home)
    west.order = Order("home", home, 100.0)
    assert not _granted(state, east, into_aisle((2.0, 1.0), 8.0))
    assert state.traffic.waits_for("r2") == {"r1"}
    assert not state.escapes.cut_off()
    # Once the other is through it may go.
    west.pose, west.order = Pose(2.0, 3.0), None
    state.traffic.settle("r1", state.under(west))
    assert _granted(state, east, into_aisle((2.0, 1.0), 8.0))


def into_aisle(begin: tuple[float, float], to_x: float) -> Piece:
    """A drive from a bay to a place in the aisle."""
    mouth = WEST if begin[0] < 14.0 else EAST
    points = np.array([begin, (mouth, AISLE_Y), (to_x, AISLE_Y)])
    return Piece(LegKind.TRANSIT, Place(), float(np.hypot(*np.diff(points, axis=0).T).sum()), points)


def test_a_robot_behind_a_dead_one_is_told_to_be_trapped_until_that_one_is_taken_away() -> None:
    made = site()
    made.controller.start_run((), "night", ("r1",))
    for _ in range(200):
        made.advance(1.0)
        if made.world.robots["r1"].motion.pose.x_m > EAST + 0.5:
            break
    assert made.world.robots["r1"].motion.pose.x_m > EAST + 0.5
    # Somebody has pushed the other one, which is held, into the aisle.
    made.world.press_e_stop("r2")
    pushed(made, "r2", Pose(14.0, AISLE_Y, 0.0))
    made.advance(30.0)
    assert "r2 stands in its only way home" in told(made)["trapped-r1"]
    pushed(made, "r2", made.store.floor.dock("east").pose)
    made.advance(30.0)
    assert "trapped-r1" not in told(made)


@pytest.mark.parametrize(("west_at_m", "east_at_m"), [(12.0, 16.0), (8.0, 20.0), (13.4, 14.6)])
def test_robots_that_were_stopped_in_an_aisle_each_before_the_others_way_home_make_room_and_both_get_home(
    west_at_m: float, east_at_m: float
) -> None:
    made = site()
    made.controller.start_run((), "night")
    made.advance(60.0)
    for robot in ("r1", "r2"):
        made.world.press_e_stop(robot)
    made.advance(5.0)
    # Nobody would have granted this: the one whose dock is in the west stands in the east of the other.
    pushed(made, "r1", Pose(east_at_m, AISLE_Y, 0.0))
    pushed(made, "r2", Pose(west_at_m, AISLE_Y, math.pi))
    made.advance(5.0)
    for robot in ("r1", "r2"):
        made.world.release(robot)
        made.advance(1.0)
        made.controller.acknowledge(robot, "somebody")
    cut_off: frozenset[str] = frozenset()
    while not made.controller.snapshot.runs[-1].state.is_terminal and made.world.now_s < 900.0:
        made.advance(1.0)
        cut_off |= made.controller._state.escapes.cut_off()
    assert cut_off == {"r1", "r2"} and not made.world.collisions
    assert made.controller.snapshot.runs[-1].state is RunState.COMPLETED
    assert all(robot.docked_at for robot in made.world.robots.values())


def pushed(made: VirtualSite, robot: str, to: Pose) -> None:
    """Somebody pushes a robot to another place."""
    made.world.robots[robot].motion.pose = to


def told(made: VirtualSite) -> dict[str, str]:
    """The texts of the alerts that hold."""
    return {alert.alert_id: alert.text for alert in made.controller.snapshot.alerts if alert.active}


def test_a_robot_whose_every_way_begins_on_another_ones_floor_drives_off_it_and_is_trapped_when_its_work_is_done() -> (
    None
):
    made = site()
    made.controller.start_run((), "night", ("r1",))
    while made.world.robots["r1"].motion.pose.x_m < 14.0:
        made.advance(1.0)
    made.world.press_e_stop("r2")
    made.world.press_e_stop("r1")
    pushed(made, "r2", Pose(made.world.robots["r1"].motion.pose.x_m - 0.7, AISLE_Y, 0.0))
    made.advance(5.0)
    made.world.release("r1")
    made.advance(1.0)
    made.controller.acknowledge("r1", "somebody")
    made.advance(10.0)
    assert "r2 stands in its only way home" in told(made)["trapped-r1"]
    made.advance(240.0)
    assert any('"trapped"' in line for line in made.run_store.journal) and not made.world.collisions
    assert made.controller.snapshot.runs[-1].state is RunState.COMPLETED
    assert made.world.robots["r1"].pose.x_m > EAST


def test_a_robot_that_a_dead_one_shuts_out_of_its_dock_may_work_wherever_nobody_else_is_the_worse_off() -> None:
    made = hall_site()
    state = made.controller._state
    robot, dead = state.robots["r1"], state.robots["r2"]
    dead.state, dead.pose = RobotState.OFFLINE, state.store.floor.dock("d1").staging
    state.traffic.settle("r2", state.under(dead))
    assert cut_off_by(state, robot, Pose(6.0, 1.0))[1] == frozenset()


def test_a_way_home_past_others_that_was_found_holds_while_the_same_floor_is_asked_for_again() -> None:
    made = hall_site()
    state = made.controller._state
    robot, dead = state.robots["r1"], state.robots["r2"]
    dead.state, dead.pose = RobotState.OFFLINE, Pose(3.0, 1.0)
    state.traffic.settle("r2", state.under(dead))
    beyond = Pose(6.0, 1.0)
    found, others = cut_off_by(state, robot, beyond)
    assert not others and found.way is not None
    # Within the same tick there is no time for another search: its head may have been reported on just now.
    assert cut_off_by(state, robot, beyond) == (found, frozenset())
    # It does not hold for another place, nor when somebody stands there.
    assert cut_off_by(state, robot, Pose(6.5, 1.0))[1] == {"r2"}
    dead.pose = Pose(*found.way[len(found.way) // 2].tolist())
    state.traffic.settle("r2", state.under(dead))
    assert cut_off_by(state, robot, beyond)[0] is not found


@pytest.mark.parametrize(
    ("name", "other", "end"), [("r1", "r2", Pose(0.6, 7.2, 0.0)), ("r2", "r1", Pose(0.6, 0.8, 0.0))]
)
def test_a_way_home_leads_past_the_dock_of_another_robot_even_while_that_is_out(
    name: str, other: str, end: Pose
) -> None:
    docks = (Dock("d1", Pose(0.6, 3.0, math.pi)), Dock("d2", Pose(0.6, 5.0, math.pi)))
    made = VirtualSite(replace(hall(), floor=replace(hall().floor, docks=docks)), by_hand, EXECUTED)
    made.advance(3.0)
    state = made.controller._state
    robot, away = state.robots[name], state.robots[other]
    away.pose = Pose(9.0, 4.0)
    state.traffic.settle(other, state.under(away))
    found, others = cut_off_by(state, robot, end)
    docked = away.floor_at(state.store.floor.dock(away.spec.dock).pose)
    assert not others and found.way is not None and LineString(found.way).distance(docked) > robot.radius_m
    # It would be shorter not to.
    assert LineString([(end.x_m, end.y_m), found.way[-2]]).distance(docked) < robot.radius_m
