"""The ways between lanes: tours that are cut into pieces stay as they are, and do not begin or end beside others' docks."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from shapely import box

from robot_fleet.floor.grid import OccupancyGrid
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.profile import REFERENCE_R
from robot_fleet.floor.store import Dock, FloorMap, Zone
from robot_fleet.planning.crew import Clearances, Crew, crews
from robot_fleet.planning.crew_plan import CrewPlan
from robot_fleet.planning.network import Network
from robot_fleet.planning.plan import LegKind, PlanRequest, Starter
from robot_fleet.planning.roadmap import Roadmap
from robot_fleet.planning.services import Services

# The docks stand 1.2 m apart at the left wall; one lane passes both, the others lie far away.
PASSING = np.array([[1.2, 1.0], [1.2, 4.2]])
FAR = [np.array([[4.0, y], [10.0, y]]) for y in (1.0, 3.0, 5.0)]
LATE = {"b": 7.0}
# What a first or last lane beside another's dock costs besides.
SHY_S = 20.0


@pytest.fixture(scope="module")
def hall() -> tuple[Crew, OccupancyGrid]:
    cells = np.full((160, 280), 100, dtype=np.int8)
    cells[1:-1, 1:-1] = 0
    grid = OccupancyGrid(cells, 0.05, Pose(0.0, 0.0, 0.0))
    docks = tuple(Dock(name, Pose(0.6, y, math.pi)) for name, y in (("a", 2.0), ("b", 3.2)))
    floor = FloorMap("hall", grid, (Zone("hall", box(0, 0, 14, 8)),), docks=docks)
    robots = tuple(Starter(dock.name, REFERENCE_R, dock.pose, True, dock) for dock in docks)
    request = PlanRequest(floor, robots, ("hall",))
    teams, _ = crews(request, floor.requested(("hall",)), Clearances(request))
    return teams[0], grid


@pytest.fixture(scope="module")
def network(hall: tuple[Crew, OccupancyGrid]) -> Network:
    return Network.of(*hall, [PASSING, *FAR], LATE)


def test_a_lane_beside_another_dock_is_dear_as_the_first_and_as_the_last_one(network: Network) -> None:
    work = network.work
    for robot in (0, 1):
        start, home = int(work.starts[robot]), int(work.homes[robot])
        late_s = LATE.get("ab"[robot], 0.0)
        for end in range(2):
            # The passing lane is nearer than all others, and yet is what comes first or last at the highest price.
            assert work.cost[start, end] - late_s >= SHY_S + _straight_s(network, start, end)
            assert work.cost[end, home] >= SHY_S + _straight_s(network, end, home)
        for end in (2, 4, 6):
            assert work.cost[start, end] - late_s < SHY_S
            assert work.cost[end, home] < SHY_S


def test_between_other_lanes_it_costs_what_it_takes(network: Network) -> None:
    assert network.work.cost[2, 0] == pytest.approx(_straight_s(network, 2, 0), abs=3.0)


def test_exact_costs_keep_what_is_added(network: Network) -> None:
    exact = network.corrected([np.array([0, 2]), np.array([4, 6])]).work
    one, other = (int(start) for start in exact.starts)
    assert exact.cost[one, 0] == pytest.approx(SHY_S + _straight_s(network, one, 0), abs=3.0)
    assert exact.cost[other, 4] == pytest.approx(LATE["b"] + _straight_s(network, other, 4), abs=3.0)


def test_tours_over_pieces_of_lanes_are_the_same_tours(network: Network) -> None:
    orders = [np.array([0, 3]), np.array([5, 6])]
    found = network.refined(orders, math.inf)
    assert found is not None
    fine, tours = found
    assert len(fine.lanes) > len(network.lanes)
    for k in (0, 1):
        assert np.allclose(_driven(fine, tours[k]), _driven(network, orders[k]))
        assert fine.work.drive_s[tours[k] // 2].sum() == pytest.approx(
            network.work.drive_s[orders[k] // 2].sum(), rel=0.02
        )


def _straight_s(network: Network, leave: int, enter: int) -> float:
    """Seconds at full speed from one end straight to another."""
    return float(np.hypot(*(network.ends.places[enter] - network.ends.places[leave]))) / REFERENCE_R.speed_mps


def _driven(network: Network, order: np.ndarray) -> np.ndarray:
    """The vertices (n, 2) of a tour, without those at which it goes straight on."""
    lanes = [network.lanes[end // 2] if end % 2 == 0 else network.lanes[end // 2][::-1] for end in order.tolist()]
    points = np.concatenate(lanes)
    points = points[np.concatenate(([True], np.hypot(*np.diff(points, axis=0).T) > 1e-9))]
    step = np.diff(points, axis=0)
    bends = np.abs(step[:-1, 0] * step[1:, 1] - step[:-1, 1] * step[1:, 0]) > 1e-9
    return np.asarray(points[np.concatenate(([True], bends, [True]))])


def test_a_robot_that_no_way_leads_home_cleans_where_it_stands_instead_of_driving_through_a_wall() -> None:
    cells = np.full((160, 280), 100, dtype=np.int8)
    cells[1:-1, 1:-1] = 0
    cells[:, 160] = 100
    grid = OccupancyGrid(cells, 0.05, Pose(0.0, 0.0, 0.0))
    docks = tuple(Dock(name, Pose(0.6, y, math.pi)) for name, y in (("a", 2.0), ("b", 3.2)))
    floor = FloorMap("halls", grid, (Zone("hall", box(0, 0, 14, 8)),), docks=docks)
    home, away = (Starter(dock.name, REFERENCE_R, dock.pose, True, dock) for dock in docks)
    request = PlanRequest(floor, (home,), ("hall",))
    crew = crews(request, floor.requested(("hall",)), Clearances(request))[0][0]
    # The reach goes through gaps that no straight way does; here it goes through a wall.
    away = replace(away, pose=Pose(11.0, 4.0), docked=False)
    everywhere = crew.terrain.distance_m > crew.terrain.keep_m
    lanes = [np.array([[3.0, y], [7.0, y]]) for y in (1.0, 5.0)] + [np.array([[10.0, 2.0], [12.0, 2.0]])]
    undocked, third = replace(away, dock=None), replace(home, name="c")
    for robots, groups, reached in (
        ((home, away), [(home,), (undocked,)], 2),
        ((away, home, third), [(undocked,), (home, third)], 2),
        ((undocked,), [(undocked,)], 1),
    ):
        network = Network.of(replace(crew, robots=robots, reach=everywhere), grid, lanes, {})
        assert network.groups == groups
        assert len(network.lanes) == reached
    both = replace(request, robots=(home, away), deadline_s=1.0)
    teamed = replace(crew, robots=(home, away), reach=everywhere, wanted=everywhere)
    services = Services(both, Clearances(both))
    paths = CrewPlan(both, teamed, lambda *_: None, services).paths()
    assert [paths[name].legs[-1].kind for name in ("a", "b")] == [LegKind.DOCK, LegKind.CLEAN]
    assert all((leg.points[:, 0] < 8.0).all() for leg in paths["a"].legs)
    assert all((leg.points[:, 0] > 8.0).all() for leg in paths["b"].legs)


def test_a_robot_for_which_a_way_between_its_lanes_is_not_found_has_no_work(
    hall: tuple[Crew, OccupancyGrid], monkeypatch: pytest.MonkeyPatch
) -> None:
    crew, grid = hall
    request = PlanRequest(FloorMap("hall", grid, (Zone("hall", box(0, 0, 14, 8)),)), crew.robots, ("hall",))
    network = Network.of(crew, grid, [PASSING, *FAR], {})
    found = Roadmap.way
    monkeypatch.setattr(Roadmap, "way", lambda roadmap, a, b: None if b == 4 else found(roadmap, a, b))
    orders = [np.array([2, 4]), np.array([6])]
    made = CrewPlan(request, crew, lambda *_: None, Services(request, Clearances(request)))._made(network, orders)
    assert set(made) == {"b"}
