"""An answer is a promise: what the controller has answered, or shown, is there after a crash right behind it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from control_site import Disk, hall, robot_of, site
from shapely import box

from robot_fleet.control.controller import Controller
from robot_fleet.control.ports import Record
from robot_fleet.control.snapshot import Snapshot
from robot_fleet.fleet.errors import Unavailable
from robot_fleet.fleet.states import RobotState, RunState
from robot_fleet.sim.site import VirtualSite
from robot_fleet.sim.virtual import MemoryRunStore

SPILL = box(8.0, 4.0, 9.0, 5.0)


def after_a_crash(made: VirtualSite) -> Snapshot:
    """What a new controller shows; the one before handled no event since it answered."""
    made.restart_controller()
    return made.controller.snapshot


def test_a_run_that_was_started_paused_resumed_or_stopped_is_so_after_a_crash() -> None:
    made = site()
    run_id = made.controller.start_run((), "tonight").run_id
    assert [run.request_id for run in after_a_crash(made).runs] == ["tonight"]
    made.advance(60.0)
    for ask, states in (
        (made.controller.pause_run, (RunState.PAUSING, RunState.PAUSED)),
        (Controller.resume_run, (RunState.RUNNING,)),
        (Controller.stop_run, (RunState.STOPPING, RunState.CANCELLED)),
    ):
        getattr(made.controller, ask.__name__)(run_id)
        assert after_a_crash(made).runs[0].state in states


def test_a_robot_that_was_acknowledged_is_not_held_again_after_a_crash() -> None:
    made = site()
    made.world.press_e_stop("r1")
    made.advance(3.0)
    made.world.release("r1")
    made.advance(3.0)
    made.controller.acknowledge("r1", "Ann")
    after_a_crash(made)
    assert robot_of(made, "r1").state is not RobotState.HELD


def test_floor_that_was_closed_or_opened_is_so_after_a_crash() -> None:
    made = site()
    made.controller.close_floor("spill", SPILL)
    assert [view.name for view in after_a_crash(made).closures] == ["spill"]
    made.controller.open_floor("spill")
    assert not after_a_crash(made).closures


class Dies(BaseException):
    """The process ends in the middle of a commit."""


class Mortal(MemoryRunStore):
    """Storage in whose commit the process dies, once it is told to."""

    dies = False

    def commit(self, event: str, records: Sequence[Record]) -> None:
        if self.dies:
            raise Dies
        super().commit(event, records)


def test_nobody_is_shown_what_a_crash_in_its_commit_undoes() -> None:
    made, shown, disk = site(), list[Snapshot](), Mortal()
    controller = Controller(hall(), made.driver, made.planner, disk, made.clock, shown.append)
    controller.resume_from_storage()
    made.controller = controller
    made.advance(3.0)
    disk.dies = True
    with pytest.raises(Dies):
        controller.start_run((), "tonight")
    assert shown and not any(snapshot.runs for snapshot in shown)


@pytest.mark.parametrize(
    ("ask", "is_undone"),
    [
        (lambda controller: controller.acknowledge("r1", "Ann"), lambda seen: seen.robots[0].state is RobotState.HELD),
        (lambda controller: controller.open_floor("spill"), lambda seen: bool(seen.closures)),
    ],
    ids=["a person's word", "opened floor"],
)
def test_nothing_is_answered_while_a_stop_is_still_to_be_stored(ask: Any, is_undone: Any) -> None:
    disk, made = Disk(), site()
    made.run_store = disk  # type: ignore[assignment]
    made.restart_controller()
    made.advance(3.0)
    made.controller.close_floor("spill", SPILL)
    run_id = made.controller.start_run((), "tonight").run_id
    made.advance(30.0)
    made.world.press_e_stop("r1")
    made.advance(3.0)
    made.world.release("r1")
    made.advance(3.0)
    disk.full = True
    with pytest.raises(Unavailable):
        made.controller.stop_run(run_id)
    with pytest.raises(Unavailable, match="not be stored"):
        ask(made.controller)
    disk.full = False
    made.advance(3.0)
    ask(made.controller)
    assert not is_undone(after_a_crash(made))
