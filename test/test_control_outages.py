"""Storage that refuses in the middle of a run: robots rest, requests are refused, stops go out, and nothing stored is lost."""

from __future__ import annotations

import time
from collections.abc import Sequence

import pytest
from control_site import FULL, Disk, all_docked, hall, lasting, robot_of, run_of, until, until_ended
from postgres_server import PostgresServer

from robot_fleet.control.outages import AGAIN_S, LOOK_S
from robot_fleet.control.ports import CannotStore, Displaced, InDoubt, Record
from robot_fleet.fleet.commands import Command
from robot_fleet.fleet.errors import NotFound, Unavailable
from robot_fleet.fleet.events import HoldReported, PoseRefused
from robot_fleet.fleet.states import RobotState, RunState
from robot_fleet.main.sole_driver import SoleDriver
from robot_fleet.sim.site import VirtualSite
from robot_fleet.sim.virtual import MemoryRunStore
from robot_fleet.storage.database import SqlRunStore


class Recorder:
    """A driver of robots that never answer."""

    def __init__(self) -> None:
        self.commands: list[Command] = []

    def send(self, command: Command) -> None:
        self.commands.append(command)


@pytest.fixture
def disk() -> Disk:
    return Disk()


@pytest.fixture(scope="module")
def undisturbed() -> float:
    """What share the plan by hand cleans when nothing happens."""
    made = lasting(Disk())
    made.controller.ask(lambda controller: controller.start_run((), "night"))
    return until_ended(made).progress


@pytest.fixture
def made(disk: Disk) -> VirtualSite:
    """A run that has cleaned for a minute, and whose disk is full since."""
    made = lasting(disk)
    made.controller.ask(lambda controller: controller.start_run((), "night"))
    made.advance(40.0)
    assert any(robot.head_on for robot in made.world.robots.values())
    disk.full = True
    made.advance(40.0)
    return made


def test_robots_finish_their_piece_and_rest_with_the_head_off(made: VirtualSite) -> None:
    assert all(robot.motion.at_rest and not robot.head_on for robot in made.world.robots.values())
    before = [robot.pose for robot in made.world.robots.values()]
    made.advance(60.0)
    assert [robot.pose for robot in made.world.robots.values()] == before


def test_robots_are_told_to_turn_their_heads_off_before_they_would_by_themselves(disk: Disk) -> None:
    made = lasting(disk)
    made.controller.ask(lambda controller: controller.start_run((), "night"))
    made.advance(40.0)
    disk.full = True
    robots = made.world.robots
    rested_s, longest_s = dict.fromkeys(robots, 0.0), 0.0
    while any(robot.head_on or not robot.motion.at_rest for robot in robots.values()):
        made.advance(0.2)
        for name, robot in robots.items():
            rested_s[name] = rested_s[name] + 0.2 if robot.head_on and robot.motion.at_rest else 0.0
        longest_s = max(longest_s, *rested_s.values())
    assert longest_s < 2.0


def test_requests_are_refused_with_the_reason_and_an_alert_says_what_to_do(made: VirtualSite) -> None:
    run_id = run_of(made).run_id
    for request in (
        lambda controller: controller.start_run((), "other"),
        lambda controller: controller.pause_run(run_id),
        lambda controller: controller.record(run_id),
    ):
        with pytest.raises(Unavailable, match=f"{FULL}. It is tried again every {AGAIN_S:.0f} s. Free some space"):
            made.controller.ask(request)
    assert [alert.alert_id for alert in made.controller.snapshot.alerts if alert.active] == ["storage"]


def test_the_run_goes_on_by_itself_as_soon_as_there_is_space(made: VirtualSite, disk: Disk, undisturbed: float) -> None:
    before = run_of(made)
    disk.full = False
    made.advance(AGAIN_S + 0.5)
    run = run_of(made)
    assert (run.run_id, run.request_id, run.state) == (before.run_id, "night", RunState.RUNNING)
    assert run.cleaned_m2 >= before.cleaned_m2 - 2 * 2.5 * 0.35
    assert not any(alert.active for alert in made.controller.snapshot.alerts)
    assert made.controller.ask(lambda controller: controller.start_run((), "night")).run_id == run.run_id
    ended = until_ended(made)
    assert ended.state is RunState.COMPLETED and ended.progress > undisturbed - 0.01
    made.advance(60.0)
    assert all_docked(made)


def test_the_disk_may_fill_up_again_and_again(made: VirtualSite, disk: Disk, undisturbed: float) -> None:
    for _ in range(3):
        disk.full = False
        made.advance(20.0)
        disk.full = True
        made.advance(20.0)
    disk.full = False
    made.advance(5.0)
    ended = until_ended(made)
    assert ended.state is RunState.COMPLETED and ended.progress > undisturbed - 0.01


def test_a_stop_goes_out_at_once_and_is_stored_once_that_can_be_done(disk: Disk) -> None:
    made = lasting(disk)
    run_id = made.controller.ask(lambda controller: controller.start_run((), "night")).run_id
    made.advance(60.0)
    disk.full = True
    while made.controller._controller is not None:
        made.advance(0.2)
    with pytest.raises(Unavailable, match=f"were told to stop, but that could not be stored: {FULL}"):
        made.controller.stop_run(run_id)
    made.advance(3.0)
    assert all(robot.motion.at_rest and not robot.head_on for robot in made.world.robots.values())
    disk.full = False
    made.advance(10.0)
    assert run_of(made).state is RunState.CANCELLED
    made.restart_controller()
    made.advance(30.0)
    assert run_of(made).state is RunState.CANCELLED
    assert all(robot.motion.at_rest for robot in made.world.robots.values())


def test_a_stop_of_an_unknown_run_is_refused_and_of_one_that_has_ended_changes_nothing(disk: Disk) -> None:
    made = lasting(disk)
    run_id = made.controller.ask(lambda controller: controller.start_run((), "night")).run_id
    made.controller.stop_run(run_id)
    made.advance(10.0)
    disk.full = True
    made.advance(3.0)
    with pytest.raises(NotFound):
        made.controller.stop_run("nobody")
    assert made.controller.stop_run(run_id).state is RunState.CANCELLED


def test_a_controller_that_begins_while_the_disk_is_full_shows_what_is_stored_and_stops_it(disk: Disk) -> None:
    made = lasting(disk)
    before = made.controller.ask(lambda controller: controller.start_run((), "night"))
    until(made, "r1", RobotState.CLEANING)
    disk.full = True
    made.kill_controller()
    made.advance(40.0)
    lasting(disk, made)
    run = run_of(made)
    assert (run.run_id, run.request_id, run.state) == (before.run_id, "night", RunState.RUNNING)
    assert [alert.alert_id for alert in made.controller.snapshot.alerts if alert.active] == ["storage"]
    with pytest.raises(Unavailable, match=FULL):
        made.controller.ask(lambda controller: controller.pause_run(run.run_id))
    with pytest.raises(Unavailable, match="were told to stop"):
        made.controller.stop_run(run.run_id)
    disk.full = False
    made.advance(10.0)
    assert run_of(made).state is RunState.CANCELLED
    assert not any(alert.active for alert in made.controller.snapshot.alerts)


def test_what_a_full_disk_holds_is_shown_as_soon_as_it_can_be_read(disk: Disk) -> None:
    made = lasting(disk)
    run_id = made.controller.ask(lambda controller: controller.start_run((), "night")).run_id
    made.advance(5.0)
    made.kill_controller()
    disk.full = disk.unreadable = True
    lasting(disk, made)
    assert made.controller.snapshot.runs == ()
    disk.unreadable = False
    made.advance(AGAIN_S + 0.5)
    assert run_of(made).run_id == run_id


def test_a_request_that_finds_the_disk_full_first_is_refused_and_not_done(disk: Disk) -> None:
    made = lasting(disk)
    run_id = made.controller.ask(lambda controller: controller.start_run((), "night")).run_id
    made.advance(30.0)
    disk.full = True
    with pytest.raises(Unavailable, match="was not done"):
        made.controller.ask(lambda controller: controller.pause_run(run_id))
    disk.full = False
    made.advance(10.0)
    assert run_of(made).state is RunState.RUNNING


class Wire(MemoryRunStore):
    """Storage whose connection goes in the middle of a change: once written, once not."""

    breaks = written = away = False

    def commit(self, event: str, records: Sequence[Record]) -> None:
        if self.away:
            raise CannotStore("the server is away")
        if self.written or not self.breaks:
            super().commit(event, records)
        if self.breaks:
            self.breaks, self.away = False, True
            raise InDoubt("the connection went")


@pytest.mark.parametrize("written", [True, False])
def test_a_start_in_doubt_is_not_said_to_be_undone_and_may_be_repeated(written: bool) -> None:
    wire = Wire()
    made = lasting(wire)
    wire.breaks, wire.written = True, written
    with pytest.raises(Unavailable, match="Whether it was stored shows when storage answers again"):
        made.controller.ask(lambda controller: controller.start_run((), "night"))
    assert made.controller._controller is None
    wire.away = False
    made.advance(AGAIN_S + 0.5)
    assert len(made.controller.snapshot.runs) == written
    made.controller.ask(lambda controller: controller.start_run((), "night"))
    assert [run.request_id for run in made.controller.snapshot.runs] == ["night"]


@pytest.mark.parametrize("written", [True, False])
def test_a_stop_in_doubt_goes_out_at_once_and_holds(written: bool) -> None:
    wire = Wire()
    made = lasting(wire)
    run_id = made.controller.ask(lambda controller: controller.start_run((), "night")).run_id
    made.advance(40.0)
    wire.breaks, wire.written = True, written
    with pytest.raises(Unavailable):
        made.controller.stop_run(run_id)
    made.advance(4.0)
    assert all(robot.motion.at_rest and not robot.head_on for robot in made.world.robots.values())
    wire.away = False
    made.advance(10.0)
    assert run_of(made).state is RunState.CANCELLED


def until_it_stores_again(made: VirtualSite) -> None:
    """How soon a server is asked again goes by the machine's clock, of which hours of the site pass in no time."""
    until_s = time.monotonic() + 60.0
    while True:
        made.advance(2.0)
        try:
            made.controller.ask(lambda controller: None)  # type: ignore[attr-defined]
            return
        except Unavailable:
            assert time.monotonic() < until_s
            time.sleep(0.1)


def test_a_server_that_goes_while_nothing_is_to_be_stored_is_missed_all_the_same(postgres: PostgresServer) -> None:
    url = postgres.new_schema()
    store = SqlRunStore(url)
    made = lasting(store)
    made.advance(60.0)
    lines = len(store.journal())
    postgres.kill()
    made.advance(LOOK_S + 0.5)
    assert [alert.alert_id for alert in made.controller.snapshot.alerts if alert.active] == ["storage"]
    postgres.start()
    until_it_stores_again(made)
    assert not any(alert.active for alert in made.controller.snapshot.alerts)
    made.advance(60.0)
    assert len(store.journal()) < lines + 10
    postgres.stop()
    postgres.start()
    other = SqlRunStore(url)
    with pytest.raises(Displaced):
        made.advance(LOOK_S + AGAIN_S + 1.0)
    other.close()
    store.close()


def test_a_run_goes_on_after_its_database_server_was_killed_and_started_again(
    postgres: PostgresServer, undisturbed: float
) -> None:
    store = SqlRunStore(postgres.new_schema())
    made = lasting(store)
    run_id = made.controller.ask(lambda controller: controller.start_run((), "night")).run_id
    for end in (postgres.kill, postgres.stop):
        made.advance(30.0)
        end()
        made.advance(40.0)
        assert all(robot.motion.at_rest and not robot.head_on for robot in made.world.robots.values())
        with pytest.raises(Unavailable, match="start the database's server"):
            made.controller.ask(lambda controller: controller.pause_run(run_id))
        postgres.start()
        until_it_stores_again(made)
    ended = until_ended(made)
    assert ended.run_id == run_id
    assert ended.state is RunState.COMPLETED and ended.progress > undisturbed - 0.01
    versions = [version for version, _, _ in store.journal()]
    assert versions == list(range(1, len(versions) + 1))
    store.close()


def test_a_controller_that_was_displaced_sends_nothing_more_not_even_a_stop(postgres: PostgresServer) -> None:
    url = postgres.new_schema()
    store = SqlRunStore(url)
    made = lasting(store)
    sent = Recorder()
    lasting_one = made.controller
    lasting_one._driver = lasting_one._controller._driver = SoleDriver(sent, store.confirm_ours)  # type: ignore
    run_id = lasting_one.ask(lambda controller: controller.start_run((), "night")).run_id  # type: ignore[attr-defined]
    made.advance(5.0)
    assert sent.commands
    sent.commands.clear()
    postgres.stop()
    postgres.start()
    other = SqlRunStore(url)
    for request in (
        lambda: lasting_one.stop_run(run_id),
        lambda: lasting_one.ask(lambda controller: controller.pause_run(run_id)),  # type: ignore[attr-defined]
        lambda: lasting_one.handle(HoldReported("r1", made.world.now_s, "emergency stop")),
    ):
        with pytest.raises(Displaced):
            request()
    assert sent.commands == []
    other.close()
    store.close()


def test_a_robot_held_meanwhile_is_held_afterwards(made: VirtualSite, disk: Disk) -> None:
    made.world.robots["r1"].press_e_stop(made.world.now_s)
    made.advance(5.0)
    disk.full = False
    made.advance(10.0)
    assert robot_of(made, "r1").state is RobotState.HELD
    assert robot_of(made, "r2").state is not RobotState.HELD


def test_a_robot_that_is_lost_meanwhile_rests_at_once(disk: Disk) -> None:
    made = lasting(disk)
    made.controller.ask(lambda controller: controller.start_run((), "night"))
    until(made, "r1", RobotState.CLEANING)
    made.advance(3.0)
    disk.full = True
    made.controller.handle(HoldReported("r2", made.world.now_s, "contact"))
    made.controller.handle(PoseRefused("r1", made.world.now_s, "its clock is wrong", "Set it"))
    made.advance(3.0)
    assert made.world.robots["r1"].motion.at_rest and not made.world.robots["r1"].head_on


def test_a_controller_that_winds_up_in_an_outage_shows_who_rests_and_stores_the_stop_once_it_can(disk: Disk) -> None:
    made = lasting(disk)
    run = made.controller.ask(lambda controller: controller.start_run((), "night"))
    until(made, "r1", RobotState.CLEANING)
    made.advance(3.0)
    disk.full = True
    made.controller.handle(HoldReported("r2", made.world.now_s, "contact"))
    assert robot_of(made, "r1").leg_id
    made.controller.wind_up()
    with pytest.raises(Unavailable):
        made.controller.stop_run(run.run_id)
    made.advance(5.0)
    assert not robot_of(made, "r1").leg_id
    disk.full = False
    made.advance(2.0 * AGAIN_S)
    assert run_of(made).state in (RunState.STOPPING, RunState.CANCELLED)
    assert not any(robot.leg_id for robot in made.controller.snapshot.robots)


def test_a_controller_that_winds_up_orders_nothing_though_storage_takes_changes_again(
    disk: Disk, made: VirtualSite
) -> None:
    made.controller.wind_up()
    disk.full = False
    made.advance(3.0 * AGAIN_S)
    assert made.controller._controller is not None and run_of(made).state is RunState.RUNNING
    assert not any(robot.leg_id for robot in made.controller.snapshot.robots)


def test_after_an_outage_what_robots_said_last_is_believed_not_what_they_said_before(
    made: VirtualSite, disk: Disk
) -> None:
    made.world.robots["r1"].battery = 0.15
    made.advance(5.0)
    disk.full = False
    while made.controller._controller is None:
        made.advance(0.05)
    assert made.controller._controller._state.robots["r1"].battery == pytest.approx(0.15, abs=0.01)


def test_a_controller_that_finds_the_disk_full_at_its_start_waits_for_space(disk: Disk) -> None:
    disk.full = True
    made = lasting(disk)
    assert {robot.state for robot in made.controller.snapshot.robots} == {RobotState.OFFLINE}
    assert [alert.alert_id for alert in made.controller.snapshot.alerts] == ["storage"]
    disk.full = False
    made.advance(AGAIN_S + 0.5)
    assert {robot.name for robot in made.controller.snapshot.robots} == {spec.name for spec in hall().robots}


class FarWire(MemoryRunStore):
    """A database far away: the connection is gone, or goes in the very commit of what is named."""

    is_gone, breaks_at = False, ""

    def commit(self, event: str, records: Sequence[Record]) -> None:
        if self.breaks_at and self.breaks_at in event:
            self.breaks_at, self.is_gone = "", True
            raise InDoubt("the connection went")
        if self.is_gone:
            raise CannotStore("the server is away")
        super().commit(event, records)


def test_a_stop_that_was_asked_in_an_outage_holds_also_when_the_connection_goes_again_in_its_commit() -> None:
    wire = FarWire()
    made = lasting(wire)
    run_id = made.controller.ask(lambda controller: controller.start_run((), "night")).run_id  # type: ignore[attr-defined]
    made.advance(40.0)
    wire.is_gone = True
    made.advance(10.0)
    with pytest.raises(Unavailable):
        made.controller.stop_run(run_id)
    wire.is_gone, wire.breaks_at = False, "stop asked"
    made.advance(20.0)
    assert wire.is_gone
    wire.is_gone = False
    made.advance(60.0)
    assert run_of(made).state is RunState.CANCELLED
    assert all(robot.motion.at_rest for robot in made.world.robots.values())
