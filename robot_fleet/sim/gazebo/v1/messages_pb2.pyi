from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Time(_message.Message):
    __slots__ = ("sec", "nsec")
    SEC_FIELD_NUMBER: _ClassVar[int]
    NSEC_FIELD_NUMBER: _ClassVar[int]
    sec: int
    nsec: int
    def __init__(self, sec: _Optional[int] = ..., nsec: _Optional[int] = ...) -> None: ...

class Header(_message.Message):
    __slots__ = ("stamp",)
    STAMP_FIELD_NUMBER: _ClassVar[int]
    stamp: Time
    def __init__(self, stamp: _Optional[_Union[Time, _Mapping]] = ...) -> None: ...

class Vector3d(_message.Message):
    __slots__ = ("x", "y", "z")
    X_FIELD_NUMBER: _ClassVar[int]
    Y_FIELD_NUMBER: _ClassVar[int]
    Z_FIELD_NUMBER: _ClassVar[int]
    x: float
    y: float
    z: float
    def __init__(self, x: _Optional[float] = ..., y: _Optional[float] = ..., z: _Optional[float] = ...) -> None: ...

class Quaternion(_message.Message):
    __slots__ = ("x", "y", "z", "w")
    X_FIELD_NUMBER: _ClassVar[int]
    Y_FIELD_NUMBER: _ClassVar[int]
    Z_FIELD_NUMBER: _ClassVar[int]
    W_FIELD_NUMBER: _ClassVar[int]
    x: float
    y: float
    z: float
    w: float
    def __init__(self, x: _Optional[float] = ..., y: _Optional[float] = ..., z: _Optional[float] = ..., w: _Optional[float] = ...) -> None: ...

class Pose(_message.Message):
    __slots__ = ("header", "name", "id", "position", "orientation")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    ORIENTATION_FIELD_NUMBER: _ClassVar[int]
    header: Header
    name: str
    id: int
    position: Vector3d
    orientation: Quaternion
    def __init__(self, header: _Optional[_Union[Header, _Mapping]] = ..., name: _Optional[str] = ..., id: _Optional[int] = ..., position: _Optional[_Union[Vector3d, _Mapping]] = ..., orientation: _Optional[_Union[Quaternion, _Mapping]] = ...) -> None: ...

class Poses(_message.Message):
    __slots__ = ("header", "pose")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    POSE_FIELD_NUMBER: _ClassVar[int]
    header: Header
    pose: _containers.RepeatedCompositeFieldContainer[Pose]
    def __init__(self, header: _Optional[_Union[Header, _Mapping]] = ..., pose: _Optional[_Iterable[_Union[Pose, _Mapping]]] = ...) -> None: ...

class Twist(_message.Message):
    __slots__ = ("header", "linear", "angular")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    LINEAR_FIELD_NUMBER: _ClassVar[int]
    ANGULAR_FIELD_NUMBER: _ClassVar[int]
    header: Header
    linear: Vector3d
    angular: Vector3d
    def __init__(self, header: _Optional[_Union[Header, _Mapping]] = ..., linear: _Optional[_Union[Vector3d, _Mapping]] = ..., angular: _Optional[_Union[Vector3d, _Mapping]] = ...) -> None: ...

class Odometry(_message.Message):
    __slots__ = ("header", "pose", "twist")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    POSE_FIELD_NUMBER: _ClassVar[int]
    TWIST_FIELD_NUMBER: _ClassVar[int]
    header: Header
    pose: Pose
    twist: Twist
    def __init__(self, header: _Optional[_Union[Header, _Mapping]] = ..., pose: _Optional[_Union[Pose, _Mapping]] = ..., twist: _Optional[_Union[Twist, _Mapping]] = ...) -> None: ...

class Clock(_message.Message):
    __slots__ = ("sim",)
    SIM_FIELD_NUMBER: _ClassVar[int]
    sim: Time
    def __init__(self, sim: _Optional[_Union[Time, _Mapping]] = ...) -> None: ...

class Discovery(_message.Message):
    __slots__ = ("version", "process_uuid", "type", "flags", "sub", "pub")
    class Type(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        TYPE_UNSPECIFIED: _ClassVar[Discovery.Type]
        TYPE_ADVERTISE: _ClassVar[Discovery.Type]
        TYPE_SUBSCRIBE: _ClassVar[Discovery.Type]
        TYPE_UNADVERTISE: _ClassVar[Discovery.Type]
        TYPE_HEARTBEAT: _ClassVar[Discovery.Type]
        TYPE_BYE: _ClassVar[Discovery.Type]
        TYPE_NEW_CONNECTION: _ClassVar[Discovery.Type]
        TYPE_END_CONNECTION: _ClassVar[Discovery.Type]
    TYPE_UNSPECIFIED: Discovery.Type
    TYPE_ADVERTISE: Discovery.Type
    TYPE_SUBSCRIBE: Discovery.Type
    TYPE_UNADVERTISE: Discovery.Type
    TYPE_HEARTBEAT: Discovery.Type
    TYPE_BYE: Discovery.Type
    TYPE_NEW_CONNECTION: Discovery.Type
    TYPE_END_CONNECTION: Discovery.Type
    class Flags(_message.Message):
        __slots__ = ("relay", "no_relay")
        RELAY_FIELD_NUMBER: _ClassVar[int]
        NO_RELAY_FIELD_NUMBER: _ClassVar[int]
        relay: bool
        no_relay: bool
        def __init__(self, relay: _Optional[bool] = ..., no_relay: _Optional[bool] = ...) -> None: ...
    class Subscriber(_message.Message):
        __slots__ = ("topic",)
        TOPIC_FIELD_NUMBER: _ClassVar[int]
        topic: str
        def __init__(self, topic: _Optional[str] = ...) -> None: ...
    class Publisher(_message.Message):
        __slots__ = ("topic", "address", "process_uuid", "node_uuid", "scope", "msg_pub")
        class Scope(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
            __slots__ = ()
            SCOPE_UNSPECIFIED: _ClassVar[Discovery.Publisher.Scope]
            SCOPE_HOST: _ClassVar[Discovery.Publisher.Scope]
            SCOPE_ALL: _ClassVar[Discovery.Publisher.Scope]
        SCOPE_UNSPECIFIED: Discovery.Publisher.Scope
        SCOPE_HOST: Discovery.Publisher.Scope
        SCOPE_ALL: Discovery.Publisher.Scope
        class MessagePublisher(_message.Message):
            __slots__ = ("ctrl", "msg_type")
            CTRL_FIELD_NUMBER: _ClassVar[int]
            MSG_TYPE_FIELD_NUMBER: _ClassVar[int]
            ctrl: str
            msg_type: str
            def __init__(self, ctrl: _Optional[str] = ..., msg_type: _Optional[str] = ...) -> None: ...
        TOPIC_FIELD_NUMBER: _ClassVar[int]
        ADDRESS_FIELD_NUMBER: _ClassVar[int]
        PROCESS_UUID_FIELD_NUMBER: _ClassVar[int]
        NODE_UUID_FIELD_NUMBER: _ClassVar[int]
        SCOPE_FIELD_NUMBER: _ClassVar[int]
        MSG_PUB_FIELD_NUMBER: _ClassVar[int]
        topic: str
        address: str
        process_uuid: str
        node_uuid: str
        scope: Discovery.Publisher.Scope
        msg_pub: Discovery.Publisher.MessagePublisher
        def __init__(self, topic: _Optional[str] = ..., address: _Optional[str] = ..., process_uuid: _Optional[str] = ..., node_uuid: _Optional[str] = ..., scope: _Optional[_Union[Discovery.Publisher.Scope, str]] = ..., msg_pub: _Optional[_Union[Discovery.Publisher.MessagePublisher, _Mapping]] = ...) -> None: ...
    VERSION_FIELD_NUMBER: _ClassVar[int]
    PROCESS_UUID_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    FLAGS_FIELD_NUMBER: _ClassVar[int]
    SUB_FIELD_NUMBER: _ClassVar[int]
    PUB_FIELD_NUMBER: _ClassVar[int]
    version: int
    process_uuid: str
    type: Discovery.Type
    flags: Discovery.Flags
    sub: Discovery.Subscriber
    pub: Discovery.Publisher
    def __init__(self, version: _Optional[int] = ..., process_uuid: _Optional[str] = ..., type: _Optional[_Union[Discovery.Type, str]] = ..., flags: _Optional[_Union[Discovery.Flags, _Mapping]] = ..., sub: _Optional[_Union[Discovery.Subscriber, _Mapping]] = ..., pub: _Optional[_Union[Discovery.Publisher, _Mapping]] = ...) -> None: ...
