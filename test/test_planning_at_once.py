"""Searches run at once: what they find is in their order, what they report is told one at a time, and a fault ends all."""

from __future__ import annotations

import threading
from functools import partial

import pytest

from robot_fleet.planning.at_once import Heard, at_once


def test_each_search_finds_its_own_in_their_order() -> None:
    both = threading.Barrier(2, timeout=20.0)

    def search(k: int, heard: Heard) -> int:
        both.wait()
        heard(1.0)
        return k * k

    shares: list[float] = []
    assert at_once([partial(search, k) for k in (3, 5)], shares.append) == [9, 25]
    assert shares == [0.5, 1.0]


def test_the_share_of_all_is_told_one_call_at_a_time() -> None:
    busy = threading.Lock()

    def heard(share: float) -> None:
        assert busy.acquire(blocking=False), "two calls at once"
        assert 0.0 <= share <= 1.0 + 1e-9
        busy.release()

    def search(hear: Heard) -> None:
        for k in range(200):
            hear((k + 1) / 200)

    at_once([search] * 4, heard)


def test_a_fault_of_one_search_is_raised_and_ends_the_others() -> None:
    told = threading.Event()
    rounds = 0

    def fails(_heard: Heard) -> None:
        assert told.wait(20.0)
        raise ValueError("no way")

    def goes_on(heard: Heard) -> None:
        nonlocal rounds
        while True:
            heard(0.5)
            told.set()
            rounds += 1

    with pytest.raises(ValueError, match="no way"):
        at_once([goes_on, fails], lambda _share: None)
    assert rounds >= 1


@pytest.mark.parametrize("searches", [1, 3])
def test_whoever_hears_may_call_it_off(searches: int) -> None:
    def stop(_share: float) -> None:
        raise KeyboardInterrupt

    def search(heard: Heard) -> None:
        heard(0.1)

    with pytest.raises(KeyboardInterrupt):
        at_once([search] * searches, stop)
