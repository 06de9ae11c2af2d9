"""The fleet as topics that RViz and Foxglove show; `config/robot_fleet.rviz` has them all.

| topic | type | QoS | what |
|---|---|---|---|
| /robot_fleet/map | nav_msgs/OccupancyGrid | latched | the store's floor, once |
| /robot_fleet/floor | visualization_msgs/MarkerArray | latched | zones, keepouts and docks, once |
| /robot_fleet/coverage | nav_msgs/OccupancyGrid | latched | clean 0, to be cleaned 100, else unknown; every 2 s |
| /robot_fleet/fleet | visualization_msgs/MarkerArray | reliable | outlines, reserved and closed floor, ways ahead; twice a second |
| /robot_fleet/tracks | visualization_msgs/MarkerArray | reliable | the way that a robot drove in this run; one robot each second |

Latched is reliable and transient local, depth 1. The last three are made only while somebody listens.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import chain, pairwise

import numpy as np
import shapely
from geometry_msgs.msg import Point, Pose, Vector3
from nav_msgs.msg import MapMetaData, OccupancyGrid
from numpy.typing import NDArray
from rclpy.exceptions import InvalidHandle
from rclpy.publisher import Publisher
from rclpy.qos import QoSProfile
from shapely.geometry.base import BaseGeometry
from std_msgs.msg import ColorRGBA, Header
from visualization_msgs.msg import Marker, MarkerArray

from robot_fleet.control.scene import RobotScene, Scene
from robot_fleet.fleet.states import RobotState
from robot_fleet.floor.store import FloorMap
from robot_fleet.ros.bridge import RosBridge
from robot_fleet.ros.conversion import pose_to_ros
from robot_fleet.ros.listening import LATCHED

FRAME = "map"
FLEET_S, COVERAGE_S, TRACK_S = 0.5, 2.0, 1.0
"""How often the fleet, the coverage and the track of the next robot are published."""
MOST_TRACK_POINTS = 2_000
"""More points than this are thinned out, so that a long night's track is no long message."""
_NEWEST = QoSProfile(depth=1)
_LINE_M, _TEXT_M = 0.04, 0.4
_TRACK_WITHIN_M = 0.1

_GREY, _RED, _BLUE = (0.5, 0.5, 0.5, 0.8), (0.85, 0.15, 0.15, 0.9), (0.1, 0.35, 0.8, 0.9)
_VIOLET = (0.55, 0.3, 0.65, 0.6)
_AMBER, _GREEN = (0.95, 0.6, 0.05, 0.9), (0.1, 0.6, 0.25, 0.9)
_OF_STATE = {
    RobotState.HELD: _RED, RobotState.OFFLINE: _RED, RobotState.WAITING: _AMBER, RobotState.CLEANING: _GREEN,
    RobotState.MOVING: _BLUE,
}  # fmt: skip

Color = tuple[float, float, float, float]


class Visuals:
    """Publishes a store's floor once, and its fleet as often as it is given a scene that somebody wants."""

    def __init__(self, bridge: RosBridge, floor: FloorMap) -> None:
        self._bridge, self._floor = bridge, floor
        offer = bridge.node.create_publisher
        self._map = offer(OccupancyGrid, "/robot_fleet/map", LATCHED)
        self._marks = offer(MarkerArray, "/robot_fleet/floor", LATCHED)
        self._coverage = offer(OccupancyGrid, "/robot_fleet/coverage", LATCHED)
        self._fleet = offer(MarkerArray, "/robot_fleet/fleet", _NEWEST)
        self._tracks = offer(MarkerArray, "/robot_fleet/tracks", _NEWEST)
        self._fleet_at_s = self._coverage_at_s = self._track_at_s = float("-inf")
        self._track_of = 0
        self._shown: set[tuple[str, int]] = set()
        self._map.publish(self._grid(_cells(floor.grid.cells >= 0, floor.grid.free)))
        self._marks.publish(MarkerArray(markers=list(_numbered(_floor_marks(floor)))))

    def wants(self, now_s: float) -> bool:
        """Whether it is time for another scene, and somebody listens."""
        return self._wants_fleet(now_s) or self._wants_coverage(now_s) or self._wants_track(now_s)

    def show(self, scene: Scene, now_s: float) -> None:
        """Publishes the scene; on the ROS thread, later."""
        if self._wants_fleet(now_s):
            self._fleet_at_s = now_s
            self._bridge.to_ros(partial(self._show_fleet, scene))
        if self._wants_coverage(now_s) and scene.cleaned is not None and scene.requested is not None:
            self._coverage_at_s = now_s
            cells = _cells(scene.requested, scene.cleaned)
            self._bridge.to_ros(lambda: self._coverage.publish(self._grid(cells)))
        if scene.robots and self._wants_track(now_s):
            self._track_at_s = now_s
            # One after the other: what is urgent can come between, and who begins to look has soon seen all.
            self._track_of = (self._track_of + 1) % len(scene.robots)
            self._bridge.to_ros(partial(self._show_track, scene.robots[self._track_of]))

    def _wants_fleet(self, now_s: float) -> bool:
        return now_s - self._fleet_at_s >= FLEET_S and _has_listeners(self._fleet)

    def _wants_coverage(self, now_s: float) -> bool:
        return now_s - self._coverage_at_s >= COVERAGE_S and _has_listeners(self._coverage)

    def _wants_track(self, now_s: float) -> bool:
        return now_s - self._track_at_s >= TRACK_S and _has_listeners(self._tracks)

    def _show_track(self, robot: RobotScene) -> None:
        self._tracks.publish(MarkerArray(markers=list(_numbered([_track_mark(robot)]))))

    def _show_fleet(self, scene: Scene) -> None:
        of_robots = (mark for robot in scene.robots for mark in _robot_marks(robot))
        marks = list(_numbered(chain(_closed_marks(scene), of_robots)))
        shown = {(mark.ns, mark.id) for mark in marks}
        gone = [Marker(ns=name, id=number, action=Marker.DELETE) for name, number in sorted(self._shown - shown)]
        self._shown = shown
        self._fleet.publish(MarkerArray(markers=[*gone, *marks]))

    def _grid(self, cells: NDArray[np.int8]) -> OccupancyGrid:
        grid = self._floor.grid
        rows, cols = grid.shape
        about = MapMetaData(resolution=grid.resolution_m, width=cols, height=rows, origin=pose_to_ros(grid.origin))
        # A list is looked at number by number: in a large store for a third of a second, in which no cancel would be sent.
        data = array("b")
        data.frombytes(cells)
        return OccupancyGrid(header=Header(frame_id=FRAME), info=about, data=data)


def _cells(known: NDArray[np.bool_], zero: NDArray[np.bool_]) -> NDArray[np.int8]:
    """0 where `zero`, else 100 where `known`, else -1; both (rows, cols)."""
    cells = np.full(known.shape, -1, dtype=np.int8)
    np.copyto(cells, 100, where=known)
    np.copyto(cells, 0, where=zero)
    return cells


def _has_listeners(publisher: Publisher) -> bool:
    try:
        return bool(publisher.get_subscription_count() > 0)
    except InvalidHandle:  # the process ends, and the ROS thread has left already
        return False


def _floor_marks(floor: FloorMap) -> Iterator[Marker]:
    for zone in floor.zones:
        yield from _outlines("zones", zone.polygon, _GREY)
        yield _text("zones", zone.name, zone.polygon.representative_point(), _GREY)
    for keepout in floor.keepouts:
        yield from _outlines("keepouts", keepout.polygon, _RED)
    for dock in floor.docks:
        arrow = Marker(ns="docks", type=Marker.ARROW, color=_color(_BLUE), pose=pose_to_ros(dock.pose))
        arrow.scale = Vector3(x=0.5, y=0.1, z=0.1)
        yield arrow


def _closed_marks(scene: Scene) -> Iterator[Marker]:
    for name, polygon in scene.closed:
        yield from _outlines("closed", polygon, _RED)
        yield _text("closed", f"closed: {name}", polygon.representative_point(), _RED)


def _robot_marks(robot: RobotScene) -> Iterator[Marker]:
    color = _OF_STATE.get(robot.state, _GREY)
    yield from _outlines(f"{robot.name} reserved", robot.held, (*color[:3], 0.35))
    yield from _segments(f"{robot.name} lanes", [points for points, cleans in robot.ahead if cleans], color)
    yield from _segments(f"{robot.name} ways", [points for points, cleans in robot.ahead if not cleans], _GREY)
    if robot.outline is not None:
        yield from _outlines(f"{robot.name} outline", robot.outline, color)
        yield _text(f"{robot.name} name", f"{robot.name} {robot.state.value.lower()}", robot.outline.centroid, color)


def _track_mark(robot: RobotScene) -> Marker:
    name = f"{robot.name} track"
    if len(robot.driven) < 2:
        return Marker(ns=name, action=Marker.DELETE)
    return _line(name, _thinned(np.array(robot.driven)[:, 1:]).tolist(), _VIOLET)


def _thinned(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """At most MOST_TRACK_POINTS of the points (n, 2) of a way, chosen so that its bends stay."""
    within_m = _TRACK_WITHIN_M
    way = shapely.simplify(shapely.linestrings(points), within_m, preserve_topology=False)
    while shapely.get_num_points(way) > MOST_TRACK_POINTS:
        within_m *= 2.0
        way = shapely.simplify(way, within_m, preserve_topology=False)
    return shapely.get_coordinates(way)


def _outlines(name: str, shape: BaseGeometry, color: Color) -> Iterator[Marker]:
    for part in getattr(shape, "geoms", [shape]):
        if not part.is_empty:
            for ring in (part.exterior, *part.interiors):
                yield _line(name, ring.coords, color)


def _line(name: str, points: Iterable[Iterable[float]], color: Color) -> Marker:
    mark = Marker(ns=name, type=Marker.LINE_STRIP, color=_color(color), scale=Vector3(x=_LINE_M), pose=Pose())
    mark.points = [Point(x=x, y=y) for x, y in points]
    return mark


def _segments(name: str, lines: Iterable[NDArray[np.float64]], color: Color) -> Iterator[Marker]:
    """All lines as one marker, if there are any: a marker takes as long as twenty of its points, and lanes are hundreds."""
    strips = [[Point(x=x, y=y) for x, y in line.tolist()] for line in lines]
    if strips:
        mark = Marker(ns=name, type=Marker.LINE_LIST, color=_color(color), scale=Vector3(x=_LINE_M), pose=Pose())
        mark.points = [point for strip in strips for segment in pairwise(strip) for point in segment]
        yield mark


def _text(name: str, text: str, at: BaseGeometry, color: Color) -> Marker:
    mark = Marker(ns=name, type=Marker.TEXT_VIEW_FACING, text=text, color=_color(color), scale=Vector3(z=_TEXT_M))
    mark.pose.position = Point(x=at.x, y=at.y, z=_TEXT_M)
    return mark


def _numbered(marks: Iterable[Marker]) -> Iterator[Marker]:
    """The marks in the map frame, each with a number of its own within its namespace."""
    counts: dict[str, int] = {}
    for mark in marks:
        mark.header.frame_id = FRAME
        mark.id = counts[mark.ns] = counts.get(mark.ns, -1) + 1
        yield mark


def _color(color: Color) -> ColorRGBA:
    r, g, b, a = color
    return ColorRGBA(r=r, g=g, b=b, a=a)
