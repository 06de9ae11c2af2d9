"""Which of a robot's poses are told: in any order in which a link brings them, none twice, and none that is too late."""

from __future__ import annotations

import time

import pytest

pytest.importorskip("rclpy", reason="ROS 2 is not installed")

from test_ros_bridge import running

from robot_fleet.fleet.events import LOST, Event, HoldReported, PoseReported
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.profile import WORKING_W
from robot_fleet.floor.store import RobotSpec
from robot_fleet.ros.bridge import RosBridge
from robot_fleet.ros.clock import RosClock
from robot_fleet.ros.conversion import holds_to_ros
from robot_fleet.ros.drops import Drops
from robot_fleet.ros.listening import Listening

pytestmark = pytest.mark.ros

SPEC = RobotSpec("r1", WORKING_W, "d1", "r1")


async def told(*after_s: float) -> list[float]:
    """When the poses that were told were taken, by those that came; seconds."""
    bridge, heard = RosBridge(), list[Event]()
    async with running(bridge):
        listening = Listening(bridge, SPEC, RosClock(bridge), heard.append, Drops())
        base_s = time.time() - max(after_s)
        for seconds in after_s:
            listening.place(base_s + seconds, Pose(seconds, 0.0))
    return [round(event.pose.x_m, 3) for event in heard if isinstance(event, PoseReported)]


async def test_poses_that_others_overtook_are_told_too() -> None:
    assert await told(0.0, 0.2, 0.8, 0.4, 0.6, 1.0) == [0.0, 0.2, 0.8, 0.4, 0.6, 1.0]


async def test_no_more_than_twenty_poses_a_second_are_told_in_whatever_order_they_come() -> None:
    assert await told(0.0, 0.02, 0.2, 0.2, 0.21, 0.19, 0.01) == [0.0, 0.2]


async def test_what_comes_two_seconds_after_newer_ones_is_not_told() -> None:
    assert await told(3.0, 3.2, 1.1, 1.3) == [3.0, 3.2, 1.3]


async def test_a_robot_is_held_as_long_as_one_status_holds_it_and_made_up_ones_fill_no_memory() -> None:
    bridge, heard = RosBridge(), list[Event]()
    async with running(bridge):
        listening = Listening(bridge, SPEC, RosClock(bridge), heard.append, Drops())

        def hear(**holds: str) -> str:
            listening._hear_diagnostics(holds_to_ros({f"{name} safety": reason for name, reason in holds.items()}, 1.0))
            assert isinstance(heard[-1], HoldReported)
            return heard[-1].reason

        assert hear(stop="e-stop", bumper="") == "e-stop"
        assert hear(bumper="contact") == "e-stop; contact"
        assert hear(stop="") == "contact"
        assert LOST in hear(far=f"{'so ' * 200}, localisation lost")
        assert hear(lidar="dust " * 80, far="localisation lost").startswith(LOST)
        assert hear(lidar="", far="") == "contact"
        for k in range(1200):
            hear(**{f"made_up_{k}": "no"})
        assert len(listening._holds) < 1010 and len(heard[-1].reason) <= 300
        # What could not be kept is not forgotten: who knows whether it is gone?
        for k in range(1200):
            hear(**{f"made_up_{k}": ""})
        assert "more reasons than can be kept" in hear(bumper="")
