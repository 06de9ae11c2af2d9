"""The planner is told what time it is in the store, and people are told of zones that will be late."""

from __future__ import annotations

import datetime
from dataclasses import replace

import pytest
from control_site import by_hand, hall, run_of, until_ended

from robot_fleet.control.rest import install
from robot_fleet.fleet.states import RunState
from robot_fleet.planning.plan import LateZone, Plan, PlanRequest
from robot_fleet.sim.site import VirtualSite
from robot_fleet.sim.virtual import MIDNIGHT_S


class Asked:
    """Plans by hand, keeps what it was asked, and says of the first plans that a zone is late."""

    def __init__(self, late: int = 0) -> None:
        self.requests: list[PlanRequest] = []
        self._late = late

    def __call__(self, request: PlanRequest) -> Plan:
        self.requests.append(request)
        late = (LateZone("west", 60.0, 150.0),) if len(self.requests) <= self._late else ()
        return replace(by_hand(request), late=late)


def site(asked: Asked, time_zone: str) -> VirtualSite:
    store = hall()
    zones = tuple(replace(zone, clean_before=datetime.time(13, 32)) for zone in store.floor.zones)
    made = VirtualSite(replace(store, floor=replace(store.floor, zones=zones), time_zone=time_zone), asked)
    made.advance(3.0)
    return made


def test_a_plan_is_asked_for_with_the_time_of_day_in_the_store() -> None:
    shown = datetime.datetime.fromtimestamp(MIDNIGHT_S, datetime.timezone.utc)
    for time_zone, ahead in (("UTC", 0.0), ("Asia/Kolkata", 5.5), ("America/Phoenix", -7.0)):
        asked = Asked()
        made = site(asked, time_zone)
        made.controller.start_run((), "")
        made.advance(1.0)
        (request,) = asked.requests
        there = (shown + datetime.timedelta(hours=ahead, seconds=made.world.now_s)).time()
        assert request.begins is not None
        assert abs(_seconds(request.begins) - _seconds(there)) < 2.0
        assert request.underway_s == 0.0


def test_the_rest_of_a_run_is_asked_for_with_how_long_the_run_is_under_way() -> None:
    asked = Asked()
    made = site(asked, "Asia/Kolkata")
    made.controller.start_run((), "")
    made.advance(60.0)
    made.restart_controller()
    made.advance(60.0)
    made.world.kill("r1")
    made.advance(60.0)
    first, rest = asked.requests[0], asked.requests[-1]
    assert len(asked.requests) > 1
    assert first.begins is not None and rest.begins is not None
    assert rest.underway_s > 60.0
    assert _seconds(rest.begins) - _seconds(first.begins) == pytest.approx(rest.underway_s)


def test_a_late_zone_is_an_alert_until_a_plan_has_it_clean_in_time() -> None:
    asked = Asked(late=1)
    made = site(asked, "Asia/Kolkata")
    made.controller.start_run((), "")
    made.advance(3.0)
    (alert,) = (alert for alert in made.controller.snapshot.alerts if alert.active)
    assert (alert.severity, alert.run_id) == ("WARNING", run_of(made).run_id)
    assert alert.text == "Zone west will be clean at 13:33, not before 13:32"
    assert "more robots" in alert.remedy
    made.advance(30.0)
    made.world.kill("r1")
    made.advance(60.0)
    assert len(asked.requests) > 1
    assert not any(alert.alert_id == "late-west" and alert.active for alert in made.controller.snapshot.alerts)
    assert until_ended(made).state is RunState.COMPLETED


def test_another_pass_over_missed_floor_does_not_make_a_late_zone_early() -> None:
    asked = Asked(late=1)
    made = site(asked, "UTC")
    made.controller.start_run((), "")
    made.advance(3.0)
    state = made.controller._state
    run = state.active
    assert run is not None and run.state is RunState.RUNNING
    run.makeup_passes = 1
    install(state, run, by_hand(asked.requests[0]))
    made.advance(3.0)
    assert any(alert.alert_id == "late-west" and alert.active for alert in made.controller.snapshot.alerts)


def _seconds(at: datetime.time) -> float:
    return at.hour * 3600.0 + at.minute * 60.0 + at.second + at.microsecond * 1e-6
