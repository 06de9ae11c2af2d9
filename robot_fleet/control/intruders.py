"""Robots that turn up on floor that others drive over: somebody pushed them there, or they have just learnt where they are."""

from __future__ import annotations

from shapely import Point
from shapely.geometry.base import BaseGeometry

from robot_fleet.control.orders import cancel
from robot_fleet.control.state import FleetState
from robot_fleet.fleet.entities import Robot


def brake_before_intruders(state: FleetState, robot: Robot) -> None:
    """Ends the robot's order when another one is seen on its floor; what is left of it is granted again when it may be.

    Floor is granted so that nobody is on it: one that is farther on it than its pose wavers, the margin, came by no order.
    """
    if robot.order is None or robot.cancel_due:
        return
    floor = state.traffic.held(robot.name)
    box = floor.bounds
    near = [other for other in state.robots.values() if other is not robot and _may_be_within(other, box)]
    names = [other.name for other in near if _is_within(other, floor)]
    if names:
        state.note("brakes before an intruder", robot=robot.name, intruders=names)
        cancel(state, robot)


def _may_be_within(robot: Robot, box: tuple[float, float, float, float]) -> bool:
    """Whether the robot, as a disc, is seen near a bounding box; that of empty floor, which is not a number, is near to none."""
    if robot.pose is None:
        return False
    x, y, reach = robot.pose.x_m, robot.pose.y_m, robot.radius_m
    west, south, east, north = box
    return west - reach <= x <= east + reach and south - reach <= y <= north + reach


def _is_within(robot: Robot, floor: BaseGeometry) -> bool:
    assert robot.pose is not None
    return bool(floor.distance(Point(robot.pose.x_m, robot.pose.y_m)) < robot.radius_m)
