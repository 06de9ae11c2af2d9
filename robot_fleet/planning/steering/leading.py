"""Machines that turn on the spot and are planned as discs, but stand where a disc could not: they are led out of there first.

A square beside a shelf has no room to turn round. Ahead or back it has, and from there any plan for its disc will do.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from robot_fleet.floor.clearance import ClearanceField
from robot_fleet.floor.pose import Pose
from robot_fleet.planning.crew import Clearances
from robot_fleet.planning.plan import CoveragePath, Leg, LegKind, PlanRequest, Starter
from robot_fleet.planning.steering.detours import SteeredDetours
from robot_fleet.planning.terrain import Terrain, has_room
from robot_fleet.planning.timing import timed

# Straight ways up to so far are looked at, in such steps (metres), after such turns.
_FAR_M, _STEP_M = 3.0, 0.05
# Other ways are looked for to so many of the places that they lead to.
_MOST = 24
_TURNS = (0.0, *(sign * math.radians(degrees) for degrees in range(5, 181, 5) for sign in (1.0, -1.0)))


@dataclass(frozen=True)
class Led:
    """A robot as a disc, from where it has been led on, and the legs of the way there (without ids and times)."""

    robot: Starter
    legs: Sequence[Leg] = ()


def as_discs(request: PlanRequest, clearances: Clearances) -> Mapping[str, Led]:
    """Those robots of a request, by their names, that can be planned as discs and are none, each led to where its disc has room."""
    found = {
        robot.name: _as_disc(request, robot, clearances.of(robot)) for robot in request.robots if robot.profile.pivots
    }
    return {name: led for name, led in found.items() if led is not None}


def led(request: PlanRequest, known: Mapping[str, Led], paths: Sequence[CoveragePath]) -> list[CoveragePath]:
    """The paths of robots that have been led, with the ways there before them."""
    robots = {robot.name: robot for robot in request.robots}
    return [_led(request, robots[path.robot], known.get(path.robot), path) for path in paths]


def _led(request: PlanRequest, robot: Starter, known: Led | None, path: CoveragePath) -> CoveragePath:
    if known is None or not known.legs or not path.legs:
        return path
    begin_s = float(path.legs[0].times_s[0])
    legs = [
        replace(leg, leg_id=f"{request.leg_prefix}{robot.name}-{k}") for k, leg in enumerate((*known.legs, *path.legs))
    ]
    return replace(path, legs=tuple(timed(legs, robot.profile, robot.pose, begin_s)))


def _as_disc(request: PlanRequest, robot: Starter, clearance: ClearanceField) -> Led | None:
    """The robot as a disc, led to where it has room to turn round, if it has none; None: no way leads there, or there is none
    before its dock.
    """
    disc, place = replace(robot, profile=robot.profile.as_disc), robot.pose
    if robot.dock is not None:
        if not has_room(robot.profile, robot.dock.staging, clearance):
            return None
        place = robot.dock.staging if robot.docked else robot.pose
    if has_room(robot.profile, place, clearance):
        return Led(disc)
    if not robot.pose.is_finite():
        return None
    terrain = Terrain.of(request.floor, robot.profile, clearance=clearance)
    detours = SteeredDetours(request.floor.grid, robot.profile, terrain)
    places = _places(disc, clearance)
    for place, legs in itertools.chain(
        ((place, _straight(robot.pose, place, detours)) for place in places),
        ((place, detours.way(robot.pose, place)) for place in places[:_MOST]),
    ):
        if legs is not None:
            return Led(replace(disc, pose=place), legs)
    return None


def _places(disc: Starter, clearance: ClearanceField) -> list[Pose]:
    """The first place with room for a disc in each direction, as it is come to ahead and backing, the nearest in time first."""
    least_m = disc.profile.footprint.circumscribed_m + disc.profile.clearance_m
    metres = np.arange(1, round(_FAR_M / _STEP_M) + 1) * _STEP_M
    gears, found = (1.0, -1.0) if disc.profile.reverses else (1.0,), list[tuple[float, Pose]]()
    for turn_rad, sign in itertools.product(_TURNS, gears):
        yaw_rad = disc.pose.yaw_rad + turn_rad
        along = sign * np.outer(metres, (math.cos(yaw_rad), math.sin(yaw_rad))) + (disc.pose.x_m, disc.pose.y_m)
        free = np.flatnonzero(clearance.grid.contains(along) & (clearance.at(along) >= least_m))[:1]
        seconds = abs(turn_rad) / disc.profile.yaw_rate_rps + metres[free] / disc.profile.speed_mps
        found += [(float(seconds[0]), Pose(float(along[first, 0]), float(along[first, 1]), yaw_rad)) for first in free]
    return [place for _, place in sorted(found, key=lambda one: one[0])]


def _straight(pose: Pose, place: Pose, detours: SteeredDetours) -> Sequence[Leg] | None:
    """The way by one turn and straight to a place; None: there is none."""
    if not detours.turns(pose, place.yaw_rad) or not detours.goes(pose, place):
        return None
    points = np.array([[pose.x_m, pose.y_m], [place.x_m, place.y_m]])
    backs = math.cos(place.yaw_rad - math.atan2(*(points[1] - points[0])[::-1])) < 0.0
    return [Leg("", LegKind.TRANSIT, points, np.zeros(2), reverse=backs)]
