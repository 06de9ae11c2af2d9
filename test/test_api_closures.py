"""Floor closed through the API, over a real socket: told, listed, opened, and refused with the field at fault."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Sequence
from typing import Any

import grpc
import pytest
import pytest_asyncio
from api_site import ApiSite, hall, served_site
from control_site import Disk, lasting
from google.protobuf.duration_pb2 import Duration
from shapely import Polygon, box
from test_api_requests import refusal

from robot_fleet.api.conversion.geometry import polygon_to_proto
from robot_fleet.api.server import ApiServer
from robot_fleet.api.services import FleetService
from robot_fleet.api.v1 import fleet_service_pb2 as pb
from robot_fleet.api.v1 import geometry_pb2 as shapes
from robot_fleet.api.v1.closure_pb2 import FloorClosure
from robot_fleet.api.v1.fleet_service_pb2_grpc import FleetServiceStub
from robot_fleet.client import Refused
from robot_fleet.control.closures import MOST_CLOSURES, MOST_CORNERS
from robot_fleet.control.hub import SnapshotHub
from robot_fleet.control.snapshot import ClosureView
from robot_fleet.planning.plan import MissedReason

SPILL = box(5.0, 3.0, 6.5, 4.5)
CORNER = [(5, 3), (6, 3), (6, 4)]


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


def drawn(corners: Sequence[tuple[float, float]], holes: int = 0) -> shapes.Polygon:
    """A polygon as anybody can send it, whether it is one or not."""
    ring = shapes.Ring(points=[shapes.Point(x_m=x, y_m=y) for x, y in corners])
    return shapes.Polygon(outline=ring, holes=[shapes.Ring()] * holes)


def circle(corners: int) -> list[tuple[float, float]]:
    turns = [2 * math.pi * k / corners for k in range(corners)]
    return [(5 + math.cos(turn), 3 + math.sin(turn)) for turn in turns]


async def closed(stub: FleetServiceStub, name: str = "spill", **fields: Any) -> FloorClosure:
    return await stub.CloseFloor(pb.CloseFloorRequest(name=name, **{"polygon": polygon_to_proto(SPILL), **fields}))


async def listed(stub: FleetServiceStub) -> list[str]:
    answer = await stub.ListFloorClosures(pb.ListFloorClosuresRequest())
    return [closure.name for closure in answer.floor_closures]


async def test_closed_floor_is_told_listed_and_opened(site: ApiSite, stub: FleetServiceStub) -> None:
    made = await closed(stub, " spill ", lasts=Duration(seconds=90))
    assert made.name == "spill" and len(made.polygon.outline.points) == 4 and not made.robots_inside
    assert made.expire_time.ToNanoseconds() - made.create_time.ToNanoseconds() == pytest.approx(90e9, abs=1e4)
    assert list((await stub.ListFloorClosures(pb.ListFloorClosuresRequest())).floor_closures) == [made]
    assert site.controller.snapshot.closures[0].polygon.equals(SPILL)
    await stub.OpenFloor(pb.OpenFloorRequest(name=" spill "))
    assert await listed(stub) == []
    assert (await refusal(stub.OpenFloor(pb.OpenFloorRequest(name="spill"))))[:2] == ("NOT_FOUND", "CLOSURE_NOT_FOUND")


async def test_closing_twice_does_no_harm_and_draws_it_anew(stub: FleetServiceStub) -> None:
    await closed(stub, lasts=Duration(seconds=90))
    again = await closed(stub, polygon=drawn(CORNER))
    assert not again.HasField("expire_time") and len(again.polygon.outline.points) == 3
    assert list((await stub.ListFloorClosures(pb.ListFloorClosuresRequest())).floor_closures) == [again]


async def test_the_robots_that_stand_in_it_are_named(stub: FleetServiceStub) -> None:
    west = await closed(stub, "west", polygon=polygon_to_proto(box(0, 0, 3, 3)))
    assert list(west.robots_inside) == ["r1"]
    assert list((await closed(stub)).robots_inside) == []
    found = (await stub.ListFloorClosures(pb.ListFloorClosuresRequest())).floor_closures
    assert {closure.name: list(closure.robots_inside) for closure in found} == {"spill": [], "west": ["r1"]}


async def test_what_is_closed_comes_by_name_in_pages(stub: FleetServiceStub) -> None:
    for name in ("delivery", "wet paint", "a spill"):
        await closed(stub, name)
    first = await stub.ListFloorClosures(pb.ListFloorClosuresRequest(page_size=2))
    assert [closure.name for closure in first.floor_closures] == ["a spill", "delivery"]
    rest = pb.ListFloorClosuresRequest(page_size=2, page_token=first.next_page_token)
    last = await stub.ListFloorClosures(rest)
    assert [closure.name for closure in last.floor_closures] == ["wet paint"] and not last.next_page_token
    bad = pb.ListFloorClosuresRequest(page_size=-1, page_token="x")
    fields = [("page_size", "OUT_OF_RANGE"), ("page_token", "BAD_TOKEN")]
    assert await refusal(stub.ListFloorClosures(bad)) == ("INVALID_ARGUMENT", "INVALID_REQUEST", fields)


@pytest.mark.parametrize(
    ("polygon", "reason"),
    [
        (shapes.Polygon(), "REQUIRED"),
        (drawn([(5, 3), (6, 3)]), "OUT_OF_RANGE"),
        (drawn(circle(MOST_CORNERS + 1)), "OUT_OF_RANGE"),
        # As many corners as a message holds.
        (drawn([(0.0, 0.0)] * 100_000), "OUT_OF_RANGE"),
        (drawn(CORNER, holes=1), "HOLES"),
        (drawn(CORNER, holes=50_000), "HOLES"),
        (drawn([(math.nan, 3), (6, 3), (6, 4)]), "BAD_OUTLINE"),
        (drawn([(5, 3), (6, math.nan), (6, 4)]), "BAD_OUTLINE"),
        (drawn([(5, 3), (6, 3), (6, -math.inf)]), "BAD_OUTLINE"),
        (drawn([(1e308, 1e308), (-1e308, 1e308), (0, -1e308)]), "BAD_OUTLINE"),
        (drawn([(1e9, 0), (1e9, 1), (-1e9, 0)]), "BAD_OUTLINE"),
        (drawn([(5, 3), (6, 4), (6, 3), (5, 4)]), "BAD_OUTLINE"),
        (drawn([(5, 3), (6, 4), (7, 5)]), "BAD_OUTLINE"),
        (drawn([(5, 3)] * 3), "BAD_OUTLINE"),
        (drawn([(5, 3), (5 + 1e-300, 3), (5, 3 + 1e-300)]), "BAD_OUTLINE"),
        (drawn([(500, 3), (600, 3), (600, 4)]), "OFF_THE_MAP"),
    ],
)
async def test_what_is_no_outline_is_one_fault_of_the_polygon(
    stub: FleetServiceStub, polygon: shapes.Polygon, reason: str
) -> None:
    code, _, fields = await refusal(closed(stub, polygon=polygon))
    assert (code, fields) == ("INVALID_ARGUMENT", [("polygon", reason)])
    assert await listed(stub) == []


@pytest.mark.parametrize("corners", [circle(3), circle(MOST_CORNERS), [(-1e6, -1e6), (1e6, -1e6), (0, 1e6)]])
async def test_what_is_an_outline_is_taken(stub: FleetServiceStub, corners: list[tuple[float, float]]) -> None:
    assert len((await closed(stub, polygon=drawn(corners))).polygon.outline.points) == len(corners)


@pytest.mark.parametrize("lasts", [Duration(), Duration(seconds=-5), Duration(nanos=5), Duration(seconds=10**12)])
async def test_every_other_fault_is_told_with_it(stub: FleetServiceStub, lasts: Duration) -> None:
    request = pb.CloseFloorRequest(lasts=lasts)
    fields = [("name", "REQUIRED"), ("polygon", "REQUIRED"), ("lasts", "OUT_OF_RANGE")]
    assert await refusal(stub.CloseFloor(request)) == ("INVALID_ARGUMENT", "INVALID_REQUEST", fields)


@pytest.mark.parametrize(
    ("name", "reason"), [(" \t", "REQUIRED"), ("a\nb", "BAD_CHARACTERS"), ("x" * 41, "BAD_CHARACTERS")]
)
async def test_a_bad_name_is_refused(stub: FleetServiceStub, name: str, reason: str) -> None:
    assert await refusal(closed(stub, name)) == ("INVALID_ARGUMENT", "INVALID_REQUEST", [("name", reason)])


async def test_there_is_an_end_to_closures(stub: FleetServiceStub) -> None:
    for number in range(MOST_CLOSURES):
        await closed(stub, f"spill {number}")
    assert (await refusal(closed(stub, "one more")))[2] == [("name", "TOO_MANY")]
    await closed(stub, "spill 7")


async def test_floor_closed_in_mid_run_is_kept_off_and_told_as_missed(site: ApiSite, stub: FleetServiceStub) -> None:
    run = await stub.StartCleaningRun(pb.StartCleaningRunRequest())
    await site.let_pass(6.0)
    await closed(stub, polygon=polygon_to_proto(box(8.5, 2.5, 9.8, 3.5)))
    await site.until(lambda: site.controller.snapshot.runs[0].state.is_terminal, 3000.0)
    ended = await stub.GetCleaningRun(pb.GetCleaningRunRequest(run_id=run.run_id))
    reasons = [area.reason for area in ended.missed]
    assert MissedReason.KEEPOUT.name in {
        type(ended.missed[0]).Reason.Name(reason).removeprefix("REASON_") for reason in reasons
    }


class Asked:
    """As the controller's process asks: through what lasts while storage refuses."""

    def __init__(self, controller: Any) -> None:
        self._lasting = controller

    def close_floor(self, name: str, polygon: Polygon, lasts_s: float | None = None) -> ClosureView:
        return self._lasting.ask(lambda controller: controller.close_floor(name, polygon, lasts_s))

    def open_floor(self, name: str) -> None:
        self._lasting.ask(lambda controller: controller.open_floor(name))


async def test_while_storage_refuses_nothing_is_closed_or_opened() -> None:
    disk, hub, bugs = Disk(), SnapshotHub(), []
    made = lasting(disk)
    server = ApiServer(FleetService(hall(), Asked(made.controller), hub), hub, lambda *bug: bugs.append(bug))
    port = server.bind("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = FleetServiceStub(channel)
        await closed(stub, "before")
        disk.full = True
        for _ in range(2):
            assert (await refusal(closed(stub)))[:2] == ("UNAVAILABLE", "STORAGE")
            assert (await refusal(stub.OpenFloor(pb.OpenFloorRequest(name="before"))))[:2] == ("UNAVAILABLE", "STORAGE")
        disk.full = False
        made.advance(10.0)
        assert [view.name for view in made.controller.snapshot.closures] == ["before"]
        await closed(stub)
        assert [view.name for view in made.controller.snapshot.closures] == ["before", "spill"]
    await server.close()
    assert not bugs


def test_the_client_closes_lists_and_opens() -> None:
    with served_site(pace=40.0) as (client, _):
        made = client.close_floor("spill", SPILL, 90.0)
        assert made.polygon.equals(SPILL) and made.ends_at_s == pytest.approx(made.closed_at_s + 90.0, abs=1e-5)
        assert [(view.name, view.ends_at_s) for view in client.closures()] == [("spill", made.ends_at_s)]
        client.open_floor("spill")
        assert client.closures() == []
        with pytest.raises(Refused, match="no closed floor named 'spill'"):
            client.open_floor("spill")
        with pytest.raises(Refused) as caught:
            client.close_floor("spill", SPILL.difference(SPILL.buffer(-0.2)))
        assert set(caught.value.fields) == {"polygon"}


async def test_closing_by_many_at_once_ends_with_one_of_them(stub: FleetServiceStub) -> None:
    await asyncio.gather(*(closed(stub, polygon=drawn(circle(3 + number))) for number in range(20)))
    assert await listed(stub) == ["spill"]
