"""Lanes shared out among robots so that they finish together, each in a territory of its own.

One tour over all lanes is cut into as many runs as there are robots (Frederickson, Hecht, Kim, "Approximation
algorithms for some routing problems", 1978); each run becomes a tour of its own, and the cuts are moved until the
robots' times agree.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from robot_fleet.planning.terrain import Floats, Ints
from robot_fleet.planning.tour import greedy, improved, tour_s

_ROUNDS = 14


@dataclass(frozen=True, eq=False)
class Work:
    """What is to be shared out: `cost` (n, n) seconds from end to end, `drive_s` (lanes,) along each lane.

    Robot r sets off from the end starts[r] and comes home to the end homes[r] (-1: it may stop anywhere); its times are
    those of the fastest robot divided by pace[r].
    """

    cost: Floats
    drive_s: Floats
    starts: Ints
    homes: Ints
    pace: Floats

    @property
    def lanes(self) -> Ints:
        """The lanes by number."""
        return np.arange(len(self.drive_s))

    def time_s(self, robot: int, order: Ints) -> float:
        """Seconds that a robot takes for its lanes in this order, ways out and home included."""
        if not len(order):
            return 0.0
        between = tour_s(self.cost, order, int(self.starts[robot]), int(self.homes[robot]))
        return (between + float(self.drive_s[order // 2].sum())) / float(self.pace[robot])


def shared_out(work: Work, step: Callable[[float], None]) -> list[Ints]:
    """For each robot the ends through which it enters its lanes, in order. `step` hears the share done."""
    whole = greedy(work.cost, work.lanes, int(work.starts[0]))
    whole = improved(work.cost, whole, int(work.starts[0]), int(work.homes[0]))
    step(0.4)
    robots = len(work.starts)
    if robots == 1:
        return [whole]
    share = np.asarray(work.pace, dtype=np.float64) / work.pace.sum()
    best: list[Ints] = []
    best_s = np.inf
    for k in range(_ROUNDS):
        orders = _tours(work, _cut(work, whole, share))
        times = np.array([work.time_s(robot, order) for robot, order in enumerate(orders)])
        if times.max() < best_s:
            best, best_s = orders, float(times.max())
        share = share * (times.mean() / np.maximum(times, 1.0)) ** 0.8
        share /= share.sum()
        step(0.4 + 0.6 * (k + 1) / _ROUNDS)
    return best


def _cut(work: Work, whole: Ints, share: Floats) -> list[Ints]:
    """The tour cut into runs, run r for robot r with its share of the time."""
    link = work.cost[whole[:-1] ^ 1, whole[1:]] if len(whole) > 1 else np.zeros(0)
    spent = work.drive_s[whole // 2] + np.concatenate((link, [0.0]))
    middle = np.cumsum(spent) - spent / 2
    return _runs_for(work, whole, middle / spent.sum(), share)


def _runs_for(work: Work, whole: Ints, middle: Floats, share: Floats) -> list[Ints]:
    """Runs in the order of the tour; which robot gets which run is settled by the ways to them, when shares are alike."""
    cuts = np.searchsorted(middle, np.cumsum(share)[:-1])
    runs = np.split(whole, cuts)
    access = np.array([[_access_s(work, robot, run) for run in runs] for robot in range(len(share))])
    _, chosen = linear_sum_assignment(access)
    if np.array_equal(chosen, np.arange(len(runs))):
        return runs
    # The shares belong to robots: cut again with the robots in the order of the tour.
    robots = np.argsort(chosen)
    cuts = np.searchsorted(middle, np.cumsum(share[robots])[:-1])
    again = np.split(whole, cuts)
    return [again[int(position)] for position in np.argsort(robots)]


def _access_s(work: Work, robot: int, run: Ints) -> float:
    if not len(run):
        return 0.0
    out = work.cost[int(work.starts[robot])][np.concatenate((run, run ^ 1))].min()
    return float(out)


def _tours(work: Work, runs: list[Ints]) -> list[Ints]:
    return [
        improved(work.cost, run, int(work.starts[robot]), int(work.homes[robot])) if len(run) else run
        for robot, run in enumerate(runs)
    ]
