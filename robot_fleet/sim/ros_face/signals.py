"""How a process of the simulation is told to end."""

from __future__ import annotations

import signal


def on_signals() -> list[int]:
    """A list that is empty until SIGINT or SIGTERM comes."""
    heard: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda signum, frame: heard.append(signum))
    return heard
