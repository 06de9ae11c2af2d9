"""Floor that is closed to a long robot for now, as that which others hold is."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np

from robot_fleet.planning.steering.body import Body
from robot_fleet.planning.terrain import Floats

# So much further than the body is wide distances change.
_ROUND_M = 0.5


def past(body: Body, closed: Sequence[Floats]) -> Body:
    """The body where rings (n, 2), in the grid frame, are closed, too. Cheap: distances change about them alone."""
    fine_m, node_m = body.fine_m.copy(), body.side_m / 2
    # Further away no look at the outline comes near a ring: an edge is shorter than the body is wide.
    reach = math.ceil((2.0 * body.outer_m + _ROUND_M) / node_m)
    for ring in closed:
        at = ring / node_m
        (left, low), (right, high) = (np.floor(at.min(axis=0)).astype(int), np.ceil(at.max(axis=0)).astype(int))
        rows = slice(max(0, low - reach), max(0, high + reach + 1))
        cols = slice(max(0, left - reach), max(0, right + reach + 1))
        window = fine_m[rows, cols]
        if not window.size:
            continue
        inside = np.ones(window.shape, dtype=np.uint8)
        cv2.fillPoly(inside, [np.round(at - (cols.start, rows.start)).astype(np.int32)], 0)
        away = cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE) * node_m
        # The ring passes within a node of those that are filled.
        np.minimum(window, (away - body.side_m).astype(np.float32), out=window)
    fine_m.setflags(write=False)
    return body._replace(fine_m=fine_m)
