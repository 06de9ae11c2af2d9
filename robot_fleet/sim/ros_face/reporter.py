"""When the report of what truly happens is written."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from robot_fleet.sim.report import Report
from robot_fleet.sim.world import World

_REPORT_S = 3.0


class Reporter:
    """Writes the report now and then, on a thread of its own: whoever steers robots is not to wait for a disk.

    At the end of a long night a report takes a second to write, and wheels keep to what they were last told.
    """

    def __init__(self, path: Path | None, world: World, **more: object) -> None:
        self._path, self._world, self._more = path, world, more
        self._next_s = 0.0
        self._writing: threading.Thread | None = None

    def look(self) -> None:
        """Begins to write it when it is time again and the last one is written."""
        is_busy = self._writing is not None and self._writing.is_alive()
        if self._path is not None and not is_busy and time.monotonic() >= self._next_s:
            self._next_s = time.monotonic() + _REPORT_S
            report = Report.of(self._world, **self._more)
            self._writing = threading.Thread(target=report.write, args=(self._path,), name="report")
            self._writing.start()

    def write(self) -> None:
        """Writes it now; it is written when this returns."""
        if self._writing is not None:
            self._writing.join()
        if self._path is not None:
            Report.of(self._world, **self._more).write(self._path)
