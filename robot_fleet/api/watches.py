"""Waiting for the next change that a watcher has not seen, with heartbeats between."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable

from google.protobuf.timestamp_pb2 import Timestamp

from robot_fleet.api.v1 import fleet_service_pb2 as pb
from robot_fleet.control.hub import SnapshotHub
from robot_fleet.control.snapshot import Snapshot
from robot_fleet.fleet.errors import Unavailable

HEARTBEAT_S = 10.0


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
