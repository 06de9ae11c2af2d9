"""A small plan for its own sake: afterwards every hot loop is machine code, in this process and kept on disk.

Run by the set-up (`python -m robot_fleet.planning.rehearsal`) and by a planning process before its first request.
"""

from __future__ import annotations

import math

import numpy as np
from shapely import box

from robot_fleet.floor.grid import OccupancyGrid
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.profile import BUILT_IN
from robot_fleet.floor.store import FloorMap, OneWay, Zone
from robot_fleet.planning.frame import Frame
from robot_fleet.planning.plan import Plan, PlanRequest, Starter
from robot_fleet.planning.planner import plan
from robot_fleet.planning.roadmap import Roadmap
from robot_fleet.planning.routing import Router
from robot_fleet.planning.terrain import Terrain

_SIDE_M = 0.1
_WIDE_M, _DEEP_M = 6.0, 4.0
# Each loop is to run, but not to search for long.
_SOON_S = 1.0
_ASKEW_RAD = 0.1


def rehearse() -> Plan:
    """Plans a room with a pillar and a one-way for two robots, looks at it askew, and goes round the pillar."""
    cells = np.full((round(_DEEP_M / _SIDE_M), round(_WIDE_M / _SIDE_M)), 100, dtype=np.int8)
    cells[1:-1, 1:-1] = 0
    cells[18:21, 30:33] = 100
    room = Zone("room", box(0.0, 0.0, _WIDE_M, _DEEP_M))
    aisle = OneWay("aisle", box(3.2, 1.0, 6.0, 3.0), math.pi / 2)
    floor = FloorMap("room", OccupancyGrid(cells, _SIDE_M, Pose(0.0, 0.0, 0.0)), (room,), one_ways=(aisle,))
    router = Router(floor, BUILT_IN["W"])
    router.prepare()
    router.reaching(Pose(1.0, 1.0))
    terrain = Terrain.of(floor, BUILT_IN["W"])
    Frame.of(terrain, _ASKEW_RAD)
    beside_pillar = np.array([(2.2, 2.0), (4.2, 2.0)])
    Roadmap.of(terrain, terrain.distance_m > terrain.keep_m, beside_pillar).way(0, 1)
    robots = [Starter(f"robot_{k}", BUILT_IN["W"], Pose(1.0 + 4.0 * k, 1.0, 0.0), False, None) for k in range(2)]
    return plan(PlanRequest(floor, tuple(robots), ("room",), deadline_s=_SOON_S))


if __name__ == "__main__":
    rehearse()
