"""The commands about Gazebo: a store as its world, and the bridge to ROS."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from robot_fleet.cli.exits import CommandFailed, Exit, check_writable
from robot_fleet.cli.options import AsJson, RobotCount, StoreFolder
from robot_fleet.cli.plans import ProfileName, StoreArgument

Fortress = Annotated[
    bool, typer.Option("--fortress", help="For Gazebo Fortress (ign gazebo) instead of Harmonic (gz sim).")
]


def gazebo_world(
    store: StoreArgument,
    robots: RobotCount = None,
    profile: ProfileName = "",
    out: Annotated[Path, typer.Option(metavar="DIR", help="The folder for the world file, STORE.sdf.")] = Path(
        "gazebo"
    ),
    fortress: Fortress = False,
    pallets: Annotated[int, typer.Option(min=0, max=200, help="So many pallets that the map does not show.")] = 0,
    pillars: Annotated[int, typer.Option(min=0, max=200, help="So many pillars that the map does not show.")] = 0,
    seed: Annotated[int, typer.Option(min=0, help="The same seed puts them in the same places.")] = 0,
    speed: Annotated[
        float, typer.Option(metavar="X", min=0.05, max=20.0, help="So many times as fast as real, where it can.")
    ] = 1.0,
    as_json: AsJson = False,
) -> None:
    """Write a store as a Gazebo world: floor, walls, shelves, docks, and robots with wheels in their docks.

    The world's frame is the store's map frame. Pallets and pillars stand where
    robots drive: only robots that see obstacles can pass.
    """
    from robot_fleet.main.gazebo_world import WorldSettings, write_world

    settings = WorldSettings(store, out, robots, profile, fortress, pallets, pillars, seed, speed)
    try:
        written = write_world(settings)
    except OSError as fault:
        what = f"{out} cannot be written: {fault.strerror}"
        raise CommandFailed(Exit.USAGE, what, "Name another folder with --out DIR.") from None
    if as_json:
        from robot_fleet.cli.screen import print_json

        print_json({"file": str(written.file), "shapes": written.shapes, "robots": written.robots})
        return
    print(f"Written: {written.file}, {written.robots} robots, {written.shapes} collision shapes")
    print(f"Run it:  {written.command}")


def gazebo_bridge(
    store: StoreFolder,
    robots: RobotCount = None,
    heads: Annotated[
        bool,
        typer.Option("--heads", help="Offer each robot's head, battery and safety status too, beside its own Nav2."),
    ] = False,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE", help="With --heads: write as JSON what truly happens, as `sim` does.")
    ] = None,
) -> None:
    """Carry topics between Gazebo and ROS, without ros_gz, until SIGINT or SIGTERM.

    For each robot of the store: cmd_vel to Gazebo; odom, ground_truth and tf
    from there, and /clock. It waits for Gazebo, and finds it again when that
    is started anew. Both must agree on GZ_IP and GZ_PARTITION (of Fortress
    IGN_IP and IGN_PARTITION) where these are set.
    """
    from robot_fleet.cli.log import log_to_stderr
    from robot_fleet.main.gazebo_bridge_process import bridge

    if report is not None and not heads:
        what = "--report needs --heads: only with them is it known what gets clean"
        raise CommandFailed(Exit.USAGE, what, "Add --heads, or leave --report out.")
    check_writable(*filter(None, [report]))
    log_to_stderr()
    bridge(store, robots, heads, report)
