"""Reservations are exclusive, nobody waits in a ring, and each robot is on the floor that it holds."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import Point, Polygon
from shapely.geometry.base import BaseGeometry

from robot_fleet.floor.footprint import Footprint
from robot_fleet.floor.pose import Pose
from robot_fleet.nights.checks.violation import Findings

# A robot at rest holds the floor about where it says it is: three sigma off at times, and two robots twice that; and one that
# came by has strayed from its path by up to 0.05 m. Of two that drive each may stray so far, and be seen off by as much.
_DEEP_M, _GRANTED_DEEP_M = 0.18, 0.1
_STICKS_OUT_M = 0.02
# Nobody can tell that a robot has left floor before it is so far off it: poses are late, and waver.
_SEEN_OFF_M = 0.1
_BEYOND_M2 = 0.002
_STILL_M = 0.001
# So far apart are the points of an outline that are looked at first.
_RIM_M = 0.15
_ORIGIN = Pose(0.0, 0.0)


class ReservationCheck:
    """No two robots hold the same floor."""

    def __init__(self) -> None:
        self.findings = Findings("reservations")
        self._held: dict[str, BaseGeometry] = {}
        self._shared: dict[frozenset[str], BaseGeometry] = {}

    def look(self, now_s: float, held: Mapping[str, BaseGeometry], driving: Collection[str] = ()) -> None:
        """Takes in who holds what, and who has an order under way; compares what has changed with all else.

        While two are under way they may share what they shared before at rest, but little that was granted since.
        """
        changed = [name for name, floor in held.items() if self._held.get(name) is not floor]
        self._held = dict(held)
        before = self._shared
        self._shared = {
            pair: shared for pair, shared in before.items() if pair <= held.keys() and pair.isdisjoint(changed)
        }
        for name in changed:
            for other, floor in held.items():
                pair = frozenset((name, other))
                if other == name or pair in self._shared or not floor.intersects(held[name]):
                    continue
                shared = self._shared[pair] = floor.intersection(held[name])
                is_granted = name in driving and other in driving
                fresh = shared.difference(before[pair]) if is_granted and pair in before else shared
                if not fresh.buffer(-(_GRANTED_DEEP_M if is_granted else _DEEP_M) / 2).is_empty:
                    text = f"{name} and {other} both hold {shared.area:.3f} m2"
                    self.findings.add(pair, now_s, text, name)


class RingCheck:
    """The graph of who waits for whom has no cycle."""

    def __init__(self) -> None:
        self.findings = Findings("wait-for ring")

    def look(self, now_s: float, waits: Mapping[str, frozenset[str]]) -> None:
        """Takes in who waits for whom."""
        if sum(map(bool, waits.values())) < 2:
            return
        left = {name: set(others) for name, others in waits.items() if others}
        while True:
            ends = {name for name, others in left.items() if not others & left.keys()}
            if not ends:
                break
            left = {name: others for name, others in left.items() if name not in ends}
        if left:
            names = tuple(sorted(left))
            self.findings.add(names, now_s, f"{', '.join(names)} wait in or behind a ring", names[0])


class ClosedFloorCheck:
    """A robot that has left closed floor, or was never on it, does not come onto it.

    What it was driving when the floor was closed it may have driven on: its cancel may come late. And who has hardly left it may
    touch it once more, but not cross it.
    """

    def __init__(self, footprints: Mapping[str, Footprint]) -> None:
        self.findings = Findings("closed floor")
        self._footprints = footprints
        self._closed: dict[str, BaseGeometry] = {}
        self._leaving: dict[tuple[str, str], str] = {}
        self._beside: set[tuple[str, str]] = set()
        self._last: dict[str, Pose] = {}

    def look(
        self,
        now_s: float,
        closed: Mapping[str, BaseGeometry],
        poses: Mapping[str, Pose],
        legs: Mapping[str, str],
        lost: Collection[str] = (),
    ) -> None:
        """Takes in what is closed, where robots truly are, by which leg each drives ("": none), and who is lost."""
        drawn = [name for name, floor in closed.items() if self._closed.get(name) is not floor]
        self._closed = dict(closed)
        self._leaving = {key: leg for key, leg in self._leaving.items() if key[0] in closed}
        self._beside = {key for key in self._beside if key[0] in closed}
        for name, floor in closed.items():
            box = floor.bounds
            for robot, pose in poses.items():
                footprint, key = self._footprints[robot], (name, robot)
                near = _is_within(box, pose, footprint.circumscribed_m + _SEEN_OFF_M)
                away_m = _away_m(footprint, pose, floor) + _STICKS_OUT_M if near else math.inf
                inside = away_m <= 0.0
                if robot in lost or (name in drawn and (inside or legs.get(robot))):
                    self._leaving[key] = legs.get(robot, "")
                elif key in self._leaving:
                    if not inside and self._has_ended(robot, pose, self._leaving[key], legs.get(robot, "")):
                        del self._leaving[key]
                        self._beside.add(key)
                elif away_m >= _SEEN_OFF_M:
                    self._beside.discard(key)
                elif inside and (key not in self._beside or floor.contains(Point(pose.x_m, pose.y_m))):
                    text = f"{robot} at ({pose.x_m:.2f}, {pose.y_m:.2f}) came onto closed floor, '{name}'"
                    self.findings.add(key, now_s, text, robot)
        self._last = dict(poses)

    def _has_ended(self, robot: str, pose: Pose, leg: str, now: str) -> bool:
        """Whether the robot drives another leg, or has stopped: a leg that was cancelled is braked out."""
        return now != leg and bool(now or pose.distance_m(self._last.get(robot, pose)) < _STILL_M)


class OwnFloorCheck:
    """A robot that knows where it is stands on floor that it holds."""

    def __init__(self, footprints: Mapping[str, Footprint]) -> None:
        self.findings = Findings("off its floor")
        self._insides = {name: _inside(footprint) for name, footprint in footprints.items()}
        self._looked_at: dict[str, tuple[Pose, BaseGeometry]] = {}

    def look(
        self, now_s: float, poses: Mapping[str, Pose], held: Mapping[str, BaseGeometry], excused: Sequence[str] = ()
    ) -> None:
        """Takes in where robots truly are and what they hold."""
        looked_at = [name for name in poses if name in held and name not in excused]
        looked_at = [name for name in looked_at if not self._is_fine(name, poses[name], held[name])]
        if not looked_at:
            return
        for name in looked_at:
            pose, floor = poses[name], held[name]
            inside = Polygon(_placed(self._insides[name], pose))
            beyond = 0.0 if floor.covers(inside) else inside.difference(floor).area
            if beyond > _BEYOND_M2:
                text = f"{name} at ({pose.x_m:.2f}, {pose.y_m:.2f}) sticks out of its floor by {beyond:.3f} m2"
                self.findings.add(name, now_s, text, name)

    def _is_fine(self, name: str, pose: Pose, floor: BaseGeometry) -> bool:
        """Whether the robot surely is on its floor, or this very place on this very floor was judged the last time."""
        last = self._looked_at.get(name)
        self._looked_at[name] = pose, floor
        if last is not None and last[0] is pose and last[1] is floor:
            return True
        if last is not None and last[1] is floor:
            # It is looked at again and again while the robot drives over it.
            shapely.prepare(floor)
        return bool(shapely.contains_xy(floor, _placed(self._insides[name], pose)).all())


def _inside(footprint: Footprint) -> NDArray[np.float64]:
    """The outline (n, 2) of what must lie on a robot's own floor, in the robot's frame."""
    body = Point(0.0, 0.0).buffer(footprint.radius_m, quad_segs=8) if footprint.is_disc else footprint.at(_ORIGIN)
    return shapely.get_coordinates(body.buffer(-_STICKS_OUT_M, quad_segs=8).segmentize(_RIM_M))[:-1]


def _placed(outline: NDArray[np.float64], pose: Pose) -> NDArray[np.float64]:
    cos, sin = math.cos(pose.yaw_rad), math.sin(pose.yaw_rad)
    return np.asarray(outline @ np.array([[cos, sin], [-sin, cos]]) + (pose.x_m, pose.y_m))


def _away_m(footprint: Footprint, pose: Pose, floor: BaseGeometry) -> float:
    """How far a robot is from floor; below 0 by how far it is in it, for a polygon as much as nobody minds."""
    if footprint.radius_m is not None:
        return floor.distance(Point(pose.x_m, pose.y_m)) - footprint.radius_m
    inside = Polygon(_placed(_inside(footprint), pose))
    return floor.distance(inside) - _STICKS_OUT_M


def _is_within(box: tuple[float, float, float, float], pose: Pose, near_m: float) -> bool:
    """Whether a pose is so near to a bounding box, or nearly so: most are far, which is seen sooner than how far."""
    least_x, least_y, most_x, most_y = box
    return least_x - near_m <= pose.x_m <= most_x + near_m and least_y - near_m <= pose.y_m <= most_y + near_m
