"""What RViz and Foxglove are told of a fleet, as it arrives over real DDS."""

from __future__ import annotations

import asyncio
import timeit
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain, pairwise
from pathlib import Path

import numpy as np
import pytest
import yaml
from control_site import hall, run_of, site, until_ended
from shapely import LinearRing, LineString, Point, Polygon, box

pytest.importorskip("rclpy", reason="ROS 2 is not installed")

from nav_msgs.msg import OccupancyGrid
from ros_eye import Eye
from visualization_msgs.msg import Marker, MarkerArray

from robot_fleet.control.scene import Scene
from robot_fleet.ros.bridge import RosBridge
from robot_fleet.ros.listening import LATCHED
from robot_fleet.ros.visuals import FLEET_S, MOST_TRACK_POINTS, TRACK_S, Visuals

pytestmark = pytest.mark.ros
SPILL = box(5.0, 3.0, 6.5, 4.5)


@pytest.fixture
def eye() -> Iterator[Eye]:
    eye = Eye()
    yield eye
    eye.close()


@pytest.fixture
def shown() -> Iterator[tuple[Visuals, RosBridge]]:
    bridge = RosBridge("test_visuals")
    visuals = Visuals(bridge, hall().floor)
    loop = asyncio.new_event_loop()
    bugs: list[BaseException] = []
    bridge.start(loop, lambda event: None, bugs.append)
    yield visuals, bridge
    assert bridge.stop(limit_s=30.0)
    loop.close()
    assert not bugs


@pytest.fixture(scope="module")
def scene() -> Scene:
    """Two robots in the middle of a run."""
    made = site()
    made.controller.start_run((), "")
    made.advance(60.0)
    return made.controller.scene()


def rings(marks: list[Marker], name: str) -> list[list[tuple[float, float]]]:
    return [[(point.x, point.y) for point in mark.points] for mark in marks if mark.ns == name]


def shown_one_by_one(visuals: Visuals, eye: Eye, topic: str, scenes: Iterable[Scene]) -> list[list[Marker]]:
    """The markers that arrive for each scene; what nobody took yet is replaced by the next."""
    for turn, shows in enumerate(scenes):
        visuals.show(shows, turn * TRACK_S)
        eye.until(lambda so_far=turn: len(eye.seen[topic]) > so_far)
    return [message.markers for message in eye.seen[topic]]


def test_the_floor_is_there_for_whoever_comes_later(shown: tuple[Visuals, RosBridge], eye: Eye) -> None:
    eye.look_at("/robot_fleet/map", OccupancyGrid, LATCHED)
    eye.look_at("/robot_fleet/floor", MarkerArray, LATCHED)
    eye.until(lambda: all(eye.seen.values()))
    grid, floor = hall().floor.grid, eye.seen["/robot_fleet/floor"][0].markers
    (found,) = eye.seen["/robot_fleet/map"]
    assert np.array_equal(np.array(found.data).reshape(grid.shape) == 0, grid.free)
    assert (found.info.resolution, found.header.frame_id) == (pytest.approx(0.05), "map")
    assert {mark.text for mark in floor if mark.text} == {"west", "east"}
    assert sum(mark.ns == "docks" for mark in floor) == 2
    assert len({(mark.ns, mark.id) for mark in floor}) == len(floor)


def test_the_fleet_is_shown_as_it_is(shown: tuple[Visuals, RosBridge], eye: Eye, scene: Scene) -> None:
    visuals, _ = shown
    eye.look_at("/robot_fleet/fleet", MarkerArray, 1)
    eye.look_at("/robot_fleet/coverage", OccupancyGrid, LATCHED)
    eye.until(lambda: visuals._wants_fleet(0.0) and visuals._wants_coverage(0.0))
    visuals.show(scene, 0.0)
    eye.until(lambda: all(eye.seen.values()))
    marks = eye.seen["/robot_fleet/fleet"][0].markers
    for robot in scene.robots:
        assert robot.outline is not None
        (outline,) = rings(marks, f"{robot.name} outline")
        assert Polygon(outline).symmetric_difference(robot.outline).area < 1e-6
        assert LinearRing(rings(marks, f"{robot.name} reserved")[0]).equals(LinearRing(robot.held.exterior))
        lanes = [points for points, cleans in robot.ahead if cleans]
        (drawn,) = rings(marks, f"{robot.name} lanes")
        assert drawn == [tuple(point) for lane in lanes for pair in pairwise(lane.tolist()) for point in pair] != []
    cells = np.array(eye.seen["/robot_fleet/coverage"][0].data).reshape(hall().floor.grid.shape)
    assert scene.cleaned is not None and scene.requested is not None
    assert scene.cleaned.any() and np.array_equal(cells == 0, scene.cleaned)
    assert np.array_equal(cells == 100, scene.requested & ~scene.cleaned)


def test_a_robot_is_no_more_markers_with_hundreds_of_lanes_ahead(
    shown: tuple[Visuals, RosBridge], eye: Eye, scene: Scene
) -> None:
    visuals, _ = shown
    robot = scene.robots[0]
    eye.look_at("/robot_fleet/fleet", MarkerArray, 10)
    eye.until(lambda: visuals.wants(0.0))
    shows = (Scene((one,), None, None) for one in (robot, replace(robot, ahead=robot.ahead * 100)))
    few, many = shown_one_by_one(visuals, eye, "/robot_fleet/fleet", shows)
    assert [(mark.ns, mark.id) for mark in many] == [(mark.ns, mark.id) for mark in few]


def test_millions_of_cells_are_put_into_a_message_without_a_look_at_each(shown: tuple[Visuals, RosBridge]) -> None:
    visuals, _ = shown
    cells = np.zeros((2400, 3600), dtype=np.int8)
    listed_s = min(timeit.repeat(lambda: array("b", cells.ravel().tolist()), number=1, repeat=3))
    assert min(timeit.repeat(lambda: visuals._grid(cells), number=1, repeat=5)) < listed_s / 5


def test_what_is_gone_is_taken_away(shown: tuple[Visuals, RosBridge], eye: Eye, scene: Scene) -> None:
    visuals, _ = shown
    eye.look_at("/robot_fleet/fleet", MarkerArray, 10)
    eye.until(lambda: visuals.wants(0.0))
    visuals.show(scene, 0.0)
    eye.until(lambda: eye.seen["/robot_fleet/fleet"])
    visuals.show(Scene(scene.robots[:1], None, None), FLEET_S)
    eye.until(lambda: len(eye.seen["/robot_fleet/fleet"]) == 2)
    first, second = (message.markers for message in eye.seen["/robot_fleet/fleet"])
    gone = {(mark.ns, mark.id) for mark in second if mark.action == Marker.DELETE}
    assert gone == {(mark.ns, mark.id) for mark in first if mark.ns.startswith(scene.robots[1].name)}


def test_closed_floor_is_shown_with_its_name_until_it_is_opened(shown: tuple[Visuals, RosBridge], eye: Eye) -> None:
    visuals, _ = shown
    made = site()
    made.controller.close_floor("wet paint", SPILL)
    eye.look_at("/robot_fleet/fleet", MarkerArray, 10)
    eye.until(lambda: visuals.wants(0.0))
    visuals.show(made.controller.scene(), 0.0)
    eye.until(lambda: eye.seen["/robot_fleet/fleet"])
    made.controller.open_floor("wet paint")
    visuals.show(made.controller.scene(), FLEET_S)
    eye.until(lambda: len(eye.seen["/robot_fleet/fleet"]) == 2)
    first, second = (message.markers for message in eye.seen["/robot_fleet/fleet"])
    outline, name = (mark for mark in first if mark.ns == "closed")
    assert Polygon([(point.x, point.y) for point in outline.points]).equals(SPILL)
    assert name.text == "closed: wet paint" and SPILL.contains(Point(name.pose.position.x, name.pose.position.y))
    gone = {(mark.ns, mark.id) for mark in second if mark.action == Marker.DELETE}
    assert gone == {("closed", outline.id), ("closed", name.id)}


def test_one_robot_after_the_other_shows_the_way_that_it_drove(
    shown: tuple[Visuals, RosBridge], eye: Eye, scene: Scene
) -> None:
    visuals, _ = shown
    eye.look_at("/robot_fleet/tracks", MarkerArray, 10)
    eye.until(lambda: visuals.wants(0.0))
    marks = list(chain(*shown_one_by_one(visuals, eye, "/robot_fleet/tracks", (scene, scene))))
    assert sorted(mark.ns for mark in marks) == ["r1 track", "r2 track"]
    for robot in scene.robots:
        (drawn,) = rings(marks, f"{robot.name} track")
        way = LineString([(x, y) for _, x, y in robot.driven])
        assert way.length > 10.0 and LineString(drawn).hausdorff_distance(way) < 0.11


def test_the_tracks_of_a_run_are_shown_until_another_begins(shown: tuple[Visuals, RosBridge], eye: Eye) -> None:
    visuals, _ = shown
    made = site()
    made.controller.start_run((), "")
    made.advance(60.0)
    made.controller.stop_run(run_of(made).run_id)
    until_ended(made)
    ended = made.controller.scene()
    made.controller.start_run((), "")
    eye.look_at("/robot_fleet/tracks", MarkerArray, 10)
    eye.until(lambda: visuals.wants(0.0))
    begun = made.controller.scene()
    marks = chain(*shown_one_by_one(visuals, eye, "/robot_fleet/tracks", (ended, ended, begun, begun)))
    assert [mark.action for mark in marks] == [Marker.ADD, Marker.ADD, Marker.DELETE, Marker.DELETE]


@pytest.mark.parametrize("waver_m", [0.02, 0.3])
def test_the_track_of_a_long_night_is_no_long_message(
    shown: tuple[Visuals, RosBridge], eye: Eye, scene: Scene, waver_m: float
) -> None:
    visuals, _ = shown
    seconds = np.arange(8 * 3600.0)
    lane, along = seconds // 40, seconds % 40 / 2
    way = np.column_stack((np.where(lane % 2 == 0, along, 20 - along), lane * 0.6))
    way += np.random.default_rng(7).normal(0.0, waver_m, way.shape)
    robot = replace(scene.robots[0], driven=tuple(zip(seconds.tolist(), *way.T.tolist(), strict=True)))
    eye.look_at("/robot_fleet/tracks", MarkerArray, 10)
    eye.until(lambda: visuals.wants(0.0))
    visuals.show(Scene((robot,), None, None), 0.0)
    eye.until(lambda: eye.seen["/robot_fleet/tracks"])
    (drawn,) = rings(eye.seen["/robot_fleet/tracks"][0].markers, "r1 track")
    assert len(drawn) <= MOST_TRACK_POINTS
    assert LineString(drawn).hausdorff_distance(LineString(way)) < 0.11 + 6 * waver_m


def test_nothing_is_made_that_nobody_listens_to(shown: tuple[Visuals, RosBridge]) -> None:
    visuals, _ = shown
    assert not visuals.wants(1e9)


def test_when_ros_has_been_left_nobody_listens() -> None:
    bridge = RosBridge("test_leaving")
    visuals = Visuals(bridge, hall().floor)
    assert bridge.stop()
    assert not visuals.wants(1e9)


def test_the_rviz_file_shows_every_topic() -> None:
    path = Path(__file__).parents[1] / "config" / "robot_fleet.rviz"
    displays = yaml.safe_load(path.read_text())["Visualization Manager"]["Displays"]
    topics = {display["Topic"]["Value"] for display in displays}
    assert topics == {f"/robot_fleet/{name}" for name in ("map", "floor", "coverage", "fleet", "tracks")}
