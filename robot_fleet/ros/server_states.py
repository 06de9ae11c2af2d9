"""Whether the nodes behind a robot's drive actions are active: an inactive server rejects every goal. On the ROS thread alone."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable
from functools import partial

from lifecycle_msgs.msg import State
from lifecycle_msgs.srv import GetState
from rclpy.client import Client
from rclpy.task import Future

from robot_fleet.ros import layouts
from robot_fleet.ros.bridge import RosBridge
from robot_fleet.ros.drive_action import ANSWER_LIMIT_S

ACTIVATE = "Its lifecycle manager must activate it: an inactive server rejects every goal"
"""What to do about an inactive server."""

# Little more than the time from one asking to the next: a robot that drives comes from a good link to a bad one.
_RECENT_S, _MOST_ANSWERS = 15.0, 20
_ASLEEP = (State.PRIMARY_STATE_UNCONFIGURED, State.PRIMARY_STATE_INACTIVE, State.PRIMARY_STATE_FINALIZED)


class ServerStates:
    """Asks the servers of some actions for their lifecycle state. One that tells none, or is silent just now, counts as active."""

    def __init__(self, bridge: RosBridge, actions: Iterable[str]) -> None:
        self._bridge, self._actions = bridge, tuple(actions)
        self._clients: dict[str, Client] = {}
        self._asked: dict[str, tuple[Future, float]] = {}
        self._asleep: dict[str, str] = {}
        self._took: deque[tuple[float, float]] = deque(maxlen=_MOST_ANSWERS)

    @property
    def answer_s(self) -> float | None:
        """How long the fastest answer took of those that came in the last seconds; None when there was none."""
        since = time.monotonic() - _RECENT_S
        return min((took_s for at, took_s in self._took if at > since), default=None)

    @property
    def asleep(self) -> str:
        """Which servers said last that they are not active; "" when none did."""
        return "; ".join(f"{name} is {label}" for name, label in sorted(self._asleep.items()))

    def find(self) -> None:
        """Looks up which nodes serve the actions; that takes a while with many robots."""
        node = self._bridge.node
        told = [
            publisher.node
            for action in self._actions
            for publisher in layouts.publishers(node, layouts.feedback_of(action))
        ]
        names = {name for name in told if name.startswith("/")}
        for name in self._clients.keys() - names:
            self._forget(name)
            self._asleep.pop(name, None)
            node.destroy_client(self._clients.pop(name))
        for name in names - self._clients.keys():
            self._clients[name] = node.create_client(GetState, f"{name}/get_state")

    def ask(self) -> None:
        """Asks all of them anew, but those that have yet to answer."""
        now = time.monotonic()
        for name, client in self._clients.items():
            if name in self._asked and now - self._asked[name][1] < ANSWER_LIMIT_S:
                continue
            self._forget(name)
            # Where two nodes have one name, as without namespaces, it is not known whose answer it is.
            if not client.service_is_ready() or self._bridge.node.count_services(f"{name}/get_state") > 1:
                self._asleep.pop(name, None)
                continue
            future = client.call_async(GetState.Request())
            self._asked[name] = future, now
            future.add_done_callback(self._bridge.loud(partial(self._answered, name)))

    def _forget(self, name: str) -> None:
        if name in self._asked:
            self._clients[name].remove_pending_request(self._asked.pop(name)[0])

    def _answered(self, name: str, future: Future) -> None:
        if name not in self._asked or self._asked[name][0] is not future:
            return
        now = time.monotonic()
        self._took.append((now, now - self._asked.pop(name)[1]))
        state = future.result().current_state
        if state.id in _ASLEEP:
            self._asleep[name] = state.label
        else:
            self._asleep.pop(name, None)
