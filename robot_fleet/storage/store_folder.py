"""Store folders: `load_store` reads map.yaml, floor.geojson and store.yaml; all faults come at once."""

from __future__ import annotations

import dataclasses
import os
from collections import Counter
from pathlib import Path

from robot_fleet.fleet.errors import InvalidInput
from robot_fleet.floor.check import check_store, does_not_fit, faults_without_map
from robot_fleet.floor.faults import Fault
from robot_fleet.floor.placing import CannotPlace, place_docks, whole_floor
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.profile import WORKING_W, RobotProfile
from robot_fleet.floor.store import FloorMap, RobotSpec, Store
from robot_fleet.storage.documents import is_name, shown
from robot_fleet.storage.floor_file import FILE as FLOOR_FILE
from robot_fleet.storage.floor_file import FloorFile, read_floor_file
from robot_fleet.storage.maps import load_map
from robot_fleet.storage.robots_file import FILE as ROBOTS_FILE
from robot_fleet.storage.robots_file import RobotEntry, RobotsFile, read_robots_file

MOST_ROBOTS = 100


def load_store(
    folder: Path | str,
    robots: int | None = None,
    profile: str | RobotProfile | None = None,
    all_docked: bool = True,
) -> Store:
    """The store that a folder describes; InvalidInput (reason BAD_STORE) with every fault when there are any.

    `robots` limits the store to so many robots, or adds robots and docks until there are as many. `profile`, or the one of
    that name, built in or of the folder's store.yaml, replaces the profile of every robot; drawn docks that do not hold
    such a robot are replaced then. Without zones the floor that
    the robots reach is a zone "floor"; without docks they are placed along a wall. Where robots need not be `all_docked`, it
    is no fault if the floor does not hold them: they are left out, and so is the zone that they would reach.
    """
    faults: list[Fault] = []
    store = _read(Path(folder), robots, profile, faults, all_docked)
    if store is not None:
        found = check_store(store)
        if found and not all_docked:
            store = dataclasses.replace(store, robots=())
            found = check_store(store)
        faults.extend(found)
    if faults or store is None:
        raise InvalidInput("BAD_STORE", tuple(dict.fromkeys(faults)))
    return store


def _read(
    folder: Path, robots: int | None, profile: str | RobotProfile | None, faults: list[Fault], all_docked: bool
) -> Store | None:
    """The store, or what of it can be checked further although there are faults already."""
    if not os.path.isdir(folder):  # Path.is_dir would raise for a name that is too long
        faults.append(Fault(str(folder)[:300], "", "there is no such folder", "Name a folder that holds a map.yaml."))
        return None
    name = folder.resolve().name
    if not is_name(name):
        faults.append(Fault("store", "", f"the folder's name is {shown(name)}", "Rename it: it is the store's name."))
    grid = None
    try:
        grid = load_map(folder / "map.yaml")
    except InvalidInput as error:
        faults.extend(error.faults)
    drawn = read_floor_file(folder / FLOOR_FILE, faults)
    fleet = read_robots_file(folder / ROBOTS_FILE, faults)
    faults.extend(_strangers(drawn, fleet))
    entries = _entries(fleet, robots, profile, faults)
    entries = _known_docks(entries, drawn, faults)
    if grid is None:
        names = [entry.name for entry in entries]
        faults.extend(faults_without_map(drawn.zones, drawn.keepouts, drawn.docks, names, drawn.one_ways))
        return None
    floor = FloorMap(name, grid, tuple(drawn.zones), tuple(drawn.keepouts), tuple(drawn.docks), tuple(drawn.one_ways))
    if faults:
        return Store(floor, tuple(_spec(entry, entry.dock) for entry in entries if entry.dock), fleet.time_zone)
    unplaced = faults if all_docked else []
    return _completed(floor, entries, fleet.time_zone, faults, unplaced, profile is not None)


def _entries(
    fleet: RobotsFile, robots: int | None, profile: str | RobotProfile | None, faults: list[Fault]
) -> list[RobotEntry]:
    entries = list(fleet.robots)
    chosen = fleet.profiles.get(profile) if isinstance(profile, str) else profile
    if chosen is not None:
        entries = [dataclasses.replace(entry, profile=chosen) for entry in entries]
    elif profile is not None:
        faults.append(unknown_profile(str(profile), fleet))
        return entries
    if robots is None:
        robots = len(entries) or 1
    if not 1 <= robots <= MOST_ROBOTS:
        faults.append(Fault("robots", "", f"is {robots}", f"Ask for 1 to {MOST_ROBOTS} robots."))
        return entries
    usual = chosen or (entries[0].profile if entries else WORKING_W)
    return entries[:robots] + _more(entries, robots - len(entries), usual)


def unknown_profile(name: str, fleet: RobotsFile) -> Fault:
    """That a store has no profile of that name."""
    remedy = f"Known are: {', '.join(fleet.profiles)}; or name a file that ends in .yaml."
    return Fault("profile", "", f"{name!r} is not known", remedy)


def _more(entries: list[RobotEntry], count: int, profile: RobotProfile) -> list[RobotEntry]:
    """`count` further robots with names that are not taken."""
    taken = {entry.name for entry in entries}
    free = (name for name in (f"robot_{n}" for n in range(1, MOST_ROBOTS + len(taken) + 1)) if name not in taken)
    return [
        RobotEntry(name, profile, "", f"/{name}", Pose(0.0, 0.0)) for name, _ in zip(free, range(count), strict=False)
    ]


def _known_docks(entries: list[RobotEntry], drawn: FloorFile, faults: list[Fault]) -> list[RobotEntry]:
    """The robots whose dock is in the floor file, or that have none yet; a file that cannot be read blames no robot."""
    known = []
    for entry in entries:
        if not entry.dock or entry.dock in {dock.name for dock in drawn.docks}:
            known.append(entry)
        elif drawn.is_read and entry.dock not in drawn.names["dock"]:
            what = f'there is no dock "{entry.dock}"'
            faults.append(Fault(ROBOTS_FILE, f'robot "{entry.name}"', what, "Draw it, or name another."))
    return known


def _strangers(drawn: FloorFile, fleet: RobotsFile) -> list[Fault]:
    """Zones that admit robots which the store does not have; robot_1, robot_2 and so on may come by `--robots`."""
    known = {entry.name for entry in fleet.robots} | {f"robot_{n}" for n in range(1, MOST_ROBOTS + 1)}
    return [
        Fault(FLOOR_FILE, f'zone "{zone.name}"', f'there is no robot "{name}"', f"Name robots of {ROBOTS_FILE}.")
        for zone in drawn.zones
        for name in zone.robots
        if name not in known
    ]


def _spec(entry: RobotEntry, dock: str) -> RobotSpec:
    return RobotSpec(entry.name, entry.profile, dock, entry.namespace, entry.map_to_robot)


def _completed(
    floor: FloorMap,
    entries: list[RobotEntry],
    time_zone: str,
    faults: list[Fault],
    unplaced: list[Fault],
    anew: bool,
) -> Store | None:
    """The store with at least one zone, and the robots that have a dock; `unplaced` tells what there is no place for.

    Where robots are of another kind than the store's, docks that do not hold them are placed `anew`.
    """
    if faults_of_shapes := check_store(Store(floor, (), time_zone)):
        faults.extend(faults_of_shapes)
        return None
    if anew:
        entries = [
            dataclasses.replace(entry, dock="")
            if entry.dock and does_not_fit(floor, _spec(entry, entry.dock))
            else entry
            for entry in entries
        ]
    taken = {entry.dock for entry in entries}
    spare = [dock.name for dock in floor.docks if dock.name not in taken]
    homeless = [entry for entry in entries if not entry.dock]
    if anew and homeless:
        spare = [name for name in spare if not does_not_fit(floor, _spec(homeless[0], name))]
    given: dict[RobotProfile, list[str]] = {}
    lacking = [entry.profile for entry in homeless[len(spare) :]]
    for entry, dock in zip(homeless, spare, strict=False):
        given.setdefault(entry.profile, []).append(dock)
    for profile, count in sorted(Counter(lacking).items(), key=lambda kind: -_across_m(kind[0])):
        try:
            placed = place_docks(floor, profile, count)
        except CannotPlace as error:
            unplaced.append(error.fault)
        else:
            floor = dataclasses.replace(floor, docks=floor.docks + placed)
            given.setdefault(profile, []).extend(dock.name for dock in placed)
    if not faults and not floor.zones:
        floor = _zoned(floor, max((entry.profile for entry in entries), key=_across_m), unplaced)
    homes = {profile: iter(docks) for profile, docks in given.items()}
    specs = [_spec(entry, entry.dock or next(homes.get(entry.profile, iter(())), "")) for entry in entries]
    return None if faults else Store(floor, tuple(spec for spec in specs if spec.dock), time_zone)


def _zoned(floor: FloorMap, profile: RobotProfile, unplaced: list[Fault]) -> FloorMap:
    """The floor with a zone of all that a robot of this kind reaches, if it reaches any."""
    try:
        return dataclasses.replace(floor, zones=whole_floor(floor, profile.slim))
    except CannotPlace as error:
        unplaced.append(error.fault)
        return floor


def _across_m(profile: RobotProfile) -> float:
    return profile.footprint.circumscribed_m + profile.clearance_m
