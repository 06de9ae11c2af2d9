"""What a picture of the running fleet shows: outlines, reserved floor, ways ahead and driven, what is clean. Map frame, metres."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from shapely import Polygon
from shapely.geometry.base import BaseGeometry

from robot_fleet.control.state import FleetState
from robot_fleet.fleet.entities import CleaningRun, Robot
from robot_fleet.fleet.states import RobotState
from robot_fleet.planning.plan import LegKind


@dataclass(frozen=True, eq=False)
class RobotScene:
    """One robot: its outline where it was last seen (None: never), the floor that it holds, and its way ahead.

    `ahead` are the stretches that are left to drive, each (n, 2), and whether it cleans along it. `driven` is its way in the
    active run, or in the last one until another begins: t_s, x_m, y_m about once a second.
    """

    name: str
    state: RobotState
    outline: BaseGeometry | None
    held: BaseGeometry
    ahead: tuple[tuple[NDArray[np.float64], bool], ...]
    driven: tuple[tuple[float, float, float], ...] = ()


@dataclass(frozen=True, eq=False)
class Scene:
    """The fleet at one moment. `requested` and `cleaned` are masks (rows, cols) of the active run; None without one.

    `closed` are the names and outlines of the floor that is closed for a while.
    """

    robots: tuple[RobotScene, ...]
    requested: NDArray[np.bool_] | None
    cleaned: NDArray[np.bool_] | None
    closed: tuple[tuple[str, Polygon], ...] = ()


def scene_of(state: FleetState) -> Scene:
    """The scene now; what is in it does not change afterwards."""
    coverage = state.coverage
    newest = state.active or max(state.runs.values(), key=lambda run: run.created_at_s, default=None)
    return Scene(
        robots=tuple(_robot(state, robot, newest) for robot in state.robots.values()),
        requested=coverage.requested if coverage else None,
        cleaned=coverage.cleaned.copy() if coverage else None,
        closed=tuple((view.name, view.polygon) for view in state.closures.values()),
    )


def _robot(state: FleetState, robot: Robot, run: CleaningRun | None) -> RobotScene:
    outline = robot.spec.profile.footprint.at(robot.pose) if robot.pose else None
    driven = tuple(run.tracks.get(robot.name, ())) if run else ()
    return RobotScene(robot.name, robot.state, outline, state.traffic.held(robot.name), _ahead(robot), driven)


def _ahead(robot: Robot) -> tuple[tuple[NDArray[np.float64], bool], ...]:
    if robot.itinerary is None or not robot.has_work:
        return ()
    first, *others = robot.itinerary.stretches[robot.place.stretch :]
    left = [first.cut(min(robot.place.offset_m, first.length_m), first.length_m), *others]
    return tuple((one.points, one.kind is LegKind.CLEAN) for one in left if not one.is_stay)
