"""Planning for the command line: in a process of its own with a progress bar, so that Ctrl-C ends it at once."""

from __future__ import annotations

import multiprocessing
import signal
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import TYPE_CHECKING, Any

import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from robot_fleet.cli.exits import CommandFailed, Exit, complain_of_faults
from robot_fleet.cli.screen import stderr

if TYPE_CHECKING:
    from robot_fleet.planning.plan import Plan, PlanRequest


def plan_with_progress(request: PlanRequest) -> Plan:
    """The plan. CommandFailed with every fault when there is none; KeyboardInterrupt ends the planning process."""
    spawn = multiprocessing.get_context("spawn")
    here, there = spawn.Pipe(duplex=False)
    worker = spawn.Process(target=_work, args=(there, request), daemon=True)
    try:
        _start_deaf(worker)
        there.close()
        return _wait(here)
    finally:
        if worker.pid is not None:
            worker.kill()
            worker.join()


def _start_deaf(worker: SpawnProcess) -> None:
    """Starts it with Ctrl-C blocked from its first moment on: the terminal sends it to both, and the parent ends the child.

    Starting takes a second on large floors; a Ctrl-C that comes meanwhile counts when it is done.
    """
    heard: list[int] = []
    resource_tracker.ensure_running()  # at its own start it would let signals through
    before = signal.signal(signal.SIGINT, lambda number, _frame: heard.append(number))
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        worker.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        signal.signal(signal.SIGINT, before)
    if heard:
        raise KeyboardInterrupt


def _wait(connection: Connection) -> Plan:
    columns = (TextColumn("{task.description:<28}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=stderr(), transient=True) as bar:
        shown = bar.add_task("starting", total=1.0)
        while True:
            kind, *values = _next(connection)
            if kind == "progress":
                bar.update(shown, completed=values[0], description=values[1])
            elif kind == "plan":
                plan: Plan = values[0]
                return plan
            else:
                break
    complain_of_faults(values[0], "there is no plan")
    raise typer.Exit(Exit.FAILED)


def _next(connection: Connection) -> tuple[Any, ...]:
    try:
        message: tuple[Any, ...] = connection.recv()
        return message
    except EOFError:
        remedy = "Was it short of memory? What it said stands above."
        raise CommandFailed(Exit.BUG, "the planning process died", remedy) from None


def _work(connection: Connection, request: PlanRequest) -> None:
    """In the new process: plans and tells how far it is."""
    from robot_fleet.planning.plan import CannotPlan
    from robot_fleet.planning.planner import plan

    try:
        try:
            connection.send(("plan", plan(request, lambda share, step: connection.send(("progress", share, step)))))
        except CannotPlan as reason:
            connection.send(("faults", reason.faults))
    except BrokenPipeError:
        return  # the parent was ended, and nobody waits for a plan
