"""What keeps a robot from being trusted with work, by what it tells of itself. On the ROS thread alone.

The doctor looks at the same, by the same measures, before there is a run.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from robot_fleet.fleet.events import BatteryReported, Event, HeadReported, PoseReported
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.store import FloorMap, RobotSpec
from robot_fleet.ros.clock import RosClock
from robot_fleet.ros.listening import MAX_APART_S, clocks_apart

TELL_LEVEL = "Without it nobody knows when it must go home: publish battery_state"
TELL_HEAD = "Floor is credited only while it says true: publish it latched, or once a second"
SET_POSE = "Set its pose on its own map; if that is right, look at map_to_robot in store.yaml"
FROM_DOCK_M = 0.5
"""A robot that charges further than this, or its own radius, from every dock does not know where it is."""

_CLOCKS_APART_S = 0.5
# Nearly full, a robot may say so away from any charger.
_FULL = 0.9
# The least late of some seconds' poses: the way to us may only make them later.
_WINDOW_S = 5.0
# What was said longer ago tells nothing of now.
_FRESH_S = 5.0

Tell = Callable[[Event], None]


def is_apart(late_s: float, answer_s: float) -> bool:
    """Whether a robot's clock is not ours, by poses so late (negative: ahead of time), where an answer takes `answer_s`."""
    return late_s < -_CLOCKS_APART_S or late_s > _CLOCKS_APART_S + answer_s


def astray_m(spec: RobotSpec, floor: FloorMap, pose: Pose, level: float) -> float:
    """How far a robot that charges, and has charged to `level`, says that it is from the nearest dock; 0 where that may be."""
    away_m = min(pose.distance_m(dock.pose) for dock in floor.docks)
    near_m = max(FROM_DOCK_M, spec.profile.footprint.circumscribed_m)
    return away_m if away_m > near_m and level < _FULL else 0.0


def words_of_astray(away_m: float) -> str:
    """That a robot says so."""
    return f"it charges and says that it is {away_m:.1f} m from the nearest dock"


class Trust:
    """Notes what one robot tells; without a `floor` it is not looked at where docks are."""

    def __init__(self, spec: RobotSpec, clock: RosClock, floor: FloorMap | None) -> None:
        self._spec, self._clock, self._floor = spec, clock, floor
        self._lateness = _Least()
        self._pose: tuple[float, PoseReported] | None = None
        self._battery: tuple[float, BatteryReported] | None = None
        self._has_told_head, self._is_astray = False, False

    def noting(self, tell: Tell) -> Tell:
        """`tell`, and what is told is noted."""

        def note(event: Event) -> None:
            now = time.monotonic()
            if isinstance(event, PoseReported):
                self._pose = now, event
                late_s = self._clock.now_s() - event.at_s
                # What is later is the latched pose of a robot that stands.
                if late_s <= MAX_APART_S:
                    self._lateness.note(now, late_s)
            elif isinstance(event, BatteryReported):
                self._battery = now, event
            elif isinstance(event, HeadReported):
                self._has_told_head = True
            tell(event)

        return note

    def fault(self, answer_s: float | None) -> tuple[str, str]:
        """Why it is not to be trusted, and how to mend that; "" when it is. `answer_s`: how long its answers take, if known."""
        if self._battery is None:
            return "its battery's level is never told", TELL_LEVEL
        if not self._has_told_head:
            return "it never says whether its head is on", TELL_HEAD
        late_s = None if self._clock.use_sim_time else self._lateness.of(time.monotonic())
        # Without an answer a slow way to us is not known from a clock that is behind.
        if late_s is not None and is_apart(late_s, MAX_APART_S if answer_s is None else answer_s):
            return clocks_apart(late_s)
        away_m = self._astray_m()
        return (words_of_astray(away_m), SET_POSE) if away_m else ("", "")

    def _astray_m(self) -> float:
        """How far from every dock a robot says that it is which charges; 0 when it does not, or that is not known."""
        if self._floor is None or self._pose is None or self._battery is None:
            return 0.0
        battery = self._battery[1]
        if not battery.charging or time.monotonic() - min(self._pose[0], self._battery[0]) > _FRESH_S:
            self._is_astray = False
            return 0.0
        # Who was astray is that also once it is full.
        away_m = astray_m(self._spec, self._floor, self._pose[1].pose, 0.0 if self._is_astray else battery.level)
        self._is_astray = away_m > 0.0
        return away_m


class _Least:
    """The least of what was noted in the last one to two windows of time; None when that was nothing."""

    def __init__(self) -> None:
        self._since, self._now, self._before = 0.0, float("inf"), float("inf")

    def note(self, at: float, value: float) -> None:
        self._turn(at)
        self._now = min(self._now, value)

    def of(self, at: float) -> float | None:
        self._turn(at)
        least = min(self._now, self._before)
        return None if least == float("inf") else least

    def _turn(self, at: float) -> None:
        windows = (at - self._since) // _WINDOW_S
        if windows >= 1:
            self._before = self._now if windows < 2 else float("inf")
            self._since, self._now = at, float("inf")
