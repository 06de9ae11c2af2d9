"""Robots that turn up on floor that others drive over: somebody pushed them there, or they have just learnt where they are."""

from __future__ import annotations

import shapely
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
    floor, box = state.traffic.held(robot.name), state.traffic.box(robot.name)
    others = [other for other in state.robots.values() if other is not robot and other.is_near(box)]
    others = [other for other in others if other.name not in robot.order.leaves]
    if not others:
        return
    seen = [Point(other.pose.x_m, other.pose.y_m) for other in others if other.pose]
    within = shapely.distance(floor, seen) < [other.radius_m for other in others]
    # A long body's disc may well lie on floor that others are granted; the body may not.
    names = [other.name for other, is_within in zip(others, within, strict=True) if is_within and _is_on(other, floor)]
    if names:
        state.note("brakes before an intruder", robot=robot.name, intruders=names)
        cancel(state, robot)


def _is_on(robot: Robot, floor: BaseGeometry) -> bool:
    """Whether the body of a robot whose disc is on a floor is on it as well."""
    footprint = robot.spec.profile.footprint
    return footprint.is_disc or (robot.pose is not None and footprint.at(robot.pose).intersects(floor))
