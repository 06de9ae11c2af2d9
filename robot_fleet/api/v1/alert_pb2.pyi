import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Alert(_message.Message):
    __slots__ = ("alert_id", "create_time", "severity", "robot", "run_id", "text", "remedy", "active")
    class Severity(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        SEVERITY_UNSPECIFIED: _ClassVar[Alert.Severity]
        SEVERITY_INFO: _ClassVar[Alert.Severity]
        SEVERITY_WARNING: _ClassVar[Alert.Severity]
        SEVERITY_ERROR: _ClassVar[Alert.Severity]
    SEVERITY_UNSPECIFIED: Alert.Severity
    SEVERITY_INFO: Alert.Severity
    SEVERITY_WARNING: Alert.Severity
    SEVERITY_ERROR: Alert.Severity
    ALERT_ID_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    SEVERITY_FIELD_NUMBER: _ClassVar[int]
    ROBOT_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    REMEDY_FIELD_NUMBER: _ClassVar[int]
    ACTIVE_FIELD_NUMBER: _ClassVar[int]
    alert_id: str
    create_time: _timestamp_pb2.Timestamp
    severity: Alert.Severity
    robot: str
    run_id: str
    text: str
    remedy: str
    active: bool
    def __init__(self, alert_id: _Optional[str] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., severity: _Optional[_Union[Alert.Severity, str]] = ..., robot: _Optional[str] = ..., run_id: _Optional[str] = ..., text: _Optional[str] = ..., remedy: _Optional[str] = ..., active: _Optional[bool] = ...) -> None: ...
