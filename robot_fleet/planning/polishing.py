"""The driven paths of a crew polished: quicker by arcs, shortcuts and smoother laps, and by what need not be driven.

Each robot's way from dock to dock is one polyline; `annealing` exchanges stretches of it over the borders of its legs.
All robots share one account of what is swept, so that one may leave what another cleans.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np

from robot_fleet.floor.profile import Head, RobotProfile
from robot_fleet.planning.compiled import EFFORT
from robot_fleet.planning.curves import PIECE_M
from robot_fleet.planning.exchanging import DRAWS, Ground, Machine, Sweeps, Track, exchanged, waste_s
from robot_fleet.planning.pacing import pace_of
from robot_fleet.planning.plan import Leg, LegKind
from robot_fleet.planning.swaths import swept
from robot_fleet.planning.terrain import Bools, Floats, Terrain

_DRIVEN = (LegKind.CLEAN, LegKind.TRANSIT)
# Temperatures at the begin and at the end, seconds.
_HEAT_S = (0.15, 0.002)
# Trials for each second that a path takes longer than its metres, but no more than so many in all; and how many at once.
_TRIALS_PER_S, _MOST_TRIALS, _ROUNDS = 250.0, 250_000, 40
# What uncleaned cells cost at first, in shares of the time in which a straight lane cleans them; and the highest price.
_PRICE, _DEAREST = 4.0, 60.0
# A little more room than is needed, so that what is safe here is safe in any frame.
_SPARE_M = 1e-4
_IDLE = 0.1
_MERGED_M = 0.3


@dataclass(frozen=True, eq=False)
class Cover:
    """Cells (rows, cols): those that are to be cleaned, those that were asked for; how many of the former may stay."""

    wanted: Bools
    asked: Bools
    may_miss: int


def polished(
    legs: Mapping[str, list[Leg]], profiles: Mapping[str, RobotProfile], terrain: Terrain, cover: Cover,
    seed: int = 0, tell: Callable[[float], None] = lambda _share: None,
) -> dict[str, list[Leg]]:  # fmt: skip
    """The legs (grid frame, without times) of robots by name, quicker and as safe; no more floor is left than may be.

    The same seed gives the same legs. `tell` hears the share done.
    """
    stretches = [
        _Stretch.of(own[first:last], profiles[name], first, name)
        for name, own in legs.items()
        for first, last in _driven(own)
    ]
    if not stretches:
        return {name: list(own) for name, own in legs.items()}
    search = _Search(stretches, terrain, cover, seed)
    search.run(tell)
    return {
        name: _joined(own, [one for one in stretches if one.name == name])
        for name, own in legs.items()
    }  # fmt: skip


@dataclass(eq=False)
class _Stretch:
    """Legs of one robot that follow each other without a dock between: those from number `first` of its legs."""

    name: str
    first: int
    legs: list[Leg]
    track: Track
    machine: Machine
    profile: RobotProfile

    @classmethod
    def of(cls, legs: list[Leg], profile: RobotProfile, first: int, name: str) -> _Stretch:
        points, tags = _cut(legs)
        room = 2 * len(points) + 4000
        track = Track(
            np.zeros((room, 2)), np.zeros(room, dtype=np.int64), np.array([leg.head_on for leg in legs]),
            np.array([len(points)]),
        )  # fmt: skip
        track.points[: len(points)], track.tags[: len(tags)] = points, tags
        return cls(name, first, legs, track, _machine(profile), profile)

    def waste(self) -> Floats:
        return waste_s(self.track, self.machine.pace, _IDLE)

    def driven(self) -> list[Leg]:
        """The legs as they are now; those of which nothing is left are gone."""
        size = int(self.track.size[0])
        points, tags = self.track.points[:size], self.track.tags[: size - 1]
        found, first = [], 0
        for tag, moves in groupby(tags.tolist()):
            last = first + len(list(moves))
            part = _without_cuts(points[first : last + 1])
            found.append(replace(self.legs[tag], points=part, times_s=np.zeros(len(part))))
            first = last
        return found


class _Search:
    """Trials shared out among stretches by their waste, in rounds over all of them."""

    def __init__(self, stretches: list[_Stretch], terrain: Terrain, cover: Cover, seed: int) -> None:
        self.stretches, self.rng = stretches, np.random.default_rng(seed)
        self.ground = Ground(terrain.fine_m, terrain.keep_m + _SPARE_M, terrain.side_m, cover.asked)
        self.sweeps = _sweeps(stretches, cover, terrain.side_m)
        self.price_s = _PRICE
        self.taken = np.zeros(5, dtype=np.int64)

    def run(self, tell: Callable[[float], None]) -> None:
        """All rounds, from warm to cold."""
        wastes = [float(one.waste()[-1]) for one in self.stretches]
        trials = min(_TRIALS_PER_S * sum(wastes), _MOST_TRIALS) * EFFORT / _ROUNDS
        steps = np.linspace(0.0, 1.0, _ROUNDS + 1)
        heats = _HEAT_S[0] * (_HEAT_S[1] / _HEAT_S[0]) ** steps
        for k in range(_ROUNDS):
            for one, share in zip(self.stretches, wastes, strict=True):
                self._round(one, math.ceil(trials * share / sum(wastes)), heats[k], heats[k + 1])
            self._reprice()
            tell((k + 1) / _ROUNDS)

    def _round(self, one: _Stretch, trials: int, warm: float, cold: float) -> None:
        if one.track.size[0] < 6:
            return
        cell_s = self.ground.side_m**2 / (one.profile.head.width_m * one.profile.speed_mps)
        heat = np.array([warm, cold, cell_s * self.price_s])
        self.taken += exchanged(
            one.track, self.ground, self.sweeps, one.machine, one.waste(), self.rng.random((trials, DRAWS)), heat
        )

    def _reprice(self) -> None:
        """Cells become dearer when nearly as many are left as may be, and cheaper when there is room."""
        used = float((self.sweeps.bare / np.maximum(self.sweeps.most, 1)).max())
        self.price_s = min(_DEAREST, max(1.0, self.price_s * (1.15 if used > 0.9 else 0.9)))


def _sweeps(stretches: list[_Stretch], cover: Cover, side_m: float) -> Sweeps:
    full = np.where(cover.wanted, 0, 1_000_000).astype(np.int32)
    overlaps = any(one.machine.overlaps for one in stretches)
    sure = full.copy() if overlaps else np.zeros((1, 1), dtype=np.int32)
    for one in stretches:
        track, size = one.track, int(one.track.size[0])
        points, tags = track.points[:size], track.tags[: size - 1]
        swept(full, points, tags, track.on, 0, size - 1, one.machine.head, side_m, 1)
        if overlaps:
            swept(sure, points, tags, track.on, 0, size - 1, one.machine.sure, side_m, 1)
    bare = np.array([(full == 0).sum(), ((sure if overlaps else full) == 0).sum()])
    return Sweeps(full, sure, bare, np.maximum(bare, cover.may_miss))


def _machine(profile: RobotProfile) -> Machine:
    head = profile.head
    sure = Head(max(head.width_m - profile.overlap_m, head.width_m / 2), head.offset_m)
    ends = [np.array([one.width_m, one.offset_m]) for one in (head, sure)]
    return Machine(pace_of(profile), ends[0], ends[1], profile.overlap_m > 0.0)


def _driven(legs: list[Leg]) -> list[tuple[int, int]]:
    """Runs (first, one behind the last) of legs that may be changed."""
    found, first = [], 0
    for may, run in groupby(legs, key=lambda leg: leg.kind in _DRIVEN and not leg.reverse):
        last = first + len(list(run))
        if may:
            found.append((first, last))
        first = last
    return found


def _cut(legs: list[Leg]) -> tuple[Floats, list[int]]:
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
    return np.array(points), tags


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
