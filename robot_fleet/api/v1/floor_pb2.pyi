from robot_fleet.api.v1 import geometry_pb2 as _geometry_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Zone(_message.Message):
    __slots__ = ("name", "polygon", "priority", "surface")
    NAME_FIELD_NUMBER: _ClassVar[int]
    POLYGON_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    SURFACE_FIELD_NUMBER: _ClassVar[int]
    name: str
    polygon: _geometry_pb2.Polygon
    priority: int
    surface: str
    def __init__(self, name: _Optional[str] = ..., polygon: _Optional[_Union[_geometry_pb2.Polygon, _Mapping]] = ..., priority: _Optional[int] = ..., surface: _Optional[str] = ...) -> None: ...

class Keepout(_message.Message):
    __slots__ = ("name", "polygon")
    NAME_FIELD_NUMBER: _ClassVar[int]
    POLYGON_FIELD_NUMBER: _ClassVar[int]
    name: str
    polygon: _geometry_pb2.Polygon
    def __init__(self, name: _Optional[str] = ..., polygon: _Optional[_Union[_geometry_pb2.Polygon, _Mapping]] = ...) -> None: ...

class Dock(_message.Message):
    __slots__ = ("name", "pose", "staging_m")
    NAME_FIELD_NUMBER: _ClassVar[int]
    POSE_FIELD_NUMBER: _ClassVar[int]
    STAGING_M_FIELD_NUMBER: _ClassVar[int]
    name: str
    pose: _geometry_pb2.Pose
    staging_m: float
    def __init__(self, name: _Optional[str] = ..., pose: _Optional[_Union[_geometry_pb2.Pose, _Mapping]] = ..., staging_m: _Optional[float] = ...) -> None: ...

class Grid(_message.Message):
    __slots__ = ("rows", "cols", "resolution_m", "origin", "cells")
    ROWS_FIELD_NUMBER: _ClassVar[int]
    COLS_FIELD_NUMBER: _ClassVar[int]
    RESOLUTION_M_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    CELLS_FIELD_NUMBER: _ClassVar[int]
    rows: int
    cols: int
    resolution_m: float
    origin: _geometry_pb2.Pose
    cells: bytes
    def __init__(self, rows: _Optional[int] = ..., cols: _Optional[int] = ..., resolution_m: _Optional[float] = ..., origin: _Optional[_Union[_geometry_pb2.Pose, _Mapping]] = ..., cells: _Optional[bytes] = ...) -> None: ...

class Floor(_message.Message):
    __slots__ = ("store", "grid", "zones", "keepouts", "docks")
    STORE_FIELD_NUMBER: _ClassVar[int]
    GRID_FIELD_NUMBER: _ClassVar[int]
    ZONES_FIELD_NUMBER: _ClassVar[int]
    KEEPOUTS_FIELD_NUMBER: _ClassVar[int]
    DOCKS_FIELD_NUMBER: _ClassVar[int]
    store: str
    grid: Grid
    zones: _containers.RepeatedCompositeFieldContainer[Zone]
    keepouts: _containers.RepeatedCompositeFieldContainer[Keepout]
    docks: _containers.RepeatedCompositeFieldContainer[Dock]
    def __init__(self, store: _Optional[str] = ..., grid: _Optional[_Union[Grid, _Mapping]] = ..., zones: _Optional[_Iterable[_Union[Zone, _Mapping]]] = ..., keepouts: _Optional[_Iterable[_Union[Keepout, _Mapping]]] = ..., docks: _Optional[_Iterable[_Union[Dock, _Mapping]]] = ...) -> None: ...
