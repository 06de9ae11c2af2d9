"""Floor that lies partly under a robot that stays: what can be had of it is cleaned, close up to the robot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from control_site import _times, by_hand, hall, site, until_ended
from shapely import box

from robot_fleet.control.state import FleetState
from robot_fleet.control.ways import end_of, floor_of_way, length_m
from robot_fleet.control.yielding import PATIENCE_S, _free, _route, give_way, make_room
from robot_fleet.fleet.itinerary import Itinerary, Stretch
from robot_fleet.floor.pose import Pose
from robot_fleet.planning.plan import CoveragePath, Leg, LegKind, Plan, PlanRequest
from robot_fleet.sim.realism import EXECUTED
from robot_fleet.sim.site import VirtualSite

LANE_X, NEAR_Y, FAR_Y = 0.45, 2.9, 4.1
# r2 rests at y = 2.4: with what both must keep free, r1 gets as near as 0.9 m.
REACHED_Y = 3.4


def lane_past_the_dock(request: PlanRequest, begins_near: bool, far_y: float = FAR_Y) -> Plan:
    """A plan in which r1 has one lane: it begins, or ends, so near to the dock of r2 that it cannot be driven in full.

    Plans of the rest have nothing to clean.
    """
    if request.cleaned is not None:
        return by_hand(replace(request, cleaned=np.ones(request.floor.grid.shape, dtype=bool)))
    ends = np.array([[LANE_X, NEAR_Y], [LANE_X, far_y]])
    lane = ends if begins_near else ends[::-1]
    plan = by_hand(request)
    path = next(path for path in plan.paths if path.robot == "r1")
    undock = path.legs[0]
    staging, dock = np.array([1.3, 1.0]), np.array([0.6, 1.0])
    ways = [
        (LegKind.TRANSIT, [staging, [1.4, lane[0][1]], lane[0]]), (LegKind.CLEAN, lane),
        (LegKind.TRANSIT, [lane[-1], [1.4, lane[-1][1]], staging]), (LegKind.DOCK, [staging, dock]),
    ]  # fmt: skip
    legs = [
        Leg(f"{request.leg_prefix}r1-{k}", kind, np.array(points), _times(np.array(points)), "west", False)
        for k, (kind, points) in enumerate(ways)
    ]
    return replace(plan, paths=(CoveragePath("r1", (undock, *legs)), CoveragePath("r2", ())))


def share_cleaned(made: VirtualSite, from_y: float, to_y: float) -> float:
    """How much of that part of the lane is clean, but for its ends."""
    cells = made.store.floor.grid.cells_at([(LANE_X, y) for y in np.arange(from_y + 0.1, to_y, 0.05)])
    return float(made.world.truth.cleaned[cells[:, 0], cells[:, 1]].mean())


@pytest.mark.parametrize("begins_near", [True, False])
def test_a_lane_that_a_resting_robot_bars_in_part_is_cleaned_up_to_it(begins_near: bool) -> None:
    made = VirtualSite(hall(), lambda request: lane_past_the_dock(request, begins_near), EXECUTED)
    made.advance(3.0)
    made.controller.start_run((), "")
    until_ended(made, 900.0)
    assert share_cleaned(made, REACHED_Y, FAR_Y) > 0.8
    assert made.world.robots["r2"].docked_at == made.store.floor.dock("d2")


def test_a_lane_that_is_barred_at_both_ends_is_cleaned_between_them_though_that_is_short() -> None:
    made = VirtualSite(hall(), lambda request: lane_past_the_dock(request, True, 6.5), EXECUTED)
    made.advance(3.0)
    made.controller.close_floor("spill", box(0.0, 4.9, 1.0, 7.0))
    made.controller.start_run((), "")
    until_ended(made, 900.0)
    assert share_cleaned(made, REACHED_Y, 4.3) > 0.8


def test_a_way_past_a_resting_robot_keeps_clear_of_it_by_as_much_as_its_floor_wavers() -> None:
    made = site()
    made.world.robots["r1"].motion.pose = Pose(3.0, 4.0)
    made.world.robots["r2"].motion.pose = Pose(6.0, 4.0)
    made.advance(3.0)
    state = made.controller._state
    robot, rests = state.robots["r1"], state.traffic.held("r2")
    way = _route(state, robot, _free(state, robot), Pose(9.0, 4.0))
    assert way is not None and length_m(way) < 8.0
    assert floor_of_way(robot, way).distance(rests) > 0.03


@pytest.mark.parametrize("beside_m", [0.0, 0.1, 0.2, 0.3])
def test_a_robot_that_makes_room_is_out_of_the_way_though_it_stops_short_of_where_it_is_sent(beside_m: float) -> None:
    made = site()
    made.world.robots["r1"].motion.pose = Pose(3.0, 4.0)
    made.world.robots["r2"].motion.pose = Pose(5.0, 4.0 + beside_m)
    made.advance(3.0)
    state = made.controller._state
    waits, robot = state.robots["r1"], state.robots["r2"]
    lane = np.array([[3.0, 4.0], [9.0, 4.0]])
    waits.itinerary, waits.waiting_since_s = Itinerary((Stretch(LegKind.CLEAN, lane, _times(lane)),)), state.now_s
    assert make_room(state, robot, _free(state, robot)) and robot.itinerary is not None
    aside = state.under(robot, end_of(robot.itinerary.stretches[0]))
    assert aside.distance(waits.floor_of(waits.next_piece())) > robot.spec.profile.goal_tolerance_m


def head_on(busier: str, waits_s: Mapping[str, float]) -> FleetState:
    """Robots r1 and r2 on one line, each with its lane through the other, that have waited so long; one has more to do."""
    made = site()
    for name, x in (("r1", 3.0), ("r2", 5.0)):
        made.world.robots[name].motion.pose = Pose(x, 4.0)
    made.advance(3.0)
    state = made.controller._state
    for name, ends in (("r1", [[3.0, 4.0], [9.0, 4.0]]), ("r2", [[5.0, 4.0], [1.0, 4.0]])):
        lane = np.array([*ends, [2.0, 7.0]] if name == busier else ends)
        robot = state.robots[name]
        robot.itinerary = Itinerary((Stretch(LegKind.CLEAN, lane, _times(lane)),))
        robot.waiting_since_s = state.now_s - waits_s[name]
        state.traffic.wait(name, state.traffic.blockers(name, robot.floor_of(robot.next_piece())))
    return state


def makes_room(state: FleetState, name: str) -> bool:
    """Whether that robot yields when it is its turn."""
    state._searched_at_s = -1.0
    give_way(state, state.robots[name])
    return bool(state.robots[name].yields_to)


@pytest.mark.parametrize("busier", ["r1", "r2"])
def test_of_two_that_meet_head_on_the_one_with_less_to_do_makes_room(busier: str) -> None:
    state = head_on(busier, {"r1": PATIENCE_S, "r2": PATIENCE_S})
    moved = [name for name in ("r1", "r2") if makes_room(state, name)]
    assert moved == [name for name in ("r1", "r2") if name != busier]


@pytest.mark.parametrize(
    ("first_s", "own_s", "moves"),
    [
        (1.0, 11.0 * PATIENCE_S, False),
        (5.0 * PATIENCE_S, 5.0 * PATIENCE_S, True),
        # The other begins to wait again and again, as one does that tries ways in vain.
        (1.0, 13.0 * PATIENCE_S, True),
    ],
)
def test_the_busier_of_a_ring_moves_when_the_other_or_itself_has_waited_long(
    first_s: float, own_s: float, moves: bool
) -> None:
    assert makes_room(head_on("r2", {"r1": first_s, "r2": own_s}), "r2") is moves
