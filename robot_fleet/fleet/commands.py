"""What the controller orders a robot to do. The answer to each drive order is one LegEnded with its `leg_id`."""

from __future__ import annotations

import enum
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from robot_fleet.floor.store import Dock


@dataclass(frozen=True)
class Undock:
    """Leave the dock: back out to the dock's staging pose."""

    robot: str
    leg_id: str
    dock: Dock


@dataclass(frozen=True, eq=False)
class Follow:
    """Drive along `points` (n, 2), map frame, metres, with `reverse` backwards; the first point is close to where the robot
    stands.

    At each of the points `cusps` (their numbers, in order) it goes on the other way round, back or ahead. With `facing_rad`
    the order is done only when the robot faces so, too (map frame).
    """

    robot: str
    leg_id: str
    points: NDArray[np.float64]
    reverse: bool = False
    cusps: tuple[int, ...] = ()
    facing_rad: float | None = None


@dataclass(frozen=True)
class DockAt:
    """Drive from the dock's staging pose onto the dock."""

    robot: str
    leg_id: str
    dock: Dock


@dataclass(frozen=True)
class SwitchHead:
    """Turn the cleaning head on or off; the robot's HeadReported tells whether it did."""

    robot: str
    on: bool


class Channel(str, enum.Enum):
    """A part of the cleaning head with a switch of its own."""

    SOLUTION = "solution"
    VACUUM = "vacuum"


@dataclass(frozen=True)
class SwitchChannel:
    """Turn the solution or the vacuum on or off; nobody reports whether it did."""

    robot: str
    channel: Channel
    on: bool


@dataclass(frozen=True)
class CancelAll:
    """Cancel every goal of every drive action, known to us or not; answered by AllCancelled. A stop goes out as this."""

    robot: str


def all_off(robot: str) -> tuple[SwitchHead | SwitchChannel, ...]:
    """Head, solution and vacuum off: for a robot that nobody looks after. One without such services ignores it."""
    return SwitchHead(robot, False), *(SwitchChannel(robot, channel, False) for channel in Channel)


Command = Undock | Follow | DockAt | SwitchHead | SwitchChannel | CancelAll
