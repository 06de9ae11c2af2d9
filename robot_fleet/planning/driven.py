"""What trials of new stretches look at: a driven path, the floor, what is swept, and the machine, as arrays."""

from __future__ import annotations

import math
from typing import NamedTuple

from robot_fleet.planning.compiled import compiled
from robot_fleet.planning.directions import ANY_WAY, Directions
from robot_fleet.planning.pacing import Distances
from robot_fleet.planning.swaths import Counts
from robot_fleet.planning.terrain import Bools, Floats, Ints


class Track(NamedTuple):
    """A path with room to grow: `size[0]` points (grid frame) and the number of the leg for each move.

    `on` says for each leg whether the head is on.
    """

    points: Floats
    tags: Ints
    on: Bools
    size: Ints


class Ground(NamedTuple):
    """The floor: distances on the lattice of half cells, what the centre keeps, a cell's side, the cells asked for, one-ways."""

    fine_m: Distances
    keep_m: float
    side_m: float
    asked: Bools
    directions: Directions = ANY_WAY


class Sweeps(NamedTuple):
    """How often each cell (rows, cols) is swept by all robots: `full` by their heads, `sure` without what overlaps.

    `bare` are the numbers of cells that nothing sweeps in both, `most` how many there may be.
    """

    full: Counts
    sure: Counts
    bare: Ints
    most: Ints


class Machine(NamedTuple):
    """One robot: its pace (see `pacing`), its head, what of its head is sure, and whether the two differ."""

    pace: Floats
    head: Floats
    sure: Floats
    overlaps: bool


@compiled
def walked(track: Track, vertex: int, length: float) -> int:
    """The first vertex that lies so far before (negative) or behind a vertex."""
    step = 1 if length > 0.0 else -1
    left, last = abs(length), track.size[0] - 1
    while left > 0.0 and 0 < vertex < last:
        a, b = track.points[vertex], track.points[vertex + step]
        left -= math.hypot(b[0] - a[0], b[1] - a[1])
        vertex += step
    return vertex


@compiled
def asked(points: Floats, first: int, last: int, ground: Ground) -> bool:
    """Whether the vertices first .. last, which must lie on the grid (`is_open` tells), are on floor that was asked for."""
    asked = True
    for k in range(first, last + 1):
        asked = asked and bool(ground.asked[int(points[k, 1] / ground.side_m), int(points[k, 0] / ground.side_m)])
    return asked


@compiled
def booked(sweeps: Sweeps, bare: int, unsure: int, worth_s: float, price_s: float) -> bool:
    """Takes an exchange into the account if it may leave so many more cells bare and its seconds are worth their price."""
    fits = bare <= 0 or sweeps.bare[0] + bare <= sweeps.most[0]
    fits = fits and (unsure <= 0 or sweeps.bare[1] + unsure <= sweeps.most[1])
    if not fits or (bare + unsure) / 2.0 * price_s > worth_s:
        return False
    sweeps.bare[0] += bare
    sweeps.bare[1] += unsure
    return True
