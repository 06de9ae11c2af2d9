"""Whether what others publish can be understood: the hash of a message's layout is announced by every endpoint.

Fast DDS joins endpoints by the name of their type alone: a message of another distribution with another layout would be misread
without a word. Hashes come with ROS 2 Iron and later ("Type Description Distribution", REP 2016).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rclpy.node import Node
from rclpy.topic_endpoint_info import TopicEndpointInfo


@dataclass(frozen=True)
class Publisher:
    """One publisher of a topic: the node that has it, its message type, and the hash of that type's layout ("": none told)."""

    node: str
    type_name: str
    layout: str


def publishers(node: Node, topic: str) -> list[Publisher]:
    """Who is known to publish a topic."""
    return [_of(endpoint) for endpoint in node.get_publishers_info_by_topic(topic)]


def own(node: Node, topic: str) -> Publisher | None:
    """What the node itself expects of a topic that it has subscribed to; None when it has not."""
    mine = (one for one in node.get_subscriptions_info_by_topic(topic) if one.node_name == node.get_name())
    return next(map(_of, mine), None)


def misreading(topic: str, expected: Publisher | None, found: Sequence[Publisher]) -> str:
    """What of a topic would be misread, and whose it is; "" when nothing would be."""
    for one in found if expected is not None else ():
        if one.type_name != expected.type_name:
            return f"{one.node} publishes {one.type_name} on {topic}, not {expected.type_name}"
        if one.layout != expected.layout:
            told = "another layout of" if one.layout else "no layout, as ROS 2 Humble and older do, for"
            return f"{one.node} tells {told} {one.type_name}"
    return ""


def feedback_of(action: str) -> str:
    """The topic by which an action's server is known before it gets a goal."""
    return f"{action}/_action/feedback"


def _of(endpoint: TopicEndpointInfo) -> Publisher:
    name = f"{endpoint.node_namespace.rstrip('/')}/{endpoint.node_name}"
    hashed = endpoint.topic_type_hash
    return Publisher(name, endpoint.topic_type, bytes(hashed.value).hex() if hashed.version > 0 else "")
