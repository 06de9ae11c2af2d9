"""Cells and metres: frames, polygons out of cells, cells out of polygons."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from numpy.typing import NDArray
from shapely import Point, Polygon, box

from robot_fleet.floor.grid import OccupancyGrid
from robot_fleet.floor.pose import Pose

masks = npst.arrays(np.bool_, st.tuples(st.integers(1, 12), st.integers(1, 12)))
origins = st.builds(Pose, st.floats(-9, 9), st.floats(-9, 9), st.floats(-4, 4))


ORIGIN = Pose(0, 0)


def grid(shape: tuple[int, int], origin: Pose = ORIGIN) -> OccupancyGrid:
    return OccupancyGrid(np.zeros(shape, dtype=np.int8), 0.05, origin)


@given(masks, origins)
def test_polygons_of_a_mask_have_its_area_and_give_the_mask_back(mask: NDArray[np.bool_], origin: Pose) -> None:
    cells = grid(mask.shape, origin)
    shapes = cells.polygons(mask)
    assert sum(shape.area for shape in shapes) == pytest.approx(mask.sum() * 0.0025, abs=1e-9)
    assert all(shape.is_valid for shape in shapes)
    assert np.array_equal(cells.centres_inside(shapely.MultiPolygon(shapes)), mask)


def test_each_region_joined_across_edges_is_a_polygon() -> None:
    mask = np.array([[1, 0, 1], [0, 1, 1], [0, 0, 0]], dtype=bool)
    assert sorted(round(shape.area / 0.0025) for shape in grid((3, 3)).polygons(mask)) == [1, 3]


@given(st.lists(st.tuples(st.floats(-1, 3), st.floats(-1, 3)), min_size=3, max_size=8), origins)
def test_cells_inside_a_polygon_are_those_whose_centre_is(corners: list[tuple[float, float]], origin: Pose) -> None:
    shape = Polygon(corners).buffer(0).difference(Point(1, 1).buffer(0.3))
    cells = grid((40, 50), origin)
    moved = cells.shape_to_map(shape)
    centres = cells.centres(np.argwhere(np.ones(cells.shape)))
    clear = shapely.distance(shapely.points(centres), moved.boundary) > 1e-9
    expected = shapely.contains_xy(moved, *centres.T)
    assert np.array_equal(cells.centres_inside(moved).ravel()[clear], expected[clear])


@given(st.floats(0, 2), st.floats(0, 2), origins)
def test_neighbouring_polygons_share_no_cell_and_leave_none_out(x: float, y: float, origin: Pose) -> None:
    cells = grid((40, 40))
    parts = [box(0, 0, x, y), box(x, 0, 2, y), box(0, y, x, 2), box(x, y, 2, 2)]
    assert np.array_equal(sum(cells.centres_inside(part).astype(int) for part in parts), np.ones((40, 40)))


@given(st.floats(-20, 20), st.floats(-20, 20), origins)
def test_a_point_goes_to_the_grid_and_back(x: float, y: float, origin: Pose) -> None:
    cells = grid((4, 4), origin)
    assert cells.to_map(cells.from_map([(x, y)]))[0] == pytest.approx((x, y), abs=1e-9)


@given(st.integers(0, 39), st.integers(0, 49), origins)
def test_the_centre_of_a_cell_lies_in_it(row: int, col: int, origin: Pose) -> None:
    cells = grid((40, 50), origin)
    centre = cells.centres([(row, col)])
    assert cells.cells_at(centre).tolist() == [[row, col]]
    assert cells.contains(centre).all()


def test_a_grid_refuses_what_cannot_be_one() -> None:
    with pytest.raises(ValueError, match="resolution"):
        OccupancyGrid(np.zeros((2, 2), dtype=np.int8), float("nan"), Pose(0, 0))
    with pytest.raises(ValueError, match="cell"):
        OccupancyGrid(np.zeros((0, 2), dtype=np.int8), 0.05, Pose(0, 0))


@given(st.floats(-3.0, 8.0), st.floats(-3.0, 8.0))
def test_one_point_is_as_free_as_it_is_among_others(x: float, y: float) -> None:
    cells = np.zeros((40, 60), dtype=np.int8)
    cells[10:20, 5:30] = 100
    cells[0, :] = -1
    grid = OccupancyGrid(cells, 0.05, Pose(1.0, 0.5, 0.4))
    assert grid.is_free_at(x, y) == bool(grid.is_free([(x, y)])[0])
