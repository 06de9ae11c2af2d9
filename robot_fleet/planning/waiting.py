"""When the places of a way are taken by others, and the least waits with which a robot passes them; compiled.

For a fixed way the earliest times are found over the safe intervals of each place (Phillips, Likhachev, "SIPP: Safe
interval path planning for dynamic environments", 2011). Spans of time lie in rows: those of place k are
low[first[k] : first[k + 1]] .. high[...], in order and apart.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from robot_fleet.planning.compiled import compiled
from robot_fleet.planning.terrain import Floats, Ints

_JOINED_S = 1e-9
# So much later than it could a robot sets off: the other that it waited for finds its own times free, whatever the rounding.
_AFTER_S = 1e-6


class Taken(NamedTuple):
    """For each of n places the spans of time in which it is taken: `first` (n + 1,), `low` and `high` (spans,)."""

    first: Ints
    low: Floats
    high: Floats


class Passes(NamedTuple):
    """Where another's way comes near to a way: at `place` (runs,) it is with its samples `first` .. `last`, in order."""

    place: Ints
    first: Ints
    last: Ints


class Raster(NamedTuple):
    """The samples `at` (n, 2) of a way, sorted into squares.

    The samples of square s are items[starts[s] : starts[s + 1]]; squares lie row by row from `corner`, `cols` in a row.
    """

    at: Floats
    starts: Ints
    items: Ints
    corner: Floats
    cols: int


def raster(at: Floats, square_m: float) -> Raster:
    """The samples (at least one), sorted into squares."""
    corner = np.array([at[:, 0].min(), at[:, 1].min()]) - square_m
    col, row = (((at[:, k] - corner[k]) / square_m).astype(np.int64) for k in (0, 1))
    cols, rows = int(col.max()) + 2, int(row.max()) + 2
    flat = row * cols + col
    starts = np.concatenate(([0], np.cumsum(np.bincount(flat, minlength=cols * rows))))
    return Raster(at, starts, np.argsort(flat, kind="stable"), corner, cols)


@compiled
def passes(way: Floats, other: Raster, touch_m: float) -> Passes:
    """Where another's way, sorted into squares of `touch_m`, comes so near to the places of a way (n, 2)."""
    runs, count, near = np.empty((256, 3), dtype=np.int64), 0, np.empty(len(other.at), dtype=np.int64)
    for place in range(len(way)):
        hits = _near(way[place, 0], way[place, 1], other, touch_m, near)
        if hits == 0:
            continue
        if count + hits > len(runs):
            more = np.empty((2 * (count + hits), 3), dtype=np.int64)
            more[:count] = runs[:count]
            runs = more
        samples = np.sort(near[:hits])
        for k in range(hits):
            if k > 0 and samples[k] == samples[k - 1] + 1:
                runs[count - 1, 2] = samples[k]
                continue
            runs[count, 0], runs[count, 1], runs[count, 2] = place, samples[k], samples[k]
            count += 1
    return Passes(runs[:count, 0].copy(), runs[:count, 1].copy(), runs[:count, 2].copy())


class Bodies(NamedTuple):
    """A robot at its samples: places `at` (n, 2), headings `yaw` (n,), and `discs` (d, 2): how far ahead, and radii."""

    at: Floats
    yaw: Floats
    discs: Floats


@compiled
def touching(found: Passes, one: Bodies, other: Bodies, margin_m: float) -> Passes:
    """The passes at which the bodies themselves come near to each other."""
    runs: Ints = np.empty((256, 3), dtype=np.int64)
    count = 0
    for k in range(len(found.place)):
        place, goes_on = found.place[k], False
        for sample in range(found.first[k], found.last[k] + 1):
            near = bodies_near(one, place, other, sample, margin_m)
            if near and goes_on:
                runs[count - 1, 2] = sample
            elif near:
                if count == len(runs):
                    runs = np.concatenate((runs, np.empty_like(runs)))
                runs[count, 0], runs[count, 1], runs[count, 2] = place, sample, sample
                count += 1
            goes_on = near
    return Passes(runs[:count, 0].copy(), runs[:count, 1].copy(), runs[:count, 2].copy())


@compiled
def bodies_near(one: Bodies, k: int, other: Bodies, m: int, margin_m: float) -> bool:
    """Whether two bodies at samples k and m come nearer to each other than a margin."""
    for i in range(len(one.discs)):
        x = one.at[k, 0] + one.discs[i, 0] * math.cos(one.yaw[k])
        y = one.at[k, 1] + one.discs[i, 0] * math.sin(one.yaw[k])
        for j in range(len(other.discs)):
            u = other.at[m, 0] + other.discs[j, 0] * math.cos(other.yaw[m]) - x
            v = other.at[m, 1] + other.discs[j, 0] * math.sin(other.yaw[m]) - y
            if math.hypot(u, v) < one.discs[i, 1] + other.discs[j, 1] + margin_m:
                return True
    return False


@compiled
def _near(x: float, y: float, other: Raster, touch_m: float, near: Ints) -> int:
    """Writes which samples are so near to a place; how many there are."""
    rows, hits = (len(other.starts) - 1) // other.cols, 0
    col, row = math.floor((x - other.corner[0]) / touch_m), math.floor((y - other.corner[1]) / touch_m)
    begin, end = max(0, col - 1), min(other.cols, col + 2)
    for line in range(max(0, row - 1), min(rows, row + 2)):
        if begin >= end:
            break
        for k in range(other.starts[line * other.cols + begin], other.starts[line * other.cols + end]):
            u, v = other.at[other.items[k], 0] - x, other.at[other.items[k], 1] - y
            if u * u + v * v <= touch_m * touch_m:
                near[hits] = other.items[k]
                hits += 1
    return hits


@compiled
def passing(when: Floats, stays: Floats, rests: Ints, waits: Floats) -> tuple[Floats, Floats]:
    """(n,) when a robot comes to the places of its way, and when it leaves them, with `waits` (m,) at `rests`: the last never.

    Of the times `when` it `stays` (n,) so many seconds at places, beside the waits.
    """
    comes, leaves = np.empty(len(when)), np.empty(len(when))
    late, rest = 0.0, 0
    for place in range(len(when)):
        comes[place] = when[place] + late
        if rest < len(rests) and rests[rest] == place:
            late += waits[rest]
            rest += 1
        leaves[place] = when[place] + late + stays[place]
    leaves[len(when) - 1] = math.inf
    return comes, leaves


@compiled
def write_spans(
    near: Passes, comes: Floats, leaves: Floats, spare_s: float, parked: bool, place: Ints, low: Floats, high: Floats
) -> None:
    """Writes when another takes which places of a way; when it is done it takes none any more, unless it is `parked`."""
    most = math.inf if parked else comes[len(comes) - 1] + spare_s
    for k in range(len(near.place)):
        place[k] = near.place[k]
        low[k], high[k] = comes[near.first[k]] - spare_s, min(most, leaves[near.last[k]] + spare_s)


@compiled
def together(place: Ints, low: Floats, high: Floats, places: int) -> Taken:
    """The spans of several others sorted by their places and times, and joined where they touch."""
    first = np.zeros(places + 1, dtype=np.int64)
    for k in range(len(place)):
        first[place[k] + 1] += 1
    for k in range(places):
        first[k + 1] += first[k]
    at, begin, end = first[:-1].copy(), np.empty(len(low)), np.empty(len(high))
    for k in range(len(place)):
        one = at[place[k]]
        while one > first[place[k]] and begin[one - 1] > low[k]:
            begin[one], end[one] = begin[one - 1], end[one - 1]
            one -= 1
        begin[one], end[one] = low[k], high[k]
        at[place[k]] += 1
    count, starts = 0, np.zeros(places + 1, dtype=np.int64)
    for one in range(places):
        for k in range(first[one], first[one + 1]):
            if count > starts[one] and begin[k] <= end[count - 1] + _JOINED_S:
                end[count - 1] = max(end[count - 1], end[k])
                continue
            begin[count], end[count] = begin[k], end[k]
            count += 1
        starts[one + 1] = count
    return Taken(starts, begin[:count], end[:count])


@compiled
def meet(
    near: Passes, comes: Floats, leaves: Floats, other_comes: Floats, other_leaves: Floats, spare_s: float
) -> bool:
    """Whether a robot is at a place of its way while another is near to it, within `spare_s`."""
    for k in range(len(near.place)):
        place = near.place[k]
        if comes[place] < other_leaves[near.last[k]] + spare_s and other_comes[near.first[k]] - spare_s < leaves[place]:
            return True
    return False


@compiled
def hinders(
    near: Passes, when: Floats, stays: Floats, first: int, last: int, begin_s: float, end_s: float,
    other_comes: Floats, other_leaves: Floats, spare_s: float,
) -> bool:  # fmt: skip
    """Whether another keeps a robot from the places first .. last of its way if it sets off to them in begin_s .. end_s."""
    k = np.searchsorted(near.place, first)
    while k < len(near.place) and near.place[k] <= last:
        passed = when[near.place[k]] - when[first]
        low = other_comes[near.first[k]] - spare_s - passed - stays[near.place[k]]
        high = other_leaves[near.last[k]] + spare_s - passed
        if low < end_s and begin_s < high:
            return True
        k += 1
    return False


@compiled
def room(size: int) -> Floats:
    """Room for so many numbers."""
    return np.empty(size)


@compiled
def grown(array: Floats, least: int = 0) -> Floats:
    """The array with twice the room, or with the least room."""
    found = np.empty(max(2 * len(array), least))
    found[: len(array)] = array
    return found


@compiled
def merge(part_low: Floats, part_high: Floats, parts: int, low: Floats, high: Floats, count: int) -> int:
    """Appends spans behind the first `count` of (low, high), in order and joined where they touch; the new count."""
    begin = count
    order = np.argsort(part_low[:parts], kind="mergesort")
    for k in range(parts):
        one, until = part_low[order[k]], part_high[order[k]]
        if count > begin and one <= high[count - 1] + _JOINED_S:
            high[count - 1] = max(high[count - 1], until)
        else:
            low[count], high[count] = one, until
            count += 1
    return count


@compiled
def least_waits(
    when: Floats, stays: Floats, rests: Ints, busy: Taken, shortest_s: float, longest_s: float
) -> tuple[Floats, int]:
    """(m,) seconds to wait at the places `rests` of a way so that it is done earliest; (0,) when it always meets somebody.

    `when` (n,) are the times at its places without waits, of which it `stays` (n,) at some. Nobody waits for less than
    `shortest_s`, or longer than `longest_s` where he could go on. The second value is the number of the last rest that was left.
    """
    # A state: when the robot arrived at a place, how long it may stay, when it left the place before, its state there.
    states, moves = np.empty((4 * len(rests) + 64, 4)), np.zeros((64, 3))
    stage = np.zeros(len(rests) + 2, dtype=np.int64)
    stage[1] = _arrived(states, 0, moves, 1, busy, 0)
    low, high = room(64), room(64)
    for k in range(len(rests)):
        first, last = rests[k], rests[k + 1] if k + 1 < len(rests) else len(when) - 1
        size = busy.first[last + 1] - busy.first[first]
        if size > len(low):
            low, high = grown(low, size), grown(high, size)
        shut = _shut(when, stays, busy, first, last, low, high) if size > 0 else 0
        most = (stage[k + 1] - stage[k]) * (shut + 1)
        if most > len(moves):
            moves = np.empty((2 * most, 3))
        made = 0
        for state in range(stage[k], stage[k + 1]):
            limits = when[last] - when[first], shortest_s, longest_s
            made = _set_off(states, state, low[:shut], high[:shut], limits, moves, made)
        if stage[k + 1] + made > len(states):
            more = np.empty((2 * (stage[k + 1] + made), 4))
            more[: len(states)] = states
            states = more
        stage[k + 2] = _arrived(states, stage[k + 1], moves, made, busy, last)
        if stage[k + 2] == stage[k + 1]:
            return np.empty(0), k
    return _waits_of(states, stage), len(rests) - 1


@compiled
def _shut(when: Floats, stays: Floats, busy: Taken, first: int, last: int, low: Floats, high: Floats) -> int:
    """Writes when a robot may not set off along the places first .. last, since it would meet somebody on them."""
    parts = 0
    size = busy.first[last + 1] - busy.first[first]
    part_low, part_high = np.empty(size), np.empty(size)
    for place in range(first, last + 1):
        passed = when[place] - when[first]
        for span in range(busy.first[place], busy.first[place + 1]):
            part_low[parts] = busy.low[span] - passed - (stays[place] if place < last else 0.0)
            part_high[parts] = busy.high[span] - passed
            parts += 1
    return merge(part_low, part_high, parts, low, high, 0)


@compiled
def _set_off(
    states: Floats, state: int, low: Floats, high: Floats, limits: tuple[float, float, float], moves: Floats, made: int
) -> int:
    """Appends the earliest move (arrival, departure, state) in each span that is not shut; how many there are then.

    `limits` are how long the way to the next rest takes, and the shortest and the longest wait.
    """
    lasts_s, shortest_s, longest_s = limits
    at = states[state, 0]
    latest, soonest = min(states[state, 1], at + longest_s), at + shortest_s
    span = np.searchsorted(high, at)
    while span < len(low) and low[span] <= latest:
        if at < low[span]:
            moves[made, 0], moves[made, 1], moves[made, 2] = at + lasts_s, at, state
            made += 1
        at = max(soonest, at, high[span] + _AFTER_S)
        span += 1
    if at <= latest and math.isfinite(at):
        moves[made, 0], moves[made, 1], moves[made, 2] = at + lasts_s, at, state
        made += 1
    return made


@compiled
def _arrived(states: Floats, count: int, moves: Floats, made: int, busy: Taken, place: int) -> int:
    """Appends the state of the earliest move that arrives in each safe span of a place; how many there are then."""
    begin, end = busy.first[place], busy.first[place + 1]
    low, high = busy.low[begin:end], busy.high[begin:end]
    last = -1
    order = np.argsort(moves[:made, 0], kind="mergesort")
    for k in range(made):
        at = moves[order[k], 0]
        span = np.searchsorted(low, at, side="right")
        if span == last or (span > 0 and at < high[span - 1] - _JOINED_S):
            continue
        states[count, 0], states[count, 1] = at, low[span] if span < len(low) else math.inf
        states[count, 2], states[count, 3] = moves[order[k], 1], moves[order[k], 2]
        count, last = count + 1, span
    return count


@compiled
def _waits_of(states: Floats, stage: Ints) -> Floats:
    """(m,) the waits that lead to the earliest of the last states in which the robot may stay for ever."""
    count = len(stage) - 2
    best = -1
    for state in range(stage[count], stage[count + 1]):
        if math.isinf(states[state, 1]) and (best < 0 or states[state, 0] < states[best, 0]):
            best = state
    waits = np.zeros(count if best >= 0 else 0)
    for k in range(len(waits) - 1, -1, -1):
        before = int(states[best, 3])
        waits[k] = states[best, 2] - states[before, 0]
        best = before
    return waits
