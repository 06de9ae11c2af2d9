"""Planning in a process of its own: answers come on the loop, a newer request wins, a dead process is replaced."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest_asyncio
from api_site import hall, plan_one_lane_each

from robot_fleet.control.planning_pool import PlanningPool
from robot_fleet.fleet.events import PlanFailed, Planned, PlanProgressed
from robot_fleet.floor.faults import Fault
from robot_fleet.planning.plan import CannotPlan, Plan, PlanRequest, Progress, Starter

Answers = list["Planned | PlanFailed | PlanProgressed"]
Open = Callable[[Callable[[PlanRequest, Progress], Plan]], tuple[PlanningPool, Answers]]


def request(prefix: str = "") -> PlanRequest:
    store = hall()
    docks = store.floor.docks
    robots = tuple(
        Starter(spec.name, spec.profile, dock.pose, True, dock) for spec, dock in zip(store.robots, docks, strict=True)
    )
    return PlanRequest(store.floor, robots, ("west",), leg_prefix=prefix)


def plan_at_once(asked: PlanRequest, tell: Progress) -> Plan:
    return plan_one_lane_each(asked)


def plan_step_by_step(asked: PlanRequest, tell: Progress) -> Plan:
    for k in range(10_001):
        tell(k / 10_000, "one" if k < 5_000 else "another")
    return plan_one_lane_each(asked)


def plan_slowly_unless_told(asked: PlanRequest, tell: Progress) -> Plan:
    if asked.leg_prefix == "slow":
        time.sleep(600.0)
    return plan_one_lane_each(asked)


def refuse(asked: PlanRequest, tell: Progress) -> Plan:
    raise CannotPlan((Fault("zones", "west", "it is too narrow", "Use a smaller robot."),))


def stumble(asked: PlanRequest, tell: Progress) -> Plan:
    raise ZeroDivisionError("a mistake of the planner")


def die_unless_told(asked: PlanRequest, tell: Progress) -> Plan:
    if asked.leg_prefix == "die":
        os._exit(9)
    return plan_one_lane_each(asked)


def how_soon_it_is_ended() -> int:
    return int(Path("/proc/self/oom_score_adj").read_text())


def say_how_soon_it_is_ended(asked: PlanRequest, tell: Progress) -> Plan:
    raise CannotPlan((Fault("memory", str(how_soon_it_is_ended()), "as said", "Nothing."),))


def tell_who_plans(asked: PlanRequest, tell: Progress) -> Plan:
    tell(0.1, str(os.getpid()))
    time.sleep(1.0)
    return plan_one_lane_each(asked)


@pytest_asyncio.fixture
async def opened() -> AsyncIterator[Open]:
    pools: list[PlanningPool] = []

    def open_pool(plan: Callable[[PlanRequest, Progress], Plan]) -> tuple[PlanningPool, Answers]:
        answers: Answers = []
        pools.append(PlanningPool(answers.append, plan))
        return pools[-1], answers

    yield open_pool
    for pool in pools:
        pool.close()


async def first(answers: Answers) -> Planned | PlanFailed:
    for _ in range(3000):
        if answers and not isinstance(answers[-1], PlanProgressed):
            return answers[-1]
        await asyncio.sleep(0.02)
    raise AssertionError("no answer came")


async def test_a_plan_comes_back_with_its_run_and_epoch(opened: Open) -> None:
    pool, answers = opened(plan_at_once)
    pool.plan("run", 3, request())
    answer = await first(answers)
    assert isinstance(answer, Planned)
    assert (answer.run_id, answer.epoch) == ("run", 3)
    assert {path.robot for path in answer.plan.paths} == {"r1", "r2"}


async def test_how_far_a_plan_is_comes_before_it_and_in_no_more_than_a_hundred_parts(opened: Open) -> None:
    pool, answers = opened(plan_step_by_step)
    pool.plan("run", 3, request())
    assert isinstance(await first(answers), Planned)
    told = [answer for answer in answers[:-1] if isinstance(answer, PlanProgressed)]
    assert [answer for answer in answers[:-1] if answer not in told] == []
    assert {(answer.run_id, answer.epoch) for answer in told} == {("run", 3)}
    assert [answer.share for answer in told] == sorted(answer.share for answer in told)
    assert {answer.step for answer in told} == {"one", "another"}
    assert 90 <= len(told) <= 102 and told[-1].share > 0.98


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


async def test_a_signal_to_the_whole_group_leaves_the_process_at_its_plan(opened: Open) -> None:
    pool, answers = opened(tell_who_plans)
    pool.plan("run", 1, request())
    for _ in range(1500):
        if answers:
            break
        await asyncio.sleep(0.02)
    assert isinstance(answers[0], PlanProgressed)
    for number in (signal.SIGTERM, signal.SIGINT):
        os.kill(int(answers[0].step), number)
    assert isinstance(await first(answers), Planned)


async def test_where_memory_runs_out_the_planning_process_is_ended_first(opened: Open) -> None:
    pool, answers = opened(say_how_soon_it_is_ended)
    pool.plan("run", 1, request())
    answer = await first(answers)
    assert isinstance(answer, PlanFailed) and "memory: 1000:" in answer.reason
    assert how_soon_it_is_ended() < 1000


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
