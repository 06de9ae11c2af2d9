"""Frozen views of the controller's state, as the API and the pictures see it. Metres, seconds; times of day in UTC seconds."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from shapely import Polygon

from robot_fleet.fleet.states import RobotState, RunState
from robot_fleet.floor.pose import Pose
from robot_fleet.planning.plan import MissedArea


@dataclass(frozen=True)
class ZoneProgress:
    """How far one zone is: requested = coverable + not coverable; cleaned as credited."""

    zone: str
    requested_m2: float
    coverable_m2: float
    cleaned_m2: float


@dataclass(frozen=True)
class RobotShare:
    """What one robot did in one run."""

    robot: str
    distance_m: float
    cleaning_s: float
    driving_s: float
    waiting_s: float
    cleaned_m2: float


@dataclass(frozen=True)
class PlanningProgress:
    """How far a plan is that is being made: the share done (0..1) and the present step, as a person would read it."""

    share: float
    step: str


@dataclass(frozen=True)
class RunView:
    """One cleaning run. `version` grows with every change of the controller's state that touched this run.

    `progress` is cleaned / coverable (0..1); `time_to_go_s` is None while unknown. `unconfirmed` names the robots that have not
    confirmed a stop. `missed` is filled when the run has ended; before, it holds what the plan cannot reach. `planning` is
    there while the run, or the rest of it, is being planned.
    """

    run_id: str
    request_id: str
    store: str
    zones: tuple[str, ...]
    state: RunState
    reason: str
    version: int
    created_at_s: float
    started_at_s: float | None
    ended_at_s: float | None
    elapsed_s: float
    time_to_go_s: float | None
    requested_m2: float
    coverable_m2: float
    cleaned_m2: float
    zone_progress: tuple[ZoneProgress, ...] = ()
    shares: tuple[RobotShare, ...] = ()
    missed: tuple[MissedArea, ...] = ()
    unconfirmed: tuple[str, ...] = ()
    planning: PlanningProgress | None = None

    @property
    def progress(self) -> float:
        """Share of the coverable floor that is cleaned."""
        return min(1.0, self.cleaned_m2 / self.coverable_m2) if self.coverable_m2 else 0.0


@dataclass(frozen=True)
class RobotView:
    """One robot. `pose` and `battery` are None until first heard; `hold` is why it is HELD, else empty."""

    name: str
    state: RobotState
    version: int
    pose: Pose | None
    battery: float | None
    charging: bool
    head_on: bool
    run_id: str
    leg_id: str
    hold: str
    heard_at_s: float | None
    detail: str = ""

    @cached_property
    def lasting(self) -> tuple[object, ...]:
        """All but when it was heard last, and of which version it is: what is news to who watches; worked out once for all."""
        return tuple(value for name, value in vars(self).items() if name not in ("version", "heard_at_s"))


@dataclass(frozen=True)
class AlertView:
    """Something a person should know: what happened, where, and what to do."""

    alert_id: str
    at_s: float
    severity: str
    robot: str
    run_id: str
    text: str
    remedy: str
    active: bool


@dataclass(frozen=True, eq=False)
class ClosureView:
    """Floor (map frame) that a person closed for a while; `ends_at_s` None: until somebody opens it.

    `inside` names the robots that stand in it, or have not wholly got out of it.
    """

    name: str
    polygon: Polygon
    closed_at_s: float
    ends_at_s: float | None = None
    inside: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """What stands in its place among the names of robots; no robot may be named so."""
        return f"closed floor '{self.name}'"


@dataclass(frozen=True)
class Snapshot:
    """All that can be seen from outside at one moment; replaced as a whole at every change."""

    version: int
    clock_s: float
    runs: tuple[RunView, ...] = ()
    robots: tuple[RobotView, ...] = ()
    alerts: tuple[AlertView, ...] = ()
    closures: tuple[ClosureView, ...] = ()


@dataclass(frozen=True, eq=False)
class RunRecord:
    """What a report draws: which cells a run cleaned, (rows, cols), and each robot's way as (n, 3) t_s, x_m, y_m."""

    run_id: str
    cleaned: NDArray[np.bool_]
    tracks: dict[str, NDArray[np.float64]] = field(default_factory=dict)
