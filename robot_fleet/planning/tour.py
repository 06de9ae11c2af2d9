"""The order and directions in which one robot drives its lanes.

A stop is a lane with a direction, written as the end through which the robot enters; the cost matrix holds the seconds
from end to end. Construction by nearest neighbours; then 2-opt moves (Croes, 1958) and Or-opt moves (Or, 1976), in
which a turned sequence of lanes is driven the other way round, until none helps.
"""

from __future__ import annotations

import itertools

import numpy as np

from robot_fleet.planning.terrain import Floats, Ints

_LONGEST = 3
_ROUNDS = 60
_SMALL_S = 1e-3


def greedy(cost: Floats, lanes: Ints, start: int) -> Ints:
    """Entered ends of all lanes, always going on to the nearest; `start` is the end from which the robot sets off."""
    left = np.ones(len(cost) // 2, dtype=bool)
    left[:] = False
    left[lanes] = True
    order = []
    here = start
    for _ in range(len(lanes)):
        choices = np.flatnonzero(np.repeat(left, 2))
        entry = int(choices[np.argmin(cost[here, choices])])
        order.append(entry)
        left[entry // 2] = False
        here = entry ^ 1
    return np.array(order, dtype=np.int64)


def tour_s(cost: Floats, order: Ints, start: int, end: int) -> float:
    """Seconds between the lanes of a tour, from the end `start` and to the end `end` (-1: it may stop anywhere)."""
    leave = np.concatenate(([start], order ^ 1))
    enter = order if end < 0 else np.concatenate((order, [end]))
    return float(cost[leave[: len(enter)], enter].sum())


def improved(cost: Floats, order: Ints, start: int, end: int) -> Ints:
    """The tour with 2-opt and Or-opt moves until none shortens it.

    Only lanes whose neighbours have changed are looked at again (Bentley's don't-look bits, 1992).
    """
    awake = np.zeros(len(cost) // 2, dtype=bool)
    awake[order // 2] = True
    for _ in range(_ROUNDS):
        if not awake.any():
            break
        for lane in (order // 2)[awake[order // 2]]:
            position = int(np.flatnonzero(order // 2 == lane)[0])
            better = _reversed(cost, order, position, start, end)
            better = better if better is not None else _moved(cost, order, position, start, end)
            awake[lane] = better is not None
            if better is not None:
                awake[_disturbed(order, better)] = True
                order = better
    return order


def _disturbed(before: Ints, after: Ints) -> Ints:
    """The lanes with another neighbour than before."""
    changed = np.flatnonzero(before != after)
    if not len(changed):
        return changed
    # Inside a reversed or shifted sequence neighbours stay the same: what counts are the ends of the changed part and
    # the places where the sequence of neighbours breaks.
    low, high = max(0, int(changed[0]) - 1), min(len(after), int(changed[-1]) + 2)
    old = {frozenset((int(a), int(b))) for a, b in itertools.pairwise(before[low:high] // 2)}
    new = [(int(a), int(b)) for a, b in itertools.pairwise(after[low:high] // 2)]
    found = {lane for pair in new if frozenset(pair) not in old for lane in pair}
    return np.array(sorted(found | {int(after[low] // 2), int(after[high - 1] // 2)}), dtype=np.int64)


def _links(order: Ints, start: int, end: int) -> tuple[Ints, Ints]:
    """The ends left before each position and one behind the last, and the ends entered there; -1 for none."""
    return np.concatenate(([start], order ^ 1)), np.concatenate((order, [end]))


def _cost(cost: Floats, leave: Ints, enter: Ints) -> Floats:
    found = cost[leave, enter]
    return np.where(enter < 0, np.float32(0.0), found)


def _reversed(cost: Floats, order: Ints, i: int, start: int, end: int) -> Ints | None:
    """The best reversal of a sequence that begins at position i, if it gains."""
    leave, enter = _links(order, start, end)
    j = np.arange(i, len(order))
    last = order[j] ^ 1
    after = enter[j + 1]
    now = _cost(cost, leave[i], enter[i]) + _cost(cost, last, after)
    then = _cost(cost, leave[i], last) + _cost(cost, np.full(len(j), order[i]), after)
    gain = now - then
    best = int(np.argmax(gain))
    if gain[best] <= _SMALL_S:
        return None
    found = order.copy()
    found[i : i + best + 1] = (order[i : i + best + 1] ^ 1)[::-1]
    return found


def _moved(cost: Floats, order: Ints, i: int, start: int, end: int) -> Ints | None:
    """The best move of one to three lanes from position i to elsewhere, in either direction, if it gains."""
    best_gain, found = _SMALL_S, None
    for size in range(1, min(_LONGEST, len(order) - i) + 1):
        piece = order[i : i + size]
        rest = np.concatenate((order[:i], order[i + size :]))
        leave, enter = _links(order, start, end)
        closing = _pair(cost, leave[i], enter[i + size])
        saved = _pair(cost, leave[i], piece[0]) + _pair(cost, piece[-1] ^ 1, enter[i + size]) - closing
        if saved <= best_gain:
            continue
        leave, enter = _links(rest, start, end)
        old = _cost(cost, leave, enter)
        for turned in (piece, (piece ^ 1)[::-1]):
            new = cost[leave, turned[0]] + _cost(cost, np.full(len(enter), turned[-1] ^ 1), enter)
            gain = saved - (new - old)
            k = int(np.argmax(gain))
            if gain[k] > best_gain:
                best_gain, found = float(gain[k]), np.concatenate((rest[:k], turned, rest[k:]))
    return found


def _pair(cost: Floats, leave: int, enter: int) -> float:
    return 0.0 if enter < 0 else float(cost[leave, enter])
