"""The stores that come with the package."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import robot_fleet

_PACKAGE = Path(robot_fleet.__file__).resolve().parent


def bundled_store(name: str) -> Path | None:
    """The folder of a store that comes with the package; None when this installation has none of that name."""
    return next((folder / name for folder in _map_folders() if (folder / name / "map.yaml").is_file()), None)


def _map_folders() -> Iterator[Path]:
    """Where `maps` can lie: in the source tree, or in `share` of the environment or workspace."""
    yield _PACKAGE.parent / "maps"
    for prefix in (Path(sys.prefix), *_PACKAGE.parents):
        yield prefix / "share" / "robot_fleet" / "maps"
