"""Which of the robots that would meet waits for the other, and which one drives its tour the other way round.

A search in large neighbourhoods (Li, Chen, Harabor, Stuckey, Koenig, "MAPF-LNS2: Fast repairing for multi-agent path finding
via large neighborhood search", 2022): again and again a few robots that meet, or wait for each other, get their times anew,
one after the other, while all others keep theirs. What has the robots home no later is kept, at first also what is a little
worse (Kirkpatrick, Gelatt, Vecchi, "Optimization by simulated annealing", 1983).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from robot_fleet.planning.compiled import EFFORT
from robot_fleet.planning.conflicts import Meetings, Timed, Way
from robot_fleet.planning.plan import CoveragePath, Leg, LegKind, Starter
from robot_fleet.planning.timing import timed

PATIENCE_S = 0.7
"""For how long each robot lets the search go on when there is no hurry."""

# It ends when all are home so nearly as early as the last one would be alone.
_GOOD = 1.005
# Where robots meet all the same it begins anew, so often in all, as long as the time lasts.
_STARTS = 4
# What `Meetings` counts in a second, and how many rounds there are for each robot at most.
_SPENT_PER_S, _ROUNDS = 3.5e7, 150
# So many rounds there are at least.
_FEWEST = 20
# What the mean time counts beside the longest; what a meeting costs at first and at last, and how much worse is kept at first,
# as parts of the longest time.
_MEAN, _MET, _MET_AT_LAST, _WORSE = 0.2, 0.05, 0.5, 0.03
# Robots may be late by such a share of their time; and so much longer may all take that this does no harm.
_LATE, _NO_LATER = 0.1, 1.003
# A share of the patience, for that.
_DOCKS = 0.2
# Waits shorter than this are none (seconds).
_SHORT_S = 2.0
# So many robots at most get their times anew at once; shares of those that meet, that come last, that make others wait, that
# are turned, and that keep their times until they get others.
_MOST, _MEETING, _LAST, _WAITED_FOR, _TURNING, _KEEPING = 5, 0.9, 0.5, 0.6, 0.2, 0.5


_T = TypeVar("_T")


@dataclass(frozen=True, eq=False)
class Apart:
    """The paths of all robots with their waits, and how many pairs of them no waits keep from meeting."""

    paths: list[CoveragePath]
    meeting: int

    @property
    def cost(self) -> tuple[int, float]:
        """What is to be least: how many robots meet others, then when the last one is done."""
        return self.meeting, makespan_s(self.paths)


def makespan_s(paths: Sequence[CoveragePath]) -> float:
    """When the last robot is done."""
    return max((path.finish_s for path in paths), default=0.0)


@dataclass(frozen=True, eq=False)
class _Scheme:
    """The times of all robots, and the pairs of them that meet."""

    robots: tuple[Timed, ...]
    meeting: frozenset[tuple[int, int]]

    @property
    def last_s(self) -> float:
        """When the last robot is done."""
        return max((robot.done_s for robot in self.robots), default=0.0)

    @property
    def cost_s(self) -> float:
        """What is to be least: the longest time and something of the mean."""
        return self.last_s + _MEAN * sum(robot.done_s for robot in self.robots) / max(1, len(self.robots))

    def rank(self) -> tuple[int, float]:
        """What is to be least in the end."""
        return len(self.meeting), self.cost_s


def kept_apart(
    paths: Sequence[CoveragePath], robots: Sequence[Starter], patience_s: float, seed: int = 0,
    either_way: bool = True,
) -> Apart:  # fmt: skip
    """The paths, some of them turned, with waits so that robots do not meet; those that no waits help meet the fewest.

    The search takes about `patience_s` at most, and none where robots hardly wait. Paths are turned only if they may be
    driven `either_way`.
    """
    search, alone_s = _Search(Tours(paths, robots, either_way), np.random.default_rng(seed)), makespan_s(paths)
    found = search.best(alone_s, patience_s)
    for _ in range(1, _STARTS):
        if not found.meeting or search.spent_s >= patience_s:
            break
        found = min(found, search.best(alone_s, patience_s - search.spent_s), key=_Scheme.rank)
    found = search.early_at_docks(found, _DOCKS * patience_s)
    return Apart([robot.path for robot in found.robots], len(found.meeting))


def among_others(
    path: CoveragePath, robot: Starter, others: Sequence[tuple[CoveragePath, Starter]], seed: int = 0
) -> CoveragePath | None:
    """The path with the least waits with which its robot meets none of the others, who keep their times; None: there are none."""
    at_work = [Timed.of(Way.of(other, its_robot)) for other, its_robot in others]
    found, alone = Meetings().settled(Way.of(path, robot), at_work, np.random.default_rng(seed))
    return found.path if alone else None


class Tours:
    """The ways of robots, and the same the other way round."""

    def __init__(self, paths: Sequence[CoveragePath], robots: Sequence[Starter], either_way: bool) -> None:
        self._robots, self._either_way = robots, either_way
        self._ways = [{False: Way.of(path, robot)} for path, robot in zip(paths, robots, strict=True)]

    def __len__(self) -> int:
        return len(self._ways)

    def way(self, robot: int, turned: bool = False) -> Way:
        """The way of a robot."""
        ways = self._ways[robot]
        if turned not in ways:
            starter = self._robots[robot]
            ways[turned] = Way.of(_turned(ways[False].path, starter), starter)
        return ways[turned]

    def other(self, robot: int, way: Way) -> Way:
        """The way of a robot the other way round, if it may turn."""
        return self.way(robot, way is self.way(robot)) if self.may_turn(robot) else way

    def may_turn(self, robot: int) -> bool:
        """Whether a tour is as good the other way round: from a dock and back to it, with the head under the centre.

        With full tank and battery at the start it may have services: what lasts between them one way lasts the other way too.
        """
        kinds = [leg.kind for leg in self.way(robot).path.legs]
        home_to_home = kinds[:1] == [LegKind.UNDOCK] and kinds[-1:] == [LegKind.DOCK] and len(kinds) > 2
        starter = self._robots[robot]
        lasts = LegKind.SERVICE not in kinds or min(starter.battery, starter.water) == 1.0
        return self._either_way and home_to_home and lasts and starter.profile.head.offset_m == 0.0


class _Search:
    """Looks for times with which robots do not meet."""

    def __init__(self, tours: Tours, dice: np.random.Generator) -> None:
        self._tours, self._dice, self._meetings = tours, dice, Meetings()

    @property
    def spent_s(self) -> float:
        """About how long all searches took, by what they looked at."""
        return self._meetings.spent / (EFFORT * _SPENT_PER_S)

    def best(self, alone_s: float, patience_s: float) -> _Scheme:
        """The best times that are found within about `patience_s`; alone the last robot would be done at `alone_s`."""
        begun_s, rounds = self.spent_s, _ROUNDS * len(self._tours)
        scheme = best = self._begun()
        for k in range(rounds):
            done = max(k / rounds, (self.spent_s - begun_s) / max(1e-9, patience_s))
            if (done >= 1.0 and k >= _FEWEST) or (not best.meeting and best.last_s <= _GOOD * alone_s):
                break
            other = self._anew(scheme, self._some(scheme), _TURNING, self._dice.random() < _KEEPING)
            if self._is_kept(other, scheme, alone_s, min(1.0, done)):
                scheme = other
            best = min(best, other, key=_Scheme.rank)
        return best

    def early_at_docks(self, scheme: _Scheme, patience_s: float) -> _Scheme:
        """The scheme with some robots turned, that others may be late: what one of them cleans around a dock it cleans well
        before the robot of that dock is back. It takes about `patience_s` at most, and has all home next to no later.
        """
        begun_s, last_s, cost_s = self.spent_s, _NO_LATER * scheme.last_s, _NO_LATER * scheme.cost_s
        for k in range(len(self._tours)):
            if self.spent_s - begun_s > patience_s:
                break
            if not self._tours.may_turn(k) or not (short_s := self._short_s(scheme, k)):
                continue
            other = self._anew(scheme, [k], 1.0)
            as_good = len(other.meeting) <= len(scheme.meeting) and other.last_s <= last_s and other.cost_s <= cost_s
            if as_good and self._short_s(other, k) < short_s:
                scheme = other
        return scheme

    def _short_s(self, scheme: _Scheme, robot: int) -> float:
        """By how many seconds in all a robot is later at others' docks, and others at its dock, than they should be."""
        one = scheme.robots[robot]
        others = [other for other in scheme.robots if other is not one and other.way.path.legs]
        return sum(self._short_of(one, other) + self._short_of(other, one) for other in others)

    def _short_of(self, one: Timed, other: Timed) -> float:
        """The same of one robot at another's dock."""
        near, end = self._meetings.passes(one.way, other.way), len(other.way.at) - 1
        comes = one.comes[near.place[near.last == end]]
        before = comes[comes < other.done_s]
        return max(0.0, float(before[-1]) - (1.0 - _LATE) * other.done_s) if len(before) else 0.0

    def _is_kept(self, other: _Scheme, scheme: _Scheme, alone_s: float, done: float) -> bool:
        """Whether the search goes on from another scheme, when such a share of it is done."""
        met = (_MET + done * (_MET_AT_LAST - _MET)) * (len(other.meeting) - len(scheme.meeting))
        worse = met + (other.cost_s - scheme.cost_s) / max(1.0, alone_s)
        return worse <= _WORSE * (1.0 - done) * float(self._dice.exponential())

    def _begun(self) -> _Scheme:
        """All robots with times: those that are longest on their way first, or last."""
        robots = [Timed.of(self._tours.way(k)) for k in range(len(self._tours))]
        order = sorted(range(len(robots)), key=lambda k: (-robots[k].done_s, k))
        alone = _Scheme(tuple(robots), frozenset())
        return min((self._anew(alone, one, 0.0) for one in (order, order[::-1])), key=_Scheme.rank)

    def _anew(self, scheme: _Scheme, chosen: Sequence[int], turning: float, keeping: bool = False) -> _Scheme:
        """The scheme when the chosen ones get their times anew, in this order, some of them turned.

        Until then they are in nobody's way, or, `keeping` their times, they are: so one gives way to those before it that
        could not help to meet it.
        """
        robots = {k: robot for k, robot in enumerate(scheme.robots) if keeping or k not in chosen}
        meeting = set(scheme.meeting)
        for k in chosen:
            way = scheme.robots[k].way
            if self._dice.random() < turning:
                way = self._tours.other(k, way)
            others = {other: robot for other, robot in robots.items() if other != k}
            robots[k], alone = self._meetings.settled(way, others.values(), self._dice)
            meeting = {pair for pair in meeting if k not in pair}
            if not alone:
                met = (other for other in others if self._meetings.meet(robots[k], others[other]))
                meeting |= {(min(k, other), max(k, other)) for other in met}
        return _Scheme(tuple(robots[k] for k in range(len(robots))), frozenset(meeting))

    def _some(self, scheme: _Scheme) -> list[int]:
        """Robots that are to get their times anew: two that meet or one that is late, and others in the way of these."""
        dice, most = self._dice, min(_MOST, len(scheme.robots))
        if scheme.meeting and dice.random() < _MEETING:
            chosen = list(self._any([*sorted(scheme.meeting)]))
        else:
            chosen = [self._late(scheme)]
        for _ in range(int(dice.integers(most)) + 1 - len(chosen)):
            chosen.append(self._beside(scheme, self._any(chosen), chosen))
        return [chosen[k] for k in dice.permutation(len(chosen)).tolist()]

    def _late(self, scheme: _Scheme) -> int:
        """The robot that is done last, or one that waits."""
        waiting = [k for k, robot in enumerate(scheme.robots) if robot.waits.sum() > _SHORT_S]
        if waiting and self._dice.random() >= _LAST:
            return self._any(waiting)
        return max(range(len(scheme.robots)), key=lambda k: scheme.robots[k].done_s)

    def _beside(self, scheme: _Scheme, robot: int, chosen: Sequence[int]) -> int:
        """Another than the chosen ones: one that makes a robot wait, or that comes near to its way, or any."""
        left = [k for k in range(len(scheme.robots)) if k not in chosen]
        found = self._makes_wait(scheme, robot, left) if self._dice.random() < _WAITED_FOR else []
        way = scheme.robots[robot].way
        found = found or [k for k in left if len(self._meetings.passes(way, scheme.robots[k].way).place)]
        return self._any(found or left)

    def _makes_wait(self, scheme: _Scheme, robot: int, others: Sequence[int]) -> list[int]:
        """Those of the others for which a robot waits."""
        one = scheme.robots[robot]
        rests = np.flatnonzero(one.waits > _SHORT_S).tolist()
        return [k for k in others if any(self._meetings.makes_wait(one, scheme.robots[k], rest) for rest in rests)]

    def _any(self, choice: Sequence[_T]) -> _T:
        """Any one of several."""
        return choice[int(self._dice.integers(len(choice)))]


def _driven_back(leg: Leg) -> Leg:
    """The leg from its end to its begin: out of a dock for into it."""
    kind = {LegKind.DOCK: LegKind.UNDOCK, LegKind.UNDOCK: LegKind.DOCK}.get(leg.kind, leg.kind)
    return replace(leg, kind=kind, points=leg.points[::-1].copy(), reverse=kind is LegKind.UNDOCK)


def _turned(path: CoveragePath, robot: Starter) -> CoveragePath:
    """The tour the other way round, with the ids in the order in which they are driven."""
    legs = [path.legs[0], *map(_driven_back, path.legs[-2:0:-1]), path.legs[-1]]
    named = [replace(leg, leg_id=was.leg_id) for leg, was in zip(legs, path.legs, strict=True)]
    return CoveragePath(path.robot, tuple(timed(named, robot.profile, robot.pose)))
