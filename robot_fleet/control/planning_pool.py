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

from robot_fleet.fleet.events import PlanFailed, Planned
from robot_fleet.planning.plan import CannotPlan, Plan, PlanRequest

_log = logging.getLogger(__name__)

PlanFunction = Callable[[PlanRequest], Plan]
Answer = Callable[["Planned | PlanFailed"], None]


class PlanningPool:
    """Plans one request at a time; a newer request ends the older one's process, for its plan would be dropped.

    Make and use it on the event loop's thread; `answer` is called there with each Planned or PlanFailed. The process is
    spawned, never forked: ROS and gRPC have threads. A process that dies is told as PlanFailed and replaced.
    """

    def __init__(self, answer: Answer, plan: PlanFunction | None = None) -> None:
        self._answer = answer
        self._plan = plan or _plan
        self._loop = asyncio.get_running_loop()
        self._running: Future[Plan] | None = None
        self._pool = self._new_pool()

    def plan(self, run_id: str, epoch: int, request: PlanRequest) -> None:
        """Starts planning; whatever was being planned is given up."""
        if self._running and not self._running.done():
            self._replace_pool()
        try:
            self._running = future = self._pool.submit(self._plan, request)
        except BrokenProcessPool:
            self._replace_pool()
            self._running = future = self._pool.submit(self._plan, request)
        future.add_done_callback(lambda done: self._on_loop(run_id, epoch, done))

    def close(self) -> None:
        """Ends the process, also in the middle of a plan."""
        self._running = None
        _end(self._pool)

    def _on_loop(self, run_id: str, epoch: int, future: Future[Plan]) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._done, run_id, epoch, future)

    def _done(self, run_id: str, epoch: int, future: Future[Plan]) -> None:
        if future is not self._running:
            return
        self._running = None
        trouble = future.exception()
        if trouble is None:
            self._answer(Planned(run_id, epoch, future.result()))
            return
        if isinstance(trouble, BrokenProcessPool):
            self._replace_pool()
        self._answer(PlanFailed(run_id, epoch, _reason(trouble)))

    def _replace_pool(self) -> None:
        _end(self._pool)
        self._pool = self._new_pool()

    def _new_pool(self) -> ProcessPoolExecutor:
        spawn = multiprocessing.get_context("spawn")
        pool = ProcessPoolExecutor(max_workers=1, mp_context=spawn, initializer=_begin)
        # The first plan should not wait for imports, nor for loops to be compiled.
        pool.submit(_warm_up)
        return pool


def _reason(trouble: BaseException) -> str:
    if isinstance(trouble, CannotPlan):
        return str(trouble)
    _log.error("planning failed", exc_info=trouble)
    if isinstance(trouble, BrokenProcessPool):
        return "The planning process died, perhaps for want of memory. See the log; start the run again."
    return f"The planner made a mistake: {trouble!r}. See the log; please report it."


def _end(pool: ProcessPoolExecutor) -> None:
    # shutdown alone would wait for the plan that is being made.
    for process in list((pool._processes or {}).values()):
        process.kill()
    pool.shutdown(wait=False, cancel_futures=True)


def _begin() -> None:
    """In the new process: Ctrl-C is the parent's business, and a parent that died takes this process along."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)


def _warm_up() -> None:
    from robot_fleet.planning.rehearsal import rehearse

    rehearse()


def _plan(request: PlanRequest) -> Plan:
    from robot_fleet.planning.planner import plan

    made: Plan = plan(request)
    return made
