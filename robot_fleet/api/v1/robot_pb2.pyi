from robot_fleet.api.v1 import geometry_pb2 as _geometry_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Robot(_message.Message):
    __slots__ = ("name", "state", "version", "pose", "battery", "charging", "head_on", "run_id", "leg_id", "hold_reason", "heard_clock_s", "detail")
    class State(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        STATE_UNSPECIFIED: _ClassVar[Robot.State]
        STATE_OFFLINE: _ClassVar[Robot.State]
        STATE_IDLE: _ClassVar[Robot.State]
        STATE_UNDOCKING: _ClassVar[Robot.State]
        STATE_MOVING: _ClassVar[Robot.State]
        STATE_CLEANING: _ClassVar[Robot.State]
        STATE_WAITING: _ClassVar[Robot.State]
        STATE_DOCKING: _ClassVar[Robot.State]
        STATE_CHARGING: _ClassVar[Robot.State]
        STATE_HELD: _ClassVar[Robot.State]
    STATE_UNSPECIFIED: Robot.State
    STATE_OFFLINE: Robot.State
    STATE_IDLE: Robot.State
    STATE_UNDOCKING: Robot.State
    STATE_MOVING: Robot.State
    STATE_CLEANING: Robot.State
    STATE_WAITING: Robot.State
    STATE_DOCKING: Robot.State
    STATE_CHARGING: Robot.State
    STATE_HELD: Robot.State
    NAME_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    POSE_FIELD_NUMBER: _ClassVar[int]
    BATTERY_FIELD_NUMBER: _ClassVar[int]
    CHARGING_FIELD_NUMBER: _ClassVar[int]
    HEAD_ON_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    LEG_ID_FIELD_NUMBER: _ClassVar[int]
    HOLD_REASON_FIELD_NUMBER: _ClassVar[int]
    HEARD_CLOCK_S_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    name: str
    state: Robot.State
    version: int
    pose: _geometry_pb2.Pose
    battery: float
    charging: bool
    head_on: bool
    run_id: str
    leg_id: str
    hold_reason: str
    heard_clock_s: float
    detail: str
    def __init__(self, name: _Optional[str] = ..., state: _Optional[_Union[Robot.State, str]] = ..., version: _Optional[int] = ..., pose: _Optional[_Union[_geometry_pb2.Pose, _Mapping]] = ..., battery: _Optional[float] = ..., charging: _Optional[bool] = ..., head_on: _Optional[bool] = ..., run_id: _Optional[str] = ..., leg_id: _Optional[str] = ..., hold_reason: _Optional[str] = ..., heard_clock_s: _Optional[float] = ..., detail: _Optional[str] = ...) -> None: ...
