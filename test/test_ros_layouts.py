"""Robots whose software was built from other interfaces, over real DDS: they are built here as a robot's would be."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import pytest_asyncio

pytest.importorskip("rclpy", reason="ROS 2 is not installed")

from test_ros_driver import Fleet, fleet, follow, robot_process

from robot_fleet.fleet.commands import DockAt, Follow, Undock
from robot_fleet.fleet.events import Outcome, PoseReported
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.store import Dock

OURS = Path(__file__).parents[1] / "interfaces" / "nav2_msgs"
CMAKE = Path(sys.prefix) / "bin" / "cmake"
LIBRARIES = f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"

pytestmark = [
    pytest.mark.ros,
    pytest.mark.proof,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(
        not (CMAKE.exists() and OURS.is_dir()), reason="interfaces are built with what make setup brings"
    ),
]
DOCK = Dock("d1", Pose(11.0, -3.0, 0.0))
# As distributions differ: Lyrical's goal, the result of before there were messages in it, and Kilted's new error code.
CHANGES = {
    "FollowPath": ("string progress_checker_id\n", "string progress_checker_id\nstring path_handler_id\n"),
    "DockRobot": ("uint16 num_retries 0\nstring error_msg\n", "uint16 num_retries 0\n"),
    "UndockRobot": ("uint16 UNKNOWN=999\n", "uint16 TIMEOUT=907\nuint16 UNKNOWN=999\n"),
}


def build(folder: Path) -> Path:
    """Builds nav2_msgs with the changes; the folder in which it is installed."""
    source, installed = folder / "source", folder / "installed"
    shutil.copytree(OURS, source)
    for name, (before, after) in CHANGES.items():
        file = source / "action" / f"{name}.action"
        text = file.read_text()
        assert before in text, name
        file.write_text(text.replace(before, after))
    environment = {**os.environ, "AMENT_PREFIX_PATH": sys.prefix, "PATH": f"{CMAKE.parent}:{os.environ['PATH']}"}
    options = {
        "CMAKE_PREFIX_PATH": sys.prefix, "CMAKE_INSTALL_PREFIX": installed, "Python3_EXECUTABLE": sys.executable,
        "PYTHON_EXECUTABLE": sys.executable, "BUILD_TESTING": "OFF",
    }  # fmt: skip
    defined = [f"-D{key}={value}" for key, value in options.items()]
    for command in (
        [CMAKE, "-G", "Ninja", "-S", source, "-B", folder / "build", *defined, "-Wno-dev"],
        [CMAKE, "--build", folder / "build", "--target", "install"],
    ):
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return installed


@contextmanager
def with_its_interfaces(installed: Path) -> Iterator[None]:
    """Processes that are started inside use what is installed there before what we have."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(installed / LIBRARIES), prepend=os.pathsep)
        patch.setenv("LD_LIBRARY_PATH", str(installed / "lib"), prepend=os.pathsep)
        yield


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def here(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Fleet]:
    """The controller's side of a robot with other interfaces, and of one with ours."""
    with with_its_interfaces(build(tmp_path_factory.mktemp("interfaces"))):
        others = robot_process("other=works")
        others.__enter__()
    try:
        with robot_process("ours=works"):
            async with fleet("other", "ours") as opened:
                await opened.until(lambda: {event.robot for event in opened.all_of(PoseReported)} == {"other", "ours"})
                yield opened
    finally:
        others.__exit__(None, None, None)


@pytest.mark.parametrize(
    ("command", "part"),
    [
        (follow("other", "goal"), "FollowPath_SendGoal_Request"),
        (DockAt("other", "result", DOCK), "DockRobot_GetResult_Response"),
    ],
    ids=["goal", "result"],
)
async def test_a_robot_of_another_layout_gets_no_goal_though_its_feedback_is_ours(
    here: Fleet, command: Follow | DockAt, part: str
) -> None:
    here.send(command)
    ended = await here.ended(command.leg_id)
    assert ended.outcome is Outcome.REJECTED
    assert f"tells another layout of nav2_msgs/action/{part}" in ended.detail
    assert not any("dock d1" in seen or "follow" in seen for seen in here.seen)


@pytest.mark.parametrize(
    "command", [Undock("other", "newer", DOCK), DockAt("ours", "ours", DOCK)], ids=["newer", "ours"]
)
async def test_an_action_that_differs_in_its_error_codes_alone_works_as_ours_does(
    here: Fleet, command: Undock | DockAt
) -> None:
    here.send(command)
    assert (await here.ended(command.leg_id)).outcome is Outcome.SUCCEEDED
