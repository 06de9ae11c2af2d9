import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from robot_fleet.api.v1 import geometry_pb2 as _geometry_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class FloorClosure(_message.Message):
    __slots__ = ("name", "polygon", "create_time", "expire_time", "robots_inside")
    NAME_FIELD_NUMBER: _ClassVar[int]
    POLYGON_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    ROBOTS_INSIDE_FIELD_NUMBER: _ClassVar[int]
    name: str
    polygon: _geometry_pb2.Polygon
    create_time: _timestamp_pb2.Timestamp
    expire_time: _timestamp_pb2.Timestamp
    robots_inside: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, name: _Optional[str] = ..., polygon: _Optional[_Union[_geometry_pb2.Polygon, _Mapping]] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., robots_inside: _Optional[_Iterable[str]] = ...) -> None: ...
