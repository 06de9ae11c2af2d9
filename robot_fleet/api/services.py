"""FleetService over grpc.aio: validates, converts, asks the controller. What is shown is the hub's newest snapshot."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from typing import TypeAlias

import grpc

from robot_fleet.api.controls import FleetControl
from robot_fleet.api.conversion import (
    alert_to_proto,
    closure_to_proto,
    floor_to_proto,
    record_to_proto,
    robot_to_proto,
    run_to_proto,
)
from robot_fleet.api.paging import page_of
from robot_fleet.api.v1 import cleaning_run_pb2 as run_pb
from robot_fleet.api.v1 import closure_pb2, floor_pb2, robot_pb2
from robot_fleet.api.v1 import fleet_service_pb2 as pb
from robot_fleet.api.v1.fleet_service_pb2_grpc import FleetServiceServicer
from robot_fleet.api.validation import Findings, shown
from robot_fleet.api.watches import Messages, RobotsWatch, RunWatch, Seats, changes, heartbeat, rest, run_in
from robot_fleet.control.closures import LONGEST_NAME, LONGEST_S, MOST_CORNERS
from robot_fleet.control.hub import SnapshotHub
from robot_fleet.fleet.errors import NotFound
from robot_fleet.floor.store import Store

Context: TypeAlias = grpc.aio.ServicerContext
_DEFAULT_WAIT_S, _MOST_WAIT_S = 10.0, 60.0
_DEFAULT_INTERVAL_S, _LEAST_INTERVAL_S, _MOST_INTERVAL_S = 0.1, 0.05, 60.0
_ANSWER_MARGIN_S = 0.2
_LEAST_CLOSED_S = 1.0


class FleetService(FleetServiceServicer):
    """The methods of robot_fleet.api.v1.FleetService; what each does is said in its proto."""

    def __init__(self, store: Store, control: FleetControl, hub: SnapshotHub) -> None:
        self._store = store
        self._control = control
        self._hub = hub
        self._robots = {robot.name for robot in store.robots}
        self._seats = Seats()
        self._messages = Messages()
        # Now: made for the first who asks, a large floor would keep a stop waiting for most of a second.
        self._floor = floor_to_proto(store.floor)

    async def StartCleaningRun(self, request: pb.StartCleaningRunRequest, context: Context) -> run_pb.CleaningRun:
        findings = Findings()
        findings.identifier("request_id", request.request_id, required=False)
        findings.names("zones", request.zones, {zone.name for zone in self._store.floor.zones})
        findings.names("robots", request.robots, self._robots)
        findings.conclude()
        request_id = request.request_id or str(uuid.uuid4())
        return run_to_proto(self._control.start_run(tuple(request.zones), request_id, tuple(request.robots)))

    async def StopCleaningRun(self, request: pb.StopCleaningRunRequest, context: Context) -> run_pb.CleaningRun:
        findings = Findings()
        findings.identifier("run_id", request.run_id)
        wait_s = _DEFAULT_WAIT_S
        if request.HasField("wait"):
            wait_s = findings.seconds(request.wait, "wait", 0.0, _MOST_WAIT_S)
        findings.conclude()
        run = self._control.stop_run(request.run_id)
        at_rest = await self._hub.wait_for(RunWatch(run.run_id).is_over, _within_deadline(wait_s, context))
        return run_to_proto(run_in(at_rest, run.run_id))

    async def PauseCleaningRun(self, request: pb.PauseCleaningRunRequest, context: Context) -> run_pb.CleaningRun:
        _check_run_id(request.run_id)
        return run_to_proto(self._control.pause_run(request.run_id))

    async def ResumeCleaningRun(self, request: pb.ResumeCleaningRunRequest, context: Context) -> run_pb.CleaningRun:
        _check_run_id(request.run_id)
        return run_to_proto(self._control.resume_run(request.run_id))

    async def GetCleaningRun(self, request: pb.GetCleaningRunRequest, context: Context) -> run_pb.CleaningRun:
        findings = Findings()
        findings.identifier("run_id", request.run_id)
        if request.view not in run_pb.RunView.values():
            findings.add("view", "UNKNOWN_VALUE", f"{request.view} is not a view", "Give BASIC (1) or FULL (2).")
        findings.conclude()
        message = run_to_proto(run_in(self._hub.latest, request.run_id))
        if request.view == run_pb.RUN_VIEW_FULL:
            message.record.CopyFrom(record_to_proto(self._control.record(request.run_id)))
        return message

    async def ListCleaningRuns(
        self, request: pb.ListCleaningRunsRequest, context: Context
    ) -> pb.ListCleaningRunsResponse:
        runs, token = page_of(
            self._hub.latest.runs,
            lambda run: (-run.created_at_s, run.run_id),
            "runs",
            request.page_size,
            request.page_token,
        )
        answer = pb.ListCleaningRunsResponse(next_page_token=token)
        for run in runs:
            answer.cleaning_runs.append(run_to_proto(run))
            await asyncio.sleep(0)  # a stop must not wait for a list of many nights
        return answer

    async def WatchCleaningRun(
        self, request: pb.WatchCleaningRunRequest, context: Context
    ) -> AsyncIterator[pb.WatchCleaningRunResponse]:
        findings = Findings()
        findings.identifier("run_id", request.run_id)
        interval_s = _interval(request, findings)
        findings.conclude()
        watch = RunWatch(request.run_id, request.known_version)
        with self._seats.one():
            async for snapshot in changes(self._hub, watch.has_news):
                if snapshot is None:
                    yield pb.WatchCleaningRunResponse(heartbeat=heartbeat())
                    continue
                run = watch.take(snapshot)
                yield self._messages.of_run(run)
                if run.state.is_terminal:
                    return
                await rest(self._hub, interval_s, watch.is_over)

    async def ListRobots(self, request: pb.ListRobotsRequest, context: Context) -> pb.ListRobotsResponse:
        now = self._hub.latest
        robots, token = page_of(
            now.robots, lambda robot: (0, robot.name), "robots", request.page_size, request.page_token
        )
        return pb.ListRobotsResponse(
            robots=map(self._messages.robot, robots), next_page_token=token, clock_s=now.clock_s
        )

    async def WatchRobots(
        self, request: pb.WatchRobotsRequest, context: Context
    ) -> AsyncIterator[pb.WatchRobotsResponse]:
        findings = Findings()
        findings.names("robots", request.robots, self._robots)
        interval_s = _interval(request, findings)
        findings.conclude()
        watch = RobotsWatch(set(request.robots) or self._robots)
        with self._seats.one():
            async for snapshot in changes(self._hub, watch.has_news):
                if snapshot is None:
                    yield pb.WatchRobotsResponse(heartbeat=heartbeat(), clock_s=self._hub.latest.clock_s)
                    continue
                yield self._messages.of_robots(watch.take(snapshot), snapshot.clock_s)
                await rest(self._hub, interval_s)

    async def AcknowledgeRobot(self, request: pb.AcknowledgeRobotRequest, context: Context) -> robot_pb2.Robot:
        findings = Findings()
        findings.text("robot", request.robot, "Give the robot's name.")
        findings.text("person", request.person, "Say who has seen to the robot; it is recorded.")
        findings.conclude()
        if request.robot not in self._robots:
            raise NotFound("ROBOT_NOT_FOUND", f"there is no robot {shown(request.robot)} in this store; see ListRobots")
        return robot_to_proto(self._control.acknowledge(request.robot, request.person.strip()))

    async def GetFloor(self, request: pb.GetFloorRequest, context: Context) -> floor_pb2.Floor:
        return self._floor

    async def CloseFloor(self, request: pb.CloseFloorRequest, context: Context) -> closure_pb2.FloorClosure:
        findings = Findings()
        findings.text("name", request.name, "Name it after its cause.", LONGEST_NAME)
        polygon = findings.outline("polygon", request.polygon, MOST_CORNERS)
        lasts_s = None
        if request.HasField("lasts"):
            lasts_s = findings.seconds(request.lasts, "lasts", _LEAST_CLOSED_S, LONGEST_S)
        findings.conclude()
        return closure_to_proto(self._control.close_floor(request.name.strip(), polygon, lasts_s))

    async def OpenFloor(self, request: pb.OpenFloorRequest, context: Context) -> pb.OpenFloorResponse:
        findings = Findings()
        findings.text("name", request.name, "Give the name that it was closed by.")
        findings.conclude()
        self._control.open_floor(request.name.strip())
        return pb.OpenFloorResponse()

    async def ListFloorClosures(
        self, request: pb.ListFloorClosuresRequest, context: Context
    ) -> pb.ListFloorClosuresResponse:
        closures, token = page_of(
            self._hub.latest.closures,
            lambda closure: (0, closure.name),
            "closures",
            request.page_size,
            request.page_token,
        )
        return pb.ListFloorClosuresResponse(floor_closures=map(closure_to_proto, closures), next_page_token=token)

    async def ListAlerts(self, request: pb.ListAlertsRequest, context: Context) -> pb.ListAlertsResponse:
        alerts, token = page_of(
            [alert for alert in self._hub.latest.alerts if alert.active or not request.active_only],
            lambda alert: (-alert.at_s, alert.alert_id),
            "active alerts" if request.active_only else "alerts",
            request.page_size,
            request.page_token,
        )
        return pb.ListAlertsResponse(alerts=map(alert_to_proto, alerts), next_page_token=token)


def _check_run_id(run_id: str) -> None:
    findings = Findings()
    findings.identifier("run_id", run_id)
    findings.conclude()


def _interval(request: pb.WatchCleaningRunRequest | pb.WatchRobotsRequest, findings: Findings) -> float:
    if not request.HasField("min_interval"):
        return _DEFAULT_INTERVAL_S
    return findings.seconds(request.min_interval, "min_interval", _LEAST_INTERVAL_S, _MOST_INTERVAL_S)


def _within_deadline(wait_s: float, context: Context) -> float:
    """As long as asked, but so that the answer still reaches a caller with a deadline."""
    remaining_s = context.time_remaining()
    return wait_s if remaining_s is None else max(0.0, min(wait_s, remaining_s - _ANSWER_MARGIN_S))
