"""Laps along the obstacles: the outline of where the robot's centre may be, at the clearance, made smooth."""

from __future__ import annotations

import math

import cv2
import numpy as np

from robot_fleet.floor.profile import Head
from robot_fleet.planning.polyline import TURNS_M, length_m, simplified, thinned
from robot_fleet.planning.sweeping import mark_swept
from robot_fleet.planning.terrain import FORGIVEN_M, Bools, Floats, Terrain

_ROUNDS = 40
# How far a lap may leave the outline to become smooth.
_DRIFT_M = 0.015
_LEVEL_M = 1e-3
# A cusp is where chords of so many steps to both sides differ by more than this.
_CHORD = 3
_CUSP_RAD = math.radians(20.0)
_STEP_M = 0.05
_SHORTEST_M = 0.1
_PASSES = 5
# So fine that an arc about a corner keeps vertices of less than ten degrees, at which no robot stops.
_CURVED_M = 0.001


def outlines(terrain: Terrain, reach: Bools, inside_m: float = 0.0) -> list[Floats]:
    """Closed outlines (n, 2) in the grid frame of the reach, or of what lies so far inside it; first point = last."""
    place = terrain.fine_reach(reach) & (terrain.fine_m >= terrain.keep_m + inside_m - FORGIVEN_M)
    contours, _ = cv2.findContours(place.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    found = []
    for contour in contours:
        points = contour[:, 0, :] * (terrain.side_m / 2)
        if len(points) >= 4:
            found.append(_smooth(terrain, np.concatenate((points, points[:1])), inside_m))
    return found


def _smooth(terrain: Terrain, ring: Floats, inside_m: float) -> Floats:
    """An elastic band (Quinlan, Khatib, 1993): drawn to its neighbours, held off the obstacles, never far from home.

    Home is the outline itself: the cells' chain moved up or down the slope of the distance.
    """
    chain = _even(ring)[:-1]
    home = chain.copy()
    for _ in range(4):
        home = _levelled(terrain, home, inside_m, 0.06)
    points = home.copy()
    drift = np.where(_cusps(terrain, home), 0.0, _DRIFT_M)
    for _ in range(_ROUNDS):
        drawn = (np.roll(points, 1, axis=0) + np.roll(points, -1, axis=0)) / 2
        points = _levelled(terrain, points + 0.6 * (drawn - points), inside_m, 0.0)
        away = points - home
        far = np.hypot(away[:, 0], away[:, 1])
        points = home + away * np.minimum(1.0, drift / np.maximum(far, 1e-9))[:, None]
    for _ in range(3):
        points = _levelled(terrain, points, inside_m, 0.0)
    # On the ridge of a narrow gap there is no slope to climb: there the chain of nodes itself is safe.
    stuck = terrain.room(points) < inside_m
    points[stuck] = chain[stuck]
    return np.concatenate((points, points[:1]))


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


def _levelled(terrain: Terrain, points: Floats, inside_m: float, most_m: float) -> Floats:
    """Points with too little room moved up the slope of the distance, those with up to `most_m` too much down."""
    room = terrain.room(points) - inside_m - _LEVEL_M
    off = np.flatnonzero((room < 0) | (room < most_m))
    if not len(off):
        return points
    slope = _slope(terrain, points[off])
    size = np.hypot(slope[:, 0], slope[:, 1])
    good = size > 0.5
    moved = points.copy()
    moved[off[good]] += (slope[good] / size[good, None] ** 2) * np.clip(-room[off[good]], -0.03, 0.03)[:, None]
    return moved


def _even(points: Floats) -> Floats:
    """The polyline with vertices at even distances of about 5 cm."""
    way = np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))))
    at = np.linspace(0.0, way[-1], max(4, math.ceil(way[-1] / _STEP_M)) + 1)
    return np.column_stack([np.interp(at, way, points[:, k]) for k in (0, 1)])


def laps(terrain: Terrain, rings: list[Floats], wanted: Bools, swept: Bools, head: Head, price: float) -> list[Floats]:
    """Stretches of rings on which a metre of lap cleans more than the share `price` of the head's width, in passes.

    Marks in `swept` what they clean.
    """
    found: list[Floats] = []
    left = list(rings)
    for _ in range(_PASSES):
        again = []
        for ring in left:
            stretch = _worthiest(terrain, ring, wanted & ~swept, head.width_m, price)
            if stretch is None:
                continue
            pieces = [lap for lap in _sparse(terrain, stretch) if length_m(lap) > _SHORTEST_M]
            for lap in pieces:
                mark_swept(swept, lap, head, terrain.side_m)
            found.extend(pieces)
            # A stretch that breaks where it is not safe would be found again and again.
            if len(pieces) == 1:
                again.append(ring)
        left = again
    return found


def _worthiest(terrain: Terrain, ring: Floats, rest: Bools, width_m: float, price: float) -> Floats | None:
    """The stretch of a closed ring that is worth most above the price of its metres and turns; None when none is."""
    worth = (_new_share(terrain, ring, rest, width_m) - price) * np.hypot(*np.diff(ring, axis=0).T)
    # The ring is opened where it is worth least, so that no good stretch is cut in two.
    opened = int(np.argmin(worth))
    ring = np.concatenate((ring[:-1][opened:], ring[:-1][: opened + 1]))
    first, last, value = _best(np.roll(worth, -opened))
    return ring[first : last + 1] if value > price * TURNS_M and last - first >= 2 else None


def _sparse(terrain: Terrain, stretch: Floats) -> list[Floats]:
    """A stretch of an outline with few vertices; in pieces where it is not safe."""
    few = simplified(stretch, _CURVED_M)
    return [few] if terrain.open_path(few) else thinned(terrain, stretch, _CURVED_M)


def _new_share(terrain: Terrain, ring: Floats, rest: Bools, width_m: float) -> Floats:
    """For each step of a ring the share of the head under which the floor still wants cleaning."""
    middle = (ring[1:] + ring[:-1]) / 2
    ahead = np.roll(middle, -2, axis=0) - np.roll(middle, 2, axis=0)
    ahead /= np.maximum(np.hypot(ahead[:, 0], ahead[:, 1]), 1e-9)[:, None]
    across = np.column_stack((-ahead[:, 1], ahead[:, 0]))
    count = max(2, round(width_m / terrain.side_m))
    offsets = (np.arange(count) + 0.5) / count * width_m - width_m / 2
    points = middle[:, None, :] + offsets[None, :, None] * across[:, None, :]
    cells = np.floor(points / terrain.side_m).astype(np.int64)
    rows = np.clip(cells[..., 1], 0, rest.shape[0] - 1)
    cols = np.clip(cells[..., 0], 0, rest.shape[1] - 1)
    return np.asarray(rest[rows, cols].mean(axis=1))


def _best(worth: Floats) -> tuple[int, int, float]:
    """First and last vertex of the stretch of a closed ring worth most (a maximum subarray), and its worth."""
    total = np.concatenate(([0.0], np.cumsum(worth)))
    before = np.minimum.accumulate(total)
    last = int(np.argmax(total - before))
    first = int(np.argmin(total[: last + 1]))
    return first, last, float(total[last] - total[first])
