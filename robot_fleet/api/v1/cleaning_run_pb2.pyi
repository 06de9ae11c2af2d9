import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from robot_fleet.api.v1 import geometry_pb2 as _geometry_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RunView(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RUN_VIEW_UNSPECIFIED: _ClassVar[RunView]
    RUN_VIEW_BASIC: _ClassVar[RunView]
    RUN_VIEW_FULL: _ClassVar[RunView]
RUN_VIEW_UNSPECIFIED: RunView
RUN_VIEW_BASIC: RunView
RUN_VIEW_FULL: RunView

class ZoneProgress(_message.Message):
    __slots__ = ("zone", "requested_m2", "coverable_m2", "cleaned_m2")
    ZONE_FIELD_NUMBER: _ClassVar[int]
    REQUESTED_M2_FIELD_NUMBER: _ClassVar[int]
    COVERABLE_M2_FIELD_NUMBER: _ClassVar[int]
    CLEANED_M2_FIELD_NUMBER: _ClassVar[int]
    zone: str
    requested_m2: float
    coverable_m2: float
    cleaned_m2: float
    def __init__(self, zone: _Optional[str] = ..., requested_m2: _Optional[float] = ..., coverable_m2: _Optional[float] = ..., cleaned_m2: _Optional[float] = ...) -> None: ...

class RobotShare(_message.Message):
    __slots__ = ("robot", "distance_m", "cleaning_duration", "driving_duration", "waiting_duration", "cleaned_m2")
    ROBOT_FIELD_NUMBER: _ClassVar[int]
    DISTANCE_M_FIELD_NUMBER: _ClassVar[int]
    CLEANING_DURATION_FIELD_NUMBER: _ClassVar[int]
    DRIVING_DURATION_FIELD_NUMBER: _ClassVar[int]
    WAITING_DURATION_FIELD_NUMBER: _ClassVar[int]
    CLEANED_M2_FIELD_NUMBER: _ClassVar[int]
    robot: str
    distance_m: float
    cleaning_duration: _duration_pb2.Duration
    driving_duration: _duration_pb2.Duration
    waiting_duration: _duration_pb2.Duration
    cleaned_m2: float
    def __init__(self, robot: _Optional[str] = ..., distance_m: _Optional[float] = ..., cleaning_duration: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., driving_duration: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., waiting_duration: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., cleaned_m2: _Optional[float] = ...) -> None: ...

class MissedArea(_message.Message):
    __slots__ = ("zone", "reason", "polygon", "area_m2")
    class Reason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        REASON_UNSPECIFIED: _ClassVar[MissedArea.Reason]
        REASON_TOO_NARROW: _ClassVar[MissedArea.Reason]
        REASON_KEEPOUT: _ClassVar[MissedArea.Reason]
        REASON_UNREACHABLE: _ClassVar[MissedArea.Reason]
        REASON_NO_ROBOT_MAY_ENTER: _ClassVar[MissedArea.Reason]
        REASON_BLOCKED: _ClassVar[MissedArea.Reason]
        REASON_ROBOT_FAILED: _ClassVar[MissedArea.Reason]
        REASON_STOPPED: _ClassVar[MissedArea.Reason]
        REASON_NOT_CLEANED: _ClassVar[MissedArea.Reason]
        REASON_CANNOT_TURN: _ClassVar[MissedArea.Reason]
    REASON_UNSPECIFIED: MissedArea.Reason
    REASON_TOO_NARROW: MissedArea.Reason
    REASON_KEEPOUT: MissedArea.Reason
    REASON_UNREACHABLE: MissedArea.Reason
    REASON_NO_ROBOT_MAY_ENTER: MissedArea.Reason
    REASON_BLOCKED: MissedArea.Reason
    REASON_ROBOT_FAILED: MissedArea.Reason
    REASON_STOPPED: MissedArea.Reason
    REASON_NOT_CLEANED: MissedArea.Reason
    REASON_CANNOT_TURN: MissedArea.Reason
    ZONE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    POLYGON_FIELD_NUMBER: _ClassVar[int]
    AREA_M2_FIELD_NUMBER: _ClassVar[int]
    zone: str
    reason: MissedArea.Reason
    polygon: _geometry_pb2.Polygon
    area_m2: float
    def __init__(self, zone: _Optional[str] = ..., reason: _Optional[_Union[MissedArea.Reason, str]] = ..., polygon: _Optional[_Union[_geometry_pb2.Polygon, _Mapping]] = ..., area_m2: _Optional[float] = ...) -> None: ...

class Track(_message.Message):
    __slots__ = ("robot", "t_ms", "x_mm", "y_mm")
    ROBOT_FIELD_NUMBER: _ClassVar[int]
    T_MS_FIELD_NUMBER: _ClassVar[int]
    X_MM_FIELD_NUMBER: _ClassVar[int]
    Y_MM_FIELD_NUMBER: _ClassVar[int]
    robot: str
    t_ms: _containers.RepeatedScalarFieldContainer[int]
    x_mm: _containers.RepeatedScalarFieldContainer[int]
    y_mm: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, robot: _Optional[str] = ..., t_ms: _Optional[_Iterable[int]] = ..., x_mm: _Optional[_Iterable[int]] = ..., y_mm: _Optional[_Iterable[int]] = ...) -> None: ...

class RunRecord(_message.Message):
    __slots__ = ("cleaned", "tracks")
    CLEANED_FIELD_NUMBER: _ClassVar[int]
    TRACKS_FIELD_NUMBER: _ClassVar[int]
    cleaned: _geometry_pb2.Bitmap
    tracks: _containers.RepeatedCompositeFieldContainer[Track]
    def __init__(self, cleaned: _Optional[_Union[_geometry_pb2.Bitmap, _Mapping]] = ..., tracks: _Optional[_Iterable[_Union[Track, _Mapping]]] = ...) -> None: ...

class PlanningProgress(_message.Message):
    __slots__ = ("progress", "step")
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    progress: float
    step: str
    def __init__(self, progress: _Optional[float] = ..., step: _Optional[str] = ...) -> None: ...

class CleaningRun(_message.Message):
    __slots__ = ("run_id", "request_id", "store", "zones", "state", "reason", "version", "create_time", "start_time", "end_time", "elapsed_duration", "time_to_go_duration", "requested_m2", "coverable_m2", "cleaned_m2", "progress", "zone_progress", "shares", "missed", "unconfirmed_robots", "record", "planning")
    class State(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        STATE_UNSPECIFIED: _ClassVar[CleaningRun.State]
        STATE_PLANNING: _ClassVar[CleaningRun.State]
        STATE_RUNNING: _ClassVar[CleaningRun.State]
        STATE_PAUSING: _ClassVar[CleaningRun.State]
        STATE_PAUSED: _ClassVar[CleaningRun.State]
        STATE_STOPPING: _ClassVar[CleaningRun.State]
        STATE_CANCELLED: _ClassVar[CleaningRun.State]
        STATE_COMPLETED: _ClassVar[CleaningRun.State]
        STATE_FAILED: _ClassVar[CleaningRun.State]
    STATE_UNSPECIFIED: CleaningRun.State
    STATE_PLANNING: CleaningRun.State
    STATE_RUNNING: CleaningRun.State
    STATE_PAUSING: CleaningRun.State
    STATE_PAUSED: CleaningRun.State
    STATE_STOPPING: CleaningRun.State
    STATE_CANCELLED: CleaningRun.State
    STATE_COMPLETED: CleaningRun.State
    STATE_FAILED: CleaningRun.State
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    STORE_FIELD_NUMBER: _ClassVar[int]
    ZONES_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    ELAPSED_DURATION_FIELD_NUMBER: _ClassVar[int]
    TIME_TO_GO_DURATION_FIELD_NUMBER: _ClassVar[int]
    REQUESTED_M2_FIELD_NUMBER: _ClassVar[int]
    COVERABLE_M2_FIELD_NUMBER: _ClassVar[int]
    CLEANED_M2_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    ZONE_PROGRESS_FIELD_NUMBER: _ClassVar[int]
    SHARES_FIELD_NUMBER: _ClassVar[int]
    MISSED_FIELD_NUMBER: _ClassVar[int]
    UNCONFIRMED_ROBOTS_FIELD_NUMBER: _ClassVar[int]
    RECORD_FIELD_NUMBER: _ClassVar[int]
    PLANNING_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    request_id: str
    store: str
    zones: _containers.RepeatedScalarFieldContainer[str]
    state: CleaningRun.State
    reason: str
    version: int
    create_time: _timestamp_pb2.Timestamp
    start_time: _timestamp_pb2.Timestamp
    end_time: _timestamp_pb2.Timestamp
    elapsed_duration: _duration_pb2.Duration
    time_to_go_duration: _duration_pb2.Duration
    requested_m2: float
    coverable_m2: float
    cleaned_m2: float
    progress: float
    zone_progress: _containers.RepeatedCompositeFieldContainer[ZoneProgress]
    shares: _containers.RepeatedCompositeFieldContainer[RobotShare]
    missed: _containers.RepeatedCompositeFieldContainer[MissedArea]
    unconfirmed_robots: _containers.RepeatedScalarFieldContainer[str]
    record: RunRecord
    planning: PlanningProgress
    def __init__(self, run_id: _Optional[str] = ..., request_id: _Optional[str] = ..., store: _Optional[str] = ..., zones: _Optional[_Iterable[str]] = ..., state: _Optional[_Union[CleaningRun.State, str]] = ..., reason: _Optional[str] = ..., version: _Optional[int] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., start_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., elapsed_duration: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., time_to_go_duration: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., requested_m2: _Optional[float] = ..., coverable_m2: _Optional[float] = ..., cleaned_m2: _Optional[float] = ..., progress: _Optional[float] = ..., zone_progress: _Optional[_Iterable[_Union[ZoneProgress, _Mapping]]] = ..., shares: _Optional[_Iterable[_Union[RobotShare, _Mapping]]] = ..., missed: _Optional[_Iterable[_Union[MissedArea, _Mapping]]] = ..., unconfirmed_robots: _Optional[_Iterable[str]] = ..., record: _Optional[_Union[RunRecord, _Mapping]] = ..., planning: _Optional[_Union[PlanningProgress, _Mapping]] = ...) -> None: ...
