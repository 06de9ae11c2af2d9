"""The two crossings between the threads, and the clock behind one of them: every callback on the thread that it belongs to."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

pytest.importorskip("rclpy", reason="ROS 2 is not installed")

from rclpy.task import Future
from rosgraph_msgs.msg import Clock

from robot_fleet.fleet.errors import Unavailable
from robot_fleet.fleet.events import Event, Tick
from robot_fleet.ros.bridge import RosBridge
from robot_fleet.ros.clock import RosClock
from robot_fleet.ros.conversion import seconds_to_ros
from robot_fleet.ros.drops import Drops

pytestmark = pytest.mark.ros


@asynccontextmanager
async def running(
    bridge: RosBridge, sink: Callable[[Event], None] = lambda event: None
) -> AsyncIterator[list[BaseException]]:
    """The started bridge; gives the list of bugs that it told."""
    bugs: list[BaseException] = []
    bridge.start(asyncio.get_running_loop(), sink, bugs.append)
    try:
        yield bugs
    finally:
        assert bridge.stop(limit_s=30.0)


async def until(holds: Callable[[], object], limit_s: float = 60.0) -> None:
    deadline = time.monotonic() + limit_s
    while not holds():
        assert time.monotonic() < deadline, f"not within {limit_s} s"
        await asyncio.sleep(0.01)


def raise_bug(*_: object) -> None:
    raise ZeroDivisionError("a bug")


async def test_events_arrive_on_the_loops_thread_in_order() -> None:
    heard: list[tuple[float, int]] = []

    def sink(event: Event) -> None:
        assert isinstance(event, Tick)
        asyncio.get_running_loop()
        heard.append((event.at_s, threading.get_ident()))

    bridge = RosBridge()
    async with running(bridge, sink) as bugs:
        for step in range(100):
            bridge.to_ros(lambda step=step: bridge.to_loop(Tick(float(step))))
        await until(lambda: len(heard) == 100)
    assert heard == [(float(step), threading.get_ident()) for step in range(100)] and not bugs


async def test_calls_run_on_the_ros_thread_and_urgent_ones_first() -> None:
    bridge, ran = RosBridge(), []
    async with running(bridge):
        bridge.to_ros(lambda: time.sleep(0.2))
        await asyncio.sleep(0.05)
        for name in ("one", "two"):
            bridge.to_ros(lambda name=name: ran.append((name, threading.current_thread().name)))
        bridge.to_ros(lambda: ran.append(("stop", threading.current_thread().name)), urgent=True)
        await until(lambda: len(ran) == 3)
    assert ran == [("stop", "ros"), ("one", "ros"), ("two", "ros")]


async def test_calls_that_still_wait_run_before_the_bridge_is_gone() -> None:
    bridge, ran = RosBridge(), []
    async with running(bridge):
        bridge.to_ros(lambda: ran.append("sent"))
    assert ran == ["sent"]


async def test_a_bug_in_the_sink_is_told() -> None:
    bridge = RosBridge()
    async with running(bridge, raise_bug) as bugs:
        bridge.to_loop(Tick(0.0))
        await until(lambda: bugs)
    assert [type(bug) for bug in bugs] == [ZeroDivisionError]


async def test_a_bug_on_the_ros_thread_is_told_once_and_leaves_time_to_cancel() -> None:
    bridge, ran = RosBridge(), []
    async with running(bridge) as bugs:
        for _ in range(3):
            bridge.to_ros(raise_bug)
        await until(lambda: bugs)
        bridge.to_ros(lambda: ran.append("cancel"))
        await until(lambda: ran)
    assert [type(bug) for bug in bugs] == [ZeroDivisionError]


async def test_a_bug_in_a_futures_callback_is_told_though_rclpy_swallows_it() -> None:
    bridge, future = RosBridge(), Future()
    future.add_done_callback(bridge.loud(raise_bug))
    async with running(bridge) as bugs:
        bridge.to_ros(lambda: future.set_result(None))
        await until(lambda: bugs)
    assert [type(bug) for bug in bugs] == [ZeroDivisionError]


async def test_a_bridge_that_falls_silent_drops_what_waits_and_ends_by_itself() -> None:
    bridge, ran = RosBridge(), []
    begun, go_on = threading.Event(), threading.Event()

    def hold_up() -> None:
        begun.set()
        go_on.wait(60.0)

    async with running(bridge):
        bridge.to_ros(hold_up)
        await until(begun.is_set)
        bridge.to_ros(lambda: ran.append("order"))
        bridge.to_ros(lambda: ran.append("cancel"), urgent=True)
        bridge.fall_silent()
        go_on.set()
        await until(lambda: not bridge._thread.is_alive())
        bridge.to_ros(lambda: ran.append("late"), urgent=True)
    assert ran == []


def test_a_bridge_that_was_never_started_stops_too() -> None:
    assert RosBridge().stop()


def test_a_domain_that_cannot_be_is_refused_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    for domain in ("233", "-1", "shop"):
        monkeypatch.setenv("ROS_DOMAIN_ID", domain)
        with pytest.raises(Unavailable, match=f"ROS_DOMAIN_ID is '{domain}'"):
            RosBridge()


async def test_without_simulated_time_the_clock_is_the_machines() -> None:
    bridge = RosBridge()
    clock = RosClock(bridge)
    async with running(bridge):
        await clock.ready()
        assert abs(clock.now_s() - time.time()) < 1.0 and abs(clock.wall_s() - time.time()) < 1.0
        assert clock.now_s() <= clock.now_s() and not clock.stale


@pytest.mark.parametrize("by_s", [7200.0, -7200.0])
async def test_when_the_machines_clock_is_set_time_goes_on_and_stamps_are_as_old_as_they_are(
    monkeypatch: pytest.MonkeyPatch, by_s: float
) -> None:
    bridge = RosBridge()
    clock = RosClock(bridge)
    async with running(bridge):
        now_s, steady_s = clock.now_s(), clock.steady_s()
        set_s = time.time() + by_s
        monkeypatch.setattr("robot_fleet.ros.clock.time.time", lambda: set_s)
        assert clock.wall_s() == set_s
        assert 0.0 <= clock.steady_s() - steady_s < 60.0
        assert 0.0 <= clock.now_s() - now_s < 60.0
        assert clock.now_s() - clock.of_stamp_s(set_s - 0.5) == pytest.approx(0.5, abs=0.1)


async def test_simulated_time_is_what_the_simulator_says_and_never_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("robot_fleet.ros.clock.STALE_AFTER_S", 0.5)
    bridge, simulator = RosBridge(), RosBridge("simulator")
    clock = RosClock(bridge, use_sim_time=True)
    publisher = simulator.node.create_publisher(Clock, "/clock", 1)

    def tell(time_s: float) -> None:
        simulator.to_ros(lambda: publisher.publish(Clock(clock=seconds_to_ros(time_s))))

    async with running(bridge), running(simulator):
        assert clock.now_s() == 0.0 and not clock.stale
        await until(publisher.get_subscription_count)
        tell(5.5)
        await asyncio.wait_for(clock.ready(), 10.0)
        assert clock.now_s() == 5.5
        tell(3.0)
        await until(lambda: clock.stale)
        assert clock.now_s() == 5.5
        tell(6.0)
        await until(lambda: clock.now_s() == 6.0)
        assert not clock.stale


def test_dropped_messages_are_counted_and_warned_of_once_a_burst(caplog: pytest.LogCaptureFixture) -> None:
    drops = Drops()
    for _ in range(50):
        drops.note("r1", "its pose is not made of numbers")
    drops.note("r2", "its pose is not made of numbers")
    assert drops.counts["r1", "its pose is not made of numbers"] == 50
    assert [record.ids for record in caplog.records] == [{"robot": "r1"}, {"robot": "r2"}]  # type: ignore[attr-defined]


def test_however_many_reasons_a_robot_makes_up_no_more_than_a_hundred_are_kept_and_others_are_heard() -> None:
    drops = Drops()
    for k in range(3000):
        drops.note("r1", f"its pose is in the frame {k}")
    assert len(drops.counts) <= 101 and sum(drops.counts.values()) == 3000
    drops.note("r2", "its pose is not made of numbers")
    assert drops.counts["r2", "its pose is not made of numbers"] == 1
