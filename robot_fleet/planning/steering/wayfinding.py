"""Ways with the head up between poses that no simple turn joins: a search over driven arcs; compiled.

Hybrid A* (Dolgov, Thrun, Montemerlo, Diebel, "Practical search techniques in path planning for autonomous driving", 2008):
poses are driven, not lattice points, and one is kept for each square, heading and gear. What is left of the way is
estimated by the metres that a point keeping the body's least room would drive; near the goal simple turns are tried.
"""

from __future__ import annotations

import heapq
import math
from itertools import pairwise

import numpy as np

from robot_fleet.planning.compiled import compiled
from robot_fleet.planning.steering.body import Body, distance_at, fits, goes_free, goes_wrong, turns_free, way_free
from robot_fleet.planning.steering.turns import Drive, turned
from robot_fleet.planning.terrain import Floats

SQUARE_M, _HEADINGS = 0.25, 24
_AHEAD, _BACK, _PIVOT = 0, 1, 2
_MOVES = 11
_PIECE_M, _TURN_RAD = 0.5, 2.0 * math.pi / 24
# Simple turns to the goal are tried from so near, at every so many poses.
_NEAR_M, _TRIED = 7.0, 6
_MOST_POSES, _MOST_TRIES = 10_000, 40
# Driving backwards is slow work: the estimate is trusted so much more than it should be, for speed.
_EAGER = 1.3


@compiled
def metres_to(body: Body, x: float, y: float) -> Floats:
    """(rows, cols) metres of the way to a place over squares on which the turning centre may be, against no one-way; inf where
    there is none.
    """
    rows = math.ceil((body.fine_m.shape[0] - 1) * body.side_m / 2 / SQUARE_M)
    cols = math.ceil((body.fine_m.shape[1] - 1) * body.side_m / 2 / SQUARE_M)
    found = np.full((rows, cols), np.inf)
    row, col = min(int(y / SQUARE_M), rows - 1), min(int(x / SQUARE_M), cols - 1)
    found[row, col] = 0.0
    queue = [(0.0, row, col)]
    while len(queue) > 0:
        away, row, col = heapq.heappop(queue)
        if away > found[row, col]:
            continue
        for down in (-1, 0, 1):
            for right in (-1, 0, 1):
                v, u = row + down, col + right
                if (down == 0 and right == 0) or v < 0 or u < 0 or v >= rows or u >= cols:
                    continue
                further = away + SQUARE_M * math.hypot(down, right)
                if further >= found[v, u]:
                    continue
                room = distance_at(body.fine_m, body.side_m, (u + 0.5) * SQUARE_M, (v + 0.5) * SQUARE_M)
                # A square counts if any place in it may do.
                if room < body.inner_m - SQUARE_M * 0.75:
                    continue
                x0, y0, x1, y1 = u + 0.5, v + 0.5, col + 0.5, row + 0.5
                if goes_wrong(body, x0 * SQUARE_M, y0 * SQUARE_M, x1 * SQUARE_M, y1 * SQUARE_M):
                    continue
                found[v, u] = further
                heapq.heappush(queue, (further, v, u))
    return found


@compiled
def searched(
    body: Body, drive: Drive, a: Floats, b: Floats, away_m: Floats, out: Floats, last: Floats
) -> tuple[int, float]:
    """Writes to `out` (n, 4) the poses x, y, yaw of a way from a towards b and the gear in which each is reached.

    Returns how many and about the seconds of the whole way; from the last pose `last` (5,) is the simple turn to b. No
    poses and inf where no way is found.
    """
    rows, cols = away_m.shape
    best = np.full(rows * cols * _HEADINGS * 3, np.inf, dtype=np.float32)
    poses, before, gears = (
        np.empty((_MOST_POSES, 3)),
        np.empty(_MOST_POSES, dtype=np.int64),
        np.empty(_MOST_POSES, dtype=np.int64),
    )
    spent = np.empty(_MOST_POSES)
    poses[0], before[0], gears[0], spent[0] = a, -1, _AHEAD, 0.0
    count, tries = 1, 0
    queue = [(_left_s(a, away_m, drive), 0)]
    goal_s, goal, found = math.inf, -1, np.zeros(5)
    while len(queue) > 0 and count < _MOST_POSES - 12:
        estimate, at = heapq.heappop(queue)
        if estimate >= goal_s:
            break
        here = poses[at].copy()
        near = math.hypot(here[0] - b[0], here[1] - b[1]) < _NEAR_M
        tries += near
        if near and (tries % _TRIED == 1) and tries < _MOST_TRIES * _TRIED:
            limit_s = min(goal_s - spent[at], 60.0)
            seconds = turned(body, drive, here, b, limit_s, found)
            if seconds < limit_s:
                goal_s, goal = spent[at] + seconds, at
                last[:] = found
        for move in range(_MOVES):
            there, gear, seconds = _moved(here, move, drive)
            if gear < 0:
                continue
            if gear != gears[at] and gears[at] != _PIVOT:
                seconds += drive.stop_s
            if gear == _PIVOT and gears[at] != _PIVOT:
                seconds += drive.pivot_s
            then = spent[at] + seconds
            row, col = int(there[1] / SQUARE_M), int(there[0] / SQUARE_M)
            if row < 0 or col < 0 or row >= rows or col >= cols or away_m[row, col] == np.inf:
                continue
            heading = int((there[2] % (2.0 * math.pi)) / _TURN_RAD + 0.5) % _HEADINGS
            key = ((row * cols + col) * _HEADINGS + heading) * 3 + gear
            if then >= best[key] or then + _left_s(there, away_m, drive) / _EAGER >= goal_s:
                continue
            if not _free(body, here, there, gear):
                continue
            best[key] = then
            poses[count], before[count], gears[count], spent[count] = there, at, gear, then
            heapq.heappush(queue, (then + _left_s(there, away_m, drive), count))
            count += 1
    if goal < 0:
        return 0, math.inf
    size, at = 0, goal
    while at >= 0:
        size, at = size + 1, before[at]
    at = goal
    for k in range(size - 1, -1, -1):
        out[k, :3], out[k, 3] = poses[at], gears[at]
        at = before[at]
    return size, goal_s


@compiled
def _left_s(pose: Floats, away_m: Floats, drive: Drive) -> float:
    """About the seconds from a pose to the goal."""
    row, col = int(pose[1] / SQUARE_M), int(pose[0] / SQUARE_M)
    return float(_EAGER * away_m[row, col] / drive.speed_mps)


@compiled
def _moved(here: Floats, move: int, drive: Drive) -> tuple[Floats, int, float]:
    """The pose after a move, its gear (-1: the machine cannot do it), and its seconds: five ways ahead, four back, two turns."""
    there = here.copy()
    if move < 5:
        turn = (0.0, 1.0, -1.0, 2.0, -2.0)[move] * _TURN_RAD
        length = _PIECE_M
        if turn != 0.0 and length / abs(turn) < drive.radii_m[-1]:
            return there, -1, 0.0
        chord = length if turn == 0.0 else 2.0 * length / abs(turn) * math.sin(abs(turn) / 2)
        there[0] += chord * math.cos(here[2] + turn / 2)
        there[1] += chord * math.sin(here[2] + turn / 2)
        there[2] += turn
        return there, _AHEAD, max(length / drive.speed_mps, abs(turn) / drive.yaw_rate_rps)
    if move < 9:
        if drive.straights_m[-1] >= 0.0:
            return there, -1, 0.0
        length, turn = (0.25, 0.75, 0.5, 0.5)[move - 5], (0.0, 0.0, 0.5, -0.5)[move - 5] * _TURN_RAD
        there[0] -= length * math.cos(here[2] + turn / 2)
        there[1] -= length * math.sin(here[2] + turn / 2)
        there[2] += turn
        return there, _BACK, length / drive.speed_mps
    if not drive.pivots:
        return there, -1, 0.0
    turn = (1.0, -1.0)[move - 9] * 2.0 * _TURN_RAD
    there[2] += turn
    return there, _PIVOT, abs(turn) / drive.yaw_rate_rps


@compiled
def _free(body: Body, here: Floats, there: Floats, gear: int) -> bool:
    """Whether the robot keeps its clearance along a move."""
    if gear == _PIVOT:
        return turns_free(body, here[0], here[1], here[2], there[2] - here[2])
    if there[2] == here[2]:
        return goes_free(body, here[0], here[1], there[0], there[1], here[2])
    way = np.empty((8, 2))
    count = arc(here, there, way)
    return way_free(body, way, count, gear == _BACK, here[2]) and fits(body, there[0], there[1], there[2])


@compiled
def arc(here: Floats, there: Floats, way: Floats) -> int:
    """Writes the points (both ends with them) of the arc between two poses, ahead or back; returns how many."""
    turn = there[2] - here[2]
    back = (there[0] - here[0]) * math.cos(here[2]) + (there[1] - here[1]) * math.sin(here[2]) < 0.0
    pieces = max(1, math.ceil(abs(turn) / math.radians(5.0)))
    radius = math.hypot(there[0] - here[0], there[1] - here[1]) / (2.0 * math.sin(abs(turn) / 2))
    side = radius if (turn > 0.0) != back else -radius
    cx, cy = here[0] - side * math.sin(here[2]), here[1] + side * math.cos(here[2])
    for k in range(pieces + 1):
        yaw = here[2] + turn * k / pieces
        way[k, 0], way[k, 1] = cx + side * math.sin(yaw), cy - side * math.cos(yaw)
    return int(pieces + 1)


def parts_of(poses: Floats) -> list[tuple[Floats, bool]]:
    """A searched way (n, 4) as points (m, 2) of its parts and whether each is driven backwards."""
    found: list[tuple[Floats, bool]] = []
    for here, there in pairwise(poses):
        gear = int(there[3])
        if gear == _PIVOT:
            continue
        points = np.array([here[:2], there[:2]])
        if there[2] != here[2]:
            way = np.empty((8, 2))
            points = way[: arc(here, there, way)].copy()
        if found and found[-1][1] == (gear == _BACK):
            found[-1] = (np.concatenate((found[-1][0], points[1:])), found[-1][1])
        else:
            found.append((points, gear == _BACK))
    return found
