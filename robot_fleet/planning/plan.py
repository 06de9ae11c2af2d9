"""What a planner is asked and what it answers. Lengths in metres in the map frame, times in seconds from the plan's start."""

from __future__ import annotations

import datetime
import enum
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from shapely import Polygon

from robot_fleet.floor.faults import Fault
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.profile import RobotProfile
from robot_fleet.floor.store import Dock, FloorMap

DAY_S = 86_400.0


def day_s(at: datetime.time) -> float:
    """The seconds of its day that have passed at a time of day."""
    return at.hour * 3600.0 + at.minute * 60.0 + at.second + at.microsecond * 1e-6


class LegKind(str, enum.Enum):
    """What a leg is for; without switches the head is on in a CLEAN leg and in no other. In a SERVICE leg it stays in a dock."""

    UNDOCK = "undock"
    TRANSIT = "transit"
    CLEAN = "clean"
    SERVICE = "service"
    DOCK = "dock"


class MissedReason(str, enum.Enum):
    """Why requested floor is not cleaned."""

    TOO_NARROW = "too narrow"
    KEEPOUT = "keepout"
    UNREACHABLE = "unreachable"
    NO_ROBOT_MAY_ENTER = "no robot may enter"
    BLOCKED = "blocked"
    ROBOT_FAILED = "robot failed"
    STOPPED = "stopped"
    CANNOT_TURN = "cannot turn there"
    NOT_CLEANED = "not cleaned"


@dataclass(frozen=True)
class Switch:
    """What of the head works from `at_s` on, seconds from the plan's start."""

    at_s: float
    deck: bool
    solution: bool
    vacuum: bool


@dataclass(frozen=True, eq=False)
class Leg:
    """One stretch of a robot's way along `points` (n, 2), n >= 2, passed at `times_s` (n,), never decreasing.

    The robot faces along the path and pivots at corners; with `reverse` it drives backwards (out of its dock).
    `times_s[i]` is the arrival at `points[i]`: a pivot there comes after it, in the interval that follows.
    Two equal points in a row with different times are a wait. A leg starts where the leg before it ended.

    `switches`, in the order of their times, say what of the head works; a leg without any has all of it on if it cleans,
    and all of it off if not.
    """

    leg_id: str
    kind: LegKind
    points: NDArray[np.float64]
    times_s: NDArray[np.float64]
    zone: str = ""
    reverse: bool = False
    switches: tuple[Switch, ...] = ()

    @property
    def head_on(self) -> bool:
        """Whether the cleaning head is on along this leg."""
        return self.kind is LegKind.CLEAN

    @property
    def length_m(self) -> float:
        """Metres along the leg."""
        return float(np.hypot(*np.diff(self.points, axis=0).T).sum())


@dataclass(frozen=True, eq=False)
class CoveragePath:
    """All that one robot does: its legs in order, from its start to its dock."""

    robot: str
    legs: tuple[Leg, ...]

    @property
    def finish_s(self) -> float:
        """When the robot is done; 0 for a robot that stays where it is."""
        return float(self.legs[-1].times_s[-1]) if self.legs else 0.0


@dataclass(frozen=True)
class MissedArea:
    """Requested floor that is not cleaned: `polygon` in the map frame, with its zone and the reason."""

    zone: str
    reason: MissedReason
    polygon: Polygon
    area_m2: float


@dataclass(frozen=True)
class LateZone:
    """A zone that is clean `clean_s` after the plan's start and should be after `due_s` (below 0: before the start)."""

    zone: str
    due_s: float
    clean_s: float

    def told(self, floor: FloorMap, begins: datetime.time) -> str:
        """What a person is told of it when the plan begins at that time of day; to the minute, rounded up."""
        hour, minute = divmod(math.ceil((day_s(begins) + self.clean_s) / 60), 60)
        due = floor.zone(self.zone).clean_before
        return f"Zone {self.zone} will be clean at {hour % 24:02d}:{minute:02d}, not before {due:%H:%M}"


@dataclass(frozen=True, eq=False)
class Plan:
    """Paths for a fleet. requested_m2 = planned_m2 + the missed areas; coverable_m2 is what the fleet could reach.

    `bound_s` is coverable area over the sum of head width x speed; `makespan_s` ends with the last robot on its dock.
    `late` are the zones that will be clean later than they should, `meetings` the pairs of robots that no waits keep apart: live
    traffic stops one of them. `water_left_m2` is wetted floor that no squeegee passes over later. `unserved` are the robots that
    have no work since no docks serve them on their tours, and why.
    """

    floor: str
    zones: tuple[str, ...]
    paths: tuple[CoveragePath, ...]
    missed: tuple[MissedArea, ...]
    requested_m2: float
    coverable_m2: float
    planned_m2: float
    bound_s: float
    late: tuple[LateZone, ...] = ()
    meetings: int = 0
    water_left_m2: float = 0.0
    unserved: tuple[tuple[str, Fault], ...] = ()

    @property
    def makespan_s(self) -> float:
        """When the last robot is done."""
        return max((path.finish_s for path in self.paths), default=0.0)

    def path(self, robot: str) -> CoveragePath:
        """The robot's path; an empty one for a robot without work."""
        return next((path for path in self.paths if path.robot == robot), CoveragePath(robot, ()))


@dataclass(frozen=True)
class Starter:
    """A robot as the planner sees it: where it stands, whether it stands in its dock, where it ends (None: anywhere).

    `battery` and `water` are its levels at the start, 0 to 1.
    """

    name: str
    profile: RobotProfile
    pose: Pose
    docked: bool
    dock: Dock | None
    battery: float = 1.0
    water: float = 1.0


@dataclass(frozen=True, eq=False)
class PlanRequest:
    """What is to be planned; frozen and picklable, so that planning can run in another process.

    `cleaned` (rows, cols) marks cells that need nothing more; `closed` are polygons that no robot may touch for now,
    such as the place of a dead robot. `leg_prefix` makes leg ids unique over plans. The same seed gives the same plan.

    `deadline_s` is for the stages that search: they do no more than fits into so many seconds of an ordinary machine, counted
    in steps, so that the same request still gives the same plan. None: as long as it pays.

    `begins` is the time of day, in the store's time zone, at which the plan begins; without it no zone is due. For the rest of
    a run `underway_s` says how long ago that began: a time that has passed since then is missed, not tomorrow's.
    """

    floor: FloorMap
    robots: tuple[Starter, ...]
    zones: tuple[str, ...]
    cleaned: NDArray[np.bool_] | None = None
    closed: tuple[Polygon, ...] = ()
    leg_prefix: str = ""
    least_patch_m2: float = 0.0
    seed: int = 0
    deadline_s: float | None = None
    begins: datetime.time | None = None
    underway_s: float = 0.0


class CannotPlan(Exception):
    """There is no plan for the request; `faults` says why, each with its remedy."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        self.faults = faults
        super().__init__("; ".join(map(str, faults)))

    def __reduce__(self) -> tuple[type[CannotPlan], tuple[tuple[Fault, ...]]]:
        """Pickled by its faults: planning runs in another process."""
        return CannotPlan, (self.faults,)


class CannotServe(CannotPlan):
    """There is none with some robots, by their names: tank or battery cannot last."""

    def __init__(self, lacking: Mapping[str, Fault]) -> None:
        self.lacking = dict(lacking)
        super().__init__(tuple(lacking.values()))


Progress = Callable[[float, str], None]
"""Called with the share done (0..1) and the present step, as a person would read it."""
