"""Lanes shared out among robots: each is driven once, the last robot is home early, and small cases are solved exactly."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from robot_fleet.planning.assignment import Stays, Work, evened_out, shared_out
from robot_fleet.planning.tour import greedy


def _work(seed: int, lanes: int, robots: int, homes: bool = True, pace: tuple[float, ...] = ()) -> Work:
    """Lanes strewn over a square of 20 m; the costs are the straight seconds between their ends."""
    rng = np.random.default_rng(seed)
    begins = rng.uniform(0, 20, (lanes, 2))
    ends = begins + rng.uniform(-4, 4, (lanes, 2))
    docks = rng.uniform(0, 2, (robots, 2))
    places = np.stack((begins, ends), axis=1).reshape(-1, 2)
    places = np.concatenate((places, np.repeat(docks, 2, axis=0)))
    cost = np.hypot(*(places[:, None] - places[None]).transpose(2, 0, 1)).astype(np.float32)
    return Work(
        cost=cost,
        drive_s=np.hypot(*(ends - begins).T),
        starts=2 * lanes + 2 * np.arange(robots),
        homes=2 * lanes + 2 * np.arange(robots) + 1 if homes else np.full(robots, -1),
        pace=np.array(pace or (1.0,) * robots),
        astride=np.zeros(robots, dtype=bool),
    )


def _silent(_share: float) -> None:
    pass


def _longest_s(work: Work, orders: list[np.ndarray]) -> float:
    return max(work.time_s(robot, order) for robot, order in enumerate(orders))


@settings(max_examples=6)
@given(
    seed=st.integers(0, 10_000),
    lanes=st.integers(1, 24),
    robots=st.integers(1, 4),
    homes=st.booleans(),
)
def test_every_lane_is_driven_once_by_one_robot(seed: int, lanes: int, robots: int, homes: bool) -> None:
    work = _work(seed, lanes, robots, homes)
    for orders in (first := shared_out(work, _silent), evened_out(work, first, _silent)):
        assert sorted(int(stop) // 2 for order in orders for stop in order) == list(range(lanes))


def test_lanes_that_nobody_has_stay_out_when_tours_are_evened_out() -> None:
    work = _work(7, 20, 2)
    begun = [order[order >= 12] for order in shared_out(work, _silent)]
    for seed in range(10):
        orders = evened_out(work, begun, _silent, seed)
        assert sorted(int(stop) // 2 for order in orders for stop in order) == list(range(6, 20))


def test_the_same_seed_gives_the_same_tours() -> None:
    one, other = (shared_out(_work(3, 30, 3), _silent, seed=5) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def _best_s(work: Work) -> float:
    """The shortest tour of one robot, by looking at all of them."""
    lanes = len(work.drive_s)
    return min(
        work.time_s(0, np.array([2 * lane + end for lane, end in zip(order, ends, strict=True)]))
        for order in itertools.permutations(range(lanes))
        for ends in itertools.product((0, 1), repeat=lanes)
    )


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("homes", [True, False])
def test_a_small_tour_is_the_shortest_there_is(seed: int, homes: bool) -> None:
    work = _work(seed, 5, 1, homes)
    assert _longest_s(work, shared_out(work, _silent)) <= 1.002 * _best_s(work)


@pytest.mark.parametrize("seed", range(4))
def test_tours_are_shorter_than_going_to_the_nearest(seed: int) -> None:
    work = _work(seed, 40, 1)
    nearest = greedy(work.cost, work.lanes, int(work.starts[0]))
    assert _longest_s(work, shared_out(work, _silent)) < work.time_s(0, nearest)


@pytest.mark.parametrize("robots", [2, 3, 5])
def test_robots_finish_together(robots: int) -> None:
    work = _work(7, 80, robots)
    times = [work.time_s(robot, order) for robot, order in enumerate(shared_out(work, _silent))]
    assert max(times) <= 1.05 * np.mean(times)


def test_a_slow_robot_gets_less() -> None:
    work = _work(11, 60, 2, pace=(1.0, 0.5))
    fast, slow = shared_out(work, _silent)
    assert work.drive_s[slow // 2].sum() < 0.7 * work.drive_s[fast // 2].sum()
    assert work.time_s(1, slow) == pytest.approx(work.time_s(0, fast), rel=0.1)


@pytest.mark.parametrize("begin", [([0], [2], [4]), ([0], [2, 4], [])])
@pytest.mark.parametrize("astride", [False, True])
def test_a_far_robot_has_no_lane_unless_it_stands_in_the_others_way(
    astride: bool, begin: tuple[list[int], ...]
) -> None:
    """One long lane and two short ones beside the first two docks; the third dock is 30 m away."""
    lanes = [((0.0, 0.0), (100.0, 0.0)), ((0.0, 2.0), (5.0, 2.0)), ((0.0, 3.0), (5.0, 3.0))]
    docks = [(0.0, 0.0), (0.0, 2.0), (-30.0, 2.0)]
    places = np.array([*(end for lane in lanes for end in lane), *(dock for dock in docks for _ in range(2))])
    cost = np.hypot(*(places[:, None] - places[None]).transpose(2, 0, 1)).astype(np.float32)
    work = Work(
        cost=cost,
        drive_s=np.array([100.0, 5.0, 5.0]),
        starts=6 + 2 * np.arange(3),
        homes=7 + 2 * np.arange(3),
        pace=np.ones(3),
        astride=np.array([False, False, astride]),
    )
    orders = [np.array(order, dtype=np.int64) for order in begin]
    assert bool(len(evened_out(work, orders, _silent)[2])) is astride


def _thirsty(work: Work, tanks: float, fill_s: float) -> Work:
    """The work with a load of 1 m² for each second of a lane, and tanks that all last for such a share of it together."""
    robots = len(work.starts)
    full = np.full(robots, tanks * float(work.drive_s.sum()) / robots)
    return replace(work, stays=Stays(work.drive_s, full, full, np.full(robots, fill_s), np.zeros(robots)))


def test_no_robot_fills_its_tank_where_all_tanks_together_last() -> None:
    work = _thirsty(_work(1, 60, 3), tanks=1.1, fill_s=60.0)
    assert work.stays is not None
    orders = shared_out(work, _silent)
    loads = [work.stays.load[order // 2].sum() for order in orders]
    assert (np.array(loads) <= work.stays.first_m2).all()
    # Without tanks the robots do not care how much each scrubs.
    assert _longest_s(work, orders) == pytest.approx(_longest_s(replace(work, stays=None), orders))


def test_tanks_are_filled_less_often_than_where_nobody_minds_them() -> None:
    work = _thirsty(_work(2, 80, 3), tanks=0.95, fill_s=30.0)
    assert work.stays is not None
    orders, blind = shared_out(work, _silent), shared_out(replace(work, stays=None), _silent)
    times, blind_times = ([work.time_s(r, order) for r, order in enumerate(made)] for made in (orders, blind))
    fills, blind_fills = (
        sum(work.stays.time_s(r, order) for r, order in enumerate(made)) / 30.0 for made in (orders, blind)
    )
    assert 1 <= fills < blind_fills
    assert sum(times) < sum(blind_times) and max(times) < 1.1 * max(blind_times)


def test_a_robot_that_takes_longer_for_something_else_gets_less() -> None:
    work = _work(3, 60, 2)
    stays = Stays(np.ones(60), np.full(2, np.inf), np.ones(2), np.zeros(2), np.array([0.0, 40.0]))
    late = replace(work, stays=stays)
    begun = shared_out(work, _silent)
    orders = evened_out(late, begun, _silent)
    assert work.time_s(1, orders[1]) < work.time_s(1, begun[1])
    assert late.time_s(0, orders[0]) == pytest.approx(late.time_s(1, orders[1]), rel=0.05)
