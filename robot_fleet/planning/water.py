"""When solution and vacuum of a head work along timed legs, so that no water is left standing."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from robot_fleet.floor.profile import RobotProfile
from robot_fleet.planning.plan import Leg, LegKind, Switch
from robot_fleet.planning.terrain import Floats
from robot_fleet.planning.timing import CORNER_RAD, pivot_s

# A little more than a turn takes.
_SLOWER = 1.001
# Vertices so near do.
_NEAR_M = 0.02
_STILL_M = 1e-4


def watered(legs: Sequence[Leg], profile: RobotProfile) -> Sequence[Leg]:
    """The timed legs with their switches: the solution off some way before the deck is lifted, the vacuum on some way after it.

    The vacuum goes off sooner where the robot backs or turns on the spot: its squeegee must be up then. A robot that cannot
    turn on the spot with the head down lowers it when it has turned.
    """
    if profile.squeegee is None and profile.least_radius_m == 0.0:
        return legs
    found: list[Leg] = []
    for k, leg in enumerate(legs):
        before = legs[k - 1] if k else None
        switches: list[Switch] = []
        if leg.head_on:
            switches += _lowered(before, leg, profile) if before is not None and profile.least_radius_m else []
            if profile.squeegee is not None:
                switches += _dry(leg, profile.channels.solution_off_m - _rest_m(legs, k), switches)
        elif (
            profile.squeegee is not None and before is not None and before.head_on and _goes_on(before, leg, CORNER_RAD)
        ):
            switches += _drying(leg, profile.channels.vacuum_on_m)
        found.append(replace(leg, switches=tuple(switches)) if switches else leg)
    return found


def with_places(legs: Sequence[Leg], profile: RobotProfile) -> list[Leg]:
    """The legs with vertices where the solution is to stop and the vacuum, so that their times are known.

    A way of no length between two lanes that go on into one another is left out: nothing is lifted there.
    """
    if profile.squeegee is None:
        return list(legs)
    legs = [leg for k, leg in enumerate(legs) if not _leads_nowhere(legs, k)]
    found: list[Leg] = []
    for k, leg in enumerate(legs):
        length = leg.length_m
        if leg.head_on:
            found.append(_with_vertex(leg, length - max(0.0, profile.channels.solution_off_m - _rest_m(legs, k))))
        elif k and legs[k - 1].head_on and not leg.reverse:
            found.append(_with_vertex(leg, profile.channels.vacuum_on_m))
        else:
            found.append(leg)
    return found


def _with_vertex(leg: Leg, at_m: float) -> Leg:
    """The leg (without times) with a vertex so far along it, unless there is one nearby."""
    way = _metres(leg)
    if np.abs(way - at_m).min() < _NEAR_M or not 0.0 < at_m < way[-1]:
        return leg
    k = int(np.searchsorted(way, at_m))
    share = (at_m - way[k - 1]) / (way[k] - way[k - 1])
    points = np.insert(leg.points, k, leg.points[k - 1] + share * (leg.points[k] - leg.points[k - 1]), axis=0)
    return replace(leg, points=points, times_s=np.zeros(len(points)))


def _goes_on(leg: Leg, following: Leg | None, most_rad: float = 0.0) -> bool:
    """Whether the robot drives on without a turn on the spot and, unless an angle is given, with the head down."""
    if following is None or _pivot_rad(leg, following) > CORNER_RAD or following.reverse != leg.reverse:
        return False
    return following.head_on or most_rad > 0.0


def _leads_nowhere(legs: Sequence[Leg], k: int) -> bool:
    """Whether a way has no length, and the lanes before and behind it go on into one another."""
    if legs[k].kind is not LegKind.TRANSIT or len(_moves(legs[k])) or not 0 < k < len(legs) - 1:
        return False
    return legs[k - 1].head_on and _goes_on(legs[k - 1], legs[k + 1])


def _rest_m(legs: Sequence[Leg], k: int) -> float:
    """The metres of lanes that follow a lane before the head is lifted: it may go on into others, of another zone say."""
    rest_m = 0.0
    for leg, following in itertools.pairwise(legs[k:]):
        if not _goes_on(leg, following):
            break
        rest_m += following.length_m
    return rest_m


def _lowered(before: Leg, leg: Leg, profile: RobotProfile) -> list[Switch]:
    """Nothing on while the robot turns on the spot before a pass, and all on after that."""
    turn = _pivot_rad(before, leg)
    if turn <= CORNER_RAD and before.reverse == leg.reverse:
        return []
    begin = float(leg.times_s[0])
    turned = begin + (pivot_s(turn, profile) * _SLOWER if turn > CORNER_RAD else 0.0)
    return [Switch(begin, False, False, False), Switch(min(turned, float(leg.times_s[-1])), True, True, True)]


def _dry(leg: Leg, off_m: float, lowered: Sequence[Switch]) -> list[Switch]:
    """All on, unless the head is lowered later, and the solution off so many metres before the leg's end."""
    if off_m <= 0.0:
        return []
    length = leg.length_m
    begin = lowered[-1].at_s if lowered else float(leg.times_s[0])
    at = max(begin, _arrival_s(leg, max(0.0, length - off_m)))
    on = [] if lowered or off_m >= length else [Switch(begin, True, True, True)]
    return [*on, Switch(at, True, False, True)]


def _drying(leg: Leg, on_m: float) -> list[Switch]:
    """The vacuum alone, and nothing after so many metres or at the first turn on the spot."""
    end = min([on_m, leg.length_m, *_corners_m(leg)])
    if end <= 0.0:
        return []
    return [
        Switch(float(leg.times_s[0]), False, False, True),
        Switch(_arrival_s(leg, end), False, False, False),
    ]


def _metres(leg: Leg) -> Floats:
    return np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(leg.points, axis=0).T))))


def _arrival_s(leg: Leg, at_m: float) -> float:
    """When the robot comes to a place so far along the leg, before it waits there."""
    way, first = np.unique(_metres(leg), return_index=True)
    return float(np.interp(at_m, way, leg.times_s[first]))


def _moves(leg: Leg) -> Floats:
    """(m, 2) the moves of a leg, without its waits."""
    step = np.diff(leg.points, axis=0)
    moves: Floats = step[np.hypot(step[:, 0], step[:, 1]) > _STILL_M]
    return moves


def _corners_m(leg: Leg) -> list[float]:
    """How far along the leg its turns on the spot are."""
    step = _moves(leg)
    yaw = np.arctan2(step[:, 1], step[:, 0])
    turns = np.abs(np.remainder(np.diff(yaw) + np.pi, 2 * np.pi) - np.pi)
    found: list[float] = np.cumsum(np.hypot(step[:, 0], step[:, 1]))[:-1][turns > CORNER_RAD].tolist()
    return found


def _pivot_rad(leg: Leg, following: Leg) -> float:
    """The turn between two legs; none where one of them is a stay."""
    moves, next_moves = _moves(leg), _moves(following)
    if not len(moves) or not len(next_moves):
        return 0.0
    yaw = [
        math.atan2(step[1], step[0]) + math.pi * one.reverse
        for step, one in ((moves[-1], leg), (next_moves[0], following))
    ]
    return abs(math.remainder(yaw[1] - yaw[0], math.tau))
