"""Each check of a night finds what it is there for: it is shown a trace that is bad, and one that is not."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from control_site import hall
from shapely import Point, Polygon, box
from shapely.geometry.base import BaseGeometry

from robot_fleet.control.snapshot import ClosureView, RobotView, RunView, Snapshot
from robot_fleet.fleet.states import RobotState, RunState
from robot_fleet.floor.footprint import Footprint
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.profile import SCRUBBER_S, WORKING_W
from robot_fleet.floor.store import RobotSpec, Store
from robot_fleet.nights.checks.account import AccountCheck
from robot_fleet.nights.checks.closures import ClosurePromiseCheck
from robot_fleet.nights.checks.contact import ContactCheck
from robot_fleet.nights.checks.ends import EndCheck
from robot_fleet.nights.checks.floors import ClosedFloorCheck, OwnFloorCheck, ReservationCheck, RingCheck
from robot_fleet.nights.checks.obedience import HeldCheck, PauseCheck, StopCheck
from robot_fleet.nights.checks.promises import PromiseCheck

CLOSED = {"spill": box(4.0, 0.0, 6.0, 2.0)}


def came_onto_closed_floor(*moments: tuple[float, str], lost: tuple[str, ...] = ()) -> list[str]:
    """What is found of a robot that is at x, driving a leg, one moment after the other; it is closed from the second on."""
    check = ClosedFloorCheck({"r1": Footprint(0.35)})
    check.look(0.0, {}, {"r1": Pose(moments[0][0], 1.0)}, {"r1": moments[0][1]})
    for second, (x, leg) in enumerate(moments, 1):
        check.look(float(second), CLOSED, {"r1": Pose(x, 1.0)}, {"r1": leg}, lost)
    return [found.text for found in check.findings.found]


def test_who_comes_onto_closed_floor_is_found_but_not_who_was_there_or_on_the_way() -> None:
    assert came_onto_closed_floor((1.0, ""), (3.0, "b"), (5.0, "b"))
    assert came_onto_closed_floor((5.0, "a"), (3.0, "b"), (5.0, "b"))
    assert came_onto_closed_floor((1.0, "a"), (3.0, "b"), (5.0, "b"))
    assert not came_onto_closed_floor((5.0, "a"), (5.0, "b"), (3.0, "b"), (1.0, "c"))
    assert not came_onto_closed_floor((3.0, "a"), (5.0, "a"), (7.0, "a"))
    # It has hardly left before it comes back: poses do not tell.
    assert not came_onto_closed_floor((5.0, "a"), (3.6, "b"), (3.7, "b"), (3.5, "c"))
    assert came_onto_closed_floor((5.0, "a"), (3.6, "b"), (3.7, "b"), (5.0, "c"))
    assert not came_onto_closed_floor((1.0, ""), (3.0, "b"), (5.0, "b"), lost=("r1",))


def test_a_robot_whose_leg_was_cancelled_may_brake_onto_closed_floor_and_then_not_come_back() -> None:
    assert not came_onto_closed_floor((3.0, "a"), (3.3, ""), (3.7, ""), (3.7, ""))
    assert came_onto_closed_floor((3.0, "a"), (3.3, ""), (3.3, ""), (5.0, "b"))
    assert came_onto_closed_floor((3.0, "a"), (3.3, ""), (3.7, ""), (3.0, "b"), (5.0, "b"))


SPILL = CLOSED["spill"]


def forgotten(check: ClosurePromiseCheck, now_s: float, *closed: Polygon) -> bool:
    """Whether it is found that what is closed now is not what was promised."""
    before = len(check.findings.found)
    check.look(now_s, [ClosureView("spill", polygon, 0.0) for polygon in closed])
    return len(check.findings.found) > before


def test_closed_floor_that_is_forgotten_before_its_time_is_found() -> None:
    check = ClosurePromiseCheck()
    check.asked("spill", SPILL)
    assert not forgotten(check, 1.0) and not check.promised(1.0)
    check.closed("spill", SPILL, 60.0)
    assert check.promised(2.0) == {"spill": SPILL} and not forgotten(check, 2.0, SPILL)
    assert not check.promised(60.0) and not forgotten(check, 60.0)
    assert forgotten(check, 58.0) and check.ever_asked == (SPILL,)


def test_closed_floor_that_lies_elsewhere_than_was_asked_for_is_found_unless_it_may_have_been_drawn_anew() -> None:
    check, elsewhere = ClosurePromiseCheck(), box(0.0, 0.0, 1.0, 1.0)
    check.closed("spill", SPILL, None)
    assert forgotten(check, 1e6, elsewhere)
    check.asked("spill", elsewhere)
    assert not forgotten(check, 1e6, SPILL) and not check.promised(1e6)


def test_closed_floor_may_be_open_as_soon_as_somebody_asks_for_that_and_sooner_by_a_clock_set_between_processes() -> (
    None
):
    check = ClosurePromiseCheck()
    check.closed("spill", SPILL, None)
    check.clock_set(7200.0)
    assert forgotten(check, 1e6)
    check.opening("spill")
    assert not forgotten(check, 1e6)
    check = ClosurePromiseCheck()
    check.closed("spill", SPILL, 100.0)
    check.clock_set(-7200.0)
    check.clock_set(30.0)
    assert not forgotten(check, 75.0) and forgotten(check, 65.0)


def test_closed_floor_that_is_shown_after_its_opening_was_answered_is_found_until_it_is_closed_again() -> None:
    check = ClosurePromiseCheck()
    check.closed("spill", SPILL, None)
    check.opening("spill")
    assert not forgotten(check, 1.0, SPILL)
    check.opened("spill")
    assert not forgotten(check, 2.0) and forgotten(check, 3.0, SPILL)
    check.asked("spill", SPILL)
    assert not forgotten(check, 4.0, SPILL)


def contacts(
    one: list[tuple[float, float]],
    other: list[tuple[float, float]],
    things: tuple[BaseGeometry, ...] = (),
    excused: tuple[str, ...] = (),
    store: Store | None = None,
) -> list[str]:
    check = ContactCheck(store or hall())
    for second, (here, there) in enumerate(zip(one, other, strict=True)):
        check.look(float(second), {"r1": Pose(*here), "r2": Pose(*there)}, things, excused)
    check.flush()
    return [found.text for found in check.findings.found]


def long_robots() -> Store:
    outline = Footprint(corners_m=((-0.5, -0.3), (0.9, -0.3), (0.9, 0.3), (-0.5, 0.3)))
    long = replace(WORKING_W, footprint=outline)
    store = hall()
    return Store(store.floor, tuple(RobotSpec(spec.name, long, spec.dock, spec.name) for spec in store.robots))


def test_robots_that_pass_through_each_other_between_two_looks_are_found() -> None:
    assert contacts([(3.0, 4.0), (5.0, 4.0)], [(5.0, 4.0), (3.0, 4.0)]) == ["r1 and r2 overlap"]
    assert not contacts([(3.0, 4.0), (5.0, 4.0)], [(5.0, 4.8), (3.0, 4.8)])
    assert not contacts([(3.0, 4.0), (5.0, 4.0)], [(5.0, 4.0), (3.0, 4.0)], excused=("r2",))


def test_a_robot_that_follows_another_at_its_pace_does_not_touch_it() -> None:
    assert not contacts([(3.0, 4.0), (5.0, 4.0)], [(3.8, 4.0), (5.8, 4.0)])


def test_a_robot_that_drives_into_a_wall_or_through_a_thing_is_found() -> None:
    assert "obstacle" in contacts([(6.0, 4.0), (6.0, 7.7)], [(1.0, 1.0)] * 2)[0]
    assert not contacts([(6.0, 4.0), (6.0, 7.58)], [(1.0, 1.0)] * 2)
    assert "thing" in contacts([(6.0, 4.0), (9.0, 4.0)], [(1.0, 1.0)] * 2, (box(7.0, 4.2, 8.0, 5.0),))[0]
    assert not contacts([(6.0, 4.0), (9.0, 4.0)], [(1.0, 1.0)] * 2, (box(7.0, 4.4, 8.0, 5.0),))


def test_outlines_count_as_they_lie() -> None:
    long = long_robots()
    assert not contacts([(6.0, 4.0), (6.1, 4.0)], [(6.0, 4.7)] * 2, store=long)
    assert contacts([(6.0, 4.0), (6.1, 4.0)], [(7.4, 4.0)] * 2, store=long) == ["r1 and r2 overlap"]
    assert "obstacle" in contacts([(11.0, 4.0), (11.1, 4.0)], [(3.0, 3.0)] * 2, store=long)[0]


def test_floor_that_two_robots_hold_is_found() -> None:
    check = ReservationCheck()
    check.look(1.0, {"r1": box(0, 0, 1, 1), "r2": box(1, 0, 2, 1)})
    assert not check.findings.found
    check.look(2.0, {"r1": box(0, 0, 1.2, 1), "r2": box(1, 0, 2, 1)})
    assert [found.at_s for found in check.findings.found] == [2.0]


def doubly_held(before: tuple[str, ...], after: tuple[str, ...], reach_m: float = 1.12) -> bool:
    """Whether it is found that r1 holds 12 cm of another's floor, and then up to there, while these are under way."""
    check = ReservationCheck()
    check.look(1.0, {"r1": box(0, 0, 1.12, 1), "r2": box(1, 0, 2, 1)}, before)
    check.look(2.0, {"r1": box(0, 0, reach_m, 1), "r2": box(1, 0, 2, 1)}, after)
    return bool(check.findings.found)


def test_robots_at_rest_may_hold_a_little_of_the_same_floor_but_of_what_is_granted_less() -> None:
    assert not doubly_held((), ())
    assert doubly_held(("r1", "r2"), ("r1", "r2"))
    assert not doubly_held((), ("r1", "r2")) and not doubly_held((), ("r1", "r2"), 1.13)
    assert doubly_held((), ("r1", "r2"), 1.25) and not doubly_held((), ("r1",), 1.15)


def test_robots_that_wait_in_a_ring_are_found() -> None:
    check = RingCheck()
    check.look(1.0, {"r1": frozenset({"r2"}), "r2": frozenset({"r3"}), "r3": frozenset()})
    assert not check.findings.found
    check.look(2.0, {"r1": frozenset({"r2"}), "r2": frozenset({"r3"}), "r3": frozenset({"r1"})})
    assert "r1, r2, r3" in check.findings.found[0].text


def test_a_robot_off_its_own_floor_is_found_unless_it_cannot_know() -> None:
    for excused, number in ((("r1",), 0), ((), 1)):
        check = OwnFloorCheck({"r1": Footprint(0.35)})
        check.look(1.0, {"r1": Pose(1.0, 1.0)}, {"r1": Point(1.0, 1.0).buffer(0.4)}, excused)
        check.look(2.0, {"r1": Pose(1.3, 1.0)}, {"r1": Point(1.0, 1.0).buffer(0.4)}, excused)
        assert len(check.findings.found) == number


def test_of_a_long_body_it_is_its_own_outline_that_must_be_on_its_floor_and_off_what_is_closed() -> None:
    floor, spill = box(-0.6, -0.45, 1.1, 0.45), {"spill": box(-1.0, 0.5, 2.0, 2.0)}
    for yaw_rad, number in ((0.0, 0), (0.5, 1)):
        own, closed = OwnFloorCheck({"r1": SCRUBBER_S.footprint}), ClosedFloorCheck({"r1": SCRUBBER_S.footprint})
        own.look(1.0, {"r1": Pose(0.0, 0.0, yaw_rad)}, {"r1": floor})
        for second, turned_rad in enumerate((0.0, yaw_rad)):
            closed.look(float(second), spill, {"r1": Pose(0.0, 0.0, turned_rad)}, {"r1": ""})
        assert (len(own.findings.found), len(closed.findings.found)) == (number, number)


def test_a_heading_that_passes_half_a_turn_is_no_turn_about() -> None:
    store = hall()
    store = replace(store, robots=(replace(store.robots[0], profile=SCRUBBER_S),))
    check = ContactCheck(store)
    for second, yaw_rad in enumerate((math.pi - 0.01, 0.01 - math.pi)):
        check.look(float(second), {"r1": Pose(5.0, 4.0, yaw_rad)}, (Point(5.0, 4.8).buffer(0.1),))
    check.flush()
    assert not check.findings.found


def looks(
    check: HeldCheck, moments: range, held: list[str] | None, at: float = 0.0, truly: tuple[str, ...] = ("r1",)
) -> None:
    """So many seconds in which it is shown who is held, and who truly is; r1 stands at (at, 0)."""
    for second in moments:
        check.look(float(second), held, truly, {"r1": Pose(at, 0.0)})


def times(check: HeldCheck) -> list[float]:
    return [found.at_s for found in check.findings.found]


def test_a_held_robot_that_moves_or_is_told_to_is_found() -> None:
    check = HeldCheck()
    for second in range(30):
        check.look(float(second), ["r1"], ("r1",), {"r1": Pose(min(second, 3), 0.0)})
    assert not times(check)
    looks(check, range(30, 31), ["r1"], 3.1)
    check.ordered(31.0, "r1", True)
    check.ordered(32.0, "r2", False)
    assert times(check) == [30.0, 31.0]


def test_a_robot_brakes_at_once_when_it_is_held_but_may_get_an_order_late_when_that_is_over_before_it_is_told() -> None:
    check, late = HeldCheck(), HeldCheck()
    for truly, one in (("r1",), check), ((), late):
        looks(one, range(6), ["r1"], truly=truly)
        looks(one, range(6, 10), ["r1"], 0.5, truly=truly)
        looks(one, range(10, 20), ["r1"], 0.7, truly=truly)
    assert times(check) == [6.0] and not times(late)
    looks(late, range(20, 21), ["r1"], 1.0, truly=())
    assert times(late) == [20.0]


def test_a_held_robot_may_brake_while_there_is_no_controller_and_must_not_move_later() -> None:
    check = HeldCheck()
    looks(check, range(1), ["r1"])
    looks(check, range(1, 30), None, 0.4)
    looks(check, range(30, 31), ["r1"], 0.4)
    assert not times(check)
    looks(check, range(31, 32), None, 0.5)
    assert times(check) == [31.0]


def test_a_robot_that_was_shown_held_and_is_free_without_a_word_is_found_also_after_a_restart() -> None:
    for between in (None, ["r1"]):
        check = HeldCheck()
        looks(check, range(2), ["r1"])
        looks(check, range(2, 9), between, truly=())
        looks(check, range(9, 11), [], truly=())
        assert times(check) == [9.0]


def test_a_robot_is_free_by_a_word_also_when_the_answer_was_lost_and_a_word_that_came_to_nothing_frees_nobody() -> None:
    check = HeldCheck()
    looks(check, range(2), ["r1"])
    check.acknowledging("r1")
    looks(check, range(2, 9), None, truly=())
    check.ordered(9.0, "r1", False)
    looks(check, range(9, 11), [], truly=())
    assert not times(check)
    looks(check, range(11, 12), ["r1"])
    check.acknowledging("r1")
    looks(check, range(12, 13), ["r1"])
    check.ordered(13.0, "r1", False)
    looks(check, range(14, 15), [])
    assert times(check) == [13.0, 14.0]


def test_what_is_shown_held_while_nothing_can_be_stored_may_be_gone_after_a_restart() -> None:
    check = HeldCheck()
    check.look(0.0, ["r1"], ("r1",), {"r1": Pose(0.0, 0.0)}, is_stored=False)
    looks(check, range(1, 3), None)
    looks(check, range(3, 5), [])
    assert not times(check)


def run(state: RunState, run_id: str = "a", unconfirmed: tuple[str, ...] = (), at_s: float = 0.0) -> RunView:
    return RunView(
        run_id, f"request-{run_id}", "hall", (), state, "", 1, at_s, None, None, 0.0, None, 0.0, 0.0, 0.0,
        unconfirmed=unconfirmed,
    )  # fmt: skip


def test_a_robot_that_moves_after_a_confirmed_stop_is_found() -> None:
    check = StopCheck()
    stopped = run(RunState.CANCELLED, unconfirmed=("r2",))
    check.look(1.0, [stopped], {"r1": Pose(1, 1), "r2": Pose(2, 2)})
    check.look(2.0, [stopped], {"r1": Pose(1, 1), "r2": Pose(3, 2)})
    assert not check.findings.found
    check.look(3.0, [stopped], {"r1": Pose(1.1, 1), "r2": Pose(3, 2)})
    assert "r1" in check.findings.found[0].text


def test_a_new_run_may_move_what_the_one_before_had_stopped() -> None:
    check = StopCheck()
    check.look(1.0, [run(RunState.CANCELLED)], {"r1": Pose(1, 1)})
    check.look(2.0, [run(RunState.CANCELLED), run(RunState.RUNNING, "b", at_s=1.0)], {"r1": Pose(2, 1)})
    assert not check.findings.found


def shows(*runs: RunView, held: tuple[str, ...] = ()) -> Snapshot:
    robots = (RobotView(name, RobotState.HELD, 1, None, None, False, False, "", "", "", 0.0) for name in held)
    return Snapshot(1, 0.0, runs=runs, robots=tuple(robots))


def seen(check: PromiseCheck, *moments: tuple[float, Snapshot]) -> list[float]:
    """When something was found of what is shown at these moments."""
    for at_s, snapshot in moments:
        check.look(at_s, snapshot)
    return [found.at_s for found in check.findings.found]


def test_a_request_that_was_acknowledged_and_is_gone_or_undone_is_found() -> None:
    check = PromiseCheck()
    check.started(1.0, run(RunState.PLANNING), "request-a")
    assert not seen(check, (2.0, shows(run(RunState.RUNNING))))
    check.stopped(run(RunState.STOPPING))
    assert not seen(check, (3.0, shows(run(RunState.STOPPING))))
    assert seen(check, (4.0, shows(run(RunState.RUNNING))), (5.0, shows())) == [4.0, 5.0]
    check.started(6.0, run(RunState.PLANNING, "b"), "request-a")
    assert seen(check) == [4.0, 5.0, 6.0]


def test_a_run_that_is_cancelled_is_found_unless_a_stop_was_asked_for() -> None:
    check = PromiseCheck()
    check.stopping("a")
    assert not seen(check, (1.0, shows(run(RunState.CANCELLED))))
    assert seen(check, (2.0, shows(run(RunState.CANCELLED), run(RunState.CANCELLED, "b")))) == [2.0]


def test_a_run_that_goes_on_though_its_pause_was_acknowledged_is_found_until_it_is_to_go_on() -> None:
    check = PromiseCheck()
    check.paused(run(RunState.PAUSING))
    assert not seen(check, (1.0, shows(run(RunState.PAUSED))))
    check.resuming("a")
    assert not seen(check, (2.0, shows(run(RunState.RUNNING))))
    check.paused(run(RunState.PAUSING))
    assert seen(check, (3.0, shows(run(RunState.RUNNING)))) == [3.0]


def held_again(truly_s: float, freed_s: float, again_s: float) -> list[float]:
    """What is found of a robot that was last held by something at one time, acknowledged at another, and is HELD again."""
    check = PromiseCheck()
    for at_s in sorted((truly_s, freed_s, again_s)):
        if at_s == freed_s:
            check.freed(at_s, "r1")
        elif at_s == truly_s:
            check.held(at_s, ("r1",))
        else:
            check.look(at_s, shows(held=("r1",)))
    return [found.at_s for found in check.findings.found]


def test_an_acknowledged_robot_that_is_held_again_is_found_unless_something_held_it_since_or_its_word_came_late() -> (
    None
):
    assert held_again(truly_s=8.0, freed_s=10.0, again_s=20.0) == [20.0]
    assert not held_again(truly_s=12.0, freed_s=10.0, again_s=20.0)
    assert not held_again(truly_s=8.0, freed_s=9.0, again_s=11.0)


def test_a_robot_that_moves_in_a_paused_run_is_found_but_not_one_that_was_away_or_once_it_goes_on() -> None:
    check, poses = PauseCheck(), {"r1": Pose(1, 1), "r2": Pose(2, 2)}
    check.look(1.0, [run(RunState.PAUSING)], {"r1": Pose(0, 1), "r2": Pose(2, 2)}, ["r2"])
    check.look(2.0, [run(RunState.PAUSED)], poses, ["r2"])
    check.look(3.0, [run(RunState.PAUSED)], poses | {"r2": Pose(3, 2)}, [])
    check.look(4.0, [run(RunState.RUNNING)], {"r1": Pose(2, 1), "r2": Pose(3, 2)}, [])
    assert not check.findings.found
    check.look(5.0, [run(RunState.PAUSED)], poses, [])
    check.look(6.0, [run(RunState.PAUSED)], poses | {"r1": Pose(1.1, 1)}, [])
    assert [found.robot for found in check.findings.found] == ["r1"]


def failed(able: tuple[float, float], has_no_plan: bool = False) -> list[str]:
    """What is found when a run fails at 100 s and r1 was able to work between two times."""
    check = EndCheck()
    for second in range(101):
        check.look(float(second), ["r1"] if able[0] <= second <= able[1] else [])
    check.ended(100.0, run(RunState.FAILED), has_no_plan)
    return [found.text for found in check.findings.found]


def test_a_run_that_fails_while_a_robot_could_work_is_found_unless_there_is_no_plan() -> None:
    assert "r1 could have worked" in failed((20, 100))[0]
    assert not failed((20, 99)) and not failed((60, 100)) and not failed((20, 100), has_no_plan=True)


def masks() -> tuple[AccountCheck, np.ndarray, np.ndarray]:
    floor = hall().floor
    requested = floor.requested(("west", "east"))
    credited = requested.copy()
    credited[60:80, 100:120] = False  # 1 m x 1 m at (5, 3)
    return AccountCheck(floor), requested, credited


def listed() -> Polygon:
    return box(5.0, 3.0, 6.0, 4.0)


def test_false_credit_above_half_a_percent_is_found() -> None:
    check, requested, _ = masks()
    truth = requested.copy()
    truth[20:30, 20:30] = False
    assert check.credit("a", 1.0, requested, requested, truth) < 0.005
    assert not check.findings.found
    truth[20:60, 20:60] = False
    check.credit("a", 2.0, requested, requested, truth)
    assert "false credit" in check.findings.found[0].text


def test_floor_that_is_neither_clean_nor_listed_or_both_is_found() -> None:
    check, requested, credited = masks()
    check.complete("a", 1.0, requested, credited, [listed()])
    assert not check.findings.found
    check.complete("a", 2.0, requested, credited, [])
    check.complete("a", 3.0, requested, requested, [listed()])
    assert [found.at_s for found in check.findings.found] == [2.0, 3.0]


def test_missed_floor_without_a_cause_near_it_is_found() -> None:
    check, requested, credited = masks()
    check.explained("a", 1.0, requested, credited, [Point(6.5, 3.5).buffer(0.3)])
    assert not check.findings.found
    assert check.explained("a", 2.0, requested, credited, [Point(9.0, 3.5).buffer(0.3)]) > 0.9
    assert "(5.5, 3.5)" in check.findings.found[0].text


def test_missed_floor_in_strips_and_crumbs_needs_no_cause_until_there_is_much_of_it() -> None:
    for strips, is_found in ((1, False), (4, True)):
        check, requested, _ = masks()
        credited = requested.copy()
        for strip in range(strips):
            credited[20 + 20 * strip : 24 + 20 * strip, 20:170] = False  # 7.5 m x 0.2 m
        assert check.explained("a", 1.0, requested, credited, []) == 0.0
        assert bool(check.findings.found) is is_found
        causes = [box(0.0, 0.0, 12.0, 8.0)]
        assert is_found is ("in small parts" in str(check.findings.found))
        check.explained("b", 2.0, requested, credited, causes)
        assert len(check.findings.found) == is_found


def test_floor_that_is_listed_as_blocked_is_explained_farther_from_what_stood_there_but_not_everywhere() -> None:
    check, requested, credited = masks()
    near, far = Point(7.5, 3.5).buffer(0.3), Point(11.0, 3.5).buffer(0.3)
    assert check.explained("a", 1.0, requested, credited, [near], [listed()], [near]) == 0.0
    assert check.explained("b", 2.0, requested, credited, [near], [], [near]) > 0.9
    assert check.explained("c", 3.0, requested, credited, [far], [listed()], [far]) > 0.9
    assert check.explained("d", 4.0, requested, credited, [near], [listed()], []) > 0.9
