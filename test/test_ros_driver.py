"""Commands reach robots over real DDS, and what the robots do comes back as events: two processes, no stand-ins."""

from __future__ import annotations

import asyncio
import itertools
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
import pytest_asyncio

pytest.importorskip("rclpy", reason="ROS 2 is not installed")

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.publisher import Publisher
from ros_eye import Eye
from std_msgs.msg import String

from robot_fleet.fleet.commands import CancelAll, Channel, Command, DockAt, Follow, SwitchChannel, SwitchHead, Undock
from robot_fleet.fleet.errors import InvalidInput
from robot_fleet.fleet.events import (
    AllCancelled,
    BatteryReported,
    Event,
    HeadReported,
    HoldReported,
    LegEnded,
    Outcome,
    PoseReported,
)
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.profile import WORKING_W, Interface
from robot_fleet.floor.store import Dock, RobotSpec
from robot_fleet.ros.bridge import RosBridge
from robot_fleet.ros.clock import RosClock
from robot_fleet.ros.conversion import holds_to_ros
from robot_fleet.ros.driver import NavDriver
from robot_fleet.ros.listening import LATCHED

pytestmark = [pytest.mark.ros, pytest.mark.asyncio(loop_scope="module")]

BEHAVIOURS = ("works", "fails", "refuses", "drives", "hung", "stubborn", "mute", "foreign")
MAP_TO_ROBOT = Pose(10.0, -3.0, 0.7)
LIMIT_S = 60.0
E = TypeVar("E", bound=Event)


@pytest.fixture
def eye() -> Iterator[Eye]:
    eye = Eye()
    yield eye
    eye.close()


@contextmanager
def robot_process(*robots: str) -> Iterator[subprocess.Popen[str]]:
    """A process with the robots NAME=BEHAVIOUR; killed at the end."""
    program = [sys.executable, str(Path(__file__).with_name("ros_robot.py")), *robots]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None and process.stdout.readline().startswith("ready")
            yield process
        finally:
            process.kill()


@dataclass
class Fleet:
    """A driver with its bridge, and every event that came, in order."""

    bridge: RosBridge
    driver: NavDriver
    events: list[Event] = field(default_factory=list)
    bugs: list[BaseException] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    orders: dict[str, Publisher] = field(default_factory=dict)

    def send(self, command: Command) -> None:
        self.driver.send(command)

    def order(self, robot: str, word: str) -> None:
        """Tells the test robot something that no controller would."""
        self.orders[robot].publish(String(data=word))

    def all_of(self, kind: type[E], **fields: object) -> list[E]:
        return [event for event in self.events if isinstance(event, kind) and _has(event, fields)]

    async def until(self, holds: Callable[[], object], limit_s: float = LIMIT_S) -> None:
        deadline = time.monotonic() + limit_s
        while not holds():
            assert time.monotonic() < deadline, f"not within {limit_s} s; the last events: {self.events[-5:]}"
            assert not self.bugs
            await asyncio.sleep(0.03)

    async def event(self, kind: type[E], **fields: object) -> E:
        await self.until(lambda: self.all_of(kind, **fields))
        return self.all_of(kind, **fields)[0]

    async def ended(self, leg_id: str) -> LegEnded:
        return await self.event(LegEnded, leg_id=leg_id)


def _has(event: Event, fields: dict[str, object]) -> bool:
    return all(getattr(event, name) == value for name, value in fields.items())


def spec(name: str, **interface: str) -> RobotSpec:
    names = Interface(solution_service="solution/set", vacuum_service="vacuum/set", **interface)
    return RobotSpec(name, replace(WORKING_W, interface=names), "dock", name, MAP_TO_ROBOT)


def _note(seen: list[str], message: String) -> None:
    seen.append(message.data)


@asynccontextmanager
async def fleet(*names: str, **interface: str) -> AsyncIterator[Fleet]:
    bridge = RosBridge("test_controller")
    driver = NavDriver(bridge, [spec(name, **interface) for name in names], RosClock(bridge))
    here = Fleet(bridge, driver)
    for name in names:
        hear = partial(_note, here.seen)
        bridge.node.create_subscription(String, f"/{name}/test/seen", hear, LATCHED)
        here.orders[name] = bridge.node.create_publisher(String, f"/{name}/test/order", LATCHED)
    bridge.start(asyncio.get_running_loop(), here.events.append, here.bugs.append)
    try:
        yield here
    finally:
        assert bridge.stop(limit_s=30.0)
        assert not here.bugs


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def all_robots() -> AsyncIterator[Fleet]:
    """One robot of each behaviour, named after it, and the controller's side of them."""
    with robot_process(*(f"{name}={'works+foreign' if name == 'foreign' else name}" for name in BEHAVIOURS)):
        async with fleet(*BEHAVIOURS) as here:
            await here.until(lambda: {event.robot for event in here.all_of(PoseReported)} == set(BEHAVIOURS))
            yield here


@pytest.fixture
def here(all_robots: Fleet) -> Fleet:
    """All robots, with no event heard yet."""
    all_robots.events.clear()
    return all_robots


_lengths_m = itertools.count(1)


def follow(robot: str, leg_id: str = "") -> Follow:
    """A path of a length that no other has, so that the robot's word about it cannot be an old one."""
    length_m = next(_lengths_m)
    return Follow(robot, leg_id or f"{robot} leg", np.array([[11.0, -2.0], [11.0 + length_m, -2.0]]))


def as_seen(path: Follow) -> str:
    start, end = (MAP_TO_ROBOT.inverse() @ Pose(x, y) for x, y in path.points)
    return f"follow map {start.x_m:.2f} {start.y_m:.2f} to {end.x_m:.2f} {end.y_m:.2f}"


async def driving(here: Fleet, robot: str, leg_id: str = "") -> None:
    """Sends a Follow and waits until the robot has seen it as it should."""
    path = follow(robot, leg_id)
    here.send(path)
    await here.until(lambda: as_seen(path) in here.seen)


async def test_every_order_is_driven_and_its_success_told_with_its_id(here: Fleet) -> None:
    dock = Dock("d1", Pose(11.0, -3.0, 0.0))
    for command in (Undock("works", "a", dock), follow("works", "b"), DockAt("works", "c", dock)):
        here.send(command)
    for leg_id in "abc":
        assert (await here.ended(leg_id)).outcome is Outcome.SUCCEEDED


async def test_goals_arrive_in_the_robots_own_map_frame(here: Fleet) -> None:
    path = follow("works")
    here.send(path)
    await here.until(lambda: as_seen(path) in here.seen)
    assert not any("follow map 11.00 -2.00" in seen for seen in here.seen), "sent in our frame instead"


async def test_an_abort_comes_with_the_robots_own_words(here: Fleet) -> None:
    here.send(follow("fails"))
    ended = await here.ended("fails leg")
    assert ended.outcome is Outcome.ABORTED
    assert ended.detail == "FAILED_TO_MAKE_PROGRESS (105): a chair is in the way"


async def test_a_refused_goal_ends_rejected(here: Fleet) -> None:
    here.send(follow("refuses"))
    ended = await here.ended("refuses leg")
    assert ended.outcome is Outcome.REJECTED and "/refuses/follow_path refused" in ended.detail


async def test_a_goal_to_a_server_that_is_not_there_ends_rejected_with_its_name(here: Fleet) -> None:
    here.send(follow("mute"))
    ended = await here.ended("mute leg")
    assert ended.outcome is Outcome.REJECTED and "no action server /mute/follow_path" in ended.detail


async def test_no_goal_goes_to_a_robot_that_would_misread_it(here: Fleet) -> None:
    here.send(follow("foreign"))
    ended = await here.ended("foreign leg")
    assert ended.outcome is Outcome.REJECTED
    assert "misread" in ended.detail and "/foreign/follow_path" in ended.detail


async def test_a_hung_robot_leaves_goal_and_cancel_unanswered_and_must_not_drive_when_it_wakes(here: Fleet) -> None:
    here.send(follow("hung"))
    assert (await here.ended("hung leg")).outcome is Outcome.UNANSWERED
    here.send(CancelAll("hung"))
    await asyncio.sleep(2.5)
    assert not here.all_of(AllCancelled)
    here.order("hung", "wake")
    await here.event(AllCancelled, robot="hung")
    assert len(here.all_of(LegEnded, robot="hung")) == 1


@pytest.mark.proof
async def test_a_goal_accepted_after_its_limit_is_cancelled_without_being_asked() -> None:
    with robot_process("slow=hung"):
        async with fleet("slow") as here:
            here.send(follow("slow"))
            assert (await here.ended("slow leg")).outcome is Outcome.UNANSWERED
            here.order("slow", "wake")
            await here.until(lambda: "cancel" in here.seen)


async def test_cancel_is_confirmed_only_after_the_terminal_result(here: Fleet) -> None:
    await driving(here, "drives")
    here.send(CancelAll("drives"))
    await here.event(AllCancelled, robot="drives")
    kinds = [type(event) for event in here.events if isinstance(event, (LegEnded, AllCancelled))]
    assert kinds == [LegEnded, AllCancelled]
    assert (await here.ended("drives leg")).outcome is Outcome.CANCELLED


async def test_cancel_ends_the_goals_of_an_earlier_controller(here: Fleet) -> None:
    async with fleet("drives") as earlier:
        await driving(earlier, "drives")
    asked_at = time.monotonic()
    while not here.all_of(AllCancelled, robot="drives"):
        here.send(CancelAll("drives"))  # said again and again, as a controller at simulated speed does
        await asyncio.sleep(0.02)
        assert time.monotonic() < asked_at + LIMIT_S
    assert time.monotonic() - asked_at > 0.3, "confirmed before the robot had come to rest"


async def test_cancel_overtakes_orders_that_are_not_sent_yet(here: Fleet) -> None:
    await here.event(PoseReported)
    here.bridge.to_ros(lambda: time.sleep(0.3))
    here.send(follow("drives"))
    here.send(CancelAll("drives"))
    assert (await here.ended("drives leg")).outcome is Outcome.CANCELLED
    await here.event(AllCancelled, robot="drives")


async def test_a_robot_that_refuses_to_cancel_is_never_called_cancelled() -> None:
    with robot_process("mule=stubborn"):
        async with fleet("mule") as here:
            await driving(here, "mule")
            here.send(CancelAll("mule"))
            await asyncio.sleep(3.0)
            assert not here.all_of(AllCancelled) and not here.all_of(LegEnded)


async def test_cancel_on_a_robot_without_servers_is_never_confirmed(here: Fleet) -> None:
    here.send(CancelAll("mute"))
    await asyncio.sleep(3.0)
    assert not here.all_of(AllCancelled)


async def test_what_a_robot_says_becomes_events_in_our_map(here: Fleet) -> None:
    pose = (await here.event(PoseReported, robot="works")).pose
    expected = MAP_TO_ROBOT @ Pose(1.0, 2.0, 0.5) @ Pose(0.25, 0.0)
    assert pose.distance_m(expected) < 1e-6 and abs(pose.yaw_rad - expected.yaw_rad) < 1e-6
    assert (await here.event(BatteryReported, robot="works")).level == 0.75
    assert (await here.event(HoldReported, robot="works")).reason == ""


async def test_the_head_does_what_it_is_told_and_says_so(here: Fleet) -> None:
    for robot in ("works", "refuses"):
        here.send(SwitchHead(robot, on=True))
    await here.event(HeadReported, robot="works", on=True)
    here.send(SwitchHead("works", on=False))
    here.events.clear()
    await here.event(HeadReported, robot="works", on=False)
    assert not here.all_of(HeadReported, robot="refuses", on=True)


async def test_solution_and_vacuum_are_switched_each_by_its_own_service(here: Fleet) -> None:
    for channel, on, seen in (
        ("solution", True, "solution on"),
        ("vacuum", True, "vacuum on"),
        ("solution", False, "solution off"),
    ):
        here.send(SwitchChannel("works", Channel(channel), on))
        await here.until(lambda seen=seen: seen in here.seen)


async def test_an_emergency_stop_is_heard_with_its_reason_and_its_end(here: Fleet) -> None:
    here.order("works", "e-stop pressed")
    held = await here.event(HoldReported, robot="works", reason="e-stop pressed")
    here.events.clear()
    here.order("works", "")
    freed = await here.event(HoldReported, robot="works", reason="")
    assert (held.reason, freed.reason) == ("e-stop pressed", "")


async def test_on_a_topic_of_all_robots_a_hold_is_of_the_robot_that_it_names(eye: Eye) -> None:
    says = eye.node.create_publisher(DiagnosticArray, "/diagnostics", 10)
    async with fleet("one", "two", diagnostics_topic="/diagnostics") as here:

        def heard(robot: str, holds: dict[str, str]) -> bool:
            says.publish(holds_to_ros(holds, 0.0))
            return bool(here.all_of(HoldReported, robot=robot))

        await here.until(lambda: heard("two", {"two: safety": "e-stop pressed"}))
        assert not here.all_of(HoldReported, robot="one")
        await here.until(lambda: heard("one", {"one: safety": "", "two: safety": "e-stop pressed"}))
        assert {hold.reason for hold in here.all_of(HoldReported, robot="one")} == {""}
        assert {hold.reason for hold in here.all_of(HoldReported, robot="two")} == {"e-stop pressed"}


async def test_a_robot_killed_while_driving_is_silent_and_confirms_only_when_it_is_back() -> None:
    async with fleet("dead") as here:
        with robot_process("dead=drives") as process:
            await here.event(PoseReported)
            await driving(here, "dead")
            process.send_signal(signal.SIGKILL)
            process.wait()
        here.send(CancelAll("dead"))
        await asyncio.sleep(2.5)
        assert not here.all_of(AllCancelled) and not here.all_of(LegEnded)
        with robot_process("dead=drives"):
            await here.event(AllCancelled, robot="dead")
            assert (await here.ended("dead leg")).outcome is Outcome.ABORTED


async def test_a_name_that_ros_does_not_allow_is_refused_with_the_robots_name() -> None:
    bridge = RosBridge("test_controller")
    with pytest.raises(InvalidInput, match="robot bad name"):
        NavDriver(bridge, [RobotSpec("bad name", WORKING_W, "dock", "bad name")], RosClock(bridge))
    assert bridge.stop(limit_s=30.0)
