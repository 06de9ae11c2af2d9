"""What stands behind the controller's ports in virtual time, and the pace of the real-time simulator."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from robot_fleet.control.ports import Record
from robot_fleet.fleet.commands import CancelAll
from robot_fleet.fleet.events import AllCancelled, PlanFailed, Planned
from robot_fleet.floor.faults import Fault
from robot_fleet.floor.grid import OccupancyGrid
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.profile import WORKING_W
from robot_fleet.floor.store import Dock, FloorMap, RobotSpec, Store
from robot_fleet.planning.plan import CannotPlan, Plan, PlanRequest
from robot_fleet.sim.pace import Pace
from robot_fleet.sim.virtual import MemoryRunStore, VirtualClock, VirtualDriver, VirtualPlanner
from robot_fleet.sim.world import World


def small_world() -> World:
    grid = OccupancyGrid(np.zeros((40, 40), dtype=np.int8), 0.05, Pose(0, 0))
    floor = FloorMap("hall", grid, docks=(Dock("d1", Pose(1, 1)),))
    return World(Store(floor, (RobotSpec("r1", WORKING_W, "d1", "/r1"),)))


def test_a_command_arrives_after_its_delay() -> None:
    world = small_world()
    driver = VirtualDriver(world, delay_s=0.2)
    driver.send(CancelAll("r1"))
    for _ in range(3):
        driver.deliver()
        assert not [event for event in world.step() if isinstance(event, AllCancelled)]
    world.step()
    driver.deliver()
    assert [event for event in world.step() if isinstance(event, AllCancelled)]


def test_a_command_of_a_process_that_died_never_arrives() -> None:
    world = small_world()
    driver = VirtualDriver(world, delay_s=0.2)
    driver.send(CancelAll("r1"))
    driver.forget()
    for _ in range(10):
        driver.deliver()
        assert not [event for event in world.step() if isinstance(event, AllCancelled)]


def test_the_planner_answers_later_with_the_plan_or_the_reason() -> None:
    world = small_world()
    request = PlanRequest(world.store.floor, (), ())
    empty = Plan("hall", (), (), (), 0.0, 0.0, 0.0, 0.0)
    planner = VirtualPlanner(world, lambda asked: empty, delay_s=0.1)
    planner.plan("run", 1, request)
    assert planner.answers() == []
    world.step(0.1)
    (answer,) = planner.answers()
    assert isinstance(answer, Planned) and answer.plan is empty and (answer.run_id, answer.epoch) == ("run", 1)
    assert planner.answers() == []


def test_a_planner_that_finds_nothing_says_why() -> None:
    world = small_world()

    def fail(request: PlanRequest) -> Plan:
        raise CannotPlan((Fault("zones", "", "nothing can be reached", "Move the dock."),))

    planner = VirtualPlanner(world, fail, delay_s=0.0)
    planner.plan("run", 2, PlanRequest(world.store.floor, (), ()))
    (answer,) = planner.answers()
    assert isinstance(answer, PlanFailed) and "nothing can be reached" in answer.reason


def test_the_clock_is_the_worlds() -> None:
    world = small_world()
    clock = VirtualClock(world)
    world.step(0.5)
    assert clock.now_s() == pytest.approx(0.5)
    before = clock.wall_s()
    world.step(0.5)
    assert clock.wall_s() - before == pytest.approx(0.5)


def test_rows_are_kept_replaced_and_deleted() -> None:
    store = MemoryRunStore()
    store.commit("{}", [Record("run", "a", b"1"), Record("robot", "a", b"2")])
    store.commit("{}", [Record("run", "a", b"3"), Record("robot", "a", None), Record("run", "b", None)])
    assert store.load("run") == {"a": b"3"}
    assert store.load("robot") == store.load("plan") == {}
    assert len(store.journal) == 2


@given(st.floats(0.1, 50.0), st.lists(st.floats(0.0, 0.1), min_size=1, max_size=50))
def test_the_steps_taken_are_those_that_the_speed_asks_for(speed: float, waits: list[float]) -> None:
    pace, now, taken = Pace(speed, 0.05), 100.0, 0
    pace.steps_due(now)
    for wait in waits:
        now += wait
        due = pace.steps_due(now)
        assert 0 <= due <= 40
        taken += due
    wanted = (now - 100.0) * speed / 0.05
    assert taken <= wanted + 1
    if max(waits) * speed / 0.05 < 39:
        assert taken == pytest.approx(wanted, abs=1.001)


def test_after_a_long_stall_time_goes_on_from_where_it_stood() -> None:
    pace = Pace(1.0, 0.05)
    pace.steps_due(0.0)
    assert pace.steps_due(1000.0) == 40
    assert pace.steps_due(1000.1) == pytest.approx(2, abs=1)


@pytest.mark.parametrize("speed", [0.0, -1.0, math.nan])
def test_a_speed_that_is_none_is_refused(speed: float) -> None:
    with pytest.raises(ValueError, match="positive"):
        Pace(speed, 0.05)
