"""Robots that would meet by their planned times, kept apart by letting some wait in their docks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from robot_fleet.planning.plan import CoveragePath, Leg, Starter
from robot_fleet.planning.terrain import Bools, Floats

_STEP_S = 0.4
_MARGIN_M = 0.05
_DELAYS_S = tuple(float(s) for s in (*range(0, 60, 4), *range(60, 240, 12)))


@dataclass(frozen=True, eq=False)
class _Trace:
    """Where a robot is every `_STEP_S` from the plan's start until it is done; afterwards it stays."""

    at: Floats
    radius_m: float

    def until(self, count: int, delay: int) -> Floats:
        """(count, 2) places with a delay of so many steps."""
        index = np.clip(np.arange(count) - delay, 0, len(self.at) - 1)
        return self.at[index]


def kept_apart(paths: Sequence[CoveragePath], robots: Sequence[Starter]) -> list[CoveragePath]:
    """The paths with waits at their start so that robots meet as little as such waits can bring about.

    One robot after the other, the longest path first, gets the least delay with the fewest steps too near to those that
    are settled already and to those that still stand at their start.
    """
    traces = {path.robot: _trace(path, robot) for path, robot in zip(paths, robots, strict=True)}
    order = sorted(range(len(paths)), key=lambda k: (-paths[k].finish_s, k))
    longest = max((len(trace.at) for trace in traces.values()), default=0)
    count = longest + round(max(_DELAYS_S) / _STEP_S) + 1
    settled: list[tuple[Floats, float]] = []
    delays = dict.fromkeys(traces, 0.0)
    for k in order:
        trace = traces[paths[k].robot]
        delays[paths[k].robot] = _least_delay(trace, settled, count) if len(paths[k].legs) else 0.0
        settled.append((trace.until(count, round(delays[paths[k].robot] / _STEP_S)), trace.radius_m))
    least = min(delays.values(), default=0.0)
    return [delayed(path, delays[path.robot] - least) for path in paths]


def delayed(path: CoveragePath, seconds: float) -> CoveragePath:
    """The path begun so much later: a wait of equal points before its first move."""
    if seconds <= 0 or not path.legs:
        return path
    legs: list[Leg] = [replace(leg, times_s=leg.times_s + seconds) for leg in path.legs]
    first = legs[0]
    points = np.concatenate((first.points[:1], first.points))
    legs[0] = replace(first, points=points, times_s=np.concatenate((path.legs[0].times_s[:1], first.times_s)))
    return CoveragePath(path.robot, tuple(legs))


def _least_delay(trace: _Trace, settled: list[tuple[Floats, float]], count: int) -> float:
    best, least = 0.0, np.inf
    for seconds in _DELAYS_S:
        mine = trace.until(count, round(seconds / _STEP_S))
        near = sum(int(_too_near(mine, other, trace.radius_m + radius).sum()) for other, radius in settled)
        if near < least:
            best, least = seconds, near
        if not near:
            break
    return best


def _too_near(one: Floats, other: Floats, touch_m: float) -> Bools:
    apart = one - other
    return np.asarray((apart**2).sum(axis=1) < (touch_m + _MARGIN_M) ** 2)


def _trace(path: CoveragePath, robot: Starter) -> _Trace:
    radius = robot.profile.footprint.circumscribed_m
    if not path.legs:
        return _Trace(np.array([[robot.pose.x_m, robot.pose.y_m]]), radius)
    times = np.concatenate([leg.times_s for leg in path.legs])
    points = np.concatenate([leg.points for leg in path.legs])
    when = np.arange(0.0, times[-1] + _STEP_S, _STEP_S)
    return _Trace(np.column_stack([np.interp(when, times, points[:, k]) for k in (0, 1)]), radius)
