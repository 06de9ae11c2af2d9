"""What a support bundle is made of: facts about the machine, versions, a store's files, what its database tells."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from robot_fleet import __version__
from robot_fleet.main.redaction import Redactor
from robot_fleet.storage.database_check import check_database
from robot_fleet.storage.database_recent import kept_alerts, recent_journal

JOURNAL_LINES = 2000
LOG_BYTES = 1_000_000
MOST_BYTES = 5_000_000
_TEXTS = {".yaml", ".yml", ".json", ".geojson", ".md", ".txt", ".xml"}
_IMAGES = {".png", ".pgm"}
# Of the environment only what steers ROS and us: the rest is nobody's business.
_VARIABLES = ("ROS_", "RMW_", "FASTRTPS_", "FASTDDS_", "CYCLONEDDS_", "ROBOT_FLEET_", "AMENT_")


def versions() -> str:
    """robot_fleet, Python, ROS and every Python package."""
    packages = sorted({f"{found.name} {found.version}" for found in importlib.metadata.distributions()}, key=str.lower)
    lines = [f"robot_fleet {__version__}", f"python {sys.version}", f"rmw {_rmw()}"]
    return "\n".join([*lines, "", *packages, ""])


def environment(redactor: Redactor) -> str:
    """The variables that steer ROS and robot_fleet."""
    chosen = sorted((name, value) for name, value in os.environ.items() if name.startswith(_VARIABLES))
    return "".join(redactor.text(f"{name}={value}") + "\n" for name, value in chosen)


def machine(folder: Path) -> str:
    """The machine, its memory and load, and the disk on which a folder lies."""
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    disk = shutil.disk_usage(there)
    lines = [
        f"system   {platform.platform()}",
        f"cores    {os.cpu_count()}",
        f"load     {' '.join(f'{load:.2f}' for load in os.getloadavg())}",
        f"disk     {there}: {disk.free / 1e9:.2f} of {disk.total / 1e9:.2f} GB free",
    ]
    with Path("/proc/meminfo").open() as memory:
        lines += [line.strip() for line in memory if line.startswith(("MemTotal", "MemAvailable", "SwapFree"))]
    return "\n".join(lines) + "\n"


def store_files(folder: Path, redactor: Redactor) -> Iterator[tuple[str, bytes]]:
    """The store's own files of known kinds. Of others, and of links, only the names: they may be anything."""
    names = []
    for path in sorted(folder.iterdir()):
        size = path.lstat().st_size
        known = path.is_file() and not path.is_symlink() and size <= MOST_BYTES
        if known and path.suffix in _TEXTS:
            text = path.read_text(encoding="utf-8", errors="replace")
            clean = redactor.json(text) if path.suffix in (".json", ".geojson") else redactor.text(text)
            yield path.name, clean.encode()
        elif known and path.suffix in _IMAGES:
            yield path.name, path.read_bytes()
        else:
            names.append(f"{size:>12} {path.name}")
    if names:
        yield "not_included.txt", ("Size and name of what was left out:\n" + "\n".join(names) + "\n").encode()


def database_parts(database: str | Path, redactor: Redactor) -> Iterator[tuple[str, bytes]]:
    """What a check of the database says; its last journal lines; its alerts."""
    report = dataclasses.asdict(check_database(database))
    yield "check.json", json.dumps(redactor.value(report), indent=2).encode()
    lines = [f"{number} {at} {redactor.json(event)}\n" for number, at, event in recent_journal(database, JOURNAL_LINES)]
    yield "journal.txt", "".join(lines).encode()
    yield "alerts.jsonl", "".join(redactor.json(body) + "\n" for body in kept_alerts(database)).encode()


def log_tail(file: Path | None, redactor: Redactor) -> str:
    """The end of a log file, or of what systemd keeps of our services; empty when there is none."""
    if file:
        with file.open("rb") as opened:
            opened.seek(max(0, file.stat().st_size - LOG_BYTES))
            content = opened.read(LOG_BYTES)
    elif shutil.which("journalctl"):
        command = ["journalctl", "--quiet", "--no-pager", "-n", "5000", "-u", "robot-fleet*"]
        content = subprocess.run(command, capture_output=True, timeout=15, check=False).stdout[-LOG_BYTES:]
    else:
        return ""
    return redactor.text(content.decode("utf-8", "replace"))


def _rmw() -> str:
    try:
        from rclpy.utilities import get_rmw_implementation_identifier

        return str(get_rmw_implementation_identifier())
    except Exception as error:  # a support bundle is asked for when things are broken
        return f"not known: {error!r}"
