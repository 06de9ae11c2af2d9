"""Lanes: cleaning passes that follow the aisles, evenly spread, with a pass along each wall at the clearance."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import networkx as nx
import numpy as np

from robot_fleet.planning.aisles import Aisle, aisles, sides
from robot_fleet.planning.compiled import compiled
from robot_fleet.planning.frame import Frame
from robot_fleet.planning.orientation import wall_direction
from robot_fleet.planning.polyline import thinned
from robot_fleet.planning.strips import along_rows
from robot_fleet.planning.terrain import FORGIVEN_M, Bools, Floats, Ints, Nodes, Terrain

_BLOCK_M = 0.35
_JUMP_M = 0.55
_SPECK_M = 1.5
_SHORTEST_M = 0.3
_STEEPEST = 1.5
_RAMP = 0.6
_GAP_M = 0.005
# A side of which so much is wall gets a lane along the wall; where it is none, the lane passes the mouths of others.
_WALL = 0.12
# Beds wider than so many lanes share their rows with those beside them; a row so near to a wall's lane (in steps) is left.
_WIDE = 5.0
_APART = 0.03


@dataclass(frozen=True)
class Spread:
    """How lanes are spread: the head's width, the distance between lanes, and half of what lies under a lane."""

    width_m: float
    spacing_m: float


def straight_lanes(terrain: Terrain, reach: Bools, wanted: Bools, spread: Spread, deep_m: float = 0.0) -> list[Floats]:
    """Lanes (n, 2) in the grid frame over `wanted` cells, for a robot whose centre can be on the cells of `reach`.

    They had better not come nearer than `deep_m` to a wall that they would run into.
    """
    if not wanted.any():
        return []
    angle = wall_direction(reach)
    frame = Frame.of(terrain, angle if abs(angle) > 1e-3 else 0.0)
    place = _useful(reach, wanted, spread.width_m / 2 / terrain.side_m)
    near = frame.seen(cv2.dilate(place.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0)
    mask = near & (frame.room >= -FORGIVEN_M)
    whole = _without_specks(mask, frame, round(_SPECK_M / terrain.side_m)) & frame.seen(
        cv2.morphologyEx(near.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8)) > 0
        if frame.angle_rad == 0.0
        else np.ones_like(reach)
    )
    label = along_rows(whole, max(1, round(_BLOCK_M / terrain.side_m)), round(deep_m / terrain.side_m))
    lanes = []
    across = np.ascontiguousarray((whole & ~label).T)
    for along, room, part in ((True, frame.room, whole & label), (False, frame.room.T, across)):
        for nodes in _lanes(room, part, terrain.side_m, spread):
            lane = frame.to_grid(nodes if along else nodes[:, ::-1])
            lanes.extend(thinned(terrain, lane))
    return lanes


def _useful(reach: Bools, wanted: Bools, half: float) -> Bools:
    """Where a centre of the head is of use: on wanted floor, and along wanted floor that no centre can be on."""
    place = reach & wanted
    rows, cols = (_around(np.flatnonzero((reach & ~wanted).any(axis=axis)), math.ceil(half)) for axis in (1, 0))
    beyond = ~(wanted & ~reach)[rows, cols]
    if beyond.size:
        away = cv2.distanceTransform(beyond.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        place[rows, cols] |= reach[rows, cols] & (away <= half)
    return place


def _around(places: Ints, margin: int) -> slice:
    """From the first to the last of these places, with a margin; nothing for none."""
    return slice(max(0, int(places[0]) - margin), int(places[-1]) + margin + 1) if len(places) else slice(0, 0)


def _without_specks(mask: Bools, frame: Frame, size: int) -> Bools:
    """The mask with small closed holes filled: a lane leads around them instead of ending there."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats((~mask).astype(np.uint8), connectivity=4)
    small = (stats[:, cv2.CC_STAT_WIDTH] <= size) & (stats[:, cv2.CC_STAT_HEIGHT] <= size)
    return np.asarray(mask | small[labels])


@dataclass(frozen=True, eq=False)
class _Bed:
    """An aisle with its sides (n,) in rows as they are and as straight lines, and which of them are walls."""

    aisle: Aisle
    low: Floats
    high: Floats
    low_line: Floats
    high_line: Floats
    low_wall: bool
    high_wall: bool

    @classmethod
    def of(cls, room: Nodes, aisle: Aisle) -> _Bed:
        """The bed of an aisle."""
        low, high, low_walls, high_walls = sides(room, aisle)
        cols = aisle.cols.astype(np.float64)
        low_wall, high_wall = bool(low_walls.mean() > _WALL), bool(high_walls.mean() > _WALL)
        low_line = _line(cols, low, low_walls if low_wall else None)
        high_line = _line(cols, high, high_walls if high_wall else None)
        return cls(aisle, low, high, low_line, high_line, low_wall, high_wall)

    @property
    def area(self) -> float:
        """Nodes in the aisle."""
        return float((self.high - self.low).sum())

    @property
    def height(self) -> float:
        """Rows from side to side, as a median."""
        return float(np.median(self.high - self.low))

    def meets(self, other: _Bed) -> bool:
        """Whether the other one goes on where this one ends."""
        if self.aisle.first + len(self.low) != other.aisle.first:
            return False
        return bool(self.low[-1] <= other.high[0] and other.low[0] <= self.high[-1])


def _lanes(room: Nodes, mask: Bools, side_m: float, spread: Spread) -> list[Floats]:
    """Lanes along the rows of `mask` as nodes (col, row)."""
    spacing = spread.spacing_m / side_m
    beds = [_Bed.of(room, aisle) for aisle in aisles(mask, round(_JUMP_M / side_m))]
    lattices = _lattices(beds, spacing, side_m)
    found: list[Floats] = []
    for k, bed in enumerate(beds):
        heights = _on_lattice(bed, *lattices[k]) if k in lattices else _heights(bed, spacing, side_m)
        found.extend(_bed_lanes(room, bed, heights, side_m, spacing))
    return found


def _lattices(beds: list[_Bed], spacing: float, side_m: float) -> dict[int, tuple[float, float]]:
    """For wide beds beside each other one common row and step: lanes go on from one to the next."""
    wide = [k for k, bed in enumerate(beds) if bed.height > _WIDE * spacing]
    graph: nx.Graph[int] = nx.Graph()
    graph.add_edges_from((j, k) for j in wide for k in wide if beds[j].meets(beds[k]))
    found = {}
    for group in nx.connected_components(graph):
        largest = max(sorted(group), key=lambda k: beds[k].area)
        heights = [float(np.median(height)) for height in _heights(beds[largest], spacing, side_m)]
        found.update(dict.fromkeys(group, (heights[0], min(float(np.median(np.diff(heights))), spacing))))
    return found


def _on_lattice(bed: _Bed, row: float, step: float) -> list[Floats]:
    """Rows (n,) of each lane of a wide bed: those of the lattice, and one along each wall."""
    low, high = float(np.median(bed.low_line)), float(np.median(bed.high_line))
    first = math.ceil((float(bed.low.min()) - step / 2 - row) / step)
    last = math.floor((float(bed.high.max()) + step / 2 - row) / step)
    rows = row + step * np.arange(first, last + 1)
    apart = _APART * step
    if bed.low_wall:
        rows = rows[(rows < low - apart) | (rows > low + apart)]
    if bed.high_wall:
        rows = rows[(rows < high - apart) | (rows > high + apart)]
    heights = [np.full(len(bed.low), one) for one in rows]
    return heights + [bed.low_line] * bed.low_wall + [bed.high_line] * bed.high_wall


def _bed_lanes(room: Nodes, bed: _Bed, heights: list[Floats], side_m: float, spacing: float) -> list[Floats]:
    cols = bed.aisle.cols.astype(np.float64)
    lanes = []
    for height in heights:
        inside = np.clip(height, bed.low, bed.high)
        for first, last in clipped(height, bed.low, bed.high, spacing):
            lanes.extend(_around_specks(room, cols[first:last], inside[first:last], side_m))
    return [lane for lane in lanes if (lane[-1, 0] - lane[0, 0]) * side_m >= _SHORTEST_M]


def _line(cols: Floats, rows: Floats, counts: Bools | None = None) -> Floats:
    """A straight line (n,) through the rows, or those that count, that outliers do not bend: least absolute deviations.

    Sums, not products of vectors: those are rounded in another way on each kind of processor, and plans would differ.
    """
    counts = np.ones(len(cols), dtype=bool) if counts is None else counts
    if counts.sum() < 3:
        return np.full(len(cols), float(np.median(rows[counts])))
    x, y = cols[counts] - cols.mean(), rows[counts]
    weight = np.ones(len(x))
    for _ in range(8):
        mean_x, mean_y = (float((weight * along).sum() / weight.sum()) for along in (x, y))
        lever = weight * (x - mean_x)
        slope = float((lever * y).sum() / (lever * x).sum())
        offset = mean_y - slope * mean_x
        weight = 1.0 / np.maximum(np.abs(y - offset - slope * x), 0.1)
    if abs(slope) > 0.15:
        return np.full(len(cols), float(np.median(rows[counts])))
    return np.asarray(offset + slope * (cols - cols.mean()))


def _heights(bed: _Bed, spacing: float, side_m: float) -> list[Floats]:
    """Rows (n,) of each lane, from the lower side to the upper: evenly spread between the lines, and on beyond them."""
    low, high, low_line, high_line = bed.low, bed.high, bed.low_line, bed.high_line
    low_wall, high_wall = bed.low_wall, bed.high_wall
    between = high_line - low_line
    widest = float(np.percentile(between, 90))
    free = spacing + _GAP_M / side_m
    offset, count = _even(widest, free, low_wall, high_wall)
    step = _step(widest, count, low_wall, high_wall) if count > 1 else spacing
    if float(between.max() - between.min()) <= spacing * 0.6 and widest > 0:
        heights = [low_line + (offset + k * step) / widest * between for k in range(count)]
    else:
        heights = [low_line + offset + k * step for k in range(count)]
    while float((heights[0] - low).max()) > 0.75 * spacing and len(heights) < 1000:
        heights.insert(0, heights[0] - min(step, spacing))
    while float((high - heights[-1]).max()) > 0.75 * spacing and len(heights) < 1000:
        heights.append(heights[-1] + min(step, spacing))
    return heights


def _even(length: float, spacing: float, low_wall: bool, high_wall: bool) -> tuple[float, int]:
    """Offset of the first lane from the lower side, and the number of lanes over a length."""
    if low_wall and high_wall:
        count = 1 if length < 0.1 * spacing else math.ceil(length / spacing) + 1
        return (length / 2 if count == 1 else 0.0), count
    if low_wall or high_wall:
        count = max(1, math.ceil(length / spacing + 0.5 - 1e-6))
        if low_wall:
            return 0.0, count
        return (length if count == 1 else length / (count - 0.5) / 2), count
    count = max(1, math.ceil(length / spacing))
    return length / count / 2, count


def _step(length: float, count: int, low_wall: bool, high_wall: bool) -> float:
    return length / (count - 0.5 * (2 - low_wall - high_wall)) if not (low_wall and high_wall) else length / (count - 1)


@compiled
def clipped(height: Floats, low: Floats, high: Floats, spacing: float) -> Ints:
    """(n, 2) the stretches, from a first to before a last place, on which a lane is of use.

    There it is at most half a spacing outside the aisle, and not too steep.
    """
    found, count = np.empty((len(height), 2), dtype=np.int64), 0
    begin, before, was_useful = 0, 0.0, False
    for k in range(len(height) + 1):
        useful, inside = False, before
        if k < len(height):
            useful = low[k] - spacing * 0.5 < height[k] < high[k] + spacing * 0.5
            inside = min(max(height[k], low[k]), high[k])
        if useful != was_useful or abs(inside - before) > _STEEPEST:
            if was_useful and k - begin > 1:
                found[count] = begin, k
                count += 1
            begin = k
        before, was_useful = inside, useful
    return found[:count]


def _around_specks(room: Nodes, cols: Floats, rows: Floats, side_m: float) -> list[Floats]:
    """The lane led around what it runs into, on the nearer side and with ramps; in pieces where there is no way."""
    bad = _room_at(room, cols, rows) < -FORGIVEN_M
    if not bad.any():
        return [np.column_stack((cols, rows))]
    shift = np.zeros(len(rows))
    for first, last in _stretches(bad):
        shift += _dodge(room, cols, rows, first, last, side_m)
    moved = rows + shift
    good = _room_at(room, cols, moved) >= -FORGIVEN_M
    return [np.column_stack((cols[a:b], moved[a:b])) for a, b in _stretches(good) if b - a > 1]


def _dodge(room: Nodes, cols: Floats, rows: Floats, first: int, last: int, side_m: float) -> Floats:
    """How far (n,) a lane gives way to what lies on its columns first .. last - 1."""
    most = 0.9 / side_m
    best = np.zeros(len(rows))
    least = most
    for sign in (1.0, -1.0):
        away = np.array([_free_after(room, int(cols[k]), rows[k], sign, most) for k in range(first, last)])
        if away.max() < least:
            least = float(away.max())
            ramp = np.abs(np.arange(len(rows))[:, None] - np.arange(first, last)[None, :]) * _RAMP
            best = sign * np.maximum((away[None, :] - ramp).max(axis=1), 0.0)
    return best


def _free_after(room: Nodes, col: int, row: float, sign: float, most: float) -> float:
    steps = np.arange(0.0, most, 0.5)
    at = np.column_stack((np.full(len(steps), float(col)), row + sign * steps))
    free = _room_at(room, at[:, 0], at[:, 1]) >= 0.0
    return float(steps[int(np.argmax(free))]) if free.any() else most


def _room_at(room: Nodes, cols: Floats, rows: Floats) -> Floats:
    """The room between the nodes of a column."""
    col = cols.astype(np.int64)
    low = np.clip(np.floor(rows).astype(np.int64), 0, room.shape[0] - 2)
    share = rows - low
    below, above = room[low, col].astype(np.float64), room[low + 1, col].astype(np.float64)
    found: Floats = below * (1.0 - share) + above * share
    return found


def _stretches(mask: Bools) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate(([0], mask.astype(np.int8), [0])))).tolist()
    return list(zip(edges[::2], edges[1::2], strict=True))
