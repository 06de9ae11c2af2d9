"""The simulated clock waits for a controller that is behind, and for nobody when there is none."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

pytest.importorskip("rclpy", reason="real nodes need ROS 2: make setup brings it")

import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rosgraph_msgs.msg import Clock

from robot_fleet.ros.clock import CLOCK_SEEN
from robot_fleet.ros.conversion import seconds_to_ros
from robot_fleet.sim.pace import Pace
from robot_fleet.sim.ros_face.leash import LEAD_S, PATIENCE_S, Leash

pytestmark = pytest.mark.ros


class Pair:
    """A simulator's leash and a controller's publisher, spun in turn."""

    def __init__(self, simulator: Node, controller: Node, executor: SingleThreadedExecutor) -> None:
        self.leash, self._controller, self._executor = Leash(simulator), controller, executor

    def slack_s(self, now_s: float) -> float:
        return self.leash.slack_s(now_s, time.monotonic())

    def controller_comes(self) -> None:
        self._seen = self._controller.create_publisher(Clock, CLOCK_SEEN, 10)
        self.until(lambda: self._seen.get_subscription_count() > 0)

    def controller_goes(self) -> None:
        self._controller.destroy_publisher(self._seen)

    def confirm(self, at_s: float) -> None:
        self._seen.publish(Clock(clock=seconds_to_ros(at_s)))

    def until(self, hold: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 90.0
        while not hold():
            assert time.monotonic() < deadline
            self._executor.spin_once(timeout_sec=0.05)


@pytest.fixture
def pair() -> Iterator[Pair]:
    context = Context()
    rclpy.init(args=[], context=context)
    executor = SingleThreadedExecutor(context=context)
    nodes = [Node(name, context=context) for name in ("simulator", "controller")]
    for node in nodes:
        executor.add_node(node)
    yield Pair(nodes[0], nodes[1], executor)
    executor.shutdown()
    for node in nodes:
        node.destroy_node()
    rclpy.shutdown(context=context)


def test_without_a_controller_there_is_no_limit(pair: Pair) -> None:
    assert pair.slack_s(100.0) == PATIENCE_S


def test_the_clock_stands_until_the_controller_has_caught_up(pair: Pair) -> None:
    pair.controller_comes()
    pair.confirm(50.0)
    pair.until(lambda: pair.slack_s(50.0) == LEAD_S)
    assert pair.slack_s(50.0 + 0.4 * LEAD_S) == pytest.approx(0.6 * LEAD_S)
    assert pair.slack_s(50.0 + 2.0 * LEAD_S) == 0.0
    pair.confirm(52.0)
    pair.until(lambda: pair.slack_s(52.0) == LEAD_S)


def test_a_controller_that_is_gone_or_silent_holds_nothing_up(pair: Pair) -> None:
    pair.controller_comes()
    pair.confirm(50.0)
    pair.until(lambda: pair.slack_s(60.0) == 0.0)
    assert pair.leash.slack_s(60.0, time.monotonic() + PATIENCE_S + 1.0) == PATIENCE_S
    pair.controller_goes()
    pair.until(lambda: pair.slack_s(60.0) == PATIENCE_S)


def test_a_controller_that_has_come_and_said_nothing_yet_holds_the_clock_for_a_while(pair: Pair) -> None:
    pair.controller_comes()
    pair.until(lambda: pair.slack_s(60.0) == 0.0)
    assert pair.leash.slack_s(60.0, time.monotonic() + PATIENCE_S + 1.0) == PATIENCE_S


def test_steps_that_were_held_back_are_not_made_up_at_once() -> None:
    pace = Pace(10.0, 0.05)
    assert pace.steps_due(100.0) == 0
    assert pace.steps_due(100.1, most=0) == 0
    assert pace.steps_due(100.2, most=5) == 5
    assert pace.steps_due(100.3) == pytest.approx(20, abs=1)
