"""The command that looks at robots before they are trusted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from robot_fleet.cli.exits import Exit
from robot_fleet.cli.options import AsJson, RobotCount, StoreFolder

if TYPE_CHECKING:
    from robot_fleet.main.doctor import Finding

_MARKS = {
    "ok": ("ok", "green"),
    "warning": ("warning", "yellow"),
    "fails": ("FAILS", "bold red"),
    "unknown": ("?", "dim"),
}


def doctor(
    store: StoreFolder,
    robots: Annotated[
        list[str] | None, typer.Argument(metavar="[ROBOT]...", help="Which ones; without it all.")
    ] = None,
    seconds: Annotated[
        float, typer.Option("--listen", metavar="S", min=2.0, max=600.0, help="For how long to listen to them.")
    ] = 6.0,
    sim_time: Annotated[
        bool, typer.Option("--sim-time", help="Robots are simulated: take the time from /clock.")
    ] = False,
    count: RobotCount = None,
    as_json: AsJson = False,
) -> None:
    """Look at robots before they are trusted with work: can they be heard, understood, ordered and believed.

    Nothing is sent that would move a robot; it may be used beside the controller. Ends with 1 when a check fails.
    """
    from robot_fleet.cli.screen import print_json
    from robot_fleet.main.doctor import Verdict, examine

    found = examine(store, robots or (), seconds, sim_time, count)
    if as_json:
        print_json({"robots": [{"name": name, "checks": checks} for name, checks in found.items()]})
    else:
        _show(found)
    if any(check.verdict is Verdict.FAIL for checks in found.values() for check in checks):
        raise typer.Exit(Exit.FAILED)


def _show(found: dict[str, list[Finding]]) -> None:
    from rich.table import Table
    from rich.text import Text

    from robot_fleet.cli.screen import stdout

    for name, checks in found.items():
        table = Table(box=None, pad_edge=False, show_header=False, title=Text(name, style="bold"), title_justify="left")
        for check in checks:
            mark, style = _MARKS[check.verdict.value]
            text = Text(check.text)
            text.append(f"\n{check.remedy}" if check.remedy else "", style="dim")
            table.add_row(Text(mark, style=style), check.check, text)
        stdout().print(table)
