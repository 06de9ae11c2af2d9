"""What Gazebo's releases call their systems, and the topics of a robot in a world of ours."""

from __future__ import annotations

import re
from dataclasses import dataclass

from robot_fleet.floor.store import Store

WORLD_TOPIC_POSES = "/world/{world}/dynamic_pose/info"
WORLD_TOPIC_CLOCK = "/world/{world}/clock"
# Only where nobody else published it when the world began: another world may, or a bridge.
CLOCK_TOPIC = "/clock"


@dataclass(frozen=True)
class Dialect:
    """Names of one line of releases: of a system's library, its class, and the environment that its transport reads."""

    name: str
    library: str
    namespace: str
    variables: str
    messages: str

    def system(self, name: str) -> tuple[str, str]:
        """Library and class of a system such as `DiffDrive`."""
        dashed = re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()
        return f"{self.library}-{dashed}-system", f"{self.namespace}::{name}"


HARMONIC = Dialect("harmonic", "gz-sim", "gz::sim::systems", "GZ", "gz.msgs")
FORTRESS = Dialect("fortress", "ignition-gazebo", "ignition::gazebo::systems", "IGN", "ignition.msgs")


@dataclass(frozen=True)
class RobotTopics:
    """Where a robot of a world hears and speaks: velocities in; wheel odometry and its true pose in the map frame out."""

    cmd_vel: str
    odometry: str
    truth: str

    @classmethod
    def of(cls, robot: str) -> RobotTopics:
        """The topics of the robot of that name."""
        base = f"/model/{plain(robot)}"
        return cls(f"{base}/cmd_vel", f"{base}/odometry", f"{base}/ground_truth")


def plain(name: str) -> str:
    """The name with nothing in it that a topic or an entity's name may not have, and none that SDF keeps for itself."""
    cleaned = re.sub(r"[^A-Za-z0-9_]+", "_", name).lstrip("_")
    return "World" if cleaned == "world" else cleaned


def world_name(store: Store) -> str:
    """The name of the store's world."""
    return plain(store.floor.name) or "store"
