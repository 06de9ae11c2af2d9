"""Ways that were searched for between poses, where no simple one leads, and are remembered (grid frame)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from robot_fleet.planning.steering.body import Body
from robot_fleet.planning.steering.parts import Part, is_safe, merged
from robot_fleet.planning.steering.turns import Drive, written
from robot_fleet.planning.steering.wayfinding import metres_to, parts_of, searched
from robot_fleet.planning.terrain import Floats

if TYPE_CHECKING:
    from robot_fleet.planning.steering.network import Links

_MOST_POSES = 4000


class Search(NamedTuple):
    """A searched way: its poses and gears (n, 4), the simple turn (5,) from its last pose to its goal, and about its seconds."""

    poses: Floats
    last: Floats
    seconds: float

    def parts_to(self, goal: Floats) -> list[Part]:
        """The parts of the way."""
        return parts_of(self.poses) + written(self.poses[-1, :3], goal, self.last)


def searched_between(body: Body, drive: Drive, a: Floats, b: Floats, away_m: Floats | None = None) -> Search | None:
    """The way from a pose (3,) to another that is found and safe, with the metres to the goal (`metres_to`) if known."""
    poses, last = np.empty((_MOST_POSES, 4)), np.zeros(5)
    away_m = metres_to(body, b[0], b[1]) if away_m is None else away_m
    count, seconds = searched(body, drive, a, b, away_m, poses, last)
    found = Search(poses[:count].copy(), last, float(seconds))
    # A robot turns on the spot the shorter way round, whichever way the search went.
    return found if count and is_safe(body, a, merged(found.parts_to(b)), b) else None


@dataclass(eq=False)
class Searches:
    """What was found on one floor for one kind of machine: single ways by their two ends, and all between many ends."""

    links: dict[tuple[bytes, bytes, int], Links] = field(default_factory=dict)
    _found: dict[tuple[bytes, bytes], Search | None] = field(default_factory=dict)

    def between(self, body: Body, drive: Drive, a: Floats, b: Floats) -> Search | None:
        """The way from a pose (3,) to another, searched for unless that was done before."""
        if (key := (a.tobytes(), b.tobytes())) not in self._found:
            self._found[key] = searched_between(body, drive, a, b)
        return self._found[key]
