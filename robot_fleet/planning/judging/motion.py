"""Where each robot is at every moment, by the plan's times: pieces of constant velocity and constant yaw rate.

A robot that has not started stands at its start, one that is done stands where it ended, and between the times of a
plan it waits, pivots and drives as `departures_s` says. A move out of a stop or into one speeds up or brakes at the
robot's acceleration, in steps short enough that the place is right within a millimetre.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robot_fleet.floor.pose import Pose
from robot_fleet.floor.profile import RobotProfile
from robot_fleet.planning.judging.nominal import pivots_s
from robot_fleet.planning.judging.timing import departures_s
from robot_fleet.planning.judging.track import Bools, Floats, Track

RAMP_STEPS = 12
FOREVER_S = 1e9


@dataclass(frozen=True, eq=False)
class Motion:
    """One robot over time: piece k lasts from t[k] to t[k + 1] and leads from first[k] to last[k], rows of x, y, yaw.

    t[0] is 0 or earlier and the last piece never ends.
    """

    robot: str
    profile: RobotProfile
    t: Floats
    first: Floats
    last: Floats

    def at(self, piece: NDArray[np.integer[Any]], when_s: Floats) -> Floats:
        """(n, 3) x, y and yaw at times within the given pieces."""
        span = self.t[piece + 1] - self.t[piece]
        share = np.clip((when_s - self.t[piece]) / np.where(span > 0, span, 1.0), 0.0, 1.0)[:, None]
        poses: Floats = self.first[piece] + share * (self.last[piece] - self.first[piece])
        return poses


def standing(robot: str, profile: RobotProfile, pose: Pose) -> Motion:
    """A robot that never moves."""
    row = np.array([[pose.x_m, pose.y_m, pose.yaw_rad]])
    return Motion(robot, profile, np.array([0.0, FOREVER_S]), row, row)


def motion_of(track: Track) -> Motion:
    """The motion that the times of a track say."""
    if not len(track.yaw):
        return standing(track.robot, track.profile, track.start)
    pieces = _Pieces(track.start)
    pivots, begins = pivots_s(track), departures_s(track)
    ramps = _ramps(track, begins, stops_of(track, begins))
    for k in range(len(track.yaw)):
        pieces.stand_until(float(track.since_s[k]))
        pieces.turn_to(float(track.yaw[k]), float(track.turn[k]), float(pivots[k]))
        pieces.put(float(track.a[k, 0]), float(track.a[k, 1]))
        pieces.stand_until(float(begins[k]))
        pieces.drive(track.b[k], float(track.end_s[k]), ramps[k])
    pieces.stand_until(FOREVER_S)
    return pieces.motion(track)


def stops_of(track: Track, begins: Floats) -> Bools:
    """(m,) whether the robot stands still where each move begins."""
    stops: Bools = track.at_rest | (begins > track.since_s + 1e-3)
    return stops


def way_shares(track: Track, k: int, begins: Floats, stops: Bools, when_s: Sequence[float]) -> list[float]:
    """The shares of the way of move k that the robot has driven at times during it."""
    seconds, length = float(track.end_s[k] - begins[k]), math.dist(track.a[k], track.b[k])
    last = bool(stops[k + 1]) if k + 1 < len(stops) else True
    shares = _shares(track.profile.acceleration_mps2, seconds, length, bool(stops[k]), last)
    passed = (np.asarray(when_s) - begins[k]) / seconds
    found: list[float] = np.interp(passed, *np.vstack(((0.0, 0.0), shares)).T).tolist()
    return found


def _ramps(track: Track, begins: Floats, stops: Bools) -> list[Floats]:
    """For each move the shares of time and of way, (n, 2), that the robot passes one after the other."""
    limit, ends = track.profile.acceleration_mps2, np.append(stops[1:], True)
    moves = zip((track.end_s - begins).tolist(), track.length_m.tolist(), stops, ends, strict=True)
    return [_shares(limit, seconds, length, bool(first), bool(last)) for seconds, length, first, last in moves]


def _shares(limit: float | None, seconds: float, length: float, first: bool, last: bool) -> Floats:
    if limit is None or seconds <= 0 or not (first or last):
        return np.array([[1.0, 1.0]])
    return _ramp(seconds, length, limit, first, last)


def _ramp(seconds: float, length: float, limit: float, first: bool, last: bool) -> Floats:
    """Speeding up from rest and / or braking to rest, with constant speed between, so that the time comes out."""
    count = first + last
    inside = (limit * seconds) ** 2 - 2.0 * count * limit * length
    if inside < 0:
        return np.array([[1.0, 1.0]])
    speed = (limit * seconds - math.sqrt(inside)) / count
    ramp_s, ramp_m = speed / limit, speed**2 / (2.0 * limit)
    steps = np.linspace(0.0, 1.0, RAMP_STEPS + 1)
    up = np.column_stack((steps * ramp_s, steps**2 * ramp_m))[1:] if first else np.zeros((0, 2))
    down = np.column_stack((seconds - steps * ramp_s, length - steps**2 * ramp_m))[::-1] if last else np.zeros((0, 2))
    way = np.concatenate((up, down, [[seconds, length]]))
    shares: Floats = way / (seconds, length)
    return shares


class _Pieces:
    """Grows a motion piece by piece from a pose at time 0."""

    def __init__(self, start: Pose) -> None:
        self.now_s = 0.0
        self.pose = (start.x_m, start.y_m, start.yaw_rad)
        self.t: list[float] = [0.0]
        self.first: list[tuple[float, float, float]] = []
        self.last: list[tuple[float, float, float]] = []

    def stand_until(self, when_s: float) -> None:
        self._go(when_s, self.pose)

    def put(self, x: float, y: float) -> None:
        """Moves in no time: over a jump, or the millimetres between two legs."""
        self.pose = (x, y, self.pose[2])

    def turn_to(self, yaw: float, turn: float, seconds: float) -> None:
        self.pose = (self.pose[0], self.pose[1], yaw - turn)
        self._go(self.now_s + seconds, (self.pose[0], self.pose[1], yaw))
        self.pose = (self.pose[0], self.pose[1], yaw)

    def drive(self, goal: Floats, end_s: float, shares: Floats) -> None:
        x, y, yaw = self.pose
        since_s = self.now_s
        for time_share, way_share in shares:
            at = (x + way_share * (goal[0] - x), y + way_share * (goal[1] - y), yaw)
            self._go(since_s + time_share * (end_s - since_s), at)
        self.pose = (float(goal[0]), float(goal[1]), yaw)

    def _go(self, when_s: float, pose: tuple[float, float, float]) -> None:
        if when_s > self.now_s:
            self.t.append(when_s)
            self.first.append(self.pose)
            self.last.append(pose)
            self.now_s, self.pose = when_s, pose

    def motion(self, track: Track) -> Motion:
        return Motion(track.robot, track.profile, np.array(self.t), np.array(self.first), np.array(self.last))
