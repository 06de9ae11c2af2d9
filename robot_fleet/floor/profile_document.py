"""Robot profiles as plain mappings and back: the one format of `store.yaml` and of plan files.

The keys are the field names of `RobotProfile` and its parts; a footprint is `{radius_m: 0.35}` or
`{corners_m: [[x, y], ...]}`. `footprint`, `head.width_m`, `speed_mps` and `yaw_rate_rps` must be there, unless a built-in
profile is named as the `base`; all else has a default.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping
from typing import Any, TypeGuard

from shapely import Point

from robot_fleet.floor.faults import Fault
from robot_fleet.floor.footprint import Footprint
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.profile import BUILT_IN, HARD, Battery, Channels, Head, Interface, RobotProfile, Squeegee, Tank

POSITIVE = ("speed_mps", "yaw_rate_rps", "acceleration_mps2", "yaw_acceleration_rps2", "goal_tolerance_m")
NOT_NEGATIVE = ("clearance_m", "overlap_m", "least_radius_m", "lifted_radius_m")
REQUIRED = ("footprint", "head", "speed_mps", "yaw_rate_rps")
UNLIMITED = ("acceleration_mps2", "yaw_acceleration_rps2")
MOST_CORNERS = 1000
MOST_M = 100.0
# Less is no robot: a plan would need lanes without number, or for ever.
LEAST = {
    "speed_mps": 0.01, "yaw_rate_rps": 0.01, "acceleration_mps2": 0.01, "yaw_acceleration_rps2": 0.01,
    "head.width_m": 0.05, "squeegee.width_m": 0.05, "footprint.radius_m": 0.01, "tank.area_m2": 0.1,
    "goal_tolerance_m": 0.001
}  # fmt: skip
# No machine that cleans floors is larger than this, or needs a wider turn.
LARGEST_M = 10.0
# None is quicker, or keeps farther away: 1:30 in YAML is 90.
MOST = {
    "speed_mps": 5.0, "yaw_rate_rps": 10.0, "acceleration_mps2": 20.0, "yaw_acceleration_rps2": 50.0,
    "clearance_m": 5.0, "overlap_m": LARGEST_M, "goal_tolerance_m": 5.0,
    "channels.solution_off_m": LARGEST_M, "channels.vacuum_on_m": LARGEST_M,
    "tank.area_m2": 1e6, "tank.service_s": 86_400.0, "footprint.radius_m": LARGEST_M, "head.width_m": LARGEST_M,
    "squeegee.width_m": LARGEST_M, "least_radius_m": LARGEST_M, "lifted_radius_m": LARGEST_M
}  # fmt: skip
LEAST_H, MOST_H = 0.001, 10_000.0
# Names of what a robot may do without.
MAY_BE_EMPTY = tuple(field.name for field in dataclasses.fields(Interface) if field.default == "")
PARTS = ("footprint", "head", "squeegee", "tank", "channels", "battery", "interface")


class BadProfile(ValueError):
    """A mapping is no profile; `faults` lists everything that is wrong with it."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        self.faults = faults
        super().__init__("; ".join(map(str, faults)))


def profile_to_dict(profile: RobotProfile) -> dict[str, Any]:
    """The profile as a mapping of numbers, words and lists (fit for JSON and YAML), without its name."""
    document = dataclasses.asdict(profile)
    del document["name"]
    shape = profile.footprint
    document["surfaces"] = list(profile.surfaces)
    document["footprint"] = {"radius_m": shape.radius_m} if shape.is_disc else {"corners_m": _lists(shape.corners_m)}
    return document


def profile_from_dict(name: str, document: object, file: str = "profile", place: str = "") -> RobotProfile:
    """The profile that a mapping describes; raises BadProfile with every fault, each at `place` in `file`."""
    where = place or name
    if not isinstance(document, Mapping):
        raise BadProfile((Fault(file, where, "a profile must be a mapping", "Give footprint, head, speeds."),))
    document = _over_base(document, file, where)
    faults = tuple(_Check(file, where, document).faults())
    if faults:
        raise BadProfile(faults)
    return _built(name, document)


def _over_base(document: Mapping[Any, Any], file: str, where: str) -> Mapping[Any, Any]:
    """The profile's fields over those of the built-in profile that it names as its base."""
    if "base" not in document:
        return document
    base = document["base"]
    if not isinstance(base, str) or base not in BUILT_IN:
        remedy = f"Give one of {', '.join(BUILT_IN)}."
        raise BadProfile((Fault(file, f"{where}.base", f"is {_shown(base)}", remedy),))
    fields = profile_to_dict(BUILT_IN[base])
    for key, value in document.items():
        inner = key in PARTS and key != "footprint" and isinstance(value, Mapping)
        fields[key] = {**(fields[key] or {}), **value} if inner else value
    if isinstance(document.get("battery"), Mapping):
        # What a built-in profile takes for granted is stated here.
        fields["battery"] = {"planned": True, **{k: v for k, v in fields["battery"].items() if k != "planned"}}
        fields["battery"] |= {k: v for k, v in document["battery"].items() if k == "planned"}
    del fields["base"]
    return fields


def _built(name: str, document: Mapping[str, Any]) -> RobotProfile:
    plain = {key: value for key, value in document.items() if key not in (*PARTS, "reverses", "surfaces")}
    squeegee = document.get("squeegee")
    return RobotProfile(
        name=name,
        footprint=_footprint(document["footprint"]),
        head=Head(**_floats(document["head"])),
        squeegee=None if squeegee is None else Squeegee(**_floats(squeegee)),
        tank=Tank(**_floats(document.get("tank") or {})),
        channels=Channels(**_floats(document.get("channels") or {})),
        reverses=bool(document.get("reverses", False)),
        surfaces=tuple(document.get("surfaces", (HARD,))),
        battery=_battery(document.get("battery")),
        interface=Interface(**(document.get("interface") or {})),
        **_floats(plain),
    )


def _footprint(document: Mapping[str, Any]) -> Footprint:
    if document.get("radius_m") is not None:
        return Footprint(float(document["radius_m"]))
    return Footprint(corners_m=tuple((float(x), float(y)) for x, y in document["corners_m"]))


def _battery(document: Mapping[str, Any] | None) -> Battery:
    """The battery; one that is stated is planned for, unless it says otherwise."""
    if document is None:
        return Battery()
    hours = {key: value for key, value in document.items() if key != "planned"}
    return Battery(**_floats(hours), planned=document.get("planned", True))


def _floats(document: Mapping[str, Any]) -> dict[str, Any]:
    return {key: None if value is None else float(value) for key, value in document.items()}


def _lists(corners: tuple[tuple[float, float], ...]) -> list[list[float]]:
    return [[x, y] for x, y in corners]


def is_number(value: object) -> TypeGuard[float]:
    """Whether the value is a finite number (and not a truth value)."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return abs(value) < 1e300 and math.isfinite(value)


@dataclasses.dataclass(frozen=True)
class _Check:
    """Finds what is wrong with one profile mapping."""

    file: str
    place: str
    document: Mapping[str, Any]

    def faults(self) -> Iterator[Fault]:
        yield from self._unknown("", self.document, RobotProfile, leave_out=("name",))
        for key in REQUIRED:
            if self.document.get(key) is None:
                yield self._fault(key, "is missing", "Every profile needs it.")
        yield from self._numbers()
        yield from self._line("head", Head, "ahead of")
        yield from self._line("squeegee", Squeegee, "ahead of (below 0: behind)")
        yield from self._part("tank", Tank, "area_m2 and service_s", no_limit=("area_m2",))
        yield from self._part("channels", Channels, "solution_off_m and vacuum_on_m")
        if not isinstance(self.document.get("reverses", False), bool):
            yield self._fault("reverses", f"is {_shown(self.document['reverses'])}", "Say true or false.")
        surfaces = self.document.get("surfaces", [HARD])
        if not isinstance(surfaces, (list, tuple)) or not surfaces or not all(map(_is_word, surfaces)):
            yield self._fault("surfaces", f"is {_shown(surfaces)}", "Give a list of words, such as [hard, carpet].")
        yield from self._battery()
        yield from self._interface()
        yield from self._shape()

    def _numbers(self) -> Iterator[Fault]:
        for key in POSITIVE + NOT_NEGATIVE:
            value = self.document.get(key)
            if value is None and (key not in self.document or key in UNLIMITED or key in REQUIRED):
                continue
            yield from self._number(key, value, above=key in POSITIVE)

    def _number(self, key: str, value: object, above: bool) -> Iterator[Fault]:
        most = MOST.get(key, MOST_M)
        if not is_number(value) or value < LEAST.get(key, 0.0) or (above and value == 0) or value > most:
            least = f"of at least {LEAST[key]}" if key in LEAST else "above 0" if above else "of 0 or more"
            yield self._fault(key, f"is {_shown(value)}", f"Give a number {least} and at most {most:.0f}.")

    def _line(self, key: str, kind: type, where: str) -> Iterator[Fault]:
        """Faults of what lies across the robot."""
        line = self.document.get(key)
        if line is None:
            return
        if not isinstance(line, Mapping):
            yield self._fault(key, f"is {_shown(line)}", "Give a mapping with width_m and offset_m.")
            return
        yield from self._unknown(f"{key}.", line, kind)
        yield from self._number(f"{key}.width_m", line.get("width_m"), above=True)
        offset = line.get("offset_m", 0.0 if kind is Head else None)
        if not is_number(offset) or abs(offset) > LARGEST_M:
            remedy = f"Give metres {where} the turning centre, at most {LARGEST_M:.0f}."
            yield self._fault(f"{key}.offset_m", f"is {_shown(offset)}", remedy)

    def _part(self, key: str, kind: type, fields: str, no_limit: tuple[str, ...] = ()) -> Iterator[Fault]:
        """Faults of a part that is all numbers, none of which must be there."""
        part = self.document.get(key)
        if part is None:
            return
        if not isinstance(part, Mapping):
            yield self._fault(key, f"is {_shown(part)}", f"Give a mapping with {fields}.")
            return
        yield from self._unknown(f"{key}.", part, kind)
        for name in (field.name for field in dataclasses.fields(kind) if field.name in part):
            if part[name] is not None or name not in no_limit:
                yield from self._number(f"{key}.{name}", part[name], above=name in no_limit)

    def _battery(self) -> Iterator[Fault]:
        battery = self.document.get("battery")
        if battery is None:
            return
        if not isinstance(battery, Mapping):
            yield self._fault("battery", f"is {_shown(battery)}", "Give a mapping of hours.")
            return
        yield from self._unknown("battery.", battery, Battery)
        for key in (field.name for field in dataclasses.fields(Battery) if field.name in battery):
            value = battery[key]
            if key == "planned":
                if not isinstance(value, bool):
                    yield self._fault("battery.planned", f"is {_shown(value)}", "Say true or false.")
            elif key != "reserve":
                if not is_number(value) or not LEAST_H <= value <= MOST_H:
                    remedy = f"Give a number of hours from {LEAST_H} to {MOST_H:.0f}."
                    yield self._fault(f"battery.{key}", f"is {_shown(value)}", remedy)
            elif not is_number(value) or not 0 <= value < 1:
                yield self._fault("battery.reserve", f"is {_shown(value)}", "Give a share from 0 to below 1.")

    def _interface(self) -> Iterator[Fault]:
        interface = self.document.get("interface")
        if interface is None:
            return
        if not isinstance(interface, Mapping):
            yield self._fault("interface", f"is {_shown(interface)}", "Give a mapping of ROS names.")
            return
        yield from self._unknown("interface.", interface, Interface)
        for key, value in interface.items():
            if key not in MAY_BE_EMPTY and not (isinstance(value, str) and value.strip()):
                yield self._fault(f"interface.{_shown(key)}", f"is {_shown(value)}", "Give a name as text.")
            elif not isinstance(value, str) or not value.isprintable():
                remedy = "Give a name as text that can be printed."
                yield self._fault(f"interface.{_shown(key)}", f"is {_shown(value)}", remedy)

    def _shape(self) -> Iterator[Fault]:
        shape = self.document.get("footprint")
        if shape is None:
            return
        if not isinstance(shape, Mapping) or set(shape) not in ({"radius_m"}, {"corners_m"}):
            yield self._fault("footprint", f"is {_shown(shape)}", "Give either radius_m or corners_m.")
        elif "radius_m" in shape:
            yield from self._number("footprint.radius_m", shape["radius_m"], above=True)
        else:
            yield from self._corners(shape["corners_m"])

    def _corners(self, corners: object) -> Iterator[Fault]:
        remedy = f"Give 3 to {MOST_CORNERS} pairs of metres in order, x ahead and y to the left, at most {LARGEST_M:.0f} each."
        if not isinstance(corners, (list, tuple)) or not 3 <= len(corners) <= MOST_CORNERS:
            yield self._fault("footprint.corners_m", f"is {_shown(corners)}", remedy)
        elif not all(_is_corner(corner) for corner in corners):
            yield self._fault("footprint.corners_m", "holds something that is no corner of a robot", remedy)
        else:
            yield from self._outline([(float(x), float(y)) for x, y in corners])

    def _outline(self, corners: list[tuple[float, float]]) -> Iterator[Fault]:
        try:
            outline = Footprint(corners_m=tuple(corners))
        except ValueError as error:
            yield self._fault("footprint.corners_m", "crosses itself or has no area", f"{error}.".capitalize())
            return
        if outline.at(Pose(0.0, 0.0)).buffer(-LEAST["footprint.radius_m"]).is_empty:
            remedy = f"Give metres; no robot is narrower than {2.0 * LEAST['footprint.radius_m']} m."
            yield self._fault("footprint.corners_m", "is too thin for a robot", remedy)
        elif not outline.at(Pose(0.0, 0.0)).intersects(Point(0, 0)):
            yield self._fault("footprint.corners_m", "leaves out the turning centre", "The robot turns about (0, 0).")

    def _unknown(
        self, prefix: str, document: Mapping[Any, Any], kind: type, leave_out: tuple[str, ...] = ()
    ) -> Iterator[Fault]:
        known = [field.name for field in dataclasses.fields(kind) if field.name not in leave_out]
        known += ["base"] if kind is RobotProfile else []
        for key in document:
            if key not in known:
                yield self._fault(f"{prefix}{_shown(key)}", "is not known", f"Known are: {', '.join(known)}.")

    def _fault(self, key: str, what: str, remedy: str) -> Fault:
        return Fault(self.file, f"{self.place}.{key}", what, remedy)


def _is_word(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value.strip()) <= 100 and value.isprintable()


def _is_corner(corner: object) -> bool:
    if not isinstance(corner, (list, tuple)) or len(corner) != 2:
        return False
    return all(is_number(value) and abs(value) <= LARGEST_M for value in corner)


def _shown(value: object) -> str:
    """The value as a person would read it, cut short: printing a hostile one whole could take for ever."""
    if isinstance(value, (Mapping, list, tuple)):
        return f"a {type(value).__name__} of {len(value)}"
    if isinstance(value, int) and value.bit_length() > 200:
        return "a very large number"
    # What cannot be printed would break the line, or steer the terminal.
    text = value if isinstance(value, str) and value and value.isprintable() else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
