"""The exact distance transform of a lattice, on all processors at once, else as the floor's own.

Felzenszwalb and Huttenlocher, "Distance Transforms of Sampled Functions", 2012, in whole numbers: distances along the
columns, then in each row the lower envelope of the parabolas that stand on their squares. A row is taken apart at its
closed nodes: no parabola from beyond one reaches lower than its own.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from robot_fleet.floor.clearance import transformed
from robot_fleet.planning.compiled import COMPILES, PARTS, compiled, side_by_side, together
from robot_fleet.planning.terrain import Ints

Marks = NDArray[np.uint8]
Steps = NDArray[np.float32]

# Columns in so many parts that one of them stays in a processor's cache.
_PARTS = 128


def metres_to_closed(nodes: Marks, step_m: float) -> Steps:
    """(rows, cols) metres from each node, `step_m` apart, to the nearest one that is 0, as all on the border are."""
    if not COMPILES:
        return transformed(nodes, step_m)
    steps = np.empty(nodes.shape, dtype=np.float32)
    down_columns(nodes, steps)
    over_rows(steps, np.float32(step_m))
    return steps


@side_by_side
def down_columns(nodes: Marks, steps: Steps) -> None:
    """Writes for each node how many steps it is to the nearest closed one in its column."""
    for part in together(_PARTS):
        first, last = nodes.shape[1] * part // _PARTS, nodes.shape[1] * (part + 1) // _PARTS
        measure_columns(nodes, first, last, steps)


@compiled
def measure_columns(nodes: Marks, first: int, last: int, steps: Steps) -> None:
    """Writes it for the columns first .. last - 1."""
    one = np.float32(1.0)
    steps[0, first:last] = 0.0
    for row in range(1, len(nodes)):
        for col in range(first, last):
            steps[row, col] = steps[row - 1, col] + one if nodes[row, col] else 0.0
    for row in range(len(nodes) - 2, 0, -1):
        for col in range(first, last):
            steps[row, col] = min(steps[row, col], steps[row + 1, col] + one)


@side_by_side
def over_rows(steps: Steps, step_m: np.float32) -> None:
    """Makes of the steps along columns metres to the nearest closed node of any column."""
    for part in together(PARTS):
        square, feet = np.empty(steps.shape[1], dtype=np.int64), np.empty(steps.shape[1], dtype=np.int64)
        for row in range(len(steps) * part // PARTS, len(steps) * (part + 1) // PARTS):
            for col in range(steps.shape[1]):
                square[col] = np.int64(steps[row, col]) ** 2
            measure_row(square, feet, step_m, steps[row])


@compiled
def measure_row(square: Ints, feet: Ints, step_m: np.float32, metres: NDArray[np.float32]) -> None:
    """Writes the distances of one row, in which parabolas stand on these squares; `feet` is for use within."""
    begin = 0
    for end in range(1, len(square)):
        if square[end] == 0:
            if end > begin + 1:
                count = stand_lowest(square, begin, end, feet)
                lower(square, begin, end, feet, count, step_m, metres)
            begin = end


@compiled
def stand_lowest(square: Ints, begin: int, end: int, feet: Ints) -> int:
    """Writes the columns from `begin` to `end` whose parabolas are lowest somewhere, from left to right; how many."""
    feet[0], count = begin, 1
    for col in range(begin + 1, end + 1):
        while count > 1:
            left, middle = feet[count - 2], feet[count - 1]
            # The middle one is nowhere lowest if it meets the left one no earlier than the new one meets it.
            met = (square[middle] - square[left] + middle**2 - left**2) * (col - middle)
            if met < (square[col] - square[middle] + col**2 - middle**2) * (middle - left):
                break
            count -= 1
        feet[count] = col
        count += 1
    return count


@compiled
def lower(
    square: Ints, begin: int, end: int, feet: Ints, count: int, step_m: np.float32, metres: NDArray[np.float32]
) -> None:
    """Writes the distances of the columns between `begin` and `end`, above which these parabolas are lowest."""
    at = 0
    for col in range(begin + 1, end):
        least = square[feet[at]] + (col - feet[at]) ** 2
        while at + 1 < count:
            following = square[feet[at + 1]] + (col - feet[at + 1]) ** 2
            if following > least:
                break
            at, least = at + 1, following
        metres[col] = np.sqrt(np.float32(least)) * step_m
