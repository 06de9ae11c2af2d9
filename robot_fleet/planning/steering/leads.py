"""Ways into and out of poses beside a wall: a gentle curve from or to a place with room to turn; compiled.

Beside a wall a long robot cannot turn, as its tail or its nose would swing into it. It comes in along a curve from behind or,
since its tail is mostly the shorter end, backs in from ahead, as a car parks; and it leaves along the same curves.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from robot_fleet.planning.compiled import compiled
from robot_fleet.planning.directions import ANY_WAY, PATH_SIN, path_strays
from robot_fleet.planning.steering.body import Body, turns_free, way_free
from robot_fleet.planning.steering.dubins import WORDS, traced, word
from robot_fleet.planning.steering.turns import MOST_POINTS, Drive
from robot_fleet.planning.terrain import Floats

# So far behind or ahead and beside the pose such places are looked for (metres).
_AWAY_M = (1.2, 1.8, 2.4, 3.2, 4.0)
_ASIDE_M = (0.3, -0.3, 0.6, -0.6, 0.9, -0.9)
# Right beside the wall the robot drives so far on an arc so wide that its tail hardly swings out, before it turns away.
EASED_M = 15.0
_EASES_M = (0.0, 1.2, 2.0)
_EASE_STEP_M = 0.1
# A curve is not longer than this many times the straight line.
_LONGEST = 1.3


def curves(body: Body, drive: Drive, pose: Floats, into: bool) -> Iterator[tuple[Floats, Floats, bool]]:
    """Curves into a pose, or out of it, those driven ahead first: the pose (3,) at the other end, the points (n, 2) as they are
    driven, and whether that is backwards.
    """
    place, way = np.empty(3), np.empty((MOST_POINTS, 2))
    for ahead in (not into, into) if drive.straights_m.min() < 0.0 else (not into,):
        # Driven backwards a curve leads the other way than it is written.
        count = lead(body.along(ANY_WAY), drive, pose, ahead, place, way)
        backs = ahead == into
        points = way[:count][:: -1 if backs else 1].copy()
        if count and not path_strays(body.directions, points, 0, count - 1, PATH_SIN):
            yield place.copy(), points, backs


@compiled
def lead(body: Body, drive: Drive, pose: Floats, ahead: bool, place: Floats, way: Floats) -> int:
    """Finds the place (3,) from which the shortest curve leads to a pose or, if it is to lie `ahead`, from there to it.

    Writes the curve's points in the order in which they are driven ahead, both ends with them; returns how many, 0 for none.
    """
    best_m, size = math.inf, 0
    fresh, parts, spot, eased = np.empty((MOST_POINTS, 2)), np.empty(3), np.empty(3), np.empty(3)
    sign = 1.0 if ahead else -1.0
    for away in _AWAY_M:
        for aside in _ASIDE_M:
            spot[0] = pose[0] + sign * away * math.cos(pose[2]) - aside * math.sin(pose[2])
            spot[1] = pose[1] + sign * away * math.sin(pose[2]) + aside * math.cos(pose[2])
            spot[2] = pose[2]
            straight_m = math.hypot(away, aside)
            if straight_m >= best_m or not turns_free(body, spot[0], spot[1], spot[2], 2.0 * math.pi):
                continue
            for ease_m in _EASES_M:
                if ease_m > away:
                    continue
                _eased(pose, math.copysign(1.0, aside), sign * ease_m, eased)
                steps = math.ceil(ease_m / _EASE_STEP_M)
                a, b = (eased, spot) if ahead else (spot, eased)
                for radius in drive.radii_m:
                    for kind in range(WORDS):
                        if not word(kind, a[0], a[1], a[2], b[0], b[1], b[2], radius, parts):
                            continue
                        length = (parts[0] + parts[1] + parts[2]) * radius + ease_m
                        if length > _LONGEST * straight_m or length >= best_m:
                            continue
                        first = steps if ahead else 0
                        if ahead:
                            _write_ease(pose, math.copysign(1.0, aside), ease_m, steps, fresh)
                        fresh[first] = a[:2]
                        count = (
                            first
                            + 1
                            + traced(kind, parts, a[0], a[1], a[2], radius, fresh[first + 1 : MOST_POINTS - steps])
                        )
                        if count <= first + 1:
                            continue
                        if not ahead and steps:
                            _write_ease(pose, math.copysign(1.0, aside), -ease_m, steps, fresh[count:])
                            count += steps
                        if way_free(body, fresh, count, False, pose[2] if ahead else spot[2]):
                            best_m, size = length, count
                            place[:] = spot
                            way[:count] = fresh[:count]
    return size


@compiled
def _eased(pose: Floats, turn: float, along_m: float, out: Floats) -> None:
    """Writes the pose (3,) so far along the wide arc through a pose, behind it where `along_m` is below 0."""
    angle = along_m / EASED_M
    x, y = EASED_M * math.sin(angle), turn * EASED_M * (1.0 - math.cos(angle))
    cos, sin = math.cos(pose[2]), math.sin(pose[2])
    out[0], out[1], out[2] = pose[0] + x * cos - y * sin, pose[1] + x * sin + y * cos, pose[2] + turn * angle


@compiled
def _write_ease(pose: Floats, turn: float, along_m: float, steps: int, out: Floats) -> None:
    """Writes points of the wide arc in the order driven: from the pose on but for its end, or up to it but for its begin."""
    spot = np.empty(3)
    for k in range(steps):
        part = k / steps if along_m > 0.0 else 1.0 - (k + 1) / steps
        _eased(pose, turn, part * along_m, spot)
        out[k] = spot[:2]
