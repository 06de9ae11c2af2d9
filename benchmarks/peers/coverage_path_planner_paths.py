"""Paths of coverage-path-planner (lines, rings and squares for robot mowers) for one floor, with several settings.

Runs in an environment of its own and knows nothing of robot_fleet: a floor as JSON comes in, paths as JSON go out. The floor
is given as {"inners": {name: rings}, "start": [x, y], "spacing_m", "angle_rad"}: an inner is where the robot's centre may be,
so the planner's own distance to the border is 0 and its laps run at the clearance.
"""

from __future__ import annotations

import itertools
import json
import math
import sys
import time

import coverage_path_planner as peer

# Pattern, turned by, laps along the outer wall, laps around the shelves.
SETTINGS = (
    ("lines", 0.0, 0, 0),
    ("lines", math.pi / 2, 0, 0),
    ("lines", 0.0, 1, 1),
    ("lines", math.pi / 2, 1, 1),
    ("lines", math.pi / 2, 2, 1),
    ("lines", math.pi / 2, 1, 2),
    ("rings", 0.0, 0, 0),
    ("squares", 0.0, 1, 1),
)


def polygon(ring: list[list[float]]) -> peer.Polygon:
    """A ring without its last corner, which is the first again."""
    return peer.Polygon([peer.Point(x, y) for x, y in ring[:-1]])


def path(floor: dict, inner: str, pattern: str, turned: float, laps: int, shelf_laps: int) -> dict:
    """One path with the seconds that it took."""
    outline, *shelves = floor["inners"][inner]
    environment = peer.Environment(polygon(outline))
    for ring in shelves:
        environment.addObstacle(polygon(ring))
    settings = peer.PathSettings()
    settings.pattern, settings.offset, settings.angle = pattern, floor["spacing_m"], floor["angle_rad"] + turned
    settings.distanceToBorder, settings.mowArea = 0.0, True
    settings.mowBorder, settings.borderLaps = laps > 0, laps
    settings.mowExclusionsBorder, settings.exclusionsBorderLaps = shelf_laps > 0, shelf_laps
    began = time.perf_counter()
    points = peer.PathService().computeFullTask(environment, settings, peer.Point(*floor["start"])).path.getPoints()
    seconds = time.perf_counter() - began
    name = f"{pattern} {math.degrees(turned):.0f}°, {laps} + {shelf_laps} laps, {inner}"
    return {"settings": name, "seconds": seconds, "pieces": [[[point.x, point.y] for point in points]]}


if __name__ == "__main__":
    asked = json.load(sys.stdin)
    for name, setting in itertools.product(asked["inners"], SETTINGS):
        # A line each, so that what is done counts even if a later setting takes for ever.
        print(json.dumps(path(asked, name, *setting)), flush=True)
