"""The real thing for tests of our transport: Debian's ign-transport, in a partition of this test process."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from conftest import lacking

ENVIRONMENT = {"IGN_IP": "127.0.0.1", "IGN_PARTITION": f"robot_fleet_test_{os.getpid()}"}
PATIENCE_S = 90.0
# Whoever runs the tests may have a Gazebo of their own: it is not to be driven, and GZ_ is looked at before IGN_.
for _name in ("GZ_IP", "GZ_PARTITION", "GZ_DISCOVERY_MULTICAST_IP", "GZ_DISCOVERY_MSG_PORT"):
    os.environ.pop(_name, None)


def program(name: str) -> str:
    """`ign-transport-topic` or `ign-transport-service`; `ign topic` itself does not find its library on Debian."""
    found = sorted(Path("/usr/libexec/ignition").glob(f"transport*/{name}"))
    if not found:
        lacking(f"no {name} here: apt install ignition-transport-cli")
    return str(found[-1])


def ask(name: str, *arguments: str, **variables: str) -> str:
    """What the program answers, with these in its environment."""
    done = subprocess.run(
        [program(name), *arguments],
        env=os.environ | ENVIRONMENT | variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout


def say(topic: str, kind: str, text: str) -> None:
    """Publishes one message from a process of its own, which then ends."""
    ask("ign-transport-topic", "-t", topic, "-m", f"ignition.msgs.{kind}", "-p", text)


class Echo:
    """A process that writes down what a topic says."""

    def __init__(self, topic: str, file: Path) -> None:
        self._file = file
        with file.open("wb") as out:
            self.process = subprocess.Popen(
                [program("ign-transport-topic"), "-e", "-t", topic], stdout=out, env=os.environ | ENVIRONMENT
            )

    def text(self) -> str:
        return self._file.read_text()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


def until(hold: Callable[[], object], again: Callable[[], object] = lambda: None, every_s: float = 0.1) -> None:
    """Returns when `hold` does; meanwhile `again` is done over and over."""
    deadline = time.monotonic() + PATIENCE_S
    while not hold():
        assert time.monotonic() < deadline
        again()
        time.sleep(every_s)
