"""The demo's two processes: a controller and a simulator on a port and a ROS domain of their own."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from robot_fleet.cli.exits import CommandFailed, Exit

_PATIENCE_S = 25.0
_TAIL_LINES = 15
# RTPS: the ports of a ROS domain start here and lie so far apart. Above 101 they fall into Linux's ephemeral ports.
_RTPS_BASE, _RTPS_STEP, _DOMAINS = 7400, 250, range(1, 101)


@dataclass(frozen=True)
class Child:
    """One started process and the file with what it says."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def ended(self) -> bool:
        """Whether the process has ended."""
        return self.process.poll() is not None

    def tail(self) -> str:
        """The last lines of its log."""
        lines = self.log.read_text(errors="replace").splitlines()
        return "\n".join(lines[-_TAIL_LINES:])


class Children:
    """Starts processes of this program, looks after them, and leaves none behind."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._children: list[Child] = []
        self._environment = {
            **os.environ,
            "ROS_DOMAIN_ID": str(free_domain()),
            "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
            "PYTHONUNBUFFERED": "1",
        }
        # A demo's runs are kept in a folder of its own.
        for name in ("ROS_LOCALHOST_ONLY", "ROBOT_FLEET_DATABASE"):
            self._environment.pop(name, None)

    def share(self, variables: dict[str, str]) -> None:
        """Sets variables in the environment of the processes that are started from now on."""
        self._environment.update(variables)

    def start(self, name: str, arguments: list[str]) -> None:
        """Starts `robot-fleet ARGUMENTS`; what it says goes to NAME.log."""
        self.run(name, [sys.executable, "-m", "robot_fleet.cli.child", str(os.getpid()), *arguments])

    def run(self, name: str, command: list[str]) -> Path:
        """Starts a program; what it says goes to NAME.log, which is returned."""
        log = self._folder / f"{name}.log"
        with log.open("wb") as file:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                env=self._environment,
                # Ctrl-C is for the demo alone: it stops the run first, then these.
                start_new_session=True,
            )
        self._children.append(Child(name, process, log))
        return log

    def check(self) -> None:
        """CommandFailed with the end of its log when a process has ended that should run."""
        for child in self._children:
            if child.ended:
                what = f"the {child.name} ended with {child.process.returncode}; the last lines of its log:"
                raise CommandFailed(Exit.FAILED, f"{what}\n{child.tail()}", _remedy(child))

    def stop(self) -> None:
        """Ends all processes, the last one first; kills what does not end in time."""
        for child in reversed(self._children):
            _end(child.process)


def free_port() -> int:
    """A TCP port of the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def free_domain() -> int:
    """A ROS domain in which nobody on this machine takes part, as far as its ports tell."""
    candidates = random.sample(_DOMAINS, len(_DOMAINS))
    return next((domain for domain in candidates if _is_free(domain)), candidates[0])


def _is_free(domain: int) -> bool:
    base = _RTPS_BASE + _RTPS_STEP * domain
    for port in (base, base + 10, base + 12):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind(("", port))
            except OSError:
                return False
    return True


def _end(process: subprocess.Popen[bytes]) -> None:
    # Each leads a group of its own: Gazebo's programs are scripts that start others.
    _signal(process, signal.SIGTERM)
    deadline = time.monotonic() + _PATIENCE_S
    while process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    _signal(process, signal.SIGKILL)
    process.wait()


def _signal(process: subprocess.Popen[bytes], number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def _remedy(child: Child) -> str:
    if "No module named" in child.tail():
        return "A part is missing: run `make setup`."
    return f"All that it said is in {child.log}."
