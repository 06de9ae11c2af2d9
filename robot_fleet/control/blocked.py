"""Places where robots did not get on: ways lead round them from then on, and plans do once robots were barred near them twice.

A run comes back to a place once, for what stood there may be gone, and in the end to those where just one robot was barred: what
barred it may have stood beside its way. A robot that drives through it clears it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from shapely import Point, Polygon

from robot_fleet.control.missed import MAKEUP_PASSES
from robot_fleet.control.state import FleetState
from robot_fleet.fleet.entities import CleaningRun, Order, Robot
from robot_fleet.floor.pose import Pose

NEAR_M = 1.0
"""Within so far of such a place missed floor is listed as blocked, and other such places tell of the same thing."""

BARRED_M = 0.3
"""A robot that came no farther with an order did not get on at all."""

# What stands there is not known but for where a robot stopped before it: with this radius, so far beyond the robot.
_RADIUS_M, _OFF_M, _SAME_M = 0.25, 0.15, 0.3


def remember(run: CleaningRun, robot: Robot, order: Order) -> None:
    """Notes the place right ahead of the robot on its way."""
    line = order.piece.line
    ahead = line.interpolate(min(line.length, order.progress_m + robot.radius_m + _OFF_M + _RADIUS_M))
    for place in run.blocked:
        if math.dist(place[:2], (ahead.x, ahead.y)) < _SAME_M:
            place[2] += 1.0
            return
    run.blocked.append([round(ahead.x, 3), round(ahead.y, 3), 1.0])


def clear(state: FleetState, run: CleaningRun, order: Order) -> None:
    """Forgets the places that the robot has driven over, and settles what was told of them."""
    line = order.piece.line
    passed = [place for place in run.blocked if line.distance(Point(place[:2])) <= _RADIUS_M]
    run.blocked = [place for place in run.blocked if place not in passed]
    for place in passed:
        state.settle(_alert_id(place))


def tell(state: FleetState, robot: Robot, why: str) -> None:
    """Tells a person of the place ahead of the robot, once for all robots and orders that meet it.

    Where no place is remembered there, it is told of the robot: then it alone does not get on.
    """
    assert robot.pose is not None
    x, y = robot.pose.x_m, robot.pose.y_m
    blocked = state.active.blocked if state.active else []
    ahead = min(blocked, key=lambda place: math.dist(place[:2], (x, y)), default=None)
    key = f"blocked-{robot.name}"
    if ahead is not None and math.dist(ahead[:2], (x, y)) <= NEAR_M:
        # The first of those that tell of the same thing: robots meet it from several sides.
        key = _alert_id(next(place for place in blocked if math.dist(place[:2], ahead[:2]) <= NEAR_M))
    text = f"{robot.name} did not get on at ({x:.1f}, {y:.1f}): {why}"
    remedy = "Look whether something stands in its way; it goes on behind the place and comes back later"
    state.alert(key, "WARNING", text, remedy, robot.name)


def _alert_id(place: list[float]) -> str:
    return f"blocked-at-{place[0]:.2f},{place[1]:.2f}"


def places(state: FleetState, run: CleaningRun, members: list[Robot], times: int = 1) -> tuple[Polygon, ...]:
    """The places at or near which robots were barred so often, but for those where a member stands or has its dock."""
    return _where(state, members, run.blocked, times, NEAR_M)


def sure_places(state: FleetState, run: CleaningRun, members: list[Robot]) -> tuple[Polygon, ...]:
    """The very places where robots were barred twice: all that is left out of a run's last pass."""
    return _where(state, members, run.blocked, 2, 0.0)


def _where(
    state: FleetState, members: list[Robot], blocked: list[list[float]], times: int, near_m: float
) -> tuple[Polygon, ...]:
    stands: list[tuple[Pose, float]] = []
    for robot in members:
        dock, off_m = state.store.floor.dock(robot.spec.dock), robot.radius_m + robot.spec.profile.clearance_m
        stands += [(pose, off_m) for pose in (robot.pose, dock.pose, dock.staging) if pose is not None]
        if robot.order is not None:
            stands.append((Pose(*robot.order.piece.points[-1].tolist()), off_m))
    return tuple(
        Point(x, y).buffer(_RADIUS_M, quad_segs=4)
        for x, y, _ in blocked
        if sum(count for other_x, other_y, count in blocked if math.dist((x, y), (other_x, other_y)) <= near_m) >= times
        and all(math.dist((x, y), (pose.x_m, pose.y_m)) > _RADIUS_M + off_m + 0.05 for pose, off_m in stands)
    )


def barred(state: FleetState, robot: Robot) -> Iterator[list[Polygon]]:
    """The places where robots did not get on that are in the robot's way, not under it; in the last pass then the sure ones.

    One after the other, for a way round as much as can be gone round.
    """
    run = state.active
    yield list(places(state, run, [robot])) if run else []
    if run and run.makeup_passes >= MAKEUP_PASSES:
        yield list(sure_places(state, run, [robot]))
