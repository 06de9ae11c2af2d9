"""Grants of floor that leave every robot a way home (`fleet/escapes.py`): where robots will rest, and how they get home."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from shapely import Point, Polygon
from shapely.geometry.base import BaseGeometry

from robot_fleet.control.closures import how_to_clear
from robot_fleet.control.homing import on_dock
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


def prepare_escapes(state: FleetState) -> None:
    """Does now, while nothing moves, what the first grants would else do: with many robots on a large floor it takes seconds."""
    for robot in state.robots.values():
        _field(state, robot, state.store.floor.dock(robot.spec.dock), _others(state, robot))


def cut_off_by(state: FleetState, robot: Robot, end: Pose) -> tuple[Escape, frozenset[str]]:
    """How the robot gets home once it rests at `end`, and for whom it has to wait lest somebody is cut off; nobody: it may go.

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
    searched = state.now_s < robot.detour_at_s
    if searched and cut_off == {robot.name} and state.escapes.stands_before_fixed_only(robot.name, escape):
        # What does not move shuts it out of its dock wherever it is: it may as well work, as nobody else is the worse off.
        return escape, frozenset()
    return escape, (state.escapes.in_the_way(robot.name, escape) | cut_off) - {robot.name}


def _detour(state: FleetState, robot: Robot, end: Pose) -> Escape | None:
    """A way home round all others with which nobody is cut off: the last that was found from there, or one that is looked for now.

    A robot asks for the same floor again and again while its head is awaited.
    """
    last = robot.detour
    if last is not None and _is_from(last, end) and not state.escapes.newly_cut_off(robot.name, last):
        return last
    if state.now_s < robot.detour_at_s or not state.takes_turn():
        return None
    found = _round(state, robot, end, _floors(state, robot, end))
    if found is None or state.escapes.newly_cut_off(robot.name, found):
        robot.detour_at_s = state.now_s + _RETHINK_S
        return None
    robot.detour = found
    return found


def _is_from(escape: Escape, end: Pose) -> bool:
    """Whether the escape begins where the robot is to rest; how it faces there matters to long bodies alone."""
    return escape.rest.tolist() == [end.x_m, end.y_m] and escape.facing_rad in (None, end.yaw_rad)


def look_for_trapped(state: FleetState) -> None:
    """Tells a person of robots that cannot get home since another one stands in their way that does not move."""
    stuck = [state.traffic.held(robot.name) for robot in state.robots.values() if robot.state in NOT_HERE]
    stuck += state.traffic.closed.values()
    if stuck:
        follow(state)
    cut_off = state.escapes.cut_off() if stuck else frozenset()
    for robot in state.robots.values():
        at_home = robot.order is None and on_dock(state, robot)
        if at_home or robot.name not in cut_off or state.traffic.let_out_of(robot.name):
            _free(state, robot)
        elif state.takes_turn():
            _tell_if_trapped(state, robot, stuck)


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
    past = _round(state, robot, _pose_at(escape), stuck)
    if past is not None and not state.escapes.in_the_way(robot.name, past):
        state.escapes.put(robot.name, past)
        return
    before = state.escapes.in_the_way(robot.name, escape)
    names, remedy = " and ".join(sorted(before)) or "something", how_to_clear(state, before)
    state.alert(f"trapped-{robot.name}", "ERROR", f"{robot.name} is trapped: {names} stands in its only way home",
                f"{remedy[0].upper()}{remedy[1:]}, or fetch {robot.name}", robot.name)  # fmt: skip


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
        if known is None or math.dist(known.rest, (end.x_m, end.y_m)) > _SAME_PLACE_M:
            state.escapes.put(robot.name, _escape(state, robot, end))


def _rest(robot: Robot, pose: Pose) -> Pose:
    """Where the robot stands when its order is done, or stands now."""
    return pose if robot.order is None else robot.order.piece.end_pose


def _pose_at(escape: Escape) -> Pose:
    """Where a robot is to rest by its escape; how it faces there is known of long bodies alone, and matters to them alone."""
    x, y = escape.rest.tolist()
    return Pose(x, y, escape.facing_rad or 0.0)


def _escape(state: FleetState, robot: Robot, end: Pose) -> Escape:
    """The robot's shortest way home, past the docks of all others where there is such a way; looked for once for one end."""
    known = state.ways_home.get(robot.name)
    if known is None or known[0] != end:
        known = state.ways_home[robot.name] = end, _shortest(state, robot, end)
    return known[1]


def _shortest(state: FleetState, robot: Robot, end: Pose) -> Escape:
    dock, place = state.store.floor.dock(robot.spec.dock), np.array((end.x_m, end.y_m))
    if _is_on(dock, place):
        return _made(robot, end, dock, place[None])
    begin, others = _before_dock(state, place), _others(state, robot)
    # From a place at another robot's dock no way leads past that dock; it may lead past all the rest.
    past = dict.fromkeys((others, others - _docked_at(state, robot, place), frozenset[str]()))
    fields = (_field(state, robot, dock, names) for names in past)
    ways = (field.way(begin[-1]) for field in fields if field is not None)
    way = next((way for way in ways if way is not None), None)
    return _made(robot, end, dock, None if way is None else _home(begin, way, dock))


def _round(state: FleetState, robot: Robot, end: Pose, floors: list[BaseGeometry]) -> Escape | None:
    """A way home from where the robot is to rest that touches none of the floors."""
    dock, begin = state.store.floor.dock(robot.spec.dock), _before_dock(state, np.array((end.x_m, end.y_m)))
    way = _past(state, robot, floors).route(Pose(*begin[-1].tolist()), dock.staging)
    return None if way is None else _made(robot, end, dock, _home(begin, way, dock))


def _made(robot: Robot, end: Pose, dock: Dock, way: Place | None) -> Escape:
    """The escape; a long body stands in less floor than the disc that holds it wherever it turns."""
    rest, radius_m = np.array((end.x_m, end.y_m)), robot.radius_m + MARGIN_M
    if robot.spec.profile.footprint.is_disc:
        return Escape(rest, radius_m, way)
    return Escape(rest, radius_m, way, end.yaw_rad, robot.floor_at(end), robot.floor_at(dock.pose))


def _home(begin: Place, way: Place, dock: Dock) -> Place:
    return np.vstack((begin, way[1:], [(pose.x_m, pose.y_m) for pose in (dock.staging, dock.pose)]))


def _before_dock(state: FleetState, end: Place) -> Place:
    """(n, 2) the place itself, and from a dock the place before it."""
    dock = next((dock for dock in state.store.floor.docks if _is_on(dock, end)), None)
    return end[None] if dock is None else np.array([end, (dock.staging.x_m, dock.staging.y_m)])


def _is_on(dock: Dock, place: Place) -> bool:
    return math.dist(place, (dock.pose.x_m, dock.pose.y_m)) < _ON_DOCK_M


def _field(state: FleetState, robot: Robot, dock: Dock, past: frozenset[str]) -> Reaching | None:
    """How far it is home from everywhere by the shortest ways past the docks of some robots; made once."""
    key = robot.name, past
    if key not in state.homeward:
        docks = [_at_dock(state, state.robots[name]) for name in sorted(past)]
        state.homeward[key] = _past(state, robot, docks).reaching(dock.staging, towards=True)
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


def _floors(state: FleetState, robot: Robot, end: Pose) -> list[BaseGeometry]:
    """The floor of all others: where they are to rest, and their docks, but for one that `end` is at."""
    here = _docked_at(state, robot, np.array((end.x_m, end.y_m)))
    inside = state.traffic.let_out_of(robot.name)
    found = [floor for name, floor in state.traffic.closed.items() if name not in inside]
    for other in state.robots.values():
        if other is robot:
            continue
        escape = state.escapes.of(other.name)
        found.append(state.traffic.held(other.name) if escape is None else state.under(other, _pose_at(escape)))
        if other.name not in here:
            found.append(_at_dock(state, other))
    return found


def _past(state: FleetState, robot: Robot, floors: list[BaseGeometry]) -> Router:
    profile = robot.spec.profile
    # Its ways are those of a disc as wide as it is, but others are passed as by the disc that holds it.
    wider_m = robot.radius_m - profile.slim.footprint.circumscribed_m
    grown_m = max(0.0, MARGIN_M - profile.clearance_m) + _SPARE_M + wider_m
    grown = [floor.buffer(grown_m) for floor in floors if not floor.is_empty]
    parts: list[Polygon] = [part for floor in grown for part in getattr(floor, "geoms", [floor])]
    return state.router(robot).without(parts)
