"""When a robot touches something: obstacles of the floor, or another robot."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from shapely import Polygon

from robot_fleet.floor.clearance import ClearanceField
from robot_fleet.floor.footprint import Footprint
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.store import FloorMap

TOLERANCE_M = 0.01
OBSTACLE = "obstacle"
_NEAR_M = 0.1


@dataclass(frozen=True)
class Collision:
    """A touch: when, who, with what (a robot's name or "obstacle"), and the robot's true pose."""

    at_s: float
    robot: str
    other: str
    pose: Pose


class ObstacleTouch:
    """Says whether a footprint overlaps an obstacle or a keepout by more than 1 cm."""

    def __init__(self, floor: FloorMap) -> None:
        self._field = ClearanceField.of(floor)

    def room_m(self, footprint: Footprint, pose: Pose) -> float:
        """How far the robot can move in any way without a touch, at least; negative when it touches now."""
        needs_m = footprint.circumscribed_m - TOLERANCE_M
        # Far from obstacles the distance of the nearest cell's centre says enough.
        room = self._field.at_least(pose.x_m, pose.y_m) - needs_m
        if room < _NEAR_M:
            room = float(self._field.at([(pose.x_m, pose.y_m)])[0]) - needs_m
        if footprint.is_disc or room >= 0.0:
            return room
        return 0.0 if self._outline_is_free(footprint, pose) else -1.0

    def _outline_is_free(self, footprint: Footprint, pose: Pose) -> bool:
        outline = footprint.at(pose).buffer(-TOLERANCE_M).exterior
        along = np.linspace(0.0, 1.0, math.ceil(outline.length / (2 * TOLERANCE_M)), endpoint=False)
        points = [outline.interpolate(share, normalized=True) for share in along]
        return bool(np.all(self._field.at([(point.x, point.y) for point in points]) > 0.0))


def robots_touch(one: Footprint, at: Pose, other: Footprint, there: Pose) -> bool:
    """Whether two footprints overlap by more than 1 cm."""
    apart = at.distance_m(there)
    if apart >= one.circumscribed_m + other.circumscribed_m - TOLERANCE_M:
        return False
    if one.is_disc and other.is_disc:
        return True
    return _shrunk(one, at).intersects(_shrunk(other, there))


def _shrunk(footprint: Footprint, pose: Pose) -> Polygon:
    return footprint.at(pose).buffer(-TOLERANCE_M / 2)
