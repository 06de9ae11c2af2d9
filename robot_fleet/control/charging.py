"""A robot whose battery runs low goes home, the others take its lanes, and once charged it takes part again."""

from __future__ import annotations

import numpy as np

from robot_fleet.control.state import FleetState
from robot_fleet.fleet.entities import CleaningRun, Robot
from robot_fleet.fleet.itinerary import Itinerary, Place, Stretch
from robot_fleet.planning.plan import LegKind

CHARGED = 0.8
"""Level (0..1) from which a robot that went home to charge works again."""


def look_after_battery(state: FleetState, run: CleaningRun, robot: Robot) -> None:
    """Sends the robot home when its battery reaches its reserve; lets it work again when it is charged."""
    if robot.battery is None or not robot.is_here:
        return
    if not robot.needs_charge and robot.battery <= robot.spec.profile.battery.reserve and robot.order is None:
        _send_home(state, run, robot)
    elif robot.needs_charge and robot.battery >= CHARGED:
        robot.needs_charge, robot.came_back = False, True
        state.settle(f"battery-{robot.name}")
        state.touch("robot", robot.name)


def _send_home(state: FleetState, run: CleaningRun, robot: Robot) -> None:
    run.rest_wanted |= robot.cleans
    robot.needs_charge = True
    robot.itinerary, robot.place = _way_home(state, robot), Place()
    state.touch("itinerary", robot.name)
    state.touch("robot", robot.name)
    state.note("goes home to charge", robot=robot.name, level=robot.battery)
    text = f"The battery of {robot.name} is at {100 * (robot.battery or 0):.0f} %; it goes home to charge"
    state.alert(f"battery-{robot.name}", "WARNING", text, "Nothing to do, unless it does not arrive", robot.name)


def _way_home(state: FleetState, robot: Robot) -> Itinerary:
    dock = state.store.floor.dock(robot.spec.dock)
    assert robot.pose is not None
    if robot.pose.distance_m(dock.pose) < robot.radius_m:
        return Itinerary(())
    way = state.router(robot).route(robot.pose, dock.staging)
    onto = np.array([[dock.staging.x_m, dock.staging.y_m], [dock.pose.x_m, dock.pose.y_m]])
    legs = [Stretch(LegKind.TRANSIT, way, np.zeros(len(way)))] if way is not None and len(way) > 1 else []
    return Itinerary((*legs, Stretch(LegKind.DOCK, onto, np.zeros(2))))
