"""What truly happened in a simulation, as files: a JSON document and an .npz with its arrays beside it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robot_fleet.sim.world import World


def write_report(path: Path, world: World, **more: object) -> None:
    """Replaces the report at `path` and its arrays (same name, .npz) as a whole; a reader never sees half of one.

    The arrays: `truth` (rows, cols), the free floor that running heads passed over, and `track_NAME` (n, 3) for each
    robot: seconds, x, y in the map frame. `more` is added to the document.
    """
    world.settle()
    arrays: dict[str, NDArray[Any]] = {f"track_{name}": track for name, track in world.tracks.items()}
    arrays["truth"] = world.truth.cleaned
    unfinished = path.with_suffix(".npz.new")
    with unfinished.open("wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
    os.replace(unfinished, path.with_suffix(".npz"))
    unfinished = path.with_suffix(path.suffix + ".new")
    unfinished.write_text(json.dumps(report_of(world) | more, indent=1) + "\n")
    os.replace(unfinished, path)


def report_of(world: World) -> dict[str, Any]:
    """The document, as plain values. Metres, seconds of the simulation's clock."""
    distance_m = world.distance_m
    return {
        "store": world.store.floor.name,
        "clock_s": round(world.now_s, 3),
        "truly_cleaned_m2": round(world.truth.cleaned_m2, 3),
        "robots": {
            name: {
                "distance_m": round(distance_m[name], 2),
                "battery": round(robot.battery, 4),
                "alive": robot.alive,
                "docked": robot.docked_at is not None,
                "hold": robot.hold,
                "pose": [robot.pose.x_m, robot.pose.y_m, robot.pose.yaw_rad],
            }
            for name, robot in world.robots.items()
        },
        "collisions": [
            {
                "at_s": round(hit.at_s, 2),
                "robot": hit.robot,
                "with": hit.other,
                "x_m": hit.pose.x_m,
                "y_m": hit.pose.y_m,
            }
            for hit in world.collisions
        ],
    }


def read_truth(path: Path) -> tuple[dict[str, Any], NDArray[np.bool_], dict[str, NDArray[np.float64]]]:
    """The document, the truth mask (rows, cols) and the true tracks of a report that `write_report` wrote."""
    document = json.loads(path.read_text())
    with np.load(path.with_suffix(".npz")) as arrays:
        tracks = {name.removeprefix("track_"): arrays[name] for name in arrays.files if name != "truth"}
        return document, arrays["truth"], tracks
