"""A controller's process and robots of which something is wrong, over real DDS: each is named, and no other suffers by it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from live_fleet import LiveFleet
from shapely import box

pytest.importorskip("rclpy", reason="ROS 2 is not installed")

from ros_eye import Eye
from std_msgs.msg import String
from test_ros_driver import robot_process

from robot_fleet.client import ClientError
from robot_fleet.control.snapshot import AlertView, RobotView
from robot_fleet.control.views import NOT_CLEARED
from robot_fleet.floor.grid import OccupancyGrid
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.store import Dock, Zone
from robot_fleet.ros.listening import LATCHED
from robot_fleet.storage.floor_file import FloorFile, write_floor_file
from robot_fleet.storage.maps import write_map

pytestmark = pytest.mark.ros

ROBOTS = {
    "sound": "works",
    "turns": "works",
    **{name: f"works+{name}" for name in ("nan", "late", "ahead", "elsewhere", "odom", "lost", "percent")},
    "hung": "hung",
    **{name: name for name in ("refuses", "default", "instant")},
    **{name: f"works+{name}" for name in ("foreign", "babel", "humble", "newer")},
    "mute": "mute",
    "headless": "works+headless",
    "asleep": "works+asleep",
    **{name: f"works+{name}" for name in ("hasty", "unread", "shy", "badmap", "wrongmap")},
    "astray": "works",
}
# Where each of them stands on its own map.
STANDS = Pose(1.0, 2.0, 0.5) @ Pose(0.25, 0.0)
# By its own map one of them stands so far beside its dock.
ASTRAY = Pose(2.0, 0.0)
AMCL = {
    "footprint": {"radius_m": 0.3}, "head": {"width_m": 0.6}, "speed_mps": 0.5, "yaw_rate_rps": 0.6,
    "acceleration_mps2": 0.5, "yaw_acceleration_rps2": 1.0, "interface": {"pose_topic": "amcl_pose"},
}  # fmt: skip


def hall(folder: Path) -> Path:
    """A hall with a dock for each robot along its left wall; every robot stands on its own, which its own map does not know."""
    docks = {name: Dock(f"dock_{name}", Pose(0.6, 1.0 + 1.2 * k, np.pi)) for k, name in enumerate(ROBOTS)}
    cells = np.zeros((24 * (len(docks) + 1), 120), dtype=np.int8)
    cells[[0, -1], :] = cells[:, [0, -1]] = 100
    grid = OccupancyGrid(cells, 0.05, Pose(0.0, 0.0))
    write_map(folder, grid)
    zone = Zone("hall", box(0.0, 0.0, *(side * grid.resolution_m for side in cells.shape[::-1])))
    write_floor_file(folder / "floor.geojson", FloorFile(zones=[zone], docks=list(docks.values())))
    robots = [
        {
            "name": name,
            "profile": "amcl" if name == "odom" else "W",
            "dock": dock.name,
            "map_to_robot": list(
                vars((ASTRAY if name == "astray" else Pose(0.0, 0.0)) @ dock.pose @ STANDS.inverse()).values()
            ),
        }
        for name, dock in docks.items()
    ]
    (folder / "store.yaml").write_text(json.dumps({"profiles": {"amcl": AMCL}, "robots": robots}))
    return folder


class Fleet(LiveFleet):
    """The hall, its controller by the machine's clock, and all robots."""

    def robot(self, name: str) -> RobotView:
        return next(robot for robot in self.client.robots() if robot.name == name)

    def alert(self, key: str) -> AlertView:
        """The alert of that key, as soon as it is active."""
        self.until_robots(lambda _: key in self.active())
        return self.active()[key]

    def active(self) -> dict[str, AlertView]:
        return {alert.alert_id: alert for alert in self.client.alerts(active_only=True)}

    def tell(self, robot: str, word: str) -> None:
        """Tells a robot something that no controller would."""
        with closing(Eye()) as eye:
            publisher = eye.node.create_publisher(String, f"/{robot}/test/order", LATCHED)
            publisher.publish(String(data=word))
            eye.until(lambda: publisher.get_subscription_count() and publisher.wait_for_all_acked())


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    folder = tmp_path_factory.mktemp("fleet")
    opened = Fleet(folder, hall(folder / "store"))
    with robot_process(*(f"{name}={behaviour}" for name, behaviour in ROBOTS.items())):
        try:
            opened.start_controller_in_real_time()
            yield opened
        finally:
            opened.close()


MISPLACED = {
    "nan": (r"transform of nan/odom: its pose is not made of numbers", "localisation"),
    "late": (r"its clock is (2\.9|3\.\d) s behind ours", "chrony"),
    "ahead": (r"its clock is (2|3)\.\d s ahead of ours", "chrony"),
    "elsewhere": ("its frames lead from elsewhere/base_link to other_map, not to map", "`interface`"),
    "odom": ("its pose is in the frame 'odom/odom', not in 'map'", "`interface`"),
    "lost": ("is no free floor of the store's map", "map_to_robot"),
}


@pytest.mark.parametrize("name", MISPLACED)
def test_a_robot_whose_place_cannot_be_believed_is_out_of_work_by_name_until_it_can(fleet: Fleet, name: str) -> None:
    reason, remedy = MISPLACED[name]
    alert = fleet.alert(f"pose-{name}")
    assert (alert.robot, alert.severity) == (name, "ERROR")
    assert re.search(reason, alert.text) and remedy in alert.remedy
    robot = fleet.robot(name)
    assert robot.state.value == "OFFLINE" and re.search(reason, robot.detail)
    with pytest.raises(ClientError, match="not believed"):
        fleet.client.start(robots=[name])
    fleet.tell(name, "now")
    back = fleet.until_robots(lambda robots: robots[name].state.value == "CHARGING" and not robots[name].detail)[name]
    assert f"pose-{name}" not in fleet.active()
    # It was heard all the time.
    assert back.heard_at_s is not None and f"silent-{name}" not in {one.alert_id for one in fleet.client.alerts()}


@pytest.mark.parametrize("name", ["sound", "percent"])
def test_a_robot_beside_them_is_ready_and_its_battery_is_read_right_in_either_scale(fleet: Fleet, name: str) -> None:
    robot = fleet.until_robots(lambda robots: robots[name].state.value == "CHARGING" and not robots[name].detail)[name]
    assert robot.battery == pytest.approx(0.75)
    assert not any(alert.robot == name for alert in fleet.active().values())


def test_a_robot_that_never_answers_gets_no_order_and_says_why(fleet: Fleet) -> None:
    fleet.until_robots(lambda robots: robots["hung"].detail == NOT_CLEARED and robots["hung"].pose)
    with pytest.raises(ClientError, match="hung is not yet rid of earlier orders"):
        fleet.client.start(robots=["hung"])


@pytest.mark.parametrize(
    ("name", "lack"),
    [
        ("mute", "there is no action server /mute/follow_path, no action server /mute/dock_robot"),
        ("headless", "there is no service /headless/cleaning_head"),
        ("foreign", "it would misread its orders: /foreign_other publishes std_msgs"),
        ("babel", "what it tells would be misread: /babel_other publishes std_msgs/msg/String on /babel/battery_state"),
        ("humble", "it would misread its orders: a node that has not told its name tells no layout, as ROS 2 Humble"),
        ("newer", "it would misread its orders: a node that has not told its name tells another layout of nav2_msgs"),
        ("asleep", "/asleep_drive is inactive"),
        ("hasty", "its clock is 1.2 s ahead of ours"),
        ("unread", "its battery's level is never told"),
        ("shy", "it never says whether its head is on"),
        ("badmap", "its map cannot be read: it says that it has 4 x 3 cells, and has 11"),
        ("wrongmap", "% of the walls in its map are none in ours"),
        ("astray", "it charges and says that it is 2.0 m from the nearest dock"),
    ],
)
def test_a_robot_that_lacks_what_work_needs_gets_none_and_says_why(fleet: Fleet, name: str, lack: str) -> None:
    alert = fleet.alert(f"equipment-{name}")
    assert lack in alert.text and alert.remedy and alert.robot == name
    assert lack in fleet.robot(name).detail
    with pytest.raises(ClientError, match=f"{name} is not equipped"):
        fleet.client.start(robots=[name])


def test_a_robot_whose_servers_are_activated_gets_work_from_then_on(fleet: Fleet) -> None:
    fleet.alert("equipment-asleep")
    fleet.tell("asleep", "now")
    fleet.until_robots(lambda robots: not robots["asleep"].detail)
    assert "equipment-asleep" not in fleet.active()
    fleet.tell("asleep", "now asleep")
    assert "inactive" in fleet.alert("equipment-asleep").text


@pytest.mark.parametrize("name", ["hasty", "unread", "shy", "wrongmap"])
def test_a_robot_that_was_not_trusted_gets_work_once_it_is_mended(fleet: Fleet, name: str) -> None:
    fleet.alert(f"equipment-{name}")
    fleet.tell(name, "now")
    fleet.until_robots(lambda robots: not robots[name].detail)
    assert f"equipment-{name}" not in fleet.active()


@pytest.mark.proof
def test_a_clock_that_was_right_and_is_set_wrong_later_is_found_out(fleet: Fleet) -> None:
    fleet.until_robots(lambda robots: robots["turns"].state.value == "CHARGING")
    fleet.tell("turns", "now late")
    assert re.search(MISPLACED["late"][0], fleet.alert("pose-turns").text)


@pytest.mark.proof
def test_robots_that_misuse_their_goals_are_named_with_the_reason_and_earn_no_floor(fleet: Fleet) -> None:
    told = {
        "dock-refuses": "did not leave its dock: /refuses/undock_robot refused the goal; is the server active?",
        "dock-default": "did not leave its dock: aborted",
        "blocked-instant": "it says that it has arrived, ",
    }
    bad = [key.partition("-")[2] for key in told]
    fleet.until_robots(lambda robots: all(robots[name].state.value == "CHARGING" for name in bad))
    run = fleet.client.start(robots=bad)
    for key, text in told.items():
        alert = fleet.alert(key)
        assert text in alert.text and alert.remedy
    assert fleet.client.get(run.run_id).cleaned_m2 == 0.0
    fleet.client.stop(run.run_id, wait_s=0.0)
