"""Shortest ways of a car that only drives forwards (Dubins, "On curves of minimal length with a constraint on average
curvature", 1957), from closed forms (Shkel, Lumelsky, "Classification of the Dubins set", 2001); compiled.
"""

from __future__ import annotations

import math

import numpy as np

from robot_fleet.planning.compiled import compiled
from robot_fleet.planning.terrain import Floats, Ints

WORDS = 6
# Turns of the words: 1 to the left, -1 to the right, 0 straight on.
TURNS: Ints = np.array([[1, 0, 1], [-1, 0, -1], [1, 0, -1], [-1, 0, 1], [-1, 1, -1], [1, -1, 1]])
_TAU = 2.0 * math.pi
# Arcs are made of moves that turn and go no further than this.
_STEP_RAD, _STEP_M = math.radians(5.0), 0.1
# A turn that rounding made of none.
_WHOLE = _TAU - 1e-7


@compiled
def word(
    kind: int, ax: float, ay: float, ayaw: float, bx: float, by: float, byaw: float, radius: float, out: Floats
) -> bool:
    """Writes the three parts of a word (angles, for the straight part its length in radii); False if there is none."""
    dx, dy = (bx - ax) / radius, (by - ay) / radius
    d, theta = math.hypot(dx, dy), math.atan2(dy, dx)
    alpha, beta = _positive(ayaw - theta), _positive(byaw - theta)
    sa, sb, ca, cb, cab = math.sin(alpha), math.sin(beta), math.cos(alpha), math.cos(beta), math.cos(alpha - beta)
    if kind == 0:
        square, middle = 2 + d * d - 2 * cab + 2 * d * (sa - sb), math.atan2(cb - ca, d + sa - sb)
        if square < 0:
            return False
        out[0], out[1], out[2] = _positive(middle - alpha), math.sqrt(square), _positive(beta - middle)
    elif kind == 1:
        square, middle = 2 + d * d - 2 * cab + 2 * d * (sb - sa), math.atan2(ca - cb, d - sa + sb)
        if square < 0:
            return False
        out[0], out[1], out[2] = _positive(alpha - middle), math.sqrt(square), _positive(middle - beta)
    elif kind == 2:
        square = -2 + d * d + 2 * cab + 2 * d * (sa + sb)
        if square < 0:
            return False
        p = math.sqrt(square)
        middle = math.atan2(-ca - cb, d + sa + sb) - math.atan2(-2.0, p)
        out[0], out[1], out[2] = _positive(middle - alpha), p, _positive(middle - beta)
    elif kind == 3:
        square = -2 + d * d + 2 * cab - 2 * d * (sa + sb)
        if square < 0:
            return False
        p = math.sqrt(square)
        middle = math.atan2(ca + cb, d - sa - sb) - math.atan2(2.0, p)
        out[0], out[1], out[2] = _positive(alpha - middle), p, _positive(beta - middle)
    elif kind == 4:
        cosine = (6 - d * d + 2 * cab + 2 * d * (sa - sb)) / 8
        if abs(cosine) > 1:
            return False
        p = _positive(_TAU - math.acos(cosine))
        first = _positive(alpha - math.atan2(ca - cb, d - sa + sb) + p / 2)
        out[0], out[1], out[2] = first, p, _positive(alpha - beta - first + p)
    else:
        cosine = (6 - d * d + 2 * cab + 2 * d * (sb - sa)) / 8
        if abs(cosine) > 1:
            return False
        p = _positive(_TAU - math.acos(cosine))
        first = _positive(-alpha + math.atan2(-ca + cb, d + sa - sb) + p / 2)
        out[0], out[1], out[2] = first, p, _positive(beta - alpha - first + p)
    return True


@compiled
def _positive(angle: float) -> float:
    """The angle within 0 .. 2 pi, a whole turn but for rounding being none."""
    found = angle % _TAU
    return 0.0 if found > _WHOLE else found


@compiled
def traced(kind: int, parts: Floats, ax: float, ay: float, ayaw: float, radius: float, out: Floats) -> int:
    """Writes the points of a word behind its begin, in small turns; returns how many, -1 for want of room."""
    x, y, yaw, count = ax, ay, ayaw, 0
    step_rad = min(_STEP_RAD, _STEP_M / radius)
    for part in range(3):
        turn, size = TURNS[kind, part], parts[part]
        if turn == 0:
            if size * radius > 1e-6:
                x, y = x + size * radius * math.cos(yaw), y + size * radius * math.sin(yaw)
                if count >= len(out):
                    return -1
                out[count, 0], out[count, 1] = x, y
                count += 1
            continue
        pieces = math.ceil(size / step_rad - 1e-9)
        if count + pieces > len(out):
            return -1
        cx, cy = x - turn * radius * math.sin(yaw), y + turn * radius * math.cos(yaw)
        for k in range(1, pieces + 1):
            to = yaw + turn * size * k / pieces
            out[count, 0], out[count, 1] = cx + turn * radius * math.sin(to), cy - turn * radius * math.cos(to)
            count += 1
        if pieces > 0:
            yaw += turn * size
            x, y = out[count - 1, 0], out[count - 1, 1]
    return count
