"""Robots that treat goals as no robot should, over real DDS: each way of it has an outcome of its own, told once."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

pytest.importorskip("rclpy", reason="ROS 2 is not installed")

from test_ros_driver import Fleet, driving, fleet, follow, robot_process

from robot_fleet.fleet.commands import CancelAll, DockAt
from robot_fleet.fleet.events import AllCancelled, BatteryReported, EquipmentReported, LegEnded, Outcome, PoseReported
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.store import Dock

pytestmark = [pytest.mark.ros, pytest.mark.asyncio(loop_scope="module")]

BEHAVIOURS = ("refuses", "fails", "instant", "default", "brags", "single", "doubled", "tardy", "drives")
DOCK = Dock("d1", Pose(11.0, -3.0, 0.0))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def robots() -> AsyncIterator[Fleet]:
    """One robot of each behaviour, named after it, and the controller's side of them."""
    with robot_process("percent=works+percent", *(f"{name}={name}" for name in BEHAVIOURS)):
        async with fleet("percent", *BEHAVIOURS) as here:
            await here.until(lambda: len({event.robot for event in here.all_of(PoseReported)}) == 1 + len(BEHAVIOURS))
            yield here


@pytest.fixture
def here(robots: Fleet) -> Fleet:
    """The robots, with no event heard yet."""
    robots.events.clear()
    return robots


@pytest.mark.parametrize(
    ("robot", "outcome", "detail"),
    [
        ("refuses", Outcome.REJECTED, "/refuses/dock_robot refused the goal; is the server active?"),
        ("fails", Outcome.ABORTED, "FAILED_TO_MAKE_PROGRESS (105): a chair is in the way"),
        # Success at once is told as it is: the controller believes what poses say (see test_live_bad_robots).
        ("instant", Outcome.SUCCEEDED, ""),
        # The result's `success` is true in both of these, as it is in a message that nobody has filled in.
        ("default", Outcome.ABORTED, ""),
        ("brags", Outcome.ABORTED, "FAILED_TO_CHARGE (906)"),
    ],
)
async def test_a_docking_ends_with_what_the_goal_came_to_whatever_its_result_says_of_success(
    here: Fleet, robot: str, outcome: Outcome, detail: str
) -> None:
    here.send(DockAt(robot, f"{robot} dock", DOCK))
    ended = await here.ended(f"{robot} dock")
    assert (ended.outcome, ended.detail) == (outcome, detail)


async def test_a_goal_that_somebody_elses_goal_aborts_is_aborted_and_the_others_is_left_alone(here: Fleet) -> None:
    await driving(here, "single", "ours")
    async with fleet("single") as somebody:
        somebody.send(follow("single", "theirs"))
        assert (await here.ended("ours")).outcome is Outcome.ABORTED
        assert not somebody.all_of(LegEnded)


async def test_a_result_that_comes_twice_ends_its_order_once_and_no_other(here: Fleet) -> None:
    for leg_id in ("first", "second"):
        here.send(follow("doubled", leg_id))
        await here.ended(leg_id)
    here.send(CancelAll("doubled"))
    await here.event(AllCancelled, robot="doubled")
    assert [event.leg_id for event in here.all_of(LegEnded, robot="doubled")] == ["first", "second"]


async def test_a_late_result_bears_the_id_of_its_own_order(here: Fleet) -> None:
    for leg_id in ("old", "new"):
        here.send(follow("tardy", leg_id))
    await here.ended("old")
    assert [event.leg_id for event in here.all_of(LegEnded, robot="tardy")] == ["new", "old"]


async def test_a_battery_from_0_to_100_is_read_as_a_share(here: Fleet) -> None:
    assert (await here.event(BatteryReported, robot="percent")).level == 0.75


async def test_a_robot_without_the_switches_for_water_that_its_profile_names_is_told_of() -> None:
    with robot_process("dry=works+dry"):
        async with fleet("dry") as here:
            lack = "there is no service /dry/solution/set, no service /dry/vacuum/set"
            assert await here.event(EquipmentReported, missing=lack)
