"""Plans as documents, so that a path can be kept, sent, written by hand, and judged.

    {"format": "robot-fleet-plan/1", "frame_id": "map", "floor": "corner_shop", "zones": ["shop"],
     "robots": [{"name": "r1", "profile": {...}, "start": [x, y, yaw],
                 "legs": [{"id": "r1.1", "kind": "clean", "zone": "shop", "tool_on": true, "start_s": 0, "end_s": 9.5,
                           "poses": [[x, y, yaw], ...], "times_s": [...],
                           "switches": [{"at_s": 9, "deck": true, "solution": false, "vacuum": true}]}]}],
     "missed": [{"area_m2": ..., "reason": ..., "zone": ..., "polygon": [[x, y], ...], "holes": [[[x, y], ...]]}],
     "late": [{"zone": ..., "due_s": ..., "clean_s": ...}],
     "requested_m2": ..., "coverable_m2": ..., "planned_m2": ..., "bound_s": ..., "makespan_s": ...,
     "water_left_m2": ...}

    {"format": "robot-fleet-paths/1", "robots": [{"name": "r1", "points": [[x, y], ...]}]}

Metres and radians in the map frame, seconds from the plan's start. The second format is for the paths of other programs,
driven with the head on all the way. What must be there is told in docs/benchmarks.md: a kind is "clean" unless said
otherwise, a robot without a profile gets the one of the store, and a robot without times the nominal ones. What a document
does not claim is nan, and neither zones that are not late are named nor water where none is left. A robot accounts for its
battery when its profile in the document carries one, or when it says its "charge" at the start (0..1, full unless said
otherwise).
planning/plan_poses.py says what a pose's heading means.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from robot_fleet.floor.faults import Fault
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.profile import RobotProfile
from robot_fleet.floor.profile_document import profile_to_dict
from robot_fleet.planning.plan import CoveragePath, LateZone, Leg, MissedArea, Plan
from robot_fleet.planning.plan_format import BUILT_IN_ALONE, CLAIMS, FRAME, PLAN_FORMAT, Profiles, shown
from robot_fleet.planning.plan_poses import PoseList, poses_of
from robot_fleet.planning.plan_reader import PlanReader

MOST_BYTES = 200_000_000
DIGITS = 6


class BadPlan(ValueError):
    """A document is no plan; `faults` lists everything that is wrong with it."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        self.faults = faults
        super().__init__("\n".join(map(str, faults)))


@dataclass(frozen=True, eq=False)
class PlanDocument:
    """A plan with what it takes to judge it: each robot's profile and, where the document says it, its start.

    `charges` says how full the batteries are at the start (0..1) of the robots that account for them.
    """

    plan: Plan
    profiles: dict[str, RobotProfile]
    starts: dict[str, Pose] = field(default_factory=dict)
    charges: dict[str, float] = field(default_factory=dict)


def plan_to_dict(
    plan: Plan,
    profiles: Mapping[str, RobotProfile],
    starts: Mapping[str, Pose] | None = None,
    charges: Mapping[str, float] | None = None,
) -> dict[str, Any]:
    """The plan as a document fit for JSON, rounded to micrometres; robots of `starts` without a path are kept.

    `charges` says how full batteries are at the start (0..1), for the robots whose batteries the plan accounts for.
    """
    starts, charges = starts or {}, charges or {}
    named = [path.robot for path in plan.paths]
    names = named + [name for name in starts if name not in named]
    claims = {key: _claim(getattr(plan, key)) for key in CLAIMS}
    return {
        "format": PLAN_FORMAT,
        "frame_id": FRAME,
        "floor": plan.floor,
        "zones": list(plan.zones),
        "robots": [
            _robot_to_dict(plan.path(name), profiles[name], starts.get(name), charges.get(name)) for name in names
        ],
        "missed": [_missed_to_dict(area) for area in plan.missed],
        **({"late": [_late_to_dict(zone) for zone in plan.late]} if plan.late else {}),
        **({"water_left_m2": round(plan.water_left_m2, DIGITS)} if plan.water_left_m2 > 0.0 else {}),
        **{key: value for key, value in claims.items() if value is not None},
    }


def _claim(value: float) -> float | None:
    return round(value, DIGITS) if math.isfinite(value) else None


def _robot_to_dict(
    path: CoveragePath, profile: RobotProfile, start: Pose | None, charge: float | None
) -> dict[str, Any]:
    document: dict[str, Any] = {"name": path.robot, "profile": _inline(profile, charge is not None)}
    if charge is not None:
        document["charge"] = round(charge, DIGITS)
    yaw = None
    if start is not None:
        document["start"] = [round(value, DIGITS) for value in (start.x_m, start.y_m, start.yaw_rad)]
        yaw = start.yaw_rad
    legs: list[dict[str, Any]] = []
    for leg in path.legs:
        poses, times = poses_of(leg, yaw, profile)
        legs.append(_leg_to_dict(leg, poses, times))
        yaw = poses[-1][2]
    document["legs"] = legs
    return document


def _inline(profile: RobotProfile, with_battery: bool) -> dict[str, Any]:
    document = profile_to_dict(profile)
    del document["interface"]
    if not with_battery:
        del document["battery"]
    return {"name": profile.name, **document}


def _leg_to_dict(leg: Leg, poses: PoseList, times: list[float]) -> dict[str, Any]:
    document: dict[str, Any] = {
        "id": leg.leg_id,
        "kind": leg.kind.value,
        "zone": leg.zone,
        "tool_on": leg.head_on,
        "start_s": round(times[0], DIGITS),
        "end_s": round(times[-1], DIGITS),
        "poses": [[round(value, DIGITS) for value in pose] for pose in poses],
        "times_s": [round(at_s, DIGITS) for at_s in times],
    }
    if leg.reverse:
        document["reverse"] = True
    if leg.switches:
        document["switches"] = [{**asdict(switch), "at_s": round(switch.at_s, DIGITS)} for switch in leg.switches]
    return document


def _late_to_dict(late: LateZone) -> dict[str, Any]:
    return {"zone": late.zone, "due_s": round(late.due_s, DIGITS), "clean_s": round(late.clean_s, DIGITS)}


def _missed_to_dict(area: MissedArea) -> dict[str, Any]:
    outline, *holes = (
        [[round(x, DIGITS), round(y, DIGITS)] for x, y in ring.coords]
        for ring in (area.polygon.exterior, *area.polygon.interiors)
    )
    document = {
        "area_m2": round(area.area_m2, DIGITS),
        "reason": area.reason.value,
        "zone": area.zone,
        "polygon": outline,
    }
    return {**document, "holes": holes} if holes else document


def read_plan(text: str | bytes, profiles: Profiles = BUILT_IN_ALONE, file: str = "plan") -> PlanDocument:
    """The plan, or the paths, in a JSON text; `profiles` says who is what kind. Raises BadPlan with every fault."""
    if len(text) > MOST_BYTES:
        raise BadPlan((Fault(file, "", f"holds {len(text)} bytes", f"At most {MOST_BYTES} can be read."),))
    try:
        document = json.loads(text, object_pairs_hook=_once_each)
    except RecursionError:
        raise BadPlan((Fault(file, "", "is nested too deeply", "A plan needs a depth of six."),)) from None
    except ValueError as error:
        raise BadPlan((Fault(file, "", f"is not JSON: {error}", "Mend the text at that place."),)) from None
    return document_from_dict(document, profiles, file)


def _once_each(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """The mapping of these pairs; ValueError for a key that comes twice: one of both would be lost."""
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
        raise ValueError(f"the key {shown(twice)} comes twice in one mapping")
    return found


def document_from_dict(document: object, profiles: Profiles = BUILT_IN_ALONE, file: str = "plan") -> PlanDocument:
    """The plan that a parsed document describes, with profiles and starts; raises BadPlan with every fault."""
    reader = PlanReader(file, profiles)
    found = reader.read(document)
    if found is None or reader.faults:
        raise BadPlan(tuple(reader.faults))
    return PlanDocument(*found)


def plan_from_dict(document: object, profiles: Profiles = BUILT_IN_ALONE, file: str = "plan") -> Plan:
    """The plan alone; raises BadPlan with every fault."""
    return document_from_dict(document, profiles, file).plan
