"""Ways into and out of poses beside a wall: a gentle curve from or to a place with room to turn; compiled.

Beside a wall a long robot cannot turn, as its tail or its nose would swing into it. It comes in along a curve from behind or,
since its tail is mostly the shorter end, backs in from ahead, as a car parks; and it leaves along the same curves.
"""

from __future__ import annotations

import math

import numpy as np

from robot_fleet.planning.compiled import compiled
from robot_fleet.planning.steering.body import Body, turns_free, way_free
from robot_fleet.planning.steering.dubins import WORDS, traced, word
from robot_fleet.planning.steering.turns import MOST_POINTS, Drive
from robot_fleet.planning.terrain import Floats

# So far behind or ahead and beside the pose such places are looked for (metres).
_AWAY_M = (1.2, 1.8, 2.4, 3.2)
_ASIDE_M = (0.3, -0.3, 0.6, -0.6, 0.9, -0.9)
# A curve is not longer than this many times the straight line.
_LONGEST = 1.3


@compiled
def lead(body: Body, drive: Drive, pose: Floats, ahead: bool, place: Floats, way: Floats) -> int:
    """Finds the place (3,) from which the shortest curve leads to a pose or, if it is to lie `ahead`, from there to it.

    Writes the curve's points in the order in which they are driven ahead, both ends with them; returns how many, 0 for none.
    """
    best_m, size = math.inf, 0
    fresh, parts, spot = np.empty((MOST_POINTS, 2)), np.empty(3), np.empty(3)
    sign = 1.0 if ahead else -1.0
    for away in _AWAY_M:
        for aside in _ASIDE_M:
            spot[0] = pose[0] + sign * away * math.cos(pose[2]) - aside * math.sin(pose[2])
            spot[1] = pose[1] + sign * away * math.sin(pose[2]) + aside * math.cos(pose[2])
            spot[2] = pose[2]
            straight_m = math.hypot(away, aside)
            if straight_m >= best_m or not turns_free(body, spot[0], spot[1], spot[2], 2.0 * math.pi):
                continue
            a, b = (pose, spot) if ahead else (spot, pose)
            for radius in drive.radii_m:
                for kind in range(WORDS):
                    if not word(kind, a[0], a[1], a[2], b[0], b[1], b[2], radius, parts):
                        continue
                    length = (parts[0] + parts[1] + parts[2]) * radius
                    if length > _LONGEST * straight_m or length >= best_m:
                        continue
                    fresh[0] = a[:2]
                    count = traced(kind, parts, a[0], a[1], a[2], radius, fresh[1:]) + 1
                    if count > 1 and way_free(body, fresh, count, False, a[2]):
                        best_m, size = length, count
                        place[:] = spot
                        way[:count] = fresh[:count]
    return size
