"""`robot-fleet demo`: controller and simulated robots as real processes, a run through the API, and a report."""

from __future__ import annotations

import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from robot_fleet.cli.exits import CommandFailed, Exit
from robot_fleet.cli.options import AsJson, PlanWithin, RobotCount

if TYPE_CHECKING:
    from robot_fleet.cli.demo_children import Children
    from robot_fleet.cli.demo_report import DemoReport
    from robot_fleet.client import FleetClient
    from robot_fleet.control.snapshot import RunView
    from robot_fleet.floor.store import Store

STORE, ROBOTS, SPEED, PLAN_WITHIN_S = "supermarket", 3, 40.0, 20.0
# Gazebo's physics takes its time: a small store, not faster than real, and patience.
GAZEBO_STORE, GAZEBO_ROBOTS, GAZEBO_SPEED = "corner_shop", 2, 1.0
LIMIT_S, GAZEBO_LIMIT_S = 1800.0, 4 * 3600.0
_STARTING_S = 120.0


def demo(
    store: Annotated[
        Path | None,
        typer.Option("--store", metavar="DIR", help="A store folder; map.yaml and its image are enough."),
    ] = None,
    robots: RobotCount = None,
    speed: Annotated[
        float | None,
        typer.Option(
            metavar="X",
            min=0.5,
            max=200.0,
            help=f"How fast the store's clock runs, at most; without it {SPEED:g}, in Gazebo {GAZEBO_SPEED:g}.",
        ),
    ] = None,
    gazebo: Annotated[
        bool, typer.Option("--gazebo", help="Robots with wheels in a Gazebo world: one that runs, or one started here.")
    ] = False,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where the pictures and the report go.")] = Path(
        "demo-report"
    ),
    plan_within: PlanWithin = PLAN_WITHIN_S,
    limit: Annotated[
        float | None,
        typer.Option(
            metavar="S",
            min=1.0,
            help=f"Give up after so many real seconds; without it {LIMIT_S:g}, in Gazebo {GAZEBO_LIMIT_S:g}.",
        ),
    ] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep the logs and the database of the demo's processes.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Clean a store with simulated robots, and report what came of it.

    Nothing else must run: a controller and a simulator are started, the robots
    clean the whole store on a fast clock, and both are ended. The report says
    what is clean, as credited and in truth, what is not and why, and what each
    robot did. Without --store three robots clean a supermarket, in Gazebo two a
    corner shop.

    Ends with 0 when at least 97 % of the floor that robots can reach is truly
    clean and nothing was hit.
    """
    from robot_fleet.main.stores import load

    folder = store or _own_store(GAZEBO_STORE if gazebo else STORE)
    loaded = load(folder, robots or (None if store else GAZEBO_ROBOTS if gazebo else ROBOTS))
    speed = speed or (GAZEBO_SPEED if gazebo else SPEED)
    limit = limit or (GAZEBO_LIMIT_S if gazebo else LIMIT_S)
    _make(out)
    with _workplace(keep) as place, interrupts() as heed:
        report = _run(_Demo(folder.resolve(), loaded, speed, plan_within, limit, place, as_json, gazebo), heed, out)
    report.show(as_json)
    if not report.good:
        raise typer.Exit(Exit.FAILED)


class _Demo:
    """What was asked for, and where the processes of this demo leave their files."""

    def __init__(
        self, folder: Path, store: Store, speed: float, plan_within_s: float | None, limit_s: float, place: Path,
        quiet: bool, gazebo: bool = False,
    ) -> None:  # fmt: skip
        self.folder, self.store, self.speed, self.limit_s = folder, store, speed, limit_s
        self.plan_within_s = plan_within_s
        self.place, self.quiet, self.gazebo = place, quiet, gazebo
        self.begun_at = time.monotonic()

    @property
    def truth(self) -> Path:
        """The simulator's report."""
        return self.place / "truth.json"

    @property
    def seconds(self) -> float:
        """Real seconds since the demo began."""
        return time.monotonic() - self.begun_at


def _run(asked: _Demo, heed: Callable[[], None], out: Path) -> DemoReport:
    """Starts the processes, lets them clean, ends them, and gathers what came of it; `heed` raises if it is to end."""
    from robot_fleet.cli.demo_children import Children, free_port
    from robot_fleet.cli.demo_report import gathered
    from robot_fleet.client import FleetClient

    children, address = Children(asked.place), f"127.0.0.1:{free_port()}"

    def check() -> None:
        heed()
        children.check()

    try:
        if asked.gazebo:
            from robot_fleet.cli.demo_gazebo import join_gazebo

            join_gazebo(asked.store, asked.speed, asked.place, children, check)
        _start_processes(asked, children, address)
        with FleetClient(address) as fleet:
            _wait_until_ready(check, fleet)
            run = _clean(asked, check, fleet)
            record, robots = fleet.record(run.run_id), fleet.robots()
    finally:
        children.stop()
    return gathered(asked.store, run, robots, record, asked.truth, out, asked.seconds)


def _start_processes(asked: _Demo, children: Children, address: str) -> None:
    count = ["--robots", str(len(asked.store.robots))]
    store = ["--store", str(asked.folder), *count]
    pace = ["--gazebo"] if asked.gazebo else ["--speed", str(asked.speed)]
    children.start("simulator", ["sim", *store, *pace, "--report", str(asked.truth)])
    more = ["--data", str(asked.place / "data")]
    if asked.plan_within_s is not None:
        more += ["--plan-within", str(asked.plan_within_s)]
    children.start("controller", ["serve", *store, "--address", address, "--sim-time", *more])


def _wait_until_ready(check: Callable[[], None], fleet: FleetClient) -> None:
    """Returns when the controller answers and every robot takes orders."""
    from robot_fleet.client import Unreachable

    deadline = time.monotonic() + _STARTING_S
    while True:
        check()
        with suppress(Unreachable):
            fleet.wait_until_ready(1.0)
            # A robot's detail says what is still in the way of its first order.
            if not any(robot.state.value == "OFFLINE" or robot.detail for robot in fleet.robots()):
                return
        if time.monotonic() > deadline:
            remedy = "Is the machine very busy? Try again, with --keep to keep the logs."
            raise CommandFailed(Exit.FAILED, f"controller and robots were not ready after {_STARTING_S:g} s", remedy)
        time.sleep(0.1)


def _clean(asked: _Demo, check: Callable[[], None], fleet: FleetClient) -> RunView:
    """Starts the run and follows it to its end; Ctrl-C or a trouble stops it first."""
    from robot_fleet.cli.demo_progress import follow
    from robot_fleet.client import ClientError

    run = fleet.start(request_id="demo")
    try:
        return follow(fleet, run.run_id, check, asked.limit_s, asked.quiet)
    except ClientError:
        check()
        raise
    except BaseException:
        with suppress(ClientError):
            fleet.stop(run.run_id, 5.0)
        raise


@contextmanager
def _workplace(keep: bool) -> Iterator[Path]:
    """A folder for the processes' files; removed at the end unless it is to be kept or something went wrong."""
    place = Path(tempfile.mkdtemp(prefix="robot-fleet-demo-"))
    try:
        yield place
    except CommandFailed:
        keep = True
        raise
    finally:
        if keep:
            print(f"Logs and database: {place}", file=sys.stderr)
        else:
            shutil.rmtree(place, ignore_errors=True)


@contextmanager
def interrupts() -> Iterator[Callable[[], None]]:
    """SIGTERM ends the demo as Ctrl-C does: the run is stopped and no process is left behind.

    Where an interrupt is raised in the middle of a library's own work it may get lost: the function yielded raises it again.
    """
    heard: list[int] = []

    def interrupt(number: int, frame: FrameType | None) -> None:
        heard.append(number)
        raise KeyboardInterrupt

    def heed() -> None:
        if heard:
            raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield heed
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _own_store(name: str) -> Path:
    from robot_fleet.main.bundled import bundled_store

    folder = bundled_store(name)
    if folder is None:
        raise CommandFailed(Exit.USAGE, f"this installation has no {name}", "Name a store folder with --store DIR.")
    return folder


def _make(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        what = f"{out} cannot be made: {fault.strerror}"
        raise CommandFailed(Exit.USAGE, what, "Name another folder for the report with --out DIR.") from None
