"""What becomes of a drive order: how far it came, how it ended, and what follows from a failure."""

from __future__ import annotations

import itertools
import math

import numpy as np
from shapely import Point

from robot_fleet.control.blocked import BARRED_M, clear, remember, tell
from robot_fleet.control.homing import way_home
from robot_fleet.control.state import FleetState
from robot_fleet.control.ways import Way, straight, way_to
from robot_fleet.fleet.commands import CancelAll
from robot_fleet.fleet.entities import MOST_DROPS, MOST_GIVE_UPS, Order, Robot
from robot_fleet.fleet.events import LegEnded, Outcome
from robot_fleet.fleet.itinerary import Itinerary, Place
from robot_fleet.fleet.states import RobotEvent
from robot_fleet.fleet.traffic import MARGIN_M
from robot_fleet.floor.pose import Pose
from robot_fleet.planning.plan import LegKind

RETRIES = 3
"""Failures at one place before the place is given up."""

SKIP_M = 2.0
"""How much of a lane is left out where a robot does not get on; twice as much each time that it then does not either."""

BACKLOG_S = 0.5
"""What is so much newer than the last tick was said while nobody listened."""

EARLY_M = 1.0
"""A success this far before the end of the path, beyond the goal tolerance, is not believed."""

IDLE_ARRIVALS = 3
"""A robot that said so often that it has arrived, and stood still, is not believed: short ways could be over before poses tell."""

# How often a robot gives up before it backs off, how far, and what of its track is a way: neither noise nor a jump.
_BACKS_OFF_AFTER, _BACK_M, _BACK_TRIES, _TRACK_STEP_M, _TRACK_GAP_M = 2, 2.0, 4, 0.15, 1.5

_STILL_M, _WORTH_MOVING_M = 0.1, 0.3
_NEW_PLACE_M = 1.0
_SHRINK_M = 1.0
_DRIVEN = (LegKind.TRANSIT, LegKind.CLEAN)


def said_s(state: FleetState, at_s: float) -> float:
    """The store's time to go by for what a robot said: that of the last tick, but after a while in which nobody listened."""
    return at_s if at_s > state.now_s + BACKLOG_S else state.now_s


def cancel(state: FleetState, robot: Robot) -> None:
    """Orders the robot to drop every goal; it gets no order before it has confirmed."""
    robot.cancel_due, robot.cancel_sent_s = True, state.now_s
    state.send(CancelAll(robot.name))


def follow(state: FleetState, robot: Robot) -> None:
    """Follows the robot along its order: its progress, and the floor that it has left."""
    if robot.order is not None and robot.pose is not None and robot.order.piece.kind in _DRIVEN:
        _progress(state, robot, robot.order, robot.pose)


def watch(state: FleetState, robot: Robot) -> None:
    """Follows the robot, and has an order cancelled whose answer is overdue."""
    follow(state, robot)
    order = robot.order
    if order is None or robot.pose is None:
        return
    if state.now_s > order.due_s and order.cancel_asked_s is None:
        order.cancel_asked_s = state.now_s
        cancel(state, robot)
        state.note("leg overdue", robot=robot.name, leg=order.leg_id)


def _progress(state: FleetState, robot: Robot, order: Order, pose: Pose) -> None:
    before_m, position = order.progress_m, (pose.x_m, pose.y_m)
    window_m = 0.5 + 2.0 * robot.spec.profile.speed_mps
    facing_rad = pose.yaw_rad if robot.spec.profile.is_steered else None
    order.progress_m = order.piece.progress_m(position, before_m, window_m, facing_rad)
    line = order.piece.line
    if order.piece.off_m(position, order.progress_m) > MARGIN_M and line.distance(Point(position)) > MARGIN_M:
        # It strays, round a pallet perhaps: nobody else may be sent to where it is.
        state.traffic.hold(robot.name, state.traffic.held(robot.name).union(state.under(robot)))
    if math.floor(order.progress_m / _SHRINK_M) == math.floor(before_m / _SHRINK_M):
        return
    ahead = robot.floor_ahead(order.piece, min(max(0.0, order.progress_m - _SHRINK_M), line.length - 0.01))
    state.traffic.hold(robot.name, ahead.union(state.under(robot)))


def ended(state: FleetState, robot: Robot, event: LegEnded) -> None:
    """Takes in the terminal result of the robot's order; a result of any other order is dropped."""
    order = robot.order
    if order is None or event.leg_id != order.leg_id:
        return
    if event.outcome is Outcome.UNANSWERED:
        # The robot may have taken the goal all the same: its floor is not free before it confirms a cancel.
        order.cancel_asked_s = state.now_s
        cancel(state, robot)
        return
    robot.order = None
    ended_s = said_s(state, event.at_s)
    robot.rest_after_s = ended_s + braking_s(robot)
    if event.outcome is not Outcome.SUCCEEDED:
        brake(robot, ended_s)
    elif order.piece.stops:
        robot.retry_at_s = max(robot.retry_at_s, ended_s + _stopping_s(robot))
    state.touch("robot", robot.name)
    outcome = event.outcome.value
    state.note("leg ended", robot=robot.name, leg=event.leg_id, outcome=outcome, detail=event.detail)
    if order.piece.kind is LegKind.DOCK and event.outcome is Outcome.SUCCEEDED:
        robot.happen(RobotEvent.DOCKED)
        state.settle(f"dock-{robot.name}")
    if order.superseded or robot.itinerary is None:
        return
    if event.outcome is Outcome.SUCCEEDED and _believed(robot, order):
        _passed(robot, robot.itinerary, order)
        if state.active and order.piece.kind in _DRIVEN:
            clear(state, state.active, order)
        return
    _keep_progress(robot, robot.itinerary, order)
    asked_by_us = robot.cancel_due and order.cancel_asked_s is None
    if event.outcome is not Outcome.CANCELLED or not asked_by_us:
        if state.active and _is_barred(robot, order, event):
            remember(state.active, robot, order)
        _failed(state, robot, event.detail or _why(order, event.outcome))


def _why(order: Order, outcome: Outcome) -> str:
    if outcome is not Outcome.SUCCEEDED:
        return str(outcome.value)
    return f"it says that it has arrived, {order.piece.line.length - order.progress_m:.1f} m before the end of its way"


def _is_barred(robot: Robot, order: Order, event: LegEnded) -> bool:
    """Whether this is the last failure at a place and the robot has not got on at all."""
    aborted = event.outcome is Outcome.ABORTED and order.piece.kind in _DRIVEN
    return aborted and order.progress_m < BARRED_M and robot.failures + 1 >= RETRIES


def brake(robot: Robot, from_s: float) -> None:
    """Notes that the robot brakes off its order: it needs the floor ahead, and gets no other before it rests."""
    robot.rest_after_s = max(robot.rest_after_s, from_s + braking_s(robot))
    robot.retry_at_s = max(robot.retry_at_s, robot.rest_after_s)


def braking_s(robot: Robot) -> float:
    """Within how many seconds of its cancel the robot is at rest: v / a + 0.3 s."""
    profile = robot.spec.profile
    return 0.3 + (profile.speed_mps / profile.acceleration_mps2 if profile.acceleration_mps2 else 0.0)


def _stopping_s(robot: Robot) -> float:
    """Within how many seconds a robot stands that has come within its goal tolerance of where it stops."""
    profile = robot.spec.profile
    braking = profile.acceleration_mps2
    return 0.3 + (math.sqrt(2.0 * profile.goal_tolerance_m / braking) if braking else 0.0)


def _believed(robot: Robot, order: Order) -> bool:
    if order.piece.kind not in _DRIVEN:
        return True
    if _stood_still(robot, order):
        return False
    left_m = order.piece.line.length - order.progress_m
    return left_m <= robot.spec.profile.goal_tolerance_m + EARLY_M


def _stood_still(robot: Robot, order: Order) -> bool:
    """Whether the robot has told of arrival after arrival from one place, though its ways were longer than its tolerance."""
    assert robot.pose is not None
    (before_s, before), robot.arrived_at = robot.arrived_at or (0.0, None), (robot.pose_at_s, robot.pose)
    if before is None or robot.pose.distance_m(before) > _STILL_M:
        robot.idle_arrivals = 0
    elif order.piece.line.length > robot.spec.profile.goal_tolerance_m + _WORTH_MOVING_M:
        robot.idle_arrivals += robot.pose_at_s > before_s
    return robot.idle_arrivals >= IDLE_ARRIVALS


def _passed(robot: Robot, itinerary: Itinerary, order: Order) -> None:
    robot.failures, robot.detail = 0, ""
    piece = order.piece
    _cleaned_on(robot, order)
    if piece.kind not in _DRIVEN:
        robot.place = Place(robot.place.stretch + 1)
        return
    least_m = piece.line.length - robot.spec.profile.goal_tolerance_m
    robot.place = itinerary.advanced(piece, max(order.progress_m, least_m, piece.end_m - piece.start.offset_m))


def _keep_progress(robot: Robot, itinerary: Itinerary, order: Order) -> None:
    if order.piece.kind in _DRIVEN:
        if order.progress_m > _NEW_PLACE_M:
            robot.failures = 0
        _cleaned_on(robot, order)
        robot.place = itinerary.advanced(order.piece, order.progress_m)


def _cleaned_on(robot: Robot, order: Order) -> None:
    """A way that leads nowhere is driven as well: only cleaning shows that the robot gets on again."""
    if order.piece.kind is LegKind.DOCK or (order.piece.kind is LegKind.CLEAN and order.progress_m > _NEW_PLACE_M):
        robot.give_ups = 0


def _failed(state: FleetState, robot: Robot, detail: str) -> None:
    robot.failures += 1
    robot.detail = detail
    robot.retry_at_s = max(robot.retry_at_s, state.now_s + 2.0 * robot.failures)
    if robot.failures >= RETRIES:
        robot.failures = 0
        give_up_here(state, robot, detail)


def give_up_here(state: FleetState, robot: Robot, why: str) -> None:
    """Leaves out the place where the robot does not get on; floor that is left out is for the make-up pass."""
    assert robot.itinerary is not None and robot.pose is not None
    stretch = robot.itinerary.stretches[robot.place.stretch]
    state.touch("robot", robot.name)
    robot.give_ups += 1
    if robot.give_ups == MOST_GIVE_UPS:
        robot.hemmed_at = robot.pose
    if _leads_home(robot, robot.itinerary):
        more = robot.cleans
        robot.place = Place(len(robot.itinerary.stretches))
        text, remedy = (
            f"{robot.name} did not get onto its dock: {why}",
            "Put it on its dock by hand and look at the dock",
        )
        state.alert(f"dock-{robot.name}", "ERROR", text, remedy, robot.name)
        if more and state.active:
            # It was to be serviced there: others take what it cannot do.
            state.active.rest_wanted = True
            robot.drops += 1
    elif stretch.kind is LegKind.UNDOCK:
        text, remedy = f"{robot.name} did not leave its dock: {why}", "Look at the robot; its floor goes to the others"
        state.alert(f"dock-{robot.name}", "ERROR", text, remedy, robot.name)
        drop_work(state, robot, why)
    else:
        tell(state, robot, why)
        _skip_lanes(robot, robot.itinerary)
        steered = robot.spec.profile.is_steered
        if robot.give_ups >= _BACKS_OFF_AFTER and robot.cleans and not steered:
            _back_off(state, robot, robot.itinerary)


def _back_off(state: FleetState, robot: Robot, itinerary: Itinerary) -> None:
    """Leads the robot back to where it came from before it goes on: what it stands beside may bar every way ahead."""
    assert robot.pose is not None
    track = state.active.tracks.get(robot.name, []) if state.active else []
    passed = _passed_lately(robot, track)
    ways = (way_to(state, robot, robot.pose, pose, round_barred=False) for pose in passed[-_BACK_TRIES:][::-1])
    for way in itertools.chain([_back_along(state, robot, passed)], ways):
        if way:
            robot.itinerary, robot.place = itinerary.led(way, robot.place), Place()
            state.touch("itinerary", robot.name)
            state.note("backs off", robot=robot.name)
            return


def _back_along(state: FleetState, robot: Robot, passed: list[Pose]) -> Way | None:
    """The very way that the robot came: a shorter one may be barred as well. None for one that must be steered along it."""
    assert robot.pose is not None
    if robot.spec.profile.is_steered:
        return None
    router = state.router(robot)
    places = [router.place_near(pose) for pose in (robot.pose, *passed)]
    points = np.array([(place.x_m, place.y_m) for place in places])
    return straight(points) if len(points) > 1 and router.is_open(points) else None


def _passed_lately(robot: Robot, track: list[tuple[float, float, float]]) -> list[Pose]:
    """Where the robot was in the last metres of its track, facing as it drove, the latest first; poses waver, and may jump."""
    assert robot.pose is not None
    places, driven_m = [(robot.pose.x_m, robot.pose.y_m)], 0.0
    for _, x, y in reversed(track):
        step_m = math.dist(places[-1], (x, y))
        if driven_m >= _BACK_M or step_m > _TRACK_GAP_M:
            break
        if step_m >= _TRACK_STEP_M:
            places.append((x, y))
            driven_m += step_m
    return [Pose(*here, math.atan2(on[1] - here[1], on[0] - here[0])) for on, here in itertools.pairwise(places)]


def _leads_home(robot: Robot, itinerary: Itinerary) -> bool:
    """Whether the robot is on its dock's threshold, or hemmed in with nothing else left: it is left where it stands."""
    kinds = [stretch.kind for stretch in itinerary.stretches[robot.place.stretch :]]
    goal = next((kind for kind in kinds if kind is not LegKind.TRANSIT), None)
    return goal is LegKind.DOCK and (kinds[0] is LegKind.DOCK or robot.is_hemmed_in)


def _skip_lanes(robot: Robot, itinerary: Itinerary) -> None:
    """Moves on past what cannot be reached: farther each time, so that a robot that is cut off has soon given up."""
    lanes = 2 ** (robot.give_ups - 1)
    if itinerary.stretches[robot.place.stretch].kind is LegKind.TRANSIT:
        lanes -= 1
        skip(robot, itinerary)
    while lanes > 0 and not itinerary.ended(robot.place):
        kind = itinerary.stretches[robot.place.stretch].kind
        if kind not in _DRIVEN or (kind is LegKind.TRANSIT and not itinerary.cleans_after(robot.place)):
            return
        lanes -= kind is LegKind.CLEAN
        skip(robot, itinerary)


def skip(robot: Robot, itinerary: Itinerary, lane_m: float = SKIP_M) -> None:
    """Moves on past a bit of a lane, or past a whole transit."""
    if itinerary.stretches[robot.place.stretch].kind is LegKind.CLEAN:
        robot.place = itinerary.settled(Place(robot.place.stretch, robot.place.offset_m + lane_m))
    else:
        robot.place = Place(robot.place.stretch + 1)


def drop_work(state: FleetState, robot: Robot, why: str) -> None:
    """Takes the robot's remaining work away, for the others to do; it gets another chance, but not one after the other."""
    if state.active and robot.cleans:
        state.active.rest_wanted = True
        robot.drops += 1
    robot.itinerary = way_home(state, robot) if robot.drops >= MOST_DROPS else None
    robot.place, robot.detail = Place(), why
    state.traffic.stop_waiting(robot.name)
    state.touch("itinerary", robot.name)
