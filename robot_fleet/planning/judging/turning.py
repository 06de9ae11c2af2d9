"""How tight a path turns while the head is on.

A path is a polyline, so a radius is that of the circle through a vertex and the path some way before and behind it. A
corner of more than 10 degrees at one vertex is a pivot: its radius is 0.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from robot_fleet.planning.judging.track import CORNER_RAD, JUMP_M, Bools, Floats, Track
from robot_fleet.planning.judging.verdict import Violation, ViolationKind

# A window of a third of the least radius on each side sees an arc of 40 degrees; a bend of 10 degrees at one vertex
# passes.
WINDOW = 0.35
SLACK = 0.03


def turning_violations(track: Track) -> Iterator[Violation]:
    """Turns with the head on that are tighter than the least radius, one for each stretch, and driving backwards."""
    least = track.profile.least_radius_m
    if not least or not len(track.yaw):
        return
    radius = _radii(track, least)
    for first, last in _stretches(radius < least * (1.0 - SLACK)):
        tightest = float(radius[first:last].min())
        k = first + int(radius[first:last].argmin())
        yield _violation(track, k, ViolationKind.RADIUS, tightest, f"the path turns tighter than {least:.2f} m")
    backwards = track.head_on & track.reverse
    for first, last in _stretches(backwards):
        metres = float(track.length_m[first:last].sum())
        yield _violation(track, first, ViolationKind.REVERSING, metres, "drives backwards with the head on")


def _radii(track: Track, least: float) -> Floats:
    """(m,) radius of the path at the start of each move; inf where the head is off before or after it."""
    radii = np.full(len(track.yaw), np.inf)
    for first, last in _stretches(_goes_on(track)):
        # The moves first - 1 .. last - 1 are joined with the head on: inner vertices are the starts of first .. last -
        # 1.
        points = np.concatenate((track.a[first - 1 : last], track.b[last - 1 : last]))
        way = np.concatenate(([0.0], np.cumsum(track.length_m[first - 1 : last])))
        for k in range(first, last):
            i = k - first + 1
            radii[k] = 0.0 if track.corner[k] else _radius(points, way, i, WINDOW * least)
    return radii


def _goes_on(track: Track) -> Bools:
    """(m,) whether the head is on before and after the start of a move, with no jump between."""
    on = track.head_on & (track.jump_m <= JUMP_M)
    on[1:] &= track.head_on[:-1]
    on[:1] = False
    return on


def _radius(points: Floats, way: Floats, i: int, window: float) -> float:
    before = _neighbour(points, way, i, -window)
    after = _neighbour(points, way, i, window)
    a, b = points[i] - before, after - points[i]
    chord = after - before
    doubled_area = abs(float(a[0] * b[1] - a[1] * b[0]))
    if np.arctan2(doubled_area, float(a @ b)) <= CORNER_RAD:
        return float("inf")
    return float(np.hypot(*a) * np.hypot(*b) * np.hypot(*chord)) / (2.0 * doubled_area)


def _neighbour(points: Floats, way: Floats, i: int, window: float) -> Floats:
    """The nearest vertex at least a window away, because vertices lie on the arc; where it is far, the path at a window."""
    goal = way[i] + window
    j = int(np.searchsorted(way, goal - 1e-9)) if window > 0 else int(np.searchsorted(way, goal + 1e-9)) - 1
    j = min(max(j, 0), len(way) - 1)
    if abs(way[j] - way[i]) <= 1.5 * abs(window):
        return np.asarray(points[j], dtype=np.float64)
    return np.array([np.interp(goal, way, points[:, 0]), np.interp(goal, way, points[:, 1])])


def _stretches(mask: Bools) -> Iterator[tuple[int, int]]:
    """The runs of True in a mask, as (first, one behind the last)."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], mask.astype(np.int8), [0])))).tolist()
    yield from zip(edges[::2], edges[1::2], strict=True)


def _violation(track: Track, k: int, kind: ViolationKind, amount: float, what: str) -> Violation:
    at = (float(track.a[k, 0]), float(track.a[k, 1]))
    return Violation(kind, amount, what, track.robot, track.leg_id(k), int(track.index[k]), at)
