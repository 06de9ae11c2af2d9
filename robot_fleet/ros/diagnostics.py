"""The fleet on `/diagnostics` (diagnostic_msgs/DiagnosticArray, reliable, depth 1): the controller and each robot, once a second.

| level | when |
|---|---|
| OK | all is as it should be |
| WARN | a robot waits for a person's answer to an alert, or its battery is low |
| ERROR | a robot is held; nothing can be stored |
| STALE | a robot has not been heard for long, or never |
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.qos import QoSProfile
from std_msgs.msg import Header

from robot_fleet.control.snapshot import AlertView, RobotView, Snapshot
from robot_fleet.fleet.states import RobotState
from robot_fleet.ros.bridge import RosBridge

PERIOD_S = 1.0
LOW_BATTERY = 0.2
_LEVELS = {"INFO": DiagnosticStatus.OK, "WARNING": DiagnosticStatus.WARN, "ERROR": DiagnosticStatus.ERROR}


class Diagnostics:
    """Publishes what a snapshot says of the fleet's health."""

    def __init__(self, bridge: RosBridge, store: str) -> None:
        self._bridge, self._store = bridge, store
        self._publisher = bridge.node.create_publisher(DiagnosticArray, "/diagnostics", QoSProfile(depth=1))
        self._last_s = float("-inf")

    def show(self, snapshot: Snapshot, now_s: float) -> None:
        """Publishes it, once a period at most; `now_s` by any clock that goes on."""
        if now_s - self._last_s < PERIOD_S:
            return
        self._last_s = now_s
        self._bridge.to_ros(partial(self._publish, snapshot))

    def _publish(self, snapshot: Snapshot) -> None:
        seconds, rest = divmod(snapshot.clock_s, 1.0)
        header = Header(stamp=Time(sec=int(seconds), nanosec=int(rest * 1e9)))
        self._publisher.publish(DiagnosticArray(header=header, status=list(_statuses(snapshot, self._store))))


def _statuses(snapshot: Snapshot, store: str) -> Iterator[DiagnosticStatus]:
    alerts = [alert for alert in snapshot.alerts if alert.active]
    yield _of_controller(snapshot, [alert for alert in alerts if not alert.robot], store)
    for robot in snapshot.robots:
        yield _of_robot(robot, [alert for alert in alerts if alert.robot == robot.name], snapshot.clock_s)


def _of_controller(snapshot: Snapshot, alerts: list[AlertView], store: str) -> DiagnosticStatus:
    active = next((run for run in snapshot.runs if not run.state.is_terminal), None)
    about = f"run {active.run_id} is {active.state.value}" if active else "no run"
    values = {"store": store, "robots": len(snapshot.robots)}
    if active:
        values |= {"run": active.run_id, "state": active.state.value, "progress": f"{active.progress:.3f}"}
    return _status("robot_fleet: controller", store, _worst(alerts), _said(alerts, about), values)


def _of_robot(robot: RobotView, alerts: list[AlertView], clock_s: float) -> DiagnosticStatus:
    level = _worst(alerts)
    if robot.state is RobotState.OFFLINE:
        level = DiagnosticStatus.STALE
    elif level == DiagnosticStatus.OK and robot.battery is not None and robot.battery < LOW_BATTERY:
        level = DiagnosticStatus.WARN
    values: dict[str, object] = {"state": robot.state.value, "head on": robot.head_on, "charging": robot.charging}
    if robot.battery is not None:
        values["battery"] = f"{robot.battery:.2f}"
    if robot.heard_at_s is not None:
        values["heard before"] = f"{max(0.0, clock_s - robot.heard_at_s):.1f} s"
    if robot.pose is not None:
        values["pose"] = f"{robot.pose.x_m:.2f} {robot.pose.y_m:.2f} {robot.pose.yaw_rad:.2f}"
    values |= {name: value for name, value in (("run", robot.run_id), ("leg", robot.leg_id)) if value}
    return _status(
        f"robot_fleet: {robot.name}", robot.name, level, _said(alerts, robot.detail or robot.state.value), values
    )


def _worst(alerts: list[AlertView]) -> bytes:
    return max((_LEVELS.get(alert.severity, DiagnosticStatus.WARN) for alert in alerts), default=DiagnosticStatus.OK)


def _said(alerts: list[AlertView], otherwise: str) -> str:
    return "; ".join(alert.text for alert in alerts) or otherwise


def _status(name: str, what: str, level: bytes, message: str, values: dict[str, object]) -> DiagnosticStatus:
    pairs = [KeyValue(key=key, value=str(value)) for key, value in values.items()]
    return DiagnosticStatus(name=name, hardware_id=what, level=level, message=message, values=pairs)
