"""How many robots drive: where one more costs the others more waiting than it takes work off them, it stays on its dock."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from robot_fleet.planning.apart import Apart, kept_apart, makespan_s
from robot_fleet.planning.crew import Crew
from robot_fleet.planning.plan import CannotServe, CoveragePath, Starter

# Plans each crew as if it were alone, with a share of the usual effort, by a seed.
CrewsDriven = Callable[[Sequence[Crew], float, int], list[CoveragePath]]
Keep = Callable[[list[CoveragePath]], Apart]
# The paths as they are driven, with visits to docks say, and kept apart.
Kept = Callable[[list[CoveragePath], Keep], tuple[list[CoveragePath], Apart]]

# So often at most it is tried whether fewer robots would be better.
_MOST_LOOKS = 2
# So many other plans at most are made where robots would meet, or are home so many times as late as they would be alone.
_MOST_AGAIN, _MUCH = 2, 1.15
# The share of the usual effort with which tours without meetings are looked for when all else has failed.
_ROUGHLY = 0.3


def _as_they_are(paths: list[CoveragePath], keep: Keep) -> tuple[list[CoveragePath], Apart]:
    return paths, keep(paths)


def manned(
    teams: Sequence[Crew], robots: Sequence[Starter], driven: CrewsDriven, patience_s: float, seed: int,
    either_way: bool = True, look: float = 1.0, looks: int = _MOST_LOOKS, kept: Kept = _as_they_are,
    tries: int = 0,
) -> Apart:  # fmt: skip
    """The paths of all robots (empty for those that stay), kept apart; they are turned round only if `either_way` will do.

    N robots without waiting take about (N - 1) / N of the time of N - 1, or more. So fewer are tried only where waiting costs
    more than the last robot brings, and where robots would meet: most plans are made once. How many are best is looked at with
    a share `look` of the usual effort, at most `looks` times; that is planned well then. Where robots meet all the same,
    or wait much, another seed may help, if there is time for it. Where all this leaves robots that meet, as in corridors, in
    which a robot that stays on its dock is in the way as well, so many `tries` at most follow with little effort, each by a
    seed of its own. `kept` may add to the paths before they are kept apart.
    """

    def planned(crews: Sequence[Crew], effort: float, seed: int = seed) -> tuple[list[CoveragePath], Apart]:
        return kept(
            driven(crews, effort, seed), lambda paths: kept_apart(paths, robots, patience_s * effort, seed, either_way)
        )

    def tried(crews: Sequence[Crew], effort: float, seed: int = seed) -> tuple[list[CoveragePath], Apart] | None:
        try:
            return planned(crews, effort, seed)
        except CannotServe:
            # There is a plan already: with fewer robots, or other lanes, a tank may not last.
            return None

    everyone = teams
    alone, best = planned(everyone, 1.0)
    soon_s = _MUCH * makespan_s(alone)
    apart, looked = best, list[tuple[Apart, Sequence[Crew]]]()
    # Beside a plan of full effort one of less tells nothing.
    known = [best] if look == 1.0 else []
    while len(looked) < looks and (fewer := _without_one(teams, robots, alone, apart)) is not None:
        if (found := tried(fewer, look)) is None:
            break
        teams, (alone, apart) = fewer, found
        looked.append((apart, teams))
        if any(not other.meeting and other.cost <= apart.cost for other in known):
            break
        known.append(apart)
    if looked:
        apart, teams = min(looked, key=lambda one: one[0].cost)
        if look < 1.0 and apart.meeting < max(1, best.meeting):
            apart = _better(best, tried(teams, 1.0))
        best = min(best, apart, key=lambda one: one.cost)
    seeds = _MOST_AGAIN if look < 1.0 else 0
    for again in range(1, 1 + seeds):
        if best.meeting or makespan_s(best.paths) > soon_s:
            best = _better(best, tried(everyone, 1.0, seed + again))
    for again in range(1 + seeds, 1 + seeds + tries):
        if best.meeting:
            best = _better(best, tried(everyone, _ROUGHLY, seed + again))
    return best


def _better(known: Apart, found: tuple[list[CoveragePath], Apart] | None) -> Apart:
    """What costs less of what is known and what was found, if anything was."""
    return known if found is None else min(known, found[1], key=lambda one: one.cost)


def _without_one(
    teams: Sequence[Crew], robots: Sequence[Starter], alone: list[CoveragePath], apart: Apart
) -> list[Crew] | None:
    """The crews without the last robot that can be spared; None where as many as there are pay."""
    driving = sum(bool(path.legs) for path in alone)
    if driving < 2:
        return None
    waits_little = makespan_s(apart.paths) <= makespan_s(alone) * (1.0 + 1.0 / (driving - 1))
    if waits_little and not apart.meeting:
        return None
    at_work = {path.robot for path in alone if path.legs}
    spare = [r for crew in teams if len(crew.robots) > 1 for r in crew.robots if r.docked and r.name in at_work]
    if not spare:
        return None
    # The last one, so that what is left is the plan of a fleet without it, which then can be no better.
    out = max(spare, key=robots.index)
    return [replace(crew, robots=tuple(robot for robot in crew.robots if robot is not out)) for crew in teams]
