"""Whether what others publish can be understood: the hash of a message's layout is announced by every endpoint.

Fast DDS joins endpoints by the name of their type alone: a message of another distribution with another layout would be misread
without a word. Hashes come with ROS 2 Iron and later ("Type Description Distribution", REP 2016).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from rclpy.node import Node
from rclpy.topic_endpoint_info import TopicEndpointInfo

from robot_fleet.floor.store import RobotSpec
from robot_fleet.ros.names import is_node_of

_NAMELESS = ("_NODE_NAME_UNKNOWN_", "_CREATED_BY_BARE_DDS_APP_")


@dataclass(frozen=True)
class Publisher:
    """Who publishes a topic, or takes an action's goals: the node, the message type, and the hash of its layout ("": none told)."""

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


def telling(spec: RobotSpec, is_shared: bool, found: Sequence[Publisher]) -> list[Publisher]:
    """Those publishers of one of the robot's topics whose layout may be wrong: not others' nodes on a shared one.

    Who tells no layout of a topic is believed: the messages of topics are the same in all releases.
    """
    return [one for one in found if one.layout and not (is_shared and not is_node_of(spec, one.node))]


def misreading(topic: str, expected: Publisher | None, found: Sequence[Publisher]) -> str:
    """What of a topic would be misread, and whose it is; "" when nothing would be."""
    for one in found if expected is not None else ():
        if one.type_name != expected.type_name:
            return f"{one.node} publishes {one.type_name} on {topic}, not {expected.type_name}"
        if one.layout != expected.layout:
            told = "another layout of" if one.layout else "no layout, as ROS 2 Humble and older do, for"
            return f"{one.node} tells {told} {one.type_name}"
    return ""


def action_misreading(node: Node, action: str) -> str:
    """What of an action whose client the node has would be misread, of its feedback, goals or results; "" when nothing would be.

    Not every middleware tells the layouts of goals and results, which are services' messages there.
    """
    topic = feedback_of(action)
    goals, results = f"rq{action}/_action/send_goalRequest", f"rr{action}/_action/get_resultReply"
    of = partial(_others_and_own, node)
    told = (
        of(node.get_subscriptions_info_by_topic(goals, True), node.get_publishers_info_by_topic(goals, True)),
        of(node.get_publishers_info_by_topic(results, True), node.get_subscriptions_info_by_topic(results, True)),
    )
    faults = [misreading(topic, own(node, topic), publishers(node, topic))]
    for others, ours in told:
        known = ours if ours is not None and ours.layout else None
        faults.append(misreading(action, known, [one for one in others if one.layout]))
    return next(filter(None, faults), "")


def _others_and_own(
    node: Node, others: Sequence[TopicEndpointInfo], ours: Sequence[TopicEndpointInfo]
) -> tuple[list[Publisher], Publisher | None]:
    return list(map(_of, others)), next((_of(one) for one in ours if one.node_name == node.get_name()), None)


def feedback_of(action: str) -> str:
    """The topic by which an action's server is known before it gets a goal."""
    return f"{action}/_action/feedback"


def _of(endpoint: TopicEndpointInfo) -> Publisher:
    name = f"{endpoint.node_namespace.rstrip('/')}/{endpoint.node_name}"
    name = "a node that has not told its name" if any(mark in name for mark in _NAMELESS) else name
    hashed = endpoint.topic_type_hash
    kind = endpoint.topic_type.replace("::dds_::", "::").replace("::", "/").rstrip("_")
    return Publisher(name, kind, bytes(hashed.value).hex() if hashed.version > 0 else "")
