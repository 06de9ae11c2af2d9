"""A floor as pixels: shapes of the map frame are painted through anti-aliased masks onto an RGB image.

The picture lies along the grid's axes (row 0 at the bottom), so a map with a turned origin is drawn as its image lies.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray
from shapely import Polygon
from shapely.geometry.base import BaseGeometry

from robot_fleet.floor.grid import UNKNOWN, OccupancyGrid
from robot_fleet.floor.store import FloorMap
from robot_fleet.pictures.colours import PAPER, Colour

Mask = NDArray[np.uint8]
"""How much of each pixel is covered: 0 nothing, 255 all of it."""

LONG_SIDE_PX = 1800
_LEAST_SIDE_PX = 240
# How many times as long the picture of a long, thin floor may be, so that its short side can be looked at.
_LONGEST = 3
_MOST_PX_PER_M = 120.0
_MARGIN_M = 0.5
_SUBPIXEL_BITS = 6
# Beyond so many pixels shapes are no longer drawn true.
_FARTHEST_PX = 20_000


@dataclass(frozen=True)
class View:
    """The window of a grid that a picture shows: rows and columns [low, high), drawn at `px_per_m`."""

    grid: OccupancyGrid
    rows: tuple[int, int]
    cols: tuple[int, int]
    px_per_m: float

    @property
    def size_px(self) -> tuple[int, int]:
        """(width, height) of the picture; at least one pixel each way."""
        scale = self.px_per_m * self.grid.resolution_m
        return (
            max(1, math.ceil((self.cols[1] - self.cols[0]) * scale)),
            max(1, math.ceil((self.rows[1] - self.rows[0]) * scale)),
        )

    def to_pixels(self, points: ArrayLike) -> NDArray[np.float64]:
        """(n, 2) map-frame metres as (n, 2) pixels, right and down from the picture's upper left corner."""
        local = self.grid.from_map(points)
        low = np.array([self.cols[0], self.rows[0]]) * self.grid.resolution_m
        pixels: NDArray[np.float64] = (local - low) * self.px_per_m
        pixels[:, 1] = self.size_px[1] - pixels[:, 1]
        return pixels


def view_of(floor: FloorMap, long_side_px: int = LONG_SIDE_PX, part: BaseGeometry | None = None) -> View:
    """A window on all of the floor that is known, named or docked at, or on a `part` of it (map frame), its long side close to
    `long_side_px`.

    That of a long and thin floor is longer, up to three times.
    """
    seen = _used_cells(floor) if part is None else _part_cells(floor.grid, part)
    rows, cols = (_span(used, limit) for used, limit in zip(seen, floor.grid.shape, strict=True))
    if part is None:
        margin = math.ceil(_MARGIN_M / floor.grid.resolution_m)
        rows, cols = _grown(rows, margin, floor.grid.shape[0]), _grown(cols, margin, floor.grid.shape[1])
    short_m, long_m = (n * floor.grid.resolution_m for n in sorted((rows[1] - rows[0], cols[1] - cols[0])))
    thin = min(_LEAST_SIDE_PX / short_m, _LONGEST * long_side_px / long_m)
    # The far ends of a large floor are points of lines in its details, too.
    most = min(_MOST_PX_PER_M, _FARTHEST_PX / (max(floor.grid.shape) * floor.grid.resolution_m))
    scale = min(max(long_side_px / long_m, thin), most)
    return View(floor.grid, rows, cols, max(scale, _LEAST_SIDE_PX / long_m))


def _used_cells(floor: FloorMap) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    known = np.nonzero(floor.grid.cells != UNKNOWN)
    points = [(dock.pose.x_m, dock.pose.y_m) for dock in floor.docks]
    cells = floor.grid.cells_at(points) if points else np.empty((0, 2), dtype=np.int64)
    return np.concatenate((known[0], cells[:, 0])), np.concatenate((known[1], cells[:, 1]))


def _part_cells(grid: OccupancyGrid, part: BaseGeometry) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The lowest and the highest row, and column, of a part."""
    low_x, low_y, high_x, high_y = grid.shape_from_map(part).bounds
    rows, cols = (np.floor(np.array(ends) / grid.resolution_m) for ends in ((low_y, high_y), (low_x, high_x)))
    return rows.astype(np.int64), cols.astype(np.int64)


def _span(used: NDArray[np.int64], limit: int) -> tuple[int, int]:
    if not used.size:
        return 0, limit
    return max(0, min(int(used.min()), limit - 1)), max(1, min(int(used.max()) + 1, limit))


def _grown(span: tuple[int, int], margin: int, limit: int) -> tuple[int, int]:
    return max(0, span[0] - margin), min(limit, span[1] + margin)


class Canvas:
    """An RGB image of a view, painted layer by layer."""

    def __init__(self, view: View) -> None:
        self.view = view
        width, height = view.size_px
        self.pixels: NDArray[np.uint8] = np.full((height, width, 3), PAPER, dtype=np.uint8)

    def paint(self, mask: Mask, colour: Colour, strength: float = 1.0) -> None:
        """Lays `colour` over what the mask covers; `strength` 0..1 is how little shines through."""
        left, top, width, height = cv2.boundingRect(mask)
        here = np.s_[top : top + height, left : left + width]
        share = mask[here][:, :, None].astype(np.float32) * (strength / 255.0)
        mixed = self.pixels[here] + share * (np.array(colour, dtype=np.float32) - self.pixels[here])
        self.pixels[here] = np.round(mixed).astype(np.uint8)

    def empty_mask(self) -> Mask:
        """A mask that covers nothing."""
        return np.zeros(self.pixels.shape[:2], dtype=np.uint8)

    def cells_mask(self, cells: NDArray[np.bool_], least_px: int = 0) -> Mask:
        """The marked grid cells (rows, cols); with `least_px` a thin line of cells is drawn at least that wide."""
        (low_row, high_row), (low_col, high_col) = self.view.rows, self.view.cols
        window = np.flipud(cells[low_row:high_row, low_col:high_col]).astype(np.uint8) * 255
        blocks = max(1, math.ceil(2 * self.view.px_per_m * self.view.grid.resolution_m))
        big = np.kron(window, np.ones((blocks, blocks), dtype=np.uint8)) if blocks > 2 else window
        mask = cv2.resize(big, self.view.size_px, interpolation=cv2.INTER_AREA)
        if least_px > self.view.px_per_m * self.view.grid.resolution_m:
            mask = cv2.dilate(mask, np.ones((least_px, least_px), dtype=np.uint8))
        return np.asarray(mask, dtype=np.uint8)

    def shape_mask(self, shape: BaseGeometry) -> Mask:
        """The inside of a map-frame polygon, or of several."""
        mask = self.empty_mask()
        for part in _polygons(shape):
            rings = [_fixed(self.view.to_pixels(ring.coords)) for ring in (part.exterior, *part.interiors)]
            filled = self.empty_mask() if mask.any() else mask
            cv2.fillPoly(filled, rings, (255,), cv2.LINE_AA, _SUBPIXEL_BITS)
            mask = np.maximum(mask, filled)
        return mask

    def filled_mask(self, corners: ArrayLike) -> Mask:
        """The inside of one ring of (n, 2) map-frame corners; unlike a polygon it may be as small as it likes."""
        mask = self.empty_mask()
        cv2.fillPoly(mask, [_fixed(self.view.to_pixels(corners))], (255,), cv2.LINE_AA, _SUBPIXEL_BITS)
        return mask

    def paint_ring(self, corners: ArrayLike, colour: Colour) -> None:
        """Fills one ring of (n, 2) map-frame corners, without a mask of the whole picture: for the many and small."""
        cv2.fillPoly(self.pixels, [_fixed(self.view.to_pixels(corners))], colour, cv2.LINE_AA, _SUBPIXEL_BITS)

    def outline_mask(self, shape: BaseGeometry, width_px: float = 2.0) -> Mask:
        """The edges of a map-frame polygon, or of several."""
        lines = [ring.coords for part in _polygons(shape) for ring in (part.exterior, *part.interiors)]
        return self.lines_mask(lines, width_px)

    def lines_mask(self, lines: Sequence[ArrayLike], width_px: float) -> Mask:
        """Map-frame lines, each (n, 2) metres, n >= 1, drawn `width_px` wide with round ends."""
        mask = self.empty_mask()
        fixed = [_fixed(self.view.to_pixels(np.asarray(line)[:, :2])) for line in lines]
        if width_px < 1.5 or not fixed:
            cv2.polylines(mask, fixed, False, (round(255 * min(1.0, width_px)),), 1, cv2.LINE_AA, _SUBPIXEL_BITS)
        else:
            cv2.polylines(mask, fixed, False, (255,), round(width_px), cv2.LINE_AA, _SUBPIXEL_BITS)
        return mask

    def hatch(self, mask: Mask, spacing_px: int = 9, width_px: int = 2) -> Mask:
        """The part of a mask that lies under diagonal stripes."""
        height, width = mask.shape
        stripes = np.add.outer(np.arange(height), np.arange(width)) % spacing_px < width_px
        return np.where(stripes, mask, 0).astype(np.uint8)


def dashes(line: NDArray[np.float64], dash_m: float, gap_m: float) -> list[NDArray[np.float64]]:
    """A line (n, 2) cut into dashes, in metres along it."""
    line = np.asarray(line, dtype=np.float64)[:, :2]
    along = np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))))
    if along[-1] == 0.0:
        return []
    return [_stretch(line, along, start, start + dash_m) for start in np.arange(0.0, along[-1], dash_m + gap_m)]


def _stretch(line: NDArray[np.float64], along: NDArray[np.float64], low: float, high: float) -> NDArray[np.float64]:
    inside = along[(along > low) & (along < high)]
    stops = np.concatenate(([low], inside, [min(high, along[-1])]))
    return np.column_stack((np.interp(stops, along, line[:, 0]), np.interp(stops, along, line[:, 1])))


def _polygons(shape: BaseGeometry) -> list[Polygon]:
    return [part for part in getattr(shape, "geoms", [shape]) if isinstance(part, Polygon) and not part.is_empty]


def _fixed(pixels: NDArray[np.float64]) -> NDArray[np.int32]:
    """Pixel coordinates as OpenCV's fixed-point numbers, in which a pixel's centre is a whole number."""
    shifted = np.clip(pixels - 0.5, -_FARTHEST_PX, _FARTHEST_PX)
    return np.round(shifted * (1 << _SUBPIXEL_BITS)).astype(np.int32)
