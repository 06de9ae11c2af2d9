"""Motion in time along a rail: phases of constant acceleration in closed form, so that no step changes the result."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import NamedTuple

from robot_fleet.floor.pose import Pose, wrap_angle
from robot_fleet.floor.profile import RobotProfile
from robot_fleet.sim.rail import Segment


@dataclass(frozen=True)
class Limits:
    """Speeds (m/s, rad/s) and accelerations (None: none) within which a trajectory stays."""

    speed_mps: float
    yaw_rate_rps: float
    acceleration_mps2: float | None = None
    yaw_acceleration_rps2: float | None = None

    @classmethod
    def of(cls, profile: RobotProfile) -> Limits:
        """The limits of a robot's profile."""
        return cls(profile.speed_mps, profile.yaw_rate_rps, profile.acceleration_mps2, profile.yaw_acceleration_rps2)


class Phase(NamedTuple):
    """Constant acceleration for `duration_s`: `from_m` metres into a segment at speed `v` with acceleration `a`.

    With `pivoting` the robot turns on the spot before the segment instead: `from_m`, `v` and `a` are then in radians.
    """

    segment: int
    pivoting: bool
    duration_s: float
    from_m: float
    v: float
    a: float


class Moment(NamedTuple):
    """Where a robot is and how fast it moves; `speed_mps` is along its rail, never negative."""

    pose: Pose
    speed_mps: float
    yaw_rate_rps: float


@dataclass(frozen=True)
class Trajectory:
    """Phases over a rail's segments, in order."""

    rail: Sequence[Segment]
    phases: Sequence[Phase]
    starts_s: Sequence[float] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "starts_s", list(accumulate((p.duration_s for p in self.phases), initial=0.0)))

    @property
    def duration_s(self) -> float:
        """Seconds until the robot is at rest at the end."""
        return self.starts_s[-1]

    def at(self, time_s: float) -> Moment:
        """Where the robot is so many seconds after the start; after the end it rests there."""
        index = min(bisect_right(self.starts_s, time_s), len(self.phases)) - 1
        phase = self.phases[index]
        passed = min(time_s - self.starts_s[index], phase.duration_s)
        way = phase.from_m + phase.v * passed + phase.a * passed * passed / 2
        rate = phase.v + phase.a * passed if time_s < self.duration_s else 0.0
        return _moment(self.rail[phase.segment], phase.pivoting, way, rate)

    def left_m(self, time_s: float) -> float:
        """Metres of the rail that lie ahead after so many seconds."""
        phase = self.phases[min(bisect_right(self.starts_s, time_s), len(self.phases)) - 1]
        here, segment = self.at(time_s).pose, self.rail[phase.segment]
        done = math.hypot(here.x_m - segment.x_m, here.y_m - segment.y_m)
        return sum(rest.length_m for rest in self.rail[phase.segment :]) - done

    def braked(self, time_s: float, limits: Limits) -> Trajectory | None:
        """The trajectory that stops as soon as the limits allow from `time_s` on; None when it stops at once."""
        index = min(bisect_right(self.starts_s, time_s), len(self.phases)) - 1
        phase = self.phases[index]
        passed = min(time_s - self.starts_s[index], phase.duration_s)
        way, rate = phase.from_m + phase.v * passed + phase.a * passed * passed / 2, phase.v + phase.a * passed
        braking = limits.yaw_acceleration_rps2 if phase.pivoting else limits.acceleration_mps2
        if braking is None or abs(rate) < 1e-9:
            return None
        if phase.pivoting:
            stop = Phase(phase.segment, True, abs(rate) / braking, way, rate, -math.copysign(braking, rate))
            return Trajectory(self.rail, [stop])
        return Trajectory(self.rail, list(_braking(self.rail, phase.segment, way, rate, braking)))


def timed(rail: Sequence[Segment], limits: Limits, speed_mps: float = 0.0) -> Trajectory | None:
    """The quickest trajectory over a rail from `speed_mps` to rest; None when no such one keeps to the limits."""
    caps = [_cap(segment, limits) for segment in rail]
    speeds = _vertex_speeds(rail, caps, limits.acceleration_mps2)
    if speed_mps > (0.0 if rail[0].pivot_rad else _fastest_start(rail, speeds, caps, limits) + 1e-6):
        return None
    speeds[0] = speed_mps
    if limits.acceleration_mps2 is not None:
        for i, segment in enumerate(rail):
            reachable = math.sqrt(speeds[i] ** 2 + 2 * limits.acceleration_mps2 * segment.length_m)
            speeds[i + 1] = min(speeds[i + 1], reachable)
    phases: list[Phase] = []
    for i, segment in enumerate(rail):
        phases += _pivot(i, segment.pivot_rad, limits)
        phases += _drive(i, segment.length_m, speeds[i], speeds[i + 1], caps[i], limits.acceleration_mps2)
    return Trajectory(rail, phases)


def _moment(segment: Segment, pivoting: bool, way: float, rate: float) -> Moment:
    if pivoting:
        before = segment.yaw_rad - segment.pivot_rad
        return Moment(Pose(segment.x_m, segment.y_m, wrap_angle(before + way)), 0.0, rate)
    bend = segment.turn_rad / segment.length_m
    x, y = segment.x_m + segment.ux * way, segment.y_m + segment.uy * way
    return Moment(Pose(x, y, wrap_angle(segment.yaw_rad + bend * way)), rate, bend * rate)


def _cap(segment: Segment, limits: Limits) -> float:
    if not segment.turn_rad:
        return limits.speed_mps
    return min(limits.speed_mps, limits.yaw_rate_rps * segment.length_m / abs(segment.turn_rad))


def _vertex_speeds(rail: Sequence[Segment], caps: Sequence[float], acceleration: float | None) -> list[float]:
    """The highest speed at each vertex from which every later limit can be kept; 0 at pivots and at both ends."""
    speeds = [0.0]
    for i in range(1, len(rail)):
        speeds.append(0.0 if rail[i].pivot_rad else min(caps[i - 1], caps[i]))
    speeds.append(0.0)
    if acceleration is not None:
        for i in range(len(rail) - 1, 0, -1):
            speeds[i] = min(speeds[i], math.sqrt(speeds[i + 1] ** 2 + 2 * acceleration * rail[i].length_m))
    return speeds


def _fastest_start(rail: Sequence[Segment], speeds: Sequence[float], caps: Sequence[float], limits: Limits) -> float:
    if limits.acceleration_mps2 is None:
        return limits.speed_mps
    return min(caps[0], math.sqrt(speeds[1] ** 2 + 2 * limits.acceleration_mps2 * rail[0].length_m))


def _pivot(index: int, angle_rad: float, limits: Limits) -> list[Phase]:
    parts = _drive(index, abs(angle_rad), 0.0, 0.0, limits.yaw_rate_rps, limits.yaw_acceleration_rps2)
    sign = math.copysign(1.0, angle_rad)
    return [Phase(index, True, p.duration_s, sign * p.from_m, sign * p.v, sign * p.a) for p in parts]


def _drive(
    index: int, length: float, enter: float, leave: float, cap: float, acceleration: float | None
) -> list[Phase]:
    """Up to three phases over one segment: speed up, keep on, slow down."""
    if length <= 0.0:
        return []
    if acceleration is None:
        return [Phase(index, False, length / cap, 0.0, cap, 0.0)]
    peak = min(cap, math.sqrt((enter**2 + leave**2) / 2 + acceleration * length))
    peak = max(peak, enter, leave)
    rise, fall = (peak**2 - enter**2) / (2 * acceleration), (peak**2 - leave**2) / (2 * acceleration)
    steady = max(0.0, length - rise - fall)
    phases = [
        Phase(index, False, (peak - enter) / acceleration, 0.0, enter, acceleration),
        Phase(index, False, steady / peak, rise, peak, 0.0),
        Phase(index, False, (peak - leave) / acceleration, length - fall, peak, -acceleration),
    ]
    return [phase for phase in phases if phase.duration_s > 1e-9]


def _braking(rail: Sequence[Segment], index: int, way: float, speed: float, braking: float) -> list[Phase]:
    """Slowing down evenly from a place on the rail, over as many segments as it takes."""
    phases: list[Phase] = []
    while speed > 1e-9 and index < len(rail):
        left = rail[index].length_m - way
        after = math.sqrt(max(0.0, speed**2 - 2 * braking * left))
        phases.append(Phase(index, False, (speed - after) / braking, way, speed, -braking))
        speed, way, index = after, 0.0, index + 1
        if index < len(rail) and rail[index].pivot_rad:
            break  # it was to stop there: what is left of its speed is rounding, and it has not turned yet
    return phases
