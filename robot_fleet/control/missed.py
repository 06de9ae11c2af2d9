"""Floor that was planned and is not clean: which patches of it are worth a way, and when they are worth another pass."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from robot_fleet.control.state import FleetState
from robot_fleet.fleet.entities import CleaningRun

LEAST_PATCH_M2 = 0.2
"""Smaller patches of missed floor are not worth a way; they are listed."""

_LARGE_M2 = 1.0
# Shares of the planned floor: what patches that are worth a way may come to, and what all may come to that can be aimed at.
_SHARE, _SHARE_OF_ALL = 0.003, 0.015


def planned_floor(state: FleetState, run: CleaningRun) -> NDArray[np.bool_]:
    """Mask (rows, cols) of the requested floor that the run's first plan meant to clean."""
    mask = state.requested(run.zones)
    missed = np.zeros_like(mask)
    for area in run.unplanned:
        state.store.floor.grid.mark(missed, area.polygon)
    return mask & ~missed


def least_patch_m2(state: FleetState, run: CleaningRun) -> float:
    """The least patch that is worth a way in this run: of a small zone a few small ones are a good part."""
    return min(LEAST_PATCH_M2, _SHARE * _planned_m2(state, run))


def is_worth_a_pass(state: FleetState, run: CleaningRun) -> bool:
    """Whether much is missed: one large patch, a fair share in patches of some size, or a larger share in small ones."""
    planned_m2 = _planned_m2(state, run)
    allowed = ((_LARGE_M2, 0.0), (LEAST_PATCH_M2, _SHARE), (least_patch_m2(state, run), _SHARE_OF_ALL))
    area_m2 = state.store.floor.grid.cell_area_m2
    return any(float(patches(state, run, least).sum()) * area_m2 > share * planned_m2 for least, share in allowed)


def patches(state: FleetState, run: CleaningRun, least_m2: float) -> NDArray[np.bool_]:
    """Mask (rows, cols) of the planned floor that is not clean, in patches of at least so much."""
    assert state.coverage is not None
    left = planned_floor(state, run) & ~state.coverage.cleaned
    _, labels, stats, _ = cv2.connectedComponentsWithStats(left.astype(np.uint8), connectivity=8)
    large = stats[:, cv2.CC_STAT_AREA] * state.store.floor.grid.cell_area_m2 >= least_m2
    large[0] = False
    mask: NDArray[np.bool_] = large[labels]
    return mask


def _planned_m2(state: FleetState, run: CleaningRun) -> float:
    return float(planned_floor(state, run).sum()) * state.store.floor.grid.cell_area_m2
