"""No deadlock can form: checked for three robots on every small graph, in every order of their moves."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from random import Random

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import LineString, Point, box
from shapely.geometry.base import BaseGeometry

from robot_fleet.fleet.escapes import Escape, Escapes, cut_off

Places = tuple[int, int, int]
THREE = range(3)


def small_graphs() -> list[nx.Graph]:
    """Every connected graph of three to six nodes."""
    return [graph for graph in nx.graph_atlas_g() if 3 <= len(graph) <= 6 and nx.is_connected(graph)]


class Yard:
    """Three robots on the nodes of a graph, each with a node of its own as its refuge; a piece is a way to any node."""

    def __init__(self, graph: nx.Graph, homes: Places) -> None:
        self.graph, self.homes = graph, homes
        self.escape = {(k, node): self._escape(k, node) for k in THREE for node in graph}

    def _escape(self, robot: int, node: int) -> list[int]:
        """The shortest way home, round the others' refuges where there is one."""
        others = {home for k, home in enumerate(self.homes) if k != robot} - {node}
        open_ = self.graph.subgraph(set(self.graph) - others)
        for graph in (open_, self.graph):
            if nx.has_path(graph, node, self.homes[robot]):
                return list(nx.shortest_path(graph, node, self.homes[robot]))
        raise AssertionError

    def is_safe(self, places: Places) -> bool:
        depends: dict[str, set[str]] = {str(k): set() for k in THREE}
        for i, j in itertools.permutations(THREE, 2):
            way = self.escape[i, places[i]]
            if places[j] in way:
                depends[str(i)].add(str(j))
            if self.homes[j] in way:
                depends[str(j)].add(str(i))
        return not cut_off(depends)

    def grants(self, places: Places) -> set[Places]:
        """What the rule lets happen next: any robot drives any free way to any node that leaves all able to get home."""
        found = set()
        for robot in THREE:
            others = {places[k] for k in THREE if k != robot}
            free = self.graph.subgraph(set(self.graph) - others)
            for node in nx.node_connected_component(free, places[robot]):
                after = (*places[:robot], node, *places[robot + 1 :])
                if after != places and self.is_safe(after):
                    found.add(after)
        return found

    def reached(self) -> set[Places]:
        """Every state that grants in any order lead to from home."""
        found: set[Places] = set()
        ahead = [self.homes]
        while ahead:
            places = ahead.pop()
            if places not in found:
                found.add(places)
                ahead += self.grants(places)
        return found

    def all_get_home(self, places: Places) -> bool:
        """Whether in some order each robot drives home by its escape, past where the others stand."""
        return any(self.get_home(places, order) for order in itertools.permutations(THREE))

    def get_home(self, places: Places, order: tuple[int, ...]) -> bool:
        """Whether robots get home in that order, while those that are not in it stay where they are."""
        now = list(places)
        for robot in order:
            if {now[k] for k in THREE if k != robot} & set(self.escape[robot, places[robot]]):
                return False
            now[robot] = self.homes[robot]
        return True


@pytest.mark.parametrize("part", range(4))
def test_on_every_small_graph_all_robots_get_home_from_whatever_was_granted_in_any_order(part: int) -> None:
    states = 0
    for graph in small_graphs()[part::4]:
        for homes in itertools.combinations(graph, 3):
            yard = Yard(graph, homes)
            if yard.is_safe(homes):
                reached = yard.reached()
                assert all(yard.all_get_home(places) for places in reached)
                states += len(reached)
    assert states > 1000


RADIUS_M = 0.01


class DrawnYard(Yard):
    """A yard whose nodes lie on a floor, asked by the fleet's own book of escapes.

    The graph's nodes lie on a circle, so that no straight edge passes another one; robots that are cancelled may also stop
    half way along an edge, which is a node of `graph` too.
    """

    def __init__(self, graph: nx.Graph, homes: Places) -> None:
        self.rests = tuple(graph)
        halves = nx.Graph(pair for one, other in graph.edges for pair in ((one, (one, other)), ((one, other), other)))
        super().__init__(halves, homes)
        angles = {node: 2.0 * np.pi * (k + 0.13 * k * k / len(graph)) / len(graph) for k, node in enumerate(graph)}
        self.at = {node: 10.0 * np.array((np.cos(angle), np.sin(angle))) for node, angle in angles.items()}
        self.at |= {edge: 0.6 * self.at[edge[0]] + 0.4 * self.at[edge[1]] for edge in graph.edges}
        self.drawn = {key: self._drawn([self.at[node] for node in way]) for key, way in self.escape.items()}

    def _drawn(self, way: list[np.ndarray]) -> Escape:
        return Escape(way[0], RADIUS_M, np.array(way))

    def book(self, places: Places) -> Escapes:
        """What the fleet knows when robots stand there."""
        escapes = Escapes()
        for robot, place in enumerate(places):
            escapes.put(str(robot), self.drawn[robot, place])
        return escapes

    def is_safe(self, places: Places) -> bool:
        return not self.book(places).cut_off()

    def grants(self, places: Places) -> set[Places]:
        return self.granted(places, self.book(places))

    def granted(self, places: Places, book: Escapes, robots: Iterable[int] = THREE) -> set[Places]:
        """What the fleet would grant to robots by its book."""
        found = set()
        for robot in robots:
            others = {places[k] for k in THREE if k != robot}
            free = self.graph.subgraph(set(self.graph) - others)
            for node in nx.node_connected_component(free, places[robot]) & set(self.rests):
                after = (*places[:robot], node, *places[robot + 1 :])
                if after != places and self._may(book, robot, node):
                    found.add(after)
        return found

    def driven(self, book: Escapes, places: Places, after: Places) -> Places:
        """One robot has been granted its way, and rests at its end."""
        for robot in THREE:
            if after[robot] != places[robot]:
                book.put(str(robot), self.drawn[robot, after[robot]])
        return after

    def _may(self, book: Escapes, robot: int, node: int) -> bool:
        escape = self.drawn[robot, node]
        cut = book.newly_cut_off(str(robot), escape)
        return not cut or (cut == {str(robot)} and book.stands_before_fixed_only(str(robot), escape))


def some_yards(nodes: int, count: int, seed: int = 1) -> list[DrawnYard]:
    """So many yards of that size, drawn by chance: every graph and every three homes are as likely."""
    graphs = [graph for graph in small_graphs() if len(graph) == nodes]
    pairs = [(graph, homes) for graph in graphs for homes in itertools.combinations(graph, 3)]
    return [DrawnYard(*pair) for pair in Random(seed).sample(pairs, min(count, len(pairs)))]


@pytest.mark.parametrize(("nodes", "count"), [(3, 999), (4, 999), (5, 999), (6, 20)])
def test_the_fleets_own_book_grants_only_what_all_get_home_from(nodes: int, count: int) -> None:
    states = 0
    for yard in some_yards(nodes, count):
        if yard.is_safe(yard.homes):
            reached = yard.reached()
            assert all(yard.all_get_home(places) for places in reached)
            states += len(reached)
    assert states > 1


def cancelled_anywhere(yard: DrawnYard, chance: Random) -> Places:
    """Robots that stopped wherever they were, half way along edges too: nobody asked whether they may rest there."""
    return tuple(chance.sample(list(yard.graph), 3))  # type: ignore[return-value]


def left_outside(yard: DrawnYard, book: Escapes, places: Places) -> frozenset[int]:
    """The robots that the book names as cut off; all others must get home past them, and past each other."""
    named = frozenset(int(name) for name in book.cut_off())
    free = [robot for robot in THREE if robot not in named and book.of(str(robot))]
    assert any(yard.get_home(places, order) for order in itertools.permutations(free))
    return named


@pytest.mark.parametrize("nodes", [3, 4, 5, 6])
def test_robots_that_were_cancelled_half_way_get_home_or_are_named_as_cut_off_and_no_grant_cuts_off_another(
    nodes: int,
) -> None:
    chance, rings = Random(nodes), 0
    for yard in some_yards(nodes, 60, seed=nodes):
        for _ in range(6):
            places = cancelled_anywhere(yard, chance)
            book = yard.book(places)
            named = left_outside(yard, book, places)
            # Nobody is named without a cause.
            assert bool(named) is not yard.all_get_home(places)
            rings += bool(named)
            for _ in range(3):
                after = sorted(yard.granted(places, book), key=str)
                if not after:
                    break
                places = yard.driven(book, places, chance.choice(after))
                before, named = named, left_outside(yard, book, places)
                assert named <= before
    assert rings


@pytest.mark.parametrize("nodes", [4, 5, 6])
def test_beside_a_robot_that_cannot_move_no_grant_cuts_off_any_but_the_one_that_it_shuts_out_of_its_dock(
    nodes: int,
) -> None:
    chance, shut_out = Random(nodes), 0
    for yard in some_yards(nodes, 60, seed=nodes):
        for _ in range(6):
            places = cancelled_anywhere(yard, chance)
            book = yard.book(places)
            dead = yard.at[places[2]]
            book.fix("2", Point(*dead).buffer(RADIUS_M))
            named = left_outside(yard, book, places)
            for _ in range(3):
                after = sorted(yard.granted(places, book, (0, 1)), key=str)
                if not after:
                    break
                now = chance.choice(after)
                moved = next(robot for robot in THREE if now[robot] != places[robot])
                places = yard.driven(book, places, now)
                before, named = named, left_outside(yard, book, places)
                assert named - before <= {moved}
                shut_out += bool(named - before)
    assert shut_out


def test_what_the_rule_refuses_would_be_a_deadlock() -> None:
    # In an aisle two robots would stand between each other and home; the third one is at home beside it.
    aisle = nx.path_graph(5)
    aisle.add_edge(2, 5)
    yard = Yard(aisle, (0, 4, 5))
    assert yard.is_safe((1, 3, 5))
    assert not yard.is_safe((3, 1, 5))
    assert not yard.all_get_home((3, 1, 5))


def escape(*way: tuple[float, float], radius_m: float = 0.4) -> Escape:
    points = np.array(way)
    return Escape(points[0], radius_m, points)


def test_robots_that_stand_on_each_others_ways_home_are_cut_off() -> None:
    escapes = Escapes()
    escapes.put("east", escape((2.0, 0.0), (10.0, 0.0)))
    assert not escapes.newly_cut_off("west", escape((1.0, 0.0), (-5.0, 0.0)))
    assert escapes.newly_cut_off("west", escape((4.0, 0.0), (-5.0, 0.0))) == {"west", "east"}
    assert escapes.in_the_way("west", escape((4.0, 0.0), (-5.0, 0.0))) == {"east"}


def test_one_that_only_waits_for_another_to_leave_is_not_cut_off() -> None:
    escapes = Escapes()
    escapes.put("first", escape((2.0, 0.0), (10.0, 0.0)))
    assert not escapes.newly_cut_off("second", escape((1.0, 0.0), (12.0, 3.0), (12.0, 5.0)))


def test_nobody_drives_home_where_others_still_have_to_pass() -> None:
    escapes = Escapes()
    escapes.put("deep", escape((0.0, 0.0), (10.0, 0.0)))
    escapes.put("near", escape((5.0, 3.0), (5.0, 0.0)))
    assert escapes.in_the_way("near", escape((5.0, 3.0), (5.0, 0.0))) == {"deep"}
    assert not escapes.cut_off()
    # At home it stands before the other for ever.
    assert escapes.newly_cut_off("near", escape((5.0, 0.0))) == {"deep", "near"}


def test_a_robot_behind_one_that_cannot_move_is_cut_off_until_that_one_is_taken_away() -> None:
    escapes = Escapes()
    escapes.put("robot", escape((0.0, 0.0), (10.0, 0.0)))
    escapes.fix("dead", box(4.0, -1.0, 5.0, 1.0))
    assert escapes.cut_off() == {"robot"}
    assert not escapes.newly_cut_off("robot", escape((1.0, 0.0), (10.0, 0.0)))
    escapes.put("dead", escape((4.0, 8.0), (4.0, 9.0)))
    assert not escapes.cut_off()


def test_a_robot_without_a_way_home_is_cut_off() -> None:
    escapes = Escapes()
    escapes.put("robot", Escape(np.zeros(2), 0.4, None))
    assert escapes.cut_off() == {"robot"}


def test_a_long_body_is_in_the_way_only_where_it_stands() -> None:
    escapes, way = Escapes(), np.array([(0.0, 0.0), (10.0, 0.0)])
    beside = np.array([(5.0, 1.5)])
    for body, found in ((None, {"long"}), (box(4.0, 1.2, 6.0, 1.8), set())):
        escapes.put("long", Escape(beside[0], 1.2, beside, 0.0, body, body))
        assert escapes.in_the_way("short", Escape(way[0], 0.5, way)) == found


def test_a_long_body_in_its_dock_is_at_home_beside_what_its_disc_alone_touches() -> None:
    escapes, dock = Escapes(), np.array([(0.0, 0.0)])
    body = box(-1.0, -0.4, 0.5, 0.4)
    escapes.put("long", Escape(dock[0], 1.2, dock, 0.0, body, body, body, 0, 1))
    escapes.put("short", Escape(np.array([0.0, 1.0]), 0.5, np.array([(0.0, 1.0)])))
    escapes.fix("dead", box(-1.0, -0.8, 0.5, -0.5))
    assert not escapes.cut_off()
    escapes.fix("dead", box(-1.0, -0.8, 0.5, -0.3))
    assert escapes.cut_off() == {"long"}
    escapes.forget("dead")
    escapes.put("short", Escape(np.array([0.0, 0.8]), 0.5, np.array([(0.0, 0.8)])))
    assert escapes.cut_off() == {"long", "short"}


def backed_out() -> Escape:
    """The escape of a long body that backs out of a gap, turns before it, and drives straight into its dock beside the gap."""
    way = np.array([(0.0, 0.0), (4.0, 0.0), (4.0, 3.0), (0.0, 3.0)])
    by_body = box(-1.0, -0.4, 4.5, 0.4).union(box(-1.0, 2.6, 4.5, 3.4))
    body = box(-1.0, -0.4, 0.5, 0.4)
    return Escape(way[0], 1.2, way, 0.0, body, box(-1.0, 2.6, 0.5, 3.4), by_body, 1, 1)


@pytest.mark.parametrize(
    ("floor", "is_on"),
    [
        (box(1.0, 0.3, 1.5, 0.8), True),  # under the body that backs
        (box(1.0, 0.5, 1.5, 2.5), False),  # beside it, and beside the body that drives into its dock
        (box(1.0, 2.5, 1.5, 2.7), True),  # under that
        (box(5.0, 1.5, 6.0, 2.0), True),  # where it turns
        (box(5.3, 1.5, 6.0, 2.0), False),
    ],
)
def test_a_long_body_needs_its_disc_only_where_it_turns(floor: BaseGeometry, is_on: bool) -> None:
    escape = backed_out()
    assert escape.is_on(floor) == is_on
    place = np.array([floor.centroid.x, floor.centroid.y])
    other = Escape(place, 5.0, place[None], 0.0, floor, floor, floor, 0, 1)
    assert escape.passes_rest_of(other) == escape.passes_refuge_of(other) == is_on


@pytest.mark.parametrize(
    ("place", "touched"), [((2.0, 1.0), True), ((2.0, 1.5), False), ((6.0, 1.5), False), ((5.5, 1.5), True)]
)
def test_a_disc_keeps_off_the_body_of_a_long_one_where_that_does_not_turn(
    place: tuple[float, float], touched: bool
) -> None:
    rest = np.array(place)
    assert backed_out().passes_rest_of(Escape(rest, 0.7, rest[None])) == touched


def test_an_escape_says_how_far_it_is_home() -> None:
    assert backed_out().length_m == pytest.approx(11.0)
    assert Escape(np.zeros(2), 1.0, None).length_m == 0.0


def test_a_long_body_without_a_way_home_is_where_it_stands() -> None:
    body = box(-1.0, -0.4, 0.5, 0.4)
    escape = Escape(np.zeros(2), 1.2, None, 0.0, body, body)
    assert escape.is_on(box(0.4, 0.0, 1.0, 1.0)) and not escape.is_on(box(0.0, 0.5, 1.0, 1.0))


def plainly_cut_off(known: dict[str, Escape], fixed: dict[str, BaseGeometry]) -> frozenset[str]:
    """Who is cut off, told anew from every pair of robots by shapely alone."""

    def near(escape: Escape, place: np.ndarray, radius_m: float) -> bool:
        line = None if escape.way is None else LineString(escape.way) if len(escape.way) > 1 else Point(escape.way[0])
        return line is not None and line.distance(Point(place)) < escape.radius_m + radius_m

    depends: dict[str, set[str]] = {name: set() for name in known}
    for (one, mine), (other, theirs) in itertools.permutations(known.items(), 2):
        if near(mine, theirs.rest, theirs.radius_m):
            depends[one].add(other)
        if theirs.way is not None and near(mine, theirs.way[-1], theirs.radius_m):
            depends[other].add(one)
    stuck = {
        name
        for name, mine in known.items()
        if mine.way is None
        or any(LineString([*mine.way, mine.way[-1]]).distance(floor) < mine.radius_m for floor in fixed.values())
    }
    return cut_off(depends, stuck)


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_who_is_cut_off_is_the_same_as_told_anew_from_every_pair(data: st.DataObject) -> None:
    places = st.tuples(st.integers(0, 4), st.integers(0, 4)).map(lambda place: np.array(place, dtype=float))
    ways = st.one_of(st.none(), st.lists(places, min_size=0, max_size=3))
    escapes, known, fixed = Escapes(), {}, {}
    for _ in range(data.draw(st.integers(1, 12))):
        name = data.draw(st.sampled_from("abcde"))
        if data.draw(st.integers(0, 4)) == 0:
            x, y = data.draw(places)
            known.pop(name, None)
            fixed[name] = box(x, y, x + 0.3, y + 0.3)
            escapes.fix(name, fixed[name])
        else:
            rest, way = data.draw(places), data.draw(ways)
            escape = Escape(rest, 0.31, None if way is None else np.array([rest, *way]))
            others = {other: floor for other, floor in fixed.items() if other != name}
            would_be = plainly_cut_off({**known, name: escape}, others)
            assert escapes.newly_cut_off(name, escape) == would_be - plainly_cut_off(known, fixed) or name in fixed
            fixed.pop(name, None)
            known[name] = escape
            escapes.put(name, escape)
        assert escapes.cut_off() == plainly_cut_off(known, fixed)
