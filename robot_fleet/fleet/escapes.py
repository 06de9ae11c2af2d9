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
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import LineString
from shapely.geometry.base import BaseGeometry


@dataclass(frozen=True, eq=False)
class Escape:
    """A robot's rest, the first of the points of its `way` (n, 2) home, map frame; the last is its refuge.

    Its floor is what lies within `radius_m`. `way` None: none leads home. A long body needs less where it stands, which is
    known then: it rests `facing_rad` on the floor `at_rest`, and `at_home` in its dock.
    """

    rest: NDArray[np.float64]
    radius_m: float
    way: NDArray[np.float64] | None
    facing_rad: float | None = None
    at_rest: BaseGeometry | None = None
    at_home: BaseGeometry | None = None

    @property
    def refuge(self) -> NDArray[np.float64] | None:
        """Where the robot is out of everybody's way."""
        return None if self.way is None else self.way[-1]


def cut_off(depends: Mapping[str, Collection[str]], stuck: Collection[str] = ()) -> frozenset[str]:
    """The robots that cannot get home whoever goes first: those `stuck`, in a cycle, or dependent on one of these."""
    left = {robot: set(others) for robot, others in depends.items()}
    while free := [robot for robot, others in left.items() if robot not in stuck and not others & left.keys()]:
        for robot in free:
            del left[robot]
    return frozenset(left)


class Escapes:
    """The escapes of a fleet, and the floor of robots that cannot move."""

    def __init__(self) -> None:
        self._known: dict[str, Escape] = {}
        self._fixed: dict[str, BaseGeometry] = {}
        # What is kept and what is tried are asked for by turns.
        self._near: dict[tuple[str, str], tuple[tuple[Escape, Escape, bool], ...]] = {}
        self._hit: dict[tuple[str, str], tuple[tuple[Escape, BaseGeometry, bool], ...]] = {}

    def of(self, robot: str) -> Escape | None:
        """The robot's escape; None when it was never told, or the robot cannot move."""
        return self._known.get(robot)

    def put(self, robot: str, escape: Escape) -> None:
        """The robot is to rest elsewhere, or gets home another way."""
        self._fixed.pop(robot, None)
        self._known[robot] = escape

    def fix(self, robot: str, floor: BaseGeometry) -> None:
        """The robot cannot move: it stays on this floor until it is `put` again."""
        self._known.pop(robot, None)
        before = self._fixed.get(robot)
        # Two that are alike point by point need no long look.
        if before is None or not (before is floor or before == floor or before.equals(floor)):
            self._fixed[robot] = floor

    def cut_off(self) -> frozenset[str]:
        """The robots that could move and cannot get home, whoever goes first."""
        return self._cut_off(self._known)

    def newly_cut_off(self, robot: str, escape: Escape) -> frozenset[str]:
        """Who would be cut off beside those that are already, if the robot had this escape."""
        return self._cut_off({**self._known, robot: escape}) - self.cut_off()

    def in_the_way(self, robot: str, escape: Escape) -> frozenset[str]:
        """On whom the robot would depend."""
        known = {**self._known, robot: escape}
        return frozenset(self._depends(known)[robot]) | self._fixed_before(robot, escape)

    def _cut_off(self, known: Mapping[str, Escape]) -> frozenset[str]:
        stuck = {name for name, one in known.items() if one.way is None or self._fixed_before(name, one)}
        return cut_off(self._depends(known), stuck)

    def _depends(self, known: Mapping[str, Escape]) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {name: set() for name in known}
        for one, mine in known.items():
            for other, theirs in known.items():
                if one == other or mine.way is None:
                    continue
                at_rest, at_home = self._touches(one, mine, other, theirs)
                if at_rest:
                    found[one].add(other)
                if at_home:
                    found[other].add(one)
        return found

    def _touches(self, one: str, mine: Escape, other: str, theirs: Escape) -> tuple[bool, bool]:
        """Whether one's escape touches the other's rest, and its refuge."""
        return (
            self._touching((one, other), mine, theirs, theirs.rest, theirs.at_rest),
            theirs.refuge is not None
            and self._touching((one, f"{other}'s home"), mine, theirs, theirs.refuge, theirs.at_home),
        )

    def _touching(
        self, key: tuple[str, str], mine: Escape, theirs: Escape, place: NDArray[np.float64], floor: BaseGeometry | None
    ) -> bool:
        last = self._near.get(key, ())
        for one, other, touches in last:
            if one is mine and other is theirs:
                return touches
        assert mine.way is not None
        if floor is None:
            found = _apart_m(mine.way, place) < mine.radius_m + theirs.radius_m
        else:
            found = _line(mine.way).distance(floor) < mine.radius_m
        self._near[key] = ((mine, theirs, found), *last[:1])
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
        line = shapely.Point(escape.rest) if escape.way is None else _line(escape.way)
        found = not floor.is_empty and line.distance(floor) < escape.radius_m
        self._hit[robot, other] = ((escape, floor, found), *last[:1])
        return found


def _line(way: NDArray[np.float64]) -> BaseGeometry:
    return LineString(way) if len(way) > 1 else shapely.Point(way[0])


def _apart_m(way: NDArray[np.float64], place: NDArray[np.float64]) -> float:
    """How near a way (n, 2) comes to a place (2,)."""
    if len(way) == 1:
        return float(np.hypot(*(way[0] - place)))
    step = np.diff(way, axis=0)
    size = np.maximum((step**2).sum(axis=1), 1e-18)
    share = np.clip(((place - way[:-1]) * step).sum(axis=1) / size, 0.0, 1.0)
    return float(np.hypot(*(way[:-1] + share[:, None] * step - place).T).min())
