"""A peer's polylines made into what a fleet drives: joined, cut among the robots, with ways from the docks and back.

The peers plan for one robot and know no docks. What they lack is done for them as well as it can be: pieces are taken
nearest first, either way round; ways between them, to the first and from the last are shortest safe ways; for several
robots the path is cut where each has driven for the same time (tour splitting).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from shapely import Polygon
from shapely.geometry.base import BaseGeometry

from robot_fleet.floor.pose import Pose
from robot_fleet.floor.profile import RobotProfile
from robot_fleet.floor.store import Dock, Store
from robot_fleet.planning.routing import Router

Floats = NDArray[np.float64]
_MORE_M, _SAME_M = 0.005, 1e-3


def floor_for_peers(store: Store) -> dict[str, Any]:
    """Where a robot's centre may be, in two shapes, each as rings (the outline, then holes); and what else is wanted."""
    robot = store.robots[0]
    profile, staging = robot.profile, store.floor.dock(robot.dock).staging
    keep_m = profile.footprint.circumscribed_m + profile.clearance_m + _MORE_M
    free = store.floor.grid.free & ~store.floor.kept_out()
    floor = max(store.floor.grid.polygons(free), key=lambda part: part.area)
    # With square corners a path has fewer bends; with round ones it comes nearer to the shelves' corners.
    square = floor.buffer(-keep_m, join_style="mitre").simplify(_MORE_M)
    round_ = floor.buffer(-keep_m - _MORE_M, quad_segs=4).simplify(_MORE_M)
    return {
        "inners": {"square corners": _rings(square), "round corners": _rings(round_)},
        "start": [staging.x_m, staging.y_m],
        "spacing_m": profile.head.width_m - profile.overlap_m,
        "angle_rad": _main_angle(floor),
    }


def _rings(shape: BaseGeometry) -> list[list[tuple[float, ...]]]:
    """The outline and the holes of the largest part."""
    parts = [part for part in getattr(shape, "geoms", [shape]) if isinstance(part, Polygon)]
    part = max(parts, key=lambda polygon: polygon.area)
    return [list(ring.coords) for ring in (part.exterior, *part.interiors)]


def _main_angle(floor: Polygon) -> float:
    """The direction (0 to a right angle) in which most of the walls run."""
    edges = np.concatenate(
        [np.diff(np.array(ring.simplify(0.1).coords), axis=0) for ring in (floor.exterior, *floor.interiors)]
    )
    lengths, angles = np.hypot(edges[:, 0], edges[:, 1]), np.arctan2(edges[:, 1], edges[:, 0])
    fourfold = (lengths**2 * np.exp(4j * angles)).sum()
    return float(np.angle(fourfold) / 4)


def fleet_plan(store: Store, pieces: tuple[tuple[tuple[float, float], ...], ...], router: Router) -> dict[str, Any]:
    """The plan document of a fleet that drives the pieces; times are left to the reader."""
    first = store.floor.dock(store.robots[0].dock).staging
    whole = _joined([np.array(piece) for piece in pieces], np.array([first.x_m, first.y_m]), router)
    profile = store.robots[0].profile
    parts = _cut(whole, len(store.robots), profile)
    robots = []
    for robot, part in zip(store.robots, parts, strict=True):
        dock = store.floor.dock(robot.dock)
        start = [dock.pose.x_m, dock.pose.y_m, dock.pose.yaw_rad]
        legs = _legs(robot.name, dock, part, router)
        robots.append({"name": robot.name, "profile": profile.name, "start": start, "legs": legs})
    return {"format": "robot-fleet-plan/1", "floor": store.floor.name, "robots": robots}


def _legs(name: str, dock: Dock, part: list[tuple[Floats, bool]], router: Router) -> list[dict[str, Any]]:
    home, staging = np.array([dock.pose.x_m, dock.pose.y_m]), np.array([dock.staging.x_m, dock.staging.y_m])
    ways = [("undock", np.array([home, staging]))]
    at = staging
    for points, on in part:
        ways += [("transit", _way(at, points[0], router)), ("clean" if on else "transit", points)]
        at = points[-1]
    ways += [("transit", _way(at, staging, router)), ("dock", np.array([staging, home]))]
    return [
        {"id": f"{name}.{k}", "kind": kind, "poses": points.tolist(), **({"reverse": True} if kind == "undock" else {})}
        for k, (kind, points) in enumerate(ways)
        if len(points) > 1
    ]


def _joined(pieces: list[Floats], at: Floats, router: Router) -> list[tuple[Floats, bool]]:
    """Pieces (head on) with ways (head off) between them, nearest first."""
    ends = np.array([[piece[0], piece[-1]] for piece in pieces])
    left = np.ones(len(pieces), dtype=bool)
    made: list[tuple[Floats, bool]] = []
    while left.any():
        away = np.hypot(*(ends - at).transpose(2, 0, 1))
        away[~left] = math.inf
        nearest, end = np.unravel_index(int(np.argmin(away)), away.shape)
        piece = pieces[nearest] if end == 0 else pieces[nearest][::-1]
        way = _way(at, piece[0], router) if made else piece[:1]
        made += [(way, False)] if len(way) > 1 else []
        made.append((piece, True))
        left[nearest], at = False, piece[-1]
    return made


def _way(here: Floats, there: Floats, router: Router) -> Floats:
    """A shortest safe way, ends included; the straight line where there is none; one point where it is no way at all."""
    if np.hypot(*(there - here)) < _SAME_M:
        return np.array([here])
    way = router.route(Pose(float(here[0]), float(here[1])), Pose(float(there[0]), float(there[1])))
    return np.array([here, there]) if way is None else np.concatenate(([here], way[1:-1], [there]))


def _cut(way: list[tuple[Floats, bool]], count: int, profile: RobotProfile) -> list[list[tuple[Floats, bool]]]:
    """The way in so many parts that take the same time."""
    seconds = [_seconds(points, profile) for points, _ in way]
    total = sum(float(part.sum()) for part in seconds)
    parts: list[list[tuple[Floats, bool]]] = [[] for _ in range(count)]
    spent = 0.0
    for (points, on), took in zip(way, seconds, strict=True):
        passed = spent + np.concatenate(([0.0], np.cumsum(took)))
        spent = float(passed[-1])
        low, high = (min(count - 1, int(at_s / total * count)) for at_s in (passed[0], passed[-1]))
        for k in range(low, high + 1):
            first, last = max(passed[0], total * k / count), min(passed[-1], total * (k + 1) / count)
            inside = points[(passed > first) & (passed < last)]
            ends = [[np.interp(at_s, passed, points[:, axis]) for axis in (0, 1)] for at_s in (first, last)]
            if last - first > 1e-6:
                parts[k].append((np.array([ends[0], *inside, ends[1]]), on))
    return parts


def _seconds(points: Floats, profile: RobotProfile) -> Floats:
    """(n - 1,) seconds of each move with the pivot before it, by the definition of the project."""
    step = np.diff(points, axis=0)
    yaw = np.arctan2(step[:, 1], step[:, 0])
    turn = np.abs(np.remainder(np.diff(yaw, prepend=yaw[:1]) + math.pi, math.tau) - math.pi)
    return np.asarray(np.hypot(step[:, 0], step[:, 1]) / profile.speed_mps + turn / profile.yaw_rate_rps)
