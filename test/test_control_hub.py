"""Who waits for news: woken by it, not by what is none, at the latest in time, and never all before a call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from robot_fleet.control.hub import SnapshotHub
from robot_fleet.control.snapshot import Snapshot

LONG_S = 60.0


def at(version: int) -> Snapshot:
    return Snapshot(version=version, clock_s=0.0)


def from_version(version: int) -> Callable[[Snapshot], bool]:
    return lambda snapshot: snapshot.version >= version


async def all_have_begun() -> None:
    for _ in range(3):
        await asyncio.sleep(0)


def test_a_wait_ends_with_the_first_snapshot_that_is_as_wanted() -> None:
    async def told() -> list[int]:
        hub = SnapshotHub()
        hub.publish(at(1))
        at_once = await hub.wait_for(from_version(1), LONG_S)
        waits = asyncio.ensure_future(hub.wait_for(from_version(3), LONG_S))
        for version in (2, 3):
            await all_have_begun()
            assert not waits.done()
            hub.publish(at(version))
        return [at_once.version, (await waits).version]

    assert asyncio.run(told()) == [1, 3]


@pytest.mark.parametrize("limit_s", [0.0, 0.02])
def test_a_wait_ends_in_time_with_the_newest_snapshot_also_while_others_come(limit_s: float) -> None:
    async def told() -> int:
        hub = SnapshotHub()
        waits = asyncio.ensure_future(hub.wait_for(from_version(1000), limit_s))
        version = 0
        while not waits.done():
            version += 1
            hub.publish(at(version))
            await asyncio.sleep(0.001)
            assert version < 900
        assert waits.result().version <= version
        return (await hub.wait_for(from_version(0), 0.0)).version - version

    assert asyncio.run(told()) == 0


def test_a_hub_that_closes_ends_all_waits() -> None:
    async def told() -> set[int]:
        hub = SnapshotHub()
        hub.publish(at(7))
        waits = [asyncio.ensure_future(hub.wait_for(from_version(8), LONG_S)) for _ in range(50)]
        await all_have_begun()
        hub.close()
        found = await asyncio.wait_for(asyncio.gather(*waits, hub.wait_for(from_version(8), LONG_S)), LONG_S)
        return {snapshot.version for snapshot in found}

    assert asyncio.run(told()) == {7}


def test_what_is_to_be_done_meanwhile_gets_its_turn_before_a_hundred_watchers_had_theirs() -> None:
    async def first_turns() -> tuple[int, int]:
        hub, had = SnapshotHub(), []

        async def watch(number: int) -> None:
            await hub.wait_for(from_version(1), LONG_S)
            had.append(number)

        watchers = [asyncio.ensure_future(watch(number)) for number in range(100)]
        await all_have_begun()
        hub.publish(at(1))
        await all_have_begun()
        meanwhile = len(had)
        await asyncio.wait_for(asyncio.gather(*watchers), LONG_S)
        return meanwhile, len(had)

    meanwhile, in_the_end = asyncio.run(first_turns())
    assert 0 < meanwhile < 50 and in_the_end == 100


def test_a_watcher_that_gives_up_does_not_keep_the_others_from_their_news() -> None:
    async def told() -> list[int]:
        hub = SnapshotHub()
        waits = [asyncio.ensure_future(hub.wait_for(from_version(1), LONG_S)) for _ in range(30)]
        await all_have_begun()
        for gone in waits[::2]:
            gone.cancel()
        hub.publish(at(1))
        return [snapshot.version for snapshot in await asyncio.wait_for(asyncio.gather(*waits[1::2]), LONG_S)]

    assert asyncio.run(told()) == [1] * 15


def test_who_waits_no_longer_is_forgotten_also_while_nothing_is_published() -> None:
    async def kept() -> int:
        hub = SnapshotHub()
        for _ in range(20):
            await hub.wait_for(from_version(1), 0.001)
        given_up = asyncio.ensure_future(hub.wait_for(from_version(1), LONG_S))
        await all_have_begun()
        given_up.cancel()
        await all_have_begun()
        return len(hub._waiting)

    assert asyncio.run(kept()) == 0
