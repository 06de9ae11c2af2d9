"""Who can always get home: floor is granted only so that no deadlock can form.

Every robot has a *rest*, where it stands when what it drives is driven; a *refuge* of its own, its dock; and an *escape*, a
way from its rest to its refuge. Robot i depends on robot j when j must move first:

- i's escape touches j's rest: j has to leave before i can pass;
- j's escape touches i's refuge: j has to pass before i drives in.

As long as this relation has no cycle, all get home. For every robot can finish what it drives, since it holds that floor
alone; then they all stand at their rests, and among those that are not home yet one depends on none of the others
(else, going from each to one that it depends on, some robot would come twice: a cycle). Its escape touches no rest, and the
refuges of those that went before it do not lie on it. It drives home, and the argument begins again with one robot less.

A grant changes one robot's rest and escape. So it is enough to refuse every grant with which some robot would be *cut off*: it
depends on itself by way of others, or on one that does, or on a robot that cannot move at all. This is the banker's rule
(Dijkstra, "Een algorithme ter voorkoming van de dodelijke omarming", EWD 108, 1965) with places for resources: not the fewest
states are refused, but what is granted is safe, and the test takes time with the square of the fleet at most.

A long body has no room to turn at many a place where it drives. Its escape may lead back over the floor by which it came, which its
body alone needs, and on as from where it set out. That is an escape like any other: who rests on it later has to leave first.

The argument is about rests that were granted. Four things lie outside it:

- A robot that stops elsewhere: cancelled half way, pushed, or just found out where it is. Its rest there is put without being
  asked for, and may close a cycle.
- Robots that are cut off already. A grant is refused only for those whom it would cut off newly, else one dead robot would
  stop all others; so robots that are cut off may come to depend on each other as well.
- The berth around a robot that does not know where it is (`control/berths.py`). It grows without being asked for, never over
  a dock's way in, and may cut off who has passed by before.
- A robot that only what cannot move shuts out of its dock may be granted rests as long as nobody else is cut off by them.

What holds then: whom `cut_off` does not name gets home past those whom it does, whatever is granted afterwards, and it names
nobody where all get home by their escapes. Those named are not given up. Robots that wait for each other in a ring go round it,
make room or drive home out of it (`control/yielding.py`), by search and without a proof; a person is told of a robot that is
trapped by what does not move, and of one that has waited for long.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from shapely import LineString, Point
from shapely.geometry.base import BaseGeometry


@dataclass(frozen=True, eq=False)
class Escape:
    """A robot's rest, the first of the points of its `way` (n, 2) home, map frame; the last is its refuge.

    Its floor is what lies within `radius_m` of the way. `way` None: none leads home. Of a long body more is known: it rests
    `facing_rad` on the floor `at_rest`, and `at_home` in its dock; and where it does not turn it needs the floor of its body
    alone, `by_body`: `first_backs` points are left as it came there, `last_straight` are reached straight ahead.
    """

    rest: NDArray[np.float64]
    radius_m: float
    way: NDArray[np.float64] | None
    facing_rad: float | None = None
    at_rest: BaseGeometry | None = None
    at_home: BaseGeometry | None = None
    by_body: BaseGeometry | None = None
    first_backs: int = 0
    last_straight: int = 0

    @property
    def refuge(self) -> NDArray[np.float64] | None:
        """Where the robot is out of everybody's way."""
        return None if self.way is None else self.way[-1]

    @property
    def length_m(self) -> float:
        """Metres home; 0 where no way is known."""
        return 0.0 if self.way is None else float(np.hypot(*np.diff(self.way, axis=0).T).sum())

    def passes_rest_of(self, other: Escape) -> bool:
        """Whether the way home touches where the other rests."""
        return self._touches(other.rest, other.radius_m, other.at_rest)

    def passes_refuge_of(self, other: Escape) -> bool:
        """Whether the way home touches the other's dock."""
        return other.refuge is not None and self._touches(other.refuge, other.radius_m, other.at_home)

    def _touches(self, place: NDArray[np.float64], radius_m: float, floor: BaseGeometry | None) -> bool:
        """Whether the way comes too near to a robot at a place, looked at more closely only near the way's bounding box."""
        if self.way is None:
            return False
        apart_m = self.radius_m + radius_m
        x, y = place.tolist()
        west, south, east, north = self._box
        if not (west - apart_m < x < east + apart_m and south - apart_m < y < north + apart_m):
            return False
        if floor is not None:
            return self._is_on(floor)
        if self.by_body is not None and self.by_body.distance(Point(place)) < radius_m:
            return True
        return len(self._as_disc) > 0 and _apart_m(self._as_disc, place) < apart_m

    def is_on(self, floor: BaseGeometry) -> bool:
        """Whether the way home, or the rest where there is none, touches a floor."""
        if self.way is not None:
            return self._is_on(floor)
        if self.at_rest is not None:
            return bool(self.at_rest.intersects(floor))
        return bool(Point(self.rest).distance(floor) < self.radius_m)

    def _is_on(self, floor: BaseGeometry) -> bool:
        if self.by_body is not None and self.by_body.intersects(floor):
            return True
        return self._line is not None and bool(self._line.distance(floor) < self.radius_m)

    @cached_property
    def _as_disc(self) -> NDArray[np.float64]:
        """(m, 2) the part of the way along which the robot may turn anywhere; m may be 0."""
        assert self.way is not None
        return self.way[self.first_backs : len(self.way) - self.last_straight]

    @cached_property
    def _line(self) -> BaseGeometry | None:
        if len(self._as_disc) == 0:
            return None
        return LineString(self._as_disc) if len(self._as_disc) > 1 else Point(self._as_disc[0])

    @cached_property
    def _box(self) -> tuple[float, float, float, float]:
        """Least x and y, greatest x and y of the way and of the floor of the body."""
        assert self.way is not None
        (west, south), (east, north) = self.way.min(axis=0).tolist(), self.way.max(axis=0).tolist()
        if self.by_body is None or self.by_body.is_empty:
            return west, south, east, north
        least_x, least_y, most_x, most_y = self.by_body.bounds
        return min(west, least_x), min(south, least_y), max(east, most_x), max(north, most_y)


def cut_off(depends: Mapping[str, Collection[str]], stuck: Collection[str] = ()) -> frozenset[str]:
    """The robots that cannot get home whoever goes first: those `stuck`, in a cycle, or dependent on one of these."""
    left = {robot: set(others) for robot, others in depends.items()}
    while free := [robot for robot, others in left.items() if robot not in stuck and not others & left.keys()]:
        for robot in free:
            del left[robot]
    return frozenset(left)


class Escapes:
    """The escapes of a fleet, and the floor of robots that cannot move. On whom each robot depends is kept up to date."""

    def __init__(self) -> None:
        self._known: dict[str, Escape] = {}
        self._fixed: dict[str, BaseGeometry] = {}
        self._depends: dict[str, frozenset[str]] = {}
        self._cut_off: frozenset[str] | None = None
        # What is kept and what is tried are asked for by turns.
        self._hit: dict[tuple[str, str], tuple[tuple[Escape, BaseGeometry, bool], ...]] = {}

    def of(self, robot: str) -> Escape | None:
        """The robot's escape; None when it was never told, or the robot cannot move."""
        return self._known.get(robot)

    def put(self, robot: str, escape: Escape) -> None:
        """The robot is to rest elsewhere, or gets home another way."""
        self._fixed.pop(robot, None)
        self._depends = self._depending_with(robot, escape)
        self._known[robot] = escape
        self._cut_off = None

    def fix(self, robot: str, floor: BaseGeometry) -> None:
        """The robot cannot move: it stays on this floor until it is `put` again."""
        if self._known.pop(robot, None) is not None:
            del self._depends[robot]
            self._depends = {name: others - {robot} for name, others in self._depends.items()}
            self._cut_off = None
        before = self._fixed.get(robot)
        # Two that are alike point by point need no long look.
        if before is None or not (before is floor or before == floor or before.equals(floor)):
            self._fixed[robot] = floor
            self._cut_off = None

    def forget(self, what: str) -> None:
        """What could not move is gone."""
        self._fixed.pop(what, None)
        self._cut_off = None

    def cut_off(self) -> frozenset[str]:
        """The robots that could move and cannot get home, whoever goes first."""
        if self._cut_off is None:
            self._cut_off = cut_off(self._depends, self._stuck(self._known))
        return self._cut_off

    def newly_cut_off(self, robot: str, escape: Escape) -> frozenset[str]:
        """Who would be cut off beside those that are already, if the robot had this escape."""
        return self.cut_off_with(robot, escape) - self.cut_off()

    def cut_off_with(self, robot: str, escape: Escape) -> frozenset[str]:
        """All who would be cut off if the robot had this escape."""
        stuck = self._stuck({**self._known, robot: escape})
        return cut_off(self._depending_with(robot, escape), stuck)

    def in_the_way(self, robot: str, escape: Escape) -> frozenset[str]:
        """On whom the robot would depend."""
        return self._depending_with(robot, escape)[robot] | self._fixed_before(robot, escape)

    def stands_before_fixed_only(self, robot: str, escape: Escape) -> bool:
        """Whether it is only what cannot move that keeps the robot from home with this escape."""
        return not self._depending_with(robot, escape)[robot] and bool(self._fixed_before(robot, escape))

    def _stuck(self, known: Mapping[str, Escape]) -> set[str]:
        return {name for name, one in known.items() if one.way is None or self._fixed_before(name, one)}

    def _depending_with(self, robot: str, escape: Escape) -> dict[str, frozenset[str]]:
        """On whom each would depend if the robot had this escape: nothing else changes."""
        found, mine = dict(self._depends), set()
        for other, theirs in self._known.items():
            if other == robot:
                continue
            if escape.passes_rest_of(theirs) or theirs.passes_refuge_of(escape):
                mine.add(other)
            if theirs.passes_rest_of(escape) or escape.passes_refuge_of(theirs):
                found[other] |= {robot}
            elif robot in found[other]:
                found[other] -= {robot}
        found[robot] = frozenset(mine)
        return found

    def _fixed_before(self, robot: str, escape: Escape) -> frozenset[str]:
        """The robots that cannot move and stand on the robot's escape."""
        return frozenset(
            other for other, floor in self._fixed.items() if other != robot and self._hits(robot, escape, other, floor)
        )

    def _hits(self, robot: str, escape: Escape, other: str, floor: BaseGeometry) -> bool:
        last = self._hit.get((robot, other), ())
        for one, fixed, hits in last:
            if one is escape and fixed is floor:
                return hits
        found = not floor.is_empty and escape.is_on(floor)
        self._hit[robot, other] = ((escape, floor, found), *last[:1])
        return found


def _apart_m(way: NDArray[np.float64], place: NDArray[np.float64]) -> float:
    """How near a way (n, 2) comes to a place (2,)."""
    if len(way) == 1:
        return float(np.hypot(*(way[0] - place)))
    step = np.diff(way, axis=0)
    size = np.maximum((step**2).sum(axis=1), 1e-18)
    share = np.clip(((place - way[:-1]) * step).sum(axis=1) / size, 0.0, 1.0)
    return float(np.hypot(*(way[:-1] + share[:, None] * step - place).T).min())
