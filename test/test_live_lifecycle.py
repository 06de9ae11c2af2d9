"""A controller's process as ROS's lifecycle managers see it, over real DDS."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="ROS 2 is not installed")

from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState, GetState
from live_fleet import LiveFleet, live_fleet
from ros_eye import LIMIT_S, Eye

from robot_fleet.client import ClientError
from robot_fleet.fleet.states import RunState

pytestmark = pytest.mark.ros
ASK_AGAIN_S = 20.0


class LifecycleManager:
    """Asks the node `fleet_controller` for its state and to change it."""

    def __init__(self) -> None:
        self._eye = Eye()

    def state(self) -> int:
        return int(self._asked(GetState, "get_state", GetState.Request()).current_state.id)

    def change(self, transition: int) -> bool:
        request = ChangeState.Request(transition=Transition(id=transition))
        return bool(self._asked(ChangeState, "change_state", request).success)

    def close(self) -> None:
        self._eye.close()

    def _asked(self, kind: type, name: str, request: object) -> object:
        client = self._eye.node.create_client(kind, f"/fleet_controller/{name}")
        assert client.wait_for_service(LIMIT_S)
        deadline = time.monotonic() + LIMIT_S
        while time.monotonic() < deadline:
            # The first answer is lost if the node knew the way to ask it before it knew the way back.
            answer, again_s = client.call_async(request), time.monotonic() + ASK_AGAIN_S
            self._eye.until(lambda answer=answer, again_s=again_s: answer.done() or time.monotonic() > again_s)
            if answer.done():
                return answer.result()
        raise AssertionError(f"{name} is not answered")


@pytest.fixture
def manager() -> Iterator[LifecycleManager]:
    made = LifecycleManager()
    yield made
    made.close()


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[LiveFleet]:
    with live_fleet(tmp_path) as opened:
        opened.start_sim()
        yield opened


def test_a_managed_controller_cleans_only_while_it_is_active(fleet: LiveFleet, manager: LifecycleManager) -> None:
    fleet.start_controller("--managed")
    fleet.until_ready()
    assert manager.state() == State.PRIMARY_STATE_UNCONFIGURED
    with pytest.raises(ClientError, match="inactive"):
        fleet.client.start()
    assert manager.change(Transition.TRANSITION_CONFIGURE)
    with pytest.raises(ClientError, match="inactive"):
        fleet.client.start()
    assert manager.change(Transition.TRANSITION_ACTIVATE)
    run = fleet.client.start(zones=["front"])
    fleet.until_run(run.run_id, lambda seen: seen.progress > 0.1)
    assert manager.change(Transition.TRANSITION_DEACTIVATE)
    fleet.until_run(run.run_id, lambda seen: seen.state is RunState.PAUSED)
    assert not any(robot.head_on for robot in fleet.client.robots())
    assert manager.change(Transition.TRANSITION_ACTIVATE)
    *_, last = fleet.client.watch(run.run_id)
    assert last.state is RunState.COMPLETED, last.reason
    assert manager.change(Transition.TRANSITION_ACTIVE_SHUTDOWN)
    assert fleet.processes["serve"].wait(20.0) == 0


def test_a_controller_that_nobody_manages_is_active_by_itself(fleet: LiveFleet, manager: LifecycleManager) -> None:
    fleet.start_controller()
    assert manager.state() == State.PRIMARY_STATE_ACTIVE


def test_a_controller_that_nobody_manages_is_neither_deactivated_nor_shut_down_from_the_network(
    fleet: LiveFleet, manager: LifecycleManager
) -> None:
    fleet.start_controller()
    fleet.until_ready()
    for transition in (Transition.TRANSITION_DEACTIVATE, Transition.TRANSITION_ACTIVE_SHUTDOWN):
        assert not manager.change(transition)
    assert manager.state() == State.PRIMARY_STATE_ACTIVE
    assert fleet.processes["serve"].poll() is None
    assert fleet.client.start(zones=["front"]).state is RunState.PLANNING
