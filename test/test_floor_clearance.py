"""The clearance field against exact squares, worked out one by one."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from numpy.typing import NDArray
from shapely import Point, Polygon, box

from robot_fleet.floor import clearance
from robot_fleet.floor.clearance import ClearanceField
from robot_fleet.floor.grid import OccupancyGrid
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.store import FloorMap, Keepout

CELL_M = 0.05
grids = npst.arrays(
    np.int8, st.tuples(st.integers(1, 9), st.integers(1, 11)), elements=st.sampled_from((0, 0, 0, 100, -1, 30))
)
origins = st.builds(Pose, st.floats(-9, 9), st.floats(-9, 9), st.floats(-4, 4))


def floor(cells: NDArray[np.int8], origin: Pose, *keepouts: Polygon) -> FloorMap:
    grid = OccupancyGrid(cells.copy(), CELL_M, origin)
    return FloorMap("floor", grid, keepouts=tuple(Keepout(str(n), shape) for n, shape in enumerate(keepouts)))


def brute_force(grid: OccupancyGrid, local: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distances of grid-frame points to the nearest closed square that is an obstacle, or just outside the grid."""
    rows, cols = grid.shape
    low = np.array(
        [(c, r) for r in range(-1, rows + 1) for c in range(-1, cols + 1)
         if not (0 <= r < rows and 0 <= c < cols and grid.cells[r, c] == 0)]
    ) * CELL_M  # fmt: skip
    gap = np.maximum(np.maximum(low - local[:, None], local[:, None] - low - CELL_M), 0.0)
    return np.asarray(np.hypot(gap[..., 0], gap[..., 1]).min(axis=1))


@given(grids, origins)
def test_at_cell_centres_it_is_the_exact_distance(cells: NDArray[np.int8], origin: Pose) -> None:
    plan = floor(cells, origin)
    centres = (np.argwhere(np.ones(cells.shape))[:, ::-1] + 0.5) * CELL_M
    field = ClearanceField.of(plan)
    assert field.at_cell_centres.ravel() == pytest.approx(brute_force(plan.grid, centres), abs=1e-6)


@given(grids, origins, st.integers(0, 2**32 - 1))
def test_at_any_point_it_is_the_exact_distance(cells: NDArray[np.int8], origin: Pose, seed: int) -> None:
    plan = floor(cells, origin)
    size = np.array(cells.shape[::-1]) * CELL_M
    local = np.random.default_rng(seed).uniform(0, 1, (20, 2)) * size
    assert ClearanceField.of(plan).at(plan.grid.to_map(local)) == pytest.approx(brute_force(plan.grid, local), abs=1e-9)


@settings(max_examples=50)
@given(st.floats(0.2, 1.8), st.floats(0.2, 1.8), st.floats(0.01, 0.4), st.floats(0, 3), origins)
def test_keepouts_are_never_taken_for_farther_than_they_are(
    x: float, y: float, size: float, yaw: float, origin: Pose
) -> None:
    plain = floor(np.zeros((40, 40), dtype=np.int8), origin)
    shape = plain.grid.shape_to_map(Point(x, y).buffer(size, quad_segs=1))
    assert isinstance(shape, Polygon)
    field = ClearanceField.of(floor(plain.grid.cells, origin, shape))
    centres = plain.grid.centres(np.argwhere(plain.grid.free))
    exact = np.minimum(ClearanceField.of(plain).at(centres), shapely.distance(shape, shapely.points(centres)))
    found = field.at_cell_centres.ravel()
    assert np.all(found <= exact + 1e-6)
    assert np.all(found >= exact - 0.036)
    assert field.at(centres) == pytest.approx(exact, abs=1e-9)


def test_a_keepout_along_the_half_cells_is_exact() -> None:
    plan = floor(np.zeros((40, 40), dtype=np.int8), Pose(0, 0), box(1.0, 0.0, 1.025, 2.0))
    assert ClearanceField.of(plan).at_cell_centres[20, 10] == pytest.approx(1.0 - 0.525, abs=1e-6)


def test_closed_polygons_count_like_keepouts() -> None:
    plan = floor(np.zeros((40, 40), dtype=np.int8), Pose(0, 0))
    field = ClearanceField.of(plan, closed=(box(0.5, 0.5, 1.5, 1.5),))
    assert field.at_cell_centres[20, 20] == 0
    assert field.at([(1.0, 1.0), (1.6, 1.0)]) == pytest.approx([0.0, 0.1])


@pytest.mark.parametrize("shape", [box(5, 5, 6, 6), box(-6, -6, -5, 9), box(-1, -1, 9, 9), Polygon()])
def test_keepouts_off_the_grid_or_all_over_it_or_empty_are_no_trouble(shape: Polygon) -> None:
    field = ClearanceField.of(floor(np.zeros((20, 20), dtype=np.int8), Pose(0, 0)), closed=(shape,))
    covered = shape.contains(Point(0.5, 0.5))
    assert (field.at_cell_centres[10, 10] == 0) == covered


@given(
    npst.arrays(
        np.int8, st.tuples(st.integers(1, 30), st.integers(1, 9)), elements=st.sampled_from((0,) * 30 + (100,))
    ),
    st.sampled_from([2, 6, 10]),
    st.integers(1, 400),
)
def test_a_lattice_too_large_for_memory_is_exact_as_far_as_it_looks(
    cells: NDArray[np.int8], far: int, most: int
) -> None:
    plan = floor(cells, Pose(0, 0))
    whole = ClearanceField.of(plan).at_cell_centres
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clearance, "MOST_NODES", most)
        patch.setattr(clearance, "FAR_STEPS", far)
        banded = ClearanceField.of(plan).at_cell_centres
    shortened = np.minimum(whole, far * CELL_M / 2)
    assert np.all((np.abs(banded - shortened) < 1e-6) | (np.abs(banded - whole) < 1e-6))


def test_a_floor_without_free_cells_has_no_clearance() -> None:
    field = ClearanceField.of(floor(np.full((4, 4), 100, dtype=np.int8), Pose(0, 0)))
    assert not field.at_cell_centres.any()
    assert not field.fits(0.1).any()
    assert field.at([(0.1, 0.1)]) == pytest.approx([0.0])


def test_points_off_the_grid_have_no_clearance() -> None:
    field = ClearanceField.of(floor(np.zeros((20, 20), dtype=np.int8), Pose(0, 0)))
    assert field.at([(-0.01, 0.5), (0.5, 1.01), (99, 99)]) == pytest.approx([0.0, 0.0, 0.0])


def test_a_disc_that_touches_without_overlap_fits() -> None:
    cells = np.zeros((40, 17), dtype=np.int8)
    fits = ClearanceField.of(floor(cells, Pose(0, 0))).fits(0.425)
    assert fits[20, 8]
    assert fits.sum(axis=1).max() == 1
