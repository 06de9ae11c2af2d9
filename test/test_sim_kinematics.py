"""Simulated machines that must be steered: what they drive, what they refuse, and how far they stray."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from robot_fleet.fleet.commands import Follow, SwitchHead
from robot_fleet.fleet.events import LegEnded, Outcome
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.profile import SCRUBBER_S, RobotProfile
from robot_fleet.floor.store import Dock, RobotSpec
from robot_fleet.sim import kinematics
from robot_fleet.sim.rail import Wander
from robot_fleet.sim.realism import EXECUTED, PERFECT, Realism
from robot_fleet.sim.robot import SimulatedRobot

OUT_AND_BACK = np.array([(0.0, 0.0), (1.0, 0.0), (0.8, 0.0), (0.8, 2.0)])


class Bench:
    """A machine that stands at the origin and faces east, with every pose that it has had."""

    def __init__(self, profile: RobotProfile = SCRUBBER_S, realism: Realism = PERFECT, seed: int = 1) -> None:
        dock = Dock("d", Pose(0.0, -9.0))
        self.robot = SimulatedRobot(
            RobotSpec("s", profile, "d", "s"), dock, np.random.default_rng(seed), realism, Pose(0.0, 0.0, 0.0)
        )
        self.now_s, self.ends, self.poses = 0.0, list[LegEnded](), list[Pose]()

    def drives(self, order: Follow, head_on: bool = False) -> LegEnded:
        """How the order ended, once the machine rests again."""
        self.robot.command(SwitchHead("s", head_on), self.now_s)
        self.robot.command(order, self.now_s)
        while not self.ends or not self.robot.motion.at_rest:
            self.now_s += 0.05
            self.ends += [event for event in self.robot.step(0.05, self.now_s) if isinstance(event, LegEnded)]
            self.poses.append(self.robot.pose)
            assert self.now_s < 300.0
        return self.ends.pop()


def bend(radius: float, angle: float = math.pi) -> np.ndarray:
    yaws = np.linspace(0.0, angle, math.ceil(angle / math.radians(5.0)) + 1)
    return radius * np.column_stack((np.sin(yaws), 1.0 - np.cos(yaws)))


def test_a_way_with_cusps_is_driven_in_full_ahead_and_back() -> None:
    bench = Bench()
    end = bench.drives(Follow("s", "turn", OUT_AND_BACK, False, (1, 2)))
    assert end.outcome is Outcome.SUCCEEDED
    assert max(pose.x_m for pose in bench.poses) == pytest.approx(1.0, abs=1e-3)
    assert bench.robot.motion.driven_m == pytest.approx(3.2, abs=0.01)
    backing = [pose for pose in bench.poses if 0.81 < pose.x_m < 0.99]
    assert {round(pose.yaw_rad, 6) for pose in backing} == {0.0}


def test_an_order_is_done_only_when_the_machine_faces_as_it_is_to() -> None:
    bench = Bench()
    end = bench.drives(Follow("s", "turn", np.array([(0.0, 0.0), (0.1, 0.0)]), facing_rad=2.0))
    assert end.outcome is Outcome.SUCCEEDED
    assert bench.robot.pose.yaw_rad == pytest.approx(2.0, abs=0.01)


def test_a_part_of_a_way_that_is_shorter_than_the_goal_tolerance_is_driven_all_the_same() -> None:
    bench = Bench()
    there = np.array([(0.0, 0.0), (-0.2, 0.0), (3.0, 0.0)])
    bench.drives(Follow("s", "back first", there, True, (1,), 0.0))
    assert min(pose.x_m for pose in bench.poses) == pytest.approx(-0.2, abs=1e-3)


@pytest.mark.parametrize(
    ("profile", "order", "head_on", "refusal"),
    [
        (SCRUBBER_S, Follow("s", "a", bend(1.0)), True, ""),
        (SCRUBBER_S, Follow("s", "a", bend(0.5)), True, kinematics.TOO_TIGHT),
        (SCRUBBER_S, Follow("s", "a", bend(0.5)), False, ""),
        (SCRUBBER_S, Follow("s", "a", np.array([(0.0, 0.0), (0.0, 2.0)])), False, ""),
        (SCRUBBER_S, Follow("s", "a", np.array([(0.0, 0.0), (0.0, 2.0)])), True, kinematics.NO_PIVOT),
        (SCRUBBER_S, Follow("s", "a", np.array([(0.0, 0.0), (2.0, 0.0)]), facing_rad=1.0), True, kinematics.NO_PIVOT),
        (SCRUBBER_S, Follow("s", "a", np.array([(0.0, 0.0), (-2.0, 0.0)]), True), False, ""),
        (SCRUBBER_S, Follow("s", "a", np.array([(0.0, 0.0), (-2.0, 0.0)]), True), True, kinematics.NOT_BACK),
        (
            replace(SCRUBBER_S, reverses=False), Follow("s", "a", OUT_AND_BACK, False, (1, 2)), False,
            kinematics.NOT_BACK,
        ),
        (replace(SCRUBBER_S, lifted_radius_m=0.8), Follow("s", "a", bend(0.3)), False, kinematics.TOO_TIGHT),
        (
            replace(SCRUBBER_S, lifted_radius_m=0.8), Follow("s", "a", np.array([(0.0, 0.0), (0.0, 2.0)])), False,
            kinematics.NO_PIVOT,
        ),
    ],
)  # fmt: skip
def test_a_machine_refuses_what_it_cannot_drive(
    profile: RobotProfile, order: Follow, head_on: bool, refusal: str
) -> None:
    bench = Bench(profile)
    end = bench.drives(order, head_on)
    assert end.detail == refusal
    assert (end.outcome is Outcome.SUCCEEDED) == (not refusal)


@pytest.mark.parametrize("seed", range(4))
def test_no_part_of_a_long_body_strays_further_than_the_limit(seed: int) -> None:
    realism = replace(EXECUTED, wander=Wander(0.05, 2.0, 0.05))
    bench = Bench(realism=realism, seed=seed)
    bench.drives(Follow("s", "lane", np.array([(0.0, 0.0), (60.0, 0.0)])))
    ends = [pose @ Pose(x, 0.0) for pose in bench.poses for x in (-0.5, 0.0, 1.0)]
    strayed = np.abs([end.y_m for end in ends])
    assert 0.03 < strayed.max() <= 0.05 + 1e-6
