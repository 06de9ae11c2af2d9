"""The simulated world knows what truly got clean and who touched what."""

from __future__ import annotations

import math

import numpy as np
import pytest

from robot_fleet.fleet.commands import CancelAll, Follow, SwitchHead, Undock
from robot_fleet.fleet.events import Event, HoldReported, LegEnded, Outcome
from robot_fleet.floor.grid import OCCUPIED, OccupancyGrid
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.profile import REFERENCE_R, SCRUBBER_S, WORKING_W, RobotProfile
from robot_fleet.floor.store import Dock, FloorMap, RobotSpec, Store
from robot_fleet.sim.realism import EXECUTED, PERFECT, Realism
from robot_fleet.sim.world import World


def room(*docks: Pose, profile: RobotProfile = WORKING_W) -> Store:
    """A room of 10 x 6 m with walls of one cell and a shelf of 0.6 x 2 m in its middle."""
    cells = np.zeros((120, 200), dtype=np.int8)
    cells[[0, -1], :] = cells[:, [0, -1]] = OCCUPIED
    cells[40:80, 94:106] = OCCUPIED
    places = tuple(Dock(f"d{i}", pose) for i, pose in enumerate(docks, start=1))
    robots = tuple(RobotSpec(f"r{i}", profile, f"d{i}", f"/r{i}") for i in range(1, len(docks) + 1))
    return Store(FloorMap("room", OccupancyGrid(cells, 0.05, Pose(0, 0)), docks=places), robots)


def run(world: World, seconds: float) -> list[Event]:
    return [event for _ in range(round(seconds / 0.05)) for event in world.step(0.05)]


def follow(robot: str, *points: tuple[float, float]) -> Follow:
    return Follow(robot, "leg", np.array(points))


@pytest.mark.parametrize("realism", [PERFECT, EXECUTED])
def test_truth_is_the_floor_that_a_running_head_passed_over(realism: Realism) -> None:
    world = World(room(Pose(1, 1)), realism)
    world.command(SwitchHead("r1", True))
    world.command(follow("r1", (1, 1), (4, 1)))
    run(world, 4.0)
    world.command(SwitchHead("r1", False))
    cleaned_to_x_m = world.robots["r1"].pose.x_m
    run(world, 10.0)
    assert world.truth.cleaned_m2 == pytest.approx(0.7 * (cleaned_to_x_m - 1), abs=0.08)
    assert world.scrubbed_m2["r1"] == pytest.approx(world.truth.cleaned_m2, abs=0.08)
    assert world.distance_m["r1"] == pytest.approx(3.0, abs=0.1)
    assert world.tracks["r1"][-1][1] == pytest.approx(world.robots["r1"].pose.x_m, abs=0.2)
    assert world.collisions == []


def test_floor_that_is_cleaned_twice_counts_as_scrubbed_twice() -> None:
    world = World(room(Pose(1, 1)), PERFECT)
    world.command(SwitchHead("r1", True))
    world.command(follow("r1", (1, 1), (4, 1), (1, 1)))
    run(world, 40.0)
    assert world.scrubbed_m2["r1"] == pytest.approx(2 * world.truth.cleaned_m2, rel=0.25)


def test_driving_along_a_shelf_with_the_clearance_touches_nothing() -> None:
    world = World(room(Pose(1, 3)), EXECUTED, seed=4)
    world.command(follow("r1", (1, 3), (1, 1.6), (9, 1.6), (9, 4.4), (1, 4.4)))
    run(world, 90.0)
    assert world.collisions == []
    assert world.robots["r1"].pose.distance_m(Pose(1, 4.4)) < 0.25


def test_driving_into_a_shelf_is_a_collision_that_holds_the_robot() -> None:
    world = World(room(Pose(1, 3)))
    world.command(follow("r1", (1, 3), (9, 3)))
    events = run(world, 20.0)
    (collision,) = world.collisions
    assert (collision.robot, collision.other) == ("r1", "obstacle")
    assert collision.pose.x_m == pytest.approx(4.7 - 0.35 + 0.01, abs=0.03)
    assert world.robots["r1"].motion.at_rest
    assert any(isinstance(event, HoldReported) and event.reason == "contact" for event in events)
    assert [event.outcome for event in events if isinstance(event, LegEnded)] == [Outcome.ABORTED]


def test_two_robots_that_meet_collide_and_both_are_held() -> None:
    world = World(room(Pose(1, 1), Pose(9, 1, math.pi)), seed=1)
    world.command(follow("r1", (1, 1), (9, 1)))
    world.command(follow("r2", (9, 1), (1, 1)))
    run(world, 20.0)
    assert sorted((touch.robot, touch.other) for touch in world.collisions) == [("r1", "r2"), ("r2", "r1")]
    gap = world.robots["r1"].pose.distance_m(world.robots["r2"].pose)
    assert gap == pytest.approx(0.69, abs=0.06)
    assert {robot.hold for robot in world.robots.values()} == {"contact"}


def test_a_robot_that_is_run_into_while_it_stands_is_not_the_one_that_collided() -> None:
    world = World(room(Pose(1, 1), Pose(5, 1)))
    world.command(follow("r1", (1, 1), (9, 1)))
    run(world, 20.0)
    assert [(touch.robot, touch.other) for touch in world.collisions] == [("r1", "r2")]
    assert not world.robots["r2"].hold


def test_a_corner_of_a_polygon_that_sweeps_over_a_wall_is_a_collision() -> None:
    beside_the_wall = Pose(1.5, 0.6)
    world = World(room(beside_the_wall, profile=SCRUBBER_S))
    run(world, 0.1)
    world.command(follow("r1", (1.5, 0.6), (1.5, 4.0)))
    run(world, 3.0)
    (collision,) = world.collisions
    assert collision.other == "obstacle"
    assert 0.0 < collision.pose.yaw_rad < math.pi / 2


def test_an_unknown_robot_takes_no_command() -> None:
    world = World(room(Pose(1, 1)))
    world.command(CancelAll("nobody"))
    assert all(event.robot == "r1" for event in run(world, 0.1))  # type: ignore[union-attr]


def test_a_world_can_hold_some_of_the_robots_and_their_noise_is_their_own() -> None:
    store = room(Pose(1, 1), Pose(9, 1, math.pi), profile=REFERENCE_R)
    both, alone = World(store, EXECUTED, seed=7), World(store, EXECUTED, seed=7, names=["r2"])
    for world in (both, alone):
        world.command(Undock("r2", "out", store.floor.dock("d2")))
        world.command(follow("r2", (9, 1), (9, 5), (7, 5)))
        run(world, 12.0)
    assert both.robots["r2"].pose == alone.robots["r2"].pose


def test_a_dead_robot_stays_an_obstacle() -> None:
    world = World(room(Pose(1, 1), Pose(5, 1)))
    world.kill("r2")
    world.command(follow("r1", (1, 1), (9, 1)))
    run(world, 20.0)
    assert [(touch.robot, touch.other) for touch in world.collisions] == [("r1", "r2")]


def test_an_e_stop_ends_what_gets_clean() -> None:
    world = World(room(Pose(1, 1)))
    world.command(SwitchHead("r1", True))
    world.command(follow("r1", (1, 1), (4, 1)))
    run(world, 3.0)
    here = world.robots["r1"].pose.x_m
    world.press_e_stop("r1")
    run(world, 3.0)
    assert world.robots["r1"].pose.x_m > here + 0.1
    assert world.truth.cleaned_m2 == pytest.approx(0.7 * (here - 1), abs=0.04)
    world.release("r1")
    assert not world.robots["r1"].hold
