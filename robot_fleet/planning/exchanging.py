"""Stretches of a path exchanged for quicker ones, many thousand times: simulated annealing in one compiled loop.

Simulated annealing (Kirkpatrick, Gelatt, Vecchi, "Optimization by simulated annealing", 1983) over the driven path
itself. What is minimised is seconds plus a price for each cell that nobody sweeps; a path that is not safe, or
leads against a one-way, is not looked at.
"""

from __future__ import annotations

import math

import numpy as np

from robot_fleet.planning.compiled import compiled
from robot_fleet.planning.curves import bulged, hermite, relaxed, resampled, rounded, straight
from robot_fleet.planning.directions import PATH_SIN, path_strays
from robot_fleet.planning.driven import Ground, Machine, Sweeps, Track, asked, booked, walked
from robot_fleet.planning.pacing import is_open, span_s, turned_s, turning
from robot_fleet.planning.swaths import Counts, swept
from robot_fleet.planning.terrain import Floats, Ints
from robot_fleet.planning.timing import CORNER_RAD
from robot_fleet.planning.visiting import nearest, visit

DRAWS = 10
KINDS = 6
_STRAIGHT, _ROUNDED, _CUBIC, _BAND, _BULGE, _VISIT = range(KINDS)
# Of all trials so many are of a kind before these shares: straight, rounded, cubic, band, bulge; the rest are visits.
_SHARES = (0.04, 0.3, 0.43, 0.66, 0.8)
_SHORTEST_M, _LONGEST_M, _LONGEST_BAND_M = 0.15, 12.0, 4.0
# Beyond a stretch speeds depend on it no further than this.
_CONTEXT_M, _CONTEXT_POINTS = 0.55, 60
_MOST_POINTS = 500
NOWHERE = np.full(2, -1, dtype=np.int64)
_LEAST_S = 1e-6
# A vertex costs so much, or ways would grow ever more of them.
_VERTEX_S = 5e-4
# A curve that takes so much longer wins no floor that is worth it.
_SLOWER_S = 6.0


@compiled
def waste_s(points: Floats, pace: Floats, idle: float) -> Floats:
    """(n - 1,) the running sum over the moves of the seconds for turns, and of `idle` seconds a metre besides."""
    found = np.zeros(len(points) - 1)
    total = 0.0
    for k in range(len(found)):
        turn = turning(points, k) if k > 0 else 0.0
        if turn > CORNER_RAD:
            total += turned_s(turn, pace) + (pace[0] / pace[2] if pace[2] > 0.0 else 0.0)
        else:
            total += turn / pace[1]
        total += math.hypot(points[k + 1, 0] - points[k, 0], points[k + 1, 1] - points[k, 1]) * idle
        found[k] = total
    return found


@compiled
def exchanged(
    track: Track, ground: Ground, sweeps: Sweeps, machine: Machine, waste: Floats, left: Ints, draws: Floats,
    heat: Floats,
) -> Ints:  # fmt: skip
    """One trial for each row of `draws` (m, 10), uniform in 0 .. 1; returns how many curves of each kind were taken.

    `left` (k, 2) are rows and columns of cells that nothing sweeps.

    `heat` is the temperature (seconds) at the first and at the last trial, and the price of a cell in seconds.
    """
    fresh, tags = np.empty((_MOST_POINTS + 2 * _CONTEXT_POINTS, 2)), np.empty(_MOST_POINTS + 99, dtype=np.int64)
    taken = np.zeros(KINDS, dtype=np.int64)
    for trial in range(len(draws)):
        draw = draws[trial]
        warm_s = (heat[0] + (heat[1] - heat[0]) * trial / len(draws)) * -math.log(max(draw[7], 1e-12))
        kind = _kind(draw[2])
        goal = left[int(draw[9] * len(left))] if len(left) > 0 else NOWHERE
        middle = _middle(track, sweeps, waste, kind, goal, ground.side_m, draw)
        if middle < 0:
            continue
        first, last = _window(track, middle, kind, draw)
        low, high = _context(track, first, last)
        if last - first < 2 or first < 2 or last > track.size[0] - 3 or first - low + high - last > _CONTEXT_POINTS:
            continue
        count = _curve(fresh[first - low + 1 : _MOST_POINTS], track, ground, machine, first, last, kind, goal, draw)
        if count < 0 or track.size[0] + count + 1 > len(track.points):
            continue
        end = first - low + count + 1
        saved_s = _saved_s(fresh, track, low, first, last, high, count, machine.pace)
        if saved_s < -_SLOWER_S or (
            saved_s <= _LEAST_S - warm_s and not _wins(fresh, first - low, end, sweeps, machine, ground.side_m)
        ):
            continue
        if not is_open(fresh, first - low, end, ground.fine_m, ground.side_m, ground.keep_m):
            continue
        if path_strays(ground.directions, fresh, first - low, end, PATH_SIN):
            continue
        if not _tagged(tags, fresh, track, ground, low, first, last, high, count):
            continue
        if _worth(track, fresh, tags, first - low, end, first, last, ground.side_m, sweeps, machine,
                  saved_s + warm_s, heat[2]):  # fmt: skip
            _spliced(track, fresh, tags, low, first, last, count)
            taken[kind] += 1
    return taken


@compiled
def _saved_s(
    fresh: Floats, track: Track, low: int, first: int, last: int, high: int, count: int, pace: Floats
) -> float:
    """Puts what lies before and behind a new stretch beside it; the seconds that it saves."""
    end = first - low + count + 1
    size = end + high - last + 1
    fresh[: first - low + 1] = track.points[low : first + 1]
    fresh[end:size] = track.points[last : high + 1]
    saved_s = span_s(track.points, low, high, pace) - span_s(fresh, 0, size - 1, pace)
    return float(saved_s + _VERTEX_S * (last - first - count - 1))


@compiled
def _kind(draw: float) -> int:
    for k in range(KINDS - 1):
        if draw < _SHARES[k]:
            return k
    return KINDS - 1


@compiled
def _middle(track: Track, sweeps: Sweeps, waste: Floats, kind: int, goal: Ints, side_m: float, draw: Floats) -> int:
    """The move about which the path is to change: where time is lost, or next to a cell to visit; -1 for none."""
    if kind != _VISIT:
        return int(min(np.searchsorted(waste, draw[0] * waste[-1]), track.size[0] - 2))
    if goal[0] < 0 or sweeps.full[goal[0], goal[1]] > 0:
        return -1
    return int(nearest(track, goal, side_m))


@compiled
def _window(track: Track, middle: int, kind: int, draw: Floats) -> tuple[int, int]:
    """First and last vertex of a stretch about a move, short ones more often than long ones."""
    longest = _LONGEST_M if kind < _CUBIC else _LONGEST_BAND_M
    length = _SHORTEST_M * (longest / _SHORTEST_M) ** draw[1]
    return walked(track, middle, -length * draw[8]), walked(track, middle + 1, length * (1.0 - draw[8]))


@compiled
def _context(track: Track, first: int, last: int) -> tuple[int, int]:
    """The vertices beyond a stretch up to which the speeds may depend on it: two at least, if the path has them."""
    low, high = walked(track, first, -_CONTEXT_M), walked(track, last, _CONTEXT_M)
    return min(low, max(0, first - 2)), max(high, min(track.size[0] - 1, last + 2))


@compiled
def _curve(
    out: Floats, track: Track, ground: Ground, machine: Machine, first: int, last: int, kind: int,
    goal: Ints, draw: Floats,
) -> int:  # fmt: skip
    """Writes the inner points of a curve between two vertices; returns how many."""
    points = track.points
    a, b = points[first], points[last]
    apart = math.hypot(b[0] - a[0], b[1] - a[1])
    if kind == _STRAIGHT:
        return straight(out, a, b)
    before, after = points[first - 1], points[last + 1]
    yaw_a, yaw_b = math.atan2(a[1] - before[1], a[0] - before[0]), math.atan2(after[1] - b[1], after[0] - b[0])
    if kind == _ROUNDED:
        return rounded(out, a, yaw_a, b, yaw_b, machine.pace, draw[3], draw[4])
    if kind == _CUBIC:
        return hermite(out, a, yaw_a, b, yaw_b, apart * (0.2 + 1.6 * draw[3]), apart * (0.2 + 1.6 * draw[4]))
    if kind == _VISIT:
        x, y = (goal[1] + 0.5) * ground.side_m, (goal[0] + 0.5) * ground.side_m
        return visit(out, points, first, last, x, y, yaw_a, yaw_b, ground, machine, draw)
    count = resampled(out, points, first, last, 0.045 + 0.045 * draw[5])
    if count < 1:
        return -1
    if kind == _BAND:
        relaxed(out, count, a, b, int(2 + 20 * draw[3] ** 2), 0.0 if draw[4] < 0.4 else 0.95,
                ground.fine_m, ground.side_m, ground.keep_m)  # fmt: skip
        return count
    push, yaw = 0.3 * (draw[3] * 2.0 - 1.0) ** 3, 2.0 * math.pi * draw[6]
    if apart > 0.0 and draw[4] < 0.6:
        yaw = math.atan2(b[1] - a[1], b[0] - a[0]) + math.pi / 2
    bulged(out, count, push * math.cos(yaw), push * math.sin(yaw), ground.fine_m, ground.side_m, ground.keep_m)
    return count


@compiled
def _tagged(
    tags: Ints, fresh: Floats, track: Track, ground: Ground, low: int, first: int, last: int, high: int, count: int
) -> bool:
    """Hands the new moves to the legs of the stretch; False when the head would be on over floor nobody asked for.

    The first half goes to the leg that the stretch began in, the rest to the one that it ended in. The head may stay
    on over what was a way between lanes, if its floor is asked for.
    """
    begin = first - low
    one, other = track.tags[first], track.tags[last - 1]
    if track.on[one] or track.on[other]:
        off = _way_within(track, first, last)
        if not asked(fresh, begin, begin + count + 1, ground):
            if off < 0:
                return False
            one = other = off
        elif not track.on[one]:
            one = other
        elif not track.on[other]:
            other = one
    tags[:begin] = track.tags[low:first]
    half = begin + (count + 2) // 2
    tags[begin:half] = one
    tags[half : begin + count + 1] = other
    tags[begin + count + 1 : begin + count + 1 + high - last] = track.tags[last:high]
    return True


@compiled
def _way_within(track: Track, first: int, last: int) -> int:
    """The first leg of a stretch with the head off; -1 when there is none."""
    for k in range(first, last):
        if not track.on[track.tags[k]]:
            return int(track.tags[k])
    return -1


@compiled
def _wins(fresh: Floats, begin: int, end: int, sweeps: Sweeps, machine: Machine, side_m: float) -> bool:
    """Whether there are uncleaned cells under the ends of the head along a new stretch: nothing else pays for a detour."""
    half = machine.head[0] / 2 - side_m / 2
    for k in range(begin, end):
        dx, dy = fresh[k + 1, 0] - fresh[k, 0], fresh[k + 1, 1] - fresh[k, 1]
        size = max(math.hypot(dx, dy), 1e-9)
        for side in (-half, half):
            col = int((fresh[k, 0] - dy / size * side) / side_m)
            row = int((fresh[k, 1] + dx / size * side) / side_m)
            if 0 <= row < sweeps.full.shape[0] and 0 <= col < sweeps.full.shape[1] and sweeps.full[row, col] == 0:
                return True
    return False


@compiled
def _worth(
    track: Track, fresh: Floats, tags: Ints, begin: int, end: int, first: int, last: int, side_m: float,
    sweeps: Sweeps, machine: Machine, worth_s: float, price_s: float,
) -> bool:  # fmt: skip
    """Takes the sweeps of a new stretch for those of the old one if its seconds are worth the cells that it leaves."""
    bare = _swapped(sweeps.full, track, fresh, tags, begin, end, first, last, machine.head, side_m, 1)
    unsure = bare
    if machine.overlaps:
        unsure = _swapped(sweeps.sure, track, fresh, tags, begin, end, first, last, machine.sure, side_m, 1)
    if booked(sweeps, bare, unsure, worth_s, price_s):
        return True
    _swapped(sweeps.full, track, fresh, tags, begin, end, first, last, machine.head, side_m, -1)
    if machine.overlaps:
        _swapped(sweeps.sure, track, fresh, tags, begin, end, first, last, machine.sure, side_m, -1)
    return False


@compiled
def _swapped(
    count: Counts, track: Track, fresh: Floats, tags: Ints, begin: int, end: int, first: int, last: int,
    head: Floats, side_m: float, by: int,
) -> int:  # fmt: skip
    """Counts the new stretch for the old one (`by` 1), or the old one again; how many more cells are bare."""
    if by < 0:
        bare = swept(count, fresh, tags, track.on, begin, end, head, side_m, -1)
        return bare + swept(count, track.points, track.tags, track.on, first, last, head, side_m, 1)
    bare = swept(count, track.points, track.tags, track.on, first, last, head, side_m, -1)
    return bare + swept(count, fresh, tags, track.on, begin, end, head, side_m, 1)


@compiled
def _spliced(track: Track, fresh: Floats, tags: Ints, low: int, first: int, last: int, count: int) -> None:
    """Puts the new stretch in its place."""
    size, begin = track.size[0], first - low
    shift = count + 1 - (last - first)
    if shift > 0:
        for k in range(size - 1, last - 1, -1):
            _moved(track, k, k + shift)
    elif shift < 0:
        for k in range(last, size):
            _moved(track, k, k + shift)
    track.points[first + 1 : first + 1 + count] = fresh[begin + 1 : begin + 1 + count]
    track.tags[first : first + count + 1] = tags[begin : begin + count + 1]
    track.size[0] = size + shift


@compiled
def _moved(track: Track, k: int, to: int) -> None:
    track.points[to, 0], track.points[to, 1] = track.points[k, 0], track.points[k, 1]
    track.tags[to] = track.tags[k]
