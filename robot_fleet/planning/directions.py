"""One-way floor in the grid frame: which way a robot's centre may move in each cell.

Cells count as one-way where a one-way polygon comes within a cell's side of their centre: what obeys the cells obeys the
polygons. Where polygons overlap, each of them holds.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from robot_fleet.floor.store import FloorMap
from robot_fleet.planning.compiled import compiled

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

# Sines of how far beyond a right angle from its direction a move may lead: across, with rounding, for ways; a little more
# for lanes, which follow walls; and for polished paths, whose moves are short. All less than a plan is judged by.
WAY_SIN, LANE_SIN, PATH_SIN = (math.sin(math.radians(degrees)) for degrees in (1.0, 5.0, 7.0))


class Directions(NamedTuple):
    """The number of the rule (0: none) in each cell of `rule` (rows, cols), which is (1, 1) where there are no one-ways.

    Rule k asks for the unit vectors ahead[first[k] : first[k + 1]], mostly one.
    """

    rule: NDArray[np.int16]
    first: Ints
    ahead: Floats
    side_m: float


ANY_WAY = Directions(np.zeros((1, 1), dtype=np.int16), np.zeros(2, dtype=np.int64), np.zeros((0, 2)), 1.0)
"""Floor on which every direction is allowed."""


def directions_of(floor: FloorMap) -> Directions:
    """The directions that the one-ways of a floor ask for."""
    if not floor.one_ways:
        return ANY_WAY
    side_m = floor.grid.resolution_m
    rule, rules = np.zeros(floor.grid.shape, dtype=np.int16), [()]  # type: tuple[NDArray[np.int16], list[tuple[int, ...]]]
    for k, one in enumerate(floor.one_ways):
        inside, before = floor.grid.centres_inside(one.polygon.buffer(side_m)), rule.copy()
        for number in np.unique(before[inside]).tolist():
            rule[inside & (before == number)] = len(rules)
            rules.append((*rules[number], k))
    yaw = np.array([one.yaw_rad for one in floor.one_ways]) - floor.grid.origin.yaw_rad
    chosen = np.array([k for numbers in rules for k in numbers], dtype=np.int64)
    first = np.cumsum([0] + [len(numbers) for numbers in rules])
    return Directions(rule, first, np.column_stack((np.cos(yaw), np.sin(yaw)))[chosen], side_m)


def are_any(directions: Directions) -> bool:
    """Whether there is one-way floor at all."""
    return directions.rule.size > 1


@compiled
def strays(directions: Directions, ax: float, ay: float, bx: float, by: float, most_sin: float) -> bool:
    """Whether the straight way from a to b leads against a direction somewhere; looked at every half cell."""
    if directions.rule.size == 1:
        return False
    dx, dy = bx - ax, by - ay
    least, seen = -most_sin * math.hypot(dx, dy), 0
    steps = int(2.0 * math.hypot(dx, dy) / directions.side_m) + 1
    for k in range(steps + 1):
        row, col = int((ay + dy * k / steps) / directions.side_m), int((ax + dx * k / steps) / directions.side_m)
        row, col = min(max(row, 0), directions.rule.shape[0] - 1), min(max(col, 0), directions.rule.shape[1] - 1)
        rule = directions.rule[row, col]
        if rule == seen:
            continue
        seen = rule
        for j in range(directions.first[rule], directions.first[rule + 1]):
            if directions.ahead[j, 0] * dx + directions.ahead[j, 1] * dy < least:
                return True
    return False


@compiled
def path_strays(directions: Directions, points: Floats, first: int, last: int, most_sin: float) -> bool:
    """Whether the way from points[first] to points[last] leads against a direction somewhere; last < first: backwards."""
    if directions.rule.size == 1:
        return False
    step = 1 if last > first else -1
    for k in range(first, last, step):
        a, b = points[k], points[k + step]
        if strays(directions, a[0], a[1], b[0], b[1], most_sin):
            return True
    return False


@compiled
def lines_stray(directions: Directions, a: Floats, b: Floats, most_sin: float) -> Bools:
    """(n,) whether each of the straight ways from a[k] to b[k] leads against a direction somewhere."""
    found = np.zeros(len(a), dtype=np.bool_)
    if directions.rule.size > 1:
        for k in range(len(a)):
            found[k] = strays(directions, a[k, 0], a[k, 1], b[k, 0], b[k, 1], most_sin)
    return found
