"""The time that a path takes by the definition of the project.

Between vertices max(length / speed, turning / yaw rate); at a corner of more than 10 degrees a pivot of angle / yaw
rate more. With accelerations the profiles are trapezoids, and the robot stops at corners. The turn at a vertex that is
no corner belongs in equal parts to the moves on both sides. The speeds at the vertices come from one pass forwards and
one backwards over v^2, as in Bobrow, Dubowsky, Gibson, "Time-optimal control of robotic manipulators along specified
paths", 1985.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from robot_fleet.floor.pose import Pose
from robot_fleet.floor.profile import RobotProfile
from robot_fleet.planning.judging.track import Bools, Floats, Track, track_of
from robot_fleet.planning.plan import CoveragePath, Leg


def pivot_s(angle_rad: float, profile: RobotProfile) -> float:
    """Seconds to turn on the spot by an angle, from rest to rest."""
    return _rest_to_rest_s(abs(angle_rad), profile.yaw_rate_rps, profile.yaw_acceleration_rps2)


def _rest_to_rest_s(distance: float, speed: float, acceleration: float | None) -> float:
    if acceleration is None:
        return distance / speed
    if distance * acceleration <= speed**2:
        return 2.0 * math.sqrt(distance / acceleration)
    return distance / speed + speed / acceleration


def pivots_s(track: Track) -> Floats:
    """(m,) seconds of pivoting before each move; 0 where the robot does not turn by more than 10 degrees."""
    turns = np.where(track.corner, track.turn, 0.0)
    return np.array([pivot_s(turn, track.profile) for turn in turns], dtype=np.float64)


def drives_s(track: Track) -> Floats:
    """(m,) seconds of driving along each move, stopping where the robot must."""
    length = track.length_m
    cap = _caps(track, length)
    if track.profile.acceleration_mps2 is None:
        return length / cap
    speed = _vertex_speeds(length, cap, track.at_rest, track.profile.acceleration_mps2)
    return _trapezoids_s(length, cap, speed[:-1], speed[1:], track.profile.acceleration_mps2)


def _caps(track: Track, length: Floats) -> Floats:
    """(m,) highest speed along each move: what the yaw rate leaves where the path bends."""
    bend = np.where(track.at_rest, 0.0, np.abs(track.turn)) / 2.0
    turning = bend + np.append(bend[1:], 0.0)
    seconds = np.maximum(length / track.profile.speed_mps, turning / track.profile.yaw_rate_rps)
    caps: Floats = length / seconds
    return caps


def _vertex_speeds(length: Floats, cap: Floats, at_rest: Bools, acceleration: float) -> Floats:
    """(m + 1,) highest speeds at the ends of the moves that the acceleration allows."""
    count = len(length)
    squared = np.zeros(count + 1)
    for k in range(1, count):
        limit = 0.0 if at_rest[k] else min(cap[k - 1], cap[k]) ** 2
        squared[k] = min(limit, squared[k - 1] + 2.0 * acceleration * length[k - 1])
    for k in range(count - 1, 0, -1):
        squared[k] = min(squared[k], squared[k + 1] + 2.0 * acceleration * length[k])
    speeds: Floats = np.sqrt(squared)
    return speeds


def _trapezoids_s(length: Floats, cap: Floats, first: Floats, last: Floats, acceleration: float) -> Floats:
    """Seconds over each length from the first to the last speed, never faster than the cap."""
    top = np.minimum(cap, np.sqrt(acceleration * length + (first**2 + last**2) / 2.0))
    ramps = (2.0 * top**2 - first**2 - last**2) / (2.0 * acceleration)
    seconds: Floats = (2.0 * top - first - last) / acceleration + (length - ramps) / top
    return seconds


def nominal_s(track: Track) -> float:
    """Seconds that the whole track takes without waiting; jumps take no time."""
    return float(pivots_s(track).sum() + drives_s(track).sum())


def with_nominal_times(robot: str, legs: Sequence[Leg], profile: RobotProfile, start: Pose | None) -> tuple[Leg, ...]:
    """The legs with the times of the definition, from 0 and without waiting; their own times are not looked at."""
    blank = [replace(leg, times_s=np.zeros(len(leg.points))) for leg in legs]
    track = track_of(CoveragePath(robot, tuple(blank)), profile, start)
    arrivals = np.zeros(track.vertices)
    arrivals[track.vertex + 1] = pivots_s(track) + drives_s(track)
    times = np.split(np.cumsum(arrivals), np.cumsum([len(leg.points) for leg in legs])[:-1])
    return tuple(replace(leg, times_s=at_s) for leg, at_s in zip(legs, times, strict=True))
