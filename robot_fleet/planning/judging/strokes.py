"""A robot's way as even motions during which the same parts of its head work.

A leg says what works by its kind, and by its switches from their times on. Where a robot is when a switch falls into a
drive or a pivot is what `motion.py` says: it drives evenly, but speeds up after stops and brakes before them.
"""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from robot_fleet.planning.judging.motion import stops_of, way_shares
from robot_fleet.planning.judging.nominal import pivots_s
from robot_fleet.planning.judging.timing import departures_s
from robot_fleet.planning.judging.track import JUMP_M, Bools, Floats, Ints, Track, distances
from robot_fleet.planning.plan import Leg, LegKind

STRAIGHT_RAD = 1e-6
# Switches so near to the end of a motion are at its end: times are rounded to microseconds.
SAME_S = 1e-5

State = tuple[bool, bool, bool]
"""Whether the deck, the solution and the vacuum are on."""


@dataclass(frozen=True, eq=False)
class Strokes:
    """The n even motions of one robot, in order: straight from a to b, or a turn on the spot (a = b) by `turn` from `yaw`.

    `move` is the move of the track to which each belongs; a turn comes before its move. `joined` tells whether it begins
    where the one before ended. Times are those of the plan.
    """

    track: Track
    move: Ints
    a: Floats
    b: Floats
    yaw: Floats
    turn: Floats
    begin_s: Floats
    end_s: Floats
    joined: Bools
    deck: Bools
    solution: Bools
    vacuum: Bools

    @property
    def drives(self) -> Bools:
        """(n,) whether the robot drives, else it turns."""
        drives: Bools = self.turn == 0.0
        return drives

    @property
    def length_m(self) -> Floats:
        """(n,) metres of each; 0 for turns."""
        return distances(self.a, self.b)

    @property
    def reverse(self) -> Bools:
        """(n,) whether the robot drives backwards, or is about to."""
        return self.track.reverse[self.move]

    @property
    def picks_up(self) -> Bools:
        """(n,) whether a squeegee is down; never of a robot that has none."""
        picks_up: Bools = self.vacuum & (self.track.profile.squeegee is not None)
        return picks_up

    def in_order(self) -> Strokes:
        """The same at full speed without a wait, for times that cannot be believed."""
        profile = self.track.profile
        seconds = self.length_m / profile.speed_mps + np.abs(self.turn) / profile.yaw_rate_rps
        end_s = np.cumsum(seconds)
        return replace(self, begin_s=end_s - seconds, end_s=end_s)


@dataclass(frozen=True)
class LegStates:
    """What works along one leg: `usual` at first, `states[i]` from `times_s[i]` on."""

    usual: State
    times_s: Sequence[float]
    states: Sequence[State]

    @staticmethod
    def of(leg: Leg) -> LegStates:
        """What the leg's kind and its switches say."""
        on = leg.kind is LegKind.CLEAN
        states = [(switch.deck, switch.solution, switch.vacuum) for switch in leg.switches]
        return LegStates((on, on, on), [switch.at_s for switch in leg.switches], states)

    @property
    def last(self) -> State:
        """What works in the end."""
        return self.states[-1] if self.states else self.usual

    def at(self, when_s: float, before: State | None = None) -> State:
        """What works right after a time; with `before`, until the first switch, what worked then too and no more."""
        i = bisect.bisect_right(self.times_s, when_s + SAME_S) - 1
        if i >= 0:
            return self.states[i]
        if before is None:
            return self.usual
        deck, solution, vacuum = (one and other for one, other in zip(self.usual, before, strict=True))
        return deck, solution, vacuum

    def changes(self, begin_s: float, end_s: float) -> list[float]:
        """The times within a span at which something is switched."""
        first = bisect.bisect_right(self.times_s, begin_s + SAME_S)
        last = bisect.bisect_left(self.times_s, end_s - SAME_S)
        return sorted(set(self.times_s[first:last]))


Row = tuple[int, float, float, float, float, float, float, float, float, bool, bool, bool, bool]


def strokes_of(track: Track) -> Strokes:
    """The strokes of a track, cut where its legs switch something."""
    rows = list(_Cutter(track).rows())
    table = np.array([row[1:9] for row in rows], dtype=np.float64).reshape(-1, 8)
    flags = np.array([row[9:] for row in rows], dtype=bool).reshape(-1, 4)
    move = np.array([row[0] for row in rows], dtype=np.int64)
    a, b, (yaw, turn, begin_s, end_s) = table[:, :2], table[:, 2:4], table[:, 4:].T
    return Strokes(track, move, a, b, yaw, turn, begin_s, end_s, *flags.T)


class _Cutter:
    """Cuts the moves and turns of one track."""

    def __init__(self, track: Track) -> None:
        self.track = track
        self.legs = [LegStates.of(leg) for leg in track.legs]
        self.pivots, self.begins = pivots_s(track), departures_s(track)
        self.stops = stops_of(track, self.begins)

    def rows(self) -> Iterator[Row]:
        for k in range(len(self.track.yaw)):
            if self.track.jump_m[k] <= JUMP_M and abs(self.track.turn[k]) >= STRAIGHT_RAD:
                yield from self._turn(k)
            yield from self._drive(k)

    def _turn(self, k: int) -> Iterator[Row]:
        track, leg = self.track, int(self.track.leg[k])
        # A pivot after a wait in the leg before is this leg's all the same: what works is this one's word.
        said_s, span = max(float(track.since_s[k]), float(track.legs[leg].times_s[0])), float(self.pivots[k])
        before = self._before(k)
        shares = [0.0, *((at_s - said_s) / span for at_s in self.legs[leg].changes(said_s, said_s + span)), 1.0]
        x, y = map(float, track.a[k])
        turn, since = float(track.turn[k]), float(track.since_s[k])
        for low, high in itertools.pairwise(shares):
            state = self.legs[leg].at(said_s + low * span, before)
            yaw, part = float(track.yaw[k]) - turn * (1.0 - low), turn * (high - low)
            yield k, x, y, x, y, yaw, part, since + low * span, since + high * span, True, *state

    def _before(self, k: int) -> State | None:
        """What worked at the end of the leg before, for the first move of a leg; the robot starts with all off."""
        leg = int(self.track.leg[k])
        if k and self.track.leg[k - 1] == leg:
            return None
        return self.legs[leg - 1].last if leg else (False, False, False)

    def _drive(self, k: int) -> Iterator[Row]:
        track, states = self.track, self.legs[int(self.track.leg[k])]
        begin_s, end_s = float(self.begins[k]), float(track.end_s[k])
        times = [min(begin_s, end_s), *states.changes(begin_s, end_s), end_s]
        shares = [0.0, *(way_shares(track, k, self.begins, self.stops, times[1:-1]) if times[1:-1] else []), 1.0]
        joined = bool(track.jump_m[k] <= JUMP_M)
        (ax, ay), (bx, by) = track.a[k].tolist(), track.b[k].tolist()
        for i in range(len(times) - 1):
            low, high = shares[i], shares[i + 1]
            begin, end = (ax + low * (bx - ax), ay + low * (by - ay)), (ax + high * (bx - ax), ay + high * (by - ay))
            state, yaw = states.at(times[i]), float(track.yaw[k])
            yield k, *begin, *end, yaw, 0.0, times[i], times[i + 1], joined or i > 0, *state
