"""The client: one method for each thing that can be asked of a fleet."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import grpc
from shapely import Polygon

from robot_fleet.api.conversion import (
    alert_from_proto,
    closure_from_proto,
    floor_from_proto,
    record_from_proto,
    robot_from_proto,
    run_from_proto,
)
from robot_fleet.api.conversion.geometry import polygon_to_proto
from robot_fleet.api.conversion.values import duration_to_proto
from robot_fleet.api.v1 import cleaning_run_pb2 as run_pb
from robot_fleet.api.v1 import fleet_service_pb2 as pb
from robot_fleet.api.v1.fleet_service_pb2_grpc import FleetServiceStub
from robot_fleet.client.errors import check_address, client_error, unreadable
from robot_fleet.client.reconnecting import Attempts
from robot_fleet.control.snapshot import AlertView, ClosureView, RobotView, RunRecord, RunView
from robot_fleet.floor.store import FloorMap

DEFAULT_ADDRESS = "127.0.0.1:50051"
_OPTIONS = [
    ("grpc.max_receive_message_length", 64 * 1024 * 1024),
    # A controller that is started again must be found at once, not after gRPC's two minutes.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
    ("grpc.enable_http_proxy", 0),
]
_WATCH_S = 30.0

Answer = TypeVar("Answer")
Value = TypeVar("Value")


class FleetClient:
    """A connection to one controller. Calls block until the answer is there; from several threads they may overlap.

    `timeout_s` limits each call (a stop: beyond its own wait). All raise ClientError, an `address` that is none too; see
    robot_fleet.client.errors.
    """

    def __init__(self, address: str = DEFAULT_ADDRESS, timeout_s: float = 10.0) -> None:
        check_address(address)
        self.address = address
        self._timeout_s = timeout_s
        self._channel = grpc.insecure_channel(address, options=_OPTIONS)
        self._stub = FleetServiceStub(self._channel)

    def __enter__(self) -> FleetClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Leaves the controller; running watches end."""
        self._channel.close()

    def wait_until_ready(self, limit_s: float) -> None:
        """Returns when the controller answers; Unreachable after `limit_s`."""
        request = pb.ListRobotsRequest(page_size=1)
        self._asked(lambda: self._stub.ListRobots(request, wait_for_ready=True, timeout=limit_s))

    def start(self, zones: Sequence[str] = (), robots: Sequence[str] = (), request_id: str = "") -> RunView:
        """Starts a run over the zones (none: all) with the robots (none: all) and returns it in PLANNING.

        Repeating a call with the same `request_id` is safe: it returns the run that the first one started.
        """
        request = pb.StartCleaningRunRequest(zones=zones, robots=robots, request_id=request_id or str(uuid.uuid4()))
        return self._run(self._stub.StartCleaningRun, request)

    def stop(self, run_id: str, wait_s: float = 10.0) -> RunView:
        """Stops the run; returns it when all robots rest, or after `wait_s` with those in `unconfirmed` that do not."""
        request = pb.StopCleaningRunRequest(run_id=run_id, wait=duration_to_proto(wait_s))
        return self._run(self._stub.StopCleaningRun, request, wait_s + self._timeout_s)

    def pause(self, run_id: str) -> RunView:
        """Lets the run's robots rest where they are."""
        return self._run(self._stub.PauseCleaningRun, pb.PauseCleaningRunRequest(run_id=run_id))

    def resume(self, run_id: str) -> RunView:
        """Lets a paused run go on."""
        return self._run(self._stub.ResumeCleaningRun, pb.ResumeCleaningRunRequest(run_id=run_id))

    def get(self, run_id: str) -> RunView:
        """The run as it is now."""
        return self._run(self._stub.GetCleaningRun, pb.GetCleaningRunRequest(run_id=run_id))

    def record(self, run_id: str) -> RunRecord:
        """Which cells the run has cleaned, and each robot's track: what a report is drawn from."""
        request = pb.GetCleaningRunRequest(run_id=run_id, view=run_pb.RUN_VIEW_FULL)
        message = self._ask(self._stub.GetCleaningRun, request)
        return self._read(lambda: record_from_proto(run_id, message.record))

    def runs(self) -> Iterator[RunView]:
        """All runs, newest first; pages are fetched as they are needed."""
        pages = self._pages(self._stub.ListCleaningRuns, pb.ListCleaningRunsRequest())
        return (self._value(run_from_proto, message) for page in pages for message in page.cleaning_runs)

    def current_run(self) -> RunView | None:
        """The active run, or else the newest; None when there has never been one."""
        newest = None
        for run in self.runs():
            newest = newest or run
            if not run.state.is_terminal:
                return run
        return newest

    def watch(self, run_id: str, patience_s: float = 30.0, interval_s: float = 0.1) -> Iterator[RunView]:
        """The run now and after each change, until it has ended; a change every `interval_s` at most.

        A controller that goes away and comes back within `patience_s` is found again; Unreachable when it does not.
        """
        request = pb.WatchCleaningRunRequest(run_id=run_id, min_interval=duration_to_proto(interval_s))
        for message in self._messages(self._stub.WatchCleaningRun, request, patience_s):
            if message.HasField("cleaning_run"):
                run = self._value(run_from_proto, message.cleaning_run)
                request.known_version = run.version
                yield run

    def robots(self) -> list[RobotView]:
        """The store's robots by name."""
        pages = self._pages(self._stub.ListRobots, pb.ListRobotsRequest())
        return [self._value(robot_from_proto, message) for page in pages for message in page.robots]

    def watch_robots(
        self, robots: Sequence[str] = (), patience_s: float = 30.0, interval_s: float = 0.1
    ) -> Iterator[list[RobotView]]:
        """The robots now (none named: all), then those that changed; does not end by itself. Finds a lost controller."""
        request = pb.WatchRobotsRequest(robots=robots, min_interval=duration_to_proto(interval_s))
        for message in self._messages(self._stub.WatchRobots, request, patience_s):
            if message.robots:
                yield [self._value(robot_from_proto, robot) for robot in message.robots]

    def acknowledge(self, robot: str, person: str) -> RobotView:
        """Records that `person` has seen to the held robot, and lets it work again."""
        request = pb.AcknowledgeRobotRequest(robot=robot, person=person)
        return self._value(robot_from_proto, self._ask(self._stub.AcknowledgeRobot, request))

    def floor(self) -> FloorMap:
        """The store's floor: grid, zones, keepouts, docks."""
        return self._value(floor_from_proto, self._ask(self._stub.GetFloor, pb.GetFloorRequest()))

    def close_floor(self, name: str, polygon: Polygon, lasts_s: float | None = None) -> ClosureView:
        """Closes floor (map frame) for all robots, until it is opened or for so long; drawn anew when it is closed already."""
        lasts = None if lasts_s is None else duration_to_proto(lasts_s)
        request = pb.CloseFloorRequest(name=name, polygon=polygon_to_proto(polygon), lasts=lasts)
        return self._value(closure_from_proto, self._ask(self._stub.CloseFloor, request))

    def open_floor(self, name: str) -> None:
        """Opens closed floor again, before its time."""
        self._ask(self._stub.OpenFloor, pb.OpenFloorRequest(name=name))

    def closures(self) -> list[ClosureView]:
        """The floor that is closed now, by name."""
        pages = self._pages(self._stub.ListFloorClosures, pb.ListFloorClosuresRequest())
        return [self._value(closure_from_proto, message) for page in pages for message in page.floor_closures]

    def alerts(self, active_only: bool = False) -> Iterator[AlertView]:
        """The store's alerts, newest first; pages are fetched as they are needed."""
        pages = self._pages(self._stub.ListAlerts, pb.ListAlertsRequest(active_only=active_only))
        return (self._value(alert_from_proto, message) for page in pages for message in page.alerts)

    def _run(self, method: Callable[..., run_pb.CleaningRun], request: Any, timeout_s: float = 0.0) -> RunView:
        return self._value(run_from_proto, self._ask(method, request, timeout_s))

    def _ask(self, method: Callable[..., Answer], request: Any, timeout_s: float = 0.0) -> Answer:
        return self._asked(lambda: method(request, timeout=timeout_s or self._timeout_s))

    def _asked(self, call: Callable[[], Answer]) -> Answer:
        try:
            return call()
        except grpc.RpcError as error:
            raise client_error(error, self.address) from None

    def _pages(self, method: Callable[..., Answer], request: Any) -> Iterator[Answer]:
        while True:
            page: Any = self._ask(method, request)
            yield page
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    def _messages(self, method: Callable[..., Any], request: Any, patience_s: float) -> Iterator[Any]:
        """The stream's messages; opened again, with the request as it is then, when it breaks."""
        attempts = Attempts(patience_s)
        while True:
            stream = method(request, timeout=_WATCH_S)
            try:
                for message in stream:
                    attempts.succeeded()
                    yield message
                return
            except grpc.RpcError as error:
                attempts.failed(error, self.address)
            finally:
                stream.cancel()

    def _value(self, convert: Callable[[Any], Value], message: Any) -> Value:
        return self._read(lambda: convert(message))

    @staticmethod
    def _read(convert: Callable[[], Value]) -> Value:
        try:
            return convert()
        except (KeyError, ValueError) as fault:
            raise unreadable(fault) from fault
