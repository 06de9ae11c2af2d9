"""Drive orders as Nav2 goals, and what Nav2's results say about them."""

from __future__ import annotations

from typing import Any

import numpy as np
from action_msgs.msg import GoalStatus
from nav2_msgs.action import DockRobot, FollowPath, UndockRobot

from robot_fleet.fleet.commands import DockAt, Follow, Undock
from robot_fleet.fleet.events import Outcome
from robot_fleet.floor.store import RobotSpec
from robot_fleet.ros.conversion import path_to_ros, stamped_pose_to_ros, words_from_ros
from robot_fleet.ros.names import frame_name

ERROR_NAMES = {
    1: "GOAL_REJECTED",
    2: "SEND_GOAL_FAILURE",
    100: "UNKNOWN",
    101: "INVALID_CONTROLLER",
    102: "TF_ERROR",
    103: "INVALID_PATH",
    104: "PATIENCE_EXCEEDED",
    105: "FAILED_TO_MAKE_PROGRESS",
    106: "NO_VALID_CONTROL",
    107: "CONTROLLER_TIMED_OUT",
    901: "DOCK_NOT_IN_DB",
    902: "DOCK_NOT_VALID",
    903: "FAILED_TO_STAGE",
    904: "FAILED_TO_DETECT_DOCK",
    905: "FAILED_TO_CONTROL",
    906: "FAILED_TO_CHARGE",
    907: "TIMEOUT",
    999: "UNKNOWN",
}
"""The error codes of follow_path, dock_robot and undock_robot, Nav2 Jazzy to Lyrical; a number has one meaning."""

_OUTCOMES = {
    GoalStatus.STATUS_SUCCEEDED: Outcome.SUCCEEDED,
    GoalStatus.STATUS_ABORTED: Outcome.ABORTED,
    GoalStatus.STATUS_CANCELED: Outcome.CANCELLED,
}


def follow_goal(spec: RobotSpec, command: Follow) -> FollowPath.Goal:
    """The path in the robot's own map frame, dense, with headings along it, or against it where it is to drive backwards.

    The last pose has the heading in which the robot is to end, where the order says one.
    """
    into = spec.map_to_robot.inverse()
    turn = np.array([[np.cos(into.yaw_rad), np.sin(into.yaw_rad)], [-np.sin(into.yaw_rad), np.cos(into.yaw_rad)]])
    points = np.asarray(command.points, dtype=np.float64) @ turn + (into.x_m, into.y_m)
    names = spec.profile.interface
    return FollowPath.Goal(
        path=path_to_ros(
            points,
            frame_name(spec, names.map_frame),
            reverse=command.reverse,
            cusps=command.cusps,
            facing_rad=None if command.facing_rad is None else command.facing_rad + into.yaw_rad,
        ),
        controller_id=names.controller_id,
        goal_checker_id=names.goal_checker_id,
    )


def dock_goal(spec: RobotSpec, command: DockAt) -> DockRobot.Goal:
    """Docking from where the robot stands, at the dock's pose; needs no dock database, though the id is said too.

    The way to the staging pose is ours (a Follow before), not the robot's own.
    """
    names = spec.profile.interface
    return DockRobot.Goal(
        use_dock_id=False,
        dock_id=command.dock.name,
        dock_pose=stamped_pose_to_ros(
            frame_name(spec, names.map_frame), 0.0, spec.map_to_robot.inverse() @ command.dock.pose
        ),
        dock_type=names.dock_type,
        navigate_to_staging_pose=False,
    )


def undock_goal(spec: RobotSpec, command: Undock) -> UndockRobot.Goal:
    """Undocking; the robot knows how far its type of dock asks it to back out."""
    return UndockRobot.Goal(dock_type=spec.profile.interface.dock_type)


def outcome_from_ros(response: Any) -> tuple[Outcome, str]:
    """How an action ended, from its get_result response, and the robot's words about it.

    Success is believed only when the status, the error code and, where there is one, the `success` field all say so:
    the field of DockRobot is true by default.
    """
    result = response.result
    outcome = _OUTCOMES.get(response.status)
    if outcome is None:
        return Outcome.ABORTED, "the robot does not know the goal any more; has its software been restarted?"
    said = _words(result.error_code, result.error_msg)
    if outcome is Outcome.SUCCEEDED and (result.error_code or not getattr(result, "success", True)):
        return Outcome.ABORTED, said or "the robot says succeeded, but success is false"
    return outcome, said


def _words(code: int, text: str) -> str:
    name = f"{ERROR_NAMES.get(code, 'error')} ({code})" if code else ""
    return ": ".join(filter(None, (name, words_from_ros(text))))
