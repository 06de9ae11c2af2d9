"""Lanes shared out among robots so that they finish together, each in a territory of its own.

One tour over all lanes is cut into as many runs as there are robots (Frederickson, Hecht, Kim, "Approximation
algorithms for some routing problems", 1978); each run becomes a tour of its own, and `touring` improves all of them at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from robot_fleet.planning.compiled import EFFORT
from robot_fleet.planning.terrain import Bools, Floats, Ints
from robot_fleet.planning.tour import greedy, tour_s
from robot_fleet.planning.touring import anneal

_PARTS = 20
_TRIALS_EACH, _TRIALS_MOST = 20_000, 8_000_000
_HOT_S, _WARM_S, _COLD_S = 4.0, 0.5, 0.03
_NEIGHBOURS = 24
# The usual power of the norm of the robots' times.
_POWER = 12
# Ways to share floor out are looked at with this share of the trials; a time is found by so many halvings.
_LOOK, _HALVINGS = 0.1, 50
# What a robot that stands in the others' way counts for, in times of the longest tour.
_IDLE = 1.25


@dataclass(frozen=True, eq=False)
class Stays:
    """Visits to docks: `load` (lanes,) m² that are scrubbed along each lane; for each robot the m² that its tank lasts for at
    first, and full, the seconds for a visit that fills it, way and all, and those that all else takes, each (robots,).
    """

    load: Floats
    first_m2: Floats
    full_m2: Floats
    fill_s: Floats
    more_s: Floats

    @property
    def table(self) -> Floats:
        """(robots, 4) what `touring` knows of robots."""
        return np.column_stack((self.first_m2, self.full_m2, self.fill_s, self.more_s))

    def time_s(self, robot: int, order: Ints) -> float:
        """Seconds of a robot's visits when it drives these lanes."""
        lost = float(self.load[order // 2].sum()) - float(self.first_m2[robot])
        fills = math.ceil(lost / float(self.full_m2[robot])) if lost > 0.0 else 0
        return fills * float(self.fill_s[robot]) + float(self.more_s[robot])


@dataclass(frozen=True, eq=False)
class Work:
    """What is to be shared out: `cost` (n, n) seconds from end to end, `drive_s` (lanes,) along each lane.

    Robot r sets off from the end starts[r] and comes home to the end homes[r] (-1: it may stop anywhere); its times are
    those of the fastest robot divided by pace[r]. With `one_ways` a way may take longer than the way back. The robots that
    are `astride` stand where others have to drive: they set off if there is a lane for each. Their `stays` at docks count.
    """

    cost: Floats
    drive_s: Floats
    starts: Ints
    homes: Ints
    pace: Floats
    astride: Bools
    one_ways: bool = False
    stays: Stays | None = None

    @property
    def lanes(self) -> Ints:
        """The lanes by number."""
        return np.arange(len(self.drive_s))

    def time_s(self, robot: int, order: Ints) -> float:
        """Seconds that a robot takes for its lanes in this order, ways out and home and visits included."""
        if not len(order):
            return 0.0
        between = tour_s(self.cost, order, int(self.starts[robot]), int(self.homes[robot]))
        driven = (between + float(self.drive_s[order // 2].sum())) / float(self.pace[robot])
        return driven + (self.stays.time_s(robot, order) if self.stays is not None else 0.0)


def shared_out(work: Work, step: Callable[[float], None], seed: int = 0, effort: float = 1.0) -> list[Ints]:
    """For each robot the ends through which it enters its lanes, in order.

    `step` hears the share done; `effort` is the share of the usual trials.
    """
    whole = greedy(work.cost, work.lanes, int(work.starts[0]))
    heats: Floats = np.asarray(np.geomspace(_HOT_S, _COLD_S, _PARTS + 1))
    cuts = [_cut(work, whole, share) for share in _shares(work, whole)]
    if len(cuts) > 1:
        looks = [_annealed(work, cut, heats, _unheard, seed, _LOOK * effort) for cut in cuts]
        longest = [max(work.time_s(robot, order) for robot, order in enumerate(orders)) for orders in looks]
        cuts = [cuts[int(np.argmin(longest))]]
    return _annealed(work, cuts[0], heats, step, seed, effort)


def evened_out(
    work: Work,
    orders: list[Ints],
    step: Callable[[float], None],
    seed: int = 0,
    effort: float = 1.0,
    power: int = _POWER,
) -> list[Ints]:
    """The tours changed as little as other paces ask for: what lies between two robots' floors goes to the earlier one.

    The higher the `power` of the norm of their times, the more the longest one counts.
    """
    heats: Floats = np.asarray(np.geomspace(_WARM_S, _COLD_S, _PARTS // 2 + 1))
    return _annealed(work, orders, heats, step, seed + 1, effort, power)


def trials_of(lanes: int) -> int:
    """The usual trials for so many lanes."""
    return min(_TRIALS_MOST, _TRIALS_EACH * lanes) if lanes > 1 else 0


def _annealed(
    work: Work,
    orders: list[Ints],
    heats: Floats,
    step: Callable[[float], None],
    seed: int,
    effort: float,
    power: int = _POWER,
) -> list[Ints]:
    """The tours improved, cooler from part to part."""
    lanes, robots, parts = len(work.drive_s), len(orders), len(heats) - 1
    orders = _setting_off(work, orders)
    stops, sizes = np.zeros((robots, lanes), dtype=np.int64), np.array([len(order) for order in orders])
    for robot, order in enumerate(orders):
        stops[robot, : len(order)] = order
    near = _neighbours(np.minimum(work.cost, work.cost.T) if work.one_ways else work.cost, lanes)
    # A robot that has to set off and does not counts for more than any other.
    longest_s = max((work.time_s(robot, order) for robot, order in enumerate(orders)), default=0.0)
    idle_s = np.where(work.astride & (lanes >= robots), _IDLE * longest_s, 0.0)
    trials = int(trials_of(lanes) * EFFORT * effort) // _PARTS
    stays = work.stays
    load = np.zeros(lanes) if stays is None else stays.load
    table = np.tile([math.inf, 1.0, 0.0, 0.0], (robots, 1)) if stays is None else stays.table
    for k in range(parts):
        anneal(
            work.cost, near, work.drive_s, work.starts, work.homes, work.pace, idle_s, stops, sizes, heats[k : k + 2],
            trials, seed * _PARTS + k + 1, power, work.one_ways, load, table,
        )  # fmt: skip
        step((k + 1) / parts)
    return [stops[robot, : sizes[robot]] for robot in range(robots)]


def _setting_off(work: Work, orders: list[Ints]) -> list[Ints]:
    """The tours, with the nearest lane to spare for each robot that has to set off: the search puts lanes beside lanes only."""
    for robot in np.flatnonzero(work.astride):
        spare = [r for r, order in enumerate(orders) if len(order) > 1]
        if len(orders[robot]) or not spare:
            continue
        lanes = np.concatenate([orders[r] for r in spare]) // 2
        ends = np.concatenate((2 * lanes, 2 * lanes + 1))
        enter = ends[np.argmin(work.cost[int(work.starts[robot])][ends])]
        orders = [order[order // 2 != enter // 2] for order in orders]
        orders[robot] = np.array([enter])
    return orders


def _unheard(_share: float) -> None:
    """Hears no progress."""


def _shares(work: Work, whole: Ints) -> list[Floats]:
    """Shares (robots,) of all the work that robots may begin with, one for each number of fills that may be best.

    With the fewest fills some robots do as much as a tank lasts for and others more; each more lets these do less.
    """
    pace = np.asarray(work.pace, dtype=np.float64)
    stays = work.stays
    if stays is None:
        return [pace / pace.sum()]
    link = work.cost[whole[:-1] ^ 1, whole[1:]].sum() if len(whole) > 1 else 0.0
    total_s = float(work.drive_s.sum() + link)
    per_m2 = total_s / max(float(stays.load.sum()), 1e-9)
    fills, found = np.zeros(len(pace)), list[Floats]()
    while True:
        most_s = (np.maximum(0.0, stays.first_m2) + fills * stays.full_m2) * per_m2
        done_s = _together_s(total_s, most_s, pace, fills * stays.fill_s + stays.more_s)
        if math.isfinite(done_s):
            each_s = np.clip((done_s - fills * stays.fill_s - stays.more_s) * pace, 0.0, most_s)
            found.append(each_s / each_s.sum())
            if (each_s < most_s).all() or len(found) > len(pace):
                return found
        # The next fill is for the robot that it costs least after those that it has.
        fills[np.argmin((fills + 1.0) * stays.fill_s)] += 1.0


def _together_s(total_s: float, most_s: Floats, pace: Floats, stays_s: Floats) -> float:
    """When robots are done together that stay at docks for so long and do no more than so much each; inf: never."""
    if most_s.sum() < total_s:
        return math.inf
    low, high = 0.0, float(total_s / pace.min() + stays_s.max())
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        enough = np.clip((middle - stays_s) * pace, 0.0, most_s).sum() >= total_s
        low, high = (low, middle) if enough else (middle, high)
    return high


def _neighbours(cost: Floats, lanes: int) -> Ints:
    """(2 lanes, k) the ends that are cheapest to enter from each end."""
    ends = 2 * lanes
    count = min(_NEIGHBOURS, ends - 1)
    near = np.argpartition(cost[:ends, :ends], count - 1, axis=1)[:, :count]
    return np.ascontiguousarray(near, dtype=np.int64)


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
