"""Looks at the robots' own maps, one after another: such a map is large, and a store's Wi-Fi is not. On the ROS thread."""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from nav_msgs.msg import OccupancyGrid as MapMessage
from rclpy.subscription import Subscription

from robot_fleet.floor.grid import OccupancyGrid
from robot_fleet.floor.store import RobotSpec
from robot_fleet.ros.bridge import RosBridge
from robot_fleet.ros.conversion import BadReading
from robot_fleet.ros.listening import LATCHED
from robot_fleet.ros.names import topic_name
from robot_fleet.ros.own_map import DIFFER, SAME_MAP, SOUND_MAP, map_from_ros, share_apart, unreadable, walls_apart

_LIMIT_S = 60.0

Fault = tuple[str, str]
_SOUND: Fault = ("", "")


@dataclass
class _Look:
    """One look at a robot's map, since when, and what hears it until it came."""

    spec: RobotSpec
    since: float
    subscription: Subscription


class MapLooks:
    """Compares robots' maps with the store's `grid`; call `tick` now and then."""

    def __init__(self, bridge: RosBridge, grid: OccupancyGrid) -> None:
        self._bridge, self._grid = bridge, grid
        self._wanted: dict[str, RobotSpec] = {}
        self._look: _Look | None = None
        self._faults: dict[str, Fault] = {}
        self._worker = ThreadPoolExecutor(1, "own-map")
        bridge.at_stop(partial(self._worker.shutdown, wait=False, cancel_futures=True))

    def want(self, spec: RobotSpec) -> None:
        """Has a look at the robot's map when its turn comes; until then what was found before holds."""
        self._wanted[spec.name] = spec

    def is_sound(self, name: str) -> bool:
        """Whether a map of the robot was looked at, and nothing was wrong with it."""
        return self._faults.get(name) == _SOUND

    def fault(self, name: str) -> Fault:
        """What is wrong with the robot's map, and how to mend it; "" when nothing is, or it publishes none."""
        return self._faults.get(name, _SOUND)

    def tick(self) -> None:
        """Gives up on a map that does not come, and turns to the next."""
        if self._look is not None and time.monotonic() - self._look.since > _LIMIT_S:
            self._end()
        while self._look is None and self._wanted:
            self._begin(self._wanted.pop(next(iter(self._wanted))))

    def _begin(self, spec: RobotSpec) -> None:
        node = self._bridge.node
        topics = dict.fromkeys((topic_name(spec, "map"), "/map"))
        topic = next((topic for topic in topics if node.count_publishers(topic)), None)
        if topic is None:
            self._faults.pop(spec.name, None)
            return

        def hear(message: MapMessage) -> None:
            # Later: a subscription is not to be destroyed while it is being served.
            self._bridge.to_ros(partial(self._take, look, message))

        look = self._look = _Look(spec, time.monotonic(), node.create_subscription(MapMessage, topic, hear, LATCHED))

    def _take(self, look: _Look, message: MapMessage) -> None:
        """The first map of the look."""
        if look is not self._look:
            return
        self._end()
        compared = self._worker.submit(_compared, look.spec, self._grid, message)
        compared.add_done_callback(lambda done: self._bridge.to_ros(partial(self._note, look.spec.name, done)))

    def _note(self, name: str, compared: Future[Fault]) -> None:
        if not compared.cancelled():
            self._faults[name] = compared.result()

    def _end(self) -> None:
        if self._look is not None:
            self._bridge.node.destroy_subscription(self._look.subscription)
            self._look = None


def _compared(spec: RobotSpec, grid: OccupancyGrid, message: MapMessage) -> Fault:
    try:
        own = map_from_ros(message)
    except BadReading as bad:
        return unreadable(str(bad)), SOUND_MAP
    share = share_apart(spec, grid, own) if own.tells else 0.0
    return (walls_apart(share), SAME_MAP) if share > DIFFER else _SOUND
