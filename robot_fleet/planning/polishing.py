"""The driven paths of a crew polished: quicker by arcs, shortcuts and smoother laps, and by what need not be driven.

Each robot's way from dock to dock is one polyline; `annealing` exchanges stretches of it over the borders of its legs.
All robots, of whatever shape, share one account of what is swept, so that one may leave what another cleans.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import groupby, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robot_fleet.floor.profile import Head, RobotProfile
from robot_fleet.planning import rewiring
from robot_fleet.planning.compiled import EFFORT
from robot_fleet.planning.curves import PIECE_M
from robot_fleet.planning.driven import Ground, Machine, Sweeps, Track
from robot_fleet.planning.exchanging import DRAWS, exchanged, waste_s
from robot_fleet.planning.pacing import pace_of, span_s
from robot_fleet.planning.plan import Leg, LegKind
from robot_fleet.planning.polyline import length_m
from robot_fleet.planning.swaths import swept
from robot_fleet.planning.terrain import Bools, Floats, Ints, Terrain
from robot_fleet.planning.timing import path_s
from robot_fleet.planning.visiting import FAR_M

_DRIVEN = (LegKind.CLEAN, LegKind.TRANSIT)
# Temperatures at the begin and at the end, seconds.
_HEAT_S = (0.3, 0.003)
# Trials for each second that may be saved, but no more than so many in all; the rounds over all paths.
_TRIALS_PER_S, _MOST_TRIALS, _ROUNDS = 900.0, 900_000, 40
# Trials on longer paths take longer: at so many metres only half as many are made.
_HALVED_M = 3_000.0
# Of the trials so many more reconnect the path.
_REWIRED = 0.1
# The share of the rounds that a search of few trials has, and rounds besides when more is left than may be.
_FEWEST_ROUNDS = 0.3
_MORE_ROUNDS = 15
# A metre may save so many seconds, turns or none.
_IDLE = 0.02
# Sections of so many vertices are worked on, with room for so many more, and not when they have too few.
_SECTION, _ROOM, _FEWEST = 1500, 1500, 8
# No more uncleaned cells than these are looked at in a round.
_MOST_LEFT = 2000
# What uncleaned cells cost, in shares of the time in which a straight lane cleans them: at first, at least, at most; by
# which factors the price rises and falls, and from which share of what may be left.
_PRICE, _CHEAPEST, _DEAREST = 20.0, 1.0, 150.0
_UP, _DOWN, _FULL = 1.12, 0.93, 0.98
# The share of the cells that may be left besides in the beginning, and the share of the rounds for which it shrinks.
_LOOSE, _TIGHT = 0.01, 0.4
# The power of the norm of the robots' times, and the least that a second of a robot that is done early counts.
_POWER, _LEAST_WORTH = 30, 0.05
# A little more room than is needed, so that what is safe here is safe in any frame.
_SPARE_M = 1e-4
_MERGED_M = 0.3
# Floor is ragged where at half time more is left than this share of what may be left there.
_RAGGED = 0.85


@dataclass(frozen=True, eq=False)
class Mover:
    """A robot that is to drive elsewhere: its kind, where it may be, and where its head may be on (rows, cols).

    It will wait for others for `waits_s` besides.
    """

    profile: RobotProfile
    terrain: Terrain
    asked: Bools
    waits_s: float = 0.0


@dataclass(frozen=True, eq=False)
class Cover:
    """Cells (rows, cols) that are to be cleaned, and how many of them may stay.

    Where the search has still left nearly `at_most` when half of it is done, the floor is ragged: so many may be left then.
    """

    wanted: Bools
    may_miss: int
    at_most: int = 0

    def is_ragged(self, bare: int) -> bool:
        """Whether the floor is ragged when so many cells are left by half of a search."""
        return self.at_most > self.may_miss and bare > _RAGGED * self.at_most


def polished(
    legs: Mapping[str, list[Leg]], movers: Mapping[str, Mover], cover: Cover,
    seed: int = 0, tell: Callable[[float], None] = lambda _share: None, effort: float = 1.0,
) -> dict[str, list[Leg]]:  # fmt: skip
    """The legs (grid frame, without times) of robots by name, quicker and as safe; no more floor is left than may be.

    The same seed gives the same legs. `tell` hears the share done; `effort` is the share of the usual trials.
    """
    before = _spent_s(legs, movers)
    overlaps = any(movers[name].profile.overlap_m > 0.0 for name in legs)
    # A short search begins as tight as it must end.
    for loose in (_LOOSE, 0.0) if effort > _FEWEST_ROUNDS else (0.0,):
        stretches = [
            _Stretch.of(name, own, first, last, movers[name], overlaps)
            for name, own in legs.items()
            for first, last in _driven(own)
        ]
        search = _Search(stretches, cover, seed, {name: movers[name].waits_s for name in legs})
        search.run(loose, tell, effort)
        found = {name: _joined(own, [one for one in stretches if one.name == name]) for name, own in legs.items()}
        if search.holds and _spent_s(found, movers) <= before:
            return found
    return {name: list(own) for name, own in legs.items()}


def _spent_s(legs: Mapping[str, list[Leg]], movers: Mapping[str, Mover]) -> float:
    """About the seconds of the robot that is longest on its way."""
    times = (
        movers[name].waits_s + sum(path_s(leg.points, movers[name].profile) for leg in own)
        for name, own in legs.items()
    )
    return max(times, default=0.0)


@dataclass(eq=False)
class _Stretch:
    """Legs of one robot that follow each other without a dock between, from number `first` of its legs.

    `points` (n, 2) are the way along all of them, `tags` (n - 1,) the leg of each move.
    """

    name: str
    first: int
    legs: list[Leg]
    machine: Machine
    ground: Ground
    profile: RobotProfile
    points: Floats
    tags: Ints
    on: Bools

    @classmethod
    def of(cls, name: str, legs: list[Leg], first: int, last: int, mover: Mover, overlaps: bool) -> _Stretch:
        own, profile = legs[first:last], mover.profile
        points, tags = _cut(own)
        on = np.array([leg.head_on for leg in own])
        return cls(name, first, own, _machine(profile, overlaps), _ground(mover), profile, points, tags, on)

    def waste(self) -> Floats:
        """(n - 1,) the running sum of what may be saved, in seconds."""
        return waste_s(self.points, self.machine.pace, _IDLE)

    def spent_s(self) -> float:
        """Seconds along the way."""
        return float(span_s(self.points, 0, len(self.points) - 1, self.machine.pace))

    def driven(self) -> list[Leg]:
        """The legs as they are now; those of which nothing is left are gone."""
        found, first = [], 0
        for tag, moves in groupby(self.tags.tolist()):
            last = first + len(list(moves))
            part = _without_cuts(self.points[first : last + 1])
            found.append(replace(self.legs[tag], points=part, times_s=np.zeros(len(part))))
            first = last
        return found


class _Search:
    """Trials shared out among stretches by their waste, in rounds over all of them."""

    def __init__(self, stretches: list[_Stretch], cover: Cover, seed: int, waits_s: Mapping[str, float]) -> None:
        self.stretches, self.rng, self.waits_s = stretches, np.random.default_rng(seed), waits_s
        self.overlaps = any(one.machine.overlaps for one in stretches)
        self.sweeps = _sweeps(stretches, cover, self.overlaps)
        self.may_miss, self.wanted = self.sweeps.most.copy(), int(cover.wanted.sum())
        self.at_worst = np.maximum(self.may_miss, self.sweeps.bare)
        self.price, self.cover = _PRICE, cover

    def run(self, loose: float, tell: Callable[[float], None], effort: float) -> None:
        """All rounds, from warm to cold, and some more until no more cells are left than may be."""
        waste = sum(float(one.waste()[-1]) for one in self.stretches)
        if waste <= 0.0:
            return
        length = sum(length_m(one.points) for one in self.stretches)
        most = _MOST_TRIALS / (1.0 + length / _HALVED_M)
        rounds = math.ceil(_ROUNDS * min(1.0, max(_FEWEST_ROUNDS, 2.0 * effort)))
        trials_per_s = min(_TRIALS_PER_S, most / waste) * EFFORT * effort / rounds
        cooling = np.minimum(np.arange(rounds + _MORE_ROUNDS + 1) / rounds, 1.0)
        heats: Floats = _HEAT_S[0] * (_HEAT_S[1] / _HEAT_S[0]) ** cooling
        for k in range(rounds + _MORE_ROUNDS):
            if k >= rounds and self.holds:
                break
            if k == rounds // 2 and self.cover.is_ragged(int(self.sweeps.bare[0])):
                self.may_miss = np.maximum(self.may_miss, self.cover.at_most)
                self.at_worst = np.maximum(self.may_miss, self.at_worst)
            self._allow(k / rounds, loose)
            left = self._left()
            for one, worth in zip(self.stretches, self._worths(), strict=True):
                self._round(one, left, trials_per_s, np.append(heats[k : k + 2], self.price / worth))
            self._reprice()
            tell(min(1.0, (k + 1) / rounds))

    def _left(self) -> Ints:
        """Some of the cells (rows, cols) that nothing sweeps, in the order of the rows."""
        flat = np.flatnonzero(self.sweeps.full.ravel() == 0)
        if len(flat) > _MOST_LEFT:
            flat = flat[np.sort(self.rng.choice(len(flat), _MOST_LEFT, replace=False))]
        return np.column_stack(np.unravel_index(flat, self.sweeps.full.shape)).astype(np.int64)

    def _worths(self) -> list[float]:
        """What a second of each stretch's robot counts: less, the sooner it is done, as in a p-norm of their times.

        So a robot with time in hand cleans what a late one leaves.
        """
        spent = dict(self.waits_s)
        for one in self.stretches:
            spent[one.name] += one.spent_s()
        longest = max(spent.values())
        return [max(_LEAST_WORTH, (spent[one.name] / longest) ** _POWER) for one in self.stretches]

    @property
    def holds(self) -> bool:
        """Whether no more cells are left than may be."""
        return bool((self.sweeps.bare <= self.at_worst).all())

    def _allow(self, done: float, loose: float) -> None:
        """At first more cells may be left than at last: what they are needed for is found later.

        Cells that are not sure stay as few as they are: in narrow places lanes that are gone do not come back for them.
        """
        more = max(0.0, 1.0 - done / _TIGHT)
        self.sweeps.most[:] = self.may_miss + int(loose * more * self.wanted)
        if self.overlaps:
            self.sweeps.most[1] = self.may_miss[1]

    def _round(self, one: _Stretch, left: Ints, trials_per_s: float, heats: Floats) -> None:
        """Trials all along a stretch, section by section, each time with other borders between them."""
        bounds = np.arange(self.rng.integers(_SECTION // 4, _SECTION), len(one.points) - _SECTION // 4, _SECTION)
        cuts = [0, *bounds.tolist(), len(one.points) - 1]
        parts = [self._section(one, a, b, left, trials_per_s, heats) for a, b in pairwise(cuts)]
        one.points = np.concatenate((one.points[:1], *(points[1:] for points, _ in parts)))
        one.tags = np.concatenate([tags for _, tags in parts])
        self._rewire(one, trials_per_s, heats)

    def _rewire(self, one: _Stretch, trials_per_s: float, heats: Floats) -> None:
        """Some trials to connect the stretch in another order."""
        if one.machine.head[1] != 0.0 or len(one.points) < _FEWEST:
            return
        waste = one.waste()
        draws = self.rng.random((math.ceil(_REWIRED * waste[-1] * trials_per_s), rewiring.DRAWS))
        size = np.array([len(one.points)])
        track = Track(_with_room(one.points), _with_room(one.tags), one.on, size)
        rewiring.rewired(track, one.ground, self.sweeps, one.machine, waste, draws, self._heat(one, heats))
        one.points, one.tags = track.points[: size[0]].copy(), track.tags[: size[0] - 1].copy()

    def _heat(self, one: _Stretch, heats: Floats) -> Floats:
        """Temperatures in seconds and the price of a cell in seconds."""
        cell_s = one.ground.side_m**2 / (one.profile.head.width_m * one.profile.speed_mps)
        return np.asarray(heats * np.array([1.0, 1.0, cell_s]))

    def _section(
        self, one: _Stretch, first: int, last: int, left: Ints, trials_per_s: float, heats: Floats
    ) -> tuple[Floats, Ints]:
        """The vertices first .. last and the moves between them after the trials that they deserve."""
        points, tags = one.points[first : last + 1], one.tags[first:last]
        if len(points) < _FEWEST:
            return points, tags
        waste = waste_s(points, one.machine.pace, _IDLE)
        trials = math.ceil(waste[-1] * trials_per_s)
        near = _near(points, left, one.ground.side_m)
        size = np.array([len(points)])
        track = Track(_with_room(points), _with_room(tags), one.on, size)
        draws = self.rng.random((trials, DRAWS))
        exchanged(track, one.ground, self.sweeps, one.machine, waste, near, draws, self._heat(one, heats))
        return track.points[: size[0]].copy(), track.tags[: size[0] - 1].copy()

    def _reprice(self) -> None:
        """Cells become dearer when nearly as many are left as may be, and cheaper when there is room."""
        used = float((self.sweeps.bare / np.maximum(self.sweeps.most, 1)).max())
        self.price = min(_DEAREST, max(_CHEAPEST, self.price * (_UP if used > _FULL else _DOWN)))


def _near(points: Floats, cells: Ints, side_m: float) -> Ints:
    """Those of the cells (rows, cols) that lie near enough to the box about the points to be worth a visit."""
    low, high = (points.min(axis=0) - FAR_M) / side_m, (points.max(axis=0) + FAR_M) / side_m
    near: Ints = cells[((cells[:, ::-1] >= low) & (cells[:, ::-1] <= high)).all(axis=1)]
    return near


def _with_room(array: NDArray[Any]) -> NDArray[Any]:
    """The array, grown by what trials may add."""
    found = np.zeros((2 * len(array) + _ROOM, *array.shape[1:]), dtype=array.dtype)
    found[: len(array)] = array
    return found


def _sweeps(stretches: list[_Stretch], cover: Cover, overlaps: bool) -> Sweeps:
    full = np.where(cover.wanted, 0, 1_000_000).astype(np.int32)
    sure = full.copy() if overlaps else np.zeros((1, 1), dtype=np.int32)
    for one in stretches:
        for count, head in ((full, one.machine.head), (sure, one.machine.sure))[: 1 + overlaps]:
            swept(count, one.points, one.tags, one.on, 0, len(one.tags), head, one.ground.side_m, 1)
    bare = np.array([(full == 0).sum(), ((sure if overlaps else full) == 0).sum()])
    most = cover.may_miss
    # What only the ends of heads reach is not sure; it is not to become more.
    return Sweeps(full, sure, bare, np.array([most, max(int(bare[1]), most) if overlaps else most]))


def _ground(mover: Mover) -> Ground:
    terrain = mover.terrain
    return Ground(terrain.fine_m, terrain.keep_m + _SPARE_M, terrain.side_m, mover.asked, terrain.directions)


def _machine(profile: RobotProfile, overlaps: bool) -> Machine:
    head = profile.head
    sure = Head(max(head.width_m - profile.overlap_m, head.width_m / 2), head.offset_m)
    ends = [np.array([one.width_m, one.offset_m]) for one in (head, sure)]
    return Machine(pace_of(profile), ends[0], ends[1], overlaps)


def _driven(legs: list[Leg]) -> list[tuple[int, int]]:
    """Runs (first, one behind the last) of legs that may be changed."""
    found, first = [], 0
    for may, run in groupby(legs, key=lambda leg: leg.kind in _DRIVEN and not leg.reverse):
        last = first + len(list(run))
        if may:
            found.append((first, last))
        first = last
    return found


def _cut(legs: list[Leg]) -> tuple[Floats, Ints]:
    """The vertices of legs that follow each other, with long moves cut in pieces, and for each move its leg."""
    points, tags = [legs[0].points[0]], []
    for tag, leg in enumerate(legs):
        for place in leg.points[1:]:
            step = place - points[-1]
            length = math.hypot(*step)
            if length < 1e-6:
                continue
            pieces = math.ceil(length / PIECE_M)
            begin = points[-1]
            points.extend(begin + step * (k / pieces) for k in range(1, pieces))
            points.append(place)
            tags.extend([tag] * pieces)
    return np.array(points), np.array(tags, dtype=np.int64)


def _without_cuts(points: Floats) -> Floats:
    """A polyline without the vertices at which it goes straight on."""
    step = np.diff(points, axis=0)
    length = np.hypot(step[:, 0], step[:, 1])
    cross = step[:-1, 0] * step[1:, 1] - step[:-1, 1] * step[1:, 0]
    bends = (np.abs(cross) > 1e-9 * length[:-1] * length[1:]) | ((step[:-1] * step[1:]).sum(axis=1) < 0)
    return np.asarray(points[np.concatenate(([True], bends, [True]))])


def _joined(legs: list[Leg], stretches: list[_Stretch]) -> list[Leg]:
    """A robot's legs with polished stretches, numbered anew."""
    found: list[Leg] = []
    done = 0
    for one in stretches:
        found += legs[done : one.first] + _merged(one.driven())
        done = one.first + len(one.legs)
    found += legs[done:]
    stem = legs[0].leg_id.rpartition("-")[0] if legs else ""
    return [replace(leg, leg_id=f"{stem}-{k}") for k, leg in enumerate(found)]


def _merged(legs: list[Leg]) -> list[Leg]:
    """Ways that follow each other are one, and so are bits of lanes that follow each other in a zone."""
    found: list[Leg] = []
    for leg in legs:
        last = found[-1] if found else None
        if (
            last is not None
            and last.kind is leg.kind
            and last.zone == leg.zone
            and (leg.kind is LegKind.TRANSIT or min(last.length_m, leg.length_m) < _MERGED_M)
        ):
            points = np.concatenate((last.points, leg.points[1:]))
            found[-1] = replace(last, points=points, times_s=np.zeros(len(points)))
        else:
            found.append(leg)
    return found
