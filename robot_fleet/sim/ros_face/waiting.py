"""What a process says that waits for a Gazebo world: who waits is to know for what."""

from __future__ import annotations

import logging
import math

_log = logging.getLogger(__name__)
_SILENT_S = 5.0


class Waiting:
    """Says every some seconds of real time what is still not heard."""

    def __init__(self) -> None:
        self._since_s = math.inf

    def look(self, missing: list[str], real_s: float) -> None:
        """Takes in what is not heard now; nothing ends the wait."""
        if not missing:
            self._since_s = math.inf
            return
        self._since_s = min(self._since_s, real_s)
        if real_s - self._since_s > _SILENT_S:
            self._since_s = real_s
            _log.warning("waiting for Gazebo: not heard are %s", ", ".join(missing))
