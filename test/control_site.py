"""A hall of 12 x 8 m with two robots on virtual time, and a plan by hand: up and down, so that tests need no planner."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from shapely import LineString, box

from robot_fleet.control.outages import LastingController
from robot_fleet.control.ports import CannotStore, Record, RunStore
from robot_fleet.control.snapshot import RobotView, RunView
from robot_fleet.fleet.events import BatteryReported, Event
from robot_fleet.fleet.states import RobotState
from robot_fleet.floor.grid import OccupancyGrid
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.profile import WORKING_W
from robot_fleet.floor.store import Dock, FloorMap, RobotSpec, Store, Zone
from robot_fleet.planning.plan import CoveragePath, Leg, LegKind, Plan, PlanRequest, Starter
from robot_fleet.sim.realism import EXECUTED, Realism
from robot_fleet.sim.site import VirtualSite
from robot_fleet.sim.virtual import MemoryRunStore

EAST, SPACING = 11.5, 0.65
FULL = "database or disk is full"


def hall() -> Store:
    cells = np.zeros((160, 240), dtype=np.int8)
    cells[[0, -1], :] = 100
    cells[:, [0, -1]] = 100
    docks = (Dock("d1", Pose(0.6, 1.0, math.pi)), Dock("d2", Pose(0.6, 2.4, math.pi)))
    zones = (Zone("west", box(0, 0, 6, 8)), Zone("east", box(6, 0, 12, 8)))
    floor = FloorMap("hall", OccupancyGrid(cells, 0.05, Pose(0, 0, 0)), zones, (), docks)
    return Store(floor, (RobotSpec("r1", WORKING_W, "d1", "r1"), RobotSpec("r2", WORKING_W, "d2", "r2")))


def by_hand(request: PlanRequest) -> Plan:
    """Each robot goes up and down over its part of the hall that is not clean or closed, then home."""
    width = (EAST - 1.9) / len(request.robots)
    paths = []
    for index, robot in enumerate(request.robots):
        columns = list(np.arange(1.9 + index * width, 1.9 + (index + 1) * width - 0.1, SPACING))
        todo = [x for x in columns if not _is_clean(request, x)]
        paths.append(CoveragePath(robot.name, _legs(request, robot, todo)))
    requested = float(request.floor.requested(request.zones).sum()) * request.floor.grid.cell_area_m2
    return Plan("hall", request.zones, tuple(paths), (), requested, requested, requested, 100.0)


def site(realism: Realism = EXECUTED, **options: object) -> VirtualSite:
    """The hall with its controller, both robots heard and ready."""
    made = VirtualSite(hall(), by_hand, realism, **options)  # type: ignore[arg-type]
    made.advance(3.0)
    return made


class Disk(MemoryRunStore):
    """Storage that takes nothing while it is full."""

    full = unreadable = False

    def commit(self, event: str, records: Sequence[Record]) -> None:
        if self.full:
            raise CannotStore(FULL)
        super().commit(event, records)

    def load(self, kind: str, prefix: str = "") -> dict[str, bytes]:
        if self.unreadable:
            raise CannotStore(FULL)
        return super().load(kind, prefix)


def lasting(disk: RunStore | None = None, made: VirtualSite | None = None) -> VirtualSite:
    """The hall, or another site, behind a controller that lasts through outages of its storage; its robots heard and ready."""
    disk, made = disk or Disk(), made or site()
    made.run_store = disk  # type: ignore[assignment]
    names = [robot.name for robot in made.store.robots]
    made._is_down = False
    made.controller = LastingController(made._new_controller, names, made.driver, disk, made.clock)  # type: ignore[assignment]
    made.advance(3.0)
    return made


def run_of(made: VirtualSite) -> RunView:
    """The newest run."""
    return made.controller.snapshot.runs[-1]


def robot_of(made: VirtualSite, name: str) -> RobotView:
    """The robot of that name."""
    return next(view for view in made.controller.snapshot.robots if view.name == name)


def until_ended(made: VirtualSite, limit_s: float = 4000.0) -> RunView:
    """Lets time pass until the newest run has ended."""
    while not run_of(made).state.is_terminal and made.world.now_s < limit_s:
        made.advance(2.0)
    return run_of(made)


def all_docked(made: VirtualSite) -> bool:
    """Whether every robot that lives stands on its dock."""
    return all(robot.docked_at for robot in made.world.robots.values() if robot.alive)


def _is_clean(request: PlanRequest, x: float) -> bool:
    if any(polygon.distance(LineString([(x, 0.5), (x, 7.5)])) < 0.40 for polygon in request.closed):
        return True
    if request.cleaned is None:
        return False
    cells = request.floor.grid.cells_at([(x, y) for y in np.arange(1.0, 7.0, 0.1)])
    return bool(request.cleaned[cells[:, 0], cells[:, 1]].mean() > 0.9)


def _legs(request: PlanRequest, robot: Starter, columns: list[float]) -> tuple[Leg, ...]:
    assert robot.dock is not None
    here = np.array([robot.pose.x_m, robot.pose.y_m])
    staging = np.array([robot.dock.staging.x_m, robot.dock.staging.y_m])
    legs: list[tuple[LegKind, np.ndarray]] = []
    if columns and robot.docked:
        legs.append((LegKind.UNDOCK, np.array([here, staging])))
        here = staging
    if columns:
        ends = [[(x, 0.5), (x, 7.5)] if k % 2 == 0 else [(x, 7.5), (x, 0.5)] for k, x in enumerate(columns)]
        lane = np.array(ends).reshape(-1, 2)
        legs += [(LegKind.TRANSIT, np.array([here, lane[0]])), (LegKind.CLEAN, lane)]
        here = lane[-1]
    if columns or not robot.docked:
        dock = np.array([robot.dock.pose.x_m, robot.dock.pose.y_m])
        legs += [(LegKind.TRANSIT, np.array([here, staging])), (LegKind.DOCK, np.array([staging, dock]))]
    return tuple(
        Leg(f"{request.leg_prefix}{robot.name}-{k}", kind, points, _times(points), "west", kind is LegKind.UNDOCK)
        for k, (kind, points) in enumerate(legs)
        if np.ptp(points, axis=0).max() > 1e-3
    )


def _times(points: np.ndarray) -> np.ndarray:
    return np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T) / 0.5)))


def until(made: VirtualSite, name: str, state: RobotState, limit_s: float = 1000.0) -> None:
    """Lets time pass until a robot is in a state."""
    end_s = made.world.now_s + limit_s
    while robot_of(made, name).state is not state:
        assert made.world.now_s < end_s, f"{name} was never {state.value}"
        made.advance(0.2)


def deaf_to_batteries(made: VirtualSite, name: str) -> None:
    """From now on nothing is heard of that robot's battery."""
    handle = made.controller.handle

    def hear(event: Event) -> None:
        if not (isinstance(event, BatteryReported) and event.robot == name):
            handle(event)

    made.controller.handle = hear  # type: ignore[method-assign]
