"""Turns what a method of our services raises into an answer. No method needs a try of its own."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
from google.protobuf.message import DecodeError, Message
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status

from robot_fleet.api.errors import code_of, incident_status, status_of
from robot_fleet.api.watches import Seats, TooManyWatches
from robot_fleet.control.ports import CannotStore
from robot_fleet.fleet.errors import FleetError, InvalidInput
from robot_fleet.floor.faults import Fault

_LOG = logging.getLogger(__name__)
_OURS = "/robot_fleet."

OnBug = Callable[[str, Exception], None]
"""Called with the method's name and what it raised."""

OnAnswer = Callable[[str, str, float], None]
"""Called with the method's name, the name of the answer's gRPC status and the seconds until it was there."""


class ErrorInterceptor(grpc.aio.ServerInterceptor):
    """Refusals become their status with details; anything else is our mistake: logged, told to `on_bug`, INTERNAL."""

    def __init__(self, on_bug: OnBug, on_answer: OnAnswer = lambda *answer: None) -> None:
        self._on_bug, self._on_answer = on_bug, on_answer
        self._seats = Seats()
        self._streamed: dict[str, SentToMany] = {}

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler:
        """The method's handler, wrapped."""
        handler = await continuation(handler_call_details)
        method = handler_call_details.method
        if handler is None:
            return handler
        if not method.startswith(_OURS):
            return self._seated(method, handler) if handler.response_streaming else handler
        # The request is decoded within the wrapping, so that bytes which are no message get an answer like any other fault.
        if handler.unary_stream:
            serialize = self._streamed.setdefault(method, SentToMany(handler.response_serializer))
            return grpc.unary_stream_rpc_method_handler(self._stream(method, handler), None, serialize)
        return grpc.unary_unary_rpc_method_handler(self._unary(method, handler), None, handler.response_serializer)

    def _unary(self, method: str, handler: grpc.RpcMethodHandler) -> Callable[..., Awaitable[Any]]:
        async def answer(request: bytes, context: grpc.aio.ServicerContext) -> Any:
            began_s, outcome = time.perf_counter(), "OK"
            try:
                return await handler.unary_unary(_decoded(handler, request), context)
            except Exception as error:
                outcome = code_of(error).name
                await self._abort(method, error, context)
            finally:
                self._on_answer(method.rpartition("/")[2], outcome, time.perf_counter() - began_s)

        return answer

    def _stream(self, method: str, handler: grpc.RpcMethodHandler) -> Callable[..., AsyncIterator[Any]]:
        async def answers(request: bytes, context: grpc.aio.ServicerContext) -> AsyncIterator[Any]:
            try:
                async for message in handler.unary_stream(_decoded(handler, request), context):
                    yield message
            except Exception as error:
                await self._abort(method, error, context)

        return answers

    def _seated(self, method: str, handler: grpc.RpcMethodHandler) -> grpc.RpcMethodHandler:
        """Health and reflection, whose streams may stay open for ever, without the room of all other calls."""
        serve = handler.stream_stream if handler.request_streaming else handler.unary_stream

        async def answers(request: Any, context: grpc.aio.ServicerContext) -> None:
            try:
                with self._seats.one():
                    answering = serve(request, context)
                    if not hasattr(answering, "__aiter__"):
                        await answering  # it writes by itself
                        return
                    async for message in answering:
                        await context.write(message)
            except TooManyWatches as error:
                await self._abort(method, error, context)

        made = (
            grpc.stream_stream_rpc_method_handler if handler.request_streaming else grpc.unary_stream_rpc_method_handler
        )
        return made(answers, handler.request_deserializer, handler.response_serializer)

    async def _abort(self, method: str, error: Exception, context: grpc.aio.ServicerContext) -> None:
        if isinstance(error, grpc.aio.AbortError | grpc.aio.UsageError):
            raise error
        if isinstance(error, CannotStore):
            self._on_bug(method, error)
        status = status_of(error) if isinstance(error, FleetError | CannotStore) else self._incident(method, error)
        answer = rpc_status.to_status(status)
        await context.abort(answer.code, answer.details, answer.trailing_metadata)

    def _incident(self, method: str, error: Exception) -> Status:
        incident = uuid.uuid4().hex[:12]
        _LOG.error("incident %s in %s", incident, method, exc_info=error)
        self._on_bug(method, error)
        return incident_status(incident)


class SentToMany:
    """Makes bytes of a message once when it is sent to many: they are given the same one."""

    def __init__(self, serialize: Callable[[Message], bytes]) -> None:
        self._serialize = serialize
        self._last: tuple[Message | None, bytes] = None, b""

    def __call__(self, message: Message) -> bytes:
        if message is not self._last[0]:
            self._last = message, self._serialize(message)
        return self._last[1]


def _decoded(handler: grpc.RpcMethodHandler, request: bytes) -> Any:
    try:
        return handler.request_deserializer(request)
    except DecodeError:
        fault = Fault(
            "request", "", "its bytes are no message of this method", "Use the protos of this version.", "BAD_MESSAGE"
        )
        raise InvalidInput("INVALID_REQUEST", (fault,)) from None
