"""Straight passes for long robots: where the body fits on the line of a lane, driven the one way and the other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from shapely import LineString

from robot_fleet.floor.profile import Head, RobotProfile
from robot_fleet.planning.compiled import compiled
from robot_fleet.planning.directions import PATH_SIN, Directions, are_any, lines_stray
from robot_fleet.planning.steering.body import Body, fits
from robot_fleet.planning.sweeping import mark_all_swept
from robot_fleet.planning.terrain import Bools, Floats, Ints

# Lanes may be nearer to walls by this; one is taken for straight where it strays by no more than that; shorter pieces are left.
STRAY_M, _BENT_M, _SHORTEST_M = 0.03, 0.06, 0.6
# Where a body does not fit on a line, lines beside it are tried; a metre aside must gain so many metres along.
_ASIDE_M = (0.0, 0.025, -0.025, 0.05, -0.05, 0.075, -0.075, 0.1, -0.1, 0.15, -0.15)
_WORTH_M = 10.0
_STEP_M = 0.025


@dataclass(frozen=True, eq=False)
class Pass:
    """A straight lane with what the robot drives along it either way.

    `begin` and `end` (2,) are the ends of the floor that the head sweeps both ways; `poses` (2, 2, 3): where the turning centre
    sets out and arrives (x, y, yaw), from begin to end, and from end to begin.
    """

    begin: Floats
    end: Floats
    poses: Floats

    @property
    def swept(self) -> Floats:
        """(2, 2) the line that the head's middle passes over, whichever way the robot drives."""
        return np.array([self.begin, self.end])

    def entered(self, end: int) -> Floats:
        """(3,) the pose in which a robot enters at the end 0 or 1."""
        return np.asarray(self.poses[end, 0])

    def left(self, end: int) -> Floats:
        """(3,) the pose in which a robot leaves at the end 0 or 1."""
        return np.asarray(self.poses[1 - end, 1])

    @property
    def length_m(self) -> float:
        """Metres that the robot drives, of the longer way."""
        return float(np.hypot(*(self.poses[:, 1, :2] - self.poses[:, 0, :2]).T).max())


def passes_of(body: Body, profile: RobotProfile, lanes: Sequence[Floats]) -> list[Pass]:
    """The passes along lanes (n, 2) of the head's middle, each cut to where the body fits."""
    found: list[Pass] = []
    for lane in lanes:
        for a, b in straight_pieces(lane):
            found.extend(_fitted(body, profile.head, a, b))
    return found


def straight_pieces(lane: Floats) -> list[tuple[Floats, Floats]]:
    """The straight pieces of a polyline that are long enough to be driven."""
    corners = np.asarray(LineString(lane).simplify(_BENT_M).coords)
    return [(a, b) for a, b in pairwise(corners) if math.hypot(*(b - a)) >= _SHORTEST_M]


def _fitted(body: Body, head: Head, a: Floats, b: Floats) -> list[Pass]:
    """The passes on the line from a to b or, if more of it can be driven, a little beside it."""
    along = (b - a) / math.hypot(*(b - a))
    across = np.array([-along[1], along[0]])
    best, most = list[Pass](), 0.0
    for aside in _ASIDE_M:
        here = on_line(body, head, a + aside * across, b + aside * across)
        score = sum(math.hypot(*(one.end - one.begin)) for one in here) - abs(aside) * _WORTH_M
        if score > most + 1e-6:
            best, most = here, score
        if aside == 0.0 and most > 0.98 * math.hypot(*(b - a)):
            break
    return best


def on_line(body: Body, head: Head, a: Floats, b: Floats) -> list[Pass]:
    """The passes on the line from a to b, where the robot fits both ways."""
    length = math.hypot(*(b - a))
    along, yaw, off = (b - a) / length, math.atan2(*(b - a)[::-1]), head.offset_m
    forth = runs(body, a, along, yaw, -off, length - off)
    back = runs(body, a, along, yaw + math.pi, off, length + off)
    found = []
    for s0, s1 in forth.tolist():
        for t0, t1 in back.tolist():
            low, high = max(s0 + off, t0 - off, 0.0), min(s1 + off, t1 - off, length)
            if high - low < _SHORTEST_M:
                continue
            # Each way no more than what the head needs for its share of the lane.
            u0, u1 = max(s0, -off), min(s1, length - off)
            v0, v1 = max(t0, off), min(t1, length + off)
            poses = np.array(
                [
                    [[*(a + u0 * along), yaw], [*(a + u1 * along), yaw]],
                    [[*(a + v1 * along), yaw + math.pi], [*(a + v0 * along), yaw + math.pi]],
                ]
            )
            found.append(Pass(a + low * along, a + high * along, poses))
    return found


@compiled
def runs(body: Body, a: Floats, along: Floats, yaw: float, low: float, high: float) -> Floats:
    """(n, 2) the stretches of the line a + s along, low <= s <= high, on which the robot fits, heading `yaw`."""
    count = max(2, math.ceil((high - low) / _STEP_M) + 1)
    found = np.empty((count, 2))
    size, inside = 0, False
    for k in range(count):
        s = low + (high - low) * k / (count - 1)
        if fits(body, a[0] + s * along[0], a[1] + s * along[1], yaw):
            if not inside:
                found[size, 0] = s
                size += 1
            found[size - 1, 1] = s
            inside = True
        else:
            inside = False
    return found[:size]


def wrong_ends(passes: Sequence[Pass], directions: Directions) -> Ints:
    """The ends (2 k and 2 k + 1 of pass k) at which a pass must not be entered, since it would lead against a one-way."""
    if not are_any(directions) or not passes:
        return np.zeros(0, dtype=np.int64)
    ways = np.concatenate([one.poses[:, :, :2] for one in passes])
    a, b = np.ascontiguousarray(ways[:, 0]), np.ascontiguousarray(ways[:, 1])
    return np.flatnonzero(lines_stray(directions, a, b, PATH_SIN))


def swept_by(passes: Sequence[Pass], head: Head, shape: tuple[int, ...], side_m: float) -> Bools:
    """(rows, cols) the cells that passes sweep, whichever way they are driven."""
    mask = np.zeros(shape, dtype=bool)
    mark_all_swept(mask, [one.swept for one in passes], Head(head.width_m), side_m)
    return mask


def cells_of(passes: Sequence[Pass], head: Head, shape: tuple[int, ...], side_m: float) -> list[Ints]:
    """The flat cells that each pass sweeps."""
    found = []
    for one in passes:
        mask = np.zeros(shape, dtype=bool)
        mark_all_swept(mask, [one.swept], Head(head.width_m), side_m)
        found.append(np.flatnonzero(mask))
    return found
