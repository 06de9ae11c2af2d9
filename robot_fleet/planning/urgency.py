"""Which floor is wanted first: zones ranked by their priority, then by the time before which they should be clean."""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import cv2
import numpy as np
from numpy.typing import NDArray

from robot_fleet.floor.store import FloorMap, Zone
from robot_fleet.planning.plan import DAY_S, CoveragePath, LateZone, Leg, PlanRequest, day_s
from robot_fleet.planning.sweeping import swept_cells
from robot_fleet.planning.terrain import Floats

_ANY_TIME: Mapping[str, float] = MappingProxyType({})
# Floor within so many metres of what was clean before is an edge, and this share of a zone's floor are crumbs, as every
# plan may leave some: a zone is clean without them.
_EDGE_M, _CRUMBS = 0.1, 0.005


def zone_ranks(floor: FloorMap, zones: Sequence[str], due: Mapping[str, float] = _ANY_TIME) -> dict[str, int]:
    """The rank of each requested zone: 0 for those to be cleaned first; zones with nothing to choose between share one.

    `due` says in how many seconds zones should be clean; those that it does not name have time.
    """
    keys = {name: (floor.zone(name).priority, due.get(name, math.inf)) for name in zones}
    order = {key: rank for rank, key in enumerate(sorted(set(keys.values())))}
    return {name: order[key] for name, key in keys.items()}


def cell_ranks(floor: FloorMap, ranks: Mapping[str, int]) -> NDArray[np.int16]:
    """(rows, cols) the least rank of the zones that hold a cell; -1 outside them all."""
    found = np.full(floor.grid.shape, -1, dtype=np.int16)
    for name in sorted(ranks, key=lambda name: -ranks[name]):
        found[floor.grid.centres_inside(floor.zone(name).polygon)] = ranks[name]
    return found


def due_s(zone: Zone, begins: datetime.time, underway_s: float = 0.0) -> float | None:
    """Seconds from the time of day at which a plan begins until the zone should be clean; None: any time.

    That is within a day of the run's begin, `underway_s` before the plan's: what was due since then is less than 0.
    """
    if zone.clean_before is None:
        return None
    return (day_s(zone.clean_before) - day_s(begins) + underway_s) % DAY_S - underway_s


def due_times_s(request: PlanRequest) -> dict[str, float]:
    """In how many seconds from the plan's start those of the requested zones should be clean that have a time."""
    if request.begins is None:
        return {}
    due = {name: due_s(request.floor.zone(name), request.begins, request.underway_s) for name in request.zones}
    return {name: seconds for name, seconds in due.items() if seconds is not None}


def late_zones(request: PlanRequest, paths: Sequence[CoveragePath]) -> tuple[LateZone, ...]:
    """The requested zones that these paths clean later than they should; crumbs and edges do not count."""
    due = due_times_s(request)
    if not due:
        return ()
    first = _first_swept_s(request, paths)
    if request.cleaned is not None:
        first[request.cleaned] = math.inf
    clean = {name: _clean_s(request.floor, name, first) for name in due}
    return tuple(LateZone(name, due[name], clean[name]) for name in due if clean[name] > max(0.0, due[name]))


def _clean_s(floor: FloorMap, zone: str, first: Floats) -> float:
    """When a zone's floor that is cleaned at all is clean, but for crumbs and edges; 0 when nothing of it is cleaned."""
    floor_of_zone = floor.requested((zone,)) & np.isfinite(first)
    if not floor_of_zone.any():
        return 0.0
    side = 2 * round(_EDGE_M / floor.grid.resolution_m) + 1
    times = np.where(floor_of_zone, first, math.inf).astype(np.float32)
    # The least time around each cell: what is late there is late all around.
    times = cv2.erode(times, np.ones((side, side), np.uint8))[floor_of_zone]
    return float(np.quantile(times, 1.0 - _CRUMBS, method="higher"))


def _first_swept_s(request: PlanRequest, paths: Sequence[CoveragePath]) -> Floats:
    """(rows, cols) when a head passes over each cell for the first time; inf: never."""
    grid = request.floor.grid
    heads = {robot.name: robot.profile.head for robot in request.robots}
    first = np.full(grid.shape, math.inf)
    for path in paths:
        for leg in path.legs:
            if leg.head_on:
                found = swept_cells(grid.shape, grid.from_map(leg.points), heads[path.robot], grid.resolution_m)
                first.flat[found.cells] = np.minimum(first.flat[found.cells], _passed_s(leg, found.along_m))
    return first


def _passed_s(leg: Leg, along_m: Floats) -> Floats:
    """When a robot has come so many metres along a leg."""
    way = np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(leg.points, axis=0).T))))
    return np.asarray(np.interp(along_m, way, leg.times_s))
