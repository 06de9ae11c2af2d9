"""A robot's legs: out of the dock, lane after lane with the links between them, and home."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from robot_fleet.planning.plan import Leg, LegKind, Starter
from robot_fleet.planning.polyline import length_m
from robot_fleet.planning.terrain import Floats

# Between two lanes the head stays on over so many metres: the floor there is wanted too, and nothing is switched.
LINK_M = 2.5


@dataclass(eq=False)
class LegList:
    """Grows the legs of one robot, each from where the one before ended. Points are in the map frame."""

    robot: Starter
    prefix: str
    legs: list[Leg] = field(default_factory=list)

    @property
    def here(self) -> Floats:
        """Where the robot stands after its last leg."""
        return self.legs[-1].points[-1] if self.legs else np.array([self.robot.pose.x_m, self.robot.pose.y_m])

    def leave_dock(self) -> None:
        """Backs out of the dock when the robot stands in it."""
        if self.robot.docked and self.robot.dock is not None:
            staging = self.robot.dock.staging
            self._add(LegKind.UNDOCK, np.array([self.here, [staging.x_m, staging.y_m]]), reverse=True)

    def drive(self, way: Floats) -> None:
        """A transit along a way from here."""
        if length_m(way) > 1e-6:
            self._add(LegKind.TRANSIT, way)

    def clean(self, way: Floats, zone: str) -> None:
        """A cleaning pass along a way from here."""
        self._add(LegKind.CLEAN, way, zone)

    def dock(self) -> None:
        """Drives into the dock from its staging place."""
        if self.robot.dock is not None:
            pose = self.robot.dock.pose
            self._add(LegKind.DOCK, np.array([self.here, [pose.x_m, pose.y_m]]))

    def _add(self, kind: LegKind, points: Floats, zone: str = "", reverse: bool = False) -> None:
        leg_id = f"{self.prefix}{self.robot.name}-{len(self.legs)}"
        moves = np.concatenate(([True], np.hypot(*np.diff(points, axis=0).T) > 1e-6))
        kept = points[moves] if moves.sum() >= 2 else points[[0, -1]]
        kept[0] = self.here
        self.legs.append(Leg(leg_id, kind, kept, np.zeros(len(kept)), zone, reverse))


def chained(
    legs: LegList, lanes: list[Floats], way: Callable[[int], Floats], head_on: Callable[[Floats], bool],
    zone: Callable[[Floats], str],
) -> None:  # fmt: skip
    """Adds oriented lanes with the way to each of them (`way(k)`), the head on over short links inside the floor."""
    for k, lane in enumerate(lanes):
        link = way(k)
        keep_on = k > 0 and bool(legs.legs) and legs.legs[-1].head_on and length_m(link) <= LINK_M and head_on(link)
        if keep_on:
            legs.clean(np.concatenate((link, lane[1:])), zone(lane))
        else:
            legs.drive(link)
            legs.clean(lane.copy(), zone(lane))
