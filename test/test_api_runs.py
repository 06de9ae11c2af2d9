"""A run through the API: started once, followed, paused, resumed, stopped, and told in full afterwards."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
import pytest_asyncio
from api_site import ApiSite
from google.protobuf.duration_pb2 import Duration

from robot_fleet.api import watches
from robot_fleet.api.conversion import record_from_proto, run_from_proto
from robot_fleet.api.v1 import fleet_service_pb2 as pb
from robot_fleet.api.v1.cleaning_run_pb2 import RUN_VIEW_FULL, CleaningRun
from robot_fleet.api.v1.fleet_service_pb2_grpc import FleetServiceStub
from robot_fleet.api.v1.robot_pb2 import Robot
from robot_fleet.api.watches import MOST_WATCHES


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


async def started(stub: FleetServiceStub, **fields: Any) -> CleaningRun:
    return await stub.StartCleaningRun(pb.StartCleaningRunRequest(**fields))


def state_of(site: ApiSite, run_id: str) -> str:
    return next(run.state.value for run in site.controller.snapshot.runs if run.run_id == run_id)


async def test_a_run_starts_in_planning_and_ends_completed(site: ApiSite, stub: FleetServiceStub) -> None:
    run = await started(stub)
    assert run.state == CleaningRun.STATE_PLANNING
    assert list(run.zones) == ["west", "east"]
    assert run.request_id
    await site.until(lambda: state_of(site, run.run_id) == "COMPLETED")
    ended = await stub.GetCleaningRun(pb.GetCleaningRunRequest(run_id=run.run_id))
    assert ended.state == CleaningRun.STATE_COMPLETED
    assert 0.0 < ended.progress <= 1.0
    assert {share.robot for share in ended.shares} == {"r1", "r2"}
    assert {zone.zone for zone in ended.zone_progress} == {"west", "east"}
    missed_m2 = sum(area.area_m2 for area in ended.missed)
    assert ended.cleaned_m2 + missed_m2 == pytest.approx(ended.requested_m2, abs=0.05)
    assert ended.HasField("start_time")
    assert ended.HasField("end_time")
    assert not ended.HasField("record")


async def test_the_full_view_has_what_a_report_draws(site: ApiSite, stub: FleetServiceStub) -> None:
    run = await started(stub, robots=["r1"])
    await site.until(lambda: state_of(site, run.run_id) == "COMPLETED")
    full = await stub.GetCleaningRun(pb.GetCleaningRunRequest(run_id=run.run_id, view=RUN_VIEW_FULL))
    record = record_from_proto(run.run_id, full.record)
    grid = site.store.floor.grid
    assert record.cleaned.shape == grid.shape
    assert record.cleaned.sum() * grid.cell_area_m2 == pytest.approx(full.cleaned_m2, abs=0.01)
    assert len(record.tracks["r1"]) > 10


async def test_the_same_request_gives_the_same_run(site: ApiSite, stub: FleetServiceStub) -> None:
    first = await started(stub, zones=["west"], request_id="night-1")
    assert (await started(stub, zones=["west"], request_id="night-1")).run_id == first.run_id
    await stub.StopCleaningRun(pb.StopCleaningRunRequest(run_id=first.run_id, wait=Duration()))
    await site.until(lambda: state_of(site, first.run_id) == "CANCELLED")
    again = await started(stub, zones=["west"], request_id="night-1")
    assert (again.run_id, again.state) == (first.run_id, CleaningRun.STATE_CANCELLED)
    assert len(site.controller.snapshot.runs) == 1


async def test_a_request_id_is_not_used_twice_for_different_requests(stub: FleetServiceStub) -> None:
    await started(stub, zones=["west"], request_id="night-1")
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await started(stub, zones=["east"], request_id="night-1")
    assert caught.value.code() is grpc.StatusCode.ALREADY_EXISTS


async def test_while_a_run_is_active_another_is_refused(stub: FleetServiceStub) -> None:
    await started(stub)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await started(stub)
    assert caught.value.code() is grpc.StatusCode.FAILED_PRECONDITION


async def test_a_run_pauses_and_goes_on(site: ApiSite, stub: FleetServiceStub) -> None:
    run = await started(stub)
    await site.let_pass(12.0)
    pausing = await stub.PauseCleaningRun(pb.PauseCleaningRunRequest(run_id=run.run_id))
    assert pausing.state in (CleaningRun.STATE_PAUSING, CleaningRun.STATE_PAUSED)
    await site.until(lambda: state_of(site, run.run_id) == "PAUSED")
    assert all(robot.motion.at_rest for robot in site.world.robots.values())
    resumed = await stub.ResumeCleaningRun(pb.ResumeCleaningRunRequest(run_id=run.run_id))
    assert resumed.state == CleaningRun.STATE_RUNNING
    await site.until(lambda: state_of(site, run.run_id) == "COMPLETED")


async def test_pause_and_resume_are_refused_where_they_make_no_sense(site: ApiSite, stub: FleetServiceStub) -> None:
    run = await started(stub)
    await site.until(lambda: state_of(site, run.run_id) == "COMPLETED")
    calls = (
        stub.PauseCleaningRun(pb.PauseCleaningRunRequest(run_id=run.run_id)),
        stub.ResumeCleaningRun(pb.ResumeCleaningRunRequest(run_id=run.run_id)),
    )
    for call in calls:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call
        assert caught.value.code() is grpc.StatusCode.FAILED_PRECONDITION


async def test_the_answer_to_a_stop_waits_until_the_robots_rest(site: ApiSite, stub: FleetServiceStub) -> None:
    run = await started(stub)
    await site.let_pass(14.0)
    assert not all(robot.motion.at_rest for robot in site.world.robots.values())
    call = asyncio.ensure_future(stub.StopCleaningRun(pb.StopCleaningRunRequest(run_id=run.run_id)))
    await asyncio.sleep(0.1)
    assert not call.done()
    await site.until(lambda: state_of(site, run.run_id) == "CANCELLED")
    stopped = await call
    assert stopped.state == CleaningRun.STATE_CANCELLED
    assert stopped.cleaned_m2 > 0.0
    assert not stopped.unconfirmed_robots
    assert all(robot.motion.at_rest for robot in site.world.robots.values())
    assert (await stub.StopCleaningRun(pb.StopCleaningRunRequest(run_id=run.run_id))).version == stopped.version


async def test_a_stop_names_the_robots_that_do_not_confirm(site: ApiSite, stub: FleetServiceStub) -> None:
    run = await started(stub)
    await site.let_pass(14.0)
    site.world.kill("r2")
    wait = Duration(nanos=300_000_000)
    call = asyncio.ensure_future(stub.StopCleaningRun(pb.StopCleaningRunRequest(run_id=run.run_id, wait=wait)))
    while not call.done():
        await asyncio.sleep(0.02)
        if site.world.now_s < 25.0:
            site.advance(0.2)
    stopped = call.result()
    assert stopped.state == CleaningRun.STATE_STOPPING
    assert list(stopped.unconfirmed_robots) == ["r2"]


async def test_a_stop_answers_before_the_callers_deadline(site: ApiSite, stub: FleetServiceStub) -> None:
    run = await started(stub)
    await site.let_pass(14.0)
    request = pb.StopCleaningRunRequest(run_id=run.run_id, wait=Duration(seconds=60))
    assert (await stub.StopCleaningRun(request, timeout=0.6)).state == CleaningRun.STATE_STOPPING


async def test_a_watch_tells_each_state_and_ends_after_the_last(site: ApiSite, stub: FleetServiceStub) -> None:
    run = await started(stub)
    interval = Duration(nanos=50_000_000)
    watch = stub.WatchCleaningRun(pb.WatchCleaningRunRequest(run_id=run.run_id, min_interval=interval))
    seen = [run_from_proto((await watch.read()).cleaning_run)]
    passing = asyncio.ensure_future(_slowly_until_over(site, run.run_id))
    while (message := await watch.read()) is not grpc.aio.EOF:
        seen.append(run_from_proto(message.cleaning_run))
    await passing
    states = [view.state.value for view in seen]
    assert list(dict.fromkeys(states)) == ["PLANNING", "RUNNING", "COMPLETED"]
    assert states.count("COMPLETED") == 1
    cleaned = [view.cleaned_m2 for view in seen]
    assert cleaned == sorted(cleaned)
    assert len(set(cleaned)) > 3


async def _slowly_until_over(site: ApiSite, run_id: str) -> None:
    while state_of(site, run_id) != "COMPLETED":
        site.advance(1.0)
        await asyncio.sleep(0.01)


async def test_a_slow_watcher_skips_to_the_newest_state(site: ApiSite, stub: FleetServiceStub) -> None:
    run = await started(stub)
    watch = stub.WatchCleaningRun(pb.WatchCleaningRunRequest(run_id=run.run_id, min_interval=Duration(seconds=50)))
    assert (await watch.read()).cleaning_run.state == CleaningRun.STATE_PLANNING
    await site.until(lambda: state_of(site, run.run_id) == "COMPLETED")
    assert (await watch.read()).cleaning_run.state == CleaningRun.STATE_COMPLETED
    assert await watch.read() is grpc.aio.EOF


async def test_who_comes_back_to_a_watch_hears_only_what_is_new(site: ApiSite, stub: FleetServiceStub) -> None:
    run = await started(stub)
    watch = stub.WatchCleaningRun(pb.WatchCleaningRunRequest(run_id=run.run_id, known_version=run.version))
    first = asyncio.ensure_future(watch.read())
    await asyncio.sleep(0.1)
    assert not first.done()
    await site.until(lambda: state_of(site, run.run_id) == "RUNNING")
    assert (await first).cleaning_run.version > run.version


async def test_the_end_of_a_run_is_told_to_whoever_asks(site: ApiSite, stub: FleetServiceStub) -> None:
    run = await started(stub)
    await site.until(lambda: state_of(site, run.run_id) == "COMPLETED")
    version = (await stub.GetCleaningRun(pb.GetCleaningRunRequest(run_id=run.run_id))).version
    watch = stub.WatchCleaningRun(pb.WatchCleaningRunRequest(run_id=run.run_id, known_version=version))
    assert [message.cleaning_run.state async for message in watch] == [CleaningRun.STATE_COMPLETED]


async def test_heartbeats_come_while_nothing_changes(stub: FleetServiceStub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watches, "HEARTBEAT_S", 0.1)
    run = await started(stub)
    watch = stub.WatchCleaningRun(pb.WatchCleaningRunRequest(run_id=run.run_id))
    assert (await watch.read()).HasField("cleaning_run")
    assert (await watch.read()).HasField("heartbeat")
    robots = stub.WatchRobots(pb.WatchRobotsRequest())
    assert len((await robots.read()).robots) == 2
    assert (await robots.read()).HasField("heartbeat")


async def test_a_cancelled_watch_leaves_nothing_behind(site: ApiSite, stub: FleetServiceStub) -> None:
    run = await started(stub)
    before = len(asyncio.all_tasks())
    watches_ = [stub.WatchCleaningRun(pb.WatchCleaningRunRequest(run_id=run.run_id)) for _ in range(20)]
    for watch in watches_:
        await watch.read()
    assert len(asyncio.all_tasks()) > before
    for watch in watches_:
        watch.cancel()
    for _ in range(200):
        await asyncio.sleep(0.01)
        if len(asyncio.all_tasks()) <= before:
            break
    assert len(asyncio.all_tasks()) <= before


async def test_watches_are_limited_so_that_other_calls_are_answered(site: ApiSite, stub: FleetServiceStub) -> None:
    robots = [stub.WatchRobots(pb.WatchRobotsRequest()) for _ in range(MOST_WATCHES)]
    for watch in robots:
        await watch.read()
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await stub.WatchRobots(pb.WatchRobotsRequest()).read()
    assert refusal.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "100 watches are open" in (refusal.value.details() or "")
    assert len((await stub.ListRobots(pb.ListRobotsRequest(), timeout=5.0)).robots) == 2
    robots.pop().cancel()
    await watching_again(stub)
    for watch in robots:
        watch.cancel()


async def watching_again(stub: FleetServiceStub) -> None:
    """Returns when there is a seat for a watch."""
    for _ in range(100):
        watch = stub.WatchRobots(pb.WatchRobotsRequest())
        with contextlib.suppress(grpc.aio.AioRpcError):
            await watch.read()
            watch.cancel()
            return
        await asyncio.sleep(0.05)
    raise AssertionError("the seat of a watch that has ended was never free")


async def test_robots_are_watched_by_what_changes(site: ApiSite, stub: FleetServiceStub) -> None:
    watch = stub.WatchRobots(pb.WatchRobotsRequest(min_interval=Duration(nanos=50_000_000)))
    assert [robot.name for robot in (await watch.read()).robots] == ["r1", "r2"]
    run = await started(stub, robots=["r1"])
    passing = asyncio.ensure_future(_slowly_until_over(site, run.run_id))
    states: set[int] = set()
    clock_s = 3.0
    while Robot.STATE_CLEANING not in states:
        message = await watch.read()
        assert message.clock_s >= clock_s
        clock_s = message.clock_s
        states |= {robot.state for robot in message.robots if robot.name == "r1"}
    watch.cancel()
    await passing


async def test_only_the_robots_that_were_asked_for_are_watched(stub: FleetServiceStub) -> None:
    watch = stub.WatchRobots(pb.WatchRobotsRequest(robots=["r2"]))
    assert [robot.name for robot in (await watch.read()).robots] == ["r2"]


async def test_a_held_robot_works_again_on_a_persons_word_alone(site: ApiSite, stub: FleetServiceStub) -> None:
    await started(stub)
    await site.let_pass(12.0)
    site.world.press_e_stop("r1")
    await site.let_pass(2.0)
    acknowledge = pb.AcknowledgeRobotRequest(robot="r1", person="Ada Lovelace")
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.AcknowledgeRobot(acknowledge)
    assert caught.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    alerts = await _holds(stub)
    assert [alert.robot for alert in alerts] == ["r1"]
    assert alerts[0].remedy
    site.world.release("r1")
    await site.let_pass(2.0)
    held = {robot.name: robot for robot in (await stub.ListRobots(pb.ListRobotsRequest())).robots}["r1"]
    assert held.state == Robot.STATE_HELD
    assert held.hold_reason
    assert (await stub.AcknowledgeRobot(acknowledge)).state != Robot.STATE_HELD
    assert not await _holds(stub)


async def _holds(stub: FleetServiceStub) -> list[pb.Alert]:
    """The alerts of robots that are held; where one stands in the way, others may be trapped for that time."""
    alerts = (await stub.ListAlerts(pb.ListAlertsRequest(active_only=True))).alerts
    return [alert for alert in alerts if " is held: " in alert.text]


async def test_runs_are_listed_newest_first_in_pages(site: ApiSite, stub: FleetServiceStub) -> None:
    made = []
    for _ in range(5):
        run = await started(stub)
        made.append(run.run_id)
        await stub.StopCleaningRun(pb.StopCleaningRunRequest(run_id=run.run_id, wait=Duration()))
        await site.until(lambda run_id=run.run_id: state_of(site, run_id) == "CANCELLED")
    listed, token = [], ""
    for size in (2, 2, 2):
        page = await stub.ListCleaningRuns(pb.ListCleaningRunsRequest(page_size=size, page_token=token))
        listed += [run.run_id for run in page.cleaning_runs]
        token = page.next_page_token
    assert listed == made[::-1]
    assert token == ""


async def test_the_floor_is_told(site: ApiSite, stub: FleetServiceStub) -> None:
    floor = await stub.GetFloor(pb.GetFloorRequest())
    assert floor.store == "hall"
    assert [zone.name for zone in floor.zones] == ["west", "east"]
    assert [keepout.name for keepout in floor.keepouts] == ["till"]
    assert [dock.name for dock in floor.docks] == ["d1", "d2"]
    assert (floor.grid.rows, floor.grid.cols, floor.grid.resolution_m) == (120, 200, 0.05)
