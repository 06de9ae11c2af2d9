"""What can go wrong in a night: the kinds of faults, and faults drawn by a seed. A night is its seed and its faults."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robot_fleet.floor.store import Store


@dataclass(frozen=True)
class Fault:
    """Something goes wrong `at_s` after the night's start and lasts `seconds`; 0 where that means nothing.

    `robot` is empty where it befalls all or none; (x_m, y_m), map frame, is where something stands or how far a robot is off;
    `value` is a number whose meaning is that of the kind.
    """

    kind: str
    at_s: float
    seconds: float = 0.0
    robot: str = ""
    x_m: float = 0.0
    y_m: float = 0.0
    value: float = 0.0

    def lasts(self, now_s: float) -> bool:
        """Whether it is going on."""
        return self.at_s <= now_s < self.at_s + self.seconds

    def as_dict(self) -> dict[str, Any]:
        """As plain values."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Fault:
        """What `as_dict` came from."""
        return cls(**values)


ROBOT, WORLD, LINK, CONTROLLER, REQUEST = "robot", "world", "link", "controller", "request"
FLOOR_CLOSED = "floor closed"
"""A person closes floor within `value` metres of where the robot works, or of the place when it does not."""


@dataclass(frozen=True)
class Kind:
    """Of which group a kind is, how long it lasts (seconds, least and most), and the range of its value."""

    group: str
    lasts_s: tuple[float, float] = (0.0, 0.0)
    value: tuple[float, float] = (0.0, 0.0)
    weight: float = 1.0


KINDS: dict[str, Kind] = {
    "dead": Kind(ROBOT, weight=0.5),
    "silent": Kind(ROBOT, (12.0, 120.0)),
    "slow": Kind(ROBOT, (20.0, 200.0), (0.1, 0.6)),
    "delocalised": Kind(ROBOT, (5.0, 40.0), (0.3, 0.9)),
    "e-stop": Kind(ROBOT, (5.0, 120.0)),
    "manual mode": Kind(ROBOT, (5.0, 120.0)),
    "safety fault": Kind(ROBOT, (5.0, 120.0)),
    "power loss": Kind(ROBOT, (20.0, 120.0)),
    "contact": Kind(ROBOT, (5.0, 120.0)),
    "battery falls": Kind(ROBOT, (60.0, 240.0), (20.0, 60.0)),
    "docking fails": Kind(ROBOT, (30.0, 400.0)),
    "tank full": Kind(ROBOT, (20.0, 200.0)),
    "goals rejected": Kind(ROBOT, (5.0, 60.0)),
    "goals aborted": Kind(ROBOT, (5.0, 60.0)),
    "never answered": Kind(ROBOT, (5.0, 60.0)),
    "answered late": Kind(ROBOT, (20.0, 120.0), (2.0, 30.0)),
    "answered twice": Kind(ROBOT, (60.0, 300.0), (0.0, 5.0)),
    "succeeded at once": Kind(ROBOT, (5.0, 60.0)),
    "person": Kind(WORLD, (20.0, 120.0)),
    "pallet": Kind(WORLD, (3600.0, 3600.0)),
    "aisle closed": Kind(WORLD, (1e9, 1e9), (0.0, 3.14), 0.5),
    "dock taken": Kind(WORLD, (60.0, 1200.0), weight=0.5),
    FLOOR_CLOSED: Kind(WORLD, (20.0, 900.0), (0.4, 1.2)),
    "messages lost": Kind(LINK, (20.0, 200.0), (0.05, 0.5)),
    "messages late": Kind(LINK, (20.0, 200.0), (0.5, 2.5)),
    "messages doubled": Kind(LINK, (20.0, 200.0), (0.1, 3.0)),
    "messages re-ordered": Kind(LINK, (20.0, 200.0), (0.5, 2.5)),
    "link cut": Kind(LINK, (60.0, 60.0)),
    "crash": Kind(CONTROLLER, (3.0, 20.0), (0.0, 40.0), 2.0),
    "asleep": Kind(CONTROLLER, (5.0, 60.0)),
    "clock jumps": Kind(CONTROLLER, (0.0, 0.0), (-7200.0, 7200.0)),
    "disk full": Kind(CONTROLLER, (5.0, 60.0)),
    "commit fails": Kind(CONTROLLER, (0.0, 0.0), (0.0, 40.0)),
    "plan fails": Kind(CONTROLLER, (10.0, 60.0)),
    "stop": Kind(REQUEST, weight=0.5),
    "stop in planning": Kind(REQUEST, weight=0.5),
    "start twice": Kind(REQUEST),
    "pause": Kind(REQUEST, (2.0, 120.0)),
    "spot clean": Kind(REQUEST),
}

_OF_ALL, _OF_ONE = (WORLD, CONTROLLER, REQUEST), ("dock taken", FLOOR_CLOSED)
GROUPS = (ROBOT, WORLD, LINK, CONTROLLER, REQUEST)

# On average; at least one where there are any.
_MEAN_FAULTS = 6.0
_PLACE_TRIES = 50
_IN_PLANNING_S = (5.2, 8.0)
_DOCK_AWAY_M = 1.6


def kinds_named(names: Sequence[str]) -> tuple[str, ...]:
    """The kinds of a list of kinds and groups, each once; ValueError names one that is neither."""
    found: dict[str, None] = {}
    for name in names:
        if name not in KINDS and name not in GROUPS:
            raise ValueError(name)
        found |= dict.fromkeys(kind for kind, about in KINDS.items() if name in (kind, about.group))
    return tuple(found)


def draw_faults(seed: int, store: Store, kinds: Sequence[str], horizon_s: float) -> tuple[Fault, ...]:
    """The faults of a night, six on average, in the order of their times; the same seed draws the same."""
    rng = np.random.default_rng([seed, 1])
    if not kinds:
        return ()
    weights = np.array([KINDS[kind].weight for kind in kinds])
    chosen = rng.choice(len(kinds), size=1 + int(rng.poisson(_MEAN_FAULTS - 1.0)), p=weights / weights.sum())
    return tuple(sorted((_draw(rng, store, kinds[i], horizon_s) for i in chosen), key=lambda fault: fault.at_s))


def _draw(rng: np.random.Generator, store: Store, kind: str, horizon_s: float) -> Fault:
    about = KINDS[kind]
    begins_s = _IN_PLANNING_S if kind == "stop in planning" else (5.0, 5.0 + horizon_s)
    at_s, seconds, value = (round(float(rng.uniform(*limits)), 2) for limits in (begins_s, about.lasts_s, about.value))
    robot = str(rng.choice([spec.name for spec in store.robots]))
    x_m, y_m = _place(rng, store)
    if kind == "delocalised":
        turn = float(rng.uniform(0.0, 2.0 * np.pi))
        x_m, y_m = value * float(np.cos(turn)), value * float(np.sin(turn))
    elif kind == "dock taken":
        dock = store.floor.dock(store.robot(robot).dock).pose
        x_m, y_m = dock.x_m, dock.y_m
    if (about.group in _OF_ALL and kind not in _OF_ONE) or kind == "link cut":
        robot = ""
    return Fault(kind, at_s, seconds, robot, round(x_m, 3), round(y_m, 3), value)


def _place(rng: np.random.Generator, store: Store) -> tuple[float, float]:
    """A free place that stands in no dock's way."""
    grid = store.floor.grid
    rows, cols = np.nonzero(grid.free)
    docks = [(dock.pose, dock.staging) for dock in store.floor.docks]
    place: NDArray[np.float64] = np.zeros(2)
    for _ in range(_PLACE_TRIES):
        index = int(rng.integers(len(rows)))
        place = grid.centres([(rows[index], cols[index])])[0]
        away = (np.hypot(place[0] - pose.x_m, place[1] - pose.y_m) for both in docks for pose in both)
        if min(away, default=np.inf) > _DOCK_AWAY_M:
            break
    return float(place[0]), float(place[1])
