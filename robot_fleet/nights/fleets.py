"""Random halls for fleets of unlike machines, with keepouts, one-ways, zones for some robots alone, and water at some docks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from shapely import Polygon, box

from robot_fleet.floor.check import check_store
from robot_fleet.floor.footprint import Footprint
from robot_fleet.floor.grid import OCCUPIED, OccupancyGrid
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.profile import SCRUBBER_S, WORKING_W, Battery, Head, RobotProfile, Tank
from robot_fleet.floor.store import CHARGE, WATER, Dock, FloorMap, Keepout, OneWay, RobotSpec, Store, Zone
from robot_fleet.nights.floors import SIDE_M, stand_shelf

_Rng = np.random.Generator
_Of = TypeVar("_Of")

MACHINES = (
    WORKING_W,
    replace(WORKING_W, name="small", footprint=Footprint(0.2), head=Head(0.4), speed_mps=0.3),
    replace(WORKING_W, name="wide", footprint=Footprint(0.5), head=Head(0.9), speed_mps=0.7),
    replace(WORKING_W, name="thirsty", tank=Tank(25.0, 60.0)),
    replace(WORKING_W, name="weak", battery=Battery(0.08, 0.16, 9.0, 0.08, 0.2, planned=True)),
    replace(
        WORKING_W,
        name="square",
        footprint=Footprint(corners_m=((-0.35, -0.3), (0.35, -0.3), (0.35, 0.3), (-0.35, 0.3))),
        head=Head(0.6),
    ),
    replace(
        WORKING_W,
        name="lift",
        footprint=Footprint(corners_m=((-0.4, -0.3), (0.5, -0.3), (0.5, 0.3), (-0.4, 0.3))),
        head=Head(0.6, 0.2),
        least_radius_m=0.8,
        lifted_radius_m=0.6,
        reverses=True,
    ),
    SCRUBBER_S,
)
"""Discs of several sizes, machines that run dry or flat in mid-run, and machines that must be steered."""

_LENGTH_M, _DEPTH_M, _SPARE_M = (9.0, 14.0), (6.0, 9.0), 1.0
_NOSE_M, _APART_M, _STAGING_M = 0.25, (0.7, 1.6), (0.7, 1.2)
_FREE_M, _LONG_FREE_M, _LONG_M = 2.6, 4.4, 0.6
_SHELVES = 5
_TRIES = 20


@dataclass(frozen=True)
class _Likely:
    """How likely it is that a hall has what not every hall has."""

    keepout: float = 0.4
    one_way: float = 0.3
    own_zone: float = 0.2
    dry_dock: float = 0.3


def mixed_store(seed: int, robots: int = 3) -> Store:
    """A sound store for so many robots, drawn by a seed; what is drawn first may not be sound, then all is drawn again."""
    rng = np.random.default_rng([seed, 7])
    for turn in range(_TRIES):
        # What is hard to place is left out in the end.
        store = _drawn(rng, seed, robots, _Likely() if turn < _TRIES // 2 else _Likely(0.0, 0.0, 0.0, 0.0))
        if not check_store(store):
            return store
    raise ValueError(f"no sound store was found for seed {seed}")


def _drawn(rng: _Rng, seed: int, robots: int, likely: _Likely) -> Store:
    kinds = [_one_of(rng, MACHINES) for _ in range(robots)]
    docks, depth = _docks(rng, kinds, likely)
    length = round(float(rng.uniform(*_LENGTH_M)), 1)
    width = max(round(float(rng.uniform(*_DEPTH_M)), 1), depth + _SPARE_M)
    cells = np.zeros((round(width / SIDE_M), round(length / SIDE_M)), dtype=np.int8)
    cells[[0, -1], :] = OCCUPIED
    cells[:, [0, -1]] = OCCUPIED
    free_m = _LONG_FREE_M if any(_nose_m(kind) > _LONG_M for kind in kinds) else _FREE_M
    for _ in range(int(rng.integers(_SHELVES + 1))):
        stand_shelf(rng, cells, length, width, free_m)
    names = [f"robot_{k + 1}" for k in range(robots)]
    own = tuple(names[: int(rng.integers(1, robots + 1))]) if rng.random() < likely.own_zone else ()
    zones = (
        Zone("west", box(0.0, 0.0, length / 2, width)),
        Zone("east", box(length / 2, 0.0, length, width), robots=own),
    )
    keepouts, one_ways = tuple[Keepout, ...](), tuple[OneWay, ...]()
    if rng.random() < likely.keepout:
        keepouts = (Keepout("stairs", _patch(rng, length, width, free_m, (0.5, 2.0))),)
    if rng.random() < likely.one_way:
        yaw_rad = _one_of(rng, (0.0, 0.5, 1.0, 1.5)) * math.pi
        one_ways = (OneWay("aisle", _patch(rng, length, width, free_m, (1.5, 4.0)), yaw_rad),)
    grid = OccupancyGrid(cells, SIDE_M, Pose(0.0, 0.0, 0.0))
    floor = FloorMap(f"mixed-{seed}", grid, zones, keepouts, docks, one_ways)
    specs = tuple(RobotSpec(name, kind, dock.name, name) for name, kind, dock in zip(names, kinds, docks, strict=True))
    return Store(floor, specs)


def _docks(rng: _Rng, kinds: Sequence[RobotProfile], likely: _Likely) -> tuple[tuple[Dock, ...], float]:
    """Docks along the west wall, as far apart as there is room to walk between robots; and how much of the wall they take."""
    docks, y = list[Dock](), 0.0
    for k, kind in enumerate(kinds):
        y += kind.half_width_m + float(rng.uniform(*_APART_M))
        offers = (CHARGE,) if rng.random() < likely.dry_dock else (CHARGE, WATER)
        staging_m = _STAGING_M[_nose_m(kind) > _LONG_M]
        docks.append(
            Dock(f"dock_{k + 1}", Pose(round(_nose_m(kind) + _NOSE_M, 2), round(y, 2), math.pi), staging_m, offers)
        )
        y += kind.half_width_m
    return tuple(docks), round(y, 1)


def _patch(rng: _Rng, length_m: float, width_m: float, free_m: float, sides_m: tuple[float, float]) -> Polygon:
    dx, dy = (float(rng.uniform(*sides_m)) for _ in range(2))
    x, y = float(rng.uniform(free_m, length_m)), float(rng.uniform(0.0, width_m))
    return box(x, y, min(x + dx, length_m), min(y + dy, width_m))


def _nose_m(kind: RobotProfile) -> float:
    """How far it reaches ahead of its turning centre."""
    return float(kind.footprint.corners()[:, 0].max())


def _one_of(rng: _Rng, choices: Sequence[_Of]) -> _Of:
    return choices[int(rng.integers(len(choices)))]
