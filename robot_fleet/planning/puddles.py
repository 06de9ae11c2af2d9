"""How much water a plan leaves standing: floor that a head wets and no squeegee passes over later."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from robot_fleet.floor.grid import OccupancyGrid
from robot_fleet.floor.profile import Head, RobotProfile, Squeegee
from robot_fleet.planning.compiled import compiled
from robot_fleet.planning.plan import Leg
from robot_fleet.planning.sweeping import most_sweeps, sweep_box
from robot_fleet.planning.terrain import Bools, Floats
from robot_fleet.planning.timing import CORNER_RAD, turning_s

_STILL_M = 1e-4
# Of a turn so much is looked at as one.
_STEP_RAD = math.radians(5.0)
# What head and squeegee pass at the same time has been wetted first.
_SAME_S = 1e-3


class _Drive(NamedTuple):
    """Moves on one after the other: points (n, 2) in the grid frame and times (n,), and of each move what is on (n - 1,)."""

    points: Floats
    times_s: Floats
    solution: Bools
    vacuum: Bools


def left_wet_m2(grid: OccupancyGrid, ways: Iterable[tuple[Sequence[Leg], RobotProfile]]) -> float:
    """Square metres that are wet in the end when robots drive these timed legs; those without a squeegee wet nothing."""
    wet, dry = np.full(grid.shape, -math.inf), np.full(grid.shape, -math.inf)
    for legs, profile in ways:
        for drive in _drives(grid, legs, profile) if profile.squeegee is not None else ():
            assert profile.squeegee is not None
            for last, on, line in ((wet, drive.solution, profile.head), (dry, drive.vacuum, profile.squeegee)):
                _pass(last, drive, on, line, grid.resolution_m)
    return float(((wet > dry + _SAME_S) & grid.free).sum()) * grid.cell_area_m2


def _drives(grid: OccupancyGrid, legs: Sequence[Leg], profile: RobotProfile) -> Iterator[_Drive]:
    """What a robot does between driving backwards, when all is up."""
    run: list[Leg] = []
    for leg in legs:
        if leg.reverse:
            yield from _drive(grid, run, profile)
            run = []
        else:
            run.append(leg)
    yield from _drive(grid, run, profile)


def _drive(grid: OccupancyGrid, legs: Sequence[Leg], profile: RobotProfile) -> Iterator[_Drive]:
    if not legs:
        return
    points = grid.from_map(np.concatenate([leg.points for leg in legs]))
    points, times = _turned_first(points, np.concatenate([leg.times_s for leg in legs]), profile)
    states = [state for leg in legs for state in _states(leg)]
    since = np.array([at_s for at_s, _, _ in states])
    cuts = np.setdiff1d(since[(since > times[0]) & (since < times[-1])], times)
    at = np.searchsorted(times, cuts)
    places = np.column_stack([np.interp(cuts, times, points[:, axis]) for axis in (0, 1)])
    points, times = np.insert(points, at, places, axis=0), np.insert(times, at, cuts)
    now = np.searchsorted(since, (times[:-1] + times[1:]) / 2.0, side="right") - 1
    on = np.array([(solution, vacuum) for _, solution, vacuum in states])[np.maximum(now, 0)]
    yield _Drive(np.ascontiguousarray(points), times, on[:, 0], on[:, 1])


def _states(leg: Leg) -> list[tuple[float, bool, bool]]:
    """From when on solution and vacuum are on or off along a leg."""
    begin = (float(leg.times_s[0]), leg.head_on, leg.head_on)
    return [begin, *((switch.at_s, switch.solution, switch.vacuum) for switch in leg.switches)]


def _turned_first(points: Floats, times_s: Floats, profile: RobotProfile) -> tuple[Floats, Floats]:
    """Points and times without those of standing, and with those at which a robot has turned on the spot."""
    moves = np.concatenate(([True], np.hypot(*np.diff(points, axis=0).T) > _STILL_M))
    begins = np.append(times_s[:-1][moves[1:]], times_s[-1])
    points, times = points[moves], times_s[moves]
    yaw = np.arctan2(*np.diff(points, axis=0).T[::-1])
    turns = np.abs(np.remainder(np.diff(yaw) + math.pi, math.tau) - math.pi)
    corners = np.flatnonzero(turns > CORNER_RAD) + 1
    limit = profile.yaw_acceleration_rps2 or math.inf
    spent = np.array([turning_s(float(turns[k - 1]), profile.yaw_rate_rps, limit) for k in corners])
    departs = np.minimum(begins[corners] + spent, times[np.minimum(corners + 1, len(times) - 1)])
    return np.insert(points, corners + 1, points[corners], axis=0), np.insert(times, corners + 1, departs)


def _pass(last: Floats, drive: _Drive, on: Bools, line: Head | Squeegee, side_m: float) -> None:
    """Raises the times in `last` (rows, cols) to when the line passes over the cells."""
    passed(last, drive.points, drive.times_s, on, line.width_m / 2, line.offset_m, side_m)


@compiled
def passed(
    last: Floats, points: Floats, times_s: Floats, on: Bools, half_m: float, offset_m: float, side_m: float
) -> None:
    """Raises the times of the cells that a line passes over in the marked moves of a polyline, and in the turns before them."""
    cells = np.empty(most_sweeps(points, half_m, side_m), dtype=np.int64)
    along, cols = np.empty(len(cells)), last.shape[1]
    before, turned_s, known = 0.0, times_s[0], False
    for k in range(len(points) - 1):
        dx, dy = points[k + 1, 0] - points[k, 0], points[k + 1, 1] - points[k, 1]
        length = math.hypot(dx, dy)
        if length <= 1e-9:
            continue
        yaw, dx, dy = math.atan2(dy, dx), dx / length, dy / length
        x, y = points[k, 0], points[k, 1]
        if on[k] and known:
            turn = (yaw - before + math.pi) % (2.0 * math.pi) - math.pi
            turned(last, x, y, before, turn, half_m, offset_m, side_m, turned_s, times_s[k])
        if on[k]:
            x, y = x + dx * offset_m, y + dy * offset_m
            count = sweep_box(x, y, dx, dy, length, half_m, side_m, last.shape[0], cols, 0.0, cells, along, 0)
            for i in range(count):
                at_s = times_s[k] + along[i] / length * (times_s[k + 1] - times_s[k])
                row, col = cells[i] // cols, cells[i] % cols
                last[row, col] = max(last[row, col], at_s)
        before, turned_s, known = yaw, times_s[k + 1], True


@compiled
def turned(
    last: Floats, x: float, y: float, yaw: float, turn: float, half_m: float, offset_m: float, side_m: float,
    begin_s: float, end_s: float,
) -> None:  # fmt: skip
    """Raises the times of the cells that a line passes over in a turn about (x, y), in its middle: they come from ahead of it
    behind it, or the reverse.
    """
    steps, reach = max(1, math.ceil(abs(turn) / _STEP_RAD)), math.hypot(offset_m, half_m) + side_m
    for step in range(steps):
        one, other = yaw + turn * step / steps, yaw + turn * (step + 1) / steps
        at_s = begin_s + (step + 0.5) / steps * (end_s - begin_s)
        cos, sin, then_cos, then_sin = math.cos(one), math.sin(one), math.cos(other), math.sin(other)
        for row in range(max(0, int((y - reach) / side_m)), min(last.shape[0], int((y + reach) / side_m) + 1)):
            up = (row + 0.5) * side_m - y
            for col in range(max(0, int((x - reach) / side_m)), min(last.shape[1], int((x + reach) / side_m) + 1)):
                right = (col + 0.5) * side_m - x
                crossed = (right * cos + up * sin - offset_m) * (right * then_cos + up * then_sin - offset_m) <= 0.0
                if crossed and abs(up * then_cos - right * then_sin) <= half_m:
                    last[row, col] = max(last[row, col], at_s)
