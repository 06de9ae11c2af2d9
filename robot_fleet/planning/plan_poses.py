"""A leg's points as poses with a heading, and back.

In a file a robot's heading is written out: the pose at a point has the heading with which the robot arrives there (at a
leg's first point the one with which it stands), and a pivot is a second pose at the same place. In a leg a robot faces
along its points, and a pivot is part of the time that follows: of a wait, where there is one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from robot_fleet.floor.profile import RobotProfile
from robot_fleet.planning.judging.nominal import pivot_s
from robot_fleet.planning.plan import Leg

PIVOT_RAD = math.radians(10.0)
# A heading farther than this from the direction of driving, ahead or backwards, is no robot's that drives.
ASTRAY_RAD = math.radians(45.0)
_STILL_M, _SAME_RAD = 1e-4, 1e-6
# Steps that are shorter say little of a direction.
_STEP_M = 0.01

PoseList = list[tuple[float, float, float]]


def poses_of(leg: Leg, yaw_rad: float | None, profile: RobotProfile) -> tuple[PoseList, list[float]]:
    """The leg's poses (x, y, yaw) and their times; `yaw_rad` is the heading before it, None: that of its first move."""
    headings = _headings(leg)
    drives = np.isfinite(headings)
    yaw = yaw_rad if yaw_rad is not None else float(headings[drives][0]) if drives.any() else 0.0
    places, times = leg.points.tolist(), leg.times_s.tolist()
    poses: PoseList = [(*places[0], yaw)]
    at_s = [times[0]]
    for k, heading in enumerate(_facing(headings, yaw).tolist()):
        turn = abs(math.remainder(heading - yaw, math.tau))
        pivots = turn > PIVOT_RAD
        if pivots:
            poses.append((*places[k], heading))
            at_s.append(min(times[k] + pivot_s(turn, profile), times[k + 1]))
        yaw = heading if pivots or drives[k] else yaw
        poses.append((*places[k + 1], yaw))
        at_s.append(times[k + 1])
    return poses, at_s


def _facing(headings: NDArray[np.float64], yaw_rad: float) -> NDArray[np.float64]:
    """The same headings, and where the robot stands still that of the move that follows: it pivots before it waits."""
    known = np.flatnonzero(np.isfinite(headings))
    after = np.searchsorted(known, np.arange(len(headings)))
    last = headings[known[-1]] if len(known) else yaw_rad
    return np.append(headings[known], last)[after]


def _headings(leg: Leg) -> NDArray[np.float64]:
    """(n - 1,) the robot's heading along each move; nan where it stands still."""
    step = np.diff(leg.points, axis=0)
    yaw = np.arctan2(step[:, 1], step[:, 0]) + (math.pi if leg.reverse else 0.0)
    yaw = np.remainder(yaw + math.pi, math.tau) - math.pi
    return np.where(np.hypot(step[:, 0], step[:, 1]) > _STILL_M, yaw, np.nan)


@dataclass(frozen=True, eq=False)
class Way:
    """What poses say: `points` (n, 2) without pivots, which of the poses they are, and the direction of driving.

    `reverse` is None where the robot drives both ways, and False where no heading is given or it does not move. `astray` is
    the first pose whose heading is not the way that leads to it, and by how many radians; None: there is none.
    """

    points: NDArray[np.float64]
    kept: NDArray[np.int64]
    reverse: bool | None
    astray: tuple[int, float] | None = None


def way_of(poses: Sequence[Sequence[float]]) -> Way:
    """The way along two or more poses, each (x, y) or (x, y, yaw)."""
    places = np.array([pose[:2] for pose in poses], dtype=np.float64)
    yaw = np.array([pose[2] if len(pose) > 2 else np.nan for pose in poses], dtype=np.float64)
    same = (np.diff(places, axis=0) == 0.0).all(axis=1)
    turned = np.abs(np.remainder(np.diff(yaw) + math.pi, math.tau) - math.pi) > _SAME_RAD
    waits, pivots = same & ~turned, same & turned
    # A robot that pivots after a wait stands there until it has turned.
    turns_after = waits[:-1] & pivots[1:]
    pivots[1:] &= ~turns_after
    kept = np.flatnonzero(np.concatenate(([True], ~(pivots | np.append(turns_after, False)))))
    if len(kept) < 2:
        kept = np.array([0, len(poses) - 1])
    return Way(places[kept], kept, _reverse(places[kept], yaw[kept]), _astray(places, yaw, kept))


def _reverse(points: NDArray[np.float64], yaw: NDArray[np.float64]) -> bool | None:
    step = np.diff(points, axis=0)
    ahead = step[:, 0] * np.cos(yaw[1:]) + step[:, 1] * np.sin(yaw[1:])
    known = ahead[np.isfinite(ahead) & (np.abs(ahead) > _STILL_M)]
    if not len(known) or (known > 0).all():
        return False
    return True if (known < 0).all() else None


def _astray(points: NDArray[np.float64], yaw: NDArray[np.float64], kept: NDArray[np.int64]) -> tuple[int, float] | None:
    step = np.diff(points[kept], axis=0)
    off = yaw[kept][1:] - np.arctan2(step[:, 1], step[:, 0])
    # Backwards is as good as ahead.
    off = np.abs(np.remainder(off + math.pi / 2, math.pi) - math.pi / 2)
    far = np.flatnonzero((np.hypot(step[:, 0], step[:, 1]) >= _STEP_M) & (off > ASTRAY_RAD))
    return (int(kept[far[0] + 1]), float(off[far[0]])) if len(far) else None
