"""What can be heard of a robot before it is trusted: gathered over DDS for some seconds, without an order being sent."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from lifecycle_msgs.srv import GetState
from nav_msgs.msg import OccupancyGrid as MapMessage
from rcl_interfaces.srv import GetParameters
from rclpy.client import Client
from rclpy.task import Future
from sensor_msgs.msg import BatteryState
from std_srvs.srv import SetBool

from robot_fleet.fleet.events import Event, HeadReported, HoldReported, PoseRefused, PoseReported
from robot_fleet.floor.store import RobotSpec
from robot_fleet.ros import layouts
from robot_fleet.ros.bridge import RosBridge
from robot_fleet.ros.clock import RosClock
from robot_fleet.ros.conversion import BadReading, words_from_ros
from robot_fleet.ros.driver import NavDriver
from robot_fleet.ros.hearing import hear_all
from robot_fleet.ros.layouts import Publisher
from robot_fleet.ros.listening import LATCHED, PLAIN
from robot_fleet.ros.names import topic_name, topics_heard
from robot_fleet.ros.own_map import OwnMap, map_from_ros

ROUND_TRIPS = 10
_ANSWER_S = 1.0


@dataclass
class Observed:
    """What was heard of one robot. Poses come with the time of our own clock when they arrived; names are full ROS names.

    `ours` is what we expect of the topics; `misread` what of goals and results would be.
    `round_trips_s` holds None for a lost question, `bad_map` why a map could not be read, `map_is_shared` whether that is
    not its own `map`. `clock_heard` is whether our clock
    knew the time in the end: the machine's always does.
    """

    topics: dict[str, list[Publisher]] = field(default_factory=dict)
    ours: dict[str, Publisher | None] = field(default_factory=dict)
    misread: list[str] = field(default_factory=list)
    servers: dict[str, bool] = field(default_factory=dict)
    services: dict[str, bool] = field(default_factory=dict)
    states: dict[str, str] = field(default_factory=dict)
    poses: list[tuple[float, PoseReported]] = field(default_factory=list)
    refused: PoseRefused | None = None
    percentages: list[float] = field(default_factory=list)
    charging: bool = False
    heads: list[bool] = field(default_factory=list)
    hold: str | None = None
    drops: Counter[str] = field(default_factory=Counter)
    map: OwnMap | None = None
    bad_map: str = ""
    map_is_shared: bool = False
    clock_heard: bool = True
    round_trips_s: list[float | None] = field(default_factory=list)


async def observe(
    specs: Sequence[RobotSpec], seconds: float, sim_time: bool = False, others: Sequence[RobotSpec] = ()
) -> dict[str, Observed]:
    """Listens to the robots, with `sim_time` by the time of /clock, for so many real seconds; what was observed, by name.

    Of the store's `others` it only matters that messages on a shared topic may be about them.

    Raises InvalidInput for names that ROS does not allow, Unavailable when ROS cannot be started.
    """
    bridge = RosBridge("fleet_doctor")
    clock = RosClock(bridge, sim_time, listens=True)
    driver = NavDriver(bridge, specs, clock, others=others)
    observers = {spec.name: _Observer(bridge, spec, clock) for spec in specs}
    bugs: list[BaseException] = []

    def hear(event: Event) -> None:
        observer = observers.get(getattr(event, "robot", ""))
        if observer:
            observer.hear(event)

    bridge.start(asyncio.get_running_loop(), hear, bugs.append)
    try:
        await asyncio.sleep(seconds)
        for name, observer in observers.items():
            await _on_ros(bridge, partial(observer.look, driver.servers(name)))
            await observer.ask()
            observer.seen.clock_heard = clock.is_known
        for (name, reason), count in driver.drops.counts.items():
            observers[name].seen.drops[reason] += count
    finally:
        await asyncio.get_running_loop().run_in_executor(None, bridge.stop)
    if bugs:
        raise bugs[0]
    return {name: observer.seen for name, observer in observers.items()}


class _Observer:
    """Gathers what is `seen` of one robot."""

    def __init__(self, bridge: RosBridge, spec: RobotSpec, clock: RosClock) -> None:
        self._bridge, self._spec, self._clock = bridge, spec, clock
        self.seen = Observed()
        names = spec.profile.interface
        node, full = bridge.node, partial(topic_name, spec)
        hear_all(node, BatteryState, full(names.battery_topic), PLAIN, self._hear_battery)
        # Its own counts before one that it may share, whichever is heard first.
        for topic in dict.fromkeys(("/map", full("map"))):
            hear_all(node, MapMessage, topic, LATCHED, partial(self._hear_map, topic != full("map")))
        services = (names.head_service, names.solution_service, names.vacuum_service)
        self._services = {full(name): node.create_client(SetBool, full(name)) for name in services if name}
        self._actions = [full(name) for name in (names.follow_path, names.dock_robot, names.undock_robot)]
        self._topics = [*topics_heard(spec), *map(layouts.feedback_of, self._actions)]

    def hear(self, event: Event) -> None:
        """On the loop's thread."""
        if isinstance(event, PoseReported):
            self.seen.poses.append((self._clock.now_s(), event))
        elif isinstance(event, PoseRefused):
            self.seen.refused = event
        elif isinstance(event, HeadReported):
            self.seen.heads.append(event.on)
        elif isinstance(event, HoldReported):
            self.seen.hold = event.reason

    def look(self, servers: dict[str, bool]) -> None:
        """Takes down who is there; on the ROS thread."""
        node = self._bridge.node
        self.seen.servers = servers
        self.seen.services = {name: client.service_is_ready() for name, client in self._services.items()}
        for topic in self._topics:
            self.seen.topics[topic] = layouts.publishers(node, topic)
            self.seen.ours[topic] = layouts.own(node, topic)
        self.seen.misread = [fault for action in self._actions if (fault := layouts.action_misreading(node, action))]

    async def ask(self) -> None:
        """Asks the nodes behind the drive actions whether they are active, and one of them how long an answer takes."""
        feedback = [self.seen.topics[layouts.feedback_of(action)] for action in self._actions]
        told = (publisher.node for publishers in feedback for publisher in publishers)
        nodes = [name for name in dict.fromkeys(told) if name.startswith("/")]
        for name in nodes:
            async with _asked(self._bridge, GetState, f"{name}/get_state") as ask:
                answer = await ask(GetState.Request())
            if answer is not None:
                self.seen.states[name] = words_from_ros(answer.current_state.label)
        for name in nodes[:1]:
            async with _asked(self._bridge, GetParameters, f"{name}/get_parameters") as ask:
                for _ in range(ROUND_TRIPS):
                    started = time.monotonic()
                    answer = await ask(GetParameters.Request(names=["use_sim_time"]))
                    self.seen.round_trips_s.append(time.monotonic() - started if answer is not None else None)

    def _hear_battery(self, message: BatteryState) -> None:
        self.seen.percentages.append(message.percentage)
        self.seen.charging = message.power_supply_status in (
            BatteryState.POWER_SUPPLY_STATUS_CHARGING, BatteryState.POWER_SUPPLY_STATUS_FULL,
        )  # fmt: skip

    def _hear_map(self, is_shared: bool, message: MapMessage) -> None:
        seen = self.seen
        if is_shared and not seen.map_is_shared and (seen.map or seen.bad_map):
            return
        seen.map, seen.bad_map, seen.map_is_shared = None, "", is_shared
        try:
            seen.map = map_from_ros(message)
        except BadReading as bad:
            seen.bad_map = str(bad)


@asynccontextmanager
async def _asked(bridge: RosBridge, kind: type, name: str) -> AsyncIterator[Callable[[object], Awaitable[Any]]]:
    """Asks a service; each answer is None when it is not there or does not answer within a second."""
    client: Client = await _on_ros(bridge, lambda: bridge.node.create_client(kind, name))
    until = time.monotonic() + _ANSWER_S
    while not client.service_is_ready() and time.monotonic() < until:  # noqa: ASYNC110 - discovered on another thread
        await asyncio.sleep(0.02)

    async def ask(request: object) -> Any:
        if not client.service_is_ready():
            return None
        loop = asyncio.get_running_loop()
        answered: asyncio.Future[Any] = loop.create_future()

        def tell(future: Future) -> None:
            loop.call_soon_threadsafe(lambda: answered.done() or answered.set_result(future.result()))

        bridge.to_ros(lambda: client.call_async(request).add_done_callback(tell))
        try:
            return await asyncio.wait_for(answered, _ANSWER_S)
        except asyncio.TimeoutError:
            return None

    try:
        yield ask
    finally:
        await _on_ros(bridge, lambda: bridge.node.destroy_client(client))


async def _on_ros(bridge: RosBridge, act: Callable[[], Any]) -> Any:
    """What comes of something that is done on the ROS thread."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Any] = loop.create_future()

    def run() -> None:
        try:
            loop.call_soon_threadsafe(done.set_result, act())
        except Exception as fault:
            loop.call_soon_threadsafe(done.set_exception, fault)

    bridge.to_ros(run)
    return await done
