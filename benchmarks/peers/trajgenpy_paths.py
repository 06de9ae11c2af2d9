"""Sweeps of trajgenpy (boustrophedon cells by CGAL) for one floor, with several settings.

Runs in an environment of its own and knows nothing of robot_fleet: importing trajgenpy's CGAL code changes the rounding mode
of the process, which falsifies the geometry of shapely. A floor as JSON comes in, sweeps as JSON go out, one piece for each
cell. trajgenpy snaps corners to 10 cm, so it is offered the floor with more and with less room for that.
"""

from __future__ import annotations

import itertools
import json
import sys
import time

import shapely
from trajgenpy.Geometries import decompose_polygon, generate_sweep_pattern

# Metres that the robot's centre keeps more than it must; whether sweeps begin clockwise.
SETTINGS = ((0.0, True), (0.0, False), (0.05, True), (-0.05, False))


def sweeps(floor: dict, name: str, more_m: float, clockwise: bool) -> dict:
    """The sweeps of every cell, joined within the cell, with the seconds that they took."""
    outline, *holes = floor["inners"][name]
    inner = shapely.Polygon(outline, holes)
    inner = max(getattr(inner.buffer(-more_m), "geoms", [inner.buffer(-more_m)]), key=lambda part: part.area)
    shelves = shapely.MultiPolygon([shapely.Polygon(ring) for ring in inner.interiors])
    began = time.perf_counter()
    cells = decompose_polygon(shapely.Polygon(inner.exterior), shelves if len(shelves.geoms) else None)
    pieces = []
    for cell in cells:
        try:
            lines = generate_sweep_pattern(cell, floor["spacing_m"], clockwise, True)
        except (ValueError, RuntimeError):
            continue
        pieces += [list(map(list, line.coords)) for line in lines if not line.is_empty]
    settings = f"{len(cells)} cells, {'clockwise' if clockwise else 'counter-clockwise'}, {100 * more_m:.0f} cm more room, {name}"
    return {"settings": settings, "seconds": time.perf_counter() - began, "pieces": pieces}


if __name__ == "__main__":
    asked = json.load(sys.stdin)
    for inner_name, setting in itertools.product(asked["inners"], SETTINGS):
        print(json.dumps(sweeps(asked, inner_name, *setting)), flush=True)
