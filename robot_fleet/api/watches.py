"""Waiting for the next change that a watcher has not seen, with heartbeats between."""

from __future__ import annotations

import operator
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager

from google.protobuf.timestamp_pb2 import Timestamp

from robot_fleet.api.conversion import robot_to_proto, run_to_proto
from robot_fleet.api.v1 import fleet_service_pb2 as pb
from robot_fleet.api.v1 import robot_pb2
from robot_fleet.api.validation import shown
from robot_fleet.control.hub import SnapshotHub
from robot_fleet.control.snapshot import RobotView, RunView, Snapshot
from robot_fleet.fleet.errors import FleetError, NotFound, Unavailable

HEARTBEAT_S = 10.0
# At a tenth of a second each, more watches would leave a controller no time for its robots.
MOST_WATCHES = 100


class TooManyWatches(FleetError):
    """No further watch, so that every other call is still answered at once."""


class Seats:
    """Room for so many watches at a time."""

    def __init__(self, most: int = MOST_WATCHES) -> None:
        self._most = most
        self._taken = 0

    @contextmanager
    def one(self) -> Iterator[None]:
        """A seat while a watch lasts; TooManyWatches when none is free."""
        if self._taken >= self._most:
            text = (
                f"{self._most} watches are open, which is the most; end one of them, or ask for the state now and then"
            )
            raise TooManyWatches("TOO_MANY_WATCHES", text)
        self._taken += 1
        try:
            yield
        finally:
            self._taken -= 1


def run_in(snapshot: Snapshot, run_id: str) -> RunView:
    """The run as it is in the snapshot; NotFound."""
    run = next((run for run in snapshot.runs if run.run_id == run_id), None)
    if run is None:
        raise NotFound("RUN_NOT_FOUND", f"there is no run {shown(run_id)}; see ListCleaningRuns")
    return run


class RunWatch:
    """What one watcher has seen of one run. Not only versions count: the cleaned floor and the time to go change between."""

    def __init__(self, run_id: str, known_version: int = 0) -> None:
        self._run_id = run_id
        self._known_version = known_version
        self._seen: RunView | None = None

    def has_news(self, snapshot: Snapshot) -> bool:
        """Whether the run is not as the watcher knows it. A final state is always told: it ends the watch."""
        run = run_in(snapshot, self._run_id)
        if self._seen is None and not run.state.is_terminal:
            return run.version != self._known_version or not run.version
        return run != self._seen

    def take(self, snapshot: Snapshot) -> RunView:
        """The run, from now on seen."""
        self._seen = run_in(snapshot, self._run_id)
        return self._seen

    def is_over(self, snapshot: Snapshot) -> bool:
        """Whether the run has ended."""
        return run_in(snapshot, self._run_id).state.is_terminal


class RobotsWatch:
    """What one watcher has seen of some robots. That a robot was heard again, and nothing else, is no news."""

    def __init__(self, names: set[str]) -> None:
        self._names = names
        self._seen: dict[str, tuple[object, ...]] = {}

    def has_news(self, snapshot: Snapshot) -> bool:
        """Whether any of the robots is not as the watcher knows it."""
        return any(self._seen.get(robot.name) != robot.lasting for robot in self._watched(snapshot))

    def take(self, snapshot: Snapshot) -> list[RobotView]:
        """The robots that changed, from now on seen."""
        changed = [robot for robot in self._watched(snapshot) if self._seen.get(robot.name) != robot.lasting]
        self._seen.update((robot.name, robot.lasting) for robot in changed)
        return changed

    def _watched(self, snapshot: Snapshot) -> Iterator[RobotView]:
        return (robot for robot in snapshot.robots if robot.name in self._names)


class Messages:
    """Views as messages, made once for all who watch; the newest are kept. None of them is to be changed."""

    def __init__(self) -> None:
        self._robots: dict[str, tuple[RobotView, robot_pb2.Robot]] = {}
        self._of_run: tuple[RunView, pb.WatchCleaningRunResponse] | None = None
        self._of_robots: tuple[Sequence[RobotView], pb.WatchRobotsResponse] | None = None

    def robot(self, view: RobotView) -> robot_pb2.Robot:
        """A robot as a message."""
        kept = self._robots.get(view.name)
        if kept is None or kept[0] is not view:
            kept = self._robots[view.name] = view, robot_to_proto(view)
        return kept[1]

    def of_run(self, view: RunView) -> pb.WatchCleaningRunResponse:
        """What who watches a run is told of it."""
        if self._of_run is None or self._of_run[0] is not view:
            self._of_run = view, pb.WatchCleaningRunResponse(cleaning_run=run_to_proto(view))
        return self._of_run[1]

    def of_robots(self, views: Sequence[RobotView], clock_s: float) -> pb.WatchRobotsResponse:
        """What who watches robots is told of those that changed; most watchers lack the same ones."""
        kept = self._of_robots
        if kept is None or kept[1].clock_s != clock_s or not _are_same(kept[0], views):
            kept = views, pb.WatchRobotsResponse(robots=map(self.robot, views), clock_s=clock_s)
            self._of_robots = kept
        return kept[1]


def _are_same(ones: Sequence[object], others: Sequence[object]) -> bool:
    return len(ones) == len(others) and all(map(operator.is_, ones, others))


async def changes(hub: SnapshotHub, unseen: Callable[[Snapshot], bool]) -> AsyncIterator[Snapshot | None]:
    """Each newest snapshot that has something `unseen`; None after 10 s without. Unavailable when the hub closes."""
    while True:
        snapshot = await hub.wait_for(unseen, HEARTBEAT_S)
        if unseen(snapshot):
            yield snapshot
        elif hub.closed:
            raise Unavailable("SHUTTING_DOWN", "the server is going down; watch again when it is back")
        else:
            yield None


async def rest(hub: SnapshotHub, seconds: float, enough: Callable[[Snapshot], bool] = lambda snapshot: False) -> None:
    """Waits so long, or until `enough` holds or the hub closes."""
    await hub.wait_for(enough, seconds)


def heartbeat() -> pb.Heartbeat:
    """A heartbeat with the present time."""
    now = Timestamp()
    now.FromNanoseconds(time.time_ns())
    return pb.Heartbeat(time=now)
