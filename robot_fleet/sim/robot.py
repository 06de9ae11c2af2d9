"""One simulated robot as its fleet sees it: orders in, reports out, with a battery, a head and an e-stop button.

It behaves as a robot under Nav2: a second drive order aborts the first, an order ends as soon as it is within the
goal tolerance of the last point (judged on that point alone), and a cancel is confirmed at once while the robot still
brakes.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from robot_fleet.fleet.commands import CancelAll, Channel, Command, DockAt, Follow, SwitchChannel, SwitchHead, Undock
from robot_fleet.fleet.events import (
    AllCancelled,
    BatteryReported,
    Event,
    HeadReported,
    HoldReported,
    LegEnded,
    Outcome,
    PoseReported,
)
from robot_fleet.floor.pose import Pose, wrap_angle
from robot_fleet.floor.profile import RobotProfile
from robot_fleet.floor.store import CHARGE, Dock, RobotSpec
from robot_fleet.sim.kinematics import driven_parts, undrivable
from robot_fleet.sim.motion import Motion
from robot_fleet.sim.rail import Wander
from robot_fleet.sim.realism import PERFECT, Realism
from robot_fleet.sim.tracked import DrivenElsewhere

E_STOP, CONTACT = "e-stop", "contact"
PREEMPTED = "another order came"
NO_PATH = "the path is empty or not made of numbers"
FAR_PATH = "the path starts too far away"
NO_STAGING = "too far from the dock's staging pose"
NOT_DOCKED = "not in this dock"
NO_PROGRESS = "came to rest before the goal"

ALONE_S = 10.0
"""A robot that has stood for so long without an order turns off what runs on it."""

_FAR_M = 1.0
# As Nav2's goal checkers with a tight tolerance of the heading.
_FACING_RAD = 0.1
_ABOUT_M = 0.1
_STAGING_SLACK_M = 0.75
_HERE_M = 0.05


@dataclass(frozen=True)
class _Order:
    """A drive order under way; without a tolerance it ends when the robot is at rest. `dock`: where it ends.

    With `faces` it is done only when the robot has the goal's heading, too.
    """

    leg_id: str
    goal: Pose
    tolerance_m: float | None
    dock: Dock | None = None
    faces: bool = False


class SimulatedRobot:
    """A robot that stands in its dock, charging, unless `pose` says otherwise. Poses are true ones in the map frame.

    `motion` is given where the body is somewhere else, in Gazebo for instance.
    """

    def __init__(
        self,
        spec: RobotSpec,
        dock: Dock,
        rng: np.random.Generator,
        realism: Realism = PERFECT,
        pose: Pose | None = None,
        battery: float = 1.0,
        motion: DrivenElsewhere | None = None,
    ) -> None:
        self.spec = spec
        self.realism = realism
        self.motion = motion or Motion(spec.profile, pose or dock.pose, strays(spec.profile, realism), rng)
        self.battery = battery
        self.head_on = False
        self.channels = dict.fromkeys(Channel, False)
        self.hold = ""
        self.alive = True
        self.docked_at: Dock | None = None if pose else dock
        self._rng = rng
        self._order: _Order | None = None
        self._parts: deque[tuple[NDArray[np.float64], bool]] = deque()
        self._outbox: list[Event] = []
        self._late: deque[tuple[float, PoseReported]] = deque()
        self._next_pose_s = self._next_state_s = -math.inf
        self._stands_since_s = 0.0

    @property
    def name(self) -> str:
        """The robot's name in its store."""
        return self.spec.name

    @property
    def pose(self) -> Pose:
        """Where the robot truly is."""
        return self.motion.pose

    def command(self, command: Command, now_s: float) -> None:
        """Takes a command; the answers come out of the next `step`. A dead robot takes nothing."""
        if not self.alive:
            return
        if isinstance(command, SwitchHead):
            self._switch_head(command.on and not self.hold, now_s)
            self._stands_since_s = now_s
        elif isinstance(command, SwitchChannel):
            self.channels[command.channel] = command.on and not self.hold
        elif isinstance(command, CancelAll):
            self.cancel(now_s)
            self._outbox.append(AllCancelled(self.name, now_s))
        elif self.hold:
            self._outbox.append(LegEnded(self.name, now_s, command.leg_id, Outcome.REJECTED, self.hold))
        else:
            self._end(Outcome.ABORTED, now_s, PREEMPTED)
            self._take_up(command, now_s)

    @property
    def leg_id(self) -> str:
        """The drive order under way; empty when there is none."""
        return self._order.leg_id if self._order else ""

    def cancel(self, now_s: float, leg_id: str = "") -> None:
        """Gives up the present drive order, or that one if it is the present one, and brakes."""
        if not leg_id or leg_id == self.leg_id:
            self.motion.brake()
            self._end(Outcome.CANCELLED, now_s, "")

    def press_e_stop(self, now_s: float) -> None:
        """Brakes, drops its order, switches the head off and refuses to drive until released."""
        self.motion.brake()
        self._hold(E_STOP, now_s)

    def touch(self, now_s: float) -> None:
        """The bumper touched something: stops on the spot and is held until released."""
        self.motion.halt()
        self._hold(CONTACT, now_s)

    def release(self, now_s: float) -> None:
        """Ends a hold: the robot may drive again once it is told to."""
        if self.alive and self.hold:
            self.hold = ""
            self._outbox.append(HoldReported(self.name, now_s, ""))

    def look_around(self, dock: Dock) -> None:
        """Finds out whether it stands in that dock: its body was there before it, or was put somewhere else."""
        self.motion.halt()
        self.motion.step(0.0)
        self.docked_at = dock if self.pose.distance_m(dock.pose) <= _HERE_M else None

    def kill(self) -> None:
        """Dies: silent, motionless and head off from now on."""
        self.alive = self.head_on = False
        self.channels = dict.fromkeys(Channel, False)
        self.motion.halt()
        self._order = None
        self._parts.clear()
        self._outbox.clear()
        self._late.clear()

    def step(self, dt_s: float, now_s: float) -> list[Event]:
        """Lets so many seconds pass, until `now_s`; what the robot reported meanwhile."""
        if not self.alive:
            return []
        moving = not self.motion.at_rest
        self.motion.step(dt_s)
        if self._parts and self._is_through:
            self._set_out(*self._parts.popleft())
        self._use_battery(dt_s, moving)
        if not self.alive:
            return []
        if self._order is not None:
            self._look_at_goal(self._order, now_s)
        self._look_after_tools(now_s)
        self._report(now_s)
        reported, self._outbox = self._outbox, []
        return reported

    def _look_after_tools(self, now_s: float) -> None:
        """Turns off what runs on a robot that stands without an order: nobody may be there to say so."""
        runs = self.head_on or any(self.channels.values())
        if not runs or self._order is not None or not self.motion.at_rest:
            self._stands_since_s = now_s
        elif now_s - self._stands_since_s >= ALONE_S:
            self.channels = dict.fromkeys(Channel, False)
            if self.head_on:
                self._switch_head(False, now_s)

    def _take_up(self, order: Undock | Follow | DockAt, now_s: float) -> None:
        if isinstance(order, Follow):
            refusal = self._follow(order)
        elif isinstance(order, DockAt):
            refusal = self._dock(order)
        else:
            refusal = self._undock(order)
        if refusal:
            self.motion.brake()
            self._outbox.append(LegEnded(self.name, now_s, order.leg_id, Outcome.ABORTED, refusal))

    def _follow(self, order: Follow) -> str:
        if not len(order.points) or not np.isfinite(order.points).all():
            return NO_PATH
        if math.dist(order.points[0], (self.pose.x_m, self.pose.y_m)) > _FAR_M:
            return FAR_PATH
        refusal = undrivable(self.spec.profile, order, self.pose, self.head_on)
        if refusal:
            return refusal
        (first, backs), *more = driven_parts(order)
        x, y = order.points[-1].tolist()
        goal = Pose(x, y, order.facing_rad or 0.0)
        self._begin(
            _Order(order.leg_id, goal, self.spec.profile.goal_tolerance_m, faces=order.facing_rad is not None),
            first,
            backs,
            more,
        )
        return ""

    def _dock(self, order: DockAt) -> str:
        dock, seen = order.dock, order.dock.pose.inverse() @ self.pose
        # What does not turn on the spot drives in from about there or behind it, and closes in on the dock on its way.
        behind_m, beside_m = (_STAGING_SLACK_M, _ABOUT_M) if self.spec.profile.is_steered else (0.0, _HERE_M)
        on_the_way = -order.dock.staging_m - behind_m <= seen.x_m <= 0.1 and abs(seen.y_m) <= beside_m
        way = [self.pose, dock.pose]
        if not on_the_way and self.pose.distance_m(dock.staging) > _HERE_M:
            way.insert(1, dock.staging)
        if not on_the_way and self.pose.distance_m(dock.staging) > _STAGING_SLACK_M:
            return NO_STAGING
        self._drive(order.leg_id, _line(way), dock=dock)
        return ""

    def _undock(self, order: Undock) -> str:
        dock, staging = order.dock, order.dock.staging
        if self.pose.distance_m(dock.pose) > dock.staging_m + _STAGING_SLACK_M:
            return NOT_DOCKED
        behind = (self.pose.inverse() @ staging).x_m < 0.0
        self._drive(order.leg_id, _line([self.pose, staging]), reverse=behind)
        return ""

    def _drive(self, leg_id: str, points: NDArray[np.float64], reverse: bool = False, dock: Dock | None = None) -> None:
        x, y = points[-1].tolist()
        self._begin(_Order(leg_id, Pose(x, y), None, dock), points, reverse, [])

    def _begin(
        self, order: _Order, points: NDArray[np.float64], backs: bool, more: list[tuple[NDArray[np.float64], bool]]
    ) -> None:
        """Sets out on the first part of an order; the others follow whenever it has come to rest."""
        self._order, self._parts = order, deque(more)
        self._set_out(points, backs, exact=order.tolerance_m is None)
        if not self.motion.at_rest:
            self.docked_at = None

    def _set_out(self, points: NDArray[np.float64], backs: bool, exact: bool = False) -> None:
        self.motion.follow(points, reverse=backs, exact=exact)

    @property
    def _is_through(self) -> bool:
        """Whether the present part of an order is driven."""
        return self.motion.at_rest

    def _look_at_goal(self, order: _Order, now_s: float) -> None:
        away = self.pose.distance_m(order.goal)
        faces = not order.faces or abs(wrap_angle(self.pose.yaw_rad - order.goal.yaw_rad)) <= _FACING_RAD
        if order.tolerance_m is not None and away <= order.tolerance_m and faces:
            self._end(Outcome.SUCCEEDED, now_s, "")
            self.motion.brake()
        elif self.motion.at_rest and not self._parts:
            arrived = order.tolerance_m is None and away <= _HERE_M
            if arrived and order.dock is not None:
                self.docked_at = order.dock
            self._end(Outcome.SUCCEEDED if arrived else Outcome.ABORTED, now_s, "" if arrived else NO_PROGRESS)

    def _end(self, outcome: Outcome, now_s: float, detail: str) -> None:
        if self._order is not None:
            self._outbox.append(LegEnded(self.name, now_s, self._order.leg_id, outcome, detail))
            self._order = None
            self._parts.clear()

    def _hold(self, reason: str, now_s: float) -> None:
        if not self.alive:
            return
        # What held it before goes on: it is released from all at once.
        self.hold = self.hold if reason in self.hold else "; ".join(filter(None, (self.hold, reason)))
        self._outbox.append(HoldReported(self.name, now_s, self.hold))
        self._end(Outcome.ABORTED, now_s, reason)
        self._switch_head(False, now_s)
        self.channels = dict.fromkeys(Channel, False)

    def _switch_head(self, on: bool, now_s: float) -> None:
        self.head_on = on
        self._outbox.append(HeadReported(self.name, now_s, on))

    @property
    def _is_charged(self) -> bool:
        return self.docked_at is not None and CHARGE in self.docked_at.offers

    def _use_battery(self, dt_s: float, moving: bool) -> None:
        battery = self.spec.profile.battery
        if self._is_charged:
            self.battery = min(1.0, self.battery + dt_s / (battery.charging_h * 3600))
            return
        hours = battery.cleaning_h if self.head_on else battery.driving_h if moving else battery.idle_h
        self.battery = max(0.0, self.battery - dt_s / (hours * 3600))
        if not self.battery:
            self.kill()

    def _report(self, now_s: float) -> None:
        if _is_due(self._next_pose_s, self.realism.pose_period_s, now_s):
            self._next_pose_s = _next_time(self._next_pose_s, self.realism.pose_period_s, now_s)
            self._late.append((now_s + self.realism.pose_delay_s, self._seen_pose(now_s)))
        while self._late and self._late[0][0] <= now_s + 1e-9:
            self._outbox.append(self._late.popleft()[1])
        if _is_due(self._next_state_s, self.realism.state_period_s, now_s):
            self._next_state_s = _next_time(self._next_state_s, self.realism.state_period_s, now_s)
            self._outbox.append(BatteryReported(self.name, now_s, self.battery, self._is_charged))
            self._outbox.append(HeadReported(self.name, now_s, self.head_on))
            self._outbox.append(HoldReported(self.name, now_s, self.hold))

    def _seen_pose(self, now_s: float) -> PoseReported:
        x, y, yaw = self.pose.x_m, self.pose.y_m, self.pose.yaw_rad
        if self.realism.pose_noise_m or self.realism.yaw_noise_rad:
            dx, dy, turn = self._rng.standard_normal(3).tolist()
            x, y = x + self.realism.pose_noise_m * dx, y + self.realism.pose_noise_m * dy
            yaw += self.realism.yaw_noise_rad * turn
        return PoseReported(self.name, now_s, Pose(x, y, yaw))


def strays(profile: RobotProfile, realism: Realism) -> Wander:
    """How a machine of that kind strays from its path: a long body reaches far ahead of its turning centre, or behind it."""
    reach_m = 0.0 if profile.footprint.is_disc else float(np.abs(profile.footprint.corners()[:, 0]).max())
    return replace(realism.wander, reach_m=reach_m)


def _is_due(next_s: float, period_s: float, now_s: float) -> bool:
    # More than a period ahead: the clock that the world follows was set back.
    return now_s >= next_s - 1e-9 or next_s > now_s + 2 * period_s


def _next_time(last_s: float, period_s: float, now_s: float) -> float:
    """One period after the last time, or after now when that is past."""
    on_time = now_s + 1e-9 < last_s + period_s <= now_s + period_s + 1e-9
    return last_s + period_s if on_time else now_s + period_s


def _line(poses: list[Pose]) -> NDArray[np.float64]:
    return np.array([(pose.x_m, pose.y_m) for pose in poses])
