"""`store.yaml`: the time zone, the robot profiles and the robots. The format is described in docs/store_folder.md."""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from robot_fleet.floor.faults import Fault
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.profile import BUILT_IN, RobotProfile
from robot_fleet.floor.profile_document import BadProfile, profile_from_dict
from robot_fleet.storage.documents import is_number, is_there, read_yaml, shown

FILE = "store.yaml"
KNOWN = ("time_zone", "profiles", "robots")
KNOWN_OF_ROBOT = ("name", "profile", "dock", "namespace", "map_to_robot")
ROBOT_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
NAMESPACE = re.compile(r"/?[A-Za-z][A-Za-z0-9_]*(/[A-Za-z][A-Za-z0-9_]*)*")


@dataclass(frozen=True)
class RobotEntry:
    """A robot as the file names it; an empty `dock` means any free one."""

    name: str
    profile: RobotProfile
    dock: str
    namespace: str
    map_to_robot: Pose


@dataclass
class RobotsFile:
    """What a store.yaml holds."""

    time_zone: str = "UTC"
    profiles: dict[str, RobotProfile] = field(default_factory=lambda: dict(BUILT_IN))
    robots: list[RobotEntry] = field(default_factory=list)


def read_robots_file(path: Path, faults: list[Fault]) -> RobotsFile:
    """Everything in the file that can be understood; what cannot becomes a fault. A missing file is an empty one."""
    found = RobotsFile()
    document = read_yaml(path, faults) if is_there(path) else None
    if document is None:
        return found
    for key in document:
        if key not in KNOWN:
            faults.append(Fault(path.name, shown(key), "is not known", f"Known are: {', '.join(KNOWN)}."))
    found.time_zone = _time_zone(document.get("time_zone"), faults)
    _read_profiles(document.get("profiles"), found, faults)
    _read_robots(document.get("robots"), found, faults)
    return found


def _time_zone(value: object, faults: list[Fault]) -> str:
    if value is None or value == "UTC":
        return "UTC"
    try:
        if isinstance(value, str) and zoneinfo.ZoneInfo(value):
            return value
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        pass
    faults.append(Fault(FILE, "time_zone", f"{shown(value)} is not known", "Give a name such as Europe/Berlin."))
    return "UTC"


def _read_profiles(value: object, found: RobotsFile, faults: list[Fault]) -> None:
    if value is None:
        return
    if not isinstance(value, Mapping):
        faults.append(Fault(FILE, "profiles", f"is {shown(value)}", "Give profile names with their fields."))
        return
    for name, document in value.items():
        place = f"profiles.{name}"
        if not isinstance(name, str) or not name or name in BUILT_IN:
            remedy = f"Give a name of your own; {', '.join(BUILT_IN)} are built in."
            faults.append(Fault(FILE, f"profiles.{shown(name)}", "cannot be used as a name", remedy))
            continue
        try:
            found.profiles[name] = profile_from_dict(name, document, FILE, place)
        except BadProfile as error:
            faults.extend(error.faults)


def _read_robots(value: object, found: RobotsFile, faults: list[Fault]) -> None:
    if value is None:
        return
    if not isinstance(value, list):
        faults.append(Fault(FILE, "robots", f"is {shown(value)}", "Give a list of robots."))
        return
    for number, entry in enumerate(value, start=1):
        if isinstance(entry, Mapping):
            _Robot(f"robot {number}", entry, found, faults).read()
        else:
            faults.append(Fault(FILE, f"robot {number}", f"is {shown(entry)}", "Give name and profile."))


@dataclass
class _Robot:
    """One entry of `robots` on its way into the store."""

    place: str
    entry: Mapping[Any, Any]
    found: RobotsFile
    faults: list[Fault]

    def read(self) -> None:
        before = len(self.faults)
        name = self._name()
        for key in self.entry:
            if key not in KNOWN_OF_ROBOT:
                self._fault(f"{shown(key)} is not known", f"A robot has {', '.join(KNOWN_OF_ROBOT)}.")
        profile, dock = self._profile(), self._dock()
        namespace, transform = self._namespace(name), self._map_to_robot()
        if profile is not None and len(self.faults) == before:
            self.found.robots.append(RobotEntry(name, profile, dock, namespace, transform))

    def _name(self) -> str:
        name = self.entry.get("name")
        if isinstance(name, str) and ROBOT_NAME.fullmatch(name):
            self.place = f'robot "{name}"'
            return name
        self._fault(f"name is {shown(name)}", "Give small letters, digits and underscores, a letter first.")
        return ""

    def _profile(self) -> RobotProfile | None:
        wanted = self.entry.get("profile")
        if isinstance(wanted, str) and wanted in self.found.profiles:
            return self.found.profiles[wanted]
        # A profile of that name that has faults of its own is not called missing on top.
        if not any(fault.place.startswith(f"profiles.{wanted}.") for fault in self.faults):
            self._fault(f"profile is {shown(wanted)}", f"Give one of {', '.join(self.found.profiles)}.")
        return None

    def _dock(self) -> str:
        dock = self.entry.get("dock", "")
        if isinstance(dock, str):
            return dock
        self._fault(f"dock is {shown(dock)}", "Give the name of a dock in floor.geojson.")
        return ""

    def _namespace(self, name: str) -> str:
        namespace = self.entry.get("namespace", f"/{name}")
        if isinstance(namespace, str) and (namespace in ("", "/") or NAMESPACE.fullmatch(namespace)):
            return "/" + namespace.strip("/")
        if name:
            self._fault(f"namespace is {shown(namespace)}", "Give a ROS namespace, such as /robot_1.")
        return ""

    def _map_to_robot(self) -> Pose:
        value = self.entry.get("map_to_robot", [0.0, 0.0, 0.0])
        if isinstance(value, list) and len(value) == 3 and all(is_number(x) and abs(x) <= 1e6 for x in value):
            return Pose(*map(float, value))
        self._fault(f"map_to_robot is {shown(value)}", "Give [x, y, yaw] in metres and radians.")
        return Pose(0.0, 0.0)

    def _fault(self, what: str, remedy: str) -> None:
        self.faults.append(Fault(FILE, self.place, what, remedy))
