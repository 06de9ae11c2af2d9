"""Mishaps at awkward moments: nothing is lost, nothing hangs, and no floor is believed free too early."""

from __future__ import annotations

import itertools
import json
import zlib
from collections.abc import Sequence

import numpy as np
import pytest
from control_site import all_docked, by_hand, hall, run_of, site, until, until_ended

from robot_fleet.control.ports import Record
from robot_fleet.fleet.commands import Command, Follow
from robot_fleet.fleet.events import (
    Tick,
)
from robot_fleet.fleet.itinerary import Place
from robot_fleet.fleet.states import RobotState, RunState
from robot_fleet.floor.pose import Pose
from robot_fleet.planning.plan import CannotPlan, Plan, PlanRequest
from robot_fleet.planning.routing import Router
from robot_fleet.sim.site import VirtualSite
from robot_fleet.sim.virtual import MemoryRunStore


def test_two_robots_that_need_a_way_do_not_look_for_it_within_one_tick(monkeypatch: pytest.MonkeyPatch) -> None:
    made, searched_s = site(), list[float]()
    route = Router.route

    def counted(router: Router, start: Pose, goal: Pose) -> object:
        searched_s.append(made.controller._state.now_s)
        return route(router, start, goal)

    made.controller.start_run((), "")
    for name in ("r1", "r2"):
        until(made, name, RobotState.CLEANING)
    made.advance(15.0)
    monkeypatch.setattr(Router, "route", counted)
    for robot in made.controller._state.robots.values():
        robot.itinerary, robot.place = None, Place()
    made.advance(60.0)
    assert len(searched_s) == len(set(searched_s)) >= 2


def test_a_restart_during_the_first_planning_plans_again() -> None:
    made = site(planning_s=20.0)
    made.controller.start_run((), "")
    made.advance(5.0)
    made.restart_controller()
    assert run_of(made).state is RunState.PLANNING
    assert until_ended(made).state is RunState.COMPLETED
    assert run_of(made).cleaned_m2 > 70


def test_a_first_plan_for_which_no_robot_comes_back_fails_in_the_end() -> None:
    made = site(planning_s=20.0)
    made.controller.start_run((), "")
    made.restart_controller()
    for name in made.world.robots:
        made.world.kill(name)
    made.advance(300.0)
    assert run_of(made).state is RunState.PLANNING
    assert until_ended(made).state is RunState.FAILED


class Together(MemoryRunStore):
    """A store that looks whether a way and the place on it are always written in one transaction."""

    def commit(self, event: str, records: Sequence[Record]) -> None:
        keys = {(record.kind, record.key) for record in records}
        assert all(("robot", key) in keys for kind, key in keys if kind == "itinerary")
        super().commit(event, records)


def test_a_new_way_and_the_place_on_it_are_written_together() -> None:
    made = site()
    made.run_store = Together()
    made.restart_controller()
    made.advance(3.0)
    made.controller.start_run((), "")
    made.advance(60.0)
    made.world.kill("r1")
    assert until_ended(made).state is RunState.COMPLETED


def test_a_clock_that_goes_back_for_a_moment_adds_no_hour_to_the_run() -> None:
    made = site()
    made.controller.start_run((), "")
    made.advance(60.0)
    before_s = run_of(made).elapsed_s
    made.controller.handle(Tick(made.world.now_s - 3600.0))
    made.advance(2.0)
    assert before_s < run_of(made).elapsed_s < before_s + 3.0


def test_a_goal_that_somebody_else_cancels_is_not_sent_again_and_again_at_once() -> None:
    made = site()
    made.controller.start_run((), "")
    until(made, "r1", RobotState.CLEANING)
    touchy = made.world.robots["r1"]
    obey, got = touchy.command, []

    def refuse(command: Command, now_s: float) -> None:
        obey(command, now_s)
        if isinstance(command, Follow):
            got.append(command)
            touchy.cancel(now_s)

    touchy.command = refuse  # type: ignore[method-assign]
    touchy.cancel(made.world.now_s)
    made.advance(20.0)
    assert 1 <= len(got) <= 12


def test_a_held_robot_that_never_confirms_its_cancel_does_not_keep_the_run_from_ending() -> None:
    made = site()
    made.controller.start_run((), "")
    until(made, "r1", RobotState.CLEANING)
    deaf = made.world.robots["r1"]
    deaf.command = lambda command, now_s: None  # type: ignore[method-assign]
    deaf._end = lambda outcome, now_s, detail: None  # type: ignore[method-assign]
    made.world.press_e_stop("r1")
    assert until_ended(made).state is RunState.COMPLETED


def test_a_pause_does_not_wait_for_a_held_robot_that_has_died() -> None:
    made = site()
    run_id = made.controller.start_run((), "").run_id
    made.advance(60.0)
    deaf = made.world.robots["r1"]
    deaf.command = lambda command, now_s: None  # type: ignore[method-assign]
    made.world.press_e_stop("r1")
    made.advance(2.0)
    made.world.kill("r1")
    made.advance(20.0)
    made.controller.pause_run(run_id)
    made.advance(5.0)
    assert run_of(made).state is RunState.PAUSED


def test_after_a_restart_in_mid_planning_every_robot_gets_its_share() -> None:
    made = site(planning_s=20.0)
    made.controller.start_run((), "")
    made.advance(40.0)
    made.controller._state.active.rest_wanted = True  # type: ignore[union-attr]
    made.advance(2.0)
    made.restart_controller()
    made.world.robots["r2"]._late.clear()
    made.advance(40.0)
    assert all(robot.cleans for robot in made.controller._state.robots.values())


def test_a_plan_of_the_rest_that_fails_once_is_made_again_soon() -> None:
    answers = itertools.chain([True, False], itertools.repeat(True))

    def moody(request: PlanRequest) -> Plan:
        if not next(answers):
            raise CannotPlan(())
        return by_hand(request)

    made = VirtualSite(hall(), moody)
    made.advance(3.0)
    made.controller.start_run((), "")
    made.advance(30.0)
    made.controller._state.active.rest_wanted = True  # type: ignore[union-attr]
    made.advance(20.0)
    assert made.controller._state.active.epoch == 3  # type: ignore[union-attr]
    assert until_ended(made).state is RunState.COMPLETED


def test_a_rest_that_cannot_be_planned_ends_the_run_with_an_alert_and_everybody_at_home() -> None:
    def once(request: PlanRequest) -> Plan:
        if request.cleaned is not None:
            raise CannotPlan(())
        return by_hand(request)

    made = VirtualSite(hall(), once)
    made.advance(3.0)
    made.controller.start_run((), "")
    made.advance(60.0)
    made.controller._state.active.rest_wanted = True  # type: ignore[union-attr]
    assert until_ended(made).state is RunState.COMPLETED
    assert all_docked(made)
    assert any("could not be planned" in alert.text for alert in made.controller.snapshot.alerts)


def test_what_the_run_before_met_is_over_with_the_next_one_and_is_told_again_when_it_is_met_again() -> None:
    made = site()

    def told() -> dict[str, str]:
        return {alert.alert_id: alert.run_id for alert in made.controller.snapshot.alerts if alert.active}

    def evening() -> str:
        run_id = made.controller.start_run((), "", ("r1",)).run_id
        made.advance(30.0)
        return run_id

    first = evening()
    for key in ("blocked-r1", "waits-r1", f"plan-{first}", "held-r2"):
        made.controller._state.alert(key, "WARNING", "It happened", "Look at it")
    made.advance(1.0)
    assert set(told()) == {"blocked-r1", "waits-r1", f"plan-{first}", "held-r2"}
    made.controller.stop_run(first)
    until_ended(made)
    second = evening()
    assert set(told()) == {"held-r2"}
    made.controller._state.alert("blocked-r1", "WARNING", "It happened again", "Look at it")
    made.advance(1.0)
    assert told()["blocked-r1"] == second


def test_tracks_of_ended_runs_are_kept_in_storage_not_in_memory() -> None:
    made = site()
    first = made.controller.start_run((), "").run_id
    made.advance(60.0)
    made.controller.stop_run(first)
    until_ended(made)
    made.controller.start_run((), "")
    assert not made.controller._state.runs[first].tracks
    assert len(made.controller.record(first).tracks["r1"]) > 30
    assert not made.controller._state.runs[first].tracks


def test_tracks_are_kept_whole_in_few_rows_through_restarts() -> None:
    made = site()
    run_id = made.controller.start_run((), "").run_id
    made.advance(75.0)
    made.restart_controller()
    made.advance(100.0)
    made.controller.stop_run(run_id)
    until_ended(made)
    driven = made.controller.record(run_id).tracks
    made.controller.start_run((), "")
    kept = made.controller.record(run_id).tracks
    for name, track in driven.items():
        assert len(track) > 100 and (np.diff(track[:, 0]) > 0.0).all()
        assert np.array_equal(kept[name], track)
        rows = made.run_store.load("track", f"{run_id}/{name}/")
        assert len(track) / 60 < len(rows) <= len(track) / 30 + 2
        # A row that could not be written in time has points of the next one, too.
        first, second, *_ = sorted(rows)
        points = [json.loads(zlib.decompress(rows[key])) for key in (first, second)]
        late = zlib.compress(json.dumps(points[0] + points[1][:5]).encode())
        made.run_store.commit("[]", [Record("track", first, late)])
        assert np.array_equal(made.controller.record(run_id).tracks[name], track)
