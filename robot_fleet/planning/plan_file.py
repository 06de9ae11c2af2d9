"""Plans as documents, so that a path can be kept, sent, written by hand, and judged.

    {"format": "robot_fleet.plan/1", "floor": "corner_shop", "zones": ["shop"],
     "robots": [{"robot": "r1", "profile": "W", "start": [x, y, yaw],
                 "legs": [{"id": "r1.1", "kind": "clean", "zone": "shop", "reverse": false,
                           "points": [[x, y], ...], "times_s": [...]}]}],
     "missed": [{"zone": ..., "reason": ..., "area_m2": ..., "polygon": [[[x, y], ...], hole, ...]}],
     "requested_m2": ..., "coverable_m2": ..., "planned_m2": ..., "bound_s": ..., "makespan_s": ...}

Metres and radians in the map frame, seconds from the plan's start. `profile` is a name or a mapping (see
floor/profile_document.py). Only `format`, `robots` and each robot's `robot`, `profile` and `legs` with their `points`
must be there: a kind is "clean" unless said otherwise, and a robot without times gets the nominal ones. What a
document does not claim is nan.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from robot_fleet.floor.faults import Fault
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.profile import BUILT_IN, RobotProfile
from robot_fleet.floor.profile_document import profile_to_dict
from robot_fleet.planning.plan import CoveragePath, Leg, MissedArea, Plan
from robot_fleet.planning.plan_reader import PlanReader

FORMAT = "robot_fleet.plan/1"
MOST_BYTES = 200_000_000
CLAIMS = ("requested_m2", "coverable_m2", "planned_m2", "bound_s", "makespan_s")
DIGITS = 6


class BadPlan(ValueError):
    """A document is no plan; `faults` lists everything that is wrong with it."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        self.faults = faults
        super().__init__("\n".join(map(str, faults)))


@dataclass(frozen=True, eq=False)
class PlanDocument:
    """A plan with what it takes to judge it: each robot's profile and, where the document says it, its start."""

    plan: Plan
    profiles: dict[str, RobotProfile]
    starts: dict[str, Pose] = field(default_factory=dict)


def plan_to_dict(
    plan: Plan, profiles: Mapping[str, RobotProfile], starts: Mapping[str, Pose] | None = None
) -> dict[str, Any]:
    """The plan as a document fit for JSON, rounded to micrometres; robots of `starts` without a path are kept."""
    starts = starts or {}
    named = [path.robot for path in plan.paths]
    names = named + [name for name in starts if name not in named]
    claims = {key: _claim(getattr(plan, key)) for key in CLAIMS}
    return {
        "format": FORMAT,
        "floor": plan.floor,
        "zones": list(plan.zones),
        "robots": [_robot_to_dict(plan.path(name), profiles[name], starts.get(name)) for name in names],
        "missed": [_missed_to_dict(area) for area in plan.missed],
        **{key: value for key, value in claims.items() if value is not None},
    }


def _claim(value: float) -> float | None:
    return round(value, DIGITS) if math.isfinite(value) else None


def _robot_to_dict(path: CoveragePath, profile: RobotProfile, start: Pose | None) -> dict[str, Any]:
    built_in = BUILT_IN.get(profile.name) == profile
    document: dict[str, Any] = {"robot": path.robot, "profile": profile.name if built_in else _inline(profile)}
    if start is not None:
        document["start"] = [round(value, DIGITS) for value in (start.x_m, start.y_m, start.yaw_rad)]
    document["legs"] = [_leg_to_dict(leg) for leg in path.legs]
    return document


def _inline(profile: RobotProfile) -> dict[str, Any]:
    document = profile_to_dict(profile)
    del document["battery"], document["interface"]
    return {"name": profile.name, **document}


def _leg_to_dict(leg: Leg) -> dict[str, Any]:
    return {
        "id": leg.leg_id,
        "kind": leg.kind.value,
        "zone": leg.zone,
        "reverse": leg.reverse,
        "points": [[round(x, DIGITS), round(y, DIGITS)] for x, y in leg.points.tolist()],
        "times_s": [round(at_s, DIGITS) for at_s in leg.times_s.tolist()],
    }


def _missed_to_dict(area: MissedArea) -> dict[str, Any]:
    rings = [area.polygon.exterior, *area.polygon.interiors]
    polygon = [[[round(x, DIGITS), round(y, DIGITS)] for x, y in ring.coords] for ring in rings]
    return {"zone": area.zone, "reason": area.reason.value, "area_m2": round(area.area_m2, DIGITS), "polygon": polygon}


def read_plan(text: str | bytes, profiles: Mapping[str, RobotProfile] = BUILT_IN, file: str = "plan") -> PlanDocument:
    """The plan in a JSON text; `profiles` are the ones that it may name. Raises BadPlan with every fault."""
    if len(text) > MOST_BYTES:
        raise BadPlan((Fault(file, "", f"holds {len(text)} bytes", f"At most {MOST_BYTES} can be read."),))
    try:
        document = json.loads(text)
    except RecursionError:
        raise BadPlan((Fault(file, "", "is nested too deeply", "A plan needs a depth of six."),)) from None
    except ValueError as error:
        raise BadPlan((Fault(file, "", f"is not JSON: {error}", "Mend the text at that place."),)) from None
    return document_from_dict(document, profiles, file)


def document_from_dict(
    document: object, profiles: Mapping[str, RobotProfile] = BUILT_IN, file: str = "plan"
) -> PlanDocument:
    """The plan that a parsed document describes, with profiles and starts; raises BadPlan with every fault."""
    reader = PlanReader(file, profiles)
    found = reader.read(document, FORMAT)
    if found is None or reader.faults:
        raise BadPlan(tuple(reader.faults))
    return PlanDocument(*found)


def plan_from_dict(document: object, profiles: Mapping[str, RobotProfile] = BUILT_IN, file: str = "plan") -> Plan:
    """The plan alone; raises BadPlan with every fault."""
    return document_from_dict(document, profiles, file).plan
