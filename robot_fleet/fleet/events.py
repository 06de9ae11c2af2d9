"""What reaches the controller from outside, as frozen values. Times in seconds of the store's clock, poses in our map frame."""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass

from robot_fleet.floor.pose import Pose
from robot_fleet.planning.plan import Plan


class Outcome(str, enum.Enum):
    """How a drive order ended. UNANSWERED: nothing came back within the time that it could have taken."""

    SUCCEEDED = "succeeded"
    ABORTED = "aborted"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    UNANSWERED = "unanswered"


@dataclass(frozen=True)
class PoseReported:
    """Where a robot says that it was at `at_s` (the time of the measurement, not of its arrival)."""

    robot: str
    at_s: float
    pose: Pose

    def __post_init__(self) -> None:
        if not (self.pose.is_finite() and math.isfinite(self.at_s)):
            raise ValueError(f"{self.robot} reported a pose that is not a number")


@dataclass(frozen=True)
class PoseRefused:
    """For some seconds nothing that a robot said of its place could be believed: why, and what a person can do about it.

    It is said again as long as that lasts, and ends with the next PoseReported.
    """

    robot: str
    at_s: float
    reason: str
    remedy: str


@dataclass(frozen=True)
class EquipmentReported:
    """What a robot lacks to be given work, as of now: no drive action's server, say; "" when nothing is missing any more.

    What is missing is said again as long as that lasts.
    """

    robot: str
    at_s: float
    missing: str
    remedy: str = ""


@dataclass(frozen=True)
class BatteryReported:
    """A robot's charge, `level` in 0..1, and whether it says that it is charging."""

    robot: str
    at_s: float
    level: float
    charging: bool

    def __post_init__(self) -> None:
        if not 0.0 <= self.level <= 1.0:
            raise ValueError(f"{self.robot} reported a battery level of {self.level}; it must lie in 0..1")


@dataclass(frozen=True)
class HeadReported:
    """Whether a robot's cleaning head is on, as the robot says."""

    robot: str
    at_s: float
    on: bool


LOST = "localisation lost"
"""The hold of a robot that has found out that it does not know where it is, and has not known for a while."""


@dataclass(frozen=True)
class HoldReported:
    """A robot says that it must not move (`reason`: e-stop, contact, ...), or, with an empty reason, that it may again."""

    robot: str
    at_s: float
    reason: str


@dataclass(frozen=True)
class LegEnded:
    """The terminal result of a drive order. Nothing else ends one; an unknown or old `leg_id` is dropped."""

    robot: str
    at_s: float
    leg_id: str
    outcome: Outcome
    detail: str = ""


@dataclass(frozen=True)
class AllCancelled:
    """A robot confirmed that none of its drive actions has a goal any more (the answer to CancelAll)."""

    robot: str
    at_s: float


@dataclass(frozen=True, eq=False)
class Planned:
    """A plan is ready. `epoch` counts a run's plans; an old one is dropped."""

    run_id: str
    epoch: int
    plan: Plan


@dataclass(frozen=True)
class PlanFailed:
    """There is no plan, and why."""

    run_id: str
    epoch: int
    reason: str


@dataclass(frozen=True)
class PlanProgressed:
    """How far a plan is: the `share` done (0..1) and the present `step`, as a person would read it."""

    run_id: str
    epoch: int
    share: float
    step: str


@dataclass(frozen=True)
class Tick:
    """Time has passed; sent a few times a second, so that silence is an event too."""

    at_s: float


Event = (
    PoseReported
    | PoseRefused
    | BatteryReported
    | HeadReported
    | HoldReported
    | LegEnded
    | AllCancelled
    | Planned
    | PlanFailed
    | PlanProgressed
    | Tick
)
