"""What the floor's truth says is clean is what heads passed over, by geometry of this check's own."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import STRtree

from robot_fleet.floor.pose import Pose
from robot_fleet.floor.profile import Head
from robot_fleet.floor.store import FloorMap
from robot_fleet.nights.checks.violation import Findings

UNLIKE = 0.002
"""The share of the swept floor by which the two may differ: cells along the edge of a way, by how its bends are cut.

A head that is drawn 1 cm too wide makes more of it.
"""

# Of less floor than that (square metres) a few cells would be too large a share.
_LEAST_M2 = 10.0
_TURN_RAD = 0.03
Cells = NDArray[np.bool_]
Moves = list[tuple[Head, Pose, Pose]]


class SweepCheck:
    """Takes in where robots truly are and whether their heads run; compares what that swept with the truth (rows, cols)."""

    def __init__(self, floor: FloorMap, heads: Mapping[str, Head]) -> None:
        self.findings = Findings("sweep")
        self._heads = heads
        self._last: dict[str, tuple[Pose, bool]] = {}
        # The moves since the last comparison: those all along which a head ran, and those in whose midst it was switched.
        self._sure: Moves = []
        self._unsure: Moves = []
        self._cell_m2 = floor.grid.cell_area_m2
        self._free = floor.grid.free
        rows, cols = np.nonzero(self._free)
        origin, side = floor.grid.origin, floor.grid.resolution_m
        x, y, cos, sin = (cols + 0.5) * side, (rows + 0.5) * side, math.cos(origin.yaw_rad), math.sin(origin.yaw_rad)
        self._centres = STRtree(
            np.asarray(shapely.points(origin.x_m + cos * x - sin * y, origin.y_m + sin * x + cos * y))
        )
        self._swept: NDArray[np.bool_] = np.zeros(len(rows), dtype=bool)
        self._maybe: NDArray[np.bool_] = np.zeros(len(rows), dtype=bool)

    def look(self, robots: Iterable[tuple[str, Pose, bool]]) -> None:
        """A step has passed: of each robot its name, where it truly is, and whether its head runs."""
        for name, pose, runs in robots:
            before, ran = self._last.get(name, (pose, runs))
            if pose is not before and (ran or runs):
                (self._sure if ran and runs else self._unsure).append((self._heads[name], before, pose))
            self._last[name] = pose, runs

    def compare(self, run: str, at_s: float, truth: Cells) -> float:
        """The share of the swept floor by which the truth differs from it, which must be small."""
        self._mark(self._swept, self._sure)
        self._mark(self._maybe, self._unsure)
        clean = truth[self._free]
        wrong = int((clean & ~self._swept & ~self._maybe).sum()) + int((self._swept & ~clean).sum())
        share = wrong * self._cell_m2 / max(_LEAST_M2, int(self._swept.sum()) * self._cell_m2)
        if share > UNLIKE:
            text = f"the truth differs by {wrong * self._cell_m2:.2f} m2 from what heads passed over"
            self.findings.add(run, at_s, text)
        return share

    def _mark(self, swept: NDArray[np.bool_], moves: Moves) -> None:
        if moves:
            swept[self._centres.query(_passed_over(moves), predicate="intersects")[1]] = True
            moves.clear()


def _passed_over(moves: Moves) -> NDArray[np.object_]:
    """What heads pass over: the hulls of their lines at two places, cut into pieces along which they hardly turn."""
    heads = np.array([(head.offset_m, head.width_m / 2) for head, _, _ in moves])
    start = np.array([(pose.x_m, pose.y_m, pose.yaw_rad) for _, pose, _ in moves])
    change = np.array([(pose.x_m, pose.y_m, pose.yaw_rad) for _, _, pose in moves]) - start
    change[:, 2] = (change[:, 2] + math.pi) % (2.0 * math.pi) - math.pi
    parts = 1 + (np.abs(change[:, 2]) / _TURN_RAD).astype(int)
    index = np.repeat(np.arange(len(moves)), parts)
    step = np.arange(len(index)) - np.repeat(np.cumsum(parts) - parts, parts)
    ends = [
        _lines(heads[index], start[index] + change[index] * ((step + more) / parts[index])[:, None]) for more in (0, 1)
    ]
    return np.asarray(shapely.convex_hull(shapely.multipoints(np.concatenate(ends, axis=1))))


def _lines(heads: NDArray[np.float64], poses: NDArray[np.float64]) -> NDArray[np.float64]:
    """The two ends, (n, 2, 2), of each head (offset, half its width) at its pose (x, y, yaw)."""
    cos, sin = np.cos(poses[:, 2:]), np.sin(poses[:, 2:])
    middle = poses[:, :2] + heads[:, :1] * np.hstack((cos, sin))
    aside = heads[:, 1:] * np.hstack((-sin, cos))
    return np.stack((middle + aside, middle - aside), axis=1)
