"""What one robot says, as events.

| topic | type | QoS that we ask for | works with |
|---|---|---|---|
| tf topic | tf2_msgs/TFMessage | reliable, volatile, 100 | the tf2 broadcaster's default |
| tf topic + `_static` | tf2_msgs/TFMessage | reliable, transient local, 100 | the static broadcaster's default |
| pose topic | geometry_msgs/PoseWithCovarianceStamped | both of the pair below | a latched or a plain publisher |
| head topic | std_msgs/Bool | both of the pair below | a latched or a plain publisher |
| battery topic | sensor_msgs/BatteryState | best effort, volatile, 5 | every publisher |
| diagnostics topic | diagnostic_msgs/DiagnosticArray | reliable, volatile, 10 | diagnostic_updater's default |

The pair is (reliable, transient local, 1), which gets the last value of a latched publisher at once, and (best effort,
volatile, 5), which gets every other; what comes twice is dropped by its stamp or does no harm.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseWithCovarianceStamped
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import BatteryState
from std_msgs.msg import Bool

from robot_fleet.fleet.coverage import LATE_S
from robot_fleet.fleet.events import LOST, Event, HoldReported, PoseRefused, PoseReported
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.store import RobotSpec
from robot_fleet.ros.bridge import RosBridge
from robot_fleet.ros.clock import RosClock
from robot_fleet.ros.conversion import (
    BadReading,
    battery_from_ros,
    head_from_ros,
    holds_from_ros,
    is_percent,
    pose_from_ros,
    seconds_from_ros,
    words_from_ros,
)
from robot_fleet.ros.drops import Drops
from robot_fleet.ros.hearing import hear_all
from robot_fleet.ros.names import frame_name, is_shared, names_of, topic_name

POSE_GAP_S = 0.045
"""Least time between two poses of a robot: 20 Hz with some slack, in the time of the poses' stamps."""
MAX_APART_S = 2.0
"""A stamp further ahead of our clock than this is a robot whose clock is wrong; so are stamps that are all further behind it."""
LATE_FOR_S = 10.0
"""How long all stamps of a robot that had been in time may be late: a bad link repairs itself in bursts, a clock does not."""
REFUSED_FOR_S, TELL_AGAIN_S = 3.0, 2.0
"""How long nothing that a robot says of its place is believed before the controller is told, and how often it is then told."""

CLOCK = "its clock"
"""What a reason that is about the robot's clock begins with."""
SAME_CLOCK = "Let both keep their time by the same server (chrony, NTP)"
_SIMULATED_S = 1e6
# No robot has more reasons at once not to move.
_MOST_HOLDS, _TOO_MANY = 1000, None
_LOCALISE = "Look at its localisation, and at the frames in the profile's `interface`; `robot-fleet doctor` tells more"

PLAIN = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT, durability=DurabilityPolicy.VOLATILE)
LATCHED = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL)
RELIABLE = QoSProfile(depth=10, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.VOLATILE)


def clocks_apart(late_s: float) -> tuple[str, str]:
    """What is wrong with a clock whose stamps are so late when they come (negative: ahead of our own), and what to do."""
    if late_s > _SIMULATED_S:
        return f"{CLOCK} is none of our days, by the stamps of its poses", "Is it simulated? Give --sim-time"
    way = "behind" if late_s > 0.0 else "ahead of"
    return f"{CLOCK} is {abs(late_s):.1f} s {way} ours, by the stamps of its poses", SAME_CLOCK


class Listening:
    """Turns one robot's messages into events for `tell`; what cannot be believed goes to `drops`. On the ROS thread.

    By `others` messages on a topic of several robots name those that are not this one.
    """

    def __init__(
        self, bridge: RosBridge, spec: RobotSpec, clock: RosClock, tell: Callable[[Event], None], drops: Drops,
        others: Collection[str] = (),
    ) -> None:  # fmt: skip
        self._spec, self._clock, self._tell, self._drops = spec, clock, tell, drops
        self._newest_pose_s = float("-inf")
        self._told_poses_s: deque[float] = deque(maxlen=math.ceil(LATE_S / POSE_GAP_S))
        # Until it has been in time once, it is late.
        self._late_since: float | None = float("-inf")
        self._refused_since: float | None = None
        self._told_at = float("-inf")
        self._percent = False
        # By what their names hash to, however long these are.
        self._holds: dict[int | None, str] = {}
        names = spec.profile.interface
        self._others = others if is_shared(spec, names.diagnostics_topic) else ()
        self._map_frame = frame_name(spec, names.map_frame)
        self._subscribe(bridge, BatteryState, names.battery_topic, self._hear_battery, PLAIN)
        self._subscribe(bridge, Bool, names.head_topic, self._hear_head, LATCHED, PLAIN)
        self._subscribe(bridge, DiagnosticArray, names.diagnostics_topic, self._hear_diagnostics, RELIABLE)
        self._subscribe(bridge, PoseWithCovarianceStamped, names.pose_topic, self._hear_pose, LATCHED, PLAIN)

    def place(self, stamp_s: float, pose: Pose, may_be_old: bool = False) -> None:
        """The robot was at `pose` in its own map frame; it may be old where it is the latched one of a robot that stands."""
        at_s = self._clock.of_stamp_s(stamp_s)
        late_s = 0.0 if self._clock.use_sim_time else self._clock.now_s() - at_s
        if late_s < -MAX_APART_S or (self._is_always_late(late_s) and not may_be_old):
            way = "ahead of" if late_s < 0.0 else "behind"
            dropped = f"{CLOCK} is more than {MAX_APART_S:.0f} s {way} ours"
            self.refuse(dropped, *clocks_apart(late_s))
            return
        self._refused_since = None
        if not self._is_news(at_s):
            return
        self._told_poses_s.append(at_s)
        self._newest_pose_s = max(self._newest_pose_s, at_s)
        self._tell(PoseReported(self._spec.name, at_s, self._spec.map_to_robot @ pose))

    def _is_news(self, at_s: float) -> bool:
        """Whether a pose is to be told: not too close to one that was, and no older than what may still fill a gap."""
        ahead_s = at_s - self._newest_pose_s
        if ahead_s > -POSE_GAP_S:
            return ahead_s >= POSE_GAP_S
        return ahead_s > -LATE_S and all(abs(at_s - told_s) >= POSE_GAP_S for told_s in self._told_poses_s)

    def refuse(self, dropped: str, reason: str = "", remedy: str = _LOCALISE) -> None:
        """Where the robot says that it is cannot be believed; told when it goes on so. `dropped`: why, without numbers."""
        dropped, reason = words_from_ros(dropped), words_from_ros(reason)
        self._drop(dropped)
        now = time.monotonic()
        if self._refused_since is None:
            self._refused_since = now
        elif now - self._refused_since >= REFUSED_FOR_S and now - self._told_at >= TELL_AGAIN_S:
            self._told_at = now
            self._tell(PoseRefused(self._spec.name, self._clock.now_s(), reason or dropped, remedy))

    def _is_always_late(self, late_s: float) -> bool:
        """Whether its clock is behind: late poses count otherwise for the head that was on some seconds after them."""
        if late_s <= MAX_APART_S:
            self._late_since = None
            return False
        now = time.monotonic()
        if self._late_since is None:
            self._late_since = now
        return now - self._late_since > LATE_FOR_S

    def _drop(self, reason: str) -> None:
        self._drops.note(self._spec.name, reason)

    def _subscribe(
        self, bridge: RosBridge, of: type, name: str, hear: Callable[[Any], None], *each: QoSProfile
    ) -> None:
        for qos in each if name else ():
            hear_all(bridge.node, of, topic_name(self._spec, name), qos, self._believing(hear))

    def _believing(self, hear: Callable[[Any], None]) -> Callable[[Any], None]:
        def take(message: Any) -> None:
            try:
                hear(message)
            except BadReading as bad:
                self._drop(str(bad))

        return take

    def _hear_pose(self, message: PoseWithCovarianceStamped) -> None:
        frame = message.header.frame_id.strip("/")
        if frame != self._map_frame:
            self.refuse(f"its pose is in the frame '{frame}', not in '{self._map_frame}'")
            return
        try:
            pose = pose_from_ros(message.pose.pose)
        except BadReading as bad:
            self.refuse(str(bad))
        else:
            is_first = self._newest_pose_s == float("-inf")
            self.place(seconds_from_ros(message.header.stamp) or self._now_as_stamp_s(), pose, is_first)

    def _now_as_stamp_s(self) -> float:
        return self._clock.now_s() if self._clock.use_sim_time else self._clock.wall_s()

    def _hear_battery(self, message: BatteryState) -> None:
        self._percent = self._percent or is_percent(message)
        heard = battery_from_ros(self._spec.name, message, self._now_as_stamp_s(), self._percent)
        self._tell(replace(heard, at_s=self._clock.of_stamp_s(heard.at_s)))

    def _hear_head(self, message: Bool) -> None:
        self._tell(head_from_ros(self._spec.name, message, self._clock.now_s()))

    def _hear_diagnostics(self, message: DiagnosticArray) -> None:
        heard = holds_from_ros(message, names_of(self._spec), self._others)
        for name, reason in heard.items():
            if not reason:
                self._holds.pop(hash(name), None)
            elif hash(name) in self._holds or len(self._holds) < _MOST_HOLDS:
                self._holds[hash(name)] = reason
            else:
                # It is not known any more when the last of them is gone.
                self._holds[_TOO_MANY] = (
                    "more reasons than can be kept; start the controller again once the robot is sound"
                )
        if heard:
            # That it is lost must not be cut off.
            reasons = sorted(dict.fromkeys(self._holds.values()), key=lambda reason: LOST not in reason)
            reason = words_from_ros("; ".join(reasons))
            self._tell(HoldReported(self._spec.name, self._clock.now_s(), reason))
