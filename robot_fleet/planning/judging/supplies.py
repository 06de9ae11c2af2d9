"""Whether tanks and batteries last: what a robot scrubs between two services, and how full its battery is at every moment.

A service is a leg of that kind, spent on a dock. A battery drains as the simulator's does: by the hours of cleaning while
the deck is on, of driving while the robot moves with the deck off, and of idling while it stands away from docks.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from robot_fleet.floor.store import FloorMap
from robot_fleet.planning.judging.strokes import LegStates, Strokes
from robot_fleet.planning.judging.track import Bools, Floats, Ints, Track
from robot_fleet.planning.judging.verdict import Violation, ViolationKind
from robot_fleet.planning.plan import Leg, LegKind

AT_DOCK_M = 0.05
ROUNDING_S = 0.005
# What rounding may cost: of a tank's area and of a full battery.
TANK_SLACK, LEVEL_SLACK = 1e-3, 1e-6
HOUR_S = 3600.0


def service_violations(floor: FloorMap, track: Track) -> Iterator[Violation]:
    """Each service leg that is not spent on a dock."""
    for leg in track.legs:
        if leg.kind is LegKind.SERVICE and (off_m := _off_docks_m(floor, leg)) > AT_DOCK_M:
            at = (float(leg.points[0, 0]), float(leg.points[0, 1]))
            what = "the robot is serviced away from docks"
            yield Violation(ViolationKind.SERVICE, off_m, what, track.robot, leg.leg_id, at=at)


def tank_violations(floor: FloorMap, strokes: Strokes) -> Iterator[Violation]:
    """Each tank that does not last until the next service or the end; a robot sets out with a full one."""
    tank, track = strokes.track.profile.tank, strokes.track
    if tank.area_m2 is None:
        return
    refills = [i for i, leg in enumerate(track.legs) if _is_service(floor, leg, tank.service_s)]
    fill = np.searchsorted(refills, track.leg[strokes.move])
    swept = strokes.length_m * (strokes.deck & strokes.solution) * track.profile.head.width_m
    for one in np.unique(fill):
        mine = np.flatnonzero(fill == one)
        scrubbed = np.cumsum(swept[mine])
        if len(mine) and scrubbed[-1] > tank.area_m2 * (1.0 + TANK_SLACK):
            k = int(mine[np.searchsorted(scrubbed, tank.area_m2, side="right")])
            what = f"{scrubbed[-1]:.1f} m² are scrubbed with a tank that lasts for {tank.area_m2:.1f} m²"
            yield _violation(strokes, k, ViolationKind.TANK, float(scrubbed[-1] - tank.area_m2), what)


def battery_violations(floor: FloorMap, strokes: Strokes, charge: float) -> Iterator[Violation]:
    """Each time that the battery falls below its reserve; it begins with `charge` (0..1)."""
    span, reserve = _Spans.of(floor, strokes), strokes.track.profile.battery.reserve
    level = _levels(span, charge)
    below = np.concatenate(([False], level < reserve - LEVEL_SLACK, [False]))
    edges = np.flatnonzero(below[1:] != below[:-1]).tolist()
    for first, last in zip(edges[::2], edges[1::2], strict=True):
        least, leg = float(level[first:last].min()), strokes.track.legs[int(span.leg[first])]
        what = f"the battery falls to {least:.0%}, its reserve is {reserve:.0%}, from {span.begin_s[first]:.0f} s on"
        at = (float(span.place[first, 0]), float(span.place[first, 1]))
        amount = 100.0 * (reserve - least)
        yield Violation(ViolationKind.BATTERY, amount, what, strokes.track.robot, leg.leg_id, at=at)


def _levels(span: _Spans, charge: float) -> Floats:
    """(n,) how full the battery is at the end of each span, never more than full."""
    levels = np.empty(len(span.change))
    for k, change in enumerate(span.change.tolist()):
        charge = min(1.0, charge + change)
        levels[k] = charge
    return levels


@dataclass(frozen=True, eq=False)
class _Spans:
    """The times of one robot in which its battery changes evenly: from when, by how much, in which leg, and where it is."""

    begin_s: Floats
    change: Floats
    leg: Ints
    place: Floats

    @staticmethod
    def of(floor: FloorMap, strokes: Strokes) -> _Spans:
        track, battery = strokes.track, strokes.track.profile.battery
        cuts = _cuts(strokes)
        middle = (cuts[:-1] + cuts[1:]) / 2.0
        stroke = np.searchsorted(strokes.begin_s, middle, side="right") - 1
        moves = (stroke >= 0) & (middle < np.append(strokes.end_s, 0.0)[stroke])
        place = np.vstack((strokes.b, [[track.start.x_m, track.start.y_m]]))[stroke]
        leg = np.searchsorted([leg.times_s[0] for leg in track.legs], middle, side="right") - 1
        hours = np.where(moves, battery.driving_h, np.where(_docked(floor, place), math.inf, battery.idle_h))
        deck = np.where(moves, np.append(strokes.deck, False)[stroke], _deck(track, leg, middle))
        hours = np.where(deck, battery.cleaning_h, hours)
        charges = np.append([_is_service(floor, one) for one in track.legs], False)[leg]
        rate = np.where(charges, 1.0 / battery.charging_h, -1.0 / hours) / HOUR_S
        return _Spans(cuts[:-1], rate * np.diff(cuts), np.maximum(leg, 0), place)


def _cuts(strokes: Strokes) -> Floats:
    """The times between which nothing changes, from the plan's start to the end of the robot's last leg."""
    legs = strokes.track.legs
    switched = [switch.at_s for leg in legs for switch in leg.switches]
    ends = [float(at_s) for leg in legs for at_s in (leg.times_s[0], leg.times_s[-1])]
    cuts = np.unique(np.concatenate(([0.0], strokes.begin_s, strokes.end_s, switched, ends)))
    inside: Floats = cuts[(cuts >= 0.0) & (cuts <= max(ends))]
    return inside


def _deck(track: Track, leg: Ints, when_s: Floats) -> Bools:
    """(n,) whether the deck of a standing robot is on at times in those legs; before the first leg it is off."""
    states = [LegStates.of(one) for one in track.legs]
    on = [i >= 0 and states[i].at(at_s)[0] for i, at_s in zip(leg.tolist(), when_s.tolist(), strict=True)]
    return np.array(on, dtype=bool)


def _docked(floor: FloorMap, places: Floats) -> Bools:
    """(n,) which places are on a dock."""
    docks = np.array([(dock.pose.x_m, dock.pose.y_m) for dock in floor.docks]).reshape(-1, 2)
    away = np.hypot(*(places[:, None, :] - docks[None, :, :]).transpose(2, 0, 1))
    docked: Bools = (away <= AT_DOCK_M).any(axis=1)
    return docked


def _is_service(floor: FloorMap, leg: Leg, least_s: float = 0.0) -> bool:
    """Whether the leg is a service on a dock that takes at least so long."""
    long_enough = float(leg.times_s[-1] - leg.times_s[0]) >= least_s - ROUNDING_S
    return leg.kind is LegKind.SERVICE and long_enough and _off_docks_m(floor, leg) <= AT_DOCK_M


def _off_docks_m(floor: FloorMap, leg: Leg) -> float:
    """How far the leg goes from the dock to which it is nearest; inf on a floor without docks."""
    docks = ((dock.pose.x_m, dock.pose.y_m) for dock in floor.docks)
    return min((float(np.hypot(*(leg.points - dock).T).max()) for dock in docks), default=math.inf)


def _violation(strokes: Strokes, stroke: int, kind: ViolationKind, amount: float, what: str) -> Violation:
    track, k = strokes.track, int(strokes.move[stroke])
    at = (float(strokes.a[stroke, 0]), float(strokes.a[stroke, 1]))
    return Violation(kind, amount, what, track.robot, track.leg_id(k), int(track.index[k]), at)
