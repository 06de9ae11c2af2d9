"""Short lanes over what is left: along end walls, in corners, between specks."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from robot_fleet.floor.profile import Head
from robot_fleet.planning.compiled import compiled
from robot_fleet.planning.sweeping import sweeps_of
from robot_fleet.planning.terrain import Bools, Floats, Ints, Terrain

_LONGEST_M = 12.0
_LEAST_M = 0.1
_STEP_M = 0.05
# What a short lane costs besides its length: the turns into it and out of it.
_TURNS_M = 2.5
# A patch so small is a crumb: it costs a visit of its own as a larger one does.
_CRUMB_M2 = 0.06
_ROUNDS = 3


@dataclass(frozen=True, eq=False)
class _Pass:
    lane: Floats
    gain: int
    worth: float


@dataclass(frozen=True)
class Leftover:
    """How many wanted cells may stay: up to `most` when only crumbs are left, else `least`."""

    least: int
    most: int


def gap_lanes(
    terrain: Terrain, wanted: Bools, swept: Bools, head: Head, leftover: Leftover, axes_rad: tuple[float, ...]
) -> list[Floats]:
    """Lanes (n, 2) in the grid frame until no more of `wanted` is left than may be, the largest gaps first.

    Marks in `swept` what they sweep.
    """
    found: list[Floats] = []
    crumb = _CRUMB_M2 / terrain.side_m**2
    for _ in range(_ROUNDS):
        rest = wanted & ~swept
        before = left = int(rest.sum())
        for patch in _patches(rest, terrain.side_m, head.width_m):
            if left <= leftover.least or (left <= leftover.most and len(patch) < crumb):
                return found
            lane = _best_lane(terrain, patch, swept, head, axes_rad)
            if lane is not None:
                cells = np.unique(sweeps_of(swept.shape, lane, head, terrain.side_m))
                left -= int((wanted.ravel()[cells] & ~swept.ravel()[cells]).sum())
                swept.ravel()[cells] = True
                found.append(lane)
        if left == before:
            break
    return found


def _patches(rest: Bools, side_m: float, width_m: float) -> list[Floats]:
    """Patches as cell centres (n, 2) in metres, no wider than a head and no longer than a lane, the largest first."""
    joined = cv2.morphologyEx(rest.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    _, labels = cv2.connectedComponents(joined, connectivity=8, ltype=cv2.CV_32S)
    cells = np.argwhere(rest)
    which = labels[rest]
    order = np.argsort(which, kind="stable")
    groups = np.split(cells[order], np.flatnonzero(np.diff(which[order])) + 1)
    found: list[Floats] = []
    for group in filter(len, groups):
        found.extend(_split(np.asarray((group[:, ::-1] + 0.5) * side_m), width_m))
    return sorted(found, key=len, reverse=True)


def _split(points: Floats, width_m: float) -> list[Floats]:
    along, across = _axes(points)
    spans = np.ptp(points @ along), np.ptp(points @ across)
    if len(points) < 4 or (spans[1] <= width_m * 1.02 and spans[0] <= _LONGEST_M):
        return [points]
    axis = across if spans[1] > width_m * 1.02 and spans[1] > 0.5 * spans[0] else along
    t = points @ axis
    lower = t <= (t.min() + t.max()) / 2
    if lower.all() or not lower.any():
        return [points]
    return _split(points[lower], width_m) + _split(points[~lower], width_m)


def _axes(points: Floats) -> tuple[Floats, Floats]:
    centred = points - points.mean(axis=0)
    _, vectors = np.linalg.eigh(centred.T @ centred + 1e-12 * np.eye(2))
    return vectors[:, 1], vectors[:, 0]


def _best_lane(terrain: Terrain, patch: Floats, swept: Bools, head: Head, axes: tuple[float, ...]) -> Floats | None:
    cells = np.floor(patch / terrain.side_m).astype(np.int64)
    open_patch = patch[~swept[cells[:, 1], cells[:, 0]]]
    if len(open_patch) < 2:
        return None
    own = math.atan2(*_axes(open_patch)[0][::-1])
    passes = [p for angle in (own, *axes) for p in _passes(terrain, open_patch, head, angle)]
    best = max(passes, key=lambda one: one.worth, default=None)
    return best.lane if best is not None and best.gain >= 2 else None


def _passes(terrain: Terrain, patch: Floats, head: Head, angle: float) -> list[_Pass]:
    """The straight passes of one direction that are safe, at offsets beside each other."""
    along, across = np.array([math.cos(angle), math.sin(angle)]), np.array([-math.sin(angle), math.cos(angle)])
    t, s = patch @ along, patch @ across
    half = head.width_m / 2
    low, high = t.min() - _STEP_M / 2, t.max() + _STEP_M / 2
    if high - low < _LEAST_M:
        low, high = (low + high - _LEAST_M) / 2, (low + high + _LEAST_M) / 2
    offsets = np.arange(s.min() - half, s.max() + half + 1e-9, _STEP_M / 2)
    way = np.linspace(low, high, max(3, math.ceil((high - low) / _STEP_M) + 1))
    points = way[None, :, None] * along + offsets[:, None, None] * across
    safe = terrain.safe(points.reshape(-1, 2)).reshape(len(offsets), len(way))
    firsts, lasts = _longest(safe)
    gains = swept_counts(t, s, offsets, way[firsts], way[lasts], half)
    places = np.flatnonzero((lasts > firsts) & (gains >= 2))
    begins, ends = (way[at[places], None] * along + offsets[places, None] * across for at in (firsts, lasts))
    worth = gains[places] / (np.hypot(*(ends - begins).T) + _TURNS_M)
    best = [
        _Pass(np.array([begins[k], ends[k]]), int(gains[places[k]]), float(worth[k]))
        for k in np.argsort(-worth, kind="stable")[:3]
    ]
    return [one for one in best if terrain.open_path(one.lane)]


@compiled
def swept_counts(t: Floats, s: Floats, offsets: Floats, begins: Floats, ends: Floats, half: float) -> Ints:
    """(n,) how many of the places (t along, s across) lie under each of the passes begins .. ends at the offsets."""
    found = np.zeros(len(offsets), dtype=np.int64)
    for k in range(len(offsets)):
        for place in range(len(t)):
            found[k] += abs(s[place] - offsets[k]) <= half and begins[k] <= t[place] <= ends[k]
    return found


def _longest(rows: Bools) -> tuple[Ints, Ints]:
    """First and last place (n,) of the longest run of True in each row; a row without one gives two equal places."""
    places = np.arange(rows.shape[1])
    begin = np.maximum.accumulate(np.where(rows, -1, places), axis=1) + 1
    last = np.argmax(np.where(rows, places - begin + 1, 0), axis=1)
    first = begin[np.arange(len(rows)), last]
    return np.where(first <= last, first, last), last
