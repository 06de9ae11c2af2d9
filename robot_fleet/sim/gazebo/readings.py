"""Gazebo's messages to our values and back. Metres, radians, seconds."""

from __future__ import annotations

import math

from robot_fleet.floor.pose import Pose
from robot_fleet.sim.gazebo.v1 import messages_pb2 as gz


def seconds_of(stamp: gz.Time) -> float:
    """The time in seconds."""
    return float(stamp.sec + 1e-9 * stamp.nsec)


def world_s_of(clock: gz.Clock) -> float | None:
    """A world's time in seconds; None for what no clock of ROS could show."""
    return seconds_of(clock.sim) if 0 <= clock.sim.sec < 2**31 else None


def time_of(seconds: float) -> gz.Time:
    """Seconds as Gazebo has them, to the nearest nanosecond."""
    whole, fraction = divmod(round(seconds * 1e9), 1_000_000_000)
    return gz.Time(sec=whole, nsec=fraction)


def pose_of(message: gz.Pose) -> Pose:
    """The placement in the plane: heights and tilts are left out. ValueError where it is not made of numbers."""
    turned = message.orientation
    x, y, z, w = turned.x, turned.y, turned.z, turned.w
    yaw = math.atan2(2.0 * (w * z + x * y), w * w + x * x - y * y - z * z)
    pose = Pose(message.position.x, message.position.y, yaw)
    if not pose.is_finite():
        raise ValueError("a pose is not made of numbers")
    return pose


def message_of(pose: Pose) -> gz.Pose:
    """The placement on the floor."""
    half = pose.yaw_rad / 2.0
    return gz.Pose(
        position=gz.Vector3d(x=pose.x_m, y=pose.y_m),
        orientation=gz.Quaternion(z=math.sin(half), w=math.cos(half)),
    )


def twist_of(speed_mps: float, yaw_rate_rps: float) -> gz.Twist:
    """A velocity ahead and about the vertical; none where that is not made of numbers, which physics does not survive."""
    if not math.isfinite(speed_mps) or not math.isfinite(yaw_rate_rps):
        speed_mps = yaw_rate_rps = 0.0
    return gz.Twist(linear=gz.Vector3d(x=speed_mps), angular=gz.Vector3d(z=yaw_rate_rps))
