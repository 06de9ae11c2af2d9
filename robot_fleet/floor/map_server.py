"""From the pixels of a map image to occupancy cells, by the rules of Nav2's map_server (map_io.cpp, Jazzy).

The brightness of a pixel is the mean of its red, green and blue; in trinary mode an alpha channel is averaged in as a
fourth colour, opaque being bright, so that a transparent white pixel is unknown and an opaque black one still occupied.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from robot_fleet.floor.grid import FREE, OCCUPIED, UNKNOWN

# So many pixels of a colour image are worked on at once: floats for a whole large image would not fit into memory.
BLOCK_PIXELS = 1 << 22


class MapMode(str, enum.Enum):
    """How brightness becomes occupancy: free, unknown or occupied; or shades between; or the pixel's own value."""

    TRINARY = "trinary"
    SCALE = "scale"
    RAW = "raw"


@dataclass(frozen=True)
class MapRules:
    """How one map is to be read. Darkness, 0 for white to 1 for black, is turned about by `negate`.

    Darker than `occupied_thresh` is occupied, brighter than `free_thresh` free, both by comparisons that exclude
    equality.
    """

    mode: MapMode = MapMode.TRINARY
    negate: bool = False
    occupied_thresh: float = 0.65
    free_thresh: float = 0.196


def cells_from_pixels(pixels: NDArray[np.uint8] | NDArray[np.uint16], rules: MapRules) -> NDArray[np.int8]:
    """Cells (rows, cols), row 0 at the bottom, of an image whose row 0 is at the top.

    `pixels` is (height, width) for grey, or (height, width, 2 | 3 | 4) for grey with alpha, RGB, and RGB with alpha.
    """
    most = np.iinfo(pixels.dtype).max
    if pixels.ndim == 2:
        # Each grey is looked up: there are far fewer of them than pixels.
        greys = np.arange(most + 1, dtype=np.float64) / most
        return np.ascontiguousarray(_occupancy(greys, None, rules)[pixels][::-1])
    cells = np.empty(pixels.shape[:2], dtype=np.int8)
    step = max(1, BLOCK_PIXELS // pixels.shape[1])
    for top in range(0, len(pixels), step):
        channels = pixels[top : top + step].astype(np.float64) / most
        colours, alpha = (channels, None) if channels.shape[2] == 3 else (channels[..., :-1], channels[..., -1])
        cells[top : top + step] = _occupancy(_brightness(colours), alpha, rules)
    return np.ascontiguousarray(cells[::-1])


def _brightness(colours: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(colours.sum(axis=-1) / colours.shape[-1])


def _occupancy(shade: NDArray[np.float64], alpha: NDArray[np.float64] | None, rules: MapRules) -> NDArray[np.int8]:
    """Occupancy (int8) for brightness and alpha between 0 and 1."""
    if rules.mode is MapMode.RAW:
        level = np.floor(shade * 255 + 0.5)
        return np.where(level <= OCCUPIED, level, UNKNOWN).astype(np.int8)
    if alpha is not None and rules.mode is MapMode.TRINARY:
        shade = (3 * shade + alpha) / 4
    dark = shade if rules.negate else 1.0 - shade
    between = _shades(dark, rules) if rules.mode is MapMode.SCALE else np.full(dark.shape, UNKNOWN)
    cells = np.where(rules.occupied_thresh < dark, OCCUPIED, np.where(dark < rules.free_thresh, FREE, between))
    if alpha is not None and rules.mode is MapMode.SCALE:
        cells = np.where(alpha < 1.0, UNKNOWN, cells)
    return cells.astype(np.int8)


def _shades(dark: NDArray[np.float64], rules: MapRules) -> NDArray[np.float64]:
    span = rules.occupied_thresh - rules.free_thresh
    return np.rint(np.clip((dark - rules.free_thresh) / span, 0.0, 1.0) * 100.0)
