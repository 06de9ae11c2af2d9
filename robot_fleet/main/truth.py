"""A run beside what truly happened in the simulator: how much is clean, and how far the controller's credit is right."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from robot_fleet.control.snapshot import RunRecord
from robot_fleet.floor.store import Store
from robot_fleet.planning.judging.ground import coverable
from robot_fleet.sim.report import read_truth


@dataclass(frozen=True)
class Hit:
    """A collision: which robot, with what, when (the store's clock) and where (map frame)."""

    robot: str
    other: str
    at_s: float
    x_m: float
    y_m: float


@dataclass(frozen=True, eq=False)
class TrueResult:
    """What the simulator saw. Shares are of the coverable floor: truly clean, falsely credited, clean without credit.

    `cleaned` marks the requested cells (rows, cols) that running heads passed over; `clock_s` is the store's clock.
    """

    true_share: float
    false_credit: float
    missed_credit: float
    coverable_m2: float
    clock_s: float
    collisions: tuple[Hit, ...]
    distance_m: dict[str, float]
    cleaned: NDArray[np.bool_] = field(repr=False)


def true_result(store: Store, zones: tuple[str, ...], record: RunRecord, report: Path) -> TrueResult:
    """The run's record held against the simulator's report file; OSError or ValueError when that cannot be read."""
    document, truth, _ = read_truth(report)
    starts = [(robot.profile, store.floor.dock(robot.dock).staging) for robot in store.robots]
    requested = store.floor.requested(zones)
    within = requested & coverable(store.floor, starts)
    cells = max(1, int(np.count_nonzero(within)))
    cleaned, credited = truth & requested, record.cleaned & requested
    return TrueResult(
        true_share=int(np.count_nonzero(cleaned & within)) / cells,
        false_credit=int(np.count_nonzero(credited & ~cleaned)) / cells,
        missed_credit=int(np.count_nonzero(cleaned & ~credited)) / cells,
        coverable_m2=cells * store.floor.grid.cell_area_m2,
        clock_s=document["clock_s"],
        collisions=tuple(
            Hit(hit["robot"], hit["with"], hit["at_s"], hit["x_m"], hit["y_m"]) for hit in document["collisions"]
        ),
        distance_m={name: robot["distance_m"] for name, robot in document["robots"].items()},
        cleaned=cleaned,
    )
