"""Robots that meet: overlap over time, and how near any two robots come.

Two round robots in pieces of constant velocity are nearest at the least value of a quadratic, so their times of
overlap are exact. Polygons are looked at, where the discs around them meet, so often that no point moves more than 1
cm in between.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from robot_fleet.planning.judging.motion import FOREVER_S, Motion
from robot_fleet.planning.judging.track import Floats
from robot_fleet.planning.judging.verdict import Violation, ViolationKind

TOLERANCE_M = 0.01
STEP_M = 0.01
# Gaps between overlaps shorter than this are one meeting.
SAME_MEETING_S = 1.0
# Two polygons farther apart than this get the gap between their discs, which is never too large.
NEAR_M = 0.5


@dataclass(frozen=True, eq=False)
class _Together:
    """Two robots in the pieces of time in which both move evenly: poses at begin and end, rows of x, y, yaw."""

    begin_s: Floats
    end_s: Floats
    one: tuple[Floats, Floats]
    two: tuple[Floats, Floats]


def meetings(motions: Sequence[Motion]) -> tuple[list[Violation], float]:
    """Each meeting of two robots, and the least gap between any two in metres (nan for fewer than two robots)."""
    found: list[Violation] = []
    least = math.inf
    for one, two in itertools.combinations(motions, 2):
        together = _together(one, two)
        overlaps, gap = _discs(one, two, together) if _round(one, two) else _polygons(one, two, together)
        least = min(least, gap)
        found.extend(_violation(one, two, begin, end) for begin, end in _merged(overlaps))
    return found, least if len(motions) > 1 else math.nan


def _round(one: Motion, two: Motion) -> bool:
    return one.profile.footprint.is_disc and two.profile.footprint.is_disc


def _together(one: Motion, two: Motion) -> _Together:
    times = np.unique(np.concatenate((one.t, two.t)))
    begin, end = times[:-1], times[1:]
    end = np.where(end >= FOREVER_S, begin + 1.0, end)
    poses = []
    for motion in (one, two):
        piece = np.clip(np.searchsorted(motion.t, begin, side="right") - 1, 0, len(motion.first) - 1)
        poses.append((motion.at(piece, begin), motion.at(piece, end)))
    return _Together(begin, end, poses[0], poses[1])


def _discs(one: Motion, two: Motion, together: _Together) -> tuple[list[tuple[float, float]], float]:
    """Overlaps (begin, end) in seconds and the least gap."""
    touch = one.profile.footprint.circumscribed_m + two.profile.footprint.circumscribed_m
    apart, change = _between(together)
    nearest = np.hypot(*_at_nearest(apart, change).T)
    share = _shares_within(apart, change, touch - TOLERANCE_M)
    span = together.end_s - together.begin_s
    hits = np.flatnonzero(share[:, 1] > share[:, 0])
    overlaps = [
        (float(together.begin_s[k] + share[k, 0] * span[k]), float(together.begin_s[k] + share[k, 1] * span[k]))
        for k in hits
    ]
    return overlaps, float(nearest.min()) - touch


def _between(together: _Together) -> tuple[Floats, Floats]:
    """(n, 2) from the one to the two at the begin, and how it changes until the end."""
    apart = together.two[0][:, :2] - together.one[0][:, :2]
    return apart, together.two[1][:, :2] - together.one[1][:, :2] - apart


def _at_nearest(apart: Floats, change: Floats) -> Floats:
    squared = (change**2).sum(axis=1)
    share = np.clip(-(apart * change).sum(axis=1) / np.where(squared > 0, squared, 1.0), 0.0, 1.0)
    nearest: Floats = apart + share[:, None] * change
    return nearest


def _shares_within(apart: Floats, change: Floats, distance: float) -> Floats:
    """(n, 2) the shares of each piece between which the distance is smaller; equal where it never is."""
    a = (change**2).sum(axis=1)
    b = (apart * change).sum(axis=1)
    c = (apart**2).sum(axis=1) - distance**2
    still = a < 1e-15
    root = np.sqrt(np.maximum(b**2 - a * c, 0.0))
    safe = np.where(still, 1.0, a)
    low, high = np.clip((-b - root) / safe, 0.0, 1.0), np.clip((-b + root) / safe, 0.0, 1.0)
    low, high = np.where(still, 0.0, low), np.where(still, np.where(c < 0, 1.0, 0.0), high)
    never = ~still & (b**2 - a * c <= 0)
    return np.column_stack((np.where(never, 0.0, low), np.where(never, 0.0, high)))


def _polygons(one: Motion, two: Motion, together: _Together) -> tuple[list[tuple[float, float]], float]:
    """As `_discs`, sampled where it matters."""
    reach = [motion.profile.footprint.circumscribed_m for motion in (one, two)]
    gap = np.hypot(*_at_nearest(*_between(together)).T) - sum(reach)
    far = gap >= NEAR_M
    least = float(gap[far].min()) if far.any() else math.inf
    overlaps: list[tuple[float, float]] = []
    for k in np.flatnonzero(~far):
        begin, end = float(together.begin_s[k]), float(together.end_s[k])
        shares = _samples(together, int(k), reach)
        bodies = [_bodies(m, p[0][k], p[1][k], shares) for m, p in ((one, together.one), (two, together.two))]
        least = min(least, float(_gaps(one, two, bodies).min()))
        step = (end - begin) / len(shares)
        hits = shapely.intersects(*(shapely.buffer(body, -TOLERANCE_M / 2) for body in bodies))
        overlaps.extend((begin + i * step, begin + (i + 1) * step) for i in np.flatnonzero(hits))
    return overlaps, least


def _gaps(one: Motion, two: Motion, bodies: list[NDArray[np.object_]]) -> Floats:
    gaps: Floats = np.asarray(shapely.distance(bodies[0], bodies[1]), dtype=np.float64)
    return gaps


def _samples(together: _Together, k: int, reach: list[float]) -> Floats:
    """Shares at the middles of steps in which no point of either robot moves more than 1 cm."""
    moved = 0.0
    for (first, last), radius in zip((together.one, together.two), reach, strict=True):
        step = last[k] - first[k]
        moved = max(moved, math.hypot(step[0], step[1]) + abs(float(step[2])) * radius)
    count = max(1, math.ceil(moved / STEP_M))
    return (np.arange(count) + 0.5) / count


def _bodies(motion: Motion, first: Floats, last: Floats, shares: Floats) -> NDArray[np.object_]:
    footprint = motion.profile.footprint
    poses = first + shares[:, None] * (last - first)
    if footprint.radius_m is not None:
        return np.asarray(shapely.buffer(shapely.points(poses[:, :2]), footprint.radius_m, quad_segs=32), dtype=object)
    cos, sin = np.cos(poses[:, 2])[:, None], np.sin(poses[:, 2])[:, None]
    x, y = footprint.corners().T
    rings = np.stack((poses[:, :1] + cos * x - sin * y, poses[:, 1:2] + sin * x + cos * y), axis=2)
    return np.asarray(shapely.polygons(rings), dtype=object)


def _merged(overlaps: list[tuple[float, float]]) -> list[tuple[float, float]]:
    merged: list[tuple[float, float]] = []
    for begin, end in sorted(overlaps):
        if merged and begin - merged[-1][1] < SAME_MEETING_S:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((begin, end))
    return merged


def _violation(one: Motion, two: Motion, begin: float, end: float) -> Violation:
    middle = np.array([(begin + end) / 2.0])
    piece = np.clip(np.searchsorted(one.t, middle, side="right") - 1, 0, len(one.first) - 1)
    x, y, _ = one.at(piece, middle)[0]
    return Violation(
        ViolationKind.CONFLICT,
        end - begin,
        f"the robots overlap from {begin:.2f} s to {end:.2f} s",
        one.robot,
        at=(float(x), float(y)),
        other=two.robot,
    )
