"""The shortest ways over a graph of places, in machine code, since a plan asks for thousands.

One way by A* (Hart, Nilsson and Raphael, 1968) with the straight distance as the estimate, the lengths of all by Dijkstra's
algorithm (1959) on all processors at once, with room for no more than what is asked for; what waits lies in a binary heap.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from robot_fleet.planning.compiled import PARTS, compiled, side_by_side, together
from robot_fleet.planning.terrain import Floats, Ints


class Links(NamedTuple):
    """The links of n places: those of place k lead to other[first[k] : first[k + 1]] and take so many `metres`."""

    first: Ints
    other: Ints
    metres: Floats


def links_of(count: int, pairs: Ints, metres: Floats) -> Links:
    """The links of so many places, from the first to the second of each of the pairs (m, 2)."""
    one, other = pairs[:, 0], pairs[:, 1]
    order = np.lexsort((other, one))
    first = np.concatenate(([0], np.cumsum(np.bincount(one, minlength=count))))
    return Links(first, np.ascontiguousarray(other[order]), metres[order])


@compiled
def shortest(links: Links, places: Floats, start: int, goal: int) -> Ints:
    """The places on the shortest way from one to another; (0,) when there is none."""
    metres, before = np.full(len(places), np.inf), np.full(len(places), -1)
    keys, items = np.empty(len(links.other) + 1), np.empty(len(links.other) + 1, dtype=np.int64)
    done = np.zeros(len(places), dtype=np.bool_)
    size = push(keys, items, 0, 0.0, start)
    metres[start] = 0.0
    while size and items[0] != goal:
        place = items[0]
        size = pop(keys, items, size)
        if done[place]:
            continue
        done[place] = True
        for k in range(links.first[place], links.first[place + 1]):
            other, further = links.other[k], metres[place] + links.metres[k]
            if further < metres[other]:
                metres[other], before[other] = further, place
                left = np.hypot(places[other, 0] - places[goal, 0], places[other, 1] - places[goal, 1])
                size = push(keys, items, size, further + left, other)
    return _way_back(before, start, goal) if size else before[:0]


@side_by_side
def lengths(links: Links, stops: int, limit: float) -> NDArray[np.float32]:
    """(stops, stops) metres from each of the first places to each of them; inf beyond the limit, and where no way leads."""
    found = np.full((stops, stops), np.inf, dtype=np.float32)
    for part in together(PARTS):
        metres, met = np.full(len(links.first) - 1, np.inf), np.empty(len(links.first) - 1, dtype=np.int64)
        keys, items = np.empty(len(links.other) + 1), np.empty(len(links.other) + 1, dtype=np.int64)
        for start in range(stops * part // PARTS, stops * (part + 1) // PARTS):
            measure(links, start, limit, metres, met, keys, items, found[start])
    return found


@compiled
def measure(
    links: Links, start: int, limit: float, metres: Floats, met: Ints, keys: Floats, items: Ints,
    found: NDArray[np.float32],
) -> None:  # fmt: skip
    """Writes how far it is from one place to the first ones.

    `metres` is inf everywhere, before and afterwards; the other arrays are for use within.
    """
    size, meeting = push(keys, items, 0, 0.0, start), 1
    metres[start], met[0] = 0.0, start
    while size:
        key, place = keys[0], items[0]
        size = pop(keys, items, size)
        if key > metres[place]:
            continue
        if place < len(found):
            found[place] = key
        for k in range(links.first[place], links.first[place + 1]):
            other, further = links.other[k], key + links.metres[k]
            if further < metres[other] and further <= limit:
                if metres[other] == np.inf:
                    met[meeting] = other
                    meeting += 1
                metres[other] = further
                size = push(keys, items, size, further, other)
    metres[met[:meeting]] = np.inf


@compiled
def _way_back(before: Ints, start: int, goal: int) -> Ints:
    count, place = 1, goal
    while place != start:
        place = before[place]
        count += 1
    found = np.empty(count, dtype=np.int64)
    place = goal
    for k in range(count - 1, -1, -1):
        found[k] = place
        place = before[place]
    return found


@compiled
def push(keys: Floats, items: Ints, size: int, key: float, item: int) -> int:
    """Puts an item into a heap of so many items; the new size."""
    at = size
    while at > 0 and key < keys[(at - 1) // 2]:
        keys[at], items[at] = keys[(at - 1) // 2], items[(at - 1) // 2]
        at = (at - 1) // 2
    keys[at], items[at] = key, item
    return size + 1


@compiled
def pop(keys: Floats, items: Ints, size: int) -> int:
    """Takes the item with the least key, which is the first, out of a heap; the new size."""
    key, item, at = keys[size - 1], items[size - 1], 0
    while 2 * at + 1 < size - 1:
        child = 2 * at + 1
        if child + 1 < size - 1 and keys[child + 1] < keys[child]:
            child += 1
        if keys[child] >= key:
            break
        keys[at], items[at] = keys[child], items[child]
        at = child
    keys[at], items[at] = key, item
    return size - 1
