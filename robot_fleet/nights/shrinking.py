"""A night that fails, with as few of its faults as still make it fail in the same way."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from robot_fleet.nights.faults import Fault


def shrunk(faults: Sequence[Fault], fails: Callable[[tuple[Fault, ...]], bool]) -> tuple[Fault, ...]:
    """A list of faults that still fails and does not when any one of them is left out (delta debugging)."""
    kept = tuple(faults)
    if fails(()):
        return ()
    parts = 2
    while len(kept) >= 2:
        size = -(-len(kept) // parts)
        for start in range(0, len(kept), size):
            rest = kept[:start] + kept[start + size :]
            if len(rest) < len(kept) and fails(rest):
                kept, parts = rest, max(2, parts - 1)
                break
        else:
            if size == 1:
                break
            parts = min(len(kept), 2 * parts)
    return kept
