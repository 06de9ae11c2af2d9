"""Curves that could stand for a stretch of a path, as polylines that leave and arrive in given directions.

Compiled; each function writes its points into `out`, from the place after the given start up to the place before the
given end, and returns how many there are; -1 means that there is no such curve, or that `out` is too small.
"""

from __future__ import annotations

import math

from robot_fleet.planning.compiled import compiled
from robot_fleet.planning.pacing import Distances
from robot_fleet.planning.terrain import Floats, room_at

# A vertex of an arc turns by less than what makes a robot stop, a straight move is short enough to be cut anywhere.
VERTEX_RAD = math.radians(7.0)
PIECE_M = 0.25
_LEAST_M = 0.012
# A point of a band keeps so much room, so that the chords of its bends stay clear.
_SPARE_M = 5e-4
_ROUND_RAD = 2.0 * math.pi - 1e-6
# Radii are drawn between these shares of the least at which a turn loses no time.
_TIGHTEST, _WIDEST = 0.06, 1.3
_MOST_RAD = 1.6 * math.pi


@compiled
def straight(out: Floats, a: Floats, b: Floats) -> int:
    """The straight way."""
    return _line(out, 0, a[0], a[1], b[0], b[1])


@compiled
def rounded(
    out: Floats, a: Floats, yaw_a: float, b: Floats, yaw_b: float, pace: Floats, one: float, other: float
) -> int:
    """The quickest of the four ways of an arc, a line and an arc with radii of such shares of what loses no time."""
    widest = _WIDEST * pace[0] / pace[1]
    first, last = widest * (_TIGHTEST + (1 - _TIGHTEST) * one**1.5), widest * (_TIGHTEST + (1 - _TIGHTEST) * other**1.5)
    best, bend_a, bend_b = math.inf, 0.0, 0.0
    for k in range(4):
        left, right = first if k & 1 else -first, last if k & 2 else -last
        line, _, turn_a, turn_b = dubins(a, yaw_a, b, yaw_b, left, right)
        if line >= 0.0 and max(abs(turn_a), abs(turn_b)) < _MOST_RAD:
            spent = line / pace[0] + abs(turn_a) * max(first / pace[0], 1 / pace[1])
            spent += abs(turn_b) * max(last / pace[0], 1 / pace[1])
            if spent < best:
                best, bend_a, bend_b = spent, left, right
    return _written(out, a, yaw_a, b, yaw_b, bend_a, bend_b) if best < math.inf else -1


@compiled
def dubins(
    a: Floats, yaw_a: float, b: Floats, yaw_b: float, bend_a: float, bend_b: float
) -> tuple[float, float, float, float]:
    """The way by an arc, a line and an arc (Dubins, 1957) with signed radii (metres, positive to the left).

    Returns the length (-1: there is none) and the heading of the line, and the signed angles of the arcs.
    """
    dx = b[0] - bend_b * math.sin(yaw_b) - a[0] + bend_a * math.sin(yaw_a)
    dy = b[1] + bend_b * math.cos(yaw_b) - a[1] - bend_a * math.cos(yaw_a)
    square = dx * dx + dy * dy - (bend_b - bend_a) ** 2
    if square < 1e-12:
        return -1.0, 0.0, 0.0, 0.0
    line = math.sqrt(square)
    yaw = math.atan2(dy, dx) - math.atan2(bend_b - bend_a, line)
    return line, yaw, _turn(yaw_a, yaw, bend_a), _turn(yaw, yaw_b, bend_b)


@compiled
def _written(out: Floats, a: Floats, yaw_a: float, b: Floats, yaw_b: float, bend_a: float, bend_b: float) -> int:
    line, yaw, first, last = dubins(a, yaw_a, b, yaw_b, bend_a, bend_b)
    ax, ay = a[0] - bend_a * math.sin(yaw_a), a[1] + bend_a * math.cos(yaw_a)
    bx, by = b[0] - bend_b * math.sin(yaw_b), b[1] + bend_b * math.cos(yaw_b)
    x, y = ax + bend_a * math.sin(yaw), ay - bend_a * math.cos(yaw)
    u, v = bx + bend_b * math.sin(yaw), by - bend_b * math.cos(yaw)
    count = _arc(out, 0, ax, ay, bend_a, yaw_a, first)
    if abs(first * bend_a) > _LEAST_M:
        count = _add(out, count, x, y)
    if line > _LEAST_M:
        count = _line(out, count, x, y, u, v)
        if abs(last * bend_b) > _LEAST_M:
            count = _add(out, count, u, v)
    return _arc(out, count, bx, by, bend_b, yaw, last)


@compiled
def hermite(out: Floats, a: Floats, yaw_a: float, b: Floats, yaw_b: float, pull_a: float, pull_b: float) -> int:
    """A cubic that leaves and arrives with so strong tangents (metres)."""
    ax, ay, bx, by = (
        pull_a * math.cos(yaw_a),
        pull_a * math.sin(yaw_a),
        pull_b * math.cos(yaw_b),
        pull_b * math.sin(yaw_b),
    )
    length = math.hypot(b[0] - a[0], b[1] - a[1]) + 0.3 * (pull_a + pull_b)
    steps = min(len(out), max(4, math.ceil(length / 0.06)))
    for k in range(1, steps):
        t = k / steps
        p, q, r, s = 2 * t**3 - 3 * t**2 + 1, t**3 - 2 * t**2 + t, 3 * t**2 - 2 * t**3, t**3 - t**2
        out[k - 1, 0] = p * a[0] + q * ax + r * b[0] + s * bx
        out[k - 1, 1] = p * a[1] + q * ay + r * b[1] + s * by
    return steps - 1


@compiled
def resampled(out: Floats, points: Floats, first: int, last: int, step_m: float) -> int:
    """The stretch itself in even steps."""
    whole = 0.0
    for k in range(first, last):
        whole += math.hypot(points[k + 1, 0] - points[k, 0], points[k + 1, 1] - points[k, 1])
    steps = max(2, round(whole / step_m))
    if steps > len(out):
        return -1
    k, passed, length = first, 0.0, 0.0
    length = math.hypot(points[k + 1, 0] - points[k, 0], points[k + 1, 1] - points[k, 1])
    for i in range(1, steps):
        at = whole * i / steps
        while passed + length < at and k < last - 1:
            passed += length
            k += 1
            length = math.hypot(points[k + 1, 0] - points[k, 0], points[k + 1, 1] - points[k, 1])
        share = min(1.0, (at - passed) / max(length, 1e-9))
        out[i - 1, 0] = points[k, 0] + share * (points[k + 1, 0] - points[k, 0])
        out[i - 1, 1] = points[k, 1] + share * (points[k + 1, 1] - points[k, 1])
    return steps - 1


@compiled
def relaxed(out: Floats, count: int, a: Floats, b: Floats, rounds: int, stiff: float, fine_m: Distances,
    side_m: float, keep_m: float) -> None:  # fmt: skip
    """An elastic band (Quinlan, Khatib, 1993) from a to b drawn straighter round by round, off the obstacles.

    `stiff` is 0 for a band that shortens; 1 for one that evens out its bends.
    """
    if count == 0:
        return
    for _ in range(rounds):
        x2, y2, x1, y1 = 2 * a[0] - out[0, 0], 2 * a[1] - out[0, 1], a[0], a[1]
        for k in range(count):
            x, y = out[k, 0], out[k, 1]
            x3, y3 = (out[k + 1, 0], out[k + 1, 1]) if k + 1 < count else (b[0], b[1])
            dx, dy = (x1 + x3) / 2 - x, (y1 + y3) / 2 - y
            if stiff > 0.0:
                if k + 2 < count:
                    x4, y4 = out[k + 2, 0], out[k + 2, 1]
                elif k + 2 == count:
                    x4, y4 = b[0], b[1]
                else:
                    x4, y4 = 2 * b[0] - x, 2 * b[1] - y
                dx = dx + stiff * ((4 * (x1 + x3) - x2 - x4 - 6 * x) / 12 - dx)
                dy = dy + stiff * ((4 * (y1 + y3) - y2 - y4 - 6 * y) / 12 - dy)
            x2, y2, x1, y1 = x1, y1, x, y
            out[k, 0], out[k, 1] = x + 0.8 * dx, y + 0.8 * dy
        for k in range(count):
            freed(out[k], fine_m, side_m, keep_m)


@compiled
def freed(spot: Floats, fine_m: Distances, side_m: float, keep_m: float) -> None:
    """Moves a point with too little room up the slope of the distance."""
    x, y = spot[0], spot[1]
    lacking = _SPARE_M - room_at(fine_m, side_m, keep_m, x, y)
    if lacking <= 0.0:
        return
    half = side_m / 2
    dx = (room_at(fine_m, side_m, keep_m, x + half, y) - room_at(fine_m, side_m, keep_m, x - half, y)) / side_m
    dy = (room_at(fine_m, side_m, keep_m, x, y + half) - room_at(fine_m, side_m, keep_m, x, y - half)) / side_m
    size2 = dx * dx + dy * dy
    if size2 > 0.25:
        spot[0], spot[1] = x + dx / size2 * min(lacking, 0.05), y + dy / size2 * min(lacking, 0.05)


@compiled
def bulged(out: Floats, count: int, dx: float, dy: float, fine_m: Distances, side_m: float, keep_m: float) -> None:
    """Points pushed by (dx, dy) in the middle and less towards the ends, off the obstacles."""
    for k in range(count):
        share = math.sin(math.pi * (k + 1) / (count + 1)) ** 2
        out[k, 0], out[k, 1] = out[k, 0] + share * dx, out[k, 1] + share * dy
        freed(out[k], fine_m, side_m, keep_m)


@compiled
def _turn(before: float, after: float, bend: float) -> float:
    """The signed angle of an arc from one heading to another, to the left for a positive bend."""
    angle = (after - before) % (2.0 * math.pi) if bend > 0.0 else (before - after) % (2.0 * math.pi)
    if angle > _ROUND_RAD:
        angle = 0.0
    return angle if bend > 0.0 else -angle


@compiled
def _arc(out: Floats, count: int, x: float, y: float, bend: float, yaw: float, turn: float) -> int:
    """Adds the inner points of an arc."""
    steps = min(math.ceil(abs(turn) / VERTEX_RAD), int(abs(bend * turn) / _LEAST_M))
    if count < 0 or count + steps > len(out):
        return -1
    for k in range(1, steps):
        angle = yaw + turn * k / steps
        out[count, 0], out[count, 1] = x + bend * math.sin(angle), y - bend * math.cos(angle)
        count += 1
    return count


@compiled
def _line(out: Floats, count: int, x: float, y: float, u: float, v: float) -> int:
    """Adds the inner points of a straight line."""
    steps = max(1, math.ceil(math.hypot(u - x, v - y) / PIECE_M))
    if count < 0 or count + steps > len(out):
        return -1
    for k in range(1, steps):
        out[count, 0], out[count, 1] = x + (u - x) * k / steps, y + (v - y) * k / steps
        count += 1
    return count


@compiled
def _add(out: Floats, count: int, x: float, y: float) -> int:
    if count < 0 or count >= len(out):
        return -1
    out[count, 0], out[count, 1] = x, y
    return count + 1
