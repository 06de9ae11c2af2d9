"""Runs a peer: makes its environment, hands it the floor, and takes what it answers until its time is up."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ENVIRONMENTS = HERE.parent.parent / ".venv" / "bench"
MOST_S = 300.0


@dataclass(frozen=True)
class Peer:
    """A planner from PyPI; `module` names its adapter and its requirements beside this file."""

    name: str
    module: str


PEERS = (Peer("coverage-path-planner 1.4", "coverage_path_planner"), Peer("trajgenpy 0.3.1", "trajgenpy"))


@dataclass(frozen=True)
class Answer:
    """What a peer made with one of its settings: polylines in metres in the map frame, in its own order."""

    settings: str
    seconds: float
    pieces: tuple[tuple[tuple[float, float], ...], ...]


class PeerFailed(Exception):
    """The peer cannot be installed, or has no answer for a floor."""


def answers(peer: Peer, floor: dict[str, Any], most_s: float = MOST_S) -> list[Answer]:
    """One answer for each setting that was done in time; PeerFailed when there is none."""
    python = _environment(peer)
    command = [str(python), str(HERE / f"{peer.module}_paths.py")]
    try:
        done = subprocess.run(
            command, input=json.dumps(floor), capture_output=True, text=True, timeout=most_s, check=False
        )
        out, trouble = done.stdout, _trouble(done.returncode, done.stderr)
    except subprocess.TimeoutExpired as late:
        out, trouble = _text(late.stdout), f"not done after {most_s:.0f} s"
    found = [_answer(json.loads(line)) for line in out.splitlines() if line.startswith("{") and line.endswith("}")]
    if not found:
        raise PeerFailed(trouble)
    return found


def _environment(peer: Peer) -> Path:
    folder = ENVIRONMENTS / peer.module
    python, ready = folder / "bin" / "python", folder / "ready"
    if ready.exists():
        return python
    print(f"setting up {peer.name} in {folder}", file=sys.stderr, flush=True)
    requirements = HERE / f"{peer.module}.txt"
    for command in (
        [sys.executable, "-m", "venv", "--clear", str(folder)],
        [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", "-r", str(requirements)],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise PeerFailed(f"cannot be installed: {_last_line(done.stderr)}")
    ready.touch()
    return python


def _answer(document: dict[str, Any]) -> Answer:
    pieces = tuple(tuple((float(x), float(y)) for x, y in piece) for piece in document["pieces"] if len(piece) > 1)
    return Answer(document["settings"], float(document["seconds"]), pieces)


def _trouble(status: int, stderr: str) -> str:
    if status < 0:
        return f"crashed (signal {-status})"
    return f"failed: {_last_line(stderr)}" if status else "no path"


def _last_line(text: str) -> str:
    return next((line.strip()[:120] for line in reversed(text.splitlines()) if line.strip()), "no word why")


def _text(out: str | bytes | None) -> str:
    return out.decode() if isinstance(out, bytes) else out or ""
