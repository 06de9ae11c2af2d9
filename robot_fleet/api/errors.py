"""Errors as gRPC statuses with google.rpc details: one table, one function."""

from __future__ import annotations

from collections.abc import Sequence

import grpc
from google.protobuf.any_pb2 import Any
from google.protobuf.message import Message
from google.rpc.code_pb2 import Code
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, PreconditionFailure
from google.rpc.status_pb2 import Status

from robot_fleet.api.watches import TooManyWatches
from robot_fleet.control.ports import CannotStore
from robot_fleet.fleet.errors import AlreadyExists, FleetError, InvalidInput, NotFound, Unavailable, WrongState
from robot_fleet.floor.faults import Fault

DOMAIN = "robot_fleet"
_MOST_DETAIL = 3000
_MOST_TEXT = 600

CODES: dict[type[FleetError], grpc.StatusCode] = {
    InvalidInput: grpc.StatusCode.INVALID_ARGUMENT,
    NotFound: grpc.StatusCode.NOT_FOUND,
    AlreadyExists: grpc.StatusCode.ALREADY_EXISTS,
    WrongState: grpc.StatusCode.FAILED_PRECONDITION,
    Unavailable: grpc.StatusCode.UNAVAILABLE,
    TooManyWatches: grpc.StatusCode.RESOURCE_EXHAUSTED,
}


def code_of(error: Exception) -> grpc.StatusCode:
    """The code of the answer that the error becomes; what is no refusal is a mistake of ours."""
    if isinstance(error, CannotStore):
        return grpc.StatusCode.UNAVAILABLE
    found = (code for kind, code in CODES.items() if isinstance(error, kind))
    return next(found, grpc.StatusCode.UNKNOWN if isinstance(error, FleetError) else grpc.StatusCode.INTERNAL)


def status_of(error: FleetError | CannotStore) -> Status:
    """The refusal as a status: its text, its reason, and every fault of the input."""
    if isinstance(error, CannotStore):
        error = Unavailable("STORAGE", f"it could not be stored, and the server starts anew: {error}")
    told, left_out = _what_fits(error.faults)
    metadata = {"faults_left_out": str(left_out)} if left_out else {}
    details: list[Message] = [ErrorInfo(reason=error.reason, domain=DOMAIN, metadata=metadata)]
    if isinstance(error, InvalidInput):
        details.append(BadRequest(field_violations=[_field_violation(fault) for fault in told]))
    if isinstance(error, WrongState):
        details.append(PreconditionFailure(violations=_violations(error, told)))
    return _status(code_of(error), _text(error, told, left_out), details)


def incident_status(incident: str) -> Status:
    """The answer to a fault of ours: nothing of its inside, only a number that the log shows too."""
    text = f"the server made a mistake; its log says more under incident {incident}"
    return _status(
        grpc.StatusCode.INTERNAL, text, [ErrorInfo(reason="INTERNAL", domain=DOMAIN, metadata={"incident": incident})]
    )


def _status(code: grpc.StatusCode, text: str, details: list[Message]) -> Status:
    return Status(code=getattr(Code, code.name), message=text, details=[_packed(detail) for detail in details])


def _what_fits(faults: Sequence[Fault]) -> tuple[list[Fault], int]:
    """As many faults as an answer holds, at least one, and how many are left out."""
    # Details travel in a header, of which most peers take no more than 8 KiB in all, encoded to 4/3 of their size.
    told: list[Fault] = []
    room = _MOST_DETAIL
    for fault in faults:
        room -= len(str(fault).encode()) + len(fault.reason) + 8
        if room < 0 and told:
            break
        told.append(fault)
    return told, len(faults) - len(told)


def _text(error: FleetError, told: Sequence[Fault], left_out: int) -> str:
    """The refusal for people; the status repeats it beside the details, so that a long one is cut."""
    text = "\n".join(map(str, told)) if error.faults else str(error)
    if len(text) > _MOST_TEXT:
        text = f"{text[:_MOST_TEXT]} …"
    return f"{text}\n… and {left_out} more faults" if left_out else text


def _packed(detail: Message) -> Any:
    packed = Any()
    packed.Pack(detail)
    return packed


def _field_violation(fault: Fault) -> BadRequest.FieldViolation:
    where = f"{fault.file}: {fault.place}" if fault.place else fault.file
    return BadRequest.FieldViolation(field=where, description=f"{fault.what}. {fault.remedy}", reason=fault.reason)


def _violations(error: WrongState, told: Sequence[Fault]) -> list[PreconditionFailure.Violation]:
    if not told:
        return [PreconditionFailure.Violation(type=error.reason, subject="", description=str(error)[:_MOST_TEXT])]
    return [
        PreconditionFailure.Violation(
            type=fault.reason or error.reason,
            subject=fault.place or fault.file,
            description=f"{fault.what}. {fault.remedy}",
        )
        for fault in told
    ]
