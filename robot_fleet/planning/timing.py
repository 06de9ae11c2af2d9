"""When a robot passes each vertex of its legs.

Between vertices a move takes max(length / speed, turning / yaw rate), where the turn at a vertex belongs in equal parts
to the moves on both sides; at a corner of more than 10 degrees the robot stops and pivots. With accelerations speeds
follow trapezoids: one pass forwards and one backwards over the speeds at the vertices keeps the limits (Bobrow,
Dubowsky, Gibson, 1985).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from robot_fleet.floor.pose import Pose
from robot_fleet.floor.profile import RobotProfile
from robot_fleet.planning.compiled import compiled
from robot_fleet.planning.plan import Leg
from robot_fleet.planning.terrain import Bools, Floats

CORNER_RAD = math.radians(10.0)
_STILL_M = 1e-4
# Rounding of times must never make a move look too fast.
_SLOWER = 1.0005


def timed(
    legs: list[Leg], profile: RobotProfile, start: Pose, start_s: float = 0.0, halts: Iterable[tuple[int, int]] = ()
) -> list[Leg]:
    """The legs with their times, one after the other without waiting; their own times are not looked at.

    At the vertices of `halts` (leg, vertex) the robot comes to rest.
    """
    if not legs:
        return []
    points = np.concatenate([leg.points for leg in legs])
    backwards = np.concatenate([np.full(len(leg.points), leg.reverse) for leg in legs])
    cuts = np.cumsum([len(leg.points) for leg in legs])[:-1]
    begins = np.concatenate(([0], cuts))
    stopped = np.zeros(len(points), dtype=bool)
    stopped[[int(begins[number]) + vertex for number, vertex in halts]] = True
    times = start_s + _passing_s(points, backwards, profile, start.yaw_rad, stopped)
    return [replace(leg, times_s=part) for leg, part in zip(legs, np.split(times, cuts), strict=True)]


def path_s(points: Floats, profile: RobotProfile, yaw_rad: float | None = None) -> float:
    """Seconds to drive a polyline from rest to rest, from the heading `yaw_rad` (None: along the first move)."""
    if len(points) < 2:
        return 0.0
    step = points[1] - points[0]
    yaw = math.atan2(step[1], step[0]) if yaw_rad is None else yaw_rad
    return float(_passing_s(points, np.zeros(len(points), dtype=bool), profile, yaw)[-1])


def pivot_s(angle_rad: float, profile: RobotProfile) -> float:
    """Seconds to turn on the spot, from rest to rest."""
    rate, limit = profile.yaw_rate_rps, profile.yaw_acceleration_rps2
    if limit is None:
        return angle_rad / rate
    return 2.0 * math.sqrt(angle_rad / limit) if angle_rad * limit <= rate**2 else angle_rad / rate + rate / limit


def _passing_s(
    points: Floats, backwards: Bools, profile: RobotProfile, yaw_rad: float, stopped: Bools | None = None
) -> Floats:
    """(n,) seconds at which each vertex is reached; equal vertices in a row are one place."""
    step = np.diff(points, axis=0)
    length = np.hypot(step[:, 0], step[:, 1])
    moves = np.flatnonzero(length > _STILL_M)
    times = np.zeros(len(points))
    if not len(moves):
        return times
    yaw = np.arctan2(step[moves, 1], step[moves, 0]) + np.pi * backwards[moves]
    turn = np.abs(np.remainder(np.diff(yaw, prepend=yaw_rad) + np.pi, 2 * np.pi) - np.pi)
    stop = turn > CORNER_RAD
    stop[0] = True
    stop[1:] |= backwards[moves[1:]] != backwards[moves[:-1]]
    if stopped is not None:
        stop |= stopped[moves]
    pivots = np.zeros(len(turn))
    corners = np.flatnonzero(turn > CORNER_RAD)
    pivots[corners] = [pivot_s(angle, profile) for angle in turn[corners].tolist()]
    seconds = _drives_s(length[moves], np.where(stop, 0.0, turn), stop, profile)
    spent = np.zeros(len(points))
    spent[moves + 1] = (pivots + seconds) * _SLOWER
    return np.cumsum(spent)


def _drives_s(length: Floats, bend: Floats, stop: Bools, profile: RobotProfile) -> Floats:
    turning = (bend + np.append(bend[1:], 0.0)) / 2.0
    top = length / np.maximum(length / profile.speed_mps, turning / profile.yaw_rate_rps)
    if profile.acceleration_mps2 is None:
        return np.asarray(length / top)
    limit = profile.acceleration_mps2
    squared = _vertex_speeds(length, top, stop, limit)
    first, last = np.sqrt(squared[:-1]), np.sqrt(squared[1:])
    peak = np.minimum(top, np.sqrt(limit * length + (squared[:-1] + squared[1:]) / 2.0))
    ramps = (2.0 * peak**2 - squared[:-1] - squared[1:]) / (2.0 * limit)
    return np.asarray((2.0 * peak - first - last) / limit + (length - ramps) / peak)


@compiled
def _vertex_speeds(length: Floats, top: Floats, stop: Bools, limit: float) -> Floats:
    """(m + 1,) squares of the highest speeds at the ends of the moves."""
    count = len(length)
    squared = np.zeros(count + 1)
    for k in range(1, count):
        squared[k] = 0.0 if stop[k] else min(top[k - 1], top[k]) ** 2
        squared[k] = min(squared[k], squared[k - 1] + 2.0 * limit * length[k - 1])
    for k in range(count - 1, 0, -1):
        squared[k] = min(squared[k], squared[k + 1] + 2.0 * limit * length[k])
    return squared
