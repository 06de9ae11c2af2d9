"""A path as a robot on two wheels drives it: stretches without a corner, each with the speed that it allows at every place."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from robot_fleet.floor.pose import Pose, wrap_angle
from robot_fleet.sim.rail import joined, stretches, without_repeats
from robot_fleet.sim.trajectory import Limits

_AHEAD_M = 0.1
_SPACING_M = 0.05
# From further off the path the robot first drives straight to it; from nearer it draws close on its way.
_ASIDE_M = 0.1
# A path as short as this says which way to face, not where to go: it is driven from where the robot stands.
_STUB_M = 0.03
# For a profile without limits: no real wheels have none.
ACCELERATION_MPS2, YAW_ACCELERATION_RPS2 = 1.0, 2.0


@dataclass(frozen=True, eq=False)
class Course:
    """A stretch: points (n, 2) in the map frame, how far along each lies, and the highest speed there."""

    points: NDArray[np.float64]
    along_m: NDArray[np.float64]
    speeds_mps: NDArray[np.float64]
    length_m: float = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "length_m", float(self.along_m[-1]))

    def at(self, along_m: float) -> tuple[float, float]:
        """The place so far along; beyond the end straight on."""
        if along_m <= self.length_m:
            x, y = (float(np.interp(along_m, self.along_m, self.points[:, axis])) for axis in (0, 1))
            return x, y
        (x, y), beyond, yaw = self.points[-1].tolist(), along_m - self.length_m, self._end_heading
        return x + beyond * math.cos(yaw), y + beyond * math.sin(yaw)

    def heading_at(self, along_m: float) -> float:
        """In which direction it leads from there, radians."""
        ux, uy = self._direction(along_m)
        return math.atan2(uy, ux)

    def speed_at(self, along_m: float) -> float:
        """The highest speed there from which all that comes can be kept."""
        return float(np.interp(along_m, self.along_m, self.speeds_mps))

    def nearest_m(self, pose: Pose, from_m: float, within_m: float) -> float:
        """How far along the place nearest to `pose` lies, of those up to `within_m` after `from_m`."""
        first = max(0, int(np.searchsorted(self.along_m, from_m)) - 1)
        last = min(len(self.points) - 1, int(np.searchsorted(self.along_m, from_m + within_m)) + 1)
        starts, steps = self.points[first:last], np.diff(self.points[first : last + 1], axis=0)
        lengths = np.diff(self.along_m[first : last + 1])
        there = np.array([pose.x_m, pose.y_m]) - starts
        shares = np.clip((there * steps).sum(axis=1) / lengths**2, 0.0, 1.0)
        away = np.hypot(*(there - shares[:, None] * steps).T)
        best = int(np.argmin(away))
        return max(from_m, float(self.along_m[first + best] + shares[best] * lengths[best]))

    @cached_property
    def _end_heading(self) -> float:
        """In which direction it ends. At the end of a bend this is more than the last hand's breadth leads on the whole."""
        last = self.heading_at(self.length_m)
        if self.length_m < 2 * _AHEAD_M:
            return last
        return last + wrap_angle(last - self.heading_at(self.length_m - 2 * _AHEAD_M)) / 2

    def _direction(self, along_m: float) -> tuple[float, float]:
        start = min(max(0.0, along_m), max(0.0, self.length_m - _AHEAD_M))
        (x0, y0), (x1, y1) = self.at(start), self.at(min(start + _AHEAD_M, self.length_m))
        length = math.hypot(x1 - x0, y1 - y0) or 1.0
        return (x1 - x0) / length, (y1 - y0) / length


def courses(start: Pose, points: NDArray[np.float64], limits: Limits) -> list[Course]:
    """The stretches from `start` along a path (n, 2), map frame, which is joined where it is nearest within its first metre."""
    path = without_repeats(np.asarray(points, dtype=np.float64))
    if np.hypot(*np.diff(path, axis=0).T).sum() < _STUB_M and math.dist((start.x_m, start.y_m), path[0]) < _ASIDE_M:
        path = path - path[0] + np.array([start.x_m, start.y_m])
    rest, offset = joined(start, path)
    if math.hypot(*offset) > _ASIDE_M:
        rest = without_repeats(np.vstack(((start.x_m, start.y_m), rest)))
    return [_course(stretch, limits) for stretch in stretches(rest)]


def _course(points: NDArray[np.float64], limits: Limits) -> Course:
    points = _densified(points)
    along = np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))))
    speeds = np.full(len(points), limits.speed_mps)
    if len(points) > 2:
        bends = _bends(points, along)
        speeds[1:-1] = np.minimum(speeds[1:-1], limits.yaw_rate_rps / np.maximum(bends, 1e-9))
    speeds[-1] = 0.0
    braking = limits.acceleration_mps2 or ACCELERATION_MPS2
    for i in range(len(points) - 2, -1, -1):
        speeds[i] = min(speeds[i], math.sqrt(speeds[i + 1] ** 2 + 2 * braking * float(along[i + 1] - along[i])))
    return Course(points, along, speeds)


def _densified(points: NDArray[np.float64]) -> NDArray[np.float64]:
    lengths = np.hypot(*np.diff(points, axis=0).T)
    parts = np.maximum(1, np.ceil(lengths / _SPACING_M).astype(int))
    between = [np.linspace(a, b, n, endpoint=False) for a, b, n in zip(points[:-1], points[1:], parts, strict=True)]
    return np.vstack((*between, points[-1:]))


def _bends(points: NDArray[np.float64], along: NDArray[np.float64]) -> NDArray[np.float64]:
    """Curvature at the inner points, 1/m: the turns within a hand's breadth over that way."""
    steps = np.diff(points, axis=0)
    turns = np.abs((np.diff(np.arctan2(steps[:, 1], steps[:, 0])) + np.pi) % math.tau - np.pi)
    total = np.concatenate(([0.0], np.cumsum(turns), [turns.sum()]))
    inner = along[1:-1]
    low, high = inner - _AHEAD_M, inner + _AHEAD_M
    turned = np.interp(high, along, total) - np.interp(low - 1e-9, along, total)
    return np.asarray(turned / (2 * _AHEAD_M))
