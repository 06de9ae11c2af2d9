"""What goes over the wire comes back the same."""

from __future__ import annotations

import zlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from shapely import Polygon, box

from robot_fleet.api.conversion import (
    alert_from_proto,
    alert_to_proto,
    closure_from_proto,
    closure_to_proto,
    floor_from_proto,
    floor_to_proto,
    record_from_proto,
    record_to_proto,
    robot_from_proto,
    robot_to_proto,
    run_from_proto,
    run_to_proto,
)
from robot_fleet.api.conversion import runs as runs_conversion
from robot_fleet.api.conversion.geometry import bitmap_from_proto, bitmap_to_proto, inflate, polygon_from_proto
from robot_fleet.api.interceptor import SentToMany
from robot_fleet.api.v1 import alert_pb2, cleaning_run_pb2, closure_pb2, fleet_service_pb2, geometry_pb2, robot_pb2
from robot_fleet.api.watches import Messages
from robot_fleet.control.snapshot import (
    AlertView,
    ClosureView,
    PlanningProgress,
    RobotShare,
    RobotView,
    RunRecord,
    RunView,
    ZoneProgress,
)
from robot_fleet.fleet.states import RobotState, RunState
from robot_fleet.floor.grid import OccupancyGrid
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.store import Dock, FloorMap, Keepout, Zone
from robot_fleet.planning.plan import MissedArea, MissedReason

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
metres = st.floats(-1e4, 1e4)
areas = st.floats(0.0, 1e6)
# The wire keeps times to a microsecond.
seconds = st.integers(0, 10**12).map(lambda micros: micros / 1e6)
moments = st.integers(0, 2 * 10**15).map(lambda micros: micros / 1e6)
shapes = st.builds(lambda x, y, w, h: box(x, y, x + w, y + h), metres, metres, st.floats(0.1, 9.0), st.floats(0.1, 9.0))
poses = st.builds(Pose, metres, metres, st.floats(-3.1, 3.1))

runs = st.builds(
    RunView,
    run_id=words,
    request_id=words,
    store=words,
    zones=st.lists(words).map(tuple),
    state=st.sampled_from(RunState),
    reason=words,
    version=st.integers(0, 2**62),
    created_at_s=moments,
    started_at_s=st.none() | moments,
    ended_at_s=st.none() | moments,
    elapsed_s=seconds,
    time_to_go_s=st.none() | seconds,
    requested_m2=areas,
    coverable_m2=areas,
    cleaned_m2=areas,
    zone_progress=st.lists(st.builds(ZoneProgress, words, areas, areas, areas)).map(tuple),
    shares=st.lists(st.builds(RobotShare, words, areas, seconds, seconds, seconds, areas)).map(tuple),
    missed=st.lists(st.builds(MissedArea, words, st.sampled_from(MissedReason), shapes, areas), max_size=3).map(tuple),
    unconfirmed=st.lists(words).map(tuple),
    planning=st.none() | st.builds(PlanningProgress, st.floats(0.0, 1.0), words),
)
robots = st.builds(
    RobotView,
    name=words,
    state=st.sampled_from(RobotState),
    version=st.integers(0, 2**62),
    pose=st.none() | poses,
    battery=st.none() | st.floats(0.0, 1.0),
    charging=st.booleans(),
    head_on=st.booleans(),
    run_id=words,
    leg_id=words,
    hold=words,
    heard_at_s=st.none() | seconds,
    detail=words,
)
alerts = st.builds(
    AlertView,
    alert_id=words,
    at_s=moments,
    severity=st.sampled_from(["INFO", "WARNING", "ERROR"]),
    robot=words,
    run_id=words,
    text=words,
    remedy=words,
    active=st.booleans(),
)


def test_the_outlines_of_missed_floor_are_converted_once_while_a_run_goes_on() -> None:
    missed = tuple(MissedArea("hall", MissedReason.TOO_NARROW, box(x, 0, x + 0.5, 1), 0.5) for x in range(50))
    run = RunView("r", "q", "hall", ("hall",), RunState.RUNNING, "", 1, 0, 0, None, 1, 9, 99, 90, 5, missed=missed)
    run_to_proto(run)
    before = runs_conversion._missed_to_proto.cache_info().misses
    later = run_to_proto(replace(run, version=2, cleaned_m2=6.0))
    assert runs_conversion._missed_to_proto.cache_info().misses == before
    assert run_from_proto(later).missed == missed


@given(runs)
def test_a_run_comes_back_the_same(run: RunView) -> None:
    message = cleaning_run_pb2.CleaningRun.FromString(run_to_proto(run).SerializeToString())
    assert run_from_proto(message) == run
    assert message.progress == run.progress


@given(robots)
def test_a_robot_comes_back_the_same(robot: RobotView) -> None:
    message = robot_pb2.Robot.FromString(robot_to_proto(robot).SerializeToString())
    assert robot_from_proto(message) == robot


@given(robots)
def test_a_robots_message_is_made_once_for_all_who_watch_and_anew_when_it_changed(robot: RobotView) -> None:
    messages, newer = Messages(), replace(robot, version=robot.version + 1)
    assert messages.robot(robot) is messages.robot(robot)
    assert messages.robot(newer) == robot_to_proto(newer)
    assert newer.lasting == robot.lasting != replace(robot, charging=not robot.charging).lasting


@given(runs)
def test_what_is_told_of_a_run_is_made_once_for_all_who_watch_and_anew_when_it_changed(run: RunView) -> None:
    messages, newer = Messages(), replace(run, version=run.version + 1)
    assert messages.of_run(run) is messages.of_run(run)
    assert messages.of_run(newer).cleaning_run == run_to_proto(newer)


@given(st.lists(robots, min_size=2, unique_by=lambda robot: robot.name), moments)
def test_what_is_told_of_robots_is_made_once_for_all_who_lack_the_same(fleet: list[RobotView], clock_s: float) -> None:
    messages, changed = Messages(), [replace(fleet[0], version=fleet[0].version + 1), *fleet[1:]]
    assert messages.of_robots(fleet, clock_s) is messages.of_robots(list(fleet), clock_s)
    for others, at_s in ((changed, clock_s), (fleet[1:], clock_s), (fleet, clock_s + 1.0)):
        told = messages.of_robots(others, at_s)
        assert list(told.robots) == list(map(robot_to_proto, others)) and told.clock_s == at_s


def test_a_message_that_is_sent_to_many_is_put_into_bytes_once_and_another_anew() -> None:
    made: list[str] = []

    def serialize(message: robot_pb2.Robot) -> bytes:
        made.append(message.name)
        return message.SerializeToString()

    to_bytes, one, other = SentToMany(serialize), robot_pb2.Robot(name="r1"), robot_pb2.Robot(name="r2")
    assert [to_bytes(message) for message in (one, one, other, one)] == [
        message.SerializeToString() for message in (one, one, other, one)
    ]
    assert made == ["r1", "r2", "r1"]


@given(alerts)
def test_an_alert_comes_back_the_same(alert: AlertView) -> None:
    message = alert_pb2.Alert.FromString(alert_to_proto(alert).SerializeToString())
    assert alert_from_proto(message) == alert


@given(st.builds(ClosureView, words, shapes, moments, st.none() | moments, st.lists(words).map(tuple)))
def test_closed_floor_comes_back_the_same(closure: ClosureView) -> None:
    message = closure_pb2.FloorClosure.FromString(closure_to_proto(closure).SerializeToString())
    assert vars(closure_from_proto(message)) == vars(closure)


@given(arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, max_side=40)))
def test_a_bitmap_comes_back_the_same(cells: np.ndarray) -> None:
    assert np.array_equal(bitmap_from_proto(bitmap_to_proto(cells)), cells)


@given(arrays(np.float64, st.tuples(st.integers(0, 30), st.just(3)), elements=st.floats(-1e6, 1e6)))
def test_a_track_comes_back_to_half_a_millimetre(track: np.ndarray) -> None:
    record = RunRecord("run", np.ones((3, 4), dtype=bool), {"r1": track})
    back = record_from_proto("run", record_to_proto(record))
    assert back.tracks["r1"].shape == track.shape
    assert np.allclose(back.tracks["r1"], track, rtol=0, atol=0.000501)


def test_a_floor_comes_back_the_same() -> None:
    cells = np.array([[0, 100, -1], [0, 50, 0]], dtype=np.int8)
    ring = Polygon([(0, 0), (4, 0), (4, 4), (0, 4)], [[(1, 1), (1, 2), (2, 2), (2, 1)]])
    floor = FloorMap(
        "shop",
        OccupancyGrid(cells, 0.05, Pose(-3.0, 2.0, 0.3)),
        (Zone("ring", ring, -2, "carpet"),),
        (Keepout("till", box(0, 0, 1, 1)),),
        (Dock("d1", Pose(1.0, 2.0, -1.5), 0.9),),
    )
    back = floor_from_proto(floor_to_proto(floor))
    assert np.array_equal(back.grid.cells, cells)
    assert (back.grid.resolution_m, back.grid.origin) == (floor.grid.resolution_m, floor.grid.origin)
    assert (back.name, back.docks) == (floor.name, floor.docks)
    assert back.zones[0].polygon.equals(ring)
    assert (back.zones[0].name, back.zones[0].priority, back.zones[0].surface) == ("ring", -2, "carpet")
    assert back.keepouts[0].polygon.equals(floor.keepouts[0].polygon)


@pytest.mark.parametrize(
    ("ours", "theirs", "prefix"),
    [
        (RunState, cleaning_run_pb2.CleaningRun.State, "STATE"),
        (RobotState, robot_pb2.Robot.State, "STATE"),
        (MissedReason, cleaning_run_pb2.MissedArea.Reason, "REASON"),
    ],
)
def test_both_sides_have_the_same_states_and_reasons(ours: type, theirs: type, prefix: str) -> None:
    assert {f"{prefix}_{member.name}" for member in ours} | {f"{prefix}_UNSPECIFIED"} == set(theirs.keys())


def test_a_state_of_a_newer_server_is_said_by_name_or_number() -> None:
    with pytest.raises(KeyError, match="99"):
        run_from_proto(cleaning_run_pb2.CleaningRun(state=99))
    with pytest.raises(KeyError, match="UNSPECIFIED"):
        robot_from_proto(robot_pb2.Robot())


@pytest.mark.parametrize(
    ("rows", "cols", "bits"),
    [
        (2, 2, b""),
        (2, 2, b"not compressed"),
        (2, 2, zlib.compress(b"")),
        (2, 2, zlib.compress(b"\xff\xff")),
        (0, 5, zlib.compress(b"")),
        (-1, 5, zlib.compress(b"\xff")),
        (2**31 - 1, 2**31 - 1, zlib.compress(b"\xff")),
    ],
)
def test_a_bitmap_that_contradicts_itself_is_refused(rows: int, cols: int, bits: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        bitmap_from_proto(geometry_pb2.Bitmap(rows=rows, cols=cols, bits=bits))


def test_no_more_is_unpacked_than_was_said() -> None:
    bomb = zlib.compress(bytes(50_000_000))
    with pytest.raises(ValueError, match="8 bytes expected"):
        inflate(bomb, 8)


def test_an_outline_of_two_points_is_no_polygon() -> None:
    ring = geometry_pb2.Ring(points=[geometry_pb2.Point(x_m=0, y_m=0), geometry_pb2.Point(x_m=1, y_m=0)])
    with pytest.raises(ValueError, match=r"."):
        polygon_from_proto(geometry_pb2.Polygon(outline=ring))


def test_the_service_has_the_methods_that_it_should() -> None:
    methods = fleet_service_pb2.DESCRIPTOR.services_by_name["FleetService"].methods
    assert {method.name for method in methods} == {
        *("StartCleaningRun", "StopCleaningRun", "PauseCleaningRun", "ResumeCleaningRun"),
        *("GetCleaningRun", "ListCleaningRuns", "WatchCleaningRun"),
        *("ListRobots", "WatchRobots", "AcknowledgeRobot", "GetFloor", "ListAlerts"),
        *("CloseFloor", "OpenFloor", "ListFloorClosures"),
    }
