"""How many robots drive: all of them, unless they would meet or wait for each other for too long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from robot_fleet.floor.faults import Fault
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.profile import REFERENCE_R
from robot_fleet.planning import manning
from robot_fleet.planning.apart import Apart
from robot_fleet.planning.crew import Crew
from robot_fleet.planning.plan import CannotServe, CoveragePath, Leg, LegKind, Starter
from robot_fleet.planning.terrain import Terrain

ROBOTS = tuple(Starter(name, REFERENCE_R, Pose(0.0, 3.0 * k), True, None) for k, name in enumerate("abcd"))
WORK_S = 1200.0


def crew() -> Crew:
    nowhere = np.zeros((1, 1), dtype=bool)
    return Crew(ROBOTS, Terrain.__new__(Terrain), nowhere, nowhere)


def shared(crews: Sequence[Crew], effort: float, seed: int) -> list[CoveragePath]:
    """The work in equal parts; with little effort it takes longer."""
    at_work = [robot for one in crews for robot in one.robots]
    end_s = WORK_S / len(at_work) * (1.0 if effort == 1.0 else 1.2)
    leg = Leg("x-0", LegKind.CLEAN, np.array([(0.0, 0.0), (1.0, 0.0)]), np.array([0.0, end_s]))
    return [CoveragePath(robot.name, (leg,) if robot in at_work else ()) for robot in ROBOTS]


def driving(paths: Sequence[CoveragePath]) -> int:
    return sum(bool(path.legs) for path in paths)


@pytest.mark.parametrize("look", [0.1, 1.0])
@pytest.mark.parametrize(("apart_at_most", "drive"), [(4, 4), (3, 3), (2, 2)])
def test_as_many_robots_drive_as_do_not_meet(
    monkeypatch: pytest.MonkeyPatch, look: float, apart_at_most: int, drive: int
) -> None:
    def meeting(paths: list[CoveragePath], *_: object) -> Apart:
        return Apart(paths, max(0, driving(paths) - apart_at_most))

    monkeypatch.setattr(manning, "kept_apart", meeting)
    found = manning.manned([crew()], ROBOTS, shared, 1.0, 0, look=look).paths
    assert driving(found) == drive
    # What is driven was planned with all effort.
    assert max(path.finish_s for path in found) == pytest.approx(WORK_S / drive)


def test_without_time_for_it_nobody_looks_whether_fewer_robots_would_be_better(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def counted(crews: Sequence[Crew], effort: float, seed: int) -> list[CoveragePath]:
        asked.append(effort)
        return shared(crews, effort, seed)

    monkeypatch.setattr(manning, "kept_apart", lambda paths, *_: Apart(paths, 1))
    assert driving(manning.manned([crew()], ROBOTS, counted, 1.0, 0, looks=0).paths) == 4
    assert asked == [1.0]


def test_a_plan_is_not_lost_because_tanks_last_for_no_plan_with_fewer_robots_or_other_lanes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []

    def thirsty(crews: Sequence[Crew], effort: float, seed: int) -> list[CoveragePath]:
        asked.append(effort)
        if len(asked) > 1:
            raise CannotServe({"a": Fault("request", "robot a", "its tank does not last", "Fill it.")})
        return shared(crews, effort, seed)

    monkeypatch.setattr(manning, "kept_apart", lambda paths, *_: Apart(paths, 1))
    assert driving(manning.manned([crew()], ROBOTS, thirsty, 1.0, 0, look=0.1, tries=1).paths) == 4
    assert len(asked) == 5


@pytest.mark.parametrize(("waits", "again"), [(1.1, False), (1.2, True)])
def test_where_robots_wait_much_other_plans_are_tried(
    monkeypatch: pytest.MonkeyPatch, waits: float, again: bool
) -> None:
    seeds: list[int] = []

    def counted(crews: Sequence[Crew], effort: float, seed: int) -> list[CoveragePath]:
        seeds.append(seed)
        return shared(crews, effort, seed)

    def waiting(paths: list[CoveragePath], *_: object) -> Apart:
        slower = 1.0 if seeds[-1] == 8 else waits
        legs = [[replace(leg, times_s=leg.times_s * slower) for leg in path.legs] for path in paths]
        return Apart([replace(path, legs=tuple(own)) for path, own in zip(paths, legs, strict=True)], 0)

    monkeypatch.setattr(manning, "kept_apart", waiting)
    found = manning.manned([crew()], ROBOTS, counted, 1.0, 7, look=0.1)
    assert seeds == ([7, 8] if again else [7])
    assert max(path.finish_s for path in found.paths) == pytest.approx(WORK_S / 4 * (1.0 if again else waits))


@pytest.mark.parametrize(("look", "hurried"), [(0.1, False), (1.0, True)])
def test_where_robots_meet_other_plans_are_tried_if_there_is_time(
    monkeypatch: pytest.MonkeyPatch, look: float, hurried: bool
) -> None:
    seeds: list[int] = []

    def lucky(crews: Sequence[Crew], effort: float, seed: int) -> list[CoveragePath]:
        seeds.append(seed)
        return shared(crews, effort, seed)

    monkeypatch.setattr(manning, "kept_apart", lambda paths, *_: Apart(paths, 0 if seeds[-1] == 8 else 1))
    found = manning.manned([crew()], ROBOTS, lucky, 1.0, 7, look=look).paths
    assert driving(found) == 4
    assert seeds[-1] == (7 if hurried else 8)


@pytest.mark.parametrize(("tries", "meeting"), [(0, 1), (2, 1), (3, 0), (16, 0)])
@pytest.mark.parametrize(("look", "looks"), [(1.0, 0), (0.1, 2)])
def test_where_robots_meet_whatever_is_tried_rough_plans_are_tried_until_they_do_not(
    monkeypatch: pytest.MonkeyPatch, tries: int, meeting: int, look: float, looks: int
) -> None:
    rough: list[int] = []

    def counted(crews: Sequence[Crew], effort: float, seed: int) -> list[CoveragePath]:
        if 0.2 < effort < 1.0:
            rough.append(seed)
        return shared(crews, effort, seed)

    monkeypatch.setattr(manning, "kept_apart", lambda paths, *_: Apart(paths, 0 if len(rough) == 3 else 1))
    found = manning.manned([crew()], ROBOTS, counted, 1.0, 7, look=look, looks=looks, tries=tries)
    assert found.meeting == meeting
    assert len(rough) == len(set(rough)) == min(tries, 3)
    assert driving(found.paths) == 4
