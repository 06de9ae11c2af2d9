"""The commands against a served site: what they print for people and for programs, and how they end."""

from __future__ import annotations

import dataclasses
import io
import json
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from api_site import ApiSite, served_site
from rich.console import Console

from robot_fleet.cli import figures
from robot_fleet.cli.app import run
from robot_fleet.cli.exits import Exit
from robot_fleet.cli.screen import plain
from robot_fleet.cli.tables import robots_table, run_page
from robot_fleet.cli.watching import progress_line
from robot_fleet.control.snapshot import PlanningProgress
from robot_fleet.fleet.states import RunState

Told = tuple[int, str, str]
Tell = Callable[..., Told]


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Tell:
    """Runs a command; its exit code, its output and its errors."""
    monkeypatch.setenv("COLUMNS", "160")

    def command(*arguments: str) -> Told:
        code = run(list(arguments))
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return command


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[ApiSite]:
    with served_site(pace=40.0) as (client, opened):
        monkeypatch.setenv("ROBOT_FLEET_ADDRESS", client.address)
        yield opened


def document(told: Told) -> Any:
    code, out, err = told
    assert (code, err) == (Exit.OK, "")
    return json.loads(out)


def until(holds: Callable[[], bool]) -> None:
    for _ in range(1000):
        if holds():
            return
        time.sleep(0.02)
    raise AssertionError("it never came to hold")


def test_a_run_from_start_to_end(site: ApiSite, tell: Tell) -> None:
    assert tell("runs")[:2] == (Exit.OK, "There are no runs yet. Start one with `robot-fleet start`.\n")
    code, out, err = tell("start", "west", "--watch")
    assert (code, err) == (Exit.OK, "")
    assert out.splitlines()[-1].startswith("COMPLETED: ")
    assert "r1 charging 100 %" in out
    code, out, _ = tell("runs")
    assert code == Exit.OK
    assert "COMPLETED" in out
    assert "west" in out
    run_ = document(tell("status", "--json"))
    assert run_["state"] == "COMPLETED"
    assert run_["zones"] == ["west"]
    assert 0.0 < run_["progress"] <= 1.0
    assert run_["missed"][0]["polygon"]["type"] == "Polygon"
    assert document(tell("runs", "--json"))[0]["run_id"] == run_["run_id"]
    code, out, _ = tell("status", run_["run_id"])
    assert code == Exit.OK
    assert "ROBOT" in out
    assert "Not cleaned: " in out


def test_on_a_narrow_screen_nothing_is_cut(site: ApiSite, tell: Tell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    run_ = document(tell("start", "--json"))
    tell("stop")
    out = tell("runs")[1]
    assert max(map(len, out.splitlines())) <= 80 and "…" not in out
    for words in (run_["run_id"], "CANCELLED", "west, east", "Stopped on request"):
        assert words in " ".join(out.split())


def test_on_a_narrow_screen_a_robots_trouble_is_told_in_full(site: ApiSite) -> None:
    trouble = "a contact at the left bumper, beside the shelf with the glasses"
    screen = Console(width=70, file=io.StringIO(), highlight=False)
    screen.print(robots_table([dataclasses.replace(robot, hold=trouble) for robot in site.controller.snapshot.robots]))
    assert isinstance(screen.file, io.StringIO)
    assert isinstance(screen.file, io.StringIO)
    told = screen.file.getvalue()
    assert "…" not in told and "CHARGING" in told and max(map(len, told.splitlines())) <= 70
    notes = " ".join(line.split(" m ")[-1].strip() for line in told.splitlines()[1:])
    assert f"held: {trouble}" in " ".join(notes.split())


def test_before_there_is_a_plan_no_figure_is_made_up(site: ApiSite, tell: Tell) -> None:
    tell("start", "--json")
    planned = site.controller.snapshot.runs[0]
    unplanned = dataclasses.replace(planned, coverable_m2=0.0, cleaned_m2=0.0, time_to_go_s=None, planning=None)
    line = progress_line(dataclasses.replace(unplanned, state=RunState.PLANNING), [])
    assert line.startswith("PLANNING: nothing is known of the floor yet, ") and "–" not in line


def test_while_a_run_is_planned_its_line_and_its_page_say_how_far_that_is(site: ApiSite, tell: Tell) -> None:
    tell("start", "--json")
    known = site.controller.snapshot.runs[0]
    planned = dataclasses.replace(known, state=RunState.PLANNING, planning=PlanningProgress(0.42, "laying lanes"))
    assert progress_line(planned, []).startswith("PLANNING: 42 %, laying lanes")
    screen = Console(width=80, file=io.StringIO())
    screen.print(run_page(planned, []))
    assert isinstance(screen.file, io.StringIO)
    told = screen.file.getvalue()
    assert "42 %" in told and "planning: laying lanes" in told and "elapsed" not in told
    # The rest of a run is planned while robots are at work: what they have done is what counts.
    assert "laying" not in progress_line(dataclasses.replace(planned, state=RunState.RUNNING), [])


def test_a_watch_for_programs_is_one_value_a_line(site: ApiSite, tell: Tell) -> None:
    started = document(tell("start", "--json"))
    code, out, _ = tell("watch", "--json")
    values = [json.loads(line) for line in out.splitlines()]
    assert code == Exit.OK
    assert {value["run_id"] for value in values} == {started["run_id"]}
    assert values[-1]["state"] == "COMPLETED"
    assert "polygon" not in values[-1]["missed"][0]


def test_pause_resume_and_stop_take_the_active_run(site: ApiSite, tell: Tell) -> None:
    tell("start")
    until(lambda: document(tell("status", "--json"))["state"] == "RUNNING")
    assert document(tell("pause", "--json"))["state"] in ("PAUSING", "PAUSED")
    until(lambda: document(tell("status", "--json"))["state"] == "PAUSED")
    assert document(tell("resume", "--json"))["state"] == "RUNNING"
    code, out, _ = tell("stop")
    assert code == Exit.OK
    assert " CANCELLED: " in out
    for command in ("stop", "pause", "resume"):
        code, _, err = tell(command)
        assert code == Exit.REFUSED
        assert "no run is active" in err


def test_watching_a_run_that_was_stopped_ends_with_1(site: ApiSite, tell: Tell) -> None:
    run_id = document(tell("start", "--json"))["run_id"]
    tell("stop")
    code, out, _ = tell("watch", run_id)
    assert code == Exit.FAILED
    assert out.startswith("CANCELLED: ")


def test_a_stop_that_is_not_confirmed_ends_with_1_and_names_the_robot(site: ApiSite, tell: Tell) -> None:
    tell("start")
    until(lambda: any(robot["state"] == "CLEANING" for robot in document(tell("robots", "--json"))))
    site.world.kill("r2")
    code, _, err = tell("stop", "--wait", "0.2")
    assert code == Exit.FAILED
    assert "r2" in err
    assert "look" in err


def test_a_held_robot_is_listed_alerted_and_acknowledged(site: ApiSite, tell: Tell) -> None:
    assert tell("alerts")[:2] == (Exit.OK, "Nothing needs anybody.\n")
    site.world.press_e_stop("r1")
    until(lambda: document(tell("robots", "--json"))[0]["state"] == "HELD")
    assert "held: e-stop" in tell("robots")[1]
    assert "r1" in tell("alerts")[1]
    code, _, err = tell("ack", "r1", "--person", "Ada")
    assert code == Exit.REFUSED
    assert "e-stop" in err
    site.world.release("r1")
    until(lambda: tell("ack", "r1", "--person", "Ada")[0] == Exit.OK)
    assert document(tell("alerts", "--json")) == []
    assert document(tell("alerts", "--all", "--json"))[0]["robot"] == "r1"


def test_floor_is_closed_listed_and_opened(site: ApiSite, tell: Tell) -> None:
    assert tell("closures")[:2] == (Exit.OK, "No floor is closed.\n")
    code, out, err = tell("close-floor", "wet paint", "5,3", "6.5,3", "6.5,4.5", "5,4.5", "--minutes", "90")
    assert (code, err) == (Exit.OK, "")
    assert re.fullmatch(r"wet paint is closed until \w+ \d+ [\d:]+: 2\.2 m²\n", out)
    corners = ("-1,-1", "3,-1", "3,3", "-1,3")
    out = tell("close-floor", "spill", *corners)[1]
    assert "spill is closed until `robot-fleet open-floor`: 16.0 m²" in out and "In it: r1." in out
    listed = tell("closures")[1]
    assert "wet paint" in listed and "it is opened" in listed and "r1" in listed
    spill, paint = document(tell("closures", "--json"))
    assert (spill["name"], spill["ends_at_s"], spill["inside"]) == ("spill", None, ["r1"])
    assert paint["ends_at_s"] == pytest.approx(paint["closed_at_s"] + 5400.0, abs=1e-3)
    assert document(tell("close-floor", "spill", *corners, "--json"))["polygon"]["type"] == "Polygon"
    assert tell("open-floor", "wet paint")[:2] == (Exit.OK, "wet paint is open\n")
    assert document(tell("open-floor", "spill", "--json")) == {"opened": "spill"}
    code, out, err = tell("open-floor", "spill")
    assert (
        (code, out) == (Exit.REFUSED, "") and "no closed floor named 'spill'" in err and "robot-fleet closures" in err
    )


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("spill", "5,3", "6,3"), "2 corners of 'spill' are given"),
        (("spill", "5,3", "6;3", "6,4"), "corner 2, '6;3', is not X,Y"),
        (("spill", "5,3", "6,3", "6,4,5"), "corner 3, '6,4,5', is not X,Y"),
        (("spill", "nan,3", "6,3", "6,4"), "corner 1, 'nan,3', is nowhere"),
        (("spill", "5,3", "6,3", "6,4", "--hours", "2"), "corner 4, '--hours', is not X,Y"),
        (("spill", "5,3", "6,3", "6,4", "--minutes", "nan"), "--minutes: nan is not possible"),
        (("spill", "5,3", "6,3", "6,4", "--minutes", "0"), "--minutes: 0 is not possible"),
        (("spill", "5,3", "6,4", "6,3", "5,4"), "polygon: its outline crosses itself"),
        (("spill", "50,30", "60,30", "60,40"), "polygon: it covers nothing of the map"),
        (("", "5,3", "6,3", "6,4"), "name: it is empty"),
    ],
)
def test_what_cannot_be_closed_is_told_and_how_to_mend_it(
    site: ApiSite, tell: Tell, arguments: tuple[str, ...], told: str
) -> None:
    code, out, err = tell("close-floor", *arguments)
    assert (code, out) == (Exit.USAGE, "") and told in " ".join(err.split())
    assert "Give" in err or "Name" in err
    assert document(tell("closures", "--json")) == []


def test_bad_names_are_all_told_and_end_with_2(site: ApiSite, tell: Tell) -> None:
    code, out, err = tell("start", "attic", "cellar", "--robots", "r1,r7")
    assert (code, out) == (Exit.USAGE, "")
    for name in ("attic", "cellar", "r7", "east, west", "r1, r2"):
        assert name in err


def test_what_the_controller_refuses_ends_with_4(site: ApiSite, tell: Tell) -> None:
    assert tell("status")[0] == Exit.REFUSED
    tell("start")
    code, _, err = tell("start")
    assert code == Exit.REFUSED
    assert "stop it first" in err
    assert tell("status", "nope")[0] == Exit.REFUSED
    assert tell("ack", "r9", "--person", "Ada")[0] == Exit.REFUSED


def test_the_same_request_id_gives_the_same_run(site: ApiSite, tell: Tell) -> None:
    first = document(tell("start", "--request-id", "night-1", "--json"))
    assert document(tell("start", "--request-id", "night-1", "--json"))["run_id"] == first["run_id"]
    assert tell("start", "west", "--request-id", "night-1")[0] == Exit.REFUSED


@pytest.mark.parametrize(
    "arguments",
    [
        *(["start"], ["stop"], ["status"], ["watch"], ["runs"], ["robots"], ["alerts"], ["pause", "x"]),
        *(["closures"], ["open-floor", "x"], ["close-floor", "x", "5,3", "6,3", "6,4"]),
    ],
)
def test_without_a_controller_every_command_ends_with_3_and_says_how_to_start_one(
    arguments: list[str], tell: Tell
) -> None:
    code, out, err = tell(*arguments, "--address", "127.0.0.1:9")
    assert (code, out) == (Exit.UNREACHABLE, "")
    assert "no controller answers at 127.0.0.1:9" in err
    assert "robot-fleet serve" in err


@pytest.mark.parametrize(
    "address", ["", ":50051", "somewhere", "127.0.0.1:", "127.0.0.1:99999", "http://127.0.0.1:50051"]
)
def test_an_address_that_is_none_ends_with_2(address: str, tell: Tell) -> None:
    code, out, err = tell("robots", "--address", address)
    assert (code, out) == (Exit.USAGE, "")
    assert "is not HOST:PORT" in err and "127.0.0.1:50051" in err


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "–"),
        (0.0, "0 s"),
        (-3.0, "0 s"),
        (59.4, "59 s"),
        (59.6, "1:00 min"),
        (754, "12:34 min"),
        (3723, "1:02:03 h"),
    ],
)
def test_durations_read_well(seconds: float | None, text: str) -> None:
    assert figures.duration(seconds) == text


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [(0, 0, "–"), (0, 10, "0.0 %"), (5, 10, "50.0 %"), (9.9999, 10, "99.9 %"), (10, 10, "100 %"), (11, 10, "100 %")],
)
def test_a_share_is_100_percent_only_when_nothing_is_left(part: float, whole: float, text: str) -> None:
    assert figures.share(part, whole) == text


def test_what_is_no_number_is_null_in_json() -> None:
    assert plain({"a": float("nan"), "b": (float("inf"), 1.0)}) == {"a": None, "b": [None, 1.0]}
