"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

FLEET = "The fleet's processes"
CLEANING = "Cleaning runs"
ROBOTS = "Robots"
FLOOR = "Floor that is closed for a while"
PLANS = "Plans without robots"
GAZEBO = "Gazebo"
CARE = "Looking after it"

Address = Annotated[
    str,
    typer.Option("--address", metavar="HOST:PORT", envvar="ROBOT_FLEET_ADDRESS", help="Where the controller listens."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs instead of text for people.")]
StoreFolder = Annotated[
    Path, typer.Option("--store", metavar="DIR", help="The store folder: map.yaml, floor.geojson, store.yaml.")
]
RobotCount = Annotated[
    int | None,
    typer.Option("--robots", metavar="N", min=1, help="So many robots: the first of the store, or more of their kind."),
]
PlanWithin = Annotated[
    float | None,
    typer.Option(
        "--plan-within", metavar="S", min=0.5,
        help="Search for a run's first plan for so many seconds at most; without it as long as it pays.",
    ),
]  # fmt: skip
DataFolder = Annotated[
    Path | None, typer.Option("--data", metavar="DIR", help="The data folder of `serve`; without it the store's own.")
]


def _of_a_server(context: typer.Context, parameter: typer.CallbackParam, url: str) -> str:
    """The URL. A password on a command line is seen by all who list processes, and kept in the shell's history."""
    if not url:
        return url
    from robot_fleet.cli.exits import CommandFailed, Exit
    from robot_fleet.main.data_folder import holds_password, is_served

    if not is_served(url):
        what = "--database (or ROBOT_FLEET_DATABASE) is no URL of a server"
        raise CommandFailed(Exit.USAGE, what, "Give postgresql://USER@HOST/NAME; for files there is --data DIR.")
    # By its name: typer brings a click of its own along.
    source = context.get_parameter_source(str(parameter.name))
    if source and source.name == "COMMANDLINE" and holds_password(url):
        remedy = "Put it into ~/.pgpass or the file of PGPASSFILE, or give the URL in ROBOT_FLEET_DATABASE."
        raise CommandFailed(Exit.USAGE, "--database: there is a password in it, which everybody could see", remedy)
    return url


Database = Annotated[
    str,
    typer.Option(
        "--database", metavar="URL", envvar="ROBOT_FLEET_DATABASE", callback=_of_a_server, show_envvar=True,
        help="Runs are kept there, and not in a data folder: postgresql://USER@HOST/NAME.",
    ),
]  # fmt: skip
DatasStore = Annotated[
    Path | None, typer.Option("--store", metavar="DIR", help="The store folder of `serve`, whose data folder is meant.")
]
RunId = Annotated[str, typer.Argument(metavar="RUN", help="The run's id; without it the active or newest run.")]
ActiveRunId = Annotated[str, typer.Argument(metavar="RUN", help="The run's id; without it the active run.")]

DEFAULT_ADDRESS = "127.0.0.1:50051"


def names(text: str) -> tuple[str, ...]:
    """The names in a list with commas, each once."""
    return tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
