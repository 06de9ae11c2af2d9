"""The outline of a robot on the floor, in the robot's frame: x ahead, y to the left, the turning centre at the origin."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from shapely import Point, Polygon, affinity

from robot_fleet.floor.pose import Pose


@dataclass(frozen=True)
class Footprint:
    """A disc about the turning centre (`radius_m`), or a simple polygon (`corners_m`, (x, y) in order); one of the two."""

    radius_m: float | None = None
    corners_m: tuple[tuple[float, float], ...] = ()

    def __post_init__(self) -> None:
        if (self.radius_m is None) == (not self.corners_m):
            raise ValueError("a footprint is either a radius or a polygon of corners")
        if self.radius_m is not None and not (math.isfinite(self.radius_m) and self.radius_m > 0):
            raise ValueError(f"the radius must be a positive number of metres, not {self.radius_m}")
        if self.corners_m and not (len(self.corners_m) >= 3 and Polygon(self.corners_m).is_valid):
            raise ValueError("the corners must form a polygon that does not cross itself")

    @property
    def is_disc(self) -> bool:
        """Whether the outline is the same for every heading."""
        return self.radius_m is not None

    @property
    def circumscribed_m(self) -> float:
        """Radius of the smallest disc about the turning centre that holds the whole robot."""
        if self.radius_m is not None:
            return self.radius_m
        return max(math.hypot(x, y) for x, y in self.corners_m)

    def at(self, pose: Pose, grown_m: float = 0.0) -> Polygon:
        """The floor under the robot at `pose`, grown on all sides by `grown_m`; a disc becomes a circumscribed 64-gon."""
        if self.radius_m is not None:
            radius = (self.radius_m + grown_m) / math.cos(math.pi / 64)
            return Point(pose.x_m, pose.y_m).buffer(radius, quad_segs=16)
        outline = affinity.rotate(Polygon(self.corners_m), pose.yaw_rad, origin=(0, 0), use_radians=True)
        moved = affinity.translate(outline, pose.x_m, pose.y_m)
        return moved.buffer(grown_m) if grown_m else moved

    def corners(self) -> NDArray[np.float64]:
        """The polygon's corners as an (n, 2) array in metres; a disc gives its 32-gon."""
        if self.radius_m is None:
            return np.asarray(self.corners_m, dtype=np.float64)
        angles = np.linspace(0.0, math.tau, 32, endpoint=False)
        return self.radius_m * np.column_stack((np.cos(angles), np.sin(angles)))
