"""The Planner port in a process of its own: planning takes seconds of computing, which would delay every answer here."""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path

from robot_fleet.fleet.events import PlanFailed, Planned, PlanProgressed
from robot_fleet.planning.plan import CannotPlan, Plan, PlanRequest, Progress

_log = logging.getLogger(__name__)

PlanFunction = Callable[[PlanRequest, Progress], Plan]
Answer = Callable[["Planned | PlanFailed | PlanProgressed"], None]

# Progress is told in steps of this share.
_TOLD = 0.01


class PlanningPool:
    """Plans one request at a time; a newer request ends the older one's process, for its plan would be dropped.

    Make and use it on the event loop's thread; `answer` is called there with each PlanProgressed, then with Planned or
    PlanFailed. The process is spawned, never forked: ROS and gRPC have threads. One that dies is told as PlanFailed and
    replaced.
    """

    def __init__(self, answer: Answer, plan: PlanFunction | None = None) -> None:
        self._answer = answer
        self._plan = plan or _plan
        self._loop = asyncio.get_running_loop()
        self._running: Future[Plan] | None = None
        self._asked: tuple[str, int] = ("", 0)
        self._pool = self._new_pool()

    def plan(self, run_id: str, epoch: int, request: PlanRequest) -> None:
        """Starts planning; whatever was being planned is given up."""
        if self._running and not self._running.done():
            self._replace_pool()
        try:
            self._running = future = self._pool.submit(_work, self._plan, request)
        except BrokenProcessPool:
            self._replace_pool()
            self._running = future = self._pool.submit(_work, self._plan, request)
        self._asked = run_id, epoch
        future.add_done_callback(lambda done: self._on_loop(run_id, epoch, done))

    def close(self) -> None:
        """Ends the process, also in the middle of a plan."""
        self._running = None
        self._end_pool()

    def _on_loop(self, run_id: str, epoch: int, future: Future[Plan]) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._done, run_id, epoch, future)

    def _done(self, run_id: str, epoch: int, future: Future[Plan]) -> None:
        if future is not self._running:
            return
        # What was told of the plan came before it, by another way.
        self._hear()
        self._running = None
        trouble = future.exception()
        if trouble is None:
            self._answer(Planned(run_id, epoch, future.result()))
            return
        if isinstance(trouble, BrokenProcessPool):
            self._replace_pool()
        self._answer(PlanFailed(run_id, epoch, _reason(trouble)))

    def _hear(self) -> None:
        # Each message is shorter than what a pipe takes as a whole: what has begun to arrive is there.
        while self._ear.poll():
            share, step = self._ear.recv()
            if self._running:
                self._answer(PlanProgressed(*self._asked, share, step))

    def _replace_pool(self) -> None:
        self._end_pool()
        self._pool = self._new_pool()

    def _new_pool(self) -> ProcessPoolExecutor:
        spawn = multiprocessing.get_context("spawn")
        self._ear, self._mouth = spawn.Pipe(duplex=False)
        self._loop.add_reader(self._ear.fileno(), self._hear)
        pool = ProcessPoolExecutor(max_workers=1, mp_context=spawn, initializer=_begin, initargs=(self._mouth,))
        # The first plan should not wait for imports, nor for loops to be compiled.
        pool.submit(_warm_up)
        return pool

    def _end_pool(self) -> None:
        if self._ear.closed:
            return
        self._loop.remove_reader(self._ear.fileno())
        self._ear.close()
        self._mouth.close()
        # shutdown alone would wait for the plan that is being made.
        for process in list((self._pool._processes or {}).values()):
            process.kill()
        self._pool.shutdown(wait=False, cancel_futures=True)


def _reason(trouble: BaseException) -> str:
    if isinstance(trouble, CannotPlan):
        return str(trouble)
    _log.error("planning failed", exc_info=trouble)
    if isinstance(trouble, BrokenProcessPool):
        return "The planning process died, perhaps for want of memory. See the log; start the run again."
    return f"The planner made a mistake: {trouble!r}. See the log; please report it."


_mouth: Connection | None = None


def _begin(mouth: Connection) -> None:
    """In the new process: signals to the whole group are the parent's business, and a parent that died takes this process along."""
    global _mouth
    _mouth = mouth
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    _go_first()
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _go_first() -> None:
    """Where memory runs out, this process is to be ended before any other, the controller's above all."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)


def _warm_up() -> None:
    from robot_fleet.planning.rehearsal import rehearse

    rehearse()


def _work(plan: PlanFunction, request: PlanRequest) -> Plan:
    """In the planning process: plans and tells how far it is."""
    told: tuple[float, str] = (-1.0, "")

    def tell(share: float, step: str) -> None:
        nonlocal told
        if _mouth and (step != told[1] or share >= told[0] + _TOLD):
            told = (share, step)
            _mouth.send(told)

    return plan(request, tell)


def _plan(request: PlanRequest, tell: Progress) -> Plan:
    from robot_fleet.planning.planner import plan

    made: Plan = plan(request, tell)
    return made
