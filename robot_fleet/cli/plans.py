"""The commands about plans: they need a store folder and nothing that runs."""

from __future__ import annotations

import datetime
import json
import math
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from robot_fleet.cli.exits import CommandFailed, Exit, check_writable, unwritable
from robot_fleet.cli.options import AsJson, RobotCount, names

if TYPE_CHECKING:
    from shapely import Polygon

    from robot_fleet.floor.store import Store
    from robot_fleet.planning.plan import Plan, PlanRequest
    from robot_fleet.planning.plan_file import PlanDocument
    from robot_fleet.planning.plan_format import Profiles

ProfileName = Annotated[
    str, typer.Option(metavar="NAME|FILE", help="R, W, S, a profile of store.yaml, or a YAML or JSON file of one.")
]
StoreArgument = Annotated[
    Path, typer.Argument(metavar="STORE", help="The store folder, for instance maps/corner_shop.")
]


def plan(
    store: StoreArgument,
    robots: RobotCount = None,
    profile: ProfileName = "",
    zones: Annotated[str, typer.Option(metavar="A,B", help="Zones to plan; none: all.")] = "",
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the plan as JSON, for `judge`.")] = None,
    picture: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw the plan as PNG.")] = None,
    detail: Annotated[
        str, typer.Option(metavar="X,Y,X,Y", help="Draw this part alone: two corners, in metres. Needs --picture.")
    ] = "",
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="The same seed gives the same plan.")] = 0,
    deadline: Annotated[
        float | None, typer.Option(metavar="S", min=0.1, help="Search for so many seconds at most; the rest is fixed.")
    ] = None,
    begins: Annotated[
        str, typer.Option(metavar="HH:MM", help="When it starts, for zones with a time; none: now, where the store is.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Plan how a fleet cleans a store, without driving: who cleans what, how long it takes, what cannot be reached."""
    from robot_fleet.cli.planning_process import plan_with_progress
    from robot_fleet.main.stores import load

    wanted = names(zones)
    if zones and not wanted:
        raise CommandFailed(
            Exit.USAGE, f'--zones is "{zones}", which names none', "Name zones, or leave it out for all."
        )
    if out and picture and out.absolute() == picture.absolute():
        raise CommandFailed(Exit.USAGE, f"--out and --picture are both {out}", "Give each a file of its own.")
    loaded = load(store, robots, profile)
    part = _part(detail, loaded, picture) if detail else None
    check_writable(*filter(None, (out, picture)))
    request = _request(loaded, wanted, seed, deadline, _time_of_day(begins, loaded))
    made = plan_with_progress(request)
    if out:
        _write(out, json.dumps(_document(loaded, made)))
    if picture:
        _draw(loaded, made, picture, part)
    if as_json:
        print(json.dumps(_document(loaded, made)))
    else:
        _print_plan(made, request)
        for written in filter(None, (out, picture)):
            print(f"Written: {written}")


def judge(
    store: StoreArgument,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A plan of `robot-fleet plan --out`, or any paths.")],
    profile: ProfileName = "",
    as_json: AsJson = False,
) -> None:
    """Judge a plan, or the paths of another program: is it safe, does it cover, can it be driven in its time.

    Ends with 1 when anything is wrong with it. The judge shares no code with
    the planner. With --profile every robot is of that kind, whatever the file
    says; robots without a profile are of the store's kind. Where a profile of
    the file is not the store's, this is told; one that has the name of another
    is refused. Paths are, in metres,

    {"format": "robot-fleet-paths/1",
     "robots": [{"name": "r1", "points": [[1.0, 2.5], [9.0, 2.5], ...]}]}
    """
    from robot_fleet.cli.screen import print_json, stderr
    from robot_fleet.planning.judge import judge as judged

    loaded, document, others = _judged_file(store, file, profile)
    _check_zones(loaded, document.plan.zones)
    with stderr().status("judging"):
        verdict = judged(loaded.floor, document.plan, document.profiles, document.starts, document.charges)
    if as_json:
        print_json(
            {**verdict.as_dict(), "profiles_unlike_the_store": {name: list(one) for name, one in others.items()}}
        )
    else:
        print("".join(_judged_by(others)) + verdict.text())
    if not verdict.ok:
        raise typer.Exit(Exit.FAILED)


Others = Mapping[str, tuple[str, ...]]
"""The robots that are other machines in a plan's file than in the store, with the fields that differ."""


def _judged_by(others: Others) -> Iterator[str]:
    """A line for each way in which robots are other machines than in the store."""
    for wrong in dict.fromkeys(others.values()):
        who = ", ".join(robot for robot, fields in others.items() if fields == wrong)
        yield f"Judged by the profile of the plan's file, which differs from the store's in {', '.join(wrong)}: {who}\n"


def _judged_file(folder: Path, file: Path, profile: str) -> tuple[Store, PlanDocument, Others]:
    """The store for the robots of the file, which zones and docks that nobody has drawn are laid for; its plan; and which of
    its robots are others than in the store.

    Paths of another program need no docks: robots may be too many, or too large, for the store to hold.
    """
    from robot_fleet.fleet.errors import InvalidInput
    from robot_fleet.main.stores import MOST_ROBOTS, kinds_of, load
    from robot_fleet.planning.plan_profiles import misnamed, other_than_in_the_store

    kinds = kinds_of(folder, profile)
    document = _read_plan(kinds, file)
    if faults := misnamed(document.profiles, kinds, str(file)):
        raise InvalidInput("BAD_PLAN", faults)
    count = max(len({*document.profiles, *document.starts}), len(kinds.of_robot))
    alike = {*document.profiles.values()}
    kind = alike.pop() if len(alike) == 1 else profile
    loaded = load(folder, min(count, MOST_ROBOTS) or None, kind, all_docked=False)
    return loaded, document, other_than_in_the_store(document.profiles, kinds)


def _time_of_day(text: str, store: Store) -> datetime.time:
    """The time that is given, or the present one where the store is."""
    if not text:
        return store.time_of_day(time.time())
    try:
        return datetime.datetime.strptime(text, "%H:%M").time()
    except ValueError:
        raise CommandFailed(Exit.USAGE, f"--begins is {text}", "Give a time of day such as 22:00.") from None


def _request(
    store: Store, zones: tuple[str, ...], seed: int, deadline_s: float | None, begins: datetime.time
) -> PlanRequest:
    from robot_fleet.planning.plan import PlanRequest, Starter

    _check_zones(store, zones)
    docks = {robot.name: store.floor.dock(robot.dock) for robot in store.robots}
    starters = tuple(
        Starter(robot.name, robot.profile, docks[robot.name].pose, True, docks[robot.name]) for robot in store.robots
    )
    wanted = zones or tuple(zone.name for zone in store.floor.zones)
    return PlanRequest(store.floor, starters, wanted, seed=seed, deadline_s=deadline_s, begins=begins)


def _check_zones(store: Store, zones: tuple[str, ...]) -> None:
    from robot_fleet.fleet.errors import InvalidInput
    from robot_fleet.floor.faults import Fault

    known = [zone.name for zone in store.floor.zones]
    remedy = f"The zones of {store.floor.name} are {', '.join(known)}."
    faults = tuple(Fault("zones", name, "there is no such zone", remedy) for name in zones if name not in known)
    if faults:
        raise InvalidInput("UNKNOWN_ZONE", faults)


def _document(store: Store, made: Plan) -> dict[str, object]:
    from robot_fleet.planning.plan_file import plan_to_dict

    profiles = {robot.name: robot.profile for robot in store.robots}
    starts = {robot.name: store.floor.dock(robot.dock).pose for robot in store.robots}
    # Batteries that the plan was made to last with are judged too: they were taken for full.
    charges = {robot.name: 1.0 for robot in store.robots if robot.profile.battery.planned}
    return plan_to_dict(made, profiles, starts, charges)


def _read_plan(kinds: Profiles, file: Path) -> PlanDocument:
    from robot_fleet.fleet.errors import InvalidInput
    from robot_fleet.planning.plan_file import MOST_BYTES, BadPlan, read_plan

    try:
        with file.open("rb") as opened:  # which may be a device that never ends
            text = opened.read(MOST_BYTES + 1)
        return read_plan(text, kinds, str(file))
    except OSError as fault:
        remedy = "Name a plan as `robot-fleet plan STORE --out FILE` writes it."
        raise CommandFailed(Exit.USAGE, f"{file} cannot be read: {fault.strerror}", remedy) from None
    except BadPlan as bad:
        raise InvalidInput("BAD_PLAN", bad.faults) from None


def _part(detail: str, store: Store, picture: Path | None) -> Polygon:
    """The part of the floor that is to be drawn (map frame)."""
    from shapely import box

    if picture is None:
        raise CommandFailed(Exit.USAGE, "--detail draws nothing without --picture", "Name a file: --picture plan.png.")
    remedy = "Give two corners in metres: --detail 10,20,25,30."
    try:
        corners = [float(number) for number in detail.split(",")]
    except ValueError:
        corners = []
    if len(corners) != 4 or not all(map(math.isfinite, corners)):
        raise CommandFailed(Exit.USAGE, f'--detail is "{detail}"', remedy)
    xs, ys = corners[::2], corners[1::2]
    part = box(min(xs), min(ys), max(xs), max(ys))
    rows, cols = store.floor.grid.shape
    side_m = store.floor.grid.resolution_m
    floor = store.floor.grid.shape_to_map(box(0.0, 0.0, cols * side_m, rows * side_m))
    if not part.intersection(floor).area > 0.0:
        raise CommandFailed(Exit.USAGE, f"--detail {detail} shows nothing of the floor", remedy)
    return part


def _draw(store: Store, made: Plan, path: Path, part: Polygon | None) -> None:
    from robot_fleet.pictures import draw_plan

    try:
        draw_plan(store.floor, made, path, store.robots, part)
    except OSError as fault:
        raise unwritable(path, fault) from None


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text)
    except OSError as fault:
        raise unwritable(path, fault) from None


def _print_plan(made: Plan, request: PlanRequest) -> None:
    from robot_fleet.cli.screen import stdout
    from robot_fleet.cli.tables import plan_page

    stdout().print(plan_page(made, request))
