"""The gRPC server: our service, health and reflection, on loopback only."""

from __future__ import annotations

import ipaddress
import socket

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from robot_fleet.api.interceptor import ErrorInterceptor, OnAnswer, OnBug
from robot_fleet.api.services import FleetService
from robot_fleet.api.v1 import fleet_service_pb2
from robot_fleet.api.v1.fleet_service_pb2_grpc import add_FleetServiceServicer_to_server
from robot_fleet.control.hub import SnapshotHub
from robot_fleet.fleet.errors import InvalidInput
from robot_fleet.floor.faults import Fault

SERVICE = fleet_service_pb2.DESCRIPTOR.services_by_name["FleetService"].full_name
_OPTIONS = [
    ("grpc.so_reuseport", 0),  # a second server on the port must fail, not share it
    ("grpc.max_receive_message_length", 256 * 1024),
    ("grpc.max_send_message_length", 64 * 1024 * 1024),
]
_MOST_CALLS = 1000
_GRACE_S = 1.0


class ApiServer:
    """Serves the API at one loopback address. Make, start and close it on the event loop's thread."""

    def __init__(
        self, service: FleetService, hub: SnapshotHub, on_bug: OnBug, on_answer: OnAnswer = lambda *answer: None
    ) -> None:
        self._hub = hub
        self._health = health.aio.HealthServicer()
        self._server = grpc.aio.server(
            interceptors=[ErrorInterceptor(on_bug, on_answer)], options=_OPTIONS, maximum_concurrent_rpcs=_MOST_CALLS
        )
        add_FleetServiceServicer_to_server(service, self._server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        reflection.enable_server_reflection((SERVICE, health.SERVICE_NAME, reflection.SERVICE_NAME), self._server)

    def bind(self, address: str) -> int:
        """Takes `host:port` and returns the port (a port of 0 picks a free one). InvalidInput when it cannot."""
        check_loopback(address)
        try:
            port = self._server.add_insecure_port(address)
        except RuntimeError:
            port = 0
        if not port:
            raise InvalidInput("ADDRESS_IN_USE", (_busy(address, "--address"),))
        return port

    async def start(self) -> None:
        """Begins to answer."""
        await self._server.start()
        for name in ("", SERVICE):
            await self._health.set(name, health_pb2.HealthCheckResponse.SERVING)

    async def close(self) -> None:
        """Says NOT_SERVING, ends the watches, lets short calls finish, and frees the port."""
        await self._health.enter_graceful_shutdown()
        self._hub.close()
        await self._server.stop(_GRACE_S)


def check_loopback(address: str, option: str = "--address") -> None:
    """InvalidInput unless the address is `host:port` with a host that only this machine reaches; `option` gave it."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or len(port) > 5 or int(port) > 65535:
        remedy = "Give, for instance, 127.0.0.1:50051."
        raise InvalidInput("BAD_ADDRESS", (Fault(option, address, "it is not host:port", remedy),))
    if not _is_loopback(host.strip("[]")):
        what = "other machines could reach it, and there is no encryption and no login yet"
        remedy = "Use 127.0.0.1, and an SSH tunnel from elsewhere."
        raise InvalidInput("NOT_LOOPBACK", (Fault(option, address, what, remedy),))


def check_free(address: str, option: str = "--address") -> None:
    """InvalidInput when somebody listens at the address, or it is none for this server; port 0 is always free."""
    check_loopback(address, option)
    host, _, port = address.rpartition(":")
    try:
        family, kind, _, _, where = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as gRPC does: ended connections do not count
            probe.bind(where)
    except OSError:
        raise InvalidInput("ADDRESS_IN_USE", (_busy(address, option),)) from None


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _busy(address: str, option: str) -> Fault:
    port = address.rpartition(":")[2]
    remedy = f"See who has it with `ss -ltnp 'sport = :{port}'`, end it, or give another one with {option}."
    return Fault(option, address, f"port {port} is in use, or may not be used", remedy)
