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
from robot_fleet.planning.plan import Leg, LegKind
from robot_fleet.planning.terrain import Bools, Floats

# A little less than where others see a corner, so that rounding turns no bend into one.
CORNER_RAD = math.radians(9.9)
_STILL_M = 1e-4
# Rounding of times must never make a move look too fast.
_SLOWER = 1.0005


def timed(
    legs: list[Leg], profile: RobotProfile, start: Pose, start_s: float = 0.0, halts: Iterable[tuple[int, int]] = ()
) -> list[Leg]:
    """The legs with their times, one after the other without waiting; their own times say only how long a service lasts.

    At the vertices of `halts` (leg, vertex), and for services, the robot comes to rest.
    """
    if not legs:
        return []
    stays = [(k, float(leg.times_s[-1] - leg.times_s[0])) for k, leg in enumerate(legs) if leg.kind is LegKind.SERVICE]
    halts = [*halts, *((number, 0) for number, _ in stays)]
    points = np.concatenate([leg.points for leg in legs])
    backwards = np.concatenate([np.full(len(leg.points), leg.reverse) for leg in legs])
    cuts = np.cumsum([len(leg.points) for leg in legs])[:-1]
    begins = np.concatenate(([0], cuts))
    stopped = np.zeros(len(points), dtype=bool)
    stopped[[int(begins[number]) + vertex for number, vertex in halts]] = True
    times = start_s + _passing_s(points, backwards, profile, start.yaw_rad, stopped)
    for number, seconds in stays:
        times[int(begins[number]) + 1 :] += seconds
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
    return float(turning_s(angle_rad, profile.yaw_rate_rps, profile.yaw_acceleration_rps2 or math.inf))


def _passing_s(
    points: Floats, backwards: Bools, profile: RobotProfile, yaw_rad: float, stopped: Bools | None = None
) -> Floats:
    """(n,) seconds at which each vertex is reached; equal vertices in a row are one place."""
    stopped = np.zeros(len(points), dtype=bool) if stopped is None else stopped
    limits = (profile.acceleration_mps2 or math.inf, profile.yaw_acceleration_rps2 or math.inf)
    rates = np.array([profile.speed_mps, profile.yaw_rate_rps, *limits])
    return np.asarray(
        passing(np.ascontiguousarray(points, dtype=np.float64), backwards, stopped, rates, float(yaw_rad))
    )


@compiled
def passing(points: Floats, backwards: Bools, stopped: Bools, rates: Floats, yaw_rad: float) -> Floats:
    """(n,) seconds at which each vertex is reached, with `rates` of speed, turning, and the limits of their changes."""
    speed, yaw_rate, limit, yaw_limit = rates[0], rates[1], rates[2], rates[3]
    moves = np.empty(len(points), dtype=np.int64)
    length, turn, stop = np.empty(len(points)), np.zeros(len(points) + 1), np.zeros(len(points), dtype=np.bool_)
    times, count, halts = np.zeros(len(points)), 0, False
    for k in range(len(points) - 1):
        # A leg's last vertex is the next one's first: the robot stops before the move that follows both.
        halts = halts or stopped[k]
        x, y = points[k + 1, 0] - points[k, 0], points[k + 1, 1] - points[k, 1]
        if math.hypot(x, y) <= _STILL_M:
            continue
        yaw = math.atan2(y, x) + math.pi * backwards[k]
        turn[count] = abs((yaw - yaw_rad + math.pi) % (2.0 * math.pi) - math.pi)
        turns_round = count > 0 and backwards[k] != backwards[moves[count - 1]]
        stop[count] = count == 0 or turn[count] > CORNER_RAD or turns_round or halts
        moves[count], length[count], yaw_rad, halts = k, math.hypot(x, y), yaw, False
        count += 1
    # A turn at which the robot does not stop belongs in equal parts to the moves on both sides.
    bend = np.where(stop[:count], 0.0, turn[:count])
    top = np.empty(count)
    for k in range(count):
        turning = (bend[k] + (bend[k + 1] if k + 1 < count else 0.0)) / 2.0
        top[k] = length[k] / max(length[k] / speed, turning / yaw_rate)
    squared = vertex_speeds(length[:count], top, stop, limit)
    spent, k = 0.0, 0
    for vertex in range(len(points)):
        times[vertex] = spent
        if k < count and moves[k] == vertex:
            pivot = turning_s(turn[k], yaw_rate, yaw_limit) if turn[k] > CORNER_RAD else 0.0
            spent += (pivot + driving_s(length[k], top[k], squared[k], squared[k + 1], limit)) * _SLOWER
            k += 1
    return times


@compiled
def turning_s(angle_rad: float, rate: float, limit: float) -> float:
    """Seconds to turn on the spot, from rest to rest."""
    return 2.0 * math.sqrt(angle_rad / limit) if angle_rad * limit <= rate**2 else angle_rad / rate + rate / limit


@compiled
def driving_s(length: float, top: float, first: float, last: float, limit: float) -> float:
    """Seconds for a move between two speeds, given as squares, not faster than `top`."""
    if limit == math.inf:
        return length / top
    peak = min(top, math.sqrt(limit * length + (first + last) / 2.0))
    ramps = (2.0 * peak**2 - first - last) / (2.0 * limit)
    return (2.0 * peak - math.sqrt(first) - math.sqrt(last)) / limit + (length - ramps) / peak


@compiled
def vertex_speeds(length: Floats, top: Floats, stop: Bools, limit: float) -> Floats:
    """(m + 1,) squares of the highest speeds at the ends of the moves."""
    count = len(length)
    squared = np.zeros(count + 1)
    for k in range(1, count):
        squared[k] = 0.0 if stop[k] else min(top[k - 1], top[k]) ** 2
        squared[k] = min(squared[k], squared[k - 1] + 2.0 * limit * length[k - 1])
    for k in range(count - 1, 0, -1):
        squared[k] = min(squared[k], squared[k + 1] + 2.0 * limit * length[k])
    return squared
