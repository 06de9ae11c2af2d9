"""Robots' own maps over real DDS: which are looked at, in turn, and what is said of them."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from control_site import hall

pytest.importorskip("rclpy", reason="ROS 2 is not installed")

from nav_msgs.msg import MapMetaData
from nav_msgs.msg import OccupancyGrid as MapMessage
from rclpy.publisher import Publisher
from rclpy.qos import QoSProfile
from ros_eye import Eye
from scipy.ndimage import binary_erosion
from test_ros_bridge import running, until

from robot_fleet.floor.pose import Pose
from robot_fleet.floor.profile import WORKING_W
from robot_fleet.floor.store import RobotSpec
from robot_fleet.ros import map_looks
from robot_fleet.ros.bridge import RosBridge
from robot_fleet.ros.conversion import BadReading, pose_to_ros
from robot_fleet.ros.listening import LATCHED, RELIABLE
from robot_fleet.ros.map_looks import MapLooks
from robot_fleet.ros.own_map import DIFFER, MOST_CELLS, SOUND_MAP, OwnMap, map_from_ros, share_apart

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
BROKEN = MapMessage(info=MapMetaData(resolution=0.05, width=4, height=3), data=[0])


def spec(name: str) -> RobotSpec:
    return RobotSpec(name, WORKING_W, "dock", name)


class Site:
    """Looks on a bridge, and an eye in whose place robots publish."""

    def __init__(self, bridge: RosBridge, looks: MapLooks, eye: Eye) -> None:
        self.bridge, self.looks, self._eye = bridge, looks, eye

    def publish(self, topic: str, message: MapMessage | None = None, qos: QoSProfile = LATCHED) -> Publisher:
        publisher = self._eye.node.create_publisher(MapMessage, topic, qos)
        if message is not None:
            publisher.publish(message)
        return publisher

    def drop(self, publisher: Publisher) -> None:
        self._eye.node.destroy_publisher(publisher)

    async def look(self, *names: str) -> None:
        """Has these robots' maps looked at, in turn, as far as that begins at once."""
        for name in names:
            self.bridge.to_ros(lambda name=name: self.looks.want(spec(name)))
        self.bridge.to_ros(self.looks.tick)
        await asyncio.sleep(0.1)

    async def looked(self, name: str, holds: Callable[[], object], limit_s: float = 30.0) -> None:
        """Has the robot's map looked at, again and again, until something holds."""
        deadline = time.monotonic() + limit_s
        while not holds():
            assert time.monotonic() < deadline
            await self.look(name)


def set_clock(monkeypatch: pytest.MonkeyPatch, ahead_s: float) -> None:
    """As if it were so much later than it is."""
    monkeypatch.setattr(map_looks, "time", SimpleNamespace(monotonic=lambda: time.monotonic() + ahead_s))


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


async def test_a_map_that_others_publish_is_not_held_against_a_robot_nor_one_that_is_gone_taken_for_mended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with site() as here:
        here.publish("/map", MOVED)
        own = here.publish("/r1/map", MOVED)
        await here.looked("r1", lambda: here.looks.fault("r1")[0])
        assert here.looks.fault("r2") == ("", "")
        here.drop(own)
        await until(lambda: not here.bridge.node.count_publishers("/r1/map"))
        for _ in range(5):
            await here.look("r1", "r2")
        assert here.looks.fault("r1")[0] and here.looks.fault("r2") == ("", "")
        set_clock(monkeypatch, 240.0)
        for _ in range(3):
            await here.look("r1")
        assert here.looks.fault("r1")[0]
        # But not for ever: nothing says that the robot still has it.
        set_clock(monkeypatch, 320.0)
        await here.looked("r1", lambda: not here.looks.fault("r1")[0])


async def test_a_wrong_map_that_came_back_is_held_against_the_robot_as_long_when_it_is_gone_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with site() as here:
        for later_s, message, text in ((0.0, MOVED, "none in ours"), (200.0, BROKEN, "cannot be read")):
            set_clock(monkeypatch, later_s)
            own = here.publish("/r1/map", message)
            await here.looked("r1", lambda text=text: text in here.looks.fault("r1")[0])
            await until(lambda: here.looks._look is None)
            here.drop(own)
            await until(lambda: not here.bridge.node.count_publishers("/r1/map"))
            await here.look("r1")
        set_clock(monkeypatch, 400.0)
        for _ in range(3):
            await here.look("r1")
        assert here.looks.fault("r1")[0]


async def test_a_robot_that_comes_back_with_another_map_is_looked_at_again_though_it_publishes_it_late() -> None:
    async with site() as here:
        own = here.publish("/r1/map", SOUND)
        await here.looked("r1", lambda: here.looks.is_sound("r1"))
        here.drop(own)
        await until(lambda: not here.bridge.node.count_publishers("/r1/map"))
        await here.look("r1")
        assert not here.looks.is_sound("r1")
        here.publish("/r1/map", MOVED)
        await here.looked("r1", lambda: here.looks.fault("r1")[0])


async def test_a_map_too_empty_to_tell_is_neither_sound_nor_held_against_a_robot() -> None:
    async with site() as here:
        own = here.publish("/r1/map", MOVED)
        await here.looked("r1", lambda: here.looks.fault("r1")[0])
        own.publish(MapMessage(info=MapMetaData(resolution=0.05, width=1, height=1), data=[0]))
        await here.looked("r1", lambda: not here.looks.fault("r1")[0])
        assert not here.looks.is_sound("r1")


async def test_what_cannot_be_unpacked_or_is_too_large_is_held_against_the_robot_not_the_controller() -> None:
    broken = map_looks._compared(spec("r1"), GRID, b"\x00\x01nonsense")
    assert broken is not None and broken[0].startswith("its map cannot be read")
    large = map_looks._compared(spec("r1"), GRID, bytes(2 * MOST_CELLS + 1))
    assert large == ("its map cannot be read: it has 200 MB", SOUND_MAP)


async def test_a_robot_that_publishes_no_map_holds_nobody_up_and_one_whose_map_never_comes_only_for_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(map_looks, "_LIMIT_S", 1.0)
    async with site() as here:
        here.publish("/silent/map")
        here.publish("/volatile/map", qos=RELIABLE)
        here.publish("/r1/map", SOUND)
        await until(
            lambda: all(here.bridge.node.count_publishers(f"/{name}/map") for name in ("silent", "volatile", "r1"))
        )
        await here.look("none", "volatile", "silent")
        assert here.looks._look is not None and here.looks._look.spec.name == "silent"
        await here.looked("r1", lambda: here.looks.is_sound("r1"))
        # Its turn is over for a while, unless the robot is found anew.
        for _ in range(5):
            await here.look("silent")
        assert here.looks._look is None
        here.bridge.to_ros(lambda: here.looks.want(spec("silent"), anew=True))
        here.bridge.to_ros(here.looks.tick)
        await until(lambda: here.looks._look is not None)


async def test_the_thread_that_compares_maps_ends_with_the_bridge() -> None:
    async with site() as here:
        here.publish("/r1/map", SOUND)
        await here.looked("r1", lambda: here.looks.is_sound("r1"))
        workers = [thread for thread in threading.enumerate() if thread.name.startswith("own-map")]
        assert workers
    # By itself it would end only once nobody holds the looks any more.
    assert here.looks.is_sound("r1")
    await until(lambda: not any(worker.is_alive() for worker in workers), limit_s=10.0)


def cut(own: OwnMap, rows: int, cols: int) -> OwnMap:
    return OwnMap(own.occupied[:rows, :cols], own.resolution_m, own.origin)


def test_walls_beyond_our_map_do_not_count_unless_they_are_most() -> None:
    whole = OwnMap(WALLS, GRID.resolution_m, GRID.origin)
    rows, cols = GRID.shape
    for share, apart in ((0.8, 0.0), (0.1, 1.0)):
        ours = replace(GRID, cells=GRID.cells[:, : round(share * cols)])
        assert share_apart(spec("r1"), ours, whole) == pytest.approx(apart, abs=0.02)
    assert share_apart(spec("r1"), GRID, cut(whole, rows // 2, cols)) == 0.0


@pytest.mark.parametrize(("shift_m", "is_other"), [(0.0, False), (0.08, False), (0.3, True), (2.0, True)])
@pytest.mark.parametrize("coarser", [1, 2])
def test_cells_of_another_size_are_the_same_map_and_a_map_that_is_shifted_is_another(
    shift_m: float, is_other: bool, coarser: int
) -> None:
    thin = WALLS & ~binary_erosion(WALLS, border_value=1)
    rows, cols = (side // coarser * coarser for side in WALLS.shape)
    blocks = thin[:rows, :cols].reshape(rows // coarser, coarser, cols // coarser, coarser).any(axis=(1, 3))
    own = OwnMap(blocks, coarser * GRID.resolution_m, Pose(GRID.origin.x_m + shift_m, GRID.origin.y_m))
    assert (share_apart(spec("r1"), GRID, own) > DIFFER) is is_other


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
