"""ROS messages and our values are the same thing in two words."""

import math
import struct
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

pytest.importorskip("rclpy", reason="ROS 2 is not installed")

from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from geometry_msgs.msg import Quaternion
from nav2_msgs.action import DockRobot, FollowPath
from sensor_msgs.msg import BatteryState

from robot_fleet.fleet.commands import DockAt, Follow
from robot_fleet.fleet.events import BatteryReported, HeadReported, Outcome
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.profile import WORKING_W
from robot_fleet.floor.store import Dock, RobotSpec
from robot_fleet.ros import conversion as ros
from robot_fleet.ros.goals import dock_goal, follow_goal, outcome_from_ros
from robot_fleet.ros.names import frame_name, is_shared, names_of, topic_name

metres = st.floats(-500, 500)
poses = st.builds(Pose, metres, metres, st.floats(-math.pi, math.pi, exclude_min=True))
single = st.floats(0, 1).map(lambda level: struct.unpack("f", struct.pack("f", level))[0])


def close(one: Pose, other: Pose) -> bool:
    turned = math.remainder(one.yaw_rad - other.yaw_rad, math.tau)
    return one.distance_m(other) < 1e-6 and abs(turned) < 1e-6


@given(st.integers(0, 2**31 - 1), st.integers(0, 999_999_999))
def test_a_stamp_survives_as_seconds_to_a_microsecond(sec, nanosec):
    there = ros.seconds_from_ros(Time(sec=sec, nanosec=nanosec))
    back = ros.seconds_to_ros(there)
    assert abs((back.sec - sec) * 10**9 + back.nanosec - nanosec) < 1000


@given(poses)
def test_a_pose_survives_the_way_there_and_back(pose):
    assert close(ros.pose_from_ros(ros.pose_to_ros(pose)), pose)
    frame, at_s, back = ros.stamped_pose_from_ros(ros.stamped_pose_to_ros("map", 12.5, pose))
    assert (frame, at_s) == ("map", 12.5) and close(back, pose)


@given(poses)
def test_a_transform_survives_the_way_there_and_back(pose):
    parent, child, at_s, back = ros.transform_from_ros(ros.transform_to_ros("map", "odom", 3.25, pose))
    assert (parent, child, at_s) == ("map", "odom", 3.25) and close(back, pose)


@given(st.lists(poses, max_size=4))
def test_a_chain_of_transforms_composes_from_the_root_on(chain):
    placed = Pose(0.0, 0.0, 0.0)
    for pose in reversed(chain):
        placed = pose @ placed
    assert close(ros.compose(chain), placed)


@pytest.mark.parametrize("rotation", [(0, 0, 0, 0), (0, 0, math.nan, 1), (0, 0, 3, 1)])
def test_a_quaternion_that_is_no_rotation_is_a_bad_reading(rotation):
    x, y, z, w = map(float, rotation)
    with pytest.raises(ros.BadReading, match="unit quaternion"):
        ros.yaw_from_ros(Quaternion(x=x, y=y, z=z, w=w))


@pytest.mark.parametrize("x", [math.nan, math.inf])
def test_a_pose_that_is_not_a_number_is_a_bad_reading(x):
    with pytest.raises(ros.BadReading, match="numbers"):
        ros.pose_from_ros(ros.pose_to_ros(Pose(x, 0.0)))


paths = arrays(np.float64, st.tuples(st.integers(1, 6), st.just(2)), elements=st.floats(-20, 20))


@given(paths)
def test_a_dense_path_keeps_every_point_and_no_gap_is_wider_than_asked(points):
    dense = ros.densify(points, 0.1)
    gaps = np.hypot(*np.diff(dense[:, :2], axis=0).T)
    assert (gaps <= 0.1 + 1e-9).all()
    for point in points:
        assert np.hypot(*(dense[:, :2] - point).T).min() < 1e-9
    assert np.allclose(dense[0, :2], points[0]) and np.allclose(dense[-1, :2], points[-1])


@given(paths)
def test_a_dense_path_faces_where_it_goes(points):
    dense = ros.densify(points, 0.1)
    steps = np.diff(dense[:, :2], axis=0)
    far = np.hypot(*steps.T) > 1e-6
    yaws = np.arctan2(steps[:, 1], steps[:, 0])
    assert np.allclose(np.cos(dense[:-1, 2] - yaws)[far], 1.0)
    assert len(dense) < 2 or dense[-1, 2] == dense[-2, 2]


@given(paths)
def test_a_path_survives_the_way_there_and_back(points):
    dense = ros.densify(points)
    message = ros.path_to_ros(points, "map")
    assert np.array_equal(ros.path_from_ros(message), dense[:, :2])
    assert {pose.header.frame_id for pose in message.poses} == {message.header.frame_id} == {"map"}


@given(paths, st.booleans())
def test_a_path_tells_whether_it_is_driven_backwards(points, reverse):
    message = ros.path_to_ros(points, "map", reverse=reverse)
    moves = np.hypot(*np.diff(ros.path_from_ros(message), axis=0).T) > 1e-6
    assert ros.gears_from_ros(message) == (reverse and bool(moves.any()), ())


@pytest.mark.parametrize("reverse", [False, True])
def test_a_path_tells_where_it_goes_on_the_other_way_round_and_how_it_ends(reverse):
    points = np.array([(0.0, 0.0), (1.0, 0.0), (2.0, 0.3), (0.5, 0.1), (0.5, 2.0)])
    command = Follow("r1", "leg", points, reverse, (2, 3), 1.0)
    path = follow_goal(SPEC, command).path
    backs, cusps = ros.gears_from_ros(path)
    sent = [SPEC.map_to_robot @ Pose(*place) for place in ros.path_from_ros(path)]
    assert backs is reverse
    assert np.allclose([(sent[k].x_m, sent[k].y_m) for k in cusps], points[[2, 3]])
    last = SPEC.map_to_robot @ ros.pose_from_ros(path.poses[-1].pose)
    assert last.yaw_rad == pytest.approx(1.0)


@pytest.mark.parametrize("points", [np.empty((0, 2)), np.array([[0.0, math.nan]]), np.array([1.0, 2.0])])
def test_a_path_that_is_none_is_a_bug(points):
    with pytest.raises(ValueError):
        ros.densify(points)


@given(single, st.booleans(), st.floats(1, 1e6))
def test_a_battery_survives_the_way_there_and_back(level, charging, at_s):
    event = BatteryReported("r", at_s, level, charging)
    back = ros.battery_from_ros("r", ros.battery_to_ros(event), 0.0)
    assert (back.level, back.charging) == (level, charging)
    assert back.at_s == pytest.approx(at_s)


def test_a_battery_without_a_stamp_is_from_now():
    assert ros.battery_from_ros("r", BatteryState(percentage=0.5), 7.0).at_s == 7.0


@pytest.mark.parametrize(("said", "percent", "level"), [(100.0, False, 1.0), (40.0, False, 0.4), (1.02, False, 1.0)])
def test_a_battery_level_above_one_is_percent(said, percent, level):
    assert ros.battery_from_ros("r", BatteryState(percentage=said), 0.0, percent).level == pytest.approx(level)


def test_one_percent_is_not_full_once_the_robot_is_known_to_speak_percent():
    assert ros.is_percent(BatteryState(percentage=3.0)) and not ros.is_percent(BatteryState(percentage=1.0))
    assert ros.battery_from_ros("r", BatteryState(percentage=1.0), 0.0, percent=True).level == pytest.approx(0.01)


@pytest.mark.parametrize("said", [math.nan, -0.1, 101.0, math.inf])
def test_a_battery_level_that_is_none_is_a_bad_reading(said):
    with pytest.raises(ros.BadReading, match="battery level"):
        ros.battery_from_ros("r", BatteryState(percentage=said), 0.0)


@pytest.mark.parametrize("on", [True, False])
def test_the_head_survives_the_way_there_and_back(on):
    event = HeadReported("r", 5.0, on)
    assert ros.head_from_ros("r", ros.head_to_ros(event), 5.0) == event


WORDS = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=9)


@given(st.dictionaries(st.text(max_size=5).map(lambda name: f"{name} safety"), WORDS, max_size=3))
def test_holds_survive_the_way_there_and_back(holds):
    assert ros.holds_from_ros(ros.holds_to_ros(holds, 1.0)) == holds


@given(st.text(max_size=500))
def test_what_a_robot_says_in_any_signs_holds_it_and_is_one_short_line(said):
    (reason,) = ros.holds_from_ros(ros.holds_to_ros({"x safety": said or " "}, 1.0)).values()
    assert reason and reason.isprintable() and len(reason) <= 300


def test_what_would_steer_a_terminal_is_taken_out_of_a_robots_words():
    assert ros.words_from_ros("\x1b]0;owned\x07stuck\n12:00:00 INFO ready") == "]0;owned stuck 12:00:00 INFO ready"


def test_only_a_safety_status_can_hold_a_robot_and_a_silent_one_does():
    levels = [
        DiagnosticStatus(name="r1: motor", level=DiagnosticStatus.ERROR, message="hot"),
        DiagnosticStatus(name="r1: bumper safety", level=DiagnosticStatus.ERROR),
        DiagnosticStatus(name="r1: Safety", level=DiagnosticStatus.STALE, message="no word"),
        DiagnosticStatus(name="r1: lidar safety", level=DiagnosticStatus.WARN, message="dusty"),
    ]
    assert ros.holds_from_ros(DiagnosticArray(status=levels)) == {
        "r1: bumper safety": "r1: bumper safety",
        "r1: Safety": "no word",
        "r1: lidar safety": "",
    }


@pytest.mark.parametrize(
    ("name", "hardware", "is_its_own"),
    [
        ("robot_2: safety", "", True),
        ("/robot_2/base: safety", "", True),
        ("/Robots/robot_2/Safety", "", True),
        ("base_driver: safety", "robot_2", True),
        ("base_driver: safety", "/hall/two/base", True),
        ("hall/two: safety", "", True),
        ("robot_20: safety", "robot_1", False),
        ("hall/robot_1: safety", "two", False),
        ("robot_1: safety", "robot_2", True),
        ("my_robot_2: safety", "", True),
        ("safety", "", True),
    ],
)
def test_on_a_topic_that_robots_share_a_safety_status_does_not_hold_whom_it_does_not_mean(name, hardware, is_its_own):
    status = DiagnosticStatus(name=name, hardware_id=hardware, level=DiagnosticStatus.ERROR, message="e-stop")
    held = ros.holds_from_ros(DiagnosticArray(status=[status]), ("robot_2", "hall/two"), ("robot_1", "robot_20"))
    assert held == ({name: "e-stop"} if is_its_own else {})
    assert ros.holds_from_ros(DiagnosticArray(status=[status])) == {name: "e-stop"}


SPEC = RobotSpec("r1", WORKING_W, "dock", "fleet/{name}", Pose(10.0, 5.0, math.pi / 2))


@pytest.mark.parametrize("topic", ["diagnostics", "/fleet/r1/diagnostics", "/r1/diagnostics", "/{name}/diagnostics"])
def test_a_topic_below_the_namespace_or_with_the_robots_name_is_its_own(topic):
    assert not is_shared(SPEC, topic)


@pytest.mark.parametrize("topic", ["/diagnostics", "/fleet/diagnostics", "/r10/diagnostics"])
def test_any_other_absolute_topic_may_be_that_of_other_robots_too(topic):
    assert is_shared(SPEC, topic)


def test_a_robot_goes_by_its_name_and_its_namespace():
    assert names_of(SPEC) == ("r1", "fleet/r1")
    assert names_of(replace(SPEC, namespace="/")) == ("r1",)


def test_names_are_below_the_namespace_unless_they_begin_with_a_slash():
    assert topic_name(SPEC, "follow_path") == "/fleet/r1/follow_path"
    assert topic_name(SPEC, "/tf") == "/tf"
    assert topic_name(RobotSpec("r1", WORKING_W, "dock", ""), "{name}/battery") == "/r1/battery"
    assert frame_name(SPEC, "/{name}/base_link") == "r1/base_link"


@given(poses)
def test_a_goal_is_in_the_robots_own_map(pose):
    points = np.array([[pose.x_m, pose.y_m], [pose.x_m + 1.0, pose.y_m]])
    path = ros.path_from_ros(follow_goal(SPEC, Follow("r1", "leg", points)).path)
    ours = [SPEC.map_to_robot @ Pose(x, y) for x, y in path]
    assert np.allclose([(at.x_m, at.y_m) for at in ours], ros.densify(points)[:, :2])
    goal = dock_goal(SPEC, DockAt("r1", "leg", Dock("d", pose)))
    assert close(SPEC.map_to_robot @ ros.pose_from_ros(goal.dock_pose.pose), pose)


def response(action, status, **fields):
    return action.Impl.GetResultService.Response(status=status, result=action.Result(**fields))


@pytest.mark.parametrize(
    ("answer", "outcome", "words"),
    [
        (response(FollowPath, 4), Outcome.SUCCEEDED, ""),
        (response(FollowPath, 4, error_code=105), Outcome.ABORTED, "FAILED_TO_MAKE_PROGRESS (105)"),
        (response(FollowPath, 5), Outcome.CANCELLED, ""),
        (response(FollowPath, 6, error_code=102, error_msg="no map"), Outcome.ABORTED, "TF_ERROR (102): no map"),
        (response(FollowPath, 6, error_code=4711), Outcome.ABORTED, "error (4711)"),
        (response(FollowPath, 0), Outcome.ABORTED, "does not know the goal"),
        (response(DockRobot, 4), Outcome.SUCCEEDED, ""),
        (response(DockRobot, 4, success=False), Outcome.ABORTED, "success is false"),
        (response(DockRobot, 4, error_code=906), Outcome.ABORTED, "FAILED_TO_CHARGE (906)"),
    ],
)
def test_success_is_believed_only_when_every_word_of_the_result_says_so(answer, outcome, words):
    said, detail = outcome_from_ros(answer)
    assert said is outcome and words in detail
