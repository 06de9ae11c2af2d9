"""What Prometheus reads at /metrics, over a real socket, parsed by Prometheus's own parser."""

from __future__ import annotations

import socket
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import grpc
import pytest
import pytest_asyncio
from api_site import ApiSite
from control_site import site
from prometheus_client.parser import text_string_to_metric_families

from robot_fleet.api.metrics import Metrics, MetricsServer
from robot_fleet.api.v1 import fleet_service_pb2 as pb
from robot_fleet.api.v1.fleet_service_pb2_grpc import FleetServiceStub
from robot_fleet.control.snapshot import AlertView, Snapshot
from robot_fleet.fleet.errors import InvalidInput
from robot_fleet.fleet.states import RobotState

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


class Page:
    """A served page whose snapshot can be replaced."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.metrics = Metrics(lambda: self.snapshot, "hall", "1.2.3")
        self.server: MetricsServer = self.metrics.serve("127.0.0.1:0")

    def read(self) -> Samples:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.server.port}/metrics", timeout=20) as answer:
            assert answer.headers["Content-Type"].startswith("text/plain")
            text = answer.read().decode()
        return {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    def value(self, name: str, **labels: str) -> float:
        return self.read()[f"robot_fleet_{name}", frozenset(labels.items())]


@pytest.fixture(scope="module")
def running() -> Snapshot:
    """Two robots in the middle of a run."""
    made = site()
    made.controller.start_run((), "")
    made.advance(60.0)
    return made.controller.snapshot


@pytest.fixture
def page(running: Snapshot) -> Iterator[Page]:
    made = Page(running)
    yield made
    made.server.close()


def test_the_fleet_is_shown_as_its_newest_snapshot_says(page: Page, running: Snapshot) -> None:
    (run,) = running.runs
    assert page.value("info", version="1.2.3", store="hall") == 1.0
    for robot in running.robots:
        assert page.value("robot_state", robot=robot.name, state=robot.state.value) == 1.0
        others = [state.value for state in RobotState if state is not robot.state]
        assert all(page.value("robot_state", robot=robot.name, state=state) == 0.0 for state in others)
        assert page.value("robot_battery_ratio", robot=robot.name) == pytest.approx(robot.battery)
        assert 0.0 <= page.value("robot_silence_seconds", robot=robot.name) < 2.0
    for zone in run.zone_progress:
        for kind in ("requested", "coverable", "cleaned"):
            shown = page.value("run_floor_square_meters", run=run.run_id, zone=zone.zone, kind=kind)
            assert shown == pytest.approx(getattr(zone, f"{kind}_m2"))
    assert page.value("run_progress_ratio", run=run.run_id) == pytest.approx(run.progress)
    assert page.value("runs", state="RUNNING") == 1.0


def test_a_newer_snapshot_is_shown_at_the_next_reading(page: Page, running: Snapshot) -> None:
    alert = AlertView("a", 0.0, "ERROR", "", "", "nothing can be stored", "", True)
    settled = replace(alert, alert_id="b", active=False)
    assert page.value("alerts_active", severity="ERROR") == 0.0
    page.snapshot = replace(running, alerts=(alert, settled))
    assert page.value("alerts_active", severity="ERROR") == 1.0


def test_only_one_run_has_figures_however_many_there_were(page: Page, running: Snapshot) -> None:
    (run,) = running.runs
    page.snapshot = replace(running, runs=tuple(replace(run, run_id=f"run{k}", created_at_s=k) for k in range(50)))
    labels = {dict(labels)["run"] for name, labels in page.read() if dict(labels).get("run")}
    assert labels == {"run49"}


def test_before_anything_is_known_the_page_is_there(page: Page) -> None:
    page.snapshot = Snapshot(version=0, clock_s=0.0)
    assert page.value("runs", state="RUNNING") == 0.0


def test_times_are_counted_by_event_and_outcome(page: Page) -> None:
    page.metrics.event_took("Tick", 0.004)
    page.metrics.tick_was_late(-1.0)
    page.metrics.rpc_took("GetRun", "NOT_FOUND", 0.001)
    assert page.value("event_seconds_sum", event="Tick") == pytest.approx(0.004)
    assert page.value("event_seconds_bucket", event="Tick", le="0.005") == 1.0
    assert page.value("event_seconds_bucket", event="Tick", le="0.002") == 0.0
    assert page.value("tick_late_seconds_sum") == 0.0
    assert page.value("rpc_seconds_count", method="GetRun", outcome="NOT_FOUND") == 1.0


def test_the_process_itself_is_shown(page: Page) -> None:
    names = {name for name, _ in page.read()}
    assert {"process_resident_memory_bytes", "process_cpu_seconds_total", "process_open_fds"} <= names


@pytest.mark.parametrize("address", ["0.0.0.0:9000", "example.com:9000", "127.0.0.1", "127.0.0.1:99999"])
def test_an_address_that_others_reach_or_that_is_none_is_refused(running: Snapshot, address: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        Metrics(lambda: running, "hall", "1").serve(address)
    assert "--metrics" in str(refused.value)


def test_a_port_that_is_in_use_is_refused(running: Snapshot) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(InvalidInput, match="in use"):
            Metrics(lambda: running, "hall", "1").serve(f"127.0.0.1:{taken.getsockname()[1]}")


def test_nothing_can_be_written_to_it(page: Page) -> None:
    request = urllib.request.Request(f"http://127.0.0.1:{page.server.port}/metrics", data=b"x", method="DELETE")
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(request, timeout=20)


@pytest_asyncio.fixture
async def served() -> AsyncIterator[ApiSite]:
    opened = ApiSite()
    await opened.open()
    yield opened
    await opened.server.close()


@pytest.mark.asyncio
async def test_every_answered_call_is_counted_with_its_outcome(served: ApiSite) -> None:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{served.port}") as channel:
        stub = FleetServiceStub(channel)
        await stub.ListRobots(pb.ListRobotsRequest())
        with pytest.raises(grpc.aio.AioRpcError):
            await stub.GetCleaningRun(pb.GetCleaningRunRequest(run_id="none"))
    assert [(method, outcome) for method, outcome, _ in served.answers] == [
        ("ListRobots", "OK"),
        ("GetCleaningRun", "NOT_FOUND"),
    ]
    assert all(0.0 <= seconds < 20.0 for *_, seconds in served.answers)
