"""Which floor counts as cleaned: what lay under a running head between two poses that the robot itself reported.

Success of an order is never taken for coverage. Between two poses at most 0.5 s and 0.5 m apart, with the head reported
on throughout, the head sweeps the quadrilateral between its two lines (a bow-tie when the robot pivots under it); the
cells with their centre inside are cleaned. The simulator keeps its truth with the same routine, from true poses.

Reported poses waver by centimetres, and floor at the very ends of the head is as likely left out as swept. So the last
half centimetre at either end earns no credit, which makes false credit three times rarer.
"""

from __future__ import annotations

import json
import math
import zlib
from bisect import bisect_left, bisect_right, insort
from collections import deque
from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from robot_fleet.fleet.events import HeadReported, PoseReported
from robot_fleet.floor.grid import OccupancyGrid
from robot_fleet.floor.pose import Pose, wrap_angle
from robot_fleet.floor.profile import Head

LONGEST_GAP_S = 0.5
LONGEST_GAP_M = 0.5
SMOOTHED_S = 0.4
UNSURE_END_M = 0.005
LATE_S = 2.0
"""A pose that comes so much later than newer ones counts no more; as long a gap in the poses is held open for those that do."""
CLAIMED_S = 90.0
"""So much of what a robot claimed last is withdrawn when it turns out that it did not know where it was."""
_HISTORY_S = 8.0
_RECALLED_GAP_S = 3.0
_ROUNDING = 1e-6
# Smoothed poses of a robot that stands waver by less.
_STILL_M, _STILL_RAD = 0.04, 0.06


class CoverageRecord:
    """The requested floor of a run and what of it is cleaned; grows by `credit` alone.

    `cleaned` is a mask (rows, cols) within `requested`; `by_robot_m2` says who was the first to clean how much.
    """

    def __init__(self, grid: OccupancyGrid, requested: NDArray[np.bool_]) -> None:
        self.grid = grid
        self.requested = requested
        self.cleaned: NDArray[np.bool_] = np.zeros(grid.shape, dtype=bool)
        self.by_robot_m2: dict[str, float] = {}
        self._cells = 0

    @property
    def cleaned_m2(self) -> float:
        """Square metres of requested floor that are cleaned."""
        return self._cells * self.grid.cell_area_m2

    def cleaned_in_m2(self, rows: slice, cols: slice, mask: NDArray[np.bool_]) -> float:
        """Square metres that are cleaned in a window of rows and columns, within a mask of that."""
        return int(np.count_nonzero(self.cleaned[rows, cols] & mask)) * self.grid.cell_area_m2

    def credit(self, robot: str, head: Head, before: Pose, after: Pose) -> float:
        """Marks the floor that a running head swept between two poses (map frame); square metres that are new."""
        left, right = _head_line(head, before)
        rows, cols, swept = self.grid.inside_ring((left, right, *reversed(_head_line(head, after))))
        window = self.cleaned[rows, cols]
        swept &= self.requested[rows, cols]
        swept &= ~window
        count = int(np.count_nonzero(swept))
        if not count:
            return 0.0
        window |= swept
        self._cells += count
        area_m2 = count * self.grid.cell_area_m2
        self.by_robot_m2[robot] = self.by_robot_m2.get(robot, 0.0) + area_m2
        return area_m2

    def withdraw(self, robot: str, head: Head, before: Pose, after: Pose) -> float:
        """Takes back what lies between two poses, whoever else has cleaned it too; square metres that are to be cleaned again."""
        left, right = _head_line(head, before)
        rows, cols, swept = self.grid.inside_ring((left, right, *reversed(_head_line(head, after))))
        window = self.cleaned[rows, cols]
        swept &= window
        window &= ~swept
        count = int(np.count_nonzero(swept))
        self._cells -= count
        area_m2 = count * self.grid.cell_area_m2
        self.by_robot_m2[robot] = max(0.0, self.by_robot_m2.get(robot, 0.0) - area_m2)
        return area_m2

    def packed(self) -> bytes:
        """All that is needed to go on after a restart, in a few kilobytes."""
        head = json.dumps({"grid": _grid_key(self.grid), "by_robot_m2": self.by_robot_m2}).encode()
        return zlib.compress(head + b"\n" + np.packbits(self.cleaned).tobytes(), 1)

    @classmethod
    def from_packed(cls, grid: OccupancyGrid, requested: NDArray[np.bool_], packed: bytes) -> CoverageRecord:
        """The record that `packed` came from; ValueError when it belongs to a grid of another shape or place."""
        text, _, bits = zlib.decompress(packed).partition(b"\n")
        head = json.loads(text)
        # Databases of before do not say where their grid lies.
        kept = head.get("grid", "cells of an unknown place")
        if kept != _grid_key(grid):
            raise ValueError(f"the coverage was kept for a grid of {kept}, the floor has {_grid_key(grid)}")
        record = cls(grid, requested)
        flat = np.unpackbits(np.frombuffer(bits, dtype=np.uint8), count=requested.size)
        record.cleaned = flat.reshape(grid.shape).astype(bool) & requested
        record.by_robot_m2 = dict(head["by_robot_m2"])
        record._cells = int(np.count_nonzero(record.cleaned))
        return record


class HeadTrail:
    """Turns one robot's reports into credit. Poses may arrive late: what counts is the head at their stamps.

    Where the robot was at a stamp is the mean of the poses reported up to 0.4 s before and as many after it: this takes
    the better part of their noise out, which would else draw the edges of the cleaned floor. Credit is 0.4 s late by it.
    Where poses are missing, credit for what follows waits up to 2 s for them.
    """

    def __init__(self, robot: str, head: Head) -> None:
        self.robot = robot
        self.head = replace(head, width_m=max(head.width_m - 2.0 * UNSURE_END_M, head.width_m / 2.0))
        # Poses without a gap between them; those before `_settled` have been credited and are kept as neighbours.
        self._poses: list[PoseReported] = []
        self._beyond_gap: list[PoseReported] = []
        self._settled = 0
        self._place: Pose | None = None
        self._stamps: list[float] = []
        self._states: list[bool] = []
        self._claims: deque[tuple[float, Pose, Pose]] = deque()

    def head_reported(self, event: HeadReported) -> None:
        """Remembers the head's state; a few seconds of history suffice, as poses are not later than that."""
        place = bisect_right(self._stamps, event.at_s)
        self._stamps.insert(place, event.at_s)
        self._states.insert(place, event.on)
        stale = bisect_right(self._stamps, self._stamps[-1] - _HISTORY_S) - 1
        if stale > 0:
            del self._stamps[:stale], self._states[:stale]

    def pose_reported(self, event: PoseReported, record: CoverageRecord) -> float:
        """Credits what this pose lets be known of the way; square metres that are new. Ignores one that fills no gap."""
        if self._poses and event.at_s <= self._poses[-1].at_s:
            return 0.0
        if any(other.at_s == event.at_s for other in self._beyond_gap):
            return 0.0
        insort(self._beyond_gap, event, key=_stamp)
        credited = 0.0
        while self._beyond_gap and not self._may_be_filled():
            credited += self._go_on(self._beyond_gap.pop(0), record)
        return credited

    def _may_be_filled(self) -> bool:
        """Whether a gap follows the last pose that late ones may still fill."""
        if not self._poses or _near(self._poses[-1], self._beyond_gap[0]):
            return False
        # No pose that is more than LATE_S late is told: by then none comes that would go on from the last.
        return self._beyond_gap[-1].at_s - self._poses[-1].at_s < LATE_S + LONGEST_GAP_S

    def _go_on(self, event: PoseReported, record: CoverageRecord) -> float:
        last = self._poses[-1] if self._poses else None
        if last is not None and not _near(last, event):
            credited = self._credit_until(math.inf, record)
            self._poses, self._settled, self._place = [event], 0, None
            return credited
        self._poses.append(event)
        credited = self._credit_until(event.at_s - SMOOTHED_S + _ROUNDING, record)
        drop = bisect_right(self._poses, self._poses[max(0, self._settled - 1)].at_s - SMOOTHED_S, key=_stamp)
        del self._poses[:drop]
        self._settled -= drop
        return credited

    def forget(self) -> None:
        """Another run begins: what the last one's poses would still have earned is not its own."""
        self._poses, self._beyond_gap, self._settled, self._place = [], [], 0, None
        self._claims.clear()

    def recall(self, track: NDArray[np.float64]) -> None:
        """Takes the last of a stored way, (n, 3) of seconds and metres, for claims made before this process began.

        It does not tell where the head was off: rather floor is cleaned again than believed to be clean.
        """
        for (from_s, x0, y0), (until_s, x1, y1) in pairwise(track[track[:, 0] >= track[-1:, 0] - CLAIMED_S].tolist()):
            if until_s - from_s <= _RECALLED_GAP_S and (x0, y0) != (x1, y1):
                yaw_rad = math.atan2(y1 - y0, x1 - x0)
                self._claims.append((until_s, Pose(x0, y0, yaw_rad), Pose(x1, y1, yaw_rad)))

    def withdraw(self, record: CoverageRecord) -> float:
        """Takes back what the robot claimed lately, and would claim soon, as it did not know where it was; square metres."""
        newest = (self._poses + self._beyond_gap)[-1:]
        self._poses, self._beyond_gap, self._settled, self._place = newest, [], 0, None
        since_s = self._claims[-1][0] - CLAIMED_S if self._claims else 0.0
        claims = [(before, after) for at_s, before, after in self._claims if at_s >= since_s]
        self._claims.clear()
        return sum(record.withdraw(self.robot, self.head, before, after) for before, after in claims)

    def _credit_until(self, stamp_s: float, record: CoverageRecord) -> float:
        credited = 0.0
        while self._settled < len(self._poses) and self._poses[self._settled].at_s <= stamp_s:
            before, here = self._place, self._smoothed(self._settled)
            stamp, last_stamp = self._poses[self._settled].at_s, self._poses[max(0, self._settled - 1)].at_s
            was_on = self._was_on(last_stamp, stamp)
            if before is None or not was_on or not _stands(before, here):
                # Poses of a robot that stands waver: it would earn the floor about its head bit by bit.
                self._place = here
                if before is not None and was_on:
                    credited += record.credit(self.robot, self.head, before, here)
                    self._claims.append((stamp, before, here))
            self._settled += 1
        while self._claims and self._claims[0][0] < self._claims[-1][0] - CLAIMED_S:
            self._claims.popleft()
        return credited

    def _smoothed(self, index: int) -> Pose:
        middle = self._poses[index]
        first = bisect_left(self._poses, middle.at_s - SMOOTHED_S - _ROUNDING, key=_stamp)
        end = bisect_right(self._poses, middle.at_s + SMOOTHED_S + _ROUNDING, key=_stamp)
        reach = min(index - first, end - 1 - index)
        around = [event.pose for event in self._poses[index - reach : index + reach + 1]]
        return Pose(
            sum(pose.x_m for pose in around) / len(around),
            sum(pose.y_m for pose in around) / len(around),
            middle.pose.yaw_rad,
        )

    def _was_on(self, from_s: float, until_s: float) -> bool:
        first = bisect_right(self._stamps, from_s) - 1
        return first >= 0 and all(self._states[first : bisect_right(self._stamps, until_s)])


def _grid_key(grid: OccupancyGrid) -> str:
    """What a mask of cells says something about: their number, size and place."""
    rows, cols = grid.shape
    x, y, yaw = grid.origin.x_m, grid.origin.y_m, grid.origin.yaw_rad
    return f"{rows} x {cols} cells of {grid.resolution_m:g} m at ({x:g}, {y:g}, {yaw:g})"


def _near(before: PoseReported, after: PoseReported) -> bool:
    near_s = after.at_s - before.at_s <= LONGEST_GAP_S + _ROUNDING
    return near_s and before.pose.distance_m(after.pose) <= LONGEST_GAP_M + _ROUNDING


def _stands(before: Pose, after: Pose) -> bool:
    return before.distance_m(after) < _STILL_M and abs(wrap_angle(after.yaw_rad - before.yaw_rad)) < _STILL_RAD


def _stamp(event: PoseReported) -> float:
    return event.at_s


def _head_line(head: Head, pose: Pose) -> tuple[tuple[float, float], tuple[float, float]]:
    cos, sin = math.cos(pose.yaw_rad), math.sin(pose.yaw_rad)
    x, y, half = pose.x_m + head.offset_m * cos, pose.y_m + head.offset_m * sin, head.width_m / 2
    return (x - half * sin, y + half * cos), (x + half * sin, y - half * cos)
