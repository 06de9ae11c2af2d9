"""The way home: a robot that stands off its dock with nothing left to do is sent there, whoever gave it no way."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from robot_fleet.control.state import FleetState
from robot_fleet.control.ways import way_to
from robot_fleet.fleet.entities import CleaningRun, Robot
from robot_fleet.fleet.itinerary import Itinerary, Place, Stretch
from robot_fleet.fleet.states import RobotState, RunState
from robot_fleet.fleet.track import turn_rad
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.store import Dock
from robot_fleet.planning.plan import LegKind

HOME_TRIES = 2
"""How often a robot sets off for its dock without arriving before it is left where it stands, with an alert."""


# Alerts that tell a person where the robot is, or to go to it.
_TOLD = ("dock-", "held-", "place-", "pose-", "silent-", "trapped-", "waits-")

# So near to its dock a robot is on it, a long body if it faces it so nearly; one that is charged may be less sure of where it is.
_ON_DOCK_M, _FACES_RAD = 0.15, 0.5


def is_in(dock: Dock, robot: Robot, pose: Pose) -> bool:
    """Whether the robot would be in a dock at a pose: where a long body only crosses it, it neither charges nor backs out."""
    if pose.distance_m(dock.pose) >= _ON_DOCK_M:
        return False
    return robot.spec.profile.footprint.is_disc or abs(turn_rad(dock.pose.yaw_rad, pose.yaw_rad)) <= _FACES_RAD


def on_dock(state: FleetState, robot: Robot, loosely: bool = False) -> bool:
    """Whether the robot was last seen on its dock; or `loosely`, so near that it may be."""
    dock = state.store.floor.dock(robot.spec.dock)
    if robot.pose is None:
        return False
    if robot.charging or loosely:
        return robot.pose.distance_m(dock.pose) < robot.radius_m
    return is_in(dock, robot, robot.pose)


def dock_near(state: FleetState, place: NDArray[np.float64]) -> Dock:
    """The dock that stands at a place (x, y)."""
    return min(state.store.floor.docks, key=lambda dock: math.dist(place, (dock.pose.x_m, dock.pose.y_m)))


def guest_of(state: FleetState, robot: Robot) -> Dock | None:
    """The dock in which the robot stands, if that is not its own."""
    if robot.pose is None:
        return None
    dock = dock_near(state, np.array([robot.pose.x_m, robot.pose.y_m]))
    return dock if dock.name != robot.spec.dock and is_in(dock, robot, robot.pose) else None


def out_of(dock: Dock) -> Stretch:
    """The way out of a dock, backwards."""
    return Stretch(LegKind.UNDOCK, _line(dock.pose, dock.staging), np.zeros(2), reverse=True)


def way_home(state: FleetState, robot: Robot) -> Itinerary:
    """From where the robot stands to its staging pose and onto its dock; empty for one that is there."""
    if on_dock(state, robot) or robot.pose is None:
        return Itinerary(())
    dock, guest = state.store.floor.dock(robot.spec.dock), guest_of(state, robot)
    begin = robot.pose if guest is None else guest.staging
    way = way_to(state, robot, begin, dock.staging, homeward=True)
    if way is None:  # what stood where robots did not get on may be gone
        way = way_to(state, robot, begin, dock.staging, homeward=True, round_barred=False)
    home = Itinerary((*(way or ()), Stretch(LegKind.DOCK, _line(dock.staging, dock.pose), np.zeros(2))))
    return home if guest is None else home.after(out_of(guest))


def _line(one: Pose, other: Pose) -> NDArray[np.float64]:
    return np.array([[one.x_m, one.y_m], [other.x_m, other.y_m]])


def see_home(state: FleetState, run: CleaningRun, robot: Robot) -> None:
    """Gives a robot without work a way to its dock, unless a plan that may have work for it is being made."""
    idle = robot.is_here and robot.order is None and not robot.has_work
    if not idle or run.planning or on_dock(state, robot):
        return
    if robot.home_tries >= HOME_TRIES:
        _tell_of_false_docking(state, robot)
        return
    if not state.takes_turn():
        return
    robot.home_tries += 1
    robot.itinerary, robot.place = way_home(state, robot), Place()
    state.touch("itinerary", robot.name)
    state.note("sent home", robot=robot.name)


def look_for_strays(state: FleetState) -> None:
    """Tells a person of robots that stand off their docks after a run that was not stopped: only the next one sends them home."""
    last = next(reversed(state.runs.values()), None)
    ended = last is not None and last.state in (RunState.COMPLETED, RunState.FAILED)
    told = {alert.robot for key, alert in state.alerts.items() if alert.active and key.startswith(_TOLD)}
    for robot in state.robots.values():
        key = f"stray-{robot.name}"
        if not ended or on_dock(state, robot):
            state.settle(key)
        elif robot.name not in told and robot.is_here and robot.order is None and robot.pose is not None:
            x, y = robot.pose.x_m, robot.pose.y_m
            text = f"{robot.name} stands at ({x:.1f}, {y:.1f}), off its dock, and no run is under way"
            state.alert(key, "WARNING", text, "Put it on its dock by hand, or start a run with it", robot.name)


def _tell_of_false_docking(state: FleetState, robot: Robot) -> None:
    """An alert where the robot says again and again that it has docked, and that it stands elsewhere."""
    if robot.state is not RobotState.CHARGING or robot.pose is None:
        return
    dock = state.store.floor.dock(robot.spec.dock)
    text = (
        f"{robot.name} says that it has docked, yet it stands {robot.pose.distance_m(dock.pose):.1f} m from {dock.name}"
    )
    remedy = "Put it on its dock by hand; look at its docking server's result, and at its localisation"
    state.alert(f"dock-{robot.name}", "ERROR", text, remedy, robot.name)
