"""Grants of floor that leave every robot a way home (`fleet/escapes.py`): where robots will rest, and how they get home."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from shapely import Polygon
from shapely.geometry.base import BaseGeometry

from robot_fleet.control.state import FleetState
from robot_fleet.fleet.entities import NOT_HERE, Robot
from robot_fleet.fleet.escapes import Escape
from robot_fleet.fleet.traffic import MARGIN_M
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.store import Dock
from robot_fleet.planning.routing import Reaching, Router

_SAME_PLACE_M = 0.3
# So often a robot that found no other way home looks for one; in between it may look for something else to do.
_RETHINK_S = 5.0
_ON_DOCK_M = 0.15
# Ways on the coarse lattice come a little nearer to what is closed than its nodes do.
_SPARE_M = 0.1

Place = NDArray[np.float64]


def cut_off_by(state: FleetState, robot: Robot, end: Place) -> tuple[Escape, frozenset[str]]:
    """How the robot gets home once it rests at `end` (2,), and for whom it has to wait lest somebody is cut off; nobody: it may go.

    Where its shortest way home will not do, one round all others is looked for.
    """
    follow(state, robot)
    escape = _escape(state, robot, end)
    cut_off = state.escapes.newly_cut_off(robot.name, escape)
    if not cut_off:
        return escape, frozenset()
    detour = _detour(state, robot, end)
    if detour is not None:
        return detour, frozenset()
    return escape, (state.escapes.in_the_way(robot.name, escape) | cut_off) - {robot.name}


def _detour(state: FleetState, robot: Robot, end: Place) -> Escape | None:
    """A way home round all others with which nobody is cut off: the last that was found from there, or one that is looked for now.

    A robot asks for the same floor again and again while its head is awaited.
    """
    last = robot.detour
    if last is not None and np.array_equal(last.rest, end) and not state.escapes.newly_cut_off(robot.name, last):
        return last
    if state.now_s < robot.detour_at_s or not state.takes_turn():
        return None
    found = _round(state, robot, end, _floors(state, robot))
    if found is None or state.escapes.newly_cut_off(robot.name, found):
        robot.detour_at_s = state.now_s + _RETHINK_S
        return None
    robot.detour = found
    return found


def look_for_trapped(state: FleetState) -> None:
    """Tells a person of robots that cannot get home since another one stands in their way that does not move."""
    stuck = [robot for robot in state.robots.values() if robot.state in NOT_HERE]
    if stuck:
        follow(state)
    cut_off = state.escapes.cut_off() if stuck else frozenset()
    for robot in state.robots.values():
        if robot.name not in cut_off:
            _free(state, robot)
        elif state.takes_turn():
            _tell_if_trapped(state, robot, [state.traffic.held(other.name) for other in stuck])


def _free(state: FleetState, robot: Robot) -> None:
    if is_trapped(state, robot):
        robot.home_tries = 0
        state.settle(f"trapped-{robot.name}")


def is_trapped(state: FleetState, robot: Robot) -> bool:
    """Whether a person was told that the robot cannot get home, and it still cannot."""
    alert = state.alerts.get(f"trapped-{robot.name}")
    return alert is not None and alert.active


def _tell_if_trapped(state: FleetState, robot: Robot, stuck: list[BaseGeometry]) -> None:
    escape = state.escapes.of(robot.name)
    assert escape is not None
    past = _round(state, robot, escape.rest, stuck)
    if past is not None and not state.escapes.in_the_way(robot.name, past):
        state.escapes.put(robot.name, past)
        return
    names = " and ".join(sorted(state.escapes.in_the_way(robot.name, escape))) or "something"
    state.alert(f"trapped-{robot.name}", "ERROR", f"{robot.name} is trapped: {names} stands in its only way home",
                f"Move {names} out of the way by hand, or fetch {robot.name}", robot.name)  # fmt: skip


def follow(state: FleetState, asking: Robot | None = None) -> None:
    """Brings the escapes of all robots but the one that is `asking` up to where these are to rest."""
    for robot in state.robots.values():
        if robot is asking:
            continue
        if robot.state in NOT_HERE or robot.pose is None:
            state.escapes.fix(robot.name, state.traffic.held(robot.name))
            continue
        end = _rest(robot, robot.pose)
        known = state.escapes.of(robot.name)
        if known is None or math.dist(known.rest, end) > _SAME_PLACE_M:
            state.escapes.put(robot.name, _escape(state, robot, end))


def _rest(robot: Robot, pose: Pose) -> Place:
    """Where the robot stands when its order is done, or stands now."""
    return np.array((pose.x_m, pose.y_m)) if robot.order is None else robot.order.piece.points[-1]


def _escape(state: FleetState, robot: Robot, end: Place) -> Escape:
    """The robot's shortest way home, past the docks of all others where there is such a way."""
    radius_m, dock = robot.radius_m + MARGIN_M, state.store.floor.dock(robot.spec.dock)
    if _is_on(dock, end):
        return Escape(end, radius_m, end[None])
    begin = _before_dock(state, end)
    fields = (_field(state, robot, dock, past_docks) for past_docks in (True, False))
    ways = (field.way(begin[-1]) for field in fields if field is not None)
    way = next((way for way in ways if way is not None), None)
    return Escape(end, radius_m, None if way is None else _home(begin, way, dock))


def _round(state: FleetState, robot: Robot, end: Place, floors: list[BaseGeometry]) -> Escape | None:
    """A way home from a place that touches none of the floors."""
    dock, begin = state.store.floor.dock(robot.spec.dock), _before_dock(state, end)
    way = _past(state, robot, floors).route(Pose(*begin[-1].tolist()), dock.staging)
    return None if way is None else Escape(end, robot.radius_m + MARGIN_M, _home(begin, way, dock))


def _home(begin: Place, way: Place, dock: Dock) -> Place:
    return np.vstack((begin, way[1:], [(pose.x_m, pose.y_m) for pose in (dock.staging, dock.pose)]))


def _before_dock(state: FleetState, end: Place) -> Place:
    """(n, 2) the place itself, and from a dock the place before it."""
    dock = next((dock for dock in state.store.floor.docks if _is_on(dock, end)), None)
    return end[None] if dock is None else np.array([end, (dock.staging.x_m, dock.staging.y_m)])


def _is_on(dock: Dock, place: Place) -> bool:
    return math.dist(place, (dock.pose.x_m, dock.pose.y_m)) < _ON_DOCK_M


def _field(state: FleetState, robot: Robot, dock: Dock, past_docks: bool) -> Reaching | None:
    """How far it is home from everywhere, past the other docks or by the shortest ways; made once."""
    key = robot.name, past_docks
    if key not in state.homeward:
        others = [other for other in state.robots.values() if other is not robot and past_docks]
        docks = [state.disc(other, state.store.floor.dock(other.spec.dock).pose) for other in others]
        state.homeward[key] = _past(state, robot, docks).reaching(dock.staging, towards=True)
    return state.homeward[key]


def _floors(state: FleetState, robot: Robot) -> list[BaseGeometry]:
    """The floor of all others: where they are to rest, and their docks."""
    found: list[BaseGeometry] = []
    for other in state.robots.values():
        if other is robot:
            continue
        escape, dock = state.escapes.of(other.name), state.store.floor.dock(other.spec.dock)
        rest = state.traffic.held(other.name) if escape is None else state.disc(other, Pose(*escape.rest.tolist()))
        found += [rest, state.disc(other, dock.pose)]
    return found


def _past(state: FleetState, robot: Robot, floors: list[BaseGeometry]) -> Router:
    grown_m = max(0.0, MARGIN_M - robot.spec.profile.clearance_m) + _SPARE_M
    grown = [floor.buffer(grown_m) for floor in floors if not floor.is_empty]
    parts: list[Polygon] = [part for floor in grown for part in getattr(floor, "geoms", [floor])]
    return state.router(robot).without(parts)
