"""Floor that people were promised to be closed is closed: what they were told counts, not what the controller says later."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from shapely import Polygon

from robot_fleet.control.snapshot import ClosureView
from robot_fleet.nights.checks.violation import Findings

# Between an answer and the end of what it promises the controller counts in steps.
_STEPS_S = 1.0
# Corners that come back from storage are off by the last digit.
_SAME_M = 1e-6


@dataclass
class _Promise:
    """Floor that is to be closed until a time, None: until somebody asks for it to be opened."""

    polygon: Polygon
    until_s: float | None


class ClosurePromiseCheck:
    """Takes in what people ask and what they are answered; what was promised must be seen as long as it is to last."""

    def __init__(self) -> None:
        self.findings = Findings("closures")
        self._promises: dict[str, _Promise] = {}
        self._asked: dict[tuple[str, bytes], Polygon] = {}
        self._opened: set[str] = set()

    def asked(self, name: str, polygon: Polygon) -> None:
        """Somebody asks for floor to be closed; unanswered it may be, so that what had that name before may be gone."""
        self._asked[name, polygon.wkb] = polygon
        self._opened.discard(name)
        known = self._promises.get(name)
        if known is not None and not known.polygon.equals(polygon):
            del self._promises[name]

    def closed(self, name: str, polygon: Polygon, until_s: float | None) -> None:
        """That was answered."""
        self._promises[name] = _Promise(polygon, until_s)

    def opening(self, name: str) -> None:
        """Somebody asks for it to be opened; unanswered it may be open all the same."""
        self._promises.pop(name, None)

    def opened(self, name: str) -> None:
        """That was answered."""
        self._opened.add(name)

    def clock_set(self, by_s: float) -> None:
        """The clock was set while no process lived to note it: what ends by a time of day may end sooner by so much."""
        for promise in self._promises.values():
            if promise.until_s is not None:
                promise.until_s -= max(0.0, by_s)

    def promised(self, now_s: float) -> dict[str, Polygon]:
        """What is to be closed now."""
        return {
            name: promise.polygon
            for name, promise in self._promises.items()
            if promise.until_s is None or now_s < promise.until_s - _STEPS_S
        }

    @property
    def ever_asked(self) -> tuple[Polygon, ...]:
        """All floor that may have been closed at some time."""
        return tuple(self._asked.values())

    def look(self, now_s: float, views: Iterable[ClosureView]) -> None:
        """A moment, when the controller is there."""
        seen = {view.name: view.polygon for view in views}
        for name, polygon in self.promised(now_s).items():
            if name not in seen:
                self.findings.add((name, polygon.wkb), now_s, f"closed floor, '{name}', was forgotten")
            elif not seen[name].equals_exact(polygon, _SAME_M):
                self.findings.add((name, "other"), now_s, f"closed floor, '{name}', lies elsewhere than was asked for")
        for name in self._opened & seen.keys():
            self.findings.add((name, "closed"), now_s, f"floor that was opened is closed: '{name}'")
