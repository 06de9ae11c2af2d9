"""The poses that a machine which never reverses can get to and come home from: where it cannot turn round, it does not enter.

Poses lie on the lattice of `poses`; its moves go straight on, along an arc, or turn on the spot, and are looked at in their
middles and at their ends. What it reaches, and from where it gets home, is found by flooding, as for one-ways (`circuits`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from robot_fleet.floor.grid import OccupancyGrid
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.profile import RobotProfile
from robot_fleet.planning.compiled import compiled
from robot_fleet.planning.steering.poses import PoseReach, nearest
from robot_fleet.planning.terrain import Bools, Ints

# Straight moves go so many places on; arcs have so many times the least radius, which is at least so many metres.
_STRAIGHTS, _RADII, _LEAST_M = (3, 5, 8), (1.0, 2.0), 0.15
# Passes are at least so long.
_SHORTEST_M = 0.6
# Lattices of more poses than this are looked at at every second place, and so on.
_MANY_POSES = 40_000_000


def returning(
    poses: PoseReach, grid: OccupancyGrid, profile: RobotProfile, begins: Sequence[Pose], homes: Sequence[Pose]
) -> PoseReach:
    """The poses on straight passes that lead from some begin to some home (map frame) without reversing."""
    every = math.ceil(math.sqrt(poses.reached.size / _MANY_POSES))
    coarse = PoseReach(np.ascontiguousarray(poses.reached[:, ::every, ::every]), poses.side_m * every)
    moves = _moves(profile, len(coarse.reached), coarse.side_m)
    there, back = np.zeros_like(coarse.reached), np.zeros_like(coarse.reached)
    for starts, table, mask in ((begins, moves, there), (homes, _undone(moves), back)):
        for start in starts:
            seed = nearest(grid, poses.reached, start)
            if seed is not None:
                _flood(coarse.reached, table, mask, seed[0], seed[1] // every, seed[2] // every)
    found = _along_passes(there & back, coarse)
    if every > 1:
        rows, cols = poses.reached.shape[1:]
        found = np.repeat(np.repeat(found, every, axis=1), every, axis=2)[:, :rows, :cols]
    return PoseReach(found, poses.side_m)


def _moves(profile: RobotProfile, headings: int, side_m: float) -> Ints:
    """(headings, n, 5) headings, rows and columns that each move goes on by, and those to its middle."""
    step = math.tau / headings
    found = np.zeros((headings, len(_STRAIGHTS) + 2 * len(_RADII) + 2, 5), dtype=np.int64)
    for k in range(headings):
        yaw, made = k * step, []
        for places in _STRAIGHTS:
            made.append((0, *_places(yaw, places, 0.0), *_places(yaw, places / 2, 0.0)))
        for radius in _RADII:
            long = radius * max(profile.lifted_radius_m, _LEAST_M) / side_m
            for turn in (1, -1):
                whole = _places(yaw, long * math.sin(step), turn * long * (1 - math.cos(step)))
                half = _places(yaw, long * math.sin(step / 2), turn * long * (1 - math.cos(step / 2)))
                made.append((turn, *whole, *half))
        made += [(turn, 0, 0, 0, 0) for turn in ((1, -1) if profile.lifted_radius_m == 0.0 else ())]
        found[k, : len(made)] = made
    return found


def _places(yaw: float, ahead: float, aside: float) -> tuple[int, int]:
    """The rows and columns nearest to a place ahead and to the left of a pose."""
    return (
        round(ahead * math.sin(yaw) + aside * math.cos(yaw)), round(ahead * math.cos(yaw) - aside * math.sin(yaw))
    )  # fmt: skip


def _undone(moves: Ints) -> Ints:
    """The moves that lead back to where others came from."""
    found, headings = np.zeros_like(moves), len(moves)
    for k in range(headings):
        for j in range(moves.shape[1]):
            turn, row, col, half_row, half_col = moves[(k - int(moves[k, j, 0])) % headings, j].tolist()
            found[k, j] = -turn, -row, -col, half_row - row, half_col - col
    return found


@compiled
def _flood(open_: Bools, moves: Ints, reached: Bools, heading: int, row: int, col: int) -> None:
    """Marks the open poses that moves lead to from one."""
    headings, rows, cols = open_.shape
    stack: NDArray[np.int32] = np.empty((1024, 3), dtype=np.int32)
    if not open_[heading, row, col] or reached[heading, row, col]:
        return
    stack[0, 0], stack[0, 1], stack[0, 2] = heading, row, col
    reached[heading, row, col] = True
    count = 1
    while count:
        count -= 1
        at, y, x = stack[count]
        if count + moves.shape[1] > len(stack):
            stack = np.concatenate((stack, stack))
        for k in range(moves.shape[1]):
            to, v, u = (at + moves[at, k, 0]) % headings, y + moves[at, k, 1], x + moves[at, k, 2]
            if v < 0 or u < 0 or v >= rows or u >= cols or reached[to, v, u] or not open_[to, v, u]:
                continue
            if open_[at, y + moves[at, k, 3], x + moves[at, k, 4]]:
                reached[to, v, u] = True
                stack[count, 0], stack[count, 1], stack[count, 2] = to, v, u
                count += 1


def _along_passes(found: Bools, lattice: PoseReach) -> Bools:
    """The poses on straight lines that are long enough for passes, those between moves with them."""
    made = np.zeros_like(found)
    for k, layer in enumerate(found):
        yaw = k / len(found) * math.tau
        closed = cv2.morphologyEx(layer.astype(np.uint8), cv2.MORPH_CLOSE, _line(yaw, max(_STRAIGHTS))) > 0
        fitting = (closed & lattice.reached[k]).astype(np.uint8)
        made[k] = cv2.morphologyEx(fitting, cv2.MORPH_OPEN, _line(yaw, math.ceil(_SHORTEST_M / lattice.side_m))) > 0
    return made


def _line(yaw: float, places: int) -> NDArray[np.uint8]:
    """(n, n) a line of so many places along a heading."""
    kernel = np.zeros((2 * places + 1, 2 * places + 1), dtype=np.uint8)
    row, col = _places(yaw, places / 2, 0.0)
    cv2.line(kernel, (places - col, places - row), (places + col, places + row), 1)
    return kernel
