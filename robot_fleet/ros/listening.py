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

from collections.abc import Callable
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseWithCovarianceStamped
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import BatteryState
from std_msgs.msg import Bool

from robot_fleet.fleet.events import Event, HoldReported, PoseReported
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
)
from robot_fleet.ros.drops import Drops
from robot_fleet.ros.hearing import hear_all
from robot_fleet.ros.names import topic_name

POSE_GAP_S = 0.045
"""Least time between two poses of a robot: 20 Hz with some slack, in the time of the poses' stamps."""
MAX_AHEAD_S = 2.0
"""A stamp further ahead of our clock than this is a robot whose clock is wrong."""

PLAIN = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT, durability=DurabilityPolicy.VOLATILE)
LATCHED = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL)
RELIABLE = QoSProfile(depth=10, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.VOLATILE)


class Listening:
    """Turns one robot's messages into events for `tell`; what cannot be believed goes to `drops`. On the ROS thread."""

    def __init__(
        self, bridge: RosBridge, spec: RobotSpec, clock: RosClock, tell: Callable[[Event], None], drops: Drops
    ) -> None:
        self._spec, self._clock, self._tell, self._drops = spec, clock, tell, drops
        self._newest_pose_s = float("-inf")
        self._percent = False
        self._holds: dict[str, str] = {}
        names = spec.profile.interface
        self._subscribe(bridge, BatteryState, names.battery_topic, self._hear_battery, PLAIN)
        self._subscribe(bridge, Bool, names.head_topic, self._hear_head, LATCHED, PLAIN)
        self._subscribe(bridge, DiagnosticArray, names.diagnostics_topic, self._hear_diagnostics, RELIABLE)
        self._subscribe(bridge, PoseWithCovarianceStamped, names.pose_topic, self._hear_pose, LATCHED, PLAIN)

    def place(self, at_s: float, pose: Pose) -> None:
        """The robot was at `pose` in its own map frame."""
        if at_s - self._newest_pose_s < POSE_GAP_S:
            return
        if not self._clock.use_sim_time and at_s > self._clock.now_s() + MAX_AHEAD_S:
            self.drop(f"its clock is more than {MAX_AHEAD_S:.0f} s ahead of ours")
            return
        self._newest_pose_s = at_s
        self._tell(PoseReported(self._spec.name, at_s, self._spec.map_to_robot @ pose))

    def drop(self, reason: str) -> None:
        """Something that the robot said cannot be used."""
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
                self.drop(str(bad))

        return take

    def _hear_pose(self, message: PoseWithCovarianceStamped) -> None:
        self.place(seconds_from_ros(message.header.stamp) or self._clock.now_s(), pose_from_ros(message.pose.pose))

    def _hear_battery(self, message: BatteryState) -> None:
        self._percent = self._percent or is_percent(message)
        self._tell(battery_from_ros(self._spec.name, message, self._clock.now_s(), self._percent))

    def _hear_head(self, message: Bool) -> None:
        self._tell(head_from_ros(self._spec.name, message, self._clock.now_s()))

    def _hear_diagnostics(self, message: DiagnosticArray) -> None:
        heard = holds_from_ros(message)
        self._holds.update(heard)
        if heard:
            reason = "; ".join(dict.fromkeys(filter(None, self._holds.values())))
            self._tell(HoldReported(self._spec.name, self._clock.now_s(), reason))
