"""What a check finds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Violation:
    """Something that must never be: which check, when (seconds of the night), what, and which robot, if any."""

    check: str
    at_s: float
    text: str
    robot: str = ""


class Findings:
    """Violations as they are found; the same one is noted once."""

    def __init__(self, check: str) -> None:
        self.check = check
        self.found: list[Violation] = []
        self._known: set[object] = set()

    def add(self, key: object, at_s: float, text: str, robot: str = "") -> None:
        """Notes a violation, unless the one of that key is known."""
        if key not in self._known:
            self._known.add(key)
            self.found.append(Violation(self.check, round(at_s, 2), text, robot))
