"""Floor that robots can get to and come back from where one-ways hold.

The floor that is no one-way counts as a few joined parts, the one-way floor cell by cell: a graph with arcs in the
directions in which robots may go. Two places lie on one circuit when they are in one strongly connected part of it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import breadth_first_order, connected_components

from robot_fleet.planning.directions import WAY_SIN, Bools, Directions, Ints

_STEPS = ((0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1))
Cell = tuple[int, int]


@dataclass(frozen=True, eq=False)
class Circuits:
    """For each cell (rows, cols) on which a robot can stand its `node` of a graph, -1 for others; and the arcs between."""

    node: Ints
    graph: sparse.csr_matrix
    part: Ints

    @classmethod
    def of(cls, standing: Bools, directions: Directions) -> Circuits:
        """The circuits over the cells of `standing` (rows, cols)."""
        ruled = standing & (directions.rule > 0)
        free = (standing & ~ruled).astype(np.uint8)
        joined = np.asarray(cv2.connectedComponents(free, connectivity=4, ltype=cv2.CV_32S)[1], dtype=np.int64)
        node = joined - 1
        node[ruled] = joined.max() + np.arange(int(ruled.sum()))
        arcs = np.concatenate(list(_arcs(node, ruled, directions)), axis=1)
        count = int(node.max()) + 1
        graph = sparse.coo_matrix((np.ones(arcs.shape[1], dtype=np.int8), arcs), (count, count)).tocsr()
        return cls(node, graph, np.asarray(connected_components(graph, True, "strong")[1], dtype=np.int64))

    def part_at(self, cell: Cell) -> int:
        """The number of the strongly connected part that a standing cell belongs to."""
        return int(self.part[self.node[cell]])

    def through(self, cell: Cell) -> Bools:
        """The cells (rows, cols) that can be got to from a cell, and come back from."""
        return np.asarray((self.node >= 0) & (self.part[self.node] == self.part_at(cell)))

    def leading_to(self, cell: Cell) -> Bools:
        """The cells (rows, cols) from which a robot gets to a cell."""
        leads = np.zeros(self.graph.shape[0], dtype=bool)
        leads[breadth_first_order(self.graph.T.tocsr(), self.node[cell], return_predecessors=False)] = True
        return np.asarray((self.node >= 0) & leads[self.node])


def _arcs(node: Ints, ruled: Bools, directions: Directions) -> Iterator[Ints]:
    """(2, n) nodes from and to which a robot may step, at each step with one-way floor at one of its ends."""
    at = np.argwhere(ruled)
    for down, right in _STEPS:
        to = at + np.array((down, right))
        inside = ((to >= 0) & (to < node.shape)).all(axis=1)
        here, there = at[inside], to[inside]
        # A step across corners is as good as the two steps beside it.
        corners = [node[here[:, 0] + down, here[:, 1]], node[here[:, 0], here[:, 1] + right], node[tuple(there.T)]]
        good = np.min(corners, axis=0) >= 0
        here, there = here[good], there[good]
        for begin, end, sign in ((here, there, 1), (there, here, -1)):
            allowed = _allowed(directions, sign * right, sign * down)
            may = allowed[directions.rule[tuple(begin.T)]] & allowed[directions.rule[tuple(end.T)]]
            yield np.stack((node[tuple(begin[may].T)], node[tuple(end[may].T)]))


def _allowed(directions: Directions, x: int, y: int) -> Bools:
    """(rules,) whether a step towards (x, y) obeys each rule."""
    against = directions.ahead @ (x, y) < -WAY_SIN * math.hypot(x, y)
    before = np.concatenate(([0], np.cumsum(against)))
    return np.asarray(before[directions.first[1:]] == before[directions.first[:-1]])
