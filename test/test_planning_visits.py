"""Visits to docks cost no more time than the best of all that can be tried."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from robot_fleet.planning.supplies import Levels, Supplies
from robot_fleet.planning.visits import AT_START, Station, Tour, Usage, best_visits

TINY = settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


@dataclass
class Case:
    """A tour of a few places; each row of `leave`, `enter` and the end is seconds, m², share of the battery."""

    leave: np.ndarray
    enter: np.ndarray
    end: np.ndarray
    stations: list[Station]
    supplies: Supplies
    start: Levels

    @property
    def tour(self) -> Tour:
        return Tour(Usage(*self.leave.T), Usage(*self.enter.T), Usage(*self.end[None].T))


@st.composite
def cases(draw: st.DrawFn) -> Case:
    places = draw(st.integers(1, 4))
    on = [
        [draw(st.integers(5, 60)), draw(st.integers(0, 40)), draw(st.integers(1, 40)) / 100] for _ in range(places + 1)
    ]
    skipped = [[draw(st.integers(0, 5)), 0, draw(st.integers(0, 3)) / 100] for _ in range(places)]
    battery, tank = draw(st.booleans()), draw(st.booleans())
    gone, leave, enter = np.zeros(3), [], []
    for k in range(places):
        gone = gone + on[k]
        leave.append(gone)
        gone = gone + skipped[k]
        enter.append(gone)
    supplies = Supplies(
        draw(st.integers(30, 90)) if tank else math.inf,
        draw(st.integers(0, 30)) if tank else 0.0,
        *((400.0, 800.0, float(draw(st.integers(20, 200))), draw(st.integers(0, 30)) / 100) if battery else ()),
    )
    stations = [draw(station(places, here=k == 0 and draw(st.booleans()))) for k in range(draw(st.integers(1, 2)))]
    start = Levels(draw(st.integers(40, 100)) / 100 if battery else 1.0, draw(st.integers(0, 30)) if tank else 0.0)
    keeps = np.array([1.0, 1.0, 1.0 if battery else 0.0])
    return Case(np.array(leave) * keeps, np.array(enter) * keeps, (gone + on[-1]) * keeps, stations, supplies, start)


@st.composite
def station(draw: st.DrawFn, places: int, here: bool) -> Station:
    charges, waters = draw(st.sampled_from([(True, True), (True, False), (False, True)]))
    ways = st.lists(st.integers(1, 40).map(float) | st.just(math.inf), min_size=places, max_size=places).map(np.array)
    return Station(charges, waters, draw(ways), draw(ways), here)


def chains(case: Case) -> Iterator[list[tuple[int, int, bool]]]:
    """All choices of visits: at which places, at which station, with water or without."""
    places = range(len(case.leave))
    kinds = [(k, True) for k, one in enumerate(case.stations) if one.waters]
    kinds += [(k, False) for k, one in enumerate(case.stations) if one.charges]
    starts: list[list[tuple[int, int, bool]]] = [[]]
    starts += [[(AT_START, k, waters)] for k, waters in kinds if case.stations[k].here]
    for first in starts:
        for count in range(len(case.leave) + 1):
            for where in itertools.combinations(places, count):
                for what in itertools.product(kinds, repeat=count):
                    yield first + [(place, *kind) for place, kind in zip(where, what, strict=True)]


def least_s(case: Case, chain: list[tuple[int, int, bool]]) -> float:
    """How long the tour takes with these visits, charged as is best; inf where tank or battery do not last."""
    legs, seconds, scrubbed, begin = [], 0.0, case.start.scrubbed_m2, np.zeros(3)
    for place, k, waters in [*chain, (None, -1, False)]:
        if place == AT_START:
            gone = np.zeros(3)
        elif place is None:
            gone = case.end - begin
        else:
            home_s = case.stations[k].home_s[place]
            if not math.isfinite(home_s + case.stations[k].back_s[place]):
                return math.inf
            gone = case.leave[place] - begin + [home_s, 0.0, home_s / case.supplies.driving_s]
            back_s = case.stations[k].back_s[place]
            begin = case.enter[place] - [back_s, 0.0, back_s / case.supplies.driving_s]
        scrubbed += gone[1]
        if scrubbed > case.supplies.tank_m2:
            return math.inf
        scrubbed = 0.0 if waters else scrubbed
        seconds += gone[0]
        legs.append(float(gone[2]))
    stays_s = best_charges_s(case, chain, legs)
    return seconds + stays_s


def best_charges_s(case: Case, chain: list[tuple[int, int, bool]], uses: list[float]) -> float:
    """The least sum of the stays, as a linear program over charges and stays."""
    count, supplies = len(chain), case.supplies
    water_s = [supplies.service_s if waters else 0.0 for _, _, waters in chain]
    if not math.isfinite(supplies.cleaning_s):
        return sum(water_s)
    if count == 0:
        return 0.0 if case.start.battery - uses[0] >= supplies.reserve - 1e-9 else math.inf
    above, most = [], []
    for k in range(count + 1):
        charged = [1.0 if j < k else 0.0 for j in range(count)]
        left = case.start.battery - sum(uses[: k + 1])
        if chain[k - 1][0] != AT_START or k != 0:
            above.append([-one for one in charged] + [0.0] * count)
            most.append(left - supplies.reserve + 1e-9)
        if k < count:
            after = [1.0 if j <= k else 0.0 for j in range(count)]
            above.append(after + [0.0] * count)
            most.append(1.0 - left + 1e-9)
            own = [0.0] * 2 * count
            own[k], own[count + k] = supplies.charging_s, -1.0
            above.append(own)
            most.append(0.0)
    limits = [(0.0, None if case.stations[k].charges else 0.0) for _, k, _ in chain]
    limits += [(seconds, None) for seconds in water_s]
    found = linprog([0.0] * count + [1.0] * count, above, most, bounds=limits)
    return float(found.fun) if found.status == 0 else math.inf


@TINY
@given(cases())
def test_no_other_visits_have_a_robot_done_earlier(case: Case) -> None:
    found = best_visits(case.tour, case.stations, case.supplies, case.start)
    best = min(least_s(case, chain) for chain in chains(case))
    if math.isinf(best):
        assert found is None
    else:
        assert found is not None
        assert found.lasts_s == pytest.approx(best, abs=1e-4)


@TINY
@given(cases())
def test_the_stays_are_as_long_as_is_said_and_long_enough(case: Case) -> None:
    found = best_visits(case.tour, case.stations, case.supplies, case.start)
    if found is None:
        return
    level, scrubbed, seconds, begin = *case.start, 0.0, np.zeros(3)
    for place, k, stay_s in found.visits:
        at = case.stations[k]
        if place != AT_START:
            home, back = (ways[place] * np.array([1.0, 0.0, 1.0 / case.supplies.driving_s]) for ways in at[2:4])
            gone = case.leave[place] - begin + home
            level, scrubbed, seconds = level - gone[2], scrubbed + gone[1], seconds + gone[0]
            begin = case.enter[place] - back
        assert level >= case.supplies.reserve - 1e-6 and scrubbed <= case.supplies.tank_m2 + 1e-6
        seconds += stay_s
        if at.charges and case.supplies.has_battery:
            level = min(1.0, level + stay_s / case.supplies.charging_s)
        if at.waters and case.supplies.has_tank and stay_s >= case.supplies.service_s - 1e-9:
            scrubbed = 0.0
    gone = case.end - begin
    assert level - gone[2] >= case.supplies.reserve - 1e-6 and scrubbed + gone[1] <= case.supplies.tank_m2 + 1e-6
    assert seconds + gone[0] == pytest.approx(found.lasts_s, abs=1e-4)


def test_a_robot_that_has_enough_goes_nowhere() -> None:
    one = np.array([[10.0, 5.0, 0.1]])
    case = Case(one, one, np.array([20.0, 10.0, 0.2]), [Station(True, True, np.ones(1), np.ones(1))],
                Supplies(10.0, 5.0, 1e3, 2e3, 1e3, 0.8), Levels(1.0, 0.0))  # fmt: skip
    found = best_visits(case.tour, case.stations, case.supplies, case.start)
    assert found is not None and found.visits == () and found.lasts_s == 20.0


def test_water_and_charge_are_taken_at_one_visit_where_both_are_due_soon() -> None:
    gone = np.array([[100.0 * k, 10.0 * k, 0.1 * k] for k in range(1, 10)])
    near = np.full(9, 20.0)
    case = Case(gone, gone, np.array([1000.0, 100.0, 1.0]), [Station(True, True, near, near)],
                Supplies(60.0, 300.0, 1000.0, 1e9, 1000.0, 0.1), Levels(1.0, 0.0))  # fmt: skip
    found = best_visits(case.tour, case.stations, case.supplies, case.start)
    assert found is not None and len(found.visits) == 1
    # The charge that is needed comes in less time than water takes.
    assert found.visits[0].stay_s == pytest.approx(300.0)
