"""Gazebo's messages to our values and back. Metres, radians, seconds."""

from __future__ import annotations

import math

from robot_fleet.floor.pose import Pose
from robot_fleet.sim.gazebo.v1 import messages_pb2 as gz


def seconds_of(stamp: gz.Time) -> float:
    """The time in seconds."""
    return float(stamp.sec + 1e-9 * stamp.nsec)


def time_of(seconds: float) -> gz.Time:
    """Seconds as Gazebo has them, to the nearest nanosecond."""
    whole, fraction = divmod(round(seconds * 1e9), 1_000_000_000)
    return gz.Time(sec=whole, nsec=fraction)


def pose_of(message: gz.Pose) -> Pose:
    """The placement in the plane: heights and tilts are left out."""
    turned = message.orientation
    x, y, z, w = turned.x, turned.y, turned.z, turned.w
    yaw = math.atan2(2.0 * (w * z + x * y), w * w + x * x - y * y - z * z)
    return Pose(message.position.x, message.position.y, yaw)


def message_of(pose: Pose) -> gz.Pose:
    """The placement on the floor."""
    half = pose.yaw_rad / 2.0
    return gz.Pose(
        position=gz.Vector3d(x=pose.x_m, y=pose.y_m),
        orientation=gz.Quaternion(z=math.sin(half), w=math.cos(half)),
    )


def twist_of(speed_mps: float, yaw_rate_rps: float) -> gz.Twist:
    """A velocity ahead and about the vertical."""
    return gz.Twist(linear=gz.Vector3d(x=speed_mps), angular=gz.Vector3d(z=yaw_rate_rps))
