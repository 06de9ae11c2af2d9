"""From an itinerary to drive orders: a robot's next piece is released when its floor is free and its head is as it must be."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from shapely import LineString, Point, Polygon, union_all
from shapely.geometry.base import BaseGeometry

from robot_fleet.control.closures import leads_on_into, turns_away
from robot_fleet.control.escaping import cut_off_by
from robot_fleet.control.homing import dock_near, is_in
from robot_fleet.control.orders import RETRIES, braking_s, drop_work, give_up_here
from robot_fleet.control.parting import parts_from
from robot_fleet.control.state import FleetState
from robot_fleet.control.ways import Way, length_m, pose_at, way_to
from robot_fleet.control.yielding import give_way, waits_in_vain
from robot_fleet.fleet.commands import Command, DockAt, Follow, SwitchHead, Undock
from robot_fleet.fleet.entities import CleaningRun, Order, Robot, kind_event
from robot_fleet.fleet.itinerary import Itinerary, Piece, Place, Stretch
from robot_fleet.fleet.states import RobotEvent, RobotState
from robot_fleet.fleet.steered_pieces import turns_lowered
from robot_fleet.fleet.track import PIVOT_RAD, turn_rad
from robot_fleet.floor.pose import Pose
from robot_fleet.planning.plan import LegKind

OFF_PATH_M = 0.3
"""A robot further than this from where its piece starts is led there first."""

OFF_PATH_RAD = 0.35
"""A robot that must be steered and faces further off its way than this is turned first."""

WORTH_M = 1.5
"""The least part of a lane that is driven when the rest of it is taken."""

LITTLE_M = 0.3
"""The same, once what takes the rest is known to stay there: before lane is left out, what can be had of it is cleaned."""

HEAD_WAIT_S = 5.0
"""A robot that waits longer turns its head off: brushes that turn on one spot wear the floor."""

HEAD_S = 5.0
"""How long a head may take to report its new state before it is asked again."""

_NOWHERE = Polygon()


def advance(state: FleetState, run: CleaningRun, robot: Robot) -> None:
    """Gives the robot its next order, if it can take one now."""
    if robot.order or not robot.is_here or state.now_s < robot.retry_at_s or state.winds_up:
        return
    if (run.planning and robot.cleans) or _yields(state, robot):
        _wait(state, robot)
    elif not robot.has_work:
        _rest(state, robot)
    else:
        assert robot.itinerary is not None
        robot.place = robot.itinerary.settled(robot.place)
        if robot.has_work and robot.itinerary.stretches[robot.place.stretch].is_stay:
            _stay(state, robot, robot.itinerary)
        elif robot.has_work and _in_position(state, robot, robot.itinerary) and state.may_ask(robot.name):
            _release(state, run, robot, robot.itinerary)


def _stay(state: FleetState, robot: Robot, itinerary: Itinerary) -> None:
    """Lets the robot stand in its dock as long as the plan says; what time passes while nobody looks counts as well."""
    robot.waiting_since_s = None
    if robot.served_until_s is not None:
        robot.served_s += state.now_s - robot.served_until_s
    robot.served_until_s = state.now_s
    if robot.state is RobotState.WAITING:
        robot.happen(RobotEvent.DOCKED)
    _head_ready(state, robot, False)
    if robot.served_s >= itinerary.stretches[robot.place.stretch].lasts_s:
        robot.served_s, robot.served_until_s = 0.0, None
        robot.place = Place(robot.place.stretch + 1)
        state.touch("robot", robot.name)
        state.note("serviced", robot=robot.name)


def keep_head_off(state: FleetState, robot: Robot) -> None:
    """Asks for the head of a robot that is to rest to be off, again and again until it says so."""
    if not robot.is_silent:
        _head_ready(state, robot, False)


def _release(state: FleetState, run: CleaningRun, robot: Robot, itinerary: Itinerary) -> None:
    piece = robot.next_piece()
    if not _granted(state, robot, piece):
        shorter = _free_part(state, robot, piece)
        if shorter is None or shorter is piece or not _granted(state, robot, shorter):
            _wait(state, robot)
            if not turns_away(state, robot, piece):
                give_way(state, robot)
            return
        piece = shorter
    # The floor comes first: a robot that looks for another way would turn its head on and off with every idea.
    if not _head_ready(state, robot, piece.kind is LegKind.CLEAN):
        return
    robot.waiting_since_s = None
    _send(state, run, robot, piece)


def _granted(state: FleetState, robot: Robot, piece: Piece) -> bool:
    """Whether the robot holds the floor of the piece now: it is free, and nobody is cut off from home by it."""
    floors = [robot.floor_of(piece), state.under(robot), _still_rolled_on(state, robot)]
    left = parts_from(state, robot, floors[0])
    blockers = (
        leads_on_into(state, robot, piece).union(*(state.traffic.blockers(robot.name, on) for on in floors)) - left
    )
    if blockers:
        state.traffic.wait(robot.name, blockers)
        return False
    floor = union_all(floors)
    escape, others = cut_off_by(state, robot, piece.end_pose, (piece.points, floor))
    if others:
        state.traffic.wait(robot.name, others)
        return False
    state.escapes.put(robot.name, escape)
    return state.traffic.ask(robot.name, floor, left)


def _still_rolled_on(state: FleetState, robot: Robot) -> BaseGeometry:
    """The part of its old floor that the robot may still be on before it takes up the next order, or came to unseen."""
    unseen_s = robot.rest_after_s - robot.pose_at_s
    rolls_s = max(unseen_s, braking_s(robot)) if state.now_s < robot.rest_after_s else unseen_s
    if rolls_s <= 0.0:
        return _NOWHERE
    within = state.under(robot).buffer(robot.spec.profile.speed_mps * rolls_s)
    return state.traffic.held(robot.name).intersection(within)


def _free_part(state: FleetState, robot: Robot, piece: Piece) -> Piece | None:
    """The piece without floor that others hold: as much of a lane as is worth an order, or a drive without what it runs beyond.

    None when neither is to be had.
    """
    others = list(state.traffic.near(robot.name, robot.floor_of(piece)).values())
    least_m = piece.end_m - piece.start.offset_m
    worth_m = LITTLE_M if waits_in_vain(state, robot) else WORTH_M
    least_m = min(worth_m, least_m) if piece.kind is LegKind.CLEAN else least_m
    if robot.is_barred_within(piece, least_m, others):
        return None
    shorter = robot.part_before(piece, union_all(others))
    if shorter is None:
        return None
    worth = piece.kind is LegKind.CLEAN and shorter.end_m - piece.start.offset_m >= worth_m
    return shorter if worth or shorter.end_m == piece.end_m else None


def _send(state: FleetState, run: CleaningRun, robot: Robot, piece: Piece) -> None:
    run.pieces += 1
    leg_id = f"{run.run_id}-{run.pieces}-{robot.name}"
    due_s = state.now_s + 30.0 + 3.0 * _expected_s(robot, piece.points)
    robot.order = Order(leg_id, piece, due_s, leaves=parts_from(state, robot, robot.floor_of(piece)))
    robot.happen(kind_event(piece.kind))
    state.send(_command(state, robot, leg_id, piece))
    state.touch("robot", robot.name)
    state.touch("run", run.run_id)
    state.note("leg sent", robot=robot.name, leg=leg_id, kind=piece.kind.value)


def _command(state: FleetState, robot: Robot, leg_id: str, piece: Piece) -> Command:
    if piece.kind is LegKind.UNDOCK:
        return Undock(robot.name, leg_id, dock_near(state, piece.points[0]))
    if piece.kind is LegKind.DOCK:
        return DockAt(robot.name, leg_id, dock_near(state, piece.points[-1]))
    return Follow(robot.name, leg_id, piece.points, piece.reverse, piece.cusps, piece.facing_rad)


def _expected_s(robot: Robot, points: NDArray[np.float64]) -> float:
    profile = robot.spec.profile
    steps = np.diff(points, axis=0)
    turning_rad = np.abs(np.diff(np.unwrap(np.arctan2(steps[:, 1], steps[:, 0])))).sum()
    return float(np.hypot(*steps.T).sum() / profile.speed_mps + turning_rad / profile.yaw_rate_rps)


def _in_position(state: FleetState, robot: Robot, itinerary: Itinerary) -> bool:
    """Whether the next piece starts where the robot stands; if not, leads it there first."""
    assert robot.pose is not None
    stretch = itinerary.stretches[robot.place.stretch]
    if stretch.kind is LegKind.UNDOCK:
        if is_in(dock_near(state, stretch.points[0]), robot, robot.pose):
            return True
        robot.place = Place(robot.place.stretch + 1)
        return False
    rolls = robot.spec.profile.is_steered and state.now_s < robot.rest_after_s
    if not rolls:
        robot.place = _further_on(robot, itinerary)
    begin = pose_at(itinerary, robot.place)
    near = robot.pose.distance_m(begin) <= _off_path_m(robot, begin)
    if near and not _must_turn_first(robot, stretch, begin):
        return True
    if rolls or not state.takes_turn():
        return False
    # Where it stands on its lane is known better from the lane than from a pose.
    way = way_to(state, robot, replace(begin, yaw_rad=robot.pose.yaw_rad) if near else robot.pose, begin)
    if way is None:
        give_up_here(state, robot, "no way leads from where it stands to its next lane")
        return False
    robot.itinerary, robot.place = _led(robot, itinerary, way), Place()
    state.touch("itinerary", robot.name)
    return False


def _off_path_m(robot: Robot, begin: Pose) -> float:
    """How far from where its piece begins a robot may stand; a long body that turns there first needs its floor to be there."""
    assert robot.pose is not None
    turns = robot.spec.profile.is_steered and abs(turn_rad(robot.pose.yaw_rad, begin.yaw_rad)) > OFF_PATH_RAD
    return OFF_PATH_M / 2 if turns else OFF_PATH_M


def _led(robot: Robot, itinerary: Itinerary, way: Way) -> Itinerary:
    """What leads the robot to its place first; a lane near by begins where it stands.

    It stopped within its tolerance of where the lane was to begin: an order that leads it there would end as it begins.
    """
    stretch, profile = itinerary.stretches[robot.place.stretch], robot.spec.profile
    begins_here = stretch.kind is LegKind.CLEAN and not profile.is_steered and way
    if begins_here and length_m(way) <= OFF_PATH_M + profile.goal_tolerance_m:
        return itinerary.begun_with(way[0].points, robot.place)
    return itinerary.led(way, robot.place)


def _further_on(robot: Robot, itinerary: Itinerary) -> Place:
    """The robot's place; on a bare way that it has driven on unseen, while the controller was away, where it is by now.

    One that must be steered is there only if it faces along the way: in the midst of a turn it would turn anew, elsewhere.
    """
    assert robot.pose is not None
    stretch, place = itinerary.stretches[robot.place.stretch], robot.place
    if stretch.kind is not LegKind.TRANSIT or robot.pose.distance_m(pose_at(itinerary, place)) <= OFF_PATH_M:
        return place
    ahead, here = LineString(stretch.between(place.offset_m, stretch.length_m)), Point(robot.pose.x_m, robot.pose.y_m)
    if ahead.distance(here) > OFF_PATH_M:
        return place
    further = Place(place.stretch, min(place.offset_m + ahead.project(here), stretch.length_m))
    askew_rad = abs(turn_rad(robot.pose.yaw_rad, pose_at(itinerary, further).yaw_rad))
    return place if robot.spec.profile.is_steered and askew_rad > OFF_PATH_RAD else further


def _must_turn_first(robot: Robot, stretch: Stretch, begin: Pose) -> bool:
    """Whether the robot faces so far off its way that it cannot be driven as it is, with the head as it must be."""
    assert robot.pose is not None
    profile = robot.spec.profile
    # Poses are late in a turn; but a robot that has refused its way is turned for less.
    most_rad = PIVOT_RAD / 2 if robot.failures else OFF_PATH_RAD
    if not profile.is_steered or abs(turn_rad(robot.pose.yaw_rad, begin.yaw_rad)) <= most_rad:
        return False
    return profile.lifted_radius_m > 0.0 or (stretch.kind is LegKind.CLEAN and not turns_lowered(profile))


def _head_ready(state: FleetState, robot: Robot, wanted: bool) -> bool:
    if robot.head_on == wanted:
        robot.head_asked_s, robot.head_failures = None, 0
        if robot.head_refused in (None, wanted):
            # A head that does not turn on is not mended by being off.
            robot.head_refused = None
            state.settle(f"head-{robot.name}")
        return True
    again = robot.head_asked_s is not None and robot.head_wanted == wanted
    if again and state.now_s - (robot.head_asked_s or 0.0) < HEAD_S:
        return False
    robot.head_failures = robot.head_failures + 1 if again else 0
    robot.head_asked_s, robot.head_wanted = state.now_s, wanted
    state.send(SwitchHead(robot.name, wanted))
    return robot.head_failures >= RETRIES and _head_failed(state, robot, wanted)


def _head_failed(state: FleetState, robot: Robot, wanted: bool) -> bool:
    """Whether the robot may go on with a head that does not obey: only to drive, never to clean."""
    text = f"The cleaning head of {robot.name} does not turn {'on' if wanted else 'off'}"
    robot.head_refused = wanted
    state.touch("robot", robot.name)
    state.alert(f"head-{robot.name}", "ERROR", text, "Look at the head, its fuse and its service", robot.name)
    if wanted:
        drop_work(state, robot, "its cleaning head does not turn on")
    return not wanted


def _yields(state: FleetState, robot: Robot) -> bool:
    """Whether the robot has made room, its first stretch, and waits for those to pass for whom it did so."""
    if state.now_s >= robot.yields_until_s:
        robot.yields_to = ()
    if not robot.yields_to or robot.place.stretch == 0:
        return False
    robot.yields_to = tuple(name for name in robot.yields_to if state.robots[name].waiting_since_s is not None)
    return bool(robot.yields_to)


def _wait(state: FleetState, robot: Robot) -> None:
    if robot.waiting_since_s is None:
        robot.waiting_since_s = state.now_s
    if robot.state is not RobotState.WAITING:
        robot.happen(RobotEvent.MUST_WAIT)
    if robot.head_on and state.now_s - robot.waiting_since_s >= HEAD_WAIT_S:
        _head_ready(state, robot, False)


def _rest(state: FleetState, robot: Robot) -> None:
    robot.waiting_since_s = None
    state.traffic.stop_waiting(robot.name)
    if robot.head_on:
        _head_ready(state, robot, False)
    if robot.state not in (RobotState.IDLE, RobotState.CHARGING):
        robot.happen(RobotEvent.RELEASED)
