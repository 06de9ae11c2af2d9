"""Docks and a zone for a floor that has none: along a wall, near a corner, none in the way of another."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from shapely import LineString, Point, Polygon

from robot_fleet.floor.clearance import ClearanceField
from robot_fleet.floor.faults import Fault
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.profile import RobotProfile
from robot_fleet.floor.reach import first_free_cell, reachable, standable, swept
from robot_fleet.floor.store import Dock, FloorMap, Zone

# Two ways in and out are at least so far apart, and so much farther than two robots with their clearances.
APART_M, GAP_M = 1.0, 0.2
# In a good row, docks are not much farther apart than this.
ROW_STEP_M = 1.2
# Floor within this distance of where the robot can be belongs to the zone: corners, edges, gaps too narrow for it.
ZONE_EDGE_M = 0.3
# Each docked robot keeps others off the floor about it; this much more than that may be lost, but no aisle.
MOST_LOST = 1.5


class CannotPlace(Exception):
    """There is no sensible place; `fault` says for what."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        super().__init__(str(fault))


def whole_floor(floor: FloorMap, profile: RobotProfile) -> tuple[Zone, ...]:
    """A zone "floor": the outline of the free floor about all that a robot of this kind reaches from the docks.

    Where docks are on several floors, there is a zone for each: "floor_2" and so on. Pockets inside the outline belong to
    it, so that floor which is free on the map but cannot be cleaned is counted. What a scanner saw through windows does
    not, unless a robot could drive there.
    """
    clearance = ClearanceField.of(floor)
    reach = main_region(floor, profile, clearance)
    grown = swept(floor, reach, profile.head) & floor.grid.free
    kernel = cv2.getStructuringElement(cv2.MORPH_RECT, (3, 3))
    for _ in range(math.ceil(ZONE_EDGE_M / floor.grid.resolution_m)):
        grown = cv2.dilate(grown.astype(np.uint8), kernel).astype(bool) & floor.grid.free
    outlines = [Polygon(shape.exterior) for shape in floor.grid.polygons(grown)]
    if not outlines:
        what = f"no robot of profile {profile.name} gets from its dock to any floor"
        raise CannotPlace(Fault("floor.geojson", "docks", what, "Move keepouts, or docks and their staging poses."))
    stagings = [Point(dock.staging.x_m, dock.staging.y_m) for dock in floor.docks]
    outlines.sort(key=lambda shape: -float(shape.area))
    outlines = outlines[:1] + [shape for shape in outlines[1:] if any(map(shape.intersects, stagings))]
    names = ["floor", *(f"floor_{k}" for k in range(2, len(outlines) + 1))]
    # Less than half a cell of smoothing moves no cell centre across the outline.
    rings = [shape.exterior.simplify(0.4 * floor.grid.resolution_m) for shape in outlines]
    return tuple(Zone(name, Polygon(ring.coords)) for name, ring in zip(names, rings, strict=True))


def main_region(floor: FloorMap, profile: RobotProfile, clearance: ClearanceField) -> NDArray[np.bool_]:
    """Mask (rows, cols) of the poses joined to a dock, or of the largest joined region without docks."""
    if floor.docks:
        reach = np.zeros(floor.grid.shape, dtype=bool)
        for dock in floor.docks:
            row, col = floor.grid.cells_at((dock.staging.x_m, dock.staging.y_m))[0]
            if not (floor.grid.contains((dock.staging.x_m, dock.staging.y_m)).all() and reach[row, col]):
                reach |= reachable(floor, profile, dock.staging, clearance)
        return reach
    standing = standable(profile, clearance).astype(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(standing, connectivity=4)
    if len(stats) < 2:
        raise _too_narrow(profile)
    return np.asarray(labels == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA])))


def _too_narrow(profile: RobotProfile) -> CannotPlace:
    what = f"no aisle is wide enough for a robot of profile {profile.name}"
    return CannotPlace(Fault("map.yaml", "", what, "Give a smaller profile, or check the map's resolution."))


def place_docks(floor: FloorMap, profile: RobotProfile, count: int) -> tuple[Dock, ...]:
    """`count` further docks for robots of this kind; CannotPlace when the floor does not hold so many.

    No dock is in a zone that only some robots may enter, or whose surface is not theirs. Docked robots face a wall with
    their clearance kept, stand apart from each other, and back out over floor of their own; with all of them docked the rest
    of the floor stays joined.
    """
    if count <= 0:
        return ()
    clearance = ClearanceField.of(floor, floor.barred_to("", profile))
    if not standable(profile.slim, clearance).any():
        raise _too_narrow(profile)
    search = _Search(floor, profile, clearance, main_region(floor, profile.slim, clearance))
    for roominess in (3.0, 2.0, 1.0):
        spots = search.spots(roominess)
        rows = [search.row_of(spots, corner, count) for corner in spots.corners()]
        for row in sorted((row for row in rows if len(row) == count), key=_straggle_m):  # stable: remote corners first
            if search.stays_joined(row):
                return tuple(_named(floor, row))
    docks = "one more dock" if count == 1 else f"{count} more docks"
    what = f"there is no place for {docks} along the walls"
    raise CannotPlace(Fault("floor.geojson", "docks", what, "Ask for fewer robots, or draw the docks by hand."))


def _named(floor: FloorMap, poses: list[Dock]) -> Iterator[Dock]:
    taken = {dock.name for dock in floor.docks}
    names = (name for name in (f"dock_{n}" for n in range(1, len(taken) + len(poses) + 1)) if name not in taken)
    for dock, name in zip(poses, names, strict=False):
        yield Dock(name, dock.pose, dock.staging_m)


def _straggle_m(docks: list[Dock]) -> int:
    """How much farther from the first dock the last one is than in one row, in whole metres."""
    spread_m = max(docks[0].pose.distance_m(dock.pose) for dock in docks)
    return max(0, round(spread_m - ROW_STEP_M * (len(docks) - 1)))


@dataclass(frozen=True)
class _Spots:
    """Places (n, 2) where a dock could be, the headings (n,) of a robot docked there, and how remote (n,) each is."""

    places: NDArray[np.float64]
    headings: NDArray[np.float64]
    remoteness: NDArray[np.float64]

    def pose(self, spot: int) -> Pose:
        """Where a robot docked at that spot stands."""
        x, y = map(float, self.places[spot])
        return Pose(x, y, float(self.headings[spot]))

    def corners(self, count: int = 12, apart_m: float = 2.0) -> Iterator[int]:
        """The most remote spots that are apart from each other, the most remote first."""
        left = np.ones(len(self.places), dtype=bool)
        for _ in range(count):
            if not left.any():
                return
            first = int(np.argmax(np.where(left, self.remoteness, -np.inf)))
            yield first
            left &= np.hypot(*(self.places - self.places[first]).T) > apart_m


@dataclass(frozen=True)
class _Search:
    """The search for docks of one kind of robot on one floor; `region` is where such a robot can be."""

    floor: FloorMap
    profile: RobotProfile
    clearance: ClearanceField
    region: NDArray[np.bool_]

    @property
    def staging_m(self) -> float:
        """How far a robot backs out: clear of its docked neighbours' fronts or, if it is long, so far that it can turn."""
        around = 1 if self.profile.is_steered else 2
        return max(0.7, around * self.profile.footprint.circumscribed_m)

    @property
    def front_m(self) -> float:
        """How far the turning centre of a docked robot is from the wall."""
        return float(self.profile.footprint.corners()[:, 0].max()) + self.profile.clearance_m

    @property
    def apart_m(self) -> float:
        """Least distance between the ways in and out of two docks."""
        return max(APART_M, 2 * (self.profile.footprint.circumscribed_m + self.profile.clearance_m) + GAP_M)

    def spots(self, roominess: float) -> _Spots:
        """Places beside a wall as flat as the robot is wide, with `roominess` robot radii of room about the staging."""
        grid, distances = self.floor.grid, self.clearance.at_cell_centres
        slack_m = 1.5 * grid.resolution_m
        beside_wall = self.region & (distances >= self.front_m) & (distances <= self.front_m + slack_m)
        cells = np.argwhere(beside_wall)
        headings = self._towards_wall(cells)
        places = grid.centres(cells)
        ahead = np.column_stack((np.cos(headings), np.sin(headings)))
        keep = self._is_flat(places, ahead) & self._has_room(places - self.staging_m * ahead, roominess)
        if not keep.any():
            return _Spots(places[keep], headings[keep], np.empty(0))
        middle = grid.centres(np.argwhere(self.region)).mean(axis=0)
        return _Spots(places[keep], headings[keep], np.hypot(*(places[keep] - middle).T))

    def _towards_wall(self, cells: NDArray[np.int64]) -> NDArray[np.float64]:
        """Headings (n,), map frame, down the slope of the clearance: towards the nearest obstacle."""
        smooth = cv2.GaussianBlur(self.clearance.at_cell_centres, (0, 0), 2.0)
        along_x, along_y = (cv2.Sobel(smooth, cv2.CV_32F, dx, 1 - dx)[cells[:, 0], cells[:, 1]] for dx in (1, 0))
        return np.asarray(np.arctan2(-along_y, -along_x) + self.floor.grid.origin.yaw_rad, dtype=np.float64)

    def _is_flat(self, places: NDArray[np.float64], ahead: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Whether half a robot to the left and to the right the wall is as near, and no other wall is nearer."""
        here = self._distance(places)
        aside = self.profile.footprint.circumscribed_m * np.column_stack((-ahead[:, 1], ahead[:, 0]))
        slack = 2 * self.floor.grid.resolution_m
        left, right = self._distance(places + aside), self._distance(places - aside)
        return np.asarray((np.abs(left - here) <= slack) & (np.abs(right - here) <= slack))

    def _has_room(self, stagings: NDArray[np.float64], roominess: float) -> NDArray[np.bool_]:
        radius = self.profile.footprint.circumscribed_m + self.profile.clearance_m
        rows, cols = self._inside(stagings)
        wide = self._distance(stagings) >= min(roominess * radius, radius + self.staging_m)
        return np.asarray(self.region[rows, cols] & wide)

    def _distance(self, places: NDArray[np.float64]) -> NDArray[np.float32]:
        rows, cols = self._inside(places)
        return np.asarray(self.clearance.at_cell_centres[rows, cols])

    def _inside(self, places: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        rows, cols = self.floor.grid.cells_at(places).T
        return np.clip(rows, 0, self.floor.grid.shape[0] - 1), np.clip(cols, 0, self.floor.grid.shape[1] - 1)

    def row_of(self, spots: _Spots, first: int, count: int) -> list[Dock]:
        """Up to `count` docks, the first at a spot, each further one the nearest that is apart from all before."""
        nearest = np.argsort(np.hypot(*(spots.places - spots.places[first]).T), kind="stable")
        ways = [self._way(dock) for dock in self.floor.docks]
        chosen: list[Dock] = []
        for spot in nearest:
            dock = Dock("", spots.pose(int(spot)), self.staging_m)
            way = self._way(dock)
            if all(way.distance(other) >= self.apart_m for other in ways):
                chosen.append(dock)
                ways.append(way)
                if len(chosen) == count:
                    break
        return chosen

    def _way(self, dock: Dock) -> LineString:
        return LineString([(pose.x_m, pose.y_m) for pose in (dock.pose, dock.staging)])

    def stays_joined(self, docks: list[Dock]) -> bool:
        """Whether with a robot in every dock each way out still leads to one and the same floor, nearly as large as without."""
        everyone = [*self.floor.docks, *docks]
        bodies = tuple(self.profile.footprint.at(dock.pose) for dock in everyone)
        clearance = ClearanceField.of(self.floor, (*bodies, *self.floor.barred_to("", self.profile)))
        reach = reachable(self.floor, self.profile.slim, docks[0].staging, clearance) & self.region
        # A robot's own place is closed here too, so its way out is looked for from a little behind its staging pose.
        ways_out = (first_free_cell(clearance, reach, dock.staging) for dock in docks)
        before = reachable(self.floor, self.profile.slim, docks[0].staging, self.clearance) & self.region
        lost_m2 = (int(before.sum()) - int(reach.sum())) * self.floor.grid.cell_area_m2
        kept_off_m2 = math.pi * (2 * self.profile.footprint.circumscribed_m + self.profile.clearance_m) ** 2
        return lost_m2 <= MOST_LOST * kept_off_m2 * len(everyone) and all(way is not None for way in ways_out)
