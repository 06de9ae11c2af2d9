"""The commands that start the fleet's processes: the controller and the simulated robots."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from robot_fleet.cli.options import DEFAULT_ADDRESS, Database, PlanWithin, RobotCount, StoreFolder


def serve(
    store: StoreFolder,
    address: Annotated[
        str,
        typer.Option(metavar="HOST:PORT", envvar="ROBOT_FLEET_ADDRESS", help="Where to listen; loopback only for now."),
    ] = DEFAULT_ADDRESS,
    data: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where runs are kept; without it in ~/.local/state/robot_fleet/STORE."),
    ] = None,
    database: Database = "",
    keep_days: Annotated[
        int, typer.Option("--keep-days", metavar="N", min=1, help="Forget runs that ended longer ago than that.")
    ] = 400,
    sim_time: Annotated[bool, typer.Option("--sim-time", help="Go by the simulator's clock (/clock).")] = False,
    robots: RobotCount = None,
    plan_within: PlanWithin = None,
    metrics: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            envvar="ROBOT_FLEET_METRICS",
            help="Where Prometheus reads /metrics; nowhere without it.",
        ),
    ] = None,
    managed: Annotated[
        bool,
        typer.Option("--managed", help="Let robots work only once a ROS lifecycle manager has activated the node."),
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Log every leg and every checkpoint, too.")] = False,
    log_json: Annotated[bool, typer.Option("--log-json", help="Log one JSON object a line, for programs.")] = False,
) -> None:
    """Run the controller of one store until SIGINT or SIGTERM.

    It speaks Nav2 to the robots and gRPC to everyone else. Killed and started again it takes up the run where it was.
    """
    # gRPC would tell of a busy port in its own words, beside ours.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    from robot_fleet.cli.log import log_to_stderr
    from robot_fleet.main.bundled import use_our_dds_profile

    use_our_dds_profile()
    from robot_fleet.main.controller_process import Settings
    from robot_fleet.main.controller_process import serve as run_controller

    if data and database:
        from robot_fleet.cli.exits import CommandFailed, Exit

        text = "--data and --database (or ROBOT_FLEET_DATABASE) name two places for the same runs"
        raise CommandFailed(Exit.USAGE, text, "Leave one of them out.")
    log_to_stderr(verbose, log_json)
    settings = Settings(
        store, address, data, sim_time, robots, plan_within, metrics, managed, database=database, keep_days=keep_days
    )
    raise typer.Exit(run_controller(settings))


def sim(
    store: StoreFolder,
    speed: Annotated[
        float, typer.Option(metavar="X", min=0.05, max=200.0, help="So many times as fast as real.")
    ] = 1.0,
    robot: Annotated[
        str, typer.Option(metavar="NAME", help="Only this robot, on the clock that another process publishes.")
    ] = "",
    robots: RobotCount = None,
    clock_only: Annotated[
        bool, typer.Option("--clock-only", help="Only the clock, for robots in other processes.")
    ] = False,
    perfect: Annotated[bool, typer.Option("--perfect", help="Without noise, delays and straying.")] = False,
    seed: Annotated[int, typer.Option(help="The same seed gives the same noise.")] = 0,
    report: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write as JSON what truly happens: clean floor, collisions, ways."),
    ] = None,
    real_time: Annotated[
        bool,
        typer.Option("--real-time", help="Go by this machine's clock, as real robots do; `serve` without --sim-time."),
    ] = False,
    gazebo: Annotated[
        bool,
        typer.Option("--gazebo", help="Drive the robots of a running Gazebo world (see gazebo-world), on its clock."),
    ] = False,
) -> None:
    """Simulate the robots of a store behind Nav2's interfaces, until SIGINT or SIGTERM.

    The controller (`serve --sim-time`) cannot tell them from real ones.
    """
    from robot_fleet.cli.exits import CommandFailed, Exit

    if gazebo and (robot or clock_only):
        raise CommandFailed(
            Exit.USAGE, "--gazebo is for all robots of the store", "Leave --robot and --clock-only out."
        )
    if gazebo and speed != 1.0:
        what = "with --gazebo the clock is Gazebo's, and as fast as its world was written"
        raise CommandFailed(Exit.USAGE, what, "Leave --speed out, and give it to gazebo-world.")
    if real_time and (gazebo or clock_only or speed != 1.0):
        raise CommandFailed(
            Exit.USAGE,
            "--real-time is this machine's clock, which has no speed",
            "Leave --speed, --clock-only and --gazebo out.",
        )
    from robot_fleet.cli.exits import check_writable
    from robot_fleet.cli.log import log_to_stderr
    from robot_fleet.main.simulator_process import SimSettings, simulate

    check_writable(*filter(None, [report]))
    log_to_stderr()
    simulate(SimSettings(store, speed, robots, robot, clock_only, perfect, seed, report, gazebo, real_time))
