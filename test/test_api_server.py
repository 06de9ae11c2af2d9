"""The server: loopback only, one on a port, health and reflection, and a quick end."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator

import grpc
import pytest
import pytest_asyncio
from api_site import ApiSite, hall
from google.rpc.error_details_pb2 import ErrorInfo
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from grpc_status import rpc_status

from robot_fleet.api.server import SERVICE, ApiServer, check_loopback
from robot_fleet.api.services import FleetService
from robot_fleet.api.v1 import fleet_service_pb2 as pb
from robot_fleet.api.v1.fleet_service_pb2_grpc import FleetServiceStub
from robot_fleet.api.watches import MOST_WATCHES
from robot_fleet.control.snapshot import RobotView
from robot_fleet.fleet.errors import InvalidInput


@pytest_asyncio.fixture
async def site() -> AsyncIterator[ApiSite]:
    opened = ApiSite()
    await opened.open()
    yield opened
    await opened.server.close()


@pytest.mark.parametrize("address", ["127.0.0.1:0", "127.8.9.1:50051", "localhost:1", "[::1]:65535"])
def test_loopback_addresses_are_taken(address: str) -> None:
    check_loopback(address)


@pytest.mark.parametrize(
    "address", ["0.0.0.0:50051", "[::]:50051", "192.168.1.5:50051", "example.com:50051", "10.0.0.1:0"]
)
def test_an_address_that_others_can_reach_is_refused(address: str) -> None:
    with pytest.raises(InvalidInput, match="no encryption") as caught:
        check_loopback(address)
    assert caught.value.reason == "NOT_LOOPBACK"


@pytest.mark.parametrize(
    "address",
    [
        "",
        ":",
        "50051",
        ":50051",
        "127.0.0.1",
        "127.0.0.1:",
        "127.0.0.1:http",
        "127.0.0.1:70000",
        f"127.0.0.1:{'9' * 5000}",
    ],
)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_loopback(address)
    assert caught.value.reason == "BAD_ADDRESS"


async def test_a_busy_port_is_named_with_a_remedy(site: ApiSite) -> None:
    other = ApiServer(FleetService(hall(), site.controller, site.hub), site.hub, lambda method, error: None)
    with pytest.raises(InvalidInput) as caught:
        other.bind(f"127.0.0.1:{site.port}")
    assert caught.value.reason == "ADDRESS_IN_USE"
    assert str(site.port) in str(caught.value)
    assert "--address" in str(caught.value)


async def test_a_port_that_any_other_program_has_is_busy_too(site: ApiSite) -> None:
    other = ApiServer(FleetService(hall(), site.controller, site.hub), site.hub, lambda method, error: None)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(InvalidInput):
            other.bind(f"127.0.0.1:{taken.getsockname()[1]}")


async def test_health_says_serving(site: ApiSite) -> None:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{site.port}") as channel:
        health = health_pb2_grpc.HealthStub(channel)
        for service in ("", SERVICE):
            answer = await health.Check(health_pb2.HealthCheckRequest(service=service))
            assert answer.status == health_pb2.HealthCheckResponse.SERVING


async def test_health_is_watched_until_the_server_closes_and_not_by_so_many_that_other_calls_starve(
    site: ApiSite,
) -> None:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{site.port}") as channel:
        health = health_pb2_grpc.HealthStub(channel)
        watches = [health.Watch(health_pb2.HealthCheckRequest(service=SERVICE)) for _ in range(MOST_WATCHES)]
        for watch in watches:
            assert (await watch.read()).status == health_pb2.HealthCheckResponse.SERVING
        with pytest.raises(grpc.aio.AioRpcError) as refusal:
            await health.Watch(health_pb2.HealthCheckRequest(service="")).read()
        assert refusal.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert (await FleetServiceStub(channel).ListRobots(pb.ListRobotsRequest(), timeout=5.0)).robots
        for watch in watches[1:]:
            watch.cancel()
        await site.server.close()
        assert (await watches[0].read()).status == health_pb2.HealthCheckResponse.NOT_SERVING


async def test_reflection_lists_the_service_and_its_protos(site: ApiSite) -> None:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{site.port}") as channel:
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        asked = [
            reflection_pb2.ServerReflectionRequest(list_services=""),
            reflection_pb2.ServerReflectionRequest(file_containing_symbol=SERVICE),
        ]
        answers = [answer async for answer in stub.ServerReflectionInfo(iter(asked))]
    assert SERVICE in {service.name for service in answers[0].list_services_response.service}
    assert answers[1].file_descriptor_response.file_descriptor_proto


async def test_watches_end_with_a_reason_and_the_server_closes_quickly(site: ApiSite) -> None:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{site.port}") as channel:
        stub = FleetServiceStub(channel)
        watches = [stub.WatchRobots(pb.WatchRobotsRequest()) for _ in range(10)]
        for watch in watches:
            await watch.read()
        began = time.monotonic()
        await site.server.close()
        assert time.monotonic() - began < 3.0
        for watch in watches:
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await watch.read()
            assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
            info = ErrorInfo()
            rpc_status.from_call(caught.value).details[0].Unpack(info)
            assert info.reason == "SHUTTING_DOWN"


async def test_our_own_mistakes_are_numbered_logged_and_told_but_not_shown(
    site: ApiSite, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(robot: str, who: str) -> RobotView:
        raise ZeroDivisionError("a secret of the inside")

    monkeypatch.setattr(site.controller, "acknowledge", broken)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{site.port}") as channel:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await FleetServiceStub(channel).AcknowledgeRobot(pb.AcknowledgeRobotRequest(robot="r1", person="Ada"))
    info = ErrorInfo()
    rpc_status.from_call(caught.value).details[0].Unpack(info)
    assert caught.value.code() is grpc.StatusCode.INTERNAL
    assert "secret" not in str(caught.value.details())
    assert info.metadata["incident"] in str(caught.value.details())
    assert info.metadata["incident"] in caplog.text
    assert "a secret of the inside" in caplog.text
    assert [type(bug) for bug in site.bugs] == [ZeroDivisionError]


async def test_many_watchers_do_not_slow_the_answers(site: ApiSite) -> None:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{site.port}") as channel:
        stub = FleetServiceStub(channel)
        watches = [stub.WatchRobots(pb.WatchRobotsRequest()) for _ in range(50)]
        await asyncio.gather(*(watch.read() for watch in watches))
        await stub.StartCleaningRun(pb.StartCleaningRunRequest())
        slowest_s = 0.0
        for _ in range(20):
            site.advance(0.2)
            began = time.monotonic()
            await stub.ListRobots(pb.ListRobotsRequest())
            slowest_s = max(slowest_s, time.monotonic() - began)
        assert slowest_s < 2.0
