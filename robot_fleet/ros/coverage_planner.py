"""A ROS 2 node that plans coverage of whatever map it hears, for those who drive their robots themselves.

Subscribes to `map` (nav_msgs/OccupancyGrid, latched) and publishes latched nav_msgs/Path in the map's frame: `coverage_path`
for one robot, `robot_1/coverage_path` and so on for several. A newer map ends the planning of an older one.

| parameter | default | what |
|---|---|---|
| profile | W | the machine: R, W, S or a profile's file |
| robots | 1 | how many; docks are placed in a corner, and each path begins and ends in one |
| plan_within_s | 0.0 | seconds of search at most; 0: as long as it pays |

Headings are those of the robot: where it backs up they face against the path.
"""

from __future__ import annotations

import math
import multiprocessing
import os
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial

import numpy as np
import rclpy
from geometry_msgs.msg import PoseStamped
from nav_msgs.msg import OccupancyGrid as MapMessage
from nav_msgs.msg import Path
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.publisher import Publisher
from std_msgs.msg import Header

from robot_fleet.fleet.errors import FleetError
from robot_fleet.floor.grid import OccupancyGrid
from robot_fleet.floor.placing import CannotPlace, place_docks, whole_floor
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.profile import RobotProfile
from robot_fleet.floor.store import FloorMap
from robot_fleet.planning.plan import CannotPlan, CoveragePath, Plan, PlanRequest, Starter
from robot_fleet.planning.plan_poses import poses_of
from robot_fleet.planning.planner import plan
from robot_fleet.ros.conversion import BadReading, pose_from_ros, pose_to_ros
from robot_fleet.ros.listening import LATCHED
from robot_fleet.ros.log_folder import ensure_log_folder

MOST_ROBOTS = 100


class CoveragePlanner(Node):
    """Plans each map that comes, in a process of its own, which calls `end_with` first with the number of this process.

    `profile_of` gives the profile of a name or file, or a FleetError.
    """

    def __init__(
        self,
        executor: SingleThreadedExecutor,
        profile_of: Callable[[str], RobotProfile],
        end_with: Callable[[int], None],
    ) -> None:
        super().__init__("coverage_planner")
        self._executor = executor
        wanted = self.declare_parameter("profile", "W").value
        robots = self.declare_parameter("robots", 1).value
        within_s = self.declare_parameter("plan_within_s", 0.0).value
        self._profile = profile_of(wanted)
        if not 1 <= robots <= MOST_ROBOTS:
            raise ValueError(f"parameter robots is {robots}: give 1 to {MOST_ROBOTS}")
        if not (math.isfinite(within_s) and within_s >= 0.0):
            raise ValueError(f"parameter plan_within_s is {within_s}: give seconds, or 0 for no limit")
        self._robots, self._within_s = robots, within_s or None
        self._paths: dict[str, Publisher] = {}
        self._end_with = end_with
        self._pool = self._new_pool()
        self._planning: Future[Plan] | None = None
        self.create_subscription(MapMessage, "map", self._take, LATCHED)
        self.get_logger().info(
            f"planning for {robots} x {wanted}; waiting for a map on {self.resolve_topic_name('map')}"
        )

    def close(self) -> None:
        """Ends the planning process."""
        for process in list((self._pool._processes or {}).values()):
            process.kill()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _take(self, message: MapMessage) -> None:
        try:
            request = request_of(message, self._profile, self._robots, self._within_s)
        except (BadReading, ValueError, CannotPlace) as fault:
            self.get_logger().error(f"this map cannot be planned: {fault}")
            return
        if self._planning is not None and not self._planning.done():
            self._replace_pool()
        rows, cols = request.floor.grid.shape
        self.get_logger().info(f"planning a map of {cols} x {rows} cells")
        self._planning = planning = self._begin(request)
        tell = partial(self._tell, message.header.frame_id, request)
        planning.add_done_callback(lambda done: self._executor.create_task(tell, done))

    def _begin(self, request: PlanRequest) -> Future[Plan]:
        try:
            return self._pool.submit(plan, request)
        except BrokenProcessPool:  # somebody has killed its process, for want of memory perhaps
            self._replace_pool()
            return self._pool.submit(plan, request)

    def _replace_pool(self) -> None:
        self.close()
        self._pool = self._new_pool()

    def _tell(self, frame: str, request: PlanRequest, planning: Future[Plan]) -> None:
        """Publishes the plan, unless a newer map has come."""
        if planning is not self._planning or planning.cancelled():
            return
        fault = planning.exception()
        if fault is not None:
            told = fault if isinstance(fault, CannotPlan) else f"planning failed: {fault!r}"
            self.get_logger().error(f"there is no plan: {told}")
            return
        made = planning.result()
        profiles = {robot.name: robot.profile for robot in request.robots}
        for path in made.paths:
            self._publisher(path.robot).publish(path_message(path, profiles[path.robot], frame))
        share = made.planned_m2 / made.coverable_m2 if made.coverable_m2 else 0.0
        text = f"planned {100 * share:.1f} % of {made.coverable_m2:.0f} m2 in {made.makespan_s / 60:.0f} min"
        self.get_logger().info(f"{text}; {len(made.missed)} places are left out")
        for name, lacking in made.unserved:
            self.get_logger().warning(f"{name} cleans nothing: {lacking.what}. {lacking.remedy}")

    def _publisher(self, robot: str) -> Publisher:
        topic = "coverage_path" if self._robots == 1 else f"{robot}/coverage_path"
        if topic not in self._paths:
            self._paths[topic] = self.create_publisher(Path, topic, LATCHED)
        return self._paths[topic]

    def _new_pool(self) -> ProcessPoolExecutor:
        # Spawned: a fork of a process with DDS threads hangs.
        spawn = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(1, mp_context=spawn, initializer=self._end_with, initargs=(os.getpid(),))


def request_of(message: MapMessage, profile: RobotProfile, robots: int, within_s: float | None) -> PlanRequest:
    """What to plan of a map: all of its floor, with robots in docks placed along a wall.

    Raises BadReading or ValueError for a map that is none, CannotPlace for one without room for the robots.
    """
    cells = np.array(message.data, dtype=np.int8).reshape(message.info.height, message.info.width)
    floor = FloorMap("map", OccupancyGrid(cells, message.info.resolution, pose_from_ros(message.info.origin)), ())
    docked = FloorMap("map", floor.grid, (), docks=place_docks(floor, profile, robots))
    whole = FloorMap("map", floor.grid, whole_floor(docked, profile), docks=docked.docks)
    starters = tuple(
        Starter(f"robot_{k}", profile, dock.pose, True, dock) for k, dock in enumerate(whole.docks, start=1)
    )
    return PlanRequest(whole, starters, tuple(zone.name for zone in whole.zones), deadline_s=within_s)


def path_message(path: CoveragePath, profile: RobotProfile, frame: str) -> Path:
    """All legs of a robot, one after the other, in the frame of the map."""
    header, found = Header(frame_id=frame), Path(header=Header(frame_id=frame))
    yaw_rad: float | None = None
    for leg in path.legs:
        poses, _ = poses_of(leg, yaw_rad, profile)
        yaw_rad = poses[-1][2]
        found.poses += [PoseStamped(header=header, pose=pose_to_ros(Pose(*pose))) for pose in poses]
    return found


def run_coverage_planner(
    arguments: Sequence[str], profile_of: Callable[[str], RobotProfile], end_with: Callable[[int], None]
) -> int:
    """Runs the node until it is told to end; the exit code. See CoveragePlanner."""
    ensure_log_folder()
    rclpy.init(args=list(arguments))
    executor = SingleThreadedExecutor()
    try:
        planner = CoveragePlanner(executor, profile_of, end_with)
    except (FleetError, ValueError) as refusal:
        rclpy.logging.get_logger("coverage_planner").fatal(str(refusal))
        rclpy.try_shutdown()
        return 2
    executor.add_node(planner)
    try:
        executor.spin()
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    finally:
        planner.close()
        rclpy.try_shutdown()
    return 0
