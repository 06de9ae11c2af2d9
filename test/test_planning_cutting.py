"""Labels of least cost against scipy's maximum flow."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from scipy.sparse.csgraph import breadth_first_order, maximum_flow

from robot_fleet.planning.cutting import cheapest_labels
from robot_fleet.planning.terrain import Bools, Ints

BORDER = 7


def cost(label: Bools, mask: Bools, cost_true: Ints, cost_false: Ints) -> int:
    """What labels cost, by their definition."""
    own = np.where(label, cost_true, cost_false)[mask].sum()
    beside = (mask[:, :-1] & mask[:, 1:] & (label[:, :-1] != label[:, 1:])).sum()
    above = (mask[:-1] & mask[1:] & (label[:-1] != label[1:])).sum()
    return int(own + BORDER * (beside + above))


def by_scipy(mask: Bools, cost_true: Ints, cost_false: Ints) -> tuple[int, Bools]:
    """The least cost, and what the source reaches when as much flows as can: the fewest cells that are True."""
    node = np.arange(mask.size).reshape(mask.shape)
    source, sink = mask.size, mask.size + 1
    pairs = [(node[:, :-1], node[:, 1:], mask[:, :-1] & mask[:, 1:]), (node[:-1], node[1:], mask[:-1] & mask[1:])]
    arcs = [(np.full(mask.sum(), source), node[mask], cost_false[mask])]
    arcs += [(node[mask], np.full(mask.sum(), sink), cost_true[mask])]
    for one, other, both in pairs:
        border = np.full(both.sum(), BORDER)
        arcs += [(one[both], other[both], border), (other[both], one[both], border)]
    tails, heads, caps = (np.concatenate([arc[k] for arc in arcs]) for k in range(3))
    graph = sparse.csr_matrix((caps.astype(np.int32), (tails, heads)), (sink + 1, sink + 1))
    flow = maximum_flow(graph, source, sink)
    rest = graph - flow.flow
    rest.data = np.maximum(rest.data, 0)
    rest.eliminate_zeros()
    label = np.zeros(sink + 1, dtype=bool)
    label[breadth_first_order(rest, source, return_predecessors=False)] = True
    return int(flow.flow_value), label[: mask.size].reshape(mask.shape) & mask


@pytest.mark.parametrize("seed", range(30))
def test_the_labels_cost_what_a_maximum_flow_is_and_are_true_where_its_source_reaches(seed):
    rng = np.random.default_rng(seed)
    shape = (int(rng.integers(1, 25)), int(rng.integers(1, 25)))
    mask = rng.random(shape) < rng.choice([0.5, 0.8, 1.0])
    # Few costs make many equals; large ones let flow come from far.
    most = int(rng.choice([3, 12, 60]))
    cost_true, cost_false = rng.integers(0, most, shape), rng.integers(0, most, shape)
    label = cheapest_labels(mask, cost_true, cost_false, BORDER)
    least, expected = by_scipy(mask, cost_true, cost_false)
    assert cost(label, mask, cost_true, cost_false) == least
    assert np.array_equal(label, expected)


def test_what_is_dear_in_one_corner_may_be_paid_by_drains_in_the_other():
    mask = np.ones((1, 40), dtype=bool)
    cost_true, cost_false = np.zeros((1, 40), dtype=np.int64), np.zeros((1, 40), dtype=np.int64)
    cost_true[0, 0], cost_false[0, -1] = 5, 6
    assert cheapest_labels(mask, cost_true, cost_false, BORDER).all(), "one border would cost more than 5"
    cost_true[0, 0], cost_false[0, -1] = 50, 60
    label = cheapest_labels(mask, cost_true, cost_false, BORDER)
    assert not label[0, 0] and label[0, -1], "one border costs less"


def test_a_mask_without_cells_has_no_label():
    none = np.zeros((3, 4), dtype=bool)
    assert not cheapest_labels(none, np.ones((3, 4), dtype=np.int64), np.zeros((3, 4), dtype=np.int64), 1).any()
