"""Store folders for commands, with robot profiles that may come from a file of their own."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from robot_fleet.fleet.errors import InvalidInput
from robot_fleet.floor.check import check_store
from robot_fleet.floor.faults import Fault
from robot_fleet.floor.profile_document import BadProfile, profile_from_dict
from robot_fleet.floor.store import Store
from robot_fleet.storage.documents import read_yaml
from robot_fleet.storage.store_folder import load_store


def load(folder: Path, robots: int | None = None, profile: str = "") -> Store:
    """The store with so many robots, all of the profile with that name or in that file; InvalidInput with every fault."""
    if _is_file(profile):
        return _with_profile_of(Path(profile), load_store(folder, robots))
    return load_store(folder, robots, profile or None)


def _is_file(name: str) -> bool:
    return name.endswith((".yaml", ".yml", ".json")) or "/" in name


def _with_profile_of(path: Path, store: Store) -> Store:
    faults: list[Fault] = []
    document = read_yaml(path, faults)
    if document is None or faults:
        raise InvalidInput("BAD_PROFILE", tuple(faults))
    try:
        profile = profile_from_dict(path.stem, {key: document[key] for key in document if key != "name"}, str(path))
    except BadProfile as bad:
        raise InvalidInput("BAD_PROFILE", bad.faults) from None
    robots = tuple(dataclasses.replace(robot, profile=profile) for robot in store.robots)
    changed = dataclasses.replace(store, robots=robots)
    unfit = tuple(check_store(changed))
    if unfit:
        raise InvalidInput("BAD_PROFILE", unfit)
    return changed
