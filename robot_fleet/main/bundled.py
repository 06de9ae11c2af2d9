"""The stores and settings that come with the package."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import robot_fleet

_PACKAGE = Path(robot_fleet.__file__).resolve().parent


def bundled_store(name: str) -> Path | None:
    """The folder of a store that comes with the package; None when this installation has none of that name."""
    return next((folder / name for folder in _folders("maps") if (folder / name / "map.yaml").is_file()), None)


def bundled_config(name: str) -> Path | None:
    """A file of `config`; None when this installation has none of that name."""
    return next((folder / name for folder in _folders("config") if (folder / name).is_file()), None)


def use_our_dds_profile() -> None:
    """Lets Fast DDS go by our profile in this process, unless the environment names one; before ROS is started."""
    named = {"FASTRTPS_DEFAULT_PROFILES_FILE", "FASTDDS_DEFAULT_PROFILES_FILE"} & os.environ.keys()
    profile = bundled_config("fastdds_wifi.xml")
    if profile is not None and not named:
        os.environ["FASTRTPS_DEFAULT_PROFILES_FILE"] = str(profile)


def _folders(kind: str) -> Iterator[Path]:
    """Where `maps` or `config` can lie: in the source tree, or in `share` of the environment or workspace."""
    yield _PACKAGE.parent / kind
    for prefix in (Path(sys.prefix), *_PACKAGE.parents):
        yield prefix / "share" / "robot_fleet" / kind
