"""A simulated robot answers orders as a robot under Nav2 does, and reports as the definitions say."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TypeVar

import numpy as np
import pytest

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
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.profile import SCRUBBER_S, WORKING_W, RobotProfile
from robot_fleet.floor.store import Dock, RobotSpec
from robot_fleet.sim import robot as simulated
from robot_fleet.sim.realism import EXECUTED, PERFECT, Realism
from robot_fleet.sim.robot import ALONE_S, SimulatedRobot

DOCK = Dock("d1", Pose(1.0, 1.0, math.pi))
SPEC = RobotSpec("r1", WORKING_W, "d1", "/r1")
Kind = TypeVar("Kind", bound=Event)


class Bench:
    """A robot on its own, with all that it has reported."""

    def __init__(
        self, realism: Realism = PERFECT, pose: Pose | None = None, battery: float = 1.0,
        profile: RobotProfile = WORKING_W, seed: int = 1,
    ) -> None:  # fmt: skip
        spec = replace(SPEC, profile=profile)
        self.robot = SimulatedRobot(spec, DOCK, np.random.default_rng(seed), realism, pose, battery)
        self.now_s = 0.0
        self.seen: list[tuple[float, Event]] = []

    def order(self, command: Command) -> None:
        self.robot.command(command, self.now_s)

    def run(self, seconds: float, dt_s: float = 0.05) -> None:
        for _ in range(round(seconds / dt_s)):
            self.now_s += dt_s
            self.seen += [(self.now_s, event) for event in self.robot.step(dt_s, self.now_s)]

    def of(self, kind: type[Kind]) -> list[Kind]:
        return [event for _, event in self.seen if isinstance(event, kind)]

    def ends(self) -> list[tuple[str, Outcome, str]]:
        return [(end.leg_id, end.outcome, end.detail) for end in self.of(LegEnded)]


def follow(leg: str, *points: tuple[float, float]) -> Follow:
    return Follow("r1", leg, np.array(points))


def free_robot(realism: Realism = PERFECT) -> Bench:
    return Bench(realism, pose=Pose(0.0, 0.0))


def test_a_path_succeeds_within_the_goal_tolerance_and_the_robot_then_brakes() -> None:
    bench = free_robot()
    bench.order(follow("a", (0, 0), (3, 0)))
    bench.run(5.5)
    assert bench.ends() == []
    bench.run(4.0)
    assert bench.ends() == [("a", Outcome.SUCCEEDED, "")]
    assert bench.robot.motion.at_rest
    assert bench.robot.pose.distance_m(Pose(3.0, 0.0)) <= WORKING_W.goal_tolerance_m


def test_a_path_that_passes_near_its_end_succeeds_there() -> None:
    bench = free_robot()
    bench.order(follow("a", (0, 0), (2, 0), (2, 5), (2.2, 5), (2.2, 0.1)))
    bench.run(6.0)
    assert bench.ends() == [("a", Outcome.SUCCEEDED, "")]


def test_a_second_order_aborts_the_first() -> None:
    bench = free_robot()
    bench.order(follow("a", (0, 0), (3, 0)))
    bench.run(2.0)
    bench.order(follow("b", (bench.robot.pose.x_m, 0), (4, 0)))
    bench.run(10.0)
    assert bench.ends() == [("a", Outcome.ABORTED, simulated.PREEMPTED), ("b", Outcome.SUCCEEDED, "")]


def test_a_cancel_is_confirmed_at_once_and_the_robot_rests_within_v_over_a() -> None:
    bench = free_robot()
    bench.order(follow("a", (0, 0), (5, 0)))
    bench.run(4.0)
    bench.order(CancelAll("r1"))
    bench.run(0.05)
    assert bench.ends() == [("a", Outcome.CANCELLED, "")]
    assert len(bench.of(AllCancelled)) == 1
    bench.run(0.5 / 0.5)
    assert bench.robot.motion.at_rest


def test_a_cancel_without_an_order_is_confirmed_too() -> None:
    bench = free_robot()
    bench.order(CancelAll("r1"))
    bench.run(0.05)
    assert bench.ends() == []
    assert len(bench.of(AllCancelled)) == 1


def test_a_path_that_starts_far_away_or_is_no_path_is_refused() -> None:
    bench = free_robot()
    bench.order(follow("far", (2, 0), (3, 0)))
    bench.order(Follow("r1", "empty", np.empty((0, 2))))
    bench.order(follow("nan", (0, 0), (math.nan, 1)))
    bench.run(0.1)
    assert bench.ends() == [
        ("far", Outcome.ABORTED, simulated.FAR_PATH),
        ("empty", Outcome.ABORTED, simulated.NO_PATH),
        ("nan", Outcome.ABORTED, simulated.NO_PATH),
    ]


def test_undocking_backs_out_to_the_staging_pose_and_docking_drives_in_again() -> None:
    bench = Bench()
    bench.run(1.0)
    assert bench.of(BatteryReported)[-1].charging
    bench.order(Undock("r1", "out", DOCK))
    bench.run(5.0)
    assert bench.robot.pose.distance_m(DOCK.staging) < 1e-6
    assert abs(bench.robot.pose.yaw_rad) == pytest.approx(math.pi)
    assert not bench.of(BatteryReported)[-1].charging
    bench.order(DockAt("r1", "in", DOCK))
    bench.run(5.0)
    assert bench.robot.pose.distance_m(DOCK.pose) < 1e-6
    assert bench.of(BatteryReported)[-1].charging
    assert [end[:2] for end in bench.ends()] == [("out", Outcome.SUCCEEDED), ("in", Outcome.SUCCEEDED)]


@pytest.mark.parametrize("realism", [PERFECT, EXECUTED])
@pytest.mark.parametrize("offset", [Pose(-0.2, 0.1, 2.0), Pose(0.25, 0.0, 0.0), Pose(0.0, -0.3, -1.0)])
def test_docking_starts_from_anywhere_near_the_staging_pose(offset: Pose, realism: Realism) -> None:
    bench = Bench(realism, pose=DOCK.staging @ offset)
    bench.order(DockAt("r1", "in", DOCK))
    bench.run(30.0)
    assert bench.ends() == [("in", Outcome.SUCCEEDED, "")]
    assert bench.robot.pose.distance_m(DOCK.pose) < 0.01
    assert math.cos(bench.robot.pose.yaw_rad - DOCK.pose.yaw_rad) > 0.999
    assert bench.robot.docked_at == DOCK


def test_a_machine_that_does_not_turn_on_the_spot_drives_into_its_dock_from_beside_its_staging_place() -> None:
    bench = Bench(pose=DOCK.staging @ Pose(-0.03, 0.06, 0.1), profile=SCRUBBER_S)
    bench.order(DockAt("r1", "in", DOCK))
    faces = []
    while not bench.ends() and len(faces) < 400:
        bench.run(0.05)
        faces.append(bench.robot.pose.yaw_rad)
    assert bench.ends() == [("in", Outcome.SUCCEEDED, "")] and bench.robot.docked_at == DOCK
    assert min(math.cos(yaw - DOCK.pose.yaw_rad) for yaw in faces) > 0.98


def test_a_machine_that_still_rolls_to_its_staging_place_drives_on_into_its_dock() -> None:
    begin, beside = DOCK.staging @ Pose(-1.5, 0.03), DOCK.staging @ Pose(0.0, 0.03)
    bench = Bench(pose=begin, profile=SCRUBBER_S)
    bench.order(follow("up", (begin.x_m, begin.y_m), (beside.x_m, beside.y_m)))
    while bench.robot.pose.distance_m(beside) > 0.13:
        bench.run(0.05)
    assert not bench.robot.motion.at_rest
    bench.order(DockAt("r1", "in", DOCK))
    faces = []
    while not any(leg == "in" for leg, *_ in bench.ends()) and len(faces) < 400:
        bench.run(0.05)
        faces.append(bench.robot.pose.yaw_rad)
    assert bench.robot.docked_at == DOCK
    assert min(math.cos(yaw - DOCK.pose.yaw_rad) for yaw in faces) > 0.98


@pytest.mark.parametrize("seed", range(4))
def test_a_long_body_draws_close_to_a_path_beside_it_without_a_turn_on_the_spot(seed: int) -> None:
    bench = Bench(EXECUTED, pose=Pose(0.0, 0.1), profile=SCRUBBER_S, seed=seed)
    bench.order(follow("a", (0.0, 0.0), (6.0, 0.0)))
    faces = []
    while not bench.ends() and len(faces) < 400:
        bench.run(0.05)
        faces.append(abs(bench.robot.pose.yaw_rad))
    assert max(faces) < 0.15 and abs(bench.robot.pose.y_m) < 0.06


def test_docking_from_far_away_and_undocking_elsewhere_are_refused() -> None:
    bench = Bench(pose=Pose(8.0, 8.0))
    bench.order(DockAt("r1", "in", DOCK))
    bench.order(Undock("r1", "out", DOCK))
    bench.run(0.1)
    assert bench.ends() == [
        ("in", Outcome.ABORTED, simulated.NO_STAGING),
        ("out", Outcome.ABORTED, simulated.NOT_DOCKED),
    ]


def test_docking_that_was_cancelled_half_way_is_taken_up_again() -> None:
    bench = Bench(pose=DOCK.staging)
    bench.order(DockAt("r1", "in", DOCK))
    bench.run(1.0)
    bench.order(CancelAll("r1"))
    bench.run(1.5)
    bench.order(DockAt("r1", "again", DOCK))
    bench.run(5.0)
    assert [end[:2] for end in bench.ends()] == [("in", Outcome.CANCELLED), ("again", Outcome.SUCCEEDED)]


def test_an_e_stop_brakes_drops_the_order_and_refuses_new_ones_until_released() -> None:
    bench = free_robot()
    bench.order(SwitchHead("r1", True))
    bench.order(follow("a", (0, 0), (5, 0)))
    bench.run(3.0)
    bench.robot.press_e_stop(bench.now_s)
    bench.run(1.1)
    assert bench.robot.motion.at_rest and not bench.robot.head_on
    bench.order(SwitchHead("r1", True))
    bench.order(follow("b", (bench.robot.pose.x_m, 0), (5, 0)))
    bench.run(2.0)
    assert not bench.robot.head_on
    assert bench.ends() == [("a", Outcome.ABORTED, "e-stop"), ("b", Outcome.REJECTED, "e-stop")]
    assert {hold.reason for hold in bench.of(HoldReported) if hold.at_s >= 3.0} == {"e-stop"}
    bench.robot.release(bench.now_s)
    bench.order(follow("c", (bench.robot.pose.x_m, 0), (5, 0)))
    bench.run(20.0)
    assert bench.of(HoldReported)[-1].reason == ""
    assert bench.ends()[-1] == ("c", Outcome.SUCCEEDED, "")


def test_what_holds_a_robot_already_is_still_said_beside_what_holds_it_as_well() -> None:
    bench = free_robot()
    for hold in (bench.robot.press_e_stop, bench.robot.touch, bench.robot.press_e_stop):
        hold(bench.now_s)
    bench.run(0.2)
    assert bench.robot.hold == "e-stop; contact"
    bench.robot.release(bench.now_s)
    bench.run(0.2)
    assert [said.reason for said in bench.of(HoldReported)][-1] == ""


def test_a_dead_robot_is_silent_and_motionless() -> None:
    bench = free_robot(EXECUTED)
    bench.order(follow("a", (0, 0), (5, 0)))
    bench.run(3.0)
    bench.robot.kill()
    place, reports = bench.robot.pose, len(bench.seen)
    bench.order(CancelAll("r1"))
    bench.robot.press_e_stop(bench.now_s)
    bench.run(5.0)
    assert bench.robot.pose == place
    assert len(bench.seen) == reports


def test_poses_come_at_ten_hertz_three_hundred_milliseconds_late_with_noise() -> None:
    bench = free_robot(EXECUTED)
    bench.run(60.0)
    delays = [at_s - event.at_s for at_s, event in bench.seen if isinstance(event, PoseReported)]
    poses = bench.of(PoseReported)
    assert len(poses) == pytest.approx(597, abs=2)
    assert delays == pytest.approx([0.3] * len(delays))
    assert np.std([pose.pose.x_m for pose in poses]) == pytest.approx(0.02, rel=0.15)
    assert np.diff([pose.at_s for pose in poses]) == pytest.approx([0.1] * (len(poses) - 1))


def test_the_head_is_reported_when_it_changes_and_every_second() -> None:
    bench = free_robot()
    bench.order(SwitchHead("r1", True))
    bench.run(0.05)
    assert bench.of(HeadReported)[0] == HeadReported("r1", 0.0, True)
    bench.run(3.0)
    assert len(bench.of(HeadReported)) == 5
    assert len(bench.of(BatteryReported)) == 4


def test_the_battery_lasts_as_long_as_the_profile_says_and_an_empty_robot_dies() -> None:
    bench = Bench(pose=Pose(0.0, 0.0), battery=0.5)

    def clean(seconds: float) -> None:
        for _ in range(round(seconds / 5.0)):
            bench.order(SwitchHead("r1", True))  # it stands, and would turn its head off by itself
            bench.run(5.0, dt_s=5.0)

    clean(3600.0)
    assert bench.robot.battery == pytest.approx(0.5 - 1 / WORKING_W.battery.cleaning_h)
    clean(3600.0)
    assert not bench.robot.alive


def test_a_robot_that_stands_without_an_order_turns_off_by_itself_what_runs_on_it() -> None:
    bench = free_robot()
    bench.order(SwitchHead("r1", True))
    bench.order(SwitchChannel("r1", Channel.SOLUTION, True))
    bench.run(ALONE_S - 1.0)
    assert bench.robot.head_on and bench.robot.channels[Channel.SOLUTION]
    bench.run(2.0)
    assert not bench.robot.head_on and not any(bench.robot.channels.values())
    assert not bench.of(HeadReported)[-1].on


def test_a_docked_robot_charges() -> None:
    bench = Bench(battery=0.2)
    bench.run(3600.0, dt_s=10.0)
    assert bench.robot.battery == pytest.approx(0.2 + 1 / WORKING_W.battery.charging_h)
