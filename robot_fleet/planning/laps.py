"""Laps along the obstacles: the outline of where the robot's centre may be, at the clearance, made smooth."""

from __future__ import annotations

import math
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from robot_fleet.floor.profile import Head
from robot_fleet.planning.compiled import PARTS, compiled, side_by_side, together
from robot_fleet.planning.polyline import TURNS_M, simplified
from robot_fleet.planning.sweeping import sweeps_of
from robot_fleet.planning.terrain import Bools, Floats, Ints, Terrain, room_at

Nodes = NDArray[np.float32]

_ROUNDS = 80
# A lap keeps so much room, so that chords of its bends stay clear; it leaves the outline by so little to become smooth.
_LEVEL_M = 1e-3
_DRIFT_M = 0.015
# Nodes with so much room are joined by straight lines that are safe; a node lies at most so far from the outline.
_NODE_M = 4e-4
_COARSE_M = 0.06
_FEWEST = 4
_PASSES = 5
# A cusp is where chords of so many nodes to both sides differ by more than this.
_CHORD = 5
_CUSP_RAD = math.radians(20.0)
# So fine that an arc about a corner keeps vertices of less than ten degrees, at which no robot stops.
_CURVED_M = 0.001


def outlines(terrain: Terrain, reach: Bools) -> list[Floats]:
    """Outlines (n, 2) in the grid frame of the reach, each safe to drive; in a closed one the first point is the last."""
    place = terrain.fine_reach(reach) & (terrain.fine_m >= terrain.keep_m + _NODE_M)
    contours, _ = cv2.findContours(place.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    chains = [contour[:, 0, :].astype(np.float64) * (terrain.side_m / 2) for contour in contours]
    rings = _smooth(terrain, [chain for chain in chains if len(chain) >= _FEWEST])
    return [part for ring in rings for part in _safe_parts(terrain, ring)]


def _safe_parts(terrain: Terrain, ring: Floats) -> list[Floats]:
    """The closed ring if all of it is safe, else the stretches that are."""
    is_open = terrain.open_lines(ring[:-1], ring[1:])
    if is_open.all():
        return [ring]
    first = int(np.argmin(is_open))
    ring = np.concatenate((ring[:-1][first:], ring[:-1][: first + 1]))
    edges = np.flatnonzero(np.diff(np.concatenate(([0], np.roll(is_open, -first).astype(np.int8), [0])))).tolist()
    parts = [ring[a : b + 1] for a, b in zip(edges[::2], edges[1::2], strict=True)]
    return [part for part in parts if len(part) >= _FEWEST]


def _smooth(terrain: Terrain, chains: list[Floats]) -> list[Floats]:
    """Elastic bands (Quinlan, Khatib, 1993): drawn to their neighbours, held off the obstacles, never far from home.

    Home is the outline itself: the closed chain of lattice nodes moved up or down the slope of the distance.
    """
    if not chains:
        return []
    first = np.cumsum([0, *map(len, chains)])
    home = np.concatenate(chains)
    for _ in range(4):
        _level(home, terrain.fine_m, terrain.side_m, terrain.keep_m, _COARSE_M)
    cusps = [_cusps(terrain, home[a:b]) for a, b in pairwise(first.tolist())]
    drift = np.where(np.concatenate(cusps), 0.0, _DRIFT_M)
    points = _relaxed(home, drift, first, terrain.fine_m, terrain.side_m, terrain.keep_m)
    bands = [
        _mended(terrain, points[a:b], chain) for (a, b), chain in zip(pairwise(first.tolist()), chains, strict=True)
    ]
    return [np.concatenate((band, band[:1])) for band in bands]


def _mended(terrain: Terrain, points: Floats, chain: Floats) -> Floats:
    """The band put back on its chain of nodes where it is not safe: on the ridge of a narrow gap no slope leads up."""
    back = np.zeros(len(points), dtype=bool)
    for _ in range(8):
        now = np.where(back[:, None], chain, points)
        closed = ~terrain.open_lines(now, np.roll(now, -1, axis=0))
        if not closed.any():
            break
        back |= closed | np.roll(closed, 1) | np.roll(closed, -1) | np.roll(closed, 2)
    return np.where(back[:, None], chain, points)


def _cusps(terrain: Terrain, ring: Floats) -> Bools:
    """(n,) whether an even ring turns sharply towards the free floor: only from such a corner the head reaches all."""
    before, after = ring - np.roll(ring, _CHORD, axis=0), np.roll(ring, -_CHORD, axis=0) - ring
    turn = np.arctan2(before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0], (before * after).sum(axis=1))
    slope = _slope(terrain, ring)
    ahead = before + after
    turn *= np.sign(ahead[:, 0] * slope[:, 1] - ahead[:, 1] * slope[:, 0])
    highest = np.max([np.roll(turn, k) for k in range(-_CHORD, _CHORD + 1)], axis=0)
    return np.asarray((turn >= highest) & (turn > _CUSP_RAD))


def _slope(terrain: Terrain, points: Floats) -> Floats:
    """(n, 2) the slope of the distance at each point."""
    step = terrain.side_m / 2
    rises = [(terrain.room(points + d) - terrain.room(points - d)) / (2 * step) for d in np.eye(2) * step]
    return np.column_stack(rises)


@side_by_side
def _relaxed(home: Floats, drift_m: Floats, first: Ints, fine_m: Nodes, side_m: float, keep_m: float) -> Floats:
    """Closed bands drawn to their neighbours round after round, each point at most its drift away from home.

    Band k has the points from first[k] to first[k + 1].
    """
    points, drawn = home.copy(), home.copy()
    before, after = np.arange(len(home)) - 1, np.arange(len(home)) + 1
    for k in range(len(first) - 1):
        before[first[k]], after[first[k + 1] - 1] = first[k + 1] - 1, first[k]
    for _ in range(_ROUNDS):
        for part in together(PARTS):
            a, b = len(home) * part // PARTS, len(home) * (part + 1) // PARTS
            for k in range(a, b):
                for axis in range(2):
                    middle = (points[before[k], axis] + points[after[k], axis]) / 2
                    drawn[k, axis] = points[k, axis] + 0.6 * (middle - points[k, axis])
            _level(drawn[a:b], fine_m, side_m, keep_m, 0.0)
        for k in together(len(home)):
            x, y = drawn[k, 0] - home[k, 0], drawn[k, 1] - home[k, 1]
            share = min(1.0, drift_m[k] / max(math.hypot(x, y), 1e-9))
            points[k, 0], points[k, 1] = home[k, 0] + x * share, home[k, 1] + y * share
    for _ in range(3):
        _level(points, fine_m, side_m, keep_m, 0.0)
    return points


@compiled
def _level(points: Floats, fine_m: Nodes, side_m: float, keep_m: float, most_m: float) -> None:
    """Moves points with too little room up the slope of the distance, those with up to `most_m` too much down."""
    step = side_m / 2
    for k in range(len(points)):
        x, y = points[k, 0], points[k, 1]
        room = room_at(fine_m, side_m, keep_m, x, y) - _LEVEL_M
        if room >= max(most_m, 0.0):
            continue
        across = room_at(fine_m, side_m, keep_m, x + step, y) - room_at(fine_m, side_m, keep_m, x - step, y)
        up = room_at(fine_m, side_m, keep_m, x, y + step) - room_at(fine_m, side_m, keep_m, x, y - step)
        size = math.hypot(across, up) / (2 * step)
        if size > 0.5:
            move = min(max(-room, -0.03), 0.03) / size**2 / (2 * step)
            points[k, 0], points[k, 1] = x + across * move, y + up * move


def laps(terrain: Terrain, rings: list[Floats], wanted: Bools, swept: Bools, head: Head, price: float) -> list[Floats]:
    """Stretches of rings on which a metre of lap cleans more than the share `price` of the head's width, in passes.

    Marks in `swept` what they clean.
    """
    found: list[Floats] = []
    left, rest = list(rings), wanted & ~swept
    for _ in range(_PASSES):
        again = []
        for ring in left:
            stretch = _worthiest(terrain, ring, rest, head.width_m, price)
            if stretch is None:
                continue
            lap = _sparse(terrain, stretch)
            cells = sweeps_of(swept.shape, lap, head, terrain.side_m)
            swept.ravel()[cells], rest.ravel()[cells] = True, False
            found.append(lap)
            again.append(ring)
        left = again
    return found


def _worthiest(terrain: Terrain, ring: Floats, rest: Bools, width_m: float, price: float) -> Floats | None:
    """The stretch of a closed ring that is worth most above the price of its metres and turns; None when none is."""
    worth = (new_shares(ring, rest, width_m, terrain.side_m) - price) * np.hypot(*np.diff(ring, axis=0).T)
    if np.array_equal(ring[0], ring[-1]):
        # The ring is opened where it is worth least, so that no good stretch is cut in two.
        opened = int(np.argmin(worth))
        ring = np.concatenate((ring[:-1][opened:], ring[:-1][: opened + 1]))
        worth = np.roll(worth, -opened)
    first, last, value = _best(worth)
    return ring[first : last + 1] if value > price * TURNS_M and last - first >= 2 else None


def _sparse(terrain: Terrain, stretch: Floats) -> Floats:
    """A stretch of an outline with few vertices, if that is safe."""
    few = simplified(stretch, _CURVED_M)
    return few if terrain.open_path(few) else stretch


@compiled
def new_shares(ring: Floats, rest: Bools, width_m: float, side_m: float) -> Floats:
    """For each step of a ring the share of the head under which the floor still wants cleaning."""
    steps, (rows, cols) = len(ring) - 1, rest.shape
    count, found = max(2, round(width_m / side_m)), np.empty(steps)
    for k in range(steps):
        x, y = (ring[k + 1, 0] + ring[k, 0]) / 2, (ring[k + 1, 1] + ring[k, 1]) / 2
        # The direction over a few steps; the ring is closed.
        a, b = (k + 2) % steps, (k - 2) % steps
        ahead = (ring[a + 1, 0] + ring[a, 0]) / 2 - (ring[b + 1, 0] + ring[b, 0]) / 2
        up = (ring[a + 1, 1] + ring[a, 1]) / 2 - (ring[b + 1, 1] + ring[b, 1]) / 2
        length = max(math.hypot(ahead, up), 1e-9)
        ahead, up, new = ahead / length, up / length, 0
        for place in range(count):
            offset = (place + 0.5) / count * width_m - width_m / 2
            row = math.floor((y + offset * ahead) / side_m)
            col = math.floor((x + offset * -up) / side_m)
            new += rest[min(max(row, 0), rows - 1), min(max(col, 0), cols - 1)]
        found[k] = new / count
    return found


def _best(worth: Floats) -> tuple[int, int, float]:
    """First and last vertex of the stretch of a closed ring worth most (a maximum subarray), and its worth."""
    total = np.concatenate(([0.0], np.cumsum(worth)))
    before = np.minimum.accumulate(total)
    last = int(np.argmax(total - before))
    first = int(np.argmin(total[: last + 1]))
    return first, last, float(total[last] - total[first])
