"""Where robots can be, what their heads can clean, and why the rest is missed."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from shapely import Polygon, box

from robot_fleet.floor.footprint import Footprint
from robot_fleet.floor.grid import OccupancyGrid
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.profile import REFERENCE_R, SCRUBBER_S, Head, RobotProfile
from robot_fleet.floor.reach import MissedFloor, WhyMissed, coverable, reachable, why_missed
from robot_fleet.floor.store import FloorMap, Keepout, Zone
from robot_fleet.planning.plan import MissedReason

CELL_M = 0.05
START = Pose(1.0, 1.0)
EVERYWHERE = ("all",)


def room(
    *shelves: Polygon, keepouts: tuple[Polygon, ...] = (), width_m: float = 6.0, height_m: float = 4.0
) -> FloorMap:
    """A room without walls of its own (the grid ends), with shelves, and one zone all over it."""
    shape = (round(height_m / CELL_M), round(width_m / CELL_M))
    grid = OccupancyGrid(np.zeros(shape, dtype=np.int8), CELL_M, Pose(0, 0))
    cells = np.zeros(shape, dtype=np.int8)
    for shelf in shelves:
        cells[grid.centres_inside(shelf)] = 100
    zone = Zone("all", box(0, 0, width_m, height_m))
    outs = tuple(Keepout(str(number), shape) for number, shape in enumerate(keepouts))
    return FloorMap("room", OccupancyGrid(cells, CELL_M, Pose(0, 0)), (zone,), outs)


def at(floor: FloorMap, mask: NDArray[np.bool_], x: float, y: float) -> bool:
    row, col = floor.grid.cells_at([(x, y)])[0]
    return bool(mask[row, col])


def wall(x: float, gap_m: float = 0.0) -> list[Polygon]:
    """A wall across the room at x, 0.2 m thick, with a gap in the middle."""
    return [box(x, 0, x + 0.2, 2 - gap_m / 2), box(x, 2 + gap_m / 2, x + 0.2, 4)]


def reasons(missed: list[MissedFloor], floor: FloorMap) -> dict[WhyMissed, float]:
    found: dict[WhyMissed, float] = {}
    for part in missed:
        found[part.reason] = found.get(part.reason, 0.0) + float(part.mask.sum() * floor.grid.cell_area_m2)
    return found


def test_a_robot_keeps_its_radius_and_clearance_from_the_walls() -> None:
    floor = room()
    reach = reachable(floor, REFERENCE_R, START)
    # 0.40 m from each border: the centres of cells 8 to 111 and 8 to 71 (0.425 m is the first that is as far).
    assert reach.sum() == (120 - 16) * (80 - 16)
    assert at(floor, reach, 0.425, 2.0)
    assert not at(floor, reach, 0.375, 2.0)


def test_a_closed_wall_ends_the_reach() -> None:
    floor = room(*wall(3.0))
    reach = reachable(floor, REFERENCE_R, START)
    assert at(floor, reach, 2.5, 2.0)
    assert not at(floor, reach, 4.0, 2.0)


@pytest.mark.parametrize(("gap_m", "passes"), [(0.7, False), (0.75, False), (0.9, True), (1.2, True)])
def test_a_door_is_passed_only_with_clearance_on_both_sides(gap_m: float, passes: bool) -> None:
    floor = room(*wall(3.0, gap_m))
    assert at(floor, reachable(floor, REFERENCE_R, START), 4.5, 2.0) == passes


def test_corners_are_not_cut_between_diagonal_cells() -> None:
    # A staircase of free poses that touch at their corners only: made of a tiny robot's own cells.
    cells = np.full((20, 20), 100, dtype=np.int8)
    cells[2:9, 2:9] = 0
    cells[9:16, 9:16] = 0
    floor = FloorMap("steps", OccupancyGrid(cells, CELL_M, Pose(0, 0)))
    tiny = RobotProfile("tiny", Footprint(0.01), Head(0.02), 0.5, 0.5, clearance_m=0.0)
    reach = reachable(floor, tiny, Pose(0.25, 0.25))
    assert reach.sum() == 49


def test_keepouts_and_closed_polygons_are_walls() -> None:
    floor = room(keepouts=(box(3.0, -1, 3.1, 5),))
    assert not at(floor, reachable(floor, REFERENCE_R, START), 4.5, 2.0)
    assert not at(room(), reachable(room(), REFERENCE_R, START, closed=(box(3.0, -1, 3.1, 5),)), 4.5, 2.0)


def test_a_docked_robot_near_a_wall_starts_from_the_nearest_free_pose() -> None:
    floor = room()
    assert reachable(floor, REFERENCE_R, Pose(0.2, 2.0)).any()
    assert not reachable(room(width_m=0.7), REFERENCE_R, Pose(0.2, 2.0)).any()


@pytest.mark.parametrize(("gap_m", "reaches"), [(0.7, False), (0.8, True)])
def test_a_start_leads_through_no_gap_in_which_the_robot_would_come_nearer_to_something(
    gap_m: float, reaches: bool
) -> None:
    """Between a wall behind it and one before it the robot is 36 cm from both; beyond the gap it would be free."""
    gap = [box(1.2, 0, 1.25, 2 - gap_m / 2), box(1.2, 2 + gap_m / 2, 1.25, 4)]
    reach = reachable(room(box(0, 0, 0.7, 4), *gap), REFERENCE_R, Pose(1.06, 2.0))
    assert reach.any() == reaches


def test_a_start_never_jumps_through_a_thin_wall() -> None:
    floor = room(box(0.30, 0, 0.35, 4), width_m=6.0)
    assert not reachable(floor, REFERENCE_R, Pose(0.29, 2.0)).any()


@pytest.mark.parametrize("start", [Pose(-3, -3), Pose(99, 1), Pose(float("nan"), 1), Pose(3.05, 1.0)])
def test_a_start_off_the_floor_or_in_a_wall_reaches_nothing(start: Pose) -> None:
    floor = room(*wall(3.0), box(2.4, 0, 3.8, 4))
    assert not reachable(floor, REFERENCE_R, start).any()


def test_a_head_as_wide_as_the_robot_leaves_the_clearance_and_the_corners() -> None:
    floor = room()
    covered = coverable(floor, EVERYWHERE, [(REFERENCE_R, START)])
    assert at(floor, covered, 0.10, 2.0)
    assert not at(floor, covered, 0.04, 2.0)
    assert not at(floor, covered, 0.10, 0.10)
    assert at(floor, covered, 3.0, 2.0)


def test_a_head_ahead_of_the_turning_centre_reaches_farther_than_the_robot_stands() -> None:
    floor = room(width_m=8.0, height_m=8.0)
    covered = coverable(floor, EVERYWHERE, [(SCRUBBER_S, Pose(4, 4))])
    reach = reachable(floor, SCRUBBER_S, Pose(4, 4))
    assert at(floor, covered, 0.65, 4.0)
    assert not at(floor, reach, 1.05, 4.0)
    assert at(floor, covered, 4.0, 4.0)


def test_coverable_is_of_the_asked_zones_and_free_cells_only() -> None:
    floor = room(box(2, 1, 2.5, 3))
    half = FloorMap("room", floor.grid, (Zone("left", box(0, 0, 3, 4)), Zone("right", box(3, 0, 6, 4))))
    left = coverable(half, ("left",), [(REFERENCE_R, START)])
    both = coverable(half, ("left", "right"), [(REFERENCE_R, START)])
    assert not at(half, left, 4.0, 2.0)
    assert at(half, both, 4.0, 2.0)
    assert not (both & ~floor.grid.free).any()


def test_any_robot_may_cover() -> None:
    floor = room(*wall(3.0))
    left, right = (REFERENCE_R, START), (REFERENCE_R, Pose(5, 2))
    apart = coverable(floor, EVERYWHERE, [left]) | coverable(floor, EVERYWHERE, [right])
    assert np.array_equal(coverable(floor, EVERYWHERE, [left, right]), apart)


def test_cleaned_and_missed_make_up_what_was_asked_for() -> None:
    keepouts = (box(4.2, 0.5, 5, 1.2),)
    floor = room(*wall(3.0, 1.0), box(1.5, 3.0, 1.9, 4.0), keepouts=keepouts)
    robots = [(REFERENCE_R, START)]
    covered = coverable(floor, EVERYWHERE, robots)
    missed = why_missed(floor, EVERYWHERE, robots, covered)
    total = covered.astype(int) + sum(part.mask.astype(int) for part in missed)
    assert np.array_equal(total == 1, floor.requested(EVERYWHERE))
    assert total.max() == 1
    assert set(reasons(missed, floor)) == {WhyMissed.KEEPOUT, WhyMissed.TOO_NARROW}


def test_a_closed_room_is_unreachable_and_a_slit_too_narrow() -> None:
    floor = room(*wall(3.0), box(0.5, 3.9, 2.0, 3.95))
    robots = [(REFERENCE_R, START)]
    missed = reasons(why_missed(floor, EVERYWHERE, robots, coverable(floor, EVERYWHERE, robots)), floor)
    assert missed[WhyMissed.UNREACHABLE] == pytest.approx(2.8 * 4.0, abs=0.01)
    assert 0 < missed[WhyMissed.TOO_NARROW] < 1.2


def test_what_nobody_cleaned_although_it_could_be_is_called_so() -> None:
    floor = room()
    robots = [(REFERENCE_R, START)]
    missed = reasons(why_missed(floor, EVERYWHERE, robots, np.zeros(floor.grid.shape, dtype=bool)), floor)
    covered = coverable(floor, EVERYWHERE, robots)
    assert missed[WhyMissed.NOT_CLEANED] == pytest.approx(covered.sum() * floor.grid.cell_area_m2)


def test_floor_behind_and_under_a_closed_polygon_is_blocked() -> None:
    floor, closed = room(), (box(3.0, 0, 3.5, 4),)
    robots = [(REFERENCE_R, START)]
    covered = coverable(floor, EVERYWHERE, robots, closed)
    missed = reasons(why_missed(floor, EVERYWHERE, robots, covered, closed), floor)
    assert missed[WhyMissed.BLOCKED] > 3.0 * 4.0 - 1.0


def test_without_a_robot_nobody_may_enter() -> None:
    floor = room()
    missed = why_missed(floor, EVERYWHERE, [], np.zeros(floor.grid.shape, dtype=bool))
    assert [part.reason for part in missed] == [WhyMissed.NO_ROBOT_MAY_ENTER]
    assert missed[0].mask.all()


def test_the_reasons_are_words_of_the_plan() -> None:
    assert {why.value for why in WhyMissed} <= {reason.value for reason in MissedReason}


def test_floor_in_two_zones_is_missed_once() -> None:
    floor = room()
    zones = (Zone("first", box(0, 0, 4, 4)), Zone("second", box(2, 0, 6, 4)))
    both = FloorMap("room", floor.grid, zones)
    missed = why_missed(both, ("second", "first"), [], np.zeros(floor.grid.shape, dtype=bool))
    assert {part.zone: int(part.mask.sum()) for part in missed} == {"second": 80 * 80, "first": 40 * 80}
