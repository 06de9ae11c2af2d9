"""The same store in Gazebo with Nav2 on every robot: its controller and docking servers instead of our tracker.

ros2 launch robot_fleet gazebo_nav2.launch.py store:=/path/to/store names:=robot_1,robot_2
"""

import os
import subprocess
import tempfile

from ament_index_python.packages import get_package_prefix, get_package_share_directory
from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, ExecuteProcess, OpaqueFunction, Shutdown
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

# One machine: Gazebo and all who talk to it stay on the loopback interface.
LOOPBACK = {name: os.environ.get(name, "127.0.0.1") for name in ("GZ_IP", "IGN_IP")}
# Package, program and name of each server.
SERVERS = (
    ("nav2_controller", "controller_server", "controller_server"),
    ("opennav_docking", "opennav_docking", "docking_server"),
)


def true(text):
    """Tell whether a launch argument means yes."""
    return text.lower() in ("true", "1", "yes")


def program():
    """Return the path of robot-fleet."""
    return os.path.join(get_package_prefix("robot_fleet"), "lib", "robot_fleet", "robot-fleet")


def parameters(config, folder, name):
    """Write one robot's parameters: the settings with its name in place, and return the file."""
    with open(config, encoding="utf-8") as source:
        text = source.read().replace("ROBOT", name)
    path = os.path.join(folder, name + ".yaml")
    with open(path, "w", encoding="utf-8") as target:
        target.write(text)
    return path


def nav2_of(name, file):
    """Return one robot's Nav2 nodes, in its namespace."""
    nodes = [
        Node(package=package, executable=runs, name=server, namespace=name, output="screen", parameters=[file])
        for package, runs, server in SERVERS
    ]
    manager = Node(
        package="nav2_lifecycle_manager",
        executable="lifecycle_manager",
        name="lifecycle_manager",
        namespace=name,
        output="screen",
        parameters=[{"use_sim_time": True, "autostart": True, "node_names": [server for *_, server in SERVERS]}],
    )
    return [*nodes, manager]


def start(context, *_args, **_kwargs):
    """Return the processes, once the arguments are known."""

    def given(name):
        return LaunchConfiguration(name).perform(context)

    names = [name.strip() for name in given("names").split(",") if name.strip()]
    fortress = true(given("fortress"))
    folder = tempfile.mkdtemp(prefix="robot_fleet_gazebo_")
    store, count = given("store"), str(len(names))
    options = ["--fortress"] if fortress else []
    subprocess.run([program(), "gazebo-world", store, "--robots", count, "--out", folder, *options], check=True)
    world = os.path.join(folder, next(name for name in os.listdir(folder) if name.endswith(".sdf")))
    gazebo = ["ign", "gazebo"] if fortress else ["gz", "sim"]
    config = given("config") or os.path.join(get_package_share_directory("robot_fleet"), "config", "nav2_cleaner.yaml")
    bridge = [program(), "gazebo-bridge", "--store", store, "--robots", count, "--heads"]
    report = ["--report", given("report")] if given("report") else []
    return [
        ExecuteProcess(
            cmd=[*gazebo, "-r", *([] if true(given("gui")) else ["-s"]), world],
            output="screen",
            additional_env=LOOPBACK,
            on_exit=Shutdown(reason="Gazebo has ended"),
        ),
        ExecuteProcess(cmd=[*bridge, *report], output="screen", additional_env=LOOPBACK),
        *(node for name in names for node in nav2_of(name, parameters(config, folder, name))),
        Node(
            package="robot_fleet",
            executable="fleet_controller",
            name="fleet_controller",
            output="screen",
            arguments=["--store", store, "--robots", count, "--sim-time"],
            on_exit=Shutdown(reason="the fleet controller has ended"),
        ),
    ]


def generate_launch_description():
    """Declare the arguments and start."""
    return LaunchDescription(
        [
            DeclareLaunchArgument(
                "store", description="the store folder: map.yaml with its image, floor.geojson, store.yaml"
            ),
            DeclareLaunchArgument(
                "names", default_value="robot_1,robot_2", description="the first robots of the store"
            ),
            DeclareLaunchArgument("fortress", default_value="false", description="true: Gazebo Fortress (ign gazebo)"),
            DeclareLaunchArgument("gui", default_value="true", description="false: Gazebo without its window"),
            DeclareLaunchArgument(
                "config", default_value="", description="Nav2's parameters; ROBOT stands for the name"
            ),
            DeclareLaunchArgument(
                "report", default_value="", description="where what truly happens is written, as JSON"
            ),
            OpaqueFunction(function=start),
        ]
    )
