"""A plan survives the way into a document and back; a bad document is answered with every fault at its place."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely import Polygon

from robot_fleet.floor.pose import Pose
from robot_fleet.floor.profile import REFERENCE_R, SCRUBBER_S, WORKING_W, RobotProfile
from robot_fleet.planning.plan import CoveragePath, Leg, LegKind, MissedArea, MissedReason, Plan, Switch
from robot_fleet.planning.plan_file import BadPlan, document_from_dict, plan_from_dict, plan_to_dict, read_plan
from robot_fleet.planning.plan_format import Profiles

LEAST: dict[str, Any] = {
    "format": "robot-fleet-plan/1",
    "robots": [{"name": "r1", "profile": "R", "legs": [{"poses": [[0, 0], [5, 0]]}, {"poses": [[5, 0], [5, 2]]}]}],
}
FULL: dict[str, Any] = {
    "format": "robot-fleet-plan/1",
    "floor": "hall",
    "zones": ["strip"],
    "robots": [
        {
            "name": "r1",
            "profile": "W",
            "start": [0, 0, 0],
            "legs": [
                {
                    "id": "a",
                    "kind": "transit",
                    "zone": "",
                    "reverse": True,
                    "poses": [[0, 0], [1, 0]],
                    "times_s": [0, 9],
                },
                {
                    "id": "b",
                    "poses": [[1, 0], [1, 0], [5, 0]],
                    "times_s": [9, 10, 30],
                    "switches": [
                        {"at_s": 9, "deck": False, "solution": False, "vacuum": True},
                        {"at_s": 10, "deck": True, "solution": True, "vacuum": True},
                    ],
                },
            ],
        }
    ],
    "missed": [{"zone": "strip", "reason": "too narrow", "area_m2": 1.0, "polygon": [[0, 0], [1, 0], [1, 1], [0, 1]]}],
    "requested_m2": 3,
}


def faults_of(document: object) -> list[str]:
    with pytest.raises(BadPlan) as caught:
        document_from_dict(document)
    return [fault.place for fault in caught.value.faults]


def test_a_path_written_by_hand_gets_the_nominal_times() -> None:
    plan = plan_from_dict(LEAST)
    first, second = plan.paths[0].legs
    assert first.kind is LegKind.CLEAN
    # 5 m at 0.5 m/s; then a right angle at 0.6 rad/s and 2 m.
    assert first.times_s.tolist() == [0.0, 10.0]
    assert second.times_s[1] == pytest.approx(10.0 + math.pi / 2 / 0.6 + 4.0)
    assert math.isnan(plan.requested_m2)


def test_with_accelerations_the_nominal_times_are_trapezoids() -> None:
    document = copy.deepcopy(LEAST)
    document["robots"][0]["profile"] = "W"
    legs = plan_from_dict(document).paths[0].legs
    # 0.5 m/s with 0.5 m/s2 and 0.6 rad/s with 1.0 rad/s2: v/a more for each stop, w/a more for each pivot.
    assert legs[0].times_s[1] == pytest.approx(10.0 + 1.0)
    assert legs[1].times_s[1] == pytest.approx(11.0 + math.pi / 2 / 0.6 + 0.6 + 4.0 + 1.0)


def test_a_smooth_bend_takes_what_the_yaw_rate_leaves() -> None:
    angles = np.radians(np.arange(0, 91, 5))
    arc = [[math.sin(a), 1 - math.cos(a)] for a in angles]
    document = {**LEAST, "robots": [{"name": "r", "profile": "R", "legs": [{"poses": [[-3, 0], *arc, [1, 4]]}]}]}
    # Three metres at 0.5 m/s on both sides, where the first and last half vertex turn; 90 degrees less those at 0.6 rad/s.
    bend_s = max(math.pi / 2 / 0.6, math.pi / 2 / 0.5)
    assert plan_from_dict(document).makespan_s == pytest.approx(6 / 0.5 + bend_s, rel=0.01)


def test_start_kind_wait_and_claims_are_read() -> None:
    read = document_from_dict(FULL)
    first, second = read.plan.paths[0].legs
    assert read.starts == {"r1": Pose(0, 0, 0)}
    assert read.profiles == {"r1": WORKING_W}
    assert (first.kind, first.reverse, second.kind, second.reverse) == (LegKind.TRANSIT, True, LegKind.CLEAN, False)
    assert second.times_s.tolist() == [9, 10, 30]
    assert (first.switches, second.switches) == ((), (Switch(9, False, False, True), Switch(10, True, True, True)))
    assert read.plan.missed[0].reason is MissedReason.TOO_NARROW
    assert read.plan.requested_m2 == 3
    assert math.isnan(read.plan.planned_m2)


def test_a_profile_may_stand_in_the_document() -> None:
    document = copy.deepcopy(LEAST)
    document["robots"][0]["profile"] = {
        "footprint": {"radius_m": 0.2},
        "head": {"width_m": 0.3},
        "speed_mps": 1,
        "yaw_rate_rps": 1,
    }
    profile = document_from_dict(document).profiles["r1"]
    assert (profile.footprint.radius_m, profile.head.width_m, profile.speed_mps) == (0.2, 0.3, 1.0)


words = st.text(max_size=5).filter(str.isprintable)
numbers = st.floats(-100, 100).map(lambda value: round(value, 6))
polylines = st.lists(st.tuples(numbers, numbers), min_size=2, max_size=6)


@st.composite
def switches_within(draw: st.DrawFn, begin_s: float, end_s: float) -> tuple[Switch, ...]:
    times = sorted(draw(st.lists(st.floats(begin_s, end_s).map(lambda at_s: round(at_s, 6)), max_size=3)))
    return tuple(Switch(at_s, *(draw(st.booleans()) for _ in range(3))) for at_s in times)


@st.composite
def plans(draw: st.DrawFn) -> tuple[Plan, dict[str, RobotProfile]]:
    paths, at_s = [], 0.0
    for robot in range(draw(st.integers(1, 3))):
        legs = []
        for k, points in enumerate(draw(st.lists(polylines, max_size=3))):
            times = at_s + np.cumsum([round(draw(st.floats(0, 50)), 3) for _ in points])
            at_s = float(times[-1])
            kind = draw(st.sampled_from(LegKind))
            switches = draw(switches_within(float(times[0]), at_s))
            legs.append(Leg(f"{robot}.{k}", kind, np.array(points), times, draw(words), draw(st.booleans()), switches))
        paths.append(CoveragePath(f"robot {robot}", tuple(legs)))
    missed = MissedArea("z", draw(st.sampled_from(MissedReason)), Polygon([(0, 0), (3, 0), (0, 3)]), 4.5)
    claims = [draw(st.floats(0, 1e5).map(lambda value: round(value, 6))) for _ in range(4)]
    profiles = {path.robot: draw(st.sampled_from((REFERENCE_R, WORKING_W, SCRUBBER_S))) for path in paths}
    return Plan("hall", ("z",), tuple(paths), (missed,), *claims), profiles


@given(plans())
def test_any_plan_comes_back(given_plan: tuple[Plan, dict[str, RobotProfile]]) -> None:
    plan, profiles = given_plan
    starts = {name: Pose(1.0, 2.0, 3.0) for name in profiles}
    again = read_plan(json.dumps(plan_to_dict(plan, profiles, starts), allow_nan=False))
    assert (again.profiles, again.starts) == (profiles, starts)
    assert [path.robot for path in again.plan.paths] == [path.robot for path in plan.paths]
    legs, others = ([leg for path in one.paths for leg in path.legs] for one in (plan, again.plan))
    for leg, other in zip(legs, others, strict=True):
        assert (leg.leg_id, leg.kind, leg.zone, leg.reverse) == (other.leg_id, other.kind, other.zone, other.reverse)
        np.testing.assert_allclose(leg.points, other.points, atol=1e-6)
        np.testing.assert_allclose(leg.times_s, other.times_s, atol=1e-5)
        assert leg.switches == other.switches
    assert again.plan.missed[0].polygon.equals(plan.missed[0].polygon)
    assert (again.plan.requested_m2, again.plan.bound_s) == (plan.requested_m2, plan.bound_s)


PATHS: dict[str, Any] = {
    "format": "robot-fleet-paths/1",
    "robots": [{"name": "r1", "points": [[0, 0], [5, 0], [5, 2]]}, {"name": "r2", "points": [[9, 0], [9, 5]]}],
}


def test_paths_of_another_program_are_driven_by_the_robots_of_the_store() -> None:
    profiles = Profiles({}, {"r1": REFERENCE_R}, WORKING_W)
    read = document_from_dict(PATHS, profiles)
    assert read.profiles == {"r1": REFERENCE_R, "r2": WORKING_W}
    (leg,) = read.plan.path("r1").legs
    assert leg.kind is LegKind.CLEAN
    assert leg.times_s.tolist() == pytest.approx([0.0, 10.0, 10.0 + math.pi / 2 / 0.6 + 4.0])
    assert document_from_dict(PATHS, Profiles({}, instead=SCRUBBER_S)).profiles["r1"] == SCRUBBER_S
    assert faults_of(PATHS) == ["robots[0].profile", "robots[1].profile"]


def test_poses_tell_headings_pivots_and_driving_backwards() -> None:
    legs = (
        Leg("out", LegKind.UNDOCK, np.array([(0.0, 0.0), (-1.0, 0.0)]), np.array([0.0, 2.0]), reverse=True),
        Leg("on", LegKind.CLEAN, np.array([(-1.0, 0.0), (-1.0, 5.0), (4.0, 5.0)]), np.array([2.0, 20.0, 40.0])),
    )
    plan = Plan("hall", (), (CoveragePath("r1", legs),), (), *[math.nan] * 4)
    document = plan_to_dict(plan, {"r1": REFERENCE_R}, {"r1": Pose(0, 0, 0)})
    out, on = document["robots"][0]["legs"]
    assert [pose[2] for pose in out["poses"]] == [0.0, 0.0]
    quarter = math.pi / 2
    assert [pose[2] for pose in on["poses"]] == pytest.approx([0.0, quarter, quarter, 0.0, 0.0], abs=1e-6)
    assert on["times_s"] == pytest.approx([2.0, 2.0 + quarter / 0.6, 20.0, 20.0 + quarter / 0.6, 40.0], abs=1e-6)
    assert (out["tool_on"], on["tool_on"], on["start_s"], on["end_s"]) == (False, True, 2.0, 40.0)
    del out["reverse"]
    again = document_from_dict(document).plan.path("r1").legs
    assert [leg.reverse for leg in again] == [True, False]
    assert again[1].points.tolist() == legs[1].points.tolist()


@pytest.mark.parametrize("off_deg", [50.0, -69.0, 120.0])
def test_headings_off_the_way_are_a_fault_at_the_first_such_pose(off_deg: float) -> None:
    off, backwards = math.radians(off_deg), math.pi
    ways = {"ahead": [[0, 0, 0.1], [3, 0, 0.2], [3, 0, 1.6], [3, 2, 1.5]], "back": [[0, 0], [3, 0, backwards]]}
    for poses in ways.values():
        document = copy.deepcopy(LEAST)
        document["robots"][0]["legs"] = [{"poses": poses}]
        assert document_from_dict(document).plan.paths
        poses[-1][2] += off
        with pytest.raises(BadPlan) as caught:
            document_from_dict(document)
        fault = caught.value.faults[0]
        assert fault.place == f"robots[0].legs[0].poses[{len(poses) - 1}]"
        assert "off the way that leads to it" in fault.what


@pytest.mark.parametrize("turn_rad", [0.0, 0.002, math.pi / 2])
def test_a_wait_comes_back_whatever_turn_comes_after_it(turn_rad: float) -> None:
    on = (2.0 + 3.0 * math.cos(turn_rad), 3.0 * math.sin(turn_rad))
    points = np.array([(0.0, 0.0), (2.0, 0.0), (2.0, 0.0), on])
    leg = Leg("on", LegKind.CLEAN, points, np.array([0.0, 4.0, 14.0, 20.0]))
    plan = Plan("hall", (), (CoveragePath("r1", (leg,)),), (), *[math.nan] * 4)
    document = plan_to_dict(plan, {"r1": REFERENCE_R}, {"r1": Pose(0, 0, 0)})
    again = document_from_dict(document).plan.path("r1").legs[0]
    assert again.points == pytest.approx(points)
    assert again.times_s.tolist() == [0.0, 4.0, 14.0, 20.0]


def test_a_robot_that_pivots_after_a_wait_drives_on_when_it_has_turned() -> None:
    poses = [[0, 0, 0], [2, 0, 0], [2, 0, 0], [2, 0, 1.57], [2, 3, 1.57]]
    robot = {"name": "r1", "profile": "R", "legs": [{"poses": poses, "times_s": [0, 4, 14, 17, 23]}]}
    leg = document_from_dict({"format": "robot-fleet-plan/1", "robots": [robot]}).plan.path("r1").legs[0]
    assert leg.times_s.tolist() == [0, 4, 17, 23]


def test_a_service_is_a_stay_at_one_place() -> None:
    stay = Leg("stay", LegKind.SERVICE, np.array([(1.0, 2.0), (1.0, 2.0)]), np.array([0.0, 300.0]))
    plan = Plan("hall", (), (CoveragePath("r1", (stay,)),), (), *[math.nan] * 4)
    document = plan_to_dict(plan, {"r1": REFERENCE_R}, {"r1": Pose(1, 2, 0.5)})
    (leg,) = document["robots"][0]["legs"]
    assert (leg["kind"], leg["poses"], leg["times_s"]) == ("service", [[1, 2, 0.5]] * 2, [0, 300])
    assert (leg["tool_on"], "switches" in leg) == (False, False)
    (again,) = document_from_dict(document).plan.path("r1").legs
    assert (again.kind, again.points.tolist(), again.times_s.tolist()) == (LegKind.SERVICE, [[1, 2]] * 2, [0, 300])


def test_batteries_are_accounted_for_by_the_profile_or_by_the_charge() -> None:
    plan = plan_from_dict(LEAST)
    silent, told = (plan_to_dict(plan, {"r1": WORKING_W}, None, charges) for charges in (None, {"r1": 0.8}))
    assert "battery" not in silent["robots"][0]["profile"]
    assert document_from_dict(silent).charges == {}
    assert document_from_dict(told).charges == {"r1": 0.8}
    assert document_from_dict(told).profiles == {"r1": WORKING_W}
    del told["robots"][0]["charge"]
    assert document_from_dict(told).charges == {"r1": 1.0}
    told["robots"][0] |= {"profile": "W", "charge": 0.5}
    assert document_from_dict(told).charges == {"r1": 0.5}


def test_a_robot_that_only_stands_in_the_way_is_kept() -> None:
    plan = Plan("hall", (), (), (), math.nan, math.nan, math.nan, math.nan)
    again = document_from_dict(plan_to_dict(plan, {"idle": WORKING_W}, {"idle": Pose(1, 2, 0)}))
    assert again.starts == {"idle": Pose(1, 2, 0)}


def change(path: str, value: object) -> Callable[[dict[str, Any]], None]:
    def apply(document: dict[str, Any]) -> None:
        *way, last = [int(key) if key.isdigit() else key for key in path.split(".")]
        place: Any = document
        for key in way:
            place = place[key]
        place[last] = value

    return apply


@pytest.mark.parametrize(
    ("path", "value", "place"),
    [
        ("format", "robot-fleet-plan/2", "format"),
        ("format", None, "format"),
        ("robots", "all", "robots"),
        ("robots", None, "robots"),
        ("zones", "hall", "zones"),
        ("colour", 1, "colour"),
        ("requested_m2", math.nan, "requested_m2"),
        ("requested_m2", -1, "requested_m2"),
        ("makespan_s", 5, "makespan_s"),
        ("robots.0.name", "", "robots[0].name"),
        ("robots.0.name", "a\x1b[31m", "robots[0].name"),
        ("robots.0.name", "a\ud800", "robots[0].name"),
        ("robots.0.profile", "X", "robots[0].profile"),
        ("robots.0.profile", None, "robots[0].profile"),
        ("robots.0.start", [1], "robots[0].start"),
        ("robots.0.start", [1, 2, math.inf], "robots[0].start"),
        ("robots.0.legs", None, "robots[0].legs"),
        ("robots.0.legs.0", [], "robots[0].legs[0]"),
        ("robots.0.legs.1.id", "a", "robots[0].legs[1].id"),
        ("robots.0.legs.1.kind", "mop", "robots[0].legs[1].kind"),
        ("robots.0.legs.1.reverse", 1, "robots[0].legs[1].reverse"),
        ("robots.0.legs.0.poses", [[0, 0]], "robots[0].legs[0].poses"),
        ("robots.0.legs.0.poses.1", [0, math.nan], "robots[0].legs[0].poses[1]"),
        ("robots.0.legs.0.poses.0", [0, 10**400], "robots[0].legs[0].poses[0]"),
        ("robots.0.legs.0.poses.0", "ab", "robots[0].legs[0].poses[0]"),
        ("robots.0.legs.0.times_s", [0], "robots[0].legs[0].times_s"),
        ("robots.0.legs.0.times_s.1", -3, "robots[0].legs[0].times_s[1]"),
        ("robots.0.legs.1.times_s.1", 8, "robots[0].legs[1].times_s[1]"),
        ("robots.0.legs.1.times_s.0", 8, "robots[0].legs[1].times_s"),
        ("robots.0.legs.0.times_s", None, "robots[0].legs"),
        ("robots.0.legs.0.tool_on", True, "robots[0].legs[0].tool_on"),
        ("robots.0.legs.0.tool_on", "no", "robots[0].legs[0].tool_on"),
        ("robots.0.legs.0.end_s", 5, "robots[0].legs[0].end_s"),
        ("robots.0.charge", 1.5, "robots[0].charge"),
        ("robots.0.charge", True, "robots[0].charge"),
        ("robots.0.legs.1.switches", 7, "robots[0].legs[1].switches"),
        ("robots.0.legs.1.switches.0", [9], "robots[0].legs[1].switches[0]"),
        ("robots.0.legs.1.switches.0.at_s", None, "robots[0].legs[1].switches[0].at_s"),
        ("robots.0.legs.1.switches.0.at_s", math.nan, "robots[0].legs[1].switches[0].at_s"),
        ("robots.0.legs.1.switches.0.at_s", "9", "robots[0].legs[1].switches[0].at_s"),
        ("robots.0.legs.1.switches.0.at_s", 8.9, "robots[0].legs[1].switches[0].at_s"),
        ("robots.0.legs.1.switches.1.at_s", 30.1, "robots[0].legs[1].switches[1].at_s"),
        ("robots.0.legs.1.switches.0.at_s", 11, "robots[0].legs[1].switches[1].at_s"),
        ("robots.0.legs.1.switches.0.deck", 1, "robots[0].legs[1].switches[0].deck"),
        ("robots.0.legs.1.switches.0.vacuum", None, "robots[0].legs[1].switches[0].vacuum"),
        ("robots.0.legs.1.switches.1.brush", True, "robots[0].legs[1].switches[1].brush"),
        ("frame_id", "odom", "frame_id"),
        ("missed.0.reason", "lazy", "missed[0].reason"),
        ("missed.0.holes", [[[0, 0], [9, 9]]], "missed[0].polygon"),
        ("missed.0.polygon", [], "missed[0].polygon"),
        ("missed.0.polygon", [[0, 0], [1, 1], [1, 0], [0, 1]], "missed[0].polygon"),
    ],
)
def test_one_thing_wrong_is_one_fault_at_its_place(path: str, value: object, place: str) -> None:
    document = copy.deepcopy(FULL)
    change(path, value)(document)
    assert faults_of(document) == [place]


def test_more_switches_than_can_be_read_are_one_fault() -> None:
    document = copy.deepcopy(FULL)
    switch = document["robots"][0]["legs"][1]["switches"][0]
    document["robots"][0]["legs"][1]["switches"] = [switch] * 200_001
    assert faults_of(document) == ["robots[0].legs[1].switches"]


def test_switches_in_a_leg_without_times_are_a_fault() -> None:
    document = copy.deepcopy(FULL)
    for leg in document["robots"][0]["legs"]:
        del leg["times_s"]
    assert faults_of(document) == ["robots[0].legs[1].switches"]


def test_every_fault_is_listed() -> None:
    document = copy.deepcopy(FULL)
    change("format", "other")(document)
    change("robots.0.profile", "X")(document)
    change("robots.0.legs.0.kind", "mop")(document)
    change("robots.0.legs.1.poses.2", [math.inf, 0])(document)
    assert faults_of(document) == [
        "format",
        "robots[0].profile",
        "robots[0].legs[0].kind",
        "robots[0].legs[1].poses[2]",
    ]


def test_two_robots_with_one_name_are_refused() -> None:
    document = copy.deepcopy(LEAST)
    document["robots"].append(copy.deepcopy(LEAST["robots"][0]))
    assert faults_of(document) == ["robots[1].name"]


def test_faults_of_an_inline_profile_are_listed_at_their_place() -> None:
    document = copy.deepcopy(LEAST)
    document["robots"][0]["profile"] = {"footprint": {"radius_m": -1}, "head": {"width_m": 1}, "speed_mps": 1}
    assert faults_of(document) == ["robots[0].profile.yaw_rate_rps", "robots[0].profile.footprint.radius_m"]


@pytest.mark.parametrize(
    "text",
    ["", "nonsense", "[" * 100_000, '{"a":' * 100_000, b"\xff\xfe\x00", "[1e999]", "9" * 5000, '{"a": 1, "a": 2}'],
)
def test_hostile_text_is_refused(text: str | bytes) -> None:
    with pytest.raises(BadPlan) as caught:
        read_plan(text)
    assert caught.value.faults


def test_faults_can_be_written_anywhere() -> None:
    document = {**LEAST, "floor": "\x1b[2J\ud800\u202e"}
    with pytest.raises(BadPlan) as caught:
        plan_from_dict(document)
    assert str(caught.value).isprintable()


def path_of(points: list[tuple[float, float]]) -> dict[str, object]:
    return {"format": "robot-fleet-paths/1", "robots": [{"name": "a", "profile": "R", "points": points}]}


@pytest.mark.parametrize(
    ("point", "what"),
    [
        ("[1, NaN]", "has the y nan"),
        ("[-Infinity, 1]", "has the x -inf"),
        ("[1e7, 1]", "has the x 10000000.0, farther than 1000000"),
        ("[1, 2, 1e300]", "has the yaw 1e+300"),
        ('[1, "2"]', 'has the y "2"'),
        ("[1]", "is a list of 1"),
    ],
)
def test_of_a_bad_point_the_robot_and_the_number_are_told(point: str, what: str) -> None:
    with pytest.raises(BadPlan) as caught:
        read_plan(json.dumps(path_of([(0.0, 0.0), (1.0, 0.0)])).replace("[1.0, 0.0]", point))
    (fault,) = caught.value.faults
    assert fault.place == "robots[0].points[1]"
    assert '"a"' in fault.what and what in fault.what


def test_a_file_without_robots_is_refused() -> None:
    for name in ("robot-fleet-paths/1", "robot-fleet-plan/1"):
        with pytest.raises(BadPlan, match="robots: is empty"):
            document_from_dict({"format": name, "robots": []})


def test_a_path_longer_than_any_night_is_refused() -> None:
    there_and_back = [(0.0, 0.0), (1e5, 0.0)] * 2
    assert faults_of(path_of(there_and_back)) == ["robots[0].points"]


def test_steps_too_short_to_be_seen_are_driven_all_the_same() -> None:
    plan = plan_from_dict(path_of([(k * 1e-5, 0.0) for k in range(100_001)]))
    (leg,) = plan.paths[0].legs
    assert leg.length_m == pytest.approx(1.0)
    assert leg.times_s[-1] == pytest.approx(2.0, rel=0.01)


def test_a_million_faults_are_told_in_a_few_hundred() -> None:
    document = {**LEAST, "robots": [7] * 900, "missed": [7] * 100_000}
    assert len(faults_of(document)) <= 200


documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from((*FULL, "x", "legs", "poses")), inner),
    max_leaves=20,
)


@given(documents)
def test_any_document_is_a_plan_or_refused(document: object) -> None:
    try:
        plan_from_dict(document)
    except BadPlan as refusal:
        assert refusal.faults


@given(
    st.sampled_from(("robots", "robots.0", "robots.0.legs", "robots.0.legs.0", "robots.0.start", "missed.0")), documents
)
def test_any_part_may_be_anything(path: str, value: object) -> None:
    document = copy.deepcopy(FULL)
    change(path, value)(document)
    try:
        plan_from_dict(document)
    except BadPlan as refusal:
        assert refusal.faults
