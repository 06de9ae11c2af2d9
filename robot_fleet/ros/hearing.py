"""Subscriptions that keep up: rclpy's executor takes one message a round, and a round grows with the number of robots."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.node import Node
from rclpy.qos import QoSProfile

_MOST_AT_ONCE = 100


def hear_all(node: Node, message_type: type, topic: str, qos: QoSProfile, hear: Callable[[Any], None]) -> None:
    """Subscribes so that `hear` gets, in order, every message that waits whenever the executor turns to the topic.

    Without rclpy's event callbacks: each would be one more thing to look at in every round.
    """

    def take(first: Any) -> None:
        hear(first)
        for _ in range(_MOST_AT_ONCE):
            taken = subscription.handle.take_message(message_type, False)
            if taken is None:
                return
            hear(taken[0])

    quiet = SubscriptionEventCallbacks(use_default_callbacks=False)
    subscription = node.create_subscription(message_type, topic, take, qos, event_callbacks=quiet)
