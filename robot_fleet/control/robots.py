"""What robots report of themselves, taken into the controller's record of them."""

from __future__ import annotations

import math

import numpy as np
from shapely.geometry.base import BaseGeometry

from robot_fleet.control import orders
from robot_fleet.control.berths import floor_at_rest
from robot_fleet.control.charging import look_for_word_of_battery, look_whether_it_is_charged
from robot_fleet.control.homing import on_dock
from robot_fleet.control.state import FleetState
from robot_fleet.fleet.commands import SwitchHead, all_off
from robot_fleet.fleet.coverage import HeadTrail
from robot_fleet.fleet.entities import CleaningRun, Robot
from robot_fleet.fleet.events import (
    LOST,
    AllCancelled,
    BatteryReported,
    EquipmentReported,
    HeadReported,
    HoldReported,
    LegEnded,
    Outcome,
    PoseRefused,
    PoseReported,
)
from robot_fleet.fleet.states import RobotEvent, RobotState
from robot_fleet.fleet.traffic import MARGIN_M
from robot_fleet.floor.pose import Pose

SILENT_S = 10.0
"""A robot that was not heard for so long is OFFLINE."""

LONGEST_TICK_S = 2.0
"""What a longer time between two ticks adds to no robot's silence: the machine slept, was busy, or the clock jumped."""

RESEND_S = 2.0
"""How often a cancel that nobody confirmed is sent again."""

OVERTAKEN_S = 30.0
"""Of two reports that come the wrong way round the one is older by less than this."""

MISPLACED_S = 3.0
"""How long a robot may say that it stands where there is no floor before it is not believed any more: poses waver."""

_MISPLACED_REMEDY = "Set its pose on its own map; if that is right, look at map_to_robot in store.yaml"
_ABOUT = np.array([(0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)])
_TRACK_S = 1.0
_JUMP_M = 0.25


class RobotReports:
    """Takes in robots' reports; knows each robot's trail of cleaned floor."""

    def __init__(self, state: FleetState) -> None:
        self._state = state
        self._trails = {robot.name: HeadTrail(robot.name, robot.spec.profile.head) for robot in state.robots.values()}
        self._newest_s: dict[tuple[type, str], float] = {}

    def recall(self, run: CleaningRun) -> None:
        """What a run's robots claimed before this process began may yet have to be withdrawn."""
        for name in run.tracks.keys() & self._trails.keys():
            self._trails[name].recall(run.track(name))

    def begin_run(self) -> None:
        """What robots did before is no part of the run that begins."""
        for trail in self._trails.values():
            trail.forget()

    def pose(self, event: PoseReported) -> None:
        """Where the robot was; credits cleaned floor to the run."""
        robot = self._state.robots.get(event.robot)
        if robot is None:
            return
        if robot.pose is not None and event.at_s < robot.pose_at_s:
            self._overtaken(robot, event)
            return
        if self._is_misplaced(robot, event):
            return
        self._placed(robot)
        before, elapsed_s = robot.pose, event.at_s - robot.pose_at_s
        robot.pose, robot.pose_at_s = event.pose, event.at_s
        if orders.said_s(self._state, event.at_s) > self._state.now_s:
            # At the next tick it may be too far on to be followed.
            orders.follow(self._state, robot)
        run = self._state.active
        if run and run.started_at_s is not None and robot.name in run.robots:
            self._credit(run, robot, before, event)
            driven_m = 2.0 * elapsed_s * robot.spec.profile.speed_mps
            if before is not None and before.distance_m(event.pose) > driven_m + _JUMP_M:
                # Nobody drives so far in so short a time: it has found out that it was not where it took itself to be.
                self._withdraw(robot)
        # Its ticks may still wait in the queue behind it.
        self._heard(robot, min(event.at_s, self._state.now_s + SILENT_S))

    def _overtaken(self, robot: Robot, event: PoseReported) -> None:
        """Where a robot is, is known better by now; where it was tells of its way, unless it is not known where that is."""
        run = self._state.active
        if run and run.started_at_s is not None and robot.name in run.robots and robot.misplaced_since_s is None:
            self._credit_floor(run, robot, event)

    def pose_refused(self, event: PoseRefused) -> None:
        """Takes a robot whose place is not known for lost until it says one that can be believed: it counts as OFFLINE."""
        robot = self._state.robots.get(event.robot)
        if robot is None:
            return
        before, robot.pose_refused = robot.pose_refused, robot.pose_refused or event.reason
        self._heard(robot)
        if before:
            return
        text = f"What {robot.name} says of its place is not believed: {event.reason}"
        self._state.alert(f"pose-{robot.name}", "ERROR", text, event.remedy, robot.name)
        orders.cancel(self._state, robot)
        for command in all_off(robot.name):
            self._state.send(command)
        self._lose(robot)

    def equipment(self, event: EquipmentReported) -> None:
        """Gives no work to a robot that lacks what it needs for it. One that is not heard lacks everything: no word of that."""
        robot = self._state.robots.get(event.robot)
        if robot is None or (event.missing and (robot.is_silent or robot.pose is None)):
            return
        before, robot.missing = robot.missing, event.missing
        key = f"equipment-{robot.name}"
        if event.missing:
            self._state.alert(key, "ERROR", f"{robot.name} gets no work: {event.missing}", event.remedy, robot.name)
        elif before:
            self._state.settle(key)
            robot.drops, robot.came_back = 0, robot.came_back or not robot.has_work
        if event.missing != before:
            self._state.reword(key, f"{robot.name} gets no work: {event.missing}", event.remedy)
            self._state.touch("robot", robot.name)

    def battery(self, event: BatteryReported) -> None:
        """The robot's charge."""
        robot = self._state.robots.get(event.robot)
        if robot:
            if self._is_newest(event):
                robot.battery_at_s = self._state.now_s
                robot.battery, robot.charging = event.level, event.charging
                robot.drain.report(event.at_s, event.level, event.charging)
            self._heard(robot)

    def head(self, event: HeadReported) -> bool:
        """Takes in whether the head is on; whether that is news."""
        robot = self._state.robots.get(event.robot)
        if robot is None:
            return False
        before = robot.head_on
        if self._is_newest(event):
            robot.head_on = event.on
        self._trails[robot.name].head_reported(event)
        self._heard(robot)
        return robot.head_on != before

    def hold(self, event: HoldReported) -> None:
        """The robot must not move: it is HELD until a person acknowledges; or the reason has gone, which alone changes nothing."""
        robot = self._state.robots.get(event.robot)
        if robot is None:
            return
        self._heard(robot)
        # That it must not move is believed also when it was said before.
        if not self._is_newest(event) and not event.reason:
            return
        if bool(event.reason) == robot.hold_active and event.reason in ("", robot.hold):
            return
        if _is_the_same_hold(robot, event.reason):
            robot.hold = event.reason
            self._state.reword(f"held-{robot.name}", _held(robot))
            return
        robot.hold_active = bool(event.reason)
        self._state.touch("robot", robot.name)
        if event.reason:
            robot.hold = event.reason
            robot.happen(RobotEvent.HOLD_REPORTED)
            if LOST in event.reason:
                self._withdraw(robot)
            orders.cancel(self._state, robot)
            self._state.send(SwitchHead(robot.name, False))
            self._state.note("held", robot=robot.name, reason=event.reason)
            remedy = f"Go to the robot, clear the cause, then: robot-fleet ack {robot.name} --person YOUR_NAME"
            self._state.reword(f"held-{robot.name}", _held(robot))
            self._state.alert(f"held-{robot.name}", "ERROR", _held(robot), remedy, robot.name)

    def all_cancelled(self, event: AllCancelled) -> None:
        """The robot has no goal any more: it may be given orders again."""
        robot = self._state.robots.get(event.robot)
        if robot is None:
            return
        self._heard(robot)
        if not robot.cancel_due:
            return
        if robot.order:
            ended = LegEnded(robot.name, event.at_s, robot.order.leg_id, Outcome.CANCELLED, "cancelled")
            orders.ended(self._state, robot, ended)
        robot.cancel_due = False
        orders.brake(robot, orders.said_s(self._state, event.at_s))
        run = self._state.active
        if run is None or robot.name not in run.robots:
            # Its run ended while it was not known whether it still drove.
            robot.happen(RobotEvent.RELEASED)
        self._state.touch("robot", robot.name)

    def tick(self, robot: Robot, elapsed_s: float = 0.0) -> None:
        """Silence, unconfirmed cancels, and the floor under a robot that rests; `elapsed_s` since the last tick."""
        state, now_s = self._state, self._state.now_s
        if robot.heard_at_s is not None and elapsed_s > LONGEST_TICK_S:
            # Nobody listened in the meantime: what robots said waits behind this tick.
            robot.heard_at_s = max(robot.heard_at_s, min(now_s, robot.heard_at_s + elapsed_s - LONGEST_TICK_S))
        if robot.heard_at_s is not None and not robot.is_silent and now_s - robot.heard_at_s > SILENT_S:
            self._fell_silent(robot)
        if robot.cancel_due and (robot.cancel_sent_s is None or now_s - robot.cancel_sent_s >= RESEND_S):
            orders.cancel(state, robot)
        look_for_word_of_battery(state, robot)
        look_whether_it_is_charged(state, robot)
        robot.absent_since_s = None if robot.is_here else (robot.absent_since_s or now_s)
        if robot.order is None and robot.pose is not None:
            self._settle(robot)

    def _is_newest(self, event: BatteryReported | HeadReported | HoldReported) -> bool:
        """Whether the robot said nothing newer of the same kind: links may put one report before the other."""
        key = type(event), event.robot
        newest_s = self._newest_s.get(key, -math.inf)
        # One that is much older was not overtaken: the robot's clock was set back.
        if newest_s - OVERTAKEN_S < event.at_s < newest_s:
            return False
        self._newest_s[key] = event.at_s
        return True

    def _settle(self, robot: Robot) -> None:
        """The floor of a robot without an order, also of one that fell silent: what it was granted and not sent nobody drives."""
        traffic, held = self._state.traffic, self._state.traffic.held(robot.name)
        if not robot.cancel_due and self._state.now_s >= robot.rest_after_s:
            traffic.settle(robot.name, self._floor_at_rest(robot))
        elif not held.covers((under := self._state.under(robot)).buffer(-MARGIN_M)):
            # It may still drive, and was placed anew meanwhile: nobody else may be sent to where it is.
            traffic.settle(robot.name, held.union(under))

    def _floor_at_rest(self, robot: Robot) -> BaseGeometry:
        """The floor under the robot; of what it held, also what it may have come to since it last knew where it was."""
        floor, unseen_s = floor_at_rest(self._state, robot), robot.rest_after_s - robot.pose_at_s
        if unseen_s <= 0.0:
            return floor
        within = self._state.under(robot).buffer(unseen_s * robot.spec.profile.speed_mps)
        return self._state.traffic.held(robot.name).intersection(within).union(floor)

    def _credit(self, run: CleaningRun, robot: Robot, before: Pose | None, event: PoseReported) -> None:
        self._credit_floor(run, robot, event)
        track = run.tracks.setdefault(robot.name, [])
        if not track or event.at_s - track[-1][0] >= _TRACK_S:
            if track:
                run.share(robot.name).distance_m += event.pose.distance_m(Pose(track[-1][1], track[-1][2]))
            track.append((event.at_s, event.pose.x_m, event.pose.y_m))

    def _credit_floor(self, run: CleaningRun, robot: Robot, event: PoseReported) -> None:
        if self._state.coverage is not None:
            run.share(robot.name).cleaned_m2 += self._trails[robot.name].pose_reported(event, self._state.coverage)

    def _withdraw(self, robot: Robot) -> None:
        """What a robot claimed that did not know where it was is to be cleaned again."""
        run, coverage = self._state.active, self._state.coverage
        if run is None or coverage is None or robot.name not in run.robots:
            return
        withdrawn_m2 = self._trails[robot.name].withdraw(coverage)
        share = run.share(robot.name)
        share.cleaned_m2 = max(0.0, share.cleaned_m2 - withdrawn_m2)
        run.rest_wanted |= run.started_at_s is not None
        self._state.touch("run", run.run_id)
        self._state.touch("coverage", run.run_id)
        self._state.note("withdrawn", robot=robot.name, square_metres=round(withdrawn_m2, 2))

    def _is_misplaced(self, robot: Robot, event: PoseReported) -> bool:
        """Whether the robot says that it stands where there is no floor; when it goes on saying so, it is lost."""
        grid, (x, y) = self._state.store.floor.grid, (event.pose.x_m, event.pose.y_m)
        # One cell of a scan that is wrong proves nothing.
        if grid.is_free_at(x, y) or grid.is_free(np.array([x, y]) + robot.radius_m / 2 * _ABOUT).any():
            robot.misplaced_since_s = None
            return False
        if robot.misplaced_since_s is None:
            robot.misplaced_since_s = event.at_s
            self._withdraw(robot)
        elif event.at_s - robot.misplaced_since_s >= MISPLACED_S and not robot.pose_refused:
            reason = f"({event.pose.x_m:.0f}, {event.pose.y_m:.0f}) is no free floor of the store's map"
            self.pose_refused(PoseRefused(robot.name, event.at_s, reason, _MISPLACED_REMEDY))
        self._heard(robot)
        return True

    def _placed(self, robot: Robot) -> None:
        """Its place is known again; an alert may be one of before a restart."""
        robot.pose_refused = ""
        self._state.settle(f"pose-{robot.name}")

    def _heard(self, robot: Robot, at_s: float = 0.0) -> None:
        robot.heard_at_s = max(self._state.now_s, at_s)
        if robot.pose_refused:
            self._state.settle(f"silent-{robot.name}")
            return
        if robot.is_silent:
            robot.is_silent = False
            robot.came_back = True
            robot.drops = robot.home_tries = robot.give_ups = 0
            self._state.settle(f"silent-{robot.name}")
            orders.cancel(self._state, robot)
            self._state.send(SwitchHead(robot.name, False))
        if robot.state is RobotState.OFFLINE and robot.pose is not None:
            robot.happen(RobotEvent.HEARD_ON_DOCK if on_dock(self._state, robot) else RobotEvent.HEARD)
            self._state.touch("robot", robot.name)

    def _lose(self, robot: Robot) -> None:
        robot.is_silent = True
        robot.channels.clear()
        robot.happen(RobotEvent.WENT_SILENT)
        self._state.touch("robot", robot.name)

    def _fell_silent(self, robot: Robot) -> None:
        self._lose(robot)
        self._state.note("went silent", robot=robot.name)
        self._state.alert(f"silent-{robot.name}", "ERROR", f"{robot.name} has not been heard for {SILENT_S:.0f} s",
                          "Look at it and its network; the others take its lanes, its place stays closed", robot.name)  # fmt: skip


def _is_the_same_hold(robot: Robot, reason: str) -> bool:
    """Whether it is held for that already, in other words: a voltage in them would else be a new hold each second."""
    is_held = robot.state is RobotState.HELD and robot.hold_active and bool(reason)
    return is_held and (LOST in reason) == (LOST in robot.hold)


def _held(robot: Robot) -> str:
    return f"{robot.name} is held: {robot.hold}"
