"""How robots drive to docks and back in the middle of their tours, on short safe ways."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from shapely import Point

from robot_fleet.floor.pose import Pose
from robot_fleet.floor.store import Dock
from robot_fleet.planning.plan import Leg, LegKind
from robot_fleet.planning.polyline import length_m
from robot_fleet.planning.routing import Reaching, Router
from robot_fleet.planning.terrain import Floats
from robot_fleet.planning.timing import path_s, pivot_s

# Of a robot that stands in another dock a way keeps so far, beside its clearance, where it is not so many times as long for it.
_SHY_M, _LONGER = 0.2, 1.3
# What a way is taken to need beside its metres: so many right angles of turning on the spot, and halts.
_TURNS, _HALTS = 4, 2


class Detours(Protocol):
    """The ways of one machine to docks and back."""

    def home_s(self, places: Floats, dock: Dock) -> Floats:
        """(n,) about so many seconds from places (n, 2) into a dock, rather too many than too few; inf: no way."""

    def back_s(self, places: Floats, dock: Dock) -> Floats:
        """The same out of the dock and to the places."""

    def way(self, start: Pose, goal: Pose) -> Sequence[Leg] | None:
        """The legs, head up, from one pose to another, without ids and times; None where there is no way."""


class RoutedDetours:
    """The ways of a machine that turns on the spot: straight ones where nothing is between, else over a lattice."""

    def __init__(self, router: Router, docked: Sequence[tuple[Dock, float]] = ()) -> None:
        """`docked` are other robots' docks, and within what distance of their poses those robots are."""
        self._router, self._profile, self._docked = router.obeying, router.profile, docked
        self._shy: dict[frozenset[str], Router] = {}
        self._known: dict[tuple[str, bool, bool], Reaching | None] = {}

    def home_s(self, places: Floats, dock: Dock) -> Floats:
        """(n,) about so many seconds from places (n, 2) into a dock, rather too many than too few; inf: no way."""
        return self._seconds(places, dock, True)

    def back_s(self, places: Floats, dock: Dock) -> Floats:
        """The same out of the dock and to the places."""
        return self._seconds(places, dock, False)

    def way(self, start: Pose, goal: Pose) -> Sequence[Leg] | None:
        """The leg from one pose to another; none where both are one place, None where there is no way."""
        found, aside = self._router.route(start, goal), self._aside(start, goal).route(start, goal)
        if found is None:
            return None
        if aside is not None and length_m(aside) <= _LONGER * length_m(found) + _SHY_M:
            found = aside
        points = np.concatenate(([[start.x_m, start.y_m]], found, [[goal.x_m, goal.y_m]]))
        moves = np.concatenate(([True], np.hypot(*np.diff(points, axis=0).T) > 1e-6))
        points = points[moves]
        if len(points) < 2:
            return []
        points[-1] = goal.x_m, goal.y_m
        return [Leg("", LegKind.TRANSIT, points, np.zeros(len(points)))]

    def _aside(self, start: Pose, goal: Pose) -> Router:
        """The router that keeps off docked robots, but for those beside which a way begins or ends."""
        keep_m = self._profile.footprint.circumscribed_m + self._profile.clearance_m + _SHY_M
        away = [
            (dock, radius_m)
            for dock, radius_m in self._docked
            if min(start.distance_m(dock.pose), goal.distance_m(dock.pose)) > radius_m + keep_m
        ]
        key = frozenset(dock.name for dock, _ in away)
        if key not in self._shy:
            places = [Point(dock.pose.x_m, dock.pose.y_m).buffer(radius_m + _SHY_M) for dock, radius_m in away]
            self._shy[key] = self._router.without(places) if places else self._router
        return self._shy[key]

    def _seconds(self, places: Floats, dock: Dock, towards: bool) -> Floats:
        metres = self._metres(places, dock, towards, fine=False)
        lost = ~np.isfinite(metres)
        if lost.any():
            metres[lost] = self._metres(places[lost], dock, towards, fine=True)
        docking = np.array([[pose.x_m, pose.y_m] for pose in (dock.pose, dock.staging)])
        speed = self._profile.speed_mps
        halts_s = _HALTS * speed / (self._profile.acceleration_mps2 or math.inf)
        more_s = _TURNS * pivot_s(math.pi / 2, self._profile) + halts_s + path_s(docking, self._profile)
        return np.asarray(metres / speed + more_s)

    def _metres(self, places: Floats, dock: Dock, towards: bool, fine: bool) -> Floats:
        key = dock.name, towards, fine
        if key not in self._known:
            self._known[key] = self._router.reaching(dock.staging, towards, fine)
        reaching = self._known[key]
        return np.full(len(places), np.inf) if reaching is None else reaching.metres(places)
