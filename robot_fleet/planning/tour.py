"""The order in which one robot drives its lanes: a first one, and how long it takes.

A stop is a lane with a direction, written as the end through which the robot enters; the cost matrix holds the seconds
from end to end.
"""

from __future__ import annotations

import numpy as np

from robot_fleet.planning.terrain import Floats, Ints


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
