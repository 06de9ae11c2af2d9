"""What the drive actions of a robot with another release of ROS 2 announce, as bare DDS endpoints, made without ROS.

Humble announces no hash of a message's layout; other releases announce their own where a layout has changed.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache

from cyclonedds.core import Policy, Qos
from cyclonedds.domain import Domain, DomainParticipant
from cyclonedds.idl import IdlStruct
from cyclonedds.idl.types import uint8
from cyclonedds.pub import DataWriter, Publisher
from cyclonedds.topic import Topic

ACTIONS = {"follow_path": "FollowPath", "dock_robot": "DockRobot", "undock_robot": "UndockRobot"}
HASHES = {"humble": b"", "newer": b"typehash=RIHS01_" + b"5a" * 32 + b";"}
"""What each says of its layouts, in the user data of its endpoints."""

# As ROS with the discovery range LOCALHOST: heard on this machine alone.
_CONFIG = """<CycloneDDS><Domain>
<General><Interfaces><NetworkInterface address="127.0.0.1" multicast="false"/></Interfaces></General>
<Discovery><ParticipantIndex>auto</ParticipantIndex><MaxAutoParticipantIndex>100</MaxAutoParticipantIndex>
<Peers><Peer address="127.0.0.1"/></Peers></Discovery>
</Domain></CycloneDDS>"""
_kept: list[Domain] = []


@cache
def _participant() -> DomainParticipant:
    number = int(os.environ.get("ROS_DOMAIN_ID", "0"))
    _kept.append(Domain(number, _CONFIG))
    return DomainParticipant(number)


def announce(name: str, release: str) -> list[DataWriter]:
    """Publishers of the feedback of the drive actions of the robot `name`, as long as they are kept; they publish nothing."""
    participant = _participant()
    publisher, qos = Publisher(participant), Qos(Policy.Userdata(HASHES[release]))
    return [
        DataWriter(publisher, _topic(participant, f"rt/{name}/{action}/_action/feedback", kind), qos)
        for action, kind in ACTIONS.items()
    ]


def _topic(participant: DomainParticipant, name: str, kind: str) -> Topic[IdlStruct]:
    @dataclass
    class Feedback(IdlStruct, typename=f"nav2_msgs::action::dds_::{kind}_FeedbackMessage_"):
        data: uint8

    return Topic(participant, name, Feedback)
