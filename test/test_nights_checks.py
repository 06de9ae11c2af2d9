"""Each check of a night finds what it is there for: it is shown a trace that is bad, and one that is not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from control_site import hall
from shapely import Point, Polygon, box
from shapely.geometry.base import BaseGeometry

from robot_fleet.control.snapshot import ClosureView, RunView
from robot_fleet.fleet.states import RunState
from robot_fleet.floor.footprint import Footprint
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.profile import WORKING_W
from robot_fleet.floor.store import RobotSpec, Store
from robot_fleet.nights.checks.account import AccountCheck
from robot_fleet.nights.checks.closures import ClosurePromiseCheck
from robot_fleet.nights.checks.contact import ContactCheck
from robot_fleet.nights.checks.floors import ClosedFloorCheck, OwnFloorCheck, ReservationCheck, RingCheck
from robot_fleet.nights.checks.obedience import HeldCheck, PromiseCheck, StopCheck

CLOSED = {"spill": box(4.0, 0.0, 6.0, 2.0)}


def came_onto_closed_floor(*moments: tuple[float, str], lost: tuple[str, ...] = ()) -> list[str]:
    """What is found of a robot that is at x, driving a leg, one moment after the other; it is closed from the second on."""
    check = ClosedFloorCheck({"r1": 0.35})
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
    assert not came_onto_closed_floor((1.0, ""), (3.0, "b"), (5.0, "b"), lost=("r1",))


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


def test_robots_that_wait_in_a_ring_are_found() -> None:
    check = RingCheck()
    check.look(1.0, {"r1": frozenset({"r2"}), "r2": frozenset({"r3"}), "r3": frozenset()})
    assert not check.findings.found
    check.look(2.0, {"r1": frozenset({"r2"}), "r2": frozenset({"r3"}), "r3": frozenset({"r1"})})
    assert "r1, r2, r3" in check.findings.found[0].text


def test_a_robot_off_its_own_floor_is_found_unless_it_cannot_know() -> None:
    for excused, number in ((("r1",), 0), ((), 1)):
        check = OwnFloorCheck({"r1": 0.35})
        check.look(1.0, {"r1": Pose(1.0, 1.0)}, {"r1": Point(1.0, 1.0).buffer(0.4)}, excused)
        check.look(2.0, {"r1": Pose(1.3, 1.0)}, {"r1": Point(1.0, 1.0).buffer(0.4)}, excused)
        assert len(check.findings.found) == number


def test_a_held_robot_that_moves_or_is_told_to_is_found() -> None:
    check = HeldCheck()
    for second in range(30):
        check.look(float(second), ["r1"], {"r1": Pose(min(second, 3), 0.0)})
    assert not check.findings.found
    check.look(30.0, ["r1"], {"r1": Pose(3.1, 0.0)})
    check.ordered(31.0, "r1", True)
    check.ordered(32.0, "r2", False)
    assert [found.at_s for found in check.findings.found] == [30.0, 31.0]


def test_a_held_robot_may_brake_while_there_is_no_controller_and_must_not_move_later() -> None:
    check = HeldCheck()
    check.look(0.0, ["r1"], {"r1": Pose(0.0, 0.0)})
    for second in range(1, 30):
        check.look(float(second), None, {"r1": Pose(0.4, 0.0)})
    check.look(30.0, ["r1"], {"r1": Pose(0.4, 0.0)})
    assert not check.findings.found
    check.look(31.0, None, {"r1": Pose(0.5, 0.0)})
    assert [found.at_s for found in check.findings.found] == [31.0]


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


def test_a_request_that_was_acknowledged_and_is_gone_or_undone_is_found() -> None:
    check = PromiseCheck()
    check.started(1.0, run(RunState.PLANNING), "request-a")
    check.look(2.0, [run(RunState.RUNNING)])
    check.stopped(run(RunState.STOPPING))
    check.look(3.0, [run(RunState.STOPPING)])
    assert not check.findings.found
    check.look(4.0, [run(RunState.RUNNING)])
    check.look(5.0, [])
    check.started(6.0, run(RunState.PLANNING, "b"), "request-a")
    assert [found.at_s for found in check.findings.found] == [4.0, 5.0, 6.0]


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


def test_floor_that_is_listed_as_blocked_is_explained_farther_from_what_stood_there_but_not_everywhere() -> None:
    check, requested, credited = masks()
    near, far = Point(7.5, 3.5).buffer(0.3), Point(11.0, 3.5).buffer(0.3)
    assert check.explained("a", 1.0, requested, credited, [near], [listed()], [near]) == 0.0
    assert check.explained("b", 2.0, requested, credited, [near], [], [near]) > 0.9
    assert check.explained("c", 3.0, requested, credited, [far], [listed()], [far]) > 0.9
    assert check.explained("d", 4.0, requested, credited, [near], [listed()], []) > 0.9
