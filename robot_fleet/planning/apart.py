"""Which of the robots that would meet goes first, and which one drives its tour the other way round.

A local search over the orders in which robots get their times, and over the directions of their tours; what has the robots
home no later is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from robot_fleet.planning.conflicts import Meetings, Timed, Way, given_way, settled
from robot_fleet.planning.plan import CoveragePath, LegKind, Starter
from robot_fleet.planning.timing import timed

PATIENCE_S = 0.7
"""For how long each robot lets the search go on when there is no hurry."""

# It ends when all are home so nearly as early as the last one would be alone.
_GOOD = 1.01
# Trials at least and at most; a trial takes so long, and a second more for so many robots times seconds of driving.
_LEAST, _MOST, _TRIED_S, _DRIVEN_S = 4, 300, 0.004, 1.2e7
# Waits shorter than this are none (seconds); shares of the trials for robots that wait longer, and for two changes at once.
_SHORT_S, _LATE, _TWO = 2.0, 0.6, 0.15
# After so many trials the search begins anew.
_ROUND = 75
# Where somebody meets another in the best one, it is tried in so many whether the others can give way.
_YIELDING = 24


@dataclass(frozen=True, eq=False)
class Apart:
    """The paths of all robots with their waits, and how many of them no waits keep from meeting another."""

    paths: list[CoveragePath]
    meeting: int

    @property
    def cost(self) -> tuple[int, float]:
        """What is to be least: how many robots meet others, then when the last one is done."""
        return self.meeting, makespan_s(self.paths)


def makespan_s(paths: Sequence[CoveragePath]) -> float:
    """When the last robot is done."""
    return max((path.finish_s for path in paths), default=0.0)


@dataclass(frozen=True)
class _Scheme:
    """The order in which robots get their times, and those that drive their tours the other way round."""

    order: tuple[int, ...]
    turned: frozenset[int] = frozenset()


@dataclass(frozen=True, eq=False)
class _Outcome:
    """The paths with their waits, the robots for which no waits helped, and how long each robot waits."""

    timed: list[Timed]
    stuck: list[int]
    waits_s: list[float]

    @property
    def paths(self) -> list[CoveragePath]:
        """The path of each robot."""
        return [robot.path for robot in self.timed]

    @property
    def cost_s(self) -> float:
        """What is to be least: the longest time and the mean, and much more for each robot that meets another."""
        mean_s = sum(path.finish_s for path in self.paths) / max(1, len(self.paths))
        return makespan_s(self.paths) * (1.0 + len(self.stuck)) + mean_s


def kept_apart(
    paths: Sequence[CoveragePath], robots: Sequence[Starter], patience_s: float, seed: int = 0,
    either_way: bool = True,
) -> Apart:  # fmt: skip
    """The paths, some of them turned, with waits so that robots do not meet; a robot that no waits help keeps its times.

    The search takes about `patience_s`, and none where robots hardly wait. Paths are turned only if they may be driven
    `either_way`. To a robot that no waits help the others give way at last, where they can.
    """
    tours, dice = _Tours(paths, robots, either_way), np.random.default_rng(seed)
    alone_s = makespan_s(paths)
    begin = scheme = _Scheme(tuple(sorted(range(len(paths)), key=lambda k: (-paths[k].finish_s, k))))
    first = best = found = tours.outcome(scheme)
    tried = {begin: first.cost_s}
    for trial in range(_trials(paths, patience_s)):
        if not best.stuck and makespan_s(best.paths) <= _GOOD * alone_s:
            break
        if trial % _ROUND == 0:
            scheme, found = begin, first
        other_scheme = _beside(scheme, found, tours, dice)
        other = tours.outcome(other_scheme)
        tried[other_scheme] = other.cost_s
        if other.cost_s <= found.cost_s:
            scheme, found = other_scheme, other
        best = min(best, other, key=lambda outcome: outcome.cost_s)
    if best.stuck:
        hopeful = (tours.yielding(scheme) for scheme in sorted(tried, key=lambda one: tried[one])[:_YIELDING])
        best = min((best, *hopeful), key=lambda outcome: outcome.cost_s)
    return Apart(best.paths, len(best.stuck))


def _trials(paths: Sequence[CoveragePath], patience_s: float) -> int:
    """How many schemes can be tried."""
    each_s = _TRIED_S + len(paths) * sum(path.finish_s for path in paths) / _DRIVEN_S
    return int(min(_MOST, max(_LEAST, patience_s / each_s))) if len(paths) > 1 else 0


def _beside(scheme: _Scheme, found: _Outcome, tours: _Tours, dice: np.random.Generator) -> _Scheme:
    """A scheme beside one: a robot or two, mostly such that wait, turn, or get their times earlier or later, or both."""
    late = [k for k, wait_s in enumerate(found.waits_s) if wait_s > _SHORT_S or k in found.stuck]
    order, turned = list(scheme.order), scheme.turned
    for _ in range(2 if dice.random() < _TWO else 1):
        robots = late if late and dice.random() < _LATE else scheme.order
        k, change = int(robots[dice.integers(len(robots))]), int(dice.integers(3))
        if change > 0 or not tours.may_turn(k):
            order.remove(k)
            order.insert(int(dice.integers(2) * dice.integers(len(scheme.order))), k)
        if change < 2 and tours.may_turn(k):
            turned = turned ^ {k}
    return _Scheme(tuple(order), turned)


class _Tours:
    """The paths of robots, and the same the other way round."""

    def __init__(self, paths: Sequence[CoveragePath], robots: Sequence[Starter], either_way: bool) -> None:
        self._robots, self._either_way = robots, either_way
        self._paths = [{False: path} for path in paths]
        self._ways: list[dict[bool, Way]] = [{} for _ in paths]
        self._meetings = Meetings()

    def outcome(self, scheme: _Scheme) -> _Outcome:
        """What becomes of a scheme."""
        paths, ways = self._driven(scheme)
        found, stuck = settled(paths, ways, scheme.order, self._meetings)
        waits = [after.path.finish_s - before.finish_s for before, after in zip(paths, found, strict=True)]
        return _Outcome(found, stuck, waits)

    def yielding(self, scheme: _Scheme) -> _Outcome:
        """What becomes of a scheme in which a robot meets another when all give way to the last such one, if they can."""
        outcome = self.outcome(scheme)
        if not outcome.stuck:
            return outcome
        paths, ways = self._driven(scheme)
        found = given_way(paths, ways, outcome.timed, outcome.stuck[-1], self._meetings)
        return outcome if found is None else replace(outcome, timed=found, stuck=[])

    def _driven(self, scheme: _Scheme) -> tuple[list[CoveragePath], list[Way]]:
        """The paths of a scheme and the ways along them."""
        paths, ways = [], []
        for k, robot in enumerate(self._robots):
            turned = k in scheme.turned
            if turned and turned not in self._paths[k]:
                self._paths[k][turned] = _turned(self._paths[k][False], robot)
            if turned not in self._ways[k]:
                self._ways[k][turned] = Way.of(self._paths[k][turned], robot)
            paths.append(self._paths[k][turned])
            ways.append(self._ways[k][turned])
        return paths, ways

    def may_turn(self, robot: int) -> bool:
        """Whether a tour is as good the other way round: from a dock and back to it, with the head under the centre."""
        kinds = [leg.kind for leg in self._paths[robot][False].legs]
        home_to_home = kinds[:1] == [LegKind.UNDOCK] and kinds[-1:] == [LegKind.DOCK] and len(kinds) > 2
        return self._either_way and home_to_home and self._robots[robot].profile.head.offset_m == 0.0


def _turned(path: CoveragePath, robot: Starter) -> CoveragePath:
    """The tour the other way round, with the ids in the order in which they are driven."""
    legs = [path.legs[0], *(replace(leg, points=leg.points[::-1].copy()) for leg in path.legs[-2:0:-1]), path.legs[-1]]
    named = [replace(leg, leg_id=was.leg_id) for leg, was in zip(legs, path.legs, strict=True)]
    return CoveragePath(path.robot, tuple(timed(named, robot.profile, robot.pose)))
