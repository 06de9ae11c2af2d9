"""Machines of their own for simulated robots: network namespaces whose only link is ours, with loss, delay and cuts.

Each machine has a TAP interface; a thread of the test carries its Ethernet frames to the other end of the link and back, and does
to them what a bad radio does. Everything that runs on it is real: sockets, routes, multicast, DDS.
"""

from __future__ import annotations

import fcntl
import heapq
import os
import random
import select
import shutil
import struct
import subprocess
import threading
import time
from pathlib import Path

_TUNSETIFF, _IFF_TAP, _IFF_NO_PI = 0x400454CA, 0x0002, 0x1000
_MOST_FRAMES = 20_000


def can_make_machines() -> bool:
    """Whether this process may make network namespaces and TAP interfaces."""
    return os.geteuid() == 0 and shutil.which("ip") is not None and Path("/dev/net/tun").exists()


class Machine:
    """A network namespace that reaches ours over one link: it has the address 10.77.N.2, we have 10.77.N.1."""

    def __init__(self, number: int) -> None:
        self.name = f"rf{os.getpid()}m{number}"
        self._near = f"rfn{number}x{os.getpid() % 100000}"
        far = f"rff{number}x{os.getpid() % 100000}"
        self.link = Link(_tap(self._near), _tap(far))
        _ip("netns", "add", self.name)
        _ip("link", "set", far, "netns", self.name)
        _ip("addr", "add", f"10.77.{number}.1/24", "dev", self._near)
        _ip("link", "set", self._near, "up")
        for command in (
            ["addr", "add", f"10.77.{number}.2/24", "dev", far],
            ["link", "set", far, "up"],
            ["link", "set", "lo", "up"],
            ["route", "add", "default", "via", f"10.77.{number}.1"],
        ):
            _ip("-n", self.name, *command)
        self.link.start()

    def command(self, *arguments: str) -> list[str]:
        """The command line that runs a program on the machine."""
        return ["ip", "netns", "exec", self.name, *arguments]

    def close(self) -> None:
        """Takes the machine away."""
        self.link.close()
        _ip("netns", "del", self.name)


class Link(threading.Thread):
    """Carries frames between two interfaces; `loss` 0 to 1 and `delay_s` hold for each direction, `cut` stops all."""

    def __init__(self, one: int, other: int, seed: int = 0) -> None:
        super().__init__(daemon=True)
        self.loss, self.delay_s, self.cut = 0.0, 0.0, False
        self.carried = self.lost = 0
        self._ends = {one: other, other: one}
        self._random = random.Random(seed)
        self._under_way: list[tuple[float, int, int, bytes]] = []
        self._ending = threading.Event()

    def run(self) -> None:
        """Until it is closed."""
        number = 0
        while not self._ending.is_set():
            now_s = time.monotonic()
            until_s = self._under_way[0][0] - now_s if self._under_way else 0.05
            ready, _, _ = select.select(list(self._ends), [], [], max(0.0, min(0.05, until_s)))
            for end in ready:
                number += 1
                self._take(os.read(end, 65536), self._ends[end], number)
            self._deliver()

    def close(self) -> None:
        """Ends it, and both interfaces with it."""
        self._ending.set()
        self.join()
        for end in self._ends:
            os.close(end)

    def _take(self, frame: bytes, to: int, number: int) -> None:
        if self.cut or self._random.random() < self.loss or len(self._under_way) >= _MOST_FRAMES:
            self.lost += 1
            return
        heapq.heappush(self._under_way, (time.monotonic() + self.delay_s, number, to, frame))

    def _deliver(self) -> None:
        while self._under_way and self._under_way[0][0] <= time.monotonic():
            _, _, to, frame = heapq.heappop(self._under_way)
            if not self.cut:
                self.carried += 1
                os.write(to, frame)


def _tap(name: str) -> int:
    end = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(end, _TUNSETIFF, struct.pack("16sH", name.encode(), _IFF_TAP | _IFF_NO_PI))
    return end


def _ip(*arguments: str) -> None:
    done = subprocess.run(["ip", *arguments], check=False, capture_output=True, text=True)
    if done.returncode:
        raise OSError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")
