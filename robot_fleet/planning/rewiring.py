"""Driven paths reconnected where they pass close to themselves: what lies between is driven the other way round.

The 2-opt move (Croes, "A method for solving traveling-salesman problems", 1958) on a driven path: two stretches that
lie near each other are exchanged for two curves from one to the other. Only for heads under the turning centre, which
sweep the same floor in both directions.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from robot_fleet.planning.compiled import compiled
from robot_fleet.planning.curves import hermite, rounded, straight
from robot_fleet.planning.directions import PATH_SIN, path_strays
from robot_fleet.planning.driven import Ground, Machine, Sweeps, Track, asked, booked, walked
from robot_fleet.planning.pacing import is_open, span_s
from robot_fleet.planning.swaths import Counts, swept
from robot_fleet.planning.terrain import Floats, Ints

DRAWS = 11
_NEAR_M = 1.6
# Each of the two stretches reaches so far to both sides of its place.
_SHORTEST_M, _LONGEST_M = 0.05, 2.5
# Beyond a stretch speeds depend on it no further than this.
_CONTEXT_M = 0.55
_MOST_POINTS = 400
_LEAST_S = 1e-6


class _Links(NamedTuple):
    """The two curves: points (2, n, 2) with what lies before and behind them, the leg of each move (2, n).

    `cuts` are the vertices of the path: context, first, last, context of one stretch, and then of the other; `ends`
    (2, 3) say where in the points a curve leaves the path, where it reaches it, and how many points there are.
    """

    points: Floats
    tags: Ints
    cuts: Ints
    ends: Ints


@compiled
def rewired(
    track: Track, ground: Ground, sweeps: Sweeps, machine: Machine, waste: Floats, draws: Floats, heat: Floats
) -> int:
    """One trial for each row of `draws` (m, 11), uniform in 0 .. 1; returns how many were taken. `heat`: see `exchanged`."""
    taken = 0
    links = _Links(
        np.empty((2, _MOST_POINTS, 2)), np.empty((2, _MOST_POINTS), dtype=np.int64), np.zeros(8, dtype=np.int64),
        np.zeros((2, 3), dtype=np.int64),
    )  # fmt: skip
    for trial in range(len(draws)):
        draw = draws[trial]
        warm_s = (heat[0] + (heat[1] - heat[0]) * trial / len(draws)) * -math.log(max(draw[10], 1e-12))
        if not (_cut(links.cuts, track, waste, draw) and _linked(links, track, ground, machine, draw)):
            continue
        saved_s = _saved_s(links, track, machine) + warm_s
        if saved_s <= _LEAST_S or path_strays(ground.directions, track.points, links.cuts[5], links.cuts[2], PATH_SIN):
            continue
        if _worth(links, track, sweeps, machine, ground.side_m, saved_s, heat[2]):
            _turned(track, links)
            taken += 1
    return taken


@compiled
def _cut(cuts: Ints, track: Track, waste: Floats, draw: Floats) -> bool:
    """Two stretches that lie near each other: the first where turns take long."""
    size = track.size[0]
    one = min(np.searchsorted(waste, draw[0] * waste[-1]), size - 2)
    other = _beside(track, one, draw[1])
    if other < 0:
        return False
    grown = _LONGEST_M / _SHORTEST_M
    for k, middle in enumerate((min(one, other), max(one, other))):
        first = walked(track, middle, -_SHORTEST_M * grown ** draw[2 + 2 * k])
        last = walked(track, middle, _SHORTEST_M * grown ** draw[3 + 2 * k])
        cuts[4 * k], cuts[4 * k + 1] = walked(track, first, -_CONTEXT_M), first
        cuts[4 * k + 2], cuts[4 * k + 3] = last, walked(track, last, _CONTEXT_M)
    return bool(cuts[1] > cuts[0] > 0 and cuts[3] <= cuts[4] and cuts[7] > cuts[6] and cuts[7] < size - 1)


@compiled
def _beside(track: Track, vertex: int, draw: float) -> int:
    """One of the vertices near a vertex that are far from it along the path; -1 when there is none."""
    x, y = track.points[vertex]
    low, high = walked(track, vertex, -2.0 * _LONGEST_M), walked(track, vertex, 2.0 * _LONGEST_M)
    count = 0
    for chosen in (False, True):
        pick, count = (int(draw * count) if chosen else -1), 0
        for k in range(track.size[0]):
            if not low < k < high and (track.points[k, 0] - x) ** 2 + (track.points[k, 1] - y) ** 2 < _NEAR_M**2:
                if count == pick:
                    return k
                count += 1
        if count == 0:
            return -1
    return -1


@compiled
def _linked(links: _Links, track: Track, ground: Ground, machine: Machine, draw: Floats) -> bool:
    """Draws both curves, with what lies before and behind them; False when one cannot be driven."""
    cuts = links.cuts
    room = len(track.points) - track.size[0] + cuts[2] - cuts[1] + cuts[6] - cuts[5]
    for k, (low, first, last, high) in enumerate(
        ((cuts[0], cuts[1], cuts[5], cuts[4]), (cuts[3], cuts[2], cuts[6], cuts[7]))
    ):
        points, tags = links.points[k], links.tags[k]
        step, ahead = (1, -1) if k == 0 else (-1, 1)
        begin, behind = abs(first - low), abs(high - last)
        if begin + behind + 20 > _MOST_POINTS:
            return False
        for i in range(begin + 1):
            points[i] = track.points[low + step * i]
            tags[i] = track.tags[low + step * i - (step < 0)]
        a, b = track.points[first], track.points[last]
        yaw_a = _yaw(track.points[first - step], a)
        yaw_b = _yaw(b, track.points[last + ahead])
        out = points[begin + 1 : _MOST_POINTS - behind - 2]
        count = _curve(out, a, yaw_a, b, yaw_b, machine, draw[6], draw[7 + k], draw[9])
        room -= count
        if count < 0 or room < 0:
            return False
        end = begin + count + 1
        for i in range(behind + 1):
            points[end + i] = track.points[last + ahead * i]
            tags[end + i] = track.tags[last + ahead * i - (ahead < 0)]
        if not is_open(points, begin, end, ground.fine_m, ground.side_m, ground.keep_m):
            return False
        tag = tags[begin - 1] if track.on[tags[begin - 1]] else tags[end]
        if track.on[tag] and not asked(points, begin, end, ground):
            return False
        tags[begin:end] = tag
        links.ends[k, 0], links.ends[k, 1], links.ends[k, 2] = begin, end, end + behind + 1
        if path_strays(ground.directions, points, begin, end, PATH_SIN):
            return False
    return True


@compiled
def _yaw(a: Floats, b: Floats) -> float:
    return math.atan2(b[1] - a[1], b[0] - a[0])


@compiled
def _curve(
    out: Floats, a: Floats, yaw_a: float, b: Floats, yaw_b: float, machine: Machine, kind: float, one: float,
    other: float,
) -> int:  # fmt: skip
    if kind < 0.2:
        return straight(out, a, b)
    if kind < 0.7:
        return rounded(out, a, yaw_a, b, yaw_b, machine.pace, one, other)
    apart = math.hypot(b[0] - a[0], b[1] - a[1])
    return hermite(out, a, yaw_a, b, yaw_b, apart * (0.2 + 1.6 * one), apart * (0.2 + 1.6 * other))


@compiled
def _saved_s(links: _Links, track: Track, machine: Machine) -> float:
    saved_s = 0.0
    for k in range(2):
        saved_s += span_s(track.points, links.cuts[4 * k], links.cuts[4 * k + 3], machine.pace)
        saved_s -= span_s(links.points[k], 0, links.ends[k, 2] - 1, machine.pace)
    return saved_s


@compiled
def _worth(
    links: _Links, track: Track, sweeps: Sweeps, machine: Machine, side_m: float, worth_s: float, price_s: float
) -> bool:
    """Takes the sweeps of the new curves for those of the old stretches if their seconds are worth what they leave."""
    bare = _swapped(sweeps.full, links, track, machine.head, side_m, 1)
    unsure = bare
    if machine.overlaps:
        unsure = _swapped(sweeps.sure, links, track, machine.sure, side_m, 1)
    if booked(sweeps, bare, unsure, worth_s, price_s):
        return True
    _swapped(sweeps.full, links, track, machine.head, side_m, -1)
    if machine.overlaps:
        _swapped(sweeps.sure, links, track, machine.sure, side_m, -1)
    return False


@compiled
def _swapped(count: Counts, links: _Links, track: Track, head: Floats, side_m: float, by: int) -> int:
    """Counts the new curves for the old stretches (`by` 1), or the old ones again; how many more cells are bare."""
    bare = 0
    for k in range(2):
        first, last = links.cuts[4 * k + 1], links.cuts[4 * k + 2]
        bare += swept(count, track.points, track.tags, track.on, first, last, head, side_m, -by)
    for k in range(2):
        bare += swept(
            count, links.points[k], links.tags[k], track.on, links.ends[k, 0], links.ends[k, 1], head, side_m, by
        )
    return bare


@compiled
def _turned(track: Track, links: _Links) -> None:
    """Puts both curves in their places, and what lies between them the other way round."""
    cuts, size = links.cuts, track.size[0]
    points, tags = track.points[:size].copy(), track.tags[:size].copy()
    at = cuts[1]
    for k in range(2):
        begin, end = links.ends[k, 0], links.ends[k, 1]
        track.points[at : at + end - begin] = links.points[k, begin:end]
        track.tags[at : at + end - begin] = links.tags[k, begin:end]
        at += end - begin
        if k == 0:
            for i in range(cuts[5], cuts[2], -1):
                track.points[at] = points[i]
                track.tags[at] = tags[i - 1]
                at += 1
    rest = size - cuts[6]
    track.points[at : at + rest] = points[cuts[6] :]
    track.tags[at : at + rest - 1] = tags[cuts[6] : size - 1]
    track.size[0] = at + rest
