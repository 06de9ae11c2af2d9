"""The line that a robot really drives when told to follow a path: joined from where it stands, and not quite on it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from robot_fleet.floor.pose import Pose, wrap_angle

PIVOT_ABOVE_RAD = math.radians(10.0)
_KNOT_M = 0.5
_STUB = 0.3
_SHORT_M = 0.15
_JOIN_WITHIN_M = 1.0
_SAME_M = 1e-3
_BESIDE_M = 0.15


@dataclass(frozen=True)
class Wander:
    """How far a robot strays sideways: an Ornstein-Uhlenbeck process over the metres driven, cut off at `limit_m`.

    `reach_m` is how far a long body reaches ahead of its turning centre, or behind it: as its own obstacle avoidance would, no
    part of it strays further than the limit, though it turns as it strays.
    """

    deviation_m: float = 0.0
    correlation_m: float = 5.0
    limit_m: float = 0.05
    reach_m: float = 0.0


class Segment(NamedTuple):
    """A straight piece of the rail, after a pivot on the spot by `pivot_rad` (0: none).

    It starts at (x_m, y_m) and runs for `length_m` in the direction (ux, uy) while the robot's heading goes evenly from
    `yaw_rad` by `turn_rad`.
    """

    x_m: float
    y_m: float
    ux: float
    uy: float
    length_m: float
    yaw_rad: float
    turn_rad: float
    pivot_rad: float


def build_rail(
    start: Pose, points: NDArray[np.float64], wander: Wander, rng: np.random.Generator, reverse: bool = False
) -> list[Segment]:
    """The segments from `start` along `points` (n, 2), map frame, to the last point; empty when it is already there.

    The path is joined at its point nearest to `start` within the first metre, as Nav2 prunes a path; from further off
    than the wander's limit the robot first drives straight to that point, and a long body draws close on its way.
    """
    path = without_repeats(np.asarray(points, dtype=np.float64))
    rest, offset = joined(start, path)
    if wander.reach_m and len(rest) > 1:
        rest, offset = _from_behind(rest, offset)
    here = np.array([start.x_m, start.y_m])
    if math.hypot(*offset) > (_BESIDE_M if wander.reach_m else max(wander.limit_m, _SAME_M)):
        driven = np.vstack((here, _strayed(rest, np.zeros(2), wander, rng)))
    else:
        driven = _strayed(rest, offset, wander, rng)
    driven = without_repeats(driven)
    return _segments(start.yaw_rad, _without_stubs(driven) if wander.reach_m else driven, reverse)


def _from_behind(
    rest: NDArray[np.float64], offset: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The path from beside a robot that has not come to its begin yet: a long body draws close on its way, and turns little."""
    along = (rest[1] - rest[0]) / math.hypot(*(rest[1] - rest[0]))
    behind = float(offset @ along)
    if behind >= -_SAME_M:
        return rest, offset
    return np.vstack((rest[0] + behind * along, rest)), offset - behind * along


def _without_stubs(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """The points without the second and the last but one where a way that was cut in a bend has a short move left: all of a
    vertex's turn would fall on it, and the robot would slow down for that.
    """
    kept = np.ones(len(points), dtype=bool)
    lengths = np.hypot(*np.diff(points, axis=0).T)
    if len(points) > 3:
        kept[1] = lengths[0] > _STUB * lengths[1]
        kept[-2] = lengths[-1] > _STUB * lengths[-2]
    return points[kept]


def without_repeats(points: NDArray[np.float64]) -> NDArray[np.float64]:
    kept = [points[0]]
    for point in points[1:]:
        if math.hypot(*(point - kept[-1])) > _SAME_M:
            kept.append(point)
    return np.array(kept)


def joined(start: Pose, path: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What is left of the path from its point nearest to `start`, and the robot's offset from that point."""
    here = np.array([start.x_m, start.y_m])
    best, nearest, after = math.hypot(*(here - path[0])), path[0], 1
    along = 0.0
    for index, (a, b) in enumerate(pairwise(path), start=1):
        length = math.hypot(*(b - a))
        share = min(1.0, max(0.0, float((here - a) @ (b - a)) / length**2), (_JOIN_WITHIN_M - along) / length)
        point = a + share * (b - a)
        # The earlier place wins unless the later one is clearly nearer.
        if math.hypot(*(here - point)) < best - 0.01:
            best, nearest, after = math.hypot(*(here - point)), point, index
        along += length
        if along >= _JOIN_WITHIN_M:
            break
    return without_repeats(np.vstack((nearest, path[after:]))), here - nearest


def _strayed(
    path: NDArray[np.float64], offset: NDArray[np.float64], wander: Wander, rng: np.random.Generator
) -> NDArray[np.float64]:
    """The path with the robot's lateral error, beginning `offset` away from the path's first point."""
    driven = [path[:1] + offset]
    for stretch in stretches(path):
        moved, offset = _strayed_stretch(stretch, offset, wander, rng)
        driven.append(moved)
    return np.vstack(driven)


def stretches(path: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """The path cut at its corners."""
    if len(path) < 2:
        return []
    steps = np.diff(path, axis=0)
    turns = np.diff(np.arctan2(steps[:, 1], steps[:, 0]))
    corners = np.flatnonzero(np.abs((turns + np.pi) % math.tau - np.pi) > PIVOT_ABOVE_RAD) + 1
    ends = [0, *corners.tolist(), len(path) - 1]
    return [path[a : b + 1] for a, b in pairwise(ends)]


def _strayed_stretch(
    stretch: NDArray[np.float64], offset: NDArray[np.float64], wander: Wander, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The stretch's points after its first with their lateral error, and the offset at its end."""
    arc = np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(stretch, axis=0).T))))
    # A piece too short to correct anything is driven as it is, shifted.
    if arc[-1] < _SHORT_M:
        return stretch[1:] + offset, offset
    knots = np.linspace(0.0, arc[-1], math.ceil(arc[-1] / _KNOT_M) + 1)
    # Among the many vertices of a bend a knot would make short moves, for which the robot would slow down.
    between = knots[np.abs(knots[:, None] - arc).min(axis=1) > _KNOT_M / 4]
    places = np.union1d(np.round(arc, 9), np.round(between, 9))
    points = np.column_stack([np.interp(places, arc, stretch[:, axis]) for axis in (0, 1)])
    normals = _normals(points)
    errors = _wandered(float(offset @ normals[0]), knots, wander, rng)
    offsets = np.interp(places, knots, errors)[:, None] * normals
    return points[1:] + offsets[1:], offsets[-1]


def _normals(points: NDArray[np.float64]) -> NDArray[np.float64]:
    steps = np.diff(points, axis=0)
    units = steps / np.hypot(*steps.T)[:, None]
    tangents = np.vstack((units[:1], units[:-1] + units[1:], units[-1:]))
    tangents /= np.hypot(*tangents.T)[:, None]
    return np.column_stack((-tangents[:, 1], tangents[:, 0]))


def _wandered(
    first_m: float, knots: NDArray[np.float64], wander: Wander, rng: np.random.Generator
) -> NDArray[np.float64]:
    errors = [first_m]
    spacing = float(knots[1] - knots[0])
    keep = math.exp(-spacing / wander.correlation_m)
    fresh = wander.deviation_m * math.sqrt(1.0 - keep**2) * rng.standard_normal(len(knots) - 1)
    # Of a long body one half of the limit is for its turning centre, the other for the swing of its ends.
    limit = wander.limit_m / 2 if wander.reach_m else wander.limit_m
    most = spacing * (wander.limit_m - limit) / wander.reach_m if wander.reach_m else math.inf
    for shock in fresh:
        strayed = min(limit, max(-limit, keep * errors[-1] + float(shock)))
        errors.append(min(errors[-1] + most, max(errors[-1] - most, strayed)))
    return np.array(errors)


def _segments(yaw_rad: float, points: NDArray[np.float64], reverse: bool) -> list[Segment]:
    if len(points) < 2:
        return []
    steps = np.diff(points, axis=0)
    lengths = np.hypot(*steps.T)
    headings = [float(h) + (math.pi if reverse else 0.0) for h in np.arctan2(steps[:, 1], steps[:, 0])]
    turns = [wrap_angle(h - before) for before, h in zip([yaw_rad, *headings[:-1]], headings, strict=True)]
    found: list[Segment] = []
    yaw = yaw_rad
    for i, heading in enumerate(headings):
        pivot = turns[i] if abs(turns[i]) > PIVOT_ABOVE_RAD else 0.0
        start = wrap_angle(yaw + pivot)
        smooth = i + 1 < len(headings) and abs(turns[i + 1]) <= PIVOT_ABOVE_RAD
        yaw = heading + turns[i + 1] / 2 if smooth else heading
        (x, y), (ux, uy) = points[i].tolist(), (steps[i] / lengths[i]).tolist()
        found.append(Segment(x, y, ux, uy, float(lengths[i]), start, wrap_angle(yaw - start), pivot))
    return found
