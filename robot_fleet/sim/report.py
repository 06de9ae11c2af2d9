"""What truly happened in a simulation, as files: a JSON document and an .npz with its arrays beside it."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robot_fleet.sim.world import World


@dataclass(frozen=True, eq=False)
class Report:
    """What had happened in a world until a moment: as much work as a copy. To write it is more, and another thread may do that."""

    document: dict[str, Any]
    truth: NDArray[np.bool_]
    tracks: dict[str, list[tuple[float, float, float]]]

    @classmethod
    def of(cls, world: World, **more: object) -> Report:
        """All until now; `more` is added to the document."""
        world.settle()
        return cls(report_of(world) | more, world.truth.cleaned.copy(), world.copied_tracks())

    def write(self, path: Path) -> None:
        """Replaces the report at `path` and its arrays (same name, .npz) as a whole; a reader never sees half of one.

        The arrays: `truth` (rows, cols), the free floor that running heads passed over, and `track_NAME` (n, 3) for each
        robot: seconds, x, y in the map frame.
        """
        arrays: dict[str, NDArray[Any]] = {f"track_{name}": np.array(track) for name, track in self.tracks.items()}
        arrays["truth"] = self.truth
        unfinished = path.with_suffix(".npz.new")
        with unfinished.open("wb") as file:
            np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
        os.replace(unfinished, path.with_suffix(".npz"))
        unfinished = path.with_suffix(path.suffix + ".new")
        unfinished.write_text(json.dumps(self.document, indent=1) + "\n")
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
                "scrubbed_m2": round(world.scrubbed_m2[name], 2),
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
    """The document, the truth mask (rows, cols) and the true tracks of a report that a `Report` wrote."""
    document = json.loads(path.read_text())
    with np.load(path.with_suffix(".npz")) as arrays:
        tracks = {name.removeprefix("track_"): arrays[name] for name in arrays.files if name != "truth"}
        return document, arrays["truth"], tracks
