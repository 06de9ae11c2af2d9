"""Robots that came to stand too near to each other drive apart by themselves, and never nearer."""

from __future__ import annotations

import math

import pytest
from control_site import robot_of, run_of, site, until_ended
from shapely import LineString

from robot_fleet.control.parting import parts_from, too_near
from robot_fleet.fleet.states import RobotState, RunState
from robot_fleet.floor.pose import Pose
from robot_fleet.sim.realism import EXECUTED
from robot_fleet.sim.site import VirtualSite

MIDDLE = Pose(6.0, 4.0)


def both_pressed(made: VirtualSite, apart_m: float, at: Pose = MIDDLE, towards_rad: float = 0.3) -> None:
    """In mid-run both e-stops are pressed, and somebody pushes the robots together."""
    made.controller.start_run((), "")
    made.advance(40.0)
    for name in ("r1", "r2"):
        made.world.press_e_stop(name)
    made.advance(4.0)
    beside = Pose(at.x_m + apart_m * math.cos(towards_rad), at.y_m + apart_m * math.sin(towards_rad))
    made.world.robots["r1"].motion.pose, made.world.robots["r2"].motion.pose = at, beside
    made.advance(2.0)


def acknowledge(made: VirtualSite, name: str) -> None:
    made.world.release(name)
    made.advance(1.0)
    made.controller.acknowledge(name, "somebody")


def how_near_m(made: VirtualSite) -> float:
    one, other = (robot.pose for robot in made.world.robots.values())
    return one.distance_m(other)


@pytest.mark.parametrize("apart_m", [0.72, 0.80, 0.90])
def test_two_robots_that_stand_too_near_to_each_other_drive_apart_and_finish_the_run(apart_m: float) -> None:
    made = site()
    both_pressed(made, apart_m)
    for name in ("r1", "r2"):
        acknowledge(made, name)
    nearest_m = math.inf
    while how_near_m(made) < 1.5 and made.world.now_s < 300.0:
        made.advance(0.2)
        nearest_m = min(nearest_m, how_near_m(made))
    assert nearest_m > apart_m - 0.02
    assert until_ended(made).state is RunState.COMPLETED
    assert not made.world.collisions and run_of(made).cleaned_m2 > 70.0


def test_one_drives_away_from_another_that_stays_held_and_does_not_brake_before_it() -> None:
    made = site()
    both_pressed(made, 0.75, Pose(6.0, 0.45), math.pi / 2)
    acknowledge(made, "r2")
    made.advance(60.0)
    assert how_near_m(made) > 1.5 and robot_of(made, "r1").state is RobotState.HELD
    assert not any("brakes" in line for line in made.run_store.journal)  # type: ignore[attr-defined]
    assert not made.world.collisions


def test_no_way_past_the_other_or_from_one_that_drives_parts_from_it() -> None:
    made = site(EXECUTED)
    both_pressed(made, 0.75, towards_rad=0.0)
    state = made.controller._state
    robot, other = state.robots["r1"], state.robots["r2"]
    at = state.under(robot).centroid
    ways = (LineString([at, (at.x - 1.0, at.y)]), LineString([at, (at.x, at.y + 1.0), (8.0, at.y + 1.0)]))
    away, past = (way.buffer(0.47) for way in ways)
    assert too_near(state, robot) == {"r2"}
    assert parts_from(state, robot, away) == {"r2"} and not parts_from(state, robot, past)
    acknowledge(made, "r2")
    while other.order is None:
        made.advance(0.2)
    assert not parts_from(state, robot, away)
