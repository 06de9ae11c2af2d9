"""Seconds along part of a polyline, and whether it can be driven: what `timing` and `terrain` say, in compiled loops.

`pace` is an array of the robot's speed (m/s), yaw rate (rad/s), acceleration and yaw acceleration (0: no limit).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from robot_fleet.floor.profile import RobotProfile
from robot_fleet.planning.compiled import compiled
from robot_fleet.planning.terrain import Floats, line_open
from robot_fleet.planning.timing import CORNER_RAD

Distances = NDArray[np.float32]

# A shorter move has no direction.
_STILL_M = 1e-6


def pace_of(profile: RobotProfile) -> Floats:
    """The limits of a profile for the functions here."""
    return np.array([
        profile.speed_mps, profile.yaw_rate_rps, profile.acceleration_mps2 or 0.0, profile.yaw_acceleration_rps2 or 0.0
    ])  # fmt: skip


@compiled
def span_s(points: Floats, first: int, last: int, pace: Floats) -> float:
    """Seconds from points[first] to points[last] as part of a longer way: passed at speed, unless the way turns there."""
    count = last - first
    top, stop = np.empty(count), np.zeros(count + 1)
    seconds, before = 0.0, 0.0
    for k in range(count):
        a, b = points[first + k], points[first + k + 1]
        length = math.hypot(b[0] - a[0], b[1] - a[1])
        turn = turning(points, first + k) if k > 0 else 0.0
        if turn > CORNER_RAD:
            seconds += turned_s(turn, pace)
            stop[k], turn = 1.0, 0.0
        if k > 0:
            top[k - 1] = _top(top[k - 1], before + turn, pace)
        top[k], before = length, turn
    top[count - 1] = _top(top[count - 1], before, pace)
    if pace[2] == 0.0:
        for k in range(count):
            a, b = points[first + k], points[first + k + 1]
            seconds += math.hypot(b[0] - a[0], b[1] - a[1]) / max(top[k], 1e-9)
        return seconds
    return seconds + _ramped_s(points, first, top, stop, pace[2])


@compiled
def turned_s(angle: float, pace: Floats) -> float:
    """Seconds to turn on the spot."""
    rate, limit = pace[1], pace[3]
    if limit == 0.0:
        return float(angle / rate)
    return 2.0 * math.sqrt(angle / limit) if angle * limit <= rate * rate else float(angle / rate + rate / limit)


@compiled
def _top(length: float, bends: float, pace: Floats) -> float:
    """The highest speed over a length with bends at its ends, each of which is half this move's."""
    return float(length / max(length / pace[0], bends / 2.0 / pace[1], 1e-9))


@compiled
def _ramped_s(points: Floats, first: int, top: Floats, stop: Floats, limit: float) -> float:
    count = len(top)
    squared, length = np.empty(count + 1), np.empty(count)
    squared[0], squared[count] = top[0] ** 2, top[count - 1] ** 2
    for k in range(count):
        a, b = points[first + k], points[first + k + 1]
        length[k] = math.hypot(b[0] - a[0], b[1] - a[1])
        if k > 0:
            squared[k] = 0.0 if stop[k] > 0.0 else min(top[k - 1], top[k]) ** 2
            squared[k] = min(squared[k], squared[k - 1] + 2.0 * limit * length[k - 1])
    squared[count] = min(squared[count], squared[count - 1] + 2.0 * limit * length[count - 1])
    seconds = 0.0
    for k in range(count - 1, -1, -1):
        squared[k] = min(squared[k], squared[k + 1] + 2.0 * limit * length[k])
        before, after = math.sqrt(squared[k]), math.sqrt(squared[k + 1])
        peak = max(1e-9, min(top[k], math.sqrt(limit * length[k] + (squared[k] + squared[k + 1]) / 2.0)))
        ramps = (2.0 * peak**2 - squared[k] - squared[k + 1]) / (2.0 * limit)
        seconds += (2.0 * peak - before - after) / limit + (length[k] - ramps) / peak
    return seconds


@compiled
def turning(points: Floats, k: int) -> float:
    """By how much the way turns at an inner vertex, radians."""
    px, py = points[k, 0] - points[k - 1, 0], points[k, 1] - points[k - 1, 1]
    qx, qy = points[k + 1, 0] - points[k, 0], points[k + 1, 1] - points[k, 1]
    return abs(math.atan2(px * qy - py * qx, px * qx + py * qy))


@compiled
def is_open(points: Floats, first: int, last: int, fine_m: Distances, side_m: float, keep_m: float) -> bool:
    """Whether a centre that keeps `keep_m` can be driven from points[first] to points[last], and moves with every point."""
    for k in range(first, last):
        if abs(points[k + 1, 0] - points[k, 0]) + abs(points[k + 1, 1] - points[k, 1]) < _STILL_M:
            return False
        if not line_open(fine_m, side_m, keep_m, points[k, 0], points[k, 1], points[k + 1, 0], points[k + 1, 1]):
            return False
    return True
