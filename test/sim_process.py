"""A simulator of a small room for tests: `python sim_process.py SPEED [all|clock|ROBOT] [REPORT]`. Says "ready"."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import numpy as np

from robot_fleet.floor.grid import OCCUPIED, OccupancyGrid
from robot_fleet.floor.pose import Pose
from robot_fleet.floor.profile import WORKING_W
from robot_fleet.floor.store import Dock, FloorMap, RobotSpec, Store
from robot_fleet.sim.realism import Realism
from robot_fleet.sim.ros_face import run_simulator

DELAYED = Realism(pose_delay_s=0.3)


def small_room() -> Store:
    """10 x 6 m, two robots; the map of r2 is not ours."""
    cells = np.zeros((120, 200), dtype=np.int8)
    cells[[0, -1], :] = cells[:, [0, -1]] = OCCUPIED
    docks = (Dock("d1", Pose(0.5, 1.0, math.pi)), Dock("d2", Pose(9.5, 1.0, 0.0)))
    robots = (
        RobotSpec("r1", WORKING_W, "d1", "r1"),
        RobotSpec("r2", WORKING_W, "d2", "fleet/r2", map_to_robot=Pose(1.0, 2.0, math.pi / 2)),
    )
    return Store(FloorMap("room", OccupancyGrid(cells, 0.05, Pose(0, 0)), docks=docks), robots)


def main() -> None:
    """Runs until it is told to end."""
    speed, which = float(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "all"
    report = Path(sys.argv[3]) if len(sys.argv) > 3 else None
    robot = None if which in ("all", "clock") else which
    run_simulator(
        small_room(),
        speed,
        robot,
        DELAYED,
        report=report,
        clock_only=which == "clock",
        on_ready=lambda: print("ready", flush=True),
    )


if __name__ == "__main__":
    main()
