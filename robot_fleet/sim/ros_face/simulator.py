"""The simulator's process: one thread, one SingleThreadedExecutor; the world moves on in a timer or as /clock says."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import rclpy
from geometry_msgs.msg import TransformStamped
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.context import Context
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.signals import SignalHandlerOptions
from rosgraph_msgs.msg import Clock as ClockMessage
from tf2_msgs.msg import TFMessage

from robot_fleet.fleet.events import Event
from robot_fleet.floor.store import RobotSpec, Store
from robot_fleet.ros.conversion import seconds_from_ros, seconds_to_ros
from robot_fleet.ros.log_folder import ensure_log_folder
from robot_fleet.ros.names import topic_name
from robot_fleet.sim.gazebo.link import GazeboLink
from robot_fleet.sim.gazebo.network import Network
from robot_fleet.sim.pace import Pace
from robot_fleet.sim.realism import EXECUTED, Realism
from robot_fleet.sim.ros_face.face import RobotFace
from robot_fleet.sim.ros_face.leash import Leash
from robot_fleet.sim.ros_face.reporter import Reporter
from robot_fleet.sim.ros_face.signals import on_signals
from robot_fleet.sim.ros_face.waiting import Waiting
from robot_fleet.sim.tracked import TrackedMotion
from robot_fleet.sim.world import STEP_S, World

_TIMER_S = 0.01
_SAY_AGAIN_S = 0.2
_CLOCK_OUT = QoSProfile(depth=10, reliability=ReliabilityPolicy.RELIABLE)
_CLOCK_IN = QoSProfile(depth=10, reliability=ReliabilityPolicy.BEST_EFFORT)


class Simulator:
    """The nodes of one process. With `clock` it makes the time and publishes /clock; else it follows /clock.

    With `gazebo` the time is Gazebo's, and is published. With `real_time` it is this machine's, as on real robots, and is not.
    """

    def __init__(
        self,
        world: World,
        speed: float,
        clock: bool,
        context: Context,
        on_step: Callable[[], None],
        gazebo: GazeboLink | None = None,
        real_time: bool = False,
    ) -> None:
        self.world, self._on_step = world, on_step
        self.executor = SingleThreadedExecutor(context=context)
        self._own = self._node("simulator", "", context)
        self._faces = {
            name: RobotFace(world, robot, self._node("simulated_robot", robot.spec.namespace, context))
            for name, robot in world.robots.items()
        }
        self._moved_at = 0.0
        self._tf: dict[str, Publisher] = {}
        self._tf_topics = {
            name: topic_name(robot.spec, robot.spec.profile.interface.tf_topic) for name, robot in world.robots.items()
        }
        for topic in set(self._tf_topics.values()):
            self._tf[topic] = self._own.create_publisher(TFMessage, topic, 100)
        self._heard = False
        self._waiting = Waiting()
        if gazebo is not None:
            self._gazebo = gazebo
            self._clock = self._own.create_publisher(ClockMessage, "/clock", _CLOCK_OUT)
            self._own.create_timer(_TIMER_S, self._follow_gazebo, clock=Clock(clock_type=ClockType.STEADY_TIME))
        elif real_time:
            self._own.create_timer(_TIMER_S, self._follow_machine, clock=Clock(clock_type=ClockType.STEADY_TIME))
        elif clock:
            self._pace, self._leash = Pace(speed, STEP_S), Leash(self._own)
            self._clock = self._own.create_publisher(ClockMessage, "/clock", _CLOCK_OUT)
            self._own.create_timer(_TIMER_S, self._keep_pace, clock=Clock(clock_type=ClockType.STEADY_TIME))
        else:
            self._own.create_subscription(ClockMessage, "/clock", self._follow_clock, _CLOCK_IN)

    def close(self) -> None:
        """Ends the nodes."""
        for face in self._faces.values():
            face.close()
        self.executor.shutdown(timeout_sec=0.0)
        for node in (self._own, *(face.node for face in self._faces.values())):
            node.destroy_node()

    def _node(self, name: str, namespace: str, context: Context) -> Node:
        node = Node(name, namespace=namespace, context=context, start_parameter_services=False, enable_rosout=False)
        self.executor.add_node(node)
        return node

    def _keep_pace(self) -> None:
        real_s = time.monotonic()
        steps = self._pace.steps_due(real_s, int(self._leash.slack_s(self.world.now_s, real_s) / STEP_S))
        for _ in range(steps):
            events = self.world.step(STEP_S)
            self._say_time()
            self._tell(events)
        if steps:
            self._moved_at = real_s
        elif real_s - self._moved_at > _SAY_AGAIN_S:
            # A controller that has just come must hear the time at which it stands.
            self._moved_at = real_s
            self._say_time()

    def _say_time(self) -> None:
        self._clock.publish(ClockMessage(clock=seconds_to_ros(self.world.now_s)))

    def _follow_clock(self, message: ClockMessage) -> None:
        self._follow(seconds_from_ros(message.clock))

    def _follow_machine(self) -> None:
        self._follow(time.time())

    def _follow(self, heard_s: float) -> None:
        if not self._heard or heard_s < self.world.now_s - STEP_S:
            self._heard = True
            self.world.set_clock(heard_s)
        while self.world.now_s + STEP_S <= heard_s + 1e-6:
            self._tell(self.world.step(STEP_S))

    def _follow_gazebo(self) -> None:
        """Lets the world of records follow Gazebo's; what this process has slept through is one long step."""
        heard_s = self._gazebo.now_s
        if heard_s is None:
            self._waiting.look(self._gazebo.missing(), time.monotonic())
            return
        self._waiting.look([], time.monotonic())
        if not self._heard or heard_s < self.world.now_s - STEP_S:
            self._heard = True
            self.world.set_clock(heard_s)
            self.world.look_around()
        late_s = heard_s - self.world.now_s
        if late_s >= STEP_S - 1e-6:
            events = self.world.step(late_s)
            self._say_time()
            self._tell(events)

    def _tell(self, events: list[Event]) -> None:
        transforms: dict[str, list[TransformStamped]] = defaultdict(list)
        for event in events:
            robot = getattr(event, "robot", "")
            if robot in self._faces:
                transforms[self._tf_topics[robot]] += self._faces[robot].say(event)
        for topic, moved in transforms.items():
            if moved:
                self._tf[topic].publish(TFMessage(transforms=moved))
        for face in self._faces.values():
            face.give_feedback()
        self._on_step()


def run_simulator(
    store: Store,
    speed: float = 1.0,
    robot: str | None = None,
    realism: Realism = EXECUTED,
    seed: int = 0,
    report: Path | None = None,
    clock: bool | None = None,
    clock_only: bool = False,
    domain: int | None = None,
    gazebo: Network | None = None,
    real_time: bool = False,
    on_ready: Callable[[], None] = lambda: None,
) -> None:
    """Simulates all robots of the store, or the one named `robot`, until SIGINT or SIGTERM; call it on the main thread.

    One process makes the time and publishes /clock at `speed` virtual seconds a second: with `clock` (default: when it
    simulates all robots), or with `clock_only`, without robots. The others follow /clock. Collisions with the floor are
    always found; those between robots only among the robots of one process. `report` names a JSON file that is
    written every 3 s and at the end (see `sim.report`). The ROS domain is `domain`, else the environment's.
    With `real_time` there is no /clock: each process goes by its machine's clock, as real robots do, at their speed.
    With `gazebo` the robots' bodies and the time are those of a Gazebo world there, which `sim.gazebo` wrote for this store.
    KeyError when there is no such robot.
    """
    names = [] if clock_only else [store.robot(robot).name] if robot else [spec.name for spec in store.robots]
    link = GazeboLink(store, gazebo) if gazebo else None
    world = World(store, realism, seed, names, motions=partial(_in_gazebo, link) if link else None)
    makes_time = clock_only or (clock if clock is not None else robot is None)
    stop = on_signals()
    ensure_log_folder()
    context = Context()
    rclpy.init(args=[], context=context, domain_id=domain, signal_handler_options=SignalHandlerOptions.NO)
    reporter = Reporter(report, world, speed=speed if makes_time else None, seed=seed)
    simulator = Simulator(world, speed, makes_time, context, reporter.look, link, real_time)
    try:
        on_ready()
        while not stop:
            simulator.executor.spin_once(timeout_sec=0.2)
    except ExternalShutdownException:
        pass
    finally:
        reporter.write()
        if link is not None:
            link.close()
        simulator.close()
        with suppress(RuntimeError):
            rclpy.shutdown(context=context)


def _in_gazebo(link: GazeboLink, spec: RobotSpec) -> TrackedMotion:
    return TrackedMotion(spec.profile, link.body(spec))
