"""The driver and the simulated robots, over real DDS in two processes: neither knows the other, and both mean the same."""

from __future__ import annotations

import asyncio
import sys
import time
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
import pytest_asyncio

pytest.importorskip("rclpy", reason="ROS 2 is not installed")

from sim_process import small_room
from std_srvs.srv import SetBool

from robot_fleet.fleet.commands import CancelAll, DockAt, Follow, SwitchHead, Undock
from robot_fleet.fleet.events import (
    AllCancelled,
    BatteryReported,
    Event,
    HeadReported,
    HoldReported,
    LegEnded,
    Outcome,
    PoseReported,
    Tick,
)
from robot_fleet.floor.pose import Pose
from robot_fleet.ros.bridge import RosBridge
from robot_fleet.ros.clock import RosClock
from robot_fleet.ros.driver import NavDriver

pytestmark = [pytest.mark.ros, pytest.mark.asyncio(loop_scope="module")]

STORE = small_room()
SPEED = 4
LIMIT_S = 90.0  # a busy machine must not fail a test
LISTENED_S = 5.5  # long enough for /clock to count as stale
BRAKING_S = 1.0 + 0.6  # v / a of the robot, and poses that come late
E = TypeVar("E", bound=Event)


@dataclass
class Site:
    """Both processes, and every event since the test began."""

    bridge: RosBridge
    driver: NavDriver
    clock: RosClock
    simulator: Process
    events: list[Event] = field(default_factory=list)
    bugs: list[BaseException] = field(default_factory=list)

    def take(self, event: Event) -> None:
        """Lets the simulated clock go on at each tick, as the controller's process does; keeps all other events."""
        if isinstance(event, Tick):
            self.clock.confirm(event.at_s)
        else:
            self.events.append(event)

    def all_of(self, kind: type[E], **fields: object) -> list[E]:
        return [event for event in self.events if isinstance(event, kind) and _has(event, fields)]

    async def until(self, holds: Callable[[], object]) -> None:
        deadline = time.monotonic() + LIMIT_S
        while not holds():
            assert time.monotonic() < deadline, f"not within {LIMIT_S} s; the last events: {self.events[-5:]}"
            assert not self.bugs
            await asyncio.sleep(0.03)

    async def event(self, kind: type[E], **fields: object) -> E:
        await self.until(lambda: self.all_of(kind, **fields))
        return self.all_of(kind, **fields)[0]

    async def pose(self, robot: str) -> Pose:
        """Where the robot says that it is, from now on."""
        asked_s = self.clock.now_s()
        await self.until(lambda: any(said.at_s >= asked_s for said in self.all_of(PoseReported, robot=robot)))
        return self.all_of(PoseReported, robot=robot)[-1].pose

    async def press_e_stop(self, robot: str, pressed: bool) -> None:
        namespace = STORE.robot(robot).namespace
        button = self.bridge.node.create_client(SetBool, f"/{namespace}/simulation/e_stop")
        await self.until(button.service_is_ready)
        self.bridge.to_ros(lambda: button.call_async(SetBool.Request(data=pressed)))


def _has(event: Event, fields: dict[str, object]) -> bool:
    return all(getattr(event, name) == value for name, value in fields.items())


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running() -> AsyncIterator[Site]:
    program = Path(__file__).with_name("sim_process.py")
    simulator = await asyncio.create_subprocess_exec(sys.executable, str(program), str(SPEED), stdout=DEVNULL)
    bridge = RosBridge("test_controller")
    clock = RosClock(bridge, use_sim_time=True)
    site = Site(bridge, NavDriver(bridge, STORE.robots, clock), clock, simulator)
    bridge.start(asyncio.get_running_loop(), site.take, site.bugs.append)
    try:
        await asyncio.wait_for(clock.ready(), LIMIT_S)
        clock.start_ticking()
        await site.until(lambda: {said.robot for said in site.all_of(PoseReported)} == {"r1", "r2"})
        yield site
    finally:
        if simulator.returncode is None:
            simulator.kill()
        assert bridge.stop(limit_s=30.0)


@pytest.fixture
def site(running: Site) -> Site:
    running.events.clear()
    return running


@pytest.mark.parametrize("robot", ["r1", "r2"])
async def test_a_robot_undocks_drives_and_docks_where_our_map_says(site: Site, robot: str) -> None:
    dock = STORE.floor.dock(STORE.robot(robot).dock)
    assert (await site.event(BatteryReported, robot=robot)).charging
    site.driver.send(Undock(robot, f"{robot}-out", dock))
    assert (await site.event(LegEnded, leg_id=f"{robot}-out")).outcome is Outcome.SUCCEEDED
    staging = await site.pose(robot)
    assert staging.distance_m(dock.staging) < 0.1
    ahead = staging @ Pose(-1.0, 0.0)
    way = np.array([[staging.x_m, staging.y_m], [ahead.x_m, ahead.y_m]])
    site.driver.send(Follow(robot, f"{robot}-way", way))
    assert (await site.event(LegEnded, leg_id=f"{robot}-way")).outcome is Outcome.SUCCEEDED
    assert (await site.pose(robot)).distance_m(ahead) < 0.3
    site.driver.send(Follow(robot, f"{robot}-back", way[::-1]))
    assert (await site.event(LegEnded, leg_id=f"{robot}-back")).outcome is Outcome.SUCCEEDED
    site.driver.send(DockAt(robot, f"{robot}-in", dock))
    assert (await site.event(LegEnded, leg_id=f"{robot}-in")).outcome is Outcome.SUCCEEDED
    assert (await site.pose(robot)).distance_m(dock.pose) < 0.1


async def test_the_head_turns_on_and_off_and_says_so(site: Site) -> None:
    for on in (True, False):
        site.driver.send(SwitchHead("r1", on))
        assert (await site.event(HeadReported, robot="r1", on=on)).on is on


async def test_a_path_that_begins_elsewhere_is_refused_in_the_robots_words(site: Site) -> None:
    site.driver.send(Follow("r1", "far", np.array([[8.0, 4.0], [9.0, 4.0]])))
    ended = await site.event(LegEnded, leg_id="far")
    assert ended.outcome is Outcome.ABORTED and ended.detail.startswith("INVALID_PATH (103): ")


async def _long_way(site: Site, robot: str, leg_id: str) -> None:
    """Out of the dock and along the room; returns while the robot drives."""
    dock = STORE.floor.dock(STORE.robot(robot).dock)
    site.driver.send(Undock(robot, f"{leg_id}-out", dock))
    await site.event(LegEnded, leg_id=f"{leg_id}-out")
    start = await site.pose(robot)
    end = start @ Pose(-6.0, 0.0)
    site.driver.send(Follow(robot, leg_id, np.array([[start.x_m, start.y_m], [end.x_m, end.y_m]])))
    await site.until(lambda: site.all_of(PoseReported, robot=robot)[-1].pose.distance_m(start) > 0.5)


async def test_a_cancelled_robot_says_so_and_comes_to_rest(site: Site) -> None:
    await _long_way(site, "r1", "long")
    site.driver.send(CancelAll("r1"))
    await site.event(AllCancelled, robot="r1")
    assert (await site.event(LegEnded, leg_id="long")).outcome is Outcome.CANCELLED
    cancelled_s = site.clock.now_s()
    await site.until(lambda: site.clock.now_s() > cancelled_s + BRAKING_S)
    where = await site.pose("r1")
    assert (await site.pose("r1")).distance_m(where) < 0.05


async def test_a_robot_whose_e_stop_is_pressed_says_so_and_refuses_orders_until_it_is_released(site: Site) -> None:
    await site.press_e_stop("r1", True)
    await site.until(lambda: any(said.reason for said in site.all_of(HoldReported, robot="r1")))
    here = await site.pose("r1")
    site.driver.send(Follow("r1", "held", np.array([[here.x_m, here.y_m], [here.x_m + 1.0, here.y_m]])))
    assert (await site.event(LegEnded, leg_id="held")).outcome is Outcome.REJECTED
    await site.press_e_stop("r1", False)
    site.events.clear()
    await site.event(HoldReported, robot="r1", reason="")


async def test_robots_killed_while_they_drive_fall_silent_and_confirm_nothing(site: Site) -> None:
    await _long_way(site, "r2", "last")
    site.simulator.kill()
    await site.simulator.wait()
    await asyncio.sleep(0.5)
    site.events.clear()
    site.driver.send(CancelAll("r2"))
    await asyncio.sleep(LISTENED_S)
    assert not site.events and site.clock.stale
