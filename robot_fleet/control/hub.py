"""Hands the newest snapshot to whoever watches; a slow watcher skips to the newest. Lives on the event loop's thread."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

from robot_fleet.control.snapshot import Snapshot


class SnapshotHub:
    """The latest snapshot and an event that wakes those who wait for the next."""

    def __init__(self) -> None:
        self.latest = Snapshot(version=0, clock_s=0.0)
        self._changed = asyncio.Event()
        self._closed = False

    def publish(self, snapshot: Snapshot) -> None:
        """Replaces the snapshot and wakes every watcher."""
        self.latest = snapshot
        self._wake()

    def close(self) -> None:
        """Ends every watch."""
        self._closed = True
        self._wake()

    @property
    def closed(self) -> bool:
        """Whether there will be no more snapshots."""
        return self._closed

    async def watch(self) -> AsyncIterator[Snapshot]:
        """The present snapshot, then each newer one that the caller is quick enough to see; ends when the hub closes."""
        seen = None
        while not self._closed:
            if self.latest is not seen:
                seen = self.latest
                yield seen
            else:
                await self._changed.wait()

    async def wait_for(self, holds: Callable[[Snapshot], bool], limit_s: float) -> Snapshot:
        """The first snapshot for which `holds`, or the newest one when `limit_s` wall seconds have passed."""

        async def reached() -> None:
            async for snapshot in self.watch():
                if holds(snapshot):
                    return

        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(reached(), limit_s)
        return self.latest

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
