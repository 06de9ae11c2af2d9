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


def names_on_shared(spec: RobotSpec, name: str) -> tuple[str, ...]:
    """By what the robot is named on a topic that others may publish too; none where the topic is its own.

    A topic may be others' too where its name begins with a slash, is not below the robot's namespace and does not name it.
    """
    space = spec.namespace.replace("{name}", spec.name).strip("/")
    full = topic_name(spec, name)
    is_own = not name.startswith("/") or f"/{spec.name}/" in full or (space and full.startswith(f"/{space}/"))
    return () if is_own else tuple(filter(None, (spec.name, space)))


def frame_name(spec: RobotSpec, frame: str) -> str:
    """The frame's name as it is in the robot's messages."""
    return frame.replace("{name}", spec.name).strip("/")
