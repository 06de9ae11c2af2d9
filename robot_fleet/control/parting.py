"""Robots that stand too near to each other, after a contact say: each holds floor that the other needs just to stand.

Neither could ever be granted a way by the rules for floor that is free. One that rests may be left, though, by a way that needs no
more of its floor than the robot stands on already.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
from shapely.geometry.base import BaseGeometry

from robot_fleet.control.state import FleetState
from robot_fleet.control.ways import Way, floor_of_way, straight
from robot_fleet.fleet.entities import Robot
from robot_fleet.floor.pose import Pose
from robot_fleet.planning.routing import Router

# How far off a place to stand is looked for, in which steps, how many are tried, and what of a way is surely driven.
_WITHIN_M, _STEP_M, _TRIES, _LEAST_M = 1.5, 0.1, 20, 0.3
# Poses and arcs of floor waver by so much.
_SEEMS_M = 0.02


def too_near(state: FleetState, robot: Robot) -> frozenset[str]:
    """The robots, or what is closed beside the robot, on whose floor it stands."""
    return state.traffic.blockers(robot.name, state.under(robot))


def parts_from(state: FleetState, robot: Robot, wanted: BaseGeometry) -> frozenset[str]:
    """Those of the robots that the robot is too near to that rest, and of whose floor it wants no more than it stands on."""
    near = [name for name in too_near(state, robot) & state.robots.keys() if state.robots[name].order is None]
    if not near:
        return frozenset()
    beyond = wanted.difference(state.under(robot).buffer(_SEEMS_M))
    return frozenset(near) - state.traffic.blockers(robot.name, beyond)


def way_apart(state: FleetState, robot: Robot, free: Router) -> Way | None:
    """A short straight way from the robots that it is too near to onto `free` floor; None for one that must be steered."""
    if robot.pose is None or robot.spec.profile.is_steered:
        return None
    router, near = state.router(robot), too_near(state, robot)
    begin = router.place_near(robot.pose)
    # It stops as soon as it is within its tolerance of the end.
    least_m = robot.spec.profile.goal_tolerance_m + _LEAST_M
    for spot in itertools.islice(_spots(begin, free, least_m), _TRIES):
        points = router.route(begin, spot)
        if points is None or len(points) != 2:
            continue
        way = straight(points)
        if parts_from(state, robot, floor_of_way(robot, way)) == near:
            return way
    return None


def _spots(begin: Pose, free: Router, least_m: float) -> Iterator[Pose]:
    """Free places around a pose, at least so far off, the nearest first."""
    steps = np.arange(-_WITHIN_M, _WITHIN_M + 1e-9, _STEP_M)
    offsets = np.array(list(itertools.product(steps, steps)))
    away_m = np.hypot(*offsets.T)
    offsets = offsets[np.argsort(away_m, kind="stable")][np.count_nonzero(away_m < least_m) :]
    places = offsets + np.array([begin.x_m, begin.y_m])
    return (Pose(x, y) for x, y in places[free.can_stand(places)].tolist())
