"""Robots that rest on their docks and are not charged: a person is told, and only then."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import count

import pytest
from control_site import by_hand, deaf_to_batteries, hall, until

from robot_fleet.control import charging
from robot_fleet.fleet.events import BatteryReported, Event, PoseReported, Tick
from robot_fleet.fleet.states import RobotState
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.store import Store
from robot_fleet.sim.realism import EXECUTED
from robot_fleet.sim.site import VirtualSite

SOON_S = 120.0


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half an hour of virtual time takes seconds; but where a battery has to rise a little, sooner will do."""
    monkeypatch.setattr(charging, "UNCHARGED_S", SOON_S)


def is_told_uncharged(made: VirtualSite, name: str) -> bool:
    return any(alert.alert_id == f"uncharged-{name}" and alert.active for alert in made.controller.snapshot.alerts)


def uncharged(level: float, store: Store | None = None) -> VirtualSite:
    """The hall, with r1 on its dock and no contact."""
    made = VirtualSite(store or hall(), by_hand, EXECUTED)
    made.advance(2.0)
    made.world.robots["r1"].battery, made.world.robots["r1"].docked_at = level, None
    return made


def say(made: VirtualSite, change: Callable[[Event], Event]) -> None:
    """From now on the controller hears what robots say with a change."""
    hear = made.controller.handle
    made.controller.handle = lambda event: hear(change(event))  # type: ignore[method-assign]


@pytest.mark.usefixtures("soon")
def test_a_robot_that_rests_on_its_dock_and_is_not_charged_is_told_of_until_it_is() -> None:
    made = uncharged(0.5)
    made.world.robots["r2"].battery = 0.5
    made.advance(SOON_S - 10.0)
    assert not is_told_uncharged(made, "r1")
    made.advance(20.0)
    assert is_told_uncharged(made, "r1") and not is_told_uncharged(made, "r2")
    made.restart_controller()
    made.advance(60.0)
    made.world.robots["r1"]._report = lambda now_s: None  # type: ignore[method-assign]
    until(made, "r1", RobotState.OFFLINE)
    assert is_told_uncharged(made, "r1")
    del made.world.robots["r1"]._report
    made.advance(60.0)
    assert is_told_uncharged(made, "r1")
    made.world.robots["r1"].docked_at = made.store.floor.dock("d1")
    made.advance(2.0)
    assert not is_told_uncharged(made, "r1")


@pytest.mark.usefixtures("soon")
def test_a_robot_whose_whole_percents_and_place_waver_at_its_dock_is_told_of_as_uncharged() -> None:
    made, turns = uncharged(0.5), count()

    def waver(event: Event) -> Event:
        if isinstance(event, BatteryReported):
            return replace(event, level=round(event.level, 2) - 0.01 * (next(turns) % 3 == 0))
        if isinstance(event, PoseReported):
            return replace(event, pose=event.pose @ Pose(0.1 + 0.1 * (next(turns) % 2), 0.0, 0.0))
        return event

    say(made, waver)
    made.advance(SOON_S + 120.0)
    assert is_told_uncharged(made, "r1")


def test_a_robot_that_never_says_that_it_is_charged_is_not_told_of_while_its_battery_rises() -> None:
    made = uncharged(0.3)
    docked = made.world.robots["r2"]
    docked.battery = 0.3
    say(made, lambda event: replace(event, charging=False) if isinstance(event, BatteryReported) else event)
    for _ in range(int(charging.UNCHARGED_S / 60.0) + 5):
        made.advance(60.0)
        docked.battery = min(docked.battery, 0.7)
    assert is_told_uncharged(made, "r1") and not is_told_uncharged(made, "r2")
    for level, is_told in ((0.1, True), (0.12, False)):
        made.world.robots["r1"].battery = level
        made.advance(2.0)
        assert is_told_uncharged(made, "r1") == is_told


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize("why", ["charged enough", "elsewhere", "only water there", "battery not heard of", "slept"])
def test_a_robot_that_need_not_or_may_be_charged_is_not_told_of_as_uncharged(why: str) -> None:
    store = hall()
    if why == "only water there":
        docks = tuple(replace(dock, offers=("water",)) for dock in store.floor.docks)
        store = replace(store, floor=replace(store.floor, docks=docks))
    made = uncharged(0.97 if why == "charged enough" else 0.5, store)
    if why == "elsewhere":
        made.world.robots["r1"].motion.pose = Pose(4.0, 4.0)
    if why == "battery not heard of":
        made.advance(2.0)
        deaf_to_batteries(made, "r1")
    if why == "slept":
        made.advance(60.0)
        made.controller.handle(Tick(made.world.now_s + SOON_S))
    else:
        made.advance(SOON_S + 60.0)
    assert not is_told_uncharged(made, "r1")
