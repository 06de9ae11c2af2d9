"""Pictures: the colours stand where the things are, and no floor is too odd to be drawn."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from shapely import MultiPolygon, Polygon, box

from robot_fleet.floor.grid import FREE, OCCUPIED, UNKNOWN, OccupancyGrid
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.profile import SCRUBBER_S, WORKING_W
from robot_fleet.floor.store import Dock, FloorMap, Keepout, OneWay, RobotSpec, Zone
from robot_fleet.pictures import draw_coverage, draw_missed, draw_plan
from robot_fleet.pictures.canvas import Canvas, dashes, view_of
from robot_fleet.pictures.colours import (
    CREDITED,
    FALSE_CREDIT,
    MISSED,
    MISSED_CREDIT,
    ONE_WAY,
    PAPER,
    UNKNOWN_HATCH,
    WALL,
    WATER,
    darker,
    robot_colours,
)
from robot_fleet.pictures.panel import Section, area, minutes
from robot_fleet.pictures.plan import arrowheads, cusps
from robot_fleet.planning.plan import CoveragePath, Leg, LegKind, MissedArea, MissedReason, Plan, Switch

EDGE_PX = 28
HERE = Pose(0.0, 0.0)


def room(origin: Pose = HERE) -> FloorMap:
    """10 x 6 m, walled, the lower right metre unknown; the map frame's places are those of the grid moved by origin."""
    cells = np.full((120, 200), FREE, dtype=np.int8)
    cells[[0, -1], :] = cells[:, [0, -1]] = OCCUPIED
    cells[:20, 180:] = UNKNOWN
    grid = OccupancyGrid(cells, 0.05, origin)

    def placed(shape: Polygon) -> Polygon:
        moved = grid.shape_to_map(shape)
        assert isinstance(moved, Polygon)
        return moved

    return FloorMap(
        "room",
        grid,
        (Zone("west", placed(box(0, 0, 5, 6))), Zone("east", placed(box(5, 0, 10, 6)))),
        (Keepout("till", placed(box(7, 4, 8, 5))),),
        (Dock("dock_1", origin @ Pose(0.6, 0.6, math.pi)),),
    )


def leg(kind: LegKind, *points: tuple[float, float], floor: FloorMap, begins_s: float = 0.0) -> Leg:
    way = floor.grid.to_map(points)
    return Leg("leg", kind, way, begins_s + np.linspace(0.0, 10.0, len(way)))


def one_lane(floor: FloorMap) -> Plan:
    """A transit up the left, a lane at y = 3 m, and a missed square in the east."""
    legs = (
        leg(LegKind.TRANSIT, (1.0, 1.0), (1.0, 3.0), floor=floor),
        leg(LegKind.CLEAN, (1.0, 3.0), (9.0, 3.0), floor=floor, begins_s=10.0),
    )
    missed = MissedArea("east", MissedReason.BLOCKED, floor.grid.shape_to_map(box(6, 1, 7, 2)), 1.0)
    return Plan(floor.name, ("west", "east"), (CoveragePath("robot_1", legs),), (missed,), 56.0, 50.0, 49.0, 15.0)


def pixels(path: Path) -> NDArray[np.uint8]:
    return np.array(Image.open(path).convert("RGB"))


def at(floor: FloorMap, image: NDArray[np.uint8], x_m: float, y_m: float) -> tuple[int, int, int]:
    """The colour at a place of the room's own frame."""
    ((right, down),) = view_of(floor).to_pixels(floor.grid.to_map([(x_m, y_m)]))
    red, green, blue = image[int(down) + EDGE_PX, int(right) + EDGE_PX]
    return int(red), int(green), int(blue)


def near(floor: FloorMap, image: NDArray[np.uint8], x_m: float, y_m: float, size_m: float = 0.15) -> set[tuple]:
    """All colours in a square about a place of the room's own frame."""
    ((right, down),) = view_of(floor).to_pixels(floor.grid.to_map([(x_m, y_m)])) + EDGE_PX
    half = int(size_m * view_of(floor).px_per_m)
    window = image[int(down) - half : int(down) + half + 1, int(right) - half : int(right) + half + 1]
    return {tuple(colour) for colour in window.reshape(-1, 3).tolist()}


ORIGINS = [Pose(0.0, 0.0), Pose(-20.0, 7.5, 0.6), Pose(3.0, 4.0, math.pi)]


@pytest.mark.parametrize("origin", ORIGINS)
def test_a_plan_shows_lanes_walls_and_missed_floor_where_they_are(tmp_path: Path, origin: Pose) -> None:
    floor = room(origin)
    plan = one_lane(floor)
    image = pixels(draw_plan(floor, plan, tmp_path / "plan.png"))
    lane = robot_colours(["robot_1"])["robot_1"]
    assert at(floor, image, 3.0, 3.0) == lane
    assert lane not in near(floor, image, 3.0, 4.0)
    assert lane not in near(floor, image, 1.0, 2.0)  # a transit is darker, and dashed
    assert at(floor, image, 5.0, 0.025) == WALL
    assert UNKNOWN_HATCH in near(floor, image, 9.5, 0.5)
    drawn = near(floor, image, 6.5, 1.5)
    assert any(np.allclose(colour, MISSED[MissedReason.BLOCKED], atol=40) for colour in drawn)


def test_arrowheads_point_in_the_direction_of_driving() -> None:
    floor = room()
    heads = arrowheads(one_lane(floor).paths[0], 0.3, 2.0)
    assert len(heads) == 5
    for head in heads:
        tip, middle = head[0], head[1:4].mean(axis=0)
        towards = (tip - middle) / np.hypot(*(tip - middle))
        assert np.allclose(towards, (0.0, 1.0) if tip[1] < 2.9 else (1.0, 0.0), atol=1e-6)


def test_what_is_driven_backwards_has_ticks_across_and_its_ends_dots(tmp_path: Path) -> None:
    floor = room()
    ahead = leg(LegKind.TRANSIT, (1.0, 3.0), (8.0, 3.0), floor=floor)
    back = replace(leg(LegKind.TRANSIT, (8.0, 3.0), (5.0, 3.0), floor=floor, begins_s=10.0), reverse=True)
    on = leg(LegKind.TRANSIT, (5.0, 3.0), (5.0, 1.0), floor=floor, begins_s=20.0)
    ink = darker(robot_colours(["robot_1"])["robot_1"])

    def panel_and_beside(*legs: Leg) -> tuple[int, list[int], list[set[tuple]]]:
        plan = replace(one_lane(floor), paths=(CoveragePath("robot_1", legs),), missed=())
        image = pixels(draw_plan(floor, plan, tmp_path / "plan.png"))
        aside_m = 5.0 / view_of(floor).px_per_m
        rows = [
            sum(at(floor, image, x, 3.0 + aside_m) == ink for x in np.arange(low, low + 2.0, 0.005))
            for low in (2.0, 5.5)
        ]
        inked = int((image[:, image.shape[1] - 470 :] < 250).any(axis=(1, 2)).sum())
        return inked, rows, [near(floor, image, x, 3.0, 0.02) for x in (8.0, 5.0)]

    inked, (before, behind), dots = panel_and_beside(ahead, back, on)
    assert behind > before + 20 and dots == [{ink}, {ink}]
    docks = replace(back, kind=LegKind.UNDOCK)
    other_inked, (_, none), _ = panel_and_beside(ahead, docks, on)
    assert none < behind - 20 and other_inked < inked
    assert [tuple(place) for place in cusps(CoveragePath("r", (ahead, back, on)))] == [(8.0, 3.0), (5.0, 3.0)]


def test_a_detail_says_that_its_figures_are_the_whole_store_s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    headings: list[str] = []

    def heard(_canvas: Canvas, _title: str, sections: tuple[Section, ...], path: Path) -> Path:
        headings.extend(section.heading for section in sections)
        return path

    monkeypatch.setattr("robot_fleet.pictures.plan.save_picture", heard)
    floor = room()
    draw_plan(floor, one_lane(floor), tmp_path / "plan.png", part=box(2.0, 2.0, 6.0, 4.0))
    assert [heading for heading in headings if "whole store" not in heading] == ["floor"]
    headings.clear()
    draw_plan(floor, one_lane(floor), tmp_path / "plan.png")
    assert not any("whole store" in heading for heading in headings)


def test_the_floor_under_the_heads_is_tinted_when_their_width_is_known(tmp_path: Path) -> None:
    floor = room()
    robots = [RobotSpec("robot_1", WORKING_W, "dock_1", "robot_1")]
    bare = pixels(draw_plan(floor, one_lane(floor), tmp_path / "bare.png"))
    tinted = pixels(draw_plan(floor, one_lane(floor), tmp_path / "tinted.png", robots))
    assert at(floor, bare, 3.0, 3.25) != at(floor, tinted, 3.0, 3.25)
    assert at(floor, bare, 3.0, 3.6) == at(floor, tinted, 3.0, 3.6)


def scrubbing(floor: FloorMap, *switches: Switch) -> Plan:
    """A lane from (1.5, 3) to (8.5, 3) in 14 s, with switches."""
    lane = leg(LegKind.CLEAN, (1.5, 3.0), (8.5, 3.0), floor=floor)
    lane = replace(lane, times_s=np.array([0.0, 14.0]), switches=switches)
    return replace(one_lane(floor), paths=(CoveragePath("robot_1", (lane,)),), missed=())


def drawn(floor: FloorMap, plan: Plan, path: Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The picture of a plan for the scrubber, without accelerations, and its panel."""
    profile = replace(SCRUBBER_S, speed_mps=0.5, acceleration_mps2=None)
    image = pixels(draw_plan(floor, plan, path, [RobotSpec("robot_1", profile, "dock_1", "robot_1")]))
    return image, image[:, image.shape[1] - 470 :]


def along(floor: FloorMap, image: NDArray[np.uint8]) -> NDArray[np.int64]:
    """The distance in colour from a transit of the first robot, along the way from x = 6.2 to x = 8.4."""
    ink = darker(robot_colours(["robot_1"])["robot_1"])
    shown = [at(floor, image, x, 3.0) for x in np.arange(6.2, 8.4, 0.01)]
    return np.abs(np.array(shown) - ink).sum(axis=1)


def test_stretches_without_solution_are_hollow_and_those_with_the_vacuum_alone_dotted(tmp_path: Path) -> None:
    floor = room()
    # Solution off from x = 4 on, the deck up from x = 6 on; the squeegee stays down, or goes up too.
    brush = Switch(5.0, True, False, True)
    image, panel = drawn(floor, scrubbing(floor, brush, Switch(9.0, False, False, True)), tmp_path / "dots.png")
    dashed, other_panel = drawn(floor, scrubbing(floor, brush, Switch(9.0, False, False, False)), tmp_path / "dash.png")
    solid = pixels(draw_plan(floor, scrubbing(floor), tmp_path / "plain.png"))
    lane = robot_colours(["robot_1"])["robot_1"]
    assert [at(floor, solid, x, 3.0) for x in (3.5, 4.6, 5.5)] == [lane] * 3
    assert (at(floor, image, 3.5, 3.0), at(floor, image, 5.5, 3.0)) == (lane, PAPER)
    assert lane not in near(floor, image, 7.5, 3.0) | near(floor, dashed, 7.5, 3.0)
    # Each has its line in the panel where it is drawn, and nowhere else.
    panels = (panel, other_panel, solid[:, solid.shape[1] - 470 :])
    inked = [int((one < 250).any(axis=(1, 2)).sum()) for one in panels]
    assert inked[0] > inked[1] > inked[2]
    # Dots are shorter than dashes: there are more of them on the same way.
    starts = [np.count_nonzero(np.diff(along(floor, picture) == 0) == 1) for picture in (image, dashed)]
    assert starts[0] > 2 * starts[1] > 0


def test_water_that_is_left_standing_is_shown_where_it_is(tmp_path: Path) -> None:
    floor = room()
    image, panel = drawn(floor, scrubbing(floor), tmp_path / "wet.png")
    # Between the squeegee at x = 8.05 and the head at x = 8.95.
    assert at(floor, image, 8.5, 3.25) == at(floor, image, 8.1, 2.75) == WATER
    assert WATER not in near(floor, image, 7.8, 3.25)
    assert (panel == WATER).all(axis=2).any()
    dry, panel = drawn(floor, scrubbing(floor, Switch(12.2, True, False, True)), tmp_path / "dry.png")
    assert WATER not in near(floor, dry, 8.5, 3.0, 0.5)
    assert not (panel == WATER).all(axis=2).any()


def test_a_detail_shows_a_part_alone_and_larger(tmp_path: Path) -> None:
    floor, part = room(), box(2.0, 2.0, 6.0, 4.0)
    view = view_of(floor, part=part)
    assert (view.rows, view.cols) == ((40, 81), (40, 121))
    image = pixels(draw_plan(floor, one_lane(floor), tmp_path / "detail.png", part=part))
    ((right, down),) = view.to_pixels([(4.5, 3.0)]) + EDGE_PX
    assert tuple(image[int(down), int(right)]) == robot_colours(["robot_1"])["robot_1"]
    # The walls lie outside.
    assert not (image[EDGE_PX:-EDGE_PX, : image.shape[1] - 500] == WALL).all(axis=2).any()
    hall = FloorMap("hall", OccupancyGrid(np.zeros((800, 1200), dtype=np.int8), 0.05, HERE))
    assert view_of(hall, part=part).px_per_m > 2.0 * view_of(hall).px_per_m


def test_coverage_shows_credit_tracks_and_where_truth_differs(tmp_path: Path) -> None:
    floor = room()
    cleaned = floor.grid.centres_inside(box(1, 1, 4, 5))
    truth = floor.grid.centres_inside(box(1, 1, 3, 5)) | floor.grid.centres_inside(box(5, 1, 6, 2))
    track = np.column_stack((np.arange(10.0), np.linspace(1.0, 4.0, 10), np.full(10, 4.0)))
    path = draw_coverage(floor, cleaned, {"robot_1": track}, tmp_path / "run" / "coverage.png", truth=truth)
    image = pixels(path)
    assert at(floor, image, 2.0, 2.0) == CREDITED
    assert at(floor, image, 3.5, 2.0) == FALSE_CREDIT
    assert at(floor, image, 5.5, 1.5) == MISSED_CREDIT
    assert robot_colours(["robot_1"])["robot_1"] in near(floor, image, 2.0, 4.0) or any(
        np.allclose(colour, robot_colours(["robot_1"])["robot_1"], atol=25) for colour in near(floor, image, 2.0, 4.0)
    )


def test_missed_floor_has_the_colour_of_its_reason(tmp_path: Path) -> None:
    floor = room()
    missed = [
        MissedArea("west", MissedReason.TOO_NARROW, box(1, 4, 2, 5), 1.0),
        MissedArea("east", MissedReason.STOPPED, box(5.5, 1, 5.52, 5), 0.08),
    ]
    image = pixels(draw_missed(floor, missed, tmp_path / "missed.png"))
    assert any(
        np.allclose(colour, MISSED[MissedReason.TOO_NARROW], atol=60) for colour in near(floor, image, 1.2, 4.2, 0.05)
    )
    sliver = near(floor, image, 5.51, 3.0, 0.05)
    assert any(np.allclose(colour, MISSED[MissedReason.STOPPED], atol=60) for colour in sliver)


def test_every_reason_has_a_colour_of_its_own() -> None:
    assert set(MISSED) == set(MissedReason)
    assert len(set(MISSED.values())) == len(MISSED)


@pytest.mark.parametrize("size_m", [(60.0, 40.0), (180.0, 120.0), (19.0, 19.0)])
def test_large_and_small_floors_fill_about_the_same_picture(size_m: tuple[float, float]) -> None:
    width, height = size_m
    cells = np.zeros((round(height / 0.05), round(width / 0.05)), dtype=np.int8)
    view = view_of(FloorMap("hall", OccupancyGrid(cells, 0.05, Pose(0.0, 0.0))))
    assert 1750 <= max(view.size_px) <= 1850
    assert view.size_px[0] / view.size_px[1] == pytest.approx(width / height, rel=0.01)


def test_a_long_and_thin_floor_is_drawn_so_high_that_one_sees_it_with_the_legend_below(tmp_path: Path) -> None:
    floor = FloorMap("corridor", OccupancyGrid(np.zeros((44, 2000), dtype=np.int8), 0.05, Pose(0.0, 0.0)))
    width, height = view_of(floor).size_px
    assert height > 100
    with Image.open(draw_missed(floor, (), tmp_path / "missed.png")) as picture:
        assert picture.width < width + 200
        assert picture.height < 1000


def test_unknown_surroundings_are_cut_off() -> None:
    cells = np.full((400, 400), UNKNOWN, dtype=np.int8)
    cells[180:220, 100:300] = FREE
    view = view_of(FloorMap("scan", OccupancyGrid(cells, 0.05, Pose(0.0, 0.0))))
    assert view.cols == (90, 310)
    assert view.rows == (170, 230)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.integers(1, 30),
    cols=st.integers(1, 30),
    yaw=st.floats(-math.pi, math.pi),
    resolution=st.sampled_from([0.01, 0.05, 0.5, 5.0]),
    seed=st.integers(0, 1000),
)
def test_no_floor_is_too_odd(tmp_path: Path, rows: int, cols: int, yaw: float, resolution: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    cells = rng.choice([FREE, OCCUPIED, UNKNOWN], size=(rows, cols)).astype(np.int8)
    floor = FloorMap("odd", OccupancyGrid(cells, resolution, Pose(-3.0, 1e4, yaw)))
    plan = Plan("odd", (), (CoveragePath("idle", ()),), (), 0.0, 0.0, 0.0, 0.0)
    draw_plan(floor, plan, tmp_path / "plan.png")
    draw_missed(floor, (), tmp_path / "missed.png")
    tracks = {"still": np.empty((0, 3)), "once": np.array([[0.0, -3.0, 1e4]])}
    draw_coverage(floor, floor.grid.free, tracks, tmp_path / "coverage.png", truth=~floor.grid.free)
    for name in ("plan", "missed", "coverage"):
        with Image.open(tmp_path / f"{name}.png") as picture:
            assert picture.format == "PNG" and min(picture.size) > 100


def test_a_shape_of_many_parts_and_holes_is_filled_between_its_rings() -> None:
    floor = room()
    canvas = Canvas(view_of(floor))
    ring = box(1, 1, 3, 3).difference(box(1.5, 1.5, 2.5, 2.5))
    mask = canvas.shape_mask(MultiPolygon([ring, box(5, 1, 6, 2)]))
    (inside, hole, other) = canvas.view.to_pixels([(1.25, 2.0), (2.0, 2.0), (5.5, 1.5)]).astype(int)
    assert mask[inside[1], inside[0]] == mask[other[1], other[0]] == 255
    assert mask[hole[1], hole[0]] == 0


@given(length_m=st.floats(0.0, 30.0), dash_m=st.floats(0.1, 3.0), gap_m=st.floats(0.1, 3.0), corner=st.floats(0.1, 0.9))
def test_dashes_lie_on_the_line_and_cover_their_share(
    length_m: float, dash_m: float, gap_m: float, corner: float
) -> None:
    line = np.array([(0.0, 0.0), (length_m * corner, 0.0), (length_m * corner, length_m * (1.0 - corner))])
    drawn = dashes(line, dash_m, gap_m)
    total = sum(float(np.hypot(*np.diff(dash, axis=0).T).sum()) for dash in drawn)
    assert total <= length_m + 1e-6
    assert total >= length_m * dash_m / (dash_m + gap_m) - 1e-6


def test_figures_are_written_as_people_read_them() -> None:
    assert [minutes(seconds) for seconds in (47.2, 2465.0, 7380.0)] == ["47 s", "41 min 05 s", "2 h 03 min"]
    assert [area(size) for size in (0.44, 12.3, 12345.0)] == ["0.4 m²", "12 m²", "12 345 m²"]


def test_one_way_floor_is_marked_and_explained(tmp_path: Path) -> None:
    floor = room()
    marked = replace(floor, one_ways=(OneWay("aisle", box(1.0, 4.0, 4.0, 5.5), 0.0),))
    bare = pixels(draw_plan(floor, one_lane(floor), tmp_path / "bare.png"))
    image = pixels(draw_plan(marked, one_lane(marked), tmp_path / "marked.png"))
    width = image.shape[1] - 470
    assert ONE_WAY in near(marked, image, 2.5, 4.75, 0.8) and ONE_WAY not in near(floor, bare, 2.5, 4.75, 0.8)
    assert (image[:, width:] == ONE_WAY).all(axis=2).any() and not (bare[:, width:] == ONE_WAY).all(axis=2).any()
