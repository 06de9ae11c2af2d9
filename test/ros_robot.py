"""A small robot behind Nav2's actions for tests, in a process of its own: `python ros_robot.py NAME=BEHAVIOUR ...`.

It does not move; how it treats drive goals is its behaviour:
    works    accepts, succeeds after 0.3 s        fails    accepts, aborts with FAILED_TO_MAKE_PROGRESS
    refuses  refuses every goal                   drives   accepts, drives until cancelled and 0.3 s more
    stubborn as `drives`, refuses to cancel       mute     has no drive action at all
    hung     has drive actions that answer nothing until the message "wake" comes; then as `drives`
    instant  has succeeded before it could move     brags    succeeds, with an error code
    default  aborts with a result that nobody filled in: of docking and undocking it says success
    doubled  as `works`, tells every result twice   tardy    tells a result only after that of the next goal
    single   as `drives`; the next goal, whoever sends it, aborts the one before
What else may be wrong with it, after a plus sign, as in `works+percent`:
    percent  tells its battery as 0..100            late     stamps poses 3 s ago
    ahead    stamps poses 3 s ahead of time         nan      tells poses that are no numbers
    hasty    stamps poses 1.2 s ahead of time       behind   stamps poses 1.2 s ago
    unread   tells its battery, but no level        shy      has a switch for its head, and says nothing of it
    lost     tells poses outside of the store's map elsewhere tells poses in frames that lead to another map
    odom     tells poses as `amcl_pose`, in its odometry's frame
    simulated stamps poses by a clock that began with a simulation
    held     tells that its e-stop is pressed       headless has no switch for its head and says nothing of it
    asleep   its drive node says that it is inactive
    badmap   publishes a map with fewer cells than it says; wrongmap: one with a wall where it stands, until it is told otherwise
    foreign  something else is published where its actions' feedback belongs; babel: where its battery's state does
    dry      has no switches for its solution and vacuum
    humble   its actions announce no layout, as in ROS 2 Humble; newer: another layout than ours
The message "now" and quirks, as in "now late" or "now" alone, changes what is wrong with what it tells.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseWithCovariance, PoseWithCovarianceStamped
from lifecycle_msgs.msg import State
from lifecycle_msgs.srv import GetState
from nav2_msgs.action import DockRobot, FollowPath, UndockRobot
from nav_msgs.msg import MapMetaData, OccupancyGrid
from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.action.server import ServerGoalHandle
from rclpy.context import Context
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from sensor_msgs.msg import BatteryState
from std_msgs.msg import Bool, String
from std_srvs.srv import SetBool
from tf2_msgs.msg import TFMessage

from robot_fleet.fleet.events import BatteryReported
from robot_fleet.floor.pose import Pose
from robot_fleet.ros.conversion import (
    battery_to_ros,
    holds_to_ros,
    path_from_ros,
    seconds_from_ros,
    stamped_pose_to_ros,
    transform_to_ros,
)
from robot_fleet.ros.listening import LATCHED

WORK_S = 0.3
STATE_PERIOD_S = 0.1
STAMPED = {"late": -3.0, "ahead": 3.0, "behind": -1.2, "hasty": 1.2, "simulated": -1.7e9}
AT_ONCE: dict[str, tuple[str, dict[str, object]]] = {
    "fails": ("abort", {"error_code": 105, "error_msg": "a chair is in the way"}),
    "default": ("abort", {}),
    "brags": ("succeed", {"error_code": 906}),
}
"""How a goal ends as soon as it is accepted, and what its result says beyond what a new one says by itself."""


class DoublingServer(ActionServer):
    """Answers each request for a result twice, as if the network had."""

    def _send_result_response(self, *answer: object) -> None:
        super()._send_result_response(*answer)
        super()._send_result_response(*answer)


class TestRobot:
    """One robot, named `name`, in the namespace of its name."""

    __test__ = False

    def __init__(self, executor: SingleThreadedExecutor, name: str, behaviour: str) -> None:
        behaviour, *quirks = behaviour.split("+")
        self.name, self.behaviour, self.quirks, self._executor = name, behaviour, quirks, executor
        self.head_on, self.hold = False, "e-stop pressed" if "held" in quirks else ""
        self._open: ServerGoalHandle | None = None
        self.node = Node(f"{name}_state")
        executor.add_node(self.node)
        self._drive_node = Node(f"{name}_drive")
        self._publish_state()
        self._listen()
        if "foreign" in quirks:
            self._publish_foreign(f"/{name}/follow_path/_action/feedback")
        if "babel" in quirks:
            self._publish_foreign(f"/{name}/battery_state")
        if others := [quirk for quirk in quirks if quirk in ("humble", "newer")]:
            from other_release import announce  # DDS without ROS, which not every machine has

            self._announced = [announce(name, quirk) for quirk in others]
        if "badmap" in quirks:
            self._publish_map(4, 3, [0] * 11)
        if "wrongmap" in quirks:
            self._publish_map(40, 40, [100] * 1600)
        if "asleep" in quirks:
            self.node.create_service(GetState, f"/{name}_drive/get_state", self._say_state)
        if behaviour != "mute":
            self._serve(FollowPath, "follow_path")
            self._serve(DockRobot, "dock_robot")
            self._serve(UndockRobot, "undock_robot")
        if behaviour != "hung":
            executor.add_node(self._drive_node)

    def _publish_foreign(self, topic: str) -> None:
        context = Context()  # one participant does not take two types on one topic
        context.init(args=[])
        self._foreign = Node(f"{self.name}_other", context=context)
        self._foreign.create_publisher(String, topic, 10)

    def _publish_map(self, width: int, height: int, data: list[int]) -> None:
        offer, corner = self.node.create_publisher, stamped_pose_to_ros("map", 0.0, Pose(1.0, 2.0)).pose
        self._map = offer(OccupancyGrid, f"/{self.name}/map", LATCHED)
        info = MapMetaData(resolution=0.05, width=width, height=height, origin=corner)
        self._map.publish(OccupancyGrid(info=info, data=data))

    def _serve(self, action_type: type, action: str) -> None:
        (DoublingServer if self.behaviour == "doubled" else ActionServer)(
            self._drive_node,
            action_type,
            f"/{self.name}/{action}",
            execute_callback=lambda handle: None,
            goal_callback=self._answer,
            handle_accepted_callback=partial(self._begin, action_type),
            cancel_callback=partial(self._cancel, action_type),
        )

    def _answer(self, goal: object) -> GoalResponse:
        return GoalResponse.REJECT if self.behaviour == "refuses" else GoalResponse.ACCEPT

    def _begin(self, action_type: type, handle: ServerGoalHandle) -> None:
        self._publishers["seen"].publish(String(data=_describe(handle.request)))
        before, self._open = self._open, handle
        done = partial(handle.execute, partial(_end, "succeed", action_type.Result()))
        if self.behaviour in ("works", "doubled"):
            self._later(done)
        elif self.behaviour == "instant":
            done()
        elif self.behaviour == "tardy" and before is not None:
            done()
            self._later(lambda: before.execute(partial(_end, "succeed", action_type.Result())))
        elif self.behaviour == "single" and before is not None:
            before.execute(partial(_end, "abort", action_type.Result()))
        elif self.behaviour in AT_ONCE:
            how, result = AT_ONCE[self.behaviour]
            handle.execute(partial(_end, how, action_type.Result(**result)))

    def _cancel(self, action_type: type, handle: ServerGoalHandle) -> CancelResponse:
        if self.behaviour == "stubborn":
            return CancelResponse.REJECT
        self._publishers["seen"].publish(String(data="cancel"))
        self._later(lambda: handle.execute(partial(_end, "canceled", action_type.Result())))
        return CancelResponse.ACCEPT

    def _later(self, call: Callable[[], None]) -> None:
        def once() -> None:
            timer.cancel()
            call()

        timer = self.node.create_timer(WORK_S, once)

    def _switch_channel(self, channel: str, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        self._publishers["seen"].publish(String(data=f"{channel} {'on' if request.data else 'off'}"))
        response.success = True
        return response

    def _switch_head(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        response.success = self.behaviour != "refuses"
        self.head_on = request.data if response.success else self.head_on
        response.message = "" if response.success else "the brush is jammed"
        return response

    def _say_state(self, request: GetState.Request, response: GetState.Response) -> GetState.Response:
        asleep = State(id=State.PRIMARY_STATE_INACTIVE, label="inactive")
        awake = State(id=State.PRIMARY_STATE_ACTIVE, label="active")
        response.current_state = asleep if "asleep" in self.quirks else awake
        return response

    def _obey(self, message: String) -> None:
        if message.data == "wake":
            self._executor.add_node(self._drive_node)
        elif message.data.startswith("now"):
            if "wrongmap" in self.quirks:
                self._publish_map(1, 1, [0])
            self.quirks = message.data.split()[1:]
        else:
            self.hold = message.data

    def _listen(self) -> None:
        if "headless" not in self.quirks:
            self.node.create_service(SetBool, f"/{self.name}/cleaning_head/set", self._switch_head)
        for channel in () if "dry" in self.quirks else ("solution", "vacuum"):
            self.node.create_service(SetBool, f"/{self.name}/{channel}/set", partial(self._switch_channel, channel))
        self.node.create_subscription(String, f"/{self.name}/test/order", self._obey, LATCHED)

    def _publish_state(self) -> None:
        offer, name = self.node.create_publisher, self.name
        self._publishers = {
            "tf": offer(TFMessage, "/tf", 100),
            "pose": offer(PoseWithCovarianceStamped, f"/{name}/amcl_pose", LATCHED),
            "battery": offer(BatteryState, f"/{name}/battery_state", 10),
            "head": offer(Bool, f"/{name}/cleaning_head/state", LATCHED),
            "diagnostics": offer(DiagnosticArray, f"/{name}/diagnostics", 10),
            "seen": offer(String, f"/{name}/test/seen", LATCHED),
        }
        self.node.create_timer(STATE_PERIOD_S, self._publish)

    def _publish(self) -> None:
        now_s = seconds_from_ros(self.node.get_clock().now().to_msg())
        stamp_s = now_s + sum(late_s for quirk, late_s in STAMPED.items() if quirk in self.quirks)
        x_m = math.nan if "nan" in self.quirks else 900.0 if "lost" in self.quirks else 1.0
        transforms = [
            transform_to_ros(
                "other_map" if "elsewhere" in self.quirks else "map", f"{self.name}/odom", stamp_s, Pose(x_m, 2.0, 0.5)
            ),
            transform_to_ros(f"{self.name}/odom", f"{self.name}/base_link", stamp_s, Pose(0.25, 0.0, 0.0)),
        ]
        self._publishers["tf"].publish(TFMessage(transforms=transforms))
        frame = f"{self.name}/odom" if "odom" in self.quirks else "map"
        placed = stamped_pose_to_ros(frame, stamp_s, Pose(x_m, 2.0, 0.5) @ Pose(0.25, 0.0, 0.0))
        pose = PoseWithCovarianceStamped(header=placed.header, pose=PoseWithCovariance(pose=placed.pose))
        self._publishers["pose"].publish(pose)
        battery = battery_to_ros(BatteryReported(self.name, now_s, 0.75, charging=True))
        battery.percentage *= 100.0 if "percent" in self.quirks else math.nan if "unread" in self.quirks else 1.0
        self._publishers["battery"].publish(battery)
        if not {"headless", "shy"} & {*self.quirks}:
            self._publishers["head"].publish(Bool(data=self.head_on))
        self._publishers["diagnostics"].publish(holds_to_ros({f"{self.name}: safety": self.hold}, now_s))


def _describe(goal: object) -> str:
    if isinstance(goal, FollowPath.Goal):
        (x, y), (to_x, to_y) = path_from_ros(goal.path)[[0, -1]]
        return f"follow {goal.path.header.frame_id} {x:.2f} {y:.2f} to {to_x:.2f} {to_y:.2f}"
    if isinstance(goal, DockRobot.Goal):
        at = goal.dock_pose.pose.position
        return f"dock {goal.dock_id} {goal.dock_pose.header.frame_id} {at.x:.2f} {at.y:.2f}"
    return f"undock {goal.dock_type}"


def _end(how: str, result: object, handle: ServerGoalHandle) -> object:
    getattr(handle, how)()
    return result


def main() -> None:
    """Runs the robots given on the command line until the process is ended."""
    rclpy.init()
    executor = SingleThreadedExecutor()
    robots = [TestRobot(executor, *argument.split("=")) for argument in sys.argv[1:]]
    print("ready", len(robots), flush=True)
    with suppress(ExternalShutdownException):
        executor.spin()


if __name__ == "__main__":
    main()
