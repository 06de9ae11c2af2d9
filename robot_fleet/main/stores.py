"""Store folders for commands, with robot profiles that may come from a file of their own."""

from __future__ import annotations

from pathlib import Path

from robot_fleet.fleet.errors import InvalidInput
from robot_fleet.floor.faults import Fault
from robot_fleet.floor.profile import BUILT_IN, WORKING_W, RobotProfile
from robot_fleet.floor.profile_document import BadProfile, profile_from_dict
from robot_fleet.floor.store import Store
from robot_fleet.planning.plan_format import Profiles
from robot_fleet.storage.documents import read_yaml
from robot_fleet.storage.robots_file import FILE, read_robots_file
from robot_fleet.storage.store_folder import MOST_ROBOTS, load_store, unknown_profile

__all__ = ["MOST_ROBOTS", "kinds_of", "load", "profile_named"]


def load(folder: Path, robots: int | None = None, profile: str | RobotProfile = "", all_docked: bool = True) -> Store:
    """The store with so many robots, all of a profile, or the one with that name or in that file.

    InvalidInput with every fault; unless robots must be `all_docked`, it is none that there is no place for a dock.
    """
    return load_store(folder, robots, _chosen(profile) or None, all_docked)


def kinds_of(folder: Path, profile: str = "") -> Profiles:
    """Who is what kind of robot in a store, whatever its floor is like; with a profile all robots are of that one.

    InvalidInput with every fault.
    """
    faults: list[Fault] = []
    fleet, chosen = read_robots_file(folder / FILE, faults), _chosen(profile)
    if isinstance(chosen, str) and chosen not in {"", *fleet.profiles}:
        faults.append(unknown_profile(chosen, fleet))
    if faults:
        raise InvalidInput("BAD_STORE", tuple(faults))
    instead = fleet.profiles.get(chosen) if isinstance(chosen, str) else chosen
    of_robot = {robot.name: robot.profile for robot in fleet.robots}
    usual = next(iter(of_robot.values()), WORKING_W)
    return Profiles(fleet.profiles, of_robot, usual, instead)


def profile_named(name: str) -> RobotProfile:
    """The built-in profile of that name, or the one in that file. InvalidInput when there is none, or with its faults."""
    found = _chosen(name)
    if isinstance(found, RobotProfile):
        return found
    if found not in BUILT_IN:
        remedy = f"Known are: {', '.join(BUILT_IN)}; or name a file that ends in .yaml."
        raise InvalidInput("BAD_PROFILE", (Fault("profile", "", f"{name!r} is not known", remedy),))
    return BUILT_IN[found]


def _chosen(profile: str | RobotProfile) -> str | RobotProfile:
    return _profile_of(Path(profile)) if isinstance(profile, str) and _is_file(profile) else profile


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
