"""When a robot goes to a dock on its tour, for water, to be charged, or both: the visits that cost the least time.

A dynamic program over the places where the tour may be broken off. Its states are visits, each with what is left of tank
and battery. The battery may be charged to any level; at docks that charge, a charge costs the same everywhere, so
that it is bought when it turns out to be needed: a state holds the earliest time, the level at that time, and the level up to
which more could have been bought before, for `charging_s` each (as recharging in vehicle routing: Desaulniers, Errico, Irnich,
Schneider, "Exact algorithms for electric vehicle-routing problems with time windows", 2016). It is exact but for two
visits at one place.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from robot_fleet.planning.supplies import Levels, Supplies
from robot_fleet.planning.terrain import Bools, Floats, Ints

AT_START = -1
"""The place of a stay before a robot sets off."""

_ROUNDING = 1e-9


class Usage(NamedTuple):
    """What a tour has taken so far at n places: seconds, scrubbed m², shares of the battery, each (n,)."""

    seconds: Floats
    scrubbed_m2: Floats
    battery: Floats


class Tour(NamedTuple):
    """A tour as its n places see it, in order: what it takes until it is left there, until it is taken up again, and in all.

    Between the two lies what a robot need not drive that comes back from a dock.
    """

    leave: Usage
    enter: Usage
    whole: Usage


class Station(NamedTuple):
    """A dock: what it offers, and the seconds (n,) to it from each place and back, in and out included; inf: no way.

    `here` says whether the robot stands in it before it sets off.
    """

    charges: bool
    waters: bool
    home_s: Floats
    back_s: Floats
    here: bool = False


class Visit(NamedTuple):
    """A stay of so many seconds at a station, for which the tour is broken off at a place (AT_START: before it)."""

    place: int
    station: int
    stay_s: float


class Schedule(NamedTuple):
    """The visits of a tour in their order, and how long it takes with them."""

    visits: tuple[Visit, ...]
    lasts_s: float


class _Bought(NamedTuple):
    """States, one in each row: time, battery and how full it could be, m² since water; place, station, water taken, before."""

    time_s: Floats
    level: Floats
    most: Floats
    scrubbed_m2: Floats
    place: Floats
    station: Floats
    waters: Floats
    before: Floats


def best_visits(tour: Tour, stations: Sequence[Station], supplies: Supplies, start: Levels) -> Schedule | None:
    """The visits with which a tour is done earliest; None where nothing keeps tank and battery from running out."""
    found = _Search(tour, stations, supplies).last(start)
    return None if found is None else _schedule(tour, stations, supplies, start, *found)


class _Search:
    """Grows the states from place to place; what each state takes along from its place is in `_ahead`."""

    def __init__(self, tour: Tour, stations: Sequence[Station], supplies: Supplies) -> None:
        self._tour, self._stations, self._supplies = tour, stations, supplies
        self._states: Floats = np.empty((0, len(_Bought._fields)))
        self._ahead: Floats = np.empty((0, 3))

    def last(self, start: Levels) -> tuple[list[tuple[int, int, bool]], float] | None:
        """The visits (place, station, water taken) of the earliest way to the end, and when that is reached."""
        self._begin(start)
        for place in range(len(self._tour.leave.seconds)):
            self._add(self._anew(place))
        whole = self._tour.whole
        ends = self._arrived(float(whole.seconds[0]), float(whole.scrubbed_m2[0]), float(whole.battery[0]))
        if not len(ends):
            return None
        best = ends[np.argmin(ends[:, 0])]
        return self._chain(int(best[7])), float(best[0])

    def _begin(self, start: Levels) -> None:
        """The states before the robot sets off: as it is, and serviced where it stands."""
        rows = [[0.0, start.battery, start.battery, start.scrubbed_m2, AT_START, -1, 0, -1]]
        for k, station in enumerate(self._stations):
            for waters in (False, True) if station.here else ():
                if (station.waters or not waters) and (station.charges or waters):
                    stay_s = self._supplies.service_s if waters else 0.0
                    level, most = self._charged(station, np.array([start.battery]), np.array([start.battery]), stay_s)
                    scrubbed = 0.0 if waters else start.scrubbed_m2
                    rows.append([stay_s, level[0], most[0], scrubbed, AT_START, k, waters, -1])
        self._add(np.array(rows, dtype=np.float64))

    def _charged(self, station: Station, level: Floats, most: Floats, stay_s: float) -> tuple[Floats, Floats]:
        """Levels after a stay, and how high they could be."""
        if not station.charges or not self._supplies.has_battery:
            return level, most
        return np.minimum(1.0, level + stay_s / self._supplies.charging_s), np.ones(len(level))

    def _anew(self, place: int) -> Floats:
        """The states of visits at a place that are worth going on from."""
        leave, found = self._tour.leave, []
        for k, station in enumerate(self._stations):
            home_s = float(station.home_s[place])
            if not (math.isfinite(home_s) and math.isfinite(station.back_s[place])):
                continue
            battery = float(leave.battery[place]) + self._supplies.use(home_s, False)
            came = self._arrived(float(leave.seconds[place]) + home_s, float(leave.scrubbed_m2[place]), battery)
            for waters in (False, True):
                if (station.waters or not waters) and (station.charges or waters):
                    found.append(self._stayed(came, place, k, waters))
        return self._undominated(np.concatenate(found), place) if found else self._states[:0]

    def _undominated(self, states: Floats, place: int) -> Floats:
        """The states of a place without those that, back there, others are at least as good as, whatever follows.

        One that is at a higher level is worth the charge that this saves; it must be able to get as full.
        """
        back_s = np.array([station.back_s[place] for station in self._stations])[states[:, 5].astype(np.int64)]
        use, charging_s = back_s / self._supplies.driving_s, self._supplies.charging_s
        worth = np.column_stack((states[:, 0] + back_s, states[:, 1] - use, states[:, 2] - use, states[:, 3]))
        left: Ints = np.arange(len(states))
        kept = []
        while len(left):
            rest = worth[left]
            best = int(np.argmin(rest[:, 0] + charging_s * (1.0 - rest[:, 1])))
            kept.append(left[best])
            left = left[~_no_better(rest, rest[best], charging_s)]
        return states[kept]

    def _stayed(self, came: Floats, place: int, k: int, waters: bool) -> Floats:
        """The states when robots that came to a station have been serviced."""
        stay_s, made = self._supplies.service_s if waters else 0.0, came.copy()
        made[:, 0] += stay_s
        made[:, 1], made[:, 2] = self._charged(self._stations[k], came[:, 1], came[:, 2], stay_s)
        made[:, 3] = 0.0 if waters else came[:, 3]
        made[:, 4:7] = place, k, waters
        return made

    def _arrived(self, seconds: float, scrubbed_m2: float, battery: float) -> Floats:
        """All states that get so far along the tour, there, with themselves as the state before."""
        supplies, states = self._supplies, self._states
        gone = self._ahead + np.array([seconds, scrubbed_m2, battery])
        able = (gone[:, 1] <= supplies.tank_m2 + _ROUNDING) & (
            gone[:, 2] <= states[:, 2] - supplies.reserve + _ROUNDING
        )
        which = np.flatnonzero(able)
        made, gone = states[which], gone[which]
        level = made[:, 1] - gone[:, 2]
        made[:, 0] = gone[:, 0] + np.maximum(0.0, supplies.reserve - level) * supplies.charging_s
        made[:, 1] = np.maximum(level, supplies.reserve)
        made[:, 2] = np.maximum(made[:, 2] - gone[:, 2], supplies.reserve)
        made[:, 3], made[:, 7] = gone[:, 1], which
        return made

    def _add(self, states: Floats) -> None:
        """Appends states, with what they have taken less what the tour had taken where they go on."""
        enter, rows = self._tour.enter, []
        for state in states:
            place, station = int(state[4]), int(state[5])
            if place == AT_START:
                rows.append((state[0], state[3], 0.0))
                continue
            back_s = float(self._stations[station].back_s[place])
            use = self._supplies.use(back_s, False)
            at = enter.seconds[place], enter.scrubbed_m2[place], enter.battery[place]
            rows.append((state[0] + back_s - at[0], state[3] - at[1], use - at[2]))
        self._states = np.concatenate((self._states, states))
        self._ahead = np.concatenate((self._ahead, np.array(rows, dtype=np.float64).reshape(-1, 3)))

    def _chain(self, state: int) -> list[tuple[int, int, bool]]:
        """The visits that lead to a state, the first one first."""
        found = []
        while state >= 0:
            place, station, waters, before = self._states[state, 4:8]
            if station >= 0:
                found.append((int(place), int(station), bool(waters)))
            state = int(before)
        return found[::-1]


def _no_better(states: Floats, best: Floats, charging_s: float) -> Bools:
    """Which of the states (time, level, most, m²) are no better than another, itself among them."""
    dearer = best[0] + charging_s * np.maximum(0.0, states[:, 1] - best[1]) <= states[:, 0] + _ROUNDING
    return np.asarray(dearer & (best[2] >= states[:, 2] - _ROUNDING) & (best[3] <= states[:, 3] + _ROUNDING))


def _schedule(
    tour: Tour, stations: Sequence[Station], supplies: Supplies, start: Levels,
    chain: list[tuple[int, int, bool]], lasts_s: float,
) -> Schedule:  # fmt: skip
    """The visits with their stays: as long as water takes, or until the charge lasts to the next one."""
    uses = _uses(tour, stations, supplies, [(place, station) for place, station, _ in chain])
    # The level that is needed on leaving each station; at stations that do not charge, on coming there as well.
    needed = [0.0] * len(chain) + [supplies.reserve]
    for k in range(len(chain) - 1, -1, -1):
        charges_next = k + 1 == len(chain) or stations[chain[k + 1][1]].charges
        needed[k] = uses[k + 1] + (supplies.reserve if charges_next else needed[k + 1])
    level, visits = start.battery, []
    for k, (place, station, waters) in enumerate(chain):
        level -= uses[k]
        stay_s = supplies.service_s if waters else 0.0
        if stations[station].charges and supplies.has_battery:
            stay_s = max(stay_s, (min(1.0, needed[k]) - level) * supplies.charging_s)
            level = min(1.0, level + stay_s / supplies.charging_s)
        visits.append(Visit(place, station, stay_s))
    return Schedule(tuple(visits), lasts_s)


def _uses(tour: Tour, stations: Sequence[Station], supplies: Supplies, chain: list[tuple[int, int]]) -> list[float]:
    """The share of the battery that is used up to the first visit, between each and the next one, and after the last."""
    found, begin = [], 0.0
    for place, station in chain:
        if place == AT_START:
            found.append(0.0)
            continue
        at = stations[station]
        found.append(float(tour.leave.battery[place]) + supplies.use(float(at.home_s[place]), False) - begin)
        begin = float(tour.enter.battery[place]) - supplies.use(float(at.back_s[place]), False)
    return [*found, float(tour.whole.battery[0]) - begin]
