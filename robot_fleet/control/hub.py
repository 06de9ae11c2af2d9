"""Hands the newest snapshot to whoever watches; a slow watcher skips to the newest. Lives on the event loop's thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from robot_fleet.control.snapshot import Snapshot

# Of a hundred watchers so many are woken at once: between them, calls get their turn.
_WOKEN_AT_ONCE = 8

_Waiting = asyncio.Future[None]


class SnapshotHub:
    """The latest snapshot, and those who wait for the next."""

    def __init__(self) -> None:
        self.latest = Snapshot(version=0, clock_s=0.0)
        self._waiting: dict[_Waiting, None] = {}  # in the order in which they came
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

    async def wait_for(self, holds: Callable[[Snapshot], bool], limit_s: float) -> Snapshot:
        """The first snapshot for which `holds`, or the newest one when `limit_s` wall seconds have passed or the hub closes.

        Snapshots that come quicker than the caller is woken are skipped.
        """
        loop = asyncio.get_running_loop()
        ends_s = loop.time() + limit_s
        while not (self._closed or holds(self.latest)) and loop.time() < ends_s:
            await self._next(ends_s)
        return self.latest

    async def _next(self, ends_s: float) -> None:
        """Returns when there is a newer snapshot, at `ends_s` of the loop's time, or when the hub closes."""
        loop = asyncio.get_running_loop()
        woken = loop.create_future()
        self._waiting[woken] = None
        timer = loop.call_at(ends_s, _settle, woken)
        try:
            await woken
        finally:
            timer.cancel()
            self._waiting.pop(woken, None)

    def _wake(self) -> None:
        waiting, self._waiting = list(self._waiting), {}
        _wake_in_turn(waiting)


def _wake_in_turn(waiting: Sequence[_Waiting]) -> None:
    for woken in waiting[:_WOKEN_AT_ONCE]:
        _settle(woken)
    if rest := waiting[_WOKEN_AT_ONCE:]:
        rest[0].get_loop().call_soon(_wake_in_turn, rest)


def _settle(woken: _Waiting) -> None:
    if not woken.done():
        woken.set_result(None)
