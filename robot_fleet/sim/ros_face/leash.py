"""How far the simulated time may run ahead of the controller: on a busy machine the clock slows, and nothing is lost."""

from __future__ import annotations

import math
import time

from rclpy.node import Node
from rosgraph_msgs.msg import Clock as ClockMessage

from robot_fleet.ros.clock import CLOCK_SEEN
from robot_fleet.ros.conversion import seconds_from_ros

LEAD_S = 1.0
"""Simulated seconds."""
PATIENCE_S = 10.0
"""Real seconds without a word, after which the controller is taken for gone and the robots go on by themselves."""


class Leash:
    """Hears up to which time a controller has dealt with what was said. Without a controller there is no limit.

    One that has come but said nothing yet is starting: the time stands, or it would begin with a backlog in which the
    robots seem to have been silent for long.
    """

    def __init__(self, node: Node) -> None:
        self._seen_s = -math.inf
        self._heard_at: float | None = None
        self._subscription = node.create_subscription(ClockMessage, CLOCK_SEEN, self._hear, 10)
        self._node = node

    def slack_s(self, now_s: float, real_s: float) -> float:
        """Simulated seconds by which the time may move on now."""
        if not self._node.count_publishers(CLOCK_SEEN):
            self._seen_s, self._heard_at = -math.inf, None
            return PATIENCE_S
        self._heard_at = real_s if self._heard_at is None else self._heard_at
        if real_s - self._heard_at > PATIENCE_S:
            return PATIENCE_S
        return max(0.0, self._seen_s + LEAD_S - now_s)

    def _hear(self, message: ClockMessage) -> None:
        self._seen_s, self._heard_at = seconds_from_ros(message.clock), time.monotonic()
