"""Many nights: on several processes, with what came of each kept in a file, so that it can be gone on with."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from robot_fleet.floor.store import Store
from robot_fleet.main.kept_lines import OtherLines, add_line, line_of, whole_lines
from robot_fleet.main.parent import end_with
from robot_fleet.main.reproducible import reproducible_numbers
from robot_fleet.main.stores import load
from robot_fleet.nights.faults import GROUPS, KINDS, Fault, draw_faults, kinds_named
from robot_fleet.nights.fleets import mixed_store
from robot_fleet.nights.floors import random_store
from robot_fleet.nights.night import Night, Outcome, simulate
from robot_fleet.nights.planning import HastyPlans
from robot_fleet.nights.reached import ALL_PAIRS
from robot_fleet.nights.shrinking import shrunk
from robot_fleet.pictures import draw_coverage

__all__ = [
    "ALL_PAIRS", "GROUPS", "KINDS", "MIXED", "RANDOM", "Nights", "NightsSettings", "OtherNights", "draw_night",
    "kinds_named", "pass_nights",
]  # fmt: skip

RANDOM = "random"
"""In place of a store folder: every night in a hall of its own, with 2 to 6 robots unless it is said how many."""

MIXED = "mixed"
"""The same with 2 to 4 robots of unlike machines, with keepouts, one-ways, and zones and docks that are not for all."""

_HORIZON = 2.5
_MOST_RANDOM, _MOST_MIXED = 6, 4


@dataclass(frozen=True)
class NightsSettings:
    """What nights are to be like. `store` is a folder, RANDOM or MIXED; `kinds` are those of faults.KINDS."""

    store: str
    robots: int | None
    kinds: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """As plain values."""
        return {"store": self.store, "robots": self.robots, "kinds": list(self.kinds)}


class OtherNights(Exception):
    """The file of results is of nights of another kind."""


class Nights:
    """Lets nights pass, one after the other, in this process; remembers stores and plans."""

    def __init__(self, settings: NightsSettings) -> None:
        from robot_fleet.planning.planner import plan

        self._settings = settings
        self._plans = HastyPlans(plan)
        drawn = settings.store in (RANDOM, MIXED)
        self._store = None if drawn else load(Path(settings.store), settings.robots)
        self._drawn: tuple[int, Store] | None = None

    def store(self, seed: int) -> Store:
        """The store of that seed's night."""
        if self._store is not None:
            return self._store
        if self._drawn is None or self._drawn[0] != seed:
            self._drawn = seed, self._draw(seed)
        return self._drawn[1]

    def _draw(self, seed: int) -> Store:
        if self._settings.store == MIXED:
            return mixed_store(seed, self._settings.robots or 2 + seed % (_MOST_MIXED - 1))
        return random_store(seed, self._settings.robots or 2 + seed % (_MOST_RANDOM - 1))

    def night(self, seed: int) -> Night:
        """The night of that seed, with its faults."""
        store = self.store(seed)
        return Night(seed, draw_faults(seed, store, self._settings.kinds, horizon_s(store)))

    def outcome(self, night: Night) -> Outcome:
        """What comes of a night."""
        return simulate(self.store(night.seed), night, self._plans)

    def shrunk(self, failed: Outcome) -> Outcome:
        """A night with fewer faults that fails by one of the same checks."""
        checks = {violation.check for violation in failed.violations}
        best = failed

        def fails(faults: tuple[Fault, ...]) -> bool:
            nonlocal best
            tried = self.outcome(Night(failed.seed, faults))
            again = bool(checks & {violation.check for violation in tried.violations})
            best = tried if again and len(faults) < len(best.faults) else best
            return again

        shrunk(failed.faults, fails)
        return best


def horizon_s(store: Store) -> float:
    """Until when faults begin: a generous guess of how long a run takes."""
    zones = tuple(zone.name for zone in store.floor.zones)
    area_m2 = float(store.floor.requested(zones).sum()) * store.floor.grid.cell_area_m2
    rate = sum(spec.profile.head.width_m * spec.profile.speed_mps for spec in store.robots)
    return _HORIZON * area_m2 / rate


def pass_nights(
    settings: NightsSettings,
    seeds: list[int],
    jobs: int,
    kept: Path | None,
    tell: Callable[[dict[str, Any], bool], None],
) -> list[dict[str, Any]]:
    """What came of each seed's night, as plain values, in the order of the seeds; `tell` hears of each, and whether it is new.

    With `kept` each is added to that file, and those that are there already are not passed again. OtherNights when it
    is a file of other nights.
    """
    done = {entry["seed"]: entry for entry in _kept(kept, settings)} if kept else {}
    for entry in done.values():
        if entry["seed"] in set(seeds):
            tell(entry, False)
    todo = [seed for seed in seeds if seed not in done]
    for entry in _passed(settings, todo, jobs):
        done[entry["seed"]] = entry
        if kept:
            add_line(kept, entry)
        tell(entry, True)
    return [done[seed] for seed in seeds]


def draw_night(store: Store, outcome: Outcome, path: Path) -> Path:
    """Draws where robots drove, what got clean, and what went wrong."""
    figures = [("seed", str(outcome.seed)), ("time", f"{outcome.seconds:.0f} s")]
    figures += [(f"fault at {fault.at_s:.0f} s", f"{fault.kind} {fault.robot}".strip()) for fault in outcome.faults]
    figures += [(f"{found.check} at {found.at_s:.0f} s", "violated") for found in outcome.violations]
    return draw_coverage(store.floor, outcome.credited, outcome.tracks, path, (), outcome.truth, figures)


def _kept(path: Path, settings: NightsSettings) -> list[dict[str, Any]]:
    """The nights in a file; a new file begins with what they are like. A line that was cut off is left out."""
    about = settings.as_dict()
    try:
        entries = whole_lines(path, line_of(about))
    except OtherLines as other:
        raise OtherNights(f"{path} holds nights of another kind, or something else: {other}") from None
    if not entries:
        add_line(path, about)
    return entries[1:]


def _passed(settings: NightsSettings, seeds: list[int], jobs: int) -> Iterator[dict[str, Any]]:
    if jobs == 1 or len(seeds) < 2:
        nights = Nights(settings)
        yield from (nights.outcome(nights.night(seed)).as_dict() for seed in seeds)
        return
    reproducible_numbers()
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=spawn, initializer=_begin, initargs=(settings, os.getpid())) as pool:
        futures = [pool.submit(_work, seed) for seed in seeds]
        try:
            for future in as_completed(futures):
                yield future.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


_nights: Nights | None = None


def _begin(settings: NightsSettings, parent: int) -> None:
    """In a new process: Ctrl-C is the parent's business."""
    global _nights
    end_with(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _nights = Nights(settings)


def _work(seed: int) -> dict[str, Any]:
    assert _nights is not None
    # What is loaded by now stays, and is not to be looked through for garbage again and again while the night passes.
    gc.collect()
    gc.freeze()
    try:
        return _nights.outcome(_nights.night(seed)).as_dict()
    except Exception as bug:
        raise RuntimeError(f"the night of seed {seed} cannot be simulated: {bug!r}") from bug
