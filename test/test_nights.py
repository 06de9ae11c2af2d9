"""Whole nights: what goes wrong is coped with, and a night can be had again, exactly, with fewer faults, and as a picture."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from shapely import Polygon

from robot_fleet.cli.app import run
from robot_fleet.control import records
from robot_fleet.control.controller import Controller
from robot_fleet.control.dispatch import advance
from robot_fleet.control.ending import Endings
from robot_fleet.control.ports import Record
from robot_fleet.control.robots import RobotReports
from robot_fleet.control.snapshot import ClosureView
from robot_fleet.fleet.commands import CancelAll, Undock
from robot_fleet.fleet.entities import CleaningRun, Robot
from robot_fleet.fleet.events import LOST, Event, HoldReported, LegEnded
from robot_fleet.fleet.events import Outcome as LegOutcome
from robot_fleet.fleet.states import RobotState, RunState
from robot_fleet.floor.check import check_store
from robot_fleet.main.nights import Nights, NightsSettings, OtherNights, draw_night, pass_nights
from robot_fleet.nights.faults import KINDS, ROBOT, Fault, draw_faults, kinds_named
from robot_fleet.nights.fleets import MACHINES, mixed_store
from robot_fleet.nights.floors import random_store
from robot_fleet.nights.link import Link
from robot_fleet.nights.night import Night, Outcome, simulate
from robot_fleet.nights.planning import HastyPlans
from robot_fleet.nights.ports import Crash, Fuse, Gathering
from robot_fleet.nights.shrinking import shrunk
from robot_fleet.nights.world import HOLDS, TroubledWorld
from robot_fleet.planning.planner import plan
from robot_fleet.sim.realism import EXECUTED
from robot_fleet.storage.database import SqlRunStore

STORE, PLANS = random_store(9, 2), HastyPlans(plan)


def night(*faults: Fault, seed: int = 1) -> Outcome:
    return simulate(STORE, Night(seed, faults), PLANS)


def violated(outcome: Outcome) -> list[str]:
    return [found.text for found in outcome.violations]


def test_a_night_without_faults_violates_nothing_and_ends_with_all_on_their_docks() -> None:
    outcome = night()
    assert not violated(outcome)
    assert [end.state for end in outcome.runs] == ["COMPLETED"]
    assert outcome.makespan_s is not None and outcome.restarts == 0


@pytest.mark.parametrize(
    "fault",
    [
        Fault("crash", 60.0, 3.0, value=2),
        Fault("e-stop", 60.0, 20.0, "robot_1"),
        Fault("contact", 60.0, 20.0, "robot_1"),
        Fault("silent", 60.0, 20.0, "robot_1"),
        Fault("messages lost", 30.0, 100.0, "robot_2", value=0.3),
        Fault("commit fails", 60.0),
        Fault("pause", 60.0, 20.0),
        Fault("start twice", 60.0),
        Fault("clock jumps", 60.0, value=-3600.0),
    ],
    ids=lambda fault: fault.kind,
)
def test_a_mishap_in_the_middle_violates_nothing_and_the_run_is_completed(fault: Fault) -> None:
    outcome = night(fault)
    assert not violated(outcome)
    assert [end.state for end in outcome.runs] == ["COMPLETED"]


@pytest.mark.parametrize("kind", ["dead", "silent"])
def test_a_pause_while_work_of_a_dead_or_silent_robot_is_handed_on_loses_nothing(kind: str) -> None:
    gone = Fault(kind, 60.0, 70.0, "robot_1")
    handed_on = night(gone, Fault("pause", 101.5, 20.0))
    assert not violated(handed_on)
    [paused], [without] = handed_on.runs, night(gone).runs
    assert paused.state == "COMPLETED" and paused.cleaned_m2 > 0.985 * without.cleaned_m2


@pytest.mark.parametrize("kind", HOLDS)
def test_whatever_holds_a_robot_is_told_by_it_and_holds_it_until_that_is_over(kind: str) -> None:
    world = TroubledWorld(STORE, EXECUTED, 0, ())
    world.latch("robot_1", HOLDS[kind])
    assert HoldReported("robot_1", world.now_s, kind) in world.step(0.1)
    world.release("robot_1")
    assert KINDS[kind].group == ROBOT and not world.robots["robot_1"].hold


def test_a_full_disk_is_lasted_through_and_a_stop_meanwhile_holds() -> None:
    full = Fault("disk full", 60.0, 30.0)
    outcome, stopped = night(full), night(full, Fault("stop", 70.0))
    assert not violated(outcome) and not violated(stopped)
    assert [end.state for end in outcome.runs] == ["COMPLETED"] and outcome.restarts == stopped.restarts == 0
    assert stopped.runs[0].state == "CANCELLED"


def test_changes_that_are_handed_on_together_are_all_there_afterwards(tmp_path: Path) -> None:
    store = Gathering(SqlRunStore(tmp_path / "night.db"))
    for count in range(120):
        gone = Record("robot", "r1", None if count % 2 else b"here")
        store.commit(f"[{count}]", [Record("run", str(count % 70), str(count).encode()), gone])
    assert store.load("run", "6")["69"] == b"69" and not store.load("robot")
    store.commit("[120]", [Record("robot", "r1", b"back")])
    store.close()
    again = SqlRunStore(tmp_path / "night.db")
    assert again.load("run")["49"] == b"119" and again.load("robot") == {"r1": b"back"}
    again.close()


def test_a_robot_that_is_lost_stays_held_for_that_when_something_else_is_over() -> None:
    store = STORE
    world = TroubledWorld(store, EXECUTED, 0, ())
    name = store.robots[0].name
    world.notices(name)
    world.latch(name, "safety fault")
    world.release(name)
    assert world.robots[name].hold == LOST
    world.latch(name, "safety fault")
    world.found(name)
    assert world.robots[name].hold == "safety fault"
    world.release(name)
    assert not world.robots[name].hold


def test_a_slow_robot_brakes_as_quickly_as_others() -> None:
    slow, quick = (TroubledWorld(STORE, EXECUTED, 0, ()).troubled["robot_1"] for _ in range(2))
    slow.motion.pace = 0.2
    for robot in (slow, quick):
        robot.motion.follow(np.array([(robot.pose.x_m, robot.pose.y_m), (robot.pose.x_m + 3.0, robot.pose.y_m)]))
        robot.motion.step(6.0)
        assert not robot.motion.at_rest
        robot.motion.brake()
        robot.motion.step(1.5)
        assert robot.motion.at_rest


def test_who_only_looks_does_not_make_a_process_die() -> None:
    fuse = Fuse()
    fuse.light(0)
    with fuse.spared():
        fuse.burn()
    with pytest.raises(Crash):
        fuse.burn()


def test_an_order_that_comes_right_behind_a_cancel_is_not_ended_by_it() -> None:
    world = TroubledWorld(STORE, EXECUTED, 1, ())
    link, told = Link(world, (), 1, 0.2), list[Event]()
    link.send(CancelAll("robot_1"))
    link.send(Undock("robot_1", "a", STORE.floor.docks[0]))
    while world.now_s < 30.0:
        link.deliver()
        link.take(world.step(0.1))
        told += link.arrived()
    assert [event.outcome for event in told if isinstance(event, LegEnded)] == [LegOutcome.SUCCEEDED]


def test_the_same_night_is_the_same_again_and_another_seed_is_another_night() -> None:
    faults = (Fault("messages re-ordered", 20.0, 60.0, "robot_1", value=1.0), Fault("crash", 70.0, 4.0, value=5))
    one, again, other = night(*faults), night(*faults), night(*faults, seed=2)
    assert one.digest == again.digest != other.digest
    assert one.seconds == again.seconds and one.reached == again.reached


def test_a_controller_that_does_not_stop_is_found_and_the_night_shrinks_to_the_stop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Controller, "stop_run", lambda controller, run_id: controller._view(controller._run(run_id)))
    faults = (Fault("e-stop", 30.0, 5.0, "robot_1"), Fault("stop", 40.0), Fault("clock jumps", 50.0, value=60.0))

    def fails(tried: tuple[Fault, ...]) -> bool:
        outcome = simulate(STORE, Night(1, tried, limit_s=60.0), PLANS)
        return "promises" in {found.check for found in outcome.violations}

    assert shrunk(faults, fails) == (faults[1],)


def test_a_controller_that_frees_held_robots_by_itself_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    takes_in = RobotReports.hold

    def frees(reports: RobotReports, event: HoldReported) -> None:
        takes_in(reports, event)
        robot = reports._state.robots[event.robot]
        if robot.state is RobotState.HELD and not event.reason:
            robot.state, robot.hold = RobotState.IDLE, ""

    faults = (Fault("e-stop", 60.0, 20.0, "robot_1"), Fault("crash", 75.0, 3.0, value=2))
    assert not night(*faults).violations
    monkeypatch.setattr(RobotReports, "hold", frees)
    assert violated(night(*faults)) == ["robot_1 is HELD no more, and nobody acknowledged it"]


def test_a_controller_that_forgets_at_a_restart_who_is_held_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    takes_up = Controller.resume_from_storage

    def forgets(controller: Controller) -> None:
        takes_up(controller)
        for robot in controller._state.robots.values():
            robot.state, robot.hold = RobotState.OFFLINE, ""

    monkeypatch.setattr(Controller, "resume_from_storage", forgets)
    outcome = night(Fault("e-stop", 60.0, 18.0, "robot_1"), Fault("crash", 75.0, 5.0))
    assert violated(outcome) == ["robot_1 is HELD no more, and nobody acknowledged it"]


def test_a_controller_that_ends_runs_which_nobody_asked_to_stop_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Controller, "pause_run", Controller.stop_run)
    assert "a run is CANCELLED that nobody asked to stop" in violated(night(Fault("pause", 60.0, 20.0)))


def test_a_controller_that_lets_a_run_fail_while_a_robot_could_work_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    fails = Endings.fail_if_nobody

    def fails_without_one(endings: Endings, run: CleaningRun) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(endings._state, "members", lambda run: [endings._state.robots["robot_1"]])
            fails(endings, run)

    monkeypatch.setattr(Endings, "fail_if_nobody", fails_without_one)
    monkeypatch.setattr("robot_fleet.control.ending.NOBODY_S", 30.0)
    [found] = violated(night(Fault("e-stop", 60.0, 60.0, "robot_1")))
    assert "FAILED" in found and "though robot_2 could have worked" in found


def test_a_run_that_fails_since_there_is_no_plan_or_no_robot_is_a_proper_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("robot_fleet.control.ending.NOBODY_S", 90.0)
    for faults in (
        (Fault("plan fails", 0.0, 20.0),),
        (Fault("dead", 60.0, robot="robot_1"), Fault("dead", 70.0, robot="robot_2")),
    ):
        outcome = night(*faults)
        assert not violated(outcome) and outcome.runs[-1].state == "FAILED"


def test_a_controller_that_goes_on_in_a_pause_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = Controller._run_tick

    def goes_on(controller: Controller, run: CleaningRun, elapsed_s: float) -> None:
        if run.state is not RunState.PAUSED:
            ticks(controller, run, elapsed_s)
            return
        for robot in controller._state.members(run):
            advance(controller._state, run, robot)

    monkeypatch.setattr(Controller, "_run_tick", goes_on)
    found = night(Fault("pause", 60.0, 20.0)).violations
    assert {violation.check for violation in found} >= {"pause"}


def test_a_controller_that_does_not_store_a_persons_word_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    stored = records._robot_to

    def forgets(robot: Robot, floor: str) -> bytes:
        row = json.loads(stored(robot, floor))
        return json.dumps(row | {"held": row["held"] or bool(robot.acknowledged_by)}).encode()

    monkeypatch.setattr(records, "_robot_to", forgets)
    outcome = night(Fault("e-stop", 60.0, 8.5, "robot_1"), Fault("crash", 90.0, 5.0))
    assert "robot_1 is HELD again, though nothing held it since that was acknowledged" in violated(outcome)


def test_shrinking_finds_two_faults_that_only_fail_together() -> None:
    faults = tuple(Fault("pause", float(second)) for second in range(12))
    assert shrunk(faults, lambda tried: faults[3] in tried and faults[10] in tried) == (faults[3], faults[10])


def test_faults_are_drawn_by_their_seed_five_or_more_on_average_and_of_all_kinds() -> None:
    drawn = [draw_faults(seed, STORE, tuple(KINDS), 300.0) for seed in range(200)]
    assert drawn[7] == draw_faults(7, STORE, tuple(KINDS), 300.0)
    assert sum(map(len, drawn)) / len(drawn) >= 5.0
    assert {fault.kind for faults in drawn for fault in faults} == set(KINDS)
    assert all(fault == Fault.from_dict(fault.as_dict()) for fault in drawn[3])


def test_kinds_are_named_by_themselves_or_by_their_groups() -> None:
    assert kinds_named(["link", "crash"])[-1] == "crash"
    with pytest.raises(ValueError, match="flood"):
        kinds_named(["flood"])


def test_stores_of_mixed_fleets_are_sound_have_machines_of_all_kinds_and_are_the_same_for_the_same_seed() -> None:
    stores = [mixed_store(seed, 2 + seed % 3) for seed in range(25)]
    assert not any(check_store(store) for store in stores)
    assert [len(store.robots) for store in stores] == [2 + seed % 3 for seed in range(25)]
    assert {spec.profile for store in stores for spec in store.robots} == set(MACHINES)
    assert any(store.floor.keepouts for store in stores) and any(store.floor.one_ways for store in stores)
    assert any(zone.robots for store in stores for zone in store.floor.zones)
    again = mixed_store(3, 2)
    assert (stores[3].floor.grid.cells == again.floor.grid.cells).all() and stores[3].robots == again.robots


def test_random_floors_hold_all_robots_and_are_the_same_for_the_same_seed() -> None:
    for seed in range(5):
        store, again = random_store(seed, 2 + seed), random_store(seed, 2 + seed)
        assert (store.floor.grid.cells == again.floor.grid.cells).all()
        docks = [(dock.pose.x_m, dock.pose.y_m) for dock in store.floor.docks]
        assert len(docks) == 2 + seed and store.floor.grid.contains(docks).all()


def test_nights_are_kept_and_gone_on_with_and_not_mixed_with_others(tmp_path: Path) -> None:
    settings, kept = NightsSettings("random", 2, ()), tmp_path / "nights.jsonl"
    told: list[bool] = []
    first = pass_nights(settings, [3], 1, kept, lambda entry, is_new: told.append(is_new))
    with kept.open("a") as file:
        file.write('{"seed": 4, "sec')  # cut off by a kill
    assert pass_nights(settings, [3], 1, kept, lambda entry, is_new: told.append(is_new)) == first
    assert told == [True, False]
    with pytest.raises(OtherNights, match="another kind"):
        pass_nights(NightsSettings("random", 3, ()), [3], 1, kept, lambda entry, is_new: told.append(is_new))


CLOSED_FOR_LONG = Fault("floor closed", 61.0, 400.0, "robot_1", value=0.5)


@pytest.mark.parametrize("forgets", ["at once", "by a restart"])
def test_a_controller_that_forgets_closed_floor_is_found_by_what_people_were_told(
    monkeypatch: pytest.MonkeyPatch, forgets: str
) -> None:
    if forgets == "at once":
        closed = ClosureView("", Polygon(), 0.0)
        monkeypatch.setattr(Controller, "close_floor", lambda controller, name, polygon, lasts_s: closed)
    else:
        load = SqlRunStore.load
        nothing: dict[str, bytes] = {}
        monkeypatch.setattr(SqlRunStore, "load", lambda *about: nothing if about[1] == "closure" else load(*about))
    outcome = simulate(STORE, Night(1, (CLOSED_FOR_LONG, Fault("crash", 90.0, 3.0, value=2)), limit_s=110.0), PLANS)
    assert any("was forgotten" in text for text in violated(outcome))


@pytest.mark.parametrize("jump", [-7200.0, 7200.0])
@pytest.mark.parametrize("at_s", [75.0, 91.0])
def test_closed_floor_stays_closed_through_a_restart_and_a_clock_that_is_set(jump: float, at_s: float) -> None:
    faults = (CLOSED_FOR_LONG, Fault("clock jumps", at_s, value=jump), Fault("crash", 90.0, 3.0, value=2))
    outcome = simulate(STORE, Night(1, faults, limit_s=160.0), PLANS)
    assert not [found for found in outcome.violations if found.check in ("closures", "closed floor", "promises")]
    assert outcome.restarts == 1


def test_a_night_is_drawn(tmp_path: Path) -> None:
    settings = NightsSettings("random", 2, ())
    nights = Nights(settings)
    outcome = nights.outcome(Night(3, limit_s=30.0))
    picture = draw_night(nights.store(3), outcome, tmp_path / "night.png")
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_a_failing_night_of_a_seed_shrinks_to_the_fault_that_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Controller, "stop_run", lambda controller, run_id: controller._view(controller._run(run_id)))
    nights = Nights(NightsSettings("random", 2, ()))
    faults = (Fault("clock jumps", 12.0, value=60.0), Fault("stop", 15.0), Fault("start twice", 20.0))
    failed = nights.outcome(Night(9, faults, limit_s=40.0))
    assert "promises" in {found.check for found in failed.violations}
    fewer = nights.shrunk(failed)
    assert "promises" in {found.check for found in fewer.violations} and fewer.faults == (faults[1],)


def test_the_command_counts_nights_and_says_how_they_ended(capsys: pytest.CaptureFixture[str]) -> None:
    asked = [
        "nights",
        "--store",
        "random",
        "--robots",
        "2",
        "--seed",
        "9",
        "--count",
        "1",
        "--faults",
        "pause",
        "--jobs",
        "1",
    ]
    code = run([*asked, "--json"])
    report = json.loads(capsys.readouterr().out)
    assert report["nights"] == 1 and report["ends"] == {"COMPLETED": 1} and set(report["faults"]) == {"pause"}
    assert not report["checks"] and code == 0
    assert 20 < report["pairs"] + 10 < report["all_pairs"]


def test_the_command_refuses_faults_that_there_are_not(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["nights", "--faults", "flood"]) == 2
    assert "no fault 'flood'" in capsys.readouterr().err


def _children(process: int) -> list[Path]:
    listed = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return [Path(f"/proc/{child}") for child in listed]


def _status(process: Path, field: str) -> str:
    """A line of a process's status; "" when the process is gone."""
    with suppress(OSError):
        lines = dict(line.split(":\t", 1) for line in (process / "status").read_text().splitlines() if ":\t" in line)
        return lines.get(field, "").strip()
    return ""


def _is_at_work(process: Path) -> bool:
    """Whether it leaves Ctrl-C to its parent: from then on it has begun."""
    return bool(int(_status(process, "SigIgn") or "0", 16) & 1 << (signal.SIGINT - 1))


def _is_gone(process: Path) -> bool:
    return _status(process, "State")[:1] in ("", "Z", "X")


def _until(holds: Callable[[], bool], limit_s: float = 60.0) -> None:
    deadline = time.monotonic() + limit_s
    while not holds():
        assert time.monotonic() < deadline, f"not within {limit_s} s"
        time.sleep(0.1)


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="processes are looked up in /proc")
def test_whoever_is_at_work_on_nights_ends_with_the_command_however_that_ends() -> None:
    command = [sys.executable, "-m", "robot_fleet.cli", "nights", "--store", "random", "--count", "500", "--jobs", "2"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        # Two, and who looks after what they share.
        _until(lambda: sum(_is_at_work(child) for child in _children(process.pid)) >= 3)
        workers = _children(process.pid)
        process.kill()
    _until(lambda: all(_is_gone(worker) for worker in workers))
