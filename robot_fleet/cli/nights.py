"""`robot-fleet nights`: whole nights in virtual time with everything going wrong, and what must hold in all of them."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from robot_fleet.cli.exits import CommandFailed, Exit, check_writable
from robot_fleet.cli.options import AsJson, RobotCount, names
from robot_fleet.main.reproducible import reproducible_numbers

if TYPE_CHECKING:
    from robot_fleet.main.nights import NightsSettings

_STORE = "corner_shop"
_SHOWN = 20


def nights(
    count: Annotated[int, typer.Option(min=1, metavar="N", help="So many nights.")] = 20,
    seed: Annotated[int, typer.Option(min=0, metavar="S", help="The seed of the first; the others follow.")] = 0,
    store: Annotated[
        str,
        typer.Option(
            metavar="DIR|random|mixed",
            help="A store folder, random floors, or those with mixed fleets; none: the corner shop.",
        ),
    ] = "",
    robots: RobotCount = None,
    faults: Annotated[
        str, typer.Option(metavar="A,B|none", help="Kinds of faults, or robot, world, link, controller, request.")
    ] = "robot,world,link,controller,request",
    jobs: Annotated[int, typer.Option(min=1, metavar="N", help="So many processes.")] = 2,
    kept: Annotated[Path | None, typer.Option(metavar="FILE", help="Keep results here, and go on with them.")] = None,
    replay: Annotated[int | None, typer.Option(min=0, metavar="SEED", help="One night again, exactly.")] = None,
    shrink: Annotated[bool, typer.Option("--shrink", help="With --replay: with as few faults as still fail.")] = False,
    picture: Annotated[Path | None, typer.Option(metavar="FILE", help="With --replay: draw the night as PNG.")] = None,
    as_json: AsJson = False,
) -> None:
    """Simulate nights with everything going wrong, and check what must never be.

    Ends with 1 when anything was violated. A night is its seed: the same seed
    and kinds of faults give the same night again.
    """
    reproducible_numbers()
    settings = _settings(store, robots, faults)
    check_writable(*filter(None, (kept, picture)))
    if replay is not None:
        entries = [_replayed(settings, replay, shrink, picture)]
        pace = None
    else:
        entries, pace = _passed(settings, list(range(seed, seed + count)), jobs, kept)
    report = _report(entries, pace)
    if as_json:
        from robot_fleet.cli.screen import print_json

        print_json({**report, "outcomes": entries} if replay is not None else report)
    else:
        _print(report, entries if replay is not None else [])
    if report["violations"]:
        raise typer.Exit(Exit.FAILED)


def _settings(store: str, robots: int | None, faults: str) -> NightsSettings:
    from robot_fleet.main.bundled import bundled_store
    from robot_fleet.main.nights import GROUPS, KINDS, MIXED, RANDOM, NightsSettings, kinds_named

    folder = store or str(bundled_store(_STORE) or "")
    if not folder:
        raise CommandFailed(Exit.USAGE, f"this installation has no {_STORE}", "Name a store folder, random or mixed.")
    try:
        kinds = () if faults == "none" else kinds_named(names(faults))
    except ValueError as unknown:
        known = ", ".join((*GROUPS, *KINDS))
        raise CommandFailed(Exit.USAGE, f"there is no fault '{unknown}'", f"There are: none, {known}.") from None
    return NightsSettings(folder if folder in (RANDOM, MIXED) else str(Path(folder)), robots, kinds)


def _replayed(settings: NightsSettings, seed: int, shrink: bool, picture: Path | None) -> dict[str, Any]:
    from robot_fleet.main.nights import Nights, draw_night

    nights_ = Nights(settings)
    outcome = nights_.outcome(nights_.night(seed))
    if shrink and outcome.violations:
        outcome = nights_.shrunk(outcome)
    if picture:
        draw_night(nights_.store(seed), outcome, picture)
    return outcome.as_dict()


def _passed(
    settings: NightsSettings, seeds: list[int], jobs: int, kept: Path | None
) -> tuple[list[dict[str, Any]], float | None]:
    """What came of each night, and how many passed in a minute; those that were kept from before count for nothing."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from robot_fleet.cli.screen import stderr
    from robot_fleet.main.nights import OtherNights, pass_nights

    columns = (TextColumn("{task.description:<30}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    bad, begun_s, passed = 0, time.monotonic(), 0
    with Progress(*columns, console=stderr(), transient=True) as bar:
        shown = bar.add_task("nights", total=len(seeds))

        def tell(entry: dict[str, Any], is_new: bool) -> None:
            nonlocal bad, passed
            bad += bool(entry["violations"])
            passed += is_new
            bar.update(shown, advance=1, description=f"nights, {bad} with violations")

        try:
            entries = pass_nights(settings, seeds, jobs, kept, tell)
        except OtherNights as other:
            raise CommandFailed(Exit.USAGE, str(other), "Name another file.") from None
    return entries, round(60.0 * passed / (time.monotonic() - begun_s), 1) if passed else None


def _report(entries: list[dict[str, Any]], pace: float | None) -> dict[str, Any]:
    from robot_fleet.main.nights import ALL_PAIRS

    reached = sorted({pair for entry in entries for pair in entry["reached"]})
    found = [{"seed": entry["seed"], **violation} for entry in entries for violation in entry["violations"]]
    return {
        "nights": len(entries),
        "nights_a_minute": pace,
        "hours": round(sum(entry["seconds"] for entry in entries) / 3600.0, 2),
        "faults": dict(Counter(fault["kind"] for entry in entries for fault in entry["faults"]).most_common()),
        "ends": dict(Counter(run["state"] for entry in entries for run in entry["runs"]).most_common()),
        "restarts": sum(entry["restarts"] for entry in entries),
        "pairs": len(reached),
        "all_pairs": ALL_PAIRS,
        "reached": reached,
        "checks": dict(Counter(violation["check"] for violation in found).most_common()),
        "violations": found,
    }


def _print(report: dict[str, Any], replayed: list[dict[str, Any]]) -> None:
    from robot_fleet.cli.screen import stdout

    out = stdout()
    pace = f", {report['nights_a_minute']} a minute" if report["nights_a_minute"] else ""
    out.print(f"nights      {report['nights']}{pace}; {report['hours']} h, {report['restarts']} restarts")
    out.print(f"runs        {_counted(report['ends'])}")
    out.print(f"faults      {_counted(report['faults'])}")
    out.print(f"reached     {report['pairs']} of {report['all_pairs']} pairs of state and event")
    for entry in replayed:
        for fault in entry["faults"]:
            out.print(f"  {fault['at_s']:8.2f} s  {fault['kind']} {fault['robot']}".rstrip(), highlight=False)
    out.print(f"violations  {_counted(report['checks'])}")
    for found in report["violations"][:_SHOWN]:
        out.print(f"  seed {found['seed']}, {found['at_s']:.1f} s, {found['check']}: {found['text']}", markup=False)
    if len(report["violations"]) > _SHOWN:
        out.print(f"  and {len(report['violations']) - _SHOWN} more: see --json")


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items()) or "none"
