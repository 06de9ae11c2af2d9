"""A running Gazebo world seen from one process: its clock, its robots' true poses, and their wheels."""

from __future__ import annotations

import time
from collections.abc import Callable

from robot_fleet.floor.pose import Pose
from robot_fleet.floor.store import RobotSpec, Store
from robot_fleet.sim.gazebo.dialect import CLOCK_TOPIC, RobotTopics
from robot_fleet.sim.gazebo.network import Network
from robot_fleet.sim.gazebo.node import GazeboNode
from robot_fleet.sim.gazebo.readings import pose_of, seconds_of, twist_of
from robot_fleet.sim.gazebo.v1 import messages_pb2 as gz

_POLL_S = 0.05


class GazeboBody:
    """One robot's wheels and its true pose: a `Body`. Until Gazebo is heard it stands where it was said to stand."""

    def __init__(self, node: GazeboNode, robot: str, pose: Pose) -> None:
        self.pose = pose
        self.heard = False
        self._node, self._topics = node, RobotTopics.of(robot)
        node.subscribe(self._topics.truth, self._hear)
        node.advertise(self._topics.cmd_vel, "Twist")

    def drive(self, speed_mps: float, yaw_rate_rps: float) -> None:
        """Sets the velocity until further notice."""
        self._node.publish(self._topics.cmd_vel, twist_of(speed_mps, yaw_rate_rps))

    def _hear(self, message: bytes) -> None:
        self.pose = pose_of(gz.Odometry.FromString(message).pose)
        self.heard = True


class GazeboLink:
    """Listens on the node's own thread; each value is replaced as a whole, so that any thread may read."""

    def __init__(self, store: Store, network: Network) -> None:
        self.node = GazeboNode(network)
        self._now_s: float | None = None
        self.bodies = {
            robot.name: GazeboBody(self.node, robot.name, store.floor.dock(robot.dock).pose) for robot in store.robots
        }
        self.node.subscribe(CLOCK_TOPIC, self._hear_clock)
        self.node.start()

    @property
    def now_s(self) -> float | None:
        """The world's time; None until the clock and every robot were heard."""
        return self._now_s if all(body.heard for body in self.bodies.values()) else None

    def missing(self) -> list[str]:
        """What was not heard yet, in words."""
        found = [] if self._now_s is not None else ["the clock"]
        return [*found, *(name for name, body in self.bodies.items() if not body.heard)]

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

    def _hear_clock(self, message: bytes) -> None:
        self._now_s = seconds_of(gz.Clock.FromString(message).sim)


def world_runs(store: Store, network: Network, within_s: float, heed: Callable[[], None] = lambda: None) -> bool:
    """Whether a world with all robots of the store is heard within so many seconds; `heed` may raise to end the wait."""
    link = GazeboLink(store, network)
    deadline = time.monotonic() + within_s
    try:
        while link.now_s is None and time.monotonic() < deadline:
            heed()
            time.sleep(_POLL_S)
        return link.now_s is not None
    finally:
        link.node.close()
