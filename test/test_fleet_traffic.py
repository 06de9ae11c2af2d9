"""Floor is held by one robot at a time, and rings of waiting robots are seen."""

from __future__ import annotations

from graphlib import TopologicalSorter
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st
from shapely import Point, box

from robot_fleet.fleet.traffic import Traffic


def test_floor_that_another_robot_holds_is_not_granted_and_the_wait_is_noted() -> None:
    traffic = Traffic()
    assert traffic.ask("r1", box(0, 0, 2, 2))
    assert not traffic.ask("r2", box(1, 1, 3, 3))
    assert traffic.waits_for("r2") == {"r1"}
    assert traffic.held("r2").is_empty


def test_floor_left_behind_is_free_for_others() -> None:
    traffic = Traffic()
    traffic.ask("r1", box(0, 0, 4, 1))
    traffic.hold("r1", box(2, 0, 4, 1))
    assert traffic.ask("r2", box(0, 0, 1, 1))
    assert not traffic.waits_for("r2")


def test_a_ring_of_waiting_robots_is_seen_by_each_of_them_and_by_nobody_else() -> None:
    traffic = Traffic()
    for index, name in enumerate(("r1", "r2", "r3", "r4")):
        traffic.hold(name, Point(index, 0).buffer(0.1))
    for index, name in enumerate(("r1", "r2", "r3")):
        traffic.ask(name, Point((index + 1) % 3, 0).buffer(0.1))
    traffic.ask("r4", Point(0, 0).buffer(0.1))
    assert traffic.ring("r1") == traffic.ring("r2") == traffic.ring("r3") == ("r1", "r2", "r3")
    assert traffic.ring("r4") == ()


def test_a_ring_ends_when_one_robot_wants_nothing_more() -> None:
    traffic = Traffic()
    traffic.hold("r1", box(0, 0, 1, 1))
    traffic.hold("r2", box(2, 0, 3, 1))
    traffic.ask("r1", box(2, 0, 3, 1))
    traffic.ask("r2", box(0, 0, 1, 1))
    assert traffic.ring("r1")
    traffic.stop_waiting("r2")
    assert not traffic.ring("r1")


_BOXES = st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(1, 4), st.integers(1, 4))


@given(st.lists(st.tuples(st.sampled_from(["r1", "r2", "r3", "r4"]), _BOXES), max_size=40))
def test_no_two_robots_ever_hold_touching_floor(wishes: list[tuple[str, tuple[int, int, int, int]]]) -> None:
    traffic = Traffic()
    for robot, (x, y, width, height) in wishes:
        traffic.ask(robot, box(x, y, x + width, y + height))
        held = [traffic.held(name) for name in ("r1", "r2", "r3", "r4")]
        assert not any(one.intersects(other) for one, other in combinations(held, 2))


def test_a_robot_that_would_close_a_ring_is_turned_away_and_nobody_waits_in_one() -> None:
    traffic = Traffic()
    traffic.wait("r1", frozenset({"r2"}))
    traffic.wait("r2", frozenset({"r3"}))
    traffic.wait("r3", frozenset({"r1", "r4"}))
    assert traffic.waiting == {"r1": {"r2"}, "r2": {"r3"}, "r3": {"r4"}}
    assert traffic.waits_for("r3") == {"r1", "r4"}


@given(st.lists(st.tuples(st.integers(0, 4), st.frozensets(st.integers(0, 4))), max_size=30))
def test_the_graph_of_who_waits_for_whom_never_has_a_cycle(wishes: list[tuple[int, frozenset[int]]]) -> None:
    traffic = Traffic()
    for robot, others in wishes:
        traffic.wait(f"r{robot}", frozenset(f"r{other}" for other in others - {robot}))
        TopologicalSorter(traffic.waiting).prepare()  # raises CycleError
