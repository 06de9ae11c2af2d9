"""Tours for several robots at once, so that the last one is home early: simulated annealing over oriented lanes.

The moves are those of routing local search: a chain of lanes goes elsewhere, as it is or turned (Or, 1976); a sequence is
reversed (2-opt; Croes, 1958); two robots exchange their tails, or one takes the other's head turned round (2-opt*;
Potvin, Rousseau, 1995). Each move is proposed so that it makes one short link, out of the neighbours of a lane's end (Lin,
Kernighan, 1973), and is taken by Metropolis' rule (Kirkpatrick, Gelatt, Vecchi, "Optimization by simulated annealing",
1983). The objective is a p-norm of the robots' times: close to the longest, and yet it rewards every second saved.

A lane's two ends are 2k and 2k + 1; a stop is the end through which a robot enters, `stop ^ 1` the one through which it
leaves. Without one-ways costs are symmetric, so a turned chain takes as long as before; with them its way back is known.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from robot_fleet.planning.compiled import compiled
from robot_fleet.planning.terrain import Floats, Ints

Words = NDArray[np.uint64]
Pair = tuple[float, float]
# Cost (ends, ends), seconds along each lane, each robot's first and last end, its pace and its time without lanes, whether
# there are one-ways.
Ways = tuple[Floats, Floats, Ints, Ints, Floats, Floats, bool]
# Stops, sizes, each lane's robot and position, seconds to the end of each position, and by the same lanes the other way
# round (without one-ways the same array), each robot's time.
Tours = tuple[Ints, Ints, Ints, Ints, Floats, Floats, Floats]

_LONGEST_CHAIN = 60
# What rounding leaves of nothing.
_LEAST = 1e-6


@compiled
def anneal(
    cost: Floats, near: Ints, drive_s: Floats, starts: Ints, homes: Ints, pace: Floats, idle_s: Floats, stops: Ints,
    sizes: Ints, heat_s: Floats, trials: int, seed: int, power: int, one_ways: bool, load: Floats, stays: Floats,
) -> None:  # fmt: skip
    """Improves `stops` (robots, lanes) and `sizes` (robots,) in place.

    `near` (ends, k) lists the ends that are cheap to enter from each end. The temperature falls from heat_s[0] to
    heat_s[1] over so many trials. With `one_ways` a way may take longer than the way back, for which `cost` says so.
    `idle_s` (robots,) is what a robot without lanes counts for. `load` (lanes,) is what a tank loses on each lane; `stays`
    (robots, 4) are what each robot's tank holds at first, what it holds, seconds for a visit that fills it, and for all else.
    """
    robots, lanes = stops.shape
    # Lanes that no robot has stay out.
    where, place = np.full(lanes, -1), np.full(lanes, -1)
    spent, times = np.zeros((robots, lanes + 1)), np.zeros(robots)
    back = np.zeros((robots, lanes + 1)) if one_ways else spent
    ways = (cost, drive_s, starts, homes, pace, idle_s, one_ways)
    tours = (stops, sizes, where, place, spent, back, times)
    used, more_s = np.zeros((robots, lanes + 1)), np.zeros(robots)
    thirsty = bool((stays[:, 3] != 0.0).any()) or bool(np.isfinite(stays[:, 0]).any())
    for r in range(robots):
        _renew(ways, tours, r)
        _reload(load, stays, stops, sizes, used, more_s, r)
    unit = max((times + more_s).max(), 1.0)
    dice = np.array([seed * 2654435761 + 88172645463325252], dtype=np.uint64)
    chain = np.empty(lanes, dtype=np.int64)
    total = 0.0
    for r in range(robots):
        total += ((times[r] + more_s[r]) / unit) ** power
    for trial in range(trials):
        heat = heat_s[0] * (heat_s[1] / heat_s[0]) ** (trial / trials)
        u = _roll(dice, 2 * lanes)
        v = near[u, _roll(dice, near.shape[1])]
        a, b = u >> 1, v >> 1
        if a == b:
            continue
        r, s, k, m = where[a], where[b], place[a], place[b]
        if r < 0 or s < 0:
            continue
        leaving, entering = stops[r, k] != u, stops[s, m] == v
        links = _roll(dice, 2) == 0
        if links and leaving != entering and r == s:
            # One of both must be turned: the sequence between them is.
            first, last = (min(k, m) + 1, max(k, m)) if leaving else (min(k, m), max(k, m) - 1)
            if first > last:
                continue
            one = other = _reversed_s(ways, tours, r, first, last) + more_s[r]
        elif links and leaving != entering:
            first, last = (k + 1, m + 1) if leaving else (k, m)
            one, other = _crossed_s(ways, tours, r, first, s, last)
            if thirsty:
                one += _stays_s(stays, r, used[r, first] + used[s, last])
                other += _stays_s(stays, s, used[r, sizes[r]] - used[r, first] + used[s, sizes[s]] - used[s, last])
        elif links and r != s:
            first, last = (k + 1, m) if leaving else (k, m + 1)
            one, other = _exchanged_s(ways, tours, r, first, s, last)
            if thirsty:
                one += _stays_s(stays, r, used[r, first] + used[s, sizes[s]] - used[s, last])
                other += _stays_s(stays, s, used[s, last] + used[r, sizes[r]] - used[r, first])
        else:
            # The chain that begins or ends with v goes beside u, turned if need be.
            links = False
            length = _length(dice)
            first, last = (m, min(m + length, sizes[s]) - 1) if entering else (max(m - length + 1, 0), m)
            at = k + 1 if leaving else k
            if r == s and first <= k <= last:
                continue
            one, other = _moved_s(ways, tours, s, first, last, r, at, leaving != entering)
            if thirsty and r == s:
                one += more_s[r]
            elif thirsty:
                moved = used[s, last + 1] - used[s, first]
                one += _stays_s(stays, r, used[r, sizes[r]] + moved)
                other += _stays_s(stays, s, used[s, sizes[s]] - moved)
        then = total - ((times[r] + more_s[r]) / unit) ** power + (one / unit) ** power
        if r != s:
            then += (other / unit) ** power - ((times[s] + more_s[s]) / unit) ** power
        now_s, then_s = _norm_s(total, unit, robots, power), _norm_s(then, unit, robots, power)
        if then_s > now_s and _share(dice) >= math.exp((now_s - then_s) / heat):
            continue
        if not links:
            _move(stops, sizes, chain, s, first, last, r, at, leaving != entering)
        elif leaving == entering:
            _exchange(stops, sizes, chain, r, first, s, last)
        elif r != s:
            _cross(stops, sizes, chain, r, first, s, last)
        else:
            _turn(stops, r, first, last)
        _renew(ways, tours, r)
        if r != s:
            _renew(ways, tours, s)
        if thirsty and r != s:
            _reload(load, stays, stops, sizes, used, more_s, r)
            _reload(load, stays, stops, sizes, used, more_s, s)
        elif thirsty:
            _reload(load, stays, stops, sizes, used, more_s, r)
        total = 0.0
        for robot in range(robots):
            total += ((times[robot] + more_s[robot]) / unit) ** power


@compiled
def _reload(load: Floats, stays: Floats, stops: Ints, sizes: Ints, used: Floats, more_s: Floats, robot: int) -> None:
    """What a robot's tank has lost at the end of each position, and the seconds of its visits."""
    for k in range(sizes[robot]):
        used[robot, k + 1] = used[robot, k] + load[stops[robot, k] >> 1]
    more_s[robot] = _stays_s(stays, robot, used[robot, sizes[robot]])


@compiled
def _stays_s(stays: Floats, robot: int, lost: float) -> float:
    """Seconds of the visits of a robot whose tank loses so much in all; none without lanes."""
    if lost < _LEAST:
        return 0.0
    fills = math.ceil((lost - stays[robot, 0]) / stays[robot, 1]) if lost > stays[robot, 0] else 0
    return float(fills * stays[robot, 2] + stays[robot, 3])


@compiled
def _norm_s(total: float, unit: float, robots: int, power: int) -> float:
    """The norm of the robots' times, so scaled that a second saved everywhere alike counts for each robot."""
    return float(unit * robots ** (1.0 - 1.0 / power) * max(total, 1e-300) ** (1.0 / power))


@compiled
def _roll(dice: Words, sides: int) -> int:
    """A number from 0 to sides - 1 (xorshift64; Marsaglia, 2003)."""
    word = dice[0]
    word ^= word << np.uint64(13)
    word ^= word >> np.uint64(7)
    word ^= word << np.uint64(17)
    dice[0] = word
    return int((word >> np.uint64(11)) % np.uint64(sides))


@compiled
def _share(dice: Words) -> float:
    """A number from 0 to 1."""
    return _roll(dice, 1 << 30) / float(1 << 30)


@compiled
def _length(dice: Words) -> int:
    """How many lanes a chain has: half of the chains have up to three, the rest up to the most."""
    return 1 + _roll(dice, 3) if _roll(dice, 2) == 0 else 1 + _roll(dice, _LONGEST_CHAIN)


@compiled
def _link(cost: Floats, leave: int, enter: int) -> float:
    """Seconds from end to end; a robot without a home (-1) stops where it is."""
    return float(cost[leave, enter]) if enter >= 0 else 0.0


@compiled
def _left(starts: Ints, stops: Ints, robot: int, k: int) -> int:
    """The end left before position k."""
    return int(starts[robot]) if k == 0 else int(stops[robot, k - 1] ^ 1)


@compiled
def _entered(homes: Ints, stops: Ints, sizes: Ints, robot: int, k: int) -> int:
    """The end entered at position k."""
    return int(stops[robot, k]) if k < sizes[robot] else int(homes[robot])


@compiled
def _renew(ways: Ways, tours: Tours, robot: int) -> None:
    """Where a robot's lanes are, how long it takes to the end of each, and until it is home."""
    cost, drive_s, starts, homes, pace, idle_s, one_ways = ways
    stops, sizes, where, place, spent, back, times = tours
    leave = starts[robot]
    for k in range(sizes[robot]):
        stop = stops[robot, k]
        where[stop >> 1], place[stop >> 1] = robot, k
        spent[robot, k + 1] = spent[robot, k] + cost[leave, stop] + drive_s[stop >> 1]
        leave = stop ^ 1
    home = _link(cost, leave, homes[robot])
    times[robot] = (spent[robot, sizes[robot]] + home) / pace[robot] if sizes[robot] else idle_s[robot]
    if one_ways:
        for k in range(sizes[robot]):
            stop = stops[robot, k]
            link = cost[stop, stops[robot, k - 1] ^ 1] if k > 0 else 0.0
            back[robot, k + 1] = back[robot, k] + link + drive_s[stop >> 1]


@compiled
def _chain_s(drive_s: Floats, stops: Ints, spent: Floats, robot: int, first: int, last: int) -> float:
    """Seconds from entering position `first` to leaving position `last`; 0 when there is nothing between.

    By the seconds of the way back it is from entering `last` to leaving `first`, with each lane turned.
    """
    if last < first:
        return 0.0
    return float(spent[robot, last + 1] - spent[robot, first + 1] + drive_s[stops[robot, first] >> 1])


@compiled
def _reversed_s(ways: Ways, tours: Tours, robot: int, first: int, last: int) -> float:
    cost, drive_s, starts, homes, pace, _, one_ways = ways
    stops, sizes, _, _, spent, back, times = tours
    before, after = _left(starts, stops, robot, first), _entered(homes, stops, sizes, robot, last + 1)
    now = cost[before, stops[robot, first]] + _link(cost, stops[robot, last] ^ 1, after)
    then = cost[before, stops[robot, last] ^ 1] + _link(cost, stops[robot, first], after)
    if one_ways:
        now += _chain_s(drive_s, stops, spent, robot, first, last)
        then += _chain_s(drive_s, stops, back, robot, first, last)
    return float(times[robot] + (then - now) / pace[robot])


@compiled
def _exchanged_s(ways: Ways, tours: Tours, r: int, p: int, s: int, q: int) -> Pair:
    """The times when robot r goes on with what s has from position q on, and s with what r has from p on."""
    return _tailed_s(ways, tours, r, p, s, q), _tailed_s(ways, tours, s, q, r, p)


@compiled
def _tailed_s(ways: Ways, tours: Tours, r: int, p: int, s: int, q: int) -> float:
    cost, drive_s, starts, homes, pace, idle_s, _ = ways
    stops, sizes, _, _, spent, _, _ = tours
    leave, tail = _left(starts, stops, r, p), sizes[s] > q
    if p == 0 and not tail:
        return float(idle_s[r])
    time = spent[r, p] + _chain_s(drive_s, stops, spent, s, q, sizes[s] - 1)
    if tail:
        time += cost[leave, stops[s, q]]
        leave = stops[s, sizes[s] - 1] ^ 1
    return float((time + _link(cost, leave, homes[r])) / pace[r])


@compiled
def _crossed_s(ways: Ways, tours: Tours, r: int, p: int, s: int, q: int) -> Pair:
    """The times when r goes on from position p with the head of s (before q) turned, and s begins with r's tail turned."""
    cost, drive_s, starts, homes, pace, idle_s, _ = ways
    stops, sizes, _, _, spent, back, _ = tours
    one = spent[r, p] + _chain_s(drive_s, stops, back, s, 0, q - 1)
    leave = _left(starts, stops, r, p)
    if q > 0:
        one += cost[leave, stops[s, q - 1] ^ 1]
        leave = stops[s, 0]
    one = (one + _link(cost, leave, homes[r])) / pace[r] if p + q > 0 else idle_s[r]
    tail, rest = sizes[r] - p, sizes[s] - q
    other = _chain_s(drive_s, stops, back, r, p, sizes[r] - 1) + _chain_s(drive_s, stops, spent, s, q, sizes[s] - 1)
    leave = starts[s]
    if tail > 0:
        other += cost[leave, stops[r, sizes[r] - 1] ^ 1]
        leave = stops[r, p]
    if rest > 0:
        other += cost[leave, stops[s, q]]
        leave = stops[s, sizes[s] - 1] ^ 1
    other = (other + _link(cost, leave, homes[s])) / pace[s] if tail + rest > 0 else idle_s[s]
    return float(one), float(other)


@compiled
def _moved_s(ways: Ways, tours: Tours, s: int, first: int, last: int, r: int, at: int, turned: bool) -> Pair:
    """The times of r and of s when the chain first .. last of s goes before position `at` of r."""
    cost, drive_s, starts, homes, pace, idle_s, _ = ways
    stops, sizes, _, _, spent, back, times = tours
    chain = _chain_s(drive_s, stops, spent, s, first, last)
    before, after = _left(starts, stops, s, first), _entered(homes, stops, sizes, s, last + 1)
    enter, leave = int(stops[s, first]), int(stops[s, last] ^ 1)
    without = times[s] * pace[s] - cost[before, enter] - _link(cost, leave, after) - chain + _link(cost, before, after)
    if turned:
        enter, leave = leave, enter
        chain = _chain_s(drive_s, stops, back, s, first, last)
    if r == s:
        if at != first and at != last + 1:
            before, after = _left(starts, stops, s, at), _entered(homes, stops, sizes, s, at)
        time = without + chain + cost[before, enter] + _link(cost, leave, after) - _link(cost, before, after)
        return float(time / pace[s]), float(time / pace[s])
    before, after = _left(starts, stops, r, at), _entered(homes, stops, sizes, r, at)
    time = chain + cost[before, enter] + _link(cost, leave, after)
    if sizes[r] > 0:
        time += times[r] * pace[r] - _link(cost, before, after)
    emptied = last - first + 1 == sizes[s]
    return float(time / pace[r]), float(idle_s[s] if emptied else without / pace[s])


@compiled
def _turn(stops: Ints, robot: int, first: int, last: int) -> None:
    while first <= last:
        one, other = stops[robot, first], stops[robot, last]
        stops[robot, first], stops[robot, last] = other ^ 1, one ^ 1
        first, last = first + 1, last - 1


@compiled
def _exchange(stops: Ints, sizes: Ints, held: Ints, r: int, p: int, s: int, q: int) -> None:
    mine, theirs = sizes[r] - p, sizes[s] - q
    held[:mine] = stops[r, p : p + mine]
    stops[r, p : p + theirs] = stops[s, q : q + theirs]
    stops[s, q : q + mine] = held[:mine]
    sizes[r], sizes[s] = p + theirs, q + mine


@compiled
def _cross(stops: Ints, sizes: Ints, held: Ints, r: int, p: int, s: int, q: int) -> None:
    mine, rest = sizes[r] - p, sizes[s] - q
    for k in range(mine):
        held[k] = stops[r, sizes[r] - 1 - k] ^ 1
    for k in range(q):
        stops[r, p + k] = stops[s, q - 1 - k] ^ 1
    held[mine : mine + rest] = stops[s, q : q + rest]
    stops[s, : mine + rest] = held[: mine + rest]
    sizes[r], sizes[s] = p + q, mine + rest


@compiled
def _move(stops: Ints, sizes: Ints, held: Ints, s: int, first: int, last: int, r: int, at: int, turned: bool) -> None:
    count = last - first + 1
    held[:count] = stops[s, first : last + 1]
    for k in range(last + 1, sizes[s]):
        stops[s, k - count] = stops[s, k]
    sizes[s] -= count
    if r == s and at > last:
        at -= count
    for k in range(sizes[r] - 1, at - 1, -1):
        stops[r, k + count] = stops[r, k]
    for k in range(count):
        stops[r, at + k] = held[count - 1 - k] ^ 1 if turned else held[k]
    sizes[r] += count
