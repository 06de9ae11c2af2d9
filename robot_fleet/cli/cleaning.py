"""The commands about cleaning runs: each is one call to the controller."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Annotated

import typer

from robot_fleet.cli.exits import CommandFailed, Exit
from robot_fleet.cli.options import DEFAULT_ADDRESS, ActiveRunId, Address, AsJson, RunId, names

if TYPE_CHECKING:
    from robot_fleet.client import FleetClient
    from robot_fleet.control.snapshot import RunView


def start(
    zones: Annotated[list[str] | None, typer.Argument(metavar="ZONE...", help="Zones to clean; none: all.")] = None,
    robots: Annotated[str, typer.Option(metavar="A,B", help="Robots that may take part; none: all.")] = "",
    request_id: Annotated[
        str, typer.Option(metavar="ID", help="Makes the call safe to repeat: the same ID gives the same run.")
    ] = "",
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Follow the run until it ends.")] = False,
    as_json: AsJson = False,
    address: Address = DEFAULT_ADDRESS,
) -> None:
    """Start a cleaning run."""
    from robot_fleet.client import FleetClient

    with FleetClient(address) as fleet:
        run = fleet.start(zones or (), names(robots), request_id)
        if watch:
            _follow(fleet, run.run_id, as_json)
        elif as_json:
            _print_run_json(run)
        else:
            print(f"{run.run_id} started: {', '.join(run.zones)}")
            print("Follow it with `robot-fleet watch`, end it with `robot-fleet stop`.")


def stop(
    run_id: ActiveRunId = "",
    wait: Annotated[
        float, typer.Option(metavar="S", min=0.0, max=60.0, help="How long to wait for the robots to rest, in seconds.")
    ] = 10.0,
    as_json: AsJson = False,
    address: Address = DEFAULT_ADDRESS,
) -> None:
    """Stop a run for good, and wait until its robots rest.

    What was cleaned is kept. Ends with 1 and names the robots when one did not
    confirm that it rests.

    This is no emergency stop: use the button on the robot for that.
    """
    from robot_fleet.client import FleetClient

    with FleetClient(address) as fleet:
        run = fleet.stop(run_id or _active(fleet).run_id, wait)
    _tell(run, as_json)
    if run.unconfirmed or not run.state.is_terminal:
        who = ", ".join(run.unconfirmed) or "some robots"
        raise CommandFailed(Exit.FAILED, f"not known to be at rest: {who}", "Go and look; use the robot's own button.")


def pause(run_id: ActiveRunId = "", as_json: AsJson = False, address: Address = DEFAULT_ADDRESS) -> None:
    """Let the robots of a run rest where they are, until `resume`."""
    from robot_fleet.client import FleetClient

    with FleetClient(address) as fleet:
        _tell(fleet.pause(run_id or _active(fleet).run_id), as_json)


def resume(run_id: ActiveRunId = "", as_json: AsJson = False, address: Address = DEFAULT_ADDRESS) -> None:
    """Let a paused run go on where it was."""
    from robot_fleet.client import FleetClient

    with FleetClient(address) as fleet:
        _tell(fleet.resume(run_id or _active(fleet).run_id), as_json)


def status(run_id: RunId = "", as_json: AsJson = False, address: Address = DEFAULT_ADDRESS) -> None:
    """Show a run: what is cleaned, what its robots do, what stays dirty and why."""
    from robot_fleet.cli.screen import stdout
    from robot_fleet.cli.tables import run_page
    from robot_fleet.client import FleetClient

    with FleetClient(address) as fleet:
        run = fleet.get(run_id) if run_id else _current(fleet)
        if as_json:
            _print_run_json(run)
        else:
            stdout().print(run_page(run, fleet.robots()))


def watch(run_id: RunId = "", as_json: AsJson = False, address: Address = DEFAULT_ADDRESS) -> None:
    """Follow a run until it ends: area, each robot's state and battery, time to go.

    With --json one line for each change. Ends with 0 when the run was COMPLETED,
    else with 1. A controller that is started again is found again. Ctrl-C ends
    the watching, not the run.
    """
    from robot_fleet.client import FleetClient

    with FleetClient(address) as fleet:
        _follow(fleet, run_id or _current(fleet).run_id, as_json)


def runs(
    limit: Annotated[int, typer.Option(metavar="N", min=1, help="How many at most.")] = 20,
    as_json: AsJson = False,
    address: Address = DEFAULT_ADDRESS,
) -> None:
    """List the store's runs, newest first."""
    from robot_fleet.cli.screen import print_json, stdout
    from robot_fleet.cli.tables import runs_table
    from robot_fleet.cli.watching import run_json
    from robot_fleet.client import FleetClient

    with FleetClient(address) as fleet:
        found = list(itertools.islice(fleet.runs(), limit))
    if as_json:
        print_json([run_json(run) for run in found])
    elif found:
        stdout().print(runs_table(found))
    else:
        print("There are no runs yet. Start one with `robot-fleet start`.")


def _current(fleet: FleetClient) -> RunView:
    run = fleet.current_run()
    if run is None:
        raise CommandFailed(Exit.REFUSED, "there are no runs yet", "Start one with `robot-fleet start`.")
    return run


def _active(fleet: FleetClient) -> RunView:
    run = fleet.current_run()
    if run is None or run.state.is_terminal:
        raise CommandFailed(Exit.REFUSED, "no run is active", "`robot-fleet runs` lists those that have ended.")
    return run


def _follow(fleet: FleetClient, run_id: str, as_json: bool) -> None:
    from robot_fleet.cli.watching import follow

    run = follow(fleet, run_id, as_json)
    if run.state.value != "COMPLETED":
        raise typer.Exit(Exit.FAILED)


def _tell(run: RunView, as_json: bool) -> None:
    from robot_fleet.cli.figures import area, share

    if as_json:
        _print_run_json(run)
    else:
        cleaned = f"{share(run.cleaned_m2, run.coverable_m2)} cleaned, {area(run.cleaned_m2)}"
        print(f"{run.run_id} {run.state.value}: {cleaned}")


def _print_run_json(run: RunView) -> None:
    from robot_fleet.cli.screen import print_json
    from robot_fleet.cli.watching import run_json

    print_json(run_json(run, polygons=True))
