"""How a robot sets out on a lane from where it stopped: near by the lane begins where it stands, from afar it is led there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from control_site import hall

from robot_fleet.control.dispatch import OFF_PATH_M, advance
from robot_fleet.control.state import FleetState
from robot_fleet.fleet.commands import Follow
from robot_fleet.fleet.entities import CleaningRun, Robot
from robot_fleet.fleet.itinerary import Itinerary, Place, Stretch
from robot_fleet.fleet.states import RobotState
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.store import Store
from robot_fleet.planning.plan import LegKind

LANE = np.array([(5.0, 3.0), (5.0, 6.0)])
TOLERANCE_M = hall().robots[0].profile.goal_tolerance_m


class _Clock:
    def now_s(self) -> float:
        return 0.0

    def wall_s(self) -> float:
        return 0.0

    def steady_s(self) -> float:
        return 0.0


def _setting_out(pose: Pose, kind: LegKind = LegKind.CLEAN, store: Store | None = None) -> tuple[FleetState, Robot]:
    """A robot whose head is as it is to be, with its next order for a lane if it was given one."""
    state = FleetState(store or hall(), _Clock())
    robot = state.robots["r1"]
    robot.state, robot.cancel_due, robot.pose = RobotState.CLEANING, False, pose
    robot.itinerary = Itinerary((Stretch(kind, LANE, np.array([10.0, 16.0])),))
    run = CleaningRun("run", "", ("west",), ("r1", "r2"), (), (), 0.0)
    for head_on in (kind is LegKind.CLEAN, False):
        robot.head_on = head_on
        advance(state, run, robot)
        advance(state, run, robot)
    return state, robot


def _only_order(state: FleetState) -> Follow:
    (order,) = [command for command in state.effects.commands if isinstance(command, Follow)]
    return order


@pytest.mark.parametrize("off", [(0.0, -0.4), (0.45, 0.0), (-0.3, 0.3)])
def test_a_lane_that_begins_near_by_begins_where_the_robot_stands_in_one_order(off: tuple[float, float]) -> None:
    state, robot = _setting_out(Pose(LANE[0][0] + off[0], LANE[0][1] + off[1], 1.57))
    order = _only_order(state)
    assert robot.order is not None and robot.order.piece.kind is LegKind.CLEAN
    assert np.allclose(order.points[0], LANE[0] + off, atol=0.05)
    assert np.allclose(order.points[-1], LANE[-1])
    # Nothing of the lane is left out.
    assert np.abs(order.points - LANE[0]).sum(axis=1).min() < 1e-6


@pytest.mark.parametrize("away_m", [OFF_PATH_M + TOLERANCE_M + 0.1, 3.0])
def test_a_lane_that_begins_farther_off_is_driven_to_with_the_head_off(away_m: float) -> None:
    state, robot = _setting_out(Pose(LANE[0][0] - away_m, LANE[0][1], 0.0))
    order = _only_order(state)
    assert robot.order is not None and robot.order.piece.kind is LegKind.TRANSIT
    assert np.allclose(order.points[-1], LANE[0], atol=0.05)


def test_a_way_that_is_driven_with_the_head_off_is_led_to() -> None:
    _, robot = _setting_out(Pose(LANE[0][0] - 0.4, LANE[0][1], 0.0), LegKind.TRANSIT)
    assert robot.itinerary is not None and len(robot.itinerary.stretches) == 2


def test_a_robot_that_must_be_steered_is_led_to_its_lane_however_near_that_begins() -> None:
    store = hall()
    spec = store.robots[0]
    steered = replace(spec, profile=replace(spec.profile, least_radius_m=0.5))
    assert steered.profile.is_steered
    _, robot = _setting_out(
        Pose(LANE[0][0] - 0.1, LANE[0][1] - 0.4, 1.57), store=replace(store, robots=(steered, store.robots[1]))
    )
    assert robot.itinerary is not None
    assert robot.itinerary.stretches[0].kind is LegKind.TRANSIT


def test_an_itinerary_that_is_begun_with_a_way_goes_on_as_before_and_at_the_same_time_of_the_plan() -> None:
    before = Itinerary(
        (
            Stretch(LegKind.CLEAN, LANE, np.array([10.0, 16.0])),
            Stretch(LegKind.TRANSIT, LANE[::-1], np.array([16.0, 22.0])),
        )
    )
    begun = before.begun_with(np.array([(4.6, 3.0), (4.8, 3.0), (5.0, 3.0)]), Place(0, 1.0))
    first, second = begun.stretches
    assert first.kind is LegKind.CLEAN and second is before.stretches[1]
    assert np.allclose(first.points[[0, -1]], [(4.6, 3.0), (5.0, 6.0)])
    assert first.times_s[0] == first.times_s[2] == 12.0 and first.times_s[-1] == 16.0
