"""Write a store's Gazebo world, run it, and clean it with the fleet controller and our own tracker on the robots.

ros2 launch robot_fleet gazebo.launch.py store:=/path/to/store robots:=2
ros2 launch robot_fleet gazebo.launch.py store:=/path/to/store fortress:=true gui:=false
"""

import os
import subprocess
import tempfile

from ament_index_python.packages import get_package_prefix
from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, ExecuteProcess, OpaqueFunction, Shutdown
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

# One machine: Gazebo and all who talk to it stay on the loopback interface.
LOOPBACK = {name: os.environ.get(name, "127.0.0.1") for name in ("GZ_IP", "IGN_IP")}


def true(text):
    """Tell whether a launch argument means yes."""
    return text.lower() in ("true", "1", "yes")


def write_world(store, robots, fortress):
    """Write the world into a folder of its own and return its path."""
    folder = tempfile.mkdtemp(prefix="robot_fleet_gazebo_")
    program = os.path.join(get_package_prefix("robot_fleet"), "lib", "robot_fleet", "robot-fleet")
    options = [*(["--robots", robots] if robots else []), *(["--fortress"] if fortress else [])]
    subprocess.run([program, "gazebo-world", store, "--out", folder, *options], check=True)
    return os.path.join(folder, next(name for name in os.listdir(folder) if name.endswith(".sdf")))


def start(context, *_args, **_kwargs):
    """Return the processes, once the arguments are known."""

    def given(name):
        return LaunchConfiguration(name).perform(context)

    fortress = true(given("fortress"))
    gazebo = ["ign", "gazebo"] if fortress else ["gz", "sim"]
    store = ["--store", given("store"), *(["--robots", given("robots")] if given("robots") else [])]
    world = write_world(given("store"), given("robots"), fortress)
    return [
        ExecuteProcess(
            cmd=[*gazebo, "-r", *([] if true(given("gui")) else ["-s"]), world],
            output="screen",
            additional_env=LOOPBACK,
            on_exit=Shutdown(reason="Gazebo has ended"),
        ),
        Node(
            package="robot_fleet",
            executable="fleet_sim",
            name="fleet_sim",
            output="screen",
            arguments=[*store, "--gazebo"],
            additional_env=LOOPBACK,
        ),
        Node(
            package="robot_fleet",
            executable="fleet_controller",
            name="fleet_controller",
            output="screen",
            arguments=[*store, "--sim-time"],
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
                "robots", default_value="", description="how many robots, or empty for those of store.yaml"
            ),
            DeclareLaunchArgument("fortress", default_value="false", description="true: Gazebo Fortress (ign gazebo)"),
            DeclareLaunchArgument("gui", default_value="true", description="false: Gazebo without its window"),
            OpaqueFunction(function=start),
        ]
    )
