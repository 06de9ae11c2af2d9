"""What a process takes a Gazebo world for: whose time it is, where its robots are, and when it cannot know."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest
from gazebo_worlds import store_of
from ign_transport import ENVIRONMENT, until

from robot_fleet.floor.pose import Pose
from robot_fleet.sim.gazebo.link import GazeboLink
from robot_fleet.sim.gazebo.network import Network
from robot_fleet.sim.gazebo.node import GazeboNode
from robot_fleet.sim.gazebo.readings import message_of, time_of
from robot_fleet.sim.gazebo.v1 import messages_pb2 as gz

OWN, SHARED, TRUTH = "/world/corner_shop/clock", "/clock", "/model/robot_1/ground_truth"


class StandIn:
    """Says what a world says, and hears how its robot is to drive."""

    def __init__(self) -> None:
        self.node = GazeboNode(Network.of(ENVIRONMENT), "gz.msgs")
        self.driven: list[tuple[float, float]] = []
        self.node.subscribe("/model/robot_1/cmd_vel", "Twist", self._drive)
        for topic, kind in ((OWN, "Clock"), (SHARED, "Clock"), (TRUTH, "Odometry")):
            self.node.advertise(topic, kind)
        self.node.start()

    def say_time(self, now_s: float, topic: str = OWN) -> None:
        self.node.publish(topic, gz.Clock(sim=time_of(now_s)))

    def say_pose(self, x_m: float) -> None:
        self.node.publish(TRUTH, gz.Odometry(pose=message_of(Pose(x_m, 1.0))))

    def _drive(self, message: bytes) -> None:
        wanted = gz.Twist.FromString(message)
        self.driven.append((wanted.linear.x, wanted.angular.z))


@pytest.fixture
def world() -> Iterator[StandIn]:
    made = StandIn()
    yield made
    made.node.close()


@pytest.fixture
def link() -> Iterator[GazeboLink]:
    made = GazeboLink(store_of("corner_shop", 1), Network.of(ENVIRONMENT))
    yield made
    made.node.close()


def both(world: StandIn, now_s: float, x_m: float) -> None:
    world.say_time(now_s)
    world.say_pose(x_m)


def test_the_time_is_that_of_the_stores_own_world_also_beside_another(world: StandIn, link: GazeboLink) -> None:
    """Where two worlds run, or a bridge publishes it, `/clock` is another's; a world always has its own as well."""
    until(lambda: link.now_s is not None, lambda: (world.say_time(500.0, SHARED), world.say_pose(2.0)))
    until(lambda: link.now_s == 7.0, lambda: both(world, 7.0, 2.0))
    for _ in range(5):
        world.say_time(500.0, SHARED)
    until(lambda: link.now_s == 8.0, lambda: both(world, 8.0, 2.0))
    assert link.now_s == 8.0


def test_no_time_passes_in_a_world_that_began_anew_until_its_robots_are_heard(world: StandIn, link: GazeboLink) -> None:
    """Their poses in the old world are not where they are."""
    until(lambda: link.now_s == 300.0, lambda: both(world, 300.0, 5.0))
    until(lambda: link.now_s is None, lambda: world.say_time(0.1))
    assert link.missing() == ["robot_1"]
    until(lambda: link.now_s == 0.2, lambda: both(world, 0.2, 2.0))
    assert link.bodies["robot_1"].pose.x_m == 2.0


def test_a_robot_that_is_not_heard_any_more_is_made_to_stand(world: StandIn, link: GazeboLink) -> None:
    robot = link.bodies["robot_1"]
    until(lambda: link.now_s == 10.0, lambda: both(world, 10.0, 2.0))
    until(lambda: (0.5, 0.0) in world.driven, lambda: robot.drive(0.5, 0.0))
    until(lambda: robot.now_s == 11.0, lambda: world.say_time(11.0))
    world.driven.clear()
    until(lambda: world.driven, lambda: robot.drive(0.5, 0.0))
    assert set(world.driven) == {(0.0, 0.0)}


def test_a_pose_that_is_no_number_is_not_taken_for_one(world: StandIn, link: GazeboLink) -> None:
    until(lambda: link.now_s == 10.0, lambda: both(world, 10.0, 2.0))
    for _ in range(3):
        world.say_pose(math.nan)
    until(lambda: link.now_s == 10.5, lambda: world.say_time(10.5))
    assert link.bodies["robot_1"].pose == Pose(2.0, 1.0)


def test_a_time_that_no_clock_shows_is_not_taken_for_one(world: StandIn, link: GazeboLink) -> None:
    until(lambda: link.now_s == 10.0, lambda: both(world, 10.0, 2.0))
    for _ in range(3):
        world.node.publish(OWN, gz.Clock(sim=gz.Time(sec=2**40)))
        world.node.publish(OWN, gz.Clock(sim=gz.Time(sec=-5)))
    until(lambda: link.now_s == 10.5, lambda: world.say_time(10.5))
    assert link.missing() == []
