"""The full ROS names of what a robot offers, from its profile's interface."""

from __future__ import annotations

from rclpy.validate_full_topic_name import validate_full_topic_name

from robot_fleet.floor.store import RobotSpec


def topic_name(spec: RobotSpec, name: str) -> str:
    """The absolute name of a topic, service or action: below the robot's namespace unless it begins with a slash.

    Raises rclpy's NameValidationException when ROS does not allow the name.
    """
    name = name.replace("{name}", spec.name)
    space = spec.namespace.replace("{name}", spec.name).strip("/")
    full = name if name.startswith("/") else f"/{space}/{name}" if space else f"/{name}"
    validate_full_topic_name(full)
    return full


def frame_name(spec: RobotSpec, frame: str) -> str:
    """The frame's name as it is in the robot's messages."""
    return frame.replace("{name}", spec.name).strip("/")
