"""Where a tour may be broken off for a visit to a dock, and its legs with the visits in them.

That is inside the straight moves of a lane, where a head that comes back goes on without a gap, and between two lanes, where
the way from one to the other is left out. How a machine drives to the dock and back is the caller's business.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from robot_fleet.floor.pose import Pose
from robot_fleet.floor.store import Dock
from robot_fleet.planning.plan import Leg, LegKind
from robot_fleet.planning.supplies import Supplies
from robot_fleet.planning.terrain import Floats
from robot_fleet.planning.visits import AT_START, Schedule, Tour, Usage

# The legs that drive a machine with its head up from one pose to another, without ids and times; None: there is no way.
Drive = Callable[[Pose, Pose], Sequence[Leg] | None]

# Breaks are so far apart, or farther where there would be more of them on lanes than so many.
_STEP_M, _MOST = 1.0, 1000
# Moves shorter than this are not broken; those of curves are longer.
_LEAST_M = 0.02


@dataclass(frozen=True)
class Break:
    """A place of a tour: a share of the move behind a vertex of one of its legs; a leg that is no lane is left out whole."""

    leg: int
    vertex: int = 0
    share: float = 0.0


@dataclass(frozen=True, eq=False)
class Breaks:
    """The places where a tour may be broken off, in their order, with where the robot leaves it (n, 2) and comes back to it."""

    breaks: tuple[Break, ...]
    leave: Floats
    enter: Floats

    @classmethod
    def of(cls, legs: Sequence[Leg], most: int = _MOST) -> Breaks:
        """The places along legs: between all lanes, and about so many at most on them."""
        step_m = max(_STEP_M, sum(leg.length_m for leg in legs if leg.head_on) / most)
        breaks = [at for k in range(len(legs)) for at in _breaks_of(legs, k, step_m)]
        leave = [_point(legs[at.leg], at) for at in breaks]
        enter = [
            one if legs[at.leg].head_on else legs[at.leg].points[-1] for one, at in zip(leave, breaks, strict=True)
        ]
        return cls(tuple(breaks), np.array(leave).reshape(-1, 2), np.array(enter).reshape(-1, 2))

    def tour(self, legs: Sequence[Leg], supplies: Supplies, width_m: float, spare: float) -> Tour:
        """What timed legs take up to these places; the battery is taken for used up by so large a share more."""
        use = [_use(leg, after, supplies, width_m) for leg, after in zip(legs, [*legs[1:], None], strict=True)]
        gone = np.concatenate((np.zeros((1, 3)), np.cumsum(np.array(use).reshape(-1, 3), axis=0)))
        gone[:, 2] *= 1.0 + spare
        leave, enter = np.empty((len(self.breaks), 3)), np.empty((len(self.breaks), 3))
        for k, at in enumerate(self.breaks):
            parts = _shares(legs[at.leg], at)
            leave[k] = gone[at.leg] + parts * (gone[at.leg + 1] - gone[at.leg])
            enter[k] = leave[k] if legs[at.leg].head_on else gone[at.leg + 1]
        return Tour(*(Usage(*part.T) for part in (leave, enter, gone[-1:])))


def with_visits(
    legs: Sequence[Leg], breaks: Breaks, schedule: Schedule, docks: Sequence[Dock], drive: Drive
) -> list[Leg] | int:
    """The legs with the visits in them, without times but for the stays; the place from which a way to a dock, or back, is
    missing.
    """
    found: list[Leg] = []
    done = Break(0)
    for visit in schedule.visits:
        dock = docks[visit.station]
        if visit.place == AT_START:
            found.append(_stay(dock, visit.stay_s))
            continue
        at = breaks.breaks[visit.place]
        found += _between(legs, done, at)
        done = at if legs[at.leg].head_on else Break(at.leg + 1)
        after = _rest(legs, done)
        leave = _pose(breaks.leave[visit.place], _yaw(found[-1], last=True) if found else _yaw(after[0]))
        detour = _detour(leave, _pose(breaks.enter[visit.place], _yaw(after[0])), dock, visit.stay_s, drive)
        if detour is None:
            return visit.place
        found += detour
    return _numbered([*found, *_rest(legs, done)], legs[0].leg_id.rpartition("-")[0])


def _detour(leave: Pose, enter: Pose, dock: Dock, stay_s: float, drive: Drive) -> list[Leg] | None:
    """The legs from a tour into a dock, the stay there, and the legs back; None where a way is missing."""
    out, back = drive(leave, dock.staging), drive(dock.staging, enter)
    if out is None or back is None:
        return None
    return [*out, _docking(dock), _stay(dock, stay_s), _undocking(dock), *back]


def _breaks_of(legs: Sequence[Leg], k: int, step_m: float) -> list[Break]:
    """The places on one leg of a tour."""
    leg = legs[k]
    if leg.kind is LegKind.TRANSIT:
        # On its way home a robot needs no visit.
        return [] if any(other.kind is LegKind.DOCK for other in legs[k + 1 : k + 2]) else [Break(k)]
    if leg.kind is not LegKind.CLEAN:
        return []
    found = [Break(k)] if k == 0 else []
    past_m = step_m / 2
    for vertex, length in enumerate(np.hypot(*np.diff(leg.points, axis=0).T).tolist()):
        past_m += length
        if length >= _LEAST_M and past_m >= step_m:
            parts = math.ceil(length / step_m)
            found += [Break(k, vertex, (part + 0.5) / parts) for part in range(parts)]
            past_m = length / parts / 2
    return found


def _point(leg: Leg, at: Break) -> Floats:
    one, other = leg.points[at.vertex : at.vertex + 2]
    return np.asarray(one + at.share * (other - one))


def _shares(leg: Leg, at: Break) -> Floats:
    """(3,) shares of a leg's seconds, scrubbed floor and battery that are gone at a break."""
    way = np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(leg.points, axis=0).T))))
    metres, seconds = (
        float(along[at.vertex] + at.share * (along[at.vertex + 1] - along[at.vertex]) - along[0])
        / max(1e-9, float(along[-1] - along[0]))
        for along in (way, leg.times_s)
    )
    return np.array([seconds, metres, seconds])


def _use(leg: Leg, after: Leg | None, supplies: Supplies, width_m: float) -> tuple[float, float, float]:
    seconds, lifted = float(leg.times_s[-1] - leg.times_s[0]), after is None or not after.head_on
    scrubbed_m2 = supplies.scrubbed_m2(leg.length_m, width_m, lifted) if leg.head_on else 0.0
    return seconds, scrubbed_m2, supplies.use(seconds, leg.head_on)


def _between(legs: Sequence[Leg], begin: Break, end: Break) -> list[Leg]:
    """The legs from where the tour is taken up to where it is left."""
    if begin.leg == end.leg:
        return [_cut(legs[end.leg], begin, end)] if end.share > 0.0 else []
    return [*_rest(legs[: end.leg], begin), *([_cut(legs[end.leg], Break(end.leg), end)] if end.share > 0.0 else [])]


def _rest(legs: Sequence[Leg], begin: Break) -> list[Leg]:
    """The legs from where the tour is taken up."""
    if begin.share == 0.0:
        return list(legs[begin.leg :])
    return [_cut(legs[begin.leg], begin, None), *legs[begin.leg + 1 :]]


def _cut(leg: Leg, begin: Break, end: Break | None) -> Leg:
    """The part of a leg between two places, or to its end."""
    last = leg.points[begin.vertex + 1 :] if end is None else leg.points[begin.vertex + 1 : end.vertex + 1]
    points = np.array([_point(leg, begin), *last, *([] if end is None else [_point(leg, end)])])
    return replace(leg, points=points, times_s=np.zeros(len(points)))


def _pose(place: Floats, yaw_rad: float) -> Pose:
    return Pose(float(place[0]), float(place[1]), yaw_rad)


def _yaw(leg: Leg, last: bool = False) -> float:
    """The robot's heading at the begin of a leg, or at its end."""
    moves = [b - a for a, b in pairwise(leg.points) if math.dist(a, b) > 1e-6]
    if not moves:
        return 0.0
    x, y = moves[-1 if last else 0].tolist()
    return math.atan2(y, x) + (math.pi if leg.reverse else 0.0)


def _docking(dock: Dock) -> Leg:
    return Leg("", LegKind.DOCK, _line(dock.staging, dock.pose), np.zeros(2))


def _undocking(dock: Dock) -> Leg:
    return Leg("", LegKind.UNDOCK, _line(dock.pose, dock.staging), np.zeros(2), reverse=True)


def _stay(dock: Dock, seconds: float) -> Leg:
    return Leg("", LegKind.SERVICE, _line(dock.pose, dock.pose), np.array([0.0, seconds]))


def _line(one: Pose, other: Pose) -> Floats:
    return np.array([[one.x_m, one.y_m], [other.x_m, other.y_m]])


def _numbered(legs: Sequence[Leg], stem: str) -> list[Leg]:
    return [replace(leg, leg_id=f"{stem}-{k}") for k, leg in enumerate(legs)]
