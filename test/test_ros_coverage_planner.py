"""The node `coverage_planner`, a process of its own, over real DDS: maps go in, paths come out."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path as FilePath

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="ROS 2 is not installed")

from nav_msgs.msg import MapMetaData, OccupancyGrid, Path
from shapely import LineString, box
from std_msgs.msg import Header
from test_ros_visuals import Eye

from robot_fleet.floor.pose import Pose
from robot_fleet.floor.profile import WORKING_W
from robot_fleet.ros.conversion import pose_to_ros
from robot_fleet.ros.listening import LATCHED

pytestmark = pytest.mark.ros

ORIGIN = Pose(-2.0, 3.0, 0.0)
SIDE_M = 0.05


def hall(width_m: float, height_m: float) -> OccupancyGrid:
    """An empty hall with walls all round."""
    cells = np.full((round(height_m / SIDE_M), round(width_m / SIDE_M)), 100, dtype=np.int8)
    cells[1:-1, 1:-1] = 0
    about = MapMetaData(resolution=SIDE_M, width=cells.shape[1], height=cells.shape[0], origin=pose_to_ros(ORIGIN))
    return OccupancyGrid(header=Header(frame_id="shop_map"), info=about, data=cells.ravel().tolist())


@contextmanager
def planner(log: FilePath, *parameters: str) -> Iterator[subprocess.Popen[bytes]]:
    """The node with parameters NAME:=VALUE."""
    program = "from robot_fleet.cli import coverage_planner; coverage_planner()"
    told = [word for one in parameters for word in ("-p", one)]
    command = [sys.executable, "-c", program, *(["--ros-args", *told] if told else [])]
    environment = {**os.environ, "RCUTILS_LOGGING_SEVERITY": "INFO"}
    with log.open("wb") as out, subprocess.Popen(command, stdout=out, stderr=out, env=environment) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.fixture
def eye() -> Iterator[Eye]:
    eye = Eye()
    yield eye
    eye.close()


def points(path: Path) -> np.ndarray:
    return np.array([(pose.pose.position.x, pose.pose.position.y) for pose in path.poses])


def swept_share(path: Path, width_m: float, height_m: float) -> float:
    floor = box(ORIGIN.x_m, ORIGIN.y_m, ORIGIN.x_m + width_m, ORIGIN.y_m + height_m)
    return LineString(points(path)).buffer(WORKING_W.head.width_m / 2).intersection(floor).area / floor.area


def test_a_map_becomes_a_path_that_covers_it_and_a_newer_map_a_newer_path(eye: Eye, tmp_path: FilePath) -> None:
    eye.look_at("/coverage_path", Path, LATCHED)
    maps = eye.node.create_publisher(OccupancyGrid, "/map", LATCHED)
    with planner(tmp_path / "log", "plan_within_s:=2.0") as process:
        for count, (width_m, height_m) in enumerate(((8.0, 6.0), (6.0, 5.0)), start=1):
            maps.publish(hall(width_m, height_m))
            eye.until(lambda wanted=count: len(eye.seen["/coverage_path"]) == wanted)
            path = eye.seen["/coverage_path"][-1]
            assert path.header.frame_id == "shop_map"
            assert swept_share(path, width_m, height_m) > 0.9
            inside = box(ORIGIN.x_m, ORIGIN.y_m, ORIGIN.x_m + width_m, ORIGIN.y_m + height_m)
            assert LineString(points(path)).within(inside.buffer(-0.3))
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0


def test_several_robots_get_a_path_each(eye: Eye, tmp_path: FilePath) -> None:
    for name in ("robot_1", "robot_2"):
        eye.look_at(f"/{name}/coverage_path", Path, LATCHED)
    maps = eye.node.create_publisher(OccupancyGrid, "/map", LATCHED)
    maps.publish(hall(10.0, 8.0))
    with planner(tmp_path / "log", "plan_within_s:=2.0", "robots:=2"):
        eye.until(lambda: all(eye.seen.values()))


def test_a_map_that_cannot_be_planned_is_told_and_the_next_one_is_planned(eye: Eye, tmp_path: FilePath) -> None:
    eye.look_at("/coverage_path", Path, LATCHED)
    maps = eye.node.create_publisher(OccupancyGrid, "/map", LATCHED)
    with planner(tmp_path / "log", "plan_within_s:=2.0"):
        maps.publish(hall(0.5, 0.5))
        eye.until(lambda: "cannot be planned" in (tmp_path / "log").read_text())
        maps.publish(hall(6.0, 5.0))
        eye.until(lambda: eye.seen["/coverage_path"])


def planning_process(node: subprocess.Popen[bytes]) -> int | None:
    """The number of the process in which the node plans, once there is one."""
    for child in FilePath(f"/proc/{node.pid}/task/{node.pid}/children").read_text().split():
        if b"spawn_main" in FilePath(f"/proc/{child}/cmdline").read_bytes():
            return int(child)
    return None


def test_a_planning_process_that_is_killed_is_told_and_the_next_map_is_planned(eye: Eye, tmp_path: FilePath) -> None:
    eye.look_at("/coverage_path", Path, LATCHED)
    maps = eye.node.create_publisher(OccupancyGrid, "/map", LATCHED)
    with planner(tmp_path / "log", "plan_within_s:=2.0") as process:
        maps.publish(hall(8.0, 6.0))
        eye.until(lambda: planning_process(process) is not None)
        os.kill(planning_process(process) or 0, signal.SIGKILL)
        eye.until(lambda: "there is no plan" in (tmp_path / "log").read_text())
        maps.publish(hall(6.0, 5.0))
        eye.until(lambda: eye.seen["/coverage_path"])
        assert process.poll() is None


def is_gone(process: int) -> bool:
    try:
        return "\nState:\tZ" in FilePath(f"/proc/{process}/status").read_text()
    except FileNotFoundError:
        return True


def test_a_node_that_is_killed_takes_its_planning_process_along(eye: Eye, tmp_path: FilePath) -> None:
    maps = eye.node.create_publisher(OccupancyGrid, "/map", LATCHED)
    with planner(tmp_path / "log") as process:
        maps.publish(hall(60.0, 40.0))
        eye.until(lambda: planning_process(process) is not None)
        child = planning_process(process)
        assert child is not None
        process.kill()
        eye.until(lambda: is_gone(child))


@pytest.mark.parametrize("parameter", ["profile:=X9", "robots:=0", "plan_within_s:=-1.0"])
def test_a_parameter_that_makes_no_sense_ends_the_node_with_its_name(parameter: str, tmp_path: FilePath) -> None:
    with planner(tmp_path / "log", parameter) as process:
        assert process.wait(60) == 2
    assert parameter.partition(":=")[0] in (tmp_path / "log").read_text()
