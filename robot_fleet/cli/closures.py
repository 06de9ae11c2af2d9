"""The commands about floor that is closed for a while."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated

import typer

from robot_fleet.cli.exits import CommandFailed, Exit
from robot_fleet.cli.options import DEFAULT_ADDRESS, Address, AsJson

if TYPE_CHECKING:
    from robot_fleet.control.snapshot import ClosureView

_MOST_MINUTES = 7 * 24 * 60


def close_floor(
    name: Annotated[str, typer.Argument(help="Why it is closed; a name that is closed already is drawn anew.")],
    corners: Annotated[
        list[str], typer.Argument(metavar="X,Y...", help="Its corners in order, in metres of the map frame.")
    ],
    minutes: Annotated[
        float | None, typer.Option(metavar="N", help="Open it by itself after so long; without it `open-floor` does.")
    ] = None,
    as_json: AsJson = False,
    address: Address = DEFAULT_ADDRESS,
) -> None:
    """Close floor for a while, in the middle of a run too: wet paint, a spill.

    Robots keep off it. One that stands in it gets out with its head off, if it
    has work; one without work stays where it is.

    This is no emergency stop: use the button on the robot for that.
    """
    from shapely import Polygon

    from robot_fleet.cli.screen import print_json
    from robot_fleet.client import FleetClient

    outline = [_corner(number, text) for number, text in enumerate(corners, 1)]
    if len(outline) < 3:
        what = f"{len(outline)} corner{'s' * (len(outline) != 1)} of '{name}' are given, and floor has 3 or more"
        raise CommandFailed(Exit.USAGE, what, "Give all corners in order, for instance 5,3 6.5,3 6.5,4.5 5,4.5.")
    lasts_s = None if minutes is None else _seconds(minutes)
    with FleetClient(address) as fleet:
        closed = fleet.close_floor(name, Polygon(outline), lasts_s)
    if as_json:
        print_json(closed)
    else:
        _tell(closed)


def open_floor(
    name: Annotated[str, typer.Argument(help="The name that it was closed by.")],
    as_json: AsJson = False,
    address: Address = DEFAULT_ADDRESS,
) -> None:
    """Open closed floor again; what of it is still wanted is cleaned."""
    from robot_fleet.cli.screen import print_json
    from robot_fleet.client import FleetClient

    with FleetClient(address) as fleet:
        fleet.open_floor(name)
    if as_json:
        print_json({"opened": name})
    else:
        print(f"{name} is open")


def closures(as_json: AsJson = False, address: Address = DEFAULT_ADDRESS) -> None:
    """List the floor that is closed: how large, until when, who stands in it."""
    from robot_fleet.cli.screen import print_json, stdout
    from robot_fleet.cli.tables import closures_table
    from robot_fleet.client import FleetClient

    with FleetClient(address) as fleet:
        found = fleet.closures()
    if as_json:
        print_json(found)
    elif found:
        stdout().print(closures_table(found))
    else:
        print("No floor is closed.")


def _corner(number: int, text: str) -> tuple[float, float]:
    remedy = "Give each as two numbers with a comma between, in metres of the map frame: 6.5,3"
    try:
        x, y = (float(part) for part in text.split(","))
    except ValueError:
        raise CommandFailed(Exit.USAGE, f"corner {number}, '{text[:40]}', is not X,Y", remedy) from None
    if not (math.isfinite(x) and math.isfinite(y)):
        raise CommandFailed(Exit.USAGE, f"corner {number}, '{text[:40]}', is nowhere", remedy)
    return x, y


def _seconds(minutes: float) -> float:
    if not 0.0 < minutes <= _MOST_MINUTES:
        what = f"--minutes: {minutes:g} is not possible"
        raise CommandFailed(Exit.USAGE, what, f"Give up to {_MOST_MINUTES} (a week), or leave it out.")
    return 60.0 * minutes


def _tell(closed: ClosureView) -> None:
    from robot_fleet.cli.figures import area, time_of_day

    until = f"until {time_of_day(closed.ends_at_s)}" if closed.ends_at_s else "until `robot-fleet open-floor`"
    print(f"{closed.name} is closed {until}: {area(closed.polygon.area)}")
    if closed.inside:
        print(f"In it: {', '.join(closed.inside)}. Those that have work get out with the head off.")
