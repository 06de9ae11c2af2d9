"""Times and enums as messages and back. Durations are kept to a nanosecond, times of day to a microsecond."""

from __future__ import annotations

import enum
from typing import Any, TypeVar

from google.protobuf.duration_pb2 import Duration
from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper
from google.protobuf.timestamp_pb2 import Timestamp

Member = TypeVar("Member", bound=enum.Enum)
_NANOS = 1_000_000_000


def duration_to_proto(seconds: float) -> Duration:
    """Seconds as a Duration."""
    duration = Duration()
    duration.FromNanoseconds(round(seconds * _NANOS))
    return duration


def duration_from_proto(duration: Duration) -> float:
    """A Duration in seconds."""
    return duration.ToNanoseconds() / _NANOS


def time_to_proto(utc_s: float) -> Timestamp:
    """Seconds since 1970 in UTC as a Timestamp, to the microsecond (more than a float of today's date can tell)."""
    timestamp = Timestamp()
    timestamp.FromMicroseconds(round(utc_s * 1_000_000))
    return timestamp


def time_from_proto(timestamp: Timestamp) -> float:
    """A Timestamp in seconds since 1970 in UTC."""
    return timestamp.ToMicroseconds() / 1_000_000


def enum_to_proto(wrapper: EnumTypeWrapper, prefix: str, member: enum.Enum) -> Any:
    """The number of the API's enum value that has the same name after `prefix`."""
    return wrapper.Value(f"{prefix}_{member.name}")


def enum_from_proto(wrapper: EnumTypeWrapper, prefix: str, number: int, kind: type[Member]) -> Member:
    """The member with the same name; KeyError for UNSPECIFIED and for values that this version does not know."""
    try:
        return kind[wrapper.Name(number).removeprefix(f"{prefix}_")]
    except ValueError:
        raise KeyError(f"{wrapper.DESCRIPTOR.full_name} has no value {number}") from None
