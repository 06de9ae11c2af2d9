"""Looks at the robots' own maps, one after another: such a map is large, and a store's Wi-Fi is not. On the ROS thread.

Only what takes long is done on a thread of its own: a map is unpacked and compared there.
"""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from nav_msgs.msg import OccupancyGrid as MapMessage
from rclpy.qos import DurabilityPolicy
from rclpy.serialization import deserialize_message
from rclpy.subscription import Subscription

from robot_fleet.floor.grid import OccupancyGrid
from robot_fleet.floor.store import RobotSpec
from robot_fleet.ros.bridge import RosBridge
from robot_fleet.ros.conversion import BadReading
from robot_fleet.ros.listening import LATCHED
from robot_fleet.ros.names import topic_name
from robot_fleet.ros.own_map import (
    DIFFER,
    MOST_CELLS,
    SAME_MAP,
    SOUND_MAP,
    map_from_ros,
    share_apart,
    unreadable,
    walls_apart,
)

# So long a map may be on its way. One that did not come is asked for again later and later.
_LIMIT_S, _AGAIN_S, _LONGEST_S = 60.0, 60.0, 1800.0
# A wrong map that nobody has published for so long is no longer held against the robot.
_GONE_S = 300.0

Fault = tuple[str, str]
_SOUND: Fault = ("", "")


@dataclass
class _Look:
    """One look at a robot's map: since when, and what hears it until it came."""

    spec: RobotSpec
    since: float
    subscription: Subscription | None


class MapLooks:
    """Compares robots' maps with the store's `grid`; call `tick` now and then."""

    def __init__(self, bridge: RosBridge, grid: OccupancyGrid) -> None:
        self._bridge, self._grid = bridge, grid
        self._wanted: dict[str, RobotSpec] = {}
        self._look: _Look | None = None
        self._faults: dict[str, Fault] = {}
        self._sound: set[str] = set()
        # Of maps that told nothing: not before when they are asked for again, and how long that was.
        self._later: dict[str, tuple[float, float]] = {}
        self._gone_since: dict[str, float] = {}
        self._worker = ThreadPoolExecutor(1, "own-map")
        bridge.at_stop(partial(self._worker.shutdown, wait=False, cancel_futures=True))

    def want(self, spec: RobotSpec, anew: bool = False) -> None:
        """Has a look at the robot's map when its turn comes; until then a fault holds. `anew`: the robot has just been found."""
        self._wanted[spec.name] = spec
        self._sound.discard(spec.name)
        if anew:
            self._later.pop(spec.name, None)

    def is_sound(self, name: str) -> bool:
        """Whether a map of the robot was looked at, and nothing was wrong with it."""
        return name in self._sound

    def fault(self, name: str) -> Fault:
        """What is wrong with the robot's map, and how to mend it; "" when nothing is, or none of it was heard."""
        return self._faults.get(name, _SOUND)

    def tick(self) -> None:
        """Gives up on a map that does not come, and turns to the next; those come first that wait to be trusted again."""
        if self._look is not None and self._look.subscription and time.monotonic() - self._look.since > _LIMIT_S:
            self._unsubscribe(self._look)
            self._put_off(self._look.spec.name)
            self._look = None
        while self._look is None and self._wanted:
            name = next((name for name in self._wanted if name in self._faults), next(iter(self._wanted)))
            self._begin(self._wanted.pop(name))

    def _begin(self, spec: RobotSpec) -> None:
        node, topic, now = self._bridge.node, topic_name(spec, "map"), time.monotonic()
        # Of one that is not latched nothing can be expected to come.
        told = [one.qos_profile.durability for one in node.get_publishers_info_by_topic(topic)]
        if DurabilityPolicy.TRANSIENT_LOCAL not in told:
            if now - self._gone_since.setdefault(spec.name, now) > _GONE_S:
                self._faults.pop(spec.name, None)
            return
        self._gone_since.pop(spec.name, None)
        if now < self._later.get(spec.name, (0.0, 0.0))[0]:
            return

        def hear(message: bytes) -> None:
            # Later: a subscription is not to be destroyed while it is being served.
            self._bridge.to_ros(partial(self._take, look, message))

        subscription = node.create_subscription(MapMessage, topic, hear, LATCHED, raw=True)
        look = self._look = _Look(spec, time.monotonic(), subscription)

    def _take(self, look: _Look, message: bytes) -> None:
        """The first map of the look, which goes on until that is compared: so only one is kept at a time."""
        if look is not self._look or look.subscription is None:
            return
        self._unsubscribe(look)
        compared = self._worker.submit(_compared, look.spec, self._grid, message)
        compared.add_done_callback(lambda done: self._bridge.to_ros(partial(self._note, look, done)))

    def _note(self, look: _Look, compared: Future[Fault | None]) -> None:
        if compared.cancelled():
            return
        self._look, name, fault = None, look.spec.name, compared.result()
        self._sound.discard(name)
        self._faults.pop(name, None)
        if fault is None:
            self._put_off(name)
            return
        self._later.pop(name, None)
        if fault == _SOUND:
            self._sound.add(name)
        else:
            self._faults[name] = fault

    def _put_off(self, name: str) -> None:
        # Who gets no work by its map waits for the next one.
        longest_s = _AGAIN_S if name in self._faults else _LONGEST_S
        wait_s = min(2.0 * self._later.get(name, (0.0, _AGAIN_S / 2.0))[1], longest_s)
        self._later[name] = time.monotonic() + wait_s, wait_s

    def _unsubscribe(self, look: _Look) -> None:
        self._bridge.node.destroy_subscription(look.subscription)
        look.subscription = None


def _compared(spec: RobotSpec, grid: OccupancyGrid, message: bytes) -> Fault | None:
    """What is wrong with a map; None when it is too empty to tell."""
    try:
        if len(message) > 2 * MOST_CELLS:
            raise BadReading(f"it has {len(message) // 1_000_000} MB")
        own = map_from_ros(deserialize_message(message, MapMessage))
        if not own.tells:
            return None
        share = share_apart(spec, grid, own)
    except Exception as bad:  # whatever a robot's map makes us stumble over, it is the map that is not to be trusted
        return unreadable(str(bad) or repr(bad)), SOUND_MAP
    return (walls_apart(share), SAME_MAP) if share > DIFFER else _SOUND
