"""What is wrong with a store: everything at once, each fault with its place and its remedy."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from shapely import Point, Polygon, box
from shapely.geometry.base import BaseGeometry
from shapely.validation import explain_validity

from robot_fleet.floor.clearance import ClearanceField
from robot_fleet.floor.faults import Fault
from robot_fleet.floor.grid import OccupancyGrid
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.profile import Head, RobotProfile, Squeegee
from robot_fleet.floor.reach import reachable, standable, swept
from robot_fleet.floor.store import CHARGE, OFFERS, WATER, Dock, FloorMap, Keepout, OneWay, RobotSpec, Store, Zone

FLOOR_FILE, ROBOTS_FILE = "floor.geojson", "store.yaml"
# A zone may be drawn roughly along the border of the map, so far beyond it at most.
ZONE_SLACK_M = 1.0
# Neighbouring lanes are at least so far apart: nearer ones would be without number.
LEAST_STEP_M = 0.01
# Overlaps of less are rounding.
TOUCH_M = 0.005
# Brushes and lips of rubber give way where they stand out of a body by no more than this.
MOST_OUT_M = 0.05


def check_store(store: Store) -> tuple[Fault, ...]:
    """All faults of a store; none means that it can be planned and driven.

    What depends on something faulty (reach on a broken keepout, a robot on its missing dock) is not judged.
    """
    shapes = tuple(_shape_faults(store.floor))
    specs = tuple(_robot_faults(store))
    if shapes or not store.robots or any(fault.place.startswith("profile") for fault in specs):
        return shapes + specs
    return specs + tuple(_place_faults(store))


def faults_without_map(
    zones: Iterable[Zone],
    keepouts: Iterable[Keepout],
    docks: Iterable[Dock],
    robots: Iterable[str],
    one_ways: Iterable[OneWay] = (),
) -> tuple[Fault, ...]:
    """The faults that show although there is no map to hold shapes and robots against: names given twice, bad polygons."""
    zones, keepouts, docks, one_ways = tuple(zones), tuple(keepouts), tuple(docks), tuple(one_ways)
    shapes = [(f'zone "{zone.name}"', zone.polygon) for zone in zones]
    shapes += [(f'keepout "{keepout.name}"', keepout.polygon) for keepout in keepouts]
    shapes += [(f'one_way "{one.name}"', one.polygon) for one in one_ways]
    return (
        *_names_twice(zones, keepouts, docks),
        *_duplicates(FLOOR_FILE, "one_way", (one.name for one in one_ways)),
        *itertools.chain.from_iterable(_polygon_faults(place, polygon) for place, polygon in shapes),
        *_duplicates(ROBOTS_FILE, "robot", robots),
    )


def _names_twice(zones: Iterable[Zone], keepouts: Iterable[Keepout], docks: Iterable[Dock]) -> Iterator[Fault]:
    yield from _duplicates(FLOOR_FILE, "zone", (zone.name for zone in zones))
    yield from _duplicates(FLOOR_FILE, "keepout", (keepout.name for keepout in keepouts))
    yield from _duplicates(FLOOR_FILE, "dock", (dock.name for dock in docks))


def _shape_faults(floor: FloorMap) -> Iterator[Fault]:
    yield from _names_twice(floor.zones, floor.keepouts, floor.docks)
    yield from _duplicates(FLOOR_FILE, "one_way", (one.name for one in floor.one_ways))
    if not floor.grid.free.any():
        yield Fault("map.yaml", "", "the map has no free floor", "Check the image, negate and the thresholds.")
        return
    height, width = (side * floor.grid.resolution_m for side in floor.grid.shape)
    outline = box(0.0, 0.0, width, height)
    ground = floor.grid.shape_to_map(outline.buffer(ZONE_SLACK_M))
    for zone in floor.zones:
        place = f'zone "{zone.name}"'
        yield from _polygon_faults(place, zone.polygon)
        if zone.polygon.is_valid and not zone.polygon.is_empty:
            if not ground.covers(zone.polygon):
                yield Fault(FLOOR_FILE, place, _beyond(zone.polygon, ground), "Draw it inside the map, in metres.")
            elif not (floor.grid.free & floor.grid.centres_inside(zone.polygon)).any():
                yield Fault(FLOOR_FILE, place, "holds no free floor", "Draw it over free floor, or take it out.")
    for keepout in floor.keepouts:
        yield from _polygon_faults(f'keepout "{keepout.name}"', keepout.polygon)
    for one in floor.one_ways:
        yield from _polygon_faults(f'one_way "{one.name}"', one.polygon)
    for dock in floor.docks:
        yield from _dock_number_faults(dock)


def _duplicates(file: str, kind: str, names: Iterable[str]) -> Iterator[Fault]:
    for name, times in Counter(names).items():
        if times > 1:
            yield Fault(file, f'{kind} "{name}"', f"{times} {kind}s have this name", "Give each its own name.")


def _polygon_faults(place: str, polygon: Polygon) -> Iterator[Fault]:
    if polygon.is_empty or not all(map(math.isfinite, polygon.bounds)):
        yield Fault(FLOOR_FILE, place, "its polygon is empty", "Give at least three corners.")
    elif not polygon.is_valid:
        what = f"its polygon crosses or touches itself ({explain_validity(polygon)})"
        yield Fault(FLOOR_FILE, place, what, "Put the corners in order around the area.")
    elif polygon.area <= 0:
        yield Fault(FLOOR_FILE, place, "its polygon has no area", "Give at least three corners that are not in line.")


def _beyond(polygon: Polygon, ground: BaseGeometry) -> str:
    if not ground.intersects(polygon):
        return "lies outside the floor"
    x, y = polygon.difference(ground).representative_point().coords[0]
    return f"reaches outside the floor, at ({x:.2f}, {y:.2f})"


def _dock_number_faults(dock: Dock) -> Iterator[Fault]:
    if not (dock.pose.is_finite() and math.isfinite(dock.staging_m) and dock.staging_m > 0):
        yield Fault(FLOOR_FILE, f'dock "{dock.name}"', "its pose or staging is no number", "Give metres and radians.")
    for word in dock.offers:
        if word not in OFFERS:
            what = f'it offers "{word}", which nothing needs'
            yield Fault(FLOOR_FILE, f'dock "{dock.name}"', what, f"A dock may offer {' and '.join(OFFERS)}.")


def _robot_faults(store: Store) -> Iterator[Fault]:
    yield from _duplicates(ROBOTS_FILE, "robot", (robot.name for robot in store.robots))
    yield from _shared_namespaces(store.robots)
    for profile in {robot.profile.name: robot.profile for robot in store.robots}.values():
        yield from _profile_faults(profile)
    homes = Counter(robot.dock for robot in store.robots)
    names = {dock.name for dock in store.floor.docks}
    for robot in store.robots:
        place = f'robot "{robot.name}"'
        if robot.dock not in names:
            what = f'its dock "{robot.dock}" does not exist' if robot.dock else "has no dock"
            yield Fault(ROBOTS_FILE, place, what, f"Name one of the docks in {FLOOR_FILE}.")
        elif homes[robot.dock] > 1:
            others = ", ".join(r.name for r in store.robots if r.dock == robot.dock and r is not robot)
            yield Fault(ROBOTS_FILE, place, f'shares dock "{robot.dock}" with {others}', "Give each its own dock.")
    yield from _nowhere_supplied(store)


def _nowhere_supplied(store: Store) -> Iterator[Fault]:
    """Robots whose tank or battery is planned for where no dock offers what they will need."""
    offered = {word for dock in store.floor.docks for word in dock.offers}
    if not store.floor.docks:
        return
    for robot in store.robots:
        needs = {WATER: robot.profile.tank.area_m2 is not None, CHARGE: robot.profile.battery.planned}
        for word in (word for word, needed in needs.items() if needed and word not in offered):
            what = f"needs {word}, which no dock offers"
            yield Fault(
                ROBOTS_FILE, f'robot "{robot.name}"', what, f'Add "{word}" to the offers of a dock in {FLOOR_FILE}.'
            )


def _shared_namespaces(robots: Iterable[RobotSpec]) -> Iterator[Fault]:
    """Two robots in one namespace with the same actions are one robot that gets the orders of both."""
    spaces: dict[str, list[str]] = {}
    for robot in robots:
        for action in ("follow_path", "dock_robot", "undock_robot"):
            spaces.setdefault(_absolute(robot, getattr(robot.profile.interface, action)), []).append(robot.name)
    shared = {tuple(names) for names in spaces.values() if len(set(names)) > 1}
    for names in sorted(shared):
        what = f"has the same ROS actions as {', '.join(sorted(set(names[1:])))}: each would get the orders of both"
        yield Fault(ROBOTS_FILE, f'robot "{names[0]}"', what, "Give each its own namespace.")


def _absolute(robot: RobotSpec, name: str) -> str:
    name = name.replace("{name}", robot.name)
    space = robot.namespace.replace("{name}", robot.name).strip("/")
    return name if name.startswith("/") else f"/{space}/{name}"


def _profile_faults(profile: RobotProfile) -> Iterator[Fault]:
    for name, value, least in _profile_numbers(profile):
        if not (math.isfinite(value) and (value > 0 or (value == 0 and least == 0))):
            remedy = "Give a number above 0." if least else "Give a number of 0 or more."
            yield Fault(ROBOTS_FILE, f"profile {profile.name}.{name}", f"is {value}", remedy)
    if not math.isfinite(profile.head.offset_m):
        yield Fault(ROBOTS_FILE, f"profile {profile.name}.head.offset_m", "is no number", "Give metres ahead.")
    if profile.head.width_m > 0 and profile.head.width_m - profile.overlap_m < LEAST_STEP_M:
        what = f"{profile.overlap_m} m of the head's width, {profile.head.width_m} m, leaves less than {LEAST_STEP_M} m"
        yield Fault(ROBOTS_FILE, f"profile {profile.name}.overlap_m", what, "Let lanes overlap by less.")
    yield from line_faults(profile, ROBOTS_FILE, f"profile {profile.name}")


def line_faults(profile: RobotProfile, file: str, place: str) -> Iterator[Fault]:
    """Heads and squeegees that would pass through shelves beside the body, and squeegees that come before the head."""
    squeegee = profile.squeegee
    for name, line in (("head", profile.head), ("squeegee", squeegee)):
        out_m = _out_m(profile, line) if line is not None else 0.0
        if out_m > max(profile.clearance_m, MOST_OUT_M) + TOUCH_M:
            what = f"stands out of the footprint by {out_m:.2f} m, more than the clearance keeps free"
            yield Fault(file, f"{place}.{name}", what, "Draw the footprint around it, or check width_m and offset_m.")
    if squeegee is not None and squeegee.offset_m > profile.head.offset_m:
        what = f"lies {squeegee.offset_m - profile.head.offset_m:.2f} m ahead of the head, so that it picks no water up"
        yield Fault(file, f"{place}.squeegee.offset_m", what, "Give an offset_m below that of the head.")


def _out_m(profile: RobotProfile, line: Head | Squeegee) -> float:
    """How far the ends of a head or squeegee are from the body."""
    ahead, half = line.offset_m, line.width_m / 2.0
    if not all(map(math.isfinite, (ahead, half))):
        return 0.0
    body = profile.footprint.at(Pose(0.0, 0.0))
    return max(float(body.distance(Point(ahead, side))) for side in (half, -half))


def _profile_numbers(profile: RobotProfile) -> Iterator[tuple[str, float, int]]:
    """Field, value, and 1 where it must be above 0."""
    yield "speed_mps", profile.speed_mps, 1
    yield "yaw_rate_rps", profile.yaw_rate_rps, 1
    yield "head.width_m", profile.head.width_m, 1
    for name in ("acceleration_mps2", "yaw_acceleration_rps2"):
        if (limit := getattr(profile, name)) is not None:
            yield name, limit, 1
    if profile.tank.area_m2 is not None:
        yield "tank.area_m2", profile.tank.area_m2, 1
    for name in ("cleaning_h", "driving_h", "charging_h"):
        yield f"battery.{name}", getattr(profile.battery, name), 1
    yield "tank.service_s", profile.tank.service_s, 0
    for name in ("clearance_m", "overlap_m", "least_radius_m", "goal_tolerance_m"):
        yield name, getattr(profile, name), 0


def does_not_fit(floor: FloorMap, robot: RobotSpec) -> bool:
    """Whether a robot cannot stand in its dock, or cannot get out of it."""
    dock = next(dock for dock in floor.docks if dock.name == robot.dock)
    return any(_standing_faults(replace(floor, docks=(dock,)), [(robot, dock)]))


def _place_faults(store: Store) -> Iterator[Fault]:
    """Faults of docks and robots on a floor whose shapes are sound."""
    floor, clearance = store.floor, ClearanceField.of(store.floor)
    docks = {dock.name: dock for dock in floor.docks}
    homed = [(robot, docks[robot.dock]) for robot in store.robots if robot.dock in docks]
    too_wide = {robot.profile.name for robot in store.robots if not standable(robot.profile.slim, clearance).any()}
    for robot in store.robots:
        if robot.profile.name in too_wide:
            across = 2 * (robot.profile.slim.footprint.circumscribed_m + robot.profile.clearance_m)
            turns = "" if robot.profile.is_steered else " to turn"
            what = f"is wider than every aisle: it needs {across:.2f} m{turns} with its clearance"
            yield Fault(ROBOTS_FILE, f'robot "{robot.name}"', what, "Give it a smaller profile, or check the map.")
    bad = list(_standing_faults(floor, homed))
    yield from bad
    blamed = {fault.place for fault in bad}
    sound = [(r, d) for r, d in homed if r.profile.name not in too_wide and f'dock "{d.name}"' not in blamed]
    yield from _unreachable_docks(floor, sound, clearance)
    yield from _crowded_docks(sound)


def _standing_faults(floor: FloorMap, homed: list[tuple[RobotSpec, Dock]]) -> Iterator[Fault]:
    """Docks that no robot could stand in; a dock without a robot is looked at as a point."""
    used = {dock.name: robot for robot, dock in homed}
    for dock in floor.docks:
        place, robot = f'dock "{dock.name}"', used.get(dock.name)
        spots = [robot.profile.footprint.at(pose) for pose in (dock.pose, dock.staging)] if robot else []
        if not floor.grid.contains((dock.pose.x_m, dock.pose.y_m)).all():
            yield Fault(FLOOR_FILE, place, "lies outside the floor", "Put it on the map, in metres.")
        elif _in_obstacle(floor.grid, dock, spots):
            yield Fault(FLOOR_FILE, place, "stands in an obstacle", "Move it until the docked robot touches nothing.")
        elif spots and (at := _in_the_way(floor.grid, *spots)) is not None:
            what = f"an obstacle at ({at[0]:.2f}, {at[1]:.2f}) is in the way from its staging pose"
            yield Fault(
                FLOOR_FILE,
                place,
                what,
                "Move the dock, turn it (yaw is where a docked robot faces), or clear it.",
            )
        for zone in floor.zones:
            if (
                robot is not None
                and not zone.admits(robot.name, robot.profile)
                and any(map(zone.polygon.intersects, spots))
            ):
                what = f'{robot.name}, whose dock it is, may not enter zone "{zone.name}", which it or its staging pose touches'
                yield Fault(
                    FLOOR_FILE,
                    place,
                    what,
                    "Admit the robot and its profile's `surfaces` there, or give it another dock.",
                )
        for keepout in floor.keepouts:
            if any(keepout.polygon.intersects(spot) for spot in [*spots, _dock_point(dock)]):
                what = f'keepout "{keepout.name}" covers it or its staging pose'
                yield Fault(FLOOR_FILE, place, what, "Move the dock, or draw the keepout around it.")


def _dock_point(dock: Dock) -> Polygon:
    """A centimetre about the dock's pose, for docks without a robot."""
    return box(dock.pose.x_m - 0.005, dock.pose.y_m - 0.005, dock.pose.x_m + 0.005, dock.pose.y_m + 0.005)


def _in_obstacle(grid: OccupancyGrid, dock: Dock, spots: list[Polygon]) -> bool:
    """Whether the dock's cell, or any cell whose centre the docked robot covers, is not free."""
    row, col = grid.cells_at((dock.pose.x_m, dock.pose.y_m))[0]
    return not grid.free[row, col] or bool(spots and (grid.centres_inside(spots[0]) & ~grid.free).any())


def _in_the_way(grid: OccupancyGrid, docked: Polygon, staged: Polygon) -> tuple[float, float] | None:
    """An obstacle that the robot touches between its staging pose and its dock, and not in the dock itself."""
    driven = docked.union(staged).convex_hull.buffer(-TOUCH_M)
    near = np.argwhere(grid.centres_inside(driven.buffer(grid.resolution_m)) & ~grid.free)
    for place in grid.centres(near):
        cell = Point(place).buffer(grid.resolution_m / 2, cap_style="square")
        if cell.intersects(driven) and not cell.intersects(docked):
            return float(place[0]), float(place[1])
    return None


def _unreachable_docks(
    floor: FloorMap, homed: list[tuple[RobotSpec, Dock]], clearance: ClearanceField
) -> Iterator[Fault]:
    wanted = floor.requested(tuple(zone.name for zone in floor.zones)) if floor.zones else floor.grid.free
    regions: dict[str, list[tuple[NDArray[np.bool_], bool]]] = {}
    for robot, dock in homed:
        place = f'dock "{dock.name}"'
        known = regions.setdefault(robot.profile.name, [])
        reach, useful = _region(floor, robot.profile, dock, clearance, wanted, known)
        if not reach.any():
            what = f"{robot.name} has no room at its staging pose, {dock.staging_m} m behind it"
            yield Fault(FLOOR_FILE, place, what, "Move the dock, or turn it: yaw is where the docked robot faces.")
        elif not useful:
            what = f"is unreachable: {robot.name} cannot drive from it to any zone"
            yield Fault(FLOOR_FILE, place, what, "Move the dock, or check the map for closed passages.")


def _region(
    floor: FloorMap,
    profile: RobotProfile,
    dock: Dock,
    clearance: ClearanceField,
    wanted: NDArray[np.bool_],
    known: list[tuple[NDArray[np.bool_], bool]],
) -> tuple[NDArray[np.bool_], bool]:
    """What the robot reaches from the dock, and whether wanted floor is there; known regions are looked up."""
    row, col = floor.grid.cells_at((dock.staging.x_m, dock.staging.y_m))[0]
    rows, cols = floor.grid.shape
    for reach, useful in known:
        if 0 <= row < rows and 0 <= col < cols and reach[row, col]:
            return reach, useful
    reach = reachable(floor, profile.slim, dock.staging, clearance)
    useful = bool((swept(floor, reach, profile.head) & wanted).any())
    known.append((reach, useful))
    return reach, useful


def _crowded_docks(homed: list[tuple[RobotSpec, Dock]]) -> Iterator[Fault]:
    for (robot, dock), (other, other_dock) in itertools.combinations(homed, 2):
        if dock.name == other_dock.name:
            continue
        near = robot.profile.footprint.circumscribed_m + other.profile.footprint.circumscribed_m
        if dock.pose.distance_m(other_dock.pose) >= near:
            continue
        if robot.profile.footprint.at(dock.pose).intersects(other.profile.footprint.at(other_dock.pose)):
            what = f'is so near to dock "{other_dock.name}" that {robot.name} and {other.name} would touch'
            yield Fault(FLOOR_FILE, f'dock "{dock.name}"', what, "Move them apart.")
