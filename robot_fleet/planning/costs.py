"""Seconds from the end of one lane to the end of another, turns included."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist

from robot_fleet.floor.profile import RobotProfile
from robot_fleet.planning.directions import WAY_SIN, lines_stray
from robot_fleet.planning.polyline import length_m
from robot_fleet.planning.roadmap import Roadmap
from robot_fleet.planning.terrain import Floats, Ints, Terrain

_NEAR = 40
_FAR_M = 8.0
_LIMIT_M = 25.0
_MANY = 1500
# With one-ways a way may be long between places that are near.
_LIMIT_ONE_WAY_M = 100.0
_NEVER_S = 1e6
_NONE = np.zeros(0, dtype=np.int64)
_DETOUR = 1.25
# The share of a turn on the spot that is left of it when paths are polished: they turn while they drive, and lanes end
# where another lane cleans what is left.
_TURNED = 0.45


@dataclass(frozen=True, eq=False)
class Ends:
    """Places (n, 2) where lanes end, and unit vectors (n, 2) with which a robot leaves its lane there.

    End 2k is the beginning of lane k, end 2k + 1 its end; a robot that enters there faces the other way.
    """

    places: Floats
    outward: Floats

    @classmethod
    def of(cls, lanes: list[Floats]) -> Ends:
        """The ends of lanes (n, 2)."""
        places = np.array([lane[k] for lane in lanes for k in (0, -1)]).reshape(-1, 2)
        inner = np.array([lane[k] for lane in lanes for k in (1, -2)]).reshape(-1, 2)
        away = places - inner
        return cls(places, away / np.maximum(np.hypot(*away.T), 1e-9)[:, None])


def travel_s(
    terrain: Terrain, roadmap: Roadmap, ends: Ends, profile: RobotProfile, shut: Ints = _NONE,
    limit_m: float = math.inf,
) -> Floats:  # fmt: skip
    """(n, n) seconds from leaving a lane at one end to entering another lane at the other end.

    Exact for a straight way; where obstacles are between, by the roadmap's metres and two right angles of turning. Ends
    that are `shut` must not be entered. Ways longer than `limit_m` are guessed, and where there are many ends long ways.
    """
    if len(ends.places) > _MANY:
        limit_m = min(limit_m, _LIMIT_ONE_WAY_M if roadmap.is_directed else _LIMIT_M)
    metres = roadmap.distances_m(limit_m)
    apart = cdist(ends.places, ends.places).astype(np.float32)
    led = np.isfinite(metres)
    metres = np.where(led, np.maximum(metres, apart), apart * np.float32(_DETOUR) + np.float32(5.0))
    turns_s = _TURNED * math.pi / profile.yaw_rate_rps
    found: Floats = np.asarray(metres / profile.speed_mps + turns_s, dtype=np.float32)
    if roadmap.is_directed and math.isinf(limit_m):
        found[~led] = _NEVER_S
    one, other = _near_pairs(ends.places)
    seen = terrain.open_lines(ends.places[one], ends.places[other])
    one, other = one[seen], other[seen]
    direct = _direct_s(ends, one, other, profile)
    for a, b in ((one, other), (other, one)):
        may = ~lines_stray(terrain.directions, ends.places[a], ends.places[b], WAY_SIN)
        found[a[may], b[may]] = direct[may]
    found[shut ^ 1] = found[:, shut] = _NEVER_S
    np.fill_diagonal(found, _NEVER_S)
    return found


def _near_pairs(places: Floats) -> tuple[Floats, Floats]:
    away, other = cKDTree(places).query(places, k=min(_NEAR, len(places)), distance_upper_bound=_FAR_M)
    one = np.repeat(np.arange(len(places)), away.shape[1]).reshape(away.shape)
    good = np.isfinite(away) & (one < other)
    return one[good], other[good]


def _direct_s(ends: Ends, one: Floats, other: Floats, profile: RobotProfile) -> Floats:
    """Seconds straight from one end to another, with the turns at both."""
    way = ends.places[other] - ends.places[one]
    length = np.hypot(way[:, 0], way[:, 1])
    ahead = np.where(length[:, None] > 1e-6, way / np.maximum(length, 1e-9)[:, None], ends.outward[one])
    turns = _angles(ends.outward[one], ahead) + _angles(ahead, -ends.outward[other])
    return np.asarray(np.maximum(length / profile.speed_mps, _TURNED * turns / profile.yaw_rate_rps))


def way_s(way: Floats, ends: Ends, leave: int, enter: int, profile: RobotProfile) -> float:
    """Seconds along a way (n, 2) from leaving a lane at one end to entering another lane at the other end."""
    steps = np.diff(way, axis=0)
    steps = steps[np.hypot(steps[:, 0], steps[:, 1]) > 1e-6]
    ahead = np.concatenate((ends.outward[[leave]], steps, -ends.outward[[enter]]))
    turns = _angles(ahead[:-1], ahead[1:])
    return max(length_m(way) / profile.speed_mps, _TURNED * float(turns.sum()) / profile.yaw_rate_rps)


def _angles(a: Floats, b: Floats) -> Floats:
    return np.asarray(np.abs(np.arctan2(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0], (a * b).sum(axis=1))))
