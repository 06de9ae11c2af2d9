"""How a controller's process ends in order: robots finish what they were given, everything is turned off, and then it is gone."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from robot_fleet.control.ports import RobotDriver
from robot_fleet.control.snapshot import Snapshot
from robot_fleet.fleet.commands import CancelAll, all_off
from robot_fleet.fleet.events import Event, LegEnded
from robot_fleet.fleet.states import RobotState

_log = logging.getLogger(__name__)
LONGEST_S = 12.0
"""So long robots have for that, within the unit's TimeoutStopSec; who drives on then is told to rest."""

AFTER_S = 1.5
"""So long the process goes on after its last word, for what is lost on the way to be sent again, and for what robots still tell."""


class LastPieces:
    """Waits for robots to finish their pieces, once it has begun. `now_s` is a clock that nobody sets."""

    def __init__(
        self, driver: RobotDriver, robots: Sequence[str], latest: Callable[[], Snapshot], now_s: Callable[[], float]
    ) -> None:
        self._driver, self._robots, self._latest, self._now_s = driver, robots, latest, now_s
        self._late_at_s: float | None = None
        self._ends_at_s: float | None = None

    @property
    def has_begun(self) -> bool:
        """Whether robots are to finish."""
        return self._late_at_s is not None

    def begin(self) -> None:
        """From now on they are waited for."""
        if self._late_at_s is None:
            self._late_at_s = self._now_s() + LONGEST_S

    def are_over(self, event: Event) -> bool:
        """Whether the process may end now, after that event; who has finished turns everything off, in the end everybody."""
        if self._late_at_s is None:
            return False
        if isinstance(event, LegEnded):
            self._turn_off(event.robot)
        if self._ends_at_s is not None:
            return self._now_s() >= self._ends_at_s
        drive = [view.name for view in self._latest().robots if view.leg_id and view.state is not RobotState.OFFLINE]
        if drive and self._now_s() < self._late_at_s:
            return False
        for name in drive:
            _log.warning("%s has not finished its piece: it is told to rest", name, extra={"ids": {"robot": name}})
            self._driver.send(CancelAll(name))
        for name in self._robots:
            self._turn_off(name)
        self._ends_at_s = self._now_s() + AFTER_S
        return False

    def _turn_off(self, robot: str) -> None:
        for command in all_off(robot):
            self._driver.send(command)
