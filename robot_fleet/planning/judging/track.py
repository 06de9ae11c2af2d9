"""A robot's path taken apart into straight moves, with the turns, pauses and jumps between them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from robot_fleet.floor.pose import Pose
from robot_fleet.floor.profile import RobotProfile
from robot_fleet.planning.plan import CoveragePath, Leg

CORNER_RAD = math.radians(10.0)
JUMP_M = 0.01
STILL_M = 1e-4

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Track:
    """The m moves of one robot, in order. Move k goes straight from a[k] to b[k] (map frame, metres) facing yaw[k].

    The robot came to a[k] at since_s[k], says that it is still there at start_s[k], and comes to b[k] at end_s[k].
    turn[k] is the change of yaw at a[k], in (-pi, pi]; jump_m[k] is how far a[k] lies from where the robot was. leg[k]
    and index[k] name the leg and its vertex at a[k]; vertex[k] counts the vertices of all legs. gap_m is how far the
    last point lies from b[-1].
    """

    robot: str
    profile: RobotProfile
    start: Pose
    start_s: Floats
    since_s: Floats
    end_s: Floats
    a: Floats
    b: Floats
    yaw: Floats
    turn: Floats
    jump_m: Floats
    head_jump: Bools
    reverse: Bools
    leg: Ints
    index: Ints
    vertex: Ints
    legs: tuple[Leg, ...]
    first_s: float
    last_s: float
    vertices: int
    gap_m: float

    @property
    def length_m(self) -> Floats:
        """(m,) metres of each move."""
        return distances(self.a, self.b)

    @property
    def corner(self) -> Bools:
        """(m,) whether the robot pivots at a[k] before move k: it turns by more than 10 degrees at one vertex."""
        return np.abs(self.turn) > CORNER_RAD

    @property
    def at_rest(self) -> Bools:
        """(m,) whether the robot cannot pass a[k] without stopping: the first move, a corner, a cusp, a jump."""
        rest = self.corner | (self.jump_m > JUMP_M)
        rest[1:] |= self.reverse[1:] != self.reverse[:-1]
        rest[:1] = True
        return rest

    @property
    def end(self) -> Pose:
        """Where the robot stands when all is done."""
        if not len(self.yaw):
            return self.start
        return Pose(float(self.b[-1, 0]), float(self.b[-1, 1]), float(self.yaw[-1]))

    def leg_id(self, move: int) -> str:
        """The id of the leg that move belongs to."""
        return self.legs[int(self.leg[move])].leg_id


def track_of(path: CoveragePath, profile: RobotProfile, start: Pose | None = None) -> Track:
    """The moves of a path; without `start` the robot stands at its first point and faces along its first move."""
    legs = path.legs
    points = np.concatenate([leg.points for leg in legs]) if legs else np.zeros((0, 2))
    times = np.concatenate([leg.times_s for leg in legs]) if legs else np.zeros(0)
    leg = np.repeat(np.arange(len(legs)), [len(leg.points) for leg in legs])
    index = np.concatenate([np.arange(len(leg.points)) for leg in legs]) if legs else np.zeros(0, dtype=np.int64)
    reverse = np.array([leg.reverse for leg in legs], dtype=bool)
    head = np.array([leg.head_on for leg in legs], dtype=bool)
    step = np.diff(points, axis=0)
    length = distances(points[1:], points[:-1])
    same = leg[1:] == leg[:-1]
    link = np.flatnonzero(same & (length > STILL_M))
    arrived = _arrivals(same, length)
    yaw = np.arctan2(step[link, 1], step[link, 0]) + math.pi * reverse[leg[link]]
    stand = start or _standing(points, yaw)
    jumps = _jumps(points, link, stand)
    before = np.concatenate((leg[link][:1], leg[link][:-1]))
    return Track(
        robot=path.robot, profile=profile, start=stand,
        start_s=times[link], since_s=times[arrived[link]], end_s=times[link + 1],
        a=points[link], b=points[link + 1], yaw=yaw, turn=wrapped(np.diff(yaw, prepend=stand.yaw_rad)), jump_m=jumps,
        head_jump=head[leg[link]] & head[before] & (jumps > JUMP_M),
        reverse=reverse[leg[link]],
        leg=leg[link], index=index[link], vertex=link, legs=legs,
        first_s=float(times[0]) if len(times) else 0.0, last_s=float(times[-1]) if len(times) else 0.0,
        vertices=len(points), gap_m=_gap_m(points, link, stand),
    )  # fmt: skip


def _arrivals(same: Bools, length: Floats) -> Ints:
    """For each vertex the first of the vertices at the same place that lead up to it."""
    moved = np.concatenate(([True], length > np.where(same, STILL_M, JUMP_M)))
    return np.maximum.accumulate(np.where(moved, np.arange(len(moved)), 0))


def _standing(points: Floats, yaw: Floats) -> Pose:
    if not len(points):
        return Pose(0.0, 0.0)
    return Pose(float(points[0, 0]), float(points[0, 1]), float(yaw[0]) if len(yaw) else 0.0)


def _gap_m(points: Floats, link: Ints, stand: Pose) -> float:
    """How far the last point lies from where the moves end: steps too short to be moves must not lead anywhere."""
    if not len(points):
        return 0.0
    end = points[link[-1] + 1] if len(link) else np.array((stand.x_m, stand.y_m))
    return float(np.hypot(*(points[-1] - end)))


def _jumps(points: Floats, link: Ints, stand: Pose) -> Floats:
    """How far each move starts from the end of the one before, the first one from where the robot stands."""
    ends = np.concatenate(([[stand.x_m, stand.y_m]], points[link[:-1] + 1])) if len(link) else np.zeros((0, 2))
    return distances(points[link], ends)


def distances(a: Floats, b: Floats) -> Floats:
    """(n,) metres from each of (n, 2) points to the one of the same row."""
    apart: Floats = np.hypot(a[:, 0] - b[:, 0], a[:, 1] - b[:, 1])
    return apart


def wrapped(angles: Floats) -> Floats:
    """The same angles in [-pi, pi]."""
    near: Floats = angles - math.tau * np.round(angles / math.tau)
    return near
