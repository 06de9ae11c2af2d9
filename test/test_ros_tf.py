"""Poses come out of whatever chain of frames a robot has, with the odometry's stamp."""

import math

import pytest

pytest.importorskip("rclpy", reason="ROS 2 is not installed")

from robot_fleet.floor.pose import Pose
from robot_fleet.ros.conversion import transform_to_ros
from robot_fleet.ros.tf import MOST_FRAMES, TransformTree

CORRECTION, ODOMETRY, MOUNT = Pose(3.0, 1.0, 0.4), Pose(5.0, -2.0, 2.0), Pose(0.1, 0.0, math.pi)


class Heard:
    """A tree with one watched robot, and what it told."""

    def __init__(self, base: str = "r1/base_link", root: str = "map") -> None:
        self.tree = TransformTree()
        self.poses: list[tuple[float, Pose]] = []
        self.bad: list[str] = []
        self.tree.watch(base, root, lambda at_s, pose: self.poses.append((at_s, pose)), self.bad.append)

    def take(self, parent: str, child: str, at_s: float, pose: Pose, static: bool = False) -> None:
        self.tree.take([transform_to_ros(parent, child, at_s, pose)], static)


def test_a_pose_is_the_product_along_the_chain_in_whatever_order_its_parts_arrive():
    heard = Heard()
    heard.take("r1/base_footprint", "r1/base_link", 0.0, MOUNT, static=True)
    heard.take("r1/odom", "r1/base_footprint", 10.0, ODOMETRY)
    assert not heard.poses
    heard.take("map", "r1/odom", 10.0, CORRECTION)
    heard.take("r1/odom", "r1/base_footprint", 10.1, ODOMETRY)
    at_s, pose = heard.poses[-1]
    expected = CORRECTION @ ODOMETRY @ MOUNT
    assert at_s == 10.1
    assert pose.distance_m(expected) < 1e-9 and math.isclose(pose.yaw_rad, expected.yaw_rad)


def test_a_correction_alone_is_no_new_pose_but_counts_for_the_next():
    heard = Heard()
    heard.take("map", "r1/odom", 11.0, CORRECTION)  # a localisation may stamp its transform ahead
    heard.take("r1/odom", "r1/base_link", 10.0, ODOMETRY)
    heard.take("map", "r1/odom", 11.1, Pose(4.0, 1.0, 0.4))
    assert [at_s for at_s, _ in heard.poses] == [10.0]
    heard.take("r1/odom", "r1/base_link", 10.1, ODOMETRY)
    assert heard.poses[-1][1].x_m == pytest.approx(heard.poses[0][1].x_m + 1.0)


def test_a_robot_whose_localisation_fell_silent_has_no_pose():
    heard = Heard()
    heard.take("map", "r1/odom", 10.0, CORRECTION)
    heard.take("r1/odom", "r1/base_link", 12.0, ODOMETRY)
    heard.take("r1/odom", "r1/base_link", 12.1, ODOMETRY)
    assert [at_s for at_s, _ in heard.poses] == [12.0]
    assert "r1/odom is more than 2 s older" in heard.bad[0]


def test_a_transform_that_is_no_number_is_named_and_the_one_before_stays():
    heard = Heard()
    heard.take("map", "r1/base_link", 1.0, ODOMETRY)
    heard.take("map", "r1/base_link", 2.0, Pose(math.nan, 0.0))
    assert [at_s for at_s, _ in heard.poses] == [1.0]
    assert heard.bad == ["transform of r1/base_link: its pose is not made of numbers"]


def test_a_chain_may_change_while_it_runs():
    heard = Heard()
    heard.take("map", "r1/base_link", 1.0, ODOMETRY)
    heard.take("r1/odom", "r1/base_link", 2.0, ODOMETRY)
    assert len(heard.poses) == 1
    heard.take("map", "r1/odom", 2.0, CORRECTION, static=True)
    heard.take("r1/odom", "r1/base_link", 3.0, ODOMETRY)
    assert heard.poses[-1][1].distance_m(CORRECTION @ ODOMETRY) < 1e-9


def test_frames_in_a_circle_or_of_other_robots_are_no_way_to_the_map():
    heard = Heard()
    heard.take("r1/odom", "r1/base_link", 1.0, ODOMETRY)
    heard.take("r1/base_link", "r1/odom", 1.0, ODOMETRY)
    heard.take("map", "r2/base_link", 1.0, ODOMETRY)
    assert not heard.poses and not heard.bad


def test_a_leading_slash_in_a_frame_means_nothing():
    heard = Heard("/r1/base_link", "/map")
    heard.take("/map", "r1/base_link", 1.0, ODOMETRY)
    assert [at_s for at_s, _ in heard.poses] == [1.0]


def test_a_robot_that_goes_on_moving_in_frames_that_lead_elsewhere_is_told_of_with_both_ends():
    heard = Heard()
    heard.take("other_map", "r1/odom", 0.0, CORRECTION, static=True)
    for at_s in (1.0, 2.0, 3.0):
        heard.take("r1/odom", "r1/base_link", at_s, ODOMETRY)
    assert not heard.bad, "at a start the last frame may come later"
    heard.take("r1/odom", "r1/base_link", 3.1, ODOMETRY)
    assert heard.bad == ["its frames lead from r1/base_link to other_map, not to map"]
    heard.take("map", "other_map", 0.0, MOUNT, static=True)
    heard.take("r1/odom", "r1/base_link", 3.2, ODOMETRY)
    assert len(heard.poses) == 1 and len(heard.bad) == 1


def test_a_transform_that_is_no_number_is_the_fault_of_the_robot_whose_way_it_is_on_alone():
    heard = Heard()
    for frame in ("r1/base_link", "r2/base_link"):
        heard.take("map", frame, 1.0, Pose(math.nan, 0.0))
    assert heard.bad == ["transform of r1/base_link: its pose is not made of numbers"]


def test_of_frames_that_come_and_go_the_longest_unheard_are_forgotten_and_none_that_a_pose_needs():
    heard = Heard()
    heard.take("r1/odom", "r1/base_footprint", 10.0, ODOMETRY)
    heard.take("r1/base_footprint", "r1/base_link", 0.0, MOUNT, static=True)
    heard.take("r1/base_link", "r1/camera", 0.0, MOUNT, static=True)
    heard.take("map", "r1/odom", 10.0, CORRECTION)
    for number in range(2 * MOST_FRAMES):
        heard.take("r1/camera", f"person_{number}", 10.0, MOUNT)
        heard.take("map", "r1/lift", 10.0, MOUNT)
    kept = heard.tree._links.keys()
    assert len(kept) <= MOST_FRAMES + 2
    assert {"r1/odom", "r1/base_footprint", "r1/base_link", "r1/camera", "r1/lift"} <= kept
    assert f"person_{2 * MOST_FRAMES - 1}" in kept and "person_0" not in kept
    heard.take("r1/odom", "r1/base_footprint", 10.1, ODOMETRY)
    assert heard.poses[-1][1].distance_m(CORRECTION @ ODOMETRY @ MOUNT) < 1e-9


def test_a_frame_that_was_forgotten_counts_again_when_it_is_heard_again():
    heard = Heard()
    heard.take("map", "r1/odom", 10.0, CORRECTION)
    for number in range(MOST_FRAMES):
        heard.take("map", f"person_{number}", 10.0, MOUNT)
    heard.take("r1/odom", "r1/base_link", 20.0, ODOMETRY)
    assert not heard.poses
    heard.take("map", "r1/odom", 20.0, CORRECTION)
    heard.take("r1/odom", "r1/base_link", 20.1, ODOMETRY)
    assert heard.poses[-1][1].distance_m(CORRECTION @ ODOMETRY) < 1e-9
