"""The command that gathers what a helper needs to know."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Annotated

import typer

from robot_fleet.cli.exits import CommandFailed, Exit, check_writable, unwritable
from robot_fleet.cli.options import AsJson, Database, DataFolder, DatasStore


def support_bundle(
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where to write it; without it here, named by the time.")
    ] = None,
    store: DatasStore = None,
    data: DataFolder = None,
    database: Database = "",
    log: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The controller's log; without it what systemd keeps.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Gather in one .tar.gz what somebody who helps needs: settings, last events, alerts, versions, log, machine.

    Keys, tokens, passwords and credentials in addresses are taken out. Look
    through it all the same before it leaves the house: names of people, robots
    and zones stay in.
    """
    from robot_fleet.cli.screen import print_json
    from robot_fleet.main.support_bundle import write_bundle

    file = out or Path(f"robot-fleet-support-{datetime.datetime.now():%Y-%m-%dT%H-%M-%S}.tar.gz")
    for what, folder in (("--store", store), ("--data", data)):
        if folder and not folder.is_dir():
            raise CommandFailed(Exit.USAGE, f"{what} {folder}: there is no such folder", "Give the one of `serve`.")
    if log and not log.is_file():
        raise CommandFailed(Exit.USAGE, f"--log {log}: there is no such file", "Name a log, or leave it out.")
    check_writable(file)
    try:
        bundle = write_bundle(file, store, data, log, database)
    except OSError as fault:
        raise unwritable(file, fault) from None
    if as_json:
        print_json(bundle)
        return
    print(f"Written: {bundle.file} ({len(bundle.names)} parts)")
    for line in bundle.missing:
        print(f"Without {line}")
