"""Ways over cluttered floor: what is cut off is joined by fine squares, which are laid about it alone."""

from __future__ import annotations

import numpy as np
import pytest
from test_planning_planner import room

from robot_fleet.floor.profile import REFERENCE_R
from robot_fleet.planning import roadmap
from robot_fleet.planning.crew import Clearances, Crew, crews
from robot_fleet.planning.plan import PlanRequest, Starter
from robot_fleet.planning.roadmap import Roadmap
from robot_fleet.planning.terrain import Bools, Floats, Terrain

# On these floors squares of 0.6 m leave some of the stops cut off.
CLUTTERED = (0, 6)
FEW = 700


def cluttered(seed: int) -> tuple[Crew, Floats]:
    """A hall full of shelves and specks, and some hundred places that its robots get to."""
    floor = room(16.0, 12.0, seed=seed, things=60)
    robots = tuple(Starter(dock.name, REFERENCE_R, dock.pose, True, dock) for dock in floor.docks)
    request = PlanRequest(floor, robots, ("room",))
    crew = crews(request, floor.requested(("room",)), Clearances(request))[0][0]
    cells = np.argwhere(crew.reach)
    cells = cells[np.random.default_rng(seed).choice(len(cells), 200)]
    return crew, (cells[:, ::-1] + 0.5) * crew.terrain.side_m


@pytest.mark.parametrize("seed", CLUTTERED)
def test_few_stops_that_are_cut_off_fill_no_large_floor_with_fine_squares(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(roadmap, "_FEW", FEW)
    crew, stops = cluttered(seed)
    found = Roadmap.of(crew.terrain, crew.reach, stops)
    assert not len(found.cut_off)
    assert len(found.places) < 1200
    assert np.isfinite(found.distances_m()).all()


def test_ways_are_hardly_longer_than_over_fine_squares_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    crew, stops = cluttered(CLUTTERED[0])
    everywhere = Roadmap.of(crew.terrain, crew.reach, stops).distances_m()
    monkeypatch.setattr(roadmap, "_FEW", FEW)
    found = Roadmap.of(crew.terrain, crew.reach, stops).distances_m()
    apart = ~np.eye(len(stops), dtype=bool) & (everywhere > 0.0)
    assert np.median(found[apart] / everywhere[apart]) < 1.02


def test_a_gap_far_from_all_that_it_cuts_off_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def hardly_about(terrain: Terrain, stops: Floats) -> Bools:
        found = np.zeros(terrain.distance_m.shape, dtype=bool)
        found[tuple((stops[:, ::-1] / terrain.side_m).astype(np.int64).T)] = True
        return found

    crew, stops = cluttered(CLUTTERED[0])
    monkeypatch.setattr(roadmap, "_FEW", FEW)
    monkeypatch.setattr(roadmap, "_about", hardly_about)
    assert not len(Roadmap.of(crew.terrain, crew.reach, stops).cut_off)


def test_a_stop_far_from_all_that_can_be_reached_stays_cut_off() -> None:
    crew, stops = cluttered(CLUTTERED[0])
    here = crew.reach.copy()
    here[:, here.shape[1] // 3 :] = False
    inside = stops[stops[:, 0] < crew.terrain.side_m * here.shape[1] / 4]
    far = np.array([[crew.terrain.side_m * (here.shape[1] - 30), 6.0]])
    for haste in (False, True):
        assert len(inside) in Roadmap.of(crew.terrain, here, np.concatenate((inside, far)), haste).cut_off
