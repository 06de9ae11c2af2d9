"""Robots' own maps over real DDS: which are looked at, in turn, and what is said of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing

import numpy as np
import pytest
from control_site import hall

pytest.importorskip("rclpy", reason="ROS 2 is not installed")

from nav_msgs.msg import MapMetaData
from nav_msgs.msg import OccupancyGrid as MapMessage
from rclpy.publisher import Publisher
from ros_eye import Eye
from test_ros_bridge import running, until

from robot_fleet.floor.pose import Pose
from robot_fleet.floor.profile import WORKING_W
from robot_fleet.floor.store import RobotSpec
from robot_fleet.ros import map_looks
from robot_fleet.ros.bridge import RosBridge
from robot_fleet.ros.conversion import BadReading, pose_to_ros
from robot_fleet.ros.listening import LATCHED
from robot_fleet.ros.map_looks import MapLooks
from robot_fleet.ros.own_map import OwnMap, map_from_ros, share_apart

pytestmark = pytest.mark.ros

GRID = hall().floor.grid
WALLS = ~GRID.free
SOUND = MapMessage(
    info=MapMetaData(
        resolution=GRID.resolution_m, width=GRID.shape[1], height=GRID.shape[0], origin=pose_to_ros(GRID.origin)
    ),
    data=(100 * WALLS).astype(np.int8).ravel().tolist(),
)
MOVED = MapMessage(
    info=MapMetaData(
        resolution=GRID.resolution_m, width=GRID.shape[1], height=GRID.shape[0], origin=pose_to_ros(Pose(1.0, 0.7, 0.0))
    ),
    data=SOUND.data,
)


def spec(name: str) -> RobotSpec:
    return RobotSpec(name, WORKING_W, "dock", name)


class Site:
    """Looks on a bridge, and an eye in whose place robots publish."""

    def __init__(self, bridge: RosBridge, looks: MapLooks, eye: Eye) -> None:
        self.bridge, self.looks, self._eye = bridge, looks, eye

    def publish(self, topic: str, message: MapMessage | None = None) -> Publisher:
        publisher = self._eye.node.create_publisher(MapMessage, topic, LATCHED)
        if message is not None:
            publisher.publish(message)
        return publisher

    async def looked(self, name: str, holds: Callable[[], object], limit_s: float = 30.0) -> None:
        """Has the robot's map looked at, again and again, until something holds."""
        deadline = time.monotonic() + limit_s
        while not holds():
            assert time.monotonic() < deadline
            self.bridge.to_ros(lambda: self.looks.want(spec(name)))
            self.bridge.to_ros(self.looks.tick)
            await asyncio.sleep(0.1)


@asynccontextmanager
async def site() -> AsyncIterator[Site]:
    bridge = RosBridge()
    looks = MapLooks(bridge, GRID)
    with closing(Eye()) as eye:
        async with running(bridge) as bugs:
            yield Site(bridge, looks, eye)
            assert not bugs


async def test_a_map_that_is_ours_is_sound_and_one_that_is_not_is_told_until_it_is_mended() -> None:
    async with site() as here:
        own = here.publish("/r1/map", MOVED)
        await here.looked("r1", lambda: here.looks.fault("r1")[0])
        text, remedy = here.looks.fault("r1")
        assert text.endswith("% of the walls in its map are none in ours") and "map_to_robot" in remedy
        assert not here.looks.is_sound("r1")
        own.publish(SOUND)
        await here.looked("r1", lambda: here.looks.is_sound("r1"))
        assert here.looks.fault("r1") == ("", "")


async def test_a_robot_without_a_map_of_its_own_has_the_one_that_all_share() -> None:
    async with site() as here:
        here.publish("/map", MOVED)
        here.publish("/r1/map", SOUND)
        await here.looked("r2", lambda: here.looks.fault("r2")[0])
        await here.looked("r1", lambda: here.looks.is_sound("r1"))


async def test_a_robot_that_publishes_no_map_holds_nobody_up_and_one_whose_map_never_comes_only_for_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(map_looks, "_LIMIT_S", 1.0)
    async with site() as here:
        here.publish("/silent/map")
        here.publish("/r1/map", SOUND)
        await until(lambda: here.bridge.node.count_publishers("/silent/map"))
        for name in ("none", "silent"):
            here.bridge.to_ros(lambda name=name: here.looks.want(spec(name)))
        await here.looked("r1", lambda: here.looks.is_sound("r1"))
        assert here.looks.fault("none") == here.looks.fault("silent") == ("", "")
        assert not here.looks.is_sound("silent")


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"width": 4, "height": 3}, "it says that it has 4 x 3 cells"),
        ({"resolution": 0.0}, "a cell of it is 0.0 m wide"),
        ({"resolution": float("nan")}, "a cell of it is nan m wide"),
    ],
)
def test_what_is_no_map_is_refused_by_name(change: dict[str, float], text: str) -> None:
    message = MapMessage(info=SOUND.info, data=SOUND.data)
    message.info = MapMetaData(
        **{"resolution": SOUND.info.resolution, "width": SOUND.info.width, "height": SOUND.info.height, **change},
        origin=SOUND.info.origin,
    )
    with pytest.raises(BadReading, match=text):
        map_from_ros(message)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("resolution_m", [1e-9, 1e38])
def test_a_map_of_absurd_scale_differs_and_no_more(resolution_m: float) -> None:
    own = OwnMap(np.ones((2000, 2000), dtype=np.bool_), resolution_m, Pose(3.0, 3.0))
    assert own.tells and 0.9 < share_apart(spec("r1"), GRID, own) <= 1.0
