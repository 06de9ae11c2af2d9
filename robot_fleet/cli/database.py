"""The commands about the controller's database: check, backup, restore."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from robot_fleet.cli.exits import CommandFailed, Exit, exit_code_of
from robot_fleet.cli.options import AsJson, Database, DataFolder, DatasStore

if TYPE_CHECKING:
    from robot_fleet.main.database_care import DatabaseReport

Done = TypeVar("Done")


def check(data: DataFolder = None, store: DatasStore = None, database: Database = "", as_json: AsJson = False) -> None:
    """Check the database of a controller, which may be running: is it whole, and do journal and rows agree.

    Ends with 1 when anything is wrong with it; each fault has its remedy. Nothing is changed.
    """
    from robot_fleet.cli.screen import print_json
    from robot_fleet.main.database_care import check_database, database_of

    report = check_database(database_of(data, store, database))
    if as_json:
        print_json({"sound": not report.faults, **_facts(report), "faults": report.faults})
    else:
        print(_text(report))
    if report.faults:
        raise typer.Exit(Exit.FAILED)


def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write it; best on another disk.")],
    data: DataFolder = None,
    store: DatasStore = None,
    database: Database = "",
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it is there.")] = False,
    as_json: AsJson = False,
) -> None:
    """Copy the database of a controller, which may be running, into one file, and check the copy.

    The file is there whole or not at all.
    """
    from robot_fleet.cli.screen import print_json
    from robot_fleet.main.database_care import back_up, database_of

    report = _unless_refused(lambda: back_up(database_of(data, store, database), file, force), "nothing was written")
    if as_json:
        print_json({**_facts(report), "file": str(file), "bytes": file.stat().st_size})
    else:
        print(f"Written and checked: {file} ({_size(file)}; {_holds(report)})")


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A backup of `robot-fleet db backup`.")],
    data: DataFolder = None,
    store: DatasStore = None,
    database: Database = "",
    as_json: AsJson = False,
) -> None:
    """Put a backup in the place of a controller's database. The controller must have been stopped.

    The old database is kept beside it, under a name with the date; on a server
    the place must be empty. A run that was under way when the backup was made
    goes on from there.
    """
    from robot_fleet.cli.screen import print_json
    from robot_fleet.main.database_care import database_of, name_of
    from robot_fleet.main.database_care import restore as put_back

    if not file.is_file():
        raise CommandFailed(Exit.USAGE, f"{file}: there is no file", "Name one that `robot-fleet db backup` wrote.")
    now = datetime.datetime.now()
    place = database_of(data, store, database, must_be=False)
    report, kept = _unless_refused(lambda: put_back(file, place, now), "nothing was restored")
    if as_json:
        print_json({**_facts(report), "file": name_of(place), "kept": str(kept) if kept else None})
    else:
        print(f"Restored: {name_of(place)} ({_holds(report)})")
        if kept:
            print(f"The database that was there is kept: {kept}")


def _unless_refused(act: Callable[[], Done], heading: str) -> Done:
    """What the act gives. Its faults are told under a heading that says what did not happen."""
    from robot_fleet.cli.exits import complain_of_faults
    from robot_fleet.fleet.errors import FleetError

    try:
        return act()
    except FleetError as refusal:
        if refusal.faults:
            complain_of_faults(refusal.faults, heading)
            raise typer.Exit(Exit.USAGE) from None
        raise typer.Exit(exit_code_of(refusal) or Exit.USAGE) from None


def _facts(report: DatabaseReport) -> dict[str, object]:
    return {
        "file": report.file,
        "layout": report.layout,
        "journal_lines": report.journal_lines,
        "rows": report.rows,
    }


def _holds(report: DatabaseReport) -> str:
    runs = report.rows.get("run", 0)
    return f"{runs} run{'s' * (runs != 1)}, {report.journal_lines} journal lines"


def _size(file: Path) -> str:
    return f"{max(1, round(file.stat().st_size / 1000))} kB"


def _text(report: DatabaseReport) -> str:
    if not report.faults:
        return f"{report.file} is sound: {_holds(report)}, layout {report.layout}"
    count = "one fault" if len(report.faults) == 1 else f"{len(report.faults)} faults"
    lines = [f"{report.file}: {count}"]
    for fault in report.faults:
        where = "" if fault.place == report.file else f"{fault.place}: "
        lines += [f"  • {where}{fault.what}", f"    {fault.remedy}"]
    return "\n".join(lines)
