"""Bad requests over a real socket: the right code, every fault with its field and reason, and nothing changes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from typing import Any

import grpc
import pytest
import pytest_asyncio
from api_site import ApiSite
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, PreconditionFailure
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from robot_fleet.api.errors import status_of
from robot_fleet.api.paging import page_of
from robot_fleet.api.v1 import fleet_service_pb2 as pb
from robot_fleet.api.v1.fleet_service_pb2_grpc import FleetServiceStub
from robot_fleet.control.ports import CannotStore
from robot_fleet.fleet.errors import AlreadyExists, FleetError, InvalidInput, NotFound, Unavailable, WrongState
from robot_fleet.floor.faults import Fault


@pytest_asyncio.fixture
async def site() -> AsyncIterator[ApiSite]:
    opened = ApiSite()
    await opened.open()
    yield opened
    await opened.server.close()
    assert opened.bugs == []


@pytest_asyncio.fixture
async def stub(site: ApiSite) -> AsyncIterator[FleetServiceStub]:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{site.port}") as channel:
        yield FleetServiceStub(channel)


async def refusal(call: Awaitable[Any]) -> tuple[str, str, list[tuple[str, str]]]:
    """The code, the reason, and each bad field with its own reason."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    status = rpc_status.from_call(caught.value)
    info, bad = detail(status, ErrorInfo()), detail(status, BadRequest())
    assert info.domain == "robot_fleet"
    assert caught.value.details()
    assert all(violation.description for violation in bad.field_violations)
    return caught.value.code().name, info.reason, [(fault.field, fault.reason) for fault in bad.field_violations]


def detail(status: Status, into: Any) -> Any:
    for packed in status.details:
        if packed.Is(into.DESCRIPTOR):
            packed.Unpack(into)
    return into


async def test_every_fault_of_a_start_is_told_at_once(site: ApiSite, stub: FleetServiceStub) -> None:
    request = pb.StartCleaningRunRequest(
        zones=["west", "nowhere", "west"], robots=["r1", "r9"], request_id="not an identifier!"
    )
    code, reason, fields = await refusal(stub.StartCleaningRun(request))
    assert (code, reason) == ("INVALID_ARGUMENT", "INVALID_REQUEST")
    assert sorted(fields) == [
        ("request_id", "BAD_CHARACTERS"),
        ("robots", "UNKNOWN_NAME"),
        ("zones", "DUPLICATE"),
        ("zones", "UNKNOWN_NAME"),
    ]
    assert site.controller.snapshot.runs == ()


@pytest.mark.parametrize(
    ("method", "request_", "fields"),
    [
        ("StopCleaningRun", pb.StopCleaningRunRequest(), [("run_id", "REQUIRED")]),
        ("PauseCleaningRun", pb.PauseCleaningRunRequest(), [("run_id", "REQUIRED")]),
        ("ResumeCleaningRun", pb.ResumeCleaningRunRequest(run_id="ä"), [("run_id", "BAD_CHARACTERS")]),
        ("GetCleaningRun", pb.GetCleaningRunRequest(run_id="x" * 65), [("run_id", "BAD_CHARACTERS")]),
        ("GetCleaningRun", pb.GetCleaningRunRequest(run_id="a", view=77), [("view", "UNKNOWN_VALUE")]),
        (
            "StopCleaningRun",
            pb.StopCleaningRunRequest(run_id="../etc", wait=Duration(seconds=-1)),
            [("run_id", "BAD_CHARACTERS"), ("wait", "OUT_OF_RANGE")],
        ),
        (
            "StopCleaningRun",
            pb.StopCleaningRunRequest(run_id="a", wait=Duration(seconds=61)),
            [("wait", "OUT_OF_RANGE")],
        ),
        (
            "StopCleaningRun",
            pb.StopCleaningRunRequest(run_id="a", wait=Duration(seconds=1, nanos=2_000_000_000)),
            [("wait", "OUT_OF_RANGE")],
        ),
        ("ListCleaningRuns", pb.ListCleaningRunsRequest(page_size=-1), [("page_size", "OUT_OF_RANGE")]),
        ("ListRobots", pb.ListRobotsRequest(page_token="x"), [("page_token", "BAD_TOKEN")]),
        (
            "ListAlerts",
            pb.ListAlertsRequest(page_size=-5, page_token="W10="),
            [("page_size", "OUT_OF_RANGE"), ("page_token", "BAD_TOKEN")],
        ),
        ("AcknowledgeRobot", pb.AcknowledgeRobotRequest(), [("robot", "REQUIRED"), ("person", "REQUIRED")]),
        ("AcknowledgeRobot", pb.AcknowledgeRobotRequest(robot="r1", person=" \t"), [("person", "REQUIRED")]),
        ("AcknowledgeRobot", pb.AcknowledgeRobotRequest(robot="r1", person="a\nb"), [("person", "BAD_CHARACTERS")]),
        ("AcknowledgeRobot", pb.AcknowledgeRobotRequest(robot="r1", person="a" * 101), [("person", "BAD_CHARACTERS")]),
    ],
)
async def test_a_bad_field_is_named_with_its_reason(
    stub: FleetServiceStub, method: str, request_: Any, fields: list[tuple[str, str]]
) -> None:
    assert await refusal(getattr(stub, method)(request_)) == ("INVALID_ARGUMENT", "INVALID_REQUEST", fields)


@pytest.mark.parametrize(
    ("request_", "fields"),
    [
        (pb.WatchCleaningRunRequest(), [("run_id", "REQUIRED")]),
        (
            pb.WatchCleaningRunRequest(run_id="a", min_interval=Duration(nanos=1)),
            [("min_interval", "OUT_OF_RANGE")],
        ),
        (pb.WatchRobotsRequest(robots=["r1", "r1", "r3"]), [("robots", "DUPLICATE"), ("robots", "UNKNOWN_NAME")]),
    ],
)
async def test_a_bad_watch_ends_with_its_faults(
    stub: FleetServiceStub, request_: Any, fields: list[tuple[str, str]]
) -> None:
    method = stub.WatchRobots if isinstance(request_, pb.WatchRobotsRequest) else stub.WatchCleaningRun
    assert await refusal(method(request_).read()) == ("INVALID_ARGUMENT", "INVALID_REQUEST", fields)


@pytest.mark.parametrize(
    "request_",
    [
        pb.StopCleaningRunRequest(run_id="nope"),
        pb.PauseCleaningRunRequest(run_id="nope"),
        pb.ResumeCleaningRunRequest(run_id="nope"),
        pb.GetCleaningRunRequest(run_id="nope"),
        pb.GetCleaningRunRequest(run_id="nope", view=2),
    ],
)
async def test_a_run_that_does_not_exist_is_not_found(stub: FleetServiceStub, request_: Any) -> None:
    method = getattr(stub, type(request_).__name__.removesuffix("Request"))
    assert (await refusal(method(request_)))[:2] == ("NOT_FOUND", "RUN_NOT_FOUND")


async def test_watching_a_run_that_does_not_exist_ends_at_once(stub: FleetServiceStub) -> None:
    watch = stub.WatchCleaningRun(pb.WatchCleaningRunRequest(run_id="nope"))
    assert (await refusal(watch.read()))[:2] == ("NOT_FOUND", "RUN_NOT_FOUND")


async def test_a_robot_that_is_not_held_cannot_be_acknowledged(stub: FleetServiceStub) -> None:
    code, reason, _ = await refusal(stub.AcknowledgeRobot(pb.AcknowledgeRobotRequest(robot="r1", person="Ada")))
    assert (code, reason) == ("FAILED_PRECONDITION", "NOT_HELD")
    code, reason, _ = await refusal(stub.AcknowledgeRobot(pb.AcknowledgeRobotRequest(robot="r7", person="Ada")))
    assert (code, reason) == ("NOT_FOUND", "ROBOT_NOT_FOUND")


async def test_a_thousand_faults_fit_into_one_answer(stub: FleetServiceStub) -> None:
    names = [f"no-such-zone-{number}-{'é' * 80}" for number in range(1000)]
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.StartCleaningRun(pb.StartCleaningRunRequest(zones=names))
    status = rpc_status.from_call(caught.value)
    told = len(detail(status, BadRequest()).field_violations)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert told > 5
    assert detail(status, ErrorInfo()).metadata["faults_left_out"] == str(1000 - told)
    assert status.ByteSize() < 6000


async def test_too_many_names_are_one_fault(stub: FleetServiceStub) -> None:
    request = pb.StartCleaningRunRequest(zones=["z"] * 1001)
    assert (await refusal(stub.StartCleaningRun(request)))[2] == [("zones", "TOO_MANY")]


async def test_a_huge_message_is_refused_and_harms_nobody(stub: FleetServiceStub) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.StartCleaningRun(pb.StartCleaningRunRequest(request_id="x" * 1_000_000))
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert len((await stub.ListRobots(pb.ListRobotsRequest())).robots) == 2


async def test_bytes_that_are_no_message_are_an_error_of_the_caller(site: ApiSite) -> None:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{site.port}") as channel:
        raw = channel.unary_unary("/robot_fleet.api.v1.FleetService/StartCleaningRun")
        bad = ("INVALID_ARGUMENT", "INVALID_REQUEST", [("request", "BAD_MESSAGE")])
        assert await refusal(raw(b"\xff\xfe\x00 no protobuf")) == bad
        watch = channel.unary_stream("/robot_fleet.api.v1.FleetService/WatchRobots")
        assert await refusal(watch(b"\xff\xfe\x00 no protobuf").read()) == bad
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await channel.unary_unary("/robot_fleet.api.v1.FleetService/EatTheCake")(b"")
        assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    token=st.text(max_size=200) | st.binary(max_size=60).map(lambda raw: raw.hex()),
    size=st.integers(-(2**31), 2**31 - 1),
)
def test_no_page_token_breaks_a_list(token: str, size: int) -> None:
    try:
        items, rest = page_of(range(5), lambda item: (item, ""), "numbers", size, token)
    except InvalidInput as refused:
        assert {fault.file for fault in refused.faults} <= {"page_size", "page_token"}
    else:
        assert (items, rest) == ([0, 1, 2, 3, 4][: size or 5], rest)


@given(st.lists(st.tuples(st.floats(-1e9, 1e9), st.text(max_size=5)), unique=True), st.integers(1, 7))
def test_pages_together_are_the_list(keys: list[tuple[float, str]], size: int) -> None:
    seen: list[tuple[float, str]] = []
    token = "begin"
    while token:
        page, token = page_of(keys, lambda key: key, "list", size, "" if token == "begin" else token)
        seen += page
        assert len(page) <= size
    assert seen == sorted(keys)


def test_a_token_of_another_list_is_refused() -> None:
    _, token = page_of(range(5), lambda item: (item, ""), "numbers", 2, "")
    with pytest.raises(InvalidInput):
        page_of(range(5), lambda item: (item, ""), "letters", 2, token)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InvalidInput("R", (Fault("f", "p", "w", "r"),)), grpc.StatusCode.INVALID_ARGUMENT),
        (NotFound("R", "t"), grpc.StatusCode.NOT_FOUND),
        (AlreadyExists("R", "t"), grpc.StatusCode.ALREADY_EXISTS),
        (WrongState("R", "t"), grpc.StatusCode.FAILED_PRECONDITION),
        (Unavailable("R", "t"), grpc.StatusCode.UNAVAILABLE),
        (FleetError("R", "t"), grpc.StatusCode.UNKNOWN),
    ],
)
def test_every_refusal_has_its_code(error: FleetError, code: grpc.StatusCode) -> None:
    status = status_of(error)
    assert status.code == code.value[0]
    assert detail(status, ErrorInfo()).reason == "R"
    assert status.message


def test_a_wrong_state_says_what_was_expected() -> None:
    failure = detail(status_of(WrongState("RUN_ACTIVE", "run 7 is RUNNING; stop it first")), PreconditionFailure())
    assert [(violation.type, violation.description) for violation in failure.violations] == [
        ("RUN_ACTIVE", "run 7 is RUNNING; stop it first")
    ]


def test_storage_that_refuses_is_told_as_unavailable() -> None:
    status = status_of(CannotStore("disk full"))
    assert status.code == grpc.StatusCode.UNAVAILABLE.value[0]
    assert detail(status, ErrorInfo()).reason == "STORAGE"
