"""The floor under a head while its robot turns on the spot at the corners of its path."""

from __future__ import annotations

import math

import numpy as np

from robot_fleet.floor.profile import Head
from robot_fleet.planning.terrain import Bools, Floats
from robot_fleet.planning.timing import CORNER_RAD

_STILL_M = 1e-6


def mark_pivots(mask: Bools, points: Floats, head: Head, side_m: float) -> None:
    """Marks in `mask` (rows, cols) the cells whose centres the head passes over at the corners of a polyline (n, 2)."""
    moves = np.concatenate(([True], np.hypot(*np.diff(points, axis=0).T) > _STILL_M))
    points = points[moves]
    yaw = np.arctan2(*np.diff(points, axis=0).T[::-1])
    turns = np.remainder(np.diff(yaw) + math.pi, math.tau) - math.pi
    for k in np.flatnonzero(np.abs(turns) > CORNER_RAD).tolist():
        _mark_pivot(mask, points[k + 1], float(yaw[k]), float(turns[k]), head, side_m)


def _mark_pivot(mask: Bools, at: Floats, yaw: float, turn: float, head: Head, side_m: float) -> None:
    """Marks what lies under the head at some heading between `yaw` and `yaw` + `turn`."""
    outer = math.hypot(head.offset_m, head.width_m / 2)
    low = np.maximum(((at - outer) / side_m).astype(np.int64), 0)
    high = np.ceil((at + outer) / side_m).astype(np.int64) + 1
    window = mask[low[1] : high[1], low[0] : high[0]]
    y, x = (np.mgrid[: window.shape[0], : window.shape[1]] + low[::-1, None, None] + 0.5) * side_m
    away, toward = np.hypot(x - at[0], y - at[1]), np.arctan2(y - at[1], x - at[0])
    inside = (away <= outer) & (away >= abs(head.offset_m)) & (away > 0.0)
    # A place so far away lies under the head when the robot faces so much to the left or to the right of it.
    aside = np.arccos(np.clip(head.offset_m / np.where(inside, away, 1.0), -1.0, 1.0))
    for heading in (toward - aside, toward + aside):
        way = np.remainder((heading - yaw) * math.copysign(1.0, turn), math.tau)
        window |= inside & (way <= abs(turn))
