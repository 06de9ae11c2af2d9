"""The store's clock: the machine's time, or the simulator's /clock."""

from __future__ import annotations

import asyncio
import logging
import time

from rclpy.qos import QoSProfile, ReliabilityPolicy
from rosgraph_msgs.msg import Clock as ClockMessage

from robot_fleet.fleet.events import Tick
from robot_fleet.ros.bridge import RosBridge
from robot_fleet.ros.conversion import seconds_from_ros, seconds_to_ros

_log = logging.getLogger(__name__)
STALE_AFTER_S = 5.0
CLOCK_SEEN = "/robot_fleet/clock_seen"
"""Up to which simulated time the controller has dealt with what it heard; a simulator waits for it, and loses nothing."""
_TICK_S = 0.2


class RosClock:
    """Implements the controller's Clock; any thread may ask.

    Without simulated time `now_s` began as the time in seconds since 1970, and goes on by the clock that nobody sets: when
    the machine's time is set, nothing stands still or is overdue at once. With it, `now_s` is the newest time heard on
    /clock, 0 before the first. Neither ever goes back. One that only `listens` is not waited for by a simulator.
    """

    def __init__(self, bridge: RosBridge, use_sim_time: bool = False, listens: bool = False) -> None:
        self.use_sim_time = use_sim_time
        self._latest_s = 0.0
        self._began_s = time.time() - time.monotonic()
        self._advanced_at: float | None = None
        self._went_back = False
        self._bridge, self._ticks, self._ticked_s = bridge, False, 0.0
        self._confirms = use_sim_time and not listens
        if self._confirms:
            # Before it hears any: from then on the simulator's clock waits, and no backlog builds up.
            self._seen = bridge.node.create_publisher(ClockMessage, CLOCK_SEEN, 10)
        if use_sim_time:
            # Not only the newest: in turn with the poses, so that a long queue of those shows in the time as well.
            qos = QoSProfile(depth=200, reliability=ReliabilityPolicy.BEST_EFFORT)
            bridge.node.create_subscription(ClockMessage, "/clock", self._hear, qos)

    def now_s(self) -> float:
        """Seconds of the store's clock."""
        return self._latest_s if self.use_sim_time else self._began_s + time.monotonic()

    def of_stamp_s(self, stamp_s: float) -> float:
        """The time, by this clock, of a stamp that just came: as long ago as it is by the machine's time, as that is set now."""
        return stamp_s if self.use_sim_time else self.now_s() - (self.wall_s() - stamp_s)

    def wall_s(self) -> float:
        """Seconds since 1970 in UTC, also in simulation."""
        return time.time()

    def steady_s(self) -> float:
        """Seconds by the machine's clock that nobody sets, also in simulation."""
        return time.monotonic()

    def start_ticking(self) -> None:
        """From now on a Tick reaches the bridge's sink every 0.2 s of simulated time, and when the time is said again."""
        self._ticks = True

    def confirm(self, at_s: float) -> None:
        """Tells the simulator, if there is one, that all that was heard up to `at_s` has been dealt with."""
        if self._confirms:
            message = ClockMessage(clock=seconds_to_ros(at_s))
            self._bridge.to_ros(lambda: self._seen.publish(message))

    @property
    def stale(self) -> bool:
        """Whether /clock was heard and has not moved on for 5 s of real time."""
        return self._advanced_at is not None and time.monotonic() - self._advanced_at > STALE_AFTER_S

    @property
    def is_known(self) -> bool:
        """Whether the time is known: always, or once /clock has been heard."""
        return not self.use_sim_time or self._advanced_at is not None

    async def ready(self) -> None:
        """Returns when the time is known: at once, or when /clock has been heard."""
        while not self.is_known:  # noqa: ASYNC110 - /clock is heard on another thread
            await asyncio.sleep(0.05)

    def _hear(self, message: ClockMessage) -> None:
        heard_s, before_s = seconds_from_ros(message.clock), self._latest_s
        if heard_s > self._latest_s or self._advanced_at is None:
            self._latest_s, self._advanced_at, self._went_back = heard_s, time.monotonic(), False
        elif heard_s < self._latest_s and not self._went_back:
            self._went_back = True
            _log.warning(
                "/clock went back from %.3f s to %.3f s; the clock stands until it has caught up",
                self._latest_s,
                heard_s,
            )
        if self._ticks and (heard_s >= self._ticked_s + _TICK_S or heard_s == self._latest_s == before_s):
            self._ticked_s = self._latest_s
            self._bridge.to_loop(Tick(self._latest_s))
