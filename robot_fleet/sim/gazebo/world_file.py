"""A store as an SDF world: floor, walls and shelves, docks, and the robots in their docks."""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree.ElementTree import Element, indent, tostring

import numpy as np

from robot_fleet.floor.clearance import ClearanceField
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.store import Dock, FloorMap, RobotSpec, Store
from robot_fleet.sim.gazebo import elements as sdf
from robot_fleet.sim.gazebo.blocks import Block, blocks_of
from robot_fleet.sim.gazebo.dialect import HARMONIC, Dialect, world_name
from robot_fleet.sim.gazebo.machine import add_robot

# What Fortress and Harmonic read, and DART's own parser as well.
SDF_VERSION = "1.6"
STEP_S = 0.004
WALL_HEIGHT_M = 1.2
_PALLET_M, _PALLET_HEIGHT_M = (1.2, 0.8), 0.15
_PILLAR_RADIUS_M, _PILLAR_HEIGHT_M = 0.2, 2.5
_AROUND_M = 2.0
_MOST_TRIES = 20_000
# With capitals, as no robot's name has any.
_FLOOR, _WALLS, _DOCKS, _PALLET, _PILLAR = "Floor", "Walls_and_shelves", "Docks", "Pallet", "Pillar"


@dataclass(frozen=True)
class Clutter:
    """Things on the floor that the map does not know, at places that `seed` decides; never near a dock or a wall."""

    pallets: int = 0
    pillars: int = 0
    seed: int = 0


def world_sdf(store: Store, dialect: Dialect = HARMONIC, clutter: Clutter = Clutter(), speed: float = 1.0) -> str:
    """The world as an SDF document. Its frame is the map frame; it runs `speed` times as fast as real, if it can."""
    root = Element("sdf", version=SDF_VERSION)
    world = sdf.add(root, "world", name=world_name(store))
    _add_physics(world, dialect, speed)
    _add_sun(world)
    _add_ground(world, store.floor)
    _add_blocks(world, blocks_of(store.floor))
    _add_docks(world, store)
    _add_clutter(world, store, clutter)
    for robot in store.robots:
        add_robot(world, robot, store.floor.dock(robot.dock).pose, dialect)
    indent(root, " ")
    return '<?xml version="1.0"?>\n' + tostring(root, encoding="unicode") + "\n"


def shapes_of(document: str) -> int:
    """How many collision shapes a world has."""
    return document.count("<collision ")


def _add_physics(world: Element, dialect: Dialect, speed: float) -> None:
    physics = sdf.add(world, "physics", name="default", type="dart", default="true")
    sdf.add(physics, "max_step_size", STEP_S)
    sdf.add(physics, "real_time_factor", speed)
    sdf.add(physics, "real_time_update_rate", speed / STEP_S)
    sdf.add(world, "gravity", (0, 0, -9.81))
    for system in ("Physics", "UserCommands", "SceneBroadcaster"):
        sdf.plugin(world, dialect.system(system))


def _add_sun(world: Element) -> None:
    light = sdf.add(world, "light", name="sun", type="directional")
    sdf.add(light, "cast_shadows", False)
    sdf.place(light, 0.0, 0.0, 20.0)
    sdf.add(light, "diffuse", (0.8, 0.8, 0.8, 1))
    sdf.add(light, "specular", (0.1, 0.1, 0.1, 1))
    sdf.add(light, "direction", (-0.4, 0.2, -0.9))


def _static(world: Element, name: str) -> tuple[Element, Element]:
    model = sdf.add(world, "model", name=name)
    sdf.add(model, "static", True)
    return model, sdf.add(model, "link", name="link")


def _add_ground(world: Element, floor: FloorMap) -> None:
    rows, cols = floor.grid.shape
    size_m = floor.grid.resolution_m * np.array([cols, rows])
    centre = floor.grid.origin @ Pose(*(size_m / 2).tolist())
    model, link = _static(world, _FLOOR)
    sdf.place_on_floor(model, centre)
    for kind in ("collision", "visual"):
        part = sdf.add(link, kind, name=kind)
        plane = sdf.add(sdf.add(part, "geometry"), "plane")
        sdf.add(plane, "normal", (0, 0, 1))
        sdf.add(plane, "size", tuple((size_m + _AROUND_M).tolist()))
        if kind == "collision":
            sdf.friction(part, 1.0)
        else:
            sdf.colour(part, (0.9, 0.9, 0.88))


def _add_blocks(world: Element, blocks: list[Block]) -> None:
    if not blocks:
        return
    _, link = _static(world, _WALLS)
    for index, block in enumerate(blocks):
        for kind in ("collision", "visual"):
            part = sdf.add(link, kind, name=f"block_{index}_{kind}")
            sdf.place_on_floor(part, block.centre, WALL_HEIGHT_M / 2)
            sdf.box(part, block.length_m, block.width_m, WALL_HEIGHT_M)
            if kind == "visual":
                sdf.colour(part, sdf.GREY)


def _add_docks(world: Element, store: Store) -> None:
    """A mat under each docked robot and a charger before it; both are there for the eye alone, docks are driven onto."""
    if not store.floor.docks:
        return
    _, link = _static(world, _DOCKS)
    reach = {robot.dock: robot.profile.footprint.corners()[:, 0].max() for robot in store.robots}
    for number, dock in enumerate(store.floor.docks, start=1):
        # Numbered: of two names nothing may be left that tells them apart.
        _add_dock(link, f"dock_{number}", dock, float(reach.get(dock.name, 0.35)))


def _add_dock(link: Element, name: str, dock: Dock, reach_m: float) -> None:
    for what, x, size in (("mat", 0.0, (0.5, 0.4, 0.004)), ("charger", reach_m + 0.06, (0.1, 0.3, 0.3))):
        visual = sdf.add(link, "visual", name=f"{name}_{what}")
        sdf.place_on_floor(visual, dock.pose @ Pose(x, 0.0), size[2] / 2)
        sdf.box(visual, *size)
        sdf.colour(visual, (0.2, 0.6, 0.3))


def _add_clutter(world: Element, store: Store, clutter: Clutter) -> None:
    wanted = clutter.pallets + clutter.pillars
    for index, pose in enumerate(_free_places(store, wanted, clutter.seed)):
        pallet = index < clutter.pallets
        name = f"{_PALLET}_{index + 1}" if pallet else f"{_PILLAR}_{index + 1 - clutter.pallets}"
        model, link = _static(world, name)
        height = _PALLET_HEIGHT_M if pallet else _PILLAR_HEIGHT_M
        sdf.place_on_floor(model, pose, height / 2)
        for kind in ("collision", "visual"):
            part = sdf.add(link, kind, name=kind)
            if pallet:
                sdf.box(part, *_PALLET_M, height)
            else:
                sdf.cylinder(part, _PILLAR_RADIUS_M, height)
            if kind == "visual":
                sdf.colour(part, (0.6, 0.42, 0.22) if pallet else sdf.STEEL)


def _free_places(store: Store, count: int, seed: int) -> list[Pose]:
    """So many poses on free floor, apart from each other; ValueError when there is no room for them."""
    if not count:
        return []
    rng = np.random.default_rng(seed)
    half = max(float(np.hypot(*_PALLET_M)) / 2, _PILLAR_RADIUS_M)
    centres = _open_floor(store, half)
    taken = [store.floor.dock(robot.dock) for robot in store.robots]
    keep = [
        (dock.staging.x_m, dock.staging.y_m, _dock_room_m(robot))
        for dock, robot in zip(taken, store.robots, strict=True)
    ]
    found: list[Pose] = []
    for x, y in centres[rng.permutation(len(centres))[:_MOST_TRIES]].tolist():
        if len(found) == count:
            break
        if all(np.hypot(x - a, y - b) > half + room for a, b, room in keep):
            found.append(Pose(x, y, float(rng.uniform(0.0, np.pi))))
            keep.append((x, y, half))
    if len(found) < count:
        raise ValueError(f"there is room for {len(found)} pallets and pillars, not for {count}")
    return found


def _open_floor(store: Store, half_m: float) -> np.ndarray:
    field = ClearanceField.of(store.floor)
    rows_cols = np.argwhere(field.at_cell_centres > half_m)
    return store.floor.grid.centres(rows_cols) if len(rows_cols) else np.zeros((0, 2))


def _dock_room_m(robot: RobotSpec) -> float:
    return 1.0 + 2 * robot.profile.footprint.circumscribed_m
