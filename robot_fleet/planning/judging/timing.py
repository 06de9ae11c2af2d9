"""Whether a robot can keep the times that a plan claims.

Speeds are checked over each move, turning by handing each turn to the moves beside it, pivots against the pause at the
corner and the interval after it. Accelerations are checked exactly: of all speeds that the robot may have at a vertex,
those are kept that some motion within the limits leads to at the claimed time; when none is left, the times are
impossible.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from robot_fleet.planning.judging.nominal import pivots_s
from robot_fleet.planning.judging.track import JUMP_M, Floats, Track
from robot_fleet.planning.judging.verdict import Violation, ViolationKind
from robot_fleet.planning.plan import CoveragePath

# What rounding and the planner's own arithmetic may cost: of the limits, and of each interval.
SLACK = 0.01
ACCELERATION_SLACK = 0.03
ROUNDING_S = 0.005
ROUNDING_M = 1e-4
STEPS = 40


def departures_s(track: Track) -> Floats:
    """(m,) when each move begins in earnest: after the pause that the times show, and after the pivot."""
    later: Floats = np.maximum(track.start_s, track.since_s + pivots_s(track))
    return later


def timing_violations(track: Track) -> Iterator[Violation]:
    """What is impossible about the claimed times of a track, in order of the checks; see also `order_violations`."""
    if not len(track.yaw):
        return
    too_fast = _too_fast(track)
    yield from _speeds(track, too_fast)
    yield from _yaw_rates(track)
    if track.profile.acceleration_mps2 is not None:
        yield from _accelerations(track, too_fast, track.profile.acceleration_mps2)


def order_violations(path: CoveragePath) -> Iterator[Violation]:
    """Where the times of a path go back, or begin before the plan."""
    before_s = 0.0
    for leg in path.legs:
        back = -np.diff(leg.times_s, prepend=before_s)
        for k in np.flatnonzero(back > 1e-6):
            at = (float(leg.points[k, 0]), float(leg.points[k, 1]))
            what = "times go back"
            yield Violation(ViolationKind.TIME_ORDER, float(back[k]), what, path.robot, leg.leg_id, int(k), at)
        before_s = float(leg.times_s[-1])


def _available_s(track: Track) -> Floats:
    seconds: Floats = track.end_s - departures_s(track)
    return seconds


def _too_fast(track: Track) -> Floats:
    """(m,) seconds that each move lacks to be driven at the robot's speed; 0 when it has enough."""
    needed = track.length_m / track.profile.speed_mps
    lacking = needed * (1.0 - SLACK) - ROUNDING_S - _available_s(track)
    return np.where(lacking > 0, needed - _available_s(track), 0.0)


def _speeds(track: Track, lacking: Floats) -> Iterator[Violation]:
    limit = track.profile.speed_mps
    for k in np.flatnonzero(lacking > 0):
        claimed_s = float(track.end_s[k] - track.start_s[k])
        length = float(track.length_m[k])
        if claimed_s * limit * (1.0 + SLACK) + ROUNDING_S * limit < length:
            speed = length / claimed_s if claimed_s > 0 else float("inf")
            what = f"{length:.2f} m in {claimed_s:.2f} s is more than {limit:.2f} m/s"
            yield _violation(track, k, ViolationKind.SPEED, speed, what)
        else:
            what = f"no time is left to turn by {np.degrees(abs(track.turn[k])):.0f}° and then drive {length:.2f} m"
            yield _violation(track, k, ViolationKind.PIVOT, float(lacking[k]), what)


def _yaw_rates(track: Track) -> Iterator[Violation]:
    """Turns at vertices that are no corners: each must fit into the moves on both sides, each move holding so much."""
    limit = track.profile.yaw_rate_rps
    turn = np.where(track.at_rest, 0.0, np.abs(track.turn))
    room = np.maximum(track.end_s - track.since_s, 0.0) + ROUNDING_S
    left = room[0] * limit * (1.0 + SLACK) if len(room) else 0.0
    for k in range(1, len(turn)):
        own = room[k] * limit * (1.0 + SLACK)
        lacking = turn[k] - left - own
        if lacking > 1e-3:
            rate = float(turn[k] / (left + own) * limit)
            what = f"the path bends by {np.degrees(turn[k]):.0f}° too soon for {limit:.2f} rad/s"
            yield _violation(track, k, ViolationKind.YAW_RATE, rate, what)
        left = own - min(own, max(0.0, turn[k] - left))


def _accelerations(track: Track, too_fast: Floats, limit: float) -> Iterator[Violation]:
    """Follows the speeds that the robot may have from stop to stop; each dead end is a violation."""
    rest = track.at_rest | (departures_s(track) > track.since_s + ROUNDING_S)
    ends_at_rest = np.append(rest[1:], True)
    length, seconds, top = track.length_m, _available_s(track) + ROUNDING_S, track.profile.speed_mps * (1.0 + SLACK)
    slowest, fastest = 0.0, 0.0
    for k in range(len(length)):
        if rest[k]:
            slowest, fastest = 0.0, 0.0
        if too_fast[k]:
            slowest, fastest = 0.0, top
            continue
        span = _Span(float(length[k]), max(float(seconds[k]), 1e-9), top, slowest, fastest)
        last_top = 0.0 if ends_at_rest[k] else top
        found = span.speeds_after(limit * (1.0 + ACCELERATION_SLACK), last_top)
        if found is None:
            needed = span.least_acceleration(limit, last_top)
            what = f"{length[k]:.2f} m in {seconds[k] - ROUNDING_S:.2f} s cannot be driven with {limit:.2f} m/s²"
            yield _violation(track, k, ViolationKind.ACCELERATION, needed, what)
        slowest, fastest = found or (0.0, top)


class _Span:
    """One straight interval: so many metres in so many seconds, entered with a speed between two."""

    def __init__(self, length: float, seconds: float, top: float, slowest: float, fastest: float) -> None:
        self.length, self.seconds, self.top = length, seconds, top
        self.slowest, self.fastest = slowest, fastest

    def speeds_after(self, limit: float, last_top: float) -> tuple[float, float] | None:
        """The slowest and the fastest speed that the robot can leave with; None when there is none."""
        reach = limit * self.seconds
        low, high = max(0.0, self.slowest - reach), min(last_top, self.fastest + reach)
        if low > high:
            return None
        # Seconds hold what rounding may add, in which a robot that keeps its true mean speed comes too far.
        slack = ROUNDING_M + ROUNDING_S * min(self.top, self.length / max(self.seconds - ROUNDING_S, 1e-9))
        if self._least(low, limit) > self.length + slack or self._most(high, limit) < self.length - slack:
            return None
        return self._first_enough(low, high, limit, slack), self._last_short(low, high, limit, slack)

    def least_acceleration(self, limit: float, last_top: float) -> float:
        """The acceleration with which the interval becomes possible, m/s²."""
        low, high = limit, limit
        while self.speeds_after(high, last_top) is None and high < 1e6:
            high *= 2.0
        for _ in range(STEPS):
            middle = (low + high) / 2.0
            low, high = (middle, high) if self.speeds_after(middle, last_top) is None else (low, middle)
        return high

    def _first_enough(self, low: float, high: float, limit: float, slack: float) -> float:
        if self._most(low, limit) >= self.length - slack:
            return low
        for _ in range(STEPS):
            middle = (low + high) / 2.0
            low, high = (low, middle) if self._most(middle, limit) >= self.length - slack else (middle, high)
        return high

    def _last_short(self, low: float, high: float, limit: float, slack: float) -> float:
        if self._least(high, limit) <= self.length + slack:
            return high
        for _ in range(STEPS):
            middle = (low + high) / 2.0
            low, high = (middle, high) if self._least(middle, limit) <= self.length + slack else (low, middle)
        return low

    def _least(self, last: float, limit: float) -> float:
        """The fewest metres that end with the speed `last`: brake, crawl, speed up."""
        first = max(self.slowest, last - limit * self.seconds)
        trough = max(0.0, (first + last - limit * self.seconds) / 2.0)
        return self._metres(first, last, trough, -limit)

    def _most(self, last: float, limit: float) -> float:
        """The most metres that end with the speed `last`: speed up, cruise, brake."""
        first = min(self.fastest, last + limit * self.seconds)
        peak = min(self.top, (first + last + limit * self.seconds) / 2.0)
        return self._metres(first, last, peak, limit)

    def _metres(self, first: float, last: float, between: float, slope: float) -> float:
        ramps = (2.0 * between**2 - first**2 - last**2) / (2.0 * slope)
        return ramps + between * (self.seconds - (2.0 * between - first - last) / slope)


def _violation(track: Track, move: int | np.intp, kind: ViolationKind, amount: float, what: str) -> Violation:
    k = int(move)
    at = (float(track.a[k, 0]), float(track.a[k, 1]))
    return Violation(kind, amount, what, track.robot, track.leg_id(k), int(track.index[k]), at)


def jump_violations(track: Track) -> Iterator[Violation]:
    """Where the path goes on somewhere else than where the robot is."""
    if track.gap_m > JUMP_M:
        what = f"the path ends {track.gap_m:.2f} m from where its moves lead"
        yield Violation(ViolationKind.JUMP, track.gap_m, what, track.robot, track.legs[-1].leg_id)
    for k in np.flatnonzero(track.jump_m > JUMP_M):
        head = " with the head on" if track.head_jump[k] else ""
        what = f"the leg begins {track.jump_m[k]:.2f} m from where the robot is{head}"
        yield _violation(track, k, ViolationKind.JUMP, float(track.jump_m[k]), what)
    yield from _stays(track)


def _stays(track: Track) -> Iterator[Violation]:
    """Legs in which the robot stands somewhere else than where it is before and after them."""
    for i in sorted(set(range(len(track.legs))) - set(track.leg.tolist())):
        after = int(np.searchsorted(track.leg, i))
        if (track.jump_m[after] if after < len(track.leg) else track.gap_m) > JUMP_M:
            continue
        here = track.b[after - 1] if after else np.array((track.start.x_m, track.start.y_m))
        away = float(np.hypot(*(track.legs[i].points - here).T).max())
        if away > JUMP_M:
            what = f"the robot stands {away:.2f} m from where it is"
            at = (float(track.legs[i].points[0, 0]), float(track.legs[i].points[0, 1]))
            yield Violation(ViolationKind.JUMP, away, what, track.robot, track.legs[i].leg_id, at=at)
