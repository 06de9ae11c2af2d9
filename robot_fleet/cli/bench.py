"""`robot-fleet bench`: runs the benchmark of a checkout. It is no part of an installed package, as its maps are not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from robot_fleet.cli.exits import CommandFailed, Exit
from robot_fleet.cli.options import AsJson, names

_SCRIPT = Path("benchmarks") / "bench.py"


def bench(
    quick: Annotated[bool, typer.Option("--quick", help="Small stores and fleets: about a minute.")] = False,
    stores: Annotated[str, typer.Option(metavar="A,B", help="Store folders; none: all in maps/.")] = "",
    robots: Annotated[str, typer.Option(metavar="N,M", help="Sizes of the fleet; none: 1,2,4,8,20.")] = "",
    no_peers: Annotated[bool, typer.Option("--no-peers", help="Our plans alone.")] = False,
    write: Annotated[Path | None, typer.Option(metavar="FILE", help="Put the table into a Markdown file.")] = None,
    as_json: AsJson = False,
) -> None:
    """Benchmark plans, ours and those of public planners, judged by the same judge. docs/benchmarks.md says more.

    All of it takes an hour or more. Ends with 1 when a plan of ours is refused, unsafe or cannot be driven.
    """
    script = _script()
    sizes = names(robots)
    if not all(size.isdecimal() and int(size) for size in sizes):
        raise CommandFailed(Exit.USAGE, f"--robots is {robots}", "Give whole numbers above 0 with commas: 1,4,20.")
    options = [
        *(["--quick"] if quick else []),
        *(["--stores", *names(stores)] if names(stores) else []),
        *(["--robots", *sizes] if sizes else []),
        *(["--no-peers"] if no_peers else []),
        *(["--write", str(write)] if write else []),
        *(["--json"] if as_json else []),
    ]
    status = subprocess.run([sys.executable, str(script), *options], check=False).returncode
    if status:
        raise typer.Exit(Exit.FAILED if status == 1 else Exit.BUG)


def _script() -> Path:
    here = Path(__file__).resolve().parents[2] / _SCRIPT
    if here.is_file():
        return here
    remedy = "Clone the repository, `make setup` there, and run its robot-fleet."
    raise CommandFailed(Exit.USAGE, "the benchmark needs a checkout of robot_fleet", remedy)
