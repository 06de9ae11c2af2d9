"""The only file in which the ROS thread and the event loop's thread meet.

One background thread runs one rclpy SingleThreadedExecutor. `to_loop` carries an event from the ROS thread to the
controller; `to_ros` carries a call from the loop to the executor's own thread, where alone goals and requests are sent
(sent from elsewhere, rclpy's action client can lose an answer: rclpy#1123). A bug on either side is loud.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress

from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.context import Context
from rclpy.exceptions import InvalidHandle
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node

from robot_fleet.fleet.errors import Unavailable
from robot_fleet.fleet.events import Event
from robot_fleet.ros.log_folder import ensure_log_folder

_log = logging.getLogger(__name__)
_STOP_LIMIT_S = 2.0
_SPIN_S = 1.0
_LARGEST_DOMAIN = 232

Call = Callable[[], None]
MakeNode = Callable[[str, Context], Node]
"""Makes a node by its name, in a context."""


class RosBridge:
    """A ROS node whose callbacks run on a thread of their own.

    Life: construct, create subscriptions and clients on `node`, `start`, use, `stop`. The ROS domain comes from the
    environment; signals stay the process's own. `make_node` makes another node than a plain one. Raises Unavailable when
    ROS cannot be started.
    """

    def __init__(self, node_name: str = "fleet_controller", make_node: MakeNode | None = None) -> None:
        _check_domain()
        ensure_log_folder()
        self._context = Context()
        try:
            self._context.init(args=[])
            self.node = (make_node or _plain_node)(node_name, self._context)
        except Exception as fault:
            raise Unavailable("ROS_UNAVAILABLE", f"ROS 2 cannot be started: {fault}") from fault
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self.node)
        self._calls: deque[Call] = deque()
        self._urgent: deque[Call] = deque()
        self._events: deque[Event] = deque()
        self._announced = self._is_silent = False
        self._told_of_bug = False
        self._at_stop: list[Call] = []
        self._wake = self.node.create_guard_condition(self._run_calls)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._spin, name="ros", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(
        self, loop: asyncio.AbstractEventLoop, sink: Callable[[Event], None], on_bug: Callable[[BaseException], None]
    ) -> None:
        """Begins to spin. On the loop's thread `sink` takes each event and `on_bug`, once, what a callback raised."""
        self._loop, self._sink, self._on_bug = loop, sink, on_bug
        self._thread.start()

    def stop(self, limit_s: float = _STOP_LIMIT_S) -> bool:
        """Runs the calls that are still queued, ends the thread and leaves ROS; False when that took longer than the limit."""
        self._stopping.set()
        if not self._thread.ident:
            self._leave()
            return True
        self._nudge()
        self._thread.join(limit_s)
        if self._thread.is_alive():
            _log.error("the ROS thread has not ended within %.0f s", limit_s)
        return not self._thread.is_alive()

    def fall_silent(self) -> None:
        """Any thread: nothing is sent any more. What is queued is dropped, and the thread ends without it."""
        self._is_silent = True
        self._stopping.set()
        self._nudge()

    def to_loop(self, event: Event) -> None:
        """Any thread: the event reaches the sink on the loop's thread, in the order of the calls."""
        self._events.append(event)
        if not self._announced:
            self._announced = True
            self._on_loop(self._deliver)

    def ask_loop(self, call: Call, limit_s: float) -> None:
        """ROS thread: `call` runs on the loop's thread, and this waits for it; raises what it raised.

        TimeoutError when the loop had no time for it within the limit; then it is not done later either.
        """
        answer: Future[None] = Future()

        def run() -> None:
            if not answer.set_running_or_notify_cancel():
                return
            try:
                answer.set_result(call())
            except Exception as fault:
                answer.set_exception(fault)

        self._on_loop(run)
        try:
            answer.result(limit_s)
        finally:
            answer.cancel()

    def to_ros(self, call: Call, urgent: bool = False) -> None:
        """Any thread: `call` runs on the executor's thread, in order; an urgent one before all that are not."""
        (self._urgent if urgent else self._calls).append(call)
        self._nudge()

    def every(self, period_s: float, call: Call) -> None:
        """Runs `call` on the executor's thread every `period_s` of real time, whatever /clock does."""
        self.node.create_timer(period_s, call, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def loud(self, callback: Callable[..., None]) -> Callable[..., None]:
        """`callback`, with what it raises told as a bug: rclpy may swallow what the callback of a future raises."""

        def run(*arguments: object) -> None:
            try:
                callback(*arguments)
            except Exception as bug:
                self._on_loop(self._report, bug)

        return run

    def at_stop(self, call: Call) -> None:
        """Runs `call` on the executor's thread when it ends, before the node is destroyed."""
        self._at_stop.append(call)

    def _deliver(self) -> None:
        """Takes all that waits: waking the loop once for many events spares both threads a fight for the interpreter."""
        self._announced = False
        while self._events:
            try:
                self._sink(self._events.popleft())
            except Exception as bug:
                self._report(bug)

    def _report(self, bug: BaseException) -> None:
        if not self._told_of_bug:
            self._told_of_bug = True
            _log.critical("a bug: %r", bug, exc_info=bug)
            self._on_bug(bug)

    def _nudge(self) -> None:
        with suppress(InvalidHandle):  # the node is gone already
            self._wake.trigger()

    def _on_loop(self, function: Callable[..., None], *arguments: object) -> None:
        if self._loop is None:
            raise RuntimeError("the bridge has not been started")
        try:
            self._loop.call_soon_threadsafe(function, *arguments)
        except RuntimeError:
            if not self._loop.is_closed():
                raise

    def _run_calls(self) -> None:
        while (self._urgent or self._calls) and not self._is_silent:
            self.loud((self._urgent or self._calls).popleft())()

    def _spin(self) -> None:
        try:
            while not self._stopping.is_set():
                self._turn()
            self._run_calls()
        except ExternalShutdownException:
            pass
        finally:
            self._leave()

    def _turn(self) -> None:
        """One round of the executor. After a bug it goes on, so that the process, told to stop, can still cancel."""
        try:
            self._executor.spin_once(timeout_sec=_SPIN_S)
        except ExternalShutdownException:
            raise
        except Exception as bug:
            self._on_loop(self._report, bug)

    def _leave(self) -> None:
        for call in self._at_stop:
            call()
        self._executor.shutdown(timeout_sec=0.0)
        self.node.destroy_node()
        self._context.try_shutdown()


def _plain_node(name: str, context: Context) -> Node:
    return Node(name, context=context, start_parameter_services=False, enable_rosout=False)


def _check_domain() -> None:
    """Fast DDS ends the whole process when the domain is too large for a port number."""
    domain = os.environ.get("ROS_DOMAIN_ID") or "0"
    if not (domain.isdecimal() and int(domain) <= _LARGEST_DOMAIN):
        text = f"ROS_DOMAIN_ID is '{domain}'; it must be a whole number from 0 to {_LARGEST_DOMAIN}"
        raise Unavailable("ROS_UNAVAILABLE", text)
