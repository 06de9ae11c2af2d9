"""What is found for all lanes at once is what is found for each of them by itself."""

from __future__ import annotations

import math

import numpy as np
import pytest

from robot_fleet.floor.profile import REFERENCE_R, WORKING_W
from robot_fleet.planning.frame import Frame
from robot_fleet.planning.lanes import clipped
from robot_fleet.planning.polyline import Lines, length_m, simplified
from robot_fleet.planning.sweeping import mark_all_swept, mark_swept, swept_cells
from robot_fleet.planning.terrain import Floats, Terrain
from robot_fleet.planning.trimming import _SLICE_M, _swaths

SIDE_M = 0.05
SHAPE = (120, 160)


def random_lanes(rng: np.random.Generator) -> list[Floats]:
    """Polylines with sharp corners and loops over a floor of 8 x 6 m, some of them partly outside."""
    return [rng.uniform(-0.5, 8.0, (int(rng.integers(2, 9)), 2)) for _ in range(6)]


@pytest.mark.parametrize("profile", [REFERENCE_R, WORKING_W])
@pytest.mark.parametrize("seed", range(5))
def test_a_swath_holds_each_wanted_cell_once_with_the_first_slice_that_sweeps_it(seed, profile):
    rng = np.random.default_rng(seed)
    lanes, wanted = random_lanes(rng), rng.random(SHAPE) < 0.7
    swaths, lengths = _swaths(lanes, wanted, profile.head, SIDE_M)
    for k, lane in enumerate(lanes):
        assert lengths[k] == pytest.approx(length_m(lane))
        sweep = swept_cells(SHAPE, lane, profile.head, SIDE_M)
        ours = wanted.ravel()[sweep.cells]
        slices = math.ceil(length_m(lane) / _SLICE_M)
        expected = np.minimum((sweep.along_m[ours] / length_m(lane) * slices).astype(int), slices - 1)
        cells, numbers = (part[swaths.first[k] : swaths.last[k]] for part in (swaths.cells, swaths.slice_of))
        order = np.argsort(cells)
        assert np.array_equal(cells[order], sweep.cells[ours])
        assert np.array_equal(numbers[order], expected)


def test_all_lanes_together_sweep_what_each_of_them_does():
    lanes = random_lanes(np.random.default_rng(1))
    together, one_by_one = np.zeros(SHAPE, dtype=bool), np.zeros(SHAPE, dtype=bool)
    mark_all_swept(together, lanes, WORKING_W.head, SIDE_M)
    for lane in lanes:
        mark_swept(one_by_one, lane, WORKING_W.head, SIDE_M)
    assert one_by_one.any() and np.array_equal(together, one_by_one)
    mark_all_swept(together, [], WORKING_W.head, SIDE_M)


def test_lengths_stop_at_the_end_of_each_line():
    lines = Lines.of([np.array([[0.0, 0.0], [3.0, 4.0]]), np.array([[9.0, 9.0], [9.0, 8.0], [7.0, 8.0]])])
    assert lines.lengths_m() == pytest.approx([5.0, 3.0])


@pytest.mark.parametrize("seed", range(20))
def test_a_lane_is_clipped_where_it_leaves_its_aisle_or_jumps(seed):
    rng = np.random.default_rng(seed)
    low = np.cumsum(rng.choice([0.0, 0.0, 0.0, 3.0, -3.0], 60))
    high, height = low + rng.uniform(2.0, 6.0, 60), np.cumsum(rng.uniform(-1.0, 1.2, 60))
    useful = (height > low - 2.0) & (height < high + 2.0)
    joined = useful[:-1] & useful[1:] & (np.abs(np.diff(np.clip(height, low, high))) <= 1.5)
    pieces = clipped(height, low, high, 4.0)
    within = np.zeros(59, dtype=bool)
    for first, last in pieces:
        within[first : last - 1] = True
    assert np.array_equal(within, joined)


def test_a_turned_raster_has_the_terrains_room_at_its_nodes_and_none_outside():
    rng = np.random.default_rng(0)
    fine_m = rng.uniform(0.0, 1.0, (41, 61)).astype(np.float32)
    terrain = Terrain(np.ascontiguousarray(fine_m[1::2, 1::2]), fine_m, SIDE_M, 0.3)
    frame = Frame.of(terrain, 0.4)
    rows, cols = np.mgrid[: frame.room.shape[0], : frame.room.shape[1]]
    points = frame.to_grid(np.column_stack((cols.ravel(), rows.ravel())).astype(np.float64))
    inside = ((points >= 0.0) & (points <= (1.5, 1.0))).all(axis=1)
    assert frame.room.ravel()[inside] == pytest.approx(terrain.room(points[inside]), abs=1e-6)
    assert (frame.room.ravel()[~inside] == np.float32(-0.3)).all() and not inside.all()


def test_a_simplified_line_stays_within_the_tolerance_with_few_vertices():
    angle = np.linspace(0.0, math.pi, 200)
    arc = np.column_stack((np.cos(angle), np.sin(angle)))
    few = simplified(arc, 0.01)
    assert len(few) < 25 and np.array_equal(few[[0, -1]], arc[[0, -1]])
    # The sagitta of each chord.
    spans = np.diff(np.arctan2(few[:, 1], few[:, 0]))
    assert (1.0 - np.cos(spans / 2)).max() <= 0.01
