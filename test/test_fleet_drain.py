"""How fast a battery falls is learnt from reports, whatever comes between them."""

from __future__ import annotations

import pytest

from robot_fleet.fleet.drain import Drain


def reported(drain: Drain, begin_s: float, level: float, per_s: float, seconds: int) -> None:
    for second in range(seconds):
        drain.report(begin_s + second, level - per_s * second, False)


def test_a_steady_fall_is_learnt_and_a_faster_one_soon() -> None:
    drain = Drain()
    reported(drain, 0.0, 1.0, 0.0001, 100)
    assert drain.per_s == pytest.approx(0.0001)
    reported(drain, 100.0, 0.99, 0.002, 30)
    assert drain.per_s == pytest.approx(0.002, rel=0.2)


def test_a_slower_fall_is_learnt_once_the_fast_one_is_long_ago() -> None:
    drain = Drain()
    reported(drain, 0.0, 1.0, 0.002, 50)
    reported(drain, 50.0, 0.9, 0.0001, 200)
    assert drain.per_s == pytest.approx(0.0001, rel=0.1)


def test_charging_does_not_change_what_was_learnt_and_levels_from_before_it_do_not_count() -> None:
    drain = Drain()
    reported(drain, 0.0, 0.5, 0.001, 60)
    drain.report(60.0, 0.9, True)
    assert drain.per_s == pytest.approx(0.001)
    reported(drain, 61.0, 0.2, 0.0001, 60)
    assert drain.per_s == pytest.approx(0.0001)


def test_a_clock_that_is_set_back_begins_anew() -> None:
    drain = Drain()
    reported(drain, 1000.0, 0.9, 0.0001, 60)
    reported(drain, 0.0, 0.5, 0.0001, 60)
    assert drain.per_s == pytest.approx(0.0001)


def test_nothing_is_learnt_from_a_few_seconds() -> None:
    drain = Drain()
    reported(drain, 0.0, 1.0, 0.01, 15)
    assert drain.per_s == 0.0
