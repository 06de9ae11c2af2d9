"""Who holds which floor. A robot holds the floor of the piece that it drives, or the floor under it while it rests,
more of it when it does not know where it is.

No two robots are ever granted touching floor, so robots that stay on their own floor never touch each other; but for two that
came to stand too near to each other all the same: of these one may leave the other. Floor is granted as a whole or not at all.
Who waits for whom is kept as a graph without cycles: a robot that would close a ring is turned away, and has to do something else.
"""

from __future__ import annotations

from collections.abc import Callable

from shapely import Polygon
from shapely.geometry.base import BaseGeometry

MARGIN_M = 0.12
"""Added to a robot's radius on its floor: lateral error of its tracking and three sigma of its pose."""

Box = tuple[float, float, float, float]
"""Least x and y, greatest x and y; not numbers where there is no floor."""

_NOWHERE = Polygon()
_NO_BOX: Box = _NOWHERE.bounds


class Traffic:
    """The reservations of all robots of a store. Polygons in the map frame."""

    def __init__(self) -> None:
        self._held: dict[str, BaseGeometry] = {}
        self._boxes: dict[str, Box] = {}
        self._closed: dict[str, BaseGeometry] = {}
        self._let_out: dict[str, frozenset[str]] = {}
        self._waits: dict[str, frozenset[str]] = {}
        self._turned_away: dict[str, frozenset[str]] = {}

    def held(self, holder: str) -> BaseGeometry:
        """The floor that a robot or a closure holds; empty for one that was never placed."""
        return self._held.get(holder, _NOWHERE)

    def box(self, holder: str) -> Box:
        """The bounding box of the floor that a robot or a closure holds."""
        return self._boxes.get(holder, _NO_BOX)

    def close(self, closure: str, floor: BaseGeometry) -> None:
        """Closed floor, under a name that no robot has: no robot is granted any of it."""
        self._closed[closure] = floor
        self.settle(closure, floor)

    def reopen(self, closure: str) -> None:
        """The floor is open again."""
        del self._closed[closure], self._held[closure], self._boxes[closure]
        self._waits = {name: others - {closure} for name, others in self._waits.items() if others - {closure}}
        self._let_out = {name: names - {closure} for name, names in self._let_out.items() if names - {closure}}

    def let_out(self, robot: str, closures: frozenset[str]) -> None:
        """The robot stands in closed floor, and may drive on what is closed by these; by none of them when it has left."""
        self._let_out.pop(robot, None)
        if closures:
            self._let_out[robot] = closures

    def let_out_of(self, robot: str) -> frozenset[str]:
        """In which closed floor the robot stands."""
        return self._let_out.get(robot, frozenset())

    @property
    def closed(self) -> dict[str, BaseGeometry]:
        """All closed floor."""
        return dict(self._closed)

    def others(self, robot: str) -> dict[str, BaseGeometry]:
        """The floor that each other robot holds, and what is closed."""
        spared = self.let_out_of(robot)
        return {name: floor for name, floor in self._held.items() if name != robot and name not in spared}

    def near(self, robot: str, wanted: BaseGeometry) -> dict[str, BaseGeometry]:
        """What of the floor of others has a bounding box that meets that of the wanted floor: with many robots, a little."""
        box, spared = wanted.bounds, self.let_out_of(robot)
        return {
            name: self._held[name]
            for name, held in self._boxes.items()
            if name != robot and name not in spared and _meet(held, box)
        }

    def blockers(self, robot: str, wanted: BaseGeometry) -> frozenset[str]:
        """Who else holds some of the wanted floor: robots and closures."""
        return frozenset(name for name, floor in self.near(robot, wanted).items() if floor.intersects(wanted))

    def ask(self, robot: str, wanted: BaseGeometry, left: frozenset[str] = frozenset()) -> bool:
        """Grants the wanted floor on top of nothing (the robot's old floor is given up), or notes for whom the robot waits.

        Those that are `left` rest too near to the robot, which only drives away from them.
        """
        blockers = self.blockers(robot, wanted) - left
        if blockers:
            self.wait(robot, blockers)
            return False
        self.hold(robot, wanted)
        return True

    def wait(self, robot: str, others: frozenset[str]) -> None:
        """Notes that the robot waits for others, but for those that wait for it: these it is turned away from."""
        self.stop_waiting(robot)
        ring = frozenset(other for other in others if robot in self._waited_for_by(other))
        if ring:
            self._turned_away[robot] = ring
        if others - ring:
            self._waits[robot] = others - ring

    def hold(self, robot: str, floor: BaseGeometry) -> None:
        """Records the floor that the robot occupies in fact: it shrinks behind a moving robot, or is seen under a resting one."""
        self.stop_waiting(robot)
        self.settle(robot, floor)

    def settle(self, robot: str, floor: BaseGeometry) -> None:
        """Records the floor under a resting robot; what it waits for stays noted."""
        self._held[robot] = floor
        self._boxes[robot] = floor.bounds

    @property
    def waiting(self) -> dict[str, frozenset[str]]:
        """Who waits for whom: a graph without cycles."""
        return dict(self._waits)

    def waits_for(self, robot: str) -> frozenset[str]:
        """For whom the robot waits or from whom it is turned away; empty when it wants nothing."""
        return self._waits.get(robot, frozenset()) | self._turned_away.get(robot, frozenset())

    def stop_waiting(self, robot: str) -> None:
        """The robot wants nothing any more."""
        self._waits.pop(robot, None)
        self._turned_away.pop(robot, None)

    def ring(self, robot: str) -> tuple[str, ...]:
        """The robots that would wait for each other in a ring with this one, sorted; empty when there is no ring."""
        ring = {name for name in self._wanted_by(robot) if robot in self._wanted_by(name)}
        return tuple(sorted(ring))

    def _waited_for_by(self, robot: str) -> set[str]:
        """All robots for which this one waits, directly or through others."""
        return _reached(robot, lambda name: self._waits.get(name, frozenset()))

    def _wanted_by(self, robot: str) -> set[str]:
        """The same, with those from which robots were turned away."""
        return _reached(robot, self.waits_for)


def _meet(one: Box, other: Box) -> bool:
    """Whether two bounding boxes touch; that of empty floor, which is not a number, meets none."""
    return one[0] <= other[2] and other[0] <= one[2] and one[1] <= other[3] and other[1] <= one[3]


def _reached(robot: str, ahead_of: Callable[[str], frozenset[str]]) -> set[str]:
    found: set[str] = set()
    ahead = list(ahead_of(robot))
    while ahead:
        name = ahead.pop()
        if name not in found:
            found.add(name)
            ahead.extend(ahead_of(name))
    return found
