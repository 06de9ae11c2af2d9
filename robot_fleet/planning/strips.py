"""Which way lanes run at each place of the floor: along one axis of the frame or across it, with the fewest lane ends.

Every boundary that a lane would run into costs an end, and so does every border between floor of the two directions
that lanes of either side would run into. The labels with the least cost are a minimum cut (Greig, Porteous, Seheult,
"Exact maximum a posteriori estimation for binary images", 1989).
"""

from __future__ import annotations

import cv2
import numpy as np
from scipy import ndimage

from robot_fleet.planning.cutting import cheapest_labels
from robot_fleet.planning.terrain import Bools, Floats, Ints

# Per block: a lane's end at a wall, with the strip that it leaves there, and one at floor of the other direction.
_END = 120
_BORDER = 100
# What it costs in all if lanes come to a wall where they had better not: more than the borders of a band along it.
_DEEP = 300
# The strip at a wall is a lap's; where the wall ends, the lap ends, unless lanes go on along it.
_LAP_END = 200


def along_rows(mask: Bools, block: int, deep: int = 0) -> Bools:
    """Mask (rows, cols): where lanes run along the rows; elsewhere in `mask` they run along the columns.

    `block` is the number of cells on a side of the squares that are labelled as one. Lanes had better not come nearer than
    `deep` cells to a wall that they would run into.
    """
    share = _shares(mask, block)
    coarse = share >= 0.5
    coarse |= (share > 0) & (cv2.dilate(coarse.astype(np.uint8), np.ones((3, 3), np.uint8)) == 0)
    label = _spread(_cut(coarse, round(deep / block)), coarse)
    grown = np.repeat(np.repeat(label, block, axis=0), block, axis=1)
    return grown[: mask.shape[0], : mask.shape[1]]


def _shares(mask: Bools, block: int) -> Floats:
    """The share of each block that is in the mask."""
    rows, cols = (-(-size // block) for size in mask.shape)
    padded = np.zeros((rows * block, cols * block), dtype=bool)
    padded[: mask.shape[0], : mask.shape[1]] = mask
    return np.asarray(padded.reshape(rows, block, cols, block).mean(axis=(1, 3)))


def _spread(label: Bools, known: Bools) -> Bools:
    """The labels of the known blocks, and for every other block that of the nearest known one."""
    if not known.any():
        return label
    nearest = ndimage.distance_transform_edt(~known, return_distances=False, return_indices=True)
    return np.asarray(label[tuple(nearest)])


def _cut(mask: Bools, deep: int) -> Bools:
    """The labels of least cost for the blocks of a mask."""
    padded = np.pad(mask, 1).astype(np.int64)
    ends_along = _END * (2 - padded[1:-1, :-2] - padded[1:-1, 2:]) + _LAP_END * _wall_ends(mask.T).T
    ends_across = _END * (2 - padded[:-2, 1:-1] - padded[2:, 1:-1]) + _LAP_END * _wall_ends(mask)
    if deep:
        ends_along += _DEEP // deep * _near_wall(mask, deep)
        ends_across += _DEEP // deep * _near_wall(mask.T, deep).T
    # All is doubled, so that blocks that are as well either way lie along the rows: across them costs one more.
    return cheapest_labels(mask, 2 * ends_along, 2 * ends_across + 1, 2 * _BORDER)


def _near_wall(mask: Bools, deep: int) -> Ints:
    """(rows, cols) 1 where a row runs into a wall before or behind a block within so many blocks."""
    found = np.zeros(mask.shape, dtype=np.int64)
    for step in range(1, deep + 1):
        found[:, :step] = 1
        found[:, -step:] = 1
        found[:, step:] |= ~mask[:, :-step]
        found[:, :-step] |= ~mask[:, step:]
    return found


def _wall_ends(mask: Bools) -> Ints:
    """(rows, cols) how many walls above or below a block end there: a neighbour in its row is free where it is not."""
    padded = np.pad(mask, 1)
    count = np.zeros(mask.shape, dtype=np.int64)
    for beyond in (slice(None, -2), slice(2, None)):
        wall = ~padded[beyond, 1:-1]
        for beside in (slice(None, -2), slice(2, None)):
            count += wall & padded[1:-1, beside] & padded[beyond, beside]
    return count
