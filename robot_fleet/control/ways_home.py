"""Ways home from where robots rest, for their escapes (`fleet/escapes.py`): the shortest, or one round the floor of others.

A robot may turn anywhere along its way, so that it needs the disc that holds it. Only into a dock, and out of one, a long body goes
straight: from the place before it where there is room to turn, however near its neighbours stand to the dock itself.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from shapely import Point, Polygon, union_all
from shapely.geometry.base import BaseGeometry

from robot_fleet.control.homing import is_in
from robot_fleet.control.state import FleetState
from robot_fleet.fleet.entities import Robot
from robot_fleet.fleet.escapes import Escape
from robot_fleet.fleet.track import floor_along, headings_along, turn_rad
from robot_fleet.fleet.traffic import MARGIN_M
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.store import Dock
from robot_fleet.planning.routing import Reaching, Router

# Ways on the coarse lattice come a little nearer to what is closed than its nodes do.
_SPARE_M = 0.1
# So far before its staging place a long body turns towards its dock at most, and so many places are looked at on the way there.
_BEFORE_M, _BEFORE_STEP_M = 3.0, 0.25
# One that rests so nearly on the line into its dock drives straight in.
_ASIDE_M, _ASKEW_RAD = 0.1, 0.1

Place = NDArray[np.float64]


def prepare_ways_home(state: FleetState) -> None:
    """Does now, while nothing moves, what the first grants would else do: with many robots on a large floor it takes seconds."""
    for robot in state.robots.values():
        _field(state, robot, state.store.floor.dock(robot.spec.dock), _others(state, robot))


def shortest(state: FleetState, robot: Robot, end: Pose) -> Escape:
    """The robot's shortest way home from where it rests, past the docks of all others where there is such a way."""
    dock, place = state.store.floor.dock(robot.spec.dock), np.array((end.x_m, end.y_m))
    if is_in(dock, robot, end) or _faces_into(state, robot, dock, end):
        return _straight_in(robot, end, dock)
    begin, others = _out_of_dock(state, robot, end), _others(state, robot)
    # From a place at another robot's dock no way leads past that dock; it may lead past all the rest.
    past = dict.fromkeys((others, others - _docked_at(state, robot, place), frozenset[str]()))
    fields = (_field(state, robot, dock, names) for names in past)
    ways = (field.way(begin[-1]) for field in fields if field is not None)
    return _made(state, robot, end, begin, next((way for way in ways if way is not None), None))


def round_floors(state: FleetState, robot: Robot, end: Pose, floors: list[BaseGeometry]) -> Escape | None:
    """A way home from where the robot is to rest that touches none of the floors."""
    dock, begin = state.store.floor.dock(robot.spec.dock), _out_of_dock(state, robot, end)
    way = _past(state, robot, floors).route(Pose(*begin[-1].tolist()), _turns_before(state, robot, dock))
    return None if way is None else _made(state, robot, end, begin, way)


def rest_pose(escape: Escape) -> Pose:
    """Where a robot is to rest by its escape; how it faces there is known of long bodies alone, and matters to them alone."""
    x, y = escape.rest.tolist()
    return Pose(x, y, escape.facing_rad or 0.0)


def floors_of_others(state: FleetState, robot: Robot, end: Pose) -> list[BaseGeometry]:
    """The floor of all others: where they are to rest, and their docks, but for one that `end` is at."""
    here = _docked_at(state, robot, np.array((end.x_m, end.y_m)))
    inside = state.traffic.let_out_of(robot.name)
    found = [floor for name, floor in state.traffic.closed.items() if name not in inside]
    for other in state.robots.values():
        if other is robot:
            continue
        escape = state.escapes.of(other.name)
        found.append(state.traffic.held(other.name) if escape is None else state.under(other, rest_pose(escape)))
        if other.name not in here:
            found.append(_at_dock(state, other))
    return found


def _made(state: FleetState, robot: Robot, end: Pose, begin: Place, way: Place | None) -> Escape:
    """The escape along `begin`, out of a dock if it is more than a place, and a way from there to before the robot's own dock."""
    rest, radius_m, dock = begin[0], robot.radius_m + MARGIN_M, state.store.floor.dock(robot.spec.dock)
    if robot.spec.profile.footprint.is_disc:
        home = None if way is None else np.vstack((begin, way[1:], _into(dock, dock.staging)))
        return Escape(rest, radius_m, home)
    at_rest, at_home = robot.floor_at(end), robot.floor_at(dock.pose)
    if way is None:
        return Escape(rest, radius_m, None, end.yaw_rad, at_rest, at_home)
    into = _into(dock, _turns_before(state, robot, dock))
    by_body = union_all([at_rest, _driven(robot, begin, backwards=True), _driven(robot, into)])
    home = np.vstack((begin, way[1:], into[1:]))
    return Escape(rest, radius_m, home, end.yaw_rad, at_rest, at_home, by_body, len(begin) - 1, len(into) - 1)


def _straight_in(robot: Robot, end: Pose, dock: Dock) -> Escape:
    """The escape of a robot that is in its dock, or before it with nothing left but to drive in."""
    rest, radius_m = np.array((end.x_m, end.y_m)), robot.radius_m + MARGIN_M
    way = rest[None] if is_in(dock, robot, end) else np.vstack((rest, (dock.pose.x_m, dock.pose.y_m)))
    if robot.spec.profile.footprint.is_disc:
        return Escape(rest, radius_m, way)
    at_rest, at_home = robot.floor_at(end), robot.floor_at(dock.pose)
    by_body = union_all([at_rest, at_home, _driven(robot, way)])
    return Escape(rest, radius_m, way, end.yaw_rad, at_rest, at_home, by_body, 0, len(way))


def _driven(robot: Robot, way: Place, backwards: bool = False) -> BaseGeometry:
    """The floor of a long body along a straight way; none for a place."""
    if len(way) < 2:
        return Polygon()
    return floor_along(robot.spec.profile.footprint, way, headings_along(way, backwards), MARGIN_M)


def _into(dock: Dock, turns: Pose) -> Place:
    """(2 or 3, 2) the places from where the robot turns before the dock into it."""
    return np.array(list(dict.fromkeys((pose.x_m, pose.y_m) for pose in (turns, dock.staging, dock.pose))))


def _turns_before(state: FleetState, robot: Robot, dock: Dock) -> Pose:
    """Where the robot turns towards a dock, or away from it: on the line before it, clear of the docks of others; found once.

    Where no such place is near, it is where the robot is led anyhow: the dock's staging place.
    """
    key = robot.name, dock.name
    if key not in state.before_docks:
        state.before_docks[key] = next(_clear_before(state, robot, dock), dock.staging)
    return state.before_docks[key]


def _clear_before(state: FleetState, robot: Robot, dock: Dock) -> Iterator[Pose]:
    """Places before a dock to turn at, the nearest first, as far as the robot gets there straight."""
    if robot.spec.profile.footprint.is_disc:
        return
    ways, router = state.steered_ways(robot), state.router(robot)
    docked = union_all([_at_dock(state, other) for other in state.robots.values() if other.spec.dock != dock.name])
    for back_m in np.arange(0.0, _BEFORE_M + 1e-9, _BEFORE_STEP_M).tolist():
        pose = dock.staging @ Pose(-back_m, 0.0, 0.0)
        here = np.array([(pose.x_m, pose.y_m)])
        if not ways.fits(pose):
            return
        if router.can_stand(here).all() and docked.distance(Point(here[0])) > robot.radius_m + MARGIN_M + _SPARE_M:
            yield pose


def _faces_into(state: FleetState, robot: Robot, dock: Dock, end: Pose) -> bool:
    """Whether a long body rests on the line before its dock, facing it, and not before where it turns there."""
    if robot.spec.profile.footprint.is_disc or abs(turn_rad(dock.pose.yaw_rad, end.yaw_rad)) > _ASKEW_RAD:
        return False
    most_m = dock.pose.distance_m(_turns_before(state, robot, dock))
    x, y = end.x_m - dock.pose.x_m, end.y_m - dock.pose.y_m
    cos, sin = math.cos(dock.pose.yaw_rad), math.sin(dock.pose.yaw_rad)
    return 0.0 <= -(x * cos + y * sin) <= most_m + _ASIDE_M and abs(y * cos - x * sin) <= _ASIDE_M


def _out_of_dock(state: FleetState, robot: Robot, end: Pose) -> Place:
    """(n, 2) the place itself, and from a dock the places before it."""
    dock = next((dock for dock in state.store.floor.docks if is_in(dock, robot, end)), None)
    if dock is None:
        return np.array([(end.x_m, end.y_m)])
    places = dict.fromkeys((pose.x_m, pose.y_m) for pose in (dock.staging, _turns_before(state, robot, dock)))
    return np.array([(end.x_m, end.y_m), *places])


def _field(state: FleetState, robot: Robot, dock: Dock, past: frozenset[str]) -> Reaching | None:
    """How far it is home from everywhere by the shortest ways past the docks of some robots; made once."""
    key = robot.name, past
    if key not in state.homeward:
        docks = [_at_dock(state, state.robots[name]) for name in sorted(past)]
        turns = _turns_before(state, robot, dock)
        state.homeward[key] = _past(state, robot, docks).reaching(turns, towards=True)
    return state.homeward[key]


def _others(state: FleetState, robot: Robot) -> frozenset[str]:
    return frozenset(state.robots) - {robot.name}


def _at_dock(state: FleetState, robot: Robot) -> BaseGeometry:
    """The floor that the robot occupies in its dock; worked out once."""
    if robot.name not in state.docked:
        state.docked[robot.name] = state.under(robot, state.store.floor.dock(robot.spec.dock).pose)
    return state.docked[robot.name]


def _docked_at(state: FleetState, robot: Robot, place: Place) -> frozenset[str]:
    """The other robots whose docks the robot would stand in the way of at a place."""
    near_m = robot.radius_m + max(robot.spec.profile.clearance_m, MARGIN_M) + 2.0 * _SPARE_M
    here, others = Point(place), _others(state, robot)
    return frozenset(name for name in others if _at_dock(state, state.robots[name]).distance(here) < near_m)


def _past(state: FleetState, robot: Robot, floors: list[BaseGeometry]) -> Router:
    profile = robot.spec.profile
    # Its ways are those of a disc as wide as it is, but others are passed as by the disc that holds it.
    wider_m = robot.radius_m - profile.slim.footprint.circumscribed_m
    grown_m = max(0.0, MARGIN_M - profile.clearance_m) + _SPARE_M + wider_m
    grown = [floor.buffer(grown_m) for floor in floors if not floor.is_empty]
    parts: list[Polygon] = [part for floor in grown for part in getattr(floor, "geoms", [floor])]
    return state.router(robot).without(parts)
