"""What a night's checks excuse in robots that lost their way, or are held until the morning, and for how long."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from control_site import by_hand, hall
from shapely import box

from robot_fleet.control.robots import RobotReports
from robot_fleet.fleet.commands import Follow
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.store import Dock, Store
from robot_fleet.nights.eyes import Eyes
from robot_fleet.nights.faults import Fault
from robot_fleet.nights.night import Night, Outcome, _Course, simulate
from robot_fleet.nights.site import Circumstances, NightSite
from robot_fleet.sim.realism import EXECUTED


def night(*faults: Fault) -> Outcome:
    return simulate(hall(), Night(1, faults), by_hand)


def is_credited_falsely(outcome: Outcome) -> bool:
    """Whether that was found; floor that the plan by hand leaves out is found as well."""
    return any("false credit" in found.text for found in outcome.violations)


def two_rooms() -> Store:
    """A robot in each."""
    store = hall()
    cells = store.floor.grid.cells.copy()
    cells[:, 120] = 100
    docks = (store.floor.docks[0], Dock("d2", Pose(11.4, 2.4, 0.0)))
    floor = replace(store.floor, grid=replace(store.floor.grid, cells=cells), docks=docks)
    return replace(store, floor=floor)


@pytest.mark.parametrize("reason", ["", "e-stop"])
def test_nobody_is_to_clean_what_only_a_robot_can_get_to_that_is_held_until_the_morning(
    tmp_path: Path, reason: str
) -> None:
    store = two_rooms()
    site = NightSite(Circumstances(store, (), 1, by_hand, tmp_path, EXECUTED), lambda command: None)
    eyes = Eyes(store)
    site.step()
    if reason:
        site.world.latch("r2", reason)
    eyes.look(site)
    while site.now_s < 40.0:
        site.step()
    eyes.look(site)
    left = eyes._left_coverable(site, [box(3.0, 3.0, 3.5, 3.5)], [])
    assert left[:, :120].sum() > 10_000
    assert (left[:, 120:].sum() > 10_000) is not bool(reason)
    site.close()


def test_a_robot_that_was_found_is_excused_until_the_controller_has_heard_where_it_truly_is(tmp_path: Path) -> None:
    cut = Fault("link cut", 10.0, 30.0)
    course = _Course(Circumstances(hall(), (cut,), 1, by_hand, tmp_path, EXECUTED))

    def pass_until(at_s: float) -> None:
        while course.site.now_s < at_s:
            course.site.step()
            course._look()

    pass_until(5.0)
    course._lose(Fault("delocalised", 5.0, 5.0, "r1", x_m=0.6))
    course.site.world.notices("r1")
    pass_until(12.0)
    course._find("r1")
    pass_until(39.0)
    assert course.eyes.lost == {"r1"}
    pass_until(41.0)
    assert course.eyes.lost == {"r1"}
    pass_until(46.0)
    assert course.eyes.lost == set()
    course.site.close()


def test_a_robot_that_was_driven_into_before_anybody_knew_where_it_is_is_excused_until_the_two_are_apart(
    tmp_path: Path,
) -> None:
    cut = Fault("link cut", 4.0, 30.0)
    course = _Course(Circumstances(hall(), (cut,), 1, by_hand, tmp_path, EXECUTED))
    world = course.site.world

    def pass_until(at_s: float) -> None:
        while course.site.now_s < at_s:
            course.site.step()
            course.eyes.look(course.site)
            course._look()
        course.eyes._contact.flush()

    pass_until(5.0)
    course._lose(Fault("delocalised", 5.0, 1.0, "r1", x_m=0.6))
    world.robots["r1"].motion.pose = Pose(0.8, 1.0, math.pi)
    course._find("r1")
    world.command(Follow("r2", "there", np.array([(0.6, 2.4), (0.6, 1.0)])))
    pass_until(50.0)
    assert world.touches_robot("r1") and world.touches_robot("r2")
    assert course.eyes.lost == {"r1"}
    world.release("r2")
    world.command(Follow("r2", "back", np.array([(0.6, world.robots["r2"].pose.y_m), (0.6, 2.4)])))
    pass_until(60.0)
    assert not world.touches_robot("r1")
    assert course.eyes.lost == set()
    assert "contact" not in {found.check for found in course.eyes.violations}
    course.site.close()


def test_what_a_lost_robot_claims_is_no_false_credit_before_anybody_knows_that_it_is_lost() -> None:
    outcome = night(Fault("delocalised", 60.0, 8000.0, "r1", x_m=0.9))
    assert outcome.runs[0].seconds < 8000.0
    assert (outcome.credited & ~outcome.truth).sum() > 100
    assert not is_credited_falsely(outcome)


def test_what_a_lost_robot_claimed_and_nobody_withdraws_is_false_credit_once_it_is_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lost = Fault("delocalised", 60.0, 100.0, "r1", x_m=0.9)
    assert not is_credited_falsely(night(lost))
    monkeypatch.setattr(RobotReports, "_withdraw", lambda reports, robot: None)
    assert is_credited_falsely(night(lost))


def test_nobody_waits_for_another_run_when_the_last_robot_hangs_on_a_wall() -> None:
    store = replace(hall(), robots=hall().robots[:1])
    lost = Fault("delocalised", 20.0, 120.0, "r1", y_m=1.5)
    outcome = simulate(store, Night(1, (lost, Fault("stop", 200.0))), by_hand)
    assert [end.state for end in outcome.runs] == ["CANCELLED"] and outcome.seconds < 1000.0
    assert not [found for found in outcome.violations if found.check == "end"]
