"""Reads a plan document and collects everything that is wrong with it, each at its place."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from shapely import Polygon

from robot_fleet.floor.check import line_faults
from robot_fleet.floor.faults import Fault
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.profile import RobotProfile
from robot_fleet.floor.profile_document import BadProfile, is_number, profile_from_dict
from robot_fleet.planning.judging.nominal import with_nominal_times
from robot_fleet.planning.plan import CoveragePath, LateZone, Leg, LegKind, MissedArea, MissedReason, Plan, Switch
from robot_fleet.planning.plan_format import (
    CLAIMS,
    FRAME,
    LATE,
    LEG,
    MISSED,
    PATH,
    PATHS_FORMAT,
    PLAN_FORMAT,
    ROBOT,
    SWITCH,
    TOP,
    Profiles,
    amiss,
    is_point,
    shown,
)
from robot_fleet.planning.plan_poses import Way, way_of

MOST_SWITCHES = 200_000
MOST_ROBOTS, MOST_LEGS, MOST_POINTS, MOST_FAULTS = 1000, 200_000, 5_000_000, 200
LONGEST_S = 1e7
# Farther than any robot drives in a night.
LONGEST_M = 2e5
# Steps of foreign paths that are shorter are taken together.
CRUMB_M = 1e-3
ROUNDING_S = 0.01
# Times are written to the microsecond.
LEAST_S = 2e-6

Found = tuple[Plan, dict[str, RobotProfile], dict[str, Pose], dict[str, float]]


class PlanReader:
    """Turns a parsed document into a plan; `faults` fills up on the way."""

    def __init__(self, file: str, profiles: Profiles) -> None:
        self.faults: list[Fault] = []
        self._file = file
        self._known = profiles
        self._robot_keys = ROBOT
        self._profiles: dict[str, RobotProfile] = {}
        self._starts: dict[str, Pose] = {}
        self._charges: dict[str, float] = {}
        self._leg_ids: set[str] = set()
        self._switches = 0
        self._points = 0

    def read(self, document: object) -> Found | None:
        """The plan, its profiles, its starts and its charges; None when the document is too wrong to make any."""
        top = self._mapping("", document, TOP)
        if top is None:
            return None
        if top.get("format") not in (PLAN_FORMAT, PATHS_FORMAT):
            remedy = f'Only "{PLAN_FORMAT}" and "{PATHS_FORMAT}" can be read.'
            self._fault("format", f"is {shown(top.get('format'))}", remedy)
        if top.get("frame_id", FRAME) != FRAME:
            self._fault("frame_id", f"is {shown(top['frame_id'])}", f'Give poses in the frame "{FRAME}".')
        self._robot_keys = PATH if top.get("format") == PATHS_FORMAT else ROBOT
        paths = [self._robot(f"robots[{i}]", robot) for i, robot in enumerate(self._robots(top))]
        missed = [
            self._missed(f"missed[{i}]", area) for i, area in enumerate(self._list("missed", top.get("missed", [])))
        ]
        late = [self._late(f"late[{i}]", zone) for i, zone in enumerate(self._list("late", top.get("late", [])))]
        claims = {key: self._claim(key, top.get(key)) for key in CLAIMS}
        zones = self._list("zones", top.get("zones", []))
        plan = Plan(
            floor=self._text("floor", top.get("floor", "")),
            zones=tuple(self._text(f"zones[{i}]", zone) for i, zone in enumerate(zones)),
            paths=tuple(path for path in paths if path is not None),
            missed=tuple(area for area in missed if area is not None),
            requested_m2=claims["requested_m2"],
            coverable_m2=claims["coverable_m2"],
            planned_m2=claims["planned_m2"],
            bound_s=claims["bound_s"],
            late=tuple(zone for zone in late if zone is not None),
            water_left_m2=self._claim("water_left_m2", top.get("water_left_m2", 0.0)),
        )
        self._check_makespan(claims["makespan_s"], plan)
        return plan, self._profiles, self._starts, self._charges

    def _check_makespan(self, claimed_s: float, plan: Plan) -> None:
        if not self.faults and abs(claimed_s - plan.makespan_s) > ROUNDING_S:
            what = f"says {claimed_s:.2f} s, but the times end at {plan.makespan_s:.2f} s"
            self._fault("makespan_s", what, "Leave it out or mend it.")

    def _robots(self, top: Mapping[str, Any]) -> list[Any]:
        robots = self._list("robots", top.get("robots"))
        if len(robots) > MOST_ROBOTS:
            self._fault("robots", f"lists {len(robots)}", f"At most {MOST_ROBOTS} can be read.")
            return []
        if top.get("robots") == []:
            self._fault("robots", "is empty, so that there is nothing to judge", "Give at least one robot.")
        return robots

    def _robot(self, place: str, document: object) -> CoveragePath | None:
        robot = self._mapping(place, document, self._robot_keys)
        if robot is None:
            return None
        name = self._text(f"{place}.name", robot.get("name"))
        if name in self._profiles:
            self._fault(f"{place}.name", f"is {shown(name)} again", "Give each robot once.")
        profile = self._profile(f"{place}.profile", robot.get("profile"), name)
        start = self._start(f"{place}.start", robot["start"]) if "start" in robot else None
        charge = self._charge(f"{place}.charge", robot, profile)
        if self._robot_keys is ROBOT:
            legs = self._legs(f"{place}.legs", robot.get("legs"), name)
        else:
            legs = self._path(place, robot, name)
        if self.faults or profile is None:
            return None
        self._profiles[name] = profile
        if start is not None:
            self._starts[name] = start
        if charge is not None:
            self._charges[name] = charge
        return CoveragePath(name, self._timed(name, place, legs, profile, start))

    def _charge(self, place: str, robot: Mapping[str, Any], profile: RobotProfile | None) -> float | None:
        """How full the battery is at the start, for a robot that accounts for it by saying so or by a battery of its own, and
        for one of a plan whose battery is planned for.
        """
        own, charge = robot.get("profile"), robot.get("charge")
        carries = isinstance(own, Mapping) and own.get("battery") is not None
        planned = self._robot_keys is ROBOT and profile is not None and profile.battery.planned
        if charge is None:
            return 1.0 if carries or planned else None
        if not is_number(charge) or not 0 <= charge <= 1:
            self._fault(place, f"is {shown(charge)}", "Give a share of a full battery, from 0 to 1.")
            return None
        return float(charge)

    def _path(self, place: str, robot: Mapping[str, Any], name: str) -> list[tuple[Leg, bool]]:
        """The one leg, head on, of a robot that is given as points alone."""
        points = self._polyline(f"{place}.points", robot.get("points"), name)
        timed = robot.get("times_s") is not None
        times = self._times(f"{place}.times_s", robot["times_s"], points) if timed else None
        if points is None or (timed and times is None):
            return []
        way = way_of(points if timed else _without_crumbs(points))
        at_s = np.zeros(len(way.points)) if times is None else times[way.kept]
        return [(Leg(place, LegKind.CLEAN, way.points, at_s), timed)]

    def _timed(
        self, name: str, place: str, legs: list[tuple[Leg, bool]], profile: RobotProfile, start: Pose | None
    ) -> tuple[Leg, ...]:
        """The legs, with nominal times when none has times of its own."""
        if len({timed for _, timed in legs}) > 1:
            self._fault(f"{place}.legs", "have times in part", "Give times_s in every leg of a robot, or in none.")
        plain = tuple(leg for leg, _ in legs)
        if not plain or legs[0][1]:
            return plain
        return with_nominal_times(name, plain, profile, start)

    def _profile(self, place: str, document: object, robot: str) -> RobotProfile | None:
        if self._known.instead is not None:
            return self._known.instead
        if document is None and (left_out := self._known.left_out(robot)) is not None:
            return left_out
        if isinstance(document, str):
            if document not in self._known.named:
                self._fault(place, f"is {shown(document)}", f"Known are: {', '.join(sorted(self._known.named))}.")
            return self._known.named.get(document)
        try:
            name = document.get("name", "inline") if isinstance(document, Mapping) else "inline"
            rest = {key: document[key] for key in document if key != "name"} if isinstance(document, Mapping) else None
            profile = profile_from_dict(self._text(f"{place}.name", name), rest, self._file, place)
            for fault in line_faults(profile, self._file, place):
                self._fault(fault.place, fault.what, fault.remedy)
            return profile
        except BadProfile as refusal:
            for fault in refusal.faults:
                self._fault(fault.place, fault.what, fault.remedy)
            return None

    def _start(self, place: str, document: object) -> Pose | None:
        values = self._list(place, document)
        if wrong := amiss(values):
            self._fault(place, wrong, "Give x and y in metres and, if known, the yaw in radians.")
            return None
        return Pose(*(float(value) for value in values))

    def _legs(self, place: str, document: object, robot: str) -> list[tuple[Leg, bool]]:
        legs = self._list(place, document)
        if len(self._leg_ids) + len(legs) > MOST_LEGS:
            self._fault(place, f"lists {len(legs)}", f"At most {MOST_LEGS} can be read.")
            return []
        found = []
        for i, leg in enumerate(legs):
            if (one := self._leg(f"{place}[{i}]", leg, robot)) is not None:
                found.append(one)
        self._check_order(place, found)
        return found

    def _check_order(self, place: str, legs: list[tuple[Leg, bool]]) -> None:
        for i, ((leg, timed), (after, after_timed)) in enumerate(itertools.pairwise(legs)):
            if timed and after_timed and after.times_s[0] < leg.times_s[-1] - 1e-6:
                what = f"begins at {after.times_s[0]:.3f} s, before the leg before it ends ({leg.times_s[-1]:.3f} s)"
                self._fault(f"{place}[{i + 1}].times_s", what, "A robot does one leg after the other.")

    def _leg(self, place: str, document: object, robot: str) -> tuple[Leg, bool] | None:
        leg = self._mapping(place, document, LEG)
        if leg is None:
            return None
        leg_id = self._text(f"{place}.id", leg.get("id", place))
        if leg_id in self._leg_ids:
            self._fault(f"{place}.id", f"is {shown(leg_id)} again", "Each leg of a plan needs an id of its own.")
        self._leg_ids.add(leg_id)
        kind = self._kind(place, leg)
        zone = self._text(f"{place}.zone", leg.get("zone", ""))
        poses = self._polyline(f"{place}.poses", leg.get("poses"), robot)
        way = way_of(poses) if poses is not None else None
        reverse = self._reverse(f"{place}.reverse", leg.get("reverse"), way)
        self._check_headings(f"{place}.poses", way)
        timed = leg.get("times_s") is not None
        times = self._times(f"{place}.times_s", leg["times_s"], poses) if timed else np.zeros(0)
        switches = self._leg_switches(f"{place}.switches", leg.get("switches"), timed)
        if kind is None or way is None or times is None:
            return None
        if timed:
            self._check_span(place, leg, times)
            self._check_switches(f"{place}.switches", switches, float(times[0]), float(times[-1]))
        at_s = times[way.kept] if timed else np.zeros(len(way.points))
        return Leg(leg_id, kind, way.points, at_s, zone, reverse, switches), timed

    def _leg_switches(self, place: str, document: object, timed: bool) -> tuple[Switch, ...]:
        """The switches of a leg; none when there is a fault in any."""
        listed = [] if document is None else self._list(place, document)
        self._switches += len(listed)
        if self._switches > MOST_SWITCHES:
            self._fault(place, f"lists {len(listed)}", f"At most {MOST_SWITCHES} in one plan can be read.")
        elif listed and not timed:
            self._fault(place, "has times in a leg that has none", "Give the leg its times_s.")
        else:
            found = [self._switch(f"{place}[{i}]", switch) for i, switch in enumerate(listed)]
            kept = tuple(switch for switch in found if switch is not None)
            return kept if len(kept) == len(found) else ()
        return ()

    def _switch(self, place: str, document: object) -> Switch | None:
        switch = self._mapping(place, document, SWITCH)
        if switch is None:
            return None
        at_s = switch.get("at_s")
        if not is_number(at_s):
            self._fault(f"{place}.at_s", f"is {shown(at_s)}", "Give seconds from the plan's start.")
        wrong = [key for key in SWITCH[1:] if not isinstance(switch.get(key), bool)]
        for key in wrong:
            self._fault(f"{place}.{key}", f"is {shown(switch.get(key))}", "Give true or false.")
        return None if wrong or not is_number(at_s) else Switch(float(at_s), *(switch[key] for key in SWITCH[1:]))

    def _check_switches(self, place: str, switches: tuple[Switch, ...], begin_s: float, end_s: float) -> None:
        for i, switch in enumerate(switches):
            if not begin_s - LEAST_S <= switch.at_s <= end_s + LEAST_S:
                what = f"is {switch.at_s:.3f}, outside its leg"
                self._fault(f"{place}[{i}].at_s", what, f"The leg lasts from {begin_s:.3f} to {end_s:.3f} s.")
            elif i and switch.at_s < switches[i - 1].at_s:
                self._fault(
                    f"{place}[{i}].at_s", f"is {switch.at_s}, less than the one before", "Times never decrease."
                )

    def _kind(self, place: str, leg: Mapping[str, Any]) -> LegKind | None:
        tool_on = leg.get("tool_on", True)
        kind: LegKind | None = self._word(f"{place}.kind", leg.get("kind", "clean" if tool_on else "transit"), LegKind)
        if not isinstance(tool_on, bool):
            self._fault(f"{place}.tool_on", f"is {shown(tool_on)}", "Give true or false.")
        elif "tool_on" in leg and kind is not None and tool_on is not (kind is LegKind.CLEAN):
            remedy = "The tool is on in a clean leg and in no other."
            self._fault(f"{place}.tool_on", f"is {str(tool_on).lower()} in a leg of kind {kind.value}", remedy)
        return kind

    def _reverse(self, place: str, given: object, way: Way | None) -> bool:
        if given is not None:
            if not isinstance(given, bool):
                self._fault(place, f"is {shown(given)}", "Give true or false.")
            return given is True
        if way is not None and way.reverse is None and way.astray is None:
            self._fault(place.replace(".reverse", ".poses"), "go forwards and backwards", "Make two legs of it.")
        return way is not None and way.reverse is True

    def _check_headings(self, place: str, way: Way | None) -> None:
        """A pose that no driving robot has: the judge goes by the places, a robot would go by the headings, too."""
        if way is not None and way.astray is not None:
            index, off_rad = way.astray
            what = f"faces {math.degrees(off_rad):.0f}° off the way that leads to it"
            remedy = "Give the heading with which the robot arrives, ahead or backwards, in radians; or leave yaws out."
            self._fault(f"{place}[{index}]", what, remedy)

    def _check_span(self, place: str, leg: Mapping[str, Any], times: NDArray[np.float64]) -> None:
        for key, at_s in (("start_s", times[0]), ("end_s", times[-1])):
            said = self._claim(f"{place}.{key}", leg.get(key))
            if abs(said - at_s) > ROUNDING_S:
                self._fault(
                    f"{place}.{key}", f"is {said:.2f}, but its times say {at_s:.2f}", "Leave it out or mend it."
                )

    def _polyline(self, place: str, document: object, robot: str) -> list[Any] | None:
        """Two or more points or poses of a robot."""
        points = self._list(place, document)
        self._points += len(points)
        if len(points) < 2:
            self._fault(place, f"holds {len(points)}", "Give two points or more.")
        elif self._points > MOST_POINTS:
            self._fault(place, "goes beyond what can be read", f"At most {MOST_POINTS} points in one plan.")
        elif bad := next((i for i, point in enumerate(points) if amiss(point)), -1) + 1:
            what = f"(a point of robot {shown(robot)}) {amiss(points[bad - 1])}"
            self._fault(f"{place}[{bad - 1}]", what, "Give x and y in metres and, if known, the yaw in radians.")
        elif (metres := sum(math.dist(a[:2], b[:2]) for a, b in itertools.pairwise(points))) > LONGEST_M:
            self._fault(place, f"is {metres:.0f} m long", f"At most {LONGEST_M:.0f} m can be judged.")
        else:
            return points
        return None

    def _times(self, place: str, document: object, points: list[Any] | None) -> NDArray[np.float64] | None:
        times = self._list(place, document)
        if points is not None and len(times) != len(points):
            self._fault(place, f"holds {len(times)} for {len(points)} points", "Give one time for each point.")
            return None
        for i, at_s in enumerate(times):
            if not is_number(at_s) or not 0 <= at_s <= LONGEST_S:
                self._fault(f"{place}[{i}]", f"is {shown(at_s)}", f"Give seconds, 0 or more, at most {LONGEST_S:.0f}.")
                return None
            if i and at_s < times[i - 1]:
                self._fault(f"{place}[{i}]", f"is {at_s}, less than the one before", "Times never decrease.")
                return None
        return np.array(times, dtype=np.float64)

    def _missed(self, place: str, document: object) -> MissedArea | None:
        area = self._mapping(place, document, MISSED)
        if area is None:
            return None
        zone = self._text(f"{place}.zone", area.get("zone", ""))
        reason = self._word(f"{place}.reason", area.get("reason", MissedReason.NOT_CLEANED.value), MissedReason)
        polygon = self._polygon(place, area)
        area_m2 = self._claim(f"{place}.area_m2", area.get("area_m2"))
        if reason is None or polygon is None:
            return None
        return MissedArea(zone, reason, polygon, polygon.area if math.isnan(area_m2) else area_m2)

    def _late(self, place: str, document: object) -> LateZone | None:
        late = self._mapping(place, document, LATE)
        if late is None:
            return None
        for key in ("due_s", "clean_s"):
            if not is_number(late.get(key)):
                self._fault(f"{place}.{key}", f"is {shown(late.get(key))}", "Give seconds from the plan's start.")
                return None
        return LateZone(self._text(f"{place}.zone", late.get("zone")), float(late["due_s"]), float(late["clean_s"]))

    def _polygon(self, place: str, area: Mapping[str, Any]) -> Polygon | None:
        outline = self._list(f"{place}.polygon", area.get("polygon"))
        holes = [
            self._list(f"{place}.holes[{i}]", ring)
            for i, ring in enumerate(self._list(f"{place}.holes", area.get("holes", [])))
        ]
        points = [outline, *holes]
        self._points += sum(map(len, points))
        if min(map(len, points)) < 3 or not all(is_point(point) for ring in points for point in ring):
            self._fault(f"{place}.polygon", "is no polygon", "Give rings of three points or more.")
        elif self._points > MOST_POINTS:
            self._fault(
                f"{place}.polygon", "goes beyond what can be read", f"At most {MOST_POINTS} points in one plan."
            )
        elif not (polygon := Polygon(outline, holes)).is_valid:
            self._fault(f"{place}.polygon", "crosses itself", "Give each ring in order, holes inside the outline.")
        else:
            return polygon
        return None

    def _claim(self, place: str, value: object) -> float:
        if value is None:
            return math.nan
        if not is_number(value) or value < 0:
            self._fault(place, f"is {shown(value)}", "Give a number, 0 or more, or leave it out.")
            return math.nan
        return float(value)

    def _word(self, place: str, value: object, words: Any) -> Any:
        known = [word.value for word in words]
        if not isinstance(value, str) or value not in known:
            self._fault(place, f"is {shown(value)}", f"Known are: {', '.join(known)}.")
            return None
        return words(value)

    def _text(self, place: str, value: object) -> str:
        if not isinstance(value, str) or len(value) > 1000 or (not value and place.endswith((".name", ".id"))):
            self._fault(place, f"is {shown(value)}", "Give a name.")
            return ""
        if not value.isprintable():
            self._fault(place, f"is {shown(value)}", "Give a name of characters that can be printed.")
            return ""
        return value

    def _list(self, place: str, value: object) -> list[Any]:
        if isinstance(value, list):
            return value
        self._fault(place, f"is {shown(value)}", "Give a list.")
        return []

    def _mapping(self, place: str, value: object, known: tuple[str, ...]) -> Mapping[str, Any] | None:
        if not isinstance(value, Mapping):
            self._fault(place, f"is {shown(value)}", f"Give a mapping with {', '.join(known)}.")
            return None
        for key in value:
            if key not in known:
                self._fault(f"{place}.{str(key)[:60]}".lstrip("."), "is not known", f"Known are: {', '.join(known)}.")
        return value

    def _fault(self, place: str, what: str, remedy: str) -> None:
        # A file with a fault in each of a million points is told so a few hundred times, not a million.
        if len(self.faults) < MOST_FAULTS:
            self.faults.append(Fault(self._file, place, what, remedy))


def _without_crumbs(points: list[Any]) -> list[Any]:
    """The points without those so near to the one before that no robot is seen to move; the last one stays."""
    kept = points[:1]
    for point in points[1:-1]:
        if math.dist(point[:2], kept[-1][:2]) >= CRUMB_M or len(point) > 2:
            kept.append(point)
    return [*kept, points[-1]]
