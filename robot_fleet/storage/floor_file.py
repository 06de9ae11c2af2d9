"""`floor.geojson` in and out: zones, keepouts, one-way floor and docks in metres in the map frame.

The format is described in docs/store_folder.md.
"""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from shapely import Polygon

from robot_fleet.floor.faults import Fault
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.store import OFFERS, Dock, Keepout, OneWay, Zone
from robot_fleet.storage.documents import MOST_CHARACTERS, is_name, is_number, is_there, read_json, shown

FILE = "floor.geojson"
MOST_M = 1e6
KNOWN = {
    "zone": ("kind", "name", "priority", "surface", "clean_before", "robots"),
    "keepout": ("kind", "name"),
    "one_way": ("kind", "name", "yaw"),
    "dock": ("kind", "name", "yaw", "staging", "offers"),
}
GEOMETRY = {"zone": "Polygon", "keepout": "Polygon", "one_way": "Polygon", "dock": "Point"}
Built: TypeAlias = Zone | Keepout | OneWay | Dock


@dataclass
class FloorFile:
    """What a floor.geojson holds. `names` has the names of the broken features as well, by kind.

    `is_read` is False for a file of which nothing could be understood.
    """

    zones: list[Zone] = field(default_factory=list)
    keepouts: list[Keepout] = field(default_factory=list)
    docks: list[Dock] = field(default_factory=list)
    one_ways: list[OneWay] = field(default_factory=list)
    names: dict[str, set[str]] = field(default_factory=lambda: {kind: set() for kind in KNOWN})
    is_read: bool = True

    def add(self, feature: Built) -> None:
        """Adds the feature to those of its kind."""
        if isinstance(feature, Zone):
            self.zones.append(feature)
        elif isinstance(feature, Keepout):
            self.keepouts.append(feature)
        elif isinstance(feature, OneWay):
            self.one_ways.append(feature)
        else:
            self.docks.append(feature)


def read_floor_file(path: Path, faults: list[Fault]) -> FloorFile:
    """Everything in the file that can be understood; what cannot becomes a fault. A missing file is an empty one."""
    found = FloorFile()
    document = read_json(path, faults) if is_there(path) else None
    if document is None:
        found.is_read = not is_there(path)
        return found
    features = document.get("features")
    if document.get("type") != "FeatureCollection" or not isinstance(features, list):
        remedy = 'Give {"type": "FeatureCollection", "features": [...]}.'
        faults.append(Fault(path.name, "", "is no FeatureCollection", remedy))
        found.is_read = False
        return found
    for number, feature in enumerate(features, start=1):
        _Feature(f"feature {number}", feature, found, faults).read()
    return found


def write_floor_file(path: Path, content: FloorFile) -> None:
    """Writes the file, one feature a line, in the order zones, keepouts, one-way floor, docks."""
    features = [_shape_feature("zone", zone.name, zone.polygon, **_zone_properties(zone)) for zone in content.zones]
    features += [_shape_feature("keepout", k.name, k.polygon) for k in content.keepouts]
    features += [_shape_feature("one_way", one.name, one.polygon, yaw=one.yaw_rad) for one in content.one_ways]
    features += [_dock_feature(dock) for dock in content.docks]
    lines = ",\n  ".join(json.dumps(feature, ensure_ascii=False) for feature in features)
    path.write_text(f'{{"type": "FeatureCollection", "features": [\n  {lines}\n]}}\n', encoding="utf-8")


def _zone_properties(zone: Zone) -> dict[str, object]:
    """What a zone says beyond its name; what is left open is left out."""
    properties: dict[str, object] = {"priority": zone.priority, "surface": zone.surface}
    if zone.clean_before is not None:
        properties["clean_before"] = zone.clean_before.isoformat("minutes")
    if zone.robots:
        properties["robots"] = list(zone.robots)
    return properties


def _shape_feature(kind: str, name: str, polygon: Polygon, **properties: object) -> dict[str, object]:
    rings = [[[x, y] for x, y in ring.coords] for ring in (polygon.exterior, *polygon.interiors)]
    geometry = {"type": "Polygon", "coordinates": rings}
    return {"type": "Feature", "properties": {"kind": kind, "name": name, **properties}, "geometry": geometry}


def _dock_feature(dock: Dock) -> dict[str, object]:
    properties: dict[str, object] = {
        "kind": "dock", "name": dock.name, "yaw": dock.pose.yaw_rad, "staging": dock.staging_m
    }  # fmt: skip
    if dock.offers != OFFERS:
        properties["offers"] = list(dock.offers)
    geometry = {"type": "Point", "coordinates": [dock.pose.x_m, dock.pose.y_m]}
    return {"type": "Feature", "properties": properties, "geometry": geometry}


@dataclass
class _Feature:
    """One feature on its way into the store."""

    place: str
    feature: Any
    found: FloorFile
    faults: list[Fault]

    def read(self) -> None:
        feature = self.feature if isinstance(self.feature, Mapping) else {}
        properties, geometry = feature.get("properties"), feature.get("geometry")
        if not isinstance(properties, Mapping) or not isinstance(geometry, Mapping):
            self._fault("is no Feature with properties and a geometry", "Give both, or take it out.")
            return
        kind, name = properties.get("kind"), properties.get("name")
        if not isinstance(kind, str) or kind not in KNOWN:
            self._fault(f"kind is {shown(kind)}", "Give zone, keepout, one_way or dock.")
            return
        name = self._name(kind, name)
        self.found.names[kind].add(name)
        before = len(self.faults)
        for key in properties:
            if key not in KNOWN[kind]:
                self._fault(f"{shown(key)} is not known", f"A {kind} has {', '.join(KNOWN[kind])}.")
        built = self._built(kind, name, properties, geometry)
        if built is not None and name and len(self.faults) == before:
            self.found.add(built)

    def _name(self, kind: str, name: object) -> str:
        """The name, from here on the feature's place; empty, and a fault, for what is none."""
        if isinstance(name, str) and is_name(name):
            self.place = f'{kind} "{name}"'
            return name
        self.place = f"{self.place} ({kind})"
        remedy = f"Give the {kind} a name of 1 to {MOST_CHARACTERS} characters that can be printed."
        self._fault(f"name is {shown(name)}", remedy)
        return ""

    def _built(self, kind: str, name: str, properties: Mapping[str, Any], geometry: Mapping[str, Any]) -> Built | None:
        if geometry.get("type") != GEOMETRY[kind]:
            self._fault(f"its geometry is {shown(geometry.get('type'))}", f"A {kind} is a {GEOMETRY[kind]}.")
            return None
        if kind == "dock":
            return self._dock(name, properties, geometry.get("coordinates"))
        polygon = self._polygon(geometry.get("coordinates"))
        if kind == "zone":
            return self._zone(name, properties, polygon)
        if kind == "one_way":
            return self._one_way(name, properties, polygon)
        return Keepout(name, polygon) if polygon is not None else None

    def _zone(self, name: str, properties: Mapping[str, Any], polygon: Polygon | None) -> Zone | None:
        priority, surface = properties.get("priority", 0), properties.get("surface", "hard")
        before, robots = self._clean_before(properties.get("clean_before")), self._robots(properties.get("robots"))
        if not isinstance(priority, int) or isinstance(priority, bool) or abs(priority) > 1_000_000:
            self._fault(f"priority is {shown(priority)}", "Give a whole number; the smaller, the earlier.")
        elif not isinstance(surface, str) or not is_name(surface):
            self._fault(f"surface is {shown(surface)}", "Give a word, such as hard or carpet.")
        elif polygon is not None:
            return Zone(name, polygon, priority, surface, before, robots)
        return None

    def _clean_before(self, value: object) -> datetime.time | None:
        if value is None:
            return None
        if isinstance(value, str) and re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", value):
            return datetime.time.fromisoformat(value)
        self._fault(f"clean_before is {shown(value)}", 'Give a time of day in the store\'s time zone, such as "06:30".')
        return None

    def _robots(self, value: object) -> tuple[str, ...]:
        if value is None:
            return ()
        if isinstance(value, list) and value and all(isinstance(name, str) and is_name(name) for name in value):
            return tuple(dict.fromkeys(value))
        self._fault(f"robots is {shown(value)}", "List the names of the robots that may enter, or leave it out.")
        return ()

    def _one_way(self, name: str, properties: Mapping[str, Any], polygon: Polygon | None) -> OneWay | None:
        yaw = properties.get("yaw")
        if not is_number(yaw) or abs(yaw) > 100:
            self._fault(f"yaw is {shown(yaw)}", "Give the direction of driving in radians.")
            return None
        return OneWay(name, polygon, float(yaw)) if polygon is not None else None

    def _dock(self, name: str, properties: Mapping[str, Any], coordinates: Any) -> Dock | None:
        yaw, staging = properties.get("yaw"), properties.get("staging", Dock("", Pose(0, 0)).staging_m)
        offers = self._offers(properties.get("offers", list(OFFERS)))
        if not _is_point(coordinates):
            self._fault(f"its coordinates are {shown(coordinates)}", "Give [x, y] in metres.")
        elif not is_number(yaw) or abs(yaw) > 100:
            self._fault(f"yaw is {shown(yaw)}", "Give the docked robot's heading in radians.")
        elif not is_number(staging) or not 0 < staging <= 10:
            self._fault(f"staging is {shown(staging)}", "Give metres from the dock back to its staging pose, up to 10.")
        else:
            x, y = map(float, coordinates[:2])
            return Dock(name, Pose(x, y, float(yaw)), float(staging), offers)
        return None

    def _offers(self, value: object) -> tuple[str, ...]:
        """What a dock offers, in the usual order."""
        if isinstance(value, list) and all(isinstance(one, str) and one in OFFERS for one in value):
            return tuple(one for one in OFFERS if one in value)
        self._fault(
            f"offers is {shown(value)}", f"List what is to be had there, of {' and '.join(OFFERS)}; [] for none."
        )
        return ()

    def _polygon(self, rings: object) -> Polygon | None:
        if not isinstance(rings, list) or not rings or not all(_is_ring(ring) for ring in rings):
            self._fault("its rings are no lists of at least three [x, y]", "Give corners in metres in the map frame.")
            return None
        rounds = [[(float(corner[0]), float(corner[1])) for corner in ring] for ring in rings]
        return Polygon(rounds[0], rounds[1:])

    def _fault(self, what: str, remedy: str) -> None:
        self.faults.append(Fault(FILE, self.place, what, remedy))


def _is_point(value: object) -> bool:
    """Whether it is a position: two numbers; a third, the height, is allowed by GeoJSON and not looked at."""
    if not isinstance(value, list) or len(value) not in (2, 3):
        return False
    return all(is_number(x) and abs(x) <= MOST_M for x in value)


def _is_ring(value: object) -> bool:
    return isinstance(value, list) and len(value) >= 3 and all(_is_point(corner) for corner in value)
