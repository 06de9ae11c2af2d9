"""A small hall with two robots on virtual time behind the real controller, API server and gRPC socket."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
from shapely import box

from robot_fleet.api.server import ApiServer
from robot_fleet.api.services import FleetService
from robot_fleet.client import FleetClient
from robot_fleet.control.controller import Controller
from robot_fleet.control.hub import SnapshotHub
from robot_fleet.floor.grid import OCCUPIED, OccupancyGrid
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.profile import WORKING_W
from robot_fleet.floor.store import Dock, FloorMap, Keepout, RobotSpec, Store, Zone
from robot_fleet.planning.plan import CoveragePath, Leg, LegKind, Plan, PlanRequest, Starter
from robot_fleet.sim.site import VirtualSite


def hall() -> Store:
    """A hall of 10 x 6 m: the left half is zone "west", the right half zone "east"; robots r1 and r2 in the corners."""
    cells = np.zeros((120, 200), dtype=np.int8)
    cells[[0, -1], :] = cells[:, [0, -1]] = OCCUPIED
    zones = (Zone("west", box(0, 0, 5, 6), 1), Zone("east", box(5, 0, 10, 6), 2, "carpet"))
    docks = (Dock("d1", Pose(0.6, 0.6, -np.pi / 2)), Dock("d2", Pose(9.4, 0.6, -np.pi / 2)))
    keepouts = (Keepout("till", box(4.5, 5.0, 5.5, 6.0)),)
    robots = tuple(RobotSpec(f"r{i}", WORKING_W, f"d{i}", f"/r{i}") for i in (1, 2))
    return Store(FloorMap("hall", OccupancyGrid(cells, 0.05, Pose(0, 0)), zones, keepouts, docks), robots)


def plan_one_lane_each(request: PlanRequest) -> Plan:
    """One lane up and back for each robot, straight ahead of its dock: enough work for a look at a running fleet."""
    paths = tuple(_one_lane(request, starter) for starter in request.robots)
    grid = request.floor.grid
    requested_m2 = float(request.floor.requested(request.zones).sum()) * grid.cell_area_m2
    swept_m2 = sum(leg.length_m * 0.7 for path in paths for leg in path.legs if leg.head_on)
    return Plan(request.floor.name, request.zones, paths, (), requested_m2, swept_m2, swept_m2, 10.0)


def _one_lane(request: PlanRequest, starter: Starter) -> CoveragePath:
    assert starter.dock is not None
    home = starter.dock.staging
    far = (home.x_m, home.y_m + 3.0)
    near = (home.x_m, home.y_m)
    dock = (starter.dock.pose.x_m, starter.dock.pose.y_m)
    stretches = [
        (LegKind.UNDOCK, dock, near, 4.0, True),
        (LegKind.CLEAN, near, far, 20.0, False),
        (LegKind.TRANSIT, far, near, 20.0, False),
        (LegKind.DOCK, near, dock, 4.0, False),
    ]
    if not starter.docked:
        stretches = stretches[1:]
    legs, at_s = [], 0.0
    for number, (kind, start, end, seconds, reverse) in enumerate(stretches):
        name = f"{request.leg_prefix}{starter.name}-{number}"
        times = np.array([at_s, at_s + seconds])
        legs.append(Leg(name, kind, np.array([start, end]), times, request.zones[0], reverse))
        at_s += seconds
    return CoveragePath(starter.name, tuple(legs))


class ApiSite(VirtualSite):
    """The site with its controller behind a served API. Virtual time passes only when `advance` is called."""

    def __init__(self) -> None:
        self.hub = SnapshotHub()
        self.bugs: list[Exception] = []
        self.answers: list[tuple[str, str, float]] = []
        self.port = 0
        self.reopen = threading.Event()
        super().__init__(hall(), plan_one_lane_each)

    async def open(self) -> None:
        """Serves on a free loopback port; the robots have been heard."""
        await self._serve()
        self.advance(3.0)

    async def start_again(self) -> None:
        """The controller's process ends, and another one takes up its runs at the same port."""
        await self.server.close()
        self.hub = SnapshotHub()
        self.restart_controller()
        self.hub.publish(self.controller.snapshot)
        await self._serve()

    async def _serve(self) -> None:
        service = FleetService(self.store, self.controller, self.hub)
        self.server = ApiServer(service, self.hub, self._note, lambda *answer: self.answers.append(answer))
        self.port = self.server.bind(f"127.0.0.1:{self.port}")
        await self.server.start()

    async def let_pass(self, seconds: float) -> None:
        """Virtual time passes in small steps, with room for the server between."""
        for _ in range(round(seconds / 0.2)):
            self.advance(0.2)
            await asyncio.sleep(0)

    async def until(self, holds: Callable[[], bool], limit_s: float = 600.0) -> None:
        """Virtual time passes until something holds."""
        passed_s = 0.0
        while not holds():
            assert passed_s < limit_s, "it never came to hold"
            await self.let_pass(0.2)
            passed_s += 0.2

    def _new_controller(self) -> Controller:
        return Controller(self.store, self.driver, self.planner, self.run_store, self.clock, on_change=self.hub.publish)

    def _note(self, method: str, error: Exception) -> None:
        self.bugs.append(error)


@contextmanager
def served_site(pace: float = 20.0) -> Iterator[tuple[FleetClient, ApiSite]]:
    """A client, and the site served by a thread of its own, in which virtual time passes by itself."""
    site = ApiSite()
    ready, ended = threading.Event(), threading.Event()

    async def live() -> None:
        await site.open()
        ready.set()
        while not ended.is_set():
            if site.reopen.is_set():
                site.reopen.clear()
                await site.start_again()
            site.advance(0.2)
            await asyncio.sleep(0.2 / pace)
        await site.server.close()

    thread = threading.Thread(target=lambda: asyncio.run(live()))
    thread.start()
    try:
        assert ready.wait(20.0)
        with FleetClient(f"127.0.0.1:{site.port}") as client:
            yield client, site
    finally:
        ended.set()
        thread.join()
