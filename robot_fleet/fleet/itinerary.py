"""A robot's way through its plan: stretches, how far it has come, and the next piece to be driven.

A *stretch* is a run of legs driven in one manner: out of the dock, with the head off, with the head on, onto the dock; or a stay in
a dock for a service. A *piece* is what one drive order covers: up to about 30 s of motion, so that a robot that has lost the
controller stops soon.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import LineString, Point, Polygon
from shapely.geometry.base import BaseGeometry
from shapely.ops import substring

from robot_fleet.fleet.track import floor_along, headings_along, metres_along
from robot_fleet.floor.footprint import Footprint
from robot_fleet.floor.pose import Pose
from robot_fleet.planning.plan import CoveragePath, LegKind

PIECE_S = 30.0
"""Longest piece, as seconds at full speed."""

OVERRUN_M = 0.1
"""How far beyond the goal tolerance a piece runs into what follows, so that its own end is surely passed."""

_LEAST_M = 1e-6
_SHARES = np.linspace(0.0, 1.0, 32)
_SAMPLE_M = 0.1
_SHORTEN_M = 0.5
# So near to a way a robot is on it, and by so much more it leads away from where the robot is.
_NEAR_M, _LEADS_AWAY_M = 0.3, 0.05
# About a half circle it is so many times as far as straight across.
_ROUND = 1.6
# Rounded corners are polygons with sides a little nearer than the radius.
_SURELY = 0.97
# By so much nearer is a place on the way along which the robot faces otherwise by one radian.
_FACING_M_PER_RAD = 0.5
# So near to a cusp a robot may turn round as well as drive on.
_AT_CUSP_M = 0.25


@dataclass(frozen=True, eq=False)
class Stretch:
    """Legs of one kind, joined: `points` (n, 2) map-frame metres, n >= 2, passed at about `times_s` (n,) of the plan.

    With `reverse` a robot drives along them backwards.
    """

    kind: LegKind
    points: NDArray[np.float64]
    times_s: NDArray[np.float64]
    reverse: bool = False

    @cached_property
    def along_m(self) -> NDArray[np.float64]:
        """Metres from the stretch's start to each of its points (n,)."""
        return metres_along(self.points)

    @property
    def length_m(self) -> float:
        """Metres from end to end."""
        return float(self.along_m[-1])

    @property
    def is_stay(self) -> bool:
        """Whether the robot stays in a dock, instead of driving."""
        return self.kind is LegKind.SERVICE

    @property
    def lasts_s(self) -> float:
        """How long it takes by the plan."""
        return float(self.times_s[-1] - self.times_s[0])

    def between(self, start_m: float, end_m: float) -> NDArray[np.float64]:
        """The points from `start_m` to `end_m` along the stretch, both ends interpolated."""
        return self.cut(start_m, end_m).points

    def cut(self, start_m: float, end_m: float) -> Stretch:
        """The part from `start_m` to `end_m` as a stretch of its own."""
        along = self.along_m
        inner = along[(along > start_m + _LEAST_M) & (along < end_m - _LEAST_M)]
        offsets = np.concatenate(([start_m], inner, [max(start_m, end_m)]))
        x, y, times = (np.interp(offsets, along, values) for values in (*self.points.T, self.times_s))
        return replace(self, points=np.column_stack((x, y)), times_s=times)

    def time_at_s(self, offset_m: float) -> float:
        """The plan's time at `offset_m` along the stretch."""
        return float(np.interp(offset_m, self.along_m, self.times_s))


@dataclass(frozen=True)
class Place:
    """How far along its itinerary a robot is: metres into a stretch."""

    stretch: int = 0
    offset_m: float = 0.0


@dataclass(frozen=True, eq=False)
class Piece:
    """What the next drive order covers: from `start` to `end_m` of its stretch; `points` (n, 2) run a little beyond.

    At its `cusps` the robot goes on the other way round; stretches behind the first count on in `end_m` then. With
    `facing_rad` it ends in that heading, and where it `stops` the robot is to stand before it goes on.
    """

    kind: LegKind
    start: Place
    end_m: float
    points: NDArray[np.float64]
    reverse: bool = False
    cusps: tuple[int, ...] = ()
    facing_rad: float | None = None
    stops: bool = False

    @cached_property
    def line(self) -> LineString:
        """The way along the points."""
        return LineString(self.points)

    @cached_property
    def along_m(self) -> NDArray[np.float64]:
        """Metres from the start to each of the points (n,)."""
        return metres_along(self.points)

    @cached_property
    def _x_and_y(self) -> NDArray[np.float64]:
        """(2, n) the points by coordinates: numpy would copy columns anew each time."""
        return np.ascontiguousarray(self.points.T)

    @cached_property
    def headings(self) -> NDArray[np.float64]:
        """(n - 1,) how the robot faces along each move, radians."""
        return headings_along(self.points, self.reverse, self.cusps)

    @property
    def end_pose(self) -> Pose:
        """Where the robot stands when the piece is driven."""
        yaw = float(self.headings[-1]) if self.facing_rad is None else self.facing_rad
        return Pose(float(self.points[-1, 0]), float(self.points[-1, 1]), yaw)

    def floor(
        self, footprint: Footprint, grown_m: float, before_rad: float | None = None, from_m: float = 0.0
    ) -> BaseGeometry:
        """The floor within `grown_m` of a robot on the piece from `from_m` along it on, or turning into it from a heading."""
        if footprint.radius_m is not None and not from_m:
            return self.swept(footprint.radius_m + grown_m)
        k = min(int(np.searchsorted(self.along_m, from_m, side="right")) - 1, len(self.points) - 2)
        first = [np.interp(from_m, self.along_m, self.points[:, axis]) for axis in (0, 1)]
        points = np.vstack((first, self.points[k + 1 :]))
        return floor_along(footprint, points, self.headings[k:], grown_m, before_rad, self.facing_rad)

    def before(self, taken: BaseGeometry, radius_m: float, tolerance_m: float) -> Piece | None:
        """The part of the piece that a robot of that radius drives before it touches `taken`; None when it touches at once.

        Nor does that part pass near its own end before it ends, as for a goal checker with that tolerance it would be done there.
        """
        line = self.line
        if line.distance(taken) > radius_m:
            return self
        within = line.intersection(taken.buffer(radius_m, quad_segs=4))
        if within.is_empty:
            return self
        spots = shapely.points(shapely.get_coordinates(within))
        free_m = float(shapely.line_locate_point(line, spots).min()) - _SAMPLE_M
        while free_m > 0:
            points = shapely.get_coordinates(substring(line, 0.0, free_m))
            if _ends_once(points, tolerance_m):
                return replace(self, end_m=min(self.end_m, self.start.offset_m + free_m), points=points)
            free_m -= _SHORTEN_M
        return None

    def swept(self, radius_m: float) -> Polygon:
        """The floor within `radius_m` of the piece, made once: a robot that waits asks for it again and again."""
        if radius_m not in self._floors:
            self._floors[radius_m] = self.line.buffer(radius_m, quad_segs=4)
        return self._floors[radius_m]

    def touches_within(self, length_m: float, floors: Sequence[BaseGeometry], radius_m: float) -> bool:
        """Whether a robot of that radius surely touches one of the floors in the first metres: `before` would end there."""
        if length_m not in self._firsts:
            self._firsts[length_m] = substring(self.line, 0.0, length_m)
        away_m = shapely.distance(self._firsts[length_m], floors)
        return bool((away_m < _SURELY * radius_m).any())

    @cached_property
    def _floors(self) -> dict[float, Polygon]:
        return {}

    @cached_property
    def _firsts(self) -> dict[float, BaseGeometry]:
        return {}

    def off_m(self, position: tuple[float, float], at_m: float) -> float:
        """How far a position is from the place that lies `at_m` along the points."""
        x, y = (np.interp(at_m, self.along_m, values) for values in self._x_and_y)
        return math.hypot(x - position[0], y - position[1])

    def progress_m(
        self, position: tuple[float, float], from_m: float, window_m: float, facing_rad: float | None = None
    ) -> float:
        """Metres along the points of the nearest point to `position`, looked for from `from_m` to `window_m` further on.

        Never goes back; stays at `from_m` when the position is more than half a metre off the path. Of a way that comes back
        beside itself what comes first counts: floor that is yet to be driven over must not count as left behind. Where it is
        told how the robot faces, ways that cross are told apart by it, and ways that lead to a cusp and back by what comes
        first.
        """
        if from_m == 0.0:
            # A robot that is still on its way to where the path begins may be nearer to a later part of it.
            window_m = min(window_m, _ROUND * math.dist(position, self.points[0]) + 2 * _SAMPLE_M)
        cusp_m = next((float(self.along_m[k]) for k in self.cusps if self.along_m[k] > from_m), math.inf)
        samples = from_m + _SHARES * (min(from_m + window_m, cusp_m, self.along_m[-1]) - from_m)
        x, y = (np.interp(samples, self.along_m, values) for values in self._x_and_y)
        away = distances = np.hypot(x - position[0], y - position[1])
        if facing_rad is not None:
            moves = np.clip(np.searchsorted(self.along_m, samples) - 1, 0, len(self.headings) - 1)
            off = np.abs(np.remainder(self.headings[moves] - facing_rad + np.pi, math.tau) - np.pi)
            away = distances + _FACING_M_PER_RAD * off
        best = int(np.argmin(away)) if facing_rad is not None else _first_near(distances.tolist())
        if distances[best] >= (0.5 if from_m > 0.0 else _NEAR_M):
            return from_m
        return float(samples[best]) if samples[best] < cusp_m - _AT_CUSP_M else cusp_m


@dataclass(frozen=True, eq=False)
class Itinerary:
    """The stretches of one robot's plan, in order."""

    stretches: tuple[Stretch, ...]

    @cached_property
    def begins(self) -> dict[Place, Pose]:
        """Where a robot stands that sets out from some of its places, for whoever works that out to keep."""
        return {}

    @classmethod
    def of(cls, path: CoveragePath) -> Itinerary:
        """The itinerary that drives a planned path; waits and repeated points are left out."""
        found: list[Stretch] = []
        for leg in path.legs:
            drives = leg.kind in (LegKind.TRANSIT, LegKind.CLEAN)
            backs = drives and leg.reverse
            if found and drives and found[-1].kind is leg.kind and found[-1].reverse is backs:
                last = found.pop()
                points, times = np.vstack((last.points, leg.points)), np.concatenate((last.times_s, leg.times_s))
            else:
                points, times = leg.points, leg.times_s
            found.append(Stretch(leg.kind, points, times, backs))
        moving = (stretch if stretch.is_stay else _without_waits(stretch) for stretch in found)
        return cls(tuple(stretch for stretch in moving if len(stretch.points) > 1))

    def ended(self, place: Place) -> bool:
        """Whether nothing is left to do."""
        return place.stretch >= len(self.stretches)

    def cleans_after(self, place: Place) -> bool:
        """Whether any cleaning is left."""
        return place.stretch < self._cleaned_until

    @cached_property
    def _cleaned_until(self) -> int:
        """One past the last stretch that is cleaned."""
        return max((k + 1 for k, stretch in enumerate(self.stretches) if stretch.kind is LegKind.CLEAN), default=0)

    def docks_before_cleaning(self, place: Place) -> bool:
        """Whether the robot is in a dock, or is to drive into one, before it cleans again."""
        kinds = (stretch.kind for stretch in self.stretches[place.stretch :])
        return next((kind for kind in kinds if kind not in (LegKind.TRANSIT, LegKind.UNDOCK)), None) in (
            LegKind.DOCK,
            LegKind.SERVICE,
        )

    def remaining_s(self, place: Place) -> float:
        """Planned seconds from `place` to the end."""
        if self.ended(place):
            return 0.0
        return float(self.stretches[-1].times_s[-1]) - self.stretches[place.stretch].time_at_s(place.offset_m)

    def settled(self, place: Place) -> Place:
        """The same place, moved on to the next stretch when less than a millimetre of its own is left; not beyond a stay.

        What it lies beyond an end is a part of the way behind it, but never of a way out of a dock or onto one: these are whole.
        """
        while (
            not self.ended(place)
            and not self.stretches[place.stretch].is_stay
            and place.offset_m > self.stretches[place.stretch].length_m - 1e-3
        ):
            beyond_m = max(0.0, place.offset_m - self.stretches[place.stretch].length_m)
            place = Place(place.stretch + 1, beyond_m if self._is_parted(place.stretch + 1) else 0.0)
        return place

    def _is_parted(self, stretch: int) -> bool:
        """Whether a robot may begin in the midst of a stretch."""
        return stretch < len(self.stretches) and self.stretches[stretch].kind in (LegKind.TRANSIT, LegKind.CLEAN)

    def next_piece(self, place: Place, speed_mps: float, tolerance_m: float) -> Piece:
        """The piece that starts at `place`.

        It never passes near its own end earlier than at the end, since a goal checker that looks at the end pose alone would
        take it for done; and where driving goes on it runs `tolerance_m` and a little into what follows. A way to a lane ends
        where the lane begins: what it ran into with its head off would be missed.
        """
        stretch = self.stretches[place.stretch]
        if stretch.kind not in (LegKind.TRANSIT, LegKind.CLEAN):
            return Piece(stretch.kind, place, stretch.length_m, stretch.points)
        beyond = tolerance_m + OVERRUN_M
        end_m = _good_end(stretch, place.offset_m, PIECE_S * speed_mps)
        while True:
            points = self._with_overrun(place, end_m, beyond)
            if _ends_once(points, tolerance_m):
                return Piece(stretch.kind, place, end_m, points, stretch.reverse)
            if end_m - place.offset_m <= 2 * _SHORTEN_M:
                return Piece(stretch.kind, place, end_m, stretch.between(place.offset_m, end_m), stretch.reverse)
            end_m -= _SHORTEN_M

    def after(self, stretch: Stretch) -> Itinerary:
        """A new itinerary that begins with the stretch."""
        return Itinerary((stretch, *self.stretches))

    def spliced(self, way: NDArray[np.float64], resume_at: Place) -> Itinerary:
        """A new itinerary that first drives the `way` (n, 2) with the head off, then goes on with this one at `resume_at`."""
        return self.led((Stretch(LegKind.TRANSIT, way, np.zeros(len(way))),) if len(way) > 1 else (), resume_at)

    def led(self, way: Sequence[Stretch], resume_at: Place) -> Itinerary:
        """A new itinerary that first drives the stretches of a way, then goes on with this one at `resume_at`."""
        at_s = 0.0 if self.ended(resume_at) else self.stretches[resume_at.stretch].time_at_s(resume_at.offset_m)
        first = (replace(stretch, times_s=np.full(len(stretch.points), at_s)) for stretch in way)
        return Itinerary((*first, *self.rest(resume_at).stretches))

    def begun_with(self, points: NDArray[np.float64], resume_at: Place) -> Itinerary:
        """A new itinerary that goes on with this one at `resume_at`, whose stretch begins with `points` (n, 2) that lead there."""
        first, *others = self.rest(resume_at).stretches
        times = np.concatenate((np.full(len(points), first.times_s[0]), first.times_s))
        longer = replace(first, points=np.vstack((points, first.points)), times_s=times)
        return Itinerary((_without_waits(longer), *others))

    def rest(self, place: Place) -> Itinerary:
        """What is left from `place` on, as an itinerary of its own."""
        if self.ended(place):
            return Itinerary(())
        stretch = self.stretches[place.stretch]
        if stretch.is_stay:
            return Itinerary(self.stretches[place.stretch :])
        cut = stretch.cut(place.offset_m, stretch.length_m)
        head = (cut,) if cut.length_m > 1e-3 else ()
        return Itinerary((*head, *self.stretches[place.stretch + 1 :]))

    def advanced(self, piece: Piece, progress_m: float) -> Place:
        """Where the robot is on the itinerary when it is `progress_m` along the piece's points."""
        return self.settled(Place(piece.start.stretch, piece.start.offset_m + progress_m))

    def _with_overrun(self, place: Place, end_m: float, beyond_m: float) -> NDArray[np.float64]:
        stretch = self.stretches[place.stretch]
        points = stretch.between(place.offset_m, min(end_m + beyond_m, stretch.length_m))
        left_m = end_m + beyond_m - stretch.length_m
        following = self.stretches[place.stretch + 1 : place.stretch + 2]
        if left_m > 0 and following and _goes_on(stretch, following[0]):
            points = np.vstack((points, following[0].between(0.0, min(left_m, following[0].length_m))[1:]))
        return points


def _first_near(away_m: list[float]) -> int:
    """The nearest place of the first part of a way that comes near, until it leads away; of all when none comes near."""
    first, least_m = 0, away_m[0]
    for k, at_m in enumerate(away_m):
        if at_m < least_m:
            first, least_m = k, at_m
        elif at_m - least_m > _LEADS_AWAY_M:
            break
    return first if least_m < _NEAR_M else away_m.index(min(away_m))


def _goes_on(stretch: Stretch, following: Stretch) -> bool:
    """Whether the next stretch is driven the same way, begins where this one ends, and needs no head that this one has off."""
    if following.reverse is not stretch.reverse:
        return False
    driven = following.kind is LegKind.TRANSIT or stretch.kind is following.kind is LegKind.CLEAN
    return driven and bool(np.hypot(*(following.points[0] - stretch.points[-1])) < 0.05)


def _without_waits(stretch: Stretch) -> Stretch:
    moves = np.concatenate(([True], np.hypot(*np.diff(stretch.points, axis=0).T) > _LEAST_M))
    return replace(stretch, points=stretch.points[moves], times_s=stretch.times_s[moves])


def _good_end(stretch: Stretch, start_m: float, longest_m: float) -> float:
    """Where a piece of at most `longest_m` best ends: at the stretch's end, else at the last corner, where it stops anyway."""
    if stretch.length_m - start_m <= longest_m:
        return stretch.length_m
    along = stretch.along_m
    corners = along[(along > start_m + longest_m / 2) & (along <= start_m + longest_m)]
    return float(corners[-1]) if len(corners) else start_m + longest_m


def _ends_once(points: NDArray[np.float64], tolerance_m: float) -> bool:
    line = LineString(points)
    before_m = line.length - 3 * tolerance_m - 2 * _SAMPLE_M
    if before_m <= 0:
        return True
    end = Point(points[-1])
    offsets = np.arange(0.0, before_m, _SAMPLE_M)
    samples = shapely.line_interpolate_point(line, offsets)
    return bool((shapely.distance(samples, end) > tolerance_m + 1.5 * _SAMPLE_M).all())
