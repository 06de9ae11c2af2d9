"""What robots may have claimed to clean that were lost, while nobody could know it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from shapely import LineString

from robot_fleet.floor.store import Store
from robot_fleet.nights.robot import TroubledRobot

# Reported poses waver, and are smoothed.
_WAVERS_M = 0.1


class Claims:
    """The ways of robots that are lost and do not know it, as they report them: the true ones, shifted by how far they are off."""

    def __init__(self, store: Store) -> None:
        self._grid = store.floor.grid
        heads = {spec.name: spec.profile.head for spec in store.robots}
        self._reach_m = {name: abs(head.offset_m) + head.width_m / 2 + _WAVERS_M for name, head in heads.items()}
        self._ways: dict[str, list[tuple[float, float]]] = {}

    def begin(self, robot: TroubledRobot) -> None:
        """The robot loses its way; where it is just now it still knows."""
        self._ways.setdefault(robot.name, [(robot.pose.x_m, robot.pose.y_m)])

    def look(self, robots: dict[str, TroubledRobot]) -> None:
        """A step has passed."""
        for name, way in self._ways.items():
            robot = robots[name]
            place = robot.pose.x_m + robot.off_m[0], robot.pose.y_m + robot.off_m[1]
            if place != way[-1]:
                way.append(place)

    def end(self, name: str) -> None:
        """The controller knows that the robot is lost: it has withdrawn its claims."""
        self._ways.pop(name, None)

    @property
    def cells(self) -> NDArray[np.bool_]:
        """The cells (rows, cols) that heads can have passed over by what lost robots reported."""
        claimed: NDArray[np.bool_] = np.zeros(self._grid.shape, dtype=bool)
        for name, way in self._ways.items():
            # A line needs two places.
            self._grid.mark(claimed, LineString([*way, way[-1]]).buffer(self._reach_m[name]))
        return claimed
