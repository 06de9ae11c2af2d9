"""The motion of a robot whose wheels are somewhere else, in Gazebo for instance: it is told how to drive, and says where it is."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from robot_fleet.floor.pose import Pose
from robot_fleet.floor.profile import RobotProfile
from robot_fleet.sim.tracker import STANDING, Tracker

_STANDS_M = 1e-3
"""In one step."""


class Body(Protocol):
    """Wheels and odometry. Map frame, metres, radians, seconds."""

    @property
    def pose(self) -> Pose:
        """Where the robot is."""

    def drive(self, speed_mps: float, yaw_rate_rps: float) -> None:
        """Sets the velocity until further notice."""


class TrackedMotion:
    """Stands for `Motion` in a simulated robot: the same paths, driven by a tracker over a body."""

    def __init__(self, profile: RobotProfile, body: Body) -> None:
        self.pose = body.pose
        self.driven_m = 0.0
        self._body, self._tracker = body, Tracker(profile)

    @property
    def speed_mps(self) -> float:
        """How fast it was last told to drive, backwards too."""
        return abs(self._tracker.given.speed_mps)

    @property
    def yaw_rate_rps(self) -> float:
        """How fast it was last told to turn."""
        return self._tracker.given.yaw_rate_rps

    @property
    def at_rest(self) -> bool:
        """Whether it stands still and will do so until it gets a path."""
        return self._tracker.at_rest

    @property
    def left_m(self) -> float:
        """Metres of the present path that are still to be driven."""
        return self._tracker.left_m

    def follow(self, points: NDArray[np.float64], reverse: bool = False, exact: bool = False) -> None:
        """Takes up a path (n, 2), map frame; `exact` changes nothing: it is followed as well as can be."""
        self._tracker.follow(self.pose, points, reverse)

    def brake(self) -> None:
        """Stops as quickly as its limits allow, on its path."""
        self._tracker.brake()

    def halt(self) -> None:
        """Stops at once."""
        self._tracker.halt()
        self._body.drive(*STANDING)

    def step(self, dt_s: float) -> None:
        """Looks where the robot is now and steers for the next `dt_s` seconds."""
        pose = self._body.pose
        if pose != self.pose:
            self.driven_m += pose.distance_m(self.pose)
            self.pose = pose
        # Also to stand, and again and again: a stop that is lost on the way must not stay lost.
        self._body.drive(*self._tracker.steer(pose, dt_s))


class ObservedMotion:
    """The motion of a robot that is driven by something else, such as its own Nav2: it is looked at, and told nothing."""

    speed_mps = yaw_rate_rps = left_m = 0.0

    def __init__(self, body: Body) -> None:
        self.pose = body.pose
        self.driven_m = 0.0
        self.at_rest = True
        self._body = body

    def follow(self, points: NDArray[np.float64], reverse: bool = False, exact: bool = False) -> None:
        """Does nothing."""

    def brake(self) -> None:
        """Does nothing."""

    def halt(self) -> None:
        """Does nothing."""

    def step(self, dt_s: float) -> None:
        """Looks where the robot is now."""
        pose, before = self._body.pose, self.pose
        moved_m = pose.distance_m(before)
        self.at_rest = moved_m < _STANDS_M
        if not self.at_rest or pose.yaw_rad != before.yaw_rad:
            self.driven_m += moved_m
            self.pose = pose


DrivenElsewhere = TrackedMotion | ObservedMotion
