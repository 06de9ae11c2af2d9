"""How far it is between places of the floor, and by which way: a graph of places with straight safe ways between them.

The places are spread over the floor (the roomiest cell of each square), with the places to be visited among them; as a
model it is a networkx graph, and its distances come from scipy's Dijkstra.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import networkx as nx
import numpy as np
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import cKDTree

from robot_fleet.planning.terrain import Bools, Floats, Ints, Terrain

_SQUARES_M = (1.2, 0.6, 0.3, 0.15)
_REACH = 2.2
_NEIGHBOURS = 14
# About stops that the squares do not join, all places of the fine lattice are taken in.
_NEAR_M = 0.8


@dataclass(frozen=True, eq=False)
class Roadmap:
    """Places (n, 2) in the grid frame; the first `stops` of them are those to be visited. Edges carry metres."""

    terrain: Terrain
    places: Floats
    stops: int
    graph: nx.Graph[int]

    @classmethod
    def of(cls, terrain: Terrain, reach: Bools, stops: Floats) -> Roadmap:
        """A roadmap over the cells of `reach` that joins the stops, in finer squares as long as some are cut off."""
        roadmap = cls(terrain, stops, len(stops), nx.Graph())
        roadmap.graph.add_nodes_from(range(len(stops)))
        for square_m in _SQUARES_M:
            roadmap = roadmap._with(_spread(terrain, reach, square_m), square_m * _REACH)
            if not len(roadmap.cut_off):
                return roadmap
        fine = _nodes_near(terrain, reach, stops[roadmap.cut_off])
        return roadmap._with(fine, terrain.side_m * _REACH) if len(fine) else roadmap

    def _with(self, spread: Floats, reach_m: float) -> Roadmap:
        """The roadmap with further places, joined to all places near them."""
        places = np.concatenate((self.places, spread))
        fresh = np.arange(len(self.places), len(places))
        self.graph.add_nodes_from(fresh.tolist())
        _join(self.graph, self.terrain, places, fresh, reach_m)
        return Roadmap(self.terrain, places, self.stops, self.graph)

    @property
    def cut_off(self) -> Ints:
        """The stops that are not joined to the largest part of the roadmap."""
        parts = self.component
        return np.flatnonzero(parts[: self.stops] != np.argmax(np.bincount(parts)))

    @cached_property
    def component(self) -> Ints:
        """(n,) the number of the connected part that each place belongs to."""
        found = np.full(len(self.places), -1, dtype=np.int64)
        for number, nodes in enumerate(nx.connected_components(self.graph)):
            found[list(nodes)] = number
        return found

    def distances_m(self, sources: Ints, limit_m: float = np.inf) -> Floats:
        """(len(sources), n) metres from places to all places; inf beyond the limit."""
        matrix = nx.to_scipy_sparse_array(self.graph, nodelist=range(len(self.places)), weight="weight", format="csr")
        found: Floats = dijkstra(matrix, directed=False, indices=sources, limit=limit_m)
        return found

    def way(self, a: int, b: int) -> Floats | None:
        """The way (n, 2) from one place to another, pulled straight; None when there is none."""
        if self.terrain.open_line(self.places[a], self.places[b]):
            return self.places[[a, b]]
        try:
            nodes = nx.astar_path(self.graph, a, b, lambda u, v: float(np.hypot(*(self.places[u] - self.places[v]))))
        except nx.NetworkXNoPath:
            return None
        return pulled(self.terrain, self.places[nodes])


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
    kept = [0]
    while kept[-1] < len(points) - 1:
        here = kept[-1]
        ahead = np.arange(here + 1, len(points))
        seen = terrain.open_lines(np.broadcast_to(points[here], (len(ahead), 2)), points[ahead])
        seen[0] = True
        kept.append(int(ahead[seen][-1]))
    return points[kept]


def _corners_cut(terrain: Terrain, points: Floats) -> Floats:
    """A vertex moves in between: the way through two points on its legs replaces it where that is safe."""
    found = [points[0]]
    for before, corner, after in zip(points[:-2], points[1:-1], points[2:], strict=True):
        found.extend(_cut(terrain, (found[-1] + corner) / 2 if len(found) > 1 else before, corner, after))
    found.append(points[-1])
    return np.array(found)


def _cut(terrain: Terrain, before: Floats, corner: Floats, after: Floats) -> list[Floats]:
    low, high = 0.0, 1.0
    middle = (corner + after) / 2
    for _ in range(6):
        share = (low + high) / 2
        ends = corner + share * (np.array([before, middle]) - corner)
        low, high = (share, high) if terrain.open_line(ends[0], ends[1]) else (low, share)
    if low == 0.0:
        return [corner]
    return [corner + low * (before - corner), corner + low * (middle - corner)]


def _spread(terrain: Terrain, reach: Bools, square_m: float) -> Floats:
    """The roomiest cell of `reach` in each square."""
    size = max(1, round(square_m / terrain.side_m))
    rows, cols = np.nonzero(reach)
    square = (rows // size) * (reach.shape[1] // size + 1) + cols // size
    order = np.lexsort((-terrain.distance_m[rows, cols], square))
    first = np.ones(len(order), dtype=bool)
    first[1:] = np.diff(square[order]) != 0
    chosen = order[first]
    return np.column_stack((cols[chosen] + 0.5, rows[chosen] + 0.5)) * terrain.side_m


def _join(graph: nx.Graph[int], terrain: Terrain, places: Floats, fresh: Ints, reach_m: float) -> None:
    """Joins every place to those of the `fresh` ones that are near and can be seen from it."""
    away, other = cKDTree(places[fresh]).query(places, k=min(_NEIGHBOURS, len(fresh)), distance_upper_bound=reach_m)
    away, other = away.reshape(len(places), -1), other.reshape(len(places), -1)
    one = np.repeat(np.arange(len(places)), away.shape[1]).reshape(away.shape)
    good = np.isfinite(away)
    pairs = np.column_stack((one[good], fresh[other[good]]))
    pairs = np.unique(np.sort(pairs[pairs[:, 0] != pairs[:, 1]], axis=1), axis=0)
    pairs = pairs[terrain.open_lines(places[pairs[:, 0]], places[pairs[:, 1]])]
    metres = np.hypot(*(places[pairs[:, 0]] - places[pairs[:, 1]]).T)
    graph.add_weighted_edges_from(
        (int(a), int(b), float(max(m, 1e-6))) for (a, b), m in zip(pairs, metres, strict=True)
    )


def _nodes_near(terrain: Terrain, reach: Bools, stops: Floats) -> Floats:
    """The nodes of the fine lattice that can be reached and lie near one of the stops."""
    nodes = np.argwhere(terrain.fine_reach(reach))[:, ::-1] * (terrain.side_m / 2)
    away, _ = cKDTree(stops).query(nodes, distance_upper_bound=_NEAR_M)
    return np.asarray(nodes[np.isfinite(away)], dtype=np.float64)
