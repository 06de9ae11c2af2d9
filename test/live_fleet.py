"""Real processes: the simulator and the controller over real DDS, asked through a real gRPC socket."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from network import Machine
from numpy.typing import NDArray

from robot_fleet.client import FleetClient
from robot_fleet.control.snapshot import RobotView, RunView
from robot_fleet.sim.report import read_truth

SHOP = Path(__file__).resolve().parent.parent / "maps" / "corner_shop"
SPEED, PLAN_WITHIN_S = 15.0, 2.0
_PATIENCE_S = 180.0  # a hung process fails a test all the same; a busy machine must not


class LiveFleet:
    """The processes of one fleet; `client` asks its controller. Everything that was started ends with `close`."""

    def __init__(self, folder: Path, store: Path = SHOP) -> None:
        self.folder = folder
        self.store = store
        self.address = f"127.0.0.1:{_free_port()}"
        self.client = FleetClient(self.address)
        self.environment: dict[str, str] = {}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def start_sim(self, name: str = "sim", *options: str) -> None:
        """Simulated robots, with their report of the truth in `NAME.json`."""
        report = str(self.folder / f"{name}.json")
        self._launch(name, "sim", "--store", str(self.store), "--speed", str(SPEED), "--report", report, *options)

    def start_controller(self, *options: str) -> None:
        """The controller; it answers when this returns."""
        self.launch_controller("serve", self.address, *options)
        try:
            self.client.wait_until_ready(_PATIENCE_S)
        except Exception:
            raise AssertionError(f"the controller is not there:\n{self.log('serve')}") from None

    def start_sim_in_real_time(self) -> None:
        """All robots in one process, by this machine's clock: they drive on while there is no controller, as real ones do."""
        report = str(self.folder / "sim.json")
        self._launch("sim", "sim", "--store", str(self.store), "--real-time", "--report", report)

    def start_robot_on(self, machine: Machine, robot: str) -> None:
        """A robot on a machine of its own, by that machine's clock, with its report of the truth in `ROBOT.json`."""
        report = str(self.folder / f"{robot}.json")
        arguments = ["sim", "--store", str(self.store), "--robot", robot, "--real-time", "--report", report]
        self._run(robot, machine.command(sys.executable, "-m", "robot_fleet.cli", *arguments))

    def start_controller_in_real_time(self) -> None:
        """The controller, by this machine's clock; it answers when this returns."""
        common = ["serve", "--store", str(self.store), "--address", self.address, "--data", str(self.folder / "data")]
        self._launch("serve", *common, "--plan-within", str(PLAN_WITHIN_S))
        self.client.wait_until_ready(_PATIENCE_S)

    def launch_controller(self, name: str, address: str, *options: str) -> subprocess.Popen[bytes]:
        """A controller's process, of which nothing is known yet; all have the same data folder."""
        data = str(self.folder / "data")
        return self._launch(
            name, "serve", "--store", str(self.store), "--sim-time", "--address", address, "--data", data,
            "--plan-within", str(PLAN_WITHIN_S), *options,
        )  # fmt: skip

    def until_robots(self, hold: Callable[[dict[str, RobotView]], bool]) -> dict[str, RobotView]:
        """The robots by name, as soon as something holds for them."""
        return self._until(lambda: {robot.name: robot for robot in self.client.robots()}, hold)

    def until_run(self, run_id: str, hold: Callable[[RunView], bool]) -> RunView:
        """The run, as soon as something holds for it."""
        return self._until(lambda: self.client.get(run_id), hold)

    def until_ready(self) -> None:
        """Returns when every robot stands on its dock and takes orders."""
        self.until_robots(lambda robots: all(r.state.value == "CHARGING" and not r.detail for r in robots.values()))

    def until_heard(self) -> None:
        """Returns when every robot stands on its dock."""
        self.until_robots(lambda robots: all(robot.state.value == "CHARGING" for robot in robots.values()))

    def end(self, name: str, number: int = signal.SIGTERM) -> int:
        """Sends the signal and returns the exit code."""
        self.processes[name].send_signal(number)
        return self.processes[name].wait(60.0)

    def truth(self, name: str = "sim") -> tuple[dict, NDArray[np.bool_], dict[str, NDArray[np.float64]]]:
        """What truly happened, as the simulator that has ended wrote it."""
        return read_truth(self.folder / f"{name}.json")

    def log(self, name: str) -> str:
        """What a process has said."""
        return (self.folder / f"{name}.log").read_text()

    def close(self) -> None:
        """Ends what still runs."""
        self.client.close()
        for process in self.processes.values():
            if process.poll() is None:
                process.kill()
            process.wait()

    def _launch(self, name: str, *arguments: str) -> subprocess.Popen[bytes]:
        return self._run(name, [sys.executable, "-m", "robot_fleet.cli", *arguments])

    def _run(self, name: str, command: list[str]) -> subprocess.Popen[bytes]:
        environment = {**os.environ, **self.environment}
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        return self.processes[name]

    def _until(self, look: Callable[[], object], hold: Callable) -> object:
        deadline = time.monotonic() + _PATIENCE_S
        while time.monotonic() < deadline:
            seen = look()
            if hold(seen):
                return seen
            time.sleep(0.1)
        logs = "\n".join(f"--- {name}\n{self.log(name)[-3000:]}" for name in self.processes)
        raise AssertionError(f"it never came to hold; the last that was seen: {seen}\n{logs}")


@contextmanager
def live_fleet(folder: Path) -> Iterator[LiveFleet]:
    """A fleet without processes yet; they end with the block."""
    fleet = LiveFleet(folder)
    try:
        yield fleet
    finally:
        fleet.close()


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
