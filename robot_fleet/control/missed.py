"""Floor that was planned and is not clean: which patches of it are worth a way, and when they are worth another pass."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from robot_fleet.control.state import FleetState
from robot_fleet.fleet.entities import CleaningRun, Robot
from robot_fleet.planning.plan import MissedReason

MAKEUP_PASSES = 4
"""How often robots are sent again for floor that was missed, once all lanes are driven."""

MOST_PASSES, WORTH_AGAIN_M2 = 8, 0.5
"""How often at most, when a pass cleaned so much, or robots learnt by it where they do not get on."""

MOST_EMPTY = 4
"""So many of these do not count if nobody was sent by them: a robot that cannot turn beside a pallet gets away in the end."""

LEAST_PATCH_M2 = 0.2
"""Smaller patches of missed floor are not worth a way; they are listed."""

THIN_M = 0.1
"""Strips narrower than this, along a wall say, lie within how far robots stray: another pass would as well leave them."""

# Left out in haste, a make-up pass may find the time; and what stood in the way may be gone by then.
_MAY_BE_CLEANED = (MissedReason.NOT_CLEANED, MissedReason.BLOCKED)
_LARGE_M2 = 1.0
_AWAY_M = 2.0
# Shares of the planned floor: what patches that are worth a way may come to, and what all may come to that can be aimed at.
_SHARE, _SHARE_OF_ALL = 0.003, 0.015


def planned_floor(state: FleetState, run: CleaningRun) -> NDArray[np.bool_]:
    """Mask (rows, cols) of the requested floor that the run's first plan meant to clean, or could have."""
    mask = state.requested(run.zones)
    missed = np.zeros_like(mask)
    for area in run.unplanned:
        if area.reason in _MAY_BE_CLEANED:
            continue
        state.store.floor.grid.mark(missed, area.polygon)
    return mask & ~missed


def least_patch_m2(state: FleetState, run: CleaningRun) -> float:
    """The least patch that is worth a way in this run: of a small zone a few small ones are a good part."""
    return min(LEAST_PATCH_M2, _SHARE * _planned_m2(state, run))


def worth_a_pass(state: FleetState, run: CleaningRun) -> NDArray[np.bool_]:
    """Mask (rows, cols) of the missed floor to which robots are to be sent again; nothing of it is set when they are not.

    All that is of some size, when much is missed in small or thin patches; else what is broad, when that is a fair share; else
    the large patches alone, if robots were to clean them: for their sake they must not be led to hundreds of small ones, nor to
    what the plan found not worth a way.
    """
    left = missed_floor(state, run)
    planned_m2, broad = _planned_m2(state, run), without_thin(state, left)
    for found, least_share in (
        (patches(state, left, least_patch_m2(state, run)), _SHARE_OF_ALL),
        (patches(state, broad, LEAST_PATCH_M2), _SHARE),
        (patches(state, broad & ~_left_out(state, run), _LARGE_M2), 0.0),
    ):
        if _area_m2(state, found) > least_share * planned_m2:
            return found
    return np.zeros_like(left)


def _left_out(state: FleetState, run: CleaningRun) -> NDArray[np.bool_]:
    """Mask (rows, cols) of what the run's first plan left out to be quicker."""
    mask = np.zeros(state.store.floor.grid.shape, dtype=bool)
    for area in run.unplanned:
        if area.reason is MissedReason.NOT_CLEANED:
            state.store.floor.grid.mark(mask, area.polygon)
    return mask


def may_pass_again(state: FleetState, run: CleaningRun) -> bool:
    """Whether missed floor may be driven to again: so often, and then as long as a pass helps.

    It helps when it cleans some, tells of bars, or ends with a robot elsewhere that got to no lane from where it was.
    """
    if run.makeup_passes < MAKEUP_PASSES:
        return True
    cleaned_m2, barred = run.pass_from
    more = _cleaned_m2(state) - cleaned_m2 >= WORTH_AGAIN_M2 or _times_barred(run) > barred
    more = more or any(_got_away(robot) for robot in state.members(run))
    return more and run.makeup_passes < MOST_PASSES + min(run.empty_passes, MOST_EMPTY)


def begin_pass(state: FleetState, run: CleaningRun) -> None:
    """Counts a pass, and remembers how far the run is."""
    run.makeup_passes += 1
    run.pass_from = _cleaned_m2(state), _times_barred(run)
    for robot in state.members(run):
        robot.hemmed_at = None if _got_away(robot) else robot.hemmed_at


def _got_away(robot: Robot) -> bool:
    return robot.hemmed_at is not None and robot.pose is not None and robot.pose.distance_m(robot.hemmed_at) > _AWAY_M


def _times_barred(run: CleaningRun) -> int:
    return round(sum(count for _, _, count in run.blocked))


def _cleaned_m2(state: FleetState) -> float:
    return state.coverage.cleaned_m2 if state.coverage is not None else 0.0


def missed_floor(state: FleetState, run: CleaningRun) -> NDArray[np.bool_]:
    """Mask (rows, cols) of the planned floor that is not clean."""
    assert state.coverage is not None
    return planned_floor(state, run) & ~state.coverage.cleaned


def without_thin(state: FleetState, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """A mask (rows, cols) without its strips that are narrower than THIN_M."""
    cells = max(1, round(THIN_M / state.store.floor.grid.resolution_m))
    square, last = np.ones((cells, cells), np.uint8), cells - 1
    # Of an even number of cells none is in the middle: what one step shifts the other must shift back.
    opened = cv2.dilate(cv2.erode(mask.astype(np.uint8), square, anchor=(0, 0)), square, anchor=(last, last))
    return np.asarray(opened, dtype=np.bool_)


def patches(state: FleetState, mask: NDArray[np.bool_], least_m2: float) -> NDArray[np.bool_]:
    """The patches of a mask (rows, cols) that are at least so large."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    large = stats[:, cv2.CC_STAT_AREA] * state.store.floor.grid.cell_area_m2 >= least_m2
    large[0] = False
    found: NDArray[np.bool_] = large[labels]
    return found


def _area_m2(state: FleetState, mask: NDArray[np.bool_]) -> float:
    return float(mask.sum()) * state.store.floor.grid.cell_area_m2


def _planned_m2(state: FleetState, run: CleaningRun) -> float:
    return _area_m2(state, planned_floor(state, run))
