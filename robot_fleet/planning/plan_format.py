"""The words of plan documents: their formats and keys, who is what kind of robot, and what a place looks like."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from robot_fleet.floor.profile import BUILT_IN, RobotProfile
from robot_fleet.floor.profile_document import is_number

PLAN_FORMAT, PATHS_FORMAT, FRAME = "robot-fleet-plan/1", "robot-fleet-paths/1", "map"
CLAIMS = ("requested_m2", "coverable_m2", "planned_m2", "bound_s", "makespan_s")
TOP = ("format", "frame_id", "floor", "zones", "robots", "missed", "late", "water_left_m2", *CLAIMS)
ROBOT: tuple[str, ...] = ("name", "profile", "start", "charge", "legs")
PATH: tuple[str, ...] = ("name", "profile", "start", "points", "times_s")
LEG = ("id", "kind", "zone", "tool_on", "start_s", "end_s", "reverse", "poses", "times_s", "switches")
SWITCH = ("at_s", "deck", "solution", "vacuum")
MISSED = ("zone", "reason", "area_m2", "polygon", "holes")
LATE = ("zone", "due_s", "clean_s")
FARTHEST_M = 1e6


@dataclass(frozen=True)
class Profiles:
    """Who is what kind of robot: the profiles that a document may name, and those of robots that it gives none.

    `of_robot` holds them by the robot's name, `usual` is that of all others; `instead` overrules the document.
    """

    named: Mapping[str, RobotProfile]
    of_robot: Mapping[str, RobotProfile] = field(default_factory=dict)
    usual: RobotProfile | None = None
    instead: RobotProfile | None = None

    def left_out(self, robot: str) -> RobotProfile | None:
        """The profile of a robot whose document has none."""
        return self.of_robot.get(robot, self.usual)


BUILT_IN_ALONE = Profiles(BUILT_IN)


def is_point(point: object) -> bool:
    """Whether it is [x, y]."""
    return isinstance(point, (list, tuple)) and len(point) == 2 and not amiss(point)


def amiss(pose: object) -> str:
    """What is wrong with [x, y] or [x, y, yaw]; nothing if it is a pose."""
    if not isinstance(pose, (list, tuple)) or len(pose) not in (2, 3):
        return f"is {shown(pose)}"
    for name, value in zip(("x", "y", "yaw"), pose, strict=False):
        if not is_number(value):
            return f"has the {name} {shown(value)}"
        if abs(value) > FARTHEST_M:
            return f"has the {name} {shown(value)}, farther than {FARTHEST_M:.0f}"
    return ""


def shown(value: object) -> str:
    """A value as a fault names it, cut short."""
    if value is None:
        return "missing"
    if isinstance(value, (Mapping, list, tuple)):
        return f"a {type(value).__name__} of {len(value)}"
    if isinstance(value, int) and value.bit_length() > 200:
        return "a very large number"
    text = f'"{_printable(value)}"' if isinstance(value, str) else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _printable(text: str) -> str:
    """The text with what would command a terminal, or cannot be written, as escapes."""
    return "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in text)
