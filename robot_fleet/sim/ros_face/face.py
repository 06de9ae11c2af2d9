"""One simulated robot as a ROS node. Goals are accepted here and ended from the step of the world that finishes them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseWithCovariance, PoseWithCovarianceStamped, TransformStamped
from nav2_msgs.action import DockRobot, FollowPath, NavigateToPose, UndockRobot
from nav_msgs.msg import Path
from numpy.typing import NDArray
from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.action.server import ServerGoalHandle
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.task import Future
from sensor_msgs.msg import BatteryState
from std_msgs.msg import Bool, Header
from std_srvs.srv import SetBool

from robot_fleet.fleet.commands import Channel, DockAt, Follow, SwitchChannel, SwitchHead, Undock
from robot_fleet.fleet.events import (
    BatteryReported,
    Event,
    HeadReported,
    HoldReported,
    LegEnded,
    Outcome,
    PoseReported,
)
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.store import Dock
from robot_fleet.ros.conversion import (
    battery_to_ros,
    gears_from_ros,
    head_to_ros,
    holds_to_ros,
    path_from_ros,
    pose_from_ros,
    pose_to_ros,
    seconds_to_ros,
    stamped_pose_to_ros,
    transform_to_ros,
)
from robot_fleet.ros.names import frame_name, topic_name
from robot_fleet.sim import robot as simulated
from robot_fleet.sim.robot import SimulatedRobot
from robot_fleet.sim.world import World

WRONG_FRAME = "the path is not in the robot's map frame"
NO_SUCH_DOCK = "there is no dock of that name"
_FEEDBACK_S = 0.5
_NEAR_DOCK_M = 0.5
_LATCHED = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL)
_CODES: dict[type, dict[str, int]] = {
    FollowPath: {simulated.NO_PATH: 103, simulated.FAR_PATH: 103, WRONG_FRAME: 102, simulated.PREEMPTED: 0, "": 105},
    NavigateToPose: {simulated.PREEMPTED: 0, "": 9000},
    DockRobot: {NO_SUCH_DOCK: 901, simulated.NO_STAGING: 903, simulated.PREEMPTED: 0, "": 905},
    UndockRobot: {simulated.NOT_DOCKED: 902, simulated.PREEMPTED: 0, "": 905},
}
"""Nav2's error code for what a simulated robot says; "" is for everything else."""


class RobotFace:
    """One robot's node: Nav2's actions, head, battery, diagnostics, and a button for its e-stop.

    Without `drives` the robot has its own Nav2 and says itself where it is: the rest is here.
    """

    def __init__(self, world: World, robot: SimulatedRobot, node: Node, drives: bool = True) -> None:
        self.world, self.robot, self.node = world, robot, node
        self._goals: dict[str, tuple[ServerGoalHandle, type, Future]] = {}
        self._next_feedback_s = 0.0
        names = robot.spec.profile.interface
        self._map = frame_name(robot.spec, names.map_frame)
        self._base = frame_name(robot.spec, names.base_frame)
        self._drives = drives
        self._actions = self._serve_all() if drives else []
        self._name = partial(topic_name, robot.spec)
        node.create_service(SetBool, self._name(names.head_service), self._switch_head)
        for channel, service in ((Channel.SOLUTION, names.solution_service), (Channel.VACUUM, names.vacuum_service)):
            if service:
                node.create_service(SetBool, self._name(service), partial(self._switch_channel, channel))
        node.create_service(SetBool, self._name("simulation/e_stop"), self._press_or_release)
        self._battery = node.create_publisher(BatteryState, self._name(names.battery_topic), 10)
        self._head = node.create_publisher(Bool, self._name(names.head_topic), _LATCHED)
        self._diagnostics = node.create_publisher(DiagnosticArray, self._name(names.diagnostics_topic), 10)
        self._pose: Publisher | None = None
        if names.pose_topic and drives:
            self._pose = node.create_publisher(PoseWithCovarianceStamped, self._name(names.pose_topic), _LATCHED)

    def say(self, event: Event) -> list[TransformStamped]:
        """Publishes what the robot reported, or ends the goal that it has finished; the transforms of a pose."""
        if isinstance(event, PoseReported):
            return self._say_pose(event) if self._drives else []
        if isinstance(event, BatteryReported):
            self._battery.publish(battery_to_ros(event))
        elif isinstance(event, HeadReported):
            self._head.publish(head_to_ros(event))
        elif isinstance(event, HoldReported):
            self._diagnostics.publish(holds_to_ros({f"{self.robot.name}: safety": event.reason}, event.at_s))
        elif isinstance(event, LegEnded):
            self._end(event)
        return []

    def give_feedback(self) -> None:
        """Tells the client of the present goal how far the robot is, twice a second."""
        now_s = self.world.now_s
        if not self._goals or now_s < self._next_feedback_s <= now_s + _FEEDBACK_S:
            return
        self._next_feedback_s = now_s + _FEEDBACK_S
        goal = self._goals.get(self.robot.leg_id)
        if goal is None:
            return
        handle, action, _ = goal
        motion, message = self.robot.motion, action.Feedback()  # type: ignore[attr-defined]
        if action is FollowPath:
            message.distance_to_goal, message.speed = motion.left_m, motion.speed_mps
        elif action is NavigateToPose:
            message.current_pose = stamped_pose_to_ros(self._map, now_s, self._theirs(self.robot.pose))
            message.distance_remaining = motion.left_m
        handle.publish_feedback(message)

    def close(self) -> None:
        """Ends the action servers."""
        for action in self._actions:
            action.destroy()

    def _serve_all(self) -> list[ActionServer]:
        names = self.robot.spec.profile.interface
        return [
            self._serve(FollowPath, names.follow_path, self._follow),
            self._serve(DockRobot, names.dock_robot, self._dock),
            self._serve(UndockRobot, names.undock_robot, self._undock),
            self._serve(NavigateToPose, "navigate_to_pose", self._navigate),
        ]

    def _serve(self, action: type, name: str, start: Callable[[str, Any], str]) -> ActionServer:
        return ActionServer(
            self.node,
            action,
            topic_name(self.robot.spec, name),
            execute_callback=partial(self._execute, action, start),
            goal_callback=self._answer,
            cancel_callback=self._cancel,
        )

    def _answer(self, goal: object) -> GoalResponse:
        return GoalResponse.REJECT if self.robot.hold or not self.robot.alive else GoalResponse.ACCEPT

    def _cancel(self, handle: ServerGoalHandle) -> CancelResponse:
        self.robot.cancel(self.world.now_s, _leg_id(handle))
        return CancelResponse.ACCEPT

    async def _execute(self, action: type, start: Callable[[str, Any], str], handle: ServerGoalHandle) -> object:
        ended: Future = Future()
        leg_id = _leg_id(handle)
        self._goals[leg_id] = (handle, action, ended)
        if handle.is_cancel_requested:  # before the robot knew of the goal
            self._end(LegEnded(self.robot.name, self.world.now_s, leg_id, Outcome.CANCELLED, ""))
            return await ended
        refusal = start(leg_id, handle.request)
        if refusal:
            self._end(LegEnded(self.robot.name, self.world.now_s, leg_id, Outcome.ABORTED, refusal))
        return await ended

    def _end(self, event: LegEnded) -> None:
        handle, action, ended = self._goals.pop(event.leg_id)
        result = action.Result()  # type: ignore[attr-defined]
        if event.outcome is Outcome.SUCCEEDED:
            handle.succeed()
        elif event.outcome is Outcome.CANCELLED and handle.is_cancel_requested:
            handle.canceled()
            result.error_msg = "cancelled"
        else:
            handle.abort()
            result.error_code = _CODES[action].get(event.detail, _CODES[action][""])
            result.error_msg = event.detail
        if hasattr(result, "success"):
            result.success = event.outcome is Outcome.SUCCEEDED
        ended.set_result(result)

    def _follow(self, leg_id: str, goal: FollowPath.Goal) -> str:
        points = path_from_ros(goal.path)
        frame = goal.path.header.frame_id
        if frame.strip("/") not in ("", self._map):
            return WRONG_FRAME
        reverse, cusps = gears_from_ros(goal.path)
        self.world.command(Follow(self.robot.name, leg_id, self._ours(points), reverse, cusps, self._facing(goal.path)))
        return ""

    def _facing(self, path: Path) -> float | None:
        """How the robot is to face at the end of a path: for one that turns anywhere that is no matter."""
        if not path.poses or not self.robot.spec.profile.is_steered:
            return None
        return (self.robot.spec.map_to_robot @ pose_from_ros(path.poses[-1].pose)).yaw_rad

    def _dock(self, leg_id: str, goal: DockRobot.Goal) -> str:
        docks = self.world.store.floor.docks
        if goal.use_dock_id:
            known = [dock for dock in docks if dock.name == goal.dock_id]
            if not known:
                return NO_SUCH_DOCK
            dock = known[0]
        else:
            pose = self.robot.spec.map_to_robot @ pose_from_ros(goal.dock_pose.pose)
            near = min(docks, key=lambda dock: dock.pose.distance_m(pose))
            staging_m = near.staging_m if near.pose.distance_m(pose) < _NEAR_DOCK_M else Dock("", pose).staging_m
            dock = Dock(goal.dock_id, pose, staging_m)
        self.world.command(DockAt(self.robot.name, leg_id, dock))
        return ""

    def _undock(self, leg_id: str, goal: UndockRobot.Goal) -> str:
        dock = self.robot.docked_at or self.world.store.floor.dock(self.robot.spec.dock)
        self.world.command(Undock(self.robot.name, leg_id, dock))
        return ""

    def _navigate(self, leg_id: str, goal: NavigateToPose.Goal) -> str:
        from robot_fleet.planning.routing import Router

        target = self.robot.spec.map_to_robot @ pose_from_ros(goal.pose.pose)
        points = Router(self.world.store.floor, self.robot.spec.profile).route(self.robot.pose, target)
        if points is None:
            return "there is no way to the goal"
        self.world.command(Follow(self.robot.name, leg_id, points))
        return ""

    def _switch_head(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        self.world.command(SwitchHead(self.robot.name, request.data))
        response.success = self.robot.head_on == request.data
        response.message = "" if response.success else f"not while held: {self.robot.hold}"
        return response

    def _switch_channel(
        self, channel: Channel, request: SetBool.Request, response: SetBool.Response
    ) -> SetBool.Response:
        self.world.command(SwitchChannel(self.robot.name, channel, request.data))
        response.success = self.robot.channels[channel] == request.data
        response.message = "" if response.success else f"not while held: {self.robot.hold}"
        return response

    def _press_or_release(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        (self.world.press_e_stop if request.data else self.world.release)(self.robot.name)
        response.success = True
        return response

    def _say_pose(self, event: PoseReported) -> list[TransformStamped]:
        pose = self._theirs(event.pose)
        if self._pose is not None:
            header = Header(frame_id=self._map, stamp=seconds_to_ros(event.at_s))
            placed = PoseWithCovariance(pose=pose_to_ros(pose))
            self._pose.publish(PoseWithCovarianceStamped(header=header, pose=placed))
        odom = f"{self.robot.name}/odom"
        return [
            transform_to_ros(self._map, odom, event.at_s, Pose(0.0, 0.0)),
            transform_to_ros(odom, self._base, event.at_s, pose),
        ]

    def _theirs(self, pose: Pose) -> Pose:
        return self.robot.spec.map_to_robot.inverse() @ pose

    def _ours(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        frame = self.robot.spec.map_to_robot
        cos, sin = np.cos(frame.yaw_rad), np.sin(frame.yaw_rad)
        return np.asarray(points @ np.array([[cos, sin], [-sin, cos]]) + (frame.x_m, frame.y_m))


def _leg_id(handle: ServerGoalHandle) -> str:
    return bytes(handle.goal_id.uuid).hex()
