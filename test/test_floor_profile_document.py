"""A profile survives the way into a document and back, and a bad document is answered with every fault."""

from __future__ import annotations

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from robot_fleet.floor.footprint import Footprint
from robot_fleet.floor.profile import BUILT_IN, Battery, Channels, Head, Interface, RobotProfile, Squeegee, Tank
from robot_fleet.floor.profile_document import BadProfile, profile_from_dict, profile_to_dict

LEAST = {"footprint": {"radius_m": 0.35}, "head": {"width_m": 0.7}, "speed_mps": 0.5, "yaw_rate_rps": 0.6}
ROBOT = st.builds(
    RobotProfile,
    name=st.just("any"),
    footprint=st.one_of(
        st.builds(Footprint, st.floats(0.05, 3.0)),
        st.builds(lambda a, b: Footprint(corners_m=((-a, -b), (a, -b), (a, b))), st.floats(0.1, 2), st.floats(0.1, 2)),
    ),
    head=st.builds(Head, st.floats(0.1, 2.0), st.floats(-1.0, 1.0)),
    speed_mps=st.floats(0.1, 3.0),
    yaw_rate_rps=st.floats(0.1, 3.0),
    acceleration_mps2=st.none() | st.floats(0.1, 3.0),
    least_radius_m=st.floats(0.0, 3.0),
    reverses=st.booleans(),
    surfaces=st.lists(st.sampled_from(["hard", "carpet", "ramp"]), min_size=1, unique=True).map(tuple),
    squeegee=st.none() | st.builds(Squeegee, st.floats(0.1, 2.0), st.floats(-1.0, 1.0)),
    tank=st.builds(Tank, st.none() | st.floats(1.0, 1e5), st.floats(0.0, 3600.0)),
    channels=st.builds(Channels, st.floats(0.0, 2.0), st.floats(0.0, 2.0)),
    battery=st.builds(Battery, cleaning_h=st.floats(0.1, 9.0), planned=st.booleans()),
    interface=st.builds(
        Interface, map_frame=st.sampled_from(["map", "Karte 2", "/m"]), pose_topic=st.sampled_from(["", "amcl_pose"])
    ),
)


@pytest.mark.parametrize("name", sorted(BUILT_IN))
def test_a_built_in_profile_comes_back_from_json(name: str) -> None:
    document = json.loads(json.dumps(profile_to_dict(BUILT_IN[name])))
    assert profile_from_dict(name, document) == BUILT_IN[name]


@given(ROBOT)
def test_any_profile_comes_back(profile: RobotProfile) -> None:
    assert profile_from_dict("any", json.loads(json.dumps(profile_to_dict(profile)))) == profile


def test_four_fields_are_enough() -> None:
    profile = profile_from_dict("W", LEAST)
    assert profile == RobotProfile("W", Footprint(0.35), Head(0.7), 0.5, 0.6)


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"footprint": None}, "W.footprint"),
        ({"footprint": {}}, "W.footprint"),
        ({"footprint": {"radius_m": 0.3, "corners_m": []}}, "W.footprint"),
        ({"footprint": {"radius_m": -1}}, "W.footprint.radius_m"),
        ({"footprint": {"corners_m": [[0, 0], [1, 0]]}}, "W.footprint.corners_m"),
        ({"footprint": {"corners_m": [[0, 0], [1, 0], [1, "x"]]}}, "W.footprint.corners_m"),
        ({"footprint": {"corners_m": [[-1, -1], [1, 1], [1, -1], [-1, 1]]}}, "W.footprint.corners_m"),
        ({"footprint": {"corners_m": [[1, 1], [2, 1], [2, 2]]}}, "W.footprint.corners_m"),
        ({"head": 0.7}, "W.head"),
        ({"head": {}}, "W.head.width_m"),
        ({"head": {"width_m": 0.7, "offset_m": float("nan")}}, "W.head.offset_m"),
        ({"head": {"width_m": 0.7, "offset_m": 100}}, "W.head.offset_m"),
        ({"head": {"width_m": 30}}, "W.head.width_m"),
        ({"squeegee": {"width_m": 0.8, "offset_m": -30}}, "W.squeegee.offset_m"),
        ({"squeegee": {"width_m": 30, "offset_m": -0.3}}, "W.squeegee.width_m"),
        ({"least_radius_m": 100}, "W.least_radius_m"),
        ({"lifted_radius_m": 100}, "W.lifted_radius_m"),
        ({"footprint": {"corners_m": [[-50, -0.3], [1, 0.3], [1, -0.3]]}}, "W.footprint.corners_m"),
        ({"speed_mps": 0}, "W.speed_mps"),
        ({"speed_mps": True}, "W.speed_mps"),
        ({"speed_mps": 10**400}, "W.speed_mps"),
        ({"speed_mps": float("inf")}, "W.speed_mps"),
        ({"clearance_m": -0.01}, "W.clearance_m"),
        ({"clearance_m": None}, "W.clearance_m"),
        ({"colour": "red"}, "W.colour"),
        ({"acceleration_mps2": 1e-9}, "W.acceleration_mps2"),
        ({"yaw_acceleration_rps2": 5e-324}, "W.yaw_acceleration_rps2"),
        ({"battery": {"cleaning_h": 5e-324}}, "W.battery.cleaning_h"),
        ({"battery": {"charging_h": 1e299}}, "W.battery.charging_h"),
        ({"reverses": None}, "W.reverses"),
        ({"surfaces": "carpet"}, "W.surfaces"),
        ({"surfaces": []}, "W.surfaces"),
        ({"surfaces": [3]}, "W.surfaces"),
        ({"squeegee": 0.8}, "W.squeegee"),
        ({"squeegee": {"width_m": 0.8}}, "W.squeegee.offset_m"),
        ({"squeegee": {"width_m": 0.01, "offset_m": -0.4}}, "W.squeegee.width_m"),
        ({"tank": {"area_m2": 0}}, "W.tank.area_m2"),
        ({"tank": {"service_s": None}}, "W.tank.service_s"),
        ({"tank": {"litres": 60}}, "W.tank.litres"),
        ({"channels": {"solution_off_m": -0.1}}, "W.channels.solution_off_m"),
        ({"battery": {"reserve": 1.0}}, "W.battery.reserve"),
        ({"battery": {"reserve": None}}, "W.battery.reserve"),
        ({"battery": {"cleaning_h": 0}}, "W.battery.cleaning_h"),
        ({"battery": []}, "W.battery"),
        ({"interface": {"map_frame": 3}}, "W.interface.map_frame"),
        ({"interface": {"topic": "/x"}}, "W.interface.topic"),
        ({"interface": {"follow_path": ""}}, "W.interface.follow_path"),
        ({"interface": {"follow_path": "a\nb"}}, "W.interface.follow_path"),
        ({"interface": {"pose_topic": "a\x1b[31mb"}}, "W.interface.pose_topic"),
        ({"speed_mps": 90}, "W.speed_mps"),
        ({"yaw_rate_rps": 90}, "W.yaw_rate_rps"),
        ({"acceleration_mps2": 90}, "W.acceleration_mps2"),
        ({"clearance_m": 99}, "W.clearance_m"),
        ({"goal_tolerance_m": 1e-300}, "W.goal_tolerance_m"),
        ({"goal_tolerance_m": 99}, "W.goal_tolerance_m"),
        ({"tank": {"area_m2": 1e-12}}, "W.tank.area_m2"),
        ({"channels": {"solution_off_m": 99}}, "W.channels.solution_off_m"),
        ({"channels": {"vacuum_on_m": 99}}, "W.channels.vacuum_on_m"),
        ({"footprint": {"corners_m": [[-1e-9, -1e-9], [1e-9, -1e-9], [0, 1e-9]]}}, "W.footprint.corners_m"),
        ({"footprint": {"corners_m": [[-1, -1e-4], [1, -1e-4], [1, 1e-4], [-1, 1e-4]]}}, "W.footprint.corners_m"),
    ],
)
def test_one_thing_wrong_is_one_fault_at_its_place(change: dict[str, object], place: str) -> None:
    with pytest.raises(BadProfile) as caught:
        profile_from_dict("W", {**LEAST, **change}, "store.yaml")
    assert [(fault.file, fault.place) for fault in caught.value.faults] == [("store.yaml", place)]


def test_every_fault_is_listed() -> None:
    with pytest.raises(BadProfile) as caught:
        profile_from_dict("W", {"speed_mps": -1, "head": {"width_m": "wide"}, "weight": 3})
    places = {fault.place for fault in caught.value.faults}
    assert places == {"W.weight", "W.footprint", "W.yaw_rate_rps", "W.speed_mps", "W.head.width_m"}


@given(
    st.recursive(st.none() | st.floats() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))
)
def test_any_document_is_a_profile_or_refused(document: object) -> None:
    try:
        profile_from_dict("W", document)
    except BadProfile as refusal:
        assert refusal.faults


@pytest.mark.parametrize(
    ("battery", "planned"),
    [(None, False), ({"cleaning_h": 2.0}, True), ({}, True), ({"cleaning_h": 2.0, "planned": False}, False)],
)
def test_a_battery_counts_in_plans_where_it_is_stated(battery: dict[str, object] | None, planned: bool) -> None:
    document = LEAST if battery is None else {**LEAST, "battery": battery}
    assert profile_from_dict("mine", document).battery.planned is planned


def test_the_batteries_of_built_in_profiles_do_not_count_in_plans() -> None:
    assert not any(profile.battery.planned for profile in BUILT_IN.values())


def test_a_built_in_profile_may_be_the_base_of_any() -> None:
    profile = profile_from_dict("mine", {"base": "W", "speed_mps": 0.4, "head": {"offset_m": 0.1}})
    assert profile == dataclasses.replace(BUILT_IN["W"], name="mine", speed_mps=0.4, head=Head(0.7, 0.1))


@pytest.mark.parametrize("base", ["Q", 3, None, ["W"]])
def test_a_base_that_is_none_is_told_alone(base: object) -> None:
    with pytest.raises(BadProfile) as caught:
        profile_from_dict("mine", {"base": base, "speed_mps": 0.4}, "mine.yaml")
    assert [(fault.place, fault.remedy) for fault in caught.value.faults] == [("mine.base", "Give one of R, W, S.")]


@pytest.mark.parametrize(
    "document", [{"base": "S\nfoo"}, {"base": "S", "speed_mps": "1\n\x1b[31m2"}, {"base": "S", "a\nb": 1}]
)
def test_faults_show_what_cannot_be_printed_escaped(document: dict[str, object]) -> None:
    with pytest.raises(BadProfile) as refusal:
        profile_from_dict("odd", document)
    assert all(str(fault).isprintable() for fault in refusal.value.faults)
