"""Which way lanes run at each place of the floor: along one axis of the frame or across it, with the fewest lane ends.

Every boundary that a lane would run into costs an end, and so does every border between floor of the two directions
that lanes of either side would run into. The labels with the least cost are a minimum cut (Greig, Porteous, Seheult,
"Exact maximum a posteriori estimation for binary images", 1989).
"""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import breadth_first_order, maximum_flow

from robot_fleet.planning.terrain import Bools, Ints

_END = 100
_BORDER = 70


def along_rows(mask: Bools, block: int) -> Bools:
    """Mask (rows, cols): where lanes run along the rows; elsewhere in `mask` they run along the columns.

    `block` is the number of cells on a side of the squares that are labelled as one.
    """
    coarse = _shrunk(mask, block)
    label = _cut(coarse)
    grown = np.repeat(np.repeat(label, block, axis=0), block, axis=1)
    return grown[: mask.shape[0], : mask.shape[1]]


def _shrunk(mask: Bools, block: int) -> Bools:
    rows, cols = (-(-size // block) for size in mask.shape)
    padded = np.zeros((rows * block, cols * block), dtype=bool)
    padded[: mask.shape[0], : mask.shape[1]] = mask
    return np.asarray(padded.reshape(rows, block, cols, block).any(axis=(1, 3)))


def _cut(mask: Bools) -> Bools:
    """The labels of least cost for the blocks of a mask."""
    count = int(mask.sum())
    node = np.full(mask.shape, -1, dtype=np.int64)
    node[mask] = np.arange(count)
    padded = np.pad(mask, 1)
    ends_along = _END * (2 - padded[1:-1, :-2].astype(int) - padded[1:-1, 2:])[mask]
    ends_across = _END * (2 - padded[:-2, 1:-1].astype(int) - padded[2:, 1:-1])[mask]
    ends_across = ends_across * 2 + 1
    ends_along = ends_along * 2
    pairs = [(node[:, :-1], node[:, 1:]), (node[:-1], node[1:])]
    joined = [(a[(a >= 0) & (b >= 0)], b[(a >= 0) & (b >= 0)]) for a, b in pairs]
    one = np.concatenate([a for a, _ in joined])
    other = np.concatenate([b for _, b in joined])
    source_side = _source_side(count, ends_across, ends_along, one, other)
    label = np.zeros(mask.shape, dtype=bool)
    label[mask] = source_side
    return label


def _source_side(count: int, from_source: Ints, to_sink: Ints, one: Ints, other: Ints) -> Bools:
    source, sink = count, count + 1
    nodes = np.arange(count)
    border = np.full(len(one), 2 * _BORDER)
    tails = np.concatenate((np.full(count, source), nodes, one, other))
    heads = np.concatenate((nodes, np.full(count, sink), other, one))
    caps = np.concatenate((from_source, to_sink, border, border)).astype(np.int32)
    graph = sparse.csr_matrix((caps, (tails, heads)), (count + 2, count + 2))
    rest = graph - maximum_flow(graph, source, sink).flow
    rest.data = np.maximum(rest.data, 0)
    rest.eliminate_zeros()
    reached = breadth_first_order(rest, source, return_predecessors=False)
    side = np.zeros(count + 2, dtype=bool)
    side[reached] = True
    return side[:count]
