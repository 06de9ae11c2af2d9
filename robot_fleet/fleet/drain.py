"""How fast a robot's battery falls, learnt from reports: old batteries and heavy work take more than a profile says."""

from __future__ import annotations

from collections import deque

LEARNT_S = 120.0
"""So far back reports tell of how fast a battery falls now."""

_LEAST_S, _APART_S = 20.0, 5.0


class Drain:
    """Takes in one robot's battery reports; `per_s` is the greatest fall (share of the battery a second) seen lately."""

    def __init__(self) -> None:
        self._levels: deque[tuple[float, float]] = deque()
        self.per_s = 0.0

    def report(self, at_s: float, level: float, charging: bool) -> None:
        """The battery is at a level (0..1). What was learnt is kept while it charges; levels from before say nothing then."""
        levels = self._levels
        if charging or (levels and (at_s < levels[-1][0] or level > levels[-1][1])):
            levels.clear()
        while levels and levels[0][0] < at_s - LEARNT_S:
            levels.popleft()
        falls = [(before - level) / (at_s - then_s) for then_s, before in levels if at_s - then_s >= _LEAST_S]
        if falls:
            self.per_s = max(falls)
        if not charging and (not levels or at_s - levels[-1][0] >= _APART_S):
            levels.append((at_s, level))
