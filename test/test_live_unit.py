"""The systemd unit, installed as docs/operations.md says, under a real systemd that boots a copy of this machine."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from conftest import lacking

ROOT = Path(__file__).resolve().parent.parent
SCRIPT = Path(__file__).with_name("booted_system.sh")
FLEET = "/opt/robot-fleet/bin/robot-fleet"
# Compiled loops are not there yet: the first plan takes many minutes where the machine is busy.
PATIENCE_S, BOOT_S = 900.0, 60.0
# The unit's TimeoutStopSec.
STOP_S = 30.0

pytestmark = [pytest.mark.ros, pytest.mark.proof]


class BootedSystem:
    """A container with systemd as process 1, and a copy of this machine's files."""

    def __init__(self, folder: Path) -> None:
        self._log = folder / "boot.log"
        (folder / "system").mkdir()
        command = [SCRIPT, folder / "system", ROOT, sys.prefix, sys.base_prefix]
        with self._log.open("wb") as log:
            self._container = subprocess.Popen(
                ["unshare", "--mount", "--propagation", "private", *map(str, command)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip

    def is_up(self) -> bool:
        """Whether systemd has booted; a skip where this machine boots no containers."""
        if self._container.poll() is not None:
            lacking(f"this machine boots no container: {self._log.read_text()[-500:]}")
        state = self.run("systemctl is-system-running").stdout.strip() if self._init() else ""
        return state in (
            "running",
            "degraded",
        )  # degraded: something of this machine's own does not start in a container

    def run(self, script: str) -> subprocess.CompletedProcess[str]:
        """Runs it in a shell in there, as root, where the checkout is."""
        entered = ["nsenter", "--target", str(self._init()), "--all", "--root", "--wd", "env", "-i"]
        places = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root"]
        inside = f'set -e; cd /usr/src/robot_fleet; sudo() {{ "$@"; }}; {script}'
        return subprocess.run(
            [*entered, *places, "bash", "-c", inside], capture_output=True, text=True, timeout=PATIENCE_S, check=False
        )

    def say(self, script: str) -> str:
        """What it prints; it must end well."""
        done = self.run(script)
        assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
        return done.stdout

    def until(self, hold: Callable[[], object], limit_s: float = PATIENCE_S, every_s: float = 1.0) -> None:
        """Returns when it holds."""
        deadline = time.monotonic() + limit_s
        while not hold():
            assert time.monotonic() < deadline, self._log.read_text()[-2000:] + self.journal()
            time.sleep(every_s)

    def journal(self) -> str:
        """What systemd and the services have written."""
        return self.run("journalctl --no-pager -o cat -u robot-fleet -u robots -n 200").stdout if self._init() else ""

    def close(self) -> None:
        """Switches it off; its files go with it."""
        self._container.terminate()
        try:
            self._container.wait(BOOT_S)
        except subprocess.TimeoutExpired:
            self._container.kill()
            self._container.wait()

    def _init(self) -> int | None:
        """Process 1 of the container, by its number here."""
        number = self._container.pid
        with suppress(OSError):  # those that help to set it up come and go
            for child in Path(f"/proc/{number}/task/{number}/children").read_text().split():
                if Path(f"/proc/{child}/comm").read_text().strip() == "systemd":
                    return int(child)
        return None


@pytest.fixture
def system(tmp_path: Path) -> Iterator[BootedSystem]:
    if os.geteuid():
        lacking("a container needs root")
    for program, package in {"systemd-nspawn": "systemd-container", "nsenter": "util-linux"}.items():
        if shutil.which(program) is None:
            lacking(f"no {program} here: apt install {package}")
    if sys.prefix == sys.base_prefix:
        lacking("robot_fleet is not in a virtual environment, of which the container could get a copy")
    booted = BootedSystem(tmp_path)
    try:
        booted.until(booted.is_up, BOOT_S)
        booted.say("/opt/robot-fleet/bin/python -m pip install -q --no-index --no-deps --no-build-isolation .")
        yield booted
    finally:
        booted.close()


def documented_installation() -> str:
    """The commands of docs/operations.md that install the unit and start it; not the one that follows the log for ever."""
    section = (ROOT / "docs" / "operations.md").read_text().split("\n## On a store's machine\n")[1]
    commands = re.findall(r"```\n(.*?)```", section, re.DOTALL)[0]
    return "\n".join(line for line in commands.splitlines() if not line.startswith("journalctl"))


def answer(system: BootedSystem, command: str, hold: Callable[[Any], object] = bool) -> Any:
    """What the controller answers, as soon as something holds for it."""
    found: list[Any] = []

    def look() -> object:
        done = system.run(f"{FLEET} {command} --json")
        found[:] = [json.loads(done.stdout)] if done.returncode == 0 else []
        return found and hold(found[0])

    system.until(look, every_s=5.0)  # each question is a process of its own, that takes time from the planner
    return found[0]


def of_unit(system: BootedSystem, *names: str) -> list[str]:
    """What systemd says of the unit."""
    shown = system.say("systemctl show robot-fleet " + " ".join(f"--property={name}" for name in names))
    found = dict(line.split("=", 1) for line in shown.splitlines())
    return [found[name] for name in names]


def start_robots_of_another_user(system: BootedSystem) -> None:
    """The store's robots, by the clock of the machine; returns when the controller knows that they stand on their docks."""
    system.say(
        "systemd-run --unit=robots --property=User=daemon --property=EnvironmentFile=/etc/robot-fleet/environment"
        f" --setenv=ROS_LOG_DIR=/tmp/ros-of-robots {FLEET} sim --store /etc/robot-fleet/store --real-time"
    )
    answer(system, "robots", lambda robots: all(robot["state"] == "CHARGING" for robot in robots))


def test_a_unit_installed_by_the_book_serves_comes_back_after_a_kill_and_stops_in_time(system: BootedSystem) -> None:
    system.say(documented_installation())
    answer(system, "robots")
    assert of_unit(system, "ActiveState", "UnitFileState") == ["active", "enabled"]
    start_robots_of_another_user(system)
    run = answer(system, "start front")
    before = answer(system, "status", lambda seen: seen["progress"] > 0.02)

    (killed,) = of_unit(system, "MainPID")
    system.say(f"kill -9 {killed}")
    system.until(lambda: of_unit(system, "NRestarts", "ActiveState") == ["1", "active"])
    assert of_unit(system, "MainPID") != [killed]
    after = answer(system, "status", lambda seen: seen["progress"] > before["progress"] + 0.02)
    assert (after["run_id"], after["state"]) == (run["run_id"], "RUNNING")

    assert "Traceback" not in system.journal()
    began = time.monotonic()
    system.say("systemctl stop robot-fleet")
    assert time.monotonic() - began < STOP_S
    ended = of_unit(system, "ActiveState", "Result", "ExecMainCode", "ExecMainStatus")
    assert ended == ["inactive", "success", "1", "0"], system.journal()  # code 1: it exited, no signal ended it
    system.say(f"runuser -u robot-fleet -- {FLEET} db check --data /var/lib/robot-fleet/data")
