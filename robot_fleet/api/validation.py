"""What a request must look like. Every fault is found before the first is told."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Collection, Sequence

from google.protobuf.duration_pb2 import Duration
from shapely import Polygon

from robot_fleet.api.v1.geometry_pb2 import Polygon as Shape
from robot_fleet.fleet.errors import InvalidInput
from robot_fleet.floor.faults import Fault

MOST_NAMES = 1000
MOST_CHARACTERS = 100
MOST_PAGE = 200
_SHOWN = 40
_IDENTIFIER = re.compile(r"[A-Za-z0-9._:-]{1,64}")


class Findings:
    """The faults of one request, collected field by field."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []

    def add(self, field: str, reason: str, what: str, remedy: str) -> None:
        """Notes a fault of a field."""
        self.faults.append(Fault(field, "", what, remedy, reason))

    def conclude(self) -> None:
        """Raises InvalidInput with all that was found, if anything was."""
        if self.faults:
            raise InvalidInput("INVALID_REQUEST", tuple(self.faults))

    def identifier(self, field: str, value: str, required: bool = True) -> None:
        """1 to 64 letters, digits, '.', '_', ':' or '-'; empty only when not `required`."""
        if not value and not required:
            return
        if not value:
            self.add(field, "REQUIRED", "it is empty", f"Give a {field}.")
        elif not _IDENTIFIER.fullmatch(value):
            self.add(
                field,
                "BAD_CHARACTERS",
                f"{shown(value)} is not 1 to 64 letters, digits, '.', '_', ':' or '-'",
                "Use, for instance, a UUID.",
            )

    def text(self, field: str, value: str, remedy: str, most: int = MOST_CHARACTERS) -> None:
        """1 to `most` characters that can be printed, not all blank."""
        if not value.strip():
            self.add(field, "REQUIRED", "it is empty", remedy)
        elif len(value) > most or not value.isprintable():
            what = f"{shown(value)} is not 1 to {most} printable characters"
            self.add(field, "BAD_CHARACTERS", what, remedy)

    def names(self, field: str, values: Sequence[str], known: Collection[str]) -> None:
        """Each known and given once; not more than 1000."""
        if len(values) > MOST_NAMES:
            self.add(field, "TOO_MANY", f"{len(values)} names are given", "Give none for all.")
            return
        for value, count in Counter(values).items():
            if value not in known:
                self.add(field, "UNKNOWN_NAME", f"there is no {shown(value)} in this store", _there_are(known))
            elif count > 1:
                self.add(field, "DUPLICATE", f"{shown(value)} is given {count} times", "Give it once.")

    def seconds(self, message: Duration, field: str, low_s: float, high_s: float) -> float:
        """The duration in seconds; a fault when it lies outside the bounds."""
        seconds = message.seconds + message.nanos / 1e9
        if not (low_s <= seconds <= high_s and abs(message.nanos) < 1_000_000_000):
            self.add(field, "OUT_OF_RANGE", f"{seconds:g} s is not possible", f"Give {low_s:g} to {high_s:g} s.")
        return seconds

    def outline(self, field: str, message: Shape, most: int) -> Polygon:
        """The polygon of 3 to `most` corners, without holes; a fault, and an empty one, when it is none."""
        corners = [(point.x_m, point.y_m) for point in message.outline.points[: most + 1]]
        if not 3 <= len(corners) <= most:
            count = len(message.outline.points)
            reason = "OUT_OF_RANGE" if count else "REQUIRED"
            self.add(field, reason, f"it has {count or 'no'} corners", f"Give 3 to {most} of them.")
        elif message.holes:
            self.add(field, "HOLES", "it has holes", "Give a plain outline, or several of them.")
        elif not all(math.isfinite(x) and math.isfinite(y) for x, y in corners):
            self.add(field, "BAD_OUTLINE", "a corner is not finite", "Give metres of the map frame.")
        elif not Polygon(corners).is_valid:
            what = "its outline crosses itself or covers nothing"
            self.add(field, "BAD_OUTLINE", what, "Give its corners in order.")
        else:
            return Polygon(corners)
        return Polygon()

    def page_size(self, value: int) -> int:
        """The page size to use; a fault when it is negative."""
        if value < 0:
            self.add("page_size", "OUT_OF_RANGE", f"{value} is negative", "Give 0 for the usual size.")
        return min(value, MOST_PAGE) or 50


def shown(value: str) -> str:
    """A string from outside, quoted, with its strange characters escaped, and short."""
    return repr(value if len(value) <= _SHOWN else f"{value[:_SHOWN]}…")


def _there_are(known: Collection[str]) -> str:
    some = sorted(known)[:20]
    return f"There are {', '.join(some)}{', …' if len(known) > len(some) else ''}." if some else "There are none."
