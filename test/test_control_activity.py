"""A controller that is made inactive rests its robots, and goes on when it is made active again."""

from __future__ import annotations

import pytest
from control_site import Disk, all_docked, lasting, run_of, site, until_ended

from robot_fleet.control.activity import Activity
from robot_fleet.control.outages import AGAIN_S
from robot_fleet.fleet.errors import Unavailable
from robot_fleet.fleet.events import PlanFailed
from robot_fleet.fleet.states import RunState
from robot_fleet.sim.site import VirtualSite


class Managed:
    """The hall whose controller is looked after by an Activity at each event, as in the process."""

    def __init__(self, disk: Disk | None = None) -> None:
        self.activity = Activity()
        self.site: VirtualSite = lasting(disk)
        plain = self.site.controller.handle

        def handle(event: object) -> None:
            plain(event)  # type: ignore[arg-type]
            self.activity.look_after(self.site.controller)  # type: ignore[arg-type]

        self.site.controller.handle = handle  # type: ignore[method-assign, assignment]

    def start(self) -> str:
        self.activity.check()
        return self.site.controller.ask(lambda controller: controller.start_run((), "night")).run_id

    def state(self) -> RunState:
        return run_of(self.site).state

    def at_rest(self) -> bool:
        return all(robot.motion.at_rest and not robot.head_on for robot in self.site.world.robots.values())


@pytest.fixture
def cleaning() -> Managed:
    made = Managed()
    made.start()
    made.site.advance(40.0)
    assert not made.at_rest()
    return made


def test_robots_rest_while_it_is_inactive_and_the_run_goes_on_after(cleaning: Managed) -> None:
    cleaning.activity.change(False)
    cleaning.site.advance(10.0)
    assert cleaning.at_rest() and cleaning.state() is RunState.PAUSED
    before = [robot.pose for robot in cleaning.site.world.robots.values()]
    cleaning.site.advance(120.0)
    assert [robot.pose for robot in cleaning.site.world.robots.values()] == before
    cleaning.activity.change(True)
    assert until_ended(cleaning.site).state is RunState.COMPLETED
    cleaning.site.advance(60.0)
    assert all_docked(cleaning.site)


def test_while_it_is_inactive_nothing_is_begun() -> None:
    made = Managed()
    made.activity.change(False)
    with pytest.raises(Unavailable, match="ros2 lifecycle set"):
        made.start()


def test_a_run_whose_plan_arrives_while_it_is_inactive_does_not_move_a_robot() -> None:
    made = Managed()
    made.start()
    made.activity.change(False)
    docks = [robot.pose for robot in made.site.world.robots.values()]
    for _ in range(100):
        made.site.advance(0.2)
        assert [robot.pose for robot in made.site.world.robots.values()] == docks
    assert made.state() is RunState.PAUSED


def test_a_stop_is_taken_while_it_is_inactive_and_stays(cleaning: Managed) -> None:
    cleaning.activity.change(False)
    cleaning.site.advance(10.0)
    cleaning.site.controller.stop_run(run_of(cleaning.site).run_id)
    cleaning.site.advance(10.0)
    cleaning.activity.change(True)
    cleaning.site.advance(10.0)
    assert cleaning.state() is RunState.CANCELLED and cleaning.at_rest()


@pytest.mark.parametrize("before", [True, False], ids=["before", "meanwhile"])
def test_a_run_that_a_person_paused_rests_until_a_person_resumes_it(cleaning: Managed, before: bool) -> None:
    run_id = run_of(cleaning.site).run_id

    def pause() -> None:
        cleaning.activity.person_paused(run_id)
        cleaning.site.controller.ask(lambda controller: controller.pause_run(run_id))

    if before:
        pause()
    cleaning.activity.change(False)
    cleaning.site.advance(10.0)
    if not before:
        pause()
    cleaning.activity.change(True)
    cleaning.site.advance(60.0)
    assert cleaning.state() is RunState.PAUSED and cleaning.at_rest()


def test_what_storage_refuses_at_the_change_is_done_as_soon_as_it_takes_changes() -> None:
    disk = Disk()
    made = Managed(disk)
    made.start()
    made.site.advance(40.0)
    disk.full = True
    made.activity.change(False)
    made.site.advance(30.0)
    assert made.at_rest()
    disk.full = False
    made.site.advance(3 * AGAIN_S)
    assert made.state() is RunState.PAUSED and made.at_rest()
    disk.full = True
    made.activity.change(True)
    made.site.advance(10.0)
    disk.full = False
    assert until_ended(made.site).state is RunState.COMPLETED


def test_a_controller_that_winds_up_lets_robots_finish_their_pieces_and_orders_nothing_more() -> None:
    made = site()
    run = made.controller.start_run((), "")
    made.advance(40.0)
    before = run_of(made).cleaned_m2
    assert any(robot.leg_id for robot in made.controller.snapshot.robots)
    made.controller.wind_up()
    made.advance(60.0)
    assert not any(robot.leg_id for robot in made.controller.snapshot.robots)
    assert all(robot.motion.at_rest for robot in made.world.robots.values())
    assert run_of(made).run_id == run.run_id and run_of(made).state is RunState.RUNNING
    # What they clean until then counts.
    assert run_of(made).cleaned_m2 > before + 1.0
    made.restart_controller()
    assert until_ended(made).state is RunState.COMPLETED


def test_a_plan_that_fails_because_all_ends_does_not_end_the_run() -> None:
    made = site()
    run = made.controller.start_run((), "")
    made.controller.wind_up()
    made.controller.handle(PlanFailed(run.run_id, 1, "the planning process was ended"))
    assert run_of(made).state is RunState.PLANNING
    made.restart_controller()
    assert until_ended(made).state is RunState.COMPLETED
