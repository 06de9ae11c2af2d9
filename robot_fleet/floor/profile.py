"""What kind of machine a robot is: shape, head, speeds, battery, and the names of its ROS interfaces."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from shapely import Point, Polygon

from robot_fleet.floor.footprint import Footprint


@dataclass(frozen=True)
class Head:
    """The cleaning head: a line `width_m` wide across the robot, `offset_m` ahead of the turning centre."""

    width_m: float
    offset_m: float = 0.0


@dataclass(frozen=True)
class Battery:
    """How long a full battery lasts, in hours; how fast it charges; the level (0..1) at which the robot must go home.

    Plans see to it that it lasts only where it is `planned` for: where a store states it, not where it is taken for granted.
    """

    cleaning_h: float = 3.5
    driving_h: float = 7.0
    idle_h: float = 30.0
    charging_h: float = 2.5
    reserve: float = 0.15
    planned: bool = False


@dataclass(frozen=True)
class Squeegee:
    """What picks the water up: a line `width_m` wide across the robot, `offset_m` ahead of the turning centre (mostly < 0)."""

    width_m: float
    offset_m: float


@dataclass(frozen=True)
class Tank:
    """Water: full, it lasts for `area_m2` of scrubbed floor (None: there is no tank); emptying and filling take `service_s`."""

    area_m2: float | None = None
    service_s: float = 300.0


@dataclass(frozen=True)
class Channels:
    """When the parts of the head work: the solution stops `solution_off_m` before the deck is lifted, and the vacuum goes on
    for `vacuum_on_m` after that.
    """

    solution_off_m: float = 0.0
    vacuum_on_m: float = 0.0


HARD = "hard"


@dataclass(frozen=True)
class Interface:
    """Names of what the robot offers over ROS 2; a name without a leading slash is below the robot's namespace.

    `head_service` lowers and lifts the deck, and all of the head where the robot has no services for solution and vacuum.

    `{name}` in a frame stands for the robot's name. Pose comes from `tf_topic` (map_frame -> base_frame, through
    whatever lies between) unless `pose_topic` names a PoseWithCovarianceStamped such as amcl_pose.
    """

    follow_path: str = "follow_path"
    dock_robot: str = "dock_robot"
    undock_robot: str = "undock_robot"
    tf_topic: str = "/tf"
    map_frame: str = "map"
    base_frame: str = "{name}/base_link"
    pose_topic: str = ""
    battery_topic: str = "battery_state"
    head_service: str = "cleaning_head/set"
    solution_service: str = ""
    vacuum_service: str = ""
    head_topic: str = "cleaning_head/state"
    diagnostics_topic: str = "diagnostics"
    dock_type: str = ""
    controller_id: str = ""
    goal_checker_id: str = ""


@dataclass(frozen=True)
class RobotProfile:
    """A kind of machine. Lengths in metres, speeds per second; an acceleration of None means no limit.

    `clearance_m` is what the robot keeps from obstacles, `overlap_m` what neighbouring lanes share. `least_radius_m` is that of
    its turns with the head down, 0 for a robot that turns on the spot then; `lifted_radius_m` the same with the head up.
    `reverses` says whether it drives backwards, with head and squeegee up. On floor of other
    `surfaces` than these it neither cleans nor drives.
    """

    name: str
    footprint: Footprint
    head: Head
    speed_mps: float
    yaw_rate_rps: float
    acceleration_mps2: float | None = None
    yaw_acceleration_rps2: float | None = None
    clearance_m: float = 0.05
    overlap_m: float = 0.05
    least_radius_m: float = 0.0
    lifted_radius_m: float = 0.0
    reverses: bool = False
    surfaces: tuple[str, ...] = (HARD,)
    goal_tolerance_m: float = 0.25
    squeegee: Squeegee | None = None
    tank: Tank = field(default_factory=Tank)
    channels: Channels = field(default_factory=Channels)
    battery: Battery = field(default_factory=Battery)
    interface: Interface = field(default_factory=Interface)

    @property
    def is_steered(self) -> bool:
        """Whether it cannot be driven as a disc that turns on the spot."""
        return not self.footprint.is_disc or self.least_radius_m > 0.0 or self.lifted_radius_m > 0.0

    @property
    def pivots(self) -> bool:
        """Whether it may be driven as a disc as well, although it must be steered where it is no wider than its aisle."""
        radii = self.least_radius_m > 0.0 or self.lifted_radius_m > 0.0
        return not self.footprint.is_disc and not radii and self.squeegee is None

    @property
    def half_width_m(self) -> float:
        """How far it reaches to the side of its turning centre."""
        return float(np.abs(self.footprint.corners()[:, 1]).max())

    @property
    def slim(self) -> RobotProfile:
        """The same as a disc no wider than it is: it fits wherever the robot fits."""
        if not self.is_steered or self.footprint.is_disc:
            return self
        inner_m = min(self.half_width_m, float(Polygon(self.footprint.corners_m).exterior.distance(Point(0.0, 0.0))))
        return replace(self, footprint=Footprint(max(inner_m, 0.01)))

    @property
    def as_disc(self) -> RobotProfile:
        """The same as the disc about its turning centre that holds it: safe for every heading, and turned on the spot."""
        if not self.is_steered:
            return self
        disc = Footprint(self.footprint.circumscribed_m)
        return replace(self, footprint=disc, least_radius_m=0.0, lifted_radius_m=0.0)


REFERENCE_R = RobotProfile("R", Footprint(0.35), Head(0.70), 0.5, 0.6, overlap_m=0.0)
WORKING_W = RobotProfile("W", Footprint(0.35), Head(0.70), 0.5, 0.6, 0.5, 1.0)
SCRUBBER_S = RobotProfile(
    "S",
    Footprint(corners_m=((-0.50, -0.375), (1.00, -0.375), (1.00, 0.375), (-0.50, 0.375))),
    Head(0.66, 0.45),
    speed_mps=0.9,
    yaw_rate_rps=0.6,
    acceleration_mps2=0.5,
    yaw_acceleration_rps2=1.0,
    least_radius_m=0.9,
    reverses=True,
    squeegee=Squeegee(0.80, -0.45),
    channels=Channels(solution_off_m=0.9, vacuum_on_m=0.9),
)
BUILT_IN = {profile.name: profile for profile in (REFERENCE_R, WORKING_W, SCRUBBER_S)}
