"""The command line's commands, gathered."""

from __future__ import annotations

from typing import Annotated

import typer

from robot_fleet.cli import cleaning, closures, database, gazebo, plans, processes, robots, support
from robot_fleet.cli.bench import bench
from robot_fleet.cli.demo import demo
from robot_fleet.cli.doctor import doctor
from robot_fleet.cli.examples import examples_of
from robot_fleet.cli.exits import EXIT_CODES, exit_code_of, say_bug
from robot_fleet.cli.nights import nights
from robot_fleet.cli.options import CARE, CLEANING, FLEET, FLOOR, GAZEBO, PLANS, ROBOTS

app = typer.Typer(
    name="robot-fleet",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_PANELS = {
    FLEET: (demo, processes.serve, processes.sim),
    CLEANING: (
        cleaning.start,
        cleaning.watch,
        cleaning.status,
        cleaning.pause,
        cleaning.resume,
        cleaning.stop,
        cleaning.runs,
    ),
    ROBOTS: (robots.robots, robots.alerts, robots.ack, doctor),
    FLOOR: (closures.close_floor, closures.open_floor, closures.closures),
    PLANS: (plans.plan, plans.judge, bench, nights),
    GAZEBO: (gazebo.gazebo_world, gazebo.gazebo_bridge),
    CARE: (support.support_bundle,),
}
for panel, commands in _PANELS.items():
    for command in commands:
        name = command.__name__.replace("_", "-")
        # A corner may begin with a minus, and is no option.
        settings = {"ignore_unknown_options": command is closures.close_floor}
        app.command(name, rich_help_panel=panel, epilog=examples_of(name), context_settings=settings)(command)

_DB = typer.Typer(
    no_args_is_help=True, rich_markup_mode="rich", help="Check, back up or restore a controller's database."
)
for command in (database.check, database.backup, database.restore):
    _DB.command(command.__name__, epilog=examples_of(f"db {command.__name__}"))(command)
app.add_typer(_DB, name="db", rich_help_panel=CARE)


def _say_version(asked: bool) -> None:
    if asked:
        from robot_fleet import __version__

        print(f"robot-fleet {__version__}")
        raise typer.Exit()


@app.callback()
def about(
    version: Annotated[bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Say it.")] = False,
) -> None:
    """Clean whole stores with a fleet of floor-cleaning robots.

    `serve` runs the controller for one store and `sim` simulates its robots; the other commands ask the controller.
    """


def run(arguments: list[str]) -> int:
    """Runs one command and returns its exit code; errors are said on stderr."""
    try:
        app(arguments, prog_name="robot-fleet")
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else 1
    except Exception as error:
        known = exit_code_of(error)
        return int(say_bug(error) if known is None else known)
    return 0
