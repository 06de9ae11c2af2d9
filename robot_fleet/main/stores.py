"""Store folders for commands, with robot profiles that may come from a file of their own."""

from __future__ import annotations

from pathlib import Path

from robot_fleet.fleet.errors import InvalidInput
from robot_fleet.floor.faults import Fault
from robot_fleet.floor.profile import RobotProfile
from robot_fleet.floor.profile_document import BadProfile, profile_from_dict
from robot_fleet.floor.store import Store
from robot_fleet.storage.documents import read_yaml
from robot_fleet.storage.store_folder import load_store


def load(folder: Path, robots: int | None = None, profile: str | RobotProfile = "") -> Store:
    """The store with so many robots, all of a profile, or the one with that name or in that file.

    InvalidInput with every fault.
    """
    if isinstance(profile, str) and _is_file(profile):
        profile = _profile_of(Path(profile))
    return load_store(folder, robots, profile or None)


def _is_file(name: str) -> bool:
    return name.endswith((".yaml", ".yml", ".json")) or "/" in name


def _profile_of(path: Path) -> RobotProfile:
    faults: list[Fault] = []
    document = read_yaml(path, faults)
    if document is None or faults:
        raise InvalidInput("BAD_PROFILE", tuple(faults))
    try:
        return profile_from_dict(path.stem, {key: document[key] for key in document if key != "name"}, str(path))
    except BadProfile as bad:
        raise InvalidInput("BAD_PROFILE", bad.faults) from None
