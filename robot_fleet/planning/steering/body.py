"""Whether a long robot fits at a pose, and along a way: its outline followed through the distances to obstacles; compiled.

Where the distance to the nearest obstacle is larger than it need be by some metres, the outline is free for as many metres
on both sides: the next look is that far ahead (sphere tracing; Hart, 1996). Outlines further inside find what hides there.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from shapely import Polygon

from robot_fleet.floor.profile import RobotProfile
from robot_fleet.planning.compiled import compiled
from robot_fleet.planning.directions import PATH_SIN, Directions, strays
from robot_fleet.planning.terrain import Bools, Floats, Ints, Nodes, Terrain, room_at

# A little more room than is needed, so that what is safe here is safe in any frame.
_SPARE_M = 2e-4
# Obstacles are at least so large.
_SPECK_M = 0.05
# The outline is looked at in steps of at least so many metres; a body moves no further than this between two looks.
_STEP_M, _MOVE_M = 0.01, 0.04
_FORGIVEN_M = 5e-4


class Body(NamedTuple):
    """A robot on its floor: `corners` (n, 2) of closed rings one after the other, ring k from first[k] to first[k + 1], and
    what each ring keeps from obstacles; what the turning centre keeps at least, and at most; distances on half cells; and the
    parts of the directions in which the turning centre may move: not as one, which loops that run side by side cannot take.
    """

    corners: Floats
    first: Ints
    keep_m: Floats
    inner_m: float
    outer_m: float
    fine_m: Nodes
    side_m: float
    rule: NDArray[np.int16]
    rule_first: Ints
    rule_ahead: Floats

    @property
    def directions(self) -> Directions:
        """In which directions the turning centre may move where."""
        return Directions(self.rule, self.rule_first, self.rule_ahead, self.side_m)

    def along(self, directions: Directions) -> Body:
        """The same where such directions are asked for."""
        return self._replace(rule=directions.rule, rule_first=directions.first, rule_ahead=directions.ahead)


def body_of(profile: RobotProfile, terrain: Terrain) -> Body:
    """The body of a profile on a terrain."""
    rings = _rings(profile)
    corners = np.concatenate([ring for ring, _ in rings])
    first = np.cumsum([0, *(len(ring) for ring, _ in rings)])
    keep = np.array([keep for _, keep in rings])
    outline = Polygon(profile.footprint.corners())
    inner = float(outline.exterior.distance(_CENTRE)) + profile.clearance_m
    outer = profile.footprint.circumscribed_m + profile.clearance_m + _SPARE_M
    ways = terrain.directions
    return Body(
        corners,
        first,
        keep,
        inner - _FORGIVEN_M,
        outer,
        terrain.fine_m,
        terrain.side_m,
        ways.rule,
        ways.first,
        ways.ahead,
    )


_CENTRE = Polygon([(-1e-9, -1e-9), (1e-9, -1e-9), (0.0, 1e-9)])


def _rings(profile: RobotProfile) -> list[tuple[Floats, float]]:
    """The outline and rings inside it (closed, (n, 2)), each with what it keeps: together they leave nothing out."""
    outline = Polygon(profile.footprint.corners())
    found, depth, keep = [], 0.0, profile.clearance_m + _SPARE_M
    seen = profile.clearance_m
    ring = outline
    while True:
        found.append((np.asarray(ring.exterior.coords), keep))
        grow = max(_SPECK_M, 2.0 * (seen - depth))
        depth, keep = seen + grow, grow
        ring = outline.buffer(-depth, join_style="mitre")
        if ring.is_empty or not isinstance(ring, Polygon):
            deepest = _depth(outline)
            if deepest > seen + 1e-3:
                thin = outline.buffer(-(deepest - 1e-3), join_style="mitre")
                if isinstance(thin, Polygon) and not thin.is_empty:
                    found.append((np.asarray(thin.exterior.coords), deepest - seen))
            return found
        seen = depth + grow


def _depth(outline: Polygon) -> float:
    """The radius of the largest disc inside, to a millimetre."""
    low, high = 0.0, math.sqrt(outline.area)
    while high - low > 1e-3:
        middle = (low + high) / 2
        low, high = (low, middle) if outline.buffer(-middle).is_empty else (middle, high)
    return low


@compiled
def distance_at(fine_m: Nodes, side_m: float, x: float, y: float) -> float:
    """Metres to the nearest obstacle, negative inside one and outside the map."""
    rows, cols = fine_m.shape
    if x < 0.0 or y < 0.0 or x > (cols - 1) * side_m / 2 or y > (rows - 1) * side_m / 2:
        return -1.0
    return room_at(fine_m, side_m, 0.0, x, y)


@compiled
def fits(body: Body, x: float, y: float, yaw: float) -> bool:
    """Whether the robot keeps its clearance at a pose."""
    away = distance_at(body.fine_m, body.side_m, x, y)
    if away >= body.outer_m:
        return True
    if away < body.inner_m:
        return False
    cos, sin = math.cos(yaw), math.sin(yaw)
    for ring in range(len(body.keep_m)):
        keep = body.keep_m[ring]
        ahead = 0.0
        for k in range(body.first[ring], body.first[ring + 1] - 1):
            ax, ay = body.corners[k, 0], body.corners[k, 1]
            dx, dy = body.corners[k + 1, 0] - ax, body.corners[k + 1, 1] - ay
            length = math.hypot(dx, dy)
            if length == 0.0:
                continue
            dx, dy = dx / length, dy / length
            # What was free at the corner before reaches into this edge.
            at = min(ahead, length)
            while True:
                u, v = ax + at * dx, ay + at * dy
                room = distance_at(body.fine_m, body.side_m, x + u * cos - v * sin, y + u * sin + v * cos) - keep
                if room < -_FORGIVEN_M:
                    return False
                if at >= length:
                    break
                at = min(length, at + max(room, _STEP_M))
            ahead = 0.0
    return True


@compiled
def turns_free(body: Body, x: float, y: float, yaw: float, turn: float) -> bool:
    """Whether the robot keeps its clearance while it turns on the spot, both ends included."""
    steps = max(1, math.ceil(abs(turn) * (body.outer_m + 1e-9) / _MOVE_M))
    free, k = True, 0
    while free and k <= steps:
        free = fits(body, x, y, yaw + turn * k / steps)
        k += 1
    return free


@compiled
def goes_wrong(body: Body, ax: float, ay: float, bx: float, by: float) -> bool:
    """Whether the way of the turning centre from a to b leads against a one-way."""
    directions = Directions(body.rule, body.rule_first, body.rule_ahead, body.side_m)
    return bool(strays(directions, ax, ay, bx, by, PATH_SIN))


@compiled
def goes_free(body: Body, ax: float, ay: float, bx: float, by: float, yaw: float) -> bool:
    """Whether the robot keeps its clearance from a to b with one heading, a left out, and goes against no one-way."""
    if goes_wrong(body, ax, ay, bx, by):
        return False
    steps = max(1, math.ceil(math.hypot(bx - ax, by - ay) / _MOVE_M))
    for k in range(1, steps + 1):
        share = k / steps
        if not fits(body, ax + share * (bx - ax), ay + share * (by - ay), yaw):
            return False
    return True


@compiled
def way_free(body: Body, points: Floats, count: int, backwards: bool, yaw: float) -> bool:
    """Whether the robot, heading `yaw` at first, keeps its clearance along the first points of a way, turning at them, and goes
    against no one-way. Points are in the order in which they are driven.
    """
    for k in range(count - 1):
        dx, dy = points[k + 1, 0] - points[k, 0], points[k + 1, 1] - points[k, 1]
        if math.hypot(dx, dy) < 1e-9:
            continue
        to = math.atan2(dy, dx) + (math.pi if backwards else 0.0)
        turn = (to - yaw + math.pi) % (2.0 * math.pi) - math.pi
        if abs(turn) > 1e-9 and not turns_free(body, points[k, 0], points[k, 1], yaw, turn):
            return False
        if not goes_free(body, points[k, 0], points[k, 1], points[k + 1, 0], points[k + 1, 1], to):
            return False
        yaw = to
    return True


@compiled
def fitting(body: Body, points: Floats, yaws: Floats) -> Bools:
    """(n,) whether the robot fits at each of the points (n, 2) with each of the headings (n,)."""
    found = np.empty(len(points), dtype=np.bool_)
    for k in range(len(points)):
        found[k] = fits(body, points[k, 0], points[k, 1], yaws[k])
    return found
