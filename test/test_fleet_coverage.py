"""Coverage is credited by the definition: between two reported poses, under a head that was on at both stamps."""

from __future__ import annotations

import itertools
import json
import math
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from shapely import Polygon

from robot_fleet.fleet.coverage import UNSURE_END_M, CoverageRecord, HeadTrail
from robot_fleet.fleet.events import HeadReported, PoseReported
from robot_fleet.floor.grid import OccupancyGrid
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.profile import Head

HEAD = Head(width_m=0.7)
AT_ZERO = Pose(0.0, 0.0)


def empty_grid(origin: Pose = AT_ZERO, cells: int = 100) -> OccupancyGrid:
    return OccupancyGrid(np.zeros((cells, cells), dtype=np.int8), 0.05, origin)


def record(origin: Pose = AT_ZERO) -> CoverageRecord:
    grid = empty_grid(origin)
    return CoverageRecord(grid, grid.free)


def test_a_straight_drive_cleans_length_times_width() -> None:
    cover = record()
    for step in range(40):
        cover.credit("r1", HEAD, Pose(1 + 0.05 * step, 2), Pose(1.05 + 0.05 * step, 2))
    assert cover.cleaned_m2 == pytest.approx(2.0 * 0.7)
    assert cover.by_robot_m2 == {"r1": pytest.approx(1.4)}


def test_cleaning_a_cell_again_credits_nothing() -> None:
    cover = record()
    first = cover.credit("r1", HEAD, Pose(1, 2), Pose(1.4, 2))
    assert first > 0
    assert cover.credit("r2", HEAD, Pose(1.4, 2, math.pi), Pose(1, 2, math.pi)) == 0.0
    assert cover.by_robot_m2 == {"r1": first}


def test_what_is_withdrawn_is_to_be_cleaned_again_and_older_claims_stay() -> None:
    cover, trail = record(), HeadTrail("r1", HEAD)
    trail.head_reported(HeadReported("r1", 0.0, True))
    for tenth in range(1400):
        along_m = 0.02 * tenth
        pose = Pose(0.4 + along_m % 4.0, 0.5 + 0.6 * (along_m // 4.0))
        trail.pose_reported(PoseReported("r1", 0.1 * tenth, pose), cover)
    before_m2 = cover.cleaned_m2
    withdrawn_m2 = trail.withdraw(cover)
    assert withdrawn_m2 == pytest.approx(90.0 * 0.2 * 0.6, rel=0.15)
    assert cover.cleaned_m2 == pytest.approx(before_m2 - withdrawn_m2)
    assert trail.withdraw(cover) == 0.0


def test_claims_are_recalled_from_a_track_but_not_across_its_gaps() -> None:
    cover, trail = record(), HeadTrail("r1", HEAD)
    cover.cleaned[:] = True
    track = [
        (0.0, 0.5, 4.0),
        (100.0, 0.5, 1.0),
        (101.0, 1.0, 1.0),
        (102.0, 1.5, 1.0),
        (160.0, 3.5, 3.0),
        (161.0, 4.0, 3.0),
    ]
    trail.recall(np.array(track))
    trail.withdraw(cover)
    assert (~cover.cleaned).sum() * 0.0025 == pytest.approx(1.5 * 0.7, rel=0.1)
    trail.recall(np.zeros((0, 3)))
    assert trail.withdraw(cover) == 0.0


def test_neighbouring_sweeps_leave_no_seam_and_count_nothing_twice() -> None:
    poses = [Pose(1 + 0.013 * i, 2 + 0.031 * i, 1.17) for i in range(60)]
    whole, steps = record(), record()
    whole.credit("r1", HEAD, poses[0], poses[-1])
    total = sum(steps.credit("r1", HEAD, a, b) for a, b in itertools.pairwise(poses))
    assert total == pytest.approx(steps.cleaned_m2)
    assert steps.cleaned_m2 == pytest.approx(whole.cleaned_m2, abs=0.02)


def test_a_pivot_cleans_the_two_wings_of_a_bow_tie() -> None:
    cover = record()
    cover.credit("r1", HEAD, Pose(2.5, 2.5, 0.0), Pose(2.5, 2.5, 0.5))
    assert cover.cleaned_m2 == pytest.approx(2 * 0.5 * 0.35**2 * math.sin(0.5), abs=0.01)


def test_a_head_ahead_of_the_robot_cleans_ahead() -> None:
    cover = record()
    cover.credit("r1", Head(0.6, offset_m=0.45), Pose(1, 2), Pose(1.4, 2))
    rows, cols = np.nonzero(cover.cleaned)
    assert cols.min() == 29 and cols.max() == 36
    assert rows.min() == 34 and rows.max() == 45


def test_floor_outside_the_request_and_outside_the_grid_is_never_credited() -> None:
    grid = empty_grid()
    requested = np.zeros(grid.shape, dtype=bool)
    requested[:, :20] = True
    cover = CoverageRecord(grid, requested)
    cover.credit("r1", HEAD, Pose(0.9, 0.0), Pose(1.3, 0.0))
    cover.credit("r1", HEAD, Pose(-9.0, -9.0), Pose(-9.3, -9.0))
    assert not np.any(cover.cleaned & ~requested)
    assert 0 < cover.cleaned_m2 < 0.1 * 0.7


@settings(max_examples=60, deadline=None)
@given(
    st.floats(-1, 6),
    st.floats(-1, 6),
    st.floats(-3.2, 3.2),
    st.floats(-0.3, 0.3),
    st.floats(-0.3, 0.3),
    st.floats(-1, 1),
)
def test_cells_count_by_their_centre(x: float, y: float, yaw: float, dx: float, dy: float, turn: float) -> None:
    cover = record(Pose(0.3, -0.2, 0.4))
    before, after = Pose(x, y, yaw), Pose(x + dx, y + dy, yaw + turn)
    cover.credit("r1", HEAD, before, after)
    ring = [before @ Pose(0, 0.35), before @ Pose(0, -0.35), after @ Pose(0, -0.35), after @ Pose(0, 0.35)]
    corners = [(p.x_m, p.y_m) for p in ring]
    expected = _even_odd(cover.grid, corners)
    near_edge = cover.grid.centres_inside(Polygon(corners).exterior.buffer(1e-6))
    assert not np.any((cover.cleaned != expected) & ~near_edge)


def _even_odd(grid: OccupancyGrid, corners: list[tuple[float, float]]) -> NDArray[np.bool_]:
    rows, cols = np.indices(grid.shape)
    centres = grid.centres(np.column_stack((rows.ravel(), cols.ravel())))
    inside = np.zeros(len(centres), dtype=bool)
    for (x0, y0), (x1, y1) in zip(corners, corners[1:] + corners[:1], strict=True):
        if y0 != y1:
            spans = (y0 > centres[:, 1]) != (y1 > centres[:, 1])
            inside ^= spans & (centres[:, 0] > x0 + (centres[:, 1] - y0) * (x1 - x0) / (y1 - y0))
    return inside.reshape(grid.shape)


def test_square_metres_are_those_of_the_mask_that_is_asked_about() -> None:
    cover = record()
    cover.credit("r1", HEAD, Pose(1, 2), Pose(1.5, 2))
    whole = slice(None), slice(None)
    left = np.zeros(cover.grid.shape, dtype=bool)
    left[:, :25] = True
    assert cover.cleaned_in_m2(*whole, left) == pytest.approx(0.25 * 0.7)
    assert cover.cleaned_in_m2(slice(None), slice(0, 25), left[:, :25]) == pytest.approx(0.25 * 0.7)


def test_a_packed_record_comes_back_whole() -> None:
    cover = record()
    cover.credit("r1", HEAD, Pose(1, 2), Pose(1.4, 2))
    back = CoverageRecord.from_packed(cover.grid, cover.requested, cover.packed())
    assert np.array_equal(back.cleaned, cover.cleaned)
    assert back.cleaned_m2 == cover.cleaned_m2
    assert back.by_robot_m2 == cover.by_robot_m2
    with pytest.raises(ValueError, match="grid of"):
        CoverageRecord.from_packed(empty_grid(cells=50), np.ones((50, 50), dtype=bool), cover.packed())


def test_a_record_that_does_not_say_where_its_grid_lies_is_refused() -> None:
    grid = empty_grid()
    head = json.dumps({"shape": grid.shape, "by_robot_m2": {}}).encode()
    bits = np.packbits(np.zeros(grid.shape, dtype=bool)).tobytes()
    with pytest.raises(ValueError, match="unknown place"):
        CoverageRecord.from_packed(grid, np.ones(grid.shape, dtype=bool), zlib.compress(head + b"\n" + bits))


def drive(trail: HeadTrail, cover: CoverageRecord, stamps: list[float], step_m: float = 0.05) -> float:
    return sum(
        trail.pose_reported(PoseReported("r1", at_s, Pose(1 + step_m * i, 2)), cover) for i, at_s in enumerate(stamps)
    )


def test_nothing_is_credited_before_the_head_is_first_heard() -> None:
    assert drive(HeadTrail("r1", HEAD), record(), [0.0, 0.1, 0.2]) == 0.0


def test_late_poses_are_judged_by_the_head_at_their_stamps() -> None:
    trail, cover = HeadTrail("r1", HEAD), record()
    trail.head_reported(HeadReported("r1", 0.0, True))
    trail.head_reported(HeadReported("r1", 0.25, False))
    assert drive(trail, cover, [0.1 * i for i in range(9)]) == pytest.approx(0.1 * 0.7)


def test_a_head_that_was_off_for_a_moment_between_two_poses_cleaned_nothing_between_them() -> None:
    trail, cover = HeadTrail("r1", HEAD), record()
    for at_s, on in ((0.0, True), (0.13, False), (0.17, True)):
        trail.head_reported(HeadReported("r1", at_s, on))
    assert drive(trail, cover, [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]) == pytest.approx(0.05 * 0.7)


@pytest.mark.parametrize(("stamps", "step_m"), [([0.0, 0.6, 1.2], 0.05), ([0.0, 0.1, 0.55], 0.51)])
def test_a_gap_in_the_poses_is_not_filled(stamps: list[float], step_m: float) -> None:
    trail = HeadTrail("r1", HEAD)
    trail.head_reported(HeadReported("r1", 0.0, True))
    assert drive(trail, record(), stamps, step_m) == 0.0


def test_a_pose_older_than_the_last_is_ignored() -> None:
    trail, cover = HeadTrail("r1", HEAD), record()
    trail.head_reported(HeadReported("r1", 0.0, True))
    drive(trail, cover, [0.1, 0.2])
    assert trail.pose_reported(PoseReported("r1", 0.15, Pose(1.4, 2)), cover) == 0.0


def test_the_noise_of_poses_hardly_moves_the_edges_of_what_is_credited() -> None:
    rng = np.random.default_rng(5)
    trail, cover = HeadTrail("r1", HEAD), record()
    trail.head_reported(HeadReported("r1", 0.0, True))
    for i in range(80):
        place = Pose(0.5 + 0.05 * i + 0.02 * rng.standard_normal(), 2 + 0.02 * rng.standard_normal())
        trail.pose_reported(PoseReported("r1", 0.1 * i, place), cover)
    beside = cover.cleaned.copy()
    beside[33:47] = False
    assert cover.cleaned_m2 == pytest.approx((4.0 - 0.4 * 0.5) * 0.7, rel=0.03)
    assert beside.sum() <= 8


@pytest.mark.parametrize(("sure_m", "rows"), [(0.648, 12), (0.652, 14)])
def test_the_last_half_centimetre_at_the_ends_of_the_head_earns_no_credit(sure_m: float, rows: int) -> None:
    trail, cover = HeadTrail("r1", Head(sure_m + 2 * UNSURE_END_M)), record()
    trail.head_reported(HeadReported("r1", 0.0, True))
    drive(trail, cover, [0.1 * i for i in range(9)])
    assert np.count_nonzero(cover.cleaned.any(axis=1)) == rows


def test_what_was_driven_before_a_gap_is_credited_when_the_gap_ends() -> None:
    trail, cover = HeadTrail("r1", HEAD), record()
    trail.head_reported(HeadReported("r1", 0.0, True))
    drive(trail, cover, [0.1, 0.2, 0.3])
    assert cover.cleaned_m2 < 0.1 * 0.7
    trail.pose_reported(PoseReported("r1", 5.0, Pose(4, 2)), cover)
    assert cover.cleaned_m2 == pytest.approx(0.1 * 0.7)


def late_by(late_s: NDArray[np.float64]) -> tuple[CoverageRecord, HeadTrail]:
    """What is credited when the poses of a drive of 4 m come so much late each."""
    trail, cover = HeadTrail("r1", HEAD), record()
    trail.head_reported(HeadReported("r1", 0.0, True))
    stamps = 0.2 * np.arange(len(late_s))
    for index in np.argsort(stamps + late_s, kind="stable"):
        trail.pose_reported(PoseReported("r1", float(stamps[index]), Pose(0.5 + 0.2 * float(stamps[index]), 2)), cover)
    return cover, trail


@given(st.lists(st.floats(0.0, 1.8), min_size=100, max_size=100))
def test_poses_that_overtake_each_other_earn_what_they_earn_in_order(late_s: list[float]) -> None:
    in_order, _ = late_by(np.zeros(100))
    cover, _ = late_by(np.array([*late_s[:-15], *np.zeros(15)]))
    assert not (cover.cleaned & ~in_order.cleaned).any()
    assert cover.cleaned_m2 >= 0.93 * in_order.cleaned_m2


def test_what_follows_a_gap_that_nothing_fills_is_credited_a_little_later() -> None:
    trail, cover = HeadTrail("r1", HEAD), record()
    trail.head_reported(HeadReported("r1", 0.0, True))
    drive(trail, cover, [0.2, 0.4, 2.0, 2.2])
    assert cover.cleaned_m2 == 0.0
    trail.pose_reported(PoseReported("r1", 2.4, Pose(1.2, 2)), cover)
    trail.pose_reported(PoseReported("r1", 2.8, Pose(1.2, 2)), cover)
    trail.pose_reported(PoseReported("r1", 3.2, Pose(1.2, 2)), cover)
    assert cover.cleaned_m2 == pytest.approx(3 * 0.05 * 0.7)


def test_what_waits_for_a_gap_to_be_filled_is_withdrawn_as_well() -> None:
    trail, cover = HeadTrail("r1", HEAD), record()
    trail.head_reported(HeadReported("r1", 0.0, True))
    drive(trail, cover, [0.2, 0.4, 0.6, 1.5, 1.6, 1.7])
    trail.withdraw(cover)
    trail.pose_reported(PoseReported("r1", 5.0, Pose(4, 2)), cover)
    assert cover.cleaned_m2 == 0.0


def test_poses_that_swap_places_where_each_gap_is_wide_earn_what_they_earn_in_order() -> None:
    trail, cover = HeadTrail("r1", HEAD), record()
    trail.head_reported(HeadReported("r1", 0.0, True))
    for index in (0, 2, 1, 3, 5, 4, 6, 8, 7, 9, 10, 11, 12):
        trail.pose_reported(PoseReported("r1", 0.25 * index, Pose(0.5 + 0.3 * index, 2)), cover)
    assert cover.cleaned_m2 >= 10 * 0.3 * 0.65


def test_one_stamp_again_and_again_is_kept_once() -> None:
    trail, cover = HeadTrail("r1", HEAD), record()
    drive(trail, cover, [0.2, 0.4])
    for _ in range(1000):
        trail.pose_reported(PoseReported("r1", 1.5, Pose(2, 2)), cover)
    assert len(trail._beyond_gap) == 1


def test_a_run_earns_nothing_by_what_robots_did_before_it() -> None:
    trail, cover, next_run = HeadTrail("r1", HEAD), record(), record()
    trail.head_reported(HeadReported("r1", 0.0, True))
    drive(trail, cover, [0.2 * i for i in range(20)] + [4.6, 4.8, 5.0, 5.2])
    trail.forget()
    trail.pose_reported(PoseReported("r1", 30_000.0, Pose(1, 2)), next_run)
    assert next_run.cleaned_m2 == 0.0 and trail.withdraw(next_run) == 0.0


def test_the_history_of_a_head_stays_short() -> None:
    trail, cover = HeadTrail("r1", HEAD), record()
    for second in range(10_000):
        trail.head_reported(HeadReported("r1", float(second), True))
    assert len(trail._stamps) < 10
    assert drive(trail, cover, [9_999.1, 9_999.2, 9_999.65]) > 0
