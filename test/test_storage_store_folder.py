"""Store folders: what a good one gives, and that a bad one gets every fault at once."""

from __future__ import annotations

import datetime
import itertools
import json
import math
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapely import box

from robot_fleet.fleet.errors import InvalidInput
from robot_fleet.floor.grid import OccupancyGrid
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.profile import SCRUBBER_S, WORKING_W
from robot_fleet.floor.reach import coverable
from robot_fleet.floor.store import Dock, Keepout, OneWay, Zone
from robot_fleet.storage.documents import is_name
from robot_fleet.storage.floor_file import FloorFile, read_floor_file, write_floor_file
from robot_fleet.storage.maps import write_map
from robot_fleet.storage.store_folder import load_store

SHARED_BOOKSTORE = Path(__file__).parents[2] / "shared" / "maps" / "bookstore"
ZONE = {"kind": "zone", "name": "shop"}
SQUARE = [[[0, 0], [10, 0], [10, 8], [0, 8], [0, 0]]]


def feature(properties: dict[str, Any], coordinates: Any, kind: str = "Polygon") -> dict[str, Any]:
    return {"type": "Feature", "properties": properties, "geometry": {"type": kind, "coordinates": coordinates}}


def dock(name: str, x: float, y: float, yaw: float = math.pi) -> dict[str, Any]:
    return feature({"kind": "dock", "name": name, "yaw": yaw}, [x, y], "Point")


GOOD_FLOOR = [feature(ZONE, SQUARE), dock("a", 0.6, 1.0), dock("b", 0.6, 2.5)]
GOOD_ROBOTS = "robots:\n- {name: one, profile: W, dock: a}\n- {name: two, profile: W, dock: b}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A room of 10 x 8 m with walls."""
    cells = np.full((160, 200), 100, dtype=np.int8)
    cells[1:-1, 1:-1] = 0
    write_map(tmp_path, OccupancyGrid(cells, 0.05, Pose(0, 0)))
    return tmp_path


def filled(folder: Path, features: list[Any] | None = None, robots: str = GOOD_ROBOTS) -> Path:
    document = {"type": "FeatureCollection", "features": GOOD_FLOOR if features is None else features}
    (folder / "floor.geojson").write_text(json.dumps(document))
    (folder / "store.yaml").write_text(robots)
    return folder


def faults(folder: Path, **asked: Any) -> list[str]:
    with pytest.raises(InvalidInput) as refusal:
        load_store(folder, **asked)
    assert refusal.value.reason == "BAD_STORE"
    assert all(fault.file and fault.what and fault.remedy for fault in refusal.value.faults)
    return [f"{fault.file}: {fault.place}: {fault.what}" for fault in refusal.value.faults]


def test_a_whole_folder_becomes_a_store(folder: Path) -> None:
    store = load_store(filled(folder, robots="time_zone: Europe/Berlin\n" + GOOD_ROBOTS))
    assert store.time_zone == "Europe/Berlin"
    assert [(robot.name, robot.dock, robot.namespace) for robot in store.robots] == [
        ("one", "a", "/one"),
        ("two", "b", "/two"),
    ]
    assert store.floor.name == folder.name
    assert store.floor.zone("shop").polygon.equals(box(0, 0, 10, 8))
    assert store.floor.dock("b").pose == Pose(0.6, 2.5, math.pi)
    assert store.robot("one").profile == WORKING_W


def test_profiles_build_on_the_built_in_ones(folder: Path) -> None:
    robots = (
        "profiles:\n"
        "  slow: {base: S, speed_mps: 0.3, head: {width_m: 0.5}, interface: {battery_topic: power}}\n"
        "  small: {footprint: {radius_m: 0.2}, head: {width_m: 0.4}, speed_mps: 1, yaw_rate_rps: 1}\n"
        "robots:\n- {name: one, profile: slow, dock: a, map_to_robot: [1, 2, 0.5], namespace: fleet/one}\n"
    )
    slow = load_store(filled(folder, [feature(ZONE, SQUARE), dock("a", 1.4, 3.0)], robots)).robot("one")
    assert (slow.profile.name, slow.profile.speed_mps, slow.profile.head.width_m) == ("slow", 0.3, 0.5)
    assert (slow.profile.footprint, slow.profile.head.offset_m) == (SCRUBBER_S.footprint, SCRUBBER_S.head.offset_m)
    assert (slow.profile.interface.battery_topic, slow.profile.interface.dock_robot) == ("power", "dock_robot")
    assert (slow.map_to_robot, slow.namespace) == (Pose(1.0, 2.0, 0.5), "/fleet/one")


def test_a_map_alone_is_enough(folder: Path) -> None:
    store = load_store(folder)
    assert [(robot.name, robot.profile) for robot in store.robots] == [("robot_1", WORKING_W)]
    assert [zone.name for zone in store.floor.zones] == ["floor"]
    assert store.floor.requested(("floor",)).sum() == store.floor.grid.free.sum()


@pytest.mark.parametrize("robots", [1, 2, 5])
def test_as_many_robots_as_asked_for(folder: Path, robots: int) -> None:
    store = load_store(filled(folder), robots=robots)
    assert len(store.robots) == robots
    assert [robot.name for robot in store.robots][:2] == ["one", "two"][:robots]
    assert len({robot.dock for robot in store.robots}) == robots


def test_spare_docks_are_used_before_new_ones_are_placed(folder: Path) -> None:
    store = load_store(filled(folder, robots="robots:\n- {name: robot_1, profile: W}\n"), robots=3)
    assert [robot.name for robot in store.robots] == ["robot_1", "robot_2", "robot_3"]
    assert [robot.dock for robot in store.robots][:2] == ["a", "b"]
    assert len(store.floor.docks) == 3


def test_a_profile_can_be_asked_for(folder: Path) -> None:
    store = load_store(filled(folder), profile="R")
    assert {robot.profile.name for robot in store.robots} == {"R"}
    assert faults(filled(folder), profile="X")[0].startswith("profile: : 'X' is not known")


@pytest.mark.parametrize("robots", [0, -1, 1000])
def test_an_impossible_number_of_robots_is_refused(folder: Path, robots: int) -> None:
    assert faults(filled(folder), robots=robots) == [f"robots: : is {robots}"]


def test_no_folder_and_no_map_are_refused(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    assert "no such folder" in faults(folder / "nowhere")[0]
    assert "there is no file" in faults(tmp_path_factory.mktemp("empty"))[0]


@pytest.mark.parametrize(
    ("broken", "place"),
    [
        (7, "feature 1"),
        ({"type": "Feature"}, "feature 1"),
        (feature({"name": "x"}, SQUARE), "feature 1"),
        (feature({"kind": "door", "name": "x"}, SQUARE), "feature 1"),
        (feature({"kind": "zone"}, SQUARE), "feature 1 (zone)"),
        (feature({"kind": ["zone"], "name": "x"}, SQUARE), "feature 1"),
        (feature({"kind": "zone", "name": "x"}, [1, 2], "Point"), 'zone "x"'),
        (feature({"kind": "zone", "name": "x"}, [[[0, 0], [1, 1]]]), 'zone "x"'),
        (feature({"kind": "zone", "name": "x"}, [[[0, 0], [1, 1], [2, "3"]]]), 'zone "x"'),
        (feature({"kind": "zone", "name": "x"}, [[[0, 0], [1, 1], [math.nan, 3]]]), 'zone "x"'),
        (feature({"kind": "zone", "name": "x"}, [[[1, 1], [3, 3], [3, 1], [1, 3]]]), 'zone "x"'),
        (feature({"kind": "zone", "name": "x"}, [[[1, 1], [2, 2], [3, 3]]]), 'zone "x"'),
        (feature({"kind": "zone", "name": "x", "priority": "high"}, SQUARE), 'zone "x"'),
        (feature({"kind": "zone", "name": "x", "surface": 3}, SQUARE), 'zone "x"'),
        (feature({"kind": "zone", "name": "x", "colour": "red"}, SQUARE), 'zone "x"'),
        (feature({"kind": "zone", "name": "x"}, [[[20, 20], [30, 20], [30, 30]]]), 'zone "x"'),
        (feature({"kind": "keepout", "name": "x"}, "everywhere"), 'keepout "x"'),
        (feature({"kind": "keepout", "name": "x"}, [[[0, 0], [3, 0], [3, 2], [0, 2]]]), 'dock "a"'),
        (feature({"kind": "dock", "name": "x"}, [1, 1], "Point"), 'dock "x"'),
        (feature({"kind": "dock", "name": "x", "yaw": math.inf}, [1, 1], "Point"), 'dock "x"'),
        (feature({"kind": "dock", "name": "x", "yaw": 0, "staging": -1}, [1, 1], "Point"), 'dock "x"'),
        (feature({"kind": "dock", "name": "x", "yaw": 0}, [1], "Point"), 'dock "x"'),
        (dock("x", -5, -5), 'dock "x"'),
    ],
)
def test_a_broken_feature_is_named(folder: Path, broken: Any, place: str) -> None:
    found = faults(filled(folder, [broken, *GOOD_FLOOR]))
    assert found[0].startswith(f"floor.geojson: {place}:"), found


@pytest.mark.parametrize(
    ("robots", "place"),
    [
        ("robots: 3", "robots"),
        ("robots: [one]", "robot 1"),
        ("robots: [{profile: W, dock: a}]", "robot 1"),
        ("robots: [{name: One, profile: W, dock: a}]", "robot 1"),
        ("robots: [{name: 1, profile: W, dock: a}]", "robot 1"),
        ("robots: [{name: one, dock: a}]", 'robot "one"'),
        ("robots: [{name: one, profile: Z, dock: a}]", 'robot "one"'),
        ("robots: [{name: one, profile: [W], dock: a}]", 'robot "one"'),
        ("robots: [{name: one, profile: W, dock: z}]", 'robot "one"'),
        ("robots: [{name: one, profile: W, dock: 3}]", 'robot "one"'),
        ("robots: [{name: one, profile: W, dock: a, namespace: a//b}]", 'robot "one"'),
        ("robots: [{name: one, profile: W, dock: a, map_to_robot: [1, 2]}]", 'robot "one"'),
        ("robots: [{name: one, profile: W, dock: a, wheels: 4}]", 'robot "one"'),
        ("robots: [{name: one, profile: W, dock: a}, {name: one, profile: W, dock: b}]", 'robot "one"'),
        ("robots: [{name: one, profile: W, dock: a}, {name: two, profile: W, dock: a}]", 'robot "one"'),
        ("time_zone: Mars/Olympus", "time_zone"),
        ("time_zone: 5", "time_zone"),
        ("time_zone: ../../etc/passwd", "time_zone"),
        ("opening: always", "'opening'"),
        ("profiles: [W]", "profiles"),
        ("profiles: {W: {base: R}}", "profiles.'W'"),
        ("profiles: {a: {base: Q}}", "profiles.a.base"),
        ("profiles: {a: {base: W, speed_mps: 0}}", "profiles.a.speed_mps"),
        ("profiles: {a: {base: W, head: {width_m: .nan}}}", "profiles.a.head.width_m"),
        ("profiles: {a: 7}", "profiles.a"),
        ("]", "line 1, column 1"),
    ],
)
def test_a_broken_store_yaml_is_named(folder: Path, robots: str, place: str) -> None:
    found = faults(filled(folder, robots=robots))
    assert found[0].startswith(f"store.yaml: {place}:"), found


def test_a_robot_of_a_broken_profile_is_not_blamed_too(folder: Path) -> None:
    robots = "profiles: {a: {base: W, speed_mps: 0}}\nrobots: [{name: one, profile: a, dock: a}]"
    assert len(faults(filled(folder, robots=robots))) == 1


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"type": "FeatureCollection"}', '{"type": "Point", "features": []}', "\x00"]
)
def test_a_broken_floor_file_is_one_fault_and_its_docks_are_not_called_missing_too(folder: Path, text: str) -> None:
    filled(folder, robots="robots: [{name: one, profile: W, dock: a}]")
    (folder / "floor.geojson").write_text(text)
    (fault,) = faults(folder)
    assert fault.startswith("floor.geojson:")


def test_every_fault_of_every_file_comes_in_one_answer(folder: Path) -> None:
    crossed = feature({"kind": "zone", "name": "x"}, [[[1, 1], [3, 3], [3, 1], [1, 3]]])
    nameless = feature({"kind": "dock", "yaw": 0}, [1, 1], "Point")
    filled(folder, [crossed, nameless, *GOOD_FLOOR], "time_zone: Nowhere\nrobots: [{name: one, profile: Z, dock: a}]")
    described = (folder / "map.yaml").read_text().replace("negate: 0", "negate: maybe")
    (folder / "map.yaml").write_text(described)
    assert len(faults(folder)) == 5  # without a map, where things lie cannot be judged, but how they are drawn can
    (folder / "map.yaml").write_text(described.replace("negate: maybe", "negate: 0"))
    found = faults(folder)
    places = ['zone "x"', "feature 2 (dock)", "time_zone", 'robot "one"']
    assert all(any(place in fault for fault in found) for place in places), found


def test_a_robot_too_wide_for_the_floor_is_refused(folder: Path) -> None:
    robots = "profiles: {wide: {base: W, footprint: {radius_m: 5}}}\nrobots: [{name: one, profile: wide, dock: a}]"
    assert any("wider than every aisle" in fault for fault in faults(filled(folder, robots=robots)))
    assert any(
        "no aisle is wide enough" in fault for fault in faults(filled(folder, [], robots.replace(", dock: a", "")))
    )


def test_zones_tell_when_and_by_whom_they_are_cleaned(folder: Path) -> None:
    pharmacy = {"kind": "zone", "name": "pharmacy", "priority": -1, "clean_before": "06:30", "robots": ["two"]}
    one_way = {"kind": "one_way", "name": "aisle", "yaw": 1.57}
    drawn = [*GOOD_FLOOR, feature(pharmacy, [[[5, 0], [10, 0], [10, 4], [5, 4]]]), feature(one_way, SQUARE)]
    floor = load_store(filled(folder, drawn)).floor
    zone = floor.zone("pharmacy")
    assert (zone.priority, zone.clean_before, zone.robots) == (-1, datetime.time(6, 30), ("two",))
    admitted = (
        zone.admits("one", WORKING_W),
        zone.admits("two", WORKING_W),
        floor.zone("shop").admits("one", WORKING_W),
    )
    assert admitted == (False, True, True)
    assert floor.barred_to("one", WORKING_W) == (zone.polygon,) and floor.barred_to("two", WORKING_W) == ()
    assert [(one.name, one.yaw_rad) for one in floor.one_ways] == [("aisle", 1.57)]


@pytest.mark.parametrize(
    ("properties", "word"),
    [
        ({**ZONE, "clean_before": "6:30"}, "clean_before is '6:30'"),
        ({**ZONE, "clean_before": 630}, "clean_before is 630"),
        ({**ZONE, "clean_before": "25:00"}, "clean_before is '25:00'"),
        ({**ZONE, "robots": "one"}, "robots is 'one'"),
        ({**ZONE, "robots": []}, "robots is a list of 0"),
        ({**ZONE, "robots": [1]}, "robots is a list of 1"),
        ({**ZONE, "robots": ["three"]}, 'there is no robot "three"'),
        ({**ZONE, "robots": ["two"]}, "may not enter"),
        ({"kind": "one_way", "name": "x"}, "yaw is None"),
        ({"kind": "one_way", "name": "x", "yaw": "north"}, "yaw is 'north'"),
    ],
)
def test_bad_rights_and_times_are_told(folder: Path, properties: dict[str, Any], word: str) -> None:
    drawn = [feature(properties, SQUARE), dock("a", 0.6, 1.0), dock("b", 0.6, 2.5)]
    assert any(word in fault for fault in faults(filled(folder, drawn)))


printable = st.characters(exclude_categories=("C", "Z"), include_characters=" ")
names = st.text(printable, min_size=1, max_size=8).filter(is_name)
numbers = st.floats(-1e5, 1e5)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    names, names, names, st.integers(-5, 5), numbers, numbers, st.floats(-3, 3), st.floats(0.1, 5),
    st.none() | st.builds(datetime.time, st.integers(0, 23), st.integers(0, 59)),
    st.lists(names, max_size=3, unique=True).map(tuple),
    st.sampled_from([(), ("charge",), ("water",), ("charge", "water")]),
)  # fmt: skip
def test_a_floor_file_is_read_as_it_was_written(
    zone: str, keepout: str, place: str, priority: int, x: float, y: float, yaw: float, staging: float,
    before: datetime.time | None, robots: tuple[str, ...], offers: tuple[str, ...],
) -> None:  # fmt: skip
    shape = box(x, y, x + 1, y + 2).difference(box(x + 0.2, y + 0.2, x + 0.5, y + 0.5))
    content = FloorFile(
        [Zone(zone, shape, priority, "carpet", before, robots)],
        [Keepout(keepout, shape)],
        [Dock(place, Pose(x, y, yaw), staging, offers)],
        [OneWay(place, shape, yaw)],
    )
    with tempfile.TemporaryDirectory() as folder:
        write_floor_file(Path(folder) / "floor.geojson", content)
        trouble: list[Any] = []
        again = read_floor_file(Path(folder) / "floor.geojson", trouble)
    assert trouble == []
    assert (again.zones, again.keepouts, again.docks) == (content.zones, content.keepouts, content.docks)
    assert again.one_ways == content.one_ways


@pytest.mark.skipif(not SHARED_BOOKSTORE.is_dir(), reason="the bookstore's map is not on this machine")
@pytest.mark.parametrize("robots", [2, 4])
def test_a_real_scan_gets_a_zone_and_docks(robots: int) -> None:
    store = load_store(SHARED_BOOKSTORE, robots=robots)
    starts = [(robot.profile, store.floor.dock(robot.dock).pose) for robot in store.robots]
    requested = store.floor.requested(("floor",))
    assert len(starts) == robots
    assert coverable(store.floor, ("floor",), starts).sum() > 0.8 * requested.sum()
    outside = store.floor.grid.free & ~requested
    assert outside.sum() * store.floor.grid.cell_area_m2 < 6.0


@pytest.mark.parametrize("file", ["floor.geojson", "store.yaml"])
def test_a_link_that_leads_nowhere_is_no_missing_file(folder: Path, file: str) -> None:
    """Keepouts that are silently lost would let robots in."""
    (filled(folder) / file).unlink()
    (folder / file).symlink_to("elsewhere")
    assert [line for line in faults(folder) if line.startswith(f"{file}: : there is no file")]


@pytest.mark.parametrize("name", ["\ud800", "a\0b", "two\nlines", "\x1b[31mred", "a" * 101, " "])
def test_a_name_that_cannot_be_shown_is_refused(folder: Path, name: str) -> None:
    (found,) = faults(filled(folder, [feature({**ZONE, "name": name}, SQUARE), dock("a", 0.6, 1.0)], "robots: []\n"))
    assert "feature 1 (zone): name is " in found and found.isprintable()


def test_names_of_any_script_are_names(folder: Path) -> None:
    assert load_store(filled(folder, [feature({**ZONE, "name": "生鲜 / Käse 🧀"}, SQUARE)], "robots: []\n")).floor.zone(
        "生鲜 / Käse 🧀"
    )


def test_a_folder_whose_name_is_no_text_is_refused(folder: Path) -> None:
    strange = folder.rename(folder.parent / "bad\udcff")
    assert "the folder's name is 'bad\\udcff'" in faults(strange)[0]


def test_a_path_that_is_too_long_names_no_folder(folder: Path) -> None:
    assert "there is no such folder" in faults(folder / ("a" * 5000))[0]


def test_a_broken_map_hides_no_fault_of_the_other_files(folder: Path) -> None:
    bow = [[[0, 0], [5, 5], [5, 0], [0, 5], [0, 0]]]
    features = [feature(ZONE, SQUARE), feature(ZONE, bow), dock("a", 0.6, 1.0), dock("a", 0.6, 2.5)]
    filled(folder, features, "robots:\n- {name: one, profile: W, dock: a}\n- {name: one, profile: W, dock: a}\n")
    (folder / "map.png").unlink()
    found = "\n".join(faults(folder))
    for words in ("no file", "2 zones have this name", "crosses", "2 docks have this name", "2 robots have this name"):
        assert words in found


@pytest.mark.parametrize(
    ("robots", "what"),
    [
        ("time_zone: UTC\ntime_zone: UTC\n", "'time_zone' is given twice"),
        ("robots:\n- {name: one, profile: W, name: two}\n", "'name' is given twice"),
        ("a: &a {<<: [" + "{x: 1}, " * 101 + "]}\n", "merges are out of all bounds"),
    ],
)
def test_yaml_that_says_a_thing_twice_or_without_end_is_refused(folder: Path, robots: str, what: str) -> None:
    assert what in "\n".join(faults(filled(folder, robots=robots)))


def test_merges_of_merges_are_refused_at_once(folder: Path) -> None:
    names = "abcdefghijklmnop"
    bomb = "a: &a {x: 1, y: 2}\n" + "".join(
        f"{name}: &{name} {{<<: [{', '.join([f'*{before}'] * 9)}]}}\n" for before, name in itertools.pairwise(names)
    )
    assert "merges are out of all bounds" in faults(filled(folder, robots=bomb))[0]


def test_profiles_may_share_fields_by_yaml_merges(folder: Path) -> None:
    robots = (
        "profiles:\n  slow: &slow {base: W, speed_mps: 0.3}\n  slower: &slower {<<: *slow, speed_mps: 0.2}\n"
        "  last: {<<: [*slower, *slow], overlap_m: 0.1}\n"
        "robots:\n- {name: one, profile: last, dock: a}\n"
    )
    profile = load_store(filled(folder, robots=robots)).robot("one").profile
    assert (profile.speed_mps, profile.overlap_m) == (0.2, 0.1)


def test_json_that_says_a_thing_twice_is_refused(folder: Path) -> None:
    (folder / "floor.geojson").write_text('{"type": "FeatureCollection", "features": [], "features": []}')
    assert faults(folder) == ["floor.geojson: : 'features' is given twice in one place"]


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ("speed_mps: 1.0e-9", "speed_mps"),
        ("head: {width_m: 1.0e-9}, overlap_m: 0", "head.width_m"),
        ("overlap_m: 0.6999999", "overlap_m"),
    ],
)
def test_a_profile_that_would_plan_for_ever_is_refused(folder: Path, fields: str, place: str) -> None:
    robots = f"profiles:\n  q: {{base: W, {fields}}}\nrobots:\n- {{name: one, profile: q, dock: a}}\n"
    assert place in "\n".join(faults(filled(folder, robots=robots)))


def test_a_profile_that_states_its_battery_over_a_base_is_planned_for(folder: Path) -> None:
    text = (
        "profiles:\n  mine: {base: W, battery: {cleaning_h: 2.0}}\n  other: {base: W, tank: {area_m2: 900}}\nrobots:\n"
    )
    text += "- {name: one, profile: mine, dock: a}\n- {name: two, profile: other, dock: b}\n"
    one, two = (robot.profile for robot in load_store(filled(folder, robots=text)).robots)
    assert one.battery.planned and one.battery.cleaning_h == 2.0 and one.battery.driving_h == 7.0
    assert not two.battery.planned
    assert two.tank.area_m2 == 900.0 and two.tank.service_s == 300.0


def offering(name: str, offers: object, y: float = 1.0) -> dict[str, Any]:
    return feature({"kind": "dock", "name": name, "yaw": math.pi, "offers": offers}, [0.6, y], "Point")


def test_docks_say_what_they_offer(folder: Path) -> None:
    floor = [feature(ZONE, SQUARE), offering("a", ["water"]), offering("b", [], 2.5), dock("c", 0.6, 4.0)]
    offers = {one.name: one.offers for one in load_store(filled(folder, floor)).floor.docks}
    assert offers == {"a": ("water",), "b": (), "c": ("charge", "water")}


@pytest.mark.parametrize("offers", ["water", ["coffee"], [1], None, {"water": True}])
def test_a_dock_that_offers_what_there_is_not_is_a_fault_at_its_place(folder: Path, offers: object) -> None:
    found = faults(filled(folder, [feature(ZONE, SQUARE), offering("a", offers), dock("b", 0.6, 2.5)]))
    assert len(found) == 1 and found[0].startswith('floor.geojson: dock "a": offers is')


@pytest.mark.parametrize(("field", "needs"), [("tank: {area_m2: 900}", "water"), ("battery: {}", "charge")])
def test_a_robot_that_needs_what_no_dock_offers_is_a_fault(folder: Path, field: str, needs: str) -> None:
    text = f"profiles:\n  mine: {{base: W, {field}}}\nrobots:\n- {{name: one, profile: mine, dock: a}}\n"
    other = {"water": "charge", "charge": "water"}[needs]
    found = faults(filled(folder, [feature(ZONE, SQUARE), offering("a", [other])], text))
    assert found == [f'store.yaml: robot "one": needs {needs}, which no dock offers']
    # One dock that offers it is enough, whosever it is.
    load_store(filled(folder, [feature(ZONE, SQUARE), offering("a", [other]), offering("b", [needs], 2.5)], text))
