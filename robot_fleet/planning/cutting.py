"""Two labels for the cells of a grid at the least cost: a minimum cut by a maximum flow between neighbours.

Preflow push (Goldberg, Tarjan, "A new approach to the maximum-flow problem", 1988), first in first out, with exact
distances measured anew now and then (Cherkassky, Goldberg, "On implementing the push-relabel method for the maximum
flow problem", 1997). Only the first of its two phases is needed: no flow has to find its way back.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from robot_fleet.planning.compiled import compiled
from robot_fleet.planning.terrain import Bools, Ints

Amounts = NDArray[np.int32]

# After looks at so many times as many neighbours as there are cells, distances are measured anew.
_LOOKS = 0.3


def cheapest_labels(mask: Bools, cost_true: Ints, cost_false: Ints, border: int) -> Bools:
    """(rows, cols) labels of the cells of a mask that cost least in all; False outside the mask.

    Each label of a cell has its cost (rows, cols), and each two neighbours of the mask with different labels cost
    `border`. Of equally cheap labels they are those that are True in the fewest cells.
    """
    # Around all lies a row or column of cells without neighbours, so that no cell lies at an edge.
    inside = np.pad(mask, 1)
    width = inside.shape[1]
    dearer = np.pad(np.where(mask, cost_true - cost_false, 0), 1).astype(np.int32).ravel()
    room = np.zeros((inside.size, 4), dtype=np.int32)
    for k, step in enumerate((-1, 1, -width, width)):
        room[:, k] = border * (inside.ravel() & np.roll(inside.ravel(), -step))
    label = drained(room, np.maximum(dearer, 0), np.maximum(-dearer, 0), width)
    return label.reshape(inside.shape)[1:-1, 1:-1]


@compiled
def drained(room: Amounts, excess: Amounts, drain: Amounts, width: int) -> Bools:
    """Lets the excess of all cells flow into their drains as far as it can; the cells from which more could flow there.

    `room` (cells, 4) is what may still flow to the cell before and behind, `width` before and behind: directions k and
    k ^ 1 are opposite. What is left over stays where no way leads to a drain.
    """
    away, queue = np.empty(len(excess), dtype=np.int32), np.empty(len(excess), dtype=np.int32)
    while True:
        count = measured(room, excess, drain, width, away, queue)
        if count == 0:
            return away < len(away)
        pushed(room, excess, drain, width, away, queue, count)


@compiled
def measured(room: Amounts, excess: Amounts, drain: Amounts, width: int, away: Amounts, queue: Amounts) -> int:
    """Writes how many steps each cell is away from the nearest drain, and queues those with excess, the farthest first.

    Returns how many are queued. A cell with no way to a drain is as many steps away as there are cells.
    """
    steps = (-1, 1, -width, width)
    away[:] = len(away)
    last = 0
    for cell in range(len(drain)):
        if drain[cell] > 0:
            away[cell], queue[last] = 1, cell
            last += 1
    at = 0
    while at < last:
        cell = queue[at]
        at += 1
        for k in range(4):
            other = cell + steps[k]
            if away[other] == len(away) and room[other, k ^ 1] > 0:
                away[other], queue[last] = away[cell] + 1, other
                last += 1
    count = 0
    for cell in queue[:last][::-1].copy():
        if excess[cell] > 0:
            queue[count] = cell
            count += 1
    return count


@compiled
def pushed(
    room: Amounts, excess: Amounts, drain: Amounts, width: int, away: Amounts, queue: Amounts, count: int
) -> None:
    """Pushes excess on, one step nearer to a drain each time, from `count` queued cells and those that it comes to.

    A cell that cannot push on all of it moves away: one step farther than the nearest cell that it has room to. Ends
    when all is still, or when distances want measuring.
    """
    size, steps = len(away), (-1, 1, -width, width)
    head, looks = 0, 0
    while count and looks < _LOOKS * size:
        cell = queue[head]
        head, count = (head + 1) % size, count - 1
        while excess[cell] > 0 and away[cell] < size:
            looks += 1
            # A drain is no steps from its cell.
            amount = min(excess[cell], drain[cell]) if away[cell] == 1 else 0
            excess[cell] -= amount
            drain[cell] -= amount
            nearest = 0 if drain[cell] > 0 else size
            for k in range(4):
                other = cell + steps[k]
                if excess[cell] > 0 and away[other] == away[cell] - 1:
                    amount = min(excess[cell], room[cell, k])
                    if amount > 0 and excess[other] == 0:
                        queue[(head + count) % size] = other
                        count += 1
                    excess[cell] -= amount
                    excess[other] += amount
                    room[cell, k] -= amount
                    room[other, k ^ 1] += amount
                if room[cell, k] > 0:
                    nearest = min(nearest, away[other])
            if excess[cell] > 0:
                away[cell] = min(nearest + 1, size)
