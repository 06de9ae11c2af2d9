"""Pieces for robots that must be steered: turns are driven in one order, with all their cusps.

The goal checker that must be reckoned with looks at the end alone, its place and its heading, and is content with a place so far
off as its tolerance. A part of a turn may be shorter than that: as an order of its own it would be done before it began.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from robot_fleet.fleet.itinerary import OVERRUN_M, PIECE_S, Itinerary, Piece, Place, Stretch
from robot_fleet.fleet.track import PIVOT_RAD, headings_along, metres_along, turn_rad
from robot_fleet.floor.profile import RobotProfile
from robot_fleet.planning.plan import LegKind

# Poses that face each other's way but for so much are one to a goal checker.
_FACING_RAD = 0.35
_SAMPLE_M, _SHORTEN_M = 0.1, 0.5
_SAME_M, _LEAST_M = 0.05, 1e-6


def turns_lowered(profile: RobotProfile) -> bool:
    """Whether a machine turns on the spot with its head down."""
    return profile.least_radius_m == 0.0 and profile.squeegee is None


def next_steered_piece(way: Itinerary, place: Place, profile: RobotProfile) -> Piece:
    """The piece that starts at `place`: a turn with all its cusps, or a pass. As `Itinerary.next_piece` for what robots do else."""
    stretch = way.stretches[place.stretch]
    if stretch.kind not in (LegKind.TRANSIT, LegKind.CLEAN):
        backs = stretch.kind is LegKind.UNDOCK
        return Piece(stretch.kind, place, stretch.length_m, stretch.points, backs)
    cutting = _Cutting(_Track.of(way, place), profile, stretch.kind is LegKind.CLEAN)
    end_m, beyond_m = next(cutting.ends())
    return cutting.piece(place, end_m, beyond_m)


def part_before(piece: Piece, is_free: Callable[[Piece], bool]) -> Piece | None:
    """The longest part of a piece, to half a metre, that `is_free`; None: there is none."""
    if is_free(piece):
        return piece
    length_m = float(piece.along_m[-1])
    low, high = 0, math.ceil(length_m / _SHORTEN_M)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if is_free(_shortened(piece, middle * _SHORTEN_M)) else (low, middle)
    return _shortened(piece, low * _SHORTEN_M) if low else None


def _shortened(piece: Piece, to_m: float) -> Piece:
    """The first so many metres of a piece."""
    inner = int(np.searchsorted(piece.along_m, to_m - _LEAST_M))
    last = [np.interp(to_m, piece.along_m, piece.points[:, axis]) for axis in (0, 1)]
    return replace(
        piece,
        end_m=min(piece.end_m, piece.start.offset_m + to_m),
        points=np.vstack((piece.points[:inner], last)),
        cusps=tuple(k for k in piece.cusps if k < inner),
        facing_rad=float(piece.headings[inner - 1]),
    )


@dataclass(frozen=True, eq=False)
class _Track:
    """What lies ahead in one manner, `length_m` of it, and a little of what follows: points (n, 2) with the gear of each move."""

    points: NDArray[np.float64]
    backs: NDArray[np.bool_]
    length_m: float
    next_rad: float | None

    @classmethod
    def of(cls, way: Itinerary, place: Place) -> _Track:
        """From a place on, over all transits in a row, or one lane."""
        first = way.stretches[place.stretch]
        run = [first.cut(place.offset_m, first.length_m)]
        number = place.stretch + 1
        if first.kind is LegKind.TRANSIT:
            while number < len(way.stretches) and _follows(run[-1], way.stretches[number]):
                run.append(way.stretches[number])
                number += 1
        length = sum(one.length_m for one in run)
        following = way.stretches[number] if number < len(way.stretches) else None
        next_rad = None
        if following is not None and not following.is_stay and _joins(run[-1], following):
            next_rad = float(headings_along(following.points, following.reverse)[0])
            if first.kind is LegKind.CLEAN and _follows(run[-1], following):
                run.append(following)
        points = np.vstack((run[0].points, *(one.points[1:] for one in run[1:])))
        backs = np.concatenate([np.full(len(one.points) - 1, one.reverse) for one in run])
        return cls(points, backs, length, next_rad)

    @cached_property
    def along_m(self) -> NDArray[np.float64]:
        return metres_along(self.points)

    @cached_property
    def headings(self) -> NDArray[np.float64]:
        return headings_along(self.points, bool(self.backs[0]), self.cusps)

    @cached_property
    def cusps(self) -> tuple[int, ...]:
        """The points at which the gear changes."""
        return tuple((np.flatnonzero(self.backs[1:] != self.backs[:-1]) + 1).tolist())

    @cached_property
    def turns(self) -> NDArray[np.float64]:
        """(n,) the turn at each point, 0 at both ends."""
        step = np.remainder(np.diff(self.headings) + math.pi, math.tau) - math.pi
        return np.concatenate(([0.0], step, [0.0]))

    @cached_property
    def stops_m(self) -> NDArray[np.float64]:
        """Where on the way a robot stops: at cusps, and to turn on the spot."""
        corners = np.flatnonzero(np.abs(self.turns) > PIVOT_RAD)
        return np.asarray(self.along_m[np.union1d(corners, np.array(self.cusps, dtype=np.int64)).astype(np.int64)])

    def heading_at(self, at_m: float) -> float:
        """How the robot faces when it comes to a place."""
        move = int(np.searchsorted(self.along_m, at_m - _LEAST_M)) - 1
        return float(self.headings[min(max(move, 0), len(self.headings) - 1)])

    def turned_rad(self, from_m: float, to_m: float) -> float:
        """How far the robot turns between two places, to either side."""
        within = (self.along_m >= from_m - _LEAST_M) & (self.along_m <= to_m + _LEAST_M)
        return float(np.abs(self.turns[within]).sum())

    def backs_at(self, at_m: float) -> bool:
        """Whether the robot comes to a place backwards."""
        move = int(np.searchsorted(self.along_m, at_m - _LEAST_M)) - 1
        return bool(self.backs[min(max(move, 0), len(self.backs) - 1)])


@dataclass(frozen=True, eq=False)
class _Cutting:
    """Where pieces of a track may end."""

    track: _Track
    profile: RobotProfile
    cleans: bool

    @property
    def _beyond_m(self) -> float:
        return self.profile.goal_tolerance_m + OVERRUN_M

    def ends(self) -> Iterator[tuple[float, float]]:
        """Places where a piece may end, the best first, and how far it is to run beyond each; at last the best one anyway.

        That is the end of the track, or as far as a piece may be long; for a turn the last cusp or place before that whence a
        goal checker cannot mistake what comes earlier for the end.
        """
        # Pieces of a long lane are alike: the last one is not so short that it is done before it begins.
        longest_m = self.track.length_m / math.ceil(self.track.length_m / (PIECE_S * self.profile.speed_mps))
        stops = self.track.stops_m[
            (self.track.stops_m > _LEAST_M) & (self.track.stops_m < self.track.length_m - _LEAST_M)
        ]
        if self.cleans and not turns_lowered(self.profile) and len(stops):
            longest_m = min(longest_m, float(stops[0]))
        places = np.arange(longest_m, _SHORTEN_M, -_SHORTEN_M)
        choices = [longest_m, *sorted({*places.tolist(), *stops[stops < longest_m].tolist()}, reverse=True)]
        for end_m in choices:
            beyond_m = self._runs_beyond_m(end_m)
            goes_through = beyond_m > 0.0 or end_m in (longest_m, *stops)
            if goes_through and self._ends_once(end_m + beyond_m):
                yield end_m, beyond_m
        yield longest_m, self._runs_beyond_m(longest_m)

    def piece(self, start: Place, end_m: float, beyond_m: float) -> Piece:
        """The piece from the track's begin to `end_m`, and so far beyond."""
        last_m, along = end_m + beyond_m, self.track.along_m
        inner = int(np.searchsorted(along, last_m - _LEAST_M))
        last = [np.interp(last_m, along, self.track.points[:, axis]) for axis in (0, 1)]
        points = np.vstack((self.track.points[:inner], last))
        cusps = tuple(k for k in self.track.cusps if k < inner)
        facing, at_end = self._facing_at(last_m), abs(end_m - self.track.length_m) < _LEAST_M
        kind = LegKind.CLEAN if self.cleans else LegKind.TRANSIT
        stops = beyond_m == 0.0 and not (at_end and self._may_change_head(end_m, facing))
        return Piece(kind, start, start.offset_m + end_m, points, bool(self.track.backs[0]), cusps, facing, stops)

    def _runs_beyond_m(self, end_m: float) -> float:
        """How far a piece can run beyond a place, so that the place itself is surely passed: all the way or not at all.

        A lane runs into a turn only where the machine may be driven so with its head down.
        """
        to_m = end_m + self._beyond_m
        on_m = float(self.track.along_m[-1])
        stops = (self.track.stops_m >= end_m - _LEAST_M) & (self.track.stops_m <= to_m)
        if to_m > on_m or (not self.cleans and to_m > self.track.length_m):
            return 0.0
        if self.cleans and turns_lowered(self.profile):
            return self._beyond_m
        if stops.any() or (self.cleans and not self._is_gentle(end_m, to_m)):
            return 0.0
        return self._beyond_m

    def _is_gentle(self, from_m: float, to_m: float) -> bool:
        """Whether what lies between two places may be driven with the head down; arcs are made of moves that turn a little."""
        if self.profile.least_radius_m == 0.0:
            return True
        return self.track.turned_rad(from_m, to_m) <= (to_m - from_m) / self.profile.least_radius_m + PIVOT_RAD / 2

    def _may_change_head(self, end_m: float, facing: float) -> bool:
        """Whether the head may be switched while the robot still rolls to a place: not backwards, nor in a tight turn.

        A lane is not clean to its end if the head is lifted before.
        """
        turn = turn_rad(self.track.heading_at(end_m), facing)
        before_m = max(0.0, end_m - self.profile.goal_tolerance_m)
        ahead = not self.track.backs_at(end_m) and abs(turn) <= PIVOT_RAD
        return not self.cleans and ahead and self._is_gentle(before_m, end_m)

    def _ends_once(self, end_m: float) -> bool:
        """Whether the robot comes within the tolerance of where a piece ends, and faces so, only at last."""
        tolerance_m = self.profile.goal_tolerance_m
        before_m = end_m - 3 * tolerance_m - 2 * _SAMPLE_M
        offsets = np.arange(0.0, max(before_m, _LEAST_M), _SAMPLE_M)
        at = [np.interp(offsets, self.track.along_m, self.track.points[:, axis]) for axis in (0, 1)]
        end = [np.interp(end_m, self.track.along_m, self.track.points[:, axis]) for axis in (0, 1)]
        moves = np.clip(np.searchsorted(self.track.along_m, offsets), 1, len(self.track.headings)) - 1
        near = np.hypot(at[0] - end[0], at[1] - end[1]) <= tolerance_m + 1.5 * _SAMPLE_M
        off = np.abs(np.remainder(self.track.headings[moves] - self._facing_at(end_m) + math.pi, math.tau) - math.pi)
        return not bool((near & (off <= _FACING_RAD)).any())

    def _facing_at(self, end_m: float) -> float:
        """How the robot is to face where a piece ends: at the end of a turn as what follows needs it."""
        at_end = not self.cleans and abs(end_m - self.track.length_m) < _LEAST_M
        return self.track.next_rad if at_end and self.track.next_rad is not None else self.track.heading_at(end_m)


def _follows(stretch: Stretch, following: Stretch) -> bool:
    """Whether the next stretch is a transit that begins where this one ends."""
    return following.kind is LegKind.TRANSIT and _joins(stretch, following)


def _joins(stretch: Stretch, following: Stretch) -> bool:
    """Whether the next stretch begins where this one ends; what was put before a way may end elsewhere."""
    return bool(np.hypot(*(following.points[0] - stretch.points[-1])) < _SAME_M)
