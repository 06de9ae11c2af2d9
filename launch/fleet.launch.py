"""Start the fleet controller for one store and, on request, simulated robots to go with it.

ros2 launch robot_fleet fleet.launch.py store:=/path/to/store
ros2 launch robot_fleet fleet.launch.py store:=/path/to/store sim:=true robots:=2 speed:=4.0
"""

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction, Shutdown
from launch.conditions import IfCondition
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node


def start(context, *_args, **_kwargs):
    """Return the processes, once the arguments are known: what is not given is not passed on."""

    def given(name):
        return LaunchConfiguration(name).perform(context)

    store = ["--store", given("store")]
    robots = ["--robots", given("robots")] if given("robots") else []
    speed = ["--speed", given("speed")]
    simulated = given("sim").lower() in ("true", "1", "yes")
    return [
        Node(
            package="robot_fleet",
            executable="fleet_sim",
            name="fleet_sim",
            output="screen",
            arguments=[*store, *robots, *speed],
            condition=IfCondition(LaunchConfiguration("sim")),
        ),
        Node(
            package="robot_fleet",
            executable="fleet_controller",
            name="fleet_controller",
            output="screen",
            arguments=[*store, *robots, *(["--sim-time"] if simulated else [])],
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
            DeclareLaunchArgument("sim", default_value="false", description="true: start simulated robots as well"),
            DeclareLaunchArgument("speed", default_value="1.0", description="how fast the simulated clock runs"),
            OpaqueFunction(function=start),
        ]
    )
