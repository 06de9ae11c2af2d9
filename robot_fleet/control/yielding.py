"""What a robot does that finds its floor taken: wait, go round, leave the place for later, or make room.

A robot waits while those before it move. When they do not (they rest, are gone, or wait for this robot in a ring), one of them
must do something else: the one of a ring with least to do goes round what does not move, makes room, or drives home for a while.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from shapely import Polygon, dwithin, union_all
from shapely.geometry.base import BaseGeometry

from robot_fleet.control.closures import how_to_clear
from robot_fleet.control.escaping import cut_off_by, follow, is_trapped
from robot_fleet.control.homing import HOME_TRIES, on_dock
from robot_fleet.control.orders import SKIP_M, drop_work, skip
from robot_fleet.control.parting import too_near, way_apart
from robot_fleet.control.state import FleetState
from robot_fleet.control.ways import Way, end_of, floor_of_way, length_m, pose_at, straight, taken, way_to
from robot_fleet.fleet.entities import Robot
from robot_fleet.fleet.itinerary import Itinerary, Place
from robot_fleet.floor.pose import Pose
from robot_fleet.planning.plan import LegKind
from robot_fleet.planning.routing import Router

PATIENCE_S = 3.0
"""How long a robot just waits before it looks for something else to do."""

ALERT_S = 180.0
"""How long a robot waits before a person is told."""

TRAPPED_S = 900.0
"""How long a robot waits for robots that do not move before it gives up its way; one that is trapped only ALERT_S."""

YIELD_S = 20.0
"""How long a robot that has made room stays away at most."""

_RETHINK_S = 3.0
_WAVERS_M = 0.05
_REFUGE_M = 12.0
_REFUGE_STEP_M = 0.8
_REFUGES = 5
_PLACES = 6
_CLOSE_M = 0.5
_LONGEST_DETOUR = 3.0
_LEAST_DETOUR_M = 1.0
_NOWHERE = Polygon()


def give_way(state: FleetState, robot: Robot) -> None:
    """Called while the robot waits for floor; may change its itinerary."""
    waited_s = state.now_s - (robot.waiting_since_s if robot.waiting_since_s is not None else state.now_s)
    if waited_s < PATIENCE_S or robot.itinerary is None or state.now_s < robot.rethink_at_s:
        return
    if not state.takes_turn():
        return
    robot.rethink_at_s = state.now_s + _RETHINK_S
    ring = state.traffic.ring(robot.name)
    blockers = state.traffic.waits_for(robot.name)
    stuck = all(_stays(state, blocker) for blocker in blockers)
    gives_up = (stuck or bool(ring)) and waited_s > (ALERT_S if is_trapped(state, robot) else TRAPPED_S)
    if gives_up:
        # Ways that are found and never granted, as robots stand too near to each other, are no way out.
        moved = False
    elif too_near(state, robot):
        moved = _part(state, robot)
    elif stuck:
        free = _free(state, robot)
        moved = _go_round(state, robot, free) or _leave_for_later(state, robot, free) or _go_home(state, robot, free)
    elif ring:
        free = _free(state, robot)
        moved = (_is_to_move(state, robot, ring) or waited_s > 12 * PATIENCE_S) and (
            _go_round(state, robot, free)
            or make_room(state, robot, free)
            or _retreat_home(state, robot, free)
            or (robot.spec.profile.is_steered and _leave_for_later(state, robot, free))
        )
    else:
        moved = False
    if moved:
        state.touch("itinerary", robot.name)
    elif gives_up:
        _give_up_trapped(state, robot)
    elif waited_s > ALERT_S:
        names = " and ".join(sorted(blockers))
        state.alert(f"waits-{robot.name}", "WARNING", f"{robot.name} has waited long for {names} to move",
                    f"Look at {names}, or {how_to_clear(state, blockers)}", robot.name)  # fmt: skip


def _is_to_move(state: FleetState, robot: Robot, ring: tuple[str, ...]) -> bool:
    """Whether this robot of a ring does something else: the one that has least to do, or another when that has found nothing."""
    first = min((state.robots[name] for name in ring), key=lambda member: (_left_s(member), member.name))
    if first is robot or first.waiting_since_s is None:
        return True
    return state.now_s - first.waiting_since_s > 4 * PATIENCE_S


def _left_s(robot: Robot) -> float:
    return robot.itinerary.remaining_s(robot.place) if robot.itinerary is not None else 0.0


def waits_in_vain(state: FleetState, robot: Robot) -> bool:
    """Whether the robot has been patient, and all that it waits for stays where it is."""
    if robot.waiting_since_s is None or state.now_s - robot.waiting_since_s < PATIENCE_S:
        return False
    return all(_stays(state, blocker) for blocker in state.traffic.waits_for(robot.name))


def _give_up_trapped(state: FleetState, robot: Robot) -> None:
    """Takes the robot's work away; one that has only its way home left stays where it is."""
    state.note("trapped", robot=robot.name)
    cleans = robot.cleans
    robot.home_tries = robot.home_tries if cleans else HOME_TRIES
    drop_work(state, robot, "trapped by a robot that does not move")
    robot.waiting_since_s = None
    if not cleans:
        robot.itinerary = None


def ask_to_move(state: FleetState, robot: Robot) -> None:
    """Sends a resting robot off the floor that others wait for."""
    idle = robot.is_here and robot.order is None and not robot.has_work and not on_dock(state, robot)
    # One that is hemmed in stays where it is, for the others to go round.
    if not idle or robot.is_hemmed_in or state.now_s < robot.rethink_at_s:
        return
    waiting = [other for other in state.robots.values() if robot.name in state.traffic.waits_for(other.name)]
    if waiting and state.takes_turn():
        robot.rethink_at_s = state.now_s + _RETHINK_S
        if too_near(state, robot):
            _part(state, robot)
        else:
            make_room(state, robot, _free(state, robot))


def _part(state: FleetState, robot: Robot) -> bool:
    """Drives away from robots that are too near for any way to be granted."""
    way = way_apart(state, robot, _free(state, robot))
    if way:
        _retreat(state, robot, way)
    return bool(way)


def _stays(state: FleetState, blocker: str) -> bool:
    """Whether what is in the way will stay there: a robot that rests or is gone, or closed floor."""
    robot = state.robots.get(blocker)
    return robot is None or (robot.order is None and not robot.has_work) or not robot.is_here


def _free(state: FleetState, robot: Robot) -> Router:
    """The robot's router without what other robots hold, grown by what it needs beside its radius and clearance.

    And by a little more: the floor of a robot at rest wavers with its pose, and a way close by would not be granted.
    """
    return state.router(robot).without([floor.buffer(_WAVERS_M) for floor in taken(state, robot)])


def _route(state: FleetState, robot: Robot, free: Router, goal: Pose, home: bool = False) -> Way | None:
    """A free way to a goal. On the way home one-ways hold; to give way a robot may go against one."""
    assert robot.pose is not None
    way = way_to(state, robot, robot.pose, goal, free, home)
    if way is None or state.traffic.blockers(robot.name, floor_of_way(robot, way)):
        return None
    return way


def _go_round(state: FleetState, robot: Robot, free: Router) -> bool:
    """Drives a transit another way, round the floor that is taken."""
    assert robot.itinerary is not None
    stretch = robot.itinerary.stretches[robot.place.stretch]
    if stretch.kind is not LegKind.TRANSIT:
        return False
    last = _last_transit(robot, robot.itinerary)
    left_m = length_m(robot.itinerary.stretches[robot.place.stretch : last + 1]) - robot.place.offset_m
    if left_m < _LEAST_DETOUR_M:
        return False
    end = end_of(robot.itinerary.stretches[last])
    way = _route(state, robot, free, end)
    if way is None or length_m(way) > _LONGEST_DETOUR * left_m + 20.0 or not _may_rest(state, robot, way, end):
        return False
    robot.itinerary = robot.itinerary.led(way, Place(last + 1))
    robot.place = Place()
    return True


def _may_rest(state: FleetState, robot: Robot, way: Way, end: Pose) -> bool:
    """Whether a robot that must be steered would be let to the end of a way: it might look for one way after the other."""
    if not robot.spec.profile.is_steered or not way:
        return True
    points = np.vstack([stretch.points for stretch in way])
    return not cut_off_by(state, robot, end, (points, floor_of_way(robot, way)))[1]


def _last_transit(robot: Robot, itinerary: Itinerary) -> int:
    """The last stretch of the robot's present transit: where it must be steered, of a turn with all its cusps."""
    last = robot.place.stretch
    kinds = [stretch.kind for stretch in itinerary.stretches]
    while robot.spec.profile.is_steered and last + 1 < len(kinds) and kinds[last + 1] is LegKind.TRANSIT:
        last += 1
    return last


def _leave_for_later(state: FleetState, robot: Robot, free: Router) -> bool:
    """Skips lane that lies under a robot which does not move, up to the first place that can be reached and is free.

    Where no long part is left, as between two docks in which robots rest, a short one is looked for.
    """
    assert robot.itinerary is not None
    itinerary, place = robot.itinerary, robot.place
    for part_m in (SKIP_M, _CLOSE_M):
        robot.place = place
        for start in itertools.islice(_free_places(state, robot, itinerary, part_m), _PLACES):
            way = _route(state, robot, free, start)
            if way is not None:
                robot.itinerary, robot.place = itinerary.led(way, robot.place), Place()
                return True
    robot.place = place
    return False


def _go_home(state: FleetState, robot: Robot, free: Router) -> bool:
    """Leaves out all cleaning that cannot be reached now, and drives to the dock; the rest is for the make-up pass."""
    assert robot.itinerary is not None
    itinerary = robot.itinerary
    last = len(itinerary.stretches) - 1
    if not itinerary.cleans_after(robot.place) or itinerary.stretches[last].kind is not LegKind.DOCK:
        return False
    way = _route(state, robot, free, pose_at(itinerary, Place(last)), home=True)
    if way is None:
        return False
    robot.itinerary, robot.place = itinerary.led(way, Place(last)), Place()
    return True


def _free_places(state: FleetState, robot: Robot, itinerary: Itinerary, part_m: float) -> Iterator[Pose]:
    """Where so much could be cleaned further along the itinerary; the robot's place is moved there as the search goes on.

    Close to what is taken, so that little is left out; those after it are farther apart, as it may be behind what is taken.
    """
    step_m = _CLOSE_M
    while True:
        skip(robot, itinerary, step_m)
        if not itinerary.cleans_after(robot.place):
            return
        if itinerary.stretches[robot.place.stretch].kind is LegKind.DOCK:
            return  # beyond it the robot needs what it is to get there
        stretch = itinerary.stretches[robot.place.stretch]
        ahead = stretch.cut(robot.place.offset_m, min(robot.place.offset_m + part_m, stretch.length_m))
        begin = pose_at(itinerary, robot.place)
        if stretch.kind is LegKind.CLEAN and not state.traffic.blockers(
            robot.name, floor_of_way(robot, [ahead], begin.yaw_rad)
        ):
            step_m = SKIP_M
            yield begin


def make_room(state: FleetState, robot: Robot, free: Router) -> bool:
    """Drives to a place near by that no waiting robot wants, by the shortest way, and goes on from there later.

    A robot that must be steered makes no room: where it could wait, and how it would come back, is no quick guess.
    """
    if robot.pose is None or robot.spec.profile.is_steered:
        return False
    wishes = [_wish(other) for other in state.robots.values() if other is not robot]
    unwanted = union_all(wishes)
    # It stops as soon as it is within its tolerance of the end, and so short of it.
    for short_m in (robot.spec.profile.goal_tolerance_m, 0.0):
        spots = (spot for spot in _refuges(state, robot, robot.pose) if _suits(state, robot, spot, unwanted, short_m))
        goals = (Pose(float(spot[0]), float(spot[1])) for spot in spots)
        # In an aisle the nearest are those behind whoever bars it.
        near = itertools.islice((goal for goal in goals if free.joins(robot.pose, goal)), _REFUGES)
        ways = [way for way in (_route(state, robot, free, goal) for goal in near) if way]
        if ways:
            _retreat(state, robot, min(ways, key=length_m))
            return True
    return False


def _retreat_home(state: FleetState, robot: Robot, free: Router) -> bool:
    """Drives home out of a ring, where nobody stands in the way: one of a ring can, if all came where they were to rest."""
    way = _steered_home(state, robot, free) if robot.spec.profile.is_steered else _escape_way(state, robot)
    if not way or state.traffic.blockers(robot.name, floor_of_way(robot, way)):
        return False
    _retreat(state, robot, way)
    return True


def _escape_way(state: FleetState, robot: Robot) -> Way | None:
    """The robot's escape as far as its staging place; None where there is none, or it is there."""
    follow(state)
    escape = state.escapes.of(robot.name)
    if escape is None or escape.way is None or len(escape.way) < 3 or robot.pose is None:
        return None
    begin = state.router(robot).place_near(robot.pose)
    return straight(np.vstack(([begin.x_m, begin.y_m], escape.way[1:-1])))


def _steered_home(state: FleetState, robot: Robot, free: Router) -> Way | None:
    """A way to the robot's staging place past all others; None if it is there, or would still stand in somebody's way there."""
    staging = state.store.floor.dock(robot.spec.dock).staging
    if robot.pose is None or robot.pose.distance_m(staging) <= robot.spec.profile.goal_tolerance_m:
        return None
    there = robot.floor_at(staging)
    if any(_wish(other).intersects(there) for other in state.robots.values() if other is not robot):
        return None
    way = way_to(state, robot, robot.pose, staging, free)
    return way if way and _may_rest(state, robot, way, staging) else None


def _retreat(state: FleetState, robot: Robot, way: Way) -> None:
    names = (other.name for other in state.robots.values() if other.waiting_since_s is not None and other is not robot)
    itinerary = robot.itinerary or Itinerary(())
    if robot.yields_to and robot.place == Place() and not itinerary.ended(Place()):
        # It has not even set out to where it was to make room before: from there on it need not go now.
        after = Place(_last_transit(robot, itinerary) + 1)
        robot.place = robot.place if itinerary.ended(after) else after
    robot.yields_to, robot.yields_until_s = tuple(names), state.now_s + length_m(way) / 0.2 + YIELD_S
    robot.itinerary, robot.place = itinerary.led(way, robot.place), Place()
    state.touch("itinerary", robot.name)
    state.note("makes room", robot=robot.name)


def _wish(robot: Robot) -> BaseGeometry:
    """The floor that the robot would drive over next."""
    if not robot.has_work or robot.order is not None or robot.itinerary is None:
        return _NOWHERE
    return robot.floor_of(robot.next_piece())


def _suits(state: FleetState, robot: Robot, spot: NDArray[np.float64], unwanted: BaseGeometry, short_m: float) -> bool:
    """Whether the robot may rest there, and nobody wants that floor, though it stops so far short of it."""
    disc = state.under(robot, Pose(float(spot[0]), float(spot[1])))
    return not dwithin(disc, unwanted, short_m) and not state.traffic.blockers(robot.name, disc)


def _refuges(state: FleetState, robot: Robot, pose: Pose) -> NDArray[np.float64]:
    """Places (n, 2) around a pose where the robot could stand, the nearest first."""
    steps = np.arange(-_REFUGE_M, _REFUGE_M + 1e-9, _REFUGE_STEP_M)
    offsets = np.array(list(itertools.product(steps, steps)))
    away_m = np.hypot(*offsets.T)
    offsets = offsets[np.argsort(away_m, kind="stable")][np.count_nonzero(away_m <= robot.radius_m) :]
    spots = offsets + np.array([pose.x_m, pose.y_m])
    free: NDArray[np.float64] = spots[state.router(robot).can_stand(spots)]
    return free
