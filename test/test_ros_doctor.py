"""Robots that something is wrong with, looked at over real DDS: each fault is found, named, and has its remedy."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from control_site import hall

pytest.importorskip("rclpy", reason="ROS 2 is not installed")

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node
from ros_eye import Eye

from robot_fleet.fleet.events import PoseReported
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.profile import WORKING_W, Interface
from robot_fleet.floor.store import Dock, RobotSpec
from robot_fleet.main.doctor import examine
from robot_fleet.ros.conversion import holds_to_ros
from robot_fleet.ros.findings import Finding, Verdict, findings
from robot_fleet.ros.layouts import Publisher
from robot_fleet.ros.observations import Observed, observe
from robot_fleet.ros.own_map import OwnMap

pytestmark = pytest.mark.ros

SHOP = Path(__file__).parents[1] / "maps" / "corner_shop"
QUIRKS = (
    "percent",
    "late",
    "simulated",
    "elsewhere",
    "nan",
    "lost",
    "held",
    "headless",
    "asleep",
    "foreign",
    "badmap",
    "humble",
    "behind",
    "hasty",
    "unread",
    "shy",
    "wrongmap",
)
BEHAVIOURS = {"fine": "works", "mute": "mute", **{quirk: f"works+{quirk}" for quirk in QUIRKS}}
LISTEN_S = 6.0
# Where all of them say that they stand.
DOCK = Dock("here", Pose(1.22, 2.12, 0.5))
FLOOR = replace(hall().floor, docks=(DOCK,))


def spec(name: str) -> RobotSpec:
    return RobotSpec(name, WORKING_W, "here", name)


@contextmanager
def robot_process(*robots: str) -> Iterator[None]:
    """A process with the robots NAME=BEHAVIOUR; killed at the end."""
    program = [sys.executable, str(Path(__file__).with_name("ros_robot.py")), *robots]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None and process.stdout.readline().startswith("ready")
            yield
        finally:
            process.kill()


@pytest.fixture(scope="module")
def found() -> dict[str, dict[str, Finding]]:
    """The checks of each robot, and of one that is not there, by name."""
    specs = [spec(name) for name in (*BEHAVIOURS, "absent")]
    with robot_process(*(f"{name}={behaviour}" for name, behaviour in BEHAVIOURS.items())):
        seen = asyncio.run(observe(specs, LISTEN_S))
    return {one.name: {f.check: f for f in findings(one, FLOOR, seen[one.name], LISTEN_S)} for one in specs}


def bad(checks: dict[str, Finding]) -> dict[str, Verdict]:
    return {name: one.verdict for name, one in checks.items() if one.verdict in (Verdict.WARN, Verdict.FAIL)}


def test_of_a_sound_robot_nothing_is_said_but_what_it_does_not_offer(found: dict[str, dict[str, Finding]]) -> None:
    checks = found["fine"]
    assert not bad(checks), checks
    assert checks["localised"].text.endswith("on its dock")
    assert checks["map"].verdict is Verdict.UNKNOWN
    assert "answers in" in checks["network"].text


@pytest.mark.parametrize(
    ("robot", "check", "verdict", "text"),
    [
        ("percent", "battery", Verdict.WARN, "75: it tells percent"),
        ("late", "clock", Verdict.FAIL, "3.0 s behind ours"),
        ("behind", "clock", Verdict.FAIL, "1.2 s behind ours"),
        ("hasty", "clock", Verdict.FAIL, "1.2 s ahead of ours"),
        ("unread", "battery", Verdict.FAIL, "its level is never told"),
        ("shy", "head", Verdict.FAIL, "/shy/cleaning_head/state says nothing"),
        ("wrongmap", "map", Verdict.FAIL, "100 % of the walls in its map are none in ours"),
        ("simulated", "clock", Verdict.FAIL, "none of our days"),
        ("elsewhere", "pose", Verdict.FAIL, "its frames lead from elsewhere/base_link to other_map, not to map"),
        ("nan", "pose", Verdict.FAIL, "not made of numbers"),
        ("lost", "localised", Verdict.FAIL, "m from the nearest dock"),
        ("held", "holds", Verdict.FAIL, "e-stop pressed"),
        ("headless", "head", Verdict.FAIL, "there is no service /headless/cleaning_head/set"),
        ("asleep", "active", Verdict.FAIL, "/asleep_drive is inactive"),
        ("humble", "messages", Verdict.FAIL, "tells no layout, as ROS 2 Humble and older do"),
        ("foreign", "messages", Verdict.FAIL, "/foreign_other publishes std_msgs/msg/String on /foreign/follow_path"),
        ("badmap", "map", Verdict.FAIL, "it says that it has 4 x 3 cells, and has 11"),
        ("mute", "drive actions", Verdict.FAIL, "there is no /mute/follow_path, no /mute/dock_robot"),
        ("absent", "reachable", Verdict.FAIL, "nothing is heard below /absent"),
    ],
)
def test_each_fault_is_the_only_one_found_and_has_its_remedy(
    found: dict[str, dict[str, Finding]], robot: str, check: str, verdict: Verdict, text: str
) -> None:
    checks = found[robot]
    assert bad(checks) == {check: verdict}, checks
    assert text in checks[check].text and checks[check].remedy


def sound() -> Observed:
    """What is heard of a robot with which all is well."""
    seen = Observed(servers={"/r/follow_path": True}, percentages=[0.5], heads=[False], hold="")
    expected = Publisher("/doctor", "nav2_msgs/action/FollowPath_FeedbackMessage", "aa")
    seen.ours = {"/r/follow_path/_action/feedback": expected}
    return seen


@pytest.mark.parametrize(
    ("publisher", "text"),
    [
        (Publisher("/r/nav", "nav2_msgs/action/FollowPath_FeedbackMessage", "bb"), "another layout"),
        (Publisher("/r/nav", "nav2_msgs/action/FollowPath_FeedbackMessage", ""), "no layout, as ROS 2 Humble"),
        (Publisher("/r/nav", "std_msgs/msg/String", "aa"), "publishes std_msgs/msg/String"),
    ],
)
def test_a_message_of_another_layout_is_refused_by_name(publisher: Publisher, text: str) -> None:
    seen = sound()
    seen.topics = {"/r/follow_path/_action/feedback": [publisher]}
    check = next(one for one in findings(spec("r"), FLOOR, seen, 5.0) if one.check == "messages")
    assert check.verdict is Verdict.FAIL and text in check.text


@pytest.mark.parametrize(
    ("publisher", "verdict"),
    [
        (Publisher("/r/base", "sensor_msgs/msg/BatteryState", "bb"), Verdict.FAIL),
        # As the controller believes it: of topics all releases have the same layouts.
        (Publisher("/r/base", "sensor_msgs/msg/BatteryState", ""), Verdict.OK),
        (Publisher("/r/base", "sensor_msgs/msg/BatteryState", "aa"), Verdict.OK),
    ],
)
def test_of_topics_only_a_layout_that_is_told_is_held_against_a_robot(publisher: Publisher, verdict: Verdict) -> None:
    seen = sound()
    seen.topics = {"/r/battery_state": [publisher]}
    seen.ours = {"/r/battery_state": Publisher("/doctor", "sensor_msgs/msg/BatteryState", "aa")}
    check = next(one for one in findings(spec("r"), FLOOR, seen, 5.0) if one.check == "messages")
    assert check.verdict is verdict


def test_what_others_tell_on_a_shared_topic_is_not_held_against_a_robot() -> None:
    seen = sound()
    seen.ours = {"/tf": Publisher("/doctor", "tf2_msgs/msg/TFMessage", "aa")}
    for node, verdict in (("/r2/odometry", Verdict.OK), ("/r/odometry", Verdict.FAIL)):
        seen.topics = {"/tf": [Publisher(node, "tf2_msgs/msg/TFMessage", "bb")]}
        check = next(one for one in findings(spec("r"), FLOOR, seen, 5.0) if one.check == "messages")
        assert check.verdict is verdict


def test_an_action_whose_goals_or_results_have_another_layout_is_refused_by_name() -> None:
    seen = sound()
    seen.misread = ["/r/nav tells another layout of nav2_msgs/action/FollowPath_GetResult_Response"]
    check = next(one for one in findings(spec("r"), FLOOR, seen, 5.0) if one.check == "messages")
    assert check.verdict is Verdict.FAIL and "GetResult" in check.text and check.remedy


@pytest.mark.parametrize(("moved_m", "verdict"), [(0.0, Verdict.OK), (1.0, Verdict.FAIL)])
def test_the_robots_map_is_compared_with_ours_in_our_frame(moved_m: float, verdict: Verdict) -> None:
    grid = FLOOR.grid
    turned = RobotSpec("r", WORKING_W, "here", "r", Pose(4.0, -2.0, 0.3))
    # Our own map as the robot has it, in a frame of its own.
    origin = turned.map_to_robot.inverse() @ Pose(grid.origin.x_m + moved_m, grid.origin.y_m, grid.origin.yaw_rad)
    seen = sound()
    seen.map = OwnMap(~grid.free, grid.resolution_m, origin)
    check = next(one for one in findings(turned, FLOOR, seen, 5.0) if one.check == "map")
    assert check.verdict is verdict, check


def test_a_map_that_it_may_share_is_only_warned_of() -> None:
    seen = sound()
    seen.map, seen.map_is_shared = OwnMap(~FLOOR.grid.free, FLOOR.grid.resolution_m, Pose(1.0, 0.7)), True
    check = next(one for one in findings(spec("r"), FLOOR, seen, 5.0) if one.check == "map")
    assert check.verdict is Verdict.WARN and "/map" in check.text


@pytest.mark.parametrize(
    ("late_s", "round_trip_s", "verdict"),
    [
        (0.9, 0.01, Verdict.FAIL),
        (0.9, 0.5, Verdict.OK),
        # Nobody answers: a slow way is not known from a clock that is behind.
        (0.9, None, Verdict.OK),
        (1.8, None, Verdict.OK),
        (-0.9, None, Verdict.FAIL),
        # The latched pose of a robot that stands.
        (7200.0, 0.01, Verdict.UNKNOWN),
    ],
)
def test_a_clock_is_told_from_a_slow_way(late_s: float, round_trip_s: float | None, verdict: Verdict) -> None:
    seen = sound()
    seen.round_trips_s = [round_trip_s]
    seen.poses = [(10.0 + late_s, PoseReported("r", 10.0, DOCK.pose))]
    check = next(one for one in findings(spec("r"), FLOOR, seen, 5.0) if one.check == "clock")
    assert check.verdict is verdict, check


def test_a_clock_that_is_behind_is_told_also_of_a_pose_topic_whose_first_pose_may_be_old() -> None:
    seen = sound()
    seen.poses = [(13.0, PoseReported("r", 10.0, DOCK.pose))]
    seen.drops["its clock is more than 2 s behind ours"] = 50
    check = next(one for one in findings(spec("r"), FLOOR, seen, 5.0) if one.check == "clock")
    assert check.verdict is Verdict.FAIL and check.remedy


@pytest.mark.parametrize(
    ("told", "verdict"),
    [
        ([0.5], Verdict.FAIL),
        ([0.97], Verdict.OK),
        ([50.0], Verdict.FAIL),
        ([97.0], Verdict.OK),
        # What it told before says that this is one percent.
        ([2.0, 1.0], Verdict.FAIL),
    ],
)
def test_a_robot_that_charges_away_from_every_dock_is_found_on_either_scale(
    told: list[float], verdict: Verdict
) -> None:
    seen = sound()
    seen.poses = [(10.0, PoseReported("r", 10.0, DOCK.pose @ Pose(2.0, 0.0)))]
    seen.percentages, seen.charging = told, True
    check = next(one for one in findings(spec("r"), FLOOR, seen, 5.0) if one.check == "localised")
    assert check.verdict is verdict, check


def test_a_level_below_nothing_is_none() -> None:
    seen = sound()
    seen.percentages = [-1.0]
    check = next(one for one in findings(spec("r"), FLOOR, seen, 5.0) if one.check == "battery")
    assert check.verdict is Verdict.FAIL


def test_the_command_ends_with_1_when_a_robot_is_not_there_and_names_robots_that_are_unknown() -> None:
    command = [sys.executable, "-m", "robot_fleet.cli", "doctor", "--store", str(SHOP), "--json", "--listen", "2"]
    done = subprocess.run([*command, "robot_1"], capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    (robot,) = json.loads(done.stdout)["robots"]
    assert robot["name"] == "robot_1" and robot["checks"][0]["verdict"] == "fails" and robot["checks"][0]["remedy"]
    unknown = subprocess.run([*command, "nobody"], capture_output=True, text=True, check=False)
    assert unknown.returncode == 2 and "no robot named 'nobody'" in unknown.stderr


def simulated(late_s: float, clock_heard: bool = True) -> Finding:
    """What is said of the clock of a robot that is to go by /clock."""
    seen = sound()
    seen.clock_heard = clock_heard
    seen.poses = [(10.0 + late_s, PoseReported("r", 10.0, DOCK.pose))]
    return next(one for one in findings(spec("r"), FLOOR, seen, 5.0, sim_time=True) if one.check == "clock")


def test_a_simulated_robot_goes_by_the_simulated_clock_however_fast_that_is() -> None:
    assert simulated(late_s=0.3).verdict is simulated(late_s=5.0).verdict is Verdict.OK


def test_a_robot_that_does_not_go_by_the_simulated_clock_and_one_without_a_clock_are_told() -> None:
    assert simulated(late_s=-1.7e9).verdict is Verdict.FAIL
    assert "use_sim_time" in simulated(late_s=-1.7e9).remedy
    assert simulated(late_s=0.0, clock_heard=False).text == "nothing is heard on /clock"


@contextmanager
def simulator(speed: float) -> Iterator[None]:
    command = [sys.executable, "-m", "robot_fleet.cli", "sim", "--store", str(SHOP), "--speed", str(speed)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            assert process.stdout is not None and any("simulating" in line for line in process.stdout)
            yield
        finally:
            process.kill()


def test_the_command_trusts_simulated_robots_when_told_that_they_are_and_does_not_hold_their_clock_up() -> None:
    command = [sys.executable, "-m", "robot_fleet.cli", "doctor", "--store", str(SHOP), "--json", "--listen", "8"]
    with simulator(speed=2.0):
        done = subprocess.run([*command, "--sim-time"], capture_output=True, text=True, check=False)
    robots = json.loads(done.stdout)["robots"]
    failed = [(robot["name"], check) for robot in robots for check in robot["checks"] if check["verdict"] == "fails"]
    assert (done.returncode, failed) == (0, []), done.stderr
    poses = [check["verdict"] for robot in robots for check in robot["checks"] if check["check"] == "pose"]
    assert poses == ["ok", "ok"], robots


def test_channels_that_are_named_and_not_there_are_told() -> None:
    interface = Interface(solution_service="solution/set")
    wanted = RobotSpec("r", replace(WORKING_W, interface=interface), "here", "r")
    seen = sound()
    seen.services = {"/r/cleaning_head/set": True, "/r/solution/set": False}
    checks = [one for one in findings(wanted, FLOOR, seen, 5.0) if one.check == "channels"]
    assert [one.text for one in checks] == ["there is no service /r/solution/set"]


def test_a_network_that_loses_answers_is_told() -> None:
    seen = sound()
    seen.round_trips_s = [0.01, None, 0.02, 0.03]
    check = next(one for one in findings(spec("r"), FLOOR, seen, 5.0) if one.check == "network")
    assert check.verdict is Verdict.WARN and "1 of 4 lost" in check.text


def test_too_few_poses_are_told() -> None:
    seen = sound()
    seen.poses = [(float(k), PoseReported("r", float(k), DOCK.pose)) for k in range(5)]
    check = next(one for one in findings(spec("r"), FLOOR, seen, 5.0) if one.check == "pose")
    assert check.verdict is Verdict.WARN and "1.0 a second" in check.text


@pytest.mark.parametrize("alone", [False, True])
def test_an_e_stop_on_a_shared_topic_is_not_that_of_the_one_robot_that_is_looked_at(
    alone: bool, tmp_path: Path
) -> None:
    shop = Path(shutil.copytree(SHOP, tmp_path / "shop"))
    robots = (shop / "store.yaml").read_text().replace("profile: W", "profile: shared")
    profiles = "profiles: {shared: {base: W, interface: {diagnostics_topic: /diagnostics}}}\n"
    (shop / "store.yaml").write_text(robots + profiles)
    with closing(Eye()) as eye, ThreadPoolExecutor(1) as doctor:
        base = Node("base", namespace="robot_1", context=eye.context)
        publisher = base.create_publisher(DiagnosticArray, "/diagnostics", 10)
        found = doctor.submit(examine, shop, ["robot_1"], LISTEN_S, robots=1 if alone else 2)
        while not found.done():
            publisher.publish(holds_to_ros({"robot_1: safety": "", "robot_2: safety": "e-stop"}, 1.0))
            time.sleep(0.1)
        base.destroy_node()
    holds = next(one for one in found.result()["robot_1"] if one.check == "holds")
    # Whom a name means is known only by who else is in the store.
    assert holds.text == ("it must not move: e-stop" if alone else "it may move")
