"""How quickly a stop reaches every robot: `StopCleaningRun` over gRPC, with many robots driving, again and again.

    .venv/bin/python benchmarks/stops.py                          100 stops of 20 robots in the supermarket
    .venv/bin/python benchmarks/stops.py --stops 10 --robots 8

For each stop: the time from the client's call until the last robot that had an order got its cancel, as the robots (simulated, in a
process of their own, over DDS) noted it on the machine's steady clock; and the time until the answer, which waits for all to rest.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from robot_fleet.cli.demo_children import Children, free_port
from robot_fleet.client import FleetClient
from robot_fleet.fleet.states import RobotState, RunState

ROOT = Path(__file__).resolve().parent.parent
READY_S, LATE_S = 600.0, 2.0
DRIVING = (RobotState.MOVING, RobotState.CLEANING, RobotState.UNDOCKING)


@dataclass(frozen=True)
class Stop:
    """One stop: milliseconds until the last cancel and until the answer; how many robots drove; who was named as unconfirmed."""

    cancels_ms: float
    answer_ms: float
    driving: int
    unconfirmed: tuple[str, ...]


class Robots:
    """The times at which simulated robots got cancels, as their process writes them down."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def since(self, at_s: float) -> dict[str, float]:
        """When each robot first got a cancel after a time; seconds of the steady clock."""
        found: dict[str, float] = {}
        for line in self._file.read_text().splitlines():
            robot, _, text = line.partition(" ")
            if float(text) >= at_s:
                found.setdefault(robot, float(text))
        return found


def simulate_noting_cancels(store: str, robots: int, file: str) -> None:
    """The process of the simulated robots, which also writes down when cancels come."""
    from rclpy.action import CancelResponse

    from robot_fleet.main.simulator_process import SimSettings, simulate
    from robot_fleet.sim.ros_face.face import RobotFace

    plain = RobotFace._cancel
    with Path(file).open("a", buffering=1) as noted:

        def cancel(face: RobotFace, handle: object) -> CancelResponse:
            noted.write(f"{face.robot.name} {time.monotonic()}\n")
            return plain(face, handle)  # type: ignore[arg-type]

        RobotFace._cancel = cancel  # type: ignore[method-assign, assignment]
        simulate(SimSettings(Path(store), 1.0, robots, "", False, False, 0, None))


@contextmanager
def live(store: Path, robots: int) -> Iterator[tuple[FleetClient, Robots]]:
    """A controller and its robots, ready."""
    with TemporaryDirectory() as folder:
        children, noted = Children(Path(folder)), Path(folder) / "cancels"
        noted.touch()
        address = f"127.0.0.1:{free_port()}"
        serve = ["serve", "--store", str(store), "--robots", str(robots), "--sim-time", "--address", address]
        try:
            children.run("robots", [sys.executable, __file__, "--simulate", str(store), str(robots), str(noted)])
            children.start("controller", [*serve, "--data", f"{folder}/data", "--plan-within", "0.5"])
            with FleetClient(address, timeout_s=60.0) as client:
                client.wait_until_ready(READY_S)
                _until_all(client, lambda robot: robot.state is RobotState.CHARGING and not robot.detail)
                yield client, Robots(noted)
                children.check()
        finally:
            children.stop()


def stopped(client: FleetClient, robots: Robots, zones: list[str], driving: int) -> Stop:
    """Starts a run, stops it when so many robots drive, and tells how long that took."""
    run_id = client.start(zones=zones).run_id
    _until_driving(client, run_id, driving)
    time.sleep(random.uniform(0.0, 2.0))
    moving = {robot.name for robot in client.robots() if robot.state in DRIVING and robot.leg_id}
    called_s = time.monotonic()
    run = client.stop(run_id)
    answered_s = time.monotonic()
    deadline = answered_s + LATE_S
    while not moving <= robots.since(called_s).keys() and time.monotonic() < deadline:
        time.sleep(0.05)
    got = robots.since(called_s)
    # One that ended its order in the very moment of the stop gets no cancel.
    last_s = max((got[name] for name in moving if name in got), default=called_s)
    if run.state is not RunState.CANCELLED:
        why = [
            f"{robot.name} {robot.state.value} {robot.detail}"
            for robot in client.robots()
            if robot.name in run.unconfirmed
        ]
        print(
            f"not confirmed: {'; '.join(why) or run.state.value}; got a cancel: {sorted(set(run.unconfirmed) & got.keys())}",
            flush=True,
        )
        _until_ended(client, run_id)
    return Stop(1000.0 * (last_s - called_s), 1000.0 * (answered_s - called_s), len(moving), run.unconfirmed)


def _until_driving(client: FleetClient, run_id: str, wanted: int) -> None:
    deadline = time.monotonic() + READY_S
    while sum(robot.state in DRIVING and bool(robot.leg_id) for robot in client.robots()) < wanted:
        run = client.get(run_id)
        if run.state.is_terminal or time.monotonic() > deadline:
            raise SystemExit(f"stops: {wanted} robots never drove: {run.state.value} {run.reason}")
        time.sleep(0.1)


def _until_ended(client: FleetClient, run_id: str) -> None:
    deadline = time.monotonic() + READY_S
    while not client.get(run_id).state.is_terminal:
        if time.monotonic() > deadline:
            raise SystemExit("stops: the stopped run never ended")
        time.sleep(0.1)


def _until_all(client: FleetClient, holds: object) -> None:
    deadline = time.monotonic() + READY_S
    while not all(map(holds, client.robots())):  # type: ignore[arg-type]
        if time.monotonic() > deadline:
            raise SystemExit("stops: the robots did not become ready")
        time.sleep(0.2)


def main() -> None:
    """Stops again and again, and prints what it took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", type=Path, default=ROOT / "maps" / "supermarket")
    parser.add_argument("--robots", type=int, default=20)
    parser.add_argument("--driving", type=int, help="stop when so many drive (default: half of them)")
    parser.add_argument("--zones", nargs="*", default=[], help="zones to clean (default: all)")
    parser.add_argument("--stops", type=int, default=100)
    parser.add_argument("--simulate", nargs=3, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.simulate:
        simulate_noting_cancels(asked.simulate[0], int(asked.simulate[1]), asked.simulate[2])
        return
    found: list[Stop] = []
    with live(asked.store, asked.robots) as (client, robots):
        for number in range(1, asked.stops + 1):
            stop = stopped(client, robots, asked.zones, asked.driving or asked.robots // 2)
            found.append(stop)
            names = f"  not confirmed: {', '.join(stop.unconfirmed)}" if stop.unconfirmed else ""
            print(
                f"{number:4}  {stop.driving:2} driving  cancels {stop.cancels_ms:6.1f} ms  answer {stop.answer_ms:7.1f} ms{names}",
                flush=True,
            )
    for what, values in (
        ("last cancel", [stop.cancels_ms for stop in found]),
        ("answer", [s.answer_ms for s in found]),
    ):
        p50, p99 = np.percentile(values, (50, 99))
        print(f"{what}: p50 {p50:.1f} ms, p99 {p99:.1f} ms, worst {max(values):.1f} ms of {len(values)} stops")


if __name__ == "__main__":
    main()
