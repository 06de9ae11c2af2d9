"""The controller's RobotDriver for robots that run Nav2."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from rclpy.exceptions import NameValidationException
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from tf2_msgs.msg import TFMessage

from robot_fleet.fleet.commands import CancelAll, Command, DockAt, Follow, SwitchChannel, SwitchHead, Undock
from robot_fleet.fleet.errors import InvalidInput
from robot_fleet.floor.faults import Fault
from robot_fleet.floor.store import FloorMap, RobotSpec
from robot_fleet.ros.bridge import RosBridge
from robot_fleet.ros.clock import RosClock
from robot_fleet.ros.drops import Drops
from robot_fleet.ros.hearing import hear_all
from robot_fleet.ros.listening import Listening
from robot_fleet.ros.map_looks import MapLooks
from robot_fleet.ros.names import frame_name, names_of, topic_name
from robot_fleet.ros.robot import RobotLink
from robot_fleet.ros.tf import TransformTree
from robot_fleet.ros.trust import Trust

_TICK_S, _EQUIPMENT_S = 0.1, 2.0
_TF = QoSProfile(depth=100, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.VOLATILE)
_TF_STATIC = QoSProfile(depth=100, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL)


class NavDriver:
    """Sends commands to the robots of a store; what they answer and say comes back through the bridge as events.

    Construct before `bridge.start`. Raises InvalidInput when a robot's interface has a name that ROS does not allow.
    Topics and QoS are in the table of `listening`; `drops.counts` says what was not believed, by robot and reason. What is said
    of `others` on a topic that robots share is about none of these. Without a `floor` robots are not held against it.
    """

    def __init__(
        self, bridge: RosBridge, robots: Sequence[RobotSpec], clock: RosClock, floor: FloorMap | None = None,
        others: Sequence[RobotSpec] = (),
    ) -> None:  # fmt: skip
        self._bridge, self._clock = bridge, clock
        self.drops = Drops()
        self._cancels = dict.fromkeys((spec.name for spec in robots), 0)
        self._trees: dict[str, TransformTree] = {}
        self._floor, self._maps = floor, MapLooks(bridge, floor.grid) if floor else None
        self._links = {spec.name: self._connect(spec, (*robots, *others)) for spec in robots}
        bridge.every(_TICK_S, self._tick)
        bridge.every(_EQUIPMENT_S, self._tell_of_equipment)

    def send(self, command: Command) -> None:
        """Passes the command to the ROS thread and returns; a CancelAll overtakes all and drops unsent orders."""
        link = self._links[command.robot]
        if isinstance(command, CancelAll):
            self._cancels[command.robot] += 1
            self._bridge.to_ros(link.cancel_all, urgent=True)
        elif isinstance(command, SwitchHead):
            self._bridge.to_ros(partial(link.switch_head, command))
        elif isinstance(command, SwitchChannel):
            self._bridge.to_ros(partial(link.switch_channel, command))
        else:
            self._bridge.to_ros(partial(self._drive, link, command, self._cancels[command.robot]))

    def servers(self, robot: str) -> dict[str, bool]:
        """Whether each of the robot's drive actions is discovered, by its full name."""
        return self._links[robot].servers

    def _drive(self, link: RobotLink, command: Undock | Follow | DockAt, cancels: int) -> None:
        if cancels == self._cancels[command.robot]:
            link.drive(command)
        else:
            link.refuse(command)

    def _connect(self, spec: RobotSpec, robots: Sequence[RobotSpec]) -> RobotLink:
        others = [name for other in robots if other is not spec for name in names_of(other)]
        try:
            trust = Trust(spec, self._clock, self._floor)
            link = RobotLink(self._bridge, spec, self._clock, self._bridge.to_loop, trust, self._maps)
            tell = trust.noting(self._bridge.to_loop)
            listening = Listening(self._bridge, spec, self._clock, tell, self.drops, others)
            if not spec.profile.interface.pose_topic:
                self._follow_frames(spec, listening)
        except NameValidationException as fault:
            raise InvalidInput("ROS_NAME", (_bad_name(spec, fault),)) from fault
        return link

    def _follow_frames(self, spec: RobotSpec, listening: Listening) -> None:
        names = spec.profile.interface
        tree = self._tree(topic_name(spec, names.tf_topic))
        base, root = frame_name(spec, names.base_frame), frame_name(spec, names.map_frame)
        tree.watch(base, root, listening.place, listening.refuse)

    def _tree(self, topic: str) -> TransformTree:
        if topic not in self._trees:
            tree = self._trees[topic] = TransformTree()
            hear_all(self._bridge.node, TFMessage, topic, _TF, lambda said: tree.take(said.transforms))
            static = partial(tree.take, static=True)
            hear_all(self._bridge.node, TFMessage, f"{topic}_static", _TF_STATIC, lambda said: static(said.transforms))
        return self._trees[topic]

    def _tick(self) -> None:
        for link in self._links.values():
            link.tick()

    def _tell_of_equipment(self) -> None:
        for link in self._links.values():
            link.tell_of_equipment()
        if self._maps:
            self._maps.tick()


def _bad_name(spec: RobotSpec, fault: NameValidationException) -> Fault:
    return Fault("store.yaml", f"robot {spec.name}", str(fault), "Use a name that ROS 2 allows in the interface.")
