"""A path tracker for a robot on two wheels: regulated pure pursuit. It reads where the robot is and says how to drive.

As in Nav2's controller of that name, the robot steers for a point of the path a little ahead of it, slows down in bends and before
the end, and turns on the spot at corners: it drives up to each corner, so that it sweeps no other floor than the path's.
(R. C. Coulter, "Implementation of the Pure Pursuit Path Tracking Algorithm", 1992.)
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from robot_fleet.floor.pose import Pose, wrap_angle
from robot_fleet.floor.profile import RobotProfile
from robot_fleet.sim.course import ACCELERATION_MPS2, YAW_ACCELERATION_RPS2, Course, courses
from robot_fleet.sim.rail import PIVOT_ABOVE_RAD
from robot_fleet.sim.trajectory import Limits

# Short: who looks past a tight bend cuts it, and comes out of it wide.
_LEAST_AHEAD_M, _AHEAD_S = 0.15, 0.6
_THERE_M, _CREEP_MPS = 0.01, 0.02
_FACING_RAD, _YAW_GAIN = 0.015, 3.0
# Odometry is some hundredths of a second old, and wheels take a moment: braking for turns begins a little early.
_LATE_S = 0.1
# Where the robot is asked for more seldom than that it slows down; who was late once is taken for late for some seconds.
_SELDOM_S, _REMEMBERED_S = 0.2, 5.0
_WINDOW_M = 1.0
_JUMP_M = 1.0
_STUCK_S, _STUCK_M, _STUCK_RAD = 8.0, 0.02, 0.02


class Steering(NamedTuple):
    """What the wheels are to do: metres per second ahead (negative: back), radians per second to the left."""

    speed_mps: float
    yaw_rate_rps: float


STANDING = Steering(0.0, 0.0)


class Tracker:
    """Follows one path after the other; `steer` is to be asked at an even rate, some 20 times a second.

    Where it is asked more seldom, because the machine is busy, the robot drives more slowly and brakes earlier.
    """

    def __init__(self, profile: RobotProfile) -> None:
        self._limits = Limits.of(profile)
        self._acceleration = profile.acceleration_mps2 or ACCELERATION_MPS2
        self._yaw_acceleration = profile.yaw_acceleration_rps2 or YAW_ACCELERATION_RPS2
        self._courses: list[Course] = []
        self._along_m = 0.0
        self._reverse = self._pivots = self._brakes = False
        self._pending: tuple[NDArray[np.float64], bool] | None = None
        self._given = STANDING
        self._pose: Pose | None = None
        self._gap_s = 0.0
        self._progress = (0.0, 0.0, 0.0)
        self._since_progress_s = 0.0

    @property
    def at_rest(self) -> bool:
        """Whether the robot has nothing to follow and was last told to stand."""
        return not self._courses and self._pending is None and self._given == STANDING

    @property
    def given(self) -> Steering:
        """The last steering."""
        return self._given

    @property
    def left_m(self) -> float:
        """Metres of the path that are still to be driven."""
        return max(0.0, sum(course.length_m for course in self._courses) - self._along_m)

    def follow(self, pose: Pose, points: NDArray[np.float64], reverse: bool = False) -> None:
        """Takes up a path (n, 2), map frame; without a stop where speed and heading allow it."""
        found = courses(pose, points, self._limits)
        moving = self._given.speed_mps != 0.0
        if moving and (
            not found or reverse != self._reverse or abs(_off(pose, found[0], 0.0, reverse)) > PIVOT_ABOVE_RAD
        ):
            self.brake()
            self._pending = (points, reverse)
        else:
            self._begin(pose, found, reverse)

    def brake(self) -> None:
        """Stops along the path as quickly as the limits allow, and gives the path up."""
        self._pending = None
        self._brakes = bool(self._courses)

    def halt(self) -> None:
        """Stops on the spot."""
        self._courses, self._pending, self._brakes, self._given = [], None, False, STANDING

    def steer(self, pose: Pose, dt_s: float) -> Steering:
        """What the wheels are to do for the next `dt_s` seconds, with the robot at `pose` (map frame)."""
        if self._pose is not None and pose.distance_m(self._pose) > _JUMP_M:
            self.halt()
        self._pose = pose
        self._gap_s = max(dt_s, self._gap_s * math.exp(-dt_s / _REMEMBERED_S))
        if self._courses:
            self._given = self._steered(pose, dt_s)
            self._look_for_progress(pose, dt_s)
        else:
            self._given = STANDING
        if not self._courses and self._pending is not None and self._given == STANDING:
            (points, reverse), self._pending = self._pending, None
            self._begin(pose, courses(pose, points, self._limits), reverse)
        return self._given

    def _begin(self, pose: Pose, found: list[Course], reverse: bool) -> None:
        self._courses, self._reverse, self._brakes, self._pending = found, reverse, False, None
        self._since_progress_s = 0.0
        self._enter(pose)

    def _enter(self, pose: Pose) -> None:
        """Begins the first of the stretches that are left: on the spot where the robot faces another way."""
        self._along_m = 0.0
        self._pivots = bool(self._courses) and abs(_off(pose, self._courses[0], 0.0, self._reverse)) > PIVOT_ABOVE_RAD

    def _steered(self, pose: Pose, dt_s: float) -> Steering:
        if self._brakes and (self._pivots or abs(self._given.speed_mps) <= max(_CREEP_MPS, self._acceleration * dt_s)):
            self._courses, self._brakes = [], False
            return STANDING
        if self._pivots:
            return self._pivot(pose, dt_s)
        course = self._courses[0]
        self._along_m = course.nearest_m(pose, self._along_m, _WINDOW_M)
        if course.length_m - self._along_m < _THERE_M:
            del self._courses[0]
            self._enter(pose)
            return STANDING
        return self._drive(pose, course, dt_s)

    def _pivot(self, pose: Pose, dt_s: float) -> Steering:
        off = _off(pose, self._courses[0], 0.0, self._reverse)
        if abs(off) < _FACING_RAD:
            self._pivots = False
            return STANDING
        late = max(0.0, abs(off) - self._late_s * abs(self._given.yaw_rate_rps))
        rate = min(self._limits.yaw_rate_rps, math.sqrt(2 * self._yaw_acceleration * late), _YAW_GAIN * abs(off))
        rate = min(rate, abs(self._given.yaw_rate_rps) + self._yaw_acceleration * dt_s)
        return Steering(0.0, math.copysign(max(rate, _YAW_GAIN * _FACING_RAD), off))

    def _drive(self, pose: Pose, course: Course, dt_s: float) -> Steering:
        before = abs(self._given.speed_mps)
        ahead_m = max(_LEAST_AHEAD_M, _AHEAD_S * before)
        bend = self._bend_to(pose, course.at(self._along_m + ahead_m))
        most = min(1.0, _SELDOM_S / self._late_s) * self._limits.speed_mps
        speed = min(course.speed_at(self._along_m + self._late_s * before), most, before + self._acceleration * dt_s)
        if self._brakes:
            speed = min(speed, before - self._acceleration * dt_s)
        speed = min(max(speed, _CREEP_MPS), 1.2 * self._limits.yaw_rate_rps / max(abs(bend), 1e-9))
        return Steering(-speed if self._reverse else speed, speed * bend)

    @property
    def _late_s(self) -> float:
        """For how long, at worst, the robot keeps to what it was told."""
        return max(_LATE_S, self._gap_s)

    def _bend_to(self, pose: Pose, target: tuple[float, float]) -> float:
        """Curvature (1/m) of the arc on which the robot, in the direction in which it drives, comes to the target."""
        facing = Pose(pose.x_m, pose.y_m, pose.yaw_rad + math.pi) if self._reverse else pose
        seen = facing.inverse() @ Pose(*target)
        return 2.0 * seen.y_m / max(seen.x_m**2 + seen.y_m**2, 1e-6)

    def _look_for_progress(self, pose: Pose, dt_s: float) -> None:
        """Gives up where the robot is told to drive and does not move."""
        x, y, yaw = self._progress
        moved = math.hypot(pose.x_m - x, pose.y_m - y) > _STUCK_M or abs(wrap_angle(pose.yaw_rad - yaw)) > _STUCK_RAD
        self._since_progress_s += dt_s
        if moved:
            self._progress, self._since_progress_s = (pose.x_m, pose.y_m, pose.yaw_rad), 0.0
        elif self._since_progress_s > _STUCK_S:
            self.halt()


def _off(pose: Pose, course: Course, along_m: float, reverse: bool) -> float:
    """By how much the robot must turn to drive along the course, radians."""
    return wrap_angle(course.heading_at(along_m) + (math.pi if reverse else 0.0) - pose.yaw_rad)
