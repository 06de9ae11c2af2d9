"""Marked cells as polygons: their edges are joined to rings, so that only the marked cells cost anything.

Everything here is in cells: the vertex (col, row) is the lower left corner of the cell (row, col).
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import Polygon
from shapely.geometry.base import BaseGeometry

_LEFT, _STRAIGHT, _RIGHT = 1, 0, 3
_EAST = 0


def outlines(mask: NDArray[np.bool_]) -> list[Polygon]:
    """The marked cells (rows, cols) as polygons with holes, one for each 4-connected region."""
    keys, following = _edges(mask)
    if not len(keys):
        return []
    rings, outer = _rings(keys, following)
    width = mask.shape[1] + 1
    lines = [np.column_stack((vertices % width, vertices // width)).astype(np.float64) for vertices in rings]
    found = [Polygon(line) for line, is_outer in zip(lines, outer, strict=True) if is_outer]
    holes = [line for line, is_outer in zip(lines, outer, strict=True) if not is_outer]
    if holes:
        found = _with_holes(found, holes)
    sound = shapely.is_valid(found)
    return [
        part for shape, good in zip(found, sound, strict=True) for part in _parts(shape if good else shape.buffer(0))
    ]


def _edges(mask: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The edges between marked and other cells, and which edge follows on each.

    An edge is 4 x the vertex that it leaves + its direction (0 east, 1 north, 2 west, 3 south); marked cells are on its
    left. Vertices are numbered row by row. Where two cells touch at a corner, a ring stays with its cell.
    """
    rows, cols = np.divmod(np.flatnonzero(mask), mask.shape[1])
    if not len(rows):
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    low, left = rows[0], cols.min()
    around = np.pad(mask[low : rows[-1] + 1, left : cols.max() + 1], 1)
    width = mask.shape[1] + 1
    # Of each side of a cell: where the neighbour lies, and the corner of the cell at which the edge begins.
    sides = (((-1, 0), (0, 0)), ((0, 1), (0, 1)), ((1, 0), (1, 1)), ((0, -1), (1, 0)))
    keys = []
    for heading, ((up, right), (north, east)) in enumerate(sides):
        bare = ~around[rows - low + 1 + up, cols - left + 1 + right]
        keys.append(4 * ((rows[bare] + north) * width + cols[bare] + east) + heading)
    edges = np.sort(np.concatenate(keys)).astype(np.int64)
    direction = edges % 4
    arrives = edges // 4 + np.array([1, width, -1, -width])[direction]
    following = np.zeros(len(edges), dtype=np.int64)
    for turn in (_RIGHT, _STRAIGHT, _LEFT):
        wanted = 4 * arrives + (direction + turn) % 4
        place = np.minimum(np.searchsorted(edges, wanted), max(0, len(edges) - 1))
        there = edges[place] == wanted
        following[there] = place[there]
    return edges, following


def _rings(edges: NDArray[np.int64], following: NDArray[np.int64]) -> tuple[list[NDArray[np.int64]], list[bool]]:
    """The vertices at which each ring turns, and whether it is an outer ring: one whose lowest edge goes east."""
    direction = (edges % 4).tolist()
    steps = following.tolist()
    done = bytearray(len(steps))
    rings: list[NDArray[np.int64]] = []
    outer: list[bool] = []
    for first in range(len(steps)):
        if done[first]:
            continue
        turns, edge = [], first
        while not done[edge]:
            done[edge] = 1
            after = steps[edge]
            if direction[after] != direction[edge]:
                turns.append(after)
            edge = after
        rings.append(edges[turns] // 4)
        outer.append(direction[first] == _EAST)
    return rings, outer


def _with_holes(shapes: list[Polygon], holes: list[NDArray[np.float64]]) -> list[Polygon]:
    """Each hole in the smallest shape that holds the cells about it."""
    spots = shapely.points(np.array([_beside(hole) for hole in holes]))
    tree = shapely.STRtree(shapes)
    within, around = tree.query(spots, predicate="within")
    areas = shapely.area(shapes)
    order = np.lexsort((areas[around], within))
    first = np.concatenate(([True], np.diff(within[order]) > 0))
    own: dict[int, list[NDArray[np.float64]]] = {}
    for hole, shape in zip(within[order][first].tolist(), around[order][first].tolist(), strict=True):
        own.setdefault(shape, []).append(holes[hole])
    return [Polygon(shape.exterior, own[k]) if k in own else shape for k, shape in enumerate(shapes)]


def _beside(hole: NDArray[np.float64]) -> NDArray[np.float64]:
    """The centre of a marked cell that lies beside a hole: on the left of its first edge."""
    (begin, end) = next(pairwise(hole))
    ahead = np.sign(end - begin)
    left = np.array([-ahead[1], ahead[0]])
    return np.asarray(begin + (ahead + left) / 2)


def _parts(shape: BaseGeometry) -> list[Polygon]:
    return [part for part in getattr(shape, "geoms", [shape]) if isinstance(part, Polygon) and part.area > 0]
