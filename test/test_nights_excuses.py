"""What a night's checks take for a cause of missed floor, and for how long; and what they excuse in robots that lost their way."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from control_site import by_hand, hall
from numpy.typing import NDArray
from shapely import Point, box

from robot_fleet.control.snapshot import PlanningProgress, RunView
from robot_fleet.fleet.commands import Follow
from robot_fleet.fleet.coverage import CoverageRecord
from robot_fleet.fleet.events import LegEnded, Outcome
from robot_fleet.fleet.states import RunState
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.profile import SCRUBBER_S
from robot_fleet.nights.causes import LATELY_S, OUT_S, Causes
from robot_fleet.nights.checks.sweeping import SweepCheck
from robot_fleet.nights.eyes import Eyes
from robot_fleet.nights.faults import Fault
from robot_fleet.nights.night import Night, _Course, simulate
from robot_fleet.nights.site import Circumstances, NightSite
from robot_fleet.nights.world import TroubledWorld
from robot_fleet.sim.realism import EXECUTED

PALLET, SPILL = box(3.0, 3.0, 4.0, 4.0), box(6.0, 3.0, 7.0, 4.0)


def world() -> TroubledWorld:
    return TroubledWorld(hall(), EXECUTED, 1, ())


@pytest.fixture
def course(tmp_path: Path) -> _Course:
    made = _Course(Circumstances(hall(), (), 1, by_hand, tmp_path, EXECUTED))
    made.site.step()
    return made


def run(state: RunState, is_planned: bool = False) -> RunView:
    planning = PlanningProgress(0.0, "") if is_planned else None
    return RunView("a", "r", "hall", (), state, "", 1, 0.0, 0.0, None, 0.0, None, 0.0, 0.0, 0.0, planning=planning)


def causes_after(gone_s: float, planned_s: float | None = None) -> Causes:
    """A pallet stands and floor is closed for 10 s; so long they are gone, and so long ago the rest was planned."""
    causes, robots = Causes(), world().robots
    causes.look(0.0, [PALLET], {"spill": SPILL}, robots)
    causes.look_at_runs([run(RunState.PLANNING, True)])
    causes.look(1.0, [PALLET], {"spill": SPILL}, robots)
    causes.look_at_runs([run(RunState.RUNNING)])
    for at_s in sorted({10.0, 10.0 + gone_s, 10.0 + gone_s - (planned_s or 0.0)}):
        causes.look(at_s, [PALLET] * (at_s <= 10.0), {"spill": SPILL} if at_s <= 10.0 else {}, robots)
        is_planned = planned_s is not None and at_s == 10.0 + gone_s - planned_s
        causes.look_at_runs([run(RunState.RUNNING, is_planned)])
    causes.look_at_runs([run(RunState.COMPLETED)])
    return causes


def test_what_stands_or_was_there_lately_is_a_cause_and_what_is_long_gone_is_none() -> None:
    for gone_s, number in ((0.0, 1), (LATELY_S - 1.0, 1), (LATELY_S + 1.0, 0), (5000.0, 0)):
        causes = causes_after(gone_s)
        assert len(causes.things) == len(causes.closed) == number


def test_what_was_there_when_the_rest_was_last_planned_is_a_cause_however_long_that_took() -> None:
    assert causes_after(600.0, planned_s=610.0).things
    assert not causes_after(600.0, planned_s=590.0).things


def test_robots_are_out_once_they_are_held_or_dead_for_a_while_and_no_longer() -> None:
    made, causes = world(), Causes()

    def out(now_s: float) -> list[str]:
        causes.look(now_s, [], {}, made.robots)
        return [name for name in made.robots if causes.is_out(name)]

    assert not out(0.0)
    made.latch("r1", "e-stop")
    made.kill("r2")
    assert not out(1.0)
    assert out(1.0 + OUT_S) == ["r1", "r2"]
    made.release("r1")
    assert out(2.0 + OUT_S) == ["r2"]


def passes(course: _Course, until_s: float) -> None:
    while course.site.now_s < until_s:
        course.site.step()
        course.eyes.look(course.site)


def test_a_lost_robot_can_have_claimed_what_lies_by_its_reported_way_alone(course: _Course) -> None:
    credited = np.ones(hall().floor.grid.shape, dtype=bool)
    assert course.eyes.known_credit(credited).all()
    course._lose(Fault("delocalised", 0.0, 5.0, "r1", x_m=4.0, y_m=3.0))
    course.eyes.look(course.site)
    known = course.eyes.known_credit(credited)
    assert not known[80, 92] and known[:, 130:].all() and known[140:, :].all()
    passes(course, 3.0)
    course.site.world.notices("r1")
    passes(course, 6.0)
    assert course.eyes.known_credit(credited).all()
    course.site.close()


def test_a_dead_robot_that_loses_its_way_excuses_nothing(course: _Course) -> None:
    course.site.world.kill("r1")
    course._lose(Fault("delocalised", 0.0, 5.0, "r1", x_m=4.0, y_m=3.0))
    course.eyes.look(course.site)
    assert course.eyes.known_credit(np.ones(hall().floor.grid.shape, dtype=bool)).all()
    assert not course.eyes.lost
    course.site.close()


def test_a_robot_that_was_found_is_looked_at_again_once_its_floor_is_its_own(
    course: _Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    eyes, site = course.eyes, course.site
    assert site.controller is not None
    floors = {"r1": Point(0.6, 1.0).buffer(0.5), "r2": Point(0.6, 1.2).buffer(0.5)}
    monkeypatch.setattr(site.controller.traffic, "held", floors.__getitem__)
    eyes.lost.add("r1")
    eyes.look(site)
    eyes.lost.discard("r1")
    eyes.look(site)
    assert not [found for found in eyes.violations if found.check == "reservations"]
    floors["r2"] = Point(0.6, 2.4).buffer(0.5)
    eyes.look(site)
    floors["r2"] = Point(0.6, 1.2).buffer(0.5)
    eyes.look(site)
    assert [found.check for found in eyes.violations if found.check == "reservations"]
    site.close()


def test_a_robot_that_is_off_its_floor_for_one_step_is_found(course: _Course, monkeypatch: pytest.MonkeyPatch) -> None:
    eyes, site = course.eyes, course.site
    assert site.controller is not None
    rights = site.controller.traffic.held
    course.eyes.look(site)
    site.step()
    with monkeypatch.context() as moment:
        moment.setattr(site.controller.traffic, "held", lambda name: box(9.0, 7.0, 9.1, 7.1))
        eyes.look(site)
    site.step()
    assert site.controller.traffic.held == rights
    eyes.look(site)
    assert {found.robot for found in eyes.violations if found.check == "off its floor"} == {"r1", "r2"}
    site.close()


WAY = [Pose(2.0 + 0.1 * step, 2.0 + 0.03 * step, 0.29) for step in range(60)]
WAY += [Pose(7.9, 3.77, 0.29 + 0.2 * step) for step in range(7)]
WAY += [Pose(7.9 + 0.01 * step, 3.77 + 0.1 * step, 1.47) for step in range(25)]


def swept(width_m: float, way: list[Pose]) -> NDArray[np.bool_]:
    """What a head of that width cleans by the account by which the world keeps its truth."""
    floor, head = hall().floor, hall().robots[0].profile.head
    record = CoverageRecord(floor.grid, floor.grid.free)
    for before, after in pairwise(way):
        record.credit("r1", replace(head, width_m=width_m), before, after)
    return record.cleaned


@pytest.mark.parametrize(("wider_m", "is_found"), [(0.0, False), (0.02, True), (-0.02, True)])
def test_a_truth_that_draws_heads_too_wide_or_too_narrow_is_found(wider_m: float, is_found: bool) -> None:
    store = hall()
    head = store.robots[0].profile.head
    check = SweepCheck(store.floor, {"r1": head})
    for pose in WAY:
        check.look([("r1", pose, True)])
    share = check.compare("a", 1.0, swept(head.width_m + wider_m, WAY))
    assert bool(check.findings.found) is is_found, share


def test_where_a_head_was_switched_within_a_step_either_is_right() -> None:
    store = hall()
    head = store.robots[0].profile.head
    for truth in (swept(head.width_m, WAY[:20]), swept(head.width_m, WAY[:21])):
        check = SweepCheck(store.floor, {"r1": head})
        for pose in WAY[:25]:
            check.look([("r1", pose, pose in WAY[:20])])
        check.compare("a", 1.0, truth)
        assert not check.findings.found


def test_a_thing_that_left_long_ago_closes_nothing_behind_it(tmp_path: Path) -> None:
    site = NightSite(Circumstances(hall(), (), 1, by_hand, tmp_path, EXECUTED), lambda command: None)
    eyes = Eyes(hall())
    site.step()
    wall = box(5.0, 0.0, 5.3, 8.0)
    site.world.things = [wall]
    eyes.look(site)
    assert not eyes._left_coverable(site, eyes.causes.things, eyes._others(site))[:, 120:].any()
    site.world.things = []
    for robot in site.world.troubled.values():
        robot.things = []
    while site.now_s < LATELY_S + 10.0:
        site.step()
        eyes.look(site)
    assert eyes._left_coverable(site, eyes.causes.things, eyes._others(site))[:, 120:].any()
    site.close()


def test_a_robot_that_stands_close_beside_a_thing_does_not_begin_beyond_it(tmp_path: Path) -> None:
    site = NightSite(Circumstances(hall(), (), 1, by_hand, tmp_path, EXECUTED), lambda command: None)
    eyes = Eyes(hall())
    site.step()
    # Between the two there is no room to turn to which a berth would be kept.
    site.world.things = [box(4.1, 0.0, 4.3, 8.0), box(5.0, 0.0, 5.1, 7.2)]
    robot = site.world.troubled["r1"]
    robot.motion.pose, robot.docked_at = Pose(4.65, 7.0, 0.0), None
    eyes.look(site)
    left = eyes._left_coverable(site, eyes.causes.things, eyes._others(site))
    assert left[:, :60].any() and not left[:, 120:].any()
    site.close()


def test_a_robot_behind_a_cut_link_may_drive_on_onto_closed_floor_though_a_controller_was_started_anew(
    tmp_path: Path,
) -> None:
    cut = Fault("link cut", 33.0, 60.0)
    course = _Course(Circumstances(hall(), (cut,), 1, by_hand, tmp_path, EXECUTED))
    site, closed = course.site, course.eyes._closed_floor

    def look_until(at_s: float) -> None:
        while site.now_s < at_s:
            site.step()
            course._people.look()
            course.eyes.look(site)

    look_until(34.0)
    robot, controller = site.world.robots["r1"], site.controller
    assert controller is not None and robot.head_on and not robot.motion.at_rest
    order = controller._state.robots["r1"].order
    assert order is not None
    ahead = order.piece.line.interpolate(order.progress_m + 4.0)
    spill = Point(ahead.x, ahead.y).buffer(1.0)
    controller.close_floor("spill", spill)
    course.eyes.closures.asked("spill", spill)
    course.eyes.closures.closed("spill", spill, None)
    look_until(35.0)
    site._die(0.0)
    look_until(36.0)
    assert spill.distance(Point(robot.pose.x_m, robot.pose.y_m)) > 0.4
    # It turns on the spot, say.
    course.eyes.look(site)
    assert site.controller is not None and not site.controller._state.robots["r1"].order
    look_until(44.0)
    assert spill.distance(Point(robot.pose.x_m, robot.pose.y_m)) < 0.2
    assert not closed.findings.found
    site.close()


@pytest.mark.parametrize("is_told", [True, False])
def test_a_robot_that_is_left_off_its_dock_is_found_after_a_minute_unless_somebody_is_told(
    monkeypatch: pytest.MonkeyPatch, is_told: bool
) -> None:
    monkeypatch.setattr("robot_fleet.control.rest._is_busy", lambda state, robot: False)
    if not is_told:
        monkeypatch.setattr("robot_fleet.control.controller.look_for_strays", lambda state: None)
    outcome = simulate(hall(), Night(1, ()), by_hand)
    assert [run.state for run in outcome.runs] == ["COMPLETED"]
    left = [found for found in outcome.violations if "without a word" in found.text]
    assert bool(left) is not is_told
    assert all(found.at_s > outcome.runs[0].seconds + 60.0 for found in left)


def test_floor_that_none_of_the_robots_may_enter_is_not_what_they_can_clean() -> None:
    store = hall()
    east = replace(store.floor.zones[1], robots=("r1",))
    floor = replace(store.floor, zones=(store.floor.zones[0], east))
    within = floor.requested(("east",))
    for robots, expected in ((store.robots, True), (store.robots[1:], False)):
        found = Eyes(replace(store, floor=floor, robots=robots)).coverable
        assert bool((found & within).mean() > 0.1 * within.mean()) is expected


def test_a_long_body_that_stops_before_a_thing_goes_on_where_it_was_with_all_parts_of_its_way() -> None:
    store = hall()
    robots = (replace(store.robots[0], profile=SCRUBBER_S), store.robots[1])
    pallet = Fault("person", 0.0, 12.0, x_m=6.5, y_m=4.0)
    there = TroubledWorld(replace(store, robots=robots), EXECUTED, 1, (pallet,))
    robot = there.troubled["r1"]
    robot.motion.pose = Pose(2.5, 4.0, 0.0)
    # Ahead, and then backwards in a bend, whose end it does not come by before.
    bend = np.linspace(0.05, 0.6, 12)
    back = np.column_stack((7.5 - 5.0 * np.sin(bend), 4.0 + 5.0 * (1.0 - np.cos(bend))))
    points = np.vstack(((2.5, 4.0), (7.5, 4.0), back))
    there.step(0.2)
    robot.command(Follow("r1", "a", points, False, (1,)), there.now_s)
    ends, farthest_m, stood = list[LegEnded](), 0.0, False
    while not ends and there.now_s < 60.0:
        ends += [event for event in there.step(0.2) if isinstance(event, LegEnded)]
        farthest_m = max(farthest_m, robot.pose.x_m)
        stood |= robot.motion.at_rest and robot.pose.x_m < 5.6
    assert [end.outcome for end in ends] == [Outcome.SUCCEEDED]
    assert stood and farthest_m > 7.2 and np.hypot(*(points[-1] - (robot.pose.x_m, robot.pose.y_m))) < 0.5


def test_a_long_body_that_a_thing_keeps_from_turning_does_not_go_on_with_the_next_part_of_its_way() -> None:
    store = hall()
    robots = (replace(store.robots[0], profile=SCRUBBER_S), store.robots[1])
    there = TroubledWorld(replace(store, robots=robots), EXECUTED, 1, ())
    robot = there.troubled["r1"]
    robot.motion.pose = Pose(2.5, 4.0, 0.0)
    ahead_and_back = np.array([(2.5, 4.0), (5.0, 5.0), (1.0, 3.4)])
    there.things = robot.things = [Point(3.44, 4.82).buffer(0.3)]
    robot.command(Follow("r1", "a", ahead_and_back, False, (1,)), there.now_s)
    ends = list[LegEnded]()
    while not ends and there.now_s < 30.0:
        ends += [event for event in there.step(0.2) if isinstance(event, LegEnded)]
        assert np.hypot(robot.pose.x_m - 2.5, robot.pose.y_m - 4.0) < 0.05
    assert [end.outcome for end in ends] == [Outcome.ABORTED]
