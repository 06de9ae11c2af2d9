"""When solution and vacuum of a head work along timed legs, so that no water is left standing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from robot_fleet.floor.profile import RobotProfile
from robot_fleet.planning.plan import Leg, Switch
from robot_fleet.planning.terrain import Floats
from robot_fleet.planning.timing import CORNER_RAD


def watered(legs: Sequence[Leg], profile: RobotProfile) -> Sequence[Leg]:
    """The timed legs with their switches: the solution off some way before the deck is lifted, the vacuum on some way after it.

    The vacuum goes off sooner where the robot backs or turns on the spot: its squeegee must be up then.
    """
    if profile.squeegee is None:
        return legs
    off_m, on_m = profile.channels.solution_off_m, profile.channels.vacuum_on_m
    found: list[Leg] = []
    for k, leg in enumerate(legs):
        after = legs[k - 1] if k else None
        if leg.head_on:
            goes_on = k + 1 < len(legs) and legs[k + 1].head_on and not _pivots(leg, legs[k + 1])
            found.append(leg if goes_on or off_m == 0.0 else replace(leg, switches=tuple(_dry(leg, off_m))))
        elif after is not None and after.head_on and on_m > 0.0 and not leg.reverse and not _pivots(after, leg):
            found.append(replace(leg, switches=tuple(_drying(leg, on_m))))
        else:
            found.append(leg)
    return found


def _dry(leg: Leg, off_m: float) -> Iterator[Switch]:
    """All on, and the solution off so many metres before the leg's end."""
    way = _metres(leg)
    begin, at = float(leg.times_s[0]), way[-1] - off_m
    if at > 0.0:
        yield Switch(begin, True, True, True)
    yield Switch(float(np.interp(max(at, 0.0), way, leg.times_s)) if at > 0.0 else begin, True, False, True)


def _drying(leg: Leg, on_m: float) -> Iterator[Switch]:
    """The vacuum alone, and nothing after so many metres or at the first turn on the spot."""
    way = _metres(leg)
    corners = np.flatnonzero(_turns(leg) > CORNER_RAD) + 1
    end = min([on_m, way[-1], *way[corners].tolist()])
    yield Switch(float(leg.times_s[0]), False, False, True)
    yield Switch(float(np.interp(end, way, leg.times_s)), False, False, False)


def _metres(leg: Leg) -> Floats:
    return np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(leg.points, axis=0).T))))


def _turns(leg: Leg) -> Floats:
    """(n - 2,) the turn at each inner vertex."""
    step = np.diff(leg.points, axis=0)
    yaw = np.arctan2(step[:, 1], step[:, 0])
    return np.asarray(np.abs(np.remainder(np.diff(yaw) + np.pi, 2 * np.pi) - np.pi))


def _pivots(leg: Leg, following: Leg) -> bool:
    """Whether the robot turns on the spot, or back, between two legs."""
    last, first = np.diff(leg.points[-2:], axis=0)[0], np.diff(following.points[:2], axis=0)[0]
    turn = np.arctan2(first[1], first[0]) - np.arctan2(last[1], last[0])
    return bool(abs((turn + np.pi) % (2 * np.pi) - np.pi) > CORNER_RAD) or following.reverse != leg.reverse
