"""How long robots drive to docks and back in the middle of their tours."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from copy import copy

import numpy as np
from shapely import Polygon

from robot_fleet.floor.grid import OccupancyGrid
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.profile import RobotProfile
from robot_fleet.floor.store import Dock
from robot_fleet.planning.directions import are_any
from robot_fleet.planning.plan import Leg, LegKind
from robot_fleet.planning.steering.body import body_of, fits, goes_free, turns_free
from robot_fleet.planning.steering.closing import past
from robot_fleet.planning.steering.leads import curves
from robot_fleet.planning.steering.parts import Part, is_safe, merged
from robot_fleet.planning.steering.searches import searched_between
from robot_fleet.planning.steering.turns import drive_of, turned, written
from robot_fleet.planning.steering.wayfinding import metres_to
from robot_fleet.planning.terrain import Floats, Terrain
from robot_fleet.planning.timing import path_s

# What a way is taken to need beside its metres: so many whole turns on the spot, and halts.
_TURNS, _HALTS = 1.0, 4
_LONGEST_S = 300.0
# So many goals are remembered.
_MOST_GOALS = 64


class SteeredDetours:
    """The ways of a machine that must be steered."""

    def __init__(self, grid: OccupancyGrid, profile: RobotProfile, terrain: Terrain) -> None:
        self._grid, self._profile = grid, profile
        self._body, self._drive = body_of(profile, terrain), drive_of(profile)
        self._away_m: dict[tuple[float, float, bool], Floats] = {}

    def home_s(self, places: Floats, dock: Dock) -> Floats:
        """(n,) about so many seconds from places (n, 2) into a dock, rather too many than too few; inf: no way."""
        return self._way_s(self._metres_to(self._pose(dock.staging)), places, dock)

    def back_s(self, places: Floats, dock: Dock) -> Floats:
        """The same out of the dock and to the places."""
        return self._way_s(self._metres_to(self._pose(dock.staging), backwards=True), places, dock)

    def _way_s(self, away_m: Floats, places: Floats, dock: Dock) -> Floats:
        local = self._grid.from_map(places)
        side_m = self._grid.shape[0] * self._grid.resolution_m / len(away_m)
        rows, cols = (np.clip((local[:, k] / side_m).astype(np.int64), 0, away_m.shape[1 - k] - 1) for k in (1, 0))
        docking = np.array([[pose.x_m, pose.y_m] for pose in (dock.pose, dock.staging)])
        more_s = _TURNS * math.tau / self._profile.yaw_rate_rps + _HALTS * self._drive.stop_s
        return np.asarray(away_m[rows, cols] / self._profile.speed_mps + more_s + path_s(docking, self._profile))

    def prepare(self, home: Pose) -> None:
        """Does now what the first search for a way home would else do, machine code for the loops with it."""
        place = self._pose(home)
        searched_between(self._body, self._drive, place, place, self._metres_to(place))

    def past(self, closed: Sequence[Polygon]) -> SteeredDetours:
        """The same ways where polygons (map frame) are closed for now, too."""
        if not closed:
            return self
        other = copy(self)
        rings = [self._grid.from_map(np.asarray(polygon.exterior.coords)) for polygon in closed]
        other._body, other._away_m = past(self._body, rings), {}
        return other

    def fits(self, pose: Pose) -> bool:
        """Whether the machine keeps its clearance at a pose (map frame)."""
        return bool(fits(self._body, *self._pose(pose)))

    def turns(self, pose: Pose, to_rad: float) -> bool:
        """Whether the machine can turn on the spot at a pose (map frame), the shorter way to a heading."""
        x, y, yaw = self._pose(pose)
        turn = math.remainder(to_rad - pose.yaw_rad, math.tau)
        return self._drive.pivots and bool(turns_free(self._body, x, y, yaw, turn))

    def goes(self, start: Pose, goal: Pose) -> bool:
        """Whether the machine gets straight from one place to another (map frame) with the heading of the second."""
        (x0, y0, _), (x1, y1, yaw) = self._pose(start), self._pose(goal)
        return bool(goes_free(self._body, x0, y0, x1, y1, yaw))

    def way(self, start: Pose, goal: Pose) -> Sequence[Leg] | None:
        """The legs from one pose to another; None where there is no way."""
        a, b = self._pose(start), self._pose(goal)
        if math.dist(a[:2], b[:2]) < 1e-6 and abs(math.remainder(b[2] - a[2], math.tau)) < 1e-6:
            return []
        parts = self._simple(a, b) or self._led(a, b) or self._searched(a, b)
        if parts is None:
            return None
        return [
            Leg("", LegKind.TRANSIT, self._grid.to_map(points), np.zeros(len(points)), reverse=backwards)
            for points, backwards in parts
        ]

    def _simple(self, a: Floats, b: Floats) -> list[Part] | None:
        found = np.zeros(5)
        if not math.isfinite(turned(self._body, self._drive, a, b, _LONGEST_S, found)):
            return None
        return merged(written(a, b, found))

    def _led(self, a: Floats, b: Floats) -> list[Part] | None:
        """A way out of a place beside a wall, or into one."""
        for begin, out in self._leads(a, into=False):
            for end, into in self._leads(b, into=True):
                if (out or into) and (between := self._simple(begin, end)) is not None:
                    parts = merged([*out, *between, *into])
                    if is_safe(self._body, a, parts, b):
                        return parts
        return None

    def _leads(self, pose: Floats, into: bool) -> Iterator[tuple[Floats, list[Part]]]:
        """The pose itself, and places from which curves lead to it, or to which they lead."""
        yield pose, []
        for place, points, backs in curves(self._body, self._drive, pose, into):
            yield place, [(points, backs)]

    def _searched(self, a: Floats, b: Floats) -> list[Part] | None:
        found = searched_between(self._body, self._drive, a, b, self._metres_to(b))
        return merged(found.parts_to(b)) if found else None

    def _metres_to(self, pose: Floats, backwards: bool = False) -> Floats:
        """(rows, cols) metres of the way to a pose or, `backwards`, of that from it: the one to it if all one-ways were turned."""
        turned_round = backwards and are_any(self._body.directions)
        key = float(pose[0]), float(pose[1]), turned_round
        if key not in self._away_m:
            if len(self._away_m) >= _MOST_GOALS:
                self._away_m.clear()
            directions = self._body.directions
            body = self._body.along(directions._replace(ahead=-directions.ahead)) if turned_round else self._body
            self._away_m[key] = metres_to(body, key[0], key[1])
        return self._away_m[key]

    def _pose(self, pose: Pose) -> Floats:
        """(3,) a pose of the map frame in the grid frame."""
        x, y = self._grid.from_map([[pose.x_m, pose.y_m]])[0]
        return np.array([x, y, pose.yaw_rad - self._grid.origin.yaw_rad])
