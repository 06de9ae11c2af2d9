"""Planning in a process of its own: answers come on the loop, a newer request wins, a dead process is replaced."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import textwrap
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest_asyncio
from api_site import hall, plan_one_lane_each

from robot_fleet.control.planning_pool import PlanningPool
from robot_fleet.fleet.events import PlanFailed, Planned
from robot_fleet.floor.faults import Fault
from robot_fleet.planning.plan import CannotPlan, Plan, PlanRequest, Starter

Answers = list["Planned | PlanFailed"]
Open = Callable[[Callable[[PlanRequest], Plan]], tuple[PlanningPool, Answers]]


def request(prefix: str = "") -> PlanRequest:
    store = hall()
    docks = store.floor.docks
    robots = tuple(
        Starter(spec.name, spec.profile, dock.pose, True, dock) for spec, dock in zip(store.robots, docks, strict=True)
    )
    return PlanRequest(store.floor, robots, ("west",), leg_prefix=prefix)


def plan_slowly_unless_told(asked: PlanRequest) -> Plan:
    if asked.leg_prefix == "slow":
        time.sleep(600.0)
    return plan_one_lane_each(asked)


def refuse(asked: PlanRequest) -> Plan:
    raise CannotPlan((Fault("zones", "west", "it is too narrow", "Use a smaller robot."),))


def stumble(asked: PlanRequest) -> Plan:
    raise ZeroDivisionError("a mistake of the planner")


def die_unless_told(asked: PlanRequest) -> Plan:
    if asked.leg_prefix == "die":
        os._exit(9)
    return plan_one_lane_each(asked)


@pytest_asyncio.fixture
async def opened() -> AsyncIterator[Open]:
    pools: list[PlanningPool] = []

    def open_pool(plan: Callable[[PlanRequest], Plan]) -> tuple[PlanningPool, Answers]:
        answers: Answers = []
        pools.append(PlanningPool(answers.append, plan))
        return pools[-1], answers

    yield open_pool
    for pool in pools:
        pool.close()


async def first(answers: Answers) -> Planned | PlanFailed:
    for _ in range(3000):
        if answers:
            return answers[0]
        await asyncio.sleep(0.02)
    raise AssertionError("no answer came")


async def test_a_plan_comes_back_with_its_run_and_epoch(opened: Open) -> None:
    pool, answers = opened(plan_one_lane_each)
    pool.plan("run", 3, request())
    answer = await first(answers)
    assert isinstance(answer, Planned)
    assert (answer.run_id, answer.epoch) == ("run", 3)
    assert {path.robot for path in answer.plan.paths} == {"r1", "r2"}


async def test_no_plan_is_told_with_its_reason(opened: Open) -> None:
    pool, answers = opened(refuse)
    pool.plan("run", 1, request())
    answer = await first(answers)
    assert isinstance(answer, PlanFailed)
    assert answer.reason == "zones: west: it is too narrow. Use a smaller robot."


async def test_a_mistake_of_the_planner_is_told_and_does_no_harm(opened: Open) -> None:
    pool, answers = opened(stumble)
    pool.plan("run", 1, request())
    answer = await first(answers)
    assert isinstance(answer, PlanFailed)
    assert "a mistake of the planner" in answer.reason


async def test_a_newer_request_ends_the_older_one(opened: Open) -> None:
    pool, answers = opened(plan_slowly_unless_told)
    pool.plan("run", 1, request("slow"))
    await asyncio.sleep(0.1)
    pool.plan("run", 2, request())
    answer = await first(answers)
    assert (type(answer), answer.epoch) == (Planned, 2)
    await asyncio.sleep(0.2)
    assert len(answers) == 1


async def test_a_process_that_dies_is_told_and_replaced(opened: Open) -> None:
    pool, answers = opened(die_unless_told)
    pool.plan("run", 1, request("die"))
    answer = await first(answers)
    assert isinstance(answer, PlanFailed)
    assert "died" in answer.reason
    answers.clear()
    pool.plan("run", 2, request())
    assert isinstance(await first(answers), Planned)


async def test_after_the_end_no_answer_comes(opened: Open) -> None:
    pool, answers = opened(plan_slowly_unless_told)
    pool.plan("run", 1, request("slow"))
    began = time.monotonic()
    pool.close()
    assert time.monotonic() - began < 5.0
    await asyncio.sleep(0.2)
    assert answers == []


def test_a_controller_that_is_killed_leaves_no_process_behind(tmp_path: Path) -> None:
    script = textwrap.dedent("""
        import asyncio, os, signal, sys
        from test_control_planning_pool import plan_slowly_unless_told, request
        from robot_fleet.control.planning_pool import PlanningPool

        async def main():
            pool = PlanningPool(print, plan_slowly_unless_told)
            pool.plan("run", 1, request("slow"))
            while not pool._pool._processes:
                await asyncio.sleep(0.02)
            await asyncio.sleep(1.0)
            print(*pool._pool._processes, flush=True)
            os.kill(os.getpid(), signal.SIGKILL)

        if __name__ == "__main__":
            asyncio.run(main())
    """)
    path = tmp_path / "controller.py"
    path.write_text(script)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    command = [sys.executable, str(path)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment, timeout=60)
    workers = [int(number) for number in done.stdout.split()]
    assert workers, done.stderr
    for _ in range(500):
        if not any(_is_alive(worker) for worker in workers):
            return
        time.sleep(0.02)
    raise AssertionError(f"still there: {workers}")


def _is_alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().split(") ")[1][0] != "Z"
    except OSError:
        return False
