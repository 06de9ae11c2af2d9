"""Where robots can be, what their heads can clean, and why the rest is missed.

A robot is taken for the disc about its turning centre that holds it, which is exact for a round robot and cautious for
a polygon: a pose counts only if the robot could turn there to every heading. Poses are looked at on the cell centres.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from shapely import Polygon, union_all

from robot_fleet.floor.clearance import ClearanceField
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.profile import Head, RobotProfile
from robot_fleet.floor.store import FloorMap

# A docked robot may stand nearer to a wall than it may drive: so far from its place may its first free pose lie.
START_SLACK_M = 0.5
# A way of so many cells is too short to matter; on a longer one a robot may come nearer to something by so much.
_BESIDE, _NEARER_M = 1.0, 0.005

RobotStart = tuple[RobotProfile, Pose]


class WhyMissed(str, enum.Enum):
    """Why requested floor is not cleaned; the words are those of planning's MissedReason."""

    TOO_NARROW = "too narrow"
    KEEPOUT = "keepout"
    UNREACHABLE = "unreachable"
    NO_ROBOT_MAY_ENTER = "no robot may enter"
    BLOCKED = "blocked"
    CANNOT_TURN = "cannot turn there"
    NOT_CLEANED = "not cleaned"


@dataclass(frozen=True, eq=False)
class MissedFloor:
    """Requested free cells, `mask` (rows, cols), of one zone that are missed for one reason."""

    zone: str
    reason: WhyMissed
    mask: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class KnownReach:
    """What somebody has worked out before: `coverable` (rows, cols), the floor that some robot's head passes over.

    `clearance` knows keepouts and closed floor; with `barred` there are zones, not in it, that some robot may not enter.
    `severed` (rows, cols) would be coverable but for one-ways, which lead robots there or back, not both; `beyond` (rows, cols) if
    ways led to places where robots that are no discs fit. `under_steered` says, for a clearance, what the heads of those robots
    pass over (rows, cols). From `stuck` (rows, cols) no robot gets home whose head passes over it, since it cannot turn there.
    """

    clearance: ClearanceField
    coverable: NDArray[np.bool_]
    barred: bool = False
    severed: NDArray[np.bool_] | None = None
    beyond: NDArray[np.bool_] | None = None
    under_steered: Callable[[ClearanceField], NDArray[np.bool_]] | None = None
    stuck: NDArray[np.bool_] | None = None


def standable(profile: RobotProfile, clearance: ClearanceField) -> NDArray[np.bool_]:
    """Mask (rows, cols) of the cell centres at which the robot, grown by its clearance, touches nothing."""
    return clearance.fits(profile.footprint.circumscribed_m + profile.clearance_m)


def reachable(
    floor: FloorMap,
    profile: RobotProfile,
    start: Pose,
    clearance: ClearanceField | None = None,
    closed: Sequence[Polygon] = (),
) -> NDArray[np.bool_]:
    """Mask (rows, cols) of the cell centres that the robot can drive to from `start` with its clearance kept.

    It sets off from the free pose nearest to `start`, at most 0.5 m away; without one it reaches nothing. Cells are
    joined across edges only: a diagonal step that cuts no corner is two such steps. Between two neighbouring centres
    the robot comes at most 1 mm nearer to an obstacle than its clearance (the sagitta of half a cell on the robot's
    radius).
    """
    clearance = clearance or ClearanceField.of(floor, closed)
    standing = standable(profile, clearance)
    first = first_free_cell(clearance, standing, start)
    if first is None:
        return np.zeros(floor.grid.shape, dtype=bool)
    _, labels = cv2.connectedComponents(standing.astype(np.uint8), connectivity=4, ltype=cv2.CV_32S)
    return np.asarray(labels == labels[first])


def first_free_cell(clearance: ClearanceField, standing: NDArray[np.bool_], start: Pose) -> tuple[int, int] | None:
    """The cell (row, col) of `standing` nearest to `start`, within 0.5 m.

    On the straight way to it the robot comes no nearer to an obstacle than it is at one of both ends.
    """
    grid = clearance.grid
    here = np.array([start.x_m, start.y_m])
    if not start.is_finite():
        return None
    size = math.ceil(START_SLACK_M / grid.resolution_m) + 1
    row, col = grid.cells_at(here)[0]
    low = np.maximum((row - size, col - size), 0)
    window = standing[low[0] : max(0, row + size + 1), low[1] : max(0, col + size + 1)]
    cells = np.argwhere(window) + low
    if not len(cells):
        return None
    centres = grid.centres(cells)
    away = np.hypot(*(centres - here).T)
    for choice in np.argsort(away, kind="stable"):
        if away[choice] > START_SLACK_M:
            return None
        if _straight_way_is_open(clearance, here, centres[choice]):
            return int(cells[choice][0]), int(cells[choice][1])
    return None


def _straight_way_is_open(clearance: ClearanceField, here: NDArray[np.float64], there: NDArray[np.float64]) -> bool:
    steps = math.ceil(float(np.hypot(*(there - here))) / (clearance.grid.resolution_m / 2)) + 1
    way = here + np.linspace(0.0, 1.0, steps + 1)[:, None] * (there - here)
    rows, cols = clearance.grid.cells_at(way).T
    inside = clearance.grid.contains(way)
    if not inside.all() or not (clearance.at_cell_centres[rows, cols] > 0).all():
        return False
    if float(np.hypot(*(there - here))) <= _BESIDE * clearance.grid.resolution_m:
        return True
    room_m = clearance.at(way)
    return bool(room_m.min() >= min(room_m[0], room_m[-1]) - _NEARER_M)


def swept(floor: FloorMap, reach: NDArray[np.bool_], head: Head) -> NDArray[np.bool_]:
    """Mask (rows, cols) of the cells whose centre the head passes over if the robot turns at every pose of `reach`.

    Turning on the spot, the ends of the head draw a circle of radius hypot(offset, width / 2); what lies inside the
    ring drawn from one pose, the head sweeps from another as long as the reach is wider than the offset.
    """
    if not reach.any():
        return np.zeros(floor.grid.shape, dtype=bool)
    away = cv2.distanceTransform((~reach).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    radius = math.hypot(head.offset_m, head.width_m / 2)
    return np.asarray(away * floor.grid.resolution_m <= radius + 1e-6)


def coverable(
    floor: FloorMap, zones: Sequence[str], robots: Sequence[RobotStart], closed: Sequence[Polygon] = ()
) -> NDArray[np.bool_]:
    """Mask (rows, cols) of the requested free cells that the head of at least one robot can pass over."""
    clearance = ClearanceField.of(floor, closed)
    return floor.requested(tuple(zones)) & _swept_by_any(floor, robots, clearance)


def why_missed(
    floor: FloorMap,
    zones: Sequence[str],
    robots: Sequence[RobotStart],
    covered: NDArray[np.bool_],
    closed: Sequence[Polygon] = (),
    known: KnownReach | None = None,
) -> list[MissedFloor]:
    """Every requested free cell that `covered` (rows, cols) lacks, once, under the first zone that holds it.

    NO_ROBOT_MAY_ENTER: there is no robot, or zones that admit none of them alone keep the heads away. KEEPOUT: in a
    keepout, or a keepout alone keeps the heads away. CANNOT_TURN: it is coverable, but by robots that would not get home.
    NOT_CLEANED: it is coverable. BLOCKED: only the `closed` polygons
    are in the way. UNREACHABLE: a robot would fit, but no way leads there and back, or the free floor itself is cut off.
    TOO_NARROW: the rest. What is `known` already is not worked out again.
    """
    own = _cells_of_zones(floor, zones)
    rest = floor.grid.free & ~covered
    if own:
        rest &= np.logical_or.reduce([cells for _, cells in own])
    found: list[MissedFloor] = []
    for reason, reached in _reasons(floor, robots, rest, closed, known):
        because = rest & reached
        rest &= ~because
        found.extend(MissedFloor(name, reason, here) for name, cells in own if (here := because & cells).any())
        if not rest.any():
            break
    return found


def _reasons(
    floor: FloorMap,
    robots: Sequence[RobotStart],
    rest: NDArray[np.bool_],
    closed: Sequence[Polygon],
    known: KnownReach | None,
) -> Iterator[tuple[WhyMissed, NDArray[np.bool_]]]:
    """Reasons in the order in which they apply, each with the cells that it explains."""
    everywhere = np.ones(floor.grid.shape, dtype=bool)
    if not rest.any():
        return
    if not robots:
        yield WhyMissed.NO_ROBOT_MAY_ENTER, everywhere
        return
    if known is None:
        clearance = ClearanceField.of(floor, closed)
        known = KnownReach(clearance, _swept_by_any(floor, robots, clearance))
    yield WhyMissed.KEEPOUT, floor.kept_out()
    if known.stuck is not None:
        yield WhyMissed.CANNOT_TURN, known.stuck & known.coverable
    yield WhyMissed.NOT_CLEANED, known.coverable
    if known.severed is not None:
        yield WhyMissed.UNREACHABLE, known.severed
    if known.barred:
        yield WhyMissed.NO_ROBOT_MAY_ENTER, _swept_if(floor, robots, known.clearance, known)
    if closed:
        yield WhyMissed.BLOCKED, _under(floor, closed)
        yield WhyMissed.BLOCKED, _swept_if(floor, robots, ClearanceField.of(floor), known)
    if floor.keepouts:
        unkept = FloorMap(floor.name, floor.grid)
        yield WhyMissed.KEEPOUT, _swept_if(unkept, robots, ClearanceField.of(unkept, closed), known)
    yield WhyMissed.UNREACHABLE, _cut_off(floor, robots, known)
    yield WhyMissed.TOO_NARROW, everywhere


def _swept_if(
    floor: FloorMap, robots: Sequence[RobotStart], clearance: ClearanceField, known: KnownReach
) -> NDArray[np.bool_]:
    """What heads would pass over with a clearance, those of robots that are no discs too."""
    found = _swept_by_any(floor, robots, clearance)
    return found if known.under_steered is None else found | known.under_steered(clearance)


def _swept_by_any(floor: FloorMap, robots: Sequence[RobotStart], clearance: ClearanceField) -> NDArray[np.bool_]:
    swept_floor = np.zeros(floor.grid.shape, dtype=bool)
    by_shape: dict[tuple[float, Head], NDArray[np.bool_]] = {}
    for profile, start in robots:
        radius = profile.footprint.circumscribed_m + profile.clearance_m
        by_shape.setdefault((radius, profile.head), np.zeros(floor.grid.shape, dtype=bool))
        known = by_shape[radius, profile.head]
        first = first_free_cell(clearance, standable(profile, clearance), start)
        # Robots of one shape that start in one region reach the same floor.
        if first is not None and not known[first]:
            known |= reachable(floor, profile, start, clearance)
    for (_, head), reach in by_shape.items():
        swept_floor |= swept(floor, reach, head)
    return swept_floor


def _cut_off(floor: FloorMap, robots: Sequence[RobotStart], known: KnownReach) -> NDArray[np.bool_]:
    """Cells over which some robot's head would pass if it stood there, and free floor that no reach touches."""
    cut_off = np.zeros(floor.grid.shape, dtype=bool)
    starts: dict[tuple[float, Head], list[RobotStart]] = {}
    for profile, start in robots:
        starts.setdefault((profile.footprint.circumscribed_m + profile.clearance_m, profile.head), []).append(
            (profile, start)
        )
    for alike in starts.values():
        profile, standing = alike[0][0], standable(alike[0][0], known.clearance)
        _, regions = cv2.connectedComponents(standing.astype(np.uint8), connectivity=4, ltype=cv2.CV_32S)
        firsts = [first_free_cell(known.clearance, standing, start) for _, start in alike]
        entered = {int(regions[first]) for first in firsts if first is not None}
        cut_off |= swept(floor, standing & ~np.isin(regions, sorted(entered)), profile.head)
    _, labels = cv2.connectedComponents(floor.grid.free.astype(np.uint8), connectivity=4, ltype=cv2.CV_32S)
    joined = np.zeros(int(labels.max()) + 1, dtype=bool)
    joined[labels[known.coverable]] = True
    if known.beyond is not None:
        cut_off |= known.beyond
    return np.asarray(cut_off | ~joined[labels])


def _under(floor: FloorMap, closed: Sequence[Polygon]) -> NDArray[np.bool_]:
    return floor.grid.centres_inside(union_all(list(closed)))


def _cells_of_zones(floor: FloorMap, zones: Sequence[str]) -> list[tuple[str, NDArray[np.bool_]]]:
    """The cells (rows, cols) of each zone that lie in none of those before it."""
    taken = np.zeros(floor.grid.shape, dtype=bool)
    found = []
    for name in zones:
        here = floor.grid.centres_inside(floor.zone(name).polygon) & ~taken
        taken |= here
        found.append((name, here))
    return found
