"""Which floor is wanted first: zones ranked by their priority, then by the time before which they should be clean."""

from __future__ import annotations

import datetime

import numpy as np
from numpy.typing import NDArray

from robot_fleet.floor.store import FloorMap, Zone

_DAY_S = 86_400.0


def zone_ranks(floor: FloorMap, zones: tuple[str, ...]) -> dict[str, int]:
    """The rank of each requested zone: 0 for those to be cleaned first; zones with nothing to choose between share one."""
    keys = {name: _key(floor.zone(name)) for name in zones}
    order = {key: rank for rank, key in enumerate(sorted(set(keys.values())))}
    return {name: order[key] for name, key in keys.items()}


def cell_ranks(floor: FloorMap, zones: tuple[str, ...]) -> NDArray[np.int16]:
    """(rows, cols) the least rank of the requested zones that hold a cell; -1 outside them all."""
    ranks = zone_ranks(floor, zones)
    found = np.full(floor.grid.shape, -1, dtype=np.int16)
    for name in sorted(zones, key=lambda name: -ranks[name]):
        found[floor.grid.centres_inside(floor.zone(name).polygon)] = ranks[name]
    return found


def due_s(zone: Zone, begins: datetime.time) -> float | None:
    """Seconds from the time of day at which a plan begins until the zone should be clean, within a day; None: any time."""
    if zone.clean_before is None:
        return None
    return (_seconds(zone.clean_before) - _seconds(begins)) % _DAY_S


def _key(zone: Zone) -> tuple[int, float]:
    return zone.priority, _DAY_S if zone.clean_before is None else _seconds(zone.clean_before)


def _seconds(at: datetime.time) -> float:
    return at.hour * 3600.0 + at.minute * 60.0 + at.second
