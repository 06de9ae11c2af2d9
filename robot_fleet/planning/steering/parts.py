"""The parts of ways between poses, each driven in one gear, and whether they are safe as they will be driven (grid frame)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from robot_fleet.planning.steering.body import Body, turns_free, way_free
from robot_fleet.planning.terrain import Floats

Part = tuple[Floats, bool]
"""Points (n, 2) and whether they are driven backwards."""

_SAME_M, _JOINED_M = 0.012, 1e-3


def merged(parts: Sequence[Part]) -> list[Part]:
    """The parts of a way, those that follow each other in one gear joined, without vertices that lie on others."""
    found: list[Part] = []
    for points, backwards in parts:
        if found and found[-1][1] == backwards:
            found[-1] = np.concatenate((found[-1][0], points[1:])), backwards
        else:
            found.append((points, backwards))
    return [(_apart(points), backwards) for points, backwards in found]


def is_safe(body: Body, a: Floats, parts: Sequence[Part], b: Floats) -> bool:
    """Whether the parts of a way lead from a pose to another, and the robot keeps its clearance along them."""
    begin, end = (parts[0][0][0], parts[-1][0][-1]) if parts else (a[:2], a[:2])
    if math.dist(begin, a[:2]) > _JOINED_M or math.dist(end, b[:2]) > _JOINED_M:
        return False
    yaw = float(a[2])
    for points, backwards in parts:
        if not way_free(body, np.ascontiguousarray(points), len(points), backwards, yaw):
            return False
        yaw = math.atan2(*(points[-1] - points[-2])[::-1]) + math.pi * backwards
    return bool(turns_free(body, b[0], b[1], yaw, math.remainder(b[2] - yaw, math.tau)))


def _apart(points: Floats) -> Floats:
    """The points without those that lie so near to the one before, or to the last one, that a move between them is none."""
    kept = [0]
    for k in range(1, len(points) - 1):
        if min(math.hypot(*(points[k] - points[kept[-1]])), math.hypot(*(points[k] - points[-1]))) > _SAME_M:
            kept.append(k)
    return np.asarray(points[[*kept, len(points) - 1]])
