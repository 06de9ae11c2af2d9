"""The tracker keeps robots on wheels on their paths: on ideal wheels, and in the physics of Gazebo."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from dart_world import DartBody, DartWorld
from gazebo_worlds import MAPS, store_of
from shapely import LineString, Point

from robot_fleet.fleet.commands import Follow, Undock
from robot_fleet.fleet.events import LegEnded, Outcome
from robot_fleet.floor.footprint import Footprint
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.profile import SCRUBBER_S, WORKING_W, Head, RobotProfile
from robot_fleet.floor.store import Store
from robot_fleet.main.gazebo_world import WorldSettings, write_world_of
from robot_fleet.main.stores import load
from robot_fleet.planning.plan import LegKind, PlanRequest, Starter
from robot_fleet.planning.planner import plan
from robot_fleet.sim.robot import SimulatedRobot
from robot_fleet.sim.tracked import TrackedMotion
from robot_fleet.sim.tracker import Tracker

STEP_S = 0.05
CORNERS = np.array([[0.0, 0.0], [2.0, 0.0], [2.0, 2.0], [0.5, 2.0]])
BEND = np.array([(1 + 0.8 * math.sin(t), 0.8 - 0.8 * math.cos(t)) for t in np.linspace(0, math.pi, 40)])


class IdealBody:
    """Does exactly what it is told, at once."""

    def __init__(self, pose: Pose | None = None) -> None:
        self.pose: Pose = pose or Pose(0.0, 0.0)
        self.speed, self.rate, self.stuck = 0.0, 0.0, False

    def drive(self, speed_mps: float, yaw_rate_rps: float) -> None:
        self.speed, self.rate = speed_mps, yaw_rate_rps

    def advance(self, dt_s: float) -> None:
        if not self.stuck:
            self.pose = self.pose @ Pose(self.speed * dt_s, 0.0, self.rate * dt_s)


def driven(motion: TrackedMotion, body: IdealBody, limit_s: float = 300.0) -> list[Pose]:
    poses, passed = [body.pose], 0.0
    while not motion.at_rest:
        assert passed < limit_s
        motion.step(STEP_S)
        body.advance(STEP_S)
        poses.append(body.pose)
        passed += STEP_S
    return poses


def off_m(poses: list[Pose], points: np.ndarray) -> float:
    line = LineString(points)
    return max(line.distance(Point(pose.x_m, pose.y_m)) for pose in poses)


@pytest.mark.parametrize("profile", [WORKING_W, SCRUBBER_S], ids=lambda profile: profile.name)
@pytest.mark.parametrize("points", [CORNERS, np.vstack(([[0.0, 0.0]], BEND, [[-1.0, 1.6]]))], ids=["corners", "bend"])
def test_a_path_is_followed_to_its_end_within_the_limits(profile: RobotProfile, points: np.ndarray) -> None:
    body = IdealBody()
    motion = TrackedMotion(profile, body)
    motion.follow(points)
    poses = driven(motion, body)
    assert off_m(poses, points) < 0.03
    assert math.dist((body.pose.x_m, body.pose.y_m), points[-1]) < 0.03
    speeds = [a.distance_m(b) / STEP_S for a, b in pairwise(poses)]
    assert max(speeds) < profile.speed_mps + 1e-6
    assert max(b - a for a, b in pairwise(speeds)) < profile.acceleration_mps2 * STEP_S + 1e-6


@pytest.mark.parametrize("radius", [0.12, 0.2, 0.3])
def test_a_tight_half_turn_is_neither_cut_nor_left_wide(radius: float) -> None:
    """As at the end of a narrow aisle: the shelves are five centimetres away."""
    turn = [(1.0 + radius * math.sin(t), radius - radius * math.cos(t)) for t in np.linspace(0, math.pi, 25)]
    points = np.array([(0.0, 0.0), *turn, (0.0, 2 * radius)])
    body = IdealBody()
    motion = TrackedMotion(WORKING_W, body)
    motion.follow(points)
    assert off_m(driven(motion, body), points) < 0.03


def test_corners_are_reached_before_the_robot_turns() -> None:
    body = IdealBody()
    motion = TrackedMotion(WORKING_W, body)
    motion.follow(CORNERS)
    way = LineString([(pose.x_m, pose.y_m) for pose in driven(motion, body)])
    assert max(way.distance(Point(corner)) for corner in CORNERS) < 0.02


def test_backwards_is_backwards() -> None:
    body = IdealBody(Pose(0.0, 0.0, math.pi))
    motion = TrackedMotion(WORKING_W, body)
    motion.follow(np.array([[0.0, 0.0], [0.7, 0.0]]), reverse=True)
    poses = driven(motion, body)
    assert body.pose.distance_m(Pose(0.7, 0.0)) < 0.02
    assert all(abs(math.remainder(pose.yaw_rad - math.pi, math.tau)) < 0.1 for pose in poses)


def test_the_next_piece_is_driven_into_without_a_stop_and_a_brake_stops_on_the_path() -> None:
    body = IdealBody()
    motion = TrackedMotion(WORKING_W, body)
    motion.follow(np.array([[0.0, 0.0], [3.0, 0.0]]))
    for _ in range(60):
        motion.step(STEP_S)
        body.advance(STEP_S)
    assert motion.speed_mps == pytest.approx(0.5)
    motion.follow(np.array([[1.0, 0.0], [6.0, 0.0]]))
    motion.step(STEP_S)
    assert motion.speed_mps == pytest.approx(0.5)
    before = body.pose
    motion.brake()
    driven(motion, body)
    assert before.distance_m(body.pose) == pytest.approx(0.25, abs=0.05)


@pytest.mark.parametrize("seed", range(4))
def test_a_robot_that_is_looked_after_seldom_drives_slowly_and_keeps_to_its_path(seed: int) -> None:
    """On a busy machine it does for most of a second what it was last told, and shelves are five centimetres away."""
    rng = np.random.default_rng(seed)
    body = IdealBody()
    motion = TrackedMotion(WORKING_W, body)
    motion.follow(CORNERS)
    poses, since_s = [body.pose], STEP_S
    while not motion.at_rest:
        motion.step(since_s)
        since_s = STEP_S if rng.random() < 0.7 else STEP_S * rng.integers(1, 16)
        for _ in range(round(since_s / STEP_S)):
            body.advance(STEP_S)
            poses.append(body.pose)
    assert off_m(poses, CORNERS) < 0.05
    assert math.dist((body.pose.x_m, body.pose.y_m), CORNERS[-1]) < 0.05
    assert len(poses) * STEP_S < 90.0


@pytest.mark.parametrize("facing", [-2.8, -1.4, 0.5, 2.0])
@pytest.mark.parametrize("aside", [Pose(0.015, -0.014), Pose(-0.004, 0.019), Pose(0.03, 0.0), Pose(-0.01, 0.0)])
def test_a_path_of_two_centimetres_turns_the_robot_also_where_it_is_not_quite_there(facing: float, aside: Pose) -> None:
    """So a way is ended by a machine that is to face as told: its last part is as short as that."""
    body = IdealBody(aside)
    motion = TrackedMotion(SCRUBBER_S, body)
    motion.follow(np.array([(0.0, 0.0), (0.02 * math.cos(facing), 0.02 * math.sin(facing))]))
    driven(motion, body)
    assert abs(math.remainder(body.pose.yaw_rad - facing, math.tau)) < 0.05
    assert body.pose.distance_m(aside) < 0.03


@pytest.mark.parametrize("back", [False, True], ids=["ahead", "backwards"])
def test_at_the_end_of_a_bend_the_robot_faces_as_the_bend_does(back: bool) -> None:
    body = IdealBody(Pose(0.0, 0.0, math.pi if back else 0.0))
    motion = TrackedMotion(SCRUBBER_S, body)
    motion.follow(bend(Pose(0.0, 0.0), 1.0 / 0.9, 1.2), reverse=back)
    driven(motion, body)
    assert abs(math.remainder(body.pose.yaw_rad - 1.2 / 0.9 - math.pi * back, math.tau)) < 0.05


def bend(start: Pose, curvature: float, length: float) -> np.ndarray:
    """Points along an arc; a negative length leads back from where `start` faces."""
    turns = curvature * np.linspace(0.0, length, 30)
    places = [start @ Pose(math.sin(turn) / curvature, (1.0 - math.cos(turn)) / curvature) for turn in turns]
    return np.array([(place.x_m, place.y_m) for place in places])


def test_a_path_back_while_driving_is_taken_up_after_a_stop() -> None:
    body = IdealBody()
    motion = TrackedMotion(WORKING_W, body)
    motion.follow(np.array([[0.0, 0.0], [6.0, 0.0]]))
    for _ in range(60):
        motion.step(STEP_S)
        body.advance(STEP_S)
    motion.follow(np.array([[body.pose.x_m, 0.0], [0.0, 0.0]]))
    driven(motion, body)
    assert body.pose.distance_m(Pose(0.0, 0.0)) < 0.03


def test_a_robot_that_cannot_move_gives_up_and_one_that_was_put_elsewhere_stops() -> None:
    body = IdealBody()
    motion = TrackedMotion(WORKING_W, body)
    motion.follow(np.array([[0.0, 0.0], [3.0, 0.0]]))
    body.stuck = True
    driven(motion, body, limit_s=20.0)
    assert body.pose == Pose(0.0, 0.0)

    tracker = Tracker(WORKING_W)
    tracker.follow(Pose(0.0, 0.0), np.array([[0.0, 0.0], [9.0, 0.0]]))
    tracker.steer(Pose(0.0, 0.0), STEP_S)
    assert tracker.steer(Pose(0.0, 5.0), STEP_S).speed_mps == 0.0
    assert tracker.at_rest


def first_way(store: Store, metres: float) -> list[tuple[np.ndarray, bool]]:
    """What the first robot of a plan drives first, from its dock, leg by leg."""
    docks = {robot.name: store.floor.dock(robot.dock) for robot in store.robots}
    starters = tuple(Starter(r.name, r.profile, docks[r.name].pose, True, docks[r.name]) for r in store.robots)
    made = plan(PlanRequest(store.floor, starters, tuple(zone.name for zone in store.floor.zones), deadline_s=1.0))
    legs, left = [], metres
    for leg in made.paths[0].legs:
        if left <= 0.0 or leg.kind is LegKind.DOCK:
            break
        legs.append((leg.points[:, :2], leg.reverse or leg.kind is LegKind.UNDOCK))
        left -= LineString(leg.points[:, :2]).length
    return legs


@pytest.mark.parametrize("name", ["bookstore", "corner_shop_scan"])
def test_lanes_are_followed_within_five_centimetres_in_gazebos_physics(name: str, tmp_path: Path) -> None:
    store = store_of(name, 2)
    world = DartWorld(write_world_of(store, WorldSettings(Path(), tmp_path)).file)
    body = world.body(store.robots[0])
    world.advance(0.5)
    motion = TrackedMotion(store.robots[0].profile, body)
    for points, reverse in first_way(store, metres=25.0):
        motion.follow(points, reverse)
        line, passed = LineString(points), 0.0
        while not motion.at_rest:
            motion.step(STEP_S)
            world.advance(STEP_S)
            passed += STEP_S
            assert line.distance(Point(body.truth.x_m, body.truth.y_m)) < 0.05
            assert passed < 30.0 + 5 * line.length
        assert math.dist((body.truth.x_m, body.truth.y_m), points[-1]) < 0.05
    assert motion.driven_m > 15.0


@pytest.mark.parametrize("name", ["supermarket", "supercenter_scan"])
def test_ten_robots_leave_their_docks_at_once_in_gazebos_physics(name: str, tmp_path: Path) -> None:
    store = store_of(name, 10)
    world = DartWorld(write_world_of(store, WorldSettings(Path(), tmp_path)).file)
    bodies = {spec.name: world.body(spec) for spec in store.robots}
    world.advance(0.5)
    motions = {spec.name: TrackedMotion(spec.profile, bodies[spec.name]) for spec in store.robots}
    ends = {spec.name: store.floor.dock(spec.dock).staging for spec in store.robots}
    for spec in store.robots:
        dock, end = store.floor.dock(spec.dock).pose, ends[spec.name]
        motions[spec.name].follow(np.array([(dock.x_m, dock.y_m), (end.x_m, end.y_m)]), reverse=True)
    passed = 0.0
    while not all(motion.at_rest for motion in motions.values()):
        for motion in motions.values():
            motion.step(STEP_S)
        world.advance(STEP_S)
        passed += STEP_S
        assert passed < 30.0
    assert max(bodies[robot].truth.distance_m(end) for robot, end in ends.items()) < 0.05
    assert min(motion.driven_m for motion in motions.values()) > 0.4


def test_a_way_with_cusps_is_driven_to_each_of_them_and_back_in_gazebos_physics(tmp_path: Path) -> None:
    """As a scrubber turns where it has no room for a turn in one go: ahead, back, and ahead again."""
    store = load(MAPS / "supermarket", 1, "S")
    world = DartWorld(write_world_of(store, WorldSettings(Path(), tmp_path)).file)
    spec = store.robots[0]
    dock, body = store.floor.dock(spec.dock), world.body(spec)
    robot = SimulatedRobot(spec, dock, np.random.default_rng(0), motion=TrackedMotion(spec.profile, body))
    out = executed(robot, world, body, Undock(spec.name, "out", dock))[-1]
    ahead = bend(out, -1.0, -1.5)
    start = executed(robot, world, body, Follow(spec.name, "away", ahead, reverse=True))[-1]
    turned, parts, cusps, length = start, [bend(start, 1.0, 0.0)[:1]], [], 0
    for curvature, metres in ((1.0, 1.2), (-1.0, -1.2), (1.0, 1.0)):
        parts.append(bend(turned, curvature, metres)[1:])
        turned @= Pose(math.sin(metres), curvature * (1.0 - math.cos(metres)), curvature * metres)
        length += len(parts[-1])
        cusps.append(length)
    points, facing = np.vstack(parts), math.remainder(turned.yaw_rad + 1.0, math.tau)
    poses = executed(robot, world, body, Follow(spec.name, "turn", points, False, tuple(cusps[:-1]), facing))
    assert off_m(poses, points) < 0.03
    for cusp in cusps:
        assert min(math.dist((pose.x_m, pose.y_m), points[cusp]) for pose in poses) < 0.03
    backwards = [(before.inverse() @ pose).x_m < -0.005 for before, pose in pairwise(poses)]
    assert [gear for gear, before in zip(backwards, [None, *backwards], strict=False) if gear != before] == [0, 1, 0]
    assert abs(math.remainder(poses[-1].yaw_rad - facing, math.tau)) < 0.1


def executed(robot: SimulatedRobot, world: DartWorld, body: DartBody, command: Undock | Follow) -> list[Pose]:
    """The poses until the robot has carried the command out and stands."""
    poses, passed, ended = [body.truth], 0.0, []
    robot.command(command, passed)
    while not ended or not robot.motion.at_rest:
        passed += STEP_S
        ended += [event for event in robot.step(STEP_S, passed) if isinstance(event, LegEnded)]
        world.advance(STEP_S)
        poses.append(body.truth)
        assert passed < 60.0
    assert [event.outcome for event in ended] == [Outcome.SUCCEEDED]
    return poses


ASIDE = replace(
    WORKING_W,
    name="aside",
    footprint=Footprint(corners_m=((-0.5, -0.2), (0.5, -0.2), (0.5, 0.6), (-0.5, 0.6))),
    head=Head(0.4, 0.0),
)


@pytest.mark.parametrize("profile", [WORKING_W, SCRUBBER_S, ASIDE], ids=lambda profile: profile.name)
def test_wheels_turn_a_robot_by_as_much_as_odometry_believes(profile: RobotProfile, tmp_path: Path) -> None:
    """Also one whose body reaches farther to one side than to the other."""
    store = load(MAPS / "supermarket", 2, profile)
    world = DartWorld(write_world_of(store, WorldSettings(Path(), tmp_path)).file)
    body = world.body(store.robots[0], late_s=0.0)
    world.advance(0.5)
    body.drive(-0.4, 0.0)
    start = body.truth
    world.advance(5.0)
    assert start.distance_m(body.truth) == pytest.approx(2.0, rel=0.02)
    body.drive(0.0, 0.5)
    world.advance(0.5)
    before = body.turned_rad
    world.advance(4.0)
    assert body.turned_rad - before == pytest.approx(2.0, rel=0.02)
    assert abs(body.height_m) < 0.005
