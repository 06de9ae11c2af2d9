"""A running Gazebo world seen from one process: its clock, its robots' true poses, and their wheels."""

from __future__ import annotations

import time
from collections.abc import Callable

from robot_fleet.floor.pose import Pose
from robot_fleet.floor.store import RobotSpec, Store
from robot_fleet.sim.gazebo.dialect import CLOCK_TOPIC, WORLD_TOPIC_CLOCK, RobotTopics, world_name
from robot_fleet.sim.gazebo.network import Network
from robot_fleet.sim.gazebo.node import GazeboNode
from robot_fleet.sim.gazebo.readings import pose_of, twist_of, world_s_of
from robot_fleet.sim.gazebo.v1 import messages_pb2 as gz

_POLL_S = 0.05
CLOCK = "the clock"
# In the world's time. Poses come twenty times a second.
_BLIND_S, _SET_BACK_S = 0.5, 0.5


class WorldClock:
    """Hands on the time of a store's world, whenever it is heard: its own clock's, or the one that all share until that is."""

    def __init__(self, node: GazeboNode, store: Store, hear: Callable[[float], None]) -> None:
        self._hear, self.has_own = hear, False
        node.subscribe(WORLD_TOPIC_CLOCK.format(world=world_name(store)), "Clock", self._hear_own)
        node.subscribe(CLOCK_TOPIC, "Clock", self._hear_shared)

    def _hear_own(self, message: bytes) -> None:
        self.has_own = True
        self._hand_on(message)

    def _hear_shared(self, message: bytes) -> None:
        if not self.has_own:
            self._hand_on(message)

    def _hand_on(self, message: bytes) -> None:
        now_s = world_s_of(gz.Clock.FromString(message))
        if now_s is not None:
            self._hear(now_s)


class GazeboBody:
    """One robot's wheels and its true pose: a `Body`. Until Gazebo is heard it stands where it was said to stand.

    `now_s` is the world's time, as its link says. A robot whose pose is not heard any more is made to stand.
    """

    def __init__(self, node: GazeboNode, robot: str, pose: Pose) -> None:
        self.pose = pose
        self.heard = False
        self.now_s = 0.0
        self._heard_s = 0.0
        self._node, self._topics = node, RobotTopics.of(robot)
        node.subscribe(self._topics.truth, "Odometry", self._hear)
        node.advertise(self._topics.cmd_vel, "Twist")

    def drive(self, speed_mps: float, yaw_rate_rps: float) -> None:
        """Sets the velocity until further notice."""
        if self.now_s - self._heard_s > _BLIND_S:
            speed_mps = yaw_rate_rps = 0.0
        self._node.publish(self._topics.cmd_vel, twist_of(speed_mps, yaw_rate_rps))

    def forget(self) -> None:
        """Its world began anew: where it was heard to be is the past."""
        self.heard, self._heard_s = False, 0.0

    def _hear(self, message: bytes) -> None:
        self.pose = pose_of(gz.Odometry.FromString(message).pose)
        self.heard, self._heard_s = True, self.now_s


class GazeboLink:
    """Listens on the node's own thread; each value is replaced as a whole, so that any thread may read."""

    def __init__(self, store: Store, network: Network) -> None:
        self.node = GazeboNode(network)
        self._now_s: float | None = None
        self.bodies = {
            robot.name: GazeboBody(self.node, robot.name, store.floor.dock(robot.dock).pose) for robot in store.robots
        }
        self._clock = WorldClock(self.node, store, self._hear_clock)
        self.node.start()

    @property
    def now_s(self) -> float | None:
        """The world's time; None until the clock and every robot were heard, of a world that began anew as well."""
        return self._now_s if all(body.heard for body in self.bodies.values()) else None

    def missing(self) -> list[str]:
        """What was not heard yet, in words."""
        found = [] if self._now_s is not None else [CLOCK]
        return [*found, *(name for name, body in self.bodies.items() if not body.heard)]

    @property
    def is_of_store(self) -> bool:
        """Whether the store's own world is heard, not one of another store with robots of the same names."""
        return self._clock.has_own

    def body(self, spec: RobotSpec) -> GazeboBody:
        """The robot's wheels."""
        return self.bodies[spec.name]

    def close(self) -> None:
        """Stops all robots and leaves."""
        for body in self.bodies.values():
            body.drive(0.0, 0.0)
        # What has just been said is to be out before the sockets close.
        time.sleep(_POLL_S)
        self.node.close()

    def _hear_clock(self, now_s: float) -> None:
        begins_anew = self._now_s is not None and now_s < self._now_s - _SET_BACK_S
        for body in self.bodies.values():
            body.now_s = now_s
            if begins_anew:
                body.forget()
        self._now_s = now_s


def unheard(store: Store, network: Network, within_s: float, heed: Callable[[], None] = lambda: None) -> list[str]:
    """What is not heard within so many seconds of the store's own world with all its robots, as `GazeboLink.missing`; empty: it
    runs. `heed` may raise to end the wait.
    """

    def missing(link: GazeboLink) -> list[str]:
        return link.missing() or ([] if link.is_of_store else [f"the world {world_name(store)}"])

    link = GazeboLink(store, network)
    deadline = time.monotonic() + within_s
    try:
        while missing(link) and time.monotonic() < deadline:
            heed()
            time.sleep(_POLL_S)
        return missing(link)
    finally:
        link.node.close()
