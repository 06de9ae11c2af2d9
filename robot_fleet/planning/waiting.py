"""When the places of a way are taken by others, and the least waits with which a robot passes them; compiled.

For a fixed way the earliest times are found over the safe intervals of each place (Phillips, Likhachev, "SIPP: Safe
interval path planning for dynamic environments", 2011). Spans of time lie in rows: those of place k are
low[first[k] : first[k + 1]] .. high[...], in order and apart.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from robot_fleet.planning.compiled import compiled
from robot_fleet.planning.terrain import Floats, Ints

_JOINED_S = 1e-9


class Taken(NamedTuple):
    """For each of n places the spans of time in which it is taken: `first` (n + 1,), `low` and `high` (spans,)."""

    first: Ints
    low: Floats
    high: Floats


class Spans(NamedTuple):
    """Spans of time, each at a place of a way: `place`, `low` and `high` (spans,), in the order of the places."""

    place: Ints
    low: Floats
    high: Floats


class Others(NamedTuple):
    """Where others are: samples `at` (n, 2), each taken from `begin` to `end`, and a raster of squares over them.

    The samples of square s are items[starts[s] : starts[s + 1]]; squares lie row by row from `corner`, `cols` in a row.
    """

    at: Floats
    begin: Floats
    end: Floats
    starts: Ints
    items: Ints
    corner: Floats
    cols: int


def others(at: Floats, begin: Floats, end: Floats, square_m: float) -> Others:
    """The samples (at least one), sorted into squares."""
    corner = np.array([at[:, 0].min(), at[:, 1].min()]) - square_m
    col, row = (((at[:, k] - corner[k]) / square_m).astype(np.int64) for k in (0, 1))
    cols, rows = int(col.max()) + 2, int(row.max()) + 2
    flat = row * cols + col
    starts = np.concatenate(([0], np.cumsum(np.bincount(flat, minlength=cols * rows))))
    return Others(at, begin, end, starts, np.argsort(flat, kind="stable"), corner, cols)


@compiled
def taken(way: Floats, near: Others, touch_m: float) -> Taken:
    """When others, sorted into squares of `touch_m`, are so near to each place of a way (n, 2)."""
    first = np.zeros(len(way) + 1, dtype=np.int64)
    low, high, part_low, part_high = room(256), room(256), room(256), room(256)
    rows, count = (len(near.starts) - 1) // near.cols, 0
    for k in range(len(way)):
        x, y, parts = way[k, 0], way[k, 1], 0
        col, row = math.floor((x - near.corner[0]) / touch_m), math.floor((y - near.corner[1]) / touch_m)
        for other in range(max(0, row - 1), min(rows, row + 2)):
            begin, end = max(0, col - 1), min(near.cols, col + 2)
            if begin >= end:
                continue
            square = other * near.cols
            for place in range(near.starts[square + begin], near.starts[square + end]):
                item = near.items[place]
                u, v = near.at[item, 0] - x, near.at[item, 1] - y
                if u * u + v * v > touch_m * touch_m:
                    continue
                one, until = near.begin[item], near.end[item]
                if parts and part_low[parts - 1] <= one <= part_high[parts - 1] + _JOINED_S:
                    part_high[parts - 1] = max(part_high[parts - 1], until)
                    continue
                if parts == len(part_low):
                    part_low, part_high = grown(part_low), grown(part_high)
                part_low[parts], part_high[parts] = one, until
                parts += 1
        if parts:
            if count + parts > len(low):
                low, high = grown(low, count + parts), grown(high, count + parts)
            count = merge(part_low, part_high, parts, low, high, count)
        first[k + 1] = count
    return Taken(first, low[:count].copy(), high[:count].copy())


def spans_of(busy: Taken) -> Spans:
    """The same spans, each with its place: short where most places are never taken."""
    return Spans(np.repeat(np.arange(len(busy.first) - 1), np.diff(busy.first)), busy.low, busy.high)


def together(parts: Sequence[Spans], places: int) -> Taken:
    """When so many places are taken by any of several others."""
    if not parts:
        return Taken(np.zeros(places + 1, dtype=np.int64), np.zeros(0), np.zeros(0))
    place, low, high = (np.concatenate(values) for values in zip(*parts, strict=True))
    order = np.lexsort((low, place))
    return joined(Spans(place[order], low[order], high[order]), places)


@compiled
def joined(spans: Spans, places: int) -> Taken:
    """Spans in the order of places and times, joined where they touch."""
    first, low, high = np.zeros(places + 1, dtype=np.int64), np.empty(len(spans.low)), np.empty(len(spans.low))
    count, last = 0, -1
    for k in range(len(spans.low)):
        if spans.place[k] == last and spans.low[k] <= high[count - 1] + _JOINED_S:
            high[count - 1] = max(high[count - 1], spans.high[k])
            continue
        low[count], high[count], last = spans.low[k], spans.high[k], spans.place[k]
        count += 1
        first[last + 1] += 1
    return Taken(np.cumsum(first), low[:count].copy(), high[:count].copy())


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
def least_waits(when: Floats, rests: Ints, busy: Taken, longest_s: float) -> Floats:
    """(m,) seconds to wait at the places `rests` of a way so that it is done earliest; (0,) when it always meets somebody.

    `when` (n,) are the times at its places without waits. Nobody waits longer than `longest_s` where he could go on.
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
        shut = _shut(when, busy, first, last, low, high)
        most = (stage[k + 1] - stage[k]) * (shut + 1)
        if most > len(moves):
            moves = np.empty((2 * most, 3))
        made = 0
        for state in range(stage[k], stage[k + 1]):
            made = _set_off(states, state, low[:shut], high[:shut], when[last] - when[first], longest_s, moves, made)
        if stage[k + 1] + made > len(states):
            more = np.empty((2 * (stage[k + 1] + made), 4))
            more[: len(states)] = states
            states = more
        stage[k + 2] = _arrived(states, stage[k + 1], moves, made, busy, last)
        if stage[k + 2] == stage[k + 1]:
            return np.empty(0)
    return _waits_of(states, stage)


@compiled
def _shut(when: Floats, busy: Taken, first: int, last: int, low: Floats, high: Floats) -> int:
    """Writes when a robot may not set off along the places first .. last, since it would meet somebody on them."""
    parts = 0
    size = busy.first[last + 1] - busy.first[first]
    part_low, part_high = np.empty(size), np.empty(size)
    for place in range(first, last + 1):
        passed = when[place] - when[first]
        for span in range(busy.first[place], busy.first[place + 1]):
            part_low[parts], part_high[parts] = busy.low[span] - passed, busy.high[span] - passed
            parts += 1
    return merge(part_low, part_high, parts, low, high, 0)


@compiled
def _set_off(
    states: Floats, state: int, low: Floats, high: Floats, lasts_s: float, longest_s: float, moves: Floats, made: int
) -> int:
    """Appends the earliest move (arrival, departure, state) in each span that is not shut; how many there are then."""
    at = states[state, 0]
    latest = min(states[state, 1], at + longest_s)
    span = np.searchsorted(high, at)
    while span < len(low) and low[span] <= latest:
        if at < low[span]:
            moves[made, 0], moves[made, 1], moves[made, 2] = at + lasts_s, at, state
            made += 1
        at = max(at, high[span])
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
