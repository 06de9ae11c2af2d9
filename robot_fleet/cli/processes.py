"""The commands that start the fleet's processes: the controller and the simulated robots."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from robot_fleet.cli.options import DEFAULT_ADDRESS, RobotCount, StoreFolder


def serve(
    store: StoreFolder,
    address: Annotated[
        str,
        typer.Option(metavar="HOST:PORT", envvar="ROBOT_FLEET_ADDRESS", help="Where to listen; loopback only for now."),
    ] = DEFAULT_ADDRESS,
    data: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where runs are kept [default: ~/.local/state/robot_fleet/STORE]."),
    ] = None,
    sim_time: Annotated[bool, typer.Option("--sim-time", help="Go by the simulator's clock (/clock).")] = False,
    robots: RobotCount = None,
) -> None:
    """Run the controller of one store until SIGINT or SIGTERM.

    It speaks Nav2 to the robots and gRPC to everyone else. Killed and started again it takes up the run where it was.
    """
    # gRPC would tell of a busy port in its own words, beside ours.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    from robot_fleet.cli.log import log_to_stderr
    from robot_fleet.main.controller_process import Settings
    from robot_fleet.main.controller_process import serve as run_controller

    log_to_stderr()
    raise typer.Exit(run_controller(Settings(store, address, data, sim_time, robots)))
