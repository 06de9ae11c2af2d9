"""Ways over a graph of places: as long as a library's, one by one and all at once."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.sparse.csgraph import dijkstra

from robot_fleet.planning.links import Links, lengths, links_of, shortest


def _strewn(seed: int, count: int) -> tuple[np.ndarray, Links, sparse.csr_matrix]:
    """Places on a square, joined at random in one direction or both; the metres are never less than straight."""
    rng = np.random.default_rng(seed)
    places = rng.uniform(0, 20, (count, 2))
    pairs = np.unique(rng.integers(0, count, (3 * count, 2)), axis=0)
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    metres = np.hypot(*(places[pairs[:, 0]] - places[pairs[:, 1]]).T) * rng.uniform(1.0, 1.5, len(pairs))
    graph = sparse.coo_matrix((metres, pairs.T), (count, count)).tocsr()
    return places, links_of(count, pairs, metres), graph


@given(st.integers(0, 10_000), st.integers(2, 60), st.sampled_from([5.0, 20.0, np.inf]))
@settings(max_examples=60, deadline=None)
def test_lengths_are_those_of_a_library(seed: int, count: int, limit: float) -> None:
    _, links, graph = _strewn(seed, count)
    stops = max(1, count // 2)
    expected = dijkstra(graph, indices=np.arange(stops), limit=limit)[:, :stops]
    assert lengths(links, stops, limit) == pytest.approx(expected, rel=1e-5, abs=1e-5)


@given(st.integers(0, 10_000), st.integers(2, 60))
@settings(max_examples=60, deadline=None)
def test_one_way_is_as_long_as_among_all(seed: int, count: int) -> None:
    places, links, graph = _strewn(seed, count)
    way = shortest(links, places, 0, count - 1)
    expected = float(lengths(links, count, np.inf)[0, count - 1])
    if not len(way):
        assert np.isinf(expected)
    else:
        assert (way[0], way[-1]) == (0, count - 1)
        assert sum(graph[a, b] for a, b in itertools.pairwise(way)) == pytest.approx(expected, rel=1e-5)
