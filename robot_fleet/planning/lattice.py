"""The shortest way over a lattice of cells on which a robot can stand, in machine code.

A* (Hart, Nilsson and Raphael, "A formal basis for the heuristic determination of minimum cost paths", 1968) with Dial's
buckets in place of a heap ("Algorithm 360", 1969): a straight step costs 5 and a diagonal one 7, so that costs are
small whole numbers, and with the octile distance as the estimate all that waits lies within 14 of the cheapest.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from robot_fleet.planning.compiled import compiled
from robot_fleet.planning.directions import WAY_SIN, Directions, strays

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

_STRAIGHT, _DIAGONAL = 5, 7
_BUCKETS = 16
_FAR = 2_000_000_000


@compiled
def octile(rows: int, cols: int) -> int:
    """The least cost of a way that leads so many rows and columns away."""
    rows, cols = abs(rows), abs(cols)
    return _STRAIGHT * max(rows, cols) + (_DIAGONAL - _STRAIGHT) * min(rows, cols)


@compiled
def step_open(standing: Bools, row: int, col: int, down: int, right: int, stride: int) -> bool:
    """Whether the robot can stand on every cell after (row, col), up to `stride` steps of (down, right) from it."""
    rows, cols = standing.shape
    end_row, end_col = row + stride * down, col + stride * right
    if end_row < 0 or end_col < 0 or end_row >= rows or end_col >= cols:
        return False
    for step in range(stride, 0, -1):  # noqa: SIM110 - all() of a generator is no machine code
        if not standing[row + step * down, col + step * right]:
            return False
    return True


@compiled
def cells_stray(directions: Directions, row: int, col: int, down: int, right: int) -> bool:
    """Whether the way from a cell's centre to the one so many rows down and columns to the right leads against a one-way."""
    x, y, side = (col + 0.5) * directions.side_m, (row + 0.5) * directions.side_m, directions.side_m
    return strays(directions, x, y, x + right * side, y + down * side, WAY_SIN)


@compiled
def cheapest_way(standing: Bools, stride: int, start: Ints, goal: Ints, directions: Directions) -> Ints:
    """(n, 2) cells (row, col) from `start` to `goal`, both multiples of `stride`, in steps of `stride`; (0, 2) for none.

    No step leads against one of the directions.
    """
    cols = (standing.shape[1] + stride - 1) // stride
    nodes = ((standing.shape[0] + stride - 1) // stride) * cols
    cost, came = np.full(nodes, _FAR, dtype=np.int32), np.zeros(nodes, dtype=np.int8)
    after, before = np.empty(nodes, dtype=np.int32), np.empty(nodes, dtype=np.int32)
    heads = np.full(_BUCKETS, -1, dtype=np.int32)
    goal_row, goal_col = goal[0] // stride, goal[1] // stride
    first, last = (start[0] // stride) * cols + start[1] // stride, goal_row * cols + goal_col
    cost[first] = 0
    now = octile(goal_row - first // cols, goal_col - first % cols)
    heads[now % _BUCKETS], after[first], before[first] = first, -1, -1
    idle = 0
    while idle < _BUCKETS:
        node = heads[now % _BUCKETS]
        if node < 0:
            now, idle = now + 1, idle + 1
            continue
        idle = 0
        heads[now % _BUCKETS] = after[node]
        if after[node] >= 0:
            before[after[node]] = -1
        if node == last:
            return way_back(came, cols, stride, first, last)
        row, col = node // cols, node % cols
        for turn in range(9):
            down, right = turn // 3 - 1, turn % 3 - 1
            if turn == 4:
                continue
            other = node + down * cols + right
            price = cost[node] + (_DIAGONAL if down * right != 0 else _STRAIGHT)
            # The costs of what lies beyond the rim are looked at only where there is such a node.
            if other < 0 or other >= nodes or price >= cost[other]:
                continue
            if not step_open(standing, row * stride, col * stride, down, right, stride):
                continue
            if cells_stray(directions, row * stride, col * stride, down * stride, right * stride):
                continue
            left = octile(goal_row - (row + down), goal_col - (col + right))
            if cost[other] < _FAR:
                unqueue(heads, after, before, other, (cost[other] + left) % _BUCKETS)
            cost[other], came[other] = price, turn
            bucket = (price + left) % _BUCKETS
            after[other], before[other] = heads[bucket], -1
            if heads[bucket] >= 0:
                before[heads[bucket]] = other
            heads[bucket] = other
    return np.empty((0, 2), dtype=np.int64)


@compiled
def costs_of_ways(
    standing: Bools, stride: int, place: Ints, directions: Directions, towards: bool
) -> NDArray[np.int32]:
    """(rows, cols) of nodes: the cost of the cheapest way from a place to each of them, or `towards` it; -1: there is none.

    The place and the nodes are multiples of `stride`.
    """
    cols = (standing.shape[1] + stride - 1) // stride
    nodes = ((standing.shape[0] + stride - 1) // stride) * cols
    cost = np.full(nodes, _FAR, dtype=np.int32)
    after, before = np.empty(nodes, dtype=np.int32), np.empty(nodes, dtype=np.int32)
    heads = np.full(_BUCKETS, -1, dtype=np.int32)
    first = (place[0] // stride) * cols + place[1] // stride
    cost[first], heads[0], after[first], before[first] = 0, first, -1, -1
    now, idle = 0, 0
    while idle < _BUCKETS:
        node = heads[now % _BUCKETS]
        if node < 0:
            now, idle = now + 1, idle + 1
            continue
        idle = 0
        heads[now % _BUCKETS] = after[node]
        if after[node] >= 0:
            before[after[node]] = -1
        row, col = node // cols, node % cols
        for turn in range(9):
            down, right = turn // 3 - 1, turn % 3 - 1
            if turn == 4:
                continue
            other = node + down * cols + right
            price = cost[node] + (_DIAGONAL if down * right != 0 else _STRAIGHT)
            if other < 0 or other >= nodes or price >= cost[other]:
                continue
            if not step_open(standing, row * stride, col * stride, down, right, stride):
                continue
            one_row, one_col, sign = (row + down, col + right, -1) if towards else (row, col, 1)
            if cells_stray(directions, one_row * stride, one_col * stride, sign * down * stride, sign * right * stride):
                continue
            if cost[other] < _FAR:
                unqueue(heads, after, before, other, cost[other] % _BUCKETS)
            cost[other] = price
            bucket = price % _BUCKETS
            after[other], before[other] = heads[bucket], -1
            if heads[bucket] >= 0:
                before[heads[bucket]] = other
            heads[bucket] = other
    return np.where(cost < _FAR, cost, -1).astype(np.int32).reshape(-1, cols)


@compiled
def unqueue(heads: NDArray[np.int32], after: NDArray[np.int32], before: NDArray[np.int32], node: int, at: int) -> None:
    """Takes a node that has been found to be cheaper out of its bucket."""
    if before[node] >= 0:
        after[before[node]] = after[node]
    else:
        heads[at] = after[node]
    if after[node] >= 0:
        before[after[node]] = before[node]


@compiled
def way_back(came: NDArray[np.int8], cols: int, stride: int, first: int, last: int) -> Ints:
    """The cells from node `first` to node `last`, found by the turn by which each was come to."""
    count, node = 1, last
    while node != first:
        node -= (came[node] // 3 - 1) * cols + came[node] % 3 - 1
        count += 1
    cells, node = np.empty((count, 2), dtype=np.int64), last
    for place in range(count - 1, -1, -1):
        cells[place, 0], cells[place, 1] = node // cols * stride, node % cols * stride
        node -= (came[node] // 3 - 1) * cols + came[node] % 3 - 1
    return cells
