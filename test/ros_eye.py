"""Somebody who looks at ROS topics, over real DDS."""

from __future__ import annotations

import time
from collections.abc import Callable

from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node

LIMIT_S = 180.0  # a hung process fails a test all the same; a busy machine must not


class Eye:
    """Keeps what arrives on topics, with a participant of its own."""

    def __init__(self) -> None:
        self.context = Context()
        self.context.init(args=[])
        self.node = Node("eye", context=self.context)
        self.executor = SingleThreadedExecutor(context=self.context)
        self.executor.add_node(self.node)
        self.seen: dict[str, list] = {}

    def look_at(self, topic: str, kind: type, qos: object) -> None:
        heard = self.seen.setdefault(topic, [])
        self.node.create_subscription(kind, topic, heard.append, qos)

    def until(self, holds: Callable[[], object]) -> None:
        deadline = time.monotonic() + LIMIT_S
        while not holds():
            assert time.monotonic() < deadline, self.seen
            self.executor.spin_once(timeout_sec=0.05)

    def close(self) -> None:
        self.executor.shutdown()
        self.node.destroy_node()
        self.context.try_shutdown()
