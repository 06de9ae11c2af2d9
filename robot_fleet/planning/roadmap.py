"""How far it is between places of the floor, and by which way: a graph of places with straight safe ways between them.

The places are spread over the floor (the roomiest cell of each square), with the places to be visited among them. Where
there are one-ways, ways lead along them and not against them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import breadth_first_order, connected_components
from scipy.spatial import cKDTree

from robot_fleet.planning.compiled import compiled
from robot_fleet.planning.directions import WAY_SIN, Directions, are_any, lines_stray, strays
from robot_fleet.planning.links import Links, lengths, links_of, shortest
from robot_fleet.planning.terrain import Bools, Floats, Ints, Terrain, way_open

_SQUARES_M = (1.2, 0.6, 0.3, 0.15)
# In haste larger ones come first.
_LARGE_M = 2.4
# Finer squares than the first ones fill the whole floor only if they are about so few, else what lies about stops that are cut
# off: a single one would fill a large floor with fine squares.
_FEW = 14_000
_REACH = 2.2
_NEIGHBOURS = 14
# About stops that the squares do not join, all places of the fine lattice are taken in.
_NEAR_M = 0.8
# So near to stops that are cut off is about them (metres); in haste, and with one-ways, all finer squares are laid there.
_ABOUT_M = 3.0


@dataclass(frozen=True, eq=False)
class Roadmap:
    """Places (n, 2) in the grid frame; the first `stops` of them are those to be visited.

    `pairs` (m, 2) of places are joined by straight safe ways of so many `metres` (m,).
    """

    terrain: Terrain
    places: Floats
    stops: int
    pairs: Ints
    metres: Floats
    _known: dict[tuple[int, int], Floats | None] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, terrain: Terrain, reach: Bools, stops: Floats, haste: bool = False) -> Roadmap:
        """A roadmap over the cells of `reach` that joins the stops, in finer squares as long as some are cut off."""
        bare = cls(terrain, stops, len(stops), np.zeros((0, 2), dtype=np.int64), np.zeros(0))
        nearby = haste or bare.is_directed
        squares_m = (_LARGE_M, *_SQUARES_M) if haste else _SQUARES_M
        found = bare._spread_over(reach, squares_m, nearby, _FEW)
        if nearby or not len(found.cut_off) or _squares(terrain, reach, squares_m[-1]) <= _FEW:
            return found
        # The gap that cuts stops off may lie far from all of them.
        return bare._spread_over(reach, squares_m, nearby, math.inf)

    def _spread_over(self, reach: Bools, squares_m: Sequence[float], nearby: bool, few: float) -> Roadmap:
        """The roadmap with places in ever finer squares, and at last all of the fine lattice right beside stops that are cut off.

        Fine squares that would be more than `few`, or all of them, lie `nearby` such stops only.
        """
        roadmap, terrain, stops = self, self.terrain, self.places
        for k, square_m in enumerate(squares_m):
            here = reach
            if k > 0 and (nearby or _squares(terrain, reach, square_m) > few):
                here = reach & _about(terrain, stops[roadmap.cut_off])
            roadmap = roadmap._with(_spread(terrain, here, square_m), square_m * _REACH)
            if not len(roadmap.cut_off):
                return roadmap
            reach = here if nearby else reach
        fine = _nodes_near(terrain, reach, stops[roadmap.cut_off])
        return roadmap._with(fine, terrain.side_m * _REACH)

    def _with(self, spread: Floats, reach_m: float) -> Roadmap:
        """The roadmap with further places, joined to all places near them; the same where there are none."""
        if not len(spread):
            return self
        places = np.concatenate((self.places, spread))
        fresh = np.arange(len(self.places), len(places))
        pairs, metres = _joined(self.terrain, places, fresh, reach_m)
        pairs, metres = np.concatenate((self.pairs, pairs)), np.concatenate((self.metres, metres))
        return Roadmap(self.terrain, places, self.stops, pairs, metres)

    @property
    def is_directed(self) -> bool:
        """Whether there are one-ways, so that a way there need not be a way back."""
        return are_any(self.terrain.directions)

    @property
    def cut_off(self) -> Ints:
        """The stops that are not joined to the largest part of the roadmap."""
        parts = self.component
        return np.flatnonzero(parts[: self.stops] != np.argmax(np.bincount(parts)))

    @cached_property
    def component(self) -> Ints:
        """(n,) the number of the connected part that each place belongs to: ways lead there and back."""
        return np.asarray(connected_components(self._graph, self.is_directed, "strong")[1], dtype=np.int64)

    def around(self, place: int) -> tuple[Bools, Bools]:
        """(n,) whether a way leads from a place to each of them, and whether one leads back."""
        found = np.zeros((2, len(self.places)), dtype=bool)
        for k, graph in enumerate((self._graph, self._graph.T.tocsr())):
            found[k, breadth_first_order(graph, place, self.is_directed, return_predecessors=False)] = True
        return found[0], found[1]

    @cached_property
    def _arcs(self) -> tuple[Ints, Floats]:
        """Pairs (m, 2) of places with a way from the first to the second, and its metres (m,)."""
        pairs, metres = np.concatenate((self.pairs, self.pairs[:, ::-1])), np.concatenate((self.metres, self.metres))
        if not self.is_directed:
            return pairs, metres
        ends = self.places[pairs[:, 0]], self.places[pairs[:, 1]]
        may = ~lines_stray(self.terrain.directions, *ends, WAY_SIN)
        return pairs[may], metres[may]

    @cached_property
    def _graph(self) -> sparse.csr_matrix:
        count = len(self.places)
        pairs, metres = self._arcs if self.is_directed else (self.pairs, self.metres)
        return sparse.coo_matrix((metres, pairs.T), (count, count)).tocsr()

    @cached_property
    def _links(self) -> Links:
        return links_of(len(self.places), *self._arcs)

    def distances_m(self, limit_m: float = np.inf) -> NDArray[np.float32]:
        """(stops, stops) metres from stop to stop; inf beyond the limit, and where no way leads."""
        return lengths(self._links, self.stops, limit_m)

    def way(self, a: int, b: int) -> Floats | None:
        """The way (n, 2) from one place to another, pulled straight; None when there is none."""
        if (a, b) not in self._known:
            self._known[a, b] = self._searched(a, b)
        return self._known[a, b]

    def _searched(self, a: int, b: int) -> Floats | None:
        (ax, ay), (bx, by) = self.places[[a, b]]
        direct = self.terrain.open_line(self.places[a], self.places[b])
        if direct and not strays(self.terrain.directions, ax, ay, bx, by, WAY_SIN):
            return self.places[[a, b]]
        nodes = shortest(self._links, self.places, a, b)
        return pulled(self.terrain, self.places[nodes]) if len(nodes) else None


def pulled(terrain: Terrain, points: Floats) -> Floats:
    """The polyline pulled straight: corners cut as far as the straight way is safe, then vertices left out."""
    for _ in range(3):
        before = len(points)
        points = _shortened(terrain, _corners_cut(terrain, points))
        if len(points) >= before:
            break
    return points


def _shortened(terrain: Terrain, points: Floats) -> Floats:
    """From each vertex straight to the farthest one that can be seen from it."""
    return points[farthest_seen(points, terrain.fine_m, terrain.side_m, terrain.keep_m, terrain.directions)]


@compiled
def farthest_seen(
    points: Floats, fine_m: NDArray[np.float32], side_m: float, keep_m: float, directions: Directions
) -> Ints:
    """The vertices that are left when each leads straight to the farthest one that can be seen from it."""
    kept, count, last = np.zeros(len(points), dtype=np.int64), 1, len(points) - 1
    while kept[count - 1] < last:
        here, there = kept[count - 1], last
        while there > here + 1 and not way_open(
            fine_m, side_m, keep_m, directions, WAY_SIN,
            points[here, 0], points[here, 1], points[there, 0], points[there, 1],
        ):  # fmt: skip
            there -= 1
        kept[count] = there
        count += 1
    return kept[:count]


def _corners_cut(terrain: Terrain, points: Floats) -> Floats:
    """A vertex moves in between: the way through two points on its legs replaces it where that is safe."""
    return corners_cut(points, terrain.fine_m, terrain.side_m, terrain.keep_m, terrain.directions)


@compiled
def corners_cut(
    points: Floats, fine_m: NDArray[np.float32], side_m: float, keep_m: float, directions: Directions
) -> Floats:
    """The polyline with two vertices for each inner one whose corner can be cut off safely, as far as halfway."""
    found, count = np.empty((2 * len(points), 2)), 1
    found[0] = points[0]
    for k in range(1, len(points) - 1):
        corner = points[k]
        before = (found[count - 1] + corner) / 2 if count > 1 else points[0]
        after = (corner + points[k + 1]) / 2
        low, high = 0.0, 1.0
        for _ in range(6):
            share = (low + high) / 2
            a, b = corner + share * (before - corner), corner + share * (after - corner)
            if way_open(fine_m, side_m, keep_m, directions, WAY_SIN, a[0], a[1], b[0], b[1]):
                low = share
            else:
                high = share
        found[count] = corner
        if low > 0.0:
            found[count], found[count + 1] = corner + low * (before - corner), corner + low * (after - corner)
            count += 1
        count += 1
    found[count] = points[-1]
    return found[: count + 1]


def _squares(terrain: Terrain, reach: Bools, square_m: float) -> float:
    """About how many such squares the cells of `reach` fill."""
    return float(np.count_nonzero(reach)) * (terrain.side_m / square_m) ** 2


def _spread(terrain: Terrain, reach: Bools, square_m: float) -> Floats:
    """The roomiest cell of `reach` in each square."""
    cells = roomiest(reach, terrain.distance_m, max(1, round(square_m / terrain.side_m)))
    return np.asarray((cells[:, ::-1] + 0.5) * terrain.side_m, dtype=np.float64)


@compiled
def roomiest(reach: Bools, distance_m: NDArray[np.float32], size: int) -> Ints:
    """(n, 2) the cell (row, col) of `reach` with the largest distance in each square of so many cells, if it has any."""
    cols = reach.shape[1] // size + 1
    best = np.full((reach.shape[0] // size + 1) * cols, -1)
    for row in range(reach.shape[0]):
        for col in range(reach.shape[1]):
            if reach[row, col]:
                square = row // size * cols + col // size
                other = best[square]
                if other < 0 or distance_m[row, col] > distance_m.flat[other]:
                    best[square] = row * reach.shape[1] + col
    chosen = best[best >= 0]
    return np.column_stack((chosen // reach.shape[1], chosen % reach.shape[1]))


def _joined(terrain: Terrain, places: Floats, fresh: Ints, reach_m: float) -> tuple[Ints, Floats]:
    """Pairs (m, 2) of places and `fresh` ones near them that can be seen from them, and the metres (m,) between them."""
    away, other = cKDTree(places[fresh]).query(places, k=min(_NEIGHBOURS, len(fresh)), distance_upper_bound=reach_m)
    away, other = away.reshape(len(places), -1), other.reshape(len(places), -1)
    one = np.repeat(np.arange(len(places)), away.shape[1]).reshape(away.shape)
    good = np.isfinite(away)
    one, other = one[good], fresh[other[good]]
    apart = one != other
    flat = np.unique(np.minimum(one, other)[apart] * len(places) + np.maximum(one, other)[apart])
    pairs = np.column_stack((flat // len(places), flat % len(places)))
    pairs = pairs[terrain.open_lines(places[pairs[:, 0]], places[pairs[:, 1]])]
    return pairs, np.maximum(np.hypot(*(places[pairs[:, 0]] - places[pairs[:, 1]]).T), 1e-6)


def _about(terrain: Terrain, stops: Floats) -> Bools:
    """The cells (rows, cols) within some metres of any of the stops."""
    off = np.ones(terrain.distance_m.shape, dtype=np.uint8)
    cells = (stops[:, ::-1] / terrain.side_m).astype(np.int64)
    off[tuple(np.clip(cells, 0, np.array(off.shape) - 1).T)] = 0
    away = cv2.distanceTransform(off, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(away * terrain.side_m <= _ABOUT_M)


def _nodes_near(terrain: Terrain, reach: Bools, stops: Floats) -> Floats:
    """The nodes of the fine lattice that can be reached and lie near one of the stops."""
    nodes = np.argwhere(terrain.fine_reach(reach))[:, ::-1] * (terrain.side_m / 2)
    away, _ = cKDTree(stops).query(nodes, distance_upper_bound=_NEAR_M)
    return np.asarray(nodes[np.isfinite(away)], dtype=np.float64)
