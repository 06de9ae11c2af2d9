"""Looks at a store's robots before they are trusted with work."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from robot_fleet.fleet.errors import NotFound
from robot_fleet.main.stores import load
from robot_fleet.ros.findings import Finding, Verdict, findings
from robot_fleet.ros.observations import observe

__all__ = ["Finding", "Verdict", "examine"]


def examine(
    store: Path, names: Sequence[str], seconds: float, sim_time: bool = False, robots: int | None = None
) -> dict[str, list[Finding]]:
    """What was found of the robots of these names (none: all), by name, after listening to them for so many seconds.

    Raises a FleetError for faults of the store, for names that no robot has, and when ROS cannot be used.
    """
    loaded = load(store, robots)
    known = {spec.name: spec for spec in loaded.robots}
    for name in names:
        if name not in known:
            raise NotFound(
                "ROBOT_NOT_FOUND", f"There is no robot named '{name}' in {store}: there are {', '.join(known)}"
            )
    specs = [known[name] for name in dict.fromkeys(names or known)]
    others = [spec for spec in loaded.robots if spec not in specs]
    seen = asyncio.run(observe(specs, seconds, sim_time, others))
    return {spec.name: findings(spec, loaded.floor, seen[spec.name], seconds, sim_time) for spec in specs}
