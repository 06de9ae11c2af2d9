"""Robots that wait for others clean less, so that all are done together."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from robot_fleet.floor.faults import Fault
from robot_fleet.planning.apart import Apart
from robot_fleet.planning.evening import evened
from robot_fleet.planning.manning import Keep
from robot_fleet.planning.plan import CannotServe, CoveragePath, Leg, LegKind


def paths(*last_s: float) -> list[CoveragePath]:
    """Robots a, b, … that are done after so many seconds; those with none have no work."""
    line = np.array([(0.0, 0.0), (1.0, 0.0)])
    legs = [(Leg("x-0", LegKind.CLEAN, line, np.array([0.0, each])),) if each else () for each in last_s]
    return [CoveragePath(name, own) for name, own in zip("abcd", legs, strict=False)]


def later(by_s: Mapping[str, float], found: list[CoveragePath]) -> list[CoveragePath]:
    return paths(*(path.finish_s + by_s.get(path.robot, 0.0) if path.legs else 0.0 for path in found))


def apart(found: list[CoveragePath]) -> Apart:
    return Apart(found, 0)


class Night:
    """Robots that wait, the same each time or for longer and longer, and a polish that gives half of the wait to others."""

    def __init__(self, waits_s: Mapping[str, float], worse_s: float = 0.0, meeting: int = 0) -> None:
        self.waits_s, self.worse_s, self.meeting, self.polished = waits_s, worse_s, meeting, 0

    def kept(self, found: list[CoveragePath], keep: Keep) -> tuple[list[CoveragePath], Apart]:
        waits_s = {name: wait_s + self.polished * self.worse_s for name, wait_s in self.waits_s.items()}
        return found, Apart(keep(later(waits_s, found)).paths, self.meeting)

    def polish(self, found: list[CoveragePath], later_s: Mapping[str, float], turn: int) -> list[CoveragePath]:
        assert turn == self.polished
        self.polished += 1
        mean = sum(later_s.values()) / len(later_s)
        return later({name: (mean - waits) / 2 for name, waits in later_s.items()}, found)


def test_a_robot_that_waits_is_done_sooner_when_others_clean_some_of_its_floor() -> None:
    night = Night({"b": 20.0})
    _, found = evened(night.kept, night.polish)(paths(100.0, 100.0, 0.0), apart)
    assert [path.finish_s for path in found.paths] == pytest.approx([110.0, 110.0, 0.0], abs=5.0)
    assert 1 <= night.polished <= 3


@pytest.mark.parametrize(
    ("last_s", "waits_s"), [((100.0, 100.0), {"a": 0.5}), ((100.0, 0.0), {"a": 30.0}), ((100.0, 98.0), {})]
)
def test_where_nothing_can_be_evened_out_nothing_is_polished(
    last_s: tuple[float, ...], waits_s: dict[str, float]
) -> None:
    night = Night(waits_s)
    _, found = evened(night.kept, night.polish)(paths(*last_s), apart)
    assert not night.polished
    assert max(path.finish_s for path in found.paths) == 100.0 + waits_s.get("a", 0.0)


def test_robots_that_meet_need_other_tours() -> None:
    night = Night({"b": 20.0}, meeting=1)
    evened(night.kept, night.polish)(paths(100.0, 100.0), apart)
    assert not night.polished


def test_what_turns_out_worse_is_not_taken() -> None:
    night = Night({"a": 10.0, "b": 20.0}, worse_s=50.0)
    alone, found = evened(night.kept, night.polish)(paths(100.0, 100.0), apart)
    assert night.polished
    assert [path.finish_s for path in alone] == [100.0, 100.0]
    assert [path.finish_s for path in found.paths] == [110.0, 120.0]


def test_a_time_that_brings_nothing_is_the_last_one() -> None:
    night = Night({"a": 10.0, "b": 20.0}, worse_s=50.0)
    evened(night.kept, night.polish)(paths(100.0, 100.0), apart)
    assert night.polished == 1


def test_a_plan_is_not_lost_because_a_tank_does_not_last_for_one_that_is_evened_out() -> None:
    night = Night({"b": 20.0})

    def thirsty(found: list[CoveragePath], keep: Keep) -> tuple[list[CoveragePath], Apart]:
        if night.polished:
            raise CannotServe({"a": Fault("request", "robot a", "its tank does not last", "Fill it.")})
        return night.kept(found, keep)

    _, found = evened(thirsty, night.polish)(paths(100.0, 100.0, 0.0), apart)
    assert [path.finish_s for path in found.paths] == [100.0, 120.0, 0.0] and night.polished == 1
