"""Ways that the controller finds by itself, for robots that turn anywhere and for those that must be steered."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from shapely import Point, Polygon, union_all
from shapely.geometry.base import BaseGeometry

from robot_fleet.control.blocked import barred
from robot_fleet.control.state import FleetState
from robot_fleet.fleet.entities import Robot
from robot_fleet.fleet.itinerary import Itinerary, Place, Stretch
from robot_fleet.fleet.track import floor_along, headings_along
from robot_fleet.fleet.traffic import MARGIN_M
from robot_fleet.floor.pose import Pose
from robot_fleet.planning.plan import LegKind
from robot_fleet.planning.routing import Router
from robot_fleet.planning.steering.detours import SteeredDetours

Way = tuple[Stretch, ...]

SEEMS_M = 0.1
"""A robot beside closed floor may seem to stand in it by as much as poses waver."""

# A robot that says that it stands a little too near to a wall stands beside there, as far as the noise of poses goes.
_SAME_M = 1e-6
# A turn on the spot is written as so short a way in the new direction.
_STUB_M = 0.02
_ASIDE_M = (0.0, 0.03, -0.03, 0.06, -0.06)


def way_to(
    state: FleetState, robot: Robot, start: Pose, goal: Pose, free: Router | None = None, homeward: bool = False,
    round_barred: bool = True,
) -> Way | None:  # fmt: skip
    """A way with the head off to a pose; None: there is none. `homeward` one-ways hold.

    It leads round places where robots did not get on or, where a router through what is `free` is given, past the floor that
    others hold. Robots that must be steered end in the goal's heading.
    """
    if free is not None:
        return _past(state, robot, start, goal, taken(state, robot), free, homeward)
    ways = (
        _past(state, robot, start, goal, [*closed, *places], None, homeward)
        for places in (barred(state, robot) if round_barred else ([],))
        for closed in shut(state, robot)
    )
    return next((way for way in ways if way is not None), None)


def _past(
    state: FleetState, robot: Robot, start: Pose, goal: Pose, closed: list[Polygon], free: Router | None, homeward: bool
) -> Way | None:
    """A way past closed floor; `free` is the router past it, where it is there already."""
    if robot.spec.profile.is_steered:
        return _steered(state.steered_ways(robot).past(closed), start, goal)
    router = free or (state.router(robot).without(closed) if closed else state.router(robot))
    points = router.along_one_ways(start, goal) if homeward else router.route(start, goal)
    return None if points is None else straight(points)


def straight(points: NDArray[np.float64]) -> Way:
    """A way along points (n, 2), map frame."""
    return (Stretch(LegKind.TRANSIT, points, np.zeros(len(points))),) if len(points) > 1 else ()


def length_m(way: Sequence[Stretch]) -> float:
    """Metres of a way."""
    return sum(stretch.length_m for stretch in way)


def floor_of_way(robot: Robot, way: Sequence[Stretch], before_rad: float | None = None) -> BaseGeometry:
    """The floor that the robot needs along a way, map frame, which it turns into from a heading (None: its present one)."""
    footprint = robot.spec.profile.footprint
    if before_rad is None and robot.pose is not None:
        before_rad = robot.pose.yaw_rad
    floors = []
    for stretch in way:
        headings = headings_along(stretch.points, stretch.reverse)
        floors.append(floor_along(footprint, stretch.points, headings, MARGIN_M, before_rad))
        before_rad = float(headings[-1])
    return union_all(floors)


def pose_at(itinerary: Itinerary, place: Place) -> Pose:
    """Where a robot stands, and how it faces, that sets out from a place of its itinerary; worked out once for each."""
    if place not in itinerary.begins:
        itinerary.begins[place] = _begin(itinerary, place)
    return itinerary.begins[place]


def _begin(itinerary: Itinerary, place: Place) -> Pose:
    stretch = itinerary.stretches[place.stretch]
    points = stretch.between(place.offset_m, stretch.length_m)
    yaw = headings_along(points, stretch.reverse or stretch.kind is LegKind.UNDOCK)[0]
    return Pose(float(points[0, 0]), float(points[0, 1]), float(yaw))


def end_of(stretch: Stretch) -> Pose:
    """Where a robot stands, and how it faces, that has driven a stretch."""
    x, y = stretch.points[-1].tolist()
    return Pose(x, y, float(headings_along(stretch.points, stretch.reverse)[-1]))


def taken(state: FleetState, robot: Robot) -> list[Polygon]:
    """The floor that others hold, grown by what the robot needs beside its body and its clearance."""
    return _grown(robot, state.traffic.others(robot.name).values())


def shut(state: FleetState, robot: Robot) -> Iterator[list[Polygon]]:
    """The floor that a person closed, but for what the robot touches if it stands in some of that: it is to get out.

    It gets out where that is nearest and goes round the rest, if a way is left so, as it does where it stands in none; then also
    with the edge of what it touches left open, before a dock say. Else what it touches is not closed at all.
    """
    touched, closed = state.traffic.let_out_of(robot.name), state.traffic.closed
    edges = [floor for name, floor in closed.items() if name in touched]
    rest = [floor for name, floor in closed.items() if name not in touched]
    opening: BaseGeometry = Point()
    if any(stands_in(robot, floor) for floor in edges):
        opening = _opening(state, robot, _grown(robot, closed.values()))
    if edges:
        narrower = (floor.buffer(-SEEMS_M - MARGIN_M) for floor in edges)
        yield _grown(robot, (*rest, *(floor.difference(opening) for floor in edges)))
        yield _grown(robot, (*rest, *(floor.difference(opening) for floor in narrower)))
    yield _grown(robot, rest)


def _opening(state: FleetState, robot: Robot, closed: list[Polygon]) -> BaseGeometry:
    """A disc round a robot in closed floor, just so wide that it gets out by its shortest way out; empty: there is none."""
    assert robot.pose is not None
    router = state.router(robot)
    reaching = router.reaching(robot.pose)
    if reaching is None:
        return Point()
    places, ways_m = reaching.all_places()
    out = router.without(closed).can_stand(places)
    if not out.any():
        return Point()
    way = reaching.way(places[out][ways_m[out].argmin()])
    here = np.array([robot.pose.x_m, robot.pose.y_m])
    away_m = 0.0 if way is None else float(np.hypot(*(way - here).T).max())
    return Point(here).buffer(away_m + MARGIN_M)


def stands_in(robot: Robot, closed: BaseGeometry) -> bool:
    """Whether the robot is farther in closed floor than poses waver."""
    return robot.pose is not None and closed.distance(Point(robot.pose.x_m, robot.pose.y_m)) < robot.radius_m - SEEMS_M


def _grown(robot: Robot, floors: Iterable[BaseGeometry]) -> list[Polygon]:
    grown_m = max(0.0, MARGIN_M - robot.spec.profile.clearance_m)
    grown = [floor.buffer(grown_m) for floor in floors if not floor.is_empty]
    return [part for floor in grown for part in getattr(floor, "geoms", [floor])]


def _steered(ways: SteeredDetours, start: Pose, goal: Pose) -> Way | None:
    beside = (Pose(start.x_m + x, start.y_m + y, start.yaw_rad) for x, y in itertools.product(_ASIDE_M, _ASIDE_M))
    begin = next((pose for pose in beside if ways.fits(pose)), start)
    if start.distance_m(goal) < _SAME_M and ways.turns(begin, goal.yaw_rad):
        here = np.array([start.x_m, start.y_m])
        return straight(np.array([here, here + _STUB_M * np.array([math.cos(goal.yaw_rad), math.sin(goal.yaw_rad)])]))
    legs = ways.way(begin, goal)
    return None if legs is None else tuple(Stretch(leg.kind, leg.points, leg.times_s, leg.reverse) for leg in legs)
