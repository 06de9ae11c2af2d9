"""The launch files for Gazebo, with a stand-in for ROS's launch, and Nav2's settings as ROS reads them."""

from __future__ import annotations

import importlib.util
import sys
import tempfile
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
from gazebo_worlds import MAPS

pytest.importorskip("rclpy", reason="parameters are read by ROS 2: make setup brings it")

import rclpy
from rclpy.context import Context
from rclpy.node import Node

ROOT = Path(__file__).parents[1]
SETTINGS = ROOT / "config" / "nav2_cleaner.yaml"


class Action(SimpleNamespace):
    """What a launch file would have done."""

    def __init__(self, *_: object, **what: object) -> None:
        super().__init__(**what)


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package prefix with robot-fleet, and ROS's launch replaced by records of what it is asked for."""
    program = tmp_path / "lib" / "robot_fleet" / "robot-fleet"
    program.parent.mkdir(parents=True)
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m robot_fleet.cli "$@"\n')
    program.chmod(0o755)
    share = tmp_path / "share" / "robot_fleet" / "config"
    share.mkdir(parents=True)
    (share / SETTINGS.name).write_text(SETTINGS.read_text())
    modules = {
        "ament_index_python": {},
        "ament_index_python.packages": {
            "get_package_prefix": lambda package: str(tmp_path),
            "get_package_share_directory": lambda package: str(tmp_path / "share" / package),
        },
        "launch": {"LaunchDescription": Action},
        "launch.actions": dict.fromkeys(
            ("DeclareLaunchArgument", "ExecuteProcess", "OpaqueFunction", "Shutdown"), Action
        ),
        "launch.substitutions": {
            "LaunchConfiguration": lambda name: SimpleNamespace(perform=lambda given: given.get(name, ""))
        },
        "launch_ros": {},
        "launch_ros.actions": {"Node": Action},
    }
    for name, members in modules.items():
        module = ModuleType(name)
        vars(module).update(members)
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def started(name: str, **given: str) -> list[Action]:
    spec = importlib.util.spec_from_file_location(name.replace(".", "_"), ROOT / "launch" / name)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.generate_launch_description()
    return list(module.start(given))


@pytest.mark.parametrize(("fortress", "gazebo"), [("false", ["gz", "sim"]), ("true", ["ign", "gazebo"])])
@pytest.mark.parametrize(("gui", "options"), [("true", ["-r"]), ("false", ["-r", "-s"])])
@pytest.mark.parametrize("name", ["gazebo.launch.py", "gazebo_nav2.launch.py"])
def test_gazebo_runs_a_world_that_was_written_for_it(
    installed: Path, name: str, fortress: str, gazebo: list[str], gui: str, options: list[str]
) -> None:
    store = str(MAPS / "corner_shop")
    first, *rest = started(name, store=store, robots="2", names="robot_1,robot_2", fortress=fortress, gui=gui)
    *command, world = first.cmd
    assert command == [*gazebo, *options]
    assert ("ignition-gazebo-physics-system" in Path(world).read_text()) == (fortress == "true")
    assert {"GZ_IP", "IGN_IP"} <= set(first.additional_env)
    assert any("--sim-time" in getattr(action, "arguments", []) for action in rest)


def test_every_robot_gets_nav2_in_its_namespace_with_its_own_settings(installed: Path) -> None:
    actions = started("gazebo_nav2.launch.py", store=str(MAPS / "corner_shop"), names="robot_1, robot_2")
    nodes = {(one.namespace, one.name): one for one in actions if hasattr(one, "namespace")}
    assert set(nodes) == {
        (robot, name)
        for robot in ("robot_1", "robot_2")
        for name in ("controller_server", "docking_server", "lifecycle_manager")
    }
    file = nodes["robot_2", "docking_server"].parameters[0]
    read = parameters(file, "robot_2", "docking_server")
    assert read["base_frame"] == "robot_2/base_link"
    assert read[f"{read['dock_plugins'][0]}.plugin"] == "opennav_docking::SimpleNonChargingDock"
    assert "base_frame" not in parameters(file, "robot_1", "docking_server")
    controller = parameters(file, "robot_2", "controller_server")
    kinds = {"controller_plugins": "Controller", "goal_checker_plugins": "Checker"}
    for plugins, ending in kinds.items():
        assert all(controller[f"{name}.plugin"].endswith(ending) for name in controller[plugins])
    costmap = parameters(file, "robot_2/local_costmap", "local_costmap")
    assert (type(costmap["width"]), type(costmap["resolution"])) == (int, float)


def parameters(file: str, namespace: str, name: str) -> dict[str, object]:
    """What a node of that name is given by a file, as ROS itself reads it."""
    context = Context()
    rclpy.init(args=["--ros-args", "--params-file", file], context=context)
    try:
        node = Node(
            name,
            namespace=namespace,
            context=context,
            start_parameter_services=False,
            automatically_declare_parameters_from_overrides=True,
        )
        found = {one: value.value for one, value in node.get_parameters_by_prefix("").items()}
        node.destroy_node()
    finally:
        rclpy.shutdown(context=context)
    return found
