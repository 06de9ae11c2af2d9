"""How the live controller bears a large fleet: its CPU time, its memory and how quickly it answers, at 10 Hz a robot.

    .venv/bin/python benchmarks/load.py                        50 robots in the supercenter: three minutes
    .venv/bin/python benchmarks/load.py --robots 20 --soak 60  an hour of cleaning with watchers: is anything growing?

Robots are simulated in a process of their own, at the speed of real time; controller and robots speak over DDS, and calls come over
gRPC. Calls come twenty a second; one that had to wait for the one before counts from when it was due. Of the watchers one in ten is
slow: it takes a message every five seconds. The simulation waits for a controller that is late: "clock" is how fast its time ran
beside ours. A soak ends with 1 when memory grew by more than 5 %. See docs/benchmarks.md for what was measured.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from robot_fleet.cli.demo_children import Children, free_port
from robot_fleet.client import FleetClient
from robot_fleet.fleet.states import RobotState, RunState

ROOT = Path(__file__).resolve().parent.parent
READY_S, CALL_EVERY_S, SLOW_S, MOST_GROWN = 600.0, 0.05, 5.0, 5.0
HEADINGS = (
    "phase",
    "seconds",
    "clock",
    "CPU %",
    "memory MB",
    "calls",
    "p50 ms",
    "p99 ms",
    "worst ms",
    "tick late p99 ms <=",
)
STANDING = (RobotState.CHARGING, RobotState.IDLE, RobotState.OFFLINE)


@dataclass(frozen=True)
class Row:
    """One phase: the store's seconds in one of ours (None where no run tells them), the controller's CPU time in % of a core, its
    memory at the end, the times of calls, the ticks' lateness.
    """

    phase: str
    seconds: float
    clock: float | None
    cpu: float
    memory_mb: float
    calls: int
    p50_ms: float
    p99_ms: float
    worst_ms: float
    tick_late_ms: float

    def __str__(self) -> str:
        clock = "-" if self.clock is None else f"{self.clock:.2f}"
        figures = f"{self.seconds:7.0f}  {clock:>5}  {self.cpu:6.1f}  {self.memory_mb:9.1f}  {self.calls:5}"
        times = f"{self.p50_ms:6.1f}  {self.p99_ms:6.1f}  {self.worst_ms:8.1f}  {self.tick_late_ms:19.1f}"
        return f"{self.phase:24}  {figures}  {times}"


class Page:
    """The controller's /metrics."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}/metrics"

    def read(self) -> dict[str, float]:
        """The samples by name and labels as written."""
        with urllib.request.urlopen(self._url, timeout=60) as answer:
            lines = answer.read().decode().splitlines()
        split = (line.rpartition(" ") for line in lines if line and not line.startswith("#"))
        return {name: float(value) for name, _, value in split}


class Caller(threading.Thread):
    """Asks for the robots and for the run in turn, and keeps how long each answer took, in ms."""

    def __init__(self, address: str, run_id: str = "") -> None:
        super().__init__(daemon=True)
        self._client, self._run_id = FleetClient(address, timeout_s=60.0), run_id
        self._ended = threading.Event()
        self.took_ms: list[float] = []

    def run(self) -> None:
        """Until it is told to end."""
        calls: list[Callable[[], object]] = [self._client.robots]
        if self._run_id:
            calls.append(lambda: self._client.get(self._run_id))
        due_s = time.perf_counter()
        while not self._ended.wait(max(0.0, due_s - time.perf_counter())):
            calls[len(self.took_ms) % len(calls)]()
            self.took_ms.append(1000.0 * (time.perf_counter() - due_s))
            due_s += CALL_EVERY_S

    def end(self) -> list[float]:
        """The times of all calls."""
        self._ended.set()
        self.join()
        self._client.close()
        return self.took_ms


@dataclass(frozen=True)
class Live:
    """A live fleet: where it answers, and its figures."""

    address: str
    page: Page
    client: FleetClient

    def measure(self, phase: str, seconds: float, run_id: str = "") -> Row:
        """What the controller does in the next so many seconds, with calls beside it."""
        caller = Caller(self.address, run_id)
        before, cleaned_s, began_s = self.page.read(), self._cleaned_s(run_id), time.monotonic()
        caller.start()
        time.sleep(seconds)
        took_ms = np.array(caller.end())
        passed_s, after = time.monotonic() - began_s, self.page.read()
        clock = (self._cleaned_s(run_id) - cleaned_s) / passed_s if run_id else None
        cpu = 100.0 * (after["process_cpu_seconds_total"] - before["process_cpu_seconds_total"]) / passed_s
        p50, p99 = np.percentile(took_ms, (50, 99))
        memory_mb = after["process_resident_memory_bytes"] / 1e6
        return Row(
            phase, passed_s, clock, cpu, memory_mb, len(took_ms), p50, p99, took_ms.max(), _late_ms(before, after)
        )

    def _cleaned_s(self, run_id: str) -> float:
        """How long the run has been going, by the store's clock."""
        return self.client.get(run_id).elapsed_s if run_id else 0.0

    def slow_events(self) -> str:
        """How many events took the controller longer than a tenth of a second, by their kind, of how many."""
        samples = self.page.read()
        prefix, quick = "robot_fleet_event_seconds_count", "robot_fleet_event_seconds_bucket"
        found = []
        for name, count in samples.items():
            kind = name.removeprefix(f'{prefix}{{event="').removesuffix('"}')
            if name.startswith(prefix):
                slow = count - samples[f'{quick}{{event="{kind}",le="0.1"}}']
                found += [f"{kind} {slow:.0f} of {count:.0f}"] if slow else []
        return ", ".join(found) or "none"

    def until_ready(self) -> None:
        """Returns when all robots are on their docks and take orders."""
        deadline = time.monotonic() + READY_S
        while not all(robot.state is RobotState.CHARGING and not robot.detail for robot in self.client.robots()):
            if time.monotonic() > deadline:
                raise SystemExit("load: the robots did not become ready")
            time.sleep(0.5)

    def seconds_to_first_goal(self, run_id: str) -> float:
        """How long until the first robot has its first order."""
        began_s = time.monotonic()
        while all(robot.state in STANDING for robot in self.client.robots()):
            if self.client.get(run_id).state.is_terminal:
                raise SystemExit("load: the run ended before a robot moved")
            time.sleep(0.05)
        return time.monotonic() - began_s


def _late_ms(before: dict[str, float], after: dict[str, float]) -> float:
    """An upper bound of how late 99 of 100 ticks were, from the histogram's buckets."""
    prefix = 'robot_fleet_tick_late_seconds_bucket{le="'
    counts = {
        float(name[len(prefix) : -2]): count - before.get(name, 0.0)
        for name, count in after.items()
        if name.startswith(prefix)
    }
    total = counts[float("inf")]
    return 1000.0 * min(bound for bound, count in counts.items() if count >= 0.99 * total)


@contextmanager
def live(store: Path, robots: int) -> Iterator[Live]:
    """A controller and its simulated robots, on a port and a ROS domain of their own."""
    with TemporaryDirectory() as folder:
        children = Children(Path(folder))
        address, page = f"127.0.0.1:{free_port()}", free_port()
        common = ["--store", str(store), "--robots", str(robots)]
        try:
            children.start("simulator", ["sim", *common, "--speed", "1"])
            serve = ["serve", *common, "--sim-time", "--address", address, "--data", f"{folder}/data"]
            children.start("controller", [*serve, "--metrics", f"127.0.0.1:{page}", "--plan-within", "10"])
            with FleetClient(address, timeout_s=60.0) as client:
                client.wait_until_ready(READY_S)
                found = Live(address, Page(page), client)
                found.until_ready()
                yield found
                children.check()
        finally:
            children.stop()


@contextmanager
def watchers(address: str, run_id: str, number: int) -> Iterator[None]:
    """So many watchers in a process of their own, half of them of the run, half of the robots."""
    command = [sys.executable, __file__, "--watch", address, run_id, str(number)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE)
    try:
        time.sleep(5.0)
        if process.poll() is not None:
            raise SystemExit("load: the watchers ended at once")
        yield
        if process.poll() is not None:
            raise SystemExit("load: the watchers ended before their time")
    finally:
        process.kill()
        process.wait()


async def watch(address: str, run_id: str, number: int) -> None:
    """Watches until this process is killed or a watch fails."""
    import grpc

    from robot_fleet.api.v1 import fleet_service_pb2 as pb
    from robot_fleet.api.v1.fleet_service_pb2_grpc import FleetServiceStub

    async def one(index: int) -> None:
        async with grpc.aio.insecure_channel(address, [("grpc.use_local_subchannel_pool", 1)]) as channel:
            stub = FleetServiceStub(channel)
            if index % 2:
                messages = stub.WatchRobots(pb.WatchRobotsRequest())
            else:
                messages = stub.WatchCleaningRun(pb.WatchCleaningRunRequest(run_id=run_id))
            async for _ in messages:
                # One in ten, of those who watch robots as of those who watch the run.
                if index % 20 in (0, 11):
                    await asyncio.sleep(SLOW_S)

    await asyncio.gather(*map(one, range(number)))


def burden(fleet: Live, asked: argparse.Namespace) -> Iterator[Row]:
    """The phases of a short look."""
    yield fleet.measure("on their docks", asked.seconds)
    run_id = fleet.client.start().run_id
    to_goal_s = fleet.seconds_to_first_goal(run_id)
    print(f"from StartCleaningRun to the first order: {to_goal_s:.1f} s (planning included)", flush=True)
    yield fleet.measure("cleaning", asked.seconds, run_id)
    with watchers(fleet.address, run_id, asked.watchers):
        yield fleet.measure(f"cleaning, {asked.watchers} watchers", asked.seconds, run_id)


def soak(fleet: Live, asked: argparse.Namespace) -> Iterator[Row]:
    """Minute by minute, for so many minutes of runs, one after the other."""
    ends_s, minute = time.monotonic() + 60.0 * asked.soak, 0
    while time.monotonic() < ends_s:
        fleet.until_ready()
        run_id = fleet.client.start().run_id
        fleet.seconds_to_first_goal(run_id)
        with watchers(fleet.address, run_id, asked.watchers):
            while time.monotonic() < ends_s and fleet.client.get(run_id).state is RunState.RUNNING:
                minute += 1
                yield fleet.measure(f"minute {minute}", 60.0, run_id)


def drift(rows: list[Row]) -> tuple[str, float]:
    """How memory and times of the last quarter stand to those of the second one (the first warms up); how much memory grew, %."""
    quarter = len(rows) // 4
    early, late = rows[quarter : 2 * quarter], rows[-quarter:]

    def change(figure: Callable[[Row], float]) -> float:
        before, after = (float(np.median([figure(row) for row in part])) for part in (early, late))
        return 100.0 * (after / before - 1.0)

    memory, p50, p99 = change(lambda r: r.memory_mb), change(lambda r: r.p50_ms), change(lambda r: r.p99_ms)
    return f"last quarter to second quarter: memory {memory:+.1f} %, p50 {p50:+.1f} %, p99 {p99:+.1f} %", memory


def main() -> int:
    """Measures and prints; 1 when a soak's memory grew."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", type=Path, default=ROOT / "maps" / "supercenter")
    parser.add_argument("--robots", type=int, default=50)
    parser.add_argument("--watchers", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=40.0, help="length of each phase")
    parser.add_argument("--soak", type=float, metavar="MINUTES", help="clean for so long, minute by minute")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows as JSON, too")
    parser.add_argument("--watch", nargs=3, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.watch:
        asyncio.run(watch(asked.watch[0], asked.watch[1], int(asked.watch[2])))
        return 0
    rows: list[Row] = []
    with live(asked.store, asked.robots) as fleet:
        print("  ".join(HEADINGS), flush=True)
        for row in (soak if asked.soak else burden)(fleet, asked):
            rows.append(row)
            print(row, flush=True)
        print(f"slow events: {fleet.slow_events()}")
    if asked.soak and len(rows) >= 8:
        text, grown = drift(rows)
        print(text)
    else:
        grown = 0.0
    if asked.json:
        asked.json.write_text(json.dumps([asdict(row) for row in rows], indent=1), encoding="utf-8")
    return int(grown > MOST_GROWN)


if __name__ == "__main__":
    sys.exit(main())
