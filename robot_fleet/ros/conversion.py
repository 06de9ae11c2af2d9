"""ROS messages to our values and back, in pairs. Nothing else knows how a message is laid out.

Metres, radians and seconds on both sides. A pose keeps the frame it is given in; the caller applies
`RobotSpec.map_to_robot`. What cannot be understood raises BadReading with the reason, so that a drop has a name.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Sequence

import numpy as np
from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from geometry_msgs.msg import Point, PoseStamped, Quaternion, Transform, TransformStamped, Vector3
from geometry_msgs.msg import Pose as RosPose
from nav_msgs.msg import Path
from numpy.typing import NDArray
from sensor_msgs.msg import BatteryState
from std_msgs.msg import Bool, Header

from robot_fleet.fleet.events import LOST, BatteryReported, HeadReported
from robot_fleet.fleet.track import parts_between
from robot_fleet.floor.pose import Pose

PATH_SPACING_M = 0.1
"""Distance between the poses of a path that is sent: Nav2's controllers expect a path about as dense as a planner's."""

SAFETY_SUFFIX = "safety"
"""A diagnostic status whose name ends so says whether the robot must not move."""

_PARTS = re.compile(r"[^/:\s]+")
_MOST_SIGNS = 300
_FULL_WITHIN = 1.05
"""A percentage up to this is a full battery on the scale 0..1, a little over-read, not one percent."""


class BadReading(ValueError):
    """A message that says nothing that can be believed; the text is why, without its numbers: drops are counted by it."""


def seconds_from_ros(stamp: Time) -> float:
    """The stamp in seconds."""
    return float(stamp.sec + 1e-9 * stamp.nanosec)


def seconds_to_ros(time_s: float) -> Time:
    """The stamp of a time in seconds, to the nearest nanosecond."""
    whole, fraction = divmod(round(time_s * 1e9), 1_000_000_000)
    return Time(sec=whole, nanosec=fraction)


def yaw_from_ros(rotation: Quaternion) -> float:
    """The heading of a rotation, radians; BadReading when the quaternion is not close to unit length."""
    x, y, z, w = rotation.x, rotation.y, rotation.z, rotation.w
    norm = x * x + y * y + z * z + w * w
    if not 0.8 < norm < 1.2:
        raise BadReading("its orientation is not a unit quaternion")
    return math.atan2(2.0 * (w * z + x * y), w * w + x * x - y * y - z * z)


def yaw_to_ros(yaw_rad: float) -> Quaternion:
    """The rotation about the vertical axis."""
    return Quaternion(z=math.sin(yaw_rad / 2.0), w=math.cos(yaw_rad / 2.0))


def pose_from_ros(message: RosPose) -> Pose:
    """The pose in the plane, in the message's frame; BadReading when it is not made of numbers."""
    return _finite(Pose(message.position.x, message.position.y, yaw_from_ros(message.orientation)))


def pose_to_ros(pose: Pose) -> RosPose:
    """The pose on the floor, z = 0."""
    return RosPose(position=Point(x=pose.x_m, y=pose.y_m), orientation=yaw_to_ros(pose.yaw_rad))


def stamped_pose_from_ros(message: PoseStamped) -> tuple[str, float, Pose]:
    """Frame, stamp in seconds and pose; BadReading when the pose is not made of numbers."""
    return message.header.frame_id, seconds_from_ros(message.header.stamp), pose_from_ros(message.pose)


def stamped_pose_to_ros(frame: str, at_s: float, pose: Pose) -> PoseStamped:
    """The pose in `frame`; with `at_s` 0 it is meant for the newest transforms."""
    return PoseStamped(header=Header(frame_id=frame, stamp=seconds_to_ros(at_s)), pose=pose_to_ros(pose))


def transform_from_ros(message: TransformStamped) -> tuple[str, str, float, Pose]:
    """Parent frame, child frame, stamp in seconds, and the child's pose in the parent; BadReading when it is none."""
    moved = message.transform.translation
    pose = _finite(Pose(moved.x, moved.y, yaw_from_ros(message.transform.rotation)))
    return message.header.frame_id, message.child_frame_id, seconds_from_ros(message.header.stamp), pose


def transform_to_ros(parent: str, child: str, at_s: float, pose: Pose) -> TransformStamped:
    """The transform that places `child` at `pose` in `parent`."""
    return TransformStamped(
        header=Header(frame_id=parent, stamp=seconds_to_ros(at_s)),
        child_frame_id=child,
        transform=Transform(translation=Vector3(x=pose.x_m, y=pose.y_m), rotation=yaw_to_ros(pose.yaw_rad)),
    )


def path_from_ros(message: Path) -> NDArray[np.float64]:
    """The path's positions, (n, 2), in the message's frame."""
    return np.array([(p.pose.position.x, p.pose.position.y) for p in message.poses], dtype=np.float64).reshape(-1, 2)


def gears_from_ros(message: Path) -> tuple[bool, tuple[int, ...]]:
    """Whether a path begins backwards, and at which of its points it goes on the other way round: its poses face against it."""
    points = path_from_ros(message)
    step = np.diff(points, axis=0)
    moves = np.flatnonzero(np.hypot(*step.T) > 1e-6) if len(points) > 1 else np.empty(0, dtype=np.int64)
    if not len(moves):
        return False, ()
    yaws = np.array([pose_from_ros(message.poses[k].pose).yaw_rad for k in moves])
    backs = step[moves, 0] * np.cos(yaws) + step[moves, 1] * np.sin(yaws) < 0.0
    return bool(backs[0]), tuple(moves[1:][backs[1:] != backs[:-1]].tolist())


def path_to_ros(
    points: NDArray[np.float64],
    frame: str,
    spacing_m: float = PATH_SPACING_M,
    reverse: bool = False,
    cusps: Sequence[int] = (),
    facing_rad: float | None = None,
) -> Path:
    """The path through `points` (n, 2), given in `frame`, with a pose at least every `spacing_m` that faces along it.

    With `reverse`, and behind every other of its `cusps`, poses face the other way: so controllers that can drive backwards are
    told to. The last one faces as `facing_rad` says. The stamp is 0: the robot takes its newest transforms, so that its clock
    need not agree with ours.
    """
    header = Header(frame_id=frame)
    parts = [densify(part, spacing_m) for part, _ in parts_between(points, reverse, cusps)]
    for part, (_, backs) in zip(parts, parts_between(points, reverse, cusps), strict=True):
        part[:, 2] += math.pi * backs
    # A pose faces as the robot does on the move that it begins.
    places = np.vstack((*(part[:-1] for part in parts[:-1]), parts[-1]))
    if facing_rad is not None:
        places[-1, 2] = facing_rad
    poses = [PoseStamped(header=header, pose=pose_to_ros(Pose(x, y, yaw))) for x, y, yaw in places.tolist()]
    return Path(header=header, poses=poses)


def densify(points: NDArray[np.float64], spacing_m: float = PATH_SPACING_M) -> NDArray[np.float64]:
    """Poses (m, 3) x, y, yaw along `points` (n, 2): every point, and more between so that no gap exceeds `spacing_m`.

    A pose faces along the segment that it begins, the last one along the one that it ends; equal neighbours are one.
    ValueError when `points` is empty or holds something that is not a number.
    """
    points = np.asarray(points, dtype=np.float64)
    if points.ndim != 2 or points.shape[1] != 2 or not len(points) or not np.isfinite(points).all():
        raise ValueError(f"a path is an (n, 2) array of finite numbers with n >= 1, not {points!r}")
    apart = np.hypot(*np.diff(points, axis=0).T) > 0.0
    points = points[np.concatenate(([True], apart))]
    steps = np.diff(points, axis=0)
    parts = np.maximum(1, np.ceil(np.hypot(*steps.T) / spacing_m - 1e-9)).astype(int)
    yaws = np.arctan2(steps[:, 1], steps[:, 0])
    which = np.repeat(np.arange(len(parts)), parts)
    share = (np.arange(len(which)) - np.repeat(np.cumsum(parts) - parts, parts)) / parts[which]
    inner = np.column_stack((points[which] + share[:, None] * steps[which], yaws[which]))
    return np.vstack((inner, (*points[-1], yaws[-1] if len(yaws) else 0.0)))


def battery_from_ros(robot: str, message: BatteryState, now_s: float, percent: bool = False) -> BatteryReported:
    """The charge as 0..1. BadReading when the message does not know it.

    The message's text asks for 0..1, yet some robots send 0..100: `is_percent` tells, `percent` remembers what it told.
    A full battery counts as charging: it is what a charger leaves behind.
    """
    level = message.percentage
    if math.isnan(level) or level < 0.0:
        raise BadReading("its battery level is not known, or negative")
    level = level / 100.0 if percent or is_percent(message) else min(level, 1.0) if level <= _FULL_WITHIN else level
    if level > 1.0:
        raise BadReading("its battery level lies neither in 0..1 nor in 0..100")
    on_charger = message.power_supply_status in (
        BatteryState.POWER_SUPPLY_STATUS_CHARGING,
        BatteryState.POWER_SUPPLY_STATUS_FULL,
    )
    return BatteryReported(robot, seconds_from_ros(message.header.stamp) or now_s, level, on_charger)


def is_percent(message: BatteryState) -> bool:
    """Whether the message can only mean 0..100."""
    return bool(_FULL_WITHIN < message.percentage <= 100.0)


def battery_to_ros(event: BatteryReported) -> BatteryState:
    """The charge on the scale 0..1."""
    charging, not_charging = (
        BatteryState.POWER_SUPPLY_STATUS_CHARGING,
        BatteryState.POWER_SUPPLY_STATUS_DISCHARGING,
    )
    return BatteryState(
        header=Header(stamp=seconds_to_ros(event.at_s)),
        percentage=event.level,
        present=True,
        power_supply_status=charging if event.charging else not_charging,
    )


def head_from_ros(robot: str, message: Bool, now_s: float) -> HeadReported:
    """Whether the head is on; the message has no stamp, so it is true of `now_s`."""
    return HeadReported(robot, now_s, message.data)


def head_to_ros(event: HeadReported) -> Bool:
    """Whether the head is on."""
    return Bool(data=event.on)


def holds_from_ros(message: DiagnosticArray, own: Collection[str] = (), others: Collection[str] = ()) -> dict[str, str]:
    """For each safety status in the message, by its name, why the robot must not move; "" when it may.

    ERROR and STALE hold the robot. An array without a safety status says nothing: other nodes share the topic. What names one of
    the `others` (names and namespaces of robots that share the topic) and none of its `own` is not about it; what names nobody is.
    """
    holding = (DiagnosticStatus.ERROR, DiagnosticStatus.STALE)
    return {
        status.name: _reason(status) if status.level in holding else ""
        for status in message.status
        if status.name.lower().endswith(SAFETY_SUFFIX) and (_names(status, own) or not _names(status, others))
    }


def _reason(status: DiagnosticStatus) -> str:
    """Why a status holds the robot; that it is lost is said first, as floor is withdrawn by that."""
    lost = f"{LOST}: " if LOST in status.message[_MOST_SIGNS // 2 :] else ""
    return words_from_ros(lost + status.message) or words_from_ros(status.name)


def words_from_ros(text: str) -> str:
    """A robot's words as one line of at most 300 signs that no terminal or log takes for anything else."""
    words = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    return words if len(words) <= _MOST_SIGNS else f"{words[: _MOST_SIGNS - 1]}…"


def _names(status: DiagnosticStatus, whose: Collection[str]) -> bool:
    """Whether whole parts of its name or hardware id are one of the names: "robot_1/base: safety" does not name robot_10."""
    told = ["/".join(["", *_PARTS.findall(text), ""]) for text in (status.name, status.hardware_id)]
    return any(f"/{name.strip('/')}/" in text for name in whose for text in told)


def holds_to_ros(holds: dict[str, str], at_s: float) -> DiagnosticArray:
    """One status for each name: ERROR with its reason, OK where the reason is empty."""
    statuses = [
        DiagnosticStatus(name=name, message=reason, level=DiagnosticStatus.ERROR if reason else DiagnosticStatus.OK)
        for name, reason in holds.items()
    ]
    return DiagnosticArray(header=Header(stamp=seconds_to_ros(at_s)), status=statuses)


def compose(chain: Iterable[Pose]) -> Pose:
    """The last frame's pose in the first one's parent: map -> odom, odom -> base, ... give map -> base."""
    placed = Pose(0.0, 0.0, 0.0)
    for pose in chain:
        placed = placed @ pose
    return placed


def _finite(pose: Pose) -> Pose:
    if not pose.is_finite():
        raise BadReading("its pose is not made of numbers")
    return pose
