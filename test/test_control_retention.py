"""Old runs and journal lines go, a little at a time; what is under way, newer, or needed stays."""

from __future__ import annotations

from pathlib import Path

import pytest
from control_site import run_of, site, until_ended

from robot_fleet.control import retention
from robot_fleet.control.controller import Controller
from robot_fleet.control.ports import CannotStore, Record
from robot_fleet.control.retention import BATCH, DAY_S
from robot_fleet.fleet.states import RunState
from robot_fleet.sim.site import VirtualSite
from robot_fleet.storage.database import SqlRunStore
from robot_fleet.storage.database_check import check_database


class Calendar:
    """The wall clock of several nights: the world's time, and the days that a test lets pass."""

    def __init__(self, made: VirtualSite) -> None:
        self._made, self.days = made, 0.0

    def now_s(self) -> float:
        return self._made.world.now_s

    def wall_s(self) -> float:
        return 1e9 + self.days * DAY_S + self._made.world.now_s

    def steady_s(self) -> float:
        return self._made.world.now_s


@pytest.fixture
def made(tmp_path: Path) -> VirtualSite:
    """A store whose nights are kept for ten days in a database."""
    made = site()
    made.clock = Calendar(made)  # type: ignore[assignment]
    made.run_store = SqlRunStore(tmp_path / "fleet.db", made.clock.wall_s)  # type: ignore[assignment]
    made._new_controller = lambda: Controller(  # type: ignore[method-assign]
        made.store, made.driver, made.planner, made.run_store, made.clock, keep_days=10.0
    )
    made.restart_controller()
    made.advance(3.0)
    return made


def night(made: VirtualSite, days: float, request_id: str, seconds: float = 30.0) -> str:
    """A run that is stopped after a while, so many days later."""
    made.clock.days += days  # type: ignore[attr-defined]
    run_id = made.controller.start_run((), request_id).run_id
    made.advance(seconds)
    made.controller.stop_run(run_id)
    until_ended(made)
    return run_id


def kept(made: VirtualSite, kind: str) -> set[str]:
    return {key.split("/")[0] for key in made.run_store.load(kind)}


def test_runs_go_with_all_that_belongs_to_them_once_they_are_too_old(made: VirtualSite, tmp_path: Path) -> None:
    old, young = night(made, 0.0, "old"), night(made, 8.0, "young")
    newest = night(made, 4.0, "newest")
    assert kept(made, "track") == kept(made, "run") == {old, young, newest}
    lines = len(made.run_store.journal())  # type: ignore[attr-defined]
    made.restart_controller()
    made.advance(20.0)
    for kind in ("run", "coverage", "track"):
        assert kept(made, kind) == {young, newest}
    assert {run.run_id for run in made.controller.snapshot.runs} == {young, newest}
    journal = made.run_store.journal()  # type: ignore[attr-defined]
    assert len(journal) < lines and '"run forgotten"' in journal[-1][2]
    assert all(at >= made.clock.wall_s() - 10.01 * DAY_S for _, at, _ in journal)
    assert check_database(tmp_path / "fleet.db").faults == ()
    made.controller.record(young)
    made.restart_controller()
    assert {run.run_id for run in made.controller.snapshot.runs} == {young, newest}


def raise_alerts(made: VirtualSite, *keys: str) -> None:
    """Something that a person should know; the last one holds, the others are over."""
    state = made.controller._state
    for key in keys:
        state.alert(key, "WARNING", "It happened", "Look at it")
        if key != keys[-1]:
            state.settle(key)
    made.controller._finish("alerts")


def alerts(made: VirtualSite) -> set[str]:
    assert kept(made, "alert") == {alert.alert_id for alert in made.controller.snapshot.alerts}
    return kept(made, "alert")


def test_alerts_that_are_over_go_with_the_runs_of_their_time_and_one_that_holds_stays(
    made: VirtualSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)  # several go in several steps
    night(made, 0.0, "old")
    raise_alerts(made, *(f"old-{number}" for number in range(5)), "holds")
    night(made, 8.0, "young")
    raise_alerts(made, "young", "holds as well")
    night(made, 4.0, "newest")
    made.restart_controller()
    made.advance(90.0)
    assert alerts(made) == {"holds", "young", "holds as well"}
    assert check_database(tmp_path / "fleet.db").faults == ()
    made.restart_controller()
    made.advance(20.0)
    assert alerts(made) == {"holds", "young", "holds as well"}


def test_an_alert_that_is_raised_again_or_just_over_while_old_ones_go_stays(made: VirtualSite) -> None:
    raise_alerts(made, "over", "raised again")
    raise_alerts(made, "just over")
    made.controller._state.settle("just over")
    made.controller._retention._forget_alerts(["over", "raised again", "just over"])
    made.advance(1.0)
    assert alerts(made) == {"raised again", "just over"}


def test_it_is_looked_at_again_each_day(made: VirtualSite) -> None:
    old = night(made, 0.0, "old")
    night(made, 11.0, "new")
    made.advance(10.0)
    assert old in kept(made, "run")
    made.controller._retention._sweep_s = made.world.now_s  # a day later
    made.advance(10.0)
    assert old not in kept(made, "run")


def test_a_run_that_has_not_ended_stays_however_old_it_is(made: VirtualSite) -> None:
    run_id = made.controller.start_run((), "long").run_id
    made.advance(10.0)
    made.controller.pause_run(run_id)
    made.advance(10.0)
    made.clock.days = 1000.0  # type: ignore[attr-defined]
    made.restart_controller()
    made.advance(10.0)
    assert run_of(made).run_id == run_id and run_of(made).state is not RunState.COMPLETED
    assert kept(made, "track") == {run_id}


def test_a_clock_that_is_years_ahead_makes_nothing_old(made: VirtualSite) -> None:
    runs = {night(made, 0.0, "one"), night(made, 1.0, "two")}
    made.clock.days = 30_000.0  # type: ignore[attr-defined]
    made.restart_controller()
    made.advance(10.0)
    assert kept(made, "run") == kept(made, "track") == runs


def test_versions_go_on_growing_after_runs_were_forgotten(made: VirtualSite) -> None:
    night(made, 0.0, "old", 60.0)
    newest = night(made, 20.0, "newest", 5.0)
    version = run_of(made).version
    made.restart_controller()
    made.advance(10.0)
    assert kept(made, "run") == {newest}
    made.restart_controller()
    made.advance(3.0)
    assert run_of(made).version == version
    made.controller.start_run((), "next")
    assert run_of(made).version > version


def test_many_rows_go_in_small_batches_and_a_disk_that_fails_in_between_is_no_harm(
    made: VirtualSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = night(made, 0.0, "old")
    night(made, 20.0, "new")
    tracks = made.run_store.load("track", old)
    body = next(iter(tracks.values()))
    made.run_store.commit("[]", [Record("track", f"{old}/r1/{900_000_000 + n}", body) for n in range(2 * BATCH)])
    before = len(made.run_store.load("track", old))
    made.restart_controller()
    made.advance(1.5)
    assert before - 2 * BATCH <= len(made.run_store.load("track", old)) < before
    with monkeypatch.context() as patch:
        patch.setattr(made.run_store, "forget", lambda *_: (_ for _ in ()).throw(CannotStore("full")))
        with pytest.raises(CannotStore):
            made.advance(1.5)
    made.restart_controller()
    made.advance(10.0)
    assert old not in kept(made, "track") | kept(made, "run")
