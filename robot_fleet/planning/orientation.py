"""The directions in which walls and aisles run."""

from __future__ import annotations

import math

import cv2
import numpy as np

from robot_fleet.planning.terrain import Bools

_BINS = 360


def wall_direction(free: Bools) -> float:
    """Angle in [-pi/4, pi/4) of the walls about `free` (rows, cols) against the x axis of the grid, modulo a right angle.

    The straight pieces of the free floor's outline vote with their length, doubled twice on the circle so that parallel
    and square walls agree; the best peak of the votes is refined by their mean.
    """
    contours, _ = cv2.findContours(np.pad(free, 1).astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    pieces = [cv2.approxPolyDP(contour, 1.2, True)[:, 0, :].astype(np.float64) for contour in contours]
    steps = np.concatenate([np.roll(piece, -1, axis=0) - piece for piece in pieces] or [np.zeros((0, 2))])
    length = np.hypot(steps[:, 0], steps[:, 1])
    steps, length = steps[length > 6.0], length[length > 6.0]
    if not len(steps):
        return 0.0
    angle = np.arctan2(steps[:, 1], steps[:, 0]) * 4.0
    weight = length**1.5
    votes = np.bincount((angle % math.tau / math.tau * _BINS).astype(int) % _BINS, weight, _BINS)
    smooth = sum(np.roll(votes, k) * (1.0 - abs(k) / 9.0) for k in range(-8, 9))
    peak = (int(np.argmax(smooth)) + 0.5) * math.tau / _BINS
    off = np.angle(np.exp(1j * (angle - peak)))
    near = np.abs(off) < math.radians(12.0)
    mean = peak + float(np.average(off[near], weights=weight[near])) if near.any() else peak
    return math.remainder(mean, math.tau) / 4.0
