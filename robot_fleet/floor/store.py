"""A store: its floor map with zones, keepouts and docks, and the robots that clean it. All shapes are in the map frame."""

from __future__ import annotations

import datetime
import zoneinfo
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from shapely import Polygon, union_all

from robot_fleet.floor.grid import OccupancyGrid
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.profile import HARD, RobotProfile


@dataclass(frozen=True)
class Zone:
    """A named part of the floor that can be asked for; the smaller `priority`, the earlier it is cleaned.

    `clean_before` is the time of day, in the store's time zone, by which it should be clean. With `robots` only those
    may enter it, under whatever other zone the floor lies too; without, every robot may whose profile names its `surface`.
    """

    name: str
    polygon: Polygon
    priority: int = 0
    surface: str = HARD
    clean_before: datetime.time | None = None
    robots: tuple[str, ...] = ()

    def admits(self, robot: str, profile: RobotProfile) -> bool:
        """Whether the robot of that name and kind may enter."""
        return self.surface in profile.surfaces and (not self.robots or robot in self.robots)


@dataclass(frozen=True)
class OneWay:
    """Floor on which robots drive in one direction alone: `yaw_rad`, in the map frame."""

    name: str
    polygon: Polygon
    yaw_rad: float


@dataclass(frozen=True)
class Keepout:
    """Floor that no robot may touch."""

    name: str
    polygon: Polygon


CHARGE, WATER = "charge", "water"
OFFERS = (CHARGE, WATER)


@dataclass(frozen=True)
class Dock:
    """A robot's place. `pose` is where the docked robot stands, facing the dock; it backs out by `staging_m`.

    `offers` says what is to be had there: a charge, and water, where tanks are emptied and filled.
    """

    name: str
    pose: Pose
    staging_m: float = 0.7
    offers: tuple[str, ...] = OFFERS

    @property
    def staging(self) -> Pose:
        """Where the robot stands before docking and after undocking, still facing the charger."""
        return self.pose @ Pose(-self.staging_m, 0.0, 0.0)


@dataclass(frozen=True, eq=False)
class FloorMap:
    """The floor of one store. Zone and dock names are unique."""

    name: str
    grid: OccupancyGrid
    zones: tuple[Zone, ...] = ()
    keepouts: tuple[Keepout, ...] = ()
    docks: tuple[Dock, ...] = ()
    one_ways: tuple[OneWay, ...] = ()

    def zone(self, name: str) -> Zone:
        """The zone of that name; KeyError when there is none."""
        return {zone.name: zone for zone in self.zones}[name]

    def dock(self, name: str) -> Dock:
        """The dock of that name; KeyError when there is none."""
        return {dock.name: dock for dock in self.docks}[name]

    def requested(self, zones: tuple[str, ...]) -> NDArray[np.bool_]:
        """Mask (rows, cols) of the free cells whose centre lies in one of the named zones."""
        asked = union_all([self.zone(name).polygon for name in zones])
        return self.grid.free & self.grid.centres_inside(asked)

    def barred_to(self, robot: str, profile: RobotProfile) -> tuple[Polygon, ...]:
        """The zones (map frame) that the robot of that name and kind may not enter."""
        return tuple(zone.polygon for zone in self.zones if not zone.admits(robot, profile))

    def kept_out(self) -> NDArray[np.bool_]:
        """Mask (rows, cols) of the cells whose centre lies in a keepout."""
        return self.grid.centres_inside(union_all([keepout.polygon for keepout in self.keepouts]))


@dataclass(frozen=True)
class RobotSpec:
    """One robot of the store. `map_to_robot` carries the robot's own map frame into ours."""

    name: str
    profile: RobotProfile
    dock: str
    namespace: str
    map_to_robot: Pose = field(default=Pose(0.0, 0.0, 0.0))


@dataclass(frozen=True, eq=False)
class Store:
    """All that one store folder says."""

    floor: FloorMap
    robots: tuple[RobotSpec, ...]
    time_zone: str = "UTC"

    def robot(self, name: str) -> RobotSpec:
        """The robot of that name; KeyError when there is none."""
        return {robot.name: robot for robot in self.robots}[name]

    def time_of_day(self, at_s: float) -> datetime.time:
        """What clocks in the store show `at_s` seconds after the begin of 1970 (UTC)."""
        zone = datetime.timezone.utc if self.time_zone == "UTC" else zoneinfo.ZoneInfo(self.time_zone)
        return datetime.datetime.fromtimestamp(at_s, zone).time()
