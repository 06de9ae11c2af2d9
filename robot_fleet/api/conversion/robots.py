"""Robots and alerts as messages and back."""

from __future__ import annotations

from robot_fleet.api.conversion.geometry import pose_from_proto, pose_to_proto
from robot_fleet.api.conversion.values import enum_from_proto, enum_to_proto, time_from_proto, time_to_proto
from robot_fleet.api.v1 import alert_pb2, robot_pb2
from robot_fleet.control.snapshot import AlertView, RobotView
from robot_fleet.fleet.states import RobotState

_State = robot_pb2.Robot.State
_Severity = alert_pb2.Alert.Severity


def robot_to_proto(robot: RobotView) -> robot_pb2.Robot:
    """A robot as a message."""
    return robot_pb2.Robot(
        name=robot.name,
        state=enum_to_proto(_State, "STATE", robot.state),
        version=robot.version,
        pose=None if robot.pose is None else pose_to_proto(robot.pose),
        battery=robot.battery,
        charging=robot.charging,
        head_on=robot.head_on,
        run_id=robot.run_id,
        leg_id=robot.leg_id,
        hold_reason=robot.hold,
        heard_clock_s=robot.heard_at_s,
        detail=robot.detail,
    )


def robot_from_proto(message: robot_pb2.Robot) -> RobotView:
    """The robot of a message; KeyError for a state that this version does not know."""
    return RobotView(
        name=message.name,
        state=enum_from_proto(_State, "STATE", message.state, RobotState),
        version=message.version,
        pose=pose_from_proto(message.pose) if message.HasField("pose") else None,
        battery=message.battery if message.HasField("battery") else None,
        charging=message.charging,
        head_on=message.head_on,
        run_id=message.run_id,
        leg_id=message.leg_id,
        hold=message.hold_reason,
        heard_at_s=message.heard_clock_s if message.HasField("heard_clock_s") else None,
        detail=message.detail,
    )


def alert_to_proto(alert: AlertView) -> alert_pb2.Alert:
    """An alert as a message."""
    return alert_pb2.Alert(
        alert_id=alert.alert_id,
        create_time=time_to_proto(alert.at_s),
        severity=_Severity.Value(f"SEVERITY_{alert.severity}"),
        robot=alert.robot,
        run_id=alert.run_id,
        text=alert.text,
        remedy=alert.remedy,
        active=alert.active,
    )


def alert_from_proto(message: alert_pb2.Alert) -> AlertView:
    """The alert of a message; ValueError for a severity that this version does not know."""
    return AlertView(
        alert_id=message.alert_id,
        at_s=time_from_proto(message.create_time),
        severity=_Severity.Name(message.severity).removeprefix("SEVERITY_"),
        robot=message.robot,
        run_id=message.run_id,
        text=message.text,
        remedy=message.remedy,
        active=message.active,
    )
