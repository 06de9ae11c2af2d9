"""Gazebo's robots as ROS topics: /clock, odometry, true poses and transforms out; velocities in. No ros_gz is needed.

Messages come in on the transport's own thread and are published from there, which ROS allows; velocities go out on the
executor's thread.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import rclpy
from geometry_msgs.msg import TransformStamped
from geometry_msgs.msg import Twist as RosTwist
from nav_msgs.msg import Odometry as RosOdometry
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.context import Context
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.signals import SignalHandlerOptions
from rosgraph_msgs.msg import Clock as RosClock
from std_msgs.msg import Header
from tf2_msgs.msg import TFMessage

from robot_fleet.floor.pose import Pose
from robot_fleet.floor.store import RobotSpec, Store
from robot_fleet.ros.conversion import pose_to_ros, seconds_to_ros, transform_to_ros
from robot_fleet.ros.log_folder import ensure_log_folder
from robot_fleet.ros.names import frame_name, topic_name
from robot_fleet.sim.gazebo.dialect import WORLD_TOPIC_POSES, RobotTopics, world_name
from robot_fleet.sim.gazebo.link import WorldClock
from robot_fleet.sim.gazebo.machine import LINKS
from robot_fleet.sim.gazebo.network import Network
from robot_fleet.sim.gazebo.node import GazeboNode
from robot_fleet.sim.gazebo.readings import pose_of, seconds_of, twist_of
from robot_fleet.sim.gazebo.v1 import messages_pb2 as gz
from robot_fleet.sim.ros_face.gazebo_heads import GazeboHeads
from robot_fleet.sim.ros_face.signals import on_signals
from robot_fleet.sim.ros_face.waiting import Waiting

POSES = "/gazebo/poses"
_CLOCK_EVERY_S, _POSES_EVERY_S, _LOOK_S, _WAIT_S = 0.01, 0.1, 0.02, 1.0
_LAST_WORDS_S = 0.05


class GazeboBridge:
    """Carries the topics of a store's robots between Gazebo and ROS."""

    def __init__(self, store: Store, node: Node, gazebo: GazeboNode) -> None:
        self._node, self._gazebo = node, gazebo
        self._clock = node.create_publisher(RosClock, "/clock", 10)
        self._poses = node.create_publisher(TFMessage, POSES, 10)
        self._tf: dict[str, Publisher] = {}
        self._due_s = {"clock": 0.0, "poses": 0.0}
        WorldClock(gazebo, store, self._say_time)
        gazebo.subscribe(WORLD_TOPIC_POSES.format(world=world_name(store)), "Pose_V", self._say_poses)
        self.now_s: float | None = None
        self.robots = {
            spec.name: _BridgedRobot(spec, node, gazebo, self._tf_of(spec), store.floor.dock(spec.dock).pose)
            for spec in store.robots
        }

    def missing(self) -> list[str]:
        """Whose Gazebo is not there now: the robots whose true poses nobody publishes."""
        return [name for name, robot in self.robots.items() if not robot.is_heard]

    def stop(self) -> None:
        """Makes all robots stand that were told to drive."""
        stopped = [robot for robot in self.robots.values() if robot.stop()]
        if stopped:
            # What has just been said is to be out before the sockets close.
            time.sleep(_LAST_WORDS_S)

    def _tf_of(self, spec: RobotSpec) -> Publisher:
        topic = topic_name(spec, spec.profile.interface.tf_topic)
        if topic not in self._tf:
            self._tf[topic] = self._node.create_publisher(TFMessage, topic, 100)
        return self._tf[topic]

    def _say_time(self, now_s: float) -> None:
        self.now_s = now_s
        if self._is_due("clock", now_s, _CLOCK_EVERY_S):
            self._clock.publish(RosClock(clock=seconds_to_ros(now_s)))

    def _say_poses(self, message: bytes) -> None:
        poses = gz.Poses.FromString(message)
        at_s = seconds_of(poses.header.stamp)
        if self._is_due("poses", at_s, _POSES_EVERY_S):
            # Among them are the parts of each robot, all of the same names, and where they are in the robot.
            things = [pose for pose in poses.pose if pose.name not in LINKS]
            moved = [transform_to_ros("map", pose.name, at_s, pose_of(pose)) for pose in things]
            self._poses.publish(TFMessage(transforms=moved))

    def _is_due(self, what: str, now_s: float, every_s: float) -> bool:
        # More than a period ahead: Gazebo was started anew.
        if self._due_s[what] - 2 * every_s < now_s < self._due_s[what] - 1e-6:
            return False
        self._due_s[what] = now_s + every_s
        return True


class _BridgedRobot:
    """One robot: below its namespace `odom`, `ground_truth` and `cmd_vel`; on tf the chain map, odom, base.

    The chain's end is where the robot truly is: the transform from map to odom takes the drift of the wheels back, as a
    localisation without error would.
    """

    def __init__(self, spec: RobotSpec, node: Node, gazebo: GazeboNode, tf: Publisher, pose: Pose) -> None:
        self.pose = pose
        names, topics = spec.profile.interface, RobotTopics.of(spec.name)
        self._tf, self._to_own_map = tf, spec.map_to_robot.inverse()
        self._map, self._base = frame_name(spec, names.map_frame), frame_name(spec, names.base_frame)
        # Robots that share one tf need frames of their own; where the base has no prefix, odom needs none.
        self._odom = f"{self._base.rpartition('/')[0]}/odom".lstrip("/")
        self._wheels = Pose(0.0, 0.0)
        self._publish_odometry = self._publisher(node, spec, "odom")
        self._publish_truth = self._publisher(node, spec, "ground_truth")
        gazebo.subscribe(topics.odometry, "Odometry", self._say_odometry)
        gazebo.subscribe(topics.truth, "Odometry", self._say_truth)
        gazebo.advertise(topics.cmd_vel, "Twist")
        self._gazebo, self._topics, self._stands = gazebo, topics, True
        self._velocities = node.create_subscription(RosTwist, topic_name(spec, "cmd_vel"), self._drive, 10)

    @staticmethod
    def _publisher(node: Node, spec: RobotSpec, name: str) -> Callable[[RosOdometry], None]:
        publisher: Publisher = node.create_publisher(RosOdometry, topic_name(spec, name), 10)
        return publisher.publish

    @property
    def is_heard(self) -> bool:
        """Whether a Gazebo tells now where it truly is."""
        return self._gazebo.hears(self._topics.truth)

    def _say_odometry(self, message: bytes) -> None:
        odometry = gz.Odometry.FromString(message)
        at_s, self._wheels = seconds_of(odometry.header.stamp), pose_of(odometry.pose)
        self._publish_odometry(self._to_ros(self._odom, self._wheels, odometry))
        self._say_transform(self._odom, self._base, at_s, self._wheels)

    def _say_truth(self, message: bytes) -> None:
        odometry = gz.Odometry.FromString(message)
        at_s, self.pose = seconds_of(odometry.header.stamp), pose_of(odometry.pose)
        true = self._to_own_map @ self.pose
        self._publish_truth(self._to_ros(self._map, true, odometry))
        self._say_transform(self._map, self._odom, at_s, true @ self._wheels.inverse())

    def _say_transform(self, parent: str, child: str, at_s: float, pose: Pose) -> None:
        moved: TransformStamped = transform_to_ros(parent, child, at_s, pose)
        self._tf.publish(TFMessage(transforms=[moved]))

    def _to_ros(self, frame: str, pose: Pose, odometry: gz.Odometry) -> RosOdometry:
        stamp = seconds_to_ros(seconds_of(odometry.header.stamp))
        message = RosOdometry(header=Header(frame_id=frame, stamp=stamp), child_frame_id=self._base)
        message.pose.pose = pose_to_ros(pose)
        message.twist.twist.linear.x = odometry.twist.linear.x
        message.twist.twist.linear.y = odometry.twist.linear.y
        message.twist.twist.angular.z = odometry.twist.angular.z
        return message

    def drive(self, speed_mps: float, yaw_rate_rps: float) -> None:
        """Sets the velocity until further notice."""
        self._stands = not speed_mps and not yaw_rate_rps
        self._gazebo.publish(self._topics.cmd_vel, twist_of(speed_mps, yaw_rate_rps))

    def stop(self) -> bool:
        """Makes it stand if it was told to drive: Gazebo keeps to the last velocity for ever. Whether it had to be."""
        drives = not self._stands
        if drives:
            self.drive(0.0, 0.0)
        return drives

    def _drive(self, wanted: RosTwist) -> None:
        self.drive(wanted.linear.x, wanted.angular.z)


def run_bridge(
    store: Store,
    network: Network,
    heads: bool = False,
    report: Path | None = None,
    on_ready: Callable[[], None] = lambda: None,
) -> None:
    """Carries topics until SIGINT or SIGTERM; call it on the main thread.

    With `heads` the robots get what a cleaning robot has beside its Nav2: head, battery, status (see `GazeboHeads`).
    """
    stop = on_signals()
    ensure_log_folder()
    context = Context()
    rclpy.init(args=[], context=context, signal_handler_options=SignalHandlerOptions.NO)
    executor = SingleThreadedExecutor(context=context)
    node = Node("gazebo_bridge", context=context, start_parameter_services=False, enable_rosout=False)
    executor.add_node(node)
    gazebo = GazeboNode(network)
    bridge = GazeboBridge(store, node, gazebo)
    machines = GazeboHeads(store, bridge.robots, executor, context, report) if heads else None
    if machines is not None:
        look = partial(_look, machines, bridge)
        node.create_timer(_LOOK_S, look, clock=Clock(clock_type=ClockType.STEADY_TIME))
    waiting = Waiting()
    node.create_timer(
        _WAIT_S,
        lambda: waiting.look(bridge.missing(), time.monotonic()),
        clock=Clock(clock_type=ClockType.STEADY_TIME),
    )
    gazebo.start()
    try:
        on_ready()
        while not stop:
            executor.spin_once(timeout_sec=0.2)
    except ExternalShutdownException:
        pass
    finally:
        bridge.stop()
        gazebo.close()
        if machines is not None:
            machines.close()
        executor.shutdown(timeout_sec=0.0)
        node.destroy_node()
        rclpy.try_shutdown(context=context)


def _look(machines: GazeboHeads, bridge: GazeboBridge) -> None:
    if bridge.now_s is not None:
        machines.look(bridge.now_s)
