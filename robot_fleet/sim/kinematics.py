"""What a machine's wheels can do of a path: no turn tighter than its radius, none on the spot, nothing backwards that it cannot."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from robot_fleet.fleet.commands import Follow
from robot_fleet.fleet.track import PIVOT_RAD, headings_along, metres_along, parts_between, turn_rad
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.profile import RobotProfile

NOT_BACK = "it does not drive backwards, or not with its head down"
NO_PIVOT = "it does not turn on the spot, or not with its head down"
TOO_TIGHT = "the path bends more tightly than it can turn"

# A turn on the spot is driven as so short a way in the new direction.
_STUB_M = 0.02
# Bends are looked at over so much of the way: arcs come as moves that each turn a little.
_BEND_M = 0.4


def driven_parts(order: Follow) -> list[tuple[NDArray[np.float64], bool]]:
    """The parts (n, 2) of an order, each driven one way round to its end; the last one turns the robot to how it is to face."""
    parts = parts_between(order.points, order.reverse, order.cusps)
    if order.facing_rad is None or len(order.points) < 2:
        return parts
    if abs(turn_rad(_headings(order)[-1], order.facing_rad)) > PIVOT_RAD:
        ahead = np.array([math.cos(order.facing_rad), math.sin(order.facing_rad)])
        parts.append((np.array([order.points[-1], order.points[-1] + _STUB_M * ahead]), False))
    return parts


def undrivable(profile: RobotProfile, order: Follow, pose: Pose, head_on: bool) -> str:
    """Why a machine at a pose cannot drive the order as its head is; empty: it can."""
    if not profile.is_steered or len(order.points) < 2:
        return ""
    backs = [back for _, back in parts_between(order.points, order.reverse, order.cusps)]
    lowered = head_on and (profile.least_radius_m > 0.0 or profile.squeegee is not None)
    if any(backs) and (lowered or not profile.reverses):
        return NOT_BACK
    radius = max(profile.lifted_radius_m, profile.least_radius_m if head_on else 0.0)
    faces = [pose.yaw_rad, *_headings(order), *([] if order.facing_rad is None else [order.facing_rad])]
    turns = [abs(turn_rad(*pair)) for pair in pairwise(faces)]
    if (radius > 0.0 or lowered) and max(turns) > PIVOT_RAD:
        return NO_PIVOT
    along, inner = metres_along(order.points), np.array([0.0, *np.cumsum(turns[1 : len(order.points) - 1])])
    if radius > 0.0 and _tightest_rad(along[1:-1], inner) > _BEND_M / radius + PIVOT_RAD:
        return TOO_TIGHT
    return ""


def _headings(order: Follow) -> list[float]:
    found: list[float] = headings_along(order.points, order.reverse, order.cusps).tolist()
    return found


def _tightest_rad(at_m: NDArray[np.float64], turned: NDArray[np.float64]) -> float:
    """The most that is turned within a short way: `turned` (n + 1,) is the sum of the turns up to each place (n,)."""
    ends = np.searchsorted(at_m, at_m + _BEND_M, side="right")
    return float(max((turned[ends] - turned[:-1]), default=0.0))
