"""The quickest safe way between two poses with the head up, out of some hundred simple ones; compiled.

A way goes on straight or backs out, drives arcs of one radius (`dubins`) or turns on the spot, drives and turns again, and
comes straight, or beyond its goal and back, to where it ends.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from robot_fleet.floor.profile import RobotProfile
from robot_fleet.planning.compiled import compiled, side_by_side, together
from robot_fleet.planning.steering.body import Body, fits, goes_free, turns_free, way_free
from robot_fleet.planning.steering.dubins import WORDS, traced, word
from robot_fleet.planning.terrain import Floats, Ints

# Straight parts before and behind the arcs (metres); backwards where they are negative.
_STRAIGHTS = (0.0, 0.3, 0.7, 1.2, 1.8, 2.6, -0.25, -0.6, -1.1, -1.8, -2.8)
# Out of dead ends that are deeper a machine backs until it can turn so far, looked at each so many metres, and so much further.
_TURN_RAD, _BACK_STEP_M, _FARTHEST_M = 1.0, 0.2, 40.0
_ROOM_M = (0.0, 0.6, 1.4)
# Radii of arcs, in shares of the one that takes no longer than going straight.
_RADII = (2.0, 1.0, 0.5, 0.2)
# Arcs no tighter than this are made of moves that are not too small to be driven.
_LEAST_M = 0.15
MOST_POINTS = 260
_LOOK = 3
_PIVOT = -1
_CORNER_RAD = math.radians(9.9)
# Poses that look back along each other but for so much are joined by half a circle.
_SKEW_RAD = math.radians(5.0)


class Drive(NamedTuple):
    """What a machine can do with its head up: speed, yaw rate, seconds that a stop costs, and a pivot besides its angle;
    radii (n,) of its arcs, whether it pivots; straights (n,) before and behind arcs.
    """

    speed_mps: float
    yaw_rate_rps: float
    stop_s: float
    pivot_s: float
    radii_m: Floats
    pivots: bool
    straights_m: Floats


def drive_of(profile: RobotProfile) -> Drive:
    """What a profile's machine can do with its head up."""
    v, w = profile.speed_mps, profile.yaw_rate_rps
    radii = np.maximum(np.array(_RADII) * v / w, max(profile.lifted_radius_m, _LEAST_M))
    straights = np.array([one for one in _STRAIGHTS if profile.reverses or one >= 0.0])
    stop_s = v / profile.acceleration_mps2 if profile.acceleration_mps2 else 0.0
    pivot_s = w / profile.yaw_acceleration_rps2 if profile.yaw_acceleration_rps2 else 0.0
    return Drive(v, w, stop_s, pivot_s, np.unique(radii)[::-1].copy(), profile.lifted_radius_m == 0.0, straights)


@compiled
def arcs_s(kind: int, parts: Floats, radius: float, drive: Drive) -> float:
    """About the seconds along a word of arcs that is entered and left at full speed."""
    slow = min(drive.speed_mps, drive.yaw_rate_rps * radius)
    angle, straight = parts[0] + parts[2], parts[1] * radius
    if kind >= WORDS - 2:
        angle, straight = angle + parts[1], 0.0
    if angle < 1e-6:
        return float(straight / drive.speed_mps)
    lost = drive.stop_s * (1.0 - slow / drive.speed_mps) ** 2
    between = 2.0 if straight > 1.0 else 1.0
    return float(angle * radius / slow + straight / drive.speed_mps + lost * between)


@compiled
def pivots_s(a: Floats, b: Floats, drive: Drive) -> float:
    """About the seconds for turning on the spot, driving straight, and turning again."""
    dx, dy = b[0] - a[0], b[1] - a[1]
    away = math.hypot(dx, dy)
    if away < 1e-3:
        return one_pivot_s(b[2] - a[2], drive)
    yaw = math.atan2(dy, dx)
    return one_pivot_s(yaw - a[2], drive) + away / drive.speed_mps + one_pivot_s(b[2] - yaw, drive)


@compiled
def one_pivot_s(turn: float, drive: Drive) -> float:
    """Seconds for a stop and a turn on the spot; none for none."""
    angle = abs((turn + math.pi) % (2.0 * math.pi) - math.pi)
    return drive.stop_s + angle / drive.yaw_rate_rps + drive.pivot_s if angle > 1e-3 else 0.0


@compiled
def turned(body: Body, drive: Drive, a: Floats, b: Floats, limit_s: float, found: Floats, far: bool = False) -> float:
    """About the seconds of the quickest safe way from pose a to pose b; inf if none takes less than the limit.

    Where a machine that reverses finds none, and may back `far`, it backs out of where it cannot turn, or into it, as far as it
    must; that may take longer than the limit by the time for it. `found` (5,) gets the straight parts, the radius, and the
    word (or that it pivots), as `written` needs them.
    """
    usual = drive.straights_m
    best_s = joined_s(body, drive, a, b, usual, usual, limit_s, found)
    if best_s < limit_s or not far:
        return best_s if best_s < limit_s else math.inf
    out, into = backs_m(body, drive, a, -1.0), backs_m(body, drive, b, 1.0)
    most_s = limit_s + (np.abs(out).sum() + np.abs(into).sum()) / drive.speed_mps
    best_s = most_s
    if len(out):
        best_s = joined_s(body, drive, a, b, out, usual, best_s, found)
    if len(into):
        best_s = joined_s(body, drive, a, b, usual, into, best_s, found)
    if len(out) and len(into) and best_s >= most_s:
        best_s = joined_s(body, drive, a, b, out, into, best_s, found)
    return best_s if best_s < most_s else math.inf


@compiled
def backs_m(body: Body, drive: Drive, pose: Floats, sign: float) -> Floats:
    """(n,) how far a machine backs (below 0) out of a pose to where it can turn or, with `sign` 1, from there into the pose: where
    that is further than usual; none where it does not reverse, or something is in the way.
    """
    begin, step = -drive.straights_m.min(), _BACK_STEP_M
    spot, cos, sin = pose.copy(), math.cos(pose[2]), math.sin(pose[2])
    for k in range(math.ceil(_FARTHEST_M / step) if begin > 0.0 else 0):
        x, y = spot[0] + sign * step * cos, spot[1] + sign * step * sin
        # In from there, the other way, it drives backwards: the same floor.
        if not goes_free(body, spot[0], spot[1], x, y, pose[2]):
            return np.empty(0)
        spot[0], spot[1] = x, y
        turns = turns_free(body, x, y, pose[2], _TURN_RAD) or turns_free(body, x, y, pose[2], -_TURN_RAD)
        if turns and (k + 1) * step <= begin:
            return np.empty(0)
        if turns:
            return -(k + 1) * step - np.array(_ROOM_M)
    return np.empty(0)


@compiled
def joined_s(
    body: Body, drive: Drive, a: Floats, b: Floats, firsts: Floats, lasts: Floats, limit_s: float, found: Floats
) -> float:
    """The seconds of the quickest safe way with one of the straight parts before, and one behind; the limit if none takes less."""
    best_s = limit_s
    here, there, parts, way = np.empty(3), np.empty(3), np.empty(3), np.empty((MOST_POINTS, 2))
    for one in firsts:
        if not straight_free(body, a, one):
            continue
        here[0], here[1], here[2] = a[0] + one * math.cos(a[2]), a[1] + one * math.sin(a[2]), a[2]
        spent_s = abs(one) / drive.speed_mps + (2.0 * drive.stop_s if one < 0.0 else 0.0)
        for other in lasts:
            both_s = spent_s + abs(other) / drive.speed_mps + (2.0 * drive.stop_s if other < 0.0 else 0.0)
            if both_s + math.hypot(b[0] - a[0], b[1] - a[1]) / drive.speed_mps - spent_s >= best_s:
                continue
            there[0], there[1], there[2] = b[0] - other * math.cos(b[2]), b[1] - other * math.sin(b[2]), b[2]
            for k in range(len(drive.radii_m) + 1):
                radius = drive.radii_m[k] if k < len(drive.radii_m) else half_circle_m(here, there)
                if radius < drive.radii_m[-1]:
                    continue
                for kind in range(WORDS):
                    if not word(kind, here[0], here[1], here[2], there[0], there[1], there[2], radius, parts):
                        continue
                    seconds = both_s + arcs_s(kind, parts, radius, drive)
                    if seconds >= best_s:
                        continue
                    count = traced(kind, parts, here[0], here[1], here[2], radius, way[1:])
                    if count < 0 or not arcs_free(body, way, count, here, there, other):
                        continue
                    best_s = seconds
                    found[0], found[1], found[2], found[3] = one, other, radius, kind
            if (
                drive.pivots
                and both_s + pivots_s(here, there, drive) < best_s
                and pivots_free(body, here, there, other)
            ):
                best_s = both_s + pivots_s(here, there, drive)
                found[0], found[1], found[2], found[3] = one, other, 0.0, _PIVOT
    return best_s


@compiled
def half_circle_m(a: Floats, b: Floats) -> float:
    """The radius of the half circle that leads from a pose to one beside it that looks back; 0 where none does."""
    turn = (b[2] - a[2]) % (2.0 * math.pi) - math.pi
    if abs(turn) > _SKEW_RAD:
        return 0.0
    return float(abs((b[1] - a[1]) * math.cos(a[2]) - (b[0] - a[0]) * math.sin(a[2])) / 2)


@compiled
def straight_free(body: Body, a: Floats, length: float) -> bool:
    """Whether the robot can go straight on from a pose, or back."""
    x, y = a[0] + length * math.cos(a[2]), a[1] + length * math.sin(a[2])
    return length == 0.0 or goes_free(body, a[0], a[1], x, y, a[2])


@compiled
def arcs_free(body: Body, way: Floats, count: int, here: Floats, there: Floats, last: float) -> bool:
    """Whether arcs (the points behind the first of `way`), and the straight part behind them, are safe."""
    way[0, 0], way[0, 1] = here[0], here[1]
    # Most ways are shut: a few looks tell.
    for k in range(_LOOK, count, _LOOK):
        yaw = math.atan2(way[k, 1] - way[k - 1, 1], way[k, 0] - way[k - 1, 0])
        if not fits(body, way[k, 0], way[k, 1], yaw):
            return False
    if not (straight_free(body, there, last) and way_free(body, way, count + 1, False, here[2])):
        return False
    # The last move of an arc faces a little beside the heading in which it ends.
    yaw = math.atan2(way[count, 1] - way[count - 1, 1], way[count, 0] - way[count - 1, 0]) if count else here[2]
    turn = (there[2] - yaw + math.pi) % (2.0 * math.pi) - math.pi
    return turns_free(body, there[0], there[1], yaw, turn)


@compiled
def pivots_free(body: Body, here: Floats, there: Floats, last: float) -> bool:
    """Whether turning on the spot, driving straight, turning again, and the straight part behind are safe."""
    dx, dy = there[0] - here[0], there[1] - here[1]
    if math.hypot(dx, dy) < 1e-3:
        turn = (there[2] - here[2] + math.pi) % (2.0 * math.pi) - math.pi
        return turns_free(body, here[0], here[1], here[2], turn) and straight_free(body, there, last)
    yaw = math.atan2(dy, dx)
    first = (yaw - here[2] + math.pi) % (2.0 * math.pi) - math.pi
    second = (there[2] - yaw + math.pi) % (2.0 * math.pi) - math.pi
    return (
        turns_free(body, here[0], here[1], here[2], first)
        and goes_free(body, here[0], here[1], there[0], there[1], yaw)
        and turns_free(body, there[0], there[1], yaw, second)
        and straight_free(body, there, last)
    )


@side_by_side
def all_turned(
    body: Body, drive: Drive, leaves: Floats, enters: Floats, pairs: Ints, limits_s: Floats, far: bool, found: Floats
) -> None:
    """Writes for each pair (leave, enter) of poses (n, 3) the seconds of its way and what `turned` finds, (pairs, 5)."""
    for k in together(len(pairs)):
        found[k, 4] = turned(body, drive, leaves[pairs[k, 0]], enters[pairs[k, 1]], limits_s[k], found[k], far)


def written(a: Floats, b: Floats, found: Floats) -> list[tuple[Floats, bool]]:
    """The way that `turned` found, as points (n, 2) of its parts and whether each is driven backwards; nothing if it does not lead
    from the one pose to the other.
    """
    first, last, radius, kind = float(found[0]), float(found[1]), float(found[2]), int(found[3])
    here = np.array([a[0] + first * math.cos(a[2]), a[1] + first * math.sin(a[2]), a[2]])
    there = np.array([b[0] - last * math.cos(b[2]), b[1] - last * math.sin(b[2]), b[2]])
    middle = here[None, :2]
    if kind == _PIVOT:
        middle = np.array([here[:2], there[:2]])
    else:
        parts, way = np.empty(3), np.empty((MOST_POINTS, 2))
        if not word(kind, here[0], here[1], here[2], there[0], there[1], there[2], radius, parts):
            return []
        count = traced(kind, parts, here[0], here[1], here[2], radius, way)
        middle = np.concatenate((here[None, :2], way[:count]))
        middle[-1] = there[:2]
    pieces = [(np.array([a[:2], here[:2]]), first < 0.0), (middle, False), (np.array([there[:2], b[:2]]), last < 0.0)]
    joined: list[tuple[Floats, bool]] = []
    for points, backwards in pieces:
        if np.hypot(*np.diff(points, axis=0).T).sum() < 1e-6:
            continue
        if joined and joined[-1][1] == backwards:
            joined[-1] = (np.concatenate((joined[-1][0], points[1:])), backwards)
        else:
            joined.append((points, backwards))
    return joined
