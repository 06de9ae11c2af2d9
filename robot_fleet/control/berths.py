"""The wide berth that others give a robot that does not know where it is: it holds the floor around it as well."""

from __future__ import annotations

import math

from shapely import LineString, Polygon
from shapely.geometry.base import BaseGeometry

from robot_fleet.control.homing import on_dock
from robot_fleet.control.state import FleetState
from robot_fleet.fleet.entities import Robot
from robot_fleet.fleet.traffic import MARGIN_M

LOST_BERTH_M = 1.0
"""It may well stand so far from where it takes itself to be. More would shut whole aisles for a robot that is off by less."""

# It leaves so much to the floor of others, grows by two steps or not at all, and stays where it is while a pose wavers.
_APART_M, _STEP_M, _WAVERS_M = 0.05, 0.1, 0.1
_NOWHERE = Polygon()


def floor_at_rest(state: FleetState, robot: Robot) -> BaseGeometry:
    """The floor under a robot that rests, with a berth if it is lost; one that is charged on its dock stands there, lost or not."""
    if not robot.is_lost or (robot.charging and on_dock(state, robot)):
        state.berths.pop(robot.name, None)
        return state.under(robot)
    assert robot.pose is not None
    at, wide, floor = state.berths.get(robot.name) or (robot.pose, -1, _NOWHERE)
    if at.distance_m(robot.pose) > _WAVERS_M:
        at, wide = robot.pose, -1
    under = robot.floor_at(at)
    steps = math.floor(min(LOST_BERTH_M, _free_m(state, robot, under) - _APART_M) / _STEP_M + 1e-9)
    if steps < 1:
        state.berths.pop(robot.name, None)
        return state.under(robot)
    if not wide <= steps <= wide + 1:
        wide, floor = steps, under.buffer(steps * _STEP_M)
    state.berths[robot.name] = at, wide, floor
    return floor


def _free_m(state: FleetState, robot: Robot, under: BaseGeometry) -> float:
    """How far it is from a floor to what others hold, and to their docks: who is too near must get away, and home."""
    near_m, free_m = MARGIN_M + LOST_BERTH_M + 2 * _WAVERS_M, math.inf
    for other in state.robots.values():
        if other is robot:
            continue
        if robot.is_near(state.traffic.box(other.name), near_m):
            free_m = min(free_m, under.distance(state.traffic.held(other.name)))
        dock = state.store.floor.dock(other.spec.dock)
        way_in = LineString([(pose.x_m, pose.y_m) for pose in (dock.staging, dock.pose)])
        if robot.is_near(way_in.bounds, near_m + other.radius_m + MARGIN_M):
            free_m = min(free_m, under.distance(way_in) - other.radius_m - MARGIN_M)
    return free_m
