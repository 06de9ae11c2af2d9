"""The planner's own distance transform and the nodes that it joins, against OpenCV's."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from robot_fleet.floor.clearance import transformed
from robot_fleet.planning.distances import metres_to_closed
from robot_fleet.planning.terrain import FORGIVEN_M, Terrain


@pytest.mark.parametrize("seed", range(20))
def test_every_distance_is_the_same_as_opencvs(seed):
    rng = np.random.default_rng(seed)
    nodes = np.zeros((int(rng.integers(2, 70)), int(rng.integers(2, 70))), dtype=np.uint8)
    nodes[1:-1, 1:-1] = rng.random((nodes.shape[0] - 2, nodes.shape[1] - 2)) > rng.choice([0.0, 0.01, 0.1, 0.5])
    # Roots are rounded correctly here, and to one digit less by OpenCV.
    assert np.allclose(metres_to_closed(nodes, 0.025), transformed(nodes, 0.025), rtol=3e-7, atol=0.0)


def test_a_lattice_without_open_nodes_has_no_distances():
    assert not metres_to_closed(np.zeros((5, 7), dtype=np.uint8), 1.0).any()


@pytest.mark.parametrize("seed", range(20))
def test_joined_nodes_are_the_connected_regions_that_hold_a_reached_cell(seed):
    rng = np.random.default_rng(seed)
    keep_m = 0.3
    # Roughly half of the nodes are open, in regions that wind through many rows.
    coarse = rng.random((20, 15)).astype(np.float32)
    fine_m = cv2.resize(coarse, (101, 161), interpolation=cv2.INTER_LINEAR) * np.float32(2 * keep_m)
    terrain = Terrain(np.ascontiguousarray(fine_m[1::2, 1::2]), fine_m, 0.05, keep_m)
    _, cells = cv2.connectedComponents((terrain.distance_m >= keep_m).astype(np.uint8), connectivity=4)
    reach = (cells == rng.integers(1, cells.max() + 1)) & (cells > 0)
    _, regions = cv2.connectedComponents((fine_m >= np.float32(keep_m - FORGIVEN_M)).astype(np.uint8), connectivity=4)
    expected = np.isin(regions, regions[1::2, 1::2][reach]) & (regions > 0)
    assert np.array_equal(terrain.fine_reach(reach), expected)
