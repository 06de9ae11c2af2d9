"""Driving against one-ways: where a path does it, and which floor can be got to and come back from without it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

import cv2
import numpy as np
import shapely
from scipy import sparse
from scipy.sparse.csgraph import breadth_first_order

from robot_fleet.floor.store import FloorMap, OneWay
from robot_fleet.planning.judging.track import Bools, Ints, Track, wrapped
from robot_fleet.planning.judging.verdict import Violation, ViolationKind
from robot_fleet.planning.plan import Leg, LegKind

MOST_OFF_RAD = math.radians(100.0)
"""The farthest that a robot may move off the direction of a one-way: across it, and a little more to correct itself."""

ACROSS_RAD = math.radians(91.0)
TOLERANCE_M = 0.01
LEAST_M = 1e-3
AT_DOCK = (LegKind.UNDOCK, LegKind.DOCK)


def wrong_way_violations(floor: FloorMap, track: Track, legs: Sequence[Leg]) -> Iterator[Violation]:
    """Where a robot's centre moves against a one-way, more than 1 cm inside it; into and out of docks it may."""
    if not floor.one_ways or not len(track.yaw):
        return
    heading = np.arctan2(*(track.b - track.a).T[::-1])
    ruled = np.array([leg.kind not in AT_DOCK for leg in legs])[track.leg]
    lines = np.asarray(shapely.linestrings(np.stack((track.a, track.b), axis=1)), dtype=object)
    for one in floor.one_ways:
        off = np.abs(wrapped(heading - one.yaw_rad))
        wrong = np.flatnonzero(ruled & (off > MOST_OFF_RAD))
        metres = shapely.length(shapely.intersection(lines[wrong], one.polygon.buffer(-TOLERANCE_M)))
        for k, amount in zip(wrong[metres > LEAST_M].tolist(), metres[metres > LEAST_M].tolist(), strict=True):
            at = (float(track.a[k, 0]), float(track.a[k, 1]))
            what = f"{math.degrees(off[k]):.0f}° off the direction of one_way {one.name!r}"
            yield Violation(
                ViolationKind.WRONG_WAY, amount, what, track.robot, track.leg_id(k), int(track.index[k]), at
            )  # fmt: skip


def there_and_back(floor: FloorMap, clear: Bools, seeds: Iterable[tuple[int, int]], side: float) -> Bools:
    """The lattice points of `clear` from which and to which a robot can drive, from and to one of the seeds.

    Point (row, col) lies at (col, row) times `side` in the grid frame.
    """
    ruled = _ruled(floor, clear, side)
    node = np.asarray(cv2.connectedComponents((clear & ~ruled).astype(np.uint8), connectivity=8)[1], dtype=np.int64)
    single = clear & ruled
    node[single] = node.max() + 1 + np.arange(int(single.sum()))
    onward = _steps(floor, node, clear, single, side)
    found: Bools = np.zeros(clear.shape, dtype=bool)
    for seed in seeds:
        if not found[seed]:
            both = np.ones(onward.shape[0], dtype=bool)
            for graph in (onward, onward.T.tocsr()):
                got = np.zeros(len(both), dtype=bool)
                got[breadth_first_order(graph, node[seed], return_predecessors=False)] = True
                both &= got
            found |= clear & both[node]
    return found


def _ruled(floor: FloorMap, clear: Bools, side: float) -> Bools:
    ruled: Bools = np.zeros(clear.shape, dtype=bool)
    for one in floor.one_ways:
        _inside(ruled, floor, one, side)
    return ruled


def _inside(mask: Bools, floor: FloorMap, one: OneWay, side: float) -> None:
    """Marks the lattice points in a one-way and less than a cell beside it: no robot can count on so little room."""
    shape = floor.grid.shape_from_map(one.polygon).buffer(floor.grid.resolution_m)
    low_x, low_y, high_x, high_y = (value / side for value in shape.bounds)
    rows = slice(max(0, math.floor(low_y)), max(0, math.ceil(high_y) + 1))
    cols = slice(max(0, math.floor(low_x)), max(0, math.ceil(high_x) + 1))
    window = mask[rows, cols]
    y, x = np.mgrid[rows.start : rows.start + window.shape[0], cols.start : cols.start + window.shape[1]]
    window |= shapely.intersects_xy(shape, x * side, y * side)


def _steps(floor: FloorMap, node: Ints, clear: Bools, single: Bools, side: float) -> sparse.csr_matrix:
    """The graph of the steps between neighbouring points, of which one at least lies in a one-way."""
    begin, end = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
    inside = []
    for one in floor.one_ways:
        mask: Bools = np.zeros(clear.shape, dtype=bool)
        _inside(mask, floor, one, side)
        inside.append((mask, one.yaw_rad - floor.grid.origin.yaw_rad))
    padded = np.pad(clear, 1)
    at = np.argwhere(single)
    for down in (-1, 0, 1):
        for right in (-1, 0, 1):
            near = at[padded[at[:, 0] + 1 + down, at[:, 1] + 1 + right]] if down or right else at[:0]
            beside, out = near + np.array((down, right)), math.atan2(down, right)
            for a, b, yaw in ((near, beside, out), (beside, near, out + math.pi)):
                may = _obeys(inside, a, yaw) & _obeys(inside, b, yaw)
                begin.append(node[tuple(a[may].T)])
                end.append(node[tuple(b[may].T)])
    rows, cols = np.concatenate(begin), np.concatenate(end)
    size = int(node.max()) + 1
    return sparse.coo_matrix((np.ones(len(rows), dtype=np.int32), (rows, cols)), (size, size)).tocsr()


def _obeys(inside: list[tuple[Bools, float]], points: Ints, yaw: float) -> Bools:
    """(n,) whether a step towards `yaw` from or to each point obeys every one-way that holds it."""
    obeys: Bools = np.ones(len(points), dtype=bool)
    for mask, ahead in inside:
        if abs(float(wrapped(np.array([yaw - ahead]))[0])) > ACROSS_RAD:
            obeys &= ~mask[tuple(points.T)]
    return obeys
