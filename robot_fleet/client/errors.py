"""What a call to the controller can raise.

ClientError
├── Unreachable     no controller answers at the address, or none in time
└── Refused         the controller answered that it will not, and why
"""

from __future__ import annotations

import grpc
from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status

_NOT_THERE = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)


class ClientError(Exception):
    """A call that failed. The text says what is wrong; `remedy` says what to do, where the text does not.

    `code` is the gRPC status code's name and `reason` a stable UPPER_SNAKE word; `fields` maps each bad request field
    to what is wrong with it.
    """

    def __init__(
        self, text: str, *, remedy: str = "", code: str = "", reason: str = "", fields: dict[str, str] | None = None
    ) -> None:
        self.remedy = remedy
        self.code = code
        self.reason = reason
        self.fields = fields or {}
        super().__init__(text)


class Unreachable(ClientError):
    """No controller answers, or none in time."""


class Refused(ClientError):
    """The controller refuses the call."""


def check_address(address: str) -> None:
    """ClientError (code INVALID_ARGUMENT) unless the address is HOST:PORT, which gRPC would only say of some."""
    host, _, port = address.rpartition(":")
    plain_host = not set(host) & set("/ ") and (":" not in host or host.startswith("["))
    plain_port = port.isascii() and port.isdecimal() and len(port) <= 5 and 0 < int(port) <= 65535
    if not (host and plain_host and plain_port):
        remedy = "Give the controller's address, for instance 127.0.0.1:50051."
        raise ClientError(f"{address!r} is not HOST:PORT", remedy=remedy, code="INVALID_ARGUMENT", reason="BAD_ADDRESS")


def client_error(error: grpc.RpcError, address: str) -> ClientError:
    """The gRPC error as an error that a person can read."""
    code = error.code()
    told = _status(error)
    if told is None and code in _NOT_THERE:
        return _unreachable(code, address)
    text = error.details() or code.name
    if told is None:
        return ClientError(text, code=code.name)
    what = ErrorInfo()
    _unpack(told, what)
    kind = Unreachable if what.reason == "SHUTTING_DOWN" else Refused
    return kind(text, code=code.name, reason=what.reason, fields=_fields(told))


def unreadable(fault: Exception) -> ClientError:
    """For an answer that this version of the client does not understand."""
    return ClientError(
        f"the controller's answer has something unknown in it: {fault}",
        remedy="Is the controller newer than this program? Update robot_fleet here.",
        reason="UNKNOWN_ANSWER",
    )


def _unreachable(code: grpc.StatusCode, address: str) -> Unreachable:
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        text, reason = f"the controller at {address} did not answer in time", "NO_ANSWER"
    else:
        text, reason = f"no controller answers at {address}", "NO_CONTROLLER"
    remedy = "Start one with `robot-fleet serve --store DIR`, or say where it is with --address HOST:PORT."
    return Unreachable(text, remedy=remedy, code=code.name, reason=reason)


def _status(error: grpc.RpcError) -> Status | None:
    try:
        return rpc_status.from_call(error)
    except (ValueError, DecodeError):
        return None


def _unpack(status: Status, into: ErrorInfo | BadRequest) -> None:
    for detail in status.details:
        if detail.Is(into.DESCRIPTOR):
            detail.Unpack(into)
            return


def _fields(status: Status) -> dict[str, str]:
    bad = BadRequest()
    _unpack(status, bad)
    fields: dict[str, str] = {}
    for violation in bad.field_violations:
        known = fields.get(violation.field)
        fields[violation.field] = f"{known}\n{violation.description}" if known else violation.description
    return fields
