"""Robots that stand too near to each other, after a contact say: each holds floor that the other needs just to stand.

Neither could ever be granted a way by the rules for floor that is free. One that rests may be left, though, by a way on which
the robot comes no nearer to it than it is.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from robot_fleet.control.state import FleetState
from robot_fleet.control.ways import Way, straight
from robot_fleet.fleet.entities import Robot
from robot_fleet.floor.pose import Pose
from robot_fleet.planning.routing import Router

# How far off a place to stand is looked for, in which steps, how many are tried, and what of a way is surely driven.
_WITHIN_M, _STEP_M, _TRIES, _LEAST_M = 1.5, 0.1, 20, 0.3
# By so much a way may come nearer to the other robot, that is not at all.
_NUMERICAL_M = 1e-3


def too_near(state: FleetState, robot: Robot) -> frozenset[str]:
    """The robots, or what is closed beside the robot, on whose floor it stands."""
    return state.traffic.blockers(robot.name, state.under(robot))


def parts_from(state: FleetState, robot: Robot, way: NDArray[np.float64]) -> frozenset[str]:
    """Those of the robots that the robot is too near to that rest, and from which a way (n, 2), map frame, leads away."""
    others = (state.robots[name] for name in too_near(state, robot) & state.robots.keys())
    return frozenset(other.name for other in others if _rests(other) and _leads_away(way, other))


def way_apart(state: FleetState, robot: Robot, free: Router) -> Way | None:
    """A short straight way from the robots that it is too near to onto `free` floor; None for one that must be steered."""
    if robot.pose is None or robot.spec.profile.is_steered:
        return None
    router, near = state.router(robot), too_near(state, robot)
    begin = router.place_near(robot.pose)
    # It stops as soon as it is within its tolerance of the end.
    least_m = robot.spec.profile.goal_tolerance_m + _LEAST_M
    for spot in itertools.islice(_spots(begin, free, least_m), _TRIES):
        way = router.route(begin, spot)
        if way is not None and len(way) == 2 and parts_from(state, robot, way) == near:
            return straight(way)
    return None


def _spots(begin: Pose, free: Router, least_m: float) -> Iterator[Pose]:
    """Free places around a pose, at least so far off, the nearest first."""
    steps = np.arange(-_WITHIN_M, _WITHIN_M + 1e-9, _STEP_M)
    offsets = np.array(list(itertools.product(steps, steps)))
    away_m = np.hypot(*offsets.T)
    offsets = offsets[np.argsort(away_m, kind="stable")][np.count_nonzero(away_m < least_m) :]
    places = offsets + np.array([begin.x_m, begin.y_m])
    return (Pose(x, y) for x, y in places[free.can_stand(places)].tolist())


def _rests(robot: Robot) -> bool:
    return robot.order is None and robot.pose is not None


def _leads_away(way: NDArray[np.float64], other: Robot) -> bool:
    assert other.pose is not None
    here = np.array([other.pose.x_m, other.pose.y_m])
    begin_m = math.dist(way[0], here)
    return all(_nearest_m(one, two, here) >= begin_m - _NUMERICAL_M for one, two in itertools.pairwise(way))


def _nearest_m(one: NDArray[np.float64], two: NDArray[np.float64], place: NDArray[np.float64]) -> float:
    move = two - one
    share = float(np.clip(np.dot(place - one, move) / max(float(np.dot(move, move)), 1e-12), 0.0, 1.0))
    return math.dist(one + share * move, place)
