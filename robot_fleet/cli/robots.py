"""The commands about robots and alerts."""

from __future__ import annotations

import itertools
from typing import Annotated

import typer

from robot_fleet.cli.options import DEFAULT_ADDRESS, Address, AsJson


def robots(as_json: AsJson = False, address: Address = DEFAULT_ADDRESS) -> None:
    """List the robots: what they do, where they are, their batteries."""
    from robot_fleet.cli.screen import print_json, stdout
    from robot_fleet.cli.tables import robots_table
    from robot_fleet.client import FleetClient

    with FleetClient(address) as fleet:
        found = fleet.robots()
    if as_json:
        print_json(found)
    else:
        stdout().print(robots_table(found))


def alerts(
    every: Annotated[bool, typer.Option("--all", help="Also what is settled.")] = False,
    limit: Annotated[int, typer.Option(metavar="N", min=1, help="How many at most.")] = 50,
    as_json: AsJson = False,
    address: Address = DEFAULT_ADDRESS,
) -> None:
    """List what a person should know, newest first, and what to do about it."""
    from robot_fleet.cli.screen import print_json, stdout
    from robot_fleet.cli.tables import alerts_table
    from robot_fleet.client import FleetClient

    with FleetClient(address) as fleet:
        found = list(itertools.islice(fleet.alerts(active_only=not every), limit))
    if as_json:
        print_json(found)
    elif found:
        stdout().print(alerts_table(found))
    else:
        print("Nothing needs anybody." if not every else "There has been no alert.")


def ack(
    robot: Annotated[str, typer.Argument(help="The robot that is HELD.")],
    person: Annotated[str, typer.Option(help="Who has seen to it; it is recorded.")],
    as_json: AsJson = False,
    address: Address = DEFAULT_ADDRESS,
) -> None:
    """Let a HELD robot work again, on a person's word.

    A robot is held after an emergency stop, a contact or a fault. Go to it first: it may move at once afterwards.
    """
    from robot_fleet.cli.screen import print_json
    from robot_fleet.client import FleetClient

    with FleetClient(address) as fleet:
        seen = fleet.acknowledge(robot, person)
    if as_json:
        print_json(seen)
    else:
        print(f"{seen.name} is {seen.state.value}; recorded: {person}")
