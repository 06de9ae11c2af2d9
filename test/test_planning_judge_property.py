"""The judge against a brute-force one: poses every few millimetres, every cell looked at, no trees, no polygons merged.

Where the brute force is blind (a step of its own wide), the two may differ by that much and no more.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage
from shapely import Point, Polygon, box, distance, points, prepare, union_all

from robot_fleet.floor.footprint import Footprint
from robot_fleet.floor.grid import OccupancyGrid
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.profile import Head, RobotProfile, Squeegee
from robot_fleet.floor.store import FloorMap, Keepout
from robot_fleet.planning.judge import Verdict, ViolationKind, judge
from robot_fleet.planning.judging.ground import coverable
from robot_fleet.planning.judging.motion import motion_of
from robot_fleet.planning.judging.nominal import pivot_s, with_nominal_times
from robot_fleet.planning.judging.strokes import strokes_of
from robot_fleet.planning.judging.swept import covered
from robot_fleet.planning.judging.track import track_of
from robot_fleet.planning.judging.water import water_of
from robot_fleet.planning.plan import CoveragePath, Leg, LegKind, Plan, Switch

Floats = NDArray[np.float64]
STEP_M = 0.004
ROWS, COLS, SIDE = 50, 70, 0.1
CAREFUL = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)

discs = st.builds(Footprint, st.floats(0.1, 0.5))
boxes = st.builds(
    lambda behind, ahead, half: Footprint(corners_m=((-behind, -half), (ahead, -half), (ahead, half), (-behind, half))),
    st.floats(0.1, 0.5),
    st.floats(0.1, 0.8),
    st.floats(0.1, 0.4),
)
angles = Footprint(corners_m=((-0.3, -0.3), (0.5, -0.3), (0.5, 0.0), (0.1, 0.05), (0.1, 0.4), (-0.3, 0.4)))


@st.composite
def profiles(draw: st.DrawFn, footprint: st.SearchStrategy[Footprint]) -> RobotProfile:
    return RobotProfile(
        "any",
        draw(footprint),
        Head(draw(st.floats(0.2, 0.9)), draw(st.sampled_from((0.0, 0.0, 0.3, -0.2)))),
        speed_mps=draw(st.floats(0.2, 1.5)),
        yaw_rate_rps=draw(st.floats(0.2, 1.5)),
        acceleration_mps2=draw(st.none() | st.floats(0.2, 2.0)),
        yaw_acceleration_rps2=draw(st.none() | st.floats(0.2, 2.0)),
        clearance_m=draw(st.sampled_from((0.0, 0.05, 0.1))),
    )


@st.composite
def floors(draw: st.DrawFn) -> FloorMap:
    cells = np.zeros((ROWS, COLS), dtype=np.int8)
    cells[[0, -1]] = cells[:, [0, -1]] = 100
    for _ in range(draw(st.integers(0, 5))):
        row, col = draw(st.integers(0, ROWS - 1)), draw(st.integers(0, COLS - 1))
        height, width = draw(st.integers(1, 12)), draw(st.integers(1, 12))
        cells[row : row + height, col : col + width] = draw(st.sampled_from((100, -1)))
    origin = Pose(draw(st.floats(-5, 5)), draw(st.floats(-5, 5)), draw(st.sampled_from((0.0, 0.3, -2.0))))
    grid = OccupancyGrid(cells, SIDE, origin)
    keepouts = []
    if draw(st.booleans()):
        x, y = draw(st.floats(1, 6)), draw(st.floats(1, 4))
        keepouts.append(
            Keepout("k", Polygon(grid.to_map([[x, y], [x + 1, y + 0.3], [x + 0.4, y + 0.5], [x, y + 1.2]])))
        )
    return FloorMap("any", grid, keepouts=tuple(keepouts))


@st.composite
def polylines(draw: st.DrawFn, floor: FloorMap) -> Floats:
    count = draw(st.integers(2, 5))
    inside = [(draw(st.floats(0.7, 6.3)), draw(st.floats(0.7, 4.3))) for _ in range(count)]
    return floor.grid.to_map(np.round(inside, 2))


@st.composite
def scenes(draw: st.DrawFn, footprint: st.SearchStrategy[Footprint]) -> tuple[FloorMap, RobotProfile, CoveragePath]:
    floor, profile = draw(floors()), draw(profiles(footprint))
    points = draw(polylines(floor))
    if (np.hypot(*np.diff(points, axis=0).T) < 0.02).any():
        points = np.stack((points[0], points[0] + (0.5, 0.0)))
    kinds = draw(st.sampled_from(((LegKind.CLEAN,), (LegKind.CLEAN, LegKind.TRANSIT))))
    cut = len(points) // 2 if len(kinds) == 2 and len(points) > 3 else 0
    pieces = (points[: cut + 1], points[cut:]) if cut else (points,)
    legs = [
        Leg(str(k), kind, piece, np.zeros(len(piece)))
        for k, (kind, piece) in enumerate(zip(kinds, pieces, strict=False))
    ]
    return floor, profile, CoveragePath("r", with_nominal_times("r", legs, profile, None))


def plan_of(*paths: CoveragePath) -> Plan:
    return Plan("any", (), paths, (), math.nan, math.nan, math.nan, math.nan)


def poses_of(path: CoveragePath, turn_rad: float = 0.01) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Poses (x, y, yaw), the metres and the radians that each stands for, and, in the last column, whether the head is on."""
    rows: list[tuple[float, ...]] = []
    yaw, was_on = math.nan, False
    for leg in path.legs:
        for a, b in zip(leg.points[:-1], leg.points[1:], strict=True):
            goal = math.atan2(b[1] - a[1], b[0] - a[0])
            if not math.isnan(yaw):
                turn = math.remainder(goal - yaw, math.tau)
                steps = max(1, math.ceil(abs(turn) / turn_rad))
                on = was_on and leg.head_on
                rows += [(*a, yaw + turn * (i + 0.5) / steps, 0.0, abs(turn) / steps, on) for i in range(steps)]
            length = math.hypot(*(b - a))
            steps = max(1, math.ceil(length / STEP_M))
            rows += [(*(a + (b - a) * (i + 0.5) / steps), goal, length / steps, 0.0, leg.head_on) for i in range(steps)]
            yaw, was_on = goal, leg.head_on
    table = np.array(rows)
    return table[:, :3], table[:, 3:5], table[:, 5] > 0


def squares(floor: FloorMap) -> Floats:
    """Lower left corners of the obstacle cells beside free ones, in the grid frame, with a frame of cells around the map."""
    padded = np.pad(~floor.grid.free, 1, constant_values=True)
    beside = padded & ndimage.binary_dilation(~padded, structure=np.ones((3, 3)))
    return (np.argwhere(beside)[:, ::-1] - 1) * floor.grid.resolution_m


def distance_to_squares(floor: FloorMap, points: Floats) -> Floats:
    """Metres from points of the grid frame to the nearest obstacle cell; 0 inside one and outside the map."""
    corners, side = squares(floor), floor.grid.resolution_m
    squared: Floats = np.full(len(points), np.inf)
    for corner in corners:
        gap = np.maximum(np.maximum(corner - points, points - corner - side), 0.0)
        np.minimum(squared, (gap**2).sum(axis=1), out=squared)
    cols, rows = np.floor(points / side).astype(int).T
    on = (rows >= 0) & (rows < ROWS) & (cols >= 0) & (cols < COLS)
    squared[~on] = 0.0
    squared[on & ~floor.grid.free[rows.clip(0, ROWS - 1), cols.clip(0, COLS - 1)]] = 0.0
    away: Floats = np.asarray(np.sqrt(squared), dtype=np.float64)
    return away


def verdict_of(floor: FloorMap, profile: RobotProfile, path: CoveragePath) -> Verdict:
    return judge(floor, plan_of(path), {"r": profile})


def between(value: float, low: float, high: float, slack: float) -> bool:
    return low - slack <= value <= high + slack


@CAREFUL
@given(scenes(discs))
def test_metres_of_a_disc_are_those_of_brute_force(scene: tuple[FloorMap, RobotProfile, CoveragePath]) -> None:
    floor, profile, path = scene
    poses, amount, _ = poses_of(path)
    local = floor.grid.from_map(poses[:, :2])
    solid = distance_to_squares(floor, local)
    shapes = [keepout.polygon for keepout in floor.keepouts]
    kept = np.array([min((shape.distance(Point(p)) for shape in shapes), default=9.9) for p in poses[:, :2]])
    assert profile.footprint.radius_m is not None
    near, wide = profile.footprint.radius_m - 0.01, profile.footprint.radius_m + profile.clearance_m - 0.01
    verdict = verdict_of(floor, profile, path)

    def metres(blind: float) -> list[float]:
        unsafe, keepout = solid < near + blind, kept < near + blind
        tight = np.minimum(solid, kept) < wide + blind
        return [float(amount[mask, 0].sum()) for mask in (unsafe, unsafe | keepout, unsafe | keepout | tight)]

    low, high = metres(-1e-3), metres(1e-3)
    slack = 0.05
    assert between(verdict.unsafe_m, low[0], high[0], slack)
    assert between(verdict.unsafe_m + verdict.keepout_m, low[1], high[1], slack)
    assert between(verdict.unsafe_m + verdict.keepout_m + verdict.tight_m, low[2], high[2], slack)


@settings(CAREFUL, max_examples=15)
@given(scenes(boxes | st.just(angles)))
def test_metres_and_turns_of_a_polygon_are_those_of_brute_force(
    scene: tuple[FloorMap, RobotProfile, CoveragePath],
) -> None:
    floor, profile, path = scene
    grid = floor.grid
    solid = (np.argwhere(np.pad(~grid.free, 20, constant_values=True))[:, ::-1] - 20) * SIDE
    obstacles = union_all([box(x, y, x + SIDE, y + SIDE) for x, y in solid])
    everything = union_all([obstacles, *(grid.shape_from_map(keepout.polygon) for keepout in floor.keepouts)])
    prepare(everything)
    poses, amount, _ = poses_of(path, turn_rad=0.005)
    local = grid.from_map(poses[:, :2])
    body = Polygon(profile.footprint.corners_m)

    def metres(grown_m: float) -> tuple[float, float]:
        ring = body.buffer(grown_m, join_style="mitre").exterior.coords[:-1]
        outline = Footprint(corners_m=tuple((x, y) for x, y in ring))
        hits = [
            outline.at(Pose(x, y, yaw - grid.origin.yaw_rad)).intersects(everything)
            for (x, y), yaw in zip(local, poses[:, 2], strict=True)
        ]
        driven, turned = amount[np.array(hits)].sum(axis=0)
        return float(driven), float(turned)

    low, high = metres(-0.012), metres(-0.008)
    verdict = verdict_of(floor, profile, path)
    turned = sum(v.amount for v in verdict.of_kind(ViolationKind.UNSAFE_TURN) if "radians" not in v.what)
    kept = verdict.of_kind(ViolationKind.KEEPOUT)
    kept_turns = sum(violation.amount for violation in kept if "radians" in violation.what)
    kept_m = sum(violation.amount for violation in kept if "radians" not in violation.what)
    assert between(verdict.unsafe_m + kept_m, low[0], high[0], 0.05)
    assert between(turned + kept_turns, low[1], high[1], 0.15)


def under_head(floor: FloorMap, profile: RobotProfile, path: CoveragePath, wider_m: float) -> NDArray[np.bool_]:
    """The cells whose centre lies under the head at one of the poses, the head being `wider_m` more on all sides."""
    poses, _, on = poses_of(path, turn_rad=0.004)
    rows, cols = np.indices(floor.grid.shape)
    centres = floor.grid.centres(np.column_stack((rows.ravel(), cols.ravel())))
    found = np.zeros(len(centres), dtype=bool)
    for x, y, yaw in poses[on]:
        dx, dy = centres[:, 0] - x, centres[:, 1] - y
        ahead = dx * math.cos(yaw) + dy * math.sin(yaw) - profile.head.offset_m
        across = dy * math.cos(yaw) - dx * math.sin(yaw)
        found |= (np.abs(ahead) <= STEP_M + wider_m) & (np.abs(across) <= profile.head.width_m / 2 + wider_m)
    return found.reshape(floor.grid.shape)


@settings(CAREFUL, max_examples=15)
@given(scenes(discs))
def test_covered_cells_are_those_of_brute_force(scene: tuple[FloorMap, RobotProfile, CoveragePath]) -> None:
    floor, profile, path = scene
    found = covered(floor.grid, [strokes_of(track_of(path, profile))])
    least, most = (under_head(floor, profile, path, wider_m) for wider_m in (-STEP_M, 2 * STEP_M))
    assert not (least & ~found).any()
    assert not (found & ~most).any()


@st.composite
def switched_scenes(draw: st.DrawFn) -> tuple[FloorMap, RobotProfile, CoveragePath]:
    """A scene of a robot with a squeegee whose legs switch things at any time."""
    floor, profile, path = draw(scenes(discs))
    squeegee = Squeegee(draw(st.floats(0.2, 0.9)), draw(st.sampled_from((-0.4, -0.2, 0.3))))
    legs = []
    for leg in path.legs:
        begin_s, end_s = float(leg.times_s[0]), float(leg.times_s[-1])
        times = sorted(draw(st.lists(st.floats(begin_s, end_s), min_size=1, max_size=4)))
        switches = tuple(Switch(at_s, *draw(st.tuples(*[st.booleans()] * 3))) for at_s in times)
        legs.append(replace(leg, switches=switches))
    return floor, replace(profile, squeegee=squeegee), CoveragePath("r", tuple(legs))


def states_at(path: CoveragePath, profile: RobotProfile, when_s: Floats) -> NDArray[np.bool_]:
    """(n, 3) whether deck, solution and vacuum are on at each time, looked up one by one."""
    rows, before, yaw = [], (False, False, False), math.nan
    ends = [float(leg.times_s[-1]) for leg in path.legs]
    for leg, end_s in zip(path.legs, ends, strict=True):
        headings = [math.atan2(*(b - a)[::-1]) for a, b in zip(leg.points[:-1], leg.points[1:], strict=True)]
        turn = 0.0 if math.isnan(yaw) else abs(math.remainder(headings[0] - yaw, math.tau))
        pivoted_s = float(leg.times_s[0]) + (pivot_s(turn, profile) if turn > math.radians(10) else 0.0)
        usual = (leg.kind is LegKind.CLEAN,) * 3
        for at_s in when_s[(when_s >= leg.times_s[0]) & (when_s < end_s)]:
            now = [(s.deck, s.solution, s.vacuum) for s in leg.switches if s.at_s <= at_s]
            both = tuple(one and other for one, other in zip(usual, before, strict=True))
            rows.append(now[-1] if now else both if at_s < pivoted_s else usual)
        before = [usual, *((s.deck, s.solution, s.vacuum) for s in leg.switches)][-1]
        yaw = headings[-1]
    return np.array(rows, dtype=bool)


def last_passed_s(
    floor: FloorMap, poses: Floats, on: NDArray[np.bool_], when_s: Floats, line: Head | Squeegee, wider_m: float
) -> Floats:
    """(rows, cols) when a line passes over each cell's centre for the last time, from pose to pose.

    With `wider_m` above 0 it is also enough to come so near; below 0 the ends of the line do not count.
    """
    rows, cols = np.indices(floor.grid.shape)
    x, y = floor.grid.centres(np.column_stack((rows.ravel(), cols.ravel()))).T
    last, before = np.full(len(x), -np.inf), np.full(len(x), np.nan)
    for i, (at_x, at_y, yaw) in enumerate(poses):
        ahead = (x - at_x) * math.cos(yaw) + (y - at_y) * math.sin(yaw) - line.offset_m
        across = np.abs((y - at_y) * math.cos(yaw) - (x - at_x) * math.sin(yaw)) - line.width_m / 2
        runs = i > 0 and ((on[i] and on[i - 1]) or (wider_m > 0 and (on[i] or on[i - 1])))
        if runs:
            last[((ahead * before <= 0) | (np.abs(ahead) <= wider_m)) & (across <= wider_m)] = when_s[i]
        before = ahead
    return last.reshape(floor.grid.shape)


@settings(CAREFUL, max_examples=15)
@given(switched_scenes())
def test_covered_and_wet_cells_are_those_of_brute_force(scene: tuple[FloorMap, RobotProfile, CoveragePath]) -> None:
    floor, profile, path = scene
    assert profile.squeegee is not None
    track = track_of(path, profile)
    motion = motion_of(track)
    when = np.arange(0.0, path.finish_s, 0.015 / (profile.speed_mps + profile.yaw_rate_rps * 0.8))
    poses = motion.at(np.clip(np.searchsorted(motion.t, when, side="right") - 1, 0, len(motion.first) - 1), when)
    deck, solution, vacuum = states_at(path, profile, when).T
    strokes = strokes_of(track)
    found, left = covered(floor.grid, [strokes]), water_of(floor.grid, [strokes]).left

    def over(on: NDArray[np.bool_], line: Head | Squeegee, wider_m: float) -> Floats:
        return last_passed_s(floor, poses, on, when, line, wider_m)

    near, wide = 0.01, 0.03
    assert not (np.isfinite(over(deck, profile.head, -near)) & ~found).any()
    assert not (found & ~np.isfinite(over(deck, profile.head, wide))).any()
    wet = [over(deck & solution, profile.head, by_m) for by_m in (-near, wide)]
    dry = [over(vacuum, profile.squeegee, by_m) for by_m in (-near, wide)]
    late_s = 0.1 + 0.1 / profile.speed_mps
    assert not ((wet[0] > dry[1] + late_s) & floor.grid.free & ~left).any()
    assert not (left & ((wet[1] < dry[0] - late_s) | ~np.isfinite(wet[1]))).any()


def raster_coverable(floor: FloorMap, profile: RobotProfile, start: Pose, near_m: float, wide_m: float) -> Any:
    """Coverable cells from centres on a lattice of a third of a cell."""
    side = SIDE / 3
    x, y = np.meshgrid(np.arange(0.5, COLS * 3) * side, np.arange(0.5, ROWS * 3) * side)
    places = np.column_stack((x.ravel(), y.ravel()))
    away = distance_to_squares(floor, places)
    for keepout in floor.keepouts:
        shape = floor.grid.shape_from_map(keepout.polygon)
        away = np.minimum(away, distance(shape, points(places)))
    assert profile.footprint.radius_m is not None
    clear = (away >= profile.footprint.radius_m + profile.clearance_m + near_m).reshape(x.shape)
    labels, _ = ndimage.label(clear, structure=np.ones((3, 3)))
    (col, row), *_ = np.floor(floor.grid.from_map([[start.x_m, start.y_m]]) / side).astype(int)
    if not labels[row, col]:
        return None
    reached = places[(labels == labels[row, col]).ravel()]
    centres = np.column_stack([c.ravel() for c in np.meshgrid(np.arange(COLS) + 0.5, np.arange(ROWS) + 0.5)]) * SIDE
    radius = math.hypot(profile.head.offset_m, profile.head.width_m / 2) + wide_m
    nearest = ndimage.distance_transform_edt(~(labels == labels[row, col])) * side
    at = np.floor(centres / side).astype(int)
    return (nearest[at[:, 1], at[:, 0]] <= radius).reshape(ROWS, COLS) & floor.grid.free if len(reached) else None


@settings(CAREFUL, max_examples=12)
@given(floors(), profiles(discs), st.floats(1, 6), st.floats(1, 4))
def test_coverable_cells_are_those_of_brute_force(floor: FloorMap, profile: RobotProfile, x: float, y: float) -> None:
    (place,) = floor.grid.to_map([[x, y]])
    start = Pose(float(place[0]), float(place[1]))
    least = raster_coverable(floor, profile, start, 0.02, -0.05)
    most = raster_coverable(floor, profile, start, -0.04, 0.07)
    found = coverable(floor, [(profile, start)])
    if least is not None:
        assert not (least & ~found).any()
        assert not (found & ~most).any()


@CAREFUL
@given(scenes(discs), scenes(discs), st.floats(0, 20))
def test_meetings_are_those_of_brute_force(one: Any, two: Any, later_s: float) -> None:
    floor, profile, path = one
    _, other, second = two
    moved = floor.grid.to_map(two[0].grid.from_map(np.concatenate([leg.points for leg in second.legs])))
    late = Leg("late", LegKind.CLEAN, moved, np.concatenate([leg.times_s for leg in second.legs]) + later_s)
    paths = (path, CoveragePath("s", (late,)))
    verdict = judge(floor, plan_of(*paths), {"r": profile, "s": other})
    motions = [motion_of(track_of(p, q)) for p, q in zip(paths, (profile, other), strict=True)]
    when = np.arange(0.0, max(p.finish_s for p in paths) + 1.0, 0.01)
    places = [m.at(np.clip(np.searchsorted(m.t, when, side="right") - 1, 0, len(m.first) - 1), when) for m in motions]
    apart = np.hypot(*(places[0] - places[1])[:, :2].T)
    touch = profile.footprint.circumscribed_m + other.footprint.circumscribed_m
    assert abs(verdict.min_separation_m - (apart.min() - touch)) < 0.02
    claimed = sum(violation.amount for violation in verdict.of_kind(ViolationKind.CONFLICT))
    if not any("overlap" in v.what and v.amount > 1e6 for v in verdict.violations):
        assert (claimed > 0) or (apart >= touch - 0.012).all()
        assert (claimed == 0) or (apart < touch - 0.008).any()


@CAREFUL
@given(scenes(discs))
def test_nominal_times_are_believed_and_shorter_ones_are_not(
    scene: tuple[FloorMap, RobotProfile, CoveragePath],
) -> None:
    floor, profile, path = scene
    assert verdict_of(floor, profile, path).times_believed
    hasty = [Leg(leg.leg_id, leg.kind, leg.points, leg.times_s * 0.9, leg.zone) for leg in path.legs]
    assert not verdict_of(floor, profile, CoveragePath("r", tuple(hasty))).times_believed


@CAREFUL
@given(scenes(discs), st.floats(1.0, 3.0))
def test_slower_times_are_believed_too(scene: tuple[FloorMap, RobotProfile, CoveragePath], factor: float) -> None:
    floor, profile, path = scene
    slow = [Leg(leg.leg_id, leg.kind, leg.points, leg.times_s * factor, leg.zone) for leg in path.legs]
    assert verdict_of(floor, profile, CoveragePath("r", tuple(slow))).times_believed
