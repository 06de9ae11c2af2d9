"""Counts what robots say and nobody can believe, and warns of it without flooding the log."""

from __future__ import annotations

import logging
import time
from collections import Counter

_log = logging.getLogger(__name__)
_MOST_REASONS = 100
BURST_GAP_S = 10.0
"""A reason that was silent for so long begins a new burst, with a new warning."""


class Drops:
    """How often each message of a robot was dropped, by robot and reason."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, str]] = Counter()
        self._reasons: Counter[str] = Counter()
        self._last: dict[tuple[str, str], float] = {}

    def note(self, robot: str, reason: str) -> None:
        """Counts one; warns when it is the first of a burst."""
        key, now = (robot, reason), time.monotonic()
        if key not in self.counts:
            # Reasons have robots' own words in them.
            self._reasons[robot] += 1
            if self._reasons[robot] > _MOST_REASONS:
                key = (robot, "one more reason")
        self.counts[key] += 1
        if now - self._last.get(key, -BURST_GAP_S) >= BURST_GAP_S:
            ids = {"ids": {"robot": robot}}
            _log.warning("%s: message dropped (%d so far): %s", robot, self.counts[key], reason, extra=ids)
        self._last[key] = now
