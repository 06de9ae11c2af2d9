"""When the report of what truly happens is written."""

from __future__ import annotations

import time
from pathlib import Path

from robot_fleet.sim.report import write_report
from robot_fleet.sim.world import World

_REPORT_S = 3.0


class Reporter:
    """Writes the report now and then."""

    def __init__(self, path: Path | None, world: World, **more: object) -> None:
        self._path, self._world, self._more = path, world, more
        self._next_s = 0.0

    def look(self) -> None:
        """Writes it when it is time again."""
        if self._path is not None and time.monotonic() >= self._next_s:
            self.write()

    def write(self) -> None:
        """Writes it now."""
        if self._path is not None:
            write_report(self._path, self._world, **self._more)
            self._next_s = time.monotonic() + _REPORT_S
