import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from robot_fleet.api.v1 import alert_pb2 as _alert_pb2
from robot_fleet.api.v1 import cleaning_run_pb2 as _cleaning_run_pb2
from robot_fleet.api.v1 import closure_pb2 as _closure_pb2
from robot_fleet.api.v1 import floor_pb2 as _floor_pb2
from robot_fleet.api.v1 import geometry_pb2 as _geometry_pb2
from robot_fleet.api.v1 import robot_pb2 as _robot_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Heartbeat(_message.Message):
    __slots__ = ("time",)
    TIME_FIELD_NUMBER: _ClassVar[int]
    time: _timestamp_pb2.Timestamp
    def __init__(self, time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class StartCleaningRunRequest(_message.Message):
    __slots__ = ("zones", "robots", "request_id")
    ZONES_FIELD_NUMBER: _ClassVar[int]
    ROBOTS_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    zones: _containers.RepeatedScalarFieldContainer[str]
    robots: _containers.RepeatedScalarFieldContainer[str]
    request_id: str
    def __init__(self, zones: _Optional[_Iterable[str]] = ..., robots: _Optional[_Iterable[str]] = ..., request_id: _Optional[str] = ...) -> None: ...

class StopCleaningRunRequest(_message.Message):
    __slots__ = ("run_id", "wait")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    WAIT_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    wait: _duration_pb2.Duration
    def __init__(self, run_id: _Optional[str] = ..., wait: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class PauseCleaningRunRequest(_message.Message):
    __slots__ = ("run_id",)
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    def __init__(self, run_id: _Optional[str] = ...) -> None: ...

class ResumeCleaningRunRequest(_message.Message):
    __slots__ = ("run_id",)
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    def __init__(self, run_id: _Optional[str] = ...) -> None: ...

class GetCleaningRunRequest(_message.Message):
    __slots__ = ("run_id", "view")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    VIEW_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    view: _cleaning_run_pb2.RunView
    def __init__(self, run_id: _Optional[str] = ..., view: _Optional[_Union[_cleaning_run_pb2.RunView, str]] = ...) -> None: ...

class ListCleaningRunsRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListCleaningRunsResponse(_message.Message):
    __slots__ = ("cleaning_runs", "next_page_token")
    CLEANING_RUNS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    cleaning_runs: _containers.RepeatedCompositeFieldContainer[_cleaning_run_pb2.CleaningRun]
    next_page_token: str
    def __init__(self, cleaning_runs: _Optional[_Iterable[_Union[_cleaning_run_pb2.CleaningRun, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class WatchCleaningRunRequest(_message.Message):
    __slots__ = ("run_id", "known_version", "min_interval")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    KNOWN_VERSION_FIELD_NUMBER: _ClassVar[int]
    MIN_INTERVAL_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    known_version: int
    min_interval: _duration_pb2.Duration
    def __init__(self, run_id: _Optional[str] = ..., known_version: _Optional[int] = ..., min_interval: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class WatchCleaningRunResponse(_message.Message):
    __slots__ = ("cleaning_run", "heartbeat")
    CLEANING_RUN_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    cleaning_run: _cleaning_run_pb2.CleaningRun
    heartbeat: Heartbeat
    def __init__(self, cleaning_run: _Optional[_Union[_cleaning_run_pb2.CleaningRun, _Mapping]] = ..., heartbeat: _Optional[_Union[Heartbeat, _Mapping]] = ...) -> None: ...

class ListRobotsRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListRobotsResponse(_message.Message):
    __slots__ = ("robots", "next_page_token", "clock_s")
    ROBOTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    CLOCK_S_FIELD_NUMBER: _ClassVar[int]
    robots: _containers.RepeatedCompositeFieldContainer[_robot_pb2.Robot]
    next_page_token: str
    clock_s: float
    def __init__(self, robots: _Optional[_Iterable[_Union[_robot_pb2.Robot, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., clock_s: _Optional[float] = ...) -> None: ...

class WatchRobotsRequest(_message.Message):
    __slots__ = ("robots", "min_interval")
    ROBOTS_FIELD_NUMBER: _ClassVar[int]
    MIN_INTERVAL_FIELD_NUMBER: _ClassVar[int]
    robots: _containers.RepeatedScalarFieldContainer[str]
    min_interval: _duration_pb2.Duration
    def __init__(self, robots: _Optional[_Iterable[str]] = ..., min_interval: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class WatchRobotsResponse(_message.Message):
    __slots__ = ("robots", "heartbeat", "clock_s")
    ROBOTS_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    CLOCK_S_FIELD_NUMBER: _ClassVar[int]
    robots: _containers.RepeatedCompositeFieldContainer[_robot_pb2.Robot]
    heartbeat: Heartbeat
    clock_s: float
    def __init__(self, robots: _Optional[_Iterable[_Union[_robot_pb2.Robot, _Mapping]]] = ..., heartbeat: _Optional[_Union[Heartbeat, _Mapping]] = ..., clock_s: _Optional[float] = ...) -> None: ...

class AcknowledgeRobotRequest(_message.Message):
    __slots__ = ("robot", "person")
    ROBOT_FIELD_NUMBER: _ClassVar[int]
    PERSON_FIELD_NUMBER: _ClassVar[int]
    robot: str
    person: str
    def __init__(self, robot: _Optional[str] = ..., person: _Optional[str] = ...) -> None: ...

class GetFloorRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class CloseFloorRequest(_message.Message):
    __slots__ = ("name", "polygon", "lasts")
    NAME_FIELD_NUMBER: _ClassVar[int]
    POLYGON_FIELD_NUMBER: _ClassVar[int]
    LASTS_FIELD_NUMBER: _ClassVar[int]
    name: str
    polygon: _geometry_pb2.Polygon
    lasts: _duration_pb2.Duration
    def __init__(self, name: _Optional[str] = ..., polygon: _Optional[_Union[_geometry_pb2.Polygon, _Mapping]] = ..., lasts: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class OpenFloorRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class OpenFloorResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListFloorClosuresRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListFloorClosuresResponse(_message.Message):
    __slots__ = ("floor_closures", "next_page_token")
    FLOOR_CLOSURES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    floor_closures: _containers.RepeatedCompositeFieldContainer[_closure_pb2.FloorClosure]
    next_page_token: str
    def __init__(self, floor_closures: _Optional[_Iterable[_Union[_closure_pb2.FloorClosure, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ListAlertsRequest(_message.Message):
    __slots__ = ("page_size", "page_token", "active_only")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    ACTIVE_ONLY_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    active_only: bool
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., active_only: _Optional[bool] = ...) -> None: ...

class ListAlertsResponse(_message.Message):
    __slots__ = ("alerts", "next_page_token")
    ALERTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    alerts: _containers.RepeatedCompositeFieldContainer[_alert_pb2.Alert]
    next_page_token: str
    def __init__(self, alerts: _Optional[_Iterable[_Union[_alert_pb2.Alert, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...
