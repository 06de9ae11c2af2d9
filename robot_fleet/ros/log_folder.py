"""A folder for ROS's own log files: without one that can be written, ROS does not start at all."""

from __future__ import annotations

import logging
import os
import tempfile
from pathlib import Path

_log = logging.getLogger(__name__)


def ensure_log_folder() -> None:
    """Names another folder in ROS_LOG_DIR, and says so, where ROS's usual one cannot be written or no HOME says where it is.

    Call it before ROS is started in this process.
    """
    usual = _usual_folder()
    if usual is not None and _can_be_written(usual):
        return
    found = os.environ["ROS_LOG_DIR"] = tempfile.mkdtemp(prefix="robot_fleet-ros-log-")
    why = f"{usual} cannot be written" if usual else "HOME is not set"
    _log.warning("%s: ROS keeps its log files in %s; ROS_LOG_DIR names another place", why, found)


def _usual_folder() -> Path | None:
    """As ROS itself finds it; a place in the user's home by HOME alone."""
    named, ros, home = (os.environ.get(name, "") for name in ("ROS_LOG_DIR", "ROS_HOME", "HOME"))
    folder = named or (f"{ros}/log" if ros else "~/.ros/log")
    if not folder.startswith("~"):
        return Path(folder)
    return Path(home + folder[1:]) if home else None


def _can_be_written(folder: Path) -> bool:
    """Whether it is there, or can be made, as ROS does, and takes files."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False
