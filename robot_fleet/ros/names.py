"""The full ROS names of what a robot offers, from its profile's interface."""

from __future__ import annotations

import re

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


def is_shared(spec: RobotSpec, name: str) -> bool:
    """Whether other robots may publish it too: it begins with a slash, is not below the namespace and does not name the robot."""
    full, space = topic_name(spec, name), _namespace(spec)
    is_own = not name.startswith("/") or f"/{spec.name}/" in full or (space and full.startswith(f"/{space}/"))
    return not is_own


def names_of(spec: RobotSpec) -> tuple[str, ...]:
    """What a message names the robot by: its name, and its namespace where it has one."""
    return tuple(filter(None, (spec.name, _namespace(spec))))


def topics_heard(spec: RobotSpec) -> dict[str, bool]:
    """The topics on which the robot tells its pose, battery, head and holds, and whether others may publish them, too."""
    names = spec.profile.interface
    heard = (names.pose_topic or names.tf_topic, names.battery_topic, names.head_topic, names.diagnostics_topic)
    return {topic_name(spec, name): is_shared(spec, name) for name in heard if name}


def is_node_of(spec: RobotSpec, node: str) -> bool:
    """Whether a node is the robot's own, by its namespace or name; where it has no namespace every node may be."""
    space = _namespace(spec)
    # robot_1_drive is robot_1's, robot_10 is not.
    named = re.search(rf"(?<![^\W_]){re.escape(spec.name)}(?![^\W_])", node)
    return not space or f"/{space}/" in f"{node}/" or named is not None


def _namespace(spec: RobotSpec) -> str:
    return spec.namespace.replace("{name}", spec.name).strip("/")


def frame_name(spec: RobotSpec, frame: str) -> str:
    """The frame's name as it is in the robot's messages."""
    return frame.replace("{name}", spec.name).strip("/")
