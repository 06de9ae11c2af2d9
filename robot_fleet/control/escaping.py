"""Grants of floor that leave every robot a way home (`fleet/escapes.py`): where robots will rest, and how they get home."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from shapely import LineString, Point, union_all
from shapely.geometry.base import BaseGeometry

from robot_fleet.control.closures import how_to_clear
from robot_fleet.control.homing import on_dock
from robot_fleet.control.state import FleetState
from robot_fleet.control.ways_home import floors_of_others, rest_pose, round_floors, shortest
from robot_fleet.fleet.entities import NOT_HERE, Robot
from robot_fleet.fleet.escapes import Escape
from robot_fleet.fleet.track import turn_rad
from robot_fleet.floor.pose import Pose

_SAME_PLACE_M, _SAME_RAD = 0.3, 0.35
# So often a robot that found no other way home looks for one; in between it may look for something else to do.
_RETHINK_S = 5.0
# Floor that is worked out twice differs by so much.
_SEEMS_M = 0.02


def cut_off_by(
    state: FleetState, robot: Robot, end: Pose, driven: tuple[NDArray[np.float64], BaseGeometry] | None = None
) -> tuple[Escape, frozenset[str]]:
    """How the robot gets home once it rests at `end`, and for whom it has to wait lest somebody is cut off; nobody: it may go.

    Where its shortest way home will not do, it goes back as it came, by the points (n, 2) that were `driven` over a floor, or
    round all others.
    """
    follow(state, robot)
    escape = _escape(state, robot, end)
    cut_off = state.escapes.newly_cut_off(robot.name, escape)
    if not cut_off:
        return escape, frozenset()
    back = None if driven is None else _as_it_came(state, robot, end, *driven)
    if back is not None and not state.escapes.newly_cut_off(robot.name, back):
        return back, frozenset()
    detour = _detour(state, robot, end)
    if detour is not None:
        return detour, frozenset()
    searched = state.now_s < robot.detour_at_s
    if searched and cut_off == {robot.name} and state.escapes.stands_before_fixed_only(robot.name, escape):
        # What does not move shuts it out of its dock wherever it is: it may as well work, as nobody else is the worse off.
        return escape, frozenset()
    return escape, (state.escapes.in_the_way(robot.name, escape) | cut_off) - {robot.name}


def _as_it_came(
    state: FleetState, robot: Robot, end: Pose, points: NDArray[np.float64], floor: BaseGeometry
) -> Escape | None:
    """Back by the points that lead a long body to `end`, and home as from where it stands now; None: there is no such way.

    It has no room to turn at many a place where it cleans; but wherever it drove, there is floor enough for it to back out.
    """
    profile = robot.spec.profile
    if profile.footprint.is_disc or not profile.reverses or robot.pose is None:
        return None
    for known in robot.came:
        if _is_from(known, end) and known.by_body is not None and known.by_body.buffer(_SEEMS_M).covers(floor):
            return known
    home = _rested(state, robot, robot.pose)
    if home.way is None:
        return None
    out = np.vstack((points[::-1], home.way))
    floors = [floor] if home.by_body is None else [floor, home.by_body]
    back = replace(
        home,
        rest=np.array((end.x_m, end.y_m)),
        way=out,
        facing_rad=end.yaw_rad,
        at_rest=robot.floor_at(end),
        by_body=union_all(floors),
        first_backs=len(points) + home.first_backs,
    )
    robot.came = (back, home)
    return back


def _detour(state: FleetState, robot: Robot, end: Pose) -> Escape | None:
    """A way home round all others with which nobody is cut off: the last that was found from there, or one that is looked for now.

    A robot asks for the same floor again and again while its head is awaited.
    """
    last = robot.detour
    if last is not None and _is_from(last, end) and not state.escapes.newly_cut_off(robot.name, last):
        return last
    if state.now_s < robot.detour_at_s or not state.takes_turn():
        return None
    found = round_floors(state, robot, end, floors_of_others(state, robot, end))
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
    past = round_floors(state, robot, rest_pose(escape), stuck)
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
        end = robot.pose if robot.order is None else robot.order.piece.end_pose
        known = state.escapes.of(robot.name)
        if known is None or not _is_near(known, end):
            state.escapes.put(robot.name, _rested(state, robot, end))
        elif known.first_backs > 1:
            _let_turn(state, robot, known)


def _let_turn(state: FleetState, robot: Robot, back: Escape) -> None:
    """Lets a robot that was to go back as it came go home by the shortest way again, once nobody is cut off by that."""
    short = _escape(state, robot, rest_pose(back))
    if short is back or short.way is None:
        return
    found = state.escapes.cut_off_with(robot.name, short)
    if robot.name not in found and found <= state.escapes.cut_off():
        state.escapes.put(robot.name, short)


def _is_near(escape: Escape, end: Pose) -> bool:
    """Whether the robot rests about where the escape begins, and about so turned if it is a long body."""
    if math.dist(escape.rest, (end.x_m, end.y_m)) > _SAME_PLACE_M:
        return False
    return escape.facing_rad is None or abs(turn_rad(escape.facing_rad, end.yaw_rad)) <= _SAME_RAD


def _rested(state: FleetState, robot: Robot, end: Pose) -> Escape:
    """How the robot gets home from where it rests unasked: the shortest way or, if it is cut off by that, back as it came."""
    escape = _escape(state, robot, end)
    for known in robot.came:
        if robot.name not in state.escapes.cut_off_with(robot.name, escape):
            break
        if _is_near(known, end):
            return known
        if _is_on_its_way_back(known, robot, end):
            return _moved(robot, known, end)
    return escape


def _is_on_its_way_back(escape: Escape, robot: Robot, end: Pose) -> bool:
    """Whether a long body stands on floor that its escape leads back over."""
    if escape.way is None or escape.by_body is None or escape.first_backs < 2:
        return False
    back = LineString(escape.way[: escape.first_backs])
    if back.distance(Point(end.x_m, end.y_m)) > _SAME_PLACE_M:
        return False
    return bool(escape.by_body.buffer(_SEEMS_M).covers(robot.floor_at(end)))


def _moved(robot: Robot, escape: Escape, end: Pose) -> Escape:
    """The escape of a robot that stopped before it came to its end: it goes back by a part of the same floor."""
    assert escape.way is not None
    rest = np.array((end.x_m, end.y_m))
    back = escape.way[: escape.first_backs]
    nearest = int(np.hypot(*(back - rest).T).argmin())
    way = np.vstack((rest, escape.way[nearest:]))
    backs = escape.first_backs - nearest + 1
    return replace(escape, rest=rest, way=way, facing_rad=end.yaw_rad, at_rest=robot.floor_at(end), first_backs=backs)


def _escape(state: FleetState, robot: Robot, end: Pose) -> Escape:
    """The robot's shortest way home; looked for once for one end, and for the two before, which are asked for by turns with it."""
    known = state.ways_home.setdefault(robot.name, {})
    if end not in known:
        for other in list(known)[:-2]:
            del known[other]
        known[end] = shortest(state, robot, end)
    return known[end]
