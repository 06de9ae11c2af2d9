"""Ways round by cells that nothing sweeps yet; compiled."""

from __future__ import annotations

import math

import numpy as np

from robot_fleet.planning.compiled import compiled
from robot_fleet.planning.curves import hermite, relaxed, rounded
from robot_fleet.planning.driven import Ground, Machine, Track
from robot_fleet.planning.terrain import Floats, Ints

# A cell is worth no visit from a stretch of path that is further away.
FAR_M = 1.5
# Places at exactly the clearance count as places to stand, cells at exactly the head's end as cleaned.
_KNIFE_M = 1.5e-4


@compiled
def nearest(track: Track, cell: Ints, side_m: float) -> int:
    """The vertex nearest to a cell."""
    x, y = (cell[1] + 0.5) * side_m, (cell[0] + 0.5) * side_m
    best, found = FAR_M**2, 0
    for k in range(1, track.size[0] - 1):
        away = (track.points[k, 0] - x) ** 2 + (track.points[k, 1] - y) ** 2
        if away < best:
            best, found = away, k
    return found


@compiled
def visit(
    out: Floats, points: Floats, first: int, last: int, x: float, y: float, yaw_a: float, yaw_b: float, ground: Ground,
    machine: Machine, draw: Floats,
) -> int:  # fmt: skip
    """A way round by a place from which the head reaches (x, y)."""
    a, b = points[first], points[last]
    middle = points[(first + last) // 2]
    spot = out[len(out) - 1]
    if not _standing(spot, x, y, middle, machine.head[0] / 2 + _KNIFE_M, 0.1 * draw[6] ** 2, ground):
        return -1
    yaw = math.atan2(y - spot[1], x - spot[0]) + math.pi / 2
    if math.cos(yaw) * (b[0] - a[0]) + math.sin(yaw) * (b[1] - a[1]) < 0.0:
        yaw += math.pi
    whole = len(out) - 2
    place = np.array([spot[0], spot[1]])
    if draw[3] < 0.5:
        pull = 0.3 + 1.4 * (draw[3] * 2.0)
        count = hermite(out[:whole], a, yaw_a, place, yaw, _pull(a, place, pull), _pull(a, place, pull))
    else:
        count = rounded(out[:whole], a, yaw_a, place, yaw, machine.pace, draw[3] * 2.0 - 1.0, draw[4])
    if count < 0 or count + 2 > whole:
        return -1
    out[count, 0], out[count, 1] = place[0], place[1]
    if draw[3] < 0.5:
        more = hermite(out[count + 1 : whole], place, yaw, b, yaw_b, _pull(place, b, pull), _pull(place, b, pull))
    else:
        more = rounded(out[count + 1 : whole], place, yaw, b, yaw_b, machine.pace, draw[4], draw[3] * 2.0 - 1.0)
    if more < 0:
        return -1
    rounds = 1 + int(4 * draw[4])
    relaxed(out[:count], count, a, place, rounds, 0.95, ground.fine_m, ground.side_m, ground.keep_m)
    relaxed(out[count + 1 :], more, place, b, rounds, 0.95, ground.fine_m, ground.side_m, ground.keep_m)
    return count + 1 + more


@compiled
def _standing(spot: Floats, x: float, y: float, near: Floats, most_m: float, spare_m: float, ground: Ground) -> bool:
    """Finds the spot nearest to `near` and at most so far from (x, y) where the robot may stand, best with room to spare."""
    half, best = ground.side_m / 2, math.inf
    low_row, low_col = max(0, math.ceil((y - most_m) / half)), max(0, math.ceil((x - most_m) / half))
    for row in range(low_row, min(ground.fine_m.shape[0] - 1, math.floor((y + most_m) / half)) + 1):
        for col in range(low_col, min(ground.fine_m.shape[1] - 1, math.floor((x + most_m) / half)) + 1):
            room = ground.fine_m[row, col] - ground.keep_m
            u, v = col * half, row * half
            if room >= -_KNIFE_M and math.hypot(u - x, v - y) <= most_m:
                away = math.hypot(u - near[0], v - near[1]) + 10.0 * max(0.0, spare_m - room)
                if away < best:
                    best, spot[0], spot[1] = away, u, v
    return best < math.inf


@compiled
def _pull(a: Floats, b: Floats, share: float) -> float:
    return share * math.hypot(b[0] - a[0], b[1] - a[1])
