"""How many robots drive: where one more costs the others more waiting than it takes work off them, it stays on its dock."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from robot_fleet.planning.apart import Apart, kept_apart, makespan_s
from robot_fleet.planning.crew import Crew
from robot_fleet.planning.plan import CoveragePath, Starter

CrewsDriven = Callable[[Sequence[Crew]], list[CoveragePath]]


def manned(
    teams: Sequence[Crew], robots: Sequence[Starter], driven: CrewsDriven, patience_s: float, seed: int,
    either_way: bool = True,
) -> list[CoveragePath]:  # fmt: skip
    """The paths of all robots (empty for those that stay), kept apart; `driven` plans each crew as if it were alone.

    Paths are turned round only if they may be driven `either_way`.

    N robots without waiting take about (N - 1) / N of the time of N - 1, or more. So one fewer is tried only where waiting
    costs more than half of what the last robot could bring, and where robots would meet: most plans are made once.
    """
    alone = driven(teams)
    best = apart = kept_apart(alone, robots, patience_s, seed, either_way)
    while (fewer := _without_one(teams, robots, alone, apart)) is not None:
        teams = fewer
        alone = driven(teams)
        apart = kept_apart(alone, robots, patience_s, seed, either_way)
        if apart.cost >= best.cost and not apart.meeting:
            break
        best = min(best, apart, key=lambda one: one.cost)
    return best.paths


def _without_one(
    teams: Sequence[Crew], robots: Sequence[Starter], alone: list[CoveragePath], apart: Apart
) -> list[Crew] | None:
    """The crews without the last robot that can be spared; None where as many as there are pay."""
    driving = sum(bool(path.legs) for path in alone)
    if driving < 2:
        return None
    waits_little = makespan_s(apart.paths) <= makespan_s(alone) * (1.0 + 0.5 / (driving - 1))
    if waits_little and not apart.meeting:
        return None
    at_work = {path.robot for path in alone if path.legs}
    spare = [r for crew in teams if len(crew.robots) > 1 for r in crew.robots if r.docked and r.name in at_work]
    if not spare:
        return None
    # The last one, so that what is left is the plan of a fleet without it, which then can be no better.
    out = max(spare, key=robots.index)
    return [replace(crew, robots=tuple(robot for robot in crew.robots if robot is not out)) for crew in teams]
