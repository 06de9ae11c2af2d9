"""Whether a robot's drive servers are active, as their nodes say it over real DDS, and what the driver makes of it."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from types import SimpleNamespace

import pytest

pytest.importorskip("rclpy", reason="ROS 2 is not installed")

from lifecycle_msgs.msg import State
from lifecycle_msgs.srv import GetState
from nav2_msgs.action import FollowPath
from rclpy.context import Context
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from test_ros_bridge import running, until
from test_ros_driver import fleet, robot_process

from robot_fleet.fleet.events import EquipmentReported
from robot_fleet.ros import server_states
from robot_fleet.ros.bridge import RosBridge
from robot_fleet.ros.server_states import ServerStates

pytestmark = pytest.mark.ros
FEEDBACK = FollowPath.Impl.FeedbackMessage


class Server:
    """A node `/NAME_drive` in a context of its own: it publishes the feedback of `/NAME/follow_path`, and is inactive."""

    def __init__(self, name: str) -> None:
        self.state = State(id=State.PRIMARY_STATE_INACTIVE, label="inactive")
        self._context = Context()
        self._context.init(args=[])
        self._node = Node(f"{name}_drive", context=self._context)
        self._node.create_publisher(FEEDBACK, f"/{name}/follow_path/_action/feedback", 10)
        self._node.create_service(GetState, f"{name}_drive/get_state", self._tell)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self._node)
        self._thread = threading.Thread(target=self._spin, daemon=True)
        self._thread.start()

    def _tell(self, request: GetState.Request, response: GetState.Response) -> GetState.Response:
        response.current_state = self.state
        return response

    def _spin(self) -> None:
        with suppress(ExternalShutdownException):
            self._executor.spin()

    def close(self) -> None:
        """Leaves ROS, so that nobody takes it for one that is there."""
        self._executor.shutdown()
        self._thread.join(10.0)
        self._node.destroy_node()
        self._context.try_shutdown()


@pytest.fixture
def servers() -> Iterator[Callable[[str], Server]]:
    """Makes servers, which are gone at the end."""
    made: list[Server] = []

    def make(name: str) -> Server:
        made.append(Server(name))
        return made[-1]

    yield make
    for server in made:
        server.close()


async def asked_until(bridge: RosBridge, states: ServerStates, holds: Callable[[], object]) -> None:
    """Looks for servers and asks them, on the ROS thread, until something holds."""

    def ask() -> None:
        states.find()
        states.ask()

    while not holds():
        bridge.to_ros(ask)
        await asyncio.sleep(0.2)


async def test_an_inactive_server_is_named_until_it_says_that_it_is_active(
    servers: Callable[[str], Server],
) -> None:
    server, bridge = servers("lone"), RosBridge()
    states = ServerStates(bridge, ["/lone/follow_path"])
    async with running(bridge) as bugs, asyncio.timeout(120.0):
        await asked_until(bridge, states, lambda: states.asleep)
        assert states.asleep == "/lone_drive is inactive"
        server.state = State(id=State.PRIMARY_STATE_ACTIVE, label="active")
        await asked_until(bridge, states, lambda: not states.asleep)
        assert not bugs


async def test_how_fast_the_link_is_is_told_by_answers_of_the_last_seconds_alone(
    servers: Callable[[str], Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was fast near the access point says nothing of the far end of the store."""
    servers("roamer")
    bridge = RosBridge()
    states = ServerStates(bridge, ["/roamer/follow_path"])
    async with running(bridge) as bugs, asyncio.timeout(120.0):
        await asked_until(bridge, states, lambda: states.answer_s)
        await until(lambda: not states._asked)
        for later_s, is_known in ((10.0, True), (20.0, False)):
            later = SimpleNamespace(monotonic=lambda later_s=later_s: time.monotonic() + later_s)
            monkeypatch.setattr(server_states, "time", later)
            assert (states.answer_s is not None) is is_known
        await asked_until(bridge, states, lambda: states.answer_s)
        assert not bugs


async def test_of_two_servers_of_one_name_neither_is_believed(servers: Callable[[str], Server]) -> None:
    """Robots without namespaces may have nodes of one name: an answer could be another robot's."""
    servers("twin")
    bridge = RosBridge()
    states = ServerStates(bridge, ["/twin/follow_path"])
    async with running(bridge) as bugs, asyncio.timeout(120.0):
        await asked_until(bridge, states, lambda: states.asleep)
        servers("twin")
        await until(lambda: bridge.node.count_services("/twin_drive/get_state") == 2)
        await asked_until(bridge, states, lambda: not states.asleep)
        for _ in range(5):
            bridge.to_ros(states.ask)
            await asyncio.sleep(0.2)
            assert not states.asleep
        assert not bugs


async def test_a_robot_that_boots_again_into_inactive_servers_is_not_sound_in_between() -> None:
    async with fleet("sleepy") as here:
        with robot_process("sleepy=works"):
            await here.until(lambda: all(here.driver.servers("sleepy").values()))
        await here.until(lambda: any("no action server" in told.missing for told in here.all_of(EquipmentReported)))
        here.events.clear()
        with robot_process("sleepy=works+asleep"):
            await here.until(lambda: any("inactive" in told.missing for told in here.all_of(EquipmentReported)))
            assert all(told.missing for told in here.all_of(EquipmentReported))
            here.order("sleepy", "now")
            await here.event(EquipmentReported, missing="")
