"""Whole runs of long scrubbers in virtual time: they drive what is planned for them, as their kinematics allow."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from shapely import box

from robot_fleet.fleet.states import RunState
from robot_fleet.floor.grid import OCCUPIED, OccupancyGrid
from robot_fleet.floor.pose import Pose, wrap_angle
from robot_fleet.floor.profile import SCRUBBER_S, WORKING_W, RobotProfile
from robot_fleet.floor.store import Dock, FloorMap, RobotSpec, Store, Zone
from robot_fleet.planning.plan import Plan, PlanRequest
from robot_fleet.planning.planner import plan
from robot_fleet.sim import executed
from robot_fleet.sim.executed import ControllerRestarts, EStopPressed, ExecutedRun, Mishap
from robot_fleet.sim.realism import EXECUTED
from robot_fleet.sim.site import VirtualSite

SIDE_M = 0.05
LIMIT_S = 3600.0


def hall(*profiles: RobotProfile) -> Store:
    """A walled room of 15 x 11 m with a shelf; docks along its left wall."""
    cells = np.zeros((220, 300), dtype=np.int8)
    cells[[0, -1], :] = cells[:, [0, -1]] = OCCUPIED
    cells[80:140, 160:180] = OCCUPIED
    docks = tuple(Dock(f"d{k}", Pose(1.2, 2.0 + 2.6 * k, math.pi), 1.2) for k in range(len(profiles)))
    zones = (Zone("all", box(0, 0, 15, 11)),)
    floor = FloorMap("hall", OccupancyGrid(cells, SIDE_M, Pose(0.0, 0.0, 0.0)), zones, (), docks)
    return Store(floor, tuple(RobotSpec(f"r{k}", kind, f"d{k}", f"r{k}") for k, kind in enumerate(profiles)))


class Planner:
    """Plans in haste, and keeps what it has planned."""

    def __init__(self) -> None:
        self.plans: list[Plan] = []

    def __call__(self, request: PlanRequest) -> Plan:
        self.plans.append(first_plan(request) if not self.plans else plan(request))
        return self.plans[-1]


@cache
def planned(profiles: tuple[RobotProfile, ...]) -> list[Plan]:
    """A place for the plan of a fleet that stands in its docks: it takes its time, and is made once."""
    return []


def first_plan(request: PlanRequest) -> Plan:
    kept = planned(tuple(robot.profile for robot in request.robots))
    if not kept:
        kept.append(plan(replace(request, deadline_s=4.0)))
    return kept[0]


def execute(*profiles: RobotProfile, faults: Sequence[Mishap] = (), seed: int = 0) -> tuple[ExecutedRun, Plan]:
    planner = Planner()
    run = executed.execute(hall(*profiles), seed=seed, faults=faults, limit_s=LIMIT_S, plan=planner)
    return run, planner.plans[0]


def is_cleaned(run: ExecutedRun, made: Plan, strips: float = 0.01) -> None:
    """As much is clean as was planned, but for a share in strips along which robots strayed."""
    assert run.state is RunState.COMPLETED, run.run.reason
    assert run.collisions == ()
    assert run.true_share >= made.planned_m2 / made.coverable_m2 - strips
    assert run.false_credit < 0.005
    assert run.missed_credit < 0.02
    assert run.makespan_s is not None


@pytest.mark.proof
def test_a_scrubber_drives_its_plan_as_it_is_planned() -> None:
    run, made = execute(SCRUBBER_S)
    is_cleaned(run, made)
    assert run.makespan_s is not None and run.makespan_s <= 1.12 * made.makespan_s


@pytest.mark.proof
def test_its_head_is_up_wherever_it_turns_on_the_spot_or_tightly_or_backs() -> None:
    site = VirtualSite(hall(SCRUBBER_S), Planner(), EXECUTED, seed=1)
    robot, lowered = site.world.robots["r0"], list[list[tuple[float, float]]]()
    site.advance(5.0)
    site.controller.start_run((), "")
    while not site.controller.snapshot.runs[0].state.is_terminal and site.world.now_s < LIMIT_S:
        before, was_on = robot.pose, robot.head_on
        site.advance(site.step_s)
        moved = before.inverse() @ robot.pose
        if robot.head_on and not was_on:
            lowered.append([])
        elif robot.head_on:
            lowered[-1].append((moved.x_m, abs(wrap_angle(moved.yaw_rad))))
    assert sum(ahead for one in lowered for ahead, _ in one) > 80.0
    window = np.ones(round(1.0 / site.step_s))
    for one in lowered:
        ahead, turned = np.array(one).T
        assert ahead.min() > -0.002
        # Over a second, as its heading wavers.
        metres, radians = (np.convolve(values, window, "valid") for values in (ahead, turned))
        assert (radians <= metres / SCRUBBER_S.least_radius_m + math.radians(10.0)).all()


@pytest.mark.proof
@pytest.mark.parametrize(
    "faults", [(ControllerRestarts(71.3), ControllerRestarts(160.2)), (EStopPressed("r0", 100.0, 15.0),)]
)
def test_a_run_that_is_disturbed_is_as_clean(faults: Sequence[Mishap]) -> None:
    is_cleaned(*execute(SCRUBBER_S, faults=faults))


@pytest.mark.proof
def test_a_scrubber_and_a_small_robot_keep_off_each_other() -> None:
    run, made = execute(SCRUBBER_S, WORKING_W)
    is_cleaned(run, made, 0.02)
    assert all(distance > 20.0 for distance in run.distance_m.values())
