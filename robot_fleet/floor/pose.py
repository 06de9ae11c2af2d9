"""Poses in the plane: x and y in metres, yaw in radians, counter-clockwise from the x axis."""

from __future__ import annotations

import math
from dataclasses import dataclass


def wrap_angle(angle_rad: float) -> float:
    """The same angle in (-pi, pi]."""
    wrapped = math.remainder(angle_rad, math.tau)
    return math.pi if wrapped == -math.pi else wrapped


@dataclass(frozen=True)
class Pose:
    """A rigid placement in the plane; as a transform it carries its own frame into the frame it is given in."""

    x_m: float
    y_m: float
    yaw_rad: float = 0.0

    def __matmul__(self, other: Pose) -> Pose:
        """`other`, given in this pose's frame, expressed in the frame that this pose is given in."""
        cos, sin = math.cos(self.yaw_rad), math.sin(self.yaw_rad)
        return Pose(
            self.x_m + cos * other.x_m - sin * other.y_m,
            self.y_m + sin * other.x_m + cos * other.y_m,
            wrap_angle(self.yaw_rad + other.yaw_rad),
        )

    def inverse(self) -> Pose:
        """The pose that undoes this one: `pose @ pose.inverse()` is the identity."""
        cos, sin = math.cos(self.yaw_rad), math.sin(self.yaw_rad)
        return Pose(-cos * self.x_m - sin * self.y_m, sin * self.x_m - cos * self.y_m, wrap_angle(-self.yaw_rad))

    def distance_m(self, other: Pose) -> float:
        """Metres between the two positions."""
        return math.hypot(self.x_m - other.x_m, self.y_m - other.y_m)

    def is_finite(self) -> bool:
        """Whether every coordinate is a number that geometry can use."""
        return all(map(math.isfinite, (self.x_m, self.y_m, self.yaw_rad)))
